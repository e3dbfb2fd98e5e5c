/* SPDX-License-Identifier: MIT */
/* A kernel whose requests are translated before the library sees them. */
#include <string.h>

#include "disk.h"

#define PAGE 4096u

TestSuite(embedding, .timeout = 120);

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
