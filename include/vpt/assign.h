/* SPDX-License-Identifier: MIT */
/*
 * Assigning a PCI function to a guest: the books that a small hypervisor keeps for a device, physical or emulated, that
 * it hands over. vpt answers the guest's configuration accesses, follows its BARs with mappings, and hides what a guest
 * must not have; the hypervisor says how the device is reached and how a guest's address space changes.
 *
 *     vpt_assign_open(&device, &config)                  reads the function, sizes its BARs
 *     vpt_assign_acquire(&device, owner, &guest)         a guest gets it
 *     vpt_assign_config_read(), _write()                 its configuration accesses, trapped
 *     vpt_assign_access_read(), _write()                 its accesses to what is trapped of the BARs
 *     vpt_assign_release(&device)                        the guest is gone; the next one may have it
 *     vpt_assign_close(&device)
 *
 * Nothing is allocated. Every call is total: whatever a guest asks for has a defined answer. Every call on a device
 * takes one lock of the caller's, which may be one that an interrupt handler takes. Hooks are called with it held and
 * call nothing of this header. The guest's map() and unmap() may change a DMA space (assign_dma.h), and the host's
 * interrupts() entries for host vectors (assign_remap.h).
 */
#ifndef VPT_ASSIGN_H
#define VPT_ASSIGN_H

#include <vpt/pci.h>

VPT_BEGIN_DECLARATIONS

/* ---- The device behind ---- */

enum vpt_assign_interrupt_mode {
    VPT_ASSIGN_INTERRUPT_NONE = 0,
    VPT_ASSIGN_INTERRUPT_INTX = 1,
    VPT_ASSIGN_INTERRUPT_MSI = 2,
    VPT_ASSIGN_INTERRUPT_MSIX = 3
};

/* Ways to reset a function, in the order in which they are tried. */
enum vpt_assign_reset_method {
    VPT_ASSIGN_RESET_NONE = 0,
    VPT_ASSIGN_RESET_DEVICE = 1,   /* the host's own, by its hook */
    VPT_ASSIGN_RESET_FUNCTION = 2, /* function level reset, by the PCI Express capability */
    VPT_ASSIGN_RESET_ADVANCED = 3, /* the same by the advanced features capability */
    VPT_ASSIGN_RESET_POWER = 4,    /* D3hot and back to D0, where that does reset */
    VPT_ASSIGN_RESET_BUS = 5       /* by the host's hook; all functions on the bus have one owner */
};

/* Some functions take many seconds; Linux waits as long for each. */
#define VPT_ASSIGN_READY_WAIT 60000000u

/*
 * How a function is reached. An access is whole or failed, never short. Memory and I/O are only accessed where a BAR of
 * the function lies, on behalf of the guest. This may be a physical function behind a port (port/assign_port.h), one
 * that the hypervisor makes up (port/emulated_function.h), or any table of functions.
 */
struct vpt_assign_host {
    void *ctx;

    /* As vpt_pci_read() and vpt_pci_write(): width 1, 2 or 4, offset a multiple of it. */
    enum vpt_status (*config_read)(void *ctx, uint16_t offset, unsigned width, uint32_t *value);
    enum vpt_status (*config_write)(void *ctx, uint16_t offset, unsigned width, uint32_t value);

    /* Width 1, 2, 4 or 8 at a host physical address; NULL: there is no trapped memory (accesses read all-ones). */
    enum vpt_status (*memory_read)(void *ctx, uint64_t address, unsigned width, uint64_t *value);
    enum vpt_status (*memory_write)(void *ctx, uint64_t address, unsigned width, uint64_t value);

