/* SPDX-License-Identifier: MIT */
/* The port: what the library is given on these machines, and what takes the place of a kernel's search for devices. */
#ifndef UNIKERNEL_PORT_H
#define UNIKERNEL_PORT_H

#include <vpt/transport.h>

/* The first block device in a virtio-mmio slot, and its interrupt line. NULL: there is none. After machine_init(). */
struct vpt_device *port_find_disk(unsigned *line);

#endif
