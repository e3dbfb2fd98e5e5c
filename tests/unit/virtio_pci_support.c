/* SPDX-License-Identifier: MIT */
#include "virtio_pci_support.h"

#include <string.h>

struct card card;

const struct mock_pci_layout card_io_layout = {
    .bar = { [2] = { .size = 0x100, .address = 0xd200, .io = true },
             [3] = { .size = 0x40, .address = 0xd340, .io = true } },
    .count = 4,
    .capability = {
        { .type = MOCK_PCI_COMMON, .bar = 2, .offset = 0x40, .size = 0x38 },
        { .type = MOCK_PCI_DEVICE, .bar = 2, .offset = 0x80, .size = 0x3c },
        { .type = MOCK_PCI_ISR, .bar = 2, .offset = 0x03, .size = 1 },
        { .type = MOCK_PCI_NOTIFY, .bar = 3, .offset = 0x06, .size = 0x3a, .multiplier = 2 },
    },
};

const struct mock_pci_layout card_scattered_layout = {
    .bar = { [0] = { .size = 0x1000, .address = UINT64_C(0xe0001000) },
             [2] = { .size = 0x20, .address = 0xd2e0, .io = true },
             [3] = { .size = 0x100, .address = UINT64_C(0xe0000300) },
             [4] = { .size = 0x1000, .address = UINT64_C(0x8e3fff000), .is_64bit = true } },
    .count = 6,
    .capability = {
        { .type = MOCK_PCI_ISR, .bar = 3, .offset = 0xff, .size = 1 },
        { .type = MOCK_PCI_ACCESS },
        { .type = MOCK_PCI_NOTIFY, .bar = 2, .offset = 0x0a, .size = 2, .multiplier = 0 },
        { .type = MOCK_PCI_COMMON, .bar = 4, .offset = 0xfc8, .size = 0x38 },
        { .type = MOCK_PCI_DEVICE, .bar = 0, .offset = 0x00c, .size = 0x3c },
        { .type = MOCK_PCI_NOTIFY, .bar = 0, .offset = 0x800, .size = 0x100, .multiplier = 4, .unusable = true },
    },
};

static struct card_variant variants[] = {
    { CARD_MODERN }, { CARD_MODERN_IO },     { CARD_MODERN_SCATTERED },    { CARD_TRANSITIONAL_MODERN },
    { CARD_LEGACY }, { CARD_LEGACY_MEMORY }, { CARD_TRANSITIONAL_LEGACY },
};

struct criterion_test_params card_variants(void)
{
    return cr_make_param_array(struct card_variant, variants, COUNT_OF(variants));
}

struct criterion_test_params card_modern_variants(void)
{
    return cr_make_param_array(struct card_variant, variants, CARD_LEGACY);
}

struct criterion_test_params card_legacy_variants(void)
{
    return cr_make_param_array(struct card_variant, variants + CARD_LEGACY, COUNT_OF(variants) - CARD_LEGACY);
}

bool card_legacy(enum card_kind kind)
{
    return kind >= CARD_LEGACY;
}

/* ---- Bring-up and its end ---- */

void card_plain(const struct mock_pci_machine_options *options)
{
    static uint8_t data[CARD_DATA_SIZE];

    memset(&card, 0, sizeof(card));
    cr_assert(mock_pci_machine_init(&card.machine, options));
    card.device = &card.pci.device;
    card.data = mock_hal_register_anywhere(&card.machine.hal, data, sizeof(data), true);
    cr_assert(card.data.address != NULL);
}

void card_machine(enum card_kind kind, const struct mock_pci_machine_options *options)
{
    struct mock_pci_machine_options all = { 0 };

    if (options != NULL) {
        all = *options;
    }
    all.legacy = kind == CARD_LEGACY || kind == CARD_LEGACY_MEMORY;
    all.header_in_memory = kind == CARD_LEGACY_MEMORY;
    all.transitional = kind == CARD_TRANSITIONAL_LEGACY || kind == CARD_TRANSITIONAL_MODERN;
    if (kind == CARD_MODERN_IO) {
        all.layout = &card_io_layout;
    } else if (kind == CARD_MODERN_SCATTERED) {
        all.layout = &card_scattered_layout;
    }
    card_plain(&all);
    if (kind == CARD_MODERN_SCATTERED) {
        memset(card.machine.modern.notify_offset, 0x5a, sizeof(card.machine.modern.notify_offset));
    }
}

