/* SPDX-License-Identifier: MIT */
/* Probing a virtio-mmio slot, and which registers bring-up touches in what order. */
#include <string.h>

#include "hand.h"

static enum vpt_status probe(void)
{
    return vpt_mmio_probe(&machine.mmio, machine.port, machine.on_mmio.mapping, machine.on_mmio.size);
}

/* A probe that fails leaves the object zeroed, writes nothing, and has made this many accesses. */
static void assert_refused(enum vpt_status expected, uint64_t accesses)
{
    memset(&machine.mmio, 0xa5, sizeof(machine.mmio));
    machine.on_mmio.mmio.accesses = 0;
    assert_status(probe(), expected);
    cr_assert(all_zero(&machine.mmio, sizeof(machine.mmio)));
    cr_assert(machine.on_mmio.mmio.accesses == accesses, "%u accesses", (unsigned)machine.on_mmio.mmio.accesses);
    cr_assert(machine.hal->register_writes == 0);
}

Test(mmio, MMIO_REG_4_wrong_magic_is_no_device)
{
    static const uint32_t magics[] = { 0, 0x76697274, 0x74726977, 0x00726976, 0x74726900, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(magics); i++) {
        plain_machine(&version_2, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_MAGIC, 1, 0, magics[i]);
        assert_refused(VPT_DEVICE_MAGIC, 1);
        machine_finish();
    }
}

Test(mmio, MMIO_REG_5_unknown_version_is_refused)
{
    static const uint32_t versions[] = { 0, 3, 4, 0x102, 0x10002, 0x80000001, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        plain_machine(&version_2, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_VERSION, 1, 0, versions[i]);
        assert_refused(VPT_UNSUPPORTED_VERSION, 2);
        machine_finish();
    }
}

VERSION_TEST(mmio, MMIO_REG_6_device_id_0_is_an_empty_slot)
{
    plain_machine(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_EMPTY_SLOT, 1, 0, 0);
    assert_refused(VPT_EMPTY_SLOT, 3);
    machine_finish();
}

VERSION_TEST(mmio, MMIO_INIT_1_magic_version_and_id_come_first)
{
    plain_machine(variant, NULL);
    machine_trace();
    assert_status(probe(), VPT_OK);
    cr_assert(mmio_at(false, R_MAGIC, 0) == 0);
    cr_assert(mmio_at(false, R_VERSION, 0) == 1);
    cr_assert(mmio_at(false, R_DEVICE_ID, 0) == 2);
    cr_assert(mmio_at(false, R_VENDOR_ID, 0) == 3);
    cr_assert(machine.trace_count == 4);
    machine_finish();
}

VERSION_TEST(mmio, D_LMMIO_1_a_probe_tells_what_the_device_is)
{
    plain_probe(variant, NULL);
    cr_assert(machine.device->type == PLAIN_TYPE);
    cr_assert(machine.device->vendor == machine.model->vendor);
    cr_assert(vpt_device_legacy(machine.device) == (variant->version == 1));
    cr_assert(strcmp(vpt_device_transport(machine.device),
                     variant->version == 1 ? "virtio-mmio legacy" : "virtio-mmio") == 0);
    cr_assert(!vpt_device_gone(machine.device));
    cr_assert(all_zero(&machine.device->features, sizeof(machine.device->features)));
    machine_finish();
}

Test(mmio, probe_refuses_arguments_without_an_access)
{
    static const size_t sizes[] = { 0, 1, 4, 0xfc, 0xff };
    const struct vpt_port *port;

    plain_machine(&version_2, NULL);
    port = machine.port;
    assert_status(vpt_mmio_probe(NULL, port, machine.on_mmio.mapping, 0x200), VPT_CALLER_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        machine.on_mmio.size = sizes[i];
        assert_refused(VPT_CALLER_ARGUMENT, 0);
    }
    memset(&machine.mmio, 0xa5, sizeof(machine.mmio));
    assert_status(vpt_mmio_probe(&machine.mmio, NULL, machine.on_mmio.mapping, 0x200), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&machine.mmio, sizeof(machine.mmio)));
    memset(&machine.mmio, 0xa5, sizeof(machine.mmio));
    assert_status(vpt_mmio_probe(&machine.mmio, port, NULL, 0x200), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&machine.mmio, sizeof(machine.mmio)));
    cr_assert(machine.on_mmio.mmio.accesses == 0);
    machine_finish();
}

VERSION_TEST(mmio, the_smallest_slot_has_no_configuration)
{
    uint32_t value = 5;

    plain_machine(variant, NULL);
    machine.on_mmio.size = VPT_MMIO_REGISTERS_SIZE;
    assert_status(probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    for (unsigned width = 1; width <= 4; width *= 2) {
        assert_status(vpt_device_config_read(machine.device, 0, width, &value), VPT_CALLER_RANGE);
    }
    machine_finish();
}

VERSION_TEST(mmio, a_slot_whose_device_goes_away_in_the_probe)
{
    static const enum vpt_status expected[] = { VPT_DEVICE_MAGIC, VPT_UNSUPPORTED_VERSION, VPT_DEVICE_GONE };

    for (uint32_t access = 1; access <= 3; access++) {
        plain_machine(variant, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, access, 1, 0);
        assert_refused(expected[access - 1], access);
        machine_finish();
    }
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
    assert_status(probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    plain_queue(&queue, 16, 16, 4);
    (void)vpt_device_interrupt(machine.device);
    for (size_t offset = R_SHM_SELECT; offset < R_GENERATION; offset += 4) {
        cr_assert(mmio_traced(true, offset) == 0 && mmio_traced(false, offset) == 0);
    }
    plain_end(&queue);
}

VERSION_TEST(mmio, MMIO_REG_7_every_feature_access_is_selected_before)
{
    size_t reads;
    size_t writes;

    plain_probe(variant, NULL);
    machine_trace();
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    reads = mmio_traced(false, R_DEV_FEATURES);
    writes = mmio_traced(true, R_DRV_FEATURES);
    cr_assert(reads == (variant->version == 1 ? 1u : 2u) && writes == reads);
    for (size_t i = 0; i < reads; i++) {
        cr_assert(mmio_at(true, R_DEV_SELECT, i) + 1 == mmio_at(false, R_DEV_FEATURES, i));
        cr_assert(mmio_at(true, R_DRV_SELECT, i) + 1 == mmio_at(true, R_DRV_FEATURES, i));
    }
    machine_finish();
}
