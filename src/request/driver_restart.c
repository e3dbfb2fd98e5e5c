/* SPDX-License-Identifier: MIT */
/* Starting a driver again after a reset, in the memory that it has, and ending it. */
#include "slots.h"

#include "../access.h"

static bool in_flight(const struct vpt_driver *driver)
{
    const struct vpt_requests *queue = driver->first;

    while (queue != NULL && slots_in_flight(queue) == 0) {
        queue = queue->next;
    }
    return queue != NULL;
}

/* Returns all features that are not in `features`. */
static void complement(const struct vpt_features *features, struct vpt_features *others)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS; word++) {
        others->word[word] = ~features->word[word];
    }
}

enum vpt_status vpt_driver_restart(struct vpt_driver *driver, struct vpt_interrupts *interrupts)
{
    struct vpt_feature_choice same;
    struct vpt_requests *queue;
    enum vpt_status status;

    if (driver == NULL || driver->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (in_flight(driver)) {
        return VPT_CALLER_BUSY;
    }
    same.required = driver->features;
    complement(&driver->features, &same.refused);
    status = vpt_driver_bring_up(driver, &driver->features, &same);
    if (status == VPT_OK && interrupts != NULL) {
        status = vpt_device_choose_interrupts(driver->device, interrupts);
    }
    for (queue = driver->first; queue != NULL && status == VPT_OK; queue = queue->next) {
        status = vpt_queue_restart(&queue->queue);
        if (status == VPT_OK) {
            vpt_requests_fit(queue);
        }
    }
    return status == VPT_OK ? vpt_driver_start(driver) : status;
}

enum vpt_status vpt_requests_release(struct vpt_requests *requests)
{
    struct vpt_requests **link;
    enum vpt_status status;

    if (requests == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (requests->driver == NULL) {
        return VPT_OK;
    }
    status = slots_in_flight(requests) == 0 ? vpt_queue_release(&requests->queue) : VPT_CALLER_BUSY;
    if (status == VPT_OK) {
        link = &requests->driver->first;
        while (*link != NULL && *link != requests) {
            link = &(*link)->next;
        }
        if (*link != NULL) {
            *link = requests->next;
        }
        vpt_zero(requests, sizeof(*requests));
    }
    return status;
}

enum vpt_status vpt_driver_release(struct vpt_driver *driver)
{
    enum vpt_status status;

    if (driver == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = in_flight(driver) ? VPT_CALLER_BUSY : VPT_OK;
    while (driver->first != NULL && status == VPT_OK) {
        status = vpt_requests_release(driver->first);
    }
    if (status == VPT_OK) {
        vpt_zero(driver, sizeof(*driver));
    }
    return status;
}

enum vpt_status vpt_driver_open(struct vpt_driver *driver, enum vpt_status status)
{
    if (status == VPT_OK) {
        status = vpt_driver_start(driver);
    }
    if (status != VPT_OK && vpt_device_reset(driver->device) == VPT_DEVICE_STUCK && driver->first != NULL) {
        return VPT_DEVICE_STUCK;
    }
    if (status != VPT_OK) {
        (void)vpt_driver_release(driver);
    }
    return status;
}
