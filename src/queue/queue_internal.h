/* SPDX-License-Identifier: MIT */
/* What drivers inside the library use of a queue beside its public calls. */
#ifndef VPT_SRC_QUEUE_INTERNAL_H
#define VPT_SRC_QUEUE_INTERNAL_H

#include <vpt/queue.h>

/* ---- The steps of a set-up ---- */

#define VPT_QUEUE_DEFAULT_SIZE_MAX 256u /* entries, where nobody names a size and no request needs more */

/* What a set-up is asked for: struct vpt_queue_config, in the words of every form. */
struct vpt_queue_wish {
    const struct vpt_queue_memory *memory;
    uint32_t size; /* entries; 0: the device's maximum, up to `most` */
    uint32_t most;
    uint32_t requests; /* in flight; of no meaning to a general queue */
    uint32_t tables;   /* indirect ones */
    uint32_t segments; /* entries of each */
    uint16_t index;
    /* The set-up's own: */
    bool pieces;    /* the rings are in three */
    uint32_t least; /* entries that are worth a try */
};

/* How the requests of a queue are kept; `form` of a queue never is NULL once its set-up has begun. */
struct vpt_queue_form {
    /*
     * After the size is chosen: how many slots and tables there are, and the bytes of the private state and of what the
     * device sees of the slots. VPT_DEVICE_QUEUE_SIZE: the ring is too small.
     */
    enum vpt_status (*plan)(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t *private_bytes,
                            uint64_t *slot_bytes);

    /* Fills the private state, the descriptors and the tables. */
    void (*prepare)(struct vpt_queue *queue);
};

/* vpt_queue_init() of a zeroed queue, of any form. *wish becomes what the queue is. */
enum vpt_status vpt_queue_set_up(struct vpt_queue *queue, struct vpt_device *device, struct vpt_queue_wish *wish,
                                 const struct vpt_queue_form *form);

/* Whether `queue`, which may be any memory, is one that the device has been given since its last reset. */
bool vpt_queue_in_use(const struct vpt_device *device, const struct vpt_queue *queue);

/* Whether queue `index` can be set up now, and the largest size that is not above the device's maximum. */
enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, uint32_t *maximum);

/* Fills the rings and the private state for the features that are negotiated, and resolves the doorbell. */
enum vpt_status vpt_queue_prepare(struct vpt_queue *queue);

/* Gives the queue to the device: whatever this returns, it is the device's until a reset. */
enum vpt_status vpt_queue_enable(struct vpt_queue *queue);

/* Unmaps what vpt_queue_prepare() has resolved. */
void vpt_queue_leave_doorbell(const struct vpt_queue *queue);

/* Requests in flight, counted one by one. */
uint32_t vpt_queue_in_flight(const struct vpt_queue *queue);

/*
 * Why requests in flight come back: VPT_CANCELLED, VPT_DEVICE_STUCK or VPT_DEVICE_GONE. VPT_CALLER_STATE: they do not
 * yet, because the device still uses the queue, as far as is known; or the queue is not set up.
 */
enum vpt_status vpt_queue_ended(const struct vpt_queue *queue);

#endif
