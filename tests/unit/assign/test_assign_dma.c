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

/* What there should be. */
static struct model {
    struct vpt_assign_dma_range range[CAPACITY]; /* in any order */
    unsigned count;
    bool attached[DEVICES];
} model;

/* What a device reaches of PAGES pages from `base` on, by what the IOMMU was told. */
static struct page {
    bool there;
    bool read_only;
    uint64_t host;
} reached[DEVICES][PAGES];

static uint64_t base;
static unsigned violations; /* of what an IOMMU may expect */
static unsigned calls;
static unsigned failed;
static unsigned fail_first; /* the call of this number fails, from 1; 0: none does */
static unsigned fail_also;  /* and this one */
static uint32_t random_state;

static struct vpt_assign_dma dma;
static struct vpt_assign_dma_range ranges[CAPACITY];
static struct vpt_assign_device devices[DEVICES];

/* ---- The IOMMU ---- */

static bool is_same_page(const struct page *page, const struct vpt_assign_dma_range *range, uint64_t guest)
{
    return page->host == range->host + (guest - range->guest) && page->read_only == range->read_only;
}

/* What is unmapped must have been mapped just so, unless the space is degraded. */
static enum vpt_status change(void *ctx, const struct vpt_pci_address *function,
                              const struct vpt_assign_dma_range *range, bool mapped)
{
    cr_assert(ctx == &model && function == &devices[function->device].address);
    cr_assert(range->size != 0 && range->size % PAGE == 0 && range->guest % PAGE == 0 && range->host % PAGE == 0);
    cr_assert(range->guest - base < PAGES * PAGE && range->size <= PAGES * PAGE - (range->guest - base));
    violations += range->reserved;
    calls++;
    if (calls == fail_first || calls == fail_also) {
        failed++;
        return FAILURE;
    }
    for (uint64_t at = 0; at < range->size; at += PAGE) {
        struct page *page = &reached[function->device][(range->guest + at - base) / PAGE];
        bool same = page->there && is_same_page(page, range, range->guest + at);

        violations += mapped ? page->there : !same && !dma.degraded;
        *page = (struct page){ mapped, range->read_only, range->host + at };
    }
    return VPT_OK;
}

static enum vpt_status map(void *ctx, const struct vpt_pci_address *function, const struct vpt_assign_dma_range *range)
{
    return change(ctx, function, range, true);
}

static enum vpt_status unmap(void *ctx, const struct vpt_pci_address *function,
                             const struct vpt_assign_dma_range *range)
{
    return change(ctx, function, range, false);
}

static const struct vpt_assign_iommu iommu = { &model, map, unmap };

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % below;
}

static void fail_none(void)
{
    calls = failed = fail_first = fail_also = 0;
}

/* One call of the next operation, or two. */
static void fail_by_chance(void)
{
    fail_none();
    if (pick(3) == 0) {
        fail_first = 1 + pick(8);
        fail_also = pick(2) == 0 ? 0 : fail_first + 1 + pick(6);
    }
}

static void set_up_at(uint64_t first)
{
    memset(&model, 0, sizeof(model));
    memset(reached, 0, sizeof(reached));
    memset(devices, 0, sizeof(devices));
    base = first;
    violations = 0;
    fail_none();
    assert_status(vpt_assign_dma_init(&dma, &iommu, ranges, CAPACITY, 0), VPT_OK);
    for (unsigned i = 0; i < DEVICES; i++) {
        devices[i].address.device = (uint8_t)i;
        devices[i].owned = true;
        devices[i].owner = 7;
    }
}

/* ---- The model ---- */

static const struct vpt_assign_dma_range *model_find(uint64_t guest)
{
    for (unsigned i = 0; i < model.count; i++) {
        if (guest - model.range[i].guest < model.range[i].size) {
            return &model.range[i];
        }
    }
    return NULL;
}

static enum vpt_status model_map(const struct vpt_assign_dma_range *range)
{
    for (uint64_t at = 0; at < range->size; at += PAGE) {
        if (model_find(range->guest + at) != NULL) {
            return VPT_REFUSED;
        }
    }
    if (model.count == CAPACITY) {
        return VPT_RESOURCE_FULL;
    }
    model.range[model.count++] = *range;
    return VPT_OK;
}

/* A range that is cut refuses all of it. */
static enum vpt_status model_unmap(uint64_t guest, uint64_t size, uint64_t *unmapped)
{
    struct model left = model;

