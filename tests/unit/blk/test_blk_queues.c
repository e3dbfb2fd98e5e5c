/* SPDX-License-Identifier: MIT */
/* Several request queues of one disk: what they share, which is nothing but the device, and how they end together. */
#include "disk.h"

#include <string.h>

TestSuite(blk_queues, .timeout = 60);

#define QUEUES 5u

static const struct mock_machine_options multi_queue = {
    .queues = QUEUES,
    .blk = { .flush = true, .multi_queue = true },
};

static struct vpt_blk_queue queues[QUEUES];

static void start(const struct variant *variant, const struct mock_machine_options *options)
{
    disk_init(variant, options);
    cr_assert(disk.blk.info.queues == QUEUES);
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_blk_queue_init(&queues[i], &disk.blk, i, NULL), VPT_OK);
    }
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    for (uint32_t i = 0; i < 2048; i++) {
        fill(disk_content(i), SECTOR, i);
    }
}

static void start_by_run(const struct variant *variant)
{
    struct mock_machine_options options = multi_queue;

    options.completion.mode = MOCK_COMPLETE_BY_RUN;
    start(variant, &options);
}

static enum vpt_status submit(unsigned which, uint64_t sector, size_t offset, void *token)
{
    const struct vpt_segment segment = machine_segment(offset, SECTOR);
    const struct vpt_blk_request request = {
        .operation = VPT_BLK_READ, .sector = sector, .segments = &segment, .segment_count = 1
    };

    return vpt_blk_submit(&queues[which], &request, token);
}

static enum vpt_status poll(unsigned which, void **token)
{
    struct vpt_completion completion = { .status = VPT_EMPTY };
    enum vpt_status status = vpt_requests_poll(&queues[which].requests, &completion);

    *token = completion.token;
    return status == VPT_OK ? completion.status : status;
}

static void release_all(void)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        assert_status(vpt_requests_release(&queues[i].requests), VPT_OK);
        cr_assert(all_zero(&queues[i], sizeof(queues[i])));
    }
}

static void end(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    release_all();
    machine_finish();
}

/* ---- How many there are ---- */

VERSION_TEST(blk_queues, the_device_says_how_many_queues_there_are)
{
    disk_init(variant, &multi_queue);
    cr_assert(vpt_features_has(&machine.device->features, VPT_BLK_F_MQ));
    cr_assert(disk.blk.info.queues == QUEUES);
    for (uint32_t index = QUEUES; index <= 0xffff; index += 4099) {
        assert_status(vpt_blk_queue_init(&queues[0], &disk.blk, (uint16_t)index, NULL), VPT_UNSUPPORTED_QUEUE);
        cr_assert(all_zero(&queues[0], sizeof(queues[0])));
    }
    assert_status(vpt_blk_queue_init(&queues[0], &disk.blk, QUEUES - 1u, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&queues[1], &disk.blk, QUEUES - 1u, NULL), VPT_DEVICE_QUEUE_STATE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_requests_release(&queues[0].requests), VPT_OK);
    machine_finish();
}

VERSION_TEST(blk_queues, a_device_of_no_queue_is_refused)
{
    static const struct {
        uint16_t queues;
        enum vpt_status status;
    } cases[] = { { 0, VPT_DEVICE_CONFIG }, { 1, VPT_OK }, { 0xffff, VPT_OK } };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        disk_machine(variant, &multi_queue);
        mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, cases[i].queues);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), cases[i].status);
        cr_assert(disk.blk.info.queues == cases[i].queues);
        cr_assert(((machine.model->status & VPT_STATUS_FAILED) != 0) == (cases[i].status != VPT_OK));
        machine_finish();
    }
}

/* It says more than it has: the transport finds out. */
VERSION_TEST(blk_queues, a_queue_that_is_promised_and_not_there_is_reported)
{
    disk_machine(variant, &multi_queue);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, QUEUES + 1u);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&queues[0], &disk.blk, QUEUES, NULL), VPT_UNSUPPORTED_QUEUE);
    cr_assert(all_zero(&queues[0], sizeof(queues[0])));
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    machine_finish();
}

