/* SPDX-License-Identifier: MIT */
#include "mock_faults.h"

#include <stddef.h>

#define ALL(status)         status, status, VPT_OK
#define MODERN(status)      status, VPT_OK, VPT_OK
#define ON_PCI(status, pci) status, status, pci

#define ROW(constant, name, effect, statuses, argument) { (name), (effect), statuses, (argument) },

static const struct mock_fault_description descriptions[MOCK_FAULT_PCI_END] = { MOCK_FAULTS(ROW) MOCK_PCI_FAULTS(ROW) };

const struct mock_fault_description *mock_fault_describe(enum mock_fault fault)
{
    return &descriptions[fault];
}

void mock_fault_set(struct mock_faults *faults, enum mock_fault fault, uint32_t first, uint32_t times,
                    uint64_t argument)
{
    mock_trigger_set(&faults->trigger[fault], first, times);
    faults->argument[fault] = argument;
}

void mock_fault_clear(struct mock_faults *faults, enum mock_fault fault)
{
    mock_fault_set(faults, fault, 0, 0, 0);
}

bool mock_fault_fires(struct mock_faults *faults, enum mock_fault fault, uint64_t *argument)
{
    if (!mock_trigger_fires(&faults->trigger[fault])) {
        return false;
    }
    if (argument != NULL) {
        *argument = faults->argument[fault];
    }
    return true;
}

uint32_t mock_fault_fired(const struct mock_faults *faults, enum mock_fault fault)
{
    return faults->trigger[fault].fired;
}
