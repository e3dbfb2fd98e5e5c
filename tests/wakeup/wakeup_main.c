/* SPDX-License-Identifier: MIT */
/*
 * A kernel that reads a disk by interrupts only, one request at a time and with 32 in flight, until it has read enough
 * or a wake-up is lost. tools/wakeup.sh parses its lines that begin with "@".
 */
#include "console.h"
#include "controller.h"
#include "disk.h"
#include "machine.h"
#include "ports.h"
#include "step.h"

/* A third of REQUESTS is read in each of three ways, because they can lose wake-ups at different moments. */
#ifndef REQUESTS
#define REQUESTS 1000000u
#endif

#define IN_FLIGHT    32u
#define POLLS        100000u
#define LINGER_BATCH 1024u /* the device completes the next request of a batch within this time */
#define LINGER_ONE   8192u /* and a single one within this */

static unsigned char data[IN_FLIGHT][VPT_BLK_SECTOR_SIZE];

static struct {
    struct device device;
    struct wiring wiring;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    uint32_t in_flight;
    uint32_t submitted;
    uint32_t goal; /* of the current way */
    uint32_t late; /* interrupts that took longer than INTERRUPTS_SECONDS, on a slow host */
} disk;

/* By messages if the machine and the disk have them, else by a line. */
static enum vpt_interrupt_mode choose_mode(const struct device_place *place)
{
    uint16_t offset;

    return wiring_possible(VPT_INTERRUPTS_PER_QUEUE, place) &&
                   vpt_pci_find_capability(&disk.device.pci.function, VPT_PCI_CAPABILITY_MSIX, &offset) == VPT_OK
               ? VPT_INTERRUPTS_PER_QUEUE
               : VPT_INTERRUPTS_LINE;
}

static bool bring_up(const struct device_place *place)
{
    const struct vpt_requests_config config = { .requests = IN_FLIGHT, .segments = 1, .size = 128 };

    return step("open", device_open(&disk.device, &ports_ready_made, place)) &&
           wiring_prepare(&disk.wiring, choose_mode(place), &disk.device, place) &&
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
        if (stream && disk.submitted < disk.goal &&
            (!submit(completion.token) || !step("kick", vpt_requests_kick(&disk.queue.requests)))) {
            return false;
        }
    }
}

/* ---- Asleep ---- */

static bool packed(void)
{
    return vpt_features_has(&disk.device.virtio->features, VPT_F_RING_PACKED);
}

/*
 * Prints where the driver is, and the words by which driver and device ask for notifications: used_event and
 * avail_event, or the flags if EVENT_IDX is off; the two event structures of a packed ring.
 */
static void tell(void)
{
    const struct vpt_queue *queue = &disk.queue.requests.queue;
    const volatile uint16_t *driver = queue->available;
    const volatile uint16_t *device = queue->used;
    unsigned size = queue->mask + 1u;

    print("@state of %u requests %u in flight: published %u last_used %u, driver's words %u %u %u, device's %u %u %u\n",
          (unsigned)disk.submitted, (unsigned)disk.in_flight, (unsigned)(uint16_t)queue->published,
          (unsigned)(uint16_t)queue->last_used, (unsigned)driver[0], (unsigned)driver[1],
          packed() ? 0u : (unsigned)driver[2u + size], (unsigned)device[0], (unsigned)device[1],
          packed() ? 0u : (unsigned)device[2u + 4u * size]);
}

/*
 * Called after INTERRUPTS_SECONDS without an interrupt. On a slow host one comes within the same time again. Otherwise
 * the device used requests and sent no interrupt; or it used none because a kick was lost, and an extra kick wakes it.
 */
static bool diagnose(void)
{
    const char *lost = "interrupt";

    if (interrupts_wait(&disk.wiring.source)) {
        disk.late++;
        return true;
    }
    tell();
    if (!vpt_queue_has_used(&disk.queue.requests.queue)) {
        (void)vpt_queue_notify(&disk.queue.requests.queue);
        lost = interrupts_wait(&disk.wiring.source) ? "kick" : "device";
    }
    print("@lost %s\n", lost);
    return false;
}

static bool sleep_until_interrupt(void)
{
    return interrupts_wait(&disk.wiring.source) || diagnose();
}

/* Waits for a random time, so that the CPU and the device meet in each of their steps at some time. */
static void linger(uint32_t most)
{
    static uint32_t state;

    state = state * 1664525u + 1013904223u;
    for (uint32_t i = (state >> 8) % most; i != 0; i--) {
        __asm__ volatile("");
    }
}

/* One request, with notifications on all the time: the poll that finds nothing asks for the interrupt. */
static bool read_singly(void)
{
    if (!submit(data[0]) || !step("kick", vpt_requests_kick(&disk.queue.requests))) {
        return false;
    }
    linger(LINGER_ONE);
    while (serve(false) && disk.in_flight != 0) {
        if (!sleep_until_interrupt()) {
            return false;
        }
    }
    return disk.in_flight == 0;
}

/*
 * Submits as many requests as fit, and goes on until none is in flight. A stream, where the device runs out of requests
 * repeatedly, can lose kicks. A batch whose first completion is polled for, while the device completes the others, can
 * lose their interrupt. Either way asks for it: the poll that finds nothing, or, if notifications were off, the call
 * that turns them on.
 */
static bool read_many(bool stream)
{
    bool switching = disk.submitted / IN_FLIGHT % 2u != 0;

    if (switching) {
        vpt_requests_notifications_off(&disk.queue.requests);
    }
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
        linger(LINGER_BATCH);
    }
    while (serve(stream) && disk.in_flight != 0) {
        if (!(switching && vpt_requests_notifications_on(&disk.queue.requests)) && !sleep_until_interrupt()) {
            return false;
        }
    }
    if (switching) {
        (void)vpt_requests_notifications_on(&disk.queue.requests);
    }
    return disk.in_flight == 0;
}

static bool read_batch(void)
{
    return read_many(false);
}

static bool read_stream(void)
{
    return read_many(true);
}

static bool read_all(void)
{
    bool (*const ways[])(void) = { read_batch, read_stream, read_singly };

    for (unsigned i = 0; i < 3u; i++) {
        disk.goal = REQUESTS / 3u * (i + 1u);
        while (disk.submitted < disk.goal) {
            if (!ways[i]()) {
                return false;
            }
        }
    }
    return true;
}

static bool run(void)
{
    struct devices devices;

    if (!step("page pool", ports_init()) || !devices_find(&ports_ready_made, &devices)) {
        return false;
    }
#ifdef NOT_EMULATED
    ports_ready_made.emulated = false;
#endif
    if (!bring_up(&devices.first[VPT_DEVICE_TYPE_BLOCK])) {
        return false;
    }
    print("@queue %s, %s, %s, fences %s\n", packed() ? "packed" : "split",
          vpt_features_has(&disk.device.virtio->features, VPT_F_EVENT_IDX) ? "EVENT_IDX" : "flags",
          disk.wiring.mode == VPT_INTERRUPTS_LINE ? "INTx" : "MSI-X",
          disk.queue.requests.queue.emulated ? "by register" : "of the CPU");
    if (!read_all()) {
        return false;
    }
    print("@done %u requests, %u kicks, %u interrupts, %u sleeps, %u late\n", (unsigned)disk.submitted,
          (unsigned)vpt_queue_kicks(&disk.queue.requests.queue), (unsigned)disk.wiring.source.queues,
          (unsigned)disk.wiring.source.sleeps, (unsigned)disk.late);
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
