/* SPDX-License-Identifier: MIT */
/* The balloon driver: pages both ways, the host's wish, statistics, reports, bring-up and its end. */
#include <string.h>

#include "small.h"

static uint64_t told(void)
{
    return mock_config_get(&machine.model->config, MOCK_BALLOON_ACTUAL, 4);
}

static struct vpt_completion take(struct vpt_requests *requests)
{
    struct vpt_completion completion;

    assert_status(vpt_requests_poll(requests, &completion), VPT_OK);
    return completion;
}

/* ---- Pages ---- */

/* BAL-OP-12: the device is told once for all requests of a call. LEG-BALOP-2: by one access of four bytes. */
STARTED_BALLOON_TEST(balloon, D_BAL_4_BAL_OP_6_BAL_OP_11_pages_go_in_and_out)
{
    static const struct {
        uint32_t count;
        uint32_t requests;
    } rows[] = { { 0, 0 }, { 1, 1 }, { 255, 1 }, { 256, 1 }, { 257, 2 }, { 2000, 8 } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        uint32_t count = rows[i].count;
        uint32_t requests = balloon_model.requests;
        uint32_t writes = balloon_model.actual_writes;

        assert_status(vpt_balloon_inflate(&balloon, balloon_pages(7, count), count), VPT_OK);
        assert_same(balloon_model.requests, requests + rows[i].requests);
        assert_same(balloon_model.actual_writes, writes + 1u);
        assert_same(balloon_model.page_count, count);
        cr_assert(memcmp(balloon_model.pages, balloon_pages(7, count), count * sizeof(uint32_t)) == 0);
        assert_same(told(), count);
        assert_balloon_works();
        assert_status(vpt_balloon_deflate(&balloon, balloon_pages(7, count / 2u), count / 2u), VPT_OK);
        assert_same(told(), count - count / 2u);
        assert_status(
            vpt_balloon_deflate(&balloon, balloon_pages(7 + count / 2u, count - count / 2u), count - count / 2u),
            VPT_OK);
        assert_same(balloon_model.page_count, 0);
        assert_same(told(), 0);
    }
}

/* More than there are, and more than a number of 32 bits says. */
STARTED_BALLOON_TEST(balloon, numbers_of_pages_that_cannot_be)
{
    assert_status(vpt_balloon_inflate(&balloon, balloon_pages(0, 3), 3), VPT_OK);
    assert_status(vpt_balloon_deflate(&balloon, balloon_pages(0, 4), 4), VPT_CALLER_RANGE);
    assert_status(vpt_balloon_inflate(&balloon, balloon_pages(0, 3), UINT32_MAX - 2u), VPT_CALLER_RANGE);
    assert_same(balloon_model.page_count, 3);
    assert_balloon_works();
}

/* BAL-OP-7, BAL-OP-9: a page changes hands when its request comes back. */
STARTED_BALLOON_TEST(balloon, BAL_OP_7_BAL_OP_9_BAL_OP_12_several_requests_at_once)
{
    int tokens[4];

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uint32_t i = 0; i < 4; i++) {
        assert_status(vpt_balloon_submit_inflate(&balloon, balloon_pages(300u * i, 100u + i), 100u + i, &tokens[i]),
                      VPT_OK);
    }
    assert_status(vpt_balloon_submit_inflate(&balloon, balloon_pages(0, 1), 1, NULL), VPT_RESOURCE_FULL);
    assert_status(vpt_requests_kick(&balloon.inflate), VPT_OK);
    assert_status(vpt_balloon_inflate(&balloon, balloon_pages(0, 1), 1), VPT_CALLER_BUSY);
    assert_same(balloon_model.page_count, 0);
    machine.model->completion.batch = 0;
    assert_same(mock_device_run(machine.model, UINT32_MAX), 4);
    for (uint32_t i = 0; i < 4; i++) {
        struct vpt_completion completion = take(&balloon.inflate);

        cr_assert(completion.status == VPT_OK && completion.token == &tokens[i]);
    }
    assert_same(balloon_model.page_count, 406);
    assert_same(told(), 0);
    assert_status(vpt_balloon_set_actual(&balloon, 406), VPT_OK);
    cr_assert(told() == 406 && balloon.actual == 406);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_status(vpt_balloon_submit_deflate(&balloon, balloon_pages(0, 100), 100, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&balloon.deflate), VPT_OK);
    assert_status(take(&balloon.deflate).status, VPT_OK);
    assert_same(balloon_model.page_count, 306);
    assert_status(vpt_balloon_set_actual(&balloon, 306), VPT_OK);
    assert_balloon_works();
}

