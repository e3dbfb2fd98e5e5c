/* SPDX-License-Identifier: MIT */
/* The socket driver's connections: their beginning and end, bytes both ways, credit, packets that nobody asked for. */
#include <string.h>

#include "peer.h"

/* ---- Connections ---- */

STARTED_SOCKET_TEST(socket, D_VSOCK_1_D_VSOCK_3_D_VSOCK_4_VSOCK_TX_1_a_connection_both_ways)
{
    assert_no_news();
    assert_socket_works();
    assert_socket_works();
}

STARTED_SOCKET_TEST(socket, D_VSOCK_10_listeners_take_one_peer_each_and_the_next_is_refused)
{
    static struct peer peers[3];

    memset(peers, 0, sizeof(peers));
    for (uint32_t i = 0; i < 3; i++) {
        peers[i].port = 100u + i;
        peers[i].size = PEER_SIZE;
    }
    peer_accept(&peers[0], 1024);
    peer_accept(&peers[1], 1024);
    peers[2].local = 1024;
    for (uint32_t i = 1024; i < 1026; i++) { /* nobody listens any more; nobody ever did */
        const struct mock_socket_packet *packet;

        peers[2].local = i;
        peer_says(&peers[2], MOCK_SOCKET_REQUEST, 0, 0, 0);
        assert_no_news();
        packet = assert_sent(MOCK_SOCKET_RST);
        cr_assert(packet->source_port == i && packet->target_port == 102 && packet->type == 1);
    }
    for (uint32_t i = 0; i < 2; i++) { /* D-VSOCK-6: the two are told apart by the peer's port */
        peer_says(&peers[i], MOCK_SOCKET_RW, 0, 50, i);
        assert_news(&peers[i], VPT_SOCKET_RECEIVED);
        assert_received(&peers[i], 50, i);
        peer_sends(&peers[i], 60, i);
    }
    assert_silence();
}

/* How a connection ends: what comes from the peer, what the driver answers, and the status. 0: nothing. */
static const struct {
    unsigned state; /* 0 connecting, 1 open, 2 the driver has shut both ways, 3 each side has shut its sending */
    unsigned operation;
    uint32_t flags;
    unsigned answer;
    enum vpt_status status;
} ends[] = {
    { 0, MOCK_SOCKET_RST, 0, 0, VPT_DEVICE_IO_ERROR },
    { 0, MOCK_SOCKET_REQUEST, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 0, MOCK_SOCKET_RW, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 0, MOCK_SOCKET_SHUTDOWN, 3, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 0, 0, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 1, MOCK_SOCKET_RST, 0, 0, VPT_DEVICE_IO_ERROR },
    { 1, MOCK_SOCKET_REQUEST, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 1, MOCK_SOCKET_RESPONSE, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 1, MOCK_SOCKET_SHUTDOWN, 7, MOCK_SOCKET_RST, VPT_OK },
    { 1, 0, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 1, 8, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 1, 0x102, 0, MOCK_SOCKET_RST, VPT_DEVICE_REQUEST_STATUS },
    { 2, MOCK_SOCKET_RST, 0, 0, VPT_OK },
    { 2, MOCK_SOCKET_SHUTDOWN, 3, MOCK_SOCKET_RST, VPT_OK },
    { 3, MOCK_SOCKET_RST, 0, 0, VPT_OK },
};

/* Begins a connection and brings it to a row's state; what was sent is seen. */
static void reach(unsigned state)
{
    if (state == 0) {
        assert_status(
            vpt_socket_connect(&vsock, &peer.connection, VPT_SOCKET_CID_HOST, PEER_PORT, peer.buffer, PEER_BUFFER),
            VPT_OK);
        peer.local = assert_sent(MOCK_SOCKET_REQUEST)->source_port;
        peer.forwarded = 0;
        return;
    }
    peer_connect(&peer);
    if (state >= 2) {
        assert_status(vpt_socket_shutdown(&peer.connection, state == 2 ? 3 : VPT_SOCKET_SEND), VPT_OK);
        (void)assert_sent(MOCK_SOCKET_SHUTDOWN);
    }
    if (state == 3) {
        peer_says(&peer, MOCK_SOCKET_SHUTDOWN, VPT_SOCKET_SEND, 0, 0);
        assert_news(&peer, VPT_SOCKET_SHUT);
    }
}

