/* SPDX-License-Identifier: MIT */
/*
 * Lies distort what the driver reads of the device or writes to it, at the n-th access to a place. Deeds are what the
 * device does on its own at the n-th access, tick or completion. (mock_faults.h has misbehaviour by name.)
 *
 *     mock_lie_set(&machine.device.lies, &(struct mock_lie){ .space = MOCK_SPACE_REGISTER, .offset = 0x34,
 *                                                            .how = MOCK_LIE_VALUE, .value = 3, .first = 1 });
 *
 * makes virtio-mmio's QueueSizeMax read 3, always. Lies take effect in the order in which they were set. A device that
 * has vanished tells no lies, but counts accesses for its deeds. Once a lie has fired, violations are excused until
 * mock_violations_clear().
 */
#ifndef VPT_TESTS_MOCK_LIES_H
#define VPT_TESTS_MOCK_LIES_H

#include <stddef.h>

#include "mock_trigger.h"

struct mock_device;

#define MOCK_LIES_MAX 16u

/* Where a lie fires: which accesses are its opportunities. */
enum mock_space {
    MOCK_SPACE_ANY,           /* all of the following but ticks and completions; `offset` and `width` do not matter */
    MOCK_SPACE_REGISTER,      /* the transport's registers: see below for the offsets */
    MOCK_SPACE_CONFIGURATION, /* the device-specific configuration, from its beginning */
    MOCK_SPACE_PCI_CONFIGURATION, /* of the function: header, capabilities, MSI-X's message control */
    MOCK_SPACE_MSIX,              /* the MSI-X table; the pending bits from MOCK_MSIX_PENDING on */
    MOCK_SPACE_RING,              /* what the device stores into a used ring: enum mock_ring_field */
    MOCK_SPACE_DATA,              /* what the device stores into the writable part of a request */
    MOCK_SPACE_TICK,              /* a tick of the clock, for deeds alone */
    MOCK_SPACE_COMPLETION,        /* a request about to be carried out, for deeds alone */
    MOCK_SPACES
};

/*
 * Register offsets are from the beginning of virtio-mmio's slot or of the legacy header's BAR. Those of the modern PCI
 * interface are within a structure, an enum mock_pci_structure: MOCK_MODERN_REGISTER(1, 0x14) is device_status.
 */
#define MOCK_MODERN_REGISTER(structure, offset) ((uint64_t)(structure) << 32 | (uint64_t)(offset))

/* Offset in MOCK_SPACE_MSIX of the first pending bits. */
#define MOCK_MSIX_PENDING 0x10000u

/* Offsets in MOCK_SPACE_RING; of another queue than the first: MOCK_RING_OF(queue, field). */
enum mock_ring_field {
    MOCK_RING_USED_FLAGS = 0x00,
    MOCK_RING_USED_INDEX = 0x10,
    MOCK_RING_USED_ID = 0x20, /* of whichever element */
    MOCK_RING_USED_LENGTH = 0x30,
    MOCK_RING_AVAILABLE_EVENT = 0x40
};
#define MOCK_RING_OF(queue, field) ((uint64_t)(queue) << 8 | (uint64_t)(field))

/* For `offset`: the whole space. */
#define MOCK_ANYWHERE UINT64_MAX

enum mock_lie_how {
    MOCK_LIE_TRUTH, /* nothing is changed: to count accesses */

    /* Distortions of a field of `width` bytes at `offset`, wherever in an access it lies. */
    MOCK_LIE_VALUE,  /* it is `value` */
    MOCK_LIE_XOR,    /* the bits of `value` are turned over */
    MOCK_LIE_ADD,    /* `value` is added, modulo the width */
    MOCK_LIE_RANDOM, /* it is anything; `value` is the seed */
    MOCK_LIE_DROP,   /* a write is not taken, a store not made; a read is answered with all-ones */

    /* Deeds, done before the access that they fire at is answered. */
    MOCK_LIE_VANISH,            /* the device is gone: all-ones, and it touches nothing any more */
    MOCK_LIE_RETURN,            /* after that it is plugged in again, as new: see mock_device_return() */
    MOCK_LIE_RESET,             /* it resets itself, and tells nobody */
    MOCK_LIE_STOP,              /* it takes and completes nothing more, whatever is reset, until mock_lies_clear() */
    MOCK_LIE_NEEDS_RESET,       /* DEVICE_NEEDS_RESET, and the interrupt that belongs to it */
    MOCK_LIE_NEEDS_RESET_QUIET, /* the same without the interrupt */
    MOCK_LIE_COMPLETE,          /* it completes all that it has taken, whatever mock_completion says */
    MOCK_LIE_LOOK,              /* it takes what is available, as after a kick */
    MOCK_LIE_CONFIGURATION,     /* the configuration changes, with the generation and the interrupt that belong to it */
    MOCK_LIE_GENERATION,        /* the generation alone moves on */
    MOCK_LIE_INTERRUPT,         /* an interrupt of the first queue */
    MOCK_LIE_INTERRUPT_CONFIGURATION, /* one for the configuration */
    MOCK_LIE_SCRIBBLE, /* it writes to memory that it was given, needed for a request or not: see `area` */

