/* SPDX-License-Identifier: MIT */
/* The configuration space as a guest finds it at power-on (compose.c). */
#ifndef VPT_SRC_ASSIGN_COMPOSE_H
#define VPT_SRC_ASSIGN_COMPOSE_H

#include <vpt/assign.h>

/*
 * Makes classes and shadow anew from what the function was like when it was opened (device->saved), and from what the
 * caller hides and shows. BARs, the ROM and the decode bits are 0. Asks the host for nothing, and cannot fail. Called
 * at the open, by vpt_assign_hide() and vpt_assign_show(), for each new owner and at each reset, when no BAR is mapped.
 */
void vpt_assign_compose(struct vpt_assign_device *device);

/* Calls vpt_assign_compose(), and resets the rest of what a guest sees of the device to what it is at power-on. */
void vpt_assign_power_on(struct vpt_assign_device *device);

#endif
