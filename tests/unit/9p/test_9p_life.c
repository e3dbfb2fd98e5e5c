/* SPDX-License-Identifier: MIT */
/* A 9P device's bring-up and its end: resets, restarts, short rings, a device that is pulled out. */
#include <string.h>

#include "opening.h"
#include "share.h"

static enum vpt_status open_it(void)
{
    return vpt_9p_open(&p9, machine.device);
}

static const struct opening opening = { open_it, &p9, sizeof(p9), 1 };

TRANSPORT_TEST(p9_life, D_9P_1_what_is_no_9P_device_is_refused)
{
    machine_make(variant->kind, NULL);
    assert_status(machine_probe(), VPT_OK);
    memset(&p9, 0x5a, sizeof(p9));
    assert_status(vpt_9p_open(&p9, machine.device), VPT_UNSUPPORTED_DEVICE);
    assert_nothing_left(&opening);
    assert_same(machine.model->resets, 0);
    assert_status(vpt_9p_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_init(&p9, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_queue_init(NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_queue_init(&p9, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_open(NULL, machine.device), VPT_CALLER_ARGUMENT);
    machine_end();
}

/* Calls before the queue is set up, and before the start. */
P9_TEST(p9_life, before_it_is_started)
{
    p9_probe(variant);
    assert_status(vpt_9p_init(&p9, machine.device, NULL), VPT_OK);
    assert_status(vpt_9p_version(&p9, 8192), VPT_CALLER_STATE);
    assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ .type = 24, .size = 19 }, NULL), VPT_CALLER_STATE);
    assert_status(vpt_9p_queue_init(&p9, NULL), VPT_OK);
    assert_status(vpt_9p_version(&p9, 8192), VPT_CALLER_STATE);
    assert_status(vpt_driver_start(&p9.driver), VPT_OK);
    assert_p9_works();
    p9_end();
}

/* Allocations fail from the n-th on; the queue fails. */
P9_TEST(p9_life, an_open_that_fails_leaves_nothing_behind)
{
    p9_probe(variant);
    opening_without_memory(&opening);
    assert_p9_works();
    p9_release();
    opening_without_queue(&opening);
    machine_end();
}

/* A short ring without tables has room for few messages: one, or one without data, and then no Tflush. */
Test(p9_life, short_rings)
{
    static const uint32_t sizes[] = { 2, 4, 8, 16, 32, 64 };

    for (unsigned i = 0; i < 2u * COUNT_OF(sizes); i++) {
        bool tables = i % 2u == 0;
        struct mock_pci_machine_options options = { .machine = { .type = { &mock_9p_backend, &p9_model },
                                                                 .queue_maximum = sizes[i / 2u] } };
        size_t done;

        p9_make_model();
        if (!tables) {
            vpt_features_add(&options.machine.withhold, VPT_F_INDIRECT_DESC);
        }
        machine_make(MACHINE_PCI_MODERN, &options);
        machine.hal->share_page = 64;
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_9p_open(&p9, machine.device), VPT_OK);
        if (sizes[i / 2u] > 2) {
            assert_p9_works();
            assert_p9_works();
        } else {
            p9_session();
            assert_status(vpt_9p_read(&p9, P9_ROOT, 0, p9_buffer, 1, &done), VPT_RESOURCE_SEGMENTS);
            assert_same(mock_hal_live_shares(machine.hal), 0);
        }
        p9_model.options.held = 120;
        assert_status(vpt_9p_clunk(&p9, P9_ROOT),
                      vpt_requests_free(&p9.requests) > 1 || tables ? VPT_CANCELLED : VPT_DEVICE_TIMEOUT);
        p9_end();
    }
}

