/* SPDX-License-Identifier: MIT */
/* The life of a device, written once for every transport (VirtIO 1.4, sections 2.1, 2.2, 2.4 and 3.1). */
#include "../access.h"
#include "../log.h"
#include "transport.h"
#include "wait.h"

/*
 * The generic and the reserved features of words 0 and 1 (bits 24 to 40 and 43 to 49), and of those the ones that the
 * library handles for every driver.
 */
#define GENERIC_WORD_0     0xff000000u
#define GENERIC_WORD_1     0x0003f9ffu
#define RING_WORD_0        ((1u << VPT_F_INDIRECT_DESC) | (1u << VPT_F_EVENT_IDX))
#define RING_WORD_0_LEGACY (1u << VPT_F_ANY_LAYOUT)
#define RING_WORD_1                                                                                               \
    ((1u << (VPT_F_VERSION_1 - 32u)) | (1u << (VPT_F_ACCESS_PLATFORM - 32u)) |                                    \
     (1u << (VPT_F_ORDER_PLATFORM - 32u)) | (1u << (VPT_F_NOTIFICATION_DATA - 32u)) |                             \
     (1u << (VPT_F_SUSPEND - 32u)))

uint32_t vpt_device_read_status(struct vpt_device *device)
{
    uint32_t status = device->ops->status_read(device);

    if (status == VPT_STATUS_GONE) {
        VPT_WRITE_ONCE(device->gone, true);
    }
    return status;
}

static void add_status(struct vpt_device *device, uint8_t bit)
{
    uint8_t status = (uint8_t)(device->status | bit);

    /* The register goes first: a check in another context takes a 0 there for a reset if bits have been set. */
    device->ops->status_write(device, status);
    VPT_WRITE_ONCE(device->status, status);
}

/* From here on the queues are the driver's. */
static void end_life(struct vpt_device *device)
{
    VPT_WRITE_ONCE(device->resets, device->resets + 1u);
    device->queues = NULL;
}

/*
 * After a reset that did not finish: takes memory out of the device's reach, if the transport can do that. The queues
 * are then the driver's as after a reset.
 */
static enum vpt_status cut_off(struct vpt_device *device)
{
    enum vpt_status status = VPT_DEVICE_STUCK;

    if (device->ops->bus_master != NULL) {
        status = device->ops->bus_master(device, false);
    }
    VPT_WRITE_ONCE(device->stuck, status != VPT_OK);
    if (status == VPT_OK) {
        end_life(device);
        return VPT_DEVICE_TIMEOUT;
    }
    return vpt_gone(device) ? VPT_DEVICE_GONE : VPT_DEVICE_STUCK;
}

enum vpt_status vpt_device_reset(struct vpt_device *device)
{
    uint32_t iteration = 0;
    uint32_t status;

    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    vpt_zero(&device->features, sizeof(device->features));
    VPT_WRITE_ONCE(device->status, 0);
    device->ops->status_write(device, 0);
    do {
        status = vpt_device_read_status(device);
    } while (status != 0 && !vpt_gone(device) && vpt_keep_waiting(device->port, VPT_WAIT_RESET, &iteration));
    if (status == 0) {
        VPT_WRITE_ONCE(device->stuck, false);
        end_life(device);
        return VPT_OK;
    }
    return vpt_log(device->port, VPT_LOG_ERROR, "reset", vpt_gone(device) ? VPT_DEVICE_GONE : cut_off(device));
}

/*
 * What may be accepted of `word`: the device type's features that the driver names, and generic ones as the library
 * handles them, whatever the driver names (FEAT-3): a driver can't do what needs another queue.
 */
static uint32_t acceptable(const struct vpt_device *device, unsigned word, uint32_t named)
{
    if (word == 0) {
        return (named & ~GENERIC_WORD_0) | RING_WORD_0 | (vpt_legacy(device) ? RING_WORD_0_LEGACY : 0u);
    }
    return word == 1u ? (named & ~GENERIC_WORD_1) | RING_WORD_1 | device->ops->features_1 : named;
}

static uint32_t word_of(const struct vpt_features *features, unsigned word)
{
    return features != NULL ? features->word[word] : 0;
}

/* VERSION_1 is not the driver's to refuse (RSVFEAT-1). */
static uint32_t indispensable(const struct vpt_device *device, unsigned word, const struct vpt_features *required)
{
    uint32_t must = word_of(required, word);

    return word == 1u && !vpt_legacy(device) ? must | (1u << (VPT_F_VERSION_1 - 32u)) : must;
}

/*
 * What is offered of a word. One above the second is looked at only if the driver names something of it: some devices
 * have two words and show the second under every higher selector; a repetition is no offer.
 */
static uint32_t offered_of(struct vpt_device *device, unsigned word, uint32_t named)
{
    uint32_t offered;

    if (word >= device->ops->feature_words || (word >= 2u && named == 0)) {
        return 0;
    }
    offered = device->ops->features_read(device, word);
    return word < 2u || offered != device->offered.word[1] ? offered : 0;
}

