/* SPDX-License-Identifier: MIT */
/*
 * The queue that bench_queue.c compares the library with. It checks that a used id is in range and in flight, that the
 * device uses no more chains than it was shown, that a length is at most the writable bytes, and that a chain is
 * shorter than 4 GiB. It serves one queue of one size in the CPU's byte order, without indirect tables, event indexes,
 * resets or a second thread.
 */
#include "bench_floor.h"

#define NEXT  1u
#define WRITE 2u

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint32_t flags; /* and the next descriptor's number in the upper half */
};

/* State of a chain (index: its head) or of a slot. */
struct chain_state {
    void *token;
    uint32_t writable;
    uint16_t count; /* descriptors; 0: not in flight */
    uint16_t tail;  /* the last descriptor, or the next free slot */
};

static struct descriptor descriptors[SIZE];
volatile struct available floor_available;
volatile struct used floor_used;
static struct chain_state chains[SIZE];
static uint16_t links[SIZE]; /* private: next fields in the ring are never read back */
static uint32_t head;
static uint32_t free_count = SIZE;
static uint16_t added, published, taken;
static bool dead;

void floor_prepare(void)
{
    for (unsigned i = 0; i < SIZE; i++) {
        links[i] = (uint16_t)(i + 1u);
    }
}

__attribute__((noinline)) bool floor_add(const struct vpt_segment *segments, unsigned readable, unsigned writable,
                                         void *token)
{
    unsigned count = readable + writable;
    uint32_t at = head, tail = head;
    uint64_t bytes[2] = { 0, 0 };

    if (count == 0 || count > free_count || dead) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned flags = (i >= readable ? WRITE : 0u) | (i + 1u < count ? NEXT : 0u);

        if (segments[i].length == 0) {
            return false;
        }
        *(volatile uint64_t *)&descriptors[at].address = segments[i].address;
        *(volatile uint32_t *)&descriptors[at].length = segments[i].length;
        *(volatile uint32_t *)&descriptors[at].flags = flags | ((uint32_t)links[at] << 16);
        bytes[i >= readable] += segments[i].length;
        tail = at;
        at = links[at];
    }
    if (bytes[0] + bytes[1] > UINT32_MAX) {
        return false;
    }
    chains[head] = (struct chain_state){ token, (uint32_t)bytes[1], (uint16_t)count, (uint16_t)tail };
    floor_available.ring[added % SIZE] = (uint16_t)head;
    added++;
    head = at;
    free_count -= count;
    return true;
}

__attribute__((noinline)) bool floor_kick(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    floor_available.index = added;
    published = added;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (floor_used.flags & 1u) == 0;
}

__attribute__((noinline)) bool floor_pop(void **token, uint32_t *length)
{
    uint16_t index = floor_used.index;
    uint32_t id;
    struct chain_state *chain;

    if (index == taken || dead) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    id = floor_used.ring[taken % SIZE].id;
    *length = floor_used.ring[taken % SIZE].length;
    chain = &chains[id % SIZE];
    if ((uint16_t)(index - taken) > (uint16_t)(published - taken) || id >= SIZE || chain->count == 0) {
        dead = true;
        return false;
    }
    *length = *length < chain->writable ? *length : chain->writable;
    *token = chain->token;
    free_count += chain->count;
    links[chain->tail] = (uint16_t)head;
    head = id;
    chain->count = 0;
    taken++;
    return true;
}

/* Slot i owns the descriptors 3 i to 3 i + 2. */
void floor_slots_prepare(void)
{
    for (uint32_t i = 0; i < SIZE / 3u; i++) {
        uint32_t first = 3u * i;

        descriptors[first] = (struct descriptor){ 0x1000, 16, NEXT | ((first + 1u) << 16) };
        descriptors[first + 1u] = (struct descriptor){ 0, 0, NEXT | WRITE | ((first + 2u) << 16) };
        descriptors[first + 2u] = (struct descriptor){ 0x3000, 1, WRITE };
        chains[i].tail = (uint16_t)(i + 1u);
    }
    free_count = SIZE / 3u;
    head = 0;
}

__attribute__((noinline)) unsigned floor_slots_submit(const struct vpt_segment *segments, unsigned count, void *token)
{
    unsigned i;

    for (i = 0; i < count && free_count != 0 && segments[i].length - 1u < 0xffff0000u; i++) {
        struct chain_state *slot = &chains[head];

        *(volatile uint64_t *)&descriptors[3u * head + 1u].address = segments[i].address;
        *(volatile uint32_t *)&descriptors[3u * head + 1u].length = segments[i].length;
        floor_available.ring[added % SIZE] = (uint16_t)(3u * head);
        added++;
        free_count--;
        slot->token = token;
        slot->writable = segments[i].length + 1u;
        slot->count = 1;
        head = slot->tail;
    }
    return i;
}

__attribute__((noinline)) unsigned floor_slots_complete(void **tokens, unsigned count)
{
    uint16_t index = floor_used.index;
    unsigned i;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if ((uint16_t)(index - taken) > (uint16_t)(published - taken)) {
        dead = true;
    }
    for (i = 0; i < count && taken != index && !dead; i++) {
        uint32_t id = floor_used.ring[taken % SIZE].id / 3u;
        uint32_t length = floor_used.ring[taken % SIZE].length;

        if (id >= SIZE / 3u || chains[id].count == 0 || length > chains[id].writable) {
            dead = true;
            break;
        }
        tokens[i] = chains[id].token;
        chains[id].count = 0;
        chains[id].tail = (uint16_t)head;
        head = id;
        free_count++;
        taken++;
    }
    return i;
}
