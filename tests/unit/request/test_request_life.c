/* SPDX-License-Identifier: MIT */
/* A driver's bring-up and the memory of its queues, devices that lie or fail, reset, restart, release. */
#include <stdio.h>
#include <string.h>

#include "request_support.h"

/* ---- Bring-up ---- */

/* No queue, no driver, and the device is given up unless it never was the driver's. */
static void refuse_driver(const struct vpt_driver_kind *kind, const struct vpt_feature_choice *choice,
                          enum vpt_status expected)
{
    uint8_t failed = expected == VPT_UNSUPPORTED_DEVICE && kind->type != BENCH_TYPE ? 0 : VPT_STATUS_FAILED;

    memset(&tested.driver, 0x5a, sizeof(tested.driver));
    assert_status(vpt_driver_init(&tested.driver, bench.device, kind, choice), expected);
    cr_assert(all_zero(&tested.driver, sizeof(tested.driver)));
    cr_assert((bench.machine.device.status & VPT_STATUS_FAILED) == failed);
}

VARIANT_TEST(request_life, INIT_4_a_bring_up_that_fails_gives_the_device_up)
{
    struct vpt_driver_kind kind = tested_driver;
    struct vpt_feature_choice choice = { .required = { { 1u << 9 } } };

    memset(&tested, 0, sizeof(tested));
    bench_probe(variant, NULL);
    kind.type = BENCH_TYPE + 1u;
    refuse_driver(&kind, NULL, VPT_UNSUPPORTED_DEVICE);
    cr_assert(bench.machine.device.resets == 0, "it is left alone");
    kind = tested_driver;
    refuse_driver(&kind, &choice, VPT_UNSUPPORTED_FEATURE);
    kind.required.word[0] = 1u << 11;
    refuse_driver(&kind, NULL, VPT_UNSUPPORTED_FEATURE);
    kind = tested_driver;
    tested.examined = VPT_UNSUPPORTED_DEVICE;
    refuse_driver(&kind, NULL, VPT_UNSUPPORTED_DEVICE);
    cr_assert(tested.configurations == 0);
    tested.examined = VPT_OK;
    tested.configured = VPT_DEVICE_CONFIG;
    refuse_driver(&kind, NULL, VPT_DEVICE_CONFIG);
    cr_assert(tested.configurations == 1);
    tested.configured = VPT_OK;
    assert_status(vpt_driver_init(&tested.driver, bench.device, &kind, NULL), VPT_OK);
    assert_status(vpt_driver_init(&tested.driver, NULL, &kind, NULL), VPT_CALLER_ARGUMENT);
    bench_finish();
}

/* Features are the kind's and the ring's. The kernel may require some of them and refuse others. */
VARIANT_TEST(request_life, FEAT_1_the_kernel_has_a_say_in_the_features)
{
    struct mock_machine_options options = { .offer = { { 1u << F_WANTED | 1u << 9 } } };
    struct vpt_feature_choice choice = { .required = { { 1u << F_WANTED } } };

    vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    tested_negotiate(variant, &options);
    cr_assert(vpt_features_has(&tested.driver.features, F_WANTED));
    cr_assert(!vpt_features_has(&tested.driver.features, 9));
    assert_status(vpt_driver_init(&tested.driver, bench.device, &tested_driver, &choice), VPT_OK);
    cr_assert(vpt_features_has(&tested.driver.features, F_WANTED));
    cr_assert(!vpt_features_has(&tested.driver.features, VPT_F_EVENT_IDX));
    cr_assert(memcmp(&tested.driver.features, &bench.machine.device.accepted, sizeof(struct vpt_features)) == 0);
    cr_assert(vpt_features_has(&tested.driver.features, VPT_F_INDIRECT_DESC) == variant->indirect);
    bench_finish();
}

static enum vpt_status vanish(struct vpt_driver *driver)
{
    (void)driver;
    mock_device_vanish(&bench.machine.device);
    return VPT_DEVICE_CONFIG;
}

Test(request_life, a_device_that_goes_during_bring_up_is_gone_whatever_it_reads_as)
{
    struct vpt_driver_kind kind = { .type = BENCH_TYPE, .configure = vanish };

    bench_probe(&version_2, NULL);
    assert_status(vpt_driver_init(&tested.driver, bench.device, &kind, NULL), VPT_DEVICE_GONE);
    bench_finish();
}

static enum vpt_status cannot_start(struct vpt_requests *requests)
{
    (void)requests;
    return VPT_DEVICE_CONFIG;
}

