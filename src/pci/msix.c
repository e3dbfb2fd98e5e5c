/* SPDX-License-Identifier: MIT */
/* MSI-X (PCI 3.0, section 6.8.2). */
#include "../access.h"
#include "../log.h"
#include "pci_internal.h"
#include "../register_access.h"

/* Offsets from the capability. */
#define MSIX_CONTROL 0x2u
#define MSIX_TABLE   0x4u
#define MSIX_PENDING 0x8u
#define MSIX_SIZE    12u

#define CONTROL_TABLE_SIZE    0x07ffu /* entries - 1 */
#define CONTROL_FUNCTION_MASK 0x4000u
#define CONTROL_ENABLE        0x8000u

#define WHERE_BAR    0x7u /* of the registers that say where the table and the pending bits are */
#define WHERE_OFFSET 0xfffffff8u

/* An entry has four words. */
#define ENTRY_SIZE         16u
#define ENTRY_ADDRESS_LOW  0x0u
#define ENTRY_ADDRESS_HIGH 0x4u
#define ENTRY_DATA         0x8u
#define ENTRY_CONTROL      0xcu
#define ENTRY_CONTROL_MASK 0x1u

/* A piece of a BAR. */
struct piece {
    unsigned bar;
    uint32_t offset;
    uint32_t size;
};

static uint32_t table_size(uint16_t entries)
{
    return (uint32_t)entries * ENTRY_SIZE;
}

/* Each entry has one pending bit, in words of 8 bytes. */
static uint32_t pending_size(uint16_t entries)
{
    return (((uint32_t)entries + 63u) >> 6) * 8u;
}

/* ---- Message control ---- */

static enum vpt_status read_msix_control(const struct vpt_pci_function *function, uint16_t capability,
                                         uint32_t *control)
{
    enum vpt_status status = vpt_pci_read(function, (uint16_t)(capability + MSIX_CONTROL), 2, control);

    if (status == VPT_OK && *control == PCI_ABSENT16) {
        return VPT_DEVICE_GONE;
    }
    return status;
}

static enum vpt_status control_change(const struct vpt_pci_function *function, uint16_t capability, uint32_t set,
                                      uint32_t clear)
{
    uint32_t control;
    enum vpt_status status = read_msix_control(function, capability, &control);

    if (status == VPT_OK) {
        status = vpt_pci_write(function, (uint16_t)(capability + MSIX_CONTROL), 2, (control | set) & ~clear);
    }
    if (status == VPT_OK) {
        status = read_msix_control(function, capability, &control);
    }
    if (status != VPT_OK) {
        return status;
    }
    return (control & (set | clear)) == set ? VPT_OK : VPT_DEVICE_PCI_MSIX;
}

/* ---- Set-up ---- */

/*
 * Checks that a BAR's register holds an address. If the register has lost the address in the machine's sleep or by a
 * reset, the BAR is not decoded, or is decoded at 0.
 */
static enum vpt_status check_register(const struct vpt_pci_function *function, const struct vpt_pci_bar *bar,
                                      unsigned index)
{
    uint16_t offset = (uint16_t)(PCI_BAR_0 + 4u * index);
    uint32_t upper = 0;
    uint32_t lower;
    enum vpt_status status = vpt_pci_read(function, offset, 4, &lower);

    if (status == VPT_OK && bar->is_64bit) {
        status = vpt_pci_read(function, (uint16_t)(offset + 4u), 4, &upper);
    }
    if (status == VPT_OK && ((lower & PCI_BAR_ADDRESS) | upper) == 0) {
        status = vpt_log(function->port, VPT_LOG_WARNING, vpt_pci_bar_name(index), VPT_DEVICE_PCI_BAR);
    }
    return status;
}

/* Finds the physical address of a piece; checks that the piece is within a memory BAR that has an address. */
static enum vpt_status locate(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars,
                              const struct piece *piece, uint64_t *physical)
{
    const struct vpt_pci_bar *bar;
    unsigned index = piece->bar;
    enum vpt_status status;

    if (index >= VPT_PCI_BARS_MAX) {
        return VPT_DEVICE_PCI_MSIX;
    }
    bar = &bars->bar[index];
    if (bar->kind == VPT_PCI_BAR_NONE || bar->kind == VPT_PCI_BAR_IO) {
        return VPT_DEVICE_PCI_MSIX;
    }
    status = vpt_pci_bar_check(function->port, bars, index);
    if (status != VPT_OK) {
        return status;
    }
    if (piece->offset >= bar->size || piece->size > bar->size - piece->offset) {
        return VPT_DEVICE_PCI_MSIX;
    }
    *physical = bar->address + piece->offset;
    return check_register(function, bar, index);
}

static bool pieces_overlap(const struct piece *one, const struct piece *other)
{
    if (one->bar != other->bar) {
        return false;
    }
    if (one->offset <= other->offset) {
        return other->offset - one->offset < one->size;
    }
    return one->offset - other->offset < other->size;
}

/* Reads the capability's register at `offset` into a piece. */
static enum vpt_status read_piece(const struct vpt_pci_msix *msix, uint16_t offset, uint32_t size, struct piece *piece)
{
    uint32_t value;
    enum vpt_status status = vpt_pci_read(&msix->function, (uint16_t)(msix->capability + offset), 4, &value);

