/* SPDX-License-Identifier: MIT */
/* The entropy driver on a device that gives a known sequence of bytes: on each transport, and when it gives less. */
#include <string.h>

#include "small.h"

#define ROOM     64u /* bytes that an asynchronous request asks for */
#define REQUESTS 8u  /* in flight at most, by default */
#define BATCH    32u /* bytes that the device gives at once in most tests */

static struct vpt_completion completion;

static void probe(enum machine_kind kind)
{
    entropy_probe(&(const struct ring_variant){ .kind = kind });
    memset(machine_bytes(0), 0, REQUESTS * ROOM); /* no byte of the sequence is 0 */
}

static void start(enum machine_kind kind)
{
    probe(kind);
    assert_status(vpt_entropy_open(&entropy, machine.device), VPT_OK);
    entropy_model.options.most = BATCH;
}

static void end(void)
{
    assert_same(mock_hal_live_shares(machine.hal), 0);
    entropy_end();
}

/* A read fills so many bytes with what the device gave, and writes nothing beside them. */
static void read_bytes(size_t size, enum vpt_status expected, size_t expected_bytes)
{
    static uint8_t buffer[4096 + 64];
    uint64_t from = entropy_model.bytes;
    size_t filled = 12345;

    memset(buffer, 0, sizeof(buffer));
    assert_status(vpt_entropy_read(&entropy, buffer + 32, size, &filled), expected);
    assert_same(filled, expected_bytes);
    cr_assert(entropy_given(buffer + 32, filled, from));
    cr_assert(all_zero(buffer, 32) && all_zero(buffer + 32 + size, sizeof(buffer) - 32 - size));
    cr_assert(expected != VPT_OK || entropy_model.bytes == from + size);
}

static uint8_t *room(uintptr_t token)
{
    return machine_bytes(token * ROOM);
}

static void submit(uintptr_t token)
{
    struct vpt_segment segment = machine_segment(token * ROOM, ROOM);

    memset(room(token), 0, ROOM);
    assert_status(vpt_entropy_submit(&entropy, &segment, 1, (void *)token), VPT_OK);
}

/* Takes one: its first `length` bytes are from byte `from` on, the rest is what it was. */
static void take(uintptr_t token, enum vpt_status status, uint32_t length, uint64_t from)
{
    assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_OK);
    assert_status(completion.status, status);
    assert_same((uintptr_t)completion.token, token);
    assert_same(completion.length, length);
    cr_assert(entropy_given(room(token), length, from) && all_zero(room(token) + length, ROOM - length));
}

static void kick(void)
{
    assert_status(vpt_requests_kick(&entropy.requests), VPT_OK);
}

/* ---- Asynchronous ---- */

#define STARTED_ENTROPY_TEST(suite, name) \
    STARTED_TEST(struct machine_variant, TRANSPORT_TEST, start(variant->kind), end(), suite, name)

/* RNG-OP-1: the device would notice a buffer that it is to read. */
STARTED_ENTROPY_TEST(entropy, RNG_OP_1_requests_come_back_filled)
{
    struct vpt_segment segment;

    entropy_model.options.most = 0;
    segment = machine_segment(0, ROOM);
    for (unsigned round = 0; round < 20; round++) {
        uint64_t from = entropy_model.bytes;

        for (uintptr_t token = 0; token < REQUESTS; token++) {
            submit(token);
        }
        assert_status(vpt_entropy_submit(&entropy, &segment, 1, NULL), VPT_RESOURCE_FULL);
        assert_status(vpt_entropy_read(&entropy, room(0), 1, NULL), VPT_CALLER_BUSY);
        kick();
        for (uintptr_t token = 0; token < REQUESTS; token++) {
            take(token, VPT_OK, ROOM, from + token * ROOM);
        }
        assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_EMPTY);
    }
    assert_same(entropy_model.requests, 20u * REQUESTS);
}

