/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include <require.h>

#include "chips.h"
#include "cost.h"
#include "report.h"

/* The machine's serial ports that stand for those of the guests. */
static const uint16_t serial_ports[] = { 0x2f8, 0x3e8 };
static const char *const names[] = { "A", "B" };

#define FAULT_GENERAL 13u
#define FAULT_OPCODE  6u

#define RFLAGS_INTERRUPTS 0x200u

#define PORT_MAP_SIZE 12288u

/* Registers of the host bridge, an 82Q35's. */
#define BRIDGE_IDS    0x00u
#define BRIDGE_CLASS  0x08u
#define BRIDGE_ECAM   0x60u
#define IDS           0x29c08086u
#define CLASS         0x06000000u
#define ECAM_ENABLE   1u
#define BRIDGE_REGION 7u

/* Registers of any function. */
#define INTERRUPT_LINE 0x3cu

/* ---- The host bridge ---- */

static void put32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        bytes[i] = (uint8_t)(value >> 8u * i);
    }
}

/* It is in no registry: an address there has one device, and each guest has a bridge at 00:00.0. */
static void plug_bridge(struct guest *guest)
{
    struct guest_bridge *bridge = &guest->bridge;
    struct guest_slot *slot = &guest->slots[guest->slot_count++];
    struct vpt_assign_config config = { .host = &bridge->function.host,
                                        .storage = bridge->storage,
                                        .storage_size = sizeof(bridge->storage),
                                        .regions = VPT_ASSIGN_REGIONS(0) };

    put32(&bridge->initial[BRIDGE_IDS], IDS);
    put32(&bridge->initial[BRIDGE_CLASS], CLASS);
    put32(&bridge->initial[BRIDGE_ECAM], (uint32_t)GUEST_ECAM | ECAM_ENABLE);
    bridge->function = (struct vpt_emulated_function){ .config = bridge->config,
                                                       .initial = bridge->initial,
                                                       .size = GUEST_BRIDGE_SPACE };
    require_ok(vpt_emulated_init(&bridge->function), "the host bridge");
    require_ok(vpt_assign_open(&bridge->device, &config), "opening the host bridge");
    *slot = (struct guest_slot){ .guest = guest, .device = &bridge->device };
    slot->hooks = (struct vpt_assign_guest){ .ctx = slot, .map = guest_map, .unmap = guest_unmap };
    require_ok(vpt_assign_acquire(&bridge->device, guest->number, &slot->hooks), "acquiring the host bridge");
}

/* ---- Functions ---- */

void guest_give(struct guest_slot *slot, struct vpt_assign_device *device)
{
    slot->device = device;
    slot->generation = device->generation;
    slot->hooks = (struct vpt_assign_guest){ slot, guest_map, guest_unmap, guest_message, guest_line };
    require_ok(vpt_assign_acquire(device, slot->guest->number, &slot->hooks), "acquiring a device");
    require_ok(vpt_assign_dma_attach(&slot->guest->dma, device), "attaching a device");
}

static void plug(struct guest *guest, struct vpt_assign_device *device, const struct vpt_pci_address *address,
                 unsigned line)
{
    struct guest_slot *slot = &guest->slots[guest->slot_count];

    require(guest->slot_count < GUEST_SLOTS, "the guest has no free slot");
    guest->slot_count++;
    *slot = (struct guest_slot){ .guest = guest, .address = *address, .line = line };
    guest_give(slot, device);
}

void guest_plug(struct guest *guest, struct host_function *function, const struct vpt_pci_address *address,
                unsigned line)
{
    plug(guest, &function->device, address, line);
}

void guest_plug_entropy(struct guest *guest, const struct vpt_pci_address *address, unsigned line, const uint8_t *bytes,
                        uint32_t count)
{
    virtual_entropy_open(&guest->entropy, &guest->dma, bytes, count);
    plug(guest, &guest->entropy.device, address, line);
}

static void release_slot(struct guest_slot *slot)
{
    require_ok(vpt_assign_check(slot->device), "the library's books of a device");
    require_ok(vpt_assign_release(slot->device), "releasing a device");
    require(!slot->level, "a line is left high by a device that is gone");
    slot->device = NULL;
}

/* The release waits for a reset, and other guests run meanwhile; but not this one, which may access the function. */
void guest_unplug(struct guest *guest, const struct host_function *function)
{
    guest->has_turn = true;
    for (unsigned i = 0; i < guest->slot_count; i++) {
        if (guest->slots[i].device == &function->device) {
            report_slot(&guest->slots[i]);
            release_slot(&guest->slots[i]);
        }
    }
    guest->has_turn = false;
}

