/* SPDX-License-Identifier: MIT */
/* The shapes of the printable ASCII characters. */
#ifndef KERNEL_FONT_H
#define KERNEL_FONT_H

#include <stdbool.h>
#include <stdint.h>

/* Dots of a character, with the empty column at its right. */
#define FONT_WIDTH  6u
#define FONT_HEIGHT 8u

/* Whether a dot is set; one of a character without a shape is not. */
bool font_dot(char character, uint32_t x, uint32_t y);

#endif
