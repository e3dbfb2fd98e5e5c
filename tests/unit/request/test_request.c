/* SPDX-License-Identifier: MIT */
/* Requests with slots: what the device sees of each shape, how slots come back, what is refused. */
#include <stdio.h>
#include <string.h>

#include "request_support.h"

/* ---- Shapes ---- */

static unsigned results; /* calls of the hook, and what the last one was told */
static const uint8_t *result_slot;
static uint32_t result_length;

static enum vpt_status result(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    cr_assert(requests == &tested.requests);
    results++;
    result_slot = slot;
    result_length = length;
    return VPT_OK;
}

/* All that a kind may say, and how many data segments there may be of each direction. */
static const struct vpt_requests_kind kinds[] = {
    { .header = 16, .reply = 1, .result = result },
    { .header = 12, .reply = 4, .reply_first = true, .result = result },
    { .header = 16, .result = result },
    { .result = result },
    { .reply = 8, .result = result },
};

static bool has_data(const struct vpt_requests_kind *kind)
{
    return kind->header != 0 || kind->reply == 0;
}

/* A request as it was submitted; its data lies in the arena's part of its token. */
struct request {
    uint16_t readable; /* segments */
    uint16_t writable;
    uint32_t readable_bytes;
    uint32_t writable_bytes;
    uint8_t header[16];
    uint8_t *slot;
};

#define PART   0x800u /* bytes of the arena for each request */
#define LENGTH 5u     /* bytes of segment n are n + 1 times so many */

static size_t part_of(uintptr_t token)
{
    return token * PART;
}

static uint8_t data_byte(uintptr_t token, size_t offset)
{
    return (uint8_t)(token * 31u + offset * 7u);
}

/* Segments lie behind each other in the part, so that what the device sees of all of them is one piece. */
static enum vpt_status submit(struct request *request, uint16_t readable, uint16_t writable, uintptr_t token)
{
    struct vpt_segment segments[SUBJECT_SEGMENTS];
    size_t offset = part_of(token);

    *request = (struct request){ .readable = readable, .writable = writable };
    for (unsigned i = 0; i < (unsigned)readable + writable; i++) {
        uint32_t length = LENGTH * (i + 1u);

        segments[i] = bench_segment(offset, length);
        offset += length;
        request->readable_bytes += i < readable ? length : 0;
        request->writable_bytes += i < readable ? 0 : length;
    }
    for (size_t i = 0; i < PART; i++) {
        bench_bytes(part_of(token))[i] = data_byte(token, i);
    }
    request->slot = vpt_requests_next(&tested.requests);
    if (request->slot != NULL) {
        memset(request->slot, 0xa5, tested.requests.slot_size);
        for (unsigned i = 0; i < tested.requests.kind->header; i++) {
            request->header[i] = (uint8_t)(token + i);
        }
        memcpy(request->slot, request->header, tested.requests.kind->header);
    }
    return vpt_requests_submit(&tested.requests, segments, readable, writable, (void *)token);
}

/* The device has read the header, then the data; nothing else. */
static void check_read(const struct request *request, uintptr_t token)
{
    uint16_t header = tested.requests.kind->header;

    cr_assert(bench.read_size == (size_t)header + request->readable_bytes);
    cr_assert(memcmp(bench.read, request->header, header) == 0);
    for (size_t i = 0; i < request->readable_bytes; i++) {
        cr_assert(bench.read[header + i] == data_byte(token, i), "byte %zu", i);
    }
}

/* What it wrote, `first` and counting, went to data and reply in the order of the kind, and nowhere else. */
static void check_written(const struct request *request, uintptr_t token, uint8_t first)
{
    const struct vpt_requests_kind *kind = tested.requests.kind;
    const uint8_t *data = bench_bytes(part_of(token));
    uint32_t data_at = kind->reply_first ? kind->reply : 0;
    uint32_t reply_at = kind->reply_first ? 0 : request->writable_bytes;

    for (size_t i = 0; i < PART; i++) {
        size_t in = i - request->readable_bytes;
        bool written = i >= request->readable_bytes && in < request->writable_bytes;

        cr_assert(data[i] == (written ? (uint8_t)(first + data_at + in) : data_byte(token, i)), "byte %zu", i);
    }
    for (size_t i = 0; i < tested.requests.slot_size; i++) {
        size_t in = i - kind->header;
        bool written = i >= kind->header && in < kind->reply;
        uint8_t before = i < kind->header ? request->header[i] : 0xa5;

        cr_assert(request->slot[i] == (written ? (uint8_t)(first + reply_at + in) : before), "slot byte %zu", i);
    }
}

