/* SPDX-License-Identifier: MIT */
/* The console driver with one port: bytes both ways, the size, emergency writes, and how its bring-up can fail. */
#include <string.h>

#include "terminal.h"

static const struct mock_console_options sized = { .columns = 80, .rows = 25, .emergency = true };

/* ---- Bytes ---- */

/* CON-OP-1, CON-OP-2: the device would notice a buffer of the wrong direction. */
STARTED_CONSOLE_TEST(console, CON_OP_1_CON_OP_2_bytes_go_both_ways)
{
    static const size_t sizes[] = { 0, 1, 255, 256, 257, 1000, BUFFERS * VPT_CONSOLE_CHUNK };
    static const uint32_t mosts[] = { 0, 1, 100, 256 };

    cr_assert(console.port_count == 1 && console.queue_count == 2);
    cr_assert(ports[0].state.present && ports[0].state.host_open && ports[0].state.open && ports[0].state.is_console);
    assert_same(take_all(0), 0);
    for (unsigned i = 0; i < COUNT_OF(sizes) * COUNT_OF(mosts); i++) {
        host.options.most = mosts[i / COUNT_OF(sizes)];
        assert_prints(0, sizes[i % COUNT_OF(sizes)]);
        assert_reads(0, sizes[i % COUNT_OF(sizes)]);
    }
}

/* The host takes its time: what does not fit is the caller's to try again. */
STARTED_CONSOLE_TEST(console, a_write_takes_what_there_are_buffers_for)
{
    static uint8_t bytes[FLOOD];
    size_t written = 0;
    size_t total;

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    memset(bytes, 'x', sizeof(bytes));
    assert_status(vpt_console_write(&ports[0], bytes, sizeof(bytes), &written), VPT_RESOURCE_FULL);
    assert_same(written, BUFFERS * VPT_CONSOLE_CHUNK);
    assert_status(vpt_console_write(&ports[0], bytes, 1, &written), VPT_RESOURCE_FULL);
    assert_same(written, 0);
    (void)mock_device_run(machine.model, 2);
    for (total = 0; total < 3; total++) {
        assert_status(vpt_console_write(&ports[0], bytes, 1, NULL), total < 2 ? VPT_OK : VPT_RESOURCE_FULL);
    }
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    assert_status(vpt_requests_quiesce(&ports[0].queues.out, NULL, NULL), VPT_OK);
    assert_same(mock_console_read(&host, 0, bytes, sizeof(bytes)), BUFFERS * VPT_CONSOLE_CHUNK + 2u);
}

/* A host that writes more than all buffers hold, and a device that gives a buffer back without a byte in it. */
STARTED_CONSOLE_TEST(console, a_reader_that_is_late)
{
    const struct mock_lie lie = LENGTH_LIE(0);
    size_t length = 12345;
    char byte;

    host_writes(0, FLOOD);
    assert_same(host.ports[0].in.count, FLOOD - BUFFERS * VPT_CONSOLE_CHUNK);
    assert_same(take_all(0), FLOOD);
    (void)mock_lie_set(&machine.model->lies, &lie);
    mock_console_write(&host, 0, "?", 1);
    assert_status(vpt_console_read(&ports[0], &byte, 1, &length), VPT_OK);
    assert_same(length, 0);
    mock_lies_clear(machine.model);
    assert_reads(0, 10);
}

