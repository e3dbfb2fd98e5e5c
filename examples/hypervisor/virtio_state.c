/* SPDX-License-Identifier: MIT */
#include "virtio_state.h"

#include <require.h>
#include <vpt/transport.h>

#include "chips.h"

/* A capability's bytes (VirtIO 1.2, 4.1.4). */
#define PLACE_TYPE   3u
#define PLACE_BAR    4u
#define PLACE_OFFSET 8u
#define PLACE_FACTOR 16u

#define PLACE_COMMON    1u
#define PLACE_NOTIFY    2u
#define PLACE_INTERRUPT 3u

/* Registers of the common configuration (4.1.4.3). */
#define SELECT_OFFERED   0x00u
#define SELECT_FEATURES  0x08u
#define FEATURES         0x0cu
#define VECTOR           0x10u
#define QUEUES           0x12u
#define STATUS           0x14u
#define SELECT_QUEUE     0x16u
#define QUEUE_SIZE       0x18u
#define QUEUE_VECTOR     0x1au
#define QUEUE_ENABLE     0x1cu
#define QUEUE_NOTIFY     0x1eu
#define QUEUE_DESCRIPTOR 0x20u
#define QUEUE_DRIVER     0x28u
#define QUEUE_DEVICE     0x30u

#define STATUS_DRIVER_OK 0x04u
#define STATUS_FEATURES  0x08u
#define STATUS_BAD       0xc0u /* failed, or needs a reset */

#define PACKED_WORD 1u
#define PACKED_BIT  (1u << 2)

#define NO_VECTOR 0xffffu

#define QUEUE_SIZE_MAX 256u
#define QUEUE_SIZE_MIN 8u

/* Bytes of a queue's three parts, and indexes of 16-bit words in the latter two. */
#define DESCRIPTOR_BYTES(size) (16u * (size_t)(size))
#define DRIVER_BYTES(size)     (6u + 2u * (size_t)(size))
#define DEVICE_BYTES(size)     (6u + 8u * (size_t)(size))
#define WORD_FLAGS             0u
#define WORD_INDEX             1u
#define WORD_RING              2u

#define DESCRIPTOR_NEXT  1u
#define DESCRIPTOR_WRITE 2u

#define GET_ID      8u
#define ID_BYTES    20u
#define HEADER_SIZE 16u

#define PATIENCE UINT64_C(60000000000) /* nanoseconds */

/* Where a function's registers are on the machine. */
struct places {
    struct host_function *function;
    uint64_t common, notify, interrupt;
    uint32_t factor;
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* A queue's parts, in the guest's memory. */
struct rings {
    struct descriptor *descriptors;
    volatile uint16_t *driver;
    volatile uint16_t *device;
};

static uint8_t kept[DESCRIPTOR_BYTES(QUEUE_SIZE_MAX) + DRIVER_BYTES(QUEUE_SIZE_MAX) + DEVICE_BYTES(QUEUE_SIZE_MAX)];

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
    uint64_t address = function->bars.bar[config(function, capability + PLACE_BAR, 1) % VPT_PCI_BARS_MAX].address +
                       config(function, capability + PLACE_OFFSET, 4);

