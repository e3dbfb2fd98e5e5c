/* SPDX-License-Identifier: MIT */
/* QEMU's x86_64 "microvm" machine, with a serial port and -device isa-debug-exit,iobase=0xf4,iosize=4. */
#include "machine.h"

#include "x86_io.h"

#define UART       0x3f8u /* 16550 */
#define DEBUG_EXIT 0xf4u

#define UART_LINE_STATUS    5u
#define UART_TRANSMIT_EMPTY 0x20u

/* QEMU's exit status is twice the value plus one. */
#define DEBUG_EXIT_SUCCESS 0x10u
#define DEBUG_EXIT_FAILURE 0x11u

static const struct machine_bus buses[] = {
    {.kind = MACHINE_MMIO_SLOTS, .first = 0xfeb00000u, .stride = 0x200u, .count = 24u},
};

const struct machine machine = {
    .architecture = "x86_64",
    .name = "microvm",
    .buses = buses,
    .bus_count = sizeof(buses) / sizeof(buses[0]),
};

void machine_init(void)
{
}

void machine_put(char character)
{
    while ((vpt_x86_io_read(NULL, UART + UART_LINE_STATUS, 1) & UART_TRANSMIT_EMPTY) == 0) {
    }
    vpt_x86_io_write(NULL, UART, 1, (uint8_t)character);
}

uint64_t machine_ticks(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

_Noreturn void machine_exit(bool success)
{
    vpt_x86_io_write(NULL, DEBUG_EXIT, 4, success ? DEBUG_EXIT_SUCCESS : DEBUG_EXIT_FAILURE);
    for (;;) {
        __asm__ volatile("hlt");
    }
}
