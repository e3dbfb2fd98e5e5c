/* SPDX-License-Identifier: MIT */
/*
 * QEMU's x86 machines "microvm", "pc" and "q35", with a serial port and -device isa-debug-exit,iobase=0xf4,iosize=4.
 * One kernel runs on all of them: the host bridge's id tells which machine it is.
 */
#include "machine.h"

#include "cf8.h"
#include "x86.h"
#include "x86_io.h"

#define DEBUG_EXIT 0xf4u

/* QEMU's exit status is twice the value plus one. */
#define DEBUG_EXIT_SUCCESS 0x10u
#define DEBUG_EXIT_FAILURE 0x11u

/* Vendor and device of 00:00.0. */
#define HOST_BRIDGE_NONE 0xffffffffu
#define HOST_BRIDGE_Q35  0x29c08086u

/* The q35's ECAM base register, 64 bits: bit 0 enables ECAM, bits 1 and 2 give its size. */
#define PCIEXBAR         0x60u
#define PCIEXBAR_ENABLE  0x1u
#define PCIEXBAR_LENGTH  0x6u
#define PCIEXBAR_ADDRESS 0xfc000000u
#define PCIEXBAR_DEFAULT 0xb0000000u /* 256 MiB there; the usual place of firmware */

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#else
#define ARCHITECTURE "i386"
#endif

static const struct machine_bus slots = {
    .kind = MACHINE_MMIO_SLOTS,
    .slots = { .first = 0xfeb00000u, .stride = 0x200u, .count = 24u, .first_line = PIC_LINES },
};

/* Firmware has assigned BARs, and lines of the PIC to functions. */
static struct machine_bus pci = {
    .kind = MACHINE_PCI,
    .pci = { .io_read = vpt_x86_io_read, .io_write = vpt_x86_io_write },
};

struct machine machine = {
    .architecture = ARCHITECTURE,
    .bus_count = 1,
    .map_last = 0xffffffffu,
};

static struct vpt_port_context context = { .cf8_io_read = vpt_x86_io_read, .cf8_io_write = vpt_x86_io_write };
static const struct vpt_pci_address host_bridge;

static uint32_t read_host_bridge(uint16_t offset)
{
    uint32_t value = HOST_BRIDGE_NONE;

    (void)vpt_cf8_config_read(&context, &host_bridge, offset, 4, &value);
    return value;
}

/* Finds where firmware has put it, or sets it. */
static void find_ecam(void)
{
    uint32_t low = read_host_bridge(PCIEXBAR);
    uint64_t high = read_host_bridge(PCIEXBAR + 4u);

    if ((low & PCIEXBAR_ENABLE) == 0) {
        low = PCIEXBAR_DEFAULT | PCIEXBAR_ENABLE;
        high = 0;
        (void)vpt_cf8_config_write(&context, &host_bridge, PCIEXBAR + 4u, 4, 0);
        (void)vpt_cf8_config_write(&context, &host_bridge, PCIEXBAR, 4, low);
    }
    pci.pci.ecam = high << 32 | (low & PCIEXBAR_ADDRESS);
    pci.pci.last_bus = (uint8_t)(0xffu >> ((low & PCIEXBAR_LENGTH) >> 1));
}

void machine_init(void)
{
    switch (read_host_bridge(0)) {
    case HOST_BRIDGE_NONE:
        machine.name = "microvm";
        machine.buses = &slots;
        break;
    case HOST_BRIDGE_Q35:
        machine.name = "q35";
        machine.buses = &pci;
        find_ecam();
        break;
    default:
        machine.name = "pc";
        machine.buses = &pci;
        break;
    }
}

uint64_t machine_ticks(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

_Noreturn void machine_exit(bool success)
{
    vpt_x86_io_write(NULL, DEBUG_EXIT, 4, success ? DEBUG_EXIT_SUCCESS : DEBUG_EXIT_FAILURE);
    for (;;) {
        __asm__ volatile("hlt");
    }
}
