/* SPDX-License-Identifier: MIT */
/* MSI with one message, in the four shapes that its capability has. */
#include <string.h>

#include "pci_setup.h"

#define ENABLE   0x0001u
#define CAPABLE  0x000au /* of 32 messages */
#define MULTIPLE 0x0070u
#define IS_64    0x0080u
#define MASKS    0x0100u

static uint16_t msi;
static bool is_64bit;
static bool masks;

/* A capability of this shape, behind another one, and what firmware may have left in it. */
static void make(unsigned shape)
{
    static const uint8_t neighbour[6] = { 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5 };
    uint8_t body[22] = { 0 };
    uint8_t writable[22] = { ENABLE | MULTIPLE, 0, 0xfc, 0xff, 0xff, 0xff };
    size_t size;

    is_64bit = (shape & 1) != 0;
    masks = (shape & 2) != 0;
    size = (masks ? 18u : 8u) + (is_64bit ? 4u : 0u);
    body[0] = (uint8_t)(CAPABLE | (is_64bit ? IS_64 : 0));
    body[1] = masks ? MASKS >> 8 : 0;
    memset(&writable[6], 0xff, is_64bit ? 6 : 2);
    if (masks) {
        memset(&writable[is_64bit ? 14 : 10], 0xff, 4);
    }
    pci_begin(0);
    cr_assert(mock_pci_capability_add(&pci.function, 9, neighbour, 6, NULL) != 0);
    msi = mock_pci_capability_add(&pci.function, VPT_PCI_CAPABILITY_MSI, body, size, writable);
    cr_assert(mock_pci_capability_add(&pci.function, 9, neighbour, 6, NULL) != 0);
    mock_pci_set(&pci.function, (uint16_t)(msi + 2), 2,
                 mock_pci_get(&pci.function, (uint16_t)(msi + 2), 2) | ENABLE | 0x30);
    if (masks) {
        mock_pci_set(&pci.function, (uint16_t)(msi + (is_64bit ? 16 : 12)), 4, 0xffff0003);
    }
}

static uint32_t get(unsigned offset, unsigned width)
{
    return mock_pci_get(&pci.function, (uint16_t)(msi + offset), width);
}

static uint32_t shape_bits(void)
{
    return CAPABLE | (is_64bit ? IS_64 : 0) | (masks ? MASKS : 0);
}

static uint32_t mask_bits(void)
{
    return get(is_64bit ? 16 : 12, 4);
}

Test(pci_msi, every_shape)
{
    for (unsigned shape = 0; shape < 4; shape++) {
        uint64_t address = shape & 1 ? UINT64_C(0x12345678fee01000) : 0xfee01000;

        make(shape);
        assert_status(vpt_pci_msi_enable(&pci.here, address, 0x4031), VPT_OK);
        cr_assert(get(2, 2) == (shape_bits() | ENABLE), "one message, and the rest as it was");
        cr_assert(get(4, 4) == 0xfee01000);
        if (is_64bit) {
            cr_assert(get(8, 4) == 0x12345678 && get(12, 2) == 0x4031);
        } else {
            cr_assert(get(8, 2) == 0x4031);
        }
        if (masks) {
            cr_assert(mask_bits() == 0xffff0002, "its own message is unmasked, no other");
            assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_OK);
            cr_assert(mask_bits() == 0xffff0003);
            assert_status(vpt_pci_msi_mask(&pci.here, false), VPT_OK);
            cr_assert(mask_bits() == 0xffff0002);
        } else {
            assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_UNSUPPORTED_REQUEST);
        }
        assert_status(vpt_pci_msi_disable(&pci.here), VPT_OK);
        cr_assert(get(2, 2) == shape_bits());
        pci_end();
    }
}

static bool on_while_written;

static void watch(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    (void)ctx;
    (void)width;
    on_while_written |= (mock_pci_get(function, (uint16_t)(msi + 2), 2) & ENABLE) != 0 && offset != msi + 2;
}

Test(pci_msi, it_is_off_while_the_message_changes)
{
    make(3);
    mock_pci_hook_add(&pci.function, &(struct mock_pci_hook){ msi, (uint16_t)(msi + 23), NULL, watch, NULL });
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), VPT_OK);
    cr_assert(!on_while_written);
    pci_end();
}

Test(pci_msi, addresses_and_data_that_are_none)
{
    make(0);
    pci_remember();
    assert_status(vpt_pci_msi_enable(&pci.here, UINT64_C(0x100000000), 0x31), VPT_RESOURCE_ADDRESS);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00002, 0x31), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x10000), VPT_CALLER_RANGE);
    cr_assert(pci_unchanged() && pci.function.config_writes == 0);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfffffffc, 0xffff), VPT_OK);
    pci_end();
}

Test(pci_msi, a_function_without)
{
    pci_begin(0);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), VPT_EMPTY);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_EMPTY);
    assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_EMPTY);
    pci_end();
}

/* Where its last field would lie outside of the space, it is none. */
Test(pci_msi, a_capability_at_the_end_of_the_space)
{
    static const uint16_t last[] = { 0xf4, 0xf0, 0xec, 0xe8 }; /* multiples of 4 */

    for (unsigned shape = 0; shape < 4; shape++) {
        for (unsigned beyond = 0; beyond < 2; beyond++) {
            uint16_t offset = (uint16_t)(last[shape] + 4 * beyond);

            make(shape);
            memcpy(&pci.function.config[offset], &pci.function.config[msi], 256u - offset);
            memcpy(&pci.function.writable[offset], &pci.function.writable[msi], 256u - offset);
            mock_pci_set(&pci.function, 0x34, 1, offset);
            pci_remember();
            assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31),
                          beyond != 0 ? VPT_DEVICE_PCI_CAPABILITIES : VPT_OK);
            cr_assert(pci_unchanged() == (beyond != 0), "shape %u", shape);
            pci_end();
        }
    }
}

Test(pci_msi, bits_that_do_not_change)
{
    make(3);
    pci.bus.rules_off = true;
    mock_pci_set(&pci.function, (uint16_t)(msi + 2), 2, shape_bits());
    mock_pci_set_writable(&pci.function, (uint16_t)(msi + 2), 2, MULTIPLE);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_OK);
    mock_pci_set(&pci.function, (uint16_t)(msi + 2), 2, shape_bits() | 0x10);
    mock_pci_set_writable(&pci.function, (uint16_t)(msi + 2), 2, ENABLE);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_DEVICE_PCI_MSIX);
    mock_pci_set_writable(&pci.function, (uint16_t)(msi + 16), 4, 0);
    assert_status(vpt_pci_msi_mask(&pci.here, false), VPT_OK);
    assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_DEVICE_PCI_MSIX);
    pci_end();
}

Test(pci_msi, accesses_that_fail)
{
    uint64_t reads;
    uint64_t writes;

    make(3);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), VPT_OK);
    reads = pci.function.config_reads;
    writes = pci.function.config_writes;
    pci_end();
    for (unsigned n = 1; n <= reads; n++) {
        make(3);
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), pci.bus.fail_status);
        pci_end();
    }
    for (unsigned n = 1; n <= writes; n++) {
        make(3);
        mock_trigger_set(&pci.bus.fail_write, n, 1);
        assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), pci.bus.fail_status);
        cr_assert((get(2, 2) & ENABLE) == (n == 1 ? ENABLE : 0), "it stays off where the message is not whole");
        pci_end();
    }
    for (unsigned n = 1; n <= reads + writes; n++) {
        make(3);
        mock_trigger_set(&pci.function.vanish, n, 0);
        assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31), VPT_DEVICE_GONE);
        pci_end();
    }
}
