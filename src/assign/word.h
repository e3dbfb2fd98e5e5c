/* SPDX-License-Identifier: MIT */
/* What the tables of permission.h say of a word of configuration space. */
#ifndef VPT_SRC_ASSIGN_WORD_H
#define VPT_SRC_ASSIGN_WORD_H

#include <vpt/assign.h>

#include "../access.h"
#include "permission.h"

/* One aligned word of 4 bytes, and what the rows of its bytes say, side by side. The first byte is the lowest. */
struct vpt_assign_word {
    unsigned base;
    uint32_t is_virtual;
    uint32_t writable;
    uint32_t acts;
    uint32_t effects;
};

/*
 * Fills in *word. Returns the bits that vpt_assign_restore() gives back to the host's word: those that a guest may
 * write, and those that a reset takes away.
 */
VPT_INLINE_FOR_SPEED uint32_t vpt_assign_word_rules(const struct vpt_assign_device *device, unsigned base,
                                                    struct vpt_assign_word *word)
{
    uint32_t restored = 0;
    uint32_t is_virtual = 0;
    uint32_t writable = 0;
    uint32_t acts = 0;
    uint32_t effects = 0;

    for (unsigned i = 4; i > 0; i--) {
        const struct vpt_assign_row *row = vpt_assign_row_of(device, base + i - 1u);

        restored = restored << 8 | (vpt_assign_is_restored(device, base + i - 1u) ? 0xffu : 0);
        is_virtual = is_virtual << 8 | row->is_virtual;
        writable = writable << 8 | row->writable;
        acts = acts << 8 | row->acts;
        effects = effects << 8 | row->effect;
    }
    word->base = base;
    word->is_virtual = is_virtual;
    word->writable = writable;
    word->acts = acts;
    word->effects = effects;
    return (restored | (writable & ~is_virtual)) & ~acts;
}

#endif
