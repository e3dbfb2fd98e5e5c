/* SPDX-License-Identifier: MIT */
/*
 * Kernels of unusual kinds: one whose requests are translated before the library sees them, one with two devices at
 * once.
 */
#include <string.h>

#include "disk.h"

#define PAGE 4096u

TestSuite(embedding, .timeout = 120);

/* ---- Requests that come as device addresses ---- */

#define LIST 12u /* segments of a scatter list */

/* A list's segments, each on a page of its own; the pages between are guards, which nothing may write to. */
static _Alignas(PAGE) uint8_t pages[2u * LIST][PAGE];

/* Pieces of one sector's size together and of any in between: page by page, not in the order of addresses. */
static size_t make_list(struct vpt_segment *list, uint8_t **bytes)
{
    static const uint32_t lengths[LIST] = { 512, 1, 511, 100, 924, 4096, 3, 7, 502, 2048, 1023, 1 };
    size_t total = 0;

    memset(pages, 0x9c, sizeof(pages));
    for (unsigned i = 0; i < LIST; i++) {
        uint32_t offset = lengths[i] == PAGE ? 0 : 37u * i;
        uint64_t address = UINT64_C(0x7000000000) - (uint64_t)i * 3u * PAGE;
        struct vpt_memory memory = mock_hal_register(machine.hal, pages[2u * i], PAGE, address, true);

        cr_assert(memory.address != NULL);
        list[i] = (struct vpt_segment){ memory.device_address + offset, lengths[i] };
        bytes[i] = pages[2u * i] + offset;
        total += lengths[i];
    }
    return total;
}

