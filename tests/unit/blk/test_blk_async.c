/* SPDX-License-Identifier: MIT */
/* Asynchronous requests: submit and what it refuses, kick, poll, and a long run against a model of the disk. */
#include "disk.h"

#include <string.h>

#include "mock_order.h"

TestSuite(blk_async, .timeout = 120);

static const struct mock_machine_options flushable = {
    .blk = { .flush = true, .seg_max = 16, .id = "the disk of the test" }
};

/* ---- Each operation ---- */

static void check_last(const struct variant *variant, uint32_t type, uint64_t sector, uint64_t bytes, uint32_t segments)
{
    const struct mock_blk_record *record = mock_blk_last(machine.blk);

    assert_same(record->type, type);
    assert_same(record->sector, sector);
    assert_same(record->bytes, bytes);
    assert_same(record->segments, segments);
    assert_same(record->status, 0);
    assert_same(record->indirect, variant->indirect);
}

/* The segments are 1024 bytes apart: each holds its part of the sectors or the id, and nothing is changed behind it. */
static void check_data(enum vpt_blk_operation operation, uint64_t sector, uint32_t length, uint16_t count)
{
    const void *whole = operation == VPT_BLK_GET_ID ? (const void *)flushable.blk.id : disk_content(sector);

    for (uint16_t i = 0; i < count; i++) {
        cr_assert(memcmp(machine_bytes(1024u * i), (const uint8_t *)whole + length * i, length) == 0);
        cr_assert(all_bytes(machine_bytes(1024u * i + length), 1024u - length, 0xee));
    }
}

/* The machine looks at the frame of each, ANY_LAYOUT or not. The slot of a request that is done is used again. */
VARIANT_TEST(blk_async, LEG_BLKFRAME_1_LEG_BLKOP_1_BLK_OP_4_BLK_OP_5_BLK_OP_8_the_device_sees_each_operation_as_it_is)
{
    static const struct {
        enum vpt_blk_operation operation;
        uint32_t type;
        uint64_t sector;
        uint32_t length; /* of each segment */
        uint16_t count;
    } rows[] = {
        { VPT_BLK_READ, 0, 1000, SECTOR, 1 }, { VPT_BLK_WRITE, 1, 77, SECTOR, 3 },
        { VPT_BLK_FLUSH, 4, 0, 0, 0 },        { VPT_BLK_GET_ID, 8, 0, 20, 1 },
        { VPT_BLK_GET_ID, 8, 0, 10, 2 },      { VPT_BLK_READ, 0, 2047, SECTOR / 2, 2 },
    };
    const struct vpt_requests_config config = { .requests = 1, .segments = 3 };
    struct mock_machine_options options = flushable;

    vpt_features_add(&options.withhold, VPT_F_ANY_LAYOUT);
    disk_machine(variant, &options);
    mock_blk_resize(machine.blk, UINT64_MAX);
    assert_status(disk_bring_up(&config), VPT_OK);
    fill(disk_content(1000), SECTOR, 1);
    fill(disk_content(2047), SECTOR, 2);
    for (unsigned i = 0; i < 2 * COUNT_OF(rows); i++) {
        unsigned row = i % COUNT_OF(rows);
        struct vpt_segment segments[3];

        for (unsigned k = 0; k < COUNT_OF(segments); k++) {
            segments[k] = machine_segment(1024u * k, rows[row].length);
            memset(machine_bytes(1024u * k), 0xee, 1024);
            fill(machine_bytes(1024u * k), rows[row].length, i + k);
        }
        assert_status(disk_complete(rows[row].operation, rows[row].sector, segments, rows[row].count), VPT_OK);
        check_last(variant, rows[row].type, rows[row].sector, rows[row].length * rows[row].count, rows[row].count);
        check_data(rows[row].operation, rows[row].sector, rows[row].length, rows[row].count);
        assert_same(machine.blk->unflushed, rows[row].operation == VPT_BLK_WRITE);
    }
    assert_status(disk_complete_one(VPT_BLK_READ, UINT64_C(0x0102030405060708), 0, SECTOR), VPT_DEVICE_IO_ERROR);
    assert_same(mock_blk_last(machine.blk)->sector, UINT64_C(0x0102030405060708));
    disk_end();
}

