/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "support.h"

struct pinned {
    enum vpt_status status;
    uint32_t number;
    enum vpt_status_group group;
};

/* Numbers that callers may have stored or logged: they never change. */
static const struct pinned pinned[] = {
    { VPT_OK, 0x000, VPT_GROUP_ORDINARY },
    { VPT_EMPTY, 0x001, VPT_GROUP_ORDINARY },
    { VPT_EMPTY_SLOT, 0x002, VPT_GROUP_ORDINARY },
    { VPT_CANCELLED, 0x003, VPT_GROUP_ORDINARY },
    { VPT_REFUSED, 0x004, VPT_GROUP_ORDINARY },
    { VPT_CALLER_ARGUMENT, 0x101, VPT_GROUP_CALLER },
    { VPT_CALLER_STATE, 0x102, VPT_GROUP_CALLER },
    { VPT_CALLER_BUSY, 0x103, VPT_GROUP_CALLER },
    { VPT_CALLER_RANGE, 0x104, VPT_GROUP_CALLER },
    { VPT_CALLER_READ_ONLY, 0x105, VPT_GROUP_CALLER },
    { VPT_CALLER_TOO_LONG, 0x106, VPT_GROUP_CALLER },
    { VPT_CALLER_ALIGNMENT, 0x107, VPT_GROUP_CALLER },
    { VPT_CALLER_MEMORY, 0x108, VPT_GROUP_CALLER },
    { VPT_CALLER_BAR, 0x109, VPT_GROUP_CALLER },
    { VPT_CALLER_OWNED, 0x10a, VPT_GROUP_CALLER },
    { VPT_CALLER_IMAGE, 0x10b, VPT_GROUP_CALLER },
    { VPT_DEVICE_GONE, 0x201, VPT_GROUP_DEVICE },
    { VPT_DEVICE_STUCK, 0x202, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NEEDS_RESET, 0x203, VPT_GROUP_DEVICE },
    { VPT_DEVICE_TIMEOUT, 0x204, VPT_GROUP_DEVICE },
    { VPT_DEVICE_MAGIC, 0x205, VPT_GROUP_DEVICE },
    { VPT_DEVICE_FEATURES, 0x206, VPT_GROUP_DEVICE },
    { VPT_DEVICE_FEATURES_REFUSED, 0x207, VPT_GROUP_DEVICE },
    { VPT_DEVICE_QUEUE_SIZE, 0x208, VPT_GROUP_DEVICE },
    { VPT_DEVICE_QUEUE_STATE, 0x209, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CONFIG, 0x20a, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CONFIG_UNSTABLE, 0x20b, VPT_GROUP_DEVICE },
    { VPT_DEVICE_USED_INDEX, 0x20c, VPT_GROUP_DEVICE },
    { VPT_DEVICE_USED_ID, 0x20d, VPT_GROUP_DEVICE },
    { VPT_DEVICE_USED_LENGTH, 0x20e, VPT_GROUP_DEVICE },
    { VPT_DEVICE_IO_ERROR, 0x20f, VPT_GROUP_DEVICE },
    { VPT_DEVICE_REQUEST_STATUS, 0x210, VPT_GROUP_DEVICE },
    { VPT_DEVICE_PCI_COMMAND, 0x211, VPT_GROUP_DEVICE },
    { VPT_DEVICE_PCI_CAPABILITIES, 0x212, VPT_GROUP_DEVICE },
    { VPT_DEVICE_PCI_BAR, 0x213, VPT_GROUP_DEVICE },
    { VPT_DEVICE_PCI_MSIX, 0x214, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NO_COMMON, 0x215, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NO_NOTIFY, 0x216, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NO_ISR, 0x217, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CAPABILITY_LENGTH, 0x218, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CAPABILITY_BAR, 0x219, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CAPABILITY_RANGE, 0x21a, VPT_GROUP_DEVICE },
    { VPT_DEVICE_CAPABILITY_ALIGNMENT, 0x21b, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NOTIFY_MULTIPLIER, 0x21c, VPT_GROUP_DEVICE },
    { VPT_DEVICE_NOTIFY_OFFSET, 0x21d, VPT_GROUP_DEVICE },
    { VPT_DEVICE_ASSIGN_DEGRADED, 0x21e, VPT_GROUP_DEVICE },
    { VPT_DEVICE_PCI_BRIDGE, 0x21f, VPT_GROUP_DEVICE },
    { VPT_RESOURCE_FULL, 0x301, VPT_GROUP_RESOURCE },
    { VPT_RESOURCE_MEMORY, 0x302, VPT_GROUP_RESOURCE },
    { VPT_RESOURCE_ADDRESS, 0x303, VPT_GROUP_RESOURCE },
    { VPT_RESOURCE_SEGMENTS, 0x304, VPT_GROUP_RESOURCE },
    { VPT_RESOURCE_PCI_WINDOW, 0x305, VPT_GROUP_RESOURCE },
    { VPT_RESOURCE_PCI_BUSES, 0x306, VPT_GROUP_RESOURCE },
    { VPT_UNSUPPORTED_PORT, 0x401, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_VERSION, 0x402, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_DEVICE, 0x403, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_FEATURE, 0x404, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_QUEUE, 0x405, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_REQUEST, 0x406, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_VENDOR, 0x407, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_FUNCTION, 0x408, VPT_GROUP_UNSUPPORTED },
    { VPT_UNSUPPORTED_INTERFACE, 0x409, VPT_GROUP_UNSUPPORTED },
    { VPT_PORT_ERROR_FIRST, 0x10000, VPT_GROUP_PORT },
    { VPT_PORT_ERROR_LAST, 0x7fffffff, VPT_GROUP_PORT },
};

