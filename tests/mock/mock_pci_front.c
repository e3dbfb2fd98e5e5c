/* SPDX-License-Identifier: MIT */
#include "mock_pci_front.h"

#include <inttypes.h>
#include <string.h>

#include <vpt/pci.h>
#include <vpt/transport.h>

#include "mock_order.h"
#include "mock_internal.h"
#include "mock_registers.h"

static bool require(const struct mock_pci_front *front, bool holds, const char *complaint)
{
    return mock_require(front->device->violations, holds, "virtio-pci: %s", complaint);
}

/* A legacy driver reads fields in its CPU's byte order, a modern one as little-endian. */
static void set_byte_order(struct mock_config *config, bool native)
{
    native = native && !config->little;
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
    set_byte_order(&device->config, device->legacy);
}

bool mock_pci_front_drives(struct mock_pci_front *front, unsigned interface, const char *what)
{
    return mock_require(front->device->violations, front->device->legacy == (interface == MOCK_PCI_LEGACY),
                        "virtio-pci: %s by the interface that did not reset the device", what);
}

struct mock_pci_access *mock_pci_front_access(struct mock_pci_front *front, enum mock_pci_structure structure,
                                              unsigned capability, bool write, unsigned width, uint32_t offset,
                                              uint32_t value)
{
    static struct mock_pci_access spill;
    struct mock_pci_access *access = &spill;

    if (!mock_device_present(front->device)) {
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

/* Each vector that was assigned has to be read back before it is relied on. */
static void check_vectors_read(struct mock_pci_front *front)
{
    bool unread = front->configuration.unread;

    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        unread = unread || front->queue[i].unread;
    }
    require(front, !unread, "DRIVER_OK, but a vector was not read back");
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
    if (require(front, mock_pci_msix_enabled(front->function), "a vector assigned while MSI-X is off") &&
        require(front, value < front->function->msix->entries,
                "a vector assigned that the table does not have (PCI-MSIX-4)") &&
        !mock_fault_fires(&front->device->faults, MOCK_FAULT_VECTOR_REFUSED, NULL)) {
        vector->vector = (uint16_t)value;
    }
}

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

    require(front, !mock_pci_msix_enabled(front->function), "the ISR status read while MSI-X is on (PCI-ISR-1)");
    mock_device_acknowledge(device, device->interrupt_status);
    mock_pci_intx_set(front->function, false);
    return value;
}

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
    front->set = (struct mock_pci_set_up){ .queue_select = UINT16_MAX };
    mock_pci_intx_set(front->function, false);
    drive_by(front, front->wanted);
}

static void queue_reset(void *ctx, const struct mock_queue *queue)
{
    struct mock_pci_front *front = ctx;

    front->queue[queue->index] = (struct mock_pci_vector){ MOCK_PCI_NO_VECTOR, false };
    front->set.size[queue->index] = 0;
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

static const struct mock_front_end_ops front_end_ops = { reset, masters, message, queue_reset, plugged };

/* Whether firmware has left the device running: it writes to memory that is used for something else by now. */
static bool running(const struct mock_device *device)
{
    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        if (device->queues[i].enabled && (device->status & VPT_STATUS_DRIVER_OK) != 0) {
            return true;
        }
    }
    return false;
}

static void command_written(struct mock_pci_front *front, struct mock_pci_function *function)
{
    uint16_t changed = (uint16_t)(mock_pci_command(function) ^ front->command);
    uint64_t stuck = front->device->faults.argument[MOCK_FAULT_COMMAND_STUCK];

    require(front, (changed & mock_pci_command(function) & VPT_PCI_COMMAND_BUS_MASTER) == 0 || !running(front->device),
            "bus mastering turned on before the device was reset");
    stuck = stuck != 0 ? stuck : VPT_PCI_COMMAND_BUS_MASTER;
    if ((changed & stuck) != 0 && mock_fault_fires(&front->device->faults, MOCK_FAULT_COMMAND_STUCK, NULL)) {
        mock_pci_command_set(function, (uint16_t)(mock_pci_command(function) ^ (changed & stuck)));
    }
    front->command = mock_pci_command(function);
}

static void control_written(struct mock_pci_front *front, struct mock_pci_function *function, uint16_t at)
{
    uint32_t control = mock_pci_get(function, at, 2);

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
    (void)mock_device_present(((struct mock_pci_front *)ctx)->device);
}

static void configuration_written(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    uint16_t control =
        function->msix != NULL ? (uint16_t)(function->msix->capability + MOCK_PCI_MSIX_CONTROL) : MOCK_PCI_CONFIG_SIZE;

    if (offset < HEADER_COMMAND + 2u && offset + width > HEADER_COMMAND) {
        command_written(ctx, function);
    }
    if (offset < control + 2u && offset + width > control) {
        control_written(ctx, function, control);
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
    mock_pci_hook_add(function, &(struct mock_pci_hook){ 0, MOCK_PCI_CONFIG_SIZE - 1u, configuration_read,
                                                         configuration_written, front });
}

void mock_pci_front_command(struct mock_pci_front *front, uint16_t value)
{
    mock_pci_command_set(front->function, value);
    front->command = mock_pci_command(front->function);
}

void mock_pci_front_offer(struct mock_pci_front *front, unsigned interface, struct vpt_features offered)
{
    struct mock_pci_interface *made = &front->interface[interface];

    made->present = true;
    made->offered = offered;
    mock_known_features(&made->known, interface == MOCK_PCI_LEGACY);
    if (interface == MOCK_PCI_MODERN) {
        /* Not SR_IOV: the function has no such capability (RSVFEAT-9). */
        vpt_features_add(&made->known, VPT_F_NOTIF_CONFIG_DATA);
    }
}

void mock_pci_front_start(struct mock_pci_front *front)
{
    front->wanted = front->interface[MOCK_PCI_MODERN].present ? MOCK_PCI_MODERN : MOCK_PCI_LEGACY;
    reset(front);
}
