/* SPDX-License-Identifier: MIT */
/* Commands by the control queue. */
#include <string.h>

#include "network.h"

static const struct mock_net_commands *commands(void)
{
    return &network_model.commands;
}

static void start(enum machine_kind kind, bool any_layout)
{
    static const struct mock_net_options options = { .pairs = 2 };
    const struct mock_pci_machine_options kind_options = { .machine.withhold = {
                                                               { any_layout ? 0 : 1u << VPT_F_ANY_LAYOUT } } };

    network_machine(kind, &options, &kind_options);
    assert_status(network_bring_up(2, 0, NULL), VPT_OK);
}

static enum vpt_status set_mode(void)
{
    return vpt_net_set_mode(&network.control, VPT_NET_PROMISCUOUS, true);
}

/* The device checks each command's layout. */
TRANSPORT_TEST(net_control, LEG_NETFRAME_2_modes_are_turned_on_and_off)
{
    for (unsigned layout = 0; layout < 2; layout++) {
        start(variant->kind, layout != 0);
        for (unsigned mode = VPT_NET_PROMISCUOUS; mode <= VPT_NET_NO_BROADCAST; mode++) {
            for (unsigned on = 2; on-- != 0;) {
                assert_status(vpt_net_set_mode(&network.control, (enum vpt_net_mode)mode, on != 0), VPT_OK);
                cr_assert(commands()->class_code == 0 && commands()->command == mode);
                assert_same(commands()->mode[mode], on);
            }
        }
        assert_same(commands()->count, 12);
        assert_status(vpt_net_set_mode(&network.control, (enum vpt_net_mode)6, true), VPT_CALLER_ARGUMENT);
        assert_status(vpt_net_set_mode(NULL, VPT_NET_PROMISCUOUS, true), VPT_CALLER_ARGUMENT);
        assert_status(vpt_net_use_pairs(NULL, 1), VPT_CALLER_ARGUMENT);
        assert_same(commands()->count, 12);
        network_end();
    }
}

TRANSPORT_TEST(net_control, NET_MAC_3_NET_MAC_4_LEG_NETMAC_1_LEG_NETFRAME_3_the_filter_table)
{
    static const uint8_t addresses[(NETWORK_TABLE + 1u) * 6u] = "abcdefghijklmnopqrstuvwxyzABC";

    for (unsigned layout = 0; layout < 2; layout++) {
        start(variant->kind, layout != 0);
        for (uint16_t unicast = 0; unicast <= NETWORK_TABLE; unicast++) {
            for (uint16_t multicast = 0; multicast <= NETWORK_TABLE; multicast++) {
                bool fits = unicast + multicast <= (int)NETWORK_TABLE;

                assert_status(vpt_net_filter(&network.control, addresses, unicast, multicast),
                              fits ? VPT_OK : VPT_CALLER_TOO_LONG);
                cr_assert(!fits || (commands()->addresses[0] == unicast && commands()->addresses[1] == multicast &&
                                    memcmp(commands()->table, addresses, (unicast + multicast) * 6u) == 0));
            }
        }
        assert_status(vpt_net_filter(&network.control, NULL, 0, 0), VPT_OK);
        assert_status(vpt_net_filter(NULL, addresses, 1, 0), VPT_CALLER_ARGUMENT);
        assert_status(vpt_net_filter(&network.control, NULL, 0, 1), VPT_CALLER_ARGUMENT);
        network_end();
    }
}

