/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_NET_INTERNAL_H
#define VPT_SRC_NET_INTERNAL_H

#include <vpt/net.h>

#include "../access.h"

#define NET_HEADER_LEGACY 10u /* without num_buffers (D-LNET-1) */
#define NET_HEADER        12u

/* Offsets in the header (section 5.1.6), and its flags. */
#define NET_HEADER_FLAGS           0u
#define NET_HEADER_CHECKSUM_START  6u
#define NET_HEADER_CHECKSUM_OFFSET 8u
#define NET_HEADER_BUFFERS         10u

#define NET_FLAG_NEEDS_CHECKSUM 1u
#define NET_FLAG_DATA_VALID     2u

/* Returns the device of a queue that is set up. */
static inline struct vpt_net *net_of(const struct vpt_requests *requests)
{
    return VPT_CONTAINER_OF(requests->driver, struct vpt_net, driver);
}

/* Checks the arguments of a set-up of a pair's queue. */
static inline enum vpt_status net_check_pair(const void *queue, const struct vpt_net *net, uint16_t pair)
{
    if (queue == NULL || net == NULL || net->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return pair < net->info.pairs ? VPT_OK : VPT_UNSUPPORTED_QUEUE;
}

/* Returns the fewest bytes that a receive buffer must have. */
static inline uint32_t net_buffer_least(const struct vpt_net_info *info)
{
    return info->header + (info->merge ? VPT_NET_PART_LEAST : info->mtu + VPT_NET_ETHERNET_SIZE);
}

#endif
