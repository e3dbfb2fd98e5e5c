/* SPDX-License-Identifier: MIT */
/*
 * The memory balloon driver (VirtIO 1.4, section 5.5): the kernel gives pages to the host, and takes them back.
 *
 *     vpt_balloon_open(&balloon, &device);
 *     vpt_balloon_get_target(&balloon, &target);            again after each configuration interrupt
 *     if (target > balloon.actual) { vpt_balloon_inflate(&balloon, pages, count); }
 *     if (target < balloon.actual) { vpt_balloon_deflate(&balloon, pages, count); }
 *
 * A page has 4096 bytes, whatever the kernel's own pages have; its number is its physical address divided by 4096. What
 * was in a page is lost once it is in the balloon. The calls of request.h on `balloon.driver` and on its queues do the
 * rest. After a reset call vpt_balloon_drain(), then vpt_driver_restart() or vpt_driver_release().
 *
 * A reset takes no page out of the balloon: `actual` stays, and a restart tells the device again.
 */
#ifndef VPT_BALLOON_H
#define VPT_BALLOON_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* Features; all but the last are accepted if they are offered and not refused. Hints of free pages are not accepted. */
#define VPT_BALLOON_F_MUST_TELL_HOST 0u /* pages are not used before their deflation has come back */
#define VPT_BALLOON_F_STATS_VQ       1u
#define VPT_BALLOON_F_DEFLATE_ON_OOM 2u /* pages may be taken back without the host's wish if memory runs out */
#define VPT_BALLOON_F_PAGE_REPORTING 5u
#define VPT_BALLOON_F_PAGE_POISON    4u /* never accepted: the driver does not fill pages */

#define VPT_BALLOON_PAGE_SIZE 4096u
#define VPT_BALLOON_PAGES_MAX 256u /* in one request */

/* Queues, by their numbers in the specification. */
#define VPT_BALLOON_INFLATE    0u
#define VPT_BALLOON_DEFLATE    1u
#define VPT_BALLOON_STATISTICS 2u
#define VPT_BALLOON_REPORTING  4u

