/* SPDX-License-Identifier: MIT */
/*
 * The smallest kernel that reads its disk: one memory-mapped slot, one split virtqueue in the kernel's memory, polled,
 * an empty port. tools/size.sh links it to measure its size.
 */
#include <vpt/blk.h>
#include <vpt/mmio.h>

#define REQUESTS  4u
#define SEGMENTS  1u
#define RING_SIZE 16u
#define SLOT_SIZE 0x200u

void kernel_main(void *slot, uint64_t physical_offset);

/* A kernel with one linear map: device addresses are CPU addresses plus `physical_offset`. */
static _Alignas(4096) uint8_t rings[VPT_QUEUE_RINGS_SIZE(RING_SIZE, VPT_QUEUE_RINGS_ALIGNMENT)];
static _Alignas(16) uint8_t request_slots[VPT_BLK_SLOTS_SIZE(REQUESTS, 0u)];
static _Alignas(16) uint8_t sector[VPT_BLK_SECTOR_SIZE];
static _Alignas(8) uint8_t request_state[VPT_REQUESTS_PRIVATE_SIZE(REQUESTS)];

static const struct vpt_port no_port;
static struct vpt_mmio mmio;
static struct vpt_blk blk;
static struct vpt_blk_queue queue;

static struct vpt_memory at(void *address, size_t size, uint64_t physical_offset)
{
    return (struct vpt_memory){ address, (uintptr_t)address + physical_offset, size };
}

static enum vpt_status start(void *slot, uint64_t physical_offset)
{
    struct vpt_requests_config config = { .requests = REQUESTS, .segments = SEGMENTS, .size = RING_SIZE };
    enum vpt_status status;

    config.memory.rings = at(rings, sizeof(rings), physical_offset);
    config.memory.private_state = at(request_state, sizeof(request_state), physical_offset);
    config.memory.slots = at(request_slots, sizeof(request_slots), physical_offset);

    status = vpt_mmio_probe(&mmio, &no_port, slot, SLOT_SIZE);
    if (status == VPT_OK) {
        status = vpt_blk_init(&blk, &mmio.device, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(&queue, &blk, 0, &config);
    }
    if (status == VPT_OK) {
        status = vpt_driver_start(&blk.driver);
    }
    return status;
}

static enum vpt_status transfer(enum vpt_blk_operation operation, uint64_t physical_offset)
{
    const struct vpt_segment data = { (uintptr_t)sector + physical_offset, sizeof(sector) };
    const struct vpt_blk_request request = { .operation = operation, .segments = &data, .segment_count = 1 };
    struct vpt_completion completion;
    enum vpt_status status = vpt_blk_submit(&queue, &request, NULL);

    if (status == VPT_OK) {
        status = vpt_requests_kick(&queue.requests);
    }
    while (status == VPT_OK) {
        status = vpt_requests_poll(&queue.requests, &completion);
        if (status == VPT_OK) {
            return completion.status;
        }
        if (status == VPT_EMPTY) {
            status = VPT_OK;
        }
    }
    return status;
}

/* The entry point, as a boot loader would call it. */
void kernel_main(void *slot, uint64_t physical_offset)
{
    if (start(slot, physical_offset) == VPT_OK && transfer(VPT_BLK_READ, physical_offset) == VPT_OK) {
        (void)transfer(VPT_BLK_WRITE, physical_offset);
    }
    for (;;) {
    }
}
