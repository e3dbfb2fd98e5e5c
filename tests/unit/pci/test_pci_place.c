/* SPDX-License-Identifier: MIT */
/* Giving BARs addresses from windows. */
#include <string.h>

#include "pci_setup.h"

#define WITH_ROM (VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM)

static struct vpt_pci_bars bars;
static struct vpt_pci_window windows[4];
static unsigned window_count;

/* BARs before and after that, as in pci_bars(), and windows up to the first one without an end. */
struct placing {
    const char *bars;
    struct vpt_pci_window windows[4];
    const char *placed;
};

static void size(void)
{
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    pci.function.command_count = 0;
}

static void make_of_type(uint8_t header_type, const struct placing *placing)
{
    pci_begin(header_type);
    pci_bars(&pci.function, placing->bars);
    memcpy(windows, placing->windows, sizeof(windows));
    for (window_count = 0; window_count < 4 && windows[window_count].last != 0; window_count++) {
    }
    mock_pci_command_set(&pci.function, 0x0543);
    size();
}

static void make(const struct placing *placing)
{
    make_of_type(0, placing);
}

static enum vpt_status place(unsigned which)
{
    return vpt_pci_bars_place(&pci.here, &bars, which, windows, window_count);
}

/* The BARs are there for the caller and in the registers. */
static void check_placed(const char *placed)
{
    pci_check_bars(&bars, placed);
    for (unsigned i = 0; i <= VPT_PCI_ROM; i++) {
        assert_same_of(placed, mock_pci_bar_address(&pci.function, i), bars.bar[i].address);
    }
}

/* Placing comes to `expected`, after which nothing has changed anywhere. */
static void check_nothing(const char *row, unsigned which, enum vpt_status expected)
{
    struct vpt_pci_bars old_bars = bars;
    struct vpt_pci_window old_windows[4];

    memcpy(old_windows, windows, sizeof(windows));
    pci_remember();
    assert_status_of(row, place(which), expected);
    assert_same_of(row, pci_words_changed(), 0);
    cr_assert(memcmp(&old_bars, &bars, sizeof(bars)) == 0, "%s", row);
    for (unsigned i = 0; i < window_count; i++) {
        assert_same_of(row, windows[i].next, old_windows[i].next);
        assert_same_of(row, windows[i].full, old_windows[i].full);
    }
}

/* ---- Where ---- */

/* Decoding is off meanwhile, the command register comes back last, and what has an address keeps it. */
Test(pci_place, biggest_first_each_in_the_window_that_suits_it_best)
{
    static const struct placing rows[] = {
        { "i32 m4K m64K m16 q1M",
          { IO(0xc004, 0xcfff), MEMORY(0xe0001000, 0xe0ffffff) },
          "i32@c020 m4K@e0210000 m64K@e0200000 m16@e0211000 q1M@e0100000" },
        /* Prefetchable ones prefer windows of their own, and high ones. */
        { "r4K p4K m4K q4K",
          { MEMORY(0xe0000000, 0xe00fffff), PREFETCHABLE(0xd0000000, 0xd00fffff), PREFETCHABLE(4 * GIB, 5 * GIB - 1) },
          "r4K@100000000 p4K@d0000000 m4K@e0000000 q4K@e0001000" },
        /* They fall back to others. */
        { "r8K p8K p4K",
          { PREFETCHABLE(0xd0000000, 0xd0000fff), MEMORY(0xe0000000, 0xe00fffff), MEMORY(8 * GIB, 9 * GIB - 1) },
          "r8K@200000000 p8K@e0000000 p4K@d0000000" },
        /* A 64-bit one goes wherever it fits. */
        { "q256K m4K",
          { MEMORY(0xe0000000, 0xe0000fff), MEMORY(16 * GIB + 4096, 17 * GIB - 1) },
          "q256K@400040000 m4K@e0000000" },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make(&rows[i]);
        assert_status_of(rows[i].bars, place(VPT_PCI_ALL_BARS), VPT_OK);
        check_placed(rows[i].placed);
        assert_same(pci.function.command_count, 2);
        assert_same(pci.function.commands[0].value, 0x0540);
        assert_same(pci.function.commands[1].value, 0x0543);
        assert_same(pci.function.commands[1].sequence, pci.bus.sequence);
        check_nothing(rows[i].bars, VPT_PCI_ALL_BARS, VPT_OK);
        window_count = 0;
        check_nothing(rows[i].bars, VPT_PCI_ALL_BARS, VPT_OK);
        pci_end();
    }
}

