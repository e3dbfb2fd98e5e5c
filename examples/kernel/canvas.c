/* SPDX-License-Identifier: MIT */
#include "canvas.h"

#include "console.h"
#include "font.h"
#include "ports.h"

#define STEP 7u /* from a page of the picture to the next one, modulo their number */

_Static_assert(CANVAS_WIDTH *CANVAS_HEIGHT * 4u % CANVAS_PAGE == 0, "the picture ends with a page");
_Static_assert(CANVAS_PAGES % STEP != 0, "each page is used once");

static _Alignas(CANVAS_PAGE) uint32_t pixels[CANVAS_PAGES][CANVAS_PAGE / 4u];

void canvas_pages(struct vpt_segment pages[CANVAS_PAGES])
{
    for (uint32_t i = 0; i < CANVAS_PAGES; i++) {
        pages[i] = (struct vpt_segment){ ports_device_address(pixels[i * STEP % CANVAS_PAGES]), CANVAS_PAGE };
    }
}

static void fill(const struct vpt_gpu_rectangle *rectangle, uint32_t color)
{
    for (uint32_t y = rectangle->y; y < rectangle->y + rectangle->height && y < CANVAS_HEIGHT; y++) {
        for (uint32_t x = rectangle->x; x < rectangle->x + rectangle->width && x < CANVAS_WIDTH; x++) {
            uint32_t offset = (y * CANVAS_WIDTH + x) * 4u;

            pixels[offset / CANVAS_PAGE * STEP % CANVAS_PAGES][offset % CANVAS_PAGE / 4u] = color;
        }
    }
}

void canvas_fill(const struct vpt_gpu_rectangle *rectangle, uint32_t color)
{
    fill(rectangle, color);
    print("@fill %u %u %u %u %x\n", (unsigned)rectangle->x, (unsigned)rectangle->y, (unsigned)rectangle->width,
          (unsigned)rectangle->height, (unsigned)color);
}

static void draw_character(uint32_t x, uint32_t y, uint32_t scale, uint32_t color, char character)
{
    for (uint32_t row = 0; row < FONT_HEIGHT; row++) {
        for (uint32_t column = 0; column < FONT_WIDTH; column++) {
            const struct vpt_gpu_rectangle dot = { x + column * scale, y + row * scale, scale, scale };

            if (font_dot(character, column, row)) {
                fill(&dot, color);
            }
        }
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

struct vpt_gpu_rectangle canvas_text(uint32_t x, uint32_t y, uint32_t scale, uint32_t color, const char *text)
{
    struct vpt_gpu_rectangle covered = { x, y, 0, least(FONT_HEIGHT * scale, CANVAS_HEIGHT - y) };

    print("@text %u %u %u %x %s\n", (unsigned)x, (unsigned)y, (unsigned)scale, (unsigned)color, text);
    for (; *text != '\0'; text++, covered.width += FONT_WIDTH * scale) {
        draw_character(x + covered.width, y, scale, color, *text);
    }
    covered.width = least(covered.width, CANVAS_WIDTH - x);
    return covered;
}
