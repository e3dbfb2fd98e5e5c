/* SPDX-License-Identifier: MIT */
#include "qemu_place.h"

#include <string.h>

#define SLOT_SIZE     0x200u
#define MMIO_STATUS   0x70u
#define MODERN_STATUS 20u /* offset in the common configuration */
#define LEGACY_STATUS 18u /* offset in BAR 0 */

struct placed placed;

struct place places[] = {
    { VPT_QTEST_MICROVM, MMIO_1, false, false },
    { VPT_QTEST_MICROVM, MMIO_2, false, false },
    { VPT_QTEST_AARCH64_VIRT, MMIO_1, false, false },
    { VPT_QTEST_RISCV64_VIRT, MMIO_2, false, false },
    { VPT_QTEST_PC, PCI_LEGACY, false, false },
    { VPT_QTEST_PC, PCI_MODERN, false, false },
    { VPT_QTEST_Q35, PCI_MODERN, true, false },
    { VPT_QTEST_Q35, PCI_LEGACY, false, false },
    { VPT_QTEST_AARCH64_VIRT, PCI_MODERN, false, false },
    { VPT_QTEST_RISCV64_VIRT, PCI_LEGACY, false, false },
    { VPT_QTEST_MICROVM, MMIO_2, false, true },
    { VPT_QTEST_PC, PCI_MODERN, false, true },
    { VPT_QTEST_Q35, PCI_MODERN, true, true },
    { VPT_QTEST_AARCH64_VIRT, MMIO_2, false, true },
    { VPT_QTEST_RISCV64_VIRT, PCI_MODERN, false, true },
};
_Static_assert(COUNT_OF(places) == PLACES_COUNT, "as the header says");

bool place_is_pci(const struct place *place)
{
    return place->transport == PCI_LEGACY || place->transport == PCI_MODERN;
}

bool place_is_legacy(const struct place *place)
{
    return place->transport == PCI_LEGACY || place->transport == MMIO_1;
}

/* ---- Hooks ---- */

static void run_before_write(void)
{
    void (*hook)(void) = placed.before_write;

    placed.before_write = NULL;
    if (hook != NULL) {
        hook();
    }
}

static void hooked_mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    run_before_write();
    fixture.port->mmio_write(ctx, mapping, offset, width, value);
}

static void hooked_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    run_before_write();
    fixture.port->io_write(ctx, io_port, width, value);
}

static bool hooked_keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    static uint64_t ends;

    if (what == VPT_WAIT_REQUEST && placed.patience != 0) {
        if (iteration == 0) {
            ends = now() + placed.patience;
        }
        if (now() >= ends) {
            return false;
        }
    }
    return fixture.port->keep_waiting(ctx, what, iteration);
}

static void hooked_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                           bool access_platform)
{
    if (placed.reset_before_unshare) {
        assert_that(place_status() == 0);
    }
    fixture.port->unshare(ctx, buffer, shared, direction, access_platform);
}

static void make_port(void)
{
    placed.port = *fixture.port;
    placed.port.mmio_write = hooked_mmio_write;
    placed.port.io_write = hooked_io_write;
    placed.port.keep_waiting = hooked_keep_waiting;
    placed.port.unshare = hooked_unshare;
}

/* ---- Start ---- */

static uint32_t last_slot(void)
{
    return vpt_qtest_slot_count(fixture.machine) - 1u;
}

static void probe_slot(void)
{
    const struct vpt_port *port = &placed.port;

    assert_status(port->mmio_map(port->ctx, vpt_qtest_slot_address(fixture.machine, last_slot()), SLOT_SIZE,
                                 VPT_MAP_REGISTERS, &placed.slot),
                  VPT_OK);
    assert_status(vpt_mmio_probe(&placed.mmio, port, placed.slot, SLOT_SIZE), VPT_OK);
    placed.device = &placed.mmio.device;
}

void place_probe_function(void)
{
    function.function.port = &placed.port;
    assert_status(
        vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars,
                             placed.place.transport == PCI_LEGACY ? VPT_VIRTIO_PCI_LEGACY : VPT_VIRTIO_PCI_MODERN),
        VPT_OK);
    placed.device = &function.pci.device;
}

