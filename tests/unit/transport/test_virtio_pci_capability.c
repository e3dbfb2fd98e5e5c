/* SPDX-License-Identifier: MIT */
/* Which functions are virtio devices, and what their capabilities may and may not say. */
#include "disk.h"

#include <string.h>

TestSuite(virtio_pci_capability, .timeout = 120);

/* BAR 1 is unimplemented, BAR 3 unassigned, BAR 5 the upper half of BAR 4. */
#define GOOD_BARS                                                       \
    .bar = { [0] = { .size = 0x100, .address = 0xd200, .io = true },    \
             [2] = { .size = 0x1000, .address = UINT64_C(0xe0200000) }, \
             [3] = { .size = 0x1000, .address = 0 },                    \
             [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } }

static const struct mock_pci_layout good = {
    GOOD_BARS,
    .count = 4,
    .capability = {
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0x0100, .size = 0x38 },
        { .type = MOCK_PCI_NOTIFY, .bar = 4, .offset = 0x3000, .size = 0x100, .multiplier = 4 },
        { .type = MOCK_PCI_ISR, .bar = 2, .offset = 0x13, .size = 1 },
        { .type = MOCK_PCI_DEVICE, .bar = 2, .offset = 0x100, .size = 0x3c },
    },
};

static void machine_of(const struct mock_pci_layout *layout)
{
    struct mock_pci_machine_options options = { .layout = layout };

    disk_machine_pci(MACHINE_PCI_AS_TOLD, &options);
}

/* Nothing is left behind by a probe that failed, and nothing was done to the function. */
static void assert_untouched(void)
{
    cr_assert(all_zero(&machine.pci, sizeof(machine.pci)));
    cr_assert(mock_hal_live_mappings(machine.hal) == 0);
    cr_assert(machine.on_pci.front.access_count == 0);
}

static void assert_refused(enum vpt_virtio_pci_interface interface, enum vpt_status expected)
{
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(machine_probe_by(interface), expected);
    assert_untouched();
    cr_assert(machine.on_pci.function.config_writes == 0 && pci_command() == 0);
}

