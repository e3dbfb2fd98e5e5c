/* SPDX-License-Identifier: MIT */
/* Requests that are submitted and taken back several in a call. */
#include "request_support.h"

#include <string.h>

#define MANY  70000u /* more than the ring's indexes count */
#define MOST  24u    /* of a batch: more than there are slots */
#define PLACE 512u   /* bytes of the arena that belong to a token */

static struct vpt_segment segments[MOST][SUBJECT_SEGMENTS];
static struct vpt_request batch[MOST];
static struct vpt_completion completions[MOST];

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* The request of a token: `readable` segments of 32 bytes, then `writable` ones. */
static void fill(struct vpt_request *request, struct vpt_segment *list, uintptr_t token, unsigned readable,
                 unsigned writable)
{
    for (unsigned i = 0; i < readable + writable; i++) {
        list[i] = bench_segment(token * PLACE + i * SUBJECT_LENGTH, SUBJECT_LENGTH);
    }
    *request = (struct vpt_request){ list, (void *)token, (uint16_t)readable, (uint16_t)writable };
}

/* Three of four have one segment, which goes another way through the library. */
static void fill_any(struct vpt_request *request, struct vpt_segment *list, uintptr_t token, uint32_t *random)
{
    unsigned count = (next_random(random) & 3u) != 0 ? 1u : next_random(random) % (SUBJECT_SEGMENTS + 1u);
    unsigned readable = next_random(random) % (count + 1u);

    fill(request, list, token, readable, count - readable);
}

/* Fills a batch with tokens that are not in flight. How many there are. */
static uint32_t fill_batch(uint32_t out, uint32_t *random)
{
    uint32_t count = 0;

    for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
        if ((out & 1u << token) == 0 && (next_random(random) & 1u) != 0) {
            fill_any(&batch[count], segments[token], token, random);
            count++;
        }
    }
    return count;
}

/* What came back is in flight, and has the length that the device was given room for. The tokens. */
static uint32_t check_back(uint32_t done, uint32_t out, const uint32_t *lengths)
{
    uint32_t back = 0;

    for (uint32_t i = 0; i < done; i++) {
        uint32_t token = (uint32_t)(uintptr_t)completions[i].token;

        assert_status(completions[i].status, VPT_OK);
        cr_assert(token < SUBJECT_REQUESTS && (out & ~back & 1u << token) != 0, "token %u", (unsigned)token);
        cr_assert(completions[i].length == lengths[token], "%u, not %u", (unsigned)completions[i].length,
                  (unsigned)lengths[token]);
        back |= 1u << token;
    }
    return back;
}

/*
 * Any number in flight, of any shape, back in any order, each once; some are not yet published while others come back.
 */
VARIANT_TEST(request_batch, requests_come_back_once_past_the_wrap_of_the_index)
{
    uint32_t lengths[SUBJECT_REQUESTS];
    uint32_t random = 7;
    uint32_t out = 0; /* a bit for each token in flight */
    uint32_t submitted = 0;
    uint32_t done;

    tested_start(variant, &framed, NULL);
    bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
    bench.machine.device.completion.order = MOCK_ORDER_SHUFFLED;
    while (submitted < MANY || out != 0) {
        uint32_t count = submitted < MANY ? fill_batch(out, &random) : 0;
        uint32_t most = 1u + next_random(&random) % MOST;

        assert_status(vpt_requests_submit_batch(&tested.requests, batch, count, &done), VPT_OK);
        cr_assert(done == count);
        submitted += done;
        for (uint32_t i = 0; i < done; i++) {
            out |= 1u << (uintptr_t)batch[i].token;
            lengths[(uintptr_t)batch[i].token] = batch[i].writable * SUBJECT_LENGTH + 1u;
        }
        if (submitted >= MANY || (next_random(&random) & 3u) != 0) {
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        }
        (void)mock_device_run(&bench.machine.device, 1u + next_random(&random) % SUBJECT_REQUESTS);
        assert_status(vpt_requests_poll_batch(&tested.requests, completions, most, &done),
                      done == most ? VPT_OK : VPT_EMPTY);
        out &= ~check_back(done, out, lengths);
    }
    cr_assert(bench.handled == submitted && vpt_requests_free(&tested.requests) == SUBJECT_REQUESTS);
    tested_end();
}

