/* SPDX-License-Identifier: MIT */
#include "qemu_function.h"

struct function function;

static const char *const kinds[] = { "legacy only", "transitional", "modern only" };
static const char *const kind_properties[] = {
    "disable-modern=on,disable-legacy=off",
    "disable-modern=off,disable-legacy=off",
    "disable-modern=off,disable-legacy=on",
};
static const char *const interfaces[] = { "any", "modern", "legacy" };

void function_machine(const struct function_variant *variant, const char *const *more)
{
    struct fixture_options options = {
        .qtest = { .machine = variant->machine, .ecam = variant->ecam, .iommu = variant->iommu, .qmp = true },
        .image_size = DISK_SIZE
    };
    static char device[200];
    unsigned count = 0;

    fixture_name("%s, %s, interface %s, indirect %d, event_idx %d%s%s%s%s", vpt_qtest_machine(variant->machine)->name,
                 kinds[variant->kind], interfaces[variant->interface], variant->ring.indirect, variant->ring.event_idx,
                 variant->ecam ? ", ECAM" : "", variant->iommu ? ", IOMMU" : "",
                 variant->properties[0] != 0 ? ", " : "", variant->properties);
    (void)snprintf(device, sizeof(device), "virtio-blk-pci,drive=d0,serial=" DISK_SERIAL ",%s%s%s",
                   kind_properties[variant->kind], variant->properties[0] != 0 ? "," : "", variant->properties);
    for (; more != NULL && more[count] != NULL; count++) {
        options.arguments[count] = more[count];
    }
    options.arguments[count++] = "-device";
    options.arguments[count++] = device;
    fixture_start(&options);
}

/* ---- Finding ---- */

static bool visit(void *ctx, const struct vpt_pci_function *found, const struct vpt_pci_identity *identity)
{
    bool *done = ctx;
    bool disk_found = identity->class_code >> 16 == 0x01u; /* mass storage; the identifiers vary */

    if (identity->vendor_id == VPT_PCI_VENDOR_VIRTIO && (disk_found || fixture.image_size == 0)) {
        function.function = *found;
        function.identity = *identity;
        *done = true;
    }
    return !*done;
}

void function_find(void)
{
    bool found = false;

    assert_status(vpt_qtest_assign_buses(fixture.qtest), VPT_OK);
    assert_status(vpt_pci_enumerate(fixture.port, 0, 0, 255, visit, &found), VPT_OK);
    assert_that(found);
    assert_status(vpt_pci_bars_size(&function.function, &function.bars), VPT_OK);
}

/* ---- Start and end ---- */

void function_start(const struct function_variant *variant)
{
    bool legacy = variant->kind == LEGACY_ONLY || variant->interface == VPT_VIRTIO_PCI_LEGACY;

    function_machine(variant, NULL);
    function_find();
    assert_status(vpt_virtio_pci_probe(&function.pci, &function.function, &function.bars, variant->interface), VPT_OK);
    assert_that(vpt_device_legacy(&function.pci.device) == legacy);
    assert_that(function.pci.device.type == VPT_DEVICE_TYPE_BLOCK);
}

void function_start_disk(const struct function_variant *variant)
{
    function_start(variant);
    disk_start(&function.pci.device, &variant->ring, NULL);
    assert_that(vpt_features_has(&function.pci.device.features, VPT_F_ACCESS_PLATFORM) == variant->iommu);
}

void function_finish(void)
{
    vpt_virtio_pci_close(&function.pci);
    assert_that((function_command() & VPT_PCI_COMMAND_BUS_MASTER) == 0);
    fixture_finish();
}

void function_end(void)
{
    assert_that(disk_stop() == 0);
    function_finish();
}

uint16_t function_command(void)
{
    uint32_t value = 0;

    assert_status(vpt_pci_read(&function.function, 4, 2, &value), VPT_OK);
    return (uint16_t)value;
}
