/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_SOCKET_INTERNAL_H
#define VPT_SRC_SOCKET_INTERNAL_H

#include <vpt/socket.h>

#include "../access.h"
#include "../request/slots.h"

/* Operations (D-VSOCK-4). */
#define SOCKET_REQUEST        1u
#define SOCKET_RESPONSE       2u
#define SOCKET_RST            3u
#define SOCKET_SHUTDOWN       4u
#define SOCKET_RW             5u
#define SOCKET_CREDIT_UPDATE  6u
#define SOCKET_CREDIT_REQUEST 7u

#define SOCKET_STREAM  1u /* the type of packet */
#define SOCKET_HEADER  44u
#define SOCKET_PAYLOAD (VPT_SOCKET_SLOT_SIZE - SOCKET_HEADER)
#define SOCKET_BOTH    (VPT_SOCKET_RECEIVE | VPT_SOCKET_SEND)

/* An operation and the type of packet, which share a word. */
#define SOCKET_KIND(operation) ((uint32_t)(operation) << 16 | SOCKET_STREAM)
#define SOCKET_TYPE(kind)      ((kind)&0xffffu)
#define SOCKET_OPERATION(kind) ((kind) >> 16)

/* The header of a packet, in the CPU's byte order (D-VSOCK-3). */
struct socket_packet {
    uint32_t source;
    uint32_t source_high;
    uint32_t target;
    uint32_t target_high;
    uint32_t source_port;
    uint32_t target_port;
    uint32_t length; /* of the payload */
    uint32_t kind;
    uint32_t flags;
    uint32_t size;      /* of the sender's buffer, and ... */
    uint32_t forwarded; /* ... bytes that were taken out of it */
};

VPT_STATIC_ASSERT(sizeof(struct socket_packet) == SOCKET_HEADER, "D-VSOCK-3");

/* ---- Packets (socket.c) ---- */

/* Submits a packet, whose source is filled in. VPT_RESOURCE_FULL: not now; nothing was done. */
enum vpt_status vpt_socket_submit(struct vpt_socket *socket, struct socket_packet *packet, const uint8_t *bytes);

/*
 * Takes the next packet from its queue; the slot stays with the driver. `*payload` is where its payload is, which the
 * device may still change; NULL: the packet is to be passed over. If the payload is not all there, the operation is 0.
 */
enum vpt_status vpt_socket_take(struct vpt_socket *socket, struct socket_packet *packet, const uint8_t **payload);

/* Takes the events. If the guest has moved to another host, says so and reads the guest's address. */
enum vpt_status vpt_socket_take_events(struct vpt_socket *socket, bool *moved);

#endif
