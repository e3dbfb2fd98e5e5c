/* SPDX-License-Identifier: MIT */
/* What the front ends share: tables of registers, 64-bit registers written in halves, generic features. */
#ifndef VPT_TESTS_MOCK_REGISTERS_H
#define VPT_TESTS_MOCK_REGISTERS_H

#include "mock_device.h"

#define MOCK_BOTH (MOCK_READS | MOCK_WRITES)

/* A register, or the half of one that is 8 bytes wide. */
struct mock_register {
    uint16_t offset;
    uint8_t width;
    uint8_t access; /* MOCK_READS, MOCK_WRITES or MOCK_BOTH */
    uint8_t needs;  /* what the front end makes its existence depend on */
    const char *name;
};

/* These make an enum and a table of a list of registers: #define REGISTERS(X) X(CONSTANT, offset, width, ...) ... */
#define MOCK_REGISTER_OFFSET(constant, offset, width, access, needs, name) constant = (offset),
#define MOCK_REGISTER_ROW(constant, offset, width, access, needs, name)    { offset, width, access, needs, name },

struct mock_register_table {
    const char *interface; /* for messages */
    const struct mock_register *registers;
    size_t count;
};

/* The register that a driver accesses; NULL and a violation: there is none of this width, or not for this access. */
const struct mock_register *mock_register_at(const struct mock_register_table *table, struct mock_device *device,
                                             uint64_t offset, unsigned width, unsigned access);

/* Writes the low or the high half of a queue's address, which a driver does in two steps. */
void mock_register_half(uint64_t *address, bool high, uint32_t value);

/* The generic features that every transport may negotiate, through a modern or through a legacy interface. */
void mock_known_features(struct vpt_features *known, bool legacy);

#endif
