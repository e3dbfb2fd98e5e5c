/* SPDX-License-Identifier: MIT */
/*
 * Faults: misbehaviour of the simulated device by name. Each has opportunities, such as the reads of a register; it is
 * armed to fire at the n-th of them from then on, for m in a row or for ever:
 *
 *     mock_fault_set(&machine.device.faults, MOCK_FAULT_USED_LENGTH, 3, 1, 0);   the third used element, once
 *
 * docs/mock.md says what the opportunities of each fault are and what its argument means.
 */
#ifndef VPT_TESTS_MOCK_FAULTS_H
#define VPT_TESTS_MOCK_FAULTS_H

#include <vpt/status.h>

#include "mock_trigger.h"

/*
 * MOCK_FAULT_MAGIC and so on: the name, what the device does, what a driver reports if the fault fires at every
 * opportunity, and an argument that makes sense for a disk. ALL: through every interface. MODERN: VPT_OK through a
 * legacy one. ON_PCI: the second status through PCI.
 */
#define MOCK_FAULTS(X)                                                                                                \
    X(MAGIC, "magic", "MagicValue is wrong", ALL(VPT_DEVICE_MAGIC), 0x74726977)                                       \
    X(VERSION, "version", "Version is unknown", ALL(VPT_UNSUPPORTED_VERSION), 3)                                      \
    X(EMPTY_SLOT, "empty-slot", "DeviceID is 0", ALL(VPT_EMPTY_SLOT), 0)                                              \
    X(VANISH, "vanish", "every register reads all-ones", ON_PCI(VPT_DEVICE_MAGIC, VPT_EMPTY_SLOT), 0)                 \
    X(RESET_NEVER, "reset-never", "a reset does nothing", ON_PCI(VPT_DEVICE_STUCK, VPT_DEVICE_TIMEOUT), 0)            \
    X(RESET_SLOW, "reset-slow", "a reset takes a while", ALL(VPT_OK), 10)                                             \
    X(NO_VERSION_1, "no-version-1", "VERSION_1 is not offered", MODERN(VPT_DEVICE_FEATURES), 0)                       \
    X(FEATURES_REFUSED, "features-refused", "FEATURES_OK is withheld", MODERN(VPT_DEVICE_FEATURES_REFUSED), 0)        \
    X(NEEDS_RESET, "needs-reset", "DEVICE_NEEDS_RESET instead of a completion", ALL(VPT_DEVICE_NEEDS_RESET), 0)       \
    X(QUEUE_ABSENT, "queue-absent", "the queue maximum is 0", ALL(VPT_UNSUPPORTED_QUEUE), 0)                          \
    X(QUEUE_SHRINKING, "queue-shrinking", "the queue maximum halves at each reading", ALL(VPT_OK), 0)                 \
    X(QUEUE_MAXIMUM, "queue-maximum", "the queue maximum is impossible", ALL(VPT_DEVICE_QUEUE_SIZE), 65536)           \
    X(QUEUE_SIZE_IGNORED, "queue-size-ignored", "a queue keeps its maximum size", ALL(VPT_OK), 0)                     \
    X(QUEUE_IN_USE, "queue-in-use", "a queue is ready too early", ALL(VPT_DEVICE_QUEUE_STATE), 0)                     \
    X(QUEUE_NOT_READY, "queue-not-ready", "a queue does not become ready", ALL(VPT_DEVICE_QUEUE_STATE), 0)            \
    X(USED_ID_RANGE, "used-id-range", "the used id is out of range", ALL(VPT_DEVICE_USED_ID), 0)                      \
    X(USED_ID_FREE, "used-id-free", "the used id is not in flight", ALL(VPT_DEVICE_USED_ID), 0)                       \
    X(USED_ID_TWICE, "used-id-twice", "a used id comes twice", ALL(VPT_DEVICE_USED_INDEX), 0)                         \
    X(USED_LENGTH, "used-length", "the used length is above what is writable", ALL(VPT_OK), 0)                        \
    X(USED_LENGTH_ALL, "used-length-all", "the used length counts what was read, too", ALL(VPT_OK), 0)                \
    X(USED_LENGTH_SHORT, "used-length-short", "the used length is 0", ALL(VPT_OK), 0)                                 \
    X(USED_INDEX_AHEAD, "used-index-ahead", "the used index is too far", ALL(VPT_DEVICE_USED_INDEX), 0)               \
    X(USED_INDEX_BACK, "used-index-back", "the used index goes back", ALL(VPT_DEVICE_USED_INDEX), 0)                  \
    X(KICK_LOST, "kick-lost", "a kick is not noticed", ALL(VPT_DEVICE_TIMEOUT), 0)                                    \
    X(INTERRUPT_SPURIOUS, "interrupt-spurious", "an interrupt for nothing", ALL(VPT_OK), 0)                           \
    X(INTERRUPT_EARLY, "interrupt-early", "an interrupt comes before its used element, not after it", ALL(VPT_OK), 0) \
    X(INTERRUPT_LOST, "interrupt-lost", "an interrupt for used elements does not come", ALL(VPT_OK), 0)               \
    X(INTERRUPT_UNKNOWN, "interrupt-unknown", "undefined interrupt status bits", ALL(VPT_OK), 0)                      \
    X(CONFIG_CHANGING, "config-changing", "the configuration changes at each reading",                                \
      ALL(VPT_DEVICE_CONFIG_UNSTABLE), 0)                                                                             \
    X(CONFIG_VALUE, "config-value", "a configuration field is impossible", ALL(VPT_DEVICE_CONFIG),                    \
      MOCK_CONFIG_VALUE(20, 513))                                                                                     \
    X(COMPLETION_LOST, "completion-lost", "a request never completes", ALL(VPT_DEVICE_TIMEOUT), 0)                    \
    X(COMPLETION_LATE, "completion-late", "a request completes late", ALL(VPT_OK), 20)                                \
    X(COMPLETION_FIRST, "completion-first", "a request overtakes the others", ALL(VPT_OK), 0)                         \
    X(STATUS_MISSING, "status-missing", "no status byte is written", ALL(VPT_DEVICE_REQUEST_STATUS), 0)               \
    X(STATUS_UNKNOWN, "status-unknown", "an unknown status byte", ALL(VPT_DEVICE_REQUEST_STATUS), 0)                  \
    X(SEGMENTS, "segments", "a request of many data segments fails", ALL(VPT_OK), 1)                                  \
    X(IO_ERROR, "io-error", "the request fails", ALL(VPT_DEVICE_IO_ERROR), 0)                                         \
    X(UNSUPPORTED, "unsupported", "the request is unknown", ALL(VPT_UNSUPPORTED_REQUEST), 0)                          \
    X(DATA_MISSING, "data-missing", "a read's data is not written", ALL(VPT_OK), 0)

