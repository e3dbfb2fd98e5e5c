/* SPDX-License-Identifier: MIT */
/* A driver's bring-up and the memory of its queues, devices that lie or fail, reset, restart, release. */
#include <stdio.h>
#include <string.h>

#include "request_support.h"

static enum vpt_status init(const struct vpt_requests_kind *kind, const struct vpt_requests_config *config)
{
    return vpt_requests_init(&tested.requests, &tested.driver, 0, kind, 0, config);
}

static void reset_and_restart(enum vpt_status expected)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_restart(&tested.driver, NULL), expected);
}

/* ---- Bring-up ---- */

/* There is no driver then, and the device is given up unless it never was the driver's. */
VARIANT_TEST(request_life, INIT_4_a_bring_up_that_fails_gives_the_device_up)
{
    static const struct {
        const char *what;
        uint32_t type;
        uint32_t required; /* by the driver, and by the kernel */
        uint32_t chosen;
        enum vpt_status examined;
        enum vpt_status configured;
        enum vpt_status expected;
    } rows[] = {
        { "another type", PLAIN_TYPE + 1u, 0, 0, VPT_OK, VPT_OK, VPT_UNSUPPORTED_DEVICE },
        { "the kernel's feature", PLAIN_TYPE, 0, 1u << 9, VPT_OK, VPT_OK, VPT_UNSUPPORTED_FEATURE },
        { "the driver's feature", PLAIN_TYPE, 1u << 11, 0, VPT_OK, VPT_OK, VPT_UNSUPPORTED_FEATURE },
        { "examined", PLAIN_TYPE, 0, 0, VPT_UNSUPPORTED_DEVICE, VPT_OK, VPT_UNSUPPORTED_DEVICE },
        { "configured", PLAIN_TYPE, 0, 0, VPT_OK, VPT_DEVICE_CONFIG, VPT_DEVICE_CONFIG },
        { "all is well", PLAIN_TYPE, 0, 0, VPT_OK, VPT_OK, VPT_OK },
        { "gone, whatever it reads as", PLAIN_TYPE, 0, 0, VPT_OK, VPT_DEVICE_GONE, VPT_DEVICE_GONE },
    };

    plain_probe(variant, NULL);
    tested.configurations = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_driver_kind kind = tested_driver;
        struct vpt_feature_choice choice = { .required = { { rows[i].chosen } } };
        bool failed = rows[i].expected != VPT_OK && rows[i].expected != VPT_DEVICE_GONE && i != 0;

        kind.type = rows[i].type;
        kind.required.word[0] = rows[i].required;
        tested.examined = rows[i].examined;
        tested.configured = rows[i].configured;
        memset(&tested.driver, 0x5a, sizeof(tested.driver));
        assert_status_of(rows[i].what, vpt_driver_init(&tested.driver, machine.device, &kind, &choice),
                         rows[i].expected);
        assert_same_of(rows[i].what, all_zero(&tested.driver, sizeof(tested.driver)), rows[i].expected != VPT_OK);
        assert_same_of(rows[i].what, (machine.model->status & VPT_STATUS_FAILED) != 0, failed);
        assert_same_of(rows[i].what, machine.model->resets != 0, i != 0);
        assert_same_of(rows[i].what, tested.configurations, i < 4 ? 0 : i - 3);
    }
    assert_status(vpt_driver_init(&tested.driver, NULL, &tested_driver, NULL), VPT_CALLER_ARGUMENT);
    machine_finish();
}

/* Features are the kind's and the ring's. The kernel may require some of them and refuse others. */
VARIANT_TEST(request_life, FEAT_1_the_kernel_has_a_say_in_the_features)
{
    struct mock_machine_options options = { .offer = { { 1u << F_WANTED | 1u << 9 } } };
    struct vpt_feature_choice choice = { .required = { { 1u << F_WANTED } } };
    const struct vpt_features *features = &tested.driver.features;

    vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    tested_negotiate(variant, &options);
    cr_assert(vpt_features_has(features, F_WANTED) && !vpt_features_has(features, 9));
    assert_status(vpt_driver_init(&tested.driver, machine.device, &tested_driver, &choice), VPT_OK);
    cr_assert(vpt_features_has(features, F_WANTED) && !vpt_features_has(features, VPT_F_EVENT_IDX));
    cr_assert(memcmp(features, &machine.model->accepted, sizeof(*features)) == 0);
    assert_same(vpt_features_has(features, VPT_F_INDIRECT_DESC), variant->indirect);
    machine_finish();
}

