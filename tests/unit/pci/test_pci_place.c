/* SPDX-License-Identifier: MIT */
/* Giving BARs addresses from windows. */
#include <string.h>

#include "pci_setup.h"

#define WITH_ROM (VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM)

static struct vpt_pci_bars bars;

/* Sizes what was made before. */
static void sized(void)
{
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    pci.function.command_count = 0;
}

/* The BAR is there for the caller and in the register, and takes what its window says. */
static void check_at(unsigned index, uint64_t address)
{
    cr_assert(bars.bar[index].address == address, "BAR %u is at 0x%llx", index,
              (unsigned long long)bars.bar[index].address);
    cr_assert(mock_pci_bar_address(&pci.function, index) == address, "BAR %u in its register", index);
}

/* An assignment that comes to `expected`, after which nothing has changed anywhere. */
static void check_nothing(unsigned which, struct vpt_pci_window *windows, unsigned count, enum vpt_status expected)
{
    struct vpt_pci_bars old_bars = bars;
    struct vpt_pci_window old_windows[8];

    memcpy(old_windows, windows, count * sizeof(windows[0]));
    pci_remember();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, which, windows, count), expected);
    cr_assert(pci_unchanged());
    cr_assert(memcmp(&old_bars, &bars, sizeof(bars)) == 0);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(windows[i].next == old_windows[i].next && windows[i].full == old_windows[i].full, "window %u", i);
    }
}

/* One memory BAR of so many bytes, one window: where it comes to be, or 0. */
static uint64_t place(const struct mock_pci_bar *bar, struct vpt_pci_window *window)
{
    uint64_t address;

    pci_begin(0);
    pci_bar(0, *bar);
    sized();
    if (vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, window, 1) != VPT_OK) {
        check_nothing(VPT_PCI_ALL_BARS, window, 1, VPT_RESOURCE_PCI_WINDOW);
    }
    address = bars.bar[0].address;
    check_at(0, address);
    pci_end();
    return address;
}

/* ---- Where ---- */

Test(pci_place, biggest_first_each_at_a_multiple_of_its_size)
{
    struct vpt_pci_window windows[] = { IO(0xc004, 0xcfff), MEMORY(0xe0001000, 0xe0ffffff) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 32, .io = true });
    pci_bar(1, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(2, (struct mock_pci_bar){ .size = 64 * KIB });
    pci_bar(3, (struct mock_pci_bar){ .size = 16 });
    pci_bar(4, (struct mock_pci_bar){ .size = MIB, .is_64bit = true });
    mock_pci_command_set(&pci.function, 0x0543);
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 2), VPT_OK);
    check_at(0, 0xc020);
    check_at(4, 0xe0100000);
    check_at(2, 0xe0200000);
    check_at(1, 0xe0210000);
    check_at(3, 0xe0211000);
    cr_assert(windows[0].next == 0xc040 && !windows[0].full);
    cr_assert(windows[1].next == 0xe0212000 && !windows[1].full, "a page of its own for 16 bytes");
    cr_assert(pci.function.command_count == 2 && pci.function.commands[0].value == 0x0540);
    cr_assert(pci.function.commands[1].value == 0x0543);
    cr_assert(pci.function.commands[1].sequence == pci.bus.sequence, "the command register comes last");
    cr_assert(bars.bar[5].kind == VPT_PCI_BAR_NONE && bars.bar[5].address == 0);
    pci_end();
}

Test(pci_place, what_has_an_address_keeps_it)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0ffffff) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(1, (struct mock_pci_bar){ .size = 8 * KIB });
    mock_pci_bar_assign(&pci.function, 1, 0xfebd2000);
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 1), VPT_OK);
    check_at(0, 0xe0000000);
    check_at(1, 0xfebd2000);
    cr_assert(windows[0].next == 0xe0001000);
    check_nothing(VPT_PCI_ALL_BARS, windows, 1, VPT_OK);
    check_nothing(VPT_PCI_ALL_BARS, windows, 0, VPT_OK);
    pci_end();
}

Test(pci_place, only_those_asked_for)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0ffffff) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(1, (struct mock_pci_bar){ .size = 8 * KIB });
    pci_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 64 * KIB });
    sized();
    check_nothing(0, windows, 1, VPT_OK);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, 1u << 1, windows, 1), VPT_OK);
    check_at(0, 0);
    check_at(1, 0xe0000000);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 1), VPT_OK);
    check_at(0, 0xe0002000);
    check_at(VPT_PCI_ROM, 0);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, WITH_ROM, windows, 1), VPT_OK);
    check_at(VPT_PCI_ROM, 0xe0010000);
    cr_assert((mock_pci_get(&pci.function, 0x30, 4) & 1) == 0, "the ROM stays off");
    pci_end();
}

