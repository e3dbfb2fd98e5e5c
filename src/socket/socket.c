/* SPDX-License-Identifier: MIT */
/* Bring-up of a socket device, its packets and its events (VirtIO 1.4, sections 5.10.2 to 5.10.6.2, 5.10.6.7). */
#include "socket_internal.h"

#define EVENT_RESET 0u /* D-VSOCK-14 */

/* ---- Bring-up ---- */

static const struct vpt_config_field cid_field = { 0, 8, 0, 0 };

/* Takes over the address that was read, if a guest can have it (D-VSOCK-2). */
static enum vpt_status set_cid(struct vpt_socket *socket, uint64_t cid, enum vpt_status status)
{
    if (status == VPT_OK && (cid <= VPT_SOCKET_CID_HOST || cid >= 0xffffffffu)) {
        status = VPT_DEVICE_CONFIG;
    }
    if (status == VPT_OK) {
        socket->cid = (uint32_t)cid;
    }
    return status;
}

static enum vpt_status read_address(struct vpt_driver *driver)
{
    struct vpt_socket *socket = VPT_CONTAINER_OF(driver, struct vpt_socket, driver);
    const struct vpt_features *features = &driver->device->features;
    enum vpt_status status;
    uint64_t cid = 0;

    if (vpt_features_has(features, VPT_SOCKET_F_NO_IMPLIED_STREAM) &&
        !vpt_features_has(features, VPT_SOCKET_F_STREAM)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    status = vpt_device_config_fields(driver->device, &cid_field, 1, &cid);
    return set_cid(socket, cid, status);
}

enum vpt_status vpt_socket_init(struct vpt_socket *socket, struct vpt_device *device,
                                const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = {
        .type = VPT_DEVICE_TYPE_SOCKET,
        .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } },
        .wanted = { { 1u << VPT_SOCKET_F_STREAM | 1u << VPT_SOCKET_F_NO_IMPLIED_STREAM } }, /* VSOCK-FEAT-1 */
        .configure = read_address
    };

    if (socket == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(socket, sizeof(*socket));
    return vpt_driver_init(&socket->driver, device, &kind, choice);
}

enum vpt_status vpt_socket_queue_init(struct vpt_socket *socket, uint16_t index,
                                      const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kinds[3] = {
        { .reply = VPT_SOCKET_SLOT_SIZE, .requests = 16, .started = vpt_receive_start },
        { .header = SOCKET_HEADER, .requests = 8, .segments = 1 },
        { .reply = sizeof(uint32_t), .requests = 4, .started = vpt_receive_start },
    };

    if (socket == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 2u) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(index == 0    ? &socket->receive
                             : index == 1u ? &socket->transmit
                                           : &socket->events,
                             &socket->driver, index, &kinds[index], index < 2u ? VPT_SOCKET_SLOT_SIZE : 0, config);
}

enum vpt_status vpt_socket_open(struct vpt_socket *socket, struct vpt_device *device)
{
    enum vpt_status status = vpt_socket_init(socket, device, NULL);
    uint16_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < 3u && status == VPT_OK; i++) {
        status = vpt_socket_queue_init(socket, i, NULL);
    }
    return vpt_driver_open(&socket->driver, status);
}

/* ---- Packets ---- */

/* All fields are little-endian, and words but two, which share one. */
static void change_order(struct socket_packet *packet)
{
    uint32_t *word = (uint32_t *)packet;
    uint32_t i;

    for (i = 0; VPT_BIG_ENDIAN != 0 && i < SOCKET_HEADER / 4u; i++) {
        word[i] = vpt_order32(true, word[i]);
    }
}

enum vpt_status vpt_socket_submit(struct vpt_socket *socket, struct socket_packet *packet, const uint8_t *bytes)
{
    struct vpt_requests *transmit = &socket->transmit;
    struct vpt_segment segment;
    uint8_t *slot;

    if (socket->cid == 0) {
        return VPT_RESOURCE_FULL;
    }
    if (vpt_requests_free(transmit) == 0) {
        vpt_slots_take_back(transmit);
    }
    slot = (uint8_t *)slot_next(transmit);
    segment.address = vpt_requests_next_address(transmit) + SOCKET_HEADER;
    segment.length = packet->length;
    if (slot != NULL) {
        packet->source = socket->cid; /* VSOCK-TX-1 */
        change_order(packet);
        vpt_slots_copy_in(slot, packet, SOCKET_HEADER);
        vpt_slots_copy_in(slot + SOCKET_HEADER, bytes, segment.length);
    }
    return vpt_requests_submit(transmit, &segment, segment.length != 0 ? 1 : 0, 0, NULL);
}

enum vpt_status vpt_socket_take(struct vpt_socket *socket, struct socket_packet *packet, const uint8_t **payload)
{
    struct vpt_completion completion;
    enum vpt_status status = vpt_requests_poll(&socket->receive, &completion);

    if (status != VPT_OK || completion.status != VPT_OK) {
        return status != VPT_OK ? status : completion.status;
    }
    *payload = NULL;
    if (completion.length >= SOCKET_HEADER) {
        vpt_slots_copy_out((uint8_t *)packet, (const uint8_t *)completion.token, SOCKET_HEADER);
        change_order(packet);
        if (packet->kind == SOCKET_KIND(SOCKET_RW) && packet->length > completion.length - SOCKET_HEADER) {
            packet->kind = SOCKET_KIND(0);
        }
        if (packet->target == socket->cid && (packet->source_high | packet->target_high) == 0) {
            *payload = (const uint8_t *)completion.token + SOCKET_HEADER;
        }
    }
    return VPT_OK;
}

/* ---- Events ---- */

enum vpt_status vpt_socket_take_events(struct vpt_socket *socket, bool *moved)
{
    enum vpt_status status = VPT_OK;
    uint32_t length = 0;
    uint32_t event = 0;
    uint64_t cid = 0;

    while (status == VPT_OK) { /* until all buffers are given back (VSOCK-EVENT-1) */
        status = vpt_receive(&socket->events, &event, sizeof(event), &length);
        if (status == VPT_OK && length == sizeof(event) && vpt_order32(true, event) == EVENT_RESET) {
            *moved = true;
            socket->cid = 0;
        }
    }
    if (status != VPT_EMPTY || socket->cid != 0) {
        return status == VPT_EMPTY ? VPT_OK : status;
    }
    status = vpt_driver_refresh(&socket->driver, &cid_field, 1, &cid);
    return set_cid(socket, cid, status); /* VSOCK-EVENT-2 */
}
