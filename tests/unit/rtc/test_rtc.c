/* SPDX-License-Identifier: MIT */
/* The clock driver: clocks, cross timestamps, alarms, bring-up and its end. */
#include "small.h"

static void assert_no_alarm(void)
{
    uint16_t id = 99;

    assert_status(vpt_rtc_poll_alarm(&rtc, &id), VPT_EMPTY);
    assert_same(id, 99);
}

static void assert_alarm(uint16_t expected)
{
    uint16_t id = 99;

    assert_status(vpt_rtc_poll_alarm(&rtc, &id), VPT_OK);
    assert_same(id, expected);
}

/* ---- Clocks ---- */

STARTED_RTC_TEST(rtc, D_RTC_2_D_RTC_5_RTC_OP_5_what_clocks_there_are)
{
    static const struct vpt_rtc_clock expected[] = { { VPT_RTC_UTC, 0, true },
                                                     { VPT_RTC_UTC_SMEARED, 2, false },
                                                     { VPT_RTC_MONOTONIC, 0, false } };
    struct vpt_rtc_clock clock;
    uint16_t count = 0;

    assert_status(vpt_rtc_get_clocks(&rtc, &count), VPT_OK);
    assert_same(count, COUNT_OF(expected));
    for (uint16_t i = 0; i < COUNT_OF(expected); i++) {
        assert_status(vpt_rtc_get_clock(&rtc, i, &clock), VPT_OK);
        cr_assert(clock.type == expected[i].type && clock.smearing == expected[i].smearing &&
                  clock.alarm == expected[i].alarm);
    }
    assert_status(vpt_rtc_get_clock(&rtc, 3, &clock), VPT_UNSUPPORTED_REQUEST);
    rtc_model.clock_count = 0;
    assert_status(vpt_rtc_get_clocks(&rtc, &count), VPT_OK);
    assert_same(count, 0);
}

STARTED_RTC_TEST(rtc, D_RTC_6_RTC_CTRL_1_RTC_READ_1_times_and_counters)
{
    static const struct {
        uint16_t id;
        uint8_t counter;
        enum vpt_status status;
    } rows[] = { { 2, 1, VPT_OK },
                 { 1, 0xf0, VPT_OK },
                 { 2, 0, VPT_UNSUPPORTED_REQUEST },
                 { 0, 0xfe, VPT_UNSUPPORTED_REQUEST },
                 { 3, 1, VPT_UNSUPPORTED_REQUEST },
                 { 2, 2, VPT_CALLER_ARGUMENT },
                 { 2, 0xef, VPT_CALLER_ARGUMENT },
                 { 2, 0xff, VPT_CALLER_ARGUMENT } };
    uint64_t now = 99;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct vpt_rtc_cross cross = { 98, 97 };

        rtc_model.counter += UINT64_C(0x100000001);
        assert_status(vpt_rtc_check_cross(&rtc, rows[i].id, rows[i].counter), rows[i].status);
        assert_status(vpt_rtc_read_cross(&rtc, rows[i].id, rows[i].counter, &cross), rows[i].status);
        assert_same(cross.nanoseconds, rows[i].status == VPT_OK ? rtc_model.clocks[rows[i].id].time : 98);
        assert_same(cross.counter, rows[i].status == VPT_OK ? rtc_model.counter : 97);
    }
    assert_status(vpt_rtc_read(&rtc, 3, &now), VPT_UNSUPPORTED_REQUEST);
    assert_same(now, 99);
    assert_rtc_works();
}

/* Of a device that writes nothing, what it wrote before is not taken for an answer. */
STARTED_RTC_TEST(rtc, RTC_OP_1_D_RTC_4_what_the_device_answers)
{
    static const struct {
        uint8_t status;
        enum vpt_status expected;
    } rows[] = { { 1, VPT_DEVICE_REQUEST_STATUS }, { 2, VPT_UNSUPPORTED_REQUEST },    { 3, VPT_UNSUPPORTED_REQUEST },
                 { 4, VPT_DEVICE_REQUEST_STATUS }, { 5, VPT_DEVICE_IO_ERROR },        { 6, VPT_DEVICE_REQUEST_STATUS },
                 { 0, VPT_DEVICE_REQUEST_STATUS }, { 255, VPT_DEVICE_REQUEST_STATUS } };
    uint64_t now = 99;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        rtc_model.status = rows[i].status;
        rtc_model.silent = rows[i].status == 0;
        assert_status(vpt_rtc_read(&rtc, 0, &now), rows[i].expected);
        assert_same(now, 99);
        rtc_model.status = 0;
        rtc_model.silent = false;
        assert_rtc_works();
    }
}

/* ---- Alarms ---- */

STARTED_RTC_TEST(rtc, RTC_ALARM_1_RTC_NOTIF_1_RTC_NOTIF_3_alarms)
{
    struct vpt_rtc_alarm alarm = { 1, true };

    assert_status(vpt_rtc_get_alarm(&rtc, 0, &alarm), VPT_OK);
    cr_assert(alarm.nanoseconds == 0 && !alarm.enabled);
    for (uint64_t at = UINT64_C(0x100002000); at < UINT64_C(0x100002000) + 30u; at++) {
        alarm = (struct vpt_rtc_alarm){ at, true };
        assert_status(vpt_rtc_set_alarm(&rtc, 0, &alarm), VPT_OK);
        alarm.nanoseconds = 0;
        assert_status(vpt_rtc_get_alarm(&rtc, 0, &alarm), VPT_OK);
        cr_assert(alarm.nanoseconds == at && alarm.enabled);
        mock_rtc_set(&rtc_model, 0, at - 1u);
        assert_no_alarm();
        mock_rtc_set(&rtc_model, 0, at);
        assert_alarm(0);
        assert_no_alarm();
    }
    assert_status(vpt_rtc_enable_alarm(&rtc, 0, false), VPT_OK);
    cr_assert(!rtc_model.clocks[0].enabled && rtc_model.clocks[0].alarm == alarm.nanoseconds);
    assert_no_alarm();
    assert_status(vpt_rtc_enable_alarm(&rtc, 0, true), VPT_OK); /* its time has passed */
    assert_alarm(0);
    assert_status(vpt_rtc_set_alarm(&rtc, 2, &alarm), VPT_DEVICE_REQUEST_STATUS); /* it has none */
    assert_rtc_works();
}

