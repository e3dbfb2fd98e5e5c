/* SPDX-License-Identifier: MIT */
/* Finding the functions of a segment. */
#include "pci_setup.h"

static const struct mock_pci_ids plain = { .vendor = 0x8086, .device = 1 };
static const struct mock_pci_ids multi = { .vendor = 0x8086, .device = 2, .header_type = 0x80 };

#define SHOWN_MAX 64u

static struct {
    unsigned count;
    unsigned most; /* the answer to this one is to stop; 0: never */
    struct vpt_pci_function function[SHOWN_MAX];
    struct vpt_pci_identity identity[SHOWN_MAX];
} shown;

static bool show(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    cr_assert(ctx == &shown && shown.count < SHOWN_MAX);
    cr_assert(function->port == &pci.bus.port);
    shown.function[shown.count] = *function;
    shown.identity[shown.count] = *identity;
    shown.count++;
    return shown.count != shown.most;
}

static enum vpt_status enumerate(uint16_t segment, uint8_t bus)
{
    shown.count = 0;
    return vpt_pci_enumerate(&pci.bus.port, segment, bus, 255, show, &shown);
}

/* The n-th one shown is this. */
static void check(unsigned n, unsigned bus, unsigned device, unsigned function)
{
    const struct vpt_pci_address *address = &shown.function[n].address;

    cr_assert(n < shown.count, "%u shown", shown.count);
    cr_assert(address->bus == bus && address->device == device && address->function == function,
              "number %u is %02x:%02x.%x", n, address->bus, address->device, address->function);
    cr_assert(address->segment == 0);
}

static void add_bridge(unsigned index, uint8_t bus, uint8_t device, uint8_t secondary, uint8_t subordinate)
{
    struct mock_pci_ids ids = { .vendor = 0x1b36,
                                .device = 3,
                                .header_type = 1,
                                .primary = bus,
                                .secondary = secondary,
                                .subordinate = subordinate };

    pci_add(index, &ids, bus, device, 0);
}

Test(pci_enumerate, functions_of_one_bus)
{
    pci_begin(0);
    pci_add(0, &plain, 0, 31, 0);
    pci_add(1, &multi, 0, 3, 0);
    pci_add(2, &plain, 0, 3, 7);
    pci_add(3, &plain, 0, 3, 2);
    pci_add(4, &plain, 0, 0, 0);
    pci_add(5, &plain, 1, 0, 0); /* no bridge leads there */
    assert_status(enumerate(0, 0), VPT_OK);
    cr_assert(shown.count == 5);
    check(0, 0, 0, 0);
    check(1, 0, 3, 0);
    check(2, 0, 3, 2);
    check(3, 0, 3, 7);
    check(4, 0, 31, 0);
    cr_assert(shown.identity[1].device_id == 2 && shown.identity[1].multi_function);
    cr_assert(shown.identity[4].device_id == 1 && !shown.identity[4].multi_function);
    pci_end();
}

Test(pci_enumerate, other_functions_exist_only_where_the_first_says_so)
{
    pci_begin(0);
    pci_add(0, &plain, 0, 3, 0);
    pci_add(1, &multi, 0, 3, 1); /* function 0 is not multi-function */
    pci_add(2, &multi, 0, 5, 2); /* there is no function 0 */
    assert_status(enumerate(0, 0), VPT_OK);
    cr_assert(shown.count == 1);
    check(0, 0, 3, 0);
    for (unsigned i = 1; i < 3; i++) {
        cr_assert(pci.more[i].config_reads == 0);
    }
    pci_end();
}

Test(pci_enumerate, segments_and_first_buses)
{
    pci_begin(0);
    pci_add(0, &plain, 0, 1, 0);
    pci_add(1, &plain, 128, 1, 0);
    pci_add(2, &plain, 255, 1, 0);
    assert_status(enumerate(0, 128), VPT_OK);
    cr_assert(shown.count == 1);
    check(0, 128, 1, 0);
    assert_status(enumerate(0, 255), VPT_OK);
    cr_assert(shown.count == 1);
    check(0, 255, 1, 0);
    /* At 2:03:04.5, and behind no function 0. */
    assert_status(enumerate(2, 3), VPT_OK);
    cr_assert(shown.count == 0);
    pci.function.address.function = 0;
    assert_status(enumerate(2, 3), VPT_OK);
    cr_assert(shown.count == 1 && shown.function[0].address.segment == 2 && shown.function[0].address.bus == 3);
    assert_status(enumerate(1, 3), VPT_OK);
    cr_assert(shown.count == 0);
    pci_end();
}

Test(pci_enumerate, bridges_in_bridges)
{
    pci_begin(0);
    add_bridge(0, 0, 2, 5, 9);
    add_bridge(1, 0, 1, 7, 7); /* leads above, which is for it to know */
    add_bridge(2, 5, 0, 255, 255);
    pci_add(3, &plain, 255, 31, 0);
    pci_add(4, &plain, 5, 31, 0);
    pci_add(5, &plain, 7, 0, 0);
    assert_status(enumerate(0, 0), VPT_OK);
    cr_assert(shown.count == 6);
    check(0, 0, 1, 0);
    check(1, 0, 2, 0);
    check(2, 5, 0, 0);
    check(3, 5, 31, 0);
    check(4, 7, 0, 0);
    check(5, 255, 31, 0);
    cr_assert(shown.identity[1].secondary_bus == 5 && shown.identity[1].subordinate_bus == 9);
    pci_end();
}