Test(request_life, start_is_for_a_driver_between_negotiation_and_start)
{
    static const struct vpt_requests_kind kind = { .header = 16, .reply = 1, .started = cannot_start };

    memset(&tested, 0, sizeof(tested));
    assert_status(vpt_driver_start(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_start(&tested.driver), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    tested_negotiate(&version_2, NULL);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &kind, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&tested.driver), VPT_DEVICE_CONFIG);
    assert_status(vpt_driver_start(&tested.driver), VPT_CALLER_STATE);
    tested_end();
}

/* ---- Set-up ---- */

VARIANT_TEST(request_life, a_queue_is_set_up_once)
{
    static struct vpt_requests second;
    struct vpt_requests before;

    tested_start(variant, &framed, NULL);
    before = tested.requests;
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, NULL), VPT_CALLER_STATE);
    cr_assert(memcmp(&before, &tested.requests, sizeof(before)) == 0);
    memset(&second, 0x5a, sizeof(second));
    assert_status(vpt_requests_init(&second, &tested.driver, 0, &framed, 0, NULL), VPT_CALLER_STATE);
    cr_assert(all_zero(&second, sizeof(second)) && tested.driver.first == &tested.requests);
    assert_status(vpt_requests_init(NULL, &tested.driver, 0, &framed, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_init(&second, NULL, 0, &framed, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_init(&second, &tested.driver, 0, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    tested_assert_works();
    tested_end();
}

/* A ring of 256 entries, where the device has them. */
VARIANT_TEST(request_life, defaults_are_64_requests_of_16_segments)
{
    struct mock_machine_options options = { .queue_maximum = 2048 };

    tested_negotiate(variant, &options);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, NULL), VPT_OK);
    cr_assert(vpt_queue_size(&tested.requests.queue) == 256);
    cr_assert(vpt_requests_free(&tested.requests) == (variant->indirect ? 64 : 256 / 18));
    cr_assert(tested.requests.segments == 16);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    tested_assert_works();
    tested_end();
}

/* What the configuration asks for, what the ring has, and what comes of it with tables and without. */
static const struct {
    uint16_t size;
    uint32_t maximum;
    uint16_t requests;
    uint16_t segments;
    uint32_t slots[2]; /* without INDIRECT_DESC, with it; 0: refused */
    uint32_t made[2];  /* data segments */
} rings[] = {
    { 64, 256, 16, 2, { 16, 16 }, { 2, 2 } },    { 64, 256, 64, 2, { 16, 64 }, { 2, 2 } },
    { 0, 64, 64, 6, { 8, 64 }, { 6, 6 } },       { 8, 256, 64, 2, { 2, 8 }, { 2, 2 } },
    { 8, 256, 64, 16, { 1, 8 }, { 6, 6 } }, /* a table is no longer than the queue (SPLIT-INDIR-3) */
    { 128, 8, 3, 1, { 2, 3 }, { 1, 1 } },        { 4, 256, 9, 1, { 1, 4 }, { 1, 1 } },
    { 2, 256, 9, 1, { 0, 0 }, { 0, 0 } }, /* header and reply, and no room for data */
    { 64, 1, 9, 1, { 0, 0 }, { 0, 0 } },         { 0, 2048, 3, 2, { 3, 3 }, { 2, 2 } }, /* 16 entries, or 4 */
    { 0, 2048, 3, 300, { 1, 3 }, { 300, 300 } }, /* 512, since one request needs them */
    { 0, 256, 64, 16, { 14, 64 }, { 16, 16 } },  { 0, 16, 64, 16, { 1, 16 }, { 14, 14 } },
    { 0, 512, 1, 600, { 1, 1 }, { 510, 510 } },  { 0, 256, 100, 1, { 85, 100 }, { 1, 1 } },
    { 512, 256, 300, 1, { 85, 256 }, { 1, 1 } }, { 0, 256, 65535, 16, { 14, 256 }, { 16, 16 } },
    { 16, 256, 8, 65535, { 1, 8 }, { 14, 14 } },
};

VARIANT_TEST(request_life, SPLIT_INDIR_3_a_smaller_ring_has_fewer_slots)
{
    for (size_t i = 0; i < COUNT_OF(rings); i++) {
        struct mock_machine_options options = { .queue_maximum = rings[i].maximum };
        struct vpt_requests_config config = { .requests = rings[i].requests,
                                              .segments = rings[i].segments,
                                              .size = rings[i].size };
        uint32_t slots = rings[i].slots[variant->indirect ? 1 : 0];

        tested_negotiate(variant, &options);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &config),
                      slots != 0 ? VPT_OK : VPT_DEVICE_QUEUE_SIZE);
        if (slots == 0) {
            cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
            cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
            bench_finish();
            continue;
        }
        cr_assert(vpt_requests_free(&tested.requests) == slots, "row %zu: %u", i,
                  (unsigned)vpt_requests_free(&tested.requests));
        cr_assert(tested.requests.segments == rings[i].made[variant->indirect ? 1 : 0], "row %zu", i);
        assert_status(vpt_driver_start(&tested.driver), VPT_OK);
        tested_assert_works();
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        for (uint32_t n = 0; n < slots; n++) {
            assert_status(tested_submit(n), VPT_OK);
        }
        assert_status(tested_submit(0), VPT_RESOURCE_FULL);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        cr_assert(mock_device_run(&bench.machine.device, UINT32_MAX) == slots);
        tested_end();
    }
}

