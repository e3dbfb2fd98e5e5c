/* SPDX-License-Identifier: MIT */
/* Base address registers: what they say, and the sizes of the BARs (PCI 3.0, section 6.2.5). */
#include "../access.h"
#include "../log.h"
#include "pci_internal.h"

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

#define REGISTERS (VPT_PCI_BARS_MAX + 1u)

/* What the registers held before they were sized. */
struct saved {
    struct vpt_pci_bar_layout layout;
    uint32_t value[REGISTERS];
};

enum vpt_status vpt_pci_bar_layout(const struct vpt_pci_function *function, struct vpt_pci_bar_layout *layout)
{
    uint8_t type;
    enum vpt_status status = vpt_pci_header_type(function, &type);

    layout->count = 0;
    layout->rom = PCI_ROM_ADDRESS;
    if (status != VPT_OK) {
        return status;
    }
    if (type == PCI_HEADER_DEVICE) {
        layout->count = VPT_PCI_BARS_MAX;
    } else if (type == PCI_HEADER_BRIDGE) {
        layout->count = 2;
        layout->rom = PCI_ROM_ADDRESS_BRIDGE;
    }
    return VPT_OK;
}

uint16_t vpt_pci_bar_register(const struct vpt_pci_bar_layout *layout, unsigned index)
{
    return index == VPT_PCI_ROM ? layout->rom : (uint16_t)(PCI_BAR_0 + 4u * index);
}

bool vpt_pci_bar_well_formed(const struct vpt_pci_bar *bars, unsigned count, unsigned index)
{
    const struct vpt_pci_bar *bar = &bars[index];

    if (count == 0 || (index >= count && index != VPT_PCI_ROM)) {
        return false;
    }
    if (bar->size == 0 || (bar->size & (bar->size - 1u)) != 0) {
        return false;
    }
    if (bar->kind != VPT_PCI_BAR_MEMORY && (bar->kind != VPT_PCI_BAR_IO || index == VPT_PCI_ROM)) {
        return false;
    }
    if (bar->kind == VPT_PCI_BAR_IO || index == VPT_PCI_ROM) {
        return !bar->is_64bit && !bar->prefetchable && !bar->below_1mib;
    }
    return !bar->is_64bit || (index + 1u < count && bars[index + 1u].kind == VPT_PCI_BAR_NONE);
}

/* ---- Reading ---- */

/*
 * Reads the registers. A removed function reads all-ones, which no register may hold, except the upper half of a 64-bit
 * BAR.
 */
static enum vpt_status read_registers(const struct vpt_pci_function *function, struct saved *saved)
{
    enum vpt_status status;

    vpt_zero(saved, sizeof(*saved));
    status = vpt_pci_bar_layout(function, &saved->layout);
    for (unsigned i = 0; i < REGISTERS && status == VPT_OK; i++) {
        if (saved->layout.count != 0 && (i < saved->layout.count || i == VPT_PCI_ROM)) {
            status = vpt_pci_read(function, vpt_pci_bar_register(&saved->layout, i), 4, &saved->value[i]);
        }
    }
    return status;
}

/* Fills in a BAR that is not the ROM, without its size. `last`: there is no register after it. */
static void decode(struct vpt_pci_bar *bar, uint32_t value, uint32_t after, bool last)
{
    uint32_t type = value & PCI_BAR_TYPE_MASK;

    if ((value & PCI_BAR_IO_SPACE) != 0) {
        bar->kind = VPT_PCI_BAR_IO;
        bar->address = value & PCI_BAR_IO_ADDRESS;
        return;
    }
    bar->kind = VPT_PCI_BAR_MEMORY;
    bar->prefetchable = (value & PCI_BAR_PREFETCHABLE) != 0;
    bar->below_1mib = type == PCI_BAR_TYPE_1MIB;
    bar->is_64bit = type == PCI_BAR_TYPE_64 && !last;
    bar->address = value & PCI_BAR_ADDRESS;
    if (bar->is_64bit) {
        bar->address |= (uint64_t)after << 32;
    } else if ((type & PCI_BAR_TYPE_64) != 0) {
        bar->kind = VPT_PCI_BAR_BROKEN; /* reserved type, or no register for the upper half */
    }
}

static enum vpt_status decode_all(const struct saved *saved, struct vpt_pci_bars *bars)
{
    bool upper_half = false;

