/* SPDX-License-Identifier: MIT */
/* MSI-X: where the table is, entries, masks. */
#include <string.h>

#include "pci_setup.h"

#define AT (PCI_APERTURE + 0x100000u)

static struct vpt_pci_msix msix;
static struct vpt_pci_bars bars;

/* A function with BAR 1 from this text and an MSI-X capability in it. */
static void make_sized(const char *bar, uint16_t entries, uint32_t table, uint32_t pending)
{
    pci_begin(0);
    pci_bars(&pci.function, bar);
    mock_pci_bar_assign(&pci.function, 1, AT);
    mock_pci_msix_add(&pci.function, entries, 1, table, 1, pending);
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER);
}

/* Eight entries. */
static void make(void)
{
    make_sized("- m4K", 8, 0, 2 * KIB);
}

static enum vpt_status init(void)
{
    memset(&msix, 0xee, sizeof(msix));
    return vpt_pci_msix_init(&msix, &pci.here, &bars);
}

static void refuse(const char *row, enum vpt_status expected)
{
    assert_status_of(row, init(), expected);
    cr_assert(all_zero(&msix, sizeof(msix)), "%s", row);
    assert_same_of(row, mock_hal_live_mappings(&pci.hal), 0);
}

static void finish(void)
{
    vpt_pci_msix_release(&msix);
    cr_assert(all_zero(&msix, sizeof(msix)));
    cr_assert(!mock_pci_msix_enabled(&pci.function));
    vpt_pci_msix_release(&msix);
    pci_end();
}

/* Sets up what was made, and ends it. */
static void try(const char *row, enum vpt_status expected)
{
    if (expected == VPT_OK) {
        assert_status_of(row, init(), VPT_OK);
        finish();
    } else {
        refuse(row, expected);
        pci_end();
    }
}

/* On, with so many entries. */
static void make_live(const char *bar, uint16_t entries, uint32_t pending)
{
    make_sized(bar, entries, 0, pending);
    assert_status(init(), VPT_OK);
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
}

static const uint32_t *entry_of(unsigned entry)
{
    return &pci.function.msix->table[4 * entry];
}

static uint32_t control(void)
{
    return mock_pci_get(&pci.function, (uint16_t)(pci.function.msix->capability + 2), 2);
}

/* The n-th message that was sent, and there are no more yet. */
static void check_message(unsigned n, uint16_t vector, uint64_t address, uint32_t data)
{
    const struct mock_pci_message *message = &pci.function.msix->messages[n];

    cr_assert(pci.function.msix->message_count == n + 1, "%u messages", pci.function.msix->message_count);
    cr_assert(message->vector == vector && message->address == address && message->data == data);
}

/* Programming an entry reaches the table. */
static void check_program(uint16_t entry)
{
    assert_status(vpt_pci_msix_program(&msix, entry, 0x1234, 5), VPT_OK);
    assert_same(entry_of(entry)[0], 0x1234);
    assert_same(entry_of(entry)[2], 5);
}

/* ---- Set-up ---- */

Test(pci_msix, PCI_MSIX_1_every_table_size_works_to_its_last_entry)
{
    for (unsigned entries = 1; entries <= VPT_PCI_MSIX_ENTRIES_MAX; entries += entries < 130 ? 1 : 274) {
        uint16_t last = (uint16_t)(entries - 1);

        make_sized("- m64K", (uint16_t)entries, 4 * KIB, 60 * KIB);
        assert_status(init(), VPT_OK);
        assert_same(msix.entries, entries);
        assert_same(mock_hal_live_mappings(&pci.hal), 2);
        assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
        assert_status(vpt_pci_msix_program(&msix, last, 0xfee00000, entries), VPT_OK);
        assert_status(vpt_pci_msix_program(&msix, (uint16_t)entries, 0xfee00000, entries), VPT_CALLER_RANGE);
        assert_status(vpt_pci_msix_mask(&msix, last, false), VPT_OK);
        mock_pci_msix_fire(&pci.function, last);
        check_message(0, last, 0xfee00000, entries);
        finish();
    }
}

