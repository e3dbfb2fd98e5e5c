/* SPDX-License-Identifier: MIT */
/* A GPU's features, and what becomes of pictures: restarts, time-outs, a device that is pulled out. */
#include <string.h>

#include "screen.h"

static const struct vpt_gpu_rectangle whole = { 0, 0, 50, 20 };

/* 3D is not accepted. */
STARTED_GPU_TEST(gpu_life, only_what_the_driver_knows_is_accepted)
{
    assert_same(machine.model->accepted.word[0] & 0xffu, 1u << VPT_GPU_F_EDID);
}

/* ---- Resets ---- */

/* The device has forgotten its pictures. */
STARTED_GPU_TEST(gpu_life, a_restart_ends_the_pictures)
{
    struct vpt_gpu_resource old;

    for (uint32_t round = 0; round < 3; round++) {
        gpu_show(50, 20, 70);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        assert_status(vpt_gpu_submit_transfer(&picture, &whole, NULL), VPT_OK);
        assert_status(vpt_gpu_move_cursor(&gpu, 0, 1, 1), VPT_OK);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
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
}

/* An attachment that times out has no pages any more, since the device was reset. */
PLAIN_GPU_TEST(gpu_life, D_GPU_11_pages_after_a_time_out)
{
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, 50, 20), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    assert_status(vpt_gpu_attach(&picture, gpu_pieces(4000, 2), 2, NULL, 0), VPT_DEVICE_TIMEOUT);
    cr_assert(!picture.attached);
}

/* It may still read them. */
Test(gpu_life, CLEANUP_2_pages_of_a_device_that_cannot_be_reset)
{
    gpu_start(&ring_usual);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, 50, 20), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_gpu_attach(&picture, gpu_pieces(4000, 2), 2, NULL, 0), VPT_DEVICE_STUCK);
    cr_assert(picture.attached);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    gpu_end();
}

Test(gpu_life, a_device_that_is_pulled_out_has_no_events)
{
    bool changed = true;

    gpu_start(&ring_usual);
    machine_pull_out();
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_DEVICE_GONE);
    cr_assert(!changed);
    assert_status(vpt_driver_release(&gpu.driver), VPT_OK);
    machine_end();
}

GPU_TEST(gpu_life, pictures_outlive_a_reset_of_the_control_queue)
{
    gpu_probe(variant);
    machine_offer(VPT_F_RING_RESET, true);
    assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
    gpu_show(50, 20, 3);
    for (uint32_t round = 0; round < 3; round++) {
        assert_status(vpt_requests_reset(&gpu.control), VPT_OK);
        assert_status(vpt_requests_restart(&gpu.control, NULL), VPT_OK);
        gpu_paint(round);
        assert_status(vpt_gpu_transfer(&picture, &whole), VPT_OK);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
        cr_assert(gpu_shown(round, whole));
    }
    gpu_end();
}
