/* SPDX-License-Identifier: MIT */
/*
 * Assigning a PCI function to a guest: what a small hypervisor must remember about a device, physical or emulated, that
 * it gives to a guest. vpt answers the guest's configuration accesses, maps BARs where the guest places them, and hides
 * what a guest must not have. The hypervisor says how the device is reached and how a guest's address space changes.
 *
 *     vpt_assign_open(&device, &config)                  reads the function, sizes its BARs
 *     vpt_assign_acquire(&device, owner, &guest)         gives the device to a guest
 *     vpt_assign_config_read(), _write()                 its configuration accesses, which are trapped
 *     vpt_assign_access_read(), _write()                 its accesses to trapped parts of BARs
 *     vpt_assign_release(&device)                        takes the device back, so that another guest may have it
 *     vpt_assign_close(&device)
 *
 * Nothing is allocated. Every access of a guest, to any address, has a defined answer. Every call on a device needs a
 * lock of the caller's, the same for all calls: the device's lock here is that of the assigned device, which an
 * interrupt handler may take. Hooks are called with it held and call nothing of this header, with two exceptions: the
 * guest's map() and unmap() may change a DMA space (assign_dma.h), and the host's interrupts() may change entries for
 * host vectors (assign_remap.h). docs/contexts.md explains the lines "Context".
 */
#ifndef VPT_ASSIGN_H
#define VPT_ASSIGN_H

#include <vpt/pci.h>

VPT_BEGIN_DECLARATIONS

/* ---- The host's function ---- */

enum vpt_assign_interrupt_mode {
    VPT_ASSIGN_INTERRUPT_NONE = 0,
    VPT_ASSIGN_INTERRUPT_INTX = 1,
    VPT_ASSIGN_INTERRUPT_MSI = 2,
    VPT_ASSIGN_INTERRUPT_MSIX = 3
};

/* Ways to reset a function, in the order in which they are tried. */
enum vpt_assign_reset_method {
    VPT_ASSIGN_RESET_NONE = 0,
    VPT_ASSIGN_RESET_DEVICE = 1,   /* a way of the host's own, by its hook reset() */
    VPT_ASSIGN_RESET_FUNCTION = 2, /* function level reset by the PCI Express capability */
    VPT_ASSIGN_RESET_ADVANCED = 3, /* function level reset by the advanced features capability */
    VPT_ASSIGN_RESET_POWER = 4,    /* D3hot and back to D0, if that resets the function */
    VPT_ASSIGN_RESET_BUS = 5       /* a reset of the bus by the host's hook; all functions on the bus have one owner */
};

/* How many microseconds a function may need to be ready. Some need many seconds, and Linux waits as long. */
#define VPT_ASSIGN_READY_WAIT 60000000u

/*
 * How a function is reached: a physical function behind a port (port/assign_port.h), one that the hypervisor emulates
 * (port/emulated_function.h), or any other table of functions. An access is done as a whole or fails. Memory and I/O
 * are accessed only where a BAR of the function lies, on behalf of the guest.
 */
struct vpt_assign_host {
    void *ctx;

    /*
     * These two work as vpt_pci_read() and vpt_pci_write(): the width is 1, 2 or 4, and the offset is a multiple of it.
     */
    enum vpt_status (*config_read)(void *ctx, uint16_t offset, unsigned width, uint32_t *value);
    enum vpt_status (*config_write)(void *ctx, uint16_t offset, unsigned width, uint32_t value);

    /*
     * Accesses memory at a host physical address; the width is 1, 2, 4 or 8. NULL: there is no trapped memory, and
     * accesses to it read as all-ones.
     */
    enum vpt_status (*memory_read)(void *ctx, uint64_t address, unsigned width, uint64_t *value);
    enum vpt_status (*memory_write)(void *ctx, uint64_t address, unsigned width, uint64_t value);

