/* SPDX-License-Identifier: MIT */
/* A split virtqueue as one would write it by hand for one device, with the checks that the library makes. */
#ifndef VPT_BENCH_FLOOR_H
#define VPT_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <vpt/queue.h>

/* The addresses of the descriptors, the available and the used ring, each of 256 entries. */
void floor_areas(void **available, void **used);

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
