/* SPDX-License-Identifier: MIT */
#include "qemu_disk.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS 16u /* in flight at once, in disk_check_asynchronous() */
#define ROUNDS   6u
#define PIECES   3u
#define PIECE    0x1000u /* bytes of data for each piece, more than a piece has */
#define UNEVEN   250u    /* maximum bytes by which a piece is shorter than a third */

struct disk disk;

/* ---- Bring-up and its end ---- */

static struct vpt_feature_choice choice_of(const struct ring_features *ring)
{
    struct vpt_feature_choice choice = { 0 };

    if (!ring->indirect) {
        vpt_features_add(&choice.refused, VPT_F_INDIRECT_DESC);
    }
    if (!ring->event_idx) {
        vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    }
    return choice;
}

enum vpt_status disk_try(struct vpt_device *device, const struct ring_features *ring,
                         const struct vpt_requests_config *config)
{
    static const struct ring_features all = { true, true };
    /* So that a ring of 256 holds REQUESTS requests even without indirect tables. */
    static const struct vpt_requests_config defaults = { .segments = 8 };
    struct vpt_feature_choice choice = choice_of(ring != NULL ? ring : &all);
    enum vpt_status status = vpt_blk_init(&disk.blk, device, &choice);

    disk.device = device;
    if (status == VPT_OK) {
        status = vpt_blk_queue_init(&disk.queue, &disk.blk, 0, config != NULL ? config : &defaults);
    }
    return status == VPT_OK ? vpt_driver_start(&disk.blk.driver) : status;
}

void disk_start(struct vpt_device *device, const struct ring_features *ring, const struct vpt_requests_config *config)
{
    assert_status(disk_try(device, ring, config), VPT_OK);
    fixture_check_ring(device);
    assert_that(vpt_features_has(&device->features, VPT_F_INDIRECT_DESC) == (ring == NULL || ring->indirect));
    assert_that(vpt_features_has(&device->features, VPT_F_EVENT_IDX) == (ring == NULL || ring->event_idx));
    assert_that(vpt_features_has(&device->features, VPT_F_VERSION_1) == !vpt_device_legacy(device));
    assert_that(device->type == VPT_DEVICE_TYPE_BLOCK);
    assert_that(disk.blk.info.capacity == fixture.image_size / SECTOR);
    assert_that(disk.blk.info.flush && !disk.blk.info.read_only);
    assert_that(disk.blk.info.block_size == SECTOR);
    assert_that(disk.blk.info.seg_max == 254); /* fits a ring of 256 */
}

/* Requests that were done before the reset return VPT_OK; the others are cancelled. Returns how many were. */
static unsigned drain(void)
{
    struct vpt_completion completion;
    unsigned cancelled = 0;
    enum vpt_status status = vpt_requests_poll(&disk.queue.requests, &completion);

    for (uint32_t i = 0; status == VPT_OK && i < VPT_QUEUE_SIZE_MAX; i++) {
        if (completion.status != VPT_OK) {
            assert_status(completion.status, VPT_CANCELLED);
            cancelled++;
        }
        status = vpt_requests_poll(&disk.queue.requests, &completion);
    }
    assert_status(status, VPT_EMPTY);
    return cancelled;
}

unsigned disk_stop(void)
{
    unsigned cancelled;

    assert_status(vpt_device_reset(disk.device), VPT_OK);
    cancelled = drain();
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    if (disk.data.address != NULL) {
        fixture.port->dma_free(fixture.port->ctx, &disk.data, disk.data_flags);
        disk.data.address = NULL;
    }
    return cancelled;
}

/* ---- Data and requests ---- */

void disk_data(size_t size)
{
    bool translated = vpt_features_has(&disk.device->features, VPT_F_ACCESS_PLATFORM);

    disk.data_flags = translated ? VPT_DMA_ACCESS_PLATFORM : 0;
    disk.data = memory_of(size, disk.data_flags);
}

struct vpt_segment disk_segment(size_t offset, uint32_t length)
{
    assert_that(offset <= disk.data.size && length <= disk.data.size - offset);
    return (struct vpt_segment){ disk.data.device_address + offset, length };
}