static enum vpt_status cannot_start(struct vpt_requests *requests)
{
    (void)requests;
    return VPT_DEVICE_CONFIG;
}

Test(request_life, start_is_for_a_driver_between_negotiation_and_start)
{
    static const struct vpt_requests_kind kind = { .header = 16, .reply = 1, .started = cannot_start };

    assert_status(vpt_driver_start(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_start(&tested.driver), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    tested_negotiate(&version_2, NULL);
    assert_status(init(&kind, NULL), VPT_OK);
    assert_status(vpt_driver_start(&tested.driver), VPT_DEVICE_CONFIG);
    assert_status(vpt_driver_start(&tested.driver), VPT_CALLER_STATE);
    tested_end();
}

/* ---- Set-up ---- */

VARIANT_TEST(request_life, a_queue_is_set_up_once)
{
    static struct vpt_requests second;
    struct vpt_requests before;

    tested_start(variant, &framed);
    before = tested.requests;
    assert_status(init(&framed, NULL), VPT_CALLER_STATE);
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

/* What the configuration asks for, what the ring has, and what comes of it with tables and without. */
static const struct ring {
    uint16_t size;
    uint32_t maximum;
    uint16_t requests;
    uint16_t segments;
    uint32_t slots[2]; /* without INDIRECT_DESC, with it; 0: refused */
    uint32_t made[2];  /* data segments */
} rings[] = {
    { 0, 2048, 0, 0, { 14, 64 }, { 16, 16 } }, /* the defaults: 256 entries */
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
        const struct ring *ring = &rings[i];
        struct mock_machine_options options = { .queue_maximum = ring->maximum };
        struct vpt_requests_config config = { .requests = ring->requests,
                                              .segments = ring->segments,
                                              .size = ring->size };
        uint32_t slots = ring->slots[variant->indirect ? 1 : 0];

        (void)fprintf(stderr, "row %zu\n", i);
        tested_negotiate(variant, &options);
        if (slots == 0) {
            assert_status(init(&framed, &config), VPT_DEVICE_QUEUE_SIZE);
            cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
            tested_release();
            continue;
        }
        tested_open(&framed, &config, slots);
        assert_same(tested.requests.segments, ring->made[variant->indirect ? 1 : 0]);
        cr_assert(ring->requests != 0 || vpt_queue_size(&tested.requests.queue) == 256);
        tested_assert_works();
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        tested_submit_many(slots);
        assert_status(tested_submit(0), VPT_RESOURCE_FULL);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        tested_run(slots);
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

static struct vpt_memory hand_over(uint8_t *bytes, size_t size)
{
    memset(bytes, 0xc3, size);
    return mock_hal_register_anywhere(machine.hal, bytes, size, true);
}

/* A machine without dma_allocate. One byte less, and one off the alignment, is refused of each area that is needed. */
VARIANT_TEST(request_life, all_memory_may_be_handed_over_and_is_refused_where_it_does_not_fit)
{
    for (unsigned i = 0; i < 2u * HANDED_AREAS; i++) {
        struct vpt_requests_config config = tested_config;
        struct vpt_memory *areas[HANDED_AREAS] = { &config.memory.rings, &config.memory.indirect, &config.memory.slots,
                                                   &config.memory.private_state };
        struct vpt_memory *area = areas[i % HANDED_AREAS];
        struct vpt_memory good;

        tested_negotiate(variant, NULL);
        machine.hal->port.dma_allocate = NULL;
        machine.hal->port.dma_free = NULL;
        config.size = HANDED_SIZE;
        config.memory.rings = hand_over(handed_rings, sizeof(handed_rings));
        config.memory.indirect = hand_over(handed_tables, sizeof(handed_tables));
        config.memory.slots = hand_over(handed_slots, sizeof(handed_slots));
        config.memory.private_state = hand_over(handed_private, sizeof(handed_private));
        good = *area;
        area->size -= i < HANDED_AREAS ? 1 : 0;
        area->address = (uint8_t *)area->address + (i < HANDED_AREAS ? 0 : 1);
        if (area != &config.memory.indirect || variant->indirect) {
            assert_status(init(&framed, &config), VPT_CALLER_MEMORY);
            cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
        }
        *area = good;
        tested_open(&framed, &config, SUBJECT_REQUESTS);
        cr_assert((uint8_t *)vpt_requests_next(&tested.requests) == handed_slots);
        tested_assert_works();
        reset_and_restart(VPT_OK);
        tested_assert_works();
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_release(&tested.driver), VPT_OK);
        for (unsigned j = 0; j < HANDED_AREAS; j++) {
            mock_hal_unregister(machine.hal, areas[j]);
        }
        machine_finish();
    }
}

/* Whichever allocation it is, with a status of the mock's own and with one of the port's. */
VARIANT_TEST(request_life, an_error_of_the_port_is_passed_on_and_leaves_nothing_behind)
{
    static const enum vpt_status errors[] = { VPT_RESOURCE_MEMORY, VPT_PORT_ERROR_FIRST + 0x4711 };
    uint32_t allocations = variant->indirect ? 4 : 3; /* rings, private state, slots, and tables */
    struct mock_hal *hal = &machine.on_mmio.hal;
    struct vpt_port port;

    tested_negotiate(variant, NULL);
    port = hal->port;
    for (uint32_t i = 0; i < 2 * allocations; i++) {
        hal->log_count = 0;
        hal->fail_allocation_status = errors[i % 2];
        mock_trigger_set(&hal->fail_allocation, 1 + i / 2, 0);
        assert_status(init(&framed, NULL), errors[i % 2]);
        assert_status(hal->log[hal->log_count - 1].status, errors[i % 2]);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && mock_hal_live_allocations(hal) == 0);
        cr_assert(!machine.model->queues[0].enabled);
    }
    hal->port.dma_allocate = NULL;
    assert_status(init(&framed, NULL), VPT_UNSUPPORTED_PORT);
    hal->port = port;
    mock_trigger_set(&hal->fail_allocation, 0, 0);
    assert_status(init(&framed, NULL), VPT_OK);
    assert_same(mock_hal_live_allocations(hal), allocations);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    tested_end();
}

/* ---- What a driver's author may get wrong ---- */

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

        (void)fprintf(stderr, "row %zu\n", i);
        assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &kind, cases[i].slot_size, NULL),
                      VPT_CALLER_ARGUMENT);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)));
    }
    machine_finish();
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
        (void)fprintf(stderr, "row %zu\n", i);
        tested_negotiate(variant, NULL);
        machine.hal->allocate_most = 4096;
        tested_open(&cases[i].kind, NULL, cases[i].slots[variant->version - 1u][variant->indirect]);
        assert_same(vpt_queue_size(&tested.requests.queue), variant->version == 1 ? 128 : 256);
        tested_end();
    }
}

