/* SPDX-License-Identifier: MIT */
/* A device's life: status, features, configuration, interrupts. Queues are in setup.c and service.c. */
#include "mock_device.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_service.h"
#include "mock_suspend.h"

/* What a driver writes; DEVICE_NEEDS_RESET is the device's own. */
#define DRIVER_BITS                                                                                                    \
    (VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER | VPT_STATUS_DRIVER_OK | VPT_STATUS_FEATURES_OK | VPT_STATUS_SUSPEND | \
     VPT_STATUS_FAILED)

/* ---- Memory ---- */

static bool lies_in(const struct mock_region *region, uint64_t address)
{
    return address >= region->address && address - region->address < region->size;
}

static bool element_in(const struct mock_region *region, const struct mock_element *element)
{
    for (uint32_t i = 0; i < element->readable + element->writable; i++) {
        if (lies_in(region, element->segments[i].address)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < element->descriptor_count; i++) {
        if (lies_in(region, element->descriptors[i].address)) {
            return true;
        }
    }
    return false;
}

/* Whether the device, as it is, may still come there: for a ring, or for a request that it has taken. */
static bool holds(void *ctx, const struct mock_region *region)
{
    const struct mock_device *device = ctx;
    const struct mock_front_end_ops *front_end = device->front_end;

    if (device->vanished || device->powerless ||
        (front_end != NULL && front_end->reaches_memory != NULL && !front_end->reaches_memory(device->front_end_ctx))) {
        return false;
    }
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        const struct mock_queue *queue = &device->queues[i];

        for (unsigned area = 0; area < MOCK_QUEUE_AREAS && queue->enabled; area++) {
            if (lies_in(region, queue->area[area])) {
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
}

/* ---- Reset ---- */

/* Nothing touches the driver's memory any more once this is done. */
static void reset(struct mock_device *device)
{
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        mock_queue_reset(&device->queues[i]);
    }
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
    if (device->backend->reset != NULL) {
        device->backend->reset(device->backend_ctx);
    }
    if (device->front_end != NULL && device->front_end->reset != NULL) {
        device->front_end->reset(device->front_end_ctx);
    }
}

void mock_device_reset(struct mock_device *device)
{
    reset(device);
}

static void plugged(struct mock_device *device, bool here)
{
    if (device->front_end != NULL && device->front_end->plugged != NULL) {
        device->front_end->plugged(device->front_end_ctx, here);
    }
}

void mock_device_vanish(struct mock_device *device)
{
    device->vanished = true;
    device->powerless = true;
    plugged(device, false);
}

void mock_device_return(struct mock_device *device)
{
    mock_fault_clear(&device->faults, MOCK_FAULT_VANISH);
    device->vanished = false;
    device->returns++;
    reset(device);
    plugged(device, true);
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
        reset(device);
    }
}

/* What the status reads while a reset goes on: anything but 0 and all-ones. */
static uint8_t status_in_reset(const struct mock_device *device)
{
    return device->status != 0 ? device->status : VPT_STATUS_ACKNOWLEDGE;
}

/* ---- Status ---- */

uint8_t mock_device_read_status(struct mock_device *device)
{
    if (device->resets_never) {
        return status_in_reset(device);
    }
    if (device->resetting != 0) {
        /* A device that is still busy may complete what it has (and needs its memory for that). */
        (void)mock_device_run(device, 1);
        device->resetting--;
        if (device->resetting != 0) {
            return status_in_reset(device);
        }
        reset(device);
    }
    mock_suspend_tick(device);
    device->features_ok_seen = true;
    return device->status;
}

/* The steps of bring-up and what each takes for granted (INIT-1). */
struct step {
    uint8_t bit;
    uint8_t before;
    const char *name;
};

static const struct step steps[] = {
    { VPT_STATUS_ACKNOWLEDGE, 0, "ACKNOWLEDGE" },
    { VPT_STATUS_DRIVER, VPT_STATUS_ACKNOWLEDGE, "DRIVER" },
    { VPT_STATUS_FEATURES_OK, VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER, "FEATURES_OK" },
    { VPT_STATUS_DRIVER_OK, VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER, "DRIVER_OK" },
};

static void check_status_order(struct mock_device *device, uint8_t value, uint8_t added)
{
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if ((added & steps[i].bit) != 0 && (device->status & steps[i].before) != steps[i].before) {
            mock_violation(device->violations, "%s set while the status is 0x%02x", steps[i].name, device->status);
        }
    }
    if ((device->status & DRIVER_BITS & ~(unsigned)value) != 0) {
        mock_violation(device->violations, "status 0x%02x written over 0x%02x: bits dropped without a reset", value,
                       device->status);
    }
    if ((value & ~(DRIVER_BITS | device->status)) != 0) {
        mock_violation(device->violations, "status 0x%02x written: not the driver's bits", value);
    }
    if (device->legacy && (added & VPT_STATUS_FEATURES_OK) != 0) {
        mock_violation(device->violations, "FEATURES_OK written to a legacy interface");
    }
}

