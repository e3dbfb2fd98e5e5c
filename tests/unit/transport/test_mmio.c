/* SPDX-License-Identifier: MIT */
/* Probing a virtio-mmio slot, and which registers bring-up touches in what order. */
#include <string.h>

#include "hand.h"

static enum vpt_status probe(void)
{
    return vpt_mmio_probe(&bench.mmio, bench.machine.port, bench.machine.mapping, bench.machine.size);
}

/* A probe that fails leaves the object zeroed, writes nothing, and has made this many accesses. */
static void assert_refused(enum vpt_status expected, uint64_t accesses)
{
    memset(&bench.mmio, 0xa5, sizeof(bench.mmio));
    bench.machine.mmio.accesses = 0;
    assert_status(probe(), expected);
    cr_assert(all_zero(&bench.mmio, sizeof(bench.mmio)));
    cr_assert(bench.machine.mmio.accesses == accesses, "%u accesses", (unsigned)bench.machine.mmio.accesses);
    cr_assert(bench.machine.hal.register_writes == 0);
}

Test(mmio, MMIO_REG_4_wrong_magic_is_no_device)
{
    static const uint32_t magics[] = { 0, 0x76697274, 0x74726977, 0x00726976, 0x74726900, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(magics); i++) {
        bench_machine(&version_2, NULL);
        mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_MAGIC, 1, 0, magics[i]);
        assert_refused(VPT_DEVICE_MAGIC, 1);
        bench_finish();
    }
}

Test(mmio, MMIO_REG_5_unknown_version_is_refused)
{
    static const uint32_t versions[] = { 0, 3, 4, 0x102, 0x10002, 0x80000001, 0xffffffff };

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        bench_machine(&version_2, NULL);
        mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VERSION, 1, 0, versions[i]);
        assert_refused(VPT_UNSUPPORTED_VERSION, 2);
        bench_finish();
    }
}

VERSION_TEST(mmio, MMIO_REG_6_device_id_0_is_an_empty_slot)
{
    bench_machine(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_EMPTY_SLOT, 1, 0, 0);
    assert_refused(VPT_EMPTY_SLOT, 3);
    bench_finish();
}

VERSION_TEST(mmio, MMIO_INIT_1_magic_version_and_id_come_first)
{
    bench_machine(variant, NULL);
    bench_trace();
    assert_status(probe(), VPT_OK);
    cr_assert(bench_traced_at(false, R_MAGIC, 0) == 0);
    cr_assert(bench_traced_at(false, R_VERSION, 0) == 1);
    cr_assert(bench_traced_at(false, R_DEVICE_ID, 0) == 2);
    cr_assert(bench_traced_at(false, R_VENDOR_ID, 0) == 3);
    cr_assert(bench.trace_count == 4);
    bench_finish();
}

VERSION_TEST(mmio, D_LMMIO_1_a_probe_tells_what_the_device_is)
{
    bench_probe(variant, NULL);
    cr_assert(bench.device->type == BENCH_TYPE);
    cr_assert(bench.device->vendor == bench.machine.device.vendor);
    cr_assert(vpt_device_legacy(bench.device) == (variant->version == 1));
    cr_assert(
        strcmp(vpt_device_transport(bench.device), variant->version == 1 ? "virtio-mmio legacy" : "virtio-mmio") == 0);
    cr_assert(!vpt_device_gone(bench.device));
    cr_assert(all_zero(&bench.device->features, sizeof(bench.device->features)));
    bench_finish();
}

Test(mmio, probe_refuses_arguments_without_an_access)
{
    static const size_t sizes[] = { 0, 1, 4, 0xfc, 0xff };
    const struct vpt_port *port;

    bench_machine(&version_2, NULL);
    port = bench.machine.port;
    assert_status(vpt_mmio_probe(NULL, port, bench.machine.mapping, 0x200), VPT_CALLER_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        bench.machine.size = sizes[i];
        assert_refused(VPT_CALLER_ARGUMENT, 0);
    }
    memset(&bench.mmio, 0xa5, sizeof(bench.mmio));
    assert_status(vpt_mmio_probe(&bench.mmio, NULL, bench.machine.mapping, 0x200), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&bench.mmio, sizeof(bench.mmio)));
    memset(&bench.mmio, 0xa5, sizeof(bench.mmio));
    assert_status(vpt_mmio_probe(&bench.mmio, port, NULL, 0x200), VPT_CALLER_ARGUMENT);
    cr_assert(all_zero(&bench.mmio, sizeof(bench.mmio)));
    cr_assert(bench.machine.mmio.accesses == 0);
    bench_finish();
}

