/* SPDX-License-Identifier: MIT */
/* The configuration space as a guest finds it at power-on (compose.c). */
#ifndef VPT_SRC_ASSIGN_COMPOSE_H
#define VPT_SRC_ASSIGN_COMPOSE_H

#include <vpt/assign.h>

/*
 * Fills device->classes and device->shadow again, from the function as it was at the open (device->saved) and from what
 * the caller hides and shows. BARs, the ROM and the decode bits become 0. Does not access the host, and cannot fail.
 * Called at the open, by vpt_assign_hide() and vpt_assign_show(), and at each release and reset, when no BAR is mapped.
 */
void vpt_assign_compose(struct vpt_assign_device *device);

/* Calls vpt_assign_compose(), and resets all else that a guest sees of the device to its state at power-on. */
void vpt_assign_power_on(struct vpt_assign_device *device);

#endif
