/* SPDX-License-Identifier: MIT */
/*
 * HTTP over lwIP's TCP. Connections have static memory, and each wait for a client is limited: what a client sends, or
 * does not send, harms no other.
 */
#ifndef UNIKERNEL_HTTP_SERVER_H
#define UNIKERNEL_HTTP_SERVER_H

#include "web.h"

struct http_server_counters {
    uint64_t requests;
    uint64_t connections;
    uint64_t dropped; /* connections that ran out of time, or had to make room for others */
};

/* Listens on port 80. Call once, after network_init(). False: lwIP has no memory for that. */
bool http_server_init(const struct web *web);

extern struct http_server_counters http_server_counters;

#endif
