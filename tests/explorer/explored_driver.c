/* SPDX-License-Identifier: MIT */
/*
 * The driver's side: every program of a few requests that keeps the contract of include/vpt/queue.h. It sleeps only
 * where the contract says that a notification will come.
 */
#include "explored_device.h"

#include <vpt/entropy.h>

#include "explorer.h"

#define BATCH 2u

static struct {
    struct vpt_mmio mmio;
    struct vpt_entropy entropy; /* requests with slots */
    struct vpt_queue queue;     /* free-form requests */
    uint32_t next;              /* token */
    uint32_t submitted;
    uint32_t returned;
    uint32_t taken;     /* since the last reset */
    uint32_t in_flight; /* tokens, a bit each */
    bool unpublished;
    bool undecided;
    bool on;    /* notifications */
    bool armed; /* the next used buffer causes a notification */
    bool reset;
} driver;

static struct vpt_queue *queue(void)
{
    return scenario->slots ? &driver.entropy.requests.queue : &driver.queue;
}

static void must(enum vpt_status status, const char *what)
{
    explorer_check(status == VPT_OK, what);
}

/* ---- Set-up and restart ---- */

static void set_up(void)
{
    const struct vpt_queue_config config = { .size = (uint16_t)scenario->size };
    const struct vpt_requests_config requests = { .size = (uint16_t)scenario->size,
                                                  .requests = (uint16_t)scenario->size,
                                                  .segments = 1 };

    must(vpt_mmio_probe(&driver.mmio, &device_ports[scenario->machine == MACHINE_TCG], device_registers, 0x200),
         "probe");
    if (scenario->slots) {
        must(vpt_entropy_init(&driver.entropy, &driver.mmio.device, NULL), "init");
        must(vpt_entropy_queue_init(&driver.entropy, &requests), "queue");
    } else {
        must(vpt_device_negotiate(&driver.mmio.device, NULL, NULL, NULL), "negotiate");
        must(vpt_queue_init(&driver.queue, &driver.mmio.device, &config), "queue");
    }
    must(vpt_device_start(&driver.mmio.device), "start");
    explorer_check(vpt_features_has(&driver.mmio.device.features, VPT_F_RING_PACKED) == scenario->packed &&
                       vpt_features_has(&driver.mmio.device.features, VPT_F_IN_ORDER) == scenario->in_order,
                   "features");
    driver.on = true;
    driver.armed = true;
}

static void restart(void)
{
    if (scenario->slots) {
        must(vpt_driver_restart(&driver.entropy.driver, NULL), "restart");
        return;
    }
    must(vpt_device_negotiate(&driver.mmio.device, NULL, NULL, NULL), "negotiate again");
    must(vpt_queue_restart(&driver.queue), "restart");
    must(vpt_device_start(&driver.mmio.device), "start again");
}

/* ---- Requests ---- */

static void submit(void)
{
    uint32_t token = driver.next++;
    uint32_t count = token % 2u != 0 && scenario->segments > 1u ? 2u : 1u;
    struct vpt_segment segments[2];
    void *pointer = (void *)(uintptr_t)(token + 1u);

    explorer_note("submits");
    explorer_check(token < TOKENS_MAX, "tokens");
    for (uint32_t i = 0; i < 2u; i++) {
        segments[i] = (struct vpt_segment){ (uintptr_t)data[token], DATA_LENGTH(token, i) };
    }
    if (scenario->slots) {
        must(vpt_requests_submit(&driver.entropy.requests, segments, 0, 1, pointer), "submit");
    } else {
        must(vpt_queue_add(&driver.queue, segments, 0, (uint16_t)count, pointer), "add");
    }
    driver.in_flight |= 1u << token;
    driver.submitted++;
    driver.unpublished = true;
}

static void came_back(const void *token, bool used)
{
    uintptr_t number = (uintptr_t)token - 1u;

    explorer_check(number < TOKENS_MAX && (driver.in_flight >> number & 1u) != 0, "a request came back twice");
    explorer_check(!used || device_has_used((unsigned)number), "a request came back too early");
    driver.in_flight &= ~(1u << number);
}

