/* SPDX-License-Identifier: MIT */
#include "sound.h"

#include <vpt/sound.h>

#include "pattern.h"
#include "ports.h"
#include "step.h"

#define PERIOD   4096u /* bytes: 23 ms */
#define TOGETHER 4u    /* periods that the device has at once */
#define MELODY   40u   /* periods; behind them TOGETHER of silence, so that the host plays all of the melody */
#define FRAME    4u    /* bytes */
#define RATE     44100u
#define LOUDNESS 8000u
#define ATTEMPTS 500000000u

static unsigned char samples[(MELODY + TOGETHER) * PERIOD];

/* A triangle between 0 and LOUDNESS, of so many cycles a second. */
static uint32_t wave(uint32_t frame, uint32_t cycles)
{
    uint32_t at = frame * cycles % RATE; /* of a cycle of RATE parts */
    uint32_t part = at < RATE / 2u ? at : RATE - at;

    return part * LOUDNESS / (RATE / 2u);
}

/* The left channel has the melody, the right one an octave below. */
static void compose(void)
{
    static const uint32_t notes[] = { 523, 659, 784, 1047, 784 }; /* C, E, G, C, G */
    const uint32_t frames = MELODY * PERIOD / FRAME;

    for (uint32_t frame = 0; frame < frames; frame++) {
        uint32_t note = notes[frame * (sizeof(notes) / sizeof(notes[0])) / frames];
        uint32_t left = wave(frame, note);
        uint32_t right = wave(frame, note / 2u);
        unsigned char *at = &samples[frame * FRAME];

        at[0] = (unsigned char)left;
        at[1] = (unsigned char)(left >> 8);
        at[2] = (unsigned char)right;
        at[3] = (unsigned char)(right >> 8);
    }
}

static bool submit(struct vpt_sound_stream *stream, uint32_t n)
{
    const struct vpt_segment segment = { ports_device_address(&samples[n * PERIOD]), PERIOD };

    return step("submit a period", vpt_sound_submit(stream, &segment, 1, NULL)) &&
           step("kick", vpt_requests_kick(stream->requests));
}

/* Waits until a period has been played. */
static bool wait(struct vpt_sound_stream *stream)
{
    struct vpt_completion completion;
    enum vpt_status status = VPT_EMPTY;

    for (uint32_t i = 0; i < ATTEMPTS && status == VPT_EMPTY; i++) {
        status = vpt_requests_poll(stream->requests, &completion);
    }
    return step("wait for a period", status) && step("play a period", completion.status);
}

static bool prepare(struct vpt_sound_stream *stream)
{
    static const struct vpt_sound_params params = { .buffer_bytes = TOGETHER * PERIOD,
                                                    .period_bytes = PERIOD,
                                                    .channels = 2,
                                                    .format = VPT_SOUND_S16,
                                                    .rate = VPT_SOUND_44100 };

    return step("describe the stream", vpt_sound_describe(stream)) &&
           step("find a stream that plays", stream->info.capture ? VPT_UNSUPPORTED_DEVICE : VPT_OK) &&
           step("set the parameters", vpt_sound_set_params(stream, &params)) &&
           step("prepare the stream", vpt_sound_prepare(stream));
}

static bool play(struct vpt_sound_stream *stream)
{
    for (uint32_t n = 0; n < TOGETHER; n++) {
        if (!submit(stream, n)) {
            return false;
        }
    }
    if (!step("start the stream", vpt_sound_start(stream))) {
        return false;
    }
    for (uint32_t n = TOGETHER; n < MELODY + TOGETHER; n++) {
        if (!wait(stream) || !submit(stream, n)) {
            return false;
        }
    }
    for (uint32_t n = 0; n < TOGETHER; n++) {
        if (!wait(stream)) {
            return false;
        }
    }
    return step("stop the stream", vpt_sound_stop(stream)) &&
           step("release the stream", vpt_sound_release(stream, NULL, NULL));
}

bool sound_play(const struct vpt_port *port, const struct device_place *place)
{
    static struct vpt_sound sound;
    static struct vpt_sound_stream stream;
    struct device device;

    compose();
    if (!step("open the sound device", device_open(&device, port, place)) ||
        !step("bring the sound device up", vpt_sound_open(&sound, &stream, 1, device.virtio)) || !prepare(&stream) ||
        !play(&stream) || !step("reset the sound device", vpt_device_reset(device.virtio)) ||
        !step("take its buffers back", vpt_sound_drain(&sound)) ||
        !step("release the sound device", vpt_driver_release(&sound.driver))) {
        return false;
    }
    print("sound device: played %u periods\n@played %u %llx\n", MELODY + TOGETHER, MELODY * PERIOD,
          (unsigned long long)pattern_checksum(samples, (size_t)MELODY * PERIOD));
    device_close(&device);
    return true;
}
