/* SPDX-License-Identifier: MIT */
/* The machine's vectors for a function behind a port (port/assign_vectors.h), as a guest's choice changes. */
#include "pci_setup.h"

#include <assign_port.h>
#include <assign_vectors.h>

TestSuite(assign_vectors);

#define FIRST    0x40u
#define INTX     0x30u
#define MESSAGES 4u
#define MESSAGE  UINT64_C(0xfee00000)

#define COMMAND     0x04u
#define INTX_OFF    0x0400u
#define BUS_MASTER  0x0004u
#define CONTROL     2u /* of MSI and MSI-X */
#define MSIX_ENABLE 0x8000u
#define MSI_ENABLE  0x0001u
#define MSI_TWO     0x0010u

/* A function that interrupts by a pin, MSI with up to two messages, and MSI-X. Its guest counts messages. */
static struct {
    struct vpt_assign_port_host physical;
    struct vpt_assign_vectors vectors;
    struct vpt_assign_device device;
    struct vpt_assign_device other;
    struct vpt_pci_bars bars;
    struct vpt_assign_remap remap;
    struct vpt_assign_remap_entry entries[128];
    struct vpt_assign_guest guest;
    uint16_t msi;
    unsigned delivered;
    bool line;
} here;

static _Alignas(
    8) uint8_t storage[2][VPT_ASSIGN_STORAGE_SIZE(256, 0, VPT_ASSIGN_REGIONS(0)) + VPT_ASSIGN_VECTORS_SIZE(8)];

static enum vpt_status place(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    return VPT_OK;
}

static enum vpt_status take(void *ctx, uint64_t address, uint32_t data)
{
    (void)ctx;
    (void)address;
    (void)data;
    here.delivered++;
    return VPT_OK;
}

static void set_line(void *ctx, bool asserted)
{
    (void)ctx;
    here.line = asserted;
}

static enum vpt_status interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    (void)ctx;
    return vpt_assign_vectors_set(&here.vectors, mode, count);
}

static enum vpt_status mask(void *ctx, bool masked)
{
    (void)ctx;
    return vpt_assign_vectors_mask(&here.vectors, masked);
}

static void message(void *ctx, uint32_t vector, struct vpt_assign_vectors_message *message)
{
    (void)ctx;
    *message = (struct vpt_assign_vectors_message){ MESSAGE | vector << 12, vector, vector + 1u };
}

static void open_device(struct vpt_assign_device *device, unsigned index)
{
    struct vpt_assign_config config = { .host = &here.physical.host,
                                        .address.device = (uint8_t)index,
                                        .bars = &here.bars,
                                        .storage = storage[index],
                                        .storage_size = sizeof(storage[index]),
                                        .regions = VPT_ASSIGN_REGIONS(0) };

    assert_status(vpt_assign_open(device, &config), VPT_OK);
}

static void make(uint16_t entries)
{
    static const uint8_t control[8] = { 0x02 };
    static const uint8_t writable[8] = { 0x71, 0, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff };

    pci_begin(0);
    pci_bars(&pci.function, "- m4K");
    mock_pci_bar_assign(&pci.function, 1, PCI_APERTURE);
    mock_pci_msix_add(&pci.function, entries, 1, 0, 1, 2 * KIB);
    here.msi = mock_pci_capability_add(&pci.function, VPT_PCI_CAPABILITY_MSI, control, sizeof(control), writable);
    mock_pci_set(&pci.function, 0x3d, 1, 1);
    assert_status(vpt_pci_bars_size(&pci.here, &here.bars), VPT_OK);
    mock_pci_command_set(&pci.function, VPT_PCI_COMMAND_MEMORY | INTX_OFF);
    assert_status(vpt_assign_remap_init(&here.remap, here.entries, COUNT_OF(here.entries)), VPT_OK);
    assert_status(vpt_assign_port_init(&here.physical, &pci.here), VPT_OK);
    here.physical.host.interrupts = interrupts;
    here.physical.host.intx_mask = mask;
    here.vectors = (struct vpt_assign_vectors){ .remap = &here.remap,
                                                .device = &here.device,
                                                .function = &pci.here,
                                                .bars = &here.bars,
                                                .first = FIRST,
                                                .count = MESSAGES,
                                                .intx = INTX,
                                                .message = message };
    here.guest = (struct vpt_assign_guest){ .map = place, .unmap = place, .message = take, .intx = set_line };
    open_device(&here.device, 0);
}

static void begin(uint16_t entries)
{
    make(entries);
    assert_status(vpt_assign_acquire(&here.device, 7, &here.guest), VPT_OK);
    assert_status(vpt_assign_config_write(&here.device, COMMAND, 2, BUS_MASTER), VPT_OK);
}

static void end(void)
{
    assert_status(vpt_assign_release(&here.device), VPT_OK);
    assert_status(vpt_assign_close(&here.device), VPT_OK);
    for (uint32_t i = 0; i < COUNT_OF(here.entries); i++) {
        assert_same(vpt_assign_remap_activate(&here.remap, i, true), VPT_EMPTY);
    }
    assert_same(here.vectors.mode, VPT_ASSIGN_INTERRUPT_NONE);
    assert_same(pci_get(COMMAND, 2) & INTX_OFF, INTX_OFF);
    vpt_assign_port_release(&here.physical);
    pci_end();
}

static enum vpt_status write_msix(uint16_t control)
{
    uint16_t at = (uint16_t)(pci.function.msix->capability + CONTROL);

    return vpt_assign_config_write(&here.device, at, 2, control);
}

static enum vpt_status write_msi(uint16_t control)
{
    return vpt_assign_config_write(&here.device, (uint16_t)(here.msi + CONTROL), 2, control);
}

