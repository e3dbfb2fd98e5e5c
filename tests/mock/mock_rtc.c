/* SPDX-License-Identifier: MIT */
#include "mock_rtc.h"

#include "mock_backend.h"

#define REQUEST_MAX  24u
#define ANSWER_MAX   24u
#define HEAD         8u
#define NOTIFICATION 16u

enum status { OK = 0, UNSUPPORTED = 2, NO_CLOCK = 3, INVALID = 4 };

/* A request that is carried out. */
struct request {
    struct mock_rtc *rtc;
    struct mock_rtc_clock *clock; /* NULL: it is about none */
    uint8_t bytes[REQUEST_MAX];
    uint8_t answer[ANSWER_MAX];
};

/* ---- Alarms ---- */

static void expire(struct mock_rtc *rtc, struct mock_rtc_clock *clock)
{
    if (clock->enabled && clock->time >= clock->alarm) {
        clock->expired = true;
        mock_device_wake(rtc->device, MOCK_RTC_ALARMS);
    }
}

void mock_rtc_set(struct mock_rtc *rtc, uint16_t id, uint64_t time)
{
    struct mock_rtc_clock *clock = &rtc->clocks[id];
    bool reached = clock->time < clock->alarm && time >= clock->alarm;

    clock->time = time;
    if (reached) {
        expire(rtc, clock);
    }
}

static struct mock_rtc_clock *next_expired(struct mock_rtc *rtc)
{
    for (uint16_t i = 0; i < rtc->clock_count; i++) {
        if (rtc->clocks[i].expired) {
            return &rtc->clocks[i];
        }
    }
    return NULL;
}

static uint32_t notify(struct mock_rtc *rtc, const struct mock_element *element)
{
    struct mock_rtc_clock *clock = next_expired(rtc);
    uint8_t bytes[NOTIFICATION] = { 0 };

    require(rtc, element->readable == 0 && element->writable_bytes >= NOTIFICATION,
            "not a buffer for a notification (RTC-NOTIF-2)");
    mock_store(bytes, 2, rtc->tells != 0 ? rtc->tells : 0x2000, false);
    mock_store(bytes + HEAD, 2, (uint64_t)(clock - rtc->clocks), false);
    memset(bytes + HEAD + 2, 0xee, 6); /* what is reserved is not looked at (RTC-OP-4) */
    clock->expired = false;
    return (uint32_t)mock_element_write(rtc->device, element, 0, bytes, rtc->most != 0 ? rtc->most : NOTIFICATION);
}

/* ---- Requests ---- */

static void put(struct request *request, unsigned offset, unsigned width, uint64_t value)
{
    mock_store(request->answer + HEAD + offset, width, value, false);
}

static uint64_t get(const struct request *request, unsigned offset, unsigned width)
{
    return mock_load(request->bytes + offset, width, false);
}

static uint8_t describe_device(struct request *request)
{
    put(request, 0, 2, request->rtc->clock_count);
    return OK;
}

static uint8_t describe_clock(struct request *request)
{
    put(request, 0, 1, request->clock->type);
    put(request, 1, 1, request->clock->smearing);
    put(request, 2, 1, 0xfe | (request->clock->has_alarm ? 1u : 0)); /* other flags mean nothing (RTC-OP-5) */
    return OK;
}

static bool counts(const struct request *request)
{
    uint64_t counter = get(request, 10, 1);

    require(request->rtc, counter <= 1 || (counter >= 0xf0 && counter != 0xff),
            "a counter that does not exist (RTC-CTRL-1, RTC-READ-1)");
    return counter == request->clock->counter;
}

static uint8_t describe_cross(struct request *request)
{
    put(request, 0, 1, counts(request) ? 0xff : 0xfe);
    return OK;
}

static uint8_t read_clock(struct request *request)
{
    put(request, 0, 8, request->clock->time);
    return OK;
}

static uint8_t read_cross(struct request *request)
{
    if (!counts(request)) {
        return UNSUPPORTED;
    }
    put(request, 0, 8, request->clock->time);
    put(request, 8, 8, request->rtc->counter);
    return OK;
}

static uint8_t read_alarm(struct request *request)
{
    put(request, 0, 8, request->clock->alarm);
    put(request, 8, 1, 0xfe | (request->clock->enabled ? 1u : 0));
    return OK;
}