Test(pci_place, a_bridge_s_own)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0ffffff) };

    pci_begin(1);
    mock_pci_set(&pci.function, 0x18, 4, 0x00050403);
    pci_bar(0, (struct mock_pci_bar){ .size = 8 * KIB, .is_64bit = true });
    pci_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 4 * KIB });
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, WITH_ROM, windows, 1), VPT_OK);
    check_at(0, 0xe0000000);
    check_at(VPT_PCI_ROM, 0xe0002000);
    cr_assert(mock_pci_get(&pci.function, 0x18, 4) == 0x00050403);
    /* A made-up third one would overwrite the bus numbers. */
    bars.bar[2] = (struct vpt_pci_bar){ .size = 4 * KIB, .kind = VPT_PCI_BAR_MEMORY };
    check_nothing(VPT_PCI_ALL_BARS, windows, 1, VPT_CALLER_ARGUMENT);
    pci_end();
}

/* ---- Which window ---- */

Test(pci_place, prefetchable_ones_prefer_windows_of_their_own_and_high_ones)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe00fffff), PREFETCHABLE(0xd0000000, 0xd00fffff),
                                        PREFETCHABLE(4 * GIB, 5 * GIB - 1) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB, .is_64bit = true, .prefetchable = true });
    pci_bar(2, (struct mock_pci_bar){ .size = 4 * KIB, .prefetchable = true });
    pci_bar(3, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(4, (struct mock_pci_bar){ .size = 4 * KIB, .is_64bit = true });
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 3), VPT_OK);
    check_at(0, 4 * GIB);
    check_at(2, 0xd0000000);
    check_at(3, 0xe0000000);
    check_at(4, 0xe0001000);
    pci_end();
}

Test(pci_place, prefetchable_ones_fall_back)
{
    struct vpt_pci_window windows[] = { PREFETCHABLE(0xd0000000, 0xd0000fff), MEMORY(0xe0000000, 0xe00fffff),
                                        MEMORY(8 * GIB, 9 * GIB - 1) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 8 * KIB, .is_64bit = true, .prefetchable = true });
    pci_bar(2, (struct mock_pci_bar){ .size = 8 * KIB, .prefetchable = true });
    pci_bar(3, (struct mock_pci_bar){ .size = 4 * KIB, .prefetchable = true });
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 3), VPT_OK);
    check_at(0, 8 * GIB);
    check_at(2, 0xe0000000);
    check_at(3, 0xd0000000);
    cr_assert(windows[0].full);
    pci_end();
}

Test(pci_place, others_never_come_into_a_prefetchable_window)
{
    struct vpt_pci_window windows[] = { PREFETCHABLE(0xd0000000, 0xdfffffff), IO(0x1000, 0xffff) };

    for (unsigned is_64bit = 0; is_64bit < 2; is_64bit++) {
        pci_begin(0);
        pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB, .is_64bit = is_64bit != 0 });
        sized();
        check_nothing(VPT_PCI_ALL_BARS, windows, 2, VPT_RESOURCE_PCI_WINDOW);
        pci_end();
    }
}

Test(pci_place, a_64_bit_one_goes_wherever_it_fits)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0000fff), MEMORY(16 * GIB + 4096, 17 * GIB - 1) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 256 * KIB, .is_64bit = true });
    pci_bar(2, (struct mock_pci_bar){ .size = 4 * KIB });
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 2), VPT_OK);
    check_at(0, 16 * GIB + 256 * KIB);
    check_at(2, 0xe0000000);
    pci_end();
}

/* ---- Limits ---- */

