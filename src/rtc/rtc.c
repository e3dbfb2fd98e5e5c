/* SPDX-License-Identifier: MIT */
/* Clocks of the host, and alarms (VirtIO 1.4, chapter 5, "RTC Device"). */
#include <vpt/rtc.h>

#include "../access.h"
#include "../request/slots.h"

/*
 * Requests and answers consist of words of 32 bits here, little-endian. A device leaves alone what its request and its
 * answer do not use of these (D-RTC-3), so all have the sizes of the longest ones.
 */
#define WORDS        6u
#define ANSWER       (WORDS * 4u) /* where it is in the slot */
#define ANSWER_WORDS 4u           /* behind its head, which has two */

/* Requests, D-RTC-5 and D-RTC-6. */
#define READ          0x0001u
#define READ_CROSS    0x0002u
#define CONFIGURATION 0x1000u
#define CLOCK_CAP     0x1001u
#define CROSS_CAP     0x1002u
#define READ_ALARM    0x1003u
#define SET_ALARM     0x1004u
#define ENABLE_ALARM  0x1005u

#define NOTIFICATION_ALARM 0x2000u
#define NOTIFICATION_SIZE  16u

/* Bits in an answer or a request: a clock has an alarm, cross timestamps are possible, an alarm is enabled. */
#define FLAG 1u

/* Behind the clock's number in a request: a counter, or flags. */
#define BEHIND_ID(byte) ((uint32_t)(byte) << 16)

/* What a device answers, D-RTC-4. */
#define STATUS_OK          0u
#define STATUS_UNSUPPORTED 2u
#define STATUS_NO_CLOCK    3u
#define STATUS_IO_ERROR    5u
#define STATUS_ABSENT      0xffu

static enum vpt_status rtc_result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)length;
    switch (vpt_load8((const uint8_t *)slot + ANSWER)) {
    case STATUS_OK: return VPT_OK;
    case STATUS_UNSUPPORTED:
    case STATUS_NO_CLOCK: return VPT_UNSUPPORTED_REQUEST;
    case STATUS_IO_ERROR: return VPT_DEVICE_IO_ERROR;
    default: return VPT_DEVICE_REQUEST_STATUS;
    }
}

/* ---- Bring-up ---- */

enum vpt_status vpt_rtc_init(struct vpt_rtc *rtc, struct vpt_device *device, const struct vpt_feature_choice *choice)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_RTC,
                                                 .required = { { 0, 1u << (VPT_F_VERSION_1 - 32u) } },
                                                 .wanted = { { 1u << VPT_RTC_F_ALARM } } };

    if (rtc == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(rtc, sizeof(*rtc));
    return vpt_driver_init(&rtc->driver, device, &kind, choice);
}

enum vpt_status vpt_rtc_queue_init(struct vpt_rtc *rtc, uint16_t index, const struct vpt_requests_config *config)
{
    static const struct vpt_requests_kind requests = {
        .header = WORDS * 4u, .reply = 8u + ANSWER_WORDS * 4u, .requests = 1, .segments = 1, .result = rtc_result
    };
    static const struct vpt_requests_kind alarms = { .reply = NOTIFICATION_SIZE, .requests = 8 }; /* RTC-NOTIF-2 */

    if (rtc == NULL || rtc->driver.device == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (index > 1u) {
        return VPT_UNSUPPORTED_QUEUE;
    }
    if (index == 1u && !vpt_features_has(&rtc->driver.features, VPT_RTC_F_ALARM)) { /* D-RTC-1 */
        return VPT_UNSUPPORTED_FEATURE;
    }
    return vpt_requests_init(index == 0 ? &rtc->requests : &rtc->alarms, &rtc->driver, index,
                             index == 0 ? &requests : &alarms, 0, config);
}

enum vpt_status vpt_rtc_open(struct vpt_rtc *rtc, struct vpt_device *device)
{
    static const struct vpt_feature_choice choice = { .refused = { { 1u << VPT_RTC_F_ALARM } } };
    enum vpt_status status = vpt_rtc_init(rtc, device, &choice);

    if (status == VPT_OK) {
        status = vpt_driver_open(&rtc->driver, vpt_rtc_queue_init(rtc, 0, NULL));
    }
    return status;
}

enum vpt_status vpt_rtc_drain(struct vpt_rtc *rtc)
{
    return rtc != NULL ? vpt_driver_drain(&rtc->driver) : VPT_CALLER_ARGUMENT;
}

/* ---- Requests ---- */

static uint64_t pair(const uint32_t *words)
{
    return words[0] | (uint64_t)words[1] << 32;
}

/* Makes a request, and copies what is behind the head of its answer. `clock`: its number, and what is behind that. */
static enum vpt_status make_request(struct vpt_rtc *rtc, uint32_t type, uint32_t clock, uint64_t alarm,
                                    uint32_t *answer)
{
    uint32_t words[WORDS + 2u + ANSWER_WORDS] = { type, 0, clock }; /* RTC-OP-2: the rest is 0 */
    struct vpt_completion completion;
    enum vpt_status status = vpt_requests_ready(&rtc->requests);
    uint8_t *slot;
    uint32_t i;

    if (status != VPT_OK) {
        return status;
    }
    if (type == SET_ALARM) {
        words[2] = (uint32_t)alarm;
        words[3] = (uint32_t)(alarm >> 32);
        words[4] = clock;
    }
    words[WORDS] = STATUS_ABSENT;
    slot = (uint8_t *)slot_next(&rtc->requests); /* the queue is idle, so a slot is free */
    for (i = 0; i < WORDS + 2u + ANSWER_WORDS; i++) {
        vpt_store_little32(slot + i * 4u, words[i]);
    }
    status = vpt_requests_submit(&rtc->requests, NULL, 0, 0, NULL);
    if (status == VPT_OK) {
        status = vpt_requests_wait(&rtc->requests, &completion);
    }
    for (i = 0; i < ANSWER_WORDS; i++) {
        answer[i] = vpt_load_little32(slot + ANSWER + 8u + i * 4u);
    }
    return status == VPT_OK ? completion.status : status;
}

enum vpt_status vpt_rtc_get_clocks(struct vpt_rtc *rtc, uint16_t *count)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status =
        rtc != NULL && count != NULL ? make_request(rtc, CONFIGURATION, 0, 0, answer) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        *count = (uint16_t)answer[0];
    }
    return status;
}

