/* SPDX-License-Identifier: MIT */
/* A block device's next life after a reset, on the memory of the one before. */
#include "internal.h"

/* Everything but what was accepted. */
static void complement(const struct vpt_features *features, struct vpt_features *others)
{
    unsigned word;

    for (word = 0; word < VPT_FEATURE_WORDS; word++) {
        others->word[word] = ~features->word[word];
    }
}

/* What calls after vpt_blk_init() had added. */
static enum vpt_status repeat(struct vpt_blk *blk, bool write_back)
{
    enum vpt_status status = blk->ranges != NULL ? blk->ranges->init(blk) : VPT_OK;

    /* A cache that cannot be flushed is nobody's wish: the device had it so. */
    if (status == VPT_OK && blk->info.write_back_switch && blk->info.write_back != write_back &&
        (!write_back || blk->info.flush)) {
        status = vpt_blk_set_write_back(blk, write_back);
    }
    return status;
}

enum vpt_status vpt_blk_restart(struct vpt_blk *blk)
{
    struct vpt_blk_info before;
    struct vpt_blk_info info;
    struct vpt_features others;
    enum vpt_status status;

    if (blk == NULL || blk->device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    complement(&blk->features, &others);
    vpt_zero(&info, sizeof(info));
    status = vpt_blk_bring_up(blk->device, &blk->features, &blk->features, &others, &info);
    if (status != VPT_OK) {
        return status;
    }
    before = blk->info;
    blk->info = info;
    status = repeat(blk, before.write_back);
    if (status != VPT_OK) {
        blk->info = before;
        vpt_device_fail(blk->device);
    }
    return status;
}

enum vpt_status vpt_blk_queue_restart(struct vpt_blk_queue *queue)
{
    enum vpt_status status;

    if (queue == NULL || queue->blk == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (queue->in_flight != 0) {
        return VPT_CALLER_BUSY;
    }
    if (queue->queue.index >= queue->blk->info.queues) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    status = vpt_queue_restart(&queue->queue);
    if (status == VPT_OK) {
        queue->segments = vpt_blk_cap_segments(queue->blk, queue->segments_made);
    }
    return status;
}
