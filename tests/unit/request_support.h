/* SPDX-License-Identifier: MIT */
/*
 * A driver of the test's own with one queue of requests, on the bench of support.h. One global object, since each test
 * is a process of its own.
 */
#ifndef VPT_TESTS_REQUEST_SUPPORT_H
#define VPT_TESTS_REQUEST_SUPPORT_H

#include "support.h"

#define SUBJECT_REQUESTS 16u
#define SUBJECT_SEGMENTS 6u /* data segments of a request at most */

struct tested {
    struct vpt_driver driver;
    struct vpt_requests requests;
    struct vpt_completion completion; /* the last one */

    /* What the kinds below are told to do. */
    enum vpt_status examined;
    enum vpt_status configured;
    unsigned configurations; /* calls of `configure` */
};

extern struct tested tested;

/* A driver of the bench's type, which wants F_WANTED and calls the two hooks. */
#define F_WANTED 6u
extern const struct vpt_driver_kind tested_driver;

/* A header, data, a reply behind it: the shape of a disk's requests. */
#define HEADER_SIZE 16u
extern const struct vpt_requests_kind framed;

/* Room for all that a test needs: 16 requests of 6 segments. */
extern const struct vpt_requests_config tested_config;

/* Bench and driver: the device is between negotiation and start. */
void tested_negotiate(const struct variant *variant, const struct mock_machine_options *options);

/* The same with the queue, and started. `config` NULL: tested_config. */
void tested_start(const struct variant *variant, const struct vpt_requests_kind *kind,
                  const struct vpt_requests_config *config);

/* Submits one writable segment at a place of the arena that belongs to the token. */
#define SUBJECT_LENGTH 32u
enum vpt_status tested_submit(uintptr_t token);

/* Takes one request that has come back; its token. */
uintptr_t tested_take(enum vpt_status status);

/* Polls until nothing comes back any more: each of `tokens` (a bit each) did once, with this status. */
void tested_assert_back(uint32_t tokens, enum vpt_status status);

/* One request after the other goes through the device. */
void tested_assert_works(void);

/* Resets, takes what is in flight, releases all and ends the machine, without a violation or a leak. */
void tested_end(void);

#endif