STARTED_SOCKET_TEST(socket, D_VSOCK_12_how_a_connection_ends)
{
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        uint32_t shut = ends[i].state != 0 && ends[i].operation == MOCK_SOCKET_SHUTDOWN ? VPT_SOCKET_SHUT : 0;
        unsigned sent;

        reach(ends[i].state);
        peer_says(&peer, ends[i].operation, ends[i].flags, 0, 0);
        if (ends[i].answer == 0) {
            assert_news(&peer, VPT_SOCKET_ENDED);
        } else {
            assert_no_news(); /* the answer comes first */
            assert_same(assert_sent(ends[i].answer)->source_port, peer.local);
            assert_news(&peer, shut | VPT_SOCKET_ENDED);
        }
        assert_status(peer.connection.status, ends[i].status);
        assert_same(peer.connection.state, VPT_SOCKET_CLOSED);
        sent = socket_model.log_count;
        peer_says(&peer, MOCK_SOCKET_RST, 0, 0, 0);
        assert_no_news();
        assert_same(socket_model.log_count, sent); /* an RST is not answered */
        assert_silence();
    }
    assert_socket_works();
}

STARTED_SOCKET_TEST(socket, D_VSOCK_11_halves_are_shut_for_good)
{
    size_t sent = 99;

    peer_accept(&peer, 9);
    peer_says(&peer, MOCK_SOCKET_SHUTDOWN, VPT_SOCKET_RECEIVE, 0, 0);
    assert_news(&peer, VPT_SOCKET_SHUT);
    assert_same(peer.connection.peer_shut, VPT_SOCKET_RECEIVE);
    assert_status(vpt_socket_send(&peer.connection, "x", 1, &sent), VPT_CALLER_STATE);
    assert_same(sent, 0);
    peer_says(&peer, MOCK_SOCKET_RW, 0, 10, 3);
    assert_news(&peer, VPT_SOCKET_RECEIVED);
    assert_status(vpt_socket_shutdown(&peer.connection, VPT_SOCKET_SEND), VPT_OK);
    assert_same(assert_sent(MOCK_SOCKET_SHUTDOWN)->flags, VPT_SOCKET_SEND);
    assert_status(vpt_socket_shutdown(&peer.connection, VPT_SOCKET_RECEIVE), VPT_OK);
    assert_same(assert_sent(MOCK_SOCKET_SHUTDOWN)->flags, 3);
    peer_says(&peer, MOCK_SOCKET_SHUTDOWN, VPT_SOCKET_SEND, 0, 0);
    assert_no_news();
    (void)assert_sent(MOCK_SOCKET_RST);
    assert_news(&peer, VPT_SOCKET_SHUT | VPT_SOCKET_ENDED);
    assert_status(peer.connection.status, VPT_OK);
    assert_received(&peer, 10, 3); /* what came before is still there */
    assert_status(vpt_socket_send(&peer.connection, "x", 1, &sent), VPT_CALLER_STATE);
    assert_silence();
}

