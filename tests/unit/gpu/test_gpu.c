/* SPDX-License-Identifier: MIT */
/* Pictures: their memory, transfers and flushes, what the driver refuses, and what a device answers. */
#include <string.h>

#include "screen.h"

#define WIDTH  50u
#define HEIGHT 20u

static const struct vpt_gpu_rectangle whole = { 0, 0, WIDTH, HEIGHT };

static void draw(const struct vpt_gpu_rectangle *part)
{
    assert_status(vpt_gpu_transfer(&picture, part), VPT_OK);
    assert_status(vpt_gpu_flush(&picture, part), VPT_OK);
}

/* ---- Drawing ---- */

/*
 * D-GPU-10, GPU-FENCE-1: the device would notice a transfer from elsewhere, and a fence that is not new. What is
 * outside a rectangle stays as it was.
 */
STARTED_GPU_TEST(gpu, GPU_FENCE_1_D_GPU_10_D_GPU_12_what_has_changed_is_shown)
{
    static const uint32_t counts[] = { 1, 2, 7, 64, 65, 333, 1000 };

    for (unsigned i = 0; i < COUNT_OF(counts); i++) {
        gpu_show(WIDTH, HEIGHT, counts[i]);
        gpu_paint(1);
        draw(&whole);
        for (uint32_t n = 0; n < 20; n++) {
            const uint32_t x = n * 7u % WIDTH;
            const uint32_t y = n * 3u % HEIGHT;
            const struct vpt_gpu_rectangle part =
                gpu_part(x, y, 1u + n * 11u % (WIDTH - x), 1u + n * 5u % (HEIGHT - y));

            gpu_paint(2);
            draw(&part);
            cr_assert(gpu_shown(2, part));
            cr_assert(part.width == WIDTH || !gpu_shown(2, gpu_part(0, y, WIDTH, 1)));
            cr_assert(part.height == HEIGHT || !gpu_shown(2, gpu_part(x, 0, 1, HEIGHT)));
            gpu_paint(1);
            draw(&part);
            cr_assert(gpu_shown(1, whole));
        }
        assert_status(vpt_gpu_unref(&picture), VPT_OK);
    }
}

/* Two displays show parts of one picture; one goes off. */
STARTED_GPU_TEST(gpu, D_GPU_7_D_GPU_9_displays_show_parts)
{
    const struct vpt_gpu_rectangle left = gpu_part(0, 0, 20, HEIGHT);
    const struct vpt_gpu_rectangle right = gpu_part(20, 4, 30, 16);
    const struct mock_gpu_scanout *shown = gpu_model.scanouts;

    gpu_show(WIDTH, HEIGHT, 9);
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &left), VPT_OK);
    assert_status(vpt_gpu_set_scanout(&gpu, 1, &picture, &right), VPT_OK);
    gpu_paint(5);
    draw(&whole);
    cr_assert(gpu_shown(5, left));
    cr_assert(shown[1].shown[0] == gpu_color(5, 20, 4) && shown[1].shown[30u * 16u - 1u] == gpu_color(5, 49, 19));
    assert_same(shown[1].flushes, 1);
    assert_status(vpt_gpu_set_scanout(&gpu, 1, NULL, NULL), VPT_OK);
    cr_assert(shown[1].resource == 0 && shown[0].resource == picture.id);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
    assert_same(shown[0].resource, 0);
}

/* ---- Memory of pictures ---- */

static struct vpt_memory list_at(size_t offset, size_t size)
{
    return (struct vpt_memory){ machine_bytes(GPU_LISTS + offset), machine_segment(GPU_LISTS + offset, 1).address,
                                size };
}

/* Whether the device has the pieces in their order. */
static void assert_has(const struct vpt_segment *pieces, uint32_t count)
{
    const struct mock_gpu_resource *resource = mock_gpu_find(&gpu_model, picture.id);

    assert_same(resource->piece_count, count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(resource->pieces[i].address == pieces[i].address && resource->pieces[i].length == pieces[i].length);
    }
}

