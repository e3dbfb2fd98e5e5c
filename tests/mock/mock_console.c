/* SPDX-License-Identifier: MIT */
#include "mock_console.h"

#include "mock_backend.h"

#define F_SIZE        0u
#define F_MULTIPORT   1u
#define F_EMERG_WRITE 2u

#define MESSAGE_SIZE 8u
#define CONTROL_IN   2u
#define CONTROL_OUT  3u

#define FIELD(constant, offset, width, feature, name) \
    { (name), (offset), (width), (feature), (offset) == MOCK_CONSOLE_EMERGENCY },
static const struct mock_config_field fields[] = { MOCK_CONSOLE_FIELDS(FIELD) };

static size_t least(uint64_t one, uint64_t other)
{
    return (size_t)(one < other ? one : other);
}

static bool has(const struct mock_device *device, unsigned feature)
{
    return vpt_features_has(&device->accepted, feature);
}

/* ---- Bytes ---- */

static void put_bytes(struct mock_console_bytes *bytes, const void *from, size_t size)
{
    size = least(size, MOCK_CONSOLE_BYTES - bytes->count);
    memcpy(bytes->byte + bytes->count, from, size);
    bytes->count += size;
}

static void drop_bytes(struct mock_console_bytes *bytes, size_t size)
{
    bytes->count -= size;
    memmove(bytes->byte, bytes->byte + size, bytes->count);
}

/* ---- Ports ---- */

static struct mock_console_port *find_port(struct mock_console *console, uint32_t id)
{
    return id < MOCK_CONSOLE_PORTS && console->ports[id].here ? &console->ports[id] : NULL;
}

/* Which port a queue belongs to, if it is none of the two for control messages. */
static uint32_t id_of(const struct mock_queue *queue)
{
    return queue->index < CONTROL_IN ? 0 : queue->index / 2u - 1u;
}

static bool is_control(const struct mock_queue *queue)
{
    return queue->index == CONTROL_IN || queue->index == CONTROL_OUT;
}

static void wake_port(struct mock_console *console, uint32_t id)
{
    mock_device_wake(console->device, id == 0 ? 0 : 2u * id + 2u);
}

/* ---- Control messages to the driver ---- */

void mock_console_say(struct mock_console *console, uint32_t id, uint16_t event, uint16_t value, const void *more,
                      size_t size)
{
    struct mock_console_message *message = &console->messages[console->message_count];

    if (!console->ready || !has(console->device, F_MULTIPORT) || console->message_count == MOCK_CONSOLE_MESSAGES) {
        return;
    }
    *message = (struct mock_console_message){ .id = id, .event = event, .value = value, .size = size };
    message->more_size = size > MESSAGE_SIZE ? least(size - MESSAGE_SIZE, sizeof(message->more)) : 0;
    if (message->more_size != 0) {
        memcpy(message->more, more, message->more_size);
    }
    console->message_count++;
    mock_device_wake(console->device, CONTROL_IN);
    if (console->options.drops && console->device->completion.mode == MOCK_COMPLETE_AT_KICK) {
        console->dropped += console->message_count;
        console->message_count = 0;
    }
}

static void say(struct mock_console *console, uint32_t id, enum mock_console_event event, bool value)
{
    mock_console_say(console, id, (uint16_t)event, value ? 1 : 0, NULL, MESSAGE_SIZE);
}

/* What the driver is told of a port that it has made ready, in QEMU's order. */
static void introduce(struct mock_console *console, uint32_t id)
{
    const struct mock_console_port *port = &console->ports[id];

    if (port->console) {
        say(console, id, MOCK_CONSOLE_CONSOLE_PORT, true);
    }
    if (port->name[0] != '\0') {
        mock_console_say(console, id, MOCK_CONSOLE_PORT_NAME, 1, port->name, MESSAGE_SIZE + strlen(port->name) + 1u);
    }
    if (port->host_open) {
        say(console, id, MOCK_CONSOLE_PORT_OPEN, true);
    }
}

static uint32_t give_message(struct mock_console *console, const struct mock_element *element)
{
    const struct mock_console_message *message = &console->messages[0];
    bool native = console->device->legacy;
    uint8_t bytes[MESSAGE_SIZE + MOCK_CONSOLE_NAME];
    size_t written;

    mock_store(bytes, 4, message->id, native);
    mock_store(bytes + 4, 2, message->event, native);
    mock_store(bytes + 6, 2, message->value, native);
    memcpy(bytes + MESSAGE_SIZE, message->more, message->more_size);
    written = mock_element_write(console->device, element, 0, bytes,
                                 least(least(message->size, MESSAGE_SIZE + message->more_size), sizeof(bytes)));
    console->message_count--;
    memmove(&console->messages[0], &console->messages[1], console->message_count * sizeof(*message));
    return (uint32_t)written;
}

/* ---- Control messages from the driver ---- */

