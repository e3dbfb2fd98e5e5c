/* SPDX-License-Identifier: MIT */
/* Finding the functions of a segment. */
#include <string.h>

#include "pci_setup.h"

static char shown[512]; /* bus:device.function of each, in the order in which they were shown */
static unsigned shown_count;
static uint16_t walked_segment;
static unsigned most; /* after so many the answer is to stop; 0: never */
static struct vpt_pci_identity identities[16];

static bool show(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    const struct vpt_pci_address *address = &function->address;
    size_t length = strlen(shown);

    cr_assert(ctx == &shown && function->port == &pci.bus.port && shown_count < COUNT_OF(identities));
    assert_same(address->segment, walked_segment);
    (void)snprintf(shown + length, sizeof(shown) - length, "%s%x:%x.%x", length != 0 ? " " : "", address->bus,
                   address->device, address->function);
    identities[shown_count++] = *identity;
    return shown_count != most;
}

static enum vpt_status enumerate(uint16_t segment, uint8_t first_bus, uint8_t last_bus)
{
    shown[0] = '\0';
    shown_count = 0;
    walked_segment = segment;
    return vpt_pci_enumerate(&pci.bus.port, segment, first_bus, last_bus, show, &shown);
}

static void check(uint16_t segment, uint8_t first_bus, uint8_t last_bus, const char *expected)
{
    assert_status_of(expected, enumerate(segment, first_bus, last_bus), VPT_OK);
    cr_assert(strcmp(shown, expected) == 0, "\"%s\" are shown, not \"%s\"", shown, expected);
}

/*
 * A machine from a text: functions as they are shown, each with * if it says that its device has more, > and the
 * numbers of the buses behind it if it is a bridge, and # if it is one for CardBus.
 */
static void build(const char *text)
{
    pci_begin(0);
    for (unsigned i = 0; *text != '\0'; i++) {
        struct mock_pci_ids ids = { .vendor = 0x8086 };
        unsigned at[5] = { 0 };
        int size = 0;

        cr_assert(sscanf(text, "%x:%x.%x%n", &at[0], &at[1], &at[2], &size) == 3, "%s", text);
        text += size;
        ids.header_type = *text == '*' ? 0x80 : 0;
        text += *text == '*' ? 1 : 0;
        if (*text == '>') {
            cr_assert(sscanf(text, ">%x-%x%n", &at[3], &at[4], &size) == 2, "%s", text);
            text += size;
            ids.header_type |= 1;
        }
        ids.header_type |= *text == '#' ? 2 : 0;
        text += strspn(text, "# ");
        ids.primary = (uint8_t)at[0];
        ids.secondary = (uint8_t)at[3];
        ids.subordinate = (uint8_t)at[4];
        pci_add(i, &ids, (uint8_t)at[0], (uint8_t)at[1], (uint8_t)at[2]);
    }
}

/* Other functions of a device exist where function 0 does and says so; where no bridge leads nothing is. */
Test(pci_enumerate, functions_of_a_bus_are_shown_in_order)
{
    build("0:1f.0 0:3.0* 0:3.7 0:3.2 0:0.0 1:0.0 0:0.1* 0:5.2*");
    mock_pci_set(&pci.more[1], 2, 2, 0x1042);
    check(0, 0, 255, "0:0.0 0:3.0 0:3.2 0:3.7 0:1f.0");
    cr_assert(identities[1].device_id == 0x1042 && identities[1].multi_function);
    cr_assert(identities[4].device_id == 0 && !identities[4].multi_function);
    assert_same(pci.more[6].config_reads + pci.more[7].config_reads, 0);
    pci_end();
}

Test(pci_enumerate, a_walk_begins_at_the_segment_and_bus_it_is_told)
{
    build("0:1.0 80:1.0 ff:1.0");
    check(0, 128, 255, "80:1.0");
    check(0, 255, 255, "ff:1.0");
    check(2, 3, 255, ""); /* there is no function 0 of that device */
    pci.function.address.function = 0;
    check(2, 3, 255, "3:4.0");
    check(1, 3, 255, "");
    pci_end();
}

/* Bridges are entered, those within functions of many too; the first one of bus 0 leads above the second one. */
Test(pci_enumerate, what_is_behind_bridges_is_shown_bus_by_bus)
{
    build("0:2.0>5-9 0:1.0>7-7 5:0.0>ff-ff ff:1f.0 5:1f.0 7:0.0 0:4.0* 0:4.3*>1-1 1:0.0");
    check(0, 0, 255, "0:1.0 0:2.0 0:4.0 0:4.3 1:0.0 5:0.0 5:1f.0 7:0.0 ff:1f.0");
    cr_assert(identities[1].secondary_bus == 5 && identities[1].subordinate_bus == 9);
    pci_end();
}