/* Memory that was handed over is all that is used: of a port without memory nothing is asked. */
P9_TEST(p9_life, memory_of_the_callers)
{
    static _Alignas(8) uint8_t state[VPT_REQUESTS_PRIVATE_SIZE(2)];
    struct vpt_requests_config config = { .requests = 2, .segments = 4, .size = 8 };
    struct vpt_memory pieces[3];
    struct vpt_port whole;

    p9_probe(variant);
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        assert_status(machine.port->dma_allocate(machine.port->ctx, 0x4000, 4096, UINT64_MAX, 0, &pieces[i]), VPT_OK);
    }
    whole = *machine.port;
    machine.port->dma_allocate = NULL;
    config.size = machine_kind_legacy(variant->kind) ? 0 : 8;
    config.memory.rings = pieces[0];
    config.memory.indirect = pieces[1];
    config.memory.slots = pieces[2];
    config.memory.slots.size = 2u * VPT_9P_SLOT_SIZE;
    config.memory.private_state = (struct vpt_memory){ state, 0, sizeof(state) };
    assert_status(vpt_9p_init(&p9, machine.device, NULL), VPT_OK);
    assert_status(vpt_9p_queue_init(&p9, &config), VPT_OK);
    assert_status(vpt_driver_start(&p9.driver), VPT_OK);
    assert_same(vpt_requests_free(&p9.requests), 2);
    machine.hal->share_page = 256;
    assert_p9_works();
    p9_release();
    *machine.port = whole;
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        machine.port->dma_free(machine.port->ctx, &pieces[i], 0);
    }
    machine_end();
}

/* ---- Resets ---- */

static void submit_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *slot = vpt_requests_next(&p9.requests);

        memset(slot + VPT_9P_HEADER, 0, 12);
        slot[VPT_9P_HEADER + 4u] = 0xff;
        slot[VPT_9P_HEADER + 5u] = 7;
        assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ .type = 24, .size = 19 }, slot), VPT_OK);
    }
    assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
}

static void take_all(uint32_t count, enum vpt_status status)
{
    struct vpt_completion completion;

    for (uint32_t i = 0; i < count; i++) {
        assert_status(vpt_requests_poll(&p9.requests, &completion), VPT_OK);
        assert_status(completion.status, status);
    }
    assert_status(vpt_requests_poll(&p9.requests, &completion), VPT_EMPTY);
}

/* Restarted on the same memory, with messages in flight. The server has forgotten the session. */
P9_TEST(p9_life, CLEANUP_2_a_restart_on_the_same_memory)
{
    uint64_t allocations;

    p9_open(variant);
    allocations = machine.hal->allocations;
    for (unsigned round = 0; round < 3; round++) {
        uint32_t slots;

        assert_p9_works();
        slots = vpt_requests_free(&p9.requests);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        submit_all(slots);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_CALLER_BUSY);
        take_all(slots, VPT_CANCELLED);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
        assert_status(vpt_9p_clunk(&p9, P9_ROOT), VPT_CALLER_STATE);
    }
    assert_p9_works();
    assert_same(machine.hal->allocations, allocations);
    p9_end();
}

P9_TEST(p9_life, a_device_that_is_pulled_out)
{
    uint32_t slots;
    size_t done;

    p9_open(variant);
    assert_p9_works();
    slots = vpt_requests_free(&p9.requests);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    submit_all(slots);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    take_all(slots, VPT_DEVICE_GONE);
    assert_status(vpt_9p_read(&p9, P9_ROOT, 0, p9_buffer, 10, &done), VPT_DEVICE_GONE);
    assert_status(vpt_9p_version(&p9, 8192), VPT_DEVICE_GONE);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_status(vpt_driver_release(&p9.driver), VPT_OK);
    mock_violations_clear(&machine.hal->violations);
    machine_plug_in();
    machine_end();
}

/* While a message is waited for. */
TRANSPORT_TEST(p9_life, a_device_that_is_pulled_out_while_it_is_waited_for)
{
    size_t done;

    p9_start(&(const struct ring_variant){ variant->kind, false, false, false });
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, "hello"), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_ONLY), VPT_OK);
    (void)mock_lie_set(
        &machine.model->lies,
        &(const struct mock_lie){ .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_VANISH, .first = 1, .times = 1 });
    assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, 10, &done), VPT_DEVICE_GONE);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_status(vpt_driver_release(&p9.driver), VPT_OK);
    mock_violations_clear(&machine.hal->violations);
    machine_plug_in();
    machine_end();
}
