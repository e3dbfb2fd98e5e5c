/* SPDX-License-Identifier: MIT */
#include "wiring.h"

#include "controller.h"
#include "ports.h"
#include "step.h"

_Static_assert(CONTROLLER_MESSAGES == 2u, "one for the configuration, one for virtqueue 0");

static bool has_msix(const struct device_place *place)
{
    const struct vpt_pci_function function = { &ports_ready_made, place->function };
    uint16_t offset;

    return place->bus->kind == MACHINE_PCI &&
           vpt_pci_find_capability(&function, VPT_PCI_CAPABILITY_MSIX, &offset) == VPT_OK;
}

bool wiring_possible(enum vpt_interrupt_mode mode, const struct device_place *place)
{
    uint64_t address;
    uint32_t data;

    return mode <= VPT_INTERRUPTS_LINE || (has_msix(place) && controller_message(0, &address, &data));
}

/* ---- MSI-X ---- */

/* Table entry n sends message n. */
static bool program_entries(struct vpt_pci_msix *msix)
{
    for (uint16_t n = 0; n < CONTROLLER_MESSAGES; n++) {
        uint64_t address;
        uint32_t data;

        if (!controller_message(n, &address, &data) ||
            !step("program an MSI-X entry", vpt_pci_msix_program(msix, n, address, data)) ||
            !step("unmask an MSI-X entry", vpt_pci_msix_mask(msix, n, false))) {
            return false;
        }
    }
    return true;
}

static bool turn_msix_on(struct vpt_pci_msix *msix, const struct vpt_virtio_pci *pci)
{
    return step("find the MSI-X table", vpt_pci_msix_init(msix, &pci->function, &pci->bars)) && program_entries(msix) &&
           step("turn MSI-X on", vpt_pci_msix_enable(msix, true));
}

static bool attach_messages(struct wiring *wiring, const struct vpt_interrupts *interrupts)
{
    return interrupts_attach_message(&wiring->source, interrupts->configuration, VPT_INTERRUPT_CONFIGURATION) &&
           interrupts_attach_message(&wiring->source, interrupts->queue, VPT_INTERRUPT_QUEUE);
}

/* ---- Lines ---- */

static bool find_function_line(struct wiring *wiring, const struct device *device, const struct device_place *place)
{
    const struct vpt_pci_function *function = &device->pci.function;
    unsigned first = place->bus->pci.first_line;
    struct vpt_pci_identity identity;

    if (!step("identify", vpt_pci_identify(function, &identity))) {
        return false;
    }
    if (identity.interrupt_pin == 0) {
        print("FAILED: a function without an interrupt pin\n");
        return false;
    }
    wiring->line = first == 0 ? identity.interrupt_line : first + (place->turn + identity.interrupt_pin - 1u) % 4u;
    return true;
}

static bool find_line(struct wiring *wiring, const struct device *device, const struct device_place *place)
{
    if (place->bus->kind == MACHINE_PCI) {
        return find_function_line(wiring, device, place);
    }
    wiring->line = place->bus->slots.first_line + place->slot;
    return true;
}

/* ---- Both modes ---- */

bool wiring_prepare(struct wiring *wiring, enum vpt_interrupt_mode mode, const struct device *device,
                    const struct device_place *place)
{
    *wiring = (struct wiring){ .mode = mode, .source = { .device = device->virtio } };
    switch (mode) {
    case VPT_INTERRUPTS_POLLING: return true;
    case VPT_INTERRUPTS_LINE: return find_line(wiring, device, place);
    default: return turn_msix_on(&wiring->msix, &device->pci);
    }
}

bool wiring_connect(struct wiring *wiring)
{
    struct vpt_interrupts interrupts = { .mode = wiring->mode, .queues = 1, .vectors = CONTROLLER_MESSAGES };

    if (wiring->mode == VPT_INTERRUPTS_POLLING) {
        return true;
    }
    if (!step("choose how to interrupt", vpt_device_choose_interrupts(wiring->source.device, &interrupts))) {
        return false;
    }
    if (interrupts.mode != wiring->mode) {
        print("FAILED: the device cannot interrupt like that\n");
        return false;
    }
    return wiring->mode == VPT_INTERRUPTS_LINE ? interrupts_attach_line(&wiring->source, wiring->line)
                                               : attach_messages(wiring, &interrupts);
}

void wiring_disconnect(struct wiring *wiring)
{
    interrupts_detach(&wiring->source);
    if (wiring->mode > VPT_INTERRUPTS_LINE) {
        vpt_pci_msix_release(&wiring->msix);
    }
}
