/* SPDX-License-Identifier: MIT */
/* Memory balloon (VirtIO 1.4, sections 5.5.2 to 5.5.6). */
#include <vpt/balloon.h>

#include "../access.h"
#include "../request/slots.h"
#include "../transport/transport_ops.h"

/* Offsets in the configuration (D-BAL-3). */
#define CONFIG_NUM_PAGES 0u
#define CONFIG_ACTUAL    4u

#define FREE_PAGE_HINT 3u

#define PAGE_NUMBER_SIZE 4u
#define STATISTIC_SIZE   10u /* a tag and a value, packed (D-BAL-6) */

#define PAGES_SLOT      (VPT_BALLOON_PAGES_MAX * PAGE_NUMBER_SIZE)
#define STATISTICS_SLOT (VPT_BALLOON_STATISTICS_MAX * STATISTIC_SIZE)

/* The configuration is little-endian on a legacy interface too (LEG-BALCFG-1), where other devices' is not. */
static uint32_t balloon_order(const struct vpt_device *device, uint32_t value)
{
    return vpt_order32(vpt_legacy(device), value);
}

/* ---- Bring-up ---- */

static enum vpt_status start_inflate(struct vpt_requests *requests)
{
    struct vpt_balloon *balloon = VPT_CONTAINER_OF(requests, struct vpt_balloon, inflate);

    return vpt_balloon_set_actual(balloon, balloon->actual);
}

/* The queues by their numbers; one without a member is not used. */
static const struct balloon_queue {
    struct vpt_requests_kind kind;
    uint16_t member; /* where it is in the object */
    uint16_t slot_size;
    uint32_t features; /* one of these has to be accepted; 0: none */
} queues[] = {
    [VPT_BALLOON_INFLATE] = { { .requests = 4, .segments = 1, .started = start_inflate },
                              VPT_OFFSET_OF(struct vpt_balloon, inflate),
                              PAGES_SLOT,
                              0 },
    [VPT_BALLOON_DEFLATE] = { { .requests = 4, .segments = 1 },
                              VPT_OFFSET_OF(struct vpt_balloon, deflate),
                              PAGES_SLOT,
                              0 },
    [VPT_BALLOON_STATISTICS] = { { .requests = 1, .segments = 1 },
                                 VPT_OFFSET_OF(struct vpt_balloon, statistics),
                                 STATISTICS_SLOT,
                                 1u << VPT_BALLOON_F_STATS_VQ },
    [VPT_BALLOON_REPORTING] = { { .requests = 4, .segments = 32 },
                                VPT_OFFSET_OF(struct vpt_balloon, reporting),
                                0,
                                1u << VPT_BALLOON_F_PAGE_REPORTING },
};

#define QUEUES (sizeof(queues) / sizeof(queues[0]))

