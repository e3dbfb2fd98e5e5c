/* SPDX-License-Identifier: MIT */
/* The serial port of a PC, a 16550. */
#include "serial.h"

#include "machine.h"
#include "x86_io.h"

#define UART 0x3f8u

#define UART_DATA          0u
#define UART_INTERRUPTS    1u
#define UART_MODEM_CONTROL 4u
#define UART_LINE_STATUS   5u

#define UART_RECEIVED       0x01u /* bit of UART_INTERRUPTS and of UART_LINE_STATUS */
#define UART_MODEM_OUT2     0x08u /* enables the chip's interrupt output */
#define UART_TRANSMIT_EMPTY 0x20u

const unsigned serial_line = 4;

static uint8_t read(unsigned offset)
{
    return (uint8_t)vpt_x86_io_read(NULL, (uint16_t)(UART + offset), 1);
}

static void write(unsigned offset, unsigned value)
{
    vpt_x86_io_write(NULL, (uint16_t)(UART + offset), 1, value);
}

void serial_init(void)
{
    /* Without its FIFO: turning it on would lose characters that have already arrived. */
    write(UART_MODEM_CONTROL, UART_MODEM_OUT2);
}

int serial_get(void)
{
    return (read(UART_LINE_STATUS) & UART_RECEIVED) != 0 ? read(UART_DATA) : -1;
}

void serial_interrupts(bool on)
{
    write(UART_INTERRUPTS, on ? UART_RECEIVED : 0);
}

void machine_put(char character)
{
    while ((read(UART_LINE_STATUS) & UART_TRANSMIT_EMPTY) == 0) {
    }
    write(UART_DATA, (uint8_t)character);
}
