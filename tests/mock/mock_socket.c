/* SPDX-License-Identifier: MIT */
#include "mock_socket.h"

#include <stdlib.h>

#include "mock_backend.h"

#define RECEIVE  0u /* queues */
#define TRANSMIT 1u
#define EVENTS   2u

#define TYPE_STREAM 1u
#define GUEST       3u
#define SHUT_BOTH   3u
#define SHUT_SEND   2u

static const struct mock_config_field fields[] = { { "guest_cid", 0, 8, MOCK_CONFIG_ALWAYS, false } };

static uint64_t guest(const struct mock_socket *socket)
{
    return mock_config_get(&socket->device->config, 0, 8);
}

/* ---- The header ---- */

static void store_header(uint8_t *bytes, const struct mock_socket_packet *packet)
{
    mock_store(bytes, 8, packet->source, false);
    mock_store(bytes + 8, 8, packet->target, false);
    mock_store(bytes + 16, 4, packet->source_port, false);
    mock_store(bytes + 20, 4, packet->target_port, false);
    mock_store(bytes + 24, 4, packet->length, false);
    mock_store(bytes + 28, 2, packet->type, false);
    mock_store(bytes + 30, 2, packet->operation, false);
    mock_store(bytes + 32, 4, packet->flags, false);
    mock_store(bytes + 36, 4, packet->size, false);
    mock_store(bytes + 40, 4, packet->forwarded, false);
}

static void load_header(const uint8_t *bytes, struct mock_socket_packet *packet)
{
    packet->source = mock_load(bytes, 8, false);
    packet->target = mock_load(bytes + 8, 8, false);
    packet->source_port = (uint32_t)mock_load(bytes + 16, 4, false);
    packet->target_port = (uint32_t)mock_load(bytes + 20, 4, false);
    packet->length = (uint32_t)mock_load(bytes + 24, 4, false);
    packet->type = (uint16_t)mock_load(bytes + 28, 2, false);
    packet->operation = (uint16_t)mock_load(bytes + 30, 2, false);
    packet->flags = (uint32_t)mock_load(bytes + 32, 4, false);
    packet->size = (uint32_t)mock_load(bytes + 36, 4, false);
    packet->forwarded = (uint32_t)mock_load(bytes + 40, 4, false);
}

/* ---- What is known of a pair of ends ---- */

struct mock_socket_flow *mock_socket_flow(struct mock_socket *socket, uint32_t port, uint64_t peer, uint32_t peer_port)
{
    for (unsigned i = 0; i < MOCK_SOCKET_FLOWS; i++) {
        struct mock_socket_flow *flow = &socket->flows[i];

        if (flow->used && flow->port == port && flow->peer == peer && flow->peer_port == peer_port) {
            return flow;
        }
    }
    return NULL;
}

static void begin_flow(struct mock_socket *socket, uint32_t port, uint64_t peer, uint32_t peer_port)
{
    unsigned i = 0;

    while (i < MOCK_SOCKET_FLOWS && socket->flows[i].used) {
        i++;
    }
    if (i < MOCK_SOCKET_FLOWS && mock_socket_flow(socket, port, peer, peer_port) == NULL) {
        socket->flows[i] =
            (struct mock_socket_flow){ .used = true, .peer = peer, .peer_port = peer_port, .port = port };
    }
}

/* ---- To the driver ---- */

bool mock_socket_receive(struct mock_socket *socket, const struct mock_socket_packet *packet, const void *bytes)
{
    struct mock_socket_waiting *waiting = &socket->waiting[socket->waiting_count];

    if (socket->waiting_count == MOCK_SOCKET_WAITING) {
        return false;
    }
    *waiting = (struct mock_socket_waiting){ *packet, malloc((size_t)packet->length + 1u), 0 };
    if (packet->length != 0) {
        memcpy(waiting->bytes, bytes, packet->length);
    }
    socket->waiting_count++;
    mock_device_wake(socket->device, RECEIVE);
    return true;
}

void mock_socket_happens(struct mock_socket *socket, uint32_t event, uint64_t cid)
{
    if (event == 0) {
        mock_config_set(&socket->device->config, 0, 8, cid);
        memset(socket->flows, 0, sizeof(socket->flows));
    }
    socket->events[socket->event_count++] = event;
    mock_device_wake(socket->device, EVENTS);
}

