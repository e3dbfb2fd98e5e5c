/* SPDX-License-Identifier: MIT */
#include "suspend.h"

#include <console.h>
#include <require.h>
#include <vpt/assign_snapshot.h>
#include <vpt/transport.h>

#include "chips.h"
#include "virtio_state.h"

#define IMAGE_SIZE VPT_ASSIGN_SNAPSHOT_SIZE(VPT_PCI_EXTENDED_CONFIG_SIZE, HOST_MESSAGES_MAX)

#define REQUESTS_BEFORE 100u /* of the disk */
#define REQUESTS_MOST   300u
#define PAUSE           UINT64_C(200000000) /* nanoseconds */

/* What is left of a function. */
struct image {
    struct host_function *function; /* NULL: there is none to save */
    uint8_t assignment[IMAGE_SIZE];
    struct virtio_state virtio;
};

static struct image images[GUEST_SLOTS];
static struct suspend_count count;
static bool done; /* since the disk's last reset */
static uint16_t used_before;
static uint64_t end;

struct suspend_count suspend_count(void)
{
    return count;
}

/* NULL: the hypervisor emulates it, or there is none; then it keeps what it has. */
static struct host_function *function_in(const struct guest_slot *slot)
{
    struct host *host = slot->guest->host;

    for (unsigned i = 0; i < host->function_count; i++) {
        if (slot->device == &host->functions[i].device) {
            return &host->functions[i];
        }
    }
    return NULL;
}

static const struct host_function *disk_of(const struct guest *guest)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        const struct host_function *function = function_in(&guest->slots[i]);

        if (function != NULL && function->device.type == VPT_DEVICE_TYPE_BLOCK) {
            return function;
        }
    }
    return NULL;
}

/* ---- Suspending ---- */

/* Whether all functions can be saved; and the state of the disk. */
static bool is_possible(const struct guest *guest, struct virtio_state *disk)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        struct host_function *function = function_in(&guest->slots[i]);
        struct virtio_state state;

        if (function != NULL && !virtio_state_possible(guest, function, &state)) {
            return false;
        }
        if (function != NULL && function->device.type == VPT_DEVICE_TYPE_BLOCK) {
            *disk = state;
        }
    }
    return true;
}

static void save(const struct guest_slot *slot, struct image *image)
{
    struct host_function *function = function_in(slot);

    image->function = function;
    if (function != NULL) {
        require(vpt_assign_snapshot_size(&function->device) <= IMAGE_SIZE, "an image is too long");
        virtio_state_save(slot->guest, function, &image->virtio);
        require_ok(vpt_assign_snapshot_save(&function->device, image->assignment, IMAGE_SIZE), "saving a device");
    }
}

/*
 * Functions have nothing to do any more when the first of them is taken away. While they are reset others have turns,
 * and look whether it is time to go on.
 */
static void suspend(struct guest *guest)
{
    guest->state = GUEST_SUSPENDED;
    end = UINT64_MAX;
    for (unsigned i = 0; i < guest->slot_count; i++) {
        save(&guest->slots[i], &images[i]);
    }
    for (unsigned i = 0; i < guest->slot_count; i++) {
        if (images[i].function != NULL) {
            guest_unplug(guest, images[i].function);
            host_close(images[i].function);
        }
    }
    end = chips_clock() + PAUSE;
}

/* ---- Continuing ---- */

static void restore(struct guest_slot *slot, const struct image *image)
{
    if (image->function != NULL) {
        host_open(image->function);
        guest_give(slot, &image->function->device);
        require_ok(vpt_assign_snapshot_restore(&image->function->device, image->assignment, IMAGE_SIZE),
                   "restoring a device");
        virtio_state_restore(slot->guest, image->function, &image->virtio);
    }
}

static void go_on(struct guest *guest)
{
    guest_open_memory(guest);
    for (unsigned i = 0; i < guest->slot_count; i++) {
        restore(&guest->slots[i], &images[i]);
    }
    guest->state = GUEST_RUNS;
}

/* ---- When ---- */

/* In the midst of the disk's work: with requests in flight, unless it is so quick that this is never seen. */
static bool is_time(const struct virtio_state *disk)
{
    return disk->queue.used >= REQUESTS_BEFORE && (disk->in_flight > 0 || disk->queue.used >= REQUESTS_MOST);
}

/* Once in each of the disk's lives. */
static void suspend_if_possible(struct guest *guest)
{
    const struct host_function *disk = disk_of(guest);
    bool messages = disk->vectors.mode == VPT_ASSIGN_INTERRUPT_MSIX;
    struct virtio_state state = { .status = 0 };

    if (!is_possible(guest, &state)) {
        return;
    }
    done = done && state.queue.used >= used_before; /* else it was reset */
    used_before = state.queue.used;
    if (done || !is_time(&state)) {
        return;
    }
    suspend(guest);
    print("%s\tis suspended: its disk had used %u requests, had %u more in flight, and has %s\n", guest->name,
          state.queue.used, state.in_flight, messages ? "messages" : "a line");
    done = true;
    count.all++;
    count.by_message += messages;
    count.in_flight += state.in_flight;
}

void suspend_look(struct guest *guest)
{
    if (guest->state == GUEST_RUNS && !guest->has_turn && disk_of(guest) != NULL) {
        suspend_if_possible(guest);
    } else if (guest->state == GUEST_SUSPENDED && chips_clock() >= end) {
        go_on(guest);
    }
}