TRANSPORT_TEST(net_control, NET_MAC_2_the_address_is_changed)
{
    static const uint8_t mac[6] = { 2, 3, 4, 5, 6, 7 };

    start(variant->kind, false);
    assert_status(vpt_net_set_mac(&network.control, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_net_set_mac(&network.control, mac), VPT_OK);
    cr_assert(memcmp(commands()->mac, mac, 6) == 0 && memcmp(network.net.info.mac, mac, 6) == 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    assert_status(vpt_net_set_mac(&network.control, (const uint8_t *)"abcdef"), VPT_DEVICE_IO_ERROR);
    cr_assert(memcmp(network.net.info.mac, mac, 6) == 0);
    network_end();
}

/* Each command without its feature. */
TRANSPORT_TEST(net_control, NET_FILT_1_NET_FILT_2_NET_MAC_1_commands_without_their_feature)
{
    const struct vpt_feature_choice choice = { .refused = { { 1u << VPT_NET_F_CTRL_RX | 1u << VPT_NET_F_CTRL_RX_EXTRA |
                                                              1u << VPT_NET_F_GUEST_ANNOUNCE | 1u << VPT_NET_F_MQ } } };

    network_machine(variant->kind, NULL, NULL);
    assert_status(network_bring_up(1, 0, &choice), VPT_OK);
    assert_status(set_mode(), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_net_set_mode(&network.control, VPT_NET_NO_UNICAST, true), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_net_filter(&network.control, NULL, 0, 0), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_net_set_mac(&network.control, (const uint8_t *)"abcdef"), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_net_announced(&network.control), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_net_use_pairs(&network.control, 1), VPT_UNSUPPORTED_FEATURE);
    assert_same(commands()->count, 0);
    network_end();
}

static const struct {
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status status;
} answers[] = {
    { MOCK_FAULT_IO_ERROR, 0, VPT_DEVICE_IO_ERROR },
    { MOCK_FAULT_STATUS_MISSING, 0, VPT_DEVICE_REQUEST_STATUS },
    { MOCK_FAULT_STATUS_UNKNOWN, 2, VPT_DEVICE_REQUEST_STATUS },
    { MOCK_FAULT_USED_LENGTH_SHORT, 0, VPT_OK },
    { MOCK_FAULT_COMPLETION_LATE, 20, VPT_OK },
};

TRANSPORT_TEST(net_control, what_the_device_answers)
{
    start(variant->kind, false);
    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        mock_fault_set(&machine.model->faults, answers[i].fault, 1, 1, answers[i].argument);
        assert_status(set_mode(), answers[i].status);
        assert_same(mock_fault_fired(&machine.model->faults, answers[i].fault), 1);
        assert_status(set_mode(), VPT_OK);
    }
    network_end();
}

/* The wait is bounded. Until the answer comes there is no other command; and the frames go on. */
TRANSPORT_TEST(net_control, an_answer_that_comes_late_or_never)
{
    uint32_t budget;

    start(variant->kind, false);
    budget = machine.hal->wait_budget[VPT_WAIT_REQUEST];
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LATE, 1, 1, budget + 10u);
    assert_status(set_mode(), VPT_DEVICE_TIMEOUT);
    assert_status(set_mode(), VPT_CALLER_BUSY);
    assert_status(vpt_net_use_pairs(&network.control, 2), VPT_CALLER_BUSY);
    cr_assert((machine.model->status & VPT_STATUS_DRIVER_OK) != 0);
    for (uint32_t i = 0; i < 20; i++) {
        mock_hal_tick(machine.hal);
    }
    assert_status(vpt_net_use_pairs(&network.control, 2), VPT_OK);
    network_assert_works(1);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    assert_status(set_mode(), VPT_DEVICE_TIMEOUT);
    network_assert_works(2);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(set_mode(), VPT_CANCELLED);
    (void)network_drain_receiveq(0, VPT_CANCELLED);
    (void)network_drain_receiveq(1, VPT_CANCELLED);
    assert_status(vpt_driver_restart(&network.net.driver, NULL), VPT_OK);
    assert_status(vpt_net_use_pairs(&network.control, 2), VPT_OK);
    network_assert_works(3);
    network_end();
}

static const struct {
    enum mock_fault fault;
    enum vpt_status status;
} failures[] = {
    { MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET },
    { MOCK_FAULT_USED_ID_RANGE, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_INDEX_AHEAD, VPT_DEVICE_USED_INDEX },
    { MOCK_FAULT_KICK_LOST, VPT_DEVICE_TIMEOUT },
};

TRANSPORT_TEST(net_control, a_device_that_fails)
{
    for (unsigned i = 0; i < COUNT_OF(failures); i++) {
        start(variant->kind, false);
        mock_fault_set(&machine.model->faults, failures[i].fault, 1, 1, 0);
        assert_status(set_mode(), failures[i].status);
        network_end();
    }
    start(variant->kind, false);
    machine_pull_out();
    assert_status(set_mode(), VPT_DEVICE_GONE);
    machine_plug_in();
    mock_violations_clear(&machine.hal->violations);
    (void)network_drain_receiveq(0, VPT_DEVICE_GONE);
    (void)network_drain_receiveq(1, VPT_DEVICE_GONE);
    (void)set_mode();
    assert_status(vpt_driver_release(&network.net.driver), VPT_OK);
    machine_end();
}
