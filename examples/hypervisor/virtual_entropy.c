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

/* What it offers: features of word 1. */
#define OFFERED (1u << (VPT_F_VERSION_1 - 32u) | 1u << (VPT_F_ACCESS_PLATFORM - 32u))

#define QUEUE_SIZE 16u

#define ANSWER_MAX 64u    /* bytes: a guest cannot keep the hypervisor busy */
#define DELAY      50000u /* nanoseconds until an answer */

/* ---- Its memory ---- */

/* NULL, and the device is broken: not all of this is in its space. */
static void *reach(struct virtual_entropy *entropy, uint64_t address, uint64_t size, unsigned alignment)
{
    const struct vpt_assign_dma_range *range = vpt_assign_dma_find(entropy->space, address);

    if (range == NULL || range->reserved || size > range->size - (address - range->guest) || address % alignment != 0) {
        entropy->refused++;
        entropy->registers.device_status |= VPT_STATUS_DEVICE_NEEDS_RESET;
        return NULL;
    }
    return (void *)(uintptr_t)(range->host + (address - range->guest));
}

static uint32_t fill(struct virtual_entropy *entropy, const struct virtio_descriptor *descriptor, uint32_t room)
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
static uint32_t answer_one(struct virtual_entropy *entropy, const volatile struct virtio_descriptor *table,
                           uint16_t head)
{
    struct virtio_descriptor descriptor = { .flags = VIRTIO_DESCRIPTOR_NEXT, .next = head };
    uint32_t total = 0;

    for (unsigned i = 0; i < QUEUE_SIZE && (descriptor.flags & VIRTIO_DESCRIPTOR_NEXT) != 0; i++) {
        const volatile struct virtio_descriptor *at = &table[descriptor.next % QUEUE_SIZE];

        descriptor = (struct virtio_descriptor){ at->address, at->length, at->flags, at->next };
        if ((descriptor.flags & VIRTIO_DESCRIPTOR_WRITE) != 0) {
            total += fill(entropy, &descriptor, ANSWER_MAX - total);
        }
    }
    return total;
}

static void interrupt(struct virtual_entropy *entropy)
{
    entropy->interrupt_status = VPT_INTERRUPT_QUEUE;
    if (entropy->mode == VPT_ASSIGN_INTERRUPT_MSIX && entropy->registers.queue_msix_vector != VPT_NO_VECTOR) {
        (void)vpt_assign_raise(&entropy->device, entropy->registers.queue_msix_vector);
    }
}

