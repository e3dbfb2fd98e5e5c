/* SPDX-License-Identifier: MIT */
/* What base address registers say, and how large what is behind them is. */
#include <string.h>

#include "pci_setup.h"

static struct vpt_pci_bars bars;

static enum vpt_status size(void)
{
    memset(&bars, 0xee, sizeof(bars));
    return vpt_pci_bars_size(&pci.here, &bars);
}

static enum vpt_status read(void)
{
    memset(&bars, 0xee, sizeof(bars));
    return vpt_pci_bars_read(&pci.here, &bars);
}

/* Whatever sizing comes to, every register is as before. */
static enum vpt_status size_quietly(void)
{
    enum vpt_status status;

    pci_remember();
    status = size();
    assert_same(pci_words_changed(), 0);
    cr_assert(status == VPT_OK || all_zero(&bars, sizeof(bars)));
    return status;
}

static const char each_kind[] = "i128@c080 m4K@febd1000 l64K@d0000 r8G@80000000000 R256K@feb80000";

static void make_each_kind(void)
{
    pci_begin(0);
    pci_bars(&pci.function, each_kind);
    mock_pci_set_writable(&pci.function, 0x10, 4, 0xff80); /* the I/O BAR has no upper half */
    pci_set(0x30, 4, 0xfeb80001);                          /* the ROM is enabled */
    mock_pci_command_set(&pci.function, 0x0547);
    pci_remember();
}

/* ---- What is found ---- */

Test(pci_bar, reading_writes_nothing_and_knows_no_sizes)
{
    make_each_kind();
    assert_status(read(), VPT_OK);
    pci_check_bars(&bars, "i@c080 m@febd1000 l@d0000 r@80000000000 m R@feb80000");
    assert_same(pci.function.config_writes, 0);
    assert_status(vpt_pci_bars_read(&pci.here, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_bars_size(&pci.here, NULL), VPT_CALLER_ARGUMENT);
    pci_end();
}

Test(pci_bar, decoding_is_off_while_sizing_and_comes_back_last)
{
    static const uint16_t commands[] = { 0x0000, 0x0001, 0x0002, 0x0007, 0x0546, 0x0547 };

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        make_each_kind();
        pci_set(6, 2, 0xf910);
        mock_pci_command_set(&pci.function, commands[i]);
        assert_status(size_quietly(), VPT_OK);
        pci_check_bars(&bars, each_kind);
        assert_same(pci.function.command_count, 2);
        assert_same(pci.function.commands[0].value, commands[i] & ~7u);
        assert_same(pci.function.commands[1].value, commands[i]);
        assert_same(pci.function.commands[1].sequence, pci.bus.sequence);
        pci_end();
    }
}

Test(pci_bar, every_size_is_found)
{
    for (unsigned shift = 2; shift < 64; shift++) {
        char size_text[8];
        char text[64] = "";

        (void)snprintf(size_text, sizeof(size_text), "%u%.1s", 1u << shift % 10, &" KMGTPE"[shift / 10]);
        size_text[strcspn(size_text, " ")] = '\0';
        if (shift < 4) {
            (void)snprintf(text, sizeof(text), "i%s i%s", size_text, size_text);
        } else if (shift < 16) {
            (void)snprintf(text, sizeof(text), "i%s i%s p%s - q%s", size_text, size_text, size_text, size_text);
        } else if (shift < 32) {
            (void)snprintf(text, sizeof(text), "- - p%s - q%s R%s", size_text, size_text, size_text);
        } else {
            (void)snprintf(text, sizeof(text), "- - - - q%s", size_text);
        }
        pci_begin(0);
        pci_bars(&pci.function, text);
        if (shift < 16) {
            mock_pci_set_writable(&pci.function, 0x14, 4, 0x10000u - (1u << shift)); /* no upper half */
        }
        assert_status(size_quietly(), VPT_OK);
        pci_check_bars(&bars, text);
        pci_end();
    }
}