static void assert_probed(void)
{
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

/* A layout that the modern interface cannot be driven by. */
static void check_refused(const struct mock_pci_layout *layout, enum vpt_status expected)
{
    machine_of(layout);
    assert_refused(VPT_VIRTIO_PCI_ANY, expected);
    assert_refused(VPT_VIRTIO_PCI_MODERN, expected);
    assert_refused(VPT_VIRTIO_PCI_LEGACY, VPT_UNSUPPORTED_INTERFACE);
    machine_finish();
}

/* Drives what has been probed; every structure that the layout calls unusable is left alone. */
static void check_drives(void)
{
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_write_sector(1, 5), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    (void)vpt_device_interrupt(machine.device);
    disk_end();
}

static void check_works(const struct mock_pci_layout *layout)
{
    machine_of(layout);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    check_drives();
}

static void append(struct mock_pci_layout *layout, const struct mock_pci_capability *capability)
{
    cr_assert(layout->count < MOCK_PCI_LAYOUT_MAX);
    layout->capability[layout->count++] = *capability;
}

static void prepend(struct mock_pci_layout *layout, const struct mock_pci_capability *capability)
{
    cr_assert(layout->count < MOCK_PCI_LAYOUT_MAX);
    memmove(layout->capability + 1, layout->capability, layout->count * sizeof(layout->capability[0]));
    layout->capability[0] = *capability;
    layout->count++;
}

/* ---- Who is a virtio device ---- */

struct identity {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem;
    enum vpt_status expected;
    uint32_t type;
};

static const struct identity identities[] = {
    { 0x1af4, 0x1040, 0, VPT_UNSUPPORTED_FUNCTION, 0 }, /* type 0 is reserved */
    { 0x1af4, 0x1041, 0, VPT_OK, 1 },
    { 0x1af4, 0x1042, 0x1100, VPT_OK, 2 },
    { 0x1af4, 0x1042, 7, VPT_OK, 2 }, /* PCI-DISC-4 */
    { 0x1af4, 0x107f, 0, VPT_OK, 63 },
    { 0x1af4, 0x1080, 2, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af4, 0x0fff, 2, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af4, 0x1110, 2, VPT_UNSUPPORTED_FUNCTION, 0 }, /* ivshmem */
    { 0x1af4, 0x1000, 1, VPT_OK, 1 },
    { 0x1af4, 0x1001, 2, VPT_OK, 2 },
    { 0x1af4, 0x103f, 18, VPT_OK, 18 },
    { 0x1af4, 0x1001, 0, VPT_UNSUPPORTED_FUNCTION, 0 },
    { 0x1af3, 0x1042, 2, VPT_UNSUPPORTED_VENDOR, 0 },
    { 0x1b36, 0x0001, 2, VPT_UNSUPPORTED_VENDOR, 0 },
    { 0xffff, 0x1042, 2, VPT_EMPTY_SLOT, 0 },
};

Test(virtio_pci_capability, PCI_DISC_1_identities)
{
    for (size_t i = 0; i < COUNT_OF(identities); i++) {
        const struct identity *identity = &identities[i];

        machine_of(&good);
        mock_pci_set(&machine.on_pci.function, 0x00, 2, identity->vendor);
        mock_pci_set(&machine.on_pci.function, 0x02, 2, identity->device);
        mock_pci_set(&machine.on_pci.function, 0x2c, 2, 0xfeed);
        mock_pci_set(&machine.on_pci.function, 0x2e, 2, identity->subsystem);
        if (identity->expected != VPT_OK) {
            assert_refused(VPT_VIRTIO_PCI_ANY, identity->expected);
        } else {
            assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
            cr_assert(machine.device->type == identity->type, "0x%x is of type %u", identity->device,
                      (unsigned)machine.device->type);
            cr_assert(machine.device->vendor == 0xfeed);
            vpt_virtio_pci_close(&machine.pci);
        }
        machine_finish();
    }
}

Test(virtio_pci_capability, PCI_DISC_3_the_revision_plays_no_part)
{
    for (unsigned revision = 0; revision < 256; revision += 15) {
        machine_of(&good);
        mock_pci_set(&machine.on_pci.function, 0x08, 1, revision);
        assert_probed();
        disk_machine_pci(MACHINE_PCI_LEGACY, NULL);
        mock_pci_set(&machine.on_pci.function, 0x08, 1, revision);
        assert_probed();
    }
}

Test(virtio_pci_capability, a_header_of_another_type_is_no_virtio_device)
{
    for (unsigned type = 1; type < 0x80; type *= 2) {
        machine_of(&good);
        mock_pci_set(&machine.on_pci.function, 0x0e, 1, type);
        assert_refused(VPT_VIRTIO_PCI_ANY, VPT_UNSUPPORTED_FUNCTION);
        machine_finish();
    }
    machine_of(&good);
    mock_pci_set(&machine.on_pci.function, 0x0e, 1, 0x80); /* multi-function */
    assert_probed();
}

Test(virtio_pci_capability, a_function_that_is_not_there_is_an_empty_slot)
{
    machine_of(&good);
    machine.on_pci.address.address.device = 9;
    assert_refused(VPT_VIRTIO_PCI_ANY, VPT_EMPTY_SLOT);
    machine_finish();
}

static void refuse_arguments(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars)
{
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(vpt_virtio_pci_probe(&machine.pci, function, bars, VPT_VIRTIO_PCI_ANY), VPT_CALLER_ARGUMENT);
    assert_untouched();
}

Test(virtio_pci_capability, arguments_are_checked_first)
{
    const struct vpt_pci_function no_port = { NULL, { 0, 3, 5, 0 } };

    machine_of(&good);
    assert_status(vpt_virtio_pci_probe(NULL, &machine.on_pci.address, &machine.on_pci.bars, VPT_VIRTIO_PCI_ANY),
                  VPT_CALLER_ARGUMENT);
    refuse_arguments(NULL, &machine.on_pci.bars);
    refuse_arguments(&machine.on_pci.address, NULL);
    refuse_arguments(&no_port, &machine.on_pci.bars);
    assert_refused((enum vpt_virtio_pci_interface)3, VPT_CALLER_ARGUMENT);
    cr_assert(machine.on_pci.function.config_reads == 0);
    machine_finish();
}

/* ---- Capabilities that cannot be used ---- */

#define ON_COMMON 1u
#define ON_NOTIFY 2u
#define ON_ISR    4u
#define ON_DEVICE 8u
#define ON_ALL    15u

struct defect {
    const char *name;
    unsigned types; /* which of the structures it makes unusable */
    enum vpt_status expected;
    int bar; /* -1: as it was; likewise the next three */
    int length;
    int64_t offset;
    int64_t size;
    uint32_t multiplier; /* 0: as it was */
};

#define KEEP (-1)

static const struct defect defects[] = {
    { "cap_len 0", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, KEEP, 2, KEEP, KEEP, 0 },
    { "cap_len 15", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, KEEP, 15, KEEP, KEEP, 0 },
    { "cap_len 8", ON_ALL, VPT_DEVICE_CAPABILITY_LENGTH, KEEP, 8, KEEP, KEEP, 0 },
    { "no multiplier", ON_NOTIFY, VPT_DEVICE_CAPABILITY_LENGTH, KEEP, 16, KEEP, KEEP, 0 },
    { "half a multiplier", ON_NOTIFY, VPT_DEVICE_CAPABILITY_LENGTH, KEEP, 19, KEEP, KEEP, 0 },
    { "BAR 6", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 6, KEEP, KEEP, KEEP, 0 },
    { "BAR 7", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 7, KEEP, KEEP, KEEP, 0 },
    { "BAR 0x84", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 0x84, KEEP, KEEP, KEEP, 0 },
    { "BAR 255", ON_ALL, VPT_DEVICE_CAPABILITY_BAR, 255, KEEP, KEEP, KEEP, 0 },
    { "BAR unimplemented", ON_ALL, VPT_DEVICE_PCI_BAR, 1, KEEP, KEEP, KEEP, 0 },
    { "BAR an upper half", ON_ALL, VPT_DEVICE_PCI_BAR, 5, KEEP, KEEP, KEEP, 0 },
    { "BAR unassigned", ON_ALL, VPT_CALLER_BAR, 3, KEEP, KEEP, KEEP, 0 },
    { "behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x4000, KEEP, 0 },
    { "partly behind its BAR", ON_COMMON, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x3fcc, KEEP, 0 },
    { "by one byte behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x3000, 0x1001, 0 },
    { "all of its BAR and one byte", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0, 0x4001, 0 },
    { "far behind its BAR", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0xfffffffc, KEEP, 0 },
    { "wrapping to its beginning", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0xffffffc0, 0x100, 0 },
    { "wrapping by its length", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x100, 0xffffff00, 0 },
    { "wrapping to the same place", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x80000100, 0x80000000, 0 },
    { "everything", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, 4, KEEP, 0x100, 0xffffffff, 0 },
    { "empty", ON_ALL, VPT_DEVICE_CAPABILITY_RANGE, KEEP, KEEP, KEEP, 0, 0 },
    { "too small", ON_COMMON, VPT_DEVICE_CAPABILITY_RANGE, KEEP, KEEP, KEEP, 0x37, 0 },
    { "too small", ON_NOTIFY, VPT_DEVICE_CAPABILITY_RANGE, KEEP, KEEP, KEEP, 1, 0 },
    { "at 2 more", ON_COMMON | ON_DEVICE, VPT_DEVICE_CAPABILITY_ALIGNMENT, KEEP, KEEP, 0x202, KEEP, 0 },
    { "at 1 more", ON_COMMON | ON_NOTIFY | ON_DEVICE, VPT_DEVICE_CAPABILITY_ALIGNMENT, KEEP, KEEP, 0x201, KEEP, 0 },
    { "multiplier 1", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, KEEP, KEEP, KEEP, KEEP, 1 },
    { "multiplier 3", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, KEEP, KEEP, KEEP, KEEP, 3 },
    { "the largest multiplier", ON_NOTIFY, VPT_DEVICE_NOTIFY_MULTIPLIER, KEEP, KEEP, KEEP, KEEP, 0xffffffff },
};

static struct mock_pci_capability with_defect(const struct mock_pci_capability *capability, const struct defect *defect)
{
    struct mock_pci_capability broken = *capability;

    broken.unusable = true;
    broken.bar = defect->bar != KEEP ? (uint8_t)defect->bar : broken.bar;
    broken.length = defect->length != KEEP ? (uint8_t)defect->length : broken.length;
    broken.offset = defect->offset != KEEP ? (uint64_t)defect->offset : broken.offset;
    broken.size = defect->size != KEEP ? (uint64_t)defect->size : broken.size;
    broken.multiplier = defect->multiplier != 0 ? defect->multiplier : broken.multiplier;
    return broken;
}

static void for_each_defect(void (*check)(unsigned which, const struct defect *defect))
{
    for (size_t i = 0; i < COUNT_OF(defects); i++) {
        for (unsigned which = 0; which < 4; which++) {
            if ((defects[i].types & (1u << which)) != 0) {
                check(which, &defects[i]);
            }
        }
    }
}

/* The device configuration is optional: without it there is none. */
static void check_no_configuration(const struct mock_pci_layout *layout)
{
    uint32_t value = 0;

    machine_of(layout);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_config_read(machine.device, 0, 1, &value), VPT_CALLER_RANGE);
    assert_status(vpt_device_config_write(machine.device, 0, 1, 0), VPT_CALLER_RANGE);
    disk_end();
}

/* In the place of the good one. */
static void check_alone(unsigned which, const struct defect *defect)
{
    struct mock_pci_layout layout = good;

    layout.capability[which] = with_defect(&good.capability[which], defect);
    if (which != 3) {
        check_refused(&layout, defect->expected);
    } else {
        check_no_configuration(&layout);
    }
}

Test(virtio_pci_capability, PCI_CAP_4_a_structure_that_cannot_be_used_is_refused_and_why)
{
    for_each_defect(check_alone);
}

static void check_skipped(unsigned which, const struct defect *defect)
{
    struct mock_pci_capability broken = with_defect(&good.capability[which], defect);
    struct mock_pci_layout layout = good;

    prepend(&layout, &broken);
    check_works(&layout);
    layout = good;
    append(&layout, &broken);
    check_works(&layout);
}

Test(virtio_pci_capability, PCI_CAP_2_the_usable_one_is_found_behind_and_before_one_that_is_not)
{
    for_each_defect(check_skipped);
}

/* All defects of one structure, one behind the other, and the good one in the end: three at a time fit the space. */
static void check_reason(unsigned which, const struct defect *defect)
{
    for (size_t i = 0; i < COUNT_OF(defects); i += 5) {
        struct mock_pci_layout layout = good;
        struct mock_pci_capability second = with_defect(&good.capability[which], &defects[i]);

        if ((defects[i].types & (1u << which)) == 0 || which == 3) {
            continue;
        }
        layout.capability[which] = with_defect(&good.capability[which], defect);
        append(&layout, &second);
        check_refused(&layout, defect->expected);
    }
}

Test(virtio_pci_capability, PCI_CAP_2_the_first_one_says_why_none_can_be_used)
{
    for_each_defect(check_reason);
}

Test(virtio_pci_capability, PCI_CAP_2_the_first_usable_one_wins)
{
    for (unsigned which = 0; which < 4; which++) {
        struct mock_pci_capability later = good.capability[which];
        struct mock_pci_layout layout = good;

        later.unusable = true; /* which it is not; but there is a better one */
        later.bar = 4;
        later.offset = 0x2000;
        append(&layout, &later);
        check_works(&layout);
    }
}

/* ---- Missing ones ---- */

Test(virtio_pci_capability, LEG_PCIDETECT_5_a_structure_that_is_missing_is_reported)
{
    static const enum vpt_status expected[] = { VPT_DEVICE_NO_COMMON, VPT_DEVICE_NO_NOTIFY, VPT_DEVICE_NO_ISR };

    for (unsigned which = 0; which < 3; which++) {
        struct mock_pci_layout layout = good;

        layout.capability[which] = layout.capability[3];
        check_refused(&layout, expected[which]);
    }
}

Test(virtio_pci_capability, a_function_without_capabilities_has_no_common_configuration)
{
    struct mock_pci_layout layout = good;

    layout.count = 0;
    check_refused(&layout, VPT_DEVICE_NO_COMMON);
    machine_of(&good);
    mock_pci_set(&machine.on_pci.function, 0x06, 2, 0); /* no list, whatever the pointer says */
    assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_NO_COMMON);
    machine_finish();
}

Test(virtio_pci_capability, D_PCI_5_without_device_configuration_there_is_nothing_to_read)
{
    struct mock_pci_layout layout = good;

    layout.count = 3;
    check_no_configuration(&layout);
}

/* ---- Ones that do not matter ---- */

Test(virtio_pci_capability, PCI_CAP_1_reserved_types_are_ignored)
{
    static const uint8_t types[] = { 0, 5, 6, 7, 9, 10, 0x81, 255 };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct mock_pci_capability other = { .type = types[i], .bar = 4, .offset = 0x2000, .size = 0x100 };
        struct mock_pci_layout layout = good;

        prepend(&layout, &other);
        check_works(&layout);
        for (unsigned which = 0; which < 3; which++) {
            static const enum vpt_status missing[] = { VPT_DEVICE_NO_COMMON, VPT_DEVICE_NO_NOTIFY, VPT_DEVICE_NO_ISR };

            layout = good;
            layout.capability[which] = other;
            check_refused(&layout, missing[which]);
        }
    }
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
        offset = mock_pci_capability_add(&machine.on_pci.function, ids[i], body, sizeof(body), NULL);
        first = (uint16_t)mock_pci_get(&machine.on_pci.function, 0x34, 1);
        mock_pci_set(&machine.on_pci.function, (uint16_t)(machine.on_pci.modern.capability[3] + 1u), 1, 0);
        mock_pci_set(&machine.on_pci.function, (uint16_t)(offset + 1u), 1, first);
        mock_pci_set(&machine.on_pci.function, 0x34, 1, offset);
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        check_drives();
    }
}

