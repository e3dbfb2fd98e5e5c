/* SPDX-License-Identifier: MIT */
#include "mock_pci_front.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/pci.h>
#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_pci_bus_internal.h"

#define COMMAND_REGISTER 0x04u

static void complain(const struct mock_pci_front *front, const char *what)
{
    mock_violation(front->device->violations, "virtio-pci: %s", what);
}

/* ---- Interfaces ---- */

/* Fields that a legacy driver reads in its CPU's byte order, and a modern one as little-endian. */
static void turn_configuration(struct mock_config *config, bool native)
{
    for (unsigned i = 0; i < config->field_count && config->native != native; i++) {
        const struct mock_config_field *field = &config->fields[i];
        uint64_t value = mock_load(&config->bytes[field->offset], field->width, config->native);

        mock_store(&config->bytes[field->offset], field->width, value, native);
    }
    config->native = native;
}

static void drive_by(struct mock_pci_front *front, unsigned interface)
{
    struct mock_device *device = front->device;

    device->legacy = interface == MOCK_PCI_LEGACY;
    device->offered = front->interface[interface].offered;
    device->transport_known = front->interface[interface].known;
    turn_configuration(&device->config, device->legacy);
}

bool mock_pci_front_drives(struct mock_pci_front *front, unsigned interface, const char *what)
{
    if (front->device->legacy == (interface == MOCK_PCI_LEGACY)) {
        return true;
    }
    mock_violation(front->device->violations, "virtio-pci: %s by the interface that did not reset the device", what);
    return false;
}

/* ---- Accesses ---- */

static bool present(struct mock_pci_front *front)
{
    if (mock_fault_fires(&front->device->faults, MOCK_FAULT_VANISH, NULL)) {
        mock_device_vanish(front->device);
    }
    return !front->device->vanished;
}

struct mock_pci_access *mock_pci_front_access(struct mock_pci_front *front, enum mock_pci_structure structure,
                                              unsigned capability, bool write, unsigned width, uint32_t offset,
                                              uint32_t value)
{
    static struct mock_pci_access spill;
    struct mock_pci_access *access = &spill;

    if (!present(front)) {
        return NULL;
    }
    if (front->access_count < MOCK_PCI_ACCESSES) {
        access = &front->accesses[front->access_count++];
    }
    *access =
        (struct mock_pci_access){ front->function->bus->sequence, structure, capability, write, width, offset, value };
    return access;
}

void mock_pci_front_return(struct mock_pci_front *front)
{
    mock_fault_clear(&front->device->faults, MOCK_FAULT_VANISH);
    front->device->vanished = false;
    front->function->gone = false;
    front->function->bus->undecoded_allowed = false;
}

/* ---- Status ---- */

/* Each vector that was assigned has to be read back before it is relied on. */
static void check_vectors_read(struct mock_pci_front *front)
{
    bool unread = front->configuration.unread;

    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        unread = unread || front->queue[i].unread;
    }
    if (unread) {
        complain(front, "DRIVER_OK, but a vector was not read back");
    }
}

void mock_pci_front_status(struct mock_pci_front *front, unsigned interface, uint32_t value)
{
    if (value == 0) {
        front->wanted = interface;
    } else if (!mock_pci_front_drives(front, interface, "status written")) {
        return;
    }
    if ((value & VPT_STATUS_DRIVER_OK) != 0) {
        check_vectors_read(front);
    }
    mock_device_write_status(front->device, (uint8_t)value);
}

/* ---- Vectors ---- */

static struct mock_pci_vector *vector_of(struct mock_pci_front *front, const struct mock_queue *queue)
{
    return queue != NULL ? &front->queue[queue->index] : &front->configuration;
}

uint32_t mock_pci_front_vector(struct mock_pci_front *front, const struct mock_queue *queue)
{
    struct mock_pci_vector *vector = vector_of(front, queue);

    vector->unread = false;
    return vector->vector;
}

void mock_pci_front_assign(struct mock_pci_front *front, const struct mock_queue *queue, uint32_t value)
{
    struct mock_pci_vector *vector = vector_of(front, queue);

    mock_device_written(front->device, "vector");
    vector->vector = MOCK_PCI_NO_VECTOR;
    vector->unread = false;
    if (value == MOCK_PCI_NO_VECTOR) {
        return;
    }
    vector->unread = true;
    if (!mock_pci_msix_enabled(front->function)) {
        complain(front, "a vector assigned while MSI-X is off");
    } else if (value >= front->function->msix->entries) {
        complain(front, "a vector assigned that the table does not have (PCI-MSIX-4)");
    } else if (!mock_fault_fires(&front->device->faults, MOCK_FAULT_VECTOR_REFUSED, NULL)) {
        vector->vector = (uint16_t)value;
    }
}

/* ---- Interrupts ---- */

static bool message(void *ctx, const struct mock_queue *queue)
{
    struct mock_pci_front *front = ctx;
    uint16_t vector = vector_of(front, queue)->vector;

    if (!mock_pci_msix_enabled(front->function)) {
        mock_pci_intx_set(front->function, true);
        return !mock_pci_intx(front->function);
    }
    if (vector != MOCK_PCI_NO_VECTOR) {
        mock_pci_msix_fire(front->function, vector);
    }
    return true;
}

