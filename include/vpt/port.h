/* SPDX-License-Identifier: MIT */
/*
 * The port: what a kernel gives the library.
 *
 * A struct of function pointers and one `ctx` that every function gets back; a NULL member means "not here",
 * and a call that needs it returns VPT_UNSUPPORTED_PORT. A zeroed struct is a valid port: with ring memory
 * handed over by the caller it is enough to poll a memory-mapped device.
 *
 * Tiers:
 *   minimum     dma_allocate                    (or none: the caller hands memory over)
 *               dma_free                        NULL: what was allocated stays allocated
 *   port I/O    io_read, io_write               PCI legacy devices on x86
 *   PCI         config_read, config_write       any PCI device
 *   MMIO        mmio_map, mmio_unmap            memory BARs; MMIO slots that the kernel has not mapped itself
 *               mmio_read, mmio_write           NULL: the library's own direct access
 *   optional    share, unshare                  the blocking helpers; IOMMU, bounce buffers, caches
 *               keep_waiting                    NULL: a documented number of reads
 *               log                             NULL: silence
 *               emulated                        true: the CPU is an emulator's, whose fences may not hold
 *
 * The struct and its ctx must outlive every device made with them; the library never writes to either.
 * Functions may be called for several devices at once, from whatever contexts the kernel uses the library in:
 * docs/contexts.md says for each where it has to work.
 */
#ifndef VPT_PORT_H
#define VPT_PORT_H

#include <vpt/status.h>
#include <vpt/types.h>

VPT_BEGIN_DECLARATIONS

/* Flags for dma_allocate(). */
#define VPT_DMA_ACCESS_PLATFORM 0x1u /* the device's accesses are translated (VIRTIO_F_ACCESS_PLATFORM) */
#define VPT_DMA_PRIVATE         0x2u /* the driver's own state: no device will ever be given its address */

/* Who writes a shared buffer. */
enum vpt_direction {
    VPT_DEVICE_READS = 1, /* the device only reads it */
    VPT_DEVICE_WRITES = 2 /* the device writes it; it may also read it */
};

/* Why a mapping is made, for a kernel that keeps a list of its mappings or picks attributes by purpose. */
enum vpt_map_intent {
    VPT_MAP_REGISTERS = 1,     /* device registers: uncached, no write combining */
    VPT_MAP_CONFIGURATION = 2, /* PCI configuration space by ECAM: as registers */
    VPT_MAP_SHARED_MEMORY = 3  /* a device's shared memory region: as the driver that uses it asks */
};

/* What a bounded wait is waiting for. */
enum vpt_wait {
    VPT_WAIT_RESET = 1,         /* a device reset: the status register to read 0 */
    VPT_WAIT_CONFIGURATION = 2, /* a configuration that stays the same while it is read */
    VPT_WAIT_REQUEST = 3,       /* a blocking helper's request, or the next completion while a queue is quiesced */
    VPT_WAIT_SUSPEND = 4        /* a device to suspend itself, or to go on */
};

/* Attempts made by each kind of wait where the port has no keep_waiting. */
#define VPT_WAIT_RESET_READS         1000000u
#define VPT_WAIT_CONFIGURATION_READS 64u
#define VPT_WAIT_REQUEST_READS       100000000u
#define VPT_WAIT_SUSPEND_READS       1000000u

enum vpt_log_level {
    VPT_LOG_ERROR = 1,  /* the device lied or failed */
    VPT_LOG_WARNING = 2 /* something was refused or reduced */
};

/* A PCI function. */
struct vpt_pci_address {
    uint16_t segment;
    uint8_t bus;
    uint8_t device;   /* 0 to 31 */
    uint8_t function; /* 0 to 7 */
};

/* A buffer, or its beginning, made reachable by the device. */
struct vpt_shared {
    uint64_t device_address;
    size_t size; /* bytes of the buffer that lie at device_address without a gap, at least 1 */
};

struct vpt_port {
    void *ctx; /* the first argument of every function below */

    /*
     * Allocates zeroed memory: `size` bytes (any number above 0) at a multiple of `alignment` (a power of
     * two, at most 4096), contiguous for the CPU and for the device, whose last byte lies at or below the
     * device address `limit`. Called at set-up only, in a context where the kernel may allocate.
     *
     * Example: dma_allocate(ctx, 4614, 4096, 0xfffffffffff, 0, &memory) on a kernel with a 1:1 map of
     * physical memory takes two free pages at 0x8020_3000 and answers { 0x80203000, 0x80203000, 4614 };
     * 0x80203000 + 4613 <= 0xfffffffffff, so the limit holds.
     *
     * Returns VPT_OK and fills *memory, or VPT_RESOURCE_MEMORY, or an error of the port's own.
     */
    enum vpt_status (*dma_allocate)(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory);

