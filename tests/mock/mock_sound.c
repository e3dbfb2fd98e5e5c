/* SPDX-License-Identifier: MIT */
#include "mock_sound.h"

#include "mock_backend.h"

/* Queues. */
#define CONTROL  0u
#define EVENTS   1u
#define PLAYBACK 2u
#define CAPTURE  3u

/* Commands. */
#define JACK_INFO  1u
#define PCM_INFO   0x100u
#define SET_PARAMS 0x101u
#define PREPARE    0x102u
#define RELEASE    0x103u
#define START      0x104u
#define STOP       0x105u

/* Statuses. */
#define S_OK       0x8000u
#define S_BAD_MSG  0x8001u
#define S_NOT_SUPP 0x8002u
#define S_IO_ERR   0x8003u

#define F_SHMEM_HOST  0u
#define F_SHMEM_GUEST 1u
#define F_XRUNS       4u
#define FORMATS       25u /* that are defined */
#define RATES         16u

#define COMMAND_MAX 24u
#define PCM_RECORD  32u
#define JACK_RECORD 24u
#define ANSWER_MAX  (4u + PCM_RECORD * MOCK_SOUND_STREAMS)
#define HEADER      4u /* of a period */
#define STATUS      8u
#define EVENT_SIZE  8u

static const struct mock_config_field fields[] = {
    { "jacks", MOCK_SOUND_CONFIG_JACKS, 4, MOCK_CONFIG_ALWAYS, false },
    { "streams", MOCK_SOUND_CONFIG_STREAMS, 4, MOCK_CONFIG_ALWAYS, false },
    { "chmaps", MOCK_SOUND_CONFIG_CHMAPS, 4, MOCK_CONFIG_ALWAYS, false },
    { "controls", MOCK_SOUND_CONFIG_CONTROLS, 4, 0, false }, /* SND-INIT-1 */
};

/* From which states a command leads to which other one. */
static const struct {
    uint32_t from; /* bit n: state n */
    enum mock_sound_state to;
} steps[] = {
    [SET_PARAMS - SET_PARAMS] = { 1u << MOCK_SOUND_NEW | 1u << MOCK_SOUND_SET | 1u << MOCK_SOUND_PREPARED |
                                      1u << MOCK_SOUND_RELEASED,
                                  MOCK_SOUND_SET },
    [PREPARE - SET_PARAMS] = { 1u << MOCK_SOUND_SET | 1u << MOCK_SOUND_PREPARED | 1u << MOCK_SOUND_RELEASED,
                               MOCK_SOUND_PREPARED },
    [RELEASE - SET_PARAMS] = { 1u << MOCK_SOUND_PREPARED | 1u << MOCK_SOUND_STOPPED, MOCK_SOUND_RELEASED },
    [START - SET_PARAMS] = { 1u << MOCK_SOUND_PREPARED | 1u << MOCK_SOUND_STOPPED, MOCK_SOUND_RUNNING },
    [STOP - SET_PARAMS] = { 1u << MOCK_SOUND_RUNNING, MOCK_SOUND_STOPPED },
};

static uint32_t word(const uint8_t *bytes)
{
    return (uint32_t)mock_load(bytes, 4, false);
}

uint8_t mock_sound_sample(uint32_t stream, uint32_t position)
{
    return (uint8_t)((position * 2654435761u >> 13) + stream * 31u + 1u);
}

uint32_t mock_sound_latency(uint32_t stream, uint32_t periods)
{
    return 1000u * (stream + 1u) + periods;
}

static bool refused(struct mock_sound *sound, uint32_t *status)
{
    if (mock_fault_fires(&sound->device->faults, MOCK_FAULT_IO_ERROR, NULL)) {
        *status = S_IO_ERR;
        return true;
    }
    if (mock_fault_fires(&sound->device->faults, MOCK_FAULT_UNSUPPORTED, NULL)) {
        *status = S_NOT_SUPP;
        return true;
    }
    return false;
}

static uint32_t real_streams(const struct mock_sound *sound)
{
    return sound->options.stream_count < MOCK_SOUND_STREAMS ? sound->options.stream_count : MOCK_SOUND_STREAMS;
}

