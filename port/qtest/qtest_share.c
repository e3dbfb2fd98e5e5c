/* SPDX-License-Identifier: MIT */
/*
 * share() and unshare() by bounce buffers, because the process's memory is not the guest's. share() copies into RAM
 * what the device reads, unshare() copies out what it writes; nothing else is copied. So a driver that forgets a share
 * or an unshare, or mistakes the direction, gets wrong data.
 */
#include "qtest_internal.h"
#include "qtest_iommu.h"

#include <string.h>

#define UNWRITTEN 0xa5u /* pattern in buffers for the device to write */

enum vpt_status vpt_qtest_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                bool access_platform, struct vpt_shared *shared)
{
    struct vpt_qtest *qtest = ctx;
    size_t most = qtest->options.share_most;
    struct record *record;
    enum vpt_status status;

    if (buffer == NULL || size == 0 || (direction != VPT_DEVICE_READS && direction != VPT_DEVICE_WRITES)) {
        vpt_qtest_misuse(qtest, "a share of %zu bytes in direction %d", size, (int)direction);
        return VPT_CALLER_ARGUMENT;
    }
    record = vpt_qtest_record_add(qtest, RECORD_SHARE);
    if (record == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    record->size = most != 0 && most < size ? most : size;
    record->buffer = buffer;
    record->direction = direction;
    record->access_platform = access_platform;
    status = vpt_qtest_pages_take(qtest, record, UINT64_MAX, vpt_qtest_iommu_on(qtest) && access_platform,
                                  direction == VPT_DEVICE_WRITES);
    if (status != VPT_OK) {
        vpt_qtest_record_remove(qtest, record);
        return status;
    }
    if (direction == VPT_DEVICE_READS) {
        memcpy(record->address, buffer, record->size);
    } else {
        memset(record->address, UNWRITTEN, record->size);
    }
    *shared = (struct vpt_shared){ record->device_address, record->size };
    return VPT_OK;
}

void vpt_qtest_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                       bool access_platform)
{
    struct vpt_qtest *qtest = ctx;
    struct record *record = NULL;

    if (shared->device_address != 0) {
        record = vpt_qtest_record_find(qtest, RECORD_SHARE, NULL, shared->device_address);
    }
    if (record == NULL || record->buffer != buffer || record->size != shared->size || record->direction != direction ||
        record->access_platform != access_platform) {
        vpt_qtest_misuse(qtest, "%zu bytes are unshared that were not shared so", shared->size);
        return;
    }
    if (direction == VPT_DEVICE_WRITES) {
        memcpy(buffer, record->address, record->size);
    }
    vpt_qtest_pages_release(qtest, record);
    vpt_qtest_record_remove(qtest, record);
}