STARTED_BALLOON_TEST(balloon, arguments_that_are_none)
{
    const struct vpt_balloon_statistic statistic = { VPT_BALLOON_FREE, 1 };
    struct vpt_balloon none = { .actual = 0 };
    uint32_t target;

    assert_status(vpt_balloon_get_target(NULL, &target), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_get_target(&balloon, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_get_target(&none, &target), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_set_actual(NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_set_actual(&none, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_inflate(NULL, balloon_pages(0, 1), 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_inflate(&balloon, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_deflate(&balloon, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_inflate(&none, balloon_pages(0, 1), 1), VPT_CALLER_STATE);
    assert_status(vpt_balloon_submit_inflate(NULL, balloon_pages(0, 1), 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_submit_inflate(&balloon, NULL, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_submit_inflate(&balloon, balloon_pages(0, 1), 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_submit_inflate(&balloon, balloon_pages(0, 257), 257, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_balloon_submit_deflate(&none, balloon_pages(0, 1), 1, NULL), VPT_CALLER_STATE);
    assert_status(vpt_balloon_give_statistics(NULL, &statistic, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_give_statistics(&balloon, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_CALLER_STATE); /* there is no such queue */
    assert_status(vpt_balloon_report(NULL, NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_report(&balloon, &(struct vpt_segment){ 4096, 4096 }, 1, NULL), VPT_CALLER_STATE);
    assert_balloon_works();
}

/* ---- The host's wish ---- */

/* LEG-BALCFG-1: on a big-endian CPU the number would be reversed. */
SMALL_TEST(balloon, D_BAL_5_LEG_BALCFG_1_the_host_changes_its_mind)
{
    static const uint32_t rows[] = { 1, 0x01020304, UINT32_MAX, 0 };
    uint32_t target = 99;

    balloon_probe(variant, 0);
    balloon_model.options.target = 5;
    mock_config_set(&machine.model->config, MOCK_BALLOON_TARGET, 4, 5);
    assert_status(vpt_balloon_open(&balloon, machine.device), VPT_OK);
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_OK);
    assert_same(target, 5);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        (void)vpt_device_interrupt(machine.device);
        mock_balloon_want(&balloon_model, rows[i]);
        cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
        assert_status(vpt_balloon_get_target(&balloon, &target), VPT_OK);
        assert_same(target, rows[i]);
    }
    balloon_end();
}

SMALL_TEST(balloon, a_configuration_that_cannot_be_used)
{
    size_t size;
    uint32_t target = 77;

    balloon_start(variant);
    size = machine.device->config_size;
    machine.device->config_size = 3;
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_DEVICE_CONFIG);
    machine.device->config_size = 7;
    assert_status(vpt_balloon_set_actual(&balloon, 1), VPT_DEVICE_CONFIG);
    machine.device->config_size = size;
    mock_balloon_want(&balloon_model, 5);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_DEVICE_CONFIG_UNSTABLE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    mock_device_needs_reset(machine.model);
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_DEVICE_NEEDS_RESET);
    assert_same(target, 77);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_balloon_set_actual(&balloon, 1), VPT_CALLER_STATE);
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_balloon_get_target(&balloon, &target), VPT_DEVICE_GONE);
    assert_status(vpt_balloon_set_actual(&balloon, 1), VPT_DEVICE_GONE);
    assert_status(vpt_balloon_drain(&balloon), VPT_OK);
    assert_status(vpt_driver_release(&balloon.driver), VPT_OK);
    machine_end();
}

/* ---- Statistics ---- */

static void assert_has(const struct vpt_balloon_statistic *statistics, uint32_t count)
{
    assert_same(balloon_model.statistic_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_same(balloon_model.statistics[i].tag, statistics[i].tag);
        assert_same(balloon_model.statistics[i].value, statistics[i].value);
    }
}

/* LEG-BALSTAT-2: a legacy device ignores the first ones. */
SMALL_TEST(balloon, D_BAL_6_BAL_STAT_1_BAL_STAT_3_BAL_STAT_5_statistics_are_given_when_they_are_asked_for)
{
    struct vpt_balloon_statistic statistics[VPT_BALLOON_STATISTICS_MAX + 1u];

    for (uint32_t i = 0; i < COUNT_OF(statistics); i++) {
        statistics[i] = (struct vpt_balloon_statistic){ (uint16_t)(0x100u * i + i), UINT64_C(0x0102030405060708) * i };
    }
    balloon_probe(variant, BALLOON_ALL);
    balloon_set_up();
    assert_status(vpt_balloon_give_statistics(&balloon, statistics, COUNT_OF(statistics)), VPT_CALLER_TOO_LONG);
    assert_status(vpt_balloon_give_statistics(&balloon, statistics, 16), VPT_OK);
    assert_has(statistics, machine_kind_legacy(variant->kind) ? 0 : 16);
    for (uint32_t round = 1; round <= 16; round++) {
        const struct mock_queue *queue = &machine.model->queues[VPT_BALLOON_STATISTICS];
        uint64_t interrupts = queue->interrupts;

        assert_status(vpt_balloon_give_statistics(&balloon, statistics, 16), VPT_EMPTY);
        mock_balloon_ask(&balloon_model);
        assert_same(queue->interrupts, interrupts + 1u);
        assert_status(vpt_balloon_give_statistics(&balloon, statistics + 17u - round, round), VPT_OK);
        assert_has(statistics + 17u - round, round);
        assert_same(balloon_model.statistics_buffers, round + 1u);
    }
    balloon_end();
}

/* Memory for several does not make several. */
Test(balloon, BAL_STAT_1_one_buffer_whatever_the_queue_has_room_for)
{
    const struct vpt_requests_config config = { .requests = 4 };
    const struct vpt_balloon_statistic statistic = { VPT_BALLOON_FREE, 12345 };

    balloon_probe(&ring_usual, BALLOON_STATISTICS);
    assert_status(vpt_balloon_init(&balloon, machine.device, NULL), VPT_OK);
    assert_status(vpt_balloon_queue_init(&balloon, VPT_BALLOON_STATISTICS, &config), VPT_OK);
    assert_status(vpt_driver_start(&balloon.driver), VPT_OK);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_OK);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_EMPTY);
    balloon_end();
}

/* What could not be shown to the device before is shown by the next call. */
Test(balloon, BAL_STAT_2_statistics_before_the_start)
{
    const struct vpt_balloon_statistic statistic = { VPT_BALLOON_FREE, 12345 };

    balloon_probe(&ring_usual, BALLOON_ALL);
    assert_status(vpt_balloon_init(&balloon, machine.device, NULL), VPT_OK);
    assert_status(vpt_balloon_queue_init(&balloon, VPT_BALLOON_STATISTICS, NULL), VPT_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_CALLER_STATE);
    }
    assert_status(vpt_driver_start(&balloon.driver), VPT_OK);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_EMPTY);
    assert_has(&statistic, 1);
    mock_balloon_ask(&balloon_model);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_OK);
    assert_same(balloon_model.statistics_buffers, 2);
    balloon_end();
}

SMALL_TEST(balloon, statistics_for_a_device_that_was_reset_or_lies)
{
    const struct vpt_balloon_statistic statistic = { VPT_BALLOON_FREE, 1 };

    balloon_probe(variant, BALLOON_ALL);
    balloon_set_up();
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    machine.model->completion.batch = 0;
    mock_balloon_ask(&balloon_model);
    if (mock_fault_fired(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE) != 0) {
        assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_DEVICE_USED_ID);
        assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_DEVICE_USED_ID);
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_balloon_drain(&balloon), VPT_OK);
    assert_status(vpt_driver_restart(&balloon.driver, NULL), VPT_OK);
    assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_OK);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_balloon_give_statistics(&balloon, &statistic, 1), VPT_CANCELLED);
    }
    balloon_end();
}

