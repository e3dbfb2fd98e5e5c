/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <console.h>

static void print_place(const char *what, const struct guest_slot *slot)
{
    const struct vpt_pci_address *address = &slot->address;

    print("%s\t%s\t0%x:0%x.%u", what, slot->guest->name, address->bus, address->device, address->function);
}

static void print_region(const struct guest_slot *slot, const struct vpt_assign_region *region)
{
    print_place("region", slot);
    print("\t%u\t0x%llx\t0x%llx\t0x%llx\t%s\t%s\n", region->bar, (unsigned long long)region->guest,
          (unsigned long long)region->host, (unsigned long long)region->size,
          region->space == VPT_ASSIGN_IO ? "ports" : "memory", region->trapped ? "trapped" : "mapped");
}

/* The generation grows by one with a reset of the function alone; there are no resets of a bus here. */
void report_slot(const struct guest_slot *slot)
{
    const struct vpt_assign_device *device = slot->device;
    const struct guest *guest = slot->guest;

    if (device == NULL) {
        return;
    }
    print_place("function", slot);
    print("\t0x%x\t0x%x\t%u\t%u\t%u\t%u\n", device->vendor_id, device->device_id, device->address.bus, slot->messages,
          slot->lines, device->generation - slot->generation);
    for (unsigned i = 0; i < guest->region_count; i++) {
        if (guest->regions[i].slot == slot) {
            print_region(slot, &guest->regions[i].region);
        }
    }
}

void report_guest(const struct guest *guest)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        report_slot(&guest->slots[i]);
    }
}
