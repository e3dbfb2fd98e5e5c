/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_GPU_INTERNAL_H
#define VPT_SRC_GPU_INTERNAL_H

#include <vpt/gpu.h>

#include "../access.h"
#include "../request/slots.h"

/* Types of commands, and of answers without an error (D-GPU-4). */
#define GPU_GET_DISPLAY_INFO 0x100u
#define GPU_CREATE_2D        0x101u
#define GPU_UNREF            0x102u
#define GPU_SET_SCANOUT      0x103u
#define GPU_FLUSH            0x104u
#define GPU_TRANSFER         0x105u
#define GPU_ATTACH           0x106u
#define GPU_DETACH           0x107u
#define GPU_GET_EDID         0x10au
#define GPU_UPDATE_CURSOR    0x300u
#define GPU_MOVE_CURSOR      0x301u

#define GPU_OK_NO_DATA      0x1100u
#define GPU_OK_DISPLAY_INFO 0x1101u
#define GPU_OK_EDID         0x1104u

#define GPU_HEADER 24u /* bytes, of a command and of an answer (D-GPU-3) */

/*
 * Where things are in a slot of the control queue: a command; the answer, with room for the longest one. A list of
 * pieces is behind an answer without data.
 */
#define GPU_SLOT_ANSWER 64u
#define GPU_SLOT_LIST   (GPU_SLOT_ANSWER + GPU_HEADER + 8u)

#define GPU_BODY_MAX 8u

/* What is behind a command's header: words of 32 bits; the last ones of some commands are padding. */
struct gpu_body {
    uint32_t word[GPU_BODY_MAX];
};

/* A command for the control queue. */
struct gpu_command {
    uint32_t type;
    uint32_t words; /* of the body */
    struct gpu_body body;
    uint32_t answer_type; /* if it goes well */
    uint32_t answer_size;
    const struct vpt_segment *lists; /* more for the device to read */
    uint32_t list_count;
};

/* Fills a command whose answer has no data. */
static inline void gpu_begin(struct gpu_command *command, uint32_t type, uint32_t words)
{
    vpt_zero(command, sizeof(*command));
    command->type = type;
    command->words = words;
    command->answer_type = GPU_OK_NO_DATA;
    command->answer_size = GPU_HEADER;
}

/* Writes a command's header and body to a slot. Returns its bytes. `fence`: 0 for none. */
uint32_t vpt_gpu_write_command(uint8_t *slot, uint32_t type, uint32_t fence, const struct gpu_body *body,
                               uint32_t words);

/* Submits a command. */
enum vpt_status vpt_gpu_submit(struct vpt_gpu *gpu, const struct gpu_command *command, void *token);

/*
 * Submits a command on an idle queue and waits for its answer, whose address is `*answer` (unless that is NULL): what the
 * device has not written there is 0.
 */
enum vpt_status vpt_gpu_carry_out(struct vpt_gpu *gpu, const struct gpu_command *command, const uint8_t **answer);

/* Checks that the device knows the resource; NULL is none. */
enum vpt_status vpt_gpu_check_resource(const struct vpt_gpu_resource *resource);

/* Checks this too, and that the rectangle is within its picture; `rectangle` may be NULL. */
enum vpt_status vpt_gpu_check_rectangle(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle);

/* Writes a rectangle as the first four words of a body. */
static inline void gpu_write_rectangle(struct gpu_body *body, const struct vpt_gpu_rectangle *rectangle)
{
    body->word[0] = rectangle->x;
    body->word[1] = rectangle->y;
    body->word[2] = rectangle->width;
    body->word[3] = rectangle->height;
}

#endif
