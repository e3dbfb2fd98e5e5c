/* SPDX-License-Identifier: MIT */
/*
 * A device played by the test's own hand: its registers are plain memory, which the library reaches without a port
 * function, and its rings are static. It answers nothing by itself: whatever the used ring is to say, the test writes.
 * One global object, since each test is a process of its own.
 */
#ifndef VPT_TESTS_HAND_H
#define VPT_TESTS_HAND_H

#include "support.h"

#define HAND_SIZE_MAX       VPT_QUEUE_SIZE_MAX
#define HAND_TABLES         64u
#define HAND_SEGMENTS       8u /* of a table */
#define HAND_REGISTERS_SIZE 0x200u
#define HAND_RINGS_ADDRESS  UINT64_C(0x123456000)
#define HAND_TABLES_ADDRESS UINT64_C(0x3ffffff70) /* crosses a 4 GiB boundary after 9 entries */
#define HAND_NO_KICK        0xffffffffu

struct hand_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct hand {
    _Alignas(8) uint8_t registers[HAND_REGISTERS_SIZE];
    struct vpt_port port; /* zeroed */
    struct vpt_mmio mmio;
    struct vpt_device *device;
    struct vpt_queue queue;
    struct vpt_queue_config config; /* what hand_open() sets the queue up with */
    bool native;                    /* rings in the CPU's own byte order: legacy */
    uint16_t size;
    uint8_t *descriptors;
    uint8_t *available;
    uint8_t *used;
    uint16_t taken; /* available entries that the hand has taken */
    uint16_t index; /* used elements that it has written */
};

extern struct hand hand;

/* A device that offers what the variant says and generic features of `word_1`, as bits of features 32 to 63. */
void hand_registers(const struct variant *variant, uint32_t word_1, uint32_t maximum);

/* The same, probed and negotiated, with memory for a queue of `size` and, if wanted, tables in hand.config. */
void hand_negotiate(const struct variant *variant, uint32_t word_1, uint16_t size);

/* The same with the queue set up and started. */
void hand_open(const struct variant *variant, uint32_t word_1, uint16_t size);

/* Registers, as little-endian memory. */
void hand_set(size_t offset, uint32_t value);
uint32_t hand_get(size_t offset);

/* What has been written to the doorbell since the last call, or HAND_NO_KICK. */
uint32_t hand_kicked(void);

/* The driver's side of the rings. */
struct hand_descriptor hand_descriptor(uint16_t index);
struct hand_descriptor hand_descriptor_of(const uint8_t *table, uint16_t index);
uint16_t hand_available_flags(void);
uint16_t hand_available_index(void);
uint16_t hand_used_event(void);
bool hand_event_idx(void); /* whether it was negotiated */

/* Takes the next available head; fails the test if there is none. */
uint16_t hand_take(void);

/* The device's side: an element at the next place; the index; both. */
void hand_element(uint32_t id, uint32_t length);
void hand_show(uint16_t index);
void hand_use(uint32_t id, uint32_t length);

/* What the device says of kicks. */
void hand_used_flags(uint16_t flags);
void hand_available_event(uint16_t event);

/* Adds a request of one segment with this token; fails the test if there is no room. */
void hand_add(void *token, bool writable, uint32_t length);

/* Uses and pops all that is available. */
void hand_take_all(void);

/* Publishes `count` requests one by one, without a kick decision, while the device works on. */
void hand_publish(uint32_t count);

#endif