void mock_socket_listen(struct mock_socket *socket)
{
    socket->deaf = false;
    mock_device_wake(socket->device, TRANSMIT);
}

static void drop_first(struct mock_socket *socket)
{
    free(socket->waiting[0].bytes);
    socket->waiting_count--;
    memmove(&socket->waiting[0], &socket->waiting[1], socket->waiting_count * sizeof(socket->waiting[0]));
}

/* A payload that does not fit the buffer goes on in the next one, in a packet of its own. */
static uint32_t give_packet(struct mock_socket *socket, const struct mock_element *element)
{
    static uint8_t bytes[MOCK_SOCKET_HEADER + MOCK_SOCKET_PAYLOAD];
    struct mock_socket_waiting *waiting = &socket->waiting[0];
    struct mock_socket_packet packet = waiting->packet;
    struct mock_socket_flow *flow = mock_socket_flow(socket, packet.target_port, packet.source, packet.source_port);
    uint32_t part = packet.length - waiting->given;
    size_t written;

    if (!require(socket, element->readable == 0 && element->writable_bytes > MOCK_SOCKET_HEADER,
                 "not a buffer for a packet (D-VSOCK-1)")) {
        return 0;
    }
    if (packet.operation == MOCK_SOCKET_RW) {
        uint64_t most = element->writable_bytes - MOCK_SOCKET_HEADER;

        most = socket->most != 0 && socket->most < most ? socket->most : most;
        part = part < most ? part : (uint32_t)most;
        packet.length = part;
    }
    store_header(bytes, &packet);
    memcpy(bytes + MOCK_SOCKET_HEADER, waiting->bytes + waiting->given, part);
    written = mock_element_write(socket->device, element, 0, bytes, MOCK_SOCKET_HEADER + part);
    waiting->given += part;
    if (packet.operation == MOCK_SOCKET_REQUEST) {
        begin_flow(socket, packet.target_port, packet.source, packet.source_port);
    } else if (flow != NULL) {
        flow->received += packet.operation == MOCK_SOCKET_RW ? part : 0;
        flow->size = packet.size;
        flow->forwarded = packet.forwarded;
        flow->used = packet.operation != MOCK_SOCKET_RST;
    }
    flow = mock_socket_flow(socket, packet.target_port, packet.source, packet.source_port);
    if (flow != NULL) {
        flow->size = packet.size;
    }
    if (waiting->given >= waiting->packet.length) {
        drop_first(socket);
    }
    return (uint32_t)(socket->longer ? element->writable_bytes : written);
}

static uint32_t give_event(struct mock_socket *socket, const struct mock_element *element)
{
    uint8_t bytes[4];

    require(socket, element->readable == 0 && element->writable_bytes >= sizeof(bytes), "not a buffer for an event");
    mock_store(bytes, 4, socket->events[0], false);
    socket->event_count--;
    memmove(&socket->events[0], &socket->events[1], socket->event_count * sizeof(socket->events[0]));
    return (uint32_t)mock_element_write(socket->device, element, 0, bytes, sizeof(bytes));
}

/* ---- From the driver ---- */

/* What holds of each packet. */
static bool well_formed(struct mock_socket *socket, const struct mock_socket_packet *packet)
{
    bool reset = packet->operation == MOCK_SOCKET_RST;

    require(socket, packet->source == guest(socket), "a packet of somebody else (VSOCK-TX-1)");
    require(socket, packet->target >> 32 == 0, "the upper half of an address is not 0");
    require(socket, packet->type == TYPE_STREAM || reset, "not a stream (VSOCK-FEAT-2)");
    require(socket, packet->flags == 0 || packet->operation == MOCK_SOCKET_SHUTDOWN, "flags without a meaning");
    require(socket, packet->length == 0 || packet->operation == MOCK_SOCKET_RW, "a payload that is not one");
    require(socket, packet->flags <= SHUT_BOTH && (packet->flags != 0 || packet->operation != MOCK_SOCKET_SHUTDOWN),
            "nothing is shut down, or something unknown (D-VSOCK-11)");
    return require(socket, packet->operation >= MOCK_SOCKET_REQUEST && packet->operation <= MOCK_SOCKET_CREDIT_REQUEST,
                   "an unknown operation (D-VSOCK-4)");
}

