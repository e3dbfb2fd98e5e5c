/* SPDX-License-Identifier: MIT */
/* What assigned devices reach of a guest's memory, against a table of pages. */
#include <string.h>

#include "support.h"

#include <vpt/assign_dma.h>

TestSuite(assign_dma);

#define PAGE     4096u
#define PAGES    24u
#define DEVICES  3u
#define CAPACITY 7u
#define FAILURE  ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 5))

/* The universe is these pages from `base` on: what is there by the test's books, and what a function reaches. */
struct page {
    unsigned id; /* of a range; 0: nothing is there */
    bool reserved;
    bool read_only;
    uint64_t host;
};

static struct world {
    uint64_t base;
    struct page page[PAGES];
    bool attached[DEVICES];
    unsigned ids;

    struct page reached[DEVICES][PAGES];
    unsigned calls;
    unsigned fail_first; /* the call of this number fails, from 1; 0: none does */
    unsigned fail_also;  /* and this one */
    unsigned failed;
    unsigned violations;

    struct vpt_assign_iommu iommu;
    struct vpt_assign_dma dma;
    struct vpt_assign_dma_range ranges[CAPACITY];
    struct vpt_assign_device device[DEVICES];
} w;

/* ---- The IOMMU ---- */

static bool fails(void)
{
    bool result;

    w.calls++;
    result = w.calls == w.fail_first || w.calls == w.fail_also;
    w.failed += result;
    return result;
}

/* The first page of a range, which lies in the universe, and the device. */
static struct page *begin(void *ctx, const struct vpt_pci_address *function, const struct vpt_assign_dma_range *range)
{
    cr_assert(ctx == &w && function->device < DEVICES && function == &w.device[function->device].address);
    cr_assert(range->size != 0 && range->size % PAGE == 0 && range->guest % PAGE == 0 && range->host % PAGE == 0);
    cr_assert(range->guest - w.base < PAGES * PAGE && range->size <= PAGES * PAGE - (range->guest - w.base));
    w.violations += range->reserved;
    return &w.reached[function->device][(range->guest - w.base) / PAGE];
}

static enum vpt_status map(void *ctx, const struct vpt_pci_address *function, const struct vpt_assign_dma_range *range)
{
    struct page *page = begin(ctx, function, range);

    if (fails()) {
        return FAILURE;
    }
    for (unsigned i = 0; i < range->size / PAGE; i++) {
        w.violations += page[i].id != 0;
        page[i] = (struct page){ 1, false, range->read_only, range->host + i * PAGE };
    }
    return VPT_OK;
}

/* What is unmapped was mapped just so, unless the space is degraded. */
static enum vpt_status unmap(void *ctx, const struct vpt_pci_address *function,
                             const struct vpt_assign_dma_range *range)
{
    struct page *page = begin(ctx, function, range);

    if (fails()) {
        return FAILURE;
    }
    for (unsigned i = 0; i < range->size / PAGE; i++) {
        bool there = page[i].id != 0 && page[i].host == range->host + i * PAGE && page[i].read_only == range->read_only;

        w.violations += !there && !w.dma.degraded;
        page[i].id = 0;
    }
    return VPT_OK;
}

/* ---- Set-up ---- */

static void set_up_at(uint64_t base)
{
    memset(&w, 0, sizeof(w));
    w.base = base;
    w.iommu = (struct vpt_assign_iommu){ &w, map, unmap };
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, w.ranges, CAPACITY, 0), VPT_OK);
    for (unsigned i = 0; i < DEVICES; i++) {
        w.device[i].address.device = (uint8_t)i;
        w.device[i].owned = true;
        w.device[i].owner = 7;
    }
}

static void set_up(void)
{
    set_up_at(0);
}

static void fail(unsigned first, unsigned also)
{
    w.calls = 0;
    w.failed = 0;
    w.fail_first = first;
    w.fail_also = also;
}

/* ---- The books of the test ---- */

static unsigned ranges_there(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        count += w.page[i].id != 0 && (i == 0 || w.page[i - 1].id != w.page[i].id);
    }
    return count;
}

