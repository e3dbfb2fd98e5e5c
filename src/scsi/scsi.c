/* SPDX-License-Identifier: MIT */
/* Bring-up of a SCSI host, and its commands (VirtIO 1.4, sections 5.6.2 to 5.6.6.1). */
#include "scsi_internal.h"

/* Responses of commands (D-SCSI-7), then those of task management (D-SCSI-12). */
#define RESPONSE_OK            0u
#define RESPONSE_ABORTED       2u
#define RESPONSE_BAD_TARGET    3u
#define RESPONSE_RESET         4u
#define RESPONSE_BUSY          5u
#define RESPONSE_FAILURE       9u
#define RESPONSE_SUCCEEDED     10u
#define RESPONSE_REJECTED      11u
#define RESPONSE_INCORRECT_LUN 12u

/* SCSI statuses and additional sense codes that mean something special here. */
#define STATUS_TASK_SET_FULL 0x28u
#define STATUS_TASK_ABORTED  0x40u
#define ASC_UNKNOWN_COMMAND  0x20u
#define ASC_NO_UNIT          0x25u

/* A command as the device reads it, and the beginning of its reply, up to the first byte of the sense data. */
struct wire {
    uint8_t lun[8];
    uint64_t id;
    uint8_t attribute, priority, crn; /* SCSI-REQ-1 */
    uint8_t cdb[VPT_SCSI_CDB_SIZE];
    uint8_t reply[13];
};

/* Offsets in a reply. */
#define REPLY_SENSE_LENGTH 0u
#define REPLY_RESIDUAL     4u
#define REPLY_STATUS       10u
#define REPLY_RESPONSE     11u
#define REPLY_SENSE        12u
#define REPLY_SEEN         (REPLY_SENSE + 18u)

VPT_STATIC_ASSERT(VPT_OFFSET_OF(struct wire, reply) == SCSI_HEADER, "section 5.6.6.1");

void vpt_scsi_put_lun(uint8_t *at, uint8_t target, uint16_t lun)
{
    vpt_scsi_put(at, (uint64_t)(0x01004000u | (uint32_t)target << 16 | lun) << 32, 8);
}

void vpt_scsi_put(uint8_t *at, uint64_t value, unsigned size)
{
    while (size != 0) {
        size--;
        at[size] = (uint8_t)value;
        value >>= 8;
    }
}

/* ---- What came of a command ---- */

static uint32_t word(const struct vpt_requests *requests, const uint8_t *at)
{
    uint32_t value;

    vpt_copy(&value, at, sizeof(value));
    return vpt_order32(requests->queue.device_order, value);
}

/* Reads sense data, in the fixed or the descriptor format, of which the device has written `length` bytes. */
static void read_sense(struct vpt_scsi_request *request, const uint8_t *sense, uint32_t length)
{
    uint32_t format = sense[0] & 0x7eu;

    if (format == 0x70u && length >= 14u) {
        request->key = sense[2] & 0xfu;
        request->asc = sense[12];
        request->ascq = sense[13];
    } else if (format == 0x72u && length >= 4u) {
        request->key = sense[1] & 0xfu;
        request->asc = sense[2];
        request->ascq = sense[3];
    }
}

static enum vpt_status judge_sense(const struct vpt_scsi_request *request)
{
    if (request->key == VPT_SCSI_ILLEGAL_REQUEST && request->asc == ASC_UNKNOWN_COMMAND) {
        return VPT_UNSUPPORTED_REQUEST;
    }
    if (request->key == VPT_SCSI_ILLEGAL_REQUEST && request->asc == ASC_NO_UNIT) {
        return VPT_EMPTY_SLOT;
    }
    return VPT_DEVICE_IO_ERROR;
}

/* The response comes first, then the status, then sense (D-SCSI-7). */
static enum vpt_status judge_reply(const struct vpt_scsi_request *request)
{
    switch (request->response) {
    case RESPONSE_OK: break;
    case RESPONSE_ABORTED:
    case RESPONSE_RESET: return VPT_CANCELLED;
    case RESPONSE_BAD_TARGET: return VPT_EMPTY_SLOT;
    case RESPONSE_BUSY: return VPT_RESOURCE_FULL;
    default: return request->response <= RESPONSE_FAILURE ? VPT_DEVICE_IO_ERROR : VPT_DEVICE_REQUEST_STATUS;
    }
    switch (request->status) {
    case VPT_SCSI_GOOD: break;
    case VPT_SCSI_CHECK_CONDITION:
        if (request->key != VPT_SCSI_RECOVERED_ERROR) {
            return judge_sense(request);
        }
        break;
    case VPT_SCSI_BUSY:
    case STATUS_TASK_SET_FULL: return VPT_RESOURCE_FULL;
    case STATUS_TASK_ABORTED: return VPT_CANCELLED;
    default: return VPT_DEVICE_IO_ERROR;
    }
    return request->whole && request->length != request->asked ? VPT_DEVICE_IO_ERROR : VPT_OK;
}

