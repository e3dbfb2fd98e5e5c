/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_LOG_H
#define VPT_SRC_LOG_H

#include <vpt/port.h>

/* Passes a line to the port's log, if it has one, and the status through. */
enum vpt_status vpt_log(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                        enum vpt_status status);

#endif
