/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include <string.h>

#define PCI_EXPRESS         0x10u /* capability id */
#define DEVICE_CAPABILITIES 4u
#define DEVICE_CONTROL      8u
#define FUNCTION_RESET_ABLE 0x10000000u
#define FUNCTION_RESET      0x8000u

void use_disk(struct scenario *scenario)
{
    guest_step(scenario, "starts the disk, and reads it by MSI-X");
    disk_check_new(&scenario->disk);
    disk_start(&scenario->disk);
    disk_read(&scenario->disk, 0);
    disk_read(&scenario->disk, 137);
    disk_read(&scenario->disk, HOST_DISK_SIZE / VPT_BLK_SECTOR_SIZE - DISK_READ_SECTORS);
    step_done(scenario);
}

void change_disk(struct scenario *scenario)
{
    guest_step(scenario, "writes a sector: it is in the image");
    disk_write(&scenario->disk);
    disk_read(&scenario->disk, DISK_CHANGED_SECTOR - 1u);
    step_done(scenario);
}

void write_where_it_may_not(struct scenario *scenario)
{
    struct guest *guest = scenario->present;
    uint8_t *constant = guest_bytes(guest, GUEST_CONSTANT);

    guest_step(scenario, "has it read into memory that is read-only");
    memset(constant, 0x33, VPT_BLK_SECTOR_SIZE);
    disk_trespass(&scenario->disk, guest->memory[GUEST_CONSTANT].address);
    for (unsigned i = 0; i < VPT_BLK_SECTOR_SIZE; i++) {
        require(constant[i] == 0x33, "the disk has written there");
    }
    step_done(scenario);
}

void write_to_other_guest(struct scenario *scenario, const struct guest *other)
{
    const struct guest_memory *memory = &other->memory[GUEST_BUFFERS];
    static uint8_t bytes[VPT_BLK_SECTOR_SIZE];

    guest_step(scenario, "has it read into memory of guest A");
    memcpy(bytes, memory->host.address, sizeof(bytes));
    disk_trespass(&scenario->disk, memory->address);
    require(memcmp(bytes, memory->host.address, sizeof(bytes)) == 0, "the disk has written there");
    disk_read(&scenario->disk, 300);
    step_done(scenario);
}

/* The guest sees the same configuration space of the disk as at first. */
static void check_config(struct scenario *scenario)
{
    for (uint16_t at = 0; at < VPT_PCI_CONFIG_SIZE; at += 4u) {
        uint32_t expected = scenario->sight.config[DISK][at / 4u];
        uint32_t value = 0;

        require_ok(vpt_pci_read(&scenario->disk.function, at, 4, &value), "reading configuration space");
        require(value == expected, "register 0x%02x is 0x%08x after the reset, not 0x%08x", at, (unsigned)value,
                (unsigned)expected);
    }
}

void reset_disk(struct scenario *scenario)
{
    const struct vpt_pci_function *function = &scenario->disk.function;
    uint16_t at = 0;
    uint32_t value = 0;

    guest_step(scenario, "resets the disk (function level reset)");
    require_ok(vpt_pci_find_capability(function, PCI_EXPRESS, &at), "PCI Express");
    require_ok(vpt_pci_read(function, (uint16_t)(at + DEVICE_CAPABILITIES), 4, &value), "device capabilities");
    require((value & FUNCTION_RESET_ABLE) != 0, "the disk has no function level reset");
    require_ok(vpt_pci_read(function, (uint16_t)(at + DEVICE_CONTROL), 2, &value), "device control");
    disk_begin(&scenario->disk);
    require_ok(vpt_pci_write(function, (uint16_t)(at + DEVICE_CONTROL), 2, value | FUNCTION_RESET), "the reset");
    check_config(scenario);
    require(scenario->present->devices[DISK].region_count == 0, "something is mapped after the reset");
    step_done(scenario);

    guest_step(scenario, "starts it again where it was");
    require_ok(vpt_pci_bars_restore(function, &scenario->disk.bars), "the disk's BARs");
    disk_check_new(&scenario->disk);
    disk_restart(&scenario->disk);
    disk_read(&scenario->disk, 64);
    step_done(scenario);
}