    if (saved->layout.count == 0) {
        return VPT_OK;
    }
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX && i < saved->layout.count; i++) {
        if (upper_half) {
            upper_half = false;
            continue;
        }
        if (saved->value[i] == PCI_ABSENT32) {
            return VPT_DEVICE_GONE;
        }
        decode(&bars->bar[i], saved->value[i], saved->value[i + 1u], i + 1u == saved->layout.count);
        upper_half = bars->bar[i].is_64bit;
    }
    if (saved->value[VPT_PCI_ROM] == PCI_ABSENT32) {
        return VPT_DEVICE_GONE;
    }
    bars->bar[VPT_PCI_ROM].kind = VPT_PCI_BAR_MEMORY;
    bars->bar[VPT_PCI_ROM].address = saved->value[VPT_PCI_ROM] & PCI_ROM_BASE;
    return VPT_OK;
}

static enum vpt_status read_all(const struct vpt_pci_function *function, struct vpt_pci_bars *bars, struct saved *saved)
{
    enum vpt_status status;

    if (bars == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(bars, sizeof(*bars));
    status = read_registers(function, saved);
    if (status == VPT_OK) {
        status = decode_all(saved, bars);
    }
    if (status != VPT_OK) {
        vpt_zero(bars, sizeof(*bars));
    }
    return status;
}

/* Logs which BARs are broken. */
static enum vpt_status report(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars,
                              enum vpt_status status)
{
    for (unsigned i = 0; i < REGISTERS && status == VPT_OK; i++) {
        if (bars->bar[i].kind == VPT_PCI_BAR_BROKEN) {
            (void)vpt_log(function->port, VPT_LOG_WARNING, vpt_pci_bar_name(i), VPT_DEVICE_PCI_BAR);
        }
    }
    return status;
}

enum vpt_status vpt_pci_bars_read(const struct vpt_pci_function *function, struct vpt_pci_bars *bars)
{
    struct saved saved;
    enum vpt_status status = read_all(function, bars, &saved);

    return report(function, bars, status);
}

/* ---- Sizing ---- */

/* Writes `ones` to a register, reads which of these bits it holds, and puts `value` back even after an error. */
static enum vpt_status probe(const struct vpt_pci_function *function, uint16_t offset, uint32_t ones, uint32_t value,
                             uint32_t *stuck)
{
    enum vpt_status status = vpt_pci_write(function, offset, 4, ones);

    *stuck = 0;
    if (status == VPT_OK) {
        status = vpt_pci_read(function, offset, 4, stuck);
    }
    return vpt_pci_first_error(status, vpt_pci_write(function, offset, 4, value));
}

/*
 * `bits` are the address bits that the register holds. The lowest one is the size. The highest one may be any bit,
 * since a register needs no bits for addresses that its function never gets. If no bit is set, there is no BAR. A BAR
 * is broken if a bit between the lowest and the highest is missing, or if the BAR's address has other bits.
 */
static void set_size(struct vpt_pci_bar *bar, uint64_t bits)
{
    uint64_t size = bits & (~bits + 1u);

    if (bar->kind == VPT_PCI_BAR_BROKEN) {
        return;
    }
    if (bits == 0) {
        vpt_zero(bar, sizeof(*bar));
    } else if ((bits & (bits + size)) != 0 || (bar->address & ~bits) != 0) {
        bar->kind = VPT_PCI_BAR_BROKEN;
    } else {
        bar->size = size;
        for (; bits != 0; bits >>= 1) {
            bar->address_bits++;
        }
    }
}

/* Returns the bits of a register that say the kind of its BAR, and never change. */
static uint32_t kind_bits(const struct vpt_pci_bar *bar, uint32_t value)
{
    return value & (bar->kind == VPT_PCI_BAR_IO ? ~PCI_BAR_IO_ADDRESS : ~PCI_BAR_ADDRESS);
}

static enum vpt_status size_bar(const struct vpt_pci_function *function, const struct saved *saved, unsigned index,
                                struct vpt_pci_bar *bar)
{
    uint16_t offset = vpt_pci_bar_register(&saved->layout, index);
    uint32_t value = saved->value[index];
    uint32_t upper = 0;
    uint32_t lower;
    enum vpt_status status = probe(function, offset, PCI_ABSENT32, value, &lower);

