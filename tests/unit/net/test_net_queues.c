/* SPDX-License-Identifier: MIT */
/* Frames that are sent and received, and what a device may do wrong meanwhile. */
#include <string.h>

#include "network.h"

/* ---- Sending ---- */

/* Frames of several lengths, in several segments; LEG-NETFRAME-1 is the device's to check. */
TRANSPORT_TEST(net_transmit, NET_TX_1_NET_TX_2_LEG_NETFRAME_1_frames_are_sent_byte_for_byte)
{
    static const uint32_t lengths[] = { 14, 60, 61, 1499, NETWORK_MOST };
    static const uint64_t layouts[] = { 0, 1u << VPT_F_ANY_LAYOUT, 1u << VPT_F_INDIRECT_DESC };

    for (unsigned layout = 0; layout < COUNT_OF(layouts); layout++) {
        const struct mock_pci_machine_options options = { .machine.withhold = { { (uint32_t)layouts[layout] } } };
        uint32_t seed = 1;

        network_machine(variant->kind, NULL, &options);
        assert_status(network_bring_up(1, 0, NULL), VPT_OK);
        for (unsigned i = 0; i < COUNT_OF(lengths) * 4u; i++) {
            uint32_t length = lengths[i / 4u];
            unsigned segments = i % 4u + 1u;
            uint64_t before = network_model.sent;

            assert_status(network_submit(0, 2, length, segments, ++seed, NULL), VPT_OK);
            assert_same(network_model.sent, before);
            assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
            assert_same(network_model.sent, before + 1u);
            network_check_sent(length, seed);
            assert_same(mock_net_last(&network_model)->segments, segments + 1u);
            assert_same(network_drain_transmitq(0), 1);
        }
        network_end();
    }
}