Test(pci_place, a_bar_that_firmware_has_placed_stays_there)
{
    make(&(struct placing){ "m4K m8K@febd2000", { MEMORY(0xe0000000, 0xe0ffffff) }, "" });
    assert_status(place(VPT_PCI_ALL_BARS), VPT_OK);
    check_placed("m4K@e0000000 m8K@febd2000");
    assert_same(windows[0].next, 0xe0001000);
    pci_end();
}

/* A ROM stays off, and bits 1 to 10 of its register, which are no address, may read as anything. */
Test(pci_place, only_those_asked_for_are_placed)
{
    make(&(struct placing){ "m4K m8K R64K", { MEMORY(0xe0000000, 0xe0ffffff) }, "" });
    pci_set(0x30, 4, 0x7fe);
    check_nothing("none", 0, VPT_OK);
    assert_status(place(1u << 1), VPT_OK);
    check_placed("m4K m8K@e0000000 R64K");
    assert_status(place(VPT_PCI_ALL_BARS), VPT_OK);
    check_placed("m4K@e0002000 m8K@e0000000 R64K");
    assert_status(place(WITH_ROM), VPT_OK);
    check_placed("m4K@e0002000 m8K@e0000000 R64K@e0010000");
    assert_same(pci_get(0x30, 4) & 1, 0);
    pci_end();
}

Test(pci_place, a_bridge_s_bus_numbers_are_no_bars)
{
    make_of_type(1, &(struct placing){ "q8K R4K", { MEMORY(0xe0000000, 0xe0ffffff) }, "" });
    pci_set(0x18, 4, 0x00050403);
    assert_status(place(WITH_ROM), VPT_OK);
    pci_check_bars(&bars, "q8K@e0000000 R4K@e0002000");
    assert_same(pci_get(0x10, 4), 0xe0000004);
    assert_same(pci_get(0x38, 4), 0xe0002000);
    assert_same(pci_get(0x18, 4), 0x00050403);
    bars.bar[2] = (struct vpt_pci_bar){ .size = 4 * KIB, .kind = VPT_PCI_BAR_MEMORY };
    check_nothing("a third BAR would overwrite them", VPT_PCI_ALL_BARS, VPT_CALLER_ARGUMENT);
    pci_end();
}

/* ---- Limits ---- */

/* One BAR and one window: where it comes to be, or 0. */
static uint64_t place_one(const char *bar, struct vpt_pci_window *window)
{
    make(&(struct placing){ bar, { *window }, "" });
    window_count = 1;
    if (place(VPT_PCI_ALL_BARS) != VPT_OK) {
        check_nothing(bar, VPT_PCI_ALL_BARS, VPT_RESOURCE_PCI_WINDOW);
    }
    *window = windows[0];
    assert_same_of(bar, mock_pci_bar_address(&pci.function, 0), bars.bar[0].address);
    pci_end();
    return bars.bar[0].address;
}