/* The list is in one memory, or in parts that do not touch; what is left of them is not used. */
STARTED_GPU_TEST(gpu, D_GPU_11_a_list_is_in_as_many_parts_as_there_are)
{
    const struct vpt_segment *pieces;

    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_RGBX, WIDTH, HEIGHT), VPT_OK);
    assert_same(mock_gpu_find(&gpu_model, picture.id)->format, 134);
    for (uint32_t parts = 0; parts <= VPT_GPU_LISTS_MAX; parts++) {
        struct vpt_memory lists[VPT_GPU_LISTS_MAX];
        uint32_t count = parts == 0 ? VPT_GPU_PIECES_IN_SLOT : 30u * parts + 1u;

        count = parts == VPT_GPU_LISTS_MAX ? 30u * parts : count;
        pieces = gpu_pieces(WIDTH * HEIGHT * 4u, count);
        for (uint32_t i = 0; i < parts; i++) {
            lists[i] = list_at((size_t)i * 0x400u, (i % 2u == 0 ? 31u : 30u) * VPT_GPU_PIECE_SIZE + 15u);
            memset(lists[i].address, 0x5a, 0x400);
        }
        assert_status(vpt_gpu_attach(&picture, pieces, count, parts != 0 ? lists : NULL, parts), VPT_OK);
        assert_has(pieces, count);
        for (uint32_t i = 0; i < parts; i++) {
            size_t used = lists[i].size - 15u;

            cr_assert(all_bytes((uint8_t *)lists[i].address + used, 0x400 - used, 0x5a));
        }
        cr_assert(gpu_model.last_lists >= 1 && gpu_model.last_lists <= (parts != 0 ? parts : 1u));
        assert_status(vpt_gpu_detach(&picture), VPT_OK);
        cr_assert(!picture.attached && !mock_gpu_find(&gpu_model, picture.id)->backed);
    }
}

