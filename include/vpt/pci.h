/* SPDX-License-Identifier: MIT */
/*
 * PCI for kernels that have no PCI code of their own: configuration access, enumeration, capabilities, BARs, the
 * command register, MSI-X and MSI (PCI Local Bus Specification 3.0, PCI Express Base Specification 5.0).
 *
 * A kernel need not use this: the PCI transports (<vpt/virtio_pci.h>) take a function's address and its BARs from
 * anywhere. Nothing here knows virtio, and all state is in the caller's objects. Every call that finds all-ones in a
 * register which is never all-ones returns VPT_DEVICE_GONE. Errors of the port are returned as they are.
 *
 * Calls for one function need one lock of the caller's, which is also the lock of the virtio device made of the
 * function. Configuration access by port pairs (CF8/CFC) needs another lock, in the port, around each access, because
 * all functions share the pair. docs/contexts.md explains the lines "Context".
 */
#ifndef VPT_PCI_H
#define VPT_PCI_H

#include <vpt/port.h>

VPT_BEGIN_DECLARATIONS

/* ---- Configuration space ---- */

#define VPT_PCI_CONFIG_SIZE          256u
#define VPT_PCI_EXTENDED_CONFIG_SIZE 4096u

/* Bits of the command register. */
#define VPT_PCI_COMMAND_IO                0x0001u /* decode I/O BARs */
#define VPT_PCI_COMMAND_MEMORY            0x0002u /* decode memory BARs */
#define VPT_PCI_COMMAND_BUS_MASTER        0x0004u /* let the device reach memory, by MSI too */
#define VPT_PCI_COMMAND_INTERRUPT_DISABLE 0x0400u /* no INTx */

/* A function. The caller makes it from an address that it knows, or vpt_pci_enumerate() does. */
struct vpt_pci_function {
    const struct vpt_port *port;
    struct vpt_pci_address address;
};

/*
 * Reads `width` (1, 2 or 4) bytes of configuration space at `offset`, a multiple of width below 4096; a port without
 * extended configuration space reaches the first 256 bytes. An absent function reads as all-ones, which is no error.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or `offset` is no multiple of it.
 * VPT_CALLER_RANGE: the offset is 4096 or above.
 * VPT_UNSUPPORTED_PORT: the port has no config_read.
 * an error of the port; *value is all-ones.
 *
 * Context: any; lock: none; calls: config_read.
 */
enum vpt_status vpt_pci_read(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t *value);

/*
 * Writes `width` bytes of configuration space, in the same way as vpt_pci_read() reads them.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `function` or its port is NULL.
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or `offset` is no multiple of it.
 * VPT_CALLER_RANGE: the offset is 4096 or above.
 * VPT_UNSUPPORTED_PORT: the port has no config_write.
 * an error of the port.
 *
 * Context: any; lock: device; calls: config_write.
 */
enum vpt_status vpt_pci_write(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t value);

/*
 * Sets and clears bits (VPT_PCI_COMMAND_*) of the command register, and reads it back. It leaves the other bits and the
 * status register alone.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a bit is in `set` and in `clear`.
 * VPT_DEVICE_PCI_COMMAND: the bits did not change.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_command(const struct vpt_pci_function *function, uint16_t set, uint16_t clear);

/* What a function says of itself. */
struct vpt_pci_identity {
    uint16_t vendor_id;
    uint16_t device_id;
    uint32_t class_code; /* base class, sub-class, interface: 24 bits */
    uint8_t revision_id;
    uint8_t header_type; /* 0: a device, 1: a PCI-to-PCI bridge, 2: a CardBus bridge */
    bool multi_function;
    uint16_t subsystem_vendor_id; /* of header type 0, else 0 */
    uint16_t subsystem_id;
    uint8_t interrupt_line; /* as firmware left it */
    uint8_t interrupt_pin;  /* 0: none, 1 to 4: INTA to INTD */
    uint8_t secondary_bus;  /* of header type 1, else 0 */
    uint8_t subordinate_bus;
};

