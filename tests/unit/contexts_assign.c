/* SPDX-License-Identifier: MIT */
/* Every call of assign.h, on a function behind the recording port, as contexts.c needs it. */
#include "contexts_table.h"
#include "pci_room.h"

#define REGIONS      (VPT_ASSIGN_REGIONS(0) + 2u)
#define GUEST_MEMORY UINT64_C(0xfe000000)
#define GUEST_PORTS  0xd000u

static struct vpt_assign_port_host physical;
static struct vpt_assign_device device;
static struct vpt_assign_registry registry;
static _Alignas(8) uint8_t storage[VPT_ASSIGN_STORAGE_SIZE(256, 0, REGIONS)];

static uint32_t window_read(void *front_end, size_t offset, unsigned width)
{
    (void)front_end;
    (void)offset;
    return 0xffu >> (8 * (width & 1u));
}

static void window_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    (void)front_end;
    (void)offset;
    (void)width;
    (void)value;
}

static const struct mock_window_ops window_ops = { window_read, window_write };

static enum vpt_status agree(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    return VPT_OK;
}

static const struct vpt_assign_guest guest = { NULL, agree, agree };

static void open_device(void)
{
    struct vpt_assign_config config = { .host = &physical.host, .storage = storage, .storage_size = sizeof(storage),
                                        .regions = REGIONS };
    struct vpt_assign_capability capability;

    room_begin(0);
    room_bar(0, (struct mock_pci_bar){ .size = 0x100, .ops = &window_ops });
    room_bar(2, (struct mock_pci_bar){ .size = 0x40, .io = true, .ops = &window_ops });
    mock_pci_set(&room.function, 0x10, 4, (uint32_t)ROOM_APERTURE);
    mock_pci_set(&room.function, 0x18, 4, 0xc001);
    mock_pci_set(&room.function, 0x04, 2, 0x0003);
    contexts_record(&room.bus.port);
    room.here.port = &contexts.port;
    assert_status(CALL(vpt_assign_port_init, &physical, &room.here), VPT_OK);
    assert_status(CALL(vpt_assign_port_map, &physical, ROOM_APERTURE, 0x100), VPT_OK);
    assert_status(CALL(vpt_assign_open, &device, &config), VPT_OK);
    assert_status(CALL(vpt_assign_capability_at, &device, 0, &capability), VPT_EMPTY);
    assert_status(CALL(vpt_assign_hide, &device, 0x40), VPT_EMPTY);
    assert_status(CALL(vpt_assign_show, &device, 0x40), VPT_EMPTY);
    assert_status(CALL(vpt_assign_registry_add, &registry, &device), VPT_OK);
    assert_status(CALL(vpt_assign_acquire, &device, 7, &guest), VPT_OK);
}

/* What a hypervisor's exit handlers call. */
static void serve_guest(void)
{
    struct vpt_assign_target target;
    uint64_t data;
    uint32_t value;

    assert_status(CALL(vpt_assign_decode_ports, 0x80002810u, 0xcfc, 4, &target), VPT_OK);
    assert_status(CALL(vpt_assign_decode_memory, 0, 0, 255, 0x28010, 4, &target), VPT_OK);
    assert_status(CALL(vpt_assign_config_write, &device, 0x10, 4, (uint32_t)GUEST_MEMORY), VPT_OK);
    assert_status(CALL(vpt_assign_config_write, &device, 0x18, 4, GUEST_PORTS), VPT_OK);
    assert_status(CALL(vpt_assign_config_write, &device, 0x04, 2, 0x0007), VPT_OK);
    assert_status(CALL(vpt_assign_config_read, &device, 0x04, 4, &value), VPT_OK);
    assert_status(CALL(vpt_assign_access_read, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY + 16, 4, &data), VPT_OK);
    assert_status(CALL(vpt_assign_access_write, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY + 16, 4, data), VPT_OK);
    assert_status(CALL(vpt_assign_access_read, &device, VPT_ASSIGN_IO, GUEST_PORTS + 8, 2, &data), VPT_OK);
    assert_status(CALL(vpt_assign_access_write, &device, VPT_ASSIGN_IO, GUEST_PORTS + 8, 2, data), VPT_OK);
}

static void look_around(void)
{
    const struct vpt_assign_region region = { .guest = 0x10000000, .host = 0x20000000, .size = 0x1000,
                                              .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR };
    const struct vpt_pci_address nowhere = { 0, 0, 0, 0 };

    assert_status(CALL(vpt_assign_region_add, &device, &region), VPT_OK);
    CALL_VOID(vpt_assign_region_find, &device, VPT_ASSIGN_MEMORY, GUEST_MEMORY);
    assert_status(CALL(vpt_assign_region_remove, &device, VPT_ASSIGN_MEMORY, region.guest), VPT_OK);
    CALL_VOID(vpt_assign_live, &device.layout, &device.applied, NULL, 0);
    assert_status(CALL(vpt_assign_check, &device), VPT_OK);
    CALL_VOID(vpt_assign_registry_find, &registry, &nowhere);
    CALL_VOID(vpt_assign_registry_next, &registry, NULL);
    CALL_VOID(vpt_assign_registry_next_owned, &registry, 7, NULL);
    CALL_VOID(vpt_assign_virtio_type, 0x1af4, 0x1042, 0);
}

void contexts_use_assignment(void)
{
    open_device();
    serve_guest();
    look_around();
    assert_status(CALL(vpt_assign_release, &device), VPT_OK);
    assert_status(CALL(vpt_assign_registry_remove, &device), VPT_OK);
    assert_status(CALL(vpt_assign_close, &device), VPT_OK);
    CALL_VOID(vpt_assign_port_release, &physical);
    room_end();
}
