/* SPDX-License-Identifier: MIT */
/*
 * What a guest reads of the base address registers that it writes, and where the BARs are then; also those that no
 * function has. What is mapped after any write is in test_assign_random.c.
 */
#include "simulated_host.h"

TestSuite(assign_bar);

static void open_with(unsigned index, struct vpt_pci_bar bar)
{
    function_start_powered();
    function->bars.bar[index] = bar;
    function_open_and_give();
}

/* ---- Registers ---- */

/* The size comes out of any pattern, and the kind is read-only. */
static void check_patterns(unsigned index, uint32_t mask, uint32_t flags)
{
    static const uint32_t patterns[] = { 0xffffffff, 0xfffffff0, 0xfffff800, 0x55555555, 0xaaaaaaaa,
                                         0x12345678, 0x80000000, 1,          0xf,        0 };

    for (unsigned i = 0; i < COUNT_OF(patterns); i++) {
        guest_write(BAR(index), 4, patterns[i]);
        cr_assert(guest_read(BAR(index), 4) == ((patterns[i] & mask) | flags), "BAR %u, 0x%x", index, patterns[i]);
    }
    function_check_map(0);
}

Test(assign_bar, a_bar_of_each_size_and_kind_is_sized_by_any_pattern)
{
    static const struct {
        struct vpt_pci_bar bar;
        uint8_t index;
        uint8_t least; /* powers of two */
        uint8_t end;
        uint32_t writable; /* beside the address */
        uint32_t flags;
    } kinds[] = {
        { { .kind = VPT_PCI_BAR_MEMORY, .address = 0x80000000 }, 3, 4, 32, 0, 0 },
        { { .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true }, 4, 4, 64, 0, 4 },
        { { .kind = VPT_PCI_BAR_IO, .address = 0xc000 }, 0, 2, 9, 0, 1 },
        { { .kind = VPT_PCI_BAR_MEMORY, .address = 0x80000000 }, VPT_PCI_ROM, 11, 25, 1, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        for (unsigned shift = kinds[i].least; shift < kinds[i].end; shift++) {
            struct vpt_pci_bar bar = kinds[i].bar;

            bar.size = UINT64_C(1) << shift;
            bar.address = bar.is_64bit ? bar.size : bar.address;
            open_with(kinds[i].index, bar);
            check_patterns(kinds[i].index, (uint32_t)-bar.size | kinds[i].writable, kinds[i].flags);
            if (bar.is_64bit) {
                check_patterns(kinds[i].index + 1u, (uint32_t)(-bar.size >> 32), 0);
            }
        }
    }
}

/* ---- Decoding ---- */

Test(assign_bar, a_write_that_changes_nothing_calls_no_hook)
{
    static const struct config_value writes[] = {
        { 4, 2, DECODING }, { BAR(0), 4, 0xfe000000 },           { BAR(0), 1, 0xff }, { 4, 2, DECODING | MASTER },
        { BAR(5), 4, 0 },   { BAR(VPT_PCI_ROM), 4, 0xfd000001 }, { PMCSR, 2, 0 },
    };

    function_place_five_bars();
    assert_same(function->calls, 0); /* nothing moves while nothing is decoded */
    guest_write(4, 2, DECODING);
    function_forget();
    for (unsigned i = 0; i < COUNT_OF(writes); i++) {
        guest_write(writes[i].offset, writes[i].width, writes[i].value);
        cr_assert(function->calls == 0, "write %u", i);
    }
    guest_write(BAR(0), 4, 0xfe004000);
    assert_same(function->calls, 6); /* three pieces go, three come */
}

Test(assign_bar, an_unmap_that_refuses_has_failed)
{
    function_place_five_bars();
    guest_write(4, 2, DECODING);
    function->failure = VPT_REFUSED;
    for (unsigned i = 0; i < 2; i++) {
        function->refuse_first = 0xfe022000;
        function->refuse_last = i == 0 ? 0 : 0xfe022fff;
        function_fail_hooks(i == 0 ? 1 : 7, 1);
        assert_status(guest_try_write(BAR(0), 4, 0xfe020000), VPT_CALLER_ARGUMENT);
        cr_assert(function->failed == 1 && !function->device.degraded);
        assert_same(guest_read(BAR(0), 4), 0xfe000000);
        function_check_map(0);
    }
}

/* ---- What no function has ---- */

#define MEM  VPT_PCI_BAR_MEMORY
#define PORT VPT_PCI_BAR_IO

static void check_impossible(const char *row, unsigned index, struct vpt_pci_bar bar)
{
    function_start();
    function->bars.bar[index] = bar;
    assert_status_of(row, vpt_assign_open(&function->device, &function->setup), VPT_CALLER_BAR);
    cr_assert(all_zero(&function->device, sizeof(function->device)), "%s", row);
}

Test(assign_bar, impossible_ones_are_refused)
{
    static const uint64_t sizes[] = { 0, 1, 2, 4, 8, 24, 0x1800, 0xffffffff, UINT64_C(0x100000000), UINT64_MAX };
    static const struct {
        const char *row;
        unsigned index;
        struct vpt_pci_bar bar;
    } rows[] = {
        { "two ports", 0, { .kind = PORT, .address = 0xc000, .size = 2 } },
        { "six ports", 0, { .kind = PORT, .address = 0xc000, .size = 6 } },
        { "all ports", 0, { .kind = PORT, .address = 0xc000, .size = 0x10000 } },
        { "ports of 64 bits", 0, { .kind = PORT, .address = 0xc000, .size = 16, .is_64bit = true } },
        { "prefetchable ports", 0, { .kind = PORT, .address = 0xc000, .size = 16, .prefetchable = true } },
        { "ports below 1 MiB", 0, { .kind = PORT, .address = 0xc000, .size = 16, .below_1mib = true } },
        { "a kind that there is not", 0, { .kind = (enum vpt_pci_bar_kind)4, .address = 0xc000, .size = 16 } },
        { "a small ROM", VPT_PCI_ROM, { .kind = MEM, .address = 0x80000000, .size = 1024 } },
        { "a ROM of ports", VPT_PCI_ROM, { .kind = PORT, .address = 0xc000, .size = 4096 } },
        { "a ROM of 64 bits", VPT_PCI_ROM, { .kind = MEM, .address = 0x80000000, .size = 0x1000, .is_64bit = true } },
        { "64 bits in the last one", 5, { .kind = MEM, .address = 0x80000000, .size = 0x1000, .is_64bit = true } },
        { "64 bits below 1 MiB",
          0,
          { .kind = MEM, .address = 0x80000, .size = 0x1000, .is_64bit = true, .below_1mib = true } },
        { "past the end of memory", 4, { .kind = MEM, .address = UINT64_MAX - 0x3ffe, .size = 0x4000 } },
    };

    for (unsigned i = 0; i < BARS; i++) {
        for (unsigned size = 0; size < COUNT_OF(sizes); size++) {
            check_impossible("memory", i,
                             (struct vpt_pci_bar){ .kind = MEM, .address = 0x80000000, .size = sizes[size] });
        }
        check_impossible("no ports", i, (struct vpt_pci_bar){ .kind = PORT, .address = 0xc000 });
    }
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        check_impossible(rows[i].row, rows[i].index, rows[i].bar);
    }
}