uint32_t mock_pci_front_isr(struct mock_pci_front *front)
{
    struct mock_device *device = front->device;
    uint32_t value = mock_device_interrupt_status(device) & 0xffu;

    if (mock_pci_msix_enabled(front->function)) {
        complain(front, "the ISR status read while MSI-X is on (PCI-ISR-1)");
    }
    mock_device_acknowledge(device, device->interrupt_status);
    mock_pci_intx_set(front->function, false);
    return value;
}

/* ---- What goes on in configuration space ---- */

static bool masters(void *ctx)
{
    const struct mock_pci_front *front = ctx;

    return mock_pci_masters(front->function);
}

static void reset(void *ctx)
{
    struct mock_pci_front *front = ctx;

    front->configuration = (struct mock_pci_vector){ MOCK_PCI_NO_VECTOR, false };
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        front->queue[i] = front->configuration;
    }
    mock_pci_intx_set(front->function, false);
    drive_by(front, front->wanted);
}

/* A function that was plugged in anew decodes nothing yet. */
static void plugged(void *ctx, bool here)
{
    struct mock_pci_front *front = ctx;
    struct mock_pci_function *function = front->function;

    function->gone = !here;
    function->bus->undecoded_allowed = !here;
    if (here) {
        mock_pci_front_command(front, 0);
        mock_pci_msix_restart(function);
        front->msix_on = false;
    }
}

static const struct mock_front_end_ops front_end_ops = { reset, masters, message, plugged };

/* A device that firmware has left running writes to memory that is somebody else's by now. */
static bool running(const struct mock_device *device)
{
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        if (device->queues[i].enabled && (device->status & VPT_STATUS_DRIVER_OK) != 0) {
            return true;
        }
    }
    return false;
}

static void command_written(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    struct mock_pci_front *front = ctx;
    uint16_t changed = (uint16_t)(mock_pci_command(function) ^ front->command);
    uint64_t stuck = front->device->faults.argument[MOCK_FAULT_COMMAND_STUCK];

    (void)offset;
    (void)width;
    if ((changed & mock_pci_command(function) & VPT_PCI_COMMAND_BUS_MASTER) != 0 && running(front->device)) {
        complain(front, "bus mastering turned on before the device was reset");
    }
    stuck = stuck != 0 ? stuck : VPT_PCI_COMMAND_BUS_MASTER;
    if ((changed & stuck) != 0 && mock_fault_fires(&front->device->faults, MOCK_FAULT_COMMAND_STUCK, NULL)) {
        mock_pci_command_set(function, (uint16_t)(mock_pci_command(function) ^ (changed & stuck)));
    }
    front->command = mock_pci_command(function);
}

static void control_written(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    struct mock_pci_front *front = ctx;
    uint16_t at = (uint16_t)(function->msix->capability + MOCK_PCI_MSIX_CONTROL);
    uint32_t control = mock_pci_get(function, at, 2);

    (void)offset;
    (void)width;
    if (((control & MOCK_PCI_MSIX_ENABLE) != 0) != front->msix_on &&
        mock_fault_fires(&front->device->faults, MOCK_FAULT_MSIX_STUCK, NULL)) {
        mock_pci_set(function, at, 2, control ^ MOCK_PCI_MSIX_ENABLE);
    }
    front->msix_on = mock_pci_msix_enabled(function);
}

static void configuration_read(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    (void)function;
    (void)offset;
    (void)width;
    (void)present(ctx);
}

/* ---- Initialisation ---- */

static void add_hooks(struct mock_pci_front *front)
{
    struct mock_pci_function *function = front->function;
    struct mock_pci_hook hook = { .first = 0, .last = MOCK_PCI_CONFIG_SIZE - 1u, .ctx = front };

    hook.before_read = configuration_read;
    mock_pci_hook_add(function, &hook);
    hook = (struct mock_pci_hook){ COMMAND_REGISTER, COMMAND_REGISTER + 1u, NULL, command_written, front };
    mock_pci_hook_add(function, &hook);
    if (function->msix != NULL) {
        uint16_t at = (uint16_t)(function->msix->capability + MOCK_PCI_MSIX_CONTROL);

        hook = (struct mock_pci_hook){ at, (uint16_t)(at + 1u), NULL, control_written, front };
        mock_pci_hook_add(function, &hook);
    }
}

void mock_pci_front_init(struct mock_pci_front *front, struct mock_device *device, struct mock_pci_function *function)
{
    memset(front, 0, sizeof(*front));
    front->device = device;
    front->function = function;
    front->command = mock_pci_command(function);
    device->front_end = &front_end_ops;
    device->front_end_ctx = front;
    function->liar = device;
    add_hooks(front);
}

void mock_pci_front_command(struct mock_pci_front *front, uint16_t value)
{
    mock_pci_command_set(front->function, value);
    front->command = mock_pci_command(front->function);
}

void mock_pci_front_start(struct mock_pci_front *front)
{
    front->wanted = front->interface[MOCK_PCI_MODERN].present ? MOCK_PCI_MODERN : MOCK_PCI_LEGACY;
    reset(front);
}