Test(virtio_pci_capability, PCI_CAP_3_a_capability_may_be_longer_than_known)
{
    for (unsigned which = 0; which < 4; which++) {
        for (unsigned length = 21; length < 120; length += 33) {
            struct mock_pci_layout layout = good;

            layout.capability[which].length = (uint8_t)length;
            check_works(&layout);
        }
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
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    for (unsigned i = 0; i < MOCK_HAL_MAPPINGS; i++) {
        const struct mock_mapping *mapping = &machine.hal->mappings[i];

        total += mapping->mapped ? mapping->size : 0u;
    }
    cr_assert(total <= 0x40 + 1 + 4096 + 4, "%zu bytes are mapped", total);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    disk_end();
}

Test(virtio_pci_capability, structures_of_the_least_size_at_the_ends_of_their_bars_are_fine)
{
    struct mock_pci_layout layout = good;

    layout.capability[0].offset = 0x4000 - 0x38;
    layout.capability[1].bar = 2;
    layout.capability[1].offset = 0xffe;
    layout.capability[1].size = 2;
    layout.capability[1].multiplier = 0;
    layout.capability[2].offset = 0xffd;
    layout.capability[3].offset = 0x1000 - 0x40;
    check_works(&layout);
    layout.capability[0].offset = 0;
    layout.capability[2].bar = 4;
    layout.capability[2].offset = 0x3fff;
    check_works(&layout);
}

/* ---- Lists that break off ---- */

static void set_next(unsigned which, uint8_t next)
{
    uint16_t at = which == 0 ? 0x34 : (uint16_t)(machine.on_pci.modern.capability[which - 1u] + 1u);

    mock_pci_set(&machine.on_pci.function, at, 1, next);
}

/* The pointer before capability `which` (from 0) leads astray: what came before it may be enough. */
static void check_broken_list(unsigned which, uint8_t next)
{
    machine_of(&good);
    set_next(which, next);
    if (which >= 3) {
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        disk_end();
        return;
    }
    assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_PCI_CAPABILITIES);
    machine_finish();
}

