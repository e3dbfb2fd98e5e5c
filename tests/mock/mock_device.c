/* SPDX-License-Identifier: MIT */
/* A device's status, features, configuration and interrupts. Its queues are in mock_setup.c and mock_service.c. */
#include "mock_device.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_ring.h"
#include "mock_internal.h"
#include "mock_backend.h"

/* The status bits that a driver may write. */
#define DRIVER_BITS                                                                                                    \
    (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_DRIVER_OK | VPT_STATUS_FEATURES_OK | VPT_STATUS_SUSPEND | \
     VPT_STATUS_FAILED)

static bool element_in(const struct mock_region *region, const struct mock_element *element)
{
    for (uint32_t i = 0; i < element->readable + element->writable; i++) {
        if (mock_region_contains(region, element->segments[i].address)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < element->descriptor_count; i++) {
        if (mock_region_contains(region, element->descriptors[i].address)) {
            return true;
        }
    }
    return false;
}

/* Whether the device may still use the region: for a ring, or for a request that it has taken. */
static bool holds(void *ctx, const struct mock_region *region)
{
    const struct mock_device *device = ctx;

    if (device->vanished || device->powerless || !mock_device_reaches_memory(device)) {
        return false;
    }
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        const struct mock_queue *queue = &device->queues[i];

        for (unsigned area = 0; area < MOCK_QUEUE_AREAS && queue->enabled; area++) {
            if (mock_region_contains(region, queue->area[area])) {
                return true;
            }
        }
        for (size_t k = 0; k < queue->pending_count; k++) {
            if (element_in(region, &queue->pending[k])) {
                return true;
            }
        }
    }
    return false;
}

bool mock_device_reaches_memory(const struct mock_device *device)
{
    const struct mock_front_end_ops *front_end = device->front_end;

    return front_end == NULL || front_end->reaches_memory(device->front_end_ctx);
}

void mock_device_init(struct mock_device *device, struct mock_memory *memory, struct mock_violations *violations,
                      const struct mock_backend *backend, void *backend_ctx)
{
    memset(device, 0, sizeof(*device));
    device->memory = memory;
    device->violations = violations;
    device->backend = backend;
    device->backend_ctx = backend_ctx;
    device->completion.delay = 1;
    if (memory->holder_count < MOCK_HOLDERS) {
        memory->holders[memory->holder_count++] = (struct mock_holder){ holds, device };
    }
    for (uint16_t i = 0; i < MOCK_QUEUES_MAX; i++) {
        device->queues[i].index = i;
    }
}

void mock_device_finish(struct mock_device *device)
{
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        mock_queue_reset(&device->queues[i]);
    }
    if (device->backend->reset != NULL) {
        device->backend->reset(device->backend_ctx);
    }
}

/* ---- For backends ---- */

bool mock_backend_require(const struct mock_device *device, bool holds, const char *complaint)
{
    return mock_require(device->violations, holds, "%s: %s", device->backend->name, complaint);
}

bool mock_backend_status(struct mock_device *device, uint32_t *status, uint32_t unknown)
{
    uint64_t argument = 0;

    if (mock_fault_fires(&device->faults, MOCK_FAULT_STATUS_UNKNOWN, &argument)) {
        *status = argument != 0 ? (uint32_t)argument : unknown;
    }
    return !mock_fault_fires(&device->faults, MOCK_FAULT_STATUS_MISSING, NULL);
}

/* ---- Reset ---- */

void mock_device_reset(struct mock_device *device)
{
    mock_device_finish(device);
    memset(&device->accepted, 0, sizeof(device->accepted));
    device->memory->translated = false;
    device->status = 0;
    device->features_ok_seen = false;
    device->interrupt_status = 0;
    device->resetting = 0;
    device->resets_never = false;
    device->powerless = false;
    device->resets++;
    device->cut_off = false;
    device->suspending = false;
    device->resuming = false;
    if (device->front_end != NULL) {
        device->front_end->reset(device->front_end_ctx);
    }
}

