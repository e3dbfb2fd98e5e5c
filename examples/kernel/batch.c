/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include "completion.h"
#include "pattern.h"
#include "ports.h"
#include "step.h"

struct slot {
    unsigned char data[BATCH_SECTORS_MAX * VPT_BLK_SECTOR_SIZE];
    uint64_t sector;
    uint32_t sectors;
    bool in_flight;
};

static struct slot slots[DISK_REQUESTS];

uint64_t batch_sector(const struct batch_plan *plan, uint32_t n)
{
    return plan->first + (uint64_t)(n * plan->step % plan->count) * plan->stride;
}

uint32_t batch_sectors(const struct batch_plan *plan, uint32_t n)
{
    return plan->least + n % plan->spread;
}

static void prepare(const struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose, uint32_t n,
                    struct slot *slot)
{
    slot->sector = batch_sector(plan, n);
    slot->sectors = batch_sectors(plan, n);
    if (purpose == BATCH_WRITE) {
        pattern_fill(slot->data, disk->seed, slot->sector, slot->sectors);
    } else {
        pattern_poison(slot->data, slot->sectors);
    }
}

/* Splits the data in three pieces that are not whole sectors. */
static enum vpt_status submit(struct disk *disk, enum batch_purpose purpose, struct slot *slot)
{
    uint64_t address = ports_device_address(slot->data);
    uint32_t length = slot->sectors * VPT_BLK_SECTOR_SIZE;
    uint32_t half = length / 2u;
    const struct vpt_segment segments[] = { { address, 24 },
                                            { address + 24u, half },
                                            { address + 24u + half, half - 24u } };
    const struct vpt_blk_request request = {
        .operation = purpose == BATCH_WRITE ? VPT_BLK_WRITE : VPT_BLK_READ,
        .sector = slot->sector,
        .segments = segments,
        .segment_count = 3,
    };
    uint64_t start = machine_ticks();
    enum vpt_status status = vpt_blk_submit(&disk->queue, &request, slot);

    if (status == VPT_OK) {
        disk->measure.submit_ticks += machine_ticks() - start;
        disk->measure.requests++;
        slot->in_flight = true;
    }
    return status;
}

/* Submits requests from `next` on until none is left or the queue is full. Returns how many; 0: something failed. */
static uint32_t submit_some(struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose, uint32_t next)
{
    uint32_t submitted = 0;

    while (submitted < DISK_REQUESTS && next + submitted < plan->count) {
        struct slot *slot = &slots[submitted];
        enum vpt_status status;

        prepare(disk, plan, purpose, next + submitted, slot);
        status = submit(disk, purpose, slot);
        if (status == VPT_RESOURCE_FULL && submitted != 0) {
            break;
        }
        if (!step("submit", status)) {
            return 0;
        }
        submitted++;
    }
    return submitted;
}

/* A kick writes no register but the doorbell; on an emulated CPU it reads one before the write. */
static bool kick(struct disk *disk)
{
    uint32_t before = ports_count().register_writes;
    enum vpt_status status = vpt_requests_kick(&disk->queue.requests);

    disk->measure.kicks += ports_count().register_writes - before;
    return step("kick", status);
}

/* Waits for one completion. NULL: none came, or it is wrong. */
static struct slot *wait_for_one(struct disk *disk)
{
    struct vpt_completion completion;
    struct slot *slot;

    if (!completion_wait(disk, &completion)) {
        return NULL;
    }
    slot = completion.token;
    if (!slot->in_flight) {
        print("FAILED: a request came back twice\n");
        return NULL;
    }
    slot->in_flight = false;
    return slot;
}

static bool finish(const struct disk *disk, enum batch_purpose purpose, const struct slot *slot)
{
    unsigned long long sector = slot->sector;

    switch (purpose) {
    case BATCH_WRITE: print("@wrote %llu %u\n", sector, (unsigned)slot->sectors); return true;
    case BATCH_BACKGROUND:
        print("@read %llu %u %llx\n", sector, (unsigned)slot->sectors,
              (unsigned long long)pattern_checksum(slot->data, slot->sectors * VPT_BLK_SECTOR_SIZE));
        return true;
    default: return pattern_check(slot->data, disk->seed, slot->sector, slot->sectors);
    }
}

/* One round: as many requests as fit, from `next` on. Returns how many; 0: something failed. */
static uint32_t run_round(struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose, uint32_t next)
{
    uint32_t submitted;

    completion_begin(disk);
    submitted = submit_some(disk, plan, purpose, next);
    if (submitted == 0 || !kick(disk) || !neighbour_ask(disk->neighbour)) {
        return 0;
    }
    for (uint32_t i = 0; i < submitted; i++) {
        const struct slot *slot = wait_for_one(disk);

        if (slot == NULL || !finish(disk, purpose, slot)) {
            return 0;
        }
    }
    return neighbour_answer(disk->neighbour) ? submitted : 0;
}

bool batch_run(struct disk *disk, const struct batch_plan *plan, enum batch_purpose purpose)
{
    uint32_t done = 0;

    while (done < plan->count) {
        uint32_t submitted = run_round(disk, plan, purpose, done);

        if (submitted == 0) {
            return false;
        }
        done += submitted;
    }
    return completion_quiet(disk);
}