STARTED_GPU_TEST(gpu, D_GPU_11_lists_and_pieces_that_will_not_do)
{
    struct vpt_memory lists[VPT_GPU_LISTS_MAX + 1u];
    const struct vpt_segment *pieces;
    struct vpt_segment piece;

    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(lists); i++) {
        lists[i] = list_at(i * 0x100u, VPT_GPU_PIECE_SIZE);
    }
    pieces = gpu_pieces(WIDTH * HEIGHT * 4u, VPT_GPU_PIECES_IN_SLOT + 1u);
    assert_status(vpt_gpu_attach(&picture, pieces, VPT_GPU_PIECES_IN_SLOT + 1u, NULL, 0), VPT_CALLER_MEMORY);
    assert_status(vpt_gpu_attach(&picture, pieces, VPT_GPU_PIECES_IN_SLOT + 1u, lists, 3), VPT_CALLER_MEMORY);
    assert_status(vpt_gpu_attach(&picture, pieces, VPT_GPU_PIECES_IN_SLOT + 1u, NULL, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_attach(&picture, pieces, VPT_GPU_PIECES_IN_SLOT, NULL, 0), VPT_CALLER_MEMORY);
    pieces = gpu_pieces(WIDTH * HEIGHT * 4u, 15);
    assert_status(vpt_gpu_attach(&picture, pieces, 15, lists, VPT_GPU_LISTS_MAX + 1u), VPT_CALLER_TOO_LONG);
    assert_status(vpt_gpu_attach(&picture, pieces, 14, lists, VPT_GPU_LISTS_MAX), VPT_CALLER_MEMORY);
    assert_status(vpt_gpu_attach(&picture, NULL, 15, NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_attach(&picture, pieces, 0, NULL, 0), VPT_CALLER_MEMORY);
    lists[1].size = VPT_GPU_PIECE_SIZE - 1u;
    assert_status(vpt_gpu_attach(&picture, pieces, 15, lists, VPT_GPU_LISTS_MAX), VPT_CALLER_MEMORY);
    lists[0] = list_at(4, 0x1000);
    assert_status(vpt_gpu_attach(&picture, pieces, 15, lists, 1), VPT_CALLER_MEMORY);
    piece = machine_segment(0, WIDTH * HEIGHT * 4u - 1u);
    assert_status(vpt_gpu_attach(&picture, &piece, 1, NULL, 0), VPT_CALLER_MEMORY);
    piece.length = 0;
    assert_status(vpt_gpu_attach(&picture, &piece, 1, NULL, 0), VPT_CALLER_ARGUMENT);
    cr_assert(!picture.attached && gpu_model.commands == 1);
    piece.length = WIDTH * HEIGHT * 4u;
    assert_status(vpt_gpu_attach(&picture, &piece, 1, NULL, 0), VPT_OK);
    assert_status(vpt_gpu_attach(&picture, &piece, 1, NULL, 0), VPT_CALLER_STATE);
}

/* A queue of few segments has room for as many lists less. */
GPU_TEST(gpu, D_GPU_11_a_queue_of_few_segments)
{
    const struct vpt_requests_config config = { .segments = 3 };
    struct vpt_memory lists[2];

    gpu_probe(variant);
    assert_status(vpt_gpu_init(&gpu, machine.device, NULL), VPT_OK);
    assert_status(vpt_gpu_queue_init(&gpu, 0, &config), VPT_OK);
    assert_status(vpt_driver_start(&gpu.driver), VPT_OK);
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
    lists[0] = list_at(0, 16u * VPT_GPU_PIECE_SIZE);
    lists[1] = list_at(0x1000, 16u * VPT_GPU_PIECE_SIZE);
    assert_status(vpt_gpu_attach(&picture, gpu_pieces(WIDTH * HEIGHT * 4u, 17), 17, lists, 2), VPT_CALLER_TOO_LONG);
    cr_assert(!picture.attached);
    assert_status(vpt_gpu_attach(&picture, gpu_pieces(WIDTH * HEIGHT * 4u, 16), 16, lists, 2), VPT_OK);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
    assert_status(vpt_gpu_move_cursor(&gpu, 0, 0, 0), VPT_CALLER_STATE); /* there is no queue for it */
    gpu_show(WIDTH, HEIGHT, 40);
    gpu_paint(3);
    draw(&whole);
    cr_assert(gpu_shown(3, whole));
    gpu_end();
}

/* ---- What is refused ---- */

/* Width times height times 4 must be less than 4 GiB; it must not be taken modulo that. */
STARTED_GPU_TEST(gpu, D_GPU_7_sizes_of_pictures)
{
    static const struct {
        uint32_t width, height;
        enum vpt_status status;
    } rows[] = {
        { 0, 1, VPT_CALLER_RANGE },
        { 1, 0, VPT_CALLER_RANGE },
        { 0, 0, VPT_CALLER_RANGE },
        { 0x40000000, 1, VPT_CALLER_RANGE },
        { 1, 0x40000000, VPT_CALLER_RANGE },
        { 0x10000, 0x10000, VPT_CALLER_RANGE },
        { 0x10001, 0xffff, VPT_CALLER_RANGE },
        { 0xffffffff, 0xffffffff, VPT_CALLER_RANGE },
        { 0x80000000, 2, VPT_CALLER_RANGE },
        { 0x8000, 0x8000, VPT_CALLER_RANGE },
        { 0x3fffffff, 1, VPT_OK },
        { 1, 0x3fffffff, VPT_OK },
        { 0x7fff, 0x8000, VPT_OK },
        { 1, 1, VPT_OK },
    };
    uint32_t last = 0;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        memset(&picture, 0x77, sizeof(picture));
        assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRA, rows[i].width, rows[i].height), rows[i].status);
        if (rows[i].status != VPT_OK) {
            cr_assert(all_zero(&picture, sizeof(picture)));
            continue;
        }
        cr_assert(picture.id != 0 && picture.id != last && picture.width == rows[i].width &&
                  picture.height == rows[i].height && !picture.attached);
        last = picture.id;
        assert_status(vpt_gpu_unref(&picture), VPT_OK);
    }
    assert_status(vpt_gpu_create(NULL, &picture, VPT_GPU_BGRA, 1, 1), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_create(&gpu, NULL, VPT_GPU_BGRA, 1, 1), VPT_CALLER_ARGUMENT);
}