void mock_device_vanish(struct mock_device *device)
{
    device->vanished = true;
    device->powerless = true;
    if (device->front_end != NULL) {
        device->front_end->plugged(device->front_end_ctx, false);
    }
}

bool mock_device_present(struct mock_device *device)
{
    if (mock_fault_fires(&device->faults, MOCK_FAULT_VANISH, NULL)) {
        mock_device_vanish(device);
    }
    return !device->vanished;
}

void mock_device_return(struct mock_device *device)
{
    mock_fault_clear(&device->faults, MOCK_FAULT_VANISH);
    device->vanished = false;
    device->returns++;
    mock_device_reset(device);
    if (device->front_end != NULL) {
        device->front_end->plugged(device->front_end_ctx, true);
    }
}

bool mock_device_in_reset(const struct mock_device *device)
{
    return device->resets_never || device->resetting != 0;
}

static void start_reset(struct mock_device *device)
{
    uint64_t reads = 0;

    if (mock_fault_fires(&device->faults, MOCK_FAULT_RESET_NEVER, NULL)) {
        device->resets_never = true;
    } else if (mock_fault_fires(&device->faults, MOCK_FAULT_RESET_SLOW, &reads) && reads != 0) {
        device->resetting = (uint32_t)reads;
    } else {
        mock_device_reset(device);
    }
}

/* What the status reads while a reset goes on: anything but 0 and all-ones. */
static uint8_t status_in_reset(const struct mock_device *device)
{
    return device->status != 0 ? device->status : VPT_STATUS_ACKNOWLEDGE;
}

/* ---- Suspending (VirtIO 1.4, section 3.4) ---- */

/* A suspend notes the available index of each queue; a resume checks that none has moved (SUSPEND-3). */
static void compare_available(struct mock_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct mock_queue *queue = &device->queues[i];
        uint16_t index = 0;

        if (queue->enabled && mock_ring_available(device, queue, &index)) {
            mock_require(device->violations, device->suspending || index == queue->suspended_index,
                         "queue %u: buffers exposed while suspended", queue->index);
            queue->suspended_index = index;
        }
    }
}

static void end_suspend(struct mock_device *device)
{
    const uint8_t came = device->suspending ? VPT_STATUS_SUSPEND : VPT_STATUS_DRIVER_OK;
    const uint8_t went = device->suspending ? VPT_STATUS_DRIVER_OK : VPT_STATUS_SUSPEND;

    device->status = (uint8_t)((device->status | came) & ~went);
    device->suspending = false;
    device->resuming = false;
}

static void begin_suspend(struct mock_device *device, bool suspend)
{
    device->suspending = suspend;
    device->resuming = !suspend;
    compare_available(device);
    if (!device->suspend_unseen) {
        /* Until it is done both bits are set, so that a driver has to wait for the right one to be cleared. */
        device->status |= VPT_STATUS_SUSPEND | VPT_STATUS_DRIVER_OK;
    }
    device->suspend_left = device->suspend_reads;
    if (device->suspend_left == 0) {
        end_suspend(device);
    }
}

static bool suspendable(struct mock_device *device)
{
    return mock_require(device->violations,
                        vpt_features_has(&device->accepted, VPT_F_SUSPEND) &&
                            (device->status & VPT_STATUS_DRIVER_OK) != 0,
                        "SUSPEND set while the status is 0x%02x, or without its feature", device->status);
}

/* The status is about to be written: whether that begins a suspend or a resume. */
static bool suspend_requested(struct mock_device *device, uint8_t value)
{
    bool suspended = (device->status & VPT_STATUS_SUSPEND) != 0;

    if (device->suspending || device->resuming) {
        mock_violation(device->violations, "status 0x%02x written before the device has suspended itself or resumed",
                       value);
        return true;
    }
    if (!suspended && (value & VPT_STATUS_SUSPEND) != 0 && suspendable(device)) {
        begin_suspend(device, true);
        return true;
    }
    if (suspended && (value & VPT_STATUS_DRIVER_OK) != 0) {
        begin_suspend(device, false);
        return true;
    }
    return false;
}

