/* SPDX-License-Identifier: MIT */
/* What the device says of its displays, their changes, and cursors. */
#include <string.h>

#include "screen.h"

#define FILLED 0x5a

static struct vpt_gpu_display display;

/* ---- Displays ---- */

STARTED_GPU_TEST(gpu_display, GPU_INIT_1_D_GPU_5_sizes_of_displays)
{
    assert_same(gpu.scanouts, 2);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_OK);
    cr_assert(display.enabled && display.rectangle.x == 0 && display.rectangle.y == 0 &&
              display.rectangle.width == 1024 && display.rectangle.height == 768);
    assert_status(vpt_gpu_get_display(&gpu, 1, &display), VPT_EMPTY);
    cr_assert(!display.enabled && display.rectangle.x == 1024 && display.rectangle.y == 10 &&
              display.rectangle.width == 640 && display.rectangle.height == 480);
    assert_status(vpt_gpu_get_display(&gpu, 2, &display), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_get_display(&gpu, 0xffffffffu, &display), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_get_display(&gpu, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_get_display(NULL, 0, &display), VPT_CALLER_ARGUMENT);
}

/* More displays than there are records for, and none. */
Test(gpu_display, D_GPU_2_numbers_of_displays)
{
    static const uint32_t numbers[] = { 0, 1, 16, 17, 0xffffffffu };

    for (unsigned i = 0; i < COUNT_OF(numbers); i++) {
        uint32_t least = numbers[i] < 16u ? numbers[i] : 16u;

        gpu_probe(&ring_usual);
        mock_config_set(&machine.model->config, MOCK_GPU_NUM_SCANOUTS, 4, numbers[i]);
        gpu_model.options.scanouts = numbers[i];
        for (unsigned n = 0; n < MOCK_GPU_SCANOUTS; n++) {
            gpu_model.options.enabled[n] = true;
            gpu_model.options.size[n].width = 100u + n;
        }
        assert_status(vpt_gpu_open(&gpu, machine.device), VPT_OK);
        assert_same(gpu.scanouts, least);
        for (uint32_t n = 0; n < least; n++) {
            assert_status(vpt_gpu_get_display(&gpu, n, &display), VPT_OK);
            assert_same(display.rectangle.width, 100u + n);
        }
        assert_status(vpt_gpu_get_display(&gpu, least, &display), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_set_scanout(&gpu, least, NULL, NULL), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_move_cursor(&gpu, least, 1, 1), VPT_CALLER_RANGE);
        gpu_end();
    }
}

/* What is not written is 0, whatever was in the slot: QEMU's device cuts an answer without a word. */
STARTED_GPU_TEST(gpu_display, D_GPU_5_an_answer_that_is_cut)
{
    gpu_model.options.enabled[1] = true;
    for (unsigned i = 0; i < 2u * GPU_COMMANDS; i++) {
        gpu_model.options.answer_most = 0;
        assert_status(vpt_gpu_get_display(&gpu, 1, &display), VPT_OK);
        gpu_model.options.answer_most = 24 + 24;
        assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_OK);
        assert_status(vpt_gpu_get_display(&gpu, 1, &display), VPT_EMPTY);
        assert_same(display.rectangle.width, 0);
    }
    gpu_model.options.answer_most = 24;
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_EMPTY);
}

/* ---- EDID ---- */

