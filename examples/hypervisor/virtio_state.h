/* SPDX-License-Identifier: MIT */
/*
 * What a modern virtio function holds itself: its status, features and queues. A function has no register for the place
 * in a queue where it is, and begins each queue anew after a reset. So a queue is wound on: the hypervisor gives the
 * function as many requests without an effect as it had used before. There are such requests for disks and entropy
 * sources with one queue; another function is saved only while its driver has it reset.
 */
#ifndef HYPERVISOR_VIRTIO_STATE_H
#define HYPERVISOR_VIRTIO_STATE_H

#include "guest.h"

struct virtio_state {
    uint8_t status; /* 0: the function is as after a reset, and the rest says nothing */
    uint8_t interrupt_status;
    uint16_t vector;
    struct vpt_features features;
    uint32_t selected[3];
    uint16_t in_flight; /* number of requests that it has not used yet; 0 once it is saved */
    struct {
        uint16_t size;
        uint16_t vector;
        uint16_t used; /* index: number of requests that the function has used, modulo 65536 */
        uint64_t descriptors, driver, device;
    } queue;
};

/*
 * Whether the function can be saved as it is now. *state says how many requests it has used, and has in flight; its
 * other members say nothing.
 */
bool virtio_state_possible(const struct guest *guest, struct host_function *function, struct virtio_state *state);

/*
 * The function finishes what it has to do, for its guest, which is stopped; then it is saved. Interrupts of the machine
 * are let in. Saving takes the interrupt status away from the function, which must be reset next.
 */
void virtio_state_save(const struct guest *guest, struct host_function *function, struct virtio_state *state);

/* The function was reset, and its BARs, its bus mastering and its messages are the guest's again. */
void virtio_state_restore(const struct guest *guest, struct host_function *function, const struct virtio_state *state);

#endif
