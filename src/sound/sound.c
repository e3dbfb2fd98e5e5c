/* SPDX-License-Identifier: MIT */
/* Bring-up of a sound device, its commands, periods that come back, events (VirtIO 1.4, sections 5.14.2 to 5.14.6). */
#include "sound_internal.h"

/* Statuses (D-SND-3). */
#define S_OK       0x8000u
#define S_BAD_MSG  0x8001u
#define S_NOT_SUPP 0x8002u
#define S_IO_ERR   0x8003u

/* Where things are in a slot of the control queue: a command, then room for the longest answer. */
#define SLOT_ANSWER 32u

VPT_STATIC_ASSERT(SOUND_WORDS_MOST * 4u <= SLOT_ANSWER && SLOT_ANSWER + 4u + SOUND_PCM_RECORD <= VPT_SOUND_SLOT_SIZE,
                  "a command and its answer fit");

/* An event, little-endian (D-SND-4). */
struct wire_event {
    uint32_t code;
    uint32_t id;
};

/* The answer was zeroed before, so its length is not needed. */
static enum vpt_status outcome(uint32_t status)
{
    switch (status) {
    case S_OK: return VPT_OK;
    case S_BAD_MSG:
    case S_IO_ERR: return VPT_DEVICE_IO_ERROR;
    case S_NOT_SUPP: return VPT_UNSUPPORTED_REQUEST;
    default: return VPT_DEVICE_REQUEST_STATUS;
    }
}

static enum vpt_status command_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    return outcome(vpt_load_little32((const uint8_t *)slot + SLOT_ANSWER));
}

/* A device that changes the id in the slot only makes the streams of its queue wait for periods that are back. */
static enum vpt_status period_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    const struct vpt_sound *sound = VPT_CONTAINER_OF(requests->driver, struct vpt_sound, driver);
    const uint8_t *period = (const uint8_t *)slot;
    uint32_t id = vpt_load_little32(period);
    struct vpt_sound_stream *stream = id < sound->stream_count ? &sound->streams[id] : NULL;

    (void)length;
    if (stream != NULL && stream->requests == requests && stream->pending != 0) {
        stream->pending--;
        stream->latency = vpt_load_little32(period + SOUND_PERIOD_LATENCY);
    }
    return outcome(vpt_load_little32(period + SOUND_PERIOD_STATUS));
}

/* After a reset of the queue alone all periods were polled, but were not given to period_result(). */
static enum vpt_status periods_started(struct vpt_requests *requests)
{
    const struct vpt_sound *sound = VPT_CONTAINER_OF(requests->driver, struct vpt_sound, driver);
    uint32_t i;

    for (i = 0; i < sound->stream_count; i++) {
        if (sound->streams[i].requests == requests) {
            sound->streams[i].pending = 0;
        }
    }
    return VPT_OK;
}

/* ---- Bring-up ---- */

static enum vpt_status configure_sound(struct vpt_driver *driver)
{
    static const struct vpt_config_field fields[] = { { 0, 4, 0, 0 }, { 4, 4, 0, 4 } }; /* D-SND-2 */
    struct vpt_sound *sound = VPT_CONTAINER_OF(driver, struct vpt_sound, driver);
    uint32_t counts[2] = { 0 }; /* jacks, streams */
    enum vpt_status status = vpt_device_config_fields(driver->device, fields, 2, counts);
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    sound->jack_count = counts[0];
    sound->stream_count = counts[1] < sound->room ? counts[1] : sound->room;
    vpt_zero(sound->streams, sizeof(*sound->streams) * sound->room);
    for (i = 0; i < sound->stream_count; i++) {
        sound->streams[i].sound = sound;
        sound->streams[i].id = i;
    }
    return VPT_OK;
}

/* Zeroes the object if there is no device. */
static enum vpt_status settle(struct vpt_sound *sound, enum vpt_status status)
{
    if (sound->driver.device == NULL) {
        vpt_zero(sound, sizeof(*sound));
    }
    return status;
}

enum vpt_status vpt_sound_init(struct vpt_sound *sound, struct vpt_sound_stream *streams, uint32_t room,
                               struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_SOUND,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } },
                                                 .configure = configure_sound };

    if (sound == NULL || streams == NULL || room == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(sound, sizeof(*sound));
    sound->streams = streams;
    sound->room = room;
    return settle(sound, vpt_driver_init(&sound->driver, device, &kind, choice));
}

