/* SPDX-License-Identifier: MIT */
/*
 * The port: what a kernel gives the library.
 *
 * It is a struct of function pointers and one `ctx`, which every function gets back. A NULL member means that the
 * kernel does not have the function; a call that needs it returns VPT_UNSUPPORTED_PORT. A zeroed struct is a valid
 * port: with ring memory that the caller hands over it is enough to poll a memory-mapped device.
 *
 * Tiers:
 *     minimum     dma_allocate                    (or none: the caller hands memory over)
 *                 dma_free                        NULL: what was allocated stays allocated
 *     port I/O    io_read, io_write               PCI legacy devices on x86
 *     PCI         config_read, config_write       any PCI device
 *     MMIO        mmio_map, mmio_unmap            memory BARs; MMIO slots that the kernel has not mapped itself
 *                 mmio_read, mmio_write           NULL: the library accesses registers itself
 *     optional    share, unshare                  the blocking helpers; IOMMU, bounce buffers, caches
 *                 keep_waiting                    NULL: a documented number of reads
 *                 log                             NULL: nothing is logged
 *                 emulated                        true: the CPU is an emulator's, whose fences may not hold
 *
 * The struct and its ctx must outlive every device made with them; the library never writes to either. Functions may be
 * called for several devices at once, from whatever contexts the kernel uses the library in. The line "Context" of each
 * function says where it must work; docs/contexts.md explains these lines.
 */
#ifndef VPT_PORT_H
#define VPT_PORT_H

#include <vpt/status.h>
#include <vpt/types.h>

VPT_BEGIN_DECLARATIONS

/* Flags for dma_allocate(). */
#define VPT_DMA_ACCESS_PLATFORM 0x1u /* an IOMMU translates the device's accesses (VIRTIO_F_ACCESS_PLATFORM) */
#define VPT_DMA_PRIVATE         0x2u /* the driver's own state: no device gets its address */

/* Which side writes a shared buffer. */
enum vpt_direction {
    VPT_DEVICE_READS = 1, /* the device only reads the buffer */
    VPT_DEVICE_WRITES = 2 /* the device writes the buffer, and may also read it */
};

/* What a mapping is for: a kernel may keep a list of its mappings, or choose attributes by purpose. */
enum vpt_map_intent {
    VPT_MAP_REGISTERS = 1,     /* device registers: uncached, no write combining */
    VPT_MAP_CONFIGURATION = 2, /* PCI configuration space by ECAM, mapped like registers */
    VPT_MAP_SHARED_MEMORY = 3  /* a device's shared memory region, mapped as its driver asks */
};

/* What a bounded wait waits for. */
enum vpt_wait {
    VPT_WAIT_RESET = 1,         /* a device reset: the status register reads 0 */
    VPT_WAIT_CONFIGURATION = 2, /* the configuration stays the same while it is read */
    VPT_WAIT_REQUEST = 3, /* a blocking helper's request, or the next request of a queue that is quiesced, comes back */
    VPT_WAIT_SUSPEND = 4, /* a device suspends itself, or resumes */
    VPT_WAIT_QUEUE = 5    /* the reset of one queue: its register reads 0 */
};

/* How many attempts each kind of wait makes if the port has no keep_waiting. */
#define VPT_WAIT_RESET_READS         1000000u
#define VPT_WAIT_CONFIGURATION_READS 64u
#define VPT_WAIT_REQUEST_READS       100000000u
#define VPT_WAIT_SUSPEND_READS       1000000u
#define VPT_WAIT_QUEUE_READS         1000000u

enum vpt_log_level {
    VPT_LOG_ERROR = 1,  /* the device has failed, or does what no device may do */
    VPT_LOG_WARNING = 2 /* something was refused or reduced */
};

/* A PCI function. */
struct vpt_pci_address {
    uint16_t segment;
    uint8_t bus;
    uint8_t device;   /* 0 to 31 */
    uint8_t function; /* 0 to 7 */
};

/* A buffer, or its beginning, that the device can reach. */
struct vpt_shared {
    uint64_t device_address;
    size_t size; /* bytes of the buffer that lie at device_address without a gap, at least 1 */
};

struct vpt_port {
    void *ctx; /* the first argument of every function */

