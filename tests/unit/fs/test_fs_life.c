/* SPDX-License-Identifier: MIT */
/* A file system device's bring-up and its end: queue by queue, a short ring, a restart, a device that is pulled out. */
#include "folder.h"

/* On a ring of 2 there is no room for data, and no table is longer. */
Test(fs_life, the_shortest_ring)
{
    size_t done;

    for (unsigned plain = 0; plain < 2; plain++) {
        fs_probe(&(const struct ring_variant){ MACHINE_PCI_MODERN, false, false, plain != 0 });
        machine.model->queues[1].maximum = 2;
        assert_status(vpt_fs_open(&fs, machine.device), VPT_OK);
        assert_status(vpt_fs_begin(&fs), VPT_OK);
        fs_open_file("hello", VPT_FS_READ_ONLY);
        assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 1, &done), VPT_RESOURCE_SEGMENTS);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        fs_end();
    }
}

/* ---- Resets ---- */

/* What was known in the session is known no more. */
STARTED_FS_TEST(fs_life, a_restart_ends_the_session)
{
    struct vpt_fs_file known;
    size_t done;

    for (unsigned round = 0; round < 3; round++) {
        fs_open_file("hello", VPT_FS_READ_ONLY);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
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
}

FS_TEST(fs_life, a_device_that_is_pulled_out)
{
    size_t done;

    fs_start(variant);
    fs_open_file("hello", VPT_FS_READ_ONLY);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 10, &done), VPT_DEVICE_GONE);
    assert_status(vpt_fs_close(&fs, &fs_file), VPT_DEVICE_GONE);
    assert_status(vpt_driver_release(&fs.driver), VPT_OK);
    mock_violations_clear(&machine.hal->violations);
    machine_plug_in();
    machine_end();
}