/* ---- Lies ---- */

/* Slots are taken in order. Of six requests three complete before the lie; a seventh is not published. */
static void tell(enum mock_fault fault, uint64_t argument, enum vpt_status expected)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    tested_submit_many(6);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(tested_submit(6), VPT_OK);
    mock_fault_set(&machine.model->faults, fault, 4, 1, argument);
    for (uintptr_t token = 0; token < 3; token++) {
        tested_run(1);
        assert_same(tested_take(VPT_OK), token);
    }
    tested_run(1);
    assert_status(tested_poll(), expected);
    assert_same(mock_fault_fired(&machine.model->faults, fault), 1);
}

/* After a reset requests come back, and the driver may start again. */
static void recover(enum mock_fault fault, enum vpt_status reset, uint32_t tokens, enum vpt_status back)
{
    assert_status(vpt_device_reset(machine.device), reset);
    mock_fault_clear(&machine.model->faults, fault);
    tested_assert_back(tokens, back);
    if (reset == VPT_DEVICE_GONE) {
        tested_release();
        return;
    }
    if (reset == VPT_DEVICE_STUCK) {
        assert_status(vpt_driver_release(&tested.driver), VPT_DEVICE_STUCK);
    }
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    tested_assert_works();
    tested_end();
}

static void assert_dead(enum vpt_status why)
{
    uint64_t kicks = machine.model->kicks;

    for (unsigned i = 0; i < 2; i++) {
        assert_status(tested_poll(), why);
        assert_status(tested_submit(7), why);
        assert_status(vpt_requests_kick(&tested.requests), why);
        assert_status(vpt_requests_ready(&tested.requests), why);
        assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), why);
        cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
    }
    assert_status(vpt_driver_release(&tested.driver), VPT_CALLER_BUSY);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_BUSY);
    assert_same(machine.model->kicks, kicks);
    assert_same(machine.hal->log_count, 1);
    assert_status(machine.hal->log[0].status, why);
    assert_same(machine.hal->log[0].level, VPT_LOG_ERROR);
}

