/* SPDX-License-Identifier: MIT */
#include "x86.h"

#include "x86_io.h"

#define MASTER 0x20u
#define SLAVE  0xa0u
#define MASK   1u     /* offset of the mask register */
#define LEVELS 0x4d0u /* which lines are level-triggered: eight for each port */

#define CASCADE 2u /* the master's line for the slave */

#define INITIALIZE 0x11u /* three more bytes follow: vector, cascade, mode */
#define MODE_8086  0x01u
#define END        0x20u
#define READ_ISR   0x0bu

static uint8_t read(unsigned io_port)
{
    return (uint8_t)vpt_x86_io_read(0, (uint16_t)io_port, 1);
}

static void write(unsigned io_port, unsigned value)
{
    vpt_x86_io_write(0, (uint16_t)io_port, 1, value);
}

static unsigned chip_of(unsigned line)
{
    return line < 8u ? MASTER : SLAVE;
}

static void init_chip(unsigned chip, unsigned vector, unsigned cascade)
{
    write(chip, INITIALIZE);
    write(chip + MASK, vector);
    write(chip + MASK, cascade);
    write(chip + MASK, MODE_8086);
}

void pic_init(void)
{
    init_chip(MASTER, X86_VECTOR_PIC, 1u << CASCADE);
    init_chip(SLAVE, X86_VECTOR_PIC + 8u, CASCADE);
    write(MASTER + MASK, 0xffu & ~(1u << CASCADE));
    write(SLAVE + MASK, 0xffu);
}

void pic_open(unsigned line)
{
    unsigned chip = chip_of(line);
    unsigned levels = LEVELS + line / 8u;
    unsigned bit = 1u << line % 8u;

    write(levels, read(levels) | bit);
    write(chip + MASK, read(chip + MASK) & ~bit);
}

void pic_shut(unsigned line)
{
    unsigned chip = chip_of(line);

    write(chip + MASK, read(chip + MASK) | 1u << line % 8u);
}

/* If a line falls before the CPU asks for the vector, the chip gives its last line, whose in-service bit is clear. */
bool pic_is_spurious(unsigned line)
{
    if (line % 8u != 7u) {
        return false;
    }
    write(chip_of(line), READ_ISR);
    if ((read(chip_of(line)) & 0x80u) != 0) {
        return false;
    }
    if (line >= 8u) {
        write(MASTER, END);
    }
    return true;
}

void pic_end(unsigned line)
{
    if (line >= 8u) {
        write(SLAVE, END);
    }
    write(MASTER, END);
}
