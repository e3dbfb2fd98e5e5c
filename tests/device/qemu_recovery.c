/* SPDX-License-Identifier: MIT */
/*
 * A device that stops: the test corrupts the shared ring between publishing and notification, and QEMU's disk finds
 * this and stops. A modern disk reports DEVICE_NEEDS_RESET, a legacy disk is silent from then on.
 * Split rings only: QEMU 7.2 does not answer any more once it has found such a fault in a packed ring.
 */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_recovery, .timeout = 60);

#define REQUESTS 6u
#define VICTIM   3u  /* the corrupted request */
#define SILENCE  20u /* milliseconds */
#define PATIENCE 100u

enum lie { LIE_INDEX, LIE_HEAD, LIE_ADDRESS, LIE_LENGTH, LIE_LOOP, LIE_NO_STATUS, LIES };

static enum lie lie;
static uint32_t back; /* a bit for each token that has come back */
static uint8_t tokens[REQUESTS];
static uint8_t bytes[3 * SECTOR];

/* ---- The shared ring ---- */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

#define NEXT      1u
#define ABOVE_RAM UINT64_C(0x4000000000) /* no machine has memory there */

/* The published ring entry `from_last` before the newest. */
static uint16_t *head_of(unsigned from_last)
{
    uint16_t *available = disk.queue.requests.queue.available;
    uint16_t place = (uint16_t)(available[1] - 1u - from_last);

    return &available[2u + (place & disk.queue.requests.queue.mask)];
}

/* Corrupts a chain of header, two data pieces and status. Runs before the notification. */
static void corrupt(void)
{
    uint16_t *available = disk.queue.requests.queue.available;
    struct descriptor *descriptors = disk.queue.requests.queue.descriptors;
    unsigned in_flight = requests_in_flight(&disk.queue.requests);
    unsigned from_last = in_flight > VICTIM ? in_flight - 1u - VICTIM : 0;
    uint16_t *head = head_of(from_last);
    struct descriptor *first = &descriptors[*head];
    struct descriptor *second = &descriptors[first->next];

    switch (lie) {
    case LIE_INDEX: available[1] = (uint16_t)(available[1] + disk.queue.requests.queue.mask + 2u); break;
    case LIE_HEAD: *head = 0x7ffe; break;
    case LIE_ADDRESS: /* QEMU would bounce one unmapped page */
        second->address = ABOVE_RAM;
        descriptors[second->next].address = ABOVE_RAM + 0x100000u;
        break;
    case LIE_LENGTH: second->length = 0; break;
    case LIE_LOOP: second->next = first->next; break;
    default: first->flags = 0; break;
    }
}

/* ---- Steps ---- */

static void start(void)
{
    static const struct ring_features ring = { false, true }; /* direct chains: all in the ring */
    static const struct vpt_requests_config config = { .requests = 8, .segments = 2 };

    disk_start(placed.device, &ring, &config);
    disk_data(REQUESTS * 2u * SECTOR);
    back = 0;
}

static void submit_all(void)
{
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct vpt_segment segments[2] = { disk_segment(2u * i * SECTOR, SECTOR),
                                           disk_segment((2u * i + 1u) * SECTOR, SECTOR) };
        struct vpt_blk_request request = {
            .operation = VPT_BLK_READ, .sector = i, .segments = segments, .segment_count = 2
        };

        assert_status(vpt_blk_submit(&disk.queue, &request, &tokens[i]), VPT_OK);
    }
}

/* Takes one completion; VPT_EMPTY: none. */
static enum vpt_status take_one(enum vpt_status *status)
{
    struct vpt_completion completion = { 0 };
    enum vpt_status polled = vpt_requests_poll(&disk.queue.requests, &completion);
    ptrdiff_t index = (uint8_t *)completion.token - tokens;

    if (polled == VPT_OK) {
        assert_that(index >= 0 && index < (ptrdiff_t)REQUESTS);
        assert_that((back & 1u << index) == 0);
        back |= 1u << index;
        *status = completion.status;
    }
    return polled;
}

/* No request completes any more; earlier completions were successful. */
static void expect_silence(void)
{
    uint64_t ends = now() + SILENCE;
    enum vpt_status status = VPT_OK;

    while (now() < ends) {
        if (take_one(&status) == VPT_OK) {
            assert_status(status, VPT_OK);
        }
    }
    assert_that((back & 1u << VICTIM) == 0);
}

/* For an address without memory the IOMMU, if any, reports a fault first. */
static void forget_fault(void)
{
    uint64_t page = 0;

    assert_that(vpt_qtest_iommu_fault(fixture.qtest, &page) == (placed.place.iommu && lie == LIE_ADDRESS));
}

static void expect_needs_reset(uint32_t raises)
{
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_status(vpt_device_check(placed.device), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_NEEDS_RESET);
}

/* Every request comes back once, the last ones by the reset. A slow QEMU may have completed some just before. */
static void take_all_back(void)
{
    enum vpt_status status = VPT_OK;
    enum vpt_status polled;
    uint32_t before = back;

    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_that(place_status() == 0);
    for (polled = take_one(&status); polled == VPT_OK; polled = take_one(&status)) {
        assert_that(status == VPT_CANCELLED || (status == VPT_OK && (back ^ before) != 1u << VICTIM));
        before = back;
    }
    assert_status(polled, VPT_EMPTY);
    assert_that(back == (1u << REQUESTS) - 1u && requests_in_flight(&disk.queue.requests) == 0);
}

