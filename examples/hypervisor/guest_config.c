/* SPDX-License-Identifier: MIT */
/* A guest's accesses to PCI configuration space. */
#include "cost.h"
#include "guest.h"

#define ADDRESS_PORT 0xcf8u
#define ECAM_LAST    255u

static struct vpt_assign_device *device_at(const struct guest *guest, const struct vpt_pci_address *address)
{
    for (unsigned i = 0; i < guest->slot_count; i++) {
        const struct guest_slot *slot = &guest->slots[i];

        if (slot->address.bus == address->bus && slot->address.device == address->device &&
            slot->address.function == address->function) {
            return slot->device;
        }
    }
    return NULL;
}

/* The guest gets no status, as from hardware. */
void guest_config(struct guest *guest, bool write, const struct vpt_pci_target *target, uint32_t *value)
{
    struct vpt_assign_device *device = device_at(guest, &target->address);
    bool before;

    guest->count.configurations++;
    if (device == NULL) {
        cost_is(COST_ABSENT);
        *value = write ? *value : UINT32_MAX;
        return;
    }
    cost_is(write ? COST_CONFIG_WRITE : COST_CONFIG_READ);
    before = cost_library(true);
    if (write) {
        (void)vpt_assign_config_write(device, target->offset, target->width, *value);
    } else {
        (void)vpt_assign_config_read(device, target->offset, target->width, value);
    }
    (void)cost_library(before);
}

void guest_config_ports(struct guest *guest, bool write, uint16_t io_port, unsigned width, uint32_t *value)
{
    struct vpt_pci_target target;

    if (io_port == ADDRESS_PORT && width == 4u) {
        guest->latch = write ? *value : guest->latch;
        *value = guest->latch;
    } else if (vpt_pci_decode_ports(guest->latch, io_port, width, &target) == VPT_OK) {
        guest_config(guest, write, &target, value);
    } else if (!write) {
        *value = UINT32_MAX;
    }
}

void guest_config_memory(struct guest *guest, bool write, uint64_t offset, unsigned width, uint32_t *value)
{
    struct vpt_pci_target target;

    if (vpt_pci_decode_memory(0, 0, ECAM_LAST, offset, width, &target) == VPT_OK) {
        guest_config(guest, write, &target, value);
    } else if (!write) {
        *value = UINT32_MAX;
    }
}