TRANSPORT_TEST(entropy, a_request_may_have_several_segments)
{
    struct vpt_requests_config config = { .requests = 2, .segments = 3 };
    struct vpt_segment segments[4];

    probe(variant->kind);
    assert_status(vpt_entropy_init(&entropy, machine.device, NULL), VPT_OK);
    assert_status(vpt_entropy_queue_init(&entropy, &config), VPT_OK);
    assert_status(vpt_driver_start(&entropy.driver), VPT_OK);
    for (uint32_t i = 0; i < 4; i++) {
        segments[i] = machine_segment(i * 10u, 10);
    }
    assert_status(vpt_entropy_submit(&entropy, segments, 4, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_entropy_submit(&entropy, segments, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_submit(&entropy, segments, 3, NULL), VPT_OK);
    kick();
    take(0, VPT_OK, 30, 0);
    end();
}

/* RNG-OP-2: less than was asked for, nothing, and nothing for a while. */
STARTED_ENTROPY_TEST(entropy, RNG_OP_2_a_request_says_how_much_it_got)
{
    submit(0);
    submit(1);
    kick();
    take(0, VPT_OK, BATCH, 0);
    take(1, VPT_OK, BATCH, BATCH);
    entropy_model.options.empty = 1;
    submit(2);
    submit(3);
    kick();
    take(2, VPT_DEVICE_IO_ERROR, 0, 0);
    take(3, VPT_OK, BATCH, 2 * BATCH);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LATE, 1, 1, 50);
    submit(4);
    kick();
    for (unsigned i = 0; i < 50; i++) {
        assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_EMPTY);
        mock_hal_tick(machine.hal);
    }
    take(4, VPT_OK, BATCH, 3 * BATCH);
}

/* ---- Blocking ---- */

/* However much the device gives at once, and the port shares. */
STARTED_ENTROPY_TEST(entropy, a_read_is_filled_by_as_many_requests_as_it_takes)
{
    static const uint32_t mosts[] = { 0, 1, 7, 32, 1000 };
    static const size_t shares[] = { 0, 1, 31, 512 };
    static const size_t sizes[] = { 1, 2, 31, 32, 33, 64, 700 };

    assert_status(vpt_entropy_read(&entropy, NULL, 0, NULL), VPT_OK);
    read_bytes(0, VPT_OK, 0);
    assert_same(entropy_model.requests, 0);
    for (unsigned i = 0; i < COUNT_OF(mosts) * COUNT_OF(shares) * COUNT_OF(sizes); i++) {
        size_t size = sizes[i % COUNT_OF(sizes)];

        machine.hal->share_most = shares[i / COUNT_OF(sizes) % COUNT_OF(shares)];
        entropy_model.options.most = mosts[i / COUNT_OF(sizes) / COUNT_OF(shares)];
        read_bytes(size, VPT_OK, size);
    }
    read_bytes(4096, VPT_OK, 4096);
}

/* A part of the bytes, then nothing for as long as a wait lasts, or longer than that. */
STARTED_ENTROPY_TEST(entropy, a_device_that_has_nothing_for_a_while)
{
    uint32_t budget;

    budget = machine.hal->wait_budget[VPT_WAIT_REQUEST];
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LATE, 2, 1, budget - 10u);
    read_bytes(64, VPT_OK, 64);
    cr_assert(machine.model->ticks >= budget - 10u);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LATE, 2, 1, budget + 10u);
    read_bytes(64, VPT_DEVICE_TIMEOUT, BATCH);
    assert_same(machine.model->status, 0);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    read_bytes(1, VPT_CANCELLED, 0);
    assert_status(vpt_driver_restart(&entropy.driver, NULL), VPT_OK);
    read_bytes(64, VPT_OK, 64);
}

/* Some answers in a row without a byte are lived with. */
STARTED_ENTROPY_TEST(entropy, a_device_at_its_end)
{
    entropy_model.options.most = 10;
    entropy_model.options.empty = VPT_ENTROPY_EMPTY_ANSWERS - 1u;
    read_bytes(25, VPT_OK, 25);
    assert_same(entropy_model.requests, VPT_ENTROPY_EMPTY_ANSWERS - 1u + 3u);
    entropy_model.options.empty = UINT32_MAX;
    read_bytes(25, VPT_DEVICE_IO_ERROR, 0);
    assert_same(entropy_model.requests, 2u * VPT_ENTROPY_EMPTY_ANSWERS - 1u + 3u);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    entropy_model.options.empty = 0;
    read_bytes(25, VPT_OK, 25); /* nothing has to be reset */
}

