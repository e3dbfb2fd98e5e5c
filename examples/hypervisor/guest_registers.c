/* SPDX-License-Identifier: MIT */
/* A guest's accesses to registers in memory that trap, and to model-specific registers. */
#include "chips.h"
#include "cost.h"
#include "guest.h"
#include "instruction.h"

#define EFER          0xc0000080u
#define EFER_WRITABLE UINT64_C(0xd01) /* system calls, long mode, no execution; LMA is the CPU's */
#define APIC_BASE     0x1bu
#define APIC_ENABLED  0x900u /* and this is the first CPU */

#define SEGMENT_LONG 0x200u

static void access_apic(struct guest *guest, bool write, uint32_t offset, unsigned width, uint64_t *value)
{
    cost_is(COST_APIC);
    if (width != 4u || offset % 4u != 0) {
        *value = write ? *value : UINT64_MAX;
    } else if (write) {
        virtual_apic_write(&guest->apic, offset, (uint32_t)*value, chips_clock());
    } else {
        *value = virtual_apic_read(&guest->apic, offset, chips_clock());
    }
}

static void access_memory(struct guest *guest, bool write, uint64_t address, unsigned width, uint64_t *value)
{
    uint32_t narrow = (uint32_t)*value;

    if (address - VIRTUAL_APIC < VIRTUAL_APIC_SIZE) {
        access_apic(guest, write, (uint32_t)(address - VIRTUAL_APIC), width, value);
    } else if (address - GUEST_ECAM < GUEST_ECAM_SIZE) {
        guest_config_memory(guest, write, address - GUEST_ECAM, width, &narrow);
        *value = narrow;
    } else {
        guest_access(guest, write, VPT_ASSIGN_MEMORY, address, width, value);
    }
}

static bool is_long(const struct guest *guest)
{
    const struct svm_state *state = &guest->block->state;

    return (state->efer & SVM_EFER_LMA) != 0 && (state->cs.attributes & SEGMENT_LONG) != 0;
}

/* The bytes of the instruction that has caused the exit. */
static unsigned fetch(const struct guest *guest, uint8_t bytes[INSTRUCTION_SIZE])
{
    const struct svm_state *state = &guest->block->state;
    uint64_t base = is_long(guest) ? 0 : state->cs.base;

    return guest_fetch(guest, base + state->rip, bytes, INSTRUCTION_SIZE);
}

void guest_memory_exit(struct guest *guest)
{
    struct svm_block *block = guest->block;
    bool write = (block->exit_info[0] & SVM_MEMORY_WRITE) != 0;
    uint8_t bytes[INSTRUCTION_SIZE];
    unsigned size = fetch(guest, bytes);
    struct instruction instruction;
    uint64_t value = 0;

    guest->count.registers++;
    if ((block->exit_info[0] & (SVM_MEMORY_FETCH | SVM_MEMORY_TABLES)) != 0 ||
        !instruction_decode(bytes, size, is_long(guest), &instruction) || instruction.write != write) {
        guest_fault(guest);
        return;
    }
    if (write) {
        value = instruction_written(&instruction, guest->registers.number);
    }
    access_memory(guest, write, block->exit_info[1], instruction.width, &value);
    if (!write) {
        instruction_read(&instruction, guest->registers.number, value);
    }
    guest_skip(guest, instruction.length);
}

void guest_skip_code(struct guest *guest, unsigned length)
{
    uint8_t bytes[INSTRUCTION_SIZE];
    unsigned size = fetch(guest, bytes);

    guest_skip(guest, instruction_prefixes(bytes, size, is_long(guest)) + length);
}

/* ---- Model-specific registers ---- */

static bool read_register(const struct guest *guest, uint32_t number, uint64_t *value)
{
    switch (number) {
    case EFER: *value = guest->block->state.efer & ~SVM_EFER_SVME; return true;
    case APIC_BASE: *value = VIRTUAL_APIC | APIC_ENABLED; return true;
    default: return false;
    }
}

static bool write_register(struct guest *guest, uint32_t number, uint64_t value)
{
    struct svm_state *state = &guest->block->state;

    if (number != EFER || (value & ~(EFER_WRITABLE | SVM_EFER_LMA)) != 0) {
        return false;
    }
    state->efer = (value & EFER_WRITABLE) | (state->efer & SVM_EFER_LMA) | SVM_EFER_SVME;
    return true;
}

void guest_register_exit(struct guest *guest)
{
    uint64_t *registers = guest->registers.number;
    uint32_t number = (uint32_t)registers[SVM_RCX];
    bool write = guest->block->exit_info[0] != 0;
    uint64_t value = (registers[SVM_RDX] & UINT32_MAX) << 32 | (registers[SVM_RAX] & UINT32_MAX);

    if (!(write ? write_register(guest, number, value) : read_register(guest, number, &value))) {
        guest_fault(guest);
        return;
    }
    if (!write) {
        registers[SVM_RAX] = value & UINT32_MAX;
        registers[SVM_RDX] = value >> 32;
    }
    guest_skip_code(guest, 2);
}
