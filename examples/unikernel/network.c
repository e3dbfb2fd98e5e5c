/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/timeouts.h>

#include "clock.h"
#include "console.h"
#include "machine.h"

#define FRAME_MAX (VPT_NET_ETHERNET_SIZE + 4u + 1500u) /* with a VLAN tag */

/*
 * Frames to send that the device may have. lwIP makes most of one part, so each has room for one. No frame is received
 * while fewer than TRANSMIT_RESERVE are free: lwIP's answer to one frame would be lost, and TCP would wait a second.
 */
#define TRANSMIT_MAX     128u
#define TRANSMIT_RESERVE 32u

#define FRAMES_BATCH 32u /* received before what is to be sent is shown to the device */
#define AGAIN        1u  /* milliseconds to wait if there was no room for a frame */

static struct vpt_net net;
static struct vpt_net_receiveq receiveq;
static struct vpt_net_transmitq transmitq;
static struct netif interface;
static bool unkicked; /* there are frames that the device has not been told of */

struct network_counters network_counters;

/* ---- What lwIP calls ---- */

_Noreturn void network_failed(const char *text)
{
    print("error lwip: %s\n", text);
    machine_exit(false);
}

u32_t sys_now(void)
{
    return (u32_t)clock_now();
}

/* Mixes the bits of the clock's ticks (the finalizer of splitmix64). */
uint32_t network_random(void)
{
    uint64_t bits = clock_ticks();

    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(bits ^ bits >> 31);
}

/* ---- Sending ---- */

/* Takes back the frames that were sent. There is no interrupt for them, so this is done at every occasion. */
static void reclaim(void)
{
    struct vpt_completion completion;

    while (vpt_requests_poll(&transmitq.requests, &completion) == VPT_OK) {
        (void)pbuf_free(completion.token);
    }
}

/* Sends without a copy: lwIP does not change a segment that has another reference. A frame in parts is copied. */
static err_t transmit(struct netif *to, struct pbuf *frame)
{
    struct vpt_segment segment;

    (void)to;
    reclaim();
    if (frame->next != NULL) {
        frame = pbuf_clone(PBUF_RAW, PBUF_RAM, frame);
    } else {
        pbuf_ref(frame);
    }
    if (frame == NULL) {
        network_counters.lost++;
        return ERR_MEM;
    }
    segment = (struct vpt_segment){ (uintptr_t)frame->payload, frame->len };
    if (vpt_net_transmit(&transmitq, &segment, 1, NULL, frame) != VPT_OK) {
        network_counters.lost++;
        (void)pbuf_free(frame);
        return ERR_MEM;
    }
    network_counters.sent++;
    unkicked = true;
    return ERR_OK;
}

static void kick(void)
{
    if (unkicked) {
        unkicked = false;
        network_counters.kicks++;
        (void)vpt_requests_kick(&transmitq.requests);
    }
}

/* ---- Receiving ---- */

static void take(struct pbuf *buffer, uint32_t length)
{
    network_counters.received++;
    pbuf_realloc(buffer, (u16_t)length);
    if (interface.input(buffer, &interface) != ERR_OK) {
        (void)pbuf_free(buffer);
    }
}

/*
 * Hands one frame to lwIP. Returns VPT_EMPTY if there is none, and then the next one interrupts; another error means
 * that frames stay in the queue, or that one is lost.
 */
static enum vpt_status receive(void)
{
    struct pbuf *buffer = pbuf_alloc(PBUF_RAW, FRAME_MAX, PBUF_POOL);
    struct vpt_net_frame frame;
    enum vpt_status status;

    if (buffer == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    status = vpt_net_read(&receiveq, buffer->payload, FRAME_MAX, &frame);
    if (status == VPT_OK && frame.length <= FRAME_MAX) {
        take(buffer, frame.length);
    } else {
        (void)pbuf_free(buffer);
    }
    return status;
}

/* Returns in how many milliseconds this is to be called again even without an interrupt. */
static uint32_t receive_some(void)
{
    enum vpt_status status = VPT_OK;

    for (unsigned i = 0; i < FRAMES_BATCH && (status == VPT_OK || status == VPT_DEVICE_REQUEST_STATUS); i++) {
        reclaim();
        status = vpt_requests_free(&transmitq.requests) < TRANSMIT_RESERVE ? VPT_RESOURCE_FULL : receive();
    }
    switch (status) {
    case VPT_OK:
    case VPT_DEVICE_REQUEST_STATUS: return 0;
    case VPT_RESOURCE_FULL:
    case VPT_RESOURCE_MEMORY: return AGAIN;
    default: return UINT32_MAX;
    }
}

/* ---- The interface ---- */

static err_t init_interface(struct netif *new)
{
    new->name[0] = 'v';
    new->name[1] = 'n';
    new->hwaddr_len = VPT_NET_MAC_SIZE;
    for (unsigned i = 0; i < VPT_NET_MAC_SIZE; i++) {
        new->hwaddr[i] = net.info.mac[i];
    }
    new->mtu = net.info.mtu < 1500u ? net.info.mtu : 1500u;
    new->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    new->output = etharp_output;
    new->linkoutput = transmit;
    return ERR_OK;
}

/* vpt_net_open() with more frames to send. */
static enum vpt_status open_device(struct vpt_device *device)
{
    static const struct vpt_feature_choice choice = {
        .refused = { { 1u << VPT_NET_F_MRG_RXBUF | 1u << VPT_NET_F_GUEST_CSUM | 1u << VPT_NET_F_GUEST_ANNOUNCE } }
    };
    static const struct vpt_requests_config config = { .requests = TRANSMIT_MAX, .segments = 1 };
    enum vpt_status status = vpt_net_init(&net, device, &choice);

    if (status == VPT_OK) {
        status = vpt_net_receiveq_init(&receiveq, &net, 0, 0, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_net_transmitq_init(&transmitq, &net, 0, &config);
    }
    return status == VPT_OK ? vpt_driver_start(&net.driver) : status;
}

enum vpt_status network_init(struct vpt_device *device)
{
    enum vpt_status status = open_device(device);

    if (status != VPT_OK) {
        return status;
    }
    vpt_requests_notifications_off(&transmitq.requests);
    lwip_init();
    if (netif_add_noaddr(&interface, NULL, init_interface, netif_input) == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    netif_set_default(&interface);
    netif_set_up(&interface);
    return dhcp_start(&interface) == ERR_OK ? VPT_OK : VPT_RESOURCE_MEMORY;
}

uint32_t network_work(void)
{
    uint32_t again = receive_some();
    uint32_t timer;

    sys_check_timeouts();
    reclaim();
    kick();
    timer = sys_timeouts_sleeptime();
    return again < timer ? again : timer;
}