    if (status == VPT_OK && bar->is_64bit) {
        status = probe(function, (uint16_t)(offset + 4u), PCI_ABSENT32, saved->value[index + 1u], &upper);
    }
    if (status != VPT_OK) {
        return status;
    }
    if (lower == PCI_ABSENT32) {
        return VPT_DEVICE_GONE;
    }
    if (kind_bits(bar, lower) != kind_bits(bar, value)) {
        bar->kind = VPT_PCI_BAR_BROKEN;
    }
    set_size(bar, (uint64_t)upper << 32 | (lower & ~kind_bits(bar, PCI_ABSENT32)));
    return VPT_OK;
}

static enum vpt_status size_rom(const struct vpt_pci_function *function, const struct saved *saved,
                                struct vpt_pci_bar *bar)
{
    uint32_t stuck;
    enum vpt_status status =
        probe(function, saved->layout.rom, PCI_ROM_BASE, saved->value[VPT_PCI_ROM] & ~PCI_ROM_ENABLE, &stuck);

    if (status != VPT_OK) {
        return status;
    }
    if (stuck == PCI_ABSENT32) {
        return VPT_DEVICE_GONE;
    }
    set_size(bar, stuck & PCI_ROM_BASE);
    return VPT_OK;
}

/* The ROM is sized first, which turns it off: it may share an address decoder with a BAR that is sized later. */
static enum vpt_status size_all(const struct vpt_pci_function *function, const struct saved *saved,
                                struct vpt_pci_bars *bars)
{
    enum vpt_status status = size_rom(function, saved, &bars->bar[VPT_PCI_ROM]);
    bool upper_half = false;

    for (unsigned i = 0; i < VPT_PCI_BARS_MAX && i < saved->layout.count && status == VPT_OK; i++) {
        if (upper_half) {
            upper_half = false;
            continue;
        }
        /* This is read before sizing, which zeroes the entry of a register without a BAR. */
        upper_half = bars->bar[i].is_64bit;
        status = size_bar(function, saved, i, &bars->bar[i]);
    }
    if ((saved->value[VPT_PCI_ROM] & PCI_ROM_ENABLE) != 0) {
        status = vpt_pci_first_error(status, vpt_pci_write(function, saved->layout.rom, 4, saved->value[VPT_PCI_ROM]));
    }
    return status;
}

enum vpt_status vpt_pci_bars_size(const struct vpt_pci_function *function, struct vpt_pci_bars *bars)
{
    struct saved saved;
    enum vpt_status status = read_all(function, bars, &saved);
    uint16_t command;

    if (status != VPT_OK || saved.layout.count == 0) {
        return status;
    }
    status = vpt_pci_command_read(function, &command);
    if (status == VPT_OK) {
        status = vpt_pci_command(function, 0, DECODING | VPT_PCI_COMMAND_BUS_MASTER);
        if (status == VPT_OK) {
            status = size_all(function, &saved, bars);
        }
        status = vpt_pci_first_error(status, vpt_pci_write(function, PCI_COMMAND, 2, command));
    }
    if (status != VPT_OK) {
        vpt_zero(bars, sizeof(*bars));
    }
    return report(function, bars, status);
}

/* ---- Writing ---- */

/* Writes one register, and checks that its address bits hold the value. */
static enum vpt_status write_bar_register(const struct vpt_pci_function *function, uint16_t offset, uint32_t value,
                                          uint32_t mask)
{
    uint32_t answer = 0;
    enum vpt_status status = vpt_pci_write(function, offset, 4, value);

    if (status == VPT_OK) {
        status = vpt_pci_read(function, offset, 4, &answer);
    }
    if (status != VPT_OK) {
        return status;
    }
    return (answer & mask) == value ? VPT_OK : VPT_DEVICE_PCI_BAR;
}

enum vpt_status vpt_pci_bar_write(const struct vpt_pci_function *function, uint16_t offset, unsigned index,
                                  const struct vpt_pci_bar *bar, uint64_t address)
{
    uint32_t mask = bar->kind == VPT_PCI_BAR_IO ? PCI_BAR_IO_ADDRESS : PCI_BAR_ADDRESS;
    enum vpt_status status;

    if (index == VPT_PCI_ROM) {
        mask = PCI_ROM_BASE | PCI_ROM_ENABLE;
    }
    status = write_bar_register(function, offset, (uint32_t)(address & PCI_ABSENT32), mask);
    if (status == VPT_OK && bar->is_64bit) {
        status = write_bar_register(function, (uint16_t)(offset + 4u), (uint32_t)(address >> 32), PCI_ABSENT32);
    }
    return status;
}