/* BARs that sizing finds as they were made, after this value of a register; and what reading finds. */
static void check_found(uint8_t header_type, const char *sized, uint16_t offset, uint32_t value, const char *read_text)
{
    pci_begin(header_type);
    pci_bars(&pci.function, sized);
    pci_set(offset, 4, value);
    assert_status_of(sized, read(), VPT_OK);
    pci_check_bars(&bars, read_text);
    assert_status_of(sized, size_quietly(), VPT_OK);
    pci_check_bars(&bars, sized);
    assert_same_of(sized, pci.function.config_writes == 0, header_type > 1);
    pci_end();
}

/* A ROM's bits 1 to 10 are no address; newer functions tell there whether they have found the ROM valid. */
Test(pci_bar, what_a_register_may_hold_beside_an_address)
{
    check_found(0, "q16@ffffffff80000000", 0x40, 0, "q@ffffffff80000000 m m m m R");
    check_found(0, "q16K@c00180000000 q16K@c00100000000 q16K", 0x40, 0, "q@c00180000000 q@c00100000000 q R");
    check_found(0, "R64K@fe010000", 0x30, 0xfe0107fe, "m m m m m m R@fe010000");
    check_found(1, "q4K R2K@fe000800", 0x18, 0x00050403, "q R@fe000800"); /* bus numbers are no BAR */
    check_found(2, "", 0x10, 0xfebd1000, "");
    check_found(3, "", 0x18, 0x00050403, "");
    check_found(0x7e, "", 0x10, 0xfebd1000, "");
}

PCI_FUNCTION_TEST(pci_bar, a_bar_below_1_mib_may_lack_the_bits_above)
{
    pci_bars(&pci.function, "l32K");
    mock_pci_set_writable(&pci.function, 0x10, 4, 0x000f8000);
    assert_status(size_quietly(), VPT_OK);
    pci_check_bars(&bars, "l32K");
}

/* Register 1 would be the upper half of a 64-bit BAR, if that had any address bit. */
PCI_FUNCTION_TEST(pci_bar, type_bits_alone_make_no_bar)
{
    pci_bars(&pci.function, "- - - m32");
    pci_set(0x10, 4, 0xc);
    pci_set(0x18, 4, 0x1);
    assert_status(size_quietly(), VPT_OK);
    pci_check_bars(&bars, "- - - m32");
}

/* ---- Registers that are wrong ---- */

/* Index 6 is the ROM. */
static void check_broken(const char *row, unsigned index)
{
    static const char *const names[] = { "BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM" };

    assert_same_of(row, bars.bar[index].kind, VPT_PCI_BAR_BROKEN);
    assert_same_of(row, bars.bar[index].size, 0);
    assert_same_of(row, pci.hal.log_count, 1);
    assert_status_of(row, pci.hal.log[0].status, VPT_DEVICE_PCI_BAR);
    cr_assert(strcmp(pci.hal.log[0].subject, names[index]) == 0, "%s: %s", row, pci.hal.log[0].subject);
}

/* Sizing names the broken BAR and leaves it alone from then on; a good one of 64 bytes serves. */
static void check_sizing_broken(const char *row, unsigned index, unsigned good)
{
    struct vpt_pci_window windows[2];
    struct vpt_pci_bar before;

    pci.hal.log_count = 0;
    mock_pci_command_set(&pci.function, 0x0547);
    assert_status_of(row, size_quietly(), VPT_OK);
    check_broken(row, index);
    before = bars.bar[index];
    (void)pci_windows(windows, "m:e0000000-e0ffffff i:c000-cfff");
    assert_status_of(row, vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM, windows, 2),
                     VPT_OK);
    assert_same_of(row, bars.bar[good].address, 0xe0000000);
    assert_same_of(row, bars.bar[good].size, 64);
    cr_assert(memcmp(&bars.bar[index], &before, sizeof(before)) == 0, "%s", row);
    assert_status_of(row, vpt_pci_bars_restore(&pci.here, &bars), VPT_OK);
    pci_end();
}

/* BARs of which the one at `index` is wrong, by its value if it has no size, and by its writable bits. */
struct broken {
    const char *text;
    uint8_t header_type;
    const char *bars;
    unsigned index;
    uint32_t value;
    uint64_t mask; /* 0: reading shows what is wrong */
};

