/* SPDX-License-Identifier: MIT */
/* The console driver on QEMU's device: the test is the host too, at the other end of each port's socket. */
#define _GNU_SOURCE
#include "qemu_place.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(device_console, .timeout = 60);

#define PORTS    3u /* that there is memory for */
#define CHARDEVS 4u
#define MOST     0x80000u /* bytes, more than sockets and buffers hold */
#define NAME     "org.example.1"

static struct vpt_console console;
static struct vpt_console_port ports[PORTS];
static char folder[] = "/tmp/vpt-console-XXXXXX";
static int sockets[CHARDEVS]; /* of the host, by port; -1: not connected */
static uint8_t bytes[MOST];
static uint8_t seen[MOST];

/* ---- The host ---- */

static void name_socket(uint32_t id, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    (void)snprintf(address->sun_path, sizeof(address->sun_path), "%s/%u", folder, id);
}

static void host_connect(uint32_t id)
{
    struct sockaddr_un address;

    name_socket(id, &address);
    sockets[id] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_that(sockets[id] >= 0);
    assert_that(connect(sockets[id], (const struct sockaddr *)&address, sizeof(address)) == 0);
}

static void host_close(uint32_t id)
{
    assert_that(close(sockets[id]) == 0);
    sockets[id] = -1;
}

static void host_write(uint32_t id, const void *from, size_t size)
{
    assert_that(write(sockets[id], from, size) == (ssize_t)size);
}

/* Reads what is there, or waits for it; 0: nothing came in so many milliseconds. */
static size_t host_read(uint32_t id, void *to, size_t size, int milliseconds)
{
    struct pollfd file = { .fd = sockets[id], .events = POLLIN };
    ssize_t got = 0;

    if (poll(&file, 1, milliseconds) == 1) {
        got = read(sockets[id], to, size);
    }
    assert_that(got >= 0);
    return (size_t)got;
}

static void host_expects(uint32_t id, const void *expected, size_t size)
{
    size_t got = 0;

    while (got < size) {
        size_t more = host_read(id, seen + got, sizeof(seen) - got, (int)FIXTURE_WAIT);

        assert_that(more != 0);
        got += more;
    }
    assert_that(got == size && memcmp(seen, expected, size) == 0);
}

static void plug(uint32_t id, const char *driver, const char *name)
{
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'device_add', 'arguments': {'driver': '%s', 'id': 'port%u', 'bus': "
                                "'device.0', 'nr': %u, 'chardev': 'c%u', 'name': '%s'}}",
                                driver, id, id, id, name),
                  VPT_OK);
}

static void unplug(uint32_t id)
{
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'device_del', 'arguments': {'id': 'port%u'}}", id), VPT_OK);
}

/* ---- The machine ---- */

static void probe(const struct place *place)
{
    static char chardevs[CHARDEVS][120];
    struct fixture_options options = { .image_size = 0 };

    assert_that(mkdtemp(folder) != NULL);
    for (unsigned i = 0; i < CHARDEVS; i++) {
        (void)snprintf(chardevs[i], sizeof(chardevs[i]), "socket,id=c%u,path=%s/%u,server=on,wait=off", i, folder, i);
        options.arguments[2 * i] = "-chardev";
        options.arguments[2 * i + 1u] = chardevs[i];
        sockets[i] = -1;
    }
    place_start(place, "virtio-serial", ",max_ports=4", &options);
    plug(0, "virtconsole", "con0");
    host_connect(0);
}

static void start(const struct place *place, uint32_t room)
{
    probe(place);
    assert_status(vpt_console_open(&console, ports, room, placed.device), VPT_OK);
}

static void end(void)
{
    struct sockaddr_un address;

    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_console_drain(&console), VPT_OK);
    assert_status(vpt_driver_release(&console.driver), VPT_OK);
    place_finish();
    for (uint32_t i = 0; i < CHARDEVS; i++) {
        name_socket(i, &address);
        (void)unlink(address.sun_path);
        if (sockets[i] >= 0) {
            host_close(i);
        }
    }
    assert_that(rmdir(folder) == 0);
}

/* ---- The driver ---- */

static bool go_on(uint32_t *iteration)
{
    return fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, (*iteration)++);
}

static void guest_expects(uint32_t id, const void *expected, size_t size)
{
    enum vpt_status status = VPT_OK;
    uint32_t iteration = 0;
    size_t got = 0;

    while (got < size && (status == VPT_OK || go_on(&iteration))) {
        size_t length = 0;

        status = vpt_console_read(&ports[id], seen + got, sizeof(seen) - got, &length);
        assert_that(status == VPT_OK || status == VPT_EMPTY);
        got += length;
    }
    assert_that(got == size && memcmp(seen, expected, size) == 0);
}

