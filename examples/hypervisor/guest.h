/* SPDX-License-Identifier: MIT */
/* A guest: a CPU, memory, and a PC's few devices; and in its PCI slots the functions that are assigned to it. */
#ifndef HYPERVISOR_GUEST_H
#define HYPERVISOR_GUEST_H

#include <emulated_function.h>

#include "host.h"
#include "nested.h"
#include "svm.h"
#include "virtual_apic.h"
#include "virtual_entropy.h"
#include "virtual_pic.h"

#define GUEST_MEMORY       0x04000000u /* bytes, from address 0 on */
#define GUEST_ECAM         UINT64_C(0xb0000000)
#define GUEST_ECAM_SIZE    UINT64_C(0x10000000)
#define GUEST_WINDOW       UINT64_C(0xc0000000) /* for BARs */
#define GUEST_WINDOW_LAST  UINT64_C(0xfebfffff)
#define GUEST_PORTS        0x2000u
#define GUEST_PORTS_LAST   0x2fffu
#define GUEST_SLOTS        8u
#define GUEST_REGIONS_MAX  64u
#define GUEST_RANGES       8u
#define GUEST_BRIDGE_SPACE 256u

/* A zeroed guest is absent. */
enum guest_state { GUEST_ABSENT, GUEST_RUNS, GUEST_SUSPENDED, GUEST_SUCCEEDED, GUEST_FAILED };

/* A place for a function on the guest's bus 0. */
struct guest_slot {
    struct guest *guest;
    struct vpt_pci_address address;
    unsigned line;                    /* of the PIC, for INTx */
    struct vpt_assign_device *device; /* NULL: there is none any more */
    struct vpt_assign_guest hooks;
    bool level;          /* of its INTx */
    unsigned messages;   /* that it has sent */
    unsigned lines;      /* how often its INTx has risen */
    uint32_t generation; /* of the device, when the guest got it last */
};

/* What a slot's function has in the guest's address space. */
struct guest_region {
    const struct guest_slot *slot;
    struct vpt_assign_region region;
};

/* The host bridge of a q35, which the hypervisor emulates. */
struct guest_bridge {
    struct vpt_emulated_function function;
    struct vpt_assign_device device;
    uint8_t config[GUEST_BRIDGE_SPACE];
    uint8_t initial[GUEST_BRIDGE_SPACE];
    _Alignas(8) uint8_t storage[2048];
};

struct guest {
    const char *name;
    uint32_t number; /* also its number as an owner */
    struct host *host;
    unsigned char *memory; /* at its physical address on the machine */
    uint16_t serial;       /* the machine's port that stands for the guest's */
    struct svm_block *block;
    struct svm_registers registers;
    struct svm_floating floating;
    uint64_t left; /* the time-stamp counter at the last exit */
    uint8_t *port_map;
    struct nested nested;
    struct virtual_pic pic;
    struct virtual_apic apic;
    bool offered_by_pic; /* the pending interrupt */
    bool halted;
    bool has_turn;
    enum guest_state state;
    const char *reason; /* why it has failed */
    uint32_t latch;     /* value of port 0xcf8 */
    struct guest_bridge bridge;
    struct virtual_entropy entropy;
    struct guest_slot slots[GUEST_SLOTS];
    unsigned slot_count;
    struct guest_region regions[GUEST_REGIONS_MAX];
    unsigned region_count;
    struct vpt_assign_dma dma;
    struct vpt_assign_dma_range ranges[GUEST_RANGES];
    struct {
        unsigned exits, interrupts, ports, configurations, registers, turns; /* how often */
        unsigned beside; /* of the turns: while the library waited for another guest's function */
    } count;
};

/* A kernel: an ELF file with a PVH entry. */
struct guest_file {
    const void *bytes;
    uint32_t size;
};

/* Makes a guest with a host bridge and a kernel, whose memory begins at this address. The object is zeroed. */
void guest_start(struct guest *guest, uint32_t number, struct host *host, uint64_t memory,
                 const struct guest_file *kernel);

