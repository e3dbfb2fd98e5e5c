/* SPDX-License-Identifier: MIT */
/*
 * Kernels of unusual kinds: one whose requests are translated before the library sees them, one with two devices at
 * once.
 */
#include <string.h>

#include "disk.h"

#define PAGE 4096u

TestSuite(embedding, .timeout = 120);

/* ---- Pages that lie apart, for the CPU and for the device ---- */

#define PAGES 96u

/* Every other page is a guard: whatever runs past the end of a page is found there. */
static _Alignas(PAGE) uint8_t pages[2u * PAGES][PAGE];
static struct vpt_memory lent[PAGES];
static unsigned pages_used;

static void guard_pages(void)
{
    memset(pages, 0x9c, sizeof(pages));
    pages_used = 0;
}

/* Backwards for the device, so that no two pages follow each other there either. */
static struct vpt_memory page(struct mock_hal *hal, size_t size)
{
    unsigned n = pages_used++;
    uint64_t address = UINT64_C(0x7000000000) - (uint64_t)n * 3u * PAGE;

    cr_assert(n < PAGES && size <= PAGE, "%zu bytes are no page", size);
    lent[n] = mock_hal_register(hal, pages[2u * n], PAGE, address, true);
    cr_assert(lent[n].address != NULL);
    return lent[n];
}

static void take_pages_back(struct mock_hal *hal)
{
    for (unsigned n = 0; n < pages_used; n++) {
        mock_hal_unregister(hal, &lent[n]);
        cr_assert(all_bytes(pages[2u * n + 1u], PAGE, 0x9c), "page %u was written past", n);
    }
}

/* ---- Requests that come as device addresses ---- */

#define LIST 12u /* segments of a scatter list */

/* Pieces of one sector's size together and of any in between: page by page, not in the order of addresses. */
static size_t make_list(struct mock_hal *hal, struct vpt_segment *list, uint8_t **bytes)
{
    static const uint32_t lengths[LIST] = { 512, 1, 511, 100, 924, 4096, 3, 7, 502, 2048, 1023, 1 };
    size_t total = 0;

    for (unsigned i = 0; i < LIST; i++) {
        uint32_t offset = lengths[i] == PAGE ? 0 : 37u * i;
        struct vpt_memory memory = page(hal, lengths[i] + offset);

        list[i] = (struct vpt_segment){ memory.device_address + offset, lengths[i] };
        bytes[i] = (uint8_t *)memory.address + offset;
        total += lengths[i];
    }
    return total;
}

static void check_list(const struct vpt_segment *list, uint8_t *const *bytes, const uint8_t *content)
{
    for (unsigned i = 0; i < LIST; i++) {
        cr_assert(memcmp(bytes[i], content, list[i].length) == 0, "segment %u", i);
        content += list[i].length;
    }
}

/* The same list again and again, as a block layer's cache of translated buffers hands it down. */
VARIANT_TEST(embedding, translated_scatter_lists_need_no_share)
{
    struct vpt_requests_config config = { .segments = LIST };
    struct mock_hal *hal;
    struct vpt_segment list[LIST];
    struct vpt_segment before[LIST];
    uint8_t *bytes[LIST];
    size_t sectors;

    guard_pages();
    disk_start(variant, NULL, &config);
    hal = machine.hal;
    hal->port.share = NULL;
    hal->port.unshare = NULL;
    sectors = make_list(hal, list, bytes) / SECTOR;
    cr_assert(sectors * SECTOR == 9728);
    memcpy(before, list, sizeof(list));
    fill(disk_content(0), 2048 * SECTOR, 11);
    for (uint64_t sector = 0; sector < 2000; sector += sectors) {
        assert_status(disk_submit(VPT_BLK_READ, sector, list, LIST, list), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        check_list(list, bytes, disk_content(sector));
        fill(bytes[5], PAGE, (uint32_t)sector);
        assert_status(disk_submit(VPT_BLK_WRITE, sector, list, LIST, list), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        check_list(list, bytes, disk_content(sector));
    }
    cr_assert(memcmp(before, list, sizeof(list)) == 0);
    cr_assert(hal->shares == 0);
    assert_status(vpt_blk_read(disk.queue, 0, bytes[5], SECTOR), VPT_UNSUPPORTED_PORT);
    disk_stop();
    take_pages_back(hal);
    machine_finish();
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

static void start_side(unsigned which, struct mock_hal *hal, struct mock_device *model, struct mock_blk *mock_blk,
                       struct vpt_device *device)
{
    static uint8_t data[2][BYTES];
    struct side *side = &sides[which];

    side->model = model;
    side->content = mock_blk->disk;
    side->device = device;
    side->data = mock_hal_register_anywhere(hal, data[which], sizeof(data[which]), true);
    assert_status(vpt_blk_init(&side->blk, device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&side->queue, &side->blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&side->blk.driver), VPT_OK);
    fill(side->content, BYTES, which + 1u);
}

static void start_two(const struct variant *variant)
{
    struct mock_machine_options options = { .completion = { .mode = MOCK_COMPLETE_BY_RUN } };
    struct mock_pci_machine_options pci_options = { .machine = options, .legacy = variant->version == 1 };

    memset(sides, 0, sizeof(sides));
    variant_options(variant, &options);
    cr_assert(mock_machine_init(&mmio_machine, &options) && mock_pci_machine_init(&pci_machine, &pci_options));
    assert_status(vpt_mmio_probe(&mmio, mmio_machine.port, mmio_machine.mapping, mmio_machine.size), VPT_OK);
    assert_status(vpt_virtio_pci_probe(&pci, &pci_machine.address, &pci_machine.bars, VPT_VIRTIO_PCI_ANY), VPT_OK);
    start_side(0, &mmio_machine.hal, &mmio_machine.device, &mmio_machine.blk, &mmio.device);
    start_side(1, &pci_machine.hal, &pci_machine.device, &pci_machine.blk, &pci.device);
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
        (void)mock_device_run(sides[0].model, BURST);
        (void)mock_device_run(sides[1].model, BURST);
        take(&sides[which], BURST, VPT_CANCELLED);
        take(&sides[1 - which], BURST, VPT_OK);
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
    cr_assert(mock_device_run(sides[1].model, BURST) == BURST);
    take(&sides[1], BURST, VPT_OK);
    assert_data(&sides[1]);
    end_two(BURST, 0);
}

VARIANT_TEST(embedding, a_device_that_vanishes_takes_no_other_along)
{
    start_two(variant);
    submit_both();
    mock_fault_set(&sides[1].model->faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_check(sides[1].device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(sides[1].device) && !vpt_device_gone(sides[0].device));
    cr_assert(mock_device_run(sides[0].model, BURST) == BURST);
    take(&sides[0], BURST, VPT_OK);
    assert_status(vpt_device_check(sides[0].device), VPT_OK);
    end_two(0, BURST);
}
