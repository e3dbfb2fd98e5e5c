/* SPDX-License-Identifier: MIT */
/* What base address registers say, and how large what is behind them is. */
#include <string.h>

#include "pci_room.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define GIB UINT64_C(0x40000000)

static struct vpt_pci_bars bars;

static enum vpt_status size(void)
{
    memset(&bars, 0xee, sizeof(bars));
    return vpt_pci_bars_size(&room.here, &bars);
}

/* Sizes, and whatever that comes to, everything is as before. */
static enum vpt_status size_quietly(void)
{
    enum vpt_status status;

    room_remember();
    status = size();
    cr_assert(room_unchanged(), "everything is put back");
    if (status != VPT_OK) {
        cr_assert(all_zero(&bars, sizeof(bars)));
    }
    return status;
}

static void check(unsigned index, enum vpt_pci_bar_kind kind, uint64_t address, uint64_t bar_size)
{
    const struct vpt_pci_bar *bar = &bars.bar[index];

    cr_assert(bar->kind == kind, "BAR %u", index);
    cr_assert(bar->address == address, "BAR %u is at 0x%llx", index, (unsigned long long)bar->address);
    cr_assert(bar->size == bar_size, "BAR %u has 0x%llx bytes", index, (unsigned long long)bar->size);
    if (kind == VPT_PCI_BAR_NONE) {
        cr_assert(all_zero(bar, sizeof(*bar)));
    }
}

static void check_flags(unsigned index, bool is_64bit, bool prefetchable, bool below_1mib)
{
    const struct vpt_pci_bar *bar = &bars.bar[index];

    cr_assert(bar->is_64bit == is_64bit && bar->prefetchable == prefetchable && bar->below_1mib == below_1mib, "BAR %u",
              index);
}

/* One of each kind: 16-bit I/O, memory, an old kind, 64-bit prefetchable in two registers, none; a ROM. */
static void make_one_of_each(void)
{
    room_bar(0, (struct mock_pci_bar){ .size = 128, .io = true, .io_16bit = true });
    room_bar(1, (struct mock_pci_bar){ .size = 4 * KIB });
    room_bar(2, (struct mock_pci_bar){ .size = 64 * KIB, .below_1mib = true });
    room_bar(3, (struct mock_pci_bar){ .size = 8 * GIB, .is_64bit = true, .prefetchable = true });
    room_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 256 * KIB });
    mock_pci_bar_assign(&room.function, 0, 0xc080);
    mock_pci_bar_assign(&room.function, 1, 0xfebd1000);
    mock_pci_bar_assign(&room.function, 2, 0xd0000);
    mock_pci_bar_assign(&room.function, 3, UINT64_C(0x80000000000));
    mock_pci_bar_assign(&room.function, MOCK_PCI_ROM, 0xfeb80000);
}

/* ---- Reading ---- */

Test(pci_bar, reading_writes_nothing_and_knows_no_sizes)
{
    room_begin(0);
    make_one_of_each();
    mock_pci_command_set(&room.function, 0x0007);
    memset(&bars, 0xee, sizeof(bars));
    assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
    check(0, VPT_PCI_BAR_IO, 0xc080, 0);
    check(1, VPT_PCI_BAR_MEMORY, 0xfebd1000, 0);
    check(2, VPT_PCI_BAR_MEMORY, 0xd0000, 0);
    check(3, VPT_PCI_BAR_MEMORY, UINT64_C(0x80000000000), 0);
    check(4, VPT_PCI_BAR_NONE, 0, 0);
    check(5, VPT_PCI_BAR_MEMORY, 0, 0);
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfeb80000, 0);
    check_flags(2, false, false, true);
    check_flags(3, true, true, false);
    check_flags(5, false, false, false);
    cr_assert(room.function.config_writes == 0);
    assert_status(vpt_pci_bars_read(&room.here, NULL), VPT_CALLER_ARGUMENT);
    room_end();
}

Test(pci_bar, a_64_bit_address_may_end_in_all_ones)
{
    room_begin(0);
    room_bar(0, (struct mock_pci_bar){ .size = 16, .is_64bit = true });
    mock_pci_bar_assign(&room.function, 0, UINT64_C(0xffffffff80000000));
    assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
    check(0, VPT_PCI_BAR_MEMORY, UINT64_C(0xffffffff80000000), 0);
    room_end();
}

