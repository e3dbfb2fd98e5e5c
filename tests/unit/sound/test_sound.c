/* SPDX-License-Identifier: MIT */
/* Streams of a sound device: what it says of them, their states, their periods. */
#include <string.h>

#include "audio.h"

#define STATES 6u

/* ---- What the device says ---- */

STARTED_SOUND_TEST(sound, D_SND_6_SND_INFO_1_what_a_stream_can_do)
{
    struct mock_sound_info *info = sound_model.options.info;

    info[SOUND_PLAYS].formats |= UINT64_C(0xffffffff00000000) | 1u << 25 | 1u << 24;
    info[SOUND_PLAYS].rates |= UINT64_C(1) << 40 | 1u << 16;
    for (uint32_t i = 0; i < SOUND_STREAMS; i++) {
        uint64_t commands = sound_model.commands;

        assert_same(streams[i].id, i);
        assert_status(vpt_sound_describe(&streams[i]), VPT_OK);
        assert_status(vpt_sound_describe(&streams[i]), VPT_OK); /* without a command */
        assert_same(sound_model.commands, commands + 1u);
        assert_same(streams[i].info.function, 7u + i);
        assert_same(streams[i].info.features, 0x10);
        assert_same(streams[i].info.formats, 0x30u | (i == SOUND_PLAYS ? 1u << 24 : 0));
        assert_same(streams[i].info.rates, 0x8040);
        assert_same(streams[i].info.capture, i == SOUND_HEARS);
        assert_same(streams[i].info.channels_min, 1);
        assert_same(streams[i].info.channels_max, 2);
        cr_assert(streams[i].requests == &sound.queue[i == SOUND_HEARS ? VPT_SOUND_CAPTURE : VPT_SOUND_PLAYBACK]);
    }
}

/* A direction that is none, or an answer that ends before it, which then reads as 0. */
PLAIN_SOUND_TEST(sound, D_SND_6_what_a_device_says_wrongly)
{
    sound_model.options.info[0].direction = 2;
    assert_status(vpt_sound_describe(&streams[0]), VPT_DEVICE_REQUEST_STATUS);
    assert_same(streams[0].state, VPT_SOUND_UNKNOWN);
    sound_model.options.answer_most = 4;
    assert_status(vpt_sound_describe(&streams[0]), VPT_OK);
    assert_same(streams[0].info.formats, 0);
    assert_status(vpt_sound_set_params(&streams[0], &sound_params), VPT_UNSUPPORTED_REQUEST);
}

/* A caller with memory for fewer or for more streams than the device has. */
Test(sound, D_SND_2_more_and_fewer_streams_than_memory)
{
    static struct vpt_sound_stream many[5];

    sound_probe(&ring_usual);
    assert_status(vpt_sound_open(&sound, many, 1, machine.device), VPT_OK);
    assert_same(sound.stream_count, 1);
    assert_status(vpt_sound_describe(&many[0]), VPT_OK);
    sound_release();
    assert_status(vpt_sound_open(&sound, many, 5, machine.device), VPT_OK);
    assert_same(sound.stream_count, SOUND_STREAMS);
    assert_status(vpt_sound_describe(&many[2]), VPT_OK);
    assert_status(vpt_sound_describe(&many[3]), VPT_CALLER_STATE);
    assert_status(vpt_sound_release(&many[4], NULL, NULL), VPT_CALLER_STATE);
    sound_end();
}

STARTED_SOUND_TEST(sound, SND_INFO_1_SND_INFO_2_jacks)
{
    struct vpt_sound_jack jack;

    assert_same(sound.jack_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct mock_sound_jack *model = &sound_model.options.jacks[i];

        memset(&jack, 0xa5, sizeof(jack));
        assert_status(vpt_sound_get_jack(&sound, i, &jack), VPT_OK);
        assert_same(jack.function, model->function);
        assert_same(jack.features, model->features);
        assert_same(jack.defaults, model->defaults);
        assert_same(jack.capabilities, model->capabilities);
        assert_same(jack.connected, model->connected);
    }
    assert_status(vpt_sound_get_jack(&sound, 2, &jack), VPT_CALLER_RANGE);
    assert_status(vpt_sound_get_jack(&sound, UINT32_MAX, &jack), VPT_CALLER_RANGE);
}