static enum vpt_status model_map(unsigned first, unsigned count, const struct page *page)
{
    for (unsigned i = first; i < first + count; i++) {
        if (w.page[i].id != 0) {
            return VPT_REFUSED;
        }
    }
    if (ranges_there() == CAPACITY) {
        return VPT_RESOURCE_FULL;
    }
    w.ids++;
    for (unsigned i = 0; i < count; i++) {
        w.page[first + i] = *page;
        w.page[first + i].id = w.ids;
        w.page[first + i].host += i * PAGE;
    }
    return VPT_OK;
}

static enum vpt_status model_unmap(unsigned first, unsigned count, uint64_t *unmapped)
{
    bool cut = (first > 0 && w.page[first].id != 0 && w.page[first - 1].id == w.page[first].id) ||
               (first + count < PAGES && w.page[first + count].id != 0 &&
                w.page[first + count - 1].id == w.page[first + count].id);

    *unmapped = 0;
    for (unsigned i = first; i < first + count && !cut; i++) {
        *unmapped += w.page[i].id != 0 ? PAGE : 0;
        w.page[i].id = 0;
    }
    return cut ? VPT_REFUSED : VPT_OK;
}

static bool nobody_attached(void)
{
    return !w.attached[0] && !w.attached[1] && !w.attached[2];
}

static void model_detach(unsigned device)
{
    w.attached[device] = false;
    for (unsigned i = 0; i < PAGES && nobody_attached(); i++) {
        w.page[i].id = w.page[i].reserved ? w.page[i].id : 0;
    }
}

/* The space and what functions reach are what the test's books say. */
static void check(void)
{
    cr_assert(w.violations == 0 && !w.dma.degraded);
    cr_assert(w.dma.count == ranges_there(), "%u ranges, not %u", w.dma.count, ranges_there());
    for (unsigned i = 0; i < PAGES; i++) {
        const struct page *page = &w.page[i];
        const struct vpt_assign_dma_range *range = vpt_assign_dma_find(&w.dma, w.base + i * PAGE);

        cr_assert(range == vpt_assign_dma_find(&w.dma, w.base + i * PAGE + PAGE - 1));
        cr_assert((range != NULL) == (page->id != 0), "page %u", i);
        if (range != NULL) {
            cr_assert(range->reserved == page->reserved);
            cr_assert(page->reserved || range->host + (w.base + i * PAGE - range->guest) == page->host);
        }
        for (unsigned d = 0; d < DEVICES; d++) {
            const struct page *reached = &w.reached[d][i];
            bool expected = w.attached[d] && page->id != 0 && !page->reserved;

            cr_assert((reached->id != 0) == expected, "device %u, page %u", d, i);
            cr_assert(!expected || (reached->host == page->host && reached->read_only == page->read_only));
        }
    }
    for (unsigned d = 0; d < DEVICES; d++) {
        cr_assert((w.device[d].dma == &w.dma) == w.attached[d]);
    }
}

/* ---- Operations on both ---- */

static enum vpt_status range_map(unsigned first, unsigned count, struct page page)
{
    struct vpt_assign_dma_range range = { w.base + first * PAGE, page.host, count * PAGE, page.read_only,
                                          page.reserved };
    struct page before[PAGES];
    enum vpt_status expected;
    enum vpt_status status;

    memcpy(before, w.page, sizeof(before));
    expected = model_map(first, count, &page);
    status = vpt_assign_dma_map(&w.dma, &range);
    if (w.failed != 0) {
        memcpy(w.page, before, sizeof(before));
        return status;
    }
    assert_status(status, expected);
    return status;
}

static enum vpt_status range_unmap(unsigned first, unsigned count)
{
    struct page before[PAGES];
    enum vpt_status expected;
    enum vpt_status status;
    uint64_t total;
    uint64_t unmapped = 99;