Test(virtio_pci_capability, a_list_that_leads_out_of_its_space_is_followed_no_further)
{
    for (unsigned which = 0; which <= 4; which++) {
        check_broken_list(which, 0x3c);
        check_broken_list(which, 0x10);
        check_broken_list(which, 0x04);
    }
}

Test(virtio_pci_capability, a_list_that_loops_is_followed_once)
{
    for (unsigned which = 1; which <= 4; which++) {
        for (unsigned back = 0; back < which; back++) {
            uint16_t target;

            machine_of(&good);
            target = machine.on_pci.modern.capability[back];
            machine_finish();
            check_broken_list(which, (uint8_t)target);
        }
    }
}

/* A reason that is known already is better than that the list broke off. */
Test(virtio_pci_capability, a_broken_list_does_not_hide_why_a_structure_was_refused)
{
    struct mock_pci_layout layout = good;

    layout.capability[0] = with_defect(&good.capability[0], &defects[5]);
    machine_of(&layout);
    set_next(1, 0x3c);
    assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_CAPABILITY_BAR);
    machine_finish();
}

/* A capability at the very end of configuration space, with `there` bytes before the end. */
static void put_at_end(unsigned type, unsigned there, unsigned cap_len)
{
    uint16_t at = (uint16_t)(0x100u - there);
    struct mock_pci_function *function;

    machine_of(&good);
    function = &machine.on_pci.function;
    for (unsigned i = 0; i < 4; i++) { /* the good one of this type is not in the list */
        if (good.capability[i].type == type) {
            mock_pci_set(function, (uint16_t)(machine.on_pci.modern.capability[i] + 3u), 1, 0xee);
        }
    }
    set_next(4, (uint8_t)at);
    mock_pci_set(function, at, 1, 0x09);
    mock_pci_set(function, (uint16_t)(at + 2u), 1, cap_len);
    mock_pci_set(function, (uint16_t)(at + 3u), 1, type);
}

