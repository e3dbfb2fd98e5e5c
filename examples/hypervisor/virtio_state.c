/* SPDX-License-Identifier: MIT */
#include "virtio_state.h"

#include <require.h>
#include <vpt/blk.h>

#include "chips.h"
#include "virtio.h"

#define STATUS_MASK (VPT_STATUS_DRIVER_OK | VPT_STATUS_DEVICE_NEEDS_RESET | VPT_STATUS_FAILED)

#define QUEUE_SIZE_MAX 256u
#define QUEUE_SIZE_MIN 8u

#define HEADER_SIZE 16u /* bytes of a disk's request before its data */

#define PATIENCE UINT64_C(60000000000) /* nanoseconds */

/* Where a function's registers are on the machine. */
struct places {
    struct host_function *function;
    uint64_t common, notify, interrupt;
    uint32_t factor;
};

/* A queue's parts, in the guest's memory. */
struct rings {
    struct virtio_descriptor *descriptors;
    volatile struct virtio_driver_area *driver;
    volatile struct virtio_device_area *device;
};

/* These parts, while others take their place. */
static struct {
    uint8_t descriptors[VIRTIO_DESCRIPTORS_SIZE(QUEUE_SIZE_MAX)];
    uint8_t driver[VIRTIO_DRIVER_SIZE(QUEUE_SIZE_MAX)];
    uint8_t device[VIRTIO_DEVICE_SIZE(QUEUE_SIZE_MAX)];
} kept;

/* ---- Registers ---- */

static uint32_t config(const struct host_function *function, unsigned offset, unsigned width)
{
    uint32_t value;

    require_ok(vpt_pci_read(&function->physical, (uint16_t)offset, width, &value), "reading a capability");
    return value;
}

static void note_place(struct places *places, unsigned capability)
{
    const struct host_function *function = places->function;
    uint64_t address =
        function->bars.bar[config(function, capability + VIRTIO_CAPABILITY(bar), 1) % VPT_PCI_BARS_MAX].address +
        config(function, capability + VIRTIO_CAPABILITY(offset), 4);

    switch (config(function, capability + VIRTIO_CAPABILITY(cfg_type), 1)) {
    case VIRTIO_COMMON: places->common = address; break;
    case VIRTIO_INTERRUPT: places->interrupt = address; break;
    case VIRTIO_NOTIFY:
        places->notify = address;
        places->factor = config(function, capability + VIRTIO_CAPABILITY(notify_off_multiplier), 4);
        break;
    default: break;
    }
}

/* False: the function has no modern registers. */
static bool find_places(struct host_function *function, struct places *places)
{
    struct vpt_pci_walk walk;
    struct vpt_pci_capability capability;

    *places = (struct places){ .function = function };
    require_ok(vpt_pci_walk_begin(&walk, &function->physical), "looking for capabilities");
    while (vpt_pci_walk_next(&walk, &capability) == VPT_OK) {
        if (capability.id == VPT_PCI_CAPABILITY_VENDOR) {
            note_place(places, capability.offset);
        }
    }
    return places->common != 0 && places->notify != 0 && places->interrupt != 0;
}

static uint32_t get_at(const struct places *places, uint64_t address, unsigned width)
{
    struct vpt_assign_host *host = &places->function->access.host;
    uint64_t value;

    require_ok(host->memory_read(host->ctx, address, width, &value), "reading a register");
    return (uint32_t)value;
}

static void put_at(const struct places *places, uint64_t address, unsigned width, uint32_t value)
{
    struct vpt_assign_host *host = &places->function->access.host;

    require_ok(host->memory_write(host->ctx, address, width, value), "writing a register");
}

static uint32_t get(const struct places *places, unsigned offset, unsigned width)
{
    return get_at(places, places->common + offset, width);
}

static void put(const struct places *places, unsigned offset, unsigned width, uint32_t value)
{
    put_at(places, places->common + offset, width, value);
}

static uint64_t get_address(const struct places *places, unsigned offset)
{
    return get(places, offset, 4) | (uint64_t)get(places, offset + 4u, 4) << 32;
}

static void put_address(const struct places *places, unsigned offset, uint64_t value)
{
    put(places, offset, 4, (uint32_t)value);
    put(places, offset + 4u, 4, (uint32_t)(value >> 32));
}

static void notify(const struct places *places, unsigned number)
{
    uint64_t offset = (uint64_t)get(places, VIRTIO_AT(queue_notify_off), 2) * places->factor;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    put_at(places, places->notify + offset, 2, number);
}

/* ---- Queues ---- */

/* The only queue is selected. */
static void read_queue(const struct places *places, struct virtio_state *state)
{
    state->queue.size = (uint16_t)get(places, VIRTIO_AT(queue_size), 2);
    state->queue.vector = (uint16_t)get(places, VIRTIO_AT(queue_msix_vector), 2);
    state->queue.descriptors = get_address(places, VIRTIO_AT(queue_desc));
    state->queue.driver = get_address(places, VIRTIO_AT(queue_driver));
    state->queue.device = get_address(places, VIRTIO_AT(queue_device));
}