/* Lets the device carry out one request of those in flight, and checks all that can be seen of it. Its token. */
static uintptr_t check_one(const struct request *requests, bool indirect)
{
    const struct vpt_requests_kind *kind = tested.requests.kind;
    const struct request *request;
    uint8_t first = bench.fill;
    unsigned before = results;
    uintptr_t token;

    cr_assert(mock_device_run(&bench.machine.device, 1) == 1);
    token = tested_take(VPT_OK);
    request = &requests[token];
    cr_assert(bench_last()->readable == request->readable + (kind->header != 0 ? 1u : 0u));
    cr_assert(bench_last()->writable == request->writable + (kind->reply != 0 ? 1u : 0u));
    cr_assert(bench_last()->indirect == (indirect && tested.requests.run > 1u));
    check_read(request, token);
    check_written(request, token, first);
    cr_assert(tested.completion.length == request->writable_bytes + kind->reply);
    cr_assert(results == before + 1u && result_slot == request->slot && result_length == tested.completion.length);
    return token;
}

static bool refused_as_nothing(const struct vpt_requests_kind *kind, unsigned segments)
{
    return kind->header == 0 && kind->reply == 0 && segments == 0;
}

/* Every number of segments of each direction, one request after the other. */
VARIANT_TEST(request, SPLIT_FRAME_1_each_shape_as_the_device_sees_it)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        uint16_t most = has_data(&kinds[i]) ? SUBJECT_SEGMENTS : 0;
        struct request request;

        tested_start(variant, &kinds[i], NULL);
        cr_assert(tested.requests.segments == most && vpt_requests_free(&tested.requests) == SUBJECT_REQUESTS);
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        for (uint16_t readable = 0; readable <= most; readable++) {
            for (uint16_t writable = 0; readable + writable <= most; writable++) {
                if (refused_as_nothing(&kinds[i], (unsigned)readable + writable)) {
                    continue;
                }
                assert_status(submit(&request, readable, writable, 0), VPT_OK);
                assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
                cr_assert(check_one(&request, variant->indirect) == 0);
            }
        }
        tested_end();
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Any shape that the kind allows. */
static void submit_any(struct request *requests, uintptr_t token, uint32_t *random)
{
    unsigned most = has_data(tested.requests.kind) ? SUBJECT_SEGMENTS : 0;
    unsigned least = refused_as_nothing(tested.requests.kind, 0) ? 1 : 0;
    unsigned count = most == 0 ? 0 : least + next_random(random) % (most + 1u - least);
    unsigned readable = next_random(random) % (count + 1u);

    /* As often as not of one direction, which goes another way through the library. */
    if ((next_random(random) & 1u) != 0) {
        readable = (next_random(random) & 1u) != 0 ? count : 0;
    }
    assert_status(submit(&requests[token], (uint16_t)readable, (uint16_t)(count - readable), token), VPT_OK);
}

/* A slot carries requests of different shapes one after the other, while others are in flight. */
VARIANT_TEST(request, shapes_follow_each_other_in_a_slot)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct request requests[SUBJECT_REQUESTS];
        uint32_t random = (uint32_t)i;

        tested_start(variant, &kinds[i], NULL);
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        bench.machine.device.completion.order = MOCK_ORDER_SHUFFLED;
        for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
            submit_any(requests, token, &random);
        }
        cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
        for (unsigned n = 0; n < 600; n++) {
            uintptr_t token;

            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
            token = check_one(requests, variant->indirect);
            submit_any(requests, token, &random);
        }
        tested_end();
    }
}

/* ---- Slots ---- */

#define MANY 70000u /* more than the ring's indexes count */

