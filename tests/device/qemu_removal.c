/* SPDX-License-Identifier: MIT */
/*
 * Surprise removal: the disk leaves the machine with requests in flight, and another one enters its slot. pc uses the
 * registers of ACPI hotplug, the other machines the slot registers of a root port. (QEMU has no hotplug for
 * virtio-mmio.)
 */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_removal, .timeout = 60);

struct variant {
    struct place place;
    bool behind_port;
};

static struct variant variants[] = {
    { { VPT_QTEST_PC, PCI_LEGACY, false, false }, false },
    { { VPT_QTEST_PC, PCI_MODERN, false, false }, false },
    { { VPT_QTEST_Q35, PCI_MODERN, false, false }, true },
    { { VPT_QTEST_PC, PCI_MODERN, false, true }, false },
    { { VPT_QTEST_RISCV64_VIRT, PCI_MODERN, false, true }, true },
    { { VPT_QTEST_AARCH64_VIRT, PCI_LEGACY, false, false }, true },
    { { VPT_QTEST_AARCH64_VIRT, PCI_MODERN, false, false }, true },
    { { VPT_QTEST_RISCV64_VIRT, PCI_MODERN, false, false }, true },
};

#define VARIANT_TEST(name)                                                        \
    ParameterizedTestParameters(device_removal, name)                             \
    {                                                                             \
        return cr_make_param_array(struct variant, variants, COUNT_OF(variants)); \
    }                                                                             \
    ParameterizedTest(const struct variant *variant, device_removal, name)

#define REQUESTS 6u
#define KICKED   4u /* number kicked; the throttle holds these back until QEMU's removal lets them complete */
#define PATIENCE 50u

#define ACPI_EJECT  0xae08u /* one bit for each device of the selected bus */
#define ACPI_SELECT 0xae10u

#define CAPABILITY_EXPRESS 0x10u
#define SLOT_CONTROL       0x18u   /* offset in the capability */
#define SLOT_ON            0x0100u /* indicator on, power on */
#define SLOT_OFF           0x0700u

static const struct vpt_pci_address port_address = { 0, 0, 3, 0 };
static uint8_t tokens[REQUESTS];
static uint8_t bytes[128 * SECTOR];
static uint8_t seen[sizeof(bytes)];

/* ---- The slot ---- */

/* The next disk behind the port gets the same addresses, because the port's windows hold no others. */
static void probe_next(const struct variant *variant)
{
    if (!variant->behind_port) {
        place_probe();
        return;
    }
    assert_status(vpt_pci_identify(&function.function, &function.identity), VPT_OK);
    assert_status(vpt_pci_bars_restore(&function.function, &function.bars), VPT_OK);
    place_probe_function();
}

static void set_slot(uint16_t control)
{
    const struct vpt_pci_function port = { fixture.port, port_address };
    uint16_t capability = 0;

    assert_status(vpt_pci_find_capability(&port, CAPABILITY_EXPRESS, &capability), VPT_OK);
    assert_status(vpt_pci_write(&port, (uint16_t)(capability + SLOT_CONTROL), 2, control), VPT_OK);
}

/* The user's request, and the reaction of firmware or kernel. */
static void take_out(const struct variant *variant)
{
    assert_status(vpt_qtest_qmp(fixture.qtest, "{'execute': 'device_del', 'arguments': {'id': 'device'}}"), VPT_OK);
    if (variant->behind_port) {
        set_slot(SLOT_OFF);
    } else {
        fixture.port->io_write(fixture.port->ctx, ACPI_SELECT, 4, 0);
        fixture.port->io_write(fixture.port->ctx, ACPI_EJECT, 4, 1u << FUNCTION_DEVICE);
    }
    assert_status(vpt_qtest_qmp_event(fixture.qtest, "DEVICE_DELETED", "\"device\": \"device\"", FIXTURE_WAIT), VPT_OK);
    assert_status(vpt_pci_identify(&function.function, &function.identity), VPT_EMPTY_SLOT);
}

static void put_in(const struct variant *variant)
{
    bool legacy = variant->place.transport == PCI_LEGACY;

    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'device_add', 'arguments': {'driver': 'virtio-blk-pci', 'id': 'device', "
                                "'drive': 't0', 'serial': '" DISK_SERIAL "', %s, 'disable-modern': %s, "
                                "'disable-legacy': '%s', 'packed': %s}}",
                                variant->behind_port ? "'bus': 'bridge'" : "'addr': '5'", legacy ? "true" : "false",
                                legacy ? "off" : "on", variant->place.packed ? "true" : "false"),
                  VPT_OK);
    if (variant->behind_port) {
        set_slot(SLOT_ON);
    }
}

/* ---- The disk ---- */

static void start(const struct variant *variant)
{
    struct fixture_options options = { .arguments = { "-object", "throttle-group,id=t", "-blockdev",
                                                      "driver=throttle,node-name=t0,throttle-group=t,file=d0",
                                                      "-device", "pcie-root-port,id=bridge,addr=3,chassis=1", "-global",
                                                      "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off" } };

    if (!variant->behind_port) {
        options.arguments[4] = NULL;
    }
    options.image_size = DISK_SIZE;
    place_machine(&variant->place, "virtio-blk",
                  variant->behind_port ? ",drive=t0,serial=" DISK_SERIAL ",bus=bridge"
                                       : ",drive=t0,serial=" DISK_SERIAL,
                  &options);
    place_probe();
    disk_start(placed.device, NULL, NULL);
}