Test(pci_msix, what_firmware_left_is_off_and_masked)
{
    make_sized("- m4K", 4, 0, 2 * KIB);
    for (unsigned i = 0; i < 4; i++) {
        pci.function.msix->table[4 * i] = 0xfee00000;
        pci.function.msix->table[4 * i + 3] = 0xabcd0000; /* unmasked; the other bits are to be kept */
    }
    mock_pci_set(&pci.function, (uint16_t)(pci.function.msix->capability + 2), 2, 0xc003);
    assert_status(init(), VPT_OK);
    cr_assert(control() == 3);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert(entry_of(i)[3] == 0xabcd0001 && entry_of(i)[0] == 0xfee00000);
    }
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
    cr_assert(control() == 0x8003);
    assert_status(vpt_pci_msix_mask(&msix, 2, false), VPT_OK);
    cr_assert(entry_of(2)[3] == 0xabcd0000);
    finish();
}

Test(pci_msix, a_function_without_the_capability_has_no_msix)
{
    pci_begin(0);
    refuse("no list:", VPT_EMPTY);
    cr_assert(mock_pci_capability_add(&pci.function, 9, NULL, 0, NULL) == 0x40);
    refuse("another capability:", VPT_EMPTY);
    pci_set(0x41, 1, 0x40);
    refuse("a loop:", VPT_DEVICE_PCI_CAPABILITIES);
    vpt_pci_msix_release(&msix);
    vpt_pci_msix_release(NULL);
    assert_status(vpt_pci_msix_init(NULL, &pci.here, &bars), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_init(&msix, NULL, &bars), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_init(&msix, &pci.here, NULL), VPT_CALLER_ARGUMENT);
    pci_end();
}

Test(pci_msix, table_and_pending_bits_may_be_in_two_bars)
{
    pci_begin(0);
    pci_bars(&pci.function, "m4K@e0100000 - - - r16K@e0110000");
    mock_pci_msix_add(&pci.function, 64, 4, 15 * KIB, 0, 4 * KIB - 8);
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY);
    assert_status(init(), VPT_OK);
    check_program(63);
    finish();
}

Test(pci_msix, a_table_that_lies_where_it_cannot_is_refused)
{
    static const struct {
        const char *text;
        uint16_t entries;
        uint32_t table;
        uint32_t pending;
        enum vpt_status status;
    } rows[] = {
        { "one after the other:", 8, 0, 0x80, VPT_OK },
        { "a table at the end:", 8, 0xf80, 0x800, VPT_OK },
        { "a table 8 bytes beyond:", 8, 0xf88, 0x800, VPT_DEVICE_PCI_MSIX },
        { "a table that only begins there:", 8, 0xff8, 0x800, VPT_DEVICE_PCI_MSIX },
        { "a table behind the BAR:", 8, 0x1000, 0x800, VPT_DEVICE_PCI_MSIX },
        { "a table at the last offset:", 8, 0xfffffff8, 0x800, VPT_DEVICE_PCI_MSIX },
        { "pending bits at the end:", 8, 0, 0xff8, VPT_OK },
        { "two words at the end:", 65, 0, 0xff0, VPT_OK },
        { "a word too many:", 65, 0, 0xff8, VPT_DEVICE_PCI_MSIX },
        { "pending bits behind the BAR:", 8, 0, 0x1000, VPT_DEVICE_PCI_MSIX },
        { "pending bits at the last offset:", 8, 0, 0xfffffff8, VPT_DEVICE_PCI_MSIX },
        { "one on the other:", 8, 0, 0, VPT_DEVICE_PCI_MSIX },
        { "pending bits in the last entry:", 8, 0, 0x78, VPT_DEVICE_PCI_MSIX },
        { "pending bits just before the table:", 8, 0x100, 0xf8, VPT_OK },
        { "pending bits into the table:", 65, 0x100, 0xf8, VPT_DEVICE_PCI_MSIX },
        { "a table up to the pending bits:", 256, 0, 0xff8, VPT_DEVICE_PCI_MSIX },
        { "a table larger than the BAR:", 257, 0, 0x800, VPT_DEVICE_PCI_MSIX },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_sized("- m4K", rows[i].entries, rows[i].table, rows[i].pending);
        try(rows[i].text, rows[i].status);
        cr_assert(rows[i].status == VPT_OK || pci.hal.register_writes == 0, "%s", rows[i].text);
    }
}

