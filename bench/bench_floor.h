/* SPDX-License-Identifier: MIT */
/* A split virtqueue as one would write it by hand for one device, with the checks that the library makes. */
#ifndef VPT_BENCH_FLOOR_H
#define VPT_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <vpt/queue.h>

#define SIZE 256u /* entries of every queue here */

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

/* Makes the queue ready for lists; for slots floor_slots_prepare() does. */
void floor_prepare(void);

/* A list of segments. False: there is no room, or it is empty or too long. */
bool floor_add(const struct vpt_segment *segments, unsigned readable, unsigned writable, void *token);

/* Publishes; returns whether the device is to be notified. */
bool floor_kick(void);

/* Takes one back. False: there is none, or the device has lied. */
bool floor_pop(void **token, uint32_t *length);

/* Requests of a header, one data segment and a reply, whose descriptors are written once. */
void floor_slots_prepare(void);
unsigned floor_slots_submit(const struct vpt_segment *segments, unsigned count, void *token);
unsigned floor_slots_complete(void **tokens, unsigned count);

#endif
