/* SPDX-License-Identifier: MIT */
/* What share.c does with a folder, whatever its protocol is. */
#ifndef KERNEL_FOLDER_H
#define KERNEL_FOLDER_H

#include <vpt/request.h>

#include "devices.h"

#define FOLDER_BUFFER 4096u
#define FOLDER_NAME   256u

/* An open folder has two files: one to read, and a new one to write. */
struct folder {
    struct vpt_driver *driver;
    const uint32_t *error; /* why the host said no: a number of Linux */
    enum vpt_status (*begin)(struct vpt_device *device, char *tag, size_t size);
    /* Returns VPT_EMPTY behind the last name. */
    enum vpt_status (*next_name)(void *buffer, char *name);
    enum vpt_status (*open)(const char *from, const char *to);
    enum vpt_status (*read)(uint64_t offset, void *buffer, size_t size, size_t *done);
    enum vpt_status (*write)(uint64_t offset, const void *bytes, size_t size);
    enum vpt_status (*close)(void);
};

bool folder_use(const struct folder *folder, const struct vpt_port *port, const struct device_place *place);

#endif
