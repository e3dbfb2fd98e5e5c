/* SPDX-License-Identifier: MIT */
/* The MSI-X table and its pending bits, as a guest accesses them; test_assign_interrupt_random.c has the messages. */
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_msix, .timeout = 60);

#define ENTRY 16u

static void open_entries(unsigned entries)
{
    signal_make(&(struct signal_function){ .pin = true, .vectors = entries });
    signal_open();
}

static void expect_masked(unsigned entries)
{
    for (unsigned i = 0; i < entries; i++) {
        assert_same(signal_load(0, SIGNAL_TABLE + ENTRY * i, 8), 0);
        assert_same(signal_load(0, SIGNAL_TABLE + ENTRY * i + 8, 8), UINT64_C(1) << 32);
    }
    assert_same(signals.accesses, 0);
}

/* All that BARs can be cut into, and as many of the hypervisor's own as it has asked for; with vectors and without. */
Test(assign_msix, vectors_leave_room_for_the_hypervisors_own_regions)
{
    static const struct vpt_assign_trap trap = { 2, 0x2000, 16 };
    struct vpt_assign_region own = {
        .host = 0x100000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };

    for (unsigned i = 0; i < 10; i++) {
        unsigned room = i / 2;
        unsigned pieces = i % 2 != 0 ? 12 : 8;

        signal_start();
        for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
            signal_bar(bar, 0x8000);
        }
        if (i % 2 != 0) {
            signal_msix(4, 0, 0x2000, 1, 0x2000);
        }
        signals.setup.traps = &trap;
        signals.setup.trap_count = 1;
        signals.setup.regions = (uint16_t)(VPT_ASSIGN_REGIONS(1) + room);
        signal_open();
        assert_same(signals.live, pieces);
        signal_write(4, 2, 4);
        for (unsigned n = 0; n <= room; n++) {
            own.guest = 0x1000 * (n + 1);
            assert_status(vpt_assign_region_add(&signals.device, &own), n < room ? VPT_OK : VPT_RESOURCE_FULL);
        }
        signal_write(4, 2, 6);
        assert_same(signals.live, pieces + room);
    }
}

/* The address has two reserved bits, and of the control word there is the mask alone. */
static const uint64_t kept[] = { 0xfffffffffffffffc, 0xffffffffffffffff, 0x1ffffffff, 0x1 };

Test(assign_msix, each_word_of_each_entry_is_its_own_in_both_widths)
{
    static const unsigned counts[] = { 1, 2, 65, 2048 };

    for (unsigned i = 0; i < 2 * COUNT_OF(counts); i++) {
        unsigned width = i % 2 == 0 ? 4 : 8;
        uint64_t ones = UINT64_MAX >> (64 - 8 * width);
        unsigned end = ENTRY * counts[i / 2];

        open_entries(counts[i / 2]);
        expect_masked(counts[i / 2]);
        for (unsigned at = 0; at < end; at += width) {
            signal_store(0, SIGNAL_TABLE + at, width, (at + 1) * 0x9e3779b97f4a7c15u & ones);
        }
        for (unsigned at = 0; at < end; at += width) {
            assert_same(signal_load(0, SIGNAL_TABLE + at, width),
                        (at + 1) * 0x9e3779b97f4a7c15u & kept[at / 4 % 4] & ones);
        }
        assert_same(signals.accesses + signals.logged, 0);
    }
}

Test(assign_msix, an_access_that_is_narrow_or_unaligned_does_nothing)
{
    static const struct {
        uint32_t offset;
        unsigned width;
    } bad[] = { { SIGNAL_TABLE, 1 },       { SIGNAL_TABLE + 2, 2 },   { SIGNAL_TABLE + 15, 1 }, { SIGNAL_TABLE + 4, 8 },
                { SIGNAL_TABLE + 2, 4 },   { SIGNAL_TABLE + 33, 4 },  { SIGNAL_TABLE + 60, 8 }, { SIGNAL_PENDING, 2 },
                { SIGNAL_PENDING + 7, 1 }, { SIGNAL_PENDING + 4, 8 }, { SIGNAL_PENDING + 1, 4 } };

    open_entries(4);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        uint64_t guest = SIGNAL_GUEST(0) + bad[i].offset;
        uint64_t value = 0;

        assert_status(vpt_assign_access_read(&signals.device, VPT_ASSIGN_MEMORY, guest, bad[i].width, &value),
                      VPT_CALLER_ALIGNMENT);
        assert_same(value, UINT64_MAX >> (64 - 8 * bad[i].width));
        assert_status(vpt_assign_access_write(&signals.device, VPT_ASSIGN_MEMORY, guest, bad[i].width, 0),
                      VPT_CALLER_ALIGNMENT);
    }
    expect_masked(4);
}