Test(pci_bar, a_function_that_goes_while_it_is_read)
{
    for (unsigned n = 1; n <= 8; n++) {
        room_begin(0);
        make_one_of_each();
        mock_trigger_set(&room.function.vanish, n, 0);
        assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_DEVICE_GONE);
        cr_assert(all_zero(&bars, sizeof(bars)));
        room_end();
        room_begin(0);
        make_one_of_each();
        mock_trigger_set(&room.bus.fail_read, n, 1);
        assert_status(vpt_pci_bars_read(&room.here, &bars), room.bus.fail_status);
        cr_assert(all_zero(&bars, sizeof(bars)));
        room_end();
    }
    room_begin(0);
    make_one_of_each();
    mock_trigger_set(&room.function.vanish, 9, 0);
    assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
    room_end();
}

/* ---- Sizing ---- */

Test(pci_bar, one_of_each_kind)
{
    room_begin(0);
    make_one_of_each();
    mock_pci_set(&room.function, 6, 2, 0xf910);
    assert_status(size_quietly(), VPT_OK);
    check(0, VPT_PCI_BAR_IO, 0xc080, 128);
    check(1, VPT_PCI_BAR_MEMORY, 0xfebd1000, 4 * KIB);
    check(2, VPT_PCI_BAR_MEMORY, 0xd0000, 64 * KIB);
    check(3, VPT_PCI_BAR_MEMORY, UINT64_C(0x80000000000), 8 * GIB);
    check(4, VPT_PCI_BAR_NONE, 0, 0);
    check(5, VPT_PCI_BAR_NONE, 0, 0);
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfeb80000, 256 * KIB);
    check_flags(0, false, false, false);
    check_flags(1, false, false, false);
    check_flags(2, false, false, true);
    check_flags(3, true, true, false);
    check_flags(VPT_PCI_ROM, false, false, false);
    assert_status(vpt_pci_bars_size(&room.here, NULL), VPT_CALLER_ARGUMENT);
    room_end();
}

Test(pci_bar, decoding_is_off_meanwhile_and_comes_back_last)
{
    static const uint16_t commands[] = { 0x0000, 0x0001, 0x0002, 0x0007, 0x0546, 0x0547 };

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        room_begin(0);
        make_one_of_each();
        mock_pci_set(&room.function, 0x30, 4, 0xfeb80001); /* the ROM is enabled */
        mock_pci_command_set(&room.function, commands[i]);
        assert_status(size_quietly(), VPT_OK);
        cr_assert(room.function.command_count == 2);
        cr_assert(room.function.commands[0].value == (commands[i] & ~7u));
        cr_assert(room.function.commands[1].value == commands[i]);
        cr_assert(room.function.commands[1].sequence == room.bus.sequence, "the command register comes last");
        check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfeb80000, 256 * KIB);
        room_end();
    }
}

Test(pci_bar, every_size)
{
    for (unsigned shift = 2; shift < 64; shift++) {
        uint64_t bytes = UINT64_C(1) << shift;
        bool io = shift < 16;
        bool memory = shift >= 4;
        bool low = shift < 32;

        room_begin(0);
        if (io) {
            room_bar(0, (struct mock_pci_bar){ .size = bytes, .io = true });
            room_bar(1, (struct mock_pci_bar){ .size = bytes, .io = true, .io_16bit = true });
        }
        if (memory && low) {
            room_bar(2, (struct mock_pci_bar){ .size = bytes, .prefetchable = true });
        }
        if (memory) {
            room_bar(4, (struct mock_pci_bar){ .size = bytes, .is_64bit = true });
        }
        if (shift >= 11 && low) {
            room_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = bytes });
        }
        assert_status(size_quietly(), VPT_OK);
        check(0, io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_NONE, 0, io ? bytes : 0);
        check(1, io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_NONE, 0, io ? bytes : 0);
        check(2, memory && low ? VPT_PCI_BAR_MEMORY : VPT_PCI_BAR_NONE, 0, memory && low ? bytes : 0);
        check(3, VPT_PCI_BAR_NONE, 0, 0);
        check(4, memory ? VPT_PCI_BAR_MEMORY : VPT_PCI_BAR_NONE, 0, memory ? bytes : 0);
        check(5, VPT_PCI_BAR_NONE, 0, 0);
        check(VPT_PCI_ROM, shift >= 11 && low ? VPT_PCI_BAR_MEMORY : VPT_PCI_BAR_NONE, 0,
              shift >= 11 && low ? bytes : 0);
        room_end();
    }
}

