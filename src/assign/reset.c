/* SPDX-License-Identifier: MIT */
/* Resets of the host's function, and what it has forgotten given back to it. */
#include "access.h"
#include "assign/internal.h"
#include "assign/permission.h"

#define DECODING     (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)
#define VENDOR_RETRY 0x0001u /* the vendor id of a function that is not ready yet */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define WAITS     11u
#define WAIT_TIME 100000u /* microseconds */

/* ---- Registers of the host ---- */

/* What a failure leaves there is nothing. */
static enum vpt_status read_host(const struct vpt_assign_device *device, unsigned offset, uint32_t *value)
{
    *value = 0;
    return device->host->config_read(device->host->ctx, (uint16_t)offset, 4, value);
}

static enum vpt_status write_host(const struct vpt_assign_device *device, unsigned offset, unsigned width,
                                  uint32_t value)
{
    return device->host->config_write(device->host->ctx, (uint16_t)offset, width, value);
}

/* Looks at a register of 4 bytes until these bits of it are not `bad` any more. VPT_DEVICE_STUCK: they are. */
static enum vpt_status wait(const struct vpt_assign_device *device, unsigned offset, uint32_t mask, uint32_t bad,
                            uint32_t *value)
{
    for (unsigned i = 0; i < WAITS; i++) {
        enum vpt_status status = read_host(device, offset, value);

        if (status != VPT_OK || (*value & mask) != bad) {
            return status;
        }
        device->host->delay(device->host->ctx, WAIT_TIME);
    }
    return VPT_DEVICE_STUCK;
}

unsigned vpt_assign_find(const struct vpt_assign_device *device, unsigned id, unsigned byte)
{
    for (unsigned at = PCI_CAPABILITIES_FIRST; at < VPT_PCI_CONFIG_SIZE - byte; at += 4u) {
        if ((device->classes[at] & ASSIGN_CLASS_HEAD) != 0 && (device->classes[at + 4u] & ASSIGN_CLASS_HEAD) == 0 &&
            vpt_assign_saved8(device, at) == id) {
            return at;
        }
    }
    return 0;
}

/* ---- What a reset takes away ---- */

#define RESTORED_BARS   7u
#define RESTORED_HEADER 9u

#define PCIE_CONTROL   0x08u
#define PCIE_CONTROL_2 0x28u

/* Registers that get back what they held at the open: 4 bytes of BARs, 2 of the others; PCI Express' are the last. */
static const uint8_t restored[] = {
    0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, PCI_ROM_ADDRESS,
    0x0c, PCI_INTERRUPT_LINE, /* cache line size and latency timer; with the pin, which is read-only */
    PCIE_CONTROL, 0x10, PCIE_CONTROL_2, /* link control between them */
};

/* Clears bits of the command register and sets others, if that changes it. */
static enum vpt_status command(const struct vpt_assign_device *device, uint32_t clear, uint32_t set)
{
    uint32_t value;
    enum vpt_status status = read_host(device, PCI_COMMAND, &value);

    set |= value & ~clear & PCI_ABSENT16;
    return status != VPT_OK || set == (value & PCI_ABSENT16) ? status : write_host(device, PCI_COMMAND, 2, set);
}

/* Gives the register back what it held. Decoding is off from then on if it was another value: it may be a BAR. */
static enum vpt_status put(const struct vpt_assign_device *device, unsigned at, unsigned width)
{
    uint32_t mask = PCI_ABSENT32 >> (32u - 8u * width);
    uint32_t saved = vpt_assign_saved32(device, at) & mask;
    uint32_t value;
    enum vpt_status status = read_host(device, at, &value);

    if (status != VPT_OK || (value & mask) == saved) {
        return status;
    }
    status = command(device, DECODING, 0);
    return status != VPT_OK ? status : write_host(device, at, width, saved);
}

/* The first `count` registers, up to the first error. */
static enum vpt_status restore(const struct vpt_assign_device *device, unsigned count)
{
    unsigned express = vpt_assign_find(device, ASSIGN_CAPABILITY_PCIE, PCIE_CONTROL);
    bool version_1 = (vpt_assign_saved8(device, express + 2u) & 0xfu) < 2u;
    enum vpt_status status = VPT_OK;

