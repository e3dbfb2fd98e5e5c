/* SPDX-License-Identifier: MIT */
/* The drivers printed in docs/drivers.md, on QEMU's 9P server and keyboard. */
#include "qemu_place.h"

#include "drivers_guide.h"

#include <string.h>

TestSuite(device_guide, .timeout = 60);

#define REQUESTS 6u
#define ROOM     256u /* bytes for a message, and for its reply */
#define PATIENCE 100u /* milliseconds */
#define SLOTS    8u

/* Messages of 9P2000.L. */
#define TGETATTR   24u
#define TVERSION   100u
#define TATTACH    104u
#define TCLUNK     120u
#define NOTAG      0xffffu
#define NO_ENTRY   2u   /* Linux's error number */
#define ATTRIBUTES 153u /* size of the TGETATTR reply's body; the qid is at 8 */

static const uint8_t version[] = "\x00\x20\x00\x00\x08\x00"
                                 "9P2000.L";
static const uint8_t attach[] = "\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00u\x00\x00\x00\x00\x00"; /* fid 1, with NUL */
static uint8_t fid[] = "\x01\x00\x00\x00\xff\x07\x00\x00\x00\x00\x00"; /* fid, and the mask of all basic attributes */

static struct p9 p9;
static struct vpt_memory data; /* message and reply buffer of each request */
static uint32_t back;          /* a bit for each token */

static uint32_t data_flags(void)
{
    return placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0;
}

static void start_machine(const struct place *place, const char *tag)
{
    struct fixture_options options = { .arguments = { "-fsdev", "synth,id=f0" } };
    char properties[80];

    (void)snprintf(properties, sizeof(properties), ",fsdev=f0,mount_tag=%s", tag);
    place_start(place, "virtio-9p", properties, &options);
}

static enum vpt_status call(uint8_t type, uint16_t tag, const uint8_t *body, size_t size, uint8_t *reply, size_t room,
                            uint32_t *length)
{
    uint8_t copy[64];

    memcpy(copy, body, size);
    return p9_call(&p9, type, tag, copy, size, reply, room, length);
}

/* Starts a session: negotiates the version, attaches fid 1 to the root of the share. */
static void assert_works(void)
{
    uint8_t reply[ROOM];
    uint32_t length = 0;

    assert_status(call(TVERSION, NOTAG, version, sizeof(version) - 1u, reply, sizeof(reply), &length), VPT_OK);
    assert_that(length == sizeof(version) - 1u && memcmp(reply, version, length) == 0);
    assert_status(call(TATTACH, 1, attach, sizeof(attach), reply, sizeof(reply), &length), VPT_OK);
    assert_that(length == 13 && reply[0] == 0x80); /* a directory's qid */
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
}

static void start(const struct place *place)
{
    struct vpt_requests_config config = { .requests = SLOTS, .segments = 4 };

    start_machine(place, "guide");
    assert_status(p9_init(&p9, placed.device, &config), VPT_OK);
    assert_status(vpt_driver_start(&p9.driver), VPT_OK);
    data = memory_of(REQUESTS * 2u * ROOM, data_flags());
    assert_works();
}

static void end(void)
{
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_driver_release(&p9.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &data, data_flags());
    place_finish();
}

static uint8_t *message_of(uintptr_t token)
{
    return (uint8_t *)data.address + token * 2u * ROOM;
}

/* Requests the attributes of the root. */
static void submit(uintptr_t from, uintptr_t to)
{
    for (uintptr_t token = from; token < to; token++) {
        uint64_t address = data.device_address + token * 2u * ROOM;
        struct vpt_segment segments[3] = { { address, 4 }, { address + 4u, 8 }, { address + ROOM, ROOM } };

        memcpy(message_of(token), fid, 12);
        memset(message_of(token) + ROOM, 0, ROOM);
        assert_status(p9_submit(&p9, TGETATTR, (uint16_t)(7u + token), 12, segments, 2, 1, (void *)token), VPT_OK);
    }
}

/* Takes the completed requests. */
static void take(enum vpt_status status)
{
    struct vpt_completion completion;
    enum vpt_status polled = vpt_requests_poll(&p9.requests, &completion);

    for (; polled == VPT_OK; polled = vpt_requests_poll(&p9.requests, &completion)) {
        uintptr_t token = (uintptr_t)completion.token;

        assert_that(token < REQUESTS && (back & 1u << token) == 0);
        assert_status(completion.status, status);
        if (status == VPT_OK) {
            assert_that(completion.length == P9_HEADER + ATTRIBUTES && message_of(token)[ROOM + 8u] == 0x80);
        }
        back |= 1u << token;
    }
    assert_status(polled, VPT_EMPTY);
}

