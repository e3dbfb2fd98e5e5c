/* SPDX-License-Identifier: MIT */
/* A socket device's bring-up and its end: features, addresses, events, resets, a device that is pulled out. */
#include <string.h>

#include "peer.h"

/* Bits 0 STREAM, 1 SEQPACKET, 2 NO_IMPLIED_STREAM; 3 nothing known. */
Test(socket_life, VSOCK_FEAT_1_VSOCK_FEAT_2_VSOCK_FEAT_3_features)
{
    for (unsigned offered = 0; offered < 8; offered++) {
        bool streams = (offered & 4u) == 0 || (offered & 1u) != 0;

        peer_probe(&ring_usual);
        for (unsigned i = 0; i < 3; i++) {
            machine_offer(i, (offered >> i & 1u) != 0);
        }
        assert_status(vpt_socket_open(&vsock, machine.device), streams ? VPT_OK : VPT_UNSUPPORTED_FEATURE);
        if (streams) {
            assert_same(machine.model->accepted.word[0] & 7u, offered & 5u);
            assert_socket_works();
            peer_release();
        }
        assert_nothing_left(&socket_fixture);
        machine_end();
    }
}

static const struct {
    uint64_t cid;
    bool valid;
} cids[] = { { 0, false },         { 1, false },          { 2, false },           { 3, true },
             { 0xfffffffe, true }, { 0xffffffff, false }, { 0x100000003, false }, { UINT64_MAX, false } };

Test(socket_life, D_VSOCK_2_addresses_that_a_guest_can_have)
{
    for (size_t i = 0; i < COUNT_OF(cids); i++) {
        peer_probe(&ring_usual);
        mock_config_set(&machine.model->config, 0, 8, cids[i].cid);
        assert_status(vpt_socket_open(&vsock, machine.device), cids[i].valid ? VPT_OK : VPT_DEVICE_CONFIG);
        if (cids[i].valid) {
            assert_same(vsock.cid, cids[i].cid);
            peer_release();
        }
        assert_nothing_left(&socket_fixture);
        machine_end();
    }
}

/* The second half is read again with the first one until both are of one moment. */
Test(socket_life, D_VSOCK_2_an_address_that_changes_while_it_is_read)
{
    struct vpt_socket_event event;

    peer_probe(&ring_usual);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_socket_open(&vsock, machine.device), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_nothing_left(&socket_fixture);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    mock_config_set(&machine.model->config, 0, 8, 3);
    assert_status(vpt_socket_open(&vsock, machine.device), VPT_OK);
    mock_socket_happens(&socket_model, 0, 3);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_socket_poll(&vsock, &event), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_same(vsock.cid, 0);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    mock_config_set(&machine.model->config, 0, 8, 3);
    assert_no_news();
    assert_socket_works();
    peer_release();
    machine_end();
}

/* ---- Events ---- */

/*
 * The guest moves: connections end, the listener lives on under the new address. An event that is not known means
 * nothing.
 */
