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
    return pci_get(msi + offset, width);
}

static enum vpt_status enable(void)
{
    return vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x31);
}

static uint32_t shape_bits(void)
{
    return CAPABLE | (is_64bit ? IS_64 : 0) | (masks ? MASKS : 0);
}

static void check_mask(bool masked)
{
    assert_status(vpt_pci_msi_mask(&pci.here, masked), masks ? VPT_OK : VPT_UNSUPPORTED_REQUEST);
    assert_same(masks ? get(is_64bit ? 16 : 12, 4) : 0, masks ? 0xffff0002 + masked : 0);
}

/* One message, of which it unmasks the mask, no other; and the other bits stay. */
Test(pci_msi, every_shape_sends_one_message)
{
    for (unsigned shape = 0; shape < 4; shape++) {
        make(shape);
        assert_status(vpt_pci_msi_enable(&pci.here, is_64bit ? UINT64_C(0x12345678fee01000) : 0xfee01000, 0x4031),
                      VPT_OK);
        assert_same(get(2, 2), shape_bits() | ENABLE);
        assert_same(get(4, 4), 0xfee01000);
        assert_same(is_64bit ? get(8, 4) : 0x12345678, 0x12345678);
        assert_same(get(is_64bit ? 12 : 8, 2), 0x4031);
        assert_same(masks ? get(is_64bit ? 16 : 12, 4) : 0xffff0002, 0xffff0002);
        check_mask(true);
        check_mask(false);
        assert_status(vpt_pci_msi_disable(&pci.here), VPT_OK);
        assert_same(get(2, 2), shape_bits());
        pci_end();
    }
}

static void watch(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width)
{
    (void)ctx;
    (void)width;
    cr_assert((mock_pci_get(function, (uint16_t)(msi + 2), 2) & ENABLE) == 0 || offset == msi + 2);
}

Test(pci_msi, it_is_off_while_the_message_changes)
{
    make(3);
    mock_pci_hook_add(&pci.function, &(struct mock_pci_hook){ msi, (uint16_t)(msi + 23), NULL, watch, NULL });
    assert_status(enable(), VPT_OK);
    pci_end();
}

PCI_FUNCTION_TEST(pci_msi, what_makes_no_sense_is_refused)
{
    assert_status(enable(), VPT_EMPTY);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_EMPTY);
    assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_EMPTY);
    pci_end();
    make(0);
    assert_status(vpt_pci_msi_enable(&pci.here, UINT64_C(0x100000000), 0x31), VPT_RESOURCE_ADDRESS);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00002, 0x31), VPT_CALLER_ALIGNMENT);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfee00000, 0x10000), VPT_CALLER_RANGE);
    assert_same(pci.function.config_writes, 0);
    assert_status(vpt_pci_msi_enable(&pci.here, 0xfffffffc, 0xffff), VPT_OK);
}

/* Where its last field would lie outside of the space, it is none. */
Test(pci_msi, a_capability_ends_with_the_space)
{
    static const uint16_t last[] = { 0xf4, 0xf0, 0xec, 0xe8 }; /* multiples of 4 */

    for (unsigned i = 0; i < 8; i++) {
        bool beyond = i % 2 != 0;
        uint16_t offset = (uint16_t)(last[i / 2] + (beyond ? 4 : 0));

        make(i / 2);
        memcpy(&pci.function.config[offset], &pci.function.config[msi], 256u - offset);
        memcpy(&pci.function.writable[offset], &pci.function.writable[msi], 256u - offset);
        pci_set(0x34, 1, offset);
        pci_remember();
        assert_status(enable(), beyond ? VPT_DEVICE_PCI_CAPABILITIES : VPT_OK);
        assert_same(pci_unchanged(), beyond);
        pci_end();
    }
}

static void set_control(uint32_t value, uint32_t writable)
{
    pci_set(msi + 2u, 2, value);
    mock_pci_set_writable(&pci.function, (uint16_t)(msi + 2), 2, writable);
}

Test(pci_msi, bits_that_do_not_change_are_told)
{
    make(3);
    pci.bus.rules_off = true;
    set_control(shape_bits(), MULTIPLE);
    assert_status(enable(), VPT_DEVICE_PCI_MSIX);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_OK);
    set_control(shape_bits() | 0x10, ENABLE);
    assert_status(vpt_pci_msi_disable(&pci.here), VPT_DEVICE_PCI_MSIX);
    mock_pci_set_writable(&pci.function, (uint16_t)(msi + 16), 4, 0);
    assert_status(vpt_pci_msi_mask(&pci.here, false), VPT_OK);
    assert_status(vpt_pci_msi_mask(&pci.here, true), VPT_DEVICE_PCI_MSIX);
    pci_end();
}

static void make_largest(void)
{
    make(3);
}

/* It stays off where the message is not whole. */
static void check_failure(const struct pci_failure *failure)
{
    assert_status_of(failure->text, failure->status, failure->expected);
    if (failure->kind == PCI_WRITE_FAILS) {
        assert_same_of(failure->text, get(2, 2) & ENABLE, failure->n == 1 ? ENABLE : 0);
    }
}

Test(pci_msi, an_access_that_fails_is_told)
{
    pci_each_failure(make_largest, enable, check_failure);
}
