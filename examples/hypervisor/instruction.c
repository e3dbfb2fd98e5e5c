/* SPDX-License-Identifier: MIT */
#include "instruction.h"

#define REX_WIDE     0x8u
#define REX_REGISTER 0x4u

/* The bytes of an instruction, and how much of it is decoded. */
struct reader {
    const uint8_t *bytes;
    unsigned size;
    unsigned at;
    bool long_mode;
    bool short_operand; /* prefix 66 */
    bool short_address; /* prefix 67 */
    bool repeated;      /* prefix f0, f2 or f3 */
    uint8_t rex;
    bool ended; /* there were not enough bytes */
};

static uint8_t next(struct reader *reader)
{
    if (reader->at >= reader->size) {
        reader->ended = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

/* Little-endian, with its sign. */
static uint64_t next_number(struct reader *reader, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint64_t)next(reader) << 8u * i;
    }
    return width < 8u && (value >> (8u * width - 1u)) != 0 ? value | UINT64_MAX << 8u * width : value;
}

static bool read_prefix(struct reader *reader, uint8_t byte)
{
    switch (byte) {
    case 0x66: reader->short_operand = true; return true;
    case 0x67: reader->short_address = true; return true;
    case 0xf0:
    case 0xf2:
    case 0xf3: reader->repeated = true; return true;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65: return true;
    default: return false;
    }
}

static void read_prefixes(struct reader *reader)
{
    while (reader->at < reader->size && read_prefix(reader, reader->bytes[reader->at])) {
        reader->at++;
    }
    if (reader->long_mode && reader->at < reader->size && (reader->bytes[reader->at] & 0xf0u) == 0x40u) {
        reader->rex = reader->bytes[reader->at++];
    }
}

unsigned instruction_prefixes(const uint8_t *bytes, unsigned size, bool long_mode)
{
    struct reader reader = { .bytes = bytes, .size = size, .long_mode = long_mode };

    read_prefixes(&reader);
    return reader.at;
}

/* Passes over the memory operand after the operation code, and returns the other operand. False: it is no memory. */
static bool read_operands(struct reader *reader, unsigned *number)
{
    uint8_t operands = next(reader);
    unsigned mode = operands >> 6u;
    unsigned base = operands & 7u;

    *number = (operands >> 3u & 7u) | ((reader->rex & REX_REGISTER) != 0 ? 8u : 0);
    if (mode == 3u || (reader->short_address && !reader->long_mode)) {
        return false;
    }
    if (base == 4u) {
        base = next(reader) & 7u;
    }
    if (mode == 1u) {
        (void)next_number(reader, 1);
    } else if (mode == 2u || base == 5u) {
        (void)next_number(reader, 4);
    }
    return true;
}

static unsigned operand_width(const struct reader *reader)
{
    if ((reader->rex & REX_WIDE) != 0) {
        return 8;
    }
    return reader->short_operand ? 2 : 4;
}

/* Moves with an immediate value or with a fixed address, and with or without an extension. */
static bool decode_move(struct reader *reader, struct instruction *instruction)
{
    uint8_t code = next(reader);
    unsigned wide = operand_width(reader);

    instruction->width = (code & 1u) != 0 ? wide : 1u;
    instruction->result_width = instruction->width;
    switch (code) {
    case 0x88:
    case 0x89: instruction->write = true; return read_operands(reader, &instruction->number);
    case 0x8a:
    case 0x8b: return read_operands(reader, &instruction->number);
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3:
        instruction->write = code >= 0xa2u;
        (void)next_number(reader, reader->long_mode && !reader->short_address ? 8 : 4);
        return reader->long_mode || !reader->short_address;
    case 0xc6:
    case 0xc7:
        instruction->write = true;
        instruction->has_value = true;
        if (!read_operands(reader, &instruction->number) || (instruction->number & 7u) != 0) {
            return false;
        }
        instruction->value = next_number(reader, instruction->width < 4u ? instruction->width : 4u);
        return true;
    case 0x63: /* from 4 bytes to 8 */
        instruction->width = 4;
        instruction->result_width = wide;
        instruction->has_sign = true;
        return reader->long_mode && read_operands(reader, &instruction->number);
    case 0x0f:
        code = next(reader);
        instruction->width = (code & 1u) != 0 ? 2 : 1;
        instruction->result_width = wide;
        instruction->has_sign = code >= 0xbeu;
        return (code == 0xb6u || code == 0xb7u || code == 0xbeu || code == 0xbfu) &&
               read_operands(reader, &instruction->number);
    default: return false;
    }
}

bool instruction_decode(const uint8_t *bytes, unsigned size, bool long_mode, struct instruction *instruction)
{
    struct reader reader = { .bytes = bytes, .size = size, .long_mode = long_mode };

    *instruction = (struct instruction){ 0 };
    read_prefixes(&reader);
    if (reader.repeated || !decode_move(&reader, instruction) || reader.ended) {
        return false;
    }
    instruction->length = reader.at;
    if ((instruction->write ? instruction->width : instruction->result_width) == 1u && reader.rex == 0 &&
        !instruction->has_value && instruction->number >= 4u) {
        instruction->number -= 4u;
        instruction->second = true;
    }
    return true;
}

/* ---- Registers ---- */

static uint64_t mask_of(unsigned width)
{
    return UINT64_MAX >> (64u - 8u * width);
}

uint64_t instruction_written(const struct instruction *instruction, const uint64_t *registers)
{
    uint64_t value = instruction->has_value ? instruction->value : registers[instruction->number];

    return (instruction->second ? value >> 8u : value) & mask_of(instruction->width);
}

/* A result of 4 bytes clears the upper half; shorter ones leave the other bytes alone. */
void instruction_read(const struct instruction *instruction, uint64_t *registers, uint64_t value)
{
    uint64_t *target = &registers[instruction->number];
    unsigned shift = instruction->second ? 8u : 0;
    uint64_t mask = mask_of(instruction->result_width);
    uint64_t result = value & mask_of(instruction->width);

    if (instruction->has_sign && (result >> (8u * instruction->width - 1u)) != 0) {
        result |= ~mask_of(instruction->width);
    }
    result &= mask;
    if (instruction->result_width >= 4u) {
        *target = result;
    } else {
        *target = (*target & ~(mask << shift)) | result << shift;
    }
}
