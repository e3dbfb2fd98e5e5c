/* SPDX-License-Identifier: MIT */
/*
 * The input device driver (VirtIO 1.4, section 5.8): keyboards, mice, tablets and the like. Events have the types and
 * codes of Linux's evdev.
 *
 *     vpt_input_open(&input, &device);
 *     if (vpt_input_get_codes(&input, VPT_INPUT_ABS, &bits) == VPT_OK) { it is a tablet }
 *     while (vpt_input_poll(&input, &event) == VPT_OK) { ... }
 *     vpt_input_send(&input, VPT_INPUT_LED, 1, 1);            turns an LED on
 *
 * The calls of request.h on `input.driver`, `input.events` and `input.status` do the rest. After a reset call
 * vpt_input_drain(), then vpt_driver_restart() or vpt_driver_release().
 *
 * There is no legacy form of this device: it is refused behind a legacy interface.
 */
#ifndef VPT_INPUT_H
#define VPT_INPUT_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* Types of events. A mouse and a tablet have keys too, their buttons: ask for axes first. */
#define VPT_INPUT_SYN 0u    /* with code 0: the end of a report, which is a run of events that belong together */
#define VPT_INPUT_KEY 1u    /* keys and buttons: 1 pressed, 0 released, 2 repeated */
#define VPT_INPUT_REL 2u    /* how far a pointer or a wheel has moved */
#define VPT_INPUT_ABS 3u    /* where a pointer is */
#define VPT_INPUT_MSC 4u    /* others */
#define VPT_INPUT_SW  5u    /* switches */
#define VPT_INPUT_LED 0x11u /* of a keyboard */
#define VPT_INPUT_SND 0x12u /* a beep */
#define VPT_INPUT_REP 0x14u /* how keys repeat */

/* An event. Types and codes that mean nothing to the kernel are to be dropped (INPUT-OP-4). */
struct vpt_input_event {
    uint16_t type; /* VPT_INPUT_*, or another number */
    uint16_t code; /* which key, axis and so on */
    int value;
};

/* The most bytes that a device says of one thing. */
#define VPT_INPUT_BYTES_MAX 128u

/* Which codes or properties a device has. */
struct vpt_input_bits {
    uint8_t bytes[VPT_INPUT_BYTES_MAX]; /* bit n % 8 of byte n / 8 */
};

struct vpt_input_ids {
    uint16_t bus; /* 6: virtual */
    uint16_t vendor;
    uint16_t product;
    uint16_t version;
};

/* What the values of an axis mean. */
struct vpt_input_axis {
    int minimum;
    int maximum;
    int fuzz;       /* changes up to this are noise */
    int flat;       /* values up to this far from the centre mean the centre */
    int resolution; /* units per millimetre; 0: not known */
};

/* An input device, in the caller's memory. */
struct vpt_input {
    struct vpt_driver driver;
    struct vpt_requests events; /* from the device */
    struct vpt_requests status; /* to the device */
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *input is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `input` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_input_init(struct vpt_input *input, struct vpt_device *device,
                               const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_input_init() and before vpt_driver_start(): 0 is for events, 1 for vpt_input_send(),
 * without which the latter can be left out. If `config` is NULL, the memory is the port's, and has room for 64 events
 * and for 16 messages to the device. A device drops a report that does not fit its free buffers.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `input` is NULL, or not initialised.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_input_queue_init(struct vpt_input *input, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_input_init(), vpt_input_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a
 * kernel that polls, or takes an interrupt line. On failure *input is zeroed and the port has its memory back, with the
 * exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *input stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_input_open(struct vpt_input *input, struct vpt_device *device);

/*
 * Takes the next event, and gives its buffer back to the device at once. A buffer without a whole event is passed over.
 * After an interrupt call this until VPT_EMPTY.
 *
 * Returns
 * VPT_OK: *event is filled.
 * VPT_EMPTY: there is no event, and the next one will interrupt.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_REQUEST_STATUS: as many buffers in a row as the queue has came without an event: call this again, or reset
 *     the device.
 * what vpt_receive() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_input_poll(struct vpt_input *input, struct vpt_input_event *event);

/*
 * Sends an event to the device: an LED, a beep, how keys repeat. vpt_requests_quiesce(&input.status, NULL, NULL) waits
 * until the device has taken what was sent. The lock is that of the status queue.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `input` is NULL.
 * VPT_CALLER_STATE: the status queue is not set up.
 * VPT_RESOURCE_FULL: the device has not taken what was sent before; call again later.
 * what vpt_requests_kick() returns.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_input_send(struct vpt_input *input, uint16_t type, uint16_t code, int value);

/*
 * Takes back all buffers after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. Events that nobody has taken are lost.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `input` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_input_drain(struct vpt_input *input);

/* ---- What the device says of itself: from vpt_input_init() on, until a reset ---- */

enum vpt_input_text { VPT_INPUT_NAME = 1, VPT_INPUT_SERIAL = 2 };

/*
 * Reads the name or the serial number, of which the first `size` - 1 bytes go to `text`, with a NUL behind them. The
 * bytes are the device's: print them with care.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the device has none; `text` is "".
 * VPT_CALLER_ARGUMENT: a pointer is NULL, `input` is not initialised, or `size` is 0.
 * VPT_CALLER_STATE: the device was reset, has been given up, or is suspended.
 * VPT_DEVICE_CONFIG: the configuration is too short.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 * VPT_DEVICE_NEEDS_RESET: the device has failed.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_input_get_text(struct vpt_input *input, enum vpt_input_text which, char *text, size_t size);

/*
 * Reads who made the device.
 *
 * Returns
 * VPT_EMPTY: the device does not say; *ids is zeroed.
 * what vpt_input_get_text() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_input_get_ids(struct vpt_input *input, struct vpt_input_ids *ids);

/*
 * Reads which properties the device has: 0 that it is a pointer, 1 that it is touched directly, and so on.
 *
 * Returns
 * VPT_EMPTY: it has none; *bits is zeroed.
 * what vpt_input_get_text() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_input_get_properties(struct vpt_input *input, struct vpt_input_bits *bits);

/*
 * Reads which codes of a type of events the device has.
 *
 * Returns
 * VPT_EMPTY: it has no events of this type; *bits is zeroed.
 * what vpt_input_get_text() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_input_get_codes(struct vpt_input *input, uint8_t type, struct vpt_input_bits *bits);

/*
 * Reads what the values of an axis mean, a code of VPT_INPUT_ABS. Check the range before you divide by it.
 *
 * Returns
 * VPT_EMPTY: the device does not say; *axis is zeroed.
 * what vpt_input_get_text() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_input_get_axis(struct vpt_input *input, uint8_t code, struct vpt_input_axis *axis);

/*
 * Returns whether a code or a property is there.
 *
 * Context: any; lock: none.
 */
static inline bool vpt_input_has(const struct vpt_input_bits *bits, uint32_t code)
{
    const uint32_t byte = code < VPT_INPUT_BYTES_MAX * 8u ? bits->bytes[code / 8u] : 0u;

    return ((byte >> (code % 8u)) & 1u) != 0;
}

VPT_END_DECLARATIONS

#endif
