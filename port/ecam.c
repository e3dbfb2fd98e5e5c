/* SPDX-License-Identifier: MIT */
#include "ecam.h"

#include "register.h"

#define FUNCTION_SIZE 4096u

/* Where the register is mapped; NULL: it is not. */
static volatile unsigned char *locate(const struct vpt_port_context *context, const struct vpt_pci_address *address,
                                      uint16_t offset)
{
    size_t bus = address->bus;

    if (context->ecam == NULL || address->segment != context->ecam_segment || bus < context->ecam_first_bus ||
        bus > context->ecam_last_bus || address->device >= 32u || address->function >= 8u || offset >= FUNCTION_SIZE) {
        return NULL;
    }
    return (volatile unsigned char *)context->ecam + ((bus - context->ecam_first_bus) << 20 |
                                                      (size_t)address->device << 15 | (size_t)address->function << 12 |
                                                      offset);
}

enum vpt_status vpt_ecam_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t *value)
{
    const volatile void *place = locate(ctx, address, offset);

    if (place != NULL) {
        *value = vpt_port_register_read(place, width);
    } else {
        *value = 0xffffffffu >> (32u - 8u * width);
    }
    return VPT_OK;
}

enum vpt_status vpt_ecam_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t value)
{
    volatile void *place = locate(ctx, address, offset);

    if (place != NULL) {
        vpt_port_register_write(place, width, value);
    }
    return VPT_OK;
}
