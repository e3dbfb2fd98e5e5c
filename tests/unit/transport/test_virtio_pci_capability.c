/* SPDX-License-Identifier: MIT */
/* Which functions are virtio devices, and what their capabilities may and may not say. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_capability, .timeout = 120);

#define ANY VPT_VIRTIO_PCI_ANY

enum { COMMON, NOTIFY, ISR, DEVICE }; /* the order of the structures below */

/* BAR 1 is unimplemented, BAR 3 unassigned, BAR 5 the upper half of BAR 4. */
static const struct mock_pci_layout good = {
    .bar = { [0] = { .size = 0x100, .address = 0xd200, .io = true },
             [2] = { .size = 0x1000, .address = UINT64_C(0xe0200000) },
             [3] = { .size = 0x1000, .address = 0 },
             [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
    .count = 4,
    .capability = {
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0x0100, .size = 0x38 },
        { .type = MOCK_PCI_NOTIFY, .bar = 4, .offset = 0x3000, .size = 0x100, .multiplier = 4 },
        { .type = MOCK_PCI_ISR, .bar = 2, .offset = 0x13, .size = 1 },
        { .type = MOCK_PCI_DEVICE, .bar = 2, .offset = 0x100, .size = 0x3c },
    },
};

static const enum vpt_status missing[] = { VPT_DEVICE_NO_COMMON, VPT_DEVICE_NO_NOTIFY, VPT_DEVICE_NO_ISR };

static struct mock_pci_function *const function = &machine.on_pci.function;

static void machine_of(const struct mock_pci_layout *layout)
{
    disk_machine_on(MACHINE_PCI_AS_TOLD, &(const struct mock_pci_machine_options){ .layout = layout });
}

/* Drives what has been made; every structure that the layout calls unusable is left alone. */
static void drive(void)
{
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    disk_work();
    (void)vpt_device_interrupt(machine.device);
    disk_end();
}

/* The device configuration is optional: without it there is none. */
static void drive_without_configuration(void)
{
    uint32_t value = 0;

    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_config_read(machine.device, 0, 1, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_write(machine.device, 0, 1, 0), VPT_CALLER_RANGE);
    disk_end();
}

static void check(const char *row, const struct mock_pci_layout *layout, enum vpt_status expected)
{
    machine_of(layout);
    if (expected == VPT_OK) {
        drive();
        return;
    }
    pci_refuse(row, ANY, expected);
    pci_refuse(row, VPT_VIRTIO_PCI_MODERN, expected);
    pci_refuse(row, VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_INTERFACE);
    assert_same_of(row, pci_command(), 0);
    machine_finish();
}

static void insert(struct mock_pci_layout *layout, unsigned at, struct mock_pci_capability capability)
{
    struct mock_pci_capability *place = &layout->capability[at];

    cr_assert(layout->count < MOCK_PCI_LAYOUT_MAX);
    memmove(place + 1, place, (layout->count++ - at) * sizeof(*place));
    *place = capability;
}

/* ---- Who is a virtio device ---- */

static const struct identity {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem;
    uint8_t header;
    enum vpt_status expected;
    uint32_t type;
} identities[] = {
    { 0x1af4, 0x1040, 0, 0, VPT_UNSUPPORTED_FUNCTION, 0 }, /* type 0 is reserved */
    { 0x1af4, 0x1041, 0, 0, VPT_OK, 1 },
    { 0x1af4, 0x1042, 0x1100, 0, VPT_OK, 2 },
    { 0x1af4, 0x1042, 7, 0, VPT_OK, 2 },    /* PCI-DISC-4 */
    { 0x1af4, 0x1042, 7, 0x80, VPT_OK, 2 }, /* multi-function */
    { 0x1af4, 0x107f, 0, 0, VPT_OK, 63 },
    { 0x1af4, 0x1080, 2, 0, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af4, 0x0fff, 2, 0, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af4, 0x1110, 2, 0, VPT_UNSUPPORTED_FUNCTION, 0 }, /* ivshmem */
    { 0x1af4, 0x1000, 1, 0, VPT_OK, 1 },
    { 0x1af4, 0x1001, 2, 0, VPT_OK, 2 },
    { 0x1af4, 0x103f, 18, 0, VPT_OK, 18 },
    { 0x1af4, 0x1001, 0, 0, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af3, 0x1042, 2, 0, VPT_UNSUPPORTED_VENDOR, 0 },
    { 0x1b36, 0x0001, 2, 0, VPT_UNSUPPORTED_VENDOR, 0 },
    { 0xffff, 0x1042, 2, 0, VPT_EMPTY_SLOT, 0 },
    { 0x1af4, 0x1042, 2, 0x01, VPT_UNSUPPORTED_FUNCTION, 0 }, /* headers of other types */
    { 0x1af4, 0x1042, 2, 0x02, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af4, 0x1042, 2, 0x40, VPT_UNSUPPORTED_FUNCTION, 0 },
};

Test(virtio_pci_capability, PCI_DISC_1_identities)
{
    for (size_t i = 0; i < COUNT_OF(identities); i++) {
        const struct identity *identity = &identities[i];
        char row[60];

        (void)snprintf(row, sizeof(row), "%04x:%04x subsystem %x header %x", identity->vendor, identity->device,
                       identity->subsystem, identity->header);
        machine_of(&good);
        mock_pci_set(function, 0x00, 2, identity->vendor);
        mock_pci_set(function, 0x02, 2, identity->device);
        mock_pci_set(function, 0x0e, 1, identity->header);
        mock_pci_set(function, 0x2c, 2, 0xfeed);
        mock_pci_set(function, 0x2e, 2, identity->subsystem);
        if (identity->expected != VPT_OK) {
            pci_refuse(row, ANY, identity->expected);
            machine_finish();
        } else {
            assert_status_of(row, machine_probe(), VPT_OK);
            assert_same_of(row, machine.device->type, identity->type);
            assert_same_of(row, machine.device->vendor, 0xfeed);
            machine_end();
        }
    }
}

Test(virtio_pci_capability, PCI_DISC_3_the_revision_plays_no_part)
{
    for (unsigned i = 0; i < 512; i += 15) {
        disk_machine_on(i % 2 == 0 ? MACHINE_PCI_MODERN : MACHINE_PCI_LEGACY, NULL);
        mock_pci_set(function, 0x08, 1, i / 2);
        assert_status(machine_probe(), VPT_OK);
        machine_end();
    }
}

Test(virtio_pci_capability, arguments_are_checked_first)
{
    const struct vpt_pci_function no_port = { NULL, { 0, 3, 5, 0 } };
    const struct vpt_pci_function *address = &machine.on_pci.address;
    const struct vpt_pci_bars *bars = &machine.on_pci.bars;

    machine_of(&good);
    assert_status(vpt_virtio_pci_probe(NULL, address, bars, ANY), VPT_CALLER_ARGUMENT);
    assert_status(vpt_virtio_pci_probe(&machine.pci, NULL, bars, ANY), VPT_CALLER_ARGUMENT);
    assert_status(vpt_virtio_pci_probe(&machine.pci, address, NULL, ANY), VPT_CALLER_ARGUMENT);
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(vpt_virtio_pci_probe(&machine.pci, &no_port, bars, ANY), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&machine.pci, sizeof(machine.pci)));
    pci_refuse("", (enum vpt_virtio_pci_interface)3, VPT_CALLER_ARGUMENT);
    assert_same(function->config_reads, 0);
    machine.on_pci.address.address.device = 9; /* where no function is */
    pci_refuse("", ANY, VPT_EMPTY_SLOT);
    machine_finish();
}