void place_probe(void)
{
    if (place_is_pci(&placed.place)) {
        function_find();
        place_probe_function();
    } else {
        probe_slot();
    }
    assert_that(vpt_device_legacy(placed.device) == place_is_legacy(&placed.place));
}

static const char *where(const struct place *place, const char *properties)
{
    return place_is_pci(place) && strstr(properties, ",bus=") == NULL ? ",addr=5" : "";
}

void place_machine(const struct place *place, const char *model, const char *properties,
                   struct fixture_options *options)
{
    static const char *const names[] = { "virtio-mmio 1", "virtio-mmio 2", "virtio-pci legacy", "virtio-pci modern" };
    static char device[200];
    unsigned count = 0;

    fixture_name("%s, %s%s%s", vpt_qtest_machine(place->machine)->name, names[place->transport],
                 place->iommu ? ", IOMMU" : "", place->packed ? ", packed" : "");
    while (options->arguments[count] != NULL) {
        count++;
    }
    (void)snprintf(device, sizeof(device), "%s-%s,id=device%s%s%s%s%s", model, place_is_pci(place) ? "pci" : "device",
                   where(place, properties),
                   strncmp(model, "vhost-user", 10) == 0 ? "" /* which is modern alone */
                   : place->transport == PCI_MODERN      ? ",disable-legacy=on,disable-modern=off"
                   : place->transport == PCI_LEGACY      ? ",disable-legacy=off,disable-modern=on"
                                                         : "",
                   place->iommu ? ",iommu_platform=on" : "", place->packed ? ",packed=on" : "", properties);
    options->arguments[count++] = "-global";
    options->arguments[count++] =
        place->transport == MMIO_2 ? "virtio-mmio.force-legacy=off" : "virtio-mmio.force-legacy=on";
    options->arguments[count++] = "-device";
    options->arguments[count++] = device;
    options->qtest.machine = place->machine;
    options->qtest.iommu = place->iommu;
    options->qtest.qmp = true;
    fixture_start(options);
    placed = (struct placed){ .place = *place };
    make_port();
}

void place_start(const struct place *place, const char *model, const char *properties, struct fixture_options *options)
{
    place_machine(place, model, properties, options);
    place_probe();
}

void place_start_disk_on(const struct place *place, const char *node, const char *properties,
                         struct fixture_options *options)
{
    static char disk_properties[160];

    (void)snprintf(disk_properties, sizeof(disk_properties), ",drive=%s,serial=" DISK_SERIAL "%s", node, properties);
    options->image_size = DISK_SIZE;
    place_start(place, "virtio-blk", disk_properties, options);
}

void place_start_disk(const struct place *place)
{
    struct fixture_options options = { .image_size = 0 };

    place_start_disk_on(place, "d0", "", &options);
}

/* ---- The device's own registers ---- */

uint32_t place_status(void)
{
    uint64_t registers;

    if (!place_is_pci(&placed.place)) {
        registers = vpt_qtest_slot_address(fixture.machine, last_slot());
        return vpt_qtest_read(fixture.qtest, registers + MMIO_STATUS, 4);
    }
    registers = function.pci.common.address;
    if (placed.place.transport == PCI_MODERN) {
        return vpt_qtest_read(fixture.qtest, registers + MODERN_STATUS, 1);
    }
    return fixture.port->io_read(fixture.port->ctx, (uint16_t)(registers + LEGACY_STATUS), 1);
}

uint32_t place_line(void)
{
    return place_is_pci(&placed.place)
               ? vpt_qtest_intx_line(fixture.qtest, function.function.address.device, function.identity.interrupt_pin)
               : vpt_qtest_slot_line(fixture.machine, last_slot());
}

void place_intercept(void)
{
    fixture_intercept();
    if (place_is_pci(&placed.place)) {
        assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
    }
}

/* ---- End ---- */

void place_close(void)
{
    if (place_is_pci(&placed.place)) {
        assert_status(vpt_virtio_pci_close(&function.pci), VPT_OK);
        assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    } else {
        placed.port.mmio_unmap(placed.port.ctx, placed.slot, SLOT_SIZE);
    }
}

void place_finish(void)
{
    place_close();
    fixture_finish();
}

void place_end(void)
{
    assert_that(disk_stop() == 0);
    place_finish();
}
