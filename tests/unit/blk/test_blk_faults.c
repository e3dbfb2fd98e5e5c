/* SPDX-License-Identifier: MIT */
/* A block device that misbehaves: each fault of the simulated device, at each opportunity, and what comes after it. */
#include "disk.h"

TestSuite(blk_faults, .timeout = 120);

static const struct mock_machine_options options = {
    .blk = { .capacity = 64, .flush = true, .block_size = 512, .topology = true },
};

static void arm(enum mock_fault fault, uint32_t first, uint32_t times)
{
    mock_fault_set(&machine.model->faults, fault, first, times, mock_fault_describe(fault)->argument);
}

static uint32_t fired(enum mock_fault fault)
{
    return mock_fault_fired(&machine.model->faults, fault);
}

/* Whatever happened: a reset, every request back, the memory back, and then the same objects work again. */
static void check_recovers(void)
{
    for (unsigned i = 0; i < MOCK_FAULT_COUNT; i++) {
        mock_fault_clear(&machine.model->faults, (enum mock_fault)i);
    }
    machine.model->vanished = false;
    if (machine.device->ops != NULL) {
        enum vpt_status status = vpt_device_reset(machine.device);

        cr_assert(status == VPT_OK || vpt_device_gone(machine.device), "%s", vpt_status_str(status));
    }
    if (vpt_queue_size(&disk.queue->requests.queue) != 0) {
        (void)disk_drain();
    }
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    cr_assert(mock_hal_live_shares(machine.hal) == 0);
    cr_assert(mock_hal_live_allocations(machine.hal) == 0);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    disk_end();
}

/* ---- Each fault, whenever it can happen ---- */

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

static bool cannot_fire(const struct variant *variant, enum mock_fault fault)
{
    return variant->version == 1 && (fault == MOCK_FAULT_NO_VERSION_1 || fault == MOCK_FAULT_FEATURES_REFUSED);
}

/* A used id that comes twice is seen in one of two ways. */
static bool as_described(enum mock_fault fault, enum vpt_status status, enum vpt_status described)
{
    if (fault == MOCK_FAULT_USED_ID_TWICE) {
        return status == VPT_DEVICE_USED_INDEX || status == VPT_DEVICE_USED_ID;
    }
    return status == described;
}

VARIANT_TEST(blk_faults, each_fault_is_reported_as_described_and_overcome)
{
    for (unsigned i = 0; i < MOCK_FAULT_COUNT; i++) {
        enum mock_fault fault = (enum mock_fault)i;
        const struct mock_fault_description *description = mock_fault_describe(fault);
        enum vpt_status expected = variant->version == 1 ? description->legacy : description->modern;
        enum vpt_status status;

        disk_machine(variant, &options);
        fill(disk_content(9), SECTOR, i);
        arm(fault, 1, 0);
        status = bring_up_and_read();
        cr_assert(as_described(fault, status, expected), "%s: \"%s\", not \"%s\"", description->name,
                  vpt_status_str(status), vpt_status_str(expected));
        cr_assert((fired(fault) != 0) != cannot_fire(variant, fault), "%s did not happen", description->name);
        cr_assert(status != VPT_OK || fault == MOCK_FAULT_DATA_MISSING || filled(machine_bytes(0), SECTOR, i), "%s",
                  description->name);
        check_recovers();
    }
}

/* ---- A device that is removed, at each register access there is ---- */

/* The calls of a life, in order; 0 to 3 bring the device up, the rest needs that. */
