/* SPDX-License-Identifier: MIT */
/* The set-up of queues for free-form requests. */
#include "in_order.h"
#include "queue_internal.h"

static uint16_t at_most(uint32_t value, uint32_t limit)
{
    return (uint16_t)(value < limit ? value : limit);
}

/* A request has at most as many entries as the queue, even in a table (SPLIT-INDIR-3). */
static enum vpt_status plan_general(struct vpt_queue *queue, const struct vpt_queue_wish *wish, uint64_t *private_bytes,
                                    uint64_t *slot_bytes)
{
    uint32_t size = queue->mask + 1u;

    queue->slot_count = size;
    if (wish->segments >= 2u && vpt_features_has(&queue->device->features, VPT_F_INDIRECT_DESC)) {
        queue->tables_made = at_most(at_most(wish->tables, size), TABLES_MAX);
        queue->table_segments = at_most(wish->segments, size);
    }
    *private_bytes = VPT_QUEUE_PRIVATE_SIZE(size, queue->tables_made);
    *slot_bytes = 0;
    return VPT_OK;
}

/* Links each entry to the next one, and the last to the first. */
VPT_OUT_OF_LINE void link_all(uint16_t *links, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        links[i] = (uint16_t)(i + 1u < count ? i + 1u : 0u);
    }
}

static void prepare_general(struct vpt_queue *queue)
{
    uint32_t i;

    queue->links = (uint16_t *)(void *)(queue->slots + queue->slot_count);
    queue->table_links = queue->links + queue->slot_count;
    link_all(queue->links, queue->slot_count);
    for (i = 0; i < queue->slot_count; i++) {
        queue->slots[i].count = 0;
        queue->slots[i].tail = queue->links[i]; /* the next id of a packed ring */
    }
    queue->table_count = queue_has(queue, VPT_F_INDIRECT_DESC) ? queue->tables_made : 0u;
    link_all(queue->table_links, queue->table_count);
    queue->free_count = queue->slot_count;
    in_order_prepare(queue);
}

enum vpt_status vpt_queue_init(struct vpt_queue *queue, struct vpt_device *device,
                               const struct vpt_queue_config *config)
{
    static const struct vpt_queue_form form = { plan_general, prepare_general };
    struct vpt_queue_wish wish;

    if (queue == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (device != NULL && vpt_queue_in_use(device, queue)) {
        return VPT_CALLER_STATE;
    }
    vpt_zero(queue, sizeof(*queue));
    if (device == NULL || config == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    wish.memory = &config->memory;
    wish.size = config->size;
    wish.most = VPT_QUEUE_DEFAULT_SIZE_MAX;
    wish.requests = 0;
    wish.tables = config->indirect_tables;
    wish.segments = config->indirect_segments;
    wish.index = config->index;
    return vpt_queue_set_up(queue, device, &wish, &form);
}