/* Any number in flight, back in any order; each once, and each slot's memory is its own. */
VARIANT_TEST(request, slots_come_back_in_any_order_past_the_wrap_of_the_index)
{
    uint32_t out = 0; /* a bit for each token in flight */
    uint32_t random = 5;
    uint32_t submitted = 0;

    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    bench.machine.device.completion.order = MOCK_ORDER_SHUFFLED;
    while (submitted < MANY || out != 0) {
        for (uintptr_t token = 0; token < SUBJECT_REQUESTS && submitted < MANY; token++) {
            if ((out & 1u << token) == 0 && (next_random(&random) & 1u) != 0) {
                assert_status(tested_submit(token), VPT_OK);
                out |= 1u << token;
                submitted++;
            }
        }
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        (void)mock_device_run(&bench.machine.device, 1u + next_random(&random) % SUBJECT_REQUESTS);
        while (vpt_requests_poll(&tested.requests, &tested.completion) == VPT_OK) {
            uint32_t bit = 1u << (uintptr_t)tested.completion.token;

            assert_status(tested.completion.status, VPT_OK);
            cr_assert((out & bit) != 0 && tested.completion.length == SUBJECT_LENGTH + 1u);
            out &= ~bit;
        }
    }
    cr_assert(bench.handled == MANY && vpt_requests_free(&tested.requests) == SUBJECT_REQUESTS);
    tested_end();
}

VARIANT_TEST(request, each_slot_has_memory_of_its_own)
{
    uint64_t addresses[SUBJECT_REQUESTS];

    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        uint8_t *slot = vpt_requests_next(&tested.requests);

        addresses[token] = vpt_requests_next_address(&tested.requests);
        cr_assert(all_zero(slot, tested.requests.slot_size) && (uintptr_t)slot % 16 == 0);
        memset(slot, (int)(0x80 + token), HEADER_SIZE);
        for (uintptr_t other = 0; other < token; other++) {
            uint64_t distance = addresses[token] > addresses[other] ? addresses[token] - addresses[other]
                                                                    : addresses[other] - addresses[token];

            cr_assert(distance >= HEADER_SIZE + 1u);
        }
        assert_status(tested_submit(token), VPT_OK);
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        cr_assert(mock_device_run(&bench.machine.device, 1) == 1);
        cr_assert(tested_take(VPT_OK) == token && bench.read[0] == 0x80 + token);
        cr_assert(bench_last()->first_address == addresses[token]);
    }
    tested_end();
}

