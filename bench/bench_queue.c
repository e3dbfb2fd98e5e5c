/* SPDX-License-Identifier: MIT */
/*
 * Measures the driver side of a virtqueue with callgrind (tools/bench.sh): batches of requests to a device in the
 * same process that completes every request it sees. Only the library works between submit() and complete().
 *
 * Usage: queue BATCH BATCHES KIND [indirect] [event] [packed] [in-order]; KIND is block, net, slots, disk, net-send,
 * net-receive, floor-block, floor-net or floor-slots
 *
 * block and net add lists of three segments and of one to the general queue. slots submits header, 4096 bytes and reply
 * to a queue of requests, by the calls for a batch. disk reads 4096 bytes by the block driver. net-send sends frames of
 * 1500 bytes by the network driver, and net-receive receives them and gives their buffers back. floor-... do the same
 * as the first three on the queue written by hand (floor.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/blk.h>
#include <vpt/mmio.h>
#include <vpt/net.h>
#include <vpt/request.h>

#include "bench_floor.h"

#define TABLES   128u
#define SEGMENTS 3u
#define MAGIC    0x74726976u

/* A virtio-mmio 2 device with the registers that a bring-up reads, and a doorbell. */
static uint32_t registers[(VPT_MMIO_REGISTERS_SIZE + 64u) / 4u];
static uint32_t features[2] = { 0, 1 };

struct packed_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t id;
    uint16_t flags;
};

static struct vpt_mmio mmio;
static struct vpt_queue queue;
static struct vpt_driver driver;
static struct vpt_requests requests;
static struct vpt_blk blk;
static struct vpt_blk_queue disk;
static struct vpt_net net;
static struct vpt_net_receiveq receiveq;
static struct vpt_net_transmitq transmitq;

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    (void)mapping;
    (void)width;
    return offset == 0x010 ? features[registers[0x014 / 4] & 1u] : registers[offset / 4u];
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    (void)width;
    registers[offset / 4u] = value;
}

static enum vpt_status dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory)
{
    void *address = aligned_alloc(4096, (size + 4095u) & ~(size_t)4095);

    (void)ctx;
    (void)alignment;
    (void)limit;
    (void)flags;
    *memory = (struct vpt_memory){ address, (uintptr_t)address, size };
    return address != NULL ? VPT_OK : VPT_RESOURCE_MEMORY;
}

static void dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    (void)ctx;
    (void)flags;
    free(memory->address);
}

static const struct vpt_port port = {
    .dma_allocate = dma_allocate, .dma_free = dma_free, .mmio_read = mmio_read, .mmio_write = mmio_write
};

static void check(enum vpt_status status)
{
    if (status != VPT_OK) {
        fprintf(stderr, "bench: %s\n", vpt_status_str(status));
        exit(1);
    }
}

static void bring_up_queue(void)
{
    struct vpt_queue_config config = { .size = SIZE, .indirect_tables = TABLES, .indirect_segments = SEGMENTS };

    check(vpt_device_negotiate(&mmio.device, NULL, NULL, NULL));
    check(vpt_queue_init(&queue, &mmio.device, &config));
    check(vpt_device_start(&mmio.device));
    vpt_queue_notifications_off(&queue);
}

static void bring_up_requests(void)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_BLOCK };
    static const struct vpt_requests_kind shape = { .header = 16, .reply = 1 };
    static const struct vpt_requests_config config = { .requests = 64, .segments = 1, .size = SIZE };

    check(vpt_driver_init(&driver, &mmio.device, &kind, NULL));
    check(vpt_requests_init(&requests, &driver, 0, &shape, 0, &config));
    check(vpt_driver_start(&driver));
    vpt_requests_notifications_off(&requests);
}

static void bring_up_disk(void)
{
    static const struct vpt_requests_config config = { .requests = 64, .segments = 1, .size = SIZE };

    registers[0x100 / 4] = 0x10000; /* capacity */
    check(vpt_blk_init(&blk, &mmio.device, NULL));
    check(vpt_blk_queue_init(&disk, &blk, 0, &config));
    check(vpt_driver_start(&blk.driver));
    vpt_requests_notifications_off(&disk.requests);
}

static bool has(unsigned feature)
{
    return (features[feature / 32u] >> (feature % 32u) & 1u) != 0;
}

/* One queue is enough: device_run() completes what is in the queue that was set up last. */
static void bring_up_net(bool receive)
{
    static const struct vpt_requests_config config = { .requests = 64, .size = SIZE };

    registers[0x008 / 4] = VPT_DEVICE_TYPE_NETWORK;
    check(vpt_mmio_probe(&mmio, &port, registers, sizeof(registers)));
    check(vpt_net_init(&net, &mmio.device, NULL));
    if (receive) {
        check(vpt_net_receiveq_init(&receiveq, &net, 0, 0, &config));
    } else {
        check(vpt_net_transmitq_init(&transmitq, &net, 0, &config));
    }
    check(vpt_driver_start(&net.driver));
    vpt_requests_notifications_off(receive ? &receiveq.requests : &transmitq.requests);
}

