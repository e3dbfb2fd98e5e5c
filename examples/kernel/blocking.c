/* SPDX-License-Identifier: MIT */
#include "blocking.h"

#include "pattern.h"
#include "step.h"

/*
 * Buffers start off sector borders, so page borders divide sectors: the helpers that split at pages must handle this.
 */
#define MISALIGNMENT 4u

static unsigned char storage[BLOCKING_SECTORS_MAX * VPT_BLK_SECTOR_SIZE + MISALIGNMENT];
static unsigned char *const buffer = storage + MISALIGNMENT;

static size_t bytes(uint32_t sectors)
{
    return (size_t)sectors * VPT_BLK_SECTOR_SIZE;
}

static bool read_fresh(struct disk *disk, uint64_t sector, uint32_t sectors)
{
    pattern_poison(buffer, sectors);
    return step("blocking read", vpt_blk_read(&disk->queue, sector, buffer, bytes(sectors)));
}

bool blocking_write(struct disk *disk, uint64_t sector, uint32_t sectors)
{
    pattern_fill(buffer, disk->seed, sector, sectors);
    if (!step("blocking write", vpt_blk_write(&disk->queue, sector, buffer, bytes(sectors)))) {
        return false;
    }
    print("@wrote %llu %u\n", (unsigned long long)sector, (unsigned)sectors);
    return true;
}

bool blocking_check(struct disk *disk, uint64_t sector, uint32_t sectors)
{
    return read_fresh(disk, sector, sectors) && pattern_check(buffer, disk->seed, sector, sectors);
}

bool blocking_background(struct disk *disk, uint64_t sector, uint32_t sectors)
{
    if (!read_fresh(disk, sector, sectors)) {
        return false;
    }
    print("@read %llu %u %llx\n", (unsigned long long)sector, (unsigned)sectors,
          (unsigned long long)pattern_checksum(buffer, bytes(sectors)));
    return true;
}

bool blocking_seed(struct disk *disk)
{
    if (!read_fresh(disk, 0, 1)) {
        return false;
    }
    disk->seed = pattern_first_word(buffer);
    print("@seed %llx\n", (unsigned long long)disk->seed);
    return true;
}

bool blocking_refusals(struct disk *disk)
{
    uint64_t last = disk->blk.info.capacity - 1u;

    return step_expect("write across the end of the disk", VPT_CALLER_RANGE,
                       vpt_blk_write(&disk->queue, last, buffer, bytes(2))) &&
           step_expect("read of half a sector", VPT_CALLER_ALIGNMENT,
                       vpt_blk_read(&disk->queue, 0, buffer, VPT_BLK_SECTOR_SIZE / 2u));
}
