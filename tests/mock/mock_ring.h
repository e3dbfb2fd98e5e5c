/* SPDX-License-Identifier: MIT */
/*
 * A ring as the device reads and writes it, in the layout that was negotiated, and what a driver may not do to it. What
 * the layouts have in common is in mock_ring.c; mock_split.c and mock_packed.c have the rest.
 */
#ifndef VPT_TESTS_MOCK_RING_H
#define VPT_TESTS_MOCK_RING_H

#include "mock_device.h"

/* Bytes of each area, the event words included. */
size_t mock_ring_area_size(const struct mock_queue *queue, enum mock_queue_area area);

/* The bytes of an area, or NULL and a violation if the device does not reach all of them. */
uint8_t *mock_ring_area(struct mock_device *device, const struct mock_queue *queue, enum mock_queue_area area);

/*
 * Takes the next available buffer and fills *element. False: there is none, or the driver broke the ring, which is
 * recorded and leaves queue->broken set.
 */
bool mock_ring_fetch(struct mock_device *device, struct mock_queue *queue, struct mock_element *element);

/*
 * How far the driver has made buffers available, as NOTIFICATION_DATA says it: the available index, or the entry behind
 * with its wrap counter. False if the ring cannot be reached.
 */
bool mock_ring_available(struct mock_device *device, const struct mock_queue *queue, uint16_t *available);

/* Returns a buffer to the driver, distorted by the faults that are armed. */
void mock_ring_push(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                    uint32_t length);

/* Returns a buffer without a used element: with IN_ORDER that of a later one stands for it, too. */
void mock_ring_skip(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element);

/* Whether what was used since the last decision is to interrupt the driver. */
bool mock_ring_interrupts(struct mock_device *device, struct mock_queue *queue);

/* Tells the driver whether kicks are wanted: not, while `busy`. */
void mock_ring_want_kicks(struct mock_device *device, struct mock_queue *queue, bool busy);

/* ---- Between the files of the rings ---- */

#define DESCRIPTOR_SIZE     16u
#define DESCRIPTOR_NEXT     0x1u
#define DESCRIPTOR_WRITE    0x2u
#define DESCRIPTOR_INDIRECT 0x4u

/* A descriptor. `last` is the 16 bits that its layout has beside the flags: next, or the id. */
struct mock_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t last;
};

/* A buffer whose descriptors are being read. */
struct mock_walk {
    struct mock_device *device;
    struct mock_queue *queue;
    struct mock_element *element;
    uint64_t bytes;
};

bool mock_ring_has(const struct mock_device *device, unsigned feature);
uint16_t mock_ring_load16(const struct mock_device *device, const uint8_t *at);

/* A rule for the driver: false, and a violation, if it does not hold. */
bool mock_walk_require(const struct mock_walk *walk, bool holds, const char *complaint);

/* Copies a descriptor; false if it cannot be reached. */
bool mock_walk_read(struct mock_walk *walk, uint64_t address, struct mock_descriptor *descriptor);

/* A segment of the buffer. */
bool mock_walk_segment(struct mock_walk *walk, const struct mock_descriptor *descriptor);

/* The rules for a descriptor that leads to a table. */
bool mock_walk_table(const struct mock_walk *walk, const struct mock_descriptor *descriptor);

/* A store into the ring, which a lie may distort. */
void mock_ring_put(struct mock_device *device, const struct mock_queue *queue, enum mock_ring_field field, uint8_t *at,
                   unsigned width, uint32_t value);

/* What faults make of a used element. Returns how often it is stored. */
unsigned mock_ring_distort(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                           uint32_t *id, uint32_t *length);

/* What a layout does. */
struct mock_layout_ops {
    size_t (*area_size)(const struct mock_queue *queue, enum mock_queue_area area);
    /* Whether what the driver has to have zeroed is. */
    bool (*zeroed)(struct mock_device *device, const struct mock_queue *queue);
    /* Whether a buffer is available. False also if the driver broke the ring. */
    bool (*waiting)(struct mock_device *device, struct mock_queue *queue);
    /* Walks it; false if that is impossible. */
    bool (*walk)(struct mock_walk *walk);
    bool (*available)(struct mock_device *device, const struct mock_queue *queue, uint16_t *available);
    void (*release)(struct mock_queue *queue, const struct mock_element *element);
    void (*push)(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element, uint32_t id,
                 uint32_t length, unsigned times);
    bool (*interrupts)(struct mock_device *device, struct mock_queue *queue);
    void (*want_kicks)(struct mock_device *device, struct mock_queue *queue, bool busy);
};

extern const struct mock_layout_ops mock_split_layout;
extern const struct mock_layout_ops mock_packed_layout;

#endif