/*
 * Completes `count` published requests in order, then asks for a notification of the next. With IN_ORDER there is one
 * used element for all of them.
 */
static void device_run_split(uint32_t length, unsigned count)
{
    const struct available *available =
        (void *)(uintptr_t)(registers[0x090 / 4] | (uint64_t)registers[0x094 / 4] << 32);
    struct used *used = (void *)(uintptr_t)(registers[0x0a0 / 4] | (uint64_t)registers[0x0a4 / 4] << 32);
    uint16_t first = used->index;

    for (; count != 0 && used->index != available->index; count--) {
        uint16_t at = has(VPT_F_IN_ORDER) ? first : used->index;

        used->ring[at % SIZE].id = available->ring[used->index % SIZE];
        used->ring[at % SIZE].length = length;
        used->index++;
    }
    used->available_event = used->index;
}

/* The same on a packed ring. */
static void device_run_packed(uint32_t length, unsigned count)
{
    static uint32_t entry;
    static uint16_t wrap = 0x80; /* AVAIL of what is available, USED if the wrap counter is 0 */
    struct packed_descriptor *ring = (void *)(uintptr_t)(registers[0x080 / 4] | (uint64_t)registers[0x084 / 4] << 32);
    uint16_t *event = (void *)(uintptr_t)(registers[0x0a0 / 4] | (uint64_t)registers[0x0a4 / 4] << 32);
    struct packed_descriptor *first = NULL;
    uint16_t used = 0;

    for (; count != 0 && (ring[entry].flags & 0x8080u) == wrap; count--) {
        uint16_t flags;
        uint16_t id;

        if (first == NULL || !has(VPT_F_IN_ORDER)) {
            first = &ring[entry];
            used = wrap == 0x80 ? 0x8080u : 0;
        }
        do {
            flags = ring[entry].flags;
            id = ring[entry].id;
            entry++;
            if (entry == SIZE) {
                entry = 0;
                wrap ^= 0x8080u;
            }
        } while ((flags & 1u) != 0);
        first->length = length;
        first->id = id;
        if (!has(VPT_F_IN_ORDER)) {
            first->flags = used;
        }
    }
    if (first != NULL) {
        first->flags = used;
    }
    event[0] = (uint16_t)(entry | (wrap == 0x80 ? 0x8000u : 0));
    event[1] = has(VPT_F_EVENT_IDX) ? 2 : 0;
}

static void device_run(uint32_t length, unsigned count)
{
    if (has(VPT_F_RING_PACKED)) {
        device_run_packed(length, count);
    } else {
        device_run_split(length, count);
    }
}

__attribute__((noinline)) static void submit_queue(unsigned batch, const struct vpt_segment *segments, bool net)
{
    for (unsigned i = 0; i < batch; i++) {
        check(vpt_queue_add(&queue, segments, 1, net ? 0 : 2, &queue));
    }
    check(vpt_queue_kick(&queue));
}

__attribute__((noinline)) static void complete_queue(unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        void *token;
        uint32_t written;

        check(vpt_queue_pop(&queue, &token, &written));
    }
}

__attribute__((noinline)) static void submit_requests(unsigned batch)
{
    static const struct vpt_segment data = { 0x2000, 4096 };

    struct vpt_request list[SIZE / SEGMENTS];
    uint32_t done;

    for (unsigned i = 0; i < batch; i++) {
        list[i] = (struct vpt_request){ .segments = &data, .token = &requests, .writable = 1 };
    }
    check(vpt_requests_submit_batch(&requests, list, batch, &done));
    check(vpt_requests_kick(&requests));
}

__attribute__((noinline)) static void complete_requests(unsigned batch)
{
    struct vpt_completion list[SIZE / SEGMENTS];
    uint32_t done;

    check(vpt_requests_poll_batch(&requests, list, batch, &done));
}

__attribute__((noinline)) static void submit_disk(unsigned batch)
{
    static const struct vpt_segment data = { 0x2000, 4096 };
    static const struct vpt_blk_request request = {
        .operation = VPT_BLK_READ, .sector = 8, .segments = &data, .segment_count = 1
    };

    for (unsigned i = 0; i < batch; i++) {
        check(vpt_blk_submit(&disk, &request, &disk));
    }
    check(vpt_requests_kick(&disk.requests));
}

__attribute__((noinline)) static void complete_disk(unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        struct vpt_completion completion;

        check(vpt_requests_poll(&disk.requests, &completion));
    }
}

__attribute__((noinline)) static void submit_net(unsigned batch)
{
    static const struct vpt_segment data = { 0x2000, 1500 };

    struct vpt_request list[SIZE / SEGMENTS];
    uint32_t done;

    for (unsigned i = 0; i < batch; i++) {
        list[i] = (struct vpt_request){ .segments = &data, .token = &net, .readable = 1 };
    }
    check(vpt_net_transmit_batch(&transmitq, list, NULL, batch, &done));
    check(vpt_requests_kick(&transmitq.requests));
}

