/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include "canvas.h"
#include "input.h"
#include "ports.h"
#include "step.h"

#define ATTEMPTS 50000000u

#define BACKGROUND 0x10202cu
#define BRIGHT     0xf4f4f4u
#define DIM        0x9fb3bfu
#define SUBMIT     0x3fa7d6u
#define POLL       0xf2a541u
#define MARK       0xee5c5cu

#define LEFT       24u
#define CHART_LEFT 144u
#define CHART_TOP  150u
#define CHART_LONG 352u /* the longest bar */
#define ROW        26u
#define TYPED_TOP  360u
#define MARK_SIZE  9u

struct screen {
    struct device device;
    struct vpt_gpu gpu;
    struct vpt_gpu_resource picture;
    struct vpt_gpu_resource arrow;
    struct wiring wiring;
    struct input inputs[DEVICES_INPUTS_MAX];
    unsigned input_count;
    uint32_t pointer[INPUT_AXES]; /* where it is, from the left and from the top */
    bool moved;
    uint32_t typed; /* where the next character goes */
    bool ended;
};

static const uint32_t size[INPUT_AXES] = { CANVAS_WIDTH, CANVAS_HEIGHT };
static const struct vpt_gpu_rectangle whole = { 0, 0, CANVAS_WIDTH, CANVAS_HEIGHT };

/* ---- Showing ---- */

/* The CPU sleeps until the device has carried both commands out, where it can be woken. */
static bool finish(struct screen *screen)
{
    struct vpt_requests *control = &screen->gpu.control;
    bool drained = screen->wiring.mode != VPT_INTERRUPTS_POLLING;
    unsigned left = 2;

    for (uint32_t i = 0; i < ATTEMPTS && left != 0; i++) {
        struct vpt_completion completion;
        enum vpt_status status;

        if (drained && !interrupts_wait(&screen->wiring.source)) {
            return false;
        }
        status = vpt_requests_poll(control, &completion);
        drained = status == VPT_EMPTY && screen->wiring.mode != VPT_INTERRUPTS_POLLING;
        if (status != VPT_EMPTY && (!step("poll the GPU", status) || !step("show", completion.status))) {
            return false;
        }
        left -= status == VPT_OK;
    }
    vpt_requests_notifications_off(control);
    return left == 0 || step("wait for the GPU", VPT_DEVICE_TIMEOUT);
}

static bool show(struct screen *screen, const struct vpt_gpu_rectangle *part)
{
    (void)vpt_requests_notifications_on(&screen->gpu.control);
    if (screen->wiring.mode != VPT_INTERRUPTS_POLLING) {
        interrupts_hold(&screen->wiring.source);
    }
    if (!step("transfer", vpt_gpu_submit_transfer(&screen->picture, part, NULL)) ||
        !step("flush", vpt_gpu_submit_flush(&screen->picture, part, NULL)) ||
        !step("kick the GPU", vpt_requests_kick(&screen->gpu.control)) || !finish(screen)) {
        return false;
    }
    print("@flush %u %u %u %u\n", (unsigned)part->x, (unsigned)part->y, (unsigned)part->width, (unsigned)part->height);
    return true;
}

/* ---- The picture ---- */

