/* SPDX-License-Identifier: MIT */
/* The network driver on QEMU's device. The other end of the network is a socket: a datagram is a frame. */
#define _GNU_SOURCE
#include "qemu_place.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(device_net, .timeout = 60);

#define BUFFERS  32u
#define BUFFER   1024u /* bytes of each of the test's receive buffers */
#define SENDING  32u   /* frames that may be in flight */
#define ROOM     4096u /* bytes of a frame to send */
#define LONG     4000u /* bytes of a frame that takes several buffers */
#define MAC_SIZE VPT_NET_MAC_SIZE

static struct vpt_net net;
static struct vpt_net_receiveq receiveq;
static struct vpt_net_transmitq transmitq;
static struct vpt_net_control control;
static struct vpt_memory data; /* frames to send, and the test's receive buffers behind them */

static int peer = -1;
static struct sockaddr_un peer_address, device_address;

static const uint8_t own[MAC_SIZE] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const uint8_t other[MAC_SIZE] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x99 };

static uint32_t data_flags(void)
{
    return placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0;
}

/* ---- The machine ---- */

static void open_peer(char *netdev, size_t size)
{
    peer_address.sun_family = AF_UNIX;
    device_address.sun_family = AF_UNIX;
    (void)snprintf(peer_address.sun_path, sizeof(peer_address.sun_path), "/tmp/vpt-net-%d-peer", (int)getpid());
    (void)snprintf(device_address.sun_path, sizeof(device_address.sun_path), "/tmp/vpt-net-%d-device", (int)getpid());
    (void)unlink(peer_address.sun_path);
    (void)unlink(device_address.sun_path);
    peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_that(peer >= 0 && bind(peer, (const struct sockaddr *)&peer_address, sizeof(peer_address)) == 0);
    (void)snprintf(netdev, size, "dgram,id=n0,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s",
                   device_address.sun_path, peer_address.sun_path);
}

static void start_machine(const struct place *place, const char *properties)
{
    char netdev[300];
    char all[160];
    struct fixture_options options = { .arguments = { "-netdev", netdev } };

    open_peer(netdev, sizeof(netdev));
    (void)snprintf(all, sizeof(all), ",netdev=n0,mac=52:54:00:12:34:56%s%s", place_is_pci(place) ? ",romfile=" : "",
                   properties);
    place_start(place, "virtio-net", all, &options);
    data = memory_of(SENDING * ROOM + BUFFERS * BUFFER, data_flags());
}

/* All objects; `buffer_size` as in net.h. */
static void start(const struct place *place, const char *properties, uint32_t buffer_size)
{
    const struct vpt_requests_config config = { .requests = BUFFERS };

    start_machine(place, properties);
    assert_status(vpt_net_init(&net, placed.device, NULL), VPT_OK);
    assert_status(vpt_net_receiveq_init(&receiveq, &net, 0, buffer_size, &config), VPT_OK);
    assert_status(vpt_net_transmitq_init(&transmitq, &net, 0, NULL), VPT_OK);
    assert_status(vpt_net_control_init(&control, &net, 8, NULL), VPT_OK);
    assert_status(vpt_driver_start(&net.driver), VPT_OK);
}

static void take_all_back(void)
{
    struct vpt_completion completion;
    struct vpt_net_frame frame;
    uint32_t done = 1;

    while (vpt_requests_poll(&transmitq.requests, &completion) == VPT_OK) {
    }
    while (done != 0) {
        (void)vpt_net_receive(&receiveq, &frame, 1, &done);
    }
}