    memcpy(before, w.page, sizeof(before));
    expected = model_unmap(first, count, &total);
    status = vpt_assign_dma_unmap(&w.dma, w.base + first * PAGE, count * PAGE, &unmapped);
    if (w.failed != 0) {
        memcpy(w.page, before, sizeof(before));
        cr_assert(unmapped == 0);
        return status;
    }
    assert_status(status, expected);
    cr_assert(unmapped == (status == VPT_OK ? total : 0));
    return status;
}

static enum vpt_status attach(unsigned device)
{
    enum vpt_status expected = w.attached[device] ? VPT_CALLER_STATE : VPT_OK;
    enum vpt_status status = vpt_assign_dma_attach(&w.dma, &w.device[device]);

    if (w.failed == 0) {
        assert_status(status, expected);
        w.attached[device] = true;
    }
    return status;
}

static enum vpt_status detach(unsigned device)
{
    enum vpt_status expected = w.attached[device] ? VPT_OK : VPT_CALLER_STATE;
    enum vpt_status status = vpt_assign_dma_detach(&w.device[device]);

    if (w.failed == 0) {
        assert_status(status, expected);
    }
    if (status == VPT_OK) {
        model_detach(device);
    }
    return status;
}

static const struct page memory = { .host = 0x40000000 };
static const struct page constant = { .host = 0x50000000, .read_only = true };
static const struct page window = { .reserved = true };

/* Two devices, three ranges, a window between the second and the third. */
static void set_up_some(void)
{
    set_up();
    assert_status(attach(0), VPT_OK);
    assert_status(attach(1), VPT_OK);
    assert_status(range_map(10, 4, memory), VPT_OK);
    assert_status(range_map(2, 2, constant), VPT_OK);
    assert_status(range_map(14, 1, window), VPT_OK);
    assert_status(range_map(15, 3, memory), VPT_OK);
    check();
}

/* ---- Rules ---- */

Test(assign_dma, set_up_arguments)
{
    struct vpt_assign_iommu half = { &w, map, NULL };

    set_up();
    assert_status(vpt_assign_dma_init(NULL, &w.iommu, w.ranges, 1, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_init(&w.dma, NULL, w.ranges, 1, 0), VPT_CALLER_ARGUMENT);
    cr_assert(w.dma.iommu == NULL && w.dma.ranges == NULL && w.dma.count == 0 && w.dma.first == NULL);
    assert_status(vpt_assign_dma_init(&w.dma, &half, w.ranges, 1, 0), VPT_CALLER_ARGUMENT);
    half = (struct vpt_assign_iommu){ &w, NULL, unmap };
    assert_status(vpt_assign_dma_init(&w.dma, &half, w.ranges, 1, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, NULL, 1, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, w.ranges, 1, 0x3000), VPT_CALLER_ARGUMENT);
    cr_assert(w.dma.iommu == NULL && w.dma.ranges == NULL && w.dma.count == 0 && w.dma.first == NULL);
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, w.ranges, 1, 0x10000), VPT_OK);
}

/* Of nothing, and of a space that was not made. */
Test(assign_dma, arguments)
{
    static struct vpt_assign_dma none;
    struct vpt_assign_dma_range range = { 0, 0, PAGE, false, false };
    uint64_t unmapped = 99;

    set_up();
    assert_status(vpt_assign_dma_map(NULL, &range), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_map(&none, &range), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_map(&w.dma, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_unmap(NULL, 0, PAGE, &unmapped), VPT_CALLER_ARGUMENT);
    cr_assert(unmapped == 0);
    assert_status(vpt_assign_dma_unmap(&none, 0, PAGE, &unmapped), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_unmap(&w.dma, 0, PAGE, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(NULL, &w.device[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(&none, &w.device[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(&w.dma, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_detach(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_detach(&w.device[0]), VPT_CALLER_STATE);
    cr_assert(vpt_assign_dma_find(NULL, 0) == NULL && vpt_assign_dma_find(&none, 0) == NULL);
    cr_assert(w.calls == 0 && w.dma.count == 0);
}

Test(assign_dma, whole_pages_on_both_sides)
{
    static const struct vpt_assign_dma_range ranges[] = {
        { 0x800, 0, PAGE, false, false }, { 0, 0x800, PAGE, false, false }, { 0, 0, PAGE + 1, false, false },
        { 0, 0, 1, false, true },         { 1, 0, PAGE, false, true },      { PAGE / 2, PAGE / 2, PAGE, false, false },
    };
    uint64_t unmapped;

    set_up();
    for (unsigned i = 0; i < COUNT_OF(ranges); i++) {
        assert_status(vpt_assign_dma_map(&w.dma, &ranges[i]), VPT_CALLER_ALIGNMENT);
    }
    assert_status(vpt_assign_dma_unmap(&w.dma, 1, PAGE, &unmapped), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_assign_dma_unmap(&w.dma, 0, PAGE - 1, &unmapped), VPT_CALLER_ALIGNMENT);
    check();
    /* What a window has as its host address is nobody's concern. */
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ 0, 1, PAGE, false, true }), VPT_OK);
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, w.ranges, 1, 0x10000), VPT_OK);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ PAGE, 0, 0x10000, false, false }),
                  VPT_CALLER_ALIGNMENT);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ 0x10000, 0, 0x10000, false, false }),
                  VPT_OK);
}

