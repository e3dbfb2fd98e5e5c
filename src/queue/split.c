/* SPDX-License-Identifier: MIT */
/* The split virtqueue's data path (VirtIO 1.4, section 2.7). */
#include "split.h"

#include "../log.h"
#include "../transport/transport.h"
#include "internal.h"

/* vpt_queue.unkicked from here on: too many buffers for the range test of the indexes, so that any event is hit. */
#define KICK_OWED 0x10000u

/* Of look(), which says it once for an index that is armed. */
#define LOOK_AGAIN VPT_RESOURCE_FULL

/* Where a chain is being written: in the descriptor area along the free list, or in a table in order. */
struct chain {
    struct split_descriptor *descriptors;
    const uint16_t *links; /* NULL in a table */
    uint32_t index;        /* next to write */
    uint32_t tail;         /* last written */
    uint32_t left;         /* still to write */
    uint64_t bytes;        /* written so far */
};

static struct split_available *available_ring(const struct vpt_queue *queue)
{
    return (struct split_available *)queue->available;
}

static struct split_used *used_ring(const struct vpt_queue *queue)
{
    return (struct split_used *)queue->used;
}

static uint16_t *used_event(const struct vpt_queue *queue)
{
    return &available_ring(queue)->ring[(uint32_t)queue->mask + 1u];
}

static const void *available_event(const struct vpt_queue *queue)
{
    return &used_ring(queue)->ring[(uint32_t)queue->mask + 1u];
}

/* Each entry to the one behind it, the last to the first. */
static void link_all(uint16_t *links, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        links[i] = (uint16_t)(i + 1u < count ? i + 1u : 0u);
    }
}

/* `count` fields of 16 bits; memset() may fault on memory that is mapped uncached. */
static void zero_fields(void *area, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        vpt_store16((uint16_t *)area + i, 0);
    }
}

void vpt_split_prepare(struct vpt_queue *queue)
{
    uint32_t size = (uint32_t)queue->mask + 1u;
    uint32_t i;

    for (i = 0; i < size; i++) {
        queue->slots[i].count = 0;
    }
    link_all(queue->links, size);
    link_all(queue->table_links, queue->table_count);
    queue->free_count = (uint16_t)size;
    zero_fields(queue->available, size + 3u);
    zero_fields(queue->used, 4u * size + 3u);
}

enum vpt_status vpt_split_kill(struct vpt_queue *queue, enum vpt_status status)
{
    VPT_WRITE_ONCE(queue->dead, status);
    /* With nothing free and nothing seen, the hot paths find out without a test of their own. */
    queue->free_count = 0;
    queue->table_count = 0;
    queue->used_seen = queue->last_used;
    return status;
}

/*
 * Writes descriptors of one direction (0, or DESCRIPTOR_WRITE), each once. False: an empty segment. What has been
 * written is invisible to the device until the chain is committed.
 */
VPT_INLINE_FOR_SPEED bool put(bool device_order, struct chain *chain, const struct vpt_segment *segments,
                              uint32_t count, uint16_t direction)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t index = chain->index;
        struct split_descriptor *descriptor = &chain->descriptors[index];
        uint32_t length = segments[i].length;
        uint32_t next = chain->links != NULL ? chain->links[index] : index + 1u;
        uint32_t tail = vpt_pair(device_order, (uint16_t)(direction | DESCRIPTOR_NEXT), (uint16_t)next);

        if (VPT_UNLIKELY(length == 0)) {
            return false;
        }
        chain->left--;
        if (chain->left == 0) {
            tail = vpt_pair(device_order, direction, 0);
        }
        vpt_store64(&descriptor->address, vpt_order64(device_order, segments[i].address));
        vpt_store32(&descriptor->length, vpt_order32(device_order, length));
        vpt_store32(&descriptor->flags, vpt_order32(device_order, tail));
        chain->bytes += length;
        chain->tail = index;
        chain->index = next;
    }
    return true;
}

