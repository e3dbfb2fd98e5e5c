/* SPDX-License-Identifier: MIT */
/*
 * The network device driver (VirtIO 1.4, section 5.1). Frames are Ethernet frames without their FCS.
 *
 *     vpt_net_open(&net, &receiveq, &transmitq, &device);     one pair of queues, with defaults
 *     vpt_net_read(&receiveq, buffer, size, &frame);          the next frame, copied
 *     vpt_net_transmit(&transmitq, segments, count, NULL, token), vpt_requests_kick(&transmitq.requests)
 *
 *     vpt_net_init(&net, &device, &choice);                   negotiates and reads the configuration
 *     vpt_net_receiveq_init(&receiveq, &net, pair, ...);      for each pair that is used
 *     vpt_net_transmitq_init(&transmitq, &net, pair, ...);
 *     vpt_net_control_init(&control, &net, addresses, ...);   only for commands
 *     vpt_driver_start(&net.driver);                          DRIVER_OK
 *
 * Kick, poll, reset, restart and release are calls of request.h on `net.driver` and on the `requests` of each queue.
 * Frames that were sent come back by vpt_requests_poll() or vpt_requests_poll_batch() with VPT_OK, or with a status
 * that every request may have. A receive queue is never idle, so vpt_requests_quiesce() does not end it: a reset does,
 * and then vpt_net_receive() or vpt_net_read() takes each buffer back.
 *
 * Three features change what a kernel must do. A kernel that does not want to do it refuses the feature, as
 * vpt_net_open() does:
 *
 * - VPT_NET_F_MRG_RXBUF: a frame that is longer than a buffer comes in several buffers (vpt_net_frame.left).
 * - VPT_NET_F_GUEST_CSUM: checksums of received frames may be incomplete (VPT_NET_CHECKSUM_PARTIAL).
 * - VPT_NET_F_GUEST_ANNOUNCE: the device may ask the kernel to make itself known (vpt_net_info.announce).
 *
 * No feature for segmentation (TSO, UFO, USO) is ever accepted: each frame goes over the wire as it is in memory. With
 * a packed ring EVENT_IDX is not accepted: with both, QEMU's device never notices later frames once it had to wait for
 * its network.
 */
#ifndef VPT_NET_H
#define VPT_NET_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_NET_F_CSUM           0u
#define VPT_NET_F_GUEST_CSUM     1u
#define VPT_NET_F_MTU            3u
#define VPT_NET_F_MAC            5u
#define VPT_NET_F_MRG_RXBUF      15u
#define VPT_NET_F_STATUS         16u
#define VPT_NET_F_CTRL_VQ        17u
#define VPT_NET_F_CTRL_RX        18u
#define VPT_NET_F_CTRL_RX_EXTRA  20u
#define VPT_NET_F_GUEST_ANNOUNCE 21u
#define VPT_NET_F_MQ             22u
#define VPT_NET_F_CTRL_MAC_ADDR  23u

#define VPT_NET_MAC_SIZE      6u
#define VPT_NET_ETHERNET_SIZE 14u /* bytes of an Ethernet header */

/* What the device says of itself. A field whose feature was not accepted holds the value after "else". */
struct vpt_net_info {
    uint8_t mac[VPT_NET_MAC_SIZE]; /* the interface's address (NET-CFG-3); else 0: choose a local one (NET-CFG-4) */
    bool link;                     /* the link is up; else true (NET-CFG-5). See vpt_net_refresh() */
    bool announce;                 /* send gratuitous packets, then call vpt_net_announced(); else false */
    bool merge;                    /* a frame may come in several buffers; else false */
    bool checksum_transmit;        /* the device completes checksums of frames; else false */
    bool checksum_receive;         /* vpt_net_frame.checksum may be something other than NONE; else false */
    uint8_t header;                /* bytes in a received buffer before a frame: 12, or 10 on a legacy interface */
    uint16_t pairs;                /* pairs of queues, at least 1; else 1 */
    uint16_t mtu;                  /* bytes behind the Ethernet header; else 1500 */
    uint16_t status;               /* as the device has it. Private. */
    bool split;                    /* a received header has a descriptor of its own (LEG-NETFRAME-1). Private. */
    uint32_t transmit_max;         /* bytes of a frame to send, with its Ethernet header: mtu + 14; else 65549 */
};

/* A network device, in the caller's memory. Read `info`; `driver` is for the calls of request.h. */
struct vpt_net {
    struct vpt_driver driver;
    struct vpt_net_info info;
};

/* A transmit queue. `requests` is for the calls of request.h. */
struct vpt_net_transmitq {
    struct vpt_requests requests;
};