/* The last pixels of a picture of almost 4 GiB: the offset is not cut. */
PLAIN_GPU_TEST(gpu, D_GPU_10_an_offset_near_its_end)
{
    const struct vpt_gpu_rectangle last = gpu_part(0x7ffe, 0x7fff, 1, 1);
    struct vpt_segment pieces[2] = { machine_segment(0, 0), machine_segment(0, 0) };

    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRA, 0x7fff, 0x8000), VPT_OK);
    pieces[0] = (struct vpt_segment){ 0x1000, 0xffffffffu };
    assert_status(vpt_gpu_attach(&picture, pieces, 1, NULL, 0), VPT_OK);
    assert_status(vpt_gpu_transfer(&picture, &last), VPT_OK);
    assert_same(mock_gpu_find(&gpu_model, picture.id)->piece_count, 1);
}

STARTED_GPU_TEST(gpu, D_GPU_9_rectangles_that_are_not_within)
{
    static const struct vpt_gpu_rectangle wrong[] = {
        { 0, 0, 0, 1 },          { 0, 0, 1, 0 },          { 0, 0, WIDTH + 1u, 1 }, { 0, 0, 1, HEIGHT + 1u },
        { WIDTH, 0, 1, 1 },      { 0, HEIGHT, 1, 1 },     { WIDTH - 1u, 0, 2, 1 }, { 0, HEIGHT - 1u, 1, 2 },
        { 0xffffffff, 0, 2, 1 }, { 0, 0xffffffff, 1, 2 }, { 1, 0, 0xffffffff, 1 }, { 0, 1, 1, 0xffffffff },
        { 1, 0, WIDTH, 1 },      { 0, 1, 1, HEIGHT },     { 0x80000000, 0, 1, 1 }, { 0, 0x80000000, 1, 1 },
    };
    static const struct vpt_gpu_rectangle corner = { WIDTH - 1u, HEIGHT - 1u, 1, 1 };
    uint64_t commands;

    gpu_show(WIDTH, HEIGHT, 3);
    commands = gpu_model.commands;
    for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(vpt_gpu_transfer(&picture, &wrong[i]), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_flush(&picture, &wrong[i]), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_submit_transfer(&picture, &wrong[i], NULL), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_submit_flush(&picture, &wrong[i], NULL), VPT_CALLER_RANGE);
        assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &wrong[i]), VPT_CALLER_RANGE);
    }
    assert_status(vpt_gpu_set_scanout(&gpu, 2, &picture, &corner), VPT_CALLER_RANGE);
    assert_status(vpt_gpu_set_scanout(&gpu, 2, NULL, NULL), VPT_CALLER_RANGE);
    assert_same(gpu_model.commands, commands);
    draw(&corner);
    assert_status(vpt_gpu_set_scanout(&gpu, 1, &picture, &corner), VPT_OK);
}