static enum vpt_status choose_features(struct vpt_device *device, const struct vpt_features *required,
                                       const struct vpt_features *wanted, const struct vpt_features *refused)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS; word++) {
        uint32_t must = indispensable(device, word, required);
        uint32_t named = must | word_of(wanted, word);
        uint32_t offered = offered_of(device, word, named);
        uint32_t possible = offered & acceptable(device, word, named);

        device->offered.word[word] = offered;
        device->features.word[word] = possible & (must | ~word_of(refused, word));
        if ((must & ~possible) != 0) {
            return (word_of(required, word) & ~possible) != 0 ? VPT_UNSUPPORTED_FEATURE : VPT_DEVICE_FEATURES;
        }
    }
    return VPT_OK;
}

/* A device with two words would take a zero for a third one as the second, and VERSION_1 back with it. */
static void write_features(struct vpt_device *device)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS && word < device->ops->feature_words; word++) {
        if (word < 2u || device->features.word[word] != 0) {
            device->ops->features_write(device, word, device->features.word[word]);
        }
    }
}

/* Step 5 and 6: a legacy interface has neither the bit nor the read-back (LEG-INIT-1). */
static enum vpt_status confirm_features(struct vpt_device *device)
{
    uint32_t status;

    if (vpt_legacy(device)) {
        return VPT_OK;
    }
    add_status(device, VPT_STATUS_FEATURES_OK);
    status = vpt_device_read_status(device);
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    return (status & VPT_STATUS_FEATURES_OK) != 0 ? VPT_OK : VPT_DEVICE_FEATURES_REFUSED;
}

/* What seems to be missing may come of a device that is gone: registers read 0 then on some machines. */
static enum vpt_status give_up(struct vpt_device *device, const char *subject, enum vpt_status status)
{
    if (vpt_device_check(device) == VPT_DEVICE_GONE) {
        status = VPT_DEVICE_GONE;
    }
    vpt_device_fail(device);
    return vpt_log(device->port, VPT_LOG_ERROR, subject, status);
}

enum vpt_status vpt_device_choose_features(struct vpt_device *device, const struct vpt_features *required,
                                           const struct vpt_features *wanted, const struct vpt_features *refused)
{
    enum vpt_status status = vpt_device_reset(device);

    if (status != VPT_OK) {
        return status;
    }
    if (device->ops->bus_master != NULL) {
        status = device->ops->bus_master(device, true);
        if (status != VPT_OK) {
            return give_up(device, "bus mastering", status);
        }
    }
    add_status(device, VPT_STATUS_ACKNOWLEDGE);
    add_status(device, VPT_STATUS_DRIVER);
    status = choose_features(device, required, wanted, refused);
    return status == VPT_OK ? status : give_up(device, "features", status);
}

enum vpt_status vpt_device_accept_features(struct vpt_device *device)
{
    enum vpt_status status;

    write_features(device);
    status = confirm_features(device);
    return status == VPT_OK ? status : give_up(device, "features", status);
}

enum vpt_status vpt_device_negotiate(struct vpt_device *device, const struct vpt_features *required,
                                     const struct vpt_features *wanted, const struct vpt_features *refused)
{
    enum vpt_status status = vpt_device_choose_features(device, required, wanted, refused);

    return status == VPT_OK ? vpt_device_accept_features(device) : status;
}

bool vpt_device_in_setup(const struct vpt_device *device)
{
    uint8_t done = VPT_STATUS_ACKNOWLEDGE | VPT_STATUS_DRIVER;

    if (!vpt_legacy(device)) {
        done |= VPT_STATUS_FEATURES_OK;
    }
    return device->status == done;
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
    /* A device that knows nothing of the driver was reset by somebody else: it has no queues any more. */
    return (status & VPT_STATUS_DEVICE_NEEDS_RESET) != 0 || (status == 0 && VPT_READ_ONCE(device->status) != 0)
               ? VPT_DEVICE_NEEDS_RESET
               : VPT_OK;
}

enum vpt_status vpt_device_refused(struct vpt_device *device, const char *subject, enum vpt_status status)
{
    bool doubtful = vpt_status_group(status) == VPT_GROUP_DEVICE ? status != VPT_DEVICE_STUCK
                                                                 : status == VPT_UNSUPPORTED_QUEUE;

    if (doubtful && vpt_device_check(device) == VPT_DEVICE_GONE) {
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
    return device->ops->name;
}

uint32_t vpt_device_interrupt(struct vpt_device *device)
{
    return vpt_gone(device) ? 0 : device->ops->interrupt(device);
}

enum vpt_status vpt_device_shared_memory(struct vpt_device *device, uint8_t id,
                                         struct vpt_shared_memory_region *region)
{
    enum vpt_status status;

    if (region == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (vpt_gone(device)) {
        return VPT_DEVICE_GONE;
    }
    if (device->ops->shared_memory == NULL) {
        return VPT_UNSUPPORTED_REQUEST;
    }
    status = device->ops->shared_memory(device, id, region);
    if (status != VPT_OK) {
        return status;
    }
    return region->length != 0 && region->length != ~(uint64_t)0 &&
                   region->length - 1u <= ~(uint64_t)0 - region->base
               ? VPT_OK
               : VPT_UNSUPPORTED_REQUEST;
}
