/* SPDX-License-Identifier: MIT */
/* Disks: what they are like, blocking and asynchronous transfers, what is refused. */
#include <string.h>

#include "scsi_host.h"

#define BYTES 0x10000u

static uint8_t buffer[BYTES], before[BYTES];

STARTED_SCSI_TEST(scsi_disk, what_a_disk_is_like)
{
    static const struct {
        uint64_t capacity;
        uint32_t block_size;
        bool read_only;
    } rows[] = { { 128, 512, false }, { 128, 4096, false }, { 128, 2048, true }, { UINT64_C(1) << 33, 512, false } };

    for (unsigned i = 0; i < SCSI_UNITS; i++) {
        assert_status(scsi_open_disk(i), VPT_OK);
        assert_same(scsi_disk.capacity, rows[i].capacity);
        assert_same(scsi_disk.block_size, rows[i].block_size);
        assert_same(scsi_disk.read_only, rows[i].read_only);
    }
    scsi_model.units[SCSI_SMALL].read_only = true;
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
    cr_assert(scsi_disk.read_only);
    assert_status(vpt_scsi_disk_write(&scsi_disk, 0, buffer, 512), VPT_CALLER_READ_ONLY);
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_OK);
    scsi_model.units[SCSI_SMALL].blocks = 60;
    assert_status(vpt_scsi_disk_refresh(&scsi_disk), VPT_OK);
    assert_same(scsi_disk.capacity, 60);
    cr_assert(scsi_disk.read_only);
}

/* Block sizes and capacities; what is no disk; what cannot be asked. */
Test(scsi_disk, what_is_no_disk)
{
    static const struct {
        uint64_t blocks;
        uint32_t block_size;
        enum vpt_status status;
    } rows[] = {
        { 1, 512, VPT_OK },
        { 5, 0x100000, VPT_OK },
        { UINT64_C(0xffffffff), 512, VPT_OK },
        { UINT64_C(0x100000000), 512, VPT_OK },
        { UINT64_C(0x1fffffffffffff), 0x100000, VPT_OK },
        { UINT64_C(0x20000000000000), 0x100000, VPT_DEVICE_CONFIG },
        { UINT64_MAX, 512, VPT_OK },
        { 0, 512, VPT_DEVICE_CONFIG }, /* the last block is 2^64 - 1 */
        { 1, 0, VPT_DEVICE_CONFIG },
        { 1, 256, VPT_DEVICE_CONFIG },
        { 1, 520, VPT_DEVICE_CONFIG },
        { 1, 0x200000, VPT_DEVICE_CONFIG },
        { 1, 0x80000000, VPT_DEVICE_CONFIG },
        { 1, UINT32_MAX, VPT_DEVICE_CONFIG },
    };
    struct mock_scsi_unit *unit = &scsi_model.units[SCSI_SMALL];

    scsi_start(&ring_usual);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_scsi_disk old;

        unit->blocks = 128;
        unit->block_size = 512;
        assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
        old = scsi_disk;
        unit->blocks = rows[i].blocks;
        unit->block_size = rows[i].block_size;
        assert_status(vpt_scsi_disk_refresh(&scsi_disk), rows[i].status);
        if (rows[i].status == VPT_OK) {
            assert_same(scsi_disk.capacity, rows[i].blocks * (rows[i].block_size / 512u));
        } else {
            cr_assert(memcmp(&old, &scsi_disk, sizeof(old)) == 0);
        }
        assert_status(scsi_open_disk(SCSI_SMALL), rows[i].status);
        cr_assert(rows[i].status == VPT_OK || all_zero(&scsi_disk, sizeof(scsi_disk)));
    }
    unit->type = 1;
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_UNSUPPORTED_DEVICE);
    unit->type = 0x14;
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_UNSUPPORTED_DEVICE);
    unit->type = 0;
    unit->unready = true;
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_scsi_disk_open(&scsi_disk, &scsi, 0, 1), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_disk_open(&scsi_disk, &scsi, 1, 0), VPT_EMPTY_SLOT);
    assert_status(vpt_scsi_disk_open(&scsi_disk, NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_open(NULL, &scsi, 0, 0), VPT_CALLER_ARGUMENT);
    scsi_end();
}