static bool is_pinned(uint32_t number)
{
    for (size_t i = 0; i < COUNT_OF(pinned); i++) {
        if (pinned[i].number == number) {
            return true;
        }
    }
    return false;
}

Test(status, numbers_and_groups_are_stable)
{
    for (size_t i = 0; i < COUNT_OF(pinned); i++) {
        cr_assert((uint32_t)pinned[i].status == pinned[i].number, "entry %zu", i);
        cr_assert(vpt_status_group(pinned[i].status) == pinned[i].group, "0x%x", (unsigned)pinned[i].number);
    }
}

Test(status, each_has_a_text_of_its_own)
{
    for (size_t i = 0; i < COUNT_OF(pinned); i++) {
        const char *text = vpt_status_str(pinned[i].status);

        cr_assert(text != NULL && text[0] != '\0');
        cr_assert(strcmp(text, "unknown status") != 0, "0x%x", (unsigned)pinned[i].number);
        for (size_t j = 0; j < i; j++) {
            if (pinned[i].group != VPT_GROUP_PORT) {
                cr_assert(strcmp(text, vpt_status_str(pinned[j].status)) != 0, "%s", text);
            }
        }
    }
}

/* A phrase is that of its number, not of its neighbour's. */
Test(status, texts_fit_their_numbers)
{
    cr_assert(strcmp(vpt_status_str(VPT_OK), "ok") == 0);
    cr_assert(strstr(vpt_status_str(VPT_CANCELLED), "cancelled") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_CALLER_ARGUMENT), "argument") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_CALLER_MEMORY), "memory") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_GONE), "gone") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_MAGIC), "magic") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_USED_INDEX), "used index") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_REQUEST_STATUS), "request status") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_CALLER_BAR), "BAR") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_PCI_COMMAND), "command") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_NO_ISR), "ISR") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_DEVICE_NOTIFY_OFFSET), "notification address") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_RESOURCE_FULL), "full") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_RESOURCE_SEGMENTS), "pieces") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_RESOURCE_PCI_WINDOW), "address space") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_UNSUPPORTED_PORT), "port") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_UNSUPPORTED_REQUEST), "request") != NULL);
    cr_assert(strstr(vpt_status_str(VPT_UNSUPPORTED_INTERFACE), "interface") != NULL);
}

Test(status, every_other_number_is_unknown)
{
    static const uint32_t far[] = { 0x800, 0xfff, 0x1000, 0xff00, 0xffff, 0x80000000u, 0x80000001u, 0xffffffffu };

    for (uint32_t number = 0; number < 0x700; number++) {
        if (!is_pinned(number)) {
            cr_assert(strcmp(vpt_status_str((enum vpt_status)number), "unknown status") == 0, "0x%x", (unsigned)number);
        }
    }
    for (size_t i = 0; i < COUNT_OF(far); i++) {
        cr_assert(strcmp(vpt_status_str((enum vpt_status)far[i]), "unknown status") == 0, "0x%x", (unsigned)far[i]);
        cr_assert(vpt_status_group((enum vpt_status)far[i]) == VPT_GROUP_UNKNOWN, "0x%x", (unsigned)far[i]);
    }
    cr_assert(vpt_status_group((enum vpt_status)0x500) == VPT_GROUP_UNKNOWN);
    cr_assert(vpt_status_group((enum vpt_status)0x4ff) == VPT_GROUP_UNSUPPORTED);
}

Test(status, every_error_of_a_port_is_named_as_one)
{
    static const uint32_t numbers[] = { 0x10000, 0x10001, 0x10101, 0x12345678, 0x7fffff01, 0x7fffffff };

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        cr_assert(vpt_status_group((enum vpt_status)numbers[i]) == VPT_GROUP_PORT);
        cr_assert(strcmp(vpt_status_str((enum vpt_status)numbers[i]), vpt_status_str(VPT_PORT_ERROR_FIRST)) == 0);
    }
}