/*
 * Reads what a function says of itself. After an error *identity is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY_SLOT: no function answers (all-ones or zeroes).
 * VPT_CALLER_ARGUMENT: `identity` is NULL.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_identify(const struct vpt_pci_function *function, struct vpt_pci_identity *identity);

/* ---- Enumeration ---- */

/*
 * Called for each function that is found. It may configure the function that it is shown, but must not give a bridge
 * bus numbers. Returns whether the enumeration goes on.
 *
 * Context: init, thread, panic; locks held: as vpt_pci_enumerate(); called by: vpt_pci_enumerate(), for each function.
 */
typedef bool vpt_pci_visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity);

/*
 * Finds every function of a host bridge whose buses are `first_bus` to `last_bus` (255 if it is the only one) of
 * `segment`. It enters a PCI-to-PCI bridge that has bus numbers: a secondary bus above its own, and all buses behind it
 * within the host bridge's. Other bridges are shown to the visitor and not entered. Each bus is looked at once,
 * whatever bridges claim. Some host bridges and PCI Express ports show the one device on a bus under every device
 * number; the visitor of such a machine takes number 0 alone. The call uses some 100 bytes of stack and no recursion.
 *
 * Returns
 * VPT_OK: all functions were shown, or the visitor ended the enumeration.
 * VPT_CALLER_ARGUMENT: `port` or `visit` is NULL, or the buses are in the wrong order.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_enumerate(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                  vpt_pci_visit *visit, void *ctx);

/* ---- Capabilities ---- */

#define VPT_PCI_CAPABILITY_MSI    0x05u
#define VPT_PCI_CAPABILITY_VENDOR 0x09u
#define VPT_PCI_CAPABILITY_MSIX   0x11u

#define VPT_PCI_CAPABILITIES_MAX          48u /* standard ones that a function can have */
#define VPT_PCI_EXTENDED_CAPABILITIES_MAX 960u

/* A walk through the list of a function's capabilities. Private. */
struct vpt_pci_walk {
    const struct vpt_pci_function *function;
    uint16_t next; /* offset; 0: at the end */
    uint16_t left; /* how many more capabilities fit the space */
    bool extended;
};

struct vpt_pci_capability {
    uint16_t id;
    uint16_t offset; /* of its first byte in configuration space */
    uint8_t version; /* of an extended capability, else 0 */
};

/*
 * Begins a walk through the standard capabilities (offsets 0x40 to 0xff). A function without a list gives an empty
 * walk.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `walk` is NULL.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_walk_begin(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);

/*
 * Begins a walk through the extended capabilities (offsets 0x100 to 0xfff). A function without them gives an empty
 * walk. A port or a bridge that reaches 256 bytes only gives one too, whether the bytes above read as all-ones or as
 * the first 256 again.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `walk` is NULL.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_walk_begin_extended(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);

/*
 * Finds the next capability. A walk finds 48 at most (960 extended ones), and none after an error.
 *
 * Returns
 * VPT_OK: *capability is filled.
 * VPT_EMPTY: there are no more.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_PCI_CAPABILITIES: the list loops or points out of its part of the space. The capabilities that it gave
 *     before are valid.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_walk_next(struct vpt_pci_walk *walk, struct vpt_pci_capability *capability);

/*
 * Finds the first standard capability with this id.
 *
 * Returns
 * VPT_OK: *offset is filled.
 * VPT_EMPTY: there is none.
 * what vpt_pci_walk_begin() and vpt_pci_walk_next() return.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_pci_find_capability(const struct vpt_pci_function *function, uint8_t id, uint16_t *offset);

/* ---- Base address registers ---- */

enum vpt_pci_bar_kind {
    VPT_PCI_BAR_NONE = 0, /* unimplemented, or the upper half of the register before */
    VPT_PCI_BAR_MEMORY = 1,
    VPT_PCI_BAR_IO = 2,
    VPT_PCI_BAR_BROKEN = 3 /* its register makes no sense; it cannot be used, and gets no address */
};

