/* SPDX-License-Identifier: MIT */
#include "x86_io.h"

#if defined(__x86_64__) || defined(__i386__)

uint32_t vpt_x86_io_read(void *ctx, uint16_t io_port, unsigned width)
{
    uint8_t byte;
    uint16_t word;
    uint32_t dword;

    (void)ctx;
    switch (width) {
    case 1: __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"(io_port) : "memory"); return byte;
    case 2: __asm__ volatile("inw %1, %0" : "=a"(word) : "Nd"(io_port) : "memory"); return word;
    default: __asm__ volatile("inl %1, %0" : "=a"(dword) : "Nd"(io_port) : "memory"); return dword;
    }
}

void vpt_x86_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    (void)ctx;
    switch (width) {
    case 1: __asm__ volatile("outb %0, %1" ::"a"((uint8_t)value), "Nd"(io_port) : "memory"); break;
    case 2: __asm__ volatile("outw %0, %1" ::"a"((uint16_t)value), "Nd"(io_port) : "memory"); break;
    default: __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(io_port) : "memory"); break;
    }
}

#endif
