/* SPDX-License-Identifier: MIT */
/* Which function, register and width a guest's access to configuration space is for: pure functions. */
#include "../pci/pci_internal.h"

/* The address port (PCI 3.0, section 3.2.2.3.2). */
#define LATCH_ENABLE   0x80000000u
#define LATCH_REGISTER 0xfcu
#define DATA_PORT      0xcfcu
#define DATA_PORTS     4u

/* Bits of an offset in a window (PCI Express 5.0, section 7.2.2). */
#define BUS_SHIFT       20u
#define DEVICE_SHIFT    15u
#define FUNCTION_SHIFT  12u
#define WINDOW_FUNCTION 0x0ffff000u /* bus, device and function */

static const struct vpt_pci_target none;

/* Checks that an access has 1, 2 or 4 bytes, and is within one word of 4 bytes. */
static enum vpt_status check_lanes(unsigned lane, unsigned width)
{
    if (width != 1 && width != 2 && width != 4) {
        return VPT_CALLER_ARGUMENT;
    }
    return lane + width <= 4 ? VPT_OK : VPT_CALLER_RANGE;
}

enum vpt_status vpt_pci_decode_memory(uint16_t segment, uint8_t first_bus, uint8_t last_bus, uint64_t offset,
                                      unsigned width, struct vpt_pci_target *target)
{
    enum vpt_status status;

    if (target == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *target = none;
    if (last_bus < first_bus) {
        return VPT_CALLER_ARGUMENT;
    }
    status = check_lanes((unsigned)(offset & 3u), width);
    if (status != VPT_OK) {
        return status;
    }
    if (offset >> BUS_SHIFT > (unsigned)last_bus - first_bus) {
        return VPT_CALLER_RANGE;
    }
    target->address.segment = segment;
    target->address.bus = (uint8_t)(first_bus + (offset >> BUS_SHIFT));
    target->address.device = (uint8_t)(offset >> DEVICE_SHIFT & 0x1fu);
    target->address.function = (uint8_t)(offset >> FUNCTION_SHIFT & 0x7u);
    target->offset = (uint16_t)(offset & (VPT_PCI_EXTENDED_CONFIG_SIZE - 1u));
    target->width = (uint8_t)width;
    return VPT_OK;
}

enum vpt_status vpt_pci_decode_ports(uint32_t latch, uint16_t io_port, unsigned width, struct vpt_pci_target *target)
{
    unsigned lane = (unsigned)io_port - DATA_PORT; /* large if the port is below DATA_PORT */
    /* The latch has bus, device and function 4 bits lower than an offset in a window. */
    uint32_t place = (latch << 4 & WINDOW_FUNCTION) | (latch & LATCH_REGISTER);
    enum vpt_status status = VPT_CALLER_RANGE;

    if (target == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (lane < DATA_PORTS) {
        status = vpt_pci_decode_memory(0, 0, 0xff, place + lane, width, target);
        if (status == VPT_OK && (latch & LATCH_ENABLE) == 0) {
            status = VPT_EMPTY;
        }
    }
    if (status != VPT_OK) {
        *target = none;
    }
    return status;
}