static void end(void)
{
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    take_all_back();
    assert_status(vpt_driver_release(&net.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &data, data_flags());
    place_finish();
    assert_that(close(peer) == 0 && unlink(peer_address.sun_path) == 0);
    (void)unlink(device_address.sun_path);
}

/* ---- Frames ---- */

/* A frame for an address, with bytes of a seed behind the addresses. */
static void make_frame(uint8_t *bytes, uint32_t length, const uint8_t *to, uint32_t seed)
{
    fill(bytes, length, seed);
    memcpy(bytes, to, MAC_SIZE);
}

static bool is_frame(const uint8_t *bytes, uint32_t length, const uint8_t *to, uint32_t seed)
{
    static uint8_t expected[LONG];

    make_frame(expected, length, to, seed);
    return memcmp(bytes, expected, length) == 0;
}

static void submit(uintptr_t token, uint32_t length, unsigned segments, uint32_t seed)
{
    struct vpt_segment list[2] = { { data.device_address + token * ROOM, length }, { 0, 0 } };

    make_frame((uint8_t *)data.address + token * ROOM, length, other, seed);
    if (segments == 2) {
        list[0].length = length / 3u;
        list[1] = (struct vpt_segment){ list[0].address + length / 3u, length - length / 3u };
    }
    assert_status(vpt_net_transmit(&transmitq, list, (uint16_t)segments, NULL, (void *)token), VPT_OK);
}

/* The peer gets the next frame, which is this one. */
static void expect_at_peer(uint32_t length, uint32_t seed)
{
    uint8_t bytes[ROOM];
    struct timeval limit = { .tv_sec = FIXTURE_WAIT / 1000u };

    assert_that(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    assert_that(recv(peer, bytes, sizeof(bytes), 0) == (ssize_t)length);
    assert_that(is_frame(bytes, length, other, seed));
}

static void expect_sent(uintptr_t token)
{
    struct vpt_completion completion = { NULL, 0, VPT_OK };
    enum vpt_status status = vpt_requests_poll(&transmitq.requests, &completion);

    for (uint32_t i = 0; status == VPT_EMPTY && fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i);
         i++) {
        status = vpt_requests_poll(&transmitq.requests, &completion);
    }
    assert_status(status, VPT_OK);
    assert_status(completion.status, VPT_OK);
    assert_that((uintptr_t)completion.token == token);
}

static void come(uint32_t length, const uint8_t *to, uint32_t seed)
{
    static uint8_t bytes[LONG];

    make_frame(bytes, length, to, seed);
    assert_that(sendto(peer, bytes, length, 0, (const struct sockaddr *)&device_address, sizeof(device_address)) ==
                (ssize_t)length);
}

/* Waits for one buffer. */
static struct vpt_net_frame take(void)
{
    struct vpt_net_frame frame = { .status = VPT_EMPTY };
    uint32_t done = 0;
    enum vpt_status status = vpt_net_receive(&receiveq, &frame, 1, &done);

    for (uint32_t i = 0; status == VPT_EMPTY && fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i);
         i++) {
        status = vpt_net_receive(&receiveq, &frame, 1, &done);
    }
    assert_status(status, VPT_OK);
    assert_that(done == 1);
    assert_status(frame.status, VPT_OK);
    return frame;
}

/* Waits for a frame in one of the library's buffers, which is this one. */
static void expect(uint32_t length, const uint8_t *to, uint32_t seed)
{
    struct vpt_net_frame frame = take();

    assert_that(frame.length == length && frame.left == 0 && !frame.continued);
    assert_that(is_frame(frame.bytes, length, to, seed));
    assert_status(vpt_net_recycle(&receiveq, &frame, 1), VPT_OK);
}

static void assert_works(uint32_t seed)
{
    submit(0, 300, 1, seed);
    assert_status(vpt_requests_kick(&transmitq.requests), VPT_OK);
    expect_at_peer(300, seed);
    expect_sent(0);
    come(200, own, seed + 1u);
    expect(200, own, seed + 1u);
}

/* ---- Tests ---- */

/* Headers of 10 and of 12 bytes, on each interface. */
PLACE_TEST(device_net, frames_go_both_ways_byte_for_byte)
{
    static const char *const properties[] = { "", ",mrg_rxbuf=off", ",any_layout=off" };
    static const uint32_t lengths[] = { 60, 61, 100, 1000, 1513, 1514 };

    for (unsigned variant = 0; variant < COUNT_OF(properties); variant++) {
        start(place, properties[variant], 0);
        assert_that(net.info.header == (place_is_legacy(place) && variant == 1 ? 10 : 12));
        assert_that(memcmp(net.info.mac, own, MAC_SIZE) == 0 && net.info.link && net.info.mtu == 1500);
        for (uint32_t i = 0; i < 6u * BUFFERS; i++) {
            uint32_t length = lengths[i % COUNT_OF(lengths)];

            submit(i % SENDING, length, 1u + i % 2u, i);
            assert_status(vpt_requests_kick(&transmitq.requests), VPT_OK);
            expect_at_peer(length, i);
            expect_sent(i % SENDING);
            come(length, own, 1000u + i);
            expect(length, own, 1000u + i);
        }
        end();
    }
}

