/* SPDX-License-Identifier: MIT */
/*
 * A kernel that only drives virtio devices by the library: it finds them, does something with each (`uses`), writes to
 * the disk and reads back in several ways, by polling and by interrupt, draws on a screen, and ends with a status. The
 * scripts tools/kernel-*.py are the host: they parse lines that begin with "@".
 */
#include "balloon.h"
#include "console.h"
#include "disk.h"
#include "entropy.h"
#include "input.h"
#include "machine.h"
#include "network.h"
#include "ports.h"
#include "screen.h"
#include "scsi.h"
#include "share.h"
#include "sound.h"
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

/* What is done with a device that is there, by type. */
static bool (*const uses[DEVICES_TYPES])(const struct vpt_port *port, const struct device_place *place) = {
    [VPT_DEVICE_TYPE_NETWORK] = network_talk, [VPT_DEVICE_TYPE_CONSOLE] = virtio_console_talk,
    [VPT_DEVICE_TYPE_ENTROPY] = entropy_read, [VPT_DEVICE_TYPE_BALLOON] = balloon_use,
    [VPT_DEVICE_TYPE_SCSI] = scsi_use,        [VPT_DEVICE_TYPE_9P] = share_use_9p,
    [VPT_DEVICE_TYPE_INPUT] = input_listen,   [VPT_DEVICE_TYPE_SOUND] = sound_play,
    [VPT_DEVICE_TYPE_FS] = share_use_fs,
};

/* With a GPU, the screen listens to the keyboard. */
static bool use_devices(const struct devices *devices)
{
    bool screen = devices->first[VPT_DEVICE_TYPE_GPU].bus != NULL;

    for (uint32_t type = 0; type < DEVICES_TYPES; type++) {
        const struct device_place *place = &devices->first[type];

        if (uses[type] != NULL && place->bus != NULL && !(screen && type == VPT_DEVICE_TYPE_INPUT) &&
            !uses[type](&ports_ready_made, place)) {
            return false;
        }
    }
    return true;
}

/* The runs on the disk, then what they have cost, on the screen. */
static bool measure_and_show(const struct devices *devices)
{
    const struct device_place *disk = &devices->first[VPT_DEVICE_TYPE_BLOCK];
    struct disk_cost costs[LIVES];
    unsigned count = 0;

    for (unsigned i = 0; i < LIVES && disk->bus != NULL; i++) {
        if (wiring_possible(lives[i].interrupts, disk) && !disk_live(&lives[i], devices, i, &costs[count++])) {
            return false;
        }
    }
    return devices->first[VPT_DEVICE_TYPE_GPU].bus == NULL || screen_show(&ports_ready_made, devices, costs, count);
}

static bool run(void)
{
    static struct devices devices;

    print("@machine %s %s\n", machine.architecture, machine.name);
    if (!step("page pool", ports_init()) || !devices_find(&ports_ready_made, &devices) || !use_devices(&devices) ||
        !measure_and_show(&devices)) {
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
