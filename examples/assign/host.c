/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "host.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Registers of a bridge. */
#define BRIDGE_BUSES         0x18u
#define BRIDGE_IO            0x1cu
#define BRIDGE_MEMORY        0x20u
#define BRIDGE_PREFETCHABLE  0x24u
#define BRIDGE_CONTROL       0x3eu
#define BRIDGE_CONTROL_RESET 0x40u
#define PREFETCHABLE_NONE    0x0000fff0u
/* Registers of any function. */
#define COMMAND      0x04u
#define CAPABILITIES 0x40u
#define MSI_SIZE     24u
#define MSIX_SIZE    12u
#define DECODING     (VPT_PCI_COMMAND_IO | VPT_PCI_COMMAND_MEMORY)

#define STORAGE_SIZE 65536u
#define REGIONS      VPT_ASSIGN_REGIONS(0)

/* Addresses of the functions on the host, and those that guests see. */
struct place {
    const char *name;
    struct vpt_pci_address root_port;
    struct vpt_pci_address physical;
    struct vpt_pci_address guest;
    uint64_t memory; /* of the root port's windows */
    uint64_t memory_last;
    uint16_t io;
    uint16_t io_last; /* 0: none */
    uint32_t first_vector;
    unsigned trapped; /* the BAR that its MSI-X table is in */
    bool reset_by_port;
};

static const struct place places[HOST_FUNCTIONS] = {
    [DISK] = { .name = "disk",
               .root_port = { .device = 2 },
               .physical = { .bus = 1 },
               .guest = { .device = 5 },
               .memory = 0xe0000000u,
               .memory_last = 0xe00fffffu,
               .first_vector = 0x10,
               .trapped = 1 },
    [NETWORK] = { .name = "network",
                  .root_port = { .device = 3 },
                  .physical = { .bus = 2 },
                  .guest = { .device = 6 },
                  .memory = 0xe0100000u,
                  .memory_last = 0xe02fffffu,
                  .io = 0xc000,
                  .io_last = 0xcfff,
                  .first_vector = 0x20,
                  .trapped = 3,
                  .reset_by_port = true },
};

static _Alignas(8) unsigned char storage[HOST_FUNCTIONS][STORAGE_SIZE];

/* ---- The disk's image ---- */

uint8_t host_disk_byte(uint64_t position)
{
    uint32_t mixed = ((uint32_t)position + 1u) * 2654435761u;

    return (uint8_t)(mixed >> 24 ^ mixed >> 9);
}

static void make_image(struct host *host)
{
    static uint8_t bytes[HOST_DISK_SIZE];

    for (uint32_t i = 0; i < HOST_DISK_SIZE; i++) {
        bytes[i] = host_disk_byte(i);
    }
    host->image = memfd_create("disk", MFD_CLOEXEC);
    require(host->image >= 0 && write(host->image, bytes, HOST_DISK_SIZE) == (ssize_t)HOST_DISK_SIZE,
            "the disk's image cannot be made");
}

void host_image_read(const struct host *host, uint64_t position, void *bytes, size_t size)
{
    require(pread(host->image, bytes, size, (off_t)position) == (ssize_t)size, "the disk's image cannot be read");
}

/* ---- Hooks ---- */

void host_pause(uint32_t microseconds)
{
    const struct timespec pause = { .tv_sec = (time_t)(microseconds / 1000000u),
                                    .tv_nsec = (long)(microseconds % 1000000u) * 1000 };

    (void)nanosleep(&pause, NULL);
}

static void delay(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    host_pause(microseconds);
}

/*
 * QEMU's e1000e has no function level reset, and keeps its state in D3hot though it claims otherwise. It is alone
 * behind its root port, so a reset of that bus resets only it.
 */
static enum vpt_status reset(void *ctx, enum vpt_assign_reset_method method)
{
    struct host_function *function = ctx;
    enum vpt_status status;
    uint32_t control = 0;

    if (method != VPT_ASSIGN_RESET_DEVICE || !function->reset_by_port) {
        return VPT_UNSUPPORTED_DEVICE;
    }
    status = vpt_pci_read(&function->root_port, BRIDGE_CONTROL, 2, &control);
    if (status == VPT_OK) {
        status = vpt_pci_write(&function->root_port, BRIDGE_CONTROL, 2, control | BRIDGE_CONTROL_RESET);
    }
    host_pause(2000);
    if (status == VPT_OK) {
        status = vpt_pci_write(&function->root_port, BRIDGE_CONTROL, 2, control);
    }
    host_pause(100000);
    function->resets++;
    return status;
}

/* Whether a register is in the capability with this id, which is `size` bytes long. */
static bool is_within(const struct host_function *function, uint16_t offset, uint8_t id, uint16_t size)
{
    uint16_t at = 0;

    return vpt_pci_find_capability(&function->physical, id, &at) == VPT_OK && (unsigned)(offset - at) < size;
}

