/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_GPU_INTERNAL_H
#define VPT_SRC_GPU_INTERNAL_H

#include <vpt/gpu.h>

#include "../access.h"
#include "../request/slots.h"

#define GPU_HEADER 24u /* bytes, of a command and of an answer (D-GPU-3) */

/* Commands: the type, and how many words of 32 bits are behind the header. The last words of some are padding. */
#define GPU_COMMAND(type, words) ((uint32_t)(words) << 16 | (type))
#define GPU_TYPE(command)        ((command)&0xffffu)
#define GPU_WORDS(command)       ((command) >> 16)
#define GPU_IS_CURSOR(command)   (((command)&0x200u) != 0)

#define GPU_GET_DISPLAY_INFO GPU_COMMAND(0x100u, 0)
#define GPU_CREATE_2D        GPU_COMMAND(0x101u, 4)
#define GPU_UNREF            GPU_COMMAND(0x102u, 2)
#define GPU_SET_SCANOUT      GPU_COMMAND(0x103u, 6)
#define GPU_FLUSH            GPU_COMMAND(0x104u, 6)
#define GPU_TRANSFER         GPU_COMMAND(0x105u, 8)
#define GPU_ATTACH           GPU_COMMAND(0x106u, 2)
#define GPU_DETACH           GPU_COMMAND(0x107u, 2)
#define GPU_GET_EDID         GPU_COMMAND(0x10au, 2)
#define GPU_UPDATE_CURSOR    GPU_COMMAND(0x300u, 8)
#define GPU_MOVE_CURSOR      GPU_COMMAND(0x301u, 8)

/* What is behind a command's header. */
struct gpu_body {
    uint32_t word[8];
};

/*
 * Where things are in a slot of the control queue: a command; the answer, with room for the longest one. A list of
 * pieces is behind an answer without data.
 */
#define GPU_SLOT_ANSWER 64u
#define GPU_SLOT_LIST   (GPU_SLOT_ANSWER + GPU_HEADER + 8u)

/* Bytes of a display in its answer (D-GPU-5), and of what is before an EDID (D-GPU-6). */
#define GPU_DISPLAY_SIZE 24u
#define GPU_EDID_HEADER  8u

#define GPU_PIXEL_SIZE 4u

/* Submits a command, to the cursor queue if it is one for cursors. */
enum vpt_status vpt_gpu_submit(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body, void *token);

/* The same with more for the device to read, in segments[1] to segments[lists], with one before and one behind. */
enum vpt_status vpt_gpu_submit_lists(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body,
                                     struct vpt_segment *segments, uint32_t lists, void *token);

/* Waits for the command that was submitted to an idle control queue with this status. */
enum vpt_status vpt_gpu_wait(struct vpt_gpu *gpu, enum vpt_status status);

/* Submits a command to an idle control queue and waits for it. */
enum vpt_status vpt_gpu_carry_out(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body);

/* Checks that the device knows the resource, and, unless it is NULL, that it is this GPU's. */
enum vpt_status vpt_gpu_check_resource(const struct vpt_gpu_resource *resource, const struct vpt_gpu *gpu);

/* Checks this, and that the rectangle is within its picture, and writes the rectangle to the body, whose rest is 0. */
enum vpt_status vpt_gpu_begin(const struct vpt_gpu_resource *resource, const struct vpt_gpu *gpu,
                              const struct vpt_gpu_rectangle *rectangle, struct gpu_body *body);

#endif
