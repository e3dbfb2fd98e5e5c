/* SPDX-License-Identifier: MIT */
/* MSI-X: where the table is, entries, masks. */
#include <string.h>

#include "pci_setup.h"

#define AT    (PCI_APERTURE + 0x100000u)
#define LARGE "- m64K"
#define SMALL "- m4K"

static struct vpt_pci_msix msix;
static struct vpt_pci_bars bars;

/* A function with BAR 1 from this text and an MSI-X capability in it. */
static void make_in(const char *bar, uint16_t entries, uint32_t table, uint32_t pending)
{
    pci_begin(0);
    pci_bars(&pci.function, bar);
    mock_pci_bar_assign(&pci.function, 1, AT);
    mock_pci_msix_add(&pci.function, entries, 1, table, 1, pending);
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER);
}

static void make(void)
{
    make_in(SMALL, 8, 0, 2 * KIB);
}

static enum vpt_status init(void)
{
    memset(&msix, 0xee, sizeof(msix));
    return vpt_pci_msix_init(&msix, &pci.here, &bars);
}

static void make_live(const char *bar, uint16_t entries, uint32_t table, uint32_t pending)
{
    make_in(bar, entries, table, pending);
    assert_status(init(), VPT_OK);
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
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

static uint32_t *entry_of(unsigned entry)
{
    return &pci.function.msix->table[4 * entry];
}

/* Offset of the capability's message control. */
static uint16_t control_at(void)
{
    return (uint16_t)(pci.function.msix->capability + 2);
}

static void check_control(uint32_t expected)
{
    assert_same(pci_get(control_at(), 2), expected);
}

static void program(uint16_t entry, uint64_t address, uint32_t data)
{
    bool masked = (entry_of(entry)[3] & 1) != 0;

    assert_status(vpt_pci_msix_program(&msix, entry, address, data), VPT_OK);
    assert_same(entry_of(entry)[0] | (uint64_t)entry_of(entry)[1] << 32, address);
    assert_same(entry_of(entry)[2], data);
    assert_same(entry_of(entry)[3] & 1, masked);
}

static void mask(uint16_t entry, bool masked)
{
    assert_status(vpt_pci_msix_mask(&msix, entry, masked), VPT_OK);
}

static void check_pending(uint16_t entry, bool expected)
{
    bool pending = !expected;

    assert_status(vpt_pci_msix_pending(&msix, entry, &pending), VPT_OK);
    cr_assert(pending == expected, "entry %u", entry);
}

/* The n-th message that was sent, and there are no more yet. */
static void check_message(unsigned n, uint16_t vector, uint64_t address, uint32_t data)
{
    const struct mock_pci_message *message = &pci.function.msix->messages[n];

    assert_same(pci.function.msix->message_count, n + 1);
    assert_same(message->vector, vector);
    assert_same(message->address, address);
    assert_same(message->data, data);
}

/* ---- Set-up ---- */

Test(pci_msix, PCI_MSIX_1_every_table_size_works_to_its_last_entry)
{
    for (unsigned entries = 1; entries <= VPT_PCI_MSIX_ENTRIES_MAX; entries += entries < 130 ? 1 : 274) {
        uint16_t last = (uint16_t)(entries - 1);

        make_live(LARGE, (uint16_t)entries, 4 * KIB, 60 * KIB);
        assert_same(msix.entries, entries);
        assert_same(mock_hal_live_mappings(&pci.hal), 2);
        program(last, 0xfee00000, entries);
        assert_status(vpt_pci_msix_program(&msix, (uint16_t)entries, 0xfee00000, entries), VPT_CALLER_RANGE);
        mask(last, false);
        mock_pci_msix_fire(&pci.function, last);
        check_message(0, last, 0xfee00000, entries);
        finish();
    }
}

/* The other bits of an entry's mask are to be kept. */
Test(pci_msix, what_firmware_left_is_off_and_masked)
{
    make_in(SMALL, 4, 0, 2 * KIB);
    for (unsigned i = 0; i < 4; i++) {
        entry_of(i)[0] = 0xfee00000;
        entry_of(i)[3] = 0xabcd0000;
    }
    pci_set(control_at(), 2, 0xc003);
    assert_status(init(), VPT_OK);
    check_control(3);
    for (unsigned i = 0; i < 4; i++) {
        assert_same(entry_of(i)[0], 0xfee00000);
        assert_same(entry_of(i)[3], 0xabcd0001);
    }
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
    check_control(0x8003);
    mask(2, false);
    assert_same(entry_of(2)[3], 0xabcd0000);
    finish();
}

Test(pci_msix, table_and_pending_bits_may_be_in_two_bars)
{
    pci_begin(0);
    pci_bars(&pci.function, "m4K@e0100000 - - - r16K@e0110000");
    mock_pci_msix_add(&pci.function, 64, 4, 15 * KIB, 0, 4 * KIB - 8);
    assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY);
    assert_status(init(), VPT_OK);
    program(63, 0x1234, 5);
    finish();
}

