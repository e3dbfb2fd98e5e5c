/* SPDX-License-Identifier: MIT */
#include "disk.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

#define ENTRIES 2u     /* entries of the MSI-X table that QEMU gives a disk */
#define WAIT    30000u /* milliseconds */

/* Registers of the modern interface (VirtIO 1.4, section 4.1.4.3), which QEMU's disk has at the start of BAR 4. */
#define COMMON_BAR    4u
#define DEVICE_STATUS 0x14u
#define QUEUE_ENABLE  0x1cu

/* Message data for the guest's interrupt controller. */
static struct guest_message message_of(const struct disk *disk, uint16_t entry)
{
    uint32_t owner = (uint32_t)disk->guest->owner;

    return (struct guest_message){ 0xfee00000u | (uint64_t)(entry + 1u) << 12, 0x40u + entry + 0x10u * owner };
}

void disk_check_new(const struct disk *disk)
{
    uint64_t common = disk->bars.bar[COMMON_BAR].address;
    uint32_t status = guest_read(disk->guest, VPT_ASSIGN_MEMORY, common + DEVICE_STATUS, 1);
    uint32_t enable = guest_read(disk->guest, VPT_ASSIGN_MEMORY, common + QUEUE_ENABLE, 2);

    require(status == 0, "the disk was not reset: its status is 0x%02x", (unsigned)status);
    require(enable == 0, "the disk was not reset: its queue is enabled");
}

/* ---- Bringing up ---- */

static void start_messages(struct disk *disk)
{
    require_ok(vpt_pci_msix_init(&disk->msix, &disk->function, &disk->bars), "the disk's MSI-X table");
    require(disk->msix.entries == ENTRIES, "the disk's MSI-X table has %u entries", disk->msix.entries);
    for (uint16_t i = 0; i < ENTRIES; i++) {
        struct guest_message message = message_of(disk, i);

        require_ok(vpt_pci_msix_program(&disk->msix, i, message.address, message.data), "a message of the disk");
        require_ok(vpt_pci_msix_mask(&disk->msix, i, false), "unmasking a message of the disk");
    }
    require_ok(vpt_pci_msix_enable(&disk->msix, true), "turning the disk's MSI-X on");
}

static void wish_for_vectors(struct disk *disk)
{
    disk->interrupts = (struct vpt_interrupts){ .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = ENTRIES };
}

static void check_vectors(const struct disk *disk)
{
    require(disk->interrupts.mode == VPT_INTERRUPTS_PER_QUEUE, "the disk's queue has no vector of its own");
}

void disk_start(struct disk *disk)
{
    require_ok(vpt_virtio_pci_probe(&disk->pci, &disk->function, &disk->bars, VPT_VIRTIO_PCI_MODERN),
               "the disk's registers");
    start_messages(disk);
    require_ok(vpt_blk_init(&disk->blk, &disk->pci.device, NULL), "the disk's features");
    require(vpt_features_has(&disk->pci.device.features, VPT_F_ACCESS_PLATFORM),
            "the disk's accesses to memory are not translated");
    require(disk->blk.info.capacity == HOST_DISK_SIZE / VPT_BLK_SECTOR_SIZE, "the disk has %" PRIu64 " sectors",
            disk->blk.info.capacity);
    wish_for_vectors(disk);
    require_ok(vpt_device_choose_interrupts(&disk->pci.device, &disk->interrupts), "the disk's vectors");
    check_vectors(disk);
    require_ok(vpt_blk_queue_init(&disk->queue, &disk->blk, 0, NULL), "the disk's queue");
    require_ok(vpt_driver_start(&disk->blk.driver), "starting the disk");
}

void disk_restart(struct disk *disk)
{
    struct vpt_completion completion = { 0 };

    require_ok(vpt_device_reset(&disk->pci.device), "resetting the disk");
    require_ok(vpt_requests_poll(&disk->queue.requests, &completion), "the request that was in flight");
    require_status(completion.status, VPT_CANCELLED, "the request that was in flight");
    require_status(vpt_requests_poll(&disk->queue.requests, &completion), VPT_EMPTY, "another request");
    vpt_pci_msix_release(&disk->msix);
    start_messages(disk);
    wish_for_vectors(disk);
    require_ok(vpt_driver_restart(&disk->blk.driver, &disk->interrupts), "starting the disk again");
    check_vectors(disk);
}

/* ---- Requests ---- */

