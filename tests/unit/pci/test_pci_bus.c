/* SPDX-License-Identifier: MIT */
/* The simulated PCI bus itself: that it decodes as a real one does, and sees what a driver does wrong. */
#include <string.h>

#include "pci_setup.h"

static uint32_t last_offset;
static unsigned last_width;
static uint32_t last_value;

static uint32_t front_read(void *front_end, size_t offset, unsigned width)
{
    cr_assert(front_end == &last_offset);
    last_offset = (uint32_t)offset;
    last_width = width;
    return 0x5a;
}

static void front_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    (void)front_read(front_end, offset, width);
    last_value = value;
}

static const struct mock_window_ops front = { front_read, front_write };

static uint32_t port_read(uint16_t port, unsigned width)
{
    return pci.bus.port.io_read(pci.bus.port.ctx, port, width);
}

/* An I/O BAR of 32 bytes, a memory BAR of 64 KiB, both at work. */
static void make(void)
{
    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 32, .io = true, .ops = &front, .front_end = &last_offset });
    pci_bar(2, (struct mock_pci_bar){ .size = 64 * 1024, .is_64bit = true, .ops = &front, .front_end = &last_offset });
    mock_pci_bar_assign(&pci.function, 0, 0xc020);
    mock_pci_bar_assign(&pci.function, 2, PCI_APERTURE + 0x10000);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
}

static void write(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(pci.bus.port.config_write(pci.bus.port.ctx, &pci.here.address, offset, width, value), VPT_OK);
}

static uint32_t read(uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    assert_status(pci.bus.port.config_read(pci.bus.port.ctx, &pci.here.address, offset, width, &value), VPT_OK);
    return value;
}

Test(pci_bus, accesses_go_where_the_registers_say)
{
    void *mapping = NULL;

    make();
    cr_assert(port_read(0xc03c, 4) == 0x5a && last_offset == 0x1c && last_width == 4);
    pci.bus.port.io_write(pci.bus.port.ctx, 0xc021, 1, 0x77);
    cr_assert(last_offset == 1 && last_width == 1 && last_value == 0x77);
    assert_status(pci.bus.port.mmio_map(pci.bus.port.ctx, PCI_APERTURE + 0x10ffc, 0x20, VPT_MAP_REGISTERS, &mapping),
                  VPT_OK);
    cr_assert(pci.bus.port.mmio_read(pci.bus.port.ctx, mapping, 0x14, 2) == 0x5a);
    cr_assert(last_offset == 0x1010 && last_width == 2);
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0x10, 4, 0x12345678);
    cr_assert(last_offset == 0x100c && last_value == 0x12345678);
    pci.bus.undecoded_allowed = true;
    mock_pci_bar_assign(&pci.function, 0, 0xd000);
    cr_assert(port_read(0xc020, 2) == 0xffff && port_read(0xd000, 2) == 0x5a);
    mock_pci_bar_assign(&pci.function, 2, UINT64_C(0x100000000) + PCI_APERTURE + 0x10000);
    cr_assert(pci.bus.port.mmio_read(pci.bus.port.ctx, mapping, 0, 4) == 0xffffffff);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY);
    cr_assert(port_read(0xd000, 1) == 0xff);
    mock_pci_bar_assign(&pci.function, 2, PCI_APERTURE + 0x10000);
    cr_assert(pci.bus.port.mmio_read(pci.bus.port.ctx, mapping, 0, 4) == 0x5a);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_IO);
    cr_assert(pci.bus.port.mmio_read(pci.bus.port.ctx, mapping, 0, 4) == 0xffffffff);
    cr_assert(pci.bus.undecoded == 4);
    pci.bus.port.mmio_unmap(pci.bus.port.ctx, mapping, 0x20);
    pci_end();
}

Test(pci_bus, masks_of_configuration_bytes)
{
    pci_begin(0);
    pci.bus.rules_off = true;
    mock_pci_set(&pci.function, 4, 4, 0xf9100000);
    write(4, 4, 0x0800ffff);
    cr_assert(read(4, 4) == 0xf1100547);
    write(0, 4, 0x12345678);
    cr_assert(read(0, 2) == PCI_VENDOR);
    write(0x3c, 1, 9);
    cr_assert(read(0x3c, 2) == 0x0109);
    pci_end();
}

static unsigned hooked;

static void refresh(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    cr_assert(ctx == &hooked && offset == 0x44 && width == 2);
    hooked++;
    mock_pci_set(function, 0x44, 2, 0x1111 * hooked);
}

Test(pci_bus, hooks)
{
    static const uint8_t body[8] = { 0 };

    pci_begin(0);
    cr_assert(mock_pci_capability_add(&pci.function, 9, body, 8, NULL) == 0x40);
    mock_pci_hook_add(&pci.function, &(struct mock_pci_hook){ 0x45, 0x46, refresh, NULL, &hooked });
    cr_assert(read(0x44, 2) == 0x1111 && read(0x44, 2) == 0x2222);
    cr_assert(read(0x48, 4) == 0 && read(0x40, 4) == 0x0009 && hooked == 2);
    pci_end();
}

