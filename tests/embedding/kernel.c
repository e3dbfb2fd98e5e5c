/* SPDX-License-Identifier: MIT */
/*
 * The stub kernel of the build tests: it writes sectors of its disk and reads them back. It includes only the library's
 * headers, so it compiles where there are no others. It exits with 0, or with the line that failed.
 */
#include <page_pool.h>
#include <vpt/vpt.h>

#include "embedding_device.h"

static _Alignas(4096) unsigned char memory[16 * 4096];
static struct vpt_page_pool pool;
static struct vpt_port_context context = { .pool = &pool };
static const struct vpt_port port = {
    .ctx = &context,
    .dma_allocate = vpt_page_pool_dma_allocate,
    .dma_free = vpt_page_pool_dma_free,
};

static _Alignas(4) struct stub_device device;
static struct vpt_mmio mmio;
static struct vpt_blk blk;
static struct vpt_blk_queue queue;
static unsigned char buffer[2 * VPT_BLK_SECTOR_SIZE];

static enum vpt_status bring_up(void)
{
    /* The stub has one word of features for both: SEG_MAX is a packed ring too, which the stub does not have. */
    static const struct vpt_feature_choice choice = { .refused = { { 0, 1u << (VPT_F_RING_PACKED - 32u) } } };
    const struct vpt_memory piece = { memory, (uintptr_t)memory, sizeof(memory) };
    enum vpt_status status = vpt_page_pool_init(&pool, &piece);

    status = status ? status : vpt_mmio_probe(&mmio, &port, device.registers, sizeof(device.registers));
    status = status ? status : vpt_blk_init(&blk, &mmio.device, &choice);
    status = status ? status : vpt_blk_queue_init(&queue, &blk, 0, NULL);
    return status ? status : vpt_driver_start(&blk.driver);
}

static enum vpt_status transfer(enum vpt_blk_operation operation, uint64_t sector)
{
    const struct vpt_segment segments[] = {
        { (uintptr_t)buffer, VPT_BLK_SECTOR_SIZE },
        { (uintptr_t)buffer + VPT_BLK_SECTOR_SIZE, VPT_BLK_SECTOR_SIZE },
    };
    const struct vpt_blk_request request = {
        .operation = operation, .sector = sector, .segments = segments, .segment_count = 2
    };
    struct vpt_completion completion;
    enum vpt_status status = vpt_blk_submit(&queue, &request, buffer);

    status = status ? status : vpt_requests_kick(&queue.requests);
    stub_device_serve(&device);
    status = status ? status : vpt_requests_poll(&queue.requests, &completion);
    if (status == VPT_OK && completion.token != buffer) {
        return VPT_DEVICE_USED_ID;
    }
    return status ? status : completion.status;
}

static enum vpt_status stop(void)
{
    enum vpt_status status = vpt_device_reset(&mmio.device);

    return status ? status : vpt_driver_release(&blk.driver);
}

static bool buffer_is(unsigned first, unsigned second)
{
    for (unsigned i = 0; i < VPT_BLK_SECTOR_SIZE; i++) {
        if (buffer[i] != first || buffer[VPT_BLK_SECTOR_SIZE + i] != second) {
            return false;
        }
    }
    return true;
}

#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

int main(void)
{
    stub_device_plug(&device, 1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX | 1u << VPT_BLK_F_SEG_MAX);
    EXPECT(bring_up() == VPT_OK);
    EXPECT(blk.info.capacity == STUB_DISK_SECTORS);
    EXPECT(transfer(VPT_BLK_READ, 5) == VPT_OK);
    EXPECT(buffer_is(5, 6));
    EXPECT(transfer(VPT_BLK_WRITE, 20) == VPT_OK);
    EXPECT(transfer(VPT_BLK_READ, 0) == VPT_OK && buffer_is(0, 1));
    EXPECT(transfer(VPT_BLK_READ, 20) == VPT_OK && buffer_is(5, 6));
    EXPECT(transfer(VPT_BLK_READ, STUB_DISK_SECTORS) == VPT_CALLER_RANGE);
    EXPECT(device.served == 4 && device.errors == 0);
    EXPECT(stop() == VPT_OK);
    return 0;
}
