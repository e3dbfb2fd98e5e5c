/* SPDX-License-Identifier: MIT */
/* Finding the functions of a segment. */
#include <string.h>

#include "pci_setup.h"

static char shown[512]; /* bus:device.function of each, in the order in which they were shown */
static unsigned shown_count;
static unsigned most; /* after so many the answer is to stop; 0: never */
static unsigned added;
static struct vpt_pci_identity identities[16];

static bool show(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    const struct vpt_pci_address *address = &function->address;
    size_t length = strlen(shown);

    cr_assert(ctx == &shown && function->port == &pci.bus.port && shown_count < COUNT_OF(identities));
    (void)snprintf(shown + length, sizeof(shown) - length, "%s%x:%x.%x", length != 0 ? " " : "", address->bus,
                   address->device, address->function);
    identities[shown_count++] = *identity;
    return shown_count != most;
}

static enum vpt_status enumerate(uint16_t segment, uint8_t first_bus, uint8_t last_bus)
{
    shown[0] = '\0';
    shown_count = 0;
    return vpt_pci_enumerate(&pci.bus.port, segment, first_bus, last_bus, show, &shown);
}

static void check(uint16_t segment, uint8_t first_bus, uint8_t last_bus, const char *expected)
{
    assert_status_of(expected, enumerate(segment, first_bus, last_bus), VPT_OK);
    cr_assert(strcmp(shown, expected) == 0, "\"%s\" are shown, not \"%s\"", shown, expected);
}

static void begin(void)
{
    pci_begin(0);
    added = 0;
}

static void add_as(const struct mock_pci_ids *ids, uint8_t bus, uint8_t device, uint8_t function)
{
    pci_add(added++, ids, bus, device, function);
}

static void add(uint8_t bus, uint8_t device, uint8_t function)
{
    add_as(&(struct mock_pci_ids){ .vendor = 0x8086, .device = 1 }, bus, device, function);
}

static void add_multi(uint8_t bus, uint8_t device, uint8_t function)
{
    add_as(&(struct mock_pci_ids){ .vendor = 0x8086, .device = 2, .header_type = 0x80 }, bus, device, function);
}

static void add_bridge(uint8_t bus, uint8_t device, uint8_t secondary, uint8_t subordinate)
{
    const struct mock_pci_ids ids = {
        .vendor = 0x1b36, .header_type = 1, .primary = bus, .secondary = secondary, .subordinate = subordinate
    };

    add_as(&ids, bus, device, 0);
}

/* Other functions of a device exist where function 0 does and says so; where no bridge leads nothing is. */
Test(pci_enumerate, functions_of_a_bus_are_shown_in_order)
{
    begin();
    add(0, 31, 0);
    add_multi(0, 3, 0);
    add(0, 3, 7);
    add(0, 3, 2);
    add(0, 0, 0);
    add(1, 0, 0);
    add_multi(0, 0, 1);
    add_multi(0, 5, 2);
    check(0, 0, 255, "0:0.0 0:3.0 0:3.2 0:3.7 0:1f.0");
    cr_assert(identities[1].device_id == 2 && identities[1].multi_function);
    cr_assert(identities[4].device_id == 1 && !identities[4].multi_function);
    assert_same(pci.more[6].config_reads + pci.more[7].config_reads, 0);
    pci_end();
}

Test(pci_enumerate, a_walk_begins_at_the_segment_and_bus_it_is_told)
{
    begin();
    add(0, 1, 0);
    add(128, 1, 0);
    add(255, 1, 0);
    check(0, 128, 255, "80:1.0");
    check(0, 255, 255, "ff:1.0");
    check(2, 3, 255, ""); /* there is no function 0 of that device */
    pci.function.address.function = 0;
    check(2, 3, 255, "3:4.0");
    check(1, 3, 255, "");
    pci_end();
}

/* Bridges are entered, those within functions of many too, once their bus is through; the first one leads above. */
Test(pci_enumerate, what_is_behind_bridges_is_shown_bus_by_bus)
{
    static const struct mock_pci_ids bridge = { .vendor = 1, .header_type = 0x81, .secondary = 1, .subordinate = 1 };

    begin();
    add_bridge(0, 2, 5, 9);
    add_bridge(0, 1, 7, 7);
    add_bridge(5, 0, 255, 255);
    add(255, 31, 0);
    add(5, 31, 0);
    add(7, 0, 0);
    add_multi(0, 4, 0);
    add_as(&bridge, 0, 4, 3);
    add(1, 0, 0);
    check(0, 0, 255, "0:1.0 0:2.0 0:4.0 0:4.3 1:0.0 5:0.0 5:1f.0 7:0.0 ff:1f.0");
    cr_assert(identities[1].secondary_bus == 5 && identities[1].subordinate_bus == 9);
    pci_end();
}