Test(assign_dma, within_the_address_spaces)
{
    const uint64_t last = UINT64_MAX - (PAGE - 1);
    uint64_t unmapped = 99;

    set_up_at(0 - (uint64_t)PAGES * PAGE);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ 0, 0, 0, false, false }),
                  VPT_CALLER_RANGE);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ last, 0, 2 * PAGE, false, false }),
                  VPT_CALLER_RANGE);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ 0, last, 2 * PAGE, false, false }),
                  VPT_CALLER_RANGE);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ last, 0, 2 * PAGE, false, true }),
                  VPT_CALLER_RANGE);
    assert_status(vpt_assign_dma_unmap(&w.dma, 0, 0, &unmapped), VPT_CALLER_RANGE);
    assert_status(vpt_assign_dma_unmap(&w.dma, last, 2 * PAGE, &unmapped), VPT_CALLER_RANGE);
    check();
    /* The last page of both is one. */
    assert_status(attach(0), VPT_OK);
    assert_status(range_map(PAGES - 1, 1, (struct page){ .host = last }), VPT_OK);
    check();
    cr_assert(vpt_assign_dma_find(&w.dma, UINT64_MAX) != NULL && vpt_assign_dma_find(&w.dma, last - 1) == NULL);
    assert_status(range_map(0, PAGES, memory), VPT_REFUSED);
    assert_status(range_unmap(0, PAGES), VPT_OK);
    check();
    assert_status(range_map(0, PAGES, memory), VPT_OK);
    check();
}

/* Nearly all of an address space. */
Test(assign_dma, one_of_nearly_all)
{
    struct vpt_assign_dma_range all = { 0, 0, 0 - (uint64_t)PAGE, false, false };
    uint64_t unmapped;

    set_up();
    assert_status(vpt_assign_dma_map(&w.dma, &all), VPT_OK);
    all.guest = 0 - (uint64_t)PAGE;
    all.size = PAGE;
    assert_status(vpt_assign_dma_map(&w.dma, &all), VPT_OK);
    cr_assert(vpt_assign_dma_find(&w.dma, all.guest - 1) == &w.ranges[0]);
    cr_assert(vpt_assign_dma_find(&w.dma, all.guest) == &w.ranges[1]);
    assert_status(vpt_assign_dma_unmap(&w.dma, PAGE, 0 - (uint64_t)PAGE, &unmapped), VPT_REFUSED);
    assert_status(vpt_assign_dma_unmap(&w.dma, 0, 0 - (uint64_t)PAGE, &unmapped), VPT_OK);
    cr_assert(unmapped == 0 - (uint64_t)PAGE && w.dma.count == 1);
}

