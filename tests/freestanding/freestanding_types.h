/* SPDX-License-Identifier: MIT */
/*
 * The file that a kernel without the standard headers names by VPT_TYPES_HEADER: exactly what <vpt/types.h> asks for. A
 * build with it and -nostdinc shows that the library needs nothing else.
 */
#ifndef FREESTANDING_TYPES_H
#define FREESTANDING_TYPES_H

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef __SIZE_TYPE__ size_t;

#ifdef __cplusplus
#define NULL nullptr
#else
#define NULL ((void *)0)
#define bool _Bool
#define true 1
#define false 0
#endif

#endif