/* Takes at most `count` requests, which is one if they have no slots. Returns how many have come back. */
static uint32_t take(uint32_t count)
{
    struct vpt_completion completions[BATCH];
    enum vpt_status status;
    uint32_t done = 0;

    if (!scenario->slots) {
        status = vpt_queue_pop(&driver.queue, &completions[0].token, NULL);
        done = status == VPT_OK;
    } else if (count == 1u) {
        status = vpt_requests_poll(&driver.entropy.requests, completions);
        done = status == VPT_OK;
    } else {
        status = vpt_requests_poll_batch(&driver.entropy.requests, completions, count, &done);
    }
    explorer_check(status == VPT_OK || status == VPT_EMPTY, "the queue has stopped");
    for (uint32_t i = 0; i < done; i++) {
        came_back(completions[i].token, true);
    }
    driver.returned += done;
    driver.taken += done;
    driver.armed = status == VPT_EMPTY && driver.on;
    return done;
}

static void take_one(void)
{
    explorer_note("polls");
    (void)take(1);
}

static void take_batch(void)
{
    explorer_note("polls for a batch");
    (void)take(BATCH);
}

static void sleep_until_interrupt(void)
{
    explorer_note("sleeps");
    explorer_wait();
    if (scenario->line) {
        (void)vpt_device_interrupt(&driver.mmio.device);
    }
    driver.armed = false;
}

/* Those that had not come back are submitted once more. */
static void reset(void)
{
    explorer_note("resets the device");
    driver.reset = true;
    driver.taken = 0;
    must(vpt_device_reset(&driver.mmio.device), "reset");
    for (;;) {
        struct vpt_completion completion;
        enum vpt_status status = scenario->slots ? vpt_requests_poll(&driver.entropy.requests, &completion)
                                                 : vpt_queue_drain(&driver.queue, &completion.token);

        if (status != VPT_OK) {
            break;
        }
        came_back(completion.token, false);
        driver.submitted--;
    }
    explorer_check(driver.in_flight == 0, "a request did not come back from a reset");
    driver.unpublished = false;
    driver.undecided = false;
    restart();
    driver.on = true;
    driver.armed = true;
}

/* ---- Programs ---- */

static void publish(void)
{
    explorer_note("publishes");
    vpt_queue_publish(queue());
    driver.unpublished = false;
    driver.undecided = true;
}

static void decide(void)
{
    explorer_note("decides about a kick");
    driver.undecided = false;
    if (vpt_queue_kick_prepare(queue())) {
        must(vpt_queue_notify(queue()), "notify");
    }
}

static void kick(void)
{
    explorer_note("publishes and decides about a kick");
    must(vpt_queue_kick(queue()), "kick");
    driver.unpublished = false;
}

static void switch_off(void)
{
    explorer_note("turns notifications off");
    vpt_queue_notifications_off(queue());
    driver.on = false;
    driver.armed = false;
}

static void switch_on(void)
{
    explorer_note("turns notifications on");
    driver.on = true;
    driver.armed = !vpt_queue_notifications_on(queue());
}

static bool may_sleep(void)
{
    return driver.armed && driver.in_flight != 0 && !driver.unpublished && !driver.undecided;
}

static void move(void)
{
    void (*moves[8])(void);
    unsigned count = 0;

    if (driver.submitted < scenario->requests && driver.submitted - driver.returned < scenario->depth) {
        moves[count++] = submit;
    }
    if (driver.unpublished) {
        moves[count++] = scenario->steps ? publish : kick;
    }
    if (driver.undecided) {
        moves[count++] = decide;
    }
    if (driver.in_flight != 0) {
        moves[count++] = take_one;
    }
    if (scenario->slots && driver.in_flight != 0) {
        moves[count++] = take_batch;
    }
    if (scenario->switching) {
        moves[count++] = driver.on ? switch_off : switch_on;
    }
    if (scenario->resetting && !driver.reset && driver.in_flight != 0) {
        moves[count++] = reset;
    }
    if (may_sleep()) {
        moves[count++] = sleep_until_interrupt;
    }
    moves[explorer_choose(count)]();
    queue()->kicks = 0; /* counts only, but would make states differ */
}

/* One request from its submission until no other is there. */
static void pass(void)
{
    driver.next = 0;
    submit();
    kick();
    while (driver.in_flight != 0) {
        sleep_until_interrupt();
        while (take(1) != 0) {
        }
    }
    device_forget();
}

void driver_main(void)
{
    set_up();
    for (uint32_t i = 0; i < scenario->start; i++) {
        pass();
    }
    driver.next = 0;
    driver.submitted = 0;
    driver.returned = 0;
    driver.armed = true;
    explorer_begin();
    while (driver.returned < scenario->requests) {
        move();
    }
    explorer_end();
}

void driver_keep(void)
{
    explorer_keep(&driver, sizeof(driver));
}

bool driver_lost_interrupt(void)
{
    return device_returned() != driver.taken;
}
