/* SPDX-License-Identifier: MIT */
/* Random bytes from an entropy device, as a kernel uses them to seed its own generator. */
#ifndef KERNEL_ENTROPY_H
#define KERNEL_ENTROPY_H

#include "devices.h"

/*
 * Brings the device up, reads bytes by the blocking helper and by several requests in flight at once, and takes it
 * down. Prints how many bytes came by each, and a checksum: "@entropy bytes checksum".
 */
bool entropy_read(const struct vpt_port *port, const struct device_place *place);

#endif
