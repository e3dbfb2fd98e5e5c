/* SPDX-License-Identifier: MIT */
/* The life of a stream, and its periods (VirtIO 1.4, sections 5.14.6.6 and 5.14.6.8). */
#include "sound_internal.h"

/* Numbers that are defined (SND-PARAM-2). */
#define FORMATS ((2u << VPT_SOUND_IEC958_SUBFRAME) - 1u)
#define RATES   ((2u << VPT_SOUND_24000) - 1u)

static enum vpt_status check_stream(const struct vpt_sound_stream *stream)
{
    if (stream == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return stream->sound != NULL ? VPT_OK : VPT_CALLER_STATE;
}

enum vpt_status vpt_sound_describe(struct vpt_sound_stream *stream)
{
    enum vpt_status status = check_stream(stream);
    const uint8_t *record;
    uint32_t last;

    if (status != VPT_OK || stream->state != VPT_SOUND_UNKNOWN) {
        return status;
    }
    status = vpt_sound_query(stream->sound, SOUND_PCM_INFO, stream->id, SOUND_PCM_RECORD, &record); /* SND-INFO-1 */
    if (status != VPT_OK) {
        return status;
    }
    last = vpt_load_little32(record + 24); /* direction, channels_min, channels_max, padding */
    if ((last & 0xffu) > 1u) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    stream->info.function = vpt_load_little32(record);
    stream->info.features = vpt_load_little32(record + 4);
    stream->info.formats = vpt_load_little32(record + 8) & FORMATS;
    stream->info.rates = vpt_load_little32(record + 16) & RATES;
    stream->info.capture = (last & 1u) != 0;
    stream->info.channels_min = (uint8_t)(last >> 8);
    stream->info.channels_max = (uint8_t)(last >> 16);
    stream->requests = &stream->sound->queue[VPT_SOUND_PLAYBACK + (last & 1u)];
    stream->state = VPT_SOUND_DESCRIBED;
    return VPT_OK;
}

static bool announced(uint32_t bits, uint32_t number)
{
    return number < 32u && (bits >> number & 1u) != 0;
}

/* Neither is 0. A function of the compiler for division, which some CPUs need, is more than a kernel must have. */
static bool is_multiple(uint32_t value, uint32_t of)
{
    uint32_t part = of;

    while (part <= value >> 1) {
        part <<= 1;
    }
    for (; part >= of; part >>= 1) {
        value -= value >= part ? part : 0u;
    }
    return value == 0;
}

static enum vpt_status check_params(const struct vpt_sound_stream *stream, const struct vpt_sound_params *params)
{
    const struct vpt_sound_info *info = &stream->info;

