/* SPDX-License-Identifier: MIT */
/*
 * The types every other header uses.
 *
 * A kernel without <stdint.h>, <stddef.h> or <stdbool.h> compiles the library and its own code with
 * -DVPT_TYPES_HEADER='<kernel/types.h>' (with <>, since a quoted name is looked for beside this file first). That
 * header must provide uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t, size_t, NULL, and (in C) bool, true and
 * false; nothing else is used.
 */
#ifndef VPT_TYPES_H
#define VPT_TYPES_H

#ifdef VPT_TYPES_HEADER
#include VPT_TYPES_HEADER
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
#define VPT_BEGIN_DECLARATIONS extern "C" {
#define VPT_END_DECLARATIONS   }
#else
#define VPT_BEGIN_DECLARATIONS
#define VPT_END_DECLARATIONS
#endif

/* A value as another type of number, in the words of either language. */
#ifdef __cplusplus
#define VPT_AS(type, value) static_cast<type>(value)
#else
#define VPT_AS(type, value) ((type)(value))
#endif

/* One piece of a buffer, as the device sees it. */
struct vpt_segment {
    uint64_t address; /* device address (physical, or what an IOMMU translates) of the first byte */
    uint32_t length;  /* bytes, at least 1 */
};

/*
 * Memory that the driver and the device both reach: from the port's dma_allocate(), or handed over by the
 * caller. `address` is how the CPU reaches it, `device_address` how the device does; both cover `size` bytes
 * without a gap. It may be mapped uncached: the library uses naturally aligned loads and stores only.
 */
struct vpt_memory {
    void *address;           /* NULL: no memory here */
    uint64_t device_address; /* 64 bits on every target */
    size_t size;             /* bytes */
};

#endif