static void check_not_entered(const char *machine, const char *expected)
{
    build(machine);
    mock_pci_set(&pci.more[2], 0x18, 4, 0x00212010); /* what looks like bus numbers of the bridge for CardBus */
    check(0, 10, 255, expected);
    pci_end();
}

Test(pci_enumerate, bridges_whose_numbers_make_no_sense_are_shown_but_not_entered)
{
    check_not_entered("a:0.0>0-0 0:1.0 a:2.0# 20:0.0", "a:0.0 a:2.0");
    check_not_entered("a:0.0>0-ff 0:1.0 a:2.0# 20:0.0", "a:0.0 a:2.0");
    check_not_entered("a:0.0>a-ff a:1.0 a:2.0# 20:0.0", "a:0.0 a:1.0 a:2.0");
    check_not_entered("a:0.0>9-ff 9:1.0 a:2.0# 20:0.0", "a:0.0 a:2.0");
    check_not_entered("a:0.0>c-b c:1.0 a:2.0# 20:0.0", "a:0.0 a:2.0");
    check_not_entered("a:0.0>ff-0 ff:1.0 a:2.0# 20:0.0", "a:0.0 a:2.0");
}

/* However many bridges claim a bus, and however they loop, it is looked at once. */
Test(pci_enumerate, a_bus_that_several_claim_is_shown_once)
{
    build("0:0.0>3-c8 0:1.0>3-c8 0:2.0>3-c8 0:3.0>3-c8 0:4.0>3-c8 0:5.0>3-c8 3:0.0>3-c8 3:1.0>4-c8 4:0.0>3-c8 3:2.0");
    check(0, 0, 255, "0:0.0 0:1.0 0:2.0 0:3.0 0:4.0 0:5.0 3:0.0 3:1.0 3:2.0 4:0.0");
    pci_end();
}

Test(pci_enumerate, the_visitor_may_end_it)
{
    static const char *const expected[] = { "0:3.0", "0:3.0 0:3.1", "0:3.0 0:3.1 0:3.2", "0:3.0 0:3.1 0:3.2 0:4.0" };

    for (most = 1; most <= 4; most++) {
        build("0:3.0* 0:3.1 0:3.2 0:4.0>1-1 1:0.0");
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
    build("0:4.0>1-1 1:0.0");
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, turn_on, NULL), VPT_OK);
    assert_same(mock_pci_command(&pci.more[0]), VPT_PCI_COMMAND_MEMORY);
    assert_same(mock_pci_command(&pci.more[1]), VPT_PCI_COMMAND_MEMORY);
    pci_end();
}

Test(pci_enumerate, a_port_that_fails_ends_it)
{
    build("0:0.0* 0:0.1");
    for (unsigned n = 1; n <= 12; n++) {
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(enumerate(0, 0, 255), pci.bus.fail_status);
        assert_same(shown_count, n <= 5 ? 0u : n <= 10 ? 1u : 2u);
    }
    mock_trigger_set(&pci.bus.fail_read, 0, 0);
    pci.bus.port.config_read = NULL;
    assert_status(enumerate(0, 0, 255), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_pci_enumerate(NULL, 0, 0, 255, show, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 2, 1, show, &shown), VPT_CALLER_ARGUMENT);
    pci_end();
}

Test(pci_enumerate, a_function_that_goes_while_it_is_looked_at_is_an_empty_slot)
{
    for (unsigned n = 1; n <= 5; n++) {
        build("0:0.0* 0:0.1 0:1.0");
        mock_trigger_set(&pci.more[1].vanish, n, 0);
        check(0, 0, 255, "0:0.0 0:1.0");
        pci_end();
    }
}

/* A machine with two host bridges, of which a bridge of the first one claims more than that has. */
Test(pci_enumerate, buses_of_another_host_bridge_are_left_to_it)
{
    build("0:4.0>1-7f 1:0.0>2-80 1:1.0>80-80 2:0.0 80:0.0");
    check(0, 0, 0x7f, "0:4.0 1:0.0 1:1.0");
    check(0, 0x80, 0xff, "80:0.0");
    pci_end();
}
