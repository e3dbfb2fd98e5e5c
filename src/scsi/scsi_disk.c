/* SPDX-License-Identifier: MIT */
/* Disks: what they are like, and their requests. */
#include "scsi_internal.h"

#define READ_10       0x28u
#define WRITE_10      0x2au
#define TO_16         0x60u /* what is added to these two for the commands of 16 bytes */
#define WRITE_PROTECT 0x80u /* in the third byte of what MODE SENSE returns */

/* Reads the number of the last block, and the size of a block. */
static enum vpt_status read_capacity(const struct vpt_scsi_disk *disk, uint64_t *last, uint32_t *block_size)
{
    uint8_t answer[12];
    enum vpt_status status = vpt_scsi_ask(disk->scsi, disk->target, disk->lun, SCSI_READ_CAPACITY, answer, 8);
    uint32_t size_at = 4;

    *last = vpt_scsi_get(answer, 4);
    if (status == VPT_OK && *last == 0xffffffffu) {
        status = vpt_scsi_ask(disk->scsi, disk->target, disk->lun, SCSI_READ_CAPACITY_16, answer, sizeof(answer));
        *last = vpt_scsi_get(answer, 8);
        size_at = 8;
    }
    *block_size = (uint32_t)vpt_scsi_get(&answer[size_at], 4);
    return status;
}

enum vpt_status vpt_scsi_disk_refresh(struct vpt_scsi_disk *disk)
{
    enum vpt_status status;
    uint32_t block_size;
    uint32_t shift = 0;
    uint64_t last;

    if (disk == NULL || disk->scsi == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = read_capacity(disk, &last, &block_size);
    if (status != VPT_OK) {
        return status;
    }
    while (VPT_SCSI_SECTOR_SIZE << shift < block_size && VPT_SCSI_SECTOR_SIZE << shift < VPT_REQUEST_BYTES_MAX) {
        shift++;
    }
    if (block_size != VPT_SCSI_SECTOR_SIZE << shift || last >= 0xffffffffffffffffu >> shift) {
        return VPT_DEVICE_CONFIG;
    }
    disk->capacity = (last + 1u) << shift;
    disk->block_size = block_size;
    disk->shift = (uint8_t)shift;
    return VPT_OK;
}

/* Finds out whether a disk may be written to. One that does not know the command may be, as far as it says. */
static enum vpt_status read_mode(struct vpt_scsi_disk *disk)
{
    uint8_t answer[4];
    enum vpt_status status = vpt_scsi_ask(disk->scsi, disk->target, disk->lun, SCSI_MODE_SENSE, answer, 4);

    disk->read_only |= status == VPT_OK && (answer[2] & WRITE_PROTECT) != 0;
    return status == VPT_DEVICE_IO_ERROR || status == VPT_UNSUPPORTED_REQUEST ? VPT_OK : status;
}

enum vpt_status vpt_scsi_disk_open(struct vpt_scsi_disk *disk, struct vpt_scsi *scsi, uint8_t target, uint16_t lun)
{
    struct vpt_scsi_unit unit;
    enum vpt_status status;

    if (disk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(disk, sizeof(*disk));
    disk->scsi = scsi;
    disk->target = target;
    disk->lun = lun;
    status = vpt_scsi_inquiry(scsi, target, lun, &unit);
    if (status == VPT_OK && unit.type != VPT_SCSI_TYPE_DISK && unit.type != VPT_SCSI_TYPE_CD) {
        status = VPT_UNSUPPORTED_DEVICE;
    }
    if (status == VPT_OK) {
        disk->read_only = unit.type == VPT_SCSI_TYPE_CD;
        status = vpt_scsi_disk_refresh(disk);
    }
    if (status == VPT_OK) {
        status = read_mode(disk);
    }
    if (status != VPT_OK) {
        vpt_zero(disk, sizeof(*disk));
    }
    return status;
}

enum vpt_status vpt_scsi_disk_check(const struct vpt_scsi_disk *disk, enum vpt_scsi_operation operation,
                                    uint64_t sector, uint64_t bytes)
{
    if (operation == VPT_SCSI_WRITE && disk->read_only) {
        return VPT_CALLER_READ_ONLY;
    }
    if (((bytes | sector * VPT_SCSI_SECTOR_SIZE) & (disk->block_size - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return sector <= disk->capacity && bytes / VPT_SCSI_SECTOR_SIZE <= disk->capacity - sector ? VPT_OK
                                                                                               : VPT_CALLER_RANGE;
}

void vpt_scsi_disk_command(const struct vpt_scsi_disk *disk, struct vpt_scsi_request *request,
                           enum vpt_scsi_operation operation, uint64_t sector, uint32_t bytes)
{
    uint64_t block = sector >> disk->shift;
    uint32_t count = bytes / VPT_SCSI_SECTOR_SIZE >> disk->shift;
    uint8_t *cdb = request->cdb;

    vpt_zero(cdb, sizeof(request->cdb));
    request->target = disk->target;
    request->lun = disk->lun;
    request->whole = true;
    if (operation == VPT_SCSI_FLUSH) {
        cdb[0] = (uint8_t)SCSI_SYNCHRONIZE_CACHE; /* a range of nothing is all */
        return;
    }
    cdb[0] = operation == VPT_SCSI_WRITE ? WRITE_10 : READ_10;
    if (block + count > 0xffffffffu || count > 0xffffu) {
        cdb[0] += TO_16;
        vpt_scsi_put(&cdb[2], block, 8);
        vpt_scsi_put(&cdb[10], count, 4);
    } else {
        vpt_scsi_put(&cdb[2], block, 4);
        vpt_scsi_put(&cdb[7], count, 2);
    }
}

enum vpt_status vpt_scsi_disk_submit(struct vpt_scsi_disk *disk, struct vpt_scsi_request *request,
                                     enum vpt_scsi_operation operation, uint64_t sector,
                                     const struct vpt_segment *segments, uint16_t count)
{
    enum vpt_status status;
    uint64_t bytes = 0;
    uint32_t i;

    if (disk == NULL || disk->scsi == NULL || request == NULL || (segments == NULL && count != 0) ||
        operation > VPT_SCSI_FLUSH || (operation == VPT_SCSI_FLUSH) == (count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    for (i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    status = vpt_scsi_disk_check(disk, operation, sector, bytes);
    if (status != VPT_OK) {
        return status;
    }
    vpt_scsi_disk_command(disk, request, operation, sector, (uint32_t)bytes);
    request->segments = segments;
    request->readable = operation == VPT_SCSI_WRITE ? count : 0;
    request->writable = operation == VPT_SCSI_READ ? count : 0;
    return vpt_scsi_submit(disk->scsi, request);
}
