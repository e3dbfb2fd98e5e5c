/* SPDX-License-Identifier: MIT */
/*
 * A PCI function that is pulled out where nothing answers with zeroes, as on a PC: its registers read 0 like those of a
 * device that has just been reset, and configuration space alone tells.
 */
#include "disk.h"
#include "watched_port.h"

TestSuite(removal, .timeout = 60);

static uint32_t accesses_left; /* to the one at which it is pulled out, from 1; 0: it stays */
static bool pulled_out;

static void pull_out(void)
{
    machine_pull_out();
    pulled_out = true;
}

static bool still_there(enum callback callback, enum vpt_wait wait)
{
    (void)wait;
    if ((MADE(callback) & (MADE_REGISTERS | MADE_CONFIGURATION)) == 0) {
        return true;
    }
    if (accesses_left != 0 && --accesses_left == 0) {
        pull_out();
    }
    return !pulled_out;
}

static void watch(uint32_t vendor_when_gone)
{
    accesses_left = 0;
    pulled_out = false;
    watched_configuration = vendor_when_gone;
    watch_port(machine.port, still_there);
}

/* The end of a device that has been pulled out: its memory is the driver's again. */
static void bury(void)
{
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    disk_release();
    pulled_out = false;
    machine_plug_in();
    machine_finish();
}

/* A bring-up, or a restart, during whose n-th access it goes; true: there is no such access. */
static bool pull_out_at(uint32_t access, bool restart)
{
    enum vpt_status status;

    pair_machine(MACHINE_PCI_MODERN, NULL);
    assert_status(restart ? disk_bring_up(NULL) : machine_probe(), VPT_OK);
    assert_status(restart ? vpt_device_reset(machine.device) : VPT_OK, VPT_OK);
    watch(0xffffffffu);
    accesses_left = access;
    if (restart) {
        status = vpt_driver_restart(&disk.blk.driver, NULL);
    } else {
        status = vpt_blk_init(&disk.blk, machine.device, NULL);
        for (uint16_t i = 0; i < DISK_QUEUES && status == VPT_OK; i++) {
            status = vpt_blk_queue_init(&disk.queue[i], &disk.blk, i, NULL);
        }
        status = status == VPT_OK ? vpt_driver_start(&disk.blk.driver) : status;
    }
    cr_assert(status == VPT_OK || (status == VPT_DEVICE_GONE && pulled_out), "access %u: %s", access,
              vpt_status_str(status));
    accesses_left = 0;
    if (!pulled_out) {
        disk_end();
        return true;
    }
    bury();
    return false;
}

Test(removal, a_function_that_goes_at_any_access_of_its_bring_up_or_restart_is_gone)
{
    for (unsigned restart = 0; restart < 2; restart++) {
        uint32_t access = 1;

        while (!pull_out_at(access, restart == 1)) {
            access++;
        }
        cr_assert(access > 50, "%u", access);
    }
}

/* Configuration space too reads as zeroes on some machines, where no vendor's number is 0. */
Test(removal, zeroes_in_configuration_space_are_no_function_either)
{
    for (unsigned zeroes = 0; zeroes < 2; zeroes++) {
        pair_start(MACHINE_PCI_MODERN, NULL);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        pair_submit(0, 8);
        watch(zeroes == 1 ? 0 : 0xffffffffu);
        pull_out();
        assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
        assert_status(pair_poll(), VPT_EMPTY);
        pair_assert_back(0, 8, VPT_DEVICE_GONE);
        bury();
    }
}