/* The driver introduces itself first, and answers nothing that was not asked (CON-MP-1). */
static void take_answer(struct mock_console *console, const struct mock_console_answer *answer)
{
    struct mock_console_port *port = find_port(console, answer->id);
    bool value = answer->value != 0;

    require(console, answer->value <= 1, "a message whose value is not 0 or 1");
    if (answer->event == MOCK_CONSOLE_DEVICE_READY) {
        require(console, !console->ready && value, "DEVICE_READY twice, or of a driver that is not ready (CON-MP-1)");
        console->ready = true;
        for (uint32_t i = 0; i < MOCK_CONSOLE_PORTS; i++) {
            if (console->ports[i].here) {
                say(console, i, MOCK_CONSOLE_DEVICE_ADD, false);
            }
        }
        return;
    }
    require(console, console->ready, "a message before DEVICE_READY (CON-MP-1)");
    if (port == NULL) { /* it may have been plugged out meanwhile, or the test has made it up */
        return;
    }
    if (answer->event == MOCK_CONSOLE_PORT_READY) {
        port->ready = value;
        port->refused = !value;
        if (value) {
            introduce(console, answer->id);
        }
    } else if (require(console, answer->event == MOCK_CONSOLE_PORT_OPEN, "a message that no driver sends") &&
               require(console, port->ready, "a port opened that is not ready")) {
        port->guest_open = value;
        wake_port(console, answer->id);
    }
}

/* Without ANY_LAYOUT a legacy device takes one descriptor for a message (LEG-CONFRAME-1). */
static bool framed(const struct mock_console *console, const struct mock_element *element)
{
    return !console->device->legacy || has(console->device, VPT_F_ANY_LAYOUT) ||
           element->readable + element->writable == 1;
}

static uint32_t handle_control(struct mock_console *console, const struct mock_queue *queue,
                               const struct mock_element *element)
{
    bool native = console->device->legacy;
    struct mock_console_answer answer;
    uint8_t bytes[MESSAGE_SIZE];

    require(console, framed(console, element), "a control message in pieces (LEG-CONFRAME-1)");
    if (queue->index == CONTROL_IN) {
        require(console, element->readable == 0, "a buffer to read on a receive queue (CON-OP-1)");
        return give_message(console, element);
    }
    require(console, element->writable == 0, "a buffer to write on a transmit queue (CON-OP-2)");
    if (require(console, element->readable_bytes == MESSAGE_SIZE, "a control message that is not 8 bytes long") &&
        mock_element_read(console->device, element, 0, bytes, sizeof(bytes)) == sizeof(bytes)) {
        answer = (struct mock_console_answer){ (uint32_t)mock_load(bytes, 4, native),
                                               (uint16_t)mock_load(bytes + 4, 2, native),
                                               (uint16_t)mock_load(bytes + 6, 2, native) };
        if (console->answer_count < MOCK_CONSOLE_ANSWERS) {
            console->answers[console->answer_count++] = answer;
        }
        take_answer(console, &answer);
    }
    return 0;
}

/* ---- Bytes of ports ---- */

static uint32_t give(struct mock_console *console, struct mock_console_port *port, const struct mock_element *element)
{
    size_t count = least(port->in.count, element->writable_bytes);

    count = console->options.most != 0 ? least(count, console->options.most) : count;
    require(console, element->readable == 0, "a buffer to read on a receive queue (CON-OP-1)");
    count = mock_element_write(console->device, element, 0, port->in.byte, count);
    drop_bytes(&port->in, count);
    return (uint32_t)count;
}

static void take(struct mock_console *console, uint32_t id, const struct mock_element *element)
{
    struct mock_console_port *port = find_port(console, id);
    static uint8_t bytes[MOCK_CONSOLE_BYTES];
    size_t count;

    require(console, element->writable == 0, "a buffer to write on a transmit queue (CON-OP-2)");
    count = mock_element_read(console->device, element, 0, bytes, least(element->readable_bytes, sizeof(bytes)));
    if (port == NULL || !port->host_open) {
        console->discarded += count;
    } else {
        put_bytes(&port->out, bytes, count);
    }
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_console *console = backend;
    uint32_t id = id_of(queue);

    if (is_control(queue)) {
        return handle_control(console, queue, element);
    }
    if (queue->index % 2u == 0) {
        return give(console, &console->ports[id], element);
    }
    take(console, id, element);
    return 0;
}

/* Whether a buffer of this queue would be used now. What the host writes waits until the driver has opened the port. */
static bool ready(void *backend, const struct mock_queue *queue)
{
    struct mock_console *console = backend;
    const struct mock_console_port *port;

    if (queue->index == CONTROL_IN) {
        return console->message_count != 0;
    }
    if (queue->index % 2u != 0) {
        return true;
    }
    port = find_port(console, id_of(queue));
    return port != NULL && port->in.count != 0 && (port->guest_open || !has(console->device, F_MULTIPORT));
}

/* ---- The host ---- */

