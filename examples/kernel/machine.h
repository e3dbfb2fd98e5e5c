/* SPDX-License-Identifier: MIT */
/*
 * What differs between machines: each architecture's folder has a start.S, a kernel.ld, a machine.c, and, for
 * interrupts, vectors and the functions of controller.h.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <vpt/pci.h>

/* A bus. A real kernel learns these from the device tree or ACPI. */
enum machine_bus_kind {
    MACHINE_MMIO_SLOTS, /* virtio-mmio slots at equal distances */
    MACHINE_PCI         /* a PCI host bridge; at most one */
};

struct machine_slots {
    uint64_t first;  /* physical address of the first slot */
    uint32_t stride; /* bytes from slot to slot */
    uint32_t count;
    unsigned first_line; /* interrupt line of the first slot; each slot has its own */
};

#define MACHINE_PCI_WINDOWS_MAX 3u

struct machine_pci {
    uint64_t ecam;      /* physical address of bus 0's configuration space; 0: use CF8/CFC */
    uint8_t last_bus;   /* last bus that ECAM covers */
    uint64_t io_window; /* physical address of I/O port 0, if the io functions below need one */
    uint32_t io_window_size;

    /* As in struct vpt_port; ctx is a struct vpt_port_context. */
    uint32_t (*io_read)(void *ctx, uint16_t io_port, unsigned width);
    void (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /* Free windows for BARs. None if firmware has assigned all BARs. */
    struct vpt_pci_window windows[MACHINE_PCI_WINDOWS_MAX];
    unsigned window_count;

    /*
     * Line of INTA of device 0 on bus 0. Each next pin, and each next device, has the next line, modulo four. A bridge
     * passes INTA of the device 0 behind it on as its own INTA, and so on in the same way. 0: firmware has written each
     * function's line into its configuration space.
     */
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
    bool emulated;     /* the CPU may be emulated, if known; not set on x86, where the library finds out */
    uint64_t map_last; /* last physical address that is mapped; 0: all that a pointer reaches */
};

/* The machine; complete after machine_init(). */
extern struct machine machine;

/* Call once, before the others: starts the serial port and the counter, and identifies the machine. */
void machine_init(void);

void machine_put(char character);

/* A counter that only grows: executed instructions under QEMU's -icount shift=0, else roughly cycles. */
uint64_t machine_ticks(void);

/* Ends QEMU, with the status of success or another one. */
_Noreturn void machine_exit(bool success);

/* start.S calls these. A trap is a bug: kernel_trap() prints two registers that describe it, and ends the kernel. */
_Noreturn void kernel_main(void);
_Noreturn void kernel_trap(uint64_t cause, uint64_t address);

#endif
