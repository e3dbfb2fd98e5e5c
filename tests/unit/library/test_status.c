/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "support.h"

/* Numbers that callers may have stored or logged: they never change. The upper digits of each are its group's. */
static const struct {
    enum vpt_status status;
    uint32_t number;
    const char *words; /* of its text */
} pinned[] = {
    { VPT_OK, 0x000, "ok" },
    { VPT_EMPTY, 0x001, "" },
    { VPT_EMPTY_SLOT, 0x002, "" },
    { VPT_CANCELLED, 0x003, "cancelled" },
    { VPT_REFUSED, 0x004, "" },
    { VPT_CALLER_ARGUMENT, 0x101, "argument" },
    { VPT_CALLER_STATE, 0x102, "" },
    { VPT_CALLER_BUSY, 0x103, "" },
    { VPT_CALLER_RANGE, 0x104, "" },
    { VPT_CALLER_READ_ONLY, 0x105, "" },
    { VPT_CALLER_TOO_LONG, 0x106, "" },
    { VPT_CALLER_ALIGNMENT, 0x107, "" },
    { VPT_CALLER_MEMORY, 0x108, "memory" },
    { VPT_CALLER_BAR, 0x109, "BAR" },
    { VPT_CALLER_OWNED, 0x10a, "" },
    { VPT_CALLER_IMAGE, 0x10b, "" },
    { VPT_DEVICE_GONE, 0x201, "gone" },
    { VPT_DEVICE_STUCK, 0x202, "" },
    { VPT_DEVICE_NEEDS_RESET, 0x203, "" },
    { VPT_DEVICE_TIMEOUT, 0x204, "" },
    { VPT_DEVICE_MAGIC, 0x205, "magic" },
    { VPT_DEVICE_FEATURES, 0x206, "" },
    { VPT_DEVICE_FEATURES_REFUSED, 0x207, "" },
    { VPT_DEVICE_QUEUE_SIZE, 0x208, "" },
    { VPT_DEVICE_QUEUE_STATE, 0x209, "" },
    { VPT_DEVICE_CONFIG, 0x20a, "" },
    { VPT_DEVICE_CONFIG_UNSTABLE, 0x20b, "" },
    { VPT_DEVICE_USED_INDEX, 0x20c, "used index" },
    { VPT_DEVICE_USED_ID, 0x20d, "" },
    { VPT_DEVICE_USED_LENGTH, 0x20e, "" },
    { VPT_DEVICE_IO_ERROR, 0x20f, "" },
    { VPT_DEVICE_REQUEST_STATUS, 0x210, "request status" },
    { VPT_DEVICE_PCI_COMMAND, 0x211, "command" },
    { VPT_DEVICE_PCI_CAPABILITIES, 0x212, "" },
    { VPT_DEVICE_PCI_BAR, 0x213, "" },
    { VPT_DEVICE_PCI_MSIX, 0x214, "" },
    { VPT_DEVICE_NO_COMMON, 0x215, "" },
    { VPT_DEVICE_NO_NOTIFY, 0x216, "" },
    { VPT_DEVICE_NO_ISR, 0x217, "ISR" },
    { VPT_DEVICE_CAPABILITY_LENGTH, 0x218, "" },
    { VPT_DEVICE_CAPABILITY_BAR, 0x219, "" },
    { VPT_DEVICE_CAPABILITY_RANGE, 0x21a, "" },
    { VPT_DEVICE_CAPABILITY_ALIGNMENT, 0x21b, "" },
    { VPT_DEVICE_NOTIFY_MULTIPLIER, 0x21c, "" },
    { VPT_DEVICE_NOTIFY_OFFSET, 0x21d, "notification address" },
    { VPT_DEVICE_ASSIGN_DEGRADED, 0x21e, "" },
    { VPT_DEVICE_PCI_BRIDGE, 0x21f, "" },
    { VPT_RESOURCE_FULL, 0x301, "full" },
    { VPT_RESOURCE_MEMORY, 0x302, "" },
    { VPT_RESOURCE_ADDRESS, 0x303, "" },
    { VPT_RESOURCE_SEGMENTS, 0x304, "pieces" },
    { VPT_RESOURCE_PCI_WINDOW, 0x305, "address space" },
    { VPT_RESOURCE_PCI_BUSES, 0x306, "" },
    { VPT_UNSUPPORTED_PORT, 0x401, "port" },
    { VPT_UNSUPPORTED_VERSION, 0x402, "" },
    { VPT_UNSUPPORTED_DEVICE, 0x403, "" },
    { VPT_UNSUPPORTED_FEATURE, 0x404, "" },
    { VPT_UNSUPPORTED_QUEUE, 0x405, "" },
    { VPT_UNSUPPORTED_REQUEST, 0x406, "request" },
    { VPT_UNSUPPORTED_VENDOR, 0x407, "" },
    { VPT_UNSUPPORTED_FUNCTION, 0x408, "" },
    { VPT_UNSUPPORTED_INTERFACE, 0x409, "interface" },
};