/* ---- Periods ---- */

/* The stream of a period; UINT32_MAX: there is none, or it is of the other direction. */
static uint32_t stream_of(const struct mock_sound *sound, const struct mock_queue *queue,
                          const struct mock_element *element)
{
    uint8_t bytes[HEADER];
    uint32_t id;

    if (mock_element_read(sound->device, element, 0, bytes, HEADER) != HEADER) {
        return UINT32_MAX;
    }
    id = word(bytes);
    return id < real_streams(sound) && (sound->options.info[id].direction != 0) == (queue->index == CAPTURE)
               ? id
               : UINT32_MAX;
}

static uint32_t queue_number(const struct mock_sound *sound, uint32_t stream)
{
    return sound->options.info[stream].direction != 0 ? CAPTURE : PLAYBACK;
}

static struct mock_queue *queue_of(struct mock_sound *sound, uint32_t stream)
{
    return mock_device_queue(sound->device, queue_number(sound, stream));
}

uint32_t mock_sound_pending(struct mock_sound *sound, uint32_t stream)
{
    const struct mock_queue *queue = queue_of(sound, stream);
    uint32_t count = 0;

    for (size_t i = 0; queue != NULL && i < queue->pending_count; i++) {
        count += stream_of(sound, queue, &queue->pending[i]) == stream ? 1u : 0u;
    }
    return count;
}

static void check_period(const struct mock_sound *sound, const struct mock_sound_stream *stream, bool captures,
                         const struct mock_element *element)
{
    uint64_t bytes = captures ? element->writable_bytes - STATUS : element->readable_bytes - HEADER;

    require(sound, captures ? element->readable_bytes == HEADER : element->writable_bytes == STATUS,
            "a period in the wrong direction (SND-OUT-2, SND-IN-2)");
    require(sound, bytes != 0 && bytes <= stream->period_bytes, "a period of another size (SND-OUT-1)");
}

static void play(struct mock_sound *sound, struct mock_sound_stream *stream, const struct mock_element *element)
{
    uint32_t size = (uint32_t)element->readable_bytes - HEADER;
    uint32_t room = stream->bytes < MOCK_SOUND_BYTES ? MOCK_SOUND_BYTES - stream->bytes : 0;

    (void)mock_element_read(sound->device, element, HEADER, stream->played + stream->bytes, size < room ? size : room);
    stream->bytes += size < room ? size : room;
}

/* Returns how many bytes it has captured. */
static uint32_t capture(struct mock_sound *sound, uint32_t id, const struct mock_element *element)
{
    struct mock_sound_stream *stream = &sound->streams[id];
    uint32_t size = (uint32_t)element->writable_bytes - STATUS;

    size = sound->options.capture_most != 0 && sound->options.capture_most < size ? sound->options.capture_most : size;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t sample = mock_sound_sample(id, stream->bytes++);

        (void)mock_element_write(sound->device, element, i, &sample, 1);
    }
    return size;
}

/* The driver's id in its slot is not the driver's any more. */
static void spoil_id(const struct mock_sound *sound, const struct mock_element *element)
{
    uint8_t *bytes = sound->options.id_wrong != 0
                         ? mock_memory_reach(sound->device->memory, element->segments[0].address, 4, false, "an id")
                         : NULL;

    if (bytes != NULL) {
        mock_store(bytes, 4, word(bytes) ^ sound->options.id_wrong, false);
    }
}

static uint32_t use_period(struct mock_sound *sound, const struct mock_queue *queue, const struct mock_element *element)
{
    uint32_t id = stream_of(sound, queue, element);
    struct mock_sound_stream *stream = &sound->streams[id]; /* `usable` has seen it */
    uint8_t bytes[STATUS] = { 0 };
    uint32_t status = S_OK;
    uint32_t length = 0;

    check_period(sound, stream, queue->index == CAPTURE, element);
    if (refused(sound, &status)) {
        stream->unused++;
    } else if (stream->releasing) {
        stream->unused++;
        status = queue->index == CAPTURE ? S_OK : S_IO_ERR;
    } else if (queue->index == CAPTURE) {
        length = capture(sound, id, element);
    } else {
        play(sound, stream, element);
    }
    stream->periods++;
    spoil_id(sound, element);
    if (mock_backend_status(sound->device, &status, 0x8004u)) {
        mock_store(bytes, 4, status, false);
        mock_store(bytes + 4, 4, mock_sound_latency(id, stream->periods), false);
        (void)mock_element_write(sound->device, element, element->writable_bytes - STATUS, bytes, STATUS);
        length += STATUS;
    }
    return length;
}

