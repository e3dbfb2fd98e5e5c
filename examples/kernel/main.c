/* SPDX-License-Identifier: MIT */
/*
 * A kernel that only drives virtio devices by the library: it finds them, reads random bytes, talks with the host on a
 * console, gives it memory and takes it back, listens to a keyboard, exchanges frames with the host, writes to the disk
 * and reads back in several ways, by polling and by interrupt, and ends with a status. tools/kernel-host.py is the
 * other end of the network, parses lines that begin with "@", and checks the disk image afterwards.
 */
#include "balloon.h"
#include "console.h"
#include "disk.h"
#include "entropy.h"
#include "input.h"
#include "machine.h"
#include "network.h"
#include "ports.h"
#include "step.h"
#include "virtio_console.h"

static const struct disk_life lives[] = {
    {
        .name = "Memory from the port, registers reached directly",
        .port = &ports_ready_made,
    },
    {
        .name = "Memory handed over, registers reached by the port",
        .port = &ports_counting,
        .hand_memory_over = true,
        .queue_size = DISK_QUEUE_SIZE_MAX,
    },
    {
        .name = "The same without indirect tables and event index, on a small queue where the size is ours to choose",
        .port = &ports_counting,
        .hand_memory_over = true,
        .plain_ring = true,
        .queue_size = 64,
    },
    {
        .name = "Completion by interrupt, on a line",
        .port = &ports_ready_made,
        .interrupts = VPT_INTERRUPTS_LINE,
    },
    {
        .name = "Completion by interrupt, by a message for each queue (MSI-X)",
        .port = &ports_ready_made,
        .interrupts = VPT_INTERRUPTS_PER_QUEUE,
    },
};

static bool run(void)
{
    struct devices devices;

    print("@machine %s %s\n", machine.architecture, machine.name);
    if (!step("page pool", ports_init()) || !devices_find(&ports_ready_made, &devices) ||
        !entropy_read(&ports_ready_made, &devices.entropy) ||
        !virtio_console_talk(&ports_ready_made, &devices.console) ||
        (devices.balloon.bus != NULL && !balloon_use(&ports_ready_made, &devices.balloon)) ||
        (devices.input.bus != NULL && !input_listen(&ports_ready_made, &devices.input)) ||
        !network_talk(&ports_ready_made, &devices.network)) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
        if (wiring_possible(lives[i].interrupts, &devices.disk) && !disk_live(&lives[i], &devices, i)) {
            return false;
        }
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