    switch (config(function, capability + PLACE_TYPE, 1)) {
    case PLACE_COMMON: places->common = address; break;
    case PLACE_INTERRUPT: places->interrupt = address; break;
    case PLACE_NOTIFY:
        places->notify = address;
        places->factor = config(function, capability + PLACE_FACTOR, 4);
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
    uint64_t offset = (uint64_t)get(places, QUEUE_NOTIFY, 2) * places->factor;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    put_at(places, places->notify + offset, 2, number);
}

/* ---- Queues ---- */

/* The only queue is selected. */
static void read_queue(const struct places *places, struct virtio_state *state)
{
    state->queue.size = (uint16_t)get(places, QUEUE_SIZE, 2);
    state->queue.vector = (uint16_t)get(places, QUEUE_VECTOR, 2);
    state->queue.descriptors = get_address(places, QUEUE_DESCRIPTOR);
    state->queue.driver = get_address(places, QUEUE_DRIVER);
    state->queue.device = get_address(places, QUEUE_DEVICE);
}

static void read_selects(const struct places *places, uint32_t selected[3])
{
    selected[0] = get(places, SELECT_OFFERED, 4);
    selected[1] = get(places, SELECT_FEATURES, 4);
    selected[2] = get(places, SELECT_QUEUE, 2);
}

static void put_selects(const struct places *places, const uint32_t selected[3])
{
    put(places, SELECT_OFFERED, 4, selected[0]);
    put(places, SELECT_FEATURES, 4, selected[1]);
    put(places, SELECT_QUEUE, 2, selected[2]);
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

    return has_request && (state->features[PACKED_WORD] & PACKED_BIT) == 0 && size >= QUEUE_SIZE_MIN &&
           size <= QUEUE_SIZE_MAX && in_memory(state->queue.descriptors, DESCRIPTOR_BYTES(size)) &&
           in_memory(state->queue.driver, DRIVER_BYTES(size)) && in_memory(state->queue.device, DEVICE_BYTES(size));
}

static void read_state(const struct places *places, struct virtio_state *state)
{
    read_selects(places, state->selected);
    for (unsigned i = 0; i < 2u; i++) {
        put(places, SELECT_FEATURES, 4, i);
        state->features[i] = get(places, FEATURES, 4);
    }
    state->vector = (uint16_t)get(places, VECTOR, 2);
    put(places, SELECT_QUEUE, 2, 0);
    read_queue(places, state);
}

static struct rings rings_of(const struct guest *guest, const struct virtio_state *state)
{
    return (struct rings){ (void *)(guest->memory + state->queue.descriptors),
                           (void *)(guest->memory + state->queue.driver),
                           (void *)(guest->memory + state->queue.device) };
}

static void count_requests(const struct guest *guest, struct virtio_state *state)
{
    struct rings rings = rings_of(guest, state);

    state->queue.used = rings.device[WORD_INDEX];
    state->in_flight = (uint16_t)(rings.driver[WORD_INDEX] - state->queue.used);
}

bool virtio_state_possible(const struct guest *guest, struct host_function *function, struct virtio_state *state)
{
    struct places places;
    bool possible;

    *state = (struct virtio_state){ .status = 0 };
    if (!find_places(function, &places)) {
        return false;
    }
    state->status = (uint8_t)get(&places, STATUS, 1);
    if (state->status == 0) {
        return true;
    }
    read_state(&places, state);
    possible = (state->status & (STATUS_DRIVER_OK | STATUS_BAD)) == STATUS_DRIVER_OK && get(&places, QUEUES, 2) == 1 &&
               get(&places, QUEUE_ENABLE, 2) != 0 && can_wind(function, state);
    put_selects(&places, state->selected);
    if (possible) {
        count_requests(guest, state);
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
    *state = (struct virtio_state){ .status = (uint8_t)get(&places, STATUS, 1) };
    if (state->status == 0) {
        return;
    }
    read_state(&places, state);
    rings = rings_of(guest, state);
    count_requests(guest, state);
    notify(&places, 0);
    wait_for(&rings.device[WORD_INDEX], rings.driver[WORD_INDEX]);
    state->queue.used = rings.device[WORD_INDEX];
    state->interrupt_status = (uint8_t)get_at(&places, places.interrupt, 1);
    chips_let_in();
}

/* ---- Restoring ---- */

static void copy(uint8_t *to, const void *from, size_t size)
{
    const uint8_t *bytes = from;

    for (size_t i = 0; i < size; i++) {
        to[i] = bytes[i];
    }
}

static void keep(const struct rings *rings, uint16_t size)
{
    copy(kept, rings->descriptors, DESCRIPTOR_BYTES(size));
    copy(kept + DESCRIPTOR_BYTES(size), (const void *)(uintptr_t)rings->driver, DRIVER_BYTES(size));
    copy(kept + DESCRIPTOR_BYTES(size) + DRIVER_BYTES(size), (const void *)(uintptr_t)rings->device,
         DEVICE_BYTES(size));
}

static void put_back(const struct rings *rings, uint16_t size)
{
    copy((uint8_t *)rings->descriptors, kept, DESCRIPTOR_BYTES(size));
    copy((uint8_t *)(uintptr_t)rings->driver, kept + DESCRIPTOR_BYTES(size), DRIVER_BYTES(size));
    copy((uint8_t *)(uintptr_t)rings->device, kept + DESCRIPTOR_BYTES(size) + DRIVER_BYTES(size), DEVICE_BYTES(size));
}

/* The request's own bytes are in the descriptors' memory too, from the fourth on. A disk tells its serial number. */
static void make_request(const struct host_function *function, const struct rings *rings, uint64_t descriptors)
{
    struct descriptor *table = rings->descriptors;
    uint64_t room = descriptors + 3u * sizeof(*table);

    if (function->device.type == VPT_DEVICE_TYPE_ENTROPY) {
        table[0] = (struct descriptor){ .address = room, .length = 1, .flags = DESCRIPTOR_WRITE };
        return;
    }
    table[0] = (struct descriptor){ .address = room, .length = HEADER_SIZE, .flags = DESCRIPTOR_NEXT, .next = 1 };
    table[1] = (struct descriptor){
        .address = room + HEADER_SIZE, .length = ID_BYTES, .flags = DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, .next = 2
    };
    table[2] = (struct descriptor){ .address = room + HEADER_SIZE + ID_BYTES, .length = 1, .flags = DESCRIPTOR_WRITE };
    table[3] = (struct descriptor){ .address = GET_ID };
}

/* All requests are the first descriptor's. The last one interrupts. */
static void begin_wind(const struct host_function *function, const struct rings *rings,
                       const struct virtio_state *state)
{
    make_request(function, rings, state->queue.descriptors);
    for (unsigned i = 0; i < state->queue.size; i++) {
        rings->driver[WORD_RING + i] = 0;
    }
    rings->driver[WORD_FLAGS] = 0;
    rings->driver[WORD_INDEX] = 0;
    rings->driver[WORD_RING + state->queue.size] = (uint16_t)(state->queue.used - 1u); /* used_event, if there is one */
    rings->device[WORD_INDEX] = 0;
}

static void wind(const struct places *places, const struct rings *rings, const struct virtio_state *state)
{
    uint16_t index = 0;

    while (index != state->queue.used) {
        unsigned left = (unsigned)state->queue.used - index;

        index = (uint16_t)(index + (left < state->queue.size ? left : state->queue.size));
        rings->driver[WORD_INDEX] = index;
        notify(places, 0);
        wait_for(&rings->device[WORD_INDEX], index);
    }
}

static void put_features(const struct places *places, const struct virtio_state *state)
{
    uint8_t before = state->status & (uint8_t) ~(STATUS_DRIVER_OK | STATUS_FEATURES);

    put(places, STATUS, 1, before);
    for (unsigned i = 0; i < 2u; i++) {
        put(places, SELECT_FEATURES, 4, i);
        put(places, FEATURES, 4, state->features[i]);
    }
    put(places, STATUS, 1, before | STATUS_FEATURES);
    require((get(places, STATUS, 1) & STATUS_FEATURES) != 0, "a function does not take its features again");
}

static void put_queue(const struct places *places, const struct virtio_state *state)
{
    put(places, SELECT_QUEUE, 2, 0);
    put(places, QUEUE_SIZE, 2, state->queue.size);
    put(places, QUEUE_VECTOR, 2, NO_VECTOR);
    put_address(places, QUEUE_DESCRIPTOR, state->queue.descriptors);
    put_address(places, QUEUE_DRIVER, state->queue.driver);
    put_address(places, QUEUE_DEVICE, state->queue.device);
    put(places, QUEUE_ENABLE, 2, 1);
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
    put(&places, STATUS, 1, state->status);
    wind(&places, &rings, state);
    put_back(&rings, state->queue.size);
    put(&places, QUEUE_VECTOR, 2, state->queue.vector);
    put(&places, VECTOR, 2, state->vector);
    put_selects(&places, state->selected);
    if (state->interrupt_status == 0) {
        (void)get_at(&places, places.interrupt, 1); /* takes away that of the last request */
    }
}
