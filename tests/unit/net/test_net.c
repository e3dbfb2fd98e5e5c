/* SPDX-License-Identifier: MIT */
/* A network device's configuration and bring-up. */
#include <string.h>

#include "network.h"

/* ---- Configuration ---- */

TRANSPORT_TEST(net, NET_CFG_2_NET_CFG_3_NET_CFG_6_what_the_device_says_of_itself)
{
    static const struct mock_net_options options = { .mtu = 9000, .pairs = 3 };

    network_start(variant->kind, &options);
    cr_assert(memcmp(network.net.info.mac, "\x52\x54\x00\x12\x34\x56", 6) == 0);
    cr_assert(network.net.info.link && !network.net.info.announce && network.net.info.merge);
    cr_assert(network.net.info.checksum_transmit && network.net.info.checksum_receive);
    assert_same(network.net.info.mtu, 9000);
    assert_same(network.net.info.transmit_max, 9014);
    assert_same(network.net.info.pairs, 3);
    assert_same(network.net.info.header, 12);
    assert_same(network.receiveq[0].requests.slot_size, (9000 + 18 + 12 + 15) & ~15);
    network_end();
}

/* Without any feature of the device type: what holds then, and the header of 10 bytes on a legacy interface alone. */
TRANSPORT_TEST(net, NET_CFG_5_NET_RXBUF_4_LEG_NETOP_1_a_device_that_offers_nothing)
{
    static const struct mock_net_options options = { .withhold = { { UINT32_MAX } } };
    static const struct vpt_net_info expected = { .link = true, .mtu = 1500, .pairs = 1, .transmit_max = 65535 + 14 };
    const struct vpt_net_info *info = &network.net.info;

    network_start(variant->kind, &options);
    cr_assert(all_zero(info->mac, 6) && info->link && !info->announce && !info->merge);
    cr_assert(!info->checksum_transmit && !info->checksum_receive);
    cr_assert(info->mtu == expected.mtu && info->pairs == 1 && info->transmit_max == expected.transmit_max);
    assert_same(info->header, machine_kind_legacy(variant->kind) ? 10 : 12);
    assert_status(vpt_net_control_init(&network.control, &network.net, 0, NULL), VPT_UNSUPPORTED_FEATURE);
    network_assert_works(1);
    assert_status(vpt_net_refresh(&network.net), VPT_OK);
    cr_assert(network.net.info.link);
    network_end();
}

/* Segmentation is never accepted, nor what needs a control queue if there is none (FEAT-1). */
TRANSPORT_TEST(net, NET_TX_21_which_features_are_accepted)
{
    static const struct mock_net_options without_control = { .pairs = 2, .withhold = { { 1u << VPT_NET_F_CTRL_VQ } } };
    const uint32_t segmentation = 0xffu << 7;
    const uint32_t control =
        0xbdu << 16; /* CTRL_RX, CTRL_RX_EXTRA, GUEST_ANNOUNCE, MQ and CTRL_MAC_ADDR: 18, 20 to 23 */
    struct vpt_feature_choice choice = { .refused = { { 1u << VPT_NET_F_CTRL_VQ } } };

    for (unsigned i = 0; i < 3; i++) {
        network_machine(variant->kind, i == 1 ? &without_control : NULL, NULL);
        assert_status(network_bring_up(1, 0, i == 2 ? &choice : NULL), VPT_OK);
        cr_assert((machine.model->offered.word[0] & segmentation) == segmentation);
        assert_same(machine.model->accepted.word[0] & segmentation, 0);
        assert_same((machine.model->accepted.word[0] & control & ~(1u << 16)) != 0, i == 0);
        assert_same(network.net.info.pairs, 1);
        network_end();
    }
    choice.required.word[0] = 1u << VPT_NET_F_CTRL_RX;
    network_machine(variant->kind, NULL, NULL);
    assert_status(vpt_net_init(&network.net, machine.device, &choice), VPT_UNSUPPORTED_FEATURE);
    cr_assert(all_zero(&network.net, sizeof(network.net)));
    cr_assert((machine.model->status & VPT_STATUS_FAILED) != 0);
    machine_end();
}

/* Devices lose interrupts if a packed ring has event indexes. */
STARTED_NETWORK_TEST(net, rings_are_accepted_and_no_event_index_of_a_packed_one)
{
    const struct vpt_features *features = &network.net.driver.features;

    assert_same(vpt_features_has(features, VPT_F_RING_PACKED), variant->packed);
    assert_same(vpt_features_has(features, VPT_F_IN_ORDER), variant->in_order);
    assert_same(vpt_features_has(features, VPT_F_EVENT_IDX), !variant->packed && !variant->plain);
}

static const struct {
    const char *text;
    uint64_t argument;
    enum vpt_status status;
} impossible[] = {
    { "an MTU of 67", MOCK_CONFIG_VALUE(MOCK_NET_MTU, 67), VPT_DEVICE_CONFIG },
    { "an MTU of 68", MOCK_CONFIG_VALUE(MOCK_NET_MTU, 68), VPT_OK },
    { "no pairs", MOCK_CONFIG_VALUE(MOCK_NET_PAIRS, 0), VPT_DEVICE_CONFIG },
    { "32768 pairs", MOCK_CONFIG_VALUE(MOCK_NET_PAIRS, 32768), VPT_DEVICE_CONFIG },
    { "32767 pairs", MOCK_CONFIG_VALUE(MOCK_NET_PAIRS, 32767), VPT_OK },
};

