/* SPDX-License-Identifier: MIT */
/*
 * The driver's side: every program of a few requests that keeps the contract of include/vpt/queue.h. It sleeps only where
 * that says that a notification will come.
 */
#include "device.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

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
    uint32_t in_flight; /* tokens, a bit each */
    bool unpublished;
    bool undecided;
    bool on;    /* notifications */
    bool armed; /* the next used buffer causes a notification */
    bool reset;
} client;

static struct vpt_queue *queue(void)
{
    return scenario->slots ? &client.entropy.requests.queue : &client.queue;
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

    must(vpt_mmio_probe(&client.mmio, &device_ports[scenario->machine == MACHINE_TCG], device_registers, 0x200), "probe");
    if (scenario->slots) {
        must(vpt_entropy_init(&client.entropy, &client.mmio.device, NULL), "init");
        must(vpt_entropy_queue_init(&client.entropy, &requests), "queue");
    } else {
        must(vpt_device_negotiate(&client.mmio.device, NULL, NULL, NULL), "negotiate");
        must(vpt_queue_init(&client.queue, &client.mmio.device, &config), "queue");
    }
    must(vpt_device_start(&client.mmio.device), "start");
    explorer_check(vpt_features_has(&client.mmio.device.features, VPT_F_RING_PACKED) == scenario->packed, "layout");
    client.on = true;
    client.armed = true;
}

static void restart(void)
{
    if (scenario->slots) {
        must(vpt_driver_restart(&client.entropy.driver, NULL), "restart");
        return;
    }
    must(vpt_device_negotiate(&client.mmio.device, NULL, NULL, NULL), "negotiate again");
    must(vpt_queue_restart(&client.queue), "restart");
    must(vpt_device_start(&client.mmio.device), "start again");
}

/* ---- Requests ---- */

static void submit(void)
{
    uint32_t token = client.next++;
    uint32_t count = token % 2u != 0 && scenario->segments > 1u ? 2u : 1u;
    struct vpt_segment segments[2];
    void *pointer = (void *)(uintptr_t)(token + 1u);

    explorer_note("submits");
    explorer_check(token < TOKENS_MAX, "tokens");
    for (uint32_t i = 0; i < 2u; i++) {
        segments[i] = (struct vpt_segment){ (uintptr_t)data[token], DATA_LENGTH(token, i) };
    }
    if (scenario->slots) {
        must(vpt_requests_submit(&client.entropy.requests, segments, 0, 1, pointer), "submit");
    } else {
        must(vpt_queue_add(&client.queue, segments, 0, (uint16_t)count, pointer), "add");
    }
    client.in_flight |= 1u << token;
    client.submitted++;
    client.unpublished = true;
}

static void came_back(const void *token, bool used)
{
    uintptr_t number = (uintptr_t)token - 1u;

    explorer_check(number < TOKENS_MAX && (client.in_flight >> number & 1u) != 0, "a request came back twice");
    explorer_check(!used || device_has_used((unsigned)number), "a request came back too early");
    client.in_flight &= ~(1u << number);
}

/* Takes at most `count` requests, which is one if they have no slots. Returns how many have come back. */
static uint32_t take(uint32_t count)
{
    struct vpt_completion completions[BATCH];
    enum vpt_status status;
    uint32_t done = 0;

    if (!scenario->slots) {
        status = vpt_queue_pop(&client.queue, &completions[0].token, NULL);
        done = status == VPT_OK;
    } else if (count == 1u) {
        status = vpt_requests_poll(&client.entropy.requests, completions);
        done = status == VPT_OK;
    } else {
        status = vpt_requests_poll_batch(&client.entropy.requests, completions, count, &done);
    }
    explorer_check(status == VPT_OK || status == VPT_EMPTY, "the queue has stopped");
    for (uint32_t i = 0; i < done; i++) {
        came_back(completions[i].token, true);
    }
    client.returned += done;
    client.armed = status == VPT_EMPTY && client.on;
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
        (void)vpt_device_interrupt(&client.mmio.device);
    }
    client.armed = false;
}

/* Those that had not come back are submitted once more. */
static void reset(void)
{
    explorer_note("resets the device");
    client.reset = true;
    must(vpt_device_reset(&client.mmio.device), "reset");
    for (;;) {
        struct vpt_completion completion;
        enum vpt_status status = scenario->slots ? vpt_requests_poll(&client.entropy.requests, &completion)
                                                 : vpt_queue_drain(&client.queue, &completion.token);

        if (status != VPT_OK) {
            break;
        }
        came_back(completion.token, false);
        client.submitted--;
    }
    explorer_check(client.in_flight == 0, "a request did not come back from a reset");
    client.unpublished = false;
    client.undecided = false;
    restart();
    client.on = true;
    client.armed = true;
}

/* ---- Programs ---- */

static void publish(void)
{
    explorer_note("publishes");
    vpt_queue_publish(queue());
    client.unpublished = false;
    client.undecided = true;
}