static void guest_writes(uint32_t id, const uint8_t *from, size_t size)
{
    uint32_t iteration = 0;
    size_t done = 0;

    while (size != 0) {
        enum vpt_status status = vpt_console_write(&ports[id], from, size, &done);

        assert_that(status == VPT_OK || (status == VPT_RESOURCE_FULL && go_on(&iteration)));
        from += done;
        size -= done;
    }
}

static void assert_port_works(uint32_t id)
{
    static const size_t sizes[] = { 1, 255, 257, 3000 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        fill(bytes, sizes[i], id + (uint32_t)sizes[i]);
        guest_writes(id, bytes, sizes[i]);
        host_expects(id, bytes, sizes[i]);
        host_write(id, bytes, sizes[i]);
        guest_expects(id, bytes, sizes[i]);
    }
}

static void assert_event(uint32_t id, enum vpt_console_event_kind kind)
{
    struct vpt_console_event event = { .id = 0 };
    enum vpt_status status = VPT_EMPTY;
    uint32_t iteration = 0;

    /* After a port has gone QEMU may still say that the host has closed it. */
    while ((status == VPT_EMPTY || (status == VPT_OK && event.kind == VPT_CONSOLE_IGNORED && kind != event.kind)) &&
           go_on(&iteration)) {
        status = vpt_console_poll(&console, &event);
    }
    assert_status(status, VPT_OK);
    cr_assert(event.kind == kind && event.id == id, "%s: event %u of port %u, not %u of port %u", fixture.what,
              event.kind, event.id, kind, id);
}

static void assert_console_comes(void)
{
    assert_event(0, VPT_CONSOLE_ADDED);
    assert_event(0, VPT_CONSOLE_NOMINATED);
    assert_event(0, VPT_CONSOLE_NAMED);
    assert_event(0, VPT_CONSOLE_HOST_OPEN);
    assert_that(ports[0].state.is_console && ports[0].state.open && strcmp(ports[0].state.name, "con0") == 0);
}

static void assert_port_1_comes(bool open)
{
    assert_event(1, VPT_CONSOLE_ADDED);
    assert_event(1, VPT_CONSOLE_NAMED);
    if (open) {
        assert_event(1, VPT_CONSOLE_HOST_OPEN);
    }
    assert_that(ports[1].state.host_open == open && !ports[1].state.is_console && !ports[1].state.open);
    assert_that(strcmp(ports[1].state.name, NAME) == 0);
}

/* A console and port 1, which is open on both sides. */
static void start_with_port_1(const struct place *place)
{
    start(place, PORTS);
    assert_console_comes();
    host_connect(1);
    plug(1, "virtserialport", NAME);
    assert_port_1_comes(true);
    assert_status(vpt_console_set_open(&ports[1], true), VPT_OK);
}

/* ---- Tests ---- */

PLACE_TEST(device_console, bytes_go_both_ways)
{
    start(place, 1);
    assert_that(console.queue_count == 2);
    for (unsigned round = 0; round < 5; round++) {
        assert_port_works(0);
    }
    end();
}

/* The host does not read, then reads all: nothing is lost, and the order holds. (What a console prints QEMU drops.) */
PLACE_TEST(device_console, a_host_that_is_slow)
{
    enum vpt_status status;
    size_t total = 0;
    size_t done = 0;

    start_with_port_1(place);
    fill(bytes, sizeof(bytes), 9);
    for (unsigned full = 0; full < 20 && total < MOST; full = done == 0 ? full + 1u : 0) {
        status = vpt_console_write(&ports[1], bytes + total, MOST - total, &done);
        assert_that(status == VPT_OK || status == VPT_RESOURCE_FULL);
        total += done;
        (void)place_status(); /* QEMU runs */
    }
    assert_that(total > 16u * VPT_CONSOLE_CHUNK && total < MOST);
    host_expects(1, bytes, total);
    assert_port_works(1);
    end();
}

PLACE_TEST(device_console, bytes_come_by_interrupt)
{
    char byte;
    size_t length;

    start(place, 1);
    (void)vpt_device_interrupt(placed.device); /* of the bring-up */
    place_intercept();
    assert_status(vpt_console_read(&ports[0], &byte, 1, &length), VPT_EMPTY);
    host_write(0, "x", 1);
    assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), 0, FIXTURE_WAIT), VPT_OK);
    assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
    guest_expects(0, "x", 1);
    end();
}