    *unmapped = left.count = 0;
    for (unsigned i = 0; i < model.count; i++) {
        const struct vpt_assign_dma_range *range = &model.range[i];

        if (range->guest - guest < size && range->size <= size - (range->guest - guest)) {
            *unmapped += range->size;
        } else if (range->guest - guest < size || guest - range->guest < range->size) {
            *unmapped = 0;
            return VPT_REFUSED;
        } else {
            left.range[left.count++] = *range;
        }
    }
    model = left;
    return VPT_OK;
}

/* When the last one leaves, the reserved ranges alone stay. */
static void model_detach(unsigned device)
{
    unsigned count = model.count;

    model.attached[device] = false;
    if (!model.attached[0] && !model.attached[1] && !model.attached[2]) {
        model.count = 0;
        for (unsigned i = 0; i < count; i++) {
            if (model.range[i].reserved) {
                model.range[model.count++] = model.range[i];
            }
        }
    }
}

static void check_range(const struct vpt_assign_dma_range *got, const struct vpt_assign_dma_range *expected)
{
    cr_assert((got != NULL) == (expected != NULL));
    if (got != NULL) {
        assert_same(got->guest, expected->guest);
        assert_same(got->host, expected->host);
        assert_same(got->size, expected->size);
        assert_same(got->read_only, expected->read_only);
        assert_same(got->reserved, expected->reserved);
    }
}

/* A device reaches the pages of ranges and no others; in a degraded space it may miss some. */
static void check(void)
{
    assert_same(violations, 0);
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t guest = base + i * PAGE;
        const struct vpt_assign_dma_range *range = vpt_assign_dma_find(&dma, guest);

        for (unsigned d = 0; d < DEVICES; d++) {
            bool may = range != NULL && !range->reserved && devices[d].dma == &dma;

            cr_assert(reached[d][i].there ? may && is_same_page(&reached[d][i], range, guest) : !may || dma.degraded,
                      "device %u, page %u", d, i);
        }
        if (!dma.degraded) {
            check_range(range, model_find(guest));
            check_range(vpt_assign_dma_find(&dma, guest + PAGE - 1), range);
        }
    }
    for (unsigned d = 0; d < DEVICES && !dma.degraded; d++) {
        assert_same(devices[d].dma == &dma, model.attached[d]);
    }
    cr_assert(dma.degraded || dma.count == model.count);
}

/* ---- Operations on both ---- */

/* An operation in which a call has failed is undone, by a call for each; one that is refused calls nothing. */
static enum vpt_status compare(enum vpt_status status, enum vpt_status expected, const struct model *before)
{
    if (failed != 0) {
        model = *before;
        assert_same(calls, failed == 1 ? 2 * fail_first - 1 : fail_also);
        return status;
    }
    assert_status(status, expected);
    cr_assert(status == VPT_OK || calls == 0);
    return status;
}

static enum vpt_status range_map(uint64_t guest, uint64_t size)
{
    struct vpt_assign_dma_range range = { guest, (uint64_t)pick(0x10000) * PAGE, size, pick(3) == 0, pick(5) == 0 };
    struct model before = model;
    enum vpt_status expected = model_map(&range);

    return compare(vpt_assign_dma_map(&dma, &range), expected, &before);
}

static enum vpt_status range_unmap(uint64_t guest, uint64_t size)
{
    struct model before = model;
    uint64_t total;
    enum vpt_status expected = model_unmap(guest, size, &total);
    uint64_t unmapped = 99;
    enum vpt_status status = compare(vpt_assign_dma_unmap(&dma, guest, size, &unmapped), expected, &before);

    assert_same(unmapped, status == VPT_OK ? total : 0);
    return status;
}

static enum vpt_status attach(unsigned device)
{
    struct model before = model;

    model.attached[device] = true;
    return compare(vpt_assign_dma_attach(&dma, &devices[device]), before.attached[device] ? VPT_CALLER_STATE : VPT_OK,
                   &before);
}

static enum vpt_status detach(unsigned device)
{
    struct model before = model;

    if (model.attached[device]) {
        model_detach(device);
    }
    return compare(vpt_assign_dma_detach(&devices[device]), before.attached[device] ? VPT_OK : VPT_CALLER_STATE,
                   &before);
}

/* ---- Refusals ---- */

static void refuse_space(const struct vpt_assign_iommu *hooks, struct vpt_assign_dma_range *room, uint64_t page_size)
{
    memset(&dma, 0xff, sizeof(dma));
    assert_status(vpt_assign_dma_init(&dma, hooks, room, 1, page_size), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&dma, sizeof(dma)));
}