static void read_selects(const struct places *places, uint32_t selected[3])
{
    selected[0] = get(places, VIRTIO_AT(device_feature_select), 4);
    selected[1] = get(places, VIRTIO_AT(driver_feature_select), 4);
    selected[2] = get(places, VIRTIO_AT(queue_select), 2);
}

static void put_selects(const struct places *places, const uint32_t selected[3])
{
    put(places, VIRTIO_AT(device_feature_select), 4, selected[0]);
    put(places, VIRTIO_AT(driver_feature_select), 4, selected[1]);
    put(places, VIRTIO_AT(queue_select), 2, selected[2]);
}

static bool in_memory(uint64_t address, uint64_t size)
{
    return address < GUEST_MEMORY && size <= GUEST_MEMORY - address;
}

static bool can_wind(const struct host_function *function, const struct virtio_state *state)
{
    bool has_request =
        function->device.type == VPT_DEVICE_TYPE_BLOCK || function->device.type == VPT_DEVICE_TYPE_ENTROPY;
    uint16_t size = state->queue.size;

    return has_request && !vpt_features_has(&state->features, VPT_F_RING_PACKED) && size >= QUEUE_SIZE_MIN &&
           size <= QUEUE_SIZE_MAX && in_memory(state->queue.descriptors, VIRTIO_DESCRIPTORS_SIZE(size)) &&
           in_memory(state->queue.driver, VIRTIO_DRIVER_SIZE(size)) &&
           in_memory(state->queue.device, VIRTIO_DEVICE_SIZE(size));
}

static void read_state(const struct places *places, struct virtio_state *state)
{
    read_selects(places, state->selected);
    for (unsigned i = 0; i < 2u; i++) {
        put(places, VIRTIO_AT(driver_feature_select), 4, i);
        state->features.word[i] = get(places, VIRTIO_AT(driver_feature), 4);
    }
    state->vector = (uint16_t)get(places, VIRTIO_AT(config_msix_vector), 2);
    put(places, VIRTIO_AT(queue_select), 2, 0);
    read_queue(places, state);
}

static struct rings rings_of(const struct guest *guest, const struct virtio_state *state)
{
    return (struct rings){ (void *)(guest->memory + state->queue.descriptors),
                           (void *)(guest->memory + state->queue.driver),
                           (void *)(guest->memory + state->queue.device) };
}

bool virtio_state_possible(const struct guest *guest, struct host_function *function, struct virtio_state *state)
{
    struct places places;
    bool possible;

    *state = (struct virtio_state){ .status = 0 };
    if (!find_places(function, &places)) {
        return false;
    }
    state->status = (uint8_t)get(&places, VIRTIO_AT(device_status), 1);
    if (state->status == 0) {
        return true;
    }
    read_state(&places, state);
    possible = (state->status & STATUS_MASK) == VPT_STATUS_DRIVER_OK && get(&places, VIRTIO_AT(num_queues), 2) == 1 &&
               get(&places, VIRTIO_AT(queue_enable), 2) != 0 && can_wind(function, state);
    put_selects(&places, state->selected);
    if (possible) {
        struct rings rings = rings_of(guest, state);

        state->queue.used = rings.device->index;
        state->in_flight = (uint16_t)(rings.driver->index - state->queue.used);
    }
    return possible;
}