/* A driver keeps bytes of its own in a slot, beside header and reply: data that is submitted by their address. */
VARIANT_TEST(request, a_slot_may_be_larger_than_header_and_reply)
{
    const size_t extra_at = 32;
    struct vpt_segment extra = { 0, 24 };
    uint8_t *slot;

    tested_negotiate(variant, NULL);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 56, &tested_config), VPT_OK);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
    slot = vpt_requests_next(&tested.requests);
    extra.address = vpt_requests_next_address(&tested.requests) + extra_at;
    memset(slot + extra_at, 0x77, extra.length);
    assert_status(vpt_requests_submit(&tested.requests, &extra, 1, 0, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    (void)tested_take(VPT_OK);
    cr_assert(bench.read_size == HEADER_SIZE + extra.length && bench.read[HEADER_SIZE + 23] == 0x77);
    tested_end();
}

/* ---- Refusals ---- */

#define MOST 4096u /* bytes of a segment, as `fit` has it */

static void fit(struct vpt_requests *requests)
{
    requests->segments = 3;
    requests->segment_max = MOST;
}

static void fit_segments_alone(struct vpt_requests *requests)
{
    requests->segments = 3;
}

enum condition { ALIVE, FULL, DEAD };

static const struct vpt_requests_kind limited = { .header = HEADER_SIZE, .reply = 1, .fit = fit };
static const struct vpt_requests_kind limited_first = {
    .header = HEADER_SIZE, .reply = 1, .reply_first = true, .fit = fit
};
static const struct vpt_requests_kind limited_data = { .fit = fit };
static const struct vpt_requests_kind huge = { .header = HEADER_SIZE, .reply = 1, .fit = fit_segments_alone };
static const struct vpt_requests_kind huge_first = {
    .header = HEADER_SIZE, .reply = 1, .reply_first = true, .fit = fit_segments_alone
};
static const struct vpt_requests_kind reply_alone = { .reply = 8 };

static const struct refusal {
    const char *what;
    const struct vpt_requests_kind *kind;
    enum condition condition;
    uint16_t readable;
    uint16_t writable;
    uint32_t lengths[4];
    enum vpt_status expected;
} refusals[] = {
    { "too many to read", &limited, ALIVE, 4, 0, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "too many to write", &limited, ALIVE, 0, 4, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "too many of both", &limited, ALIVE, 2, 2, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "too many, reply first", &limited_first, ALIVE, 0, 4, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "too many, data alone", &limited_data, ALIVE, 4, 0, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "data for a reply alone", &reply_alone, ALIVE, 1, 0, { 1 }, VPT_CALLER_TOO_LONG },
    { "too many, and full", &limited, FULL, 4, 0, { 1, 1, 1, 1 }, VPT_CALLER_TOO_LONG },
    { "too many, and dead", &limited, DEAD, 4, 0, { 1, 1, 1, 1 }, VPT_DEVICE_USED_ID },
    { "an empty one to read", &limited, ALIVE, 3, 0, { 1, 0, 1 }, VPT_CALLER_ARGUMENT },
    { "an empty one to write", &limited, ALIVE, 0, 1, { 0 }, VPT_CALLER_ARGUMENT },
    { "an empty one of both", &limited, ALIVE, 1, 2, { 1, 1, 0 }, VPT_CALLER_ARGUMENT },
    { "an empty one, reply first", &limited_first, ALIVE, 0, 2, { 1, 0 }, VPT_CALLER_ARGUMENT },
    { "an empty one, data alone", &limited_data, ALIVE, 2, 0, { 0, 1 }, VPT_CALLER_ARGUMENT },
    { "a long one to read", &limited, ALIVE, 1, 0, { MOST + 1u }, VPT_CALLER_TOO_LONG },
    { "a long one to write", &limited, ALIVE, 0, 3, { 1, MOST, MOST + 1u }, VPT_CALLER_TOO_LONG },
    { "a long one of both", &limited, ALIVE, 1, 1, { 1, UINT32_MAX }, VPT_CALLER_TOO_LONG },
    { "a long one, reply first", &limited_first, ALIVE, 0, 1, { MOST + 1u }, VPT_CALLER_TOO_LONG },
    { "4 GiB to read", &huge, ALIVE, 2, 0, { 0x80000000u, 0x80000000u }, VPT_CALLER_TOO_LONG },
    { "4 GiB to write", &huge, ALIVE, 0, 3, { 0xffffffffu, 0xffffffffu, 2 }, VPT_CALLER_TOO_LONG },
    { "4 GiB of both", &huge, ALIVE, 1, 1, { 0xffffffffu, 0xffffffffu }, VPT_CALLER_TOO_LONG },
    { "4 GiB, reply first", &huge_first, ALIVE, 1, 1, { 0x80000000u, 0x80000000u }, VPT_CALLER_TOO_LONG },
    { "nothing at all", &limited_data, ALIVE, 0, 0, { 0 }, VPT_CALLER_ARGUMENT },
    { "full, to write", &limited, FULL, 0, 1, { 1 }, VPT_RESOURCE_FULL },
    { "full, without data", &limited, FULL, 0, 0, { 0 }, VPT_RESOURCE_FULL },
    { "full, of both", &limited, FULL, 1, 1, { 1, 1 }, VPT_RESOURCE_FULL },
    { "full, reply first", &limited_first, FULL, 0, 1, { 1 }, VPT_RESOURCE_FULL },
    { "full, data alone", &limited_data, FULL, 0, 1, { 1 }, VPT_RESOURCE_FULL },
    { "full, reply alone", &reply_alone, FULL, 0, 0, { 0 }, VPT_RESOURCE_FULL },
    { "dead, to write", &limited, DEAD, 0, 1, { 1 }, VPT_DEVICE_USED_ID },
    { "dead, of both", &limited, DEAD, 1, 1, { 1, 1 }, VPT_DEVICE_USED_ID },
    { "dead, reply first", &limited_first, DEAD, 0, 1, { 1 }, VPT_DEVICE_USED_ID },
    { "dead, reply alone", &reply_alone, DEAD, 0, 0, { 0 }, VPT_DEVICE_USED_ID },
};

static enum vpt_status submit_plain(uintptr_t token)
{
    return has_data(tested.requests.kind) ? tested_submit(token)
                                          : vpt_requests_submit(&tested.requests, NULL, 0, 0, (void *)token);
}

static void make(enum condition condition)
{
    if (condition == DEAD) {
        mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
        assert_status(submit_plain(0), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_DEVICE_USED_ID);
    }
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    while (condition == FULL && vpt_requests_free(&tested.requests) != 0) {
        assert_status(submit_plain(vpt_requests_free(&tested.requests)), VPT_OK);
    }
}

/* Twice, since a refusal that changed something would show the second time. */
static void refuse(const struct refusal *refusal)
{
    struct vpt_requests *requests = &tested.requests;
    uint32_t free = vpt_requests_free(requests);
    void *next = vpt_requests_next(requests);
    struct vpt_segment segments[4];

    for (unsigned i = 0; i < 4; i++) {
        segments[i] = (struct vpt_segment){ bench.arena.device_address, refusal->lengths[i] };
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_status(vpt_requests_submit(requests, segments, refusal->readable, refusal->writable, requests),
                      refusal->expected);
        cr_assert(vpt_requests_free(requests) == free);
        cr_assert(vpt_requests_next(requests) == next);
        cr_assert((next != NULL) == (refusal->condition == ALIVE && requests->slot_size != 0));
    }
}

VARIANT_TEST(request, what_is_refused_changes_nothing)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const struct refusal *refusal = &refusals[i];
        uint64_t handled;

        (void)fprintf(stderr, "%s\n", refusal->what);
        tested_start(variant, refusal->kind, NULL);
        make(refusal->condition);
        handled = bench.handled;
        refuse(refusal);
        if (refusal->condition != DEAD) {
            uint32_t left = tested.requests.queue.slot_count - vpt_requests_free(&tested.requests);

            /* The device sees the requests of before, and one more if there is room: none of those refused. */
            if (refusal->condition == ALIVE) {
                assert_status(submit_plain(7), VPT_OK);
                left++;
            }
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
            cr_assert(mock_device_run(&bench.machine.device, UINT32_MAX) == left);
            for (; left != 0; left--) {
                (void)tested_take(VPT_OK);
            }
            assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_EMPTY);
            cr_assert(bench.handled > handled);
        }
        tested_end();
    }
}