    MOCK_LIE_HOWS
};

/* Which memory a scribble goes to: one place in it, drawn by `value` as the seed. */
enum mock_scribble_area {
    MOCK_SCRIBBLE_ANYWHERE,    /* whatever the device may write to */
    MOCK_SCRIBBLE_DESCRIPTORS, /* of the first queue, if it has been set up; else as ANYWHERE */
    MOCK_SCRIBBLE_DRIVER_AREA,
    MOCK_SCRIBBLE_DEVICE_AREA,
    MOCK_SCRIBBLE_ALLOCATIONS, /* what came from dma_allocate(): rings, indirect tables, headers and status bytes */
    MOCK_SCRIBBLE_SHARES,      /* buffers shared for writing */
    MOCK_SCRIBBLE_AREAS
};

/* Which accesses; 0: both. What the device stores into memory counts as what the driver reads. */
#define MOCK_READS  1u
#define MOCK_WRITES 2u

struct mock_lie {
    enum mock_space space;
    uint64_t offset; /* of the field's first byte, or MOCK_ANYWHERE */
    unsigned width;  /* of the field, 1 to 8; 0: all of an access that begins at `offset` (its first 8 bytes) */
    unsigned access; /* MOCK_READS, MOCK_WRITES, or 0 */
    enum mock_lie_how how;
    uint64_t value;
    uint32_t first; /* it fires at the n-th opportunity since it was set, from 1; 0: never ... */
    uint32_t times; /* ... and at so many in a row; 0: from then on always */
    /* Of MOCK_LIE_SCRIBBLE. */
    enum mock_scribble_area area;
    const void *content; /* what is written; NULL: random bytes */
    size_t bytes;        /* how many; 0: up to 16, at random */
};

/* An access as it was when a lie fired, for messages. */
struct mock_access {
    enum mock_space space;
    uint64_t offset;
    unsigned width;
    bool write;      /* by the driver */
    bool status;     /* it is the device status */
    bool layout;     /* it is the queue size that a driver lays its rings out by, without telling the device */
    bool native;     /* in the CPU's byte order: memory or configuration of a legacy device */
    uint32_t firing; /* bit n: lie n distorts it */
};

struct mock_lies {
    unsigned count;
    struct mock_lie lie[MOCK_LIES_MAX];
    struct mock_trigger trigger[MOCK_LIES_MAX];
    uint32_t fired;                 /* all of them together ... */
    uint32_t fired_in[MOCK_SPACES]; /* ... and at an access to each space */
    struct mock_access last;        /* what the last one fired at */

    /* Private. */
    uint32_t random[MOCK_LIES_MAX];
    uint32_t postponed; /* deeds that wait until the device has done with its queue */
};

/* ---- For tests ---- */

/* Adds a lie and returns its number. Aborts for more than MOCK_LIES_MAX, or for a lie that makes no sense. */
unsigned mock_lie_set(struct mock_lies *lies, const struct mock_lie *lie);

/* How often it has fired: a test that provokes a lie asserts that this is not 0. */
uint32_t mock_lie_fired(const struct mock_lies *lies, unsigned number);

/* Forgets all lies. A device that MOCK_LIE_STOP has stopped goes on; one that has vanished stays away. */
void mock_lies_clear(struct mock_device *device);

const char *mock_space_name(enum mock_space space);
const char *mock_lie_name(enum mock_lie_how how);

/* ---- For front ends, rings and backends: each access goes through one of these ---- */

/* Before the access is answered: does the deeds, and notes which lies distort the access. */
void mock_access_begin(struct mock_device *device, struct mock_access *access);

/* What a read answers instead of the truth; what a write brings instead of *value, or false: it is not taken. */
uint32_t mock_access_read(struct mock_device *device, const struct mock_access *access, uint32_t truth);
bool mock_access_write(struct mock_device *device, const struct mock_access *access, uint32_t *value);

/* Begins and makes a store of the device into memory, of access->width bytes. */
void mock_access_store(struct mock_device *device, struct mock_access *access, uint8_t *at, const uint8_t *bytes);

/* A tick, or a completion. */
void mock_access_moment(struct mock_device *device, enum mock_space space);

#endif