Test(pci_bar, the_register_after_a_64_bit_one_is_no_bar)
{
    room_begin(0);
    room_bar(0, (struct mock_pci_bar){ .size = 16 * KIB, .is_64bit = true });
    room_bar(2, (struct mock_pci_bar){ .size = 16 * KIB, .is_64bit = true });
    room_bar(4, (struct mock_pci_bar){ .size = 16 * KIB, .is_64bit = true });
    /* Upper halves that would be I/O BARs, were they any. */
    mock_pci_bar_assign(&room.function, 0, UINT64_C(0x0000c00180000000));
    mock_pci_bar_assign(&room.function, 2, UINT64_C(0x0000c00100000000));
    assert_status(size_quietly(), VPT_OK);
    check(0, VPT_PCI_BAR_MEMORY, UINT64_C(0xc00180000000), 16 * KIB);
    check(1, VPT_PCI_BAR_NONE, 0, 0);
    check(2, VPT_PCI_BAR_MEMORY, UINT64_C(0xc00100000000), 16 * KIB);
    check(3, VPT_PCI_BAR_NONE, 0, 0);
    check(4, VPT_PCI_BAR_MEMORY, 0, 16 * KIB);
    check(5, VPT_PCI_BAR_NONE, 0, 0);
    room_end();
}

Test(pci_bar, an_old_kind_may_lack_the_bits_above_1_mib)
{
    room_begin(0);
    room_bar(0, (struct mock_pci_bar){ .size = 32 * KIB, .below_1mib = true });
    mock_pci_set_writable(&room.function, 0x10, 4, 0x000f8000);
    assert_status(size_quietly(), VPT_OK);
    check(0, VPT_PCI_BAR_MEMORY, 0, 32 * KIB);
    check_flags(0, false, false, true);
    room_end();
}

/* Bits 1 to 10 of a ROM's register are no address; newer functions tell there whether they have found it valid. */
Test(pci_bar, a_rom_s_other_bits)
{
    room_begin(0);
    room_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 64 * KIB });
    mock_pci_set(&room.function, 0x30, 4, 0xfe0107fe);
    assert_status(size_quietly(), VPT_OK);
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfe010000, 64 * KIB);
    assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfe010000, 0);
    room_end();
}

/* ---- Header types ---- */

Test(pci_bar, a_bridge_has_two_and_a_rom)
{
    room_begin(1);
    mock_pci_set(&room.function, 0x18, 4, 0x00050403);
    room_bar(0, (struct mock_pci_bar){ .size = 4 * KIB, .is_64bit = true });
    room_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 2 * KIB });
    mock_pci_bar_assign(&room.function, MOCK_PCI_ROM, 0xfe000800);
    assert_status(size_quietly(), VPT_OK);
    check(0, VPT_PCI_BAR_MEMORY, 0, 4 * KIB);
    for (unsigned i = 1; i < VPT_PCI_BARS_MAX; i++) {
        check(i, VPT_PCI_BAR_NONE, 0, 0);
    }
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfe000800, 2 * KIB);
    assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
    check(2, VPT_PCI_BAR_NONE, 0, 0);
    check(VPT_PCI_ROM, VPT_PCI_BAR_MEMORY, 0xfe000800, 0);
    room_end();
}

Test(pci_bar, other_headers_have_none)
{
    static const uint8_t types[] = { 2, 3, 0x7e };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        room_begin(types[i]);
        mock_pci_set(&room.function, 0x10, 4, 0xfebd1000);
        mock_pci_set(&room.function, 0x18, 4, 0x00050403);
        assert_status(size_quietly(), VPT_OK);
        cr_assert(all_zero(&bars, sizeof(bars)));
        cr_assert(room.function.config_writes == 0);
        memset(&bars, 0xee, sizeof(bars));
        assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
        cr_assert(all_zero(&bars, sizeof(bars)));
        room_end();
    }
}

