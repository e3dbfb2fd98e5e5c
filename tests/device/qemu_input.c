/* SPDX-License-Identifier: MIT */
/* The input driver on QEMU's keyboard, mouse and tablet: what the monitor sends arrives, once and in order. */
#include "qemu_place.h"

#include <string.h>

TestSuite(device_input, .timeout = 60);

#define BUFFERS 64u
#define KEY_A   30u
#define KEY_B   48u
#define BUTTON  0x110u /* the left one */
#define WHEEL   8u     /* a relative axis */

static struct vpt_input input;

/* ---- The host ---- */

/* One report, of events in JSON. */
static void happen(const char *events)
{
    assert_status(
        vpt_qtest_qmp(fixture.qtest, "{'execute': 'input-send-event', 'arguments': {'events': [%s]}}", events), VPT_OK);
}

#define KEY(name, down)     "{'type': 'key', 'data': {'down': " down ", 'key': {'type': 'qcode', 'data': '" name "'}}}"
#define MOVE(type, x, y)    AXIS(type, "x", x) ", " AXIS(type, "y", y)
#define AXIS(type, axis, n) "{'type': '" type "', 'data': {'axis': '" axis "', 'value': " n "}}"
#define PUSH(button, down)  "{'type': 'btn', 'data': {'button': '" button "', 'down': " down "}}"

/* ---- The machine ---- */

/* False: the device has no such interface, and QEMU offers none behind PCI. */
static bool start(const struct place *place, const char *model)
{
    struct fixture_options options = { .image_size = 0 };

    if (place->transport == PCI_LEGACY) {
        return false;
    }
    place_start(place, model, "", &options);
    if (place_is_legacy(place)) {
        assert_status(vpt_input_open(&input, placed.device), VPT_UNSUPPORTED_FEATURE);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        place_finish();
        return false;
    }
    assert_status(vpt_input_open(&input, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    return true;
}

static void end(void)
{
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_input_drain(&input), VPT_OK);
    assert_status(vpt_driver_release(&input.driver), VPT_OK);
    place_finish();
}

static void expect(uint16_t type, uint16_t code, int value)
{
    struct vpt_input_event event = { 99, 99, 99 };

    assert_status(vpt_input_poll(&input, &event), VPT_OK);
    cr_assert(event.type == type && event.code == code && event.value == value, "%s: (%u, %u, %ld), not (%u, %u, %ld)",
              fixture.what, event.type, event.code, (long)event.value, type, code, (long)value);
}

/* The end of a report, behind which there is nothing. */
static void expect_end(void)
{
    struct vpt_input_event event;

    expect(VPT_INPUT_SYN, 0, 0);
    assert_status(vpt_input_poll(&input, &event), VPT_EMPTY);
}

static void assert_keys_come(void)
{
    for (unsigned i = 0; i < 50; i++) {
        happen(KEY("a", "true"));
        expect(VPT_INPUT_KEY, KEY_A, 1);
        expect_end();
        happen(KEY("a", "false") ", " KEY("b", "true") ", " KEY("b", "false"));
        expect(VPT_INPUT_KEY, KEY_A, 0);
        expect(VPT_INPUT_KEY, KEY_B, 1);
        expect(VPT_INPUT_KEY, KEY_B, 0);
        expect_end();
    }
}

static void assert_is(const char *name, uint16_t product)
{
    char text[VPT_INPUT_BYTES_MAX + 1u];
    struct vpt_input_ids ids;

    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text)), VPT_OK);
    cr_assert(strcmp(text, name) == 0, "%s: \"%s\"", fixture.what, text);
    assert_status(vpt_input_get_text(&input, VPT_INPUT_SERIAL, text, sizeof(text)), VPT_EMPTY);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_OK);
    assert_that(ids.bus == 6 && ids.vendor == 0x627 && ids.product == product);
}

/* Whether the device has a code of a type. */
static bool has(uint8_t type, uint32_t code)
{
    struct vpt_input_bits bits;
    enum vpt_status status = vpt_input_get_codes(&input, type, &bits);

    assert_that(status == VPT_OK || status == VPT_EMPTY);
    return vpt_input_has(&bits, code);
}

/* ---- Tests ---- */

PLACE_TEST(device_input, INPUT_OP_1_keys_come)
{
    struct vpt_input_bits bits;

    if (start(place, "virtio-keyboard")) {
        assert_is("QEMU Virtio Keyboard", 1);
        assert_that(has(VPT_INPUT_KEY, KEY_A) && has(VPT_INPUT_LED, 0));
        assert_that(!has(VPT_INPUT_REL, 0) && !has(VPT_INPUT_ABS, 0) && !has(VPT_INPUT_KEY, BUTTON));
        assert_status(vpt_input_get_codes(&input, VPT_INPUT_REP, &bits), VPT_OK); /* there is the type, but no code */
        assert_keys_come();
        end();
    }
}

