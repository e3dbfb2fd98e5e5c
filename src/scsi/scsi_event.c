/* SPDX-License-Identifier: MIT */
/* Events (VirtIO 1.4, section 5.6.6.3). */
#include "scsi_internal.h"

#include "../transport/transport_ops.h"

#define EVENTS_MISSED 0x80000000u

struct wire {
    uint32_t event;
    uint8_t lun[8];
    uint32_t reason;
};

VPT_STATIC_ASSERT(sizeof(struct wire) == SCSI_EVENT, "section 5.6.6.3");

static void decode_event(const struct wire *wire, bool order, struct vpt_scsi_event *event)
{
    uint32_t type = vpt_order32(order, wire->event);

    event->type = type & ~EVENTS_MISSED;
    event->reason = vpt_order32(order, wire->reason);
    event->target = wire->lun[1];
    event->lun = (uint16_t)((wire->lun[2] & 0x3fu) << 8 | wire->lun[3]);
    event->lost = (type & EVENTS_MISSED) != 0 || wire->lun[0] != 1; /* one about no unit may have been about any */
}

enum vpt_status vpt_scsi_poll_event(struct vpt_scsi *scsi, struct vpt_scsi_event *event)
{
    struct vpt_completion completion;
    struct vpt_requests *requests;
    enum vpt_status status;
    struct wire wire;

    if (scsi == NULL || event == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    requests = &scsi->events;
    status = vpt_requests_poll(requests, &completion);
    if (status == VPT_OK) {
        status = completion.status;
    }
    if (status != VPT_OK) {
        return status;
    }
    vpt_slots_copy_out((uint8_t *)&wire, (const uint8_t *)completion.token, sizeof(wire));
    decode_event(&wire, requests->queue.device_order, event);
    if (completion.length < sizeof(wire) && !vpt_legacy(scsi->driver.device)) { /* LEG-SCSIOP-1 */
        event->type = VPT_SCSI_EVENT_NONE;
        event->lost = true;
    }
    /* Nothing old is left for a device that writes nothing. */
    vpt_store32(completion.token, 0);
    vpt_store32((uint8_t *)completion.token + 4, 0);
    if (vpt_requests_submit(requests, NULL, 0, 0, vpt_requests_next(requests)) == VPT_OK) { /* SCSI-EVENT-1 */
        (void)vpt_requests_kick(requests);
    }
    return VPT_OK;
}