/* It has more than it says: those are not for requests. */
VERSION_TEST(blk_queues, a_queue_past_the_promised_ones_is_left_alone)
{
    disk_machine(variant, &multi_queue);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, QUEUES - 1u);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&queues[0], &disk.blk, QUEUES - 1u, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_blk_queue_init(&queues[0], &disk.blk, QUEUES - 2u, NULL), VPT_OK);
    end();
}

/* Any of them will do, and not all have to be set up. */
VERSION_TEST(blk_queues, one_queue_of_several_is_enough)
{
    for (uint16_t index = 0; index < QUEUES; index++) {
        disk_init(variant, &multi_queue);
        assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, index, NULL), VPT_OK);
        assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
        assert_status(disk_read_sector(9), VPT_OK);
        cr_assert(mock_blk_last(machine.blk)->queue == index);
        disk_end();
    }
}

/* ---- Each for itself ---- */

/* Requests with the same numbers in every queue at once: none gets the data or the token of another. */
VARIANT_TEST(blk_queues, requests_of_several_queues_at_once_stay_apart)
{
    unsigned back[QUEUES][10];

    memset(back, 0, sizeof(back));
    start_by_run(variant);
    for (unsigned n = 0; n < 10; n++) {
        for (unsigned i = 0; i < QUEUES; i++) {
            assert_status(submit(i, i * 100 + n, (i * 10 + n) * SECTOR, &back[i][n]), VPT_OK);
        }
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        assert_status(vpt_requests_kick(&queues[i].requests), VPT_OK);
    }
    cr_assert(mock_device_run(machine.model, UINT32_MAX) == 10 * QUEUES);
    for (unsigned n = 0; n < 10 * QUEUES; n++) {
        unsigned i = QUEUES - 1u - n % QUEUES;
        void *token = NULL;

        assert_status(poll(i, &token), VPT_OK);
        cr_assert((unsigned *)token >= back[i] && (unsigned *)token < back[i] + 10);
        ++*(unsigned *)token;
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        void *token = NULL;

        assert_status(poll(i, &token), VPT_EMPTY);
        for (unsigned n = 0; n < 10; n++) {
            cr_assert(back[i][n] == 1);
            cr_assert(filled(machine_bytes((i * 10 + n) * SECTOR), SECTOR, i * 100 + n));
        }
    }
    end();
}

struct snapshot {
    struct vpt_blk blk;
    struct vpt_mmio mmio;
    struct vpt_blk_queue queues[QUEUES];
};

static void take(struct snapshot *snapshot)
{
    memcpy(&snapshot->blk, &disk.blk, sizeof(snapshot->blk));
    memcpy(&snapshot->mmio, &machine.mmio, sizeof(snapshot->mmio));
    memcpy(snapshot->queues, queues, sizeof(snapshot->queues));
}

/* All but queue `which` is as it was. */
static void check_others(const struct snapshot *before, unsigned which)
{
    cr_assert(memcmp(&before->blk, &disk.blk, sizeof(disk.blk)) == 0);
    cr_assert(memcmp(&before->mmio, &machine.mmio, sizeof(machine.mmio)) == 0);
    for (unsigned i = 0; i < QUEUES; i++) {
        cr_assert((memcmp(&before->queues[i], &queues[i], sizeof(queues[i])) == 0) == (i != which), "queue %u", i);
    }
}

