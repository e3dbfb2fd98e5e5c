/* SPDX-License-Identifier: MIT */
/*
 * Requests that time out, and requests that fail. A throttle makes QEMU hold requests back; a device reset then lets
 * them complete before it returns. QEMU also holds requests back while an error has stopped the machine; a device reset
 * then drops them.
 */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_held, .timeout = 60);

#define PATIENCE 100u /* milliseconds */
#define BURST    128u /* sectors that exhaust the throttle for minutes */
#define REQUESTS 4u

static uint8_t bytes[BURST * SECTOR];
static uint8_t seen[BURST * SECTOR];
static uint8_t tokens[REQUESTS];

/* ---- Steps ---- */

static void monitor(const char *command)
{
    assert_status(vpt_qtest_qmp(fixture.qtest, "%s", command), VPT_OK);
}

static void start_again(uint32_t seed)
{
    placed.patience = 0;
    placed.reset_before_unshare = false;
    disk_start(placed.device, NULL, NULL);
    disk_check_works(bytes, seen, sizeof(bytes), seed);
}

/* A blocking read that times out; its buffer comes back only after the reset. */
static void expect_timeout(uint64_t sector)
{
    uint64_t begin = now();
    struct vpt_completion completion;

    placed.patience = PATIENCE;
    placed.reset_before_unshare = true;
    assert_status(vpt_blk_read(&disk.queue, sector, seen, SECTOR), VPT_DEVICE_TIMEOUT);
    assert_that(now() - begin >= PATIENCE);
    assert_that(place_status() == 0 && requests_in_flight(&disk.queue.requests) == 0);
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
    assert_status(vpt_blk_read(&disk.queue, sector, seen, SECTOR), VPT_CANCELLED);
    assert_that(disk_stop() == 0);
}

static void submit_all(uint64_t sector)
{
    disk_data(REQUESTS * SECTOR);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_status(disk_submit(VPT_BLK_READ, sector + i, i * SECTOR, SECTOR, &tokens[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
}

/* The reset returns all requests, each once, with the same status. */
static void expect_back(enum vpt_status expected)
{
    struct vpt_completion completion;
    uint32_t back = 0;

    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        ptrdiff_t index;

        assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_OK);
        assert_status(completion.status, expected);
        index = (uint8_t *)completion.token - tokens;
        assert_that(index >= 0 && index < (ptrdiff_t)REQUESTS && (back & 1u << index) == 0);
        back |= 1u << index;
    }
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
}

/* ---- Held back by a throttle ---- */

static void throttle(bool on)
{
    monitor(on ? "{'execute': 'qom-set', 'arguments': {'path': '/objects/t', 'property': 'limits', "
                 "'value': {'iops-total': 1, 'iops-size': 512}}}"
               : "{'execute': 'qom-set', 'arguments': {'path': '/objects/t', 'property': 'limits', "
                 "'value': {'iops-total': 0, 'iops-size': 0}}}");
}

/* The next request waits for two minutes. */
static void use_up(void)
{
    throttle(true);
    assert_status(vpt_blk_read(&disk.queue, 0, seen, sizeof(seen)), VPT_OK);
}

PLACE_TEST(device_held, RESET_1_a_read_that_takes_too_long_ends_in_a_reset_and_the_disk_starts_again)
{
    struct fixture_options options = { .arguments = { "-object", "throttle-group,id=t", "-blockdev",
                                                      "driver=throttle,node-name=t0,throttle-group=t,file=d0" } };

    place_start_disk_on(place, "t0", "", &options);
    disk_start(placed.device, NULL, NULL);
    disk_check_works(bytes, seen, sizeof(bytes), 1);
    use_up();
    expect_timeout(7);
    throttle(false);
    start_again(2);
    use_up();
    submit_all(200);
    expect_back(VPT_OK); /* the reset let them complete before it returned */
    assert_that(memcmp(disk_bytes(0), bytes, REQUESTS * SECTOR) == 0);
    assert_that(disk_stop() == 0);
    throttle(false);
    start_again(3);
    place_end();
}

/* ---- Failing ---- */

/* The first operation on each sector that the rules below name fails, and so does the first flush. */
#define BAD_READ    1000u
#define BAD_WRITE   1100u
#define BAD_ZEROES  1200u
#define BAD_DISCARD 1300u

/* A rule of blkdebug's, among several. */
#define RULE(number, type, at)                                                                         \
    ",inject-error." number ".event=none,inject-error." number ".iotype=" type ",inject-error." number \
    ".once=on,inject-error." number ".immediately=on" at

static void start_failing(const struct place *place, const char *properties)
{
    struct fixture_options options = {
        .arguments = { "-blockdev",
                       "driver=blkdebug,node-name=b0,discard=unmap,image=d0" RULE(
                           "0", "read", ",inject-error.0.sector=1000") RULE("1", "write", ",inject-error.1.sector=1100")
                           RULE("2", "write-zeroes", ",inject-error.2.sector=1200")
                               RULE("3", "discard", ",inject-error.3.sector=1300") RULE("4", "flush", "") }
    };

    place_start_disk_on(place, "b0", properties, &options);
    disk.device = placed.device;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    fixture_check_ring(disk.device);
    assert_status(vpt_blk_ranges_init(&disk.blk, 0), VPT_OK);
    assert_status(vpt_blk_queue_init(&disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
}

PLACE_TEST(device_held, a_request_that_fails_says_so_and_the_next_one_works)
{
    const struct vpt_blk_info *info = &disk.blk.info;

    start_failing(place, ",rerror=report,werror=report");
    assert_that(info->flush && info->discard.sectors != 0 && info->write_zeroes.sectors != 0);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        enum vpt_status expected = attempt == 0 ? VPT_DEVICE_IO_ERROR : VPT_OK;

        assert_status(vpt_blk_read(&disk.queue, BAD_READ, seen, SECTOR), expected);
        assert_status(vpt_blk_write(&disk.queue, BAD_WRITE, bytes, SECTOR), expected);
        assert_status(vpt_blk_write_zeroes(&disk.queue, BAD_ZEROES, 8, false), expected);
        assert_status(vpt_blk_discard(&disk.queue, BAD_DISCARD, 8), expected);
        assert_status(vpt_blk_flush(&disk.queue), expected);
        disk_check_works(bytes, seen, sizeof(bytes), 5 + attempt);
    }
    place_end();
}

PLACE_TEST(device_held, requests_that_a_stopped_machine_has_kept_come_back_cancelled)
{
    start_failing(place, ",rerror=stop,werror=stop");
    submit_all(BAD_READ);
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "BLOCK_IO_ERROR", "\"action\": \"stop\"", FIXTURE_WAIT), VPT_OK);
    expect_back(VPT_CANCELLED);
    assert_that(disk_stop() == 0);
    monitor("{'execute': 'cont'}");
    start_again(8);
    place_end();
}