static void draw_number(uint32_t x, uint32_t y, uint32_t color, uint32_t value)
{
    char text[11];
    char *first = &text[10];

    *first = '\0';
    do {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    (void)canvas_text(x, y, 2, color, first);
}

/* Draws a part of a bar from `x` on. Returns where it ends. */
static uint32_t draw_bar(uint32_t x, uint32_t y, uint32_t color, uint32_t value, uint32_t scale)
{
    const struct vpt_gpu_rectangle bar = { x, y, value * CHART_LONG / scale, 16 };

    canvas_fill(&bar, color);
    return x + bar.width;
}

static void draw_chart(const struct disk_cost *costs, unsigned count)
{
    uint32_t most = 1;

    (void)canvas_text(LEFT, CHART_TOP - 30u, 2, DIM, "Instructions per disk request:");
    (void)canvas_text(LEFT + 372u, CHART_TOP - 30u, 2, SUBMIT, "submit");
    (void)canvas_text(LEFT + 456u, CHART_TOP - 30u, 2, POLL, "complete");
    for (unsigned i = 0; i < count; i++) {
        most = costs[i].submit + costs[i].poll > most ? costs[i].submit + costs[i].poll : most;
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t y = CHART_TOP + i * ROW;
        uint32_t x = draw_bar(CHART_LEFT, y, SUBMIT, costs[i].submit, most);

        (void)canvas_text(LEFT, y, 2, BRIGHT, costs[i].label);
        x = draw_bar(x, y, POLL, costs[i].poll, most);
        draw_number(x + 8u, y, SUBMIT, costs[i].submit);
        draw_number(x + 56u, y, POLL, costs[i].poll);
    }
}

/* Writes texts one after the other. */
static void draw_line(uint32_t y, uint32_t scale, uint32_t color, const char *const texts[4])
{
    uint32_t x = LEFT;

    for (unsigned i = 0; i < 4 && texts[i] != NULL; i++) {
        x += canvas_text(x, y, scale, color, texts[i]).width;
    }
}

static void draw(const struct screen *screen, const struct disk_cost *costs, unsigned count)
{
    const struct vpt_device *device = screen->device.virtio;
    bool packed = vpt_features_has(&device->features, VPT_F_RING_PACKED);

    canvas_fill(&whole, BACKGROUND);
    draw_line(24, 4, BRIGHT, (const char *const[4]){ "vpt on ", machine.architecture, " ", machine.name });
    draw_line(
        72, 2, DIM,
        (const char *const[4]){ "GPU by ", vpt_device_transport(device), packed ? ", packed" : ", split", " ring" });
    draw_chart(costs, count);
    (void)canvas_text(LEFT, TYPED_TOP - 40u, 2, DIM, "What was typed, and marks where it was clicked:");
}

static bool attach(struct screen *screen, struct vpt_gpu_resource *resource, const struct vpt_gpu_rectangle *all,
                   enum vpt_gpu_format format, const struct vpt_segment *pages, uint32_t count)
{
    static _Alignas(8) unsigned char list[CANVAS_PAGES * VPT_GPU_PIECE_SIZE];
    const struct vpt_memory lists = { list, ports_device_address(list), sizeof(list) };

    return step("create a picture", vpt_gpu_create(&screen->gpu, resource, format, all->width, all->height)) &&
           step("attach its pages", vpt_gpu_attach(resource, pages, count, &lists, 1)) &&
           step("transfer it", vpt_gpu_transfer(resource, all));
}

static bool make_picture(struct screen *screen)
{
    static struct vpt_segment pages[CANVAS_PAGES];

    canvas_pages(pages);
    print("picture of %u x %u pixels in %u pages\n", CANVAS_WIDTH, CANVAS_HEIGHT, CANVAS_PAGES);
    print("@picture %u %u %u\n", CANVAS_WIDTH, CANVAS_HEIGHT, CANVAS_PAGES);
    return attach(screen, &screen->picture, &whole, VPT_GPU_BGRX, pages, CANVAS_PAGES) &&
           step("show it", vpt_gpu_set_scanout(&screen->gpu, 0, &screen->picture, &whole));
}

/* ---- The cursor ---- */

/* An arrow that points to its upper left corner. The rest is transparent. */
static bool make_cursor(struct screen *screen)
{
    static uint32_t pixels[VPT_GPU_CURSOR_SIZE][VPT_GPU_CURSOR_SIZE];
    const struct vpt_gpu_rectangle all = { 0, 0, VPT_GPU_CURSOR_SIZE, VPT_GPU_CURSOR_SIZE };
    const struct vpt_segment piece = { ports_device_address(pixels), sizeof(pixels) };

    for (uint32_t y = 0; y < 20; y++) {
        for (uint32_t x = 0; x <= y && x + y < 28; x++) {
            pixels[y][x] = 0xff000000u | BRIGHT;
        }
    }
    return attach(screen, &screen->arrow, &all, VPT_GPU_BGRA, &piece, 1) &&
           step("show a cursor", vpt_gpu_update_cursor(&screen->gpu, 0, &screen->arrow, 0, 0, 0, 0));
}

static bool move(struct screen *screen)
{
    screen->moved = false;
    if (!step("move the cursor", vpt_gpu_move_cursor(&screen->gpu, 0, screen->pointer[0], screen->pointer[1])) ||
        !step("wait until it has moved", vpt_requests_quiesce(&screen->gpu.cursor, NULL, NULL))) {
        return false;
    }
    print("@cursor %u %u\n", (unsigned)screen->pointer[0], (unsigned)screen->pointer[1]);
    return true;
}

/* ---- Events ---- */

/* A tablet says where on its axis the pointer is, a mouse how far it has gone. */
static void point(struct screen *screen, const struct input *input, const struct vpt_input_event *event)
{
    const uint32_t last = size[event->code] - 1u;
    const uint32_t most = input->most[event->code];
    const uint32_t now = screen->pointer[event->code];
    const uint32_t value = (uint32_t)event->value;
    uint32_t next = now;

    if (event->type == VPT_INPUT_ABS && value <= most && most != 0) {
        next = value * last / most;
    } else if (event->type == VPT_INPUT_REL && event->value < 0) {
        next = 0u - value < now ? now + value : 0;
    } else if (event->type == VPT_INPUT_REL) {
        next = value < last - now ? now + value : last;
    }
    screen->pointer[event->code] = next;
    screen->moved = true;
}

static bool mark(struct screen *screen)
{
    struct vpt_gpu_rectangle square = { 0, 0, MARK_SIZE, MARK_SIZE };

    square.x = screen->pointer[0] < CANVAS_WIDTH - MARK_SIZE ? screen->pointer[0] : CANVAS_WIDTH - MARK_SIZE;
    square.y = screen->pointer[1] < CANVAS_HEIGHT - MARK_SIZE ? screen->pointer[1] : CANVAS_HEIGHT - MARK_SIZE;
    canvas_fill(&square, MARK);
    return show(screen, &square);
}

static bool type(struct screen *screen, uint16_t code)
{
    const char text[2] = { input_digit(code), '\0' };
    struct vpt_gpu_rectangle changed;

    if (screen->typed >= CANVAS_WIDTH - LEFT) {
        return true; /* the line is full */
    }
    changed = canvas_text(screen->typed, TYPED_TOP, 3, BRIGHT, text);
    screen->typed += changed.width;
    return show(screen, &changed);
}

static bool press(struct screen *screen, uint16_t code)
{
    if (code == INPUT_KEY_ENTER) {
        screen->ended = true;
    }
    if (code >= INPUT_BUTTON_LEFT) {
        return code != INPUT_BUTTON_LEFT || mark(screen);
    }
    return screen->ended || type(screen, code);
}

static bool handle(struct screen *screen, const struct input *input, const struct vpt_input_event *event)
{
    print("@event %u %u %u\n", event->type, event->code, (unsigned)event->value);
    switch (event->type) {
    case VPT_INPUT_SYN: return !screen->moved || move(screen);
    case VPT_INPUT_KEY: return event->value != 1 || press(screen, event->code);
    case VPT_INPUT_REL:
    case VPT_INPUT_ABS:
        if (event->code < INPUT_AXES) {
            point(screen, input, event);
        }
        return true;
    default: return true;
    }
}

static bool listen(struct screen *screen)
{
    print("@listens\n");
    for (uint32_t i = 0; i < ATTEMPTS && !screen->ended; i++) {
        struct input *input = &screen->inputs[i % screen->input_count];
        struct vpt_input_event event;
        enum vpt_status status = vpt_input_poll(&input->driver, &event);

        if (status != VPT_EMPTY && (!step("poll an input device", status) || !handle(screen, input, &event))) {
            return false;
        }
    }
    return screen->ended || step("wait for a key", VPT_DEVICE_TIMEOUT);
}

/* ---- All of it ---- */

/* A line of PCI is left alone: the input devices are polled, and may be on it, too. */
static enum vpt_interrupt_mode interrupt_mode(const struct device_place *place)
{
    if (place->bus->kind == MACHINE_MMIO_SLOTS) {
        return VPT_INTERRUPTS_LINE;
    }
    return wiring_possible(VPT_INTERRUPTS_SHARED, place) ? VPT_INTERRUPTS_SHARED : VPT_INTERRUPTS_POLLING;
}

static bool bring_up(struct screen *screen, const struct vpt_port *port, const struct devices *devices)
{
    const struct device_place *place = &devices->first[VPT_DEVICE_TYPE_GPU];

    for (unsigned i = 0; i < DEVICES_INPUTS_MAX && devices->inputs[i].bus != NULL; i++) {
        if (!input_open(&screen->inputs[i], port, &devices->inputs[i])) {
            return false;
        }
        screen->input_count++;
    }
    if (!step("find an input device", screen->input_count != 0 ? VPT_OK : VPT_UNSUPPORTED_DEVICE) ||
        !step("open the GPU", device_open(&screen->device, port, place)) ||
        !wiring_prepare(&screen->wiring, interrupt_mode(place), &screen->device, place) ||
        !step("initialize the GPU", vpt_gpu_init(&screen->gpu, screen->device.virtio, NULL)) ||
        !wiring_connect(&screen->wiring) ||
        !step("set the control queue up", vpt_gpu_queue_init(&screen->gpu, 0, NULL)) ||
        !step("set the cursor queue up", vpt_gpu_queue_init(&screen->gpu, 1, NULL))) {
        return false;
    }
    vpt_requests_notifications_off(&screen->gpu.control);
    vpt_requests_notifications_off(&screen->gpu.cursor);
    return step("start the GPU", vpt_driver_start(&screen->gpu.driver));
}

static bool take_down(struct screen *screen)
{
    if (!step("turn the display off", vpt_gpu_set_scanout(&screen->gpu, 0, NULL, NULL)) ||
        !step("end the cursor", vpt_gpu_unref(&screen->arrow)) ||
        !step("end the picture", vpt_gpu_unref(&screen->picture)) ||
        !step("reset the GPU", vpt_device_reset(screen->device.virtio))) {
        return false;
    }
    wiring_disconnect(&screen->wiring);
    if (!step("take commands back", vpt_gpu_drain(&screen->gpu)) ||
        !step("release the GPU", vpt_driver_release(&screen->gpu.driver))) {
        return false;
    }
    device_close(&screen->device);
    for (unsigned i = 0; i < screen->input_count; i++) {
        if (!input_close(&screen->inputs[i])) {
            return false;
        }
    }
    return ports_pool_is_whole() || step("give memory back", VPT_RESOURCE_MEMORY);
}

bool screen_show(const struct vpt_port *port, const struct devices *devices, const struct disk_cost *costs,
                 unsigned count)
{
    static struct screen screen = { .typed = LEFT };

    if (!bring_up(&screen, port, devices) || !make_picture(&screen) || !make_cursor(&screen)) {
        return false;
    }
    draw(&screen, costs, count);
    if (!show(&screen, &whole) || !listen(&screen) || !take_down(&screen)) {
        return false;
    }
    print("screen: %u sleeps of the CPU until a part was shown\n@slept %u\n", (unsigned)screen.wiring.source.sleeps,
          (unsigned)screen.wiring.source.sleeps);
    return true;
}
