/* SPDX-License-Identifier: MIT */
/* Configuration accesses, the command register, and who a function is. */
#include <string.h>

#include "pci_setup.h"

/* ---- Accesses ---- */

static struct {
    struct vpt_pci_address address;
    uint16_t offset;
    unsigned width;
    uint32_t value;
    unsigned calls;
} seen;

static enum vpt_status noting_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    (void)ctx;
    seen.address = *address;
    seen.offset = offset;
    seen.width = width;
    seen.value = value;
    seen.calls++;
    return VPT_OK;
}

static enum vpt_status noting_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    *value = 0x87654321;
    return noting_write(ctx, address, offset, width, 0);
}

static struct vpt_port noting = { .config_read = noting_read, .config_write = noting_write };

static void check_seen(unsigned calls, unsigned offset, unsigned width)
{
    const struct vpt_pci_address *address = &seen.address;

    assert_same(seen.calls, calls);
    assert_same(seen.offset, offset);
    assert_same(seen.width, width);
    cr_assert(address->segment == 0xfedc && address->bus == 0xba && address->device == 31 && address->function == 7);
}

/* No more bits than the width has are given or passed on. */
Test(pci_config, one_access_of_exactly_that_width_at_that_address)
{
    static const uint32_t masks[] = { 0, 0xff, 0xffff, 0, 0xffffffff };
    struct vpt_pci_function function = { &noting, { 0xfedc, 0xba, 31, 7 } };
    uint32_t value;

    for (unsigned width = 1; width <= 4; width *= 2) {
        for (unsigned offset = 0; offset < VPT_PCI_EXTENDED_CONFIG_SIZE; offset += width) {
            seen.calls = 0;
            assert_status(vpt_pci_read(&function, (uint16_t)offset, width, &value), VPT_OK);
            check_seen(1, offset, width);
            assert_same(value, 0x87654321 & masks[width]);
            assert_status(vpt_pci_write(&function, (uint16_t)offset, width, 0xfedcba98), VPT_OK);
            check_seen(2, offset, width);
            assert_same(seen.value, 0xfedcba98 & masks[width]);
        }
    }
}

