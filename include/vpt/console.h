/* SPDX-License-Identifier: MIT */
/*
 * The console device driver (VirtIO 1.4, section 5.3): a console, or several named ports that carry bytes to and from
 * the host.
 *
 *     vpt_console_open(&console, &port, 1, &device);
 *     vpt_console_write(&port, "hello\n", 6, NULL);
 *     vpt_console_read(&port, buffer, sizeof(buffer), &length);
 *
 * The calls of request.h on `console.driver` and on the queues of each port do the rest. For example
 * vpt_requests_quiesce(&port.queues.out, NULL, NULL) waits until the device has taken what was written. After a reset
 * call vpt_console_drain(), then vpt_driver_restart() or vpt_driver_release().
 *
 * A device with VPT_CONSOLE_F_MULTIPORT has several ports, which come, get a name, are opened and closed by the host,
 * and go: vpt_console_poll() takes each of these events. Without the feature there is port 0 alone, which is there from
 * the start. The memory of the ports is the caller's; a port of the device that there is no memory for is refused.
 *
 * vpt_console_emergency() needs none of this: it prints as soon as the device was probed.
 */
#ifndef VPT_CONSOLE_H
#define VPT_CONSOLE_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_CONSOLE_F_SIZE        0u
#define VPT_CONSOLE_F_MULTIPORT   1u
#define VPT_CONSOLE_F_EMERG_WRITE 2u

/* The most bytes in one buffer that goes to or comes from the device. */
#define VPT_CONSOLE_CHUNK 256u

/* The most bytes of a port's name; a longer name is cut. */
#define VPT_CONSOLE_NAME_MAX 55u

/* Two queues, for one direction each. */
struct vpt_console_queues {
    struct vpt_requests in;  /* bytes from the host */
    struct vpt_requests out; /* bytes to the host */
};

/* What is known of a port. With VPT_CONSOLE_F_MULTIPORT the device says it after each start. */
struct vpt_console_state {
    bool present;                         /* the device has the port */
    bool is_console;                      /* the device wants it to be used as a console */
    bool host_open;                       /* somebody at the host has opened it */
    bool open;                            /* the host was told that somebody here has opened it */
    char name[VPT_CONSOLE_NAME_MAX + 1u]; /* "": none */
    uint16_t columns;                     /* size of the console; 0: not known */
    uint16_t rows;
};

/* A port, in the caller's memory. Read `state`; change nothing. */
struct vpt_console_port {
    struct vpt_console_state state;
    struct vpt_console_queues queues;
    /* Private. */
    uint32_t received; /* bytes of the last buffer from the host ... */
    uint32_t taken;    /* ... and how many of them were read */
    uint8_t chunk[VPT_CONSOLE_CHUNK];
};

/* A console device, in the caller's memory. Read `port_count` and `queue_count`; change nothing. */
struct vpt_console {
    struct vpt_driver driver;
    struct vpt_console_port *ports;    /* port n is ports[n] */
    uint32_t room;                     /* how many the caller has memory for */
    uint32_t port_count;               /* how many can be used: no more than the device may have */
    uint32_t queue_count;              /* how many vpt_console_queue_init() sets up */
    struct vpt_console_queues control; /* with VPT_CONSOLE_F_MULTIPORT */
};

/* What has happened to a port. The numbers are those of the device's messages. */
enum vpt_console_event_kind {
    VPT_CONSOLE_IGNORED = 0,   /* a message without a meaning, or about a port that the caller has no memory for */
    VPT_CONSOLE_ADDED = 1,     /* the port is there */
    VPT_CONSOLE_REMOVED = 2,   /* the port is not there any more; what was received can still be read */
    VPT_CONSOLE_NOMINATED = 4, /* state.is_console: the port is a console, and is open */
    VPT_CONSOLE_RESIZED = 5,   /* state.columns, state.rows */
    VPT_CONSOLE_HOST_OPEN = 6, /* state.host_open: the host has opened or closed the port */
    VPT_CONSOLE_NAMED = 7      /* state.name */
};

struct vpt_console_event {
    enum vpt_console_event_kind kind;
    uint32_t id;                   /* the number of the port, as the device said it */
    struct vpt_console_port *port; /* NULL: VPT_CONSOLE_IGNORED */
};

