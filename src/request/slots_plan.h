/* SPDX-License-Identifier: MIT */
/* What a queue of requests asks the set-up of its virtqueue for. */
#ifndef VPT_SRC_REQUEST_SLOTS_PLAN_H
#define VPT_SRC_REQUEST_SLOTS_PLAN_H

#include "slots.h"

static inline uint32_t slots_either(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

/* The queue's default size is enough, unless a single request is longer. */
static inline uint32_t slots_default_size(uint32_t run)
{
    uint32_t size = VPT_QUEUE_DEFAULT_SIZE_MAX;

    while (size < run) {
        size <<= 1;
    }
    return size;
}

/*
 * Returns how many data segments a slot is made for: at most what the longest ring has, and none if requests have only
 * a reply.
 */
static inline uint32_t slots_plan_segments(struct vpt_requests *requests, uint32_t wanted)
{
    if (requests->kind->header == 0 && requests->kind->reply != 0) {
        return 0;
    }
    requests->segments_made = slots_either(wanted, requests->kind->segments);
    vpt_requests_fit(requests);
    wanted = slots_either(requests->segments, VPT_REQUESTS_DEFAULT_SEGMENTS);
    return wanted < VPT_QUEUE_SIZE_MAX - 2u ? wanted : VPT_QUEUE_SIZE_MAX - 2u;
}

/* Fills in what the set-up of queue `index` is to make. requests->queue is zeroed. */
static inline void slots_plan(struct vpt_requests *requests, uint16_t index, const struct vpt_requests_config *config,
                              struct vpt_queue_wish *wish)
{
    const struct vpt_requests_kind *kind = requests->kind;

    requests->segments_made = slots_plan_segments(requests, config->segments);
    wish->index = index;
    wish->memory = &config->memory;
    wish->requests = slots_either(slots_either(config->requests, kind->requests), VPT_REQUESTS_DEFAULT_REQUESTS);
    wish->tables = wish->requests;
    wish->segments = requests->segments_made + slot_fixed_descriptors(kind);
    wish->size = config->size;
    wish->most = slots_default_size(wish->segments);
}

#endif
