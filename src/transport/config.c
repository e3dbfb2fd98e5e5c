/* SPDX-License-Identifier: MIT */
/* Device-specific configuration (VirtIO 1.4, section 2.5). */
#include "../access.h"
#include "../log.h"
#include "transport.h"
#include "wait.h"

static enum vpt_status check_access(struct vpt_device *device, uint32_t offset, unsigned width)
{
    size_t size = device->ops->config_size(device);

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if ((device->status & VPT_STATUS_SUSPEND) != 0) {
        return VPT_CALLER_STATE; /* SUSPEND-5 */
    }
    if ((width != 1u && width != 2u && width != 4u) || (offset & (width - 1u)) != 0) {
        return VPT_CALLER_ALIGNMENT;
    }
    if (size < width || offset > size - width) {
        return VPT_CALLER_RANGE;
    }
    return VPT_OK;
}

/* Configuration of a legacy device is in the CPU's byte order (D-LPCI-4), registers are little-endian ones always. */
static uint32_t config_order(const struct vpt_device *device, unsigned width, uint32_t value)
{
    if (width == 2u) {
        return vpt_order16(vpt_legacy(device), (uint16_t)value);
    }
    return width == 4u ? vpt_order32(vpt_legacy(device), value) : value;
}

enum vpt_status vpt_device_config_read(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = value != NULL ? check_access(device, offset, width) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        *value = config_order(device, width, device->ops->config_read(device, offset, width));
    }
    return status;
}

enum vpt_status vpt_device_config_write(struct vpt_device *device, uint32_t offset, unsigned width, uint32_t value)
{
    enum vpt_status status = check_access(device, offset, width);

    if (status == VPT_OK && !vpt_legacy(device) && (device->status & VPT_STATUS_FEATURES_OK) == 0) {
        status = VPT_CALLER_STATE;
    }
    if (status == VPT_OK && (device->status & VPT_STATUS_FAILED) != 0) {
        status = VPT_CALLER_STATE; /* only a reset leads on (STATUS-3) */
    }
    if (status == VPT_OK) {
        device->ops->config_write(device, offset, width, config_order(device, width, value));
    }
    return status;
}

/* One field; a 64-bit one as two halves (MMIO-REG-3), whose order in memory is the device's byte order. */
static enum vpt_status read_field(struct vpt_device *device, const struct vpt_config_field *field, uint64_t *value)
{
    bool high_first = VPT_BIG_ENDIAN != 0 && vpt_legacy(device);
    unsigned width = field->width < 4u ? field->width : 4u;
    enum vpt_status status = field->width - 1u < 4u || field->width == 8u ? VPT_OK : VPT_CALLER_ALIGNMENT;
    unsigned done;

    for (done = 0; done < field->width && status == VPT_OK; done += 4u) {
        uint32_t part = 0;

        status = vpt_device_config_read(device, field->offset + (uint32_t)done, width, &part);
        *value = high_first ? (*value << 32) | part : *value | ((uint64_t)part << (8u * done));
    }
    return status == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : status;
}

/* Reads every field once; *changed tells whether any differs from what `values` held before. */
static enum vpt_status read_pass(struct vpt_device *device, const struct vpt_config_field *fields, unsigned count,
                                 uint64_t *values, bool *changed)
{
    unsigned i;

    *changed = false;
    for (i = 0; i < count; i++) {
        uint64_t value = fields[i].otherwise;
        enum vpt_status status = VPT_OK;

        if (fields[i].condition == 0 || vpt_features_has(&device->features, fields[i].condition - 1u)) {
            value = 0;
            status = read_field(device, &fields[i], &value);
        }
        if (status != VPT_OK) {
            return status;
        }
        *changed = *changed || value != values[i];
        values[i] = value;
    }
    return VPT_OK;
}

static uint32_t generation(struct vpt_device *device)
{
    return vpt_legacy(device) ? 0 : device->ops->config_generation(device);
}

enum vpt_status vpt_device_config_fields(struct vpt_device *device, const struct vpt_config_field *fields,
                                         unsigned count, uint64_t *values)
{
    bool first = true;
    uint32_t iteration = 0;

    if (fields == NULL || values == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(values, count * sizeof(*values));
    do {
        uint32_t before = generation(device);
        bool changed = false;
        enum vpt_status status = read_pass(device, fields, count, values, &changed);

        if (status != VPT_OK) {
            return status;
        }
        if (vpt_legacy(device) ? !changed && !first : generation(device) == before) {
            return VPT_OK;
        }
        first = false;
    } while (vpt_keep_waiting(device->port, VPT_WAIT_CONFIGURATION, &iteration));
    return vpt_log(device->port, VPT_LOG_ERROR, "configuration", VPT_DEVICE_CONFIG_UNSTABLE);
}
