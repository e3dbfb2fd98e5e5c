/* SPDX-License-Identifier: MIT */
/* Opening a function: what is refused, what is read, who it then is; and a host over a port. */
#include <string.h>

#include "simulated_host.h"
#include "pci_setup.h"

#include <assign_port.h>

TestSuite(assign_open);

static struct vpt_assign_config good;

/* The set-up is refused, and then it is the good one again. */
static void refused(const char *row, enum vpt_status expected)
{
    memset(&function->device, 0x5a, sizeof(function->device));
    assert_status_of(row, vpt_assign_open(&function->device, &function->setup), expected);
    cr_assert(all_zero(&function->device, sizeof(function->device)), "%s", row);
    function->setup = good;
}

/* ---- Arguments ---- */

Test(assign_open, a_bad_set_up_is_refused_before_anything_is_read)
{
    static const struct vpt_assign_identity two_ids = { .which = VPT_ASSIGN_VENDOR_ID | VPT_ASSIGN_DEVICE_ID };
    static const struct vpt_assign_identity all_ids = { .which = VPT_ASSIGN_ALL_IDS };
    struct vpt_assign_config *setup = &function->setup;

    function_start();
    setup->regions = VPT_ASSIGN_REGIONS(0);
    good = *setup;
    assert_status(vpt_assign_open(NULL, &good), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_open(&function->device, NULL), VPT_CALLER_ARGUMENT);
    setup->host = NULL;
    refused("no host", VPT_CALLER_ARGUMENT);
    setup->storage = NULL;
    refused("no storage", VPT_CALLER_ARGUMENT);
    setup->config_size = 255;
    refused("a space of 255 bytes", VPT_CALLER_ARGUMENT);
    setup->page_size = 0x1001;
    refused("an odd page", VPT_CALLER_ARGUMENT);
    setup->traps = NULL;
    setup->trap_count = 1;
    refused("one trap, which is not there", VPT_CALLER_ARGUMENT);
    setup->virtual_function = true;
    refused("a virtual function without ids", VPT_CALLER_ARGUMENT);
    setup->virtual_function = true;
    setup->identity = &two_ids;
    refused("a virtual function with two ids", VPT_CALLER_ARGUMENT);
    setup->virtual_function = true;
    setup->identity = &all_ids;
    setup->bars = NULL;
    refused("a virtual function without BARs", VPT_CALLER_ARGUMENT);
    setup->regions--;
    refused("too few regions", VPT_CALLER_MEMORY);
    setup->storage_size = VPT_ASSIGN_STORAGE_SIZE(256, 0, VPT_ASSIGN_REGIONS(0)) - 1;
    refused("a byte too little", VPT_CALLER_MEMORY);
    setup->storage = (uint8_t *)function->storage + 4;
    refused("unaligned storage", VPT_CALLER_MEMORY);
    function->host.config_write = NULL;
    refused("a host that does not write", VPT_CALLER_ARGUMENT);
    assert_same(function->accesses, 0);
}

Test(assign_open, storage_of_the_size_that_is_asked_for_is_enough)
{
    uint8_t *storage = (uint8_t *)function->storage;

    function_start();
    function->setup.storage_size = VPT_ASSIGN_STORAGE_SIZE(256, 0, function->setup.regions);
    memset(storage, 0xa7, sizeof(function->storage));
    function_open();
    assert_same(storage[function->setup.storage_size], 0xa7);
    cr_assert(storage[function->setup.storage_size - 1] != 0xa7);
}

Test(assign_open, traps_lie_in_their_bars)
{
    static const struct {
        struct vpt_assign_trap trap;
        enum vpt_status status;
    } rows[] = {
        { { 0, 0, 1 }, VPT_OK },
        { { 0, 0, 0x4000 }, VPT_OK },
        { { 0, 0x3fff, 1 }, VPT_OK },
        { { 0, 0x3fff, 2 }, VPT_CALLER_RANGE },
        { { 0, 0x4000, 1 }, VPT_CALLER_RANGE },
        { { 0, 1, UINT64_MAX }, VPT_CALLER_RANGE },
        { { 0, UINT64_MAX, 1 }, VPT_CALLER_RANGE },
        { { 0, 0, 0 }, VPT_CALLER_RANGE },
        { { 1, 0, 1 }, VPT_CALLER_RANGE },
        { { 7, 0, 1 }, VPT_CALLER_RANGE },
        { { 255, 0, 1 }, VPT_CALLER_RANGE },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        function_start();
        function_memory(0, 0x4000, 0xe0000000, false);
        function->setup.traps = &rows[i].trap;
        function->setup.trap_count = 1;
        assert_status_of(row_name(i), vpt_assign_open(&function->device, &function->setup), rows[i].status);
        cr_assert(rows[i].status == VPT_OK || all_zero(&function->device, sizeof(function->device)), "row %u", i);
    }
}

