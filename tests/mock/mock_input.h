/* SPDX-License-Identifier: MIT */
/*
 * The simulated input device (VirtIO 1.4, section 5.8). The test says what the device answers to each selection, and
 * what happens at the keyboard; as QEMU's device, it drops a report that has more events than there are buffers.
 */
#ifndef VPT_TESTS_MOCK_INPUT_H
#define VPT_TESTS_MOCK_INPUT_H

#include "mock_device.h"

#define MOCK_INPUT_QUEUES  2u
#define MOCK_INPUT_BYTES   128u
#define MOCK_INPUT_ANSWERS 16u
#define MOCK_INPUT_WAITING 256u
#define MOCK_INPUT_SENT    64u
#define MOCK_INPUT_FIELDS  (3u + MOCK_INPUT_BYTES)

/* Offsets in the configuration. */
enum mock_input_field { MOCK_INPUT_SELECT, MOCK_INPUT_SUBSELECT, MOCK_INPUT_SIZE, MOCK_INPUT_DATA = 8 };

/* Selectors. */
enum mock_input_select {
    MOCK_INPUT_NAME = 1,
    MOCK_INPUT_SERIAL = 2,
    MOCK_INPUT_IDS = 3,
    MOCK_INPUT_PROPERTIES = 0x10,
    MOCK_INPUT_CODES = 0x11,
    MOCK_INPUT_AXIS = 0x12
};

struct mock_input_event {
    uint16_t type;
    uint16_t code;
    uint32_t value;
};

/* What there is behind a selection. */
struct mock_input_answer {
    uint8_t select;
    uint8_t subselect;
    uint8_t size; /* may lie: above MOCK_INPUT_BYTES */
    uint8_t bytes[MOCK_INPUT_BYTES];
};

struct mock_input {
    struct mock_device *device;

    /* The test sets these, by mock_input_say() too. They stay when the machine is made. */
    struct mock_input_answer answers[MOCK_INPUT_ANSWERS];
    unsigned answer_count;
    uint32_t most; /* bytes of an event that are written; 0: all */

    /* Since the last reset. */
    struct mock_input_event waiting[MOCK_INPUT_WAITING]; /* whole reports, not yet taken by the driver ... */
    uint32_t waiting_count;
    uint32_t begun; /* ... and behind them events of a report that is not complete */

    /* Since the device was made. */
    struct mock_input_event sent[MOCK_INPUT_SENT]; /* by the driver: the first ones */
    uint32_t sent_count;
    uint64_t dropped; /* events */
    uint32_t changes;

    struct mock_config_field fields[MOCK_INPUT_FIELDS];
};

/* The backend, for mock_device_init(); its context is a struct mock_input. */
extern const struct mock_backend mock_input_backend;

/* ---- For tests ---- */

/* Adds an answer of `size` bytes, of which there are MOCK_INPUT_BYTES at most. */
void mock_input_say(struct mock_input *input, uint8_t select, uint8_t subselect, const void *bytes, uint8_t size);

/* Something happens; the event 0, 0 ends the report, and only then the driver gets its events. */
void mock_input_happens(struct mock_input *input, uint16_t type, uint16_t code, uint32_t value);

#endif