/* A balloon device, in the caller's memory. */
struct vpt_balloon {
    struct vpt_driver driver;
    struct vpt_requests inflate;
    struct vpt_requests deflate;
    struct vpt_requests statistics;
    struct vpt_requests reporting;
    uint32_t actual; /* pages in the balloon, as the device was told. Read only. */
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. If STATS_VQ is accepted, the kernel has
 * to call vpt_balloon_give_statistics() right after the start (BAL-STAT-2); a kernel that has none to give refuses this
 * feature in `choice`. On failure *balloon is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `balloon` is NULL.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_balloon_init(struct vpt_balloon *balloon, struct vpt_device *device,
                                 const struct vpt_feature_choice *choice);

/*
 * Sets one queue up (VPT_BALLOON_INFLATE and so on), after vpt_balloon_init() and before vpt_driver_start(). Some
 * devices number the reporting queue as if queues that they do not offer did not exist: if the specification's number
 * is not there, which the log says, that one is tried. Afterwards reporting.queue.index says which it was. If `config`
 * is NULL, the memory is the port's, for 4 requests of VPT_BALLOON_PAGES_MAX pages, and for 4 reports of 32 pieces.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `balloon` is NULL, or not initialised.
 * VPT_UNSUPPORTED_FEATURE: the feature of this queue was not accepted.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_balloon_queue_init(struct vpt_balloon *balloon, uint16_t index,
                                       const struct vpt_requests_config *config);

/*
 * Calls vpt_balloon_init(), vpt_balloon_queue_init() for inflation and deflation with defaults, and vpt_driver_start().
 * It refuses STATS_VQ and PAGE_REPORTING. This is for a kernel that polls, or takes an interrupt line. On failure
 * *balloon is zeroed and the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *balloon stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_balloon_open(struct vpt_balloon *balloon, struct vpt_device *device);

/*
 * Reads how many pages the host wants in the balloon. It may be more than the kernel can give. Without DEFLATE_ON_OOM
 * the kernel takes back no more than what is above this number (BAL-OP-4).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `balloon` is not initialised.
 * what vpt_driver_refresh() returns.
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_balloon_get_target(struct vpt_balloon *balloon, uint32_t *pages);

/*
 * Gives pages to the host, by requests of VPT_BALLOON_PAGES_MAX at most, waits for each, and tells the device how many
 * there are now. After a failure the device has been reset, and `actual` says of how many pages this is certain: what
 * is in the others may be lost.
 *
 * Returns
 * VPT_OK: all pages are the host's.
 * VPT_CALLER_ARGUMENT: `balloon` is NULL, or `pages` is NULL and `count` is not 0.
 * VPT_CALLER_RANGE: the balloon would have 2^32 pages or more.
 * what vpt_requests_ready(), vpt_requests_wait() and vpt_balloon_set_actual() return.
 *
 * Context: init, thread, panic; lock: queues; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_balloon_inflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count);

/*
 * Takes pages back that were given before, in the same way. After a failure those that `actual` still counts must not
 * be used before another call has taken them back (BAL-OP-7).
 *
 * Returns
 * VPT_OK: all pages are the kernel's; what is in them is not defined.
 * VPT_CALLER_RANGE: there are fewer pages in the balloon.
 * what vpt_balloon_inflate() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_balloon_deflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count);

/*
 * Submits a request that gives pages, at most VPT_BALLOON_PAGES_MAX. When it has come back with VPT_OK, the pages are
 * in the balloon, and only then they may be deflated (BAL-OP-9, BAL-OP-10). Then call vpt_balloon_set_actual(), which
 * may be once for several requests (BAL-OP-11, BAL-OP-12).
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `balloon` or `pages` is NULL, or `count` is 0.
 * VPT_CALLER_TOO_LONG: there are too many pages.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_balloon_submit_inflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count,
                                           void *token);

/*
 * Submits a request that takes pages back. They may be used when it has come back with VPT_OK. (Without MUST_TELL_HOST
 * they might be used at once, but this gains nothing.)
 *
 * Returns
 * what vpt_balloon_submit_inflate() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_balloon_submit_deflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count,
                                           void *token);

/*
 * Tells the device how many pages are in the balloon, after requests of the two calls above.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `balloon` is NULL, or not initialised.
 * VPT_CALLER_STATE: the device was reset, has been given up, or is suspended.
 * VPT_DEVICE_CONFIG: the configuration is too short.
 * VPT_DEVICE_GONE: the device was removed.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_write, io_write.
 */
enum vpt_status vpt_balloon_set_actual(struct vpt_balloon *balloon, uint32_t pages);

/* ---- Statistics ---- */

/* What a statistic is about (section 5.5.6.4): bytes, or events since the kernel's start. */
#define VPT_BALLOON_SWAP_IN      0u /* bytes */
#define VPT_BALLOON_SWAP_OUT     1u /* bytes */
#define VPT_BALLOON_MAJOR_FAULTS 2u
#define VPT_BALLOON_MINOR_FAULTS 3u
#define VPT_BALLOON_FREE         4u /* bytes that nobody uses */
#define VPT_BALLOON_TOTAL        5u /* bytes */
#define VPT_BALLOON_AVAILABLE    6u /* bytes that programs could get without swapping */
#define VPT_BALLOON_CACHES       7u /* bytes that could be freed at once */

#define VPT_BALLOON_STATISTICS_MAX 16u

struct vpt_balloon_statistic {
    uint16_t tag; /* VPT_BALLOON_FREE or another number */
    uint64_t value;
};

/*
 * Gives statistics to the device, which keeps them until it asks for newer ones. Call this right after the start, and
 * after each interrupt of the statistics queue; always with the same tags (BAL-STAT-8). The first ones may
 * be ignored.
 *
 * Returns
 * VPT_OK: the device has them.
 * VPT_EMPTY: the device has not asked yet.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `count` is 0.
 * VPT_CALLER_TOO_LONG: `count` is above VPT_BALLOON_STATISTICS_MAX.
 * VPT_CALLER_STATE: the queue is not set up.
 * what vpt_requests_kick() returns.
 * why the queue has stopped.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_balloon_give_statistics(struct vpt_balloon *balloon, const struct vpt_balloon_statistic *statistics,
                                            uint32_t count);

/* ---- Reports of free pages ---- */

/*
 * Submits a report that the memory of these segments is free, so that the host can use it until the kernel touches it
 * again. The memory is the device's until the report has come back (BAL-REPORT-3); what is in it is then not defined.
 * Big pieces are better (BAL-REPORT-5); a host may pass over what is no multiple of its page.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `balloon` is NULL, or what vpt_requests_submit() says.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_balloon_report(struct vpt_balloon *balloon, const struct vpt_segment *segments, uint16_t count,
                                   void *token);

/*
 * Takes back all requests and buffers after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called. A kernel that needs its tokens polls the queues before.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `balloon` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_balloon_drain(struct vpt_balloon *balloon);

VPT_END_DECLARATIONS

#endif
