/* SPDX-License-Identifier: MIT */
/* Resets of the host's function, and restoring what it has lost by them. */
#include "reset.h"

#include "assign_capability.h"
#include "compose.h"
#include "follow.h"
#include "guest_interrupt.h"
#include "guest_registers.h"
#include "host_function.h"
#include "permission.h"

#define VENDOR_RETRY    0x0001u /* the vendor id of a function that is not ready yet */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define LOOK_TIME     10000u /* microseconds between two looks at a register */
#define PENDING_LOOKS 101u   /* until transactions have ended: a second */

/* ---- Registers of the host ---- */

static enum vpt_status write_host(const struct vpt_assign_device *device, unsigned offset, unsigned width,
                                  uint32_t value)
{
    return device->host->config_write(device->host->ctx, (uint16_t)offset, width, value);
}

/*
 * Reads a register of 4 bytes until the bits `mask` are no longer `bad`, at most *looks times. Subtracts the number of
 * `bad` answers from *looks. VPT_DEVICE_STUCK: the bits are still `bad`.
 */
static enum vpt_status wait_for_register(const struct vpt_assign_device *device, unsigned offset, uint32_t mask,
                                         uint32_t bad, uint32_t *value, unsigned *looks)
{
    const struct vpt_assign_host *host = device->host;

    for (; *looks != 0; --*looks) {
        enum vpt_status status = host->config_read(host->ctx, (uint16_t)offset, 4, value);

        if (status != VPT_OK || (*value & mask) != bad) {
            return status;
        }
        host->delay(host->ctx, LOOK_TIME);
    }
    return VPT_DEVICE_STUCK;
}

/* ---- Ways to reset a function ---- */

/* A way to reset a function by a capability, whose control register has 4 bytes, of which 2 are written. */
struct way {
    uint8_t id;
    uint8_t able_at;   /* the byte that says whether the function has this way: */
    uint8_t able_mask; /* it has if these bits */
    uint8_t able;      /* have these values */
    uint8_t control;
    uint8_t busy;         /* the reset should not begin while this bit is set */
    uint8_t milliseconds; /* how long it takes */
    bool back;            /* `set` has to be cleared afterwards, which takes as long */
    uint16_t set;         /* bits that begin it; other bits stay, except bit 15, which may act when it is 1 */
};

#define KEPT 0x7fffu

#define PCIE_CONTROL 8u
#define PCIE_PAYLOAD 0xe0u

static const struct way ways[] = {
    { ASSIGN_CAPABILITY_PCIE, 7, 0x10, 0x10, PCIE_CONTROL, 21, 100, false, 0x8000 },
    { ASSIGN_CAPABILITY_AF, 3, 0x03, 0x03, 4, 8, 100, false, 0x0001 },
    { ASSIGN_CAPABILITY_PM, 4, 0x08, 0, ASSIGN_PM_CONTROL, 21 /* a reserved bit, 0 */, 10, true, ASSIGN_PM_STATE_MASK },
};

/* Returns the first way that the function has, or NULL; *at is where its control register is. */
static const struct way *find_reset_way(const struct vpt_assign_device *device, unsigned *at)
{
    for (unsigned i = 0; i < COUNT_OF(ways); i++) {
        const struct way *way = &ways[i];

        *at = vpt_assign_find_capability(device, way->id, way->control);
        if (*at != 0 && (vpt_assign_saved8(device, *at + way->able_at) & way->able_mask) == way->able) {
            *at += way->control;
            return way;
        }
    }
    return NULL;
}

static enum vpt_status begin_reset(const struct vpt_assign_device *device, const struct way *way, unsigned at)
{
    uint32_t set = 1u << way->busy;
    unsigned looks = PENDING_LOOKS;
    uint32_t value = 0;
    enum vpt_status status = wait_for_register(device, at, set, set, &value, &looks);

    if (status != VPT_OK && status != VPT_DEVICE_STUCK) {
        return status;
    }
    /* A function whose transactions never end is reset, too. */
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

/*
 * Ends a reset whose status so far is `status`: waits until the function answers, and restores its configuration as it
 * was at the open. If the device keeps its owner, the extended space is not restored, because its sticky registers
 * survive such a reset.
 */
static enum vpt_status finish_host_reset(struct vpt_assign_device *device, enum vpt_status status)
{
    uint32_t time = device->host->ready_wait != 0 ? device->host->ready_wait : VPT_ASSIGN_READY_WAIT;
    unsigned looks = time / LOOK_TIME + 1u;
    unsigned end = device->owned && !device->degraded ? PCI_CAPABILITIES_EXTENDED : device->config_size;
    uint32_t value = 0;

