/* SPDX-License-Identifier: MIT */
/* Bring-up and events of an input device (VirtIO 1.4, sections 5.8.2, 5.8.5 and 5.8.6). */
#include <vpt/input.h>

#include "../access.h"
#include "../request/slots.h"

/* An event as the device has it, little-endian (D-INPUT-7). */
struct wire_event {
    uint16_t type;
    uint16_t code;
    uint32_t value;
};

VPT_STATIC_ASSERT(sizeof(int) == sizeof(uint32_t), "values are signed, but a kernel may have no int32_t");

enum vpt_status vpt_input_init(struct vpt_input *input, struct vpt_device *device,
                               const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_INPUT,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } } };

    if (input == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(input, sizeof(*input));
    return vpt_driver_init(&input->driver, device, &kind, choice);
}

enum vpt_status vpt_input_queue_init(struct vpt_input *input, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind events = { .reply = sizeof(struct wire_event), /* INPUT-OP-2 */
                                                     .requests = 64,
                                                     .started = vpt_receive_start };
    static const struct vpt_requests_kind status = { .requests = 16, .segments = 1 };

    if (input == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 1u) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(index == 0 ? &input->events : &input->status, &input->driver, index,
                             index == 0 ? &events : &status, sizeof(struct wire_event), config);
}

enum vpt_status vpt_input_open(struct vpt_input *input, struct vpt_device *device)
{
    enum vpt_status status = vpt_input_init(input, device, NULL);
    uint16_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < 2u && status == VPT_OK; i++) {
        status = vpt_input_queue_init(input, i, NULL);
    }
    return vpt_driver_open(&input->driver, status);
}

enum vpt_status vpt_input_poll(struct vpt_input *input, struct vpt_input_event *event)
{
    struct wire_event wire;
    enum vpt_status status;
    uint32_t length = 0;
    uint32_t left;

    if (input == NULL || event == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    left = input->events.queue.slot_count;
    do {
        status = vpt_receive(&input->events, &wire, sizeof(wire), &length);
        if (status != VPT_OK) {
            return status;
        }
        (void)vpt_requests_kick(&input->events); /* INPUT-OP-1. After a reset what was used before still comes. */
        if (length == sizeof(wire)) {
            event->type = vpt_order16(true, wire.type);
            event->code = vpt_order16(true, wire.code);
            event->value = (int)vpt_order32(true, wire.value);
            return VPT_OK;
        }
        left--;
    } while (left != 0);
    return VPT_DEVICE_REQUEST_STATUS;
}

enum vpt_status vpt_input_send(struct vpt_input *input, uint16_t type, uint16_t code, int value)
{
    struct wire_event wire;
    enum vpt_status status;

    if (input == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    wire.type = vpt_order16(true, type);
    wire.code = vpt_order16(true, code);
    wire.value = vpt_order32(true, (uint32_t)value);
    vpt_slots_take_back(&input->status);
    status = vpt_slots_send(&input->status, &wire, sizeof(wire)); /* INPUT-OP-3 */
    return status == VPT_OK ? vpt_requests_kick(&input->status) : status;
}

enum vpt_status vpt_input_drain(struct vpt_input *input)
{
    return input != NULL ? vpt_driver_drain(&input->driver) : VPT_CALLER_ARGUMENT;
}
