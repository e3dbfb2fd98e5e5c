/* SPDX-License-Identifier: MIT */
/* The GPU driver on QEMU's virtio-gpu: what is drawn is what a screen dump has, pixel by pixel. */
#include "qemu_place.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(device_gpu, .timeout = 60);

#define WIDTH  200u
#define HEIGHT 100u

/* The picture's memory: pieces of this size, each in a place of its own, in no order. */
#define PIECE  1000u
#define PIECES (WIDTH * HEIGHT * 4u / PIECE)
#define PLACE  1024u

#define DUMP_MOST (1024u * 768u * 3u + 64u)

static struct vpt_gpu gpu;
static struct vpt_gpu_resource picture;
static struct vpt_memory pixels;
static struct vpt_memory list;
static struct vpt_segment pieces[PIECES];
static uint32_t seeds[HEIGHT][WIDTH]; /* of what is to be seen */

static const struct vpt_gpu_rectangle whole = { 0, 0, WIDTH, HEIGHT };

/* ---- The machine ---- */

/* False: the device has no such interface, and QEMU offers none behind PCI. `vnc`: "unix:..." or NULL. */
static bool start_with(const struct place *place, const char *vnc)
{
    struct fixture_options options = { .image_size = 0 };

    if (vnc != NULL) {
        options.arguments[0] = "-vnc";
        options.arguments[1] = vnc;
    }
    if (place->transport == PCI_LEGACY) {
        return false;
    }
    place_start(place, "virtio-gpu", ",max_outputs=2,xres=800,yres=600", &options);
    if (place_is_legacy(place)) {
        assert_status(vpt_gpu_open(&gpu, placed.device), VPT_UNSUPPORTED_FEATURE);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        place_finish();
        return false;
    }
    assert_status(vpt_gpu_open(&gpu, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    pixels = memory_of((size_t)PIECES * PLACE, place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
    list = memory_of((size_t)PIECES * VPT_GPU_PIECE_SIZE, place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
    for (uint32_t i = 0; i < PIECES; i++) {
        pieces[i].address = pixels.device_address + (uint64_t)(i * 7u % PIECES) * PLACE;
        pieces[i].length = PIECE;
    }
    return true;
}

static bool start(const struct place *place)
{
    return start_with(place, NULL);
}

static void end(void)
{
    const uint32_t flags = placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0;

    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_gpu_drain(&gpu), VPT_OK);
    assert_status(vpt_driver_release(&gpu.driver), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &pixels, flags);
    fixture.port->dma_free(fixture.port->ctx, &list, flags);
    place_finish();
}

/* ---- Pictures ---- */

static uint32_t color(uint32_t seed, uint32_t x, uint32_t y)
{
    return ((seed * 0x9e3779b9u) ^ (x * 0x010307u + y * 0x0b0501u)) & 0xffffffu;
}

/* The list of the pieces is in two memories. */
static void make_picture(void)
{
    struct vpt_memory lists[2] = { list, list };

    lists[0].size = 33u * VPT_GPU_PIECE_SIZE;
    lists[1].address = (uint8_t *)list.address + lists[0].size;
    lists[1].device_address += lists[0].size;
    lists[1].size -= lists[0].size;
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
    assert_status(vpt_gpu_attach(&picture, pieces, PIECES, lists, 2), VPT_OK);
    memset(list.address, 0xff, list.size); /* it is the caller's again */
    memset(seeds, 0, sizeof(seeds));
}

/* In memory alone. */
static void paint(uint32_t seed)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t offset = (y * WIDTH + x) * 4u;
            uint32_t value = color(seed, x, y);
            uint8_t *at = (uint8_t *)pixels.address + (size_t)(offset / PIECE * 7u % PIECES) * PLACE + offset % PIECE;

            for (unsigned i = 0; i < 4; i++) {
                at[i] = (uint8_t)(value >> 8u * i);
            }
        }
    }
}

/* This rectangle is to be seen. */
static void expect(const struct vpt_gpu_rectangle *part, uint32_t seed)
{
    for (uint32_t y = part->y; y < part->y + part->height; y++) {
        for (uint32_t x = part->x; x < part->x + part->width; x++) {
            seeds[y][x] = seed;
        }
    }
}

static void draw(const struct vpt_gpu_rectangle *part, uint32_t seed)
{
    paint(seed);
    expect(part, seed);
    assert_status(vpt_gpu_transfer(&picture, part), VPT_OK);
    assert_status(vpt_gpu_flush(&picture, part), VPT_OK);
}

