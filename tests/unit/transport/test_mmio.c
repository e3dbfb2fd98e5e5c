/* SPDX-License-Identifier: MIT */
/* Probing a virtio-mmio slot, and which registers bring-up touches in what order. */
#include <string.h>

#include "plain.h"

/* A probe that fails leaves the object zeroed, writes nothing, and has made this many accesses. */
static void assert_refused(const char *row, enum vpt_status expected, uint64_t accesses)
{
    memset(&machine.mmio, 0xa5, sizeof(machine.mmio));
    machine.on_mmio.mmio.accesses = 0;
    assert_status_of(row, machine_probe(), expected);
    cr_assert(all_zero(&machine.mmio, sizeof(machine.mmio)), "%s", row);
    assert_same_of(row, machine.on_mmio.mmio.accesses, accesses);
    assert_same_of(row, machine.hal->register_writes, 0);
}

VERSION_TEST(mmio, MMIO_REG_4_MMIO_REG_5_MMIO_REG_6_what_is_no_virtio_device_is_left_alone)
{
    static const struct {
        const char *what;
        enum mock_fault fault;
        uint32_t first;
        uint64_t argument;
        enum vpt_status expected;
        uint64_t accesses;
    } slots[] = {
        { "magic 0", MOCK_FAULT_MAGIC, 1, 0, VPT_DEVICE_MAGIC, 1 },
        { "magic reversed", MOCK_FAULT_MAGIC, 1, 0x76697274, VPT_DEVICE_MAGIC, 1 },
        { "magic one more", MOCK_FAULT_MAGIC, 1, 0x74726977, VPT_DEVICE_MAGIC, 1 },
        { "magic without a byte", MOCK_FAULT_MAGIC, 1, 0x00726976, VPT_DEVICE_MAGIC, 1 },
        { "magic without the last", MOCK_FAULT_MAGIC, 1, 0x74726900, VPT_DEVICE_MAGIC, 1 },
        { "magic of ones", MOCK_FAULT_MAGIC, 1, 0xffffffff, VPT_DEVICE_MAGIC, 1 },
        { "version 0", MOCK_FAULT_VERSION, 1, 0, VPT_UNSUPPORTED_VERSION, 2 },
        { "version 3", MOCK_FAULT_VERSION, 1, 3, VPT_UNSUPPORTED_VERSION, 2 },
        { "version 4", MOCK_FAULT_VERSION, 1, 4, VPT_UNSUPPORTED_VERSION, 2 },
        { "version 0x102", MOCK_FAULT_VERSION, 1, 0x102, VPT_UNSUPPORTED_VERSION, 2 },
        { "version 0x10002", MOCK_FAULT_VERSION, 1, 0x10002, VPT_UNSUPPORTED_VERSION, 2 },
        { "version 0x80000001", MOCK_FAULT_VERSION, 1, 0x80000001, VPT_UNSUPPORTED_VERSION, 2 },
        { "version of ones", MOCK_FAULT_VERSION, 1, 0xffffffff, VPT_UNSUPPORTED_VERSION, 2 },
        { "an empty slot", MOCK_FAULT_EMPTY_SLOT, 1, 0, VPT_EMPTY_SLOT, 3 },
        { "gone at the magic", MOCK_FAULT_VANISH, 1, 0, VPT_DEVICE_MAGIC, 1 },
        { "gone at the version", MOCK_FAULT_VANISH, 2, 0, VPT_UNSUPPORTED_VERSION, 2 },
        { "gone at the id", MOCK_FAULT_VANISH, 3, 0, VPT_DEVICE_GONE, 3 },
    };

    for (size_t i = 0; i < COUNT_OF(slots); i++) {
        uint32_t times = slots[i].fault == MOCK_FAULT_VANISH ? 1 : 0;

        plain_machine(variant, NULL);
        mock_fault_set(&machine.model->faults, slots[i].fault, slots[i].first, times, slots[i].argument);
        assert_refused(slots[i].what, slots[i].expected, slots[i].accesses);
        machine_finish();
    }
}

