/* SPDX-License-Identifier: MIT */
/* What base address registers say, and how large what is behind them is. */
#include <string.h>

#include "pci_setup.h"

#define REGISTERS (VPT_PCI_ROM + 1u)

static struct vpt_pci_bars bars;

static const char *const names[] = { "BAR 0", "BAR 1", "BAR 2", "BAR 3", "BAR 4", "BAR 5", "ROM" };

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

/* A function of some header type with BARs that are to be found like this, and with one register changed after that. */
struct layout {
    const char *text;
    uint8_t header_type;
    struct vpt_pci_bar bar[REGISTERS];
    uint16_t offset;
    uint32_t value;
    uint32_t writable; /* 0: as it is */
};

static void make(const struct layout *layout)
{
    pci_begin(layout->header_type);
    for (unsigned i = 0; i < REGISTERS; i++) {
        const struct vpt_pci_bar *bar = &layout->bar[i];

        if (bar->size != 0) {
            pci_bar(i, (struct mock_pci_bar){ bar->size, bar->kind == VPT_PCI_BAR_IO, false, bar->is_64bit,
                                              bar->prefetchable, bar->below_1mib, NULL, NULL });
            mock_pci_bar_assign(&pci.function, i, bar->address);
        }
    }
    if (layout->offset != 0) {
        pci_set(layout->offset, 4, layout->value);
    }
    if (layout->writable != 0) {
        mock_pci_set_writable(&pci.function, layout->offset, 4, layout->writable);
    }
}

static void check_bar(const char *row, unsigned index, const struct vpt_pci_bar *expected)
{
    struct vpt_pci_bar bar = bars.bar[index];

    bar.address_bits = bar.kind == VPT_PCI_BAR_NONE ? bar.address_bits : 0;
    cr_assert(memcmp(&bar, expected, sizeof(bar)) == 0,
              "%s: %s is of kind %d at 0x%" PRIx64 " with 0x%" PRIx64 " bytes, not %d, 0x%" PRIx64 ", 0x%" PRIx64, row,
              names[index], (int)bar.kind, bar.address, bar.size, (int)expected->kind, expected->address,
              expected->size);
}

static void check_sizing(const struct layout *layout)
{
    assert_status_of(layout->text, size_quietly(), VPT_OK);
    for (unsigned i = 0; i < REGISTERS; i++) {
        check_bar(layout->text, i, &layout->bar[i]);
    }
}

/* Reading knows no sizes: any register may be a memory BAR, but for upper halves and what the header does not have. */
static void check_reading(const struct layout *layout)
{
    unsigned count = layout->header_type == 0 ? 6 : layout->header_type == 1 ? 2 : 0;
    unsigned rom = layout->header_type <= 1 ? VPT_PCI_ROM : REGISTERS;

    assert_status_of(layout->text, read(), VPT_OK);
    for (unsigned i = 0; i < REGISTERS; i++) {
        struct vpt_pci_bar bar = layout->bar[i];
        bool upper_half = i != 0 && layout->bar[i - 1].is_64bit;

        bar.size = 0;
        if (!upper_half && (i < count || i == rom) && bar.kind == VPT_PCI_BAR_NONE) {
            bar.kind = VPT_PCI_BAR_MEMORY;
        }
        check_bar(layout->text, i, &bar);
    }
}

static const struct layout each_kind = {
    .text = "one of each kind",
    .bar = { { 0xc080, 128, VPT_PCI_BAR_IO },
             { 0xfebd1000, 4 * KIB, VPT_PCI_BAR_MEMORY },
             { 0xd0000, 64 * KIB, VPT_PCI_BAR_MEMORY, .below_1mib = true },
             { 0x80000000000, 8 * GIB, VPT_PCI_BAR_MEMORY, .is_64bit = true, .prefetchable = true },
             [VPT_PCI_ROM] = { 0xfeb80000, 256 * KIB, VPT_PCI_BAR_MEMORY } },
    .offset = 0x30,
    .value = 0xfeb80001, /* the ROM is enabled */
};

