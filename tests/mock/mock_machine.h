/* SPDX-License-Identifier: MIT */
/*
 * A machine with one simulated device, in one call:
 *
 *     struct mock_machine machine;
 *     mock_machine_init(&machine, NULL);
 *     ... vpt_mmio_probe(&mmio, machine.port, machine.mapping, machine.size) and what follows ...
 *     assert(mock_machine_finish(&machine) == 0);
 */
#ifndef VPT_TESTS_MOCK_MACHINE_H
#define VPT_TESTS_MOCK_MACHINE_H

#include "mock_blk.h"
#include "mock_hal.h"
#include "mock_mmio.h"
#include "mock_profiles.h"

#define MOCK_MACHINE_PHYSICAL UINT64_C(0x0a000000) /* where the slot is, for mmio_map() */

/* A type of device: its backend, and the object that is its context, whose options are set. */
struct mock_type {
    const struct mock_backend *backend;
    void *object;
};

/* Zeroed: virtio-mmio 2, one queue of 256, INDIRECT_DESC and EVENT_IDX, a plain disk of 1 MiB. */
struct mock_machine_options {
    unsigned version;                   /* of virtio-mmio, 1 or 2; 0: 2 */
    bool old;                           /* see struct mock_mmio */
    uint32_t queue_maximum;             /* 0: 256 */
    uint16_t queues;                    /* 0: 1 */
    struct vpt_features offer;          /* features to offer beside the usual ones ... */
    struct vpt_features withhold;       /* ... and features not to offer */
    const struct mock_profile *profile; /* oddities; NULL: none */
    struct mock_type type;              /* zeroed: a disk */
    struct mock_blk_options blk;
    struct mock_completion completion;
};

struct mock_machine {
    struct mock_hal hal;
    struct mock_device device;
    struct mock_blk blk; /* unless it is of another type */
    struct mock_mmio mmio;
    const struct vpt_port *port; /* &hal.port */
    void *mapping;               /* of the slot ... */
    size_t size;                 /* ... and its bytes */
};

/* `options` may be NULL. False: no memory. A machine is large (some 100 KiB): on small stacks make it static. */
bool mock_machine_init(struct mock_machine *machine, const struct mock_machine_options *options);

/* What the driver has done wrong so far; what still lives is not yet counted. */
unsigned mock_machine_violations(const struct mock_machine *machine);

/* Ends the machine, counts leaks as violations, prints all violations to stderr and returns their number. */
unsigned mock_machine_finish(struct mock_machine *machine);

/* ---- What both kinds of machine have in common ---- */

/* Before the front end: the hal, the device, its queues, and its profile, which changes the options too. */
void mock_machine_begin(struct mock_machine_options *options, struct mock_hal *hal, struct mock_device *device,
                        struct mock_blk *blk);

/* After the front end: the type's features and configuration. False: no memory. */
bool mock_machine_make_type(const struct mock_machine_options *options, struct mock_device *device,
                            struct mock_blk *blk);

/* What an interface offers: the type's features, the usual generic ones, and what the options say. */
struct vpt_features mock_machine_offered(const struct mock_device *device, bool legacy,
                                         const struct mock_machine_options *options);

unsigned mock_machine_end(struct mock_hal *hal, struct mock_device *device, struct mock_blk *blk);

#endif
