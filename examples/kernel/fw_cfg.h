/* SPDX-License-Identifier: MIT */
/* QEMU's firmware configuration device, memory-mapped; a real kernel finds its address in the device tree. */
#ifndef KERNEL_FW_CFG_H
#define KERNEL_FW_CFG_H

#include <stdbool.h>
#include <stdint.h>

#define FW_CFG_DATA      0u
#define FW_CFG_SELECTOR  8u
#define FW_CFG_SIGNATURE 0u

/* Whether the machine is QEMU's. Its CPU is then emulated, unless KVM runs it; this test cannot tell KVM apart. */
static inline bool fw_cfg_is_qemu(uintptr_t address)
{
    static const char signature[4] = { 'Q', 'E', 'M', 'U' };
    bool same = true;

    *(volatile uint16_t *)(address + FW_CFG_SELECTOR) = FW_CFG_SIGNATURE;
    for (unsigned i = 0; i < sizeof(signature); i++) {
        same = *(volatile uint8_t *)(address + FW_CFG_DATA) == (uint8_t)signature[i] && same;
    }
    return same;
}

#endif