/* A request at a time: then it is the guest's turn again. */
static void answer(struct virtual_entropy *entropy, uint64_t now)
{
    const struct virtio_registers *registers = &entropy->registers;
    const volatile struct virtio_descriptor *table =
        reach(entropy, registers->queue_desc, VIRTIO_DESCRIPTORS_SIZE(QUEUE_SIZE), 16);
    const volatile struct virtio_driver_area *driver =
        reach(entropy, registers->queue_driver, VIRTIO_DRIVER_SIZE(QUEUE_SIZE), 2);
    volatile struct virtio_device_area *device =
        reach(entropy, registers->queue_device, VIRTIO_DEVICE_SIZE(QUEUE_SIZE), 4);
    uint16_t head;
    unsigned at;

    if (table == NULL || driver == NULL || device == NULL || driver->index == entropy->next) {
        return;
    }
    head = driver->ring[entropy->next % QUEUE_SIZE];
    at = device->index % QUEUE_SIZE;
    device->ring[at].id = head;
    device->ring[at].length = answer_one(entropy, table, head);
    if ((registers->device_status & VPT_STATUS_DEVICE_NEEDS_RESET) != 0) {
        return;
    }
    device->index = (uint16_t)(device->index + 1u);
    entropy->next++;
    entropy->count++;
    entropy->due = now + DELAY;
    if ((driver->flags & VIRTIO_NO_INTERRUPT) == 0) {
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

    entropy->registers = (struct virtio_registers){ .config_msix_vector = VPT_NO_VECTOR,
                                                    .num_queues = 1,
                                                    .queue_size = QUEUE_SIZE,
                                                    .queue_msix_vector = VPT_NO_VECTOR };
    entropy->features = (struct vpt_features){ .word = { 0 } };
    entropy->interrupt_status = 0;
    entropy->next = 0;
    entropy->due = 0;
}

static void set_status(struct virtual_entropy *entropy, uint8_t value)
{
    const struct vpt_features *features = &entropy->features;
    bool right =
        features->word[0] == 0 && (features->word[1] & ~OFFERED) == 0 && vpt_features_has(features, VPT_F_VERSION_1);

    if (value == 0) {
        reset(entropy);
    } else {
        entropy->registers.device_status =
            (uint8_t)((right ? value : value & ~VPT_STATUS_FEATURES_OK) |
                      (entropy->registers.device_status & VPT_STATUS_DEVICE_NEEDS_RESET));
    }
}

static uint16_t message(uint64_t value)
{
    return (uint16_t)(value < VIRTUAL_ENTROPY_MESSAGES ? value : VPT_NO_VECTOR);
}

static void set_half(uint64_t *address, bool upper, uint64_t value)
{
    *address = upper ? (*address & UINT32_MAX) | value << 32 : (*address & ~(uint64_t)UINT32_MAX) | value;
}

/* Registers of the queue: there is one. */
static void write_queue(struct virtio_registers *registers, unsigned at, uint64_t value)
{
    if (registers->queue_select != 0 || registers->queue_enable != 0) {
        return;
    }
    switch (at) {
    case VIRTIO_AT(queue_msix_vector): registers->queue_msix_vector = message(value); break;
    case VIRTIO_AT(queue_enable): registers->queue_enable = value == 1u && registers->queue_size == QUEUE_SIZE; break;
    case VIRTIO_AT(queue_size): registers->queue_size = (uint16_t)value; break;
    case VIRTIO_AT(queue_desc):
    case VIRTIO_AT(queue_desc) + 4u: set_half(&registers->queue_desc, at != VIRTIO_AT(queue_desc), value); break;
    case VIRTIO_AT(queue_driver):
    case VIRTIO_AT(queue_driver) + 4u: set_half(&registers->queue_driver, at != VIRTIO_AT(queue_driver), value); break;
    case VIRTIO_AT(queue_device):
    case VIRTIO_AT(queue_device) + 4u: set_half(&registers->queue_device, at != VIRTIO_AT(queue_device), value); break;
    default: break;
    }
}

static void write_common(struct virtual_entropy *entropy, unsigned at, uint64_t value)
{
    struct virtio_registers *registers = &entropy->registers;

    switch (at) {
    case VIRTIO_AT(device_feature_select): registers->device_feature_select = (uint32_t)value; break;
    case VIRTIO_AT(driver_feature_select): registers->driver_feature_select = (uint32_t)value; break;
    case VIRTIO_AT(driver_feature):
        if (registers->driver_feature_select < 2u && (registers->device_status & VPT_STATUS_FEATURES_OK) == 0) {
            entropy->features.word[registers->driver_feature_select] = (uint32_t)value;
        }
        break;
    case VIRTIO_AT(config_msix_vector): registers->config_msix_vector = message(value); break;
    case VIRTIO_AT(device_status): set_status(entropy, (uint8_t)value); break;
    case VIRTIO_AT(queue_select): registers->queue_select = (uint16_t)value; break;
    default: write_queue(registers, at, value); break;
    }
}

static uint64_t read_common(const struct virtual_entropy *entropy, unsigned at, unsigned width)
{
    struct virtio_registers registers = entropy->registers;
    uint64_t value = 0;

    registers.device_feature = registers.device_feature_select == 1u ? OFFERED : 0;
    registers.driver_feature =
        registers.driver_feature_select < 2u ? entropy->features.word[registers.driver_feature_select] : 0;
    if (at >= VIRTIO_AT(queue_size) && registers.queue_select != 0) {
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
        if (write && (entropy->registers.device_status & VPT_STATUS_DRIVER_OK) != 0 && entropy->due == 0) {
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
    put(&space[at + VIRTIO_CAPABILITY(offset)], 4, where);
    put(&space[at + VIRTIO_CAPABILITY(length)], 4,
        type == VIRTIO_COMMON ? (uint32_t)sizeof(struct virtio_registers) : 4u);
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
    at = put_place(space, at, VIRTIO_COMMON, AT_COMMON, VIRTIO_CAPABILITY(notify_off_multiplier));
    at = put_place(space, at, VIRTIO_INTERRUPT, AT_INTERRUPT, VIRTIO_CAPABILITY(notify_off_multiplier));
    at = put_place(space, at, VIRTIO_NOTIFY, AT_NOTIFY, sizeof(struct virtio_capability));
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
