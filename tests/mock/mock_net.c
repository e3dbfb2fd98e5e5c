/* SPDX-License-Identifier: MIT */
#include "mock_net.h"

#include "mock_backend.h"

#define F_CSUM                0u
#define F_GUEST_CSUM          1u
#define F_CTRL_GUEST_OFFLOADS 2u
#define F_MTU                 3u
#define F_MAC                 5u
#define F_GUEST_TSO4          7u
#define F_HOST_UFO            14u
#define F_MRG_RXBUF           15u
#define F_STATUS              16u
#define F_CTRL_VQ             17u
#define F_CTRL_RX             18u
#define F_CTRL_VLAN           19u
#define F_CTRL_RX_EXTRA       20u
#define F_GUEST_ANNOUNCE      21u
#define F_MQ                  22u
#define F_CTRL_MAC_ADDR       23u

#define HEADER_SIZE   12u
#define HEADER_LEGACY 10u

#define FLAG_NEEDS_CSUM 1u

#define ETHERNET_SIZE 14u
#define BUFFER_LEAST  1514u /* for a frame, if there is no segmentation (NET-RXBUF-2) */

#define ANSWER_OK    0u
#define ANSWER_ERROR 1u

static const struct mock_config_field fields[] = {
    { "mac[0]", MOCK_NET_MAC, 1, F_MAC, false },       { "mac[1]", MOCK_NET_MAC + 1u, 1, F_MAC, false },
    { "mac[2]", MOCK_NET_MAC + 2u, 1, F_MAC, false },  { "mac[3]", MOCK_NET_MAC + 3u, 1, F_MAC, false },
    { "mac[4]", MOCK_NET_MAC + 4u, 1, F_MAC, false },  { "mac[5]", MOCK_NET_MAC + 5u, 1, F_MAC, false },
    { "status", MOCK_NET_STATUS, 2, F_STATUS, false }, { "max_virtqueue_pairs", MOCK_NET_PAIRS, 2, F_MQ, false },
    { "mtu", MOCK_NET_MTU, 2, F_MTU, false },
};

static bool has(const struct mock_net *net, unsigned feature)
{
    return vpt_features_has(&net->device->accepted, feature);
}

static uint16_t pairs_of(const struct mock_net_options *options)
{
    return options->pairs != 0 ? options->pairs : 1;
}

static uint16_t count_queues(const void *backend)
{
    const struct mock_net_options *options = &((const struct mock_net *)backend)->options;

    return (uint16_t)(2u * pairs_of(options) + 1u);
}

/* A legacy interface has 10 bytes unless MRG_RXBUF was negotiated (NET-RXBUF-4, LEG-NETOP-1). */
static uint32_t header_size(const struct mock_net *net)
{
    return net->device->legacy && !has(net, F_MRG_RXBUF) ? HEADER_LEGACY : HEADER_SIZE;
}

/* Without ANY_LAYOUT a legacy device expects the header in a descriptor of its own (LEG-NETFRAME-1). */
static bool framed(const struct mock_net *net, const struct mock_element *element)
{
    return !net->device->legacy || has(net, VPT_F_ANY_LAYOUT) || element->segments[0].length == header_size(net);
}

/* ---- Sending ---- */

static void check_sent(const struct mock_net *net, const uint8_t *header, const struct mock_net_record *frame)
{
    bool native = net->device->legacy;
    bool needs = frame->flags == FLAG_NEEDS_CSUM;

    require(net, frame->flags == 0 || (needs && has(net, F_CSUM)), "flags without CSUM, or unknown ones (NET-TX-3)");
    require(net, header[1] == 0, "segmentation, which was not negotiated (NET-TX-21)");
    require(net, header_size(net) == HEADER_LEGACY || mock_load(header + 10, 2, native) == 0,
            "num_buffers is not 0 (NET-TX-2)");
    require(net, !needs || (uint32_t)frame->checksum_start + frame->checksum_offset + 2u <= frame->length,
            "the checksum is outside the frame");
    require(net,
            !has(net, F_MTU) || frame->length <= mock_config_get(&net->device->config, MOCK_NET_MTU, 2) + ETHERNET_SIZE,
            "a frame above the MTU (NET-CFG-8)");
    require(net, frame->queue < 2u * net->commands.pairs, "sent by a pair that is not in use (NET-MQ-3)");
}