/* The device is shown the same as by calls for one: header, data in its direction, reply. */
VARIANT_TEST(request_batch, SPLIT_FRAME_1_the_device_sees_each_request)
{
    uint32_t done;

    for (unsigned writable = 0; writable < 2; writable++) {
        tested_start(variant, &framed, NULL);
        bench.machine.device.completion.mode = MOCK_COMPLETE_BY_RUN;
        for (uintptr_t round = 0; round < 2; round++) {
            for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
                fill(&batch[token], segments[token], token, 1u - writable, writable);
                memset(bench_bytes(token * PLACE), (int)(token + 16u * round), SUBJECT_LENGTH);
            }
            assert_status(vpt_requests_submit_batch(&tested.requests, batch, SUBJECT_REQUESTS, &done), VPT_OK);
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
            for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
                uint8_t first = bench.fill;

                cr_assert(mock_device_run(&bench.machine.device, 1) == 1);
                cr_assert(bench.read_size == HEADER_SIZE + (writable != 0 ? 0 : SUBJECT_LENGTH));
                cr_assert(writable != 0 || bench.read[HEADER_SIZE] == token + 16u * round);
                assert_status(vpt_requests_poll_batch(&tested.requests, completions, 1, &done), VPT_OK);
                cr_assert(done == 1 && completions[0].token == (void *)token);
                cr_assert(writable == 0 || *bench_bytes(token * PLACE) == first);
            }
        }
        tested_end();
    }
}

/* A round of requests of one writable segment: from here on the slots are linked for them. */
static void start_linked(const struct variant *variant)
{
    uint32_t done;

    tested_start(variant, &framed, NULL);
    for (uintptr_t token = 0; token < MOST; token++) {
        fill(&batch[token], segments[token], token, 0, 1);
    }
    assert_status(vpt_requests_submit_batch(&tested.requests, batch, MOST, &done), VPT_RESOURCE_FULL);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(vpt_requests_poll_batch(&tested.requests, completions, done, &done), VPT_OK);
    cr_assert(done == SUBJECT_REQUESTS);
}

/* The first that is refused ends the batch; those before it are submitted, none behind it is. */
VARIANT_TEST(request_batch, ends_at_the_first_that_is_refused)
{
    static const struct {
        unsigned index;  /* of the one that is refused */
        unsigned count;  /* its segments */
        uint32_t length; /* of the last of them */
        enum vpt_status expected;
    } refused[] = {
        { 0, 1, 0, VPT_CALLER_ARGUMENT },
        { 3, 1, 0, VPT_CALLER_ARGUMENT },
        { 3, 2, 0, VPT_CALLER_ARGUMENT },
        { 5, 1, 0xffff0001u, VPT_CALLER_TOO_LONG },
        { 15, SUBJECT_SEGMENTS + 1u, SUBJECT_LENGTH, VPT_CALLER_TOO_LONG },
        { SUBJECT_REQUESTS, 1, SUBJECT_LENGTH, VPT_RESOURCE_FULL },
    };

    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct vpt_segment other[SUBJECT_SEGMENTS + 1u];
        uint32_t done = 99;

        start_linked(variant);
        fill(&batch[refused[i].index], other, 0, 0, refused[i].count);
        other[refused[i].count - 1u].length = refused[i].length;
        assert_status(vpt_requests_submit_batch(&tested.requests, batch, MOST, &done), refused[i].expected);
        cr_assert(done == refused[i].index, "%u, not %u", (unsigned)done, refused[i].index);
        cr_assert(vpt_requests_free(&tested.requests) == SUBJECT_REQUESTS - done);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        assert_status(vpt_requests_poll_batch(&tested.requests, completions, MOST, &done), VPT_EMPTY);
        cr_assert(done == refused[i].index && bench.handled == SUBJECT_REQUESTS + done);
        tested_end();
    }
}

/* The device uses six requests, and lies of the third. */
static void lie(enum mock_fault fault, uint32_t value)
{
    uint32_t done;

    mock_fault_set(&bench.machine.device.faults, fault, 3, 1, value);
    assert_status(vpt_requests_submit_batch(&tested.requests, batch, 6, &done), VPT_OK);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(vpt_requests_poll_batch(&tested.requests, completions, MOST, &done), VPT_DEVICE_USED_ID);
    cr_assert(done == 2, "%u came back", (unsigned)done);
}

