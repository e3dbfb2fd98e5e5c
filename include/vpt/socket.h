/* SPDX-License-Identifier: MIT */
/*
 * The socket driver (VirtIO 1.4, section 5.10; vsock): byte streams between the guest and its host, by ports, without a
 * network.
 *
 *     vpt_socket_open(&socket, &device);
 *     vpt_socket_listen(&socket, &server, 1024, bytes, sizeof(bytes));       a peer may connect to port 1024
 *     vpt_socket_connect(&socket, &client, 2, 5000, more, sizeof(more));     asks port 5000 of the host
 *     while (vpt_socket_poll(&socket, &event) == VPT_OK) {
 *         if ((event.what & VPT_SOCKET_CONNECTED) != 0) { vpt_socket_send(event.connection, ...) }
 *         if ((event.what & VPT_SOCKET_RECEIVED) != 0) { vpt_socket_receive(event.connection, ...) }
 *         if ((event.what & VPT_SOCKET_ENDED) != 0) { the object is free again }
 *     }
 *
 * No call waits for the peer; vpt_socket_poll() says what has happened. A connection and its receive buffer are the
 * caller's memory, from the call that begins it until its event VPT_SOCKET_ENDED was taken. A peer never sends more
 * than there is room for in the buffer, or the connection ends. Nothing limits how long a peer may take: call
 * vpt_socket_abort() after as long as the kernel is willing to wait.
 *
 * The calls of request.h on `socket.driver` do the rest. After a reset of the device call vpt_socket_drain(), then
 * vpt_driver_restart() or vpt_driver_release(). If an interrupt handler uses the queues, it wakes a thread that polls.
 *
 * There is no legacy form of this device: it is refused behind a legacy interface.
 */
#ifndef VPT_SOCKET_H
#define VPT_SOCKET_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_SOCKET_F_STREAM            0u
#define VPT_SOCKET_F_NO_IMPLIED_STREAM 2u

/* Addresses of hosts and guests that are fixed. */
#define VPT_SOCKET_CID_HOST 2u

/* Bytes of a slot of the queues 0 and 1, for memory.slots of their configs. A packet has 44 bytes before the data. */
#define VPT_SOCKET_SLOT_SIZE 4096u

/* How many packets are remembered that are to be answered once the device has taken what was sent before. */
#define VPT_SOCKET_REFUSALS 16u

/* What has happened to a connection: bits. */
#define VPT_SOCKET_CONNECTED 1u  /* the peer has accepted, or a listener has got a peer */
#define VPT_SOCKET_RECEIVED  2u  /* bytes came */
#define VPT_SOCKET_WRITABLE  4u  /* there is room again after vpt_socket_send() has returned VPT_RESOURCE_FULL */
#define VPT_SOCKET_SHUT      8u  /* the peer will not do everything any more, see peer_shut */
#define VPT_SOCKET_ENDED     16u /* the connection's status says why; its object may be used again */

/* What one end will not do any more: bits. */
#define VPT_SOCKET_RECEIVE 1u
#define VPT_SOCKET_SEND    2u

enum vpt_socket_state {
    VPT_SOCKET_CLOSED, /* the object is not in use */
    VPT_SOCKET_LISTENING,
    VPT_SOCKET_CONNECTING,
    VPT_SOCKET_OPEN,
    VPT_SOCKET_ENDING /* VPT_SOCKET_ENDED was not taken yet */
};

struct vpt_socket;

/*
 * A connection, or a listener that becomes one, in the caller's memory; zeroed before its first use. Read the first
 * members; change nothing.
 */
struct vpt_socket_connection {
    enum vpt_socket_state state;
    enum vpt_status status; /* why it has ended, see vpt_socket_poll() */
    uint32_t cid;           /* the peer's address ... */
    uint32_t port;          /* ... and port */
    uint32_t local_port;
    uint32_t shut;      /* what this end has said that it will not do any more, VPT_SOCKET_RECEIVE and _SEND */
    uint32_t peer_shut; /* what the peer has said */
    uint32_t available; /* bytes that can be received at once, also of a connection that has ended */

    /* Private. */
    struct vpt_socket *socket;
    struct vpt_socket_connection *next;
    uint8_t *buffer;
    uint32_t size;
    uint32_t begin;     /* where the first byte is in the buffer */
    uint32_t forwarded; /* all bytes that were taken out of it, as a 32-bit counter ... */
    uint32_t told;      /* ... as far as the peer knows */
    uint32_t sent;      /* all bytes that were sent ... */
    uint32_t peer_forwarded;
    uint32_t peer_size;
    uint32_t owed; /* bit n: a packet of operation n is to be sent */
    uint32_t events;
    bool blocked;
    bool asked; /* the peer, for credit */
};

/* A packet without a connection, which has to be answered. Private. */
struct vpt_socket_refusal {
    uint32_t cid;
    uint32_t port;
    uint32_t local_port;
    uint32_t type;
};

/* A socket device, in the caller's memory. Read `cid`; change nothing. */
struct vpt_socket {
    struct vpt_driver driver;
    struct vpt_requests receive;
    struct vpt_requests transmit;
    struct vpt_requests events;
    uint32_t cid; /* this guest's address; 0: the host has changed it, and it was not read yet */
    /* Private. */
    uint32_t ports;
    struct vpt_socket_connection *first;
    uint32_t refusal_count;
    struct vpt_socket_refusal refusals[VPT_SOCKET_REFUSALS];
};

