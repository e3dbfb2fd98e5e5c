/* SPDX-License-Identifier: MIT */
/* Calls between the files of the mock that neither tests nor front ends make. */
#ifndef VPT_TESTS_MOCK_INTERNAL_H
#define VPT_TESTS_MOCK_INTERNAL_H

#include "mock_device.h"
#include "mock_hal.h"
#include "mock_pci_bus.h"

/* Makes room for one more than `count` elements of an array. Aborts without memory. */
void *mock_grow(void *array, size_t count, size_t size);

struct mock_hal *mock_hal_of(void *ctx);

/* The memory half of the port: sets its functions; records each leak and frees everything. */
void mock_hal_memory_init(struct mock_hal *hal);
void mock_hal_memory_finish(struct mock_hal *hal);

/* Does what was postponed while the device worked on a queue. */
void mock_lies_catch_up(struct mock_device *device);

/* Sets the interrupt status and sends a message or raises the line. `queue` NULL: a configuration change. */
void mock_device_interrupt(struct mock_device *device, const struct mock_queue *queue);

/* Completes a pending request of a queue whose device is busy: none, if there is none. */
void mock_device_complete_one(struct mock_device *device, struct mock_queue *queue);

/* `what` is accessed, which a driver may not do while the device is suspended or is about to be. */
void mock_suspend_check(struct mock_device *device, const char *what);

/* ---- PCI ---- */

#define HEADER_COMMAND      0x04u
#define HEADER_STATUS       0x06u
#define HEADER_TYPE         0x0eu
#define HEADER_BAR_0        0x10u
#define HEADER_BRIDGE_BUS   0x18u
#define HEADER_ROM          0x30u
#define HEADER_ROM_BRIDGE   0x38u
#define HEADER_LIST         0x34u
#define HEADER_LIST_CARDBUS 0x14u

#define COMMAND_IO                0x0001u
#define COMMAND_MEMORY            0x0002u
#define COMMAND_MASTER            0x0004u
#define COMMAND_INTERRUPT_DISABLE 0x0400u
#define STATUS_INTERRUPT          0x0008u
#define STATUS_LIST               0x0010u

/* Where a BAR's register is. */
uint16_t mock_pci_bar_register(const struct mock_pci_function *function, unsigned index);

/* How many registers the header type has, without the ROM. */
unsigned mock_pci_bar_registers(const struct mock_pci_function *function);

/* Records what a configuration write breaks; before it is carried out. */
void mock_pci_rules(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t value);

/* Whether the table or the pending bits are at this offset of a BAR. */
bool mock_pci_msix_claims(const struct mock_pci_function *function, unsigned bar, uint64_t offset);

/* An access there. `written` is NULL for a read, whose value it returns. */
uint32_t mock_pci_msix_access(struct mock_pci_function *function, unsigned bar, uint64_t offset, unsigned width,
                              const uint32_t *written);

/* The state of MSI-X after power-on. */
void mock_pci_msix_restart(struct mock_pci_function *function);

/* Sends what was pending and is no longer held back. */
void mock_pci_msix_deliver(struct mock_pci_function *function);

#endif
