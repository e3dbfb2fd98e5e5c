/* SPDX-License-Identifier: MIT */
/*
 * A port to start from: copy this file into the kernel, replace each kernel_...() by the kernel's own function, and
 * delete what is not needed. <vpt/port.h> is the contract; the comments here warn of common errors.
 *
 * Members that each use needs:
 *   polling one memory-mapped device, ring memory handed over   nothing: a zeroed struct vpt_port
 *   the library takes ring memory itself                        dma_allocate, dma_free
 *   the library maps registers itself (PCI)                     mmio_map, mmio_unmap
 *   vpt_blk_read() and the other blocking helpers               share, unshare
 *   PCI devices                                                 config_read, config_write
 *   PCI legacy devices, and modern ones with an I/O BAR         io_read, io_write
 * Without a member, the calls that need it return VPT_UNSUPPORTED_PORT. There are ready-made functions for simple
 * kernels: page_pool.c for memory, direct.c for maps and shares, cf8.c and ecam.c for PCI configuration, x86_io.c and
 * io_window.c for I/O ports.
 *
 * The library takes no lock and registers no interrupt: the kernel locks around its calls (one lock for each device,
 * one for each queue) and calls vpt_device_interrupt() from its handler.
 */
#include <vpt/port.h>

/* ---- Functions of the kernel that this template calls ---- */

#define KERNEL_PAGE_SIZE 4096u

void *kernel_allocate_contiguous(size_t pages, uint64_t last_physical);
void kernel_free_contiguous(void *address, size_t pages);
uint64_t kernel_physical_of(const void *address);
void *kernel_map_uncached(uint64_t physical, size_t size);
void kernel_unmap(void *address, size_t size);
uint64_t kernel_milliseconds(void);
bool kernel_is_emulated(void); /* the CPU may be: QEMU by the device tree or SMBIOS; x86 may return false */
void kernel_relax(void);
void kernel_log(bool error, const char *subject, const char *text, size_t bytes); /* 0 bytes: not of memory */
uint32_t kernel_pci_read(uint16_t segment, uint16_t function, uint16_t offset, unsigned width);
void kernel_pci_write(uint16_t segment, uint16_t function, uint16_t offset, unsigned width, uint32_t value);
uint32_t kernel_port_read(uint16_t io_port, unsigned width);
void kernel_port_write(uint16_t io_port, unsigned width, uint32_t value);

/* ---- Minimum: memory for rings ---- */

static size_t pages_of(size_t size)
{
    return (size - 1u) / KERNEL_PAGE_SIZE + 1u;
}

/*
 * Whole pages satisfy every requested alignment. The memory must be zeroed, and contiguous for the device too. With an
 * IOMMU and VPT_DMA_ACCESS_PLATFORM among the flags, map it for the device and return the translated address.
 * VPT_DMA_PRIVATE memory is for the driver alone and may come from any heap.
 */
static enum vpt_status template_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                             struct vpt_memory *memory)
{
    size_t pages = pages_of(size);
    unsigned char *address = kernel_allocate_contiguous(pages, limit);

    (void)ctx;
    (void)alignment;
    (void)flags;
    if (address == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    for (size_t i = 0; i < pages * KERNEL_PAGE_SIZE; i++) {
        address[i] = 0;
    }
    memory->address = address;
    memory->device_address = kernel_physical_of(address);
    memory->size = size;
    return VPT_OK;
}

static void template_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    kernel_free_contiguous(memory->address, pages_of(memory->size));
}

/* ---- Registers ---- */

/*
 * Neither `physical` nor the result need be page-aligned. Registers must be uncached and not write-combining. The
 * library passes an error number of the kernel's own (VPT_PORT_ERROR_FIRST and up) to its caller.
 */
static enum vpt_status template_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                         void **mapping)
{
    uint64_t offset = physical % KERNEL_PAGE_SIZE;
    unsigned char *address = kernel_map_uncached(physical - offset, size + (size_t)offset);

    (void)ctx;
    (void)intent;
    if (address == NULL) {
        return VPT_RESOURCE_MEMORY;
    }
    *mapping = address + offset;
    return VPT_OK;
}

static void template_mmio_unmap(void *ctx, void *mapping, size_t size)
{
    size_t offset = (uintptr_t)mapping % KERNEL_PAGE_SIZE;

    (void)ctx;
    kernel_unmap((unsigned char *)mapping - offset, size + offset);
}