PLACE_TEST(device_guide, messages_are_answered)
{
    uint8_t reply[ROOM];
    uint32_t length = 0;

    start(place);
    assert_that(strcmp(p9.tag.name, "guide") == 0);
    fid[0] = 9;
    assert_status(call(TCLUNK, 3, fid, 4, reply, sizeof(reply), &length), VPT_DEVICE_IO_ERROR);
    assert_that(length == 4 && reply[0] == NO_ENTRY);
    fid[0] = 1;
    assert_status(call(TCLUNK, 3, fid, 4, reply, sizeof(reply), &length), VPT_OK);
    assert_that(length == 0);
    assert_status(vpt_driver_release(&p9.driver), VPT_CALLER_STATE); /* the device owns the queue */
    end();
}

PLACE_TEST(device_guide, completions_come_by_interrupt)
{
    uint8_t reply[ROOM];
    uint32_t length = 0;

    start(place);
    (void)vpt_device_interrupt(placed.device); /* for earlier messages: the line falls */
    place_intercept();
    submit(0, REQUESTS);
    assert_status(call(TCLUNK, 3, fid, 4, reply, sizeof(reply), &length), VPT_CALLER_BUSY);
    assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
    for (uint32_t raises = 0; back != (1u << REQUESTS) - 1u; raises++) {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        (void)vpt_device_interrupt(placed.device);
        take(VPT_OK);
    }
    end();
}

static void submit_again(void *ctx, const struct vpt_completion *completion)
{
    uint32_t *left = ctx;
    uintptr_t token = (uintptr_t)completion->token;

    assert_status(completion->status, VPT_OK);
    if (*left != 0) {
        --*left;
        submit(token, token + 1u);
    }
}

PLACE_TEST(device_guide, replies_are_taken_in_the_interrupt_handler)
{
    uint32_t left = 4u * REQUESTS;
    uint32_t what = 0;
    uint32_t raises;

    start(place);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    raises = vpt_qtest_line_raises(fixture.qtest, place_line());
    submit(0, REQUESTS);
    assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
    for (; requests_in_flight(&p9.requests) != 0; raises++) {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_status(p9_interrupt(&p9, submit_again, &left, &what), VPT_EMPTY);
        assert_that(what == VPT_INTERRUPT_QUEUE);
        assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
    }
    assert_that(left == 0);
    assert_status(p9_interrupt(&p9, submit_again, &left, &what), VPT_EMPTY);
    assert_that(what == 0);
    end();
}

/*
 * QEMU's device stops at a reply that does not fit. It reports this by an interrupt, except behind a legacy interface.
 */
