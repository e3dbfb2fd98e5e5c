/* SPDX-License-Identifier: MIT */
/* A stub kernel in C++17, without exceptions, RTTI and the C++ library: a port made of static members. */
#include <vpt/vpt.h>

#include "embedding_device.h"

namespace
{

alignas(4096) unsigned char memory[16 * 4096];

class Port
{
  public:
    Port()
    {
        port_.ctx = this;
        port_.dma_allocate = allocate;
        port_.dma_free = free;
        port_.keep_waiting = [](void *, vpt_wait, uint32_t iteration) { return iteration < 1000; };
        port_.log = [](void *ctx, vpt_log_level, const char *, vpt_status, size_t) {
            static_cast<Port *>(ctx)->logged_++;
        };
    }

    const vpt_port *get() const
    {
        return &port_;
    }

    unsigned live() const
    {
        return live_;
    }

    unsigned logged() const
    {
        return logged_;
    }

  private:
    static vpt_status allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t, vpt_memory *answer)
    {
        auto *self = static_cast<Port *>(ctx);
        size_t start = (self->next_ + alignment - 1) / alignment * alignment;

        if (start > sizeof(memory) || size > sizeof(memory) - start) {
            return VPT_RESOURCE_MEMORY;
        }
        self->next_ = start + size;
        self->live_++;
        *answer = vpt_memory{ &memory[start], reinterpret_cast<uintptr_t>(&memory[start]), size };
        return answer->device_address + size - 1 <= limit ? VPT_OK : VPT_RESOURCE_ADDRESS;
    }

    static void free(void *ctx, const vpt_memory *, uint32_t)
    {
        static_cast<Port *>(ctx)->live_--;
    }

    vpt_port port_{};
    size_t next_ = 0;
    unsigned live_ = 0;
    unsigned logged_ = 0;
};

class Disk
{
  public:
    vpt_status start(const Port &port, stub_device &device)
    {
        vpt_feature_choice choice{};

        vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
        device_ = &device;
        if (auto status = vpt_mmio_probe(&mmio_, port.get(), device.registers, sizeof(device.registers))) {
            return status;
        }
        if (auto status = vpt_blk_init(&blk_, &mmio_.device, &choice)) {
            return status;
        }
        if (auto status = vpt_blk_queue_init(&queue_, &blk_, 0, nullptr)) {
            return status;
        }
        return vpt_driver_start(&blk_.driver);
    }

    vpt_status read(uint64_t sector, unsigned char *bytes)
    {
        const vpt_segment segment{ reinterpret_cast<uintptr_t>(bytes), VPT_BLK_SECTOR_SIZE };
        vpt_blk_request request{};
        vpt_completion completion{};

        request.operation = VPT_BLK_READ;
        request.sector = sector;
        request.segments = &segment;
        request.segment_count = 1;
        if (auto status = vpt_blk_submit(&queue_, &request, this)) {
            return status;
        }
        if (auto status = vpt_requests_kick(&queue_.requests)) {
            return status;
        }
        stub_device_serve(device_);
        if (auto status = vpt_requests_poll(&queue_.requests, &completion)) {
            return status;
        }
        return completion.token == this ? completion.status : VPT_DEVICE_USED_ID;
    }

    vpt_status stop()
    {
        if (auto status = vpt_device_reset(&mmio_.device)) {
            return status;
        }
        return vpt_requests_release(&queue_.requests);
    }

    const vpt_blk_info &info() const
    {
        return blk_.info;
    }

  private:
    stub_device *device_ = nullptr;
    vpt_mmio mmio_{};
    vpt_blk blk_{};
    vpt_blk_queue queue_{};
};

alignas(4) stub_device device;
unsigned char sector[VPT_BLK_SECTOR_SIZE];

bool sector_is(unsigned value)
{
    for (auto byte : sector) {
        if (byte != value) {
            return false;
        }
    }
    return true;
}

} // namespace

int main()
{
    Port port;
    Disk disk;

    stub_device_plug(&device, 1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX);
    if (disk.start(port, device) != VPT_OK || disk.info().capacity != STUB_DISK_SECTORS || port.live() == 0) {
        return 1;
    }
    for (unsigned i = 0; i < STUB_DISK_SECTORS; i++) {
        if (disk.read(i, sector) != VPT_OK || !sector_is(i)) {
            return 2;
        }
    }
    if (disk.read(STUB_DISK_SECTORS, sector) != VPT_CALLER_RANGE || device.errors != 0) {
        return 3;
    }
    if (disk.stop() != VPT_OK || port.live() != 0 || port.logged() != 0) {
        return 4;
    }
    return 0;
}
