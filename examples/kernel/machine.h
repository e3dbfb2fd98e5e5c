/* SPDX-License-Identifier: MIT */
/*
 * What differs between machines: an architecture's folders have a start.S, a kernel.ld, a machine.c and, for
 * interrupts, vectors and what controller.h names.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <vpt/pci.h>

/* A way to find devices. A kernel proper would learn these from the device tree or ACPI. */
enum machine_bus_kind {
    MACHINE_MMIO_SLOTS, /* virtio-mmio slots at equal distances */
    MACHINE_PCI         /* a PCI host bridge, of which there is one at most */
};

struct machine_slots {
    uint64_t first;  /* physical address of the first slot */
    uint32_t stride; /* bytes from slot to slot */
    uint32_t count;
    unsigned first_line; /* of the interrupt controller: of the first slot; each has its own */
};

#define MACHINE_PCI_WINDOWS_MAX 3u

struct machine_pci {
    uint64_t ecam;      /* physical address of bus 0's configuration space; 0: it is reached by CF8/CFC */
    uint8_t last_bus;   /* of ECAM */
    uint64_t io_window; /* physical address of I/O port 0, for the io functions below if they need one */
    uint32_t io_window_size;

    /* As in struct vpt_port; their ctx is a struct vpt_port_context. */
    uint32_t (*io_read)(void *ctx, uint16_t io_port, unsigned width);
    void (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /* For what has no address yet. None where firmware has given all of it one. */
    struct vpt_pci_window windows[MACHINE_PCI_WINDOWS_MAX];
    unsigned window_count;

    /* Interrupt line of INTA of device 0 on bus 0; INTB and, likewise, device 1 have the next one, and after four it
       starts over. A bridge passes INTA of the device 0 behind it on as its own INTA, and so on in the same way. 0:
       firmware has noted each function's line in its configuration space. */
    unsigned first_line;
};

struct machine_bus {
    enum machine_bus_kind kind;
    struct machine_slots slots; /* MACHINE_MMIO_SLOTS */
    struct machine_pci pci;     /* MACHINE_PCI */
};

struct machine {
    const char *architecture;
    const char *name;
    const struct machine_bus *buses;
    size_t bus_count;
    bool emulated;     /* the CPU may be, as far as can be told; not said on x86, where the library finds out */
    uint64_t map_last; /* last physical address that the kernel has mapped; 0: whatever a pointer can reach */
};

/* What this is: complete once machine_init() has run. */
extern struct machine machine;

/* Once, before the others: the serial port, the counter, and which machine this is. */
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
