/* SPDX-License-Identifier: MIT */
/*
 * The simulated sound device (VirtIO 1.4, section 5.14). It keeps the state of each stream, what was played, and checks
 * each command and each period. Time does not pass: a stream that runs uses periods as fast as they come.
 */
#ifndef VPT_TESTS_MOCK_SOUND_H
#define VPT_TESTS_MOCK_SOUND_H

#include "mock_device.h"

#define MOCK_SOUND_QUEUES  4u
#define MOCK_SOUND_STREAMS 4u
#define MOCK_SOUND_JACKS   4u
#define MOCK_SOUND_BYTES   65536u /* of what was played: the first ones */
#define MOCK_SOUND_WAITING 64u

/* Offsets in the configuration. */
enum mock_sound_field {
    MOCK_SOUND_CONFIG_JACKS = 0,
    MOCK_SOUND_CONFIG_STREAMS = 4,
    MOCK_SOUND_CONFIG_CHMAPS = 8,
    MOCK_SOUND_CONFIG_CONTROLS = 12
};

enum mock_sound_event_code {
    MOCK_SOUND_CONNECTED = 0x1000,
    MOCK_SOUND_DISCONNECTED = 0x1001,
    MOCK_SOUND_PERIOD_ELAPSED = 0x1100,
    MOCK_SOUND_XRUN = 0x1101
};

enum mock_sound_state {
    MOCK_SOUND_NEW,
    MOCK_SOUND_SET,
    MOCK_SOUND_PREPARED,
    MOCK_SOUND_RUNNING,
    MOCK_SOUND_STOPPED,
    MOCK_SOUND_RELEASED
};

struct mock_sound_info {
    uint32_t function;
    uint32_t features;
    uint64_t formats;
    uint64_t rates;
    uint8_t direction; /* 0: it plays, 1: it captures; may lie */
    uint8_t channels_min, channels_max;
};

struct mock_sound_jack {
    uint32_t function, features, defaults, capabilities;
    uint8_t connected;
};

/* What the test says; it stays when the machine is made. */
struct mock_sound_options {
    bool controls; /* CTLS is offered */
    uint32_t stream_count;
    struct mock_sound_info info[MOCK_SOUND_STREAMS];
    uint32_t jack_count;
    struct mock_sound_jack jacks[MOCK_SOUND_JACKS];
    uint32_t answer_most;  /* bytes of an answer that are written; 0: all */
    uint32_t event_most;   /* bytes of an event that are written; 0: all */
    uint32_t capture_most; /* bytes that a period gets; 0: it is filled */
    bool keeps_periods;    /* RELEASE is answered while periods are pending, which never come back */
    uint32_t id_wrong;     /* bits of the id that are turned over in the driver's memory before a period is used */
};

struct mock_sound_stream {
    enum mock_sound_state state;
    bool releasing;
    uint32_t buffer_bytes, period_bytes, features;
    uint8_t channels, format, rate;
    uint32_t periods; /* used */
    uint32_t unused;  /* came back by a release */
    uint32_t bytes;   /* played or captured */
    uint8_t played[MOCK_SOUND_BYTES];
};

struct mock_sound {
    struct mock_device *device;
    struct mock_sound_options options;

    /* Since the last reset. */
    struct mock_sound_stream streams[MOCK_SOUND_STREAMS];
    struct {
        uint32_t code, id;
    } waiting[MOCK_SOUND_WAITING]; /* events that the driver has no buffer for yet */
    uint32_t waiting_count;

    /* Since the device was made. */
    uint64_t commands;
};

/* The backend, for mock_device_init(); its context is a struct mock_sound. */
extern const struct mock_backend mock_sound_backend;

/* ---- For tests ---- */

/* Something happens; codes and ids may be wrong. */
void mock_sound_happens(struct mock_sound *sound, uint32_t code, uint32_t id);

/* A plug goes in or out; an xrun, which is not told unless the driver has asked for it. */
void mock_sound_plug(struct mock_sound *sound, uint32_t jack, bool in);
void mock_sound_xrun(struct mock_sound *sound, uint32_t stream);

/* What a stream captures, byte by byte. */
uint8_t mock_sound_sample(uint32_t stream, uint32_t position);

/* Periods that a stream has not used. */
uint32_t mock_sound_pending(struct mock_sound *sound, uint32_t stream);

/* What the device says with a period: how much is not played, after so many. */
uint32_t mock_sound_latency(uint32_t stream, uint32_t periods);

#endif
