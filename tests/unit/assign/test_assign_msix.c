/* SPDX-License-Identifier: MIT */
/* The MSI-X table and its pending bits, as a guest accesses them, and what is pending there. */
#include <string.h>

#include "assign_signal.h"

TestSuite(assign_msix, .timeout = 60);

/* Fields of an entry. */
#define ADDRESS 0u
#define DATA    8u
#define CONTROL 12u
#define ENTRY   16u

#define TABLE   0x1000u /* in BAR 0, unless a test has them elsewhere */
#define PENDING 0x9000u

static void open_entries(unsigned entries)
{
    signal_start();
    signal_bar(0, 0x10000);
    signal_msix(entries, 0, TABLE, 0, PENDING);
    signal_open();
}

static uint32_t at(unsigned vector, unsigned field)
{
    return TABLE + ENTRY * vector + field;
}

static void write_message(unsigned vector, uint64_t address, uint32_t data)
{
    signal_store(0, at(vector, ADDRESS), 8, address);
    signal_store(0, at(vector, DATA), 4, data);
}

static void mask(unsigned vector, bool masked)
{
    signal_store(0, at(vector, CONTROL), 4, masked);
}

static bool is_pending(unsigned vector)
{
    return (signal_load(0, PENDING + vector / 32 * 4, 4) >> vector % 32 & 1) != 0;
}

/* A message that says which vector's it is. */
static uint64_t address_of(unsigned vector)
{
    return UINT64_C(0x1fee00000) + 16u * vector;
}

static void open_enabled(unsigned entries)
{
    open_entries(entries);
    for (unsigned i = 0; i < entries; i++) {
        write_message(i, address_of(i), 0x4000 + i);
        mask(i, false);
    }
    signal_msix_control(MSIX_ENABLE);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSIX, entries });
}

static void raise(unsigned vector)
{
    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), VPT_OK);
}

/* ---- Room ---- */

/* All that BARs can be cut into, and as many of its own as the hypervisor has asked for; with vectors and without. */
Test(assign_msix, room_for_the_hypervisors_own)
{
    static const struct vpt_assign_trap trap = { 2, 0x2000, 16 };
    struct vpt_assign_region own = {
        .host = 0x100000, .size = 0x1000, .space = VPT_ASSIGN_MEMORY, .bar = VPT_ASSIGN_NO_BAR
    };

    for (unsigned i = 0; i < 10; i++) {
        unsigned room = i / 2;
        bool vectors = i % 2 != 0;

        signal_start();
        for (unsigned bar = 0; bar < VPT_PCI_BARS_MAX; bar++) {
            signal_bar(bar, 0x8000);
        }
        if (vectors) {
            signal_msix(4, 0, 0x2000, 1, 0x2000);
        }
        signals.setup.traps = &trap;
        signals.setup.trap_count = 1;
        signals.setup.regions = (uint16_t)(VPT_ASSIGN_REGIONS(1) + room);
        signal_open();
        cr_assert(signals.live == (vectors ? 12 : 8), "%u regions", signals.live);
        signal_write(4, 2, 4);
        for (unsigned n = 0; n <= room; n++) {
            own.guest = 0x1000 * (n + 1);
            assert_status(vpt_assign_region_add(&signals.device, &own), n < room ? VPT_OK : VPT_RESOURCE_FULL);
        }
        signal_write(4, 2, 6);
        cr_assert(signals.live == (vectors ? 12 : 8) + room);
    }
}

/* ---- The table ---- */

Test(assign_msix, the_table_is_masked_at_first)
{
    open_entries(64);
    for (unsigned i = 0; i < 64; i++) {
        cr_assert(signal_load(0, at(i, ADDRESS), 8) == 0 && signal_load(0, at(i, DATA), 8) == UINT64_C(1) << 32);
    }
    cr_assert(signal_load(0, PENDING, 8) == 0 && signals.accesses == 0);
}

/* What a word holds of what is written: the address has two reserved bits, and the mask is the one bit of the last. */
static const uint32_t kept[] = { 0xfffffffc, 0xffffffff, 0xffffffff, 1 };

static uint64_t kept_of_two(unsigned word)
{
    return (uint64_t)kept[word % 4 + 1] << 32 | kept[word % 4];
}

/* As many entries as there can be, and one; each word of its own, in both widths. */
Test(assign_msix, each_word_of_each_entry)
{
    static const unsigned counts[] = { 1, 2, 65, 2048 };

    for (unsigned n = 0; n < COUNT_OF(counts); n++) {
        unsigned words = counts[n] * 4;

        open_entries(counts[n]);
        for (unsigned i = 0; i < words; i++) {
            signal_store(0, TABLE + 4 * i, 4, 0x80000003u + 0x10001 * i);
        }
        for (unsigned i = 0; i < words; i++) {
            cr_assert(signal_load(0, TABLE + 4 * i, 4) == ((0x80000003u + 0x10001 * i) & kept[i % 4]), "word %u", i);
        }
        for (unsigned i = 0; i < words; i += 2) {
            signal_store(0, TABLE + 4 * i, 8, ~(0xc000000020000001u + 0x200000003 * i));
        }
        for (unsigned i = 0; i < words; i += 2) {
            uint64_t expected = ~(0xc000000020000001u + 0x200000003 * i) & kept_of_two(i);

            cr_assert(signal_load(0, TABLE + 4 * i, 8) == expected, "words %u", i);
            cr_assert(signal_load(0, TABLE + 4 * i + 4, 4) == expected >> 32);
        }
        cr_assert(signals.accesses == 0 && signals.logged == 0);
    }
}