Test(pci_place, limits_of_each_kind)
{
    static const struct {
        struct mock_pci_bar bar;
        struct vpt_pci_window window;
        uint64_t address; /* 0: it does not fit */
    } cases[] = {
        { { .size = 8 * KIB }, MEMORY(0xffffe000, 5 * GIB), 0xffffe000 },
        { { .size = 8 * KIB }, MEMORY(0xffffe001, 5 * GIB), 0 },
        { { .size = 4 * KIB }, MEMORY(4 * GIB, 5 * GIB), 0 },
        { { .size = 8 * KIB, .is_64bit = true }, MEMORY(0xffffe001, 5 * GIB), 4 * GIB },
        { { .size = 2 * GIB }, MEMORY(1, 5 * GIB), 2 * GIB },
        { { .size = 4 * KIB, .below_1mib = true }, MEMORY(0xff000, 0x200000), 0xff000 },
        { { .size = 4 * KIB, .below_1mib = true }, MEMORY(0xff001, 0x200000), 0 },
        { { .size = 32, .io = true }, IO(0xffe0, 0xfffff), 0xffe0 },
        { { .size = 32, .io = true }, IO(0xffe1, 0xfffff), 0 },
        { { .size = 4, .io = true }, IO(0xc001, 0xc007), 0xc004 },
        { { .size = 8, .io = true }, IO(0xc001, 0xc00e), 0 },
        { { .size = 4 * KIB }, MEMORY(0xe0000000, 0xe0000fff), 0xe0000000 },
        { { .size = 4 * KIB }, MEMORY(0xe0000000, 0xe0000ffe), 0 },
        { { .size = 4 * KIB }, MEMORY(0xe0000001, 0xe0001fff), 0xe0001000 },
        { { .size = 4 * KIB }, MEMORY(0xe0000001, 0xe0001ffe), 0 },
        { { .size = 4 * KIB }, MEMORY(0xe0001000, 0xe0000fff), 0 }, /* an empty window */
        { { .size = 64 }, MEMORY(0xe0000800, 0xe0001ffe), 0 },      /* the rest of the page may be another's */
        { { .size = 64 }, MEMORY(0xe0000800, 0xe0001fff), 0xe0001000 },
        { { .size = 4 * KIB }, { VPT_PCI_BAR_MEMORY, false, 0xe0000000, 0xe0ffffff, true }, 0 },
        { { .size = 4 * KIB }, { VPT_PCI_BAR_NONE, false, 0xe0000000, 0xe0ffffff, false }, 0 },
        { { .size = 4 * KIB }, IO(0xe0000000, 0xe0ffffff), 0 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vpt_pci_window window = cases[i].window;
        uint64_t address = place(&cases[i].bar, &window);

        cr_assert(address == cases[i].address, "case %zu: 0x%llx", i, (unsigned long long)address);
    }
}

Test(pci_place, address_0_is_never_given)
{
    struct vpt_pci_window memory = MEMORY(0, 0xffffff);
    struct vpt_pci_window io = IO(0, 0xffff);
    struct vpt_pci_window only_0 = MEMORY(0, 0xfff);

    cr_assert(place(&(struct mock_pci_bar){ .size = 16 }, &memory) == 4 * KIB);
    cr_assert(place(&(struct mock_pci_bar){ .size = MIB, .is_64bit = true }, &memory) == MIB);
    cr_assert(place(&(struct mock_pci_bar){ .size = 16, .io = true }, &io) == 16);
    cr_assert(place(&(struct mock_pci_bar){ .size = 16 }, &only_0) == 0);
}

Test(pci_place, a_window_up_to_the_last_address)
{
    struct mock_pci_bar bar = { .size = 4 * KIB, .is_64bit = true };
    struct mock_pci_bar huge = { .size = UINT64_C(1) << 63, .is_64bit = true };
    struct vpt_pci_window window = MEMORY(UINT64_MAX - 0x2ffe, UINT64_MAX);
    struct vpt_pci_window whole = MEMORY(0, UINT64_MAX);

    cr_assert(place(&bar, &window) == UINT64_MAX - 0x1fff);
    cr_assert(window.next == UINT64_MAX - 0xfff && !window.full);
    cr_assert(place(&bar, &window) == UINT64_MAX - 0xfff);
    cr_assert(window.full);
    cr_assert(place(&bar, &window) == 0);
    window = (struct vpt_pci_window)MEMORY(UINT64_MAX - 0xffe, UINT64_MAX);
    cr_assert(place(&bar, &window) == 0, "rounding up would wrap");
    cr_assert(place(&huge, &whole) == UINT64_C(1) << 63);
    cr_assert(whole.full);
    cr_assert(place(&bar, &whole) == 0);
}

Test(pci_place, a_window_is_filled_to_its_end)
{
    struct mock_pci_bar bar = { .size = 4 * KIB };
    struct vpt_pci_window window = MEMORY(0xe0000000, 0xe0003fff);

    for (unsigned i = 0; i < 4; i++) {
        cr_assert(place(&bar, &window) == 0xe0000000 + i * 4 * KIB);
        cr_assert(window.full == (i == 3) && window.next == 0xe0001000 + i * 4 * KIB);
    }
    cr_assert(place(&bar, &window) == 0);
}

/* ---- All or nothing ---- */

static struct vpt_pci_window plenty[] = { MEMORY(0xe0000000, 0xe0ffffff), IO(0xc000, 0xffff) };

/* BARs in both windows, of which the last one assigned is BAR 4. */
static void make_several(void)
{
    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 32 * KIB });
    pci_bar(1, (struct mock_pci_bar){ .size = 16 * KIB, .is_64bit = true });
    pci_bar(3, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(4, (struct mock_pci_bar){ .size = 64, .io = true });
    mock_pci_command_set(&pci.function, 0x0147);
    sized();
}

