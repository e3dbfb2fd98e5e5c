/* SPDX-License-Identifier: MIT */
/* A memory balloon: the kernel gives memory to the host, and takes it again. */
#ifndef KERNEL_BALLOON_H
#define KERNEL_BALLOON_H

#include "devices.h"

/*
 * Brings the balloon up, gives pages to the host, looks what is left in them, takes them back and uses them again.
 * Prints how many pages the host wanted and how many were given, and how many of these read as zero while the host had
 * them: "@balloon wanted given zero". The host has the same numbers in its events: BALLOON_CHANGE.
 */
bool balloon_use(const struct vpt_port *port, const struct device_place *place);

#endif
