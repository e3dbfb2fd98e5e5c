/* SPDX-License-Identifier: MIT */
/* What goes through a queue: chains, tables, tokens and lengths. */
#include <string.h>

#include "hand.h"

static struct vpt_queue queue;

/* ---- Chains ---- */

#define PIECE 24u /* bytes between two segments of a chain in the arena */
#define MOST  32u /* segments */

/* Lengths are 1, 2, 3, ...; the segments lie apart from each other, in falling order of address. */
static void make_segments(struct vpt_segment *segments, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        segments[i] = machine_segment((size_t)(count - i) * PIECE, 1 + i % PIECE);
    }
}

static const uint8_t *bytes_of(const struct vpt_segment *segment)
{
    return machine_bytes((size_t)(segment->address - machine.data.device_address));
}

/* An empty segment is refused wherever it stands. */
static void refuse_empty(struct vpt_queue *queue, struct vpt_segment *segments, uint16_t readable, uint16_t writable)
{
    for (unsigned i = 0; i < (unsigned)readable + writable; i++) {
        uint32_t length = segments[i].length;

        segments[i].length = 0;
        assert_status(vpt_queue_add(queue, segments, readable, writable, NULL), VPT_CALLER_ARGUMENT);
        segments[i].length = length;
    }
}

static void go_through(struct vpt_queue *queue, uint16_t readable, uint16_t writable)
{
    struct vpt_segment segments[MOST];
    uint8_t fill = machine.fill;
    size_t read = 0;
    uint32_t wrote = 0;
    uint32_t written = 0;
    void *token = NULL;

    make_segments(segments, (uint32_t)readable + writable);
    for (size_t i = 0; i < (MOST + 1) * PIECE; i++) {
        machine_bytes(0)[i] = (uint8_t)(31 * i + 3);
    }
    refuse_empty(queue, segments, readable, writable);
    assert_status(vpt_queue_add(queue, segments, readable, writable, segments), VPT_OK);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    assert_same(plain_last()->readable, readable);
    assert_same(plain_last()->writable, writable);
    assert_status(vpt_queue_pop(queue, &token, &written), VPT_OK);
    cr_assert(token == segments);
    for (unsigned i = 0; i < readable; i++) {
        cr_assert(memcmp(machine.read + read, bytes_of(&segments[i]), segments[i].length) == 0, "segment %u", i);
        read += segments[i].length;
    }
    assert_same(machine.read_size, read);
    for (unsigned i = readable; i < (unsigned)readable + writable; i++) {
        for (uint32_t j = 0; j < segments[i].length; j++) {
            assert_same(bytes_of(&segments[i])[j], (uint8_t)(fill + wrote++));
        }
    }
    assert_same(written, wrote);
}

VARIANT_TEST(queue, SPLIT_FRAME_1_every_split_of_readable_and_writable)
{
    plain_start(variant, NULL, &queue, MOST);
    for (uint16_t count = 1; count <= MOST; count++) {
        for (uint16_t readable = 0; readable <= count; readable++) {
            go_through(&queue, readable, (uint16_t)(count - readable));
            /* Tables have eight entries; one segment by itself needs none. */
            assert_same(plain_last()->indirect, variant->indirect && count > 1 && count <= 8);
        }
    }
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
    plain_end(&queue);
}

/* Descriptor by descriptor: a chain along `next`, all but the last with NEXT, the writable ones with WRITE. */
static void assert_chain(const uint8_t *table, uint16_t index, const struct vpt_segment *segments, uint32_t readable,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct hand_descriptor descriptor = hand_descriptor_of(table, index);

        assert_same(descriptor.address, segments[i].address);
        assert_same(descriptor.length, segments[i].length);
        assert_same(descriptor.flags, (i >= readable ? 2u : 0u) | (i + 1 < count ? 1u : 0u));
        index = descriptor.next;
    }
    assert_same(index, 0);
}

/* Adds a request of these segments and looks at what the device is shown of it. */
static void look(const struct vpt_segment *segments, uint16_t readable, uint16_t count)
{
    struct hand_descriptor descriptor;
    uint16_t head;

    assert_status(vpt_queue_add(&hand.queue, segments, readable, (uint16_t)(count - readable), NULL), VPT_OK);
    vpt_queue_publish(&hand.queue);
    head = hand_take();
    descriptor = hand_descriptor(head);
    if (hand.queue.table_segments != 0 && count > 1) {
        uint64_t offset = descriptor.address - HAND_TABLES_ADDRESS;

        assert_same(descriptor.flags, 4);
        assert_same(descriptor.next, 0);
        assert_same(descriptor.length, 16u * count);
        cr_assert(offset % (16u * HAND_SEGMENTS) == 0 && offset < hand.config.memory.indirect.size);
        assert_chain((uint8_t *)hand.config.memory.indirect.address + offset, 0, segments, readable, count);
    } else {
        assert_chain(hand.descriptors, head, segments, readable, count);
    }
    hand_use(head, 0);
    queue_take(&hand.queue, 1);
}

