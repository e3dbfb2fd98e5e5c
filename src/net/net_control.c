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

/*
 * The class of a command, the command, in how many parts its data is, how many bytes a number at the beginning of each
 * part has, and how many bytes of addresses follow for each unit of this number.
 */
#define COMMAND(class, command, parts, number, unit) \
    ((class) | (command) << 8 | (parts) << 16 | (number) << 20 | (unit) << 24)
#define COMMAND_MODE(mode)      COMMAND(0u, mode, 1u, 1u, 0u)
#define COMMAND_TABLE           COMMAND(1u, 0u, 2u, 4u, VPT_NET_MAC_SIZE)
#define COMMAND_ADDRESS         COMMAND(1u, 1u, 1u, 0u, VPT_NET_MAC_SIZE)
#define COMMAND_ANNOUNCED       COMMAND(3u, 0u, 0u, 0u, 0u)
#define COMMAND_PAIRS           COMMAND(4u, 0u, 1u, 2u, 0u)
#define COMMAND_PARTS(command)  ((command) >> 16 & 15u)
#define COMMAND_NUMBER(command) ((command) >> 20 & 15u)
#define COMMAND_UNIT(command)   ((command) >> 24)

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

/* Returns the value whose first bytes in memory are a number of `size` bytes. */
static uint32_t number_first(const struct vpt_requests *requests, uint32_t number, uint32_t size)
{
    bool order = requests->queue.device_order;

    return vpt_order32(order, VPT_BIG_ENDIAN == 0 || order ? number : number << ((32u - 8u * size) & 31u));
}

/*
 * Writes a command into a slot, and its data behind it. `numbers` has the number of the first part in its lower half,
 * and that of the second in the upper one.
 */
static void fill_command(const struct vpt_requests *requests, struct vpt_segment *segments, uint32_t command,
                         uint32_t numbers, const uint8_t *addresses)
{
    const struct vpt_memory *memory = &requests->queue.areas[VPT_AREA_SLOTS].memory;
    uint8_t *to = slot_shared(requests, requests->queue.free_head); /* one is free */
    uint32_t left;

    vpt_store16(to, vpt_order16(true, (uint16_t)command));
    vpt_store8(to + SLOT_ANSWER, ANSWER_NOT_WRITTEN);
    to += SLOT_DATA;
    for (left = COMMAND_PARTS(command); left != 0; left--) {
        uint32_t number = number_first(requests, numbers & 0xffffu, COMMAND_NUMBER(command));
        uint32_t size = (numbers & 0xffffu) * COMMAND_UNIT(command);

        segments->address = memory->device_address + (uintptr_t)(to - (uint8_t *)memory->address);
        segments->length = COMMAND_NUMBER(command) + size;
        to = vpt_slots_copy_in(to, &number, COMMAND_NUMBER(command));
        to = vpt_slots_copy_in(to, addresses, size);
        addresses = size != 0 ? addresses + size : addresses;
        numbers >>= 16;
        segments++;
    }
}

/* Carries out a command that needs these features of word 0, and waits for the answer. */
static enum vpt_status carry_out(struct vpt_net_control *control, uint32_t command, uint32_t numbers,
                                 const uint8_t *addresses, uint32_t features)
{
    enum vpt_status answer;
    struct vpt_segment segments[2];
    struct vpt_requests *requests;
    enum vpt_status status;

    if (control == NULL || (addresses == NULL && COMMAND_UNIT(command) != 0 && numbers != 0)) {
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
    fill_command(requests, segments, command, numbers, addresses);
    answer = vpt_requests_submit(requests, segments, COMMAND_PARTS(command), 0, NULL);
    if (answer == VPT_OK) {
        status = vpt_requests_quiesce(requests, take_answer, &answer);
    }
    return status == VPT_OK ? answer : status;
}

enum vpt_status vpt_net_set_mode(struct vpt_net_control *control, enum vpt_net_mode mode, bool on)
{
    return (uint32_t)mode <= VPT_NET_NO_BROADCAST
               ? carry_out(control, COMMAND_MODE((uint32_t)mode), on, NULL,
                           mode <= VPT_NET_ALL_MULTICAST ? BIT(CTRL_RX) : BIT(CTRL_RX_EXTRA))
               : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_net_filter(struct vpt_net_control *control, const uint8_t *addresses, uint16_t unicast,
                               uint16_t multicast)
{
    if (control != NULL && (uint32_t)unicast + multicast > control->addresses) {
        return VPT_CALLER_TOO_LONG;
    }
    return carry_out(control, COMMAND_TABLE, unicast | (uint32_t)multicast << 16, addresses, BIT(CTRL_RX));
}

enum vpt_status vpt_net_set_mac(struct vpt_net_control *control, const uint8_t mac[VPT_NET_MAC_SIZE])
{
    enum vpt_status status = carry_out(control, COMMAND_ADDRESS, 1, mac, BIT(CTRL_MAC_ADDR) | BIT(CTRL_RX));

    if (status == VPT_OK) {
        vpt_copy(net_of(&control->requests)->info.mac, mac, VPT_NET_MAC_SIZE);
    }
    return status;
}

enum vpt_status vpt_net_announced(struct vpt_net_control *control)
{
    enum vpt_status status = carry_out(control, COMMAND_ANNOUNCED, 0, NULL, BIT(GUEST_ANNOUNCE));

    if (status == VPT_OK) {
        net_of(&control->requests)->info.announce = false;
    }
    return status;
}

enum vpt_status vpt_net_use_pairs(struct vpt_net_control *control, uint16_t pairs)
{
    if (control != NULL && control->requests.driver != NULL && pairs - 1u >= net_of(&control->requests)->info.pairs) {
        return VPT_CALLER_RANGE;
    }
    return carry_out(control, COMMAND_PAIRS, pairs, NULL, BIT(MQ));
}
