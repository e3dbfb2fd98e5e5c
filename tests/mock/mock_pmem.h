/* SPDX-License-Identifier: MIT */
/* The simulated persistent memory device (VirtIO 1.4, section 5.19). It counts flushes; there is no memory. */
#ifndef VPT_TESTS_MOCK_PMEM_H
#define VPT_TESTS_MOCK_PMEM_H

#include "mock_device.h"

enum mock_pmem_field { MOCK_PMEM_START = 0, MOCK_PMEM_SIZE = 8 }; /* offsets in the configuration */

struct mock_pmem_options {
    uint64_t start;
    uint64_t size;
    bool shared_memory;      /* it offers SHMEM_REGION: then the configuration has nonsense */
    bool shared_memory_lost; /* ... but there is no region */
};

struct mock_pmem {
    struct mock_device *device;
    struct mock_pmem_options options; /* set before the machine is made */
    uint32_t answer;                  /* to flushes */
    bool silent;                      /* writes none */
    uint32_t flushes;
};

/* The backend, for mock_device_init(); its context is a struct mock_pmem. */
extern const struct mock_backend mock_pmem_backend;

/* Where the memory is from now on. */
void mock_pmem_place(struct mock_pmem *pmem, uint64_t start, uint64_t size);

#endif
