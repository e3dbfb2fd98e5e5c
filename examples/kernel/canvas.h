/* SPDX-License-Identifier: MIT */
/*
 * Draws a picture into pages that do not follow each other in memory. What is drawn is also printed, so that
 * tools/kernel-screen.py can draw the same: "@fill x y width height color", "@text x y scale color text".
 */
#ifndef KERNEL_CANVAS_H
#define KERNEL_CANVAS_H

#include <vpt/gpu.h>

#define CANVAS_WIDTH  640u
#define CANVAS_HEIGHT 400u
#define CANVAS_PAGE   4096u
#define CANVAS_PAGES  (CANVAS_WIDTH * CANVAS_HEIGHT * 4u / CANVAS_PAGE)

/* The pages, in the order of the pixels. */
void canvas_pages(struct vpt_segment pages[CANVAS_PAGES]);

/* Fills a rectangle, which must lie in the picture, with a color (0xRRGGBB). */
void canvas_fill(const struct vpt_gpu_rectangle *rectangle, uint32_t color);

/* Writes a text; of what is outside the picture nothing is seen. Returns what it has covered of the picture. */
struct vpt_gpu_rectangle canvas_text(uint32_t x, uint32_t y, uint32_t scale, uint32_t color, const char *text);

#endif