STARTED_SOCKET_TEST(socket_life, VSOCK_EVENT_1_VSOCK_EVENT_2_VSOCK_EVENT_3_VSOCK_EVENT_4_D_VSOCK_14_the_guest_moves)
{
    static struct peer others[2];
    size_t sent;

    for (uint32_t round = 0; round < 10; round++) {
        memset(others, 0, sizeof(others));
        others[0].port = 7;
        others[1].port = 8;
        peer_accept(&peer, 9);
        peer_connect(&others[0]);
        assert_status(vpt_socket_connect(&vsock, &others[1].connection, 2, 8, others[1].buffer, 10), VPT_OK);
        (void)assert_sent(MOCK_SOCKET_REQUEST);
        peer_says(&peer, MOCK_SOCKET_RW, 0, 10, 0);
        mock_socket_happens(&socket_model, 1, 0);
        assert_news(&peer, VPT_SOCKET_RECEIVED);
        assert_no_news();
        cr_assert(peer.connection.state == VPT_SOCKET_OPEN);
        assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
        (void)assert_sent(MOCK_SOCKET_RST);
        assert_news(&peer, VPT_SOCKET_ENDED);
        assert_status(vpt_socket_listen(&vsock, &peer.connection, 9, peer.buffer, PEER_BUFFER), VPT_OK);
        mock_socket_happens(&socket_model, 0, 100 + round);
        assert_same(vsock.cid, round == 0 ? 3 : 99 + round);
        for (unsigned i = 2; i-- != 0;) {
            assert_news(&others[i], VPT_SOCKET_ENDED);
            assert_status(others[i].connection.status, VPT_CANCELLED);
            assert_status(vpt_socket_send(&others[i].connection, "x", 1, &sent), VPT_CALLER_STATE);
        }
        assert_same(vsock.cid, 100 + round);
        assert_no_news();
        assert_same(machine.model->queues[2].pending_count, 4);
        assert_silence(); /* nothing is said to peers of another host */
        peer_says(&peer, MOCK_SOCKET_REQUEST, 0, 0, 0);
        assert_news(&peer, VPT_SOCKET_CONNECTED);
        assert_no_news();
        assert_same(assert_sent(MOCK_SOCKET_RESPONSE)->source, 100 + round);
        assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
        (void)assert_sent(MOCK_SOCKET_RST);
        assert_news(&peer, VPT_SOCKET_ENDED);
    }
    assert_socket_works();
}

/* Until a new address can be read nothing is sent, because its source would be wrong, and nothing is taken. */
PLAIN_SOCKET_TEST(socket_life, VSOCK_TX_1_an_address_that_cannot_be_read_is_read_later)
{
    struct vpt_socket_event event;

    mock_socket_happens(&socket_model, 0, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_socket_poll(&vsock, &event), VPT_DEVICE_CONFIG);
        assert_same(vsock.cid, 0);
    }
    assert_status(vpt_socket_connect(&vsock, &peer.connection, 2, PEER_PORT, peer.buffer, 10), VPT_OK);
    peer.local = peer.connection.local_port;
    assert_status(vpt_socket_poll(&vsock, &event), VPT_DEVICE_CONFIG);
    assert_silence();
    mock_config_set(&machine.model->config, 0, 8, 12);
    assert_no_news();
    assert_same(vsock.cid, 12);
    assert_same(assert_sent(MOCK_SOCKET_REQUEST)->source, 12);
    peer_says(&peer, MOCK_SOCKET_RESPONSE, 0, 0, 0);
    assert_news(&peer, VPT_SOCKET_CONNECTED);
    assert_no_news();
    assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
    assert_news(&peer, VPT_SOCKET_ENDED);
    assert_socket_works();
}

/* More events than buffers. */
PLAIN_SOCKET_TEST(socket_life, VSOCK_EVENT_1_a_flood_of_events_ends)
{
    struct vpt_socket_event event;

    for (unsigned i = 0; i < 8; i++) {
        mock_socket_happens(&socket_model, 5 + i % 2u, 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_socket_poll(&vsock, &event), VPT_EMPTY);
    }
    assert_same(socket_model.event_count, 0);
    assert_same(machine.model->queues[2].pending_count, 4);
    assert_socket_works();
}

/* ---- Resets ---- */

static void assert_ended(struct peer *of)
{
    assert_news(of, VPT_SOCKET_ENDED);
    assert_status(of->connection.status, VPT_CANCELLED);
}

