/* SPDX-License-Identifier: MIT */
#include "completion.h"

#include "step.h"

#define POLL_ATTEMPTS 50000000u

static bool by_interrupt(const struct disk *disk)
{
    return disk->wiring.mode != VPT_INTERRUPTS_POLLING;
}

/* Polling needs none: a controller may remember an interrupt, and deliver it to whoever opens the line later. */
void completion_init(struct disk *disk)
{
    vpt_requests_notifications_off(&disk->queue.requests);
}

/* Number of interrupts that the disk sent while they were turned off. */
static uint32_t unwanted(const struct disk *disk)
{
    return disk->unwanted + (disk->quiet ? disk->wiring.source.claimed - disk->claimed_before : 0);
}

void completion_begin(struct disk *disk)
{
    if (by_interrupt(disk)) {
        disk->unwanted = unwanted(disk);
        disk->quiet = false;
        disk->drained = !vpt_requests_notifications_on(&disk->queue.requests);
        disk->measure.rounds++;
        interrupts_hold(&disk->wiring.source);
    }
}

/*
 * Turning notifications off is a hint: QEMU always interrupts for the first request after a reset, and others may
 * already be on their way. These have arrived when a request that was sent later completes.
 */
bool completion_quiet(struct disk *disk)
{
    char id[VPT_BLK_ID_SIZE + 1u];

    if (!by_interrupt(disk)) {
        return true;
    }
    vpt_requests_notifications_off(&disk->queue.requests);
    if (!step("get-id", vpt_blk_get_id(&disk->queue, id))) {
        return false;
    }
    disk->quiet = true;
    disk->claimed_before = disk->wiring.source.claimed;
    return true;
}

static enum vpt_status poll(struct disk *disk, struct vpt_completion *completion)
{
    uint64_t start = machine_ticks();
    enum vpt_status status = vpt_requests_poll(&disk->queue.requests, completion);
    uint64_t end = machine_ticks();

    if (status == VPT_OK) {
        disk->measure.poll_ticks += end - start;
    }
    return status;
}

/* An empty queue is polled again only after an interrupt, so no request completes without one. */
static bool wait_for_interrupt(struct disk *disk)
{
    if (!by_interrupt(disk) || !disk->drained) {
        return true;
    }
    disk->drained = false;
    return interrupts_wait(&disk->wiring.source);
}

bool completion_wait(struct disk *disk, struct vpt_completion *completion)
{
    for (uint32_t i = 0; i < POLL_ATTEMPTS; i++) {
        enum vpt_status status;

        if (!wait_for_interrupt(disk)) {
            return false;
        }
        status = poll(disk, completion);
        if (status != VPT_EMPTY) {
            return step("poll", status) && step("request", completion->status);
        }
        disk->drained = true;
    }
    return step("wait for a request", VPT_DEVICE_TIMEOUT);
}

void completion_report(const struct disk *disk)
{
    const struct interrupt_source *source = &disk->wiring.source;
    bool line = disk->wiring.mode == VPT_INTERRUPTS_LINE;

    print("%u rounds of requests, %u sleeps; %u interrupts for the queue, %u for the configuration, %u unwanted\n",
          (unsigned)disk->measure.rounds, (unsigned)source->sleeps, (unsigned)source->queues,
          (unsigned)source->configurations, (unsigned)unwanted(disk));
    print("@interrupts %s %u %u %u %u %u\n", line ? "line" : "messages", (unsigned)disk->measure.rounds,
          (unsigned)source->sleeps, (unsigned)source->queues, (unsigned)source->configurations,
          (unsigned)unwanted(disk));
    if (line) {
        print("disk on line %u: asked %u times, its interrupt %u times\n@line %u %u %u\n", disk->wiring.line,
              (unsigned)source->asked, (unsigned)source->claimed, disk->wiring.line, (unsigned)source->asked,
              (unsigned)source->claimed);
    }
}
