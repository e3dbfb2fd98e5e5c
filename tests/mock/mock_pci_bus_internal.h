/* SPDX-License-Identifier: MIT */
/* Between the files of the PCI bus. */
#ifndef VPT_TESTS_MOCK_PCI_BUS_INTERNAL_H
#define VPT_TESTS_MOCK_PCI_BUS_INTERNAL_H

#include "mock_pci_bus.h"

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
