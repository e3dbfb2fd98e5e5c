/* SPDX-License-Identifier: MIT */
/*
 * How the simulated device can be told to misbehave. Each fault has opportunities (named below); it is armed to fire
 * at the n-th of them from then on, for m in a row or for good:
 *
 *     mock_fault_set(&machine.device.faults, MOCK_FAULT_USED_LENGTH, 3, 1, 0);   the third used element, once
 *
 * After the arrow: what a driver is to report, where not VPT_OK. mock_fault_describe() has the same as data, so that a
 * test can run through all of them.
 */
#ifndef VPT_TESTS_MOCK_FAULTS_H
#define VPT_TESTS_MOCK_FAULTS_H

#include <vpt/status.h>

#include "mock_trigger.h"

enum mock_fault {
    /* Identity. Opportunity: a read of the register. */
    MOCK_FAULT_MAGIC,      /* MagicValue reads as the argument -> VPT_DEVICE_MAGIC */
    MOCK_FAULT_VERSION,    /* Version reads as the argument -> VPT_UNSUPPORTED_VERSION */
    MOCK_FAULT_EMPTY_SLOT, /* DeviceID reads 0 -> VPT_EMPTY_SLOT */

    /*
     * Vanishing. Opportunity: an access to a register, on PCI also a read of configuration space (which is the last one
     * to be answered). From the one that fires on all read all-ones, whatever `times`.
     */
    MOCK_FAULT_VANISH, /* -> VPT_DEVICE_GONE, from calls that read the status or a wait that does */

    /* Reset. Opportunity: a zero written to the status. */
    MOCK_FAULT_RESET_NEVER, /* the device goes on as if nothing had been written -> VPT_DEVICE_STUCK; on PCI, where
                               bus mastering can be turned off, VPT_DEVICE_TIMEOUT */
    MOCK_FAULT_RESET_SLOW,  /* it takes `argument` status reads, and the device works on meanwhile */

    /* Status and features. */
    MOCK_FAULT_NO_VERSION_1,     /* features are read without VERSION_1 (each read) -> VPT_DEVICE_FEATURES; modern */
    MOCK_FAULT_FEATURES_REFUSED, /* FEATURES_OK is withheld (each time it is set) -> VPT_DEVICE_FEATURES_REFUSED;
                                    modern */
    MOCK_FAULT_NEEDS_RESET,      /* at a completion the device sets DEVICE_NEEDS_RESET and stops instead ->
                               VPT_DEVICE_NEEDS_RESET from calls that read the status; the request times out */

    /* Queue set-up. Opportunity: a read of the maximum, or of QueueReady or QueuePFN (queue_enable, Queue Address). */
    MOCK_FAULT_QUEUE_ABSENT,    /* the maximum reads 0 -> VPT_UNSUPPORTED_QUEUE */
    MOCK_FAULT_QUEUE_SHRINKING, /* each reading of the maximum is half of the one before; below 1 it is 0; a driver
                                   that reads it once is served, the size it takes may not be above what it read last */
    MOCK_FAULT_QUEUE_MAXIMUM,   /* the maximum reads as the argument (65536, 48, ...) -> VPT_DEVICE_QUEUE_SIZE */
    /* A queue keeps its maximum size (at a write of the size): on PCI that is read back. */
    MOCK_FAULT_QUEUE_SIZE_IGNORED,
    MOCK_FAULT_QUEUE_IN_USE,    /* QueueReady or QueuePFN reads as set -> VPT_DEVICE_QUEUE_STATE */
    MOCK_FAULT_QUEUE_NOT_READY, /* the queue does not become ready: it reads as not set -> VPT_DEVICE_QUEUE_STATE */

    /* The used ring. Opportunity: a used element, or a store of the used index. */
    MOCK_FAULT_USED_ID_RANGE,     /* id is the argument; 0 for the queue's size -> VPT_DEVICE_USED_ID */
    MOCK_FAULT_USED_ID_FREE,      /* id is in range, but not in flight -> VPT_DEVICE_USED_ID */
    MOCK_FAULT_USED_ID_TWICE,     /* the id before is returned again -> VPT_DEVICE_USED_ID (if that id is in flight
                                     again, this element comes twice -> VPT_DEVICE_USED_INDEX or _ID) */
    MOCK_FAULT_USED_LENGTH,       /* length is what is writable plus the argument, at most all-ones; 0 for 1 */
    MOCK_FAULT_USED_LENGTH_ALL,   /* length counts what the device has read, too */
    MOCK_FAULT_USED_LENGTH_SHORT, /* length is 0: understating is allowed */
    MOCK_FAULT_USED_INDEX_AHEAD,  /* the index is `argument` too far; 0 for 1 -> VPT_DEVICE_USED_INDEX */
    MOCK_FAULT_USED_INDEX_BACK,   /* the index goes `argument` back instead; 0 for 1 -> VPT_DEVICE_USED_INDEX */

