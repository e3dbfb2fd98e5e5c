/* SPDX-License-Identifier: MIT */
/* How a device's interrupts reach the CPU: by a line or by messages. */
#ifndef KERNEL_WIRING_H
#define KERNEL_WIRING_H

#include "devices.h"
#include "interrupts.h"

struct wiring {
    enum vpt_interrupt_mode mode;
    struct interrupt_source source;
    struct vpt_pci_msix msix;
    unsigned line; /* VPT_INTERRUPTS_LINE */
};

/* Whether machine and device support the mode: not every place has messages (MSI-X), nor every function. */
bool wiring_possible(enum vpt_interrupt_mode mode, const struct device_place *place);

/* Call before vpt_device_negotiate(): turns MSI-X on if the mode uses it, and initializes *wiring. */
bool wiring_prepare(struct wiring *wiring, enum vpt_interrupt_mode mode, const struct device *device,
                    const struct device_place *place);

/* Call after vpt_device_negotiate(): configures and attaches the interrupts of virtqueue 0 and the configuration. */
bool wiring_connect(struct wiring *wiring);

/* Call after the device's reset. */
void wiring_disconnect(struct wiring *wiring);

#endif