Test(pci_place, each_kind_has_its_limits)
{
    static const struct {
        const char *text;
        const char *bar;
        struct vpt_pci_window window;
        uint64_t address; /* 0: it does not fit */
    } rows[] = {
        { "up to 4 GiB:", "m8K", MEMORY(0xffffe000, 5 * GIB), 0xffffe000 },
        { "just beyond 4 GiB:", "m8K", MEMORY(0xffffe001, 5 * GIB), 0 },
        { "above 4 GiB:", "m4K", MEMORY(4 * GIB, 5 * GIB), 0 },
        { "64 bits across 4 GiB:", "q8K", MEMORY(0xffffe001, 5 * GIB), 4 * GIB },
        { "2 GiB:", "m2G", MEMORY(1, 5 * GIB), 2 * GIB },
        { "up to 1 MiB:", "l4K", MEMORY(0xff000, 0x200000), 0xff000 },
        { "beyond 1 MiB:", "l4K", MEMORY(0xff001, 0x200000), 0 },
        { "up to 64 KiB of I/O:", "i32", IO(0xffe0, 0xfffff), 0xffe0 },
        { "beyond 64 KiB of I/O:", "i32", IO(0xffe1, 0xfffff), 0 },
        { "all of the I/O window:", "i4", IO(0xc001, 0xc007), 0xc004 },
        { "a port too few:", "i8", IO(0xc001, 0xc00e), 0 },
        { "all of the window:", "m4K", MEMORY(0xe0000000, 0xe0000fff), 0xe0000000 },
        { "a byte too few:", "m4K", MEMORY(0xe0000000, 0xe0000ffe), 0 },
        { "the window's second page:", "m4K", MEMORY(0xe0000001, 0xe0001fff), 0xe0001000 },
        { "a byte too few there:", "m4K", MEMORY(0xe0000001, 0xe0001ffe), 0 },
        { "an empty window:", "m4K", MEMORY(0xe0001000, 0xe0000fff), 0 },
        { "a page of its own for 64 bytes:", "m64", MEMORY(0xe0000800, 0xe0001fff), 0xe0001000 },
        { "another's byte in its page:", "m64", MEMORY(0xe0000800, 0xe0001ffe), 0 },
        { "a full window:", "m4K", { VPT_PCI_BAR_MEMORY, false, 0xe0000000, 0xe0ffffff, true }, 0 },
        { "a window of no kind:", "m4K", { VPT_PCI_BAR_NONE, false, 0xe0000000, 0xe0ffffff, false }, 0 },
        { "an I/O window:", "m4K", IO(0xe0000000, 0xe0ffffff), 0 },
        { "a prefetchable window:", "m4K", PREFETCHABLE(0xd0000000, 0xdfffffff), 0 },
        { "the same for 64:", "q4K", PREFETCHABLE(0xd0000000, 0xdfffffff), 0 },
        { "a page at 0:", "m16", MEMORY(0, 0xffffff), 4 * KIB },
        { "1 MiB at 0:", "q1M", MEMORY(0, 0xffffff), MIB },
        { "I/O port 0:", "i16", IO(0, 0xffff), 16 },
        { "nothing but the page at 0:", "m16", MEMORY(0, 0xfff), 0 },
        { "rounding up would wrap:", "q4K", MEMORY(UINT64_MAX - 0xffe, UINT64_MAX), 0 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_pci_window window = rows[i].window;

        assert_same_of(rows[i].text, place_one(rows[i].bar, &window), rows[i].address);
    }
}

Test(pci_place, a_window_is_filled_to_its_end)
{
    struct vpt_pci_window low = MEMORY(0xe0000000, 0xe0003fff);
    struct vpt_pci_window last = MEMORY(UINT64_MAX - 0x2ffe, UINT64_MAX);
    struct vpt_pci_window whole = MEMORY(0, UINT64_MAX);

    for (unsigned i = 0; i < 4; i++) {
        assert_same(place_one("q4K", &low), 0xe0000000 + i * 4 * KIB);
        assert_same(low.next, 0xe0001000 + i * 4 * KIB);
        assert_same(low.full, i == 3);
    }
    assert_same(place_one("q4K", &low), 0);
    assert_same(place_one("q4K", &last), UINT64_MAX - 0x1fff);
    assert_same(last.next, UINT64_MAX - 0xfff);
    cr_assert(!last.full);
    assert_same(place_one("q4K", &last), UINT64_MAX - 0xfff);
    cr_assert(last.full);
    assert_same(place_one("q4K", &last), 0);
    assert_same(place_one("q8E", &whole), UINT64_C(1) << 63);
    cr_assert(whole.full);
    assert_same(place_one("q4K", &whole), 0);
}

/* ---- All or nothing ---- */

/* BARs in both windows, of which the last one assigned is BAR 4. */
static const struct placing several = { "m32K q16K m4K i64",
                                        { MEMORY(0xe0000000, 0xe0ffffff), IO(0xc000, 0xffff) },
                                        "" };

static void make_several(void)
{
    make(&several);
    mock_pci_command_set(&pci.function, 0x0147);
    pci_remember();
}

Test(pci_place, one_that_does_not_fit_keeps_the_others_out)
{
    static const struct vpt_pci_window narrow[] = { MEMORY(0xe0000000, 0xe0007fff), MEMORY(16 * GIB, 17 * GIB),
                                                    MEMORY(0xe1000000, 0xe1ffffff), IO(0xffc1, 0xffff) };

    make_several();
    memcpy(windows, narrow, sizeof(windows));
    window_count = 4;
    check_nothing("no I/O port", VPT_PCI_ALL_BARS, VPT_RESOURCE_PCI_WINDOW);
    assert_same(pci.function.command_count, 0);
    assert_status(place(0x2f), VPT_OK);
    check_placed("m32K@e0000000 q16K@400000000 m4K@e1000000 i64");
    pci_end();
}

Test(pci_place, a_register_that_does_not_hold_its_address_is_told)
{
    static const uint16_t offsets[] = { 0x10, 0x14, 0x18, 0x1c, 0x20 };

    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        make_several();
        if (offsets[i] == 0x18) { /* the upper half of BAR 1, which must not be 0 */
            windows[0] = (struct vpt_pci_window)MEMORY(16 * GIB, 17 * GIB);
            bars.bar[0].kind = VPT_PCI_BAR_NONE;
            bars.bar[3].kind = VPT_PCI_BAR_NONE;
        }
        mock_pci_set_writable(&pci.function, offsets[i], 4, 0);
        check_nothing("a stuck register", VPT_PCI_ALL_BARS, VPT_DEVICE_PCI_BAR);
        pci_end();
    }
}

