/* SPDX-License-Identifier: MIT */
/* A folder of the host, by 9P. */
#ifndef KERNEL_SHARE_H
#define KERNEL_SHARE_H

#include "devices.h"

/*
 * Lists the folder, copies its file "from-host.txt" to "from-guest.txt" and adds a line of its own there. Then says
 * what it did: "@share tag entries bytes checksum", where the bytes are those of the new file, and the checksum is
 * their Adler-32.
 */
bool share_use(const struct vpt_port *port, const struct device_place *place);

#endif
