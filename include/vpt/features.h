/* SPDX-License-Identifier: MIT */
/* Feature bits (VirtIO 1.4, section 2.2 and chapter 6): sets of at least 128, kept as 32-bit words. */
#ifndef VPT_FEATURES_H
#define VPT_FEATURES_H

#include <vpt/types.h>

/* The meaning of bits 0 to 23, 41, 42 and from 50 on depends on the device type; these are the generic features. */
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

/* A set: feature b is bit b % 32 of word b / 32. A zeroed set is empty. */
struct vpt_features {
    uint32_t word[VPT_FEATURE_WORDS];
};

/*
 * What a kernel decides about the features of a device; its driver accepts what it can use beside that. A confidential
 * guest requires VPT_F_ACCESS_PLATFORM, because a device without this feature bypasses the IOMMU and bounce buffers.
 */
struct vpt_feature_choice {
    struct vpt_features required; /* a device without one of these is given up (VPT_UNSUPPORTED_FEATURE) */
    struct vpt_features refused;  /* these are not accepted even if the device offers them */
};

/*
 * Returns whether a set has a feature. No set has bits of 128 and above.
 *
 * Context: any; lock: none.
 */
static inline bool vpt_features_has(const struct vpt_features *features, unsigned bit)
{
    return bit < VPT_FEATURE_WORDS * 32u && ((features->word[bit / 32u] >> (bit % 32u)) & 1u) != 0;
}

/*
 * Adds a feature to a set; a bit of 128 or above changes nothing.
 *
 * Context: any; lock: none.
 */
static inline void vpt_features_add(struct vpt_features *features, unsigned bit)
{
    if (bit < VPT_FEATURE_WORDS * 32u) {
        features->word[bit / 32u] |= 1u << (bit % 32u);
    }
}

/*
 * Removes a feature from a set.
 *
 * Context: any; lock: none.
 */
static inline void vpt_features_remove(struct vpt_features *features, unsigned bit)
{
    if (bit < VPT_FEATURE_WORDS * 32u) {
        features->word[bit / 32u] &= ~(1u << (bit % 32u));
    }
}

#endif
