/* SPDX-License-Identifier: MIT */
/*
 * Makes a physical PCI function that a port reaches a host of <vpt/assign.h>. The port has no functions for some hooks
 * (interrupts, resets specific to the machine, delay()); the hypervisor sets them in `host` before it opens the device.
 *
 * Accesses to memory have no barriers: the guest's driver has ordered its accesses on the CPU that makes them. A
 * hypervisor that makes them on another CPU must add barriers.
 */
#ifndef VPT_ASSIGN_PORT_H
#define VPT_ASSIGN_PORT_H

#include <vpt/assign.h>

VPT_BEGIN_DECLARATIONS

#define VPT_ASSIGN_PORT_WINDOWS 8u

/* Mapped memory of a function. Private. */
struct vpt_assign_port_window {
    uint64_t address;
    size_t size;
    void *mapping;
};

/* A physical function that the port reaches. `host` is for struct vpt_assign_config; `function` may be read. */
struct vpt_assign_port_host {
    struct vpt_assign_host host;
    struct vpt_pci_function function;
    struct vpt_assign_port_window window[VPT_ASSIGN_PORT_WINDOWS];
    uint8_t windows;
};

/*
 * Makes a host of a function. The port must outlive *host, and *host the devices that are opened with it.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL; *host is zeroed.
 */
enum vpt_status vpt_assign_port_init(struct vpt_assign_port_host *host, const struct vpt_pci_function *function);

/*
 * Maps memory of the function where guests' accesses are trapped (registers). An access of 1, 2 or 4 bytes outside all
 * such windows, or one of 8 bytes, returns VPT_UNSUPPORTED_PORT. The call needs the device's lock, and may be made
 * before or after the open.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the range makes no sense.
 * VPT_RESOURCE_FULL: there are VPT_ASSIGN_PORT_WINDOWS windows.
 * VPT_UNSUPPORTED_PORT: the port cannot map memory.
 * an error of mmio_map().
 */
enum vpt_status vpt_assign_port_map(struct vpt_assign_port_host *host, uint64_t address, size_t size);

/* Unmaps the windows and zeroes *host. No device may be open with it. */
void vpt_assign_port_release(struct vpt_assign_port_host *host);

VPT_END_DECLARATIONS

#endif