/* ---- Capabilities that cannot be used ---- */

#define ON_COMMON 1u
#define ON_NOTIFY 2u
#define ON_DEVICE 8u
#define ON_ALL    15u

static const struct defect {
    const char *name;
    unsigned types; /* which of the structures it makes unusable */
    enum vpt_status expected;
    int bar; /* -1: as it was, here and in the next three */
    int length;
    int64_t offset;
    int64_t size;
    uint32_t multiplier; /* 0: as it was */
} defects[] = {
    { "cap_len 0", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, -1, 2, -1, -1, 0 },
    { "cap_len 15", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, -1, 15, -1, -1, 0 },
    { "cap_len 8", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, -1, 8, -1, -1, 0 },
    { "no multiplier", ON_NOTIFY, VPT_DEVICE_CAPABILITY_LENGTH, -1, 16, -1, -1, 0 },
    { "half a multiplier", ON_NOTIFY, VPT_DEVICE_CAPABILITY_LENGTH, -1, 19, -1, -1, 0 },
    { "BAR 6", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 6, -1, -1, -1, 0 },
    { "BAR 7", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 7, -1, -1, -1, 0 },
    { "BAR 0x84", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 0x84, -1, -1, -1, 0 },
    { "BAR 255", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 255, -1, -1, -1, 0 },
    { "BAR unimplemented", ON_ALL, VPT_DEVICE_PCI_BAR, 1, -1, -1, -1, 0 },
    { "BAR an upper half", ON_ALL, VPT_DEVICE_PCI_BAR, 5, -1, -1, -1, 0 },
    { "BAR unassigned", ON_ALL, VPT_CALLER_BAR, 3, -1, -1, -1, 0 },
    { "behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x4000, -1, 0 },
    { "partly behind its BAR", ON_COMMON, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x3fcc, -1, 0 },
    { "by one byte behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x3000, 0x1001, 0 },
    { "all of its BAR and one byte", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0, 0x4001, 0 },
    { "far behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0xfffffffc, -1, 0 },
    { "wrapping to its beginning", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0xffffffc0, 0x100, 0 },
    { "wrapping by its length", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x100, 0xffffff00, 0 },
    { "wrapping to the same place", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x80000100, 0x80000000, 0 },
    { "everything", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, -1, 0x100, 0xffffffff, 0 },
    { "empty", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, -1, -1, -1, 0, 0 },
    { "too small", ON_COMMON, VPT_DEVICE_CAPABILITY_RANGE, -1, -1, -1, 0x37, 0 },
    { "too small", ON_NOTIFY, VPT_DEVICE_CAPABILITY_RANGE, -1, -1, -1, 1, 0 },
    { "at 2 more", ON_COMMON | ON_DEVICE, VPT_DEVICE_CAPABILITY_ALIGNMENT, -1, -1, 0x202, -1, 0 },
    { "at 1 more", ON_COMMON | ON_NOTIFY | ON_DEVICE, VPT_DEVICE_CAPABILITY_ALIGNMENT, -1, -1, 0x201, -1, 0 },
    { "multiplier 1", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, -1, -1, -1, -1, 1 },
    { "multiplier 3", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, -1, -1, -1, -1, 3 },
    { "the largest multiplier", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, -1, -1, -1, -1, 0xffffffff },
};

static struct mock_pci_capability with_defect(unsigned which, const struct defect *defect)
{
    struct mock_pci_capability broken = good.capability[which];

    broken.unusable = true;
    broken.bar = defect->bar >= 0 ? (uint8_t)defect->bar : broken.bar;
    broken.length = defect->length >= 0 ? (uint8_t)defect->length : broken.length;
    broken.offset = defect->offset >= 0 ? (uint64_t)defect->offset : broken.offset;
    broken.size = defect->size >= 0 ? (uint64_t)defect->size : broken.size;
    broken.multiplier = defect->multiplier != 0 ? defect->multiplier : broken.multiplier;
    return broken;
}

static void for_each_defect(void (*test)(unsigned which, const struct defect *defect))
{
    for (size_t i = 0; i < COUNT_OF(defects); i++) {
        for (unsigned which = COMMON; which <= DEVICE; which++) {
            if ((defects[i].types & (1u << which)) != 0) {
                test(which, &defects[i]);
            }
        }
    }
}

static void check_alone(unsigned which, const struct defect *defect)
{
    struct mock_pci_layout layout = good;

    layout.capability[which] = with_defect(which, defect);
    if (which != DEVICE) {
        check(defect->name, &layout, defect->expected);
    } else {
        machine_of(&layout);
        drive_without_configuration();
    }
}

Test(virtio_pci_capability, PCI_CAP_4_a_structure_that_cannot_be_used_is_refused_and_why)
{
    for_each_defect(check_alone);
}

static void check_skipped(unsigned which, const struct defect *defect)
{
    for (unsigned behind = 0; behind < 2; behind++) {
        struct mock_pci_layout layout = good;

        insert(&layout, behind * good.count, with_defect(which, defect));
        check(defect->name, &layout, VPT_OK);
    }
}

Test(virtio_pci_capability, PCI_CAP_2_the_usable_one_is_found_behind_and_before_one_that_is_not)
{
    for_each_defect(check_skipped);
}

/* Two defects of one structure, one behind the other. */
static void check_reason(unsigned which, const struct defect *defect)
{
    for (size_t i = 0; i < COUNT_OF(defects); i += 5) {
        struct mock_pci_layout layout = good;

        if ((defects[i].types & (1u << which)) != 0 && which != DEVICE) {
            layout.capability[which] = with_defect(which, defect);
            insert(&layout, good.count, with_defect(which, &defects[i]));
            check(defect->name, &layout, defect->expected);
        }
    }
}

Test(virtio_pci_capability, PCI_CAP_2_the_first_one_says_why_none_can_be_used)
{
    for_each_defect(check_reason);
}

Test(virtio_pci_capability, PCI_CAP_2_the_first_usable_one_wins)
{
    for (unsigned which = COMMON; which <= DEVICE; which++) {
        struct mock_pci_capability later = good.capability[which];
        struct mock_pci_layout layout = good;

        later.unusable = true; /* which it is not; but there is a better one */
        later.bar = 4;
        later.offset = 0x2000;
        insert(&layout, good.count, later);
        check("", &layout, VPT_OK);
    }
}

/* ---- Missing ones, and ones that do not matter ---- */

Test(virtio_pci_capability, LEG_PCIDETECT_5_D_PCI_5_a_structure_that_is_missing_is_reported)
{
    struct mock_pci_layout layout = good;

    for (unsigned which = COMMON; which < DEVICE; which++) {
        layout = good;
        layout.capability[which] = layout.capability[DEVICE];
        check("", &layout, missing[which]);
    }
    layout = good;
    layout.count = 3;
    machine_of(&layout);
    drive_without_configuration();
    layout.count = 0;
    check("", &layout, VPT_DEVICE_NO_COMMON);
    machine_of(&good);
    mock_pci_set(function, 0x06, 2, 0); /* no list, whatever the pointer says */
    pci_refuse("", ANY, VPT_DEVICE_NO_COMMON);
    machine_finish();
}

Test(virtio_pci_capability, PCI_CAP_1_reserved_types_are_ignored)
{
    static const uint8_t types[] = { 0, 5, 6, 7, 9, 10, 0x81, 255 };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct mock_pci_capability other = { .type = types[i], .bar = 4, .offset = 0x2000, .size = 0x100 };
        struct mock_pci_layout layout = good;

        insert(&layout, 0, other);
        check("", &layout, VPT_OK);
        for (unsigned which = COMMON; which < DEVICE; which++) {
            layout = good;
            layout.capability[which] = other;
            check("", &layout, missing[which]);
        }
    }
}

static void set_next(unsigned which, uint16_t next)
{
    mock_pci_set(function, which == 0 ? 0x34 : (uint16_t)(machine.on_pci.modern.capability[which - 1u] + 1u), 1, next);
}

/* Other capabilities than vendor ones, that look like the ones that are wanted. */
Test(virtio_pci_capability, PCI_CAP_1_other_capabilities_are_passed_over)
{
    static const uint8_t body[] = { 16, 1, 4, 0, 0, 0, 0, 0x20, 0, 0, 0x38, 0, 0, 0 };
    static const uint8_t ids[] = { 0x01, 0x03, 0x05, 0x08, 0x0a, 0x10, 0xff };

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        uint16_t first;
        uint16_t offset;

        machine_of(&good);
        offset = mock_pci_capability_add(function, ids[i], body, sizeof(body), NULL);
        first = (uint16_t)mock_pci_get(function, 0x34, 1);
        set_next(4, 0);
        mock_pci_set(function, (uint16_t)(offset + 1u), 1, first);
        set_next(0, offset);
        drive();
    }
}

Test(virtio_pci_capability, PCI_CAP_3_a_capability_may_be_longer_than_known)
{
    for (unsigned i = 0; i < 12; i++) {
        struct mock_pci_layout layout = good;

        layout.capability[i % 4].length = (uint8_t)(21 + i / 4 * 33);
        check("", &layout, VPT_OK);
    }
}

/* However large a structure is said to be, no more of it is mapped than is used. */
Test(virtio_pci_capability, PCI_CAP_5_only_what_is_needed_is_mapped)
{
    static const struct mock_pci_layout large = {
        .bar = { [0] = { .size = 0x1000000, .address = UINT64_C(0x8e1000000), .is_64bit = true },
                 [2] = { .size = 0x1000000, .address = UINT64_C(0xe1000000) } },
        .count = 4,
        .capability = {
            { .type = MOCK_PCI_COMMON, .bar = 0, .offset = 0x000000, .size = 0x800000 },
            { .type = MOCK_PCI_ISR, .bar = 0, .offset = 0x800000, .size = 0x800000 },
            { .type = MOCK_PCI_DEVICE, .bar = 2, .offset = 0x000000, .size = 0x800000 },
            { .type = MOCK_PCI_NOTIFY, .bar = 2, .offset = 0x800000, .size = 0x800000, .multiplier = 4096 },
        },
    };
    size_t total = 0;

    machine_of(&large);
    assert_status(disk_bring_up(NULL), VPT_OK);
    for (unsigned i = 0; i < MOCK_HAL_MAPPINGS; i++) {
        total += machine.hal->mappings[i].mapped ? machine.hal->mappings[i].size : 0u;
    }
    cr_assert(total <= 0x40 + 1 + 4096 + 4, "%zu bytes are mapped", total);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

Test(virtio_pci_capability, structures_of_the_least_size_at_the_ends_of_their_bars_are_fine)
{
    struct mock_pci_layout layout = good;

    layout.capability[COMMON].offset = 0x4000 - 0x38;
    layout.capability[NOTIFY] =
        (struct mock_pci_capability){ .type = MOCK_PCI_NOTIFY, .bar = 2, .offset = 0xffe, .size = 2 };
    layout.capability[ISR].offset = 0xffd;
    layout.capability[DEVICE].offset = 0x1000 - 0x40;
    check("", &layout, VPT_OK);
    layout.capability[COMMON].offset = 0;
    layout.capability[ISR].bar = 4;
    layout.capability[ISR].offset = 0x3fff;
    check("", &layout, VPT_OK);
}

/* ---- Lists that break off ---- */

/* The pointer before capability `which` (from 0) leads astray: what came before it may be enough. */
static void check_broken_list(unsigned which, uint16_t next)
{
    set_next(which, next);
    if (which >= 3) {
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        disk_end();
    } else {
        pci_refuse("", ANY, VPT_DEVICE_PCI_CAPABILITIES);
        machine_finish();
    }
}

Test(virtio_pci_capability, a_list_that_leads_out_of_its_space_or_back_is_followed_no_further)
{
    static const uint16_t outside[] = { 0x3c, 0x10, 0x04 };

    for (unsigned which = 0; which <= 4; which++) {
        for (size_t i = 0; i < COUNT_OF(outside); i++) {
            machine_of(&good);
            check_broken_list(which, outside[i]);
        }
        for (unsigned back = 0; back < which; back++) {
            machine_of(&good);
            check_broken_list(which, machine.on_pci.modern.capability[back]);
        }
    }
}

/* A reason that is known already is better than that the list broke off. */
Test(virtio_pci_capability, a_broken_list_does_not_hide_why_a_structure_was_refused)
{
    struct mock_pci_layout layout = good;

    layout.capability[COMMON] = with_defect(COMMON, &defects[5]);
    machine_of(&layout);
    set_next(1, 0x3c);
    pci_refuse("", ANY, VPT_DEVICE_CAPABILITY_BAR);
    machine_finish();
}

/* Instead of the good one, a capability of `which` type with `there` bytes before the end of configuration space. */
static uint16_t put_at_end(unsigned which, unsigned there)
{
    uint16_t at = (uint16_t)(0x100u - there);

    machine_of(&good);
    mock_pci_set(function, (uint16_t)(machine.on_pci.modern.capability[which] + 3u), 1, 0xee);
    set_next(4, at);
    mock_pci_set(function, at, 1, 0x09);
    mock_pci_set(function, (uint16_t)(at + 2u), 1, 20);
    mock_pci_set(function, (uint16_t)(at + 3u), 1, good.capability[which].type);
    return at;
}

Test(virtio_pci_capability, a_capability_that_the_end_of_the_space_cuts_off_is_too_short)
{
    for (unsigned which = COMMON; which < DEVICE; which++) {
        for (unsigned there = 4; there < (which == NOTIFY ? 20 : 16); there += 4) {
            (void)put_at_end(which, there);
            pci_refuse("", ANY, VPT_DEVICE_CAPABILITY_LENGTH);
            machine_finish();
        }
    }
}

Test(virtio_pci_capability, a_capability_that_ends_with_the_space_is_whole)
{
    uint16_t at = put_at_end(NOTIFY, 20);

    mock_pci_set(function, (uint16_t)(at + 4), 1, 4);
    mock_pci_set(function, (uint16_t)(at + 8), 4, 0x3000);
    mock_pci_set(function, (uint16_t)(at + 12), 4, 0x100);
    mock_pci_set(function, (uint16_t)(at + 16), 4, 4);
    drive();
}

/* ---- What the port lacks ---- */

static void take_away(size_t port_function)
{
    memset((uint8_t *)machine.port + port_function, 0, sizeof(machine.port->mmio_map));
}

Test(virtio_pci_capability, a_port_that_lacks_what_the_structures_need_cannot_drive_them)
{
    static const struct {
        const struct mock_pci_layout *layout;
        size_t port_function;
    } lacks[] = {
        { &good, offsetof(struct vpt_port, mmio_map) },
        { &good, offsetof(struct vpt_port, mmio_unmap) },
        { &machine_io_layout, offsetof(struct vpt_port, io_read) },
        { &machine_io_layout, offsetof(struct vpt_port, io_write) },
        { &good, offsetof(struct vpt_port, config_read) },
        { &good, offsetof(struct vpt_port, config_write) },
    };

    for (size_t i = 0; i < COUNT_OF(lacks); i++) {
        machine_of(lacks[i].layout);
        take_away(lacks[i].port_function);
        pci_refuse("", ANY, VPT_UNSUPPORTED_PORT);
        machine_finish();
    }
}

Test(virtio_pci_capability, io_structures_need_no_mapping)
{
    machine_of(&machine_io_layout);
    take_away(offsetof(struct vpt_port, mmio_map));
    take_away(offsetof(struct vpt_port, mmio_unmap));
    take_away(offsetof(struct vpt_port, mmio_read));
    take_away(offsetof(struct vpt_port, mmio_write));
    drive();
}

/* QEMU's modern-pio-notify lists doorbells in an I/O BAR first: without port I/O the next ones do. */
Test(virtio_pci_capability, PCI_CAP_2_what_the_port_lacks_makes_a_structure_unusable)
{
    struct mock_pci_layout layout = good;

    insert(&layout, 0, (struct mock_pci_capability){ .type = MOCK_PCI_NOTIFY, .offset = 0x10, .size = 4 });
    check("", &layout, VPT_OK);
    layout.capability[0].unusable = true;
    machine_of(&layout);
    take_away(offsetof(struct vpt_port, io_read));
    take_away(offsetof(struct vpt_port, io_write));
    drive();
}

/* ---- What goes wrong on the way ---- */

static enum vpt_virtio_pci_interface interface_of(enum machine_kind kind)
{
    return kind == MACHINE_PCI_TRANSITIONAL_LEGACY ? VPT_VIRTIO_PCI_LEGACY : ANY;
}

/*
 * Whichever access the port fails at, alone or from there on, its error arrives, and nothing stays: a field of a
 * capability that could not be read is not taken for 0.
 */
static void fail_at_each_read(enum machine_kind kind, uint32_t times)
{
    for (uint32_t n = 1; n < 300; n++) {
        disk_machine_on(kind, &(const struct mock_pci_machine_options){ .vectors = 4 });
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, times);
        if (machine_probe() == VPT_OK) {
            cr_assert(machine.on_pci.bus.fail_read.fired == 0 && n > 8);
            mock_trigger_set(&machine.on_pci.bus.fail_read, 0, 0);
            machine_end();
            return;
        }
        mock_trigger_set(&machine.on_pci.bus.fail_read, n, times);
        pci_fail("", interface_of(kind), machine.on_pci.bus.fail_status);
        machine_finish();
    }
    cr_assert_fail("a probe of 300 reads");
}

PCI_TEST(virtio_pci_capability, an_error_of_the_port_arrives_from_any_configuration_read)
{
    fail_at_each_read(variant->kind, 0);
}

MODERN_TEST(virtio_pci_capability, a_single_error_of_the_port_is_not_taken_for_a_value)
{
    fail_at_each_read(variant->kind, 1);
}

PCI_TEST(virtio_pci_capability, what_goes_wrong_with_the_command_register_is_reported)
{
    disk_machine_on(variant->kind, NULL);
    mock_trigger_set(&machine.on_pci.bus.fail_write, 1, 1);
    pci_fail("", interface_of(variant->kind), machine.on_pci.bus.fail_status);
    assert_same(machine.on_pci.bus.fail_write.fired, 1);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
    pci_fail("", interface_of(variant->kind), VPT_DEVICE_PCI_COMMAND);
    machine_finish();
}

Test(virtio_pci_capability, an_error_of_the_port_arrives_from_any_mapping)
{
    for (unsigned n = 0; n < 5; n++) {
        disk_machine_on(n < 3 ? MACHINE_PCI_MODERN : MACHINE_PCI_LEGACY_MEMORY, NULL);
        machine_fail_map(n % 3);
        pci_fail("", ANY, MAP_FAILED_STATUS);
        machine_finish();
    }
    /* The doorbell is mapped with its queue. */
    disk_init_on(MACHINE_PCI_MODERN, NULL);
    machine_fail_map(0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), MAP_FAILED_STATUS);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    disk_work_and_end();
}

