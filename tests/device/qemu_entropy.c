/* SPDX-License-Identifier: MIT */
/* The entropy driver on QEMU's device, whose source is a file, so that every byte is known. */
#define _GNU_SOURCE
#include "qemu_place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(device_entropy, .timeout = 60);

#define SOURCE   0x4000u /* size of the file */
#define ROOM     64u     /* buffer of an asynchronous request */
#define REQUESTS 6u
#define QUOTA    32u  /* bytes that a throttled device gives in a period */
#define PATIENCE 300u /* milliseconds */

static struct vpt_entropy entropy;
static uint8_t source[SOURCE];
static size_t taken; /* bytes taken from the source so far */
static struct vpt_memory data;

static uint32_t data_flags(void)
{
    return placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0;
}

static void start(const struct place *place, const char *properties)
{
    char name[] = "/tmp/vpt-entropy-XXXXXX";
    char object[80];
    struct fixture_options options = { .arguments = { "-object", object } };
    int file = mkstemp(name);

    assert_that(file >= 0);
    fill(source, sizeof(source), 3);
    assert_that(write(file, source, sizeof(source)) == (ssize_t)sizeof(source) && close(file) == 0);
    (void)snprintf(object, sizeof(object), "rng-random,id=r0,filename=%s", name);
    place_start(place, "virtio-rng", properties, &options);
    assert_that(unlink(name) == 0); /* QEMU keeps it open */
    assert_status(vpt_entropy_open(&entropy, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    data = memory_of(REQUESTS * ROOM, data_flags());
    taken = 0;
}

static void end(void)
{
    struct vpt_completion completion;

    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    while (vpt_requests_poll(&entropy.requests, &completion) == VPT_OK) {
    }
    assert_status(vpt_driver_release(&entropy.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &data, data_flags());
    place_finish();
}

/* Asserts that the next bytes of the file were returned, and nothing else was written. */
static void read_bytes(size_t size)
{
    static uint8_t bytes[SOURCE + 2u];
    size_t filled = 0;

    memset(bytes, 0xee, sizeof(bytes));
    assert_status(vpt_entropy_read(&entropy, bytes + 1, size, &filled), VPT_OK);
    assert_that(filled == size && memcmp(bytes + 1, source + taken, size) == 0);
    assert_that(bytes[0] == 0xee && bytes[size + 1u] == 0xee);
    taken += size;
}

static uint8_t *room(uintptr_t token)
{
    return (uint8_t *)data.address + token * ROOM;
}

static void submit(uintptr_t token)
{
    struct vpt_segment segment = { data.device_address + token * ROOM, ROOM };

    memset(room(token), 0xee, ROOM);
    assert_status(vpt_entropy_submit(&entropy, &segment, 1, (void *)token), VPT_OK);
}

/* Waits for one request. */
static struct vpt_completion take(void)
{
    struct vpt_completion completion = { NULL, 0, VPT_OK };
    enum vpt_status status = vpt_requests_poll(&entropy.requests, &completion);

    for (uint32_t i = 0; status == VPT_EMPTY && fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i);
         i++) {
        status = vpt_requests_poll(&entropy.requests, &completion);
    }
    assert_status(status, VPT_OK);
    return completion;
}

/* RNG-OP-2: the length says how many bytes came from the file; the rest is unchanged. */
static void check(const struct vpt_completion *completion)
{
    const uint8_t *bytes = room((uintptr_t)completion->token);

    assert_status(completion->status, VPT_OK);
    assert_that(completion->length >= 1 && completion->length <= ROOM);
    assert_that(memcmp(bytes, source + taken, completion->length) == 0);
    for (size_t i = completion->length; i < ROOM; i++) {
        assert_that(bytes[i] == 0xee);
    }
    taken += completion->length;
}

PLACE_TEST(device_entropy, reads_are_the_bytes_of_the_source)
{
    static const size_t sizes[] = { 1, 31, 32, 33, 500, 4096, 4097 };

    start(place, ",rng=r0");
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        read_bytes(sizes[i]);
    }
    end();
}

PLACE_TEST(device_entropy, requests_come_back_by_interrupt)
{
    uint32_t returned = 0;

    start(place, ",rng=r0");
    place_intercept();
    for (uint32_t round = 0; round < 5; round++) {
        for (uintptr_t token = 0; token < REQUESTS; token++) {
            submit(token);
        }
        assert_status(vpt_entropy_read(&entropy, source, 1, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_requests_kick(&entropy.requests), VPT_OK);
        for (uint32_t i = 0; i < REQUESTS; i++) {
            struct vpt_completion completion = take();

            check(&completion);
            returned++;
        }
    }
    assert_that(returned == 5u * REQUESTS && taken == returned * ROOM);
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), 0, FIXTURE_WAIT), VPT_OK);
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
    end();
}

/* 32 bytes in each period: requests and reads continue with the bytes of the next period. */
PLACE_TEST(device_entropy, a_device_that_is_held_back_gives_less)
{
    struct vpt_completion completion;

    start(place, ",rng=r0,max-bytes=32,period=1000");
    submit(0);
    submit(1);
    assert_status(vpt_requests_kick(&entropy.requests), VPT_OK);
    completion = take();
    assert_that(completion.token == NULL && completion.length == QUOTA);
    check(&completion);
    assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_EMPTY);
    completion = take();
    assert_that((uintptr_t)completion.token == 1 && completion.length == QUOTA);
    check(&completion);
    read_bytes(QUOTA + 1u);
    end();
}

/* The read times out: the device is reset before the buffer is returned, and the number of bytes received is known. */
PLACE_TEST(device_entropy, a_read_that_takes_too_long)
{
    uint8_t bytes[2u * QUOTA];
    size_t filled = 0;

    start(place, ",rng=r0,max-bytes=32,period=3600000");
    placed.patience = PATIENCE;
    placed.reset_before_unshare = false;
    assert_status(vpt_entropy_read(&entropy, bytes, sizeof(bytes), &filled), VPT_DEVICE_TIMEOUT);
    assert_that(filled == QUOTA && memcmp(bytes, source, QUOTA) == 0 && place_status() == 0);
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    placed.patience = 0;
    assert_status(vpt_driver_restart(&entropy.driver, NULL), VPT_OK);
    submit(0);
    assert_status(vpt_requests_kick(&entropy.requests), VPT_OK);
    end();
}

PLACE_TEST(device_entropy, a_restart_on_the_same_memory)
{
    struct vpt_completion completion;

    start(place, ",rng=r0");
    read_bytes(100);
    for (unsigned round = 0; round < 3; round++) {
        submit(0); /* not kicked: the device does not see it */
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&entropy.driver, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_CANCELLED);
        assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_EMPTY);
        assert_status(vpt_driver_restart(&entropy.driver, NULL), VPT_OK);
        read_bytes(100);
    }
    end();
}
