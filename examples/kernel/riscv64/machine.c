/* SPDX-License-Identifier: MIT */
/* QEMU's riscv64 "virt" machine. */
#include "machine.h"

#include "fw_cfg.h"
#include "io_window.h"

#define FW_CFG   0x10100000u
#define FINISHER ((volatile uint32_t *)0x00100000u) /* "sifive,test1" */

#define FINISHER_PASS 0x5555u
#define FINISHER_FAIL 0x3333u /* the exit status is in the upper half */

/* No firmware has assigned BARs, so the host bridge's windows are free. */
static const struct machine_bus buses[] = {
    {
        .kind = MACHINE_MMIO_SLOTS,
        .slots = {.first = 0x10001000u, .stride = 0x1000u, .count = 8u, .first_line = 1u},
    },
    {
        .kind = MACHINE_PCI,
        .pci = {
            .ecam = 0x30000000u,
            .last_bus = 0xffu,
            .io_window = 0x03000000u,
            .io_window_size = 0x10000u,
            .io_read = vpt_io_window_read,
            .io_write = vpt_io_window_write,
            .windows = {
                {.kind = VPT_PCI_BAR_IO, .next = 0x1000u, .last = 0xffffu},
                {.kind = VPT_PCI_BAR_MEMORY, .next = 0x40000000u, .last = 0x7fffffffu},
                {.kind = VPT_PCI_BAR_MEMORY, .prefetchable = true, .next = 0x400000000u, .last = 0x7ffffffffu},
            },
            .window_count = 3u,
            .first_line = 32u,
        },
    },
};

struct machine machine = {
    .architecture = "riscv64",
    .name = "virt",
    .buses = buses,
    .bus_count = sizeof(buses) / sizeof(buses[0]),
};

void machine_init(void)
{
    machine.emulated = fw_cfg_is_qemu(FW_CFG);
}

uint64_t machine_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("csrr %0, minstret" : "=r"(ticks)::"memory");
    return ticks;
}

_Noreturn void machine_exit(bool success)
{
    *FINISHER = success ? FINISHER_PASS : (1u << 16) | FINISHER_FAIL;
    for (;;) {
        __asm__ volatile("wfi");
    }
}
