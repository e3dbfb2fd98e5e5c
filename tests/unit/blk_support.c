/* SPDX-License-Identifier: MIT */
#include "blk_support.h"

#include <string.h>

struct disk disk;

/* ---- Bring-up and its end ---- */

void disk_machine(const struct variant *variant, const struct mock_machine_options *options)
{
    static uint8_t data[DISK_DATA_SIZE];
    struct mock_machine_options all = { 0 };

    if (options != NULL) {
        all = *options;
    }
    variant_options(variant, &all);
    memset(&disk, 0, sizeof(disk));
    cr_assert(mock_machine_init(&disk.machine, &all));
    disk.device = &disk.mmio.device;
    disk.data = mock_hal_register_anywhere(&disk.machine.hal, data, sizeof(data), true);
    cr_assert(disk.data.address != NULL);
}

void disk_probe(void)
{
    assert_status(vpt_mmio_probe(&disk.mmio, disk.machine.port, disk.machine.mapping, disk.machine.size), VPT_OK);
}

void disk_init(const struct variant *variant, const struct mock_machine_options *options)
{
    disk_machine(variant, options);
    disk_probe();
    assert_status(vpt_blk_init(&disk.blk, disk.device, NULL), VPT_OK);
}

enum vpt_status disk_bring_up(const struct vpt_requests_config *config)
{
    struct mock_machine *machine = &disk.machine;
    enum vpt_status status = vpt_mmio_probe(&disk.mmio, machine->port, machine->mapping, machine->size);

    if (status == VPT_OK) {
        status = vpt_blk_init(&disk.blk, disk.device, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(&disk.queue, &disk.blk, 0, config);
    }
    return status == VPT_OK ? vpt_driver_start(&disk.blk.driver) : status;
}

void disk_start(const struct variant *variant, const struct mock_machine_options *options,
                const struct vpt_requests_config *config)
{
    disk_machine(variant, options);
    assert_status(disk_bring_up(config), VPT_OK);
}

unsigned disk_drain(void)
{
    struct vpt_completion completion;
    unsigned count = 0;
    enum vpt_status status;

    while ((status = vpt_requests_poll(&disk.queue.requests, &completion)) == VPT_OK) {
        count++;
        cr_assert(count <= VPT_QUEUE_SIZE_MAX);
    }
    assert_status(status, VPT_EMPTY);
    return count;
}

void disk_stop(void)
{
    assert_status(vpt_device_reset(disk.device), VPT_OK);
    (void)disk_drain();
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    cr_assert(all_zero(&disk.queue, sizeof(disk.queue)));
}

void disk_finish(void)
{
    cr_assert(mock_machine_finish(&disk.machine) == 0, "the first of the violations: %s",
              disk.machine.hal.violations.message[0]);
}

void disk_end(void)
{
    disk_stop();
    disk_finish();
}

/* ---- Data ---- */

struct vpt_segment disk_segment(size_t offset, uint32_t length)
{
    cr_assert(offset <= DISK_DATA_SIZE && length <= DISK_DATA_SIZE - offset);
    return (struct vpt_segment){ disk.data.device_address + offset, length };
}

uint8_t *disk_bytes(size_t offset)
{
    cr_assert(offset <= DISK_DATA_SIZE);
    return (uint8_t *)disk.data.address + offset;
}

uint8_t *disk_content(uint64_t sector)
{
    cr_assert(sector <= disk.machine.blk.options.capacity);
    return disk.machine.blk.disk + sector * SECTOR;
}

static uint8_t pattern(size_t at, uint32_t seed)
{
    uint32_t value = (uint32_t)at * 2654435761u + seed * 40503u;

    return (uint8_t)((value ^ (value >> 15)) >> 7);
}

void fill(void *bytes, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)bytes)[i] = pattern(i, seed);
    }
}

bool filled(const void *bytes, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        if (((const uint8_t *)bytes)[i] != pattern(i, seed)) {
            return false;
        }
    }
    return true;
}

bool all_bytes(const void *bytes, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        if (((const uint8_t *)bytes)[i] != value) {
            return false;
        }
    }
    return true;
}

/* ---- Requests ---- */

enum vpt_status disk_submit(enum vpt_blk_operation operation, uint64_t sector, const struct vpt_segment *segments,
                            uint16_t count, void *token)
{
    struct vpt_blk_request request = { operation, sector, segments, count, 0, NULL };

    return vpt_blk_submit(&disk.queue, &request, token);
}

enum vpt_status disk_submit_one(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                                void *token)
{
    struct vpt_segment segment = disk_segment(offset, length);

    return disk_submit(operation, sector, &segment, 1, token);
}

enum vpt_status disk_poll_one(void **token)
{
    struct vpt_completion completion = { .status = VPT_EMPTY };

    assert_status(vpt_requests_poll(&disk.queue.requests, &completion), VPT_OK);
    if (token != NULL) {
        *token = completion.token;
    }
    return completion.status;
}

unsigned disk_submit_until_full(void)
{
    unsigned count = 0;
    enum vpt_status status;

    while ((status = disk_submit_one(VPT_BLK_READ, 0, 0, SECTOR, NULL)) == VPT_OK) {
        count++;
        cr_assert(count <= VPT_QUEUE_SIZE_MAX);
    }
    assert_status(status, VPT_RESOURCE_FULL);
    return count;
}

enum vpt_status disk_read_sector(uint64_t sector)
{
    uint8_t bytes[SECTOR];
    enum vpt_status status;

    memset(bytes, 0xa5, sizeof(bytes));
    status = vpt_blk_read(&disk.queue, sector, bytes, sizeof(bytes));
    if (status == VPT_OK) {
        cr_assert(memcmp(bytes, disk_content(sector), sizeof(bytes)) == 0);
    }
    return status;
}

uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
