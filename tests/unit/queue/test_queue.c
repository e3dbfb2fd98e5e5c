/* SPDX-License-Identifier: MIT */
/* What goes through a queue: chains, tables, tokens and lengths. */
#include <stdlib.h>

#include "hand.h"

static void *token_of(uintptr_t number)
{
    return (void *)(number + 1);
}

/* ---- Chains ---- */

#define PIECE 24u /* bytes between two segments of a chain in the arena */

/* `count` segments of lengths 1, 2, 3, ... apart from each other, in falling order of address. */
static void make_segments(struct vpt_segment *segments, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        segments[i] = bench_segment((size_t)(count - i) * PIECE, 1 + i % PIECE);
    }
}

static uint8_t *bytes_of(const struct vpt_segment *segment)
{
    return bench_bytes((size_t)(segment->address - bench.arena.device_address));
}

static uint8_t value_of(uint32_t segment, uint32_t byte)
{
    return (uint8_t)(7u * segment + 31u * byte + 3u);
}

static void fill_segments(const struct vpt_segment *segments, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < segments[i].length; j++) {
            bytes_of(&segments[i])[j] = value_of(i, j);
        }
    }
}

/* The device read all readable bytes in order, and its own are in the writable segments, in order. */
static void check_segments(const struct vpt_segment *segments, uint32_t readable, uint32_t writable, uint8_t fill)
{
    size_t position = 0;

    for (uint32_t i = 0; i < readable; i++) {
        for (uint32_t j = 0; j < segments[i].length; j++) {
            cr_assert(bench.read[position++] == value_of(i, j));
        }
    }
    cr_assert(position == bench.read_size);
    for (uint32_t i = readable; i < readable + writable; i++) {
        for (uint32_t j = 0; j < segments[i].length; j++) {
            cr_assert(bytes_of(&segments[i])[j] == fill++);
        }
    }
}

static uint32_t total(const struct vpt_segment *segments, uint32_t count)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    return bytes;
}

static void go_through(struct vpt_queue *queue, uint16_t readable, uint16_t writable)
{
    struct vpt_segment segments[32];
    uint8_t fill = bench.fill;
    uint32_t written = 0;
    void *token = NULL;

    make_segments(segments, (uint32_t)readable + writable);
    fill_segments(segments, (uint32_t)readable + writable);
    assert_status(vpt_queue_add(queue, segments, readable, writable, segments), VPT_OK);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    cr_assert(bench_last()->readable == readable && bench_last()->writable == writable);
    assert_status(vpt_queue_pop(queue, &token, &written), VPT_OK);
    cr_assert(token == segments && written == total(segments + readable, writable));
    check_segments(segments, readable, writable, fill);
}

VARIANT_TEST(queue, SPLIT_FRAME_1_every_split_of_readable_and_writable)
{
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 32);
    for (uint16_t count = 1; count <= 32; count++) {
        for (uint16_t readable = 0; readable <= count; readable++) {
            go_through(&queue, readable, (uint16_t)(count - readable));
            /* Tables have eight entries; one segment by itself needs none. */
            cr_assert(bench_last()->indirect == (variant->indirect && count > 1 && count <= 8));
        }
    }
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    bench_end(&queue);
}

