/* SPDX-License-Identifier: MIT */
/* Set-up of a queue of requests, and calls that only call the queue. */
#include "slots_plan.h"

#include "../access.h"

/* Header and reply are in the slot, and with the data they are less than 4 GiB. Returns false if they cannot be. */
static bool measure_slot(struct vpt_requests *requests, uint32_t slot_size)
{
    uint64_t least = (uint64_t)requests->kind->header + requests->kind->reply;
    uint64_t size = slot_size != 0 ? slot_size : least;

    requests->slot_size = (uint32_t)(size + 15u) & ~15u;
    return size >= least && least <= SLOT_FIXED_MAX && size <= SLOT_SIZE_MAX;
}

/* Returns the link of the driver's list that points to this object, or the list's end. */
static struct vpt_requests **find_link(struct vpt_driver *driver, const struct vpt_requests *requests)
{
    struct vpt_requests **link = &driver->first;

    while (*link != NULL && *link != requests) {
        link = &(*link)->next;
    }
    return link;
}

static enum vpt_status set_up_slots(struct vpt_requests *requests, uint16_t index,
                                    const struct vpt_requests_config *config)
{
    struct vpt_queue_wish wish;
    enum vpt_status status;

    slots_plan(requests, index, config, &wish);
    status = vpt_queue_set_up(&requests->queue, requests->driver->device, &wish, &vpt_slots_form);
    if (status == VPT_OK) {
        vpt_requests_fit(requests);
    }
    return status;
}

enum vpt_status vpt_requests_init(struct vpt_requests *requests, struct vpt_driver *driver, uint16_t index,
                                  const struct vpt_requests_kind *kind, uint32_t slot_size,
                                  const struct vpt_requests_config *config)
{
    struct vpt_requests_config defaults;
    struct vpt_requests **link;
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (requests == NULL || driver == NULL || kind == NULL || driver->device == NULL) {
        return status;
    }
    link = find_link(driver, requests);
    if (*link != NULL) {
        return VPT_CALLER_STATE;
    }
    if (config == NULL) {
        vpt_zero(&defaults, sizeof(defaults));
        config = &defaults;
    }
    vpt_zero(requests, sizeof(*requests));
    requests->driver = driver;
    requests->kind = kind;
    if (measure_slot(requests, slot_size)) {
        status = set_up_slots(requests, index, config);
    }
    if (status == VPT_OK) {
        *link = requests;
    } else {
        vpt_zero(requests, sizeof(*requests));
    }
    return status;
}

void vpt_requests_fit(struct vpt_requests *requests)
{
    requests->segments = requests->segments_made;
    requests->segment_max = 0xffffffffu;
    if (requests->kind->fit != NULL) {
        requests->kind->fit(requests);
    }
    if (requests->segments > requests->segments_made && requests->queue.slots != NULL) {
        requests->segments = requests->segments_made;
    }
}

void *vpt_requests_next(const struct vpt_requests *requests)
{
    return slot_next(requests);
}

uint64_t vpt_requests_next_address(const struct vpt_requests *requests)
{
    return slot_address(requests, requests->queue.free_head);
}

enum vpt_status vpt_requests_kick(struct vpt_requests *requests)
{
    return vpt_queue_kick(&requests->queue);
}

void vpt_requests_notifications_off(struct vpt_requests *requests)
{
    vpt_queue_notifications_off(&requests->queue);
}

bool vpt_requests_notifications_on(struct vpt_requests *requests)
{
    return vpt_queue_notifications_on(&requests->queue);
}

uint32_t vpt_requests_free(const struct vpt_requests *requests)
{
    return requests->queue.free_count;
}