/* ---- Memory ---- */

#define HANDED_SIZE  128u
#define HANDED_SLOT  32u /* header and reply, rounded up */
#define HANDED_AREAS 4u

static _Alignas(4096) uint8_t handed_rings[VPT_QUEUE_RINGS_SIZE(HANDED_SIZE, VPT_QUEUE_RINGS_ALIGNMENT)];
static _Alignas(16) uint8_t handed_tables[VPT_QUEUE_INDIRECT_SIZE(SUBJECT_REQUESTS, SUBJECT_SEGMENTS + 2u)];
static _Alignas(16) uint8_t handed_slots[SUBJECT_REQUESTS * HANDED_SLOT];
static _Alignas(8) uint8_t handed_private[VPT_REQUESTS_PRIVATE_SIZE(SUBJECT_REQUESTS)];

static struct vpt_memory hand(uint8_t *bytes, size_t size, uint64_t address)
{
    memset(bytes, 0xc3, size);
    return mock_hal_register(&bench.machine.hal, bytes, size, address, true);
}

static void hand_over(struct vpt_requests_config *config)
{
    *config = tested_config;
    config->size = HANDED_SIZE;
    config->memory.rings = hand(handed_rings, sizeof(handed_rings), 0x10000000);
    config->memory.indirect = hand(handed_tables, sizeof(handed_tables), 0x20000000);
    config->memory.slots = hand(handed_slots, sizeof(handed_slots), 0x30000000);
    memset(handed_private, 0xc3, sizeof(handed_private));
    config->memory.private_state = (struct vpt_memory){ handed_private, 0, sizeof(handed_private) };
}

static void take_back_memory(const struct vpt_requests_config *config)
{
    mock_hal_unregister(&bench.machine.hal, &config->memory.rings);
    mock_hal_unregister(&bench.machine.hal, &config->memory.indirect);
    mock_hal_unregister(&bench.machine.hal, &config->memory.slots);
}

/* A machine without dma_allocate; the macros say enough. */
VARIANT_TEST(request_life, all_memory_may_be_handed_over)
{
    struct vpt_requests_config config;

    tested_negotiate(variant, NULL);
    bench.machine.hal.port.dma_allocate = NULL;
    bench.machine.hal.port.dma_free = NULL;
    hand_over(&config);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &config), VPT_OK);
    cr_assert(vpt_requests_free(&tested.requests) == SUBJECT_REQUESTS);
    cr_assert((uint8_t *)vpt_requests_next(&tested.requests) == handed_slots);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    tested_assert_works();
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    tested_assert_works();
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    take_back_memory(&config);
    bench_finish();
}

/* One byte less, and one off the alignment, of each area that is needed. */
VARIANT_TEST(request_life, memory_handed_over_that_does_not_fit_is_refused)
{
    for (unsigned i = 0; i < 2u * HANDED_AREAS; i++) {
        struct vpt_requests_config good;
        struct vpt_requests_config bad;
        struct vpt_memory *areas[HANDED_AREAS] = { &bad.memory.rings, &bad.memory.indirect, &bad.memory.slots,
                                                   &bad.memory.private_state };
        struct vpt_memory *area = areas[i % HANDED_AREAS];

        tested_negotiate(variant, NULL);
        hand_over(&good);
        bad = good;
        if (i < HANDED_AREAS) {
            area->size--;
        } else {
            area->address = (uint8_t *)area->address + 1;
        }
        if (area != &bad.memory.indirect || variant->indirect) {
            assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &bad), VPT_CALLER_MEMORY);
        }
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &good), VPT_OK);
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        assert_status(vpt_driver_release(&tested.driver), VPT_OK);
        take_back_memory(&good);
        bench_finish();
    }
}

