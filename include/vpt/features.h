/* SPDX-License-Identifier: MIT */
/* Feature bits (VirtIO 1.4, section 2.2 and chapter 6): sets of at least 128, kept as 32-bit words. */
#ifndef VPT_FEATURES_H
#define VPT_FEATURES_H

#include <vpt/types.h>

/* A meaning depends on the device type for bits 0 to 23, 41, 42 and 50 up; these are the generic ones. */
#define VPT_F_NOTIFY_ON_EMPTY   24u /* legacy interface */
#define VPT_F_ANY_LAYOUT        27u /* legacy interface */
#define VPT_F_INDIRECT_DESC     28u
#define VPT_F_EVENT_IDX         29u
#define VPT_F_VERSION_1         32u
#define VPT_F_ACCESS_PLATFORM   33u
#define VPT_F_RING_PACKED       34u
#define VPT_F_IN_ORDER          35u
#define VPT_F_ORDER_PLATFORM    36u
#define VPT_F_SR_IOV            37u
#define VPT_F_NOTIFICATION_DATA 38u
#define VPT_F_NOTIF_CONFIG_DATA 39u
#define VPT_F_RING_RESET        40u
#define VPT_F_ADMIN_VQ          41u
#define VPT_F_SUSPEND           43u

#define VPT_FEATURE_WORDS 4u

/* Bit b is bit b % 32 of word b / 32. A zeroed set is empty. */
struct vpt_features {
    uint32_t word[VPT_FEATURE_WORDS];
};

/*
 * What a kernel decides about the features of a device, beside its driver, which accepts what it can use. A
 * confidential guest requires VPT_F_ACCESS_PLATFORM: a device without it would reach memory past the IOMMU, and past
 * bounce buffers.
 */
struct vpt_feature_choice {
    struct vpt_features required; /* without one of these the device is given up (VPT_UNSUPPORTED_FEATURE) */
    struct vpt_features refused;  /* not to be accepted even if offered */
};

/* Bits of 128 and above belong to no set: adding one changes nothing. Any context. */
static inline bool vpt_features_has(const struct vpt_features *features, unsigned bit)
{
    return bit < VPT_FEATURE_WORDS * 32u && ((features->word[bit / 32u] >> (bit % 32u)) & 1u) != 0;
}

static inline void vpt_features_add(struct vpt_features *features, unsigned bit)
{
    if (bit < VPT_FEATURE_WORDS * 32u) {
        features->word[bit / 32u] |= 1u << (bit % 32u);
    }
}

static inline void vpt_features_remove(struct vpt_features *features, unsigned bit)
{
    if (bit < VPT_FEATURE_WORDS * 32u) {
        features->word[bit / 32u] &= ~(1u << (bit % 32u));
    }
}

#endif
