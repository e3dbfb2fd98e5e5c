/* SPDX-License-Identifier: MIT */
#include "virtual_entropy.h"

#include <require.h>

#include "chips.h"

/* The configuration space. */
#define IDS            0x00u
#define COMMAND        0x04u
#define STATUS         0x06u
#define CLASS          0x08u
#define BAR            0x10u
#define SUBSYSTEM      0x2cu
#define FIRST          0x34u
#define INTERRUPT_PIN  0x3du
#define CAPABILITIES   0x40u
#define HAS_LIST       0x10u
#define THE_IDS        0x10441af4u
#define THE_SUBSYSTEM  0x11001af4u
#define CLASS_REVISION 0x00ff0001u
#define PLACE_SIZE     16u
#define MSIX_SIZE      12u

/* Where its registers are on the machine: nowhere. So any address does. */
#define REGISTERS      0xe0000000u
#define REGISTERS_SIZE 0x4000u
#define AT_COMMON      0x0000u
#define AT_INTERRUPT   0x1000u
#define AT_NOTIFY      0x2000u
#define AT_TABLE       0x3000u
#define AT_PENDING     0x3800u
#define PART_SIZE      0x1000u

#define PLACE_COMMON    1u
#define PLACE_NOTIFY    2u
#define PLACE_INTERRUPT 3u

#define STATUS_DRIVER_OK 0x04u
#define STATUS_FEATURES  0x08u
#define STATUS_BROKEN    0x40u

#define OFFERED_1 0x3u /* word 1: VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM */

#define NO_VECTOR  0xffffu
#define QUEUE_SIZE 16u

#define DESCRIPTOR_NEXT  1u
#define DESCRIPTOR_WRITE 2u
#define NO_INTERRUPT     1u

#define ANSWER_MAX 64u    /* bytes: a guest cannot keep the hypervisor busy */
#define DELAY      50000u /* nanoseconds until an answer */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct driver_ring {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[QUEUE_SIZE];
};

struct device_ring {
    uint16_t flags;
    uint16_t index;
    struct {
        uint32_t id;
        uint32_t length;
    } ring[QUEUE_SIZE];
};

/* ---- Its memory ---- */

/* NULL, and the device is broken: not all of this is in its space. */
static void *reach(struct virtual_entropy *entropy, uint64_t address, uint64_t size, unsigned alignment)
{
    const struct vpt_assign_dma_range *range = vpt_assign_dma_find(entropy->space, address);

    if (range == NULL || range->reserved || size > range->size - (address - range->guest) || address % alignment != 0) {
        entropy->refused++;
        entropy->registers.status |= STATUS_BROKEN;
        return NULL;
    }
    return (void *)(uintptr_t)(range->host + (address - range->guest));
}

static uint32_t fill(struct virtual_entropy *entropy, const struct descriptor *descriptor, uint32_t room)
{
    uint32_t length = descriptor->length < room ? descriptor->length : room;
    uint8_t *bytes = reach(entropy, descriptor->address, length, 1);

    if (bytes == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = entropy->bytes[entropy->place];
        entropy->place = (entropy->place + 1u) % entropy->byte_count;
    }
    return length;
}

/* Returns the number of bytes. The guest may change a descriptor at any time, so it is read once. */
static uint32_t answer_one(struct virtual_entropy *entropy, const volatile struct descriptor *table, uint16_t head)
{
    struct descriptor descriptor = { .flags = DESCRIPTOR_NEXT, .next = head };
    uint32_t total = 0;

    for (unsigned i = 0; i < QUEUE_SIZE && (descriptor.flags & DESCRIPTOR_NEXT) != 0; i++) {
        const volatile struct descriptor *at = &table[descriptor.next % QUEUE_SIZE];

        descriptor = (struct descriptor){ at->address, at->length, at->flags, at->next };
        if ((descriptor.flags & DESCRIPTOR_WRITE) != 0) {
            total += fill(entropy, &descriptor, ANSWER_MAX - total);
        }
    }
    return total;
}

static void interrupt(struct virtual_entropy *entropy)
{
    entropy->interrupt_status = 1;
    if (entropy->mode == VPT_ASSIGN_INTERRUPT_MSIX && entropy->registers.queue_vector != NO_VECTOR) {
        (void)vpt_assign_raise(&entropy->device, entropy->registers.queue_vector);
    }
}

/* A request at a time: then it is the guest's turn again. */
static void answer(struct virtual_entropy *entropy, uint64_t now)
{
    const struct virtual_entropy_registers *registers = &entropy->registers;
    const volatile struct descriptor *table =
        reach(entropy, registers->descriptors, QUEUE_SIZE * sizeof(struct descriptor), 16);
    const volatile struct driver_ring *driver = reach(entropy, registers->driver, sizeof(*driver), 2);
    volatile struct device_ring *device = reach(entropy, registers->device, sizeof(*device), 4);
    uint16_t head;
    unsigned at;

    if (table == NULL || driver == NULL || device == NULL || driver->index == entropy->next) {
        return;
    }
    head = driver->ring[entropy->next % QUEUE_SIZE];
    at = device->index % QUEUE_SIZE;
    device->ring[at].id = head;
    device->ring[at].length = answer_one(entropy, table, head);
    if ((registers->status & STATUS_BROKEN) != 0) {
        return;
    }
    device->index = (uint16_t)(device->index + 1u);
    entropy->next++;
    entropy->count++;
    entropy->due = now + DELAY;
    if ((driver->flags & NO_INTERRUPT) == 0) {
        interrupt(entropy);
    }
}

