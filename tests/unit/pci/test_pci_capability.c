/* SPDX-License-Identifier: MIT */
/* Walks through the capability lists, whatever the device makes of them. */
#include <string.h>

#include "pci_setup.h"

#define STANDARD 48u
#define EXTENDED 960u

typedef enum vpt_status begin(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);

static struct vpt_pci_capability met[EXTENDED + 2u];
static unsigned met_count;

/* Walks to the end; what that came to. Never more than there can be. */
static enum vpt_status walk_by(begin *walk_begin)
{
    struct vpt_pci_walk walk;
    enum vpt_status status = walk_begin(&walk, &pci.here);

    met_count = 0;
    while (status == VPT_OK) {
        status = vpt_pci_walk_next(&walk, &met[met_count]);
        if (status == VPT_OK) {
            met_count++;
            cr_assert(met_count <= (walk.extended ? EXTENDED : STANDARD));
        }
    }
    assert_status(vpt_pci_walk_next(&walk, &met[met_count]), VPT_EMPTY);
    cr_assert(all_zero(&met[met_count], sizeof(met[0])));
    return status;
}

static enum vpt_status walk(void)
{
    return walk_by(vpt_pci_walk_begin);
}

static enum vpt_status walk_extended(void)
{
    return walk_by(vpt_pci_walk_begin_extended);
}

static void add(uint8_t id, size_t size)
{
    static const uint8_t body[64] = { 0xaa, 0xbb };

    cr_assert(mock_pci_capability_add(&pci.function, id, body, size, NULL) != 0);
}

/* ---- Standard ---- */

static void check_three(void)
{
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 3);
    cr_assert(met[0].id == 0x09 && met[0].offset == 0x40 && met[0].version == 0);
    cr_assert(met[1].id == 0x11 && met[1].offset == 0x50);
    cr_assert(met[2].id == 0x09 && met[2].offset == 0x5c);
}

Test(pci_capability, each_in_the_order_of_the_list)
{
    for (uint8_t type = 0; type <= 2; type++) {
        uint16_t pointer = type == 2 ? 0x14 : 0x34;

        pci_begin(type);
        mock_pci_set(&pci.function, 0x14, 1, 0x05);
        mock_pci_set(&pci.function, 0x34, 1, 0x05);
        add(0x09, 14);
        add(0x11, 10);
        add(0x09, 2);
        check_three();
        /* The two lowest bits of pointers are reserved. */
        mock_pci_set(&pci.function, pointer, 1, 0x43);
        mock_pci_set(&pci.function, 0x51, 1, 0x5e);
        mock_pci_set(&pci.function, 0x5d, 1, 0x03);
        check_three();
        /* So is bit 7 of the header type, to this. */
        mock_pci_set(&pci.function, 0x0e, 1, type | 0x80u);
        check_three();
        cr_assert(pci.function.config_writes == 0);
        pci_end();
    }
}

Test(pci_capability, backwards_and_scattered)
{
    pci_begin(0);
    mock_pci_set(&pci.function, 6, 2, 0x0010);
    mock_pci_set(&pci.function, 0x34, 1, 0xfc);
    mock_pci_set(&pci.function, 0xfc, 2, 0x4001);
    mock_pci_set(&pci.function, 0x40, 2, 0x8000);
    mock_pci_set(&pci.function, 0x80, 2, 0x00ff);
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 3);
    cr_assert(met[0].offset == 0xfc && met[1].offset == 0x40 && met[2].offset == 0x80);
    cr_assert(met[0].id == 1 && met[1].id == 0 && met[2].id == 0xff);
    pci_end();
}

Test(pci_capability, no_list)
{
    pci_begin(0);
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 0);
    add(0x09, 14);
    mock_pci_set(&pci.function, 6, 2, 0x06ef);
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 0, "bit 4 of the status register tells");
    mock_pci_set(&pci.function, 6, 2, 0x0010);
    mock_pci_set(&pci.function, 0x34, 1, 0x00);
    assert_status(walk(), VPT_EMPTY);
    mock_pci_set(&pci.function, 0x34, 1, 0x40);
    mock_pci_set(&pci.function, 0x0e, 1, 0x03);
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 0, "nobody knows where a header of type 3 has its pointer");
    mock_pci_set(&pci.function, 0x0e, 1, 0x00);
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 1);
    pci_end();
}