    /* Width 1, 2 or 4; NULL likewise. */
    enum vpt_status (*io_read)(void *ctx, uint16_t io_port, unsigned width, uint32_t *value);
    enum vpt_status (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /*
     * Told of each configuration write that a guest causes, before it is made: which bits of `value` may be the
     * guest's; the others are the host's own, or 0 where a 1 would clear something. For a proof that no other bit ever
     * is. Told too when an acquire, a reset or a release turns bus mastering off. NULL: nobody is told.
     */
    void (*audit)(void *ctx, uint16_t offset, unsigned width, uint32_t value, uint32_t allowed);

    /*
     * How the function is to interrupt from now on: `count` messages (0 for INTx and none). Told when the guest's
     * choice changes, and only then. NULL: nobody is told. On an error the guest's write has not been.
     */
    enum vpt_status (*interrupts)(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count);

    /*
     * Masks INTx on the host's side, or unmasks it: it is level triggered, and comes again until it is served. May be
     * NULL.
     */
    enum vpt_status (*intx_mask)(void *ctx, bool masked);

    /*
     * Resets the function in a way that is its own (VPT_ASSIGN_RESET_DEVICE), or all that is behind its bridge
     * (VPT_ASSIGN_RESET_BUS), and returns when that is done, waiting included. VPT_UNSUPPORTED_DEVICE: there is no such
     * way. NULL likewise.
     */
    enum vpt_status (*reset)(void *ctx, enum vpt_assign_reset_method method);

    /* Waits so long at least. NULL: nobody waits, and functions are not reset. */
    void (*delay)(void *ctx, uint32_t microseconds);

    /* reset() has VPT_ASSIGN_RESET_BUS: it is not called for that otherwise. */
    bool reset_bus;

    /*
     * Microseconds that the function may take to be ready, beyond those that a reset always takes; 0: the default. It
     * is looked at every 10 ms, so that only one that needs the time takes it.
     */
    uint32_t ready_wait;
};

/* ---- The guest ---- */

enum vpt_assign_space { VPT_ASSIGN_MEMORY = 1, VPT_ASSIGN_IO = 2 };

#define VPT_ASSIGN_NO_BAR   0xffu
#define VPT_ASSIGN_RESERVED 0xfeu

/* A piece of a guest's address space that belongs to the device. */
struct vpt_assign_region {
    uint64_t guest; /* address in the guest, or I/O port */
    uint64_t host;  /* on the host's side, likewise */
    uint64_t size;  /* bytes, at least 1 */
    enum vpt_assign_space space;
    uint8_t bar;  /* 0 to 5, VPT_PCI_ROM; of what the hypervisor has added: VPT_ASSIGN_NO_BAR, or _RESERVED for a
                       window that no BAR may have */
    bool trapped; /* accesses come by vpt_assign_access_read() and _write(); else they are mapped */
};

/*
 * How a guest's address space changes. map() makes a region reachable, or lets its accesses be trapped; VPT_OK,
 * VPT_REFUSED (this address is not to be had: the BAR stays unmapped until the guest moves it or tries again), or any
 * other status: it failed, and nothing was changed. unmap() returns VPT_OK once the guest cannot reach the region any
 * more; a failure (VPT_REFUSED is none of its, and becomes VPT_CALLER_ARGUMENT) changes nothing. *region is theirs
 * until they return.
 *
 * What one write of a guest changes is one transaction: unmaps first, then maps. Where one fails all is undone, and the
 * write with it; but while the guest writes an address, which may be half of one or a look for the BAR's size, a map()
 * that fails has refused it. Where undoing fails too the device is degraded: a guest's writes call no hook any more,
 * and the registers that mappings depend on stay as they are, until the release or a reset that works.
 */
struct vpt_assign_guest {
    void *ctx;
    enum vpt_status (*map)(void *ctx, const struct vpt_assign_region *region);
    enum vpt_status (*unmap)(void *ctx, const struct vpt_assign_region *region);

    /*
     * Delivers a message: what the guest has written for it. An error leaves it pending: it is tried again when it is
     * raised or unmasked again, or when the guest turns bus mastering on. NULL: VPT_UNSUPPORTED_PORT.
     */
    enum vpt_status (*message)(void *ctx, uint64_t address, uint32_t data);

