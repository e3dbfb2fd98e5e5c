/* SPDX-License-Identifier: MIT */
/*
 * The GPU driver, 2D (VirtIO 1.4, section 5.7): pictures in the kernel's memory, shown on the displays of the host.
 *
 *     vpt_gpu_open(&gpu, &device);
 *     vpt_gpu_get_display(&gpu, 0, &display);                      which size the host would like
 *     vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, width, height);
 *     vpt_gpu_attach(&picture, pages, page_count, NULL, 0);        its pixels are in these pages, row by row
 *     vpt_gpu_set_scanout(&gpu, 0, &picture, &all);                display 0 shows it
 *     ... draw, then for each rectangle that has changed:
 *     vpt_gpu_transfer(&picture, &changed);                        the device copies its pixels
 *     vpt_gpu_flush(&picture, &changed);                           the display shows them
 *
 * The calls of request.h on `gpu.driver` and `gpu.control` do the rest. The device has forgotten all pictures after a
 * reset: calls with them then return VPT_CALLER_STATE. After a reset poll `gpu.control` if something was submitted
 * there, call vpt_gpu_drain(), then vpt_driver_restart() or vpt_driver_release().
 *
 * Commands that change something carry a fence, so that the device has carried them out when they come back. Blocking
 * calls need an idle control queue. Each waits for at most VPT_WAIT_REQUEST, then the device is reset, as
 * vpt_requests_wait() says.
 *
 * There is no legacy form of this device: it is refused behind a legacy interface.
 */
#ifndef VPT_GPU_H
#define VPT_GPU_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_GPU_F_EDID 1u

#define VPT_GPU_SCANOUTS_MAX 16u
#define VPT_GPU_EDID_MAX     1024u
#define VPT_GPU_CURSOR_SIZE  64u /* pixels, in each direction */

/* Bytes of a slot of the control queue, for memory.slots of its config. */
#define VPT_GPU_SLOT_SIZE 1120u

/* Backings of so many pieces need no memory for their list. */
#define VPT_GPU_PIECES_IN_SLOT 64u

/* The most memories that a list of pieces may be in; and the bytes of it that a piece takes. */
#define VPT_GPU_LISTS_MAX  14u
#define VPT_GPU_PIECE_SIZE 16u

/* Formats, by the order of a pixel's four bytes in memory. X: the byte means nothing. */
enum vpt_gpu_format {
    VPT_GPU_BGRA = 1,
    VPT_GPU_BGRX = 2, /* 0x00RRGGBB in a little-endian word */
    VPT_GPU_ARGB = 3,
    VPT_GPU_XRGB = 4,
    VPT_GPU_RGBA = 67,
    VPT_GPU_XBGR = 68,
    VPT_GPU_ABGR = 121,
    VPT_GPU_RGBX = 134
};