/* Reads a screen dump of a display. Returns its pixels, of three bytes. */
static const uint8_t *dump(unsigned head, uint32_t *width, uint32_t *height)
{
    static char bytes[DUMP_MOST];
    char name[64];
    int header = 0;
    ssize_t size;
    int file;

    (void)snprintf(name, sizeof(name), "/tmp/vpt-gpu-%ld.ppm", (long)getpid());
    assert_status(vpt_qtest_qmp(fixture.qtest,
                                "{'execute': 'screendump', 'arguments': {'filename': '%s', 'device': 'device', "
                                "'head': %u}}",
                                name, head),
                  VPT_OK);
    file = open(name, O_RDONLY);
    assert_that(file >= 0);
    size = read(file, bytes, sizeof(bytes) - 1u);
    (void)close(file);
    (void)unlink(name);
    assert_that(size > 0);
    bytes[size] = '\0';
    assert_that(sscanf(bytes, "P6 %u %u 255%n", width, height, &header) == 2 && header > 0);
    assert_that((size_t)size == (size_t)header + 1u + (size_t)*width * *height * 3u);
    return (const uint8_t *)bytes + header + 1;
}

/* Whether a display shows this part of the picture as it is expected. */
static void assert_shown(unsigned head, const struct vpt_gpu_rectangle *part)
{
    uint32_t width = 0;
    uint32_t height = 0;
    const uint8_t *at = dump(head, &width, &height);

    cr_assert(width == part->width && height == part->height, "%s: %u x %u", fixture.what, width, height);
    for (uint32_t y = part->y; y < part->y + height; y++) {
        for (uint32_t x = part->x; x < part->x + width; x++) {
            uint32_t value = color(seeds[y][x], x, y);
            uint32_t got = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];

            cr_assert(got == value, "%s: pixel (%u, %u) is %06x, not %06x", fixture.what, x, y, got, value);
            at += 3;
        }
    }
}

/* ---- A viewer by VNC (RFC 6143), which may ask for another size of the display ---- */

static int viewer;

static void viewer_get(void *bytes, size_t size)
{
    struct pollfd ready = { .fd = viewer, .events = POLLIN };

    for (size_t done = 0; done < size;) {
        ssize_t got;

        assert_that(poll(&ready, 1, (int)FIXTURE_WAIT) == 1);
        got = read(viewer, (uint8_t *)bytes + done, size - done);
        assert_that(got > 0);
        done += (size_t)got;
    }
}

static void viewer_put(const void *bytes, size_t size)
{
    assert_that(write(viewer, bytes, size) == (ssize_t)size);
}

static void viewer_start(const char *path)
{
    static const uint8_t resizes[8] = { 2, 0, 0, 1, 0xff, 0xff, 0xfe, 0xcc }; /* encoding -308 */
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    uint8_t bytes[256];

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    viewer = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_that(connect(viewer, (const struct sockaddr *)&address, sizeof(address)) == 0);
    (void)unlink(path);
    viewer_get(bytes, 12); /* the version */
    viewer_put("RFB 003.008\n", 12);
    viewer_get(bytes, 1); /* kinds of security */
    viewer_get(bytes + 1, bytes[0]);
    viewer_put("\1", 1);
    viewer_get(bytes, 4);
    viewer_put("\1", 1);
    viewer_get(bytes, 24);
    viewer_get(bytes + 24, bytes[23]); /* the name */
    viewer_put(resizes, sizeof(resizes));
}

static void viewer_resize(uint16_t width, uint16_t height)
{
    const uint8_t wide[2] = { (uint8_t)(width >> 8), (uint8_t)width };
    const uint8_t high[2] = { (uint8_t)(height >> 8), (uint8_t)height };
    const uint8_t message[24] = { 251, 0, wide[0], wide[1], high[0], high[1], 1,       0,       0,       0,
                                  0,   0, 0,       0,       0,       0,       wide[0], wide[1], high[0], high[1] };

    viewer_put(message, sizeof(message));
}

/* ---- Tests ---- */