/* Writes and reads of every length and place, in whole blocks, and in parts where a request takes less. */
STARTED_SCSI_TEST(scsi_disk, transfers)
{
    static const uint32_t pages[] = { 0, 4096, 1000 }; /* the port shares so much at a time */
    struct mock_scsi_unit *unit;
    uint32_t seed = 1;

    for (unsigned i = 0; i < 2u * COUNT_OF(pages); i++) {
        unit = &scsi_model.units[i % 2u == 0 ? SCSI_SMALL : SCSI_WIDE];
        machine.hal->share_most = pages[i / 2u];
        assert_status(scsi_open_disk(i % 2u == 0 ? SCSI_SMALL : SCSI_WIDE), VPT_OK);
        for (uint32_t n = 0; n < 24; n++) {
            uint32_t blocks = BYTES / scsi_disk.block_size;
            uint32_t first = n * 7u % blocks;
            uint32_t bytes = (1u + n * 5u % (blocks - first)) * scsi_disk.block_size;
            uint32_t at = first * scsi_disk.block_size;

            for (uint32_t b = 0; b < bytes; b++) {
                buffer[b] = (uint8_t)(b * 3u + b / 256u + seed);
            }
            seed++;
            memcpy(before, unit->bytes, BYTES);
            memcpy(before + at, buffer, bytes);
            assert_status(vpt_scsi_disk_write(&scsi_disk, at / 512u, buffer, bytes), VPT_OK);
            cr_assert(memcmp(before, unit->bytes, BYTES) == 0);
            memset(buffer, 0, bytes);
            assert_status(vpt_scsi_disk_read(&scsi_disk, at / 512u, buffer, bytes), VPT_OK);
            cr_assert(memcmp(buffer, before + at, bytes) == 0);
        }
        assert_same(mock_hal_live_shares(machine.hal), 0);
    }
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, NULL, 0), VPT_OK);
}

/* A transfer is cut where the device suggests, in whole blocks; a block is never cut. */
Test(scsi_disk, D_SCSI_2_max_sectors)
{
    static const struct {
        uint32_t sectors;
        unsigned unit;
        uint32_t last; /* bytes of the last command of a transfer of 40 KiB */
    } rows[] = {
        { 7, SCSI_SMALL, 40960 % 3584 }, { 1, SCSI_SMALL, 512 },           { 1, SCSI_WIDE, 4096 },
        { 15, SCSI_WIDE, 4096 },         { 24, SCSI_WIDE, 4096 },          { 80, SCSI_SMALL, 40960 },
        { 79, SCSI_WIDE, 4096 },         { UINT32_MAX, SCSI_WIDE, 40960 },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        scsi_make_model();
        scsi_model.options.max_sectors = rows[i].sectors;
        scsi_probe_model(&ring_usual);
        assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
        assert_status(scsi_open_disk(rows[i].unit), VPT_OK);
        assert_status(vpt_scsi_disk_read(&scsi_disk, 8, buffer, 40960), VPT_OK);
        assert_same(scsi_model.units[rows[i].unit].last_bytes, rows[i].last);
        cr_assert(memcmp(buffer, &scsi_model.units[rows[i].unit].bytes[4096], 40960) == 0);
        scsi_end();
    }
}

/* Commands of 10 bytes where they reach, of 16 bytes beyond. */
STARTED_SCSI_TEST(scsi_disk, the_place_on_a_large_disk)
{
    static const struct {
        uint64_t sector;
        uint8_t operation;
    } rows[] = { { 0, 0x28 },
                 { 0xfffffffe, 0x28 },
                 { 0xffffffff, 0x88 },
                 { UINT64_C(0x100000000), 0x88 },
                 { (UINT64_C(1) << 33) - 1u, 0x88 } };
    struct mock_scsi_unit *unit = &scsi_model.units[SCSI_HUGE];

    assert_status(scsi_open_disk(SCSI_HUGE), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        memset(buffer, (int)(i + 1u), 512);
        assert_status(vpt_scsi_disk_write(&scsi_disk, rows[i].sector, buffer, 512), VPT_OK);
        assert_same(unit->last_operation, rows[i].operation + 2u);
        assert_same(unit->bytes[rows[i].sector * 512u % BYTES], i + 1u);
        assert_status(vpt_scsi_disk_read(&scsi_disk, rows[i].sector, buffer, 512), VPT_OK);
        assert_same(unit->last_operation, rows[i].operation);
    }
    assert_status(vpt_scsi_disk_flush(&scsi_disk), VPT_UNSUPPORTED_REQUEST);
}