    for (unsigned i = 0; i < count && status == VPT_OK; i++) {
        unsigned at = restored[i];

        if (i >= RESTORED_HEADER) {
            at = express == 0 || (version_1 && at == PCIE_CONTROL_2) ? VPT_PCI_CONFIG_SIZE : express + at;
        }
        if (at < VPT_PCI_CONFIG_SIZE) {
            status = put(device, at, i < RESTORED_BARS ? 4 : 2);
        }
    }
    return status;
}

enum vpt_status vpt_assign_bars_restore(struct vpt_assign_device *device)
{
    enum vpt_status status = vpt_assign_present(device);

    if (status == VPT_OK) {
        status = restore(device, RESTORED_BARS);
    }
    return status != VPT_OK ? status : command(device, 0, vpt_assign_saved16(device, PCI_COMMAND) & DECODING);
}

/* ---- Ways ---- */

/* A way by the control register of a capability: of 4 bytes, of which 2 are written. */
struct way {
    uint8_t id;
    uint8_t able_at;      /* a byte that says whether the function has this way, */
    uint8_t able_mask;    /* by these bits, */
    uint8_t able;         /* if they are so */
    uint8_t control;
    uint8_t busy;         /* while this bit is set it should not begin */
    uint8_t milliseconds; /* that it takes */
    bool back;            /* what was set has to be cleared after that, which takes as long */
    uint16_t set;         /* bits that begin it; the others stay, but for the last, which may act when it is a 1 */
};

#define KEPT 0x7fffu

static const struct way ways[] = {
    { ASSIGN_CAPABILITY_PCIE, 7, 0x10, 0x10, PCIE_CONTROL, 21, 100, false, 0x8000 },
    { ASSIGN_CAPABILITY_AF, 3, 0x03, 0x03, 4, 8, 100, false, 0x0001 },
    { ASSIGN_CAPABILITY_PM, 4, 0x08, 0, ASSIGN_PM_CONTROL, 21 /* reserved, 0 */, 10, true, ASSIGN_PM_STATE_MASK },
};

/* The first way that the function has, or NULL; and its capability. */
static const struct way *find_way(const struct vpt_assign_device *device, unsigned *at)
{
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        const struct way *way = &ways[i];

        *at = vpt_assign_find(device, way->id, way->control);
        if (*at != 0 && (vpt_assign_saved8(device, *at + way->able_at) & way->able_mask) == way->able) {
            return way;
        }
    }
    return NULL;
}

static enum vpt_status begin(const struct vpt_assign_device *device)
{
    unsigned at;
    const struct way *way = find_way(device, &at);
    enum vpt_status status;
    uint32_t value;
    uint32_t set;

    if (way == NULL) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    at += way->control;
    set = 1u << way->busy;
    status = wait(device, at, set, set, &value);
    if (status != VPT_OK && status != VPT_DEVICE_STUCK) {
        return status;
    }
    /* One that never stops its transactions is reset all the same. */
    set = way->set;
    value &= KEPT & ~set;
    status = VPT_OK;
    for (unsigned writes = way->back ? 2u : 1u; writes != 0 && status == VPT_OK; writes--) {
        status = write_host(device, at, 2, value | set);
        device->host->delay(device->host->ctx, 1000u * way->milliseconds);
        set = 0;
    }
    return status;
}

/* The end of a reset that came to `status`: the configuration as it was at the open, once the function answers. */
static enum vpt_status settle(struct vpt_assign_device *device, enum vpt_status status)
{
    uint32_t value;

    /* Not there at all, and then there but not ready. */
    if (status == VPT_OK) {
        status = wait(device, PCI_COMMAND, PCI_ABSENT32, PCI_ABSENT32, &value);
    }
    if (status == VPT_OK) {
        status = wait(device, PCI_VENDOR_ID, PCI_ABSENT16, VENDOR_RETRY, &value);
    }
    if (status == VPT_OK) {
        status = restore(device, COUNT_OF(restored));
    }
    if (status == VPT_OK) {
        status = vpt_assign_config_restore(device);
    }
    device->reset_needed = status != VPT_OK;
    return status;
}

