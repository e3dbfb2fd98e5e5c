/* SPDX-License-Identifier: MIT */
/* A block device that misbehaves: each fault of the simulated device, on every transport, and what comes after it. */
#include "disk.h"

TestSuite(blk_faults, .timeout = 120);

static const struct mock_pci_machine_options options = {
    .machine = { .blk = { .capacity = 64, .flush = true, .block_size = 512, .topology = true } },
};

static enum vpt_status bring_up_and_read(void)
{
    enum vpt_status status = disk_bring_up(NULL);

    if (status == VPT_OK) {
        status = vpt_blk_read(disk.queue, 9, machine_bytes(0), SECTOR);
    }
    if (status == VPT_OK) {
        (void)vpt_device_interrupt(machine.device);
    }
    return status;
}

static bool cannot_fire(enum mock_fault fault)
{
    switch (fault) {
    case MOCK_FAULT_MSIX_STUCK:
    case MOCK_FAULT_VECTOR_REFUSED: return true; /* needs MSI-X */
    case MOCK_FAULT_NO_VERSION_1:
    case MOCK_FAULT_FEATURES_REFUSED: return machine_kind_legacy(machine.kind);
    case MOCK_FAULT_NOTIFY_OFFSET:
    case MOCK_FAULT_QUEUE_SIZE_IGNORED: return machine_on_pci() && machine_kind_legacy(machine.kind);
    case MOCK_FAULT_USED_INDEX_AHEAD:
    case MOCK_FAULT_USED_INDEX_BACK: return vpt_features_has(&machine.model->offered, VPT_F_RING_PACKED);
    default: return false;
    }
}

static enum vpt_status expected_of(enum mock_fault fault)
{
    const struct mock_fault_description *description = mock_fault_describe(fault);

    if (cannot_fire(fault)) {
        return VPT_OK;
    }
    if (machine_on_pci() && description->pci != VPT_OK) {
        return description->pci;
    }
    if (fault == MOCK_FAULT_NOTIFY_OFFSET && machine.kind == MACHINE_PCI_MODERN_SCATTERED) {
        return VPT_OK; /* its multiplier is 0 */
    }
    if (fault == MOCK_FAULT_QUEUE_MAXIMUM && machine_on_pci()) {
        return VPT_UNSUPPORTED_QUEUE; /* 65536 does not fit the register */
    }
    return machine_kind_legacy(machine.kind) ? description->legacy : description->modern;
}

/* On a machine without a driver. */
static void check_fault(enum mock_fault fault)
{
    const struct mock_fault_description *description = mock_fault_describe(fault);
    struct mock_faults *faults = &machine.model->faults;
    enum vpt_status status;

    fill(disk_content(9), SECTOR, fault);
    mock_fault_set(faults, fault, 1, 0, description->argument);
    status = bring_up_and_read();
    /* It is seen in one of two ways; a packed ring has no index, so that one look sees the first of the two alone. */
    if (fault != MOCK_FAULT_USED_ID_TWICE ||
        status != (vpt_features_has(&machine.model->offered, VPT_F_RING_PACKED) ? VPT_OK : VPT_DEVICE_USED_INDEX)) {
        assert_status_of(description->name, status, expected_of(fault));
    }
    assert_same_of(description->name, mock_fault_fired(faults, fault) != 0, !cannot_fire(fault));
    cr_assert(status != VPT_OK || fault == MOCK_FAULT_DATA_MISSING || filled(machine_bytes(0), SECTOR, fault), "%s",
              description->name);
    disk_recover_and_end();
}

VARIANT_TEST(blk_faults, each_fault_is_reported_as_described_and_overcome)
{
    for (enum mock_fault fault = MOCK_FAULT_VANISH; fault < MOCK_FAULT_COUNT; fault++) {
        disk_machine(variant, &options.machine);
        check_fault(fault);
    }
}

PCI_TEST(virtio_pci_blk, each_fault_is_reported_as_described_and_overcome)
{
    for (enum mock_fault fault = MOCK_FAULT_VANISH; fault < MOCK_FAULT_PCI_END; fault++) {
        disk_machine_on(variant->kind, &options);
        check_fault(fault);
    }
}