Test(pci_place, one_that_does_not_fit)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0007fff), MEMORY(16 * GIB, 17 * GIB),
                                        MEMORY(0xe1000000, 0xe1ffffff), IO(0xffc1, 0xffff) };

    make_several();
    check_nothing(VPT_PCI_ALL_BARS, windows, 4, VPT_RESOURCE_PCI_WINDOW);
    cr_assert(pci.function.command_count == 0);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, 0x2f, windows, 4), VPT_OK);
    check_at(0, 0xe0000000);
    check_at(1, 16 * GIB);
    check_at(3, 0xe1000000);
    pci_end();
}

Test(pci_place, a_register_that_does_not_hold_it)
{
    static const uint16_t offsets[] = { 0x10, 0x14, 0x18, 0x1c, 0x20 };

    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        make_several();
        if (offsets[i] == 0x18) {
            plenty[0].next = 16 * GIB; /* so that the upper half is not 0 */
            plenty[0].last = 17 * GIB;
            bars.bar[0].kind = VPT_PCI_BAR_NONE;
            bars.bar[3].kind = VPT_PCI_BAR_NONE;
        }
        mock_pci_set_writable(&pci.function, offsets[i], 4, 0);
        check_nothing(VPT_PCI_ALL_BARS, plenty, 2, VPT_DEVICE_PCI_BAR);
        plenty[0].next = 0xe0000000;
        plenty[0].last = 0xe0ffffff;
        pci_end();
    }
}

/* All seven are on paper, most of them written, when the last one fails; one had its address from firmware. */
Test(pci_place, a_register_that_fails_after_the_others)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0001fff), MEMORY(16 * GIB, 17 * GIB - 1),
                                        MEMORY(0xe1000000, 0xe1ffffff) };

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB });
    pci_bar(1, (struct mock_pci_bar){ .size = 64 * KIB, .is_64bit = true });
    pci_bar(3, (struct mock_pci_bar){ .size = 8 * KIB });
    pci_bar(4, (struct mock_pci_bar){ .size = 4 * KIB });
    mock_pci_bar_assign(&pci.function, 0, 0xfebd1000);
    sized();
    mock_pci_set_writable(&pci.function, 0x20, 4, 0);
    check_nothing(VPT_PCI_ALL_BARS, windows, 3, VPT_DEVICE_PCI_BAR);
    pci_end();
    pci_begin(0);
    for (unsigned i = 0; i < 7; i++) {
        pci_bar(i, (struct mock_pci_bar){ .size = 4 * KIB });
    }
    sized();
    mock_pci_set_writable(&pci.function, 0x30, 4, 0);
    check_nothing(WITH_ROM, windows, 3, VPT_DEVICE_PCI_BAR);
    mock_pci_set_writable(&pci.function, 0x30, 4, 0xfffff001);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, WITH_ROM, windows, 3), VPT_OK);
    check_at(0, 0xe0000000);
    check_at(1, 0xe0001000);
    check_at(VPT_PCI_ROM, 0xe1004000);
    pci_end();
}

/* Bits 1 to 10 of a ROM's register are no address, and may read as anything. */
Test(pci_place, a_rom_s_other_bits)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0ffffff) };

    pci_begin(0);
    pci_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 4 * KIB });
    mock_pci_set(&pci.function, 0x30, 4, 0x7fe);
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, &bars, WITH_ROM, windows, 1), VPT_OK);
    check_at(VPT_PCI_ROM, 0xe0000000);
    pci_end();
}

Test(pci_place, decoding_that_stays_on)
{
    make_several();
    mock_pci_set_writable(&pci.function, 4, 2, 0x0545);
    pci.bus.rules_off = true;
    check_nothing(VPT_PCI_ALL_BARS, plenty, 2, VPT_DEVICE_PCI_COMMAND);
    pci_end();
}

