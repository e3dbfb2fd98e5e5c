/* SPDX-License-Identifier: MIT */
#include "mock_scsi.h"

#include "mock_backend.h"
#include "mock_internal.h"

#define F_INOUT   0u
#define F_HOTPLUG 1u
#define F_CHANGE  2u
#define F_T10_PI  3u

/* Queues. */
#define CONTROL  0u
#define EVENTS   1u
#define REQUESTS 2u

#define HEADER     51u
#define CDB        19u /* where it is */
#define REPLY      108u
#define CONTROLS   24u
#define EVENT_SIZE 16u

#define EVENT_MISSED 0x80000000u

/* Responses. */
#define OK            0u
#define ABORTED       2u
#define BAD_TARGET    3u
#define FAILURE       9u
#define INCORRECT_LUN 12u

/* SCSI statuses and sense keys. */
#define GOOD            0u
#define CHECK           2u
#define BUSY            8u
#define NOT_READY       2u
#define MEDIUM_ERROR    3u
#define ILLEGAL_REQUEST 5u
#define UNIT_ATTENTION  6u
#define DATA_PROTECT    7u

/* Commands. */
#define TEST_UNIT_READY   0x00u
#define INQUIRY           0x12u
#define MODE_SENSE        0x1au
#define READ_CAPACITY     0x25u
#define READ_10           0x28u
#define WRITE_10          0x2au
#define SYNCHRONIZE_CACHE 0x35u
#define READ_16           0x88u
#define WRITE_16          0x8au
#define SERVICE_ACTION    0x9eu
#define REPORT_LUNS       0xa0u

#define ANSWER_MAX 512u

static const struct mock_config_field fields[] = {
    { "num_queues", MOCK_SCSI_NUM_QUEUES, 4, MOCK_CONFIG_ALWAYS, false },
    { "seg_max", MOCK_SCSI_SEG_MAX, 4, MOCK_CONFIG_ALWAYS, false },
    { "max_sectors", MOCK_SCSI_MAX_SECTORS, 4, MOCK_CONFIG_ALWAYS, false },
    { "cmd_per_lun", MOCK_SCSI_CMD_PER_LUN, 4, MOCK_CONFIG_ALWAYS, false },
    { "event_info_size", MOCK_SCSI_EVENT_INFO_SIZE, 4, MOCK_CONFIG_ALWAYS, false },
    { "sense_size", MOCK_SCSI_SENSE_SIZE, 4, MOCK_CONFIG_ALWAYS, true },
    { "cdb_size", MOCK_SCSI_CDB_SIZE, 4, MOCK_CONFIG_ALWAYS, true },
    { "max_channel", MOCK_SCSI_MAX_CHANNEL, 2, MOCK_CONFIG_ALWAYS, false },
    { "max_target", MOCK_SCSI_MAX_TARGET, 2, MOCK_CONFIG_ALWAYS, false },
    { "max_lun", MOCK_SCSI_MAX_LUN, 4, MOCK_CONFIG_ALWAYS, false },
};

/* A command that is carried out, and what comes of it. */
struct command {
    struct mock_scsi *scsi;
    const struct mock_element *element;
    struct mock_scsi_unit *unit; /* NULL: absent */
    uint8_t header[HEADER];
    const uint8_t *cdb;
    uint64_t out; /* bytes of data */
    uint64_t in;
    uint64_t moved;
    uint8_t response;
    uint8_t status;
    uint8_t sense[18];
    uint32_t sense_length;
};

static uint64_t big(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void put_big(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8u * (size - 1u - i));
    }
}

struct mock_scsi_unit *mock_scsi_find(struct mock_scsi *scsi, uint8_t target, uint16_t lun)
{
    for (unsigned i = 0; i < MOCK_SCSI_UNITS; i++) {
        struct mock_scsi_unit *unit = &scsi->units[i];

        if (unit->here && unit->target == target && unit->lun == lun) {
            return unit;
        }
    }
    return NULL;
}

