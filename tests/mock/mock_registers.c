/* SPDX-License-Identifier: MIT */
#include "mock_registers.h"

#include <inttypes.h>

const struct mock_register *mock_register_at(const struct mock_register_table *table, struct mock_device *device,
                                             uint64_t offset, unsigned width, unsigned access)
{
    const struct mock_register *found = NULL;

    for (size_t i = 0; i < table->count; i++) {
        if (table->registers[i].offset == offset && table->registers[i].width == width) {
            found = &table->registers[i];
        }
    }
    return mock_require(device->violations, found != NULL,
                        "%s, offset 0x%" PRIx64 ": no register is accessed in width %u here", table->interface, offset,
                        width) &&
                   mock_require(device->violations, (found->access & access) != 0, "%s, offset 0x%" PRIx64 ": %s",
                                table->interface, offset,
                                access == MOCK_READS ? "a write-only register was read"
                                                     : "a read-only register was written")
               ? found
               : NULL;
}

void mock_register_half(uint64_t *address, bool high, uint32_t value)
{
    if (high) {
        *address = (*address & UINT64_C(0xffffffff)) | ((uint64_t)value << 32);
    } else {
        *address = (*address & ~UINT64_C(0xffffffff)) | value;
    }
}

/* Not SR_IOV, ADMIN_VQ and NOTIF_CONFIG_DATA, which only PCI has. */
static const uint8_t modern_bits[] = {
    VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX,      VPT_F_VERSION_1,         VPT_F_ACCESS_PLATFORM, VPT_F_RING_PACKED,
    VPT_F_IN_ORDER,      VPT_F_ORDER_PLATFORM, VPT_F_NOTIFICATION_DATA, VPT_F_RING_RESET,      VPT_F_SUSPEND,
};
static const uint8_t legacy_bits[] = { VPT_F_NOTIFY_ON_EMPTY, VPT_F_ANY_LAYOUT, VPT_F_INDIRECT_DESC, VPT_F_EVENT_IDX };

void mock_known_features(struct vpt_features *known, bool legacy)
{
    const uint8_t *bits = legacy ? legacy_bits : modern_bits;
    size_t count = legacy ? sizeof(legacy_bits) : sizeof(modern_bits);

    for (size_t i = 0; i < count; i++) {
        vpt_features_add(known, bits[i]);
    }
}