/* An access of another width, or across words, is nobody's. */
Test(assign_msix, other_accesses_do_nothing)
{
    static const struct {
        uint32_t offset;
        unsigned width;
    } bad[] = { { TABLE, 1 },       { TABLE + 2, 2 },   { TABLE + 15, 1 },    { TABLE + 4, 8 },
                { TABLE + 2, 4 },   { TABLE + 33, 4 },  { PENDING, 2 },       { PENDING + 7, 1 },
                { PENDING + 4, 8 }, { PENDING + 1, 4 }, { TABLE + 64 - 4, 8 } };

    open_entries(4);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        uint64_t guest = SIGNAL_GUEST(0) + bad[i].offset;
        uint64_t ones = bad[i].width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * bad[i].width) - 1;
        uint64_t value = 0;

        assert_status(vpt_assign_access_read(&signals.device, VPT_ASSIGN_MEMORY, guest, bad[i].width, &value),
                      VPT_CALLER_ALIGNMENT);
        cr_assert(value == ones);
        assert_status(vpt_assign_access_write(&signals.device, VPT_ASSIGN_MEMORY, guest, bad[i].width, 0),
                      VPT_CALLER_ALIGNMENT);
    }
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(signal_load(0, at(i, DATA), 8) == UINT64_C(1) << 32);
    }
    cr_assert(signals.accesses == 0);
}

/* Nor is anything written instead of them. */
Test(assign_msix, pending_bits_cannot_be_written)
{
    static uint64_t before[COUNT_OF(signals.storage)];

    open_enabled(129);
    mask(128, true);
    raise(128);
    memcpy(before, signals.storage, sizeof(before));
    for (unsigned i = 0; i < 24; i += 8) {
        signal_store(0, PENDING + i, 8, i == 0 ? UINT64_MAX : 0);
        signal_store(0, PENDING + i + 4, 4, UINT32_MAX);
    }
    cr_assert(signal_load(0, PENDING, 8) == 0 && signal_load(0, PENDING + 16, 8) == 1);
    EXPECT_NOTHING();
    cr_assert(memcmp(before, signals.storage, sizeof(before)) == 0);
    cr_assert(signals.accesses == 0);
}

/* ---- Delivery ---- */

Test(assign_msix, each_vector_has_its_message)
{
    open_enabled(2048);
    for (unsigned i = 0; i < 2048; i++) {
        raise(i);
        EXPECT({ MESSAGE, address_of(i), 0x4000 + i });
    }
    assert_status(vpt_assign_raise(&signals.device, 2048), VPT_EMPTY);
    assert_status(vpt_assign_raise(&signals.device, 0xfffe), VPT_EMPTY);
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_EMPTY);
    EXPECT_NOTHING();
}

/* Raised any number of times, delivered once, with what the message is then. */
Test(assign_msix, pending_is_delivered_once)
{
    open_enabled(40);
    mask(33, true);
    raise(33);
    raise(33);
    cr_assert(is_pending(33) && signal_load(0, PENDING, 8) == UINT64_C(1) << 33);
    cr_assert(signal_load(0, at(33, CONTROL), 4) == 1, "nobody sees where that is kept");
    raise(32);
    EXPECT({ MESSAGE, address_of(32), 0x4020 });
    write_message(33, 0xfee12340, 77);
    mask(33, true);
    EXPECT_NOTHING();
    mask(33, false);
    EXPECT({ MESSAGE, 0xfee12340, 77 });
    cr_assert(!is_pending(33));
    mask(33, false);
    mask(33, true);
    mask(33, false);
    EXPECT_NOTHING();
}

/* Data and mask in one access: the message has the new data. */
Test(assign_msix, one_access_for_data_and_mask)
{
    open_enabled(3);
    mask(2, true);
    raise(2);
    signal_store(0, at(2, DATA), 8, 0x1234);
    EXPECT({ MESSAGE, address_of(2), 0x1234 });
    signal_store(0, at(2, DATA), 8, UINT64_C(0xffffffff00000000));
    raise(2);
    EXPECT_NOTHING();
    cr_assert(is_pending(2));
}

/* The table is no way to have a message of MSI delivered. */
Test(assign_msix, unmasking_while_it_is_msi)
{
    signal_start();
    signal_bar(0, 0x10000);
    signal_msi(2, true, true);
    signal_msix(4, 0, TABLE, 0, PENDING);
    signal_open();
    signal_write(SIGNAL_MSI + 0x10, 4, 1);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(2));
    raise(0);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 4 });
    mask(0, false);
    EXPECT_NOTHING();
    cr_assert(signal_read(SIGNAL_MSI + 0x14, 4) == 1 && !is_pending(0));
}

