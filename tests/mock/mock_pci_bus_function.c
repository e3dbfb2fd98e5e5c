/* SPDX-License-Identifier: MIT */
/* A function's configuration space: how it is made, and what a driver may not write to it. */
#include <inttypes.h>
#include <string.h>

#include "mock_order.h"
#include "mock_internal.h"

#define LIST_FIRST     0x40u
#define LIST_END       0x100u
#define EXTENDED_FIRST 0x100u

/* Bits of the command register that exist here, and of the status register that a written 1 clears. */
#define COMMAND_WRITABLE 0x0547u
#define STATUS_CLEAR     0xf900u

#define BAR_MEMORY_BITS 0x0fu
#define BAR_IO_BITS     0x03u
#define ROM_BASE        UINT32_C(0xfffff800)

uint32_t mock_pci_get(const struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    return (uint32_t)mock_load(&function->config[offset], width, false);
}

void mock_pci_set(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t value)
{
    mock_store(&function->config[offset], width, value, false);
}

void mock_pci_set_writable(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t mask)
{
    mock_store(&function->writable[offset], width, mask, false);
}

static uint32_t writable(const struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    return (uint32_t)mock_load(&function->writable[offset], width, false);
}

static unsigned header_type(const struct mock_pci_function *function)
{
    return function->config[HEADER_TYPE] & 0x7fu;
}

/* ---- The header ---- */

void mock_pci_function_init(struct mock_pci_function *function, const struct mock_pci_ids *ids)
{
    memset(function, 0, sizeof(*function));
    mock_pci_set(function, 0x00, 2, ids->vendor);
    mock_pci_set(function, 0x02, 2, ids->device);
    mock_pci_set(function, 0x08, 4, ids->class_code << 8 | ids->revision);
    mock_pci_set(function, HEADER_TYPE, 1, ids->header_type);
    mock_pci_set(function, 0x3d, 1, ids->interrupt_pin);
    mock_pci_set_writable(function, HEADER_COMMAND, 2, COMMAND_WRITABLE);
    mock_pci_set_writable(function, 0x0c, 2, 0xffff);
    mock_pci_set_writable(function, 0x3c, 1, 0xff);
    mock_store(&function->clear[HEADER_STATUS], 2, STATUS_CLEAR, false);
    if (header_type(function) == 0) {
        mock_pci_set(function, 0x2c, 2, ids->subsystem_vendor);
        mock_pci_set(function, 0x2e, 2, ids->subsystem);
    } else if (header_type(function) == 1) {
        mock_pci_set(function, HEADER_BRIDGE_BUS, 1, ids->primary);
        mock_pci_set(function, HEADER_BRIDGE_BUS + 1u, 1, ids->secondary);
        mock_pci_set(function, HEADER_BRIDGE_BUS + 2u, 1, ids->subordinate);
        mock_pci_set_writable(function, HEADER_BRIDGE_BUS, 4, 0xffffffff);
    }
    function->next_capability = LIST_FIRST;
    function->next_extended = EXTENDED_FIRST;
}

/* ---- Bridges ---- */

#define IO_BASE                 0x1cu
#define MEMORY_BASE             0x20u
#define PREFETCHABLE_BASE       0x24u
#define PREFETCHABLE_UPPER_BASE 0x28u
#define PREFETCHABLE_UPPER_LAST 0x2cu
#define IO_UPPER                0x30u
#define WINDOWS_END             0x34u

void mock_pci_bridge_init(struct mock_pci_function *function, const struct mock_pci_ids *ids,
                          const struct mock_pci_windows *windows)
{
    mock_pci_function_init(function, ids);
    function->bridge = true;
    mock_pci_set_writable(function, MEMORY_BASE, 4, 0xfff0fff0);
    if (windows->io) {
        mock_pci_set(function, IO_BASE, 2, windows->io_32bit ? 0x0101 : 0);
        mock_pci_set_writable(function, IO_BASE, 2, 0xf0f0);
        mock_pci_set_writable(function, IO_UPPER, 4, windows->io_32bit ? 0xffffffff : 0);
    }
    if (windows->prefetchable) {
        mock_pci_set(function, PREFETCHABLE_BASE, 4, windows->prefetchable_64bit ? 0x00010001 : 0);
        mock_pci_set_writable(function, PREFETCHABLE_BASE, 4, 0xfff0fff0);
        mock_pci_set_writable(function, PREFETCHABLE_UPPER_BASE, 4, windows->prefetchable_64bit ? 0xffffffff : 0);
        mock_pci_set_writable(function, PREFETCHABLE_UPPER_LAST, 4, windows->prefetchable_64bit ? 0xffffffff : 0);
    }
}