/* A receive queue. `requests` is for vpt_requests_notifications_off() and the like; the rest is private. */
struct vpt_net_receiveq {
    struct vpt_requests requests; /* a slot is a buffer of the library's; slots of 0 bytes: they are the caller's */
    uint16_t left;                /* buffers that are to come of the frame whose beginning was taken */
};

/* The control queue. `requests` is for the calls of request.h. */
struct vpt_net_control {
    struct vpt_requests requests;
    uint16_t addresses; /* in vpt_net_filter() at most. Private. */
};

/* ---- Bring-up ---- */

/*
 * Resets the device, negotiates its features and reads the configuration. `choice` says what the kernel requires or
 * refuses; it may be NULL. On failure *net is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `net` or `device` is NULL.
 * VPT_UNSUPPORTED_FEATURE: a required feature is not offered, is refused too, needs CTRL_VQ and that is missing, or is
 *     unknown to the library.
 * VPT_DEVICE_CONFIG: the MTU is below 68, there are 0 pairs or more than 32767, or the configuration is too short.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_net_init(struct vpt_net *net, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets the transmit queue of a pair up; pairs are counted from 0. If `config` is NULL, 64 frames of 4 segments each can
 * be in flight, and the memory is the port's. On failure *queue is zeroed unless VPT_CALLER_STATE says otherwise.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `queue` or `net` is NULL, or `net` is zeroed.
 * VPT_UNSUPPORTED_QUEUE: `pair` is not below info.pairs; or what vpt_queue_init() says.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_net_transmitq_init(struct vpt_net_transmitq *queue, struct vpt_net *net, uint16_t pair,
                                       const struct vpt_requests_config *config);

/* A buffer_size of vpt_net_receiveq_init(): the buffers are the caller's. */
#define VPT_NET_POSTED 0xffffffffu

/* The fewest bytes behind the header that a buffer may have if the device may merge buffers (info.merge). */
#define VPT_NET_PART_LEAST 244u

/*
 * Sets the receive queue of a pair up. There are two ways to have buffers:
 *
 * - The library's: config->requests of them, 64 if that is 0, each of `buffer_size` bytes with the header (0: room for
 *   a frame of the MTU with a VLAN tag), in the memory of config->memory.slots or the port's. Each start gives all of
 *   them to the device.
 * - The caller's, if `buffer_size` is VPT_NET_POSTED: the caller posts them after each start (vpt_net_post()), at most
 *   config->requests at a time.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `queue` or `net` is NULL, `net` is zeroed, or `buffer_size` is less than what vpt_net_post()
 *     allows.
 * VPT_UNSUPPORTED_QUEUE: `pair` is not below info.pairs; or what vpt_queue_init() says.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_net_receiveq_init(struct vpt_net_receiveq *queue, struct vpt_net *net, uint16_t pair,
                                      uint32_t buffer_size, const struct vpt_requests_config *config);

/*
 * Brings a device up with one pair of queues, the library's buffers and defaults: vpt_net_init(), both queues,
 * vpt_driver_start(). It refuses MRG_RXBUF, GUEST_CSUM and GUEST_ANNOUNCE, so each buffer is a whole frame, with
 * checksums that the kernel verifies. On failure the three objects are zeroed and the port has its memory back, with
 * the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, the objects stay as they are and the device may
 *     still access the memory: reset the device again, then call vpt_driver_release().
 * what the four calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_net_open(struct vpt_net *net, struct vpt_net_receiveq *receiveq,
                             struct vpt_net_transmitq *transmitq, struct vpt_device *device);

/*
 * Reads again what changes by itself: info.link and info.announce. Call this from a thread after
 * vpt_device_interrupt() has returned VPT_INTERRUPT_CONFIGURATION. On failure both stay as they were.
 *
 * Returns
 * VPT_OK
 * what vpt_driver_refresh() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_net_refresh(struct vpt_net *net);

/* ---- Sending ---- */

/*
 * A checksum that the device completes (info.checksum_transmit). It sums the frame from byte `start` to its end and
 * stores the sum's complement at byte start + offset, where the frame has the sum of the pseudo-header (NET-TX-19). All
 * checksums before this one are complete (NET-TX-18). A `start` of 0 means that there is nothing to complete.
 */
struct vpt_net_checksum {
    uint16_t start;
    uint16_t offset;
};