/* The function by the PCI helpers. */
static enum vpt_status read_as_port(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t *value)
{
    (void)ctx;
    (void)address;
    return function->host.config_read(function, offset, width, value);
}

static enum vpt_status write_as_port(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t value)
{
    (void)ctx;
    (void)address;
    return function->host.config_write(function, offset, width, value);
}

/* Whoever sizes them: one whose upper bits are wired to 0 is for guests, one that makes no sense is not. */
Test(assign_open, bars_of_odd_functions_are_the_guests_as_far_as_they_make_sense)
{
    static const struct {
        uint32_t type;
        uint32_t mask;
        uint32_t reads;
    } bars[BARS] = {
        { 0xc, 0xfff00000, 0xfff0000c },
        { 0, 0x3ff, 0xffffffff },
        { 0, 0xffffe800, 0 },
        { 1, 0xfffe0000, 0 }, /* more ports than there are */
        { 0, 0, 0 },
        { 0, 0xfffff000, 0xfffff000 },
        { 0, 0, 0 },
    };
    struct vpt_port port = { .config_read = read_as_port, .config_write = write_as_port };
    struct vpt_pci_function sized = { &port, { 0, 0, 1, 0 } };

    for (unsigned given = 0; given < 2; given++) {
        function_start();
        for (unsigned i = 0; i < BARS; i++) {
            function_set(BAR(i), 4, bars[i].type);
            for (unsigned k = 0; k < 4; k++) {
                function->fixed[BAR(i) + k] = (uint8_t)(~bars[i].mask >> (8u * k));
            }
        }
        assert_status(vpt_pci_bars_size(&sized, &function->bars), VPT_OK);
        assert_same(function->bars.bar[2].kind, VPT_PCI_BAR_BROKEN);
        function->bars.bar[3] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_NONE };
        function->setup.bars = given != 0 ? &function->bars : NULL;
        function_open_and_give();
        for (unsigned i = 0; i < BARS; i++) {
            guest_write(BAR(i), 4, 0xffffffff);
            assert_same_of(row_name(i), guest_read(BAR(i), 4), bars[i].reads);
        }
    }
}

Test(assign_open, other_header_types_are_not_supported)
{
    for (unsigned type = 0; type < 256; type++) {
        function_start();
        function->config[0x0e] = (uint8_t)type;
        assert_status(vpt_assign_open(&function->device, &function->setup),
                      (type & 0x7f) == 0 ? VPT_OK : VPT_UNSUPPORTED_DEVICE);
    }
}

/* ---- The host fails, or is gone ---- */

Test(assign_open, it_fails_with_each_access_that_fails_or_finds_the_function_gone)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        enum vpt_status status;
        unsigned k = 0;

        do {
            function_start();
            function->setup.bars = NULL;
            memset(&function->fixed[0x10], 0xff, 0x24); /* no BARs */
            *(gone != 0 ? &function->vanish_in : &function->fail_in) = ++k;
            status = vpt_assign_open(&function->device, &function->setup);
            if (status != VPT_OK) {
                assert_status(status, gone != 0 ? VPT_DEVICE_GONE : HOST_FAILURE);
                cr_assert(all_zero(&function->device, sizeof(function->device)));
            }
        } while (status != VPT_OK);
        cr_assert(k > 66);
        /* While it was read it was there. */
        cr_assert(function->reads_gone == 0 && function->failures == 0);
    }
}

/* ---- Who it is ---- */

Test(assign_open, a_guest_sees_the_ids_that_are_given_instead_of_the_functions)
{
    static const uint16_t offsets[] = { 0x00, 0x02, 0x2c, 0x2e };
    static const uint16_t own[] = { 0x1234, 0x5678, 0x0def, 0x0abc };

    for (uint32_t which = 0; which <= VPT_ASSIGN_ALL_IDS; which++) {
        const struct vpt_assign_identity identity = { which, 0x1000, 0x1001, 0x1002, 0x1003 };

        function_start();
        function->setup.identity = &identity;
        function_open_and_give();
        for (unsigned i = 0; i < COUNT_OF(offsets); i++) {
            assert_same(guest_read(offsets[i], 2), (which >> i & 1) != 0 ? 0x1000 + i : own[i]);
        }
        assert_same(function->device.vendor_id, guest_read(0, 2));
        assert_same(function->device.device_id, guest_read(2, 2));
    }
}

