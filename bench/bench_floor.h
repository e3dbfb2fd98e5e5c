/* SPDX-License-Identifier: MIT */
/* A split virtqueue written by hand for one device, with the checks that the library makes. */
#ifndef VPT_BENCH_FLOOR_H
#define VPT_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <vpt/queue.h>

#define SIZE 256u

struct available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[SIZE];
};

struct used {
    uint16_t flags;
    uint16_t index;
    struct {
        uint32_t id;
        uint32_t length;
    } ring[SIZE];
    uint16_t available_event;
};

extern volatile struct available floor_available;
extern volatile struct used floor_used;

/* Prepares the queue for lists; floor_slots_prepare() prepares it for slots. */
void floor_prepare(void);

/* Adds a list of segments. False: there is no room, or the list is empty or too long. */
bool floor_add(const struct vpt_segment *segments, unsigned readable, unsigned writable, void *token);

/* Publishes what was added. True: the device needs a notification. */
bool floor_kick(void);

/* Takes one completed request. False: there is none, or the device has reported something impossible. */
bool floor_pop(void **token, uint32_t *length);

/* Requests of a header, one data segment and a reply; their descriptors are prepared once. */
void floor_slots_prepare(void);
unsigned floor_slots_submit(const struct vpt_segment *segments, unsigned count, void *token);
unsigned floor_slots_complete(void **tokens, unsigned count);

#endif