/* Every id that is not a published request of this queue: the rest of a chain, slots at rest, out of the ring. */
static const struct lie {
    const char *what;
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status expected;
} lies[] = {
    { "the first id behind the slots", MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS, VPT_DEVICE_USED_ID },
    { "the rest of a chain", MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS + 1u, VPT_DEVICE_USED_ID },
    { "the size of the queue", MOCK_FAULT_USED_ID_RANGE, 0, VPT_DEVICE_USED_ID },
    { "more than 16 bits", MOCK_FAULT_USED_ID_RANGE, 0x10004, VPT_DEVICE_USED_ID },
    { "all-ones", MOCK_FAULT_USED_ID_RANGE, 0xffffffff, VPT_DEVICE_USED_ID },
    { "a slot that came back", MOCK_FAULT_USED_ID_RANGE, 1, VPT_DEVICE_USED_ID },
    { "one that never was in flight", MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS - 1u, VPT_DEVICE_USED_ID },
    { "the one that the device has not been shown", MOCK_FAULT_USED_ID_RANGE, 6, VPT_DEVICE_USED_ID },
    { "the same again", MOCK_FAULT_USED_ID_TWICE, 0, VPT_DEVICE_USED_ID },
    { "an index one too far", MOCK_FAULT_USED_INDEX_AHEAD, 3, VPT_DEVICE_USED_INDEX },
    { "an index far ahead", MOCK_FAULT_USED_INDEX_AHEAD, 0x8000, VPT_DEVICE_USED_INDEX },
    { "an index that goes back", MOCK_FAULT_USED_INDEX_BACK, 1, VPT_DEVICE_USED_INDEX },
};

VARIANT_TEST(request_life, a_lie_ends_the_queue_until_a_reset)
{
    for (size_t i = 0; i < 2 * COUNT_OF(lies); i++) {
        const struct lie *lie = &lies[i / 2];

        if (variant->packed && (lie->expected == VPT_DEVICE_USED_INDEX || lie->argument == 0x10004)) {
            continue; /* a packed ring has no such index, and 16 bits for an id */
        }
        (void)fprintf(stderr, "%s\n", lie->what);
        tested_batch = i % 2 != 0;
        tested_start(variant, &framed);
        tell(lie->fault, lie->argument, lie->expected);
        assert_dead(lie->expected);
        recover(lie->fault, VPT_OK, 0x78, VPT_CANCELLED); /* 3 to 6 */
    }
}

