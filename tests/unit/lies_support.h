/* SPDX-License-Identifier: MIT */
/*
 * What the campaigns of lies share: a machine of any of the four transports in one global object, and the full life of
 * a block device on it. The life asserts what has to hold however the device misbehaves: it ends; no status blames the
 * caller; each request comes back once; no memory is lost, or given back too early; data that is said to be there is.
 */
#ifndef VPT_TESTS_LIES_SUPPORT_H
#define VPT_TESTS_LIES_SUPPORT_H

#include "blk_support.h"
#include "mock.h"

enum subject_kind { SUBJECT_MMIO_1, SUBJECT_MMIO_2, SUBJECT_PCI_MODERN, SUBJECT_PCI_LEGACY, SUBJECT_KINDS };

struct subject_variant {
    enum subject_kind kind;
};

struct criterion_test_params subject_variants(void);

/* A test that runs once for each transport; its body knows `variant`. */
#define SUBJECT_TEST(suite, name) PARAMETER_TEST(struct subject_variant, subject_variants(), suite, name)

#define SUBJECT_QUEUES   2u
#define SUBJECT_CAPACITY 64u
#define SUBJECT_TOGETHER 6u /* asynchronous requests */

/* An asynchronous request. */
struct errand {
    enum vpt_blk_operation operation;
    uint64_t sector;
    bool submitted;
    unsigned returned;
};

struct subject {
    enum subject_kind kind;
    struct mock_machine mmio_machine;
    struct mock_pci_machine pci_machine;
    struct mock_hal *hal; /* of the machine in use, as the next two */
    struct mock_device *mock;
    struct mock_blk *disk;

    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_pci_msix msix;
    struct vpt_device *device; /* NULL until it is probed */
    struct vpt_blk blk;
    struct vpt_blk_queue queues[SUBJECT_QUEUES];
    struct vpt_memory data;
    struct errand errands[SUBJECT_TOGETHER];

    bool clean;              /* no lie is told: every status has to be VPT_OK, and nothing is left out */
    bool doubtful;           /* a lie has fired during the probe, which is to be done anew */
    bool left_behind;        /* a call has left memory to a stuck device, and said so */
    enum vpt_status end;     /* of the last life's reset */
    unsigned served;         /* requests of any kind that came back with VPT_OK */
    uint64_t effort;         /* of the last life: accesses and ticks */
    const char *lie;         /* for messages ... */
    uint64_t n;              /* ... with what it is at ... */
    struct mock_access last; /* ... and where it fired */
};

extern struct subject subject;

/* A machine without a driver. */
void subject_machine(enum subject_kind kind, const struct mock_completion *completion);

/* From the probe, or from the bring-up if that has been done, to the release of the queues. */
void subject_life(void);

/* Tells no more lies, plugs the device in again if it is gone, lives once more, in truth, and ends the machine. */
void subject_recover(void);

/* Arms a lie and returns its number. */
unsigned subject_lie(const struct mock_lie *lie);

/* How many opportunities a lie has in a life without any; `lie` says where. */
uint32_t subject_count(enum subject_kind kind, const struct mock_completion *completion, const struct mock_lie *lie);

#endif
