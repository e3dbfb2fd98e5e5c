/* SPDX-License-Identifier: MIT */
/* Prints the result of a step if it is bad. A failed step ends the kernel with a failure status. */
#ifndef KERNEL_STEP_H
#define KERNEL_STEP_H

#include <vpt/status.h>

#include "console.h"

/* Whether `status` is the expected one; if not, prints the step and the status. */
static inline bool step_expect(const char *what, enum vpt_status expected, enum vpt_status status)
{
    if (status == expected) {
        return true;
    }
    print("FAILED: %s: %s (status 0x%x)\n", what, vpt_status_str(status), (unsigned)status);
    return false;
}

static inline bool step(const char *what, enum vpt_status status)
{
    return step_expect(what, VPT_OK, status);
}

#endif