uint8_t *disk_bytes(size_t offset)
{
    return (uint8_t *)disk.data.address + offset;
}

enum vpt_status disk_submit(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                            void *token)
{
    struct vpt_segment segment = disk_segment(offset, length);
    struct vpt_blk_request request = { operation, sector, &segment, 1, 0, NULL };

    return vpt_blk_submit(&disk.queue, &request, token);
}

enum vpt_status disk_complete(void **token)
{
    struct vpt_completion completion = { 0 };
    enum vpt_status status = vpt_requests_poll(&disk.queue.requests, &completion);

    for (uint32_t i = 0; status == VPT_EMPTY; i++) {
        if (!fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i)) {
            break;
        }
        status = vpt_requests_poll(&disk.queue.requests, &completion);
    }
    if (token != NULL) {
        *token = completion.token;
    }
    return status == VPT_OK ? completion.status : status;
}

/* ---- Blocking ---- */

/* First sectors and lengths: at both ends of the disk, around page sizes, and around the limit of one request. */
static const struct {
    uint32_t sector;
    uint32_t count;
} extents[] = {
    { 0, 1 },
    { 1, 2 },
    { 7, 8 },
    { 100, 9 },
    { 200, 127 },
    { 500, 128 },
    { 700, 129 },
    { 1000, 1024 },
    { DISK_SECTORS - 1u, 1 },
    { DISK_SECTORS - 300u, 299 },
};

void disk_check_blocking(void)
{
    static uint8_t model[DISK_SIZE];
    static uint8_t bytes[1024u * SECTOR];

    image_read(0, model, sizeof(model));
    for (uint32_t i = 0; i < COUNT_OF(extents); i++) {
        size_t offset = extents[i].sector * SECTOR;
        size_t size = extents[i].count * SECTOR;

        fill(model + offset, size, i);
        memcpy(bytes, model + offset, size);
        assert_status(vpt_blk_write(&disk.queue, extents[i].sector, bytes, size), VPT_OK);
        assert_that(image_is(model));

        fill(bytes, size, i + 1000u);
        image_write(offset, bytes, size);
        memset(bytes, 0xee, size);
        assert_status(vpt_blk_read(&disk.queue, extents[i].sector, bytes, size), VPT_OK);
        assert_that(filled(bytes, size, i + 1000u));
        memcpy(model + offset, bytes, size);
    }
    assert_that(image_is(model));
    assert_status(vpt_blk_read(&disk.queue, DISK_SECTORS - 1u, bytes, 2 * SECTOR), VPT_CALLER_RANGE);
}

/* ---- Asynchronous ---- */

/* One of the requests in flight; each has its own part of the disk and of the data. */
struct job {
    enum vpt_blk_operation operation;
    size_t offset; /* bytes on the disk */
    uint32_t lengths[PIECES];
    bool done;
};

static uint8_t *piece_bytes(unsigned job, unsigned piece)
{
    return disk_bytes((job * PIECES + piece) * (size_t)PIECE);
}

/* Whole sectors in total, in pieces that are not whole. */
static void make_job(struct job *job, unsigned index, uint32_t *random)
{
    uint32_t part = DISK_SECTORS / REQUESTS;
    uint32_t sectors = 2u + next_random(random) % 20u;
    uint32_t first = next_random(random) % (part - sectors);
    uint32_t size = sectors * SECTOR;

    job->operation = (next_random(random) & 1u) != 0 ? VPT_BLK_WRITE : VPT_BLK_READ;
    job->offset = (index * (size_t)part + first) * SECTOR;
    job->lengths[0] = size / PIECES - next_random(random) % UNEVEN;
    job->lengths[1] = size / PIECES - next_random(random) % UNEVEN;
    job->lengths[2] = size - job->lengths[0] - job->lengths[1];
    job->done = false;
}