/* An interrupt of the machine. */
static enum vpt_status arrive(uint32_t vector)
{
    struct vpt_assign_interrupt found;
    enum vpt_status status = vpt_assign_remap_find(&here.remap, vector, &found);

    return status != VPT_OK ? status : vpt_assign_deliver(&found);
}

static void check_intx(void)
{
    assert_status(arrive(INTX), VPT_OK);
    cr_assert(here.line && here.vectors.masked && (pci_get(COMMAND, 2) & INTX_OFF) != 0);
    assert_status(vpt_assign_end_of_interrupt(&here.device), VPT_OK);
    cr_assert(!here.line && !here.vectors.masked && (pci_get(COMMAND, 2) & INTX_OFF) == 0);
    assert_status(arrive(FIRST), VPT_EMPTY);
}

Test(assign_vectors, each_message_has_its_vector_and_intx_has_one)
{
    begin(MESSAGES);
    check_intx();
    assert_status(write_msix(MSIX_ENABLE), VPT_OK);
    cr_assert(mock_pci_msix_enabled(&pci.function));
    assert_status(arrive(INTX), VPT_EMPTY);
    assert_same(pci_get(COMMAND, 2) & INTX_OFF, INTX_OFF);
    assert_status(mask(NULL, false), VPT_OK);
    assert_same(pci_get(COMMAND, 2) & INTX_OFF, INTX_OFF);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        const uint32_t *entry = &pci.function.msix->table[4u * i];
        struct vpt_assign_interrupt found;

        assert_same(entry[0], MESSAGE | (FIRST + i) << 12);
        assert_same(entry[2], FIRST + i);
        assert_same(entry[3] & 1u, 0);
        assert_status(vpt_assign_remap_find(&here.remap, FIRST + i, &found), VPT_OK);
        cr_assert(found.vector == i && found.target == FIRST + i + 1u && found.device == &here.device);
    }
    assert_status(arrive(FIRST + MESSAGES), VPT_EMPTY);
    assert_status(write_msix(0), VPT_OK);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        assert_status(vpt_assign_remap_activate(&here.remap, FIRST + i, true), VPT_EMPTY);
    }
    cr_assert(!mock_pci_msix_enabled(&pci.function));
    check_intx();
    end();
}

Test(assign_vectors, msi_has_one_message)
{
    begin(MESSAGES);
    assert_status(write_msi(MSI_ENABLE | MSI_TWO), VPT_UNSUPPORTED_PORT);
    check_intx();
    assert_status(write_msi(MSI_ENABLE), VPT_OK);
    assert_same(pci_get(here.msi + 4u, 4), MESSAGE | FIRST << 12);
    assert_same(pci_get(here.msi + 8u, 2), FIRST);
    cr_assert((pci_get(here.msi + CONTROL, 2) & MSI_ENABLE) != 0);
    assert_status(arrive(FIRST), VPT_OK);
    assert_same(here.delivered, 1);
    assert_status(arrive(INTX), VPT_EMPTY);
    assert_status(write_msi(0), VPT_OK);
    cr_assert((pci_get(here.msi + CONTROL, 2) & MSI_ENABLE) == 0);
    check_intx();
    end();
}

Test(assign_vectors, where_messages_cannot_be_had_all_stays_as_it_is)
{
    begin(MESSAGES + 1u);
    assert_status(write_msix(MSIX_ENABLE), VPT_RESOURCE_FULL);
    check_intx();
    here.vectors.message = NULL;
    assert_status(write_msi(MSI_ENABLE), VPT_UNSUPPORTED_PORT);
    check_intx();
    end();
}

/* The second message's vector is another device's, which keeps it. */
Test(assign_vectors, a_vector_of_another_device_is_left_to_it_and_the_function_interrupts_as_before)
{
    struct vpt_assign_interrupt found;

    begin(MESSAGES);
    open_device(&here.other, 1);
    here.physical.host.interrupts = NULL;
    assert_status(vpt_assign_acquire(&here.other, 8, &here.guest), VPT_OK);
    here.physical.host.interrupts = interrupts;
    assert_status(vpt_assign_remap_add(&here.remap, FIRST + 1u, &here.other, VPT_ASSIGN_INTX, 0), VPT_OK);
    assert_status(vpt_assign_config_write(&here.device, COMMAND, 2, BUS_MASTER), VPT_OK);
    assert_status(write_msix(MSIX_ENABLE), VPT_CALLER_OWNED);
    cr_assert(!mock_pci_msix_enabled(&pci.function));
    check_intx();
    assert_status(vpt_assign_remap_find(&here.remap, FIRST + 1u, &found), VPT_OK);
    cr_assert(found.device == &here.other);
    assert_status(write_msi(MSI_ENABLE), VPT_OK);
    assert_status(write_msix(MSIX_ENABLE), VPT_CALLER_OWNED);
    assert_status(arrive(FIRST), VPT_OK);
    cr_assert((pci_get(here.msi + CONTROL, 2) & MSI_ENABLE) != 0);
    assert_status(vpt_assign_remap_remove(&here.remap, FIRST + 1u), VPT_OK);
    assert_status(vpt_assign_remap_add(&here.remap, INTX, &here.other, VPT_ASSIGN_INTX, 0), VPT_OK);
    assert_status(write_msi(0), VPT_CALLER_OWNED);
    assert_status(arrive(FIRST), VPT_OK);
    assert_status(vpt_assign_remap_remove(&here.remap, INTX), VPT_OK);
    here.physical.host.interrupts = NULL;
    assert_status(vpt_assign_release(&here.other), VPT_OK);
    here.physical.host.interrupts = interrupts;
    end();
}
