/* SPDX-License-Identifier: MIT */
#include "virtual_pic.h"

#define MASTER 0x20u
#define SLAVE  0xa0u
#define LEVELS 0x4d0u

#define CASCADE     2u
#define CASCADE_BIT (1u << CASCADE)

#define INITIALIZE 0x10u /* bits of a command: this one; */
#define COMMAND_3  0x08u /* or this one, with which register is read; otherwise it is an end of interrupt */
#define READ       0x02u
#define READ_ISR   0x01u
#define END        0x20u
#define SPECIFIC   0x40u
#define LAST_BYTE  4u

#define NONE 8u

void virtual_pic_init(struct virtual_pic *pic)
{
    *pic = (struct virtual_pic){ .chip = { { .masked = 0xff }, { .masked = 0xff } } };
}

bool virtual_pic_has(uint16_t io_port)
{
    return (io_port & ~1u) == MASTER || (io_port & ~1u) == SLAVE || (io_port & ~1u) == LEVELS;
}

static unsigned lowest(unsigned lines)
{
    unsigned line = 0;

    while (line < NONE && (lines >> line & 1u) == 0) {
        line++;
    }
    return line;
}

static uint8_t requests(const struct virtual_pic_chip *chip)
{
    return (uint8_t)((chip->edges & ~chip->level_triggered) | (chip->levels & chip->level_triggered));
}

/* The line that interrupts, of a chip whose lines are these; NONE: there is none. */
static unsigned best_line(const struct virtual_pic_chip *chip, unsigned lines)
{
    unsigned line = lowest(lines & ~(unsigned)chip->masked);

    return line < lowest(chip->in_service) ? line : NONE;
}

static unsigned slave_line(const struct virtual_pic *pic)
{
    return best_line(&pic->chip[1], requests(&pic->chip[1]));
}

static unsigned master_line(const struct virtual_pic *pic)
{
    return best_line(&pic->chip[0], requests(&pic->chip[0]) | (slave_line(pic) != NONE ? CASCADE_BIT : 0));
}

void virtual_pic_set(struct virtual_pic *pic, unsigned line, bool level)
{
    struct virtual_pic_chip *chip = &pic->chip[line / 8u];
    uint8_t bit = (uint8_t)(1u << line % 8u);

    if (level && (chip->levels & bit) == 0) {
        chip->edges |= bit;
    }
    chip->levels = (uint8_t)(level ? chip->levels | bit : chip->levels & ~bit);
}

bool virtual_pic_pending(const struct virtual_pic *pic, uint8_t *vector)
{
    unsigned line = master_line(pic);

    if (line == NONE) {
        return false;
    }
    *vector =
        (uint8_t)(line == CASCADE ? pic->chip[1].first_vector + slave_line(pic) : pic->chip[0].first_vector + line);
    return true;
}

static void serve(struct virtual_pic_chip *chip, unsigned line)
{
    chip->in_service |= (uint8_t)(1u << line);
    chip->edges &= (uint8_t) ~(1u << line);
}

void virtual_pic_accept(struct virtual_pic *pic)
{
    unsigned line = master_line(pic);

    if (line == CASCADE) {
        serve(&pic->chip[1], slave_line(pic));
    }
    if (line != NONE) {
        serve(&pic->chip[0], line);
    }
}

/* ---- Registers ---- */

uint8_t virtual_pic_read(const struct virtual_pic *pic, uint16_t io_port)
{
    const struct virtual_pic_chip *chip = &pic->chip[(io_port & ~1u) == SLAVE];

    if ((io_port & ~1u) == LEVELS) {
        return pic->chip[io_port & 1u].level_triggered;
    }
    if ((io_port & 1u) != 0) {
        return chip->masked;
    }
    return chip->read_in_service ? chip->in_service : requests(chip);
}

/* Returns the line, as a bit. */
static uint8_t end(struct virtual_pic_chip *chip, uint8_t value)
{
    unsigned line = (value & SPECIFIC) != 0 ? value & 7u : lowest(chip->in_service);
    uint8_t bit = (uint8_t)(line == NONE ? 0 : 1u << line);

    chip->in_service &= (uint8_t)~bit;
    return bit;
}

static uint8_t command(struct virtual_pic_chip *chip, uint8_t value)
{
    if ((value & INITIALIZE) != 0) {
        chip->initializing = 2;
        chip->masked = 0;
        chip->in_service = 0;
        chip->edges = 0;
        chip->read_in_service = false;
    } else if ((value & COMMAND_3) != 0) {
        chip->read_in_service = (value & READ) != 0 ? (value & READ_ISR) != 0 : chip->read_in_service;
    } else if ((value & END) != 0) {
        return end(chip, value);
    }
    return 0;
}

/* Returns the lines that it opens. */
static uint8_t write_data(struct virtual_pic_chip *chip, uint8_t value)
{
    uint8_t opened = 0;

    if (chip->initializing == 0) {
        opened = (uint8_t)(chip->masked & ~value);
        chip->masked = value;
        return opened;
    }
    if (chip->initializing == 2u) {
        chip->first_vector = value & 0xf8u;
    }
    chip->initializing = (uint8_t)(chip->initializing == LAST_BYTE ? 0 : chip->initializing + 1u);
    return opened;
}

struct virtual_pic_change virtual_pic_write(struct virtual_pic *pic, uint16_t io_port, uint8_t value)
{
    unsigned number = (io_port & ~1u) == SLAVE;
    struct virtual_pic_chip *chip = &pic->chip[number];
    struct virtual_pic_change change = { 0 };

    if ((io_port & ~1u) == LEVELS) {
        pic->chip[io_port & 1u].level_triggered = value;
    } else if ((io_port & 1u) != 0) {
        change.opened = (uint16_t)(write_data(chip, value) << 8u * number);
    } else {
        change.ended = (uint16_t)(command(chip, value) << 8u * number);
    }
    return change;
}