PLACE_TEST(device_gpu, OUT_GPU_1_OUT_GPU_2_a_display_that_changes)
{
    struct vpt_gpu_display display;
    bool changed = false;
    char vnc[64];

    (void)snprintf(vnc, sizeof(vnc), "unix:/tmp/vpt-gpu-%ld.vnc", (long)getpid());
    if (place_is_legacy(place) || !start_with(place, vnc)) { /* else nobody removes the socket */
        return;
    }
    viewer_start(vnc + strlen("unix:"));
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    for (uint16_t i = 1; i < 4; i++) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());
        uint64_t ends = now() + FIXTURE_WAIT;
        uint32_t what = 0;

        viewer_resize((uint16_t)(600u + 8u * i), (uint16_t)(400u + 8u * i));
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        what = vpt_device_interrupt(placed.device);
        assert_that((what & VPT_INTERRUPT_CONFIGURATION) != 0 && now() < ends);
        assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
        assert_that(changed);
        assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_OK);
        (void)vpt_device_interrupt(placed.device);
        assert_that(display.rectangle.width == 600u + 8u * i && display.rectangle.height == 400u + 8u * i);
        assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
        assert_that(!changed);
    }
    (void)close(viewer);
    end();
}

PLACE_TEST(device_gpu, GPU_INIT_1_GPU_INIT_2_what_the_device_says)
{
    static const uint8_t begin[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    struct vpt_gpu_display display;
    uint8_t edid[VPT_GPU_EDID_MAX];
    uint8_t sum = 0;
    uint32_t size = 0;
    bool changed = true;

    if (!start(place)) {
        return;
    }
    assert_that(gpu.scanouts == 2);
    assert_status(vpt_gpu_get_display(&gpu, 0, &display), VPT_OK);
    assert_that(display.rectangle.width == 800 && display.rectangle.height == 600);
    assert_status(vpt_gpu_get_display(&gpu, 1, &display), VPT_EMPTY);
    assert_status(vpt_gpu_get_edid(&gpu, 0, edid, sizeof(edid), &size), VPT_OK);
    assert_that(size >= 128 && size % 128u == 0 && memcmp(edid, begin, sizeof(begin)) == 0);
    for (unsigned i = 0; i < 128; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    assert_that(sum == 0);
    assert_status(vpt_gpu_take_events(&gpu, &changed), VPT_OK);
    (void)changed;
    end();
}

PLACE_TEST(device_gpu, D_GPU_10_D_GPU_11_D_GPU_12_pixels_are_shown)
{
    uint32_t random = 7;

    if (!start(place)) {
        return;
    }
    make_picture();
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
    draw(&whole, 1);
    assert_shown(0, &whole);
    for (uint32_t i = 2; i < 12; i++) {
        struct vpt_gpu_rectangle part = { next_random(&random) % WIDTH, next_random(&random) % HEIGHT, 1, 1 };

        part.width = 1u + next_random(&random) % (WIDTH - part.x);
        part.height = 1u + next_random(&random) % (HEIGHT - part.y);
        draw(&part, i);
        assert_shown(0, &whole);
    }
    assert_status(vpt_gpu_detach(&picture), VPT_OK);
    assert_status(vpt_gpu_transfer(&picture, &whole), VPT_CALLER_STATE);
    assert_status(vpt_gpu_flush(&picture, &whole), VPT_OK);
    assert_shown(0, &whole);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
    end();
}

/* Several transfers and flushes are submitted together, and come back by interrupt. */
PLACE_TEST(device_gpu, GPU_FENCE_1_OUT_GPU_5_commands_in_flight_together)
{
    struct vpt_completion completion;
    unsigned tokens[4];
    unsigned seen;

    if (!start(place)) {
        return;
    }
    make_picture();
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
    (void)vpt_device_interrupt(placed.device);
    place_intercept();
    assert_status(vpt_requests_poll(&gpu.control, &completion), VPT_EMPTY);
    for (uint32_t round = 1; round < 10; round++) {
        uint32_t raises = vpt_qtest_line_raises(fixture.qtest, place_line());

        paint(round);
        expect(&whole, round);
        seen = 0;
        for (uint32_t i = 0; i < 4; i++) {
            const struct vpt_gpu_rectangle half = { 0, i / 2u * (HEIGHT / 2u), WIDTH, HEIGHT / 2u };

            assert_status(i % 2u == 0 ? vpt_gpu_submit_transfer(&picture, &half, &tokens[i])
                                      : vpt_gpu_submit_flush(&picture, &half, &tokens[i]),
                          VPT_OK);
        }
        assert_status(vpt_requests_kick(&gpu.control), VPT_OK);
        for (unsigned left = 4; left != 0;) {
            enum vpt_status status = vpt_requests_poll(&gpu.control, &completion);

            if (status == VPT_EMPTY) {
                assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
                raises = vpt_qtest_line_raises(fixture.qtest, place_line());
                (void)vpt_device_interrupt(placed.device);
                continue;
            }
            assert_status(status, VPT_OK);
            assert_status(completion.status, VPT_OK);
            seen |= 1u << ((unsigned *)completion.token - tokens);
            left--;
        }
        assert_that(seen == 0xf);
        (void)vpt_device_interrupt(placed.device);
        assert_shown(0, &whole);
    }
    end();
}

PLACE_TEST(device_gpu, D_GPU_7_D_GPU_9_two_displays)
{
    const struct vpt_gpu_rectangle right = { 120, 30, 80, 70 };

    if (!start(place)) {
        return;
    }
    make_picture();
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
    assert_status(vpt_gpu_set_scanout(&gpu, 1, &picture, &right), VPT_OK);
    draw(&whole, 3);
    assert_shown(0, &whole);
    assert_shown(1, &right);
    draw(&right, 4);
    assert_shown(0, &whole);
    assert_shown(1, &right);
    assert_status(vpt_gpu_set_scanout(&gpu, 1, NULL, NULL), VPT_OK);
    draw(&whole, 5);
    assert_shown(0, &whole);
    end();
}

/* The device refuses what is too small, and what has no memory yet, and goes on. */
PLACE_TEST(device_gpu, D_GPU_4_errors_of_the_device)
{
    const struct vpt_gpu_rectangle small = { 0, 0, 8, 8 };

    if (!start(place)) {
        return;
    }
    assert_status(vpt_gpu_create(&gpu, &picture, VPT_GPU_BGRX, WIDTH, HEIGHT), VPT_OK);
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_gpu_unref(&picture), VPT_OK);
    assert_status(vpt_gpu_create(&gpu, &picture, (enum vpt_gpu_format)5, WIDTH, HEIGHT), VPT_DEVICE_IO_ERROR);
    make_picture();
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &small), VPT_DEVICE_IO_ERROR);
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
    draw(&whole, 9);
    assert_shown(0, &whole);
    end();
}