/* All are placed, most of them written, when the last one fails; one had its address from firmware. */
Test(pci_place, a_register_that_fails_after_the_others_undoes_them)
{
    static const struct vpt_pci_window three[] = { MEMORY(0xe0000000, 0xe0001fff), MEMORY(16 * GIB, 17 * GIB - 1),
                                                   MEMORY(0xe1000000, 0xe1ffffff) };

    make(&(struct placing){ "m4K@febd1000 q64K m8K m4K", { three[0], three[1], three[2] }, "" });
    mock_pci_set_writable(&pci.function, 0x20, 4, 0);
    check_nothing("BAR 4", VPT_PCI_ALL_BARS, VPT_DEVICE_PCI_BAR);
    pci_end();
    make(&(struct placing){ "m4K m4K m4K m4K m4K m4K R4K", { three[0], three[2] }, "" });
    mock_pci_set_writable(&pci.function, 0x30, 4, 0);
    check_nothing("the ROM", WITH_ROM, VPT_DEVICE_PCI_BAR);
    mock_pci_set_writable(&pci.function, 0x30, 4, 0xfffff001);
    assert_status(place(WITH_ROM), VPT_OK);
    check_placed("m4K@e0000000 m4K@e0001000 m4K@e1000000 m4K@e1001000 m4K@e1002000 m4K@e1003000 R4K@e1004000");
    pci_end();
}

Test(pci_place, nothing_is_placed_while_decoding_stays_on)
{
    make_several();
    mock_pci_set_writable(&pci.function, 4, 2, 0x0545);
    pci.bus.rules_off = true;
    check_nothing("decoding stays on", VPT_PCI_ALL_BARS, VPT_DEVICE_PCI_COMMAND);
    pci_end();
}

static enum vpt_status place_several(void)
{
    return place(VPT_PCI_ALL_BARS);
}

/* The last write puts the command register back, when all is done; nobody sees a function that goes before that. */
static void check_failure(const struct pci_failure *failure)
{
    bool last = failure->n == failure->of;

    if (failure->kind == PCI_WRITE_FAILS && last) {
        return;
    }
    if (failure->kind == PCI_VANISHES) {
        cr_assert(last || failure->status != VPT_OK, "%s", failure->text);
    } else {
        assert_status_of(failure->text, failure->status, pci.bus.fail_status);
        assert_same_of(failure->text, pci_words_changed(), 0);
    }
    if (failure->status != VPT_OK) {
        pci_check_bars(&bars, several.bars);
    }
    for (unsigned i = 0; i < window_count && failure->status != VPT_OK; i++) {
        assert_same_of(failure->text, windows[i].next, several.windows[i].next);
        assert_same_of(failure->text, windows[i].full, false);
    }
}

