/* SPDX-License-Identifier: MIT */
/* Requests with slots: what the device sees of each shape, how slots come back, what is refused. */
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

/* All that a kind may say. */
static const struct vpt_requests_kind kinds[] = {
    { .header = 16, .reply = 1, .result = result },
    { .header = 12, .reply = 4, .reply_first = true, .result = result },
    { .header = 16, .result = result },
    { .result = result },
    { .reply = 8, .result = result },
};

/* The fewest and the most data segments of a request: one of a reply alone has none, and there is no empty request. */
static unsigned least_of(const struct vpt_requests_kind *kind)
{
    return kind->header == 0 && kind->reply == 0 ? 1 : 0;
}

static unsigned most_of(const struct vpt_requests_kind *kind)
{
    return kind->header != 0 || kind->reply == 0 ? SUBJECT_SEGMENTS : 0;
}

#define PART   0x100u /* bytes of the arena for each request */
#define LENGTH 5u     /* bytes of segment n are n + 1 times so many */

/* A request as it was submitted; its data lies in the arena's part of its token. */
struct request {
    unsigned readable; /* segments */
    unsigned writable;
    uint32_t readable_bytes;
    uint32_t writable_bytes;
    uint8_t *slot;
    uint8_t data[PART]; /* what is in the arena, and in the slot */
    uint8_t framing[32];
};

static struct request requests[SUBJECT_REQUESTS];

/* Segments lie behind each other in the part, so that what the device sees of all of them is one piece. */
static void submit(unsigned readable, unsigned writable, uintptr_t token)
{
    struct request *request = &requests[token];
    struct vpt_segment segments[SUBJECT_SEGMENTS];
    uint32_t offset = 0;

    *request = (struct request){ .readable = readable, .writable = writable };
    for (unsigned i = 0; i < readable + writable; i++) {
        segments[i] = machine_segment(token * PART + offset, LENGTH * (i + 1u));
        offset += segments[i].length;
        *(i < readable ? &request->readable_bytes : &request->writable_bytes) += segments[i].length;
    }
    for (size_t i = 0; i < PART; i++) {
        request->data[i] = (uint8_t)(token * 31u + i * 7u);
    }
    memcpy(machine_bytes(token * PART), request->data, PART);
    request->slot = vpt_requests_next(&tested.requests);
    if (request->slot != NULL) {
        cr_assert(tested.requests.slot_size <= sizeof(request->framing));
        for (size_t i = 0; i < tested.requests.slot_size; i++) {
            request->framing[i] = (uint8_t)(0xa5u + token + i);
        }
        memcpy(request->slot, request->framing, tested.requests.slot_size);
    }
    assert_status(tested_send(segments, readable, writable, token), VPT_OK);
}

/* The device has read the header, then the data; it wrote, `first` and counting, data and reply in the kind's order. */
static void check_bytes(struct request *request, uintptr_t token, uint8_t first)
{
    const struct vpt_requests_kind *kind = tested.requests.kind;
    uint32_t data_at = kind->reply_first ? kind->reply : 0;
    uint32_t reply_at = kind->reply_first ? 0 : request->writable_bytes;

    assert_same(machine.read_size, kind->header + request->readable_bytes);
    cr_assert(memcmp(machine.read, request->framing, kind->header) == 0);
    cr_assert(memcmp(machine.read + kind->header, request->data, request->readable_bytes) == 0);
    for (uint32_t i = 0; i < request->writable_bytes; i++) {
        request->data[request->readable_bytes + i] = (uint8_t)(first + data_at + i);
    }
    for (uint32_t i = 0; i < kind->reply; i++) {
        request->framing[kind->header + i] = (uint8_t)(first + reply_at + i);
    }
    cr_assert(memcmp(machine_bytes(token * PART), request->data, PART) == 0);
    cr_assert(request->slot == NULL || memcmp(request->slot, request->framing, tested.requests.slot_size) == 0);
}