STARTED_GPU_TEST(gpu, D_GPU_11_pictures_in_the_wrong_state)
{
    struct vpt_gpu_resource none = { .gpu = NULL };
    struct vpt_gpu other = { .scanouts = 1 };
    uint64_t commands;

    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
    commands = gpu_model.commands;
    assert_status(vpt_gpu_transfer(&picture, &whole), VPT_CALLER_STATE);
    assert_status(vpt_gpu_submit_transfer(&picture, &whole, NULL), VPT_CALLER_STATE);
    assert_status(vpt_gpu_detach(&picture), VPT_CALLER_STATE);
    assert_status(vpt_gpu_transfer(&none, &whole), VPT_CALLER_STATE);
    assert_status(vpt_gpu_flush(&none, &whole), VPT_CALLER_STATE);
    assert_status(vpt_gpu_unref(&none), VPT_CALLER_STATE);
    assert_status(vpt_gpu_detach(&none), VPT_CALLER_STATE);
    assert_status(vpt_gpu_attach(&none, gpu_pieces(8, 1), 1, NULL, 0), VPT_CALLER_STATE);
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &none, &whole), VPT_CALLER_STATE);
    assert_status(vpt_gpu_update_cursor(&gpu, 0, &none, 0, 0, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_gpu_transfer(NULL, &whole), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_transfer(&picture, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_flush(NULL, &whole), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_flush(&picture, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_submit_transfer(NULL, &whole, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_submit_flush(&picture, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_unref(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_detach(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_attach(NULL, gpu_pieces(8, 1), 1, NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_set_scanout(NULL, 0, &picture, &whole), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_set_scanout(&other, 0, &picture, &whole), VPT_CALLER_ARGUMENT);
    assert_status(vpt_gpu_update_cursor(&other, 0, &picture, 0, 0, 0, 0), VPT_CALLER_ARGUMENT);
    assert_same(gpu_model.commands, commands);
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK); /* for this it needs no memory */
}

/* ---- What a device answers ---- */

/* Each command in turn. Some leave the picture in another state. */
static enum vpt_status command(unsigned n)
{
    struct vpt_gpu_display display;
    uint8_t edid[8];
    uint32_t size;

    switch (n) {
    case 0: return vpt_gpu_get_display(&gpu, 0, &display);
    case 1: return vpt_gpu_get_edid(&gpu, 0, edid, sizeof(edid), &size);
    case 2: return vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT);
    case 3: return vpt_gpu_attach(&picture, gpu_pieces(WIDTH * HEIGHT * 4u, 3), 3, NULL, 0);
    case 4: return vpt_gpu_set_scanout(&gpu, 0, &picture, &whole);
    case 5: return vpt_gpu_transfer(&picture, &whole);
    case 6: return vpt_gpu_flush(&picture, &whole);
    case 7: return vpt_gpu_detach(&picture);
    default: return vpt_gpu_unref(&picture);
    }
}

#define COMMANDS 9u

/* The device says no, and a picture is as it was: what failed can be tried again. */
STARTED_GPU_TEST(gpu, D_GPU_4_errors_of_each_command)
{
    for (unsigned n = 0; n < COMMANDS; n++) {
        mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
        assert_status(command(n), VPT_DEVICE_IO_ERROR);
        assert_same(mock_fault_fired(&machine.model->faults, MOCK_FAULT_IO_ERROR), 1);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_IO_ERROR);
        assert_status(command(n), VPT_OK);
    }
    assert_gpu_works();
}

/* Errors are all that begins with 0x12; other types are no answer, nor are those of other commands. */
STARTED_GPU_TEST(gpu, D_GPU_4_types_of_answers)
{
    static const struct {
        uint32_t type;
        enum vpt_status status;
    } rows[] = {
        { 0x1200, VPT_DEVICE_IO_ERROR },           { 0x1201, VPT_DEVICE_IO_ERROR },
        { 0x1202, VPT_DEVICE_IO_ERROR },           { 0x1203, VPT_DEVICE_IO_ERROR },
        { 0x1204, VPT_DEVICE_IO_ERROR },           { 0x1205, VPT_DEVICE_IO_ERROR },
        { 0x12ff, VPT_DEVICE_IO_ERROR },           { 0x1300, VPT_DEVICE_REQUEST_STATUS },
        { 0x11ff, VPT_DEVICE_REQUEST_STATUS },     { 0x1102, VPT_DEVICE_REQUEST_STATUS },
        { 0x0011, VPT_DEVICE_REQUEST_STATUS },     { 0x104, VPT_DEVICE_REQUEST_STATUS },
        { 0xffffffff, VPT_DEVICE_REQUEST_STATUS },
    };
    static const uint32_t expected[] = { 0x1101, 0x1104, 0x1100 };

    for (unsigned i = 0; i < COUNT_OF(rows) + COUNT_OF(expected); i++) {
        uint32_t type = i < COUNT_OF(rows) ? rows[i].type : expected[i - COUNT_OF(rows)];

        for (unsigned n = 0; n < COUNT_OF(expected); n++) {
            mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_UNKNOWN, 1, 1, type);
            assert_status(command(n), i < COUNT_OF(rows)    ? rows[i].status
                                      : type == expected[n] ? VPT_OK
                                                            : VPT_DEVICE_REQUEST_STATUS);
        }
        (void)vpt_device_reset(machine.device);
        assert_status(vpt_gpu_drain(&gpu), VPT_OK);
        assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_OK);
    }
    assert_gpu_works();
}

/* Nothing is written: what an earlier command has left in the slot is not taken for an answer. */
STARTED_GPU_TEST(gpu, D_GPU_4_an_answer_that_is_missing)
{
    for (uint32_t i = 0; i < 2u * GPU_COMMANDS; i++) {
        assert_gpu_works();
        gpu_show(WIDTH, HEIGHT, 3);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_DEVICE_REQUEST_STATUS);
        assert_status(vpt_gpu_unref(&picture), VPT_OK);
    }
}

/* Whether the device has taken the pages is not known, so they are its own until it says otherwise. */
STARTED_GPU_TEST(gpu, D_GPU_11_pages_after_an_answer_that_is_none)
{
    assert_status(command(2), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_STATUS_MISSING, 1, 1, 0);
    assert_status(command(3), VPT_DEVICE_REQUEST_STATUS);
    cr_assert(picture.attached);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    assert_status(vpt_gpu_detach(&picture), VPT_DEVICE_IO_ERROR);
    cr_assert(picture.attached);
    assert_status(vpt_gpu_detach(&picture), VPT_OK);
    cr_assert(!picture.attached);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    assert_status(command(3), VPT_DEVICE_IO_ERROR);
    cr_assert(!picture.attached);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    assert_status(vpt_gpu_unref(&picture), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
}

/* An answer without the fence is no promise that the command was carried out. */
STARTED_GPU_TEST(gpu, OUT_GPU_5_fences_are_checked)
{
    gpu_show(WIDTH, HEIGHT, 3);
    gpu_model.options.fence_flags_off = 1;
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_DEVICE_REQUEST_STATUS);
    gpu_model.options.fence_flags_off = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        gpu_model.options.fence_wrong = UINT64_C(1) << bit;
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_DEVICE_REQUEST_STATUS);
    }
    assert_status(command(0), VPT_OK); /* for questions there is no fence */
    assert_status(command(1), VPT_OK);
    gpu_model.options.fence_wrong = 0;
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
}

