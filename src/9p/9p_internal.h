/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_9P_INTERNAL_H
#define VPT_SRC_9P_INTERNAL_H

#include <vpt/9p.h>

#include "../access.h"
#include "../request/slots.h"

/* Where a header has the type and the tag (D-9P-5). */
#define P9_AT_TYPE 4u
#define P9_AT_TAG  5u

/* Types of messages. */
#define P9_RLERROR 7u
#define P9_GETATTR 24u
#define P9_READDIR 40u
#define P9_VERSION 100u
#define P9_ATTACH  104u
#define P9_FLUSH   108u
#define P9_WALK    110u
#define P9_READ    116u
#define P9_WRITE   118u

#define P9_NO_TAG 0xffffu
#define P9_NO_FID 0xffffffffu

#define P9_QID 13u /* bytes: type (1), version (4), path (8) */

/* What an unfinished message needs beside its data, in either direction, as Linux counts and QEMU wants it. */
#define P9_OVERHEAD 24u

/* Fields are little-endian, wherever they are (D-9P-5). */
uint64_t vpt_9p_get(const uint8_t *at, uint32_t width);
void vpt_9p_put(uint8_t *at, uint32_t width, uint64_t value);

/* A message from its first field to its reply. The first failure ends it: nothing is done after that. */
struct p9_call {
    struct vpt_9p *p9;
    uint8_t *slot;
    enum vpt_status status;
    struct vpt_9p_message message;
    struct vpt_completion completion;
    uint32_t size;                   /* of the reply */
    uint32_t first;                  /* the first four bytes behind the reply's header */
    uint8_t reply[VPT_9P_REPLY_MAX]; /* copied before it is checked, since the device may change its own */
};

/* Begins a message, in a session unless it is the one that begins one. The queue is idle. */
void vpt_9p_begin(struct p9_call *call, struct vpt_9p *p9, uint8_t type);

void vpt_9p_add(struct p9_call *call, uint32_t width, uint64_t value);

/* Adds the length of a string (2 bytes), and its bytes. */
void vpt_9p_add_bytes(struct p9_call *call, const char *bytes, size_t length);
void vpt_9p_add_string(struct p9_call *call, const char *string);

/*
 * Sends the message and waits for its reply, which is to have `size` bytes; 0: any. Returns the status, which is
 * VPT_DEVICE_STUCK as long as the data is the device's.
 */
enum vpt_status vpt_9p_finish(struct p9_call *call, uint32_t size);

#endif
