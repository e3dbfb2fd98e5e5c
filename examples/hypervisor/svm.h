/* SPDX-License-Identifier: MIT */
/* AMD's virtualization of a CPU (SVM; AMD64 Architecture Programmer's Manual, volume 2, chapter 15 and appendix B). */
#ifndef HYPERVISOR_SVM_H
#define HYPERVISOR_SVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct svm_segment {
    uint16_t selector;
    uint16_t attributes;
    uint32_t limit;
    uint64_t base;
};

/* The guest's part of the control block. The CPU keeps other registers in the bytes that have no name here. */
struct svm_state {
    struct svm_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
    uint8_t unnamed_0a0[0x30];
    uint64_t efer;
    uint8_t unnamed_0d8[0x70];
    uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
    uint8_t unnamed_180[0x58];
    uint64_t rsp;
    uint8_t unnamed_1e0[0x18];
    uint64_t rax;
    uint8_t unnamed_200[0x68];
    uint64_t pat;
};

/* The control block of a virtual CPU: one page. */
struct svm_block {
    uint32_t intercept_control_registers;
    uint32_t intercept_debug_registers;
    uint32_t intercept_exceptions;
    uint32_t intercept[2]; /* SVM_INTERCEPT_*, SVM_INTERCEPT2_* */
    uint8_t unnamed_014[0x2c];
    uint64_t port_map;     /* physical addresses: a bit for each port, */
    uint64_t register_map; /* and two for each model-specific register */
    uint64_t tsc_offset;
    uint32_t asid;
    uint32_t flush;     /* SVM_FLUSH_ALL: at the next entry */
    uint32_t interrupt; /* SVM_INTERRUPT_* */
    uint32_t vector;
    uint64_t shadow; /* bit 0: interrupts wait for one more instruction */
    uint64_t exit;   /* SVM_EXIT_* */
    uint64_t exit_info[2];
    uint64_t exit_event; /* the event that was being delivered, as in `event` */
    uint64_t nested;     /* bit 0: nested paging */
    uint8_t unnamed_098[0x10];
    uint64_t event; /* to be delivered at the next entry: SVM_EVENT_* */
    uint64_t nested_table;
    uint8_t unnamed_0b8[0x348];
    struct svm_state state;
    uint8_t unnamed_670[0x990];
};

_Static_assert(offsetof(struct svm_block, port_map) == 0x40 && offsetof(struct svm_block, exit) == 0x70 &&
                   offsetof(struct svm_block, event) == 0xa8 && offsetof(struct svm_block, state) == 0x400,
               "as in appendix B");
_Static_assert(offsetof(struct svm_state, efer) == 0xd0 && offsetof(struct svm_state, rip) == 0x178 &&
                   offsetof(struct svm_state, rsp) == 0x1d8 && offsetof(struct svm_state, rax) == 0x1f8 &&
                   offsetof(struct svm_state, pat) == 0x268 && sizeof(struct svm_block) == 4096,
               "as in appendix B");

#define SVM_INTERCEPT_INTERRUPTS (1u << 0 | 1u << 1 | 1u << 2 | 1u << 3) /* INTR, NMI, SMI, INIT */
#define SVM_INTERCEPT_RDPMC      (1u << 15)
#define SVM_INTERCEPT_RSM        (1u << 19)
#define SVM_INTERCEPT_INVD       (1u << 22)
#define SVM_INTERCEPT_HLT        (1u << 24)
#define SVM_INTERCEPT_INVLPGA    (1u << 26)
#define SVM_INTERCEPT_PORTS      (1u << 27)
#define SVM_INTERCEPT_REGISTERS  (1u << 28)
#define SVM_INTERCEPT_TASKS      (1u << 29)
#define SVM_INTERCEPT_SHUTDOWN   (1u << 31)

/* VMRUN, VMMCALL, VMLOAD, VMSAVE, STGI, CLGI, SKINIT; WBINVD; MONITOR, MWAIT twice, XSETBV */
#define SVM_INTERCEPT2_ALL (0x7fu | 1u << 9 | 0xfu << 10)