__attribute__((noinline)) static void complete_net(unsigned batch)
{
    struct vpt_completion list[SIZE / SEGMENTS];
    uint32_t done;

    check(vpt_requests_poll_batch(&transmitq.requests, list, batch, &done));
}

__attribute__((noinline)) static void receive_net(unsigned batch)
{
    struct vpt_net_frame list[SIZE / SEGMENTS];
    uint32_t done;

    check(vpt_net_receive(&receiveq, list, batch, &done));
    check(vpt_net_recycle(&receiveq, list, batch));
}

__attribute__((noinline)) static void submit_floor(unsigned batch, const struct vpt_segment *segments, bool net)
{
    for (unsigned i = 0; i < batch; i++) {
        check(floor_add(segments, 1, net ? 0 : 2, &queue) ? VPT_OK : VPT_RESOURCE_FULL);
    }
    (void)floor_kick();
}

__attribute__((noinline)) static void complete_floor(unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        void *token;
        uint32_t length;

        check(floor_pop(&token, &length) ? VPT_OK : VPT_EMPTY);
    }
}

/* A whole run on the queue that was written by hand. */
static int run_floor(unsigned batch, int batches, const char *kind, const struct vpt_segment *block,
                     const struct vpt_segment *packet)
{
    bool slots = strcmp(kind, "floor-slots") == 0;
    bool net = strcmp(kind, "floor-net") == 0;
    struct vpt_segment data[SIZE / SEGMENTS];
    void *tokens[SIZE / SEGMENTS];
    const uint64_t available = (uintptr_t)&floor_available;
    const uint64_t used = (uintptr_t)&floor_used;

    registers[0x090 / 4] = (uint32_t)available;
    registers[0x094 / 4] = (uint32_t)(available >> 32);
    registers[0x0a0 / 4] = (uint32_t)used;
    registers[0x0a4 / 4] = (uint32_t)(used >> 32);
    for (unsigned i = 0; i < batch; i++) {
        data[i] = block[1];
    }
    if (slots) {
        floor_slots_prepare();
    } else {
        floor_prepare();
    }
    for (; batches > 0; batches--) {
        if (slots) {
            check(floor_slots_submit(data, batch, data) == batch ? VPT_OK : VPT_RESOURCE_FULL);
            (void)floor_kick();
        } else {
            submit_floor(batch, net ? packet : block, net);
        }
        device_run(net ? 0 : 4097, batch);
        if (slots) {
            check(floor_slots_complete(tokens, batch) == batch ? VPT_OK : VPT_EMPTY);
        } else {
            complete_floor(batch);
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        unsigned feature;
    } options[] = { { "indirect", VPT_F_INDIRECT_DESC },
                    { "event", VPT_F_EVENT_IDX },
                    { "packed", VPT_F_RING_PACKED },
                    { "in-order", VPT_F_IN_ORDER } };
    static const struct vpt_segment block[] = { { 0x1000, 16 }, { 0x2000, 4096 }, { 0x3000, 1 } };
    static const struct vpt_segment packet[] = { { 0x1000, 1500 } };
    const char *kind = count > 3 ? arguments[3] : "";
    unsigned batch = count > 3 ? (unsigned)atoi(arguments[1]) : 0;
    bool net = strcmp(kind, "net") == 0;
    bool slots = strcmp(kind, "slots") == 0;
    bool whole = strcmp(kind, "disk") == 0;
    bool send = strcmp(kind, "net-send") == 0;
    bool receive = strcmp(kind, "net-receive") == 0;

    if (batch == 0 || batch > SIZE / SEGMENTS) {
        return 2;
    }
    if (strncmp(kind, "floor", 5) == 0) {
        return run_floor(batch, atoi(arguments[2]), kind, block, packet);
    }
    for (int i = 4; i < count; i++) {
        for (size_t n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
            if (strcmp(arguments[i], options[n].name) == 0) {
                features[options[n].feature / 32u] |= 1u << (options[n].feature % 32u);
            }
        }
    }
    registers[0x000 / 4] = MAGIC;
    registers[0x004 / 4] = 2;
    registers[0x008 / 4] = VPT_DEVICE_TYPE_BLOCK;
    registers[0x034 / 4] = SIZE;
    check(vpt_mmio_probe(&mmio, &port, registers, sizeof(registers)));
    if (send || receive) {
        bring_up_net(receive);
    } else if (whole) {
        bring_up_disk();
    } else if (slots) {
        bring_up_requests();
    } else {
        bring_up_queue();
    }
    for (int i = atoi(arguments[2]); i > 0; i--) {
        if (receive) {
            device_run(12u + 1500u, batch);
            receive_net(batch);
        } else if (send) {
            submit_net(batch);
            device_run(0, batch);
            complete_net(batch);
        } else if (whole) {
            submit_disk(batch);
            device_run(4097, batch);
            complete_disk(batch);
        } else if (slots) {
            submit_requests(batch);
            device_run(4097, batch);
            complete_requests(batch);
        } else {
            submit_queue(batch, net ? packet : block, net);
            device_run(net ? 0 : 4097, batch);
            complete_queue(batch);
        }
    }
    return 0;
}
