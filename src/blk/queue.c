/* SPDX-License-Identifier: MIT */
/* Request queues of a block device: set-up, asynchronous requests (VirtIO 1.4, section 5.2.6). */
#include "../queue/internal.h"
#include "../queue/memory.h"
#include "../transport/transport.h"
#include "internal.h"

#define DEFAULT_REQUESTS 64u
#define DEFAULT_SEGMENTS 16u
#define DEFAULT_RING     256u

/* The places in vpt_blk_queue.areas. */
enum area { SHARED, PRIVATE_STATE, AREAS };

static struct vpt_blk_slot *slots(const struct vpt_blk_queue *queue)
{
    return (struct vpt_blk_slot *)queue->areas[PRIVATE_STATE].memory.address;
}

static struct vpt_blk_slot_shared *shared_slot(const struct vpt_blk_queue *queue, uint16_t index)
{
    return (struct vpt_blk_slot_shared *)queue->areas[SHARED].memory.address + index;
}

/* The queue's own default is long enough, unless one request alone is longer. */
static uint16_t ring_size(uint16_t named, uint32_t longest)
{
    uint32_t size = DEFAULT_RING;

    if (named != 0 || longest <= size) {
        return named;
    }
    while (size < longest && size < VPT_QUEUE_SIZE_MAX) {
        size <<= 1;
    }
    return (uint16_t)size;
}

uint16_t vpt_blk_cap_segments(const struct vpt_blk *blk, uint16_t segments)
{
    uint32_t most = blk->info.seg_max;

    return vpt_features_has(&blk->features, VPT_BLK_F_SEG_MAX) && segments > most ? (uint16_t)most : segments;
}

/* Where the device does not say what it takes, what every device takes. */
static uint16_t plan_segments(const struct vpt_blk *blk, uint16_t wanted)
{
    if (wanted == 0) {
        wanted = vpt_features_has(&blk->features, VPT_BLK_F_SEG_MAX) ? DEFAULT_SEGMENTS : 1u;
    }
    if (wanted > VPT_QUEUE_SIZE_MAX - 2u) {
        wanted = VPT_QUEUE_SIZE_MAX - 2u;
    }
    return vpt_blk_cap_segments(blk, wanted);
}

/* Records are taken only for what the device has. */
static uint16_t plan_ranges(const struct vpt_blk_info *info, uint16_t wanted)
{
    uint32_t most = info->discard.ranges;

    most = most > info->write_zeroes.ranges ? most : info->write_zeroes.ranges;
    most = most > info->secure_erase.ranges ? most : info->secure_erase.ranges;
    if (wanted == 0) {
        wanted = 1;
    }
    return wanted < most ? wanted : (uint16_t)most;
}

static void plan(const struct vpt_blk *blk, uint16_t index, const struct vpt_blk_queue_config *config,
                 struct vpt_blk_queue *queue, struct vpt_queue_config *ring)
{
    uint32_t requests = config->requests != 0 ? config->requests : DEFAULT_REQUESTS;
    uint16_t segments = plan_segments(blk, config->segments);

    if (requests > VPT_QUEUE_SIZE_MAX) {
        requests = VPT_QUEUE_SIZE_MAX;
    }
    queue->requests = (uint16_t)requests;
    queue->segments = segments;
    queue->ranges = plan_ranges(&blk->info, config->ranges);
    vpt_zero(ring, sizeof(*ring));
    ring->index = index;
    ring->indirect_tables = (uint16_t)requests;
    ring->indirect_segments = (uint16_t)(segments + 2u);
    ring->memory = config->memory;
    ring->size = ring_size(config->size, ring->indirect_segments);
}

static enum vpt_status take_slots(struct vpt_blk_queue *queue, const struct vpt_blk_queue_config *config)
{
    const struct vpt_port *port = queue->device->port;
    uint64_t slot = sizeof(struct vpt_blk_slot_shared) + (uint64_t)queue->ranges * sizeof(struct vpt_blk_range_record);
    struct vpt_area_need need = { VPT_AREA_FUNCTION "slots", (size_t)(slot * queue->requests), 16, ~(uint64_t)0,
                                  vpt_memory_flags(queue->device) };
    enum vpt_status status;

    if (need.size != slot * queue->requests) {
        return VPT_CALLER_TOO_LONG;
    }
    queue->areas[SHARED].memory = config->slots;
    queue->areas[PRIVATE_STATE].memory = config->private_state;
    status = vpt_area_take(port, &need, &queue->areas[SHARED]);
    if (status != VPT_OK) {
        return status;
    }
    need.name = VPT_AREA_FUNCTION "slots' private state";
    need.size = VPT_BLK_PRIVATE_SIZE(queue->requests);
    need.alignment = 8;
    need.flags = VPT_DMA_PRIVATE;
    return vpt_area_take(port, &need, &queue->areas[PRIVATE_STATE]);
}

