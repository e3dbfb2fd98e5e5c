/* SPDX-License-Identifier: MIT */
/* Commands by the control queue (VirtIO 1.4, section 5.1.6.5). */
#include "../request/slots.h"
#include "net_internal.h"

/* Where things are in a slot: the class and the command, which are the request's header; the answer; the data. */
#define SLOT_ANSWER 2u
#define SLOT_DATA   16u

#define ANSWER_OK          0u
#define ANSWER_ERROR       1u
#define ANSWER_NOT_WRITTEN 0xffu

/* The class, and the command in the lower byte. */
#define COMMAND_MODE      0x0000u /* and the following, one for each mode */
#define COMMAND_TABLE     0x0100u
#define COMMAND_ADDRESS   0x0101u
#define COMMAND_ANNOUNCED 0x0300u
#define COMMAND_PAIRS     0x0400u

#define BIT(feature) (1u << VPT_NET_F_##feature)

static enum vpt_status control_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length; /* a legacy device's is void (LEG-NETOP-2) */
    switch (vpt_load8((const uint8_t *)slot + SLOT_ANSWER)) {
    case ANSWER_OK: return VPT_OK;
    case ANSWER_ERROR: return VPT_DEVICE_IO_ERROR;
    default: return VPT_DEVICE_REQUEST_STATUS;
    }
}

enum vpt_status vpt_net_control_init(struct vpt_net_control *control, struct vpt_net *net, uint16_t addresses,
                                     const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind kind = {
        .header = SLOT_ANSWER, .reply = 1, .requests = 1, .segments = 2, .result = control_result
    };
    uint32_t slot_size = SLOT_DATA + 2u * (uint32_t)sizeof(uint32_t) + addresses * VPT_NET_MAC_SIZE;
    enum vpt_status status = net_check_pair(control, net, 0);
    uint32_t index;

    if (status != VPT_OK) {
        return status;
    }
    if (!vpt_features_has(&net->driver.features, VPT_NET_F_CTRL_VQ)) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    index = 2u * net->info.pairs; /* behind all pairs that the device has, 1 without MQ */
    status = vpt_requests_init(&control->requests, &net->driver, (uint16_t)index, &kind, slot_size, config);
    if (status == VPT_OK) {
        control->addresses = addresses;
    }
    return status;
}

static void take_answer(void *ctx, const struct vpt_completion *completion)
{
    *(enum vpt_status *)ctx = completion->status;
}

/* Copies one part of a command's data. Of a table its number of addresses is written first. Returns the bytes. */
static uint32_t write_part(const struct vpt_requests *requests, uint8_t *to, const uint8_t *data, uint32_t size,
                           bool table)
{
    uint32_t number = vpt_order32(requests->queue.device_order, size / VPT_NET_MAC_SIZE);
    uint32_t before = table ? (uint32_t)sizeof(number) : 0;
    uint32_t i;

    for (i = 0; i < before + size; i++) {
        vpt_store8(to + i, i < before ? ((const uint8_t *)&number)[i] : data[i - before]);
    }
    return i;
}

/*
 * Submits a command with `size` bytes of data, and waits. Of a table `second` more follow in a descriptor of their own.
 */
static enum vpt_status submit_command(struct vpt_requests *requests, uint32_t command, const uint8_t *data,
                                      uint32_t size, uint32_t second)
{
    uint16_t parts = command == COMMAND_TABLE ? 2 : size != 0 ? 1 : 0;
    uint64_t address = vpt_requests_next_address(requests) + SLOT_DATA;
    uint8_t *slot = slot_shared(requests, requests->queue.free_head); /* one is free */
    uint8_t *to = slot + SLOT_DATA;
    enum vpt_status answer = VPT_OK;
    struct vpt_segment segments[2];
    enum vpt_status status;
    uint16_t i;

    vpt_store8(slot, (uint8_t)(command >> 8));
    vpt_store8(slot + 1, (uint8_t)command);
    vpt_store8(slot + SLOT_ANSWER, ANSWER_NOT_WRITTEN);
    for (i = 0; i < parts; i++) {
        uint32_t length = write_part(requests, to, data, size, parts == 2);

        segments[i].address = address;
        segments[i].length = length;
        address += length;
        to += length;
        data = data != NULL ? data + size : NULL;
        size = second;
    }
    status = vpt_requests_submit(requests, segments, parts, 0, NULL);
    if (status == VPT_OK) {
        status = vpt_requests_quiesce(requests, take_answer, &answer);
    }
    return status == VPT_OK ? answer : status;
}

/* Carries out a command that needs these features of word 0. */
static enum vpt_status carry_out(struct vpt_net_control *control, uint32_t features, uint32_t command,
                                 const uint8_t *data, uint32_t size, uint32_t second)
{
    struct vpt_requests *requests;
    enum vpt_status status;

    if (control == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    requests = &control->requests;
    vpt_slots_take_back(requests); /* the answer to a command that was given up is for nobody */
    status = vpt_requests_ready(requests);
    if (status != VPT_OK) {
        return status;
    }
    if ((features & ~requests->driver->features.word[0]) != 0) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    return submit_command(requests, command, data, size, second);
}

enum vpt_status vpt_net_set_mode(struct vpt_net_control *control, enum vpt_net_mode mode, bool on)
{
    uint32_t feature = mode <= VPT_NET_ALL_MULTICAST ? BIT(CTRL_RX) : BIT(CTRL_RX_EXTRA);
    uint8_t data = on ? 1 : 0;

    return (uint32_t)mode <= VPT_NET_NO_BROADCAST
               ? carry_out(control, feature, COMMAND_MODE + (uint32_t)mode, &data, 1, 0)
               : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_net_filter(struct vpt_net_control *control, const uint8_t *addresses, uint16_t unicast,
                               uint16_t multicast)
{
    if (control != NULL && (uint32_t)unicast + multicast > control->addresses) {
        return VPT_CALLER_TOO_LONG;
    }
    return carry_out(control, BIT(CTRL_RX), COMMAND_TABLE, addresses, unicast * VPT_NET_MAC_SIZE,
                     multicast * VPT_NET_MAC_SIZE);
}

enum vpt_status vpt_net_set_mac(struct vpt_net_control *control, const uint8_t mac[VPT_NET_MAC_SIZE])
{
    enum vpt_status status =
        carry_out(control, BIT(CTRL_MAC_ADDR) | BIT(CTRL_RX), COMMAND_ADDRESS, mac, VPT_NET_MAC_SIZE, 0);

    if (status == VPT_OK) {
        vpt_copy(net_of(&control->requests)->info.mac, mac, VPT_NET_MAC_SIZE);
    }
    return status;
}

enum vpt_status vpt_net_announced(struct vpt_net_control *control)
{
    enum vpt_status status = carry_out(control, BIT(GUEST_ANNOUNCE), COMMAND_ANNOUNCED, NULL, 0, 0);

    if (status == VPT_OK) {
        net_of(&control->requests)->info.announce = false;
    }
    return status;
}

enum vpt_status vpt_net_use_pairs(struct vpt_net_control *control, uint16_t pairs)
{
    bool little = control == NULL || control->requests.queue.device_order;
    uint16_t data = vpt_order16(little, pairs);

    if (control != NULL && control->requests.driver != NULL && pairs - 1u >= net_of(&control->requests)->info.pairs) {
        return VPT_CALLER_RANGE;
    }
    return carry_out(control, BIT(MQ), COMMAND_PAIRS, (const uint8_t *)&data, sizeof(data), 0);
}