VARIANT_TEST(request_life, an_allocation_that_fails_leaves_nothing_behind)
{
    uint64_t allocations = 0;

    for (uint32_t n = 1; n == 1 || n <= allocations; n++) {
        struct mock_hal *hal = &bench.machine.hal;

        tested_negotiate(variant, NULL);
        mock_trigger_set(&hal->fail_allocation, n, 0);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, NULL), VPT_RESOURCE_MEMORY);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && mock_hal_live_allocations(hal) == 0);
        mock_trigger_set(&hal->fail_allocation, 0, 0);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, NULL), VPT_OK);
        allocations = mock_hal_live_allocations(hal);
        assert_status(vpt_driver_start(&tested.driver), VPT_OK);
        tested_end();
    }
    cr_assert(allocations == (variant->indirect ? 4u : 3u), "rings, private state, slots, and tables");
}

/* ---- What a driver's author may get wrong ---- */

static uint32_t limit; /* what the device takes */

static void ask_for_more(struct vpt_requests *requests)
{
    requests->segments = limit;
}

/* A hook that knows only the device's limit does not reach behind the descriptors that a slot has. */
VARIANT_TEST(request_life, segments_are_never_more_than_a_slot_has)
{
    static const struct vpt_requests_kind kind = { .header = HEADER_SIZE, .reply = 1, .fit = ask_for_more };
    const struct vpt_requests_config config = { .requests = 4, .size = 16 };
    static const uint32_t limits[] = { 64, 0x7fffffff, 0x80000000, 0xfffffffd, UINT32_MAX };
    struct vpt_segment segments[15];

    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = (struct vpt_segment){ 0, 1 };
    }
    for (unsigned i = 0; i < COUNT_OF(limits); i++) {
        limit = limits[i];
        tested_negotiate(variant, NULL);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &kind, 0, &config), VPT_OK);
        cr_assert(tested.requests.segments == 14, "%u", (unsigned)tested.requests.segments);
        assert_status(vpt_requests_submit(&tested.requests, segments, 0, 15, NULL), VPT_CALLER_TOO_LONG);
        tested_end();
    }
}

Test(request_life, a_slot_holds_header_and_reply)
{
    static const struct {
        uint16_t header;
        uint32_t reply;
        uint32_t slot_size;
    } cases[] = { { 16, 1, 16 },    { 0, 1526, 1525 },     { 0, 0x10000, 0 },
                  { 0xffff, 1, 0 }, { 16, 1, 0xfffffff5 }, { 16, UINT32_MAX, 0 } };

    tested_negotiate(&version_2, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct vpt_requests_kind kind = { .header = cases[i].header, .reply = cases[i].reply };

        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &kind, cases[i].slot_size, NULL),
                      VPT_CALLER_ARGUMENT);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)));
    }
    bench_finish();
}

/* An object whose restart has failed is still the driver's. */
VARIANT_TEST(request_life, a_queue_that_is_left_over_is_not_set_up_again)
{
    tested_start(variant, &framed, NULL);
    bench.machine.device.queues[0].maximum /= 8;
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_DEVICE_QUEUE_SIZE);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &tested_config), VPT_CALLER_STATE);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
    bench_finish();
}

/* Slots go before entries of the ring: not all devices take a smaller one. */
VARIANT_TEST(request_life, a_port_with_single_pages_has_fewer_slots_and_the_whole_ring)
{
    static const struct {
        struct vpt_requests_kind kind;
        uint32_t slots[2][2]; /* legacy, whose ring is in one piece, and modern; in chains, and with tables */
    } cases[] = {
        { { .reply = 128 }, { { 32, 32 }, { 32, 32 } } },
        { { .reply = 1526 }, { { 2, 2 }, { 2, 2 } } },
        { { .header = 16, .reply = 1 }, { { 7, 8 }, { 14, 14 } } }, /* a page has 8 tables of 18 entries */
        { { .header = 16, .reply = 1, .segments = 1 }, { { 42, 64 }, { 64, 64 } } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tested_negotiate(variant, NULL);
        bench.machine.hal.allocate_most = 4096;
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &cases[i].kind, 0, NULL), VPT_OK);
        cr_assert(vpt_requests_free(&tested.requests) == cases[i].slots[variant->version - 1u][variant->indirect],
                  "case %zu: %u", i, (unsigned)vpt_requests_free(&tested.requests));
        cr_assert(vpt_queue_size(&tested.requests.queue) == (variant->version == 1 ? 128 : 256), "case %zu: %u", i,
                  (unsigned)vpt_queue_size(&tested.requests.queue));
        tested_end();
    }
}

/* ---- Lies ---- */

