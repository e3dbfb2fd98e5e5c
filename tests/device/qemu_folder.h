/* SPDX-License-Identifier: MIT */
/* A folder of the host that a device shares, seen from the host. There is one. */
#ifndef VPT_TESTS_DEVICE_FOLDER_H
#define VPT_TESTS_DEVICE_FOLDER_H

#include "qemu_support.h"

/* Makes it, empty, and returns its path; and removes it with the files in it, whose names begin with no dot. */
const char *folder_make(void);
void folder_remove(void);

void folder_write(const char *name, const void *bytes, size_t size);

/* Whether a file has these bytes, no more and no less. */
bool folder_file_is(const char *name, const void *bytes, size_t size);

bool folder_has(const char *name);

#endif