/* The peer, the object's owner, and a listener that nobody wants any more. */
STARTED_SOCKET_TEST(socket, a_connection_is_aborted)
{
    for (unsigned state = 0; state < 4; state++) {
        reach(state);
        assert_status(vpt_socket_connect(&vsock, &peer.connection, 2, 1, peer.buffer, 1), VPT_CALLER_STATE);
        assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
        (void)assert_sent(MOCK_SOCKET_RST);
        assert_status(vpt_socket_abort(&peer.connection), VPT_CALLER_STATE);
        assert_status(vpt_socket_shutdown(&peer.connection, 1), VPT_CALLER_STATE);
        assert_news(&peer, VPT_SOCKET_ENDED);
        assert_status(peer.connection.status, VPT_CANCELLED);
        assert_status(vpt_socket_abort(&peer.connection), VPT_CALLER_STATE);
    }
    assert_status(vpt_socket_listen(&vsock, &peer.connection, 8, peer.buffer, 8), VPT_OK);
    assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
    peer.local = 8;
    peer_says(&peer, MOCK_SOCKET_REQUEST, 0, 0, 0);
    assert_news(&peer, VPT_SOCKET_ENDED);
    assert_no_news();
    (void)assert_sent(MOCK_SOCKET_RST);
    assert_silence();
}

/* ---- Credit ---- */

/* Of what the peer says of its buffer, and what it comes to: bytes that go. 5000 were sent before. */
static const struct {
    uint32_t size;
    uint32_t forwarded;
    uint32_t room;
} credits[] = {
    { 6000, 0, 1000 },
    { 5000, 0, 0 },
    { 4999, 0, 0 }, /* smaller than before */
    { 0, 5000, 0 },
    { 1, 5000, 1 },
    { 700, 4500, 200 },
    { 6000, 3000, 4000 }, /* a count from before the wrap */
    { 6000, 5001, 1000 }, /* more than was sent: a lie */
    { 6000, 0x80000000u, 1000 },
    { 6000, UINT32_MAX, 1000 },
    { UINT32_MAX, 1, 9000 }, /* more than is asked for */
};

STARTED_SOCKET_TEST(socket, VSOCK_CREDIT_1_D_VSOCK_7_D_VSOCK_8_bytes_go_as_far_as_there_is_room)
{
    static const uint8_t bytes[9000];

    socket_model.trusting = true;
    for (uint32_t wrap = 0; wrap < 2; wrap++) { /* the counters wrap in the middle of what is sent */
        for (size_t i = 0; i < COUNT_OF(credits); i++) {
            const uint32_t base = wrap != 0 ? 0u - 4000u : 0;
            uint32_t room = 0;
            size_t sent = 99;

            peer.size = 5000;
            peer_accept(&peer, 9);
            peer.connection.sent = base;
            peer.connection.peer_forwarded = base;
            assert_status(vpt_socket_send(&peer.connection, bytes, 5000, &sent), VPT_OK);
            peer.size = credits[i].size;
            peer.forwarded = base + credits[i].forwarded;
            peer_says(&peer, MOCK_SOCKET_CREDIT_UPDATE, 0, 0, 0);
            assert_no_news();
            assert_status_of("", vpt_socket_send(&peer.connection, bytes, 9000, &sent),
                             credits[i].room == 9000 ? VPT_OK : VPT_RESOURCE_FULL);
            assert_same(sent, credits[i].room);
            assert_same(peer.connection.sent, base + 5000u + credits[i].room);
            for (room = 0; room < 5000u + credits[i].room;) {
                room += assert_sent(MOCK_SOCKET_RW)->length;
            }
            if (credits[i].room != 9000) {
                (void)assert_sent(MOCK_SOCKET_CREDIT_REQUEST);
            }
            assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
            (void)assert_sent(MOCK_SOCKET_RST);
            assert_news(&peer, VPT_SOCKET_ENDED);
            peer.forwarded = 0;
        }
    }
    assert_silence();
}