    /*
     * Allocates zeroed memory: `size` bytes (any number above 0) at a multiple of `alignment` (a power of two, at most
     * 4096), contiguous for the CPU and for the device. The last byte lies at or below the device address `limit`.
     * `flags` are VPT_DMA_*.
     *
     * Example: dma_allocate(ctx, 4614, 4096, 0xfffffffffff, 0, &memory) on a kernel with a 1:1 map of physical memory
     * takes two free pages at 0x8020_3000 and answers { 0x80203000, 0x80203000, 4614 }; 0x80203000 + 4613 <=
     * 0xfffffffffff, so the limit holds.
     *
     * Returns
     * VPT_OK: *memory is filled.
     * VPT_RESOURCE_MEMORY: there is no such memory.
     * an error of the port's own.
     *
     * Context: init, thread; locks held: the device's; called by: set-up of a queue, unless all memory is handed over.
     */
    enum vpt_status (*dma_allocate)(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory);

    /*
     * Takes back what dma_allocate() gave: `memory` has the same three values, and `flags` are the same. It is NULL on
     * a kernel whose allocator never takes memory back; then the memory is lost at a release, and at a set-up that
     * fails half-way. Such a kernel restarts its queues (vpt_queue_restart()) and never releases them.
     *
     * Context: init, thread; locks held: the device's or the queue's; called by: a set-up that fails, and a release,
     * for memory that the port gave.
     */
    void (*dma_free)(void *ctx, const struct vpt_memory *memory, uint32_t flags);

    /*
     * Reads an I/O port in one access of exactly `width` bytes (1, 2 or 4), which is never split or merged. Returns the
     * value.
     *
     * Example on x86: io_read(ctx, 0xc012, 1) executes `inb` with dx = 0xc012.
     *
     * Context: any; locks held: any, or none; called by: accesses to registers in I/O space, also a queue's calls on an
     * emulated CPU.
     */
    uint32_t (*io_read)(void *ctx, uint16_t io_port, unsigned width);

