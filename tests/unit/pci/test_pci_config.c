/* SPDX-License-Identifier: MIT */
/* Configuration accesses, the command register, and who a function is. */
#include <string.h>

#include "pci_setup.h"

/* More than any call below makes. */
#define ACCESSES 16u

/* ---- Accesses ---- */

static struct {
    struct vpt_pci_address address;
    uint16_t offset;
    unsigned width;
    uint32_t value;
    unsigned calls;
} seen;

static enum vpt_status noting_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    (void)ctx;
    seen.address = *address;
    seen.offset = offset;
    seen.width = width;
    seen.calls++;
    *value = 0x87654321;
    return VPT_OK;
}

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

Test(pci_config, one_access_of_exactly_that_width_at_that_address)
{
    static const uint32_t masks[] = { 0, 0xff, 0xffff, 0, 0xffffffff };
    struct vpt_port port = { .config_read = noting_read, .config_write = noting_write };
    struct vpt_pci_function function = { &port, { 0xfedc, 0xba, 31, 7 } };
    uint32_t value;

    for (unsigned width = 1; width <= 4; width *= 2) {
        for (unsigned offset = 0; offset < VPT_PCI_EXTENDED_CONFIG_SIZE; offset += width) {
            seen.calls = 0;
            assert_status(vpt_pci_read(&function, (uint16_t)offset, width, &value), VPT_OK);
            cr_assert(seen.calls == 1 && seen.offset == offset && seen.width == width);
            cr_assert(value == (0x87654321 & masks[width]), "no more bits than were asked for");
            assert_status(vpt_pci_write(&function, (uint16_t)offset, width, 0xfedcba98), VPT_OK);
            cr_assert(seen.calls == 2 && seen.offset == offset && seen.width == width);
            cr_assert(seen.value == (0xfedcba98 & masks[width]));
            cr_assert(seen.address.segment == 0xfedc && seen.address.bus == 0xba && seen.address.device == 31 &&
                      seen.address.function == 7);
        }
    }
}

Test(pci_config, accesses_that_are_none_reach_no_port)
{
    static const struct {
        uint16_t offset;
        unsigned width;
        enum vpt_status status;
    } refused[] = {
        { 1, 2, VPT_CALLER_ALIGNMENT },     { 1, 4, VPT_CALLER_ALIGNMENT },  { 2, 4, VPT_CALLER_ALIGNMENT },
        { 0xfff, 2, VPT_CALLER_ALIGNMENT }, { 0, 0, VPT_CALLER_ALIGNMENT },  { 0, 3, VPT_CALLER_ALIGNMENT },
        { 0, 8, VPT_CALLER_ALIGNMENT },     { 4096, 1, VPT_CALLER_RANGE },   { 4096, 4, VPT_CALLER_RANGE },
        { 0xffff, 1, VPT_CALLER_RANGE },    { 0xfffc, 4, VPT_CALLER_RANGE }, { 0x1000, 2, VPT_CALLER_RANGE },
    };
    struct vpt_port port = { .config_read = noting_read, .config_write = noting_write };
    struct vpt_pci_function function = { &port, { 0, 0, 0, 0 } };
    uint32_t value;

    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        value = 5;
        assert_status(vpt_pci_read(&function, refused[i].offset, refused[i].width, &value), refused[i].status);
        cr_assert(value == 0xffffffff);
        assert_status(vpt_pci_write(&function, refused[i].offset, refused[i].width, 0), refused[i].status);
    }
    assert_status(vpt_pci_read(&function, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_read(NULL, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_write(NULL, 0, 4, 0), VPT_CALLER_ARGUMENT);
    function.port = NULL;
    assert_status(vpt_pci_read(&function, 0, 4, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_write(&function, 0, 4, 0), VPT_CALLER_ARGUMENT);
    cr_assert(seen.calls == 0);
}

Test(pci_config, a_port_without_configuration_access)
{
    struct vpt_pci_identity identity;
    uint32_t value = 5;

    pci_begin(0);
    pci.bus.port.config_read = NULL;
    assert_status(vpt_pci_read(&pci.here, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    cr_assert(value == 0xffffffff);
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_IO, 0), VPT_UNSUPPORTED_PORT);
    pci.bus.port.config_write = NULL;
    assert_status(vpt_pci_write(&pci.here, 4, 2, 0), VPT_UNSUPPORTED_PORT);
    cr_assert(pci.function.config_writes == 0 && pci.function.config_reads == 0);
    pci_end();
}

Test(pci_config, an_error_of_the_port_travels_unchanged)
{
    uint32_t value = 5;

    pci_begin(0);
    mock_trigger_set(&pci.bus.fail_read, 1, 0);
    mock_trigger_set(&pci.bus.fail_write, 1, 0);
    assert_status(vpt_pci_read(&pci.here, 0, 4, &value), pci.bus.fail_status);
    cr_assert(value == 0xffffffff);
    assert_status(vpt_pci_write(&pci.here, 4, 2, 0), pci.bus.fail_status);
    pci_end();
}

Test(pci_config, an_absent_function_reads_all_ones)
{
    uint32_t value = 0;

    pci_begin(0);
    pci.here.address.device = 9;
    assert_status(vpt_pci_read(&pci.here, 0, 4, &value), VPT_OK);
    cr_assert(value == 0xffffffff);
    assert_status(vpt_pci_read(&pci.here, 6, 2, &value), VPT_OK);
    cr_assert(value == 0xffff);
    assert_status(vpt_pci_write(&pci.here, 4, 2, 7), VPT_OK);
    pci_end();
}

/* ---- The command register ---- */

Test(pci_command, changes_its_bits_and_nothing_else)
{
    pci_begin(0);
    mock_pci_set(&pci.function, 6, 2, 0xf910);
    mock_pci_command_set(&pci.function, 0x0142);
    pci_remember();
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_BUS_MASTER, VPT_PCI_COMMAND_MEMORY),
                  VPT_OK);
    cr_assert(mock_pci_command(&pci.function) == 0x0145);
    cr_assert(mock_pci_get(&pci.function, 6, 2) == 0xf910, "status bits are cleared by ones");
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_INTERRUPT_DISABLE,
                                  VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_BUS_MASTER),
                  VPT_OK);
    cr_assert(mock_pci_command(&pci.function) == 0x0542);
    cr_assert(pci.function.command_count == 2);
    mock_pci_command_set(&pci.function, 0x0142);
    cr_assert(pci_unchanged());
    pci_end();
}

