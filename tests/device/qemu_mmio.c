/* SPDX-License-Identifier: MIT */
/* virtio-mmio, versions 1 and 2, on QEMU's microvm, aarch64 virt and riscv64 virt, with the block driver. */
#include "qemu_disk.h"

#include <string.h>

TestSuite(device_mmio, .timeout = 120);

#define SLOT_SIZE   0x200u
#define QEMU_VENDOR 0x554d4551u

struct variant {
    enum vpt_qtest_machine_type machine;
    bool legacy;
    struct ring_features ring;
    bool packed;
};

#define RINGS(machine, legacy, packed)                                                           \
    { machine, legacy, { false, false }, packed }, { machine, legacy, { true, false }, packed }, \
        { machine, legacy, { false, true }, packed },                                            \
    {                                                                                            \
        machine, legacy, { true, true }, packed                                                  \
    }

static struct variant variants[] = {
    RINGS(VPT_QTEST_MICROVM, true, false),      RINGS(VPT_QTEST_MICROVM, false, false),
    RINGS(VPT_QTEST_AARCH64_VIRT, true, false), RINGS(VPT_QTEST_AARCH64_VIRT, false, false),
    RINGS(VPT_QTEST_RISCV64_VIRT, true, false), RINGS(VPT_QTEST_RISCV64_VIRT, false, false),
    RINGS(VPT_QTEST_MICROVM, false, true),      RINGS(VPT_QTEST_AARCH64_VIRT, false, true),
    RINGS(VPT_QTEST_RISCV64_VIRT, false, true),
};

/* Each machine and version, with both ring features. */
static struct variant versions[] = {
    { VPT_QTEST_MICROVM, true, { true, true }, false },      { VPT_QTEST_MICROVM, false, { true, true }, false },
    { VPT_QTEST_AARCH64_VIRT, true, { true, true }, false }, { VPT_QTEST_AARCH64_VIRT, false, { true, true }, false },
    { VPT_QTEST_RISCV64_VIRT, true, { true, true }, false }, { VPT_QTEST_RISCV64_VIRT, false, { true, true }, false },
    { VPT_QTEST_MICROVM, false, { true, true }, true },      { VPT_QTEST_RISCV64_VIRT, false, { true, true }, true },
};

#define VARIANT_TEST(name, table)                                           \
    ParameterizedTestParameters(device_mmio, name)                          \
    {                                                                       \
        return cr_make_param_array(struct variant, table, COUNT_OF(table)); \
    }                                                                       \
    ParameterizedTest(const struct variant *variant, device_mmio, name)

/* ---- A slot ---- */

static struct vpt_mmio mmio;
static void *slot; /* mapping of the disk's slot */

static uint32_t last_slot(void)
{
    return vpt_qtest_slot_count(fixture.machine) - 1u;
}

static void *map_slot(uint32_t index)
{
    void *mapping = NULL;

    assert_status(fixture.port->mmio_map(fixture.port->ctx, vpt_qtest_slot_address(fixture.machine, index), SLOT_SIZE,
                                         VPT_MAP_REGISTERS, &mapping),
                  VPT_OK);
    return mapping;
}

static void unmap_slot(void *mapping)
{
    fixture.port->mmio_unmap(fixture.port->ctx, mapping, SLOT_SIZE);
}

static void start_with(const struct variant *variant, struct fixture_options *options)
{
    fixture_name("%s, version %d, indirect %d, event_idx %d, packed %d", vpt_qtest_machine(variant->machine)->name,
                 variant->legacy ? 1 : 2, variant->ring.indirect, variant->ring.event_idx, variant->packed);
    options->qtest.machine = variant->machine;
    options->image_size = DISK_SIZE;
    options->arguments[0] = "-global";
    options->arguments[1] = variant->legacy ? "virtio-mmio.force-legacy=on" : "virtio-mmio.force-legacy=off";
    options->arguments[2] = "-device";
    options->arguments[3] = variant->packed ? "virtio-blk-device,packed=on,drive=d0,serial=" DISK_SERIAL
                                            : "virtio-blk-device,drive=d0,serial=" DISK_SERIAL;
    fixture_start(options);
    slot = map_slot(last_slot());
    assert_status(vpt_mmio_probe(&mmio, fixture.port, slot, SLOT_SIZE), VPT_OK);
    assert_that(vpt_device_legacy(&mmio.device) == variant->legacy);
}

