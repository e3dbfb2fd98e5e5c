/* SPDX-License-Identifier: MIT */
/* The way that a device interrupts: vectors with read-back, the line, or none (VirtIO 1.4, section 4.1.5.1.2). */
#include "../log.h"
#include "transport_ops.h"

/* Assigns the vectors of `plan`. Returns whether the device has accepted all of them. */
static bool assign(struct vpt_device *device, const struct vpt_interrupts *plan)
{
    uint32_t queue;
    uint16_t vector = plan->queue;

    if (!device->ops->pci->vector_assign(device, VPT_VECTOR_CONFIGURATION, plan->configuration)) {
        return false;
    }
    for (queue = 0; queue < plan->queues; queue++) {
        if (!device->ops->pci->vector_assign(device, queue, vector)) {
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

/* Tries the modes with vectors, the best first. Each mode overwrites what a failed mode has assigned. */
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
    return assign(device, plan);
}

/* Tries vectors if they are wanted and MSI-X is on. No vector stays assigned unless the device accepts all of them. */
static enum vpt_status try_vectors(struct vpt_device *device, struct vpt_interrupts *plan, bool *assigned)
{
    bool wanted = plan->mode >= VPT_INTERRUPTS_SHARED && plan->vectors != 0;
    uint32_t count = 0;
    enum vpt_status status = device->ops->pci != NULL ? device->ops->pci->vectors(device, &count) : VPT_OK;

    *assigned = false;
    if (status != VPT_OK || count == 0) {
        return status;
    }
    if (wanted && (plan->vectors > count || plan->first > count - plan->vectors)) {
        return VPT_CALLER_RANGE; /* PCI-MSIX-4 */
    }
    *assigned = wanted && assign_best(device, plan);
    if (!*assigned) {
        enum vpt_interrupt_mode mode = plan->mode;

        plan_without_vectors(plan, mode);
        (void)assign(device, plan);
    }
    if (wanted && !*assigned) {
        (void)vpt_log(device->port, VPT_LOG_WARNING, "vectors", VPT_DEVICE_PCI_MSIX);
    }
    return VPT_OK;
}

/* Uses the line. Without a line the driver has to poll. */
static enum vpt_status use_line(struct vpt_device *device, struct vpt_interrupts *plan)
{
    bool wanted = plan->mode != VPT_INTERRUPTS_POLLING;
    enum vpt_status status = device->ops->pci != NULL ? device->ops->pci->line(device, wanted) : VPT_OK;

    plan_without_vectors(plan, wanted ? VPT_INTERRUPTS_LINE : VPT_INTERRUPTS_POLLING);
    if (status == VPT_UNSUPPORTED_REQUEST) {
        plan->mode = VPT_INTERRUPTS_POLLING;
        status = VPT_OK;
    }
    return status;
}

enum vpt_status vpt_device_choose_interrupts(struct vpt_device *device, struct vpt_interrupts *interrupts)
{
    bool assigned = false;
    enum vpt_status status;

    if (interrupts == NULL || (unsigned)interrupts->mode > VPT_INTERRUPTS_PER_QUEUE) {
        return VPT_CALLER_ARGUMENT;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    status = try_vectors(device, interrupts, &assigned);
    return status != VPT_OK || assigned ? status : use_line(device, interrupts);
}
