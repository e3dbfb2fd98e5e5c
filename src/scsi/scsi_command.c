/* SPDX-License-Identifier: MIT */
/* Commands that are carried out one after another, and what units say of themselves. */
#include "scsi_internal.h"

/* Bytes of answers, and what is in the first ones of an inquiry's. */
#define INQUIRY_SIZE  36u
#define SERIAL_HEADER 4u
#define IS_ABSENT     0xe0u /* any of these bits */
#define TYPE          0x1fu
#define IS_REMOVABLE  0x80u

/* A unit tells by an error that something has happened to it, and forgets this; or it is busy for a moment. */
static bool wanted_again(const struct vpt_scsi_request *request, enum vpt_status status)
{
    return status == VPT_RESOURCE_FULL || (status == VPT_DEVICE_IO_ERROR && request->key == VPT_SCSI_UNIT_ATTENTION);
}

uint64_t vpt_scsi_get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (; size != 0; size--) {
        value = value << 8 | *at;
        at++;
    }
    return value;
}

enum vpt_status vpt_scsi_transact(struct vpt_scsi *scsi, struct vpt_scsi_request *request)
{
    struct vpt_completion completion;
    uint32_t tries = VPT_SCSI_TRIES;
    enum vpt_status status;

    do {
        status = vpt_requests_ready(&scsi->requests);
        if (status == VPT_OK) {
            status = vpt_scsi_submit(scsi, request);
        }
        if (status == VPT_OK) {
            status = vpt_requests_wait(&scsi->requests, &completion);
        }
        if (status != VPT_OK) {
            return status;
        }
        tries--;
    } while (tries != 0 && wanted_again(request, completion.status));
    return completion.status;
}

enum vpt_status vpt_scsi_ask(struct vpt_scsi *scsi, uint8_t target, uint16_t lun, uint32_t command, uint8_t *answer,
                             uint32_t size)
{
    struct vpt_scsi_request request;
    struct vpt_segment segment;
    enum vpt_status status;
    uint8_t *data;

    vpt_zero(answer, size);
    if (scsi == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_requests_ready(&scsi->requests);
    if (status != VPT_OK) {
        return status;
    }
    vpt_zero(&request, sizeof(request));
    request.target = target;
    request.lun = lun;
    request.cdb[command >> 24] = (uint8_t)size;
    request.cdb[0] = (uint8_t)command;
    request.cdb[1] = (uint8_t)(command >> 8);
    request.cdb[2] = (uint8_t)(command >> 16);
    /* The queue is idle, so that the first slot's memory is free; each try may be in another slot. */
    data = slot_shared(&scsi->requests, 0) + SLOT_DATA;
    segment.address = slot_address(&scsi->requests, 0) + SLOT_DATA;
    segment.length = size;
    if (size != 0) {
        vpt_slots_copy_in(data, answer, size);
        request.segments = &segment;
        request.writable = 1;
    }
    status = vpt_scsi_transact(scsi, &request);
    if (status == VPT_OK) {
        vpt_slots_copy_out(answer, data, size);
    }
    return status;
}

enum vpt_status vpt_scsi_test_ready(struct vpt_scsi *scsi, uint8_t target, uint16_t lun)
{
    uint8_t nothing;

    return vpt_scsi_ask(scsi, target, lun, SCSI_TEST_UNIT_READY, &nothing, 0);
}

enum vpt_status vpt_scsi_inquiry(struct vpt_scsi *scsi, uint8_t target, uint16_t lun, struct vpt_scsi_unit *unit)
{
    uint8_t answer[INQUIRY_SIZE];
    enum vpt_status status;

    if (unit == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(unit, sizeof(*unit));
    status = vpt_scsi_ask(scsi, target, lun, SCSI_INQUIRY, answer, sizeof(answer));
    if (status != VPT_OK) {
        return status;
    }
    if ((answer[0] & IS_ABSENT) != 0) {
        return VPT_EMPTY_SLOT; /* 0x7f, and success: nothing is there */
    }
    unit->type = answer[0] & TYPE;
    unit->removable = (answer[1] & IS_REMOVABLE) != 0;
    vpt_copy(unit->vendor, &answer[8], sizeof(unit->vendor) - 1u);
    vpt_copy(unit->product, &answer[16], sizeof(unit->product) - 1u);
    vpt_copy(unit->revision, &answer[32], sizeof(unit->revision) - 1u);
    return VPT_OK;
}

enum vpt_status vpt_scsi_get_serial(struct vpt_scsi *scsi, uint8_t target, uint16_t lun,
                                    char serial[VPT_SCSI_SERIAL_MAX + 1u])
{
    uint8_t answer[SERIAL_HEADER + VPT_SCSI_SERIAL_MAX];
    enum vpt_status status;
    uint32_t length;
    uint32_t i;

    if (serial == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    serial[0] = 0;
    status = vpt_scsi_ask(scsi, target, lun, SCSI_INQUIRY_SERIAL, answer, sizeof(answer));
    if (status != VPT_OK || (answer[0] & IS_ABSENT) != 0) {
        return status != VPT_OK ? status : VPT_EMPTY_SLOT;
    }
    length = (uint32_t)vpt_scsi_get(&answer[2], 2);
    for (i = 0; i < length && i < VPT_SCSI_SERIAL_MAX; i++) {
        serial[i] = (char)answer[SERIAL_HEADER + i];
    }
    serial[i] = 0;
    return i != 0 ? VPT_OK : VPT_EMPTY;
}
