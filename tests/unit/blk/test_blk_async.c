/* SPDX-License-Identifier: MIT */
/* Asynchronous requests: submit and what it refuses, kick, poll, and a long run against a model of the disk. */
#include "disk.h"

#include <string.h>

#include "mock_order.h"

TestSuite(blk_async, .timeout = 120);

static const struct mock_machine_options flushable = {
    .blk = { .flush = true, .seg_max = 16, .id = "the disk of the test" }
};

static const struct mock_machine_options by_run = { .blk = { .flush = true },
                                                    .completion = { .mode = MOCK_COMPLETE_BY_RUN } };

static void run_all(void)
{
    (void)mock_device_run(machine.model, UINT32_MAX);
}

static void kick(void)
{
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
}

static void check_empty(void)
{
    struct vpt_completion completion;

    assert_status(vpt_requests_poll(&disk.queue->requests, &completion), VPT_EMPTY);
}

/* ---- Each operation ---- */

/* Three pieces of a read or a write, none of them a whole sector, apart from each other. */
static const struct {
    size_t offset;
    uint32_t length;
} scattered[] = { { 1, 100 }, { 1000, 1411 }, { 3001, 25 } };

#define SCATTERED_SIZE 1536u

static enum vpt_status submit_scattered(enum vpt_blk_operation operation, uint64_t sector, void *token)
{
    struct vpt_segment segments[COUNT_OF(scattered)];

    for (unsigned i = 0; i < COUNT_OF(scattered); i++) {
        segments[i] = machine_segment(scattered[i].offset, scattered[i].length);
    }
    return disk_submit(operation, sector, segments, COUNT_OF(scattered), token);
}

/* Between memory in one piece and the pieces. */
static void gather(uint8_t *whole)
{
    for (unsigned i = 0; i < COUNT_OF(scattered); i++) {
        memcpy(whole, machine_bytes(scattered[i].offset), scattered[i].length);
        whole += scattered[i].length;
    }
}

static void scatter(const uint8_t *whole)
{
    for (unsigned i = 0; i < COUNT_OF(scattered); i++) {
        memcpy(machine_bytes(scattered[i].offset), whole, scattered[i].length);
        whole += scattered[i].length;
    }
}

static void check_last(const struct variant *variant, uint32_t type, uint64_t sector, uint64_t bytes, uint32_t segments)
{
    const struct mock_blk_record *record = mock_blk_last(machine.blk);

    cr_assert(record != NULL);
    cr_assert(record->type == type);
    cr_assert(record->sector == sector);
    cr_assert(record->bytes == bytes);
    cr_assert(record->segments == segments);
    cr_assert(record->status == 0);
    cr_assert(record->indirect == variant->indirect);
}

VARIANT_TEST(blk_async, a_read_of_several_segments_brings_the_disk_content)
{
    uint8_t read[SCATTERED_SIZE];
    int token;
    void *back = NULL;

    disk_start(variant, &flushable, NULL);
    fill(disk_content(100), SCATTERED_SIZE, 9);
    memset(machine_bytes(0), 0xee, 8192);
    assert_status(submit_scattered(VPT_BLK_READ, 100, &token), VPT_OK);
    kick();
    assert_status(disk_poll_one(&back), VPT_OK);
    cr_assert(back == &token);
    gather(read);
    cr_assert(memcmp(read, disk_content(100), SCATTERED_SIZE) == 0);
    cr_assert(all_bytes(machine_bytes(0), 1, 0xee));
    cr_assert(all_bytes(machine_bytes(101), 899, 0xee));
    cr_assert(all_bytes(machine_bytes(2411), 590, 0xee));
    cr_assert(all_bytes(machine_bytes(3026), 8192 - 3026, 0xee));
    check_last(variant, 0, 100, SCATTERED_SIZE, COUNT_OF(scattered));
    check_empty();
    disk_end();
}

