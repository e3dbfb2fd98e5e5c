/* SPDX-License-Identifier: MIT */
/*
 * Shared by the suites on QEMU's devices: a machine with a disk image, started and ended with checks. There is one
 * global object, since each test is a process of its own. qemu_disk.h adds the block driver.
 */
#ifndef VPT_TESTS_DEVICE_SUPPORT_H
#define VPT_TESTS_DEVICE_SUPPORT_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <vpt/vpt.h>

#include <qtest.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define FIXTURE_ARGUMENTS 16u    /* maximum for a test */
#define FIXTURE_WAIT      30000u /* milliseconds to wait for an expected event */

/* ---- The machine ---- */

struct fixture_options {
    struct vpt_qtest_options qtest; /* without arguments and files */
    size_t image_size;              /* bytes, a multiple of 512; node d0 (drive=d0) has the image; 0: no image */
    const char *arguments[FIXTURE_ARGUMENTS]; /* up to the first NULL */
};

struct fixture {
    struct vpt_qtest *qtest;
    const struct vpt_port *port; /* port of qtest */
    const struct vpt_qtest_machine *machine;
    int image; /* a memory file that QEMU opens too; -1: none */
    size_t image_size;
    bool packed;    /* a device has packed=on */
    char what[128]; /* the variant under test, for messages */
};

extern struct fixture fixture;

/* Names the variant for messages of failed assertions. */
void fixture_name(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Starts QEMU with node d0 and the arguments, asserted. The image holds image_byte() everywhere. */
void fixture_start(const struct fixture_options *options);

/* fixture_start() where the start may fail. */
enum vpt_status fixture_try(const struct fixture_options *options);

/* Asserts that QEMU runs, that nothing is outstanding or was misused, and that no IOMMU fault occurred; ends QEMU. */
void fixture_finish(void);

/*
 * Asserts that the device, which is initialized, has packed rings exactly if packed=on gives it some. (QEMU ignores
 * this on a legacy interface.)
 */
void fixture_check_ring(const struct vpt_device *device);

/* Ends QEMU without these checks. */
void fixture_abandon(void);

/* Intercepts the machine's interrupt controller, asserted. */
void fixture_intercept(void);

/* ---- The image, read as a file ---- */

void image_read(size_t offset, void *bytes, size_t size);
void image_write(size_t offset, const void *bytes, size_t size);

/* Whether the whole image equals `bytes`. */
bool image_is(const void *bytes);

/* ---- Data ---- */

/* Fills with bytes that depend on seed and position; and compares with them. */
void fill(void *bytes, size_t size, uint32_t seed);
bool filled(const void *bytes, size_t size, uint32_t seed);

/* A deterministic pseudo-random generator. */
uint32_t next_random(uint32_t *state);

/* DMA memory from the port, asserted. */
struct vpt_memory memory_of(size_t size, uint32_t flags);

/* Number of requests in flight, by the queue's own counters. */
uint32_t requests_in_flight(const struct vpt_requests *requests);

/* Milliseconds of a monotonic clock. */
uint64_t now(void);

/* ---- Assertions ---- */

#define assert_that(condition) cr_assert((condition), "%s: not so: %s", fixture.what, #condition)

#define assert_status(expression, expected)                                                                          \
    do {                                                                                                             \
        enum vpt_status assert_status_got = (expression);                                                            \
        cr_assert(assert_status_got == (expected), "%s: %s is 0x%x \"%s\", not 0x%x \"%s\"", fixture.what,           \
                  #expression, (unsigned)assert_status_got, vpt_status_str(assert_status_got), (unsigned)(expected), \
                  vpt_status_str(expected));                                                                         \
    } while (0)

#endif
