/* SPDX-License-Identifier: MIT */
#include "svm.h"

#include "cost.h"

#define EFER      0xc0000080u
#define HOST_SAVE 0xc0010117u /* physical address of a page that the CPU keeps the host's state in */

#define LEAF_EXTENDED 0x80000001u
#define LEAF_SVM      0x8000000au
#define HAS_SVM       (1u << 2)
#define HAS_NESTED    (1u << 0)

#define CODE_32  0xc9bu
#define DATA_32  0xc93u
#define TASK_32  0x08bu
#define TABLE    0x082u
#define ALL_GIBS 0xffffffffu

#define CR0_AT_ENTRY    0x11u /* protected mode */
#define RFLAGS_AT_ENTRY 0x2u
#define DR6_AT_ENTRY    0xffff0ff0u
#define DR7_AT_ENTRY    0x400u
#define PAT_AT_ENTRY    UINT64_C(0x0007040600070406)

#define REGISTER_MAP_SIZE 8192u

#define CR4_FXSAVE UINT64_C(0x200)

/* Offsets and values of floating point's control registers at power-on. */
#define CONTROL_AT     0u
#define CONTROL        0x037fu
#define SSE_CONTROL_AT 24u
#define SSE_CONTROL    0x1f80u

void svm_enter(struct svm_block *block, struct svm_registers *registers, struct svm_block *host);

static _Alignas(4096) unsigned char host_save[4096];
static _Alignas(4096) struct svm_block host_block;
static _Alignas(4096) unsigned char register_map[REGISTER_MAP_SIZE]; /* all registers are intercepted */

static uint64_t read_register(uint32_t number)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static void write_register(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf identify(uint32_t number)
{
    struct leaf leaf;

    __asm__ volatile("cpuid" : "=a"(leaf.a), "=b"(leaf.b), "=c"(leaf.c), "=d"(leaf.d) : "a"(number), "c"(0));
    return leaf;
}

bool svm_start(void)
{
    uint64_t cr4;

    if ((identify(LEAF_EXTENDED).c & HAS_SVM) == 0 || (identify(LEAF_SVM).d & HAS_NESTED) == 0) {
        return false;
    }
    write_register(EFER, read_register(EFER) | SVM_EFER_SVME);
    write_register(HOST_SAVE, (uintptr_t)host_save);
    __asm__ volatile("vmsave %0" ::"a"(&host_block) : "memory");
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_FXSAVE));
    for (unsigned i = 0; i < REGISTER_MAP_SIZE; i++) {
        register_map[i] = 0xff;
    }
    return true;
}

static void init_state(struct svm_state *state, uint64_t entry)
{
    const struct svm_segment data = { .attributes = DATA_32, .limit = ALL_GIBS, .selector = 16 };

    state->cs = (struct svm_segment){ .attributes = CODE_32, .limit = ALL_GIBS, .selector = 8 };
    state->ds = data;
    state->es = data;
    state->fs = data;
    state->gs = data;
    state->ss = data;
    state->tr = (struct svm_segment){ .attributes = TASK_32, .limit = 0x67 };
    state->ldtr = (struct svm_segment){ .attributes = TABLE };
    state->efer = SVM_EFER_SVME;
    state->cr0 = CR0_AT_ENTRY;
    state->dr6 = DR6_AT_ENTRY;
    state->dr7 = DR7_AT_ENTRY;
    state->rflags = RFLAGS_AT_ENTRY;
    state->pat = PAT_AT_ENTRY;
    state->rip = entry;
}

void svm_init(struct svm_block *block, uint32_t number, uint64_t nested_table, const void *port_map, uint64_t entry)
{
    block->intercept_debug_registers = UINT32_MAX;
    block->intercept[0] = SVM_INTERCEPT_INTERRUPTS | SVM_INTERCEPT_RDPMC | SVM_INTERCEPT_RSM | SVM_INTERCEPT_INVD |
                          SVM_INTERCEPT_HLT | SVM_INTERCEPT_INVLPGA | SVM_INTERCEPT_PORTS | SVM_INTERCEPT_REGISTERS |
                          SVM_INTERCEPT_TASKS | SVM_INTERCEPT_SHUTDOWN;
    block->intercept[1] = SVM_INTERCEPT2_ALL;
    block->port_map = (uintptr_t)port_map;
    block->register_map = (uintptr_t)register_map;
    block->asid = number + 1u; /* 0 is the host's */
    block->flush = SVM_FLUSH_ALL;
    block->interrupt = SVM_INTERRUPT_MASKING;
    block->nested = 1;
    block->nested_table = nested_table;
    init_state(&block->state, entry);
}

uint64_t svm_counter(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

void svm_run(struct svm_block *block, struct svm_registers *registers, uint64_t *left)
{
    block->state.rax = registers->number[SVM_RAX];
    block->state.rsp = registers->number[SVM_RSP];
    block->tsc_offset -= svm_counter() - *left;
    cost_stop();
    svm_enter(block, registers, &host_block);
    cost_go();
    *left = svm_counter();
    registers->number[SVM_RAX] = block->state.rax;
    registers->number[SVM_RSP] = block->state.rsp;
    block->flush = 0;
    block->event = 0;
}

/* ---- Floating point ---- */

void svm_floating_init(struct svm_floating *floating)
{
    *floating = (struct svm_floating){ { 0 } };
    floating->bytes[CONTROL_AT] = CONTROL & 0xffu;
    floating->bytes[CONTROL_AT + 1u] = CONTROL >> 8;
    floating->bytes[SSE_CONTROL_AT] = SSE_CONTROL & 0xffu;
    floating->bytes[SSE_CONTROL_AT + 1u] = SSE_CONTROL >> 8;
}

void svm_floating_load(const struct svm_floating *floating)
{
    __asm__ volatile("fxrstor64 %0" ::"m"(*floating));
}

void svm_floating_save(struct svm_floating *floating)
{
    __asm__ volatile("fxsave64 %0" : "=m"(*floating));
}