/*
 * Submits a frame that lies in `count` segments; the header before it is the library's. `checksum` may be NULL: the
 * frame's checksums are complete (NET-TX-3). The device sees the frame at the next vpt_requests_kick(). The frame
 * belongs to the device until `token` comes back.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_TOO_LONG: the frame is longer than info.transmit_max (NET-CFG-8), or in too many segments.
 * VPT_CALLER_RANGE: the checksum is not within the frame.
 * VPT_UNSUPPORTED_REQUEST: the device does not complete checksums.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_net_transmit(struct vpt_net_transmitq *queue, const struct vpt_segment *segments, uint16_t count,
                                 const struct vpt_net_checksum *checksum, void *token);

/*
 * Submits several frames in the order of the array, up to one that is refused; `*done` is how many are submitted. A
 * frame is `readable` segments, and `writable` is 0. `checksums` has an element for each frame, or is NULL. A frame of
 * one segment takes half the time of a call of vpt_net_transmit().
 *
 * Returns
 * VPT_OK: all are submitted.
 * VPT_CALLER_ARGUMENT: a frame has writable segments; or what vpt_requests_submit() says.
 * what vpt_net_transmit() returns for the first that is refused.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_net_transmit_batch(struct vpt_net_transmitq *queue, const struct vpt_request *frames,
                                       const struct vpt_net_checksum *checksums, uint32_t count, uint32_t *done);

/* ---- Receiving ---- */

enum vpt_net_checksum_state {
    VPT_NET_CHECKSUM_NONE,   /* nothing is known: verify the frame's checksums (NET-RX-7) */
    VPT_NET_CHECKSUM_VALID,  /* the device has verified a checksum */
    VPT_NET_CHECKSUM_PARTIAL /* the data is good, the checksum is incomplete: see struct vpt_net_checksum */
};

/* A buffer that came back: a frame, or a part of one. */
struct vpt_net_frame {
    void *buffer;           /* the buffer's first byte, as it was posted */
    uint32_t length;        /* of the frame, or of this part of it */
    uint16_t left;          /* so many of the following buffers belong to the same frame */
    uint8_t checksum;       /* enum vpt_net_checksum_state */
    bool continued;         /* this is not the first part of a frame */
    const void *bytes;      /* the frame in the buffer; the device can still reach it, so copy before you check */
    enum vpt_status status; /* of the buffer, see vpt_net_receive() */
    struct vpt_net_checksum partial; /* if `checksum` is VPT_NET_CHECKSUM_PARTIAL; it lies within the first part */
};

/*
 * Takes buffers that have come back: `*done` frames are filled, at most `count`. Each buffer is the caller's until it
 * goes back to the device, by vpt_net_recycle() or vpt_net_post(). A buffer has one of these statuses:
 *
 * - VPT_OK
 * - VPT_DEVICE_REQUEST_STATUS: the device says something impossible: fewer bytes than a header, more buffers than it
 *   has, or a checksum outside the buffer. There is no frame, and the next buffer begins a new one.
 * - after a reset VPT_CANCELLED or another status of vpt_requests_poll(): there is no frame, and the device does not
 *   take the buffer before the next start. Each buffer comes back once.
 *
 * Returns
 * VPT_OK: the whole array is filled; more may have come back.
 * what vpt_requests_poll() returns; then fewer than `count` are filled, maybe none.
 *
 * Context: any; lock: queue; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_net_receive(struct vpt_net_receiveq *queue, struct vpt_net_frame *frames, uint32_t count,
                                uint32_t *done);

/*
 * Gives the buffers of `count` frames, which are the library's, back to the device, and shows them to it. If only the
 * kick is refused, as of a suspended device, they were given all the same: do not give them again. Frames that were
 * taken before a restart are void: do not give them back, since the start has given all buffers to the device.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a buffer is not one of the library's; those before it were given back.
 * what vpt_requests_submit() and vpt_requests_kick() return.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_net_recycle(struct vpt_net_receiveq *queue, const struct vpt_net_frame *frames, uint32_t count);

/*
 * Gives buffers of the caller's to the device, and shows them to it; `*done` is how many the device has. The device
 * writes a header of info.header bytes at the beginning of a buffer, and the frame behind it. Call this after the
 * start. A buffer has room for the header and a frame of the MTU (NET-CFG-7, NET-RXBUF-2); if info.merge,
 * VPT_NET_PART_LEAST bytes behind the header are enough.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the queue has buffers of the library's.
 * VPT_CALLER_MEMORY: a buffer is too small, or has 2 GiB or more.
 * VPT_RESOURCE_FULL: so many buffers are the device's that no more can be.
 * what vpt_requests_submit() and vpt_requests_kick() return.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_net_post(struct vpt_net_receiveq *queue, const struct vpt_memory *buffers, uint32_t count,
                             uint32_t *done);

/*
 * Takes the next frame, of a queue with buffers of the library's: copies it, each byte once, however many buffers it
 * lies in, and gives these back. frame->length is the length of the whole frame; the first `size` bytes of it are in
 * `buffer`, at which frame->buffer and frame->bytes point.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: there is no frame. If notifications are on, the next one interrupts.
 * VPT_DEVICE_REQUEST_STATUS: a buffer, or a frame of which a part is missing, was dropped; call it again.
 * what vpt_net_receive() says of a buffer after a reset, once for each buffer.
 * why the queue has stopped.
 * VPT_CALLER_ARGUMENT: the queue has buffers of the caller's; none was taken.
 * VPT_CALLER_STATE: the queue is not set up.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_net_read(struct vpt_net_receiveq *queue, void *buffer, size_t size, struct vpt_net_frame *frame);

/* ---- Commands ---- */

