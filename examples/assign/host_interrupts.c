/* SPDX-License-Identifier: MIT */
/* Interrupts of the physical functions: which vectors they have, and how interrupts arrive. */
#include "host.h"
#include "table.h"

#define MESSAGE      0x5100u /* plus the host's vector: the data that a function sends */
#define MESSAGES_MAX 8u      /* messages of a function; the vector after them is INTx */

/* ---- Hooks ---- */

/* An invented rule picks the guest's CPU for a message. */
static uint32_t target_of(uint32_t number)
{
    return number % 2u;
}

static void message(void *ctx, uint32_t vector, struct vpt_assign_vectors_message *raised)
{
    const struct host_function *function = ctx;

    raised->address = HOST_MESSAGES_AT + 4u * vector;
    raised->data = MESSAGE | vector;
    raised->target = target_of(vector - function->vectors.first);
}

void host_vectors_init(struct host_function *function, uint32_t first)
{
    function->vectors = (struct vpt_assign_vectors){ .remap = &function->host->remap,
                                                     .device = &function->device,
                                                     .function = &function->physical,
                                                     .bars = &function->bars,
                                                     .first = first,
                                                     .count = MESSAGES_MAX,
                                                     .intx = first + MESSAGES_MAX,
                                                     .ctx = function,
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

/* The first raised host vector; HOST_VECTORS: none. A line stays raised as long as it is high. */
static uint32_t next_vector(const struct host *host)
{
    uint32_t *words = host->message_page.address;

    for (uint32_t i = 0; i < HOST_VECTORS; i++) {
        uint32_t data = __atomic_exchange_n(&words[i], 0, __ATOMIC_ACQ_REL);

        if (data != 0) {
            require(data == (MESSAGE | i), "the message for vector 0x%x is 0x%x", (unsigned)i, (unsigned)data);
            return i;
        }
    }
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct host_function *function = &host->functions[i];

        if (function->vectors.mode == VPT_ASSIGN_INTERRUPT_INTX && !function->vectors.masked &&
            vpt_qtest_line_high(host->qtest, function->line)) {
            return function->vectors.intx;
        }
    }
    return HOST_VECTORS;
}

bool host_next_interrupt(struct host *host, struct vpt_assign_interrupt *interrupt)
{
    uint32_t vector = next_vector(host);

    while (vector < HOST_VECTORS && vpt_assign_remap_find(&host->remap, vector, interrupt) != VPT_OK) {
        require(++host->unknown < HOST_VECTORS, "vector 0x%x interrupts without end", (unsigned)vector);
        vector = next_vector(host);
    }
    return vector < HOST_VECTORS;
}

void host_deliver(struct host *host)
{
    struct vpt_assign_interrupt interrupt;
    unsigned count = 0;

    while (host_next_interrupt(host, &interrupt)) {
        require(++count <= HOST_VECTORS, "the %s interrupts without end",
                interrupt.device == &host->functions[DISK].device ? "disk" : "network controller");
        require(interrupt.vector == VPT_ASSIGN_INTX || interrupt.target == target_of(interrupt.vector),
                "message %u is for CPU %u", interrupt.vector, (unsigned)interrupt.target);
        require_ok(vpt_assign_deliver(&interrupt), "delivering an interrupt");
        host->delivered++;
    }
}