/* By number / 0x100. */
static const enum vpt_status_group groups[] = { VPT_GROUP_ORDINARY, VPT_GROUP_CALLER, VPT_GROUP_DEVICE,
                                                VPT_GROUP_RESOURCE, VPT_GROUP_UNSUPPORTED };

static const char *text_of(uint32_t number)
{
    return vpt_status_str((enum vpt_status)number);
}

static bool is_unknown(uint32_t number)
{
    return strcmp(text_of(number), "unknown status") == 0;
}

Test(status, each_has_its_number_its_group_and_a_text_of_its_own)
{
    for (size_t i = 0; i < COUNT_OF(pinned); i++) {
        const char *text = text_of(pinned[i].number);

        assert_same_of(text, pinned[i].status, pinned[i].number);
        assert_same_of(text, vpt_status_group(pinned[i].status), groups[pinned[i].number / 0x100]);
        cr_assert(text[0] != '\0' && !is_unknown(pinned[i].number), "0x%x", (unsigned)pinned[i].number);
        cr_assert(strstr(text, pinned[i].words) != NULL, "\"%s\" without \"%s\"", text, pinned[i].words);
        for (size_t j = 0; j < i; j++) {
            cr_assert(strcmp(text, vpt_status_str(pinned[j].status)) != 0, "%s", text);
        }
    }
    cr_assert(strcmp(vpt_status_str(VPT_OK), "ok") == 0);
}

Test(status, every_other_number_is_unknown)
{
    static const uint32_t far[] = { 0x800, 0xfff, 0x1000, 0xff00, 0xffff, 0x80000000u, 0x80000001u, 0xffffffffu };
    size_t known = 0;

    for (uint32_t number = 0; number < 0x700; number++) {
        known += is_unknown(number) ? 0u : 1u;
        assert_same_of("", vpt_status_group((enum vpt_status)number),
                       number / 0x100 < COUNT_OF(groups) ? groups[number / 0x100] : VPT_GROUP_UNKNOWN);
    }
    assert_same(known, COUNT_OF(pinned));
    for (size_t i = 0; i < COUNT_OF(far); i++) {
        cr_assert(is_unknown(far[i]), "0x%x", (unsigned)far[i]);
        assert_same(vpt_status_group((enum vpt_status)far[i]), VPT_GROUP_UNKNOWN);
    }
}

Test(status, every_error_of_a_port_is_named_as_one)
{
    static const uint32_t numbers[] = { 0x10000, 0x10001, 0x10101, 0x12345678, 0x7fffff01, 0x7fffffff };

    assert_same(VPT_PORT_ERROR_FIRST, numbers[0]);
    assert_same(VPT_PORT_ERROR_LAST, numbers[COUNT_OF(numbers) - 1u]);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        assert_same(vpt_status_group((enum vpt_status)numbers[i]), VPT_GROUP_PORT);
        cr_assert(!is_unknown(numbers[i]) && strcmp(text_of(numbers[i]), vpt_status_str(VPT_PORT_ERROR_FIRST)) == 0);
    }
}