/*
 * Sets the control queue up. `addresses` is how many MAC addresses one vpt_net_filter() may have. All commands below
 * wait for the answer of the device, for at most VPT_WAIT_REQUEST. They return
 *
 * - VPT_DEVICE_TIMEOUT: there was no answer. The device may still carry the command out; until it has answered, further
 *   commands return VPT_CALLER_BUSY.
 * - VPT_DEVICE_IO_ERROR: the device refuses the command.
 * - VPT_DEVICE_REQUEST_STATUS: the answer is none.
 *
 * A reset undoes all commands: repeat them after a restart.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `control` or `net` is NULL, or `net` is zeroed.
 * VPT_UNSUPPORTED_FEATURE: CTRL_VQ was not accepted.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_net_control_init(struct vpt_net_control *control, struct vpt_net *net, uint16_t addresses,
                                     const struct vpt_requests_config *config);

/* What a device receives beside frames to its own address, in its filter or to all stations. */
enum vpt_net_mode {
    VPT_NET_PROMISCUOUS = 0,
    VPT_NET_ALL_MULTICAST = 1,
    VPT_NET_ALL_UNICAST = 2, /* from here on CTRL_RX_EXTRA is needed (NET-FILT-2) */
    VPT_NET_NO_MULTICAST = 3,
    VPT_NET_NO_UNICAST = 4,
    VPT_NET_NO_BROADCAST = 5
};

/*
 * Turns a mode on or off.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `control` is NULL, or the mode is unknown.
 * VPT_CALLER_BUSY: the device has not answered an earlier command.
 * VPT_UNSUPPORTED_FEATURE: the feature of the command was not accepted.
 * VPT_DEVICE_TIMEOUT: see vpt_net_control_init().
 * VPT_DEVICE_IO_ERROR: the device refuses the command.
 * VPT_DEVICE_REQUEST_STATUS: the answer is none.
 * what vpt_requests_ready(), vpt_requests_submit() and vpt_requests_quiesce() return.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_net_set_mode(struct vpt_net_control *control, enum vpt_net_mode mode, bool on);

/*
 * Sets the filter table: `unicast` addresses at first, then `multicast` ones, in one array of
 * (unicast + multicast) * 6 bytes. Either number may be 0 (NET-MAC-4).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `addresses` is NULL, and not both numbers are 0.
 * VPT_CALLER_TOO_LONG: there are more addresses than vpt_net_control_init() was told.
 * what vpt_net_set_mode() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_net_filter(struct vpt_net_control *control, const uint8_t *addresses, uint16_t unicast,
                               uint16_t multicast);

/*
 * Changes the address of the interface, and info.mac (NET-MAC-2).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `mac` is NULL.
 * what vpt_net_set_mode() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_net_set_mac(struct vpt_net_control *control, const uint8_t mac[VPT_NET_MAC_SIZE]);

/*
 * Says that gratuitous packets were sent, as info.announce asked for (NET-GARP-1, NET-GARP-2).
 *
 * Returns
 * what vpt_net_set_mode() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_net_announced(struct vpt_net_control *control);

/*
 * Says how many pairs of queues are in use, 1 after each start. Set them up before (NET-MQ-1), send by the first pair
 * alone until this call has returned (NET-MQ-3), and by no pair from `pairs` on once it was made (NET-MQ-4).
 *
 * Returns
 * VPT_CALLER_RANGE: `pairs` is 0 or above info.pairs (NET-MQ-2).
 * what vpt_net_set_mode() returns.
 *
 * Context: init, thread, panic; lock: queue, device; waits: request; calls: registers, config_read, log.
 */
enum vpt_status vpt_net_use_pairs(struct vpt_net_control *control, uint16_t pairs);

VPT_END_DECLARATIONS

#endif