PLACE_TEST(device_net, several_frames_at_once)
{
    start(place, "", 0);
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < SENDING; i++) {
            submit(i, 100u + i, 1, round * SENDING + i);
            come(200u + i, own, round * SENDING + i);
        }
        assert_status(vpt_requests_kick(&transmitq.requests), VPT_OK);
        for (uint32_t i = 0; i < SENDING; i++) {
            expect_at_peer(100u + i, round * SENDING + i);
            expect_sent(i);
            expect(200u + i, own, round * SENDING + i);
        }
    }
    end();
}

PLACE_TEST(device_net, frames_are_read_after_an_open_with_defaults)
{
    static uint8_t bytes[2048];
    struct vpt_net_frame frame;
    enum vpt_status status = VPT_EMPTY;

    start_machine(place, "");
    assert_status(vpt_net_open(&net, &receiveq, &transmitq, placed.device), VPT_OK);
    assert_that(!net.info.merge);
    for (uint32_t i = 0; i < 3u * 64u; i++) { /* more than there are buffers */
        come(500, own, i);
        do {
            status = vpt_net_read(&receiveq, bytes, sizeof(bytes), &frame);
        } while (status == VPT_EMPTY);
        assert_status(status, VPT_OK);
        assert_that(frame.length == 500 && is_frame(bytes, 500, own, i));
    }
    end();
}

/*
 * Nobody takes frames from the socket while it becomes full. Then QEMU sends one frame after another by itself, and has
 * to notice those that are submitted later.
 */
PLACE_TEST(device_net, frames_that_the_network_takes_late)
{
    start(place, "", 0);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < SENDING; i++) {
            submit(i, 100, 1, round * SENDING + i);
        }
        assert_status(vpt_requests_kick(&transmitq.requests), VPT_OK);
        (void)place_status(); /* QEMU runs */
        for (uint32_t i = 0; i < SENDING; i++) {
            expect_at_peer(100, round * SENDING + i);
        }
        for (uint32_t i = 0; i < SENDING; i++) {
            expect_sent(i);
        }
    }
    end();
}

static void post(unsigned i)
{
    size_t offset = SENDING * ROOM + i * BUFFER;
    struct vpt_memory memory = { (uint8_t *)data.address + offset, data.device_address + offset, BUFFER };
    uint32_t done = 0;

    assert_status(vpt_net_post(&receiveq, &memory, 1, &done), VPT_OK);
}

/* The buffers are the test's, and a frame takes several of them. */
PLACE_TEST(device_net, a_frame_in_several_buffers)
{
    static uint8_t bytes[LONG];

    start(place, "", VPT_NET_POSTED);
    assert_that(net.info.merge);
    for (unsigned i = 0; i < BUFFERS; i++) {
        post(i);
    }
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t length = 0;
        struct vpt_net_frame part;

        come(LONG - round, own, round);
        do {
            part = take();
            assert_that(part.continued == (length != 0) && part.length <= LONG - length);
            memcpy(bytes + length, part.bytes, part.length);
            length += part.length;
            post((unsigned)(((uint8_t *)part.buffer - (uint8_t *)data.address - SENDING * ROOM) / BUFFER));
        } while (part.left != 0);
        assert_that(length == LONG - round && is_frame(bytes, length, own, round));
    }
    end();
}

PLACE_TEST(device_net, frames_come_and_go_by_interrupt)
{
    uint32_t raises;

    start(place, "", 0);
    place_intercept();
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t done = 0;
        struct vpt_net_frame none;
        struct vpt_completion completion;

        /* Both queues ask for the next interrupt. */
        assert_status(vpt_net_receive(&receiveq, &none, 1, &done), VPT_EMPTY);
        assert_status(vpt_requests_poll(&transmitq.requests, &completion), VPT_EMPTY);
        (void)vpt_device_interrupt(placed.device);
        raises = vpt_qtest_line_raises(fixture.qtest, place_line());
        come(100, own, i);
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
        expect(100, own, i);
        raises = vpt_qtest_line_raises(fixture.qtest, place_line());
        submit(0, 100, 1, i);
        assert_status(vpt_requests_kick(&transmitq.requests), VPT_OK);
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
        expect_at_peer(100, i);
        expect_sent(0);
    }
    end();
}

