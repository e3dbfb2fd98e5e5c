/* SPDX-License-Identifier: MIT */
/* A sound device's bring-up and its end: resets, restarts, a device that is silent or pulled out. */
#include "audio.h"

/* Controls are not accepted, and their number is not read: the model would complain. */
Test(sound_life, SND_INIT_1_controls_are_left_alone)
{
    sound_make_model();
    sound_model.options.controls = true;
    machine_make(MACHINE_MMIO_2,
                 &(const struct mock_pci_machine_options){ .machine.type = { &mock_sound_backend, &sound_model } });
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_sound_open(&sound, streams, SOUND_STREAMS, machine.device), VPT_OK);
    assert_same(machine.model->accepted.word[0] & 1u, 0);
    assert_sound_works();
    sound_end();
}

/* Only the queues that are needed; before the set-up, and before the start, commands are refused. */
SOUND_TEST(sound_life, D_SND_1_queue_by_queue)
{
    struct vpt_sound_event event;

    sound_probe(variant);
    assert_status(vpt_sound_init(&sound, streams, SOUND_STREAMS, machine.device, NULL), VPT_OK);
    assert_status(vpt_sound_describe(&streams[0]), VPT_CALLER_STATE);
    assert_status(vpt_sound_queue_init(&sound, VPT_SOUND_CONTROL, NULL), VPT_OK);
    assert_status(vpt_sound_queue_init(&sound, VPT_SOUND_PLAYBACK, NULL), VPT_OK);
    assert_status(vpt_sound_describe(&streams[0]), VPT_CALLER_STATE);
    assert_status(vpt_driver_start(&sound.driver), VPT_OK);
    assert_status(vpt_sound_poll_event(&sound, &event), VPT_CALLER_STATE);
    sound_bring(SOUND_PLAYS, VPT_SOUND_RUNNING);
    sound_submit(SOUND_PLAYS, 0, 2);
    cr_assert(sound_played(SOUND_PLAYS, 2));
    sound_bring(SOUND_HEARS, VPT_SOUND_PREPARED);
    assert_status(
        vpt_sound_submit(&streams[SOUND_HEARS], &(const struct vpt_segment){ sound_segment(1, 0).address, 8 }, 1, NULL),
        VPT_CALLER_STATE);
    assert_status(vpt_sound_release(&streams[SOUND_HEARS], NULL, NULL), VPT_OK);
    sound_end();
}

/* A change that goes on: no value is of one moment. Streams stay as they were until there is one. */
STARTED_SOUND_TEST(sound_life, CONFIG_1_a_configuration_that_keeps_changing)
{
    sound_bring(0, VPT_SOUND_PREPARED);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_sound_drain(&sound), VPT_OK);
    mock_device_change_configuration(machine.model);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_same(streams[0].state, VPT_SOUND_PREPARED);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
    assert_sound_works();
}

/* A short ring without tables has room for few periods, down to one. */
Test(sound_life, short_rings)
{
    static const uint32_t sizes[] = { 4, 8, 16, 64 };

    for (unsigned i = 0; i < 2u * COUNT_OF(sizes); i++) {
        struct mock_pci_machine_options options = { .machine = { .type = { &mock_sound_backend, &sound_model },
                                                                 .queue_maximum = sizes[i / 2u] } };

        sound_make_model();
        if (i % 2u == 0) {
            vpt_features_add(&options.machine.withhold, VPT_F_INDIRECT_DESC);
        }
        machine_make(MACHINE_PCI_MODERN, &options);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_sound_open(&sound, streams, SOUND_STREAMS, machine.device), VPT_OK);
        sound_bring(SOUND_PLAYS, VPT_SOUND_RUNNING);
        for (uint32_t n = 0; n < 20; n++) {
            sound_submit(SOUND_PLAYS, n, 1);
            assert_sound_period(SOUND_PLAYS, n, VPT_OK);
        }
        cr_assert(sound_played(SOUND_PLAYS, 20));
        sound_end();
    }
}

/* ---- Resets ---- */

static void take_all(uint32_t stream, uint32_t count, enum vpt_status status)
{
    struct vpt_completion completion;
    unsigned seen = 0;

    for (uint32_t i = 0; i < count; i++) {
        assert_status(vpt_requests_poll(streams[stream].requests, &completion), VPT_OK);
        assert_status(completion.status, status);
        for (uint32_t n = 0; n < count; n++) {
            seen |= completion.token == sound_token(stream, n) ? 1u << n : 0;
        }
    }
    assert_same(seen, (1u << count) - 1u);
    assert_status(vpt_requests_poll(streams[stream].requests, &completion), VPT_EMPTY);
}