Test(pci_bus, interrupts_by_line)
{
    pci_begin(0);
    mock_pci_intx_set(&pci.function, true);
    cr_assert(mock_pci_intx(&pci.function) && (read(6, 2) & 8) != 0);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_INTERRUPT_DISABLE, 0), VPT_OK);
    cr_assert(!mock_pci_intx(&pci.function) && (read(6, 2) & 8) != 0);
    mock_pci_intx_set(&pci.function, false);
    cr_assert((read(6, 2) & 8) == 0);
    pci_end();
}

Test(pci_bus, configuration_accesses_against_the_rules)
{
    static const struct {
        uint16_t command;
        uint16_t offset;
        unsigned width;
        uint32_t value;
        const char *text;
    } wrong[] = {
        { 0, 1, 2, 0, "width 2 at offset 0x1" },
        { 0, 0, 3, 0, "width 3" },
        { 0, 0x1000, 4, 0, "offset 0x1000" },
        { 0, 4, 2, 0x10000, "in width 2" },
        { 0, 4, 1, 0, "in width 1" },
        { 0, 5, 1, 0, "in width 1" },
        { 0, 4, 4, 0, "the status register" },
        { 0, 6, 2, 0, "the status register" },
        { 0, 0, 4, 0, "read-only" },
        { 0, 4, 2, 0x8000, "read-only" },
        { 0, 0x34, 1, 0x40, "read-only" },
        { 1, 0x10, 4, 0, "BAR 0 written with decoding on" },
        { 2, 0x18, 4, 0, "BAR 2 written with decoding on" },
        { 2, 0x1c, 4, 0, "BAR 3 written with decoding on" },
        { 1, 0x20, 4, 0, "BAR 4 written with decoding on" },
        { 2, 0x30, 4, 0, "BAR 6 written with decoding on" },
        { 4, 0x10, 4, 0xffffffff, "bus mastering on" },
        { 0, 0x10, 2, 0, "BAR 0 written in width 2" },
        { 0, 0x30, 4, 0xffffffff, "the ROM is enabled" },
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        make();
        mock_pci_command_set(&pci.function, wrong[i].command);
        write(wrong[i].offset, wrong[i].width, wrong[i].value);
        cr_assert(pci.hal.violations.count >= 1, "%zu", i);
        pci_violated(wrong[i].text);
        pci_end();
    }
    make();
    mock_pci_command_set(&pci.function, 0);
    mock_pci_set(&pci.function, 0x30, 4, 1);
    write(0x10, 4, 0xffffffff);
    pci_violated("sized with the ROM enabled");
    pci_end();
    pci_begin(1);
    write(0x18, 4, 0x00020100);
    pci_violated("bus numbers");
    pci_end();
}

Test(pci_bus, accesses_by_bar_against_the_rules)
{
    void *mapping = NULL;

    make();
    cr_assert(port_read(0x1000, 4) == 0xffffffff);
    pci_violated("no BAR decodes port 0x1000");
    cr_assert(port_read(0xc03e, 4) == 0xffffffff);
    pci_violated("past the end");
    (void)port_read(0xc020, 3);
    pci_violated("width 3");
    pci_bar(1, (struct mock_pci_bar){ .size = 32, .io = true });
    mock_pci_bar_assign(&pci.function, 1, 0xc020);
    (void)port_read(0xc020, 4);
    pci_violated("two BARs");
    mock_pci_msix_add(&pci.function, 4, 2, 0, 2, 0x1000);
    assert_status(pci.bus.port.mmio_map(pci.bus.port.ctx, PCI_APERTURE + 0x10000, 0x2000, VPT_MAP_REGISTERS, &mapping),
                  VPT_OK);
    (void)pci.bus.port.mmio_read(pci.bus.port.ctx, mapping, 0, 2);
    pci_violated("MSI-X structure accessed in width 2");
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0x1000, 4, 0);
    pci_violated("pending bits");
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0xc, 4, 2);
    pci_violated("reserved bits");
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0x10, 4, 2);
    pci_violated("misaligned address");
    mock_pci_set(&pci.function, (uint16_t)(pci.function.msix->capability + 2), 2, 0x8003);
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0x2c, 4, 0);
    cr_assert(pci.hal.violations.count == 0);
    pci.bus.port.mmio_write(pci.bus.port.ctx, mapping, 0x28, 4, 5);
    pci_violated("entry 2 changed while unmasked");
    mock_pci_msix_fire(&pci.function, 4);
    pci_violated("does not exist");
    mock_pci_msix_fire(&pci.function, 2);
    cr_assert(pci.function.msix->message_count == 0 && pci.function.msix->dropped == 1, "no bus mastering");
    pci.bus.port.mmio_unmap(pci.bus.port.ctx, mapping, 0x2000);
    pci_end();
}
