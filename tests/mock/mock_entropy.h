/* SPDX-License-Identifier: MIT */
/*
 * The simulated entropy device (VirtIO 1.4, section 5.4). Its bytes are a fixed sequence, so that a test can tell each
 * byte that the device gave from one that it did not.
 */
#ifndef VPT_TESTS_MOCK_ENTROPY_H
#define VPT_TESTS_MOCK_ENTROPY_H

#include "mock_device.h"

/* Zeroed: each request is filled. A test may change it at any time. */
struct mock_entropy_options {
    uint32_t most;    /* bytes that one request gets at most; 0: no limit */
    uint32_t empty;   /* so many of the next requests get no byte; counted down */
    uint32_t claimed; /* bytes that the used length is above what was written, within the request's room */
};

struct mock_entropy {
    struct mock_device *device;
    struct mock_entropy_options options;

    /* What happened since the device was made. */
    uint64_t requests;
    uint64_t bytes; /* given: the next byte is mock_entropy_byte(bytes) */
};

/* Byte n of the sequence, counted from 0; never 0, and no byte is equal to the one before. */
uint8_t mock_entropy_byte(uint64_t n);

/* The backend, for mock_device_init(); its context is a struct mock_entropy. */
extern const struct mock_backend mock_entropy_backend;

#endif