/* Once, however often the kernel tries; and the event comes when there is room. */
STARTED_SOCKET_TEST(socket, a_driver_without_credit_asks_for_it_once)
{
    size_t sent = 99;

    peer.size = 10;
    peer_accept(&peer, 9);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_socket_send(&peer.connection, "eleven bytes", 11, &sent), VPT_RESOURCE_FULL);
        assert_same(sent, i == 0 ? 10 : 0);
        assert_no_news();
    }
    assert_same(assert_sent(MOCK_SOCKET_RW)->length, 10);
    (void)assert_sent(MOCK_SOCKET_CREDIT_REQUEST);
    peer_says(&peer, MOCK_SOCKET_CREDIT_UPDATE, 0, 0, 0);
    assert_no_news();
    peer.forwarded = 10;
    peer_says(&peer, MOCK_SOCKET_CREDIT_UPDATE, 0, 0, 0);
    assert_news(&peer, VPT_SOCKET_WRITABLE);
    assert_no_news();
    peer_sends(&peer, 10, 1);
    assert_status(vpt_socket_send(&peer.connection, "e", 1, &sent), VPT_RESOURCE_FULL);
    (void)assert_sent(MOCK_SOCKET_CREDIT_REQUEST); /* the peer has answered the one before */
    assert_silence();
}

/*
 * D-VSOCK-9: a peer that waits for credit gets it once the reader has made room, also if the counters wrap, and a
 * question is answered.
 */
STARTED_SOCKET_TEST(socket, D_VSOCK_9_VSOCK_CREDIT_2_the_peer_learns_what_the_reader_took)
{
    struct mock_socket_flow *flow;
    uint32_t taken;

    peer_accept(&peer, 9);
    peer.connection.forwarded = peer.connection.told = 0u - 1500u;
    flow = mock_socket_flow(&socket_model, 9, VPT_SOCKET_CID_HOST, PEER_PORT);
    flow->received = 0u - 1500u;
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t told = 0u - 1500u + round * PEER_BUFFER;

        peer_says(&peer, MOCK_SOCKET_RW, 0, PEER_BUFFER, round);
        assert_news(&peer, VPT_SOCKET_RECEIVED);
        assert_no_news();
        assert_silence();
        for (taken = 0; taken < PEER_BUFFER; taken += 10) {
            unsigned before = socket_model.log_count;

            assert_received(&peer, 10, round + taken);
            if (socket_model.log_count != before) {
                const struct mock_socket_packet *packet = assert_sent(MOCK_SOCKET_CREDIT_UPDATE);

                assert_same(packet->forwarded, 0u - 1500u + round * PEER_BUFFER + taken + 10u);
                told = packet->forwarded;
            }
            assert_silence();
        }
        /* Nearly all of the buffer is the peer's again. */
        cr_assert(peer.connection.forwarded - told <= PEER_BUFFER / 4u);
        peer_says(&peer, MOCK_SOCKET_CREDIT_REQUEST, 0, 0, 0);
        assert_no_news();
        assert_same(assert_sent(MOCK_SOCKET_CREDIT_UPDATE)->forwarded, 0u - 1500u + (round + 1u) * PEER_BUFFER);
        peer_sends(&peer, 5, 5);
    }
}

/* From the smallest buffer on: a peer that fills it, and waits until it hears that there is room, goes on. */
STARTED_SOCKET_TEST(socket, a_full_buffer_is_never_the_end)
{
    for (uint32_t size = 1; size < 12; size++) {
        uint32_t room = size;

        assert_status(vpt_socket_listen(&vsock, &peer.connection, 9, peer.buffer, size), VPT_OK);
        peer.local = 9;
        peer_says(&peer, MOCK_SOCKET_REQUEST, 0, 0, 0);
        assert_news(&peer, VPT_SOCKET_CONNECTED);
        for (uint32_t sent = 0; sent < 100; sent++) {
            cr_assert(room != 0, "a buffer of %u, after %u packets", size, sent);
            peer_says(&peer, MOCK_SOCKET_RW, 0, room, sent);
            assert_news(&peer, VPT_SOCKET_RECEIVED);
            assert_no_news();
            for (uint32_t i = 0; i < room; i++) {
                assert_received(&peer, 1, sent + i);
            }
            room = size - (peer.connection.forwarded - peer.connection.told);
        }
        assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
        assert_news(&peer, VPT_SOCKET_ENDED);
    }
}

