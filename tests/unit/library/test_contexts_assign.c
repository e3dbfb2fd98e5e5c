/* SPDX-License-Identifier: MIT */
/* Every call of assign.h and its neighbours, on a function behind the recording port, as contexts.c needs it. */
#include "contexts_table.h"
#include "pci_setup.h"

#include <assign_port.h>

#define REGIONS      (VPT_ASSIGN_REGIONS(0) + 2u)
#define GUEST_MEMORY UINT64_C(0xfe000000)
#define GUEST_PORTS  0xd000u

static struct vpt_assign_port_host physical;
static struct vpt_assign_device device;
static struct vpt_assign_registry registry;
static struct vpt_assign_remap remap;
static struct vpt_assign_remap_entry entries[64];
static struct vpt_assign_dma space;
static struct vpt_assign_dma_range ranges[4];
static _Alignas(8) uint8_t storage[VPT_ASSIGN_STORAGE_SIZE(256, 0, REGIONS)];
static uint8_t image[VPT_ASSIGN_SNAPSHOT_SIZE(256, 0)];

static enum vpt_status agree(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    return VPT_OK;
}

static const struct vpt_assign_guest guest = { .map = agree, .unmap = agree };

static void pass_time(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
}

static enum vpt_status translate(void *ctx, const struct vpt_pci_address *function,
                                 const struct vpt_assign_dma_range *range)
{
    (void)ctx;
    (void)function;
    (void)range;
    return VPT_OK;
}

static const struct vpt_assign_iommu iommu = { .map = translate, .unmap = translate };

static void open_device(void)
{
    struct vpt_assign_config config = {
        .host = &physical.host, .storage = storage, .storage_size = sizeof(storage), .regions = REGIONS
    };
    struct vpt_assign_capability capability;
    size_t size;

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x100 });
    pci_bar(2, (struct mock_pci_bar){ .size = 0x40, .io = true });
    mock_pci_set(&pci.function, 0x10, 4, (uint32_t)PCI_APERTURE);
    mock_pci_set(&pci.function, 0x18, 4, 0xc001);
    mock_pci_set(&pci.function, 0x04, 4, 0x00100007);
    /* Power management, by which it can be reset. */
    mock_pci_set(&pci.function, 0x34, 1, 0x60);
    mock_pci_set(&pci.function, 0x60, 4, 0x00030001);
    mock_pci_set(&pci.function, 0x64, 4, 0);
    mock_pci_set_writable(&pci.function, 0x64, 2, 3);
    mock_pci_set(&pci.function, 0x3d, 1, 1);
    contexts_record(&pci.bus.port);
    assert_status(vpt_assign_port_init(&physical, &pci.here), VPT_OK);
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE, 0x100), VPT_OK);
    physical.host.delay = pass_time;
    CALL_OK(vpt_assign_storage_size, &config, &size);
    assert_same(size, sizeof(storage));
    CALL_OK(vpt_assign_open, &device, &config);
    CALL_OK(vpt_assign_capability_at, &device, 0, &capability);
    assert_status(CALL(vpt_assign_hide, &device, 0x40), VPT_EMPTY);
    assert_status(CALL(vpt_assign_show, &device, 0x40), VPT_EMPTY);
    CALL_OK(vpt_assign_registry_add, &registry, &device);
    CALL_OK(vpt_assign_acquire, &device, 7, &guest);
}

/* What a hypervisor's exit handlers call. */
static void serve_guest(void)
{
    struct vpt_pci_target target;
    uint64_t data;
    uint32_t value;

    CALL_OK(vpt_pci_decode_ports, 0x80002810u, 0xcfc, 4, &target);
    CALL_OK(vpt_pci_decode_memory, 0, 0, 255, 0x28010, 4, &target);
    CALL_OK(vpt_assign_config_write, &device, 0x10, 4, (uint32_t)GUEST_MEMORY);
    CALL_OK(vpt_assign_config_write, &device, 0x18, 4, GUEST_PORTS);
    CALL_OK(vpt_assign_config_write, &device, 0x04, 2, 0x0007);
    CALL_OK(vpt_assign_config_read, &device, 0x04, 4, &value);
    CALL_OK(vpt_assign_access_read, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY + 16, 4, &data);
    CALL_OK(vpt_assign_access_write, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY + 16, 4, data);
    CALL_OK(vpt_assign_access_read, &device, VPT_ASSIGN_IO, GUEST_PORTS + 8, 2, &data);
    CALL_OK(vpt_assign_access_write, &device, VPT_ASSIGN_IO, GUEST_PORTS + 8, 2, data);
}

