/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#define BAR_0      0x10u
#define MOVED_BY   0x1000000u
#define ALL_ONES   0xffffffffu
#define PM         0x01u /* power management capability */
#define PM_CONTROL 4u
#define PM_D3      0x3u
#define PM_STATE   0x3u

/* Writes BAR 0 of the network controller while decoding is on. */
static void write_bar(struct scenario *scenario, uint64_t address, enum vpt_status answer)
{
    require_ok(vpt_pci_write(&scenario->network.function, BAR_0, 4, (uint32_t)address), "moving a BAR");
    require_status(scenario->present->answer, answer, "moving a BAR");
}

static uint32_t status_at(struct scenario *scenario, uint64_t address)
{
    return guest_read(scenario->present, VPT_ASSIGN_MEMORY, address + NETWORK_STATUS, 4);
}

void move_bar(struct scenario *scenario)
{
    struct vpt_pci_bar *bar = &scenario->network.bars.bar[NETWORK_BAR];
    uint32_t value = status_at(scenario, bar->address);

    guest_step(scenario, "moves BAR 0 of the network controller");
    require(value != ALL_ONES && value != 0, "the network controller's status is 0x%08x", (unsigned)value);
    write_bar(scenario, bar->address + MOVED_BY, VPT_OK);
    require(status_at(scenario, bar->address) == ALL_ONES, "something is where the BAR was");
    bar->address += MOVED_BY;
    require(status_at(scenario, bar->address) == value, "the BAR is not where it was moved to");
    step_done(scenario);
}

void move_onto_another(struct scenario *scenario)
{
    const struct vpt_pci_bar *bar = &scenario->network.bars.bar[NETWORK_BAR];
    uint64_t other = scenario->disk.bars.bar[4].address & ~(bar->size - 1u);
    uint32_t value = status_at(scenario, bar->address);

    guest_step(scenario, "moves it onto the disk's BAR 4: refused");
    write_bar(scenario, other, VPT_REFUSED);
    require(status_at(scenario, bar->address) == ALL_ONES, "something is where the BAR was");
    step_done(scenario);

    guest_step(scenario, "moves it back");
    write_bar(scenario, bar->address, VPT_OK);
    require(status_at(scenario, bar->address) == value, "the BAR is not where it was");
    step_done(scenario);
}

void size_again(struct scenario *scenario)
{
    const struct vpt_pci_bar *bar = &scenario->network.bars.bar[NETWORK_BAR];
    uint32_t value = status_at(scenario, bar->address);
    uint32_t sizes = 0;

    guest_step(scenario, "sizes it while it is decoded");
    write_bar(scenario, ALL_ONES, VPT_OK);
    require_ok(vpt_pci_read(&scenario->network.function, BAR_0, 4, &sizes), "sizing a BAR");
    require((~sizes | 0xfu) + 1u == bar->size, "the BAR's size bits are 0x%08x", (unsigned)sizes);
    require(status_at(scenario, bar->address) == ALL_ONES, "something is where the BAR was");
    write_bar(scenario, bar->address, VPT_OK);
    require(status_at(scenario, bar->address) == value, "the BAR is not where it was");
    step_done(scenario);
}

void use_ports(struct scenario *scenario)
{
    uint32_t by_memory = network_read(&scenario->network, NETWORK_STATUS);
    uint32_t by_port;

    guest_step(scenario, "reads the network's status by its ports");
    by_port = network_read_by_port(&scenario->network, NETWORK_STATUS);
    require(by_port == by_memory, "it is 0x%08x there, and 0x%08x in memory", (unsigned)by_port, (unsigned)by_memory);
    step_done(scenario);
}

static void set_power(struct scenario *scenario, uint16_t capability, uint32_t state)
{
    const struct vpt_pci_function *function = &scenario->network.function;
    uint32_t value = 0;

    require_ok(vpt_pci_write(function, (uint16_t)(capability + PM_CONTROL), 2, state), "changing the power state");
    require_ok(vpt_pci_read(function, (uint16_t)(capability + PM_CONTROL), 2, &value), "the power state");
    require((value & PM_STATE) == state, "the power state is %u", (unsigned)(value & PM_STATE));
}

void sleep_and_wake(struct scenario *scenario)
{
    uint32_t value = network_read(&scenario->network, NETWORK_STATUS);
    uint16_t capability = 0;

    guest_step(scenario, "puts the network controller to sleep (D3)");
    require_ok(vpt_pci_find_capability(&scenario->network.function, PM, &capability), "power management");
    set_power(scenario, capability, PM_D3);
    require(network_read(&scenario->network, NETWORK_STATUS) == ALL_ONES, "it answers in its sleep");
    step_done(scenario);

    guest_step(scenario, "wakes it up");
    set_power(scenario, capability, 0);
    require(network_read(&scenario->network, NETWORK_STATUS) == value, "it is another after its sleep");
    step_done(scenario);
}