static uint32_t send(struct mock_net *net, const struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_net_record *frame = &net->log[net->sent % MOCK_NET_LOG];
    uint8_t header[HEADER_SIZE] = { 0 };
    uint32_t size = header_size(net);

    if (!require(net, element->writable == 0 && element->readable_bytes > size && framed(net, element),
                 "not framed as a frame to send") ||
        mock_element_read(net->device, element, 0, header, size) != size) {
        mock_device_needs_reset(net->device);
        return 0;
    }
    frame->queue = queue->index;
    frame->segments = element->readable;
    frame->flags = header[0];
    frame->checksum_start = (uint16_t)mock_load(header + 6, 2, net->device->legacy);
    frame->checksum_offset = (uint16_t)mock_load(header + 8, 2, net->device->legacy);
    frame->length = (uint32_t)(element->readable_bytes - size);
    check_sent(net, header, frame);
    (void)mock_element_read(net->device, element, size, frame->bytes,
                            frame->length < MOCK_NET_FRAME_MAX ? frame->length : MOCK_NET_FRAME_MAX);
    net->sent++;
    return 0;
}

const struct mock_net_record *mock_net_last(const struct mock_net *net)
{
    return net->sent != 0 ? &net->log[(net->sent - 1u) % MOCK_NET_LOG] : NULL;
}

/* ---- Receiving ---- */

static const struct mock_net_record *front(const struct mock_net *net)
{
    return &net->waiting[net->delivered % MOCK_NET_WAITING];
}

/* The room of the pending buffers that a frame may use. */
static uint64_t room(const struct mock_net *net, const struct mock_queue *queue)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < queue->pending_count && (i == 0 || has(net, F_MRG_RXBUF)); i++) {
        bytes += queue->pending[i].writable_bytes;
    }
    return bytes;
}

/* Whether a buffer of this queue is used now. A frame that fits nowhere is dropped. */
static bool ready(void *backend, const struct mock_queue *queue)
{
    struct mock_net *net = backend;

    if (queue->index % 2u != 0 || queue->index >= 2u * pairs_of(&net->options) ||
        (queue->index == 2u && !has(net, F_MQ))) {
        return true;
    }
    while (queue->pending_count != 0 && net->delivered < net->offered && front(net)->queue == queue->index) {
        if (net->written != 0 || room(net, queue) >= header_size(net) + front(net)->length) {
            return true;
        }
        if (has(net, F_MRG_RXBUF)) {
            return false; /* more buffers may come */
        }
        net->delivered++;
        net->dropped++;
    }
    return false;
}

static void check_buffer(const struct mock_net *net, const struct mock_element *element)
{
    uint64_t least =
        has(net, F_MTU) ? mock_config_get(&net->device->config, MOCK_NET_MTU, 2) + ETHERNET_SIZE : BUFFER_LEAST;

    require(net, element->readable == 0 && framed(net, element), "not framed as a buffer to receive");
    require(net, element->writable_bytes >= header_size(net) + (has(net, F_MRG_RXBUF) ? 0 : least),
            "a buffer that is too small (NET-RXBUF-2, NET-RXBUF-3, NET-CFG-7)");
}

/* Writes the header of a frame. Sets how many buffers follow. */
static void write_header(struct mock_net *net, const struct mock_queue *queue, const struct mock_element *element)
{
    const struct mock_net_record *frame = front(net);
    uint64_t bytes = element->writable_bytes;
    bool native = net->device->legacy;
    uint8_t header[HEADER_SIZE] = { 0 };
    size_t size = has(net, F_MRG_RXBUF) || net->options.sets_buffers ? header_size(net) : HEADER_LEGACY;

    for (net->left = 0; bytes < header_size(net) + frame->length && net->left < queue->pending_count; net->left++) {
        bytes += queue->pending[net->left].writable_bytes;
    }
    header[0] = frame->flags;
    mock_store(header + 6, 2, frame->checksum_start, native);
    mock_store(header + 8, 2, frame->checksum_offset, native);
    mock_store(header + 10, 2, net->left + 1u, native);
    (void)mock_element_write(net->device, element, 0, header, size);
}

