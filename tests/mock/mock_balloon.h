/* SPDX-License-Identifier: MIT */
/*
 * The simulated memory balloon (VirtIO 1.4, section 5.5). It remembers which pages it was given, and complains of one
 * that comes twice or that is taken back without having been given. It does not touch inflated pages; what is reported
 * as free it fills with zeroes.
 */
#ifndef VPT_TESTS_MOCK_BALLOON_H
#define VPT_TESTS_MOCK_BALLOON_H

#include "mock_device.h"

#define MOCK_BALLOON_QUEUES     5u
#define MOCK_BALLOON_PAGES      8192u
#define MOCK_BALLOON_STATISTICS 16u

enum mock_balloon_queue {
    MOCK_BALLOON_INFLATE,
    MOCK_BALLOON_DEFLATE,
    MOCK_BALLOON_STATISTICS_QUEUE,
    MOCK_BALLOON_HINTS,
    MOCK_BALLOON_REPORTING
};

/* Offsets in the configuration. */
enum mock_balloon_field {
    MOCK_BALLOON_TARGET = 0,
    MOCK_BALLOON_ACTUAL = 4,
    MOCK_BALLOON_HINT_ID = 8,
    MOCK_BALLOON_POISON = 12
};

struct mock_balloon_options {
    uint32_t features;   /* to offer: bit n is feature n of the type */
    bool counts_offered; /* numbers its queues as QEMU does: one that is not offered has no number */
    uint32_t target;
};

struct mock_balloon_statistic {
    uint16_t tag;
    uint64_t value;
};

struct mock_balloon {
    struct mock_device *device;
    struct mock_balloon_options options; /* set before the machine is made */
    bool asked;                          /* for statistics: the buffer that it has goes back */

    /* Since the last reset. */
    bool consumed; /* the buffer of statistics that it has was read */
    uint32_t statistics_buffers;

    /* Since the device was made. The pages outlast a reset. */
    uint32_t pages[MOCK_BALLOON_PAGES]; /* in the balloon, in the order in which they came */
    uint32_t page_count;
    uint32_t requests; /* for pages */
    uint32_t actual_writes;
    struct mock_balloon_statistic statistics[MOCK_BALLOON_STATISTICS]; /* the last ones */
    uint32_t statistic_count;
    uint32_t reports;
    uint32_t reported_pieces;
    uint64_t reported_bytes;
};

/* The backend, for mock_device_init(); its context is a struct mock_balloon. */
extern const struct mock_backend mock_balloon_backend;

/* ---- For tests ---- */

/* The host wants another number of pages in the balloon, and says so. */
void mock_balloon_want(struct mock_balloon *balloon, uint32_t pages);

/* Asks for statistics. */
void mock_balloon_ask(struct mock_balloon *balloon);

#endif