/* Six requests of which three complete before the lie; an unpublished seventh. */
#define LIE_AT 4u

static void tell(enum mock_fault fault, uint64_t argument, enum vpt_status expected)
{
    enum vpt_status status = VPT_OK;

    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uintptr_t token = 0; token < 6; token++) {
        assert_status(tested_submit(token), VPT_OK);
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(tested_submit(6), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, fault, LIE_AT, 1, argument);
    for (uintptr_t token = 0; token < LIE_AT; token++) {
        cr_assert(mock_device_run(&bench.machine.device, 1) == 1);
        status = vpt_requests_poll(&tested.requests, &tested.completion);
        cr_assert(token == LIE_AT - 1u || (status == VPT_OK && (uintptr_t)tested.completion.token == token));
    }
    cr_assert(mock_fault_fired(&bench.machine.device.faults, fault) == 1);
    assert_status(status, expected);
}

static void assert_dead(enum vpt_status why)
{
    uint64_t kicks = bench.machine.device.kicks;

    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_requests_poll(&tested.requests, &tested.completion), why);
        assert_status(tested_submit(7), why);
        assert_status(vpt_requests_kick(&tested.requests), why);
        assert_status(vpt_requests_ready(&tested.requests), why);
        assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), why);
        cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
    }
    assert_status(vpt_driver_release(&tested.driver), VPT_CALLER_BUSY);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_BUSY);
    cr_assert(bench.machine.device.kicks == kicks && bench.machine.hal.log_count == 1);
}

/* Every id that is not a published request of this queue: the rest of a chain, slots at rest, out of the ring. */
static const struct lie {
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status expected;
} lies[] = {
    { MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS + 1u, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_ID_RANGE, 0, VPT_DEVICE_USED_ID }, /* the size of the queue */
    { MOCK_FAULT_USED_ID_RANGE, 0x10004, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_ID_RANGE, 0xffffffff, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_ID_RANGE, 1, VPT_DEVICE_USED_ID },                     /* a slot that came back */
    { MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS - 1u, VPT_DEVICE_USED_ID }, /* one that never was in flight */
    { MOCK_FAULT_USED_ID_RANGE, 6, VPT_DEVICE_USED_ID }, /* the one that the device has not been shown */
    { MOCK_FAULT_USED_ID_TWICE, 0, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_INDEX_AHEAD, 3, VPT_DEVICE_USED_INDEX },
    { MOCK_FAULT_USED_INDEX_AHEAD, 0x8000, VPT_DEVICE_USED_INDEX },
    { MOCK_FAULT_USED_INDEX_BACK, 1, VPT_DEVICE_USED_INDEX },
};

VARIANT_TEST(request_life, a_lie_ends_the_queue_until_a_reset)
{
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        const struct lie *lie = &lies[i];

        (void)fprintf(stderr, "lie %zu\n", i);
        tested_start(variant, &framed, NULL);
        tell(lie->fault, lie->argument, lie->expected);
        assert_dead(lie->expected);
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        tested_assert_back(0x78, VPT_CANCELLED); /* 3 to 6 */
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        tested_assert_works();
        tested_end();
    }
}

/* Slots are taken in order here, so that the ids of the table above are what they say. */
VARIANT_TEST(request_life, a_used_length_is_at_most_what_is_writable)
{
    static const uint32_t lengths[] = { 0,       1,         SUBJECT_LENGTH, SUBJECT_LENGTH + 1u, SUBJECT_LENGTH + 2u,
                                        0x10000, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        uint32_t most = SUBJECT_LENGTH + 1u;
        unsigned lie;

        tested_start(variant, &framed, NULL);
        lie = mock_lie_set(&bench.machine.device.lies, &(struct mock_lie){ .space = MOCK_SPACE_RING,
                                                                           .offset = MOCK_RING_USED_LENGTH,
                                                                           .width = 4,
                                                                           .how = MOCK_LIE_VALUE,
                                                                           .value = lengths[i],
                                                                           .first = 1 });
        assert_status(tested_submit(2), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        cr_assert(tested_take(VPT_OK) == 2 && mock_lie_fired(&bench.machine.device.lies, lie) == 1);
        cr_assert(tested.completion.length == (lengths[i] < most ? lengths[i] : most));
        mock_lies_clear(&bench.machine.device);
        tested_assert_works();
        tested_end();
    }
}

/* ---- Quiesce, reset ---- */

static unsigned handed;

static void take_handed(void *ctx, const struct vpt_completion *completion)
{
    cr_assert(ctx == &handed);
    assert_status(completion->status, VPT_OK);
    handed++;
}

VARIANT_TEST(request_life, quiesce_waits_for_all_that_is_in_flight)
{
    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_TICK;
    bench.machine.device.completion.delay = 3;
    bench.machine.device.completion.order = MOCK_ORDER_SHUFFLED;
    for (unsigned round = 0; round < 3; round++) {
        for (uintptr_t token = 0; token < 5; token++) {
            assert_status(tested_submit(token), VPT_OK);
        }
        assert_status(vpt_requests_ready(&tested.requests), VPT_CALLER_BUSY);
        assert_status(vpt_requests_quiesce(&tested.requests, round != 0 ? take_handed : NULL, &handed), VPT_OK);
        assert_status(vpt_requests_ready(&tested.requests), VPT_OK);
        assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_EMPTY);
    }
    cr_assert(handed == 10);
    tested_end();
}

