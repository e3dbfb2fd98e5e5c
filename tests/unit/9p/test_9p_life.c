/* SPDX-License-Identifier: MIT */
/* A 9P device on short rings, after a restart, and while a message is waited for. */
#include "share.h"

/* A ring of 2 has no room for data, and no table is longer; one message at a time leaves none for a Tflush. */
Test(p9_life, short_rings)
{
    static const uint32_t sizes[] = { 2, 4, 8, 16, 32, 64 };

    for (unsigned i = 0; i < 2u * COUNT_OF(sizes); i++) {
        bool tables = i % 2u == 0;
        size_t done;

        p9_probe(&(const struct ring_variant){ MACHINE_PCI_MODERN, false, false, !tables });
        machine.model->queues[0].maximum = sizes[i / 2u];
        machine.hal->share_page = 64;
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        assert_status(vpt_9p_open(&p9, machine.device), VPT_OK);
        p9_session();
        if (sizes[i / 2u] == 2) {
            assert_status(vpt_9p_read(&p9, P9_ROOT, 0, p9_buffer, 1, &done), VPT_RESOURCE_SEGMENTS);
            assert_same(mock_hal_live_shares(machine.hal), 0);
        } else {
            assert_p9_works();
        }
        p9_model.options.held = 120;
        assert_status(vpt_9p_clunk(&p9, P9_ROOT),
                      vpt_requests_free(&p9.requests) > 1 || tables ? VPT_CANCELLED : VPT_DEVICE_TIMEOUT);
        p9_end();
    }
}

/* The server has forgotten it. */
STARTED_P9_TEST(p9_life, a_restart_ends_the_session)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
    assert_status(vpt_9p_clunk(&p9, P9_ROOT), VPT_CALLER_STATE);
    assert_p9_works();
}
