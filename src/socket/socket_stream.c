/* SPDX-License-Identifier: MIT */
/* Streams between two ends, with credit for each (VirtIO 1.4, sections 5.10.6.1 to 5.10.6.5). */
#include "socket_internal.h"

#define BUFFER_MOST    0x80000000u
#define PORT_FIRST     0x80000000u /* of those that connections from here get */
#define PORT_MASK      0x3fffffffu
#define OWED(number)   (1u << (number))
#define ENOUGH(buffer) ((buffer) >> 2) /* bytes that a reader may have taken without a word to the peer */

/* ---- The list of connections ---- */

/* Returns whether packets for this object may still come or go. */
static bool is_live(const struct vpt_socket_connection *connection)
{
    return connection->state != VPT_SOCKET_ENDING || connection->owed != 0;
}

/* Returns the connection between these ends (D-VSOCK-6), or NULL; or a listener, whose peer is 0 and 0. */
static struct vpt_socket_connection *find(const struct vpt_socket *socket, uint32_t local_port, uint32_t cid,
                                          uint32_t port)
{
    struct vpt_socket_connection *connection = socket->first;

    while (connection != NULL && !(connection->local_port == local_port && connection->port == port &&
                                   connection->cid == cid && is_live(connection))) {
        connection = connection->next;
    }
    return connection;
}

/* Begins to use an object. */
static enum vpt_status begin(struct vpt_socket *socket, struct vpt_socket_connection *connection,
                             enum vpt_socket_state state, void *buffer, size_t size)
{
    if (socket == NULL || connection == NULL || buffer == NULL || size == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (socket->driver.device == NULL || connection->state != VPT_SOCKET_CLOSED) {
        return VPT_CALLER_STATE;
    }
    vpt_zero(connection, sizeof(*connection));
    connection->state = state;
    connection->socket = socket;
    connection->next = socket->first;
    connection->buffer = (uint8_t *)buffer;
    connection->size = size < BUFFER_MOST ? (uint32_t)size : BUFFER_MOST;
    return VPT_OK;
}

/* A connection has ended; `tell`: the peer is to know. */
VPT_OUT_OF_LINE void end(struct vpt_socket_connection *connection, enum vpt_status status, bool tell)
{
    connection->state = VPT_SOCKET_ENDING;
    connection->status = status;
    connection->events |= VPT_SOCKET_ENDED;
    connection->owed = tell ? OWED(SOCKET_RST) : 0;
    connection->blocked = false;
}

/* Ends all connections, but not the listeners, without a word to the peers. */
static void end_all(struct vpt_socket *socket)
{
    struct vpt_socket_connection *connection;

    socket->refusal_count = 0;
    for (connection = socket->first; connection != NULL; connection = connection->next) {
        if (connection->state == VPT_SOCKET_CONNECTING || connection->state == VPT_SOCKET_OPEN) {
            end(connection, VPT_CANCELLED, false);
        }
        connection->owed = 0;
    }
}

/* ---- Sending ---- */

/*
 * Returns how many bytes the peer has room for (D-VSOCK-7). The counters wrap; what is under way is never more than was
 * sent. A peer that has made its buffer smaller has no room until it has read.
 */
static uint32_t credit(const struct vpt_socket_connection *connection)
{
    uint32_t under_way = connection->sent - connection->peer_forwarded;

    return under_way < connection->peer_size ? connection->peer_size - under_way : 0;
}

/* Each packet tells the peer how much room there is (VSOCK-CREDIT-2). */
static enum vpt_status transmit(struct vpt_socket_connection *connection, uint32_t operation, const uint8_t *bytes,
                                uint32_t length)
{
    struct socket_packet packet = { .target = connection->cid,
                                    .source_port = connection->local_port,
                                    .target_port = connection->port,
                                    .length = length,
                                    .kind = SOCKET_KIND(operation),
                                    .flags = operation == SOCKET_SHUTDOWN ? connection->shut : 0,
                                    .size = connection->size,
                                    .forwarded = connection->forwarded };
    enum vpt_status status = vpt_socket_submit(connection->socket, &packet, bytes);

    if (status == VPT_OK) {
        connection->sent += length; /* D-VSOCK-8 */
        connection->told = connection->forwarded;
    }
    return status;
}

/* Sends what is owed, in the order of the operations. VPT_OK: nothing is owed any more. */
static enum vpt_status pay(struct vpt_socket_connection *connection)
{
    enum vpt_status status = VPT_OK;
    uint32_t operation;

