/* SPDX-License-Identifier: MIT */
/* The driver of persistent memory: where it is, flushes, bring-up and its end. */
#include "small.h"

/* ---- Where the memory is ---- */

#define ALL UINT64_MAX

static const struct {
    uint64_t start;
    uint64_t size;
    enum vpt_status status;
} places[] = {
    { 0x1000, 0x1000, VPT_OK },
    { 0, 1, VPT_OK },
    { 0, ALL - 1u, VPT_OK },
    { UINT64_C(0x123456789abcd000), UINT64_C(0x0fedcba987654000), VPT_OK },
    { ALL, 1, VPT_OK },
    { ALL - 0xfffu, 0x1000, VPT_OK },
    { 0, 0, VPT_DEVICE_CONFIG },
    { 0x1000, 0, VPT_DEVICE_CONFIG },
    { ALL, 2, VPT_DEVICE_CONFIG },
    { ALL - 0xfffu, 0x1001, VPT_DEVICE_CONFIG },
    { 2, ALL, VPT_DEVICE_CONFIG },
    { UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1u, VPT_DEVICE_CONFIG },
};

SMALL_MODERN_TEST(pmem, PMEM_INIT_2_D_PMEM_1_the_configuration_says_where_the_memory_is)
{
    pmem_probe(variant);
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        mock_pmem_place(&pmem_model, places[i].start, places[i].size);
        assert_status(vpt_pmem_init(&pmem, machine.device, NULL), places[i].status);
        if (places[i].status == VPT_OK) {
            cr_assert(pmem.region.base == places[i].start && pmem.region.length == places[i].size);
        } else {
            assert_nothing_left(&pmem_fixture);
        }
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    mock_pmem_place(&pmem_model, 7, 8);
    assert_status(vpt_pmem_open(&pmem, machine.device), VPT_DEVICE_CONFIG_UNSTABLE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    machine.device->config_size = 15;
    assert_status(vpt_pmem_open(&pmem, machine.device), VPT_DEVICE_CONFIG);
    assert_nothing_left(&pmem_fixture);
    machine_end();
}

/* The configuration has nonsense then. */
Test(pmem, PMEM_INIT_1_a_shared_memory_region_is_the_memory)
{
    pmem_make_model();
    pmem_model.options.shared_memory = true;
    machine_make(MACHINE_MMIO_2,
                 &(struct mock_pci_machine_options){ .machine.type = { &mock_pmem_backend, &pmem_model } });
    assert_status(machine_probe(), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        mock_pmem_place(&pmem_model, places[i].start, places[i].size);
        assert_status(vpt_pmem_init(&pmem, machine.device, NULL), places[i].status);
        if (places[i].status == VPT_OK) {
            cr_assert(pmem.region.base == places[i].start && pmem.region.length == places[i].size);
        }
    }
    pmem_model.options.shared_memory_lost = true;
    mock_pmem_place(&pmem_model, 0x1000, 0x1000);
    assert_status(vpt_pmem_init(&pmem, machine.device, NULL), VPT_DEVICE_CONFIG);
    assert_same(machine.model->config.reads, 0);
    machine_end();
}

Test(pmem, PMEM_INIT_1_a_shared_memory_region_behind_PCI)
{
    struct mock_pci_layout layout = mock_pci_usual_layout;
    struct mock_pci_machine_options options = { .machine.type = { &mock_pmem_backend, &pmem_model },
                                                .layout = &layout };

    pmem_make_model();
    pmem_model.options.shared_memory = true;
    layout.bar[2] = (struct mock_pci_place){ .size = 0x100000, .address = UINT64_C(0x7000000000), .is_64bit = true };
    layout.capability[layout.count++] =
        (struct mock_pci_capability){ .type = MOCK_PCI_SHARED_MEMORY, .bar = 2, .offset = 0x2000, .size = 0x30000 };
    machine_make(MACHINE_PCI_AS_TOLD, &options);
    assert_status(machine_probe_by(VPT_VIRTIO_PCI_MODERN), VPT_OK);
    assert_status(vpt_pmem_open(&pmem, machine.device), VPT_OK);
    cr_assert(pmem.region.base == UINT64_C(0x7000002000) && pmem.region.length == 0x30000);
    assert_status(vpt_pmem_flush(&pmem), VPT_OK);
    pmem_end();
}

/* At a restart the memory is where it was, or the device is given up; later it may be started again. */
STARTED_PMEM_TEST(pmem, a_restart_on_the_same_memory)
{
    static const uint64_t moved[][2] = { { PMEM_START + 0x1000u, PMEM_SIZE }, { PMEM_START, PMEM_SIZE - 1u } };
    uint64_t allocations;

    allocations = machine.hal->allocations;
    for (unsigned i = 0; i < COUNT_OF(moved); i++) {
        assert_pmem_works();
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        mock_pmem_place(&pmem_model, moved[i][0], moved[i][1]);
        assert_status(vpt_driver_restart(&pmem.driver, NULL), VPT_DEVICE_CONFIG);
        mock_pmem_place(&pmem_model, PMEM_START, PMEM_SIZE);
        assert_status(vpt_driver_restart(&pmem.driver, NULL), VPT_OK);
    }
    assert_pmem_works();
    assert_same(machine.hal->allocations, allocations);
}

/* ---- Flushes ---- */

/* Of a device that writes nothing, what it wrote before is not taken for an answer. */
STARTED_PMEM_TEST(pmem, D_PMEM_2_what_the_device_answers)
{
    static const struct {
        uint32_t answer;
        bool silent;
        enum vpt_status status;
    } rows[] = { { 0, false, VPT_OK },
                 { 0, true, VPT_DEVICE_IO_ERROR },
                 { 1, false, VPT_DEVICE_IO_ERROR },
                 { UINT32_MAX, false, VPT_DEVICE_IO_ERROR },
                 { 0x1000000, false, VPT_DEVICE_IO_ERROR } };

    for (unsigned i = 0; i < 10u * COUNT_OF(rows); i++) {
        pmem_model.answer = rows[i % COUNT_OF(rows)].answer;
        pmem_model.silent = rows[i % COUNT_OF(rows)].silent;
        assert_status(vpt_pmem_flush(&pmem), rows[i % COUNT_OF(rows)].status);
    }
    pmem_model.answer = 0;
    assert_pmem_works();
}

/* ---- Bring-up ---- */

STARTED_PMEM_TEST(pmem, arguments_that_are_none)
{
    assert_status(vpt_pmem_flush(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pmem_submit_flush(NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pmem_flush(&(struct vpt_pmem){ .driver.device = NULL }), VPT_CALLER_STATE);
    assert_status(vpt_pmem_submit_flush(&(struct vpt_pmem){ .driver.device = NULL }, NULL), VPT_CALLER_STATE);
    assert_pmem_works();
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(vpt_pmem_submit_flush(&pmem, NULL), VPT_OK);
    assert_status(vpt_pmem_submit_flush(&pmem, NULL), VPT_RESOURCE_FULL); /* one at a time, by default */
}