Test(virtio_pci_capability, a_capability_that_the_end_of_the_space_cuts_off_is_too_short)
{
    static const unsigned types[] = { MOCK_PCI_COMMON, MOCK_PCI_NOTIFY, MOCK_PCI_ISR };

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        unsigned whole = types[i] == MOCK_PCI_NOTIFY ? 20 : 16;

        for (unsigned there = 4; there < whole; there += 4) {
            put_at_end(types[i], there, 20);
            assert_refused(VPT_VIRTIO_PCI_ANY, VPT_DEVICE_CAPABILITY_LENGTH);
            machine_finish();
        }
    }
}

Test(virtio_pci_capability, a_capability_that_ends_with_the_space_is_whole)
{
    uint16_t at = 0x100 - 20;

    put_at_end(MOCK_PCI_NOTIFY, 20, 20);
    mock_pci_set(&machine.on_pci.function, (uint16_t)(at + 4), 1, 4);
    mock_pci_set(&machine.on_pci.function, (uint16_t)(at + 8), 4, 0x3000);
    mock_pci_set(&machine.on_pci.function, (uint16_t)(at + 12), 4, 0x100);
    mock_pci_set(&machine.on_pci.function, (uint16_t)(at + 16), 4, 4);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    check_drives();
}

/* ---- BARs as the kernel says they are ---- */