void virtual_entropy_work(struct virtual_entropy *entropy, uint64_t now)
{
    bool may_access = (entropy->config[COMMAND] & VPT_PCI_COMMAND_BUS_MASTER) != 0;

    if (entropy->due != 0 && now >= entropy->due && may_access) {
        entropy->due = 0;
        answer(entropy, now);
    }
    if (entropy->interrupt_status != 0 && entropy->mode == VPT_ASSIGN_INTERRUPT_INTX && !entropy->masked) {
        (void)vpt_assign_raise(&entropy->device, VPT_ASSIGN_INTX);
    }
}

/* ---- Its registers ---- */

static void reset(void *ctx)
{
    struct virtual_entropy *entropy = ctx;

    entropy->registers = (struct virtual_entropy_registers){
        .vector = NO_VECTOR, .queues = 1, .queue_size = QUEUE_SIZE, .queue_vector = NO_VECTOR
    };
    entropy->features[0] = 0;
    entropy->features[1] = 0;
    entropy->interrupt_status = 0;
    entropy->next = 0;
    entropy->due = 0;
}

static void set_status(struct virtual_entropy *entropy, uint8_t value)
{
    bool right =
        entropy->features[0] == 0 && (entropy->features[1] & ~OFFERED_1) == 0 && (entropy->features[1] & 1u) != 0;

    if (value == 0) {
        reset(entropy);
    } else {
        entropy->registers.status =
            (uint8_t)((right ? value : value & ~STATUS_FEATURES) | (entropy->registers.status & STATUS_BROKEN));
    }
}

static uint16_t message(uint64_t value)
{
    return (uint16_t)(value < VIRTUAL_ENTROPY_MESSAGES ? value : NO_VECTOR);
}

static void set_half(uint64_t *address, bool upper, uint64_t value)
{
    *address = upper ? (*address & UINT32_MAX) | value << 32 : (*address & ~(uint64_t)UINT32_MAX) | value;
}

#define AT(name) offsetof(struct virtual_entropy_registers, name)

/* Registers of the queue: there is one. */
static void write_queue(struct virtual_entropy_registers *registers, unsigned at, uint64_t value)
{
    if (registers->select_queue != 0 || registers->queue_enable != 0) {
        return;
    }
    switch (at) {
    case AT(queue_vector): registers->queue_vector = message(value); break;
    case AT(queue_enable): registers->queue_enable = value == 1u && registers->queue_size == QUEUE_SIZE; break;
    case AT(queue_size): registers->queue_size = (uint16_t)value; break;
    case AT(descriptors):
    case AT(descriptors) + 4u: set_half(&registers->descriptors, at != AT(descriptors), value); break;
    case AT(driver):
    case AT(driver) + 4u: set_half(&registers->driver, at != AT(driver), value); break;
    case AT(device):
    case AT(device) + 4u: set_half(&registers->device, at != AT(device), value); break;
    default: break;
    }
}

static void write_common(struct virtual_entropy *entropy, unsigned at, uint64_t value)
{
    struct virtual_entropy_registers *registers = &entropy->registers;

    switch (at) {
    case AT(select_offered): registers->select_offered = (uint32_t)value; break;
    case AT(select_features): registers->select_features = (uint32_t)value; break;
    case AT(features):
        if (registers->select_features < 2u && (registers->status & STATUS_FEATURES) == 0) {
            entropy->features[registers->select_features] = (uint32_t)value;
        }
        break;
    case AT(vector): registers->vector = message(value); break;
    case AT(status): set_status(entropy, (uint8_t)value); break;
    case AT(select_queue): registers->select_queue = (uint16_t)value; break;
    default: write_queue(registers, at, value); break;
    }
}

static uint64_t read_common(const struct virtual_entropy *entropy, unsigned at, unsigned width)
{
    struct virtual_entropy_registers registers = entropy->registers;
    uint64_t value = 0;

    registers.offered = registers.select_offered == 1u ? OFFERED_1 : 0;
    registers.features = registers.select_features < 2u ? entropy->features[registers.select_features] : 0;
    if (at >= AT(queue_size) && registers.select_queue != 0) {
        return 0;
    }
    for (unsigned i = 0; i < width && at + i < sizeof(registers); i++) {
        value |= (uint64_t)((const uint8_t *)&registers)[at + i] << 8u * i;
    }
    return value;
}