enum vpt_status card_try_probe(enum vpt_virtio_pci_interface interface)
{
    return vpt_virtio_pci_probe(&card.pci, &card.machine.address, &card.machine.bars, interface);
}

static enum vpt_virtio_pci_interface wanted(enum card_kind kind)
{
    return kind == CARD_TRANSITIONAL_LEGACY ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_ANY;
}

void card_probe(enum card_kind kind, const struct mock_pci_machine_options *options)
{
    card_machine(kind, options);
    assert_status(card_try_probe(wanted(kind)), VPT_OK);
}

void card_init(enum card_kind kind, const struct mock_pci_machine_options *options)
{
    card_probe(kind, options);
    assert_status(vpt_blk_init(&card.blk, card.device, NULL), VPT_OK);
}

enum vpt_status card_bring_up(enum card_kind kind)
{
    enum vpt_status status = card_try_probe(wanted(kind));

    if (status == VPT_OK) {
        status = vpt_blk_init(&card.blk, card.device, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(&card.queue, &card.blk, 0, NULL);
    }
    return status == VPT_OK ? vpt_driver_start(&card.blk.driver) : status;
}

void card_start(enum card_kind kind, const struct mock_pci_machine_options *options)
{
    card_machine(kind, options);
    assert_status(card_bring_up(kind), VPT_OK);
    cr_assert(vpt_device_legacy(card.device) == card_legacy(kind));
}

unsigned card_drain(void)
{
    struct vpt_completion completion;
    unsigned count = 0;
    enum vpt_status status;

    while ((status = vpt_requests_poll(&card.queue.requests, &completion)) == VPT_OK) {
        count++;
        cr_assert(count <= VPT_QUEUE_SIZE_MAX);
    }
    assert_status(status, VPT_EMPTY);
    return count;
}

void card_stop(void)
{
    assert_status(vpt_device_reset(card.device), VPT_OK);
    if (vpt_queue_size(&card.queue.requests.queue) != 0) {
        (void)card_drain();
    }
    assert_status(vpt_requests_release(&card.queue.requests), VPT_OK);
    vpt_virtio_pci_close(&card.pci);
    cr_assert(all_zero(&card.pci, sizeof(card.pci)) && all_zero(&card.queue, sizeof(card.queue)));
    cr_assert((card_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
}

void card_finish(void)
{
    cr_assert(mock_pci_machine_finish(&card.machine) == 0, "the first of the violations: %s",
              card.machine.hal.violations.message[0]);
}

void card_end(void)
{
    card_stop();
    card_finish();
}

/* ---- MSI-X ---- */

uint32_t card_message(uint16_t entry)
{
    return 0x4100u + entry;
}

void card_vectors_on(void)
{
    assert_status(vpt_pci_msix_init(&card.msix, &card.machine.address, &card.machine.bars), VPT_OK);
    for (uint16_t i = 0; i < card.msix.entries; i++) {
        assert_status(vpt_pci_msix_program(&card.msix, i, 0xfee00000u, card_message(i)), VPT_OK);
        assert_status(vpt_pci_msix_mask(&card.msix, i, false), VPT_OK);
    }
    assert_status(vpt_pci_msix_enable(&card.msix, true), VPT_OK);
}

void card_vectors_off(void)
{
    vpt_pci_msix_release(&card.msix);
}

unsigned card_messages(uint16_t entry)
{
    const struct mock_pci_msix *msix = card.machine.function.msix;
    unsigned count = 0;

    for (unsigned i = 0; i < msix->message_count && i < MOCK_PCI_LOG; i++) {
        if (msix->messages[i].vector == entry) {
            cr_assert(msix->messages[i].address == 0xfee00000u && msix->messages[i].data == card_message(entry));
            count++;
        }
    }
    return count;
}

/* ---- Requests ---- */

uint64_t card_capacity(void)
{
    const struct vpt_config_field field = { .width = 8 };
    uint64_t value = 0;

    assert_status(vpt_device_config_fields(card.device, &field, 1, &value), VPT_OK);
    return value;
}

uint8_t *card_content(uint64_t sector)
{
    cr_assert(sector < card.machine.blk.options.capacity);
    return card.machine.blk.disk + sector * SECTOR;
}

enum vpt_status card_read_sector(uint64_t sector)
{
    uint8_t bytes[SECTOR];
    enum vpt_status status;

    fill(card_content(sector), SECTOR, (uint32_t)sector + 77u);
    memset(bytes, 0, sizeof(bytes));
    status = vpt_blk_read(&card.queue, sector, bytes, sizeof(bytes));
    if (status == VPT_OK) {
        cr_assert(filled(bytes, sizeof(bytes), (uint32_t)sector + 77u));
    }
    return status;
}

enum vpt_status card_write_sector(uint64_t sector, uint32_t seed)
{
    uint8_t bytes[SECTOR];
    enum vpt_status status;

    fill(bytes, sizeof(bytes), seed);
    status = vpt_blk_write(&card.queue, sector, bytes, sizeof(bytes));
    if (status == VPT_OK) {
        cr_assert(filled(card_content(sector), SECTOR, seed));
    }
    return status;
}

uint8_t *card_bytes(size_t offset)
{
    cr_assert(offset <= CARD_DATA_SIZE);
    return (uint8_t *)card.data.address + offset;
}

enum vpt_status card_submit(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                            void *token)
{
    struct vpt_segment segment = { card.data.device_address + offset, length };
    struct vpt_blk_request request = { operation, sector, &segment, 1, 0, NULL };

    cr_assert(offset <= CARD_DATA_SIZE && length <= CARD_DATA_SIZE - offset);
    return vpt_blk_submit(&card.queue, &request, token);
}

/* ---- Accesses ---- */

void card_trace(void)
{
    card.machine.front.access_count = 0;
}

static bool matches(const struct mock_pci_access *access, enum mock_pci_structure structure, bool write,
                    uint32_t offset)
{
    return access->structure == structure && access->write == write && access->offset == offset;
}

size_t card_traced(enum mock_pci_structure structure, bool write, uint32_t offset)
{
    size_t count = 0;

    cr_assert(card.machine.front.access_count < MOCK_PCI_ACCESSES);
    for (unsigned i = 0; i < card.machine.front.access_count; i++) {
        count += matches(&card.machine.front.accesses[i], structure, write, offset) ? 1u : 0u;
    }
    return count;
}

const struct mock_pci_access *card_access(enum mock_pci_structure structure, bool write, uint32_t offset, size_t n)
{
    for (unsigned i = 0; i < card.machine.front.access_count; i++) {
        if (matches(&card.machine.front.accesses[i], structure, write, offset) && n-- == 0) {
            return &card.machine.front.accesses[i];
        }
    }
    cr_assert_fail("no such %s of structure %d, offset 0x%x", write ? "write" : "read", (int)structure,
                   (unsigned)offset);
    return NULL;
}

const struct mock_pci_access *card_status_write(size_t n)
{
    return card.machine.device.legacy ? card_access(MOCK_PCI_HEADER, true, H_STATUS, n)
                                      : card_access(MOCK_PCI_COMMON, true, C_STATUS, n);
}

uint16_t card_command(void)
{
    return mock_pci_command(&card.machine.function);
}

uint64_t card_command_sequence(uint16_t bit, bool set)
{
    const struct mock_pci_function *function = &card.machine.function;

    cr_assert(function->command_count < MOCK_PCI_LOG);
    for (unsigned i = 0; i < function->command_count; i++) {
        if (((function->commands[i].value & bit) != 0) == set) {
            return function->commands[i].sequence;
        }
    }
    cr_assert_fail("command bit 0x%x never became %d", bit, set);
    return 0;
}