/* ---- Payloads ---- */

/* Each third one is empty. */
STARTED_SOCKET_TEST(socket, many_tiny_packets_take_no_more_than_the_buffer)
{
    peer_accept(&peer, 9);
    for (uint32_t i = 0; i < 9000; i++) {
        peer_says(&peer, MOCK_SOCKET_RW, 0, i % 3u == 0 ? 0 : 1, i / 3u * 2u + i % 3u);
        if (i % 3u != 0) {
            assert_news(&peer, VPT_SOCKET_RECEIVED);
        }
        assert_no_news();
        if (peer.connection.available == PEER_BUFFER) {
            assert_received(&peer, PEER_BUFFER, i / 3u * 2u + i % 3u - PEER_BUFFER + 1u);
        }
    }
    assert_same(peer.connection.available, 0);
    assert_same(peer.connection.forwarded, 6u * PEER_BUFFER);
}

/* D-VSOCK-5: the used length may be that of the whole buffer. */
SOCKET_TEST(socket, D_VSOCK_5_a_long_payload_comes_in_pieces)
{
    static uint8_t buffer[20000];
    static uint8_t bytes[20000];
    uint32_t length = 9000;

    for (unsigned longer = 0; longer < 2; longer++) {
        peer_start(variant);
        socket_model.longer = longer != 0;
        assert_status(vpt_socket_listen(&vsock, &peer.connection, 9, buffer, sizeof(buffer)), VPT_OK);
        peer.local = 9;
        peer_says(&peer, MOCK_SOCKET_REQUEST, 0, 0, 0);
        assert_news(&peer, VPT_SOCKET_CONNECTED);
        for (uint32_t n = 0; n < 5; n++) {
            size_t got = 0;

            socket_model.most = n == 3 ? 700 : 0;
            peer_says(&peer, MOCK_SOCKET_RW, 0, length, n);
            for (uint32_t left = 100; left != 0 && peer.connection.available < length; left--) {
                struct vpt_socket_event event;

                (void)vpt_socket_poll(&vsock, &event);
            }
            assert_status(vpt_socket_receive(&peer.connection, bytes, sizeof(bytes), &got), VPT_OK);
            assert_same(got, length);
            for (uint32_t i = 0; i < length; i++) {
                assert_same(bytes[i], (uint8_t)((n + i) * 7u + ((n + i) >> 8)));
            }
        }
        peer_end();
    }
}

/* More than there is room for, and a payload that is not all there. */
STARTED_SOCKET_TEST(socket, a_peer_that_sends_too_much_loses_the_connection)
{
    machine.model->completion.batch = 0; /* nothing is said of the length of all but the last of a batch */
    for (uint32_t row = 0; row < 3; row++) {
        peer_accept(&peer, 9);
        peer_says(&peer, MOCK_SOCKET_RW, 0, 990, 0);
        assert_news(&peer, VPT_SOCKET_RECEIVED);
        if (row == 2) {
            unsigned lie = mock_lie_set(&machine.model->lies, &(struct mock_lie){ .space = MOCK_SPACE_RING,
                                                                                  .offset = MOCK_RING_USED_LENGTH,
                                                                                  .how = MOCK_LIE_ADD,
                                                                                  .value = UINT64_MAX,
                                                                                  .first = 1,
                                                                                  .times = 1 });

            peer_says(&peer, MOCK_SOCKET_RW, 0, 10, 0);
            assert_same(mock_lie_fired(&machine.model->lies, lie), 1);
        } else {
            peer_says(&peer, MOCK_SOCKET_RW, 0, row == 0 ? 11 : 5000, 0);
        }
        assert_no_news();
        (void)assert_sent(MOCK_SOCKET_RST);
        assert_news(&peer, VPT_SOCKET_ENDED);
        assert_status(peer.connection.status, VPT_DEVICE_REQUEST_STATUS);
        assert_same(peer.connection.available, 990);
        assert_received(&peer, 990, 0);
        while (socket_model.waiting_count != 0) {
            assert_no_news();
        }
        mock_lies_clear(machine.model);
    }
    assert_silence();
    assert_socket_works();
}