    /* Accesses an I/O port; the width is 1, 2 or 4. NULL: there is no trapped I/O. */
    enum vpt_status (*io_read)(void *ctx, uint16_t io_port, unsigned width, uint32_t *value);
    enum vpt_status (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /*
     * Told of each configuration write that a guest causes, before the write is made, so that a hypervisor can prove
     * that no other bit is ever the guest's. The bits `allowed` of `value` may be the guest's; the others are the
     * host's own, or 0 if a 1 would clear something. It is also told when an acquire, a reset or a release turns bus
     * mastering off. NULL: nobody is told.
     */
    void (*audit)(void *ctx, uint16_t offset, unsigned width, uint32_t value, uint32_t allowed);

    /*
     * Told how the function interrupts from now on; `count` is how many messages it has, or 0 for INTx and for none. It
     * is told only when the guest's choice changes. NULL: nobody is told. If it fails, the guest's write has no effect.
     */
    enum vpt_status (*interrupts)(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count);

    /*
     * Masks or unmasks INTx on the host's side, because INTx is level-triggered and would come again until it is
     * served. NULL: INTx is not masked.
     */
    enum vpt_status (*intx_mask)(void *ctx, bool masked);

    /*
     * Resets the function in a way of the host's own (VPT_ASSIGN_RESET_DEVICE), or all that is behind its bridge
     * (VPT_ASSIGN_RESET_BUS). It returns when the reset is done, waiting included, and returns VPT_UNSUPPORTED_DEVICE
     * if there is no such way. NULL: there is none.
     */
    enum vpt_status (*reset)(void *ctx, enum vpt_assign_reset_method method);

    /*
     * Waits for at least so many microseconds. Other guests may run meanwhile, and calls for other devices may be made;
     * docs/assignment.md has the rules. NULL: nothing can wait, so functions are not reset.
     */
    void (*delay)(void *ctx, uint32_t microseconds);

    /* Whether reset() can do VPT_ASSIGN_RESET_BUS; if not, reset() is never called for a bus. */
    bool reset_bus;

    /*
     * How many microseconds the function may take to be ready, in addition to those that a reset always takes; 0:
     * VPT_ASSIGN_READY_WAIT. The library looks every 10 ms, so a function that is ready early does not wait longer.
     */
    uint32_t ready_wait;
};

/* ---- The guest ---- */

/* Which address space a region lies in. */
enum vpt_assign_space { VPT_ASSIGN_MEMORY = 1, VPT_ASSIGN_IO = 2 };

#define VPT_ASSIGN_NO_BAR   0xffu
#define VPT_ASSIGN_RESERVED 0xfeu

/* A piece of a guest's address space that belongs to the device. */
struct vpt_assign_region {
    uint64_t guest; /* the guest's address or I/O port */
    uint64_t host;  /* the host's address or I/O port */
    uint64_t size;  /* bytes, at least 1 */
    enum vpt_assign_space space;
    /* 0 to 5, or VPT_PCI_ROM. VPT_ASSIGN_NO_BAR: the hypervisor's own; VPT_ASSIGN_RESERVED: no BAR may lie there. */
    uint8_t bar;
    bool trapped; /* accesses come by vpt_assign_access_read() and _write(); else the region is mapped */
};

/*
 * How a guest's address space changes.
 *
 * map() makes a region reachable, or lets accesses to it be trapped. It returns VPT_OK; or VPT_REFUSED, if the region
 * cannot have this address: then the BAR stays unmapped until the guest moves it or tries again. With any other status
 * it has failed and changed nothing. unmap() returns VPT_OK once the guest cannot reach the region any more; if it
 * fails it has changed nothing. It must not return VPT_REFUSED, which becomes VPT_CALLER_ARGUMENT. *region is valid
 * until they return.
 *
 * All changes that one write of a guest causes are one transaction: unmaps come first, then maps. If one fails, all are
 * undone, and the write has no effect. There is one exception: if the guest writes an address, the address may be
 * incomplete, or the guest may want to know the BAR's size; so a map() that fails then counts as VPT_REFUSED. If
 * undoing fails too, the device is degraded: writes of a guest call no hook any more, and the registers that mappings
 * depend on stay as they are, until a release or a reset succeeds.
 */
struct vpt_assign_guest {
    void *ctx;
    enum vpt_status (*map)(void *ctx, const struct vpt_assign_region *region);
    enum vpt_status (*unmap)(void *ctx, const struct vpt_assign_region *region);

    /*
     * Delivers a message, with the address and the data that the guest has written for it. If it fails, the message
     * stays pending, and is tried again when it is raised or unmasked again, or when the guest turns bus mastering on.
     * NULL: VPT_UNSUPPORTED_PORT.
     */
    enum vpt_status (*message)(void *ctx, uint64_t address, uint32_t data);