enum vpt_status vpt_balloon_init(struct vpt_balloon *balloon, struct vpt_device *device,
                                 const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = {
        .type = VPT_DEVICE_TYPE_BALLOON,
        .wanted = { { 1u << VPT_BALLOON_F_MUST_TELL_HOST | 1u << VPT_BALLOON_F_STATS_VQ |
                      1u << VPT_BALLOON_F_DEFLATE_ON_OOM | 1u << VPT_BALLOON_F_PAGE_REPORTING } }
    };

    if (balloon == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(balloon, sizeof(*balloon));
    return vpt_driver_init(&balloon->driver, device, &kind, choice);
}

/* Returns the number of the reporting queue of a device that counts only the queues that it offers (D-BAL-2). */
static uint16_t counted(const struct vpt_features *offered)
{
    return (uint16_t)(2u + vpt_features_has(offered, VPT_BALLOON_F_STATS_VQ) +
                      vpt_features_has(offered, FREE_PAGE_HINT));
}

enum vpt_status vpt_balloon_queue_init(struct vpt_balloon *balloon, uint16_t index,
                                       const struct vpt_requests_config *config)
{
    const struct balloon_queue *queue = &queues[index < QUEUES ? index : 3u];
    struct vpt_requests *requests;
    enum vpt_status status;

    if (balloon == NULL || balloon->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (queue->member == 0) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    if (queue->features != 0 && (balloon->driver.features.word[0] & queue->features) == 0) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    requests = (struct vpt_requests *)(void *)((char *)balloon + queue->member);
    status = vpt_requests_init(requests, &balloon->driver, index, &queue->kind, queue->slot_size, config);
    if (status == VPT_UNSUPPORTED_QUEUE && index == VPT_BALLOON_REPORTING) {
        status = vpt_requests_init(requests, &balloon->driver, counted(&balloon->driver.device->offered), &queue->kind,
                                   queue->slot_size, config);
    }
    return status;
}

enum vpt_status vpt_balloon_open(struct vpt_balloon *balloon, struct vpt_device *device)
{
    static const struct vpt_feature_choice choice = { .refused = { { 1u << VPT_BALLOON_F_STATS_VQ |
                                                                     1u << VPT_BALLOON_F_PAGE_REPORTING } } };
    enum vpt_status status = vpt_balloon_init(balloon, device, &choice);

    if (status != VPT_OK) {
        return status;
    }
    status = vpt_balloon_queue_init(balloon, VPT_BALLOON_INFLATE, NULL);
    if (status == VPT_OK) {
        status = vpt_balloon_queue_init(balloon, VPT_BALLOON_DEFLATE, NULL);
    }
    return vpt_driver_open(&balloon->driver, status);
}

enum vpt_status vpt_balloon_drain(struct vpt_balloon *balloon)
{
    return balloon != NULL ? vpt_driver_drain(&balloon->driver) : VPT_CALLER_ARGUMENT;
}

/* ---- How many pages ---- */

enum vpt_status vpt_balloon_get_target(struct vpt_balloon *balloon, uint32_t *pages)
{
    static const struct vpt_config_field field = { CONFIG_NUM_PAGES, 4, 0, 0 };
    enum vpt_status status;
    uint32_t value = 0;

    if (balloon == NULL || pages == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_driver_refresh(&balloon->driver, &field, 1, &value);
    if (status == VPT_OK) {
        *pages = balloon_order(balloon->driver.device, value);
    }
    return status;
}

enum vpt_status vpt_balloon_set_actual(struct vpt_balloon *balloon, uint32_t pages)
{
    struct vpt_device *device;
    enum vpt_status status = vpt_driver_negotiated(balloon != NULL ? &balloon->driver : NULL);

    if (status != VPT_OK) {
        return status;
    }
    balloon->actual = pages;
    device = balloon->driver.device;
    status = vpt_device_config_write(device, CONFIG_ACTUAL, 4, balloon_order(device, pages)); /* LEG-BALOP-2 */
    return status == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : status;
}

/* ---- Pages ---- */

static enum vpt_status submit(struct vpt_balloon *balloon, bool inflate, const uint32_t *pages, uint32_t count,
                              void *token)
{
    struct vpt_requests *requests;
    struct vpt_segment segment;
    uint8_t *slot;
    uint32_t i;

    if (balloon == NULL || pages == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (count > VPT_BALLOON_PAGES_MAX) {
        return VPT_CALLER_TOO_LONG;
    }
    requests = inflate ? &balloon->inflate : &balloon->deflate;
    slot = (uint8_t *)slot_next(requests);
    segment.address = vpt_requests_next_address(requests);
    segment.length = count * PAGE_NUMBER_SIZE;
    for (i = 0; i < count && slot != NULL; i++) { /* D-BAL-4; a legacy device takes the CPU's byte order */
        vpt_store32(slot + (size_t)i * PAGE_NUMBER_SIZE, vpt_order32(requests->queue.device_order, pages[i]));
    }
    return vpt_requests_submit(requests, &segment, 1, 0, token);
}

enum vpt_status vpt_balloon_submit_inflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count,
                                           void *token)
{
    return submit(balloon, true, pages, count, token);
}

enum vpt_status vpt_balloon_submit_deflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count,
                                           void *token)
{
    return submit(balloon, false, pages, count, token);
}

/* Moves pages by as many requests as it takes. */
static enum vpt_status move(struct vpt_balloon *balloon, bool inflate, const uint32_t *pages, uint32_t count)
{
    struct vpt_completion completion;
    struct vpt_requests *requests;
    enum vpt_status status;

    if (balloon == NULL || (pages == NULL && count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (count > (inflate ? 0xffffffffu - balloon->actual : balloon->actual)) {
        return VPT_CALLER_RANGE;
    }
    requests = inflate ? &balloon->inflate : &balloon->deflate;
    status = vpt_requests_ready(requests);
    while (status == VPT_OK && count != 0) {
        uint32_t some = count < VPT_BALLOON_PAGES_MAX ? count : VPT_BALLOON_PAGES_MAX;

        status = submit(balloon, inflate, pages, some, NULL);
        if (status == VPT_OK) {
            status = vpt_requests_wait(requests, &completion);
        }
        if (status == VPT_OK) {
            status = completion.status;
        }
        if (status == VPT_OK) {
            balloon->actual = inflate ? balloon->actual + some : balloon->actual - some;
        }
        pages += some;
        count -= some;
    }
    return status == VPT_OK ? vpt_balloon_set_actual(balloon, balloon->actual) : status;
}

enum vpt_status vpt_balloon_inflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count)
{
    return move(balloon, true, pages, count);
}

enum vpt_status vpt_balloon_deflate(struct vpt_balloon *balloon, const uint32_t *pages, uint32_t count)
{
    return move(balloon, false, pages, count);
}

/* ---- Statistics, and reports of free pages ---- */

enum vpt_status vpt_balloon_give_statistics(struct vpt_balloon *balloon, const struct vpt_balloon_statistic *statistics,
                                            uint32_t count)
{
    uint8_t bytes[STATISTICS_SLOT];
    struct vpt_completion completion;
    struct vpt_requests *requests;
    enum vpt_status status;
    uint32_t i;

    if (balloon == NULL || statistics == NULL || count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    if (count > VPT_BALLOON_STATISTICS_MAX) {
        return VPT_CALLER_TOO_LONG;
    }
    requests = &balloon->statistics;
    if (requests->queue.free_count != requests->queue.slot_count) { /* one at most is with the device (BAL-STAT-1) */
        status = vpt_requests_poll(requests, &completion);
        if (status == VPT_EMPTY) { /* the last one may not have been shown; and a dead queue says why */
            status = vpt_requests_kick(requests);
            status = status == VPT_OK ? VPT_EMPTY : status;
        }
        if (status != VPT_OK) {
            return status;
        }
    }
    for (i = 0; i < count; i++) { /* LEG-BALSTAT-1 */
        uint16_t tag = vpt_order16(requests->queue.device_order, statistics[i].tag);
        uint64_t value = vpt_order64(requests->queue.device_order, statistics[i].value);

        vpt_copy(bytes + i * STATISTIC_SIZE, &tag, sizeof(tag));
        vpt_copy(bytes + i * STATISTIC_SIZE + sizeof(tag), &value, sizeof(value));
    }
    status = vpt_slots_send(requests, bytes, count * STATISTIC_SIZE);
    return status == VPT_OK ? vpt_requests_kick(requests) : status;
}

enum vpt_status vpt_balloon_report(struct vpt_balloon *balloon, const struct vpt_segment *segments, uint16_t count,
                                   void *token)
{
    return balloon != NULL ? vpt_requests_submit(&balloon->reporting, segments, 0, count, token) : VPT_CALLER_ARGUMENT;
}
