/* SPDX-License-Identifier: MIT */
/*
 * The persistent memory driver (VirtIO 1.4, section 5.19): memory whose contents the host keeps.
 *
 *     vpt_pmem_open(&pmem, &device);
 *     kernel_map(pmem.region.base, pmem.region.length)      as ordinary cached memory
 *     vpt_pmem_flush(&pmem);                                 what was stored before is kept from now on
 *
 * The calls of request.h on `pmem.driver` and `pmem.requests` do the rest.
 *
 * There is no legacy form of this device: it is refused behind a legacy interface.
 */
#ifndef VPT_PMEM_H
#define VPT_PMEM_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_PMEM_F_SHMEM_REGION 0u /* the memory is a shared memory region of the device */

/* A persistent memory device, in the caller's memory. */
struct vpt_pmem {
    struct vpt_driver driver;
    struct vpt_requests requests;
    /* Where the memory is: not empty, and its end does not wrap. Whether RAM is there, only the kernel can tell. */
    struct vpt_shared_memory_region region;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does, and reads where the memory is. At a restart
 * the memory must still be there, else vpt_driver_restart() returns VPT_DEVICE_CONFIG. On failure *pmem is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `pmem` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * VPT_DEVICE_CONFIG: there is no memory, its end wraps, or the configuration is too short.
 * VPT_DEVICE_CONFIG_UNSTABLE: the configuration kept changing.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset, configuration; calls: registers, configuration, log.
 */
enum vpt_status vpt_pmem_init(struct vpt_pmem *pmem, struct vpt_device *device,
                              const struct vpt_feature_choice *choice);

/*
 * Sets the device's queue up, after vpt_pmem_init() and before vpt_driver_start(). If `config` is NULL, one flush can
 * be in flight, and the memory is the port's. Ask for more only if you know the device: QEMU's takes one request for
 * each kick, so that a second flush may wait for ever. One is enough, because a flush is about all that was stored
 * before.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `pmem` is NULL.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_pmem_queue_init(struct vpt_pmem *pmem, const struct vpt_requests_config *config);

/*
 * Calls vpt_pmem_init() and vpt_pmem_queue_init() with defaults, and vpt_driver_start(). This is for a kernel that
 * polls, or takes an interrupt line. On failure *pmem is zeroed and the port has its memory back, with the exception
 * below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If the queue was set up, *pmem stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset, configuration; calls: registers, configuration, dma_allocate,
 * dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_pmem_open(struct vpt_pmem *pmem, struct vpt_device *device);

/*
 * Submits a flush. What was stored before is kept by the host once the flush has come back with VPT_OK (D-PMEM-3). A
 * kernel that maps the memory uncached or on real hardware has to write its caches back before. Beside the statuses
 * that every request may have, it has one of these:
 *
 * - VPT_OK
 * - VPT_DEVICE_IO_ERROR: the host could not keep it, or did not say that it has.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `pmem` is NULL.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_pmem_submit_flush(struct vpt_pmem *pmem, void *token);

/*
 * Submits a flush and waits for it. If it does not come back within VPT_WAIT_REQUEST, the device is reset, as in
 * vpt_requests_wait().
 *
 * Returns
 * VPT_OK: what was stored before the call is kept.
 * VPT_CALLER_ARGUMENT: `pmem` is NULL.
 * VPT_DEVICE_IO_ERROR: the host could not keep it, or did not say that it has.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_pmem_flush(struct vpt_pmem *pmem);

VPT_END_DECLARATIONS

#endif
