/* SPDX-License-Identifier: MIT */
/*
 * The entropy device driver (VirtIO 1.4, section 5.4): random bytes from the host.
 *
 *     vpt_entropy_open(&entropy, &device);
 *     vpt_entropy_read(&entropy, seed, sizeof(seed), NULL);
 *
 * The calls of request.h on `entropy.driver` and `entropy.requests` do the rest, from kick to release.
 */
#ifndef VPT_ENTROPY_H
#define VPT_ENTROPY_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* How many answers without a byte, in a row, make vpt_entropy_read() give up. */
#define VPT_ENTROPY_EMPTY_ANSWERS 8u

/* An entropy device, in the caller's memory. */
struct vpt_entropy {
    struct vpt_driver driver;
    struct vpt_requests requests;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *entropy is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `entropy` is NULL.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_entropy_init(struct vpt_entropy *entropy, struct vpt_device *device,
                                 const struct vpt_feature_choice *choice);

/*
 * Sets the device's queue up, after vpt_entropy_init() and before vpt_driver_start(). If `config` is NULL, 8 requests
 * of one segment can be in flight, and the memory is the port's.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `entropy` is NULL.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_entropy_queue_init(struct vpt_entropy *entropy, const struct vpt_requests_config *config);

/*
 * Calls vpt_entropy_init() and vpt_entropy_queue_init() with defaults, and vpt_driver_start(). This is for a kernel
 * that polls, or takes an interrupt line. On failure *entropy is zeroed and the port has its memory back, with the
 * exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If the queue was set up, *entropy stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_entropy_open(struct vpt_entropy *entropy, struct vpt_device *device);

/*
 * Submits a request for random bytes, as many as the segments hold (RNG-OP-1). The request comes back by
 * vpt_requests_poll(); beside the statuses that every request may have, it has one of these:
 *
 * - VPT_OK: the first completion.length bytes are random, often fewer than were asked for; the rest is unchanged.
 * - VPT_DEVICE_IO_ERROR: the device gave no byte. Its source may be exhausted for now, or for good.
 *
 * Returns
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_entropy_submit(struct vpt_entropy *entropy, const struct vpt_segment *segments, uint16_t count,
                                   void *token);

/*
 * Fills a buffer with `size` random bytes, by as many requests as the device needs. If a request does not come back
 * within VPT_WAIT_REQUEST, the device is reset, as in vpt_requests_wait(). `filled` (which may be NULL) gets the number
 * of bytes at the beginning that are random, on failure too; the bytes behind them must not be used.
 *
 * Returns
 * VPT_OK: all bytes are random.
 * VPT_CALLER_ARGUMENT: `entropy` is NULL, or `buffer` is NULL and `size` is not 0.
 * VPT_DEVICE_IO_ERROR: the device gave no byte VPT_ENTROPY_EMPTY_ANSWERS times in a row.
 * VPT_RESOURCE_SEGMENTS: the port shared 0 bytes.
 * VPT_UNSUPPORTED_PORT: the port cannot share.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 * an error of the port's share().
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_entropy_read(struct vpt_entropy *entropy, void *buffer, size_t size, size_t *filled);

VPT_END_DECLARATIONS

#endif