/* An id of 0 would be no picture. */
STARTED_GPU_TEST(gpu, OUT_GPU_5_fences_and_ids_wrap_around)
{
    gpu.fences = 0xfffffffeu;
    gpu.resources = 0xfffffffeu;
    for (unsigned i = 0; i < 4; i++) {
        assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
        assert_same(picture.id, i == 0 ? 0xffffffffu : i);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
        assert_status(vpt_gpu_unref(&picture), VPT_OK);
    }
}

/* A used length of 0, one that is too short, and one above what was writable: the answer says what has happened. */
GPU_TEST(gpu, D_GPU_4_lengths_that_are_lies)
{
    static const uint64_t lengths[] = { 0, 7, 23, 25, UINT32_MAX };

    for (unsigned i = 0; i < COUNT_OF(lengths); i++) {
        const struct mock_lie lie = LENGTH_LIE(lengths[i]);

        gpu_start(variant);
        (void)mock_lie_set(&machine.model->lies, &lie);
        assert_gpu_works();
        assert_status(command(0), VPT_OK);
        assert_status(command(1), VPT_OK);
        cr_assert(mock_lie_fired(&machine.model->lies, 0) != 0);
        mock_lies_clear(machine.model);
        gpu_end();
    }
}

/* An answer that ends too early: within the header it is none, since the fence is missing. */
STARTED_GPU_TEST(gpu, OUT_GPU_5_answers_that_are_cut)
{
    gpu_show(WIDTH, HEIGHT, 3);
    for (uint32_t most = 1; most < 24; most++) {
        gpu_model.options.answer_most = most;
        assert_status(vpt_gpu_flush(&picture, &whole), most < 9 ? VPT_DEVICE_REQUEST_STATUS : VPT_OK);
    }
    gpu_model.options.answer_most = 0;
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
}
