/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "qemu_support.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define IMAGE_BYTE  0x11
#define IMAGE_PIECE 0x10000u

struct fixture fixture = { .image = -1 };

void fixture_name(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    (void)vsnprintf(fixture.what, sizeof(fixture.what), format, values);
    va_end(values);
}

/* ---- The machine ---- */

static void make_image(size_t size)
{
    uint8_t *bytes = malloc(size);

    assert_that(bytes != NULL);
    memset(bytes, IMAGE_BYTE, size);
    fixture.image = memfd_create("image", MFD_CLOEXEC);
    fixture.image_size = size;
    assert_that(fixture.image >= 0);
    image_write(0, bytes, size);
    free(bytes);
}

enum vpt_status fixture_try(const struct fixture_options *options)
{
    struct vpt_qtest_options qtest = options->qtest;
    const char *arguments[FIXTURE_ARGUMENTS + 3u] = { NULL };
    unsigned count = 0;
    char blockdev[80];
    enum vpt_status status;

    if (options->image_size != 0) {
        make_image(options->image_size);
        (void)snprintf(blockdev, sizeof(blockdev), "driver=file,node-name=d0,locking=off,filename=/dev/fd/%d",
                       fixture.image);
        arguments[count++] = "-blockdev";
        arguments[count++] = blockdev;
        qtest.files = &fixture.image;
        qtest.file_count = 1;
    }
    for (unsigned i = 0; i < FIXTURE_ARGUMENTS && options->arguments[i] != NULL; i++) {
        fixture.packed = fixture.packed || strstr(options->arguments[i], "packed=on") != NULL;
        arguments[count++] = options->arguments[i];
    }
    qtest.arguments = arguments;
    status = vpt_qtest_start(&fixture.qtest, &qtest);
    if (fixture.qtest != NULL) {
        fixture.port = vpt_qtest_port(fixture.qtest);
        fixture.machine = vpt_qtest_machine_of(fixture.qtest);
    }
    return status;
}

void fixture_start(const struct fixture_options *options)
{
    struct fixture_options loud = *options;
    enum vpt_status status;

    loud.qtest.log = stderr;
    status = fixture_try(&loud);
    cr_assert(status == VPT_OK, "%s: QEMU does not start: %s", fixture.what, vpt_qtest_message(fixture.qtest));
}

void fixture_check_ring(const struct vpt_device *device)
{
    bool packed = fixture.packed && !vpt_device_legacy(device);

    assert_that(vpt_features_has(&device->features, VPT_F_RING_PACKED) == packed);
}

void fixture_abandon(void)
{
    vpt_qtest_stop(fixture.qtest);
    fixture.qtest = NULL;
    fixture.port = NULL;
    if (fixture.image >= 0) {
        (void)close(fixture.image);
        fixture.image = -1;
    }
}

void fixture_finish(void)
{
    uint64_t page = 0;

    assert_status(vpt_qtest_failure(fixture.qtest), VPT_OK);
    cr_assert(!vpt_qtest_iommu_fault(fixture.qtest, &page), "%s: the IOMMU refused an access to 0x%llx", fixture.what,
              (unsigned long long)page);
    assert_that(vpt_qtest_clean(fixture.qtest, stderr));
    fixture_abandon();
}

void fixture_intercept(void)
{
    assert_status(vpt_qtest_intercept(fixture.qtest, NULL), VPT_OK);
}

/* ---- The image ---- */

void image_read(size_t offset, void *bytes, size_t size)
{
    assert_that(pread(fixture.image, bytes, size, (off_t)offset) == (ssize_t)size);
}

void image_write(size_t offset, const void *bytes, size_t size)
{
    assert_that(pwrite(fixture.image, bytes, size, (off_t)offset) == (ssize_t)size);
}

bool image_is(const void *bytes)
{
    const uint8_t *expected = bytes;
    static uint8_t piece[IMAGE_PIECE];

    for (size_t offset = 0; offset < fixture.image_size; offset += IMAGE_PIECE) {
        size_t left = fixture.image_size - offset;
        size_t size = left < IMAGE_PIECE ? left : IMAGE_PIECE;

        image_read(offset, piece, size);
        if (memcmp(piece, expected + offset, size) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- Data ---- */

uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

static uint8_t byte_of(size_t position, uint32_t seed)
{
    uint32_t mixed = ((uint32_t)position + 1u) * 2654435761u ^ seed * 40503u;

    return (uint8_t)(mixed >> 24 ^ mixed >> 11);
}

void fill(void *bytes, size_t size, uint32_t seed)
{
    uint8_t *byte = bytes;

    for (size_t i = 0; i < size; i++) {
        byte[i] = byte_of(i, seed);
    }
}

bool filled(const void *bytes, size_t size, uint32_t seed)
{
    const uint8_t *byte = bytes;

    for (size_t i = 0; i < size; i++) {
        if (byte[i] != byte_of(i, seed)) {
            return false;
        }
    }
    return true;
}

struct vpt_memory memory_of(size_t size, uint32_t flags)
{
    struct vpt_memory memory = { 0 };

    assert_status(fixture.port->dma_allocate(fixture.port->ctx, size, 4096, UINT64_MAX, flags, &memory), VPT_OK);
    return memory;
}

uint32_t requests_in_flight(const struct vpt_requests *requests)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < requests->queue.slot_count; i++) {
        count += requests->queue.slots[i].count != 0 ? 1u : 0u;
    }
    return count;
}

uint64_t now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}