/*
 * A base address register. A kernel with its own PCI code fills in kind, address and size of each; only
 * vpt_pci_bars_place() looks at the other members.
 */
struct vpt_pci_bar {
    /*
     * Physical, or the port number for I/O; 0: the BAR has none. The register holds the address on the bus: if a host
     * bridge translates, the kernel adds its offset.
     */
    uint64_t address;
    uint64_t size; /* bytes; 0: unknown, and a transport cannot use the BAR */
    enum vpt_pci_bar_kind kind;
    bool is_64bit; /* the BAR takes the next register too */
    bool prefetchable;
    bool below_1mib;      /* an old kind, which must lie there */
    uint8_t address_bits; /* bits of an address that its register can hold; 0: not known */
};

#define VPT_PCI_BARS_MAX 6u
#define VPT_PCI_ROM      6u /* index of the expansion ROM */

struct vpt_pci_bars {
    struct vpt_pci_bar bar[VPT_PCI_BARS_MAX + 1u];
};

/*
 * Reads what the registers hold, without sizes, and writes nothing. Header type 0 has six registers and a ROM, type 1
 * two and a ROM, others none. An unimplemented register looks like one of 32-bit memory without an address, and counts
 * as such. A register that makes no sense (a kind that does not exist, or a 64-bit one in the last register) is
 * VPT_PCI_BAR_BROKEN, and the log names it ("BAR 2"); the other BARs can be used.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `bars` is NULL.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() returns.
 *
 * Context: init, thread, panic; lock: device; calls: config_read, log.
 */
enum vpt_status vpt_pci_bars_read(const struct vpt_pci_function *function, struct vpt_pci_bars *bars);

/*
 * Reads what the registers hold, with sizes. To find the sizes it writes all-ones to each register, with decoding (I/O,
 * memory, the ROM's enable bit) and bus mastering off, and then puts everything back. The device must be idle: nothing
 * else may access it meanwhile, and a bridge forwards nothing.
 *
 * The size of a BAR is the lowest address bit that can be set; bits at the top may be missing, because a function that
 * never gets addresses above 4 TiB may lack them. A register without any bit is VPT_PCI_BAR_NONE. A register is
 * VPT_PCI_BAR_BROKEN, with size 0, as for vpt_pci_bars_read(), and also if these bits have a hole, its kind changes, or
 * its address has other bits.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `bars` is NULL.
 * VPT_DEVICE_PCI_COMMAND: decoding or bus mastering cannot be turned off; no register was touched.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: queues; calls: configuration, log.
 */
enum vpt_status vpt_pci_bars_size(const struct vpt_pci_function *function, struct vpt_pci_bars *bars);

/* Address space that BARs get addresses from: bus addresses, or ports. */
struct vpt_pci_window {
    enum vpt_pci_bar_kind kind; /* VPT_PCI_BAR_MEMORY or VPT_PCI_BAR_IO */
    bool prefetchable;          /* for prefetchable BARs only, which try this one first */
    uint64_t next;              /* the first free address; placing moves it on. 0 is never given */
    uint64_t last;              /* of the window; next == last + 1 when it is full */
    bool full;                  /* the last address has been given */
};

/*
 * Gives each of the BARs in `which` (bit n: bar[n]; VPT_PCI_ALL_BARS: the six) an address from the windows, if it is
 * implemented and has none. `bars` is from vpt_pci_bars_size(). Each address is a multiple of the BAR's size (for
 * memory of at least 4096 bytes, so that no page has registers of two functions); 32-bit BARs lie below 4 GiB, I/O BARs
 * below 64 KiB. The biggest BARs come first. Windows are tried in their order; prefetchable 64-bit BARs prefer those
 * above 4 GiB. The registers are written with decoding off, and then the command register is put back.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `which` or the BARs are not what vpt_pci_bars_size() gives.
 * VPT_RESOURCE_PCI_WINDOW: a BAR does not fit; no BAR has got an address, and windows and registers are as before.
 * VPT_DEVICE_PCI_BAR: a register does not hold what was written.
 * VPT_DEVICE_PCI_COMMAND: decoding cannot be turned off.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: queues; calls: configuration.
 */