/* ---- Registers that are wrong ---- */

static const char *const names[] = { "BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM" };

static void check_named(unsigned index, uint64_t lines)
{
    cr_assert(room.hal.log_count == lines, "%llu lines", (unsigned long long)room.hal.log_count);
    cr_assert(room.hal.log[lines - 1].status == VPT_DEVICE_PCI_BAR);
    cr_assert(strcmp(room.hal.log[lines - 1].subject, names[index]) == 0, "%s", room.hal.log[lines - 1].subject);
}

/* One BAR is broken, and named; another one serves. */
static void check_broken(unsigned index, unsigned good)
{
    struct vpt_pci_window windows[] = { { VPT_PCI_BAR_MEMORY, false, 0xe0000000, 0xe0ffffff, false },
                                        { VPT_PCI_BAR_IO, false, 0xc000, 0xcfff, false } };
    struct vpt_pci_bars before;

    room.hal.log_count = 0;
    mock_pci_command_set(&room.function, 0x0547);
    assert_status(size_quietly(), VPT_OK);
    cr_assert(bars.bar[index].kind == VPT_PCI_BAR_BROKEN && bars.bar[index].size == 0, "BAR %u", index);
    check_named(index, 1);
    check(good, VPT_PCI_BAR_MEMORY, 0, 64);
    before = bars;
    assert_status(vpt_pci_bars_place(&room.here, &bars, VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM, windows, 2), VPT_OK);
    cr_assert(bars.bar[good].address == 0xe0000000);
    cr_assert(memcmp(&bars.bar[index], &before.bar[index], sizeof(before.bar[index])) == 0);
    assert_status(vpt_pci_bars_restore(&room.here, &bars), VPT_OK);
    room_end();
}

Test(pci_bar, the_reserved_type)
{
    for (unsigned index = 0; index < 6; index++) {
        room_begin(0);
        mock_pci_set(&room.function, (uint16_t)(0x10 + 4 * index), 4, 0x6);
        room_bar(index != 5 ? 5 : 0, (struct mock_pci_bar){ .size = 64 });
        assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
        check(index, VPT_PCI_BAR_BROKEN, 0, 0);
        check_named(index, 1);
        check_broken(index, index != 5 ? 5 : 0);
    }
}

Test(pci_bar, a_64_bit_one_in_the_last_register)
{
    for (uint8_t type = 0; type < 2; type++) {
        unsigned last = type == 0 ? 5 : 1;

        room_begin(type);
        mock_pci_set(&room.function, (uint16_t)(0x10 + 4 * last), 4, 0x4);
        room_bar(0, (struct mock_pci_bar){ .size = 64 });
        assert_status(vpt_pci_bars_read(&room.here, &bars), VPT_OK);
        check(last, VPT_PCI_BAR_BROKEN, 0, 0);
        check_broken(last, 0);
    }
}

/* A BAR in registers 2 and 3 whose address bits are these; another one in register 5. */
static void make_bits(const struct mock_pci_bar *bar, uint64_t mask)
{
    room_begin(0);
    room_bar(2, *bar);
    room_bar(5, (struct mock_pci_bar){ .size = 64 });
    mock_pci_set_writable(&room.function, 0x18, 4, (uint32_t)mask);
    mock_pci_set_writable(&room.function, 0x1c, 4, (uint32_t)(mask >> 32));
}

Test(pci_bar, bits_with_a_hole)
{
    static const struct {
        struct mock_pci_bar bar;
        uint64_t mask;
    } wrong[] = {
        { { .size = 4 * KIB }, 0xffffe800 },
        { { .size = 4 * KIB }, 0x80001000 },
        { { .size = 4 * KIB, .io = true }, 0xffff0080 },
        { { .size = 32 * KIB, .below_1mib = true }, 0x000e8000 },
        { { .size = 4 * KIB, .is_64bit = true }, UINT64_C(0xffffffff00001000) },
        { { .size = 4 * KIB, .is_64bit = true }, UINT64_C(0xfffffffefffff000) },
        { { .size = 4 * KIB, .is_64bit = true }, UINT64_C(0x8000000080000000) },
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        make_bits(&wrong[i].bar, wrong[i].mask);
        check_broken(2, 5);
    }
    room_begin(0);
    room_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 4 * KIB });
    room_bar(0, (struct mock_pci_bar){ .size = 64 });
    mock_pci_set_writable(&room.function, 0x30, 4, 0xffffa801);
    check_broken(VPT_PCI_ROM, 0);
}