/* ---- Parameters ---- */

#define PARAMS(buffer, period, features, channels, format, rate) \
    {                                                            \
        buffer, period, features, channels, format, rate         \
    }

PLAIN_SOUND_TEST(sound, SND_PARAM_1_to_SND_PARAM_6_parameters)
{
    static const struct {
        struct vpt_sound_params params;
        enum vpt_status status;
    } rows[] = {
        { PARAMS(960, 240, 0, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_OK },
        { PARAMS(240, 240, VPT_SOUND_XRUNS, 1, VPT_SOUND_U8, VPT_SOUND_24000), VPT_OK },
        { PARAMS(959, 240, 0, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_CALLER_ARGUMENT },
        { PARAMS(0, 240, 0, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_CALLER_ARGUMENT },
        { PARAMS(960, 0, 0, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_CALLER_ARGUMENT },
        { PARAMS(960, 240, 0, 0, VPT_SOUND_S16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 0, 3, VPT_SOUND_S16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 0, 2, VPT_SOUND_U16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 0, 2, 32 + VPT_SOUND_S16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 0, 2, VPT_SOUND_S16, VPT_SOUND_48000), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 0, 2, VPT_SOUND_S16, 255), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 1u << 2, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
        { PARAMS(960, 240, 3, 2, VPT_SOUND_S16, VPT_SOUND_44100), VPT_UNSUPPORTED_REQUEST },
    };

    sound_model.options.info[0].features = 0x1f;
    assert_status(vpt_sound_describe(&streams[0]), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct mock_sound_stream *model = &sound_model.streams[0];
        const struct vpt_sound_params *params = &rows[i].params;
        uint64_t commands = sound_model.commands;

        assert_status(vpt_sound_set_params(&streams[0], params), rows[i].status);
        if (rows[i].status != VPT_OK) {
            assert_same(sound_model.commands, commands);
            continue;
        }
        cr_assert(model->buffer_bytes == params->buffer_bytes && model->period_bytes == params->period_bytes &&
                  model->features == params->features && model->channels == params->channels &&
                  model->format == params->format && model->rate == params->rate);
    }
    sound_model.options.info[1].features = 0;
    assert_status(vpt_sound_describe(&streams[1]), VPT_OK);
    assert_status(vpt_sound_set_params(&streams[1], &rows[1].params), VPT_UNSUPPORTED_REQUEST);
}

/* ---- States ---- */

static enum vpt_status give(struct vpt_sound_stream *stream)
{
    const struct vpt_segment segment = sound_segment(stream->id, 0);

    return vpt_sound_submit(stream, &segment, 1, NULL);
}

static enum vpt_status set(struct vpt_sound_stream *stream)
{
    return vpt_sound_set_params(stream, &sound_params);
}

static enum vpt_status release(struct vpt_sound_stream *stream)
{
    return vpt_sound_release(stream, NULL, NULL);
}

/* Each call in each state, for a stream of each direction: a call that is refused is not seen by the device. */
SOUND_TEST(sound, D_SND_7_each_call_in_each_state)
{
    static const struct {
        enum vpt_status (*call)(struct vpt_sound_stream *stream);
        unsigned allowed;          /* bit n: in state n */
        enum vpt_sound_state then; /* VPT_SOUND_UNKNOWN: as it was */
    } calls[] = {
        { set, 1u << VPT_SOUND_DESCRIBED | 1u << VPT_SOUND_SET | 1u << VPT_SOUND_PREPARED, VPT_SOUND_SET },
        { vpt_sound_prepare, 1u << VPT_SOUND_SET | 1u << VPT_SOUND_PREPARED, VPT_SOUND_PREPARED },
        { vpt_sound_start, 1u << VPT_SOUND_PREPARED | 1u << VPT_SOUND_STOPPED, VPT_SOUND_RUNNING },
        { vpt_sound_stop, 1u << VPT_SOUND_RUNNING, VPT_SOUND_STOPPED },
        { release, 1u << VPT_SOUND_PREPARED | 1u << VPT_SOUND_STOPPED, VPT_SOUND_SET },
        { give, 1u << VPT_SOUND_PREPARED | 1u << VPT_SOUND_RUNNING, VPT_SOUND_UNKNOWN },
    };

    for (unsigned row = 0; row < STATES * COUNT_OF(calls); row++) {
        enum vpt_sound_state state = (enum vpt_sound_state)(row % STATES);
        unsigned call = row / STATES;
        bool allowed = (calls[call].allowed >> state & 1u) != 0;

        sound_start(variant);
        for (uint32_t i = SOUND_PLAYS; i <= SOUND_HEARS; i++) {
            uint64_t commands;

            sound_bring(i, state);
            commands = sound_model.commands;
            assert_status(calls[call].call(&streams[i]), allowed ? VPT_OK : VPT_CALLER_STATE);
            assert_same(sound_model.commands, commands + (allowed && calls[call].call != give ? 1u : 0));
            assert_same(streams[i].state, allowed && calls[call].then != VPT_SOUND_UNKNOWN ? calls[call].then : state);
        }
        sound_end();
    }
}

/* A command that fails changes nothing: it can be given again. */
Test(sound, D_SND_3_answers_of_commands_and_periods)
{
    static const struct {
        enum mock_fault fault;
        uint64_t argument;
        enum vpt_status status;
    } rows[] = {
        { MOCK_FAULT_IO_ERROR, 0, VPT_DEVICE_IO_ERROR },
        { MOCK_FAULT_UNSUPPORTED, 0, VPT_UNSUPPORTED_REQUEST },
        { MOCK_FAULT_STATUS_UNKNOWN, 0x8001, VPT_DEVICE_IO_ERROR },
        { MOCK_FAULT_STATUS_UNKNOWN, 0x8004, VPT_DEVICE_REQUEST_STATUS },
        { MOCK_FAULT_STATUS_UNKNOWN, 0x18000, VPT_DEVICE_REQUEST_STATUS },
        { MOCK_FAULT_STATUS_MISSING, 0, VPT_DEVICE_REQUEST_STATUS }, /* also behind an answer that was good */
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct mock_faults *faults;
        struct vpt_sound_jack jack;

        sound_start(&ring_usual);
        faults = &machine.model->faults;
        mock_fault_set(faults, rows[i].fault, 1, 1, rows[i].argument);
        assert_status(vpt_sound_get_jack(&sound, 0, &jack), rows[i].status);
        mock_fault_set(faults, rows[i].fault, 1, 1, rows[i].argument);
        assert_status(vpt_sound_describe(&streams[0]), rows[i].status);
        sound_bring(0, VPT_SOUND_DESCRIBED);
        mock_fault_set(faults, rows[i].fault, 1, 1, rows[i].argument);
        assert_status(set(&streams[0]), rows[i].status);
        assert_same(streams[0].state, VPT_SOUND_DESCRIBED);
        assert_same(streams[0].params.period_bytes, 0);
        sound_bring(0, VPT_SOUND_RUNNING);
        for (uint32_t n = 0; n < 40; n++) { /* in each slot */
            sound_submit(0, n, 1);
            assert_sound_period(0, n, VPT_OK);
        }
        mock_fault_set(faults, rows[i].fault, 1, 1, rows[i].argument);
        sound_submit(0, 7, 1);
        assert_sound_period(0, 7, rows[i].status);
        assert_same(streams[0].pending, 0);
        sound_end();
    }
}

PLAIN_SOUND_TEST(sound, arguments_that_are_none)
{
    const struct vpt_segment empty = { sound_segment(0, 0).address, 0 };
    struct vpt_segment segments[2];
    struct vpt_sound_event event;
    struct vpt_sound_jack jack;

    segments[0] = segments[1] = sound_segment(0, 0);
    assert_status(vpt_sound_init(NULL, streams, 1, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_init(&sound, NULL, 1, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_open(&sound, streams, 0, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_poll_event(NULL, &event), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_poll_event(&sound, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_get_jack(NULL, 0, &jack), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_get_jack(&sound, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_describe(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_set_params(NULL, &sound_params), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_set_params(&streams[0], NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_prepare(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_release(NULL, NULL, NULL), VPT_CALLER_ARGUMENT);
    sound_bring(0, VPT_SOUND_PREPARED);
    assert_status(vpt_sound_submit(NULL, segments, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_submit(&streams[0], NULL, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_submit(&streams[0], segments, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_sound_submit(&streams[0], &empty, 1, NULL), VPT_CALLER_ARGUMENT);
    segments[1].length = 1;
    assert_status(vpt_sound_submit(&streams[0], segments, 2, NULL), VPT_CALLER_TOO_LONG);
    assert_same(streams[0].pending, 0);
}

/* ---- Periods ---- */

/* More periods than a queue has slots; some are there before the start, and the last one is shorter. */
STARTED_SOUND_TEST(sound, SND_OUT_1_D_SND_11_D_SND_12_what_is_played)
{
    struct vpt_completion completion;
    struct vpt_segment last;

    sound_bring(SOUND_PLAYS, VPT_SOUND_PREPARED);
    sound_submit(SOUND_PLAYS, 0, 4);
    assert_status(vpt_requests_poll(streams[SOUND_PLAYS].requests, &completion), VPT_EMPTY);
    assert_status(vpt_sound_start(&streams[SOUND_PLAYS]), VPT_OK);
    for (uint32_t n = 0; n < 100; n++) {
        assert_same(streams[SOUND_PLAYS].pending, 4);
        assert_sound_period(SOUND_PLAYS, n, VPT_OK);
        assert_same(streams[SOUND_PLAYS].pending, 3);
        assert_same(streams[SOUND_PLAYS].latency, mock_sound_latency(SOUND_PLAYS, n + 1u));
        sound_submit(SOUND_PLAYS, n + 4u, 1);
    }
    for (uint32_t n = 100; n < 104; n++) {
        assert_sound_period(SOUND_PLAYS, n, VPT_OK);
    }
    cr_assert(sound_played(SOUND_PLAYS, 104));
    last = sound_segment(SOUND_PLAYS, 0);
    last.length = 4;
    assert_status(vpt_sound_submit(&streams[SOUND_PLAYS], &last, 1, &last), VPT_OK);
    assert_status(vpt_requests_kick(streams[SOUND_PLAYS].requests), VPT_OK);
    assert_status(vpt_requests_poll(streams[SOUND_PLAYS].requests, &completion), VPT_OK);
    assert_same(sound_model.streams[SOUND_PLAYS].bytes, 104 * SOUND_PERIOD + 4);
}

/* A device at the end of what it captures says with its length how much it has. */
SOUND_TEST(sound, SND_IN_1_SND_IN_2_D_SND_13_what_is_captured)
{
    struct vpt_completion completion = { .length = 7 };

    assert_same(vpt_sound_captured(&completion), 0);
    sound_start(variant);
    sound_bring(SOUND_HEARS, VPT_SOUND_PREPARED);
    sound_submit(SOUND_HEARS, 0, 4);
    assert_status(vpt_sound_start(&streams[SOUND_HEARS]), VPT_OK);
    for (uint32_t n = 0; n < 50; n++) {
        assert_sound_period(SOUND_HEARS, n, VPT_OK);
        assert_same(streams[SOUND_HEARS].latency, mock_sound_latency(SOUND_HEARS, n + 1u));
        sound_submit(SOUND_HEARS, n + 4u, 1);
    }
    for (uint32_t n = 50; n < 54; n++) {
        assert_sound_period(SOUND_HEARS, n, VPT_OK);
    }
    sound_model.options.capture_most = 100;
    sound_submit(SOUND_HEARS, 54, 1);
    assert_status(vpt_requests_poll(streams[SOUND_HEARS].requests, &completion), VPT_OK);
    assert_status(completion.status, VPT_OK);
    assert_same(vpt_sound_captured(&completion), 100);
    sound_end();
}

/* Two streams play, of which one is not started for a while, and one captures. */
PLAIN_SOUND_TEST(sound, streams_at_once)
{
    struct vpt_completion completion;

    for (uint32_t i = 0; i < SOUND_STREAMS; i++) {
        sound_bring(i, VPT_SOUND_PREPARED);
    }
    sound_submit(SOUND_SECOND, 0, 3);
    assert_status(vpt_sound_start(&streams[SOUND_PLAYS]), VPT_OK);
    assert_status(vpt_sound_start(&streams[SOUND_HEARS]), VPT_OK);
    for (uint32_t n = 0; n < 40; n++) {
        sound_submit(SOUND_PLAYS, n, 1);
        sound_submit(SOUND_HEARS, n, 1);
        assert_sound_period(SOUND_PLAYS, n, VPT_OK);
        assert_sound_period(SOUND_HEARS, n, VPT_OK);
        assert_status(vpt_requests_poll(streams[SOUND_SECOND].requests, &completion), VPT_EMPTY);
    }
    assert_status(vpt_sound_start(&streams[SOUND_SECOND]), VPT_OK);
    assert_status(vpt_sound_stop(&streams[SOUND_PLAYS]), VPT_OK);
    for (uint32_t n = 0; n < 3; n++) {
        assert_sound_period(SOUND_SECOND, n, VPT_OK);
    }
    cr_assert(sound_played(SOUND_PLAYS, 40) && sound_played(SOUND_SECOND, 3));
}

/* ---- Release ---- */

static unsigned returned;

static void count(void *ctx, const struct vpt_completion *completion)
{
    uint32_t *seen = (uint32_t *)ctx;

    for (uint32_t stream = 0; stream < SOUND_STREAMS; stream++) {
        for (uint32_t n = 0; n < 8; n++) {
            if (completion->token == sound_token(stream, n)) {
                cr_assert((seen[stream] >> n & 1u) == 0);
                seen[stream] |= 1u << n;
            }
        }
    }
    returned++;
}

/* Of streams that are prepared, and that were stopped; a period of them has not even been shown to the device. */
SOUND_TEST(sound, D_SND_10_a_release_gives_periods_back)
{
    static const enum mock_completion_mode modes[] = { MOCK_COMPLETE_AT_KICK, MOCK_COMPLETE_BY_TICK };

    for (unsigned row = 0; row < 8; row++) {
        uint32_t stream = row & 1u ? SOUND_HEARS : SOUND_PLAYS;
        bool stopped = (row & 2u) != 0;
        uint32_t seen[SOUND_STREAMS] = { 0 };

        sound_start(variant);
        machine.model->completion.mode = modes[row >> 2];
        machine.model->completion.delay = 3;
        sound_bring(stream, stopped ? VPT_SOUND_STOPPED : VPT_SOUND_PREPARED);
        if (stopped) { /* periods can be submitted before the stop alone */
            assert_status(vpt_sound_start(&streams[stream]), VPT_OK);
            machine.model->completion.delay = 30;
            machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
        }
        sound_submit(stream, 0, 3);
        assert_status(give(&streams[stream]), VPT_OK);
        if (stopped) {
            assert_status(vpt_sound_stop(&streams[stream]), VPT_OK);
        }
        returned = 0;
        assert_status(set(&streams[stream]), stopped ? VPT_CALLER_STATE : VPT_CALLER_BUSY);
        assert_status(vpt_sound_release(&streams[stream], count, seen), VPT_OK);
        assert_same(returned, 4);
        assert_same(seen[stream], 7);
        assert_same(streams[stream].pending, 0);
        assert_status(set(&streams[stream]), VPT_OK);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_sound_prepare(&streams[stream]), VPT_OK);
        assert_status(vpt_sound_start(&streams[stream]), VPT_OK);
        sound_end();
    }
}

/* Periods of another stream that were there already are given to `done`, too; those that wait for its start are not. */
PLAIN_SOUND_TEST(sound, D_SND_10_a_release_beside_another_stream)
{
    uint32_t seen[SOUND_STREAMS] = { 0 };
    struct vpt_completion completion;

    sound_bring(SOUND_PLAYS, VPT_SOUND_RUNNING);
    sound_bring(SOUND_SECOND, VPT_SOUND_PREPARED);
    sound_submit(SOUND_SECOND, 0, 2);
    sound_submit(SOUND_PLAYS, 0, 3);
    assert_status(vpt_sound_release(&streams[SOUND_SECOND], count, seen), VPT_OK);
    cr_assert(seen[SOUND_SECOND] == 3 && seen[SOUND_PLAYS] == 7);
    assert_status(vpt_sound_prepare(&streams[SOUND_SECOND]), VPT_OK);
    sound_submit(SOUND_SECOND, 4, 2);
    assert_status(vpt_sound_stop(&streams[SOUND_PLAYS]), VPT_OK);
    assert_status(vpt_sound_release(&streams[SOUND_PLAYS], count, seen), VPT_OK);
    assert_same(streams[SOUND_SECOND].pending, 2);
    assert_status(vpt_requests_poll(streams[SOUND_SECOND].requests, &completion), VPT_EMPTY);
    assert_status(vpt_sound_start(&streams[SOUND_SECOND]), VPT_OK);
    assert_sound_period(SOUND_SECOND, 4, VPT_OK);
    assert_sound_period(SOUND_SECOND, 5, VPT_OK);
}

/* The other stream's periods are used just after those that the release gives back. */
PLAIN_SOUND_TEST(sound, D_SND_10_a_release_leaves_nothing_that_has_come_back)
{
    uint32_t seen[SOUND_STREAMS] = { 0 };
    struct vpt_completion completion;

    sound_bring(SOUND_PLAYS, VPT_SOUND_RUNNING);
    sound_bring(SOUND_SECOND, VPT_SOUND_PREPARED);
    sound_submit(SOUND_SECOND, 0, 2);
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    machine.model->completion.delay = 2;
    sound_submit(SOUND_PLAYS, 0, 2);
    machine.model->completion.delay = 1;
    assert_status(vpt_sound_release(&streams[SOUND_SECOND], count, seen), VPT_OK);
    cr_assert(seen[SOUND_SECOND] == 3 && seen[SOUND_PLAYS] == 3);
    assert_status(vpt_requests_poll(streams[SOUND_PLAYS].requests, &completion), VPT_EMPTY);
}

/* The id in a slot: it belongs to no stream, to one of the other direction, or to one without periods. */
Test(sound, D_SND_11_an_id_that_the_device_has_overwritten)
{
    static const uint32_t bits[] = { UINT32_MAX, 0xff, SOUND_PLAYS ^ SOUND_HEARS, SOUND_PLAYS ^ SOUND_SECOND };

    for (unsigned i = 0; i < COUNT_OF(bits); i++) {
        sound_start(&ring_usual);
        sound_bring(SOUND_HEARS, VPT_SOUND_PREPARED);
        sound_submit(SOUND_HEARS, 0, 2);
        sound_bring(SOUND_SECOND, VPT_SOUND_PREPARED);
        sound_bring(SOUND_PLAYS, VPT_SOUND_RUNNING);
        sound_model.options.id_wrong = bits[i];
        sound_submit(SOUND_PLAYS, 0, 3);
        for (uint32_t n = 0; n < 3; n++) {
            assert_sound_period(SOUND_PLAYS, n, VPT_OK);
        }
        assert_same(streams[SOUND_PLAYS].pending, 3);
        assert_same(streams[SOUND_HEARS].pending, 2);
        assert_same(streams[SOUND_SECOND].pending, 0);
        sound_end();
    }
}

/* A device that keeps periods after a release, or loses one, or changes ids: only a reset gives them back. */
Test(sound, D_SND_10_a_release_that_does_not_give_periods_back)
{
    for (unsigned row = 0; row < 3; row++) {
        struct vpt_completion completion;

        sound_start(&ring_usual);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 20;
        sound_bring(SOUND_PLAYS, row == 0 ? VPT_SOUND_PREPARED : VPT_SOUND_RUNNING);
        sound_model.options.keeps_periods = row == 0;
        sound_model.options.id_wrong = row == 2 ? 0xff : 0;
        if (row == 1) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 2, 1, 0);
        }
        sound_submit(SOUND_PLAYS, 0, 3);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST);
        if (row != 0) {
            assert_status(vpt_sound_stop(&streams[SOUND_PLAYS]), VPT_OK);
        }
        assert_status(vpt_sound_release(&streams[SOUND_PLAYS], NULL, NULL), VPT_DEVICE_TIMEOUT);
        assert_same(streams[SOUND_PLAYS].pending, row == 1 ? 1 : 3);
        assert_status(set(&streams[SOUND_PLAYS]), VPT_CALLER_BUSY);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        while (vpt_requests_poll(streams[SOUND_PLAYS].requests, &completion) == VPT_OK) {
        }
        assert_status(vpt_sound_drain(&sound), VPT_OK);
        sound_model.options.keeps_periods = false;
        sound_model.options.id_wrong = 0;
        assert_status(vpt_driver_restart(&sound.driver, NULL), VPT_OK);
        assert_sound_works();
        sound_end();
    }
}

/* ---- Events ---- */

STARTED_SOUND_TEST(sound, D_SND_4_SND_INIT_2_SND_INIT_3_events)
{
    static const struct {
        uint32_t code, id, most;
        enum vpt_sound_event_kind kind;
    } rows[] = {
        { MOCK_SOUND_CONNECTED, 0, 0, VPT_SOUND_CONNECTED },
        { MOCK_SOUND_DISCONNECTED, 1, 0, VPT_SOUND_DISCONNECTED },
        { MOCK_SOUND_DISCONNECTED, 2, 0, VPT_SOUND_IGNORED }, /* there are two jacks ... */
        { MOCK_SOUND_XRUN, 2, 0, VPT_SOUND_XRUN },
        { MOCK_SOUND_XRUN, 3, 0, VPT_SOUND_IGNORED }, /* ... and three streams */
        { MOCK_SOUND_XRUN, UINT32_MAX, 0, VPT_SOUND_IGNORED },
        { MOCK_SOUND_PERIOD_ELAPSED, 0, 0, VPT_SOUND_IGNORED },
        { 0x1200, 0, 0, VPT_SOUND_IGNORED },
        { 0, 0, 0, VPT_SOUND_IGNORED },
        { MOCK_SOUND_XRUN, 0, 7, VPT_SOUND_IGNORED },
    };
    struct vpt_sound_event event;

    assert_status(vpt_sound_poll_event(&sound, &event), VPT_EMPTY);
    for (unsigned i = 0; i < 5 * COUNT_OF(rows); i++) {
        unsigned row = i % COUNT_OF(rows);

        sound_model.options.event_most = rows[row].most;
        mock_sound_happens(&sound_model, rows[row].code, rows[row].id);
        assert_status(vpt_sound_poll_event(&sound, &event), VPT_OK);
        assert_same_of("event", event.kind, rows[row].kind);
        assert_same(event.id, rows[row].most != 0 ? event.id : rows[row].id);
        assert_status(vpt_sound_poll_event(&sound, &event), VPT_EMPTY);
    }
}

/* An xrun is told to who has asked for it. */
PLAIN_SOUND_TEST(sound, SND_PARAM_3_xruns_and_plugs)
{
    struct vpt_sound_params params = sound_params;
    struct vpt_sound_event event;
    struct vpt_sound_jack jack;

    sound_bring(0, VPT_SOUND_RUNNING);
    mock_sound_xrun(&sound_model, 0);
    assert_status(vpt_sound_poll_event(&sound, &event), VPT_EMPTY);
    assert_status(vpt_sound_stop(&streams[0]), VPT_OK);
    assert_status(vpt_sound_release(&streams[0], NULL, NULL), VPT_OK);
    params.features = VPT_SOUND_XRUNS;
    assert_status(vpt_sound_set_params(&streams[0], &params), VPT_OK);
    assert_status(vpt_sound_prepare(&streams[0]), VPT_OK);
    assert_status(vpt_sound_start(&streams[0]), VPT_OK);
    mock_sound_xrun(&sound_model, 0);
    assert_status(vpt_sound_poll_event(&sound, &event), VPT_OK);
    cr_assert(event.kind == VPT_SOUND_XRUN && event.id == 0);
    mock_sound_plug(&sound_model, 1, true);
    assert_status(vpt_sound_poll_event(&sound, &event), VPT_OK);
    cr_assert(event.kind == VPT_SOUND_CONNECTED && event.id == 1);
    assert_status(vpt_sound_get_jack(&sound, 1, &jack), VPT_OK);
    cr_assert(jack.connected);
}