TRANSPORT_TEST(net, fields_that_are_out_of_range)
{
    static const struct mock_net_options options = { .mtu = 1500, .pairs = 2 };

    for (unsigned i = 0; i < COUNT_OF(impossible); i++) {
        network_machine(variant->kind, &options, NULL);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 0, impossible[i].argument);
        assert_status_of(impossible[i].text, vpt_net_init(&network.net, machine.device, NULL), impossible[i].status);
        cr_assert(impossible[i].status == VPT_OK || all_zero(&network.net, sizeof(network.net)));
        network_end();
    }
}

/* An address is of one moment: all its bytes are equal while it changes. */
TRANSPORT_TEST(net, CONFIG_1_an_address_that_changes_while_it_is_read)
{
    network_machine(variant->kind, NULL, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 5, 1, 0);
    assert_status(vpt_net_init(&network.net, machine.device, NULL), VPT_OK);
    cr_assert(all_bytes(network.net.info.mac, 6, network.net.info.mac[0]));
    network_end();
}

/* The link, and a device that asks for an announcement. */
TRANSPORT_TEST(net, NET_GARP_1_NET_GARP_2_what_changes_while_the_device_runs)
{
    network_start(variant->kind, NULL);
    mock_net_set_status(&network_model, 0);
    assert_same(vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION, VPT_INTERRUPT_CONFIGURATION);
    cr_assert(network.net.info.link);
    assert_status(vpt_net_refresh(&network.net), VPT_OK);
    cr_assert(!network.net.info.link && !network.net.info.announce);
    mock_net_set_status(&network_model, MOCK_NET_LINK_UP | MOCK_NET_ANNOUNCE);
    assert_status(vpt_net_refresh(&network.net), VPT_OK);
    cr_assert(network.net.info.link && network.net.info.announce);
    assert_status(vpt_net_announced(&network.control), VPT_OK);
    cr_assert(!network.net.info.announce);
    assert_status(vpt_net_refresh(&network.net), VPT_OK);
    cr_assert(network.net.info.link && !network.net.info.announce);
    mock_device_needs_reset(machine.model);
    mock_config_set(&machine.model->config, MOCK_NET_STATUS, 2, 0);
    assert_status(vpt_net_refresh(&network.net), VPT_DEVICE_NEEDS_RESET);
    cr_assert(network.net.info.link);
    assert_status(vpt_net_refresh(NULL), VPT_CALLER_ARGUMENT);
    network_end();
    assert_status(vpt_net_refresh(&network.net), VPT_CALLER_ARGUMENT);
}

/* ---- Bring-up ---- */