static uint8_t enable(struct request *request, unsigned offset)
{
    uint64_t flags = get(request, offset, 1);

    if (!request->clock->has_alarm || !require(request->rtc, flags <= 1, "flags that do not exist (RTC-OP-3)")) {
        return INVALID;
    }
    request->clock->enabled = flags != 0;
    request->clock->expired = false;
    expire(request->rtc, request->clock);
    return OK;
}

static uint8_t set_alarm(struct request *request)
{
    if (request->clock->has_alarm) {
        request->clock->alarm = get(request, 8, 8);
    }
    return enable(request, 18);
}

static uint8_t enable_alarm(struct request *request)
{
    return enable(request, 10);
}

/* Each request, its bytes, those of its answer, and where the clock's number is; 0: nowhere. */
static const struct rule {
    uint16_t type;
    uint8_t size;
    uint8_t answer;
    uint8_t clock;
    uint8_t used; /* bytes behind the head that are not reserved */
    bool alarm;
    uint8_t (*carry_out)(struct request *request);
} rules[] = {
    { 0x0001, 16, 16, 8, 2, false, read_clock },     { 0x0002, 16, 24, 8, 3, false, read_cross },
    { 0x1000, 8, 16, 0, 0, false, describe_device }, { 0x1001, 16, 16, 8, 2, false, describe_clock },
    { 0x1002, 16, 16, 8, 3, false, describe_cross }, { 0x1003, 16, 24, 8, 2, true, read_alarm },
    { 0x1004, 24, 8, 16, 11, true, set_alarm },      { 0x1005, 16, 8, 8, 3, true, enable_alarm },
};

static uint8_t carry_out(struct request *request, const struct mock_element *element, const struct rule *rule)
{
    struct mock_rtc *rtc = request->rtc;
    bool zero = get(request, 2, 6) == 0;

    for (unsigned i = HEAD + rule->used; i < rule->size; i++) {
        zero = zero && request->bytes[i] == 0;
    }
    require(rtc, zero, "reserved fields that are not 0 (RTC-OP-2)");
    require(rtc, !rule->alarm || vpt_features_has(&rtc->device->accepted, 0), "about an alarm without ALARM");
    if (!require(rtc, element->readable_bytes >= rule->size && element->writable_bytes >= rule->answer,
                 "too short for the request or its answer (RTC-OP-6)")) {
        return INVALID;
    }
    if (rule->clock != 0) {
        uint64_t id = get(request, rule->clock, 2);

        if (id >= rtc->clock_count) {
            return NO_CLOCK;
        }
        request->clock = &rtc->clocks[id];
    }
    return rule->carry_out(request);
}

/* Of an answer that is no success, all but the status is undefined (RTC-OP-1). */
static uint32_t answer(struct mock_rtc *rtc, const struct mock_element *element)
{
    struct request request = { .rtc = rtc };
    const struct rule *rule = NULL;
    uint8_t status = UNSUPPORTED;

    (void)mock_element_read(rtc->device, element, 0, request.bytes, REQUEST_MAX);
    rtc->requests++;
    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        rule = rules[i].type == get(&request, 0, 2) ? &rules[i] : rule;
    }
    if (require(rtc, rule != NULL, "a request that does not exist")) {
        status = carry_out(&request, element, rule);
    }
    if (rtc->silent || rule == NULL) {
        return 0;
    }
    request.answer[0] = rtc->status != 0 ? rtc->status : status;
    if (request.answer[0] != OK) {
        memset(request.answer + 1, 0xdd, sizeof(request.answer) - 1u);
    }
    return (uint32_t)mock_element_write(rtc->device, element, 0, request.answer, rule->answer);
}

/* ---- The device ---- */

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    return queue->index == MOCK_RTC_ALARMS ? notify(backend, element) : answer(backend, element);
}

static bool ready(void *backend, const struct mock_queue *queue)
{
    return queue->index != MOCK_RTC_ALARMS || next_expired(backend) != NULL;
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_rtc *rtc = backend;
    rtc->device = device;
    device->offered.word[0] |= rtc->alarms ? 1u : 0u;
    device->queues[MOCK_RTC_ALARMS].maximum = rtc->alarms ? device->queues[MOCK_RTC_ALARMS].maximum : 0;
    mock_config_init(&device->config, NULL, 0, device->legacy);
}

const struct mock_backend mock_rtc_backend = {
    .name = "rtc",
    .type = VPT_DEVICE_TYPE_RTC,
    .init = init,
    .queues = 2,
    .known = { { 1u } },
    .in_order = true,
    .handle = handle,
    .ready = ready,
};
