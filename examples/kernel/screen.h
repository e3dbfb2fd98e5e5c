/* SPDX-License-Identifier: MIT */
/* A display with a picture, a cursor, and what is typed and clicked there. */
#ifndef KERNEL_SCREEN_H
#define KERNEL_SCREEN_H

#include "disk.h"

/*
 * Draws a picture with a chart of the costs, and says "@listens". Then moves the cursor with the pointer ("@cursor x
 * y"), marks what is clicked, and draws what is typed, until the key Enter. Says "@flush x y width height" when a part
 * of the picture has been shown.
 */
bool screen_show(const struct vpt_port *port, const struct devices *devices, const struct disk_cost *costs,
                 unsigned count);

#endif