static void make_each_kind(void)
{
    make(&each_kind);
    mock_pci_set_writable(&pci.function, 0x10, 4, 0xff80); /* the I/O BAR has no upper half */
    mock_pci_command_set(&pci.function, 0x0547);
    pci_remember();
}

/* ---- What is found ---- */

Test(pci_bar, reading_writes_nothing)
{
    make_each_kind();
    check_reading(&each_kind);
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
        check_sizing(&each_kind);
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
        const struct vpt_pci_bar io = { .size = UINT64_C(1) << shift, .kind = VPT_PCI_BAR_IO };
        const struct vpt_pci_bar memory = { .size = UINT64_C(1) << shift, .kind = VPT_PCI_BAR_MEMORY };
        struct layout layout = { .text = "any size" };

        if (shift < 16) {
            layout.bar[0] = io;
            layout.bar[1] = io;
            layout.offset = 0x14;
            layout.value = 1;
            layout.writable = 0x10000u - (1u << shift); /* no upper half */
        }
        if (shift >= 4 && shift < 32) {
            layout.bar[2] = memory;
            layout.bar[2].prefetchable = true;
        }
        if (shift >= 4) {
            layout.bar[4] = memory;
            layout.bar[4].is_64bit = true;
        }
        if (shift >= 11 && shift < 32) {
            layout.bar[VPT_PCI_ROM] = memory;
        }
        make(&layout);
        check_sizing(&layout);
        pci_end();
    }
}

#define BAR_64(address, size)                                   \
    {                                                           \
        (address), (size), VPT_PCI_BAR_MEMORY, .is_64bit = true \
    }