Test(assign_bar, nothing_lies_in_an_upper_half)
{
    function_start();
    function_memory(0, 0x1000, 0x80000000, true);
    function_memory(1, 0x1000, 0x80001000, false);
    assert_status(vpt_assign_open(&function->device, &function->setup), VPT_CALLER_BAR);
    function_start();
    function_memory(4, 0x1000, 0x80000000, true);
    function_memory(VPT_PCI_ROM, 0x1000, 0x80001000, false);
    function_open();
}

/* ---- Degraded devices ---- */

/* Also while a BAR is refused, which an undegraded device would try again. */
Test(assign_bar, a_degraded_device_can_be_kept_from_the_bus_and_its_line_turned_off)
{
    for (unsigned refused = 0; refused < 2; refused++) {
        function_place_five_bars();
        function->refuse_first = 0xfe010000;
        function->refuse_last = refused != 0 ? 0xfe010fff : 0;
        assert_status(guest_try_write(4, 2, DECODING | MASTER), refused != 0 ? VPT_REFUSED : VPT_OK);
        function_fail_hooks(2, 1000);
        assert_status(guest_try_write(4, 2, MASTER), VPT_DEVICE_ASSIGN_DEGRADED);
        function_fail_hooks(0, 0);
        function_forget();
        assert_status(guest_try_write(4, 2, DECODING | VPT_PCI_COMMAND_INTERRUPT_DISABLE), VPT_OK);
        assert_same(guest_read(4, 2), DECODING | VPT_PCI_COMMAND_INTERRUPT_DISABLE);
        cr_assert((function_get(4, 2) & MASTER) == 0 && function->calls == 0);
        assert_status(vpt_assign_release(&function->device), VPT_OK);
    }
}