/* The status is about to be read: a suspend or a resume ends after device->suspend_reads of these. */
static void suspend_tick(struct mock_device *device)
{
    bool under_way = device->suspending || device->resuming;

    if (under_way && device->suspend_left != UINT32_MAX && device->suspend_left-- <= 1u) {
        end_suspend(device);
    }
}

void mock_suspend_check(struct mock_device *device, const char *what)
{
    mock_require(device->violations, !device->suspending && (device->status & VPT_STATUS_SUSPEND) == 0,
                 "%s while suspended", what);
}

/* ---- Status and features ---- */

uint8_t mock_device_read_status(struct mock_device *device)
{
    if (device->resets_never) {
        return status_in_reset(device);
    }
    if (device->resetting != 0) {
        /* A device that is still busy may complete a request, and needs its memory for that. */
        (void)mock_device_run(device, 1);
        device->resetting--;
        if (device->resetting != 0) {
            return status_in_reset(device);
        }
        mock_device_reset(device);
    }
    suspend_tick(device);
    device->features_ok_seen = true;
    return device->status;
}

static void check_status_order(struct mock_device *device, uint8_t value, uint8_t added)
{
    /* The steps of bring-up and the status bits that have to be set before each (INIT-1). */
    static const struct {
        uint8_t bit;
        uint8_t before;
        const char *name;
    } steps[] = {
        { VPT_STATUS_DRIVER, VPT_STATUS_ACKNOWLEDGE, "DRIVER" },
        { VPT_STATUS_FEATURES_OK, VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER, "FEATURES_OK" },
        { VPT_STATUS_DRIVER_OK, VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER, "DRIVER_OK" },
    };
    struct mock_violations *violations = device->violations;
    uint8_t status = device->status;

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        mock_require(violations, (added & steps[i].bit) == 0 || (status & steps[i].before) == steps[i].before,
                     "%s set while the status is 0x%02x", steps[i].name, status);
    }
    mock_require(violations, (status & DRIVER_BITS & ~(unsigned)value) == 0,
                 "status 0x%02x written over 0x%02x: bits dropped without a reset", value, status);
    mock_require(violations, (value & ~(DRIVER_BITS | status)) == 0, "status 0x%02x written: not the driver's bits",
                 value);
    mock_require(violations, !device->legacy || (added & VPT_STATUS_FEATURES_OK) == 0,
                 "FEATURES_OK written to a legacy interface");
}

/* Whether the device can work with what the driver has accepted. */
static bool features_acceptable(struct mock_device *device)
{
    struct mock_violations *violations = device->violations;
    const struct vpt_features *accepted = &device->accepted;
    bool offered = true;

    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        uint32_t known = device->backend->known.word[i] | device->transport_known.word[i];

        offered = offered && (accepted->word[i] & ~device->offered.word[i]) == 0;
        mock_require(violations, (accepted->word[i] & ~known) == 0,
                     "features accepted that are unknown here: word %u, 0x%08" PRIx32, i, accepted->word[i] & ~known);
    }
    mock_require(violations, !vpt_features_has(accepted, MOCK_BAD_FEATURE), "feature 30 accepted");
    mock_require(violations,
                 !device->legacy || !vpt_features_has(&device->offered, VPT_F_ANY_LAYOUT) ||
                     vpt_features_has(accepted, VPT_F_ANY_LAYOUT),
                 "ANY_LAYOUT offered and not accepted");
    return mock_require(violations, offered, "features accepted that were not offered") &&
           mock_require(violations, device->legacy || vpt_features_has(accepted, VPT_F_VERSION_1),
                        "VERSION_1 not accepted") &&
           mock_require(violations,
                        device->backend->features_valid == NULL ||
                            device->backend->features_valid(device->backend_ctx, accepted),
                        "features accepted without what they depend on");
}

