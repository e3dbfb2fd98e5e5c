/* SPDX-License-Identifier: MIT */
/* Task management: ending commands by the control queue (VirtIO 1.4, section 5.6.6.2). */
#include "scsi_internal.h"

#define ABORT_TASK 0u
#define RESET_UNIT 5u

/* As the device reads it (D-SCSI-12), and its reply. */
struct wire {
    uint32_t type; /* 0: task management */
    uint32_t subtype;
    uint8_t lun[8];
    uint64_t id;
    uint8_t response;
    uint8_t padding[7];
};

VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct wire, response) == SCSI_CONTROL_HEADER, "section 5.6.6.2");

static void take_response(void *ctx, const struct vpt_completion *completion)
{
    *(enum vpt_status *)ctx = completion->status;
}

static enum vpt_status manage(struct vpt_scsi *scsi, uint32_t subtype, uint8_t target, uint16_t lun, uint32_t id)
{
    enum vpt_status answer = VPT_OK;
    struct vpt_requests *requests;
    enum vpt_status status;
    struct wire wire;

    if (scsi == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (lun > SCSI_LUN_MAX) {
        return VPT_EMPTY_SLOT;
    }
    requests = &scsi->control;
    vpt_slots_take_back(requests); /* the answer to one that was given up is for nobody */
    status = vpt_requests_ready(requests);
    if (status != VPT_OK) {
        return status;
    }
    vpt_zero(&wire, sizeof(wire));
    wire.subtype = vpt_order32(requests->queue.device_order, subtype);
    vpt_scsi_put_lun(wire.lun, target, lun);
    wire.id = vpt_order64(requests->queue.device_order, id);
    wire.response = SCSI_NO_RESPONSE;
    (void)vpt_slots_copy_in(slot_shared(requests, requests->queue.free_head), &wire, sizeof(wire)); /* one is free */
    status = vpt_requests_submit(requests, NULL, 0, 0, NULL);
    if (status == VPT_OK) {
        status = vpt_requests_quiesce(requests, take_response, &answer);
    }
    return status == VPT_OK ? answer : status;
}

enum vpt_status vpt_scsi_abort(struct vpt_scsi *scsi, const struct vpt_scsi_request *request)
{
    return request != NULL ? manage(scsi, ABORT_TASK, request->target, request->lun, request->id) : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_scsi_reset_unit(struct vpt_scsi *scsi, uint8_t target, uint16_t lun)
{
    return manage(scsi, RESET_UNIT, target, lun, 0);
}
