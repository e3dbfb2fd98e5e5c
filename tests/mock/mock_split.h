/* SPDX-License-Identifier: MIT */
/* The split ring as the device reads and writes it (VirtIO 1.4, section 2.7), and what a driver may not do to it. */
#ifndef VPT_TESTS_MOCK_SPLIT_H
#define VPT_TESTS_MOCK_SPLIT_H

#include "mock_device.h"

/* Bytes of each area, the event words included. */
size_t mock_split_area_size(const struct mock_queue *queue, enum mock_queue_area area);

/* The bytes of an area, or NULL and a violation if the device does not reach all of them. */
uint8_t *mock_split_area(struct mock_device *device, const struct mock_queue *queue, enum mock_queue_area area);

/*
 * Takes the next available buffer and fills *element. False: there is none, or the driver broke the ring, which is
 * recorded and leaves queue->broken set.
 */
bool mock_split_fetch(struct mock_device *device, struct mock_queue *queue, struct mock_element *element);

/* The available index as it is in memory; false if it cannot be reached. */
bool mock_split_available_index(struct mock_device *device, const struct mock_queue *queue, uint16_t *index);

/* Returns a buffer to the driver, distorted by the faults that are armed. */
void mock_split_push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                     uint32_t length);

/* Whether what was used since the last decision is to interrupt the driver. */
bool mock_split_interrupts(struct mock_device *device, struct mock_queue *queue);

/* Tells the driver whether kicks are wanted: not, while `busy`. */
void mock_split_want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy);

#endif
