/* SPDX-License-Identifier: MIT */
/* Commands whose data is in a caller's buffer. */
#include "scsi_internal.h"

#define LUN_SIZE 8u /* bytes of an entry, and of what is before the first one */

#define REPORT_LUNS 0xa0u

enum vpt_status vpt_scsi_transact_shared(struct vpt_scsi *scsi, struct vpt_scsi_request *request,
                                         struct vpt_shares *shares)
{
    bool writes = shares->direction == VPT_DEVICE_WRITES;
    enum vpt_status status;

    request->segments = shares->segments;
    request->readable = writes ? 0 : shares->count;
    request->writable = writes ? shares->count : 0;
    status = vpt_scsi_transact(scsi, request);
    request->segments = NULL; /* nothing points to what ends here */
    request->readable = request->writable = 0;
    if (status != VPT_DEVICE_STUCK) {
        vpt_shares_end(&scsi->requests, shares);
    }
    return status;
}

enum vpt_status vpt_scsi_execute(struct vpt_scsi *scsi, struct vpt_scsi_request *request, enum vpt_direction direction,
                                 void *buffer, size_t size)
{
    struct vpt_shares shares;
    enum vpt_status status;

    if (scsi == NULL || request == NULL || (buffer == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    shares.count = 0;
    shares.bytes = 0;
    shares.direction = direction;
    status = vpt_requests_ready(&scsi->requests);
    if (status == VPT_OK && size != 0) {
        status = vpt_shares_begin(&scsi->requests, &shares, direction, buffer, size, 1);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (shares.bytes != size) {
        vpt_shares_end(&scsi->requests, &shares);
        return VPT_CALLER_TOO_LONG;
    }
    return vpt_scsi_transact_shared(scsi, request, &shares);
}

enum vpt_status vpt_scsi_report_luns(struct vpt_scsi *scsi, uint8_t target, uint64_t *luns, uint32_t room,
                                     uint32_t *count)
{
    struct vpt_scsi_request request;
    enum vpt_status status;
    uint32_t size;
    uint32_t i;

    if (luns == NULL || count == NULL || room - 1u >= 0xffffu) {
        return VPT_CALLER_ARGUMENT;
    }
    *count = 0;
    vpt_zero(&request, sizeof(request));
    request.target = target;
    request.cdb[0] = REPORT_LUNS;
    size = (room + 1u) * LUN_SIZE;
    vpt_scsi_put(&request.cdb[6], size, 4);
    luns[0] = 0;
    status = vpt_scsi_execute(scsi, &request, VPT_DEVICE_WRITES, luns, size);
    if (status != VPT_OK) {
        return status;
    }
    size = (uint32_t)vpt_scsi_get((const uint8_t *)luns, 4) / LUN_SIZE; /* how many there are, and how many are here */
    for (i = 1; i <= size && (i + 1u) * LUN_SIZE <= request.length; i++) {
        uint64_t lun = vpt_scsi_get((const uint8_t *)&luns[i], LUN_SIZE) >> 48;

        if (lun <= 0x7fffu) { /* else it is not one of 14 bits */
            luns[*count] = lun & 0x3fffu;
            ++*count;
        }
    }
    return VPT_OK;
}