/* ---- What submit refuses ---- */

static const struct mock_machine_options plain = { .blk = { .seg_max = 16 } };
static const struct mock_machine_options read_only = { .blk = { .flush = true, .seg_max = 16, .read_only = true } };

static const struct {
    const char *what;
    const struct mock_machine_options *machine;
    unsigned operation;
    uint64_t sector;
    uint16_t count;
    uint32_t lengths[3];
    enum vpt_status status;
} refusals[] = {
    { "a byte", &flushable, VPT_BLK_READ, 0, 1, { 1 }, VPT_CALLER_ALIGNMENT },
    { "less than a sector", &flushable, VPT_BLK_WRITE, 0, 1, { 511 }, VPT_CALLER_ALIGNMENT },
    { "more than a sector", &flushable, VPT_BLK_READ, 0, 1, { 513 }, VPT_CALLER_ALIGNMENT },
    { "less than two sectors", &flushable, VPT_BLK_READ, 0, 2, { 512, 511 }, VPT_CALLER_ALIGNMENT },
    { "an id of 19 bytes", &flushable, VPT_BLK_GET_ID, 0, 1, { 19 }, VPT_CALLER_ALIGNMENT },
    { "an id of 21 bytes", &flushable, VPT_BLK_GET_ID, 0, 2, { 20, 1 }, VPT_CALLER_ALIGNMENT },
    { "an id at a sector", &flushable, VPT_BLK_GET_ID, 1, 1, { 20 }, VPT_CALLER_ARGUMENT },
    { "an id without data", &flushable, VPT_BLK_GET_ID, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "a read without data", &flushable, VPT_BLK_READ, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "a write without data", &flushable, VPT_BLK_WRITE, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "an empty segment", &flushable, VPT_BLK_READ, 0, 1, { 0 }, VPT_CALLER_ARGUMENT },
    { "an empty segment first", &flushable, VPT_BLK_WRITE, 0, 3, { 0, SECTOR, SECTOR }, VPT_CALLER_ARGUMENT },
    { "an empty segment last", &flushable, VPT_BLK_READ, 0, 3, { SECTOR, SECTOR, 0 }, VPT_CALLER_ARGUMENT },
    { "a flush with data", &flushable, VPT_BLK_FLUSH, 0, 1, { SECTOR }, VPT_CALLER_ARGUMENT },
    { "a flush at a sector", &flushable, VPT_BLK_FLUSH, 1, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "a flush at 2^32", &flushable, VPT_BLK_FLUSH, UINT64_C(1) << 32, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "a flush without FLUSH", &plain, VPT_BLK_FLUSH, 0, 0, { 0 }, VPT_UNSUPPORTED_REQUEST },
    { "a write to a read-only disk", &read_only, VPT_BLK_WRITE, 0, 1, { SECTOR }, VPT_CALLER_READ_ONLY },
    { "operation 2", &flushable, 2, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
    { "operation 24", &flushable, 24, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
    { "any operation", &flushable, 0x7fffffff, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
};

/* As many requests as before go through afterwards, and none of those refused. */
VARIANT_TEST(blk_async, BLK_OP_5_BLK_OP_6_BLK_OP_8_BLK_INIT_2_what_is_refused_changes_nothing)
{
    for (unsigned i = 0; i < COUNT_OF(refusals); i++) {
        struct vpt_segment segments[3];
        unsigned room;

        disk_start(variant, refusals[i].machine, NULL);
        room = variant->indirect ? 64 : 256 / (disk.queue->requests.segments + 2);
        for (unsigned k = 0; k < 3; k++) {
            segments[k] = machine_segment(k * 1024, refusals[i].lengths[k]);
        }
        assert_status_of(refusals[i].what,
                         disk_submit((enum vpt_blk_operation)refusals[i].operation, refusals[i].sector, segments,
                                     refusals[i].count, NULL),
                         refusals[i].status);
        assert_status(disk_submit(VPT_BLK_WRITE, 0, NULL, 1, NULL), VPT_CALLER_ARGUMENT);
        assert_same_of(refusals[i].what, disk_submit_until_full(), room);
        disk_kick();
        assert_same_of(refusals[i].what, disk_drain(), room);
        assert_same_of(refusals[i].what, machine.blk->requests, room);
        disk_end();
    }
}

VARIANT_TEST(blk_async, BLK_OP_2_a_request_past_the_capacity_is_refused)
{
    static const struct {
        uint64_t capacity;
        uint64_t sector;
        uint32_t sectors;
        enum vpt_status status;
    } cases[] = {
        { 2048, 2047, 1, VPT_OK },
        { 2048, 2047, 2, VPT_CALLER_RANGE },
        { 2048, 2048, 1, VPT_CALLER_RANGE },
        { 2048, 1920, 128, VPT_OK },
        { 2048, 1921, 128, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX, 1, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX - 2, 4, VPT_CALLER_RANGE },
        { 2048, UINT64_C(1) << 55, 1, VPT_CALLER_RANGE },
        { 2048, (UINT64_C(1) << 55) - 1, 2, VPT_CALLER_RANGE },
        { 0, 0, 1, VPT_CALLER_RANGE },
        { 1, 0, 2, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_MAX - 1, 1, VPT_OK },
        { UINT64_MAX, UINT64_MAX - 1, 2, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_MAX, 1, VPT_CALLER_RANGE },
    };

    for (unsigned i = 0; i < 2 * COUNT_OF(cases); i++) {
        enum vpt_blk_operation operation = i % 2 == 0 ? VPT_BLK_READ : VPT_BLK_WRITE;
        char what[80];

        (void)snprintf(what, sizeof(what), "%u sectors from 0x%" PRIx64 " of 0x%" PRIx64, cases[i / 2].sectors,
                       cases[i / 2].sector, cases[i / 2].capacity);
        disk_machine(variant, NULL);
        mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, cases[i / 2].capacity);
        assert_status(disk_bring_up(NULL), VPT_OK);
        assert_status_of(what, disk_submit_one(operation, cases[i / 2].sector, 0, cases[i / 2].sectors * SECTOR, NULL),
                         cases[i / 2].status);
        disk_end();
    }
}

/* ---- Poll ---- */

/*
 * What is unknown, or was not written this time, is no success. A device may say less than it wrote, and many say
 * anything: the length means nothing.
 */
VARIANT_TEST(blk_async, LEG_BLKOP_2_a_completion_has_the_status_that_the_byte_alone_means)
{
    static const enum mock_fault lengths[] = { MOCK_FAULT_USED_LENGTH_SHORT, MOCK_FAULT_USED_LENGTH };
    const struct vpt_requests_config one = { .requests = 1 };

    disk_start(variant, &flushable, &one);
    for (unsigned byte = 1; byte <= 0xff; byte++) {
        enum vpt_status expected = byte == 2 ? VPT_UNSUPPORTED_REQUEST : VPT_DEVICE_REQUEST_STATUS;

        mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN, 1, 1, byte);
        assert_status(disk_complete_one(VPT_BLK_READ, 0, 0, SECTOR), byte == 1 ? VPT_DEVICE_IO_ERROR : expected);
        assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN), 1);
    }
    fill(disk_content(6), SECTOR, 3);
    for (uint32_t i = 0; i < COUNT_OF(lengths); i++) {
        mock_fault_set(&machine.model->faults, lengths[i], 1, 1, i * 100000);
        assert_status(disk_complete_one(VPT_BLK_READ, 6, i * SECTOR, SECTOR), VPT_OK);
        cr_assert(filled(machine_bytes(i * SECTOR), SECTOR, 3));
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    assert_status(disk_complete_one(VPT_BLK_WRITE, 0, 0, SECTOR), VPT_DEVICE_REQUEST_STATUS);
    disk_end();
}