STARTED_GPU_TEST(gpu_display, GPU_INIT_2_D_GPU_6_the_EDID_of_a_display)
{
    static const uint32_t sizes[] = { 1, 128, 256, 1023, 1024, 1025, 0xffffffffu };
    uint8_t edid[VPT_GPU_EDID_MAX + 8u];
    uint32_t size;

    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        uint32_t least = sizes[i] < VPT_GPU_EDID_MAX ? sizes[i] : VPT_GPU_EDID_MAX;

        gpu_model.options.edid_size = sizes[i];
        for (uint32_t n = 0; n < 2; n++) {
            memset(edid, FILLED, sizeof(edid));
            assert_status(vpt_gpu_get_edid(&gpu, n, edid, sizeof(edid), &size), VPT_OK);
            assert_same(size, least);
            cr_assert(edid[0] == 1u + n && memcmp(edid + 1, gpu_model.options.edid + 1, least - 1u) == 0);
            cr_assert(all_bytes(edid + least, sizeof(edid) - least, FILLED));
        }
    }
    memset(edid, FILLED, sizeof(edid));
    assert_status(vpt_gpu_get_edid(&gpu, 0, edid, 100, &size), VPT_OK);
    cr_assert(size == 100 && edid[99] == gpu_model.options.edid[99] && edid[100] == FILLED);
    assert_status(vpt_gpu_get_edid(&gpu, 0, NULL, 0, &size), VPT_OK);
    assert_same(size, 0);
    gpu_model.options.edid_size = 0;
    size = 9;
    assert_status(vpt_gpu_get_edid(&gpu, 0, edid, sizeof(edid), &size), VPT_EMPTY);
    assert_same(size, 0);
    assert_status(vpt_gpu_get_edid(&gpu, 2, edid, sizeof(edid), &size), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_get_edid(&gpu, 0, NULL, 1, &size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_get_edid(&gpu, 0, edid, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_get_edid(NULL, 0, edid, 1, &size), VPT_CALLER_ARGUMENT);
}

GPU_TEST(gpu_display, GPU_INIT_2_without_the_feature_there_is_no_EDID)
{
    static const struct vpt_feature_choice refused = { .refused = { { 1u << VPT_GPU_F_EDID } } };
    uint8_t edid[4];
    uint32_t size = 7;

    gpu_probe(variant);
    assert_status(vpt_gpu_init(&gpu, machine.device, &refused), VPT_OK);
    assert_status(vpt_gpu_queue_init(&gpu, 0, NULL), VPT_OK);
    assert_status(vpt_driver_start(&gpu.driver), VPT_OK);
    assert_status(vpt_gpu_get_edid(&gpu, 0, edid, sizeof(edid), &size), VPT_UNSUPPORTED_FEATURE);
    assert_same(size, 0);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_OK);
    gpu_end();
}

/* ---- Changes ---- */

STARTED_GPU_TEST(gpu_display, OUT_GPU_1_OUT_GPU_2_changes_are_seen_once)
{
    const struct mock_config *config;
    bool changed = true;

    config = &machine.model->config;
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
    cr_assert(!changed && config->writes == 0);
    for (uint32_t i = 1; i < 4; i++) {
        mock_gpu_change(&gpu_model, 1, 100u * i, 60u * i, i % 2u != 0);
        cr_assert((vpt_device_interrupt(machine.device) & VPT_INTERRUPT_CONFIGURATION) != 0);
        assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
        cr_assert(changed);
        assert_same(mock_config_get(config, MOCK_GPU_EVENTS_READ, 4), 0);
        assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
        cr_assert(!changed && config->writes == i);
        assert_status(vpt_gpu_get_display(&gpu, 1, &display), i % 2u != 0 ? VPT_OK : VPT_EMPTY);
        assert_same(display.rectangle.height, 60u * i);
    }
}