    /* At first the function does not answer at all, then it answers that it is not ready. */
    if (status == VPT_OK) {
        status = wait_for_register(device, PCI_COMMAND, PCI_ABSENT32, PCI_ABSENT32, &value, &looks);
    }
    if (status == VPT_OK) {
        status = wait_for_register(device, PCI_VENDOR_ID, PCI_ABSENT16, VENDOR_RETRY, &value, &looks);
    }
    if (status == VPT_OK) {
        status = vpt_assign_restore(device, end, PCI_ABSENT16);
    }
    device->reset_needed = status != VPT_OK;
    return status;
}

enum vpt_status vpt_assign_reset_host(struct vpt_assign_device *device)
{
    const struct vpt_assign_host *host = device->host;
    enum vpt_status status = VPT_UNSUPPORTED_DEVICE;
    unsigned at;
    const struct way *way = find_reset_way(device, &at);

    if (host->delay == NULL) {
        return status;
    }
    if (host->reset != NULL) {
        status = host->reset(host->ctx, VPT_ASSIGN_RESET_DEVICE);
    }
    if (vpt_status_group(status) == VPT_GROUP_UNSUPPORTED) {
        if (way == NULL) {
            return VPT_UNSUPPORTED_DEVICE;
        }
        status = begin_reset(device, way, at);
    }
    return finish_host_reset(device, status);
}

/* ---- The device ---- */

enum vpt_status vpt_assign_quiet(struct vpt_assign_device *device, bool all)
{
    enum vpt_status status = vpt_assign_interrupts_off(device);

    return vpt_pci_first_error(status, vpt_assign_unmap(device, NULL, all));
}

static enum vpt_status quiesce_for_reset(struct vpt_assign_device *device)
{
    enum vpt_status master = vpt_assign_command(device, VPT_PCI_COMMAND_BUS_MASTER, 0);

    return vpt_pci_first_error(master, vpt_assign_quiet(device, false));
}

/* Ends the reset of a device that was quiesced; `status` says whether its function was reset. */
static enum vpt_status finish_reset(struct vpt_assign_device *device, enum vpt_status status)
{
    device->reset_needed |= status != VPT_OK && status != VPT_UNSUPPORTED_DEVICE;
    if (!device->owned) {
        return status;
    }
    device->degraded = device->reset_needed;
    if (!device->degraded) {
        enum vpt_status followed;

        vpt_assign_power_on(device);
        followed = vpt_assign_interrupts_follow(device);
        device->degraded = followed != VPT_OK;
        status = vpt_pci_first_error(status, followed);
    }
    return status;
}

/* Steps for all functions on a bus: check that they have one owner, quiesce them, end the reset. */
enum step { STEP_CHECK, STEP_QUIESCE, STEP_END };

static enum vpt_status each_on_bus(const struct vpt_assign_device *device, enum step step, enum vpt_status status)
{
    enum vpt_status result = status;

    for (struct vpt_assign_device *other = device->registry->first; other != NULL; other = other->next) {
        if (other->address.segment != device->address.segment || other->address.bus != device->address.bus) {
            continue;
        }
        if (step == STEP_QUIESCE) {
            result = vpt_pci_first_error(result, quiesce_for_reset(other));
        } else if (step == STEP_END) {
            result = vpt_pci_first_error(result, finish_reset(other, finish_host_reset(other, status)));
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
    unsigned at;

    if (device == NULL || device->host == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    host = device->host;
    /* Only a call of host->reset() shows which resets it can do. */
    if (host->delay == NULL || (host->reset == NULL && find_reset_way(device, &at) == NULL)) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    status = quiesce_for_reset(device);
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
    return finish_reset(device, status);
}

enum vpt_status vpt_assign_reset_function(struct vpt_assign_device *device)
{
    /* Without the capability, `at` is the offset of the revision, which does not change. */
    unsigned at = vpt_assign_find_capability(device, ASSIGN_CAPABILITY_PCIE, PCIE_CONTROL) + PCIE_CONTROL;
    uint8_t before = vpt_assign_shadow8(device, at);
    enum vpt_status status = vpt_assign_reset(device);

    vpt_assign_shadow_set8(device, at, (uint8_t)vpt_assign_merge(vpt_assign_shadow8(device, at), before, PCIE_PAYLOAD));
    return status;
}