/* Of a request that the device only reads, the reply. In a slot the second request goes another way than the first. */
static void check_length(uint32_t length, unsigned writable)
{
    struct vpt_segment segment = machine_segment(0, SUBJECT_LENGTH);
    uint32_t most = writable * SUBJECT_LENGTH + 1u;
    struct mock_lie lie = { MOCK_SPACE_RING, MOCK_RING_USED_LENGTH, 4, 0, MOCK_LIE_VALUE, length, .first = 1 };
    unsigned number = mock_lie_set(&machine.model->lies, &lie);

    for (unsigned i = 1; i < 3; i++) {
        assert_status(tested_send(&segment, 1 - writable, writable, 2), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_same(tested_take(VPT_OK), 2);
        assert_same(tested.completion.length, length < most ? length : most);
        assert_same(mock_lie_fired(&machine.model->lies, number), i);
    }
    mock_lies_clear(machine.model);
}

VARIANT_TEST(request_life, SPLIT_USED_1_a_used_length_is_at_most_what_is_writable)
{
    static const uint32_t lengths[] = { 0,       1,         SUBJECT_LENGTH, SUBJECT_LENGTH + 1u, SUBJECT_LENGTH + 2u,
                                        0x10000, 0xffffffff };

    for (unsigned batch = 0; batch < 2; batch++) {
        tested_batch = batch != 0;
        tested_start(variant, &framed);
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            check_length(lengths[i], 0);
            check_length(lengths[i], 1);
        }
        assert_same(machine.hal->log_count, 0);
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

/* One request each time that the driver has waited for so long. */
#define PACE 8u

static void complete_one_now_and_then(void *ctx)
{
    unsigned *ticks = ctx;

    ++*ticks;
    if (*ticks % PACE == 0) {
        (void)mock_device_run(machine.model, 1);
    }
}

/* As long as requests keep coming back, the wait is one of each, however many there are. */
VARIANT_TEST(request_life, quiesce_waits_for_each_request_that_is_in_flight)
{
    unsigned ticks = 0;

    tested_start(variant, &framed);
    handed = 0;
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 2 * PACE;
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.order = MOCK_ORDER_SHUFFLED;
    mock_hal_add_ticker(machine.hal, complete_one_now_and_then, &ticks);
    for (unsigned round = 0; round < 3; round++) {
        tested_submit_many(SUBJECT_REQUESTS);
        assert_status(vpt_requests_ready(&tested.requests), VPT_CALLER_BUSY);
        assert_status(vpt_requests_quiesce(&tested.requests, round != 0 ? take_handed : NULL, &handed), VPT_OK);
        assert_status(vpt_requests_ready(&tested.requests), VPT_OK);
        assert_status(tested_poll(), VPT_EMPTY);
    }
    assert_same(handed, 2 * SUBJECT_REQUESTS);
    cr_assert(ticks >= 3 * SUBJECT_REQUESTS * PACE, "%u", ticks);
    tested_end();
}

/* What a device comes to that does not answer, and how its requests come back after the reset. */
static const struct silence {
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
        const struct silence *row = &silences[i];

        (void)fprintf(stderr, "row %zu\n", i);
        tested_start(variant, &framed);
        machine.model->completion.mode =
            row->fault == MOCK_FAULT_RESET_NEVER ? MOCK_COMPLETE_BY_RUN : MOCK_COMPLETE_BY_TICK;
        tested_submit_many(4);
        mock_fault_set(&machine.model->faults, row->fault, 1, 0, 0);
        assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), row->quiesced);
        if (row->quiesced != VPT_DEVICE_GONE) {
            assert_status(tested_poll(), VPT_EMPTY);
        }
        recover(row->fault, row->reset, 0xf, row->back);
    }
}

/* What had completed before the reset has completed. */
VARIANT_TEST(request_life, a_reset_does_not_take_back_what_is_done)
{
    uint32_t done = 0;
    uint32_t cancelled = 0;

    tested_start(variant, &framed);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    tested_submit_many(6);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(tested_submit(6), VPT_OK);
    tested_run(3);
    reset_and_restart(VPT_CALLER_BUSY);
    assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_BUSY);
    while (tested_poll() == VPT_OK) {
        uint32_t *set = tested.completion.status == VPT_OK ? &done : &cancelled;

        cr_assert(tested.completion.status == VPT_OK || tested.completion.status == VPT_CANCELLED);
        *set |= 1u << (uintptr_t)tested.completion.token;
    }
    assert_same(done, 0x07);
    assert_same(cancelled, 0x78);
    tested_end();
}

/* ---- Waiting for one ---- */

static enum vpt_status submit_and_wait(uintptr_t token)
{
    assert_status(tested_submit(token), VPT_OK);
    return vpt_requests_wait(&tested.requests, &tested.completion);
}

