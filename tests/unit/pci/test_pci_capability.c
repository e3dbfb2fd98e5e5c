/* SPDX-License-Identifier: MIT */
/* Walks through the capability lists, whatever the device makes of them. */
#include <string.h>

#include "pci_setup.h"

#define STANDARD 48u
#define EXTENDED 960u

typedef enum vpt_status begin(struct vpt_pci_walk *walk, const struct vpt_pci_function *function);

static struct vpt_pci_capability met[EXTENDED + 2u];
static unsigned met_count;

/* Walks to the end, and returns what that came to. Never more than there can be. */
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

/* A walk that meets these, each as its id, a point, its version, @ and its offset. */
static void check_by(begin *walk_begin, const char *expected, enum vpt_status status)
{
    char text[256] = "";

    assert_status_of(expected, walk_by(walk_begin), status);
    for (unsigned i = 0; i < met_count; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%x.%u@%x", i != 0 ? " " : "", met[i].id,
                       met[i].version, met[i].offset);
    }
    cr_assert(strcmp(text, expected) == 0, "\"%s\" are met, not \"%s\"", text, expected);
}

static void check(const char *expected, enum vpt_status status)
{
    check_by(vpt_pci_walk_begin, expected, status);
}

static void check_extended(const char *expected, enum vpt_status status)
{
    check_by(vpt_pci_walk_begin_extended, expected, status);
}

static void add(uint8_t id, size_t size)
{
    static const uint8_t body[64] = { 0xaa, 0xbb };

    cr_assert(mock_pci_capability_add(&pci.function, id, body, size, NULL) != 0);
}

static void add_extended(uint16_t id, uint8_t version, size_t size)
{
    static const uint8_t body[256] = { 0xaa, 0xbb };

    cr_assert(mock_pci_extended_add(&pci.function, id, version, body, size, NULL) != 0);
}

static void make_three(void)
{
    pci_begin(0);
    add(0x09, 14);
    add(0x11, 10);
    add(0x09, 2);
    add_extended(0x0001, 2, 68);
    add_extended(0xffff, 15, 0);
    add_extended(0x0003, 1, 8);
}

/* ---- Standard ---- */

/* The two lowest bits of pointers are reserved, and bit 7 of the header type tells something else. */
Test(pci_capability, each_is_met_in_the_order_of_the_list)
{
    for (uint8_t type = 0; type <= 2; type++) {
        pci_begin(type);
        pci_set(0x14, 1, 0x05);
        pci_set(0x34, 1, 0x05);
        add(0x09, 14);
        add(0x11, 10);
        add(0x09, 2);
        check("9.0@40 11.0@50 9.0@5c", VPT_EMPTY);
        pci_set(type == 2 ? 0x14 : 0x34, 1, 0x43);
        pci_set(0x51, 1, 0x5e);
        pci_set(0x5d, 1, 0x03);
        check("9.0@40 11.0@50 9.0@5c", VPT_EMPTY);
        pci_set(0x0e, 1, type | 0x80u);
        check("9.0@40 11.0@50 9.0@5c", VPT_EMPTY);
        assert_same(pci.function.config_writes, 0);
        pci_end();
    }
}

/* A list backwards and scattered. */
static void check_header(uint8_t type, uint16_t status, uint8_t pointer, const char *expected)
{
    pci_begin(type);
    pci_set(6, 2, status);
    pci_set(0x34, 1, pointer);
    pci_set(0xfc, 2, 0x4001);
    pci_set(0x40, 2, 0x8000);
    pci_set(0x80, 2, 0x00ff);
    check(expected, VPT_EMPTY);
    pci_end();
}

/* Bit 4 of the status register tells that there is one; nobody knows where a header of type 3 has its pointer. */
Test(pci_capability, the_header_says_where_the_list_is)
{
    check_header(0, 0x0010, 0xfc, "1.0@fc 0.0@40 ff.0@80");
    check_header(0, 0xf91f, 0xfc, "1.0@fc 0.0@40 ff.0@80");
    check_header(0, 0x06ef, 0xfc, "");
    check_header(0, 0x0010, 0x00, "");
    check_header(3, 0x0010, 0xfc, "");
}

Test(pci_capability, a_pointer_into_the_header_ends_the_list)
{
    for (unsigned pointer = 4; pointer < 0x40; pointer++) {
        pci_begin(0);
        add(0x09, 14);
        pci_set(0x34, 1, pointer);
        check("", VPT_DEVICE_PCI_CAPABILITIES);
        pci_set(0x34, 1, 0x40);
        pci_set(0x41, 1, pointer);
        check("9.0@40", VPT_DEVICE_PCI_CAPABILITIES);
        pci_end();
    }
}

static void check_length(begin *walk_begin, enum vpt_status status, unsigned length)
{
    assert_status(walk_by(walk_begin), status);
    assert_same(met_count, length);
}

Test(pci_capability, loops_end)
{
    for (unsigned length = 1; length <= STANDARD; length++) {
        pci_begin(0);
        for (unsigned i = 0; i < length; i++) {
            add((uint8_t)(i + 1u), 2);
        }
        check_length(vpt_pci_walk_begin, VPT_EMPTY, length);
        assert_same(met[length - 1].offset, 0x40 + 4 * (length - 1));
        for (unsigned back = 0; back < length; back += 7) {
            pci_set(0x41 + 4 * (length - 1), 1, 0x40 + 4 * back);
            check_length(vpt_pci_walk_begin, VPT_DEVICE_PCI_CAPABILITIES, STANDARD);
        }
        pci_end();
    }
}

