/* SPDX-License-Identifier: MIT */
/* Gives BARs addresses: plans all of them first, then writes all to the registers, or none. */
#include "../access.h"
#include "pci_internal.h"

#define DECODING (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

#define REGISTERS   (VPT_PCI_BARS_MAX + 1u)
#define WHICH       ((1u << REGISTERS) - 1u)
#define MEMORY_UNIT 4096u
#define LAST_IO     0xffffu
#define LAST_1MIB   0xfffffu

/* The address that a BAR gets, and where its window's free space began before. This window was not full. */
struct placement {
    unsigned index; /* of the BAR */
    unsigned window;
    uint64_t address;
    uint64_t next;
};

struct plan {
    struct placement placement[REGISTERS];
    unsigned count;
};

/* ---- The plan ---- */

/* Returns the last address that a BAR's register can hold, or that its kind may have. */
static uint64_t last_address(const struct vpt_pci_bar *bar)
{
    unsigned bits = bar->address_bits;
    uint64_t last = bits != 0 && bits < 64u ? ((uint64_t)1 << bits) - 1u : PCI_ADDRESS_LAST;
    uint64_t limit = bar->is_64bit ? PCI_ADDRESS_LAST : PCI_FOUR_GIB - 1u;

    if (bar->kind == VPT_PCI_BAR_IO) {
        limit = LAST_IO;
    } else if (bar->below_1mib) {
        limit = LAST_1MIB;
    }
    return last < limit ? last : limit;
}

/* Returns how many bytes of a window a BAR takes; its address is a multiple of this number. */
static uint64_t bar_unit(const struct vpt_pci_bar *bar)
{
    return bar->kind == VPT_PCI_BAR_MEMORY && bar->size < MEMORY_UNIT ? MEMORY_UNIT : bar->size;
}

/* Finds the lowest free address in a window that a BAR can have. False: there is none. */
static bool fits_window(const struct vpt_pci_bar *bar, const struct vpt_pci_window *window, uint64_t *address)
{
    uint64_t limit = last_address(bar);
    uint64_t last = window->last < limit ? window->last : limit;
    uint64_t first = window->next != 0 ? window->next : 1;
    uint64_t unit = bar_unit(bar);
    uint64_t skipped = (0 - first) & (unit - 1u);

    if (window->full || first > last || skipped > last - first) {
        return false;
    }
    first += skipped;
    *address = first;
    return unit - 1u <= last - first;
}

/*
 * A prefetchable BAR tries prefetchable windows first, then others, and each time the windows above 4 GiB first: other
 * BARs cannot use these, and need the space below.
 */
#define PREFERENCES 4u

static bool acceptable(const struct vpt_pci_bar *bar, const struct vpt_pci_window *window, unsigned preference)
{
    bool prefetchable = preference < 2;
    bool high = (preference & 1u) == 0;

    if (window->kind != bar->kind || window->prefetchable != prefetchable || (prefetchable && !bar->prefetchable)) {
        return false;
    }
    return !high || (bar->prefetchable && window->next >= PCI_FOUR_GIB);
}

static void take_address(struct plan *plan, unsigned index, const struct vpt_pci_bar *bar,
                         struct vpt_pci_window *window, unsigned window_index, uint64_t address)
{
    struct placement *placement = &plan->placement[plan->count];
    uint64_t unit = bar_unit(bar);

    placement->index = index;
    placement->window = window_index;
    placement->address = address;
    placement->next = window->next;
    plan->count++;
    window->full = window->last - address == unit - 1u;
    window->next = address + unit;
}

static bool plan_bar(struct plan *plan, unsigned index, const struct vpt_pci_bar *bar, struct vpt_pci_window *windows,
                     unsigned count)
{
    for (unsigned preference = 0; preference < PREFERENCES; preference++) {
        for (unsigned i = 0; i < count; i++) {
            uint64_t address = 0;

            if (acceptable(bar, &windows[i], preference) && fits_window(bar, &windows[i], &address)) {
                take_address(plan, index, bar, &windows[i], i, address);
                return true;
            }
        }
    }
    return false;
}

/* Returns the biggest BAR of `which`, the first one of equal size. REGISTERS: none is left. */
static unsigned biggest(const struct vpt_pci_bars *bars, unsigned which)
{
    unsigned found = REGISTERS;

    for (unsigned i = 0; i < REGISTERS; i++) {
        if ((which >> i & 1u) != 0 && (found == REGISTERS || bars->bar[i].size > bars->bar[found].size)) {
            found = i;
        }
    }
    return found;
}

static enum vpt_status make_plan(struct plan *plan, const struct vpt_pci_bars *bars, unsigned which,
                                 struct vpt_pci_window *windows, unsigned count)
{
    for (unsigned i = 0; i < REGISTERS; i++) {
        unsigned index = biggest(bars, which);

        if (index >= REGISTERS) {
            break;
        }
        if (!plan_bar(plan, index, &bars->bar[index], windows, count)) {
            return VPT_RESOURCE_PCI_WINDOW;
        }
        which &= ~(1u << index);
    }
    return VPT_OK;
}