enum vpt_status vpt_rtc_get_clock(struct vpt_rtc *rtc, uint16_t id, struct vpt_rtc_clock *clock)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status =
        rtc != NULL && clock != NULL ? make_request(rtc, CLOCK_CAP, id, 0, answer) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        clock->type = (uint8_t)answer[0];
        clock->smearing = (uint8_t)(answer[0] >> 8);
        clock->alarm = (answer[0] >> 16 & FLAG) != 0 && vpt_features_has(&rtc->driver.features, VPT_RTC_F_ALARM);
    }
    return status;
}

enum vpt_status vpt_rtc_read(struct vpt_rtc *rtc, uint16_t id, uint64_t *nanoseconds)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status =
        rtc != NULL && nanoseconds != NULL ? make_request(rtc, READ, id, 0, answer) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        *nanoseconds = pair(answer);
    }
    return status;
}

/* RTC-CTRL-1, RTC-READ-1 */
static bool counter_exists(uint8_t counter)
{
    return counter <= VPT_RTC_COUNTER_X86 || (counter >= 0xf0u && counter != 0xffu);
}

enum vpt_status vpt_rtc_check_cross(struct vpt_rtc *rtc, uint16_t id, uint8_t counter)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status = rtc != NULL && counter_exists(counter)
                                 ? make_request(rtc, CROSS_CAP, id | BEHIND_ID(counter), 0, answer)
                                 : VPT_CALLER_ARGUMENT;

    return status == VPT_OK && (answer[0] & FLAG) == 0 ? VPT_UNSUPPORTED_REQUEST : status;
}

enum vpt_status vpt_rtc_read_cross(struct vpt_rtc *rtc, uint16_t id, uint8_t counter, struct vpt_rtc_cross *cross)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status = rtc != NULL && cross != NULL && counter_exists(counter)
                                 ? make_request(rtc, READ_CROSS, id | BEHIND_ID(counter), 0, answer)
                                 : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        cross->nanoseconds = pair(answer);
        cross->counter = pair(answer + 2);
    }
    return status;
}

/* ---- Alarms ---- */

/* Makes a request that is about an alarm (RTC-OP-3). */
static enum vpt_status request_alarm(struct vpt_rtc *rtc, uint32_t type, uint32_t clock, uint64_t alarm,
                                     uint32_t *answer)
{
    if (rtc == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return vpt_features_has(&rtc->driver.features, VPT_RTC_F_ALARM) ? make_request(rtc, type, clock, alarm, answer)
                                                                    : VPT_UNSUPPORTED_FEATURE;
}

enum vpt_status vpt_rtc_set_alarm(struct vpt_rtc *rtc, uint16_t id, const struct vpt_rtc_alarm *alarm)
{
    uint32_t answer[ANSWER_WORDS];

    return alarm != NULL ? request_alarm(rtc, SET_ALARM, id | BEHIND_ID(alarm->enabled), alarm->nanoseconds, answer)
                         : VPT_CALLER_ARGUMENT;
}

enum vpt_status vpt_rtc_enable_alarm(struct vpt_rtc *rtc, uint16_t id, bool enabled)
{
    uint32_t answer[ANSWER_WORDS];

    return request_alarm(rtc, ENABLE_ALARM, id | BEHIND_ID(enabled), 0, answer);
}

enum vpt_status vpt_rtc_get_alarm(struct vpt_rtc *rtc, uint16_t id, struct vpt_rtc_alarm *alarm)
{
    uint32_t answer[ANSWER_WORDS];
    enum vpt_status status = alarm != NULL ? request_alarm(rtc, READ_ALARM, id, 0, answer) : VPT_CALLER_ARGUMENT;

    if (status == VPT_OK) {
        alarm->nanoseconds = pair(answer);
        alarm->enabled = (answer[2] & FLAG) != 0;
    }
    return status;
}

enum vpt_status vpt_rtc_listen(struct vpt_rtc *rtc)
{
    if (rtc == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    return rtc->alarms.driver != NULL ? vpt_receive_start(&rtc->alarms) : VPT_CALLER_STATE;
}

enum vpt_status vpt_rtc_poll_alarm(struct vpt_rtc *rtc, uint16_t *id)
{
    uint32_t words[NOTIFICATION_SIZE / 4u];
    enum vpt_status status = VPT_CALLER_ARGUMENT;
    uint32_t length = 0;

    if (rtc != NULL && id != NULL) {
        status = vpt_receive(&rtc->alarms, words, sizeof(words), &length);
    }
    if (status == VPT_OK &&
        (length != NOTIFICATION_SIZE || (vpt_order32(true, words[0]) & 0xffffu) != NOTIFICATION_ALARM)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (status == VPT_OK) {
        *id = (uint16_t)vpt_order32(true, words[2]);
    }
    return status;
}
