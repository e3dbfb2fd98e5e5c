/* SPDX-License-Identifier: MIT */
/* Which function a guest's configuration access is meant for: every lane, width, register, bus, device and function. */
#include <string.h>

#include "support.h"

#include <vpt/assign.h>

static struct vpt_pci_target target;

static enum vpt_status ports(uint32_t latch, uint16_t io_port, unsigned width)
{
    memset(&target, 0xee, sizeof(target));
    return vpt_pci_decode_ports(latch, io_port, width, &target);
}

static enum vpt_status memory(uint8_t first_bus, uint8_t last_bus, uint64_t offset, unsigned width)
{
    memset(&target, 0xee, sizeof(target));
    return vpt_pci_decode_memory(0x1234, first_bus, last_bus, offset, width, &target);
}

static void check(enum vpt_status status, uint16_t segment, unsigned bus, unsigned slot, unsigned offset,
                  unsigned width)
{
    assert_status(status, VPT_OK);
    assert_same(target.address.segment, segment);
    assert_same(target.address.bus, bus);
    assert_same(target.address.device, slot / 8);
    assert_same(target.address.function, slot % 8);
    assert_same(target.offset, offset);
    assert_same(target.width, width);
}

static void check_none(enum vpt_status status, enum vpt_status expected)
{
    assert_status(status, expected);
    cr_assert(all_zero(&target, sizeof(target)));
}

Test(pci_decode, ports_reach_each_function)
{
    for (unsigned bus = 0; bus < 256; bus += 15) {
        for (unsigned slot = 0; slot < 256; slot++) {
            check(ports(0x80000000 | bus << 16 | slot << 8 | 0x3c, 0xcfc, 4), 0, bus, slot, 0x3c, 4);
        }
    }
    check(ports(0xff000000, 0xcfc, 4), 0, 0, 0, 0, 4);
}

/* The register's own two low bits do not count: the port says which byte of the four. */
Test(pci_decode, ports_reach_each_register_lane_and_width)
{
    for (uint32_t reg = 0; reg < 256; reg++) {
        for (unsigned lane = 0; lane < 4; lane++) {
            for (unsigned width = 1; width <= 4; width *= 2) {
                enum vpt_status status = ports(0x80000000 | reg, (uint16_t)(0xcfc + lane), width);

                if (lane + width > 4) {
                    check_none(status, VPT_CALLER_RANGE);
                } else {
                    check(status, 0, 0, 0, reg / 4 * 4 + lane, width);
                }
            }
        }
    }
}

Test(pci_decode, memory_reaches_each_function)
{
    for (unsigned bus = 0; bus < 0x20; bus++) {
        for (unsigned slot = 0; slot < 256; slot++) {
            check(memory(0x10, 0x2f, bus << 20 | slot << 12 | 0xabc, 4), 0x1234, 0x10 + bus, slot, 0xabc, 4);
        }
    }
    check(memory(0, 255, 0xfffffff, 1), 0x1234, 255, 255, 0xfff, 1);
    check(memory(255, 255, 0xfffff, 1), 0x1234, 255, 255, 0xfff, 1);
    check(memory(3, 4, 0x1fffff, 1), 0x1234, 4, 255, 0xfff, 1);
}

Test(pci_decode, memory_reaches_each_offset_and_width)
{
    for (unsigned offset = 0; offset < 0x1000; offset++) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            enum vpt_status status = memory(0, 0, offset, width);

            if (offset % 4 + width > 4) {
                check_none(status, VPT_CALLER_RANGE);
            } else {
                check(status, 0x1234, 0, 0, offset, width);
            }
        }
    }
}

Test(pci_decode, what_is_no_access_has_no_target)
{
    static const uint16_t other_ports[] = { 0, 0xcf8, 0xcfb, 0xd00, 0xffff };
    static const unsigned widths[] = { 0, 3, 5, 8, 0xfffffffc, UINT32_MAX };

    check_none(ports(0x7fffffff, 0xcfc, 4), VPT_EMPTY); /* without the enable bit */
    check_none(ports(0, 0xcff, 1), VPT_EMPTY);
    for (unsigned i = 0; i < COUNT_OF(other_ports); i++) {
        check_none(ports(0x80000000, other_ports[i], 1), VPT_CALLER_RANGE);
    }
    for (unsigned i = 0; i < COUNT_OF(widths); i++) {
        check_none(ports(0x80000000, 0xcfc, widths[i]), VPT_CALLER_ARGUMENT);
        check_none(memory(0, 255, 0, widths[i]), VPT_CALLER_ARGUMENT);
    }
    check_none(memory(3, 4, 0x200000, 1), VPT_CALLER_RANGE);
    check_none(memory(3, 3, 0x100000, 4), VPT_CALLER_RANGE);
    check_none(memory(0, 255, 0x10000000, 4), VPT_CALLER_RANGE);
    check_none(memory(0, 255, UINT64_C(0x100000000), 4), VPT_CALLER_RANGE);
    check_none(memory(0, 255, UINT64_MAX - 3, 4), VPT_CALLER_RANGE);
    check_none(memory(4, 3, 0, 4), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_decode_ports(0x80000000, 0xcfc, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_decode_memory(0, 0, 255, 0, 4, NULL), VPT_CALLER_ARGUMENT);
}