static void give_back(struct vpt_blk_queue *queue)
{
    vpt_areas_give_back(queue->device->port, queue->areas, AREAS);
}

static void link_slots(struct vpt_blk_queue *queue)
{
    uint32_t i;

    for (i = 0; i < queue->requests; i++) {
        slots(queue)[i].index = (uint16_t)i;
        slots(queue)[i].next = (uint16_t)(i + 1u < queue->requests ? i + 1u : 0u);
    }
}

/* The ring limits a request: the device may have made it smaller than what was asked for. */
static enum vpt_status fit_to_ring(struct vpt_blk_queue *queue)
{
    uint32_t size = vpt_queue_size(&queue->queue);

    if (size < 3u) {
        enum vpt_status status = vpt_queue_retract(&queue->queue) == VPT_OK ? VPT_DEVICE_QUEUE_SIZE : VPT_DEVICE_STUCK;

        return vpt_device_refused(queue->device, "queue set-up", status);
    }
    if (queue->segments > size - 2u) {
        queue->segments = (uint16_t)(size - 2u);
    }
    queue->segments_made = queue->segments;
    return VPT_OK;
}

static enum vpt_status set_up(struct vpt_blk_queue *queue, uint16_t index, const struct vpt_blk_queue_config *config)
{
    struct vpt_queue_config ring;
    enum vpt_status status;

    plan(queue->blk, index, config, queue, &ring);
    status = take_slots(queue, config);
    if (status == VPT_OK) {
        status = vpt_queue_init(&queue->queue, queue->device, &ring);
    }
    if (status == VPT_OK) {
        link_slots(queue);
        status = fit_to_ring(queue);
    }
    return status;
}

enum vpt_status vpt_blk_queue_init(struct vpt_blk_queue *queue, struct vpt_blk *blk, uint16_t index,
                                   const struct vpt_blk_queue_config *config)
{
    struct vpt_blk_queue_config defaults;
    enum vpt_status status;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (blk != NULL && blk->device != NULL && vpt_queue_in_use(blk->device, &queue->queue)) {
        return VPT_CALLER_STATE;
    }
    vpt_zero(queue, sizeof(*queue));
    if (blk == NULL || blk->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index >= blk->info.queues) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    queue->blk = blk;
    queue->device = blk->device;
    if (config == NULL) {
        vpt_zero(&defaults, sizeof(defaults));
        config = &defaults;
    }
    status = set_up(queue, index, config);
    if (status != VPT_OK) {
        give_back(queue);
        vpt_zero(queue, sizeof(*queue));
    }
    return status;
}