static bool covers(const struct mock_pci_function *bridge, uint16_t at, uint64_t first, uint64_t last)
{
    uint64_t low = (uint64_t)(mock_pci_get(bridge, at, 2) & 0xfff0u) << 16;
    uint64_t high = (uint64_t)(mock_pci_get(bridge, (uint16_t)(at + 2u), 2) & 0xfff0u) << 16 | 0xfffffu;

    if (at == PREFETCHABLE_BASE) {
        low |= (uint64_t)mock_pci_get(bridge, PREFETCHABLE_UPPER_BASE, 4) << 32;
        high |= (uint64_t)mock_pci_get(bridge, PREFETCHABLE_UPPER_LAST, 4) << 32;
    }
    return writable(bridge, at, 4) != 0 && first >= low && last <= high;
}

bool mock_pci_bridge_forwards(const struct mock_pci_function *bridge, bool io, uint64_t first, uint64_t last)
{
    uint32_t low = (mock_pci_get(bridge, IO_BASE, 1) & 0xf0u) << 8 | mock_pci_get(bridge, IO_UPPER, 2) << 16;
    uint32_t high =
        (mock_pci_get(bridge, IO_BASE + 1u, 1) & 0xf0u) << 8 | mock_pci_get(bridge, IO_UPPER + 2u, 2) << 16 | 0xfffu;

    if ((mock_pci_command(bridge) & (io ? COMMAND_IO : COMMAND_MEMORY)) == 0) {
        return false;
    }
    if (io) {
        return writable(bridge, IO_BASE, 2) != 0 && first >= low && last <= high;
    }
    return covers(bridge, MEMORY_BASE, first, last) || covers(bridge, PREFETCHABLE_BASE, first, last);
}

/* Whether this is a window's register: all but the secondary status, which lies between them. */
static bool is_window(const struct mock_pci_function *function, uint16_t offset)
{
    return function->bridge && offset >= IO_BASE && offset < WINDOWS_END && offset != IO_BASE + 2u;
}

uint16_t mock_pci_command(const struct mock_pci_function *function)
{
    return (uint16_t)mock_pci_get(function, HEADER_COMMAND, 2);
}

void mock_pci_command_set(struct mock_pci_function *function, uint16_t value)
{
    mock_pci_set(function, HEADER_COMMAND, 2, value);
}

bool mock_pci_masters(const struct mock_pci_function *function)
{
    for (; function != NULL; function = function->behind) {
        if (function->gone || (mock_pci_command(function) & COMMAND_MASTER) == 0) {
            return false;
        }
    }
    return true;
}

void mock_pci_intx_set(struct mock_pci_function *function, bool level)
{
    uint32_t status = mock_pci_get(function, HEADER_STATUS, 2) & ~STATUS_INTERRUPT;

    function->intx = level;
    mock_pci_set(function, HEADER_STATUS, 2, status | (level ? STATUS_INTERRUPT : 0));
}

bool mock_pci_intx(const struct mock_pci_function *function)
{
    return function->intx && !function->gone && (mock_pci_command(function) & COMMAND_INTERRUPT_DISABLE) == 0;
}

void mock_pci_hook_add(struct mock_pci_function *function, const struct mock_pci_hook *hook)
{
    if (function->hook_count < MOCK_PCI_HOOKS) {
        function->hooks[function->hook_count++] = *hook;
    }
}

/* ---- BARs ---- */

uint16_t mock_pci_bar_register(const struct mock_pci_function *function, unsigned index)
{
    if (index == MOCK_PCI_ROM) {
        return header_type(function) == 1 ? HEADER_ROM_BRIDGE : HEADER_ROM;
    }
    return (uint16_t)(HEADER_BAR_0 + 4u * index);
}