/* What vpt_socket_poll() tells. */
struct vpt_socket_event {
    struct vpt_socket_connection *connection;
    uint32_t what; /* VPT_SOCKET_CONNECTED, ..., VPT_SOCKET_ENDED */
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure socket->driver is
 * zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `socket` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), the device has no streams, or what
 *     vpt_driver_init() says.
 * VPT_DEVICE_CONFIG: the guest's address is one that no guest can have.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_socket_init(struct vpt_socket *socket, struct vpt_device *device,
                                const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_socket_init() and before vpt_driver_start(): 0 for packets received, 1 for those sent, 2
 * for events; all are needed. If `config` is NULL, the memory is the port's, and has room for 16, 8 and 4 of them. Each
 * packet received or sent takes VPT_SOCKET_SLOT_SIZE bytes.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `socket` is NULL, or not initialised.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_socket_queue_init(struct vpt_socket *socket, uint16_t index,
                                      const struct vpt_requests_config *config);

/*
 * Calls vpt_socket_init(), vpt_socket_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a
 * kernel that polls, or takes an interrupt line. On failure the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *socket stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_socket_open(struct vpt_socket *socket, struct vpt_device *device);

/*
 * Takes back all packets after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. All connections end with VPT_CANCELLED, as vpt_socket_poll() will say; listeners
 * stay.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `socket` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_socket_drain(struct vpt_socket *socket);

/*
 * Takes what the device has received and says what has happened. Call this after an interrupt until VPT_EMPTY. Each
 * event is told once. A connection ends with one of these in its `status`:
 *
 * - VPT_OK: the two ends have shut everything down.
 * - VPT_DEVICE_IO_ERROR: the peer refused the connection, or ended it in the middle.
 * - VPT_DEVICE_REQUEST_STATUS: the peer broke a rule; it was told that the connection has ended.
 * - VPT_CANCELLED: vpt_socket_abort(), a reset, or the guest was moved to another host.
 *
 * Returns
 * VPT_OK: *event is filled.
 * VPT_EMPTY: nothing more has happened. The next packet will interrupt, or, if too many answers wait until the device
 *     has taken what was sent before, the device when it has.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_CONFIG: the guest's new address is one that no guest can have. Nothing can be sent or received until a
 *     later call reads another one.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing. The same holds.
 * what vpt_requests_poll() returns, after a reset also what a request comes back with.
 * VPT_CALLER_STATE: the queues are not set up, or the device is not started or is suspended.
 * why one of the queues has stopped; also that of what is sent.
 *
 * Context: init, thread, panic; lock: queues; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_socket_poll(struct vpt_socket *socket, struct vpt_socket_event *event);

/* ---- Connections. The lock is that of socket.transmit ---- */

/*
 * Waits for a peer that connects to `port`; then the object is the connection (VPT_SOCKET_CONNECTED). Several objects
 * may listen on one port, each for one peer. A peer that finds none is refused. `buffer` is for the bytes received; of
 * more than 2 GiB the rest is not used.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `size` is 0.
 * VPT_CALLER_STATE: the connection is in use, or the socket was not initialised.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_socket_listen(struct vpt_socket *socket, struct vpt_socket_connection *connection, uint32_t port,
                                  void *buffer, size_t size);

/*
 * Asks for a connection, from a local port that is not in use. VPT_SOCKET_CONNECTED says that the peer has accepted it,
 * VPT_SOCKET_ENDED that it has not. The rest is as in vpt_socket_listen().
 *
 * Returns
 * VPT_OK
 * what vpt_socket_listen() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_socket_connect(struct vpt_socket *socket, struct vpt_socket_connection *connection, uint32_t cid,
                                   uint32_t port, void *buffer, size_t size);

/*
 * Sends as many of the bytes as the peer and the queue have room for; they are copied. `*sent` is how many.
 *
 * Returns
 * VPT_OK: all are sent.
 * VPT_RESOURCE_FULL: there was no room for the rest; VPT_SOCKET_WRITABLE will say when to try again.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_STATE: the connection is not open, or one end has shut this direction.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_socket_send(struct vpt_socket_connection *connection, const void *bytes, size_t size, size_t *sent);

/*
 * Takes bytes that were received, also after the connection has ended. `*length` is how many, at most `size`.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: there are none. No more will come if the connection has ended, or if peer_shut has VPT_SOCKET_SEND.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_socket_receive(struct vpt_socket_connection *connection, void *buffer, size_t size, size_t *length);

/*
 * Tells the peer what this end will not do any more: VPT_SOCKET_RECEIVE, VPT_SOCKET_SEND. With both the connection ends
 * once the peer has answered.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `connection` is NULL, or `how` has other bits or none.
 * VPT_CALLER_STATE: the connection is not open.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_socket_shutdown(struct vpt_socket_connection *connection, uint32_t how);

/*
 * Ends a connection at once, or a listener. The peer is told if there is one. The object is in use until
 * VPT_SOCKET_ENDED.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `connection` is NULL.
 * VPT_CALLER_STATE: the connection is not in use, or has ended.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_socket_abort(struct vpt_socket_connection *connection);

VPT_END_DECLARATIONS

#endif
