/* SPDX-License-Identifier: MIT */
/*
 * The tables of docs/contexts.md, read when the tests run, and a port that writes down which of its functions are
 * called while a public call runs.
 */
#ifndef VPT_TESTS_CONTEXTS_TABLE_H
#define VPT_TESTS_CONTEXTS_TABLE_H

#include "support.h"

#define CONTEXTS_CALLS_MAX 192u

enum callback {
    CALLBACK_DMA_ALLOCATE,
    CALLBACK_DMA_FREE,
    CALLBACK_IO_READ,
    CALLBACK_IO_WRITE,
    CALLBACK_CONFIG_READ,
    CALLBACK_CONFIG_WRITE,
    CALLBACK_MMIO_MAP,
    CALLBACK_MMIO_UNMAP,
    CALLBACK_MMIO_READ,
    CALLBACK_MMIO_WRITE,
    CALLBACK_SHARE,
    CALLBACK_UNSHARE,
    CALLBACK_KEEP_WAITING,
    CALLBACK_LOG,
    CALLBACKS
};

#define MADE(callback) (1u << (callback))

/* A line of the first table, and what has been seen of that call so far. */
struct contexts_call {
    char name[48];
    bool interrupt;
    bool panic;
    uint32_t callbacks; /* keep_waiting among them if it waits */
    uint32_t waits;     /* bits, by enum vpt_wait */
    uint32_t seen;
    uint32_t seen_waits;
    bool called;
};

struct contexts {
    struct contexts_call calls[CONTEXTS_CALLS_MAX];
    unsigned count;
    uint32_t in_interrupt;        /* callbacks that the second table allows there ... */
    uint32_t in_panic;            /* ... and there */
    struct vpt_port port;         /* the recording one ... */
    const struct vpt_port *inner; /* ... and the one it calls */
    struct contexts_call *now;    /* the call that runs */
    uint32_t made;
    uint32_t waited;
    uint32_t made_in_all;
    bool emulated;  /* the CPU, for the port that records from the next time on */
    bool panicking; /* no callback that a panic does not allow may be made */
};

extern struct contexts contexts;

/* Reads the tables; fails the test if they cannot be. */
void contexts_read(void);

/* Records over this port from now on. */
void contexts_record(const struct vpt_port *inner);

/* Around a public call: fails the test if it makes a callback, or waits for something, that its line does not name. */
void contexts_begin(const char *name);
void contexts_end(void);

/* A call with a result, recorded: the result as a status, whatever type it is of. */
enum vpt_status contexts_result(enum vpt_status result);
#define CALL(function, ...) (contexts_begin(#function), contexts_result((enum vpt_status)function(__VA_ARGS__)))

/* One without, and one whose result has no matter. */
#define CALL_VOID(function, ...)     \
    do {                             \
        contexts_begin(#function);   \
        (void)function(__VA_ARGS__); \
        contexts_end();              \
    } while (0)

/* Makes every call of assign.h, once at least. */
void contexts_use_assignment(void);

/* What a callback is called in the tables. */
const char *contexts_callback(unsigned callback);

#endif
