/* SPDX-License-Identifier: MIT */
/* The simulated PCI bus itself: that it decodes as a real one does, and sees what a driver does wrong. */
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

/* An I/O BAR of 32 bytes, a memory BAR of 64 KiB, both at work. */
static void make(void)
{
    pci_begin(0);
    pci_bars(&pci.function, "i32@c020 - q64K@e0010000");
    for (unsigned i = 0; i <= 2; i += 2) {
        pci.function.bars[i].ops = &front;
        pci.function.bars[i].front_end = &last_offset;
    }
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
}

static void write(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(pci.bus.port.config_write(&pci.bus, &pci.here.address, offset, width, value), VPT_OK);
}

static uint32_t read(uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    assert_status(pci.bus.port.config_read(&pci.bus, &pci.here.address, offset, width, &value), VPT_OK);
    return value;
}

/* Accesses by port number, and by an offset into a mapping of the memory BAR. */
static void *mapping;

static void map(uint64_t address, size_t size)
{
    assert_status(pci.bus.port.mmio_map(&pci.bus, address, size, VPT_MAP_REGISTERS, &mapping), VPT_OK);
}

static uint32_t in(uint16_t port, unsigned width)
{
    return pci.bus.port.io_read(&pci.bus, port, width);
}

static uint32_t load(size_t offset, unsigned width)
{
    return pci.bus.port.mmio_read(&pci.bus, mapping, offset, width);
}

static void store(size_t offset, unsigned width, uint32_t value)
{
    pci.bus.port.mmio_write(&pci.bus, mapping, offset, width, value);
}

/* A read has got what the front end answers, which has seen it like this. */
static void check_read(uint32_t got, uint32_t offset, unsigned width)
{
    assert_same(got, 0x5a);
    assert_same(last_offset, offset);
    assert_same(last_width, width);
}

static void check_written(uint32_t offset, unsigned width, uint32_t value)
{
    check_read(0x5a, offset, width);
    assert_same(last_value, value);
}

Test(pci_bus, accesses_go_where_the_registers_say)
{
    make();
    check_read(in(0xc03c, 4), 0x1c, 4);
    pci.bus.port.io_write(&pci.bus, 0xc021, 1, 0x77);
    check_written(1, 1, 0x77);
    map(PCI_APERTURE + 0x10ffc, 0x20);
    check_read(load(0x14, 2), 0x1010, 2);
    store(0x10, 4, 0x12345678);
    check_written(0x100c, 4, 0x12345678);
    pci.bus.undecoded_allowed = true;
    mock_pci_bar_assign(&pci.function, 0, 0xd000);
    assert_same(in(0xc020, 2), 0xffff);
    assert_same(in(0xd000, 2), 0x5a);
    mock_pci_bar_assign(&pci.function, 2, UINT64_C(0x100000000) + PCI_APERTURE + 0x10000);
    assert_same(load(0, 4), 0xffffffff);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY);
    assert_same(in(0xd000, 1), 0xff);
    mock_pci_bar_assign(&pci.function, 2, PCI_APERTURE + 0x10000);
    assert_same(load(0, 4), 0x5a);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_IO);
    assert_same(load(0, 4), 0xffffffff);
    assert_same(pci.bus.undecoded, 4);
    pci.bus.port.mmio_unmap(&pci.bus, mapping, 0x20);
    pci_end();
}

PCI_FUNCTION_TEST(pci_bus, configuration_bytes_have_masks)
{
    pci.bus.rules_off = true;
    pci_set(4, 4, 0xf9100000);
    write(4, 4, 0x0800ffff);
    assert_same(read(4, 4), 0xf1100547);
    write(0, 4, 0x12345678);
    assert_same(read(0, 2), PCI_VENDOR);
    write(0x3c, 1, 9);
    assert_same(read(0x3c, 2), 0x0109);
}

static unsigned hooked;

static void refresh(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    cr_assert(ctx == &hooked && offset == 0x44 && width == 2);
    hooked++;
    mock_pci_set(function, 0x44, 2, 0x1111 * hooked);
}

PCI_FUNCTION_TEST(pci_bus, a_hook_sees_accesses_to_its_bytes)
{
    static const uint8_t body[8] = { 0 };

    cr_assert(mock_pci_capability_add(&pci.function, 9, body, 8, NULL) == 0x40);
    mock_pci_hook_add(&pci.function, &(struct mock_pci_hook){ 0x45, 0x46, refresh, NULL, &hooked });
    cr_assert(read(0x44, 2) == 0x1111 && read(0x44, 2) == 0x2222);
    cr_assert(read(0x48, 4) == 0 && read(0x40, 4) == 0x0009 && hooked == 2);
}