    /* The level of the function's INTx line; called when it changes. NULL: it has none. */
    void (*intx)(void *ctx, bool asserted);
};

/* ---- The object ---- */

/* A range of a BAR whose accesses are to be trapped though the rest of it is mapped. */
struct vpt_assign_trap {
    uint8_t bar;
    uint64_t offset; /* in the BAR */
    uint64_t size;
};

/* What does not change about a function's BARs while it is open. */
struct vpt_assign_layout {
    const struct vpt_assign_trap *traps;
    uint16_t trap_count;
    uint64_t page_size; /* of the guest's mappings, a power of two */
    /* As on the host, the last is the ROM; without an address: never live. */
    struct vpt_pci_bar bar[VPT_PCI_BARS_MAX + 1u];
};

/* What a guest changes of them: its view of the registers that decide what is live. */
struct vpt_assign_registers {
    uint16_t command;
    uint8_t power_state;                 /* 0: D0, to 3: D3hot */
    uint32_t bar[VPT_PCI_BARS_MAX + 1u]; /* registers, the last is the ROM's */
};

/* Where BARs are live in the guest. Private. */
struct vpt_assign_placement {
    uint64_t address[VPT_PCI_BARS_MAX + 1u];
    uint8_t live; /* bit n: bar[n] is, at address[n]; where it is not, that is 0 */
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
    uint32_t which; /* VPT_ASSIGN_*_ID: the others are the function's */
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t subsystem_vendor_id;
    uint16_t subsystem_id;
};

/* What a hypervisor says of a device. Zeroed members are the defaults. */
struct vpt_assign_config {
    const struct vpt_assign_host *host;
    struct vpt_pci_address address;  /* for the registry and for the guest's decoding */
    uint32_t group;                  /* isolation group: all its devices have one owner; 0: a group of its own */
    uint16_t config_size;            /* 256 or 4096; 0: 256 */
    uint64_t page_size;              /* of the guest's mappings, a power of two; 0: 4096 */
    const struct vpt_pci_bars *bars; /* NULL: sized through the host; else given, as for a virtual function */
    bool virtual_function;           /* of SR-IOV: needs `bars` and an `identity` of all ids, has no interrupt pin */
    const struct vpt_assign_identity *identity; /* NULL: the function's own */
    bool multi_function; /* the guest has other functions at the same device number: the header type's bit 7 says so */
    const struct vpt_assign_trap *traps; /* beside those that the library makes; read during the call only */
    uint16_t trap_count;
    void *storage; /* vpt_assign_storage_size() bytes, alignment 8, the object's until it is closed */
    size_t storage_size;
    uint16_t regions; /* live at once: VPT_ASSIGN_REGIONS(trap_count) for the BARs, and the caller's own */
};

/* A device, in the caller's memory. Read what is above the line; the rest is private. */
struct vpt_assign_device {
    struct vpt_pci_address address;
    uint32_t group;
    uint32_t type; /* VPT_DEVICE_TYPE_* of a virtio function, else 0 */
    uint16_t vendor_id;
    uint16_t device_id;
    bool owned;
    uint64_t owner;           /* any number is one, 0 too */
    bool degraded;            /* a rollback failed: registers and mappings may differ; released devices are not */
    bool vanished;            /* the host's function does not answer any more */
    bool capabilities_broken; /* a list of the function's loops or leaves its space: guests see what is before that */
    /* ---- */
    bool virtio;        /* made by virtio's vendor: has that vendor's kind of capabilities */
    bool reset_needed;  /* a reset has failed */
    bool intx_asserted; /* by the function; the guest has not seen to it */
    bool intx_level;    /* that the guest was told last */
    uint8_t refused;    /* BARs (bit n: bar[n]) that would be live, but the hypervisor has no place for them there */
    uint16_t config_size;
    uint16_t region_capacity;
    uint16_t region_count;
    uint16_t power_management; /* offset of the capability; 0: none that guests see; likewise: */
    uint16_t msi;
    uint16_t msix;
    uint16_t vector_count;
    uint16_t message_count; /* that the host was told last: those that the guest has enabled, of MSI or MSI-X; else 0 */
    enum vpt_assign_interrupt_mode mode; /* likewise */
    uint32_t msi_pending;                /* messages */
    const struct vpt_assign_host *host;
    const struct vpt_assign_guest *guest;
    uint32_t *shadow;                     /* registers, 4 bytes each: virtual bits as the guest sees them */
    uint32_t *saved;                      /* likewise: the host's configuration as it was at the open */
    uint8_t *classes;                     /* config_size bytes: rows of the permission table */
    struct vpt_assign_region *regions;    /* live ones, sorted by space and guest address */
    struct vpt_assign_registry *registry; /* NULL: in none */
    struct vpt_assign_device *next;
    struct vpt_assign_vector *vectors;      /* the MSI-X table as the guest has written it */
    struct vpt_assign_remap *remap;         /* that it has entries in; NULL: none */
    struct vpt_assign_remap_entry *entries; /* the first of them */
    struct vpt_assign_dma *dma;             /* that it is attached to; NULL: none */
    struct vpt_assign_device *dma_next;
    uint32_t generation;   /* of owners and resets: tells interrupts of the time before */
    uint32_t host_command; /* the host's command and status registers, as they were read last */
    bool raised; /* a message has been, since all were looked at: else none is pending that bus mastering may let go */
    uint16_t own_regions;                    /* that there is room for, of the hypervisor's own */
    const struct vpt_assign_trap *own_traps; /* two: the MSI-X table, its pending bits; NULL: no vectors */
    struct vpt_assign_placement placed;      /* where BARs are mapped */
    struct vpt_assign_layout layout;         /* its traps are in the storage */
};

/* The devices of a hypervisor. Zeroed, it is empty; private. */
struct vpt_assign_registry {
    struct vpt_assign_device *first;
};

/* Traps that the library makes: the MSI-X table, and its pending bits. */
#define VPT_ASSIGN_OWN_TRAPS 2u

/* Pieces that BARs can be live in: each trap splits one in three. */
#define VPT_ASSIGN_REGIONS(traps) (7u + 2u * (VPT_AS(unsigned, traps) + VPT_ASSIGN_OWN_TRAPS))

/* Bytes of storage, for a function without MSI-X; and what is to be added for as many vectors as its table has. */
#define VPT_ASSIGN_STORAGE_SIZE(config_size, traps, regions)                           \
    (3u * VPT_AS(size_t, config_size) +                                                \
     sizeof(struct vpt_assign_trap) * (VPT_AS(size_t, traps) + VPT_ASSIGN_OWN_TRAPS) + \
     sizeof(struct vpt_assign_region) * VPT_AS(size_t, regions))
#define VPT_ASSIGN_VECTORS_SIZE(vectors) (sizeof(struct vpt_assign_vector) * VPT_AS(size_t, vectors))
#define VPT_ASSIGN_VECTORS_MAX           2048u

/* ---- Set-up ---- */

/*
 * Bytes of storage that a device needs: the function is asked for the size of its MSI-X table. `storage` and
 * `storage_size` are not looked at. VPT_CALLER_ARGUMENT, errors of the host; and *size is 0.
 */
enum vpt_status vpt_assign_storage_size(const struct vpt_assign_config *config, size_t *size);

/*
 * Reads a function through the host: the whole of its configuration space once, and the sizes of its BARs unless they
 * are given (as vpt_pci_bars_size() does: the function must be idle). What guests can see and change of it is decided
 * by what it was then; what it says of itself later changes nothing. Header type 0 only.
 * VPT_CALLER_ARGUMENT; VPT_CALLER_RANGE: a trap lies outside its BAR; VPT_CALLER_MEMORY: storage or `regions` too
 * small; VPT_CALLER_BAR: given BARs are none that a function can have, or reach past the end of the space (a BAR that
 * makes no sense to vpt_pci_bars_size() is none for guests). VPT_UNSUPPORTED_DEVICE: another header type.
 * VPT_DEVICE_GONE, VPT_DEVICE_PCI_COMMAND, errors of the host. On failure *device is zeroed.
 */
enum vpt_status vpt_assign_open(struct vpt_assign_device *device, const struct vpt_assign_config *config);

/*
 * Forgets the device; the host is asked nothing. VPT_CALLER_OWNED: release it first. VPT_CALLER_STATE: in a registry.
 */
enum vpt_status vpt_assign_close(struct vpt_assign_device *device);

/* The device type (VPT_DEVICE_TYPE_*) of a function with these ids; 0: no virtio device. Any context. */
uint32_t vpt_assign_virtio_type(uint16_t vendor_id, uint16_t device_id, uint16_t subsystem_id);

/* ---- Capabilities ---- */

/*
 * Guests see a function's capabilities in the order of its own lists. Hidden are, unless they are shown: SR-IOV, ARI,
 * ATS, page requests, PASID, resizable BARs, enhanced allocation (its addresses are no BAR's), and virtio's
 * configuration access (vendor-specific of type 5, of vendor 0x1af4), and always one that is too short for what it is.
 * Hidden means that no pointer leads there and that the bytes up to the next capability, or to the end of their space
 * (0xff, or the last), read 0 and swallow writes; the first extended one keeps its place, with id 0. A list that loops
 * or points out of its space ends before it does, and `capabilities_broken` says so; one that overlaps another ends
 * where that begins. Without extended capabilities all of that space is hidden.
 */
struct vpt_assign_capability {
    uint16_t id;
    uint16_t offset; /* from 0x100 on: an extended one */
    bool hidden;
};

/* The capability of this number, from 0 on, by their places in the space. VPT_EMPTY: no more. VPT_CALLER_ARGUMENT. */
enum vpt_status vpt_assign_capability_at(const struct vpt_assign_device *device, uint16_t index,
                                         struct vpt_assign_capability *capability);

/*
 * Hides or shows the capability at `offset`, from the next owner on, until the close. Those that the tables do not know
 * are read-only when they are shown. VPT_EMPTY: none begins there. VPT_CALLER_OWNED. VPT_DEVICE_PCI_CAPABILITIES: it is
 * too short to be shown. VPT_CALLER_ARGUMENT.
 */
enum vpt_status vpt_assign_hide(struct vpt_assign_device *device, uint16_t offset);
enum vpt_status vpt_assign_show(struct vpt_assign_device *device, uint16_t offset);

/* ---- A guest's configuration accesses ---- */

/*
 * Of 1, 2 or 4 bytes within one dword, as vpt_pci_decode_ports() and _memory() give them. Each bit is the guest's own
 * or the host's, and may be written or not, by constant tables:
 *   command        decode, bus master, memory write and invalidate, parity and system error enable, interrupt disable:
 *                  its own; the host's bus master bit is the guest's in D0, else 0; the others 0 or as the host has
 *                  them, fixed
 *   status         the host's; fixed
 *   ids, revision, class, header type    as at the open, or as the caller says
 *   cache line size, latency timer, interrupt line    its own
 *   BARs, ROM      its own; mappings follow them, the command register and the power state
 *   power management    the state is its own: outside D0 no BAR is live, the host's function is no bus master, and
 *                  nothing interrupts; the host's stays in D0, and says that it needs no reset on the way back. No
 *                  power management events
 *   MSI, MSI-X     its own: see "Interrupts". No more messages enabled than there are, and masks for these
 *   PCI Express    payload and read request sizes up to the host's: the first its own, the second written to the host,
 *                  and so are relaxed ordering and the completion timeout; error reporting enables its own; no phantom
 *                  functions; the rest fixed. A function level reset, here or by advanced features, where the function
 *                  has it and the host has delay(): see "Reset"; reads 0
 *   vital product data    can be read, not written
 *   vendor-specific    after its length, the host's, and written there; virtio's but for configuration access: fixed
 *   error reporting    status, mask and severity are the host's, and written there; its control fixed
 *   power budgeting    the entry that is shown is selected at the host
 * Anything else is the host's and read-only.
 *
 * What is the host's is written in one access: the smallest that covers the bytes which may be written, but of two
 * bytes at least unless the guest's is of one. Its other bits are written as the host has them, or as 0 where a 1 would
 * do something.
 *
 * VPT_CALLER_ALIGNMENT: no such access. VPT_CALLER_RANGE: outside the space. VPT_CALLER_STATE: the device has no owner.
 * VPT_DEVICE_GONE: the function has vanished, which shows by its command and status registers reading all-ones, as soon
 * as an access reaches it; until then the guest's own bits and the fixed ones read as before. Errors of the host. With
 * any of these the value read is all-ones (of the width, if it is 1 or 2). With the first four nothing is written;
 * after an error of the host the guest's own bits are, unless it came while its BARs were looked at.
 * Writes also:
 *   VPT_REFUSED: done, but the hypervisor has no place for a BAR there, which is unmapped; also where an address was
 *                written (to a BAR or the ROM) and map() failed, whatever it said: the guest reads what it has written
 *   errors of map(), of a write to any other register, and of unmap(): nothing was changed
 *   VPT_DEVICE_ASSIGN_DEGRADED
 */
enum vpt_status vpt_assign_config_read(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                       uint32_t *value);
enum vpt_status vpt_assign_config_write(struct vpt_assign_device *device, uint16_t offset, unsigned width,
                                        uint32_t value);

/* ---- What is live ---- */

/*
 * The regions that a function's BARs make of a guest's address space, sorted by space and guest address, for a layout
 * as an open device has it. A function of its arguments alone. Live is a BAR that is implemented and decoded (command
 * register; the ROM's own bit too), in D0, to which the host has given an address, unless the guest's address
 *   - is 0, or is such that the BAR would end at the last byte of memory (of 4 GiB for 32 bits) or beyond, or beyond
 *   the
 *     last of the 65536 ports: that is how a BAR looks while it is sized;
 *   - overlaps that of a live one with a lower number: the lower number wins, whole.
 * A memory BAR is trapped whole where it is smaller than a page, or lies otherwise in its pages than on the host: a
 * page of the host would show more than the BAR. A trap takes the whole pages that it touches. Ports are mapped where
 * the guest's number is the host's, traps excepted, else trapped.
 * Returns how many there are, at most VPT_ASSIGN_REGIONS(trap_count); above `capacity`, what `pieces` holds is not all.
 * `pieces` may be NULL with a capacity of 0.
 */
size_t vpt_assign_live(const struct vpt_assign_layout *layout, const struct vpt_assign_registers *registers,
                       struct vpt_assign_region *pieces, size_t capacity);

/* ---- Regions ---- */

/*
 * Adds a region of the hypervisor's own to the device of an owner: VPT_ASSIGN_NO_BAR, made by the guest's map() as
 * those of BARs are; or VPT_ASSIGN_RESERVED, which nothing is called for, and where no BAR will be live ("refused").
 * It is gone with the owner. What is mapped covers whole pages, at the same place in them on both sides; of ports, the
 * same ones.
 * VPT_CALLER_STATE: no owner. VPT_CALLER_ARGUMENT: no bytes, or none of the two kinds. VPT_CALLER_RANGE: past the end
 * of its space. VPT_CALLER_ALIGNMENT. VPT_REFUSED: something is there. VPT_RESOURCE_FULL: the rest of the device's
 * regions is for its BARs. VPT_DEVICE_ASSIGN_DEGRADED. Errors of map(), VPT_REFUSED too.
 */
enum vpt_status vpt_assign_region_add(struct vpt_assign_device *device, const struct vpt_assign_region *region);

/*
 * Takes back the one that begins there. A BAR that it stood in the way of is tried again with the guest's next write
 * to the registers that BARs follow. VPT_CALLER_RANGE: none of the hypervisor's begins there.
 * VPT_DEVICE_ASSIGN_DEGRADED. Errors of unmap(), and then it is there still.
 */
enum vpt_status vpt_assign_region_remove(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest);

/* The region that this byte of the guest's is in, until the next call for the device. NULL: none. */
const struct vpt_assign_region *vpt_assign_region_find(const struct vpt_assign_device *device,
                                                       enum vpt_assign_space space, uint64_t guest);

/* ---- Trapped accesses ---- */

/*
 * A guest's access to a region, passed to the host in the same width (1, 2, 4; in memory 8 too). Where nothing is live
 * reads give all-ones and writes go nowhere.
 * VPT_CALLER_ARGUMENT: no such width or space. VPT_CALLER_RANGE: nothing is live there, or not in all of its bytes.
 * VPT_CALLER_ALIGNMENT: not a multiple of its width on the host. VPT_DEVICE_GONE: the function has vanished.
 * VPT_UNSUPPORTED_PORT: the host has no such access; the host's own errors. With each of them *value is all-ones of
 * that width, and nothing was written.
 */
enum vpt_status vpt_assign_access_read(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                       unsigned width, uint64_t *value);
enum vpt_status vpt_assign_access_write(struct vpt_assign_device *device, enum vpt_assign_space space, uint64_t guest,
                                        unsigned width, uint64_t value);

/* ---- Interrupts ---- */

/*
 * A guest sees INTx, MSI and MSI-X as the function has them, but what it writes there stays here. It is MSI-X while the
 * guest has that enabled, else MSI, else INTx if the function has a pin; `interrupts` of the host is told of each
 * change, of that or of how many messages of MSI are enabled, and of VPT_ASSIGN_INTERRUPT_NONE at the release. The
 * MSI-X table and its pending bits are trapped, wherever they lie, and whatever else is in their pages passes to the
 * host; they are accessed in 4 or 8 bytes (VPT_CALLER_ALIGNMENT).
 *
 * What is raised while it is masked (by its vector's mask, or MSI-X's function mask), or while the guest's function is
 * no bus master or is outside D0, becomes pending, once, and is delivered when nothing of this is in its way any more,
 * with the message as it is written then. What is pending outlives a time in which its kind is not enabled. Of INTx the
 * guest is told the level: asserted, unless the guest has disabled it in the command register or is outside D0. The
 * host's is masked from then on until the guest's end of interrupt, or until it is not INTx any more: then it is
 * unmasked before `interrupts` is told, and what was asserted is forgotten.
 *
 * While a device is degraded its host is told of VPT_ASSIGN_INTERRUPT_NONE alone: a guest's write that comes to
 * anything else is VPT_DEVICE_ASSIGN_DEGRADED, and has not been.
 */

/* The vector that stands for INTx. */
#define VPT_ASSIGN_INTX 0xffffu

/*
 * An interrupt of the function: a message's number, from 0, or VPT_ASSIGN_INTX. From an interrupt handler, if the lock
 * allows. VPT_OK: delivered, or pending. VPT_EMPTY: the guest has no such vector enabled, nothing is remembered.
 * VPT_CALLER_STATE: no owner. VPT_CALLER_ARGUMENT, VPT_UNSUPPORTED_PORT; errors of message() and intx_mask(), and it is
 * pending.
 */
enum vpt_status vpt_assign_raise(struct vpt_assign_device *device, uint16_t vector);

/*
 * The guest's end of interrupt for the line that the function's INTx is on: the host's is unmasked, and the line
 * deasserted; if it still interrupts it will be raised again. VPT_EMPTY: it was not asserted. VPT_CALLER_STATE,
 * VPT_CALLER_ARGUMENT. Errors of intx_mask(): it is to be repeated.
 */
enum vpt_status vpt_assign_end_of_interrupt(struct vpt_assign_device *device);

/* ---- Reset ---- */

/*
 * Resets a function, by the first way in the order of enum vpt_assign_reset_method that it has: with bus mastering and
 * interrupts off, mappings of BARs and entries for host vectors gone, and the guest's registers as at power-on
 * afterwards; regions of the hypervisor's own and DMA stay. The host's configuration is as it was at the open then, but
 * for the extended space of a device that has an owner, where a function's sticky registers outlive resets; and
 * interrupts are again as the guest's registers say. Capabilities that guests do not see serve as well. A guest does it
 * too, by PCI Express or advanced features where the function can and the host has `delay`; its payload size stays then
 * (PCI Express, section 6.6.2). May be called without an owner.
 * Waits by the host's delay(): for transactions that are pending, but goes on after a second; 100 ms for a function
 * level reset, twice 10 ms for power states; then up to the host's `ready_wait` for the function to be there and to be
 * ready. A reset of the bus needs `reset_bus`, and a registry that has all functions on the bus, each with this one's
 * owner, or all without one; it takes the locks of all of them, and all are reset. vpt_assign_release() does not reset
 * a bus. VPT_UNSUPPORTED_DEVICE: there is no way, or no delay(), and nothing was done; or it was the host's reset()
 * that said so, and all is as after a reset, but that the function has not been. VPT_DEVICE_STUCK: it does not answer
 * after it; VPT_DEVICE_GONE, errors of the host and of unmap(): the device is quiesced and `degraded`, and will not be
 * given to an owner until a reset works. VPT_CALLER_ARGUMENT.
 */
enum vpt_status vpt_assign_reset(struct vpt_assign_device *device);

/* ---- Owners ---- */

/*
 * Gives the device to `owner`, with the configuration space as at power-on: nothing is decoded, and bus mastering is
 * off, whoever has left it on. `guest` is the object's until the release. The host's interrupts() is told if there is
 * an interrupt pin. The host's own BARs, and whether it decodes them, are as at the open: where they are not, because
 * something has reset the function, they are written back when the guest asks for decoding (docs/assignment.md).
 * VPT_CALLER_OWNED: it has an owner, this one or another, or a device of its group has another.
 * VPT_CALLER_STATE: it has a group and is in no registry. VPT_DEVICE_GONE: the function has vanished, and if it is back
 * it has to be opened anew. VPT_DEVICE_STUCK: a reset has failed, of this device or of one of its group that nobody
 * has, and none has worked since. VPT_CALLER_ARGUMENT, errors of the host. On failure there is no owner. Takes the
 * registry's lock too.
 */
enum vpt_status vpt_assign_acquire(struct vpt_assign_device *device, uint64_t owner,
                                   const struct vpt_assign_guest *guest);

/*
 * Takes it back, in this order: bus mastering off, interrupts off, all regions and entries for host vectors gone, DMA
 * detached, the function reset if there is a way but that of the bus, the host's configuration as at the open; and then
 * the owner is gone. Of a device without an owner: VPT_OK. Of a function that has vanished: as far as the guest goes.
 * Where the reset fails nobody gets the device, or another of its group (VPT_DEVICE_STUCK), until vpt_assign_reset()
 * works, or the device is taken out of the registry because it is gone from the machine. After another error,
 * of a hook, it has its owner still, is degraded once interrupts are turned off, and the call is to be repeated.
 * Takes the registry's lock too.
 */
enum vpt_status vpt_assign_release(struct vpt_assign_device *device);

/*
 * Puts an open device into a registry, which holds one for each address, or takes it out. The registry has a lock of
 * the caller's own; these calls take the device's too. VPT_CALLER_STATE: it is in one, or in none.
 * VPT_CALLER_ARGUMENT: another has this address. VPT_CALLER_OWNED: it has an owner.
 */
enum vpt_status vpt_assign_registry_add(struct vpt_assign_registry *registry, struct vpt_assign_device *device);
enum vpt_status vpt_assign_registry_remove(struct vpt_assign_device *device);

/* The device at an address, or NULL. Takes the registry's lock, and so do the next two. */
struct vpt_assign_device *vpt_assign_registry_find(const struct vpt_assign_registry *registry,
                                                   const struct vpt_pci_address *address);

/* The one after `device` (NULL: the first), of all, or of an owner's; NULL: no more. In no particular order. */
struct vpt_assign_device *vpt_assign_registry_next(const struct vpt_assign_registry *registry,
                                                   const struct vpt_assign_device *device);
struct vpt_assign_device *vpt_assign_registry_next_owned(const struct vpt_assign_registry *registry, uint64_t owner,
                                                         const struct vpt_assign_device *device);

/* ---- The checker ---- */

/*
 * Whether the books are in order: regions sorted, apart and within their space and number; BARs mapped just where the
 * guest's registers have them, but for refused ones. Calls no hook and changes nothing. VPT_DEVICE_ASSIGN_DEGRADED:
 * they are not. VPT_CALLER_ARGUMENT: no open device.
 */
enum vpt_status vpt_assign_check(const struct vpt_assign_device *device);

VPT_END_DECLARATIONS

#endif
