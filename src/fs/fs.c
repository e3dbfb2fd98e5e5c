/* SPDX-License-Identifier: MIT */
/* File system devices: a queue for messages and their replies, and one for what is forgotten (D-FS-1, D-FS-2). */
#include "fs_internal.h"

#define CONFIG_TAG    0u
#define CONFIG_QUEUES 36u

/* Of a header. */
#define AT_TYPE   4u
#define AT_NUMBER 8u
#define AT_NODE   16u
#define AT_USER   24u /* and the group (4) */
#define AT_THREAD 32u /* and 4 bytes that are 0 */

/* Of a reply. */
#define AT_ERROR 4u

#define SLOT_REPLY VPT_FS_MESSAGE_MAX

/* Reads each word once. The number in the slot may be the device's, which could as well write that of this message. */
static enum vpt_status fs_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const uint8_t *message = (const uint8_t *)slot;
    const uint8_t *reply = message + SLOT_REPLY;
    uint32_t size;
    uint32_t error;

    if (requests->queue.index == FS_HIPRIO) { /* no reply (D-FS-8) */
        return VPT_OK;
    }
    size = vpt_load32(reply);
    error = 0u - vpt_load32(reply + AT_ERROR);
    if (size < VPT_FS_REPLY_HEADER || size > length || error > FS_ERROR_MAX ||
        vpt_load32(reply + AT_NUMBER) != vpt_load32(message + AT_NUMBER) ||
        vpt_load32(reply + AT_NUMBER + 4u) != vpt_load32(message + AT_NUMBER + 4u)) { /* D-FS-5 */
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (error == 0) {
        return VPT_OK;
    }
    return size == VPT_FS_REPLY_HEADER ? VPT_DEVICE_IO_ERROR : VPT_DEVICE_REQUEST_STATUS;
}

enum vpt_status vpt_fs_init(struct vpt_fs *fs, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_FS,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } } };

    if (fs == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(fs, sizeof(*fs));
    return vpt_driver_init(&fs->driver, device, &kind, choice);
}

enum vpt_status vpt_fs_queue_init(struct vpt_fs *fs, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = { .requests = 8,
                                                   .segments = VPT_FS_SEGMENTS + 2u,
                                                   .result = fs_result };

    if (fs == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 1u) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(index == FS_HIPRIO ? &fs->hiprio : &fs->requests, &fs->driver, index, &kind,
                             VPT_FS_SLOT_SIZE, config);
}

enum vpt_status vpt_fs_open(struct vpt_fs *fs, struct vpt_device *device)
{
    enum vpt_status status = vpt_fs_init(fs, device, NULL);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_fs_queue_init(fs, 0, NULL);
    if (status == VPT_OK) {
        status = vpt_fs_queue_init(fs, 1, NULL);
    }
    return vpt_driver_open(&fs->driver, status);
}

enum vpt_status vpt_fs_get_tag(struct vpt_fs *fs, char *tag, size_t size)
{
    static const struct vpt_config_field field = { CONFIG_QUEUES, 4, 0, 0 };
    enum vpt_status status;
    uint32_t queues;

    if (fs == NULL || tag == NULL || size == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    size = size <= VPT_FS_TAG_MAX ? size - 1u : VPT_FS_TAG_MAX;
    status = vpt_driver_refresh(&fs->driver, &field, 1, &queues); /* for its checks */
    if (status == VPT_OK) {
        status = vpt_driver_bytes(fs->driver.device, CONFIG_TAG, (uint8_t *)tag, (unsigned)size); /* D-FS-3 */
    }
    tag[status == VPT_OK ? size : 0] = '\0';
    return status == VPT_OK && tag[0] == '\0' ? VPT_EMPTY : status;
}

enum vpt_status vpt_fs_submit(struct vpt_fs *fs, const struct vpt_fs_message *message, void *token)
{
    struct vpt_segment segments[VPT_FS_SEGMENTS + 2u];
    struct vpt_requests *requests;
    struct vpt_segment *reply;
    bool forget;
    uint8_t *slot;
    uint32_t size;
    uint32_t i;

    if (fs == NULL || message == NULL || message->size < VPT_FS_HEADER || message->type == FS_INTERRUPT ||
        (message->segments == NULL && (message->readable | message->writable) != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (message->size > VPT_FS_MESSAGE_MAX || (uint32_t)message->readable + message->writable > VPT_FS_SEGMENTS) {
        return VPT_CALLER_TOO_LONG;
    }
    forget = message->type == FS_TYPE(FS_FORGET) || message->type == FS_BATCH_FORGET; /* FS-HIPRIO-1, FS-HIPRIO-2 */
    if (forget && message->writable != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    requests = forget ? &fs->hiprio : &fs->requests;
    slot = (uint8_t *)slot_next(requests);
    if (slot == NULL) {
        return vpt_slots_refuse(requests, 0);
    }
    size = message->size;
    for (i = 0; i < (uint32_t)message->readable + message->writable; i++) {
        segments[i < message->readable ? i + 1u : i + 2u] = message->segments[i];
        size += i < message->readable ? message->segments[i].length : 0; /* if this wraps, they are refused below */
    }
    segments->address = vpt_requests_next_address(requests);
    segments->length = message->size;
    reply = &segments[message->readable + 1u];
    reply->address = segments->address + SLOT_REPLY;
    reply->length = message->writable != 0 ? VPT_FS_REPLY_HEADER : VPT_FS_REPLY_MAX;
    vpt_store32(slot, size);
    vpt_store32(slot + AT_TYPE, message->type);
    vpt_store64(slot + AT_NUMBER, ++fs->messages); /* an old reply has another one */
    vpt_store64(slot + AT_NODE, message->node);
    vpt_store64(slot + AT_USER, 0);
    vpt_store64(slot + AT_THREAD, 0);
    return vpt_requests_submit(requests, segments, (uint16_t)(message->readable + 1u),
                               forget ? 0 : (uint16_t)(message->writable + 1u), token);
}