Test(pci_config, an_access_that_makes_no_sense_reaches_no_port)
{
    static const struct {
        uint16_t offset;
        unsigned width;
        enum vpt_status status;
    } rows[] = {
        { 1, 2, VPT_CALLER_ALIGNMENT },     { 1, 4, VPT_CALLER_ALIGNMENT },  { 2, 4, VPT_CALLER_ALIGNMENT },
        { 0xfff, 2, VPT_CALLER_ALIGNMENT }, { 0, 0, VPT_CALLER_ALIGNMENT },  { 0, 3, VPT_CALLER_ALIGNMENT },
        { 0, 8, VPT_CALLER_ALIGNMENT },     { 4096, 1, VPT_CALLER_RANGE },   { 4096, 4, VPT_CALLER_RANGE },
        { 0xffff, 1, VPT_CALLER_RANGE },    { 0xfffc, 4, VPT_CALLER_RANGE }, { 0x1000, 2, VPT_CALLER_RANGE },
    };
    struct vpt_pci_function function = { &noting, { 0, 0, 0, 0 } };
    struct vpt_pci_function nowhere = { NULL, { 0, 0, 0, 0 } };
    uint32_t value;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char row[32];

        value = 5;
        (void)snprintf(row, sizeof(row), "width %u at 0x%x:", rows[i].width, rows[i].offset);
        assert_status_of(row, vpt_pci_read(&function, rows[i].offset, rows[i].width, &value), rows[i].status);
        assert_same_of(row, value, 0xffffffff);
        assert_status_of(row, vpt_pci_write(&function, rows[i].offset, rows[i].width, 0), rows[i].status);
    }
    assert_status(vpt_pci_read(&function, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_read(NULL, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_write(NULL, 0, 4, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_read(&nowhere, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_write(&nowhere, 0, 4, 0), VPT_CALLER_ARGUMENT);
    assert_same(seen.calls, 0);
}

static void check_read(uint16_t offset, unsigned width, enum vpt_status status)
{
    uint32_t value = 5;

    assert_status(vpt_pci_read(&pci.here, offset, width, &value), status);
    assert_same(value, width == 2 ? 0xffff : 0xffffffff);
}

PCI_FUNCTION_TEST(pci_config, where_nobody_answers_all_ones_are_read)
{
    struct vpt_pci_identity none;

    mock_trigger_set(&pci.bus.fail_read, 1, 1);
    mock_trigger_set(&pci.bus.fail_write, 1, 1);
    check_read(0, 4, pci.bus.fail_status);
    assert_status(vpt_pci_write(&pci.here, 4, 2, 0), pci.bus.fail_status);
    pci.here.address.device = 9; /* where no function is */
    check_read(0, 4, VPT_OK);
    check_read(6, 2, VPT_OK);
    assert_status(vpt_pci_write(&pci.here, 4, 2, 7), VPT_OK);
    pci.here.address.device = pci.function.address.device;
    pci.bus.port.config_read = NULL;
    check_read(0, 4, VPT_UNSUPPORTED_PORT);
    assert_status(vpt_pci_identify(&pci.here, &none), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_IO, 0), VPT_UNSUPPORTED_PORT);
    pci.bus.port.config_write = NULL;
    assert_status(vpt_pci_write(&pci.here, 4, 2, 0), VPT_UNSUPPORTED_PORT);
    assert_same(pci.function.config_writes + pci.function.config_reads, 0);
}

/* ---- The command register ---- */

/* Bits of the status register, which shares its word, are cleared by ones. */
static void check_change(const char *row, uint16_t writable, uint16_t before, uint16_t set, uint16_t clear,
                         enum vpt_status status, uint16_t after)
{
    pci_begin(0);
    pci.bus.rules_off = true;
    mock_pci_set_writable(&pci.function, 4, 2, writable);
    pci_set(6, 2, 0xf910);
    mock_pci_command_set(&pci.function, before);
    pci_remember();
    assert_status_of(row, vpt_pci_command(&pci.here, set, clear), status);
    assert_same_of(row, mock_pci_command(&pci.function), after);
    assert_same_of(row, pci.function.command_count, status == VPT_CALLER_ARGUMENT ? 0 : 1);
    mock_pci_command_set(&pci.function, before);
    assert_same_of(row, pci_words_changed(), 0);
    pci_end();
}

Test(pci_command, its_bits_change_and_nothing_else)
{
    check_change("two on, one off:", 0x0547, 0x0142, 0x0005, 0x0002, VPT_OK, 0x0145);
    check_change("two on, two off:", 0x0547, 0x0145, 0x0402, 0x0005, VPT_OK, 0x0542);
    check_change("a bit that stays off:", 0x0006, 0, 0x0001, 0, VPT_DEVICE_PCI_COMMAND, 0);
    check_change("one that is off:", 0x0006, 0, 0x0002, 0x0001, VPT_OK, 0x0002);
    check_change("one that stays on:", 0x0006, 0x0001, 0, 0x0001, VPT_DEVICE_PCI_COMMAND, 0x0001);
    check_change("on and off at once:", 0x0547, 0, 0x0001, 0x0001, VPT_CALLER_ARGUMENT, 0);
}

static void make(void)
{
    pci_begin(0);
}

static enum vpt_status command(void)
{
    return vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY, VPT_PCI_COMMAND_IO);
}

static void check_command(const struct pci_failure *failure)
{
    assert_status_of(failure->text, failure->status, failure->expected);
    /* Only the read that comes after the write can still fail when that is done. */
    assert_same_of(failure->text, pci.function.command_count,
                   failure->kind != PCI_WRITE_FAILS && failure->n == failure->of ? 1 : 0);
}

Test(pci_command, an_access_that_fails_is_told)
{
    pci_each_failure(make, command, check_command);
}

/* ---- Identity ---- */

static struct vpt_pci_identity identity;

static enum vpt_status identify(void)
{
    memset(&identity, 0xee, sizeof(identity));
    return vpt_pci_identify(&pci.here, &identity);
}

static void check_identity(struct mock_pci_ids ids, uint32_t word_18, uint32_t word_2c, const char *expected)
{
    char text[128];

    pci_begin(0);
    pci_add(0, &ids, 9, 8, 7);
    mock_pci_set(&pci.more[0], 0x3c, 1, 11);
    mock_pci_set(&pci.more[0], 0x18, 4, word_18);
    mock_pci_set(&pci.more[0], 0x2c, 4, word_2c);
    pci.here.address = pci.more[0].address;
    assert_status_of(expected, identify(), VPT_OK);
    (void)snprintf(
        text, sizeof(text), "%04x:%04x class %06x rev %02x type %x%s subsystem %04x:%04x line %u pin %u buses %u-%u",
        identity.vendor_id, identity.device_id, (unsigned)identity.class_code, identity.revision_id,
        identity.header_type, identity.multi_function ? "*" : "", identity.subsystem_vendor_id, identity.subsystem_id,
        identity.interrupt_line, identity.interrupt_pin, identity.secondary_bus, identity.subordinate_bus);
    cr_assert(strcmp(text, expected) == 0, "%s, not %s", text, expected);
    assert_same_of(expected, pci.more[0].config_writes, 0);
    pci_end();
}

/* Other header types have windows or nothing where a device has its subsystem, and there are four pins. */
Test(pci_identify, the_header_is_read_by_its_type)
{
    struct mock_pci_ids device = { 0x1af4, 0x1042, 0, 0, 0x018000, 0x55, 0x80, 3, 0, 0, 0 };
    struct mock_pci_ids bridge = { 0x8086, 0x2918, 0, 0, 0xffffff, 0, 1, 0, 0, 0, 0 };
    struct mock_pci_ids cardbus = { 0x1180, 0, 0, 0, 0, 0, 0x82, 5, 0, 0, 0 };

    check_identity(device, 0x00ff0a08, 0x33441022,
                   "1af4:1042 class 018000 rev 55 type 0* subsystem 1022:3344 line 11 pin 3 buses 0-0");
    check_identity(bridge, 0x00ff0a09, 0x12345678,
                   "8086:2918 class ffffff rev 00 type 1 subsystem 0000:0000 line 11 pin 0 buses 10-255");
    check_identity(cardbus, 0x55443322, 0x12345678,
                   "1180:0000 class 000000 rev 00 type 2* subsystem 0000:0000 line 11 pin 0 buses 0-0");
    cardbus.interrupt_pin = 4;
    check_identity(cardbus, 0x55443322, 0x12345678,
                   "1180:0000 class 000000 rev 00 type 2* subsystem 0000:0000 line 11 pin 4 buses 0-0");
}

/* A vendor of all ones or of 0 is none. */
PCI_FUNCTION_TEST(pci_identify, an_empty_slot_is_told)
{
    pci.here.address.bus = 7;
    assert_status(identify(), VPT_EMPTY_SLOT);
    cr_assert(all_zero(&identity, sizeof(identity)));
    assert_status(vpt_pci_identify(&pci.here, NULL), VPT_CALLER_ARGUMENT);
    pci.here.address.bus = 3;
    pci_set(0, 4, 0x1234ffff);
    assert_status(identify(), VPT_EMPTY_SLOT);
    pci_set(0, 4, 0);
    assert_status(identify(), VPT_EMPTY_SLOT);
}

static void make_bridge(void)
{
    pci_begin(1);
}

static void make_cardbus(void)
{
    pci_begin(2);
}

static void check_identify(const struct pci_failure *failure)
{
    assert_status_of(failure->text, failure->status,
                     failure->kind == PCI_VANISHES ? VPT_EMPTY_SLOT : failure->expected);
    cr_assert(all_zero(&identity, sizeof(identity)), "%s", failure->text);
}

Test(pci_identify, an_access_that_fails_leaves_nothing)
{
    pci_each_failure(make, identify, check_identify);
    pci_each_failure(make_bridge, identify, check_identify);
    pci_each_failure(make_cardbus, identify, check_identify);
}
