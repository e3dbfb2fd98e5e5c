/* SPDX-License-Identifier: MIT */
/*
 * A virtio entropy source that the hypervisor emulates (port/emulated_function.h), for one guest. The library has its
 * configuration space, BAR, MSI-X table, interrupts and DMA space, as for a function of the machine.
 */
#ifndef HYPERVISOR_VIRTUAL_ENTROPY_H
#define HYPERVISOR_VIRTUAL_ENTROPY_H

#include <emulated_function.h>
#include <vpt/assign_dma.h>

#include "virtio.h"

#define VIRTUAL_ENTROPY_SPACE    256u
#define VIRTUAL_ENTROPY_MESSAGES 2u

/* A zeroed object is absent. */
struct virtual_entropy {
    struct vpt_emulated_function function; /* must be first: the library's hooks get a pointer to it */
    struct vpt_assign_device device;
    const struct vpt_assign_dma *space; /* the memory that it reaches */
    const uint8_t *bytes;               /* what it gives, again and again */
    uint32_t byte_count;
    uint32_t place;
    enum vpt_assign_interrupt_mode mode;
    bool masked; /* INTx */
    struct virtio_registers registers;
    struct vpt_features features;
    uint8_t interrupt_status;
    uint16_t next;    /* index of the next request */
    uint64_t due;     /* when it answers; 0: nothing is asked */
    unsigned count;   /* number of answers */
    unsigned refused; /* number of accesses to what is not in its space */
    uint8_t config[VIRTUAL_ENTROPY_SPACE];
    uint8_t initial[VIRTUAL_ENTROPY_SPACE];
    uint8_t writable[VIRTUAL_ENTROPY_SPACE];
    _Alignas(8) uint8_t storage[4096];
};

/* Makes a device that gives these bytes. It must be acquired and attached to the space. */
void virtual_entropy_open(struct virtual_entropy *entropy, const struct vpt_assign_dma *space, const uint8_t *bytes,
                          uint32_t count);

/* Does what the device has to do; called again and again with the time, in nanoseconds. */
void virtual_entropy_work(struct virtual_entropy *entropy, uint64_t now);

/* Closes a device that has no owner any more. */
void virtual_entropy_close(struct virtual_entropy *entropy);

#endif