VARIANT_TEST(request_life, a_wait_ends_with_the_request_or_a_reset)
{
    static const struct {
        enum mock_fault fault;
        enum vpt_status expected;
    } ends[] = {
        { MOCK_FAULT_COMPLETION_LOST, VPT_DEVICE_TIMEOUT },
        { MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET },
        { MOCK_FAULT_USED_ID_RANGE, VPT_DEVICE_USED_ID },
    };

    tested_start(variant, &framed);
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    machine.model->completion.delay = 9;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        uint64_t ticks = machine.model->ticks;

        assert_status(vpt_requests_ready(&tested.requests), VPT_OK);
        assert_status(submit_and_wait(3), VPT_OK);
        assert_status(tested.completion.status, VPT_OK);
        cr_assert((uintptr_t)tested.completion.token == 3 && machine.model->ticks >= ticks + 9);
        mock_fault_set(&machine.model->faults, ends[i].fault, 1, 1, 0);
        assert_status(submit_and_wait(4), ends[i].expected);
        assert_status(vpt_requests_ready(&tested.requests), VPT_CANCELLED);
        assert_same(machine.model->status, 0);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    }
    tested_assert_works();
    tested_end();
}

static bool stand_still(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)iteration;
    if (what == VPT_WAIT_REQUEST) {
        (void)mock_device_run(machine.model, UINT32_MAX);
    }
    return false;
}

/* The time may run out while this CPU does not run at all, and the device does. */
VARIANT_TEST(request_life, a_request_that_came_back_at_the_last_moment_is_seen)
{
    tested_start(variant, &framed);
    machine.hal->port.keep_waiting = stand_still;
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(submit_and_wait(3), VPT_OK);
    assert_status(tested.completion.status, VPT_OK);
    assert_same((uintptr_t)tested.completion.token, 3);
    assert_status(tested_submit(4), VPT_OK);
    assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), VPT_OK);
    tested_end();
}

/* A kernel that submits and sleeps is woken, whatever it waited for before. */
VARIANT_TEST(request_life, after_a_wait_the_next_request_interrupts)
{
    const struct mock_queue *theirs = &machine.on_mmio.device.queues[0];

    tested_start(variant, &framed);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t interrupts;

        assert_status(tested_submit(0), VPT_OK);
        assert_status(i % 2 == 0 ? vpt_requests_wait(&tested.requests, &tested.completion)
                                 : vpt_requests_quiesce(&tested.requests, NULL, NULL),
                      VPT_OK);
        interrupts = theirs->interrupts;
        assert_status(tested_submit(1), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_same(theirs->interrupts, interrupts + 1u);
        assert_same(tested_take(VPT_OK), 1);
    }
    tested_end();
}

/* ---- Restart, release ---- */

static uint32_t limit; /* what the device takes */

static void fit(struct vpt_requests *requests)
{
    assert_same(requests->segment_max, UINT32_MAX);
    requests->segments = limit;
}

/* A hook that knows only the device's limit does not reach behind the descriptors that a slot has. */
VARIANT_TEST(request_life, a_restart_allocates_nothing_and_fits_the_limits_again)
{
    static const struct vpt_requests_kind kind = { .header = HEADER_SIZE, .reply = 1, .fit = fit };
    static const struct vpt_requests_config config = { .requests = 4, .size = 16 };
    static const uint32_t limits[] = { 100, 2, 4, 14, 0x7fffffff, 0x80000000, 0xfffffffd, UINT32_MAX };
    struct mock_hal *hal = &machine.on_mmio.hal;
    struct vpt_segment segments[15];
    uint64_t allocations;

    limit = 64;
    tested_negotiate(variant, NULL);
    tested_open(&kind, &config, variant->indirect ? 4 : 1);
    assert_same(tested.requests.segments, 14);
    for (unsigned i = 0; i < COUNT_OF(segments); i++) {
        segments[i] = machine_segment(i * 16u, 16);
    }
    allocations = hal->allocations + hal->private_allocations;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_LINE, .queues = 1 };
        unsigned most = limits[i] < 14 ? limits[i] : 14;

        limit = limits[i];
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&tested.driver, i % 2 != 0 ? &interrupts : NULL), VPT_OK);
        assert_same(interrupts.mode, VPT_INTERRUPTS_LINE);
        assert_same(tested.requests.segments, most);
        assert_status(tested_send(segments, most + 1u, 0, 0), VPT_CALLER_TOO_LONG);
        assert_status(tested_send(segments, most, 0, 0), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        (void)tested_take(VPT_OK);
        tested_assert_works();
    }
    assert_same(hal->allocations + hal->private_allocations, allocations);
    assert_same(tested.configurations, 1u + COUNT_OF(limits));
    tested_end();
}

