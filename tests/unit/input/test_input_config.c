/* SPDX-License-Identifier: MIT */
/* What an input device says of itself: selections, their sizes, and devices that say too much. */
#include <string.h>

#include "keyboard.h"

#define FILLED 0x5a

static struct vpt_input_bits bits;
static struct vpt_input_ids ids;
static struct vpt_input_axis axis;

static void assert_text(enum vpt_input_text which, size_t room, const char *expected)
{
    char text[200];

    memset(text, FILLED, sizeof(text));
    assert_status(vpt_input_get_text(&input, which, text, room), expected[0] != '\0' || room == 1 ? VPT_OK : VPT_EMPTY);
    cr_assert(strcmp(text, expected) == 0 && all_bytes(text + room, sizeof(text) - room, FILLED), "\"%s\"", text);
}

/* Another answer to a selection that has one. */
static void say_again(unsigned answer, const void *bytes, uint8_t size)
{
    input_model.answers[answer].size = size;
    memcpy(input_model.answers[answer].bytes, bytes, size < MOCK_INPUT_BYTES ? size : MOCK_INPUT_BYTES);
}

/* ---- What there is ---- */

STARTED_INPUT_TEST(input_config, D_INPUT_3_D_INPUT_5_each_selection_is_answered)
{
    uint32_t count = 0;

    assert_text(VPT_INPUT_NAME, 129, "Mock Keyboard");
    assert_text(VPT_INPUT_SERIAL, 129, "");
    assert_status(vpt_input_get_ids(&input, &ids), VPT_OK);
    cr_assert(ids.bus == 6 && ids.vendor == 0x627 && ids.product == 1 && ids.version == 0x1002);
    assert_status(vpt_input_get_properties(&input, &bits), VPT_OK);
    cr_assert(bits.bytes[0] == 3 && all_zero(bits.bytes + 1, sizeof(bits) - 1u));
    assert_status(vpt_input_get_codes(&input, VPT_INPUT_KEY, &bits), VPT_OK);
    for (uint32_t code = 0; code < 2000; code++) {
        count += vpt_input_has(&bits, code) ? 1u : 0u;
    }
    cr_assert(count == 2 && vpt_input_has(&bits, 30) && vpt_input_has(&bits, 48));
    cr_assert(!vpt_input_has(&bits, 8u * VPT_INPUT_BYTES_MAX + 30u));
    memset(&bits, FILLED, sizeof(bits));
    assert_status(vpt_input_get_codes(&input, VPT_INPUT_REL, &bits), VPT_EMPTY);
    cr_assert(all_zero(&bits, sizeof(bits)));
    assert_status(vpt_input_get_codes(&input, 0xff, &bits), VPT_EMPTY);
}

STARTED_INPUT_TEST(input_config, D_INPUT_6_the_range_of_an_axis)
{
    assert_status(vpt_input_get_axis(&input, 1, &axis), VPT_OK);
    cr_assert(axis.minimum == -2 && axis.maximum == 0x7fff && axis.fuzz == 4 && axis.flat == 5 && axis.resolution == 6);
    memset(&axis, FILLED, sizeof(axis));
    assert_status(vpt_input_get_axis(&input, 0, &axis), VPT_EMPTY);
    cr_assert(all_zero(&axis, sizeof(axis)));
}

/* Before the start, and while events come. */
INPUT_TEST(input_config, it_can_be_asked_at_any_time)
{
    input_probe(variant);
    assert_status(vpt_input_init(&input, machine.device, NULL), VPT_OK);
    assert_text(VPT_INPUT_NAME, 129, "Mock Keyboard");
    assert_status(vpt_input_open(&input, machine.device), VPT_OK);
    for (uint32_t i = 0; i < 5; i++) {
        input_report(i);
        assert_text(VPT_INPUT_NAME, 129, "Mock Keyboard");
        input_take(i);
    }
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_CALLER_STATE);
    assert_status(vpt_input_drain(&input), VPT_OK);
    assert_status(vpt_driver_restart(&input.driver, NULL), VPT_OK);
    assert_text(VPT_INPUT_NAME, 129, "Mock Keyboard");
    input_end();
}

/* ---- Sizes ---- */

