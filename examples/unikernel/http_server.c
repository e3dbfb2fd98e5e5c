/* SPDX-License-Identifier: MIT */
#include "http_server.h"

#include <lwip/sys.h>
#include <lwip/tcp.h>

#include "http_connection.h"

#define PORT        80u
#define CONNECTIONS 64u

#define POLLS 2u /* of lwIP's half seconds, until a limit is looked at */

static struct connection connections[CONNECTIONS];
static const struct web *web;

struct http_server_counters http_server_counters;

/* What the callback that has dealt with the connection returns. */
static err_t result(struct connection *connection)
{
    err_t error = connection->aborted ? ERR_ABRT : ERR_OK;

    connection->aborted = false;
    return error;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    struct connection *connection = arg;

    (void)error;
    if (data == NULL) {
        connection_take_end(connection);
        return result(connection);
    }
    if (!connection_take(connection, data)) {
        return ERR_MEM; /* lwIP keeps it, and offers it again */
    }
    tcp_recved(pcb, data->tot_len);
    (void)pbuf_free(data);
    connection_continue(connection);
    return result(connection);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t size)
{
    (void)pcb;
    (void)size;
    connection_continue(arg);
    return result(arg);
}

static err_t polled(void *arg, struct tcp_pcb *pcb)
{
    struct connection *connection = arg;

    (void)pcb;
    connection_look_at_limit(connection);
    if (!connection->aborted) {
        connection_continue(connection);
    }
    return result(connection);
}

/* lwIP has freed the PCB. */
static void failed(void *arg, err_t error)
{
    struct connection *connection = arg;

    (void)error;
    connection->state = CONNECTION_FREE;
}

/* Returns a free connection, or makes the one free that waits for its client and has the least time left. */
static struct connection *find_room(void)
{
    struct connection *found = NULL;

    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &connections[i];

        if (connection->state == CONNECTION_FREE) {
            return connection;
        }
        if (connection->state != CONNECTION_WRITING &&
            (found == NULL || (s32_t)(connection->limit - found->limit) < 0)) {
            found = connection;
        }
    }
    if (found != NULL) {
        connection_abandon(found);
    }
    return found;
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
    struct connection *connection;

    (void)arg;
    if (error != ERR_OK || pcb == NULL) {
        return ERR_VAL;
    }
    connection = find_room();
    if (connection == NULL) {
        http_server_counters.dropped++;
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    http_server_counters.connections++;
    connection->web = web;
    connection_begin(connection, pcb);
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, connection);
    tcp_recv(pcb, received);
    tcp_sent(pcb, sent);
    tcp_poll(pcb, polled, POLLS);
    tcp_err(pcb, failed);
    return ERR_OK;
}

bool http_server_init(const struct web *new_web)
{
    struct tcp_pcb *pcb = tcp_new();
    struct tcp_pcb *listening;

    web = new_web;
    if (pcb == NULL || tcp_bind(pcb, IP_ANY_TYPE, PORT) != ERR_OK) {
        return false;
    }
    listening = tcp_listen(pcb);
    if (listening == NULL) {
        return false;
    }
    tcp_accept(listening, accepted);
    return true;
}
