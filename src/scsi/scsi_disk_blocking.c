/* SPDX-License-Identifier: MIT */
/* Blocking helpers for disks: they share the caller's buffer, cut it into commands, and wait for these. */
#include "scsi_internal.h"

/* Returns the most bytes of a command: what the device suggests, in whole blocks, or one. */
static size_t most_bytes(const struct vpt_scsi_disk *disk)
{
    uint32_t sectors = disk->scsi->info.sectors;
    size_t most = sectors < VPT_REQUEST_BYTES_MAX / VPT_SCSI_SECTOR_SIZE ? sectors * (size_t)VPT_SCSI_SECTOR_SIZE
                                                                         : VPT_REQUEST_BYTES_MAX;

    most &= ~(size_t)(disk->block_size - 1u);
    return most != 0 ? most : disk->block_size;
}

static enum vpt_status transfer(struct vpt_scsi_disk *disk, enum vpt_scsi_operation operation, uint64_t sector,
                                uint8_t *buffer, size_t size)
{
    enum vpt_direction direction = operation == VPT_SCSI_WRITE ? VPT_DEVICE_READS : VPT_DEVICE_WRITES;
    size_t most = most_bytes(disk);
    enum vpt_status status = VPT_OK;
    struct vpt_scsi_request request;
    struct vpt_shares shares;

    while (size != 0 && status == VPT_OK) {
        status = vpt_shares_begin(&disk->scsi->requests, &shares, direction, buffer, size < most ? size : most,
                                  disk->block_size);
        if (status == VPT_OK) {
            size_t bytes = shares.bytes;

            vpt_scsi_disk_command(disk, &request, operation, sector, (uint32_t)bytes);
            status = vpt_scsi_transact_shared(disk->scsi, &request, &shares);
            buffer += bytes;
            sector += bytes / VPT_SCSI_SECTOR_SIZE;
            size -= bytes;
        }
    }
    return status;
}

static enum vpt_status disk_transfer(struct vpt_scsi_disk *disk, enum vpt_scsi_operation operation, uint64_t sector,
                                     void *buffer, size_t size)
{
    enum vpt_status status;

    if (disk == NULL || disk->scsi == NULL || (buffer == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_requests_ready(&disk->scsi->requests);
    if (status == VPT_OK) {
        status = vpt_scsi_disk_check(disk, operation, sector, size);
    }
    return status == VPT_OK ? transfer(disk, operation, sector, (uint8_t *)buffer, size) : status;
}

enum vpt_status vpt_scsi_disk_read(struct vpt_scsi_disk *disk, uint64_t sector, void *buffer, size_t size)
{
    return disk_transfer(disk, VPT_SCSI_READ, sector, buffer, size);
}

enum vpt_status vpt_scsi_disk_write(struct vpt_scsi_disk *disk, uint64_t sector, const void *buffer, size_t size)
{
    return disk_transfer(disk, VPT_SCSI_WRITE, sector, vpt_unconst(buffer), size);
}

enum vpt_status vpt_scsi_disk_flush(struct vpt_scsi_disk *disk)
{
    uint8_t nothing;

    return disk != NULL && disk->scsi != NULL
               ? vpt_scsi_ask(disk->scsi, disk->target, disk->lun, SCSI_SYNCHRONIZE_CACHE, &nothing, 0)
               : VPT_CALLER_ARGUMENT;
}
