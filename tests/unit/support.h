/* SPDX-License-Identifier: MIT */
/*
 * What most suites need: a simulated machine in one global object (each test is a process of its own), the variants
 * that a test runs in, a device type that transfers whatever the test hands it, and a trace of register accesses.
 */
#ifndef VPT_TESTS_SUPPORT_H
#define VPT_TESTS_SUPPORT_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <vpt/vpt.h>

#include "machine.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Variants ---- */

/* An interface version and the optional ring features that the device offers. */
struct variant {
    unsigned version; /* of virtio-mmio */
    bool indirect;
    bool event_idx;
};

/* Both versions, with and without each feature. */
struct criterion_test_params test_variants(void);

/* The two versions with both features. */
struct criterion_test_params test_versions(void);

/* A test that runs once for each of the parameters, which a call of Criterion's makes; its body knows `variant`. */
#define PARAMETER_TEST(type, parameters, suite, name) \
    ParameterizedTestParameters(suite, name)          \
    {                                                 \
        return parameters;                            \
    }                                                 \
    ParameterizedTest(const type *variant, suite, name)

/* The variants as parameters. */
#define VARIANT_TEST(suite, name) PARAMETER_TEST(struct variant, test_variants(), suite, name)

/* The same for each version. */
#define VERSION_TEST(suite, name) PARAMETER_TEST(struct variant, test_versions(), suite, name)

extern const struct variant version_1;
extern const struct variant version_2;

/* Adds what a variant is made of to `options`, which may hold other wishes already. */
void variant_options(const struct variant *variant, struct mock_machine_options *options);

/*
 * Of a campaign of many like steps each so manyth is done: 1, or what the environment's VPT_TEST_STRIDE says, for
 * builds in which a step takes several times as long. A number that is coprime to the steps' own periods meets all
 * their kinds.
 */
uint32_t test_stride(void);

/* ---- Assertions ---- */

/* A status, with its text where it is another one. */
#define assert_status(expression, expected)                                                 \
    do {                                                                                    \
        enum vpt_status assert_status_got = (expression);                                   \
        cr_assert(assert_status_got == (expected), "%s is \"%s\", not \"%s\"", #expression, \
                  vpt_status_str(assert_status_got), vpt_status_str(expected));             \
    } while (0)

/* Whether every byte of an object is 0, as failed set-ups leave it. */
bool all_zero(const void *object, size_t size);

/* ---- The bench: a machine whose device type is the test's ---- */

#define BENCH_TYPE       0x1234u
#define BENCH_LOG        4096u    /* requests remembered: the last ones */
#define BENCH_ARENA_SIZE 0x40000u /* bytes of data that the device reaches */
#define BENCH_TRACE      65536u

struct bench_request {
    uint32_t readable; /* segments */
    uint32_t writable;
    uint64_t readable_bytes;
    uint64_t writable_bytes;
    bool indirect;
    uint64_t first_address; /* of the first segment */
};

struct bench_access {
    bool write;
    unsigned width;
    size_t offset;
    uint32_t value;
};

struct bench {
    struct mock_machine machine;
    struct vpt_mmio mmio;
    struct vpt_device *device; /* &mmio.device */

    /* The device type: it reads all that is readable into `read`, and fills what is writable from `fill` on. */
    bool idle;           /* touches no data, for segments that have no memory behind them */
    uint8_t fill;        /* byte n of a request's writable part is fill + n; one more for each request */
    uint32_t understate; /* bytes that the used length is below what was written */
    uint64_t handled;
    struct bench_request log[BENCH_LOG]; /* request n is at n % BENCH_LOG, n from 0 */
    uint8_t read[BENCH_ARENA_SIZE];      /* what the last request held */
    size_t read_size;

    struct vpt_memory arena; /* the test's data, reached by the device */

    /* Register accesses since the last bench_trace(). */
    bool tracing;
    size_t trace_count;
    struct bench_access trace[BENCH_TRACE];
    uint32_t (*traced_read)(void *ctx, void *mapping, size_t offset, unsigned width);
    void (*traced_write)(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value);
};

extern struct bench bench;

/* A machine without a driver: bench.machine alone is there. `options` may be NULL. */
void bench_machine(const struct variant *variant, const struct mock_machine_options *options);

/* The same, probed. */
void bench_probe(const struct variant *variant, const struct mock_machine_options *options);

/* The same, negotiated: queues may be set up. */
void bench_negotiate(const struct variant *variant, const struct mock_machine_options *options);

/* A queue by a zeroed configuration but for its size, indirect tables if there are any, and DRIVER_OK. */
void bench_queue(struct vpt_queue *queue, uint16_t size, uint16_t tables, uint16_t table_segments);

/* Negotiated, one queue of `size` with as many tables of 8 entries, started. */
void bench_start(const struct variant *variant, const struct mock_machine_options *options, struct vpt_queue *queue,
                 uint16_t size);

/* Twice around small rings, a bit through large ones, by one-segment requests as many at once as there are entries. */
void bench_go_round(struct vpt_queue *queue, uint32_t size);

/* A set-up that comes to `expected`, leaves nothing behind, and touches no register if `quiet`. */
void bench_refuse(const struct vpt_queue_config *config, enum vpt_status expected, bool quiet);

/* Resets the device, drains what is in flight, gives the queue back and ends the machine without a violation. */
void bench_end(struct vpt_queue *queue);

/* Ends the machine, and asserts that nothing was done against a rule and that nothing leaks. */
void bench_finish(void);

/* A piece of the arena, for the device; and the same bytes for the test. */
struct vpt_segment bench_segment(size_t offset, uint32_t length);
uint8_t *bench_bytes(size_t offset);

/* The request handled last. */
const struct bench_request *bench_last(void);

/* Starts a new trace of register accesses. */
void bench_trace(void);

/* How many accesses of this direction to a register the trace holds, and the value of the n-th (from 0). */
size_t bench_traced(bool write, size_t offset);
uint32_t bench_traced_value(bool write, size_t offset, size_t n);

/* Where the n-th such access stands in the trace; fails the test if there is none. */
size_t bench_traced_at(bool write, size_t offset, size_t n);

/* ---- Registers, for traces ---- */

#define R_MAGIC         0x000u
#define R_VERSION       0x004u
#define R_DEVICE_ID     0x008u
#define R_VENDOR_ID     0x00cu
#define R_DEV_FEATURES  0x010u
#define R_DEV_SELECT    0x014u
#define R_DRV_FEATURES  0x020u
#define R_DRV_SELECT    0x024u
#define R_PAGE_SIZE     0x028u
#define R_QUEUE_SELECT  0x030u
#define R_QUEUE_MAXIMUM 0x034u
#define R_QUEUE_SIZE    0x038u
#define R_QUEUE_ALIGN   0x03cu
#define R_QUEUE_PFN     0x040u
#define R_QUEUE_READY   0x044u
#define R_NOTIFY        0x050u
#define R_IRQ_STATUS    0x060u
#define R_IRQ_ACK       0x064u
#define R_STATUS        0x070u
#define R_QUEUE_DESC    0x080u
#define R_QUEUE_DRIVER  0x090u
#define R_QUEUE_DEVICE  0x0a0u
#define R_SHM_SELECT    0x0acu
#define R_SHM_LENGTH    0x0b0u
#define R_SHM_BASE      0x0b8u
#define R_GENERATION    0x0fcu
#define R_CONFIG        0x100u

#endif