VARIANT_TEST(queue, SPLIT_INDIR_4_what_stands_in_the_descriptors)
{
    static const struct vpt_segment segments[] = {
        { 0, 1 },
        { 1, 2 },
        { 0xfffffff0u, 3 },
        { UINT64_C(0x100000000), 4 },
        { UINT64_C(0x8000000000000001), 5 },
        { UINT64_C(0xfffffffffffffff0), 16 },
    };

    hand_open(variant, 0, 16);
    for (uint16_t first = 0; first < COUNT_OF(segments); first++) {
        for (uint16_t count = 1; first + count <= (int)COUNT_OF(segments); count++) {
            for (uint16_t readable = 0; readable <= count; readable++) {
                look(&segments[first], readable, count);
            }
        }
    }
}

/* ---- Refusals ---- */

/* Whatever was refused before, the queue has all its room, and the device has seen none of it. */
static void assert_room(struct vpt_queue *queue, uint32_t room)
{
    uint64_t handled = machine.handled;

    for (uintptr_t i = 0; i < room; i++) {
        assert_status(queue_add(queue, 1, 0, i), VPT_OK);
    }
    assert_status(queue_add(queue, 1, 0, 0), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(queue), VPT_OK);
    assert_same(machine.handled, handled + room);
    for (uintptr_t i = 0; i < room; i++) {
        assert_same(queue_pop(queue), i);
    }
}

/* All segments but the last have `length`. */
static const struct refusal {
    const char *what;
    uint16_t readable;
    uint16_t writable;
    uint32_t length;
    uint32_t last;
    enum vpt_status expected;
} refusals[] = {
    { "no segment", 0, 0, 0, 0, VPT_CALLER_ARGUMENT },
    { "more to read than there are entries", 17, 0, 1, 1, VPT_CALLER_TOO_LONG },
    { "more to write", 0, 17, 1, 1, VPT_CALLER_TOO_LONG },
    { "more together", 8, 9, 1, 1, VPT_CALLER_TOO_LONG },
    { "most to read, a sum of 16 bits is 0", 65535, 1, 1, 1, VPT_CALLER_TOO_LONG },
    { "most to write, a sum of 16 bits is 0", 1, 65535, 1, 1, VPT_CALLER_TOO_LONG },
    { "most of each", 65535, 65535, 1, 1, VPT_CALLER_TOO_LONG },
    { "4 GiB to read", 4, 0, 0x40000000, 0x40000000, VPT_CALLER_TOO_LONG },
    { "4 GiB together", 2, 2, 0x40000000, 0x40000000, VPT_CALLER_TOO_LONG },
    { "more than 4 GiB to write", 0, 2, 0xffffffff, 0x40000000, VPT_CALLER_TOO_LONG },
    { "more than 4 GiB together", 1, 3, 0x40000000, 0xffffffff, VPT_CALLER_TOO_LONG },
    { "a byte too much", 1, 1, 0xffffffff, 1, VPT_CALLER_TOO_LONG },
};

static struct vpt_segment *make_refused(const struct refusal *refusal)
{
    static struct vpt_segment segments[131070];
    unsigned count = (unsigned)refusal->readable + refusal->writable;

    for (unsigned i = 0; i < count; i++) {
        segments[i] = (struct vpt_segment){ i, i + 1 < count ? refusal->length : refusal->last };
    }
    return segments;
}