static void throttle(unsigned requests)
{
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'qom-set', 'arguments': {'path': '/objects/t', 'property': 'limits', "
                                "'value': {'iops-total': %u, 'iops-size': %u}}}",
                                requests, requests != 0 ? SECTOR : 0),
                  VPT_OK);
}

/* Submits requests, of which the device sees only some. */
static void put_in_flight(void)
{
    disk_data(REQUESTS * SECTOR);
    throttle(1);
    assert_status(vpt_blk_read(&disk.queue, 0, seen, sizeof(seen)), VPT_OK); /* further requests wait long */
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_status(disk_submit(VPT_BLK_READ, 200 + i, i * SECTOR, SECTOR, &tokens[i]), VPT_OK);
        if (i + 1u == KICKED) {
            assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        }
    }
}

/* Each request comes back once; VPT_OK means that the device completed it before the removal. */
static void take_all_back(void)
{
    struct vpt_completion completion = { 0 };
    uint32_t back = 0;
    enum vpt_status polled;

    for (polled = vpt_requests_poll(&disk.queue.requests, &completion); polled == VPT_OK;
         polled = vpt_requests_poll(&disk.queue.requests, &completion)) {
        ptrdiff_t index = (uint8_t *)completion.token - tokens;

        assert_that(index >= 0 && index < (ptrdiff_t)REQUESTS && (back & 1u << index) == 0);
        back |= 1u << index;
        if (completion.status == VPT_OK) {
            assert_that(index < (ptrdiff_t)KICKED);
            assert_that(memcmp(disk_bytes((size_t)index * SECTOR), bytes + (size_t)index * SECTOR, SECTOR) == 0);
        } else {
            assert_status(completion.status, VPT_DEVICE_GONE);
        }
    }
    assert_status(polled, VPT_EMPTY);
    assert_that(back == (1u << REQUESTS) - 1u && requests_in_flight(&disk.queue.requests) == 0);
}

static void expect_gone(void)
{
    struct vpt_config_field field = { .width = 8 };
    uint64_t value;
    uint32_t part;

    assert_that(vpt_device_gone(placed.device));
    assert_status(vpt_device_check(placed.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_reset(placed.device), VPT_DEVICE_GONE);
    assert_status(vpt_device_start(placed.device), VPT_DEVICE_GONE);
    assert_that(vpt_device_interrupt(placed.device) == 0);
    assert_status(vpt_device_config_read(placed.device, 0, 4, &part), VPT_DEVICE_GONE);
    assert_status(vpt_device_config_fields(placed.device, &field, 1, &value), VPT_DEVICE_GONE);
    assert_status(vpt_blk_read(&disk.queue, 0, seen, SECTOR), VPT_DEVICE_GONE);
    assert_status(vpt_blk_flush(&disk.queue), VPT_DEVICE_GONE);
}

/* Memory and mappings are freed although no register answers. */
static void let_go(void)
{
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    if (disk.data.address != NULL) {
        fixture.port->dma_free(fixture.port->ctx, &disk.data, disk.data_flags);
        disk.data.address = NULL;
    }
    assert_status(vpt_virtio_pci_close(&function.pci), VPT_DEVICE_GONE);
    assert_that(vpt_qtest_clean(fixture.qtest, stderr));
}

static void next_disk(const struct variant *variant)
{
    throttle(0);
    put_in(variant);
    probe_next(variant);
    disk_start(placed.device, NULL, NULL);
    disk_check_works(bytes, seen, sizeof(bytes), 2);
    place_end();
}

/* ---- Tests ---- */

VARIANT_TEST(requests_in_flight_of_a_removed_device_come_back_and_the_next_one_works)
{
    start(variant);
    disk_check_works(bytes, seen, sizeof(bytes), 1);
    put_in_flight();
    take_out(variant);
    assert_that(vpt_device_interrupt(placed.device) == 0);      /* on a shared line */
    assert_status(vpt_blk_refresh(&disk.blk), VPT_DEVICE_GONE); /* first access after the removal */
    take_all_back();
    expect_gone();
    let_go();
    next_disk(variant);
}

VARIANT_TEST(a_blocking_call_finds_out_that_the_device_is_gone)
{
    struct vpt_completion completion;

    start(variant);
    disk_check_works(bytes, seen, sizeof(bytes), 1);
    take_out(variant);
    assert_that(!vpt_device_gone(placed.device)); /* no access since the removal */
    placed.patience = PATIENCE;
    assert_status(vpt_blk_write(&disk.queue, 3, bytes, SECTOR), VPT_DEVICE_GONE);
    assert_that(requests_in_flight(&disk.queue.requests) == 0 && vpt_qtest_counts(fixture.qtest).shares == 0);
    placed.patience = 0;
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
    expect_gone();
    let_go();
    next_disk(variant);
}

/* The removal comes between probe and bring-up. */
VARIANT_TEST(bring_up_of_a_device_that_has_just_gone_says_so)
{
    struct vpt_virtio_pci second = { .msix = 0 };

    start(variant);
    assert_that(disk_stop() == 0);
    take_out(variant);
    assert_status(vpt_blk_init(&disk.blk, placed.device, NULL), VPT_DEVICE_GONE);
    assert_that(vpt_device_gone(placed.device));
    assert_status(vpt_virtio_pci_close(&function.pci), VPT_DEVICE_GONE);
    assert_status(vpt_virtio_pci_probe(&second, &function.function, &function.bars, VPT_VIRTIO_PCI_ANY),
                  VPT_EMPTY_SLOT);
    next_disk(variant);
}