static bool has_target(const struct mock_scsi *scsi, uint8_t target)
{
    for (unsigned i = 0; i < MOCK_SCSI_UNITS; i++) {
        if (scsi->units[i].here && scsi->units[i].target == target) {
            return true;
        }
    }
    return false;
}

/* Whether bytes address a unit (D-SCSI-6). */
static bool addresses(const struct mock_scsi *scsi, const uint8_t *lun)
{
    return require(scsi, lun[0] == 1 && (lun[2] & 0xc0u) == 0x40u && big(lun + 4, 4) == 0,
                   "an address of no unit (D-SCSI-6)");
}

static uint16_t lun_of(const uint8_t *lun)
{
    return (uint16_t)((lun[2] & 0x3fu) << 8 | lun[3]);
}

/* ---- What units do ---- */

static void fail(struct command *command, uint8_t key, uint8_t asc)
{
    command->status = CHECK;
    memset(command->sense, 0, sizeof(command->sense));
    command->sense[0] = 0x70;
    command->sense[2] = key;
    command->sense[7] = 10;
    command->sense[12] = asc;
    command->sense_length = sizeof(command->sense);
}

/* The unit sends `size` bytes, of which `most` are wanted. */
static void send(struct command *command, const uint8_t *bytes, uint64_t size, uint64_t most)
{
    struct mock_scsi *scsi = command->scsi;

    require(scsi, command->in == most && command->out == 0, "data of another length than the command says");
    size = size < most ? size : most;
    size = size < command->in ? size : command->in;
    if (mock_fault_fires(&scsi->device->faults, MOCK_FAULT_DATA_MISSING, NULL)) {
        return;
    }
    command->moved = mock_element_write(scsi->device, command->element, REPLY, bytes, (size_t)size);
}

static void inquire(struct command *command)
{
    const struct mock_scsi_unit *unit = command->unit;
    uint8_t answer[ANSWER_MAX] = { 0 };
    size_t size = 36;

    answer[0] = unit != NULL ? unit->type : 0x7f;
    if ((command->cdb[1] & 1u) == 0) {
        answer[1] = unit != NULL && unit->type == 5 ? 0x80 : 0;
        answer[4] = 31;
        memcpy(&answer[8], "VPT     simulated disk  0001", 28);
    } else if (unit == NULL || unit->serial == NULL || command->cdb[2] != 0x80u) {
        fail(command, ILLEGAL_REQUEST, 0x24);
        return;
    } else {
        size = strlen(unit->serial);
        answer[1] = 0x80;
        put_big(&answer[2], size, 2);
        memcpy(&answer[4], unit->serial, size);
        size += 4;
    }
    send(command, answer, size, big(&command->cdb[3], 2));
}

static void report_luns(struct command *command)
{
    const struct mock_scsi_options *options = &command->scsi->options;
    uint8_t answer[ANSWER_MAX] = { 0 };
    uint32_t size = 8;

    for (unsigned i = 0; i < MOCK_SCSI_UNITS; i++) {
        const struct mock_scsi_unit *unit = &command->scsi->units[i];

        if (unit->here && unit->target == command->header[1]) {
            put_big(&answer[size], unit->lun | (unit->lun > 0xff ? 0x4000u : 0), 2);
            size += 8;
        }
    }
    put_big(&answer[size], 0xc101, 2); /* a well-known one */
    size += 8;
    put_big(answer, options->list_length != 0 ? options->list_length : size - 8u, 4);
    send(command, answer, size, big(&command->cdb[6], 4));
}

static void read_capacity(struct command *command)
{
    const struct mock_scsi_unit *unit = command->unit;
    uint64_t last = unit->blocks - 1u;
    uint8_t answer[32] = { 0 };

    if (command->cdb[0] == READ_CAPACITY) {
        put_big(answer, last < 0xffffffffu ? last : 0xffffffffu, 4);
        put_big(&answer[4], unit->block_size, 4);
        send(command, answer, 8, 8);
    } else {
        put_big(answer, last, 8);
        put_big(&answer[8], unit->block_size, 4);
        send(command, answer, 32, big(&command->cdb[10], 4));
    }
}