Test(assign_open, the_virtio_type_is_that_of_the_function_not_of_the_ids_that_are_given)
{
    static const struct vpt_assign_identity other = { VPT_ASSIGN_ALL_IDS, 1, 2, 3, 4 };
    static const struct {
        uint16_t vendor, device, subsystem;
        uint32_t type;
    } rows[] = {
        { 0x1af4, 0x1041, 0x1100, 1 }, { 0x1af4, 0x1042, 0, 2 }, { 0x1af4, 0x105a, 0, 26 }, { 0x1af4, 0x107f, 0, 63 },
        { 0x1af4, 0x1080, 2, 0 },      { 0x1af4, 0x1001, 2, 2 }, { 0x1af4, 0x103f, 1, 1 },  { 0x1af4, 0x0fff, 2, 0 },
        { 0x1234, 0x1042, 2, 0 },      { 0x1af4, 0x1040, 5, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        assert_same_of(row_name(i), vpt_assign_virtio_type(rows[i].vendor, rows[i].device, rows[i].subsystem),
                       rows[i].type);
        function_start();
        function_set(0x00, 2, rows[i].vendor);
        function_set(0x02, 2, rows[i].device);
        function_set(0x2e, 2, rows[i].subsystem);
        function->setup.identity = &other;
        function_open();
        assert_same_of(row_name(i), function->device.type, rows[i].type);
        assert_same(function->device.vendor_id, 1);
    }
}

Test(assign_open, the_multi_function_bit_is_what_the_hypervisor_says)
{
    for (unsigned i = 0; i < 4; i++) {
        function_start();
        function->config[0x0e] = (uint8_t)(i % 2 << 7);
        function->setup.multi_function = i >= 2;
        function_open_and_give();
        assert_same(guest_read(0x0e, 1), i >= 2 ? 0x80 : 0x00);
    }
}

Test(assign_open, only_a_device_without_owner_and_registry_is_closed)
{
    struct vpt_assign_registry registry = { NULL };

    function_start();
    assert_status(vpt_assign_close(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_close(&function->device), VPT_CALLER_ARGUMENT);
    function_open_and_give();
    assert_status(vpt_assign_close(&function->device), VPT_CALLER_OWNED);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_status(vpt_assign_registry_add(&registry, &function->device), VPT_OK);
    assert_status(vpt_assign_close(&function->device), VPT_CALLER_STATE);
    assert_status(vpt_assign_registry_remove(&function->device), VPT_OK);
    function_forget();
    assert_status(vpt_assign_close(&function->device), VPT_OK);
    cr_assert(function->accesses == 0 && all_zero(&function->device, sizeof(function->device)));
}

/* ---- Over a port ---- */

static uint32_t window_read(void *front_end, size_t offset, unsigned width)
{
    (void)front_end;
    return (uint32_t)(0x40302010u + offset) & (0xffffffffu >> (32 - 8 * width));
}

static uint32_t written;
static size_t written_at;

static void window_write(void *front_end, size_t offset, unsigned width, uint32_t value)
{
    (void)front_end;
    (void)width;
    written = value;
    written_at = offset;
}

static const struct mock_window_ops window_ops = { window_read, window_write };
static struct vpt_assign_port_host physical;

/* A bus that watches how BARs are sized, with a function on it. */
static void begin_room(void)
{
    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x1000, .ops = &window_ops });
    pci_bar(2, (struct mock_pci_bar){ .size = 0x40, .io = true, .ops = &window_ops });
    mock_pci_set(&pci.function, 0x10, 4, (uint32_t)PCI_APERTURE);
    mock_pci_set(&pci.function, 0x18, 4, 0xc001);
    mock_pci_set(&pci.function, 0x04, 2, 0x0003);
    pci_remember();
    assert_status(vpt_assign_port_init(&physical, &pci.here), VPT_OK);
}