Test(pci_msix, a_table_is_in_a_memory_bar)
{
    for (unsigned pending = 0; pending < 2; pending++) {
        for (uint32_t bar = 0; bar < 8; bar++) {
            char row[32];

            (void)snprintf(row, sizeof(row), "pending %u, BAR %u:", pending, (unsigned)bar);
            make();
            pci_bar(3, (struct mock_pci_bar){ .size = 4 * KIB, .io = true });
            mock_pci_bar_assign(&pci.function, 3, 0xc000);
            assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
            pci_set(pci.function.msix->capability + 4u + 4 * pending, 4, 2 * KIB * pending + bar);
            bars.bar[VPT_PCI_ROM] = bars.bar[1];
            try(row, bar == 1 ? VPT_OK : VPT_DEVICE_PCI_MSIX);
        }
    }
}

Test(pci_msix, a_bar_without_an_address_or_a_size_is_refused)
{
    static const struct {
        const char *text;
        struct vpt_pci_bar bar;
        enum vpt_status status;
    } rows[] = {
        { "no address:", { .size = 4 * KIB, .kind = VPT_PCI_BAR_MEMORY }, VPT_CALLER_BAR },
        { "no size:", { .address = AT, .kind = VPT_PCI_BAR_MEMORY }, VPT_CALLER_BAR },
        { "an end beyond all:", { UINT64_MAX - 0xffe, 4 * KIB, .kind = VPT_PCI_BAR_MEMORY }, VPT_CALLER_BAR },
        { "no multiple of its size:", { AT + 2 * KIB, 4 * KIB, .kind = VPT_PCI_BAR_MEMORY }, VPT_CALLER_BAR },
        { "broken:", { AT, 4 * KIB, .kind = VPT_PCI_BAR_BROKEN }, VPT_DEVICE_PCI_BAR },
        { "good:", { AT, 4 * KIB, .kind = VPT_PCI_BAR_MEMORY }, VPT_OK },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make();
        bars.bar[1] = rows[i].bar;
        try(rows[i].text, rows[i].status);
    }
}

/* Memory is decoded afterwards, and as it was after a failure. */
Test(pci_msix, a_function_that_does_not_decode)
{
    make();
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_BUS_MASTER);
    assert_status(init(), VPT_OK);
    cr_assert(mock_pci_command(&pci.function) == (VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER));
    check_program(7);
    finish();
    for (unsigned on = 0; on < 2; on++) {
        uint16_t command = on != 0 ? VPT_PCI_COMMAND_MEMORY : 0;

        make();
        mock_pci_command_set(&pci.function, command);
        mock_pci_set_writable(&pci.function, (uint16_t)(pci.function.msix->capability + 2), 2, 0);
        pci_set(pci.function.msix->capability + 2u, 2, 0x8007);
        pci.bus.rules_off = true;
        refuse("it stays on:", VPT_DEVICE_PCI_MSIX);
        cr_assert(mock_pci_command(&pci.function) == command);
        pci_end();
    }
}

/* In the machine's sleep, say: the caller still knows where it was, but there is nothing. */
Test(pci_msix, a_bar_that_has_lost_its_address)
{
    make();
    mock_pci_command_set(&pci.function, 0);
    mock_pci_bar_assign(&pci.function, 1, 0);
    refuse("no address:", VPT_DEVICE_PCI_BAR);
    cr_assert(mock_pci_command(&pci.function) == 0);
    assert_status(vpt_pci_bars_restore(&pci.here, &bars), VPT_OK);
    assert_status(init(), VPT_OK);
    finish();
}

/* The last capability fits the space to a byte; one further on it does not. */
Test(pci_msix, a_capability_ends_with_the_space)
{
    for (uint16_t offset = 0xf4; offset <= 0xfc; offset = (uint16_t)(offset + 4)) {
        uint16_t old;

        make();
        old = pci.function.msix->capability;
        memcpy(&pci.function.config[offset], &pci.function.config[old], 12);
        memcpy(&pci.function.writable[offset], &pci.function.writable[old], 12);
        pci_set(0x34, 1, offset);
        pci.function.msix->capability = offset;
        try("a late capability:", offset == 0xf4 ? VPT_OK : VPT_DEVICE_PCI_MSIX);
    }
}