/* Whether there may be one: what the hook has it says when it is asked. */
static bool has_way(const struct vpt_assign_device *device)
{
    unsigned at;

    return device->host->delay != NULL && (device->host->reset != NULL || find_way(device, &at) != NULL);
}

enum vpt_status vpt_assign_reset_host(struct vpt_assign_device *device)
{
    const struct vpt_assign_host *host = device->host;
    enum vpt_status status = VPT_UNSUPPORTED_DEVICE;

    if (!has_way(device)) {
        return status;
    }
    if (host->reset != NULL) {
        status = host->reset(host->ctx, VPT_ASSIGN_RESET_DEVICE);
    }
    if (vpt_status_group(status) == VPT_GROUP_UNSUPPORTED) {
        status = begin(device);
    }
    return status == VPT_UNSUPPORTED_DEVICE ? status : settle(device, status);
}

/* ---- The whole ---- */

static enum vpt_status quiesce(struct vpt_assign_device *device)
{
    enum vpt_status host = vpt_assign_present(device);
    enum vpt_status master = vpt_assign_bus_master_off(device);
    enum vpt_status interrupts = vpt_assign_interrupts_off(device);
    enum vpt_status unmapped = vpt_assign_bars_unmap(device);

    if (device->vanished) {
        return VPT_DEVICE_GONE;
    }
    return vpt_pci_first_error(vpt_pci_first_error(host, master), vpt_pci_first_error(interrupts, unmapped));
}

/* What is left to be done of one that has been quiesced, when its function has been reset or has not. */
static enum vpt_status finish(struct vpt_assign_device *device, enum vpt_status status)
{
    device->reset_needed |= status != VPT_OK && status != VPT_UNSUPPORTED_DEVICE;
    device->degraded = device->owned && device->reset_needed;
    if (device->owned && !device->reset_needed) {
        enum vpt_status followed;

        vpt_assign_power_on(device);
        followed = vpt_assign_interrupts_follow(device);
        device->degraded = followed != VPT_OK;
        status = vpt_pci_first_error(status, followed);
    }
    return status;
}

/* What is done for all functions on a bus: whether they are one owner's, then the reset's beginning and its end. */
enum step { STEP_CHECK, STEP_QUIESCE, STEP_END };

static enum vpt_status each_on_bus(const struct vpt_assign_device *device, enum step step, enum vpt_status status)
{
    enum vpt_status result = status;

    for (struct vpt_assign_device *other = device->registry->first; other != NULL; other = other->next) {
        if (other->address.segment != device->address.segment || other->address.bus != device->address.bus) {
            continue;
        }
        if (step == STEP_QUIESCE) {
            result = vpt_pci_first_error(result, quiesce(other));
        } else if (step == STEP_END) {
            result = vpt_pci_first_error(result, finish(other, settle(other, status)));
        } else if (other->owned != device->owned || other->owner != device->owner || other->host->delay == NULL) {
            result = VPT_CALLER_OWNED;
        }
    }
    return result;
}

enum vpt_status vpt_assign_reset(struct vpt_assign_device *device)
{
    const struct vpt_assign_host *host;
    enum vpt_status status;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    host = device->host;
    if (!has_way(device)) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    status = quiesce(device);
    if (status == VPT_OK) {
        status = vpt_assign_reset_host(device);
    }
    if (status == VPT_UNSUPPORTED_DEVICE && host->reset_bus && host->reset != NULL && device->registry != NULL &&
        each_on_bus(device, STEP_CHECK, VPT_OK) == VPT_OK) {
        status = each_on_bus(device, STEP_QUIESCE, VPT_OK);
        if (status == VPT_OK) {
            status = host->reset(host->ctx, VPT_ASSIGN_RESET_BUS);
        }
        return each_on_bus(device, STEP_END, status);
    }
    return finish(device, status);
}