/* The used length is not needed: a legacy device's is void (LEG-SCSIOP-1), and QEMU's is always the largest. */
static enum vpt_status scsi_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const uint8_t *first = slot_shared(requests, 0);
    uint32_t index = (uint32_t)((const uint8_t *)slot - first) / VPT_SCSI_SLOT_SIZE;
    struct vpt_scsi_request *request = (struct vpt_scsi_request *)requests->queue.slots[index].token;
    uint8_t reply[REPLY_SEEN];
    uint32_t residual;

    (void)length;
    vpt_slots_copy_out(reply, (const uint8_t *)slot + SCSI_HEADER, sizeof(reply));
    request->response = reply[REPLY_RESPONSE];
    if (request->response == RESPONSE_OK) {
        request->status = reply[REPLY_STATUS];
        residual = word(requests, &reply[REPLY_RESIDUAL]); /* D-SCSI-8 */
        request->length = residual <= request->asked ? request->asked - residual : 0;
        if (request->status == VPT_SCSI_CHECK_CONDITION) {
            read_sense(request, &reply[REPLY_SENSE], word(requests, &reply[REPLY_SENSE_LENGTH]));
        }
    }
    return judge_reply(request);
}

/* ---- Bring-up ---- */

/* What the configuration says (D-SCSI-2). */
struct config {
    struct vpt_scsi_info info;
    uint32_t queues;
    uint32_t sense_size;
    uint32_t cdb_size;
};

static uint32_t at_least_one(uint32_t value)
{
    return value != 0 ? value : 1u;
}

static enum vpt_status configure_scsi(struct vpt_driver *driver)
{
    static const struct vpt_config_field fields[] = {
        { 0, 4, 0, VPT_OFFSET_OF(struct config, queues) },
        { 4, 4, 0, VPT_OFFSET_OF(struct config, info.segments) },
        { 8, 4, 0, VPT_OFFSET_OF(struct config, info.sectors) },
        { 12, 4, 0, VPT_OFFSET_OF(struct config, info.cmd_per_lun) },
        { 20, 4, 0, VPT_OFFSET_OF(struct config, sense_size) },
        { 24, 4, 0, VPT_OFFSET_OF(struct config, cdb_size) },
        { 30, 2, 0, VPT_OFFSET_OF(struct config, info.max_target) },
        { 32, 4, 0, VPT_OFFSET_OF(struct config, info.max_lun) },
    };
    struct config config;
    enum vpt_status status;

    vpt_zero(&config, sizeof(config));
    status = vpt_device_config_fields(driver->device, fields, sizeof(fields) / sizeof(fields[0]), &config);
    if (status != VPT_OK) {
        return status;
    }
    /* The sizes may be changed, but a reset has undone that (OUT-SCSI-4). */
    if (config.queues == 0 || config.sense_size != SCSI_SENSE || config.cdb_size != VPT_SCSI_CDB_SIZE) {
        return VPT_DEVICE_CONFIG;
    }
    config.info.segments = at_least_one(config.info.segments);
    config.info.sectors = at_least_one(config.info.sectors);
    config.info.cmd_per_lun = at_least_one(config.info.cmd_per_lun);
    VPT_CONTAINER_OF(driver, struct vpt_scsi, driver)->info = config.info;
    return VPT_OK;
}

enum vpt_status vpt_scsi_init(struct vpt_scsi *scsi, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_SCSI,
                                                 .wanted = { { 1u << VPT_SCSI_F_HOTPLUG | 1u << VPT_SCSI_F_CHANGE } },
                                                 .configure = configure_scsi };
    enum vpt_status status;

    if (scsi == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(scsi, sizeof(*scsi));
    status = vpt_driver_init(&scsi->driver, device, &kind, choice);
    if (status != VPT_OK) {
        vpt_zero(&scsi->info, sizeof(scsi->info));
    }
    return status;
}

static void fit_scsi(struct vpt_requests *requests)
{
    uint32_t most = VPT_CONTAINER_OF(requests->driver, struct vpt_scsi, driver)->info.segments;

    if (requests->segments > most) {
        requests->segments = most; /* D-SCSI-4 */
    }
}