STARTED_SCSI_TEST(scsi_disk, transfers_that_are_refused)
{
    static const struct {
        unsigned unit;
        uint64_t sector;
        size_t size;
        enum vpt_status status;
    } rows[] = {
        { SCSI_SMALL, 0, 511, VPT_CALLER_ALIGNMENT },
        { SCSI_SMALL, 128, 512, VPT_CALLER_RANGE },
        { SCSI_SMALL, 127, 1024, VPT_CALLER_RANGE },
        { SCSI_SMALL, 127, 512, VPT_OK },
        { SCSI_SMALL, 128, 0, VPT_OK },
        { SCSI_SMALL, 129, 0, VPT_CALLER_RANGE },
        { SCSI_SMALL, UINT64_MAX, 512, VPT_CALLER_RANGE },
        { SCSI_WIDE, 0, 512, VPT_CALLER_ALIGNMENT },
        { SCSI_WIDE, 1, 4096, VPT_CALLER_ALIGNMENT },
        { SCSI_WIDE, 8, 4096, VPT_OK },
        { SCSI_CD, 2, 2048, VPT_CALLER_ALIGNMENT },
        { SCSI_CD, 124, 2048, VPT_OK },
    };
    struct vpt_scsi_disk none = { .scsi = NULL };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        assert_status(scsi_open_disk(rows[i].unit), VPT_OK);
        assert_status(vpt_scsi_disk_read(&scsi_disk, rows[i].sector, buffer, rows[i].size), rows[i].status);
    }
    assert_status(vpt_scsi_disk_write(&scsi_disk, 0, buffer, 2048), VPT_CALLER_READ_ONLY);
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, NULL, 2048), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_read(NULL, 0, buffer, 2048), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_read(&none, 0, buffer, 2048), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_flush(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_flush(&none), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_refresh(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_refresh(&none), VPT_CALLER_ARGUMENT);
    /* The unit says less than it was asked for, or has failed, or has gone. */
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
    scsi_model.options.residual_lies = true;
    scsi_model.options.residual = 1;
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 1024), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_scsi_disk_write(&scsi_disk, 0, buffer, 1024), VPT_DEVICE_IO_ERROR);
    scsi_model.options.residual_lies = false;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 1024), VPT_DEVICE_IO_ERROR);
    scsi_model.units[SCSI_SMALL].blocks = 1;
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 1024), VPT_DEVICE_IO_ERROR);
    scsi_model.units[SCSI_SMALL].here = false;
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_EMPTY_SLOT);
    assert_same(mock_hal_live_shares(machine.hal), 0);
}

/* ---- Several at once ---- */

#define TOGETHER 12u

static void submit(struct vpt_scsi_request *request, uint32_t i)
{
    const struct vpt_segment segments[2] = { machine_segment(0x1000u * i, 512),
                                             machine_segment(0x1000u * i + 1024, 512) };
    enum vpt_scsi_operation operation = i % 3u == 0 ? VPT_SCSI_WRITE : i % 3u == 1 ? VPT_SCSI_READ : VPT_SCSI_FLUSH;

    memset(request, 0xa5, sizeof(*request));
    memset(machine_bytes(0x1000u * i), (int)(i + 100u), 2048);
    assert_status(
        vpt_scsi_disk_submit(&scsi_disk, request, operation, i % 3u == 2 ? 0 : 4u * i, segments, i % 3u == 2 ? 0 : 2),
        VPT_OK);
}