    /* Notifications. */
    MOCK_FAULT_KICK_LOST,          /* a kick is not noticed -> VPT_DEVICE_TIMEOUT */
    MOCK_FAULT_INTERRUPT_SPURIOUS, /* a kick causes a queue interrupt with nothing used */
    MOCK_FAULT_INTERRUPT_EARLY,    /* the interrupt comes before the used element that it is for, and not again after
                                      it (at a completion) */
    MOCK_FAULT_INTERRUPT_LOST,     /* an interrupt for used elements, which are there, does not come */
    MOCK_FAULT_INTERRUPT_UNKNOWN,  /* InterruptStatus reads with the argument's bits set too; 0 for 0x7ffffffc */

    /* Configuration. Opportunity: a read of it, for VALUE of that field. */
    MOCK_FAULT_CONFIG_CHANGING, /* it changes after the read -> VPT_DEVICE_CONFIG_UNSTABLE, if it never ends */
    MOCK_FAULT_CONFIG_VALUE,    /* a field reads as a value: see MOCK_CONFIG_VALUE() -> VPT_DEVICE_CONFIG */

    /* Requests. Opportunity: a completion. */
    MOCK_FAULT_COMPLETION_LOST,  /* it never comes -> VPT_DEVICE_TIMEOUT */
    MOCK_FAULT_COMPLETION_LATE,  /* it comes `argument` ticks later than it would (at the arrival of the request) */
    MOCK_FAULT_COMPLETION_FIRST, /* it overtakes all others that are pending (needs some: see mock_completion) */
    MOCK_FAULT_STATUS_MISSING,   /* blk: the status byte is not written -> VPT_DEVICE_REQUEST_STATUS */
    MOCK_FAULT_STATUS_UNKNOWN,   /* blk: it is the argument; 0 for 0x7f -> VPT_DEVICE_REQUEST_STATUS */
    MOCK_FAULT_SEGMENTS,         /* blk: it is IOERR if there are more segments of data than the argument */
    MOCK_FAULT_IO_ERROR,         /* blk: it is IOERR, and nothing is transferred -> VPT_DEVICE_IO_ERROR */
    MOCK_FAULT_UNSUPPORTED,      /* blk: it is UNSUPP -> VPT_UNSUPPORTED_REQUEST */
    MOCK_FAULT_DATA_MISSING,     /* blk: a read succeeds, but its data is not written: no driver can tell */

    MOCK_FAULT_COUNT, /* of those that virtio-mmio can have; these are PCI's */
    MOCK_FAULT_PCI_FIRST = MOCK_FAULT_COUNT,

    /* PCI. Opportunity: a write that changes one of the bits, or assigns a vector; a read of queue_notify_off. */
    MOCK_FAULT_COMMAND_STUCK = MOCK_FAULT_PCI_FIRST, /* bits of the command register do not change, those of the
                                   argument; 0 for bus mastering -> VPT_DEVICE_PCI_COMMAND */
    MOCK_FAULT_MSIX_STUCK,     /* MSI-X enable does not change -> VPT_DEVICE_PCI_MSIX, where it has to */
    MOCK_FAULT_VECTOR_REFUSED, /* a vector reads back as NO_VECTOR: fewer of them, or none, are used */
    MOCK_FAULT_NOTIFY_OFFSET,  /* queue_notify_off reads as the argument -> VPT_DEVICE_NOTIFY_OFFSET, if it leads out of
                                  the structure; modern */

    MOCK_FAULT_PCI_END
};

/* The argument of MOCK_FAULT_CONFIG_VALUE: the field at `offset`, 1, 2 or 4 bytes wide (or a half of 8), is `value`. */
#define MOCK_CONFIG_VALUE(offset, value) (((uint64_t)(offset) << 32) | (uint32_t)(value))

struct mock_faults {
    struct mock_trigger trigger[MOCK_FAULT_PCI_END];
    uint64_t argument[MOCK_FAULT_PCI_END];
};

/* What a fault is called and does, and what bring-up and one blocking read come to if it fires at every opportunity. */
struct mock_fault_description {
    const char *name;
    const char *effect;
    enum vpt_status modern;
    enum vpt_status legacy;
    uint64_t argument;   /* one that makes sense for a blk device */
    enum vpt_status pci; /* what it comes to through PCI, if that is something else; VPT_OK: it is not */
};

const struct mock_fault_description *mock_fault_describe(enum mock_fault fault);

/* Arms a fault: it fires at opportunity `first` (from 1) and `times` in a row; 0 for ever. */
void mock_fault_set(struct mock_faults *faults, enum mock_fault fault, uint32_t first, uint32_t times,
                    uint64_t argument);
void mock_fault_clear(struct mock_faults *faults, enum mock_fault fault);

/* Counts an opportunity and tells whether the fault fires now; `argument` may be NULL. */
bool mock_fault_fires(struct mock_faults *faults, enum mock_fault fault, uint64_t *argument);

/* How often it has fired since it was armed: a test that provokes a fault asserts that this is not 0. */
uint32_t mock_fault_fired(const struct mock_faults *faults, enum mock_fault fault);

#endif