VERSION_TEST(mmio, MMIO_INIT_1_D_LMMIO_1_a_probe_tells_what_the_device_is_by_four_reads_in_order)
{
    static const uint32_t order[] = { R_MAGIC, R_VERSION, R_DEVICE_ID, R_VENDOR_ID };
    bool legacy = variant->version == 1;

    plain_machine(variant, NULL);
    machine_trace();
    assert_status(machine_probe(), VPT_OK);
    assert_same(machine.trace_count, COUNT_OF(order));
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_same(mmio_at(false, order[i], 0), i);
    }
    assert_same(machine.device->type, PLAIN_TYPE);
    assert_same(machine.device->vendor, machine.model->vendor);
    assert_same(vpt_device_legacy(machine.device), legacy);
    cr_assert(strcmp(vpt_device_transport(machine.device), legacy ? "virtio-mmio legacy" : "virtio-mmio") == 0);
    cr_assert(!vpt_device_gone(machine.device));
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine_finish();
}

Test(mmio, probe_refuses_arguments_without_an_access)
{
    static const size_t sizes[] = { 0, 1, 4, 0xfc, 0xff };

    plain_machine(&version_2, NULL);
    assert_status(vpt_mmio_probe(NULL, machine.port, machine.on_mmio.mapping, 0x200), VPT_CALLER_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        machine.on_mmio.size = sizes[i];
        assert_refused("", VPT_CALLER_ARGUMENT, 0);
    }
    machine.on_mmio.size = 0x200;
    machine.on_mmio.mapping = NULL;
    assert_refused("", VPT_CALLER_ARGUMENT, 0);
    machine.port = NULL;
    assert_refused("", VPT_CALLER_ARGUMENT, 0);
    machine_finish();
}

VERSION_TEST(mmio, INIT_1_probing_leaves_a_running_device_alone)
{
    struct vpt_mmio second;
    struct vpt_queue queue;
    uint8_t status;

    plain_start(variant, NULL, &queue, 16);
    status = machine.model->status;
    machine_trace();
    assert_status(vpt_mmio_probe(&second, machine.port, machine.on_mmio.mapping, machine.on_mmio.size), VPT_OK);
    cr_assert(machine.model->status == status && machine.model->queues[0].enabled);
    plain_end(&queue);
}

VERSION_TEST(mmio, MMIO_INIT_3_nobody_asks_for_shared_memory)
{
    struct vpt_queue queue;

    plain_machine(variant, NULL);
    machine_trace();
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    plain_queue(&queue, 16, 16, 4);
    (void)vpt_device_interrupt(machine.device);
    for (size_t offset = R_SHM_SELECT; offset < R_GENERATION; offset += 4) {
        cr_assert(mmio_traced(true, offset) == 0 && mmio_traced(false, offset) == 0);
    }
    plain_end(&queue);
}

PROBED_TEST(mmio, MMIO_REG_7_LEG_FEAT_2_every_feature_access_is_selected_before)
{
    struct vpt_features wanted = { { 0, ~0u, 0, 0 } };
    size_t words = variant->version == 1 ? 1 : 2; /* a legacy interface has one */

    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, &wanted, NULL), VPT_OK);
    assert_same(mmio_traced(false, R_DEV_FEATURES), words);
    assert_same(mmio_traced(true, R_DRV_FEATURES), words);
    assert_same(mmio_traced(true, R_DEV_SELECT) + mmio_traced(true, R_DRV_SELECT), 2 * words);
    for (size_t i = 0; i < words; i++) {
        assert_same(mmio_at(true, R_DEV_SELECT, i) + 1, mmio_at(false, R_DEV_FEATURES, i));
        assert_same(mmio_at(true, R_DRV_SELECT, i) + 1, mmio_at(true, R_DRV_FEATURES, i));
        assert_same(mmio_value(true, R_DEV_SELECT, i), i);
        assert_same(mmio_value(true, R_DRV_SELECT, i), i);
    }
}
