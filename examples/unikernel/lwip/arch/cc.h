/* SPDX-License-Identifier: MIT */
/* What lwIP needs to know of the compiler and the program. lwIP includes this by its name. */
#ifndef UNIKERNEL_LWIP_CC_H
#define UNIKERNEL_LWIP_CC_H

#include <stdint.h>

#define BYTE_ORDER LITTLE_ENDIAN

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H    1
#define LWIP_NO_UNISTD_H   1

/* No part of lwIP that is built here prints, except assertions. */
#define LWIP_PLATFORM_DIAG(arguments)
#define LWIP_PLATFORM_ASSERT(text) network_failed(text)
_Noreturn void network_failed(const char *text);

/* Used for DHCP's transaction numbers. */
#define LWIP_RAND() network_random()
uint32_t network_random(void);

#endif
