/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <inttypes.h>

#define MSI_ADDRESS 0xfee02000u
#define MSI_DATA    0x77u

/* ---- The line ---- */

/*
 * Delivers arrived interrupts, and asserts the level of the guest's line. While it is high the host masks its own line.
 */
static void check_line(struct scenario *scenario, bool asserted)
{
    const struct host_function *function = &scenario->host.functions[NETWORK];
    uint32_t command;

    host_deliver(&scenario->host);
    command = host_config(function, 4, 2);
    require(scenario->present->devices[NETWORK].line == asserted, "the guest's line is %s",
            asserted ? "not asserted" : "asserted");
    require(((command & VPT_PCI_COMMAND_INTERRUPT_DISABLE) != 0) == asserted, "the host's line is %smasked",
            asserted ? "not " : "");
}

void use_line(struct scenario *scenario)
{
    struct host_function *function = &scenario->host.functions[NETWORK];

    guest_step(scenario, "is interrupted by INTx");
    network_allow(&scenario->network, NETWORK_CAUSE_SENT);
    check_line(scenario, false);
    network_raise(&scenario->network, NETWORK_CAUSE_SENT);
    check_line(scenario, true);
    step_done(scenario);

    guest_step(scenario, "ends it too early: it comes again");
    require_ok(vpt_assign_end_of_interrupt(&function->device), "the end of an interrupt");
    require(!scenario->present->devices[NETWORK].line, "the guest's line is still asserted");
    check_line(scenario, true);
    step_done(scenario);

    guest_step(scenario, "serves the device, and ends it");
    network_allow(&scenario->network, 0);
    require_ok(vpt_assign_end_of_interrupt(&function->device), "the end of an interrupt");
    check_line(scenario, false);
    require_status(vpt_assign_end_of_interrupt(&function->device), VPT_EMPTY, "another end");
    step_done(scenario);
}

/* ---- Messages ---- */

void use_one_message(struct scenario *scenario)
{
    const struct vpt_pci_function *function = &scenario->network.function;
    struct guest_message message = { 0 };
    unsigned count;

    guest_step(scenario, "is interrupted by MSI");
    require_ok(vpt_pci_msi_enable(function, MSI_ADDRESS, MSI_DATA), "turning MSI on");
    network_allow(&scenario->network, NETWORK_CAUSE_SENT);
    network_raise(&scenario->network, NETWORK_CAUSE_SENT);
    count = guest_take_messages(scenario->present, NETWORK, 0, &message);
    require(count == 1 && message.address == MSI_ADDRESS && message.data == MSI_DATA,
            "%u messages came, the first is 0x%x to 0x%" PRIx64, count, (unsigned)message.data, message.address);
    network_allow(&scenario->network, 0);
    step_done(scenario);

    guest_step(scenario, "turns MSI off");
    require_ok(vpt_pci_msi_disable(function), "turning MSI off");
    step_done(scenario);
}

void use_messages(struct scenario *scenario)
{
    guest_step(scenario, "is interrupted by MSI-X, entries 1 and 3");
    network_use_entries(&scenario->network);
    network_check_message(&scenario->network, NETWORK_CAUSE_RECEIVED, 1);
    network_check_message(&scenario->network, NETWORK_CAUSE_OTHER, 3);
    step_done(scenario);
}

void send_frame(struct scenario *scenario)
{
    guest_step(scenario, "sends itself a frame, and is interrupted");
    network_send_to_itself(&scenario->network);
    step_done(scenario);
}

/* Makes the device raise an interrupt, which arrives at the host but is not delivered. */
static void raise_unheard(struct scenario *scenario, uint32_t cause, uint16_t entry)
{
    unsigned delivered = scenario->host.delivered;

    network_allow(&scenario->network, cause);
    network_raise(&scenario->network, cause);
    network_expect(&scenario->network, 0, entry);
    require(scenario->host.delivered == delivered + 1u, "%u interrupts arrived at the host",
            scenario->host.delivered - delivered);
    network_allow(&scenario->network, 0);
}

static void check_pending(struct scenario *scenario, uint16_t entry, bool expected)
{
    for (uint16_t i = 0; i < NETWORK_ENTRIES; i++) {
        bool pending = false;

        require_ok(vpt_pci_msix_pending(&scenario->network.msix, i, &pending), "a pending bit");
        require(pending == (expected && i == entry), "entry %u is %spending", i, pending ? "" : "not ");
    }
}

void mask_entry(struct scenario *scenario)
{
    struct vpt_pci_msix *msix = &scenario->network.msix;

    guest_step(scenario, "masks entry 1, raised twice: pending");
    require_ok(vpt_pci_msix_mask(msix, 1, true), "masking an entry");
    check_pending(scenario, 1, false);
    raise_unheard(scenario, NETWORK_CAUSE_RECEIVED, 1);
    check_pending(scenario, 1, true);
    raise_unheard(scenario, NETWORK_CAUSE_RECEIVED, 1);
    network_check_message(&scenario->network, NETWORK_CAUSE_OTHER, 3);
    check_pending(scenario, 1, true);
    step_done(scenario);

    guest_step(scenario, "unmasks it: delivered, once");
    require_ok(vpt_pci_msix_mask(msix, 1, false), "unmasking an entry");
    network_expect(&scenario->network, 1, 1);
    check_pending(scenario, 1, false);
    require_ok(vpt_pci_msix_mask(msix, 1, true), "masking an entry");
    require_ok(vpt_pci_msix_mask(msix, 1, false), "unmasking an entry");
    network_expect(&scenario->network, 0, 1);
    network_check_message(&scenario->network, NETWORK_CAUSE_RECEIVED, 1);
    step_done(scenario);
}

void mask_function(struct scenario *scenario)
{
    struct vpt_pci_msix *msix = &scenario->network.msix;

    guest_step(scenario, "masks the function: entry 3 is pending");
    require_ok(vpt_pci_msix_mask_all(msix, true), "masking the function");
    raise_unheard(scenario, NETWORK_CAUSE_OTHER, 3);
    check_pending(scenario, 3, true);
    step_done(scenario);

    guest_step(scenario, "unmasks the function: delivered, once");
    require_ok(vpt_pci_msix_mask_all(msix, false), "unmasking the function");
    network_expect(&scenario->network, 1, 3);
    check_pending(scenario, 3, false);
    network_expect(&scenario->network, 0, 3);
    step_done(scenario);
}
