/* SPDX-License-Identifier: MIT */
#include "log.h"

enum vpt_status vpt_log_memory(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                               enum vpt_status status, size_t bytes)
{
    if (port->log != NULL) {
        port->log(port->ctx, level, subject, status, bytes);
    }
    return status;
}

enum vpt_status vpt_log(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                        enum vpt_status status)
{
    return vpt_log_memory(port, level, subject, status, 0);
}

enum vpt_status vpt_log_missing(const struct vpt_port *port, const char *function)
{
    return vpt_log(port, VPT_LOG_WARNING, function, VPT_UNSUPPORTED_PORT);
}
