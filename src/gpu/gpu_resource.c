/* SPDX-License-Identifier: MIT */
/* Pictures, their memory, and the displays that show them (VirtIO 1.4, section 5.7.6.8). */
#include "gpu_internal.h"

#define PIXEL_SIZE 4u

enum vpt_status vpt_gpu_check_resource(const struct vpt_gpu_resource *resource)
{
    if (resource == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return resource->gpu != NULL && resource->resets == resource->gpu->control.queue.resets ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status vpt_gpu_create(struct vpt_gpu *gpu, struct vpt_gpu_resource *resource, enum vpt_gpu_format format,
                               uint32_t width, uint32_t height)
{
    struct gpu_command command;
    enum vpt_status status;

    if (gpu == NULL || resource == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(resource, sizeof(*resource));
    if ((uint64_t)width * height - 1u >= 0xffffffffu / PIXEL_SIZE) {
        return VPT_CALLER_RANGE;
    }
    gpu->resources = gpu->resources != 0xffffffffu ? gpu->resources + 1u : 1u; /* D-GPU-7 */
    gpu_begin(&command, GPU_CREATE_2D, 4);
    command.body.word[0] = gpu->resources;
    command.body.word[1] = (uint32_t)format;
    command.body.word[2] = width;
    command.body.word[3] = height;
    status = vpt_gpu_carry_out(gpu, &command, NULL);
    if (status == VPT_OK) {
        resource->gpu = gpu;
        resource->id = command.body.word[0];
        resource->width = width;
        resource->height = height;
        resource->resets = gpu->control.queue.resets;
    }
    return status;
}

/* A command whose body is the resource, and a word that is 0 unless it is the number of pieces. */
static enum vpt_status command_resource(const struct vpt_gpu_resource *resource, uint32_t type)
{
    struct gpu_command command;

    gpu_begin(&command, type, 2);
    command.body.word[0] = resource->id;
    return vpt_gpu_carry_out(resource->gpu, &command, NULL);
}

enum vpt_status vpt_gpu_unref(struct vpt_gpu_resource *resource)
{
    enum vpt_status status = vpt_gpu_check_resource(resource);

    if (status == VPT_OK) {
        status = command_resource(resource, GPU_UNREF);
    }
    if (status == VPT_OK) {
        vpt_zero(resource, sizeof(*resource));
    }
    return status;
}

enum vpt_status vpt_gpu_detach(struct vpt_gpu_resource *resource)
{
    enum vpt_status status = vpt_gpu_check_resource(resource);

    if (status == VPT_OK) {
        status = resource->attached ? command_resource(resource, GPU_DETACH) : VPT_CALLER_STATE;
    }
    if (status == VPT_OK) {
        resource->attached = false;
    }
    return status;
}

/* ---- Memory ---- */

/* Writes a piece (D-GPU-11). */
static void write_piece(uint8_t *at, const struct vpt_segment *piece)
{
    vpt_store64(at, vpt_order64(true, piece->address));
    vpt_store32(at + 8, vpt_order32(true, piece->length));
    vpt_store32(at + 12, 0);
}

/* Writes the next pieces to a memory. Says how much of it is used, and returns how many these are. */
static uint32_t write_list(const struct vpt_memory *list, const struct vpt_segment *pieces, uint32_t count,
                           struct vpt_segment *used)
{
    uint32_t room = list->size / VPT_GPU_PIECE_SIZE < count ? (uint32_t)(list->size / VPT_GPU_PIECE_SIZE) : count;
    uint32_t i;

    for (i = 0; i < room; i++) {
        write_piece((uint8_t *)list->address + (size_t)i * VPT_GPU_PIECE_SIZE, &pieces[i]);
    }
    used->address = list->device_address;
    used->length = room * VPT_GPU_PIECE_SIZE;
    return room;
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
    return bytes >= (uint64_t)resource->width * resource->height * PIXEL_SIZE ? VPT_OK : VPT_CALLER_MEMORY;
}

static enum vpt_status attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                              const struct vpt_memory *lists, uint32_t list_count)
{
    struct vpt_segment used[VPT_GPU_LISTS_MAX];
    struct gpu_command command;
    uint32_t done = 0;
    enum vpt_status status;

    gpu_begin(&command, GPU_ATTACH, 2);
    command.body.word[0] = resource->id;
    command.body.word[1] = count;
    command.lists = used;
    for (; command.list_count < list_count && done < count; command.list_count++) {
        const struct vpt_memory *list = &lists[command.list_count];

        if (((uintptr_t)list->address & 7u) != 0 || list->size < VPT_GPU_PIECE_SIZE) {
            return VPT_CALLER_MEMORY;
        }
        done += write_list(list, &pieces[done], count - done, &used[command.list_count]);
    }
    if (done < count) {
        return VPT_CALLER_MEMORY;
    }
    status = vpt_gpu_carry_out(resource->gpu, &command, NULL);
    /* An answer that is none does not say that the device has not taken the pages. */
    resource->attached = status == VPT_OK || status == VPT_DEVICE_REQUEST_STATUS;
    return status;
}

enum vpt_status vpt_gpu_attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                               const struct vpt_memory *lists, uint32_t list_count)
{
    enum vpt_status status = vpt_gpu_check_resource(resource);
    struct vpt_memory in_slot;