static void mode_sense(struct command *command)
{
    uint8_t answer[4] = { 3, 0, command->unit->read_only ? 0x80 : 0, 0 };

    send(command, answer, sizeof(answer), command->cdb[4]);
}

/* A disk of any capacity has its beginning and its end: what is between is at the place that a remainder says. */
static void transfer(struct command *command)
{
    bool longer = command->cdb[0] == READ_16 || command->cdb[0] == WRITE_16;
    bool write = (command->cdb[0] & 2u) != 0;
    uint64_t block = longer ? big(&command->cdb[2], 8) : big(&command->cdb[2], 4);
    uint64_t count = longer ? big(&command->cdb[10], 4) : big(&command->cdb[7], 2);
    struct mock_scsi_unit *unit = command->unit;
    struct mock_device *device = command->scsi->device;
    uint64_t bytes = count * unit->block_size;
    uint8_t *at = unit->bytes + block * unit->block_size % MOCK_SCSI_DISK;

    unit->last_bytes = bytes;
    if (!require(command->scsi,
                 (write ? command->out : command->in) == bytes && (write ? command->in : command->out) == 0,
                 "data of another length than the command says")) {
        return;
    }
    if (block >= unit->blocks || count > unit->blocks - block || at + bytes > unit->bytes + MOCK_SCSI_DISK) {
        fail(command, ILLEGAL_REQUEST, 0x21);
    } else if (write && unit->read_only) {
        fail(command, DATA_PROTECT, 0x27);
    } else if (write) {
        command->moved = mock_element_read(device, command->element, HEADER, at, (size_t)bytes);
    } else {
        send(command, at, bytes, bytes);
    }
}

/* What is told before any command to a unit is carried out. */
static bool interrupted(struct command *command)
{
    struct mock_scsi_unit *unit = command->unit;
    struct mock_faults *faults = &command->scsi->device->faults;
    uint8_t operation = command->cdb[0];

    if (operation == INQUIRY || operation == REPORT_LUNS) {
        return false;
    }
    if (unit == NULL) {
        fail(command, ILLEGAL_REQUEST, 0x25);
        return true;
    }
    unit->commands++;
    unit->last_operation = operation;
    if (unit->attentions != 0) {
        unit->attentions--;
        fail(command, UNIT_ATTENTION, 0x29);
    } else if (unit->busy != 0) {
        unit->busy--;
        command->status = BUSY;
    } else if (unit->unready) {
        fail(command, NOT_READY, 0x3a);
    } else if (mock_fault_fires(faults, MOCK_FAULT_IO_ERROR, NULL)) {
        fail(command, MEDIUM_ERROR, 0x11);
    } else if (mock_fault_fires(faults, MOCK_FAULT_UNSUPPORTED, NULL)) {
        fail(command, ILLEGAL_REQUEST, 0x20);
    } else {
        return false;
    }
    return true;
}

static void carry_out(struct command *command)
{
    const struct mock_scsi_unit *unit = command->unit;

    if (interrupted(command)) {
        return;
    }
    switch (command->cdb[0]) {
    case TEST_UNIT_READY: return;
    case INQUIRY: inquire(command); return;
    case REPORT_LUNS: report_luns(command); return;
    case READ_CAPACITY:
    case SERVICE_ACTION: read_capacity(command); return;
    case READ_10:
    case WRITE_10:
    case READ_16:
    case WRITE_16: transfer(command); return;
    case MODE_SENSE:
        if (!unit->simple) {
            mode_sense(command);
            return;
        }
        break;
    case SYNCHRONIZE_CACHE:
        if (!unit->simple) {
            command->unit->flushes++;
            return;
        }
        break;
    default: break;
    }
    fail(command, ILLEGAL_REQUEST, 0x20);
}

/* ---- Requests ---- */