/* Undoes the plan's changes to windows, the last one first. */
static void drop_plan(const struct plan *plan, struct vpt_pci_window *windows)
{
    for (unsigned i = plan->count; i > 0 && i <= REGISTERS; i--) {
        const struct placement *placement = &plan->placement[i - 1u];

        windows[placement->window].next = placement->next;
        windows[placement->window].full = false;
    }
}

/* ---- Addresses that BARs have already ---- */

static bool within(const struct vpt_pci_bar *bar, const struct vpt_pci_window *windows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct vpt_pci_window *window = &windows[i];

        if (window->kind == bar->kind && bar->address >= window->next && bar->address <= window->last &&
            bar->size - 1u <= window->last - bar->address) {
            return true;
        }
    }
    return false;
}

enum vpt_status vpt_pci_bars_check(const struct vpt_pci_bars *bars, unsigned which,
                                   const struct vpt_pci_window *windows, unsigned count)
{
    if (bars == NULL || (windows == NULL && count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    for (unsigned i = 0; i < REGISTERS; i++) {
        const struct vpt_pci_bar *bar = &bars->bar[i];

        if ((which >> i & 1u) != 0 && bar->kind != VPT_PCI_BAR_NONE && bar->address != 0 &&
            (bar->size == 0 || !within(bar, windows, count))) {
            return VPT_DEVICE_PCI_BAR;
        }
    }
    return VPT_OK;
}

/* ---- In the registers ---- */

static enum vpt_status write_plan(const struct vpt_pci_function *function, const struct vpt_pci_bar_layout *layout,
                                  const struct vpt_pci_bars *bars, const struct plan *plan)
{
    enum vpt_status status = VPT_OK;

    for (unsigned i = 0; i < REGISTERS && i < plan->count && status == VPT_OK; i++) {
        const struct placement *placement = &plan->placement[i];
        unsigned index = placement->index;

        status = vpt_pci_bar_write(function, vpt_pci_bar_register(layout, index), index, &bars->bar[index],
                                   placement->address);
    }
    return status;
}

/* Clears the addresses that were written. Type bits are read-only. */
static void clear_registers(const struct vpt_pci_function *function, const struct vpt_pci_bar_layout *layout,
                            const struct vpt_pci_bars *bars, const struct plan *plan)
{
    for (unsigned i = 0; i < REGISTERS && i < plan->count; i++) {
        unsigned index = plan->placement[i].index;
        uint16_t offset = vpt_pci_bar_register(layout, index);

        (void)vpt_pci_write(function, offset, 4, 0);
        if (bars->bar[index].is_64bit) {
            (void)vpt_pci_write(function, (uint16_t)(offset + 4u), 4, 0);
        }
    }
}

static enum vpt_status apply_plan(const struct vpt_pci_function *function, const struct vpt_pci_bar_layout *layout,
                                  const struct vpt_pci_bars *bars, const struct plan *plan)
{
    uint16_t command;
    enum vpt_status status = vpt_pci_command_read(function, &command);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_pci_command(function, 0, DECODING);
    if (status == VPT_OK) {
        status = write_plan(function, layout, bars, plan);
        if (status != VPT_OK) {
            clear_registers(function, layout, bars, plan);
        }
    }
    return vpt_pci_first_error(status, vpt_pci_write(function, PCI_COMMAND, 2, command));
}

/* ---- Planning and writing ---- */

/* Leaves in *which the BARs that need an address. VPT_CALLER_ARGUMENT: vpt_pci_bars_size() never gives such a BAR. */
static enum vpt_status choose_bars(const struct vpt_pci_bars *bars, const struct vpt_pci_bar_layout *layout,
                                   unsigned *which)
{
    for (unsigned i = 0; i < REGISTERS; i++) {
        if ((*which >> i & 1u) == 0) {
            continue;
        }
        if (bars->bar[i].kind == VPT_PCI_BAR_NONE || bars->bar[i].kind == VPT_PCI_BAR_BROKEN ||
            bars->bar[i].address != 0) {
            *which &= ~(1u << i);
        } else if (!vpt_pci_bar_well_formed(bars->bar, layout->count, i)) {
            return VPT_CALLER_ARGUMENT;
        }
    }
    return VPT_OK;
}

enum vpt_status vpt_pci_bars_place(const struct vpt_pci_function *function, struct vpt_pci_bars *bars, unsigned which,
                                   struct vpt_pci_window *windows, unsigned count)
{
    struct vpt_pci_bar_layout layout;
    struct plan plan;
    enum vpt_status status;

    if (bars == NULL || (windows == NULL && count != 0) || (which & ~WHICH) != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_pci_bar_layout(function, &layout);
    if (status == VPT_OK) {
        status = choose_bars(bars, &layout, &which);
    }
    if (status != VPT_OK || which == 0) {
        return status;
    }
    vpt_zero(&plan, sizeof(plan));
    status = make_plan(&plan, bars, which, windows, count);
    if (status == VPT_OK) {
        status = apply_plan(function, &layout, bars, &plan);
    }
    if (status != VPT_OK) {
        drop_plan(&plan, windows);
        return status;
    }
    for (unsigned i = 0; i < REGISTERS && i < plan.count; i++) {
        bars->bar[plan.placement[i].index].address = plan.placement[i].address;
    }
    return VPT_OK;
}
