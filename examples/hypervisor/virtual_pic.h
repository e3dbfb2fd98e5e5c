/* SPDX-License-Identifier: MIT */
/* A guest's two 8259A interrupt controllers. */
#ifndef HYPERVISOR_VIRTUAL_PIC_H
#define HYPERVISOR_VIRTUAL_PIC_H

#include <stdbool.h>
#include <stdint.h>

struct virtual_pic_chip {
    uint8_t first_vector;
    uint8_t masked;
    uint8_t in_service;
    uint8_t edges;  /* lines that have risen, and wait */
    uint8_t levels; /* lines that are high */
    uint8_t level_triggered;
    uint8_t initializing; /* number of the next initialization byte; 0: none */
    bool read_in_service;
};

/* The first is the master; the second's output is the master's line 2. */
struct virtual_pic {
    struct virtual_pic_chip chip[2];
};

/* What a write did to lines, one bit for each. */
struct virtual_pic_change {
    uint16_t ended;  /* the end of their interrupt */
    uint16_t opened; /* they are not masked any more */
};

void virtual_pic_init(struct virtual_pic *pic);

/* Whether the port is one of the controllers'; accesses have one byte. */
bool virtual_pic_has(uint16_t io_port);
uint8_t virtual_pic_read(const struct virtual_pic *pic, uint16_t io_port);
struct virtual_pic_change virtual_pic_write(struct virtual_pic *pic, uint16_t io_port, uint8_t value);

void virtual_pic_set(struct virtual_pic *pic, unsigned line, bool level);

/* The vector that the CPU gets if it takes the interrupt; false: there is none. */
bool virtual_pic_pending(const struct virtual_pic *pic, uint8_t *vector);

/* The CPU has taken the pending interrupt. */
void virtual_pic_accept(struct virtual_pic *pic);

#endif