static uint32_t receive(struct mock_net *net, const struct mock_queue *queue, const struct mock_element *element)
{
    const struct mock_net_record *frame = front(net);
    uint32_t at = 0;
    uint32_t size;

    check_buffer(net, element);
    if (net->written == 0) {
        write_header(net, queue, element);
        at = header_size(net);
        net->written = at;
    } else {
        net->left--;
    }
    size = header_size(net) + frame->length - net->written;
    size = size < element->writable_bytes - at ? size : (uint32_t)element->writable_bytes - at;
    (void)mock_element_write(net->device, element, at, frame->bytes + (net->written - header_size(net)), size);
    net->written += size;
    if (net->left == 0) {
        net->written = 0;
        net->delivered++;
    }
    return at + size;
}

bool mock_net_receive(struct mock_net *net, uint16_t pair, const void *bytes, uint32_t length, uint8_t flags,
                      uint16_t checksum_start, uint16_t checksum_offset)
{
    struct mock_net_record *frame = &net->waiting[net->offered % MOCK_NET_WAITING];
    struct mock_queue *queue = mock_device_queue(net->device, 2u * pair);

    if (net->offered - net->delivered == MOCK_NET_WAITING || length > MOCK_NET_FRAME_MAX || queue == NULL) {
        net->dropped++;
        return false;
    }
    frame->queue = queue->index;
    frame->flags = flags;
    frame->checksum_start = checksum_start;
    frame->checksum_offset = checksum_offset;
    frame->length = length;
    memcpy(frame->bytes, bytes, length);
    net->offered++;
    mock_device_wake(net->device, 2u * pair);
    return true;
}

/* ---- Commands ---- */

/* Without ANY_LAYOUT each part is in a descriptor of its own (LEG-NETFRAME-2), a table in two (LEG-NETFRAME-3). */
static bool command_framed(const struct mock_net *net, const struct mock_element *element, const uint8_t *header)
{
    uint32_t data = element->readable_bytes == 2u ? 0 : (header[0] == 1 && header[1] == 0 ? 2u : 1u);

    return element->writable == 1 && element->writable_bytes == 1 &&
           (!net->device->legacy || has(net, VPT_F_ANY_LAYOUT) ||
            (element->segments[0].length == 2 && element->readable == 1u + data));
}

static uint8_t set_table(struct mock_net *net, const uint8_t *data, uint32_t size)
{
    bool native = net->device->legacy;
    uint32_t at = 0;
    uint32_t stored = 0;

    for (unsigned list = 0; list < 2; list++) {
        uint32_t count = size - at >= 4u ? (uint32_t)mock_load(data + at, 4, native) : UINT32_MAX;

        at += 4u;
        if (!require(net, count <= MOCK_NET_TABLE_MAX - stored && size - at >= count * 6u,
                     "a table that is not as it says (NET-MAC-3)")) {
            return ANSWER_ERROR;
        }
        memcpy(net->commands.table + stored * 6u, data + at, count * 6u);
        net->commands.addresses[list] = count;
        stored += count;
        at += count * 6u;
    }
    return (uint8_t)(require(net, at == size, "a table with more behind it") ? ANSWER_OK : ANSWER_ERROR);
}

static uint8_t set_pairs(struct mock_net *net, uint16_t pairs)
{
    if (!require(net, pairs >= 1 && pairs <= pairs_of(&net->options), "a number of pairs out of range (NET-MQ-2)")) {
        return ANSWER_ERROR;
    }
    for (unsigned i = 0; i < 2u * pairs; i++) {
        require(net, net->device->queues[i].enabled, "pairs are used that are not set up (NET-MQ-1)");
    }
    net->commands.pairs = pairs;
    return ANSWER_OK;
}