/* All buffers are the driver's: frames wait in the device, and go on when buffers are given back. */
PLACE_TEST(device_net, a_ring_that_ran_empty)
{
    static struct vpt_net_frame kept[BUFFERS];

    start(place, "", 0);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        come(100, own, i);
        kept[i] = take();
    }
    come(100, own, 1000);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        assert_that(is_frame(kept[i].bytes, 100, own, i));
    }
    assert_status(vpt_net_recycle(&receiveq, kept, BUFFERS), VPT_OK);
    expect(100, own, 1000);
    assert_works(5);
    end();
}

static void set_link(bool up)
{
    uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'set_link', 'arguments': {'name': 'n0', 'up': %s}}",
                                up ? "true" : "false"),
                  VPT_OK);
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_that(net.info.link != up);
    assert_status(vpt_net_refresh(&net), VPT_OK);
    assert_that(net.info.link == up);
}

PLACE_TEST(device_net, NET_CFG_5_the_link_goes_down_and_up)
{
    start(place, "", 0);
    place_intercept();
    assert_works(1);
    (void)vpt_device_interrupt(placed.device);
    set_link(false);
    set_link(true);
    assert_works(2);
    end();
}

/* What is not for this address or mode is not received: the next frame is the one behind it. */
PLACE_TEST(device_net, NET_MAC_2_NET_MAC_3_the_device_filters_as_it_is_told)
{
    static const uint8_t table[2][MAC_SIZE] = { { 0x52, 0x54, 0x00, 0x12, 0x34, 0x99 },
                                                { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 } };

    start(place, "", 0);
    assert_status(vpt_net_set_mode(&control, VPT_NET_PROMISCUOUS, true), VPT_OK);
    come(100, other, 1);
    expect(100, other, 1);
    assert_status(vpt_net_set_mode(&control, VPT_NET_PROMISCUOUS, false), VPT_OK);
    come(100, other, 2);
    come(100, table[1], 3);
    come(100, own, 4);
    expect(100, own, 4);
    assert_status(vpt_net_filter(&control, table[0], 1, 1), VPT_OK);
    come(100, other, 5);
    expect(100, other, 5);
    come(100, table[1], 6);
    expect(100, table[1], 6);
    assert_status(vpt_net_filter(&control, NULL, 0, 0), VPT_OK);
    assert_status(vpt_net_set_mode(&control, VPT_NET_ALL_MULTICAST, true), VPT_OK);
    come(100, other, 7);
    come(100, table[1], 8);
    expect(100, table[1], 8);
    assert_status(vpt_net_set_mac(&control, other), VPT_OK);
    come(100, own, 9);
    come(100, other, 10);
    expect(100, other, 10);
    end();
}

PLACE_TEST(device_net, a_restart_on_the_same_memory)
{
    start(place, "", 0);
    for (uint32_t round = 0; round < 3; round++) {
        assert_works(round);
        submit(0, 100, 1, round); /* not kicked: the device does not see it */
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&net.driver, NULL), VPT_CALLER_BUSY);
        take_all_back();
        assert_status(vpt_driver_restart(&net.driver, NULL), VPT_OK);
        assert_works(round + 10u);
    }
    end();
}

static void reset_queue(struct vpt_requests *queue)
{
    assert_status(vpt_requests_reset(queue), VPT_OK);
    assert_status(vpt_requests_restart(queue, NULL), VPT_CALLER_BUSY);
    take_all_back();
    assert_status(vpt_requests_restart(queue, NULL), VPT_OK);
}

/* QEMU 7.2 offers RING_RESET on every modern transport, and its virtio-mmio has no register for it. */
PLACE_TEST(device_net, VQRESET_1_VQREEN_1_each_queue_is_reset_while_the_other_works)
{
    if (place_is_legacy(place) || !place_is_pci(place)) {
        return;
    }
    start(place, "", 0);
    for (uint32_t round = 0; round < 3; round++) {
        assert_works(4u * round);
        reset_queue(&receiveq.requests);
        assert_works(4u * round + 2u);
        submit(1, 100, 1, round); /* not kicked: the device does not see it */
        reset_queue(&transmitq.requests);
    }
    assert_works(100);
    end();
}
