/* SPDX-License-Identifier: MIT */
/*
 * A kernel that only drives virtio devices by the library: it finds them, reads random bytes, talks with the host on a
 * console, exchanges frames with it, listens to a keyboard, writes to the disk and reads back in several ways, by
 * polling and by interrupt, draws on a screen, and ends with a status. tools/kernel-host.py is the other end of the
 * network, parses lines that begin with "@", and checks the disk image afterwards; tools/kernel-screen.py looks at the
 * screen, types and moves the pointer.
 */
#include "console.h"
#include "disk.h"
#include "entropy.h"
#include "input.h"
#include "machine.h"
#include "network.h"
#include "ports.h"
#include "screen.h"
#include "step.h"
#include "virtio_console.h"

static const struct disk_life lives[] = {
    {
        .name = "Memory from the port, registers reached directly",
        .label = "polling",
        .port = &ports_ready_made,
    },
    {
        .name = "Memory handed over, registers reached by the port",
        .label = "callbacks",
        .port = &ports_counting,
        .hand_memory_over = true,
        .queue_size = DISK_QUEUE_SIZE_MAX,
    },
    {
        .name = "The same without indirect tables and event index, on a small queue where the size is ours to choose",
        .label = "chains",
        .port = &ports_counting,
        .hand_memory_over = true,
        .plain_ring = true,
        .queue_size = 64,
    },
    {
        .name = "Completion by interrupt, on a line",
        .label = "by line",
        .port = &ports_ready_made,
        .interrupts = VPT_INTERRUPTS_LINE,
    },
    {
        .name = "Completion by interrupt, by a message for each queue (MSI-X)",
        .label = "by MSI-X",
        .port = &ports_ready_made,
        .interrupts = VPT_INTERRUPTS_PER_QUEUE,
    },
};

#define LIVES (sizeof(lives) / sizeof(lives[0]))

/* The runs on the disk, then what they have cost, on the screen. */
static bool measure_and_show(const struct devices *devices)
{
    struct disk_cost costs[LIVES];
    unsigned count = 0;

    for (unsigned i = 0; i < LIVES && devices->disk.bus != NULL; i++) {
        if (wiring_possible(lives[i].interrupts, &devices->disk) &&
            !disk_live(&lives[i], devices, i, &costs[count++])) {
            return false;
        }
    }
    return devices->gpu.bus == NULL || screen_show(&ports_ready_made, devices, costs, count);
}

/* Devices that are not there are passed over. With a GPU, the screen listens to the keyboard. */
static bool run(void)
{
    static struct devices devices;
    const struct vpt_port *port = &ports_ready_made;

    print("@machine %s %s\n", machine.architecture, machine.name);
    if (!step("page pool", ports_init()) || !devices_find(port, &devices) ||
        (devices.entropy.bus != NULL && !entropy_read(port, &devices.entropy)) ||
        (devices.console.bus != NULL && !virtio_console_talk(port, &devices.console)) ||
        (devices.inputs[0].bus != NULL && devices.gpu.bus == NULL && !input_listen(port, &devices.inputs[0])) ||
        (devices.network.bus != NULL && !network_talk(port, &devices.network)) || !measure_and_show(&devices)) {
        return false;
    }
    print("\n%u interrupts that were nobody's\n@nobody %u\n", (unsigned)interrupts_nobody(),
          (unsigned)interrupts_nobody());
    return true;
}

_Noreturn void kernel_main(void)
{
    bool success;

    machine_init();
    interrupts_init();
    success = run();
    print("\n@end %s\n", success ? "ok" : "failed");
    machine_exit(success);
}

_Noreturn void kernel_trap(uint64_t cause, uint64_t address)
{
    print("\nFAILED: trap 0x%llx at 0x%llx\n", (unsigned long long)cause, (unsigned long long)address);
    machine_exit(false);
}
