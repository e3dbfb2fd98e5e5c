/* SPDX-License-Identifier: MIT */
/*
 * Several requests in one call. Half of what a single request costs is the call and the state of the queue, which is
 * read and written once here. Anything unusual goes through the calls for one request.
 */
#include "sequential_batch.h"
#include "slot_batch.h"

/* Submits requests of one data segment, as long as they and the slots have the same shape. Returns how many. */
static uint32_t submit_alike(struct vpt_requests *requests, const struct vpt_request *batch, uint32_t count)
{
    const bool writable = batch->writable != 0;
    const uint32_t shape = slot_shape(1, writable);
    const uint32_t most = requests->segment_max < SLOT_BYTES_MAX ? requests->segment_max : SLOT_BYTES_MAX;
    struct slot_batch slots;
    uint32_t reply;
    uint32_t done;

    count = slot_batch_begin(&slots, requests, count);
    reply = count != 0 ? requests->kind->reply : 0; /* the queue may not be set up */
    for (done = 0; done < count; done++) {
        const struct vpt_request *request = &batch[done];
        uint32_t length;

        if ((request->readable | ((uint32_t)request->writable << 16)) != shape) {
            break;
        }
        length = request->segments->length;
        if (length - 1u >= most ||
            !slot_batch_add(&slots, request->segments->address, length, writable, reply, request->token)) {
            break;
        }
    }
    slot_batch_end(&slots, requests, done);
    return done;
}

enum vpt_status vpt_requests_submit_batch(struct vpt_requests *requests, const struct vpt_request *batch,
                                          uint32_t count, uint32_t *done)
{
    enum vpt_status status = VPT_OK;

    *done = 0;
    while (*done < count && status == VPT_OK) {
        if (VPT_FOR_SPEED) {
            *done += queue_sequential(&requests->queue)
                         ? vpt_sequential_submit_alike(requests, batch + *done, count - *done)
                         : submit_alike(requests, batch + *done, count - *done);
        }
        if (*done < count) {
            const struct vpt_request *request = &batch[*done];

            status =
                vpt_requests_submit(requests, request->segments, request->readable, request->writable, request->token);
            *done += status == VPT_OK ? 1u : 0u;
        }
    }
    return status;
}

/* Sets the status of the last `count` requests, whose slots are free again. */
static void judge(const struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    const struct vpt_queue *queue = &requests->queue;
    uint32_t slot = queue->free_head;

    if (queue_in_order(queue)) {
        slot = queue->oldest;
    }
    while (count != 0) {
        count--;
        if (queue_in_order(queue)) {
            slot = slot != 0 ? slot - 1u : queue->slot_count - 1u;
        }
        completions[count].status =
            requests->kind->result(requests, slot_or_null(requests, slot), completions[count].length);
        slot = queue_in_order(queue) ? slot : queue->slots[slot].tail;
    }
}

/* Takes back requests that the device is known to have used, up to one that is not in flight. Returns how many. */
static uint32_t take_seen(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    struct vpt_queue *queue = &requests->queue;
    const struct split_used *used = split_used_ring(queue);
    uint32_t last_used = queue->last_used;
    uint32_t head = queue->free_head;
    bool order = queue->device_order;
    uint32_t done;

    if (queue->available_index != queue->published) {
        return 0;
    }
    count = count < queue->used_seen - last_used ? count : queue->used_seen - last_used;
    for (done = 0; done < count; done++) {
        const struct split_used_element *element = &used->ring[last_used & queue->mask];
        uint32_t id = vpt_order32(order, vpt_load32(&element->id));
        uint32_t length = vpt_order32(order, vpt_load32(&element->length));
        struct vpt_queue_slot *slot;

        if (VPT_UNLIKELY(id >= queue->slot_count || queue->slots[id].count == 0)) {
            break;
        }
        slot = &queue->slots[id];
        completions[done].token = slot->token;
        completions[done].length = length < slot->writable ? length : slot->writable;
        completions[done].status = VPT_OK;
        slot->count = 0;
        slot->tail = (uint16_t)head;
        head = id;
        last_used++;
    }
    VPT_WRITE_ONCE(queue->last_used, last_used);
    queue->free_head = head;
    queue->unpublished = head;
    queue->free_count += done;
    return done;
}

static uint32_t take_alike(struct vpt_requests *requests, struct vpt_completion *completions, uint32_t count)
{
    uint32_t taken = queue_sequential(&requests->queue) ? vpt_sequential_take_seen(requests, completions, count)
                                                        : take_seen(requests, completions, count);

    if (taken != 0 && requests->kind->result != NULL) {
        judge(requests, completions, taken);
    }
    return taken;
}

enum vpt_status vpt_requests_poll_batch(struct vpt_requests *requests, struct vpt_completion *completions,
                                        uint32_t count, uint32_t *done)
{
    enum vpt_status status = VPT_OK;

    *done = 0;
    while (*done < count && status == VPT_OK) {
        if (VPT_FOR_SPEED) {
            *done += take_alike(requests, completions + *done, count - *done);
        }
        if (*done < count) {
            status = vpt_requests_poll(requests, completions + *done);
            *done += status == VPT_OK ? 1u : 0u;
        }
    }
    return status;
}