static void make_broken(const struct broken *row)
{
    uint16_t offset = (uint16_t)(row->index == VPT_PCI_ROM ? 0x30 : 0x10 + 4 * row->index);

    pci_begin(row->header_type);
    pci_bars(&pci.function, row->bars);
    if (pci.function.bars[row->index].size == 0) {
        pci_set(offset, 4, row->value);
    }
    mock_pci_set_writable(&pci.function, offset, 4, (uint32_t)row->mask);
    if (pci.function.bars[row->index].is_64bit) {
        mock_pci_set_writable(&pci.function, (uint16_t)(offset + 4), 4, (uint32_t)(row->mask >> 32));
    }
}

Test(pci_bar, a_register_that_makes_no_sense_is_broken)
{
    static const struct broken rows[] = {
        { "reserved type in BAR 0:", 0, "- - - - - m64", 0, 0x6, 0 },
        { "reserved type in BAR 1:", 0, "- - - - - m64", 1, 0x6, 0 },
        { "reserved type in BAR 2:", 0, "- - - - - m64", 2, 0x6, 0 },
        { "reserved type in BAR 3:", 0, "- - - - - m64", 3, 0x6, 0 },
        { "reserved type in BAR 4:", 0, "- - - - - m64", 4, 0x6, 0 },
        { "reserved type in BAR 5:", 0, "m64", 5, 0x6, 0 },
        { "64 bits in a device's last BAR:", 0, "m64", 5, 0x4, 0 },
        { "64 bits in a bridge's last BAR:", 1, "m64", 1, 0x4, 0 },
        { "no bit 12:", 0, "m64 - m4K", 2, 0, 0xffffe800 },
        { "bits 12 and 31:", 0, "m64 - m4K", 2, 0, 0x80001000 },
        { "I/O without bits 8 to 15:", 0, "m64 - i4K", 2, 0, 0xffff0080 },
        { "below 1 MiB without bit 16:", 0, "m64 - l32K", 2, 0, 0x000e8000 },
        { "a hole before bit 32:", 0, "m64 - q4K", 2, 0, UINT64_C(0xffffffff00001000) },
        { "no bit 32:", 0, "m64 - q4K", 2, 0, UINT64_C(0xfffffffefffff000) },
        { "bits 31 and 63:", 0, "m64 - q4K", 2, 0, UINT64_C(0x8000000080000000) },
        { "a ROM with holes:", 0, "m64 R4K", VPT_PCI_ROM, 0, 0xffffa801 },
        { "type bit 1 changes:", 0, "m64", 4, 0, 0xfffff002 },
        { "type bit 2 changes:", 0, "m64", 4, 0, 0xfffff004 },
        { "the prefetchable bit changes:", 0, "m64", 4, 0, 0xfffff008 },
        { "the reserved bit of I/O changes:", 0, "m64", 4, 1, 0xffffff02 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_broken(&rows[i]);
        if (rows[i].mask == 0) {
            assert_status_of(rows[i].text, read(), VPT_OK);
            check_broken(rows[i].text, rows[i].index);
        }
        check_sizing_broken(rows[i].text, rows[i].index, rows[i].bars[0] == 'm' ? 0 : 5);
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
Test(pci_bar, an_address_with_other_bits_than_the_size_is_broken)
{
    struct mock_pci_hook hook = { .first = 0x14, .last = 0x17, .after_write = narrow };

    pci_begin(0);
    pci_bars(&pci.function, "m64 m4K@e0001000");
    mock_pci_hook_add(&pci.function, &hook);
    check_sizing_broken("narrow:", 1, 0);
}

static void check_early_end(const char *bar, uint64_t mask, const char *placed)
{
    struct vpt_pci_window windows[4];

    (void)pci_windows(windows, "p:100000000-1ffffffff m:e0000000-e0ffffff m:10000000-10ffffff i:c000-cfff");
    make_broken(&(struct broken){ "", 0, bar, 0, 0, mask });
    assert_status_of(placed, size_quietly(), VPT_OK);
    pci_check_bars(&bars, bar);
    assert_same_of(placed, pci.hal.log_count, 0);
    assert_status_of(placed, vpt_pci_bars_place(&pci.here, &bars, 1, windows, 4),
                     strchr(placed, '@') != NULL ? VPT_OK : VPT_RESOURCE_PCI_WINDOW);
    pci_check_bars(&bars, placed);
    assert_same_of(placed, mock_pci_bar_address(&pci.function, 0), bars.bar[0].address);
    pci_end();
}

/* Upper bits that are wired to 0: the size is the lowest bit, and the BAR goes to the highest window in its reach. */
Test(pci_bar, bits_that_end_early_limit_the_address)
{
    check_early_end("r1M", UINT64_C(0x3fffff00000), "r1M@100000000");
    check_early_end("r1M", UINT64_C(0x1fff00000), "r1M@100000000");
    check_early_end("r1M", UINT64_C(0xfff00000), "r1M@e0000000");
    check_early_end("r1M", UINT64_C(0x7ff00000), "r1M@10000000");
    check_early_end("m4K", 0x7ffff000, "m4K@10000000");
    check_early_end("m4K", 0x1ffff000, "m4K@10000000");
    check_early_end("m4K", 0x00001000, "m4K");
    check_early_end("m4K", 0x0ffff000, "m4K");
    check_early_end("i256", 0x0000ff00, "i256@c000");
    check_early_end("i256", 0x00ffff00, "i256@c000");
    check_early_end("i256", 0x00007f00, "i256");
    check_early_end("l32K", 0x001f8000, "l32K");
}

/* ---- What goes wrong meanwhile ---- */

Test(pci_bar, no_bar_is_touched_while_decoding_stays_on)
{
    for (unsigned bit = 0; bit < 3; bit++) {
        make_each_kind();
        mock_pci_set_writable(&pci.function, 4, 2, 0x0547u & ~(1u << bit));
        pci.bus.rules_off = true;
        assert_status(size_quietly(), VPT_DEVICE_PCI_COMMAND);
        assert_same(pci.function.config_writes, 2);
        pci_end();
    }
}

PCI_FUNCTION_TEST(pci_bar, a_rom_of_all_ones_is_a_function_that_has_gone)
{
    pci_bars(&pci.function, "R2K");
    pci_set(0x30, 4, 0x7ff);
    mock_pci_set_writable(&pci.function, 0x30, 4, 0xfffff800);
    assert_status(size_quietly(), VPT_DEVICE_GONE);
}

static void check_failed_reading(const struct pci_failure *failure)
{
    assert_status_of(failure->text, failure->status, failure->expected);
    cr_assert(all_zero(&bars, sizeof(bars)), "%s", failure->text);
}

Test(pci_bar, a_failed_read_leaves_nothing)
{
    pci_each_failure(make_each_kind, read, check_failed_reading);
}

static unsigned hurt;

/* Only the register whose own restoring failed is not as before; the command register is tried whatever happens. */
static void check_failed_sizing(const struct pci_failure *failure)
{
    /* Three writes come after the last read, so that nobody sees that the function has gone before them. */
    bool unseen = failure->kind == PCI_VANISHES && failure->n > failure->of - 3;

    assert_status_of(failure->text, failure->status, unseen ? VPT_OK : failure->expected);
    cr_assert(unseen || all_zero(&bars, sizeof(bars)), "%s", failure->text);
    if (failure->kind == PCI_READ_FAILS) {
        assert_same_of(failure->text, pci_words_changed(), 0);
    } else if (failure->kind == PCI_WRITE_FAILS) {
        cr_assert(pci_words_changed() <= 1, "%s", failure->text);
        assert_same_of(failure->text, mock_pci_command(&pci.function) == 0x0547, failure->n < failure->of);
        hurt += pci_words_changed();
    }
}

Test(pci_bar, sizing_that_fails_puts_all_else_back)
{
    pci_each_failure(make_each_kind, size, check_failed_sizing);
    /* BARs 0 to 2, the upper half of BAR 3 (of the lower one no bit sticks), the ROM's enable bit, the command. */
    assert_same(hurt, 6);
}
