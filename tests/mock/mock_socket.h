/* SPDX-License-Identifier: MIT */
/*
 * The simulated socket device (VirtIO 1.4, section 5.10). It passes packets on and knows no connections: the test, or
 * another such device, is the peer. What the driver sends is compared with what the packets before have allowed.
 */
#ifndef VPT_TESTS_MOCK_SOCKET_H
#define VPT_TESTS_MOCK_SOCKET_H

#include "mock_device.h"

#define MOCK_SOCKET_QUEUES  3u
#define MOCK_SOCKET_HEADER  44u
#define MOCK_SOCKET_PAYLOAD 65536u /* the longest */
#define MOCK_SOCKET_WAITING 32u
#define MOCK_SOCKET_FLOWS   64u
#define MOCK_SOCKET_LOG     64u

enum mock_socket_operation {
    MOCK_SOCKET_REQUEST = 1,
    MOCK_SOCKET_RESPONSE,
    MOCK_SOCKET_RST,
    MOCK_SOCKET_SHUTDOWN,
    MOCK_SOCKET_RW,
    MOCK_SOCKET_CREDIT_UPDATE,
    MOCK_SOCKET_CREDIT_REQUEST
};

struct mock_socket_packet {
    uint64_t source;
    uint64_t target;
    uint32_t source_port;
    uint32_t target_port;
    uint32_t length;
    uint16_t type;
    uint16_t operation;
    uint32_t flags;
    uint32_t size; /* buf_alloc */
    uint32_t forwarded;
};

/* A packet that waits for a buffer. */
struct mock_socket_waiting {
    struct mock_socket_packet packet;
    uint8_t *bytes;
    uint32_t given; /* bytes of the payload */
};

/* What is known of the packets between two ends. */
struct mock_socket_flow {
    bool used;
    bool shut; /* the driver has said that it will send nothing more */
    uint64_t peer;
    uint32_t peer_port;
    uint32_t port;
    uint32_t sent; /* by the driver */
    uint32_t size; /* what the peer has said last, and the driver was given */
    uint32_t forwarded;
    uint32_t received; /* by the driver */
};

struct mock_socket {
    struct mock_device *device;

    /* The test sets these before the machine is made, or later. */
    uint64_t cid;  /* the guest's; 0: 3 */
    uint32_t most; /* bytes of a payload in one buffer; 0: as many as fit */
    bool longer;   /* the used length is that of the whole buffer */
    bool deaf;     /* takes nothing that the driver sends */
    bool trusting; /* the peer lies, so that the driver's use of credit is not compared */
    void (*passes_on)(void *ctx, const struct mock_socket_packet *packet, const uint8_t *bytes); /* NULL: to nobody */
    void *passes_on_ctx;

    /* Since the last reset. */
    struct mock_socket_waiting waiting[MOCK_SOCKET_WAITING];
    unsigned waiting_count;
    uint32_t events[8];
    unsigned event_count;
    struct mock_socket_flow flows[MOCK_SOCKET_FLOWS];

    /* Since the device was made: packet n that the driver has sent is at n % MOCK_SOCKET_LOG. */
    struct mock_socket_packet log[MOCK_SOCKET_LOG];
    unsigned log_count;
    uint8_t last[MOCK_SOCKET_PAYLOAD]; /* the payload of the last one */
};

/* The backend, for mock_device_init(); its context is a struct mock_socket. */
extern const struct mock_backend mock_socket_backend;

/* ---- For tests ---- */

/* A packet for the driver, with packet->length bytes. False: too many wait already. */
bool mock_socket_receive(struct mock_socket *socket, const struct mock_socket_packet *packet, const void *bytes);

/* An event for the driver; with 0 the guest has moved, and `cid` is its address now. */
void mock_socket_happens(struct mock_socket *socket, uint32_t event, uint64_t cid);

/* What is known of the packets between the two ends; NULL: nothing. */
struct mock_socket_flow *mock_socket_flow(struct mock_socket *socket, uint32_t port, uint64_t peer, uint32_t peer_port);

/* Takes what the driver has sent meanwhile, after `deaf`. */
void mock_socket_listen(struct mock_socket *socket);

#endif
