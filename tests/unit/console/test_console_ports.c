/* SPDX-License-Identifier: MIT */
/* The console driver with several ports: control messages, names, opening and closing, ports that come and go. */
#include <string.h>

#include "mock_order.h"
#include "terminal.h"

static const struct mock_console_options several = { .ports_max = 5 };

/* What the driver has sent to the device as answer n. */
static void assert_answer(size_t n, uint32_t id, enum mock_console_event event, uint16_t value)
{
    const struct mock_console_answer *answer = &host.answers[n];

    cr_assert(n < host.answer_count, "no answer %zu", n);
    assert_same(answer->id, id);
    assert_same(answer->event, event);
    assert_same(answer->value, value);
}

/* A console at port 0, and a port with a name at port 1, which the host has not opened. */
static void plug_two(void)
{
    mock_console_plug(&host, 0, "con", true);
    mock_console_plug(&host, 1, "org.example.1", false);
}

static void assert_two(void)
{
    assert_event(0, VPT_CONSOLE_ADDED);
    assert_event(1, VPT_CONSOLE_ADDED);
    assert_event(0, VPT_CONSOLE_NOMINATED);
    assert_event(0, VPT_CONSOLE_NAMED);
    assert_event(0, VPT_CONSOLE_HOST_OPEN);
    assert_event(1, VPT_CONSOLE_NAMED);
    assert_no_event();
    cr_assert(ports[0].state.is_console && ports[0].state.open && ports[0].state.host_open);
    cr_assert(ports[1].state.present && !ports[1].state.is_console && !ports[1].state.open);
    cr_assert(!ports[1].state.host_open && !ports[2].state.present);
    cr_assert(strcmp(ports[0].state.name, "con") == 0 && strcmp(ports[1].state.name, "org.example.1") == 0);
}

static void start_two(enum machine_kind kind)
{
    terminal_probe(kind, &several);
    plug_two();
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_OK);
    assert_two();
}

/* Opens port 1 from both sides. */
static void open_port_1(void)
{
    mock_console_host_open(&host, 1, true);
    assert_event(1, VPT_CONSOLE_HOST_OPEN);
    cr_assert(ports[1].state.host_open);
    assert_status(vpt_console_set_open(&ports[1], true), VPT_OK);
    cr_assert(ports[1].state.open && host.ports[1].guest_open);
}

#define TWO_PORTS_TEST(suite, name) \
    STARTED_TEST(struct machine_variant, TRANSPORT_TEST, start_two(variant->kind), terminal_end(), suite, name)

/* The device would notice a message before DEVICE_READY. */
TWO_PORTS_TEST(console_ports, CON_MP_1_CON_MP_2_ports_are_reported)
{
    cr_assert(console.port_count == PORTS && console.queue_count == 2u * PORTS + 2u);
    assert_same(host.answer_count, 4);
    assert_answer(0, UINT32_MAX, MOCK_CONSOLE_DEVICE_READY, 1);
    assert_answer(1, 0, MOCK_CONSOLE_PORT_READY, 1);
    assert_answer(2, 1, MOCK_CONSOLE_PORT_READY, 1);
    assert_answer(3, 0, MOCK_CONSOLE_PORT_OPEN, 1);
    assert_port_works(0);
}

/* What the host writes is held back until the driver opens the port. */
TWO_PORTS_TEST(console_ports, opening_and_closing_from_both_sides)
{
    mock_console_write(&host, 1, "early", 5);
    assert_same(take_all(2), 0);
    assert_same(host.ports[1].in.count, 5);
    assert_status(vpt_console_write(&ports[1], "to nobody", 9, NULL), VPT_OK);
    assert_same(host.discarded, 9);
    open_port_1();
    assert_same(host.ports[1].in.count, 0);
    for (unsigned i = 0; i < 5; i++) {
        size_t length = 0;
        char byte = 0;

        assert_status(vpt_console_read(&ports[1], &byte, 1, &length), VPT_OK);
        cr_assert(length == 1 && byte == "early"[i]);
    }
    assert_port_works(1);
    mock_console_host_open(&host, 1, false);
    assert_event(1, VPT_CONSOLE_HOST_OPEN);
    cr_assert(!ports[1].state.host_open);
    assert_status(vpt_console_set_open(&ports[1], false), VPT_OK);
    cr_assert(!ports[1].state.open && !host.ports[1].guest_open);
    assert_port_works(0);
    open_port_1();
    assert_port_works(1);
}

