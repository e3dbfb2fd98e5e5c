/* SPDX-License-Identifier: MIT */
/* Arrays of bytes in a configuration (VirtIO 1.4, section 2.5). */
#include <vpt/request.h>

#include "../access.h"

#define BYTES_MAX 16u /* bytes that are read together */

enum vpt_status vpt_driver_bytes(struct vpt_device *device, uint32_t offset, uint8_t *bytes, unsigned count)
{
    struct vpt_config_field fields[BYTES_MAX];
    enum vpt_status status = VPT_OK;
    unsigned i;

    while (count != 0 && status == VPT_OK) {
        unsigned part = count < BYTES_MAX ? count : BYTES_MAX;

        for (i = 0; i < part; i++) {
            fields[i].offset = (uint16_t)(offset + i);
            fields[i].width = 1;
            fields[i].condition = 0;
            fields[i].member = (uint16_t)i;
        }
        vpt_zero(bytes, part); /* so that the first pass finds what has changed */
        status = offset <= 0x10000u - part ? vpt_device_config_fields(device, fields, part, bytes) : VPT_DEVICE_CONFIG;
        bytes += part;
        offset += part;
        count -= part;
    }
    return status;
}