/* Those that only PCI has. */
#define MOCK_PCI_FAULTS(X)                                                                                             \
    X(COMMAND_STUCK, "command-stuck", "bits of the command register do not change", ALL(VPT_DEVICE_PCI_COMMAND), 0)    \
    X(MSIX_STUCK, "msix-stuck", "MSI-X enable does not change", ALL(VPT_OK), 0)                                        \
    X(VECTOR_REFUSED, "vector-refused", "a vector reads back as NO_VECTOR", ALL(VPT_OK), 0)                            \
    X(NOTIFY_OFFSET, "notify-offset", "queue_notify_off leads out of its structure", MODERN(VPT_DEVICE_NOTIFY_OFFSET), \
      0xffff)

#define MOCK_FAULT_CONSTANT(constant, name, effect, statuses, argument) MOCK_FAULT_##constant,

enum mock_fault {
    MOCK_FAULTS(MOCK_FAULT_CONSTANT) MOCK_FAULT_COUNT,
    MOCK_FAULT_BEFORE_PCI = MOCK_FAULT_COUNT - 1,
    MOCK_PCI_FAULTS(MOCK_FAULT_CONSTANT) MOCK_FAULT_PCI_END
};

/* The argument of MOCK_FAULT_CONFIG_VALUE: the field at `offset`, 1, 2 or 4 bytes wide (or a half of 8), is `value`. */
#define MOCK_CONFIG_VALUE(offset, value) (((uint64_t)(offset) << 32) | (uint32_t)(value))

struct mock_faults {
    struct mock_trigger trigger[MOCK_FAULT_PCI_END];
    uint64_t argument[MOCK_FAULT_PCI_END];
};

/* A fault, and what bring-up and one blocking read return if it fires at every opportunity. */
struct mock_fault_description {
    const char *name;
    const char *effect;
    enum vpt_status modern;
    enum vpt_status legacy;
    enum vpt_status pci; /* through PCI, if that differs; else VPT_OK */
    uint64_t argument;
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
