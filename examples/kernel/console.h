/* SPDX-License-Identifier: MIT */
/* Output on the machine's serial port. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdarg.h>

/* Supports %s, %u, %x (unsigned), %llu and %llx (unsigned long long), no widths or flags. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#endif
