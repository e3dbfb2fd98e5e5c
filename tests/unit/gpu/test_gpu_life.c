/* SPDX-License-Identifier: MIT */
/* A GPU's bring-up and its end: resets, restarts, a device that is silent or pulled out. */
#include <string.h>

#include "opening.h"
#include "screen.h"

static const struct vpt_gpu_rectangle whole = { 0, 0, 50, 20 };

static enum vpt_status open_it(void)
{
    return vpt_gpu_open(&gpu, machine.device);
}

static const struct opening opening = { open_it, &gpu, sizeof(gpu), 2 };

/* Of the four transports two are legacy interfaces. */
TRANSPORT_TEST(gpu_life, what_is_no_modern_GPU_is_refused)
{
    bool legacy = machine_kind_legacy(variant->kind);

    machine_make(variant->kind, NULL);
    assert_status(machine_probe(), VPT_OK);
    memset(&gpu, 0x5a, sizeof(gpu));
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_UNSUPPORTED_DEVICE);
    assert_nothing_left(&opening);
    assert_same(machine.model->resets, 0);
    machine_end();
    gpu_probe(&(const struct ring_variant){ variant->kind, false, false, false });
    assert_status(vpt_gpu_init(&gpu, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_open(&gpu, machine.device), legacy ? VPT_UNSUPPORTED_FEATURE : VPT_OK);
    if (legacy) {
        assert_nothing_left(&opening);
        machine_end();
    } else {
        gpu_end();
    }
}

Test(gpu_life, a_modern_device_without_VERSION_1_is_refused)
{
    gpu_probe(&ring_usual);
    machine_offer(VPT_F_VERSION_1, false);
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_UNSUPPORTED_FEATURE);
    assert_nothing_left(&opening);
    machine_end();
}

/* 3D is not accepted. */
GPU_TEST(gpu_life, only_what_the_driver_knows_is_accepted)
{
    gpu_start(variant);
    assert_same(machine.model->accepted.word[0] & 0xffu, 1u << VPT_GPU_F_EDID);
    gpu_end();
}

GPU_TEST(gpu_life, arguments_that_are_none)
{
    gpu_start(variant);
    assert_status(vpt_gpu_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_queue_init(NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_queue_init(&(struct vpt_gpu){ .scanouts = 0 }, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_queue_init(&gpu, 2, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_gpu_open(NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_drain(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_drain(&gpu), VPT_CALLER_STATE); /* the device is running */
    assert_gpu_works();
    gpu_end();
}

/* Without a queue for commands each one is refused. */
GPU_TEST(gpu_life, before_its_queues_are_set_up)
{
    struct vpt_gpu_display display;

    gpu_probe(variant);
    assert_status(vpt_gpu_init(&gpu, machine.device, NULL), VPT_OK);
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, 1, 1), VPT_CALLER_STATE);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_CALLER_STATE);
    assert_status(vpt_gpu_queue_init(&gpu, 0, NULL), VPT_OK);
    assert_status(vpt_gpu_queue_init(&gpu, 1, NULL), VPT_OK);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_CALLER_STATE); /* it is not started */
    assert_status(vpt_driver_start(&gpu.driver), VPT_OK);
    assert_gpu_works();
    gpu_end();
}

/* Allocations fail from the n-th on; the n-th queue fails. */
GPU_TEST(gpu_life, an_open_that_fails_leaves_nothing_behind)
{
    gpu_probe(variant);
    opening_without_memory(&opening);
    assert_gpu_works();
    gpu_release();
    opening_without_queue(&opening);
    machine_end();
}

static struct vpt_port plain_port;

static enum vpt_status allocate_and_fail(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                         struct vpt_memory *memory)
{
    mock_device_needs_reset(machine.model);
    return plain_port.dma_allocate(ctx, size, alignment, limit, flags, memory);
}

GPU_TEST(gpu_life, CLEANUP_2_an_open_that_cannot_stop_the_device_leaves_it_the_memory)
{
    gpu_probe(variant);
    plain_port = *machine.port;
    machine.port->dma_allocate = allocate_and_fail;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
    assert_status(vpt_gpu_open(&gpu, machine.device), machine_on_pci() ? VPT_DEVICE_NEEDS_RESET : VPT_DEVICE_STUCK);
    assert_same(mock_hal_live_allocations(machine.hal) == 0, machine_on_pci());
    assert_same(gpu.scanouts, machine_on_pci() ? 0 : 2);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    machine.port->dma_allocate = plain_port.dma_allocate;
    if (!machine_on_pci()) {
        gpu_release();
    }
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
    assert_gpu_works();
    gpu_end();
}

/* An earlier driver has not seen this change, and it goes on: no value is of one moment. */
GPU_TEST(gpu_life, CONFIG_1_a_configuration_that_keeps_changing)
{
    gpu_probe(variant);
    machine.model->backend->change_configuration(&gpu_model);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_nothing_left(&opening);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
    assert_gpu_works();
    gpu_end();
}

/* A short ring without tables has room for few commands, down to one of three segments. */
Test(gpu_life, short_rings)
{
    static const uint32_t sizes[] = { 4, 8, 16, 32, 64 };

    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        for (unsigned tables = 0; tables < 2; tables++) {
            struct mock_pci_machine_options options = { .machine = { .type = { &mock_gpu_backend, &gpu_model },
                                                                     .queue_maximum = sizes[i] } };

            gpu_make_model();
            if (tables == 0) {
                vpt_features_add(&options.machine.withhold, VPT_F_INDIRECT_DESC);
            }
            machine_make(MACHINE_PCI_MODERN, &options);
            assert_status(machine_probe(), VPT_OK);
            assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
            assert_gpu_works();
            assert_gpu_works();
            gpu_end();
        }
    }
}

