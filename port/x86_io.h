/* SPDX-License-Identifier: MIT */
/* io_read() and io_write() by x86 port instructions, for a kernel that may execute them. Empty on other targets. */
#ifndef VPT_X86_IO_H
#define VPT_X86_IO_H

#include <vpt/port.h>

VPT_BEGIN_DECLARATIONS

/* For struct vpt_port; they do not use `ctx`. A width other than 1 and 2 counts as 4. They work in any context. */
uint32_t vpt_x86_io_read(void *ctx, uint16_t io_port, unsigned width);
void vpt_x86_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

VPT_END_DECLARATIONS

#endif
