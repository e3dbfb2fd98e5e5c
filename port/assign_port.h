/* SPDX-License-Identifier: MIT */
/*
 * A physical PCI function, as a port reaches it, as a host of <vpt/assign.h>. Hooks that the port has no functions for
 * (interrupts, resets of the machine's own, delay()) are the hypervisor's: it sets them in `host` before the open.
 *
 * Accesses to memory have no barriers of their own: they are a guest's, whose driver has ordered them on the CPU that
 * makes them. A hypervisor that makes them on another CPU puts its own between.
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

/* A physical function as the port reaches it. `host` is for struct vpt_assign_config; the rest is private. */
struct vpt_assign_port_host {
    struct vpt_assign_host host;
    struct vpt_pci_function function;
    struct vpt_assign_port_window window[VPT_ASSIGN_PORT_WINDOWS];
    uint8_t windows;
};

/* Makes one. The port outlives it, and it the devices opened with it. VPT_CALLER_ARGUMENT, and *host is zeroed. */
enum vpt_status vpt_assign_port_init(struct vpt_assign_port_host *host, const struct vpt_pci_function *function);

/*
 * Maps memory of the function where guests' accesses are trapped (registers): an access of 1, 2 or 4 bytes that lies in
 * no such window, or one of 8, is VPT_UNSUPPORTED_PORT. May be called before or after the open, with the device's lock.
 * VPT_RESOURCE_FULL: too many windows. VPT_CALLER_ARGUMENT, VPT_UNSUPPORTED_PORT, errors of mmio_map().
 */
enum vpt_status vpt_assign_port_map(struct vpt_assign_port_host *host, uint64_t address, size_t size);

/* Unmaps the windows and zeroes. No device is open with it. */
void vpt_assign_port_release(struct vpt_assign_port_host *host);

VPT_END_DECLARATIONS

#endif
