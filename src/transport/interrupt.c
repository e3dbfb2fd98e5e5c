/* SPDX-License-Identifier: MIT */
/* Which way a device interrupts: vectors with read-back, and what is next best (VirtIO 1.4, section 4.1.5.1.2). */
#include "transport/transport.h"
#include "transport/wait.h"

/* Assigns the vectors that `plan` has, and whether the device has taken all of them. */
static bool assign(struct vpt_device *device, const struct vpt_interrupts *plan)
{
    uint32_t queue;
    uint16_t vector = plan->queue;

    if (!device->ops->vector_assign(device, VPT_VECTOR_CONFIGURATION, plan->configuration)) {
        return false;
    }
    for (queue = 0; queue < plan->queues; queue++) {
        if (!device->ops->vector_assign(device, queue, vector)) {
            return false;
        }
        vector = (uint16_t)(vector + plan->step);
    }
    return true;
}

static void plan_without_vectors(struct vpt_interrupts *plan, enum vpt_interrupt_mode mode)
{
    plan->mode = mode;
    plan->configuration = VPT_NO_VECTOR;
    plan->queue = VPT_NO_VECTOR;
    plan->step = 0;
}

static void plan_vectors(struct vpt_interrupts *plan, enum vpt_interrupt_mode mode, uint16_t queue_offset,
                         uint16_t step)
{
    plan->mode = mode;
    plan->configuration = plan->first;
    plan->queue = (uint16_t)(plan->first + queue_offset);
    plan->step = step;
}

/* The modes with vectors, the best first. What was assigned before one failed is taken back at the end. */
static bool assign_best(struct vpt_device *device, struct vpt_interrupts *plan)
{
    bool per_queue = plan->mode == VPT_INTERRUPTS_PER_QUEUE;

    if (per_queue && plan->vectors > plan->queues) {
        plan_vectors(plan, VPT_INTERRUPTS_PER_QUEUE, 1, 1);
        if (assign(device, plan)) {
            return true;
        }
    }
    if (plan->vectors >= 2u) {
        plan_vectors(plan, VPT_INTERRUPTS_SHARED, 1, 0);
        if (assign(device, plan)) {
            return true;
        }
    }
    plan_vectors(plan, VPT_INTERRUPTS_SHARED, 0, 0);
    if (assign(device, plan)) {
        return true;
    }
    plan_without_vectors(plan, VPT_INTERRUPTS_LINE);
    (void)assign(device, plan);
    return false;
}

/* Whether vectors could be used: MSI-X is on, and there are any. Those named must be entries of the table. */
static enum vpt_status check_vectors(struct vpt_device *device, const struct vpt_interrupts *plan, bool *usable)
{
    uint32_t count = 0;
    enum vpt_status status = VPT_OK;

    if (plan->mode >= VPT_INTERRUPTS_SHARED && plan->vectors != 0 && device->ops->vectors != NULL) {
        status = device->ops->vectors(device, &count);
    }
    *usable = count != 0;
    if (status == VPT_OK && *usable && (plan->vectors > count || plan->first > count - plan->vectors)) {
        status = VPT_CALLER_RANGE; /* PCI-MSIX-4 */
    }
    return status;
}

enum vpt_status vpt_device_interrupts(struct vpt_device *device, struct vpt_interrupts *interrupts)
{
    bool usable = false;
    enum vpt_status status;

    if (interrupts == NULL || (unsigned)interrupts->mode > VPT_INTERRUPTS_PER_QUEUE) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device->gone) {
        return VPT_DEVICE_GONE;
    }
    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    status = check_vectors(device, interrupts, &usable);
    if (status != VPT_OK || (usable && assign_best(device, interrupts))) {
        return status;
    }
    plan_without_vectors(interrupts, interrupts->mode != VPT_INTERRUPTS_POLLING ? VPT_INTERRUPTS_LINE
                                                                                 : VPT_INTERRUPTS_POLLING);
    if (usable) {
        (void)vpt_log(device->port, VPT_LOG_WARNING, "vectors", VPT_DEVICE_PCI_MSIX);
    }
    return device->ops->line != NULL ? device->ops->line(device, interrupts->mode == VPT_INTERRUPTS_LINE) : VPT_OK;
}
