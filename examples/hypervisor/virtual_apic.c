/* SPDX-License-Identifier: MIT */
#include "virtual_apic.h"

#define ID            0x020u
#define VERSION       0x030u
#define TASK_PRIORITY 0x080u
#define END           0x0b0u
#define SPURIOUS      0x0f0u
#define IN_SERVICE    0x100u
#define REQUESTS      0x200u
#define BITS_SIZE     0x080u /* of each of the two: eight registers, 16 bytes apart */
#define TIMER         0x320u
#define LINT0         0x350u
#define TIMER_COUNT   0x380u
#define TIMER_NOW     0x390u
#define TIMER_DIVISOR 0x3e0u

#define THE_VERSION  0x00050014u
#define ENABLE       0x100u
#define MASKED       0x10000u
#define PERIODIC     0x20000u
#define MODE         0x700u
#define EXTERNAL     0x700u
#define FIRST_VECTOR 16u

void virtual_apic_init(struct virtual_apic *apic)
{
    *apic = (struct virtual_apic){ .spurious = 0xff, .timer = MASKED, .lint0 = MASKED };
}

/* ---- Vectors ---- */

static void set(uint32_t bits[8], uint8_t vector, bool value)
{
    uint32_t bit = UINT32_C(1) << vector % 32u;

    bits[vector / 32u] = value ? bits[vector / 32u] | bit : bits[vector / 32u] & ~bit;
}

/* 0: none */
static uint8_t highest(const uint32_t bits[8])
{
    for (unsigned word = 8; word > 0; word--) {
        if (bits[word - 1u] != 0) {
            return (uint8_t)(32u * word - 1u - (unsigned)__builtin_clz(bits[word - 1u]));
        }
    }
    return 0;
}

void virtual_apic_raise(struct virtual_apic *apic, uint8_t vector)
{
    if (vector >= FIRST_VECTOR && (apic->spurious & ENABLE) != 0) {
        set(apic->requests, vector, true);
    }
}

bool virtual_apic_passes_pic(const struct virtual_apic *apic)
{
    return (apic->lint0 & (MASKED | MODE)) == EXTERNAL || (apic->spurious & ENABLE) == 0;
}

bool virtual_apic_pending(const struct virtual_apic *apic, uint8_t *vector)
{
    *vector = highest(apic->requests);
    return *vector / 16u > highest(apic->in_service) / 16u && *vector / 16u > apic->task_priority / 16u;
}

void virtual_apic_accept(struct virtual_apic *apic, uint8_t vector)
{
    set(apic->requests, vector, false);
    set(apic->in_service, vector, true);
}

/* ---- The timer ---- */

/* Nanoseconds in one count: QEMU's bus has 1 GHz. */
static uint64_t step(const struct virtual_apic *apic)
{
    unsigned shift = ((apic->divisor & 3u) | (apic->divisor >> 1 & 4u)) + 1u;

    return UINT64_C(1) << shift % 8u;
}

static void start_timer(struct virtual_apic *apic, uint64_t now)
{
    apic->deadline = apic->count == 0 ? 0 : now + apic->count * step(apic);
}

void virtual_apic_look(struct virtual_apic *apic, uint64_t now)
{
    if (apic->deadline == 0 || now < apic->deadline) {
        return;
    }
    apic->deadline = 0;
    if ((apic->timer & PERIODIC) != 0) {
        start_timer(apic, now);
    }
    if ((apic->timer & MASKED) == 0) {
        virtual_apic_raise(apic, (uint8_t)apic->timer);
    }
}

/* ---- Registers ---- */

uint32_t virtual_apic_read(const struct virtual_apic *apic, uint32_t offset, uint64_t now)
{
    if (offset - IN_SERVICE < BITS_SIZE) {
        return apic->in_service[(offset - IN_SERVICE) / 16u];
    }
    if (offset - REQUESTS < BITS_SIZE) {
        return apic->requests[(offset - REQUESTS) / 16u];
    }
    switch (offset) {
    case VERSION: return THE_VERSION;
    case TASK_PRIORITY: return apic->task_priority;
    case SPURIOUS: return apic->spurious;
    case TIMER: return apic->timer;
    case LINT0: return apic->lint0;
    case TIMER_COUNT: return apic->count;
    case TIMER_NOW: return apic->deadline > now ? (uint32_t)((apic->deadline - now) / step(apic)) : 0;
    case TIMER_DIVISOR: return apic->divisor;
    default: return 0; /* the ID too */
    }
}

void virtual_apic_write(struct virtual_apic *apic, uint32_t offset, uint32_t value, uint64_t now)
{
    switch (offset) {
    case TASK_PRIORITY: apic->task_priority = value & 0xffu; break;
    case END: set(apic->in_service, highest(apic->in_service), false); break;
    case SPURIOUS: apic->spurious = value & 0x1ffu; break;
    case TIMER: apic->timer = value & (PERIODIC | MASKED | 0xffu); break;
    case LINT0: apic->lint0 = value & (MASKED | MODE | 0xffu); break;
    case TIMER_COUNT:
        apic->count = value;
        start_timer(apic, now);
        break;
    case TIMER_DIVISOR: apic->divisor = value & 0xbu; break;
    default: break;
    }
}
