/* SPDX-License-Identifier: MIT */
/* The driver of persistent memory on QEMU's virtio-pmem: what was stored is in the host's file after a flush. */
#define _GNU_SOURCE
#include "qemu_place.h"

#include <stdlib.h>
#include <unistd.h>

TestSuite(device_pmem, .timeout = 60);

#define SIZE 0x800000u

static struct vpt_pmem pmem;
static int file;

/* False: QEMU has no such device there. Without `kept` the memory has no file. */
static bool start(const struct place *place, bool kept)
{
    char name[] = "/tmp/vpt-pmem-XXXXXX";
    char object[120];
    struct fixture_options options = { .arguments = { "-m", "64M,slots=2,maxmem=1G", "-object", object } };

    if (place->transport != PCI_MODERN || (place->machine != VPT_QTEST_PC && place->machine != VPT_QTEST_Q35)) {
        return false;
    }
    file = mkstemp(name);
    assert_that(file >= 0 && ftruncate(file, SIZE) == 0);
    (void)snprintf(object, sizeof(object),
                   kept ? "memory-backend-file,id=p0,share=on,mem-path=%s,size=8M" : "memory-backend-ram,id=p0,size=8M",
                   name);
    place_start(place, "virtio-pmem", ",memdev=p0", &options);
    assert_that(unlink(name) == 0); /* QEMU keeps it open */
    assert_status(vpt_pmem_open(&pmem, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    return true;
}

static void end(void)
{
    struct vpt_completion completion;

    assert_status(vpt_device_reset(placed.device), VPT_OK);
    while (vpt_requests_poll(&pmem.requests, &completion) == VPT_OK) {
    }
    assert_status(vpt_driver_release(&pmem.driver), VPT_OK);
    (void)close(file);
    place_finish();
}

/* Stores words at places over all of the memory. */
static void store(uint32_t seed)
{
    for (uint32_t i = 0; i < 64; i++) {
        vpt_qtest_write(fixture.qtest, pmem.region.base + i * (SIZE / 64u) + (i % 2u) * (SIZE / 64u - 4u), 4, seed + i);
    }
}

static void assert_kept(uint32_t seed)
{
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t word = 0;

        assert_that(pread(file, &word, 4, (off_t)(i * (SIZE / 64u) + (i % 2u) * (SIZE / 64u - 4u))) == 4);
        cr_assert(word == seed + i, "%s: 0x%x, not 0x%x", fixture.what, word, seed + i);
    }
}

PLACE_TEST(device_pmem, PMEM_INIT_2_D_PMEM_2_what_is_stored_is_in_the_file)
{
    struct vpt_completion completion;

    if (!start(place, true)) {
        return;
    }
    assert_that(pmem.region.length == SIZE);
    for (uint32_t round = 1; round <= 3; round++) {
        store(round * 1000u);
        assert_status(vpt_pmem_flush(&pmem), VPT_OK);
        assert_kept(round * 1000u);
    }
    store(77);
    assert_status(vpt_pmem_submit_flush(&pmem, &pmem), VPT_OK);
    assert_status(vpt_pmem_submit_flush(&pmem, &pmem), VPT_RESOURCE_FULL);
    assert_status(vpt_requests_quiesce(&pmem.requests, NULL, NULL), VPT_OK);
    assert_status(vpt_requests_poll(&pmem.requests, &completion), VPT_EMPTY);
    assert_kept(77);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_driver_restart(&pmem.driver, NULL), VPT_OK);
    assert_that(pmem.region.length == SIZE);
    store(99);
    assert_status(vpt_pmem_flush(&pmem), VPT_OK);
    assert_kept(99);
    end();
}

/* What has no file cannot be kept. */
PLACE_TEST(device_pmem, D_PMEM_2_a_flush_that_fails)
{
    if (!start(place, false)) {
        return;
    }
    for (uint32_t i = 0; i < 20; i++) {
        store(i);
        assert_status(vpt_pmem_flush(&pmem), VPT_DEVICE_IO_ERROR);
    }
    assert_that(place_status() != 0 && (place_status() & VPT_STATUS_DEVICE_NEEDS_RESET) == 0);
    end();
}

PLACE_TEST(device_pmem, a_flush_interrupts)
{
    struct vpt_completion completion;

    if (!start(place, true)) {
        return;
    }
    (void)vpt_device_interrupt(placed.device); /* of the bring-up */
    place_intercept();
    assert_status(vpt_requests_poll(&pmem.requests, &completion), VPT_EMPTY);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

        assert_status(vpt_pmem_submit_flush(&pmem, &file), VPT_OK);
        assert_status(vpt_requests_kick(&pmem.requests), VPT_OK);
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
        assert_status(vpt_requests_poll(&pmem.requests, &completion), VPT_OK);
        assert_that(completion.status == VPT_OK && completion.token == &file);
        assert_status(vpt_requests_poll(&pmem.requests, &completion), VPT_EMPTY);
    }
    end();
}
