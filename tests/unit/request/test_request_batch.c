/* SPDX-License-Identifier: MIT */
/* Requests that are submitted and taken back several in a call. */
#include "request_support.h"

#define MOST  24u  /* of a batch: more than there are slots */
#define PLACE 512u /* bytes of the arena that belong to a token */

static struct vpt_segment segments[MOST][2 * SUBJECT_SEGMENTS];
static struct vpt_request batch[MOST];
static struct vpt_completion completions[MOST];

/* Makes the batch's request `at` the one of a token: `readable` segments of 32 bytes, then `writable` ones. */
static void fill(unsigned at, uintptr_t token, unsigned readable, unsigned writable)
{
    for (unsigned i = 0; i < readable + writable; i++) {
        segments[at][i] = machine_segment(token * PLACE + i * SUBJECT_LENGTH, SUBJECT_LENGTH);
    }
    batch[at] = (struct vpt_request){ segments[at], (void *)token, (uint16_t)readable, (uint16_t)writable };
}

static uint32_t submit(uint32_t count, enum vpt_status expected)
{
    uint32_t done = 99;

    assert_status(vpt_requests_submit_batch(&tested.requests, batch, count, &done), expected);
    return done;
}

static uint32_t poll(uint32_t count, enum vpt_status expected)
{
    uint32_t done = 99;

    assert_status(vpt_requests_poll_batch(&tested.requests, completions, count, &done), expected);
    return done;
}

/* ---- Traffic, by these calls, by those for one, or over a queue without slots ---- */

static bool slots; /* else through `queue` */
static struct vpt_queue queue;
static uint32_t out; /* a bit for each token in flight */
static uint32_t lengths[MOST];

static enum vpt_status submit_one(const struct vpt_request *request)
{
    return slots ? vpt_requests_submit(&tested.requests, request->segments, request->readable, request->writable,
                                       request->token)
                 : vpt_queue_add(&queue, request->segments, request->readable, request->writable, request->token);
}

static enum vpt_status poll_one(struct vpt_completion *completion)
{
    completion->status = VPT_OK;
    return slots ? vpt_requests_poll(&tested.requests, completion)
                 : vpt_queue_pop(&queue, &completion->token, &completion->length);
}

/* Makes a batch of tokens that are not in flight: three of four have one segment, which goes another way. */
static uint32_t fill_some(void)
{
    unsigned room = vpt_queue_size(&queue) < 2 * SUBJECT_SEGMENTS ? vpt_queue_size(&queue) : 2 * SUBJECT_SEGMENTS;
    unsigned most = slots ? tested.requests.segments : room;
    uint32_t count = 0;

    for (uintptr_t token = 0; token < (slots ? SUBJECT_REQUESTS : MOST); token++) {
        if ((out & 1u << token) == 0 && random_below(2) != 0) {
            unsigned all = slots && random_below(4) != 0 ? 1u : random_below(most) + 1u;
            unsigned readable = random_below(all + 1u);

            lengths[token] = slots ? 1 : 0; /* the reply */
            fill(count, token, readable, all - readable);
            for (unsigned i = readable; i < all; i++) {
                segments[count][i].length = 1 + random_below(SUBJECT_LENGTH);
                lengths[token] += segments[count][i].length;
            }
            count++;
        }
    }
    return count;
}

/* Some of the batch may not fit. How many were submitted. */
static uint32_t submit_some(uint32_t count)
{
    enum vpt_status status = VPT_OK;
    uint32_t done = 0;

    if (slots && random_below(4) != 0) {
        status = vpt_requests_submit_batch(&tested.requests, batch, count, &done);
    } else {
        while (done < count && (status = submit_one(&batch[done])) == VPT_OK) {
            done++;
        }
    }
    cr_assert(status == (done == count ? VPT_OK : VPT_RESOURCE_FULL), "%s", vpt_status_str(status));
    for (uint32_t i = 0; i < done; i++) {
        out |= 1u << (uintptr_t)batch[i].token;
    }
    return done;
}