    /*
     * Takes back what dma_allocate() gave; `memory` is the same three values, and `flags` the same flags. NULL on a
     * kernel whose allocator never takes anything back: then what was allocated is lost at a release, and at a set-up
     * that fails half-way. Such a kernel restarts its queues (vpt_queue_restart()) in place of releasing them.
     */
    void (*dma_free)(void *ctx, const struct vpt_memory *memory, uint32_t flags);

    /*
     * One I/O port access of exactly `width` bytes (1, 2 or 4), never split or merged.
     * Example on x86: io_read(ctx, 0xc012, 1) executes `inb` with dx = 0xc012.
     */
    uint32_t (*io_read)(void *ctx, uint16_t io_port, unsigned width);
    void (*io_write)(void *ctx, uint16_t io_port, unsigned width, uint32_t value);

    /*
     * One PCI configuration access of `width` bytes (1, 2 or 4) at `offset`, a multiple of width, below 4096.
     * Not a read-modify-write: a 2-byte write must leave the other two bytes of its dword alone, since the
     * Status register beside the Command register is write-1-to-clear.
     * Example: offset 0x06, width 2 of function 00:05.0 by CF8/CFC is outl(0xcf8, 0x80002804), inw(0xcfe).
     * Returns VPT_OK; an absent function reads all-ones and is not an error.
     */
    enum vpt_status (*config_read)(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value);
    enum vpt_status (*config_write)(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value);

    /*
     * Makes `size` bytes of physical address space at `physical` reachable. `*mapping` is what the library
     * passes to mmio_read() and mmio_write(); if the port has neither, it must be a pointer that a plain load
     * reaches the register through; never NULL. Ranges may
     * overlap or be the same (a device may have one doorbell for all queues, or many in a page): each is unmapped
     * once, and until then all of it stays reachable. Set-up only.
     * Example: mmio_map(ctx, 0xfebf0ff0, 0x20, ...) maps the two pages at 0xfebf0000 and 0xfebf1000 and
     * answers the first one's virtual address + 0xff0.
     */
    enum vpt_status (*mmio_map)(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping);
    void (*mmio_unmap)(void *ctx, void *mapping, size_t size);

    /*
     * One register access of exactly `width` bytes (1, 2 or 4) at `offset` (a multiple of width) from what
     * mmio_map() or the kernel gave as `mapping`. The value is the little-endian register as a number. Not
     * allowed to split a 4-byte access, to merge two, to cache or to reorder. Both or neither are given.
     * Called from wherever the kernel calls the library, the interrupt handler and a kick included.
     */
    uint32_t (*mmio_read)(void *ctx, void *mapping, size_t offset, unsigned width);
    void (*mmio_write)(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value);

    /*
     * Makes a caller's buffer reachable by the device, for one request of a blocking helper. It may cover
     * just the beginning of the buffer: a kernel with scattered pages answers up to the end of the page, and
     * is asked again for the rest.
     * Example: a 5000-byte buffer at virtual 0x7f00_0e00, whose page is physical 0x4400_0000: answers
     * { 0x44000e00, 0x200 }; asked next for 4488 bytes at 0x7f00_1000.
     * `access_platform`: the address must be one that the IOMMU translates for the device.
     * Returns VPT_OK and fills *shared, or an error, which the helper hands to its caller.
     */
    enum vpt_status (*share)(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared);

    /* Ends a share, with the size that was answered; after it the CPU sees what the device wrote. */
    void (*unshare)(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform);

    /*
     * Asked after each attempt of a bounded wait that has not succeeded; `iteration` counts from 0 and stays
     * at 0xffffffff once there. May delay, relax the CPU or look at a clock. Returns false to give up, which
     * it must do some time. Called in the context of the call that waits.
     * Example: `return clock_ms() - started < 1000;`, or `return iteration < 5000;` with a 1 ms sleep.
     */
    bool (*keep_waiting)(void *ctx, enum vpt_wait what, uint32_t iteration);

    /*
     * Something worth a line. `subject` is a constant string without a newline: what went wrong ("reset", "queue");
     * the function of the port that is missing ("share"); or, with `bytes`, the memory that was not to be had or does
     * not suit: "mmio_map", or a piece of a queue's, "rings", "avail", "used", "tables", "state" or "slots".
     * `bytes`: how many were asked for; 0 where the line is about no memory. Any context.
     * Example: log(ctx, VPT_LOG_WARNING, "tables", VPT_RESOURCE_MEMORY, 18432).
     */
    void (*log)(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes);

    /*
     * The CPU is emulated, as QEMU's TCG does it, or may be: the two full fences of a queue are then a read of the
     * device's status, because an emulator may drop the CPU's own fences while the device runs beside it. On x86 the
     * library finds TCG out by itself. False, on real and virtualised CPUs, costs nothing; true where it is not so
     * costs a register access for each kick and for each time that a queue is found empty.
     */
    bool emulated;
};

VPT_END_DECLARATIONS

#endif