    piece->bar = value & WHERE_BAR;
    piece->offset = value & WHERE_OFFSET;
    piece->size = size;
    if (status == VPT_OK && value == PCI_ABSENT32) {
        return VPT_DEVICE_GONE;
    }
    return status;
}

/* Fills in the capability's offset and the number of entries. */
static enum vpt_status find_msix(struct vpt_pci_msix *msix)
{
    uint32_t control;
    enum vpt_status status = vpt_pci_find_capability(&msix->function, VPT_PCI_CAPABILITY_MSIX, &msix->capability);

    if (status != VPT_OK) {
        return status;
    }
    if (msix->capability > VPT_PCI_CONFIG_SIZE - MSIX_SIZE) {
        return VPT_DEVICE_PCI_MSIX;
    }
    status = read_msix_control(&msix->function, msix->capability, &control);
    msix->entries = (uint16_t)((control & CONTROL_TABLE_SIZE) + 1u);
    return status;
}

static enum vpt_status map_piece(const struct vpt_port *port, uint64_t address, size_t size, void **mapping)
{
    enum vpt_status status = port->mmio_map(port->ctx, address, size, VPT_MAP_REGISTERS, mapping);

    return status == VPT_OK ? status : vpt_log_memory(port, VPT_LOG_WARNING, "mmio_map", status, size);
}

static enum vpt_status map(struct vpt_pci_msix *msix, uint64_t table, uint64_t pending)
{
    const struct vpt_port *port = msix->function.port;
    enum vpt_status status;

    if (port->mmio_map == NULL || port->mmio_unmap == NULL) {
        return vpt_log_missing(port, "mmio_map, mmio_unmap");
    }
    status = map_piece(port, table, table_size(msix->entries), &msix->table);
    if (status != VPT_OK) {
        return status;
    }
    status = map_piece(port, pending, pending_size(msix->entries), &msix->pending);
    if (status != VPT_OK) {
        port->mmio_unmap(port->ctx, msix->table, table_size(msix->entries));
    }
    return status;
}

static void unmap(const struct vpt_pci_msix *msix)
{
    const struct vpt_port *port = msix->function.port;

    port->mmio_unmap(port->ctx, msix->pending, pending_size(msix->entries));
    port->mmio_unmap(port->ctx, msix->table, table_size(msix->entries));
}

static enum vpt_status find_and_map(struct vpt_pci_msix *msix, const struct vpt_pci_bars *bars)
{
    struct piece table;
    struct piece pending;
    uint64_t table_address = 0;
    uint64_t pending_address = 0;
    enum vpt_status status = find_msix(msix);

    if (status == VPT_OK) {
        status = read_piece(msix, MSIX_TABLE, table_size(msix->entries), &table);
    }
    if (status == VPT_OK) {
        status = read_piece(msix, MSIX_PENDING, pending_size(msix->entries), &pending);
    }
    if (status == VPT_OK) {
        status = locate(&msix->function, bars, &table, &table_address);
    }
    if (status == VPT_OK) {
        status = locate(&msix->function, bars, &pending, &pending_address);
    }
    if (status != VPT_OK) {
        return status;
    }
    return pieces_overlap(&table, &pending) ? VPT_DEVICE_PCI_MSIX : map(msix, table_address, pending_address);
}

/* ---- Entries ---- */

static uint32_t entry_read(const struct vpt_pci_msix *msix, uint16_t entry, uint32_t field)
{
    return vpt_register_read(msix->function.port, msix->table, (size_t)entry * ENTRY_SIZE + field, 4);
}

static void entry_write(const struct vpt_pci_msix *msix, uint16_t entry, uint32_t field, uint32_t value)
{
    vpt_register_write(msix->function.port, msix->table, (size_t)entry * ENTRY_SIZE + field, 4, value);
}

/* Reads an entry's control word. It never reads all-ones, since it has reserved bits, which writes must keep. */
static enum vpt_status entry_control(const struct vpt_pci_msix *msix, uint16_t entry, uint32_t *control)
{
    *control = entry_read(msix, entry, ENTRY_CONTROL);
    return *control == PCI_ABSENT32 ? VPT_DEVICE_GONE : VPT_OK;
}

/* Masks or unmasks an entry. The read makes sure that the write has arrived. *before is the previous control word. */
static enum vpt_status entry_mask(const struct vpt_pci_msix *msix, uint16_t entry, bool masked, uint32_t *before)
{
    uint32_t mask = masked ? ENTRY_CONTROL_MASK : 0;
    uint32_t control;
    enum vpt_status status = entry_control(msix, entry, before);

    if (status != VPT_OK) {
        return status;
    }
    entry_write(msix, entry, ENTRY_CONTROL, (*before & ~ENTRY_CONTROL_MASK) | mask);
    status = entry_control(msix, entry, &control);
    if (status != VPT_OK) {
        return status;
    }
    return (control & ENTRY_CONTROL_MASK) == mask ? VPT_OK : VPT_DEVICE_PCI_MSIX;
}

