/* SPDX-License-Identifier: MIT */
/* Decodes the instructions with which a guest accesses registers in memory: plain moves. */
#ifndef HYPERVISOR_INSTRUCTION_H
#define HYPERVISOR_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

#define INSTRUCTION_SIZE 15u /* bytes at most */

/* A move between memory and a register, or of an immediate value to memory. */
struct instruction {
    unsigned length;
    bool write;
    unsigned width;        /* bytes of memory: 1, 2, 4 or 8 */
    unsigned result_width; /* bytes of the register that a read changes */
    bool has_sign;         /* a read extends the sign */
    bool has_value;        /* what is written is `value`, not a register */
    uint64_t value;
    unsigned number; /* of the register */
    bool second;     /* the second byte of the register: AH, CH, DH, BH */
};

/* Decodes an instruction of 64-bit or 32-bit code. False: it is no such move, or not all of it is here. */
bool instruction_decode(const uint8_t *bytes, unsigned size, bool long_mode, struct instruction *instruction);

/* Number of prefix bytes before the operation code. */
unsigned instruction_prefixes(const uint8_t *bytes, unsigned size, bool long_mode);

/* What a write writes; and what a read of `value` does to the registers. */
uint64_t instruction_written(const struct instruction *instruction, const uint64_t *registers);
void instruction_read(const struct instruction *instruction, uint64_t *registers, uint64_t value);

#endif
