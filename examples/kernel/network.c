/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <vpt/net.h>

#include "pattern.h"
#include "ports.h"
#include "step.h"
#include "wiring.h"

#define AT_ONCE   15u /* frames */
#define ROUNDS    10u /* of so many frames: in each of two ways */
#define FRAME_MAX 1514u
#define FRAME_MIN 60u
#define SECTORS   3u /* of the pattern, for a frame */
#define ATTEMPTS  50000000u

/* Seeds of the pattern. */
enum direction { SENT = 1, ANSWERED = 2 };

static const unsigned char peer[VPT_NET_MAC_SIZE] = { 0x52, 0x54, 0x00, 0x76, 0x70, 0x74 };

struct network {
    struct device device;
    struct vpt_net net;
    struct vpt_net_receiveq receiveq;
    struct vpt_net_transmitq transmitq;
    struct wiring wiring;
    bool by_interrupt;
    bool drained; /* the last read found nothing */
    unsigned char sent[AT_ONCE][SECTORS * 512u];
    unsigned char expected[SECTORS * 512u];
    unsigned char received[SECTORS * 512u];
};

/* Writes a frame, as kernel-host.py does. Returns its length. */
static uint32_t make_frame(const struct network *network, unsigned char *frame, enum direction direction,
                           uint32_t number)
{
    static const unsigned char type[2] = { 0x88, 0xb5 }; /* for experiments */
    const unsigned char *own = network->net.info.mac;

    pattern_fill(frame, direction, (uint64_t)number * SECTORS, SECTORS);
    for (unsigned i = 0; i < VPT_NET_MAC_SIZE; i++) {
        frame[i] = direction == SENT ? peer[i] : own[i];
        frame[VPT_NET_MAC_SIZE + i] = direction == SENT ? own[i] : peer[i];
    }
    frame[12] = type[0];
    frame[13] = type[1];
    return FRAME_MAX - number * 61u % (FRAME_MAX - FRAME_MIN + 1u);
}

static bool check_frame(struct network *network, uint32_t length, uint32_t number)
{
    uint32_t expected = make_frame(network, network->expected, ANSWERED, number);

    for (uint32_t i = 0; i < expected && length == expected; i++) {
        if (network->received[i] != network->expected[i]) {
            print("FAILED: byte %u of frame %u is 0x%x, not 0x%x\n", (unsigned)i, (unsigned)number,
                  network->received[i], network->expected[i]);
            return false;
        }
    }
    if (length != expected) {
        print("FAILED: frame %u has %u bytes, not %u\n", (unsigned)number, (unsigned)length, (unsigned)expected);
    }
    return length == expected;
}

static bool send_some(struct network *network, uint32_t number)
{
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        unsigned char *frame = network->sent[i];
        struct vpt_segment segment = { ports_device_address(frame), make_frame(network, frame, SENT, number + i) };

        if (!step("send a frame", vpt_net_transmit(&network->transmitq, &segment, 1, NULL, frame))) {
            return false;
        }
    }
    return step("kick the network card", vpt_requests_kick(&network->transmitq.requests));
}

/* If it reads by interrupt, an empty queue is read again only after one. */
static bool receive(struct network *network, uint32_t number)
{
    struct vpt_net_frame frame;

    for (uint32_t i = 0; i < ATTEMPTS; i++) {
        enum vpt_status status;

        if (network->by_interrupt && network->drained && !interrupts_wait(&network->wiring.source)) {
            return false;
        }
        status = vpt_net_read(&network->receiveq, network->received, sizeof(network->received), &frame);
        network->drained = status == VPT_EMPTY;
        if (status != VPT_EMPTY) {
            return step("receive a frame", status) && check_frame(network, frame.length, number);
        }
    }
    return step("wait for a frame", VPT_DEVICE_TIMEOUT);
}

/* Several frames are sent at once, and then their answers are received; by interrupt, after a sleep. */
static bool exchange(struct network *network, uint32_t number)
{
    for (unsigned round = 0; round < ROUNDS; round++, number += AT_ONCE) {
        if (network->by_interrupt) {
            network->drained = !vpt_requests_notifications_on(&network->receiveq.requests);
            interrupts_hold(&network->wiring.source);
        }
        if (!send_some(network, number)) {
            return false;
        }
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            if (!receive(network, number + i)) {
                return false;
            }
        }
        if (!step("take frames back", vpt_requests_quiesce(&network->transmitq.requests, NULL, NULL))) {
            return false;
        }
    }
    return true;
}

/* The line is opened when nothing is in flight, and low: what the card raised during polling is acknowledged first. */
static bool turn_interrupts_on(struct network *network)
{
    (void)vpt_device_interrupt(network->device.virtio);
    if (!interrupts_attach_line(&network->wiring.source, network->wiring.line)) {
        return false;
    }
    network->by_interrupt = true;
    return true;
}

static bool bring_up(struct network *network, const struct vpt_port *port, const struct device_place *place)
{
    if (!step("open the network card", device_open(&network->device, port, place)) ||
        !wiring_prepare(&network->wiring, VPT_INTERRUPTS_LINE, &network->device, place) ||
        !step("bring the network card up",
              vpt_net_open(&network->net, &network->receiveq, &network->transmitq, network->device.virtio))) {
        return false;
    }
    vpt_requests_notifications_off(&network->receiveq.requests);
    vpt_requests_notifications_off(&network->transmitq.requests);
    return true;
}

static bool take_down(struct network *network)
{
    struct vpt_net_frame frame;
    uint32_t done;

    if (!step("reset the network card", vpt_device_reset(network->device.virtio))) {
        return false;
    }
    wiring_disconnect(&network->wiring);
    do {
        (void)vpt_net_receive(&network->receiveq, &frame, 1, &done);
    } while (done != 0);
    if (!step("release the network card", vpt_driver_release(&network->net.driver))) {
        return false;
    }
    device_close(&network->device);
    return true;
}

static void report(const struct network *network)
{
    const unsigned char *mac = network->net.info.mac;
    const struct interrupt_source *source = &network->wiring.source;

    print("network card: %u frames sent and answered by polling, and %u by interrupt, in %u sleeps\n", ROUNDS * AT_ONCE,
          ROUNDS * AT_ONCE, (unsigned)source->sleeps);
    print("@network %x:%x:%x:%x:%x:%x %u %u %u %u %u\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
          ROUNDS * AT_ONCE, ROUNDS * AT_ONCE, (unsigned)source->sleeps, (unsigned)source->claimed,
          (unsigned)interrupts_nobody());
}

bool network_talk(const struct vpt_port *port, const struct device_place *place)
{
    static struct network network;

    if (!bring_up(&network, port, place) || !exchange(&network, 0) || !turn_interrupts_on(&network) ||
        !exchange(&network, ROUNDS * AT_ONCE)) {
        return false;
    }
    report(&network);
    return take_down(&network);
}