/* Every unmap of a space with ranges side by side, with gaps, and with a window. */
Test(assign_dma, each_unmap)
{
    for (unsigned first = 0; first < PAGES; first++) {
        for (unsigned count = 1; count <= PAGES - first; count++) {
            set_up_some();
            (void)range_unmap(first, count);
            check();
        }
    }
    set_up_some();
    assert_status(range_unmap(10, 4), VPT_OK);
    assert_status(range_unmap(11, 3), VPT_OK);
    assert_status(range_unmap(0, 16), VPT_REFUSED);
    assert_status(range_unmap(0, 18), VPT_OK);
    cr_assert(w.dma.count == 0);
}

Test(assign_dma, as_many_as_there_is_room_for)
{
    set_up();
    assert_status(attach(0), VPT_OK);
    for (unsigned i = 0; i < CAPACITY; i++) {
        assert_status(range_map(PAGES - 1 - 2 * i, 1, (i & 1) != 0 ? window : memory), VPT_OK);
    }
    w.calls = 0;
    assert_status(range_map(0, 1, memory), VPT_RESOURCE_FULL);
    assert_status(range_map(0, 1, window), VPT_RESOURCE_FULL);
    assert_status(range_map(PAGES - 1, 1, memory), VPT_REFUSED);
    cr_assert(w.calls == 0);
    check();
    assert_status(range_unmap(PAGES - 1, 1), VPT_OK);
    assert_status(range_map(0, 1, memory), VPT_OK);
    check();
    /* A space of none is one of windows and ranges that are never there. */
    assert_status(vpt_assign_dma_init(&w.dma, &w.iommu, w.ranges, 0, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&w.dma, &(struct vpt_assign_dma_range){ 0, 0, PAGE, false, true }),
                  VPT_RESOURCE_FULL);
}

/* ---- Devices ---- */

Test(assign_dma, of_one_owner)
{
    static struct vpt_assign_dma other;
    static struct vpt_assign_dma_range room[1];

    set_up_some();
    w.device[2].owned = false;
    assert_status(vpt_assign_dma_attach(&w.dma, &w.device[2]), VPT_CALLER_STATE);
    w.device[2].owned = true;
    w.device[2].owner = 8;
    w.calls = 0;
    assert_status(vpt_assign_dma_attach(&w.dma, &w.device[2]), VPT_CALLER_OWNED);
    cr_assert(w.calls == 0);
    check();
    assert_status(vpt_assign_dma_init(&other, &w.iommu, room, 1, 0), VPT_OK);
    assert_status(vpt_assign_dma_attach(&other, &w.device[1]), VPT_CALLER_STATE);
    check();
    assert_status(detach(0), VPT_OK);
    assert_status(detach(1), VPT_OK);
    /* Nobody's any more. */
    w.attached[2] = true;
    assert_status(vpt_assign_dma_attach(&w.dma, &w.device[2]), VPT_OK);
    check();
}

/* ---- Failures ---- */

static enum vpt_status operate(unsigned operation)
{
    switch (operation) {
    case 0: return range_map(5, 4, memory);
    case 1: return range_unmap(2, 16);
    case 2: return attach(2);
    default: return detach(1);
    }
}

/* What may be reached is a range, by a device that is attached. */
static void check_degraded(void)
{
    cr_assert(w.violations == 0 && w.dma.degraded);
    for (unsigned d = 0; d < DEVICES; d++) {
        for (unsigned i = 0; i < PAGES; i++) {
            const struct vpt_assign_dma_range *range = vpt_assign_dma_find(&w.dma, w.base + i * PAGE);

            if (w.reached[d][i].id != 0) {
                cr_assert(range != NULL && !range->reserved && w.device[d].dma == &w.dma);
                cr_assert(range->host + (w.base + i * PAGE - range->guest) == w.reached[d][i].host);
            }
        }
    }
}

