/* SPDX-License-Identifier: MIT */
/* QEMU's aarch64 "virt" machine, with -semihosting for the exit status. */
#include "machine.h"

#include "fw_cfg.h"
#include "io_window.h"

#define FW_CFG 0x09020000u
#define UART   ((volatile uint32_t *)0x09000000u) /* PL011 */

#define UART_DATA          0u
#define UART_FLAGS         6u /* in words */
#define UART_TRANSMIT_FULL 0x20u

#define SEMIHOSTING_EXIT             0x18u
#define SEMIHOSTING_APPLICATION_EXIT 0x20026u

/* No firmware has assigned BARs, so the host bridge's windows are free. */
static const struct machine_bus buses[] = {
    {
        .kind = MACHINE_MMIO_SLOTS,
        .slots = {.first = 0x0a000000u, .stride = 0x200u, .count = 32u, .first_line = 48u},
    },
    {
        .kind = MACHINE_PCI,
        .pci = {
            .ecam = 0x4010000000u,
            .last_bus = 0xffu,
            .io_window = 0x3eff0000u,
            .io_window_size = 0x10000u,
            .io_read = vpt_io_window_read,
            .io_write = vpt_io_window_write,
            .windows = {
                {.kind = VPT_PCI_BAR_IO, .next = 0x1000u, .last = 0xffffu},
                {.kind = VPT_PCI_BAR_MEMORY, .next = 0x10000000u, .last = 0x3efeffffu},
                {.kind = VPT_PCI_BAR_MEMORY, .prefetchable = true, .next = 0x8000000000u, .last = 0xffffffffffu},
            },
            .window_count = 3u,
            .first_line = 35u,
        },
    },
};

struct machine machine = {
    .architecture = "aarch64",
    .name = "virt",
    .buses = buses,
    .bus_count = sizeof(buses) / sizeof(buses[0]),
};

void machine_init(void)
{
    uint64_t control;

    /* The cycle counter: enabled, 64 bits before it overflows, and counting at EL1. */
    __asm__ volatile("mrs %0, pmcr_el0" : "=r"(control));
    __asm__ volatile("msr pmcr_el0, %0" ::"r"(control | 0x41u));
    __asm__ volatile("msr pmccfiltr_el0, %0" ::"r"((uint64_t)0));
    __asm__ volatile("msr pmcntenset_el0, %0" ::"r"((uint64_t)1u << 31));
    __asm__ volatile("isb");
    machine.emulated = fw_cfg_is_qemu(FW_CFG);
}

void machine_put(char character)
{
    while ((UART[UART_FLAGS] & UART_TRANSMIT_FULL) != 0) {
    }
    UART[UART_DATA] = (uint8_t)character;
}

uint64_t machine_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("mrs %0, pmccntr_el0" : "=r"(ticks)::"memory");
    return ticks;
}

_Noreturn void machine_exit(bool success)
{
    const uint64_t block[2] = { SEMIHOSTING_APPLICATION_EXIT, success ? 0u : 1u };
    register uint64_t operation __asm__("x0") = SEMIHOSTING_EXIT;
    register const uint64_t *parameter __asm__("x1") = block;

    __asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(parameter) : "memory");
    for (;;) {
        __asm__ volatile("wfi");
    }
}