/* What came back was in flight, and has the length that the device was given room for. */
static uint32_t take_some(uint32_t most)
{
    enum vpt_status status = VPT_OK;
    uint32_t done = 0;

    if (slots && random_below(4) != 0) {
        status = vpt_requests_poll_batch(&tested.requests, completions, most, &done);
    } else {
        while (done < most && (status = poll_one(&completions[done])) == VPT_OK) {
            done++;
        }
    }
    assert_status(status, done == most ? VPT_OK : VPT_EMPTY);
    for (uint32_t i = 0; i < done; i++) {
        uintptr_t token = (uintptr_t)completions[i].token;

        assert_status(completions[i].status, VPT_OK);
        cr_assert(token < MOST && (out & 1u << token) != 0, "token %zu", (size_t)token);
        assert_same(completions[i].length, lengths[token]);
        out &= ~(1u << token);
    }
    return done;
}

/* Any number in flight, of any shape, back in any order; some are not yet published while others come back. */
static void run_traffic(uint32_t many)
{
    uint32_t submitted = 0;
    unsigned idle = 0; /* rounds without a request coming back */

    random_seed(7);
    machine.idle = true;
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.order = MOCK_ORDER_SHUFFLED;
    while (submitted < many || out != 0) {
        submitted += submitted < many ? submit_some(fill_some()) : 0;
        if (submitted >= many || random_below(4) != 0) {
            assert_status(slots ? vpt_requests_kick(&tested.requests) : vpt_queue_kick(&queue), VPT_OK);
        }
        (void)mock_device_run(machine.model, 1u + random_below(MOST));
        idle = take_some(1u + random_below(MOST)) != 0 ? 0 : idle + 1;
        cr_assert(idle < 100, "0x%x do not come back", (unsigned)out);
    }
    assert_same(machine.handled, submitted);
    machine.handled = 0;
}

/* Sizes and how many requests go through a queue of each. Packed rings alone have sizes that are no power of two. */
static const struct {
    uint16_t size;
    uint32_t requests;
} rings[] = { { 1, 40000 }, { 2, 40000 }, { 3, 40000 }, { 7, 40000 }, { 64, 70000 }, { 256, 70000 }, { 32768, 70000 } };

/* Every other time kicks say how far the ring is filled, which the device checks. */
static void negotiate_ring(const struct variant *variant, size_t row)
{
    struct mock_machine_options options = { .queue_maximum = 32768 };

    if (row % 2 != 0 && variant->version == 2) {
        vpt_features_add(&options.offer, VPT_F_NOTIFICATION_DATA);
    }
    if (slots) {
        tested_negotiate(variant, &options);
    } else {
        plain_negotiate(variant, &options);
    }
}

static bool ring_exists(const struct variant *variant, uint16_t size)
{
    return variant->packed || (size & (size - 1u)) == 0;
}

VARIANT_TEST(request_batch, D_PACKED_2_D_PACKED_12_requests_come_back_once_past_each_wrap)
{
    slots = true;
    for (size_t i = 2; i < COUNT_OF(rings); i++) {
        struct vpt_requests_config config = { .requests = SUBJECT_REQUESTS, .segments = SUBJECT_SEGMENTS };

        if (ring_exists(variant, rings[i].size)) {
            config.size = rings[i].size;
            negotiate_ring(variant, i);
            assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, &framed, 0, &config), VPT_OK);
            assert_status(vpt_driver_start(&tested.driver), VPT_OK);
            run_traffic(rings[i].requests / test_stride());
            assert_same(vpt_requests_free(&tested.requests), tested.requests.queue.slot_count);
            tested_end();
        }
    }
}

VARIANT_TEST(request_batch, D_PACKED_2_D_PACKED_12_D_SPLIT_3_chains_and_tables_come_back_once_past_each_wrap)
{
    for (size_t i = 0; i < COUNT_OF(rings); i++) {
        if (ring_exists(variant, rings[i].size)) {
            negotiate_ring(variant, i);
            plain_queue(&queue, rings[i].size, 16, 6);
            run_traffic(rings[i].requests / test_stride());
            plain_end(&queue);
        }
    }
}