/* With packets owed and in flight; the listener lives on, and nothing is allocated. */
STARTED_SOCKET_TEST(socket_life, a_reset_in_the_middle_and_a_restart)
{
    static struct peer other;
    struct vpt_socket_event event;

    for (unsigned round = 0; round < 5; round++) {
        size_t allocated = mock_hal_live_allocations(machine.hal);
        size_t sent;

        memset(&other, 0, sizeof(other));
        other.port = 7;
        assert_status(vpt_socket_listen(&vsock, &peer.connection, 9, peer.buffer, PEER_BUFFER), VPT_OK);
        peer_connect(&other);
        socket_model.deaf = true;
        for (unsigned i = 0; i < round; i++) {
            other.size = 10;
            peer_says(&other, MOCK_SOCKET_CREDIT_REQUEST, 0, 0, 0);
            assert_no_news();
            assert_status(vpt_socket_send(&other.connection, "abc", 3, &sent), i < 3 ? VPT_OK : VPT_RESOURCE_FULL);
            peer_says(&peer, MOCK_SOCKET_REQUEST, 0, 0, 0); /* to port 0: nobody listens */
        }
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&vsock.driver, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_socket_drain(&vsock), VPT_OK);
        socket_model.deaf = false;
        if (round % 2u == 0) {
            assert_ended(&other);
            cr_assert(vpt_socket_poll(&vsock, &event) != VPT_OK);
        }
        mock_config_set(&machine.model->config, 0, 8, 50 + round);
        assert_status(vpt_driver_restart(&vsock.driver, NULL), VPT_OK);
        assert_same(vsock.cid, 50 + round);
        if (round % 2u != 0) {
            assert_ended(&other);
        }
        assert_no_news();
        assert_same(mock_hal_live_allocations(machine.hal), allocated);
        cr_assert(peer.connection.state == VPT_SOCKET_LISTENING);
        assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
        assert_news(&peer, VPT_SOCKET_ENDED);
        assert_socket_works();
    }
}

/* What was owed is owed no more: not by a connection that had ended before, and not to peers without one. */
STARTED_SOCKET_TEST(socket_life, a_reset_ends_what_was_owed)
{
    struct peer other = { .local = 10 };
    uint8_t byte = 0;
    size_t sent;

    peer_accept(&peer, 9);
    socket_model.deaf = true;
    for (unsigned i = 0; i < PEER_SLOTS; i++) {
        assert_status(vpt_socket_send(&peer.connection, &byte, 1, &sent), VPT_OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        peer_says(&other, MOCK_SOCKET_REQUEST, 0, 0, 0);
    }
    assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
    assert_no_news(); /* the peer was not told yet */
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_socket_drain(&vsock), VPT_OK);
    assert_ended(&peer);
    socket_model.deaf = false;
    assert_status(vpt_driver_restart(&vsock.driver, NULL), VPT_OK);
    assert_no_news();
    assert_silence();
    assert_socket_works();
}

/* Nothing can be sent any more, so that a connection which is to end would wait for ever. */
STARTED_SOCKET_TEST(socket_life, a_lie_about_what_was_sent_is_told)
{
    const enum vpt_status lie = VPT_DEVICE_USED_ID;
    struct vpt_socket_event event;
    size_t sent;

    peer_accept(&peer, 9);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    assert_status(vpt_socket_send(&peer.connection, "x", 1, &sent), VPT_OK);
    peer_says(&peer, MOCK_SOCKET_RW, 0, 10, 0);
    assert_news(&peer, VPT_SOCKET_RECEIVED);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_socket_poll(&vsock, &event), lie);
    }
    assert_status(vpt_socket_abort(&peer.connection), VPT_OK);
    assert_status(vpt_socket_poll(&vsock, &event), lie); /* the peer cannot be told */
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_socket_drain(&vsock), VPT_OK);
    assert_ended(&peer);
    assert_status(vpt_driver_restart(&vsock.driver, NULL), VPT_OK);
    assert_socket_works();
}

SOCKET_TEST(socket_life, a_device_that_is_pulled_out)
{
    struct vpt_socket_event event;
    size_t sent;

    peer_start(variant);
    peer_accept(&peer, 9);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(vpt_socket_send(&peer.connection, "x", 1, &sent) != VPT_OK || sent == 1);
    assert_status(vpt_socket_poll(&vsock, &event), VPT_DEVICE_GONE);
    assert_status(vpt_socket_drain(&vsock), VPT_OK);
    assert_ended(&peer);
    assert_status(vpt_driver_release(&vsock.driver), VPT_OK);
    machine_end();
}
