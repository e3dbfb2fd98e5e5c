/* SPDX-License-Identifier: MIT */
/*
 * PCI for kernels that have no PCI code of their own: configuration access, enumeration, capabilities, BARs, the
 * command register, MSI-X and MSI (PCI Local Bus Specification 3.0, PCI Express Base Specification 5.0).
 *
 * Whatever finds that a function reads all-ones where none does says VPT_DEVICE_GONE; errors of the port travel
 * through.
 *
 * Optional: the PCI transports (<vpt/virtio_pci.h>) need a function's address and its BARs, and do not mind where
 * they come from. Nothing here knows virtio, and nothing here keeps state but what the caller holds.
 *
 * Calls for one function take one lock of the caller's, which is that of the virtio device made of it. Configuration
 * access by port pairs (CF8/CFC) needs one more, in the port, around each access: every function shares the pair. All
 * calls are for init, thread and panic; those that say so and those that mask messages for interrupt handlers too:
 * docs/contexts.md.
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

/* A function. Made by the caller from an address it knows, or by vpt_pci_enumerate(). */
struct vpt_pci_function {
    const struct vpt_port *port;
    struct vpt_pci_address address;
};

/*
 * One configuration access of `width` (1, 2 or 4) bytes at `offset`, a multiple of width; below 4096, of which a port
 * without extended configuration space reaches the first 256. An absent function reads all-ones.
 * VPT_CALLER_ALIGNMENT, VPT_CALLER_RANGE, VPT_UNSUPPORTED_PORT, errors of the port. Any context the port allows.
 */
enum vpt_status vpt_pci_read(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t *value);
enum vpt_status vpt_pci_write(const struct vpt_pci_function *function, uint16_t offset, unsigned width, uint32_t value);

/*
 * Sets and clears bits (VPT_PCI_COMMAND_*) of the command register, leaves the others and the status register alone,
 * and reads it back. VPT_DEVICE_PCI_COMMAND: the bits did not change. VPT_CALLER_ARGUMENT: a bit to be set and cleared.
 */
enum vpt_status vpt_pci_command(const struct vpt_pci_function *function, uint16_t set, uint16_t clear);

/* Who a function is. */
struct vpt_pci_identity {
    uint16_t vendor_id;
    uint16_t device_id;
    uint32_t class_code; /* base class, sub-class, interface: 24 bits */
    uint8_t revision_id;
    uint8_t header_type; /* 0: a device, 1: a PCI-to-PCI bridge, 2: a CardBus bridge */
    bool multi_function;
    uint16_t subsystem_vendor_id; /* header type 0 only, else 0 */
    uint16_t subsystem_id;
    uint8_t interrupt_line; /* as firmware left it */
    uint8_t interrupt_pin;  /* 0: none, 1 to 4: INTA to INTD */
    uint8_t secondary_bus;  /* header type 1 only, else 0 */
    uint8_t subordinate_bus;
};

/* Reads them. VPT_EMPTY_SLOT: no function answers (all-ones, or zeroes). VPT_CALLER_ARGUMENT. */
enum vpt_status vpt_pci_identify(const struct vpt_pci_function *function, struct vpt_pci_identity *identity);

/* ---- Enumeration ---- */

/*
 * Called for each function found. A false answer ends the enumeration. May configure the function that it is shown,
 * but gives no bridge bus numbers.
 */
typedef bool vpt_pci_visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity);

/*
 * Finds every function of a host bridge whose buses are `first_bus` to `last_bus` (255 where it is the only one) of
 * `segment`, through PCI-to-PCI bridges that have bus numbers: a secondary bus above their own, and all behind them
 * within the host bridge's. Others are shown to the visitor but not entered. Each bus is looked at once, whatever
 * bridges claim. Some host bridges and PCI Express ports show the one device on a bus under every device number: the
 * visitor of such a machine takes number 0 alone.
 * VPT_OK also where the visitor ended it. VPT_UNSUPPORTED_PORT, errors of the port. Uses some 100 bytes of stack, no
 * recursion.
 */
