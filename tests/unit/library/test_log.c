/* SPDX-License-Identifier: MIT */
/* What a kernel's log says of a set-up that failed: which function of the port, which area, how many bytes. */
#include <stddef.h>
#include <string.h>

#include "disk.h"

TestSuite(log, .timeout = 60);

static void assert_logged(const char *subject, enum vpt_status status, size_t bytes)
{
    const struct mock_log_record *log = machine.hal->log;
    bool found = false;

    cr_assert(machine.hal->log_count <= COUNT_OF(machine.hal->log));
    for (size_t i = 0; i < machine.hal->log_count; i++) {
        found = found || (strcmp(log[i].subject, subject) == 0 && log[i].status == status && log[i].bytes == bytes);
    }
    cr_assert(found, "no line of \"%s\", %s, %zu bytes; the first is of \"%s\", %zu", subject, vpt_status_str(status),
              bytes, log[0].subject, log[0].bytes);
    machine.hal->log_count = 0;
}

/* ---- Memory ---- */

#define INDIRECT    1u /* the only area that a queue can be without */
#define DRIVER_AREA 4u
#define DEVICE_AREA 5u

/* In the order in which they are taken from the port; the last two only if handed over. */
static const struct {
    const char *name;
    size_t given; /* offset in the configuration */
} areas[] = {
    { "rings", offsetof(struct vpt_requests_config, memory.rings) },
    [INDIRECT] = { "tables", offsetof(struct vpt_requests_config, memory.indirect) },
    { "state", offsetof(struct vpt_requests_config, memory.private_state) },
    { "slots", offsetof(struct vpt_requests_config, memory.slots) },
    [DRIVER_AREA] = { "avail", offsetof(struct vpt_requests_config, memory.driver_area) },
    [DEVICE_AREA] = { "used", offsetof(struct vpt_requests_config, memory.device_area) },
};

static void refuse(const struct vpt_requests_config *config, enum vpt_status status)
{
    machine.hal->log_count = 0;
    assert_status(vpt_blk_queue_init(&disk.queue[0], &disk.blk, 0, config), status);
}

/* Of queue 0, how many bytes each area has; all of them are given back. */
static void measure(size_t bytes[COUNT_OF(areas)])
{
    const struct vpt_queue *queue = &disk.queue[0].requests.queue;
    uint32_t size = vpt_queue_size(queue);

    bytes[0] = queue->areas[0].memory.size;
    bytes[INDIRECT] = queue->areas[3].memory.size;
    bytes[2] = queue->areas[4].memory.size;
    bytes[3] = queue->areas[5].memory.size;
    bytes[DRIVER_AREA] = VPT_QUEUE_DRIVER_AREA_SIZE(size);
    bytes[DEVICE_AREA] = VPT_QUEUE_DEVICE_AREA_SIZE(size);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        assert_status(vpt_requests_release(&disk.queue[i].requests), VPT_OK);
    }
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
}

TRANSPORT_TEST(log, memory_that_is_not_to_be_had_is_named)
{
    size_t bytes[COUNT_OF(areas)];
    size_t left[COUNT_OF(areas)];

    pair_start(variant->kind, NULL);
    measure(bytes);
    for (uint32_t i = 0; i < DRIVER_AREA; i++) {
        mock_trigger_set(&machine.hal->fail_allocation, i + 1u, i == INDIRECT ? 1u : UINT32_MAX);
        refuse(NULL, i == INDIRECT ? VPT_OK : VPT_RESOURCE_MEMORY);
        assert_logged(areas[i].name, VPT_RESOURCE_MEMORY, bytes[i]);
        if (i == INDIRECT) {
            mock_trigger_set(&machine.hal->fail_allocation, 0, 0);
            measure(left);
            cr_assert(left[INDIRECT] == 0); /* the ring has room for all requests without tables */
        }
    }
    mock_trigger_set(&machine.hal->fail_allocation, 0, 0);
    machine.port->dma_allocate = NULL;
    refuse(NULL, VPT_UNSUPPORTED_PORT);
    assert_logged(areas[0].name, VPT_UNSUPPORTED_PORT, bytes[0]);
    disk_release();
    machine_finish();
}

