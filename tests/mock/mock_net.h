/* SPDX-License-Identifier: MIT */
/*
 * The simulated network device (VirtIO 1.4, section 5.1). It remembers the frames that it was given to send, and
 * receives those that a test gives it. It has no filter: it only remembers the commands.
 */
#ifndef VPT_TESTS_MOCK_NET_H
#define VPT_TESTS_MOCK_NET_H

#include "mock_device.h"

#define MOCK_NET_FRAME_MAX 9200u /* bytes of a frame */
#define MOCK_NET_LOG       64u   /* frames that are remembered: the last ones */
#define MOCK_NET_WAITING   32u   /* frames that wait for buffers at most; further ones are dropped */
#define MOCK_NET_TABLE_MAX 16u

/* The configuration (section 5.1.4): name, offset, width, the feature that the field needs. */
#define MOCK_NET_MAC    0u
#define MOCK_NET_STATUS 6u
#define MOCK_NET_PAIRS  8u
#define MOCK_NET_MTU    10u

#define MOCK_NET_LINK_UP  1u
#define MOCK_NET_ANNOUNCE 2u

/* Zeroed: a MAC address, the link's status, a control queue with all its commands, checksums both ways, MRG_RXBUF. */
struct mock_net_options {
    struct vpt_features withhold; /* of this type's features */
    uint16_t mtu;                 /* 0: the device says none */
    uint16_t pairs;               /* of queues; 0: 1, without MQ */
    bool sets_buffers; /* num_buffers is written, as 1, although MRG_RXBUF was not accepted; QEMU 7.2 leaves it alone */
};

/* A frame, with its header's fields. */
struct mock_net_record {
    uint16_t queue;
    uint8_t flags;
    uint16_t checksum_start;
    uint16_t checksum_offset;
    uint32_t segments; /* that it was in, with the header's */
    uint32_t length;
    uint8_t bytes[MOCK_NET_FRAME_MAX];
};

/* The last command, and what the commands have set. */
struct mock_net_commands {
    uint64_t count;
    uint8_t class_code;
    uint8_t command;
    bool mode[6];          /* by the number of the command */
    uint8_t mac[6];        /* MAC_ADDR_SET */
    uint32_t addresses[2]; /* in the table: unicast, multicast */
    uint8_t table[MOCK_NET_TABLE_MAX * 6u];
    uint16_t pairs;
};

struct mock_net {
    struct mock_device *device;
    struct mock_net_options options;

    struct mock_net_commands commands; /* a reset clears them */

    /* Frames to be received: number n is at n % MOCK_NET_WAITING. */
    struct mock_net_record waiting[MOCK_NET_WAITING];
    uint64_t offered;   /* frames given to mock_net_receive() and not dropped there */
    uint64_t delivered; /* frames written into buffers, or dropped since they did not fit */
    uint64_t dropped;
    uint32_t written; /* of the frame that is being written, header included ... */
    uint16_t left;    /* ... and buffers that are to come */

    /* What was sent. */
    uint64_t sent;
    struct mock_net_record log[MOCK_NET_LOG]; /* frame n is at n % MOCK_NET_LOG, n counted from 0 */
};

/* The backend, for mock_device_init(); its context is a struct mock_net. */
extern const struct mock_backend mock_net_backend;

/*
 * A frame comes from the network, for a receive queue. It is written into buffers as soon as there are enough. `flags`
 * and the checksum's place are the header's. False: it was dropped.
 */
bool mock_net_receive(struct mock_net *net, uint16_t pair, const void *bytes, uint32_t length, uint8_t flags,
                      uint16_t checksum_start, uint16_t checksum_offset);

/* The last frame that was sent, or NULL before the first. */
const struct mock_net_record *mock_net_last(const struct mock_net *net);

/* The link goes up or down, or the device asks for an announcement; the driver is told. */
void mock_net_set_status(struct mock_net *net, uint16_t status);

#endif
