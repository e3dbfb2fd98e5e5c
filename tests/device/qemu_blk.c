/* SPDX-License-Identifier: MIT */
/* Features of QEMU's disk besides reading and writing: ranges, several queues, the write cache. */
#include "qemu_function.h"

#include <string.h>

TestSuite(device_blk, .timeout = 60);

#define QUEUES 4u

static struct function_variant variants[] = {
    { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "num-queues=4" },
    { VPT_QTEST_PC, LEGACY_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "num-queues=4" },
    { VPT_QTEST_RISCV64_VIRT, TRANSITIONAL, VPT_VIRTIO_PCI_LEGACY, { false, false }, false, false, "num-queues=4" },
    { VPT_QTEST_AARCH64_VIRT, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { false, true }, false, false, "num-queues=4" },
    { VPT_QTEST_Q35, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, true, "num-queues=4,iommu_platform=on" },
    { VPT_QTEST_PC, MODERN_ONLY, VPT_VIRTIO_PCI_ANY, { true, true }, false, false, "num-queues=4,packed=on" },
};

#define VARIANT_TEST(name)                                                                 \
    ParameterizedTestParameters(device_blk, name)                                          \
    {                                                                                      \
        return cr_make_param_array(struct function_variant, variants, COUNT_OF(variants)); \
    }                                                                                      \
    ParameterizedTest(const struct function_variant *variant, device_blk, name)

static struct vpt_blk_queue more[QUEUES - 1u];
static uint8_t model[DISK_SIZE];
static uint8_t bytes[DISK_SIZE];

static struct vpt_blk_queue *queue_of(uint16_t index)
{
    return index == 0 ? &disk.queue : &more[index - 1u];
}

/* Starts the disk with ranges and all queues. */
static void start(const struct function_variant *variant)
{
    static const struct vpt_requests_config config = { .requests = 8, .segments = 4 };

    function_start(variant);
    disk.device = &function.pci.device;
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
    fixture_check_ring(disk.device);
    assert_status(vpt_blk_ranges_init(&disk.blk, 4), VPT_OK);
    assert_that(disk.blk.info.queues == QUEUES);
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_blk_queue_init(queue_of(i), &disk.blk, i, &config), VPT_OK);
    }
    assert_status(vpt_blk_queue_init(&(struct vpt_blk_queue){ .requests = 0 }, &disk.blk, QUEUES, &config),
                  VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_driver_start(&disk.blk.driver), VPT_OK);
    fill(model, sizeof(model), 5);
    image_write(0, model, sizeof(model));
}

static void end(void)
{
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    for (uint16_t i = 1; i < QUEUES; i++) {
        assert_status(vpt_requests_release(&queue_of(i)->requests), VPT_OK);
    }
    function_end();
}

/* ---- Ranges ---- */

VARIANT_TEST(BLK_OP_7_zeroed_sectors_are_zeroes_in_the_image_and_others_are_not)
{
    start(variant);
    assert_that(disk.blk.info.write_zeroes.sectors != 0 && disk.blk.info.write_zeroes_unmap);
    assert_status(vpt_blk_write_zeroes(&disk.queue, 17, 1000, false), VPT_OK);
    memset(model + 17 * SECTOR, 0, 1000 * SECTOR);
    assert_that(image_is(model));
    assert_status(vpt_blk_write_zeroes(queue_of(1), 2048, 64, true), VPT_OK);
    memset(model + 2048 * SECTOR, 0, 64 * SECTOR);
    assert_that(image_is(model));
    assert_status(vpt_blk_write_zeroes(&disk.queue, DISK_SECTORS - 1u, 2, false), VPT_CALLER_RANGE);
    assert_status(vpt_blk_read(&disk.queue, 0, bytes, sizeof(bytes)), VPT_OK);
    assert_that(memcmp(bytes, model, sizeof(model)) == 0);
    end();
}