/* Memory that was handed over is all that is used: of a port without memory nothing is asked. */
GPU_TEST(gpu_life, memory_of_the_callers)
{
    struct vpt_requests_config config[2] = { { .requests = 2, .segments = 3, .size = 8 },
                                             { .requests = 4, .size = 4 } };
    struct vpt_memory pieces[4];
    struct vpt_port whole_port;

    gpu_probe(variant);
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        assert_status(machine.port->dma_allocate(machine.port->ctx, 0x4000, 4096, UINT64_MAX, 0, &pieces[i]), VPT_OK);
    }
    whole_port = *machine.port;
    machine.port->dma_allocate = NULL;
    assert_status(vpt_gpu_init(&gpu, machine.device, NULL), VPT_OK);
    for (uint16_t i = 0; i < 2; i++) {
        config[i].memory.rings = pieces[2u * i];
        config[i].memory.slots = pieces[2u * i + 1u];
        if (i == 0) {
            config[i].memory.slots.size = (size_t)VPT_GPU_SLOT_SIZE * 2u;
            config[i].memory.indirect =
                (struct vpt_memory){ (uint8_t *)pieces[0].address + 0x2000, pieces[0].device_address + 0x2000, 0x2000 };
            config[i].memory.rings.size = 0x2000;
        }
        config[i].memory.private_state =
            (struct vpt_memory){ machine_bytes(GPU_LISTS + 0x1000u * i), 0, VPT_REQUESTS_PRIVATE_SIZE(4) };
        assert_status(vpt_gpu_queue_init(&gpu, i, &config[i]), VPT_OK);
    }
    assert_status(vpt_driver_start(&gpu.driver), VPT_OK);
    assert_same(vpt_requests_free(&gpu.control), 2);
    for (uint32_t i = 0; i < 5; i++) {
        assert_gpu_works();
    }
    gpu_release();
    *machine.port = whole_port;
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        machine.port->dma_free(machine.port->ctx, &pieces[i], 0);
    }
    machine_end();
}

/* ---- Resets ---- */

/* Each command in flight comes back once, with this status. */
static void assert_each_comes_back(const unsigned *first, unsigned count, enum vpt_status status)
{
    struct vpt_completion completion;
    unsigned seen = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t n;

        assert_status(vpt_requests_poll(&gpu.control, &completion), VPT_OK);
        assert_status(completion.status, status);
        n = (size_t)((unsigned *)completion.token - first);
        cr_assert(n < count && (seen >> n & 1u) == 0);
        seen |= 1u << n;
    }
    assert_status(vpt_requests_poll(&gpu.control, &completion), VPT_EMPTY);
}