/* One request each time that the driver has waited for so long. */
#define PACE 8u

static void complete_one_now_and_then(void *ctx)
{
    unsigned *ticks = ctx;

    ++*ticks;
    if (*ticks % PACE == 0) {
        (void)mock_device_run(&bench.machine.device, 1);
    }
}

/* As long as requests keep coming back, the wait is one of each, however many there are. */
VARIANT_TEST(request_life, the_wait_is_bounded_for_each_request_not_for_their_sum)
{
    unsigned ticks = 0;

    tested_start(variant, &framed, NULL);
    bench.machine.hal.wait_budget[VPT_WAIT_REQUEST] = 2 * PACE;
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    mock_hal_add_ticker(&bench.machine.hal, complete_one_now_and_then, &ticks);
    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        assert_status(tested_submit(token), VPT_OK);
    }
    assert_status(vpt_requests_quiesce(&tested.requests, take_handed, &handed), VPT_OK);
    cr_assert(handed == SUBJECT_REQUESTS && ticks >= SUBJECT_REQUESTS * PACE);
    tested_end();
}

/* What a device comes to that does not answer, and how its requests come back after the reset. */
static const struct {
    enum mock_fault fault;
    enum vpt_status quiesced;
    enum vpt_status reset;
    enum vpt_status back;
} silences[] = {
    { MOCK_FAULT_COMPLETION_LOST, VPT_DEVICE_TIMEOUT, VPT_OK, VPT_CANCELLED },
    { MOCK_FAULT_KICK_LOST, VPT_DEVICE_TIMEOUT, VPT_OK, VPT_CANCELLED },
    { MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET, VPT_OK, VPT_CANCELLED },
    { MOCK_FAULT_VANISH, VPT_DEVICE_GONE, VPT_DEVICE_GONE, VPT_DEVICE_GONE },
    { MOCK_FAULT_RESET_NEVER, VPT_DEVICE_TIMEOUT, VPT_DEVICE_STUCK, VPT_DEVICE_STUCK },
};

VARIANT_TEST(request_life, CLEANUP_2_requests_come_back_after_a_reset_alone)
{
    for (size_t i = 0; i < COUNT_OF(silences); i++) {
        tested_start(variant, &framed, NULL);
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_TICK;
        if (silences[i].fault == MOCK_FAULT_RESET_NEVER) {
            bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        }
        for (uintptr_t token = 0; token < 4; token++) {
            assert_status(tested_submit(token), VPT_OK);
        }
        mock_fault_set(&bench.machine.device.faults, silences[i].fault, 1, 0, 0);
        assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), silences[i].quiesced);
        if (silences[i].quiesced != VPT_DEVICE_GONE) {
            assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_EMPTY);
        }
        assert_status(vpt_device_reset(bench.device), silences[i].reset);
        mock_fault_clear(&bench.machine.device.faults, silences[i].fault);
        tested_assert_back(0xf, silences[i].back);
        if (silences[i].reset == VPT_DEVICE_GONE) {
            assert_status(vpt_driver_release(&tested.driver), VPT_OK);
            bench_finish();
            continue;
        }
        if (silences[i].reset == VPT_DEVICE_STUCK) {
            assert_status(vpt_driver_release(&tested.driver), VPT_DEVICE_STUCK);
        }
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        tested_assert_works();
        tested_end();
    }
}