static bool framed(const struct command *command)
{
    const struct mock_element *element = command->element;
    const struct mock_device *device = command->scsi->device;

    /* One descriptor for each header (LEG-SCSIFRAME-1). */
    require(command->scsi,
            !device->legacy || vpt_features_has(&device->accepted, VPT_F_ANY_LAYOUT) ||
                (element->readable != 0 && element->segments[0].length == HEADER && element->writable != 0 &&
                 element->segments[element->readable].length == REPLY),
            "headers that are not in one descriptor each (LEG-SCSIFRAME-1)");
    return require(command->scsi, element->readable_bytes >= HEADER && element->writable_bytes >= REPLY,
                   "no room for a request (D-SCSI-5)");
}

static void check_request(struct command *command, uint64_t id)
{
    struct mock_scsi *scsi = command->scsi;
    const struct mock_queue *queue = &scsi->device->queues[REQUESTS];
    uint32_t in_flight = (uint32_t)queue->pending_count + 1u;

    scsi->most_in_flight = in_flight > scsi->most_in_flight ? in_flight : scsi->most_in_flight;
    require(scsi, in_flight <= mock_config_get(&scsi->device->config, MOCK_SCSI_CMD_PER_LUN, 4),
            "too many commands (SCSI-CFG-2)");
    require(scsi, big(&command->header[16], 3) == 0, "task_attr, prio or crn (SCSI-REQ-1)");
    require(scsi, id != scsi->last_id, "an id that is not new");
    require(scsi, command->out == 0 || command->in == 0 || vpt_features_has(&scsi->device->accepted, F_INOUT),
            "data in both directions (D-SCSI-9)");
    require(scsi,
            command->element->readable + command->element->writable - 2u <=
                mock_config_get(&scsi->device->config, MOCK_SCSI_SEG_MAX, 4),
            "too many segments (D-SCSI-4)");
    scsi->last_id = id;
}

static bool was_aborted(struct mock_scsi *scsi, uint64_t id)
{
    for (uint32_t i = 0; i < scsi->aborted_count; i++) {
        if (scsi->aborted[i] == id) {
            scsi->aborted[i] = scsi->aborted[--scsi->aborted_count];
            return true;
        }
    }
    return false;
}

static uint32_t reply(struct command *command)
{
    const struct mock_scsi_options *options = &command->scsi->options;
    struct mock_device *device = command->scsi->device;
    uint64_t residual = command->out + command->in - command->moved;
    uint8_t bytes[REPLY] = { 0 };
    uint32_t response = command->response;

    if (!mock_backend_status(device, &response, 0x77)) {
        return 0;
    }
    mock_store(bytes, 4, command->sense_length, device->legacy);
    mock_store(bytes + 4, 4, options->residual_lies ? options->residual : residual, device->legacy);
    bytes[10] = command->status;
    bytes[11] = (uint8_t)response;
    memcpy(&bytes[12], command->sense, sizeof(command->sense));
    return (uint32_t)(mock_element_write(device, command->element, 0, bytes, sizeof(bytes)) + command->in);
}

static uint32_t request(struct mock_scsi *scsi, const struct mock_element *element)
{
    struct command command = { .scsi = scsi, .element = element };
    uint64_t id;

    if (!framed(&command) || mock_element_read(scsi->device, element, 0, command.header, HEADER) != HEADER ||
        !addresses(scsi, command.header)) {
        command.response = FAILURE;
        return element->writable_bytes >= REPLY ? reply(&command) : 0;
    }
    command.cdb = &command.header[CDB];
    command.out = element->readable_bytes - HEADER;
    command.in = element->writable_bytes - REPLY;
    command.unit = mock_scsi_find(scsi, command.header[1], lun_of(command.header));
    id = mock_load(&command.header[8], 8, scsi->device->legacy);
    check_request(&command, id);
    if (was_aborted(scsi, id)) {
        command.response = ABORTED;
    } else if (scsi->options.answers) {
        command.response = scsi->options.response;
        command.status = scsi->options.status;
        command.sense_length = scsi->options.sense_length;
        memcpy(command.sense, scsi->options.sense, sizeof(command.sense));
    } else if (!has_target(scsi, command.header[1])) {
        command.response = BAD_TARGET;
    } else {
        carry_out(&command);
    }
    return reply(&command);
}

