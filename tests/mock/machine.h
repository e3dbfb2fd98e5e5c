/* SPDX-License-Identifier: MIT */
/*
 * A machine with one simulated disk, in one call:
 *
 *     struct mock_machine machine;
 *     mock_machine_init(&machine, NULL);
 *     ... vpt_mmio_probe(&mmio, machine.port, machine.mapping, machine.size) and what follows ...
 *     assert(mock_machine_finish(&machine) == 0);
 */
#ifndef VPT_TESTS_MOCK_MACHINE_H
#define VPT_TESTS_MOCK_MACHINE_H

#include "blk.h"
#include "hal.h"
#include "mmio.h"
#include "profiles.h"

#define MOCK_MACHINE_PHYSICAL UINT64_C(0x0a000000) /* where the slot is, for mmio_map() */

/* Zeroed: virtio-mmio 2, one queue of 256, INDIRECT_DESC and EVENT_IDX, a plain disk of 1 MiB. */
struct mock_machine_options {
    unsigned version;       /* of virtio-mmio, 1 or 2; 0: 2 */
    bool old;               /* see struct mock_mmio */
    uint32_t queue_maximum; /* 0: 256 */
    uint16_t queues;        /* 0: 1 */
    struct vpt_features offer;    /* features to offer beside the usual ones ... */
    struct vpt_features withhold; /* ... and not to offer of these (a version 1 device: VERSION_1 never) */
    const struct mock_profile *profile; /* oddities on top of all that; NULL: none */
    struct mock_blk_options blk;
    struct mock_completion completion;
};

/* What a profile makes of the options, and of a device that has been initialized. */
void mock_machine_profile(struct mock_machine_options *options, struct mock_device *device);

struct mock_machine {
    struct mock_hal hal;
    struct mock_device device;
    struct mock_blk blk;
    struct mock_mmio mmio;
    const struct vpt_port *port; /* &hal.port */
    void *mapping;               /* of the slot ... */
    size_t size;                 /* ... and its bytes */
};

/* `options` may be NULL. False: no memory. A machine is large (some 100 KiB): on small stacks make it static. */
bool mock_machine_init(struct mock_machine *machine, const struct mock_machine_options *options);

/* What the driver has done wrong so far; what still lives is not yet counted. */
unsigned mock_machine_violations(const struct mock_machine *machine);

/*
 * Ends the machine, counts leaks as violations, prints all to stderr and returns their number. The messages stay in
 * machine->hal.violations.
 */
unsigned mock_machine_finish(struct mock_machine *machine);

#endif
