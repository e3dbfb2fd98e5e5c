/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "batch.h"
#include "blocking.h"
#include "completion.h"
#include "ports.h"
#include "step.h"

/* Layout, in sectors: run n uses the area at AREA_FIRST + n * AREA_SIZE, and one sector at each end of the disk. */
#define AREA_FIRST 64u
#define AREA_SIZE  6400u

#define LONG_SECTORS  2048u /* at the start of an area */
#define SHORT_OFFSET  2100u
#define SHORT_SECTORS 129u
#define BATCH_OFFSET  2560u
#define BATCH_COUNT   384u
#define GAP_OFFSET    6000u
#define GAP_COUNT     32u

#define ANSWERS_ALONE 8u /* answers of the neighbour */

/* Memory for a run that gives the library its memory. */
static _Alignas(VPT_QUEUE_LEGACY_RINGS_ALIGNMENT) unsigned char rings[VPT_QUEUE_RINGS_SIZE(
    DISK_QUEUE_SIZE_MAX, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT)];
static _Alignas(16) unsigned char indirect[VPT_BLK_INDIRECT_SIZE(DISK_REQUESTS, DISK_SEGMENTS)];
static _Alignas(16) unsigned char request_slots[VPT_BLK_SLOTS_SIZE(DISK_REQUESTS, 0)];
static _Alignas(16) unsigned char private_state[VPT_REQUESTS_PRIVATE_SIZE(DISK_REQUESTS)];

static struct vpt_memory memory_of(void *address, size_t size)
{
    return (struct vpt_memory){ .address = address, .device_address = ports_device_address(address), .size = size };
}

static void hand_memory_over(struct vpt_requests_config *config)
{
    config->memory.rings = memory_of(rings, sizeof(rings));
    config->memory.indirect = memory_of(indirect, sizeof(indirect));
    config->memory.private_state = memory_of(private_state, sizeof(private_state));
    config->memory.slots = memory_of(request_slots, sizeof(request_slots));
}

static const char *ring_name(const struct vpt_device *device)
{
    return vpt_features_has(&device->features, VPT_F_RING_PACKED) ? "packed" : "split";
}

static void describe(struct disk *disk)
{
    const struct vpt_blk_info *info = &disk->blk.info;
    const struct vpt_device *device = disk->device.virtio;

    print("%s, %s ring: %llu sectors, block size %u, segments up to %u of %u bytes, %s, %s\n",
          vpt_device_transport(device), ring_name(device), (unsigned long long)info->capacity,
          (unsigned)info->block_size, (unsigned)info->seg_max, (unsigned)info->size_max,
          info->read_only ? "read-only" : "writable", info->flush ? "flush" : "no flush");
    print("features offered: 0x%x 0x%x, accepted: 0x%x 0x%x (from bit 0, from bit 32)\n",
          (unsigned)device->offered.word[0], (unsigned)device->offered.word[1], (unsigned)device->features.word[0],
          (unsigned)device->features.word[1]);
    print("2^%u blocks in a physical one, I/O from %u to %u blocks at best; geometry %u/%u/%u\n",
          (unsigned)info->physical_block_exponent, (unsigned)info->minimum_io_size, (unsigned)info->optimal_io_size,
          (unsigned)info->cylinders, (unsigned)info->heads, (unsigned)info->sectors);
    print("@topology %u %u %u %u\n", (unsigned)info->block_size, (unsigned)info->physical_block_exponent,
          (unsigned)info->minimum_io_size, (unsigned)info->optimal_io_size);
}

static bool bring_up(struct disk *disk, const struct disk_life *life, const struct device_place *place)
{
    struct vpt_requests_config config = {
        .requests = DISK_REQUESTS,
        .segments = DISK_SEGMENTS,
        .size = life->queue_size,
    };
    struct vpt_feature_choice choice = { 0 };

    if (life->plain_ring) {
        vpt_features_add(&choice.refused, VPT_F_INDIRECT_DESC);
        vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    }
    if (life->hand_memory_over) {
        hand_memory_over(&config);
    }
    if (!step("open the disk", device_open(&disk->device, life->port, place)) ||
        !wiring_prepare(&disk->wiring, life->interrupts, &disk->device, place) ||
        !step("initialize the disk", vpt_blk_init(&disk->blk, disk->device.virtio, &choice)) ||
        !wiring_connect(&disk->wiring) ||
        !step("set the queue up", vpt_blk_queue_init(&disk->queue, &disk->blk, 0, &config))) {
        return false;
    }
    completion_init(disk);
    if (!step("start the disk", vpt_driver_start(&disk->blk.driver))) {
        return false;
    }
    describe(disk);
    return true;
}

static bool identify(struct disk *disk)
{
    char id[VPT_BLK_ID_SIZE + 1u];

    if (!step("get-id", vpt_blk_get_id(&disk->queue, id))) {
        return false;
    }
    print("@disk %llu %s %s %s\n", (unsigned long long)disk->blk.info.capacity, id,
          vpt_device_legacy(disk->device.virtio) ? "legacy" : "modern", ring_name(disk->device.virtio));
    return blocking_seed(disk);
}

/*
 * Writes by blocking and by asynchronous requests, flushes, and reads each back in the opposite way. Also reads the
 * gaps between the written sectors: a tool that has the image checks by their checksums that they were really read.
 */
