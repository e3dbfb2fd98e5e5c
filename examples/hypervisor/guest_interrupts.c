/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include "chips.h"
#include "cost.h"

#define MESSAGES        UINT64_C(0xfee00000)
#define MESSAGES_MASK   (~UINT64_C(0xfffff))
#define DESTINATION(at) ((at) >> 12 & 0xffu)
#define DESTINATION_ALL 0xffu
#define OTHER_MODES     0x600u /* bits of the data: neither fixed nor to the CPU with the lowest priority */

/* There is one CPU. Messages to others, and in other modes than for a vector, are dropped. */
enum vpt_status guest_message(void *ctx, uint64_t address, uint32_t data)
{
    struct guest_slot *slot = ctx;
    uint64_t destination = DESTINATION(address);
    bool before = cost_library(false);

    if ((address & MESSAGES_MASK) == MESSAGES && (destination == 0 || destination == DESTINATION_ALL) &&
        (data & OTHER_MODES) == 0) {
        slot->guest->count.interrupts++;
        slot->messages++;
        virtual_apic_raise(&slot->guest->apic, (uint8_t)data);
    }
    (void)cost_library(before);
    return VPT_OK;
}

/* Functions may share a line. */
static bool line_level(const struct guest *guest, unsigned line)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        if (guest->slots[i].line == line && guest->slots[i].level) {
            return true;
        }
    }
    return false;
}

void guest_line(void *ctx, bool asserted)
{
    struct guest_slot *slot = ctx;
    struct guest *guest = slot->guest;
    bool before = cost_library(false);

    guest->count.interrupts += asserted;
    slot->lines += asserted;
    slot->level = asserted;
    virtual_pic_set(&guest->pic, slot->line, line_level(guest, slot->line));
    (void)cost_library(before);
}

void guest_ask_again(struct guest *guest, uint16_t lines)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        struct guest_slot *slot = &guest->slots[i];

        if (slot->device != NULL && (lines >> slot->line & 1u) != 0) {
            bool before = cost_library(true);

            (void)vpt_assign_end_of_interrupt(slot->device);
            (void)cost_library(before);
        }
    }
}

bool guest_offer(struct guest *guest)
{
    struct svm_block *block = guest->block;
    uint8_t vector = 0;
    bool pending;

    virtual_apic_look(&guest->apic, chips_clock());
    guest->offered_by_pic = virtual_apic_passes_pic(&guest->apic) && virtual_pic_pending(&guest->pic, &vector);
    pending = guest->offered_by_pic || virtual_apic_pending(&guest->apic, &vector);
    block->interrupt = SVM_INTERRUPT_MASKING | SVM_INTERRUPT_ANY_PRIORITY | guest->apic.task_priority >> 4 |
                       (pending ? SVM_INTERRUPT_PENDING : 0);
    block->vector = vector;
    return pending;
}

void guest_taken(struct guest *guest)
{
    struct svm_block *block = guest->block;

    guest->apic.task_priority = (guest->apic.task_priority & 0xfu) | (block->interrupt & 0xfu) << 4;
    if ((block->interrupt & SVM_INTERRUPT_PENDING) != 0) {
        return;
    }
    if (guest->offered_by_pic) {
        virtual_pic_accept(&guest->pic);
    } else {
        virtual_apic_accept(&guest->apic, (uint8_t)block->vector);
    }
}
