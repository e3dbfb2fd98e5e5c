/* SPDX-License-Identifier: MIT */
/*
 * The simulated 9P transport, with a server of 9P2000.L behind it that has a few files in memory. VirtIO 1.4 does not
 * describe the device: it does what QEMU's does. It checks each message; the test makes files, and makes it lie.
 */
#ifndef VPT_TESTS_MOCK_9P_H
#define VPT_TESTS_MOCK_9P_H

#include "mock_message.h"

#define MOCK_9P_FIDS 16u
#define MOCK_9P_TAG  254u /* the configuration has no more */

struct mock_9p_fid {
    bool used;
    bool open;
    uint32_t fid;
    uint32_t node;
    uint32_t flags;
};

/* What the test says; it stays when the machine is made. */
struct mock_9p_options {
    bool no_tag;
    const char *tag;     /* NULL: "share" */
    uint16_t tag_length; /* what the configuration says; 0: the tag's */
    uint32_t msize;      /* the most that it accepts; 0: 65536 */
    const char *version; /* NULL: "9P2000.L" */
    uint32_t most;       /* bytes of a read or a write, or of a list; 0: as many as asked */
    uint32_t walk_most;  /* names of a walk that it finds; 0: all that there are */
    uint32_t list_cut;   /* bytes that a list lacks of its last entry */
    uint32_t walk_more;  /* names that it finds beyond those of a walk */
    struct mock_reply_lie lie;

    /* Messages of this type are not answered before a Tflush comes; 0: all are. */
    uint8_t held;
    bool held_answered; /* they are then carried out, else only given back */
    bool flush_unanswered;
};

struct mock_9p {
    struct mock_device *device;
    struct mock_9p_options options;
    struct mock_tree tree;

    /* Since the last reset. */
    uint32_t msize; /* 0: there is no session */
    bool released;  /* the message that is held may go, because a Tflush was before it */
    struct mock_9p_fid fids[MOCK_9P_FIDS];

    /* Since the device was made. */
    uint64_t messages;
    uint64_t flushes;
    uint32_t longest; /* reply */
    uint8_t last_type;
    uint16_t last_tag; /* of what was not a Tflush */
};

/* The backend, for mock_device_init(); its context is a struct mock_9p. */
extern const struct mock_backend mock_9p_backend;

/* ---- For tests ---- */

/* No files but an empty root, no options, no session. */
void mock_9p_clear(struct mock_9p *p9);

/* How many fids are in use. */
unsigned mock_9p_fids(const struct mock_9p *p9);

#endif
