/* SPDX-License-Identifier: MIT */
#include "wait.h"

/* By enum vpt_wait, from VPT_WAIT_RESET on. */
static const uint32_t default_attempts[] = {
    [VPT_WAIT_RESET - 1] = VPT_WAIT_RESET_READS,     [VPT_WAIT_CONFIGURATION - 1] = VPT_WAIT_CONFIGURATION_READS,
    [VPT_WAIT_REQUEST - 1] = VPT_WAIT_REQUEST_READS, [VPT_WAIT_SUSPEND - 1] = VPT_WAIT_SUSPEND_READS,
    [VPT_WAIT_QUEUE - 1] = VPT_WAIT_QUEUE_READS,
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
    return attempt < default_attempts[what - 1] - 1u;
}
