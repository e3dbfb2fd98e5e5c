/* SPDX-License-Identifier: MIT */
/* What differs between machines: each architecture's folder has a start.S, a kernel.ld and a machine.c. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A way to find devices. A kernel proper would learn these from the device tree or ACPI. */
enum machine_bus_kind {
    MACHINE_MMIO_SLOTS /* virtio-mmio slots at equal distances */
};

struct machine_bus {
    enum machine_bus_kind kind;
    uint64_t first;  /* physical address of the first slot */
    uint32_t stride; /* bytes from slot to slot */
    uint32_t count;
};

struct machine {
    const char *architecture;
    const char *name;
    const struct machine_bus *buses;
    size_t bus_count;
};

extern const struct machine machine;

/* Once, before the others: the serial port and the counter. */
void machine_init(void);

void machine_put(char character);

/* A counter that only grows: of executed instructions under QEMU's -icount shift=0, else of something like cycles. */
uint64_t machine_ticks(void);

/* Ends QEMU: with its status for success, or another one. */
_Noreturn void machine_exit(bool success);

/* start.S calls these. A trap is a bug: it is reported with two registers that tell of it, and ends the kernel. */
_Noreturn void kernel_main(void);
_Noreturn void kernel_trap(uint64_t cause, uint64_t address);

#endif