/* Returns everything, functions too. */
void guest_stop(struct guest *guest);

/* Assigns a function to the guest, and lets it reach the guest's memory. */
void guest_plug(struct guest *guest, struct host_function *function, const struct vpt_pci_address *address,
                unsigned line);

/* Lets devices reach the guest's memory, also after the last of them was taken, which removes it from their space. */
void guest_open_memory(struct guest *guest);

/* Gives a slot that is empty a device. */
void guest_give(struct guest_slot *slot, struct vpt_assign_device *device);

/* Gives the guest the entropy source that the hypervisor emulates; these are what it gives. */
void guest_plug_entropy(struct guest *guest, const struct vpt_pci_address *address, unsigned line, const uint8_t *bytes,
                        uint32_t count);

/* Takes a function from the guest, which must not have its turn. */
void guest_unplug(struct guest *guest, const struct host_function *function);

/* Does a firmware's work: gives addresses and interrupt lines to the functions, and turns decoding on. */
void guest_firmware(struct guest *guest);

/* Runs the guest until its next exit, and does what that asks for. False: it waits for an interrupt. */
bool guest_run(struct guest *guest);

/* The guest has done what it may not do: it gets an exception (general protection). */
void guest_fault(struct guest *guest);

/* Goes on after an instruction of this length. */
void guest_skip(struct guest *guest, unsigned length);

/* The guest cannot go on. */
void guest_fail(struct guest *guest, const char *reason);

/* ---- guest_load.c ---- */

/* Copies a kernel into the guest's memory. Returns the entry; 0: the file makes no sense. */
uint64_t guest_load(struct guest *guest, const uint8_t *file, uint32_t size);

/* ---- guest_map.c ---- */

/* Hooks that map a function's regions. */
enum vpt_status guest_map(void *ctx, const struct vpt_assign_region *region);
enum vpt_status guest_unmap(void *ctx, const struct vpt_assign_region *region);

/* An access to what is trapped, or to nothing: then reads give all-ones. */
void guest_access(struct guest *guest, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                  uint64_t *value);

/* ---- guest_config.c ---- */

/* Accesses to configuration space: what they are meant for, and by ports 0xcf8 to 0xcff. */
void guest_config(struct guest *guest, bool write, const struct vpt_pci_target *target, uint32_t *value);
void guest_config_ports(struct guest *guest, bool write, uint16_t io_port, unsigned width, uint32_t *value);
void guest_config_memory(struct guest *guest, bool write, uint64_t offset, unsigned width, uint32_t *value);

/* ---- guest_interrupts.c ---- */

/* Hooks for interrupts of a slot's function. */
enum vpt_status guest_message(void *ctx, uint64_t address, uint32_t data);
void guest_line(void *ctx, bool asserted);

/* The guest has ended interrupts of lines, or has opened them: whoever still interrupts has to do so again. */
void guest_ask_again(struct guest *guest, uint16_t lines);

/* Before an entry: offers the CPU the interrupt that comes next. After it: finds out whether the CPU has taken it. */
bool guest_offer(struct guest *guest);
void guest_taken(struct guest *guest);

/* ---- guest_ports.c ---- */

/* An access to a port. */
void guest_ports(struct guest *guest, bool write, uint16_t io_port, unsigned width, uint32_t *value);

/* ---- guest_memory.c ---- */

/* Reads memory at a virtual address, as the guest's CPU does. Returns how many bytes it has. */
unsigned guest_fetch(const struct guest *guest, uint64_t address, uint8_t *bytes, unsigned size);

/* ---- guest_registers.c ---- */

/* An access to memory that is not mapped. */
void guest_memory_exit(struct guest *guest);

/* Goes on after an instruction whose operation code has this length, and which has nothing behind it. */
void guest_skip_code(struct guest *guest, unsigned length);

/* RDMSR and WRMSR. */
void guest_register_exit(struct guest *guest);

#endif