/* A degraded space lets nothing be done but devices leave; then it is as any other. */
static void leave_degraded(void)
{
    struct vpt_assign_dma_range range = { w.base, 0, PAGES * PAGE, false, false };
    struct vpt_assign_device late = { .owned = true, .owner = 7 };
    uint64_t unmapped = 99;

    check_degraded();
    fail(0, 0);
    assert_status(vpt_assign_dma_unmap(&w.dma, range.guest, range.size, &unmapped), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_dma_map(&w.dma, &range), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_dma_attach(&w.dma, &late), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(w.calls == 0 && unmapped == 0 && late.dma == NULL);
    for (unsigned d = 0; d < DEVICES; d++) {
        if (w.device[d].dma != NULL) {
            check_degraded();
            assert_status(vpt_assign_dma_detach(&w.device[d]), VPT_OK);
        }
        model_detach(d);
    }
    check();
}

Test(assign_dma, each_pair_of_failures)
{
    unsigned degraded = 0;

    for (unsigned operation = 0; operation < 4; operation++) {
        for (unsigned k = 1; k <= 6; k++) {
            for (unsigned n = 1; n <= 6; n++) {
                enum vpt_status status;

                set_up_some();
                fail(k, k + n);
                status = operate(operation);
                cr_assert((status == VPT_DEVICE_ASSIGN_DEGRADED) == w.dma.degraded);
                if (w.dma.degraded) {
                    degraded++;
                    leave_degraded();
                } else {
                    cr_assert(status == FAILURE || w.failed == 0);
                    check();
                }
            }
        }
    }
    cr_assert(degraded == 1 + 15 + 3 + 3, "%u", degraded);
}

/* A device that leaves a space and fails to, again and again. */
Test(assign_dma, failures_upon_failures)
{
    set_up_some();
    assert_status(attach(2), VPT_OK);
    fail(9, 0);
    assert_status(range_unmap(2, 16), FAILURE);
    cr_assert(w.calls == 17 && w.failed == 1, "nine of which one failed, and eight to undo them");
    check();
    fail(3, 5);
    assert_status(detach(0), VPT_DEVICE_ASSIGN_DEGRADED);
    cr_assert(w.calls == 5 && w.device[0].dma == &w.dma);
    check_degraded();
    fail(1, 0);
    assert_status(vpt_assign_dma_detach(&w.device[0]), FAILURE);
    check_degraded();
    fail(3, 4);
    assert_status(vpt_assign_dma_detach(&w.device[0]), VPT_DEVICE_ASSIGN_DEGRADED);
    check_degraded();
    leave_degraded();
}

/* ---- At random ---- */

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static enum vpt_status random_operation(void)
{
    unsigned first = pick(PAGES);
    unsigned count = 1 + pick(PAGES - first > 6 && pick(3) != 0 ? 6 : PAGES - first);
    struct page page = { .reserved = pick(5) == 0, .read_only = pick(3) == 0 };

    page.host = page.reserved ? 0 : (uint64_t)pick(0x10000) * PAGE;
    switch (pick(7)) {
    case 0:
    case 1:
    case 2: return range_map(first, count, page);
    case 3:
    case 4: return range_unmap(first, count);
    case 5: return attach(pick(DEVICES));
    default: return detach(pick(DEVICES));
    }
}

static void random_life(uint32_t seed, unsigned *failures, unsigned *degraded)
{
    random_state = seed;
    set_up_at((seed & 1) != 0 ? 0 - (uint64_t)PAGES * PAGE : (uint64_t)(seed & 6) << 40);
    for (unsigned i = 0; i < 100; i++) {
        unsigned first = pick(3) == 0 ? 1 + pick(8) : 0;
        enum vpt_status status;

        fail(first, first == 0 || pick(2) == 0 ? 0 : first + 1 + pick(3));
        status = random_operation();
        cr_assert(w.failed <= 2 && (w.failed == 0) == (status != FAILURE && status != VPT_DEVICE_ASSIGN_DEGRADED));
        *failures += w.failed;
        if (w.dma.degraded) {
            assert_status(status, VPT_DEVICE_ASSIGN_DEGRADED);
            (*degraded)++;
            leave_degraded();
        }
        check();
    }
}

Test(assign_dma, random_operations)
{
    unsigned degraded = 0;
    unsigned failures = 0;

    for (uint32_t seed = 0; seed < 2000; seed++) {
        random_life(seed, &failures, &degraded);
    }
    cr_assert(failures > 4000 && degraded > 400, "%u, %u", failures, degraded);
}