    /* Sets the level of the function's INTx line; called when the level changes. NULL: the guest has no such line. */
    void (*intx)(void *ctx, bool asserted);
};

/* ---- The object ---- */

/* A range of a BAR whose accesses are trapped while the rest of the BAR is mapped. */
struct vpt_assign_trap {
    uint8_t bar;
    uint64_t offset; /* from the start of the BAR */
    uint64_t size;
};

/* What does not change about a function's BARs while it is open. */
struct vpt_assign_layout {
    const struct vpt_assign_trap *traps;
    uint16_t trap_count;
    uint64_t page_size; /* of the guest's mappings, a power of two */
    /* BARs as on the host; the last is the ROM. A BAR without an address is never live. */
    struct vpt_pci_bar bar[VPT_PCI_BARS_MAX + 1u];
};

/* The registers, as the guest sees and changes them, that decide which BARs are live. */
struct vpt_assign_registers {
    uint16_t command;
    uint8_t power_state;                 /* from 0 (D0) to 3 (D3hot) */
    uint32_t bar[VPT_PCI_BARS_MAX + 1u]; /* the last register is the ROM's */
};

/* At which addresses BARs are live in the guest. Private. */
struct vpt_assign_placement {
    uint64_t address[VPT_PCI_BARS_MAX + 1u];
    uint8_t live; /* bit n: bar[n] is live at address[n], which is 0 otherwise */
};

/* A message of MSI-X. Private. */
struct vpt_assign_vector {
    uint32_t address_low;
    uint32_t address_high;
    uint32_t data;
    uint32_t control; /* bit 0: masked; bit 1, which guests do not see: pending */
};

struct vpt_assign_remap; /* <vpt/assign_remap.h> */
struct vpt_assign_remap_entry;
struct vpt_assign_dma; /* <vpt/assign_dma.h> */

#define VPT_ASSIGN_VENDOR_ID           0x1u
#define VPT_ASSIGN_DEVICE_ID           0x2u
#define VPT_ASSIGN_SUBSYSTEM_VENDOR_ID 0x4u
#define VPT_ASSIGN_SUBSYSTEM_ID        0x8u
#define VPT_ASSIGN_ALL_IDS             0xfu

/* Ids that a guest sees instead of the function's own. */
struct vpt_assign_identity {
    uint32_t which; /* VPT_ASSIGN_*_ID; the other ids are the function's */
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t subsystem_vendor_id;
    uint16_t subsystem_id;
};

/* What a hypervisor says of a device. A zeroed member means the default. */
struct vpt_assign_config {
    const struct vpt_assign_host *host;
    struct vpt_pci_address address;  /* for the registry and for the guest's decoding */
    uint32_t group;                  /* isolation group, whose devices all have one owner; 0: a group of its own */
    uint16_t config_size;            /* 256 or 4096; 0: 256 */
    uint64_t page_size;              /* of the guest's mappings, a power of two; 0: 4096 */
    const struct vpt_pci_bars *bars; /* NULL: the call sizes them; a virtual function needs them */
    bool virtual_function;           /* of SR-IOV: needs `bars` and an `identity` of all ids; has no interrupt pin */
    const struct vpt_assign_identity *identity; /* NULL: the function's own ids */
    bool multi_function; /* the guest has other functions at this device number: bit 7 of the header type */
    const struct vpt_assign_trap *traps; /* in addition to the library's; read during the call only */
    uint16_t trap_count;
    void *storage; /* vpt_assign_storage_size() bytes, aligned to 8; the device's until it is closed */
    size_t storage_size;
    uint16_t regions; /* at once: VPT_ASSIGN_REGIONS(trap_count) for the BARs, and the caller's own */
};

/* A device, in the caller's memory. Read the members above the line; those below it are private. */
struct vpt_assign_device {
    struct vpt_pci_address address;
    uint32_t group;
    uint32_t type; /* VPT_DEVICE_TYPE_* of a virtio function, else 0 */
    uint16_t vendor_id;
    uint16_t device_id;
    bool owned;
    uint64_t owner;           /* any number, also 0 */
    bool degraded;            /* undoing failed: registers and mappings may differ; false after a release */
    bool vanished;            /* the host's function does not answer any more */
    bool capabilities_broken; /* a capability list loops or leaves its space: guests see what is before that */
    uint32_t generation;      /* grows with each release and reset; an interrupt found before that is not delivered */
    /* ---- */
    bool virtio;        /* of virtio's vendor, so vendor-specific capabilities are virtio's */
    bool reset_needed;  /* a reset has failed */
    bool intx_asserted; /* by the function; the guest has not served it */
    bool intx_level;    /* the level that the guest was told last */
    uint8_t refused;    /* BARs (bit n: bar[n]) that would be live, but map() refused their address */
    uint16_t config_size;
    uint16_t region_capacity;
    uint16_t region_count;
    uint16_t power_management; /* offset of the capability, as are the next two; 0: guests see none */
    uint16_t msi;
    uint16_t msix;
    uint16_t vector_count;
    uint16_t message_count;              /* that the guest has enabled, as the host was told last */
    enum vpt_assign_interrupt_mode mode; /* as the host was told last */
    uint32_t msi_pending;                /* pending messages of MSI */
    const struct vpt_assign_host *host;
    const struct vpt_assign_guest *guest;
    uint32_t *shadow; /* registers of 4 bytes: virtual bits as the guest sees them */
    uint32_t *saved;  /* registers of 4 bytes: the host's, as they were at the open */
    uint8_t *classes; /* config_size bytes: for each byte, the number of its row of permissions, and marks */
    struct vpt_assign_region *regions;    /* the live ones, sorted by space and guest address */
    struct vpt_assign_registry *registry; /* that the device is in; NULL: none */
    struct vpt_assign_device *next;
    struct vpt_assign_vector *vectors;      /* the MSI-X table as the guest has written it */
    struct vpt_assign_remap *remap;         /* the array that has its entries; NULL: none */
    struct vpt_assign_remap_entry *entries; /* the first of its entries */
    struct vpt_assign_dma *dma;             /* the space that it is attached to; NULL: none */
    struct vpt_assign_device *dma_next;
    uint32_t host_command; /* the host's command and status registers as they were read last */
    bool raised; /* a message was raised since all were looked at; if false, turning bus mastering on delivers none */
    uint16_t own_regions;                    /* how many regions the hypervisor may add */
    const struct vpt_assign_trap *own_traps; /* two, for the MSI-X table and its pending bits; NULL: no vectors */
    struct vpt_assign_placement placed;      /* at which addresses BARs are mapped */
    struct vpt_assign_layout layout;         /* its traps are in the storage */
};

/* The devices of a hypervisor. A zeroed registry is empty. Private. */
struct vpt_assign_registry {
    struct vpt_assign_device *first;
};

/* Traps that the library makes: for the MSI-X table and for its pending bits. */
#define VPT_ASSIGN_OWN_TRAPS 2u

/* How many pieces live BARs can have: each trap splits one piece in three. */
#define VPT_ASSIGN_REGIONS(traps) (7u + 2u * (VPT_AS(unsigned, traps) + VPT_ASSIGN_OWN_TRAPS))

/* Bytes of storage for a function without MSI-X. VPT_ASSIGN_VECTORS_SIZE() is added for the vectors of its table. */
#define VPT_ASSIGN_STORAGE_SIZE(config_size, traps, regions)                           \
    (3u * VPT_AS(size_t, config_size) +                                                \
     sizeof(struct vpt_assign_trap) * (VPT_AS(size_t, traps) + VPT_ASSIGN_OWN_TRAPS) + \
     sizeof(struct vpt_assign_region) * VPT_AS(size_t, regions))
#define VPT_ASSIGN_VECTORS_SIZE(vectors) (sizeof(struct vpt_assign_vector) * VPT_AS(size_t, vectors))
#define VPT_ASSIGN_VECTORS_MAX           2048u

/* ---- Set-up ---- */

/*
 * Computes how many bytes of storage a device needs; it asks the function for the size of its MSI-X table. `storage`
 * and `storage_size` of the config are not used. After an error *size is 0.
 *
 * Returns
 * VPT_OK: *size is filled.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the config makes no sense.
 * VPT_DEVICE_GONE: the function does not answer.
 * an error of the host.
 *
 * Context: init, thread, panic; lock: device; calls: config_read.
 */
enum vpt_status vpt_assign_storage_size(const struct vpt_assign_config *config, size_t *size);

/*
 * Reads a function through the host: the whole of its configuration space once, and the sizes of its BARs unless they
 * are given (as vpt_pci_bars_size() does, so the function must be idle). What this call reads decides what guests can
 * see and change; what the function says later changes nothing. Only header type 0 is supported. A BAR that makes no
 * sense to vpt_pci_bars_size() does not exist for guests. On failure *device is zeroed.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the config makes no sense.
 * VPT_CALLER_RANGE: a trap lies outside its BAR.
 * VPT_CALLER_MEMORY: the storage or `regions` is too small.
 * VPT_CALLER_BAR: a given BAR is one that no function can have, or reaches past the end of the space.
 * VPT_UNSUPPORTED_DEVICE: the header type is not 0.
 * VPT_DEVICE_GONE: the function does not answer.
 * VPT_DEVICE_PCI_COMMAND: decoding or bus mastering cannot be turned off to size the BARs.
 * an error of the host.
 *
 * Context: init, thread, panic; lock: device; calls: configuration.
 */
enum vpt_status vpt_assign_open(struct vpt_assign_device *device, const struct vpt_assign_config *config);

/*
 * Zeroes *device, without an access to the host.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_OWNED: the device has an owner: release it before.
 * VPT_CALLER_STATE: the device is in a registry: remove it before.
 *
 * Context: init, thread, panic; lock: device.
 */
enum vpt_status vpt_assign_close(struct vpt_assign_device *device);

/*
 * Returns the device type (VPT_DEVICE_TYPE_*) of a function with these ids, or 0 if it is no virtio device.
 *
 * Context: any; lock: none.
 */
uint32_t vpt_assign_virtio_type(uint16_t vendor_id, uint16_t device_id, uint16_t subsystem_id);

/* ---- Capabilities ---- */

/*
 * A capability of a function. Guests see a function's capabilities in the order of its own lists. These are hidden
 * unless they are shown: SR-IOV, ARI, ATS, page requests, PASID, resizable BARs, enhanced allocation (its addresses are
 * not a BAR's), and virtio's configuration access (vendor-specific of type 5, of vendor 0x1af4). A capability that is
 * too short for its kind is always hidden.
 *
 * No pointer leads to a hidden capability, and the bytes up to the next capability, or to the end of their space (0xff,
 * or the last byte), read 0 and ignore writes; the first extended one keeps its place, with id 0. A list that loops or
 * points out of its space ends before that place, and `capabilities_broken` is set. A capability that overlaps another
 * ends where the other begins. If there are no extended capabilities, all of their space is hidden.
 */
struct vpt_assign_capability {
    uint16_t id;
    uint16_t offset; /* 0x100 and above: an extended capability */
    bool hidden;
};

/*
 * Finds capability number `index`, counted from 0 in the order of offsets.
 *
 * Returns
 * VPT_OK: *capability is filled.
 * VPT_EMPTY: there are no more.
 * VPT_CALLER_ARGUMENT: the device is not open, or `capability` is NULL.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_capability_at(const struct vpt_assign_device *device, uint16_t index,
                                         struct vpt_assign_capability *capability);

/*
 * Hides the capability at `offset`, from the next owner on, until the close.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: no capability begins there.
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_OWNED: the device has an owner.
 *
 * Context: init, thread, panic; lock: device.
 */
enum vpt_status vpt_assign_hide(struct vpt_assign_device *device, uint16_t offset);

/*
 * Shows the capability at `offset`, from the next owner on, until the close. A capability that the tables do not know
 * is read-only when it is shown.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: no capability begins there.
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_OWNED: the device has an owner.
 * VPT_DEVICE_PCI_CAPABILITIES: the capability is too short to be shown.
 *
 * Context: init, thread, panic; lock: device.
 */
enum vpt_status vpt_assign_show(struct vpt_assign_device *device, uint16_t offset);

/* ---- A guest's configuration accesses ---- */

/*
 * Constant tables say whether a bit of a guest's configuration space is the guest's own or the host's, and whether it
 * can be written. Here "own" is a register that the guest writes and the library keeps, and "fixed" is one that ignores
 * writes. Registers that the list does not name are the host's, and fixed.
 *
 *   command        own: decoding, bus master, memory write and invalidate, parity and system error enable, interrupt
 *                  disable. The host's bus master bit is the guest's in D0, else 0. The others are fixed, as 0 or as
 *                  the host has them
 *   status         the host's, fixed
 *   ids, revision, class, header type    fixed, as at the open or as the caller says
 *   cache line size, latency timer, interrupt line    own
 *   BARs, ROM      own; mappings depend on them, on the command register and on the power state
 *   power management    the state is own: outside D0 no BAR is live, the host's function is no bus master, and nothing
 *                  interrupts. The host's function stays in D0, and the register says that it needs no reset on the way
 *                  back. There are no power management events
 *   MSI, MSI-X     own, see "Interrupts". No more messages can be enabled than there are, and only these have masks
 *   PCI Express    payload and read request sizes up to the host's: the first is own, the second is written to the
 *                  host, as are relaxed ordering and the completion timeout. Error reporting enables are own; there are
 *                  no phantom functions; the rest is fixed. A function level reset, here or by advanced features, works
 *                  if the function has it and the host has delay(): see "Reset". Its bit reads 0
 *   vital product data    can be read, not written
 *   vendor-specific    the bytes behind its length are the host's, and written there; all is fixed if it is virtio's,
 *                  except configuration access
 *   error reporting    status, mask and severity are the host's, and written there; its control is fixed
 *   power budgeting    the entry that is shown is selected at the host
 *
 * A write to the host is one access, the smallest that covers the bytes that may be written; it has at least two bytes,
 * unless the guest writes one byte. Its other bits are written as the host has them, or as 0 if a 1 would act.
 *
 * A function has vanished if its command and status registers read as all-ones; the library notices this when an access
 * reaches the function. Until then the guest's own bits and the fixed ones read as before. After an error the guest
 * reads all-ones (in the width of the access, if it is 1 or 2).
 */

/*
 * Reads 1, 2 or 4 bytes of a guest's configuration space within one dword, as vpt_pci_decode_ports() and
 * vpt_pci_decode_memory() give them. The comment above says what each register holds.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `value` is NULL, or the device is not open.
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or the bytes are not within one dword.
 * VPT_CALLER_RANGE: the offset lies outside the space.
 * VPT_CALLER_STATE: the device has no owner.
 * VPT_DEVICE_GONE: the function has vanished.
 * an error of the host.
 *
 * Context: any; lock: device; calls: config_read.
 */
enum vpt_status vpt_assign_config_read(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                       uint32_t *value);

/*
 * Writes 1, 2 or 4 bytes of a guest's configuration space within one dword. The comment above says what each register
 * takes. After the statuses up to VPT_DEVICE_GONE nothing is written. After an error of the host the guest's own bits
 * are written, unless the error came while the library looked at its BARs.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_ALIGNMENT: the width is not 1, 2 or 4, or the bytes are not within one dword.
 * VPT_CALLER_RANGE: the offset lies outside the space.
 * VPT_CALLER_STATE: the device has no owner.
 * VPT_DEVICE_GONE: the function has vanished.
 * VPT_REFUSED: the write is done, but map() refused the address of a BAR, which is unmapped. If an address (of a BAR or
 *     the ROM) was written, this is returned whatever status map() had: the guest reads what it has written.
 * VPT_DEVICE_ASSIGN_DEGRADED: undoing failed, or the device was degraded before.
 * an error of map() at a write to another register, or of unmap(): nothing was changed.
 * an error of the host, or of its interrupts().
 * what vpt_assign_reset() returns, if the write resets the function.
 *
 * Context: any; lock: device; calls: configuration.
 */
enum vpt_status vpt_assign_config_write(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                        uint32_t value);

/* ---- What is live ---- */

/*
 * Computes which regions of a guest's address space a function's BARs take, sorted by space and guest address, from a
 * layout as an open device has it. The result depends on the arguments alone.
 *
 * A BAR is live if it is implemented, the host has given it an address, the guest decodes it (command register, and the
 * ROM's own bit), and the function is in D0; but not in two cases:
 * - The guest's address is 0, or the BAR would end at the last byte of memory (of 4 GiB for 32 bits) or beyond, or
 *   beyond the last of the 65536 ports. A BAR has such an address while it is sized.
 * - It overlaps a live BAR with a lower number. Then the whole of the higher one is not live.
 *
 * A memory BAR is trapped as a whole if it is smaller than a page, or if its offset in a page is not the same as on the
 * host, because the host's page would show the guest more than the BAR. A trap covers all pages that it touches. Ports
 * are mapped, except those of traps, if the guest's number is the host's; otherwise they are trapped.
 *
 * Returns the number of regions, at most VPT_ASSIGN_REGIONS(trap_count). If it is above `capacity`, `pieces` does not
 * hold all of them. `pieces` may be NULL with a capacity of 0.
 *
 * Context: any; lock: none.
 */
size_t vpt_assign_live(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                       struct vpt_assign_region *pieces, size_t capacity);

/* ---- Regions ---- */

/*
 * Adds a region of the hypervisor's own to a device that has an owner. For VPT_ASSIGN_NO_BAR the guest's map() is
 * called, as for a BAR. For VPT_ASSIGN_RESERVED nothing is called, and no BAR becomes live there ("refused"). The
 * region ends with the owner. A mapped region of memory is whole pages in the guest and on the host; mapped ports have
 * the same numbers there.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, the region has no bytes or no known space, or its `bar` is neither of these
 *     two.
 * VPT_CALLER_STATE: the device has no owner.
 * VPT_CALLER_RANGE: the region reaches past the end of its space.
 * VPT_CALLER_ALIGNMENT: the region is not in whole pages, or its ports are not the host's.
 * VPT_REFUSED: there is a region at this address, or map() refused it.
 * VPT_RESOURCE_FULL: all entries that are not for the device's BARs are in use.
 * VPT_DEVICE_ASSIGN_DEGRADED: the device is degraded.
 * an error of map().
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_region_add(struct vpt_assign_device *device, const struct vpt_assign_region *region);

/*
 * Removes the hypervisor's own region that begins at this address. A BAR that the region excluded is tried again at the
 * guest's next write to a register that decides about BARs.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL.
 * VPT_CALLER_RANGE: no region of the hypervisor's own begins there.
 * VPT_DEVICE_ASSIGN_DEGRADED: the device is degraded.
 * an error of unmap(): the region is still there.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_region_remove(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest);

/*
 * Returns the region that contains this byte of the guest's; it is valid until the next call for the device. Returns
 * NULL if no region contains the byte.
 *
 * Context: any; lock: device.
 */
const struct vpt_assign_region *vpt_assign_region_find(const struct vpt_assign_device *device,
                                                       enum vpt_assign_space space, uint64_t guest);

/* ---- Trapped accesses ---- */

/*
 * Passes a guest's read of a region to the host, in the same width (1, 2 or 4; also 8 in memory). If nothing is live
 * there, the guest reads all-ones. After an error *value is all-ones in the width.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or there is no such width or space.
 * VPT_CALLER_RANGE: not all of the bytes are in a live region.
 * VPT_CALLER_ALIGNMENT: the address on the host is no multiple of the width.
 * VPT_DEVICE_GONE: the function has vanished.
 * VPT_UNSUPPORTED_PORT: the host has no such access.
 * an error of the host.
 *
 * Context: any; lock: device; calls: mmio_read, io_read.
 */
enum vpt_status vpt_assign_access_read(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                       unsigned width, uint64_t *value);

/*
 * Passes a guest's write of a region to the host, in the same way as vpt_assign_access_read() passes a read. If nothing
 * is live there, the write is ignored. After an error nothing was written.
 *
 * Returns
 * what vpt_assign_access_read() returns.
 *
 * Context: any; lock: device; calls: mmio_write, io_write.
 */
enum vpt_status vpt_assign_access_write(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                        unsigned width, uint64_t value);

/* ---- Interrupts ---- */

/*
 * A guest sees INTx, MSI and MSI-X as the function has them, but the library keeps what it writes there. The function
 * interrupts by MSI-X while the guest has enabled MSI-X, else by MSI while MSI is enabled, else by INTx if the function
 * has a pin. The host's interrupts() is told of each change of this kind, of each change of the number of enabled MSI
 * messages, and of VPT_ASSIGN_INTERRUPT_NONE at the release and during a reset. The MSI-X table and its pending bits
 * are trapped, wherever they lie, and are accessed in 4 or 8 bytes (VPT_CALLER_ALIGNMENT); other accesses to their
 * pages are passed to the host.
 *
 * A message that is raised while it is masked (by its vector's mask, or MSI-X's function mask), or while the guest's
 * function is no bus master or is outside D0, becomes pending, once. It is delivered when none of these conditions
 * holds any more, with the address and data of that moment. A pending message stays pending while its kind is not
 * enabled. For INTx the guest is told the level: asserted, unless the guest has disabled INTx in the command register
 * or the function is outside D0. A raised INTx masks the host's INTx until the guest's end of interrupt. If the
 * function stops interrupting by INTx before that, the host's INTx is unmasked before interrupts() is told, and the
 * assertion is forgotten.
 *
 * While a device is degraded its host is told of VPT_ASSIGN_INTERRUPT_NONE alone: a guest's write that needs anything
 * else returns VPT_DEVICE_ASSIGN_DEGRADED and has no effect.
 */

/* The vector that stands for INTx. */
#define VPT_ASSIGN_INTX 0xffffu

/*
 * Takes an interrupt of the function; `vector` is a message's number, from 0, or VPT_ASSIGN_INTX.
 *
 * Returns
 * VPT_OK: the interrupt is delivered, or pending.
 * VPT_EMPTY: the guest has not enabled such a vector; nothing is remembered.
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_STATE: the device has no owner.
 * VPT_UNSUPPORTED_PORT: the guest has no message(); the message is pending.
 * an error of message() or intx_mask(): the interrupt is pending.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_raise(struct vpt_assign_device *device, uint16_t vector);

/*
 * Takes the guest's end of interrupt for the line of the function's INTx: the host's INTx is unmasked, and the guest's
 * line is deasserted. If the function still interrupts, INTx will be raised again. The call is also made when the guest
 * unmasks the line at its interrupt controller, because the function may have been served in the meantime.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: INTx was not asserted.
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_CALLER_STATE: the device has no owner.
 * an error of intx_mask(): repeat the call.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_end_of_interrupt(struct vpt_assign_device *device);

/* ---- Reset ---- */

/*
 * Resets a function by the first way that it has, in the order of enum vpt_assign_reset_method, even if guests do not
 * see the capability for it. The device need not have an owner. A guest can do the same by PCI Express or advanced
 * features, if the function has the way and the host has delay(); then its payload size stays (PCI Express, section
 * 6.6.2).
 *
 * Before the reset, bus mastering and interrupts are turned off, and mappings of BARs and entries for host vectors are
 * removed. Regions of the hypervisor's own and DMA stay. Afterwards the guest's registers are as at power-on, and
 * interrupts are as these registers say. The host's configuration is as it was at the open, except for the extended
 * space of a device that has an owner, because a function's sticky registers outlive resets.
 *
 * The call waits by the host's delay(): for transactions that are pending, but not longer than a second; 100 ms for a
 * function level reset, twice 10 ms for power states; then up to the host's `ready_wait` until the function answers and
 * is ready. A reset of the bus needs `reset_bus`, and a registry with all functions on the bus, which all have the
 * owner of this one, or all have none. It needs the locks of all these devices, and resets all. vpt_assign_release()
 * does not reset a bus.
 *
 * After VPT_DEVICE_STUCK and the statuses below it the device is quiesced and `degraded`, and no owner gets it until a
 * reset succeeds.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_UNSUPPORTED_DEVICE: the function has no way, or the host has no delay(), and nothing was done; or the host's
 *     reset() returned this, and all is as after a reset, except that the function was not reset.
 * VPT_DEVICE_STUCK: the function does not answer after the reset.
 * VPT_DEVICE_GONE: the function has vanished.
 * an error of the host or of unmap().
 *
 * Context: init, thread, panic; lock: device, registry; calls: configuration.
 */
enum vpt_status vpt_assign_reset(struct vpt_assign_device *device);

/* ---- Owners ---- */

/*
 * Gives the device to `owner`, with a configuration space as at power-on: the guest decodes nothing, and bus mastering
 * is off, even if firmware left it on. `guest` is the device's until the release. The host's interrupts() is told of
 * INTx if there is a pin. The host's own BARs, and whether it decodes them, are as at the open: if something has reset
 * the function meanwhile, they are written back when the guest turns decoding on (docs/assignment.md). On failure the
 * device has no owner.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open, or `guest` lacks map() or unmap().
 * VPT_CALLER_OWNED: the device has an owner, this one or another, or a device of its group has another owner.
 * VPT_CALLER_STATE: the device has a group and is in no registry.
 * VPT_DEVICE_GONE: the function has vanished; if it is back, open it again.
 * VPT_DEVICE_STUCK: a reset of this device, or of a device of its group without an owner, has failed, and none has
 *     succeeded since.
 * an error of the host.
 *
 * Context: init, thread, panic; lock: device, registry; calls: configuration.
 */
enum vpt_status vpt_assign_acquire(struct vpt_assign_device *device, uint64_t owner,
                                   const struct vpt_assign_guest *guest);

/*
 * Takes the device from its owner, in this order: it turns bus mastering and interrupts off, removes all regions and
 * entries for host vectors, detaches DMA, resets the function if there is a way other than a bus reset, and writes the
 * host's configuration back as at the open. It does nothing if the device has no owner. If the function has vanished,
 * only the guest's side is done.
 *
 * If the reset fails, the release succeeds, but nobody gets the device or another of its group (VPT_DEVICE_STUCK) until
 * vpt_assign_reset() succeeds, or the device is removed from the registry because it is no longer in the machine. If a
 * hook fails, the device keeps its owner, and if bus mastering was off by then, it is degraded: repeat the call.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL.
 * VPT_DEVICE_ASSIGN_DEGRADED: DMA was not detached, and undoing that failed.
 * an error of a hook.
 *
 * Context: init, thread, panic; lock: device, registry; calls: configuration.
 */
enum vpt_status vpt_assign_release(struct vpt_assign_device *device);

/*
 * Puts an open device into a registry, which has one device for each address. The registry has a lock of the caller's
 * own.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL, the device is not open, or another device has this address.
 * VPT_CALLER_STATE: the device is in a registry.
 * VPT_CALLER_OWNED: the device has an owner.
 *
 * Context: init, thread, panic; lock: device, registry.
 */
enum vpt_status vpt_assign_registry_add(struct vpt_assign_registry *registry, struct vpt_assign_device *device);

/*
 * Takes a device out of its registry.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: `device` is NULL.
 * VPT_CALLER_STATE: the device is in no registry.
 * VPT_CALLER_OWNED: the device has an owner.
 *
 * Context: init, thread, panic; lock: device, registry.
 */
enum vpt_status vpt_assign_registry_remove(struct vpt_assign_device *device);

/*
 * Returns the device at an address, or NULL.
 *
 * Context: any; lock: registry.
 */
struct vpt_assign_device *vpt_assign_registry_find(const struct vpt_assign_registry *registry,
                                                   const struct vpt_pci_address *address);

/*
 * Returns the device after `device` (NULL: the first device), in no particular order, or NULL if there are no more.
 *
 * Context: any; lock: registry.
 */
struct vpt_assign_device *vpt_assign_registry_next(const struct vpt_assign_registry *registry,
                                                   const struct vpt_assign_device *device);

/*
 * Returns the owner's device after `device` (NULL: the owner's first), in no particular order, or NULL if there are no
 * more.
 *
 * Context: any; lock: registry.
 */
struct vpt_assign_device *vpt_assign_registry_next_owned(const struct vpt_assign_registry *registry, uint64_t owner,
                                                         const struct vpt_assign_device *device);

/* ---- The checker ---- */

/*
 * Checks what the library remembers of a device: regions are sorted, do not overlap, lie within their space, and are
 * not too many; BARs are mapped exactly where the guest's registers have them, except for refused ones. It calls no
 * hook and changes nothing.
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: the device is not open.
 * VPT_DEVICE_ASSIGN_DEGRADED: something is not as it must be.
 *
 * Context: any; lock: device.
 */
enum vpt_status vpt_assign_check(const struct vpt_assign_device *device);

VPT_END_DECLARATIONS

#endif