    for (operation = SOCKET_REQUEST; connection->owed != 0 && status == VPT_OK; operation++) {
        if ((connection->owed & OWED(operation)) != 0) {
            status = transmit(connection, operation, NULL, 0);
            connection->owed ^= status == VPT_OK ? OWED(operation) : 0;
        }
    }
    return status;
}

/* Sends what is owed by a call, and shows it to the device. What does not go now goes from vpt_socket_poll(). */
VPT_OUT_OF_LINE enum vpt_status pay_now(struct vpt_socket_connection *connection)
{
    (void)pay(connection);
    (void)vpt_requests_kick(&connection->socket->transmit);
    return VPT_OK;
}

/* Sends what is owed to everybody, as far as there is room. Returns why nothing can be sent any more, or VPT_OK. */
static enum vpt_status pay_all(struct vpt_socket *socket)
{
    struct vpt_socket_connection *connection = socket->first;
    enum vpt_status status = VPT_OK;

    while (socket->refusal_count != 0 && status == VPT_OK) {
        const struct vpt_socket_refusal *refusal = &socket->refusals[socket->refusal_count - 1u];
        struct socket_packet packet = { .target = refusal->cid,
                                        .source_port = refusal->local_port,
                                        .target_port = refusal->port,
                                        .kind = SOCKET_RST << 16 | refusal->type };

        status = vpt_socket_submit(socket, &packet, NULL);
        socket->refusal_count -= status == VPT_OK ? 1u : 0u;
    }
    for (; connection != NULL && status == VPT_OK; connection = connection->next) {
        status = pay(connection);
    }
    return vpt_requests_kick(&socket->transmit);
}

enum vpt_status vpt_socket_send(struct vpt_socket_connection *connection, const void *bytes, size_t size, size_t *sent)
{
    const uint8_t *next = (const uint8_t *)bytes;
    enum vpt_status status;

    if (connection == NULL || bytes == NULL || sent == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *sent = 0;
    if (connection->state != VPT_SOCKET_OPEN ||
        ((connection->shut & VPT_SOCKET_SEND) | (connection->peer_shut & VPT_SOCKET_RECEIVE)) != 0) {
        return VPT_CALLER_STATE;
    }
    status = pay(connection);
    while (*sent < size && status == VPT_OK) {
        uint32_t part = credit(connection); /* VSOCK-CREDIT-1 */

        part = part < SOCKET_PAYLOAD ? part : SOCKET_PAYLOAD;
        part = size - *sent < part ? (uint32_t)(size - *sent) : part;
        status = part != 0 ? transmit(connection, SOCKET_RW, next + *sent, part) : VPT_RESOURCE_FULL;
        *sent += status == VPT_OK ? part : 0;
    }
    connection->blocked = status == VPT_RESOURCE_FULL;
    if (connection->blocked && credit(connection) == 0 && !connection->asked) {
        connection->asked = true;
        connection->owed |= OWED(SOCKET_CREDIT_REQUEST);
    }
    (void)pay_now(connection);
    return status;
}

/* ---- Receiving ---- */

/* A packet without a connection is answered by RST, but no RST is (VSOCK-RX-1, D-VSOCK-10). There is room. */
static void refuse(struct vpt_socket *socket, const struct socket_packet *packet)
{
    struct vpt_socket_refusal *refusal = &socket->refusals[socket->refusal_count];

    refusal->cid = packet->source;
    refusal->port = packet->source_port;
    refusal->local_port = packet->target_port;
    refusal->type = SOCKET_TYPE(packet->kind);
    socket->refusal_count += SOCKET_OPERATION(packet->kind) != SOCKET_RST ? 1u : 0u;
}

/*
 * Takes over what the peer says of its buffer. It cannot have taken out more than was under way; a count that says so
 * is of an earlier moment, or a lie, and is not used.
 */
static void take_credit(struct vpt_socket_connection *connection, const struct socket_packet *packet)
{
    connection->peer_size = packet->size;
    if (connection->sent - packet->forwarded <= connection->sent - connection->peer_forwarded) {
        connection->peer_forwarded = packet->forwarded;
    }
    connection->asked = false;
}

/* Copies a payload to the buffer, in one piece or two. Returns false if there is no room. */
static bool store(struct vpt_socket_connection *connection, const uint8_t *payload, uint32_t length)
{
    uint32_t at = connection->begin + connection->available;
    uint32_t part;

    if (length > connection->size - connection->available) {
        return false;
    }
    at -= at >= connection->size ? connection->size : 0;
    part = connection->size - at;
    part = length < part ? length : part;
    vpt_slots_copy_out(connection->buffer + at, payload, part);
    vpt_slots_copy_out(connection->buffer, payload + part, length - part);
    connection->available += length;
    connection->events |= length != 0 ? VPT_SOCKET_RECEIVED : 0;
    return true;
}

/* Works on a packet of a connection that is open. Returns false if the peer has broken a rule. */
static bool converse(struct vpt_socket_connection *connection, const struct socket_packet *packet,
                     const uint8_t *payload)
{
    switch (SOCKET_OPERATION(packet->kind)) {
    case SOCKET_SHUTDOWN: /* D-VSOCK-11 */
        connection->peer_shut |= packet->flags & SOCKET_BOTH;
        connection->events |= VPT_SOCKET_SHUT;
        if (connection->peer_shut == SOCKET_BOTH) {
            end(connection, VPT_OK, true); /* D-VSOCK-12 */
        }
        return true;
    case SOCKET_RW: return store(connection, payload, packet->length);
    case SOCKET_CREDIT_REQUEST: connection->owed |= OWED(SOCKET_CREDIT_UPDATE); return true; /* D-VSOCK-9 */
    default: return packet->kind == SOCKET_KIND(SOCKET_CREDIT_UPDATE);
    }
}

/* Returns how a connection has ended whose peer resets it: well, if nothing could be sent any more either way. */
static enum vpt_status reset_status(const struct vpt_socket_connection *connection)
{
    uint32_t peer = connection->peer_shut;
    uint32_t over = connection->shut | ((peer & VPT_SOCKET_SEND) != 0 ? VPT_SOCKET_RECEIVE : 0u) |
                    ((peer & VPT_SOCKET_RECEIVE) != 0 ? VPT_SOCKET_SEND : 0u);