Test(pci_capability, a_pointer_into_the_header)
{
    for (unsigned pointer = 4; pointer < 0x40; pointer++) {
        pci_begin(0);
        add(0x09, 14);
        mock_pci_set(&pci.function, 0x34, 1, pointer);
        assert_status(walk(), VPT_DEVICE_PCI_CAPABILITIES);
        cr_assert(met_count == 0);
        mock_pci_set(&pci.function, 0x34, 1, 0x40);
        mock_pci_set(&pci.function, 0x41, 1, pointer);
        assert_status(walk(), VPT_DEVICE_PCI_CAPABILITIES);
        cr_assert(met_count == 1 && met[0].id == 0x09, "what came before is as good as ever");
        pci_end();
    }
}

Test(pci_capability, loops_end)
{
    for (unsigned length = 1; length <= STANDARD; length++) {
        pci_begin(0);
        for (unsigned i = 0; i < length; i++) {
            add((uint8_t)(i + 1u), 2);
        }
        assert_status(walk(), VPT_EMPTY);
        cr_assert(met_count == length && met[length - 1].offset == 0x40 + 4 * (length - 1));
        for (unsigned back = 0; back < length; back += 7) {
            mock_pci_set(&pci.function, (uint16_t)(0x41 + 4 * (length - 1)), 1, 0x40 + 4 * back);
            assert_status(walk(), VPT_DEVICE_PCI_CAPABILITIES);
            cr_assert(met_count == STANDARD);
        }
        pci_end();
    }
}

Test(pci_capability, finding_one)
{
    uint16_t offset = 5;

    pci_begin(0);
    add(0x09, 14);
    add(0x11, 10);
    add(0x05, 10);
    add(0x11, 10);
    assert_status(vpt_pci_find_capability(&pci.here, VPT_PCI_CAPABILITY_MSIX, &offset), VPT_OK);
    cr_assert(offset == 0x50, "the first one");
    assert_status(vpt_pci_find_capability(&pci.here, VPT_PCI_CAPABILITY_MSI, &offset), VPT_OK);
    cr_assert(offset == 0x5c);
    assert_status(vpt_pci_find_capability(&pci.here, 0x10, &offset), VPT_EMPTY);
    cr_assert(offset == 0);
    mock_pci_set(&pci.function, 0x69, 1, 0x40);
    assert_status(vpt_pci_find_capability(&pci.here, VPT_PCI_CAPABILITY_MSI, &offset), VPT_OK);
    assert_status(vpt_pci_find_capability(&pci.here, 0x10, &offset), VPT_DEVICE_PCI_CAPABILITIES);
    assert_status(vpt_pci_find_capability(&pci.here, 0x10, NULL), VPT_CALLER_ARGUMENT);
    pci_end();
}

Test(pci_capability, arguments)
{
    struct vpt_pci_capability capability;
    struct vpt_pci_walk none;

    pci_begin(0);
    assert_status(vpt_pci_walk_begin(NULL, &pci.here), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_begin_extended(NULL, &pci.here), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_begin(&none, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_next(&none, &capability), VPT_EMPTY);
    assert_status(vpt_pci_walk_next(NULL, &capability), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_next(&none, NULL), VPT_CALLER_ARGUMENT);
    pci_end();
}

/* ---- Extended ---- */

static void add_extended(uint16_t id, uint8_t version, size_t size)
{
    static const uint8_t body[256] = { 0xaa, 0xbb };

    cr_assert(mock_pci_extended_add(&pci.function, id, version, body, size, NULL) != 0);
}

Test(pci_capability, extended_ones)
{
    pci_begin(0);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 0, "a header of zero is no list");
    add_extended(0x0001, 2, 68);
    add_extended(0xffff, 15, 0);
    add_extended(0x0003, 1, 8);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 3);
    cr_assert(met[0].id == 0x0001 && met[0].offset == 0x100 && met[0].version == 2);
    cr_assert(met[1].id == 0xffff && met[1].offset == 0x148 && met[1].version == 15);
    cr_assert(met[2].id == 0x0003 && met[2].offset == 0x14c && met[2].version == 1);
    mock_pci_set(&pci.function, 0x148, 4, 0x14ffffff);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 3 && met[2].offset == 0x14c, "the two lowest bits of pointers are reserved");
    assert_status(walk(), VPT_EMPTY);
    cr_assert(met_count == 0);
    pci.bus.config_size = 256;
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 0, "the port does not reach them");
    cr_assert(pci.function.config_writes == 0);
    pci_end();
}

