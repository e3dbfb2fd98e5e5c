/* SPDX-License-Identifier: MIT */
/* A network device's bring-up and configuration (VirtIO 1.4, sections 5.1.3 to 5.1.5). */
#include "../transport/transport_ops.h"
#include "net_internal.h"

#define BIT(feature) (1u << VPT_NET_F_##feature)

/* In word 0: what needs a control queue (FEAT-1). */
#define NEEDS_CONTROL (BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(GUEST_ANNOUNCE) | BIT(MQ) | BIT(CTRL_MAC_ADDR))

#define STATUS_LINK_UP  1u
#define STATUS_ANNOUNCE 2u

#define MTU_DEFAULT 1500u
#define MTU_LEAST   68u
#define MTU_MOST    65535u
#define PAIRS_MOST  32767u /* the control queue's index, twice as many, has 16 bits */

#define FIELD(offset, width, feature, member)                                                           \
    {                                                                                                   \
        offset, width, VPT_CONFIG_WITH(VPT_NET_F_##feature), VPT_OFFSET_OF(struct vpt_net_info, member) \
    }

/* The first one changes by itself. */
static const struct vpt_config_field fields[] = {
    FIELD(6, 2, STATUS, status), FIELD(8, 2, MQ, pairs),   FIELD(10, 2, MTU, mtu),
    FIELD(0, 1, MAC, mac[0]),    FIELD(1, 1, MAC, mac[1]), FIELD(2, 1, MAC, mac[2]),
    FIELD(3, 1, MAC, mac[3]),    FIELD(4, 1, MAC, mac[4]), FIELD(5, 1, MAC, mac[5]),
};
#define FIELDS_CHANGING 1u
#define FIELDS          (sizeof(fields) / sizeof(fields[0]))

/* Says what the device's status means. */
static void read_status(struct vpt_net *net)
{
    uint32_t status = net->info.status;

    net->info.link = (status & STATUS_LINK_UP) != 0;
    net->info.announce =
        (status & STATUS_ANNOUNCE) != 0 && vpt_features_has(&net->driver.device->features, VPT_NET_F_GUEST_ANNOUNCE);
}

/* Each start reads the configuration. Queues that were set up before must still be what they were set up for. */
static enum vpt_status configure_net(struct vpt_driver *driver)
{
    struct vpt_net *net = VPT_CONTAINER_OF(driver, struct vpt_net, driver);
    const struct vpt_features *features = &driver->device->features;
    struct vpt_net_info info;
    enum vpt_status status;

    vpt_zero(&info, sizeof(info));
    info.status = STATUS_LINK_UP;
    info.pairs = 1;
    info.mtu = MTU_DEFAULT;
    status = vpt_device_config_fields(driver->device, fields, FIELDS, &info);
    if (status != VPT_OK) {
        return status;
    }
    if (info.mtu < MTU_LEAST || info.pairs - 1u >= PAIRS_MOST ||
        (driver->first != NULL && (info.mtu > net->info.mtu || info.pairs != net->info.pairs))) {
        return VPT_DEVICE_CONFIG;
    }
    info.merge = vpt_features_has(features, VPT_NET_F_MRG_RXBUF);
    info.checksum_transmit = vpt_features_has(features, VPT_NET_F_CSUM);
    info.checksum_receive = vpt_features_has(features, VPT_NET_F_GUEST_CSUM);
    info.header = NET_HEADER;
    if (vpt_legacy(driver->device)) {
        info.header = info.merge ? NET_HEADER : NET_HEADER_LEGACY;
        info.split = !vpt_features_has(features, VPT_F_ANY_LAYOUT);
    }
    info.transmit_max = VPT_NET_ETHERNET_SIZE + (vpt_features_has(features, VPT_NET_F_MTU) ? info.mtu : MTU_MOST);
    net->info = info;
    read_status(net);
    return VPT_OK;
}

/*
 * A device may offer what needs a control queue without having one, or the kernel may refuse the control queue. With a
 * packed ring and EVENT_IDX QEMU's device, after it had to wait for its network, asks for a notification of descriptors
 * that it has taken since: so it gets none for later frames.
 */
static enum vpt_status examine_net(struct vpt_driver *driver)
{
    struct vpt_features *features = &driver->device->features;

    if (!vpt_features_has(features, VPT_NET_F_CTRL_VQ)) {
        features->word[0] &= ~NEEDS_CONTROL;
    }
    if (vpt_features_has(features, VPT_F_RING_PACKED)) {
        vpt_features_remove(features, VPT_F_EVENT_IDX);
    }
    return VPT_OK;
}

enum vpt_status vpt_net_init(struct vpt_net *net, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_NETWORK,
                                                 .wanted = { { BIT(CSUM) | BIT(GUEST_CSUM) | BIT(MTU) | BIT(MAC) |
                                                               BIT(MRG_RXBUF) | BIT(STATUS) | BIT(CTRL_VQ) |
                                                               NEEDS_CONTROL } },
                                                 .examine = examine_net,
                                                 .configure = configure_net };
    enum vpt_status status;

    if (net == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_driver_init(&net->driver, device, &kind, choice);
    if (status != VPT_OK) { /* the configuration may have been read */
        vpt_zero(&net->info, sizeof(net->info));
    }
    return status;
}

enum vpt_status vpt_net_refresh(struct vpt_net *net)
{
    enum vpt_status status = VPT_CALLER_ARGUMENT;

    if (net != NULL) {
        status = vpt_driver_refresh(&net->driver, fields, FIELDS_CHANGING, &net->info);
    }
    if (status == VPT_OK) {
        read_status(net);
    }
    return status;
}