/* A write's data come from the model, which holds what the disk must hold afterwards. */
static void submit_job(struct job *job, unsigned index, uint8_t *model, uint32_t seed)
{
    struct vpt_segment segments[PIECES];
    struct vpt_blk_request request = { job->operation, job->offset / SECTOR, segments, PIECES, 0, NULL };
    size_t offset = job->offset;

    for (unsigned i = 0; i < PIECES; i++) {
        segments[i] = disk_segment((index * PIECES + i) * (size_t)PIECE, job->lengths[i]);
        if (job->operation == VPT_BLK_WRITE) {
            fill(model + offset, job->lengths[i], seed + i);
            memcpy(piece_bytes(index, i), model + offset, job->lengths[i]);
        } else {
            memset(piece_bytes(index, i), 0xee, PIECE);
        }
        offset += job->lengths[i];
    }
    assert_status(vpt_blk_submit(&disk.queue, &request, job), VPT_OK);
}

static void check_job(const struct job *job, unsigned index, const uint8_t *model)
{
    size_t offset = job->offset;

    for (unsigned i = 0; i < PIECES; i++) {
        assert_that(memcmp(piece_bytes(index, i), model + offset, job->lengths[i]) == 0);
        offset += job->lengths[i];
    }
}

static void complete_all(struct job *jobs, const uint8_t *model)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        void *token = NULL;
        size_t index;

        assert_status(disk_complete(&token), VPT_OK);
        index = (size_t)((struct job *)token - jobs);
        assert_that(token != NULL && index < REQUESTS && !jobs[index].done);
        jobs[index].done = true;
        check_job(&jobs[index], (unsigned)index, model);
    }
    assert_that(requests_in_flight(&disk.queue.requests) == 0);
}

void disk_check_asynchronous(void)
{
    static uint8_t model[DISK_SIZE];
    struct job jobs[REQUESTS];
    uint32_t random = 0x2545f491;

    fill(model, sizeof(model), 77);
    image_write(0, model, sizeof(model));
    disk_data(REQUESTS * PIECES * (size_t)PIECE);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < REQUESTS; i++) {
            make_job(&jobs[i], i, &random);
            submit_job(&jobs[i], i, model, round * 100u + i);
            if (i % (round + 1u) == round) {
                assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
            }
        }
        assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        complete_all(jobs, model);
    }
    assert_that(image_is(model));
}

/* ---- Flush, id, reset ---- */

void disk_check_flush_and_id(void)
{
    struct vpt_blk_request flush = { .operation = VPT_BLK_FLUSH };
    char id[VPT_BLK_ID_SIZE + 1u];
    int token;
    void *back = NULL;

    assert_status(vpt_blk_flush(&disk.queue), VPT_OK);
    assert_status(vpt_blk_submit(&disk.queue, &flush, &token), VPT_OK);
    assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
    assert_status(disk_complete(&back), VPT_OK);
    assert_that(back == &token);
    memset(id, 'x', sizeof(id));
    assert_status(vpt_blk_get_id(&disk.queue, id), VPT_OK);
    assert_that(strcmp(id, DISK_SERIAL) == 0);
}

void disk_check_works(uint8_t *bytes, uint8_t *seen, size_t size, uint32_t seed)
{
    fill(bytes, size, seed);
    assert_status(vpt_blk_write(&disk.queue, 200, bytes, size), VPT_OK);
    image_read(200 * SECTOR, seen, size);
    assert_that(memcmp(bytes, seen, size) == 0);
    assert_status(vpt_blk_read(&disk.queue, 200, seen, size), VPT_OK);
    assert_that(memcmp(bytes, seen, size) == 0);
}

void disk_check_reset_in_flight(void)
{
    disk_data(4 * PIECE);
    for (unsigned i = 0; i < 4; i++) {
        assert_status(disk_submit(VPT_BLK_READ, i, i * (size_t)PIECE, SECTOR, NULL), VPT_OK);
        if (i == 1) {
            assert_status(vpt_requests_kick(&disk.queue.requests), VPT_OK);
        }
    }
    assert_that(requests_in_flight(&disk.queue.requests) == 4);
    assert_that(disk_stop() >= 2); /* not kicked: the device does not see these */
}
