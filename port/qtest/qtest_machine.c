/* SPDX-License-Identifier: MIT */
/* The machines: addresses in QEMU 7.2, and code that keeps each vCPU idle. */
#include "qtest_internal.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

static const char *const no_arguments[] = { NULL };
static const char *const aarch64_arguments[] = { "-cpu", "cortex-a53", "-device", "loader,addr=0x40200000,cpu-num=0",
                                                 NULL };
static const char *const riscv64_arguments[] = { "-bios", "none", NULL };

static const struct machine_details machines[VPT_QTEST_MACHINES] = {
    [VPT_QTEST_PC] = {
        .machine = {
            .name = "pc",
            .binary = "qemu-system-x86_64",
            .option = "pc",
            .io = { 0xc000, 0x4000 },
            .memory = { 0xe0000000, 0x1ec00000 },
            .memory64 = { 32 * GIB, 32 * GIB },
            .interrupt_controller = "ioapic",
        },
        .parking = no_arguments,
        .parking_bios = true,
        .ports = true,
    },
    [VPT_QTEST_Q35] = {
        .machine = {
            .name = "q35",
            .binary = "qemu-system-x86_64",
            .option = "q35",
            .io = { 0xc000, 0x4000 },
            .memory = { 0xe0000000, 0x1ec00000 },
            .memory64 = { 32 * GIB, 32 * GIB },
            .ecam = { 0xb0000000, 256 * MIB },
            .interrupt_controller = "ioapic",
        },
        .parking = no_arguments,
        .parking_bios = true,
        .ports = true,
    },
    [VPT_QTEST_MICROVM] = {
        .machine = {
            .name = "microvm",
            .binary = "qemu-system-x86_64",
            .option = "microvm",
            .slots = { 0xfeb00000, 24 * 0x200 },
            .slot_stride = 0x200,
            .interrupt_controller = "/machine/unattached/device[3]", /* the second I/O APIC */
        },
        .parking = no_arguments,
        .parking_bios = true,
        .ports = true,
    },
    [VPT_QTEST_AARCH64_VIRT] = {
        .machine = {
            .name = "aarch64 virt",
            .binary = "qemu-system-aarch64",
            .option = "virt",
            .ram_base = GIB,
            .slots = { 0x0a000000, 32 * 0x200 },
            .slot_stride = 0x200,
            .slot_first_line = 16,
            .io = { 0x1000, 0xf000 },
            .memory = { 0x10000000, 0x2eff0000 },
            .memory64 = { 512 * GIB, 512 * GIB },
            .ecam = { UINT64_C(0x4010000000), 256 * MIB },
            .io_window = 0x3eff0000,
            .interrupt_controller = "/machine/unattached/device[1]",
        },
        .parking = aarch64_arguments,
        .parking_offset = 2 * MIB, /* the start of RAM holds a device tree */
        .parking_code = { 0xd503207f, 0x17ffffff }, /* wfi; b .-4 */
        .intx_first_line = 3,
    },
    [VPT_QTEST_RISCV64_VIRT] = {
        .machine = {
            .name = "riscv64 virt",
            .binary = "qemu-system-riscv64",
            .option = "virt",
            .ram_base = 2 * GIB,
            .slots = { 0x10001000, 8 * 0x1000 },
            .slot_stride = 0x1000,
            .slot_first_line = 1,
            .io = { 0x1000, 0xf000 },
            .memory = { 0x40000000, 0x40000000 },
            .memory64 = { 16 * GIB, 16 * GIB },
            .ecam = { 0x30000000, 256 * MIB },
            .io_window = 0x03000000,
            .interrupt_controller = "/machine/unattached/device[2]",
        },
        .parking = riscv64_arguments,
        .parking_code = { 0x10500073, 0xffdff06f }, /* wfi; j .-4 */
        .intx_first_line = 0x20,
    },
};

const struct machine_details *vpt_qtest_machine_details(enum vpt_qtest_machine_type type)
{
    return (unsigned)type < VPT_QTEST_MACHINES ? &machines[type] : NULL;
}

const struct vpt_qtest_machine *vpt_qtest_machine(enum vpt_qtest_machine_type type)
{
    const struct machine_details *details = vpt_qtest_machine_details(type);

    return details == NULL ? NULL : &details->machine;
}

uint32_t vpt_qtest_slot_count(const struct vpt_qtest_machine *machine)
{
    return machine->slot_stride == 0 ? 0 : (uint32_t)(machine->slots.size / machine->slot_stride);
}

uint64_t vpt_qtest_slot_address(const struct vpt_qtest_machine *machine, uint32_t slot)
{
    return machine->slots.base + (uint64_t)slot * machine->slot_stride;
}

uint32_t vpt_qtest_slot_line(const struct vpt_qtest_machine *machine, uint32_t slot)
{
    return slot < vpt_qtest_slot_count(machine) ? machine->slot_first_line + slot : VPT_QTEST_NO_LINE;
}

static void window_init(struct vpt_pci_window *window, enum vpt_pci_bar_kind kind, const struct vpt_qtest_window *range)
{
    *window = (struct vpt_pci_window){ .kind = kind, .next = range->base, .last = range->base + range->size - 1u };
}

void vpt_qtest_windows_init(struct vpt_qtest *qtest)
{
    const struct vpt_qtest_machine *machine = &qtest->details->machine;

    window_init(&qtest->windows[0], VPT_PCI_BAR_IO, &machine->io);
    window_init(&qtest->windows[1], VPT_PCI_BAR_MEMORY, &machine->memory);
    window_init(&qtest->windows[2], VPT_PCI_BAR_MEMORY, &machine->memory64);
}

enum vpt_status vpt_qtest_assign_buses(struct vpt_qtest *qtest)
{
    if (qtest->details->machine.memory.size == 0) {
        return VPT_QTEST_RANGE;
    }
    return vpt_pci_buses_place(&qtest->port, 0, 0, 255, qtest->windows, PCI_WINDOWS);
}
