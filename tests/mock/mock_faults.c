/* SPDX-License-Identifier: MIT */
#include "mock_faults.h"

#include <stddef.h>

/* Offset 20 is blk's blk_size. */
#define IMPOSSIBLE_BLOCK_SIZE MOCK_CONFIG_VALUE(20, 513)

#define SAME(name, effect, status, argument)           \
    {                                                  \
        name, effect, status, status, argument, VPT_OK \
    }
#define DIFFERS_ON_PCI(name, effect, status, argument, pci) \
    {                                                       \
        name, effect, status, status, argument, pci         \
    }

static const struct mock_fault_description descriptions[MOCK_FAULT_PCI_END] = {
    [MOCK_FAULT_MAGIC] = SAME("magic", "MagicValue is wrong", VPT_DEVICE_MAGIC, 0x74726977),
    [MOCK_FAULT_VERSION] = SAME("version", "Version is unknown", VPT_UNSUPPORTED_VERSION, 3),
    [MOCK_FAULT_EMPTY_SLOT] = SAME("empty-slot", "DeviceID is 0", VPT_EMPTY_SLOT, 0),
    [MOCK_FAULT_VANISH] =
        DIFFERS_ON_PCI("vanish", "every register reads all-ones", VPT_DEVICE_MAGIC, 0, VPT_EMPTY_SLOT),
    [MOCK_FAULT_RESET_NEVER] =
        DIFFERS_ON_PCI("reset-never", "a reset does nothing", VPT_DEVICE_STUCK, 0, VPT_DEVICE_TIMEOUT),
    [MOCK_FAULT_RESET_SLOW] = SAME("reset-slow", "a reset takes a while", VPT_OK, 10),
    [MOCK_FAULT_NO_VERSION_1] = { "no-version-1", "VERSION_1 is not offered", VPT_DEVICE_FEATURES, VPT_OK, 0, VPT_OK },
    [MOCK_FAULT_FEATURES_REFUSED] = { "features-refused", "FEATURES_OK is withheld", VPT_DEVICE_FEATURES_REFUSED,
                                      VPT_OK, 0, VPT_OK },
    [MOCK_FAULT_NEEDS_RESET] =
        SAME("needs-reset", "DEVICE_NEEDS_RESET instead of a completion", VPT_DEVICE_NEEDS_RESET, 0),
    [MOCK_FAULT_QUEUE_ABSENT] = SAME("queue-absent", "the queue maximum is 0", VPT_UNSUPPORTED_QUEUE, 0),
    [MOCK_FAULT_QUEUE_SHRINKING] = SAME("queue-shrinking", "the queue maximum halves at each reading", VPT_OK, 0),
    [MOCK_FAULT_QUEUE_MAXIMUM] = SAME("queue-maximum", "the queue maximum is impossible", VPT_DEVICE_QUEUE_SIZE, 65536),
    [MOCK_FAULT_QUEUE_SIZE_IGNORED] = SAME("queue-size-ignored", "a queue keeps its maximum size", VPT_OK, 0),
    [MOCK_FAULT_QUEUE_IN_USE] = SAME("queue-in-use", "a queue is ready too early", VPT_DEVICE_QUEUE_STATE, 0),
    [MOCK_FAULT_QUEUE_NOT_READY] = SAME("queue-not-ready", "a queue does not become ready", VPT_DEVICE_QUEUE_STATE, 0),
    [MOCK_FAULT_USED_ID_RANGE] = SAME("used-id-range", "the used id is out of range", VPT_DEVICE_USED_ID, 0),
    [MOCK_FAULT_USED_ID_FREE] = SAME("used-id-free", "the used id is not in flight", VPT_DEVICE_USED_ID, 0),
    [MOCK_FAULT_USED_ID_TWICE] = SAME("used-id-twice", "a used id comes twice", VPT_DEVICE_USED_INDEX, 0),
    [MOCK_FAULT_USED_LENGTH] = SAME("used-length", "the used length is above what is writable", VPT_OK, 0),
    [MOCK_FAULT_USED_LENGTH_ALL] = SAME("used-length-all", "the used length counts what was read, too", VPT_OK, 0),
    [MOCK_FAULT_USED_LENGTH_SHORT] = SAME("used-length-short", "the used length is 0", VPT_OK, 0),
    [MOCK_FAULT_USED_INDEX_AHEAD] = SAME("used-index-ahead", "the used index is too far", VPT_DEVICE_USED_INDEX, 0),
    [MOCK_FAULT_USED_INDEX_BACK] = SAME("used-index-back", "the used index goes back", VPT_DEVICE_USED_INDEX, 0),
    [MOCK_FAULT_KICK_LOST] = SAME("kick-lost", "a kick is not noticed", VPT_DEVICE_TIMEOUT, 0),
    [MOCK_FAULT_INTERRUPT_SPURIOUS] = SAME("interrupt-spurious", "an interrupt for nothing", VPT_OK, 0),
    [MOCK_FAULT_INTERRUPT_EARLY] =
        SAME("interrupt-early", "an interrupt comes before its used element, not after it", VPT_OK, 0),
    [MOCK_FAULT_INTERRUPT_LOST] = SAME("interrupt-lost", "an interrupt for used elements does not come", VPT_OK, 0),
    [MOCK_FAULT_INTERRUPT_UNKNOWN] = SAME("interrupt-unknown", "undefined interrupt status bits", VPT_OK, 0),
    [MOCK_FAULT_CONFIG_CHANGING] =
        SAME("config-changing", "the configuration changes at each reading", VPT_DEVICE_CONFIG_UNSTABLE, 0),
    [MOCK_FAULT_CONFIG_VALUE] =
        SAME("config-value", "a configuration field is impossible", VPT_DEVICE_CONFIG, IMPOSSIBLE_BLOCK_SIZE),
    [MOCK_FAULT_COMPLETION_LOST] = SAME("completion-lost", "a request never completes", VPT_DEVICE_TIMEOUT, 0),
    [MOCK_FAULT_COMPLETION_LATE] = SAME("completion-late", "a request completes late", VPT_OK, 20),
    [MOCK_FAULT_COMPLETION_FIRST] = SAME("completion-first", "a request overtakes the others", VPT_OK, 0),
    [MOCK_FAULT_STATUS_MISSING] = SAME("status-missing", "no status byte is written", VPT_DEVICE_REQUEST_STATUS, 0),
    [MOCK_FAULT_STATUS_UNKNOWN] = SAME("status-unknown", "an unknown status byte", VPT_DEVICE_REQUEST_STATUS, 0),
    [MOCK_FAULT_SEGMENTS] = SAME("segments", "a request of many data segments fails", VPT_OK, 1),
    [MOCK_FAULT_IO_ERROR] = SAME("io-error", "the request fails", VPT_DEVICE_IO_ERROR, 0),
    [MOCK_FAULT_UNSUPPORTED] = SAME("unsupported", "the request is unknown", VPT_UNSUPPORTED_REQUEST, 0),
    [MOCK_FAULT_DATA_MISSING] = SAME("data-missing", "a read's data is not written", VPT_OK, 0),
    [MOCK_FAULT_COMMAND_STUCK] =
        SAME("command-stuck", "bits of the command register do not change", VPT_DEVICE_PCI_COMMAND, 0),
    [MOCK_FAULT_MSIX_STUCK] = SAME("msix-stuck", "MSI-X enable does not change", VPT_OK, 0),
    [MOCK_FAULT_VECTOR_REFUSED] = SAME("vector-refused", "a vector reads back as NO_VECTOR", VPT_OK, 0),
    [MOCK_FAULT_NOTIFY_OFFSET] = { "notify-offset", "queue_notify_off leads out of its structure",
                                   VPT_DEVICE_NOTIFY_OFFSET, VPT_OK, 0xffff, VPT_OK },
};

const struct mock_fault_description *mock_fault_describe(enum mock_fault fault)
{
    return &descriptions[fault];
}

void mock_fault_set(struct mock_faults *faults, enum mock_fault fault, uint32_t first, uint32_t times,
                    uint64_t argument)
{
    mock_trigger_set(&faults->trigger[fault], first, times);
    faults->argument[fault] = argument;
}

void mock_fault_clear(struct mock_faults *faults, enum mock_fault fault)
{
    mock_fault_set(faults, fault, 0, 0, 0);
}

bool mock_fault_fires(struct mock_faults *faults, enum mock_fault fault, uint64_t *argument)
{
    if (!mock_trigger_fires(&faults->trigger[fault])) {
        return false;
    }
    if (argument != NULL) {
        *argument = faults->argument[fault];
    }
    return true;
}

uint32_t mock_fault_fired(const struct mock_faults *faults, enum mock_fault fault)
{
    return faults->trigger[fault].fired;
}
