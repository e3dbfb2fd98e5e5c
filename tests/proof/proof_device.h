/* SPDX-License-Identifier: MIT */
/*
 * A device with arbitrary answers, for the programs that Eva analyses. TABLES, EVENT: whether it has INDIRECT_DESC and
 * EVENT_IDX. PACKED, IN_ORDER: the same, by default not. With MAXIMUM all queues have this maximum, and no step of a
 * queue's set-up fails. Without it each step may fail, and the maximum is arbitrary, or, with TAKEN, the size that
 * the device uses is.
 */
#ifndef VPT_TESTS_PROOF_DEVICE_H
#define VPT_TESTS_PROOF_DEVICE_H

#include "proof_any.h"
#include "queue/queue_internal.h"
#include "transport/transport_ops.h"

#ifndef PACKED
#define PACKED 0u
#endif
#ifndef IN_ORDER
#define IN_ORDER 0u
#endif

#define FEATURES_0 ((TABLES != 0 ? 1u << VPT_F_INDIRECT_DESC : 0u) | ((uint32_t)EVENT << VPT_F_EVENT_IDX))
/* VERSION_1, the ring's layout and order; the other features that matter to a queue may be there or not. */
#define LAYOUT           (1u | PACKED << (VPT_F_RING_PACKED - 32u) | IN_ORDER << (VPT_F_IN_ORDER - 32u))
#define ANY_BIT(feature) (any32() & 1u << ((feature)-32u))

static uint32_t registers[64];

static enum vpt_status any_status(void)
{
    return Frama_C_nondet(0, 1) ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

/* ---- Replaces registers.c ---- */

static uint32_t word; /* selected word of features */

uint32_t vpt_device_get(struct vpt_device *device, enum vpt_register place)
{
    (void)device;
    if (place == VPT_REGISTER_DEVICE_FEATURES) {
        return word == 0 ? FEATURES_0 : any_bool() ? LAYOUT : LAYOUT | ~0xcu;
    }
    return any32();
}

void vpt_device_put(struct vpt_device *device, enum vpt_register place, uint32_t value)
{
    (void)device;
    if (place == VPT_REGISTER_DEVICE_FEATURES_SEL) {
        word = value;
    }
}

enum vpt_status vpt_device_queue_maximum(struct vpt_device *device, uint16_t index, uint32_t *maximum)
{
    (void)device;
    (void)index;
#if defined(MAXIMUM)
    *maximum = MAXIMUM;
    return VPT_OK;
#elif defined(TAKEN)
    *maximum = 256;
    return VPT_OK;
#else
    *maximum = any32();
    return any_status();
#endif
}

/* Returns the requested size, or any size. */
uint32_t vpt_device_queue_size(struct vpt_device *device, uint16_t index, uint32_t size)
{
    (void)device;
    (void)index;
#ifdef TAKEN
    uint32_t taken = any32();

    /* Those that the memory suffices for are followed one by one. */
    for (size = 0; size <= SIZE; size++) {
        if (taken == size) {
            return size;
        }
    }
    return taken;
#else
    return size;
#endif
}

enum vpt_status vpt_device_queue_enable(struct vpt_device *device, uint16_t index, const struct vpt_area *areas)
{
    (void)device;
    (void)index;
    (void)areas;
#ifdef MAXIMUM
    return VPT_OK;
#else
    return any_status();
#endif
}

/* A doorbell of either width, in memory: doorbells behind the port are not analysed. */
static enum vpt_status queue_doorbell(struct vpt_device *device, uint16_t index, struct vpt_doorbell *doorbell)
{
    (void)device;
    doorbell->mapping = registers;
    doorbell->offset = 0x50;
    doorbell->value = index;
    doorbell->width = (uint8_t)Frama_C_unsigned_int_interval(2, 4);
#ifdef MAXIMUM
    return VPT_OK;
#else
    return any_status();
#endif
}

static const struct vpt_transport_ops ops = {
    .handled = { VPT_HANDLED_0, VPT_HANDLED_1 },
    .queue_doorbell = queue_doorbell,
};

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)what;
    return iteration < 3;
}

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    (void)mapping;
    (void)offset;
    (void)width;
    return any32();
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    (void)offset;
    (void)width;
    (void)value;
}

static struct vpt_port port = { .keep_waiting = keep_waiting, .mmio_read = mmio_read, .mmio_write = mmio_write };
static struct vpt_device device;

static struct vpt_memory memory(void *address, uint64_t device_address, size_t size)
{
    struct vpt_memory memory = { address, device_address, size };

    return memory;
}

static void negotiated(void)
{
    device.status = VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_FEATURES_OK;
    device.features.word[0] = FEATURES_0;
    device.features.word[1] = LAYOUT | ANY_BIT(VPT_F_ACCESS_PLATFORM) | ANY_BIT(VPT_F_ORDER_PLATFORM) |
                              ANY_BIT(VPT_F_NOTIFICATION_DATA) | ANY_BIT(VPT_F_RING_RESET) | ANY_BIT(VPT_F_SUSPEND);
}

#endif