enum vpt_status vpt_pci_bars_place(const struct vpt_pci_function *function, struct vpt_pci_bars *bars, unsigned which,
                                   struct vpt_pci_window *windows, unsigned count);

#define VPT_PCI_ALL_BARS 0x3fu

/*
 * Does for all buses of a host bridge what firmware does on other machines: gives bridges bus numbers and windows, and
 * gives BARs addresses by vpt_pci_bars_size() and vpt_pci_bars_place(). Afterwards vpt_pci_enumerate(), whose arguments
 * these are, finds all functions, and vpt_pci_bars_size() their addresses. Call this once, before anything uses a
 * function. It uses some 2 KiB of stack and no recursion.
 *
 * `windows` are ranges that the host bridge forwards and nothing uses; addresses are taken out of them. Each bridge has
 * one window for I/O (multiples of 4 KiB), one for memory below 4 GiB (multiples of 1 MiB), and, if the bridge can have
 * it, a prefetchable one (multiples of 1 MiB, above 4 GiB if it can be). The prefetchable one is taken from a window
 * that is prefetchable or above 4 GiB; without such a window, prefetchable BARs lie below 4 GiB with the others. BARs
 * of a kind without a window stay as they are.
 *
 * What firmware has done is left alone: on the first bus, BARs of functions that decode, BARs that have an address, and
 * bridges that have bus numbers, with all functions behind them. Behind the other bridges, functions decode nothing and
 * are no bus masters afterwards. Those bridges decode what they have windows for, and are bus masters, so that devices
 * behind them reach memory.
 *
 * If one function fails, all others are still set up. The log has a line for each failure; the status is that of the
 * first failure.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `port` or `windows` is NULL, or the buses are in the wrong order; nothing was done.
 * VPT_RESOURCE_PCI_WINDOW: a function's memory or I/O BARs do not fit.
 * VPT_RESOURCE_PCI_BUSES: a bridge got no bus number, because none is left, or because there are VPT_PCI_BRIDGES_DEEP
 *     bridges in front of it.
 * VPT_DEVICE_PCI_BRIDGE: a bridge does not hold what was written.
 * what vpt_pci_enumerate(), vpt_pci_bars_size() and vpt_pci_bars_place() return.
 *
 * Context: init, thread, panic; lock: queues; calls: configuration, log.
 */
enum vpt_status vpt_pci_buses_place(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                    struct vpt_pci_window *windows, unsigned count);

#define VPT_PCI_BRIDGES_DEEP 8u /* bridges in a row */

/*
 * Checks that each BAR of `which` that has an address lies within one window of its kind, from `next` (as it was before
 * anything was placed) to `last`. An address that was found in a register comes from firmware, or from the function
 * itself: a kernel that trusts no device checks before it maps, because otherwise the device's registers could be any
 * memory.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_DEVICE_PCI_BAR: a BAR does not lie in a window, or is broken and has an address.
 *
 * Context: any; lock: none.
 */
enum vpt_status vpt_pci_bars_check(const struct vpt_pci_bars *bars, unsigned which,
                                   const struct vpt_pci_window *windows, unsigned count);

/*
 * Writes the addresses of the six BARs back, for a function that has lost them while the machine slept or by a reset of
 * its bus, and turns on the decoding that they need. BARs without an address stay as they are, and so does the ROM.
 * `bars` has addresses of the bus, from vpt_pci_bars_read(), vpt_pci_bars_size() or vpt_pci_bars_place(). Later
 * vpt_device_negotiate() turns bus mastering on, and vpt_pci_msix_init() and the calls after it turn MSI-X on. After an
 * error decoding is off, if the function lets it be turned off.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `bars` is NULL.
 * VPT_DEVICE_PCI_BAR: a register does not hold what was written, or the header has no such register.
 * what vpt_pci_command() returns.
 *
 * Context: init, thread, panic; lock: queues; calls: configuration.
 */