/* ---- Packets that belong to no connection ---- */

STARTED_SOCKET_TEST(socket, VSOCK_RX_1_what_nobody_knows_is_answered_by_RST)
{
    static const uint16_t types[] = { 1, 2, 0x101, 0xffff };

    peer_accept(&peer, 9);
    for (unsigned operation = 0; operation < 10; operation++) {
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            struct peer other = { .local = types[i] == 1 ? 10 : 9, .type = types[i] };

            peer_says(&other, operation, 0, operation == MOCK_SOCKET_RW ? 5 : 0, 0);
            assert_no_news();
            if (operation != MOCK_SOCKET_RST) {
                assert_same(assert_sent(MOCK_SOCKET_RST)->type, types[i]);
            }
            assert_silence();
        }
    }
    peer_sends(&peer, 5, 5); /* it is still open */
}

/* Another guest's, or an address that is none; or no header at all. */
STARTED_SOCKET_TEST(socket, what_is_not_for_this_guest_is_passed_over)
{
    struct mock_socket_packet packet = { .source_port = PEER_PORT, .target_port = 9, .type = 1, .operation = 5 };

    for (unsigned row = 0; row < 3; row++) {
        packet.source = row == 0 ? UINT64_C(0x100000002) : 2;
        packet.target = row == 1 ? UINT64_C(0x100000003) : row == 2 ? 4 : 3;
        cr_assert(mock_socket_receive(&socket_model, &packet, NULL));
        assert_no_news();
    }
    machine.model->completion.batch = 0;
    (void)mock_lie_set(&machine.model->lies, &(const struct mock_lie)LENGTH_LIE(43));
    packet.target = 3;
    packet.source = 2;
    cr_assert(mock_socket_receive(&socket_model, &packet, NULL));
    assert_no_news();
    mock_lies_clear(machine.model);
    assert_silence();
    assert_socket_works();
}

/*
 * The device takes nothing that is sent. The driver goes on to receive as long as it can remember what it owes: 16
 * answers to peers without a connection, and those of each connection.
 */
STARTED_SOCKET_TEST(socket, VSOCK_FLOW_1_packets_are_taken_while_none_can_be_sent)
{
    static const uint8_t bytes[PEER_SLOTS];
    struct peer other = { .local = 10 };
    size_t sent = 99;
    uint32_t left = VPT_SOCKET_REFUSALS;

    peer_accept(&peer, 9);
    socket_model.deaf = true;
    for (unsigned i = 0; i < PEER_SLOTS; i++) {
        assert_status(vpt_socket_send(&peer.connection, bytes, 1, &sent), VPT_OK);
    }
    assert_status(vpt_socket_send(&peer.connection, bytes, 1, &sent), VPT_RESOURCE_FULL);
    assert_same(sent, 0);
    assert_same(peer.connection.sent, PEER_SLOTS); /* D-VSOCK-8: what was not sent is not counted */
    for (; left != 0; left--) {
        peer_says(&other, MOCK_SOCKET_REQUEST, 0, 0, 0);
        peer_says(&peer, MOCK_SOCKET_CREDIT_REQUEST, 0, 0, 0);
        assert_no_news();
        assert_same(socket_model.waiting_count, 0);
    }
    peer_says(&peer, MOCK_SOCKET_RW, 0, 5, 0);
    assert_no_news(); /* no more can be remembered, so nothing more is taken */
    assert_silence();
    mock_socket_listen(&socket_model);
    for (unsigned i = 0; i < PEER_SLOTS; i++) {
        assert_same(assert_sent(MOCK_SOCKET_RW)->length, 1);
    }
    assert_news(&peer, VPT_SOCKET_RECEIVED);
    assert_no_news(); /* what is owed goes before what may be sent */
    assert_news(&peer, VPT_SOCKET_WRITABLE);
    assert_no_news();
    for (left = VPT_SOCKET_REFUSALS; left != 0; left--) {
        (void)assert_sent(MOCK_SOCKET_RST);
    }
    (void)assert_sent(MOCK_SOCKET_CREDIT_UPDATE); /* one for all of them */
    assert_silence();
    peer_sends(&peer, 8, 8);
}