static void set_features_ok(struct mock_device *device)
{
    bool refused = mock_fault_fires(&device->faults, MOCK_FAULT_FEATURES_REFUSED, NULL);

    device->features_ok_seen = false;
    if (features_acceptable(device) && !refused) {
        device->status |= VPT_STATUS_FEATURES_OK;
        device->memory->translated = vpt_features_has(&device->accepted, VPT_F_ACCESS_PLATFORM);
    }
}

static void set_driver_ok(struct mock_device *device)
{
    if (device->legacy) {
        (void)features_acceptable(device);
    } else if (mock_require(device->violations, (device->status & VPT_STATUS_FEATURES_OK) != 0,
                            "DRIVER_OK without FEATURES_OK")) {
        mock_require(device->violations, device->features_ok_seen, "FEATURES_OK was not read back");
    }
    device->status |= VPT_STATUS_DRIVER_OK;
}

void mock_device_write_status(struct mock_device *device, uint8_t value)
{
    uint8_t added = (uint8_t)(value & ~(unsigned)device->status);

    if (value == 0) {
        start_reset(device);
        return;
    }
    if (!mock_require(device->violations, !mock_device_in_reset(device),
                      "status 0x%02x written before the reset was done", value)) {
        return;
    }
    if ((value & VPT_STATUS_FAILED) != 0) {
        /* A driver that gives up may write bits which the device has not granted: no step of bring-up. */
        device->status |= VPT_STATUS_FAILED;
        return;
    }
    mock_device_written(device, "Status");
    check_status_order(device, value, added);
    if (suspend_requested(device, value)) {
        return;
    }
    device->status |= (uint8_t)(value & (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER));
    if (!device->legacy && (added & VPT_STATUS_FEATURES_OK) != 0) {
        set_features_ok(device);
    }
    if ((added & VPT_STATUS_DRIVER_OK) != 0) {
        set_driver_ok(device);
    }
}

void mock_device_written(struct mock_device *device, const char *what)
{
    mock_require(device->violations, (device->status & VPT_STATUS_FAILED) == 0, "%s written after FAILED", what);
    mock_require(device->violations, !mock_device_in_reset(device), "%s written before the reset was done", what);
}

uint32_t mock_device_offered(struct mock_device *device, uint32_t word)
{
    uint32_t value = word < VPT_FEATURE_WORDS ? device->offered.word[word] : 0;

    if (word == VPT_F_VERSION_1 / 32u && mock_fault_fires(&device->faults, MOCK_FAULT_NO_VERSION_1, NULL)) {
        value &= ~(1u << (VPT_F_VERSION_1 % 32u));
    }
    return value;
}

void mock_device_accept(struct mock_device *device, uint32_t word, uint32_t value)
{
    unsigned last = device->legacy ? VPT_STATUS_DRIVER_OK : VPT_STATUS_FEATURES_OK;

    mock_device_written(device, "DriverFeatures");
    if (!mock_require(device->violations, (device->status & VPT_STATUS_DRIVER) != 0 && (device->status & last) == 0,
                      "features written while the status is 0x%02x", device->status)) {
        return;
    }
    if (word < VPT_FEATURE_WORDS) {
        device->accepted.word[word] = value;
    } else {
        mock_require(device->violations, value == 0, "features written to word %" PRIu32, word);
    }
}

void mock_device_change_configuration(struct mock_device *device)
{
    const struct mock_change *changes = device->backend->changes;

    device->changes++;
    if (device->backend->change_configuration != NULL) {
        device->backend->change_configuration(device->backend_ctx);
        return;
    }
    for (unsigned i = 0; i < 2 && changes[i].width != 0; i++) {
        uint64_t n = changes[i].period != 0 ? device->changes % changes[i].period : device->changes;

        mock_config_set(&device->config, changes[i].offset, changes[i].width, changes[i].first + n * changes[i].step);
    }
}

/* ---- Configuration ---- */