/* As much as the limits allow is taken. */
VARIANT_TEST(request, limits_themselves_are_allowed)
{
    struct vpt_segment segments[3];

    for (unsigned i = 0; i < 3; i++) {
        segments[i] = (struct vpt_segment){ UINT64_C(0), MOST };
    }
    tested_start(variant, &limited, NULL);
    for (unsigned i = 0; i < 3; i++) {
        segments[i] = bench_segment(i * MOST, MOST);
    }
    assert_status(vpt_requests_submit(&tested.requests, segments, 0, 3, NULL), VPT_OK);
    assert_status(vpt_requests_submit(&tested.requests, segments, 3, 0, NULL), VPT_OK);
    assert_status(vpt_requests_submit(&tested.requests, segments, 1, 2, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    for (unsigned i = 0; i < 3; i++) {
        (void)tested_take(VPT_OK);
    }
    cr_assert(bench.handled == 3);
    tested_end();
}

Test(request, a_queue_that_is_not_set_up_refuses)
{
    struct vpt_segment segment = { 0x1000, 16 };

    memset(&tested, 0, sizeof(tested));
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_requests_submit(&tested.requests, &segment, i == 1 ? 1 : 0, i == 2 ? 1 : 0, NULL),
                      VPT_CALLER_STATE);
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_CALLER_STATE);
    assert_status(vpt_requests_ready(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
    cr_assert(!vpt_requests_notifications_on(&tested.requests));
    vpt_requests_notifications_off(&tested.requests);
    assert_status(vpt_requests_release(&tested.requests), VPT_OK);
}

/* ---- Notifications ---- */

VARIANT_TEST(request, interrupts_are_turned_off_and_on)
{
    const struct mock_queue *theirs = &bench.machine.device.queues[0];

    tested_start(variant, &framed, NULL);
    vpt_requests_notifications_off(&tested.requests);
    for (uintptr_t token = 0; token < 4; token++) {
        assert_status(tested_submit(token), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    }
    cr_assert(variant->version == 1 || theirs->interrupts == 0); /* a legacy device interrupts on an empty ring */
    cr_assert(vpt_requests_notifications_on(&tested.requests), "some were used meanwhile");
    tested_assert_back(0xf, VPT_OK);
    cr_assert(!vpt_requests_notifications_on(&tested.requests));
    assert_status(tested_submit(1), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    cr_assert(theirs->interrupts != 0);
    tested_end();
}