enum vpt_status vpt_sound_queue_init(struct vpt_sound *sound, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind control = { .requests = 1, .segments = 2, .result = command_result };
    static const struct vpt_requests_kind events = { .reply = sizeof(struct wire_event), /* SND-INIT-2 */
                                                     .requests = 16,
                                                     .started = vpt_receive_start };
    static const struct vpt_requests_kind periods = { .header = SOUND_PERIOD_STATUS,
                                                      .reply = 8,
                                                      .requests = 16,
                                                      .segments = 8,
                                                      .result = period_result,
                                                      .started = periods_started };

    if (sound == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= VPT_SOUND_QUEUES) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    return vpt_requests_init(&sound->queue[index], &sound->driver, index,
                             index == VPT_SOUND_CONTROL  ? &control
                             : index == VPT_SOUND_EVENTS ? &events
                                                         : &periods,
                             index == VPT_SOUND_CONTROL ? VPT_SOUND_SLOT_SIZE : 0, config);
}

enum vpt_status vpt_sound_open(struct vpt_sound *sound, struct vpt_sound_stream *streams, uint32_t room,
                               struct vpt_device *device)
{
    enum vpt_status status = vpt_sound_init(sound, streams, room, device, NULL);
    uint16_t i;

    if (status != VPT_OK) {
        return status;
    }
    for (i = 0; i < VPT_SOUND_QUEUES && status == VPT_OK; i++) {
        status = vpt_sound_queue_init(sound, i, NULL);
    }
    return settle(sound, vpt_driver_open(&sound->driver, status));
}

enum vpt_status vpt_sound_drain(struct vpt_sound *sound)
{
    return sound != NULL ? vpt_driver_drain(&sound->driver) : VPT_CALLER_ARGUMENT;
}

/* ---- Commands ---- */

enum vpt_status vpt_sound_carry_out(struct vpt_sound *sound, const uint32_t *words, uint32_t count, uint32_t answer)
{
    struct vpt_requests *requests = &sound->queue[VPT_SOUND_CONTROL];
    enum vpt_status status = vpt_requests_ready(requests);
    struct vpt_completion completion;
    struct vpt_segment segments[2];
    uint8_t *slot;
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    slot = (uint8_t *)slot_next(requests); /* a slot is free */
    segments[0].address = vpt_requests_next_address(requests);
    segments[0].length = count * 4u;
    segments[1].address = segments[0].address + SLOT_ANSWER;
    segments[1].length = answer;
    for (i = 0; i < VPT_SOUND_SLOT_SIZE / 4u; i++) {
        vpt_store_little32(slot + 4u * i, i < count ? words[i] : 0);
    }
    status = vpt_requests_submit(requests, segments, 1, 1, NULL);
    if (status == VPT_OK) {
        status = vpt_requests_wait(requests, &completion);
    }
    return status == VPT_OK ? completion.status : status;
}

enum vpt_status vpt_sound_query(struct vpt_sound *sound, uint32_t code, uint32_t id, uint32_t size,
                                const uint8_t **record)
{
    const uint32_t words[] = { code, id, 1, size }; /* D-SND-5 */
    const uint8_t *slot = (const uint8_t *)slot_next(&sound->queue[VPT_SOUND_CONTROL]);

    *record = slot != NULL ? slot + SLOT_ANSWER + 4u : NULL;
    return vpt_sound_carry_out(sound, words, 4, 4u + size); /* SND-INFO-2 */
}

enum vpt_status vpt_sound_get_jack(struct vpt_sound *sound, uint32_t index, struct vpt_sound_jack *jack)
{
    const uint8_t *record;
    enum vpt_status status;

    if (sound == NULL || jack == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= sound->jack_count) { /* SND-INFO-1 */
        return VPT_CALLER_RANGE;
    }
    status = vpt_sound_query(sound, SOUND_JACK_INFO, index, SOUND_JACK_RECORD, &record);
    if (status == VPT_OK) {
        jack->function = vpt_load_little32(record);
        jack->features = vpt_load_little32(record + 4);
        jack->defaults = vpt_load_little32(record + 8);
        jack->capabilities = vpt_load_little32(record + 12);
        jack->connected = (vpt_load_little32(record + 16) & 0xffu) != 0;
    }
    return status;
}

/* ---- Events ---- */

enum vpt_status vpt_sound_poll_event(struct vpt_sound *sound, struct vpt_sound_event *event)
{
    struct wire_event wire;
    enum vpt_status status;
    uint32_t code;
    uint32_t length = 0;
    uint32_t limit = 0;

    if (sound == NULL || event == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_receive(&sound->queue[VPT_SOUND_EVENTS], &wire, sizeof(wire), &length);
    if (status != VPT_OK) {
        return status;
    }
    code = vpt_order32(true, wire.code);
    event->kind = (enum vpt_sound_event_kind)code;
    event->id = vpt_order32(true, wire.id);
    if (event->kind == VPT_SOUND_XRUN) {
        limit = sound->stream_count;
    } else if (event->kind == VPT_SOUND_CONNECTED || event->kind == VPT_SOUND_DISCONNECTED) {
        limit = sound->jack_count;
    }
    if (length != sizeof(wire) || event->id >= limit) {
        event->kind = VPT_SOUND_IGNORED;
    }
    return VPT_OK;
}
