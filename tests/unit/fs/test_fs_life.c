/* SPDX-License-Identifier: MIT */
/* A file system device's bring-up and its end: resets, restarts, short rings, a device that is pulled out. */
#include <string.h>

#include "folder.h"
#include "opening.h"

static enum vpt_status open_it(void)
{
    return vpt_fs_open(&fs, machine.device);
}

static const struct opening opening = { open_it, &fs, sizeof(fs), 2 };

TRANSPORT_TEST(fs_life, what_is_no_file_system_is_refused)
{
    machine_make(variant->kind, NULL);
    assert_status(machine_probe(), VPT_OK);
    memset(&fs, 0x5a, sizeof(fs));
    assert_status(vpt_fs_open(&fs, machine.device), VPT_UNSUPPORTED_DEVICE);
    assert_nothing_left(&opening);
    assert_same(machine.model->resets, 0);
    assert_status(vpt_fs_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_init(&fs, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_queue_init(NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_queue_init(&fs, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_open(NULL, machine.device), VPT_CALLER_ARGUMENT);
    machine_end();
}

LEGACY_TEST(fs_life, D_FS_1_a_legacy_interface_is_refused)
{
    struct mock_pci_machine_options options = { .machine.type = { &mock_fs_backend, &fs_model } };

    fs_make_model();
    machine_make(variant->kind, &options);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_fs_open(&fs, machine.device), VPT_UNSUPPORTED_FEATURE);
    assert_nothing_left(&opening);
    machine_end();
}

/* Calls before the queues are set up, with one of them, and before the start. */
FS_TEST(fs_life, before_it_is_started)
{
    static const struct vpt_fs_message message = { .type = 3, .size = VPT_FS_HEADER + 16u };

    fs_probe(variant);
    machine.model->queue_count = 3; /* as one that offers more request queues */
    machine.model->queues[2].maximum = 16;
    assert_status(vpt_fs_init(&fs, machine.device, NULL), VPT_OK);
    assert_status(vpt_fs_begin(&fs), VPT_CALLER_STATE);
    assert_status(vpt_fs_submit(&fs, &message, NULL), VPT_CALLER_STATE);
    assert_status(vpt_fs_queue_init(&fs, 2, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_fs_queue_init(&fs, 1, NULL), VPT_OK);
    assert_status(vpt_fs_begin(&fs), VPT_CALLER_STATE);
    assert_status(vpt_fs_queue_init(&fs, 0, NULL), VPT_OK);
    assert_status(vpt_fs_begin(&fs), VPT_CALLER_STATE);
    assert_status(vpt_driver_start(&fs.driver), VPT_OK);
    assert_status(vpt_fs_begin(&fs), VPT_OK);
    assert_fs_works();
    fs_end();
}

/* Allocations fail from the n-th on; a queue fails. */
FS_TEST(fs_life, an_open_that_fails_leaves_nothing_behind)
{
    fs_probe(variant);
    opening_without_memory(&opening);
    fs_release();
    opening_without_queue(&opening);
    machine_end();
}

/* A short ring without tables has room for few messages: one, or one without data. */
Test(fs_life, short_rings)
{
    static const uint32_t sizes[] = { 2, 4, 8, 64 };

    for (unsigned i = 0; i < 2u * COUNT_OF(sizes); i++) {
        struct mock_pci_machine_options options = { .machine = { .type = { &mock_fs_backend, &fs_model },
                                                                 .queue_maximum = sizes[i / 2u] } };
        size_t done;

        fs_make_model();
        if (i % 2u != 0) {
            vpt_features_add(&options.machine.withhold, VPT_F_INDIRECT_DESC);
        }
        machine_make(MACHINE_PCI_MODERN, &options);
        machine.hal->share_page = 64;
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_fs_open(&fs, machine.device), VPT_OK);
        assert_status(vpt_fs_begin(&fs), VPT_OK);
        if (sizes[i / 2u] > 2) {
            assert_fs_works();
        } else {
            fs_open_file("hello", VPT_FS_READ_ONLY);
            assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 1, &done), VPT_RESOURCE_SEGMENTS);
            assert_same(mock_hal_live_shares(machine.hal), 0);
        }
        fs_end();
    }
}

/* ---- Resets ---- */

static void submit_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct vpt_fs_message message = { .type = 3, .size = VPT_FS_HEADER + 16u, .node = 1 };

        memset((uint8_t *)vpt_requests_next(&fs.requests) + VPT_FS_HEADER, 0, 16);
        assert_status(vpt_fs_submit(&fs, &message, NULL), VPT_OK);
    }
    assert_status(vpt_requests_kick(&fs.requests), VPT_OK);
}

static void take_all(uint32_t count, enum vpt_status status)
{
    struct vpt_completion completion;

    for (uint32_t i = 0; i < count; i++) {
        assert_status(vpt_requests_poll(&fs.requests, &completion), VPT_OK);
        assert_status(completion.status, status);
    }
    assert_status(vpt_requests_poll(&fs.requests, &completion), VPT_EMPTY);
    assert_status(vpt_requests_poll(&fs.hiprio, &completion), VPT_EMPTY);
}

/* Restarted on the same memory, with messages in flight. The session is over, and what was known in it. */
FS_TEST(fs_life, CLEANUP_2_a_restart_on_the_same_memory)
{
    uint64_t allocations;
    size_t done;

    fs_start(variant);
    allocations = machine.hal->allocations;
    for (unsigned round = 0; round < 3; round++) {
        struct vpt_fs_file known;
        uint32_t slots;

        assert_fs_works();
        fs_open_file("hello", VPT_FS_READ_ONLY);
        slots = vpt_requests_free(&fs.requests);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        submit_all(slots);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&fs.driver, NULL), VPT_CALLER_BUSY);
        take_all(slots, VPT_CANCELLED);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_driver_restart(&fs.driver, NULL), VPT_OK);
        assert_status(vpt_fs_walk(&fs, NULL, "hello", &known), VPT_CALLER_STATE);
        assert_status(vpt_fs_begin(&fs), VPT_OK);
        known = fs_file;
        assert_status(vpt_fs_read(&fs, &known, 0, fs_buffer, 1, &done), VPT_CALLER_STATE);
        assert_status(vpt_fs_walk(&fs, &known, "x", &known), VPT_CALLER_STATE);
        assert_status(vpt_fs_close(&fs, &known), VPT_CALLER_STATE);
        cr_assert(all_zero(&known, sizeof(known)));
    }
    assert_fs_works();
    assert_same(machine.hal->allocations, allocations);
    fs_end();
}

FS_TEST(fs_life, a_device_that_is_pulled_out)
{
    uint32_t slots;
    size_t done;

    fs_start(variant);
    fs_open_file("hello", VPT_FS_READ_ONLY);
    slots = vpt_requests_free(&fs.requests);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    submit_all(slots);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    take_all(slots, VPT_DEVICE_GONE);
    assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 10, &done), VPT_DEVICE_GONE);
    assert_status(vpt_fs_close(&fs, &fs_file), VPT_DEVICE_GONE);
    assert_status(vpt_fs_begin(&fs), VPT_DEVICE_GONE);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_status(vpt_driver_release(&fs.driver), VPT_OK);
    mock_violations_clear(&machine.hal->violations);
    machine_plug_in();
    machine_end();
}
