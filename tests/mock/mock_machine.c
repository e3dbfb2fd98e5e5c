/* SPDX-License-Identifier: MIT */
#include "mock_machine.h"

#include <string.h>

struct vpt_features mock_machine_offered(const struct mock_device *device, bool legacy,
                                         const struct mock_machine_options *options)
{
    /* As QEMU's transitional devices: the bit that must not be accepted is among the legacy ones. */
    static const uint8_t bits[2][5] = {
        { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX, VPT_F_VERSION_1 },
        { VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX, VPT_F_NOTIFY_ON_EMPTY, VPT_F_ANY_LAYOUT, MOCK_BAD_FEATURE },
    };
    struct vpt_features offered = { { 0 } };

    for (unsigned i = 0; i < (legacy ? 5u : 3u); i++) {
        vpt_features_add(&offered, bits[legacy][i]);
    }
    /* A legacy interface has one word (D-LPCI-3). */
    for (unsigned i = 0; i < (legacy ? 1u : VPT_FEATURE_WORDS); i++) {
        offered.word[i] |= device->offered.word[i] | options->offer.word[i];
        offered.word[i] &= ~options->withhold.word[i];
    }
    return offered;
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
                        struct mock_blk *blk)
{
    const struct mock_backend *backend = &mock_blk_backend;
    void *backend_ctx = blk;

    if (options->type.backend != NULL) {
        backend = options->type.backend;
        backend_ctx = options->type.object;
        options->queues = backend->count_queues != NULL ? backend->count_queues(backend_ctx) : backend->queues;
    }
    mock_hal_init(hal);
    mock_device_init(device, &hal->memory, &hal->violations, backend, backend_ctx);
    mock_hal_add_ticker(hal, mock_device_tick, device);
    apply_profile(options, device);
    device->completion = options->completion;
    device->queue_count = options->queues != 0 ? options->queues : 1;
    for (unsigned i = 0; i < device->queue_count && i < MOCK_QUEUES_MAX; i++) {
        device->queues[i].maximum = options->queue_maximum != 0 ? options->queue_maximum : 256;
    }
}

bool mock_machine_make_type(const struct mock_machine_options *options, struct mock_device *device,
                            struct mock_blk *blk)
{
    if (options->type.backend != NULL) {
        options->type.backend->init(options->type.object, device);
        return true;
    }
    return mock_blk_init(blk, device, &options->blk);
}

bool mock_machine_init(struct mock_machine *machine, const struct mock_machine_options *wishes)
{
    struct mock_machine_options options = { 0 };
    struct mock_device *device = &machine->device;

    if (wishes != NULL) {
        options = *wishes;
    }
    memset(machine, 0, sizeof(*machine));
    mock_machine_begin(&options, &machine->hal, device, &machine->blk);
    device->vendor = 0x4b434f4d;
    mock_mmio_init(&machine->mmio, &machine->hal, device, options.version == 1 ? 1 : 2, MOCK_MACHINE_PHYSICAL);
    machine->mmio.old = options.old;
    if (!mock_machine_make_type(&options, device, &machine->blk)) {
        return false;
    }
    device->offered = mock_machine_offered(device, device->legacy, &options);
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

unsigned mock_machine_end(struct mock_hal *hal, struct mock_device *device, struct mock_blk *blk)
{
    unsigned count = mock_hal_finish(hal);

    mock_device_finish(device);
    mock_blk_finish(blk);
    mock_violations_print(&hal->violations, stderr);
    return count;
}

unsigned mock_machine_finish(struct mock_machine *machine)
{
    return mock_machine_end(&machine->hal, &machine->device, &machine->blk);
}