/* Lets the device carry out one request of those in flight, and checks all that can be seen of it. Its token. */
static uintptr_t check_one(const struct variant *variant)
{
    const struct vpt_requests_kind *kind = tested.requests.kind;
    struct request *request;
    uint8_t first = machine.fill;
    unsigned before = results;
    uintptr_t token;

    tested_run(1);
    token = tested_take(VPT_OK);
    request = &requests[token];
    assert_same(plain_last()->readable, request->readable + (kind->header != 0 ? 1u : 0u));
    assert_same(plain_last()->writable, request->writable + (kind->reply != 0 ? 1u : 0u));
    assert_same(plain_last()->indirect, variant->indirect && tested.requests.run > 1u);
    check_bytes(request, token, first);
    assert_same(tested.completion.length, request->writable_bytes + kind->reply);
    assert_same(results, before + 1u);
    assert_same(result_length, tested.completion.length);
    cr_assert(result_slot == request->slot);
    return token;
}

/* Every number of segments of each direction, one request after the other. */
VARIANT_TEST(request, SPLIT_FRAME_1_each_shape_as_the_device_sees_it)
{
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        const struct vpt_requests_kind *kind = &kinds[i / 2];
        unsigned most = most_of(kind);

        tested_batch = i % 2 != 0;
        tested_start(variant, kind);
        assert_same(tested.requests.segments, most);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        for (unsigned count = least_of(kind); count <= most; count++) {
            for (unsigned readable = 0; readable <= count; readable++) {
                submit(readable, count - readable, 0);
                assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
                assert_same(check_one(variant), 0);
            }
        }
        tested_end();
    }
}

/* Any shape that the kind allows; as often as not of one direction, which goes another way through the library. */
static void submit_any(uintptr_t token)
{
    unsigned least = least_of(tested.requests.kind);
    unsigned count = least + random_below(most_of(tested.requests.kind) - least + 1u);
    unsigned readable = random_below(2) != 0 ? random_below(count + 1u) : count * random_below(2);

    submit(readable, count - readable, token);
}

/* A slot carries requests of different shapes one after the other, while others are in flight. */
VARIANT_TEST(request, shapes_follow_each_other_in_a_slot)
{
    for (size_t i = 0; i < 2 * COUNT_OF(kinds); i++) {
        random_seed((uint32_t)i);
        tested_batch = i % 2 != 0;
        tested_start(variant, &kinds[i / 2]);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        machine.model->completion.order = MOCK_ORDER_SHUFFLED;
        for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
            submit_any(token);
        }
        cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
        for (unsigned n = 0; n < 600; n++) {
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
            submit_any(check_one(variant));
        }
        tested_end();
    }
}

/* ---- Slots ---- */

STARTED_REQUESTS_TEST(request, each_slot_has_memory_of_its_own)
{
    uint64_t addresses[SUBJECT_REQUESTS];

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        uint8_t *slot = vpt_requests_next(&tested.requests);

        addresses[token] = vpt_requests_next_address(&tested.requests);
        cr_assert(all_zero(slot, tested.requests.slot_size) && (uintptr_t)slot % 16 == 0);
        memset(slot, (int)(0x80 + token), HEADER_SIZE);
        for (uintptr_t other = 0; other < token; other++) {
            cr_assert(addresses[token] - addresses[other] >= HEADER_SIZE + 1u);
            cr_assert(addresses[other] - addresses[token] >= HEADER_SIZE + 1u);
        }
        assert_status(tested_submit(token), VPT_OK);
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        tested_run(1);
        assert_same(tested_take(VPT_OK), token);
        assert_same(machine.read[0], 0x80 + token);
        assert_same(plain_last()->first_address, addresses[token]);
    }
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
    assert_status(tested_send(&extra, 1, 0, 0), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    (void)tested_take(VPT_OK);
    assert_same(machine.read_size, HEADER_SIZE + extra.length);
    assert_same(machine.read[HEADER_SIZE + 23], 0x77);
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

#define FRAMED .header = HEADER_SIZE, .reply = 1

static const struct vpt_requests_kind limited = { FRAMED, .fit = fit };
static const struct vpt_requests_kind limited_first = { FRAMED, .reply_first = true, .fit = fit };
static const struct vpt_requests_kind limited_data = { .fit = fit };
static const struct vpt_requests_kind huge = { FRAMED, .fit = fit_segments_alone };
static const struct vpt_requests_kind huge_first = { FRAMED, .reply_first = true, .fit = fit_segments_alone };
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
    return most_of(tested.requests.kind) != 0 ? tested_submit(token) : tested_send(NULL, 0, 0, token);
}