/* VPT_CALLER_STATE while the queue is not set up, VPT_OK, or what killed it. */
static enum vpt_status check_alive(const struct vpt_queue *queue)
{
    return queue->slots != NULL ? VPT_READ_ONCE(queue->dead) : VPT_CALLER_STATE;
}

static enum vpt_status refuse(const struct vpt_queue *queue, uint32_t count)
{
    enum vpt_status status = check_alive(queue);

    if (status != VPT_OK) {
        return status;
    }
    if (count == 0) {
        return VPT_CALLER_ARGUMENT;
    }
    return count > (uint32_t)queue->mask + 1u ? VPT_CALLER_TOO_LONG : VPT_RESOURCE_FULL;
}

/* Makes descriptor `head` stand for the table that `count` descriptors were written to; gives what follows `head`. */
static uint16_t point_at_table(struct vpt_queue *queue, uint16_t head, uint32_t count)
{
    struct split_descriptor *descriptor = (struct split_descriptor *)queue->descriptors + head;
    uint16_t table = queue->table_head;
    uint64_t offset = (uint64_t)table * queue->table_segments * sizeof(struct split_descriptor);
    bool order = queue->device_order;

    vpt_store64(&descriptor->address, vpt_order64(order, queue->tables_address + offset));
    vpt_store32(&descriptor->length, vpt_order32(order, count * (uint32_t)sizeof(struct split_descriptor)));
    vpt_store32(&descriptor->flags, vpt_order32(order, vpt_pair(order, DESCRIPTOR_INDIRECT, 0)));
    queue->slots[head].count = (uint16_t)(COUNT_TABLE_0 + table);
    queue->table_head = queue->table_links[table];
    queue->table_count--;
    return queue->links[head];
}

/*
 * Where a request of `count` segments goes: into a table if there is one for it (not a single segment, which takes one
 * descriptor anyway), else along the free list. False: there is no room, or nothing to write.
 */
VPT_INLINE_FOR_SPEED bool begin(const struct vpt_queue *queue, uint32_t count, struct chain *chain)
{
    chain->descriptors = (struct split_descriptor *)queue->descriptors;
    chain->links = queue->links;
    chain->index = queue->free_head;
    chain->tail = 0;
    chain->left = count;
    chain->bytes = 0;
    if (queue->table_count != 0 && queue->free_count != 0 && count > 1u && count <= queue->table_segments) {
        chain->descriptors = (struct split_descriptor *)queue->tables +
                             (size_t)queue->table_head * queue->table_segments;
        chain->links = NULL;
        chain->index = 0;
        return true;
    }
    return count != 0 && count <= queue->free_count;
}

/* Remembers the request, takes its descriptors off the free list and lines it up for the next publish. */
VPT_INLINE_FOR_SPEED enum vpt_status commit(struct vpt_queue *queue, const struct chain *chain, uint32_t count,
                                            uint64_t writable, void *token)
{
    uint16_t head = queue->free_head;
    struct vpt_queue_slot *slot = &queue->slots[head];

    if (VPT_UNLIKELY(chain->bytes > 0xffffffffu)) {
        return VPT_CALLER_TOO_LONG;
    }
    slot->token = token;
    slot->writable = (uint32_t)writable;
    if (chain->links != NULL) {
        slot->tail = (uint16_t)chain->tail;
        slot->count = (uint16_t)count;
        queue->free_head = (uint16_t)chain->index;
        queue->free_count = (uint16_t)(queue->free_count - count);
    } else {
        slot->tail = head;
        queue->free_head = point_at_table(queue, head, count);
        queue->free_count--;
    }
    /* In flight, a chain's last link is free to lead to the request added before this one. */
    queue->links[slot->tail] = queue->last_added;
    queue->last_added = head;
    vpt_store16(&available_ring(queue)->ring[queue->available_index & queue->mask],
                vpt_order16(queue->device_order, head));
    queue->available_index++;
    return VPT_OK;
}