static bool work(struct disk *disk, unsigned number)
{
    const uint64_t area = AREA_FIRST + (uint64_t)number * AREA_SIZE;
    const uint64_t end = disk->blk.info.capacity - 1u - number;
    const struct batch_plan batch = { area + BATCH_OFFSET, BATCH_COUNT, 8, 5, 1, 5 };
    const struct batch_plan gaps = { area + GAP_OFFSET, GAP_COUNT, 11, 3, 2, 4 };
    const struct batch_plan long_part = { area, LONG_SECTORS / 16u, 16, 1, 16, 1 };
    const struct batch_plan last_sector = { end, 1, 1, 1, 1, 1 };

    if (area + AREA_SIZE > end) {
        print("FAILED: the disk is too small\n");
        return false;
    }
    if (!blocking_background(disk, area + LONG_SECTORS, SHORT_OFFSET - LONG_SECTORS) ||
        !batch_run(disk, &gaps, BATCH_BACKGROUND) || !blocking_write(disk, area, LONG_SECTORS) ||
        !blocking_write(disk, area + SHORT_OFFSET, SHORT_SECTORS) || !blocking_write(disk, 1u + number, 1) ||
        !blocking_write(disk, end, 1) || !batch_run(disk, &batch, BATCH_WRITE) ||
        !step("flush", vpt_blk_flush(&disk->queue))) {
        return false;
    }
    for (uint32_t n = 0; n < BATCH_COUNT; n++) {
        if (!blocking_check(disk, batch_sector(&batch, n), batch_sectors(&batch, n))) {
            return false;
        }
    }
    return batch_run(disk, &long_part, BATCH_CHECK) && batch_run(disk, &last_sector, BATCH_CHECK) &&
           blocking_check(disk, area + SHORT_OFFSET, SHORT_SECTORS) && blocking_check(disk, 1u + number, 1) &&
           blocking_refusals(disk) && step("device status", vpt_device_check(disk->device.virtio));
}

static bool take_down(struct disk *disk)
{
    struct ports_count count = ports_count();

    if (!step("reset", vpt_device_reset(disk->device.virtio))) {
        return false;
    }
    wiring_disconnect(&disk->wiring);
    if (!step("release", vpt_driver_release(&disk->blk.driver))) {
        return false;
    }
    device_close(&disk->device);
    if (!ports_pool_is_whole() || count.shares != count.unshares) {
        print("FAILED: memory or a share was not given back\n");
        return false;
    }
    return true;
}

static uint32_t per_request(uint64_t ticks, uint32_t requests)
{
    return ticks <= UINT32_MAX ? (uint32_t)ticks / requests : UINT32_MAX;
}

static void report(const struct disk_measure *measure, const struct disk_cost *cost, const struct ports_count *before)
{
    const struct ports_count after = ports_count();

    print("%u asynchronous requests, ticks for each: %u in submit, %u in poll\n", (unsigned)measure->requests,
          (unsigned)cost->submit, (unsigned)cost->poll);
    print("@measured %u %u %u", (unsigned)measure->requests, (unsigned)cost->submit, (unsigned)cost->poll);
    if (after.register_accesses != before->register_accesses) {
        print(" %u\n%u kicks; with set-up and blocking requests: %u register accesses, %u shares",
              (unsigned)measure->kicks, (unsigned)measure->kicks,
              (unsigned)(after.register_accesses - before->register_accesses),
              (unsigned)(after.shares - before->shares));
    }
    print("\n");
}

/* With a neighbour, which runs alone first: the disk must say that these interrupts are not its own. */
static bool work_beside(struct disk *disk, const struct disk_life *life, const struct device_place *entropy,
                        unsigned number)
{
    static struct neighbour neighbour;

    if (!neighbour_bring_up(&neighbour, life->port, entropy)) {
        return false;
    }
    for (unsigned i = 0; i < ANSWERS_ALONE; i++) {
        if (!neighbour_ask(&neighbour) || !neighbour_answer(&neighbour)) {
            return false;
        }
    }
    disk->neighbour = &neighbour;
    if (!work(disk, number) || !neighbour_take_down(&neighbour)) {
        return false;
    }
    neighbour_report(&neighbour);
    return true;
}

bool disk_live(const struct disk_life *life, const struct devices *devices, unsigned number, struct disk_cost *cost)
{
    static struct disk disk;
    const struct ports_count before = ports_count();

    disk = (struct disk){ 0 };
    print("\n%s\n", life->name);
    if (!bring_up(&disk, life, &devices->first[VPT_DEVICE_TYPE_BLOCK]) || !identify(&disk) ||
        !completion_quiet(&disk)) {
        return false;
    }
    if (!(life->interrupts == VPT_INTERRUPTS_LINE && devices->first[VPT_DEVICE_TYPE_ENTROPY].bus != NULL
              ? work_beside(&disk, life, &devices->first[VPT_DEVICE_TYPE_ENTROPY], number)
              : work(&disk, number))) {
        return false;
    }
    if (life->interrupts != VPT_INTERRUPTS_POLLING) {
        completion_report(&disk);
    }
    if (!take_down(&disk)) {
        return false;
    }
    cost->label = life->label;
    cost->submit = per_request(disk.measure.submit_ticks, disk.measure.requests);
    cost->poll = per_request(disk.measure.poll_ticks, disk.measure.requests);
    report(&disk.measure, cost, &before);
    return true;
}
