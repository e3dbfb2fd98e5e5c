/* SPDX-License-Identifier: MIT */
/* The balloon driver on QEMU's virtio-balloon: what QEMU says that the guest has, and what is left in the pages. */
#include "qemu_place.h"

#include <stdlib.h>
#include <string.h>

TestSuite(device_balloon, .timeout = 60);

#define PAGES 600u /* that the test has: more than two requests' */
#define PIECE 0x10000u

static struct vpt_balloon balloon;
static struct vpt_memory memory;
static uint32_t pages[PAGES]; /* every second one of the memory's, then the others */
static uint64_t ram;          /* bytes, as QEMU says, without a balloon */

/* ---- The host ---- */

static const char *answer(const char *command)
{
    assert_status(vpt_qtest_qmp(fixture.qtest, "%s", command), VPT_OK);
    return vpt_qtest_qmp_answer(fixture.qtest);
}

/* A number of the last answer. */
static uint64_t number(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    cr_assert(at != NULL, "%s: no %s in %s", fixture.what, name, text);
    return strtoull(at + strlen(name), NULL, 10);
}

/* How much memory the guest has. */
static uint64_t left(void)
{
    return number(answer("{'execute': 'query-balloon'}"), "\"actual\": ");
}

static void want(uint64_t bytes)
{
    assert_status(
        vpt_qtest_qmp(fixture.qtest, "{'execute': 'balloon', 'arguments': {'value': %llu}}", (unsigned long long)bytes),
        VPT_OK);
}

/* ---- The machine ---- */

static void probe(const struct place *place)
{
    struct fixture_options options = { .image_size = 0 };

    place_start(place, "virtio-balloon", ",deflate-on-oom=on,free-page-reporting=on", &options);
    memory = memory_of((size_t)PAGES * VPT_BALLOON_PAGE_SIZE, 0);
    for (uint32_t i = 0; i < PAGES; i++) {
        uint32_t at = i < PAGES / 2u ? 2u * i : 2u * (i - PAGES / 2u) + 1u;

        pages[i] = (uint32_t)(memory.device_address / VPT_BALLOON_PAGE_SIZE) + at;
    }
    memset(memory.address, 0x77, memory.size);
    ram = left();
}