/* ---- Many requests against a model of the disk ---- */

#define MODEL_SECTORS  256u
#define MODEL_JOBS     48u
#define MODEL_SPAN     8u /* sectors in one request at most */
#define MODEL_SEGMENTS 6u
#define MODEL_STRIDE   ((size_t)MODEL_SPAN * SECTOR + 64u) /* of a job's data; the rest is guard */
#define MODEL_REQUESTS 210000u
#define GUARD          0x99

struct job {
    bool in_flight;
    enum vpt_blk_operation operation;
    uint32_t sector;
    uint32_t size; /* bytes */
    uint32_t seed; /* of what is written */
};

static struct {
    uint32_t random;
    uint8_t content[MODEL_SECTORS * SECTOR];
    struct job jobs[MODEL_JOBS];
    unsigned in_flight;
    uint64_t submitted;
    uint64_t done[VPT_BLK_GET_ID + 1]; /* of each operation */
    uint64_t full;
    uint64_t failed;
} model;

static uint32_t below(uint32_t limit)
{
    return next_random(&model.random) % limit;
}

static uint8_t *job_data(const struct job *job)
{
    return machine_bytes((size_t)(job - model.jobs) * MODEL_STRIDE);
}

/* Requests in flight at the same time do not overlap where one of them writes: their order is open. */
static bool conflicts(const struct job *job)
{
    bool found = false;

    for (const struct job *other = model.jobs; other < model.jobs + MODEL_JOBS && !found; other++) {
        found = other->in_flight && (job->operation == VPT_BLK_WRITE || other->operation == VPT_BLK_WRITE) &&
                job->sector < other->sector + other->size / SECTOR && other->sector < job->sector + job->size / SECTOR;
    }
    return found;
}

