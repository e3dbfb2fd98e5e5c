/* SPDX-License-Identifier: MIT */
/* The reset of one queue while the device runs, and the queue's interrupt vector (VirtIO 1.4, section 2.6.1). */
#include "pci_function.h"
#include "transport_ops.h"
#include "wait.h"

static bool has_register(struct vpt_device *device)
{
    return device->ops->pci == NULL || vpt_pci_of(device)->common.length >= VPT_PCI_QUEUE_RESET_END;
}

enum vpt_status vpt_device_queue_reset(struct vpt_device *device, uint16_t index, bool again)
{
    enum vpt_status status = VPT_OK;
    uint32_t iteration = 0;

    if (!has_register(device)) {
        return VPT_DEVICE_CAPABILITY_RANGE;
    }
    vpt_device_put(device, VPT_REGISTER_QUEUE_SEL, index);
    if (!again) {
        vpt_device_put(device, VPT_REGISTER_QUEUE_RESET, 1);
    }
    /* VQRESET-1, PCI-COMMON-7, MMIO-REG-14 */
    while (vpt_device_get(device, VPT_REGISTER_QUEUE_RESET) != 0) {
        status = vpt_device_check(device);
        if (status != VPT_OK) {
            return status;
        }
        if (!vpt_keep_waiting(device->port, VPT_WAIT_QUEUE, &iteration)) {
            return VPT_DEVICE_TIMEOUT;
        }
    }
    /* Some devices offer RING_RESET and have no such register, which reads 0 then: the queue is still enabled. */
    return vpt_device_get(device, VPT_REGISTER_QUEUE_READY) == 0 ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

uint16_t vpt_device_queue_vector(struct vpt_device *device, uint16_t index)
{
    if (device->ops->pci == NULL) {
        return VPT_NO_VECTOR;
    }
    vpt_device_put(device, VPT_REGISTER_QUEUE_SEL, index);
    return (uint16_t)vpt_device_get(device, VPT_REGISTER_QUEUE_VECTOR);
}

enum vpt_status vpt_device_queue_vector_assign(struct vpt_device *device, uint16_t index, uint16_t vector)
{
    if (vector == VPT_NO_VECTOR || device->ops->pci == NULL) {
        return VPT_OK;
    }
    return device->ops->pci->vector_assign(device, index, vector) ? VPT_OK : VPT_DEVICE_PCI_MSIX;
}
