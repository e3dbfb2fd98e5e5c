/* SPDX-License-Identifier: MIT */
#include "wait.h"

static const uint32_t default_attempts[] = {
    [VPT_WAIT_RESET] = VPT_WAIT_RESET_READS,
    [VPT_WAIT_CONFIGURATION] = VPT_WAIT_CONFIGURATION_READS,
    [VPT_WAIT_REQUEST] = VPT_WAIT_REQUEST_READS,
    [VPT_WAIT_SUSPEND] = VPT_WAIT_SUSPEND_READS,
};

bool vpt_keep_waiting(const struct vpt_port *port, enum vpt_wait what, uint32_t *iteration)
{
    uint32_t attempt = *iteration;

    if (attempt != 0xffffffffu) {
        *iteration = attempt + 1u;
    }
    if (port->keep_waiting != NULL) {
        return port->keep_waiting(port->ctx, what, attempt);
    }
    return attempt < default_attempts[what] - 1u;
}
