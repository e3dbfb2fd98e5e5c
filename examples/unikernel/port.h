/* SPDX-License-Identifier: MIT */
/* The library's port on these machines, and the search for the devices. */
#ifndef UNIKERNEL_PORT_H
#define UNIKERNEL_PORT_H

#include <vpt/transport.h>

#include "machine.h"

struct port_device {
    uint32_t type;             /* VPT_DEVICE_TYPE_*; the caller sets it */
    struct vpt_device *device; /* NULL: there is none */
    unsigned line;             /* the device's interrupt line */
};

#define PORT_DEVICES 2u

/* Finds the first device of each type. Call once, after machine_init(). */
void port_find(struct port_device devices[PORT_DEVICES]);

/* Finds those that are not found yet among the functions on PCI; port_find() calls it. */
void port_find_functions(struct vpt_port *port, const struct machine_pci *pci,
                         struct port_device devices[PORT_DEVICES]);

/* The element that waits for a device of this type, or NULL. */
static inline struct port_device *port_wanted(struct port_device devices[PORT_DEVICES], uint32_t type)
{
    for (unsigned i = 0; i < PORT_DEVICES; i++) {
        if (devices[i].type == type && devices[i].device == NULL) {
            return &devices[i];
        }
    }
    return NULL;
}

#endif
