/* SPDX-License-Identifier: MIT */
/*
 * A kernel that reads a disk by interrupts only, with 32 requests in flight, until it has read enough or a wake-up is
 * lost. tools/wakeup.sh parses its lines that begin with "@".
 */
#include "console.h"
#include "controller.h"
#include "disk.h"
#include "machine.h"
#include "ports.h"
#include "step.h"

/* Half of REQUESTS are read in each of two ways, because they can lose wake-ups at different moments. */
#ifndef REQUESTS
#define REQUESTS 1000000u
#endif

#define IN_FLIGHT  32u
#define POLLS      100000u
#define LINGER_MAX 1024u

static unsigned char data[IN_FLIGHT][VPT_BLK_SECTOR_SIZE];

static struct {
    struct device device;
    struct wiring wiring;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint32_t in_flight;
    uint32_t submitted;
} disk;

static bool bring_up(const struct device_place *place, enum vpt_interrupt_mode mode)
{
    const struct vpt_requests_config config = { .requests = IN_FLIGHT, .segments = 1, .size = 128 };

    return step("open", device_open(&disk.device, &ports_ready_made, place)) &&
           wiring_prepare(&disk.wiring, mode, &disk.device, place) &&
           step("initialize", vpt_blk_init(&disk.blk, disk.device.virtio, NULL)) && wiring_connect(&disk.wiring) &&
           step("set the queue up", vpt_blk_queue_init(&disk.queue, &disk.blk, 0, &config)) &&
           step("start", vpt_driver_start(&disk.blk.driver));
}

static bool submit(unsigned char *sector)
{
    const struct vpt_segment segment = { ports_device_address(sector), VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = { .operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1 };

    disk.in_flight++;
    disk.submitted++;
    return step("submit", vpt_blk_submit(&disk.queue, &request, sector));
}

/* Takes all completions. In a stream each is submitted again at once. */
static bool serve(bool stream)
{
    struct vpt_completion completion;
    enum vpt_status status;

    for (;;) {
        status = vpt_requests_poll(&disk.queue.requests, &completion);
        if (status != VPT_OK) {
            return step_expect("poll", VPT_EMPTY, status);
        }
        disk.in_flight--;
        if (!step("request", completion.status)) {
            return false;
        }
        if (stream && disk.submitted < REQUESTS &&
            (!submit(completion.token) || !step("kick", vpt_requests_kick(&disk.queue.requests)))) {
            return false;
        }
    }
}

/* ---- Asleep ---- */

static uint16_t used_index(void)
{
    return ((const volatile uint16_t *)disk.queue.requests.queue.used)[1];
}

/* Prints the ring indices of the driver and the device. */
static void tell(void)
{
    const struct vpt_queue *queue = &disk.queue.requests.queue;
    const volatile uint16_t *available = queue->available;
    const volatile uint16_t *used = queue->used;
    unsigned size = queue->mask + 1u;

    print("@state of %u requests %u in flight: used_event %u last_used %u used %u, avail_event %u published %u\n",
          (unsigned)disk.submitted, (unsigned)disk.in_flight, (unsigned)available[2u + size],
          (unsigned)(uint16_t)queue->last_used, (unsigned)used[1], (unsigned)used[2u + 4u * size],
          (unsigned)(uint16_t)queue->published);
}

/*
 * Called after INTERRUPTS_SECONDS without an interrupt. On a slow host one comes within the same time again. Otherwise
 * the device used requests and sent no interrupt; or it used none because a kick was lost, and an extra kick wakes it.
 */
static bool diagnose(void)
{
    const uint16_t last = (uint16_t)disk.queue.requests.queue.last_used;
    const char *lost = "interrupt";

    if (interrupts_wait(&disk.wiring.source)) {
        return true;
    }
    tell();
    if (used_index() == last) {
        (void)vpt_queue_notify(&disk.queue.requests.queue);
        lost = interrupts_wait(&disk.wiring.source) ? "kick" : "device";
    }
    print("@lost %s\n", lost);
    return false;
}

/* Waits up to some microseconds, so that the CPU and the device meet in each of their steps at some time. */
static void linger(void)
{
    static uint32_t state;

    state = state * 1664525u + 1013904223u;
    for (uint32_t i = (state >> 16) % LINGER_MAX; i != 0; i--) {
        __asm__ volatile("");
    }
}

/*
 * Submits as many requests as fit, and goes on until none is in flight. A stream, where the device runs out of requests
 * repeatedly, can lose kicks. A round that polls for the first completion and asks for an interrupt while the device
 * completes the others can lose this interrupt.
 */
static bool round(bool stream)
{
    vpt_requests_notifications_off(&disk.queue.requests);
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        if (!submit(data[i])) {
            return false;
        }
    }
    if (!step("kick", vpt_requests_kick(&disk.queue.requests))) {
        return false;
    }
    if (!stream) {
        for (unsigned i = 0; i < POLLS && !vpt_queue_has_used(&disk.queue.requests.queue); i++) {
        }
        linger();
    }
    while (serve(stream) && disk.in_flight != 0) {
        if (!vpt_requests_notifications_on(&disk.queue.requests) && !interrupts_wait(&disk.wiring.source) &&
            !diagnose()) {
            return false;
        }
    }
    return disk.in_flight == 0;
}

static bool run(void)
{
    struct devices devices;
    enum vpt_interrupt_mode mode = VPT_INTERRUPTS_PER_QUEUE;

    if (!step("page pool", ports_init()) || !devices_find(&ports_ready_made, &devices)) {
        return false;
    }
#ifdef NOT_EMULATED
    ports_ready_made.emulated = false;
#endif
    if (!wiring_possible(mode, &devices.disk)) {
        mode = VPT_INTERRUPTS_LINE;
    }
    if (!bring_up(&devices.disk, mode)) {
        return false;
    }
    print("@queue %s, fences %s\n",
          vpt_features_has(&disk.device.virtio->features, VPT_F_EVENT_IDX) ? "EVENT_IDX" : "flags",
          disk.queue.requests.queue.emulated ? "by register" : "of the CPU");
    while (disk.submitted < REQUESTS) {
        if (!round(disk.submitted >= REQUESTS / 2u)) {
            return false;
        }
    }
    print("@done %u requests, %u kicks, %u interrupts, %u sleeps\n", (unsigned)disk.submitted,
          (unsigned)vpt_queue_kicks(&disk.queue.requests.queue), (unsigned)disk.wiring.source.queues,
          (unsigned)disk.wiring.source.sleeps);
    return true;
}

_Noreturn void kernel_main(void)
{
    machine_init();
    interrupts_init();
    machine_exit(run());
}

_Noreturn void kernel_trap(uint64_t cause, uint64_t address)
{
    print("FAILED: trap 0x%llx at 0x%llx\n", (unsigned long long)cause, (unsigned long long)address);
    machine_exit(false);
}
