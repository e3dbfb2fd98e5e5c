/* SPDX-License-Identifier: MIT */
/* A folder of the host's, by 9P or by virtiofs. */
#ifndef KERNEL_SHARE_H
#define KERNEL_SHARE_H

#include "devices.h"

/*
 * These list the folder, copy its file "from-host.txt" to "from-guest.txt" and add a line of their own there. Then they
 * say what they did: "@share tag entries bytes checksum", where the bytes are those of the new file, and the checksum
 * is their Adler-32.
 */
bool share_use_9p(const struct vpt_port *port, const struct device_place *place);
bool share_use_fs(const struct vpt_port *port, const struct device_place *place);

#endif
