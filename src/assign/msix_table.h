/* SPDX-License-Identifier: MIT */
/* A guest's accesses to the MSI-X table (msix_table.c). */
#ifndef VPT_SRC_ASSIGN_MSIX_TABLE_H
#define VPT_SRC_ASSIGN_MSIX_TABLE_H

#include <vpt/assign.h>

/*
 * Makes a guest's access to `bar`, at an `offset` where something is trapped. The width is 1, 2, 4 or 8, and `offset`
 * is a multiple of it. Errors of message() are not returned: the message stays pending.
 *
 * returns:
 * VPT_OK
 * VPT_EMPTY: neither the table nor the pending bits are there: the access is for the host
 * VPT_CALLER_ALIGNMENT: the access is for the table or the pending bits, but not of 4 or 8 bytes: nothing was written,
 *     and *value is as before
 */
enum vpt_status vpt_assign_msix_access(struct vpt_assign_device *device, bool write, unsigned bar, uint64_t offset,
                                       unsigned width, uint64_t *value);

#endif
