/* SPDX-License-Identifier: MIT */
/* How a device's interrupts reach the CPU: on which line, or by which messages. */
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

/* Whether the machine can do that for a device in this place: messages (MSI-X) are not everywhere. */
bool wiring_possible(enum vpt_interrupt_mode mode, const struct device_place *place);

/* Before vpt_device_negotiate(): turns MSI-X on if the mode wants it. Makes *wiring a new one. */
bool wiring_prepare(struct wiring *wiring, enum vpt_interrupt_mode mode, const struct device *device,
                    const struct device_place *place);

/* After it: tells the device which way virtqueue 0 and the configuration interrupt, and attaches them. */
bool wiring_connect(struct wiring *wiring);

/* After the device's reset. */
void wiring_disconnect(struct wiring *wiring);

#endif