INPUT_TEST(input_config, D_INPUT_4_a_text_ends_at_its_NUL_or_at_its_size)
{
    static uint8_t letters[255];

    memset(letters, 'x', sizeof(letters));
    input_start(variant);
    for (size_t room = 1; room < 16; room++) {
        char cut[16] = { 0 };

        memcpy(cut, "Mock Keyboard", room - 1u < 13u ? room - 1u : 13u);
        assert_text(VPT_INPUT_NAME, room, cut);
    }
    say_again(0, "abcdef", 3); /* no NUL */
    assert_text(VPT_INPUT_NAME, 129, "abc");
    assert_text(VPT_INPUT_NAME, 4, "abc");
    say_again(0, "ab\0def", 6);
    assert_text(VPT_INPUT_NAME, 129, "ab");
    /* A size above 128 is cut. */
    for (unsigned size = 127; size < 256; size = size < 130 ? size + 1u : size + 125u) {
        char expected[MOCK_INPUT_BYTES + 1u] = { 0 };

        say_again(0, letters, (uint8_t)size);
        memcpy(expected, letters, size < MOCK_INPUT_BYTES ? size : MOCK_INPUT_BYTES);
        assert_text(VPT_INPUT_NAME, 129, expected);
        assert_text(VPT_INPUT_NAME, 200, expected);
        expected[127] = '\0';
        assert_text(VPT_INPUT_NAME, 128, expected);
    }
    input_end();
}

/* What is cut off within a number is not there; what is more than there can be is not read. */
INPUT_TEST(input_config, sizes_that_are_odd)
{
    static uint8_t ones[255];

    memset(ones, 1, sizeof(ones));
    input_start(variant);
    for (unsigned size = 0; size < 256; size = size < 21 ? size + 1u : size + 18u) {
        uint16_t half[4] = { 0 };
        uint32_t word[5] = { 0 };

        for (unsigned i = 0; i < size; i++) {
            if (i % 2u == 1 && i < sizeof(half)) {
                half[i / 2u] = 0x0101;
            }
            if (i % 4u == 3 && i < sizeof(word)) {
                word[i / 4u] = 0x01010101;
            }
        }
        say_again(1, ones, (uint8_t)size);
        say_again(5, ones, (uint8_t)size);
        assert_status(vpt_input_get_ids(&input, &ids), size < 2 ? VPT_EMPTY : VPT_OK);
        cr_assert(ids.bus == half[0] && ids.vendor == half[1] && ids.product == half[2] && ids.version == half[3]);
        assert_status(vpt_input_get_axis(&input, 1, &axis), size < 4 ? VPT_EMPTY : VPT_OK);
        cr_assert((uint32_t)axis.minimum == word[0] && (uint32_t)axis.maximum == word[1] &&
                  (uint32_t)axis.fuzz == word[2] && (uint32_t)axis.flat == word[3] &&
                  (uint32_t)axis.resolution == word[4]);
        say_again(2, ones, (uint8_t)size);
        assert_status(vpt_input_get_properties(&input, &bits), size < 1 ? VPT_EMPTY : VPT_OK);
        for (unsigned i = 0; i < sizeof(bits); i++) {
            assert_same(bits.bytes[i], i < size ? 1 : 0);
        }
    }
    input_end();
}

/* ---- How it is asked ---- */

/* INPUT-INIT-2: the device would notice a write of something else, INPUT-INIT-3: and a read behind the size. */
STARTED_INPUT_TEST(input_config, INPUT_INIT_1_INPUT_INIT_2_INPUT_INIT_3_selectors_then_size_then_data)
{
    const struct mock_config *config;
    uint64_t writes;
    uint64_t reads;

    config = &machine.model->config;
    assert_same(config->writes, 0);
    writes = config->writes;
    assert_status(vpt_input_get_codes(&input, VPT_INPUT_ABS, &bits), VPT_OK);
    cr_assert(config->bytes[0] == MOCK_INPUT_CODES && config->bytes[1] == VPT_INPUT_ABS);
    assert_same(config->writes, writes + 2u);
    assert_status(vpt_input_get_axis(&input, 1, &axis), VPT_OK);
    cr_assert(config->bytes[0] == MOCK_INPUT_AXIS && config->bytes[1] == 1);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_OK);
    cr_assert(config->bytes[0] == MOCK_INPUT_IDS && config->bytes[1] == 0);
    assert_same(config->writes, writes + 6u);
    reads = config->reads;
    assert_status(vpt_input_get_axis(&input, 7, &axis), VPT_EMPTY);
    assert_same(config->reads, reads + 1u);
}

static void change_once(uint32_t first)
{
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, first, 1, 0);
}

/* It changes between any two reads: what is read is what was there before, or afterwards, with its size. */
INPUT_TEST(input_config, CONFIG_1_a_text_that_changes_is_of_one_moment)
{
    for (uint32_t first = 1; first <= 30; first++) {
        char text[32];
        char expected[32] = "Mock Keyboard";

        input_start(variant);
        change_once(first);
        assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text)), VPT_OK);
        if (first < 15) { /* else nothing is read any more that has changed */
            memset(expected, 'b', 13);
        }
        cr_assert(strcmp(text, expected) == 0, "at %u: \"%s\"", first, text);
        cr_assert((input_model.changes == 1) == (first <= 15));
        input_end();
    }
}