uint32_t mock_device_config_read(struct mock_device *device, unsigned offset, unsigned width)
{
    const struct mock_config_field *field =
        mock_config_field(&device->config, offset, width, &device->offered, device->violations);
    struct mock_faults *faults = &device->faults;
    uint64_t argument = faults->argument[MOCK_FAULT_CONFIG_VALUE];
    uint32_t value;

    mock_suspend_check(device, "configuration read");
    if (field == NULL) {
        return 0;
    }
    value = mock_config_read(&device->config, offset, width);
    if ((argument >> 32) == offset && mock_fault_fires(faults, MOCK_FAULT_CONFIG_VALUE, NULL)) {
        uint8_t bytes[4];

        mock_store(bytes, width, (uint32_t)argument, device->legacy);
        value = (uint32_t)mock_load(bytes, width, false);
    }
    if (mock_fault_fires(faults, MOCK_FAULT_CONFIG_CHANGING, NULL)) {
        mock_device_change_configuration(device);
        mock_device_configuration_changed(device);
    }
    return value;
}

void mock_device_config_write(struct mock_device *device, unsigned offset, unsigned width, uint32_t value)
{
    const struct mock_config_field *field =
        mock_config_field(&device->config, offset, width, &device->offered, device->violations);

    bool early = field != NULL && offset != 0 && offset == device->config.early;

    if (!early) {
        mock_device_written(device, "configuration");
    }
    mock_suspend_check(device, "configuration written");
    /* A legacy device has to tolerate early writes (LEG-INIT-2). */
    if (mock_require(device->violations, early || device->legacy || (device->status & VPT_STATUS_FEATURES_OK) != 0,
                     "configuration written before FEATURES_OK") &&
        field != NULL &&
        mock_require(device->violations, field->writable, "config field %s written, which is read-only", field->name)) {
        mock_config_write(&device->config, offset, width, value);
        if (device->backend->config_written != NULL) {
            device->backend->config_written(device->backend_ctx, offset);
        }
    }
}

/* ---- Interrupts ---- */

void mock_device_interrupt(struct mock_device *device, const struct mock_queue *queue)
{
    device->interrupt_status |= queue != NULL ? VPT_INTERRUPT_QUEUE : VPT_INTERRUPT_CONFIGURATION;
    device->interrupts++;
    if (device->front_end != NULL && device->front_end->message(device->front_end_ctx, queue)) {
        return;
    }
    if (device->on_interrupt != NULL) {
        device->on_interrupt(device->interrupt_ctx);
    }
}

void mock_device_configuration_changed(struct mock_device *device)
{
    if ((device->status & VPT_STATUS_DRIVER_OK) != 0) {
        mock_device_interrupt(device, NULL);
    }
}

void mock_device_needs_reset(struct mock_device *device)
{
    device->status |= VPT_STATUS_DEVICE_NEEDS_RESET;
    mock_device_configuration_changed(device);
}

bool mock_device_interrupting(const struct mock_device *device)
{
    return device->interrupt_status != 0;
}

uint32_t mock_device_interrupt_status(struct mock_device *device)
{
    uint32_t value = device->interrupt_status;
    uint64_t argument = 0;

    if (mock_fault_fires(&device->faults, MOCK_FAULT_INTERRUPT_UNKNOWN, &argument)) {
        value |= argument != 0 ? (uint32_t)argument : 0x7ffffffcu;
    }
    return value;
}

void mock_device_acknowledge(struct mock_device *device, uint32_t bits)
{
    if (mock_require(device->violations, (bits & ~(VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION)) == 0,
                     "undefined interrupt bits acknowledged: 0x%" PRIx32, bits)) {
        mock_require(device->violations, (bits & ~device->interrupt_status) == 0,
                     "interrupt bits 0x%" PRIx32 " acknowledged, but 0x%" PRIx32 " are set", bits,
                     device->interrupt_status);
    }
    device->interrupt_status &= ~bits;
}