static void decide(void)
{
    explorer_note("decides about a kick");
    client.undecided = false;
    if (vpt_queue_kick_prepare(queue())) {
        must(vpt_queue_notify(queue()), "notify");
    }
}

static void kick(void)
{
    explorer_note("publishes and decides about a kick");
    must(vpt_queue_kick(queue()), "kick");
    client.unpublished = false;
}

static void switch_off(void)
{
    explorer_note("turns notifications off");
    vpt_queue_notifications_off(queue());
    client.on = false;
    client.armed = false;
}

static void switch_on(void)
{
    explorer_note("turns notifications on");
    client.on = true;
    client.armed = !vpt_queue_notifications_on(queue());
}

static bool may_sleep(void)
{
    return client.armed && client.in_flight != 0 && !client.unpublished && !client.undecided;
}

static void move(void)
{
    void (*moves[8])(void);
    unsigned count = 0;

    if (client.submitted < scenario->requests && client.submitted - client.returned < scenario->depth) {
        moves[count++] = submit;
    }
    if (client.unpublished) {
        moves[count++] = scenario->steps ? publish : kick;
    }
    if (client.undecided) {
        moves[count++] = decide;
    }
    if (client.in_flight != 0) {
        moves[count++] = take_one;
    }
    if (scenario->slots && client.in_flight != 0) {
        moves[count++] = take_batch;
    }
    if (scenario->switching) {
        moves[count++] = client.on ? switch_off : switch_on;
    }
    if (scenario->resetting && !client.reset && client.in_flight != 0) {
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
    client.next = 0;
    submit();
    kick();
    while (client.in_flight != 0) {
        sleep_until_interrupt();
        while (take(1) != 0) {
        }
    }
    device_forget();
}

void client_main(void)
{
    set_up();
    for (uint32_t i = 0; i < scenario->start; i++) {
        pass();
    }
    client.next = 0;
    client.submitted = 0;
    client.returned = 0;
    client.armed = true;
    explorer_begin();
    while (client.returned < scenario->requests) {
        move();
    }
    explorer_end();
}

static void client_keep(void)
{
    explorer_keep(&client, sizeof(client));
}

bool client_lost_interrupt(void)
{
    return device_returned() != queue()->last_used;
}

/* ---- Scenarios ---- */

#define START 65535u

/* Each is explored on a split and on a packed ring, with and without EVENT_IDX. */
static const struct scenario scenarios[] = {
    { .name = "from the beginning", .requests = 2 },
    { .name = "three requests", .requests = 3, .start = START },
    { .name = "lists", .requests = 2, .start = START, .segments = 2 },
    { .name = "switching", .requests = 2, .start = START, .switching = true },
    { .name = "steps", .requests = 2, .start = START, .steps = true },
    { .name = "resetting", .requests = 3, .depth = 1, .switching = true, .resetting = true },
    { .name = "line", .requests = 2, .start = START, .line = true },
    { .name = "slots", .requests = 2, .start = START, .slots = true, .switching = true },
    { .name = "weak", .requests = 2, .start = START, .machine = MACHINE_WEAK },
    { .name = "platform", .requests = 2, .start = START, .machine = MACHINE_PLATFORM },
    { .name = "emulated", .requests = 2, .start = START, .machine = MACHINE_TCG, .switching = true },
};

/* Usage: explorer [--trace] [PATTERN...]: explores the scenarios whose names match one, as fnmatch() says. */
static bool wanted(const char *name, char *const *patterns)
{
    bool any = *patterns == NULL;

    for (; *patterns != NULL; patterns++) {
        any |= fnmatch(*patterns, name, 0) == 0;
    }
    return any;
}

static bool explore(struct scenario which, char *const *patterns, bool trace)
{
    char name[80];
    unsigned long states = 0;
    const char *found;

    (void)snprintf(name, sizeof(name), "%s, %s, %s", which.packed ? "packed" : "split",
                   which.event_idx ? "EVENT_IDX" : "flags", which.name);
    if (!wanted(name, patterns)) {
        return true;
    }
    which.depth = which.depth != 0 ? which.depth : 2u;
    which.size = which.segments > 1u ? 4u : 2u;
    found = explorer_run(&which, &states, trace);
    printf("%s\t%s\t%lu states%s%s\n", found == NULL ? "PASS" : "FAIL", name, states, found == NULL ? "" : "\t",
           found == NULL ? "" : found);
    (void)fflush(stdout);
    return found == NULL;
}

int main(int count, char **arguments)
{
    bool trace = count > 1 && strcmp(arguments[1], "--trace") == 0;
    char *const *patterns = arguments + (trace ? 2 : 1);

    client_keep();
    device_keep();
    for (unsigned i = 0; i < 4u * sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        struct scenario which = scenarios[i / 4u];

        which.packed = (i & 2u) != 0;
        which.event_idx = (i & 1u) != 0;
        if (!explore(which, patterns, trace)) {
            return 1; /* the next ones take long, and say no more */
        }
    }
    return 0;
}