/* What a command needs, by its class and itself; and how much data, MOCK_ANYWHERE: any. */
static const struct {
    uint8_t class_code, command, feature, other;
    uint32_t size;
} rules[] = {
    { 0, 0, F_CTRL_RX, F_CTRL_RX, 1 },
    { 0, 1, F_CTRL_RX, F_CTRL_RX, 1 },
    { 0, 2, F_CTRL_RX_EXTRA, F_CTRL_RX_EXTRA, 1 },
    { 0, 3, F_CTRL_RX_EXTRA, F_CTRL_RX_EXTRA, 1 },
    { 0, 4, F_CTRL_RX_EXTRA, F_CTRL_RX_EXTRA, 1 },
    { 0, 5, F_CTRL_RX_EXTRA, F_CTRL_RX_EXTRA, 1 },
    { 1, 0, F_CTRL_RX, F_CTRL_RX, UINT32_MAX },
    { 1, 1, F_CTRL_MAC_ADDR, F_CTRL_RX, 6 }, /* NET-MAC-1 */
    { 3, 0, F_GUEST_ANNOUNCE, F_GUEST_ANNOUNCE, 0 },
    { 4, 0, F_MQ, F_MQ, 2 },
};

static bool command_known(const struct mock_net *net, const uint8_t *header, uint32_t size)
{
    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].class_code == header[0] && rules[i].command == header[1]) {
            return require(net, has(net, rules[i].feature) && has(net, rules[i].other),
                           "a command without its feature (NET-FILT-1, NET-FILT-2)") &&
                   require(net, rules[i].size == UINT32_MAX || rules[i].size == size,
                           "a command with the wrong number of bytes");
        }
    }
    return require(net, false, "an unknown command");
}

static uint8_t carry_out(struct mock_net *net, const uint8_t *header, const uint8_t *data, uint32_t size)
{
    struct mock_net_commands *commands = &net->commands;
    uint64_t status = mock_config_get(&net->device->config, MOCK_NET_STATUS, 2);

    if (!command_known(net, header, size) || mock_fault_fires(&net->device->faults, MOCK_FAULT_IO_ERROR, NULL)) {
        return ANSWER_ERROR;
    }
    commands->count++;
    commands->class_code = header[0];
    commands->command = header[1];
    switch (header[0]) {
    case 0: commands->mode[header[1]] = data[0] != 0; return ANSWER_OK;
    case 1:
        if (header[1] == 0) {
            return set_table(net, data, size);
        }
        memcpy(commands->mac, data, 6);
        return ANSWER_OK;
    case 3:
        mock_config_set(&net->device->config, MOCK_NET_STATUS, 2, status & ~(uint64_t)MOCK_NET_ANNOUNCE);
        return ANSWER_OK;
    default: return set_pairs(net, (uint16_t)mock_load(data, 2, net->device->legacy));
    }
}

static uint32_t command(struct mock_net *net, const struct mock_element *element)
{
    uint8_t bytes[2u + 8u + 6u * MOCK_NET_TABLE_MAX];
    size_t size = mock_element_read(net->device, element, 0, bytes, sizeof(bytes));
    uint32_t status;

    if (!require(net, size >= 2 && size == element->readable_bytes && command_framed(net, element, bytes),
                 "not framed as a command")) {
        mock_device_needs_reset(net->device);
        return 0;
    }
    status = carry_out(net, bytes, bytes + 2, (uint32_t)size - 2u);
    if (!mock_backend_status(net->device, &status, 0x7f)) {
        return 0;
    }
    return (uint32_t)mock_element_write(net->device, element, 0, &(uint8_t){ (uint8_t)status }, 1);
}

/* ---- The backend ---- */

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_net *net = backend;

    if (queue->index == (has(net, F_MQ) ? 2u * pairs_of(&net->options) : 2u)) {
        return command(net, element);
    }
    return queue->index % 2u == 0 ? receive(net, queue, element) : send(net, queue, element);
}