enum vpt_status vpt_pci_enumerate(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                  vpt_pci_visit *visit, void *ctx);

/* ---- Capabilities ---- */

#define VPT_PCI_CAPABILITY_MSI    0x05u
#define VPT_PCI_CAPABILITY_VENDOR 0x09u
#define VPT_PCI_CAPABILITY_MSIX   0x11u

#define VPT_PCI_CAPABILITIES_MAX          48u /* standard ones that a function can have */
#define VPT_PCI_EXTENDED_CAPABILITIES_MAX 960u

/* A walk through a function's capability list. Private. */
struct vpt_pci_walk {
    const struct vpt_pci_function *function;
    uint16_t next; /* offset; 0: at the end */
    uint16_t left; /* capabilities that fit the space and have not been met */
    bool extended;
};

struct vpt_pci_capability {
    uint16_t id;
    uint16_t offset; /* of its first byte in configuration space */
    uint8_t version; /* extended capabilities only, else 0 */
};

/*
 * Begins a walk through the standard (offsets 0x40 to 0xff) or the extended capabilities (0x100 to 0xfff). A function
 * without a list gives an empty walk, and so does a port or a bridge that reaches 256 bytes only, whether these read
 * all-ones or the first 256 again. Errors of vpt_pci_read().
 */
enum vpt_status vpt_pci_walk_begin(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);
enum vpt_status vpt_pci_walk_begin_extended(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);

/*
 * The next capability. VPT_EMPTY: no more. VPT_DEVICE_PCI_CAPABILITIES: the list loops or points out of its part of
 * the space; what it gave before is as good as ever. After an error there is no more. At most 48 (960 extended)
 * capabilities come.
 */
enum vpt_status vpt_pci_walk_next(struct vpt_pci_walk *walk, struct vpt_pci_capability *capability);

/* The first standard capability with this id; VPT_EMPTY: none. Or as vpt_pci_walk_next(). */
enum vpt_status vpt_pci_find_capability(const struct vpt_pci_function *function, uint8_t id, uint16_t *offset);

/* ---- Base address registers ---- */

enum vpt_pci_bar_kind {
    VPT_PCI_BAR_NONE = 0, /* unimplemented, or the upper half of the one before */
    VPT_PCI_BAR_MEMORY = 1,
    VPT_PCI_BAR_IO = 2,
    VPT_PCI_BAR_BROKEN = 3 /* its register makes no sense: no use to anyone, and given no address */
};

/*
 * One base address register. A kernel with its own PCI code fills in kind, address and size of each; the other members
 * matter to vpt_pci_bars_place() alone.
 */
struct vpt_pci_bar {
    uint64_t address; /* physical (for I/O: the port number); 0: unassigned. Reading gives the address on the bus: where
                         a host bridge translates, the kernel adds its offset */
    uint64_t size;    /* bytes; 0: unknown, and no use to a transport */
    enum vpt_pci_bar_kind kind;
    bool is_64bit; /* takes the next register too */
    bool prefetchable;
    bool below_1mib;      /* an old kind: has to lie there */
    uint8_t address_bits; /* of an address that its register can hold; 0: not known */
};

#define VPT_PCI_BARS_MAX 6u
#define VPT_PCI_ROM      6u /* index of the expansion ROM */

struct vpt_pci_bars {
    struct vpt_pci_bar bar[VPT_PCI_BARS_MAX + 1u];
};

/*
 * Reads what the registers hold, without sizes. Writes nothing; header type 0 has six and a ROM, type 1 two and a ROM,
 * others none. An unimplemented one cannot be told from an unassigned 32-bit memory one here: it reads as that.
 * A register that makes no sense is VPT_PCI_BAR_BROKEN, and the log names it ("BAR 2"): a kind that does not exist, or
 * a 64-bit one in the last register. The other BARs serve.
 */
