/* SPDX-License-Identifier: MIT */
#include "function.h"

#define MSIX_TABLE 4u /* offset in the capability */
#define ALL        (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY | VPT_PCI_COMMAND_BUS_MASTER)

uint32_t function_read(const struct vpt_pci_function *function, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    (void)vpt_pci_read(function, offset, width, &value);
    return value;
}

void function_write(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t value)
{
    (void)vpt_pci_write(function, offset, width, value);
}

uint16_t function_capability(const struct vpt_pci_function *function, uint8_t id)
{
    uint16_t offset = 0;

    return vpt_pci_find_capability(function, id, &offset) == VPT_OK ? offset : 0;
}

/* Wakes the function up and gives it free addresses, whatever was done to it before. */
void function_repair(const struct vpt_pci_function *function)
{
    uint32_t address = WINDOW + (uint32_t)function->address.device * WINDOW_STEP;
    uint16_t power = function_capability(function, POWER_MANAGEMENT);

    if (power != 0) {
        function_write(function, power + POWER_CONTROL, 2, 0);
    }
    function_write(function, COMMAND, 2, 0);
    for (unsigned i = 0; i < BAR_COUNT; i++) {
        uint16_t offset = (uint16_t)(BARS + 4u * i);

        function_write(function, offset, 4, address);
        if ((function_read(function, offset, 4) & 0x6u) == 0x4u) {
            function_write(function, (uint16_t)(offset + 4u), 4, 0);
            i++;
        }
        address += WINDOW_STEP / 8u;
    }
    function_write(function, COMMAND, 2, ALL);
}

/* The table's register says in which BAR the table is, and where. */
volatile uint32_t *function_msix_table(const struct vpt_pci_function *function, uint16_t msix)
{
    uint32_t place = function_read(function, msix + MSIX_TABLE, 4);
    uint32_t base = function_read(function, (uint16_t)(BARS + 4u * (place & 7u)), 4) & 0xfffffff0u;

    return (volatile uint32_t *)(uintptr_t)(base + (place & 0xfffffff8u));
}