/* What came of task management (D-SCSI-12). */
static enum vpt_status management_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    switch (vpt_load8((const uint8_t *)slot + SCSI_CONTROL_HEADER)) {
    case RESPONSE_OK:
    case RESPONSE_SUCCEEDED: return VPT_OK;
    case RESPONSE_BAD_TARGET:
    case RESPONSE_INCORRECT_LUN: return VPT_EMPTY_SLOT;
    case RESPONSE_BUSY: return VPT_RESOURCE_FULL;
    case RESPONSE_FAILURE:
    case RESPONSE_REJECTED: return VPT_DEVICE_IO_ERROR;
    default: return VPT_DEVICE_REQUEST_STATUS;
    }
}

enum vpt_status vpt_scsi_queue_init(struct vpt_scsi *scsi, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kinds[] = {
        { .header = SCSI_CONTROL_HEADER, .reply = 1, .requests = 1, .segments = 1, .result = management_result },
        { .reply = SCSI_EVENT, .requests = 16, .started = vpt_receive_start }, /* SCSI-EVENT-2, D-SCSI-15 */
        { .header = SCSI_HEADER,
          .reply = SCSI_REPLY,
          .reply_first = true,
          .requests = 32,
          .segments = 16,
          .result = scsi_result,
          .fit = fit_scsi },
    };

    if (scsi == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 2u) {
        return VPT_UNSUPPORTED_QUEUE; /* OUT-SCSI-3 */
    }
    return vpt_requests_init(index == 0    ? &scsi->control
                             : index == 1u ? &scsi->events
                                           : &scsi->requests,
                             &scsi->driver, index, &kinds[index], index == 2u ? VPT_SCSI_SLOT_SIZE : 0, config);
}

enum vpt_status vpt_scsi_open(struct vpt_scsi *scsi, struct vpt_device *device)
{
    enum vpt_status status = vpt_scsi_init(scsi, device, NULL);
    uint16_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < 3u && status == VPT_OK; i++) {
        status = vpt_scsi_queue_init(scsi, i, NULL);
    }
    status = vpt_driver_open(&scsi->driver, status);
    if (status != VPT_OK && scsi->driver.device == NULL) {
        vpt_zero(scsi, sizeof(*scsi));
    }
    return status;
}

enum vpt_status vpt_scsi_drain(struct vpt_scsi *scsi)
{
    return scsi != NULL ? vpt_driver_drain(&scsi->driver) : VPT_CALLER_ARGUMENT;
}

/* ---- Commands ---- */

static enum vpt_status check(const struct vpt_scsi *scsi, const struct vpt_scsi_request *request)
{
    if (request->segments == NULL && (request->readable | request->writable) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (request->readable != 0 && request->writable != 0) {
        return VPT_UNSUPPORTED_REQUEST; /* INOUT is not accepted (D-SCSI-9) */
    }
    return request->target <= scsi->info.max_target && request->lun <= scsi->info.max_lun &&
                   request->lun <= SCSI_LUN_MAX
               ? VPT_OK
               : VPT_CALLER_RANGE;
}

/* Makes the request as it is before its answer, and writes it to a slot. */
static void write_request(struct vpt_scsi *scsi, struct vpt_scsi_request *request, uint8_t *slot)
{
    uint32_t count = (uint32_t)request->readable + request->writable;
    struct wire wire;
    uint32_t i;

    scsi->ids++;
    request->id = scsi->ids;
    request->asked = 0;
    for (i = 0; i < count; i++) {
        request->asked += request->segments[i].length;
    }
    request->length = 0;
    request->response = SCSI_NO_RESPONSE;
    request->status = request->key = request->asc = request->ascq = 0;
    vpt_zero(&wire, sizeof(wire));
    vpt_scsi_put_lun(wire.lun, request->target, request->lun);
    wire.id = vpt_order64(scsi->requests.queue.device_order, request->id);
    vpt_copy(wire.cdb, request->cdb, sizeof(wire.cdb));
    wire.reply[REPLY_RESPONSE] = SCSI_NO_RESPONSE;
    (void)vpt_slots_copy_in(slot, &wire, sizeof(wire));
}

enum vpt_status vpt_scsi_submit(struct vpt_scsi *scsi, struct vpt_scsi_request *request)
{
    struct vpt_requests *requests;
    enum vpt_status status;
    uint8_t *slot;

    if (scsi == NULL || request == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    requests = &scsi->requests;
    slot = (uint8_t *)vpt_requests_next(requests);
    if (slot == NULL) {
        return vpt_slots_refuse(requests, 0);
    }
    if (requests->queue.slot_count - requests->queue.free_count >= scsi->info.cmd_per_lun) {
        return VPT_RESOURCE_FULL; /* SCSI-CFG-2 */
    }
    status = check(scsi, request);
    if (status != VPT_OK) {
        return status;
    }
    write_request(scsi, request, slot);
    return vpt_requests_submit(requests, request->segments, request->readable, request->writable, request);
}