PCI_FUNCTION_TEST(pci_msix, a_function_without_the_capability_has_no_msix)
{
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
}

static void try_table(const char *row, uint16_t entries, uint32_t table, uint32_t pending, enum vpt_status status)
{
    make_in(SMALL, entries, table, pending);
    try(row, status);
    assert_same_of(row, pci.hal.register_writes != 0, status == VPT_OK);
}

Test(pci_msix, a_table_that_lies_where_it_cannot_is_refused)
{
    try_table("one after the other:", 8, 0, 0x80, VPT_OK);
    try_table("a table at the end:", 8, 0xf80, 0x800, VPT_OK);
    try_table("a table 8 bytes beyond:", 8, 0xf88, 0x800, VPT_DEVICE_PCI_MSIX);
    try_table("a table that only begins there:", 8, 0xff8, 0x800, VPT_DEVICE_PCI_MSIX);
    try_table("a table behind the BAR:", 8, 0x1000, 0x800, VPT_DEVICE_PCI_MSIX);
    try_table("a table at the last offset:", 8, 0xfffffff8, 0x800, VPT_DEVICE_PCI_MSIX);
    try_table("pending bits at the end:", 8, 0, 0xff8, VPT_OK);
    try_table("two words at the end:", 65, 0, 0xff0, VPT_OK);
    try_table("a word too many:", 65, 0, 0xff8, VPT_DEVICE_PCI_MSIX);
    try_table("pending bits behind the BAR:", 8, 0, 0x1000, VPT_DEVICE_PCI_MSIX);
    try_table("pending bits at the last offset:", 8, 0, 0xfffffff8, VPT_DEVICE_PCI_MSIX);
    try_table("one on the other:", 8, 0, 0, VPT_DEVICE_PCI_MSIX);
    try_table("pending bits in the last entry:", 8, 0, 0x78, VPT_DEVICE_PCI_MSIX);
    try_table("pending bits just before the table:", 8, 0x100, 0xf8, VPT_OK);
    try_table("pending bits into the table:", 65, 0x100, 0xf8, VPT_DEVICE_PCI_MSIX);
    try_table("a table up to the pending bits:", 256, 0, 0xff8, VPT_DEVICE_PCI_MSIX);
    try_table("a table larger than the BAR:", 257, 0, 0x800, VPT_DEVICE_PCI_MSIX);
}

Test(pci_msix, a_table_is_in_a_memory_bar)
{
    for (unsigned pending = 0; pending < 2; pending++) {
        for (uint32_t bar = 0; bar < 8; bar++) {
            make();
            pci_bars(&pci.function, "- - - i4K@c000");
            assert_status(vpt_pci_bars_size(&pci.here, &bars), VPT_OK);
            pci_set(pci.function.msix->capability + 4u + 4 * pending, 4, 2 * KIB * pending + bar);
            bars.bar[VPT_PCI_ROM] = bars.bar[1];
            try(pending != 0 ? "pending bits:" : "table:", bar == 1 ? VPT_OK : VPT_DEVICE_PCI_MSIX);
        }
    }
}

static void try_bar(const char *row, enum vpt_pci_bar_kind kind, uint64_t address, uint64_t size,
                    enum vpt_status status)
{
    make();
    bars.bar[1] = (struct vpt_pci_bar){ .address = address, .size = size, .kind = kind };
    try(row, status);
}

Test(pci_msix, a_bar_without_an_address_or_a_size_is_refused)
{
    try_bar("no address:", VPT_PCI_BAR_MEMORY, 0, 4 * KIB, VPT_CALLER_BAR);
    try_bar("no size:", VPT_PCI_BAR_MEMORY, AT, 0, VPT_CALLER_BAR);
    try_bar("an end beyond all:", VPT_PCI_BAR_MEMORY, UINT64_MAX - 0xffe, 4 * KIB, VPT_CALLER_BAR);
    try_bar("no multiple of its size:", VPT_PCI_BAR_MEMORY, AT + 2 * KIB, 4 * KIB, VPT_CALLER_BAR);
    try_bar("broken:", VPT_PCI_BAR_BROKEN, AT, 4 * KIB, VPT_DEVICE_PCI_BAR);
    try_bar("good:", VPT_PCI_BAR_MEMORY, AT, 4 * KIB, VPT_OK);
}