/* Starts the machine and finds its disk. The driver is not started. */
static void start(const struct variant *variant)
{
    struct fixture_options options = { .image_size = 0 };

    start_with(variant, &options);
}

static void start_disk(const struct variant *variant)
{
    start(variant);
    disk_start(&mmio.device, &variant->ring, NULL);
}

/* Call after disk_stop(). */
static void finish(void)
{
    unmap_slot(slot);
    fixture_finish();
}

static void end(void)
{
    assert_that(disk_stop() == 0);
    finish();
}

/* ---- Tests ---- */

VARIANT_TEST(MMIO_REG_6_the_disk_is_in_the_last_slot_and_the_others_are_empty, versions)
{
    start(variant);
    assert_that(mmio.device.type == VPT_DEVICE_TYPE_BLOCK && mmio.device.vendor == QEMU_VENDOR);
    for (uint32_t i = 0; i < last_slot(); i++) {
        struct vpt_mmio other;
        void *mapping = map_slot(i);

        assert_status(vpt_mmio_probe(&other, fixture.port, mapping, SLOT_SIZE), VPT_EMPTY_SLOT);
        unmap_slot(mapping);
    }
    finish();
}

VARIANT_TEST(what_is_written_is_in_the_image_and_what_is_in_the_image_is_read, variants)
{
    start_disk(variant);
    disk_check_blocking();
    end();
}

VARIANT_TEST(buffers_may_be_shared_in_small_pieces, versions)
{
    struct fixture_options options = { .qtest.share_most = 1536u + 100u };

    start_with(variant, &options);
    disk_start(&mmio.device, &variant->ring, NULL);
    disk_check_blocking();
    end();
}

VARIANT_TEST(many_requests_at_once_agree_with_a_model_of_the_disk, variants)
{
    start_disk(variant);
    disk_check_asynchronous();
    end();
}

VARIANT_TEST(BLK_OP_8_flush_and_get_id, variants)
{
    start_disk(variant);
    disk_check_flush_and_id();
    end();
}

VARIANT_TEST(a_long_request_takes_one_entry_of_the_ring_if_tables_are_indirect, variants)
{
    static const struct vpt_requests_config config = { .requests = 4, .segments = 8, .size = 16 };
    struct vpt_segment segments[8];
    struct vpt_blk_request request = { VPT_BLK_READ, 3, segments, 8, 0, NULL };
    unsigned expected = variant->ring.indirect ? 4 : 1;
    unsigned taken = 0;

    start(variant);
    disk_start(&mmio.device, &variant->ring, &config);
    assert_that(vpt_queue_size(&disk.queue.requests.queue) == 16);
    disk_data(8 * SECTOR);
    for (unsigned i = 0; i < 8; i++) {
        segments[i] = disk_segment(i * SECTOR, SECTOR);
    }
    while (taken < 5 && vpt_blk_submit(&disk.queue, &request, NULL) == VPT_OK) {
        taken++;
    }
    assert_that(taken == expected);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    for (unsigned i = 0; i < taken; i++) {
        assert_status(disk_complete(NULL), VPT_OK);
    }
    assert_that(disk_bytes(0)[0] == 0x11 && memcmp(disk_bytes(0), disk_bytes(1), 8 * SECTOR - 1u) == 0);
    end();
}

/* ---- Interrupts ---- */

static uint32_t line(void)
{
    return vpt_qtest_slot_line(fixture.machine, last_slot());
}