/* ---- Buffers of the blocking helpers ---- */

/*
 * Shares up to the end of the page, so pages may lie anywhere; the library calls again for the rest. With an IOMMU, map
 * the page here; with a bounce buffer, allocate it (and fill it for VPT_DEVICE_READS); without coherent DMA, clean
 * caches.
 */
static enum vpt_status template_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                      bool access_platform, struct vpt_shared *shared)
{
    size_t room = KERNEL_PAGE_SIZE - (uintptr_t)buffer % KERNEL_PAGE_SIZE;

    (void)ctx;
    (void)direction;
    (void)access_platform;
    shared->device_address = kernel_physical_of(buffer);
    shared->size = size < room ? size : room;
    return VPT_OK;
}

/* The reverse: unmap, copy back from the bounce buffer for VPT_DEVICE_WRITES, invalidate caches. */
static void template_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                             bool access_platform)
{
    (void)ctx;
    (void)buffer;
    (void)shared;
    (void)direction;
    (void)access_platform;
}

/* ---- PCI configuration ---- */

static uint16_t function_of(const struct vpt_pci_address *address)
{
    return (uint16_t)(address->bus << 8 | address->device << 3 | address->function);
}

/*
 * One access of exactly this width: a 4-byte write instead of a 2-byte one would clear bits of the Status register. An
 * absent function, a bus without a bridge, or an offset above 255 with only CF8/CFC reads all-ones and is no error:
 * enumeration reads many of them. If CF8/CFC need a lock, take it here.
 */
static enum vpt_status template_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                            unsigned width, uint32_t *value)
{
    (void)ctx;
    *value = kernel_pci_read(address->segment, function_of(address), offset, width);
    return VPT_OK;
}

static enum vpt_status template_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                             unsigned width, uint32_t value)
{
    (void)ctx;
    kernel_pci_write(address->segment, function_of(address), offset, width, value);
    return VPT_OK;
}

/* ---- I/O ports ---- */

/*
 * On x86 inb, inw or inl; elsewhere a load in the host bridge's I/O window. `io_port` is the BAR's value plus an
 * offset. A kernel that assigns BARs must not use port 0: a BAR of 0 counts as unassigned.
 */
static uint32_t template_io_read(void *ctx, uint16_t io_port, unsigned width)
{
    (void)ctx;
    return kernel_port_read(io_port, width);
}

/* Legacy devices are notified by this function, so it must work in every context in which the kernel kicks a queue. */
static void template_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    (void)ctx;
    kernel_port_write(io_port, width, value);
}

/* ---- Waits and the log ---- */

/* Start of the wait. `ctx` could hold one for each CPU; one is enough if one CPU at a time sets devices up. */
struct template_context {
    uint64_t wait_started;
};

/* Allows a second for a reset or a queue, half a minute for a request. It must return false at some time. */
static bool template_keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    struct template_context *context = ctx;
    uint64_t limit = what == VPT_WAIT_REQUEST ? 30000u : 1000u;

    if (iteration == 0) {
        context->wait_started = kernel_milliseconds();
    }
    kernel_relax();
    return kernel_milliseconds() - context->wait_started < limit;
}

static void template_log(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    (void)ctx;
    kernel_log(level == VPT_LOG_ERROR, subject, vpt_status_str(status), bytes);
}

/* ---- The port ---- */

/*
 * Fills in *port; `context` must live as long as the devices. mmio_read and mmio_write stay NULL, because the library's
 * own loads and stores work on what template_mmio_map() returns.
 */
void template_port_init(struct vpt_port *port, struct template_context *context);

void template_port_init(struct vpt_port *port, struct template_context *context)
{
    *port = (struct vpt_port){
        .ctx = context,
        .dma_allocate = template_dma_allocate,
        .dma_free = template_dma_free,
        .io_read = template_io_read,
        .io_write = template_io_write,
        .config_read = template_config_read,
        .config_write = template_config_write,
        .mmio_map = template_mmio_map,
        .mmio_unmap = template_mmio_unmap,
        .share = template_share,
        .unshare = template_unshare,
        .keep_waiting = template_keep_waiting,
        .log = template_log,
        .emulated = kernel_is_emulated(),
    };
}