VARIANT_TEST(queue, SPLIT_INDIR_3_a_request_longer_than_the_queue_is_refused)
{
    struct vpt_segment *segments = calloc(131070, sizeof(*segments));
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    for (uint32_t i = 0; i < 131070; i++) {
        segments[i] = bench_segment(i, 1);
    }
    assert_status(vpt_queue_add(&queue, segments, 17, 0, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 0, 17, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 8, 9, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 65535, 1, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 1, 65535, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 65535, 65535, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 8, 8, NULL), VPT_OK);
    assert_status(vpt_queue_add(&queue, segments, 8, 9, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 8, 8, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(bench.handled == 1 && bench_last()->readable == 8 && bench_last()->writable == 8);
    free(segments);
    bench_end(&queue);
}

/* What is refused changes nothing: the queue takes as many requests as before, and the device sees none of it. */
static void assert_room(struct vpt_queue *queue, uint32_t room)
{
    struct vpt_segment segment = bench_segment(0, 1);
    uint64_t handled = bench.handled;

    for (uintptr_t i = 0; i < room; i++) {
        assert_status(vpt_queue_add(queue, &segment, 1, 0, token_of(i)), VPT_OK);
    }
    assert_status(vpt_queue_add(queue, &segment, 1, 0, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    cr_assert(bench.handled == handled + room);
    for (uintptr_t i = 0; i < room; i++) {
        void *token = NULL;

        assert_status(vpt_queue_pop(queue, &token, NULL), VPT_OK);
        cr_assert(token == token_of(i));
    }
}

VARIANT_TEST(queue, empty_requests_and_segments_are_refused)
{
    struct vpt_segment segments[12];
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    make_segments(segments, 12);
    assert_status(vpt_queue_add(&queue, segments, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_queue_add(&queue, NULL, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    for (uint16_t count = 1; count <= 12; count++) {
        for (uint16_t empty = 0; empty < count; empty++) {
            uint32_t length = segments[empty].length;

            segments[empty].length = 0;
            for (uint16_t readable = 0; readable <= count; readable++) {
                assert_status(vpt_queue_add(&queue, segments, readable, (uint16_t)(count - readable), NULL),
                              VPT_CALLER_ARGUMENT);
            }
            segments[empty].length = length;
        }
    }
    assert_room(&queue, 16);
    go_through(&queue, 3, 3);
    go_through(&queue, 6, 6);
    bench_end(&queue);
}

VARIANT_TEST(queue, SPLIT_DESC_1_a_chain_is_shorter_than_4_gib)
{
    static uint8_t nothing;
    struct vpt_memory far;
    struct vpt_segment segments[4];
    uint32_t written = 0;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    bench.idle = true;
    far = mock_hal_register(&bench.machine.hal, &nothing, 0xffffffffu, UINT64_C(0x900000000000), true);
    for (unsigned i = 0; i < 4; i++) {
        segments[i] = (struct vpt_segment){ far.device_address, 0x40000000 };
    }
    assert_status(vpt_queue_add(&queue, segments, 4, 0, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 2, 2, NULL), VPT_CALLER_TOO_LONG);
    segments[0].length = 0xffffffff;
    assert_status(vpt_queue_add(&queue, segments, 0, 2, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_queue_add(&queue, segments, 1, 3, NULL), VPT_CALLER_TOO_LONG);
    segments[1].length = 1;
    assert_status(vpt_queue_add(&queue, segments, 1, 1, NULL), VPT_CALLER_TOO_LONG);
    assert_room(&queue, 16);
    assert_status(vpt_queue_add(&queue, segments, 0, 1, NULL), VPT_OK);
    segments[0].length = 0xfffffffe;
    assert_status(vpt_queue_add(&queue, segments, 1, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
    cr_assert(written == 0xffffffff);
    assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
    cr_assert(written == 1);
    mock_hal_unregister(&bench.machine.hal, &far);
    bench_end(&queue);
}

VARIANT_TEST(queue, addresses_of_64_bits_reach_the_device)
{
    static const uint64_t addresses[] = {
        0, 1, 0xfffffff0u, UINT64_C(0x100000000), UINT64_C(0x8000000000000001), UINT64_C(0xfffffffffffffff0)
    };

    hand_open(variant, 0, 16);
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct vpt_segment segment = { addresses[i], 16 };
        struct hand_descriptor descriptor;
        uint16_t head;

        assert_status(vpt_queue_add(&hand.queue, &segment, i % 2 == 0, i % 2 == 1, NULL), VPT_OK);
        vpt_queue_publish(&hand.queue);
        head = hand_take();
        descriptor = hand_descriptor(head);
        cr_assert(descriptor.address == addresses[i] && descriptor.length == 16);
        cr_assert(descriptor.flags == (i % 2 == 0 ? 0 : 2) && descriptor.next == 0);
        hand_use(head, 0);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
    }
}

/* Descriptor by descriptor: a chain along `next`, all but the last with NEXT, the writable ones with WRITE. */
static void assert_chain(const uint8_t *table, uint16_t index, const struct vpt_segment *segments, uint32_t readable,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct hand_descriptor descriptor = hand_descriptor_of(table, index);
        uint16_t flags = (uint16_t)((i >= readable ? 2u : 0u) | (i + 1 < count ? 1u : 0u));

        cr_assert(descriptor.address == segments[i].address && descriptor.length == segments[i].length);
        cr_assert(descriptor.flags == flags, "descriptor %u has flags %u", (unsigned)i, descriptor.flags);
        index = descriptor.next;
    }
}

VARIANT_TEST(queue, SPLIT_INDIR_4_what_stands_in_the_descriptors)
{
    const struct vpt_segment segments[] = { { 0x1000, 1 }, { 0x2000, 2 }, { 0x3000, 3 }, { 0x4000, 4 }, { 0x5000, 5 } };

    hand_open(variant, 0, 16);
    for (uint16_t count = 2; count <= 5; count++) {
        for (uint16_t readable = 0; readable <= count; readable++) {
            struct hand_descriptor descriptor;
            uint64_t offset;
            uint16_t head;

            assert_status(vpt_queue_add(&hand.queue, segments, readable, (uint16_t)(count - readable), NULL), VPT_OK);
            vpt_queue_publish(&hand.queue);
            head = hand_take();
            descriptor = hand_descriptor(head);
            offset = descriptor.address - HAND_TABLES_ADDRESS;
            if (variant->indirect) {
                cr_assert(descriptor.flags == 4 && descriptor.next == 0 && descriptor.length == 16u * count);
                cr_assert(offset % (16u * HAND_SEGMENTS) == 0 && offset < hand.config.memory.indirect.size);
                assert_chain((uint8_t *)hand.config.memory.indirect.address + offset, 0, segments, readable, count);
            } else {
                assert_chain(hand.descriptors, head, segments, readable, count);
            }
            hand_use(head, 0);
            assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        }
    }
}

/* ---- Room ---- */

VARIANT_TEST(queue, a_full_queue_says_so_and_takes_more_after_a_pop)
{
    struct vpt_segment segments[3];
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    bench_queue(&queue, 16, 0, 0);
    make_segments(segments, 3);
    for (unsigned i = 0; i < 5; i++) {
        assert_status(vpt_queue_add(&queue, segments, 1, 2, NULL), VPT_OK);
    }
    assert_status(vpt_queue_add(&queue, segments, 1, 2, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_add(&queue, segments, 1, 1, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_add(&queue, segments, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_add(&queue, segments, 0, 1, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_queue_add(&queue, segments, 1, 2, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_add(&queue, segments, 1, 2, NULL), VPT_OK);
    assert_status(vpt_queue_add(&queue, segments, 0, 1, NULL), VPT_RESOURCE_FULL);
    cr_assert(bench.machine.device.queues[0].indirect_elements == 0);
    bench_end(&queue);
}

VERSION_TEST(queue, SPLIT_INDIR_1_without_free_tables_requests_become_chains)
{
    struct vpt_segment segments[5];
    struct vpt_queue queue;
    static const struct {
        uint16_t count;
        bool indirect;
    } expected[] = { { 4, true }, { 1, false }, { 5, false }, { 2, true }, { 3, true }, { 3, false }, { 2, false } };

    bench_negotiate(variant, NULL);
    bench_queue(&queue, 16, 3, 4);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    make_segments(segments, 5);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t first = bench.handled;

        for (uintptr_t i = 0; i < COUNT_OF(expected); i++) {
            assert_status(vpt_queue_add(&queue, segments, 1, (uint16_t)(expected[i].count - 1), token_of(i)), VPT_OK);
        }
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        (void)mock_device_run(&bench.machine.device, UINT32_MAX);
        for (uintptr_t i = 0; i < COUNT_OF(expected); i++) {
            const struct bench_request *request = &bench.log[first + i];
            void *token = NULL;

            assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
            cr_assert(token == token_of(i));
            cr_assert(request->readable + request->writable == expected[i].count);
            cr_assert(request->indirect == expected[i].indirect, "request %u", (unsigned)i);
        }
    }
    cr_assert(bench.machine.device.queues[0].indirect_elements == 9);
    bench_end(&queue);
}

/* With a table each, a queue holds as many requests as it has entries, however long they are. */
VERSION_TEST(queue, a_request_in_a_table_takes_one_entry)
{
    struct vpt_segment segments[8];
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    make_segments(segments, 8);
    for (uintptr_t i = 0; i < 16; i++) {
        assert_status(vpt_queue_add(&queue, segments, 4, 4, token_of(i)), VPT_OK);
    }
    assert_status(vpt_queue_add(&queue, segments, 4, 4, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_add(&queue, segments, 1, 0, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(bench.machine.device.queues[0].indirect_elements == 16);
    bench_end(&queue);
}

/* ---- Tokens and lengths ---- */

VARIANT_TEST(queue, tokens_and_lengths_are_optional)
{
    struct vpt_segment segment;
    struct vpt_queue queue;
    void *token = &queue;
    uint32_t written = 99;

    bench_start(variant, NULL, &queue, 16);
    segment = bench_segment(0, 10);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_queue_add(&queue, &segment, 0, 1, i == 3 ? &segment : NULL), VPT_OK);
    }
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
    cr_assert(token == NULL);
    assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
    cr_assert(written == 10);
    assert_status(vpt_queue_pop(&queue, &token, &written), VPT_OK);
    cr_assert(token == &segment);
    assert_status(vpt_queue_pop(&queue, &token, &written), VPT_EMPTY);
    cr_assert(token == &segment && written == 10, "an empty pop leaves both alone");
    bench_end(&queue);
}

VARIANT_TEST(queue, SPLIT_USED_1_understated_lengths_are_passed_on)
{
    struct vpt_segment segment;
    struct vpt_queue queue;
    uint32_t written = 99;

    bench_start(variant, NULL, &queue, 16);
    segment = bench_segment(0, 10);
    bench.understate = 4;
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
    cr_assert(written == 6);
    bench_end(&queue);
}

VARIANT_TEST(queue, has_used_tells_whether_a_pop_finds_something)
{
    struct vpt_segment segment;
    struct vpt_queue queue;

    bench_start(variant, NULL, &queue, 16);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    segment = bench_segment(0, 10);
    cr_assert(!vpt_queue_has_used(&queue));
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_add(&queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    cr_assert(!vpt_queue_has_used(&queue));
    cr_assert(mock_device_run(&bench.machine.device, 2) == 2);
    cr_assert(vpt_queue_has_used(&queue));
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    cr_assert(vpt_queue_has_used(&queue));
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    cr_assert(!vpt_queue_has_used(&queue));
    bench_end(&queue);
}

/* ---- Visibility ---- */

VARIANT_TEST(queue, OUT_SPLIT_1_the_device_sees_nothing_before_publish)
{
    hand_open(variant, 0, 16);
    hand_add(NULL, true, 8);
    hand_add(NULL, true, 8);
    cr_assert(hand_available_index() == 0);
    vpt_queue_publish(&hand.queue);
    cr_assert(hand_available_index() == 2);
    vpt_queue_publish(&hand.queue);
    cr_assert(hand_available_index() == 2);
    hand_add(NULL, true, 8);
    cr_assert(hand_available_index() == 2);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    cr_assert(hand_available_index() == 3);
}

/* ---- Many requests ---- */

#define MANY      210000u
#define MANY_SIZE 64u

static uint32_t many; /* requests of this run, up to MANY */
static uint32_t seed;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

struct flight {
    bool in_flight;
    uint32_t written; /* expected */
};

static struct flight flights[MANY];

/* Adds up to `wanted` requests of random shapes; returns the number of the next one. */
static uint32_t add_some(struct vpt_queue *queue, uint32_t next, uint32_t wanted)
{
    struct vpt_segment segments[12];

    for (uint32_t i = 0; i < wanted && next < many; i++) {
        uint16_t readable = (uint16_t)pick(6);
        uint16_t writable = (uint16_t)(pick(6) + (readable == 0 ? 1u : 0u));
        enum vpt_status status;

        make_segments(segments, (uint32_t)readable + writable);
        status = vpt_queue_add(queue, segments, readable, writable, &flights[next]);
        if (status == VPT_RESOURCE_FULL) {
            return next;
        }
        assert_status(status, VPT_OK);
        flights[next].in_flight = true;
        flights[next].written = total(segments + readable, writable);
        next++;
    }
    return next;
}

static uint32_t pop_some(struct vpt_queue *queue, uint32_t limit)
{
    uint32_t popped = 0;
    uint32_t written = 0;
    void *token = NULL;

    while (popped < limit && vpt_queue_pop(queue, &token, &written) == VPT_OK) {
        struct flight *flight = token;

        cr_assert(flight >= flights && flight < flights + MANY);
        cr_assert(flight->in_flight, "request %zu came back twice", (size_t)(flight - flights));
        cr_assert(flight->written == written);
        flight->in_flight = false;
        popped++;
    }
    return popped;
}

/* Every request comes back exactly once with its own length, out of order, through three wraps of the indexes. */
VARIANT_TEST(queue, more_than_200000_requests_come_back_once_each)
{
    struct mock_machine_options options = {
        .completion = { .mode = MOCK_COMPLETE_BY_RUN, .order = MOCK_ORDER_SHUFFLED, .seed = 99 }
    };
    struct vpt_queue queue;
    uint32_t added = 0;
    uint32_t popped = 0;
    uint32_t idle = 0; /* rounds without a request coming back */

    seed = 7;
    many = MANY / test_stride();
    bench_negotiate(variant, &options);
    bench_queue(&queue, MANY_SIZE, MANY_SIZE / 4, 6);
    bench.idle = true;
    while (popped < many) {
        uint32_t back;

        added = add_some(&queue, added, 1 + pick(MANY_SIZE));
        if (pick(4) != 0) { /* else the device works on while some are not published */
            assert_status(vpt_queue_kick(&queue), VPT_OK);
        }
        (void)mock_device_run(&bench.machine.device, 1 + pick(MANY_SIZE));
        back = pop_some(&queue, 1 + pick(MANY_SIZE));
        popped += back;
        idle = back != 0 ? 0 : idle + 1;
        cr_assert(popped <= added && idle < 100, "%u of %u came back", (unsigned)popped, (unsigned)added);
    }
    cr_assert(added == many && bench.handled == many);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    for (uint32_t i = 0; i < many; i++) {
        cr_assert(!flights[i].in_flight);
    }
    bench_end(&queue);
}

/* ---- Several queues ---- */

VARIANT_TEST(queue, queues_of_one_device_are_apart)
{
    struct mock_machine_options options = { .queues = 4 };
    struct vpt_queue queues[4];
    struct vpt_segment segment;

    bench_negotiate(variant, &options);
    for (uint16_t i = 0; i < 4; i++) {
        struct vpt_queue_config config = { .index = i, .size = (uint16_t)(4u << i) };

        assert_status(vpt_queue_init(&queues[i], bench.device, &config), VPT_OK);
    }
    assert_status(vpt_device_start(bench.device), VPT_OK);
    segment = bench_segment(0, 8);
    for (uint16_t i = 0; i < 4; i++) {
        void *token = NULL;

        assert_status(vpt_queue_add(&queues[i], &segment, 0, 1, &queues[i]), VPT_OK);
        assert_status(vpt_queue_kick(&queues[i]), VPT_OK);
        for (unsigned other = 0; other < 4; other++) {
            cr_assert(bench.machine.device.queues[other].kicks == (other <= i ? 1u : 0u));
            cr_assert(vpt_queue_has_used(&queues[other]) == (other == i));
        }
        assert_status(vpt_queue_pop(&queues[i], &token, NULL), VPT_OK);
        cr_assert(token == &queues[i]);
    }
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    for (unsigned i = 1; i < 4; i++) {
        assert_status(vpt_queue_release(&queues[i]), VPT_OK);
    }
    bench_end(&queues[0]);
}