Test(assign_msix, each_of_2048_vectors_has_its_message_and_a_pending_bit_that_cannot_be_written)
{
    static uint64_t before[COUNT_OF(signals.storage)];

    open_entries(2048);
    signal_enable_vectors(2048);
    for (unsigned i = 0; i < 2048; i++) {
        uint64_t word = SIGNAL_PENDING + i / 64 * 8;

        signal_msix_control(MSIX_ENABLE | MSIX_FUNCTION_MASK);
        signal_raise(i);
        memcpy(before, signals.storage, sizeof(before));
        signal_store(0, word, 8, i % 2 == 0 ? 0 : UINT64_MAX);
        signal_store(0, word + 4, 4, UINT32_MAX);
        assert_same(signal_load(0, word, 8), UINT64_C(1) << i % 64);
        cr_assert(memcmp(before, signals.storage, sizeof(before)) == 0);
        EXPECT_NOTHING();
        signal_msix_control(MSIX_ENABLE);
        EXPECT({ MESSAGE, SIGNAL_ADDRESS(i), SIGNAL_DATA(i) });
        assert_same(signal_load(0, word, 8), 0);
    }
    assert_status(vpt_assign_raise(&signals.device, 2048), VPT_EMPTY);
    assert_status(vpt_assign_raise(&signals.device, 0xfffe), VPT_EMPTY);
}

Test(assign_msix, a_guest_that_does_not_see_the_capability_does_not_reach_the_functions_table)
{
    signal_make(&(struct signal_function){ .pin = true, .vectors = 4 });
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_hide(&signals.device, SIGNAL_MSIX), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    signal_decode();
    signal_store(0, SIGNAL_TABLE + 12, 4, 0);
    (void)vpt_assign_config_write(&signals.device, SIGNAL_MSIX + 2, 2, MSIX_ENABLE);
    assert_same(signals.accesses, 0);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
}

/* ---- Where the table and the pending bits lie ---- */

struct place {
    unsigned entries;
    unsigned table_bar;
    uint32_t table;
    unsigned pending_bar;
    uint32_t pending;
};

static const struct place places[] = {
    { 4, 0, 0x1000, 0, 0x1800 },                                  /* one page */
    { 4, 0, 0x1000, 0, 0x1040 },                                  /* next to each other */
    { 4, 0, 0x1008, 0, 0x1000 },                                  /* the other way around */
    { 4, 0, 0x0ff0, 0, 0x2ff8 },                                  /* a page more for a few bytes */
    { 2048, 0, 0x0800, 0, 0x8f00 },                               /* large, from page to page */
    { 2048, 0, 0x8000, 0, 0x7f00 },                               /* up to the BAR's end */
    { 65, 0, 0x0000, 0, 0xfff0 },                                 /* at both ends */
    { 1, 0, 0xfff0, 0, 0xffe8 },                                  /* at the end */
    { 4, 0, 0x0200, 1, 0x0200 },                                  /* in two BARs, at the same place */
    { 4, 1, 0x07c0, 0, 0x0000 },    { 64, 2, 0x0000, 2, 0x0400 }, /* in one that is smaller than a page */
};

static const uint64_t sizes[] = { 0x10000, 0x1000, 0x800 };

/* Whether some of the bytes are of the table or the pending bits. */
static bool touches(const struct place *place, unsigned bar, uint64_t offset, uint64_t size)
{
    uint64_t table_end = place->table + ENTRY * place->entries;
    uint64_t pending_end = place->pending + (place->entries + 63) / 64 * 8;

    return (bar == place->table_bar && place->table < offset + size && offset < table_end) ||
           (bar == place->pending_bar && place->pending < offset + size && offset < pending_end);
}

/* An access is answered if it begins in either, and passed to the function if only the page is shared with them. */
static void check_access(const struct place *place, unsigned bar, uint64_t offset, unsigned width)
{
    bool own = touches(place, bar, offset, 1);
    unsigned accesses = signals.accesses;
    uint64_t value;

    signals.value = 0x5a5a5a5aa5a5a5a5u;
    value = signal_load(bar, offset, width);
    signal_store(bar, offset, width, value);
    assert_same(signals.accesses, accesses + (own ? 0 : 2));
    if (!own) {
        assert_same(signals.access.address, SIGNAL_HOST(bar) + offset);
        assert_same(signals.access.width, width);
        assert_same(value, 0x5a5a5a5aa5a5a5a5u & UINT64_MAX >> (64 - 8 * width));
    }
}

PARAMETER_TEST(struct place, cr_make_param_array(struct place, (void *)places, COUNT_OF(places)), assign_msix,
               pages_without_the_table_and_the_pending_bits_are_mapped_wherever_they_lie)
{
    signal_start();
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        signal_bar(i, sizes[i]);
    }
    signal_msix(variant->entries, variant->table_bar, variant->table, variant->pending_bar, variant->pending);
    signal_open();
    for (unsigned bar = 0; bar < COUNT_OF(sizes); bar++) {
        for (uint64_t offset = 0; offset < sizes[bar]; offset += 4) {
            const struct vpt_assign_region *region =
                vpt_assign_region_find(&signals.device, VPT_ASSIGN_MEMORY, SIGNAL_GUEST(bar) + offset);

            cr_assert(region != NULL && region->bar == bar);
            assert_same(region->trapped, sizes[bar] < 4096 || touches(variant, bar, offset / 4096 * 4096, 4096));
            for (unsigned width = 4; region->trapped && offset % width == 0 && width <= 8; width += 4) {
                check_access(variant, bar, offset, width);
            }
        }
    }
    assert_status(vpt_assign_check(&signals.device), VPT_OK);
}
