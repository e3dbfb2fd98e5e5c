/* SPDX-License-Identifier: MIT */
/* The library's port on these machines, and the search for the disk. */
#ifndef UNIKERNEL_PORT_H
#define UNIKERNEL_PORT_H

#include <vpt/transport.h>

/* Finds the first block device in a virtio-mmio slot, and its interrupt line. NULL: none. Call after machine_init(). */
struct vpt_device *port_find_disk(unsigned *line);

#endif
