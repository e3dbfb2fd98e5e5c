/* SPDX-License-Identifier: MIT */
/* Waiting for the one request of a blocking helper, and until a queue is idle. */
#include "slots.h"

#include "../log.h"
#include "../transport/transport_ops.h"
#include "../transport/wait.h"

enum vpt_status vpt_requests_ready(const struct vpt_requests *requests)
{
    const struct vpt_queue *queue = &requests->queue;
    const struct vpt_device *device = queue->device;

    if (queue->slots == NULL) {
        return VPT_CALLER_STATE;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (queue->dead != VPT_OK) {
        return queue->dead;
    }
    if (!vpt_running(device) || device->resets != queue->resets) {
        return VPT_CALLER_STATE;
    }
    return slots_in_flight(requests) == 0 ? VPT_OK : VPT_CALLER_BUSY;
}

enum vpt_status vpt_slots_wait_once(struct vpt_requests *requests, struct vpt_completion *completion,
                                    uint32_t *iteration)
{
    struct vpt_device *device = requests->queue.device;
    enum vpt_status status = vpt_requests_poll(requests, completion);

    if (status != VPT_EMPTY || vpt_keep_waiting(device->port, VPT_WAIT_REQUEST, iteration)) {
        return status;
    }
    /* This CPU may not have run since it polled. */
    status = vpt_requests_poll(requests, completion);
    if (status != VPT_EMPTY) {
        return status;
    }
    status = vpt_device_check(device);
    return status == VPT_OK ? VPT_DEVICE_TIMEOUT : status;
}

/* The device may still write to the data, so it is reset before anything is given back. */
enum vpt_status vpt_slots_give_up(struct vpt_requests *requests, enum vpt_status why)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_device_reset(requests->queue.device);

    /* Polls for each request, which may have completed just before the reset, then once more, to end the queue. */
    while (vpt_requests_poll(requests, &completion) == VPT_OK) {
    }
    if (status == VPT_DEVICE_STUCK || status == VPT_DEVICE_GONE) {
        return status;
    }
    return vpt_log(requests->queue.device->port, VPT_LOG_ERROR, "request", why);
}

/* Nothing is in flight, so this poll finds nothing, but it asks for an interrupt of the next request. */
static void arm(struct vpt_requests *requests)
{
    struct vpt_completion none;

    (void)vpt_requests_poll(requests, &none);
}

enum vpt_status vpt_requests_wait(struct vpt_requests *requests, struct vpt_completion *completion)
{
    enum vpt_status status = vpt_requests_kick(requests);
    uint32_t iteration = 0;

    if (status == VPT_OK) {
        do {
            status = vpt_slots_wait_once(requests, completion, &iteration);
        } while (status == VPT_EMPTY);
    }
    if (status != VPT_OK) {
        /* A queue that is not set up has no device. */
        return requests->queue.slots != NULL ? vpt_slots_give_up(requests, status) : status;
    }
    arm(requests);
    return VPT_OK;
}

enum vpt_status vpt_requests_quiesce(struct vpt_requests *requests, vpt_requests_done *done, void *ctx)
{
    struct vpt_completion completion;
    uint32_t iteration = 0;
    enum vpt_status status;
    uint32_t left;

    if (requests == NULL || requests->queue.slots == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    left = slots_in_flight(requests);
    status = left != 0 ? vpt_requests_kick(requests) : VPT_OK;
    while (left != 0 && (status == VPT_OK || status == VPT_EMPTY)) {
        status = vpt_slots_wait_once(requests, &completion, &iteration);
        if (status == VPT_OK) {
            left--;
            iteration = 0;
            if (done != NULL) {
                done(ctx, &completion);
            }
        }
    }
    if (status == VPT_OK) {
        arm(requests);
    }
    return status;
}
