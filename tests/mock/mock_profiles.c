/* SPDX-License-Identifier: MIT */
#include "mock_profiles.h"

#include <vpt/blk.h>

#define BIT(feature)       (UINT32_C(1) << (feature))
#define FAULT(name, value) .fault_count = 1, .faults = { { MOCK_FAULT_##name, value } }

const struct mock_profile mock_profiles[MOCK_PROFILES] = {
    [MOCK_PROFILE_ONE_SEGMENT] = { "one-segment",
                                   "a request of more than one data segment fails; no SEG_MAX, no INDIRECT_DESC",
                                   .withhold = { { BIT(VPT_BLK_F_SEG_MAX) | BIT(VPT_F_INDIRECT_DESC) } },
                                   FAULT(SEGMENTS, 1) },
    [MOCK_PROFILE_LENGTH_COUNTS_WRITES] = { "length-counts-writes", "the used length counts what was read, too",
                                            FAULT(USED_LENGTH_ALL, 0) },
    [MOCK_PROFILE_LENGTH_ALL_ONES] = { "length-all-ones", "the used length is all-ones",
                                       FAULT(USED_LENGTH, UINT32_MAX) },
    [MOCK_PROFILE_LENGTH_ZERO] = { "length-zero", "the used length is 0", FAULT(USED_LENGTH_SHORT, 0) },
    [MOCK_PROFILE_SIZE_IGNORED] = { "size-ignored", "a queue keeps its maximum size, whatever is written",
                                    FAULT(QUEUE_SIZE_IGNORED, 0) },
    [MOCK_PROFILE_SMALL_QUEUE] = { "small-queue", "queues have 8 entries", .queue_maximum = 8 },
    [MOCK_PROFILE_SLOW_RESET] = { "slow-reset", "a reset takes 500 status reads", FAULT(RESET_SLOW, 500) },
    [MOCK_PROFILE_NO_EVENT_IDX] = { "no-event-idx", "EVENT_IDX is not offered",
                                    .withhold = { { BIT(VPT_F_EVENT_IDX) } } },
    [MOCK_PROFILE_LEGACY_IN_MEMORY] = { "legacy-in-memory", "the legacy interface on PCI is in a memory BAR",
                                        .header_in_memory = true },
};