/* What had completed before the reset has completed. */
VARIANT_TEST(request_life, a_reset_does_not_take_back_what_is_done)
{
    uint32_t done = 0;
    uint32_t cancelled = 0;

    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uintptr_t token = 0; token < 8; token++) {
        assert_status(tested_submit(token), VPT_OK);
        if (token == 5) {
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        }
    }
    cr_assert(mock_device_run(&bench.machine.device, 3) == 3);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_BUSY);
    assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_BUSY);
    while (vpt_requests_poll(&tested.requests, &tested.completion) == VPT_OK) {
        uint32_t *set = tested.completion.status == VPT_OK ? &done : &cancelled;

        cr_assert(tested.completion.status == VPT_OK || tested.completion.status == VPT_CANCELLED);
        *set |= 1u << (uintptr_t)tested.completion.token;
    }
    cr_assert(done == 0x07 && cancelled == 0xf8);
    tested_end();
}

/* ---- Waiting for one ---- */

VARIANT_TEST(request_life, a_wait_ends_with_the_request_or_a_reset)
{
    struct vpt_completion completion;

    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_TICK;
    bench.machine.device.completion.delay = 9;
    assert_status(vpt_requests_ready(&tested.requests), VPT_OK);
    assert_status(tested_submit(3), VPT_OK);
    assert_status(vpt_requests_wait(&tested.requests, &completion), VPT_OK);
    cr_assert((uintptr_t)completion.token == 3 && completion.status == VPT_OK && bench.machine.device.ticks >= 9);

    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    assert_status(tested_submit(4), VPT_OK);
    assert_status(vpt_requests_wait(&tested.requests, &completion), VPT_DEVICE_TIMEOUT);
    assert_status(vpt_requests_ready(&tested.requests), VPT_CANCELLED);
    cr_assert(bench.machine.device.status == 0);

    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_NEEDS_RESET, 1, 1, 0);
    assert_status(tested_submit(5), VPT_OK);
    assert_status(vpt_requests_wait(&tested.requests, &completion), VPT_DEVICE_NEEDS_RESET);

    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    assert_status(tested_submit(6), VPT_OK);
    assert_status(vpt_requests_wait(&tested.requests, &completion), VPT_DEVICE_USED_ID);

    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    tested_assert_works();
    tested_end();
}

/* A kernel that submits and sleeps is woken, whatever it waited for before. */
static bool stand_still(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)iteration;
    if (what == VPT_WAIT_REQUEST) {
        (void)mock_device_run(&bench.machine.device, UINT32_MAX);
    }
    return false;
}

/* The time may run out while this CPU does not run at all, and the device does. */
VARIANT_TEST(request_life, a_request_that_came_back_at_the_last_moment_is_seen)
{
    struct vpt_completion completion;

    tested_start(variant, &framed, NULL);
    bench.machine.hal.port.keep_waiting = stand_still;
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(tested_submit(3), VPT_OK);
    assert_status(vpt_requests_wait(&tested.requests, &completion), VPT_OK);
    cr_assert((uintptr_t)completion.token == 3 && completion.status == VPT_OK);
    assert_status(tested_submit(4), VPT_OK);
    assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), VPT_OK);
    tested_end();
}

VARIANT_TEST(request_life, after_a_wait_the_next_request_interrupts)
{
    const struct mock_queue *theirs = &bench.machine.device.queues[0];
    struct vpt_completion completion;

    tested_start(variant, &framed, NULL);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t interrupts;

        assert_status(tested_submit(0), VPT_OK);
        assert_status(i % 2 == 0 ? vpt_requests_wait(&tested.requests, &completion)
                                 : vpt_requests_quiesce(&tested.requests, NULL, NULL),
                      VPT_OK);
        interrupts = theirs->interrupts;
        assert_status(tested_submit(1), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        cr_assert(theirs->interrupts == interrupts + 1u);
        cr_assert(tested_take(VPT_OK) == 1);
    }
    tested_end();
}

/* ---- Restart, release ---- */

static uint32_t fitted;

static void fit(struct vpt_requests *requests)
{
    cr_assert(requests->segment_max == UINT32_MAX);
    requests->segments = fitted < requests->segments ? fitted : requests->segments;
}

