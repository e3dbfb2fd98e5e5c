/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_TRANSPORT_WAIT_H
#define VPT_SRC_TRANSPORT_WAIT_H

#include <vpt/port.h>

#include "../log.h"

/*
 * Whether a bounded wait may try again after attempt number `*iteration`, which this increments: as the port's
 * keep_waiting says, or up to the documented number of attempts.
 */
bool vpt_keep_waiting(const struct vpt_port *port, enum vpt_wait what, uint32_t *iteration);

#endif
