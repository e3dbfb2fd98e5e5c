/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_TRANSPORT_WAIT_H
#define VPT_SRC_TRANSPORT_WAIT_H

#include <vpt/port.h>

#include "../log.h"

/*
 * Whether a bounded wait may try again after attempt number `*iteration`: the port's keep_waiting decides, or else the
 * documented number of attempts. Increments *iteration.
 */
bool vpt_keep_waiting(const struct vpt_port *port, enum vpt_wait what, uint32_t *iteration);

#endif