enum vpt_status vpt_pci_bars_read(const struct vpt_pci_function *function, struct vpt_pci_bars *bars);

/*
 * The same with sizes: writes all-ones to each register with decoding (I/O, memory, the ROM's enable bit) and bus
 * mastering off, and puts everything back. The device must be idle: nothing else may access it meanwhile.
 * A bridge forwards nothing then either.
 * The size is the lowest address bit that sticks; those at the top need not (a function that is never given addresses
 * above 4 TiB may lack bits for them). A register without any is VPT_PCI_BAR_NONE. VPT_PCI_BAR_BROKEN, beside those of
 * vpt_pci_bars_read(), is one with a hole in these bits, one whose kind changes, and one whose address has other bits;
 * its size is 0.
 * VPT_DEVICE_PCI_COMMAND: decoding or bus mastering cannot be turned off; no register was touched.
 */
enum vpt_status vpt_pci_bars_size(const struct vpt_pci_function *function, struct vpt_pci_bars *bars);

/* Address space to assign BARs from: bus addresses, or ports. */
struct vpt_pci_window {
    enum vpt_pci_bar_kind kind; /* VPT_PCI_BAR_MEMORY or VPT_PCI_BAR_IO */
    bool prefetchable;          /* takes prefetchable BARs only, first */
    uint64_t next;              /* first free address; assignment moves it on. 0 is never assigned */
    uint64_t last;              /* of the window; next == last + 1 when it is full */
    bool full;                  /* the last address has been given out */
};

/*
 * Gives those BARs of `which` (bit n: bar[n]; VPT_PCI_ALL_BARS: the six) that are implemented and have no address one
 * from the windows: each at a multiple of its size, of 4096 bytes at least for memory, so that no page has registers of
 * two functions. 32-bit ones below 4 GiB, I/O ones below 64 KiB. Biggest first. Writes the registers with decoding off
 * and puts the command register back. `bars` is from vpt_pci_bars_size().
 * Windows are tried in their order; prefetchable 64-bit BARs prefer those above 4 GiB.
 * VPT_RESOURCE_PCI_WINDOW: one does not fit; then none is assigned, and windows and registers are as before.
 * VPT_CALLER_ARGUMENT: BARs that vpt_pci_bars_size() does not give.
 * VPT_DEVICE_PCI_BAR: a register does not hold what was written.
 */
enum vpt_status vpt_pci_bars_place(const struct vpt_pci_function *function, struct vpt_pci_bars *bars, unsigned which,
                                   struct vpt_pci_window *windows, unsigned count);

#define VPT_PCI_ALL_BARS 0x3fu

/*
 * Does what firmware does on other machines, for all buses of a host bridge (as in vpt_pci_enumerate()): gives bridges
 * bus numbers and windows, and BARs addresses, by vpt_pci_bars_size() and vpt_pci_bars_place(). vpt_pci_enumerate()
 * finds all functions afterwards, and vpt_pci_bars_size() their addresses. Once, before anything uses a function.
 * `windows` is what the host bridge forwards and nothing has; what is given out leaves them. Each bridge has one window
 * for I/O (multiples of 4 KiB), one for memory below 4 GiB (of 1 MiB), and, where it has such a one, a prefetchable one
 * (of 1 MiB, above 4 GiB if it can): this is taken from a window that is prefetchable or above 4 GiB, and without any
 * of these, prefetchable BARs go below 4 GiB with the others. BARs of a kind that no window is for stay as they are.
 *
 * What firmware has done is left alone: on the first bus, BARs of functions that decode, BARs that have an address, and
 * bridges that have bus numbers, with all that is behind them. Behind the others, functions decode nothing and are no
 * bus masters afterwards; bridges decode what they have windows for, and are bus masters, so that devices behind them
 * reach memory.
 *
 * Whatever goes wrong with one function, all others are served. The log has a line for each; the status is the first:
 * VPT_RESOURCE_PCI_WINDOW: a function's memory or I/O BARs do not fit.
 * VPT_RESOURCE_PCI_BUSES: a bridge got no bus number, since there are none left, or since there are eight in front of
 * it already.
 * VPT_DEVICE_PCI_BRIDGE: a bridge does not hold what was written.
 * VPT_DEVICE_GONE, VPT_DEVICE_PCI_BAR, VPT_DEVICE_PCI_COMMAND, errors of the port.
 * VPT_CALLER_ARGUMENT: nothing was done. Uses some 2 KiB of stack, no recursion.
 */