/* What holds of a packet after those before it. An RST may be for a peer that has no connection. */
static void follow(struct mock_socket *socket, const struct mock_socket_packet *packet)
{
    struct mock_socket_flow *flow;
    uint32_t room;

    if (packet->operation == MOCK_SOCKET_REQUEST) {
        require(socket, mock_socket_flow(socket, packet->source_port, packet->target, packet->target_port) == NULL,
                "a connection between two ends that have one (D-VSOCK-12)");
        begin_flow(socket, packet->source_port, packet->target, packet->target_port);
    }
    flow = mock_socket_flow(socket, packet->source_port, packet->target, packet->target_port);
    if (flow == NULL || packet->operation == MOCK_SOCKET_RST) { /* the driver may not know yet that it has ended */
        if (flow != NULL) {
            flow->used = false;
        }
        return;
    }
    room = flow->size - (flow->sent - flow->forwarded);
    require(socket, packet->length == 0 || socket->trusting || (packet->length <= room && room <= flow->size),
            "more than the peer has room for (VSOCK-CREDIT-1)");
    require(socket, flow->received - packet->forwarded <= packet->size || socket->trusting,
            "counters that are not this connection's (VSOCK-CREDIT-2)");
    require(socket, packet->operation != MOCK_SOCKET_RW || !flow->shut, "a payload after the end (D-VSOCK-11)");
    flow->sent += packet->length;
    flow->shut = flow->shut || (packet->flags & SHUT_SEND) != 0;
}

static void take_packet(struct mock_socket *socket, const struct mock_element *element)
{
    static uint8_t bytes[MOCK_SOCKET_HEADER + MOCK_SOCKET_PAYLOAD];
    struct mock_socket_packet packet;
    size_t size = mock_element_read(socket->device, element, 0, bytes, sizeof(bytes));

    if (!require(socket, element->writable == 0 && size >= MOCK_SOCKET_HEADER, "not a packet (D-VSOCK-3)")) {
        return;
    }
    load_header(bytes, &packet);
    if (!require(socket, packet.length <= size - MOCK_SOCKET_HEADER, "a payload that is not all there") ||
        !well_formed(socket, &packet)) {
        return;
    }
    follow(socket, &packet);
    socket->log[socket->log_count++ % MOCK_SOCKET_LOG] = packet;
    memcpy(socket->last, bytes + MOCK_SOCKET_HEADER, packet.length);
    if (socket->passes_on != NULL) {
        socket->passes_on(socket->passes_on_ctx, &packet, bytes + MOCK_SOCKET_HEADER);
    }
}

/* ---- The device ---- */

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    if (queue->index == RECEIVE) {
        return give_packet(backend, element);
    }
    if (queue->index == EVENTS) {
        return give_event(backend, element);
    }
    take_packet(backend, element);
    return 0;
}

static bool ready(void *backend, const struct mock_queue *queue)
{
    const struct mock_socket *socket = backend;

    return queue->index == RECEIVE  ? socket->waiting_count != 0
           : queue->index == EVENTS ? socket->event_count != 0
                                    : !socket->deaf;
}

static void reset(void *backend)
{
    struct mock_socket *socket = backend;

    while (socket->waiting_count != 0) {
        drop_first(socket);
    }
    socket->event_count = 0;
    memset(socket->flows, 0, sizeof(socket->flows));
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_socket *socket = backend;
    socket->device = device;
    mock_config_init(&device->config, MOCK_FIELDS(fields), device->legacy);
    mock_config_set(&device->config, 0, 8, socket->cid != 0 ? socket->cid : GUEST);
}

const struct mock_backend mock_socket_backend = {
    .name = "socket",
    .type = VPT_DEVICE_TYPE_SOCKET,
    .init = init,
    .queues = MOCK_SOCKET_QUEUES,
    .known = { { 7u } }, /* STREAM, SEQPACKET, NO_IMPLIED_STREAM */
    .in_order = true,
    .reset = reset,
    .handle = handle,
    .ready = ready,
    .changes = { { 0, 4, GUEST, 1, 0 },
                 { 4, 4, GUEST, 1, 0 } }, /* no guest can have such an address, but only so it changes as a whole */
};