/* Frames that wait are lost. */
static void reset(void *backend)
{
    struct mock_net *net = backend;

    memset(&net->commands, 0, sizeof(net->commands));
    net->commands.pairs = 1;
    net->delivered = net->offered;
    net->written = 0;
    net->left = 0;
}

/* What needs CTRL_VQ, and what needs CSUM or GUEST_CSUM (FEAT-1). */
static bool features_valid(void *backend, const struct vpt_features *accepted)
{
    uint32_t word = accepted->word[0];

    (void)backend;
    return ((word >> F_CTRL_RX & 0x3fu) == 0 || (word >> F_CTRL_VQ & 1u) != 0) &&
           ((word >> F_GUEST_TSO4 & 0xfu) == 0 || (word >> F_GUEST_CSUM & 1u) != 0) &&
           ((word >> (F_GUEST_TSO4 + 4u) & 0xfu) == 0 || (word >> F_CSUM & 1u) != 0);
}

/* All bytes of an address are equal, so one that was read while it changed shows itself. The link changes too. */
static void change_configuration(void *backend)
{
    struct mock_net *net = backend;
    uint64_t next = (mock_config_get(&net->device->config, MOCK_NET_MAC, 1) + 2u) & 0xfeu;

    for (unsigned i = 0; i < 6; i++) {
        mock_config_set(&net->device->config, MOCK_NET_MAC + i, 1, next);
    }
    mock_config_set(&net->device->config, MOCK_NET_STATUS, 2,
                    mock_config_get(&net->device->config, MOCK_NET_STATUS, 2) ^ MOCK_NET_LINK_UP);
}

void mock_net_set_status(struct mock_net *net, uint16_t status)
{
    mock_config_set(&net->device->config, MOCK_NET_STATUS, 2, status);
    mock_device_configuration_changed(net->device);
}

static void offer_all(const struct mock_net *net)
{
    struct vpt_features *offered = &net->device->offered;
    const struct mock_net_options *options = &net->options;

    /* With segmentation, as most devices. */
    for (unsigned feature = F_CSUM; feature <= F_CTRL_MAC_ADDR; feature++) {
        bool offer = feature != 4u && feature != 6u && feature != F_CTRL_GUEST_OFFLOADS && feature != F_CTRL_VLAN &&
                     (feature != F_MTU || options->mtu != 0) && (feature != F_MQ || options->pairs != 0);

        if (offer && !vpt_features_has(&options->withhold, feature)) {
            vpt_features_add(offered, feature);
        }
    }
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_net *net = backend;
    static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    const struct mock_net_options options = net->options;
    struct mock_config *config = &device->config;

    memset(net, 0, sizeof(*net));
    net->device = device;
    net->options = options;
    mock_config_init(config, MOCK_FIELDS(fields), device->legacy);
    for (unsigned i = 0; i < 6; i++) {
        mock_config_set(config, MOCK_NET_MAC + i, 1, mac[i]);
    }
    mock_config_set(config, MOCK_NET_STATUS, 2, MOCK_NET_LINK_UP);
    mock_config_set(config, MOCK_NET_PAIRS, 2, pairs_of(&options));
    mock_config_set(config, MOCK_NET_MTU, 2, options.mtu);
    memset(config->changed, 0, sizeof(config->changed));
    offer_all(net);
    reset(net);
}

/* Bits 0 to 23 but 4, and those of modern devices from 50 on. */
const struct mock_backend mock_net_backend = {
    .name = "net",
    .type = VPT_DEVICE_TYPE_NETWORK,
    .init = init,
    .count_queues = count_queues,
    .known = { { 0x00ffffef, UINT32_C(0xfffc0000) & ~(UINT32_C(1) << (58u - 32u)), 0, 0 } },
    .reset = reset,
    .features_valid = features_valid,
    .ready = ready,
    .handle = handle,
    .change_configuration = change_configuration,
};
