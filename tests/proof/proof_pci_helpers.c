/* SPDX-License-Identifier: MIT */
/*
 * The helpers for PCI against arbitrary hardware, for Frama-C's Eva: configuration space and registers hold any value
 * at every access, any call of the port may fail, BARs and windows are arbitrary. Accesses must stay within mappings.
 */
#include <vpt/pci.h>

#include "proof_any.h"

#define TABLE_MAX (16u * VPT_PCI_MSIX_ENTRIES_MAX)
#define WINDOWS   3u

static uint8_t registers[TABLE_MAX];

static enum vpt_status any_status(void)
{
    return any_bool() ? VPT_OK : VPT_PORT_ERROR_FIRST;
}

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    (void)ctx;
    (void)address;
    /*@ assert offset < 4096 && (width == 1 || width == 2 || width == 4); */
    *value = any32();
    return any_status();
}

static enum vpt_status config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    (void)ctx;
    (void)address;
    (void)value;
    /*@ assert offset < 4096 && (width == 1 || width == 2 || width == 4); */
    return any_status();
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    (void)physical;
    (void)intent;
    /*@ assert 0 < size <= TABLE_MAX; */
    *mapping = registers;
    return any_status();
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    (void)mapping;
    (void)size;
}

static const struct vpt_port port = {
    .config_read = config_read,
    .config_write = config_write,
    .mmio_map = mmio_map,
    .mmio_unmap = mmio_unmap,
};

static const struct vpt_pci_function function = { &port, { 0, 0, 5, 0 } };

static bool visit(void *ctx, const struct vpt_pci_function *found, const struct vpt_pci_identity *identity)
{
    (void)ctx;
    (void)found;
    (void)identity;
    return any_bool();
}

static void walks(void)
{
    struct vpt_pci_capability capability;
    struct vpt_pci_walk walk;
    uint16_t offset;
    unsigned i;

    if (vpt_pci_walk_begin(&walk, &function) == VPT_OK) {
        for (i = 0; i < 2u * VPT_PCI_CAPABILITIES_MAX; i++) {
            (void)vpt_pci_walk_next(&walk, &capability);
        }
    }
    if (vpt_pci_walk_begin_extended(&walk, &function) == VPT_OK) {
        for (i = 0; i < 2u * VPT_PCI_EXTENDED_CAPABILITIES_MAX; i++) {
            (void)vpt_pci_walk_next(&walk, &capability);
        }
    }
    (void)vpt_pci_find_capability(&function, (uint8_t)any32(), &offset);
}

static void assignment(void)
{
    struct vpt_pci_window windows[WINDOWS];
    struct vpt_pci_bars bars;
    unsigned i;

    (void)vpt_pci_bars_read(&function, &bars);
    (void)vpt_pci_bars_size(&function, &bars);
    any_bars(&bars);
    for (i = 0; i < WINDOWS; i++) {
        windows[i].kind = (enum vpt_pci_bar_kind)Frama_C_unsigned_int_interval(0, 3);
        windows[i].prefetchable = any_bool();
        windows[i].next = any64();
        windows[i].last = any64();
        windows[i].full = any_bool();
    }
    (void)vpt_pci_bars_place(&function, &bars, any32(), windows, WINDOWS);
    (void)vpt_pci_bars_restore(&function, &bars);
}

static void messages(void)
{
    struct vpt_pci_bars bars;
    struct vpt_pci_msix msix;
    bool pending;

    any_bars(&bars);
    if (vpt_pci_msix_init(&msix, &function, &bars) == VPT_OK) {
        (void)vpt_pci_msix_program(&msix, (uint16_t)any32(), any64(), any32());
        (void)vpt_pci_msix_mask(&msix, (uint16_t)any32(), any_bool());
        (void)vpt_pci_msix_pending(&msix, (uint16_t)any32(), &pending);
        (void)vpt_pci_msix_mask_all(&msix, any_bool());
        (void)vpt_pci_msix_enable(&msix, any_bool());
        vpt_pci_msix_release(&msix);
    }
    (void)vpt_pci_msi_enable(&function, any64(), any32());
    (void)vpt_pci_msi_mask(&function, any_bool());
    (void)vpt_pci_msi_disable(&function);
}

int main(void)
{
    struct vpt_pci_identity identity;

    (void)vpt_pci_identify(&function, &identity);
    (void)vpt_pci_command(&function, (uint16_t)any32(), (uint16_t)any32());
    walks();
    assignment();
    messages();
    (void)vpt_pci_enumerate(&port, 0, (uint8_t)any32(), (uint8_t)any32(), visit, NULL);
    return 0;
}
