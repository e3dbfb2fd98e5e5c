/* SPDX-License-Identifier: MIT */
/*
 * The PCI transports against arbitrary hardware, for Frama-C's Eva: configuration space, registers and BARs hold any
 * value at every access. Accesses must stay within mappings.
 *
 * One run has PROBE: the capability list is arbitrary too, and any call of the port may fail. The other runs, one for
 * each INTERFACE, have a list whose entries have arbitrary contents, and the loop at the end stands for any sequence of
 * calls of any length.
 */
#include <vpt/queue.h>
#include <vpt/virtio_pci.h>

#include "proof_any.h"

#define MAPPED_MAX 4096u

static uint8_t registers[MAPPED_MAX];
static struct vpt_virtio_pci pci;

static enum vpt_status any_status(void)
{
#ifdef PROBE
    return any_bool() ? VPT_OK : VPT_PORT_ERROR_FIRST;
#else
    return VPT_OK;
#endif
}

#ifndef PROBE
#define LIST       0x40u
#define ENTRY_SIZE 24u
#define ENTRIES    6u

/* A transitional block device with a capability of each type, and MSI-X; their contents are arbitrary. */
static uint32_t in_list(uint32_t offset)
{
    static const uint16_t types[ENTRIES] = { 1, 2, 3, 4, 8, 0 };
    uint32_t entry = offset >= LIST ? (offset - LIST) / ENTRY_SIZE : ENTRIES;

    switch (offset) {
    case 0x00: return 0x10011af4u;
    case 0x06: return 0x0010u;
    case 0x0e: return 0;
    case 0x2c: return 0x00021af4u;
    case 0x34: return LIST;
    default: break;
    }
    if (entry >= ENTRIES || offset - LIST - entry * ENTRY_SIZE > 3u) {
        return any32();
    }
    switch (offset - LIST - entry * ENTRY_SIZE) {
    case 0: return types[entry] != 0 ? 0x09u | (offset + ENTRY_SIZE) << 8 : VPT_PCI_CAPABILITY_MSIX;
    case 2: return types[entry] != 0 ? ENTRY_SIZE : any32();
    default: return types[entry];
    }
}
#endif

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    (void)ctx;
    (void)address;
    /*@ assert offset < 4096 && (width == 1 || width == 2 || width == 4); */
#ifdef PROBE
    *value = any32();
#else
    *value = in_list(offset);
#endif
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

static uint32_t io_read(void *ctx, uint16_t io_port, unsigned width)
{
    (void)ctx;
    (void)io_port;
    /*@ assert width == 1 || width == 2 || width == 4; */
    return any32();
}

static void io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)io_port;
    (void)value;
    /*@ assert width == 1 || width == 2 || width == 4; */
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    (void)physical;
    (void)intent;
    /*@ assert 0 < size <= MAPPED_MAX; */
    *mapping = registers;
    return any_status();
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    /*@ assert mapping == &registers[0]; */
    (void)mapping;
    (void)size;
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    (void)what;
    return iteration < 3;
}

static const struct vpt_port port = {
    .io_read = io_read,
    .io_write = io_write,
    .config_read = config_read,
    .config_write = config_write,
    .mmio_map = mmio_map,
    .mmio_unmap = mmio_unmap,
    .keep_waiting = keep_waiting,
};

static void any_configuration_access(void)
{
    const struct vpt_config_field fields[] = { { (uint16_t)any32(), 8, 0, 0 },
                                               { (uint16_t)any32(), (uint8_t)any32(), (uint8_t)any32(), 8 } };
    uint64_t values[2] = { 0, 0 };
    uint32_t value;

    (void)vpt_device_config_read(&pci.device, any32(), Frama_C_unsigned_int_interval(0, 8), &value);
    (void)vpt_device_config_write(&pci.device, any32(), Frama_C_unsigned_int_interval(0, 8), any32());
    (void)vpt_device_config_fields(&pci.device, fields, 2, values);
}

static void any_interrupts(void)
{
    struct vpt_interrupts interrupts = { (enum vpt_interrupt_mode)Frama_C_unsigned_int_interval(0, 4),
                                         (uint16_t)any32(),
                                         (uint16_t)any32(),
                                         (uint16_t)any32(),
                                         0,
                                         0,
                                         0 };

    (void)vpt_device_choose_interrupts(&pci.device, &interrupts);
    (void)vpt_device_interrupt(&pci.device);
}

static void any_call(void)
{
    struct vpt_shared_memory_region region;

    switch (Frama_C_interval(0, 6)) {
    case 0: (void)vpt_device_negotiate(&pci.device, NULL, NULL, NULL); break;
    case 1: any_interrupts(); break;
    case 2: any_configuration_access(); break;
    case 3: (void)vpt_device_start(&pci.device); break;
    case 4: (void)vpt_device_reset(&pci.device); break;
    case 5: (void)vpt_device_shared_memory(&pci.device, (uint8_t)any32(), &region); break;
    default: (void)vpt_device_check(&pci.device); break;
    }
}

/* The analyser keeps the two results apart by the return value. */
static bool probe(enum vpt_virtio_pci_interface interface)
{
    const struct vpt_pci_function function = { &port, { 0, 0, 5, 0 } };
    struct vpt_pci_bars bars = { 0 };

    any_bars(&bars);
    return vpt_virtio_pci_probe(&pci, &function, &bars, interface) == VPT_OK;
}

int main(void)
{
#ifdef PROBE
    (void)probe((enum vpt_virtio_pci_interface)Frama_C_interval(0, 3));
#else
    if (probe(INTERFACE)) {
        while (any_bool()) {
            any_call();
        }
    }
#endif
    vpt_virtio_pci_close(&pci);
    return 0;
}
