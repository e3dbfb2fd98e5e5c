/* SPDX-License-Identifier: MIT */
/*
 * Which layout and which order a virtqueue has. A build with one of these definitions is smaller, for kernels that need
 * no more: VPT_WITHOUT_PACKED, VPT_WITHOUT_SPLIT (the device must offer RING_PACKED), VPT_WITHOUT_IN_ORDER.
 */
#ifndef VPT_SRC_QUEUE_LAYOUT_H
#define VPT_SRC_QUEUE_LAYOUT_H

#include <vpt/queue.h>

#include "../access.h"

#if defined(VPT_WITHOUT_SPLIT) && (defined(VPT_WITHOUT_PACKED) || !defined(VPT_WITHOUT_LEGACY))
#error "VPT_WITHOUT_SPLIT leaves packed rings, which legacy interfaces do not have"
#endif

/* Whether this feature was negotiated when the queue was set up. */
VPT_INLINE bool queue_has(const struct vpt_queue *queue, unsigned feature)
{
    return ((queue->features[feature / 32u] >> (feature % 32u)) & 1u) != 0;
}

/* Whether the ring is packed. */
VPT_INLINE bool queue_packed(const struct vpt_queue *queue)
{
#if defined(VPT_WITHOUT_PACKED)
    (void)queue;
    return false;
#elif defined(VPT_WITHOUT_SPLIT)
    (void)queue;
    return true;
#else
    return queue_has(queue, VPT_F_RING_PACKED);
#endif
}

/* Whether the device uses buffers in the order in which they became available. */
VPT_INLINE bool queue_in_order(const struct vpt_queue *queue)
{
#ifdef VPT_WITHOUT_IN_ORDER
    (void)queue;
    return false;
#else
    return queue_has(queue, VPT_F_IN_ORDER);
#endif
}

/* Whether each request takes the next descriptors of the ring. Otherwise descriptors come from a free list. */
VPT_INLINE bool queue_sequential(const struct vpt_queue *queue)
{
    return queue_packed(queue) || queue_in_order(queue);
}

/* What queue_packed() returns for a queue of which queue_sequential() is true. */
VPT_INLINE bool sequential_packed(const struct vpt_queue *queue)
{
#if defined(VPT_WITHOUT_IN_ORDER)
    (void)queue;
    return true;
#else
    return queue_packed(queue);
#endif
}

/*
 * Whether the queue is not set up, so that it has no ring, and queue_packed() is true all the same. In other builds
 * such a queue counts as a split one.
 */
VPT_INLINE bool queue_without_ring(const struct vpt_queue *queue)
{
#ifdef VPT_WITHOUT_SPLIT
    return queue->slots == NULL;
#else
    (void)queue;
    return false;
#endif
}

/* What queue_packed() returns, before the queue has its features. */
static inline bool device_packed(const struct vpt_device *device)
{
#if defined(VPT_WITHOUT_PACKED)
    (void)device;
    return false;
#elif defined(VPT_WITHOUT_SPLIT)
    (void)device;
    return true;
#else
    return vpt_features_has(&device->features, VPT_F_RING_PACKED);
#endif
}

#endif