Test(pci_place, a_port_that_fails)
{
    struct vpt_pci_window windows[2];
    uint64_t reads;
    uint64_t writes;

    make_several();
    reads = pci.function.config_reads;
    writes = pci.function.config_writes;
    memcpy(windows, plenty, sizeof(windows));
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 2), VPT_OK);
    reads = pci.function.config_reads - reads;
    writes = pci.function.config_writes - writes;
    pci_end();
    for (unsigned n = 1; n <= reads; n++) {
        make_several();
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        check_nothing(VPT_PCI_ALL_BARS, plenty, 2, pci.bus.fail_status);
        pci_end();
    }
    /* The last one puts the command register back. */
    for (unsigned n = 1; n < writes; n++) {
        make_several();
        mock_trigger_set(&pci.bus.fail_write, n, 1);
        check_nothing(VPT_PCI_ALL_BARS, plenty, 2, pci.bus.fail_status);
        pci_end();
    }
    for (unsigned n = 1; n < reads + writes; n++) {
        struct vpt_pci_bars none = { 0 };

        make_several();
        none = bars;
        memcpy(windows, plenty, sizeof(windows));
        mock_trigger_set(&pci.function.vanish, n, 0);
        cr_assert(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, windows, 2) != VPT_OK);
        cr_assert(memcmp(&none, &bars, sizeof(bars)) == 0);
        cr_assert(windows[0].next == plenty[0].next && windows[1].next == plenty[1].next);
        pci_end();
    }
}

/* ---- Arguments ---- */

Test(pci_place, bars_that_sizing_never_gives)
{
    static const struct {
        unsigned index;
        struct vpt_pci_bar bar;
    } wrong[] = {
        { 0, { .size = 0, .kind = VPT_PCI_BAR_MEMORY } },
        { 0, { .size = 0x3000, .kind = VPT_PCI_BAR_MEMORY } },
        { 0, { .size = 0x1000, .kind = (enum vpt_pci_bar_kind)4 } },
        { 5, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } },
        { 2, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } }, /* the next one is there */
        { 0, { .size = 0x10, .kind = VPT_PCI_BAR_IO, .is_64bit = true } },
        { 6, { .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true } },
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        pci_begin(0);
        pci_bar(3, (struct mock_pci_bar){ .size = 4 * KIB });
        sized();
        bars.bar[wrong[i].index] = wrong[i].bar;
        check_nothing(WITH_ROM, plenty, 2, VPT_CALLER_ARGUMENT);
        cr_assert(pci.function.command_count == 0);
        pci_end();
    }
}

Test(pci_place, arguments)
{
    pci_begin(0);
    sized();
    assert_status(vpt_pci_bars_place(&pci.here, NULL, VPT_PCI_ALL_BARS, plenty, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, 0x80, plenty, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
    pci_bar(0, (struct mock_pci_bar){ .size = 4 * KIB });
    sized();
    check_nothing(VPT_PCI_ALL_BARS, plenty, 0, VPT_RESOURCE_PCI_WINDOW);
    pci_end();
}

/* ---- Addresses that were there before ---- */

Test(pci_place, an_address_outside_the_windows_is_found)
{
    static const struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xefffffff), IO(0xc000, 0xffff) };
    static const struct {
        struct vpt_pci_bar bar;
        enum vpt_status expected;
    } cases[] = {
        { { .address = 0xe0000000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { { .address = 0xeffff000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { { .address = 0xeffff000, .size = 0x2000, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0x00100000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0xe0000000, .size = 0, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0xe0000000, .size = UINT64_MAX, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0xfffffffffffff000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0xc000, .size = 0x80, .kind = VPT_PCI_BAR_IO }, VPT_OK },
        { { .address = 0xbff0, .size = 0x10, .kind = VPT_PCI_BAR_IO }, VPT_DEVICE_PCI_BAR },
        { { .address = 0xc000, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_DEVICE_PCI_BAR },
        { { .address = 0, .size = 0x1000, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
        { { .address = 0, .size = 0, .kind = VPT_PCI_BAR_NONE }, VPT_OK },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vpt_pci_bars some = { .bar = { [2] = cases[i].bar } };

        cr_assert(vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS, windows, 2) == cases[i].expected, "case %zu", i);
        assert_status(vpt_pci_bars_check(&some, VPT_PCI_ALL_BARS & ~4u, windows, 2), VPT_OK);
    }
    assert_status(vpt_pci_bars_check(NULL, VPT_PCI_ALL_BARS, windows, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_check(&bars, VPT_PCI_ALL_BARS, NULL, 0), VPT_OK);
}