Test(pci_command, bits_that_do_not_change_are_told)
{
    pci_begin(0);
    mock_pci_set_writable(&pci.function, 4, 2, 0x0006);
    pci.bus.rules_off = true;
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_IO, 0), VPT_DEVICE_PCI_COMMAND);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY, VPT_PCI_COMMAND_IO), VPT_OK);
    mock_pci_command_set(&pci.function, 0x0001);
    assert_status(vpt_pci_command(&pci.here, 0, VPT_PCI_COMMAND_IO), VPT_DEVICE_PCI_COMMAND);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_IO, VPT_PCI_COMMAND_IO), VPT_CALLER_ARGUMENT);
    pci_end();
}

Test(pci_command, a_function_that_is_gone)
{
    for (unsigned n = 1; n <= 3; n++) {
        pci_begin(0);
        mock_trigger_set(&pci.function.vanish, n, 0);
        assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY, VPT_PCI_COMMAND_IO), VPT_DEVICE_GONE);
        cr_assert(pci.function.command_count == (n == 3 ? 1u : 0u));
        pci_end();
    }
}

Test(pci_command, errors_of_the_port)
{
    for (unsigned n = 1; n <= 2; n++) {
        pci_begin(0);
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY, 0), pci.bus.fail_status);
        pci_end();
    }
    pci_begin(0);
    mock_trigger_set(&pci.bus.fail_write, 1, 1);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_MEMORY, 0), pci.bus.fail_status);
    pci_end();
}

/* ---- Identity ---- */

Test(pci_identify, a_device)
{
    static const struct mock_pci_ids ids = { 0x1af4, 0x1042, 0x1022, 0x3344, 0x018000, 0x55, 0x80, 3, 0, 0, 0 };
    struct vpt_pci_identity identity;

    pci_begin(0);
    pci_add(0, &ids, 9, 8, 7);
    mock_pci_set(&pci.more[0], 0x3c, 1, 11);
    pci.here.address = pci.more[0].address;
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_OK);
    cr_assert(identity.vendor_id == 0x1af4 && identity.device_id == 0x1042);
    cr_assert(identity.class_code == 0x018000 && identity.revision_id == 0x55);
    cr_assert(identity.header_type == 0 && identity.multi_function);
    cr_assert(identity.subsystem_vendor_id == 0x1022 && identity.subsystem_id == 0x3344);
    cr_assert(identity.interrupt_line == 11 && identity.interrupt_pin == 3);
    cr_assert(identity.secondary_bus == 0 && identity.subordinate_bus == 0);
    cr_assert(pci.more[0].config_writes == 0);
    pci_end();
}

