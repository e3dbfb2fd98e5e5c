/* SPDX-License-Identifier: MIT */
/* The device's side of a virtqueue of any ring format. mock_split.c reads and writes the rings. */
#ifndef VPT_TESTS_MOCK_QUEUE_H
#define VPT_TESTS_MOCK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mock_device;
struct mock_layout_ops;

struct mock_segment {
    uint64_t address;
    uint32_t length;
};

/* A descriptor as the device took it: the driver may not change it until it is used (CLEANUP-1). */
struct mock_descriptor_copy {
    uint64_t address;
    uint8_t bytes[16];
};

/* A buffer that the driver has made available. */
struct mock_element {
    uint16_t head;
    uint32_t readable; /* segments: these first ... */
    uint32_t writable; /* ... then these */
    uint64_t readable_bytes;
    uint64_t writable_bytes;
    struct mock_segment *segments;
    struct mock_descriptor_copy *descriptors;
    uint32_t descriptor_count; /* in the ring and in an indirect table */
    uint32_t entries;          /* of the ring */
    bool indirect;
    uint64_t due; /* the tick from which it may complete */
    bool first;   /* it overtakes the others */
};

enum mock_queue_area { MOCK_DESCRIPTOR_AREA, MOCK_DRIVER_AREA, MOCK_DEVICE_AREA, MOCK_QUEUE_AREAS };

struct mock_queue {
    /* What the driver has set up. */
    uint16_t index;
    uint32_t maximum; /* what the device offers; 0: no such queue */
    uint32_t size;
    uint64_t area[MOCK_QUEUE_AREAS]; /* device addresses */
    bool enabled;
    uint32_t resetting;     /* register reads until the reset of this queue is done; UINT32_MAX: it never is */
    bool was_reset;         /* alone, since the device's last reset: it may be set up while the device runs */
    uint32_t shown_maximum; /* the reading of the maximum that the driver saw last */

    /* What the device remembers. */
    bool checked;                         /* that the rings were zeroed, on first use */
    bool broken;                          /* the driver broke the ring: nothing more will happen */
    const struct mock_layout_ops *layout; /* since it was enabled */
    uint16_t last_available;
    uint16_t used_index;
    uint16_t suspended_index; /* the available index when SUSPEND was written */
    uint16_t signalled;       /* the used index at the last interrupt decision */
    uint64_t available_count; /* entries of a packed ring, or with IN_ORDER, that were taken ... */
    uint64_t used_count;      /* ... and given back ... */
    uint64_t signalled_count; /* ... at the last interrupt decision */
    uint16_t skipped;         /* buffers that were used without an element of their own ... */
    uint32_t skipped_entries; /* ... and their descriptors */
    uint16_t last_id;
    bool used_any;
    bool busy;                    /* kicks are suppressed until the pending buffers are used */
    uint8_t *in_flight;           /* for each descriptor: MOCK_DESCRIPTOR_* */
    struct mock_element *pending; /* oldest first */
    size_t pending_count;

    /* What happened since the device was made. */
    uint64_t kicks;
    uint64_t idle_kicks; /* those that brought nothing new: allowed, but wasted */
    uint64_t completions;
    uint64_t interrupts;
    uint64_t indirect_elements;
};

#define MOCK_DESCRIPTOR_FREE   0u
#define MOCK_DESCRIPTOR_HEAD   1u
#define MOCK_DESCRIPTOR_MEMBER 2u

/* Forgets the pending buffers and what was set up, not the counters. */
void mock_queue_reset(struct mock_queue *queue);

/* Takes over the element's arrays. */
void mock_queue_add_pending(struct mock_queue *queue, const struct mock_element *element);

/* Moves a pending element out of the list; the caller ends it by mock_element_finish(). */
struct mock_element mock_queue_take_pending(struct mock_queue *queue, size_t at);

void mock_element_finish(struct mock_element *element);

/*
 * Copies bytes out of the readable part or into the writable part, from `offset` on. Returns how many: fewer where the
 * part ends or, with a violation, at a segment that the device does not reach.
 */
size_t mock_element_read(struct mock_device *device, const struct mock_element *element, uint64_t offset, void *bytes,
                         size_t size);
size_t mock_element_write(struct mock_device *device, const struct mock_element *element, uint64_t offset,
                          const void *bytes, size_t size);

#endif
