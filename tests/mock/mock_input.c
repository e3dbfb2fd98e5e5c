/* SPDX-License-Identifier: MIT */
#include "mock_input.h"

#include "mock_backend.h"

#define EVENT_SIZE 8u
#define EVENTS     0u /* queues */
#define STATUS     1u

/* ---- The configuration ---- */

static struct mock_input_answer *selected(struct mock_input *input)
{
    const struct mock_config *config = &input->device->config;

    for (unsigned i = 0; i < input->answer_count; i++) {
        if (input->answers[i].select == config->bytes[MOCK_INPUT_SELECT] &&
            input->answers[i].subselect == config->bytes[MOCK_INPUT_SUBSELECT]) {
            return &input->answers[i];
        }
    }
    return NULL;
}

static uint8_t width_of(uint8_t select)
{
    return select == MOCK_INPUT_IDS ? 2 : select == MOCK_INPUT_AXIS ? 4 : 1;
}

/* Fields of the answer exist as far as its size reaches. */
static void describe(struct mock_input *input)
{
    static const struct mock_config_field heads[] = {
        { "select", MOCK_INPUT_SELECT, 1, MOCK_CONFIG_ALWAYS, true },
        { "subsel", MOCK_INPUT_SUBSELECT, 1, MOCK_CONFIG_ALWAYS, true },
        { "size", MOCK_INPUT_SIZE, 1, MOCK_CONFIG_ALWAYS, false },
    };
    struct mock_config *config = &input->device->config;
    uint8_t width = width_of(config->bytes[MOCK_INPUT_SELECT]);

    memcpy(input->fields, heads, sizeof(heads));
    config->field_count = 3;
    for (uint16_t at = 0; at + width <= config->bytes[MOCK_INPUT_SIZE] && at + width <= MOCK_INPUT_BYTES; at += width) {
        input->fields[config->field_count++] =
            (struct mock_config_field){ "data", (uint16_t)(MOCK_INPUT_DATA + at), width, MOCK_CONFIG_ALWAYS, false };
    }
}

/* Shows the answer that is selected. The generation is not about this. */
static void show(struct mock_input *input)
{
    const struct mock_input_answer *answer = selected(input);
    uint8_t *bytes = input->device->config.bytes;

    memset(bytes + MOCK_INPUT_SIZE, 0, MOCK_INPUT_DATA + MOCK_INPUT_BYTES - MOCK_INPUT_SIZE);
    if (answer != NULL) {
        bytes[MOCK_INPUT_SIZE] = answer->size;
        memcpy(bytes + MOCK_INPUT_DATA, answer->bytes, MOCK_INPUT_BYTES);
    }
    describe(input);
}

static void config_written(void *backend, unsigned offset)
{
    (void)offset;
    show(backend);
}

/* Another text, or other numbers, and of odd changes one byte less, which a driver may read that does not know yet. */
static void change_configuration(void *backend)
{
    struct mock_input *input = backend;
    struct mock_config *config = &input->device->config;
    const struct mock_input_answer *answer = selected(input);

    input->changes++;
    if (answer != NULL && answer->size != 0) {
        for (unsigned i = 0; i < answer->size && i < MOCK_INPUT_BYTES; i++) {
            mock_config_set(config, MOCK_INPUT_DATA + i, 1, 'a' + input->changes % 26u);
        }
        mock_config_set(config, MOCK_INPUT_SIZE, 1, answer->size - (answer->size > 1 ? input->changes % 2u : 0));
    }
}

void mock_input_say(struct mock_input *input, uint8_t select, uint8_t subselect, const void *bytes, uint8_t size)
{
    struct mock_input_answer *answer = &input->answers[input->answer_count++];

    *answer = (struct mock_input_answer){ .select = select, .subselect = subselect, .size = size };
    memcpy(answer->bytes, bytes, size < MOCK_INPUT_BYTES ? size : MOCK_INPUT_BYTES);
}

/* ---- Events ---- */

static uint32_t give(struct mock_input *input, const struct mock_element *element)
{
    const struct mock_input_event *event = &input->waiting[0];
    bool native = input->device->legacy;
    uint8_t bytes[EVENT_SIZE];
    size_t written;

    require(input, element->readable == 0 && element->writable_bytes >= EVENT_SIZE,
            "not a buffer for an event (INPUT-OP-2)");
    mock_store(bytes, 2, event->type, native);
    mock_store(bytes + 2, 2, event->code, native);
    mock_store(bytes + 4, 4, event->value, native);
    written = mock_element_write(input->device, element, 0, bytes,
                                 input->most != 0 && input->most < EVENT_SIZE ? input->most : EVENT_SIZE);
    input->waiting_count--;
    memmove(&input->waiting[0], &input->waiting[1], (input->waiting_count + input->begun) * sizeof(*event));
    return (uint32_t)written;
}

static void take(struct mock_input *input, const struct mock_element *element)
{
    bool native = input->device->legacy;
    uint8_t bytes[EVENT_SIZE];

    if (require(input, element->writable == 0 && element->readable_bytes >= EVENT_SIZE,
                "not an event for the device (INPUT-OP-3)") &&
        mock_element_read(input->device, element, 0, bytes, sizeof(bytes)) == sizeof(bytes) &&
        input->sent_count < MOCK_INPUT_SENT) {
        input->sent[input->sent_count++] =
            (struct mock_input_event){ (uint16_t)mock_load(bytes, 2, native), (uint16_t)mock_load(bytes + 2, 2, native),
                                       (uint32_t)mock_load(bytes + 4, 4, native) };
    }
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    if (queue->index == EVENTS) {
        return give(backend, element);
    }
    take(backend, element);
    return 0;
}

static bool ready(void *backend, const struct mock_queue *queue)
{
    const struct mock_input *input = backend;

    return queue->index != EVENTS || input->waiting_count != 0;
}

void mock_input_happens(struct mock_input *input, uint16_t type, uint16_t code, uint32_t value)
{
    struct mock_queue *queue = mock_device_queue(input->device, EVENTS);

    if (input->waiting_count + input->begun < MOCK_INPUT_WAITING) {
        input->waiting[input->waiting_count + input->begun++] = (struct mock_input_event){ type, code, value };
    }
    if (type != 0 || code != 0 || queue == NULL) {
        return;
    }
    mock_device_wake(input->device, EVENTS);
    if (queue->pending_count < input->waiting_count + input->begun) {
        input->dropped += input->begun;
    } else {
        input->waiting_count += input->begun;
    }
    input->begun = 0;
    mock_device_wake(input->device, EVENTS);
}

/* ---- The device ---- */

static void reset(void *backend)
{
    struct mock_input *input = backend;

    input->waiting_count = 0;
    input->begun = 0;
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_input *input = backend;
    input->device = device;
    mock_config_init(&device->config, input->fields, 0, device->legacy);
    /* What a driver before has selected. */
    device->config.bytes[MOCK_INPUT_SELECT] = MOCK_INPUT_CODES;
    device->config.bytes[MOCK_INPUT_SUBSELECT] = 1;
    show(input);
}

const struct mock_backend mock_input_backend = {
    .name = "input",
    .type = VPT_DEVICE_TYPE_INPUT,
    .init = init,
    .queues = MOCK_INPUT_QUEUES,
    .in_order = true,
    .reset = reset,
    .handle = handle,
    .ready = ready,
    .config_written = config_written,
    .change_configuration = change_configuration,
};