/* Upper bits that are wired to 0: the size is the lowest one, and the BAR is given addresses that it can hold. */
Test(pci_bar, bits_that_end_early)
{
    static const struct {
        struct mock_pci_bar bar;
        uint64_t mask;
        uint64_t size;
        uint64_t address; /* that it is given: the highest window that it reaches */
    } right[] = {
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x3fffff00000), MIB, 0x100000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x1fff00000), MIB, 0x100000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0xfff00000), MIB, 0xe0000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x7ff00000), MIB, 0x10000000 },
        { { .size = 4 * KIB }, 0x7ffff000, 4 * KIB, 0x10000000 },
        { { .size = 4 * KIB }, 0x1ffff000, 4 * KIB, 0x10000000 },
        { { .size = 4 * KIB }, 0x00001000, 4 * KIB, 0 },
        { { .size = 4 * KIB }, 0x0ffff000, 4 * KIB, 0 },
        { { .size = 256, .io = true }, 0x0000ff00, 256, 0xc000 },
        { { .size = 256, .io = true }, 0x00ffff00, 256, 0xc000 },
        { { .size = 256, .io = true }, 0x00007f00, 256, 0 },
        { { .size = 32 * KIB, .below_1mib = true }, 0x001f8000, 32 * KIB, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(right); i++) {
        struct vpt_pci_window windows[] = { { VPT_PCI_BAR_MEMORY, true, 0x100000000, 0x1ffffffff, false },
                                            { VPT_PCI_BAR_MEMORY, false, 0xe0000000, 0xe0ffffff, false },
                                            { VPT_PCI_BAR_MEMORY, false, 0x10000000, 0x10ffffff, false },
                                            { VPT_PCI_BAR_IO, false, 0xc000, 0xcfff, false } };
        bool room_for_it = right[i].address != 0;

        make_bits(&right[i].bar, right[i].mask);
        assert_status(size_quietly(), VPT_OK);
        check(2, right[i].bar.io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_MEMORY, 0, right[i].size);
        cr_assert(room.hal.log_count == 0);
        assert_status(vpt_pci_bars_place(&room.here, &bars, 1u << 2, windows, 4),
                      room_for_it ? VPT_OK : VPT_RESOURCE_PCI_WINDOW);
        cr_assert(bars.bar[2].address == right[i].address, "%zu: 0x%llx", i, (unsigned long long)bars.bar[2].address);
        cr_assert(mock_pci_bar_address(&room.function, 2) == right[i].address);
        room_end();
    }
}

/* Bits that tell the kind are read-only; a register where they change is none. */
Test(pci_bar, a_kind_that_changes)
{
    static const uint32_t masks[] = { 0xfffff002, 0xfffff004, 0xfffff008 };

    for (size_t i = 0; i <= COUNT_OF(masks); i++) {
        room_begin(0);
        room_bar(0, (struct mock_pci_bar){ .size = 64 });
        mock_pci_set(&room.function, 0x20, 4, i < COUNT_OF(masks) ? 0 : 1);
        mock_pci_set_writable(&room.function, 0x20, 4, i < COUNT_OF(masks) ? masks[i] : 0xffffff02);
        check_broken(4, 0);
    }
}

static void narrow(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    (void)ctx;
    (void)width;
    if (mock_pci_get(function, offset, 4) == 0xfffff000) {
        mock_pci_set(function, offset, 4, 0xfff00000);
    }
}

