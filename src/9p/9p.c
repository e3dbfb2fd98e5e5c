/* SPDX-License-Identifier: MIT */
/* 9P transport: one queue, whose requests are a message and room for its reply (D-9P-3, D-9P-8). */
#include "../transport/transport_ops.h"
#include "9p_internal.h"

#define CONFIG_TAG_LENGTH 0u
#define CONFIG_TAG        2u

#define SLOT_REPLY VPT_9P_MESSAGE_MAX

uint64_t vpt_9p_get(const uint8_t *at, uint32_t width)
{
    uint64_t value = 0;

    while (width != 0) {
        width--;
        value = value << 8 | vpt_load8(at + width);
    }
    return value;
}

void vpt_9p_put(uint8_t *at, uint32_t width, uint64_t value)
{
    for (; width != 0; width--) {
        vpt_store8(at, (uint8_t)value);
        at++;
        value >>= 8;
    }
}

static uint32_t slot_index(const struct vpt_requests *requests, const uint8_t *slot)
{
    return (uint32_t)(slot - slot_shared(requests, 0)) / VPT_9P_SLOT_SIZE;
}

/* What the slot says of the message may have been changed by the device, which could as well answer it. */
static enum vpt_status p9_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const uint8_t *message = (const uint8_t *)slot;
    const uint8_t *reply = message + SLOT_REPLY;
    uint64_t size = vpt_9p_get(reply, 4);
    uint8_t type = vpt_load8(reply + P9_AT_TYPE);

    if (vpt_legacy(requests->driver->device)) { /* there the length means nothing */
        length = requests->queue.slots[slot_index(requests, message)].writable;
    }
    if (size < VPT_9P_HEADER || size > length ||
        vpt_9p_get(reply + P9_AT_TAG, 2) != vpt_9p_get(message + P9_AT_TAG, 2)) { /* D-9P-5, D-9P-7 */
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (type == P9_RLERROR && size == VPT_9P_HEADER + 4u) {
        return VPT_DEVICE_IO_ERROR;
    }
    return type == vpt_load8(message + P9_AT_TYPE) + 1u ? VPT_OK : VPT_DEVICE_REQUEST_STATUS;
}

enum vpt_status vpt_9p_init(struct vpt_9p *p9, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_9P,
                                                 .wanted = { { 1u << VPT_9P_F_MOUNT_TAG } } };

    if (p9 == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(p9, sizeof(*p9));
    return vpt_driver_init(&p9->driver, device, &kind, choice);
}

enum vpt_status vpt_9p_queue_init(struct vpt_9p *p9, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = { .requests = 8,
                                                   .segments = VPT_9P_SEGMENTS + 2u,
                                                   .result = p9_result };

    return p9 != NULL ? vpt_requests_init(&p9->requests, &p9->driver, 0, &kind, VPT_9P_SLOT_SIZE, config)
                      : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_9p_open(struct vpt_9p *p9, struct vpt_device *device)
{
    enum vpt_status status = vpt_9p_init(p9, device, NULL);

    return status == VPT_OK ? vpt_driver_open(&p9->driver, vpt_9p_queue_init(p9, NULL)) : status;
}

enum vpt_status vpt_9p_get_tag(struct vpt_9p *p9, char *tag, size_t size)
{
    static const struct vpt_config_field field = { CONFIG_TAG_LENGTH, 2, VPT_CONFIG_WITH(VPT_9P_F_MOUNT_TAG), 0 };
    enum vpt_status status;
    uint16_t length = 0;

    if (p9 == NULL || tag == NULL || size == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_driver_refresh(&p9->driver, &field, 1, &length);
    if (status == VPT_OK) {
        length = length < size ? length : (uint16_t)(size - 1u);
        status = length != 0 ? vpt_driver_bytes(p9->driver.device, CONFIG_TAG, (uint8_t *)tag, length) : VPT_EMPTY;
    }
    tag[status == VPT_OK ? length : 0] = '\0'; /* the device's text has none (D-9P-4) */
    return status;
}

enum vpt_status vpt_9p_submit(struct vpt_9p *p9, const struct vpt_9p_message *message, void *token)
{
    struct vpt_segment segments[VPT_9P_SEGMENTS + 2u];
    struct vpt_segment *next = segments;
    uint64_t address;
    uint8_t *slot;
    uint32_t size;
    uint32_t i;

    if (p9 == NULL || message == NULL || message->size < VPT_9P_HEADER ||
        (message->segments == NULL && (message->readable | message->writable) != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (message->size > VPT_9P_MESSAGE_MAX || (uint32_t)message->readable + message->writable > VPT_9P_SEGMENTS) {
        return VPT_CALLER_TOO_LONG;
    }
    slot = (uint8_t *)vpt_requests_next(&p9->requests);
    if (slot == NULL) {
        return vpt_slots_refuse(&p9->requests, 0);
    }
    address = vpt_requests_next_address(&p9->requests);
    next->address = address;
    next->length = size = message->size;
    for (i = 0; i < message->readable; i++) {
        *++next = message->segments[i];
        size += next->length; /* of too many bytes the low part, but they are refused below */
    }
    next++;
    next->address = address + SLOT_REPLY;
    next->length = message->writable != 0 ? VPT_9P_DATA : VPT_9P_REPLY_MAX; /* an error fits, too (D-9P-6) */
    for (; i < (uint32_t)message->readable + message->writable; i++) {
        *++next = message->segments[i];
    }
    vpt_9p_put(slot, 4, size);
    vpt_9p_put(slot + P9_AT_TYPE, 1, message->type);
    /* The number of the slot is a tag that no other message in flight has. */
    vpt_9p_put(slot + P9_AT_TAG, 2, message->type == P9_VERSION ? P9_NO_TAG : slot_index(&p9->requests, slot));
    vpt_9p_put(slot + SLOT_REPLY, 4, 0); /* so that an old reply is none */
    return vpt_requests_submit(&p9->requests, segments, (uint16_t)(message->readable + 1u),
                               (uint16_t)(message->writable + 1u), token);
}
