/* SPDX-License-Identifier: MIT */
/*
 * Reset, negotiation, start and failure of a device, the same for all transports (VirtIO 1.4, sections 2.1, 2.2, 2.4
 * and 3.1).
 */
#include "../access.h"
#include "../log.h"
#include "transport_ops.h"
#include "wait.h"

/* The generic and the reserved features of words 0 and 1 (bits 24 to 40 and 43 to 49). */
static const uint32_t generic[2] = { 0xff000000u, 0x0003f9ffu };

/* Features of word 1 that a modern device must have. */
#ifdef VPT_WITHOUT_SPLIT
#define REQUIRED_1 (1u << (VPT_F_VERSION_1 - 32u) | 1u << (VPT_F_RING_PACKED - 32u))
#else
#define REQUIRED_1 (1u << (VPT_F_VERSION_1 - 32u))
#endif

uint32_t vpt_device_read_status(struct vpt_device *device)
{
    uint32_t status = vpt_device_get(device, VPT_REGISTER_STATUS);

    if (device->ops->pci != NULL && device->ops->pci->removed(device, status)) {
        status = VPT_STATUS_GONE;
    }
    if (status == VPT_STATUS_GONE) {
        VPT_WRITE_ONCE(device->gone, true);
    }
    return status;
}

static void add_status(struct vpt_device *device, uint8_t bit)
{
    uint8_t status = (uint8_t)(device->status | bit);

    /*
     * The register is written first: a context that sees bits in device->status but a register of 0 concludes that the
     * device was reset.
     */
    vpt_device_put(device, VPT_REGISTER_STATUS, status);
    VPT_WRITE_ONCE(device->status, status);
}

/* Called after a reset that did not finish. Returns whether the transport could keep the device from memory. */
static bool cut_off(struct vpt_device *device)
{
    return !vpt_gone(device) && device->ops->pci != NULL && device->ops->pci->bus_master(device, false) == VPT_OK;
}

enum vpt_status vpt_device_reset(struct vpt_device *device)
{
    enum vpt_status result = VPT_DEVICE_STUCK;
    uint32_t iteration = 0;
    uint32_t status;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    vpt_zero(&device->features, sizeof(device->features));
    VPT_WRITE_ONCE(device->status, 0);
    vpt_device_put(device, VPT_REGISTER_STATUS, 0);
    do {
        status = vpt_device_read_status(device);
    } while (status != 0 && !vpt_gone(device) && vpt_keep_waiting(device->port, VPT_WAIT_RESET, &iteration));
    if (status == 0 || cut_off(device)) { /* from here on the queues belong to the driver */
        VPT_WRITE_ONCE(device->resets, device->resets + 1u);
        device->queues = NULL;
        result = status == 0 ? VPT_OK : VPT_DEVICE_TIMEOUT;
    }
    VPT_WRITE_ONCE(device->stuck, result == VPT_DEVICE_STUCK);
    if (result == VPT_OK) {
        return result;
    }
    return vpt_log(device->port, VPT_LOG_ERROR, "reset", vpt_gone(device) ? VPT_DEVICE_GONE : result);
}

/*
 * Returns which features of a word the device offers; a legacy interface has one word. Some devices have two words, and
 * show the second one under every higher selector. So a word above the second is only read if the driver names a
 * feature of it, and offers nothing if it repeats the second word.
 */
static uint32_t offered_of(struct vpt_device *device, unsigned word, uint32_t named)
{
    uint32_t offered;

    if ((word != 0 && vpt_legacy(device)) || (word >= 2u && named == 0)) {
        return 0;
    }
    vpt_device_put(device, VPT_REGISTER_DEVICE_FEATURES_SEL, word);
    offered = vpt_device_get(device, VPT_REGISTER_DEVICE_FEATURES);
    return word < 2u || offered != device->offered.word[1] ? offered : 0;
}

/*
 * Chooses which features of a word are accepted: the device type's features that the driver names, and the generic ones
 * that the library handles, whatever the driver names (FEAT-3), since a driver cannot do what needs another queue.
 * Nobody can refuse VERSION_1 (RSVFEAT-1).
 */
static enum vpt_status choose_word(struct vpt_device *device, unsigned word, uint32_t required, uint32_t wanted,
                                   const struct vpt_feature_choice *choice)
{
    uint32_t must = word == 1u && !vpt_legacy(device) ? required | REQUIRED_1 : required;
    uint32_t possible = required | wanted;

    device->offered.word[word] = offered_of(device, word, possible);
    if (word < 2u) {
        possible = (possible & ~generic[word]) | device->ops->handled[word];
    }
    possible &= device->offered.word[word];
    if ((must & ~possible) != 0) {
        return (required & ~possible) != 0 ? VPT_UNSUPPORTED_FEATURE : VPT_DEVICE_FEATURES;
    }
    if (choice != NULL) {
        possible &= must | ~choice->refused.word[word];
    }
    device->features.word[word] = possible;
    return VPT_OK;
}