static bool features_within_offer(const struct mock_device *device)
{
    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        if ((device->accepted.word[i] & ~device->offered.word[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void check_feature_etiquette(const struct mock_device *device)
{
    for (unsigned i = 0; i < VPT_FEATURE_WORDS; i++) {
        uint32_t known = device->backend->known.word[i] | device->transport_known.word[i];

        if ((device->accepted.word[i] & ~known) != 0) {
            mock_violation(device->violations, "features accepted that are unknown here: word %u, 0x%08" PRIx32, i,
                           device->accepted.word[i] & ~known);
        }
    }
    if (vpt_features_has(&device->accepted, MOCK_BAD_FEATURE)) {
        mock_violation(device->violations, "feature 30 accepted");
    }
    if (device->legacy && vpt_features_has(&device->offered, VPT_F_ANY_LAYOUT) &&
        !vpt_features_has(&device->accepted, VPT_F_ANY_LAYOUT)) {
        mock_violation(device->violations, "ANY_LAYOUT offered and not accepted");
    }
}

static bool features_acceptable(struct mock_device *device)
{
    check_feature_etiquette(device);
    if (!features_within_offer(device)) {
        mock_violation(device->violations, "features accepted that were not offered");
        return false;
    }
    if (!device->legacy && !vpt_features_has(&device->accepted, VPT_F_VERSION_1)) {
        mock_violation(device->violations, "VERSION_1 not accepted");
        return false;
    }
    if (device->backend->features_valid != NULL &&
        !device->backend->features_valid(device->backend_ctx, &device->accepted)) {
        mock_violation(device->violations, "features accepted without what they depend on");
        return false;
    }
    return true;
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
    if (!device->legacy) {
        if ((device->status & VPT_STATUS_FEATURES_OK) == 0) {
            mock_violation(device->violations, "DRIVER_OK without FEATURES_OK");
        } else if (!device->features_ok_seen) {
            mock_violation(device->violations, "FEATURES_OK was not read back");
        }
    } else {
        (void)features_acceptable(device);
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
    if (mock_device_in_reset(device)) {
        mock_violation(device->violations, "status 0x%02x written before the reset was done", value);
        return;
    }
    if ((value & VPT_STATUS_FAILED) != 0) {
        /* A driver gives up with the bits that it had set, granted or not: no step of bring-up. */
        device->status |= VPT_STATUS_FAILED;
        return;
    }
    mock_device_written(device, "Status");
    check_status_order(device, value, added);
    if (mock_suspend_requested(device, value)) {
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
    if ((device->status & VPT_STATUS_FAILED) != 0) {
        mock_violation(device->violations, "%s written after FAILED", what);
    }
    if (mock_device_in_reset(device)) {
        mock_violation(device->violations, "%s written before the reset was done", what);
    }
}

/* ---- Features ---- */

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
    if ((device->status & VPT_STATUS_DRIVER) == 0 || (device->status & last) != 0) {
        mock_violation(device->violations, "features written while the status is 0x%02x", device->status);
        return;
    }
    if (word < VPT_FEATURE_WORDS) {
        device->accepted.word[word] = value;
    } else if (value != 0) {
        mock_violation(device->violations, "features written to word %" PRIu32, word);
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
    if (mock_fault_fires(faults, MOCK_FAULT_CONFIG_CHANGING, NULL) && device->backend->change_configuration != NULL) {
        device->backend->change_configuration(device->backend_ctx);
        mock_device_configuration_changed(device);
    }
    return value;
}

void mock_device_config_write(struct mock_device *device, unsigned offset, unsigned width, uint32_t value)
{
    const struct mock_config_field *field =
        mock_config_field(&device->config, offset, width, &device->offered, device->violations);

    mock_device_written(device, "configuration");
    mock_suspend_check(device, "configuration written");
    /* A legacy device has to tolerate early writes (LEG-INIT-2). */
    if (!device->legacy && (device->status & VPT_STATUS_FEATURES_OK) == 0) {
        mock_violation(device->violations, "configuration written before FEATURES_OK");
        return;
    }
    if (field == NULL) {
        return;
    }
    if (!field->writable) {
        mock_violation(device->violations, "config field %s written, which is read-only", field->name);
        return;
    }
    mock_config_write(&device->config, offset, width, value);
}

/* ---- Interrupts ---- */

/* `queue` is NULL for the configuration. The status is there before the interrupt. */
static void raise_interrupt(struct mock_device *device, const struct mock_queue *queue)
{
    device->interrupt_status |= queue != NULL ? VPT_INTERRUPT_QUEUE : VPT_INTERRUPT_CONFIGURATION;
    device->interrupts++;
    if (device->front_end != NULL && device->front_end->message != NULL &&
        device->front_end->message(device->front_end_ctx, queue)) {
        return;
    }
    if (device->on_interrupt != NULL) {
        device->on_interrupt(device->interrupt_ctx);
    }
}

void mock_device_interrupt_queue(struct mock_device *device, const struct mock_queue *queue)
{
    raise_interrupt(device, queue);
}

void mock_device_configuration_changed(struct mock_device *device)
{
    if ((device->status & VPT_STATUS_DRIVER_OK) != 0) {
        raise_interrupt(device, NULL);
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
    if ((bits & ~(VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION)) != 0) {
        mock_violation(device->violations, "undefined interrupt bits acknowledged: 0x%" PRIx32, bits);
    } else if ((bits & ~device->interrupt_status) != 0) {
        mock_violation(device->violations, "interrupt bits 0x%" PRIx32 " acknowledged, but 0x%" PRIx32 " are set", bits,
                       device->interrupt_status);
    }
    device->interrupt_status &= ~bits;
}