unsigned mock_pci_bar_registers(const struct mock_pci_function *function)
{
    static const uint8_t registers[] = { 6, 2 };

    return header_type(function) < sizeof(registers) ? registers[header_type(function)] : 0;
}

static uint32_t type_bits(const struct mock_pci_bar *bar)
{
    if (bar->io) {
        return 1u;
    }
    return (bar->below_1mib ? 2u : 0u) | (bar->is_64bit ? 4u : 0u) | (bar->prefetchable ? 8u : 0u);
}

void mock_pci_bar_init(struct mock_pci_function *function, unsigned index, const struct mock_pci_bar *bar)
{
    uint16_t offset = mock_pci_bar_register(function, index);
    uint64_t mask = bar->size != 0 ? ~(bar->size - 1u) : 0;

    function->bars[index] = *bar;
    if (index == MOCK_PCI_ROM) {
        mock_pci_set(function, offset, 4, 0);
        mock_pci_set_writable(function, offset, 4, ((uint32_t)mask & ROM_BASE) | (bar->size != 0 ? 1u : 0u));
        return;
    }
    mask &= ~(uint64_t)(bar->io ? BAR_IO_BITS : BAR_MEMORY_BITS);
    if (bar->io_16bit) {
        mask &= 0xffffu;
    }
    mock_pci_set(function, offset, 4, bar->size != 0 ? type_bits(bar) : 0);
    mock_pci_set_writable(function, offset, 4, (uint32_t)mask);
    if (bar->is_64bit) {
        mock_pci_set(function, (uint16_t)(offset + 4u), 4, 0);
        mock_pci_set_writable(function, (uint16_t)(offset + 4u), 4, (uint32_t)(mask >> 32));
    }
}

void mock_pci_bar_assign(struct mock_pci_function *function, unsigned index, uint64_t address)
{
    uint16_t offset = mock_pci_bar_register(function, index);
    uint32_t mask = writable(function, offset, 4);

    mock_pci_set(function, offset, 4, (mock_pci_get(function, offset, 4) & ~mask) | ((uint32_t)address & mask));
    if (function->bars[index].is_64bit) {
        mock_pci_set(function, (uint16_t)(offset + 4u), 4, (uint32_t)(address >> 32));
    }
}

uint64_t mock_pci_bar_address(const struct mock_pci_function *function, unsigned index)
{
    const struct mock_pci_bar *bar = &function->bars[index];
    uint16_t offset = mock_pci_bar_register(function, index);
    uint64_t value = mock_pci_get(function, offset, 4);

    if (index == MOCK_PCI_ROM) {
        return value & ROM_BASE;
    }
    value &= ~(uint64_t)(bar->io ? BAR_IO_BITS : BAR_MEMORY_BITS);
    if (bar->is_64bit) {
        value |= (uint64_t)mock_pci_get(function, (uint16_t)(offset + 4u), 4) << 32;
    }
    return value;
}

/* ---- Capabilities ---- */

static void put(struct mock_pci_function *function, size_t offset, const void *body, size_t size, const void *masks)
{
    if (size != 0) {
        memcpy(&function->config[offset], body, size);
    }
    if (size != 0 && masks != NULL) {
        memcpy(&function->writable[offset], masks, size);
    }
}

uint16_t mock_pci_capability_add(struct mock_pci_function *function, uint8_t id, const void *body, size_t size,
                                 const void *masks)
{
    uint16_t offset = function->next_capability;
    uint16_t pointer = header_type(function) == 2 ? HEADER_LIST_CARDBUS : HEADER_LIST;

    if (offset > LIST_END - 4u || size > LIST_END - 2u - offset) {
        return 0;
    }
    if (function->last_capability != 0) {
        pointer = (uint16_t)(function->last_capability + 1u);
    }
    mock_pci_set(function, pointer, 1, offset);
    mock_pci_set(function, HEADER_STATUS, 2, mock_pci_get(function, HEADER_STATUS, 2) | STATUS_LIST);
    mock_pci_set(function, offset, 1, id);
    put(function, offset + 2u, body, size, masks);
    function->last_capability = offset;
    function->next_capability = (uint16_t)((offset + 2u + size + 3u) & ~3u);
    return offset;
}

