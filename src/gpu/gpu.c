/* SPDX-License-Identifier: MIT */
/* Bring-up of a GPU, and its commands (VirtIO 1.4, sections 5.7.2 to 5.7.6). */
#include "gpu_internal.h"

#define FLAG_FENCE 1u

/* Types of answers (D-GPU-4). */
#define OK_NO_DATA      0x1100u
#define OK_DISPLAY_INFO 0x1101u
#define OK_EDID         0x1104u
#define ERRORS          0x1200u
#define ERRORS_END      0x1300u

/* Offsets in a header; the rest of it stays 0. */
#define HEADER_TYPE  0u
#define HEADER_FLAGS 4u
#define HEADER_FENCE 8u /* its lower word; the upper one stays 0 */

VPT_STATIC_ASSERT(sizeof(struct vpt_gpu_rectangle) == 4u * sizeof(uint32_t), "a rectangle is four words of a body");

/* Where the slot has, behind the command, the type that its answer is to have. */
#define SLOT_EXPECTED (GPU_SLOT_ANSWER - 4u)

VPT_STATIC_ASSERT(GPU_HEADER + sizeof(struct gpu_body) <= SLOT_EXPECTED, "a command fits before what it expects");
VPT_STATIC_ASSERT(GPU_SLOT_ANSWER + GPU_HEADER + GPU_EDID_HEADER + VPT_GPU_EDID_MAX <= VPT_GPU_SLOT_SIZE,
                  "an EDID fits");
VPT_STATIC_ASSERT(GPU_SLOT_LIST + VPT_GPU_PIECES_IN_SLOT * VPT_GPU_PIECE_SIZE <= VPT_GPU_SLOT_SIZE, "a list fits");

/*
 * The answer was zeroed before, so its length is not needed. What the slot says of the command may have been changed by
 * the device, which could as well answer that it has carried the command out.
 */
static enum vpt_status gpu_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const uint8_t *command = (const uint8_t *)slot;
    const uint8_t *answer = command + GPU_SLOT_ANSWER;
    uint32_t type = vpt_load_little32(answer + HEADER_TYPE);

    (void)requests;
    (void)length;
    if (type >= ERRORS && type < ERRORS_END) {
        return VPT_DEVICE_IO_ERROR;
    }
    if (type != vpt_load_little32(command + SLOT_EXPECTED)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if ((vpt_load_little32(command + HEADER_FLAGS) & FLAG_FENCE) != 0 && /* OUT-GPU-5 */
        ((vpt_load_little32(answer + HEADER_FLAGS) & FLAG_FENCE) == 0 ||
         vpt_load_little32(answer + HEADER_FENCE) != vpt_load_little32(command + HEADER_FENCE) ||
         vpt_load_little32(answer + HEADER_FENCE + 4u) != 0)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    return VPT_OK;
}

/* ---- Bring-up ---- */

static enum vpt_status configure_gpu(struct vpt_driver *driver)
{
    static const struct vpt_config_field field = { 8, 4, 0, 0 }; /* num_scanouts */
    uint32_t scanouts = 0;
    enum vpt_status status = vpt_device_config_fields(driver->device, &field, 1, &scanouts);

    if (status == VPT_OK) {
        VPT_CONTAINER_OF(driver, struct vpt_gpu, driver)->scanouts =
            scanouts < VPT_GPU_SCANOUTS_MAX ? scanouts : VPT_GPU_SCANOUTS_MAX; /* D-GPU-2 */
    }
    return status;
}

enum vpt_status vpt_gpu_init(struct vpt_gpu *gpu, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_GPU,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } },
                                                 .wanted = { { 1u << VPT_GPU_F_EDID } },
                                                 .configure = configure_gpu };
    enum vpt_status status;

    if (gpu == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(gpu, sizeof(*gpu));
    status = vpt_driver_init(&gpu->driver, device, &kind, choice);
    if (status != VPT_OK) {
        gpu->scanouts = 0;
    }
    return status;
}

enum vpt_status vpt_gpu_queue_init(struct vpt_gpu *gpu, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind control = { .requests = 8,
                                                      .segments = VPT_GPU_LISTS_MAX + 2u,
                                                      .result = gpu_result };
    static const struct vpt_requests_kind cursor = { .requests = 8, .segments = 1 };

    if (gpu == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 1u) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(index == 0 ? &gpu->control : &gpu->cursor, &gpu->driver, index,
                             index == 0 ? &control : &cursor, index == 0 ? VPT_GPU_SLOT_SIZE : GPU_SLOT_ANSWER, config);
}

enum vpt_status vpt_gpu_open(struct vpt_gpu *gpu, struct vpt_device *device)
{
    enum vpt_status status = vpt_gpu_init(gpu, device, NULL);
    uint16_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < 2u && status == VPT_OK; i++) {
        status = vpt_gpu_queue_init(gpu, i, NULL);
    }
    status = vpt_driver_open(&gpu->driver, status);
    if (status != VPT_OK && gpu->driver.device == NULL) {
        gpu->scanouts = 0;
    }
    return status;
}