Test(assign_open, a_function_is_sized_and_reached_through_a_port)
{
    uint32_t value = 0;

    begin_room();
    function_start();
    function->setup.host = &physical.host;
    function->setup.bars = NULL;
    function_open();
    assert_status(vpt_assign_check(&function->device), VPT_OK);
    cr_assert(pci_unchanged());
    assert_same(function->device.layout.bar[0].size, 0x1000);
    assert_same(function->device.layout.bar[0].address, PCI_APERTURE);
    assert_same(function->device.layout.bar[2].size, 0x40);
    assert_same(function->device.layout.bar[2].address, 0xc000);
    function_give();
    assert_same(guest_read(0x00, 4), PCI_VENDOR | PCI_DEVICE << 16);
    cr_assert(guest_read(0x10, 4) == 0 && guest_read(0x18, 4) == 1);
    guest_write(0x04, 2, 0x0004);
    assert_same(pci.function.config[4], 0x07);
    assert_status(physical.host.io_read(physical.host.ctx, 0xc008, 2, &value), VPT_OK);
    assert_same(value, 0x2018);
    assert_status(physical.host.io_write(physical.host.ctx, 0xc00c, 4, 0x1234), VPT_OK);
    cr_assert(written == 0x1234 && written_at == 0xc);
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    cr_assert(pci_unchanged());
    assert_status(vpt_assign_close(&function->device), VPT_OK);
    vpt_assign_port_release(&physical);
    pci_end();
}

static enum vpt_status read_window(uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    enum vpt_status status = physical.host.memory_read(physical.host.ctx, PCI_APERTURE + offset, width, &value);

    cr_assert(status != VPT_OK || value == ((0x40302010 + offset) & (UINT64_MAX >> (64 - 8 * width))));
    return status;
}

static enum vpt_status write_window(uint64_t offset, unsigned width, uint64_t value)
{
    return physical.host.memory_write(physical.host.ctx, PCI_APERTURE + offset, width, value);
}

Test(assign_open, memory_is_reached_through_the_windows_of_a_port_and_nowhere_else)
{
    static const struct {
        uint64_t offset;
        unsigned width;
        enum vpt_status status;
    } reads[] = {
        { 0x11c, 4, VPT_OK },
        { 0x11d, 4, VPT_UNSUPPORTED_PORT },
        { 0x0fc, 4, VPT_UNSUPPORTED_PORT },
        { 0x108, 8, VPT_UNSUPPORTED_PORT },
        { 0x300, 4, VPT_UNSUPPORTED_PORT },
        { 0x300, 2, VPT_OK },
    };

    begin_room();
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE + 0x100, 0x20), VPT_OK);
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE + 0x300, 2), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(reads); i++) {
        assert_status_of(row_name(i), read_window(reads[i].offset, reads[i].width), reads[i].status);
    }
    assert_status(write_window(0x104, 4, 0xffffffff89abcdef), VPT_OK);
    cr_assert(written == 0x89abcdef && written_at == 0x104);
    assert_status(write_window(0x120, 1, 0), VPT_UNSUPPORTED_PORT);
    for (unsigned i = 2; i < VPT_ASSIGN_PORT_WINDOWS; i++) {
        assert_status(vpt_assign_port_map(&physical, PCI_APERTURE + 0x200 * i, 0x10), VPT_OK);
    }
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE, 0x10), VPT_RESOURCE_FULL);
    vpt_assign_port_release(&physical);
    cr_assert(physical.host.config_read == NULL && physical.function.port == NULL && physical.windows == 0);
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE, 0x10), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_port_map(NULL, PCI_APERTURE, 0x10), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_port_init(NULL, &pci.here), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_port_init(&physical, NULL), VPT_CALLER_ARGUMENT);
    vpt_assign_port_release(&physical);
    vpt_assign_port_release(NULL);
    pci_end();
}

static void no_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    (void)mapping;
    cr_assert_fail("%zu bytes", size);
}

Test(assign_open, a_port_that_lacks_a_hook_does_not_support_it)
{
    static struct vpt_port none;
    static const struct vpt_pci_function bare = { .port = &none };
    uint32_t value;

    assert_status(vpt_assign_port_init(&physical, &bare), VPT_OK);
    assert_status(physical.host.config_read(physical.host.ctx, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.config_write(physical.host.ctx, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.io_read(physical.host.ctx, 0, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.io_write(physical.host.ctx, 0, 4, 0), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_assign_port_map(&physical, 0x1000, 0x1000), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_assign_port_map(&physical, UINT64_MAX, 2), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_port_map(&physical, 0x1000, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_port_map(&physical, 0, 0), VPT_CALLER_ARGUMENT);
    none.mmio_unmap = no_unmap;
    assert_status(vpt_assign_port_map(&physical, 0x1000, 0x1000), VPT_UNSUPPORTED_PORT);
}
