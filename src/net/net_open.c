/* SPDX-License-Identifier: MIT */
/* A network device with one pair of queues and defaults. */
#include "../request/slots.h"
#include "net_internal.h"

enum vpt_status vpt_net_open(struct vpt_net *net, struct vpt_net_receiveq *receiveq,
                             struct vpt_net_transmitq *transmitq, struct vpt_device *device)
{
    static const struct vpt_feature_choice choice = {
        .refused = { { 1u << VPT_NET_F_MRG_RXBUF | 1u << VPT_NET_F_GUEST_CSUM | 1u << VPT_NET_F_GUEST_ANNOUNCE } }
    };
    enum vpt_status status;

    if (net == NULL || receiveq == NULL || transmitq == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(receiveq, sizeof(*receiveq));
    vpt_zero(transmitq, sizeof(*transmitq));
    status = vpt_net_init(net, device, &choice);
    if (status != VPT_OK) {
        return status;
    }
    status = vpt_net_receiveq_init(receiveq, net, 0, 0, NULL);
    if (status == VPT_OK) {
        status = vpt_net_transmitq_init(transmitq, net, 0, NULL);
    }
    status = vpt_driver_open(&net->driver, status);
    if (net->driver.device == NULL) { /* else it was not released */
        vpt_zero(&net->info, sizeof(net->info));
    }
    return status;
}
