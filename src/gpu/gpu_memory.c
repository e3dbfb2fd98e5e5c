/* SPDX-License-Identifier: MIT */
/* The memory of pictures (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

/* Writes a piece (D-GPU-11). */
static void write_piece(uint8_t *at, const struct vpt_segment *piece)
{
    vpt_store64(at, vpt_order64(true, piece->address));
    gpu_store(at + 8, piece->length);
    gpu_store(at + 12, 0);
}

/*
 * Writes the pieces to the lists, and says in used[] how much of each list is used, and in *used_count of how many.
 * Together the pieces must have `left` bytes.
 */
static enum vpt_status write_lists(const struct vpt_segment *pieces, uint32_t count, uint64_t left,
                                   const struct vpt_memory *lists, uint32_t list_count, struct vpt_segment *used,
                                   uint32_t *used_count)
{
    uint32_t list = 0;
    size_t at = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (at != 0 && lists[list].size - at < VPT_GPU_PIECE_SIZE) {
            list++;
            at = 0;
        }
        if (pieces[i].length == 0) {
            return VPT_CALLER_ARGUMENT;
        }
        if (list == list_count || lists[list].size < at + VPT_GPU_PIECE_SIZE ||
            ((uintptr_t)lists[list].address & 7u) != 0) {
            return VPT_CALLER_MEMORY;
        }
        write_piece((uint8_t *)lists[list].address + at, &pieces[i]);
        at += VPT_GPU_PIECE_SIZE;
        used[list].address = lists[list].device_address;
        used[list].length = (uint32_t)at;
        left -= pieces[i].length < left ? pieces[i].length : left;
    }
    *used_count = list + 1u;
    return left == 0 ? VPT_OK : VPT_CALLER_MEMORY;
}

/* The queue is idle. */
static enum vpt_status attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                              const struct vpt_memory *lists, uint32_t list_count)
{
    const struct gpu_body body = { { resource->id, count } };
    struct vpt_requests *requests = &resource->gpu->control;
    struct vpt_segment used[VPT_GPU_LISTS_MAX];
    struct vpt_memory in_slot;
    enum vpt_status status;

    if (list_count == 0) {
        in_slot.address = (uint8_t *)slot_next(requests) + GPU_SLOT_LIST; /* a slot is free */
        in_slot.device_address = vpt_requests_next_address(requests) + GPU_SLOT_LIST;
        in_slot.size = (size_t)VPT_GPU_PIECES_IN_SLOT * VPT_GPU_PIECE_SIZE;
        lists = &in_slot;
        list_count = 1;
    }
    status = write_lists(pieces, count, (uint64_t)resource->width * resource->height * GPU_PIXEL_SIZE, lists,
                         list_count, used, &list_count);
    if (status == VPT_OK) {
        status = vpt_gpu_wait(resource->gpu, vpt_gpu_submit(resource->gpu, GPU_ATTACH, &body, used, list_count, NULL));
    }
    /* An answer that is none does not say that the device has not taken the pages. */
    resource->attached = status == VPT_OK || status == VPT_DEVICE_REQUEST_STATUS;
    return status;
}

enum vpt_status vpt_gpu_attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                               const struct vpt_memory *lists, uint32_t list_count)
{
    enum vpt_status status = vpt_gpu_check_resource(resource, NULL);

    if (status != VPT_OK) {
        return status;
    }
    if (pieces == NULL || (lists == NULL && list_count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (resource->attached || list_count > VPT_GPU_LISTS_MAX) {
        return resource->attached ? VPT_CALLER_STATE : VPT_CALLER_TOO_LONG;
    }
    status = vpt_requests_ready(&resource->gpu->control);
    return status == VPT_OK ? attach(resource, pieces, count, lists, list_count) : status;
}

enum vpt_status vpt_gpu_detach(struct vpt_gpu_resource *resource)
{
    enum vpt_status status = vpt_gpu_check_resource(resource, NULL);

    if (status == VPT_OK) {
        const struct gpu_body body = { { resource->id } };

        status = resource->attached ? vpt_gpu_carry_out(resource->gpu, GPU_DETACH, &body) : VPT_CALLER_STATE;
    }
    if (status == VPT_OK) {
        resource->attached = false;
    }
    return status;
}