enum vpt_status vpt_pci_buses_place(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                    struct vpt_pci_window *windows, unsigned count);

#define VPT_PCI_BRIDGES_DEEP 8u /* one behind the other */

/*
 * Whether each BAR of `which` that has an address lies within one window of its kind, from `next` (as it was before any
 * assignment) to `last`. An address that was found in a register is what firmware put there, or what the function says
 * by itself: a kernel that trusts no device asks before it maps, or that device's registers could be anyone's memory.
 * VPT_DEVICE_PCI_BAR: one does not, or is broken and has an address. Any context.
 */
enum vpt_status vpt_pci_bars_check(const struct vpt_pci_bars *bars, unsigned which,
                                   const struct vpt_pci_window *windows, unsigned count);

/*
 * Writes the addresses of the six BARs back, for a function that has lost them in the machine's sleep or by a reset of
 * its bus, and turns the decoding on that they need; those without an address stay as they are, and so does the ROM.
 * Addresses are the bus's: `bars` is from vpt_pci_bars_read(), vpt_pci_bars_size() or vpt_pci_bars_place(). Bus
 * mastering is turned on by vpt_device_negotiate(), MSI-X by vpt_pci_msix_init() and what follows it.
 * VPT_DEVICE_PCI_BAR: a register does not hold what was written, or the header has no such register;
 * VPT_DEVICE_PCI_COMMAND; decoding is off then, as far as the function turns it off.
 */
enum vpt_status vpt_pci_bars_restore(const struct vpt_pci_function *function, const struct vpt_pci_bars *bars);

/* ---- MSI-X (PCI 3.0, section 6.8.2) ---- */

#define VPT_PCI_MSIX_ENTRIES_MAX 2048u

/* A function's MSI-X table, in the caller's memory. Every member is private but `entries`. */
struct vpt_pci_msix {
    struct vpt_pci_function function;
    void *table;         /* mapped */
    void *pending;       /* mapped */
    uint16_t entries;    /* 1 to 2048 */
    uint16_t capability; /* offset */
};

/*
 * Finds the capability, checks that table and pending bits lie in their (memory) BARs, maps them, turns MSI-X off if
 * it was on, and masks every entry; a device that was left running would then use its INTx line: reset it before.
 * Turns decoding of memory BARs on, since the table is in one: as with vpt_virtio_pci_probe(), the caller vouches for
 * the addresses of all of them. On failure *msix is zeroed, and decoding is as it was.
 * VPT_EMPTY: the function has no MSI-X.
 * VPT_DEVICE_PCI_MSIX: its table or pending bits lie where they cannot, or MSI-X does not turn off.
 * VPT_CALLER_BAR: their BAR has no address or size, or cannot be there. The log names it, as with the next one.
 * VPT_DEVICE_PCI_BAR: their BAR is broken, or its register has lost its address: vpt_pci_bars_restore() comes first.
 * VPT_DEVICE_PCI_COMMAND, VPT_UNSUPPORTED_PORT, errors of the port.
 */
enum vpt_status vpt_pci_msix_init(struct vpt_pci_msix *msix, const struct vpt_pci_function *function,
                                  const struct vpt_pci_bars *bars);

/* Turns MSI-X off, unmaps and zeroes. */
void vpt_pci_msix_release(struct vpt_pci_msix *msix);