static enum vpt_status mask_entries(const struct vpt_pci_msix *msix)
{
    enum vpt_status status = VPT_OK;
    uint32_t ignored;

    for (unsigned i = 0; i < VPT_PCI_MSIX_ENTRIES_MAX && i < msix->entries && status == VPT_OK; i++) {
        status = entry_mask(msix, (uint16_t)i, true, &ignored);
    }
    return status;
}

/*
 * Turns MSI-X off and masks all entries. Turns on decoding of memory BARs first, because a table that is not decoded
 * reads all-ones, as a removed function does. After an error, decoding is as before.
 */
static enum vpt_status quieten(const struct vpt_pci_msix *msix)
{
    const struct vpt_pci_function *function = &msix->function;
    uint16_t command;
    enum vpt_status status = vpt_pci_command_read(function, &command);
    uint16_t needed = (uint16_t)(~command & VPT_PCI_COMMAND_MEMORY);

    if (status == VPT_OK && needed != 0) {
        status = vpt_pci_command(function, needed, 0);
    }
    if (status == VPT_OK) {
        status = control_change(function, msix->capability, 0, CONTROL_ENABLE | CONTROL_FUNCTION_MASK);
    }
    if (status == VPT_OK) {
        status = mask_entries(msix);
    }
    if (status != VPT_OK && needed != 0) {
        (void)vpt_pci_command(function, 0, needed);
    }
    return status;
}

/* ---- Public ---- */

enum vpt_status vpt_pci_msix_init(struct vpt_pci_msix *msix, const struct vpt_pci_function *function,
                                  const struct vpt_pci_bars *bars)
{
    enum vpt_status status;

    if (msix == NULL || function == NULL || function->port == NULL || bars == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(msix, sizeof(*msix));
    msix->function = *function;
    status = find_and_map(msix, bars);
    if (status == VPT_OK) {
        status = quieten(msix);
        if (status != VPT_OK) {
            unmap(msix);
        }
    }
    if (status != VPT_OK) {
        vpt_zero(msix, sizeof(*msix));
    }
    return status;
}

void vpt_pci_msix_release(struct vpt_pci_msix *msix)
{
    if (msix == NULL || msix->entries == 0) {
        return;
    }
    (void)control_change(&msix->function, msix->capability, 0, CONTROL_ENABLE);
    unmap(msix);
    vpt_zero(msix, sizeof(*msix));
}

static enum vpt_status change_msix_control(const struct vpt_pci_msix *msix, uint32_t bit, bool on)
{
    if (msix == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (msix->entries == 0) {
        return VPT_CALLER_STATE;
    }
    return control_change(&msix->function, msix->capability, on ? bit : 0, on ? 0 : bit);
}

enum vpt_status vpt_pci_msix_enable(struct vpt_pci_msix *msix, bool enable)
{
    return change_msix_control(msix, CONTROL_ENABLE, enable);
}

enum vpt_status vpt_pci_msix_mask_all(struct vpt_pci_msix *msix, bool masked)
{
    return change_msix_control(msix, CONTROL_FUNCTION_MASK, masked);
}

static enum vpt_status check_entry(const struct vpt_pci_msix *msix, uint16_t entry)
{
    if (msix == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return entry < msix->entries ? VPT_OK : VPT_CALLER_RANGE;
}

enum vpt_status vpt_pci_msix_program(struct vpt_pci_msix *msix, uint16_t entry, uint64_t address, uint32_t data)
{
    enum vpt_status status = check_entry(msix, entry);
    uint32_t before;

    if (status != VPT_OK) {
        return status;
    }
    if ((address & 3u) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    status = entry_mask(msix, entry, true, &before);
    if (status != VPT_OK) {
        return status;
    }
    entry_write(msix, entry, ENTRY_ADDRESS_LOW, (uint32_t)(address & PCI_ABSENT32));
    entry_write(msix, entry, ENTRY_ADDRESS_HIGH, (uint32_t)(address >> 32));
    entry_write(msix, entry, ENTRY_DATA, data);
    return entry_mask(msix, entry, (before & ENTRY_CONTROL_MASK) != 0, &before);
}

enum vpt_status vpt_pci_msix_mask(struct vpt_pci_msix *msix, uint16_t entry, bool masked)
{
    enum vpt_status status = check_entry(msix, entry);
    uint32_t before;

    return status != VPT_OK ? status : entry_mask(msix, entry, masked, &before);
}

enum vpt_status vpt_pci_msix_pending(struct vpt_pci_msix *msix, uint16_t entry, bool *pending)
{
    enum vpt_status status = check_entry(msix, entry);
    uint32_t word;

    if (pending == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *pending = false;
    if (status != VPT_OK) {
        return status;
    }
    word = vpt_register_read(msix->function.port, msix->pending, (size_t)(entry >> 5) * 4u, 4);
    if (word == PCI_ABSENT32) {
        uint32_t control;

        status = read_msix_control(&msix->function, msix->capability,
                                   &control); /* all 32 are pending, or the function was removed */
    }
    *pending = status == VPT_OK && (word >> (entry & 31u) & 1u) != 0;
    return status;
}