/* The first 256 bytes again, where the upper address bits are dropped on the way. */
Test(pci_capability, extended_space_that_is_an_alias)
{
    pci_begin(0);
    add(0x09, 14);
    memcpy(&pci.function.config[0x100], &pci.function.config[0], 256);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 0);
    pci_end();
}

Test(pci_capability, extended_pointers_that_are_none)
{
    for (unsigned pointer = 4; pointer < 0x100; pointer++) {
        pci_begin(0);
        add_extended(0x0001, 2, 68);
        mock_pci_set(&pci.function, 0x100, 4, 0x20001 | (uint32_t)pointer << 20);
        assert_status(walk_extended(), VPT_DEVICE_PCI_CAPABILITIES);
        cr_assert(met_count == 1);
        pci_end();
    }
    pci_begin(0);
    add_extended(0x0001, 2, 68);
    mock_pci_set(&pci.function, 0x100, 4, 0x20001 | UINT32_C(0xfff) << 20);
    mock_pci_set(&pci.function, 0xffc, 4, 0x00010042);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 2 && met[1].offset == 0xffc && met[1].id == 0x42);
    mock_pci_set(&pci.function, 0xffc, 4, 0);
    assert_status(walk_extended(), VPT_EMPTY);
    cr_assert(met_count == 1, "a header of zero ends the list");
    pci_end();
}

Test(pci_capability, extended_loops_end)
{
    static const unsigned lengths[] = { 1, 2, 3, 100, EXTENDED };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        pci_begin(0);
        for (unsigned n = 0; n < lengths[i]; n++) {
            add_extended((uint16_t)(n + 1u), 1, 0);
        }
        assert_status(walk_extended(), VPT_EMPTY);
        cr_assert(met_count == lengths[i]);
        mock_pci_set(&pci.function, (uint16_t)(0x100 + 4 * (lengths[i] - 1)), 4, 0x10010001);
        assert_status(walk_extended(), VPT_DEVICE_PCI_CAPABILITIES);
        cr_assert(met_count == EXTENDED);
        pci_end();
    }
}

/* ---- A function that goes, a port that fails ---- */

/* Whichever access it is before, the walk ends with that, but for a start that cannot tell. */
static void check_interrupted(begin *walk_begin, unsigned blind)
{
    unsigned reads;

    assert_status(walk_by(walk_begin), VPT_EMPTY);
    reads = (unsigned)pci.function.config_reads;
    cr_assert(met_count == 3 && reads >= 5);
    for (unsigned n = 1; n <= reads; n++) {
        mock_trigger_set(&pci.function.vanish, n, 0);
        assert_status(walk_by(walk_begin), n == blind ? VPT_EMPTY : VPT_DEVICE_GONE);
        cr_assert(met_count < 3);
        pci.function.gone = false;
        mock_trigger_set(&pci.function.vanish, 0, 0);
        mock_trigger_set(&pci.bus.fail_read, n, 1);
        assert_status(walk_by(walk_begin), pci.bus.fail_status);
        cr_assert(met_count < 3);
    }
}

Test(pci_capability, a_walk_that_is_interrupted)
{
    pci_begin(0);
    add(0x09, 14);
    add(0x11, 10);
    add(0x09, 2);
    check_interrupted(vpt_pci_walk_begin, 0);
    pci_end();
    pci_begin(0);
    add_extended(0x0001, 2, 68);
    add_extended(0x0002, 2, 68);
    add_extended(0x0003, 2, 68);
    /* All-ones at the first header is what a port without that space answers. */
    check_interrupted(vpt_pci_walk_begin_extended, 1);
    pci_end();
}