static enum vpt_status firmware_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t *value)
{
    const struct vpt_pci_target target = { *address, offset, (uint8_t)width };

    guest_config(ctx, false, &target, value);
    return VPT_OK;
}

static enum vpt_status firmware_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t value)
{
    const struct vpt_pci_target target = { *address, offset, (uint8_t)width };

    guest_config(ctx, true, &target, &value);
    return VPT_OK;
}

void guest_firmware(struct guest *guest)
{
    const struct vpt_port port = { .ctx = guest, .config_read = firmware_read, .config_write = firmware_write };
    struct vpt_pci_window windows[] = {
        { .kind = VPT_PCI_BAR_MEMORY, .next = GUEST_WINDOW, .last = GUEST_WINDOW_LAST },
        { .kind = VPT_PCI_BAR_IO, .next = GUEST_PORTS, .last = GUEST_PORTS_LAST },
    };

    for (unsigned i = 1; i < guest->slot_count; i++) {
        const struct guest_slot *slot = &guest->slots[i];
        const struct vpt_pci_function function = { &port, slot->address };
        struct vpt_pci_bars bars;

        require_ok(vpt_pci_bars_size(&function, &bars), "sizing a guest's BARs");
        require_ok(vpt_pci_bars_place(&function, &bars, VPT_PCI_ALL_BARS, windows, 2), "assigning a guest's BARs");
        require_ok(vpt_pci_write(&function, INTERRUPT_LINE, 1, slot->line), "a guest's interrupt line");
        require_ok(vpt_pci_command(&function, VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY, 0), "a guest's BARs");
    }
}

/* ---- Start and end ---- */

static void *allocate(const struct guest *guest, size_t size)
{
    const struct vpt_port *port = &guest->host->port;
    struct vpt_memory memory;

    require_ok(port->dma_allocate(port->ctx, size, NESTED_PAGE, UINT64_MAX, VPT_DMA_PRIVATE, &memory),
               "a guest's tables");
    return memory.address;
}

static void release(const struct guest *guest, void *address, size_t size)
{
    const struct vpt_port *port = &guest->host->port;
    const struct vpt_memory memory = { address, (uintptr_t)address, size };

    port->dma_free(port->ctx, &memory, VPT_DMA_PRIVATE);
}

void guest_open_memory(struct guest *guest)
{
    const struct vpt_assign_dma_range memory = { .guest = 0, .host = (uintptr_t)guest->memory, .size = GUEST_MEMORY };

    if (vpt_assign_dma_find(&guest->dma, 0) == NULL) {
        require_ok(vpt_assign_dma_map(&guest->dma, &memory), "adding a guest's memory");
    }
}

/* Devices reach the guest's memory; where messages go to there must be none. */
static void make_memory(struct guest *guest)
{
    const struct vpt_assign_dma_range messages = { .guest = VIRTUAL_APIC, .size = 0x100000, .reserved = true };

    require_ok(nested_init(&guest->nested, &guest->host->port), "a guest's nested table");
    require_ok(nested_map(&guest->nested, 0, (uintptr_t)guest->memory, GUEST_MEMORY), "a guest's memory");
    require_ok(vpt_assign_dma_init(&guest->dma, &guest->host->iommu_hooks, guest->ranges, GUEST_RANGES, 0),
               "a guest's space");
    require_ok(vpt_assign_dma_map(&guest->dma, &messages), "reserving the window of messages");
    guest_open_memory(guest);
}

void guest_start(struct guest *guest, uint32_t number, struct host *host, uint64_t memory,
                 const struct guest_file *kernel)
{
    uint64_t entry;

    guest->state = GUEST_RUNS;
    guest->number = number;
    guest->name = names[number];
    guest->host = host;
    guest->memory = (unsigned char *)(uintptr_t)memory;
    guest->serial = serial_ports[number];
    guest->block = allocate(guest, sizeof(*guest->block));
    guest->port_map = allocate(guest, PORT_MAP_SIZE);
    for (unsigned i = 0; i < PORT_MAP_SIZE; i++) {
        guest->port_map[i] = 0xff;
    }
    make_memory(guest);
    virtual_pic_init(&guest->pic);
    virtual_apic_init(&guest->apic);
    entry = guest_load(guest, kernel->bytes, kernel->size);
    require(entry != 0, "the guest's kernel is not one");
    svm_floating_init(&guest->floating);
    svm_init(guest->block, number, guest->nested.top, guest->port_map, entry);
    plug_bridge(guest);
}