static void invent(struct job *job)
{
    uint32_t dice = below(20);

    memset(job, 0, sizeof(*job));
    job->seed = next_random(&model.random);
    if (dice == 0) {
        job->operation = VPT_BLK_FLUSH;
    } else if (dice == 1) {
        job->operation = VPT_BLK_GET_ID;
        job->size = VPT_BLK_ID_SIZE;
    } else {
        job->operation = dice < 11 ? VPT_BLK_READ : VPT_BLK_WRITE;
        job->size = (1 + below(MODEL_SPAN)) * SECTOR;
        job->sector = below(MODEL_SECTORS - job->size / SECTOR + 1);
    }
}

/* Cuts the job's data at random places. */
static uint16_t cut(const struct job *job, struct vpt_segment *segments)
{
    uint32_t left = job->size;
    size_t offset = (size_t)(job - model.jobs) * MODEL_STRIDE;
    uint16_t count = 0;

    while (left != 0) {
        uint32_t length = count + 1u == MODEL_SEGMENTS || below(3) == 0 ? left : 1u + below(left);

        segments[count++] = machine_segment(offset, length);
        offset += length;
        left -= length;
    }
    return count;
}

/* False: the queue is full. */
static bool submit_job(struct job *job)
{
    struct vpt_segment segments[MODEL_SEGMENTS];
    uint16_t count;
    enum vpt_status status;

    invent(job);
    if (conflicts(job)) {
        return true;
    }
    memset(job_data(job), GUARD, MODEL_STRIDE);
    if (job->operation == VPT_BLK_WRITE) {
        fill(job_data(job), job->size, job->seed);
    }
    count = cut(job, segments);
    status = disk_submit(job->operation, job->sector, count != 0 ? segments : NULL, count, job);
    if (status == VPT_RESOURCE_FULL) {
        model.full++;
        return false;
    }
    assert_status(status, VPT_OK);
    memset(segments, 0, sizeof(segments)); /* they were read during the call only */
    job->in_flight = true;
    model.in_flight++;
    model.submitted++;
    return true;
}

static void check_done(const struct job *job)
{
    uint8_t *content = model.content + (size_t)job->sector * SECTOR;
    const uint8_t *data = job_data(job);

    if (job->operation == VPT_BLK_READ) {
        cr_assert(memcmp(data, content, job->size) == 0, "read of %u bytes at %u", job->size, job->sector);
    } else if (job->operation == VPT_BLK_WRITE) {
        cr_assert(filled(data, job->size, job->seed));
        memcpy(content, data, job->size);
    } else if (job->operation == VPT_BLK_GET_ID) {
        cr_assert(memcmp(data, "mock disk\0\0\0\0\0\0\0\0\0\0\0", VPT_BLK_ID_SIZE) == 0);
    }
    cr_assert(all_bytes(data + job->size, MODEL_STRIDE - job->size, GUARD));
    model.done[job->operation]++;
}