PCI_FUNCTION_TEST(pci_bus, the_interrupt_line_follows_its_disable_bit)
{
    mock_pci_intx_set(&pci.function, true);
    cr_assert(mock_pci_intx(&pci.function) && (read(6, 2) & 8) != 0);
    assert_status(vpt_pci_command(&pci.here, VPT_PCI_COMMAND_INTERRUPT_DISABLE, 0), VPT_OK);
    cr_assert(!mock_pci_intx(&pci.function) && (read(6, 2) & 8) != 0);
    mock_pci_intx_set(&pci.function, false);
    cr_assert((read(6, 2) & 8) == 0);
}

static void check_violation(uint8_t header_type, uint16_t command, uint16_t offset, unsigned width, uint32_t value,
                            const char *text)
{
    if (header_type == 0) {
        make();
    } else {
        pci_begin(header_type);
    }
    mock_pci_command_set(&pci.function, command);
    write(offset, width, value);
    pci_violated(text);
    pci_end();
}

Test(pci_bus, configuration_accesses_against_the_rules_are_seen)
{
    check_violation(0, 0, 1, 2, 0, "width 2 at offset 0x1");
    check_violation(0, 0, 0, 3, 0, "width 3");
    check_violation(0, 0, 0x1000, 4, 0, "offset 0x1000");
    check_violation(0, 0, 4, 2, 0x10000, "in width 2");
    check_violation(0, 0, 4, 1, 0, "in width 1");
    check_violation(0, 0, 5, 1, 0, "in width 1");
    check_violation(0, 0, 4, 4, 0, "the status register");
    check_violation(0, 0, 6, 2, 0, "the status register");
    check_violation(0, 0, 0, 4, 0, "read-only");
    check_violation(0, 0, 4, 2, 0x8000, "read-only");
    check_violation(0, 0, 0x34, 1, 0x40, "read-only");
    check_violation(0, 1, 0x10, 4, 0, "BAR 0 written with decoding on");
    check_violation(0, 2, 0x18, 4, 0, "BAR 2 written with decoding on");
    check_violation(0, 2, 0x1c, 4, 0, "BAR 3 written with decoding on");
    check_violation(0, 1, 0x20, 4, 0, "BAR 4 written with decoding on");
    check_violation(0, 2, 0x30, 4, 0, "BAR 6 written with decoding on");
    check_violation(0, 4, 0x10, 4, 0xffffffff, "bus mastering on");
    check_violation(0, 0, 0x10, 2, 0, "BAR 0 written in width 2");
    check_violation(0, 0, 0x30, 4, 0xffffffff, "the ROM is enabled");
    check_violation(1, 0, 0x18, 4, 0x00020100, "bus numbers");
    make();
    mock_pci_command_set(&pci.function, 0);
    pci_set(0x30, 4, 1);
    write(0x10, 4, 0xffffffff);
    pci_violated("sized with the ROM enabled");
    pci_end();
}

static void check_store(size_t offset, uint32_t value, const char *text)
{
    store(offset, 4, value);
    pci_violated(text);
}

Test(pci_bus, accesses_by_bar_against_the_rules_are_seen)
{
    make();
    assert_same(in(0x1000, 4), 0xffffffff);
    pci_violated("no BAR decodes port 0x1000");
    assert_same(in(0xc03e, 4), 0xffffffff);
    pci_violated("past the end");
    (void)in(0xc020, 3);
    pci_violated("width 3");
    pci_bars(&pci.function, "- i32@c020");
    (void)in(0xc020, 4);
    pci_violated("two BARs");
    mock_pci_msix_add(&pci.function, 4, 2, 0, 2, 0x1000);
    map(PCI_APERTURE + 0x10000, 0x2000);
    (void)load(0, 2);
    pci_violated("MSI-X structure accessed in width 2");
    check_store(0x1000, 0, "pending bits");
    check_store(0xc, 2, "reserved bits");
    check_store(0x10, 2, "misaligned address");
    pci_set(pci.function.msix->capability + 2u, 2, 0x8003);
    store(0x2c, 4, 0);
    assert_same(pci.hal.violations.count, 0);
    check_store(0x28, 5, "entry 2 changed while unmasked");
    mock_pci_msix_fire(&pci.function, 4);
    pci_violated("does not exist");
    mock_pci_msix_fire(&pci.function, 2); /* without bus mastering */
    assert_same(pci.function.msix->message_count, 0);
    assert_same(pci.function.msix->dropped, 1);
    pci.bus.port.mmio_unmap(&pci.bus, mapping, 0x2000);
    pci_end();
}