STARTED_CONSOLE_TEST(console, arguments_that_are_none)
{
    static struct vpt_console_port other;
    size_t length;
    char byte = 0;

    assert_status(vpt_console_write(NULL, &byte, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_write(&ports[0], NULL, 0, NULL), VPT_OK);
    length = 7;
    assert_status(vpt_console_write(&ports[0], NULL, 1, &length), VPT_CALLER_ARGUMENT);
    assert_same(length, 0);
    length = 7;
    assert_status(vpt_console_write(&other, &byte, 1, &length), VPT_CALLER_STATE);
    assert_same(length, 0);
    assert_status(vpt_console_read(NULL, &byte, 1, &length), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_read(&ports[0], NULL, 1, &length), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_read(&ports[0], &byte, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_read(&other, &byte, 1, &length), VPT_CALLER_STATE);
    assert_status(vpt_console_poll(&console, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_poll(NULL, &(struct vpt_console_event){ 0 }), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_poll(&console, &(struct vpt_console_event){ 0 }), VPT_CALLER_STATE);
    assert_status(vpt_console_set_open(NULL, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_set_open(&other, true), VPT_CALLER_STATE);
    assert_status(vpt_console_set_open(&ports[0], true), VPT_UNSUPPORTED_FEATURE);
    assert_port_works(0);
}

/* ---- The size ---- */

TRANSPORT_TEST(console, LEG_CONCFG_1_the_size_and_its_changes)
{
    terminal_start(variant->kind, &sized);
    cr_assert(ports[0].state.columns == 80 && ports[0].state.rows == 25);
    mock_console_resize(&host, 132, 43);
    cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
    assert_status(vpt_console_refresh(&console), VPT_OK);
    cr_assert(ports[0].state.columns == 132 && ports[0].state.rows == 43);
    mock_device_needs_reset(machine.model);
    assert_status(vpt_console_refresh(&console), VPT_DEVICE_NEEDS_RESET);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_console_refresh(&console), VPT_CALLER_STATE);
    assert_status(vpt_console_drain(&console), VPT_OK);
    assert_status(vpt_driver_restart(&console.driver, NULL), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_console_refresh(&console), VPT_DEVICE_CONFIG_UNSTABLE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    machine_pull_out();
    assert_status(vpt_console_refresh(&console), VPT_DEVICE_GONE);
    cr_assert(ports[0].state.columns == 132 && ports[0].state.rows == 43);
    assert_status(vpt_console_drain(&console), VPT_OK);
    assert_status(vpt_driver_release(&console.driver), VPT_OK);
    machine_end();
}

STARTED_CONSOLE_TEST(console, no_size_without_the_feature)
{
    cr_assert(ports[0].state.columns == 0 && ports[0].state.rows == 0);
    assert_status(vpt_console_refresh(&console), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_console_refresh(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_refresh(&(struct vpt_console){ .room = 0 }), VPT_CALLER_ARGUMENT);
}

/* ---- Emergency writes ---- */

static void assert_emergency(const char *text)
{
    host.emergency.count = 0;
    assert_status(vpt_console_emergency(machine.device, text, strlen(text)), VPT_OK);
    cr_assert(host.emergency.count == strlen(text) && memcmp(host.emergency.byte, text, strlen(text)) == 0);
}

/* On a device that is only probed, in each state that comes later, and on one that was given up. */
TRANSPORT_TEST(console, emergency_writes_work_in_any_state)
{
    terminal_probe(variant->kind, &sized);
    assert_emergency("before");
    assert_same(machine.model->resets, 0);
    assert_status(vpt_console_init(&console, ports, 1, machine.device, NULL), VPT_OK);
    assert_emergency("\xff\x01");
    assert_status(vpt_console_open(&console, ports, 1, machine.device), VPT_OK);
    assert_emergency("meanwhile");
    assert_port_works(0);
    vpt_device_fail(machine.device);
    assert_emergency("given up");
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 1, 0);
    assert_status(vpt_device_reset(machine.device), machine_stuck_status());
    assert_emergency("stuck");
    terminal_end();
}

TRANSPORT_TEST(console, emergency_writes_that_are_refused)
{
    char byte = 'x';

    terminal_probe(variant->kind, &(struct mock_console_options){ .columns = 1 });
    assert_status(vpt_console_emergency(machine.device, &byte, 1), VPT_UNSUPPORTED_FEATURE);
    machine_end();
    machine_make(variant->kind, NULL);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_console_emergency(machine.device, &byte, 1), VPT_UNSUPPORTED_DEVICE);
    machine_end();
    terminal_probe(variant->kind, &sized);
    assert_status(vpt_console_emergency(NULL, &byte, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_emergency(machine.device, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_emergency(machine.device, NULL, 0), VPT_OK);
    machine.device->config_size = 11;
    assert_status(vpt_console_emergency(machine.device, &byte, 1), VPT_DEVICE_CONFIG);
    machine.device->config_size = 12;
    assert_status(vpt_console_emergency(machine.device, &byte, 1), VPT_OK);
    machine_pull_out();
    (void)vpt_device_check(machine.device);
    assert_status(vpt_console_emergency(machine.device, &byte, 1), VPT_DEVICE_GONE);
    machine_end();
}

Test(console, SUSPEND_5_no_emergency_write_while_suspended)
{
    terminal_probe(MACHINE_MMIO_2, &sized);
    machine_offer(VPT_F_SUSPEND, true);
    assert_status(vpt_console_open(&console, ports, 1, machine.device), VPT_OK);
    assert_status(vpt_device_suspend(machine.device), VPT_OK);
    assert_status(vpt_console_emergency(machine.device, "x", 1), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(machine.device), VPT_OK);
    assert_emergency("again");
    terminal_end();
}

/* ---- Bring-up and its end ---- */

TRANSPORT_TEST(console, ports_that_are_none)
{
    struct vpt_feature_choice choice = { .required = { { 1u << 5 } } };

    terminal_probe(variant->kind, NULL);
    assert_status(vpt_console_init(&console, NULL, 1, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_init(&console, ports, 0, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_console_init(&console, ports, 1, machine.device, &choice), VPT_UNSUPPORTED_FEATURE);
    assert_nothing_left(&console_fixture);
    machine_end();
}

/* Allocations fail from the n-th on; the n-th queue fails. */
TRANSPORT_TEST(console, an_open_with_several_ports_that_fails_leaves_nothing_behind)
{
    static const struct mock_console_options several = { .ports_max = PORTS };

    terminal_probe(variant->kind, &several);
    fixture_open_without_memory(&console_fixture, 2u * PORTS + 2u);
    terminal_release();
    fixture_open_without_queue(&console_fixture, 2u * PORTS + 2u);
    machine_end();
}

/* What each call says after a reset; then the same memory serves again. */
STARTED_CONSOLE_TEST(console, a_restart_on_the_same_memory)
{
    unsigned allocations;
    char bytes[8];
    size_t length;

    allocations = (unsigned)mock_hal_live_allocations(machine.hal);
    for (unsigned round = 0; round < 3; round++) {
        mock_console_write(&host, 0, "abc", 3);
        assert_status(vpt_console_read(&ports[0], bytes, 1, &length), VPT_OK);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        assert_status(vpt_console_write(&ports[0], "lost", 4, NULL), VPT_OK);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_console_write(&ports[0], "x", 1, NULL), VPT_CANCELLED);
        assert_status(vpt_console_read(&ports[0], bytes, sizeof(bytes), &length), VPT_OK);
        cr_assert(length == 2 && memcmp(bytes, "bc", 2) == 0); /* it had been taken before */
        assert_status(vpt_console_read(&ports[0], bytes, sizeof(bytes), &length), VPT_CANCELLED);
        assert_status(vpt_console_drain(&console), VPT_OK);
        machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
        assert_status(vpt_driver_restart(&console.driver, NULL), VPT_OK);
        assert_port_works(0);
    }
    assert_same(mock_hal_live_allocations(machine.hal), allocations);
}

/* ---- The simulated device ---- */

Test(console, the_device_itself)
{
    struct vpt_segment segment;

    terminal_start(MACHINE_MMIO_2, NULL);
    segment = machine_segment(0, 8);
    assert_status(vpt_requests_submit(&ports[0].queues.out, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&ports[0].queues.out), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "CON-OP-2"));
    mock_violations_clear(&machine.hal->violations);
    terminal_end();
}