PLACE_TEST(device_console, CON_MP_1_CON_MP_2_ports_open_and_close_from_both_sides)
{
    size_t length;

    probe(place);
    plug(1, "virtserialport", NAME);
    assert_status(vpt_console_open(&console, ports, PORTS, placed.device), VPT_OK);
    assert_that(console.port_count == PORTS);
    /* QEMU reports both ports at once, then answers each PORT_READY. */
    assert_event(0, VPT_CONSOLE_ADDED);
    assert_event(1, VPT_CONSOLE_ADDED);
    assert_event(0, VPT_CONSOLE_NOMINATED);
    assert_event(0, VPT_CONSOLE_NAMED);
    assert_event(0, VPT_CONSOLE_HOST_OPEN);
    assert_event(1, VPT_CONSOLE_NAMED);
    assert_port_works(0);
    for (unsigned round = 0; round < 2; round++) {
        host_connect(1);
        assert_event(1, VPT_CONSOLE_HOST_OPEN);
        assert_that(ports[1].state.host_open);
        host_write(1, "early", 5); /* is held back */
        assert_that(host_read(1, seen, 1, 20) == 0);
        assert_status(vpt_console_read(&ports[1], seen, 1, &length), VPT_EMPTY);
        assert_status(vpt_console_set_open(&ports[1], true), VPT_OK);
        guest_expects(1, "early", 5);
        assert_port_works(1);
        assert_status(vpt_console_set_open(&ports[1], false), VPT_OK);
        host_close(1);
        assert_event(1, VPT_CONSOLE_HOST_OPEN);
        assert_that(!ports[1].state.host_open);
        assert_port_works(0);
    }
    end();
}

PLACE_TEST(device_console, ports_are_plugged_in_and_out)
{
    start(place, PORTS);
    assert_console_comes();
    for (unsigned round = 0; round < 3; round++) {
        host_connect(1);
        plug(1, "virtserialport", NAME);
        assert_port_1_comes(true);
        assert_status(vpt_console_set_open(&ports[1], true), VPT_OK);
        assert_port_works(1);
        unplug(1);
        assert_event(1, VPT_CONSOLE_REMOVED);
        assert_status(vpt_console_write(&ports[1], "x", 1, NULL), VPT_CALLER_STATE);
        assert_status(vpt_qtest_qmp_event(fixture.qtest, "DEVICE_DELETED", "\"device\": \"port1\"", FIXTURE_WAIT),
                      VPT_OK);
        host_close(1);
        assert_port_works(0);
    }
    /* There is no memory for port 3. */
    plug(3, "virtserialport", "too.many");
    assert_event(3, VPT_CONSOLE_IGNORED);
    plug(2, "virtconsole", "con2");
    assert_event(2, VPT_CONSOLE_ADDED);
    host_connect(2);
    assert_event(2, VPT_CONSOLE_NOMINATED);
    assert_port_works(2);
    assert_port_works(0);
    end();
}

PLACE_TEST(device_console, a_restart_on_the_same_memory)
{
    probe(place);
    assert_status(vpt_console_open(&console, ports, PORTS, placed.device), VPT_OK);
    assert_console_comes();
    for (unsigned round = 0; round < 3; round++) {
        struct vpt_console_event event;

        assert_port_works(0);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_console_poll(&console, &event), VPT_CANCELLED);
        assert_status(vpt_console_drain(&console), VPT_OK);
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_OK);
        assert_that(!ports[0].state.present);
        assert_console_comes();
    }
    end();
}

/* Nothing is set up; then the driver starts, and both work beside each other. */
PLACE_TEST(device_console, emergency_writes)
{
    probe(place);
    assert_that(place_status() == 0);
    assert_status(vpt_console_emergency(placed.device, "panic\n", 6), VPT_OK);
    host_expects(0, "panic\n", 6);
    assert_that(place_status() == 0);
    assert_status(vpt_console_open(&console, ports, 1, placed.device), VPT_OK);
    assert_port_works(0);
    assert_status(vpt_console_emergency(placed.device, "again\n", 6), VPT_OK);
    host_expects(0, "again\n", 6);
    assert_port_works(0);
    vpt_device_fail(placed.device);
    assert_status(vpt_console_emergency(placed.device, "given up\n", 9), VPT_OK);
    host_expects(0, "given up\n", 9);
    end();
}