/* The last capability fits the space to a byte; one further on it does not. */
Test(pci_msix, a_capability_ends_with_the_space)
{
    for (uint16_t offset = 0xf4; offset <= 0xfc; offset = (uint16_t)(offset + 4)) {
        make();
        memcpy(&pci.function.config[offset], &pci.function.config[control_at() - 2], 12);
        memcpy(&pci.function.writable[offset], &pci.function.writable[control_at() - 2], 12);
        pci_set(0x34, 1, offset);
        pci.function.msix->capability = offset;
        try("a late capability:", offset == 0xf4 ? VPT_OK : VPT_DEVICE_PCI_MSIX);
    }
}

/* Memory is decoded afterwards, and as it was after a failure. */
Test(pci_msix, a_function_that_does_not_decode_is_made_to)
{
    make();
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_BUS_MASTER);
    assert_status(init(), VPT_OK);
    assert_same(mock_pci_command(&pci.function), VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER);
    program(7, 0x1234, 5);
    finish();
    for (uint16_t command = 0; command <= VPT_PCI_COMMAND_MEMORY; command += VPT_PCI_COMMAND_MEMORY) {
        make();
        mock_pci_command_set(&pci.function, command);
        mock_pci_set_writable(&pci.function, control_at(), 2, 0);
        pci_set(control_at(), 2, 0x8007);
        pci.bus.rules_off = true;
        refuse("MSI-X stays on:", VPT_DEVICE_PCI_MSIX);
        assert_same(mock_pci_command(&pci.function), command);
        pci_end();
    }
}

/* In the machine's sleep, say: the caller still knows where it was, but there is nothing. */
Test(pci_msix, a_bar_that_has_lost_its_address_is_told)
{
    make();
    mock_pci_command_set(&pci.function, 0);
    mock_pci_bar_assign(&pci.function, 1, 0);
    refuse("no address:", VPT_DEVICE_PCI_BAR);
    assert_same(mock_pci_command(&pci.function), 0);
    assert_status(vpt_pci_bars_restore(&pci.here, &bars), VPT_OK);
    try("restored:", VPT_OK);
}

/* ---- Ports that lack or fail ---- */

#define MAP_ERROR ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 3))

static unsigned maps_until_failure;

static enum vpt_status failing_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    const struct vpt_port *port = &((struct mock_pci_bus *)ctx)->hal->port;

    cr_assert(intent == VPT_MAP_REGISTERS);
    return maps_until_failure-- == 0 ? MAP_ERROR : port->mmio_map(port->ctx, physical, size, intent, mapping);
}

#define MSIX_TEST(suite, name) PLAIN_STARTED_TEST(make(), pci_end(), suite, name)

MSIX_TEST(pci_msix, a_port_that_does_not_map_is_told)
{
    pci.bus.port.mmio_map = failing_map;
    for (unsigned n = 0; n < 2; n++) {
        maps_until_failure = n;
        refuse("one cannot be mapped:", MAP_ERROR);
    }
    bars.bar[1].address = UINT64_MAX - 0xfff;
    maps_until_failure = 0;
    refuse("a BAR up to the last address would be mapped:", MAP_ERROR);
    pci.bus.port.mmio_map = NULL;
    refuse("no maps:", VPT_UNSUPPORTED_PORT);
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

Test(pci_msix, it_is_turned_on_and_off)
{
    make();
    assert_status(init(), VPT_OK);
    check_control(0x0007);
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_OK);
    check_control(0x8007);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_OK);
    check_control(0xc007);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_OK);
    check_control(0x4007);
    assert_status(vpt_pci_msix_mask_all(&msix, false), VPT_OK);
    check_control(0x0007);
    assert_status(vpt_pci_msix_enable(NULL, false), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_msix_mask_all(NULL, false), VPT_CALLER_ARGUMENT);
    finish();
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_CALLER_STATE);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_CALLER_STATE);
}

MSIX_TEST(pci_msix, bits_that_do_not_change_are_told)
{
    pci.bus.rules_off = true;
    assert_status(init(), VPT_OK);
    mock_pci_set_writable(&pci.function, control_at(), 2, 0);
    assert_status(vpt_pci_msix_enable(&msix, true), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_OK);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_DEVICE_PCI_MSIX);
    pci_set(control_at(), 2, 0xc007);
    assert_status(vpt_pci_msix_enable(&msix, false), VPT_DEVICE_PCI_MSIX);
    vpt_pci_msix_release(&msix);
    refuse("stuck:", VPT_DEVICE_PCI_MSIX);
}

/* ---- Entries ---- */

