/* SPDX-License-Identifier: MIT */
/* One connection of the HTTP server: requests come in, answers go out, and each of its waits has an end. */
#ifndef UNIKERNEL_HTTP_CONNECTION_H
#define UNIKERNEL_HTTP_CONNECTION_H

#include <lwip/tcp.h>

#include "http_server.h"

/* A whole request, and what may come behind it before lwIP's window is full. */
#define CONNECTION_INPUT_MAX (HTTP_HEAD_MAX + HTTP_BODY_MAX + TCP_WND)
#define CONNECTION_HEAD_MAX  512u

enum connection_state {
    CONNECTION_FREE,
    CONNECTION_READING, /* a request */
    CONNECTION_WRITING, /* an answer */
    CONNECTION_ENDING   /* all is sent; what still comes is thrown away, so that the client can read the answer */
};

/* The creator zeroes it, and sets `web`. */
struct connection {
    enum connection_state state;
    const struct web *web;
    struct tcp_pcb *pcb;
    u32_t limit;  /* the time at which the connection is given up */
    bool aborted; /* since lwIP's last callback, which must say so */
    bool keep;    /* there may be another request after this answer */
    bool told;    /* "100 Continue" was sent for this request */
    bool at_end;  /* the client sends nothing more */
    size_t input_size;
    size_t searched; /* bytes of the input in which the end of a head was looked for */
    size_t written;  /* of head and body together */
    size_t body_size;
    struct reply head;
    struct reply body;
    char input[CONNECTION_INPUT_MAX];
    char head_bytes[CONNECTION_HEAD_MAX];
    char body_bytes[WEB_REPLY_MAX];
};

/* Begins with a new PCB. */
void connection_begin(struct connection *connection, struct tcp_pcb *pcb);

/* Takes what has come. False: there is no room now. */
bool connection_take(struct connection *connection, const struct pbuf *data);

/* The client sends nothing more. */
void connection_take_end(struct connection *connection);

/* Goes on with what waits for lwIP's memory, or for the client. */
void connection_continue(struct connection *connection);

/* Does what is to be done if the limit is over. */
void connection_look_at_limit(struct connection *connection);

/* Ends it at once. The connection is free then. */
void connection_abandon(struct connection *connection);

#endif