static void check_find(uint8_t id, enum vpt_status status, uint16_t expected)
{
    uint16_t offset = 5;

    assert_status(vpt_pci_find_capability(&pci.here, id, &offset), status);
    assert_same(offset, expected);
}

PCI_FUNCTION_TEST(pci_capability, the_first_of_its_kind_is_found)
{
    add(0x09, 14);
    add(0x11, 10);
    add(0x05, 10);
    add(0x11, 10);
    check_find(VPT_PCI_CAPABILITY_MSIX, VPT_OK, 0x50);
    check_find(VPT_PCI_CAPABILITY_MSI, VPT_OK, 0x5c);
    check_find(0x10, VPT_EMPTY, 0);
    pci_set(0x69, 1, 0x40); /* a loop */
    check_find(VPT_PCI_CAPABILITY_MSI, VPT_OK, 0x5c);
    check_find(0x10, VPT_DEVICE_PCI_CAPABILITIES, 0);
    assert_status(vpt_pci_find_capability(&pci.here, 0x10, NULL), VPT_CALLER_ARGUMENT);
}

PCI_FUNCTION_TEST(pci_capability, arguments_that_make_no_sense_are_refused)
{
    struct vpt_pci_walk none;

    assert_status(vpt_pci_walk_begin(NULL, &pci.here), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_begin_extended(NULL, &pci.here), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_begin(&none, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_next(&none, &met[0]), VPT_EMPTY);
    assert_status(vpt_pci_walk_next(NULL, &met[0]), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_walk_next(&none, NULL), VPT_CALLER_ARGUMENT);
}

/* ---- Extended ---- */

/* A header of 0 is no list, nor is space that the port does not reach. */
PCI_FUNCTION_TEST(pci_capability, extended_ones_are_met_with_their_versions)
{
    check_extended("", VPT_EMPTY);
    pci_end();
    make_three();
    check_extended("1.2@100 ffff.15@148 3.1@14c", VPT_EMPTY);
    pci_set(0x148, 4, 0x14ffffff); /* the two lowest bits of pointers are reserved */
    check_extended("1.2@100 ffff.15@148 3.1@14c", VPT_EMPTY);
    check("9.0@40 11.0@50 9.0@5c", VPT_EMPTY);
    pci.bus.config_size = 256;
    check_extended("", VPT_EMPTY);
    assert_same(pci.function.config_writes, 0);
}

/* The first 256 bytes again, where the upper address bits are dropped on the way. */
PCI_FUNCTION_TEST(pci_capability, extended_space_that_is_an_alias_is_none)
{
    add(0x09, 14);
    memcpy(&pci.function.config[0x100], &pci.function.config[0], 256);
    check_extended("", VPT_EMPTY);
}

Test(pci_capability, an_extended_pointer_below_0x100_ends_the_list)
{
    for (unsigned pointer = 4; pointer <= 0x100; pointer++) {
        pci_begin(0);
        add_extended(0x0001, 2, 68);
        pci_set(0x100, 4, 0x20001 | (pointer < 0x100 ? pointer : 0xfff) << 20);
        pci_set(0xffc, 4, 0x00010042);
        if (pointer < 0x100) {
            check_extended("1.2@100", VPT_DEVICE_PCI_CAPABILITIES);
        } else {
            check_extended("1.2@100 42.1@ffc", VPT_EMPTY);
        }
        pci_set(0xffc, 4, 0); /* a header of 0 ends the list */
        check_extended("1.2@100", pointer < 0x100 ? VPT_DEVICE_PCI_CAPABILITIES : VPT_EMPTY);
        pci_end();
    }
}

Test(pci_capability, extended_loops_end)
{
    static const unsigned lengths[] = { 1, 2, 3, 100, EXTENDED };

    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        pci_begin(0);
        for (unsigned n = 0; n < lengths[i]; n++) {
            add_extended((uint16_t)(n + 1u), 1, 0);
        }
        check_length(vpt_pci_walk_begin_extended, VPT_EMPTY, lengths[i]);
        pci_set(0x100 + 4 * (lengths[i] - 1), 4, 0x10010001);
        check_length(vpt_pci_walk_begin_extended, VPT_DEVICE_PCI_CAPABILITIES, EXTENDED);
        pci_end();
    }
}

/* ---- A function that goes, a port that fails ---- */

static enum vpt_status walk(void)
{
    return walk_by(vpt_pci_walk_begin);
}

static enum vpt_status walk_extended(void)
{
    return walk_by(vpt_pci_walk_begin_extended);
}

static bool extended;

/* All-ones at the first extended header is what a port without that space answers. */
static void check_failure(const struct pci_failure *failure)
{
    bool unseen = extended && failure->kind == PCI_VANISHES && failure->n == 1;

    assert_status_of(failure->text, failure->status, unseen ? VPT_EMPTY : failure->expected);
    cr_assert(met_count < 3, "%s", failure->text);
}

Test(pci_capability, a_walk_that_is_interrupted_ends_with_the_error)
{
    pci_each_failure(make_three, walk, check_failure);
    extended = true;
    pci_each_failure(make_three, walk_extended, check_failure);
}
