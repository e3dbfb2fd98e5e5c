/* SPDX-License-Identifier: MIT */
/*
 * A kernel that reads a disk by interrupts only, with as many requests in flight as there is room for, until it has
 * read enough or a wake-up is lost. The last line says what came of it: see tools/wakeup.sh.
 */
#include "console.h"
#include "controller.h"
#include "disk.h"
#include "machine.h"
#include "ports.h"
#include "step.h"

#ifndef REQUESTS
#define REQUESTS 1000000u
#endif

#define IN_FLIGHT 32u
#ifndef SPINS
#define SPINS 2000u
#endif

/*
 * Cache lines written before each look at the rings, as a kernel does that copies what it has read: what is stored next
 * waits behind them, for as long as it takes a load to pass.
 */
#ifndef DIRTY_LINES
#define DIRTY_LINES  24u
#endif
#define DIRTY_STRIDE 4160u
#define DIRTY_SIZE   (8u << 20)

static unsigned char memory[DIRTY_SIZE];
static unsigned char data[IN_FLIGHT][VPT_BLK_SECTOR_SIZE];

static struct {
    struct device device;
    struct wiring wiring;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint32_t in_flight;
    uint32_t completed;
    uint32_t sleeps;
} disk;

static void dirty(void)
{
    static uint32_t at;

    for (unsigned i = 0; i < DIRTY_LINES; i++) {
        *(volatile unsigned char *)&memory[at] = (unsigned char)i;
        at = (at + DIRTY_STRIDE) % DIRTY_SIZE;
    }
}

static bool bring_up(const struct device_place *place, enum vpt_interrupt_mode mode)
{
    const struct vpt_blk_queue_config config = {.requests = IN_FLIGHT, .segments = 1, .size = 128};

    return step("open", device_open(&disk.device, &ports_ready_made, place)) &&
           wiring_prepare(&disk.wiring, mode, &disk.device, place) &&
           step("initialize", vpt_blk_init(&disk.blk, disk.device.virtio, NULL)) && wiring_connect(&disk.wiring) &&
           step("set the queue up", vpt_blk_queue_init(&disk.queue, &disk.blk, 0, &config)) &&
           step("start", vpt_blk_start(&disk.blk));
}

static bool submit(unsigned char *sector)
{
    const struct vpt_segment segment = {ports_device_address(sector), VPT_BLK_SECTOR_SIZE};
    const struct vpt_blk_request request = {.operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1};

    if (!step("submit", vpt_blk_submit(&disk.queue, &request, sector))) {
        return false;
    }
    disk.in_flight++;
    dirty();
    return step("kick", vpt_blk_kick(&disk.queue));
}

/* Takes what there is, and sends as many again. */
static bool serve(void)
{
    struct vpt_blk_completion completion;
    enum vpt_status status;

    for (;;) {
        dirty();
        status = vpt_blk_poll(&disk.queue, &completion);
        if (status != VPT_OK) {
            return step_expect("poll", VPT_EMPTY, status);
        }
        disk.in_flight--;
        disk.completed++;
        if (!step("request", completion.status) ||
            (disk.completed + disk.in_flight < REQUESTS && !submit(completion.token))) {
            return false;
        }
    }
}

/* ---- Asleep ---- */

static uint16_t used_index(void)
{
    return ((const volatile uint16_t *)disk.queue.queue.used)[1];
}

/* What the driver and the device have told each other, which nobody changes any more. */
static void tell(const char *lost)
{
    const struct vpt_queue *queue = &disk.queue.queue;
    const volatile uint16_t *available = queue->available;
    const volatile uint16_t *used = queue->used;
    unsigned size = queue->mask + 1u;

    print("@lost %s after %u: used_event %u last_used %u used %u, avail_event %u published %u, %u in flight\n", lost,
          (unsigned)disk.completed, (unsigned)available[2u + size], (unsigned)queue->last_used, (unsigned)used[1],
          (unsigned)used[2u + 4u * size], (unsigned)queue->published, (unsigned)disk.in_flight);
}

/*
 * No interrupt in INTERRUPTS_SECONDS: on a host that is slow one comes in as many again. Else the device has used
 * requests and did not say so, or it has none because it was not told: then a kick without need wakes it.
 */
static bool diagnose(void)
{
    const uint16_t last = disk.queue.queue.last_used;

    if (interrupts_wait(&disk.wiring.source)) {
        print("the host is slow\n");
        return true;
    }
    if (used_index() != last) {
        tell("interrupt");
    } else {
        (void)vpt_queue_notify(&disk.queue.queue);
        (void)interrupts_wait(&disk.wiring.source);
        tell(used_index() != last ? "kick" : "device");
    }
    return false;
}

static bool wait(void)
{
    volatile uint32_t *happened = &disk.wiring.source.happened;

    for (unsigned i = 0; i < SPINS; i++) {
        if ((*happened & VPT_INTERRUPT_QUEUE) != 0) {
            *happened = 0;
            return true;
        }
    }
    disk.sleeps++;
    return interrupts_wait(&disk.wiring.source) || diagnose();
}

static bool run(void)
{
    struct devices devices;
    enum vpt_interrupt_mode mode = VPT_INTERRUPTS_PER_QUEUE;

    if (!step("page pool", ports_init()) || !devices_find(&ports_ready_made, &devices)) {
        return false;
    }
    if (!wiring_possible(mode, &devices.disk)) {
        mode = VPT_INTERRUPTS_LINE;
    }
    if (!bring_up(&devices.disk, mode)) {
        return false;
    }
    print("@queue %s, barriers %s\n", vpt_features_has(&disk.device.virtio->features, VPT_F_EVENT_IDX) ? "EVENT_IDX" : "flags",
          disk.queue.queue.emulated ? "by register" : "of the CPU");
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        if (!submit(data[i])) {
            return false;
        }
    }
    while (serve() && disk.in_flight != 0) {
        if (!wait()) {
            return false;
        }
    }
    print("@done %u requests, %u kicks, %u interrupts, %u sleeps\n", (unsigned)disk.completed,
          (unsigned)vpt_queue_kicks(&disk.queue.queue), (unsigned)disk.wiring.source.queues, (unsigned)disk.sleeps);
    return disk.completed == REQUESTS;
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
