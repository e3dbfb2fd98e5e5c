/* SPDX-License-Identifier: MIT */
/* Random bytes from an entropy device: what a kernel seeds its own generator with. */
#ifndef KERNEL_ENTROPY_H
#define KERNEL_ENTROPY_H

#include "devices.h"

/*
 * Brings the device up, reads bytes by the blocking helper and by several requests in flight at once, and takes it
 * down. Says how many bytes came in either way, and which: "@entropy bytes checksum".
 */
bool entropy_read(const struct vpt_port *port, const struct device_place *place);

#endif