enum vpt_status vpt_pci_bars_restore(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars);

/* ---- MSI-X (PCI 3.0, section 6.8.2) ---- */

#define VPT_PCI_MSIX_ENTRIES_MAX 2048u

/* A function's MSI-X table, in the caller's memory. Every member but `entries` is private. */
struct vpt_pci_msix {
    struct vpt_pci_function function;
    void *table;         /* mapped */
    void *pending;       /* mapped */
    uint16_t entries;    /* 1 to 2048 */
    uint16_t capability; /* offset */
};

/*
 * Finds the capability, checks that the table and the pending bits lie in their (memory) BARs, maps them, turns MSI-X
 * off and masks every entry. If MSI-X was on, a device that is still running would use its INTx line afterwards: reset
 * it before. The decoding of memory BARs is turned on, because the table is in one; as with vpt_virtio_pci_probe(), the
 * caller is responsible for the addresses of all BARs. On failure *msix is zeroed, and decoding is as it was.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the function has no MSI-X.
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_BAR: the BAR of the table or the pending bits has no address or size, or impossible ones. The log names
 *     it.
 * VPT_DEVICE_PCI_BAR: that BAR is broken, or its register has lost its address: call vpt_pci_bars_restore() before. The
 *     log names it.
 * VPT_DEVICE_PCI_MSIX: the table or the pending bits lie where they must not, MSI-X does not turn off, or a mask did
 *     not change.
 * VPT_UNSUPPORTED_PORT: the port cannot map memory.
 * what vpt_pci_find_capability() and vpt_pci_command() return.
 * an error of the port.
 *
 * Context: init, thread, panic; lock: device; calls: configuration, mmio_map, mmio_unmap, mmio_read, mmio_write, log.
 */
enum vpt_status vpt_pci_msix_init(struct vpt_pci_msix *msix, const struct vpt_pci_function *function,
                                  const struct vpt_pci_bars *bars);

/*
 * Turns MSI-X off, unmaps the table and zeroes *msix.
 *
 * Context: init, thread, panic; lock: device; calls: configuration, mmio_unmap.
 */
void vpt_pci_msix_release(struct vpt_pci_msix *msix);

/*
 * Turns MSI-X on or off for the function. For a virtio device call it before vpt_device_negotiate();
 * vpt_device_choose_interrupts() then tells the device which entries to use.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `msix` is NULL.
 * VPT_CALLER_STATE: *msix is zeroed.
 * VPT_DEVICE_PCI_MSIX: the bit did not change.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_msix_enable(struct vpt_pci_msix *msix, bool enable);

/*
 * Sets where an entry's message goes. The entry is masked meanwhile, and then gets its old mask back. The address (a
 * multiple of 4) and the data are the interrupt controller's: for an x86 local APIC 0xfee00000 | id << 12, and the
 * vector.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `msix` is NULL.
 * VPT_CALLER_RANGE: there is no such entry.
 * VPT_CALLER_ALIGNMENT: the address is no multiple of 4.
 * VPT_DEVICE_PCI_MSIX: the mask did not change.
 * VPT_DEVICE_GONE: the function was removed.
 *
 * Context: init, thread, panic; lock: device; calls: mmio_read, mmio_write.
 */
enum vpt_status vpt_pci_msix_program(struct vpt_pci_msix *msix, uint16_t entry, uint64_t address, uint32_t data);

/*
 * Masks or unmasks one entry, and reads the mask back so that it has taken effect.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `msix` is NULL.
 * VPT_CALLER_RANGE: there is no such entry.
 * VPT_DEVICE_PCI_MSIX: the mask did not change.
 * VPT_DEVICE_GONE: the function was removed.
 *
 * Context: any; lock: device; calls: mmio_read, mmio_write.
 */