TWO_PORTS_TEST(console_ports, ports_that_come_and_go)
{
    for (unsigned round = 0; round < 3; round++) {
        size_t length = 0;
        char byte;

        mock_console_plug(&host, 2, round == 0 ? NULL : "again", false);
        assert_event(2, VPT_CONSOLE_ADDED);
        if (round != 0) {
            assert_event(2, VPT_CONSOLE_NAMED);
        }
        assert_no_event();
        assert_same(strlen(ports[2].state.name), round == 0 ? 0 : 5);
        cr_assert(ports[2].state.columns == 0 && ports[2].state.rows == 0);
        mock_console_resize_port(&host, 2, 100, 30);
        assert_event(2, VPT_CONSOLE_RESIZED);
        cr_assert(ports[2].state.columns == 100 && ports[2].state.rows == 30);
        mock_console_host_open(&host, 2, true);
        assert_event(2, VPT_CONSOLE_HOST_OPEN);
        assert_status(vpt_console_set_open(&ports[2], true), VPT_OK);
        assert_port_works(2);
        mock_console_write(&host, 2, "x", 1);
        mock_console_unplug(&host, 2);
        assert_event(2, VPT_CONSOLE_REMOVED);
        cr_assert(!ports[2].state.present && !ports[2].state.open && !ports[2].state.host_open);
        assert_same(strlen(ports[2].state.name), 0);
        assert_status(vpt_console_write(&ports[2], "x", 1, NULL), VPT_CALLER_STATE);
        assert_status(vpt_console_set_open(&ports[2], true), VPT_CALLER_STATE);
        assert_status(vpt_console_read(&ports[2], &byte, 1, &length), VPT_OK); /* it had come before */
        cr_assert(length == 1 && byte == 'x');
        assert_status(vpt_console_read(&ports[2], &byte, 1, &length), VPT_EMPTY);
        assert_port_works(0);
    }
}

/* No answer can be given then. */
Test(console_ports, SUSPEND_3_a_message_waits_for_the_device_to_go_on)
{
    struct vpt_console_event event;
    size_t answers;

    terminal_probe(MACHINE_MMIO_2, &several);
    machine_offer(VPT_F_SUSPEND, true);
    plug_two();
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_OK);
    assert_two();
    answers = host.answer_count;
    mock_console_plug(&host, 2, NULL, false);
    assert_status(vpt_device_suspend(machine.device), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_console_poll(&console, &event), VPT_CALLER_STATE);
    }
    cr_assert(!ports[2].state.present && host.answer_count == answers);
    assert_status(vpt_device_resume(machine.device), VPT_OK);
    assert_event(2, VPT_CONSOLE_ADDED);
    assert_answer(answers, 2, MOCK_CONSOLE_PORT_READY, 1);
    assert_no_event();
    assert_port_works(0);
    terminal_end();
}

/* Ports 3 and 4 are the device's, but there is memory for three. */
TWO_PORTS_TEST(console_ports, ports_without_memory_are_refused)
{
    for (uint32_t id = PORTS; id < several.ports_max; id++) {
        mock_console_plug(&host, id, "too many", false);
        assert_event(id, VPT_CONSOLE_IGNORED);
        assert_answer(host.answer_count - 1u, id, MOCK_CONSOLE_PORT_READY, 0);
        cr_assert(host.ports[id].refused && !host.ports[id].ready);
        mock_console_unplug(&host, id);
        assert_event(id, VPT_CONSOLE_IGNORED);
        assert_no_event();
    }
    assert_port_works(0);
    open_port_1();
    assert_port_works(1);
}