static void start(const struct place *place)
{
    probe(place);
    assert_status(vpt_balloon_open(&balloon, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
}

static void start_all(const struct place *place)
{
    probe(place);
    assert_status(vpt_balloon_init(&balloon, placed.device, NULL), VPT_OK);
    for (uint16_t i = 0; i <= VPT_BALLOON_REPORTING; i++) {
        assert_status(vpt_balloon_queue_init(&balloon, i, NULL), i == 3 ? VPT_UNSUPPORTED_QUEUE : VPT_OK);
    }
    assert_status(vpt_driver_start(&balloon.driver), VPT_OK);
}

static void end(void)
{
    assert_that((place_status() & VPT_STATUS_DEVICE_NEEDS_RESET) == 0);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_balloon_drain(&balloon), VPT_OK);
    assert_status(vpt_driver_release(&balloon.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &memory, 0);
    place_finish();
}

/* Whether a page of the memory has this byte everywhere. */
static bool page_is(uint32_t at, uint8_t value)
{
    const uint8_t *bytes = (const uint8_t *)memory.address + (size_t)at * VPT_BALLOON_PAGE_SIZE;

    for (uint32_t i = 0; i < VPT_BALLOON_PAGE_SIZE; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

static void assert_works(void)
{
    uint64_t had = left();

    memset(memory.address, 0x77, memory.size);
    assert_status(vpt_balloon_inflate(&balloon, pages, PAGES / 2u), VPT_OK);
    assert_that(left() == had - PAGES / 2u * (uint64_t)VPT_BALLOON_PAGE_SIZE);
    for (uint32_t i = 0; i < PAGES; i++) {
        cr_assert(page_is(i, i % 2u == 0 ? 0 : 0x77), "%s: page %u", fixture.what, i);
    }
    assert_status(vpt_balloon_deflate(&balloon, pages, PAGES / 2u), VPT_OK);
    assert_that(left() == had);
    memset(memory.address, 0x78, memory.size);
    assert_that(page_is(0, 0x78) && page_is(PAGES - 1u, 0x78));
}

/* ---- Tests ---- */

PLACE_TEST(device_balloon, BAL_OP_6_BAL_OP_11_pages_go_in_and_out)
{
    start(place);
    for (unsigned round = 0; round < 3; round++) {
        assert_works();
    }
    assert_status(vpt_balloon_inflate(&balloon, pages, PAGES), VPT_OK);
    assert_that(left() == ram - PAGES * (uint64_t)VPT_BALLOON_PAGE_SIZE);
    assert_that(page_is(0, 0) && page_is(PAGES - 1u, 0));
    for (uint32_t i = 0; i < PAGES; i += 200u) {
        assert_status(vpt_balloon_deflate(&balloon, pages + i, 200), VPT_OK);
        assert_that(left() == ram - (PAGES - 200u - i) * (uint64_t)VPT_BALLOON_PAGE_SIZE);
    }
    end();
}

PLACE_TEST(device_balloon, BAL_OP_12_several_requests_at_once)
{
    struct vpt_completion completion;

    start(place);
    for (uint32_t i = 0; i < 4; i++) {
        assert_status(vpt_balloon_submit_inflate(&balloon, pages + i * 100u, 100, &pages[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&balloon.inflate), VPT_OK);
    assert_status(vpt_requests_quiesce(&balloon.inflate, NULL, NULL), VPT_OK);
    assert_that(page_is(0, 0) && page_is(PAGES - 1u, 0x77));
    assert_status(vpt_requests_poll(&balloon.inflate, &completion), VPT_EMPTY);
    assert_that(left() == ram);
    assert_status(vpt_balloon_set_actual(&balloon, 400), VPT_OK);
    assert_that(left() == ram - 400u * (uint64_t)VPT_BALLOON_PAGE_SIZE);
    assert_status(vpt_balloon_deflate(&balloon, pages, 400), VPT_OK);
    assert_works();
    end();
}

PLACE_TEST(device_balloon, D_BAL_5_the_host_changes_its_mind)
{
    uint32_t target = 99;

    start(place);
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_OK);
    assert_that(target == 0);
    (void)vpt_device_interrupt(placed.device); /* of the bring-up */
    place_intercept();
    for (uint32_t wish = 256; wish <= 768; wish += 256u) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

        want(ram - wish * (uint64_t)VPT_BALLOON_PAGE_SIZE);
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
        assert_status(vpt_balloon_get_target(&balloon, &target), VPT_OK);
        cr_assert(target == wish, "%s: %u, not %u", fixture.what, target, wish);
    }
    assert_works();
    end();
}

/* QEMU asks as soon as it is told to ask now and then. */
static void ask(void)
{
    for (unsigned seconds = 0; seconds < 2; seconds++) {
        assert_status(vpt_qtest_qmp(fixture.qtest,
                                    "{'execute': 'qom-set', 'arguments': {'path': '/machine/peripheral/device', "
                                    "'property': 'guest-stats-polling-interval', 'value': %u}}",
                                    seconds * 1000u),
                      VPT_OK);
    }
}

static void give(uint64_t value)
{
    const struct vpt_balloon_statistic statistics[] = { { VPT_BALLOON_TOTAL, value },
                                                        { VPT_BALLOON_FREE, UINT64_C(0x100000000) + value },
                                                        { 99, 1 } };
    uint64_t began = now();
    enum vpt_status status;

    do {
        status = vpt_balloon_give_statistics(&balloon, statistics, 3);
        (void)place_status(); /* lets QEMU work */
    } while (status == VPT_EMPTY && now() - began < FIXTURE_WAIT);
    assert_status(status, VPT_OK);
}

PLACE_TEST(device_balloon, D_BAL_6_BAL_STAT_3_statistics_arrive)
{
    start_all(place);
    give(1);
    for (uint64_t value = 5; value < 8; value++) {
        const char *text;

        ask();
        give(value);
        (void)place_status();
        text = answer("{'execute': 'qom-get', 'arguments': {'path': '/machine/peripheral/device', 'property': "
                      "'guest-stats'}}");
        assert_that(number(text, "\"stat-total-memory\": ") == value);
        assert_that(number(text, "\"stat-free-memory\": ") == UINT64_C(0x100000000) + value);
        assert_that(number(text, "\"stat-swap-in\": ") == UINT64_MAX);
    }
    assert_works();
    end();
}

/* D-BAL-2: QEMU counts only the queues that it offers. */
PLACE_TEST(device_balloon, D_BAL_2_D_BAL_7_memory_that_is_reported_is_zero_afterwards)
{
    const uint32_t flags = place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0;
    struct vpt_segment pieces[3];
    struct vpt_memory free_memory;

    start_all(place);
    assert_that(balloon.reporting.queue.index == 3);
    free_memory = memory_of(4u * PIECE, flags);
    memset(free_memory.address, 0x55, free_memory.size);
    for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
        pieces[i] = (struct vpt_segment){ free_memory.device_address + i * PIECE, PIECE };
    }
    pieces[1].address += PIECE; /* the one between stays as it is */
    pieces[2].address += PIECE;
    pieces[2].length = 0x1000;
    assert_status(vpt_balloon_report(&balloon, pieces, 3, NULL), VPT_OK);
    assert_status(vpt_requests_quiesce(&balloon.reporting, NULL, NULL), VPT_OK);
    for (uint32_t i = 0; i < 4u * PIECE; i++) {
        uint8_t expected = i / PIECE == 1 || i >= 3u * PIECE + 0x1000u ? 0x55 : 0;

        cr_assert(((const uint8_t *)free_memory.address)[i] == expected, "%s: byte 0x%x", fixture.what, i);
    }
    fixture.port->dma_free(fixture.port->ctx, &free_memory, flags);
    assert_works();
    end();
}

/* The pages stay in the balloon, and QEMU is told so again. */
PLACE_TEST(device_balloon, a_restart_on_the_same_memory)
{
    start_all(place);
    give(1);
    assert_status(vpt_balloon_inflate(&balloon, pages, 10), VPT_OK);
    for (unsigned round = 0; round < 3; round++) {
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&balloon.driver, NULL), round == 0 ? VPT_CALLER_BUSY : VPT_OK);
        assert_status(vpt_balloon_drain(&balloon), round == 0 ? VPT_OK : VPT_CALLER_STATE);
        if (round == 0) {
            assert_status(vpt_driver_restart(&balloon.driver, NULL), VPT_OK);
        }
        assert_that(left() == ram - 10u * (uint64_t)VPT_BALLOON_PAGE_SIZE);
    }
    give(2);
    assert_status(vpt_balloon_deflate(&balloon, pages, 10), VPT_OK);
    assert_that(left() == ram);
    assert_works();
    end();
}