/* Whether an older period of the same stream is pending: they are used in their order. */
static bool has_older(const struct mock_sound *sound, const struct mock_queue *queue,
                      const struct mock_element *element, uint32_t id)
{
    const struct mock_element *older = queue->pending;

    while (older != element && stream_of(sound, queue, older) != id) {
        older++;
    }
    return older != element;
}

static bool period_usable(const struct mock_sound *sound, const struct mock_queue *queue,
                          const struct mock_element *element)
{
    uint32_t id = stream_of(sound, queue, element);
    const struct mock_sound_stream *stream;

    if (!require(sound, id != UINT32_MAX, "a period of no stream, or in the wrong queue")) {
        return false;
    }
    stream = &sound->streams[id];
    require(sound,
            stream->state == MOCK_SOUND_PREPARED || stream->state == MOCK_SOUND_RUNNING ||
                stream->state == MOCK_SOUND_STOPPED || (stream->state == MOCK_SOUND_RELEASED && stream->releasing) ||
                sound->options.keeps_periods,
            "a period of a stream that cannot use it");
    return (stream->state == MOCK_SOUND_RUNNING || stream->releasing) && !has_older(sound, queue, element, id);
}

/* ---- Commands ---- */

struct command {
    struct mock_sound *sound;
    const struct mock_element *element;
    uint8_t bytes[COMMAND_MAX];
    uint8_t answer[ANSWER_MAX]; /* behind the status */
    uint32_t answer_size;       /* of it */
};

static void write_stream(const struct mock_sound_info *info, uint8_t *record)
{
    mock_store(record, 4, info->function, false);
    mock_store(record + 4, 4, info->features, false);
    mock_store(record + 8, 8, info->formats, false);
    mock_store(record + 16, 8, info->rates, false);
    record[24] = info->direction;
    record[25] = info->channels_min;
    record[26] = info->channels_max;
}

static void write_jack(const struct mock_sound_jack *jack, uint8_t *record)
{
    mock_store(record, 4, jack->function, false);
    mock_store(record + 4, 4, jack->features, false);
    mock_store(record + 8, 4, jack->defaults, false);
    mock_store(record + 12, 4, jack->capabilities, false);
    record[16] = jack->connected;
}

static uint32_t inform(struct command *command)
{
    const struct mock_sound_options *options = &command->sound->options;
    bool jacks = word(command->bytes) == JACK_INFO;
    uint32_t first = word(command->bytes + 4);
    uint32_t count = word(command->bytes + 8);
    uint32_t size = jacks ? JACK_RECORD : PCM_RECORD;
    uint32_t total = jacks ? options->jack_count : options->stream_count;

    if (!require(command->sound, count != 0 && count <= total && first <= total - count,
                 "a question about what is not there (SND-INFO-1)") ||
        !require(command->sound, word(command->bytes + 12) == size, "records of another size") ||
        !require(command->sound, command->element->writable_bytes == 4u + (uint64_t)count * size,
                 "room for another answer (SND-INFO-2)")) {
        return S_BAD_MSG;
    }
    for (uint32_t i = 0; i < count && first + i < (jacks ? MOCK_SOUND_JACKS : MOCK_SOUND_STREAMS); i++) {
        if (jacks) {
            write_jack(&options->jacks[first + i], command->answer + i * size);
        } else {
            write_stream(&options->info[first + i], command->answer + i * size);
        }
    }
    command->answer_size = count * size;
    return S_OK;
}