static void check_works(uint32_t seed)
{
    static uint8_t seen[sizeof(bytes)];

    fill(bytes, sizeof(bytes), seed);
    assert_status(vpt_blk_write(&disk.queue, 100, bytes, sizeof(bytes)), VPT_OK);
    image_read(100 * SECTOR, seen, sizeof(seen));
    assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
    assert_status(vpt_blk_read(&disk.queue, 100, seen, sizeof(seen)), VPT_OK);
    assert_that(memcmp(bytes, seen, sizeof(bytes)) == 0);
}

/* With new memory, or on the queue's old memory. */
static void start_again(bool anew)
{
    if (anew) {
        assert_that(disk_stop() == 0);
        start();
    } else {
        assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    }
}

/* ---- Tests ---- */

PLACE_TEST(device_recovery, a_disk_that_cannot_be_opened_leaves_nothing_behind)
{
    static const struct vpt_blk none;

    place_start_disk(place);
    place_intercept();
    placed.port.dma_allocate = NULL;
    assert_status(vpt_blk_open(&disk.blk, &disk.queue, placed.device), VPT_UNSUPPORTED_PORT);
    assert_that(memcmp(&disk.blk, &none, sizeof(none)) == 0);
    assert_that(vpt_qtest_counts(fixture.qtest).allocations == 0);
    placed.port.dma_allocate = fixture.port->dma_allocate;
    assert_status(vpt_blk_open(&disk.blk, &disk.queue, placed.device), VPT_OK);
    disk.device = placed.device;
    check_works(1);
    assert_that(disk_stop() == 0);
    place_finish();
}

PLACE_TEST(device_recovery, STATUS_4_every_request_of_a_device_that_gave_up_comes_back_once_and_it_works_again)
{
    if (place->packed) {
        return; /* see the top of this file */
    }
    place_start_disk(place);
    place_intercept();
    for (lie = 0; lie < LIES; lie++) {
        uint32_t raises;

        start();
        raises = vpt_qtest_line_raises(fixture.qtest, place_line());
        submit_all();
        placed.before_write = corrupt;
        assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        assert_that(placed.before_write == NULL);
        if (place_is_legacy(place)) {
            expect_silence();
            assert_status(vpt_device_check(placed.device), VPT_OK);
        } else {
            expect_needs_reset(raises);
            expect_silence();
        }
        forget_fault();
        take_all_back();
        start_again((uint32_t)lie % 2u == 0);
        check_works(10u + (uint32_t)lie);
        assert_that(disk_stop() == 0);
    }
    place_finish();
}

PLACE_TEST(device_recovery, RESET_1_a_blocking_call_resets_such_a_device_before_it_gives_the_buffer_back)
{
    enum vpt_status expected = place_is_legacy(place) ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_NEEDS_RESET;

    if (place->packed) {
        return;
    }
    place_start_disk(place);
    for (lie = 0; lie < LIES; lie++) {
        struct vpt_completion completion;

        if (lie == LIE_ADDRESS) {
            continue; /* the buffer is one piece, and QEMU bounces it */
        }
        start();
        placed.patience = PATIENCE;
        placed.reset_before_unshare = true;
        placed.before_write = corrupt;
        assert_status(vpt_blk_read(&disk.queue, 1, bytes, SECTOR), expected);
        assert_that(place_status() == 0 && requests_in_flight(&disk.queue.requests) == 0);
        assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
        assert_status(vpt_blk_read(&disk.queue, 1, bytes, SECTOR), VPT_CANCELLED);
        placed.patience = 0;
        placed.reset_before_unshare = false;
        start_again((uint32_t)lie % 2u != 0);
        check_works(30u + (uint32_t)lie);
        assert_that(disk_stop() == 0);
    }
    place_finish();
}

/* ---- The reset of one queue ---- */

/* QEMU 7.2 offers RING_RESET on every modern transport, and its virtio-mmio has no register for it. */
static enum vpt_status reset_expected(const struct place *place)
{
    if (place_is_legacy(place)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    return place_is_pci(place) ? VPT_OK : VPT_DEVICE_QUEUE_STATE;
}

PLACE_TEST(device_recovery, VQRESET_1_VQREEN_1_a_queue_is_reset_and_gets_another_size)
{
    static const struct vpt_requests_config smaller = { .requests = 4, .segments = 2, .size = 32 };
    enum vpt_status expected = reset_expected(place);
    static uint8_t seen[sizeof(bytes)];
    struct vpt_completion completion;

    place_start_disk(place);
    start();
    for (unsigned i = 0; i < 2; i++) {
        disk_check_works(bytes, seen, sizeof(bytes), i);
        assert_status(disk_submit(VPT_BLK_READ, 0, 0, SECTOR, tokens), VPT_OK);
        assert_status(vpt_requests_reset(&disk.queue.requests), expected);
        if (expected != VPT_OK) {
            assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
            assert_status(disk_complete(NULL), VPT_OK);
            continue;
        }
        assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_OK);
        assert_that(completion.status == VPT_CANCELLED && completion.token == tokens);
        assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
        assert_status(vpt_requests_restart(&disk.queue.requests, i == 0 ? NULL : &smaller), VPT_OK);
        assert_that(vpt_queue_size(&disk.queue.requests.queue) == (i == 0 ? 256u : 32u));
    }
    disk_check_works(bytes, seen, sizeof(bytes), 9);
    place_end();
}