/* Of an unknown size or kind, or one that the address space cannot hold. */
Test(virtio_pci_capability, a_bar_that_makes_no_sense_is_no_use)
{
    static const struct {
        const struct mock_pci_layout *layout;
        unsigned number;
        struct vpt_pci_bar bar;
        enum vpt_status expected;
    } cases[] = {
        { &good,
          4,
          { .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true, .address = UINT64_C(0x8e0000000) },
          VPT_CALLER_BAR },
        { &good,
          4,
          { .kind = (enum vpt_pci_bar_kind)3, .is_64bit = true, .address = UINT64_C(0x8e0000000), .size = 0x4000 },
          VPT_DEVICE_PCI_BAR },
        { &good,
          4,
          { .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true, .address = UINT64_MAX - 0x3ffe, .size = 0x4000 },
          VPT_CALLER_BAR },
        { &machine_io_layout, 2, { .kind = VPT_PCI_BAR_IO, .address = 0x10000, .size = 0x100 }, VPT_CALLER_BAR },
        { &machine_io_layout, 2, { .kind = VPT_PCI_BAR_IO, .address = 0xff04, .size = 0x100 }, VPT_CALLER_BAR },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        machine_of(cases[i].layout);
        machine.on_pci.bars.bar[cases[i].number] = cases[i].bar;
        assert_refused(VPT_VIRTIO_PCI_ANY, cases[i].expected);
        machine_finish();
    }
}

/* ---- What the port lacks ---- */

static void without_map(struct vpt_port *port)
{
    port->mmio_map = NULL;
}

static void without_unmap(struct vpt_port *port)
{
    port->mmio_unmap = NULL;
}

static void without_port_input(struct vpt_port *port)
{
    port->io_read = NULL;
}

static void without_port_output(struct vpt_port *port)
{
    port->io_write = NULL;
}

static void without_configuration(struct vpt_port *port)
{
    port->config_read = NULL;
}

Test(virtio_pci_capability, a_port_that_lacks_what_the_structures_need_cannot_drive_them)
{
    static const struct {
        const struct mock_pci_layout *layout;
        void (*without)(struct vpt_port *port);
    } lacks[] = {
        { &good, without_map },
        { &good, without_unmap },
        { &machine_io_layout, without_port_input },
        { &machine_io_layout, without_port_output },
        { &good, without_configuration },
    };

    for (size_t i = 0; i < COUNT_OF(lacks); i++) {
        machine_of(lacks[i].layout);
        lacks[i].without(&machine.on_pci.bus.port);
        assert_refused(VPT_VIRTIO_PCI_ANY, VPT_UNSUPPORTED_PORT);
        machine_finish();
    }
    machine_of(&good);
    machine.on_pci.bus.port.config_write = NULL;
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_UNSUPPORTED_PORT);
    assert_untouched();
    machine_finish();
}

Test(virtio_pci_capability, io_structures_need_no_mapping)
{
    machine_of(&machine_io_layout);
    machine.on_pci.bus.port.mmio_map = NULL;
    machine.on_pci.bus.port.mmio_unmap = NULL;
    machine.on_pci.bus.port.mmio_read = NULL;
    machine.on_pci.bus.port.mmio_write = NULL;
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    check_drives();
}

/* QEMU's modern-pio-notify lists doorbells in an I/O BAR first: without port I/O the next ones do. */
Test(virtio_pci_capability, PCI_CAP_2_what_the_port_lacks_makes_a_structure_unusable)
{
    struct mock_pci_capability io = { .type = MOCK_PCI_NOTIFY, .bar = 0, .offset = 0x10, .size = 4 };
    struct mock_pci_layout layout = good;

    prepend(&layout, &io);
    check_works(&layout);
    layout.capability[0].unusable = true;
    machine_of(&layout);
    machine.on_pci.bus.port.io_read = NULL;
    machine.on_pci.bus.port.io_write = NULL;
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    check_drives();
}