/* The others come back by the reset. */
VARIANT_TEST(request_batch, a_lie_ends_the_batch)
{
    static const struct {
        enum mock_fault fault;
        uint32_t value;
    } lies[] = {
        { MOCK_FAULT_USED_ID_RANGE, 0 },
        { MOCK_FAULT_USED_ID_RANGE, 0x80000000u },
        { MOCK_FAULT_USED_ID_RANGE, SUBJECT_REQUESTS },
        { MOCK_FAULT_USED_ID_TWICE, 0 },
    };
    uint32_t done;

    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        start_linked(variant);
        lie(lies[i].fault, lies[i].value);
        assert_status(vpt_requests_submit_batch(&tested.requests, batch, 1, &done), VPT_DEVICE_USED_ID);
        cr_assert(done == 0);
        assert_status(vpt_device_reset(bench.device), VPT_OK);
        assert_status(vpt_requests_poll_batch(&tested.requests, completions, MOST, &done), VPT_EMPTY);
        cr_assert(done == 4);
        for (uint32_t left = 0; left < done; left++) {
            assert_status(completions[left].status, VPT_CANCELLED);
        }
        tested_end();
    }
}

/* Of a request that the device has not been shown it cannot have used anything. */
VARIANT_TEST(request_batch, an_unpublished_request_does_not_come_back)
{
    uint32_t done;
    uint32_t slot;

    start_linked(variant);
    assert_status(vpt_requests_submit_batch(&tested.requests, batch, 6, &done), VPT_OK);
    slot = tested.requests.queue.free_head;
    mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_USED_ID_RANGE, 3, 1, slot);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    assert_status(vpt_requests_submit_batch(&tested.requests, batch + 6, 1, &done), VPT_OK);
    assert_status(vpt_requests_poll_batch(&tested.requests, completions, MOST, &done), VPT_DEVICE_USED_ID);
    cr_assert(done == 2, "%u came back", (unsigned)done);
    tested_end();
}

/* A length is never more than what was writable: of a request that the device only reads, its reply. */
VARIANT_TEST(request_batch, SPLIT_USED_1_lengths_are_cut_to_what_was_writable)
{
    uint32_t done;

    for (unsigned writable = 0; writable < 2; writable++) {
        start_linked(variant);
        for (uintptr_t token = 0; token < SUBJECT_REQUESTS; token++) {
            fill(&batch[token], segments[token], token, 1u - writable, writable);
        }
        for (unsigned round = 0; round < 2; round++) {
            mock_fault_set(&bench.machine.device.faults, MOCK_FAULT_USED_LENGTH, 1, SUBJECT_REQUESTS, 1000);
            assert_status(vpt_requests_submit_batch(&tested.requests, batch, SUBJECT_REQUESTS, &done), VPT_OK);
            assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
            assert_status(vpt_requests_poll_batch(&tested.requests, completions, MOST, &done), VPT_EMPTY);
            cr_assert(done == SUBJECT_REQUESTS);
            for (uint32_t i = 0; i < done; i++) {
                cr_assert(completions[i].length == writable * SUBJECT_LENGTH + 1u, "%u",
                          (unsigned)completions[i].length);
            }
        }
        tested_end();
    }
}

Test(request_batch, a_queue_that_is_not_set_up_refuses)
{
    uint32_t done = 99;

    memset(&tested, 0, sizeof(tested));
    fill(&batch[0], segments[0], 0, 0, 0);
    assert_status(vpt_requests_submit_batch(&tested.requests, batch, 1, &done), VPT_CALLER_STATE);
    cr_assert(done == 0);
    assert_status(vpt_requests_poll_batch(&tested.requests, completions, 1, &done), VPT_CALLER_STATE);
    cr_assert(done == 0);
    assert_status(vpt_requests_submit_batch(&tested.requests, batch, 0, &done), VPT_OK);
    assert_status(vpt_requests_poll_batch(&tested.requests, completions, 0, &done), VPT_OK);
}
