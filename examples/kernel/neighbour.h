/* SPDX-License-Identifier: MIT */
/* An entropy source that is used together with the disk, on the disk's line if both are functions of one PCI device. */
#ifndef KERNEL_NEIGHBOUR_H
#define KERNEL_NEIGHBOUR_H

#include <vpt/entropy.h>

#include "wiring.h"

#define NEIGHBOUR_BYTES 64u

struct neighbour {
    struct device device;
    struct vpt_entropy entropy;
    struct wiring wiring;
    unsigned char bytes[NEIGHBOUR_BYTES];
    uint32_t answers;
};

/* Brings it up, with interrupts on its line. */
bool neighbour_bring_up(struct neighbour *neighbour, const struct vpt_port *port, const struct device_place *place);

/* Requests random bytes; and sleeps until they arrive. Call them in turn. NULL: they do nothing. */
bool neighbour_ask(struct neighbour *neighbour);
bool neighbour_answer(struct neighbour *neighbour);

bool neighbour_take_down(struct neighbour *neighbour);

/* Prints "@neighbour answers sleeps line asked claimed". */
void neighbour_report(const struct neighbour *neighbour);

#endif