/* ---- What ends a batch ---- */

/* A round of requests of one writable segment: from here on the slots are linked for them. */
static void start_linked(const struct variant *variant)
{
    tested_start(variant, &framed);
    for (unsigned i = 0; i < MOST; i++) {
        fill(i, i, 0, 1);
    }
    assert_same(submit(MOST, VPT_RESOURCE_FULL), SUBJECT_REQUESTS);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_same(poll(SUBJECT_REQUESTS, VPT_OK), SUBJECT_REQUESTS);
}

/* The first that is refused ends the batch; those before it are submitted, none behind it is. */
VARIANT_TEST(request_batch, ends_at_the_first_that_is_refused)
{
    static const struct {
        const char *what;
        unsigned index;
        unsigned count;  /* its segments */
        uint32_t length; /* of the last of them */
        enum vpt_status expected;
    } refused[] = {
        { "the first is empty", 0, 1, 0, VPT_CALLER_ARGUMENT },
        { "a later one is empty", 3, 1, 0, VPT_CALLER_ARGUMENT },
        { "the second segment is empty", 3, 2, 0, VPT_CALLER_ARGUMENT },
        { "nearly 4 GiB", 5, 1, 0xffff0001u, VPT_CALLER_TOO_LONG },
        { "too many segments", 15, SUBJECT_SEGMENTS + 1u, SUBJECT_LENGTH, VPT_CALLER_TOO_LONG },
        { "no slot is left", SUBJECT_REQUESTS, 1, SUBJECT_LENGTH, VPT_RESOURCE_FULL },
    };

    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        unsigned index = refused[i].index;
        uint32_t done = 99;

        start_linked(variant);
        fill(index, 0, 0, refused[i].count);
        segments[index][refused[i].count - 1u].length = refused[i].length;
        assert_status_of(refused[i].what, vpt_requests_submit_batch(&tested.requests, batch, MOST, &done),
                         refused[i].expected);
        assert_same_of(refused[i].what, done, index);
        assert_same_of(refused[i].what, vpt_requests_free(&tested.requests), SUBJECT_REQUESTS - index);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_same(poll(MOST, VPT_EMPTY), index);
        assert_same(machine.handled, SUBJECT_REQUESTS + index);
        tested_end();
    }
}

#define UNPUBLISHED 0xffffu /* the id of a request that the device has not been shown: it cannot have used it */

/* The device uses six requests, and lies of the third; the others come back by the reset. */
VARIANT_TEST(request_batch, a_lie_ends_the_batch)
{
    static const struct {
        enum mock_fault fault;
        uint32_t value;
    } lies[] = {
        { MOCK_FAULT_USED_ID_RANGE, 0 },
        { MOCK_FAULT_USED_ID_RANGE, 0x80000000u },
        { MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS },
        { MOCK_FAULT_USED_ID_RANGE, UNPUBLISHED },
        { MOCK_FAULT_USED_ID_TWICE, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        bool unpublished = lies[i].value == UNPUBLISHED;

        start_linked(variant);
        machine.model->completion.batch = 0;
        assert_same(submit(6, VPT_OK), 6);
        mock_fault_set(&machine.model->faults, lies[i].fault, 3, 1,
                       unpublished ? tested.requests.queue.free_head : lies[i].value);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        if (unpublished) {
            assert_same(submit(1, VPT_OK), 1);
        }
        assert_same(poll(MOST, VPT_DEVICE_USED_ID), 2);
        assert_same(submit(1, VPT_DEVICE_USED_ID), 0);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_same(poll(MOST, VPT_EMPTY), unpublished ? 5 : 4);
        for (uint32_t left = 0; left < 4; left++) {
            assert_status(completions[left].status, VPT_CANCELLED);
        }
        tested_end();
    }
}