/* Restarted on the same memory, with commands and cursors in flight. The device has forgotten its pictures. */
GPU_TEST(gpu_life, CLEANUP_2_a_restart_on_the_same_memory)
{
    struct vpt_gpu_resource old;
    unsigned tokens[4];
    uint64_t allocations;

    gpu_start(variant);
    allocations = machine.hal->allocations;
    for (uint32_t round = 0; round < 3; round++) {
        gpu_show(50, 20, 70);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        for (unsigned i = 0; i < 4; i++) {
            assert_status(i % 2u == 0 ? vpt_gpu_submit_transfer(&picture, &whole, &tokens[i])
                                      : vpt_gpu_submit_flush(&picture, &whole, &tokens[i]),
                          VPT_OK);
        }
        assert_status(vpt_requests_kick(&gpu.control), VPT_OK);
        assert_status(vpt_gpu_move_cursor(&gpu, 0, 1, 1), VPT_OK);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_CALLER_BUSY);
        assert_each_comes_back(tokens, 4, VPT_CANCELLED);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_CANCELLED);
        assert_status(vpt_gpu_submit_flush(&picture, &whole, NULL), VPT_CANCELLED);
        assert_status(vpt_gpu_move_cursor(&gpu, 0, 1, 1), VPT_CANCELLED);
        assert_status(vpt_gpu_drain(&gpu), VPT_OK);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        old = picture;
        assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_OK);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_CALLER_STATE);
        assert_status(vpt_gpu_transfer(&picture, &whole), VPT_CALLER_STATE);
        assert_status(vpt_gpu_submit_flush(&picture, &whole, NULL), VPT_CALLER_STATE);
        assert_status(vpt_gpu_detach(&picture), VPT_CALLER_STATE);
        assert_status(vpt_gpu_unref(&picture), VPT_CALLER_STATE);
        assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_CALLER_STATE);
        cr_assert(memcmp(&picture, &old, sizeof(old)) == 0);
        assert_gpu_works();
        cr_assert(gpu.resources != old.id);
    }
    assert_same(machine.hal->allocations, allocations);
    gpu_end();
}

/* A device that does not answer is reset, so that the pages are the caller's again. */
GPU_TEST(gpu_life, a_device_that_does_not_answer)
{
    struct vpt_gpu_display display;

    gpu_start(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t resets;

        gpu_show(50, 20, 3);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
        resets = machine.model->resets;
        switch (round) {
        case 0: assert_status(vpt_gpu_flush(&picture, &whole), VPT_DEVICE_TIMEOUT); break;
        case 1: assert_status(vpt_gpu_unref(&picture), VPT_DEVICE_TIMEOUT); break;
        default: assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_DEVICE_TIMEOUT); break;
        }
        assert_same(machine.model->resets, resets + 1u);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_CANCELLED);
        assert_status(vpt_gpu_drain(&gpu), VPT_OK);
        assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_OK);
        assert_status(vpt_gpu_unref(&picture), VPT_CALLER_STATE);
        assert_gpu_works();
    }
    gpu_end();
}

/* An attachment that times out has no pages any more, since the device was reset. */
Test(gpu_life, D_GPU_11_pages_after_a_time_out)
{
    gpu_start(&ring_usual);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, 50, 20), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    assert_status(vpt_gpu_attach(&picture, gpu_pieces(4000, 2), 2, NULL, 0), VPT_DEVICE_TIMEOUT);
    cr_assert(!picture.attached);
    gpu_end();
}

/* Each command comes back, and the next device finds nothing of this one. */
GPU_TEST(gpu_life, a_device_that_is_pulled_out)
{
    struct vpt_gpu_display display;
    unsigned tokens[3];
    bool changed = true;

    gpu_start(variant);
    gpu_show(50, 20, 3);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_gpu_submit_flush(&picture, &whole, &tokens[i]), VPT_OK);
    }
    assert_status(vpt_requests_kick(&gpu.control), VPT_OK);
    machine_pull_out();
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_DEVICE_GONE);
    cr_assert(!changed);
    assert_each_comes_back(tokens, 3, VPT_DEVICE_GONE);
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_DEVICE_GONE);
    assert_status(vpt_gpu_unref(&picture), VPT_DEVICE_GONE);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_DEVICE_GONE);
    assert_status(vpt_gpu_move_cursor(&gpu, 0, 1, 1), VPT_DEVICE_GONE);
    assert_status(vpt_gpu_drain(&gpu), VPT_OK);
    assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_driver_release(&gpu.driver), VPT_OK);
    machine_end();
}

/* The control queue alone: the device still has its pictures. */
GPU_TEST(gpu_life, one_queue_is_reset)
{
    gpu_probe(variant);
    machine_offer(VPT_F_RING_RESET, true);
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
    gpu_show(50, 20, 3);
    for (uint32_t round = 0; round < 3; round++) {
        assert_status(vpt_requests_reset(&gpu.control), VPT_OK);
        assert_status(vpt_gpu_move_cursor(&gpu, 0, round, round), VPT_OK);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_CALLER_STATE);
        assert_status(vpt_requests_restart(&gpu.control, NULL), VPT_OK);
        gpu_paint(round);
        assert_status(vpt_gpu_transfer(&picture, &whole), VPT_OK);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
        cr_assert(gpu_shown(round, whole));
    }
    gpu_end();
}