/* What the device says without sense changes nothing, and gets no answer. */
TWO_PORTS_TEST(console_ports, messages_without_a_meaning)
{
    static const struct {
        const char *text;
        uint32_t id;
        uint16_t event;
        size_t size;
        uint32_t seen_id;
    } rows[] = {
        { "an unknown event", 1, 8, 8, 1 },
        { "another one", 1, 0xffff, 8, 1 },
        { "DEVICE_READY is the driver's", 1, MOCK_CONSOLE_DEVICE_READY, 8, 1 },
        { "PORT_READY is the driver's", 1, MOCK_CONSOLE_PORT_READY, 8, 1 },
        { "a port that is not there is named", 2, MOCK_CONSOLE_PORT_NAME, 12, 2 },
        { "is opened", 2, MOCK_CONSOLE_PORT_OPEN, 8, 2 },
        { "is a console", 2, MOCK_CONSOLE_CONSOLE_PORT, 8, 2 },
        { "has a size", 2, MOCK_CONSOLE_RESIZE, 12, 2 },
        { "goes", 2, MOCK_CONSOLE_DEVICE_REMOVE, 8, 2 },
        { "a port that there is no memory for is a console", PORTS, MOCK_CONSOLE_CONSOLE_PORT, 8, PORTS },
        { "a port that no device has is opened", 0x10000001, MOCK_CONSOLE_PORT_OPEN, 8, 0x10000001 },
        { "the last number of all", UINT32_MAX, MOCK_CONSOLE_PORT_NAME, 64, UINT32_MAX },
        { "a size that is cut", 1, MOCK_CONSOLE_RESIZE, 11, 1 },
        { "nothing", 1, MOCK_CONSOLE_PORT_OPEN, 0, 0 },
        { "less than a message", 1, MOCK_CONSOLE_DEVICE_REMOVE, 7, 0 },
    };
    static const char more[MOCK_CONSOLE_NAME] = "name";
    struct vpt_console_port before[PORTS];
    size_t answers;

    answers = host.answer_count;
    memcpy(before, ports, sizeof(before));
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_console_event event;

        mock_console_say(&host, rows[i].id, rows[i].event, 1, more, rows[i].size);
        assert_status_of(rows[i].text, vpt_console_poll(&console, &event), VPT_OK);
        assert_same_of(rows[i].text, event.kind, VPT_CONSOLE_IGNORED);
        assert_same_of(rows[i].text, event.id, rows[i].seen_id);
        for (unsigned k = 0; k < PORTS; k++) {
            cr_assert(memcmp(&before[k].state, &ports[k].state, sizeof(ports[k].state)) == 0, "%s", rows[i].text);
        }
    }
    assert_same(host.answer_count, answers);
    mock_console_say(&host, 0x7fffffff, MOCK_CONSOLE_DEVICE_ADD, 0, NULL, 8);
    assert_event(0x7fffffff, VPT_CONSOLE_IGNORED);
    assert_answer(answers, 0x7fffffff, MOCK_CONSOLE_PORT_READY, 0);
    assert_port_works(0);
    open_port_1();
    assert_port_works(1);
}

/* With a NUL behind it or without, empty, as long as there is room, and longer. */
TWO_PORTS_TEST(console_ports, names_of_any_length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    static const size_t sizes[] = { 0, 1, 4, VPT_CONSOLE_NAME_MAX - 1u, VPT_CONSOLE_NAME_MAX, VPT_CONSOLE_NAME_MAX + 1u,
                                    78 };

    mock_console_resize_port(&host, 1, 0x5a5a, 0x5a5a);
    assert_event(1, VPT_CONSOLE_RESIZED);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        size_t kept = sizes[i] < VPT_CONSOLE_NAME_MAX ? sizes[i] : VPT_CONSOLE_NAME_MAX;

        mock_console_say(&host, 1, MOCK_CONSOLE_PORT_NAME, 1, letters, 8 + sizes[i]);
        assert_event(1, VPT_CONSOLE_NAMED);
        assert_same(strlen(ports[1].state.name), kept);
        cr_assert(strncmp(ports[1].state.name, letters, kept) == 0);
        cr_assert(ports[1].state.columns == 0x5a5a && ports[1].state.rows == 0x5a5a); /* next to the name */
    }
}