/* ---- What goes wrong on the way ---- */

static enum vpt_status try_probe(enum machine_kind kind)
{
    return machine_probe_by(kind == MACHINE_PCI_TRANSITIONAL_LEGACY ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_ANY);
}

/*
 * Whichever access the port fails at, alone or from there on, its error arrives, and nothing stays: a field of a
 * capability that could not be read is not taken for 0. False: there is no such access.
 */
static bool fails_at(enum machine_kind kind, uint32_t n, uint32_t times)
{
    enum vpt_status status;

    disk_machine_pci(kind, &(const struct mock_pci_machine_options){ .vectors = 4 });
    mock_trigger_set(&machine.on_pci.bus.fail_read, n, times);
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    status = try_probe(kind);
    if (machine.on_pci.bus.fail_read.fired == 0) {
        assert_status(status, VPT_OK);
        cr_assert(n > 8);
        vpt_virtio_pci_close(&machine.pci);
        machine_finish();
        return false;
    }
    assert_status(status, machine.on_pci.bus.fail_status);
    assert_untouched();
    machine_finish();
    return true;
}

PCI_TEST(virtio_pci_capability, an_error_of_the_port_arrives_from_any_configuration_read)
{
    uint32_t n;

    for (n = 1; fails_at(variant->kind, n, 0); n++) {
        cr_assert(n < 300);
    }
}

MODERN_TEST(virtio_pci_capability, a_single_error_of_the_port_is_not_taken_for_a_value)
{
    uint32_t n;

    for (n = 1; fails_at(variant->kind, n, 1); n++) {
        cr_assert(n < 300);
    }
}

PCI_TEST(virtio_pci_capability, an_error_of_the_port_arrives_from_a_configuration_write)
{
    disk_machine_pci(variant->kind, NULL);
    mock_trigger_set(&machine.on_pci.bus.fail_write, 1, 1);
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(try_probe(variant->kind), machine.on_pci.bus.fail_status);
    cr_assert(machine.on_pci.bus.fail_write.fired == 1);
    assert_untouched();
    machine_finish();
}

static enum vpt_status (*plain_map)(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                    void **mapping);
static unsigned maps_left;

static enum vpt_status failing_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    cr_assert(intent == VPT_MAP_REGISTERS);
    return maps_left-- == 0 ? (enum vpt_status)0x12345 : plain_map(ctx, physical, size, intent, mapping);
}

Test(virtio_pci_capability, an_error_of_the_port_arrives_from_any_mapping)
{
    for (unsigned n = 0; n < 5; n++) {
        bool legacy = n >= 3;

        if (legacy) {
            disk_machine_pci(MACHINE_PCI_LEGACY_MEMORY, NULL);
        } else {
            machine_of(&good);
        }
        plain_map = machine.on_pci.bus.port.mmio_map;
        machine.on_pci.bus.port.mmio_map = failing_map;
        maps_left = legacy ? n - 3 : n;
        memset(&machine.pci, 0xa5, sizeof(machine.pci));
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), (enum vpt_status)0x12345);
        assert_untouched();
        machine_finish();
    }
}

/* The doorbell is mapped with its queue. */
Test(virtio_pci_capability, an_error_of_the_port_arrives_from_the_doorbells_mapping)
{
    machine_of(&good);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_status(vpt_blk_init(&disk.blk, machine.device, NULL), VPT_OK);
    plain_map = machine.on_pci.bus.port.mmio_map;
    machine.on_pci.bus.port.mmio_map = failing_map;
    maps_left = 0;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), (enum vpt_status)0x12345);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    maps_left = 1;
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_OK);
    disk_end();
}

/* ---- Decoding ---- */

PCI_TEST(virtio_pci_capability, decoding_is_turned_on_for_the_bars_that_are_used_and_nothing_else_changes)
{
    static const uint16_t io[] = {
        [MACHINE_PCI_MODERN] = 2,
        [MACHINE_PCI_MODERN_IO] = 1,
        [MACHINE_PCI_MODERN_SCATTERED] = 3,
        [MACHINE_PCI_TRANSITIONAL_MODERN] = 2,
        [MACHINE_PCI_LEGACY] = 1,
        [MACHINE_PCI_LEGACY_MEMORY] = 2,
        [MACHINE_PCI_TRANSITIONAL_LEGACY] = 1,
    };

    for (unsigned i = 0; i < 2; i++) {
        uint16_t before = i == 0 ? 0x0000 : 0x0440;

        disk_machine_pci(variant->kind, NULL);
        mock_pci_front_command(&machine.on_pci.front, before);
        assert_status(try_probe(variant->kind), VPT_OK);
        cr_assert(pci_command() == (before | io[variant->kind]), "0x%x", pci_command());
        vpt_virtio_pci_close(&machine.pci);
        machine_finish();
    }
}