static bool take_one(void)
{
    struct vpt_completion completion = { .status = VPT_EMPTY };
    enum vpt_status status = vpt_requests_poll(&disk.queue->requests, &completion);
    struct job *job = completion.token;

    if (status == VPT_EMPTY) {
        return false;
    }
    assert_status(status, VPT_OK);
    cr_assert(job >= model.jobs && job < model.jobs + MODEL_JOBS && job->in_flight);
    if (completion.status == VPT_OK) {
        check_done(job);
    } else {
        assert_status(completion.status, VPT_DEVICE_IO_ERROR);
        model.failed++;
        cr_assert(job->operation == VPT_BLK_WRITE || all_bytes(job_data(job), MODEL_STRIDE, GUARD));
    }
    job->in_flight = false;
    model.in_flight--;
    return true;
}

static void model_step(void)
{
    struct mock_faults *faults = &machine.model->faults;
    uint32_t most = below(MODEL_JOBS) + 1;

    for (unsigned i = 0; i < MODEL_JOBS && most != 0; i++) {
        if (!model.jobs[i].in_flight) {
            most = submit_job(&model.jobs[i]) ? most - 1 : 0;
        }
    }
    if (below(4) != 0) {
        disk_kick();
    }
    if (mock_fault_fired(faults, MOCK_FAULT_IO_ERROR) != 0) {
        mock_fault_set(faults, MOCK_FAULT_IO_ERROR, 1 + below(200), 1, 0);
    }
    (void)mock_device_run(machine.model, below(MODEL_JOBS) + 1);
    for (most = below(MODEL_JOBS) + 1; most != 0 && take_one(); most--) {
    }
}

static void model_start(const struct variant *variant)
{
    const struct vpt_requests_config config = { .requests = 40,
                                                .segments = MODEL_SEGMENTS,
                                                .size = variant->indirect ? 32 : 64 };
    const struct mock_machine_options options = {
        .blk = { .flush = true, .capacity = MODEL_SECTORS },
        .completion = { .mode = MOCK_COMPLETE_BY_RUN, .order = MOCK_ORDER_SHUFFLED, .seed = 1 },
    };

    memset(&model, 0, sizeof(model));
    model.random = 20240607u + variant->version * 4u + (variant->indirect ? 2u : 0u) + (variant->event_idx ? 1u : 0u);
    disk_start(variant, &options, &config);
    fill(model.content, sizeof(model.content), 1);
    memcpy(disk_content(0), model.content, sizeof(model.content));
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 50, 1, 0);
}

static void model_end(uint32_t stride)
{
    const uint64_t *done = model.done;

    while (model.in_flight != 0) {
        disk_kick();
        (void)mock_device_run(machine.model, UINT32_MAX);
        while (take_one()) {
        }
    }
    cr_assert(!take_one());
    cr_assert(memcmp(disk_content(0), model.content, sizeof(model.content)) == 0);
    assert_same(model.submitted, machine.blk->requests);
    assert_same(model.failed, machine.blk->failures);
    cr_assert(done[VPT_BLK_READ] == machine.blk->reads && done[VPT_BLK_WRITE] == machine.blk->writes);
    cr_assert(done[VPT_BLK_FLUSH] == machine.blk->flushes && done[VPT_BLK_GET_ID] == machine.blk->get_ids);
    cr_assert(done[VPT_BLK_READ] > 50000 / stride && done[VPT_BLK_WRITE] > 50000 / stride);
    cr_assert(done[VPT_BLK_FLUSH] > 5000 / stride && done[VPT_BLK_GET_ID] > 5000 / stride);
    cr_assert(model.full > 1000 / stride && model.failed > 100 / stride);
    disk_end();
}

VARIANT_TEST(blk_async, more_than_200000_requests_agree_with_a_model_of_the_disk)
{
    model_start(variant);
    while (model.submitted < MODEL_REQUESTS / test_stride()) {
        model_step();
    }
    model_end(test_stride());
}