PLACE_TEST(device_guide, the_interrupt_handler_learns_that_the_device_has_failed)
{
    struct vpt_segment segments[2];
    uint32_t raises;
    uint32_t left = 0;
    uint32_t what = 0;

    start(place);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    raises = vpt_qtest_line_raises(fixture.qtest, place_line());
    segments[0] = (struct vpt_segment){ data.device_address, sizeof(version) - 1u };
    segments[1] = (struct vpt_segment){ data.device_address + ROOM, 1 };
    memcpy(message_of(0), version, sizeof(version) - 1u);
    assert_status(p9_submit(&p9, TVERSION, NOTAG, sizeof(version) - 1u, segments, 1, 1, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
    if (!place_is_legacy(place)) {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_status(p9_interrupt(&p9, submit_again, &left, &what), VPT_DEVICE_NEEDS_RESET);
        assert_that((what & VPT_INTERRUPT_CONFIGURATION) != 0 && requests_in_flight(&p9.requests) == 1);
    }
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    take(VPT_CANCELLED);
    assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
    assert_works();
    end();
}

PLACE_TEST(device_guide, a_reset_gives_back_what_is_in_flight_and_the_device_works_again)
{
    start(place);
    for (unsigned round = 0; round < 3; round++) {
        submit(0, REQUESTS); /* not kicked: the device does not see them */
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_CALLER_BUSY);
        back = 0;
        take(VPT_CANCELLED);
        assert_that(back == (1u << REQUESTS) - 1u);
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
        assert_works();
    }
    end();
}

/* QEMU's device stops at a reply that does not fit. */
PLACE_TEST(device_guide, a_device_that_gives_up_is_reset_and_works_again)
{
    enum vpt_status expected = place_is_legacy(place) ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_NEEDS_RESET;
    uint8_t reply[1];
    uint32_t length = 99;

    start(place);
    placed.patience = PATIENCE;
    placed.reset_before_unshare = true;
    assert_status(call(TVERSION, NOTAG, version, sizeof(version) - 1u, reply, sizeof(reply), &length), expected);
    assert_that(place_status() == 0 && length == 0 && vpt_qtest_counts(fixture.qtest).shares == 0);
    placed.patience = 0;
    placed.reset_before_unshare = false;
    assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
    assert_works();
    end();
}

/* All memory comes from the caller; the port cannot allocate. */
PLACE_TEST(device_guide, the_queue_lies_in_memory_that_was_handed_over)
{
    static _Alignas(8) uint8_t private_state[VPT_REQUESTS_PRIVATE_SIZE(SLOTS)];
    uint32_t alignment = place_is_legacy(place) ? VPT_QUEUE_LEGACY_RINGS_ALIGNMENT : VPT_QUEUE_RINGS_ALIGNMENT;
    struct vpt_requests_config config = { .requests = SLOTS, .segments = 4, .size = 128 };
    struct vpt_queue_memory *memory = &config.memory;

    start_machine(place, "guide");
    memory->rings = memory_of(VPT_QUEUE_RINGS_SIZE(128, alignment), data_flags());
    memory->indirect = memory_of(VPT_QUEUE_INDIRECT_SIZE(SLOTS, 4u + 2u), data_flags());
    memory->slots = memory_of(SLOTS * 16u, data_flags());
    memory->private_state = (struct vpt_memory){ private_state, 0, sizeof(private_state) };
    placed.port.dma_allocate = NULL;
    placed.port.dma_free = NULL;
    assert_status(p9_init(&p9, placed.device, &config), VPT_OK);
    assert_status(vpt_driver_start(&p9.driver), VPT_OK);
    assert_works();
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_driver_release(&p9.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &memory->rings, data_flags());
    fixture.port->dma_free(fixture.port->ctx, &memory->indirect, data_flags());
    fixture.port->dma_free(fixture.port->ctx, &memory->slots, data_flags());
    place_finish();
}

PLACE_TEST(device_guide, a_configuration_that_cannot_be_is_refused)
{
    start_machine(place, "sixteen_letters_");
    assert_status(p9_init(&p9, placed.device, NULL), VPT_DEVICE_CONFIG);
    assert_that((place_status() & VPT_STATUS_FAILED) != 0 && p9.tag.name[0] == '\0');
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    place_finish();
}

PLACE_TEST(device_guide, another_device_is_left_alone)
{
    struct fixture_options options = { .arguments = { "-object", "rng-builtin,id=r0" } };

    place_start(place, "virtio-rng", ",rng=r0", &options);
    assert_status(p9_init(&p9, placed.device, NULL), VPT_UNSUPPORTED_DEVICE);
    assert_that(place_status() == 0);
    place_finish();
}

/* ---- Receiving ---- */

static struct keyboard keyboard;

static void press(bool down)
{
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'input-send-event', 'arguments': {'events': [{'type': 'key', 'data': "
                                "{'down': %s, 'key': {'type': 'qcode', 'data': 'a'}}}]}}",
                                down ? "true" : "false"),
                  VPT_OK);
}

static void expect(uint16_t type, uint16_t code, uint32_t value)
{
    struct key_event event = { 99, 99, 99 };

    assert_status(keyboard_receive(&keyboard, &event), VPT_OK);
    assert_that(event.type == type && event.code == code && event.value == value);
}

/*
 * Receives more events than there are slots, so slots must be returned; also after a restart. QEMU's keyboard has no
 * legacy interface.
 */
PLACE_TEST(device_guide, a_keyboard_is_heard)
{
    struct fixture_options options = { .image_size = 0 };
    struct key_event event;

    if (place_is_legacy(place)) {
        return;
    }
    place_start(place, "virtio-keyboard", "", &options);
    assert_status(keyboard_init(&keyboard, placed.device), VPT_OK);
    assert_status(vpt_driver_start(&keyboard.driver), VPT_OK);
    for (unsigned i = 0; i < 100; i++) {
        press(i % 2 == 0);
        expect(1, 30, i % 2 == 0 ? 1 : 0);
        expect(0, 0, 0);
        assert_status(keyboard_receive(&keyboard, &event), VPT_EMPTY);
        if (i % 40 == 39) {
            assert_status(vpt_device_reset(placed.device), VPT_OK);
            while (keyboard_receive(&keyboard, &event) == VPT_CANCELLED) {
            }
            assert_status(vpt_driver_restart(&keyboard.driver, NULL), VPT_OK);
        }
    }
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    while (keyboard_receive(&keyboard, &event) == VPT_CANCELLED) {
    }
    assert_status(vpt_driver_release(&keyboard.driver), VPT_OK);
    place_finish();
}