Test(pci_identify, a_bridge)
{
    static const struct mock_pci_ids ids = { .vendor = 0x8086,
                                             .device = 0x2918,
                                             .class_code = 0xffffff,
                                             .header_type = 1,
                                             .primary = 9,
                                             .secondary = 10,
                                             .subordinate = 255 };
    struct vpt_pci_identity identity;

    memset(&identity, 0xee, sizeof(identity));
    pci_begin(0);
    pci_add(0, &ids, 9, 8, 0);
    mock_pci_set(&pci.more[0], 0x2c, 4, 0x12345678); /* upper half of a window there */
    pci.here.address = pci.more[0].address;
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_OK);
    cr_assert(identity.header_type == 1 && !identity.multi_function && identity.class_code == 0xffffff);
    cr_assert(identity.secondary_bus == 10 && identity.subordinate_bus == 255);
    cr_assert(identity.subsystem_vendor_id == 0 && identity.subsystem_id == 0 && identity.interrupt_pin == 0);
    pci_end();
}

Test(pci_identify, a_cardbus_bridge_and_a_pin_that_does_not_exist)
{
    static const struct mock_pci_ids ids = { .vendor = 0x1180, .header_type = 0x82, .interrupt_pin = 5 };
    struct vpt_pci_identity identity;

    memset(&identity, 0xee, sizeof(identity));
    pci_begin(0);
    pci_add(0, &ids, 0, 1, 0);
    mock_pci_set(&pci.more[0], 0x18, 4, 0x55443322);
    mock_pci_set(&pci.more[0], 0x2c, 4, 0x12345678);
    pci.here.address = pci.more[0].address;
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_OK);
    cr_assert(identity.header_type == 2 && identity.multi_function && identity.interrupt_pin == 0);
    cr_assert(identity.subsystem_id == 0 && identity.secondary_bus == 0 && identity.subordinate_bus == 0);
    mock_pci_set(&pci.more[0], 0x3d, 1, 4);
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_OK);
    cr_assert(identity.interrupt_pin == 4);
    pci_end();
}

Test(pci_identify, an_empty_slot)
{
    struct vpt_pci_identity identity;

    pci_begin(0);
    pci.here.address.bus = 7;
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_EMPTY_SLOT);
    cr_assert(all_zero(&identity, sizeof(identity)));
    assert_status(vpt_pci_identify(&pci.here, NULL), VPT_CALLER_ARGUMENT);
    pci.here.address.bus = 3;
    mock_pci_set(&pci.function, 0, 4, 0x1234ffff);
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_EMPTY_SLOT);
    mock_pci_set(&pci.function, 0, 4, 0);
    assert_status(vpt_pci_identify(&pci.here, &identity), VPT_EMPTY_SLOT);
    pci_end();
}

/* Whenever it goes, and whenever the port fails, a call comes to that and leaves nothing. */
Test(pci_identify, a_function_that_goes_meanwhile)
{
    for (uint8_t type = 0; type <= 2; type++) {
        unsigned reads;

        pci_begin(type);
        {
            struct vpt_pci_identity identity;

            assert_status(vpt_pci_identify(&pci.here, &identity), VPT_OK);
            reads = (unsigned)pci.function.config_reads;
        }
        cr_assert(reads >= 3 && reads <= ACCESSES);
        pci_end();
        for (unsigned n = 1; n <= reads; n++) {
            struct vpt_pci_identity identity;

            pci_begin(type);
            mock_trigger_set(&pci.function.vanish, n, 0);
            assert_status(vpt_pci_identify(&pci.here, &identity), VPT_EMPTY_SLOT);
            cr_assert(all_zero(&identity, sizeof(identity)));
            pci_end();
            pci_begin(type);
            mock_trigger_set(&pci.bus.fail_read, n, 1);
            assert_status(vpt_pci_identify(&pci.here, &identity), pci.bus.fail_status);
            cr_assert(all_zero(&identity, sizeof(identity)));
            pci_end();
        }
    }
}