enum vpt_status vpt_device_choose_features(struct vpt_device *device, const struct vpt_features *required,
                                           const struct vpt_features *wanted, const struct vpt_feature_choice *choice)
{
    enum vpt_status status = VPT_OK;
    unsigned word;

    if (device->ops->pci != NULL) {
        status = device->ops->pci->bus_master(device, true);
        if (status != VPT_OK) {
            return status;
        }
    }
    add_status(device, VPT_STATUS_ACKNOWLEDGE);
    add_status(device, VPT_STATUS_DRIVER);
    for (word = 0; word < VPT_FEATURE_WORDS && status == VPT_OK; word++) {
        status = choose_word(device, word, required->word[word], wanted->word[word], choice);
    }
    return status;
}

/*
 * Steps 5 and 6. A legacy interface has no FEATURES_OK to set and read back (LEG-INIT-1). A word above the first is not
 * written if it is 0: a legacy interface has none, the second word has VERSION_1, and a device with two words would
 * take a higher one for its second, and lose VERSION_1.
 */
enum vpt_status vpt_device_accept_features(struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS; word++) {
        uint32_t features = device->features.word[word];

        if (choice != NULL && (choice->required.word[word] & ~features) != 0) {
            return VPT_UNSUPPORTED_FEATURE;
        }
        if (word == 0 || features != 0) {
            vpt_device_put(device, VPT_REGISTER_DRIVER_FEATURES_SEL, word);
            vpt_device_put(device, VPT_REGISTER_DRIVER_FEATURES, features);
        }
    }
    if (vpt_legacy(device)) {
        return VPT_OK;
    }
    add_status(device, VPT_STATUS_FEATURES_OK);
    return (vpt_device_read_status(device) & VPT_STATUS_FEATURES_OK) != 0 ? VPT_OK : VPT_DEVICE_FEATURES_REFUSED;
}

enum vpt_status vpt_device_settle(struct vpt_device *device, enum vpt_status status)
{
    if (vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    if (status != VPT_OK) {
        vpt_device_fail(device);
        (void)vpt_log(device->port, VPT_LOG_ERROR, "bring-up", status);
    }
    return status;
}

enum vpt_status vpt_device_negotiate(struct vpt_device *device, const struct vpt_features *required,
                                     const struct vpt_features *wanted, const struct vpt_features *refused)
{
    static const struct vpt_features none;
    struct vpt_feature_choice choice = { none, none };
    enum vpt_status status = vpt_device_reset(device);

    if (status != VPT_OK) {
        return status;
    }
    if (refused != NULL) {
        choice.refused = *refused;
    }
    status = vpt_device_choose_features(device, required != NULL ? required : &none, wanted != NULL ? wanted : &none,
                                        &choice);
    if (status == VPT_OK) {
        status = vpt_device_accept_features(device, &choice);
    }
    return vpt_device_settle(device, status);
}

enum vpt_status vpt_device_start(struct vpt_device *device)
{
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (!vpt_device_in_setup(device)) {
        return VPT_CALLER_STATE;
    }
    add_status(device, VPT_STATUS_DRIVER_OK);
    return vpt_device_check(device);
}

void vpt_device_fail(struct vpt_device *device)
{
    vpt_zero(&device->features, sizeof(device->features));
    if (!vpt_gone(device)) {
        add_status(device, VPT_STATUS_FAILED);
    }
}

enum vpt_status vpt_device_check(struct vpt_device *device)
{
    uint32_t status;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    status = vpt_device_read_status(device);
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    /* If the status is 0 but the driver has set bits, somebody else has reset the device: it has no queues any more. */
    return (status & VPT_STATUS_DEVICE_NEEDS_RESET) != 0 || (status == 0 && VPT_READ_ONCE(device->status) != 0)
               ? VPT_DEVICE_NEEDS_RESET
               : VPT_OK;
}

enum vpt_status vpt_device_refused(struct vpt_device *device, const char *subject, enum vpt_status status)
{
    /* A mistake of the caller is returned without looking at the device. */
    if ((uint32_t)status >> 8 != VPT_GROUP_CALLER && status != VPT_DEVICE_STUCK &&
        vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    return vpt_log(device->port, VPT_LOG_WARNING, subject, status);
}

bool vpt_device_gone(const struct vpt_device *device)
{
    return vpt_gone(device);
}

bool vpt_device_legacy(const struct vpt_device *device)
{
    return vpt_legacy(device);
}

const char *vpt_device_transport(const struct vpt_device *device)
{
    if (device->ops->pci != NULL) {
        return vpt_legacy(device) ? "virtio-pci legacy" : "virtio-pci";
    }
    return vpt_legacy(device) ? "virtio-mmio legacy" : "virtio-mmio";
}