TWO_PORTS_TEST(console_ports, LEG_CONOP_1_sizes_by_message)
{
    mock_console_resize_port(&host, 0, 132, 43);
    assert_event(0, VPT_CONSOLE_RESIZED);
    cr_assert(ports[0].state.columns == 132 && ports[0].state.rows == 43);
    assert_status(vpt_console_refresh(&console), VPT_UNSUPPORTED_FEATURE); /* the configuration has none */
}

/* By the configuration, which does not change when the device reports the port. */
TRANSPORT_TEST(console_ports, the_size_of_port_0)
{
    terminal_probe(variant->kind, &(struct mock_console_options){ .columns = 80, .rows = 25, .ports_max = PORTS });
    mock_console_plug(&host, 0, NULL, true);
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_OK);
    assert_event(0, VPT_CONSOLE_ADDED);
    cr_assert(ports[0].state.columns == 80 && ports[0].state.rows == 25 && ports[1].state.columns == 0);
    mock_console_resize(&host, 132, 43);
    assert_status(vpt_console_refresh(&console), VPT_OK);
    cr_assert(ports[0].state.columns == 132 && ports[0].state.rows == 43);
    terminal_end();
}

/* LEG-CONFRAME-1: a legacy device without ANY_LAYOUT would notice a control message in two descriptors. */
LEGACY_TEST(console_ports, LEG_CONFRAME_1_one_descriptor_a_message)
{
    terminal_probe(variant->kind, &several);
    machine_offer(VPT_F_ANY_LAYOUT, false);
    plug_two();
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_OK);
    assert_two();
    open_port_1();
    assert_port_works(1);
    terminal_end();
}

/* The device takes no answer: the message waits, and so does whoever opens a port. */
TWO_PORTS_TEST(console_ports, answers_that_find_no_room)
{
    struct vpt_console_event event;
    unsigned sent = 0;

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    while (vpt_console_set_open(&ports[1], true) == VPT_OK) {
        sent++;
    }
    assert_same(sent, BUFFERS);
    assert_status(vpt_console_set_open(&ports[1], false), VPT_RESOURCE_FULL);
    cr_assert(ports[1].state.open);
    assert_status(vpt_console_poll(&console, &event), VPT_RESOURCE_FULL);
    (void)mock_device_run(machine.model, 1);
    assert_status(vpt_console_poll(&console, &event), VPT_EMPTY);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    (void)mock_device_run(machine.model, UINT32_MAX);
    open_port_1();
}

