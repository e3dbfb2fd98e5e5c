/* SPDX-License-Identifier: MIT */
/* Giving BARs addresses from windows. */
#include <string.h>

#include "pci_setup.h"

#define WITH_ROM (VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM)
#define LOW      "m:e0000000-e0ffffff"

static struct vpt_pci_bars bars;
static struct vpt_pci_window windows[4];
static unsigned window_count;

/* A function with BARs as in pci_bars(), sized, and windows as in pci_windows(). */
static void make_of_type(uint8_t header_type, const char *bar_text, const char *window_text)
{
    pci_begin(header_type);
    pci_bars(&pci.function, bar_text);
    window_count = pci_windows(windows, window_text);
    mock_pci_command_set(&pci.function, 0x0543);
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    pci.function.command_count = 0;
}

static void make(const char *bar_text, const char *window_text)
{
    make_of_type(0, bar_text, window_text);
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
static void check_place(const char *bar_text, const char *window_text, const char *placed)
{
    make(bar_text, window_text);
    assert_status_of(placed, place(VPT_PCI_ALL_BARS), VPT_OK);
    check_placed(placed);
    assert_same(pci.function.command_count, 2);
    assert_same(pci.function.commands[0].value, 0x0540);
    assert_same(pci.function.commands[1].value, 0x0543);
    assert_same(pci.function.commands[1].sequence, pci.bus.sequence);
    check_nothing(placed, VPT_PCI_ALL_BARS, VPT_OK);
    window_count = 0;
    check_nothing(placed, VPT_PCI_ALL_BARS, VPT_OK);
    pci_end();
}

Test(pci_place, biggest_first_each_in_the_window_that_suits_it_best)
{
    check_place("i32 m4K m64K m16 q1M", "i:c004-cfff m:e0001000-e0ffffff",
                "i32@c020 m4K@e0210000 m64K@e0200000 m16@e0211000 q1M@e0100000");
    /* Prefetchable ones prefer windows of their own, and high ones; they fall back to others. */
    check_place("r4K p4K m4K q4K", "m:e0000000-e00fffff p:d0000000-d00fffff p:100000000-13fffffff",
                "r4K@100000000 p4K@d0000000 m4K@e0000000 q4K@e0001000");
    check_place("r8K p8K p4K", "p:d0000000-d0000fff m:e0000000-e00fffff m:200000000-23fffffff",
                "r8K@200000000 p8K@e0000000 p4K@d0000000");
    /* A 64-bit one goes wherever it fits. */
    check_place("q256K m4K", "m:e0000000-e0000fff m:400001000-43fffffff", "q256K@400040000 m4K@e0000000");
}

/* Which may have been done by firmware. */
Test(pci_place, a_bar_that_has_an_address_keeps_it)
{
    make("m4K m8K@febd2000", LOW);
    assert_status(place(VPT_PCI_ALL_BARS), VPT_OK);
    check_placed("m4K@e0000000 m8K@febd2000");
    assert_same(windows[0].next, 0xe0001000);
    pci_end();
}

/* A ROM stays off, and bits 1 to 10 of its register, which are no address, may read as anything. */
Test(pci_place, only_those_asked_for_are_placed)
{
    make("m4K m8K R64K", LOW);
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
    make_of_type(1, "q8K R4K", LOW);
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

/* Places one BAR in what is left of a window: where it comes to be, or 0. */
static uint64_t place_more(const char *bar)
{
    struct vpt_pci_window window = windows[0];

    make(bar, "");
    windows[0] = window;
    window_count = 1;
    if (place(VPT_PCI_ALL_BARS) != VPT_OK) {
        check_nothing(bar, VPT_PCI_ALL_BARS, VPT_RESOURCE_PCI_WINDOW);
    }
    assert_same_of(bar, mock_pci_bar_address(&pci.function, 0), bars.bar[0].address);
    pci_end();
    return bars.bar[0].address;
}

static uint64_t place_one(const char *bar, const char *window)
{
    (void)pci_windows(windows, window);
    return place_more(bar);
}

Test(pci_place, each_kind_has_its_limits)
{
    assert_same(place_one("m8K", "m:ffffe000-140000000"), 0xffffe000);
    assert_same(place_one("m8K", "m:ffffe001-140000000"), 0); /* 32-bit memory ends at 4 GiB */
    assert_same(place_one("m4K", "m:100000000-140000000"), 0);
    assert_same(place_one("q8K", "m:ffffe001-140000000"), 4 * GIB);
    assert_same(place_one("m2G", "m:1-140000000"), 2 * GIB);
    assert_same(place_one("l4K", "m:ff000-200000"), 0xff000);
    assert_same(place_one("l4K", "m:ff001-200000"), 0); /* it has to be below 1 MiB */
    assert_same(place_one("i32", "i:ffe0-fffff"), 0xffe0);
    assert_same(place_one("i32", "i:ffe1-fffff"), 0); /* ports end at 64 KiB */
    assert_same(place_one("i4", "i:c001-c007"), 0xc004);
    assert_same(place_one("i8", "i:c001-c00e"), 0);
    assert_same(place_one("m4K", "m:e0000000-e0000fff"), 0xe0000000);
    assert_same(place_one("m4K", "m:e0000000-e0000ffe"), 0); /* a byte is missing */
    assert_same(place_one("m4K", "m:e0000001-e0001fff"), 0xe0001000);
    assert_same(place_one("m4K", "m:e0000001-e0001ffe"), 0);
    assert_same(place_one("m4K", "m:e0001000-e0000fff"), 0); /* an empty window */
    assert_same(place_one("m64", "m:e0000800-e0001fff"), 0xe0001000);
    assert_same(place_one("m64", "m:e0000800-e0001ffe"), 0); /* the rest of the page may be another's */
    assert_same(place_one("m4K", "i:e0000000-e0ffffff"), 0);
    assert_same(place_one("m4K", "p:d0000000-dfffffff"), 0); /* not prefetchable */
    assert_same(place_one("q4K", "p:d0000000-dfffffff"), 0);
    assert_same(place_one("m16", "m:0-ffffff"), 4 * KIB); /* address 0 is never given */
    assert_same(place_one("q1M", "m:0-ffffff"), MIB);
    assert_same(place_one("i16", "i:0-ffff"), 16);
    assert_same(place_one("m16", "m:0-fff"), 0);
    assert_same(place_one("q4K", "m:fffffffffffff001-ffffffffffffffff"), 0); /* rounding up would wrap */
    (void)pci_windows(windows, LOW);
    windows[0].full = true;
    assert_same(place_more("m4K"), 0);
    (void)pci_windows(windows, LOW);
    windows[0].kind = VPT_PCI_BAR_NONE;
    assert_same(place_more("m4K"), 0);
}

/* BARs come to be at these addresses; after the last one the window is full, and nothing fits. */
static void check_filling(const char *window, const char *bar, const uint64_t *addresses, unsigned count)
{
    (void)pci_windows(windows, window);
    for (unsigned i = 0; i < count; i++) {
        assert_same_of(window, place_more(bar), addresses[i]);
        assert_same_of(window, windows[0].full, i + 1 == count);
        assert_same_of(window, windows[0].next, i + 1 == count ? windows[0].last + 1 : addresses[i + 1]);
    }
    assert_same_of(window, place_more("q4K"), 0);
}

Test(pci_place, a_window_is_filled_to_its_end)
{
    static const uint64_t low[] = { 0xe0000000, 0xe0001000, 0xe0002000, 0xe0003000 };
    static const uint64_t last[] = { UINT64_MAX - 0x1fff, UINT64_MAX - 0xfff };
    static const uint64_t half[] = { UINT64_C(1) << 63 };
    static const uint64_t ports[] = { 0xc000, 0xc020 };

    check_filling("m:e0000000-e0003fff", "m4K", low, 4);
    check_filling("m:e0000000-e0003fff", "m16", low, 4); /* each has a page of its own */
    check_filling("i:c000-c03f", "i32", ports, 2);
    check_filling("m:ffffffffffffd001-ffffffffffffffff", "q4K", last, 2);
    check_filling("m:0-ffffffffffffffff", "q8E", half, 1);
}

/* ---- All or nothing ---- */

static const char several[] = "m32K q16K m4K i64";

static void make_several(void)
{
    make(several, LOW " i:c000-ffff");
    mock_pci_command_set(&pci.function, 0x0147);
    pci_remember();
}

Test(pci_place, one_that_does_not_fit_keeps_the_others_out)
{
    make(several, "m:e0000000-e0007fff m:400000000-440000000 m:e1000000-e1ffffff i:ffc1-ffff");
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
            (void)pci_windows(windows, "m:400000000-440000000");
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
    make("m4K@febd1000 q64K m8K m4K", "m:e0000000-e0001fff m:400000000-43fffffff m:e1000000-e1ffffff");
    mock_pci_set_writable(&pci.function, 0x20, 4, 0);
    check_nothing("BAR 4", VPT_PCI_ALL_BARS, VPT_DEVICE_PCI_BAR);
    pci_end();
    make("m4K m4K m4K m4K m4K m4K R4K", "m:e0000000-e0001fff m:e1000000-e1ffffff");
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
    if (failure->n == failure->of && failure->kind != PCI_READ_FAILS) {
        return;
    }
    if (failure->kind == PCI_VANISHES) {
        cr_assert(failure->status != VPT_OK, "%s", failure->text);
    } else {
        assert_status_of(failure->text, failure->status, failure->expected);
        assert_same_of(failure->text, pci_words_changed(), 0);
    }
    pci_check_bars(&bars, several);
    assert_same_of(failure->text, windows[0].next, 0xe0000000);
    assert_same_of(failure->text, windows[1].next, 0xc000);
}

Test(pci_place, an_access_that_fails_leaves_all_as_it_was)
{
    pci_each_failure(make_several, place_several, check_failure);
}

/* ---- Arguments ---- */

static void check_wrong(const char *row, unsigned index, enum vpt_pci_bar_kind kind, uint64_t size, bool is_64bit)
{
    make("- - - m4K", LOW);
    bars.bar[index] = (struct vpt_pci_bar){ .size = size, .kind = kind, .is_64bit = is_64bit };
    check_nothing(row, WITH_ROM, VPT_CALLER_ARGUMENT);
    assert_same_of(row, pci.function.command_count, 0);
    pci_end();
}

Test(pci_place, bars_that_sizing_never_gives_are_refused)
{
    check_wrong("no size", 0, VPT_PCI_BAR_MEMORY, 0, false);
    check_wrong("no power of two", 0, VPT_PCI_BAR_MEMORY, 0x3000, false);
    check_wrong("no kind", 0, (enum vpt_pci_bar_kind)4, 0x1000, false);
    check_wrong("the last one of 64 bits", 5, VPT_PCI_BAR_MEMORY, 0x1000, true);
    check_wrong("64 bits, and the next one is there", 2, VPT_PCI_BAR_MEMORY, 0x1000, true);
    check_wrong("I/O of 64 bits", 0, VPT_PCI_BAR_IO, 0x10, true);
    check_wrong("a ROM of 64 bits", 6, VPT_PCI_BAR_MEMORY, 0x1000, true);
}

Test(pci_place, arguments_that_make_no_sense_are_refused)
{
    make("", "");
    assert_status(vpt_pci_bars_place(&pci.here, NULL, VPT_PCI_ALL_BARS, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, 0x80, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
    pci_end();
    make("m4K", "");
    check_nothing("no window", VPT_PCI_ALL_BARS, VPT_RESOURCE_PCI_WINDOW);
    pci_end();
}

/* ---- Addresses that were there before ---- */

static void check_check(const char *bar_text, enum vpt_status expected)
{
    struct vpt_pci_bars some;

    (void)pci_windows(windows, "m:e0000000-efffffff i:c000-ffff");
    pci_parse_bars(bar_text, &some);
    assert_status_of(bar_text, vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS, windows, 2), expected);
    assert_status_of(bar_text, vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS & ~4u, windows, 2), VPT_OK);
}

Test(pci_place, an_address_outside_the_windows_is_found)
{
    check_check("- - m4K@e0000000", VPT_OK);
    check_check("- - m4K@effff000", VPT_OK);
    check_check("- - m8K@effff000", VPT_DEVICE_PCI_BAR);
    check_check("- - m4K@100000", VPT_DEVICE_PCI_BAR);
    check_check("- - m@e0000000", VPT_DEVICE_PCI_BAR);
    check_check("- - m18446744073709551615@e0000000", VPT_DEVICE_PCI_BAR);
    check_check("- - m4K@fffffffffffff000", VPT_DEVICE_PCI_BAR);
    check_check("- - i128@c000", VPT_OK);
    check_check("- - i16@bff0", VPT_DEVICE_PCI_BAR);
    check_check("- - m4K@c000", VPT_DEVICE_PCI_BAR);
    check_check("- - m4K", VPT_OK);
    check_check("-", VPT_OK);
    assert_status(vpt_pci_bars_check(NULL, VPT_PCI_ALL_BARS, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
}