    if (status == VPT_OK && (pieces == NULL || (lists == NULL && list_count != 0))) {
        status = VPT_CALLER_ARGUMENT;
    }
    if (status == VPT_OK && resource->attached) {
        status = VPT_CALLER_STATE;
    }
    if (status == VPT_OK) {
        status = list_count <= VPT_GPU_LISTS_MAX ? check_pieces(resource, pieces, count) : VPT_CALLER_TOO_LONG;
    }
    if (status == VPT_OK) { /* the slot must be free, since the list may be written there */
        status = vpt_requests_ready(&resource->gpu->control);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (list_count == 0) {
        in_slot.address = (uint8_t *)slot_next(&resource->gpu->control) + GPU_SLOT_LIST;
        in_slot.device_address = vpt_requests_next_address(&resource->gpu->control) + GPU_SLOT_LIST;
        in_slot.size = VPT_GPU_PIECES_IN_SLOT * VPT_GPU_PIECE_SIZE;
        lists = &in_slot;
        list_count = 1;
    }
    return attach(resource, pieces, count, lists, list_count);
}

/* ---- Displays that show it ---- */

enum vpt_status vpt_gpu_check_rectangle(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle)
{
    enum vpt_status status = vpt_gpu_check_resource(resource);

    if (status != VPT_OK || rectangle == NULL) {
        return status != VPT_OK ? status : VPT_CALLER_ARGUMENT;
    }
    return rectangle->width - 1u < resource->width && rectangle->height - 1u < resource->height &&
                   rectangle->x <= resource->width - rectangle->width &&
                   rectangle->y <= resource->height - rectangle->height
               ? VPT_OK
               : VPT_CALLER_RANGE;
}

enum vpt_status vpt_gpu_set_scanout(struct vpt_gpu *gpu, uint32_t scanout, const struct vpt_gpu_resource *resource,
                                    const struct vpt_gpu_rectangle *rectangle)
{
    enum vpt_status status = VPT_OK;
    struct gpu_command command;

    if (gpu == NULL || (resource != NULL && resource->gpu != NULL && resource->gpu != gpu)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (scanout >= gpu->scanouts) {
        return VPT_CALLER_RANGE;
    }
    gpu_begin(&command, GPU_SET_SCANOUT, 6);
    command.body.word[4] = scanout;
    if (resource != NULL) {
        status = vpt_gpu_check_rectangle(resource, rectangle); /* D-GPU-9 */
        if (status == VPT_OK) {
            gpu_write_rectangle(&command.body, rectangle);
            command.body.word[5] = resource->id;
        }
    }
    return status == VPT_OK ? vpt_gpu_carry_out(gpu, &command, NULL) : status;
}