void mock_console_write(struct mock_console *console, uint32_t id, const void *bytes, size_t size)
{
    put_bytes(&console->ports[id].in, bytes, size);
    wake_port(console, id);
}

size_t mock_console_read(struct mock_console *console, uint32_t id, void *bytes, size_t size)
{
    struct mock_console_bytes *out = &console->ports[id].out;

    size = least(size, out->count);
    memcpy(bytes, out->byte, size);
    drop_bytes(out, size);
    return size;
}

void mock_console_plug(struct mock_console *console, uint32_t id, const char *name, bool is_console)
{
    struct mock_console_port *port = &console->ports[id];

    *port = (struct mock_console_port){ .here = true, .console = is_console, .host_open = is_console };
    for (size_t i = 0; name != NULL && name[i] != '\0' && i < sizeof(port->name) - 1u; i++) {
        port->name[i] = name[i];
    }
    say(console, id, MOCK_CONSOLE_DEVICE_ADD, false);
}

void mock_console_unplug(struct mock_console *console, uint32_t id)
{
    console->ports[id] = (struct mock_console_port){ .here = false };
    say(console, id, MOCK_CONSOLE_DEVICE_REMOVE, true);
}

void mock_console_host_open(struct mock_console *console, uint32_t id, bool open)
{
    console->ports[id].host_open = open;
    if (console->ports[id].ready) {
        say(console, id, MOCK_CONSOLE_PORT_OPEN, open);
    }
}

void mock_console_resize(struct mock_console *console, uint16_t columns, uint16_t rows)
{
    mock_config_set(&console->device->config, MOCK_CONSOLE_COLUMNS, 2, columns);
    mock_config_set(&console->device->config, MOCK_CONSOLE_ROWS, 2, rows);
    mock_device_configuration_changed(console->device);
}

void mock_console_resize_port(struct mock_console *console, uint32_t id, uint16_t columns, uint16_t rows)
{
    uint8_t bytes[4];

    mock_store(bytes, 2, columns, console->device->legacy);
    mock_store(bytes + 2, 2, rows, console->device->legacy);
    mock_console_say(console, id, MOCK_CONSOLE_RESIZE, 0, bytes, MESSAGE_SIZE + sizeof(bytes));
}

/* ---- The device ---- */

static void reset(void *backend)
{
    struct mock_console *console = backend;

    console->ready = false;
    console->message_count = 0;
    for (unsigned i = 0; i < MOCK_CONSOLE_PORTS; i++) {
        console->ports[i].ready = false;
        console->ports[i].refused = false;
        console->ports[i].guest_open = false;
    }
}

static void config_written(void *backend, unsigned offset)
{
    struct mock_console *console = backend;
    uint8_t byte = (uint8_t)mock_config_get(&console->device->config, offset, 4);

    require(console, mock_config_get(&console->device->config, offset, 4) <= 0xff, "more than a byte in emerg_wr");
    put_bytes(&console->emergency, &byte, 1);
}

static uint16_t count_queues(const void *backend)
{
    const struct mock_console_options *options = &((const struct mock_console *)backend)->options;

    uint32_t most = (uint32_t)least(options->ports_max, MOCK_CONSOLE_PORTS);

    return (uint16_t)(options->ports_max != 0 ? 2u * most + 2u : 2u);
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_console *console = backend;
    struct mock_console_options kept = console->options;
    const struct mock_console_options *options = &console->options;

    memset(console, 0, sizeof(*console));
    console->device = device;
    console->options = kept;
    mock_config_init(&device->config, MOCK_FIELDS(fields), device->legacy);
    device->config.early = MOCK_CONSOLE_EMERGENCY;
    mock_config_set(&device->config, MOCK_CONSOLE_COLUMNS, 2, options->columns);
    mock_config_set(&device->config, MOCK_CONSOLE_ROWS, 2, options->rows);
    mock_config_set(&device->config, MOCK_CONSOLE_PORTS_MAX, 4, options->ports_max);
    if (options->columns != 0 || options->rows != 0) {
        vpt_features_add(&device->offered, F_SIZE);
    }
    if (options->emergency) {
        vpt_features_add(&device->offered, F_EMERG_WRITE);
    }
    if (options->ports_max != 0) {
        vpt_features_add(&device->offered, F_MULTIPORT);
    } else {
        console->ports[0] = (struct mock_console_port){ .here = true, .console = true, .host_open = true };
    }
}

const struct mock_backend mock_console_backend = {
    .name = "console",
    .type = VPT_DEVICE_TYPE_CONSOLE,
    .init = init,
    .count_queues = count_queues,
    .known = { { 1u << F_SIZE | 1u << F_MULTIPORT | 1u << F_EMERG_WRITE } },
    .in_order = true,
    .reset = reset,
    .handle = handle,
    .ready = ready,
    .config_written = config_written,
    .changes = { { MOCK_CONSOLE_COLUMNS, 2, 80, 1, 1000 }, { MOCK_CONSOLE_ROWS, 2, 25, 1, 1000 } },
};