static void check_params(const struct mock_sound *sound, uint32_t id, const struct mock_sound_stream *stream)
{
    const struct mock_sound_info *info = &sound->options.info[id];

    require(sound, stream->period_bytes != 0 && stream->buffer_bytes % stream->period_bytes == 0,
            "periods that do not divide their buffer (SND-PARAM-1)");
    require(sound, stream->format < FORMATS && (info->formats >> stream->format & 1u) != 0,
            "a format that was not announced (SND-PARAM-2, SND-PARAM-3)");
    require(sound, stream->rate < RATES && (info->rates >> stream->rate & 1u) != 0,
            "a rate that was not announced (SND-PARAM-2, SND-PARAM-3)");
    require(sound, stream->channels >= info->channels_min && stream->channels <= info->channels_max,
            "a number of channels that was not announced (SND-PARAM-4)");
    require(sound, (stream->features & ~info->features) == 0, "a feature that was not announced (SND-PARAM-3)");
    require(sound, (stream->features & (1u << F_SHMEM_HOST | 1u << F_SHMEM_GUEST)) == 0,
            "shared memory (OUT-SND-1, SND-PARAM-5)");
}

static uint32_t set_params(struct command *command, uint32_t id)
{
    struct mock_sound_stream *stream = &command->sound->streams[id];

    require(command->sound, mock_sound_pending(command->sound, id) == 0, "parameters while periods are pending");
    stream->buffer_bytes = word(command->bytes + 8);
    stream->period_bytes = word(command->bytes + 12);
    stream->features = word(command->bytes + 16);
    stream->channels = command->bytes[20];
    stream->format = command->bytes[21];
    stream->rate = command->bytes[22];
    require(command->sound, command->bytes[23] == 0, "padding in the parameters (SND-PARAM-6)");
    check_params(command->sound, id, stream);
    return S_OK;
}

/* As QEMU's, it answers a wrong order with success. */
static uint32_t step(struct command *command, uint32_t code)
{
    struct mock_sound *sound = command->sound;
    uint32_t id = word(command->bytes + 4);

    if (!require(sound, id < real_streams(sound), "a command for no stream") ||
        !require(sound, command->element->writable_bytes == 4, "room for another answer")) {
        return S_BAD_MSG;
    }
    require(sound, (steps[code - SET_PARAMS].from >> sound->streams[id].state & 1u) != 0,
            "a command in the wrong order (D-SND-7)");
    if (code == SET_PARAMS && set_params(command, id) != S_OK) {
        return S_BAD_MSG;
    }
    sound->streams[id].state = steps[code - SET_PARAMS].to;
    sound->streams[id].releasing = false;
    if (code == START) {
        mock_device_wake(sound->device, queue_number(sound, id));
    }
    return S_OK;
}

static uint32_t carry_out(struct command *command)
{
    uint32_t code = word(command->bytes);
    bool info = code == JACK_INFO || code == PCM_INFO;
    uint32_t status = S_OK;

    if (!require(command->sound, info || (code >= SET_PARAMS && code <= STOP), "an unknown command") ||
        !require(command->sound,
                 command->element->readable_bytes == (info                 ? 16u
                                                      : code == SET_PARAMS ? 24u
                                                                           : 8u),
                 "a command of another size")) {
        return S_BAD_MSG;
    }
    if (refused(command->sound, &status)) {
        return status;
    }
    return info ? inform(command) : step(command, code);
}

static uint32_t control(struct mock_sound *sound, const struct mock_element *element)
{
    struct command command = { .sound = sound, .element = element };
    uint8_t bytes[4u + ANSWER_MAX] = { 0 };
    uint32_t status;
    uint32_t size;

    if (!require(sound, mock_element_read(sound->device, element, 0, command.bytes, COMMAND_MAX) >= 8u,
                 "not even a header")) {
        mock_device_needs_reset(sound->device);
        return 0;
    }
    sound->commands++;
    status = carry_out(&command);
    size = 4u + (status == S_OK ? command.answer_size : 0);
    if (!mock_backend_status(sound->device, &status, 0x8004u)) {
        return 0;
    }
    mock_store(bytes, 4, status, false);
    memcpy(bytes + 4, command.answer, ANSWER_MAX);
    if (sound->options.answer_most != 0 && sound->options.answer_most < size) {
        size = sound->options.answer_most;
    }
    return (uint32_t)mock_element_write(sound->device, element, 0, bytes, size);
}

