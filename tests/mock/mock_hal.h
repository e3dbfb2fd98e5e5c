/* SPDX-License-Identifier: MIT */
/*
 * A port for tests: give `&hal.port` to the library. It allocates memory at made-up device addresses, copies every
 * shared buffer (so that a forgotten share or unshare shows as wrong data), checks what the library asks for, and
 * passes register accesses on to simulated devices. A test may set any function in `port` to NULL.
 */
#ifndef VPT_TESTS_MOCK_HAL_H
#define VPT_TESTS_MOCK_HAL_H

#include <vpt/port.h>

#include "mock_memory.h"
#include "mock_trigger.h"
#include "mock_violations.h"

#define MOCK_HAL_WINDOWS     16u
#define MOCK_HAL_MAPPINGS    64u
#define MOCK_HAL_TICKERS     8u
#define MOCK_HAL_LOG_RECORDS 64u
#define MOCK_WAITS           6u /* enum vpt_wait counts from 1 */

/* Where device addresses start: above 4 GiB, below 16 TiB, which is what a 32-bit page number of 4 KiB reaches. */
#define MOCK_HAL_BASE       UINT64_C(0x4000000000)
#define MOCK_HAL_SHARE_BASE UINT64_C(0x6000000000)
/* Where allocations go whose limit excludes the former. */
#define MOCK_HAL_LOW_BASE UINT64_C(0x08000000)

enum mock_expectation { MOCK_EXPECT_NOTHING, MOCK_EXPECT_CLEAR, MOCK_EXPECT_SET };

/* What answers register accesses: `front_end` is the first argument of both. */
struct mock_window_ops {
    uint32_t (*read)(void *front_end, size_t offset, unsigned width);
    void (*write)(void *front_end, size_t offset, unsigned width, uint32_t value);
};

/* A piece of physical address space with a front end behind it. */
struct mock_window {
    const struct mock_window_ops *ops;
    void *front_end;
    uint64_t physical;
    size_t size;
};

struct mock_mapping {
    const struct mock_window *window; /* NULL: this entry is free */
    size_t offset;                    /* into the window */
    size_t size;
    bool mapped; /* by mmio_map(), so that unmapping is expected */
};

struct mock_ticker {
    void (*tick)(void *ctx);
    void *ctx;
};

struct mock_log_record {
    enum vpt_log_level level;
    enum vpt_status status;
    size_t bytes;
    char subject[40];
};

/* What a port's context begins with: struct mock_hal and struct mock_pci_bus do. */
struct mock_port_context {
    struct vpt_port port;
    struct mock_hal *hal;
};

struct mock_hal {
    union {
        struct mock_port_context context;
        struct vpt_port port;
    };
    struct mock_violations violations;
    struct mock_memory memory;

    /* To be set by the test, at any time. */
    struct mock_trigger fail_allocation;    /* which dma_allocate() fails ... */
    enum vpt_status fail_allocation_status; /* ... and how; initially VPT_RESOURCE_MEMORY */
    struct mock_trigger fail_share;
    enum vpt_status fail_share_status;     /* initially VPT_PORT_ERROR_FIRST + 7 */
    size_t allocate_most;                  /* bytes of one dma_allocate() at most; 0: any number */
    uint64_t base;                         /* next device address of an allocation */
    bool ignore_limit;                     /* allocate at `base` even where the limit forbids it: a broken port */
    size_t share_most;                     /* bytes that one share covers at most; 0: any number */
    size_t share_page;                     /* a share ends where the CPU's page of this size does; 0: no such pages */
    uint32_t wait_budget[MOCK_WAITS];      /* attempts that keep_waiting() grants, by enum vpt_wait */
    enum mock_expectation access_platform; /* of every allocation (not private) and share; initially nothing */

    /* What happened so far. */
    uint64_t allocations;
    uint64_t private_allocations;
    uint64_t frees;
    uint64_t shares;
    uint64_t unshares;
    uint64_t waits[MOCK_WAITS]; /* calls of keep_waiting(), by enum vpt_wait */
    uint64_t register_reads;
    uint64_t register_writes;
    uint64_t log_count; /* the first MOCK_HAL_LOG_RECORDS are kept */
    struct mock_log_record log[MOCK_HAL_LOG_RECORDS];

    /* Private. */
    uint64_t next_low;
    uint64_t next_share;
    uint32_t next_iteration[MOCK_WAITS];
    struct mock_window windows[MOCK_HAL_WINDOWS];
    unsigned window_count;
    struct mock_mapping mappings[MOCK_HAL_MAPPINGS];
    struct mock_ticker tickers[MOCK_HAL_TICKERS];
    unsigned ticker_count;
};

void mock_hal_init(struct mock_hal *hal);

/* Frees what is still allocated or shared, a violation each. Returns the number of violations, which stay readable. */
unsigned mock_hal_finish(struct mock_hal *hal);

/* Allocations, private ones included, that have not been freed, shares not unshared, mappings not unmapped. */
size_t mock_hal_live_allocations(const struct mock_hal *hal);
size_t mock_hal_live_shares(const struct mock_hal *hal);
size_t mock_hal_live_mappings(const struct mock_hal *hal);

/* Frees the allocations and shares that a driver has rightly left to a device whose reset did not finish: no leak. */
void mock_hal_abandon(struct mock_hal *hal);

/*
 * Makes the test's own memory visible to the device at a device address of the test's choice. The device reads and
 * writes it in place. Returns what the library takes; its address is NULL if the range is already taken.
 */
struct vpt_memory mock_hal_register(struct mock_hal *hal, void *bytes, size_t size, uint64_t device_address,
                                    bool device_writes);
void mock_hal_unregister(struct mock_hal *hal, const struct vpt_memory *memory);

/* The same at the next free device address, for tests to which it does not matter. */
struct vpt_memory mock_hal_register_anywhere(struct mock_hal *hal, void *bytes, size_t size, bool device_writes);

/*
 * Puts a front end at `physical`, where mmio_map() finds it, and returns a mapping of all of it: an opaque handle that
 * faults if it is dereferenced. NULL if there are too many.
 */
void *mock_hal_add_window(struct mock_hal *hal, const struct mock_window_ops *ops, void *front_end, uint64_t physical,
                          size_t size);

/* Has `tick` called whenever the library waits, so that a slow device makes progress. */
void mock_hal_add_ticker(struct mock_hal *hal, void (*tick)(void *ctx), void *ctx);

/* One tick: what keep_waiting() does, for tests that poll themselves. */
void mock_hal_tick(struct mock_hal *hal);

#endif
