/* SPDX-License-Identifier: MIT */
/*
 * A run full of recovery (suspend, resume, quiescing, reset, restart) on each transport, with one lie or deed at each
 * single access, once and from then on: it ends, each request comes back once, memory is given back, and after the lie
 * the next run works.
 */
#include "campaign.h"

TestSuite(lies_recovery, .timeout = 120);

static const struct mock_lie ways[] = {
    { LIE_VALUE(0) },
    { LIE_VALUE(UINT64_MAX) },
    { LIE_XOR(0x01) },
    { LIE_XOR(0x10) },
    { LIE_ADD(1) },
    { LIE_DROP },
    { .how = MOCK_LIE_RANDOM, .value = 5 },
    { .how = MOCK_LIE_VANISH },
    { .how = MOCK_LIE_RESET },
    { .how = MOCK_LIE_STOP },
    { .how = MOCK_LIE_NEEDS_RESET },
    { .how = MOCK_LIE_COMPLETE },
    { .how = MOCK_LIE_LOOK },
    { .how = MOCK_LIE_CONFIGURATION },
    { .how = MOCK_LIE_SCRIBBLE, .value = 3 },
};

static void recover(void)
{
    campaign_submit_all();
    (void)vpt_requests_kick(&disk.queue[0].requests);
    if (vpt_device_suspend(machine.device) == VPT_OK) {
        campaign_submit_all();
        campaign_take_all();
        (void)vpt_device_resume(machine.device);
    }
    campaign_quiesce_all();
    (void)vpt_device_reset(machine.device);
    campaign_take_all();
    if (vpt_driver_restart(&disk.blk.driver, NULL) == VPT_OK) {
        campaign_submit_all();
        campaign_quiesce_all();
        (void)vpt_blk_flush(&disk.queue[1]);
    }
}

/* What the lie has left behind is put in order by a driver that goes by the book: a reset, and a restart. */
static void assert_recovers(void)
{
    enum vpt_status status;

    mock_lies_clear(machine.model);
    status = vpt_device_reset(machine.device);
    campaign_take_all();
    cr_assert(!campaign_any_out());
    if (status == VPT_OK) {
        status = vpt_driver_restart(&disk.blk.driver, NULL);
    }
    cr_assert(status == VPT_OK || status == VPT_DEVICE_GONE || status == VPT_DEVICE_TIMEOUT, "%s",
              vpt_status_str(status));
    if (status == VPT_OK) {
        campaign.served = 0;
        campaign_submit_all();
        campaign_quiesce_all();
        assert_same(campaign.served, CAMPAIGN_REQUESTS);
        assert_status(vpt_blk_flush(&disk.queue[1]), VPT_OK);
    }
}

/* Whether the lie fired. */
static bool lie_at(enum machine_kind kind, struct mock_lie lie)
{
    bool fired;

    campaign_machine(kind, &(struct mock_completion){ .mode = MOCK_COMPLETE_BY_TICK, .delay = 2 });
    machine_offer(VPT_F_SUSPEND, !machine_kind_legacy(kind));
    machine.hal->wait_budget[VPT_WAIT_SUSPEND] = 8;
    campaign_begin();
    (void)campaign_lie(&lie);
    recover();
    fired = machine.model->lies.fired != 0;
    assert_recovers();
    campaign_tear_down();
    campaign_recover();
    return fired;
}

PARAMETER_TEST(struct campaign_variant, campaign_variants(2 * COUNT_OF(ways)), lies_recovery,
               every_request_comes_back_once_whatever_is_lied_about_on_the_way)
{
    struct mock_lie lie = ways[variant->row / 2];

    lie.first = 1;
    lie.times = variant->row % 2;
    while (lie_at(variant->kind, lie)) {
        lie.first += test_stride();
        cr_assert(lie.first < 2000);
    }
    cr_assert(lie.first > 50, "%u", lie.first);
}