uint16_t mock_pci_extended_add(struct mock_pci_function *function, uint16_t id, uint8_t version, const void *body,
                               size_t size, const void *masks)
{
    uint16_t offset = function->next_extended;
    uint16_t last = function->last_extended;

    if (offset > MOCK_PCI_CONFIG_SIZE - 4u || size > MOCK_PCI_CONFIG_SIZE - 4u - offset) {
        return 0;
    }
    if (last != 0) {
        mock_pci_set(function, last, 4, (mock_pci_get(function, last, 4) & 0xfffffu) | (uint32_t)offset << 20);
    }
    mock_pci_set(function, offset, 4, (uint32_t)id | (uint32_t)(version & 0xfu) << 16);
    put(function, offset + 4u, body, size, masks);
    function->last_extended = offset;
    function->next_extended = (uint16_t)((offset + 4u + size + 3u) & ~3u);
    return offset;
}

/* ---- What a driver may not write ---- */

/* The BAR whose register is here; MOCK_PCI_BARS: none. */
static unsigned bar_at(const struct mock_pci_function *function, uint16_t offset)
{
    unsigned registers = mock_pci_bar_registers(function);

    for (unsigned i = 0; i < MOCK_PCI_BARS; i++) {
        if ((i < registers || (i == MOCK_PCI_ROM && registers != 0)) &&
            mock_pci_bar_register(function, i) == (offset & ~3u)) {
            return i;
        }
    }
    return MOCK_PCI_BARS;
}

/* The decoding that must be off while a register is written. */
static uint16_t decoding_of(const struct mock_pci_function *function, unsigned index)
{
    bool upper_half = index != 0 && index != MOCK_PCI_ROM && function->bars[index - 1u].is_64bit;

    if (index == MOCK_PCI_ROM || upper_half) {
        return COMMAND_MEMORY;
    }
    if (function->bars[index].size == 0) {
        return COMMAND_IO | COMMAND_MEMORY;
    }
    return function->bars[index].io ? COMMAND_IO : COMMAND_MEMORY;
}

static void bar_rules(struct mock_pci_function *function, unsigned index, unsigned width, uint32_t value)
{
    struct mock_violations *violations = &function->bus->hal->violations;
    uint16_t command = mock_pci_command(function);
    uint32_t rom = mock_pci_get(function, mock_pci_bar_register(function, MOCK_PCI_ROM), 4);

    mock_require(violations, width == 4, "BAR %u written in width %u", index, width);
    mock_require(violations, (command & decoding_of(function, index)) == 0, "BAR %u written with decoding on", index);
    if (value < ROM_BASE) {
        return;
    }
    mock_require(violations, (command & COMMAND_MASTER) == 0, "BAR %u sized with bus mastering on", index);
    if (index == MOCK_PCI_ROM) {
        mock_require(violations, (value & 1u) == 0, "the ROM is enabled while it is sized");
    } else {
        mock_require(violations, (rom & 1u) == 0, "BAR %u sized with the ROM enabled", index);
    }
}

void mock_pci_rules(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t value)
{
    struct mock_violations *violations = &function->bus->hal->violations;
    unsigned bar = bar_at(function, offset);
    uint32_t changing = writable(function, offset, width) | (uint32_t)mock_load(&function->clear[offset], width, false);
    uint32_t changed = mock_pci_get(function, offset, width) ^ value;

    if (bar != MOCK_PCI_BARS) {
        bar_rules(function, bar, width, value);
        return;
    }
    if ((offset & ~3u) == HEADER_COMMAND &&
        mock_require(violations, width != 1, "command or status register written in width 1")) {
        mock_require(violations, offset == HEADER_COMMAND && width == 2, "the status register is written to");
    }
    mock_require(violations, header_type(function) != 1 || function->bridge || (offset & ~3u) != HEADER_BRIDGE_BUS,
                 "a bridge's bus numbers are written to");
    if (is_window(function, offset)) {
        mock_require(violations, (mock_pci_command(function) & (COMMAND_IO | COMMAND_MEMORY)) == 0,
                     "a bridge's window is written with decoding on");
    } else {
        mock_require(violations, (changed & ~changing) == 0,
                     "configuration write of 0x%" PRIx32 " at 0x%x would change read-only bits", value, offset);
    }
}
