/* SPDX-License-Identifier: MIT */
/*
 * A disk with the oddities of real devices, one profile at a time, and on a kernel that has single pages only.
 */
#include "disk.h"

TestSuite(profiles, .timeout = 60);

#define PAGE 4096u

struct profile_variant {
    enum machine_kind kind;
    enum mock_profile_name profile;
    bool single_pages;
};

/* A whole block of memory is scattered: each page is a piece of its own. */
static void assert_scattered_data_arrives(uint32_t seed)
{
    static _Alignas(PAGE) uint8_t bytes[2 * PAGE];
    struct mock_blk *blk = machine.blk;

    machine.hal->share_page = PAGE;
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        fill(bytes, sizeof(bytes), seed + i);
        assert_status(vpt_blk_write(&disk.queue[i], 8, bytes, sizeof(bytes)), VPT_OK);
        cr_assert(filled(blk->disk + 8 * SECTOR, sizeof(bytes), seed + i));
        fill(blk->disk + 24 * SECTOR, sizeof(bytes), seed + 10 + i);
        assert_status(vpt_blk_read(&disk.queue[i], 24, bytes, sizeof(bytes)), VPT_OK);
        cr_assert(filled(bytes, sizeof(bytes), seed + 10 + i));
    }
}

/* A request is told of by an interrupt, where the driver wants that. */
static void assert_interrupts(void)
{
    uint64_t before;

    assert_status(pair_poll(), VPT_EMPTY);
    before = machine.model->interrupts;
    pair_forget();
    pair_submit(0, 4);
    cr_assert(machine.model->interrupts > before);
    assert_status(pair_poll(), VPT_EMPTY);
    pair_assert_back(0, 4, VPT_OK);
}

static void assert_works(uint32_t seed)
{
    char id[VPT_BLK_ID_SIZE + 1u];

    pair_assert_works(seed);
    assert_scattered_data_arrives(seed);
    assert_interrupts();
    machine.hal->share_page = 0;
    assert_status(vpt_blk_get_id(&disk.queue[0], id), VPT_OK);
    assert_status(vpt_requests_quiesce(&disk.queue[1].requests, NULL, NULL), VPT_OK);
}

/* Each oddity has shown itself. A legacy queue's size on PCI is not written. */
static void assert_odd(const struct mock_profile *profile)
{
    bool legacy_pci = machine.kind == MACHINE_PCI_LEGACY;

    for (unsigned i = 0; i < profile->fault_count; i++) {
        enum mock_fault fault = profile->faults[i].fault;

        assert_same_of(profile->name, mock_fault_fired(&machine.model->faults, fault) != 0,
                       fault != MOCK_FAULT_QUEUE_SIZE_IGNORED || !legacy_pci);
    }
    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        cr_assert((machine.device->features.word[i] & profile->withhold.word[i]) == 0);
    }
    cr_assert(profile->queue_maximum == 0 || vpt_queue_size(&disk.queue[0].requests.queue) == profile->queue_maximum);
    cr_assert(!profile->header_in_memory || !legacy_pci || machine.on_pci.bars.bar[0].kind == VPT_PCI_BAR_MEMORY);
}

/* In single pages: legacy PCI dictates two pages in a row, and legacy virtio-mmio a smaller ring than some take. */
static bool can_work(const struct profile_variant *variant)
{
    return !variant->single_pages ||
           (variant->kind != MACHINE_PCI_LEGACY &&
            (variant->kind != MACHINE_MMIO_1 || variant->profile != MOCK_PROFILE_SIZE_IGNORED));
}

static struct criterion_test_params variants_of_profiles(void)
{
    static struct profile_variant variants[4 * MOCK_PROFILES * 2];

    for (unsigned i = 0; i < COUNT_OF(variants); i++) {
        variants[i] =
            (struct profile_variant){ (enum machine_kind)(i % 4), (enum mock_profile_name)(i / 4 % MOCK_PROFILES),
                                      i >= 4 * MOCK_PROFILES };
    }
    return cr_make_param_array(struct profile_variant, variants, COUNT_OF(variants));
}

PARAMETER_TEST(struct profile_variant, variants_of_profiles(), profiles, a_disk_works_with_each)
{
    const struct mock_profile *profile = &mock_profiles[variant->profile];

    pair_machine_like(variant->kind, profile);
    machine.hal->allocate_most = variant->single_pages ? PAGE : 0;
    if (!can_work(variant)) {
        return;
    }
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_works(1);
    assert_odd(profile);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_driver_restart(&disk.blk.driver, NULL), VPT_OK);
    assert_works(1000);
    disk_end();
}

/* What a kernel with single pages gets: as much as fits, and the device's own ring wherever there is a way. */
Test(profiles, single_pages_cost_no_more_than_they_must)
{
    static const struct {
        enum machine_kind kind;
        uint32_t size;
        enum vpt_status status;
    } cases[] = {
        { MACHINE_MMIO_1, 128, VPT_OK },
        { MACHINE_MMIO_2, 256, VPT_OK },
        { MACHINE_PCI_LEGACY, 0, VPT_RESOURCE_MEMORY },
        { MACHINE_PCI_MODERN, 256, VPT_OK },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        pair_machine(cases[i].kind, NULL);
        machine.hal->allocate_most = PAGE;
        assert_status(disk_bring_up(NULL), cases[i].status);
        cr_assert(vpt_queue_size(&disk.queue[0].requests.queue) == cases[i].size);
        if (cases[i].status == VPT_OK) {
            pair_assert_works(i);
            disk_end();
        } else {
            disk_release();
            machine_finish();
        }
    }
}