/*
 * MSI-X on or off for the function. On a virtio device: before vpt_device_negotiate(), and
 * vpt_device_choose_interrupts() tells the device which entries to use. VPT_DEVICE_PCI_MSIX: the bit did not change.
 * VPT_CALLER_STATE: *msix is zeroed.
 */
enum vpt_status vpt_pci_msix_enable(struct vpt_pci_msix *msix, bool enable);

/*
 * Sets where an entry's message goes, masked meanwhile, and leaves the mask as it was. Address (a multiple of 4) and
 * data are the interrupt controller's: for an x86 local APIC 0xfee00000 | id << 12, and the vector.
 * VPT_CALLER_RANGE: no such entry. VPT_CALLER_ALIGNMENT.
 */
enum vpt_status vpt_pci_msix_program(struct vpt_pci_msix *msix, uint16_t entry, uint64_t address, uint32_t data);

/* Masks or unmasks one entry, and reads back so that it has taken effect. VPT_CALLER_RANGE. */
enum vpt_status vpt_pci_msix_mask(struct vpt_pci_msix *msix, uint16_t entry, bool masked);

/* Masks or unmasks the whole function without touching the entries' own masks. */
enum vpt_status vpt_pci_msix_mask_all(struct vpt_pci_msix *msix, bool masked);

/* Whether an entry's message is held back by a mask. Any context. */
enum vpt_status vpt_pci_msix_pending(struct vpt_pci_msix *msix, uint16_t entry, bool *pending);

/* ---- MSI (PCI 3.0, section 6.8.1), one message ---- */

/*
 * Sets the message of a function, unmasks it, and turns MSI on with one vector. VPT_EMPTY: the function has no MSI.
 * VPT_CALLER_ALIGNMENT; VPT_CALLER_RANGE: data above 16 bits; VPT_RESOURCE_ADDRESS: above 4 GiB where the function has
 * 32 bits only; VPT_DEVICE_PCI_MSIX: a bit did not change.
 */
enum vpt_status vpt_pci_msi_enable(const struct vpt_pci_function *function, uint64_t address, uint32_t data);

/* Turns it off. */
enum vpt_status vpt_pci_msi_disable(const struct vpt_pci_function *function);

/* Masks or unmasks the message. VPT_UNSUPPORTED_REQUEST: the function has no such mask. */
enum vpt_status vpt_pci_msi_mask(const struct vpt_pci_function *function, bool masked);

/* ---- Configuration accesses, decoded: for who makes up a host bridge for a guest ---- */

/* What one is meant for. */
struct vpt_pci_target {
    struct vpt_pci_address address; /* segment 0 by port */
    uint16_t offset;
    uint8_t width; /* 1, 2 or 4, within one dword */
};

/*
 * By port: an access to one of the ports 0xcfc to 0xcff, while the 4-byte register at port 0xcf8 holds `latch`. Bits 0
 * and 1 of that are ignored, and so are 24 to 30: the first 256 bytes are reached. VPT_EMPTY: bit 31 is not set, this
 * is no configuration access. VPT_CALLER_RANGE: another port, or it leaves the four; VPT_CALLER_ARGUMENT: the width.
 * Reads that come to no VPT_OK are to give all-ones. Any context.
 */
enum vpt_status vpt_pci_decode_ports(uint32_t latch, uint16_t io_port, unsigned width, struct vpt_pci_target *target);

/*
 * By memory (ECAM): an access at `offset` into a window whose first byte is the first one of bus `first_bus`, and which
 * ends with `last_bus`. VPT_CALLER_RANGE: past its end, or not within one dword. VPT_CALLER_ARGUMENT: the width, or
 * buses in the wrong order. Any context.
 */
enum vpt_status vpt_pci_decode_memory(uint16_t segment, uint8_t first_bus, uint8_t last_bus, uint64_t offset,
                                      unsigned width, struct vpt_pci_target *target);

VPT_END_DECLARATIONS

#endif
