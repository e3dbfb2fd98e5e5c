/* SPDX-License-Identifier: MIT */
/* Interrupts of the physical functions: how functions are programmed, and how interrupts arrive. */
#include "host.h"
#include "table.h"

#define MESSAGE      0x5100u /* plus the host's vector: the data that a function sends */
#define MESSAGES_MAX 8u      /* messages of a function; the vector after them is INTx */

static uint32_t intx_vector(const struct host_function *function)
{
    return function->first_vector + MESSAGES_MAX;
}

/* ---- Modes ---- */

static enum vpt_status forget_vectors(struct host_function *function)
{
    struct host *host = function->host;
    enum vpt_status status = VPT_OK;

    for (uint32_t i = 0; i < function->messages && status == VPT_OK; i++) {
        status = vpt_assign_remap_remove(&host->remap, function->first_vector + i);
    }
    if (function->mode == VPT_ASSIGN_INTERRUPT_INTX) {
        status = vpt_assign_remap_remove(&host->remap, intx_vector(function));
    }
    function->messages = 0;
    return status;
}

/* The function does not interrupt after this call. */
static enum vpt_status turn_off(struct host_function *function)
{
    enum vpt_status status = forget_vectors(function);

    if (function->mode == VPT_ASSIGN_INTERRUPT_MSIX) {
        vpt_pci_msix_release(&function->msix);
    } else if (function->mode == VPT_ASSIGN_INTERRUPT_MSI) {
        status = status != VPT_OK ? status : vpt_pci_msi_disable(&function->physical);
    }
    function->mode = VPT_ASSIGN_INTERRUPT_NONE;
    return status;
}

/* An invented rule picks the guest's CPU for a message. */
static uint32_t target_of(uint16_t number)
{
    return number % 2u;
}

static enum vpt_status add_vector(struct host_function *function, uint16_t number)
{
    return vpt_assign_remap_add(&function->host->remap, function->first_vector + number, &function->device, number,
                                target_of(number));
}

static uint64_t message_address(const struct host_function *function, uint16_t number)
{
    return HOST_MESSAGES_AT + 4u * (function->first_vector + number);
}

static uint32_t message_data(const struct host_function *function, uint16_t number)
{
    return MESSAGE | (function->first_vector + number);
}

static enum vpt_status turn_msix_on(struct host_function *function, uint16_t count)
{
    enum vpt_status status = vpt_pci_msix_init(&function->msix, &function->physical, &function->bars);

    for (uint16_t i = 0; i < count && status == VPT_OK; i++) {
        status = add_vector(function, i);
        function->messages = (uint16_t)(i + 1u);
        if (status == VPT_OK) {
            status = vpt_pci_msix_program(&function->msix, i, message_address(function, i), message_data(function, i));
        }
        if (status == VPT_OK) {
            status = vpt_pci_msix_mask(&function->msix, i, false);
        }
    }
    return status != VPT_OK ? status : vpt_pci_msix_enable(&function->msix, true);
}

enum vpt_status host_interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    struct host_function *function = ctx;
    enum vpt_status status = turn_off(function);

    if (status != VPT_OK) {
        return status;
    }
    function->mode = mode;
    switch (mode) {
    case VPT_ASSIGN_INTERRUPT_MSIX: return turn_msix_on(function, count);
    case VPT_ASSIGN_INTERRUPT_MSI:
        require(count == 1, "a guest has enabled %u messages of a function that has one", count);
        function->messages = 1;
        status = add_vector(function, 0);
        return status != VPT_OK
                   ? status
                   : vpt_pci_msi_enable(&function->physical, message_address(function, 0), message_data(function, 0));
    case VPT_ASSIGN_INTERRUPT_INTX:
        return vpt_assign_remap_add(&function->host->remap, intx_vector(function), &function->device, VPT_ASSIGN_INTX,
                                    0);
    case VPT_ASSIGN_INTERRUPT_NONE: break;
    }
    return VPT_OK;
}

/* Masks in the function's command register, because the line may be shared. */
enum vpt_status host_intx_mask(void *ctx, bool masked)
{
    struct host_function *function = ctx;
    uint16_t bit = VPT_PCI_COMMAND_INTERRUPT_DISABLE;

    function->masked = masked;
    return vpt_pci_command(&function->physical, masked ? bit : 0, masked ? 0 : bit);
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

        if (function->mode == VPT_ASSIGN_INTERRUPT_INTX && !function->masked &&
            vpt_qtest_line_high(host->qtest, function->line)) {
            return intx_vector(function);
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