static void submit(struct disk *disk, enum vpt_blk_operation operation, uint64_t sector, uint64_t address,
                   uint32_t size)
{
    const struct vpt_segment segment = { address, size };
    const struct vpt_blk_request request = {
        .operation = operation, .sector = sector, .segments = &segment, .segment_count = 1
    };

    require_ok(vpt_blk_submit(&disk->queue, &request, disk), "submitting a request");
    require_ok(vpt_requests_kick(&disk->queue.requests), "notifying the disk");
}

/* The request is done, and its message has come exactly once. */
static void complete(struct disk *disk)
{
    struct guest_message expected = message_of(disk, disk->interrupts.queue);
    struct vpt_completion completion = { 0 };
    struct guest_message message;
    unsigned count = guest_take_messages(disk->guest, DISK, WAIT, &message);

    require(count == 1, "%u messages came of a request", count);
    require(message.address == expected.address && message.data == expected.data,
            "the disk's message is 0x%x to 0x%" PRIx64 ", not 0x%x to 0x%" PRIx64, (unsigned)message.data,
            message.address, (unsigned)expected.data, expected.address);
    require_ok(vpt_requests_poll(&disk->queue.requests, &completion), "the request that the message came of");
    require_ok(completion.status, "the disk's request");
    require(completion.token == disk, "another request has come back");
    require_status(vpt_requests_poll(&disk->queue.requests, &completion), VPT_EMPTY, "another request");
}

void disk_read(struct disk *disk, uint64_t sector)
{
    struct guest *guest = disk->guest;
    const uint8_t *bytes = guest_bytes(guest, GUEST_BUFFERS);
    uint32_t size = DISK_READ_SECTORS * VPT_BLK_SECTOR_SIZE;

    memset(guest_bytes(guest, GUEST_BUFFERS), 0, size);
    submit(disk, VPT_BLK_READ, sector, guest->memory[GUEST_BUFFERS].address, size);
    complete(disk);
    for (uint32_t i = 0; i < size; i++) {
        uint64_t position = sector * VPT_BLK_SECTOR_SIZE + i;
        bool changed = disk->changed && position / VPT_BLK_SECTOR_SIZE == DISK_CHANGED_SECTOR;
        uint8_t expected = changed ? DISK_CHANGED_BYTE : host_disk_byte(position);

        require(bytes[i] == expected, "byte %" PRIu64 " of the disk was read as 0x%02x, not 0x%02x", position, bytes[i],
                expected);
    }
}

void disk_write(struct disk *disk)
{
    uint8_t image[VPT_BLK_SECTOR_SIZE];

    memset(guest_bytes(disk->guest, GUEST_BUFFERS), DISK_CHANGED_BYTE, VPT_BLK_SECTOR_SIZE);
    submit(disk, VPT_BLK_WRITE, DISK_CHANGED_SECTOR, disk->guest->memory[GUEST_BUFFERS].address, VPT_BLK_SECTOR_SIZE);
    complete(disk);
    disk->changed = true;
    host_image_read(disk->guest->host, DISK_CHANGED_SECTOR * VPT_BLK_SECTOR_SIZE, image, sizeof(image));
    for (unsigned i = 0; i < sizeof(image); i++) {
        require(image[i] == DISK_CHANGED_BYTE, "what was written is not in the disk's image");
    }
}

void disk_begin(struct disk *disk)
{
    struct guest *guest = disk->guest;
    const struct vpt_segment segment = { guest->memory[GUEST_BUFFERS].address, VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = { .operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1 };

    require_ok(vpt_blk_submit(&disk->queue, &request, disk), "submitting a request");
}

/* ---- A forbidden address ---- */

void disk_trespass(struct disk *disk, uint64_t address)
{
    const struct vpt_pci_address *physical = &disk->guest->devices[DISK].function->physical.address;
    struct iommu_fault fault = { 0 };

    submit(disk, VPT_BLK_READ, 0, address, VPT_BLK_SECTOR_SIZE);
    complete(disk);
    require(iommu_take_fault(&disk->guest->host->iommu, &fault), "the IOMMU has refused nothing");
    require(fault.page == address && memcmp(&fault.function, physical, sizeof(*physical)) == 0,
            "the IOMMU has refused 0x%" PRIx64 " to %02x:%02x.%u, not 0x%" PRIx64 " to the disk", fault.page,
            fault.function.bus, fault.function.device, (unsigned)fault.function.function, address);
}