/* A ROM's bits 1 to 10 are no address; newer functions tell there whether they have found the ROM valid. */
Test(pci_bar, what_a_register_may_hold_beside_an_address)
{
    static const struct layout rows[] = {
        { "an address that ends in all ones", .bar = { BAR_64(UINT64_C(0xffffffff80000000), 16) } },
        { "upper halves that look like I/O",
          .bar = { BAR_64(UINT64_C(0xc00180000000), 16 * KIB), [2] = BAR_64(UINT64_C(0xc00100000000), 16 * KIB),
                   [4] = BAR_64(0, 16 * KIB) } },
        { "no bits above 1 MiB", .bar = { { 0, 32 * KIB, VPT_PCI_BAR_MEMORY, .below_1mib = true } }, 0x10, 0x2,
          0x000f8000 },
        { "other bits in the ROM's register", .bar = { [VPT_PCI_ROM] = { 0xfe010000, 64 * KIB, VPT_PCI_BAR_MEMORY } },
          0x30, 0xfe0107fe },
        { "bus numbers where a device has BAR 2", 1,
          .bar = { BAR_64(0, 4 * KIB), [VPT_PCI_ROM] = { 0xfe000800, 2 * KIB, VPT_PCI_BAR_MEMORY } }, 0x18,
          0x00050403 },
        { "a CardBus bridge", 2, .offset = 0x10, .value = 0xfebd1000 },
        { "a header of type 3", 3, .offset = 0x18, .value = 0x00050403 },
        { "a header of type 0x7e", 0x7e, .offset = 0x10, .value = 0xfebd1000 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make(&rows[i]);
        check_reading(&rows[i]);
        check_sizing(&rows[i]);
        assert_same_of(rows[i].text, pci.function.config_writes == 0, rows[i].header_type > 1);
        pci_end();
    }
}

/* Register 1 would be the upper half of a 64-bit BAR, if that had any address bit. */
Test(pci_bar, type_bits_alone_make_no_bar)
{
    static const struct layout one = { "type bits", .bar = { [3] = { 0, 32, VPT_PCI_BAR_MEMORY } }, 0x10, 0xc };

    make(&one);
    pci_set(0x18, 4, 0x1);
    check_sizing(&one);
    pci_end();
}

/* ---- Registers that are wrong ---- */

static void check_broken(const char *row, unsigned index)
{
    assert_same_of(row, bars.bar[index].kind, VPT_PCI_BAR_BROKEN);
    assert_same_of(row, bars.bar[index].size, 0);
    assert_same_of(row, pci.hal.log_count, 1);
    assert_status_of(row, pci.hal.log[0].status, VPT_DEVICE_PCI_BAR);
    cr_assert(strcmp(pci.hal.log[0].subject, names[index]) == 0, "%s: %s", row, pci.hal.log[0].subject);
}

/* Sizing names the broken BAR and leaves it alone from then on; a good one of 64 bytes serves. */
static void check_sizing_broken(const char *row, unsigned index, unsigned good)
{
    struct vpt_pci_window windows[] = { MEMORY(0xe0000000, 0xe0ffffff), IO(0xc000, 0xcfff) };
    struct vpt_pci_bar before;

    pci.hal.log_count = 0;
    mock_pci_command_set(&pci.function, 0x0547);
    assert_status_of(row, size_quietly(), VPT_OK);
    check_broken(row, index);
    check_bar(row, good, &(struct vpt_pci_bar){ .size = 64, .kind = VPT_PCI_BAR_MEMORY });
    before = bars.bar[index];
    assert_status_of(row, vpt_pci_bars_place(&pci.here, &bars, VPT_PCI_ALL_BARS | 1u << VPT_PCI_ROM, windows, 2),
                     VPT_OK);
    assert_same_of(row, bars.bar[good].address, 0xe0000000);
    cr_assert(memcmp(&bars.bar[index], &before, sizeof(before)) == 0, "%s", row);
    assert_status_of(row, vpt_pci_bars_restore(&pci.here, &bars), VPT_OK);
    pci_end();
}

/* A BAR in a register whose writable bits are these; another one in register `good`. Size 0: the value alone. */
struct broken {
    const char *text;
    uint8_t header_type;
    unsigned index;
    unsigned good;
    struct mock_pci_bar bar;
    uint32_t value;
    uint64_t mask; /* 0: reading shows what is wrong */
};

static void make_broken(const struct broken *row)
{
    uint16_t offset = (uint16_t)(row->index == VPT_PCI_ROM ? 0x30 : 0x10 + 4 * row->index);

    pci_begin(row->header_type);
    pci_bar(row->good, (struct mock_pci_bar){ .size = 64 });
    if (row->bar.size != 0) {
        pci_bar(row->index, row->bar);
    } else {
        pci_set(offset, 4, row->value);
    }
    mock_pci_set_writable(&pci.function, offset, 4, (uint32_t)row->mask);
    if (row->bar.is_64bit) {
        mock_pci_set_writable(&pci.function, (uint16_t)(offset + 4), 4, (uint32_t)(row->mask >> 32));
    }
}

Test(pci_bar, a_register_that_makes_no_sense_is_broken)
{
    static const struct broken rows[] = {
        { "reserved type in BAR 0:", 0, 0, 5, { 0 }, 0x6, 0 },
        { "reserved type in BAR 2:", 0, 2, 5, { 0 }, 0x6, 0 },
        { "reserved type in BAR 5:", 0, 5, 0, { 0 }, 0x6, 0 },
        { "64 bits in a device's last BAR:", 0, 5, 0, { 0 }, 0x4, 0 },
        { "64 bits in a bridge's last BAR:", 1, 1, 0, { 0 }, 0x4, 0 },
        { "no bit 12:", 0, 2, 5, { .size = 4 * KIB }, 0, 0xffffe800 },
        { "bits 12 and 31:", 0, 2, 5, { .size = 4 * KIB }, 0, 0x80001000 },
        { "I/O without bits 8 to 15:", 0, 2, 5, { .size = 4 * KIB, .io = true }, 0, 0xffff0080 },
        { "below 1 MiB without bit 16:", 0, 2, 5, { .size = 32 * KIB, .below_1mib = true }, 0, 0x000e8000 },
        { "a hole before bit 32:", 0, 2, 5, { .size = 4 * KIB, .is_64bit = true }, 0, UINT64_C(0xffffffff00001000) },
        { "no bit 32:", 0, 2, 5, { .size = 4 * KIB, .is_64bit = true }, 0, UINT64_C(0xfffffffefffff000) },
        { "bits 31 and 63:", 0, 2, 5, { .size = 4 * KIB, .is_64bit = true }, 0, UINT64_C(0x8000000080000000) },
        { "a ROM with holes:", 0, VPT_PCI_ROM, 5, { .size = 4 * KIB }, 0, 0xffffa801 },
        { "type bit 1 changes:", 0, 4, 0, { 0 }, 0, 0xfffff002 },
        { "type bit 2 changes:", 0, 4, 0, { 0 }, 0, 0xfffff004 },
        { "the prefetchable bit changes:", 0, 4, 0, { 0 }, 0, 0xfffff008 },
        { "the reserved bit of I/O changes:", 0, 4, 0, { 0 }, 1, 0xffffff02 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_broken(&rows[i]);
        if (rows[i].mask == 0) {
            assert_status_of(rows[i].text, read(), VPT_OK);
            check_broken(rows[i].text, rows[i].index);
        }
        check_sizing_broken(rows[i].text, rows[i].index, rows[i].good);
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
    pci_bar(0, (struct mock_pci_bar){ .size = 64 });
    pci_bar(1, (struct mock_pci_bar){ .size = 4 * KIB });
    mock_pci_bar_assign(&pci.function, 1, 0xe0001000);
    mock_pci_hook_add(&pci.function, &hook);
    check_sizing_broken("narrow:", 1, 0);
}

/* Upper bits that are wired to 0: the size is the lowest bit, and the BAR is given addresses that it can hold. */
Test(pci_bar, bits_that_end_early_limit_the_address)
{
    static const struct {
        struct mock_pci_bar bar;
        uint64_t mask;
        uint64_t address; /* the highest window that it reaches; 0: none */
    } rows[] = {
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x3fffff00000), 0x100000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x1fff00000), 0x100000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0xfff00000), 0xe0000000 },
        { { .size = MIB, .is_64bit = true, .prefetchable = true }, UINT64_C(0x7ff00000), 0x10000000 },
        { { .size = 4 * KIB }, 0x7ffff000, 0x10000000 },
        { { .size = 4 * KIB }, 0x1ffff000, 0x10000000 },
        { { .size = 4 * KIB }, 0x00001000, 0 },
        { { .size = 4 * KIB }, 0x0ffff000, 0 },
        { { .size = 256, .io = true }, 0x0000ff00, 0xc000 },
        { { .size = 256, .io = true }, 0x00ffff00, 0xc000 },
        { { .size = 256, .io = true }, 0x00007f00, 0 },
        { { .size = 32 * KIB, .below_1mib = true }, 0x001f8000, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_pci_window windows[] = { PREFETCHABLE(0x100000000, 0x1ffffffff), MEMORY(0xe0000000, 0xe0ffffff),
                                            MEMORY(0x10000000, 0x10ffffff), IO(0xc000, 0xcfff) };
        char row[48];

        (void)snprintf(row, sizeof(row), "bits 0x%" PRIx64 ":", rows[i].mask);
        make_broken(&(struct broken){ row, 0, 2, 5, rows[i].bar, 0, rows[i].mask });
        assert_status_of(row, size_quietly(), VPT_OK);
        assert_same_of(row, bars.bar[2].kind, rows[i].bar.io ? VPT_PCI_BAR_IO : VPT_PCI_BAR_MEMORY);
        assert_same_of(row, bars.bar[2].size, rows[i].bar.size);
        assert_same_of(row, pci.hal.log_count, 0);
        assert_status_of(row, vpt_pci_bars_place(&pci.here, &bars, 1u << 2, windows, 4),
                         rows[i].address != 0 ? VPT_OK : VPT_RESOURCE_PCI_WINDOW);
        assert_same_of(row, bars.bar[2].address, rows[i].address);
        assert_same_of(row, mock_pci_bar_address(&pci.function, 2), rows[i].address);
        pci_end();
    }
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

Test(pci_bar, a_rom_of_all_ones_is_a_function_that_has_gone)
{
    pci_begin(0);
    pci_bar(MOCK_PCI_ROM, (struct mock_pci_bar){ .size = 2 * KIB });
    pci_set(0x30, 4, 0x7ff);
    mock_pci_set_writable(&pci.function, 0x30, 4, 0xfffff800);
    assert_status(size_quietly(), VPT_DEVICE_GONE);
    pci_end();
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