/* No lock is common to two queues: what one does writes nothing that another one, or the device's owner, reads. */
VARIANT_TEST(blk_queues, a_queue_in_use_changes_nothing_but_itself)
{
    static struct snapshot before;
    uint8_t sector[SECTOR];

    start(variant, &multi_queue);
    for (unsigned i = 0; i < QUEUES; i++) {
        void *token = NULL;

        take(&before);
        assert_status(submit(i, i, 0, NULL), VPT_OK);
        check_others(&before, i);
        assert_status(vpt_requests_kick(&queues[i].requests), VPT_OK);
        check_others(&before, i);
        assert_status(poll(i, &token), VPT_OK);
        assert_status(poll(i, &token), VPT_EMPTY);
        check_others(&before, i);
        vpt_requests_notifications_off(&queues[i].requests);
        (void)vpt_requests_notifications_on(&queues[i].requests);
        assert_status(submit(i, 5000, 0, NULL), VPT_CALLER_RANGE);
        assert_status(vpt_blk_read(&queues[i], i, sector, SECTOR), VPT_OK);
        assert_status(vpt_blk_flush(&queues[i]), VPT_OK);
        check_others(&before, i);
    }
    end();
}

/* A helper waits for its own request, and minds only its own queue being idle. */
VERSION_TEST(blk_queues, a_helper_works_beside_requests_of_another_queue)
{
    uint8_t sector[SECTOR];
    void *token = NULL;

    start_by_run(variant);
    assert_status(submit(0, 7, 0, &sector), VPT_OK);
    assert_status(vpt_requests_kick(&queues[0].requests), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_blk_read(&queues[0], 8, sector, SECTOR), VPT_CALLER_BUSY);
    assert_status(vpt_blk_read(&queues[1], 8, sector, SECTOR), VPT_OK);
    cr_assert(filled(sector, SECTOR, 8));
    (void)mock_device_run(machine.model, UINT32_MAX);
    assert_status(poll(0, &token), VPT_OK);
    cr_assert(token == sector && filled(machine_bytes(0), SECTOR, 7));
    end();
}

/* ---- The end of all ---- */

/* One of another queue's requests has completed, one has come with the reset; the rest never will. */
VARIANT_TEST(blk_queues, STATUS_4_a_time_out_in_one_queue_brings_the_requests_of_all_back_once)
{
    unsigned back[QUEUES][4];
    uint8_t sector[SECTOR];

    memset(back, 0, sizeof(back));
    start_by_run(variant);
    for (unsigned i = 1; i < QUEUES; i++) {
        for (unsigned n = 0; n < 4; n++) {
            assert_status(submit(i, n, (i * 4 + n) * SECTOR, &back[i][n]), VPT_OK);
        }
        assert_status(vpt_requests_kick(&queues[i].requests), VPT_OK);
    }
    cr_assert(mock_device_run(machine.model, 1) == 1);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
    assert_status(vpt_blk_read(&queues[0], 0, sector, SECTOR), VPT_DEVICE_TIMEOUT);
    cr_assert(machine.model->resets == 2);
    for (unsigned i = 1; i < QUEUES; i++) {
        unsigned done = 0;
        void *token = NULL;

        assert_status(vpt_blk_read(&queues[i], 0, sector, SECTOR), VPT_CALLER_STATE);
        assert_status(vpt_requests_release(&queues[i].requests), VPT_CALLER_BUSY);
        for (unsigned n = 0; n < 4; n++) {
            enum vpt_status status = poll(i, &token);

            cr_assert(status == VPT_OK || status == VPT_CANCELLED, "%s", vpt_status_str(status));
            done += status == VPT_OK ? 1u : 0u;
            ++*(unsigned *)token;
        }
        cr_assert(done == (i == 1 ? 1 : 0));
        assert_status(poll(i, &token), VPT_EMPTY);
        for (unsigned n = 0; n < 4; n++) {
            cr_assert(back[i][n] == 1);
        }
        assert_status(vpt_blk_read(&queues[i], 0, sector, SECTOR), VPT_CANCELLED);
        assert_status(submit(i, 0, 0, NULL), VPT_CANCELLED);
    }
    release_all();
    cr_assert(mock_hal_live_shares(machine.hal) == 0);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(3), VPT_OK);
    disk_end();
}