/* Events that the driver does not know are left for those that do. */
PLAIN_GPU_TEST(gpu_display, OUT_GPU_1_other_events_are_left_alone)
{
    bool changed = true;

    mock_config_set(&machine.model->config, MOCK_GPU_EVENTS_READ, 4, 0xfffffffeu);
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
    cr_assert(!changed && machine.model->config.writes == 0);
    mock_config_set(&machine.model->config, MOCK_GPU_EVENTS_READ, 4, 0xffffffu);
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
    cr_assert(changed);
    assert_same(mock_config_get(&machine.model->config, MOCK_GPU_EVENTS_READ, 4), 0xfffffeu);
    assert_status(vpt_gpu_take_events(NULL, &changed), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_take_events(&gpu, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_take_events(&(struct vpt_gpu){ .scanouts = 1 }, &changed), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    changed = true;
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_CALLER_STATE);
    cr_assert(!changed);
}

/* ---- Cursors ---- */

static struct vpt_gpu_resource shape;

static void make_shape(void)
{
    assert_status(vpt_gpu_create(&gpu, &shape, VPT_GPU_BGRA, VPT_GPU_CURSOR_SIZE, VPT_GPU_CURSOR_SIZE), VPT_OK);
}

STARTED_GPU_TEST(gpu_display, D_GPU_13_D_GPU_14_cursors_come_and_move)
{
    const struct mock_gpu_cursor *cursors = gpu_model.cursors;

    make_shape();
    for (uint32_t i = 0; i < 3u * GPU_COMMANDS; i++) {
        uint32_t n = i % 2u;

        assert_status(vpt_gpu_update_cursor(&gpu, n, &shape, 10u + i, 20u + i, i, 63u - i), VPT_OK);
        cr_assert(cursors[n].resource == shape.id && cursors[n].x == 10u + i && cursors[n].y == 20u + i &&
                  cursors[n].hot_x == i && cursors[n].hot_y == 63u - i);
        assert_status(vpt_gpu_move_cursor(&gpu, n, 0xfffffff0u, i), VPT_OK);
        cr_assert(cursors[n].x == 0xfffffff0u && cursors[n].y == i && cursors[n].resource == shape.id);
        assert_same(cursors[n].moves, i / 2u + 1u);
    }
    assert_status(vpt_gpu_update_cursor(&gpu, 0, NULL, 1, 2, 0, 0), VPT_OK);
    cr_assert(cursors[0].resource == 0 && cursors[1].resource == shape.id);
}

STARTED_GPU_TEST(gpu_display, OUT_GPU_3_cursors_that_will_not_do)
{
    make_shape();
    assert_status(vpt_gpu_update_cursor(&gpu, 0, &shape, 0, 0, 64, 0), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_update_cursor(&gpu, 0, &shape, 0, 0, 0, 64), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_update_cursor(&gpu, 2, &shape, 0, 0, 0, 0), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_update_cursor(&gpu, 2, NULL, 0, 0, 0, 0), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_move_cursor(&gpu, 2, 0, 0), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_move_cursor(NULL, 0, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_update_cursor(NULL, 0, NULL, 0, 0, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRA, 64, 63), VPT_OK);
    assert_status(vpt_gpu_update_cursor(&gpu, 0, &picture, 0, 0, 0, 0), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRA, 65, 64), VPT_OK);
    assert_status(vpt_gpu_update_cursor(&gpu, 0, &picture, 0, 0, 0, 0), VPT_CALLER_RANGE);
    cr_assert(gpu_model.cursors[0].updates == 0 && gpu_model.cursors[0].moves == 0);
}

/* The device takes its time: what does not fit is the caller's to try again; commands go on. */
STARTED_GPU_TEST(gpu_display, D_GPU_14_a_device_that_takes_no_cursors)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (uint32_t i = 0; i < GPU_COMMANDS; i++) {
        assert_status(vpt_gpu_move_cursor(&gpu, 0, i, i), VPT_OK);
    }
    assert_status(vpt_gpu_move_cursor(&gpu, 0, 99, 99), VPT_RESOURCE_FULL);
    assert_same(gpu_model.cursors[0].moves, 0);
    (void)mock_device_run(machine.model, 3);
    assert_status(vpt_gpu_move_cursor(&gpu, 0, 7, 8), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    assert_status(vpt_requests_quiesce(&gpu.cursor, NULL, NULL), VPT_OK);
    assert_same(gpu_model.cursors[0].moves, GPU_COMMANDS + 1u);
    cr_assert(gpu_model.cursors[0].x == 7 && gpu_model.cursors[0].y == 8);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    assert_gpu_works();
}