PCI_TEST(virtio_pci_capability, a_command_register_that_does_not_take_decoding_is_reported)
{
    disk_machine_pci(variant->kind, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMMAND_STUCK, 1, 0, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY);
    memset(&machine.pci, 0xa5, sizeof(machine.pci));
    assert_status(try_probe(variant->kind), VPT_DEVICE_PCI_COMMAND);
    assert_untouched();
    machine_finish();
}

/* ---- Shared memory regions ---- */

static const struct mock_pci_layout with_regions = {
    .bar = { [0] = { .size = 0x100, .address = 0xd200, .io = true },
             [2] = { .size = UINT64_C(0x400000000), .address = UINT64_C(0x7000000000), .is_64bit = true },
             [4] = { .size = 0x4000, .address = UINT64_C(0x8e0000000), .is_64bit = true } },
    .count = 8,
    .capability = {
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0x0100, .size = 0x38 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 7, .bar = 2, .offset = UINT64_C(0x100002000),
          .size = UINT64_C(0x200003000) },
        { .type = MOCK_PCI_NOTIFY, .bar = 4, .offset = 0x3000, .size = 0x100, .multiplier = 4 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 0, .bar = 0, .offset = 0, .size = 0x10 },
        { .type = MOCK_PCI_ISR, .bar = 4, .offset = 0x1000, .size = 1 },
        { .type = MOCK_PCI_DEVICE, .bar = 4, .offset = 0x2000, .size = 0x3c },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 3, .bar = 4, .offset = 0x1800, .size = 0x800, .length = 20 },
        { .type = MOCK_PCI_SHARED_MEMORY, .id = 3, .bar = 4, .offset = 0x2800, .size = 0x800 },
    },
};

static void assert_region(uint8_t id, uint64_t base, uint64_t length)
{
    struct vpt_shared_memory_region region = { 0, 0 };

    assert_status(vpt_device_shared_memory(machine.device, id, &region), VPT_OK);
    cr_assert(region.base == base && region.length == length);
}

Test(virtio_pci_capability, shared_memory_regions_have_64_bit_places)
{
    struct vpt_shared_memory_region region;

    machine_of(&with_regions);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
    assert_region(7, UINT64_C(0x7100002000), UINT64_C(0x200003000));
    assert_region(3, UINT64_C(0x8e0002800), 0x800); /* the one before is cut short */
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_UNSUPPORTED_REQUEST); /* I/O ports */
    assert_status(vpt_device_shared_memory(machine.device, 1, &region), VPT_UNSUPPORTED_REQUEST);
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}

Test(virtio_pci_capability, shared_memory_regions_outside_their_bar_are_not_there)
{
    static const struct {
        uint64_t offset;
        uint64_t size;
        bool there;
    } places[] = {
        { 0, UINT64_C(0x400000000), true },
        { 0, UINT64_C(0x400000001), false },
        { UINT64_C(0x400000000), 1, false },
        { UINT64_C(0x3ffffffff), 1, true },
        { UINT64_C(0xffffffffffffffff), 2, false },
        { UINT64_C(0xfffffffe00000000), UINT64_C(0x300000000), false },
        { 0x1000, UINT64_C(0xffffffffffffffff), false },
        { UINT64_C(0x100000000), UINT64_C(0x300000001), false },
        { 0x1000, 0, false },
    };

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct mock_pci_layout layout = with_regions;
        struct vpt_shared_memory_region region;

        layout.capability[1].offset = places[i].offset;
        layout.capability[1].size = places[i].size;
        machine_of(&layout);
        assert_status(machine_probe_by(VPT_VIRTIO_PCI_ANY), VPT_OK);
        if (places[i].there) {
            assert_region(7, UINT64_C(0x7000000000) + places[i].offset, places[i].size);
        } else {
            assert_status(vpt_device_shared_memory(machine.device, 7, &region), VPT_UNSUPPORTED_REQUEST);
        }
        vpt_virtio_pci_close(&machine.pci);
        machine_finish();
    }
}

LEGACY_TEST(virtio_pci_capability, a_legacy_interface_has_no_shared_memory)
{
    struct vpt_shared_memory_region region;

    disk_probe_pci(variant->kind, NULL);
    assert_status(vpt_device_shared_memory(machine.device, 0, &region), VPT_UNSUPPORTED_REQUEST);
    vpt_virtio_pci_close(&machine.pci);
    machine_finish();
}
