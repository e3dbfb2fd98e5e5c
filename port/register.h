/* SPDX-License-Identifier: MIT */
/*
 * One access to a memory-mapped register, for ecam.c, io_window.c, and a kernel's own mmio_read() and mmio_write(). It
 * is exactly one load or store of exactly `width` bytes (1, 2, or 4 for any other number); the value is the
 * little-endian register as a number. It has no barriers, because the library has them.
 *
 * On arm and aarch64 it is in assembly with a plain base register, because compilers turn volatile accesses into
 * write-back addressing, which hypervisors cannot emulate.
 */
#ifndef VPT_PORT_REGISTER_H
#define VPT_PORT_REGISTER_H

#include <vpt/types.h>

VPT_BEGIN_DECLARATIONS

#if defined(__aarch64__)
#define VPT_PORT_REGISTER_LOAD(suffix, type, value, address) \
    __asm__ volatile("ldr" suffix " %w0, [%1]" : "=r"(value) : "r"(address) : "memory")
#define VPT_PORT_REGISTER_STORE(suffix, type, value, address) \
    __asm__ volatile("str" suffix " %w0, [%1]" ::"r"(value), "r"(address) : "memory")
#elif defined(__arm__)
#define VPT_PORT_REGISTER_LOAD(suffix, type, value, address) \
    __asm__ volatile("ldr" suffix " %0, [%1]" : "=r"(value) : "r"(address) : "memory")
#define VPT_PORT_REGISTER_STORE(suffix, type, value, address) \
    __asm__ volatile("str" suffix " %0, [%1]" ::"r"(value), "r"(address) : "memory")
#else
#define VPT_PORT_REGISTER_LOAD(suffix, type, value, address)  ((value) = *VPT_AS(const volatile type *, address))
#define VPT_PORT_REGISTER_STORE(suffix, type, value, address) (*VPT_AS(volatile type *, address) = VPT_AS(type, value))
#endif

/* Converts between the CPU's byte order and the register's, in both directions. */
static inline uint32_t vpt_port_register_order(unsigned width, uint32_t value)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    switch (width) {
    case 1: return value & 0xffu;
    case 2: return (value & 0xffu) << 8 | (value >> 8 & 0xffu);
    default: return value << 24 | (value & 0xff00u) << 8 | (value >> 8 & 0xff00u) | value >> 24;
    }
#else
    (void)width;
    return value;
#endif
}

static inline uint32_t vpt_port_register_read(const volatile void *address, unsigned width)
{
    uint32_t value;

    switch (width) {
    case 1: VPT_PORT_REGISTER_LOAD("b", uint8_t, value, address); break;
    case 2: VPT_PORT_REGISTER_LOAD("h", uint16_t, value, address); break;
    default: VPT_PORT_REGISTER_LOAD("", uint32_t, value, address); break;
    }
    return vpt_port_register_order(width, value);
}

static inline void vpt_port_register_write(volatile void *address, unsigned width, uint32_t value)
{
    uint32_t ordered = vpt_port_register_order(width, value);

    switch (width) {
    case 1: VPT_PORT_REGISTER_STORE("b", uint8_t, ordered, address); break;
    case 2: VPT_PORT_REGISTER_STORE("h", uint16_t, ordered, address); break;
    default: VPT_PORT_REGISTER_STORE("", uint32_t, ordered, address); break;
    }
}

VPT_END_DECLARATIONS

#endif
