/* SPDX-License-Identifier: MIT */
/*
 * Tests which calls take which lock: two threads with a queue and a lock each, an interrupt thread and an idle loop
 * without locks, and one thread with the device's lock. Resets that exclude them all follow repeatedly; at the end the
 * device is removed while everything runs. Checks the data, and that each request comes back once. The thread sanitizer
 * reports any access that has no lock by docs/contexts.md, and the program fails.
 *
 * Prints a line for each scenario; exits non-zero after a failure. With --race it makes a race that must be reported:
 * otherwise the sanitizer is missing.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "threads_simulated.h"

#define DEPTH        6u    /* maximum in flight in a queue */
#define REQUEST      1024u /* bytes, in two segments */
#define SECTORS_EACH (SECTORS / QUEUES)
#define RESETS       6u
#define REQUESTS     400u /* for each queue between two resets */
#define IDLE_BURST   200u

#define CHECK(condition)                \
    do {                                \
        if (!(condition)) {             \
            fail(#condition, __LINE__); \
        }                               \
    } while (0)

enum step { STEP_WRITE, STEP_READ };

struct request {
    bool in_flight;
    enum step step;
    uint32_t seed;
    uint64_t sector;
    uint8_t data[REQUEST];
};

/* Data of one thread, under its lock. */
struct lane {
    pthread_t thread;
    pthread_mutex_t lock;
    struct vpt_blk_queue queue;
    struct request requests[DEPTH];
    uint8_t helper_data[SECTOR];
    unsigned index;
    unsigned in_flight;
    uint32_t round;
    uint32_t submitted;
    uint32_t returned;
    uint32_t cancelled;
    uint32_t gone;
    /* Without a lock. */
    bool woken;
    bool ended;        /* has seen the removal */
    uint32_t verified; /* reads with correct data */
};

static struct {
    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_pci_msix msix;
    struct vpt_device *device;
    struct vpt_blk blk;
    struct lane lanes[QUEUES];
    pthread_mutex_t lock;      /* the device's */
    pthread_mutex_t idle_lock; /* while it is held, the queues exist */
    bool stop;
    bool removing; /* no more helpers, which may end in a reset */
    uint32_t configuration_interrupts;
    uint32_t checks;
    uint32_t idle_hits;
} test;

static void fail(const char *what, int line)
{
    printf("FAIL\tthreads\tline %d: %s\n", line, what);
    (void)fflush(stdout);
    _Exit(1);
}

static void lock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
}