VARIANT_TEST(BLK_OP_11_as_many_ranges_as_the_device_takes_go_in_one_request)
{
    static const struct vpt_blk_range ranges[] = { { 1, 1, false }, { 8, 8, false }, { 4000, 96, true } };
    struct vpt_blk_request request = { .operation = VPT_BLK_WRITE_ZEROES, .ranges = ranges };
    uint16_t most;

    start(variant);
    most = (uint16_t)(disk.blk.info.write_zeroes.ranges < 3 ? 1 : 3);
    request.range_count = most;
    assert_status(vpt_blk_submit(&disk.queue, &request, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    assert_status(disk_complete(NULL), VPT_OK);
    for (uint16_t i = 0; i < most; i++) {
        memset(model + ranges[i].sector * SECTOR, 0, ranges[i].sectors * SECTOR);
    }
    assert_that(image_is(model));
    request.range_count = (uint16_t)(disk.blk.info.write_zeroes.ranges + 1u);
    assert_that(request.range_count > 4 || vpt_blk_submit(&disk.queue, &request, NULL) == VPT_CALLER_TOO_LONG);
    end();
}

VARIANT_TEST(BLK_OP_15_a_discard_leaves_all_other_sectors)
{
    const struct vpt_blk_limits *limits = &disk.blk.info.discard;

    start(variant);
    assert_that(limits->sectors != 0 && limits->alignment != 0 && 1024u % limits->alignment == 0);
    assert_status(vpt_blk_discard(&disk.queue, 1024, 1024), VPT_OK);
    assert_status(vpt_blk_discard(&disk.queue, DISK_SECTORS, limits->alignment), VPT_CALLER_RANGE);
    image_read(0, bytes, sizeof(bytes));
    assert_that(memcmp(bytes, model, 1024 * SECTOR) == 0);
    assert_that(memcmp(bytes + 2048 * SECTOR, model + 2048 * SECTOR, sizeof(model) - 2048 * SECTOR) == 0);
    assert_status(vpt_blk_secure_erase(&disk.queue, 0, 8), VPT_UNSUPPORTED_REQUEST); /* not in QEMU 7.2 */
    end();
}

/* ---- Several queues ---- */

static uint8_t *of_queue(uint16_t index)
{
    return disk_bytes(index * (size_t)SECTOR);
}

static void submit_on(uint16_t index, uint32_t round)
{
    uint64_t sector = (uint64_t)index * 1000u + round;
    struct vpt_segment segment = disk_segment(index * (size_t)SECTOR, SECTOR);
    struct vpt_blk_request request = {
        .operation = VPT_BLK_WRITE, .sector = sector, .segments = &segment, .segment_count = 1
    };

    fill(of_queue(index), SECTOR, index * 100u + round);
    memcpy(model + sector * SECTOR, of_queue(index), SECTOR);
    assert_status(vpt_blk_submit(queue_of(index), &request, of_queue(index)), VPT_OK);
}

static void complete_on(uint16_t index)
{
    struct vpt_completion completion = { 0 };

    for (uint32_t i = 0; vpt_requests_poll(&queue_of(index)->requests, &completion) == VPT_EMPTY; i++) {
        assert_that(fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i));
    }
    assert_status(completion.status, VPT_OK);
    assert_that(completion.token == of_queue(index));
}

VARIANT_TEST(every_queue_works_beside_the_others)
{
    start(variant);
    disk_data(QUEUES * SECTOR);
    for (uint32_t round = 0; round < 20; round++) {
        for (uint16_t i = 0; i < QUEUES; i++) {
            submit_on(i, round);
        }
        for (uint16_t i = QUEUES; i > 0; i--) {
            assert_status(vpt_requests_kick(&(queue_of((uint16_t)(i - 1u)))->requests), VPT_OK);
        }
        for (uint16_t i = 0; i < QUEUES; i++) {
            complete_on((uint16_t)((i + round) % QUEUES));
        }
    }
    assert_that(image_is(model));
    end();
}

VARIANT_TEST(RESET_1_a_reset_takes_back_what_every_queue_has)
{
    struct vpt_completion completion;

    start(variant);
    disk_data(QUEUES * SECTOR);
    for (uint16_t i = 0; i < QUEUES; i++) {
        submit_on(i, 1); /* not kicked: the device does not see these */
    }
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    for (uint16_t i = 0; i < QUEUES; i++) {
        assert_status(vpt_requests_poll(&queue_of(i)->requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_CANCELLED);
        assert_that(completion.token == of_queue(i));
        assert_status(vpt_requests_poll(&queue_of(i)->requests, &completion), VPT_EMPTY);
    }
    end();
}

/* ---- The write cache, the capacity ---- */

VARIANT_TEST(BLK_OP_12_the_write_cache_is_turned_off_and_on)
{
    start(variant);
    assert_that(disk.blk.info.flush && disk.blk.info.write_back && disk.blk.info.write_back_switch);
    assert_status(vpt_blk_set_write_back(&disk.blk, false), VPT_OK);
    assert_that(!disk.blk.info.write_back);
    fill(model, 3 * SECTOR, 9);
    memcpy(bytes, model, 3 * SECTOR);
    assert_status(vpt_blk_write(&disk.queue, 0, bytes, 3 * SECTOR), VPT_OK);
    assert_that(image_is(model));
    assert_status(vpt_blk_set_write_back(&disk.blk, true), VPT_OK);
    assert_that(disk.blk.info.write_back);
    assert_status(vpt_blk_flush(&disk.queue), VPT_OK);
    end();
}

VARIANT_TEST(BLK_OP_1_the_capacity_is_read_again)
{
    start(variant);
    disk.blk.info.capacity = 1;
    assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
    assert_that(disk.blk.info.capacity == DISK_SECTORS);
    end();
}