/* A guest must not write to the function's BARs and messages, and of its command register only bus mastering. */
static void audit(void *ctx, uint16_t offset, unsigned width, uint32_t value, uint32_t allowed)
{
    const struct host_function *function = ctx;

    require(offset != COMMAND || (allowed & ~VPT_PCI_COMMAND_BUS_MASTER) == 0,
            "a guest writes 0x%04x to the command register of the %s", (unsigned)value, function->name);
    require(offset == COMMAND || offset >= CAPABILITIES, "a guest writes %u bytes of the header of the %s", width,
            function->name);
    require(!is_within(function, offset, VPT_PCI_CAPABILITY_MSI, MSI_SIZE) &&
                !is_within(function, offset, VPT_PCI_CAPABILITY_MSIX, MSIX_SIZE),
            "a guest writes to the messages of the %s", function->name);
}

/* The function that guests see at an address. */
static struct host_function *find(struct host *host, const struct vpt_pci_address *guest)
{
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        if (memcmp(guest, &places[i].guest, sizeof(*guest)) == 0) {
            return &host->functions[i];
        }
    }
    fail("the IOMMU is to do something for a function that does not exist");
}

static enum vpt_status map_memory(void *ctx, const struct vpt_pci_address *address,
                                  const struct vpt_assign_dma_range *range)
{
    iommu_map(&find(ctx, address)->domain, range->guest, range->host, range->size, range->read_only);
    return VPT_OK;
}

/* By now the devices have been stopped: a guest keeps its memory while it has devices. */
static enum vpt_status unmap_memory(void *ctx, const struct vpt_pci_address *address,
                                    const struct vpt_assign_dma_range *range)
{
    struct host_function *function = find(ctx, address);

    require((host_config(function, COMMAND, 2) & VPT_PCI_COMMAND_BUS_MASTER) == 0,
            "memory is taken from the %s while it is bus master", function->name);
    iommu_unmap(&function->domain, range->guest, range->host, range->size);
    return VPT_OK;
}

/* ---- Start ---- */

static void start_machine(struct host *host)
{
    static char blockdev[80];
    static const char *const arguments[] = {
        "-device",   "intel-iommu",
        "-device",   "pcie-root-port,id=port1,addr=2,chassis=1",
        "-device",   "pcie-root-port,id=port2,addr=3,chassis=2",
        "-blockdev", blockdev,
        "-device",   "virtio-blk-pci,drive=d0,bus=port1,disable-legacy=on,iommu_platform=on",
        "-device",   "e1000e,bus=port2,mac=52:54:00:12:34:56",
        NULL
    };
    struct vpt_qtest_options options = { .machine = VPT_QTEST_Q35,
                                         .arguments = arguments,
                                         .files = &host->image,
                                         .file_count = 1,
                                         .wait_timeout = 30000,
                                         .ecam = true };
    enum vpt_status status;

    (void)snprintf(blockdev, sizeof(blockdev), "driver=file,node-name=d0,locking=off,filename=/dev/fd/%d", host->image);
    status = vpt_qtest_start(&host->qtest, &options);
    require(status == VPT_OK, "QEMU does not start: %s %s", vpt_status_str(status), vpt_qtest_message(host->qtest));
    host->port = vpt_qtest_port(host->qtest);
    require_ok(vpt_qtest_intercept(host->qtest, NULL), "watching the interrupt lines");
    require_ok(vpt_qtest_route_intx(host->qtest), "routing the interrupt lines");
}

/* Gives a root port its bus number, and windows for the functions behind it. */
static void open_root_port(const struct vpt_pci_function *port, const struct place *place)
{
    uint32_t memory = (uint32_t)(place->memory_last >> 16 & 0xfff0u) << 16 | (uint32_t)(place->memory >> 16 & 0xfff0u);
    uint32_t io = (uint32_t)(place->io_last >> 8 & 0xf0u) << 8 | (place->io >> 8 & 0xf0u);
    uint32_t bus = place->physical.bus;

    require_ok(vpt_pci_write(port, BRIDGE_BUSES, 4, bus << 16 | bus << 8), "a root port's bus");
    require_ok(vpt_pci_write(port, BRIDGE_MEMORY, 4, memory), "a root port's memory");
    require_ok(vpt_pci_write(port, BRIDGE_PREFETCHABLE, 4, PREFETCHABLE_NONE), "a root port's memory");
    if (place->io_last != 0) {
        require_ok(vpt_pci_write(port, BRIDGE_IO, 2, io), "a root port's I/O ports");
    }
    require_ok(vpt_pci_command(port, DECODING | VPT_PCI_COMMAND_BUS_MASTER, 0), "a root port's command register");
}

