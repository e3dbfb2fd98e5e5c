/* SPDX-License-Identifier: MIT */
/*
 * Oddities of real devices that a driver has to work with: faults that fire at every opportunity, features that are
 * not offered, sizes, and where registers are. A machine's options name one:
 *
 *     struct mock_machine_options options = { .profile = &mock_profiles[MOCK_PROFILE_ONE_SEGMENT] };
 */
#ifndef VPT_TESTS_MOCK_PROFILES_H
#define VPT_TESTS_MOCK_PROFILES_H

#include <vpt/features.h>

#include "mock_faults.h"

#define MOCK_PROFILE_FAULTS 2u

enum mock_profile_name {
    MOCK_PROFILE_ONE_SEGMENT,
    MOCK_PROFILE_LENGTH_COUNTS_WRITES,
    MOCK_PROFILE_LENGTH_ALL_ONES,
    MOCK_PROFILE_LENGTH_ZERO,
    MOCK_PROFILE_SIZE_IGNORED,
    MOCK_PROFILE_SMALL_QUEUE,
    MOCK_PROFILE_SLOW_RESET,
    MOCK_PROFILE_NO_EVENT_IDX,
    MOCK_PROFILE_LEGACY_IN_MEMORY,
    MOCK_PROFILES
};

struct mock_profile {
    const char *name;
    const char *oddity;
    struct vpt_features withhold; /* beside those of the machine's options */
    uint32_t queue_maximum;       /* 0: as the options say */
    bool header_in_memory;        /* as in struct mock_pci_machine_options */
    unsigned fault_count;
    struct {
        enum mock_fault fault;
        uint64_t argument;
    } faults[MOCK_PROFILE_FAULTS];
};

extern const struct mock_profile mock_profiles[MOCK_PROFILES];

#endif