/* The device does not answer, and does not fail. */
PLACE_TEST(device_gpu, D_GPU_13_D_GPU_14_cursors_are_taken)
{
    const struct vpt_gpu_rectangle all = { 0, 0, VPT_GPU_CURSOR_SIZE, VPT_GPU_CURSOR_SIZE };
    struct vpt_gpu_resource shape;
    struct vpt_segment piece;

    if (!start(place)) {
        return;
    }
    piece = (struct vpt_segment){ pixels.device_address, VPT_GPU_CURSOR_SIZE * VPT_GPU_CURSOR_SIZE * 4u };
    assert_status(vpt_gpu_create(&gpu, &shape, VPT_GPU_BGRA, VPT_GPU_CURSOR_SIZE, VPT_GPU_CURSOR_SIZE), VPT_OK);
    assert_status(vpt_gpu_attach(&shape, &piece, 1, NULL, 0), VPT_OK);
    assert_status(vpt_gpu_transfer(&shape, &all), VPT_OK);
    for (uint32_t i = 0; i < 50; i++) {
        assert_status(vpt_gpu_update_cursor(&gpu, 0, &shape, i, i, 3, 3), VPT_OK);
        assert_status(vpt_gpu_move_cursor(&gpu, 0, i, 2u * i), VPT_OK);
        assert_status(vpt_requests_quiesce(&gpu.cursor, NULL, NULL), VPT_OK);
    }
    assert_status(vpt_gpu_update_cursor(&gpu, 0, NULL, 0, 0, 0, 0), VPT_OK);
    assert_status(vpt_requests_quiesce(&gpu.cursor, NULL, NULL), VPT_OK);
    make_picture();
    assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
    draw(&whole, 2);
    assert_shown(0, &whole);
    assert_that((place_status() & VPT_STATUS_DEVICE_NEEDS_RESET) == 0);
    end();
}

PLACE_TEST(device_gpu, CLEANUP_2_a_restart_on_the_same_memory)
{
    if (!start(place)) {
        return;
    }
    for (uint32_t round = 1; round < 4; round++) {
        make_picture();
        assert_status(vpt_gpu_set_scanout(&gpu, 0, &picture, &whole), VPT_OK);
        draw(&whole, round);
        assert_shown(0, &whole);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_gpu_drain(&gpu), VPT_OK);
        assert_status(vpt_driver_restart(&gpu.driver, NULL), VPT_OK);
        assert_status(vpt_gpu_flush(&picture, &whole), VPT_CALLER_STATE);
    }
    end();
}
