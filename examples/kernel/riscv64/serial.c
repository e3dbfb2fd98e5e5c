/* SPDX-License-Identifier: MIT */
/* The serial port of QEMU's riscv64 "virt" machine, a 16550. */
#include "serial.h"

#include "machine.h"

#define UART ((volatile uint8_t *)0x10000000u)

#define UART_DATA        0u
#define UART_INTERRUPTS  1u
#define UART_LINE_STATUS 5u

#define UART_RECEIVED       0x01u /* bit of UART_INTERRUPTS and of UART_LINE_STATUS */
#define UART_TRANSMIT_EMPTY 0x20u

const unsigned serial_line = 10;

void serial_init(void)
{
    /* Without its FIFO: turning it on would lose characters that have already arrived. */
}

int serial_get(void)
{
    return (UART[UART_LINE_STATUS] & UART_RECEIVED) != 0 ? UART[UART_DATA] : -1;
}

void serial_interrupts(bool on)
{
    UART[UART_INTERRUPTS] = on ? UART_RECEIVED : 0;
}

void machine_put(char character)
{
    while ((UART[UART_LINE_STATUS] & UART_TRANSMIT_EMPTY) == 0) {
    }
    UART[UART_DATA] = (uint8_t)character;
}