/* A request by the list, after which it holds what is on the disk. */
static void transfer(enum vpt_blk_operation operation, uint64_t sector, struct vpt_segment *list, uint8_t *const *bytes)
{
    const uint8_t *content = disk_content(sector);

    assert_status(disk_submit(operation, sector, list, LIST, list), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
    assert_status(disk_poll_one(NULL), VPT_OK);
    for (unsigned i = 0; i < LIST; i++) {
        cr_assert(memcmp(bytes[i], content, list[i].length) == 0, "segment %u at %u", i, (unsigned)sector);
        cr_assert(all_bytes(pages[2u * i + 1u], PAGE, 0x9c), "page %u was written past", i);
        content += list[i].length;
    }
}

/* The same list again and again, as a block layer's cache of translated buffers hands it down. */
VARIANT_TEST(embedding, translated_scatter_lists_need_no_share)
{
    struct vpt_requests_config config = { .segments = LIST };
    struct vpt_segment list[LIST];
    struct vpt_segment before[LIST];
    uint8_t *bytes[LIST];
    size_t sectors;

    disk_start(variant, NULL, &config);
    machine.port->share = NULL;
    machine.port->unshare = NULL;
    sectors = make_list(list, bytes) / SECTOR;
    assert_same(sectors * SECTOR, 9728);
    memcpy(before, list, sizeof(list));
    fill(disk_content(0), 2048 * SECTOR, 11);
    for (uint64_t sector = 0; sector < 2000; sector += sectors) {
        transfer(VPT_BLK_READ, sector, list, bytes);
        fill(bytes[5], PAGE, (uint32_t)sector);
        transfer(VPT_BLK_WRITE, sector, list, bytes);
    }
    cr_assert(memcmp(before, list, sizeof(list)) == 0);
    assert_same(machine.hal->shares, 0);
    assert_status(vpt_blk_read(disk.queue, 0, bytes[5], SECTOR), VPT_UNSUPPORTED_PORT);
    disk_end();
}

/* ---- Two devices ---- */

#define BURST 8u
#define BYTES (BURST * SECTOR)

/* A disk by virtio-mmio and one by PCI, each on a machine and a port of its own. */
struct side {
    struct mock_device *model;
    uint8_t *content;
    struct vpt_device *device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_memory data;
};

static struct mock_machine mmio_machine;
static struct mock_pci_machine pci_machine;
static struct vpt_mmio mmio;
static struct vpt_virtio_pci pci;
static struct side sides[2];

static void start_side(struct side *side, struct mock_hal *hal, uint32_t seed)
{
    static uint8_t data[2][BYTES];

    side->data = mock_hal_register_anywhere(hal, data[side - sides], BYTES, true);
    assert_status(vpt_blk_open(&side->blk, &side->queue, side->device), VPT_OK);
    fill(side->content, BYTES, seed);
}

static void start_two(const struct variant *variant)
{
    struct mock_pci_machine_options options = { .machine.completion.mode = MOCK_COMPLETE_BY_RUN,
                                                .legacy = variant->version == 1 };

    variant_options(variant, &options.machine);
    cr_assert(mock_machine_init(&mmio_machine, &options.machine) && mock_pci_machine_init(&pci_machine, &options));
    assert_status(vpt_mmio_probe(&mmio, mmio_machine.port, mmio_machine.mapping, mmio_machine.size), VPT_OK);
    assert_status(vpt_virtio_pci_probe(&pci, &pci_machine.address, &pci_machine.bars, VPT_VIRTIO_PCI_ANY), VPT_OK);
    sides[0] = (struct side){ &mmio_machine.device, mmio_machine.blk.disk, .device = &mmio.device };
    sides[1] = (struct side){ &pci_machine.device, pci_machine.blk.disk, .device = &pci.device };
    start_side(&sides[0], &mmio_machine.hal, 1);
    start_side(&sides[1], &pci_machine.hal, 2);
}

/* Takes `count` completions, of which each must be this device's. */
static void take(struct side *side, unsigned count, enum vpt_status expected)
{
    struct vpt_completion completion;

    for (unsigned i = 0; i < count; i++) {
        assert_status(vpt_requests_poll(&side->queue.requests, &completion), VPT_OK);
        cr_assert(completion.token == side, "another device's request");
        assert_status(completion.status, expected);
    }
    assert_status(vpt_requests_poll(&side->queue.requests, &completion), VPT_EMPTY);
}

/* The same sectors of both, by turns, to the same offsets of the data. */
static void submit_both(void)
{
    for (unsigned i = 0; i < 2 * BURST; i++) {
        struct side *side = &sides[i % 2];
        struct vpt_segment segment = { side->data.device_address + i / 2 * SECTOR, SECTOR };
        struct vpt_blk_request request = { VPT_BLK_READ, i / 2, &segment, 1, 0, NULL };

        assert_status(vpt_blk_submit(&side->queue, &request, side), VPT_OK);
    }
    assert_status(vpt_requests_kick(&sides[1].queue.requests), VPT_OK);
    assert_status(vpt_requests_kick(&sides[0].queue.requests), VPT_OK);
}

static void assert_data(const struct side *side)
{
    cr_assert(memcmp(side->data.address, side->content, BYTES) == 0);
}

static void assert_works(struct side *side)
{
    assert_same(mock_device_run(side->model, BURST), BURST);
    take(side, BURST, VPT_OK);
    assert_data(side);
    assert_status(vpt_device_check(side->device), VPT_OK);
}

/* Resets both, expects so many requests back from each, and finishes. */
static void end_two(unsigned of_mmio, unsigned of_pci)
{
    for (unsigned which = 0; which < 2; which++) {
        enum vpt_status status = vpt_device_reset(sides[which].device);

        cr_assert(status == VPT_OK || vpt_device_gone(sides[which].device));
        take(&sides[which], which == 0 ? of_mmio : of_pci,
             vpt_device_gone(sides[which].device) ? VPT_DEVICE_GONE : VPT_CANCELLED);
        assert_status(vpt_requests_release(&sides[which].queue.requests), VPT_OK);
    }
    (void)vpt_virtio_pci_close(&pci);
    assert_same(mock_machine_finish(&mmio_machine), 0);
    assert_same(mock_pci_machine_finish(&pci_machine), 0);
}

VARIANT_TEST(embedding, two_devices_complete_their_own)
{
    start_two(variant);
    for (unsigned round = 0; round < 200; round++) {
        memset(sides[0].data.address, 0, BYTES);
        memset(sides[1].data.address, 0, BYTES);
        submit_both();
        take(&sides[0], 0, VPT_OK);
        take(&sides[1], 0, VPT_OK);
        for (unsigned i = 0; i < BURST; i++) {
            cr_assert(mock_device_run(sides[1].model, 1) == 1);
            take(&sides[0], i == 0 ? 0 : 1, VPT_OK);
            cr_assert(mock_device_run(sides[0].model, 1) == 1);
            take(&sides[1], 1, VPT_OK);
        }
        take(&sides[0], 1, VPT_OK);
        assert_data(&sides[0]);
        assert_data(&sides[1]);
    }
    end_two(0, 0);
}

VARIANT_TEST(embedding, a_reset_of_one_device_leaves_the_other_at_work)
{
    for (unsigned which = 0; which < 2; which++) {
        start_two(variant);
        submit_both();
        assert_status(vpt_device_reset(sides[which].device), VPT_OK);
        take(&sides[which], BURST, VPT_CANCELLED);
        assert_works(&sides[1 - which]);
        end_two(0, 0);
    }
}

VARIANT_TEST(embedding, a_device_that_lies_takes_no_other_down)
{
    start_two(variant);
    mock_fault_set(&sides[0].model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    submit_both();
    (void)mock_device_run(sides[0].model, BURST);
    assert_status(vpt_requests_poll(&sides[0].queue.requests, &(struct vpt_completion){ 0 }), VPT_DEVICE_USED_ID);
    assert_works(&sides[1]);
    end_two(BURST, 0);
}

VARIANT_TEST(embedding, a_device_that_vanishes_takes_no_other_along)
{
    start_two(variant);
    submit_both();
    mock_fault_set(&sides[1].model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_check(sides[1].device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(sides[1].device));
    assert_works(&sides[0]);
    end_two(0, BURST);
}
