/* SPDX-License-Identifier: MIT */
/* What other files of the library use of a queue, apart from its public calls. */
#ifndef VPT_SRC_QUEUE_INTERNAL_H
#define VPT_SRC_QUEUE_INTERNAL_H

#include <vpt/queue.h>

/* ---- The steps of a set-up ---- */

#define VPT_QUEUE_DEFAULT_SIZE_MAX 256u /* entries, if the caller names no size and no request needs more */

/* What a set-up is to make: struct vpt_queue_config, in terms that suit every form. */
struct vpt_queue_wish {
    const struct vpt_queue_memory *memory;
    uint32_t size; /* entries; 0: the device's maximum, up to `most` */
    uint32_t most;
    uint32_t requests; /* in flight; a general queue ignores this */
    uint32_t tables;   /* indirect tables */
    uint32_t segments; /* entries of each table */
    uint16_t index;
    /* The set-up fills in the next two. */
    bool pieces;    /* the rings have three pieces */
    uint32_t least; /* the fewest entries that are useful */
};

/* How the requests of a queue are kept. vpt_queue.form is not NULL once the set-up has begun. */
struct vpt_queue_form {
    /*
     * Called after the size is chosen: sets how many slots and tables there are, and returns the bytes of the private
     * state and of what the device sees of the slots. VPT_DEVICE_QUEUE_SIZE: the ring is too small.
     */
    enum vpt_status (*plan)(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t *private_bytes,
                            uint64_t *slot_bytes);

    /* Fills the private state, the descriptors and the tables. */
    void (*prepare)(struct vpt_queue *queue);
};

/* Does what vpt_queue_init() does, for any form; the queue is zeroed. *wish becomes what was made. */
enum vpt_status vpt_queue_set_up(struct vpt_queue *queue, struct vpt_device *device, struct vpt_queue_wish *wish,
                                 const struct vpt_queue_form *form);

/* Whether `queue` was given to the device after its last reset. `queue` may point to any memory. */
bool vpt_queue_in_use(const struct vpt_device *device, const struct vpt_queue *queue);

/* Checks whether queue `index` can be set up now, and returns the largest size up to the device's maximum. */
enum vpt_status vpt_queue_find(struct vpt_device *device, uint16_t index, uint32_t *maximum);

/* Fills the rings and the private state for the negotiated features, and finds the doorbell. */
enum vpt_status vpt_queue_prepare(struct vpt_queue *queue);

/* Gives the queue to the device, which may use it until a reset, even after an error. */
enum vpt_status vpt_queue_enable(struct vpt_queue *queue);

/*
 * Does what vpt_queue_prepare() and vpt_queue_enable() do, for a queue that was reset, alone or with its device. After
 * an error the queue has stopped.
 */
enum vpt_status vpt_queue_begin_again(struct vpt_queue *queue);

/*
 * Sets up *queue, a zeroed one, in place of `old`, which was there before, was reset alone and has nothing in flight.
 * If queue->slots is NULL after an error, the caller must put `old` back; its memory was not touched. Otherwise the
 * memory of `old` was given back.
 */
enum vpt_status vpt_queue_replace(struct vpt_queue *queue, struct vpt_queue *old, struct vpt_queue_wish *wish);

/* Unmaps the doorbell that vpt_queue_prepare() has found. */
void vpt_queue_leave_doorbell(const struct vpt_queue *queue);

/*
 * Marks a queue that was reset alone, for as long as its device is not reset, too. Such a queue is none of
 * device->queues, and vpt_queue_ended() finds that the device has had another reset than the queue.
 */
static inline void queue_mark_reset(struct vpt_queue *queue)
{
    queue->next = queue;
    queue->resets = queue->device->resets - 1u;
}

/* Whether the queue was reset alone, and neither set up again nor reset with its device since. */
static inline bool queue_reset_alone(const struct vpt_queue *queue)
{
    return queue->next == queue && queue->resets == queue->device->resets - 1u;
}

/* Counts the requests in flight. */
uint32_t vpt_queue_in_flight(const struct vpt_queue *queue);

/*
 * Returns why requests in flight come back: VPT_CANCELLED, VPT_DEVICE_STUCK or VPT_DEVICE_GONE. VPT_CALLER_STATE: they
 * do not come back yet, because the device may still use the queue; or the queue is not set up.
 */
enum vpt_status vpt_queue_ended(const struct vpt_queue *queue);

#endif
