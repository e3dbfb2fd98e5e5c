/* SPDX-License-Identifier: MIT */
/* Opening a function: what is refused, what is read, who it then is; and a host over a port. */
#include <string.h>

#include "assign_host.h"
#include "pci_setup.h"

#include <assign_port.h>

TestSuite(assign_open);

static void refused(enum vpt_status expected)
{
    memset(&host.device, 0x5a, sizeof(host.device));
    host.device.config_size = HOST_SIZE; /* for the host's own check, while there is no device yet */
    assert_status(vpt_assign_open(&host.device, &host.setup), expected);
    cr_assert(all_zero(&host.device, sizeof(host.device)));
}

/* ---- Arguments ---- */

Test(assign_open, what_is_no_set_up)
{
    struct vpt_assign_config good;

    host_start();
    good = host.setup;
    assert_status(vpt_assign_open(NULL, &good), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_open(&host.device, NULL), VPT_CALLER_ARGUMENT);
    host.setup.host = NULL;
    refused(VPT_CALLER_ARGUMENT);
    host.setup = good;
    host.setup.storage = NULL;
    refused(VPT_CALLER_ARGUMENT);
    host.setup = good;
    host.setup.config_size = 255;
    refused(VPT_CALLER_ARGUMENT);
    host.setup = good;
    host.setup.page_size = 0x1001;
    refused(VPT_CALLER_ARGUMENT);
    host.setup = good;
    host.setup.trap_count = 1;
    refused(VPT_CALLER_ARGUMENT);
    host.setup = good;
    host.table.config_write = NULL;
    refused(VPT_CALLER_ARGUMENT);
    cr_assert(host.logged == 0);
}

Test(assign_open, storage)
{
    host_start();
    host.setup.regions = VPT_ASSIGN_REGIONS(0) - 1;
    refused(VPT_CALLER_MEMORY);
    host.setup.regions = VPT_ASSIGN_REGIONS(0);
    host.setup.storage_size = VPT_ASSIGN_STORAGE_SIZE(256, 0, host.setup.regions) - 1;
    refused(VPT_CALLER_MEMORY);
    host.setup.storage_size++;
    host.setup.storage = (uint8_t *)host.storage + 4;
    refused(VPT_CALLER_MEMORY);
    cr_assert(host.logged == 0);
    /* Nothing behind it is touched. */
    host.setup.storage = host.storage;
    memset(host.storage, 0xa7, sizeof(host.storage));
    host_open();
    cr_assert(((uint8_t *)host.storage)[host.setup.storage_size] == 0xa7);
    cr_assert(((uint8_t *)host.storage)[host.setup.storage_size - 1] != 0xa7);
}

Test(assign_open, traps_lie_in_their_bars)
{
    static const struct {
        struct vpt_assign_trap trap;
        enum vpt_status status;
    } cases[] = {
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

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        host_start();
        host.bars.bar[0] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .address = 0xe0000000 };
        host.setup.traps = &cases[i].trap;
        host.setup.trap_count = 1;
        if (cases[i].status == VPT_OK) {
            host_open();
        } else {
            refused(cases[i].status);
        }
    }
}

/* The function by the PCI helpers. */
static enum vpt_status read_as_port(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t *value)
{
    (void)ctx;
    (void)address;
    return host.table.config_read(&host, offset, width, value);
}

static enum vpt_status write_as_port(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                     uint32_t value)
{
    (void)ctx;
    (void)address;
    return host.table.config_write(&host, offset, width, value);
}

Test(assign_open, bars_that_no_function_has)
{
    host_start();
    host.bars.bar[5] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .is_64bit = true };
    refused(VPT_CALLER_BAR);
    host.bars.bar[5] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = 0x4001 };
    refused(VPT_CALLER_BAR);
    host.bars.bar[5] =
        (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .address = UINT64_MAX - 0x3ffe };
    refused(VPT_CALLER_BAR);
    host.bars.bar[5].address--;
    host_open();
}

