/* SPDX-License-Identifier: MIT */
/*
 * The clock driver (VirtIO 1.4, chapter 5, "RTC Device"): the host's clocks, and alarms.
 *
 *     vpt_rtc_open(&rtc, &device);
 *     vpt_rtc_get_clock(&rtc, 0, &clock);                   what clock 0 is
 *     vpt_rtc_read(&rtc, 0, &nanoseconds);                  since 1970, if it is a clock of UTC
 *
 * Clocks have the numbers 0, 1 and so on. Clocks may jump both ways, but those of type VPT_RTC_MONOTONIC never go back.
 * The calls of request.h on `rtc.driver`, `rtc.requests` and `rtc.alarms` do the rest. After a reset call
 * vpt_rtc_drain(), then vpt_driver_restart() or vpt_driver_release().
 *
 * There is no legacy form of this device: it is refused behind a legacy interface. The driver was tested on a simulated
 * device only, since QEMU has none.
 */
#ifndef VPT_RTC_H
#define VPT_RTC_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_RTC_F_ALARM 0u

/* Types of clocks. */
#define VPT_RTC_UTC               0u /* steps at leap seconds */
#define VPT_RTC_TAI               1u
#define VPT_RTC_MONOTONIC         2u /* since some moment */
#define VPT_RTC_UTC_SMEARED       3u /* runs slower or faster around leap seconds */
#define VPT_RTC_UTC_MAYBE_SMEARED 4u

/* Counters of the CPU that a clock can be read together with; those from 0xf0 to 0xfe depend on the device. */
#define VPT_RTC_COUNTER_ARM 0u /* CNTVCT_EL0 */
#define VPT_RTC_COUNTER_X86 1u /* the time stamp counter */

struct vpt_rtc_clock {
    uint8_t type;     /* VPT_RTC_UTC and so on, or another number */
    uint8_t smearing; /* of VPT_RTC_UTC_SMEARED: 0 unknown, 1 from noon to noon, 2 the day's last 1000 seconds */
    bool alarm;       /* it has an alarm */
};

/* A moment, by the clock and by the counter. */
struct vpt_rtc_cross {
    uint64_t nanoseconds;
    uint64_t counter;
};

struct vpt_rtc_alarm {
    uint64_t nanoseconds;
    bool enabled;
};

/* A clock device, in the caller's memory. */
struct vpt_rtc {
    struct vpt_driver driver;
    struct vpt_requests requests;
    struct vpt_requests alarms; /* from the device */
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *rtc is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `rtc` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_init(struct vpt_rtc *rtc, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_rtc_init() and before vpt_driver_start(): 0 is for requests, 1 for alarms. If `config`
 * is NULL, the memory is the port's, for one request, since all calls wait, and for 8 alarms.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `rtc` is NULL, or not initialised.
 * VPT_UNSUPPORTED_FEATURE: ALARM was not accepted.
 * VPT_UNSUPPORTED_QUEUE: there is no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_rtc_queue_init(struct vpt_rtc *rtc, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_rtc_init(), vpt_rtc_queue_init() for the requests with defaults, and vpt_driver_start(). It refuses ALARM.
 * On failure *rtc is zeroed and the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If the queue was set up, *rtc stays as it is and the device may still
 *     access the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_rtc_open(struct vpt_rtc *rtc, struct vpt_device *device);

/*
 * Takes back all requests and buffers after a reset, or when the device is gone, so that vpt_driver_restart() and
 * vpt_driver_release() can be called.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `rtc` is NULL.
 * VPT_CALLER_STATE: the device is running or suspended; nothing was done.
 *
 * Context: init, thread, panic; lock: queues; calls: mmio_read, io_read, log.
 */
enum vpt_status vpt_rtc_drain(struct vpt_rtc *rtc);

/*
 * Asks how many clocks there are, which may be none.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_UNSUPPORTED_REQUEST: the device has no such clock, or does not know the request or the counter.
 * VPT_DEVICE_IO_ERROR: the device could not do it.
 * VPT_DEVICE_REQUEST_STATUS: it says that the request was wrong, or it did not answer.
 * what vpt_requests_ready() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_get_clocks(struct vpt_rtc *rtc, uint16_t *count);

/*
 * Asks what a clock is.
 *
 * Returns
 * what vpt_rtc_get_clocks() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_get_clock(struct vpt_rtc *rtc, uint16_t id, struct vpt_rtc_clock *clock);

/*
 * Reads a clock.
 *
 * Returns
 * what vpt_rtc_get_clocks() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_read(struct vpt_rtc *rtc, uint16_t id, uint64_t *nanoseconds);

/*
 * Asks whether a clock can be read together with a counter.
 *
 * Returns
 * VPT_OK: it can.
 * VPT_CALLER_ARGUMENT: `rtc` is NULL, or there is no such counter.
 * VPT_UNSUPPORTED_REQUEST: it cannot.
 * what vpt_rtc_get_clocks() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_check_cross(struct vpt_rtc *rtc, uint16_t id, uint8_t counter);

/*
 * Reads a clock, and what the counter was at that moment. This is more exact than vpt_rtc_read().
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or there is no such counter.
 * what vpt_rtc_get_clocks() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_read_cross(struct vpt_rtc *rtc, uint16_t id, uint8_t counter, struct vpt_rtc_cross *cross);

/* ---- Alarms ---- */

/*
 * Sets the alarm of a clock. A time that has passed means now, if it is enabled. An alarm may outlive a reset: after a
 * start, set the alarm of each clock that has one to { 0, false }, and then call vpt_rtc_listen() (D-RTC-8).
 *
 * Returns
 * VPT_UNSUPPORTED_FEATURE: ALARM was not accepted.
 * what vpt_rtc_get_clocks() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_set_alarm(struct vpt_rtc *rtc, uint16_t id, const struct vpt_rtc_alarm *alarm);

/*
 * Enables the alarm of a clock, or disables it; its time stays.
 *
 * Returns
 * what vpt_rtc_set_alarm() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_enable_alarm(struct vpt_rtc *rtc, uint16_t id, bool enabled);

/*
 * Reads the alarm of a clock.
 *
 * Returns
 * what vpt_rtc_set_alarm() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_rtc_get_alarm(struct vpt_rtc *rtc, uint16_t id, struct vpt_rtc_alarm *alarm);

/*
 * Gives the device the buffers for alarms. Call it once after each start.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `rtc` is NULL.
 * VPT_CALLER_STATE: the queue is not set up.
 * what vpt_receive_start() returns.
 *
 * Context: any; lock: queue; calls: registers.
 */
enum vpt_status vpt_rtc_listen(struct vpt_rtc *rtc);

/*
 * Takes the next alarm: *id is the clock's number, as the device says it. Call this until VPT_EMPTY. Then read the
 * clock, which may not have reached the time that was set last (RTC-NOTIF-3).
 *
 * Returns
 * VPT_OK: *id is filled.
 * VPT_EMPTY: there is no alarm, and the next one will interrupt.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_REQUEST_STATUS: this was no alarm: call it again.
 * what vpt_receive() returns.
 *
 * Context: any; lock: queue; calls: registers, log.
 */
enum vpt_status vpt_rtc_poll_alarm(struct vpt_rtc *rtc, uint16_t *id);

VPT_END_DECLARATIONS

#endif