enum vpt_status vpt_pci_msix_mask(struct vpt_pci_msix *msix, uint16_t entry, bool masked);

/*
 * Masks or unmasks the whole function, and leaves the masks of the entries alone.
 *
 * Returns
 * what vpt_pci_msix_enable() returns.
 *
 * Context: any; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_msix_mask_all(struct vpt_pci_msix *msix, bool masked);

/*
 * Reads whether a mask holds an entry's message back.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_RANGE: there is no such entry.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_read() returns.
 *
 * Context: any; lock: device; calls: mmio_read, config_read.
 */
enum vpt_status vpt_pci_msix_pending(struct vpt_pci_msix *msix, uint16_t entry, bool *pending);

/* ---- MSI (PCI 3.0, section 6.8.1), one message ---- */

/*
 * Sets the message of a function, unmasks it, and turns MSI on with one vector.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the function has no MSI.
 * VPT_CALLER_ALIGNMENT: the address is no multiple of 4.
 * VPT_CALLER_RANGE: the data has more than 16 bits.
 * VPT_RESOURCE_ADDRESS: the address is above 4 GiB and the function has 32 bits for it.
 * VPT_DEVICE_PCI_MSIX: a bit did not change.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_find_capability() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_msi_enable(const struct vpt_pci_function *function, uint64_t address, uint32_t data);

/*
 * Turns MSI off.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the function has no MSI.
 * VPT_DEVICE_PCI_MSIX: the bit did not change.
 * VPT_DEVICE_GONE: the function was removed.
 * what vpt_pci_find_capability() and vpt_pci_write() return.
 *
 * Context: init, thread, panic; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_msi_disable(const struct vpt_pci_function *function);

/*
 * Masks or unmasks the message.
 *
 * Returns
 * VPT_UNSUPPORTED_REQUEST: the function has no such mask.
 * what vpt_pci_msi_disable() returns.
 *
 * Context: any; lock: device; calls: configuration.
 */
enum vpt_status vpt_pci_msi_mask(const struct vpt_pci_function *function, bool masked);

/* ---- Decoding configuration accesses, for a hypervisor that emulates a host bridge (sources/assign.list) ---- */

/* What a configuration access is meant for. */
struct vpt_pci_target {
    struct vpt_pci_address address; /* the segment is 0 if the access is by port */
    uint16_t offset;
    uint8_t width; /* 1, 2 or 4, within one dword */
};

/*
 * Decodes an access to one of the ports 0xcfc to 0xcff, while the 4-byte register at port 0xcf8 holds `latch`. Its bits
 * 0, 1 and 24 to 30 are ignored, so the first 256 bytes are reached. If the call returns anything but VPT_OK, the guest
 * reads all-ones.
 *
 * Returns
 * VPT_OK: *target is filled.
 * VPT_EMPTY: bit 31 is not set: this is no configuration access.
 * VPT_CALLER_RANGE: it is another port, or the access reaches past the four.
 * VPT_CALLER_ARGUMENT: `target` is NULL, or the width is not 1, 2 or 4.
 *
 * Context: any; lock: none.
 */
enum vpt_status vpt_pci_decode_ports(uint32_t latch, uint16_t io_port, unsigned width, struct vpt_pci_target *target);

/*
 * Decodes an access at `offset` into a memory window (ECAM) that begins with the first byte of bus `first_bus` and ends
 * with `last_bus`.
 *
 * Returns
 * VPT_OK: *target is filled.
 * VPT_CALLER_RANGE: the access is past the window's end, or not within one dword.
 * VPT_CALLER_ARGUMENT: `target` is NULL, the width is not 1, 2 or 4, or the buses are in the wrong order.
 *
 * Context: any; lock: none.
 */
enum vpt_status vpt_pci_decode_memory(uint16_t segment, uint8_t first_bus, uint8_t last_bus, uint64_t offset,
                                      unsigned width, struct vpt_pci_target *target);

VPT_END_DECLARATIONS

#endif
