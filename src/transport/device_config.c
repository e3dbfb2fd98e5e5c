/* SPDX-License-Identifier: MIT */
/* Device-specific configuration (VirtIO 1.4, section 2.5). */
#include "../access.h"
#include "../log.h"
#include "transport_ops.h"
#include "wait.h"

static enum vpt_status check_config_access(struct vpt_device *device, uint32_t offset, unsigned width)
{
    size_t size = device->config_size;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if ((device->status & VPT_STATUS_SUSPEND) != 0) {
        return VPT_CALLER_STATE; /* SUSPEND-5 */
    }
    if ((width != 1u && width != 2u && width != 4u) || (offset & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    return size >= width && offset <= size - width ? VPT_OK : VPT_CALLER_RANGE;
}

/*
 * The configuration of a legacy device is in the CPU's byte order (D-LPCI-4), but registers are always little-endian.
 */
static uint32_t config_order(const struct vpt_device *device, unsigned width, uint32_t value)
{
    if (width == 2u) {
        return vpt_order16(vpt_legacy(device), (uint16_t)value);
    }
    return width == 4u ? vpt_order32(vpt_legacy(device), value) : value;
}

enum vpt_status vpt_device_config_read(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = value != NULL ? check_config_access(device, offset, width) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        *value = config_order(device, width, device->ops->read(device, VPT_REGISTER_CONFIG + offset, width));
    }
    return status;
}

enum vpt_status vpt_device_config_write(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    enum vpt_status status = check_config_access(device, offset, width);

    if (status == VPT_OK && !vpt_legacy(device) && (device->status & VPT_STATUS_FEATURES_OK) == 0) {
        status = VPT_CALLER_STATE;
    }
    if (status == VPT_OK && (device->status & VPT_STATUS_FAILED) != 0) {
        status = VPT_CALLER_STATE; /* only a reset can follow (STATUS-3) */
    }
    if (status == VPT_OK) {
        device->ops->write(device, VPT_REGISTER_CONFIG + offset, width, config_order(device, width, value));
    }
    return status;
}

/* Stores `width` bytes of a number in a member or in one half of it. Returns whether the bytes have changed. */
static bool store_member(uint8_t *member, unsigned width, uint32_t value)
{
    bool changed = false;
    unsigned i;

    for (i = 0; i < width; i++) {
        uint8_t *byte = &member[VPT_BIG_ENDIAN != 0 ? width - 1u - i : i];

        changed = changed || *byte != (uint8_t)value;
        *byte = (uint8_t)value;
        value >>= 8;
    }
    return changed;
}

/*
 * Reads one field. A 64-bit field is read as two halves (MMIO-REG-3), whose order is the device's byte order, not the
 * CPU's.
 */
static enum vpt_status read_config_field(struct vpt_device *device, const struct vpt_config_field *field,
                                         uint8_t *member, bool *changed)
{
    bool exchange = VPT_BIG_ENDIAN != 0 && !vpt_legacy(device);
    unsigned width = field->width != 8u ? field->width : 4u;
    unsigned done = 0;

    do {
        uint32_t part = 0;
        enum vpt_status status = vpt_device_config_read(device, field->offset + (uint32_t)done, width, &part);

        if (status != VPT_OK) {
            return status == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : status;
        }
        *changed |= store_member(&member[exchange ? field->width - width - done : done], width, part);
        done += width;
    } while (done < field->width);
    return VPT_OK;
}

static uint32_t generation(struct vpt_device *device)
{
    return vpt_legacy(device) ? 0 : vpt_device_get(device, VPT_REGISTER_CONFIG_GENERATION);
}

enum vpt_status vpt_device_config_fields(struct vpt_device *device, const struct vpt_config_field *fields,
                                         unsigned count, void *object)
{
    uint32_t iteration = 0;

    if (fields == NULL || object == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    do {
        bool changed = vpt_legacy(device) && iteration == 0;
        uint32_t before = generation(device);
        unsigned i;

        for (i = 0; i < count; i++) {
            const struct vpt_config_field *field = &fields[i];

            if (field->condition == 0 || vpt_features_has(&device->features, field->condition - 1u)) {
                enum vpt_status status = read_config_field(device, field, (uint8_t *)object + field->member, &changed);

                if (status != VPT_OK) {
                    return status;
                }
            }
        }
        if (vpt_legacy(device) ? !changed : generation(device) == before) {
            return VPT_OK;
        }
    } while (vpt_keep_waiting(device->port, VPT_WAIT_CONFIGURATION, &iteration));
    return vpt_log(device->port, VPT_LOG_ERROR, "configuration", VPT_DEVICE_CONFIG_UNSTABLE);
}