static uint64_t take_interrupt_status(struct virtual_entropy *entropy)
{
    uint8_t value = entropy->interrupt_status;

    entropy->interrupt_status = 0;
    return value;
}

static enum vpt_status access(void *ctx, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                              uint64_t *value)
{
    struct virtual_entropy *entropy = ctx;
    unsigned at = (unsigned)(address - REGISTERS);

    (void)space;
    if (!write) {
        *value = 0;
    }
    switch (at / PART_SIZE * PART_SIZE) {
    case AT_COMMON:
        if (write) {
            write_common(entropy, at, *value);
        } else {
            *value = read_common(entropy, at, width);
        }
        break;
    case AT_INTERRUPT:
        if (!write && at == AT_INTERRUPT) {
            *value = take_interrupt_status(entropy);
        }
        break;
    case AT_NOTIFY:
        if (write && (entropy->registers.status & STATUS_DRIVER_OK) != 0 && entropy->due == 0) {
            entropy->due = chips_clock() + DELAY;
        }
        break;
    default: break;
    }
    return VPT_OK;
}

/* ---- Its configuration space ---- */

static void put(uint8_t *bytes, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> 8u * i);
    }
}

/* A capability of virtio: returns where the next one is. */
static unsigned put_place(uint8_t *space, unsigned at, uint8_t type, uint32_t where, unsigned size)
{
    put(&space[at], 4, VPT_PCI_CAPABILITY_VENDOR | (at + size) << 8 | size << 16 | (uint32_t)type << 24);
    put(&space[at + 8u], 4, where);
    put(&space[at + 12u], 4, type == PLACE_COMMON ? (uint32_t)sizeof(struct virtual_entropy_registers) : 4u);
    return at + size;
}

/* The notification's factor is 0. */
static void make_space(struct virtual_entropy *entropy)
{
    uint8_t *space = entropy->initial;
    unsigned at = CAPABILITIES;

    put(&space[IDS], 4, THE_IDS);
    put(&space[COMMAND], 2, VPT_PCI_COMMAND_MEMORY);
    put(&space[STATUS], 2, HAS_LIST);
    put(&space[CLASS], 4, CLASS_REVISION);
    put(&space[BAR], 4, REGISTERS);
    put(&space[SUBSYSTEM], 4, THE_SUBSYSTEM);
    put(&space[FIRST], 1, CAPABILITIES);
    put(&space[INTERRUPT_PIN], 1, 1);
    at = put_place(space, at, PLACE_COMMON, AT_COMMON, PLACE_SIZE);
    at = put_place(space, at, PLACE_INTERRUPT, AT_INTERRUPT, PLACE_SIZE);
    at = put_place(space, at, PLACE_NOTIFY, AT_NOTIFY, PLACE_SIZE + 4u);
    put(&space[at], 4, VPT_PCI_CAPABILITY_MSIX | (VIRTUAL_ENTROPY_MESSAGES - 1u) << 16);
    put(&space[at + 4u], 4, AT_TABLE);
    put(&space[at + 8u], 4, AT_PENDING);
    put(&entropy->writable[COMMAND], 2, VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER);
    put(&entropy->writable[BAR], 4, ~(REGISTERS_SIZE - 1u));
}

/* ---- Start and end ---- */

static enum vpt_status interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    struct virtual_entropy *entropy = ctx;

    (void)count;
    entropy->mode = mode;
    return VPT_OK;
}

static enum vpt_status intx_mask(void *ctx, bool masked)
{
    struct virtual_entropy *entropy = ctx;

    entropy->masked = masked;
    return VPT_OK;
}

void virtual_entropy_open(struct virtual_entropy *entropy, const struct vpt_assign_dma *space, const uint8_t *bytes,
                          uint32_t count)
{
    static const struct vpt_assign_trap all = { .bar = 0, .offset = 0, .size = REGISTERS_SIZE };
    struct vpt_assign_config config = { .host = &entropy->function.host,
                                        .traps = &all,
                                        .trap_count = 1,
                                        .storage = entropy->storage,
                                        .storage_size = sizeof(entropy->storage),
                                        .regions = VPT_ASSIGN_REGIONS(1) };

    entropy->space = space;
    entropy->bytes = bytes;
    entropy->byte_count = count;
    make_space(entropy);
    entropy->function = (struct vpt_emulated_function){ .config = entropy->config,
                                                        .initial = entropy->initial,
                                                        .writable = entropy->writable,
                                                        .size = VIRTUAL_ENTROPY_SPACE,
                                                        .ctx = entropy,
                                                        .access = access,
                                                        .reset = reset };
    reset(entropy);
    require_ok(vpt_emulated_init(&entropy->function), "an emulated function");
    entropy->function.host.interrupts = interrupts;
    entropy->function.host.intx_mask = intx_mask;
    require_ok(vpt_assign_open(&entropy->device, &config), "opening an emulated function");
}

void virtual_entropy_close(struct virtual_entropy *entropy)
{
    require_ok(vpt_assign_close(&entropy->device), "closing an emulated function");
}
