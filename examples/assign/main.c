/* SPDX-License-Identifier: MIT */
/*
 * The skeleton of a small hypervisor that assigns two devices of QEMU to one scripted guest and then to another. Each
 * step asserts its results, and prints the resulting map. README.md explains the output.
 */
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>

static const struct guest_layout layout_a = { "A", 0, false, { 0x00100000, 0x40000000, 0x000f0000 } };
static const struct guest_layout layout_b = { "B", 1, true, { 0x00200000, 0x7ff00000, 0x000e0000 } };

static const struct find_windows windows_a = { .memory = 0xc0000000, .io = 0x1000 };
/* Guest B has the ports where the host has them, and a BAR above 4 GiB. */
static const struct find_windows windows_b = { .memory = 0xf0000000, .memory64 = 0x800000000, .io = 0xc000 };

static struct scenario scenario;

/* ---- Steps ---- */

void guest_step(const struct scenario *of, const char *action)
{
    table_step(of->present->name, action);
}

void host_step(const char *action)
{
    table_step("host", action);
}

void step_done(const struct scenario *of)
{
    struct table_function rows[HOST_FUNCTIONS];

    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct host_function *function = &of->host.functions[i];

        require_ok(vpt_assign_check(&function->device), "the library's books of a device");
        rows[i] = (struct table_function){ .name = function->name, .mode = function->vectors.mode };
        if (of->present != NULL) {
            rows[i].regions = of->present->devices[i].regions;
            rows[i].count = of->present->devices[i].region_count;
        }
    }
    if (of->present != NULL) {
        guest_check(of->present);
    }
    require(of->host.unknown == 0, "an interrupt of nobody has arrived");
    require(vpt_qtest_failure(of->host.qtest) == VPT_OK, "%s", vpt_qtest_message(of->host.qtest));
    table_result(rows, HOST_FUNCTIONS);
}

static void print_host(const struct host *host)
{
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        const struct host_function *function = &host->functions[i];
        const struct vpt_pci_address *at = &function->physical.address;
        const struct vpt_pci_address *seen = &function->device.address;

        (void)printf("%s: %04x:%04x, %02x:%02x.%u on the host, %02x:%02x.%u for guests", function->name,
                     function->device.vendor_id, function->device.device_id, at->bus, at->device,
                     (unsigned)at->function, seen->bus, seen->device, (unsigned)seen->function);
        for (unsigned j = 0; j < VPT_PCI_BARS_MAX; j++) {
            const struct vpt_pci_bar *bar = &function->bars.bar[j];

            if (bar->kind != VPT_PCI_BAR_NONE) {
                (void)printf(", BAR %u %s%" PRIx64, j, bar->kind == VPT_PCI_BAR_IO ? "ports " : "", bar->address);
            }
        }
        (void)printf("\n");
    }
    (void)printf("\n");
}

static void first_guest(void)
{
    acquire(&scenario, &scenario.a);
    refuse_second_owner(&scenario);
    find_functions(&scenario);
    size_bars(&scenario);
    assign_bars(&scenario, &windows_a);
    decode_bars(&scenario);
    network_remember(&scenario.network, scenario.sight.network);
    use_ports(&scenario);
    move_bar(&scenario);
    move_onto_another(&scenario);
    size_again(&scenario);
    sleep_and_wake(&scenario);
    use_line(&scenario);
    use_one_message(&scenario);
    use_messages(&scenario);
    mask_entry(&scenario);
    mask_function(&scenario);
    send_frame(&scenario);
    use_disk(&scenario);
    change_disk(&scenario);
    write_where_it_may_not(&scenario);
    reset_disk(&scenario);
    leave_traces(&scenario);
    release(&scenario);
}

static void second_guest(void)
{
    bool changed = scenario.disk.changed;

    acquire(&scenario, &scenario.b);
    find_functions(&scenario);
    scenario.disk.changed = changed;
    find_config_as_before(&scenario);
    size_bars(&scenario);
    assign_bars(&scenario, &windows_b);
    decode_bars(&scenario);
    find_registers_as_before(&scenario);
    use_ports(&scenario);
    use_disk(&scenario);
    write_to_other_guest(&scenario, &scenario.a);
    use_messages(&scenario);
    deliver_late(&scenario);
    send_frame(&scenario);
    leave_traces(&scenario);
    release(&scenario);
}

int main(void)
{
    const struct guest *a = &scenario.a;
    const struct guest *b = &scenario.b;

    host_start(&scenario.host);
    guest_start(&scenario.a, &scenario.host, &layout_a);
    guest_start(&scenario.b, &scenario.host, &layout_b);
    print_host(&scenario.host);
    table_begin();
    first_guest();
    second_guest();
    require(scenario.host.functions[NETWORK].resets == 2, "the network controller was reset %u times",
            scenario.host.functions[NETWORK].resets);
    guest_stop(&scenario.a);
    guest_stop(&scenario.b);
    host_stop(&scenario.host);
    (void)printf("\nPASS\t%u steps, two guests, a disk and a network controller: %u configuration accesses, "
                 "%u to what is mapped, %u to what is trapped; %u interrupts; 2 accesses to memory refused\n",
                 table_steps(), a->configured + b->configured, a->passed + b->passed, a->trapped + b->trapped,
                 scenario.host.delivered);
    return 0;
}