PCI_TEST(virtio_pci_capability, decoding_is_turned_on_for_the_bars_that_are_used_and_nothing_else_changes)
{
    static const uint16_t decoding[] = {
        [MACHINE_PCI_MODERN] = 2,
        [MACHINE_PCI_MODERN_IO] = 1,
        [MACHINE_PCI_MODERN_SCATTERED] = 3,
        [MACHINE_PCI_TRANSITIONAL_MODERN] = 2,
        [MACHINE_PCI_LEGACY] = 1,
        [MACHINE_PCI_LEGACY_MEMORY] = 2,
        [MACHINE_PCI_TRANSITIONAL_LEGACY] = 1,
    };

    for (unsigned before = 0; before <= 0x440; before += 0x440) {
        disk_machine_on(variant->kind, NULL);
        mock_pci_front_command(&machine.on_pci.front, (uint16_t)before);
        assert_status(machine_probe(), VPT_OK);
        assert_same(pci_command(), before | decoding[variant->kind]);
        machine_end();
    }
}

/* ---- Shared memory regions ---- */

#define REGION_BAR UINT64_C(0x7000000000)

static const struct mock_pci_layout with_regions = {
    .bar = { [0] = { .size = 0x100, .address = 0xd200, .io = true },
             [2] = { .size = UINT64_C(0x400000000), .address = REGION_BAR, .is_64bit = true },
             [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
    .count = 8,
    .capability = {
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0x0100, .size = 0x38 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 7, .bar = 2 },
        { .type = MOCK_PCI_NOTIFY, .bar = 4, .offset = 0x3000, .size = 0x100, .multiplier = 4 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 0, .bar = 0, .offset = 0, .size = 0x10 }, /* I/O ports */
        { .type = MOCK_PCI_ISR, .bar = 4, .offset = 0x1000, .size = 1 },
        { .type = MOCK_PCI_DEVICE, .bar = 4, .offset = 0x2000, .size = 0x3c },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 3, .bar = 4, .offset = 0x1800, .size = 0x800, .length = 20 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 3, .bar = 4, .offset = 0x2800, .size = 0x800 },
    },
};