    if (stream->pending != 0) {
        return VPT_CALLER_BUSY;
    }
    if (params->period_bytes == 0 || params->buffer_bytes == 0 ||
        !is_multiple(params->buffer_bytes, params->period_bytes)) { /* SND-PARAM-1 */
        return VPT_CALLER_ARGUMENT;
    }
    return announced(info->formats, params->format) && announced(info->rates, params->rate) &&         /* SND-PARAM-3 */
                   params->channels >= info->channels_min && params->channels <= info->channels_max && /* SND-PARAM-4 */
                   (params->features & ~(info->features & VPT_SOUND_XRUNS)) == 0                       /* SND-PARAM-5 */
               ? VPT_OK
               : VPT_UNSUPPORTED_REQUEST;
}

/* Carries a command out that takes the stream from one of the states `from` (bit n: state n) to another one. */
static enum vpt_status command(struct vpt_sound_stream *stream, uint32_t code, uint32_t from, enum vpt_sound_state to,
                               const struct vpt_sound_params *params)
{
    uint32_t words[SOUND_WORDS_MOST];
    enum vpt_status status = check_stream(stream);
    uint32_t count = 2;

    if (status == VPT_OK && (from >> stream->state & 1u) == 0) { /* D-SND-7 */
        status = VPT_CALLER_STATE;
    }
    if (status == VPT_OK && params != NULL) {
        status = check_params(stream, params);
    }
    if (status != VPT_OK) {
        return status;
    }
    words[0] = code;
    words[1] = stream->id;
    if (params != NULL) { /* D-SND-9 */
        words[2] = params->buffer_bytes;
        words[3] = params->period_bytes;
        words[4] = params->features;
        words[5] = params->channels | (uint32_t)params->format << 8 | (uint32_t)params->rate << 16; /* SND-PARAM-6 */
        count = 6;
    }
    status = vpt_sound_carry_out(stream->sound, words, count, 4);
    if (status == VPT_OK) {
        stream->state = to;
        if (params != NULL) {
            stream->params = *params;
        }
    }
    return status;
}

enum vpt_status vpt_sound_set_params(struct vpt_sound_stream *stream, const struct vpt_sound_params *params)
{
    return params == NULL ? VPT_CALLER_ARGUMENT
                          : command(stream, SOUND_SET_PARAMS,
                                    1u << VPT_SOUND_DESCRIBED | 1u << VPT_SOUND_SET | 1u << VPT_SOUND_PREPARED,
                                    VPT_SOUND_SET, params);
}

enum vpt_status vpt_sound_prepare(struct vpt_sound_stream *stream)
{
    return command(stream, SOUND_PREPARE, 1u << VPT_SOUND_SET | 1u << VPT_SOUND_PREPARED, VPT_SOUND_PREPARED, NULL);
}

enum vpt_status vpt_sound_start(struct vpt_sound_stream *stream)
{
    return command(stream, SOUND_START, 1u << VPT_SOUND_PREPARED | 1u << VPT_SOUND_STOPPED, VPT_SOUND_RUNNING, NULL);
}

enum vpt_status vpt_sound_stop(struct vpt_sound_stream *stream)
{
    return command(stream, SOUND_STOP, 1u << VPT_SOUND_RUNNING, VPT_SOUND_STOPPED, NULL);
}

/*
 * Gives `done` what has come back, until all of the stream's periods have, and nothing else is there to be taken: then
 * the next one interrupts.
 */
static enum vpt_status take_back(const struct vpt_sound_stream *stream, vpt_requests_done *done, void *ctx)
{
    struct vpt_completion completion;
    uint32_t iteration = 0;
    enum vpt_status status;

    do {
        bool wait = stream->pending != 0;

        status = wait ? vpt_slots_wait_once(stream->requests, &completion, &iteration)
                      : vpt_requests_poll(stream->requests, &completion);
        if (status == VPT_EMPTY && !wait) {
            return VPT_OK;
        }
        if (status == VPT_OK) {
            iteration = 0;
            if (done != NULL) {
                done(ctx, &completion);
            }
        }
    } while (status == VPT_OK || status == VPT_EMPTY);
    return status;
}

enum vpt_status vpt_sound_release(struct vpt_sound_stream *stream, vpt_requests_done *done, void *ctx)
{
    enum vpt_status status = check_stream(stream);

    if (status == VPT_OK && stream->pending != 0) {
        status = vpt_requests_kick(stream->requests); /* what the device sees after the command may never come back */
    }
    if (status == VPT_OK) {
        status =
            command(stream, SOUND_RELEASE, 1u << VPT_SOUND_PREPARED | 1u << VPT_SOUND_STOPPED, VPT_SOUND_SET, NULL);
    }
    return status == VPT_OK && stream->pending != 0 ? take_back(stream, done, ctx) : status; /* D-SND-10 */
}

enum vpt_status vpt_sound_submit(struct vpt_sound_stream *stream, const struct vpt_segment *segments, uint16_t count,
                                 void *token)
{
    enum vpt_status status = check_stream(stream);
    uint64_t bytes = 0;
    uint8_t *slot;
    uint32_t i;

    if (status != VPT_OK || segments == NULL || count == 0) {
        return status != VPT_OK ? status : VPT_CALLER_ARGUMENT;
    }
    if (stream->state != VPT_SOUND_PREPARED && stream->state != VPT_SOUND_RUNNING) {
        return VPT_CALLER_STATE;
    }
    for (i = 0; i < count; i++) {
        bytes += segments[i].length;
    }
    if (bytes > stream->params.period_bytes) { /* SND-OUT-1 */
        return VPT_CALLER_TOO_LONG;
    }
    slot = (uint8_t *)slot_next(stream->requests);
    if (slot != NULL) { /* D-SND-11 */
        vpt_store_little32(slot, stream->id);
        vpt_store_little32(slot + SOUND_PERIOD_STATUS, 0);
        vpt_store_little32(slot + SOUND_PERIOD_LATENCY, 0);
    }
    status = stream->info.capture ? vpt_requests_submit(stream->requests, segments, 0, count, token)
                                  : vpt_requests_submit(stream->requests, segments, count, 0, token);
    stream->pending += status == VPT_OK ? 1u : 0u;
    return status;
}
