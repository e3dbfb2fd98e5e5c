/* SPDX-License-Identifier: MIT */
/*
 * One disk with two queues behind any transport, for suites about what a driver does after something went wrong: there
 * the transport makes a difference. One global object, since each test is a process of its own.
 */
#ifndef VPT_TESTS_RIG_H
#define VPT_TESTS_RIG_H

#include "blk_support.h"
#include "pci_machine.h"

enum rig_kind { RIG_MMIO_LEGACY, RIG_MMIO_MODERN, RIG_PCI_LEGACY, RIG_PCI_MODERN };

struct rig_variant {
    enum rig_kind kind;
};

struct criterion_test_params rig_variants(void);

/* A test that runs once for each; its body knows `variant`. */
#define RIG_TEST(suite, name) PARAMETER_TEST(struct rig_variant, rig_variants(), suite, name)

#define RIG_QUEUES    2u
#define RIG_REQUESTS  32u /* that the books below have room for */
#define RIG_TOGETHER  16u /* that two queues of 8 take at once */
#define RIG_DATA_SIZE (RIG_REQUESTS * SECTOR)

struct rig {
    enum rig_kind kind;
    struct mock_machine mmio_machine;
    struct mock_pci_machine pci_machine;
    struct mock_hal *hal;
    struct mock_device *model; /* the simulated device */
    const struct vpt_port *port;
    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_device *device; /* the driver's */
    struct vpt_blk blk;
    struct vpt_blk_queue queue[RIG_QUEUES];
    struct vpt_memory data; /* the test's data, reached by the device for reading and writing */

    /* Requests: sector n goes to, or comes from, sector n of the data; the token is &back[n]. */
    unsigned back[RIG_REQUESTS];          /* how often it came back ... */
    enum vpt_status status[RIG_REQUESTS]; /* ... and how, the last time */
};

extern struct rig rig;

bool rig_is_pci(void);

/* What a reset that does not finish comes to: memory out of the device's reach, or nothing that can be done. */
enum vpt_status rig_stuck_status(void);

/* The device offers a feature or does not; from the next negotiation on. */
void rig_offer(unsigned feature, bool offered);

/* The device is pulled out, without a word; and another one, as new, plugged in. */
void rig_pull_out(void);
void rig_plug_in(void);

/* A machine with a disk, without a driver. `offer`: features beside the usual ones and MQ; NULL: none. */
void rig_machine(enum rig_kind kind, const struct vpt_features *offer);

/* The same with the oddities of a real device, and a disk that says how many segments it takes (SEG_MAX) if it can. */
void rig_machine_like(enum rig_kind kind, const struct mock_profile *profile);

/* Probe, init, both queues, start: the first status that is not VPT_OK, or VPT_OK. */
enum vpt_status rig_bring_up(void);

/* Machine and bring-up, asserted. */
void rig_start(enum rig_kind kind, const struct vpt_features *offer);

enum vpt_status rig_restart(void);

/* Submits requests `first` to `first + count - 1`, writes where the number is even, else reads, and kicks. */
void rig_submit(unsigned first, unsigned count);

/* Polls both queues until they say no more, and keeps the books; a status other than VPT_EMPTY is returned. */
enum vpt_status rig_poll(void);

/* Whether each of these requests came back once, so. */
void rig_assert_back(unsigned first, unsigned count, enum vpt_status status);

/* Forgets what came back. */
void rig_forget(void);

/* Writes and reads by both queues, asynchronous and blocking, and looks at the disk from outside. */
void rig_assert_works(uint32_t seed);

/* Gives both queues and the function back; asserted. */
void rig_release(void);

/* Reset, release, and the end of the machine: nothing was done against a rule, and nothing leaks. */
void rig_end(void);

/* The end of the machine alone. */
void rig_finish(void);

#endif