/* D-RTC-8: what was set before the reset is cleared before the device gets buffers. */
STARTED_RTC_TEST(rtc, D_RTC_8_an_alarm_outlives_a_reset)
{
    const struct vpt_rtc_alarm early = { 1, true };
    const struct vpt_rtc_alarm none = { 0, false };
    uint64_t allocations;

    allocations = machine.hal->allocations;
    for (unsigned clear = 0; clear < 2; clear++) {
        assert_status(vpt_rtc_set_alarm(&rtc, 0, &early), VPT_OK);
        assert_alarm(0);
        rtc_model.clocks[0].expired = true;
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&rtc.driver, NULL), VPT_CALLER_BUSY);
        assert_status(vpt_rtc_drain(&rtc), VPT_OK);
        assert_status(vpt_driver_restart(&rtc.driver, NULL), VPT_OK);
        if (clear != 0) {
            assert_status(vpt_rtc_set_alarm(&rtc, 0, &none), VPT_OK);
        }
        assert_status(vpt_rtc_listen(&rtc), VPT_OK);
        if (clear == 0) {
            assert_alarm(0);
        }
        assert_no_alarm();
    }
    assert_rtc_works();
    assert_same(machine.hal->allocations, allocations);
}

/* Cut ones, and some of another type. */
STARTED_RTC_TEST(rtc, RTC_NOTIF_2_notifications_that_are_no_alarm)
{
    const struct vpt_rtc_alarm early = { 1, true };
    uint16_t id = 99;

    machine.model->completion.batch = 0; /* nothing is said of the length of all but the last of a batch */
    for (uint32_t i = 0; i < 20; i++) {
        rtc_model.most = i % 2u == 0 ? 15 : 0;
        rtc_model.tells = i % 2u == 0 ? 0 : 0x2001;
        assert_status(vpt_rtc_set_alarm(&rtc, 0, &early), VPT_OK);
        assert_status(vpt_rtc_poll_alarm(&rtc, &id), VPT_DEVICE_REQUEST_STATUS);
        assert_same(id, 99);
        rtc_model.most = 0;
        rtc_model.tells = 0;
        assert_status(vpt_rtc_set_alarm(&rtc, 0, &early), VPT_OK);
        assert_alarm(0);
        assert_no_alarm();
    }
}

/* Its device has alarms. */
SMALL_MODERN_TEST(rtc, D_RTC_1_RTC_OP_3_without_ALARM)
{
    struct vpt_rtc_alarm alarm = { 1, true };
    struct vpt_rtc_clock clock;

    rtc_probe(variant);
    assert_status(vpt_rtc_open(&rtc, machine.device), VPT_OK);
    assert_same(machine.model->accepted.word[0] & 1u, 0);
    assert_status(vpt_rtc_queue_init(&rtc, 1, NULL), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_rtc_queue_init(&rtc, 2, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_rtc_set_alarm(&rtc, 0, &alarm), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_rtc_get_alarm(&rtc, 0, &alarm), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_rtc_enable_alarm(&rtc, 0, true), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_rtc_listen(&rtc), VPT_CALLER_STATE);
    assert_status(vpt_rtc_poll_alarm(&rtc, &(uint16_t){ 0 }), VPT_CALLER_STATE);
    assert_status(vpt_rtc_get_clock(&rtc, 0, &clock), VPT_OK);
    cr_assert(!clock.alarm);
    assert_rtc_works();
    rtc_end();
}

/* ---- Bring-up and its end ---- */

STARTED_RTC_TEST(rtc, arguments_that_are_none)
{
    struct vpt_rtc none = { .driver.device = NULL };
    struct vpt_rtc_alarm alarm = { 1, true };
    struct vpt_rtc_cross cross;
    struct vpt_rtc_clock clock;
    uint16_t number;
    uint64_t now;

    assert_status(vpt_rtc_get_clocks(NULL, &number), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_get_clocks(&rtc, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_get_clocks(&none, &number), VPT_CALLER_STATE);
    assert_status(vpt_rtc_get_clock(NULL, 0, &clock), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_get_clock(&rtc, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_read(NULL, 0, &now), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_read(&rtc, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_check_cross(NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_read_cross(NULL, 0, 0, &cross), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_read_cross(&rtc, 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_set_alarm(NULL, 0, &alarm), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_set_alarm(&rtc, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_get_alarm(NULL, 0, &alarm), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_get_alarm(&rtc, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_enable_alarm(NULL, 0, true), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_listen(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_poll_alarm(NULL, &number), VPT_CALLER_ARGUMENT);
    assert_status(vpt_rtc_poll_alarm(&rtc, NULL), VPT_CALLER_ARGUMENT);
    assert_rtc_works();
}
