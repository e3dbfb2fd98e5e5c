/* SPDX-License-Identifier: MIT */
/*
 * Kernels of unusual kinds: one whose requests are translated before the library sees them, one with two devices at
 * once.
 */
#include <string.h>

#include "virtio_pci_support.h"

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
    struct mock_hal *hal = &disk.machine.hal;
    struct vpt_segment list[LIST];
    struct vpt_segment before[LIST];
    uint8_t *bytes[LIST];
    size_t sectors;

    guard_pages();
    disk_start(variant, NULL, &config);
    hal->port.share = NULL;
    hal->port.unshare = NULL;
    sectors = make_list(hal, list, bytes) / SECTOR;
    cr_assert(sectors * SECTOR == 9728);
    memcpy(before, list, sizeof(list));
    fill(disk_content(0), 2048 * SECTOR, 11);
    for (uint64_t sector = 0; sector < 2000; sector += sectors) {
        assert_status(disk_submit(VPT_BLK_READ, sector, list, LIST, list), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        check_list(list, bytes, disk_content(sector));
        fill(bytes[5], PAGE, (uint32_t)sector);
        assert_status(disk_submit(VPT_BLK_WRITE, sector, list, LIST, list), VPT_OK);
        assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        assert_status(disk_poll_one(NULL), VPT_OK);
        check_list(list, bytes, disk_content(sector));
    }
    cr_assert(memcmp(before, list, sizeof(list)) == 0);
    cr_assert(hal->shares == 0);
    assert_status(vpt_blk_read(&disk.queue, 0, bytes[5], SECTOR), VPT_UNSUPPORTED_PORT);
    disk_stop();
    take_pages_back(hal);
    disk_finish();
}

/* ---- Two devices ---- */

#define BURST 8u

/* A disk by virtio-mmio and one by PCI: `disk` and `card`, each on a machine and a port of its own. */
static void start_two(const struct variant *variant)
{
    struct mock_machine_options slow = { .completion = { .mode = MOCK_COMPLETE_BY_RUN } };
    struct mock_pci_machine_options slow_card = { .machine = slow };

    disk_start(variant, &slow, NULL);
    card_start(variant->version == 1 ? CARD_LEGACY : CARD_MODERN, &slow_card);
    fill(disk_content(0), 64 * SECTOR, 1);
    fill(card_content(0), 64 * SECTOR, 2);
}

/* The same sectors of both, by turns, to the same offsets of the data. */
static void submit_both(void)
{
    for (size_t i = 0; i < BURST; i++) {
        assert_status(disk_submit_one(VPT_BLK_READ, i, i * SECTOR, SECTOR, &disk), VPT_OK);
        assert_status(card_submit(VPT_BLK_READ, i, i * SECTOR, SECTOR, &card), VPT_OK);
    }
    assert_status(vpt_requests_kick(&card.queue.requests), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
}

/* Takes `count` completions, of which each must have this token. */
static void take(struct vpt_blk_queue *queue, unsigned count, const void *token, enum vpt_status expected)
{
    struct vpt_completion completion;

    for (unsigned i = 0; i < count; i++) {
        assert_status(vpt_requests_poll(&queue->requests, &completion), VPT_OK);
        cr_assert(completion.token == token, "another device's request");
        assert_status(completion.status, expected);
    }
}

static void check_data(void)
{
    cr_assert(memcmp(disk_bytes(0), disk_content(0), BURST * SECTOR) == 0);
    cr_assert(memcmp(card_bytes(0), card_content(0), BURST * SECTOR) == 0);
}

VARIANT_TEST(embedding, two_devices_complete_their_own)
{
    struct vpt_completion completion;

    start_two(variant);
    for (unsigned round = 0; round < 200; round++) {
        memset(disk_bytes(0), 0, BURST * SECTOR);
        memset(card_bytes(0), 0, BURST * SECTOR);
        submit_both();
        assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
        assert_status(vpt_requests_poll(&card.queue.requests, &completion), VPT_EMPTY);
        for (unsigned i = 0; i < BURST; i++) {
            cr_assert(mock_device_run(&card.machine.device, 1) == 1);
            assert_status(vpt_requests_poll(&disk.queue.requests, &completion), i == 0 ? VPT_EMPTY : VPT_OK);
            cr_assert(i == 0 || completion.token == &disk);
            cr_assert(mock_device_run(&disk.machine.device, 1) == 1);
            take(&card.queue, 1, &card, VPT_OK);
        }
        take(&disk.queue, 1, &disk, VPT_OK);
        check_data();
    }
    disk_end();
    card_end();
}

VARIANT_TEST(embedding, a_reset_of_one_device_leaves_the_other_at_work)
{
    for (unsigned which = 0; which < 2; which++) {
        start_two(variant);
        submit_both();
        assert_status(vpt_device_reset(which == 0 ? disk.device : card.device), VPT_OK);
        (void)mock_device_run(&disk.machine.device, BURST);
        (void)mock_device_run(&card.machine.device, BURST);
        take(&disk.queue, BURST, &disk, which == 0 ? VPT_CANCELLED : VPT_OK);
        take(&card.queue, BURST, &card, which == 1 ? VPT_CANCELLED : VPT_OK);
        disk_end();
        card_end();
    }
}

VARIANT_TEST(embedding, a_device_that_lies_takes_no_other_down)
{
    start_two(variant);
    mock_fault_set(&disk.machine.device.faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    submit_both();
    (void)mock_device_run(&disk.machine.device, BURST);
    assert_status(vpt_requests_poll(&disk.queue.requests, &(struct vpt_completion){ 0 }), VPT_DEVICE_USED_ID);
    cr_assert(mock_device_run(&card.machine.device, BURST) == BURST);
    take(&card.queue, BURST, &card, VPT_OK);
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    cr_assert(disk_drain() == BURST);
    cr_assert(memcmp(card_bytes(0), card_content(0), BURST * SECTOR) == 0);
    disk_end();
    card_end();
}

VARIANT_TEST(embedding, a_device_that_vanishes_takes_no_other_along)
{
    start_two(variant);
    submit_both();
    mock_fault_set(&card.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    assert_status(vpt_device_check(card.device), VPT_DEVICE_GONE);
    cr_assert(vpt_device_gone(card.device) && !vpt_device_gone(disk.device));
    cr_assert(mock_device_run(&disk.machine.device, BURST) == BURST);
    take(&disk.queue, BURST, &disk, VPT_OK);
    assert_status(vpt_device_check(disk.device), VPT_OK);
    disk_end();
    (void)vpt_device_reset(card.device);
    cr_assert(card_drain() == BURST);
    assert_status(vpt_requests_release(&card.queue.requests), VPT_OK);
    vpt_virtio_pci_close(&card.pci);
    (void)mock_pci_machine_finish(&card.machine);
}
