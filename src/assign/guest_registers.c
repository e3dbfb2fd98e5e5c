/* SPDX-License-Identifier: MIT */
/* Reading the guest's registers: the command register as far as it has an effect, and the BARs. */
#include "guest_registers.h"

#include "live.h"

uint32_t vpt_assign_in_effect(const struct vpt_assign_device *device)
{
    unsigned at = device->power_management;

    return at != 0 && (vpt_assign_shadow8(device, at + ASSIGN_PM_CONTROL) & ASSIGN_PM_STATE_MASK) != 0
               ? VPT_PCI_COMMAND_INTERRUPT_DISABLE
               : vpt_assign_shadow32(device, PCI_COMMAND);
}

void vpt_assign_registers_read(const struct vpt_assign_device *device, struct vpt_assign_registers *registers)
{
    registers->command = (uint16_t)(vpt_assign_in_effect(device) & ASSIGN_DECODE);
    registers->power_state = 0;
    for (unsigned i = 0; i < ASSIGN_BARS; i++) {
        registers->bar[i] = vpt_assign_shadow32(device, vpt_assign_bar_offset(i));
    }
}

void vpt_assign_bar_normalise(struct vpt_assign_device *device, unsigned index)
{
    uint16_t offset = vpt_assign_bar_offset(index);

    vpt_assign_shadow_set32(device, offset,
                            vpt_assign_bar_value(&device->layout, index, vpt_assign_shadow32(device, offset)));
}