Test(pci_enumerate, a_bridge_in_a_multi_function_device)
{
    static const struct mock_pci_ids bridge = { .vendor = 1, .header_type = 0x81, .secondary = 1, .subordinate = 1 };

    pci_begin(0);
    pci_add(0, &multi, 0, 4, 0);
    pci_add(1, &bridge, 0, 4, 3);
    pci_add(2, &plain, 1, 0, 0);
    assert_status(enumerate(0, 0), VPT_OK);
    cr_assert(shown.count == 3);
    check(2, 1, 0, 0);
    pci_end();
}

Test(pci_enumerate, bridges_that_are_shown_but_not_entered)
{
    static const uint8_t numbers[][2] = { { 0, 0 }, { 0, 255 }, { 10, 255 }, { 9, 255 }, { 12, 11 }, { 255, 0 } };
    static const struct mock_pci_ids cardbus = { .vendor = 1, .header_type = 2 };

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        pci_begin(0);
        add_bridge(0, 10, 0, numbers[i][0], numbers[i][1]);
        pci_add(1, &plain, numbers[i][0], 1, 0);
        pci_add(2, &cardbus, 10, 2, 0);
        mock_pci_set(&pci.more[2], 0x18, 4, 0x00212010);
        pci_add(3, &plain, 0x20, 0, 0);
        assert_status(enumerate(0, 10), VPT_OK);
        cr_assert(shown.count == (numbers[i][0] == 10 ? 3 : 2), "%zu: %u shown", i, shown.count);
        pci_end();
    }
}

/* However many bridges claim a bus, and however they loop, it is looked at once. */
Test(pci_enumerate, buses_that_several_claim)
{
    pci_begin(0);
    for (unsigned i = 0; i < 8; i++) {
        add_bridge(i, 0, (uint8_t)i, 3, 200);
    }
    add_bridge(8, 3, 0, 3, 200);
    add_bridge(9, 3, 1, 4, 200);
    add_bridge(10, 4, 0, 3, 200);
    pci_add(11, &plain, 3, 2, 0);
    assert_status(enumerate(0, 0), VPT_OK);
    cr_assert(shown.count == 12);
    check(8, 3, 0, 0);
    check(9, 3, 1, 0);
    check(10, 3, 2, 0);
    check(11, 4, 0, 0);
    pci_end();
}

Test(pci_enumerate, the_visitor_may_end_it)
{
    for (unsigned most = 1; most <= 4; most++) {
        pci_begin(0);
        pci_add(0, &multi, 0, 3, 0);
        pci_add(1, &plain, 0, 3, 1);
        pci_add(2, &plain, 0, 3, 2);
        add_bridge(3, 0, 4, 1, 1);
        pci_add(4, &plain, 1, 0, 0);
        shown.most = most;
        assert_status(enumerate(0, 0), VPT_OK);
        cr_assert(shown.count == most);
        pci_end();
    }
}

static bool turn_on(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    unsigned *count = ctx;

    (void)identity;
    (*count)++;
    return vpt_pci_command(function, VPT_PCI_COMMAND_MEMORY, 0) == VPT_OK;
}

Test(pci_enumerate, the_visitor_may_configure)
{
    unsigned count = 0;

    pci_begin(0);
    add_bridge(0, 0, 4, 1, 1);
    pci_add(1, &plain, 1, 0, 0);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, turn_on, &count), VPT_OK);
    cr_assert(count == 2);
    cr_assert(mock_pci_command(&pci.more[0]) == VPT_PCI_COMMAND_MEMORY);
    cr_assert(mock_pci_command(&pci.more[1]) == VPT_PCI_COMMAND_MEMORY);
    pci_end();
}

Test(pci_enumerate, a_port_that_fails)
{
    pci_begin(0);
    assert_status(vpt_pci_enumerate(NULL, 0, 0, 255, show, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 2, 1, show, &shown), VPT_CALLER_ARGUMENT);
    pci_add(0, &multi, 0, 0, 0);
    pci_add(1, &plain, 0, 0, 1);
    for (unsigned n = 1; n <= 12; n++) {
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(enumerate(0, 0), pci.bus.fail_status);
        cr_assert(shown.count == (n <= 5 ? 0u : n <= 10 ? 1u : 2u), "%u: %u", n, shown.count);
    }
    mock_trigger_set(&pci.bus.fail_read, 0, 0);
    pci.bus.port.config_read = NULL;
    assert_status(enumerate(0, 0), VPT_UNSUPPORTED_PORT);
    pci_end();
}

/* A slot that empties while it is looked at is an empty slot. */
Test(pci_enumerate, a_function_that_goes)
{
    for (unsigned n = 1; n <= 5; n++) {
        pci_begin(0);
        pci_add(0, &multi, 0, 0, 0);
        pci_add(1, &plain, 0, 0, 1);
        pci_add(2, &plain, 0, 1, 0);
        mock_trigger_set(&pci.more[1].vanish, n, 0);
        assert_status(enumerate(0, 0), VPT_OK);
        cr_assert(shown.count == 2);
        check(1, 0, 1, 0);
        pci_end();
    }
}

/* A machine with two host bridges: what is behind the second one is not shown twice. */
Test(pci_enumerate, buses_of_another_host_bridge_are_left_to_it)
{
    pci_begin(0);
    add_bridge(0, 0, 4, 1, 0x7f);
    add_bridge(1, 1, 0, 2, 0x80); /* claims what is not its own */
    add_bridge(2, 1, 1, 0x80, 0x80);
    pci_add(3, &plain, 2, 0, 0);
    pci_add(4, &plain, 0x80, 0, 0);
    shown.count = 0;
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 0x7f, show, &shown), VPT_OK);
    cr_assert(shown.count == 3);
    shown.count = 0;
    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0x80, 0xff, show, &shown), VPT_OK);
    cr_assert(shown.count == 1);
    check(0, 0x80, 0, 0);
    pci_end();
}
