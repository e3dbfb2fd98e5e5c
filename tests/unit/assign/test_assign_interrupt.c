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
