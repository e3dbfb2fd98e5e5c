/* SPDX-License-Identifier: MIT */
/* Interrupts observed from outside: lines of the interrupt controller, and messages in RAM. */
#include "qtest_internal.h"
#include "qtest_iommu.h"

#include <stdlib.h>
#include <string.h>

#define PC_ROUTE_FIRST 0x60u /* PIRQRC[A:D] of function 0 of the PIIX3 */
#define PC_ISA_BRIDGE  1u

/* Interrupts for PIRQ A to D on pc; nothing else uses them. */
static const uint8_t pc_routes[4] = { 5, 9, 10, 11 };

#define Q35_PIRQ_E_LINE   20u /* PIRQ E to H are wired to these lines of the I/O APIC */
#define Q35_INTX_DEVICES  25u /* the pins of devices from here on go where chipset registers say */
#define WAIT_MICROSECONDS 1000u

/* ---- Lines ---- */

bool vpt_qtest_irq_line(struct vpt_qtest *qtest, const char *line)
{
    bool raise = strncmp(line, "raise ", 6) == 0;
    char *end;
    unsigned long number;

    if (!raise && strncmp(line, "lower ", 6) != 0) {
        return false;
    }
    number = strtoul(line + 6, &end, 10);
    if (end == line + 6 || *end != '\0') {
        return false;
    }
    if (number < VPT_QTEST_LINES) {
        qtest->raises[number] += raise && !qtest->high[number];
        qtest->high[number] = raise;
    }
    return true;
}

enum vpt_status vpt_qtest_intercept(struct vpt_qtest *qtest, const char *path)
{
    return vpt_qtest_command(qtest, NULL, "irq_intercept_in %s",
                             path != NULL ? path : qtest->details->machine.interrupt_controller);
}

bool vpt_qtest_line_high(struct vpt_qtest *qtest, uint32_t line)
{
    (void)vpt_qtest_listen(qtest, 0);
    return line < VPT_QTEST_LINES && qtest->high[line];
}

uint32_t vpt_qtest_line_raises(struct vpt_qtest *qtest, uint32_t line)
{
    (void)vpt_qtest_listen(qtest, 0);
    return line < VPT_QTEST_LINES ? qtest->raises[line] : 0;
}

enum vpt_status vpt_qtest_wait_line(struct vpt_qtest *qtest, uint32_t line, uint32_t raises, uint32_t milliseconds)
{
    uint64_t deadline = vpt_qtest_now() + milliseconds;
    enum vpt_status status = vpt_qtest_listen(qtest, 0);

    if (line >= VPT_QTEST_LINES) {
        return VPT_QTEST_RANGE;
    }
    while (status == VPT_OK && qtest->raises[line] <= raises) {
        if (vpt_qtest_now() >= deadline) {
            return VPT_QTEST_TIMEOUT;
        }
        status = vpt_qtest_listen(qtest, WAIT_MICROSECONDS);
    }
    return status;
}

/* ---- INTx ---- */

enum vpt_status vpt_qtest_route_intx(struct vpt_qtest *qtest)
{
    static const struct vpt_pci_address bridge = { .device = PC_ISA_BRIDGE };
    enum vpt_status status = VPT_OK;

    if (qtest->details->machine.memory.size == 0) {
        return VPT_QTEST_RANGE;
    }
    if (strcmp(qtest->details->machine.name, "pc") == 0) {
        for (uint16_t i = 0; i < 4u && status == VPT_OK; i++) {
            status = vpt_qtest_config_write(qtest, &bridge, (uint16_t)(PC_ROUTE_FIRST + i), 1, pc_routes[i]);
        }
    }
    return status;
}

uint32_t vpt_qtest_intx_line(const struct vpt_qtest *qtest, unsigned device, unsigned pin)
{
    unsigned turn = device + pin - 1u;

    if (qtest->details->machine.memory.size == 0 || device > 31u || pin - 1u > 3u) {
        return VPT_QTEST_NO_LINE;
    }
    if (strcmp(qtest->details->machine.name, "pc") == 0) {
        return pc_routes[(turn + 3u) & 3u]; /* device 1 has PIRQ A for INTA */
    }
    if (strcmp(qtest->details->machine.name, "q35") == 0) {
        return device < Q35_INTX_DEVICES ? Q35_PIRQ_E_LINE + (turn & 3u) : VPT_QTEST_NO_LINE;
    }
    return qtest->details->intx_first_line + (turn & 3u);
}

/* ---- Messages ---- */

enum vpt_status vpt_qtest_mailbox_open(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox)
{
    struct record *record;
    enum vpt_status status = qtest->failure;

    *mailbox = (struct vpt_qtest_mailbox){ 0 };
    if (status != VPT_OK) {
        return status;
    }
    record = vpt_qtest_record_add(qtest, RECORD_MAILBOX);
    if (record == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    record->size = sizeof(*mailbox->word);
    status = vpt_qtest_pages_take(qtest, record, UINT32_MAX, vpt_qtest_iommu_on(qtest), true);
    if (status != VPT_OK) {
        vpt_qtest_record_remove(qtest, record);
        return status;
    }
    mailbox->address = record->device_address;
    mailbox->word = record->address;
    return VPT_OK;
}

void vpt_qtest_mailbox_close(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox)
{
    struct record *record = NULL;

    if (mailbox->word != NULL) {
        record = vpt_qtest_record_find(qtest, RECORD_MAILBOX, (const void *)(uintptr_t)mailbox->word, 0);
    }
    if (record == NULL) {
        vpt_qtest_misuse(qtest, "a mailbox is closed that is not open");
        return;
    }
    vpt_qtest_pages_release(qtest, record);
    vpt_qtest_record_remove(qtest, record);
    *mailbox = (struct vpt_qtest_mailbox){ 0 };
}

uint32_t vpt_qtest_mailbox_peek(const struct vpt_qtest_mailbox *mailbox)
{
    return __atomic_load_n(mailbox->word, __ATOMIC_ACQUIRE);
}

uint32_t vpt_qtest_mailbox_take(const struct vpt_qtest_mailbox *mailbox)
{
    return __atomic_exchange_n(mailbox->word, 0, __ATOMIC_ACQ_REL);
}

enum vpt_status vpt_qtest_mailbox_wait(struct vpt_qtest *qtest, const struct vpt_qtest_mailbox *mailbox,
                                       uint32_t milliseconds)
{
    uint64_t deadline = vpt_qtest_now() + milliseconds;
    enum vpt_status status = vpt_qtest_listen(qtest, 0);

    while (status == VPT_OK && vpt_qtest_mailbox_peek(mailbox) == 0) {
        if (vpt_qtest_now() >= deadline) {
            return VPT_QTEST_TIMEOUT;
        }
        status = vpt_qtest_listen(qtest, WAIT_MICROSECONDS / 10u);
    }
    return status;
}