/* A device that drops a message for which there is no buffer: each is back with the device before the answer. */
TRANSPORT_TEST(console_ports, no_message_is_dropped_for_want_of_a_buffer)
{
    struct vpt_requests_config config = { .requests = 4 }; /* a new port, and three messages about another one */

    terminal_probe(variant->kind, &several);
    host.options.drops = true;
    plug_two();
    assert_status(vpt_console_init(&console, ports, PORTS, machine.device, NULL), VPT_OK);
    for (uint32_t i = 0; i < console.queue_count; i++) {
        assert_status(vpt_console_queue_init(&console, i, i == 2 ? &config : NULL), VPT_OK);
    }
    assert_status(vpt_console_queue_init(&console, console.queue_count, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_driver_start(&console.driver), VPT_OK);
    assert_two();
    assert_same(host.dropped, 0);
    terminal_end();
}

/* ---- How many ports ---- */

TRANSPORT_TEST(console_ports, as_many_as_both_have)
{
    static const struct {
        uint32_t device;
        uint32_t room;
        uint32_t ports;
    } rows[] = { { 1, PORTS, 1 }, { 2, PORTS, 2 }, { PORTS, PORTS, PORTS }, { 5, 2, 2 } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        terminal_probe(variant->kind, &(struct mock_console_options){ .ports_max = rows[i].device });
        mock_console_plug(&host, rows[i].ports - 1u, NULL, true);
        assert_status(vpt_console_open(&console, ports, rows[i].room, machine.device), VPT_OK);
        assert_same(console.port_count, rows[i].ports);
        assert_event(rows[i].ports - 1u, VPT_CONSOLE_ADDED);
        assert_event(rows[i].ports - 1u, VPT_CONSOLE_NOMINATED);
        assert_port_works(rows[i].ports - 1u);
        terminal_end();
    }
}

/* With room for one port the feature is not taken: port 0 works at once. */
TRANSPORT_TEST(console_ports, one_port_of_a_device_of_several)
{
    terminal_probe(variant->kind, &several);
    plug_two();
    assert_status(vpt_console_open(&console, ports, 1, machine.device), VPT_OK);
    cr_assert(console.queue_count == 2 && ports[0].state.present);
    assert_port_works(0);
    assert_status(vpt_console_poll(&console, &(struct vpt_console_event){ 0 }), VPT_CALLER_STATE);
    terminal_end();
}

TRANSPORT_TEST(console_ports, a_device_without_a_port)
{
    terminal_probe(variant->kind, &several);
    mock_config_set(&machine.model->config, MOCK_CONSOLE_PORTS_MAX, 4, 0);
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_DEVICE_CONFIG);
    assert_nothing_left(&console_fixture);
    mock_config_set(&machine.model->config, MOCK_CONSOLE_PORTS_MAX, 4, UINT32_MAX); /* a lie, and more than enough */
    assert_status(vpt_console_open(&console, ports, PORTS, machine.device), VPT_OK);
    assert_same(console.port_count, PORTS);
    terminal_end();
}

/* A restart forgets the ports, and the device reports them anew; it may not have fewer then. */
TWO_PORTS_TEST(console_ports, a_restart_reports_the_ports_again)
{
    struct vpt_console_event event;

    open_port_1();
    mock_console_resize_port(&host, 1, 10, 10);
    for (unsigned round = 0; round < 2; round++) {
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_console_set_open(&ports[1], true), VPT_CANCELLED);
        (void)vpt_console_poll(&console, &event);
        assert_status(vpt_console_poll(&console, &event), VPT_CANCELLED);
        assert_status(vpt_console_drain(&console), VPT_OK);
        mock_console_host_open(&host, 1, false);
        mock_config_set(&machine.model->config, MOCK_CONSOLE_PORTS_MAX, 4, PORTS - 1u);
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_UNSUPPORTED_QUEUE);
        mock_config_set(&machine.model->config, MOCK_CONSOLE_PORTS_MAX, 4, round == 0 ? PORTS : 5);
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_OK);
        cr_assert(!ports[0].state.present && !ports[1].state.present);
        assert_two();
        open_port_1();
        assert_port_works(0);
        assert_port_works(1);
    }
}

/* ---- The simulated device ---- */

/* It notices a driver that skips a step of the specification. */
Test(console_ports, the_device_itself)
{
    static const struct mock_console_answer wrong[] = {
        { UINT32_MAX, MOCK_CONSOLE_DEVICE_READY, 0 },
        { 1, MOCK_CONSOLE_RESIZE, 1 },
        { 1, MOCK_CONSOLE_PORT_OPEN, 2 },
    };
    static const char *const complaints[] = { "CON-MP-1", "no driver sends", "not 0 or 1" };

    start_two(MACHINE_MMIO_2);
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        struct vpt_segment segment = machine_segment(0, 8);

        mock_store(machine_bytes(0), 4, wrong[i].id, false);
        mock_store(machine_bytes(4), 2, wrong[i].event, false);
        mock_store(machine_bytes(6), 2, wrong[i].value, false);
        assert_status(vpt_requests_submit(&console.control.out, &segment, 1, 0, NULL), VPT_OK);
        assert_status(vpt_requests_kick(&console.control.out), VPT_OK);
        cr_assert(mock_violations_mention(&machine.hal->violations, complaints[i]), "%s", complaints[i]);
        mock_violations_clear(&machine.hal->violations);
    }
    terminal_end();
}