void guest_stop(struct guest *guest)
{
    for (unsigned i = guest->slot_count; i > 0; i--) {
        if (guest->slots[i - 1u].device != NULL) {
            release_slot(&guest->slots[i - 1u]);
        }
    }
    require(guest->region_count == 0, "%u regions are left to a guest that is gone", guest->region_count);
    require_ok(vpt_assign_close(&guest->bridge.device), "closing the host bridge");
    if (guest->entropy.byte_count != 0) {
        virtual_entropy_close(&guest->entropy);
    }
    nested_unmap(&guest->nested, 0, (uintptr_t)guest->memory, GUEST_MEMORY);
    require(guest->nested.tables == 0, "%u nested tables are left", guest->nested.tables);
    release(guest, (void *)(uintptr_t)guest->nested.top, NESTED_PAGE);
    release(guest, guest->port_map, PORT_MAP_SIZE);
    release(guest, guest->block, sizeof(*guest->block));
}

/* ---- Exits ---- */

void guest_fail(struct guest *guest, const char *reason)
{
    guest->state = GUEST_FAILED;
    guest->reason = reason;
}

void guest_fault(struct guest *guest)
{
    guest->block->event = SVM_EVENT_VALID | SVM_EVENT_EXCEPTION | SVM_EVENT_ERROR_CODE | FAULT_GENERAL;
}

void guest_skip(struct guest *guest, unsigned length)
{
    guest->block->state.rip += length;
    guest->block->shadow = 0;
}

static uint64_t merge(uint64_t old, uint32_t value, unsigned width)
{
    uint64_t mask = UINT32_MAX >> (32u - 8u * width);

    return width == 4u ? value : (old & ~mask) | (value & mask);
}

static void port_exit(struct guest *guest)
{
    struct svm_block *block = guest->block;
    uint64_t info = block->exit_info[0];
    unsigned width = SVM_PORT_WIDTH(info);
    bool write = (info & SVM_PORT_IN) == 0;
    uint64_t *rax = &guest->registers.number[SVM_RAX];
    uint32_t value = (uint32_t)merge(0, (uint32_t)*rax, width);

    guest->count.ports++;
    cost_is(COST_PORT);
    if ((info & SVM_PORT_STRING) != 0) {
        guest_fault(guest);
        return;
    }
    guest_ports(guest, write, SVM_PORT_NUMBER(info), width, &value);
    if (!write) {
        *rax = merge(*rax, value, width);
    }
    block->state.rip = block->exit_info[1];
    block->shadow = 0;
}

/* Sleeps until an interrupt, if it can get any. */
static void halt(struct guest *guest)
{
    cost_is(COST_HALT);
    guest_skip_code(guest, 1);
    guest->halted = true;
    if ((guest->block->state.rflags & RFLAGS_INTERRUPTS) == 0) {
        guest_fail(guest, "it sleeps with interrupts off");
    }
}

static void handle(struct guest *guest)
{
    switch ((uint32_t)guest->block->exit) {
    case SVM_EXIT_INTERRUPT:
    case SVM_EXIT_NMI: cost_is(COST_INTERRUPT); break;
    case SVM_EXIT_MEMORY: guest_memory_exit(guest); break;
    case SVM_EXIT_PORT: port_exit(guest); break;
    case SVM_EXIT_REGISTER: guest_register_exit(guest); break;
    case SVM_EXIT_HLT: halt(guest); break;
    case SVM_EXIT_INVD:
    case SVM_EXIT_WBINVD: guest_skip_code(guest, 2); break;
    case SVM_EXIT_SHUTDOWN: guest_fail(guest, "an exception in the handling of one"); break;
    case SVM_EXIT_INVALID: guest_fail(guest, "its registers make no sense"); break;
    default: guest->block->event = SVM_EVENT_VALID | SVM_EVENT_EXCEPTION | FAULT_OPCODE; break;
    }
}

bool guest_run(struct guest *guest)
{
    bool offered;

    cost_begin(COST_OTHER);
    if (guest->entropy.byte_count != 0) {
        virtual_entropy_work(&guest->entropy, chips_clock());
    }
    offered = guest_offer(guest);
    if (guest->halted && !offered) {
        return false;
    }
    guest->halted = false;
    guest->count.exits++;
    svm_run(guest->block, &guest->registers, &guest->left);
    if (offered) {
        guest_taken(guest);
    }
    if ((guest->block->exit_event & SVM_EVENT_VALID) == 0) {
        handle(guest);
    } else if (guest->block->exit == SVM_EXIT_MEMORY) {
        guest_fail(guest, "an exception or interrupt with a stack that is no memory");
    } else {
        guest->block->event = guest->block->exit_event;
        handle(guest);
    }
    cost_end();
    return true;
}
