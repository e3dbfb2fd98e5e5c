/* SPDX-License-Identifier: MIT */
#include "log.h"

enum vpt_status vpt_log(const struct vpt_port *port, enum vpt_log_level level, const char *subject,
                        enum vpt_status status)
{
    if (port->log != NULL) {
        port->log(port->ctx, level, subject, status);
    }
    return status;
}