STARTED_QUEUE_TEST(queue, SPLIT_DESC_1_a_request_of_4_gib_or_of_more_segments_than_entries_is_refused)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *row = &refusals[i];

        assert_status_of(row->what, vpt_queue_add(&queue, make_refused(row), row->readable, row->writable, NULL),
                         row->expected);
        assert_room(&queue, 16);
    }
    assert_status(vpt_queue_add(&queue, NULL, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(queue_add(&queue, 8, 8, 0), VPT_OK);
    assert_status(vpt_queue_add(&queue, make_refused(&refusals[3]), 8, 9, NULL), VPT_CALLER_TOO_LONG);
    assert_status(queue_add(&queue, 8, 8, 0), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_same(plain_last()->readable, 8);
    assert_same(plain_last()->writable, 8);
}

VARIANT_TEST(queue, SPLIT_DESC_1_a_byte_less_than_4_gib_is_allowed)
{
    static const uint32_t lengths[] = { 0xffffffff, 0x80000000, 1 };

    hand_open(variant, 0, 16);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct vpt_segment segments[] = { { 0, 0xffffffff - lengths[i] }, { 0, lengths[i] } };
        uint16_t readable = segments[0].length != 0 ? 1 : 0;
        uint32_t written = 0;

        assert_status(vpt_queue_add(&hand.queue, &segments[1 - readable], readable, 1, NULL), VPT_OK);
        vpt_queue_publish(&hand.queue);
        hand_use(hand_take(), lengths[i]);
        assert_status(vpt_queue_pop(&hand.queue, NULL, &written), VPT_OK);
        assert_same(written, lengths[i]);
    }
}

/* ---- Room ---- */

VARIANT_TEST(queue, a_full_queue_says_so_and_takes_more_after_a_pop)
{
    plain_negotiate(variant, NULL);
    plain_queue(&queue, 16, 0, 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_status(queue_add(&queue, 1, 2, 0), VPT_OK);
    }
    assert_status(queue_add(&queue, 1, 2, 0), VPT_RESOURCE_FULL);
    assert_status(queue_add(&queue, 1, 1, 0), VPT_RESOURCE_FULL);
    assert_status(queue_add(&queue, 0, 1, 0), VPT_OK);
    assert_status(queue_add(&queue, 0, 1, 0), VPT_RESOURCE_FULL);
    assert_status(vpt_queue_kick(&queue), VPT_OK);
    assert_status(queue_add(&queue, 1, 2, 0), VPT_RESOURCE_FULL);
    queue_take(&queue, 1);
    assert_status(queue_add(&queue, 1, 2, 0), VPT_OK);
    assert_status(queue_add(&queue, 0, 1, 0), VPT_RESOURCE_FULL);
    assert_same(machine.model->queues[0].indirect_elements, 0);
    plain_end(&queue);
}

VERSION_TEST(queue, SPLIT_INDIR_1_without_free_tables_requests_become_chains)
{
    static const struct {
        unsigned count;
        bool indirect;
    } expected[] = { { 4, true }, { 1, false }, { 5, false }, { 2, true }, { 3, true }, { 3, false }, { 2, false } };

    plain_negotiate(variant, NULL);
    plain_queue(&queue, 16, 3, 4);
    for (unsigned round = 0; round < 3; round++) {
        const struct plain_request *requests = &machine.log[machine.handled];

        for (uintptr_t i = 0; i < COUNT_OF(expected); i++) {
            assert_status(queue_add(&queue, 1, expected[i].count - 1, i), VPT_OK);
        }
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        for (uintptr_t i = 0; i < COUNT_OF(expected); i++) {
            assert_same(queue_pop(&queue), i);
            assert_same(requests[i].readable + requests[i].writable, expected[i].count);
            assert_same(requests[i].indirect, expected[i].indirect);
        }
    }
    assert_same(machine.model->queues[0].indirect_elements, 9);
    plain_end(&queue);
}

/* ---- What a pop tells ---- */

STARTED_QUEUE_TEST(queue, SPLIT_USED_1_a_pop_passes_token_and_length_on_as_far_as_they_are_asked_for)
{
    void *token = &queue;
    uint32_t written = 99;

    machine.understate = 3;
    queue_send(&queue, 4);
    assert_status(vpt_queue_pop(&queue, &token, NULL), VPT_OK);
    cr_assert(token == NULL);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_pop(&queue, NULL, &written), VPT_OK);
    assert_same(written, 5);
    assert_status(vpt_queue_pop(&queue, &token, &written), VPT_OK);
    cr_assert(token == (void *)3);
    assert_status(vpt_queue_pop(&queue, &token, &written), VPT_EMPTY);
    cr_assert(token == (void *)3 && written == 5, "an empty pop leaves both alone");
}

VARIANT_TEST(queue, OUT_SPLIT_1_the_device_sees_nothing_before_publish)
{
    hand_open(variant, 0, 16);
    hand_add(NULL, true, 8);
    hand_add(NULL, true, 8);
    assert_same(hand_available_index(), 0);
    vpt_queue_publish(&hand.queue);
    assert_same(hand_available_index(), 2);
    vpt_queue_publish(&hand.queue);
    assert_same(hand_available_index(), 2);
    hand_add(NULL, true, 8);
    assert_same(hand_available_index(), 2);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    assert_same(hand_available_index(), 3);
}

/* The descriptors of a request that is refused may have been written. The device takes none of them. */
VARIANT_TEST(queue, PACKED_SG_6_a_shorter_request_may_follow_one_that_is_refused)
{
    struct vpt_segment segments[] = { { 0, 8 }, { 0, 0xffffffff }, { 0, 0xffffffff } };

    plain_start(variant, NULL, &queue, 4);
    segments[0] = machine_segment(0, 8);
    for (unsigned i = 1; i <= 9; i++) {
        assert_status(vpt_queue_add(&queue, segments, 0, COUNT_OF(segments), NULL), VPT_CALLER_TOO_LONG);
        assert_status(vpt_queue_add(&queue, segments, 0, 1, NULL), VPT_OK);
        assert_status(vpt_queue_kick(&queue), VPT_OK);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
        assert_same(machine.handled, i);
    }
    plain_end(&queue);
}