static void wait_for(const volatile uint16_t *index, uint16_t value)
{
    uint64_t end = chips_clock() + PATIENCE;

    while (*index != value) {
        require(chips_clock() < end, "a function does not finish what it has to do");
        chips_pause();
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- Saving ---- */

/*
 * The guest may have been stopped before it notified the function. The function's interrupt comes before the answer to
 * the read of a register (PCI: a completion does not pass a posted write).
 */
void virtio_state_save(const struct guest *guest, struct host_function *function, struct virtio_state *state)
{
    struct places places;
    struct rings rings;

    require(find_places(function, &places), "a function without modern registers");
    *state = (struct virtio_state){ .status = (uint8_t)get(&places, VIRTIO_AT(device_status), 1) };
    if (state->status == 0) {
        return;
    }
    read_state(&places, state);
    rings = rings_of(guest, state);
    notify(&places, 0);
    wait_for(&rings.device->index, rings.driver->index);
    state->queue.used = rings.device->index;
    state->interrupt_status = (uint8_t)get_at(&places, places.interrupt, 1);
    chips_let_in();
}

/* ---- Restoring ---- */

static void keep(const struct rings *rings, uint16_t size)
{
    (void)__builtin_memcpy(kept.descriptors, rings->descriptors, VIRTIO_DESCRIPTORS_SIZE(size));
    (void)__builtin_memcpy(kept.driver, (const void *)(uintptr_t)rings->driver, VIRTIO_DRIVER_SIZE(size));
    (void)__builtin_memcpy(kept.device, (const void *)(uintptr_t)rings->device, VIRTIO_DEVICE_SIZE(size));
}

static void put_back(const struct rings *rings, uint16_t size)
{
    (void)__builtin_memcpy(rings->descriptors, kept.descriptors, VIRTIO_DESCRIPTORS_SIZE(size));
    (void)__builtin_memcpy((void *)(uintptr_t)rings->driver, kept.driver, VIRTIO_DRIVER_SIZE(size));
    (void)__builtin_memcpy((void *)(uintptr_t)rings->device, kept.device, VIRTIO_DEVICE_SIZE(size));
}

/* The request's own bytes are in the descriptors' memory too, from the fourth on. A disk tells its serial number. */
static void make_request(const struct host_function *function, const struct rings *rings, uint64_t descriptors)
{
    struct virtio_descriptor *table = rings->descriptors;
    uint64_t room = descriptors + 3u * sizeof(*table);

    if (function->device.type == VPT_DEVICE_TYPE_ENTROPY) {
        table[0] = (struct virtio_descriptor){ .address = room, .length = 1, .flags = VIRTIO_DESCRIPTOR_WRITE };
        return;
    }
    table[0] = (struct virtio_descriptor){
        .address = room, .length = HEADER_SIZE, .flags = VIRTIO_DESCRIPTOR_NEXT, .next = 1
    };
    table[1] = (struct virtio_descriptor){ .address = room + HEADER_SIZE,
                                           .length = VPT_BLK_ID_SIZE,
                                           .flags = VIRTIO_DESCRIPTOR_NEXT | VIRTIO_DESCRIPTOR_WRITE,
                                           .next = 2 };
    table[2] = (struct virtio_descriptor){ .address = room + HEADER_SIZE + VPT_BLK_ID_SIZE,
                                           .length = 1,
                                           .flags = VIRTIO_DESCRIPTOR_WRITE };
    table[3] = (struct virtio_descriptor){ .address = VPT_BLK_GET_ID };
}

/* All requests are the first descriptor's. The last one interrupts. */
static void begin_wind(const struct host_function *function, const struct rings *rings,
                       const struct virtio_state *state)
{
    make_request(function, rings, state->queue.descriptors);
    for (unsigned i = 0; i < state->queue.size; i++) {
        rings->driver->ring[i] = 0;
    }
    rings->driver->flags = 0;
    rings->driver->index = 0;
    rings->driver->ring[state->queue.size] = (uint16_t)(state->queue.used - 1u); /* used_event, if there is one */
    rings->device->index = 0;
}

static void wind(const struct places *places, const struct rings *rings, const struct virtio_state *state)
{
    uint16_t index = 0;

    while (index != state->queue.used) {
        unsigned left = (unsigned)state->queue.used - index;

        index = (uint16_t)(index + (left < state->queue.size ? left : state->queue.size));
        rings->driver->index = index;
        notify(places, 0);
        wait_for(&rings->device->index, index);
    }
}

static void put_features(const struct places *places, const struct virtio_state *state)
{
    uint8_t before = state->status & (uint8_t) ~(VPT_STATUS_DRIVER_OK | VPT_STATUS_FEATURES_OK);

    put(places, VIRTIO_AT(device_status), 1, before);
    for (unsigned i = 0; i < 2u; i++) {
        put(places, VIRTIO_AT(driver_feature_select), 4, i);
        put(places, VIRTIO_AT(driver_feature), 4, state->features.word[i]);
    }
    put(places, VIRTIO_AT(device_status), 1, before | VPT_STATUS_FEATURES_OK);
    require((get(places, VIRTIO_AT(device_status), 1) & VPT_STATUS_FEATURES_OK) != 0,
            "a function does not take its features again");
}

static void put_queue(const struct places *places, const struct virtio_state *state)
{
    put(places, VIRTIO_AT(queue_select), 2, 0);
    put(places, VIRTIO_AT(queue_size), 2, state->queue.size);
    put(places, VIRTIO_AT(queue_msix_vector), 2, VPT_NO_VECTOR);
    put_address(places, VIRTIO_AT(queue_desc), state->queue.descriptors);
    put_address(places, VIRTIO_AT(queue_driver), state->queue.driver);
    put_address(places, VIRTIO_AT(queue_device), state->queue.device);
    put(places, VIRTIO_AT(queue_enable), 2, 1);
}

void virtio_state_restore(const struct guest *guest, struct host_function *function, const struct virtio_state *state)
{
    struct places places;
    struct rings rings;

    if (state->status == 0) {
        return;
    }
    require(find_places(function, &places), "a function without modern registers");
    rings = rings_of(guest, state);
    keep(&rings, state->queue.size);
    begin_wind(function, &rings, state);
    put_features(&places, state);
    put_queue(&places, state);
    put(&places, VIRTIO_AT(device_status), 1, state->status);
    wind(&places, &rings, state);
    put_back(&rings, state->queue.size);
    put(&places, VIRTIO_AT(queue_msix_vector), 2, state->queue.vector);
    put(&places, VIRTIO_AT(config_msix_vector), 2, state->vector);
    put_selects(&places, state->selected);
    if (state->interrupt_status == 0) {
        (void)get_at(&places, places.interrupt, 1); /* takes away that of the last request */
    }
}