VARIANT_TEST(blk_async, a_write_of_several_segments_reaches_the_disk_and_nothing_else)
{
    uint8_t written[SCATTERED_SIZE];

    disk_start(variant, &flushable, NULL);
    fill(written, SCATTERED_SIZE, 5);
    scatter(written);
    memset(disk_content(0), 0x77, 2048 * SECTOR);
    assert_status(submit_scattered(VPT_BLK_WRITE, 200, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(memcmp(disk_content(200), written, SCATTERED_SIZE) == 0);
    cr_assert(all_bytes(disk_content(0), 200 * SECTOR, 0x77));
    cr_assert(all_bytes(disk_content(203), (2048 - 203) * SECTOR, 0x77));
    check_last(variant, 1, 200, SCATTERED_SIZE, COUNT_OF(scattered));
    disk_end();
}

VARIANT_TEST(blk_async, BLK_OP_4_a_flush_has_sector_0_and_BLK_OP_5_no_data)
{
    disk_start(variant, &flushable, NULL);
    assert_status(disk_submit_one(VPT_BLK_WRITE, 8, 0, SECTOR, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(machine.blk->unflushed == 1);
    assert_status(disk_submit(VPT_BLK_FLUSH, 0, NULL, 0, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(machine.blk->unflushed == 0);
    check_last(variant, 4, 0, 0, 0);
    disk_end();
}

VARIANT_TEST(blk_async, BLK_OP_8_get_id_has_20_bytes_in_any_number_of_segments)
{
    struct vpt_segment two[2];

    disk_start(variant, &flushable, NULL);
    memset(machine_bytes(0), 0xee, 128);
    two[0] = machine_segment(50, 7);
    two[1] = machine_segment(80, 13);
    assert_status(disk_submit(VPT_BLK_GET_ID, 0, two, 2, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(memcmp(machine_bytes(50), "the dis", 7) == 0);
    cr_assert(memcmp(machine_bytes(80), "k of the test", 13) == 0);
    cr_assert(all_bytes(machine_bytes(57), 23, 0xee));
    cr_assert(all_bytes(machine_bytes(93), 35, 0xee));
    check_last(variant, 8, 0, 20, 2);
    disk_end();
}

/* ---- What the device sees of a request ---- */

struct seen {
    uint8_t header[16];
    uint8_t status;
    uint32_t readable;
    uint32_t writable;
    uint32_t first_length;
    uint32_t last_length;
};

/* The request that the device has taken and not yet touched. */
static void look_at_pending(struct seen *seen)
{
    struct mock_device *device = machine.model;
    const struct mock_element *element = &device->queues[0].pending[0];
    uint32_t last;
    uint8_t *status;

    cr_assert(device->queues[0].pending_count == 1);
    last = element->readable + element->writable - 1u;
    seen->readable = element->readable;
    seen->writable = element->writable;
    seen->first_length = element->segments[0].length;
    seen->last_length = element->segments[last].length;
    cr_assert(mock_element_read(device, element, 0, seen->header, sizeof(seen->header)) == sizeof(seen->header));
    status = mock_memory_reach(device->memory, element->segments[last].address, 1, true, "status byte");
    cr_assert(status != NULL);
    seen->status = *status;
}

static void check_header(const struct variant *variant, const struct seen *seen, uint32_t type, uint64_t sector)
{
    bool native = variant->version == 1;

    cr_assert(mock_load(seen->header, 4, native) == type);
    cr_assert(mock_load(seen->header + 4, 4, native) == 0);
    cr_assert(mock_load(seen->header + 8, 8, native) == sector);
    cr_assert(seen->status == 0xff, "the status byte starts as 0x%02x", seen->status);
}

/* The frame is a header of 16 bytes and a status byte in descriptors of their own, ANY_LAYOUT or not. */
VARIANT_TEST(blk_async, LEG_BLKFRAME_1_header_data_and_status_have_descriptors_of_their_own)
{
    struct mock_machine_options options = by_run;
    static const struct vpt_requests_config several = { .segments = COUNT_OF(scattered) };
    struct seen seen;

    vpt_features_add(&options.withhold, VPT_F_ANY_LAYOUT);
    disk_start(variant, &options, NULL);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, UINT64_C(0x0102030405060708) + 1);
    disk_stop();
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_submit_one(VPT_BLK_READ, UINT64_C(0x0102030405060708), 0, SECTOR, NULL), VPT_OK);
    kick();
    look_at_pending(&seen);
    check_header(variant, &seen, 0, UINT64_C(0x0102030405060708));
    cr_assert(seen.readable == 1 && seen.writable == 2 && seen.first_length == 16 && seen.last_length == 1);
    disk_stop();
    assert_status(disk_bring_up(&several), VPT_OK);
    assert_status(submit_scattered(VPT_BLK_WRITE, 77, NULL), VPT_OK);
    kick();
    look_at_pending(&seen);
    check_header(variant, &seen, 1, 77);
    cr_assert(seen.readable == 4 && seen.writable == 1 && seen.first_length == 16 && seen.last_length == 1);
    disk_end();
}

/* The slot of a request that is done is used again: nothing of the old one shows. */
VARIANT_TEST(blk_async, LEG_BLKOP_1_a_header_is_in_the_device_order_and_the_status_starts_invalid)
{
    const struct vpt_requests_config config = { .requests = 1 };
    struct seen seen;

    disk_start(variant, &by_run, &config);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, 1000 + i, 0, SECTOR, NULL), VPT_OK);
        kick();
        look_at_pending(&seen);
        check_header(variant, &seen, 0, 1000 + i);
        run_all();
        assert_status(disk_poll_one(NULL), VPT_OK);
        assert_status(disk_submit(VPT_BLK_FLUSH, 0, NULL, 0, NULL), VPT_OK);
        kick();
        look_at_pending(&seen);
        check_header(variant, &seen, 4, 0);
        cr_assert(seen.readable == 1 && seen.writable == 1);
        run_all();
        assert_status(disk_poll_one(NULL), VPT_OK);
        assert_status(disk_submit_one(VPT_BLK_GET_ID, 0, 0, 20, NULL), VPT_OK);
        kick();
        look_at_pending(&seen);
        check_header(variant, &seen, 8, 0);
        run_all();
        assert_status(disk_poll_one(NULL), VPT_OK);
    }
    disk_end();
}

/* ---- What submit refuses ---- */

static const struct mock_machine_options plain = { .blk = { .seg_max = 16 } };
static const struct mock_machine_options read_only = { .blk = { .flush = true, .seg_max = 16, .read_only = true } };

static const struct {
    const struct mock_machine_options *machine;
    unsigned operation;
    uint64_t sector;
    uint16_t count;
    uint32_t lengths[3];
    enum vpt_status status;
} refusals[] = {
    { &flushable, VPT_BLK_READ, 0, 1, { 1 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_WRITE, 0, 1, { 511 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_READ, 0, 1, { 513 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_WRITE, 0, 1, { 65535 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_READ, 0, 2, { 512, 511 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 1, { 1 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 1, { 19 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 1, { 21 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 1, { 512 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 2, { 20, 1 }, VPT_CALLER_ALIGNMENT },
    { &flushable, VPT_BLK_GET_ID, 1, 1, { 20 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_GET_ID, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_READ, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_WRITE, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_READ, 0, 1, { 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_WRITE, 0, 3, { 0, SECTOR, SECTOR }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_READ, 0, 3, { SECTOR, SECTOR, 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_FLUSH, 0, 1, { SECTOR }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_FLUSH, 1, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { &flushable, VPT_BLK_FLUSH, UINT64_C(1) << 32, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { &plain, VPT_BLK_FLUSH, 0, 0, { 0 }, VPT_UNSUPPORTED_REQUEST },
    { &read_only, VPT_BLK_WRITE, 0, 1, { SECTOR }, VPT_CALLER_READ_ONLY },
    { &flushable, 2, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
    { &flushable, 9, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
    { &flushable, 24, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
    { &flushable, 0x7fffffff, 0, 1, { SECTOR }, VPT_UNSUPPORTED_REQUEST },
};

/* As many requests as before go through afterwards, and none of those refused. */
static void check_room(const struct variant *variant)
{
    unsigned expected = variant->indirect ? 64 : 256 / (disk.queue->requests.segments + 2);

    cr_assert(disk_submit_until_full() == expected);
    kick();
    for (unsigned i = 0; i < expected; i++) {
        assert_status(disk_poll_one(NULL), VPT_OK);
    }
    check_empty();
    cr_assert(machine.blk->requests == expected);
}

VARIANT_TEST(blk_async, BLK_OP_5_BLK_OP_6_BLK_OP_8_BLK_INIT_2_what_is_refused_changes_nothing)
{
    for (unsigned i = 0; i < COUNT_OF(refusals); i++) {
        struct vpt_segment segments[3];
        enum vpt_status status;

        disk_start(variant, refusals[i].machine, NULL);
        for (unsigned k = 0; k < 3; k++) {
            segments[k] = machine_segment(k * 1024, refusals[i].lengths[k]);
        }
        status = disk_submit((enum vpt_blk_operation)refusals[i].operation, refusals[i].sector, segments,
                             refusals[i].count, NULL);
        cr_assert(status == refusals[i].status, "row %u: %s", i, vpt_status_str(status));
        check_room(variant);
        disk_end();
    }
    disk_start(variant, NULL, NULL);
    assert_status(disk_submit(VPT_BLK_WRITE, 0, NULL, 1, NULL), VPT_CALLER_ARGUMENT);
    disk_end();
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
        { 2048, 2049, 1, VPT_CALLER_RANGE },
        { 2048, 1920, 128, VPT_OK },
        { 2048, 1921, 128, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX, 1, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX, 2, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX - 1, 2, VPT_CALLER_RANGE },
        { 2048, UINT64_MAX - 2, 4, VPT_CALLER_RANGE },
        { 2048, UINT64_C(1) << 55, 1, VPT_CALLER_RANGE },
        { 2048, (UINT64_C(1) << 55) - 1, 2, VPT_CALLER_RANGE },
        { 0, 0, 1, VPT_CALLER_RANGE },
        { 1, 0, 1, VPT_OK },
        { 1, 0, 2, VPT_CALLER_RANGE },
        { 1, 1, 1, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_MAX - 1, 1, VPT_OK },
        { UINT64_MAX, UINT64_MAX - 1, 2, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_MAX, 1, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_MAX, 2, VPT_CALLER_RANGE },
        { UINT64_MAX, UINT64_C(0x100000000), 1, VPT_OK },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        static const enum vpt_blk_operation operations[] = { VPT_BLK_READ, VPT_BLK_WRITE };

        disk_machine(variant, NULL);
        mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, cases[i].capacity);
        assert_status(disk_bring_up(NULL), VPT_OK);
        for (unsigned k = 0; k < COUNT_OF(operations); k++) {
            enum vpt_status status =
                disk_submit_one(operations[k], cases[i].sector, 0, cases[i].sectors * SECTOR, NULL);

            cr_assert(status == cases[i].status, "case %u, operation %d: %s", i, (int)operations[k],
                      vpt_status_str(status));
        }
        disk_end();
    }
}

/* ---- Poll ---- */

/* Success is what the status byte says, and what was not written or is unknown is no success. */
VARIANT_TEST(blk_async, a_completion_has_the_status_that_the_byte_means)
{
    disk_start(variant, &flushable, NULL);
    for (unsigned byte = 1; byte <= 0xff; byte++) {
        enum vpt_status expected = VPT_DEVICE_REQUEST_STATUS;

        if (byte == 1) {
            expected = VPT_DEVICE_IO_ERROR;
        } else if (byte == 2) {
            expected = VPT_UNSUPPORTED_REQUEST;
        }
        mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN, 1, 1, byte);
        assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
        kick();
        cr_assert(mock_fault_fired(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN) == 1);
        assert_status(disk_poll_one(NULL), expected);
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    assert_status(disk_submit_one(VPT_BLK_WRITE, 0, 0, SECTOR, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_DEVICE_REQUEST_STATUS);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    disk_end();
}

/* A device may say less than it wrote, and many say anything (LEG-BLKOP-2). */
VARIANT_TEST(blk_async, LEG_BLKOP_2_success_is_the_status_byte_alone)
{
    disk_start(variant, &flushable, NULL);
    fill(disk_content(6), SECTOR, 3);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH_SHORT, 1, 1, 0);
    assert_status(disk_submit_one(VPT_BLK_READ, 6, 0, SECTOR, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(memcmp(machine_bytes(0), disk_content(6), SECTOR) == 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH, 1, 1, 100000);
    assert_status(disk_submit_one(VPT_BLK_READ, 6, SECTOR, SECTOR, NULL), VPT_OK);
    kick();
    assert_status(disk_poll_one(NULL), VPT_OK);
    cr_assert(memcmp(machine_bytes(SECTOR), disk_content(6), SECTOR) == 0);
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
    uint32_t sectors;
    uint32_t size; /* bytes */
    uint32_t seed; /* of what is written */
};

static struct {
    uint32_t random;
    uint8_t content[MODEL_SECTORS * SECTOR];
    uint8_t readers[MODEL_SECTORS];
    bool writer[MODEL_SECTORS];
    struct job jobs[MODEL_JOBS];
    unsigned in_flight;
    uint64_t submitted;
    uint64_t done[4]; /* reads, writes, flushes, ids */
    uint64_t full;
    uint64_t failed;
} model;

static uint32_t below(uint32_t limit)
{
    return next_random(&model.random) % limit;
}

static size_t job_offset(const struct job *job)
{
    return (size_t)(job - model.jobs) * MODEL_STRIDE;
}

/* Requests in flight at the same time do not overlap where one of them writes: their order is open. */
static bool conflicts(const struct job *job)
{
    for (uint32_t i = job->sector; i < job->sector + job->sectors; i++) {
        if (model.writer[i] || (job->operation == VPT_BLK_WRITE && model.readers[i] != 0)) {
            return true;
        }
    }
    return false;
}

static void claim(const struct job *job, bool on)
{
    for (uint32_t i = job->sector; i < job->sector + job->sectors; i++) {
        if (job->operation == VPT_BLK_WRITE) {
            model.writer[i] = on;
        } else {
            model.readers[i] = (uint8_t)(model.readers[i] + (on ? 1u : 0xffu));
        }
    }
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
        job->sectors = 1 + below(MODEL_SPAN);
        job->sector = below(MODEL_SECTORS - job->sectors + 1);
        job->size = job->sectors * SECTOR;
    }
}

/* Cuts the job's data at random places. */
static uint16_t cut(const struct job *job, struct vpt_segment *segments)
{
    uint32_t left = job->size;
    size_t offset = job_offset(job);
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
    memset(machine_bytes(job_offset(job)), GUARD, MODEL_STRIDE);
    if (job->operation == VPT_BLK_WRITE) {
        fill(machine_bytes(job_offset(job)), job->size, job->seed);
    }
    count = cut(job, segments);
    status = disk_submit(job->operation, job->sector, count != 0 ? segments : NULL, count, job);
    if (status == VPT_RESOURCE_FULL) {
        model.full++;
        return false;
    }
    assert_status(status, VPT_OK);
    memset(segments, 0, sizeof(segments)); /* they were read during the call only */
    claim(job, true);
    job->in_flight = true;
    model.in_flight++;
    model.submitted++;
    return true;
}

static void submit_batch(uint32_t most)
{
    for (unsigned i = 0; i < MODEL_JOBS && most != 0; i++) {
        if (!model.jobs[i].in_flight) {
            most--;
            if (!submit_job(&model.jobs[i])) {
                return;
            }
        }
    }
}

static void check_done(const struct job *job)
{
    uint8_t *data = machine_bytes(job_offset(job));
    uint8_t *content = model.content + (size_t)job->sector * SECTOR;

    switch (job->operation) {
    case VPT_BLK_READ:
        cr_assert(memcmp(data, content, job->size) == 0, "read of %u sectors at %u", job->sectors, job->sector);
        model.done[0]++;
        break;
    case VPT_BLK_WRITE:
        cr_assert(filled(data, job->size, job->seed));
        memcpy(content, data, job->size);
        model.done[1]++;
        break;
    case VPT_BLK_FLUSH: model.done[2]++; break;
    default:
        cr_assert(job->operation == VPT_BLK_GET_ID);
        cr_assert(memcmp(data, "mock disk\0\0\0\0\0\0\0\0\0\0\0", VPT_BLK_ID_SIZE) == 0);
        model.done[3]++;
        break;
    }
    cr_assert(all_bytes(data + job->size, MODEL_STRIDE - job->size, GUARD));
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
        cr_assert(job->operation == VPT_BLK_WRITE || all_bytes(machine_bytes(job_offset(job)), MODEL_STRIDE, GUARD));
    }
    claim(job, false);
    job->in_flight = false;
    model.in_flight--;
    return true;
}

static void model_step(void)
{
    struct mock_faults *faults = &machine.model->faults;

    submit_batch(below(MODEL_JOBS) + 1);
    if (below(4) != 0) {
        kick();
    }
    if (mock_fault_fired(faults, MOCK_FAULT_IO_ERROR) != 0) {
        mock_fault_set(faults, MOCK_FAULT_IO_ERROR, 1 + below(200), 1, 0);
    }
    (void)mock_device_run(machine.model, below(MODEL_JOBS) + 1);
    for (uint32_t most = below(MODEL_JOBS) + 1; most != 0 && take_one(); most--) {
    }
}

static void model_start(const struct variant *variant, uint16_t ring)
{
    const struct vpt_requests_config config = { .requests = 40, .segments = MODEL_SEGMENTS, .size = ring };
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

static void model_end(void)
{
    while (model.in_flight != 0) {
        kick();
        run_all();
        while (take_one()) {
        }
    }
    check_empty();
    cr_assert(memcmp(disk_content(0), model.content, sizeof(model.content)) == 0);
    cr_assert(model.submitted == machine.blk->requests);
    cr_assert(model.failed == machine.blk->failures);
    cr_assert(model.done[0] == machine.blk->reads && model.done[1] == machine.blk->writes);
    cr_assert(model.done[2] == machine.blk->flushes && model.done[3] == machine.blk->get_ids);
    disk_end();
}

VARIANT_TEST(blk_async, more_than_200000_requests_agree_with_a_model_of_the_disk)
{
    uint32_t stride = test_stride();

    model_start(variant, variant->indirect ? 32 : 64);
    while (model.submitted < MODEL_REQUESTS / stride) {
        model_step();
    }
    model_end();
    cr_assert(model.full > 1000 / stride && model.failed > 100 / stride);
    for (unsigned i = 0; i < COUNT_OF(model.done); i++) {
        cr_assert(model.done[i] > (i < 2 ? 50000u : 5000u) / stride);
    }
}