static void unlock(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

/* ---- Requests ---- */

static uint8_t byte_of(uint32_t seed, size_t at)
{
    return (uint8_t)((seed * 2654435761u + (uint32_t)at * 40503u) >> 11);
}

static void submit(struct lane *lane, struct request *request)
{
    const struct vpt_segment segments[] = { { (uintptr_t)request->data, REQUEST / 4u },
                                            { (uintptr_t)request->data + REQUEST / 4u, REQUEST - REQUEST / 4u } };
    const struct vpt_blk_request wanted = {
        .operation = request->step == STEP_WRITE ? VPT_BLK_WRITE : VPT_BLK_READ,
        .sector = request->sector,
        .segments = segments,
        .segment_count = 2,
    };

    if (request->step == STEP_WRITE) {
        request->seed = request->seed * 1664525u + 1013904223u;
    }
    for (size_t i = 0; i < REQUEST; i++) {
        request->data[i] = request->step == STEP_WRITE ? byte_of(request->seed, i) : 0;
    }
    request->in_flight = true;
    CHECK(vpt_blk_submit(&lane->queue, &wanted, request) == VPT_OK);
    lane->in_flight++;
    lane->submitted++;
}

static void verify(struct lane *lane, const struct request *request)
{
    for (size_t i = 0; i < REQUEST; i++) {
        CHECK(request->data[i] == byte_of(request->seed, i));
    }
    ADD(lane->verified, 1u);
}

/* A request that returns another status than VPT_OK may have been executed or not, so it is written again. */
static void complete(struct lane *lane, const struct vpt_completion *completion)
{
    struct request *request = completion->token;

    CHECK(request >= lane->requests && request < lane->requests + DEPTH && request->in_flight);
    request->in_flight = false;
    lane->in_flight--;
    lane->returned++;
    simulated_progress();
    if (completion->status != VPT_OK) {
        CHECK(completion->status == VPT_CANCELLED || completion->status == VPT_DEVICE_GONE);
        lane->cancelled += completion->status == VPT_CANCELLED;
        lane->gone += completion->status == VPT_DEVICE_GONE;
        request->step = STEP_WRITE;
    } else if (request->step == STEP_WRITE) {
        request->step = STEP_READ;
    } else {
        verify(lane, request);
        request->step = STEP_WRITE;
    }
}

/*
 * Takes all completions. Returns VPT_EMPTY, or an error such as VPT_CANCELLED after the last request of a stopped
 * queue.
 */
static enum vpt_status poll_all(struct lane *lane)
{
    struct vpt_completion completion;
    enum vpt_status status;

    while ((status = vpt_requests_poll(&lane->queue.requests, &completion)) == VPT_OK) {
        complete(lane, &completion);
    }
    return status;
}

/* ---- The threads of the queues ---- */

static void use_helpers(struct lane *lane)
{
    uint64_t sector = lane->index * SECTORS_EACH + SECTORS_EACH - 1u;

    for (size_t i = 0; i < SECTOR; i++) {
        lane->helper_data[i] = byte_of(lane->round, i);
    }
    CHECK(vpt_blk_write(&lane->queue, sector, lane->helper_data, SECTOR) == VPT_OK);
    memset(lane->helper_data, 0, SECTOR);
    CHECK(vpt_blk_read(&lane->queue, sector, lane->helper_data, SECTOR) == VPT_OK);
    for (size_t i = 0; i < SECTOR; i++) {
        CHECK(lane->helper_data[i] == byte_of(lane->round, i));
    }
    CHECK(vpt_blk_flush(&lane->queue) == VPT_OK);
}

/* Returns true if there is nothing to do until the next interrupt. */
static bool work(struct lane *lane)
{
    bool rest = lane->round % 16u == 15u; /* lets all requests return, for the helpers */
    enum vpt_status status;

    lane->round++;
    for (unsigned i = 0; i < DEPTH && !rest; i++) {
        if (!lane->requests[i].in_flight && (lane->round + i) % 3u != 0) {
            submit(lane, &lane->requests[i]);
        }
    }
    status = vpt_requests_kick(&lane->queue.requests);
    CHECK(status == VPT_OK || status == VPT_DEVICE_GONE);
    vpt_requests_notifications_off(&lane->queue.requests);
    (void)poll_all(lane);
    if (rest && lane->in_flight != 0) {
        lane->round--;
    } else if (rest && !GET(test.removing)) {
        use_helpers(lane);
    }
    return !vpt_requests_notifications_on(&lane->queue.requests) && lane->in_flight != 0;
}

static void wait_for_interrupt(struct lane *lane)
{
    while (!TAKE(lane->woken, false) && !GET(test.stop) && !vpt_device_gone(test.device)) {
        simulated_yield();
    }
}

static void *run_lane(void *argument)
{
    struct lane *lane = argument;

    while (!GET(test.stop)) {
        bool wait = false;

        lock(&lane->lock);
        if (!vpt_device_gone(test.device)) {
            wait = work(lane);
        } else if (!GET(lane->ended)) {
            CHECK(poll_all(lane) != VPT_OK);
            CHECK(lane->in_flight == 0);
            SET(lane->ended, true);
        }
        unlock(&lane->lock);
        if (wait) {
            wait_for_interrupt(lane);
        }
        simulated_yield();
    }
    return NULL;
}

/* ---- The interrupt, the idle loop, the device's owner ---- */

/* On a line, only the first reader of the status gets the cause. With messages, each vector is one cause. */
static void handle_interrupts(void)
{
    uint32_t what = vpt_device_interrupt(test.device);

    (void)vpt_device_check(test.device);
    for (unsigned i = 0; i < QUEUES; i++) {
        if (simulated.front == FRONT_PCI ? simulated_message(i + 1u) : (what & VPT_INTERRUPT_QUEUE) != 0) {
            SET(test.lanes[i].woken, true);
        }
    }
    if (simulated.front == FRONT_PCI ? simulated_message(0) : (what & VPT_INTERRUPT_CONFIGURATION) != 0) {
        ADD(test.configuration_interrupts, 1u);
    }
}

static void *run_interrupts(void *unused)
{
    (void)unused;
    while (!GET(test.stop)) {
        handle_interrupts();
        simulated_yield();
    }
    return NULL;
}

static void *run_idle(void *unused)
{
    (void)unused;
    while (!GET(test.stop)) {
        lock(&test.idle_lock);
        for (unsigned i = 0; i < IDLE_BURST; i++) {
            if (vpt_queue_has_used(&test.lanes[i % QUEUES].queue.requests.queue) && !vpt_device_gone(test.device)) {
                ADD(test.idle_hits, 1u);
            }
        }
        unlock(&test.idle_lock);
        simulated_yield();
    }
    return NULL;
}

static void *run_owner(void *unused)
{
    const struct vpt_config_field field = { .width = 8 };

    (void)unused;
    while (!GET(test.stop)) {
        uint64_t capacity = 0;
        uint32_t low = 0;

        lock(&test.lock);
        simulated_configuration_changed();
        if (vpt_device_check(test.device) == VPT_OK) {
            (void)vpt_device_config_read(test.device, 0, 4, &low);
            (void)vpt_device_config_fields(test.device, &field, 1, &capacity);
        }
        if (vpt_device_check(test.device) == VPT_OK) {
            CHECK(low == SECTORS && capacity == SECTORS);
            ADD(test.checks, 1u);
        }
        unlock(&test.lock);
        simulated_yield();
    }
    return NULL;
}

/* ---- Bring-up and its end, under every lock ---- */

static void probe(void)
{
    if (simulated.front == FRONT_MMIO) {
        CHECK(vpt_mmio_probe(&test.mmio, &simulated_port, simulated_slot(), 0x200) == VPT_OK);
        test.device = &test.mmio.device;
        return;
    }
    CHECK(vpt_virtio_pci_probe(&test.pci, &simulated_function, &simulated_bars, VPT_VIRTIO_PCI_MODERN) == VPT_OK);
    test.device = &test.pci.device;
    CHECK(vpt_pci_msix_init(&test.msix, &simulated_function, &simulated_bars) == VPT_OK);
    CHECK(test.msix.entries == VECTORS);
    for (uint16_t i = 0; i < VECTORS; i++) {
        CHECK(vpt_pci_msix_program(&test.msix, i, 0xfee00000u, i) == VPT_OK);
        CHECK(vpt_pci_msix_mask(&test.msix, i, false) == VPT_OK);
    }
    CHECK(vpt_pci_msix_enable(&test.msix, true) == VPT_OK);
}

static const struct vpt_interrupts wish = { VPT_INTERRUPTS_PER_QUEUE, QUEUES, 0, VECTORS, 0, 0, 0 };

static void bring_up(void)
{
    const struct vpt_requests_config config = { .requests = DEPTH, .segments = 4, .size = QUEUE_SIZE };
    struct vpt_interrupts interrupts = wish;

    CHECK(vpt_blk_init(&test.blk, test.device, NULL) == VPT_OK);
    CHECK(test.blk.info.queues == QUEUES);
    if (simulated.front == FRONT_PCI) {
        CHECK(vpt_device_choose_interrupts(test.device, &interrupts) == VPT_OK);
        CHECK(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        CHECK(vpt_blk_queue_init(&test.lanes[i].queue, &test.blk, (uint16_t)i, &config) == VPT_OK);
    }
    CHECK(vpt_driver_start(&test.blk.driver) == VPT_OK);
}

/* bring_up() with the queues' existing memory. */
static void restart(void)
{
    struct vpt_interrupts interrupts = wish;

    CHECK(vpt_driver_restart(&test.blk.driver, simulated.front == FRONT_PCI ? &interrupts : NULL) == VPT_OK);
    CHECK(interrupts.mode == VPT_INTERRUPTS_PER_QUEUE);
}

/* A reset excludes every queue; a release excludes the interrupt and the idle loop too. */
static void reset_all(bool keep_queues)
{
    lock(&test.lock);
    for (unsigned i = 0; i < QUEUES; i++) {
        lock(&test.lanes[i].lock);
    }
    CHECK(vpt_device_reset(test.device) == VPT_OK);
    for (unsigned i = 0; i < QUEUES; i++) {
        CHECK(poll_all(&test.lanes[i]) == VPT_EMPTY);
        CHECK(test.lanes[i].in_flight == 0 && test.lanes[i].submitted == test.lanes[i].returned);
    }
    lock(&test.idle_lock);
    if (keep_queues) {
        restart();
    } else {
        CHECK(vpt_driver_release(&test.blk.driver) == VPT_OK);
        bring_up();
    }
    unlock(&test.idle_lock);
    for (unsigned i = 0; i < QUEUES; i++) {
        SET(test.lanes[i].woken, true);
        unlock(&test.lanes[i].lock);
    }
    unlock(&test.lock);
}

/* ---- A scenario ---- */

static void let_them_work(void)
{
    uint32_t goals[QUEUES];

    for (unsigned i = 0; i < QUEUES; i++) {
        goals[i] = GET(test.lanes[i].verified) + REQUESTS;
    }
    for (unsigned i = 0; i < QUEUES; i++) {
        while ((int32_t)(GET(test.lanes[i].verified) - goals[i]) < 0) {
            simulated_yield();
        }
    }
}

static void remove_device(void)
{
    SET(test.removing, true);
    for (unsigned i = 0; i < QUEUES; i++) { /* waits for a helper that has begun */
        lock(&test.lanes[i].lock);
        unlock(&test.lanes[i].lock);
    }
    simulated_remove();
    for (unsigned i = 0; i < QUEUES; i++) {
        while (!GET(test.lanes[i].ended)) {
            simulated_yield();
        }
    }
}

static void make_lanes(void)
{
    memset(&test, 0, sizeof(test));
    CHECK(pthread_mutex_init(&test.lock, NULL) == 0 && pthread_mutex_init(&test.idle_lock, NULL) == 0);
    for (unsigned i = 0; i < QUEUES; i++) {
        struct lane *lane = &test.lanes[i];

        CHECK(pthread_mutex_init(&lane->lock, NULL) == 0);
        lane->index = i;
        for (unsigned n = 0; n < DEPTH; n++) {
            lane->requests[n].sector = i * SECTORS_EACH + n * (REQUEST / SECTOR);
            lane->requests[n].seed = i * 1000u + n;
        }
    }
}

static pthread_t start_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

/* Interrupts may come from the probe on, before any queue exists. */
static void run_scenario(const char *name, enum front front, uint32_t features)
{
    pthread_t interrupts;
    pthread_t others[2];
    uint32_t cancelled = 0;
    uint32_t verified = 0;

    make_lanes();
    simulated_start(front, features);
    probe();
    interrupts = start_thread(run_interrupts, NULL);
    bring_up();
    others[0] = start_thread(run_idle, NULL);
    others[1] = start_thread(run_owner, NULL);
    for (unsigned i = 0; i < QUEUES; i++) {
        test.lanes[i].thread = start_thread(run_lane, &test.lanes[i]);
    }
    for (unsigned i = 0; i < RESETS; i++) {
        let_them_work();
        reset_all(i % 2u != 0);
    }
    let_them_work();
    remove_device();
    SET(test.stop, true);
    for (unsigned i = 0; i < QUEUES; i++) {
        CHECK(pthread_join(test.lanes[i].thread, NULL) == 0);
        CHECK(test.lanes[i].submitted == test.lanes[i].returned && test.lanes[i].in_flight == 0);
        cancelled += test.lanes[i].cancelled + test.lanes[i].gone;
        verified += test.lanes[i].verified;
    }
    CHECK(pthread_join(interrupts, NULL) == 0 && pthread_join(others[0], NULL) == 0 &&
          pthread_join(others[1], NULL) == 0);
    simulated_end();
    CHECK(vpt_driver_release(&test.blk.driver) == VPT_OK);
    CHECK(test.checks != 0 && test.configuration_interrupts != 0 && simulated.interrupts != 0);
    CHECK(cancelled != 0);
    printf("PASS\tthreads\t%s\t%u requests read back right, %u ended by resets and the removal, %u kicks, "
           "%u interrupts\n",
           name, (unsigned)verified, (unsigned)cancelled, (unsigned)simulated.kicks, (unsigned)simulated.interrupts);
}

/* ---- A race, to be reported ---- */

static uint32_t racing;

static void *race(void *unused)
{
    for (uint32_t i = 0; i < 100000u; i++) {
        *(volatile uint32_t *)&racing = i;
    }
    return unused;
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--race") == 0) {
        pthread_t one = start_thread(race, NULL);
        pthread_t other = start_thread(race, NULL);

        return pthread_join(one, NULL) + pthread_join(other, NULL);
    }
    run_scenario("virtio-mmio, by event index", FRONT_MMIO,
                 1u << VPT_F_EVENT_IDX | 1u << VPT_F_INDIRECT_DESC | 1u << VPT_BLK_F_MQ | 1u << VPT_BLK_F_FLUSH);
    run_scenario("virtio-mmio, by flags", FRONT_MMIO, 1u << VPT_BLK_F_MQ | 1u << VPT_BLK_F_FLUSH);
    run_scenario("virtio-pci with MSI-X, by event index", FRONT_PCI,
                 1u << VPT_F_EVENT_IDX | 1u << VPT_F_INDIRECT_DESC | 1u << VPT_BLK_F_MQ | 1u << VPT_BLK_F_FLUSH);
    run_scenario("virtio-pci with MSI-X, by flags", FRONT_PCI, 1u << VPT_BLK_F_MQ | 1u << VPT_BLK_F_FLUSH);
    return 0;
}
