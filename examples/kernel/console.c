/* SPDX-License-Identifier: MIT */
#include "console.h"

#include "machine.h"

static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        machine_put(*text);
    }
}

static void print_hex(uint64_t value)
{
    bool leading = true;

    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned digit = (unsigned)(value >> shift) & 0xfu;

        leading = leading && digit == 0 && shift != 0;
        if (!leading) {
            machine_put("0123456789abcdef"[digit]);
        }
    }
}

/* By subtraction: a 64-bit division would need a function of the compiler's library on 32-bit CPUs. */
static void print_decimal(uint64_t value)
{
    uint64_t powers[20] = { 1 };
    bool leading = true;

    for (unsigned i = 1; i < 20u; i++) {
        powers[i] = powers[i - 1u] * 10u;
    }
    for (unsigned i = 20; i-- > 0;) {
        char digit = '0';

        for (; value >= powers[i]; value -= powers[i]) {
            digit++;
        }
        leading = leading && digit == '0' && i != 0;
        if (!leading) {
            machine_put(digit);
        }
    }
}

void print_list(const char *format, va_list arguments)
{
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            machine_put(*at);
            continue;
        }
        bool wide = at[1] == 'l' && at[2] == 'l';
        at += wide ? 3 : 1;
        if (*at == 's') {
            print_text(va_arg(arguments, const char *));
        } else if (*at == 'u' || *at == 'x') {
            uint64_t value = wide ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
            (*at == 'u' ? print_decimal : print_hex)(value);
        } else {
            break; /* unknown format: the remaining arguments cannot be found */
        }
    }
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(format, arguments);
    va_end(arguments);
}