Test(assign_dma, a_space_needs_an_iommu_room_and_pages_of_a_power_of_two)
{
    struct vpt_assign_dma_range range = { PAGE, 0, 0x10000, false, false };

    assert_status(vpt_assign_dma_init(NULL, &iommu, ranges, 1, 0), VPT_CALLER_ARGUMENT);
    refuse_space(NULL, ranges, 0);
    refuse_space(&(struct vpt_assign_iommu){ &model, map, NULL }, ranges, 0);
    refuse_space(&(struct vpt_assign_iommu){ &model, NULL, unmap }, ranges, 0);
    refuse_space(&iommu, NULL, 0);
    refuse_space(&iommu, ranges, 0x3000);
    assert_status(vpt_assign_dma_init(&dma, &iommu, ranges, 1, 0x10000), VPT_OK);
    assert_status(vpt_assign_dma_map(&dma, &range), VPT_CALLER_ALIGNMENT);
    range.guest = 0x10000;
    assert_status(vpt_assign_dma_map(&dma, &range), VPT_OK);
    assert_status(vpt_assign_dma_init(&dma, &iommu, ranges, 0, 0), VPT_OK);
    assert_status(vpt_assign_dma_map(&dma, &range), VPT_RESOURCE_FULL);
}

Test(assign_dma, calls_without_a_space_a_range_or_a_device_are_refused)
{
    static struct vpt_assign_dma none;
    struct vpt_assign_dma_range range = { 0, 0, PAGE, false, false };
    uint64_t unmapped = 99;

    set_up_at(0);
    assert_status(vpt_assign_dma_map(NULL, &range), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_map(&none, &range), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_map(&dma, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_unmap(NULL, 0, PAGE, &unmapped), VPT_CALLER_ARGUMENT);
    assert_same(unmapped, 0);
    assert_status(vpt_assign_dma_unmap(&none, 0, PAGE, &unmapped), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_unmap(&dma, 0, PAGE, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(NULL, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(&none, &devices[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_attach(&dma, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_dma_detach(NULL), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_assign_dma_find(NULL, 0) == NULL && vpt_assign_dma_find(&none, 0) == NULL);
    assert_same(calls + dma.count, 0);
}

#define LAST (UINT64_MAX - (PAGE - 1))

Test(assign_dma, a_range_is_whole_pages_within_the_address_spaces)
{
    static const struct {
        const char *what;
        enum vpt_status status;
        bool of_host; /* so that unmapping is not concerned */
        struct vpt_assign_dma_range range;
    } rows[] = {
        { "guest amid a page", VPT_CALLER_ALIGNMENT, false, { 0x800, 0, PAGE, false, false } },
        { "host amid a page", VPT_CALLER_ALIGNMENT, true, { 0, 0x800, PAGE, false, false } },
        { "both amid a page", VPT_CALLER_ALIGNMENT, false, { 0x800, 0x800, PAGE, false, false } },
        { "a byte too many", VPT_CALLER_ALIGNMENT, false, { 0, 0, PAGE + 1, false, false } },
        { "a byte too few", VPT_CALLER_ALIGNMENT, false, { 0, 0, PAGE - 1, false, false } },
        { "window of a byte", VPT_CALLER_ALIGNMENT, false, { 0, 0, 1, false, true } },
        { "window amid a page", VPT_CALLER_ALIGNMENT, false, { 1, 0, PAGE, false, true } },
        { "nothing", VPT_CALLER_RANGE, false, { 0, 0, 0, false, false } },
        { "past the guest's last page", VPT_CALLER_RANGE, false, { LAST, 0, 2 * PAGE, false, false } },
        { "past the host's last page", VPT_CALLER_RANGE, true, { 0, LAST, 2 * PAGE, false, false } },
        { "window past the last page", VPT_CALLER_RANGE, false, { LAST, 0, 2 * PAGE, false, true } },
        { "window, whose host address does not matter", VPT_OK, true, { 0, 1, PAGE, false, true } },
        { "last pages", VPT_OK, true, { LAST, LAST, PAGE, false, false } },
    };

    set_up_at(0);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct vpt_assign_dma_range *range = &rows[i].range;
        uint64_t unmapped;

        assert_status_of(rows[i].what, vpt_assign_dma_map(&dma, range), rows[i].status);
        if (!rows[i].of_host) {
            assert_status_of(rows[i].what, vpt_assign_dma_unmap(&dma, range->guest, range->size, &unmapped),
                             rows[i].status);
        }
    }
    cr_assert(vpt_assign_dma_find(&dma, UINT64_MAX) == &ranges[1] && vpt_assign_dma_find(&dma, LAST - 1) == NULL);
}

Test(assign_dma, a_range_may_be_nearly_all_of_an_address_space)
{
    struct vpt_assign_dma_range all = { 0, 0, LAST, false, false };
    uint64_t unmapped;

    set_up_at(0);
    assert_status(vpt_assign_dma_map(&dma, &all), VPT_OK);
    all.guest = LAST;
    all.size = PAGE;
    assert_status(vpt_assign_dma_map(&dma, &all), VPT_OK);
    cr_assert(vpt_assign_dma_find(&dma, LAST - 1) == &ranges[0] && vpt_assign_dma_find(&dma, LAST) == &ranges[1]);
    assert_status(vpt_assign_dma_unmap(&dma, PAGE, LAST, &unmapped), VPT_REFUSED);
    assert_status(vpt_assign_dma_unmap(&dma, 0, LAST, &unmapped), VPT_OK);
    assert_same(unmapped, LAST);
    assert_same(dma.count, 1);
}

Test(assign_dma, devices_of_a_space_have_one_owner)
{
    static struct vpt_assign_dma other;
    static struct vpt_assign_dma_range room[1];

    set_up_at(0);
    assert_status(attach(0), VPT_OK);
    assert_status(attach(1), VPT_OK);
    assert_status(range_map(10 * PAGE, 4 * PAGE), VPT_OK);
    devices[2].owned = false;
    assert_status(vpt_assign_dma_attach(&dma, &devices[2]), VPT_CALLER_STATE);
    devices[2].owned = true;
    devices[2].owner = 8;
    calls = 0;
    assert_status(vpt_assign_dma_attach(&dma, &devices[2]), VPT_CALLER_OWNED);
    assert_same(calls, 0);
    assert_status(vpt_assign_dma_init(&other, &iommu, room, 1, 0), VPT_OK);
    assert_status(vpt_assign_dma_attach(&other, &devices[1]), VPT_CALLER_STATE);
    check();
    assert_status(detach(0), VPT_OK);
    assert_status(detach(1), VPT_OK);
    assert_status(attach(2), VPT_OK);
    check();
}

/* ---- Failures ---- */

/* A degraded space lets nothing be done but devices leave, which may fail too; then it is as any other. */
static void leave_degraded(void)
{
    struct vpt_assign_dma_range range = { base, 0, PAGES * PAGE, false, false };
    struct vpt_assign_device late = { .owned = true, .owner = 7 };
    uint64_t unmapped = 99;

    fail_none();
    assert_status(vpt_assign_dma_unmap(&dma, range.guest, range.size, &unmapped), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_dma_map(&dma, &range), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_dma_attach(&dma, &late), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_same(calls + unmapped, 0);
    cr_assert(late.dma == NULL);
    for (unsigned d = 0; d < DEVICES; d++) {
        while (devices[d].dma != NULL) {
            check();
            fail_by_chance();
            assert_same(vpt_assign_dma_detach(&devices[d]) == VPT_OK, failed == 0);
        }
        model_detach(d);
    }
    assert_same(dma.degraded, false);
    check();
}

static enum vpt_status random_operation(void)
{
    unsigned first = pick(PAGES);
    unsigned count = 1 + pick(PAGES - first > 6 && pick(3) != 0 ? 6 : PAGES - first);

    switch (pick(7)) {
    case 0:
    case 1:
    case 2: return range_map(base + first * PAGE, count * PAGE);
    case 3:
    case 4: return range_unmap(base + first * PAGE, count * PAGE);
    case 5: return attach(pick(DEVICES));
    default: return detach(pick(DEVICES));
    }
}

Test(assign_dma, random_operations_do_what_the_model_does)
{
    unsigned degraded = 0;
    unsigned failures = 0;
    unsigned full = 0;

    for (uint32_t i = 0; i < 4000 / test_stride() * 100; i++) {
        enum vpt_status status;

        if (i % 100 == 0) {
            random_state = i;
            set_up_at((i & 100) != 0 ? 0 - (uint64_t)PAGES * PAGE : (uint64_t)(i / 100 & 6) << 40);
        }
        fail_by_chance();
        status = random_operation();
        cr_assert(failed <= 2 && (failed == 0) == (status != FAILURE && status != VPT_DEVICE_ASSIGN_DEGRADED));
        assert_same(status == VPT_DEVICE_ASSIGN_DEGRADED, dma.degraded);
        failures += failed;
        full += status == VPT_RESOURCE_FULL;
        if (dma.degraded) {
            degraded++;
            leave_degraded();
        }
        check();
    }
    cr_assert(failures > 4000 / test_stride() && degraded > 400 / test_stride() && full > 100 / test_stride(),
              "%u, %u, %u", failures, degraded, full);
}
