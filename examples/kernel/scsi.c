/* SPDX-License-Identifier: MIT */
#include "scsi.h"

#include <vpt/scsi.h>

#include "pattern.h"
#include "ports.h"
#include "step.h"

#define UNITS    8u  /* of a target */
#define SECTORS  96u /* of a blocking request */
#define FIRST    100u
#define REQUESTS 8u
#define EACH     4u /* sectors of a request; there are as many between two */
#define TOGETHER 500u
#define ATTEMPTS 50000000u

static struct vpt_scsi host;
static struct vpt_scsi_disk disk;
static uint64_t seed;
static unsigned char buffer[SECTORS * VPT_SCSI_SECTOR_SIZE];

/* ---- Which disk ---- */

/* Opens the first disk of a target. VPT_EMPTY_SLOT: it has none. */
static enum vpt_status open_disk(uint8_t target)
{
    uint64_t luns[UNITS + 1u];
    uint32_t count = 0;
    enum vpt_status status = vpt_scsi_report_luns(&host, target, luns, UNITS, &count);

    if (status != VPT_OK) {
        return status;
    }
    status = VPT_EMPTY_SLOT;
    for (uint32_t i = 0; i < count && status != VPT_OK; i++) {
        status = vpt_scsi_disk_open(&disk, &host, target, (uint16_t)luns[i]);
    }
    return status;
}

static bool find_disk(void)
{
    enum vpt_status status = VPT_EMPTY_SLOT;
    char serial[VPT_SCSI_SERIAL_MAX + 1u];

    for (unsigned target = 0; target <= host.info.max_target && target <= UINT8_MAX && status == VPT_EMPTY_SLOT;
         target++) {
        status = open_disk((uint8_t)target);
    }
    if (!step("find a SCSI disk", status)) {
        return false;
    }
    status = vpt_scsi_get_serial(&host, disk.target, disk.lun, serial);
    print("SCSI disk: %llu sectors, block size %u\n@scsi %u %u %llu %s\n", (unsigned long long)disk.capacity,
          (unsigned)disk.block_size, (unsigned)disk.target, (unsigned)disk.lun, (unsigned long long)disk.capacity,
          status == VPT_OK ? serial : "-");
    return true;
}

/* ---- Blocking requests ---- */

static bool read_fresh(uint64_t sector, uint32_t sectors)
{
    pattern_poison(buffer, sectors);
    return step("read", vpt_scsi_disk_read(&disk, sector, buffer, (size_t)sectors * VPT_SCSI_SECTOR_SIZE));
}

static bool read_other(uint64_t sector, uint32_t sectors)
{
    if (!read_fresh(sector, sectors)) {
        return false;
    }
    print("@scsi-read %llu %u %llx\n", (unsigned long long)sector, (unsigned)sectors,
          (unsigned long long)pattern_checksum(buffer, (size_t)sectors * VPT_SCSI_SECTOR_SIZE));
    return true;
}

static bool write_sectors(uint64_t sector, uint32_t sectors)
{
    pattern_fill(buffer, seed, sector, sectors);
    print("@scsi-wrote %llu %u\n", (unsigned long long)sector, (unsigned)sectors);
    return step("write", vpt_scsi_disk_write(&disk, sector, buffer, (size_t)sectors * VPT_SCSI_SECTOR_SIZE));
}

/* ---- Several at once ---- */

static uint64_t sector_of(uint32_t i)
{
    return TOGETHER + 2u * EACH * i;
}

static bool take_all(void)
{
    struct vpt_completion completion;
    uint32_t left = REQUESTS;

    for (uint32_t i = 0; i < ATTEMPTS && left != 0; i++) {
        enum vpt_status status = vpt_requests_poll(&host.requests, &completion);

        if (status == VPT_EMPTY) {
            continue;
        }
        if (!step("poll the SCSI host", status) || !step("request", completion.status)) {
            return false;
        }
        left--;
    }
    return left == 0 || step("wait for requests", VPT_DEVICE_TIMEOUT);
}

static bool together(enum vpt_scsi_operation operation)
{
    static struct vpt_scsi_request requests[REQUESTS];

    for (uint32_t i = 0; i < REQUESTS; i++) {
        unsigned char *bytes = &buffer[(size_t)i * EACH * VPT_SCSI_SECTOR_SIZE];
        const struct vpt_segment segment = { ports_device_address(bytes), EACH * VPT_SCSI_SECTOR_SIZE };

        if (operation == VPT_SCSI_WRITE) {
            pattern_fill(bytes, seed, sector_of(i), EACH);
            print("@scsi-wrote %llu %u\n", (unsigned long long)sector_of(i), EACH);
        }
        if (!step("submit", vpt_scsi_disk_submit(&disk, &requests[i], operation, sector_of(i), &segment, 1))) {
            return false;
        }
    }
    return step("kick", vpt_requests_kick(&host.requests)) && take_all();
}

/* ---- All of it ---- */

static bool check_together(void)
{
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (!read_fresh(sector_of(i), EACH) || !pattern_check(buffer, seed, sector_of(i), EACH)) {
            return false;
        }
    }
    pattern_poison(buffer, SECTORS);
    if (!together(VPT_SCSI_READ)) {
        return false;
    }
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (!pattern_check(&buffer[(size_t)i * EACH * VPT_SCSI_SECTOR_SIZE], seed, sector_of(i), EACH)) {
            return false;
        }
    }
    return true;
}

static bool work(void)
{
    const uint64_t end = disk.capacity - 1u;

    if (end < sector_of(REQUESTS)) {
        print("FAILED: the SCSI disk is too small\n");
        return false;
    }
    if (!read_fresh(0, 1)) {
        return false;
    }
    seed = pattern_first_word(buffer);
    return read_other(sector_of(0) - 1u, 1) && read_other(FIRST + SECTORS, SECTORS) && write_sectors(FIRST, SECTORS) &&
           write_sectors(end, 1) && together(VPT_SCSI_WRITE) && step("flush", vpt_scsi_disk_flush(&disk)) &&
           read_fresh(FIRST, SECTORS) && pattern_check(buffer, seed, FIRST, SECTORS) && read_fresh(end, 1) &&
           pattern_check(buffer, seed, end, 1) && check_together() &&
           step_expect("read across the end", VPT_CALLER_RANGE,
                       vpt_scsi_disk_read(&disk, end, buffer, (size_t)2u * VPT_SCSI_SECTOR_SIZE));
}

bool scsi_use(const struct vpt_port *port, const struct device_place *place)
{
    struct device device;

    if (!step("open the SCSI host", device_open(&device, port, place)) ||
        !step("bring the SCSI host up", vpt_scsi_open(&host, device.virtio)) || !find_disk() || !work() ||
        !step("reset the SCSI host", vpt_device_reset(device.virtio)) ||
        !step("take its requests back", vpt_scsi_drain(&host)) ||
        !step("release the SCSI host", vpt_driver_release(&host.driver))) {
        return false;
    }
    device_close(&device);
    return true;
}
