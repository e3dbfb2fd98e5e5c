/* SPDX-License-Identifier: MIT */
/* Several request queues of one disk: what they share, which is nothing but the device, and how they end together. */
#include "disk.h"

#include <string.h>

TestSuite(blk_queues, .timeout = 60);

#define QUEUES 5u

/* ---- How many there are ---- */

/* What the device says, which has 5, and what comes of a queue. Any queue will do, and not all have to be set up. */
static const struct {
    const char *what;
    uint16_t said;
    uint16_t index;
    enum vpt_status status;
} numbers[] = {
    { "the first", QUEUES, 0, VPT_OK },
    { "the last", QUEUES, QUEUES - 1, VPT_OK },
    { "past the last", QUEUES, QUEUES, VPT_UNSUPPORTED_QUEUE },
    { "past all numbers", QUEUES, 0xffff, VPT_UNSUPPORTED_QUEUE },
    { "promised and not there", QUEUES + 1, QUEUES, VPT_UNSUPPORTED_QUEUE },
    { "the last that is promised", QUEUES - 1, QUEUES - 2, VPT_OK },
    { "there and not promised", QUEUES - 1, QUEUES - 1, VPT_UNSUPPORTED_QUEUE },
};

VERSION_TEST(blk_queues, a_queue_can_be_used_if_the_device_has_it_and_says_so)
{
    const struct mock_machine_options options = { .queues = QUEUES, .blk = { .multi_queue = true } };

    for (unsigned i = 0; i < COUNT_OF(numbers); i++) {
        const char *what = numbers[i].what;

        disk_machine(variant, &options);
        mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, numbers[i].said);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
        assert_same_of(what, disk.blk.info.queues, numbers[i].said);
        assert_status_of(what, vpt_blk_queue_init(&disk.queue[0], &disk.blk, numbers[i].index, NULL),
                         numbers[i].status);
        if (numbers[i].status == VPT_OK) {
            assert_status(vpt_blk_queue_init(&disk.queue[1], &disk.blk, numbers[i].index, NULL),
                          VPT_DEVICE_QUEUE_STATE);
            assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
            assert_status(disk_read_sector(9), VPT_OK);
            assert_same_of(what, mock_blk_last(machine.blk)->queue, numbers[i].index);
            disk_stop();
        }
        cr_assert(all_zero(disk.queue, sizeof(disk.queue)), "%s", what);
        machine_finish();
    }
}

/* ---- Each for itself ---- */

static void start(const struct variant *variant)
{
    const struct mock_machine_options options = { .queues = DISK_QUEUES,
                                                  .blk = { .flush = true, .multi_queue = true } };

    disk_machine(variant, &options);
    disk.queues = DISK_QUEUES;
    assert_status(disk_bring_up(NULL), VPT_OK);
}

static struct disk before;
static struct vpt_mmio mmio_before;

/* No lock is common to two queues: what one does writes nothing that the other one, or the device's owner, reads. */
static void check_unchanged(unsigned but)
{
    memcpy(&before.queue[but], &disk.queue[but], sizeof(disk.queue[but]));
    cr_assert(memcmp(&before, &disk, sizeof(disk)) == 0);
    cr_assert(memcmp(&mmio_before, &machine.mmio, sizeof(machine.mmio)) == 0);
}

VARIANT_TEST(blk_queues, a_queue_in_use_changes_nothing_but_itself)
{
    uint8_t sector[SECTOR];

    start(variant);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        const struct vpt_segment segment = machine_segment(0, SECTOR);
        struct vpt_blk_request request = { VPT_BLK_READ, i, &segment, 1, 0, NULL };
        struct vpt_blk_queue *queue = &disk.queue[i];
        struct vpt_completion completion;

        memcpy(&before, &disk, sizeof(disk));
        memcpy(&mmio_before, &machine.mmio, sizeof(machine.mmio));
        assert_status(vpt_blk_submit(queue, &request, NULL), VPT_OK);
        check_unchanged(i);
        assert_status(vpt_requests_kick(&queue->requests), VPT_OK);
        check_unchanged(i);
        assert_status(vpt_requests_poll(&queue->requests, &completion), VPT_OK);
        assert_status(vpt_requests_poll(&queue->requests, &completion), VPT_EMPTY);
        check_unchanged(i);
        vpt_requests_notifications_off(&queue->requests);
        (void)vpt_requests_notifications_on(&queue->requests);
        request.sector = 5000;
        assert_status(vpt_blk_submit(queue, &request, NULL), VPT_CALLER_RANGE);
        assert_status(vpt_blk_read(queue, i, sector, SECTOR), VPT_OK);
        assert_status(vpt_blk_flush(queue), VPT_OK);
        check_unchanged(i);
    }
    disk_end();
}

/* A helper waits for its own request, and minds only its own queue being idle. */
VERSION_TEST(blk_queues, a_helper_works_beside_requests_of_another_queue)
{
    start(variant);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(2, 2);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_blk_read(&disk.queue[1], 8, machine_bytes(0), SECTOR), VPT_CALLER_BUSY);
    assert_status(disk_read_sector(8), VPT_OK);
    (void)mock_device_run(machine.model, UINT32_MAX);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(2, 2, VPT_OK);
    disk_end();
}

/* ---- The end of all ---- */

/* One of the other queue's requests has completed; the rest never will. */
VARIANT_TEST(blk_queues, STATUS_4_a_time_out_in_one_queue_brings_the_requests_of_the_other_back_once)
{
    start(variant);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    pair_submit(2, 2);
    pair_submit(6, 2);
    assert_same(mock_device_run(machine.model, 1), 1);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
    assert_status(disk_read_sector(8), VPT_DEVICE_TIMEOUT);
    assert_same(machine.model->resets, 2);
    assert_status(vpt_blk_read(&disk.queue[1], 0, machine_bytes(0), SECTOR), VPT_CALLER_STATE);
    assert_status(vpt_requests_release(&disk.queue[1].requests), VPT_CALLER_BUSY);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(2, 1, VPT_OK);
    pair_assert_back(3, 1, VPT_CANCELLED);
    pair_assert_back(6, 2, VPT_CANCELLED);
    assert_status(vpt_blk_read(&disk.queue[1], 0, machine_bytes(0), SECTOR), VPT_CANCELLED);
    assert_status(disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_CANCELLED);
    disk_release();
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(disk_bring_up(NULL), VPT_OK);
    pair_assert_works(3);
    disk_end();
}