/* What goes wrong in the second request of a read: the first one's bytes are random all the same. */
TRANSPORT_TEST(entropy, a_read_that_fails_says_how_much_is_random)
{
    static const struct {
        enum mock_fault fault;
        enum vpt_status expected;
    } failures[] = {
        { MOCK_FAULT_COMPLETION_LOST, VPT_DEVICE_TIMEOUT },    { MOCK_FAULT_KICK_LOST, VPT_DEVICE_TIMEOUT },
        { MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET },    { MOCK_FAULT_USED_ID_RANGE, VPT_DEVICE_USED_ID },
        { MOCK_FAULT_USED_ID_FREE, VPT_DEVICE_USED_ID },       { MOCK_FAULT_USED_INDEX_AHEAD, VPT_DEVICE_USED_INDEX },
        { MOCK_FAULT_USED_INDEX_BACK, VPT_DEVICE_USED_INDEX },
    };

    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        start(variant->kind);
        mock_fault_set(&machine.model->faults, failures[i].fault, 2, 1, 0);
        read_bytes(64, failures[i].expected, BATCH);
        assert_same(mock_fault_fired(&machine.model->faults, failures[i].fault), 1);
        assert_same(machine.model->status, 0);
        assert_status(vpt_driver_restart(&entropy.driver, NULL), VPT_OK);
        read_bytes(100, VPT_OK, 100);
        end();
    }
}

STARTED_ENTROPY_TEST(entropy, what_the_port_cannot_do)
{
    mock_trigger_set(&machine.hal->fail_share, 2, 1);
    read_bytes(64, machine.hal->fail_share_status, BATCH);
    machine.port->unshare = NULL;
    read_bytes(64, VPT_UNSUPPORTED_PORT, 0);
}

/* ---- Bring-up ---- */

TRANSPORT_TEST(entropy, arguments_that_are_none_and_a_feature_that_is_missing)
{
    struct vpt_feature_choice choice = { .required = { { 1u << 5 } } };
    size_t filled = 7;

    probe(variant->kind);
    assert_status(vpt_entropy_init(&entropy, machine.device, &choice), VPT_UNSUPPORTED_FEATURE);
    cr_assert(all_zero(&entropy, sizeof(entropy)) && mock_hal_live_allocations(machine.hal) == 0);
    assert_status(vpt_entropy_open(&entropy, machine.device), VPT_OK);
    assert_status(vpt_entropy_read(NULL, room(0), 1, &filled), VPT_CALLER_ARGUMENT);
    assert_same(filled, 0);
    filled = 7;
    assert_status(vpt_entropy_read(&entropy, NULL, 1, &filled), VPT_CALLER_ARGUMENT);
    assert_same(filled, 0);
    read_bytes(9, VPT_OK, 9);
    end();
}

/* ---- The simulated device ---- */

/* It says more than it wrote: no driver can tell, but nothing outside the room is touched. And it notices RNG-OP-1. */
STARTED_ENTROPY_TEST(entropy, the_device_itself)
{
    static const uint32_t claimed[] = { 10, 1000 };
    struct vpt_segment segment;

    for (unsigned i = 0; i < COUNT_OF(claimed); i++) {
        entropy_model.options.claimed = claimed[i];
        submit(0);
        kick();
        assert_status(vpt_requests_poll(&entropy.requests, &completion), VPT_OK);
        assert_same(completion.length, i == 0 ? BATCH + 10 : ROOM);
        cr_assert(entropy_given(room(0), BATCH, i * BATCH) && all_zero(room(0) + BATCH, ROOM - BATCH));
    }
    segment = machine_segment(0, 8);
    assert_status(vpt_requests_submit(&entropy.requests, &segment, 1, 0, NULL), VPT_OK);
    kick();
    cr_assert(mock_violations_mention(&machine.hal->violations, "RNG-OP-1"));
    mock_violations_clear(&machine.hal->violations);
}