    return over == SOCKET_BOTH ? VPT_OK : VPT_DEVICE_IO_ERROR;
}

/* Works on a packet of a connection, or on a request for a listener. */
static void take_in(struct vpt_socket_connection *connection, const struct socket_packet *packet,
                    const uint8_t *payload)
{
    enum vpt_socket_state state = connection->state;

    if (state == VPT_SOCKET_ENDING) { /* the RST that is owed answers this */
        return;
    }
    take_credit(connection, packet);
    if (packet->kind == SOCKET_KIND(SOCKET_RST)) {
        end(connection, reset_status(connection), false);
    } else if (state == VPT_SOCKET_OPEN
                   ? !converse(connection, packet, payload)
                   : state == VPT_SOCKET_CONNECTING && packet->kind != SOCKET_KIND(SOCKET_RESPONSE)) {
        end(connection, VPT_DEVICE_REQUEST_STATUS, true);
    } else if (state != VPT_SOCKET_OPEN) {
        connection->cid = packet->source;
        connection->port = packet->source_port;
        connection->owed = state == VPT_SOCKET_LISTENING ? OWED(SOCKET_RESPONSE) : 0;
        connection->state = VPT_SOCKET_OPEN;
        connection->events = VPT_SOCKET_CONNECTED;
    }
}

/* Finds whom a packet is for. */
static void deliver(struct vpt_socket *socket, const struct socket_packet *packet, const uint8_t *payload)
{
    const bool asks = packet->kind == SOCKET_KIND(SOCKET_REQUEST);
    struct vpt_socket_connection *connection = NULL;

    if (SOCKET_TYPE(packet->kind) == SOCKET_STREAM) {
        connection = find(socket, packet->target_port, packet->source, packet->source_port);
    }
    if (connection == NULL && asks) {
        connection = find(socket, packet->target_port, 0, 0);
    }
    if (connection != NULL && (asks || connection->state != VPT_SOCKET_LISTENING)) {
        take_in(connection, packet, payload);
    } else {
        refuse(socket, packet);
    }
}

/* Takes the next packet, if an answer to it can be remembered (VSOCK-FLOW-1). */
static enum vpt_status take_packet(struct vpt_socket *socket)
{
    const uint8_t *payload = NULL;
    struct socket_packet packet;
    enum vpt_status status;

    if (socket->refusal_count == VPT_SOCKET_REFUSALS) {
        return VPT_EMPTY;
    }
    status = vpt_socket_take(socket, &packet, &payload);
    if (status == VPT_OK && payload != NULL) {
        deliver(socket, &packet, payload);
    }
    return status;
}

enum vpt_status vpt_socket_receive(struct vpt_socket_connection *connection, void *buffer, size_t size, size_t *length)
{
    uint32_t count;
    uint32_t part;