TRANSPORT_TEST(log, memory_handed_over_that_does_not_suit_is_named)
{
    static _Alignas(4096) uint8_t memory[COUNT_OF(areas)][0x8000];
    bool legacy = machine_kind_legacy(variant->kind);
    size_t bytes[COUNT_OF(areas)];

    pair_start(variant->kind, NULL);
    measure(bytes);
    for (unsigned i = 0; i < (legacy ? DRIVER_AREA : COUNT_OF(areas)); i++) {
        struct vpt_requests_config config = { .requests = 0 };

        for (unsigned n = i < DRIVER_AREA ? i : 0; n <= i; n++) {
            struct vpt_memory piece = { memory[n], 0x100000u * (n + 1u), bytes[n] - (n == i ? 1u : 0u) };

            cr_assert(bytes[n] <= sizeof(memory[n]));
            memcpy((uint8_t *)&config + areas[n].given, &piece, sizeof(piece));
        }
        if (i == DRIVER_AREA) { /* one without the other is no configuration */
            config.memory.device_area = (struct vpt_memory){ memory[DEVICE_AREA], 0x900000u, bytes[DEVICE_AREA] };
        }
        refuse(&config, VPT_CALLER_MEMORY);
        assert_logged(areas[i].name, VPT_CALLER_MEMORY, bytes[i]);
    }
    disk_release();
    machine_finish();
}

/* ---- Functions ---- */

Test(log, a_function_that_the_port_lacks_is_named)
{
    static const struct {
        enum machine_kind kind;
        size_t member;
        const char *name;
    } cases[] = {
        { MACHINE_PCI_MODERN, offsetof(struct vpt_port, config_read), "config_read" },
        { MACHINE_PCI_MODERN, offsetof(struct vpt_port, config_write), "config_write" },
        { MACHINE_PCI_MODERN, offsetof(struct vpt_port, mmio_map), "mmio_map, mmio_unmap" },
        { MACHINE_PCI_MODERN, offsetof(struct vpt_port, mmio_unmap), "mmio_map, mmio_unmap" },
        { MACHINE_PCI_LEGACY, offsetof(struct vpt_port, io_read), "io_read, io_write" },
        { MACHINE_PCI_LEGACY, offsetof(struct vpt_port, io_write), "io_read, io_write" },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        pair_machine(cases[i].kind, NULL);
        memset((uint8_t *)&machine.on_pci.bus.port + cases[i].member, 0, sizeof(void (*)(void)));
        assert_status(disk_bring_up(NULL), VPT_UNSUPPORTED_PORT);
        assert_logged(cases[i].name, VPT_UNSUPPORTED_PORT, 0);
        machine_finish();
    }
}

STARTED_PAIR_TEST(log, a_helper_names_what_keeps_it_from_sharing)
{
    uint8_t sector[SECTOR];

    machine.hal->log_count = 0;
    mock_trigger_set(&machine.hal->fail_share, 1, 1);
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), machine.hal->fail_share_status);
    assert_logged("share", machine.hal->fail_share_status, sizeof(sector));
    machine.port->share = NULL;
    assert_status(vpt_blk_read(&disk.queue[0], 0, sector, sizeof(sector)), VPT_UNSUPPORTED_PORT);
    assert_logged("share, unshare", VPT_UNSUPPORTED_PORT, 0);
}

/* Of the structures the common one comes first. */
Test(log, registers_that_cannot_be_mapped_are_named)
{
    static const struct mock_pci_machine_options options = { .vectors = 3 };

    disk_machine_on(MACHINE_PCI_MODERN, &options);
    machine_fail_map(0);
    assert_status(disk_bring_up(NULL), MAP_FAILED_STATUS);
    assert_logged("mmio_map", MAP_FAILED_STATUS, 64);
    assert_status(vpt_pci_command(&machine.on_pci.address, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    machine_fail_map(0);
    assert_status(vpt_pci_msix_init(&machine.msix, &machine.on_pci.address, &machine.on_pci.bars), MAP_FAILED_STATUS);
    assert_logged("mmio_map", MAP_FAILED_STATUS, 3u * 16u);
    machine_finish();
}

/* ---- A device that is not as it has to be ---- */

TRANSPORT_TEST(log, a_disk_that_is_refused_says_so)
{
    pair_machine(variant->kind, NULL);
    mock_config_set(&machine.model->config, MOCK_BLK_NUM_QUEUES, 2, 0);
    assert_status(disk_bring_up(NULL), VPT_DEVICE_CONFIG);
    assert_logged("bring-up", VPT_DEVICE_CONFIG, 0);
    disk_release();
    machine_finish();
}