/* Sums the data up; each segment is held against size_max. */
static enum vpt_status measure(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request,
                               uint64_t *bytes)
{
    uint32_t i;

    *bytes = 0;
    if (request->segment_count == 0 || request->segments == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (request->segment_count > queue->segments) {
        return VPT_CALLER_TOO_LONG;
    }
    for (i = 0; i < request->segment_count; i++) {
        if (request->segments[i].length > queue->blk->info.size_max) {
            return VPT_CALLER_TOO_LONG;
        }
        *bytes += request->segments[i].length;
    }
    return VPT_OK;
}

static enum vpt_status check_flush(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    if (request->segment_count != 0 || request->sector != 0) {
        return VPT_CALLER_ARGUMENT; /* BLK-OP-4, BLK-OP-5 */
    }
    return queue->blk->info.flush ? VPT_OK : VPT_UNSUPPORTED_REQUEST;
}

static enum vpt_status check_transfer(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    uint64_t bytes = 0;
    enum vpt_status status = measure(queue, request, &bytes);

    if (status != VPT_OK) {
        return status;
    }
    if (request->operation == VPT_BLK_GET_ID) {
        if (request->sector != 0) {
            return VPT_CALLER_ARGUMENT;
        }
        return bytes == VPT_BLK_ID_SIZE ? VPT_OK : VPT_CALLER_ALIGNMENT;
    }
    if (request->operation == VPT_BLK_WRITE && queue->blk->info.read_only) {
        return VPT_CALLER_READ_ONLY;
    }
    return vpt_blk_check_range(queue->blk, request->sector, bytes);
}

static enum vpt_status check_request(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request)
{
    switch (request->operation) {
    case VPT_BLK_FLUSH:
        return check_flush(queue, request);
    case VPT_BLK_READ:
    case VPT_BLK_WRITE:
    case VPT_BLK_GET_ID:
        return check_transfer(queue, request);
    default:
        return queue->blk->ranges != NULL ? queue->blk->ranges->check(queue, request) : VPT_UNSUPPORTED_REQUEST;
    }
}

/* The header, and a status byte that only the device can make valid. */
static void fill_frame(const struct vpt_blk_queue *queue, const struct vpt_blk_request *request, uint16_t index,
                       struct vpt_queue_frame *frame)
{
    struct vpt_blk_slot_shared *shared = shared_slot(queue, index);
    uint64_t address = queue->areas[SHARED].memory.device_address + (uint64_t)index * sizeof(*shared);
    bool order = !vpt_legacy(queue->device);

    vpt_store32(&shared->type, vpt_order32(order, (uint32_t)request->operation));
    vpt_store32(&shared->reserved, 0);
    vpt_store64(&shared->sector, vpt_order64(order, request->sector));
    vpt_store8(&shared->status, BLK_STATUS_NOT_WRITTEN);
    frame->header.address = address;
    frame->header.length = VPT_OFFSET_OF(struct vpt_blk_slot_shared, status);
    frame->trailer.address = address + VPT_OFFSET_OF(struct vpt_blk_slot_shared, status);
    frame->trailer.length = 1;
    frame->data = request->segments;
    frame->data_count = request->segment_count;
    frame->data_writable = request->operation != VPT_BLK_WRITE;
}

enum vpt_status vpt_blk_submit(struct vpt_blk_queue *queue, const struct vpt_blk_request *request, void *token)
{
    uint16_t index = queue->free_head;
    struct vpt_queue_frame frame;
    struct vpt_blk_slot *slot;
    enum vpt_status status = queue->blk != NULL ? vpt_queue_status(&queue->queue) : VPT_CALLER_STATE;

    if (status == VPT_OK) {
        status = check_request(queue, request);
    }
    if (status == VPT_OK && queue->in_flight == queue->requests) {
        status = VPT_RESOURCE_FULL;
    }
    if (status != VPT_OK) {
        return status;
    }
    slot = &slots(queue)[index];
    fill_frame(queue, request, index, &frame);
    if (VPT_UNLIKELY(request->operation > VPT_BLK_GET_ID)) {
        queue->blk->ranges->fill(queue, request, index, &frame);
    }
    status = vpt_queue_add_framed(&queue->queue, &frame, slot);
    if (status == VPT_OK) {
        slot->token = token;
        queue->free_head = slot->next;
        queue->in_flight++;
    }
    return status;
}

enum vpt_status vpt_blk_kick(struct vpt_blk_queue *queue)
{
    return vpt_queue_kick(&queue->queue);
}

void vpt_blk_notifications_off(struct vpt_blk_queue *queue)
{
    vpt_queue_notifications_off(&queue->queue);
}

bool vpt_blk_notifications_on(struct vpt_blk_queue *queue)
{
    return vpt_queue_notifications_on(&queue->queue);
}

/* Success is the status byte alone: the used length may be too small on any device. */
static enum vpt_status request_status(uint8_t byte)
{
    switch (byte) {
    case BLK_STATUS_OK:
        return VPT_OK;
    case BLK_STATUS_IOERR:
        return VPT_DEVICE_IO_ERROR;
    case BLK_STATUS_UNSUPP:
        return VPT_UNSUPPORTED_REQUEST;
    default:
        return VPT_DEVICE_REQUEST_STATUS;
    }
}

static void complete(struct vpt_blk_queue *queue, struct vpt_blk_slot *slot, enum vpt_status status,
                     struct vpt_blk_completion *completion)
{
    completion->token = slot->token;
    completion->status = status;
    slot->next = queue->free_head;
    queue->free_head = slot->index;
    queue->in_flight--;
}

enum vpt_status vpt_blk_poll(struct vpt_blk_queue *queue, struct vpt_blk_completion *completion)
{
    void *token = NULL;
    enum vpt_status status = vpt_queue_pop(&queue->queue, &token, NULL);
    enum vpt_status drained;

    if (status == VPT_OK) {
        struct vpt_blk_slot *slot = (struct vpt_blk_slot *)token;
        uint8_t byte = vpt_load8(&shared_slot(queue, slot->index)->status);

        complete(queue, slot, request_status(byte), completion);
        return VPT_OK;
    }
    drained = vpt_queue_drain(&queue->queue, &token);
    if (drained == VPT_OK) {
        complete(queue, (struct vpt_blk_slot *)token, vpt_queue_end_status(&queue->queue), completion);
    }
    return drained == VPT_CALLER_STATE ? status : drained;
}

enum vpt_status vpt_blk_queue_release(struct vpt_blk_queue *queue)
{
    enum vpt_status status;

    if (queue->blk == NULL) {
        return VPT_OK;
    }
    status = queue->in_flight == 0 ? vpt_queue_release(&queue->queue) : VPT_CALLER_BUSY;
    if (status == VPT_OK) {
        give_back(queue);
        vpt_zero(queue, sizeof(*queue));
    }
    return status;
}