STARTED_SCSI_TEST(scsi_disk, D_SCSI_11_requests_in_flight_together)
{
    struct mock_scsi_unit *unit = &scsi_model.units[SCSI_SMALL];
    struct vpt_scsi_request requests[TOGETHER];
    struct vpt_completion completions[TOGETHER];

    assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
    for (uint32_t round = 0; round < 5; round++) {
        unsigned seen = 0;
        uint32_t done = 0;

        memcpy(before, unit->bytes, BYTES);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        machine.model->completion.order = MOCK_ORDER_SHUFFLED;
        for (uint32_t i = 0; i < TOGETHER; i++) {
            submit(&requests[i], i);
        }
        assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
        assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_CALLER_BUSY);
        (void)mock_device_run(machine.model, TOGETHER);
        assert_status(vpt_requests_poll_batch(&scsi.requests, completions, TOGETHER, &done), VPT_OK);
        for (uint32_t i = 0; i < TOGETHER; i++) {
            const struct vpt_scsi_request *request = completions[i].token;
            size_t n = (size_t)(request - requests);

            assert_status(completions[i].status, VPT_OK);
            cr_assert(n < TOGETHER && (seen >> n & 1u) == 0);
            seen |= 1u << n;
            assert_same(request->length, n % 3u == 2 ? 0 : 1024);
            if (n % 3u == 1) {
                cr_assert(memcmp(machine_bytes(0x1000u * n), &before[2048u * n], 512) == 0 &&
                          memcmp(machine_bytes(0x1000u * n + 1024u), &before[2048u * n + 512u], 512) == 0);
                assert_same(machine_bytes(0x1000u * n)[512], n + 100u);
            } else if (n % 3u == 0) {
                assert_same(unit->bytes[2048u * n], n + 100u);
                assert_same(unit->bytes[2048u * n + 1023u], n + 100u);
            }
        }
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    }
    assert_same(unit->flushes, 5u * (TOGETHER / 3u));
    assert_scsi_works();
}

Test(scsi_disk, requests_that_are_refused)
{
    const struct vpt_segment segment = { 0x1000, 512 };
    const struct vpt_segment most = { 0x1000, 0x80000000u };
    const struct vpt_segment empty = { 0x1000, 0 };
    struct vpt_segment many[17];
    struct vpt_scsi_disk none = { .scsi = NULL };
    struct vpt_scsi_request request;

    scsi_start(&ring_usual);
    assert_status(scsi_open_disk(SCSI_HUGE), VPT_OK);
    assert_status(vpt_scsi_disk_submit(NULL, &request, VPT_SCSI_READ, 0, &segment, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&none, &request, VPT_SCSI_READ, 0, &segment, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, NULL, VPT_SCSI_READ, 0, &segment, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, &segment, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, &empty, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_FLUSH, 0, &segment, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, (enum vpt_scsi_operation)3, 0, &segment, 1),
                  VPT_CALLER_ARGUMENT);
    many[0] = many[1] = most;
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, many, 2), VPT_CALLER_TOO_LONG);
    for (unsigned i = 0; i < COUNT_OF(many); i++) {
        many[i] = segment;
    }
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, many, 17), VPT_CALLER_TOO_LONG);
    assert_status(scsi_open_disk(SCSI_WIDE), VPT_OK);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 0, many, 9), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 128, many, 8), VPT_CALLER_RANGE);
    assert_status(scsi_open_disk(SCSI_CD), VPT_OK);
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_WRITE, 0, many, 4), VPT_CALLER_READ_ONLY);
    assert_same(vpt_requests_free(&scsi.requests), 32);
    /* A count that commands of 10 bytes do not have. */
    assert_status(scsi_open_disk(SCSI_HUGE), VPT_OK);
    many[0].length = 0x2000000;
    scsi_model.options.answers = true;
    assert_status(vpt_scsi_disk_submit(&scsi_disk, &request, VPT_SCSI_READ, 5, many, 1), VPT_OK);
    assert_same(request.cdb[0], 0x88);
    assert_same(request.cdb[9], 5);
    assert_same(request.cdb[11], 1);
    scsi_end();
}