VERSION_TEST(mmio, the_smallest_slot_has_no_configuration)
{
    uint32_t value = 5;

    bench_machine(variant, NULL);
    bench.machine.size = VPT_MMIO_REGISTERS_SIZE;
    assert_status(probe(), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    for (unsigned width = 1; width <= 4; width *= 2) {
        assert_status(vpt_device_config_read(bench.device, 0, width, &value), VPT_CALLER_RANGE);
    }
    bench_finish();
}

VERSION_TEST(mmio, a_slot_whose_device_goes_away_in_the_probe)
{
    static const enum vpt_status expected[] = { VPT_DEVICE_MAGIC, VPT_UNSUPPORTED_VERSION, VPT_DEVICE_GONE };

    for (uint32_t access = 1; access <= 3; access++) {
        bench_machine(variant, NULL);
        mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_VANISH, access, 1, 0);
        assert_refused(expected[access - 1], access);
        bench_finish();
    }
}

VERSION_TEST(mmio, INIT_1_probing_leaves_a_running_device_alone)
{
    struct vpt_mmio second;
    struct vpt_queue queue;
    uint8_t status;

    bench_start(variant, NULL, &queue, 16);
    status = bench.machine.device.status;
    bench_trace();
    assert_status(vpt_mmio_probe(&second, bench.machine.port, bench.machine.mapping, bench.machine.size), VPT_OK);
    cr_assert(bench.machine.device.status == status && bench.machine.device.queues[0].enabled);
    bench_end(&queue);
}

/* ---- Setting up a queue ---- */

static void assert_order(const bool *write, const uint16_t *offset, size_t count)
{
    cr_assert(bench.trace_count == count, "%zu accesses instead of %zu", bench.trace_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(bench.trace[i].write == write[i] && bench.trace[i].offset == offset[i] && bench.trace[i].width == 4,
                  "access %zu is of 0x%zx", i, bench.trace[i].offset);
    }
}

static void assert_address(size_t offset, uint64_t address)
{
    cr_assert(bench_traced_value(true, offset, 0) == (uint32_t)address);
    cr_assert(bench_traced_value(true, offset + 4, 0) == (uint32_t)(address >> 32));
}

Test(mmio, D_MMIO_1_queue_set_up_in_the_specified_order)
{
    static const bool write[] = {
        true, false, false, true, true, true, true, true, true, true, true, true, true, false
    };
    static const uint16_t offset[] = { R_QUEUE_SELECT, R_QUEUE_READY,      R_QUEUE_MAXIMUM, R_QUEUE_SELECT,
                                       R_QUEUE_SIZE,   R_QUEUE_SELECT,     R_QUEUE_DESC,    R_QUEUE_DESC + 4,
                                       R_QUEUE_DRIVER, R_QUEUE_DRIVER + 4, R_QUEUE_DEVICE,  R_QUEUE_DEVICE + 4,
                                       R_QUEUE_READY,  R_QUEUE_READY };
    struct mock_machine_options options = { .queues = 3 };
    struct vpt_queue_config config = { .index = 2, .size = 32 };
    struct vpt_queue queue;

    bench_negotiate(&version_2, &options);
    bench_trace();
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_order(write, offset, COUNT_OF(write));
    cr_assert(bench_traced_value(true, R_QUEUE_SELECT, 0) == 2 && bench_traced_value(true, R_QUEUE_SELECT, 1) == 2);
    cr_assert(bench_traced_value(true, R_QUEUE_SIZE, 0) == 32);
    cr_assert(bench_traced_value(true, R_QUEUE_READY, 0) == 1);
    assert_address(R_QUEUE_DESC, bench.machine.device.queues[2].area[MOCK_DESCRIPTOR_AREA]);
    cr_assert(bench.machine.device.queues[2].enabled && bench.machine.device.queues[2].size == 32);
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_end(&queue);
}

