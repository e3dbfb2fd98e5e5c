/* SPDX-License-Identifier: MIT */
/*
 * The simulated file system device (VirtIO 1.4, section 5.11), with a server of FUSE 7.36 that has a few files
 * in memory. It checks each message, and what the driver takes and gives back; the test makes files, and makes it lie.
 */
#ifndef VPT_TESTS_MOCK_FS_H
#define VPT_TESTS_MOCK_FS_H

#include "mock_message.h"

#define MOCK_FS_QUEUES  2u
#define MOCK_FS_HANDLES 16u
#define MOCK_FS_TAG     36u

/* What the test says; it stays when the machine is made. */
struct mock_fs_options {
    const char *tag;    /* without a NUL if it is long; NULL: "share" */
    uint32_t major;     /* 0: 7 */
    uint32_t minor;     /* 0: 36 */
    uint32_t init_size; /* bytes of INIT's results; 0: 64 */
    uint32_t write_max; /* 0: 128 KiB */
    uint32_t pages_max; /* 0: 32; UINT32_MAX: it does not know of such a field */
    bool no_truncation; /* by OPEN */
    uint32_t most;      /* bytes of a read, a write or a list; 0: as many as asked */
    uint32_t list_cut;  /* bytes of a list's end that are left out */
    uint32_t held;      /* messages of this type are not completed; 0: all are */
    struct mock_reply_lie lie;
};

struct mock_fs_handle {
    bool used;
    uint32_t node;
    uint32_t flags;
};

struct mock_fs {
    struct mock_device *device;
    struct mock_fs_options options;
    struct mock_tree tree;

    /* Since the last reset. */
    bool session;
    uint32_t data_max;
    uint64_t lookups[MOCK_TREE_NODES]; /* that have not been taken back */
    struct mock_fs_handle handles[MOCK_FS_HANDLES];

    /* Since the device was made. */
    uint64_t messages;
    uint64_t forgets;
    uint32_t longest; /* data of a message */
};

/* The backend, for mock_device_init(); its context is a struct mock_fs. */
extern const struct mock_backend mock_fs_backend;

/* ---- For tests ---- */

/* No files but an empty root, no options, no session. */
void mock_fs_clear(struct mock_fs *fs);

/* How many files the driver has not forgotten, and how many it has open. */
uint64_t mock_fs_lookups(const struct mock_fs *fs);
unsigned mock_fs_handles(const struct mock_fs *fs);

#endif
