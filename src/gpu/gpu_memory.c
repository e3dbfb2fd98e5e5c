/* SPDX-License-Identifier: MIT */
/* The memory of pictures (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

/* Writes a piece (D-GPU-11). */
static void write_piece(uint8_t *at, const struct vpt_segment *piece)
{
    vpt_store64(at, vpt_order64(true, piece->address));
    vpt_store_little32(at + 8, piece->length);
    vpt_store_little32(at + 12, 0);
}

/* Writes the pieces to the lists. Says in used[] how much of each list is used, and in *used_count of how many. */
static enum vpt_status write_lists(const struct vpt_segment *pieces, uint32_t count, const struct vpt_memory *lists,
                                   uint32_t list_count, struct vpt_segment *used, uint32_t *used_count)
{
    uint32_t done = 0;
    uint32_t list;
    size_t at;

    for (list = 0; list < list_count && done < count; list++) {
        const struct vpt_memory *memory = &lists[list];

        if (((uintptr_t)memory->address & 7u) != 0 || memory->size < VPT_GPU_PIECE_SIZE) {
            return VPT_CALLER_MEMORY;
        }
        for (at = 0; done < count && memory->size - at >= VPT_GPU_PIECE_SIZE; done++) {
            write_piece((uint8_t *)memory->address + at, &pieces[done]);
            at += VPT_GPU_PIECE_SIZE;
        }
        used[list].address = memory->device_address;
        used[list].length = (uint32_t)at;
    }
    *used_count = list;
    return done == count ? VPT_OK : VPT_CALLER_MEMORY;
}

static enum vpt_status check_pieces(const struct vpt_gpu_resource *resource, const struct vpt_segment *pieces,
                                    uint32_t count)
{
    uint64_t bytes = 0;
    uint32_t i;

    for (i = 0; i < count; i++) {
        if (pieces[i].length == 0) {
            return VPT_CALLER_ARGUMENT;
        }
        bytes += pieces[i].length;
    }
    return bytes >= (uint64_t)resource->width * resource->height * GPU_PIXEL_SIZE ? VPT_OK : VPT_CALLER_MEMORY;
}

/* The queue is idle. */
static enum vpt_status attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                              const struct vpt_memory *lists, uint32_t list_count)
{
    const struct gpu_body body = { { resource->id, count } };
    struct vpt_requests *requests = &resource->gpu->control;
    struct vpt_segment segments[VPT_GPU_LISTS_MAX + 2u];
    struct vpt_memory in_slot;
    enum vpt_status status;

    if (list_count == 0) {
        in_slot.address = (uint8_t *)slot_next(requests) + GPU_SLOT_LIST; /* a slot is free */
        in_slot.device_address = vpt_requests_next_address(requests) + GPU_SLOT_LIST;
        in_slot.size = (size_t)VPT_GPU_PIECES_IN_SLOT * VPT_GPU_PIECE_SIZE;
        lists = &in_slot;
        list_count = 1;
    }
    status = write_lists(pieces, count, lists, list_count, &segments[1], &list_count);
    if (status == VPT_OK) {
        status = vpt_gpu_submit_lists(resource->gpu, GPU_ATTACH, &body, segments, list_count, NULL);
        status = vpt_gpu_wait(resource->gpu, status);
    }
    /* An answer that is none does not say that the device has not taken the pages, and a reset that fails neither. */
    resource->attached = status == VPT_OK || status == VPT_DEVICE_REQUEST_STATUS || status == VPT_DEVICE_STUCK;
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
    status = check_pieces(resource, pieces, count);
    if (status == VPT_OK) {
        status = vpt_requests_ready(&resource->gpu->control);
    }
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