/* ---- Ports that lack or fail ---- */

static unsigned maps_until_failure;

static enum vpt_status failing_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    const struct vpt_port *port = &((struct mock_pci_bus *)ctx)->hal->port;

    cr_assert(intent == VPT_MAP_REGISTERS);
    if (maps_until_failure == 0) {
        return (enum vpt_status)(VPT_PORT_ERROR_FIRST + 3);
    }
    maps_until_failure--;
    return port->mmio_map(port->ctx, physical, size, intent, mapping);
}

Test(pci_msix, a_port_that_does_not_map)
{
    make();
    for (unsigned n = 0; n < 2; n++) {
        pci.bus.port.mmio_map = failing_map;
        maps_until_failure = n;
        refuse("one cannot be mapped:", (enum vpt_status)(VPT_PORT_ERROR_FIRST + 3));
    }
    /* A BAR up to the last address is one that is mapped. */
    bars.bar[1].address = UINT64_MAX - 0xfff;
    maps_until_failure = 0;
    refuse("the last address:", (enum vpt_status)(VPT_PORT_ERROR_FIRST + 3));
    pci.bus.port.mmio_map = NULL;
    refuse("no maps:", VPT_UNSUPPORTED_PORT);
    pci_end();
}

static unsigned init_reads; /* of a set-up in which nothing fails */

/* With the release that follows, which tells no error, so that nothing is left. */
static enum vpt_status init_and_release(void)
{
    uint64_t before = pci.function.config_reads;
    enum vpt_status status = init();

    init_reads = init_reads == 0 ? (unsigned)(pci.function.config_reads - before) : init_reads;
    pci.bus.undecoded_allowed = true;
    vpt_pci_msix_release(&msix);
    return status;
}

static void check_failure(const struct pci_failure *failure)
{
    if (failure->n <= (failure->kind == PCI_WRITE_FAILS ? 1 : init_reads)) {
        assert_status_of(failure->text, failure->status, failure->expected);
    }
    cr_assert(all_zero(&msix, sizeof(msix)), "%s", failure->text);
    assert_same_of(failure->text, mock_hal_live_mappings(&pci.hal), 0);
}

Test(pci_msix, an_access_that_fails_leaves_nothing)
{
    pci_each_failure(make, init_and_release, check_failure);
}

/* ---- On and off ---- */

Test(pci_msix, on_and_off)
{
    make();
    assert_status(init(), VPT_OK);
    cr_assert(!mock_pci_msix_enabled(&pci.function));
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
    cr_assert(control() == 0x8007);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_OK);
    cr_assert(control() == 0xc007);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_OK);
    cr_assert(control() == 0x4007);
    assert_status(vpt_pci_msix_mask_all(&msix, false), VPT_OK);
    cr_assert(control() == 0x0007);
    assert_status(vpt_pci_msix_enable(NULL, false), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_mask_all(NULL, false), VPT_CALLER_ARGUMENT);
    finish();
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_CALLER_STATE);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_CALLER_STATE);
}

Test(pci_msix, bits_that_do_not_change)
{
    make();
    pci.bus.rules_off = true;
    assert_status(init(), VPT_OK);
    mock_pci_set_writable(&pci.function, (uint16_t)(msix.capability + 3), 1, 0);
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_OK);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_DEVICE_PCI_MSIX);
    mock_pci_set(&pci.function, (uint16_t)(msix.capability + 3), 1, 0xc0);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_DEVICE_PCI_MSIX);
    vpt_pci_msix_release(&msix);
    refuse("stuck:", VPT_DEVICE_PCI_MSIX);
    pci_end();
}

/* ---- Entries ---- */

