/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 requests (RFC 9112), and the encodings of forms and JSON in them. Plain functions on bytes in memory. */
#ifndef UNIKERNEL_HTTP_H
#define UNIKERNEL_HTTP_H

#include <stdint.h>

#include "text.h"

#define HTTP_HEAD_MAX 8192u /* with the empty line that ends it */
#define HTTP_BODY_MAX 8192u /* a form with the longest key and value, each character in three, has less */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE };

/* The texts point into the bytes that were parsed. */
struct http_request {
    enum http_method method;
    struct text path;  /* still encoded */
    struct text query; /* still encoded, without the question mark */
    struct text body;  /* http_parse() sets its size alone */
    bool keep;         /* the connection may take another request */
    bool expects;      /* the client waits for "100 Continue" before it sends the body */
};

/*
 * Returns the size of the head that the bytes begin with, with the empty line that ends it; 0: its end has not come.
 * *searched, 0 at first, is where the next search begins, after more bytes have come.
 */
size_t http_head_size(struct text bytes, size_t *searched);

/* Parses a head. Returns 0, or the status code of the answer to a request that cannot be served. */
unsigned http_parse(struct text head, struct http_request *request);

/* The words of a status code. */
const char *http_reason(unsigned status);

/* A buffer for what is decoded. */
struct http_decoded {
    char *bytes;
    size_t size;
    size_t max;
};

/*
 * Appends the text with each %XX, and if `form` each plus sign, replaced. False: it is malformed or does not fit.
 */
bool http_decode(struct text text, bool form, struct http_decoded *decoded);

/* Appends the named field of a form. False: it is malformed or does not fit. *found says whether it is there. */
bool http_field(struct text form, const char *name, struct http_decoded *decoded, bool *found);

/* Appends the string of an object with one member, {"name":"string"}. False: it is another thing or does not fit. */
bool http_json_member(struct text json, const char *name, struct http_decoded *decoded);

#endif
