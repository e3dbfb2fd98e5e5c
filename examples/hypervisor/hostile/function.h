/* SPDX-License-Identifier: MIT */
/* A PCI function that harm is done with. */
#ifndef HOSTILE_FUNCTION_H
#define HOSTILE_FUNCTION_H

#include <vpt/pci.h>

#define COMMAND   0x04u
#define BARS      0x10u
#define BAR_COUNT 6u

#define POWER_MANAGEMENT   0x01u
#define POWER_CONTROL      4u
#define MSIX_CONTROL       2u
#define MSIX_ENABLE        0x8000u
#define MSIX_FUNCTION_MASK 0x4000u
#define ENTRY_MASKED       0x1u

#define WINDOW      0xd0000000u
#define WINDOW_STEP 0x20000u /* for a function: eight BARs of 16 KiB */

uint32_t function_read(const struct vpt_pci_function *function, uint16_t offset, unsigned width);
void function_write(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t value);

/* The offset of a capability; 0: there is none. */
uint16_t function_capability(const struct vpt_pci_function *function, uint8_t id);

/* Wakes the function up and gives it free addresses, whatever was done to it before. */
void function_repair(const struct vpt_pci_function *function);

/* The table of a function that has MSI-X: four words for each entry. */
volatile uint32_t *function_msix_table(const struct vpt_pci_function *function, uint16_t msix);

#endif
