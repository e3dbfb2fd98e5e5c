/* SPDX-License-Identifier: MIT */
/* When something is to go wrong: at the n-th opportunity, and for how many from there. */
#ifndef VPT_TESTS_MOCK_TRIGGER_H
#define VPT_TESTS_MOCK_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

struct mock_trigger {
    uint32_t first; /* the opportunity it fires at, counted from 1; 0: never */
    uint32_t times; /* for how many opportunities in a row; 0: from then on always */
    uint32_t seen;  /* opportunities so far */
    uint32_t fired; /* how often it did fire */
};

/* Counts an opportunity and tells whether this one is to go wrong. */
static inline bool mock_trigger_fires(struct mock_trigger *trigger)
{
    bool fires;

    if (trigger->first == 0) {
        return false;
    }
    trigger->seen += trigger->seen != UINT32_MAX ? 1u : 0u;
    fires = trigger->seen >= trigger->first && (trigger->times == 0 || trigger->seen - trigger->first < trigger->times);
    trigger->fired += fires ? 1u : 0u;
    return fires;
}

/* Arms a trigger; what it has counted so far is forgotten. */
static inline void mock_trigger_set(struct mock_trigger *trigger, uint32_t first, uint32_t times)
{
    *trigger = (struct mock_trigger){ .first = first, .times = times };
}

#endif