/* Pixels. */
struct vpt_gpu_rectangle {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

/* What the device says of a display. */
struct vpt_gpu_display {
    struct vpt_gpu_rectangle rectangle; /* its size, and where it is among the others; whatever the device says */
    bool enabled;
};

/* A GPU, in the caller's memory. Read `scanouts` and the features; change nothing. */
struct vpt_gpu {
    struct vpt_driver driver;
    struct vpt_requests control;
    struct vpt_requests cursor;
    uint32_t scanouts; /* displays that the device may have, at most VPT_GPU_SCANOUTS_MAX; maybe 0 */
    /* Private. */
    uint32_t fences;
    uint32_t resources;
};

/* A picture that the device knows (a resource), in the caller's memory. Read it; change nothing. */
struct vpt_gpu_resource {
    struct vpt_gpu *gpu;
    uint32_t id;
    uint32_t width;
    uint32_t height;
    bool attached; /* the device may read its pages */
    /* Private. */
    uint32_t resets;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *gpu is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `gpu` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_init(struct vpt_gpu *gpu, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_gpu_init() and before vpt_driver_start(): 0 is for control, 1 for cursors, without which
 * the latter can be left out. If `config` is NULL, the memory is the port's, and has room for 8 commands, each with 16
 * segments, and for 8 changes of cursors. A control queue needs 2 segments, for vpt_gpu_attach() 3 or 2 more than its
 * lists.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `gpu` is NULL, or not initialised.
 * VPT_UNSUPPORTED_QUEUE: `index` is above 1, or the device has no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_gpu_queue_init(struct vpt_gpu *gpu, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_gpu_init(), vpt_gpu_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a kernel
 * that polls, or takes an interrupt line. On failure *gpu is zeroed and the port has its memory back, with the
 * exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *gpu stays as it is and the device may still access
 *     the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_gpu_open(struct vpt_gpu *gpu, struct vpt_device *device);

/*
 * Takes back all requests after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. Tokens of requests that were not polled before are lost.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `gpu` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_gpu_drain(struct vpt_gpu *gpu);

/* ---- Displays ---- */

/*
 * Asks what a display is like. After a change (vpt_gpu_take_events()) ask again.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the display is not enabled; its size may be there.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_RANGE: the device has no such display.
 * VPT_DEVICE_IO_ERROR: the device says that the command failed.
 * VPT_DEVICE_REQUEST_STATUS: the device has not answered, or it has answered something else.
 * what vpt_requests_ready(), vpt_requests_submit() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_get_display(struct vpt_gpu *gpu, uint32_t scanout, struct vpt_gpu_display *display);

/*
 * Reads the EDID of a display, of which the first `room` bytes go to `edid`; `*size` is how many. They are the
 * device's: check them.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the display has none.
 * VPT_UNSUPPORTED_FEATURE: VPT_GPU_F_EDID was not accepted.
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_get_edid(struct vpt_gpu *gpu, uint32_t scanout, uint8_t *edid, uint32_t room, uint32_t *size);

/*
 * Says in `*changed` whether the displays have changed since the last call, and tells the device that this was seen.
 * Call it after vpt_device_interrupt() has returned VPT_INTERRUPT_CONFIGURATION.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `gpu` is not initialised.
 * what vpt_driver_refresh() and vpt_device_config_write() return.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: registers, config_read, log.
 */
enum vpt_status vpt_gpu_take_events(struct vpt_gpu *gpu, bool *changed);

/* ---- Pictures ---- */

/*
 * Creates a picture. A row has `width` * 4 bytes. After a failure *resource is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_RANGE: it has no pixels, or 4 GiB or more.
 * VPT_DEVICE_IO_ERROR: the device says that the command failed; it may lack memory, or not know the format.
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_create(struct vpt_gpu *gpu, struct vpt_gpu_resource *resource, enum vpt_gpu_format format,
                               uint32_t width, uint32_t height);

/*
 * Tells the device which memory has the pixels: all pieces together, in this order. The device may read them until
 * vpt_gpu_detach() or vpt_gpu_unref() returns VPT_OK, or a reset has finished.
 *
 * The list of more than VPT_GPU_PIECES_IN_SLOT pieces is written to `lists`: memory of the caller's, aligned to 8
 * bytes, which takes VPT_GPU_PIECE_SIZE bytes for each piece, and may have parts that do not touch. It is the caller's
 * again when this call returns, unless it returns VPT_DEVICE_STUCK.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or a piece is empty.
 * VPT_CALLER_STATE: the resource does not exist (any more), or has pages.
 * VPT_CALLER_MEMORY: the pieces are too small for the picture, or the lists for the pieces, or misaligned.
 * VPT_CALLER_TOO_LONG: there are more lists than VPT_GPU_LISTS_MAX, or than the control queue takes segments.
 * VPT_DEVICE_IO_ERROR: the device says that the command failed; QEMU's takes 16384 pieces.
 * VPT_DEVICE_REQUEST_STATUS: the device has not answered as it should, and may read the pages.
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_attach(struct vpt_gpu_resource *resource, const struct vpt_segment *pieces, uint32_t count,
                               const struct vpt_memory *lists, uint32_t list_count);

/*
 * Takes the memory from the device. The picture stays as the device has it.
 *
 * Returns
 * VPT_OK: the memory is the caller's.
 * VPT_CALLER_ARGUMENT: `resource` is NULL.
 * VPT_CALLER_STATE: the resource does not exist (any more), or has no pages.
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_detach(struct vpt_gpu_resource *resource);

/*
 * Ends a picture, and zeroes *resource. A display that shows it goes dark.
 *
 * Returns
 * VPT_OK: the memory is the caller's.
 * VPT_CALLER_ARGUMENT: `resource` is NULL.
 * VPT_CALLER_STATE: the resource does not exist (any more).
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_unref(struct vpt_gpu_resource *resource);

/*
 * Shows a part of a picture on a display, or turns the display off if `resource` is NULL. Several displays may show the
 * same picture. It is seen at the next vpt_gpu_flush(). QEMU's device wants the picture to have memory by then, and a
 * part of at least 16 times 16 pixels.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the resource is another device's.
 * VPT_CALLER_STATE: the resource does not exist (any more).
 * VPT_CALLER_RANGE: the device has no such display, or the rectangle is empty or not within the picture.
 * what vpt_gpu_get_display() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_set_scanout(struct vpt_gpu *gpu, uint32_t scanout, const struct vpt_gpu_resource *resource,
                                    const struct vpt_gpu_rectangle *rectangle);

/* ---- Drawing ---- */

/*
 * Submits a command by which the device copies a rectangle's pixels from the memory of the picture. It comes back by
 * vpt_requests_poll(&gpu.control) with `token`, and with one of these statuses:
 *   VPT_OK                     the device has copied them
 *   VPT_DEVICE_IO_ERROR        the device says that the command failed
 *   VPT_DEVICE_REQUEST_STATUS  the device has not answered as it should
 * The device sees it at the next vpt_requests_kick(&gpu.control).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_STATE: the resource does not exist (any more), or has no pages.
 * VPT_CALLER_RANGE: the rectangle is empty or not within the picture.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_gpu_submit_transfer(const struct vpt_gpu_resource *resource,
                                        const struct vpt_gpu_rectangle *rectangle, void *token);

/*
 * Submits a command by which displays that show the picture show what was copied into a rectangle of it. A device
 * carries commands out in the order of their submission. Comes back as vpt_gpu_submit_transfer() says.
 *
 * Returns
 * what vpt_gpu_submit_transfer() returns; the picture may have no pages.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_gpu_submit_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle,
                                     void *token);

/*
 * As vpt_gpu_submit_transfer(), and waits.
 *
 * Returns
 * what vpt_gpu_submit_transfer() and vpt_gpu_get_display() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_transfer(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle);

/*
 * As vpt_gpu_submit_flush(), and waits.
 *
 * Returns
 * what vpt_gpu_submit_flush() and vpt_gpu_get_display() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_gpu_flush(const struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *rectangle);

/* ---- Cursors: nothing waits for them, and the device does not answer. The lock is that of the cursor queue. ---- */

/*
 * Gives a display a cursor of this shape and place, or none if `resource` is NULL. Its picture has VPT_GPU_CURSOR_SIZE
 * pixels in each direction, and was transferred. The hot spot is the pixel that points.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `gpu` is NULL, or the resource is another device's.
 * VPT_CALLER_STATE: the cursor queue is not set up, or the resource does not exist (any more).
 * VPT_CALLER_RANGE: the device has no such display, the picture has another size, or the hot spot is outside.
 * VPT_RESOURCE_FULL: the device has not taken what was sent before; call again later.
 * what vpt_requests_kick() returns.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_gpu_update_cursor(struct vpt_gpu *gpu, uint32_t scanout, const struct vpt_gpu_resource *resource,
                                      uint32_t x, uint32_t y, uint32_t hot_x, uint32_t hot_y);

/*
 * Moves the cursor of a display.
 *
 * Returns
 * what vpt_gpu_update_cursor() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_gpu_move_cursor(struct vpt_gpu *gpu, uint32_t scanout, uint32_t x, uint32_t y);

VPT_END_DECLARATIONS

#endif