INPUT_TEST(input_config, a_device_that_is_not_well)
{
    char text[32];

    input_start(variant);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text)), VPT_DEVICE_CONFIG_UNSTABLE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    mock_device_needs_reset(machine.model);
    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text)), VPT_DEVICE_NEEDS_RESET);
    machine_pull_out();
    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text)), VPT_DEVICE_GONE);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_DEVICE_GONE);
    assert_status(vpt_input_drain(&input), VPT_OK);
    assert_status(vpt_driver_release(&input.driver), VPT_OK);
    machine_end();
}

/* One that goes while it is asked. */
INPUT_TEST(input_config, a_device_that_goes_meanwhile)
{
    for (uint32_t first = 1; first <= 20; first++) {
        const struct mock_lie lie = { .space = MOCK_SPACE_ANY, .how = MOCK_LIE_VANISH, .first = first, .times = 1 };
        char text[32];
        enum vpt_status status;

        input_start(variant);
        (void)mock_lie_set(&machine.model->lies, &lie);
        status = vpt_input_get_text(&input, VPT_INPUT_NAME, text, sizeof(text));
        assert_same(machine.model->lies.fired, status == VPT_DEVICE_GONE ? 1 : 0);
        cr_assert(status == VPT_DEVICE_GONE || (first > 18 && status == VPT_OK), "%u: %s", first,
                  vpt_status_str(status));
        mock_lies_clear(machine.model);
        if (status == VPT_OK) {
            input_end();
        } else {
            assert_status(vpt_input_drain(&input), VPT_OK);
            assert_status(vpt_driver_release(&input.driver), VPT_OK);
            machine_end();
        }
    }
}

STARTED_INPUT_TEST(input_config, a_configuration_that_is_too_short)
{
    static const struct {
        size_t size;
        enum vpt_status status;
    } rows[] = {
        { 0, VPT_DEVICE_CONFIG },  { 1, VPT_DEVICE_CONFIG }, { 2, VPT_DEVICE_CONFIG }, { 8, VPT_DEVICE_CONFIG },
        { 15, VPT_DEVICE_CONFIG }, { 16, VPT_OK },           { 21, VPT_OK },           { 136, VPT_OK }
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        machine.device->config_size = rows[i].size;
        assert_status(vpt_input_get_ids(&input, &ids), rows[i].status);
    }
    machine.device->config_size = 3; /* enough for what there is not */
    assert_status(vpt_input_get_axis(&input, 0, &axis), VPT_EMPTY);
}

Test(input_config, SUSPEND_5_nothing_is_asked_while_suspended)
{
    input_probe(&ring_usual);
    machine_offer(VPT_F_SUSPEND, true);
    assert_status(vpt_input_open(&input, machine.device), VPT_OK);
    assert_status(vpt_device_suspend(machine.device), VPT_OK);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(machine.device), VPT_OK);
    assert_status(vpt_input_get_ids(&input, &ids), VPT_OK);
    assert_input_works();
    input_end();
}

STARTED_INPUT_TEST(input_config, arguments_that_are_none)
{
    struct vpt_input zeroed = { .driver.device = NULL };
    char text[8] = "";

    assert_status(vpt_input_get_text(NULL, VPT_INPUT_NAME, text, sizeof(text)), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_text(&zeroed, VPT_INPUT_NAME, text, sizeof(text)), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, NULL, sizeof(text)), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_text(&input, VPT_INPUT_NAME, text, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_ids(NULL, &ids), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_ids(&zeroed, &ids), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_ids(&input, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_properties(&input, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_codes(&input, VPT_INPUT_KEY, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_input_get_axis(&input, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_same(machine.model->config.writes, 0);
}

/* ---- The simulated device ---- */

Test(input_config, the_device_itself)
{
    struct vpt_segment segment;

    input_start(&ring_usual);
    assert_status(vpt_device_config_write(machine.device, 2, 1, 0), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "read-only"));
    mock_violations_clear(&machine.hal->violations);
    segment = machine_segment(0, 7);
    assert_status(vpt_requests_submit(&input.status, &segment, 1, 0, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&input.status), VPT_OK);
    cr_assert(mock_violations_mention(&machine.hal->violations, "INPUT-OP-3"));
    mock_violations_clear(&machine.hal->violations);
    input_end();
}