/* ---- Reports ---- */

SMALL_TEST(balloon, D_BAL_7_BAL_REPORT_3_reports_of_free_memory)
{
    struct vpt_segment pieces[33];
    int token;

    balloon_probe(variant, BALLOON_ALL);
    balloon_set_up();
    for (uint32_t i = 0; i < COUNT_OF(pieces); i++) {
        pieces[i] = machine_segment(0x1000u * i, 0x1000);
    }
    memset(machine_bytes(0), 0x77, 0x21000);
    assert_status(vpt_balloon_report(&balloon, pieces, 33, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_balloon_report(&balloon, pieces, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_balloon_report(&balloon, pieces, 32, &token), VPT_OK);
    assert_status(vpt_requests_kick(&balloon.reporting), VPT_OK);
    cr_assert(take(&balloon.reporting).token == &token);
    assert_same(balloon_model.reports, 1);
    assert_same(balloon_model.reported_pieces, 32);
    assert_same(balloon_model.reported_bytes, 0x20000);
    cr_assert(all_zero(machine_bytes(0), 0x20000) && all_bytes(machine_bytes(0x20000), 0x1000, 0x77));
    assert_balloon_works();
    balloon_end();
}

/* Whether the device counts its queues as the specification does or as QEMU does. */
SMALL_TEST(balloon, D_BAL_1_D_BAL_2_the_number_of_the_reporting_queue)
{
    static const struct {
        uint32_t features;
        uint16_t counted;
    } rows[] = { { BALLOON_REPORTING, 2 },
                 { BALLOON_REPORTING | BALLOON_STATISTICS, 3 },
                 { BALLOON_REPORTING | BALLOON_HINTS, 3 },
                 { BALLOON_REPORTING | BALLOON_STATISTICS | BALLOON_HINTS, 4 } };

    for (unsigned i = 0; i < 2u * COUNT_OF(rows); i++) {
        struct vpt_segment piece;

        balloon_model.options.counts_offered = i % 2u == 1;
        balloon_probe(variant, rows[i / 2u].features);
        balloon_set_up();
        assert_same(balloon.reporting.queue.index, i % 2u == 1 ? rows[i / 2u].counted : 4);
        piece = machine_segment(0, 0x2000);
        assert_status(vpt_balloon_report(&balloon, &piece, 1, NULL), VPT_OK);
        assert_status(vpt_requests_kick(&balloon.reporting), VPT_OK);
        assert_status(take(&balloon.reporting).status, VPT_OK);
        assert_same(balloon_model.reported_bytes, 0x2000);
        balloon_end();
    }
}

/* ---- Bring-up and its end ---- */

/* Neither hints nor PAGE_POISON are accepted; what vpt_balloon_open() sets no queue up for neither. */
SMALL_TEST(balloon, BAL_FEAT_1_BAL_FEAT_2_what_is_accepted)
{
    static const struct {
        uint32_t offered;
        uint32_t refused;
        uint32_t accepted;
    } rows[] = { { 0, 0, 0 }, { BALLOON_ALL, 0, 0x27 }, { 1, 0, 1 }, { 0x3e, BALLOON_STATISTICS, 0x24 } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct vpt_feature_choice choice = { .refused = { { rows[i].refused } } };

        balloon_probe(variant, rows[i].offered);
        machine.model->queue_count = 6; /* one that the driver knows nothing of */
        machine.model->queues[5].maximum = 64;
        assert_status(vpt_balloon_init(&balloon, machine.device, &choice), VPT_OK);
        assert_same(machine.model->accepted.word[0] & 0xffu, rows[i].accepted);
        assert_status(vpt_balloon_queue_init(&balloon, VPT_BALLOON_STATISTICS, NULL),
                      (rows[i].accepted & BALLOON_STATISTICS) != 0 ? VPT_OK : VPT_UNSUPPORTED_FEATURE);
        assert_status(vpt_balloon_queue_init(&balloon, VPT_BALLOON_REPORTING, NULL),
                      (rows[i].accepted & BALLOON_REPORTING) != 0 ? VPT_OK : VPT_UNSUPPORTED_FEATURE);
        assert_status(vpt_balloon_queue_init(&balloon, 3, NULL), VPT_UNSUPPORTED_QUEUE);
        assert_status(vpt_balloon_queue_init(&balloon, 5, NULL), VPT_UNSUPPORTED_QUEUE);
        balloon_end();
    }
    balloon_start(variant);
    assert_same(machine.model->accepted.word[0] & 0xffu, 5);
    balloon_end();
}

/* The second of three requests is lost: of the first one it is certain that it was done. */
SMALL_TEST(balloon, a_device_that_is_silent)
{
    for (unsigned deflate = 0; deflate < 2; deflate++) {
        uint64_t allocations;

        balloon_start(variant);
        allocations = machine.hal->allocations;
        assert_status(vpt_balloon_inflate(&balloon, balloon_pages(0, 1000), 1000), VPT_OK);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 2, 1, 0);
        assert_status(deflate != 0 ? vpt_balloon_deflate(&balloon, balloon_pages(0, 700), 700)
                                   : vpt_balloon_inflate(&balloon, balloon_pages(1000, 700), 700),
                      VPT_DEVICE_TIMEOUT);
        assert_same(balloon.actual, deflate != 0 ? 744 : 1256);
        assert_same(balloon_model.page_count, balloon.actual);
        assert_same(told(), 1000);
        assert_status(vpt_balloon_drain(&balloon), VPT_OK);
        assert_status(vpt_driver_restart(&balloon.driver, NULL), VPT_OK);
        assert_same(told(), balloon.actual);
        assert_balloon_works();
        assert_same(machine.hal->allocations, allocations);
        balloon_end();
    }
}

static void look_at_device(void *device)
{
    (void)vpt_device_check(device);
}

/* While the second of three requests is with it. The kernel's timer may find that out during the wait. */
SMALL_TEST(balloon, a_device_that_goes_meanwhile)
{
    const struct mock_lie lie = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_VANISH, .first = 2, .times = 1 };

    for (unsigned timer = 0; timer < 2; timer++) {
        balloon_start(variant);
        if (timer != 0) {
            mock_hal_add_ticker(machine.hal, look_at_device, machine.device);
        }
        (void)mock_lie_set(&machine.model->lies, &lie);
        assert_status(vpt_balloon_inflate(&balloon, balloon_pages(0, 700), 700), VPT_DEVICE_GONE);
        assert_same(balloon.actual, 256);
        mock_lies_clear(machine.model);
        assert_status(vpt_balloon_drain(&balloon), VPT_OK);
        assert_status(vpt_driver_release(&balloon.driver), VPT_OK);
        machine_end();
    }
}

/* ---- The simulated device ---- */

/* What it complains of. */
Test(balloon, the_device_itself)
{
    balloon_start(&ring_usual);
    assert_status(vpt_balloon_inflate(&balloon, balloon_pages(1, 1), 1), VPT_OK);
    assert_status(vpt_balloon_inflate(&balloon, balloon_pages(1, 1), 1), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "twice"));
    assert_status(vpt_balloon_deflate(&balloon, balloon_pages(2, 1), 1), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "BAL-OP-10"));
    assert_status(vpt_device_config_write(machine.device, MOCK_BALLOON_TARGET, 4, 0), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "read-only"));
    mock_violations_clear(&machine.hal->violations);
    balloon_end();
}
