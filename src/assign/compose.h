/* SPDX-License-Identifier: MIT */
/* The configuration space as a guest finds it at power-on (compose.c). */
#ifndef VPT_SRC_ASSIGN_COMPOSE_H
#define VPT_SRC_ASSIGN_COMPOSE_H

#include <vpt/assign.h>

/*
 * Makes classes and shadow anew from what the function was like when it was opened (device->saved), and from what the
 * caller hides and shows. BARs, the ROM and the decode bits are 0. Does not ask the host for anything, and cannot fail.
 * No BAR is mapped when this is called: at the open, in vpt_assign_hide() and vpt_assign_show(), for each new owner and
 * at each reset.
 */
void vpt_assign_compose(struct vpt_assign_device *device);

/* Composes the space, and makes all other state of the guest's side what it is at power-on. No BAR is mapped. */
void vpt_assign_power_on(struct vpt_assign_device *device);

#endif