/* Each packet of a connection that cannot be sent at once is sent later, in order, before a payload. */
STARTED_SOCKET_TEST(socket, what_cannot_be_sent_is_sent_later)
{
    static const uint8_t bytes[PEER_SLOTS];
    static struct peer second;
    size_t sent = 99;

    memset(&second, 0, sizeof(second));
    second.size = PEER_SIZE;
    second.local = 20;
    peer_accept(&peer, 9);
    socket_model.deaf = true;
    for (unsigned i = 0; i < PEER_SLOTS; i++) {
        assert_status(vpt_socket_send(&peer.connection, bytes, 1, &sent), VPT_OK);
    }
    assert_status(vpt_socket_shutdown(&peer.connection, VPT_SOCKET_SEND), VPT_OK);
    assert_status(vpt_socket_listen(&vsock, &second.connection, 20, second.buffer, PEER_BUFFER), VPT_OK);
    peer_says(&second, MOCK_SOCKET_REQUEST, 0, 0, 0);
    assert_news(&second, VPT_SOCKET_CONNECTED);
    assert_status(vpt_socket_send(&second.connection, bytes, 5, &sent), VPT_RESOURCE_FULL);
    assert_same(sent, 0);
    assert_no_news();
    mock_socket_listen(&socket_model);
    for (unsigned i = 0; i < PEER_SLOTS; i++) {
        assert_same(assert_sent(MOCK_SOCKET_RW)->length, 1);
    }
    assert_status(vpt_socket_send(&second.connection, bytes, 5, &sent), VPT_OK);
    (void)assert_sent(MOCK_SOCKET_RESPONSE);
    (void)assert_sent(MOCK_SOCKET_RW);
    assert_no_news();
    (void)assert_sent(MOCK_SOCKET_SHUTDOWN);
    assert_status(vpt_socket_abort(&second.connection), VPT_OK);
    (void)assert_sent(MOCK_SOCKET_RST);
    assert_silence();
}

PLAIN_SOCKET_TEST(socket, arguments_that_are_none)
{
    struct vpt_socket_connection *connection = &peer.connection;
    struct vpt_socket_event event;
    uint8_t byte = 0;
    size_t done = 99;

    for (unsigned i = 0; i < 4; i++) {
        struct vpt_socket *socket = i == 0 ? NULL : &vsock;
        void *buffer = i == 2 ? NULL : peer.buffer;
        size_t size = i == 3 ? 0 : 1;

        assert_status(vpt_socket_listen(socket, i == 1 ? NULL : connection, 1, buffer, size), VPT_CALLER_ARGUMENT);
        assert_status(vpt_socket_connect(socket, i == 1 ? NULL : connection, 2, 1, buffer, size), VPT_CALLER_ARGUMENT);
    }
    assert_status(vpt_socket_poll(NULL, &event), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_poll(&vsock, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_send(NULL, &byte, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_send(connection, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_send(connection, &byte, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_receive(NULL, &byte, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_receive(connection, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_receive(connection, &byte, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_receive(connection, &byte, 1, &done), VPT_EMPTY);
    assert_same(done, 0);
    assert_status(vpt_socket_shutdown(NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_shutdown(connection, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_shutdown(connection, 4), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_shutdown(connection, 1), VPT_CALLER_STATE);
    assert_status(vpt_socket_abort(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_socket_listen(&(struct vpt_socket){ .cid = 3 }, connection, 1, &byte, 1), VPT_CALLER_STATE);
    assert_silence();
    assert_socket_works();
}
