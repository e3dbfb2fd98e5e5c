/* SPDX-License-Identifier: MIT */
/* The reset of one queue of requests, and its next set-up, while the device's other queues work. */
#include "slots_plan.h"

#include "../access.h"

enum vpt_status vpt_requests_reset(struct vpt_requests *requests)
{
    return requests != NULL ? vpt_queue_reset(&requests->queue) : VPT_CALLER_ARGUMENT;
}

static enum vpt_status resize(struct vpt_requests *requests, const struct vpt_requests_config *config)
{
    struct vpt_requests old = *requests;
    struct vpt_queue_wish wish;
    enum vpt_status status;

    vpt_zero(&requests->queue, sizeof(requests->queue));
    slots_plan(requests, old.queue.index, config, &wish);
    status = vpt_queue_replace(&requests->queue, &old.queue, &wish);
    if (requests->queue.slots == NULL) {
        *requests = old;
    }
    return status;
}

enum vpt_status vpt_requests_restart(struct vpt_requests *requests, const struct vpt_requests_config *config)
{
    enum vpt_status status;

    if (requests == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_queue_ended(&requests->queue);
    if (status != VPT_CANCELLED || !queue_reset_alone(&requests->queue)) {
        return status == VPT_CANCELLED ? VPT_CALLER_STATE : status;
    }
    if (slots_in_flight(requests) != 0) {
        return VPT_CALLER_BUSY;
    }
    status = config != NULL ? resize(requests, config) : vpt_queue_restart(&requests->queue);
    if (status == VPT_OK) {
        vpt_requests_fit(requests);
        status = requests->kind->started != NULL ? requests->kind->started(requests) : VPT_OK;
    }
    return status;
}
