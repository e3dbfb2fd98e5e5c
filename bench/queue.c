/* SPDX-License-Identifier: MIT */
/*
 * The driver side of a split virtqueue, to be counted by callgrind (tools/bench.sh): batches of requests against a
 * device in the same process that completes all it is shown. The only work between submit() and complete() and
 * their ends is the library's calls.
 *
 * Usage: queue BATCH BATCHES block|net [indirect] [event]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vpt/mmio.h>
#include <vpt/queue.h>

#define SIZE     256u
#define TABLES   128u
#define SEGMENTS 3u
#define MAGIC    0x74726976u

/* A virtio-mmio 2 device of as many registers as a bring-up reads; the doorbell is one of them. */
static uint32_t registers[VPT_MMIO_REGISTERS_SIZE / 4u];
static uint32_t features[2] = { 0, 1 };

static _Alignas(16) unsigned char descriptors[VPT_QUEUE_DESCRIPTOR_AREA_SIZE(SIZE)];
static _Alignas(16) unsigned char tables[VPT_QUEUE_INDIRECT_SIZE(TABLES, SEGMENTS)];
static _Alignas(8) unsigned char state[VPT_QUEUE_PRIVATE_SIZE(SIZE, TABLES)];

static struct {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[SIZE];
    uint16_t used_event;
} available;

static struct {
    uint16_t flags;
    uint16_t index;
    struct {
        uint32_t id;
        uint32_t length;
    } ring[SIZE];
    uint16_t available_event;
} used;

static struct vpt_mmio mmio;
static struct vpt_queue queue;

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

static const struct vpt_port port = { .mmio_read = mmio_read, .mmio_write = mmio_write };

static void check(enum vpt_status status)
{
    if (status != VPT_OK) {
        fprintf(stderr, "bench: %s\n", vpt_status_str(status));
        exit(1);
    }
}

static struct vpt_memory memory(void *address, size_t size)
{
    return (struct vpt_memory){ address, (uintptr_t)address, size };
}

static void bring_up(void)
{
    struct vpt_queue_config config = { .size = SIZE, .indirect_tables = TABLES, .indirect_segments = SEGMENTS };

    registers[0x000 / 4] = MAGIC;
    registers[0x004 / 4] = 2;
    registers[0x008 / 4] = VPT_DEVICE_TYPE_BLOCK;
    registers[0x034 / 4] = SIZE;
    config.memory.rings = memory(descriptors, sizeof(descriptors));
    config.memory.driver_area = memory(&available, sizeof(available));
    config.memory.device_area = memory(&used, sizeof(used));
    config.memory.indirect = memory(tables, sizeof(tables));
    config.memory.private_state = memory(state, sizeof(state));
    check(vpt_mmio_probe(&mmio, &port, registers, sizeof(registers)));
    check(vpt_device_negotiate(&mmio.device, NULL, NULL, NULL));
    check(vpt_queue_init(&queue, &mmio.device, &config));
    check(vpt_device_start(&mmio.device));
    vpt_queue_notifications_off(&queue);
}

/* Whatever it has been shown is used, in order; it asks for a notification of the next. */
static void device_run(uint32_t length)
{
    while (used.index != available.index) {
        used.ring[used.index % SIZE].id = available.ring[used.index % SIZE];
        used.ring[used.index % SIZE].length = length;
        used.index++;
    }
    used.available_event = used.index;
}

__attribute__((noinline)) static void submit(unsigned batch, const struct vpt_segment *segments, bool net)
{
    for (unsigned i = 0; i < batch; i++) {
        check(vpt_queue_add(&queue, segments, 1, net ? 0 : 2, &queue));
    }
    vpt_queue_publish(&queue);
    if (vpt_queue_kick_prepare(&queue)) {
        check(vpt_queue_notify(&queue));
    }
}

__attribute__((noinline)) static void complete(unsigned batch)
{
    for (unsigned i = 0; i < batch; i++) {
        void *token;
        uint32_t written;

        check(vpt_queue_pop(&queue, &token, &written));
    }
}

int main(int count, char **arguments)
{
    static const struct vpt_segment block[] = { { 0x1000, 16 }, { 0x2000, 4096 }, { 0x3000, 1 } };
    static const struct vpt_segment packet[] = { { 0x1000, 1500 } };
    bool net = count > 3 && strcmp(arguments[3], "net") == 0;
    unsigned batch = count > 3 ? (unsigned)atoi(arguments[1]) : 0;

    if (batch == 0 || batch > SIZE / SEGMENTS) {
        return 2;
    }
    for (int i = 4; i < count; i++) {
        features[0] |= 1u << (strcmp(arguments[i], "indirect") == 0 ? VPT_F_INDIRECT_DESC : VPT_F_EVENT_IDX);
    }
    bring_up();
    for (int i = atoi(arguments[2]); i > 0; i--) {
        submit(batch, net ? packet : block, net);
        device_run(net ? 0 : 4097);
        complete(batch);
    }
    printf("%u kicks\n", (unsigned)vpt_queue_kicks(&queue));
    return 0;
}