Test(mmio, D_LMMIO_7_legacy_queue_set_up_in_the_specified_order)
{
    static const bool write[] = { true, false, false, true, true, true, true, true, true, false };
    static const uint16_t offset[] = { R_QUEUE_SELECT, R_QUEUE_PFN,    R_QUEUE_MAXIMUM, R_QUEUE_SELECT, R_QUEUE_SIZE,
                                       R_PAGE_SIZE,    R_QUEUE_SELECT, R_QUEUE_ALIGN,   R_QUEUE_PFN,    R_QUEUE_PFN };
    struct mock_machine_options options = { .queues = 2 };
    struct vpt_queue_config config = { .index = 1, .size = 64 };
    struct vpt_queue queue;
    uint64_t address;

    bench_negotiate(&version_1, &options);
    bench_trace();
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_OK);
    assert_order(write, offset, COUNT_OF(write));
    cr_assert(bench_traced_value(true, R_QUEUE_SELECT, 1) == 1);
    cr_assert(bench_traced_value(true, R_QUEUE_SIZE, 0) == 64);
    address = (uint64_t)bench_traced_value(true, R_QUEUE_PFN, 0) * bench_traced_value(true, R_PAGE_SIZE, 0);
    cr_assert(address == bench.machine.device.queues[1].area[MOCK_DESCRIPTOR_AREA]);
    cr_assert(address > UINT32_MAX); /* where the mock puts it: more than 32 bits of address */
    assert_status(vpt_device_start(bench.device), VPT_OK);
    bench_end(&queue);
}

VERSION_TEST(mmio, MMIO_INIT_3_nobody_asks_for_shared_memory)
{
    struct vpt_queue queue;

    bench_machine(variant, NULL);
    bench_trace();
    assert_status(probe(), VPT_OK);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    bench_queue(&queue, 16, 16, 4);
    (void)vpt_device_interrupt(bench.device);
    for (size_t offset = R_SHM_SELECT; offset < R_GENERATION; offset += 4) {
        cr_assert(bench_traced(true, offset) == 0 && bench_traced(false, offset) == 0);
    }
    bench_end(&queue);
}

VERSION_TEST(mmio, MMIO_REG_7_every_feature_access_is_selected_before)
{
    size_t reads;
    size_t writes;

    bench_probe(variant, NULL);
    bench_trace();
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
    reads = bench_traced(false, R_DEV_FEATURES);
    writes = bench_traced(true, R_DRV_FEATURES);
    cr_assert(reads == (variant->version == 1 ? 1u : 2u) && writes == reads);
    for (size_t i = 0; i < reads; i++) {
        cr_assert(bench_traced_at(true, R_DEV_SELECT, i) + 1 == bench_traced_at(false, R_DEV_FEATURES, i));
        cr_assert(bench_traced_at(true, R_DRV_SELECT, i) + 1 == bench_traced_at(true, R_DRV_FEATURES, i));
    }
    bench_finish();
}

/* ---- Queues that do not behave ---- */

VERSION_TEST(mmio, D_MMIO_1_a_queue_in_use_is_not_touched)
{
    struct vpt_queue_config config = { 0 };
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_QUEUE_IN_USE, 1, 0, 0);
    bench_trace();
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_DEVICE_QUEUE_STATE);
    cr_assert(all_zero(&queue, sizeof(queue)));
    cr_assert(bench.machine.hal.allocations == 0);
    cr_assert(bench_traced(true, R_QUEUE_SIZE) == 0 && bench_traced(true, R_QUEUE_PFN) == 0 &&
              bench_traced(true, R_QUEUE_READY) == 0);
    bench_finish();
}

VERSION_TEST(mmio, a_queue_that_did_not_start_ends_in_a_reset)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_queue queue;
    uint64_t resets;

    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
    resets = bench.machine.device.resets;
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_DEVICE_QUEUE_STATE);
    cr_assert(mock_fault_fired(&bench.machine.device.faults, MOCK_FAULT_QUEUE_NOT_READY) != 0);
    cr_assert(bench.machine.device.resets == resets + 1u && !bench.machine.device.queues[0].enabled);
    cr_assert(all_zero(&queue, sizeof(queue)));
    cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
    bench_finish();
}

VERSION_TEST(mmio, CLEANUP_2_memory_of_a_queue_that_stays_with_the_device_is_not_given_back)
{
    struct vpt_queue_config config = { .size = 16 };
    struct vpt_queue queue;

    bench_negotiate(variant, NULL);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 0, 0);
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_queue_init(&queue, bench.device, &config), VPT_DEVICE_STUCK);
    cr_assert(all_zero(&queue, sizeof(queue)));
    cr_assert(bench.machine.hal.frees == 0 && mock_hal_live_allocations(&bench.machine.hal) != 0);
    cr_assert(mock_machine_violations(&bench.machine) == 0);
}
