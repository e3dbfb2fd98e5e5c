/* SPDX-License-Identifier: MIT */
#include "mock_machine.h"

#include <string.h>

static const uint8_t modern_offer[] = { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX, VPT_F_VERSION_1 };

/* As QEMU's transitional devices: the bit that must not be accepted is among them. */
static const uint8_t legacy_offer[] = { VPT_F_NOTIFY_ON_EMPTY, VPT_F_ANY_LAYOUT, VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX,
                                        MOCK_BAD_FEATURE };

static void offer(struct mock_device *device, const struct mock_machine_options *options)
{
    const uint8_t *bits = device->legacy ? legacy_offer : modern_offer;
    size_t count = device->legacy ? sizeof(legacy_offer) : sizeof(modern_offer);

    for (size_t i = 0; i < count; i++) {
        vpt_features_add(&device->offered, bits[i]);
    }
    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        device->offered.word[i] |= options->offer.word[i];
        device->offered.word[i] &= ~options->withhold.word[i];
    }
}

static void apply_profile(struct mock_machine_options *options, struct mock_device *device)
{
    const struct mock_profile *profile = options->profile;

    if (profile == NULL) {
        return;
    }
    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        options->withhold.word[i] |= profile->withhold.word[i];
    }
    if (profile->queue_maximum != 0) {
        options->queue_maximum = profile->queue_maximum;
    }
    for (unsigned i = 0; i < profile->fault_count; i++) {
        mock_fault_set(&device->faults, profile->faults[i].fault, 1, 0, profile->faults[i].argument);
    }
}

void mock_machine_begin(struct mock_machine_options *options, struct mock_hal *hal, struct mock_device *device,
                        struct mock_blk *blk, struct mock_entropy *entropy)
{
    if (options->is_entropy) {
        mock_device_init(device, &hal->memory, &hal->violations, &mock_entropy_backend, entropy);
    } else {
        mock_device_init(device, &hal->memory, &hal->violations, &mock_blk_backend, blk);
    }
    apply_profile(options, device);
    device->completion = options->completion;
    device->queue_count = options->queues != 0 ? options->queues : 1;
    for (unsigned i = 0; i < device->queue_count && i < MOCK_QUEUES_MAX; i++) {
        device->queues[i].maximum = options->queue_maximum != 0 ? options->queue_maximum : 256;
    }
}

bool mock_machine_make_type(const struct mock_machine_options *options, struct mock_device *device,
                            struct mock_blk *blk, struct mock_entropy *entropy)
{
    if (options->is_entropy) {
        mock_entropy_init(entropy, device, &options->entropy);
        return true;
    }
    return mock_blk_init(blk, device, &options->blk);
}

bool mock_machine_init(struct mock_machine *machine, const struct mock_machine_options *wishes)
{
    struct mock_machine_options all = { 0 };
    const struct mock_machine_options *options = &all;
    struct mock_device *device = &machine->device;

    if (wishes != NULL) {
        all = *wishes;
    }
    memset(machine, 0, sizeof(*machine));
    mock_hal_init(&machine->hal);
    mock_machine_begin(&all, &machine->hal, device, &machine->blk, &machine->entropy);
    device->vendor = 0x4b434f4d;
    mock_mmio_init(&machine->mmio, &machine->hal, device, options->version == 1 ? 1 : 2, MOCK_MACHINE_PHYSICAL);
    machine->mmio.old = options->old;
    if (!mock_machine_make_type(options, device, &machine->blk, &machine->entropy)) {
        return false;
    }
    offer(device, options);
    mock_hal_add_ticker(&machine->hal, mock_device_tick, device);
    if (!vpt_features_has(&device->offered, VPT_F_ACCESS_PLATFORM)) {
        machine->hal.access_platform = MOCK_EXPECT_CLEAR;
    }
    machine->port = &machine->hal.port;
    machine->mapping = machine->mmio.mapping;
    machine->size = MOCK_MMIO_SIZE;
    return true;
}

unsigned mock_machine_violations(const struct mock_machine *machine)
{
    return machine->hal.violations.count;
}

unsigned mock_machine_finish(struct mock_machine *machine)
{
    unsigned count = mock_hal_finish(&machine->hal);

    mock_device_finish(&machine->device);
    mock_blk_finish(&machine->blk);
    mock_violations_print(&machine->hal.violations, stderr);
    return count;
}
