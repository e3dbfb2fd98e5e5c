/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <inttypes.h>

#define MSIX_ENABLE 0x8000u

/* ---- A guest comes ---- */

/* The device's whole configuration space, as its owner sees it now. */
static void read_config(const struct scenario *scenario, unsigned index, uint32_t words[CONFIG_WORDS])
{
    struct vpt_assign_device *device = &scenario->present->devices[index].function->device;

    for (uint16_t i = 0; i < CONFIG_WORDS; i++) {
        require_ok(vpt_assign_config_read(device, (uint16_t)(4u * i), 4, &words[i]), "reading configuration space");
    }
}

void acquire(struct scenario *scenario, struct guest *guest)
{
    host_step(guest == &scenario->a ? "gives both functions to guest A" : "gives both functions to guest B");
    guest_acquire(guest);
    scenario->present = guest;
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct host_function *function = &scenario->host.functions[i];

        require(function->device.owner == guest->owner, "the %s has another owner", function->name);
        require(function->vectors.mode == VPT_ASSIGN_INTERRUPT_INTX, "the %s interrupts otherwise", function->name);
        if (guest == &scenario->a) {
            read_config(scenario, i, scenario->sight.config[i]);
        }
    }
    step_done(scenario);
}

void refuse_second_owner(struct scenario *scenario)
{
    host_step("gives the disk to guest B too: refused");
    require_status(
        vpt_assign_acquire(&scenario->host.functions[DISK].device, scenario->b.owner, &scenario->b.devices[DISK].hooks),
        VPT_CALLER_OWNED, "acquiring a device that has an owner");
    step_done(scenario);
}

/* ---- A guest goes ---- */

void leave_traces(struct scenario *scenario)
{
    guest_step(scenario, "leaves its devices running");
    disk_read(&scenario->disk, 0);
    network_allow(&scenario->network, NETWORK_CAUSE_RECEIVED);
    network_raise(&scenario->network, NETWORK_CAUSE_RECEIVED);
    network_dirty(&scenario->network);
    step_done(scenario);
}

/* The host's function is quiet, and belongs to the host again. */
static void check_host_function(const struct host_function *function)
{
    uint32_t command = host_config(function, 4, 2);
    uint16_t msix = 0;
    struct vpt_pci_bars bars;

    require((command & VPT_PCI_COMMAND_BUS_MASTER) == 0, "the %s is still bus master", function->name);
    require((command & (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)) == (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY),
            "the host does not decode the %s's BARs any more", function->name);
    require_ok(vpt_pci_bars_read(&function->physical, &bars), "reading BARs");
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        require(bars.bar[i].address == function->bars.bar[i].address, "BAR %u of the %s is at 0x%" PRIx64, i,
                function->name, bars.bar[i].address);
    }
    require_ok(vpt_pci_find_capability(&function->physical, VPT_PCI_CAPABILITY_MSIX, &msix), "MSI-X");
    require((host_config(function, (uint16_t)(msix + 2u), 2) & MSIX_ENABLE) == 0, "MSI-X of the %s is still on",
            function->name);
    require(function->vectors.mode == VPT_ASSIGN_INTERRUPT_NONE, "the %s still interrupts", function->name);
    require(function->domain.pages == 1, "the %s still reaches %u pages", function->name, function->domain.pages - 1u);
}

void release(struct scenario *scenario)
{
    struct guest *guest = scenario->present;
    struct vpt_assign_interrupt *interrupt = &scenario->late;

    host_step("takes both functions back");
    /* One interrupt is still being handled on another CPU of the host. */
    require(host_next_interrupt(&scenario->host, interrupt), "the interrupt did not arrive");
    require(interrupt->device == &scenario->host.functions[NETWORK].device && interrupt->vector == 1,
            "vector %u of another device has arrived", interrupt->vector);
    guest_release(guest);
    require_status(vpt_assign_deliver(interrupt), VPT_EMPTY, "delivering an interrupt of a guest that is gone");
    require(guest->devices[NETWORK].message_count == 0, "the guest was interrupted after its end");
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        check_host_function(&scenario->host.functions[i]);
    }
    scenario->present = NULL;
    step_done(scenario);
}

/* ---- The next one ---- */

void deliver_late(struct scenario *scenario)
{
    host_step("delivers what had arrived for A: to nobody");
    require_status(vpt_assign_deliver(&scenario->late), VPT_EMPTY, "delivering an interrupt of the guest before");
    network_expect(&scenario->network, 0, 1);
    step_done(scenario);
}

void find_config_as_before(struct scenario *scenario)
{
    const struct vpt_pci_function functions[HOST_FUNCTIONS] = { scenario->disk.function, scenario->network.function };

    guest_step(scenario, "finds configuration spaces as A has");
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        for (uint16_t at = 0; at < VPT_PCI_EXTENDED_CONFIG_SIZE; at += 4u) {
            uint32_t expected = scenario->sight.config[i][at / 4u];
            uint32_t value = 0;

            require_ok(vpt_pci_read(&functions[i], at, 4, &value), "reading configuration space");
            require(value == expected, "register 0x%03x of the %s is 0x%08x, not 0x%08x", at,
                    scenario->host.functions[i].name, (unsigned)value, (unsigned)expected);
        }
    }
    step_done(scenario);
}

void find_registers_as_before(struct scenario *scenario)
{
    guest_step(scenario, "finds no trace of A in the devices");
    network_compare(&scenario->network, scenario->sight.network);
    disk_check_new(&scenario->disk);
    step_done(scenario);
}