Test(pci_msix, a_message_goes_where_it_is_told)
{
    make_live("- m4K", 8, 2 * KIB);
    for (uint16_t i = 0; i < 8; i++) {
        assert_status(vpt_pci_msix_program(&msix, i, UINT64_C(0x87654321fee00000) + 4u * i, 0xfedc0000u + i), VPT_OK);
        cr_assert((entry_of(i)[3] & 1) == 1, "programming leaves the mask as it was");
        assert_status(vpt_pci_msix_mask(&msix, i, false), VPT_OK);
    }
    for (uint16_t i = 0; i < 8; i++) {
        mock_pci_msix_fire(&pci.function, i);
        check_message(i, i, UINT64_C(0x87654321fee00000) + 4u * i, 0xfedc0000u + i);
    }
    assert_status(vpt_pci_msix_program(&msix, 3, 0xfee01000, 0x31), VPT_OK);
    cr_assert((entry_of(3)[3] & 1) == 0, "programming leaves the mask as it was");
    mock_pci_msix_fire(&pci.function, 3);
    check_message(8, 3, 0xfee01000, 0x31);
    finish();
}

static void check_pending(uint16_t entry, bool expected)
{
    bool pending = !expected;

    assert_status(vpt_pci_msix_pending(&msix, entry, &pending), VPT_OK);
    cr_assert(pending == expected, "entry %u", entry);
}

Test(pci_msix, masks_hold_messages_back)
{
    make_live("- m4K", 8, 2 * KIB);
    for (uint16_t i = 0; i < 8; i++) {
        assert_status(vpt_pci_msix_program(&msix, i, 0xfee00000, 0x40u + i), VPT_OK);
    }
    check_pending(5, false);
    mock_pci_msix_fire(&pci.function, 5);
    check_pending(5, true);
    check_pending(4, false);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_OK);
    assert_status(vpt_pci_msix_mask(&msix, 5, false), VPT_OK);
    assert_same(pci.function.msix->message_count, 0); /* the function's mask holds it */
    assert_status(vpt_pci_msix_mask_all(&msix, false), VPT_OK);
    check_message(0, 5, 0xfee00000, 0x45);
    check_pending(5, false);
    assert_status(vpt_pci_msix_mask(&msix, 5, true), VPT_OK);
    mock_pci_msix_fire(&pci.function, 5);
    assert_same(pci.function.msix->message_count, 1);
    assert_status(vpt_pci_msix_mask(&msix, 5, false), VPT_OK);
    check_message(1, 5, 0xfee00000, 0x45);
    finish();
}

static void (*plain_write)(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value);

static void write_and_fire(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    plain_write(ctx, mapping, offset, width, value);
    if (offset / 16 == 2) {
        mock_pci_msix_fire(&pci.function, 2);
    }
}

/* A message that comes while its entry is being changed is neither lost nor sent to a mixture of the two places. */
Test(pci_msix, an_entry_is_masked_while_it_is_programmed)
{
    make_live("- m4K", 8, 2 * KIB);
    assert_status(vpt_pci_msix_program(&msix, 2, UINT64_C(0x1fee00000), 0x31), VPT_OK);
    assert_status(vpt_pci_msix_mask(&msix, 2, false), VPT_OK);
    plain_write = pci.bus.port.mmio_write;
    pci.bus.port.mmio_write = write_and_fire;
    assert_status(vpt_pci_msix_program(&msix, 2, UINT64_C(0x2fee01000), 0x32), VPT_OK);
    pci.bus.port.mmio_write = plain_write;
    cr_assert(pci.function.msix->message_count == 2, "%u", pci.function.msix->message_count);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(pci.function.msix->messages[i].address == UINT64_C(0x2fee01000));
        cr_assert(pci.function.msix->messages[i].data == 0x32);
    }
    finish();
}

Test(pci_msix, each_entry_has_a_pending_bit)
{
    make_live("- m64K", 2048, 32 * KIB);
    for (uint16_t i = 0; i < 2048; i = (uint16_t)(i + 31)) {
        mock_pci_msix_fire(&pci.function, i);
    }
    for (uint16_t i = 0; i < 2048; i++) {
        check_pending(i, i % 31 == 0);
    }
    finish();
}