TRANSPORT_TEST(net, arguments_that_cannot_be)
{
    struct vpt_net_receiveq *receiveq = &network.receiveq[1];
    struct vpt_net_transmitq *transmitq = &network.transmitq[1];

    network_start(variant->kind, NULL);
    assert_status(vpt_net_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_open(NULL, receiveq, transmitq, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_open(&network.net, NULL, transmitq, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_open(&network.net, receiveq, NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_receiveq_init(NULL, &network.net, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_receiveq_init(receiveq, NULL, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_receiveq_init(receiveq, &network.net, 1, 0, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_net_receiveq_init(receiveq, &network.net, 0, 12 + VPT_NET_PART_LEAST - 1, NULL),
                  VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_transmitq_init(NULL, &network.net, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_transmitq_init(transmitq, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_transmitq_init(transmitq, &network.net, 1, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_net_control_init(NULL, &network.net, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_control_init(&network.control, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    /* A queue that is in use stays as it is. */
    assert_status(vpt_net_receiveq_init(network.receiveq, &network.net, 0, VPT_NET_POSTED, NULL), VPT_CALLER_STATE);
    assert_status(vpt_net_transmitq_init(network.transmitq, &network.net, 0, NULL), VPT_CALLER_STATE);
    assert_status(vpt_net_control_init(&network.control, &network.net, 9, NULL), VPT_CALLER_STATE);
    assert_same(network.control.addresses, NETWORK_TABLE);
    network_assert_works(1);
    network_end();
    assert_status(vpt_net_receiveq_init(receiveq, &network.net, 0, 0, NULL), VPT_CALLER_ARGUMENT);
}

/* Queues that are not set up: each call says so. */
TRANSPORT_TEST(net, queues_that_are_not_set_up)
{
    struct vpt_memory memory = { 0 };
    struct vpt_request frame = { .readable = 1 };
    uint32_t done = 9;

    network_machine(variant->kind, NULL, NULL);
    assert_status(vpt_net_transmit(network.transmitq, NULL, 0, NULL, NULL), VPT_CALLER_STATE);
    assert_status(vpt_net_transmit_batch(network.transmitq, &frame, NULL, 1, &done), VPT_CALLER_STATE);
    assert_same(done, 0);
    assert_status(vpt_net_receive(network.receiveq, network.frame, 1, &done), VPT_CALLER_STATE);
    assert_status(vpt_net_read(network.receiveq, network.frame, 1, network.frame), VPT_CALLER_STATE);
    assert_status(vpt_net_post(network.receiveq, &memory, 1, &done), VPT_CALLER_STATE);
    assert_status(vpt_net_recycle(network.receiveq, network.frame, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_set_mode(&network.control, VPT_NET_PROMISCUOUS, true), VPT_CALLER_STATE);
    assert_status(vpt_net_use_pairs(&network.control, 1), VPT_CALLER_STATE);
    assert_status(vpt_net_filter(&network.control, NULL, 0, 0), VPT_CALLER_STATE);
    machine_end();
}

TRANSPORT_TEST(net, an_open_with_defaults)
{
    uint8_t bytes[NETWORK_MOST];

    network_machine(variant->kind, NULL, NULL);
    assert_status(vpt_net_open(&network.net, network.receiveq, network.transmitq, machine.device), VPT_OK);
    cr_assert(!network.net.info.merge && !network.net.info.checksum_receive && network.net.info.checksum_transmit);
    cr_assert(!vpt_features_has(&network.net.driver.features, VPT_NET_F_GUEST_ANNOUNCE));
    network_assert_works(1);
    network_come(0, NETWORK_MOST, 5);
    assert_status(vpt_net_read(network.receiveq, bytes, sizeof(bytes), network.frame), VPT_OK);
    network_check(network.frame, NETWORK_MOST, 5);
    network_end();
}

/* The first queue was set up by then, and the configuration read. */
TRANSPORT_TEST(net, an_open_that_fails_at_its_second_queue_zeroes_all_objects)
{
    network_machine(variant->kind, NULL, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 2, 1, 0);
    assert_status(vpt_net_open(&network.net, network.receiveq, network.transmitq, machine.device),
                  VPT_DEVICE_QUEUE_STATE);
    cr_assert(all_zero(&network, sizeof(network)));
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    machine_end();
}

/* ---- Several pairs ---- */

TRANSPORT_TEST(net, NET_MQ_1_NET_MQ_2_LEG_NETMQ_1_several_pairs)
{
    static const struct mock_net_options options = { .pairs = 3 };

    network_machine(variant->kind, &options, NULL);
    assert_status(network_bring_up(2, 0, NULL), VPT_OK);
    assert_same(network.control.requests.queue.index, 6);
    assert_status(vpt_net_use_pairs(&network.control, 0), VPT_CALLER_RANGE);
    assert_status(vpt_net_use_pairs(&network.control, 4), VPT_CALLER_RANGE);
    assert_status(vpt_net_use_pairs(&network.control, 2), VPT_OK);
    assert_same(network_model.commands.pairs, 2);
    network_assert_works(1);
    assert_status(vpt_net_use_pairs(&network.control, 1), VPT_OK);
    assert_same(network_model.commands.pairs, 1);
    network_end();
}

/* ---- Restart ---- */

/* Nothing is allocated; what the queues were set up for has to be there still. */
TRANSPORT_TEST(net, a_restart_on_the_same_memory)
{
    static const struct mock_net_options options = { .pairs = 2, .mtu = 1500 };
    static const uint64_t others[] = { MOCK_CONFIG_VALUE(MOCK_NET_MTU, 1501), MOCK_CONFIG_VALUE(MOCK_NET_PAIRS, 1),
                                       MOCK_CONFIG_VALUE(MOCK_NET_PAIRS, 3) };
    uint64_t allocated;

    network_machine(variant->kind, &options, NULL);
    assert_status(network_bring_up(2, 0, NULL), VPT_OK);
    allocated = mock_hal_live_allocations(machine.hal);
    for (unsigned round = 0; round < 4; round++) {
        assert_status(vpt_net_use_pairs(&network.control, 2), VPT_OK);
        network_assert_works(round);
        assert_status(network_submit(0, 3, 60, 1, 1, NULL), VPT_OK);
        network_come(0, 60, 2); /* it is lost */
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&network.net.driver, NULL), VPT_CALLER_BUSY);
        network_take(0, NETWORK_BUFFERS);
        assert_status(network.frame[0].status, VPT_OK); /* it was used before the reset */
        assert_status(network.frame[1].status, VPT_CANCELLED);
        assert_same(network_drain_transmitq(0), 1);
        assert_same(network_drain_receiveq(1, VPT_CANCELLED), NETWORK_BUFFERS);
        if (round < COUNT_OF(others)) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE, 1, 0, others[round]);
            assert_status(vpt_driver_restart(&network.net.driver, NULL), VPT_DEVICE_CONFIG);
            assert_same(network.net.info.mtu, 1500);
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_VALUE);
        }
        assert_status(vpt_driver_restart(&network.net.driver, NULL), VPT_OK);
        assert_same(mock_hal_live_allocations(machine.hal), allocated);
    }
    network_end();
}