/* RELEASE waits until all periods of its stream are used. */
static bool command_usable(struct mock_sound *sound, const struct mock_element *element)
{
    uint8_t bytes[8];
    uint32_t id;

    if (mock_element_read(sound->device, element, 0, bytes, 8) != 8 || word(bytes) != RELEASE) {
        return true;
    }
    id = word(bytes + 4);
    if (id >= real_streams(sound) || queue_of(sound, id) == NULL || sound->options.keeps_periods) {
        return true;
    }
    sound->streams[id].releasing = true;
    mock_device_wake(sound->device, queue_number(sound, id));
    return mock_sound_pending(sound, id) == 0;
}

/* ---- Events ---- */

static uint32_t give_event(struct mock_sound *sound, const struct mock_element *element)
{
    uint32_t most = sound->options.event_most;
    uint8_t bytes[EVENT_SIZE];

    require(sound, element->readable == 0 && element->writable_bytes >= EVENT_SIZE,
            "not a buffer for an event (SND-INIT-2, SND-INIT-3)");
    mock_store(bytes, 4, sound->waiting[0].code, false);
    mock_store(bytes + 4, 4, sound->waiting[0].id, false);
    sound->waiting_count--;
    memmove(&sound->waiting[0], &sound->waiting[1], sound->waiting_count * sizeof(sound->waiting[0]));
    return (uint32_t)mock_element_write(sound->device, element, 0, bytes, most != 0 ? most : EVENT_SIZE);
}

void mock_sound_happens(struct mock_sound *sound, uint32_t code, uint32_t id)
{
    if (sound->waiting_count < MOCK_SOUND_WAITING) {
        sound->waiting[sound->waiting_count].code = code;
        sound->waiting[sound->waiting_count++].id = id;
    }
    mock_device_wake(sound->device, EVENTS);
}

void mock_sound_plug(struct mock_sound *sound, uint32_t jack, bool in)
{
    sound->options.jacks[jack].connected = in;
    mock_sound_happens(sound, in ? MOCK_SOUND_CONNECTED : MOCK_SOUND_DISCONNECTED, jack);
}

void mock_sound_xrun(struct mock_sound *sound, uint32_t stream)
{
    if ((sound->streams[stream].features >> F_XRUNS & 1u) != 0 && sound->streams[stream].state == MOCK_SOUND_RUNNING) {
        mock_sound_happens(sound, MOCK_SOUND_XRUN, stream);
    }
}

/* ---- The device ---- */

static bool usable(void *backend, const struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_sound *sound = backend;

    switch (queue->index) {
    case CONTROL: return command_usable(sound, element);
    case EVENTS: return sound->waiting_count != 0;
    default: return period_usable(sound, queue, element);
    }
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    switch (queue->index) {
    case CONTROL: return control(backend, element);
    case EVENTS: return give_event(backend, element);
    default: return use_period(backend, queue, element);
    }
}

static void reset(void *backend)
{
    struct mock_sound *sound = backend;

    memset(sound->streams, 0, sizeof(sound->streams));
    sound->waiting_count = 0;
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_sound *sound = backend;
    struct mock_config *config = &device->config;
    const struct mock_sound_options options = sound->options;

    memset(sound, 0, sizeof(*sound));
    sound->device = device;
    sound->options = options;
    mock_config_init(config, MOCK_FIELDS(fields), device->legacy);
    mock_config_set(config, MOCK_SOUND_CONFIG_JACKS, 4, options.jack_count);
    mock_config_set(config, MOCK_SOUND_CONFIG_STREAMS, 4, options.stream_count);
    memset(config->changed, 0, sizeof(config->changed));
    if (options.controls) {
        vpt_features_add(&device->offered, 0);
    }
}

const struct mock_backend mock_sound_backend = {
    .name = "sound",
    .type = VPT_DEVICE_TYPE_SOUND,
    .init = init,
    .queues = MOCK_SOUND_QUEUES,
    .known = { { 1 } },
    .reset = reset,
    .handle = handle,
    .usable = usable,
    .changes = { { MOCK_SOUND_CONFIG_JACKS, 4, 2, 1, 2 }, { MOCK_SOUND_CONFIG_CHMAPS, 4, 0, 1, 0 } },
};