#define SVM_FLUSH_ALL 1u

#define SVM_INTERRUPT_TASK_PRIORITY 0xffu
#define SVM_INTERRUPT_PENDING       (1u << 8)
#define SVM_INTERRUPT_ANY_PRIORITY  (1u << 20)
#define SVM_INTERRUPT_MASKING       (1u << 24) /* the guest's RFLAGS.IF concerns virtual interrupts only */

#define SVM_EXIT_INTERRUPT UINT64_C(0x60)
#define SVM_EXIT_NMI       UINT64_C(0x61)
#define SVM_EXIT_INVD      UINT64_C(0x76)
#define SVM_EXIT_HLT       UINT64_C(0x78)
#define SVM_EXIT_PORT      UINT64_C(0x7b)
#define SVM_EXIT_REGISTER  UINT64_C(0x7c)
#define SVM_EXIT_SHUTDOWN  UINT64_C(0x7f)
#define SVM_EXIT_WBINVD    UINT64_C(0x89)
#define SVM_EXIT_MEMORY    UINT64_C(0x400)
#define SVM_EXIT_INVALID   UINT32_MAX /* the low half of a number that has 64 bits, but not in QEMU */

/* The first information of SVM_EXIT_PORT; the second one is the address of the next instruction. */
#define SVM_PORT_IN           0x1u
#define SVM_PORT_STRING       0x4u
#define SVM_PORT_WIDTH(info)  ((unsigned)((info) >> 4 & 0x7u))
#define SVM_PORT_NUMBER(info) ((uint16_t)((info) >> 16 & 0xffffu))

/* The first information of SVM_EXIT_MEMORY; the second one is the guest's physical address. */
#define SVM_MEMORY_PRESENT UINT64_C(0x1)
#define SVM_MEMORY_WRITE   UINT64_C(0x2)
#define SVM_MEMORY_FETCH   UINT64_C(0x10)
#define SVM_MEMORY_TABLES  (UINT64_C(1) << 33) /* the CPU was walking the guest's page tables */

#define SVM_EVENT_VALID      (UINT64_C(1) << 31)
#define SVM_EVENT_EXCEPTION  (UINT64_C(3) << 8)
#define SVM_EVENT_ERROR_CODE (UINT64_C(1) << 11)

#define SVM_EFER_SVME (UINT64_C(1) << 12)
#define SVM_EFER_LMA  (UINT64_C(1) << 10)

/* The other registers of a virtual CPU, by their numbers in instructions. RAX and RSP are copies of the block's. */
enum { SVM_RAX, SVM_RCX, SVM_RDX, SVM_RBX, SVM_RSP, SVM_REGISTERS = 16 };

struct svm_registers {
    uint64_t number[SVM_REGISTERS];
};

/* Turns SVM on. False: the CPU has none, or no nested paging. */
bool svm_start(void);

/*
 * Makes a control block, which is zeroed: a CPU in 32-bit protected mode without paging. `number` is that of the guest,
 * from 0.
 */
void svm_init(struct svm_block *block, uint32_t number, uint64_t nested_table, const void *port_map, uint64_t entry);

/* The machine's time-stamp counter. */
uint64_t svm_counter(void);

/*
 * Runs the guest until it exits. Interrupts of the machine end it, and are then pending. The guest's time-stamp counter
 * stands still otherwise: `left` is what the machine's had at the last exit.
 */
void svm_run(struct svm_block *block, struct svm_registers *registers, uint64_t *left);

/* The registers of floating point, which the hypervisor does not use, and the CPU keeps for no guest. */
struct svm_floating {
    _Alignas(16) uint8_t bytes[512];
};

void svm_floating_init(struct svm_floating *floating);
void svm_floating_load(const struct svm_floating *floating);
void svm_floating_save(struct svm_floating *floating);

#endif