static void assert_region(uint8_t id, enum vpt_status expected, uint64_t base, uint64_t length)
{
    struct vpt_shared_memory_region region = { 0, 0 };

    assert_status(vpt_device_shared_memory(machine.device, id, &region), expected);
    if (expected == VPT_OK) {
        assert_same(region.base, base);
        assert_same(region.length, length);
    }
}

Test(virtio_pci_capability, shared_memory_regions_are_64_bits_wide_and_within_their_bar)
{
    static const struct {
        uint64_t offset;
        uint64_t size;
        enum vpt_status expected;
    } places[] = {
        { UINT64_C(0x100002000), UINT64_C(0x200003000), VPT_OK },
        { 0, UINT64_C(0x400000000), VPT_OK },
        { 0, UINT64_C(0x400000001), VPT_UNSUPPORTED_REQUEST },
        { UINT64_C(0x400000000), 1, VPT_UNSUPPORTED_REQUEST },
        { UINT64_C(0x3ffffffff), 1, VPT_OK },
        { UINT64_C(0xffffffffffffffff), 2, VPT_UNSUPPORTED_REQUEST },
        { UINT64_C(0xfffffffe00000000), UINT64_C(0x300000000), VPT_UNSUPPORTED_REQUEST },
        { 0x1000, UINT64_C(0xffffffffffffffff), VPT_UNSUPPORTED_REQUEST },
        { UINT64_C(0x100000000), UINT64_C(0x300000001), VPT_UNSUPPORTED_REQUEST },
        { 0x1000, 0, VPT_UNSUPPORTED_REQUEST },
    };

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct mock_pci_layout layout = with_regions;

        layout.capability[1].offset = places[i].offset;
        layout.capability[1].size = places[i].size;
        machine_of(&layout);
        assert_status(machine_probe(), VPT_OK);
        assert_region(7, places[i].expected, REGION_BAR + places[i].offset, places[i].size);
        assert_region(3, VPT_OK, UINT64_C(0x8e0002800), 0x800); /* the one before is cut short */
        assert_region(0, VPT_UNSUPPORTED_REQUEST, 0, 0);
        assert_region(1, VPT_UNSUPPORTED_REQUEST, 0, 0);
        machine_end();
    }
}

LEGACY_TEST(virtio_pci_capability, a_legacy_interface_has_no_shared_memory)
{
    disk_probe_on(variant->kind, NULL);
    assert_region(0, VPT_UNSUPPORTED_REQUEST, 0, 0);
    machine_end();
}