/* It answers 1 MiB, and is at 0xe0001000. */
Test(pci_bar, an_address_that_has_other_bits_than_the_size)
{
    struct mock_pci_hook hook = { .first = 0x14, .last = 0x17, .after_write = narrow };

    room_begin(0);
    room_bar(0, (struct mock_pci_bar){ .size = 64 });
    room_bar(1, (struct mock_pci_bar){ .size = 4 * KIB });
    mock_pci_bar_assign(&room.function, 1, 0xe0001000);
    mock_pci_hook_add(&room.function, &hook);
    check_broken(1, 0);
}

/* A 64-bit one without an address bit is none, and the register after it is none either. */
Test(pci_bar, type_bits_alone_make_no_bar)
{
    room_begin(0);
    mock_pci_set(&room.function, 0x10, 4, 0xc);
    mock_pci_set(&room.function, 0x18, 4, 0x1);
    room_bar(3, (struct mock_pci_bar){ .size = 32 });
    assert_status(size_quietly(), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        check(i, VPT_PCI_BAR_NONE, 0, 0);
    }
    check(3, VPT_PCI_BAR_MEMORY, 0, 32);
    room_end();
}

/* ---- What goes wrong meanwhile ---- */

Test(pci_bar, decoding_that_stays_on)
{
    for (unsigned bit = 0; bit < 3; bit++) {
        room_begin(0);
        make_one_of_each();
        mock_pci_command_set(&room.function, 0x0547);
        mock_pci_set_writable(&room.function, 4, 2, 0x0547u & ~(1u << bit));
        room.bus.rules_off = true;
        assert_status(size_quietly(), VPT_DEVICE_PCI_COMMAND);
        cr_assert(room.function.config_writes == 2, "no BAR is touched");
        room_end();
    }
}

/* A sizing with all that there is in it; how many reads and writes it takes. */
static void begin_full(uint64_t *reads, uint64_t *writes)
{
    room_begin(0);
    make_one_of_each();
    mock_pci_set(&room.function, 0x30, 4, 0xfeb80001);
    mock_pci_command_set(&room.function, 0x0547);
    room_remember();
    if (reads != NULL) {
        assert_status(size(), VPT_OK);
        *reads = room.function.config_reads;
        *writes = room.function.config_writes;
    }
}

Test(pci_bar, a_read_that_fails)
{
    uint64_t reads;
    uint64_t writes;

    begin_full(&reads, &writes);
    room_end();
    for (unsigned n = 1; n <= reads; n++) {
        begin_full(NULL, NULL);
        mock_trigger_set(&room.bus.fail_read, n, 1);
        assert_status(size_quietly(), room.bus.fail_status);
        room_end();
    }
}

/* Only the register whose own restoring failed is not as before; the command register too is tried whatever happens. */
Test(pci_bar, a_write_that_fails)
{
    uint64_t reads;
    uint64_t writes;
    unsigned hurt = 0;

    begin_full(&reads, &writes);
    room_end();
    for (unsigned n = 1; n <= writes; n++) {
        begin_full(NULL, NULL);
        mock_trigger_set(&room.bus.fail_write, n, 1);
        assert_status(size(), room.bus.fail_status);
        cr_assert(all_zero(&bars, sizeof(bars)));
        cr_assert(room_words_changed() <= 1);
        cr_assert((mock_pci_command(&room.function) == 0x0547) == (n < writes));
        hurt += room_words_changed();
        room_end();
    }
    /* BARs 0 to 2, the upper half of BAR 3 (of the lower one no bit sticks), the ROM's enable bit, the command. */
    cr_assert(hurt == 6, "%u", hurt);
}

Test(pci_bar, a_function_that_goes)
{
    uint64_t reads;
    uint64_t writes;

    begin_full(&reads, &writes);
    room_end();
    for (unsigned n = 1; n < reads + writes; n++) {
        begin_full(NULL, NULL);
        mock_trigger_set(&room.function.vanish, n, 0);
        memset(&bars, 0xee, sizeof(bars));
        /* Three writes come after the last read. */
        assert_status(size(), n <= reads + writes - 3 ? VPT_DEVICE_GONE : VPT_OK);
        cr_assert(room.function.vanish.seen <= reads + writes);
        if (n <= reads + writes - 3) {
            cr_assert(all_zero(&bars, sizeof(bars)));
        }
        room_end();
    }
}
