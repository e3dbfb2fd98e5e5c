/* SPDX-License-Identifier: MIT */
/*
 * The entropy device driver (VirtIO 1.4, section 5.4): random bytes of the host's.
 *
 *     vpt_entropy_open(&entropy, &device);
 *     vpt_entropy_read(&entropy, seed, sizeof(seed), NULL);
 *
 * All else, from kick to release, is the calls of request.h, on `entropy.driver` and `entropy.requests`.
 */
#ifndef VPT_ENTROPY_H
#define VPT_ENTROPY_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* Answers without a byte, in a row, after which vpt_entropy_read() gives up. */
#define VPT_ENTROPY_EMPTY_ANSWERS 8u

/* An entropy device, in the caller's memory. */
struct vpt_entropy {
    struct vpt_driver driver;
    struct vpt_requests requests;
};

/*
 * Resets the device and negotiates its features. `choice` as in vpt_driver_init(). On failure *entropy is zeroed.
 * Returns and context: as vpt_driver_init().
 */
enum vpt_status vpt_entropy_init(struct vpt_entropy *entropy, struct vpt_device *device,
                                 const struct vpt_feature_choice *choice);

/*
 * Sets its queue up, after vpt_entropy_init() and before vpt_driver_start(). `config` may be NULL: 8 requests of one
 * segment in flight, memory from the port.
 * Returns and context: as vpt_requests_init().
 */
enum vpt_status vpt_entropy_queue_init(struct vpt_entropy *entropy, const struct vpt_requests_config *config);

/*
 * Both with defaults, and vpt_driver_start(): for a kernel that polls, or takes an interrupt line.
 *
 * Returns
 *   those of the three; on failure *entropy is zeroed, and the queue's memory is the port's again
 *   VPT_DEVICE_STUCK          but then, as far as there is a queue, *entropy stays and the memory is the device's:
 *                             reset it again, then vpt_driver_release()
 * Context: init or thread; device's lock, and it excludes every queue.
 */
enum vpt_status vpt_entropy_open(struct vpt_entropy *entropy, struct vpt_device *device);

/*
 * Submits a request for random bytes, as many as the segments hold (RNG-OP-1). It comes back by vpt_requests_poll()
 * with one of these statuses, and others that every request may have:
 *   VPT_OK                    the first completion.length bytes are random, often fewer than were asked for; the rest
 *                             is what it was
 *   VPT_DEVICE_IO_ERROR       the device gave none: its source may be at its end for now, or for good
 *
 * Returns: as vpt_requests_submit().
 * Context: any; queue's lock.
 */
enum vpt_status vpt_entropy_submit(struct vpt_entropy *entropy, const struct vpt_segment *segments, uint16_t count,
                                   void *token);

/*
 * Fills a buffer with `size` random bytes, by as many requests as the device needs. A request that does not come back
 * within VPT_WAIT_REQUEST ends in a reset of the device, as in vpt_requests_wait(). `filled` (may be NULL) gets how
 * many bytes from the beginning are random: on failure too, and what is behind them is worth nothing.
 *
 * Returns
 *   VPT_OK                    all of them
 *   VPT_DEVICE_IO_ERROR       VPT_ENTROPY_EMPTY_ANSWERS times in a row the device gave none
 *   VPT_UNSUPPORTED_PORT      the port cannot share
 *   those of vpt_requests_ready() and vpt_requests_wait(), and of the port's share()
 * Context: init, thread or panic; queue's lock, and for a reset the device's, which then excludes every queue.
 */
enum vpt_status vpt_entropy_read(struct vpt_entropy *entropy, void *buffer, size_t size, size_t *filled);

VPT_END_DECLARATIONS

#endif
