/* SPDX-License-Identifier: MIT */
/*
 * Suspend: the disk is made idle and reset, the devices lose their state (QEMU's system_reset also clears BARs and
 * command registers), and the driver restarts with its existing memory.
 */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_suspend, .timeout = 60);

#define REQUESTS 8u

static uint8_t model[DISK_SIZE];
static uint8_t tokens[REQUESTS];
static uint32_t back;

static void complete(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t index = (uint8_t *)completion->token - tokens;

    assert_that(ctx == &back);
    assert_status(completion->status, VPT_OK);
    assert_that(index >= 0 && index < (ptrdiff_t)REQUESTS && (back & 1u << index) == 0);
    back |= 1u << index;
}

/* Submits writes that differ by round; the device sees only the first ones. */
static void submit_writes(uint32_t round)
{
    for (uint32_t i = 0; i < REQUESTS; i++) {
        size_t offset = ((size_t)round * 100u + i * 3u) * SECTOR;

        fill(disk_bytes(i * SECTOR), SECTOR, round * REQUESTS + i);
        memcpy(model + offset, disk_bytes(i * SECTOR), SECTOR);
        assert_status(disk_submit(VPT_BLK_WRITE, offset / SECTOR, i * SECTOR, SECTOR, &tokens[i]), VPT_OK);
        if (i == REQUESTS / 2u) {
            assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        }
    }
}

static void quiesce(void)
{
    struct vpt_completion completion;

    back = 0;
    assert_status(vpt_requests_quiesce(&disk.queue.requests, complete, &back), VPT_OK);
    assert_that(back == (1u << REQUESTS) - 1u && requests_in_flight(&disk.queue.requests) == 0);
    assert_status(vpt_blk_flush(&disk.queue), VPT_OK);
    assert_that(image_is(model));
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
}

static void sleep_and_wake(void)
{
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'system_reset'}"), VPT_OK);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "RESET", NULL, FIXTURE_WAIT), VPT_OK);
    if (place_is_pci(&placed.place)) {
        assert_that((function_command() & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == 0);
        assert_status(vpt_pci_bars_restore(&function.function, &function.bars), VPT_OK);
        assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
        assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
    }
}

/* Restarts on a port that cannot allocate or free memory. */
static void restart(void)
{
    struct vpt_qtest_counts counts = vpt_qtest_counts(fixture.qtest);

    placed.port.dma_allocate = NULL;
    placed.port.dma_free = NULL;
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    placed.port.dma_allocate = fixture.port->dma_allocate;
    placed.port.dma_free = fixture.port->dma_free;
    assert_that(vpt_qtest_counts(fixture.qtest).allocations == counts.allocations);
    assert_that(vpt_qtest_counts(fixture.qtest).mappings == counts.mappings);
    assert_that(disk.blk.info.capacity == fixture.image_size / SECTOR);
}

static void check_data(void)
{
    static uint8_t seen[DISK_SIZE];

    assert_status(vpt_blk_read(&disk.queue, 0, seen, sizeof(seen)), VPT_OK);
    assert_that(memcmp(seen, model, sizeof(model)) == 0);
}

/* The line announces the completion of the first request after a restart. */
static void check_interrupt(void)
{
    uint32_t raises;

    (void)vpt_device_interrupt(placed.device);
    raises = vpt_qtest_line_raises(fixture.qtest, place_line());
    assert_status(disk_submit(VPT_BLK_READ, 1, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
    assert_status(disk_complete(NULL), VPT_OK);
}

static void start(const struct place *place)
{
    place_start_disk(place);
    place_intercept();
    fill(model, sizeof(model), 1);
    image_write(0, model, sizeof(model));
    disk_start(placed.device, NULL, NULL);
    disk_data(REQUESTS * SECTOR);
}

PLACE_TEST(device_suspend, RESET_1_a_disk_goes_on_after_the_machine_has_slept)
{
    start(place);
    for (uint32_t round = 0; round < 3; round++) {
        submit_writes(round);
        quiesce();
        if (!place->iommu) { /* a reset would clear its tables too */
            sleep_and_wake();
        }
        restart();
        check_interrupt();
        check_data();
    }
    submit_writes(3);
    quiesce();
    restart();
    check_data();
    place_end();
}

/* The suspend is not announced: the device loses its state with requests in flight. */
PLACE_TEST(device_suspend, what_was_in_flight_when_the_device_lost_its_state_comes_back_once)
{
    start(place);
    for (uint32_t round = 0; round < 3; round++) {
        struct vpt_completion completion = { 0 };
        enum vpt_status polled;
        uint32_t taken = 0;

        submit_writes(round);
        if (!place->iommu) {
            sleep_and_wake();
        }
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_CALLER_BUSY);
        for (polled = vpt_requests_poll(&disk.queue.requests, &completion); polled == VPT_OK;
             polled = vpt_requests_poll(&disk.queue.requests, &completion)) {
            assert_that(completion.status == VPT_OK || completion.status == VPT_CANCELLED);
            taken++;
        }
        assert_status(polled, VPT_EMPTY);
        assert_that(taken == REQUESTS);
        restart();
        submit_writes(round); /* whether they were completed before is unknown */
        back = 0;
        assert_status(vpt_requests_quiesce(&disk.queue.requests, complete, &back), VPT_OK);
        check_data();
    }
    place_end();
}