static void make(enum condition condition)
{
    if (condition == DEAD) {
        mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
        assert_status(submit_plain(0), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_status(tested_poll(), VPT_DEVICE_USED_ID);
    }
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    while (condition == FULL && vpt_requests_free(&tested.requests) != 0) {
        assert_status(submit_plain(vpt_requests_free(&tested.requests)), VPT_OK);
    }
}

/* Twice, since a refusal that changed something would show the second time. */
static void refuse(const struct refusal *row)
{
    uint32_t free = vpt_requests_free(&tested.requests);
    void *next = vpt_requests_next(&tested.requests);
    struct vpt_segment segments[4];

    for (unsigned i = 0; i < 4; i++) {
        segments[i] = (struct vpt_segment){ machine.data.device_address, row->lengths[i] };
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_status_of(row->what, tested_send(segments, row->readable, row->writable, 0), row->expected);
        assert_same_of(row->what, vpt_requests_free(&tested.requests), free);
        cr_assert(vpt_requests_next(&tested.requests) == next, "%s", row->what);
        cr_assert((next != NULL) == (row->condition == ALIVE && tested.requests.slot_size != 0), "%s", row->what);
    }
}

/* The device sees the requests of before, and one more if there is room: none of those refused. */
static void check_device_sees(enum condition condition)
{
    uint32_t left = tested.requests.queue.slot_count - vpt_requests_free(&tested.requests);

    if (condition == ALIVE) {
        assert_status(submit_plain(7), VPT_OK);
        left++;
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_same(mock_device_run(machine.model, UINT32_MAX), left);
    for (; left != 0; left--) {
        (void)tested_take(VPT_OK);
    }
    assert_status(tested_poll(), VPT_EMPTY);
}

VARIANT_TEST(request, what_is_refused_changes_nothing)
{
    for (size_t i = 0; i < 2 * COUNT_OF(refusals); i++) {
        const struct refusal *row = &refusals[i / 2];

        tested_batch = i % 2 != 0;
        tested_start(variant, row->kind);
        make(row->condition);
        refuse(row);
        if (row->condition != DEAD) {
            check_device_sees(row->condition);
        }
        tested_end();
    }
}

VARIANT_TEST(request, limits_themselves_are_allowed)
{
    struct vpt_segment segments[3];

    tested_start(variant, &limited);
    for (unsigned i = 0; i < 3; i++) {
        segments[i] = machine_segment(i * MOST, MOST);
    }
    for (unsigned readable = 0; readable <= 3; readable++) {
        assert_status(tested_send(segments, readable, 3 - readable, 0), VPT_OK);
    }
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_same(machine.handled, 4);
    tested_end();
}

Test(request, a_queue_that_is_not_set_up_refuses)
{
    struct vpt_segment segment = { 0x1000, 16 };
    struct vpt_shares shares;
    uint32_t done;

    for (unsigned i = 0; i < 6; i++) {
        tested_batch = i % 2 != 0;
        assert_status(tested_send(&segment, i / 2 == 1, i / 2 == 2, 0), VPT_CALLER_STATE);
        assert_status(tested_poll(), VPT_CALLER_STATE);
    }
    assert_status(vpt_requests_submit_batch(&tested.requests, NULL, 0, &done), VPT_OK);
    assert_status(vpt_requests_poll_batch(&tested.requests, NULL, 0, &done), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_requests_ready(&tested.requests), VPT_CALLER_STATE);
    assert_status(vpt_requests_wait(&tested.requests, &tested.completion), VPT_CALLER_STATE);
    assert_status(vpt_shares_begin(&tested.requests, &shares, VPT_DEVICE_READS, &segment, sizeof(segment), 1),
                  VPT_CALLER_STATE);
    assert_status(vpt_requests_quiesce(&tested.requests, NULL, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_requests_next(&tested.requests) == NULL && vpt_requests_free(&tested.requests) == 0);
    cr_assert(!vpt_requests_notifications_on(&tested.requests));
    vpt_requests_notifications_off(&tested.requests);
    assert_status(vpt_requests_release(&tested.requests), VPT_OK);
}