/* ---- Task management ---- */

/* Ends pending commands of a unit: this one, or all. They come back before the reply (D-SCSI-13). */
static void end_commands(struct mock_scsi *scsi, const uint8_t *lun, bool all, uint64_t id)
{
    struct mock_queue *queue = mock_device_queue(scsi->device, REQUESTS);
    size_t last = 0;
    size_t count = 0;

    for (size_t i = 0; queue != NULL && i < queue->pending_count; i++) {
        uint8_t header[HEADER] = { 0 };
        uint64_t of;

        (void)mock_element_read(scsi->device, &queue->pending[i], 0, header, sizeof(header));
        of = mock_load(&header[8], 8, scsi->device->legacy);
        if (memcmp(header, lun, 8) == 0 && (all || of == id) && scsi->aborted_count < MOCK_SCSI_WAITING) {
            scsi->aborted[scsi->aborted_count++] = of;
            queue->pending[i].first = true;
            last = i + 1u;
            count++;
        }
    }
    count = vpt_features_has(&scsi->device->accepted, VPT_F_IN_ORDER) ? last : count;
    for (size_t i = 0; i < count; i++) {
        mock_device_complete_one(scsi->device, queue);
    }
    if (count != 0) {
        mock_device_wake(scsi->device, REQUESTS);
    }
}

static uint32_t control(struct mock_scsi *scsi, const struct mock_element *element)
{
    bool native = scsi->device->legacy;
    uint8_t bytes[CONTROLS] = { 0 };
    uint8_t response = OK;
    uint32_t subtype;

    if (!require(scsi, element->readable_bytes == CONTROLS && element->writable_bytes == 1u,
                 "not a task management request (D-SCSI-12)") ||
        mock_element_read(scsi->device, element, 0, bytes, CONTROLS) != CONTROLS || !addresses(scsi, &bytes[8])) {
        return 0;
    }
    subtype = (uint32_t)mock_load(&bytes[4], 4, native);
    require(scsi, mock_load(bytes, 4, native) == 0 && (subtype == 0 || subtype == 5u), "an unknown TMF");
    if (!has_target(scsi, bytes[9])) {
        response = BAD_TARGET;
    } else if (mock_scsi_find(scsi, bytes[9], lun_of(&bytes[8])) == NULL) {
        response = INCORRECT_LUN;
    } else {
        end_commands(scsi, &bytes[8], subtype == 5u, mock_load(&bytes[16], 8, native));
        mock_scsi_find(scsi, bytes[9], lun_of(&bytes[8]))->attentions += subtype == 5u ? 1u : 0u;
    }
    response = scsi->options.control_response != 0 ? scsi->options.control_response : response;
    if (mock_fault_fires(&scsi->device->faults, MOCK_FAULT_STATUS_MISSING, NULL)) {
        return 0;
    }
    return (uint32_t)mock_element_write(scsi->device, element, 0, &response, 1);
}

/* ---- Events ---- */

static uint32_t give(struct mock_scsi *scsi, const struct mock_element *element)
{
    const struct mock_scsi_options *options = &scsi->options;
    bool native = scsi->device->legacy;
    uint8_t bytes[EVENT_SIZE] = { 0 };
    struct event event = { 0 };

    require(scsi, element->readable == 0 && element->writable_bytes >= EVENT_SIZE,
            "not a buffer for an event (SCSI-EVENT-2)");
    if (scsi->waiting_count != 0) {
        event = scsi->waiting[0];
        scsi->waiting_count--;
        memmove(&scsi->waiting[0], &scsi->waiting[1], scsi->waiting_count * sizeof(event));
        bytes[4] = 1;
        bytes[5] = event.target;
        bytes[6] = (uint8_t)((options->plain_luns ? 0 : 0x40u) | event.lun >> 8);
        bytes[7] = (uint8_t)event.lun;
    }
    if (mock_fault_fires(&scsi->device->faults, MOCK_FAULT_STATUS_MISSING, NULL)) {
        return 0;
    }
    mock_store(bytes, 4, event.type | (scsi->lost ? EVENT_MISSED : 0), native);
    mock_store(&bytes[12], 4, event.reason, native);
    scsi->lost = false;
    return (uint32_t)mock_element_write(
        scsi->device, element, 0, bytes,
        options->event_most != 0 && options->event_most < EVENT_SIZE ? options->event_most : EVENT_SIZE);
}