enum vpt_status vpt_queue_add(struct vpt_queue *queue, const struct vpt_segment *segments, uint16_t readable,
                              uint16_t writable, void *token)
{
    uint32_t count = (uint32_t)readable + writable;
    bool order = queue->device_order;
    uint64_t bytes_readable;
    struct chain chain;

    if (VPT_UNLIKELY(!begin(queue, count, &chain))) {
        return refuse(queue, count);
    }
    if (!put(order, &chain, segments, readable, 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    bytes_readable = chain.bytes;
    if (!put(order, &chain, segments + readable, writable, DESCRIPTOR_WRITE)) {
        return VPT_CALLER_ARGUMENT;
    }
    return commit(queue, &chain, count, chain.bytes - bytes_readable, token);
}

enum vpt_status vpt_queue_add_framed(struct vpt_queue *queue, const struct vpt_queue_frame *frame, void *token)
{
    uint32_t count = (uint32_t)frame->data_count + 2u;
    bool order = queue->device_order;
    uint64_t bytes_readable;
    struct chain chain;

    if (VPT_UNLIKELY(!begin(queue, count, &chain))) {
        return refuse(queue, count);
    }
    if (!put(order, &chain, &frame->header, 1, 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    bytes_readable = chain.bytes;
    if (!put(order, &chain, frame->data, frame->data_count, frame->data_writable ? DESCRIPTOR_WRITE : 0u)) {
        return VPT_CALLER_ARGUMENT;
    }
    if (!frame->data_writable) {
        bytes_readable = chain.bytes;
    }
    if (!put(order, &chain, &frame->trailer, 1, DESCRIPTOR_WRITE)) {
        return VPT_CALLER_ARGUMENT;
    }
    return commit(queue, &chain, count, chain.bytes - bytes_readable, token);
}

void vpt_queue_publish(struct vpt_queue *queue)
{
    uint16_t added = (uint16_t)(queue->available_index - queue->published);

    if (added == 0 || queue->dead != VPT_OK || (queue->device->status & VPT_STATUS_SUSPEND) != 0) {
        return; /* SUSPEND-3: what was added waits */
    }
    vpt_barrier_stores(queue->strong);
    queue->published = queue->available_index;
    vpt_store16(&available_ring(queue)->index, vpt_order16(queue->device_order, queue->published));
    if (queue->unkicked < KICK_OWED) {
        queue->unkicked += added;
    }
}

/*
 * The full fence of a queue that is `strong`: what the device has been told is stored before what it wishes, or has
 * done, is loaded. Those who need it are functions of their own and end their callers, whose path without it so has
 * no register to save.
 */
VPT_OUT_OF_LINE void fence_strongly(const struct vpt_queue *queue)
{
    vpt_barrier_strong_full();
    if (queue->emulated) {
        queue->device->ops->order(queue->device);
    }
}

/* Whether the device wants to be notified of the last `unkicked` buffers published. */
VPT_INLINE bool wants_kick(const struct vpt_queue *queue, uint32_t unkicked)
{
    uint16_t event;

    if (!queue->event_idx) {
        return (vpt_order16(queue->device_order, vpt_load16(&used_ring(queue)->flags)) & USED_NO_NOTIFY) == 0;
    }
    event = vpt_order16(queue->device_order, vpt_load16(available_event(queue)));
    return (uint16_t)(queue->published - event - 1u) < unkicked;
}

VPT_OUT_OF_LINE bool wants_kick_strongly(const struct vpt_queue *queue, uint32_t unkicked)
{
    fence_strongly(queue);
    return wants_kick(queue, unkicked);
}

bool vpt_queue_kick_prepare(struct vpt_queue *queue)
{
    uint32_t unkicked = queue->unkicked;

    if (unkicked == 0 || queue->dead != VPT_OK) {
        return false;
    }
    queue->unkicked = 0;
    if (VPT_UNLIKELY(queue->strong)) {
        return wants_kick_strongly(queue, unkicked);
    }
    vpt_barrier_full();
    return wants_kick(queue, unkicked);
}

/* Whether the device may be notified: it is running, and this queue is one of its. */
static enum vpt_status check_running(const struct vpt_queue *queue)
{
    const struct vpt_device *device = queue->device;

    if (queue->slots == NULL) {
        return VPT_CALLER_STATE;
    }
    if (queue->dead != VPT_OK) {
        return queue->dead;
    }
    if (queue->resets != device->resets || !vpt_running(device)) {
        return vpt_gone(device) ? VPT_DEVICE_GONE : VPT_CALLER_STATE;
    }
    return VPT_OK;
}

/* One store where the doorbell is a register within the library's own reach, else one call of the port. */
static void ring_doorbell(const struct vpt_queue *queue, uint32_t value)
{
    const struct vpt_doorbell *doorbell = &queue->doorbell;
    const struct vpt_port *port = queue->device->port;

    vpt_barrier_doorbell();
    if (queue->direct != NULL) {
        if (doorbell->width == 4u) {
            vpt_register_store32(queue->direct, vpt_order32(true, value));
        } else {
            vpt_register_store16(queue->direct, vpt_order16(true, (uint16_t)value));
        }
    } else if (doorbell->mapping != NULL) {
        port->mmio_write(port->ctx, doorbell->mapping, doorbell->offset, doorbell->width, value);
    } else {
        port->io_write(port->ctx, (uint16_t)doorbell->offset, doorbell->width, value);
    }
}

static void notify(struct vpt_queue *queue)
{
    uint32_t value = queue->doorbell.value;

    if (queue->notification_data) {
        value |= (uint32_t)queue->published << 16;
    }
    queue->kicks++;
    ring_doorbell(queue, value);
}

enum vpt_status vpt_queue_notify(struct vpt_queue *queue)
{
    enum vpt_status status = check_running(queue);

    if (status != VPT_OK) {
        queue->unkicked = queue->slots != NULL ? KICK_OWED : 0u;
        return status;
    }
    notify(queue);
    return VPT_OK;
}

enum vpt_status vpt_queue_kick(struct vpt_queue *queue)
{
    enum vpt_status status = check_running(queue);

    if (status == VPT_OK) {
        vpt_queue_publish(queue);
        if (vpt_queue_kick_prepare(queue)) {
            notify(queue);
        }
    }
    return status;
}

/* With EVENT_IDX: the device notifies when it has used the buffer whose index this is. */
static void arm(struct vpt_queue *queue, uint16_t event)
{
    queue->armed = event;
    vpt_store16(used_event(queue), vpt_order16(queue->device_order, event));
}

static uint16_t load_used_index(const struct vpt_queue *queue)
{
    return vpt_order16(queue->device_order, vpt_load16(&used_ring(queue)->index));
}

static enum vpt_status lie(struct vpt_queue *queue, enum vpt_status status)
{
    return vpt_log(queue->device->port, VPT_LOG_ERROR, "queue", vpt_split_kill(queue, status));
}

/*
 * Reads the used index, and checks that it does not claim more than what the device has been shown. LOOK_AGAIN: after
 * a strong fence.
 */
static enum vpt_status look(struct vpt_queue *queue)
{
    enum vpt_status status = check_alive(queue);
    uint16_t last = queue->last_used;
    uint16_t seen;

    if (status != VPT_OK) {
        return status;
    }
    seen = load_used_index(queue);
    if (seen == last && queue->event_idx && queue->notifications && queue->armed != last) {
        /* Drained: ask for a notification of the next one, then look again for one that came just before. */
        arm(queue, last);
        if (VPT_UNLIKELY(queue->strong)) {
            return LOOK_AGAIN;
        }
        vpt_barrier_full();
        seen = load_used_index(queue);
    }
    if (seen == last) {
        return VPT_EMPTY;
    }
    if ((uint16_t)(seen - last) > (uint16_t)(queue->published - last)) {
        return lie(queue, VPT_DEVICE_USED_INDEX);
    }
    vpt_barrier_loads(queue->strong);
    queue->used_seen = seen;
    return VPT_OK;
}

/* Whether the device names a request that it has not been shown yet: one of those added since the last publish. */
static bool unpublished(const struct vpt_queue *queue, uint32_t id)
{
    uint16_t left = (uint16_t)(queue->available_index - queue->published);
    uint16_t head = queue->last_added;

    for (; left != 0; left--) {
        if (head == id) {
            return true;
        }
        head = queue->links[queue->slots[head].tail];
    }
    return false;
}

VPT_INLINE_FOR_SPEED void release(struct vpt_queue *queue, struct vpt_queue_slot *slot, uint16_t head)
{
    uint16_t count = slot->count;

    if (count >= COUNT_TABLE_0) {
        uint16_t table = (uint16_t)(count - COUNT_TABLE_0);

        queue->table_links[table] = queue->table_head;
        queue->table_head = table;
        queue->table_count++;
        count = 1;
    }
    slot->count = 0;
    queue->links[slot->tail] = queue->free_head;
    queue->free_head = head;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

/* What is left of a pop that has armed: one more, which arms nothing and so does not come here again. */
VPT_OUT_OF_LINE enum vpt_status pop_strongly(struct vpt_queue *queue, void **token, uint32_t *written)
{
    enum vpt_status status;

    fence_strongly(queue);
    queue->notifications = false;
    status = vpt_queue_pop(queue, token, written);
    queue->notifications = true;
    return status;
}

enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written)
{
    const struct split_used_element *element;
    struct vpt_queue_slot *slot;
    uint32_t id;
    uint32_t length;

    if (queue->last_used == queue->used_seen) {
        enum vpt_status status = look(queue);

        if (status != VPT_OK) {
            return status == LOOK_AGAIN ? pop_strongly(queue, token, written) : status;
        }
    }
    element = &used_ring(queue)->ring[queue->last_used & queue->mask];
    id = vpt_order32(queue->device_order, vpt_load32(&element->id));
    length = vpt_order32(queue->device_order, vpt_load32(&element->length));
    if (VPT_UNLIKELY(id > queue->mask)) {
        return lie(queue, VPT_DEVICE_USED_ID);
    }
    slot = &queue->slots[id];
    if (VPT_UNLIKELY(slot->count == 0)) {
        return lie(queue, VPT_DEVICE_USED_ID);
    }
    if (VPT_UNLIKELY(queue->available_index != queue->published) && unpublished(queue, id)) {
        return lie(queue, VPT_DEVICE_USED_ID);
    }
    /* Devices that have done the request get this number wrong: the data of a write counted, or all-ones. */
    if (VPT_UNLIKELY(length > slot->writable)) {
        length = slot->writable;
    }
    if (token != NULL) {
        *token = slot->token;
    }
    if (written != NULL) {
        *written = length;
    }
    VPT_WRITE_ONCE(queue->last_used, (uint16_t)(queue->last_used + 1u));
    release(queue, slot, (uint16_t)id);
    return VPT_OK;
}

bool vpt_queue_has_used(const struct vpt_queue *queue)
{
    return check_alive(queue) != VPT_OK || load_used_index(queue) != VPT_READ_ONCE(queue->last_used);
}

VPT_OUT_OF_LINE bool has_used_strongly(const struct vpt_queue *queue)
{
    fence_strongly(queue);
    return check_alive(queue) == VPT_OK && vpt_queue_has_used(queue);
}

void vpt_queue_notifications_off(struct vpt_queue *queue)
{
    queue->notifications = false;
    if (queue->slots == NULL) {
        return;
    }
    if (queue->event_idx) {
        /* The flag must stay 0 (SPLIT-USUPP-3): name the index that lies as far ahead as can be. */
        arm(queue, (uint16_t)(queue->last_used - 1u));
    } else {
        vpt_store16(&available_ring(queue)->flags, vpt_order16(queue->device_order, AVAILABLE_NO_INTERRUPT));
    }
}

bool vpt_queue_notifications_on(struct vpt_queue *queue)
{
    queue->notifications = true;
    if (queue->slots == NULL) {
        return false;
    }
    if (queue->event_idx) {
        arm(queue, queue->last_used);
    } else {
        vpt_store16(&available_ring(queue)->flags, 0);
    }
    if (VPT_UNLIKELY(queue->strong)) {
        return has_used_strongly(queue);
    }
    vpt_barrier_full();
    return check_alive(queue) == VPT_OK && vpt_queue_has_used(queue);
}