/* The address bits that a register has; the other ones stay as they are. */
static void set_bar(uint16_t offset, uint32_t type, uint32_t mask)
{
    host_set(offset, 4, type);
    for (unsigned i = 0; i < 4; i++) {
        host.fixed[offset + i] = (uint8_t) ~(mask >> 8 * i);
    }
}

/* Whoever sizes them: one whose upper bits are wired to 0 is for guests, one that makes no sense is not. */
Test(assign_open, bars_of_odd_functions)
{
    struct vpt_pci_function function;
    struct vpt_port port = { .config_read = read_as_port, .config_write = write_as_port };

    for (unsigned given = 0; given < 2; given++) {
        host_start();
        set_bar(0x10, 0xc, 0xfff00000);
        set_bar(0x14, 0, 0x3ff);
        set_bar(0x18, 0, 0xffffe800);
        set_bar(0x1c, 1, 0xfffe0000); /* more ports than there are */
        set_bar(0x20, 0, 0);
        set_bar(0x24, 0, 0xfffff000);
        set_bar(0x30, 0, 0);
        function = (struct vpt_pci_function){ &port, { 0, 0, 1, 0 } };
        host.device.config_size = 256;
        assert_status(vpt_pci_bars_size(&function, &host.bars), VPT_OK);
        cr_assert(host.bars.bar[2].kind == VPT_PCI_BAR_BROKEN);
        host.bars.bar[3] = (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_NONE };
        host.setup.bars = given != 0 ? &host.bars : NULL;
        host_open();
        host_give();
        for (uint16_t offset = 0x10; offset < 0x28; offset = (uint16_t)(offset + 4)) {
            guest_write(offset, 4, 0xffffffff);
        }
        cr_assert(guest_read(0x10, 4) == 0xfff0000c && guest_read(0x14, 4) == 0xffffffff);
        cr_assert(guest_read(0x18, 4) == 0 && guest_read(0x1c, 4) == 0 && guest_read(0x24, 4) == 0xfffff000);
    }
}

Test(assign_open, other_header_types)
{
    for (unsigned type = 0; type < 256; type++) {
        host_start();
        host.config[0x0e] = (uint8_t)type;
        if ((type & 0x7f) == 0) {
            host_open();
        } else {
            refused(VPT_UNSUPPORTED_DEVICE);
        }
    }
}

/* ---- The host fails, or is gone ---- */

static bool only_writes_from(unsigned k)
{
    bool only = true;

    for (unsigned i = k - 1; i < host.logged; i++) {
        only = only && host.log[i].write;
    }
    return only;
}

Test(assign_open, each_access_fails_or_finds_it_gone)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        unsigned k = 1;

        for (;; k++) {
            enum vpt_status status;

            host_start();
            host.device.config_size = HOST_SIZE;
            host.setup.bars = NULL;
            memset(&host.fixed[0x10], 0xff, 0x24); /* no BARs */
            *(gone != 0 ? &host.vanish_at : &host.fail_at) = k;
            status = vpt_assign_open(&host.device, &host.setup);
            if (host.accesses < k || (gone != 0 && only_writes_from(k))) {
                /* While it was read, it was there. */
                assert_status(status, VPT_OK);
                break;
            }
            cr_assert(status == (gone != 0 ? VPT_DEVICE_GONE : HOST_FAILURE), "%u: %s", k, vpt_status_str(status));
            cr_assert(all_zero(&host.device, sizeof(host.device)));
        }
        cr_assert(k > 66);
    }
}

/* ---- Who it is ---- */

