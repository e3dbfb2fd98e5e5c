/* SPDX-License-Identifier: MIT */
/* What test_assign_interrupt_random.c has no model for: calls that are refused, and hooks that are not there. */

#include "assign_signal.h"

TestSuite(assign_interrupt, .timeout = 60);

static const struct signal_function with_all = { true, true, true, 5, true, true, 4 };

Test(assign_interrupt, interrupts_need_a_device_with_an_owner)
{
    static struct vpt_assign_device closed;

    signal_start();
    assert_status(vpt_assign_raise(NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_raise(&closed, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_end_of_interrupt(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_end_of_interrupt(&closed), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_CALLER_STATE);
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_CALLER_STATE);
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_CALLER_STATE);
    EXPECT_NOTHING();
}

Test(assign_interrupt, msix_goes_before_msi_and_msi_before_intx)
{
    signal_make(&with_all);
    signal_open();
    signal_raise(VPT_ASSIGN_INTX);
    EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
    signal_msi_control(MSI_MESSAGES(3) | MSI_ENABLE);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 8 }, { LEVEL, false, 0 });
    signal_raise(5);
    EXPECT({ MESSAGE, 0, 5 });
    signal_msix_control(MSIX_ENABLE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_MSIX, 4 });
    signal_msi_control(MSI_MESSAGES(5) | MSI_ENABLE);
    EXPECT_NOTHING();
}

/* The guest has served the function with the line masked at its controller, and opens the line. */
Test(assign_interrupt, an_end_too_many_does_nothing_and_after_one_too_early_the_line_rises_again)
{
    signal_start();
    signal_open();
    for (unsigned i = 0; i < 2; i++) {
        signal_raise(VPT_ASSIGN_INTX);
        EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
        assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
        EXPECT({ HOST_MASK, false, 0 }, { LEVEL, false, 0 });
        assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_EMPTY);
        EXPECT_NOTHING();
    }
}

Test(assign_interrupt, hooks_may_be_left_out_and_without_message_a_vector_stays_pending)
{
    signal_make(&with_all);
    signals.function.host.interrupts = NULL;
    signals.function.host.intx_mask = NULL;
    signals.guest.intx = NULL;
    signal_open();
    signal_raise(VPT_ASSIGN_INTX);
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
    signal_msi_control(MSI_ENABLE);
    signal_raise(0);
    EXPECT({ MESSAGE, 0, 0 });
    signals.guest.message = NULL;
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_UNSUPPORTED_PORT);
    signal_enable_vectors(1);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_UNSUPPORTED_PORT);
    signal_store(0, SIGNAL_TABLE + 12, 4, 0);
    assert_same(signal_load(0, SIGNAL_PENDING, 4), 1);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

Test(assign_interrupt, a_guest_gets_no_interrupts_once_its_release_has_begun)
{
    signal_make(&with_all);
    signal_open();
    signal_msix_control(MSIX_ENABLE);
    signals.unmap_fails = true;
    signals.logged = 0;
    assert_status(vpt_assign_release(&signals.device), SIGNAL_FAILURE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 });
    assert_status(vpt_assign_config_write(&signals.device, SIGNAL_MSIX + 2, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK),
                  VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_config_write(&signals.device, SIGNAL_MSI + 2, 2, MSI_ENABLE), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
    signals.unmap_fails = false;
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

Test(assign_interrupt, bus_mastering_that_the_host_has_lost_comes_back_with_the_guests_next_write)
{
    signal_start();
    signal_open();
    signals.config[4] &= 0xfb;
    assert_same(signal_read(4, 2), 6);
    signal_write(5, 1, 0);
    assert_same(signals.config[4] & 4, 0);
    signal_write(4, 2, 6);
    assert_same(signals.config[4] & 4, 4);
}