TRANSPORT_TEST(net_transmit, NET_CFG_8_frames_that_are_refused)
{
    static const struct mock_net_options options = { .mtu = 1000, .withhold = { { 1u << VPT_NET_F_CSUM } } };
    const struct vpt_net_checksum checksum = { 34, 16 };
    const struct vpt_net_checksum none = { 0, 9 };
    struct vpt_request frames[3];
    struct vpt_segment segment;
    uint32_t done = 9;

    network_start(variant->kind, &options);
    assert_status(network_submit(0, 0, 1015, 1, 1, NULL), VPT_CALLER_TOO_LONG);
    assert_status(network_submit(0, 0, 1015, 2, 1, NULL), VPT_CALLER_TOO_LONG);
    assert_status(network_submit(0, 0, 100, 5, 1, NULL), VPT_CALLER_TOO_LONG);
    assert_status(network_submit(0, 0, 100, 1, 1, &checksum), VPT_UNSUPPORTED_REQUEST);
    assert_status(vpt_net_transmit(network.transmitq, NULL, 0, NULL, NULL), VPT_CALLER_ARGUMENT);
    frames[0] = (struct vpt_request){ .segments = NULL };
    assert_status(vpt_net_transmit_batch(network.transmitq, frames, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_same(done, 0);
    segment = machine_segment(0, 1014);
    for (unsigned i = 0; i < 3; i++) {
        frames[i] = (struct vpt_request){ .segments = &segment, .readable = 1, .writable = i == 2 ? 1 : 0 };
    }
    assert_status(vpt_net_transmit_batch(network.transmitq, frames, NULL, 3, &done), VPT_CALLER_ARGUMENT);
    assert_same(done, 2); /* those before it */
    assert_status(network_submit(0, 0, 1014, 1, 1, &none), VPT_OK);
    assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
    assert_same(network_model.sent, 3);
    assert_same(network_drain_transmitq(0), 3);
    network_end();
}

/* A ring that is full is a status, and goes on when a frame has come back. */
TRANSPORT_TEST(net_transmit, a_full_ring)
{
    const struct mock_pci_machine_options options = { .machine.completion = { .mode = MOCK_COMPLETE_BY_RUN } };

    network_machine(variant->kind, NULL, &options);
    assert_status(network_bring_up(1, 0, NULL), VPT_OK);
    for (uintptr_t token = 0; token < 64; token++) {
        assert_status(network_submit(0, token, 100, 1, (uint32_t)token, NULL), VPT_OK);
    }
    assert_status(network_submit(0, 63, 100, 1, 63, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
    assert_same(mock_device_run(machine.model, 1), 1);
    assert_same(network_drain_transmitq(0), 1);
    network_check_sent(100, 0);
    assert_status(network_submit(0, 0, 100, 1, 5, NULL), VPT_OK);
    network_end();
}

/* Checksums that the device completes. The header of a slot does not outlast its frame. */
STARTED_NETWORK_TEST(net_transmit, NET_TX_3_NET_TX_17_NET_TX_20_checksums_are_left_to_the_device)
{
    static const struct {
        uint16_t start, offset;
        enum vpt_status status;
    } rows[] = {
        { 34, 16, VPT_OK },
        { 0, 16, VPT_OK },
        { 98, 0, VPT_OK },
        { 1, 97, VPT_OK },
        { 99, 0, VPT_CALLER_RANGE },
        { 34, 65, VPT_CALLER_RANGE },
        { 65535, 65535, VPT_CALLER_RANGE },
    };

    for (unsigned i = 0; i < 3u * COUNT_OF(rows); i++) {
        unsigned row = i % COUNT_OF(rows);
        const struct vpt_net_checksum checksum = { rows[row].start, rows[row].offset };
        const struct mock_net_record *last;

        assert_status(network_submit(0, 1, 100, 1 + i % 2u, i, &checksum), rows[row].status);
        if (rows[row].status == VPT_OK) {
            assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
            last = mock_net_last(&network_model);
            network_check_sent(100, i);
            assert_same(last->flags, checksum.start != 0 ? 1 : 0);
            assert_same(last->checksum_start, checksum.start);
            assert_same(last->checksum_offset, checksum.start != 0 ? checksum.offset : 0);
            assert_same(network_drain_transmitq(0), 1);
        }
    }
}

/* Batches of frames of one segment take the short way, others the long one: the device sees the same. */
STARTED_NETWORK_TEST(net_transmit, batches)
{
    const struct vpt_net_checksum checksums[4] = { { 0, 0 }, { 34, 16 }, { 0, 0 }, { 14, 2 } };
    struct vpt_segment segments[4][2];
    struct vpt_request frames[4];
    uint32_t done;

    for (uint32_t round = 0; round < 100; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t count = (round * 7u + i * 3u) % 5u == 0 ? 2 : 1;

            fill(machine_bytes(i * 0x1000u), 200u + i, round * 4u + i);
            segments[i][0] = machine_segment(i * 0x1000u, count == 2 ? 50 : 200u + i);
            segments[i][1] = machine_segment(i * 0x1000u + 50u, 150u + i);
            frames[i] =
                (struct vpt_request){ .segments = segments[i], .token = &frames[i], .readable = (uint16_t)count };
        }
        assert_status(vpt_net_transmit_batch(network.transmitq, frames, round % 3u != 0 ? checksums : NULL, 4, &done),
                      VPT_OK);
        assert_same(done, 4);
        assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
        for (uint32_t i = 0; i < 4; i++) {
            const struct mock_net_record *sent = &network_model.log[(round * 4u + i) % MOCK_NET_LOG];

            assert_same(sent->length, 200u + i);
            assert_same(sent->checksum_start, round % 3u != 0 ? checksums[i].start : 0);
            cr_assert(filled(sent->bytes, 200u + i, round * 4u + i));
        }
        assert_same(network_drain_transmitq(0), 4);
    }
}

/* A used length means nothing here (LEG-NETOP-2); an id that cannot be stops the queue. */
STARTED_NETWORK_TEST(net_transmit, LEG_NETOP_2_a_device_that_lies_about_what_it_sent)
{
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH, 1, 1, UINT32_MAX);
    assert_status(network_submit(0, 1, 100, 1, 1, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
    assert_same(network_drain_transmitq(0), 1);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    assert_status(network_submit(0, 1, 100, 1, 1, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&network.transmitq[0].requests), VPT_OK);
    assert_same(network_drain_transmitq(0), 0);
    assert_status(network_submit(0, 1, 100, 1, 1, NULL), VPT_DEVICE_USED_ID);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_same(network_drain_transmitq(0), 1);
}

/* ---- Receiving ---- */

TRANSPORT_TEST(net_receive, LEG_NETFRAME_1_frames_are_received_byte_for_byte)
{
    static const uint32_t lengths[] = { 14, 60, 61, 1499, NETWORK_MOST };
    static const struct mock_net_options models[] = { { .pairs = 0 },
                                                      { .withhold = { { 1u << VPT_NET_F_MRG_RXBUF } } },
                                                      { .withhold = { { 1u << VPT_NET_F_MRG_RXBUF } },
                                                        .sets_buffers = true } };
    uint32_t seed = 7;

    for (unsigned model = 0; model < 2u * COUNT_OF(models); model++) {
        const struct mock_pci_machine_options options = { .machine.withhold = {
                                                              { model % 2u != 0 ? 1u << VPT_F_ANY_LAYOUT : 0 } } };

        network_machine(variant->kind, &models[model / 2u], &options);
        assert_status(network_bring_up(1, 0, NULL), VPT_OK);
        for (unsigned round = 0; round < 50; round++) {
            unsigned count = round % NETWORK_BUFFERS + 1u;

            for (unsigned i = 0; i < count; i++) {
                network_come(0, lengths[(round + i) % COUNT_OF(lengths)], seed + i);
            }
            network_take(0, count);
            for (unsigned i = 0; i < count; i++) {
                network_check(&network.frame[i], lengths[(round + i) % COUNT_OF(lengths)], seed + i);
                assert_same(network.frame[i].checksum, VPT_NET_CHECKSUM_NONE);
            }
            assert_status(vpt_net_recycle(network.receiveq, network.frame, count), VPT_OK);
            seed += count;
        }
        network_end();
    }
}

/* The device has used every buffer: frames wait until some are given back, and the next one interrupts. */
STARTED_NETWORK_TEST(net_receive, a_ring_that_ran_empty)
{
    static struct vpt_net_frame kept[NETWORK_BUFFERS];
    uint64_t interrupts;

    for (uint32_t i = 0; i < NETWORK_BUFFERS + 3u; i++) {
        network_come(0, 100, i);
    }
    network_take(0, NETWORK_BUFFERS);
    memcpy(kept, network.frame, sizeof(kept));
    network_take(0, 0);
    interrupts = machine.model->interrupts;
    assert_status(vpt_net_recycle(network.receiveq, kept + 5, 3), VPT_OK); /* any of them, in any order */
    cr_assert(machine.model->interrupts > interrupts);
    network_take(0, 3);
    for (uint32_t i = 0; i < 3; i++) {
        network_check(&network.frame[i], 100, NETWORK_BUFFERS + i);
    }
    for (uint32_t i = 0; i < 5; i++) {
        network_check(&kept[i], 100, i); /* those that were kept are untouched */
    }
    assert_status(vpt_net_recycle(network.receiveq, kept, 5), VPT_OK);
    assert_status(vpt_net_recycle(network.receiveq, network.frame, 3), VPT_OK);
    assert_same(vpt_requests_free(&network.receiveq[0].requests), 0);
    network_assert_works(9);
}

STARTED_NETWORK_TEST(net_receive, buffers_that_are_not_the_librarys_are_refused)
{
    const struct vpt_requests *requests = &network.receiveq[0].requests;
    struct vpt_memory memory = { machine_bytes, 0, 4096 };
    uint8_t *last;
    uint32_t done;

    network_come(0, 100, 1);
    network_come(0, 100, 2);
    network_take(0, 2);
    network.frame[2] = network.frame[1];
    network.frame[1].buffer = &network;
    assert_status(vpt_net_recycle(network.receiveq, network.frame, 3), VPT_CALLER_ARGUMENT);
    assert_same(vpt_requests_free(&network.receiveq[0].requests), 1); /* the first one was given back */
    last = requests->queue.areas[VPT_AREA_SLOTS].memory.address;
    last += (size_t)(requests->queue.slot_count - 1u) * requests->slot_size;
    for (uint32_t i = 1; i <= requests->slot_size; i++) { /* the device would write behind the last one */
        network.frame[1].buffer = last + i;
        assert_status(vpt_net_recycle(network.receiveq, network.frame + 1, 1), VPT_CALLER_ARGUMENT);
    }
    assert_status(vpt_net_recycle(network.receiveq, network.frame + 2, 1), VPT_OK);
    assert_status(vpt_net_post(network.receiveq, &memory, 1, &done), VPT_CALLER_ARGUMENT);
}

static const struct {
    const char *text;
    uint8_t flags;
    uint16_t start, offset;
    enum vpt_net_checksum_state state;
    enum vpt_status status;
} checksums[] = {
    { "none", 0, 40, 50, VPT_NET_CHECKSUM_NONE, VPT_OK },
    { "valid", 2, 40, 50, VPT_NET_CHECKSUM_VALID, VPT_OK },
    { "partial", 1, 34, 16, VPT_NET_CHECKSUM_PARTIAL, VPT_OK },
    { "partial to the end", 1, 34, 64, VPT_NET_CHECKSUM_PARTIAL, VPT_OK },
    { "partial wins", 3, 34, 16, VPT_NET_CHECKSUM_PARTIAL, VPT_OK },
    { "an unknown flag", 0xf8, 0xffff, 0xffff, VPT_NET_CHECKSUM_NONE, VPT_OK },
    { "outside", 1, 34, 65, VPT_NET_CHECKSUM_PARTIAL, VPT_DEVICE_REQUEST_STATUS },
    { "far outside", 1, 0xffff, 0xffff, VPT_NET_CHECKSUM_PARTIAL, VPT_DEVICE_REQUEST_STATUS },
};

TRANSPORT_TEST(net_receive, NET_RX_1_NET_RX_4_NET_RX_7_what_the_device_says_of_checksums)
{
    uint8_t bytes[100] = { 0 };

    for (unsigned negotiated = 0; negotiated < 2; negotiated++) {
        const struct vpt_feature_choice choice = { .refused = {
                                                       { negotiated != 0 ? 0 : 1u << VPT_NET_F_GUEST_CSUM } } };

        network_machine(variant->kind, NULL, NULL);
        assert_status(network_bring_up(1, 0, &choice), VPT_OK);
        for (unsigned i = 0; i < COUNT_OF(checksums); i++) {
            cr_assert(mock_net_receive(&network_model, 0, bytes, 100, checksums[i].flags, checksums[i].start,
                                       checksums[i].offset));
            network_take(0, 1);
            assert_status_of(checksums[i].text, network.frame[0].status,
                             negotiated != 0 ? checksums[i].status : VPT_OK);
            if (network.frame[0].status == VPT_OK) {
                bool partial = negotiated != 0 && checksums[i].state == VPT_NET_CHECKSUM_PARTIAL;

                assert_same_of(checksums[i].text, network.frame[0].checksum,
                               negotiated != 0 ? checksums[i].state : VPT_NET_CHECKSUM_NONE);
                cr_assert(!partial || (network.frame[0].partial.start == checksums[i].start &&
                                       network.frame[0].partial.offset == checksums[i].offset));
            }
            assert_status(vpt_net_recycle(network.receiveq, network.frame, 1), VPT_OK);
        }
        network_end();
    }
}

/* ---- A device that says what cannot be ---- */

static const struct {
    const char *text;
    struct mock_lie lie;
    enum vpt_status status;
} lies[] = {
    { "no byte", LENGTH_LIE(0), VPT_DEVICE_REQUEST_STATUS },
    { "less than a header", LENGTH_LIE(9), VPT_DEVICE_REQUEST_STATUS },
    { "a header alone", LENGTH_LIE(12), VPT_OK },
    { "no buffer", WORD_LIE(10, 0), VPT_DEVICE_REQUEST_STATUS },
    { "more buffers than it has", WORD_LIE(10, NETWORK_BUFFERS + 1), VPT_DEVICE_REQUEST_STATUS },
    { "65535 buffers", WORD_LIE(10, 0xffff), VPT_DEVICE_REQUEST_STATUS },
};

/* The buffer comes back and can be given back; the next one begins a frame. */
TRANSPORT_TEST(net_receive, buffers_with_an_impossible_header_or_length)
{
    for (unsigned i = 0; i < COUNT_OF(lies); i++) {
        struct mock_lie lie = lies[i].lie;

        network_start(variant->kind, NULL);
        lie.times = 1;
        (void)mock_lie_set(&machine.model->lies, &lie);
        network_come(0, 100, 1);
        mock_lies_clear(machine.model);
        network_come(0, 100, 2);
        network_take(0, 2);
        assert_status_of(lies[i].text, network.frame[0].status, lies[i].status);
        assert_same_of(lies[i].text, network.frame[0].length, 0);
        network_check(&network.frame[1], 100, 2);
        assert_status(vpt_net_recycle(network.receiveq, network.frame, 2), VPT_OK);
        assert_same(vpt_requests_free(&network.receiveq[0].requests), 0);
        network_end();
    }
}

/* Without MRG_RXBUF num_buffers is not looked at: devices leave it unwritten. */
TRANSPORT_TEST(net_receive, num_buffers_means_nothing_without_mrg_rxbuf)
{
    static const struct mock_net_options options = { .withhold = { { 1u << VPT_NET_F_MRG_RXBUF } },
                                                     .sets_buffers = true };

    network_start(variant->kind, &options);
    (void)mock_lie_set(&machine.model->lies, &(struct mock_lie)WORD_LIE(10, 0xa5a5));
    network_come(0, machine_kind_legacy(variant->kind) ? 1 : 100, 1);
    network_take(0, 1);
    assert_status(network.frame[0].status, VPT_OK);
    assert_same(network.frame[0].left, 0);
    network_end();
}

/* ---- Frames in several buffers ---- */

/* The caller's buffers. */
#define POSTED      0x400u /* bytes of each */
#define POSTED_MOST 64u

static struct vpt_memory posted(unsigned i, uint32_t size)
{
    struct vpt_segment segment = machine_segment(i * 0x800u, size);

    return (struct vpt_memory){ machine_bytes(i * 0x800u), segment.address, size };
}

static void post(unsigned from, unsigned to, uint32_t size)
{
    for (unsigned i = from; i < to; i++) {
        struct vpt_memory memory = posted(i, size);
        uint32_t done = 0;

        assert_status(vpt_net_post(network.receiveq, &memory, 1, &done), VPT_OK);
        assert_same(done, 1);
    }
}

/* A frame whose parts are in network.frame from `at` on; how many parts it has. */
static unsigned check_parts(unsigned at, uint32_t length, uint32_t seed)
{
    static uint8_t bytes[MOCK_NET_FRAME_MAX];
    uint32_t done = 0;
    unsigned count = network.frame[at].left + 1u;

    for (unsigned i = 0; i < count; i++) {
        const struct vpt_net_frame *part = &network.frame[at + i];

        assert_status(part->status, VPT_OK);
        assert_same(part->left, count - 1u - i);
        assert_same(part->continued, i != 0);
        cr_assert(part->length <= sizeof(bytes) - done);
        memcpy(bytes + done, part->bytes, part->length);
        done += part->length;
    }
    assert_same(done, length);
    cr_assert(filled(bytes, length, seed));
    return count;
}

TRANSPORT_TEST(net_receive, NET_RXBUF_3_a_frame_in_several_buffers)
{
    static const struct mock_net_options options = { .mtu = 9000 };
    unsigned at = 0;

    for (unsigned layout = 0; layout < 2; layout++) {
        const struct mock_pci_machine_options kind = { .machine.withhold = { { layout << VPT_F_ANY_LAYOUT } } };

        network_machine(variant->kind, &options, &kind);
        assert_status(network_bring_up(1, VPT_NET_POSTED, NULL), VPT_OK);
        post(0, NETWORK_BUFFERS, POSTED);
        network_come(0, 100, 1);
        network_come(0, 4u * POSTED, 2);
        network_come(0, POSTED - 12u, 3);
        network_take(0, 7);
        at = check_parts(0, 100, 1);
        at += check_parts(at, 4u * POSTED, 2);
        at += check_parts(at, POSTED - 12u, 3);
        assert_same(at, 7);
        /* A frame may end in a later call than it began in. */
        post(0, 7, POSTED);
        network_come(0, 3u * POSTED, 4);
        for (unsigned i = 0; i < 4; i++) {
            uint32_t done = 0;

            assert_status(vpt_net_receive(network.receiveq, &network.frame[i], 1, &done), VPT_OK);
        }
        (void)check_parts(0, 3u * POSTED, 4);
        network_end();
    }
}

/* Parts that do not come; parts after a reset. */
TRANSPORT_TEST(net_receive, a_frame_of_which_a_part_is_missing)
{
    static const struct mock_net_options options = { .mtu = 9000 };
    struct mock_lie three = WORD_LIE(10, 3);

    network_machine(variant->kind, &options, NULL);
    assert_status(network_bring_up(1, VPT_NET_POSTED, NULL), VPT_OK);
    post(0, NETWORK_BUFFERS, POSTED);
    three.times = 1;
    (void)mock_lie_set(&machine.model->lies, &three);
    network_come(0, 100, 1);
    network_take(0, 1);
    cr_assert(network.frame[0].status == VPT_OK && network.frame[0].left == 2);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    network_take(0, NETWORK_BUFFERS - 1u);
    cr_assert(network.frame[0].status == VPT_CANCELLED && network.frame[0].left == 0);
    mock_lies_clear(machine.model);
    assert_status(vpt_driver_restart(&network.net.driver, NULL), VPT_OK);
    post(0, NETWORK_BUFFERS, POSTED);
    network_come(0, 100, 2);
    network_take(0, 1);
    network_check(network.frame, 100, 2);
    network_end();
}

/* ---- Buffers of the caller's ---- */

TRANSPORT_TEST(net_post, NET_CFG_7_NET_RXBUF_2_buffers_that_are_too_small)
{
    static const struct {
        struct mock_net_options options;
        uint32_t least; /* behind the header */
    } rows[] = {
        { { .withhold = { { 1u << VPT_NET_F_MRG_RXBUF } } }, 1514 },
        { { .mtu = 1000, .withhold = { { 1u << VPT_NET_F_MRG_RXBUF } } }, 1014 },
        { { .mtu = 9000 }, VPT_NET_PART_LEAST },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_memory memory[4];
        uint8_t bytes[100];
        uint32_t least;
        uint32_t done = 9;

        network_machine(variant->kind, &rows[i].options, NULL);
        assert_status(network_bring_up(1, VPT_NET_POSTED, NULL), VPT_OK);
        least = network.net.info.header + rows[i].least;
        memory[0] = posted(0, least);
        memory[1] = posted(1, least - 1u);
        memory[2] = posted(2, least + 8u);
        memory[2].address = (uint8_t *)memory[2].address + 2;
        memory[3] = posted(3, least);
        memory[3].size = 0x80000000u;
        assert_status(vpt_net_post(network.receiveq, memory, 4, &done), VPT_CALLER_MEMORY);
        assert_same(done, 1);
        for (unsigned bad = 1; bad < 4; bad++) {
            assert_status(vpt_net_post(network.receiveq, memory + bad, 1, &done), VPT_CALLER_MEMORY);
            assert_same(done, 0);
        }
        network_come(0, 200, i);
        assert_status(vpt_net_read(network.receiveq, bytes, sizeof(bytes), network.frame), VPT_CALLER_ARGUMENT);
        network_take(0, 1); /* it is still there */
        network_check(network.frame, 200, i);
        cr_assert(network.frame[0].buffer == memory[0].address);
        assert_status(vpt_net_recycle(network.receiveq, network.frame, 1), VPT_CALLER_ARGUMENT);
        network_end();
    }
}

/* More than there is room for, more than are worked on at once; each comes back once. */
TRANSPORT_TEST(net_post, each_buffer_comes_back_once)
{
    const struct vpt_requests_config config = { .requests = 40 };
    struct vpt_memory memory[POSTED_MOST];
    uint64_t back = 0;
    uint32_t done = 0;

    network_machine(variant->kind, NULL, NULL);
    assert_status(vpt_net_init(&network.net, machine.device, NULL), VPT_OK);
    assert_status(vpt_net_receiveq_init(network.receiveq, &network.net, 0, VPT_NET_POSTED, &config), VPT_OK);
    assert_status(vpt_driver_start(&network.net.driver), VPT_OK);
    for (unsigned i = 0; i < POSTED_MOST; i++) {
        memory[i] = posted(i, 0x800);
    }
    assert_status(vpt_net_post(network.receiveq, memory, POSTED_MOST, &done), VPT_RESOURCE_FULL);
    assert_same(done, 40);
    for (uint32_t i = 0; i < 20; i++) {
        network_come(0, 300, i);
    }
    assert_status(vpt_net_receive(network.receiveq, network.frame, 16, &done), VPT_OK);
    for (uint32_t i = 0; i < 16; i++) {
        network_check(&network.frame[i], 300, i);
        back |= UINT64_C(1) << ((uint8_t *)network.frame[i].buffer - machine_bytes(0)) / 0x800;
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (done = 1; done != 0;) {
        (void)vpt_net_receive(network.receiveq, network.frame, 16, &done);
        for (uint32_t i = 0; i < done; i++) {
            uint64_t bit = UINT64_C(1) << ((uint8_t *)network.frame[i].buffer - machine_bytes(0)) / 0x800;

            cr_assert((back & bit) == 0);
            back |= bit;
        }
    }
    assert_same(back, (UINT64_C(1) << 40) - 1u);
    network_end();
}

/* ---- Copied frames ---- */

static enum vpt_status read_frame(uint8_t *bytes, size_t size)
{
    memset(bytes, 0xee, MOCK_NET_FRAME_MAX);
    return vpt_net_read(network.receiveq, bytes, size, network.frame);
}

STARTED_NETWORK_TEST(net_read, frames_are_copied_and_buffers_given_back)
{
    static uint8_t bytes[MOCK_NET_FRAME_MAX];
    static const uint32_t lengths[] = { 60, 1514, 1518, 3500 }; /* the last one takes three buffers */

    assert_status(read_frame(bytes, sizeof(bytes)), VPT_EMPTY);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t length = lengths[i % 4u];

        network_come(0, length, i);
        assert_status(read_frame(bytes, sizeof(bytes)), VPT_OK);
        network_check(network.frame, length, i);
        cr_assert(network.frame[0].bytes == bytes && bytes[length] == 0xee);
        assert_same(vpt_requests_free(&network.receiveq[0].requests), 0);
    }
    /* What does not fit is left out. */
    network_come(0, 3500, 99);
    assert_status(read_frame(bytes, 1777), VPT_OK);
    cr_assert(network.frame[0].length == 3500 && filled(bytes, 1777, 99) && bytes[1777] == 0xee);
    network_come(0, 60, 98);
    assert_status(read_frame(bytes, 0), VPT_OK);
    cr_assert(network.frame[0].length == 60 && bytes[0] == 0xee);
}

/* A frame that the device has cut short is dropped, with its parts that come later. */
STARTED_NETWORK_TEST(net_read, frames_that_are_dropped)
{
    static uint8_t bytes[MOCK_NET_FRAME_MAX];
    struct mock_lie three = WORD_LIE(10, 3);

    three.times = 1;
    (void)mock_lie_set(&machine.model->lies, &three);
    network_come(0, 100, 1);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_DEVICE_REQUEST_STATUS);
    network_come(0, 100, 2); /* taken for its second part */
    network_come(0, 100, 3);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_DEVICE_REQUEST_STATUS);
    network_come(0, 100, 4);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_OK);
    network_check(network.frame, 100, 4);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH_SHORT, 1, 1, 0);
    network_come(0, 100, 5);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_DEVICE_REQUEST_STATUS);
    network_come(0, 100, 6);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_OK);
    assert_same(vpt_requests_free(&network.receiveq[0].requests), 0);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < NETWORK_BUFFERS; i++) {
        assert_status(read_frame(bytes, sizeof(bytes)), VPT_CANCELLED);
    }
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_EMPTY);
}

/* What came before is read, also in several parts; the device gets the buffers when it goes on. */
Test(net_read, frames_of_a_suspended_device)
{
    static uint8_t bytes[MOCK_NET_FRAME_MAX];

    network_machine(MACHINE_MMIO_2, NULL, NULL);
    machine_offer(VPT_F_SUSPEND, true);
    assert_status(network_bring_up(1, 0, NULL), VPT_OK);
    network_come(0, 3500, 1);
    network_come(0, 100, 2);
    assert_status(vpt_device_suspend(machine.device), VPT_OK);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_OK);
    network_check(network.frame, 3500, 1);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_OK);
    network_check(network.frame, 100, 2);
    assert_status(read_frame(bytes, sizeof(bytes)), VPT_EMPTY);
    assert_status(vpt_device_resume(machine.device), VPT_OK);
    assert_status(vpt_requests_kick(&network.receiveq[0].requests), VPT_OK);
    network_assert_works(3);
    network_end();
}
