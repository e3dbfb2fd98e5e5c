/* SPDX-License-Identifier: MIT */
/* CRC-32 as in Ethernet and zip: reflected, polynomial 0x04c11db7. Check value: 0xcbf43926 for "123456789". */
#ifndef UNIKERNEL_CRC32_H
#define UNIKERNEL_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t store_crc32(const void *bytes, size_t size);

#endif
