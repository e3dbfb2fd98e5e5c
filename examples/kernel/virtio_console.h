/* SPDX-License-Identifier: MIT */
/* A virtio console: what the kernel prints there comes out at the host, and what is typed there comes to the kernel. */
#ifndef KERNEL_VIRTIO_CONSOLE_H
#define KERNEL_VIRTIO_CONSOLE_H

#include "devices.h"

/*
 * Prints a line as a panic would, before anything is set up. Then brings the device up, prints a line, waits for one,
 * and prints it back. Says on the serial port what came: "@console line".
 */
bool virtio_console_talk(const struct vpt_port *port, const struct device_place *place);

#endif