PLACE_TEST(device_input, D_INPUT_7_a_mouse_moves_by_what_is_signed)
{
    if (start(place, "virtio-mouse")) {
        assert_is("QEMU Virtio Mouse", 2);
        assert_that(has(VPT_INPUT_REL, 0) && has(VPT_INPUT_REL, WHEEL) && has(VPT_INPUT_KEY, BUTTON));
        assert_that(!has(VPT_INPUT_ABS, 0));
        for (unsigned i = 0; i < 30; i++) {
            happen(MOVE("rel", "-5", "70000"));
            expect(VPT_INPUT_REL, 0, -5);
            expect(VPT_INPUT_REL, 1, 70000);
            expect_end();
            happen(PUSH("wheel-up", "true"));
            expect(VPT_INPUT_REL, WHEEL, 1);
            expect_end();
            happen(PUSH("wheel-down", "true"));
            expect(VPT_INPUT_REL, WHEEL, -1);
            expect_end();
            happen(PUSH("left", "true"));
            expect(VPT_INPUT_KEY, BUTTON, 1);
            expect_end();
            happen(PUSH("left", "false"));
            expect(VPT_INPUT_KEY, BUTTON, 0);
            expect_end();
        }
        end();
    }
}

PLACE_TEST(device_input, D_INPUT_6_a_tablet_has_ranges)
{
    struct vpt_input_axis axis;

    if (start(place, "virtio-tablet")) {
        assert_is("QEMU Virtio Tablet", 3);
        assert_that(has(VPT_INPUT_ABS, 0) && has(VPT_INPUT_ABS, 1) && has(VPT_INPUT_KEY, BUTTON));
        for (uint8_t code = 0; code < 2; code++) {
            assert_status(vpt_input_get_axis(&input, code, &axis), VPT_OK);
            assert_that(axis.minimum == 0 && axis.maximum == 0x7fff && axis.fuzz == 0 && axis.flat == 0);
        }
        assert_status(vpt_input_get_axis(&input, 2, &axis), VPT_EMPTY);
        for (unsigned i = 0; i < 30; i++) {
            happen(MOVE("abs", "1000", "32767"));
            expect(VPT_INPUT_ABS, 0, 1000);
            expect(VPT_INPUT_ABS, 1, 32767);
            expect_end();
        }
        end();
    }
}

/* As many reports as there are buffers for; the next one is lost as a whole, and the keyboard goes on. */
PLACE_TEST(device_input, D_INPUT_8_what_finds_no_buffer_is_lost)
{
    if (!start(place, "virtio-keyboard")) {
        return;
    }
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < BUFFERS / 2u + 1u; i++) {
            happen(i % 2u == 0 ? KEY("a", "true") : KEY("a", "false"));
        }
        for (unsigned i = 0; i < BUFFERS / 2u - 1u; i++) {
            expect(VPT_INPUT_KEY, KEY_A, i % 2u == 0 ? 1 : 0);
            expect(VPT_INPUT_SYN, 0, 0);
        }
        expect(VPT_INPUT_KEY, KEY_A, 0);
        expect_end();
        assert_keys_come();
    }
    end();
}

PLACE_TEST(device_input, keys_come_by_interrupt)
{
    struct vpt_input_event event;

    if (!start(place, "virtio-keyboard")) {
        return;
    }
    (void)vpt_device_interrupt(placed.device); /* of the bring-up */
    place_intercept();
    assert_status(vpt_input_poll(&input, &event), VPT_EMPTY);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

        happen(KEY("a", "true"));
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that((vpt_device_interrupt(placed.device) & VPT_INTERRUPT_QUEUE) != 0);
        expect(VPT_INPUT_KEY, KEY_A, 1);
        expect_end();
    }
    end();
}

/* More than the status queue has buffers for. */
PLACE_TEST(device_input, INPUT_OP_3_LEDs_are_taken)
{
    if (!start(place, "virtio-keyboard")) {
        return;
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_status(vpt_input_send(&input, VPT_INPUT_LED, (uint16_t)(i % 3u), i % 2u == 0 ? 1 : 0), VPT_OK);
        assert_status(vpt_requests_quiesce(&input.status, NULL, NULL), VPT_OK);
    }
    assert_keys_come();
    assert_that(place_status() != 0 && (place_status() & VPT_STATUS_DEVICE_NEEDS_RESET) == 0);
    end();
}

PLACE_TEST(device_input, a_restart_on_the_same_memory)
{
    struct vpt_input_event event;

    if (!start(place, "virtio-keyboard")) {
        return;
    }
    for (unsigned round = 0; round < 3; round++) {
        assert_keys_come();
        happen(KEY("a", "true")); /* nobody takes it */
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_driver_restart(&input.driver, NULL), VPT_CALLER_BUSY);
        expect(VPT_INPUT_KEY, KEY_A, 1);
        expect(VPT_INPUT_SYN, 0, 0);
        for (unsigned i = 0; i < BUFFERS; i++) {
            assert_status(vpt_input_poll(&input, &event), VPT_CANCELLED);
        }
        assert_status(vpt_input_poll(&input, &event), VPT_EMPTY);
        assert_status(vpt_input_drain(&input), VPT_OK);
        assert_status(vpt_driver_restart(&input.driver, NULL), VPT_OK);
        assert_is("QEMU Virtio Keyboard", 1);
    }
    end();
}