    /*
     * Writes an I/O port in one access of exactly `width` bytes (1, 2 or 4), which is never split or merged.
     *
     * Context: any; locks held: any, or none; called by: accesses to registers in I/O space, and a kick.
     */
    void (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /*
     * Reads PCI configuration space in one access of `width` bytes (1, 2 or 4) at `offset`, a multiple of width, below
     * 4096. An absent function reads as all-ones, which is no error.
     *
     * Example: offset 0x06, width 2 of function 00:05.0 by CF8/CFC is outl(0xcf8, 0x80002804), inw(0xcfe).
     *
     * Returns
     * VPT_OK: *value is filled.
     * an error of the port's own.
     *
     * Context: any; locks held: the device's, or none; called by: PCI, in an interrupt handler only if the kernel makes
     * such a call there (vpt_device_check()).
     */
    enum vpt_status (*config_read)(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value);

    /*
     * Writes PCI configuration space in one access of `width` bytes (1, 2 or 4) at `offset`, a multiple of width, below
     * 4096. It must not be a read-modify-write of the dword: a 2-byte write must leave the other two bytes alone,
     * because the Status register beside the Command register is write-1-to-clear.
     *
     * Returns
     * VPT_OK
     * an error of the port's own.
     *
     * Context: any; locks held: the device's; called by: PCI, in an interrupt handler only if the kernel makes such a
     * call there (vpt_pci_msix_mask_all()).
     */
    enum vpt_status (*config_write)(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value);

    /*
     * Makes `size` bytes of physical address space at `physical` reachable. The library passes `*mapping` to
     * mmio_read() and mmio_write(); if the port has neither, it must be a pointer by which a plain load reaches the
     * register. It is never NULL. Ranges may overlap or be the same (a device may have one doorbell for all queues, or
     * many in a page): each is unmapped once, and all of it must stay reachable until then.
     *
     * Example: mmio_map(ctx, 0xfebf0ff0, 0x20, ...) maps the two pages at 0xfebf0000 and 0xfebf1000 and answers the
     * first one's virtual address + 0xff0.
     *
     * Returns
     * VPT_OK: *mapping is filled.
     * an error of the port's own.
     *
     * Context: init, thread, panic; locks held: the device's; called by: probe, set-up of a queue (PCI, memory BARs),
     * and MSI-X.
     */
    enum vpt_status (*mmio_map)(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping);

    /*
     * Ends a mapping of `size` bytes that mmio_map() made.
     *
     * Context: init, thread, panic; locks held: the device's or the queue's; called by: close and release, and a probe
     * or a set-up that fails.
     */
    void (*mmio_unmap)(void *ctx, void *mapping, size_t size);

    /*
     * Reads a register in one access of exactly `width` bytes (1, 2 or 4) at `offset` (a multiple of width) from the
     * `mapping` that mmio_map() or the kernel gave. Returns the little-endian register as a number. A 4-byte access
     * must not be split, two must not be merged, and none may be cached or reordered. The port has both mmio_read and
     * mmio_write, or neither. They are called from wherever the kernel calls the library, also from the interrupt
     * handler and in a kick.
     *
     * Context: any; locks held: any, or none; called by: accesses to registers in memory, also a queue's calls on an
     * emulated CPU.
     */
    uint32_t (*mmio_read)(void *ctx, void *mapping, size_t offset, unsigned width);

    /*
     * Writes a register, in the same way as mmio_read() reads one.
     *
     * Context: any; locks held: any, or none; called by: accesses to registers in memory, and a kick.
     */
    void (*mmio_write)(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value);

    /*
     * Makes a caller's buffer reachable by the device, for one request of a blocking helper. It may cover just the
     * beginning of the buffer: a kernel with scattered pages answers up to the end of the page, and is asked again for
     * the rest. If `access_platform` is true, the address must be one that the IOMMU translates for the device.
     *
     * Example: a 5000-byte buffer at virtual 0x7f00_0e00, whose page is physical 0x4400_0000: answers { 0x44000e00,
     * 0x200 }; asked next for 4488 bytes at 0x7f00_1000.
     *
     * Returns
     * VPT_OK: *shared is filled.
     * an error of the port's own, which the helper returns to its caller.
     *
     * Context: init, thread, panic; locks held: the queue's; called by: blocking helpers that have data.
     */
    enum vpt_status (*share)(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared);

    /*
     * Ends a share, with the size that share() answered. Afterwards the CPU sees what the device wrote.
     *
     * Context: init, thread, panic; locks held: the queue's; called by: blocking helpers that have data.
     */
    void (*unshare)(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform);

    /*
     * Says whether a bounded wait goes on. It is called after each attempt that has not succeeded; `iteration` counts
     * from 0 and stays at 0xffffffff once it is there. It may delay, relax the CPU or look at a clock. Returns false to
     * give up, which it must do at some point.
     *
     * Example: `return clock_ms() - started < 1000;`, or `return iteration < 5000;` with a 1 ms sleep.
     *
     * Context: init, thread, panic; locks held: as the call that waits; called by: every call with an entry under
     * "waits", after each attempt that has not succeeded.
     */
    bool (*keep_waiting)(void *ctx, enum vpt_wait what, uint32_t iteration);

    /*
     * Takes a message for the log. `subject` is a constant string without a newline. It says what went wrong ("reset",
     * "queue"), or which function the port lacks ("share"). If `bytes` is not 0, `subject` names memory that was not
     * available or does not suit: "mmio_map", or a piece of a queue's, "rings", "avail", "used", "tables", "state" or
     * "slots"; `bytes` is how many were asked for.
     *
     * Example: log(ctx, VPT_LOG_WARNING, "tables", VPT_RESOURCE_MEMORY, 18432).
     *
     * Context: any; locks held: any; called by: any call in which something goes wrong, also a pop that finds the
     * device lying.
     */
    void (*log)(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes);

    /*
     * Whether the CPU is emulated, as by QEMU's TCG, or may be. An emulator may drop the CPU's own fences while the
     * device runs beside it, so the two full fences of a queue then also read the device's status. On x86 the library
     * finds TCG out by itself. False costs nothing on real and virtualised CPUs; a needless true costs a register
     * access for each kick and each time that a queue is found empty.
     */
    bool emulated;
};

VPT_END_DECLARATIONS

#endif