/* No firmware has run. BARs get their addresses here, and are decoded while the host owns the function. */
static void assign_bars(struct host_function *function, const struct place *place)
{
    struct vpt_pci_window windows[] = {
        { .kind = VPT_PCI_BAR_IO, .next = place->io, .last = place->io_last },
        { .kind = VPT_PCI_BAR_MEMORY, .next = place->memory, .last = place->memory_last },
    };

    require_ok(vpt_pci_bars_size(&function->physical, &function->bars), "sizing a physical function's BARs");
    require_ok(vpt_pci_bars_place(&function->physical, &function->bars, VPT_PCI_ALL_BARS, windows, COUNT_OF(windows)),
               "assigning a physical function's BARs");
    require_ok(vpt_pci_command(&function->physical, DECODING | VPT_PCI_COMMAND_INTERRUPT_DISABLE, 0),
               "decoding a physical function's BARs");
}

static void open_device(struct host_function *function, const struct place *place, unsigned index)
{
    struct vpt_assign_config config = { .host = &function->access.host,
                                        .address = place->guest,
                                        .config_size = VPT_PCI_EXTENDED_CONFIG_SIZE,
                                        .storage = storage[index],
                                        .storage_size = STORAGE_SIZE,
                                        .regions = REGIONS };
    const struct vpt_pci_bar *trapped = &function->bars.bar[place->trapped];
    struct vpt_assign_host *hooks = &function->access.host;
    size_t size = 0;

    require_ok(vpt_assign_port_init(&function->access, &function->physical), "the host's side of a device");
    require_ok(vpt_assign_port_map(&function->access, trapped->address, (size_t)trapped->size), "trapped registers");
    hooks->audit = audit;
    hooks->interrupts = host_interrupts;
    hooks->intx_mask = host_intx_mask;
    hooks->reset = reset;
    hooks->delay = delay;
    require_ok(vpt_assign_storage_size(&config, &size), "the size of a device's storage");
    require(size <= STORAGE_SIZE, "a device needs %zu bytes", size);
    require_ok(vpt_assign_open(&function->device, &config), "opening a device");
    require_ok(vpt_assign_registry_add(&function->host->registry, &function->device), "registering a device");
}

static void start_function(struct host *host, unsigned index)
{
    const struct place *place = &places[index];
    struct host_function *function = &host->functions[index];

    function->name = place->name;
    function->host = host;
    function->physical = (struct vpt_pci_function){ host->port, place->physical };
    function->root_port = (struct vpt_pci_function){ host->port, place->root_port };
    host_vectors_init(function, place->first_vector);
    function->reset_by_port = place->reset_by_port;
    function->line = vpt_qtest_intx_line(host->qtest, place->root_port.device, 1);
    open_root_port(&function->root_port, place);
    assign_bars(function, place);
    iommu_domain_init(&function->domain, &host->iommu, &place->physical);
    iommu_map(&function->domain, HOST_MESSAGES_AT, host->message_page.device_address, IOMMU_PAGE, false);
    open_device(function, place, index);
}

void host_start(struct host *host)
{
    memset(host, 0, sizeof(*host));
    make_image(host);
    start_machine(host);
    iommu_start(&host->iommu, host->port);
    host->iommu_hooks = (struct vpt_assign_iommu){ host, map_memory, unmap_memory };
    require_ok(host->port->dma_allocate(host->port->ctx, IOMMU_PAGE, IOMMU_PAGE, UINT64_MAX, 0, &host->message_page),
               "memory for messages");
    require_ok(vpt_assign_remap_init(&host->remap, host->entries, HOST_VECTORS), "the table of the host's vectors");
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        start_function(host, i);
    }
}

/* ---- End ---- */

uint32_t host_config(const struct host_function *function, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    require_ok(vpt_pci_read(&function->physical, offset, width, &value), "reading a physical function's configuration");
    return value;
}

void host_stop(struct host *host)
{
    struct iommu_fault fault;

    require(!iommu_take_fault(&host->iommu, &fault), "the IOMMU has refused 0x%" PRIx64, fault.page);
    for (unsigned i = 0; i < HOST_FUNCTIONS; i++) {
        struct host_function *function = &host->functions[i];

        require_ok(vpt_assign_registry_remove(&function->device), "taking a device out of the registry");
        require_ok(vpt_assign_close(&function->device), "closing a device");
        vpt_assign_port_release(&function->access);
        require(function->domain.pages == 1, "%u pages are still mapped in the IOMMU", function->domain.pages - 1u);
    }
    host->port->dma_free(host->port->ctx, &host->message_page, 0);
    iommu_stop(&host->iommu);
    require(vpt_qtest_failure(host->qtest) == VPT_OK, "%s", vpt_qtest_message(host->qtest));
    require(vpt_qtest_clean(host->qtest, stderr), "something was not given back to the machine");
    vpt_qtest_stop(host->qtest);
    (void)close(host->image);
}