/* ---- Errors of message() ---- */

Test(assign_msix, a_guest_without_message)
{
    open_entries(1);
    signals.guest.message = NULL;
    mask(0, false);
    signal_msix_control(MSIX_ENABLE);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_UNSUPPORTED_PORT);
    cr_assert(is_pending(0));
    mask(0, false);
    cr_assert(is_pending(0));
}

/* ---- Places ---- */

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

static bool inside(unsigned bar, uint64_t offset, unsigned other_bar, uint64_t first, uint64_t size)
{
    return bar == other_bar && offset >= first && offset < first + size;
}

/* How an access of the guest has to end, by where it begins. */
static void check_word(const struct place *place, unsigned bar, uint64_t offset, unsigned width)
{
    uint64_t guest = SIGNAL_GUEST(bar) + offset;
    const struct vpt_assign_region *region = vpt_assign_region_find(&signals.device, VPT_ASSIGN_MEMORY, guest);
    uint64_t table_size = ENTRY * place->entries;
    bool own = inside(bar, offset, place->table_bar, place->table, table_size) ||
               inside(bar, offset, place->pending_bar, place->pending, (place->entries + 63) / 64 * 8);
    unsigned accesses = signals.accesses;
    uint64_t value;

    cr_assert(region != NULL && region->bar == bar);
    if (!region->trapped) {
        cr_assert(!own, "0x%llx is mapped", (unsigned long long)offset);
        return;
    }
    signals.access_value = 0x5a5a5a5aa5a5a5a5u;
    value = signal_load(bar, offset, width);
    signal_store(bar, offset, width, value);
    if (own) {
        cr_assert(signals.accesses == accesses);
        return;
    }
    cr_assert(signals.accesses == accesses + 2 && signals.accessed == SIGNAL_HOST(bar) + offset);
    cr_assert(signals.access_width == width && value == (width == 8 ? 0x5a5a5a5aa5a5a5a5u : 0xa5a5a5a5u));
}

/* What is in the same pages is the host's, and what is in others is mapped. */
ParameterizedTestParameters(assign_msix, wherever_they_lie)
{
    return cr_make_param_array(struct place, (void *)places, COUNT_OF(places));
}

ParameterizedTest(const struct place *place, assign_msix, wherever_they_lie)
{
    unsigned mapped = 0;

    signal_start();
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        signal_bar(i, sizes[i]);
    }
    signal_msix(place->entries, place->table_bar, place->table, place->pending_bar, place->pending);
    signal_open();
    for (unsigned bar = 0; bar < COUNT_OF(sizes); bar++) {
        for (uint64_t offset = 0; offset < sizes[bar]; offset += 4) {
            check_word(place, bar, offset, 4);
            if (offset % 8 == 0) {
                check_word(place, bar, offset, 8);
            }
        }
    }
    for (unsigned i = 0; i < signals.device.region_count; i++) {
        const struct vpt_assign_region *region = &signals.device.regions[i];

        mapped += region->trapped ? 0 : (unsigned)(region->size / 4096);
    }
    for (uint64_t page = 0; page < 17; page++) {
        unsigned bar = page == 16;
        uint64_t first = page % 16 * 4096;
        uint64_t table_end = place->table + ENTRY * place->entries;
        uint64_t pending_end = place->pending + (place->entries + 63) / 64 * 8;

        mapped -= !((place->table_bar == bar && place->table < first + 4096 && table_end > first) ||
                    (place->pending_bar == bar && place->pending < first + 4096 && pending_end > first));
    }
    cr_assert(mapped == 0, "each page without either is mapped");
    assert_status(vpt_assign_check(&signals.device), VPT_OK);
}

/* A guest that does not see the capability does not reach the function's table either. */
Test(assign_msix, a_hidden_capability)
{
    signal_start();
    signal_bar(0, 0x10000);
    signal_msix(4, 0, TABLE, 0, PENDING);
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_hide(&signals.device, SIGNAL_MSIX), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(4, 2, 6);
    mask(0, false);
    (void)vpt_assign_config_write(&signals.device, SIGNAL_MSIX + 2, 2, MSIX_ENABLE);
    cr_assert(signals.accesses == 0);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
}

/* The next owner finds nothing of the one before. */
Test(assign_msix, a_release_clears_the_table)
{
    open_enabled(70);
    mask(69, true);
    raise(69);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    signal_write(0x10, 4, (uint32_t)SIGNAL_GUEST(0));
    signal_write(4, 2, 2);
    for (unsigned i = 0; i < 70; i++) {
        cr_assert(signal_load(0, at(i, ADDRESS), 8) == 0 && signal_load(0, at(i, DATA), 8) == UINT64_C(1) << 32);
        cr_assert(!is_pending(i));
    }
    signals.logged = 0;
    signal_msix_control(MSIX_ENABLE);
    mask(69, false);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSIX, 70 });
}
