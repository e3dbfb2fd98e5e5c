/* SPDX-License-Identifier: MIT */
/* Interrupts of the physical functions: which vectors they have, and how interrupts arrive. */
#include "chips.h"
#include "cost.h"
#include "host.h"

#define STATUS           0x06u
#define STATUS_INTERRUPT 0x08u

/* ---- Hooks ---- */

static void message(void *ctx, uint32_t vector, struct vpt_assign_vectors_message *raised)
{
    (void)ctx;
    raised->address = chips_message_address();
    raised->data = vector;
}

void host_vectors_init(struct host_function *function, uint32_t first)
{
    function->vectors = (struct vpt_assign_vectors){ .remap = &function->host->remap,
                                                     .device = &function->device,
                                                     .function = &function->physical,
                                                     .bars = &function->bars,
                                                     .first = first,
                                                     .count = HOST_MESSAGES_MAX,
                                                     .intx = first + HOST_MESSAGES_MAX,
                                                     .message = message };
}

enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    return vpt_assign_vectors_set(&((struct host_function *)ctx)->vectors, mode, count);
}

enum vpt_status host_intx_mask(void *ctx, bool masked)
{
    return vpt_assign_vectors_mask(&((struct host_function *)ctx)->vectors, masked);
}

/* ---- Arrival ---- */

void host_take_message(struct host *host, uint32_t vector)
{
    struct vpt_assign_interrupt interrupt;
    bool before = cost_library(true);

    if (vpt_assign_remap_find(&host->remap, vector, &interrupt) == VPT_OK) {
        host->delivered++;
        (void)vpt_assign_deliver(&interrupt); /* VPT_EMPTY: the guest has lost the device meanwhile */
    } else {
        host->unknown++;
    }
    (void)cost_library(before);
}

static bool interrupts(const struct host_function *function)
{
    uint32_t status = 0;

    return function->vectors.mode == VPT_ASSIGN_INTERRUPT_INTX && !function->vectors.masked &&
           vpt_pci_read(&function->physical, STATUS, 2, &status) == VPT_OK && (status & STATUS_INTERRUPT) != 0;
}

/* Functions may share a line: each that interrupts is masked by its delivery. */
void host_take_line(struct host *host, unsigned line)
{
    for (unsigned i = 0; i < host->function_count; i++) {
        const struct host_function *function = &host->functions[i];

        if (function->line == line && interrupts(function)) {
            host_take_message(host, function->vectors.intx);
        }
    }
}
