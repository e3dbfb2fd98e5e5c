/* SPDX-License-Identifier: MIT */
/* Bring-up of a GPU, and its commands (VirtIO 1.4, sections 5.7.2 to 5.7.6). */
#include "../queue/queue_common.h"
#include "gpu_internal.h"

#define FLAG_FENCE 1u
#define ERRORS     0x1200u /* types of answers: these are errors */
#define ERRORS_END 0x1300u

/* Offsets in a header; the rest of it stays 0. */
#define HEADER_TYPE  0u
#define HEADER_FLAGS 4u
#define HEADER_FENCE 8u /* its lower word; the upper one stays 0 */

/* Where the slot has, behind the command, the type that its answer is to have. */
#define SLOT_EXPECTED (GPU_SLOT_ANSWER - 4u)

VPT_STATIC_ASSERT(GPU_HEADER + GPU_BODY_MAX * 4u <= SLOT_EXPECTED, "a command fits before what it expects");
VPT_STATIC_ASSERT(GPU_SLOT_ANSWER + GPU_HEADER + 8u + VPT_GPU_EDID_MAX <= VPT_GPU_SLOT_SIZE, "an EDID fits");
VPT_STATIC_ASSERT(GPU_SLOT_LIST + VPT_GPU_PIECES_IN_SLOT * VPT_GPU_PIECE_SIZE <= VPT_GPU_SLOT_SIZE, "a list fits");

static uint32_t load(const uint8_t *at)
{
    return vpt_order32(true, vpt_load32(at));
}

static void store(uint8_t *at, uint32_t value)
{
    vpt_store32(at, vpt_order32(true, value));
}

/*
 * The answer was zeroed before, so its length is not needed. What the slot says of the command may have been changed by
 * the device, which could as well answer that it has carried the command out.
 */
static enum vpt_status control_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const uint8_t *command = (const uint8_t *)slot;
    const uint8_t *answer = command + GPU_SLOT_ANSWER;
    uint32_t type = load(answer + HEADER_TYPE);

    (void)requests;
    (void)length;
    if (type >= ERRORS && type < ERRORS_END) {
        return VPT_DEVICE_IO_ERROR;
    }
    if (type != load(command + SLOT_EXPECTED)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if ((load(command + HEADER_FLAGS) & FLAG_FENCE) != 0 && /* OUT-GPU-5 */
        ((load(answer + HEADER_FLAGS) & FLAG_FENCE) == 0 ||
         load(answer + HEADER_FENCE) != load(command + HEADER_FENCE) || load(answer + HEADER_FENCE + 4u) != 0)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    return VPT_OK;
}

/* ---- Bring-up ---- */

static enum vpt_status configure(struct vpt_driver *driver)
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
                                                 .configure = configure };
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
                                                      .result = control_result };
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

uint32_t vpt_gpu_write_command(uint8_t *slot, uint32_t type, uint32_t fence, const struct gpu_body *body,
                               uint32_t words)
{
    uint32_t i;

    vpt_queue_zero(slot, GPU_HEADER);
    store(slot + HEADER_TYPE, type);
    store(slot + HEADER_FLAGS, fence != 0 ? FLAG_FENCE : 0u);
    store(slot + HEADER_FENCE, fence);
    for (i = 0; i < words; i++) {
        store(slot + GPU_HEADER + 4u * i, body->word[i]);
    }
    return GPU_HEADER + 4u * words;
}

/* Fences are not 0. */
static uint32_t next_fence(struct vpt_gpu *gpu)
{
    gpu->fences = gpu->fences != 0xffffffffu ? gpu->fences + 1u : 1u;
    return gpu->fences;
}

enum vpt_status vpt_gpu_submit(struct vpt_gpu *gpu, const struct gpu_command *command, void *token)
{
    struct vpt_requests *requests = &gpu->control;
    uint64_t address = vpt_requests_next_address(requests);
    uint8_t *slot = (uint8_t *)slot_next(requests);
    struct vpt_segment segments[VPT_GPU_LISTS_MAX + 2u];
    uint32_t count = 1;
    uint32_t fence;

    if (slot == NULL) {
        return vpt_slots_refuse(requests, 0);
    }
    fence = command->answer_type == GPU_OK_NO_DATA ? next_fence(gpu) : 0; /* GPU-FENCE-1 */
    vpt_queue_zero(slot + GPU_SLOT_ANSWER, command->answer_size);
    store(slot + SLOT_EXPECTED, command->answer_type);
    segments[0].address = address;
    segments[0].length = vpt_gpu_write_command(slot, command->type, fence, &command->body, command->words);
    for (; count <= command->list_count; count++) {
        segments[count] = command->lists[count - 1u];
    }
    segments[count].address = address + GPU_SLOT_ANSWER;
    segments[count].length = command->answer_size;
    return vpt_requests_submit(requests, segments, (uint16_t)count, 1, token);
}

enum vpt_status vpt_gpu_carry_out(struct vpt_gpu *gpu, const struct gpu_command *command, const uint8_t **answer)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_requests_ready(&gpu->control);

    if (status == VPT_OK && answer != NULL) {
        *answer = (const uint8_t *)slot_next(&gpu->control) + GPU_SLOT_ANSWER; /* a slot is free */
    }
    if (status == VPT_OK) {
        status = vpt_gpu_submit(gpu, command, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_requests_wait(&gpu->control, &completion);
    }
    return status == VPT_OK ? completion.status : status;
}