void mock_scsi_happens(struct mock_scsi *scsi, uint32_t type, uint8_t target, uint16_t lun, uint32_t reason)
{
    struct mock_queue *queue = mock_device_queue(scsi->device, EVENTS);

    if (queue == NULL) {
        return;
    }
    mock_device_wake(scsi->device, EVENTS);
    if (scsi->waiting_count >= queue->pending_count || scsi->waiting_count == MOCK_SCSI_WAITING) {
        scsi->lost = true;
        return;
    }
    scsi->waiting[scsi->waiting_count++] = (struct event){ type, target, lun, reason };
    mock_device_wake(scsi->device, EVENTS);
}

/* ---- The device ---- */

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    switch (queue->index) {
    case CONTROL: return control(backend, element);
    case EVENTS: return give(backend, element);
    default: return request(backend, element);
    }
}

static bool ready(void *backend, const struct mock_queue *queue)
{
    const struct mock_scsi *scsi = backend;

    return queue->index != EVENTS || scsi->waiting_count != 0 || scsi->lost;
}

static void reset(void *backend)
{
    struct mock_scsi *scsi = backend;

    scsi->waiting_count = 0;
    scsi->lost = false;
    scsi->aborted_count = 0;
    scsi->last_id = 0;
    for (unsigned i = 0; i < MOCK_SCSI_UNITS; i++) {
        scsi->units[i].attentions = scsi->units[i].power_on;
    }
    /* OUT-SCSI-4 */
    mock_config_set(&scsi->device->config, MOCK_SCSI_SENSE_SIZE, 4,
                    scsi->options.sense_size != 0 ? scsi->options.sense_size : 96);
    mock_config_set(&scsi->device->config, MOCK_SCSI_CDB_SIZE, 4,
                    scsi->options.cdb_size != 0 ? scsi->options.cdb_size : 32);
}

static uint32_t either(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_scsi *scsi = backend;
    const struct mock_scsi_options *options = &scsi->options;
    struct mock_config *config = &device->config;

    scsi->device = device;
    mock_config_init(config, MOCK_FIELDS(fields), device->legacy);
    mock_config_set(config, MOCK_SCSI_NUM_QUEUES, 4, either(options->queues, 1));
    mock_config_set(config, MOCK_SCSI_SEG_MAX, 4, either(options->seg_max, 254));
    mock_config_set(config, MOCK_SCSI_MAX_SECTORS, 4, either(options->max_sectors, 65535));
    mock_config_set(config, MOCK_SCSI_CMD_PER_LUN, 4, either(options->cmd_per_lun, 128));
    mock_config_set(config, MOCK_SCSI_EVENT_INFO_SIZE, 4, EVENT_SIZE);
    mock_config_set(config, MOCK_SCSI_MAX_TARGET, 2, either(options->max_target, 255));
    mock_config_set(config, MOCK_SCSI_MAX_LUN, 4, either(options->max_lun, 16383));
    reset(scsi);
    memset(config->changed, 0, sizeof(config->changed));
    vpt_features_add(&device->offered, F_INOUT);
    vpt_features_add(&device->offered, F_HOTPLUG);
    vpt_features_add(&device->offered, F_CHANGE);
    vpt_features_add(&device->offered, F_T10_PI);
}

const struct mock_backend mock_scsi_backend = {
    .name = "scsi",
    .type = VPT_DEVICE_TYPE_SCSI,
    .init = init,
    .queues = MOCK_SCSI_QUEUES,
    .known = { { 0xf } },
    .reset = reset,
    .handle = handle,
    .ready = ready,
    .changes = { { MOCK_SCSI_MAX_SECTORS, 4, 1000, 1, 0 } },
};