static void look_around(void)
{
    const struct vpt_assign_region region = {
        .guest = 0x10000000, .host = 0x20000000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };
    const struct vpt_assign_registers registers = { .command = 0 };
    const struct vpt_pci_address nowhere = { 0, 0, 0, 0 };

    CALL_OK(vpt_assign_region_add, &device, &region);
    CALL_ANY(vpt_assign_region_find, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY);
    CALL_OK(vpt_assign_region_remove, &device, VPT_ASSIGN_MEMORY, region.guest);
    CALL_ANY(vpt_assign_live, &device.layout, &registers, NULL, 0);
    CALL_OK(vpt_assign_check, &device);
    CALL_ANY(vpt_assign_registry_find, &registry, &nowhere);
    CALL_ANY(vpt_assign_registry_next, &registry, NULL);
    CALL_ANY(vpt_assign_registry_next_owned, &registry, 7, NULL);
    CALL_ANY(vpt_assign_virtio_type, 0x1af4, 0x1042, 0);
}

static void interrupt_guest(void)
{
    struct vpt_assign_interrupt interrupt;

    CALL_OK(vpt_assign_remap_init, &remap, entries, COUNT_OF(entries));
    CALL_OK(vpt_assign_remap_add, &remap, 33, &device, VPT_ASSIGN_INTX, 0);
    CALL_OK(vpt_assign_remap_activate, &remap, 33, true);
    CALL_OK(vpt_assign_remap_find, &remap, 33, &interrupt);
    CALL_OK(vpt_assign_deliver, &interrupt);
    CALL_OK(vpt_assign_end_of_interrupt, &device);
    CALL_OK(vpt_assign_raise, &device, VPT_ASSIGN_INTX);
    CALL_OK(vpt_assign_remap_remove, &remap, 33);
}

static void give_memory(void)
{
    const struct vpt_assign_dma_range range = { .guest = 0, .host = 0x40000000, .size = 0x1000 };
    uint64_t unmapped;

    CALL_OK(vpt_assign_dma_init, &space, &iommu, ranges, COUNT_OF(ranges), 4096);
    CALL_OK(vpt_assign_dma_attach, &space, &device);
    CALL_OK(vpt_assign_dma_map, &space, &range);
    CALL_ANY(vpt_assign_dma_find, &space, 0x10);
    CALL_OK(vpt_assign_dma_unmap, &space, 0, 0x1000, &unmapped);
    CALL_OK(vpt_assign_dma_detach, &device);
}

/* For the next owner, who goes on where the one before was. */
static void hand_over(void)
{
    assert_same(CALL(vpt_assign_snapshot_size, &device), sizeof(image));
    CALL_OK(vpt_assign_snapshot_save, &device, image, sizeof(image));
    CALL_OK(vpt_assign_release, &device);
    CALL_OK(vpt_assign_reset, &device);
    CALL_OK(vpt_assign_acquire, &device, 8, &guest);
    CALL_OK(vpt_assign_snapshot_restore, &device, image, sizeof(image));
}

void contexts_use_assignment(void)
{
    open_device();
    serve_guest();
    look_around();
    interrupt_guest();
    give_memory();
    hand_over();
    CALL_OK(vpt_assign_release, &device);
    CALL_OK(vpt_assign_registry_remove, &device);
    CALL_OK(vpt_assign_close, &device);
    vpt_assign_port_release(&physical);
    pci_end();
}