VARIANT_TEST(request_life, a_restart_allocates_nothing_and_fits_the_limits_again)
{
    static const struct vpt_requests_kind kind = { .header = HEADER_SIZE, .reply = 1, .fit = fit };
    static const uint32_t limits[] = { 100, 2, 4, SUBJECT_SEGMENTS };
    struct vpt_segment segments[SUBJECT_SEGMENTS + 1u];
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = 1 };
    uint64_t allocations;

    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = (struct vpt_segment){ UINT64_C(0), 16 };
    }
    fitted = SUBJECT_SEGMENTS;
    tested_start(variant, &kind, NULL);
    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = bench_segment(i * 16u, 16);
    }
    allocations = bench.machine.hal.allocations + bench.machine.hal.private_allocations;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        uint16_t most = (uint16_t)(limits[i] < SUBJECT_SEGMENTS ? limits[i] : SUBJECT_SEGMENTS);

        fitted = limits[i];
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        interrupts.mode = VPT_INTERRUPTS_LINE;
        assert_status(vpt_driver_restart(&tested.driver, i % 2 != 0 ? &interrupts : NULL), VPT_OK);
        cr_assert(interrupts.mode == VPT_INTERRUPTS_LINE && tested.requests.segments == most);
        assert_status(vpt_requests_submit(&tested.requests, segments, (uint16_t)(most + 1u), 0, NULL),
                      VPT_CALLER_TOO_LONG);
        assert_status(vpt_requests_submit(&tested.requests, segments, most, 0, NULL), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        (void)tested_take(VPT_OK);
        tested_assert_works();
    }
    cr_assert(bench.machine.hal.allocations + bench.machine.hal.private_allocations == allocations);
    cr_assert(tested.configurations == 1u + COUNT_OF(limits));
    tested_end();
}

/* What a restart says when the device has become another one; then it is as it was, and the next restart works. */
static const struct {
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status expected;
} changes[] = {
    { MOCK_FAULT_QUEUE_ABSENT, 0, VPT_UNSUPPORTED_QUEUE },  { MOCK_FAULT_QUEUE_MAXIMUM, 8, VPT_DEVICE_QUEUE_SIZE },
    { MOCK_FAULT_QUEUE_IN_USE, 0, VPT_DEVICE_QUEUE_STATE }, { MOCK_FAULT_QUEUE_NOT_READY, 0, VPT_DEVICE_QUEUE_STATE },
    { MOCK_FAULT_RESET_NEVER, 0, VPT_DEVICE_STUCK },
};

VARIANT_TEST(request_life, a_restart_that_fails_may_be_tried_again)
{
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        tested_start(variant, &framed, NULL);
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        mock_fault_set(&bench.machine.device.faults, changes[i].fault, 1, 0, changes[i].argument);
        assert_status(vpt_driver_restart(&tested.driver, NULL), changes[i].expected);
        mock_fault_clear(&bench.machine.device.faults, changes[i].fault);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        tested_assert_works();
        tested.configured = VPT_DEVICE_CONFIG;
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_DEVICE_CONFIG);
        tested.configured = VPT_OK;
        vpt_features_remove(&bench.machine.device.offered, variant->indirect ? VPT_F_INDIRECT_DESC : F_WANTED);
        assert_status(vpt_driver_restart(&tested.driver, NULL), variant->indirect ? VPT_UNSUPPORTED_FEATURE : VPT_OK);
        tested_end();
    }
}

VARIANT_TEST(request_life, the_end_gives_the_memory_back_once)
{
    tested_start(variant, &framed, NULL);
    assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_driver_release(&tested.driver), VPT_CALLER_STATE);
    tested_assert_works();
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_requests_release(&tested.requests), VPT_OK);
    cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
    cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
    assert_status(vpt_requests_release(&tested.requests), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    assert_status(vpt_driver_release(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_release(NULL), VPT_CALLER_ARGUMENT);
    bench_finish();
}

/* Several queues of one driver, which are released in any order. */
VARIANT_TEST(request_life, queues_share_nothing_but_the_driver)
{
    static struct vpt_requests queues[3];
    struct mock_machine_options options = { .queues = 3 };
    struct vpt_completion completion;

    tested_negotiate(variant, &options);
    for (uint16_t i = 0; i < 3; i++) {
        assert_status(vpt_requests_init(&queues[i], &tested.driver, i, &framed, 0, &tested_config), VPT_OK);
    }
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    for (uintptr_t i = 0; i < 3; i++) {
        struct vpt_segment segment = bench_segment(i * 64u, 64);

        assert_status(vpt_requests_submit(&queues[i], &segment, 1, 0, (void *)i), VPT_OK);
        assert_status(vpt_requests_kick(&queues[i]), VPT_OK);
    }
    for (uintptr_t i = 0; i < 3; i++) {
        assert_status(vpt_requests_poll(&queues[i], &completion), VPT_OK);
        cr_assert((uintptr_t)completion.token == i);
        assert_status(vpt_requests_poll(&queues[i], &completion), VPT_EMPTY);
    }
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_requests_release(&queues[1]), VPT_OK);
    cr_assert(tested.driver.first == &queues[0] && queues[0].next == &queues[2] && queues[2].next == NULL);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    cr_assert(bench.machine.device.queues[0].enabled && !bench.machine.device.queues[1].enabled);
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    cr_assert(all_zero(queues, sizeof(queues)));
    bench_finish();
}