/*
 * Resets the device, negotiates its features, as vpt_driver_init() does, and reads the configuration. `ports` is memory
 * for `room` ports, from port 0 on. A kernel that wants port 0 alone refuses VPT_CONSOLE_F_MULTIPORT by `choice`; the
 * port then works without vpt_console_poll(). On failure *console is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `room` is 0.
 * VPT_DEVICE_CONFIG: the device says that it has no port.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_console_init(struct vpt_console *console, struct vpt_console_port *ports, uint32_t room,
                                 struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_console_init() and before vpt_driver_start(): call it for each `index` from 0 to
 * console->queue_count - 1, in this order. Queues 0 and 1 are port 0's, from the host and to it. Queues 2 and 3 are for
 * control messages. Queues 2n + 2 and 2n + 3 are port n's. If `config` is NULL, the memory is the port's, and has room
 * for 16 buffers of VPT_CONSOLE_CHUNK bytes; queue 2 has room for 128 messages of 64 bytes, as many as a device of 31
 * ports sends at once, because some devices drop messages that find no room.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `console` is NULL or not initialised.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_console_queue_init(struct vpt_console *console, uint32_t index,
                                       const struct vpt_requests_config *config);

/*
 * Calls vpt_console_init(), vpt_console_queue_init() for each queue with defaults, and vpt_driver_start(). With room
 * for one port it refuses VPT_CONSOLE_F_MULTIPORT. This is for a kernel that polls, or takes an interrupt line. On
 * failure *console is zeroed and the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *console stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_console_open(struct vpt_console *console, struct vpt_console_port *ports, uint32_t room,
                                 struct vpt_device *device);

/*
 * Copies bytes into free buffers, as many as fit, and shows them to the device. `written` (which may be NULL) gets
 * their number, on failure too. The device may hold bytes back for as long as the host does not take them. A device
 * drops what is written to a port that the host has not opened, unless it is a console.
 *
 * Returns
 * VPT_OK: all bytes were copied.
 * VPT_CALLER_ARGUMENT: `port` is NULL, or `bytes` is NULL and `size` is not 0.
 * VPT_CALLER_STATE: the device does not have the port, or the queue is not set up.
 * VPT_RESOURCE_FULL: no buffer is free for the rest: call again later, or after vpt_requests_quiesce().
 * what vpt_requests_kick() returns.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_console_write(struct vpt_console_port *port, const void *bytes, size_t size, size_t *written);

/*
 * Reads at most `size` bytes from the host, of one buffer: `*length` is how many, and may be 0. Call this until
 * VPT_EMPTY, because only then the device gets its buffers again.
 *
 * Returns
 * VPT_OK: *length bytes were copied.
 * VPT_EMPTY: nothing has come.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * what vpt_receive() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_console_read(struct vpt_console_port *port, void *buffer, size_t size, size_t *length);

/*
 * Takes one control message, answers it, and fills *event. A message that is too short, unknown, or about a port that
 * is not there changes nothing, and a new port that there is no memory for is refused: VPT_CONSOLE_IGNORED. A restart
 * forgets the ports; the device reports them anew. Call this until VPT_EMPTY. The lock is that of the control queues,
 * one for both.
 *
 * Returns
 * VPT_OK: *event is filled.
 * VPT_EMPTY: there is no message.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_STATE: the control queues are not set up, or the device has one port only, or it is suspended.
 * VPT_RESOURCE_FULL: the device has not taken the last answers, so it gets no other; call again later.
 * what vpt_receive() and vpt_requests_kick() return.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_console_poll(struct vpt_console *console, struct vpt_console_event *event);

/*
 * Tells the host that somebody has opened the port, or has closed it. The host's bytes may wait for this; a console is
 * opened by vpt_console_poll(). The lock is that of the control queues.
 *
 * Returns
 * VPT_OK: state.open is what was asked for.
 * VPT_CALLER_ARGUMENT: `port` is NULL.
 * VPT_CALLER_STATE: the device does not have the port, or the port's queues are not set up.
 * VPT_UNSUPPORTED_FEATURE: VPT_CONSOLE_F_MULTIPORT is not negotiated.
 * VPT_RESOURCE_FULL: the device has not taken the last messages; call again later.
 * what vpt_requests_kick() returns.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_console_set_open(struct vpt_console_port *port, bool open);

/*
 * Reads the size of port 0's console anew, after an interrupt for a configuration change.
 *
 * Returns
 * VPT_OK: columns and rows of port 0 are up to date.
 * VPT_UNSUPPORTED_FEATURE: VPT_CONSOLE_F_SIZE is not negotiated.
 * what vpt_driver_refresh() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_console_refresh(struct vpt_console *console);

/*
 * Takes back all buffers after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. What the device had received and nobody has read is lost, with the exception of
 * a buffer that was read in part.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `console` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_console_drain(struct vpt_console *console);

/*
 * Prints without any set-up, one byte by one register write, on a device that was probed, whatever state it is in
 * (VPT_CONSOLE_F_EMERG_WRITE). It touches no object but the device's, and no queue. The device may be in use, but
 * nobody else may access its configuration or its features meanwhile.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL, or `bytes` is NULL and `size` is not 0.
 * VPT_CALLER_STATE: the device is suspended.
 * VPT_UNSUPPORTED_DEVICE: it is no console.
 * VPT_UNSUPPORTED_FEATURE: the device does not offer emergency writes.
 * VPT_DEVICE_CONFIG: the configuration is too short for them.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; calls: registers.
 */
enum vpt_status vpt_console_emergency(struct vpt_device *device, const void *bytes, size_t size);

VPT_END_DECLARATIONS

#endif