Test(pci_msix, a_message_goes_where_it_is_told)
{
    make_live(SMALL, 8, 0, 2 * KIB);
    for (uint16_t i = 0; i < 8; i++) {
        program(i, UINT64_C(0x87654321fee00000) + 4u * i, 0xfedc0000u + i);
        mask(i, false);
    }
    for (uint16_t i = 0; i < 8; i++) {
        mock_pci_msix_fire(&pci.function, i);
        check_message(i, i, UINT64_C(0x87654321fee00000) + 4u * i, 0xfedc0000u + i);
    }
    program(3, 0xfee01000, 0x31);
    mock_pci_msix_fire(&pci.function, 3);
    check_message(8, 3, 0xfee01000, 0x31);
    finish();
}

Test(pci_msix, masks_hold_messages_back)
{
    make_live(SMALL, 8, 0, 2 * KIB);
    program(5, 0xfee00000, 0x45);
    check_pending(5, false);
    mock_pci_msix_fire(&pci.function, 5);
    check_pending(5, true);
    check_pending(4, false);
    assert_status(vpt_pci_msix_mask_all(&msix, true), VPT_OK);
    mask(5, false);
    assert_same(pci.function.msix->message_count, 0); /* the function's mask holds it */
    assert_status(vpt_pci_msix_mask_all(&msix, false), VPT_OK);
    check_message(0, 5, 0xfee00000, 0x45);
    check_pending(5, false);
    mask(5, true);
    mock_pci_msix_fire(&pci.function, 5);
    assert_same(pci.function.msix->message_count, 1);
    mask(5, false);
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
    make_live(SMALL, 8, 0, 2 * KIB);
    program(2, UINT64_C(0x1fee00000), 0x31);
    mask(2, false);
    plain_write = pci.bus.port.mmio_write;
    pci.bus.port.mmio_write = write_and_fire;
    program(2, UINT64_C(0x2fee01000), 0x32);
    pci.bus.port.mmio_write = plain_write;
    check_message(1, 2, UINT64_C(0x2fee01000), 0x32);
    assert_same(pci.function.msix->messages[0].address, UINT64_C(0x2fee01000));
    assert_same(pci.function.msix->messages[0].data, 0x32);
    finish();
}

Test(pci_msix, each_entry_has_a_pending_bit)
{
    make_live(LARGE, 2048, 0, 32 * KIB);
    for (uint16_t i = 0; i < 2048; i = (uint16_t)(i + 31)) {
        mock_pci_msix_fire(&pci.function, i);
    }
    for (uint16_t i = 0; i < 2048; i++) {
        check_pending(i, i % 31 == 0);
    }
    finish();
}

/* 32 entries that wait at once, and a function that is no longer there, read the same. */
Test(pci_msix, pending_bits_that_are_all_ones_are_no_removal)
{
    bool pending = true;

    make_live(SMALL, 64, 0, 2 * KIB);
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

Test(pci_msix, PCI_MSIX_4_entries_that_do_not_exist_are_refused)
{
    static const uint16_t wrong[] = { 8, 9, 2047, 2048, 0xffff };
    uint64_t accesses;
    bool pending = true;

    make_live(SMALL, 8, 0, 2 * KIB);
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
    assert_same(pci.hal.register_reads + pci.hal.register_writes, accesses);
    finish();
    assert_status(vpt_pci_msix_program(&msix, 0, 0xfee00000, 1), VPT_CALLER_RANGE);
    assert_status(vpt_pci_msix_mask(&msix, 0, true), VPT_CALLER_RANGE);
}

static void lose_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    (void)value;
    cr_assert(width == 4 && offset < 8 * 16);
}

MSIX_TEST(pci_msix, a_table_that_does_not_take_a_mask_is_told)
{
    pci.bus.port.mmio_write = lose_write;
    entry_of(3)[3] = 0;
    refuse("lost writes:", VPT_DEVICE_PCI_MSIX);
    entry_of(3)[3] = 1;
    assert_status(init(), VPT_OK);
    assert_status(vpt_pci_msix_mask(&msix, 3, false), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msix_mask(&msix, 3, true), VPT_OK);
    entry_of(3)[3] = 0;
    assert_status(vpt_pci_msix_program(&msix, 3, 0xfee00000, 1), VPT_DEVICE_PCI_MSIX);
    entry_of(3)[3] = 0xffffffff;
    assert_status(vpt_pci_msix_program(&msix, 3, 0xfee00000, 1), VPT_DEVICE_GONE);
    assert_status(vpt_pci_msix_mask(&msix, 3, true), VPT_DEVICE_GONE);
    vpt_pci_msix_release(&msix);
}

Test(pci_msix, a_function_that_is_gone_is_told)
{
    make_live(SMALL, 8, 0, 2 * KIB);
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