enum vpt_status vpt_gpu_drain(struct vpt_gpu *gpu)
{
    return gpu != NULL ? vpt_driver_drain(&gpu->driver) : VPT_CALLER_ARGUMENT;
}

/* ---- Commands ---- */

/* Returns the type of a command's answer, and says how long it is. */
static uint32_t answer_of(uint32_t command, uint32_t *size)
{
    *size = GPU_HEADER;
    if (command == GPU_GET_DISPLAY_INFO) {
        *size += VPT_GPU_SCANOUTS_MAX * GPU_DISPLAY_SIZE;
        return OK_DISPLAY_INFO;
    }
    if (command == GPU_GET_EDID) {
        *size += GPU_EDID_HEADER + VPT_GPU_EDID_MAX;
        return OK_EDID;
    }
    return OK_NO_DATA;
}

/* Writes a command to a slot, whose bytes are 0, and returns its length. */
static uint32_t write_command(struct vpt_gpu *gpu, uint8_t *slot, uint32_t command, const struct gpu_body *body,
                              uint32_t answer)
{
    uint32_t i;

    vpt_store_little32(slot + HEADER_TYPE, GPU_TYPE(command));
    if (answer == OK_NO_DATA) { /* what only asks needs no fence (GPU-FENCE-1) */
        gpu->fences++;
        vpt_store_little32(slot + HEADER_FLAGS, FLAG_FENCE);
        vpt_store_little32(slot + HEADER_FENCE, gpu->fences);
    }
    vpt_store_little32(slot + SLOT_EXPECTED, answer);
    for (i = 0; i < GPU_WORDS(command); i++) {
        vpt_store_little32(slot + GPU_HEADER + 4u * i, body->word[i]);
    }
    return GPU_HEADER + 4u * i;
}

enum vpt_status vpt_gpu_submit_lists(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body,
                                     struct vpt_segment *segments, uint32_t lists, void *token)
{
    bool cursor = GPU_IS_CURSOR(command);
    struct vpt_requests *requests = cursor ? &gpu->cursor : &gpu->control;
    uint8_t *slot = (uint8_t *)slot_next(requests);
    struct vpt_segment *last = &segments[lists + 1u];
    uint32_t answer;
    uint32_t i;

    if (slot == NULL) {
        return vpt_slots_refuse(requests, 0);
    }
    answer = answer_of(command, &last->length);
    if (cursor) { /* it has none */
        answer = last->length = 0;
    }
    for (i = 0; i < GPU_SLOT_ANSWER + last->length; i += 4u) {
        vpt_store_little32(slot + i, 0);
    }
    segments->address = vpt_requests_next_address(requests);
    segments->length = write_command(gpu, slot, command, body, answer);
    last->address = segments->address + GPU_SLOT_ANSWER;
    return vpt_requests_submit(requests, segments, (uint16_t)(lists + 1u), cursor ? 0 : 1, token);
}

enum vpt_status vpt_gpu_submit(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body, void *token)
{
    struct vpt_segment segments[2];

    return vpt_gpu_submit_lists(gpu, command, body, segments, 0, token);
}

enum vpt_status vpt_gpu_wait(struct vpt_gpu *gpu, enum vpt_status status)
{
    struct vpt_completion completion;

    if (status == VPT_OK) {
        status = vpt_requests_wait(&gpu->control, &completion);
    }
    return status == VPT_OK ? completion.status : status;
}

enum vpt_status vpt_gpu_carry_out(struct vpt_gpu *gpu, uint32_t command, const struct gpu_body *body)
{
    enum vpt_status status = vpt_requests_ready(&gpu->control);

    return vpt_gpu_wait(gpu, status == VPT_OK ? vpt_gpu_submit(gpu, command, body, NULL) : status);
}

/* ---- What commands are about ---- */

enum vpt_status vpt_gpu_check_resource(const struct vpt_gpu_resource *resource, const struct vpt_gpu *gpu)
{
    if (resource == NULL || (gpu != NULL && resource->gpu != NULL && resource->gpu != gpu)) {
        return VPT_CALLER_ARGUMENT;
    }
    return resource->gpu != NULL && resource->resets == resource->gpu->control.queue.resets ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status vpt_gpu_begin(const struct vpt_gpu_resource *resource, const struct vpt_gpu *gpu,
                              const struct vpt_gpu_rectangle *rectangle, struct gpu_body *body)
{
    enum vpt_status status = vpt_gpu_check_resource(resource, gpu);

    if (status != VPT_OK || rectangle == NULL) {
        return status != VPT_OK ? status : VPT_CALLER_ARGUMENT;
    }
    vpt_zero(body, sizeof(*body));
    vpt_copy(body, rectangle, sizeof(*rectangle));
    return rectangle->width - 1u < resource->width && rectangle->height - 1u < resource->height &&
                   rectangle->x <= resource->width - rectangle->width &&
                   rectangle->y <= resource->height - rectangle->height
               ? VPT_OK
               : VPT_CALLER_RANGE;
}
