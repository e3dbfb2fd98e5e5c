/* SPDX-License-Identifier: MIT */
/*
 * The simulated console device (VirtIO 1.4, section 5.3). The test plays the host: it writes to a port and reads from
 * it, opens and closes it, plugs ports in and out. As QEMU's device, it keeps what the host writes until the driver has
 * opened the port, and sends names with a NUL behind them.
 */
#ifndef VPT_TESTS_MOCK_CONSOLE_H
#define VPT_TESTS_MOCK_CONSOLE_H

#include "mock_device.h"

#define MOCK_CONSOLE_PORTS    6u /* most: MOCK_QUEUES_MAX has room for their queues */
#define MOCK_CONSOLE_BYTES    8192u
#define MOCK_CONSOLE_MESSAGES 64u
#define MOCK_CONSOLE_ANSWERS  64u
#define MOCK_CONSOLE_NAME     96u

/* The configuration: MOCK_CONSOLE_COLUMNS and so on are offsets. Width, the feature that a field needs, name. */
#define MOCK_CONSOLE_FIELDS(X)                      \
    X(COLUMNS, 0, 2, F_SIZE, "cols")                \
    X(ROWS, 2, 2, F_SIZE, "rows")                   \
    X(PORTS_MAX, 4, 4, F_MULTIPORT, "max_nr_ports") \
    X(EMERGENCY, 8, 4, F_EMERG_WRITE, "emerg_wr")

#define MOCK_CONSOLE_OFFSET(constant, offset, width, feature, name) MOCK_CONSOLE_##constant = (offset),
enum mock_console_field { MOCK_CONSOLE_FIELDS(MOCK_CONSOLE_OFFSET) };

/* Events of control messages. */
enum mock_console_event {
    MOCK_CONSOLE_DEVICE_READY,
    MOCK_CONSOLE_DEVICE_ADD,
    MOCK_CONSOLE_DEVICE_REMOVE,
    MOCK_CONSOLE_PORT_READY,
    MOCK_CONSOLE_CONSOLE_PORT,
    MOCK_CONSOLE_RESIZE,
    MOCK_CONSOLE_PORT_OPEN,
    MOCK_CONSOLE_PORT_NAME
};

/* Zeroed: port 0 alone, and no feature. */
struct mock_console_options {
    uint16_t columns; /* with `rows`, if either is not 0: SIZE */
    uint16_t rows;
    uint32_t ports_max; /* not 0: MULTIPORT; no port is there until mock_console_plug() */
    bool emergency;     /* EMERG_WRITE */
    uint32_t most;      /* bytes from the host in one buffer; 0: no limit. A test may change it at any time ... */
    bool drops;         /* ... and this: messages that find no buffer are dropped, as QEMU does */
};

/* Bytes on their way, first in, first out. */
struct mock_console_bytes {
    uint8_t byte[MOCK_CONSOLE_BYTES];
    size_t count;
};

struct mock_console_port {
    bool here;    /* plugged in */
    bool ready;   /* the driver has said so */
    bool refused; /* the driver has said that it cannot use the port */
    bool console;
    bool host_open;
    bool guest_open;
    char name[MOCK_CONSOLE_NAME];
    struct mock_console_bytes in;  /* from the host, not yet taken by the driver */
    struct mock_console_bytes out; /* from the driver, not yet read by the host */
};

struct mock_console_message {
    uint32_t id;
    uint16_t event;
    uint16_t value;
    uint8_t more[MOCK_CONSOLE_NAME];
    size_t more_size;
    size_t size; /* of the whole message as the device writes it */
};

/* What the driver sent on the control queue. */
struct mock_console_answer {
    uint32_t id;
    uint16_t event;
    uint16_t value;
};

struct mock_console {
    struct mock_device *device;
    struct mock_console_options options;
    struct mock_console_port ports[MOCK_CONSOLE_PORTS];
    struct mock_console_bytes emergency; /* what was printed by emerg_wr */

    /* Since the last reset. */
    bool ready;                                                  /* DEVICE_READY came */
    struct mock_console_message messages[MOCK_CONSOLE_MESSAGES]; /* not yet taken by the driver */
    size_t message_count;

    /* Since the device was made. */
    struct mock_console_answer answers[MOCK_CONSOLE_ANSWERS]; /* the first ones */
    size_t answer_count;
    uint64_t dropped;   /* messages that found no buffer */
    uint64_t discarded; /* bytes of the driver to a port that is not there, or that nobody at the host has open */
};

/* The backend, for mock_device_init(); its context is a struct mock_console. */
extern const struct mock_backend mock_console_backend;

/* ---- The host ---- */

/* Writes to a port; reads from it, and returns how many bytes. */
void mock_console_write(struct mock_console *console, uint32_t id, const void *bytes, size_t size);
size_t mock_console_read(struct mock_console *console, uint32_t id, void *bytes, size_t size);

/* Plugs a port in, with a name (NULL: none), and as a console, which is open at the host, or not; plugs it out. */
void mock_console_plug(struct mock_console *console, uint32_t id, const char *name, bool is_console);
void mock_console_unplug(struct mock_console *console, uint32_t id);

void mock_console_host_open(struct mock_console *console, uint32_t id, bool open);

/* Another size, in the configuration; and of any port, by a message. */
void mock_console_resize(struct mock_console *console, uint16_t columns, uint16_t rows);
void mock_console_resize_port(struct mock_console *console, uint32_t id, uint16_t columns, uint16_t rows);

/* Any message, of any length, whether it makes sense or not: its first `size` bytes, of which 8 come before `more`. */
void mock_console_say(struct mock_console *console, uint32_t id, uint16_t event, uint16_t value, const void *more,
                      size_t size);

#endif