/* 32 entries that wait at once, and a function that is no longer there, read the same. */
Test(pci_msix, pending_bits_that_are_all_ones)
{
    bool pending = true;

    make_live("- m4K", 64, 2 * KIB);
    for (uint16_t i = 0; i < 32; i++) {
        mock_pci_msix_fire(&pci.function, i);
    }
    check_pending(7, true);
    mock_trigger_set(&pci.function.vanish, 1, 0);
    assert_status(vpt_pci_msix_pending(&msix, 7, &pending), VPT_DEVICE_GONE);
    cr_assert(!pending);
    mock_trigger_set(&pci.function.vanish, 0, 0);
    pci.function.gone = false; /* back for the checks at the end */
    finish();
}

Test(pci_msix, PCI_MSIX_4_entries_that_do_not_exist)
{
    static const uint16_t wrong[] = { 8, 9, 2047, 2048, 0xffff };
    uint64_t accesses;
    bool pending = true;

    make_live("- m4K", 8, 2 * KIB);
    accesses = pci.hal.register_reads + pci.hal.register_writes;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(vpt_pci_msix_program(&msix, wrong[i], 0xfee00000, 1), VPT_CALLER_RANGE);
        assert_status(vpt_pci_msix_mask(&msix, wrong[i], true), VPT_CALLER_RANGE);
        assert_status(vpt_pci_msix_pending(&msix, wrong[i], &pending), VPT_CALLER_RANGE);
        cr_assert(!pending);
    }
    for (unsigned i = 1; i < 4; i++) {
        assert_status(vpt_pci_msix_program(&msix, 0, 0xfee00000 + i, 1), VPT_CALLER_ALIGNMENT);
    }
    assert_status(vpt_pci_msix_program(NULL, 0, 0, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_mask(NULL, 0, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_pending(NULL, 0, &pending), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_pending(&msix, 0, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(pci.hal.register_reads + pci.hal.register_writes == accesses);
    finish();
    assert_status(vpt_pci_msix_program(&msix, 0, 0xfee00000, 1), VPT_CALLER_RANGE);
    assert_status(vpt_pci_msix_mask(&msix, 0, true), VPT_CALLER_RANGE);
}

/* A table on which writes have no effect. */
static uint32_t frozen[8 * 4];

static uint32_t frozen_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    (void)mapping;
    cr_assert(width == 4 && offset < sizeof(frozen));
    return frozen[offset / 4];
}

static void frozen_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    (void)value;
    cr_assert(width == 4 && offset < sizeof(frozen));
}

Test(pci_msix, a_table_that_does_not_take_a_mask)
{
    make();
    pci.bus.port.mmio_read = frozen_read;
    pci.bus.port.mmio_write = frozen_write;
    refuse("stuck:", VPT_DEVICE_PCI_MSIX);
    for (unsigned i = 0; i < 8; i++) {
        frozen[4 * i + 3] = 1;
    }
    assert_status(init(), VPT_OK);
    assert_status(vpt_pci_msix_mask(&msix, 3, false), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msix_mask(&msix, 3, true), VPT_OK);
    frozen[4 * 3 + 3] = 0;
    assert_status(vpt_pci_msix_program(&msix, 3, 0xfee00000, 1), VPT_DEVICE_PCI_MSIX);
    frozen[4 * 3 + 3] = 0xffffffff;
    assert_status(vpt_pci_msix_program(&msix, 3, 0xfee00000, 1), VPT_DEVICE_GONE);
    assert_status(vpt_pci_msix_mask(&msix, 3, true), VPT_DEVICE_GONE);
    vpt_pci_msix_release(&msix);
    pci_end();
}

Test(pci_msix, a_function_that_is_gone)
{
    make_live("- m4K", 8, 2 * KIB);
    pci.function.gone = true;
    pci.bus.undecoded_allowed = true;
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_DEVICE_GONE);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_DEVICE_GONE);
    assert_status(vpt_pci_msix_mask(&msix, 0, true), VPT_DEVICE_GONE);
    assert_status(vpt_pci_msix_program(&msix, 0, 0xfee00000, 1), VPT_DEVICE_GONE);
    vpt_pci_msix_release(&msix);
    cr_assert(all_zero(&msix, sizeof(msix)));
    pci_end();
}