Test(assign_open, ids_for_the_guest)
{
    static const struct vpt_assign_identity identity = { 0, 0x1111, 0x2222, 0x3333, 0x4444 };

    for (uint32_t which = 0; which <= VPT_ASSIGN_ALL_IDS; which++) {
        struct vpt_assign_identity some = identity;

        some.which = which;
        host_start();
        host.setup.identity = &some;
        host_open();
        host_give();
        cr_assert(guest_read(0x00, 2) == ((which & 1) != 0 ? 0x1111 : 0x1234));
        cr_assert(guest_read(0x02, 2) == ((which & 2) != 0 ? 0x2222 : 0x5678));
        cr_assert(guest_read(0x2c, 2) == ((which & 4) != 0 ? 0x3333 : 0x0def));
        cr_assert(guest_read(0x2e, 2) == ((which & 8) != 0 ? 0x4444 : 0x0abc));
        cr_assert(host.device.vendor_id == guest_read(0, 2) && host.device.device_id == guest_read(2, 2));
        cr_assert(host_writes() == 0);
    }
}

Test(assign_open, types)
{
    static const struct {
        uint16_t vendor, device, subsystem;
        uint32_t type;
    } cases[] = {
        { 0x1af4, 0x1041, 0x1100, 1 }, { 0x1af4, 0x1042, 0, 2 }, { 0x1af4, 0x105a, 0, 26 }, { 0x1af4, 0x107f, 0, 63 },
        { 0x1af4, 0x1080, 2, 0 },      { 0x1af4, 0x1001, 2, 2 }, { 0x1af4, 0x103f, 1, 1 },  { 0x1af4, 0x0fff, 2, 0 },
        { 0x1234, 0x1042, 2, 0 },      { 0x1af4, 0x1040, 5, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        static const struct vpt_assign_identity other = { VPT_ASSIGN_ALL_IDS, 1, 2, 3, 4 };

        cr_assert(vpt_assign_virtio_type(cases[i].vendor, cases[i].device, cases[i].subsystem) == cases[i].type);
        host_start();
        host_set(0x00, 2, cases[i].vendor);
        host_set(0x02, 2, cases[i].device);
        host_set(0x2e, 2, cases[i].subsystem);
        host.setup.identity = &other;
        host_open();
        cr_assert(host.device.type == cases[i].type && host.device.vendor_id == 1, "what it is, not what it is called");
    }
}

Test(assign_open, the_multi_function_bit)
{
    for (unsigned i = 0; i < 4; i++) {
        host_start();
        host.config[0x0e] = (uint8_t)(i % 2 << 7);
        host.setup.multi_function = i >= 2;
        host_open();
        host_give();
        cr_assert(guest_read(0x0e, 1) == (i >= 2 ? 0x80 : 0x00));
    }
}

Test(assign_open, a_virtual_function)
{
    struct vpt_assign_identity identity = { VPT_ASSIGN_ALL_IDS, 0x1af4, 0x1041, 0x1af4, 0x0001 };

    host_start();
    host_set(0x00, 4, 0xffffffff);
    host_capability(0x40, 0x09, 0);
    host_set(0x42, 2, 0x0514);
    host.setup.virtual_function = true;
    refused(VPT_CALLER_ARGUMENT);
    host.setup.identity = &identity;
    host.setup.bars = NULL;
    refused(VPT_CALLER_ARGUMENT);
    host.setup.bars = &host.bars;
    identity.which = VPT_ASSIGN_VENDOR_ID | VPT_ASSIGN_DEVICE_ID;
    refused(VPT_CALLER_ARGUMENT);
    identity.which = VPT_ASSIGN_ALL_IDS;
    host_open();
    host_give();
    cr_assert(guest_read(0x00, 4) == 0x10411af4 && guest_read(0x2c, 4) == 0x00011af4);
    cr_assert(guest_read(0x3d, 1) == 0 && host.device.type == 1);
    cr_assert(guest_read(0x34, 1) == 0, "virtio's configuration access is hidden");
    guest_write(0x04, 2, 0x0006);
    cr_assert(guest_read(0x04, 2) == 0x0006 && host_get(0x04, 2) == 0x0004, "memory enable is the guest's own");
}

Test(assign_open, closing)
{
    struct vpt_assign_registry registry = { NULL };

    host_start();
    assert_status(vpt_assign_close(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_close(&host.device), VPT_CALLER_ARGUMENT);
    host_open();
    host_give();
    assert_status(vpt_assign_close(&host.device), VPT_CALLER_OWNED);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(vpt_assign_registry_add(&registry, &host.device), VPT_OK);
    assert_status(vpt_assign_close(&host.device), VPT_CALLER_STATE);
    assert_status(vpt_assign_registry_remove(&host.device), VPT_OK);
    host_forget();
    assert_status(vpt_assign_close(&host.device), VPT_OK);
    cr_assert(host.logged == 0 && all_zero(&host.device, sizeof(host.device)));
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

/* Sized through the host, on a bus that watches how that is done. */
Test(assign_open, through_a_port)
{
    uint32_t value = 0;

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x1000, .ops = &window_ops });
    pci_bar(2, (struct mock_pci_bar){ .size = 0x40, .io = true, .ops = &window_ops });
    mock_pci_set(&pci.function, 0x10, 4, (uint32_t)PCI_APERTURE);
    mock_pci_set(&pci.function, 0x18, 4, 0xc001);
    mock_pci_set(&pci.function, 0x04, 2, 0x0003);
    pci_remember();
    host_start();
    assert_status(vpt_assign_port_init(&physical, &pci.here), VPT_OK);
    host.setup.host = &physical.host;
    host.setup.bars = NULL;
    host_open();
    assert_status(vpt_assign_check(&host.device), VPT_OK);
    cr_assert(pci_unchanged());
    cr_assert(host.device.layout.bar[0].size == 0x1000 && host.device.layout.bar[0].address == PCI_APERTURE);
    cr_assert(host.device.layout.bar[2].size == 0x40 && host.device.layout.bar[2].address == 0xc000);
    host_give();
    cr_assert(guest_read(0x00, 4) == (PCI_VENDOR | PCI_DEVICE << 16));
    cr_assert(guest_read(0x10, 4) == 0 && guest_read(0x18, 4) == 1);
    guest_write(0x04, 2, 0x0004);
    cr_assert(pci.function.config[4] == 0x07);
    assert_status(physical.host.io_read(physical.host.ctx, 0xc008, 2, &value), VPT_OK);
    cr_assert(value == 0x2018);
    assert_status(physical.host.io_write(physical.host.ctx, 0xc00c, 4, 0x1234), VPT_OK);
    cr_assert(written == 0x1234 && written_at == 0xc);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    cr_assert(pci_unchanged());
    assert_status(vpt_assign_close(&host.device), VPT_OK);
    vpt_assign_port_release(&physical);
    pci_end();
}

Test(assign_open, memory_through_a_port)
{
    uint64_t value = 0;

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x1000, .ops = &window_ops });
    mock_pci_set(&pci.function, 0x10, 4, (uint32_t)PCI_APERTURE);
    mock_pci_set(&pci.function, 0x04, 2, 0x0002);
    assert_status(vpt_assign_port_init(&physical, &pci.here), VPT_OK);
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE + 0x100, 0x20), VPT_OK);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0x11c, 4, &value), VPT_OK);
    cr_assert(value == 0x40302010 + 0x11c);
    assert_status(physical.host.memory_write(physical.host.ctx, PCI_APERTURE + 0x104, 4, 0xffffffff89abcdef), VPT_OK);
    cr_assert(written == 0x89abcdef && written_at == 0x104);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0x11d, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0xfc, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0x108, 8, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.memory_write(physical.host.ctx, PCI_APERTURE + 0x120, 1, 0), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_assign_port_map(&physical, PCI_APERTURE + 0x100 + 0x200, 2), VPT_OK);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0x300, 4, &value), VPT_UNSUPPORTED_PORT);
    assert_status(physical.host.memory_read(physical.host.ctx, PCI_APERTURE + 0x300, 2, &value), VPT_OK);
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

Test(assign_open, a_port_that_lacks_functions)
{
    struct vpt_port none;
    struct vpt_pci_function function;
    uint32_t value;

    memset(&none, 0, sizeof(none));
    memset(&function, 0, sizeof(function));
    function.port = &none;
    assert_status(vpt_assign_port_init(&physical, &function), VPT_OK);
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
