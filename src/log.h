/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_LOG_H
#define VPT_SRC_LOG_H

#include <vpt/port.h>

/* Writes a line to the port's log, if it has one. Returns `status`. */
enum vpt_status vpt_log(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                        enum vpt_status status);

/* Does what vpt_log() does, and logs that `bytes` of memory were asked for. */
enum vpt_status vpt_log_memory(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                               enum vpt_status status, size_t bytes);

/* Names the function that the port lacks, and returns VPT_UNSUPPORTED_PORT. */
enum vpt_status vpt_log_missing(const struct vpt_port *port, const char *function);

#endif