static void read_sector(void)
{
    assert_status(disk_submit(VPT_BLK_READ, 9, 0, SECTOR, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
}

/* A request raises the line; the handler finds the cause and lowers it. Polling until empty arms the next interrupt. */
static void check_interrupt(void)
{
    struct vpt_completion completion;
    uint32_t raises = vpt_qtest_line_raises(fixture.qtest, line());

    read_sector();
    assert_status(vpt_qtest_wait_line(fixture.qtest, line(), raises, FIXTURE_WAIT), VPT_OK);
    assert_that(vpt_qtest_line_high(fixture.qtest, line()));
    assert_that(vpt_device_interrupt(&mmio.device) == VPT_INTERRUPT_QUEUE);
    assert_that(!vpt_qtest_line_high(fixture.qtest, line()));
    assert_that(vpt_device_interrupt(&mmio.device) == 0);
    assert_status(disk_complete(NULL), VPT_OK);
    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_EMPTY);
    assert_that(vpt_qtest_line_raises(fixture.qtest, line()) == raises + 1u);
}

/* Requests complete while the line stays low. */
static void check_no_interrupt(void)
{
    uint32_t raises = vpt_qtest_line_raises(fixture.qtest, line());

    for (unsigned i = 0; i < 3; i++) {
        read_sector();
        assert_status(disk_complete(NULL), VPT_OK);
    }
    assert_that(vpt_device_interrupt(&mmio.device) == 0); /* QEMU would interrupt before it answers this read */
    assert_that(vpt_qtest_line_raises(fixture.qtest, line()) == raises);
    assert_that(!vpt_qtest_line_high(fixture.qtest, line()));
}

VARIANT_TEST(MMIO_IRQ_3_a_completion_raises_the_line_while_notifications_are_on, variants)
{
    start(variant);
    fixture_intercept();
    disk_start(&mmio.device, &variant->ring, NULL);
    disk_data(SECTOR);
    check_interrupt();
    check_interrupt();
    vpt_requests_notifications_off(&disk.queue.requests);
    check_no_interrupt();
    assert_that(!vpt_requests_notifications_on(&disk.queue.requests));
    check_interrupt();
    vpt_requests_notifications_off(&disk.queue.requests);
    read_sector();
    assert_status(disk_complete(NULL), VPT_OK);
    end();
}

VARIANT_TEST(turning_notifications_on_tells_of_what_came_meanwhile, variants)
{
    start(variant);
    fixture_intercept();
    disk_start(&mmio.device, &variant->ring, NULL);
    disk_data(SECTOR);
    check_interrupt(); /* with EVENT_IDX, QEMU always sends the first one */
    vpt_requests_notifications_off(&disk.queue.requests);
    read_sector();
    for (uint32_t i = 0; !vpt_queue_has_used(&disk.queue.requests.queue); i++) {
        assert_that(fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i));
    }
    assert_that(vpt_device_interrupt(&mmio.device) == 0); /* QEMU would interrupt before it answers this read */
    assert_that(vpt_requests_notifications_on(&disk.queue.requests));
    assert_status(disk_complete(NULL), VPT_OK);
    assert_that(vpt_qtest_line_raises(fixture.qtest, line()) == 1);
    end();
}

/* ---- Reset ---- */

VARIANT_TEST(RESET_1_a_reset_takes_back_what_is_in_flight_and_the_disk_starts_again, variants)
{
    start_disk(variant);
    disk_check_reset_in_flight();
    for (unsigned i = 0; i < 3; i++) {
        disk_start(&mmio.device, &variant->ring, NULL);
        disk_check_flush_and_id();
        assert_that(disk_stop() == 0);
    }
    disk_start(&mmio.device, &variant->ring, NULL);
    disk_check_blocking();
    end();
}

VARIANT_TEST(INIT_1_a_device_that_was_left_running_is_taken_over, versions)
{
    static struct disk before;
    struct vpt_mmio mmio_before;

    start_disk(variant);
    disk_check_flush_and_id();
    before = disk;
    mmio_before = mmio;
    memset(&disk, 0, sizeof(disk));
    assert_status(vpt_mmio_probe(&mmio, fixture.port, slot, SLOT_SIZE), VPT_OK);
    disk_start(&mmio.device, &variant->ring, NULL);
    disk_check_blocking();
    assert_that(disk_stop() == 0);
    /* Releases what the driver before forgot to release. */
    disk = before;
    disk.device = disk.blk.driver.device = disk.queue.requests.queue.device = &mmio_before.device;
    assert_that(disk_stop() == 0);
    finish();
}