Test(pci_place, an_access_that_fails_leaves_all_as_it_was)
{
    pci_each_failure(make_several, place_several, check_failure);
}

/* ---- Arguments ---- */

Test(pci_place, bars_that_sizing_never_gives_are_refused)
{
    static const struct {
        const char *text;
        unsigned index;
        struct vpt_pci_bar bar;
    } rows[] = {
        { "no size", 0, { .size = 0, .kind = VPT_PCI_BAR_MEMORY } },
        { "no power of two", 0, { .size = 0x3000, .kind = VPT_PCI_BAR_MEMORY } },
        { "no kind", 0, { .size = 0x1000, .kind = (enum vpt_pci_bar_kind)4 } },
        { "the last one of 64 bits", 5, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } },
        { "64 bits, and the next one is there", 2, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } },
        { "I/O of 64 bits", 0, { .size = 0x10, .kind = VPT_PCI_BAR_IO, .is_64bit = true } },
        { "a ROM of 64 bits", 6, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make(&(struct placing){ "- - - m4K", { MEMORY(0xe0000000, 0xe0ffffff) }, "" });
        bars.bar[rows[i].index] = rows[i].bar;
        check_nothing(rows[i].text, WITH_ROM, VPT_CALLER_ARGUMENT);
        assert_same(pci.function.command_count, 0);
        pci_end();
    }
}

Test(pci_place, arguments_that_make_no_sense_are_refused)
{
    make(&(struct placing){ "", { { 0 } }, "" });
    assert_status(vpt_pci_bars_place(&pci.here, NULL, VPT_PCI_ALL_BARS, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, 0x80, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
    pci_end();
    make_several();
    window_count = 0;
    check_nothing("no window", VPT_PCI_ALL_BARS, VPT_RESOURCE_PCI_WINDOW);
    pci_end();
}

/* ---- Addresses that were there before ---- */

Test(pci_place, an_address_outside_the_windows_is_found)
{
    static const struct vpt_pci_window given[] = { MEMORY(0xe0000000, 0xefffffff), IO(0xc000, 0xffff) };
    static const struct {
        const char *text;
        struct vpt_pci_bar bar;
        enum vpt_status expected;
    } rows[] = {
        { "first:", { .address = 0xe0000000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { "last:", { .address = 0xeffff000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { "beyond the end:",
          { .address = 0xeffff000, .size = 0x2000, .kind = VPT_PCI_BAR_MEMORY },
          VPT_DEVICE_PCI_BAR },
        { "before the window:",
          { .address = 0x00100000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY },
          VPT_DEVICE_PCI_BAR },
        { "no size:", { .address = 0xe0000000, .size = 0, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { "too large:", { .address = 0xe0000000, .size = UINT64_MAX, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { "at the end of all:",
          { .address = 0xfffffffffffff000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY },
          VPT_DEVICE_PCI_BAR },
        { "I/O:", { .address = 0xc000, .size = 0x80, .kind = VPT_PCI_BAR_IO }, VPT_OK },
        { "before the I/O window:", { .address = 0xbff0, .size = 0x10, .kind = VPT_PCI_BAR_IO }, VPT_DEVICE_PCI_BAR },
        { "memory in the I/O window:",
          { .address = 0xc000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY },
          VPT_DEVICE_PCI_BAR },
        { "no address:", { .address = 0, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { "no BAR:", { .address = 0, .size = 0, .kind = VPT_PCI_BAR_NONE }, VPT_OK },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_pci_bars some = { .bar = { [2] = rows[i].bar } };

        assert_status_of(rows[i].text, vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS, given, 2), rows[i].expected);
        assert_status_of(rows[i].text, vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS & ~4u, given, 2), VPT_OK);
    }
    assert_status(vpt_pci_bars_check(NULL, VPT_PCI_ALL_BARS, given, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
}