    if (connection == NULL || buffer == NULL || length == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    count = size < connection->available ? (uint32_t)size : connection->available;
    *length = count;
    if (connection->available == 0) {
        return VPT_EMPTY;
    }
    part = connection->size - connection->begin;
    part = count < part ? count : part;
    vpt_copy(buffer, connection->buffer + connection->begin, part);
    vpt_copy((uint8_t *)buffer + part, connection->buffer, count - part);
    connection->begin = part == count ? connection->begin + part : count - part;
    connection->begin = connection->begin == connection->size ? 0 : connection->begin;
    connection->available -= count;
    connection->forwarded += count;
    if (connection->state != VPT_SOCKET_OPEN || connection->forwarded - connection->told <= ENOUGH(connection->size)) {
        return VPT_OK;
    }
    connection->owed |= OWED(SOCKET_CREDIT_UPDATE);
    return pay_now(connection);
}

/* ---- What the caller is told ---- */

/* Returns whether an event of a connection is to be told, which also is that there is room to send again. */
static bool has_news(struct vpt_socket_connection *connection)
{
    if (connection->blocked && credit(connection) != 0 && vpt_requests_free(&connection->socket->transmit) != 0) {
        connection->blocked = false;
        connection->events |= VPT_SOCKET_WRITABLE;
    }
    return connection->events != 0 && (connection->state != VPT_SOCKET_ENDING || connection->owed == 0);
}

static bool take_news(struct vpt_socket *socket, struct vpt_socket_event *event)
{
    struct vpt_socket_connection **link = &socket->first;
    struct vpt_socket_connection *connection;

    while (*link != NULL && !has_news(*link)) {
        link = &(*link)->next;
    }
    connection = *link;
    if (connection == NULL) {
        return false;
    }
    event->connection = connection;
    event->what = connection->events;
    connection->events = 0;
    if (connection->state == VPT_SOCKET_ENDING) {
        *link = connection->next;
        connection->state = VPT_SOCKET_CLOSED;
    }
    return true;
}

enum vpt_status vpt_socket_poll(struct vpt_socket *socket, struct vpt_socket_event *event)
{
    enum vpt_status stopped;
    enum vpt_status status;
    bool moved = false;

    if (socket == NULL || event == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_slots_take_back(&socket->transmit);
    status = vpt_socket_take_events(socket, &moved);
    if (moved) {
        end_all(socket); /* VSOCK-EVENT-3, VSOCK-EVENT-4 */
    }
    (void)pay_all(socket);
    while (!take_news(socket, event)) {
        if (status == VPT_OK) {
            status = take_packet(socket);
        }
        if (status != VPT_OK) {
            (void)vpt_receive_start(&socket->receive); /* the slots of what was taken */
            stopped = pay_all(socket);
            /* Those that wait for what is owed have to learn of this here. */
            return status == VPT_EMPTY && stopped != VPT_OK ? stopped : status;
        }
    }
    return VPT_OK;
}

/* ---- The beginning and the end ---- */

enum vpt_status vpt_socket_listen(struct vpt_socket *socket, struct vpt_socket_connection *connection, uint32_t port,
                                  void *buffer, size_t size)
{
    enum vpt_status status = begin(socket, connection, VPT_SOCKET_LISTENING, buffer, size);

    if (status == VPT_OK) {
        connection->local_port = port;
        socket->first = connection;
    }
    return status;
}

enum vpt_status vpt_socket_connect(struct vpt_socket *socket, struct vpt_socket_connection *connection, uint32_t cid,
                                   uint32_t port, void *buffer, size_t size)
{
    enum vpt_status status = begin(socket, connection, VPT_SOCKET_CONNECTING, buffer, size);

    if (status != VPT_OK) {
        return status;
    }
    connection->cid = cid;
    connection->port = port;
    do {
        connection->local_port = PORT_FIRST | (socket->ports & PORT_MASK);
        socket->ports++;
    } while (find(socket, connection->local_port, cid, port) != NULL); /* D-VSOCK-12 */
    connection->owed = OWED(SOCKET_REQUEST);
    socket->first = connection;
    return pay_now(connection);
}

enum vpt_status vpt_socket_shutdown(struct vpt_socket_connection *connection, uint32_t how)
{
    if (connection == NULL || how == 0 || (how & ~SOCKET_BOTH) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (connection->state != VPT_SOCKET_OPEN) {
        return VPT_CALLER_STATE;
    }
    connection->shut |= how;
    connection->owed |= OWED(SOCKET_SHUTDOWN);
    return pay_now(connection);
}

enum vpt_status vpt_socket_abort(struct vpt_socket_connection *connection)
{
    if (connection == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (connection->state == VPT_SOCKET_CLOSED || connection->state == VPT_SOCKET_ENDING) {
        return VPT_CALLER_STATE;
    }
    end(connection, VPT_CANCELLED, connection->state != VPT_SOCKET_LISTENING);
    return pay_now(connection);
}

enum vpt_status vpt_socket_drain(struct vpt_socket *socket)
{
    enum vpt_status status = socket != NULL ? vpt_driver_drain(&socket->driver) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        end_all(socket);
    }
    return status;
}