/* Restarted on the same memory, with periods and events in flight. The device has forgotten its streams. */
STARTED_SOUND_TEST(sound_life, CLEANUP_2_a_restart_on_the_same_memory)
{
    const struct vpt_segment segment = sound_segment(0, 0);
    struct vpt_sound_jack jack;
    uint64_t allocations;

    allocations = machine.hal->allocations;
    for (uint32_t round = 0; round < 3; round++) {
        sound_bring(SOUND_PLAYS, VPT_SOUND_PREPARED);
        sound_bring(SOUND_HEARS, VPT_SOUND_PREPARED);
        sound_submit(SOUND_PLAYS, 0, 3);
        sound_submit(SOUND_HEARS, 0, 4);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_CALLER_BUSY);
        take_all(SOUND_PLAYS, 3, VPT_CANCELLED);
        take_all(SOUND_HEARS, 4, VPT_CANCELLED);
        assert_status(vpt_sound_get_jack(&sound, 0, &jack), VPT_CALLER_STATE);
        assert_status(vpt_sound_start(&streams[0]), VPT_CALLER_STATE);
        assert_status(vpt_sound_submit(&streams[0], &segment, 1, NULL), VPT_CANCELLED);
        assert_status(vpt_sound_drain(&sound), VPT_OK);
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
        assert_status(vpt_sound_submit(&streams[0], &segment, 1, NULL), VPT_CALLER_STATE);
        assert_status(vpt_sound_prepare(&streams[0]), VPT_CALLER_STATE);
        assert_sound_works();
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_sound_drain(&sound), VPT_OK);
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
    }
    assert_same(machine.hal->allocations, allocations);
}

/* One queue alone: what was in flight there is not waited for when the stream is released. */
SOUND_TEST(sound_life, one_queue_is_reset)
{
    sound_probe(variant);
    machine_offer(VPT_F_RING_RESET, true);
    assert_status(vpt_sound_open(&sound, streams, SOUND_STREAMS, machine.device), VPT_OK);
    for (unsigned round = 0; round < 3; round++) {
        sound_bring(SOUND_HEARS, VPT_SOUND_PREPARED);
        sound_submit(SOUND_HEARS, 0, 2);
        sound_bring(SOUND_PLAYS, VPT_SOUND_PREPARED);
        sound_submit(SOUND_PLAYS, 0, 3);
        assert_status(vpt_requests_reset(streams[SOUND_PLAYS].requests), VPT_OK);
        take_all(SOUND_PLAYS, 3, VPT_CANCELLED);
        assert_status(vpt_requests_restart(streams[SOUND_PLAYS].requests, NULL), VPT_OK);
        assert_same(streams[SOUND_PLAYS].pending, 0);
        assert_same(streams[SOUND_HEARS].pending, 2);
        assert_status(vpt_sound_release(&streams[SOUND_PLAYS], NULL, NULL), VPT_OK);
        assert_status(vpt_sound_release(&streams[SOUND_HEARS], NULL, NULL), VPT_OK);
        assert_sound_works();
    }
    sound_end();
}

/* A device that does not answer is reset. */
STARTED_SOUND_TEST(sound_life, a_device_that_does_not_answer)
{
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (uint32_t round = 0; round < 4; round++) {
        uint64_t resets;

        sound_bring(SOUND_PLAYS, round == 0 ? VPT_SOUND_UNKNOWN : VPT_SOUND_PREPARED);
        if (round >= 2) {
            sound_submit(SOUND_PLAYS, 0, 2);
        }
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, round == 3 ? 3 : 1, 1, 0);
        resets = machine.model->resets;
        switch (round) {
        case 0: assert_status(vpt_sound_describe(&streams[0]), VPT_DEVICE_TIMEOUT); break;
        case 1: assert_status(vpt_sound_prepare(&streams[0]), VPT_DEVICE_TIMEOUT); break;
        case 2: assert_status(vpt_sound_start(&streams[0]), VPT_DEVICE_TIMEOUT); break;
        default: assert_status(vpt_sound_release(&streams[0], NULL, NULL), VPT_DEVICE_TIMEOUT); break;
        }
        assert_same(machine.model->resets, resets + 1u);
        if (round == 2) {
            take_all(SOUND_PLAYS, 2, VPT_CANCELLED);
        }
        assert_status(vpt_sound_drain(&sound), VPT_OK);
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
        assert_sound_works();
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_sound_drain(&sound), VPT_OK);
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
    }
}
