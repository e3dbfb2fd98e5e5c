/* SPDX-License-Identifier: MIT */
/* The device's side of a split virtqueue, and the disk's execution of a request. Little-endian hosts only. */
#include <string.h>

#include "threads_simulated.h"

#define NEXT     1u
#define WRITABLE 2u
#define INDIRECT 4u

#define DATA_MAX 8u /* segments of a request, header and status included */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

/* Accesses to ring memory, with the memory order of a device that obeys the specification. */
static uint16_t load16(uint64_t address)
{
    return __atomic_load_n((const uint16_t *)(uintptr_t)address, __ATOMIC_ACQUIRE);
}

static void store16(uint64_t address, uint16_t value)
{
    __atomic_store_n((uint16_t *)(uintptr_t)address, value, __ATOMIC_RELEASE);
}

static void store32(uint64_t address, uint32_t value)
{
    __atomic_store_n((uint32_t *)(uintptr_t)address, value, __ATOMIC_RELEASE);
}

static bool has(unsigned feature)
{
    return (simulated.accepted[0] >> feature & 1u) != 0;
}

static void fence(void)
{
#if !defined(__SANITIZE_THREAD__)
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#else
    __asm__ volatile("mfence" ::: "memory"); /* gcc's thread sanitizer rejects the C fence */
#endif
}

/* Collects a request's segments in order. Returns how many; 0: the driver broke the specification. */
static unsigned collect(const struct simulated_queue *queue, uint16_t head, struct descriptor chain[DATA_MAX])
{
    const struct descriptor *table = (const struct descriptor *)(uintptr_t)queue->areas[0];
    uint32_t limit = queue->size;
    uint16_t index = head;

    if (index < limit && (table[index].flags & INDIRECT) != 0) {
        limit = table[index].length / (uint32_t)sizeof(*table);
        table = (const struct descriptor *)(uintptr_t)table[index].address;
        index = 0;
    }
    for (unsigned count = 0; count < DATA_MAX && index < limit; count++) {
        chain[count] = table[index];
        if ((chain[count].flags & NEXT) == 0) {
            return count + 1u;
        }
        index = chain[count].next;
    }
    return 0;
}

/* Copies data by memcpy(), so that a driver's access to a buffer that the device owns is a race. */
static uint8_t transfer(uint32_t type, uint64_t sector, const struct descriptor *data, unsigned count)
{
    uint64_t at = sector * SECTOR;

    for (unsigned i = 0; i < count; i++) {
        void *bytes = (void *)(uintptr_t)data[i].address;

        if (sector >= SECTORS || data[i].length > sizeof(simulated.disk) - at) {
            return 1;
        }
        if (type == VPT_BLK_WRITE) {
            memcpy(&simulated.disk[at], bytes, data[i].length);
        } else {
            memcpy(bytes, &simulated.disk[at], data[i].length);
        }
        at += data[i].length;
    }
    return 0;
}

static void carry_out(struct simulated_queue *queue, uint16_t head)
{
    struct descriptor chain[DATA_MAX];
    unsigned count = collect(queue, head, chain);
    uint32_t written = 1;

    if (count >= 2u) {
        const struct header *header = (const struct header *)(uintptr_t)chain[0].address;
        uint8_t status = transfer(header->type, header->sector, &chain[1], count - 2u);

        *(uint8_t *)(uintptr_t)chain[count - 1u].address = status;
        for (unsigned i = 1; i + 1u < count; i++) {
            written += (chain[i].flags & WRITABLE) != 0 ? chain[i].length : 0;
        }
    }
    store32(queue->areas[2] + 4u + 8u * (queue->used % queue->size), head);
    store32(queue->areas[2] + 8u + 8u * (queue->used % queue->size), written);
    queue->used++;
    store16(queue->areas[2] + 2u, queue->used);
}

static void interrupt(const struct simulated_queue *queue)
{
    ADD(simulated.interrupts, 1u);
    if (simulated.front == FRONT_MMIO) {
        (void)__atomic_fetch_or(&simulated.interrupt_status, VPT_INTERRUPT_QUEUE, ORDER);
    } else if (queue->vector < VECTORS && (simulated.table[queue->vector * 4u + 3u] & 1u) == 0) {
        SET(simulated.fired[queue->vector], true);
    }
}

static void interrupt_if_wanted(struct simulated_queue *queue)
{
    uint16_t before = queue->signalled;
    bool wanted;

    fence();
    wanted = (load16(queue->areas[1]) & 1u) == 0;
    if (has(VPT_F_EVENT_IDX)) {
        uint16_t event = load16(queue->areas[1] + 4u + 2u * (uint64_t)queue->size);

        wanted = (uint16_t)(queue->used - event - 1u) < (uint16_t)(queue->used - before);
    }
    queue->signalled = queue->used;
    if (wanted) {
        interrupt(queue);
    }
}

/* Asks for a kick at the next request if there are no more; otherwise turns kicks off. */
static void want_kicks(const struct simulated_queue *queue, bool wanted)
{
    if (!has(VPT_F_EVENT_IDX)) {
        store16(queue->areas[2], wanted ? 0 : 1);
    } else if (wanted) {
        store16(queue->areas[2] + 4u + 8u * (uint64_t)queue->size, queue->taken);
    }
    fence();
}

static bool work(struct simulated_queue *queue)
{
    bool any = false;

    while (!GET(simulated.quiet) && load16(queue->areas[1] + 2u) != queue->taken) {
        uint16_t head = load16(queue->areas[1] + 4u + 2u * (uint64_t)(queue->taken % queue->size));

        queue->taken++;
        carry_out(queue, head);
        interrupt_if_wanted(queue);
        any = true;
    }
    return any;
}

void simulated_serve(struct simulated_queue *queue)
{
    queue->taken = 0;
    queue->used = 0;
    queue->signalled = 0;
    while (!GET(simulated.quiet)) {
        if (!TAKE(queue->kicked, false)) {
            simulated_yield();
            continue;
        }
        do {
            want_kicks(queue, false);
            (void)work(queue);
            want_kicks(queue, true);
        } while (work(queue));
    }
}