/* What a restart says when the device has become another one; then it is as it was, and the next restart works. */
VARIANT_TEST(request_life, a_restart_that_fails_may_be_tried_again)
{
    static const struct {
        enum mock_fault fault;
        uint64_t argument;
        enum vpt_status expected;
    } changes[] = {
        { MOCK_FAULT_QUEUE_ABSENT, 0, VPT_UNSUPPORTED_QUEUE },
        { MOCK_FAULT_QUEUE_MAXIMUM, 8, VPT_DEVICE_QUEUE_SIZE },
        { MOCK_FAULT_QUEUE_IN_USE, 0, VPT_DEVICE_QUEUE_STATE },
        { MOCK_FAULT_QUEUE_NOT_READY, 0, VPT_DEVICE_QUEUE_STATE },
        { MOCK_FAULT_RESET_NEVER, 0, VPT_DEVICE_STUCK },
    };

    tested_start(variant, &framed);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        mock_fault_set(&machine.model->faults, changes[i].fault, 1, 0, changes[i].argument);
        assert_status(vpt_driver_restart(&tested.driver, NULL), changes[i].expected);
        assert_status(init(&framed, &tested_config), VPT_CALLER_STATE); /* it is still the driver's */
        mock_fault_clear(&machine.model->faults, changes[i].fault);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        tested_assert_works();
    }
    tested.configured = VPT_DEVICE_CONFIG;
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_DEVICE_CONFIG);
    tested.configured = VPT_OK;
    vpt_features_remove(&machine.model->offered, variant->indirect ? VPT_F_INDIRECT_DESC : F_WANTED);
    assert_status(vpt_driver_restart(&tested.driver, NULL), variant->indirect ? VPT_UNSUPPORTED_FEATURE : VPT_OK);
    tested_end();
}

VARIANT_TEST(request_life, the_end_gives_the_memory_back_once)
{
    tested_start(variant, &framed);
    assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_driver_release(&tested.driver), VPT_CALLER_STATE);
    tested_assert_works();
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_requests_release(&tested.requests), VPT_OK);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
        assert_same(mock_hal_live_allocations(machine.hal), 0);
    }
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    assert_status(vpt_driver_release(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_release(NULL), VPT_CALLER_ARGUMENT);
    tested_release();
}

/* Several queues of one driver, which are released in any order. */
VARIANT_TEST(request_life, queues_share_nothing_but_the_driver)
{
    static struct vpt_requests queues[3];
    struct mock_machine_options options = { .queues = 3 };
    struct vpt_segment segment;

    tested_negotiate(variant, &options);
    segment = machine_segment(0, 64);
    for (uint16_t i = 0; i < 3; i++) {
        struct vpt_requests_config config = { .requests = 2, .segments = 2, .size = (uint16_t)(8u << i) };

        assert_status(vpt_requests_init(&queues[i], &tested.driver, i, &framed, 0, &config), VPT_OK);
    }
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    for (uintptr_t i = 0; i < 3; i++) {
        assert_status(vpt_requests_submit(&queues[i], &segment, 1, 0, (void *)i), VPT_OK);
        assert_status(vpt_requests_kick(&queues[i]), VPT_OK);
        for (unsigned other = 0; other < 3; other++) {
            assert_same(machine.model->queues[other].kicks, other <= i);
            assert_same(vpt_queue_has_used(&queues[other].queue), other == i);
        }
        assert_status(vpt_requests_poll(&queues[i], &tested.completion), VPT_OK);
        assert_same((uintptr_t)tested.completion.token, i);
        assert_status(vpt_requests_poll(&queues[i], &tested.completion), VPT_EMPTY);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_requests_release(&queues[1]), VPT_OK);
    cr_assert(tested.driver.first == &queues[0] && queues[0].next == &queues[2] && queues[2].next == NULL);
    assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
    cr_assert(machine.model->queues[0].enabled && !machine.model->queues[1].enabled);
    tested_end();
    cr_assert(all_zero(queues, sizeof(queues)));
}