Test(pci_enumerate, bridges_whose_numbers_make_no_sense_are_shown_but_not_entered)
{
    static const uint8_t numbers[][2] = { { 0, 0 }, { 0, 255 }, { 10, 255 }, { 9, 255 }, { 12, 11 }, { 255, 0 } };
    static const struct mock_pci_ids cardbus = { .vendor = 1, .header_type = 2 };

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        begin();
        add_bridge(10, 0, numbers[i][0], numbers[i][1]);
        add(numbers[i][0], 1, 0);
        add_as(&cardbus, 10, 2, 0);
        mock_pci_set(&pci.more[2], 0x18, 4, 0x00212010);
        add(0x20, 0, 0);
        check(0, 10, 255, numbers[i][0] == 10 ? "a:0.0 a:1.0 a:2.0" : "a:0.0 a:2.0");
        pci_end();
    }
}

/* However many bridges claim a bus, and however they loop, it is looked at once. */
Test(pci_enumerate, a_bus_that_several_claim_is_shown_once)
{
    begin();
    for (uint8_t i = 0; i < 8; i++) {
        add_bridge(0, i, 3, 200);
    }
    add_bridge(3, 0, 3, 200);
    add_bridge(3, 1, 4, 200);
    add_bridge(4, 0, 3, 200);
    add(3, 2, 0);
    check(0, 0, 255, "0:0.0 0:1.0 0:2.0 0:3.0 0:4.0 0:5.0 0:6.0 0:7.0 3:0.0 3:1.0 3:2.0 4:0.0");
    pci_end();
}

Test(pci_enumerate, the_visitor_may_end_it)
{
    static const char *const expected[] = { "0:3.0", "0:3.0 0:3.1", "0:3.0 0:3.1 0:3.2", "0:3.0 0:3.1 0:3.2 0:4.0" };

    for (most = 1; most <= 4; most++) {
        begin();
        add_multi(0, 3, 0);
        add(0, 3, 1);
        add(0, 3, 2);
        add_bridge(0, 4, 1, 1);
        add(1, 0, 0);
        check(0, 0, 255, expected[most - 1]);
        pci_end();
    }
}

static bool turn_on(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    (void)ctx;
    (void)identity;
    return vpt_pci_command(function, VPT_PCI_COMMAND_MEMORY, 0) == VPT_OK;
}

Test(pci_enumerate, the_visitor_may_configure)
{
    begin();
    add_bridge(0, 4, 1, 1);
    add(1, 0, 0);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, turn_on, NULL), VPT_OK);
    assert_same(mock_pci_command(&pci.more[0]), VPT_PCI_COMMAND_MEMORY);
    assert_same(mock_pci_command(&pci.more[1]), VPT_PCI_COMMAND_MEMORY);
    pci_end();
}

Test(pci_enumerate, a_port_that_fails_ends_it)
{
    begin();
    assert_status(vpt_pci_enumerate(NULL, 0, 0, 255, show, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 2, 1, show, &shown), VPT_CALLER_ARGUMENT);
    add_multi(0, 0, 0);
    add(0, 0, 1);
    for (unsigned n = 1; n <= 12; n++) {
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(enumerate(0, 0, 255), pci.bus.fail_status);
        assert_same(shown_count, n <= 5 ? 0u : n <= 10 ? 1u : 2u);
    }
    mock_trigger_set(&pci.bus.fail_read, 0, 0);
    pci.bus.port.config_read = NULL;
    assert_status(enumerate(0, 0, 255), VPT_UNSUPPORTED_PORT);
    pci_end();
}

Test(pci_enumerate, a_function_that_goes_while_it_is_looked_at_is_an_empty_slot)
{
    for (unsigned n = 1; n <= 5; n++) {
        begin();
        add_multi(0, 0, 0);
        add(0, 0, 1);
        add(0, 1, 0);
        mock_trigger_set(&pci.more[1].vanish, n, 0);
        check(0, 0, 255, "0:0.0 0:1.0");
        pci_end();
    }
}

/* A machine with two host bridges, of which a bridge of the first one claims more than that has. */
Test(pci_enumerate, buses_of_another_host_bridge_are_left_to_it)
{
    begin();
    add_bridge(0, 4, 1, 0x7f);
    add_bridge(1, 0, 2, 0x80);
    add_bridge(1, 1, 0x80, 0x80);
    add(2, 0, 0);
    add(0x80, 0, 0);
    check(0, 0, 0x7f, "0:4.0 1:0.0 1:1.0");
    check(0, 0x80, 0xff, "80:0.0");
    pci_end();
}
