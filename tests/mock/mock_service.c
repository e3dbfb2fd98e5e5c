/* SPDX-License-Identifier: MIT */
/* How a device takes buffers, completes them in some order and interrupts the driver. */
#include "mock_internal.h"

#include <inttypes.h>
#include <limits.h>

#include <vpt/transport.h>

#include "mock_ring.h"

/* A driver that turns bus mastering off while the device has work breaks a rule, once, unless it resets the device. */
static bool reaches_memory(struct mock_device *device)
{
    bool reaches = mock_device_reaches_memory(device);

    if (!reaches && !device->cut_off && !mock_device_in_reset(device)) {
        mock_violation(device->violations, "the device has work, but bus mastering is off");
        device->cut_off = true;
    }
    return reaches;
}

/* Whether the device may touch rings: a legacy one tolerates use before DRIVER_OK (LEG-INIT-3). */
static bool running(const struct mock_device *device)
{
    unsigned needed = device->legacy ? VPT_STATUS_DRIVER : VPT_STATUS_DRIVER_OK;

    return !device->vanished && !device->powerless && !device->stopped && (device->status & needed) != 0 &&
           (device->status & (VPT_STATUS_DEVICE_NEEDS_RESET | VPT_STATUS_FAILED)) == 0;
}

static bool serviceable(struct mock_device *device, const struct mock_queue *queue)
{
    return running(device) && queue->enabled && !queue->broken && reaches_memory(device);
}

static void accept_element(struct mock_device *device, struct mock_queue *queue, struct mock_element *element)
{
    uint64_t late = 0;

    element->due = device->ticks + (device->completion.delay != 0 ? device->completion.delay : 1u);
    if (device->completion.mode == MOCK_COMPLETE_AT_KICK) {
        element->due = device->ticks;
    }
    if (mock_fault_fires(&device->faults, MOCK_FAULT_COMPLETION_LATE, &late)) {
        element->due += late;
    }
    element->first = mock_fault_fires(&device->faults, MOCK_FAULT_COMPLETION_FIRST, NULL);
    mock_queue_add_pending(queue, element);
}

static unsigned take_available(struct mock_device *device, struct mock_queue *queue)
{
    struct mock_element element;
    unsigned taken = 0;

    while (serviceable(device, queue) && mock_ring_fetch(device, queue, &element)) {
        accept_element(device, queue, &element);
        taken++;
    }
    if (queue->broken && running(device)) {
        mock_device_needs_reset(device);
    }
    return taken;
}

static uint32_t next_random(struct mock_device *device)
{
    device->random = (device->random ^ device->completion.seed) * 1664525u + 1013904223u;
    return device->random >> 8;
}

static bool in_order(const struct mock_device *device)
{
    return device->backend->in_order || vpt_features_has(&device->accepted, VPT_F_IN_ORDER);
}

static bool usable(const struct mock_device *device, const struct mock_queue *queue, size_t at)
{
    return device->backend->usable == NULL || device->backend->usable(device->backend_ctx, queue, &queue->pending[at]);
}

/* The pending request that completes next, or pending_count if none may yet. `now`: even one that is not due. */
static size_t choose(struct mock_device *device, const struct mock_queue *queue, bool now)
{
    size_t chosen = queue->pending_count;
    uint32_t candidates = 0;

    for (size_t i = 0; i < queue->pending_count; i++) {
        const struct mock_element *element = &queue->pending[i];
        bool due = (now || element->due <= device->ticks) && usable(device, queue, i);

        if (in_order(device)) {
            return due ? i : chosen;
        }
        if (!due) {
            continue;
        }
        candidates++;
        if (element->first) {
            return i;
        }
        if (candidates == 1 || device->completion.order == MOCK_ORDER_REVERSED ||
            (device->completion.order == MOCK_ORDER_SHUFFLED && next_random(device) % candidates == 0)) {
            chosen = i;
        }
    }
    return chosen;
}

/* Carries out one request. False if it ends here without a used element. */
static bool carry_out(struct mock_device *device, struct mock_queue *queue, const struct mock_element *element,
                      uint32_t *length)
{
    if (mock_fault_fires(&device->faults, MOCK_FAULT_NEEDS_RESET, NULL)) {
        mock_device_needs_reset(device);
        return false;
    }
    if (mock_fault_fires(&device->faults, MOCK_FAULT_COMPLETION_LOST, NULL)) {
        return false;
    }
    *length = device->backend->handle(device->backend_ctx, queue, element);
    return true;
}

/* Requests that were carried out, of which the last one is not used yet. */
struct batch {
    struct mock_element last;
    uint32_t length;
    uint32_t count;
};

static void finish_batch(struct mock_device *device, struct mock_queue *queue, struct batch *batch)
{
    if (batch->count == 0) {
        return;
    }
    if (serviceable(device, queue)) {
        mock_ring_push(device, queue, &batch->last, batch->length);
    }
    mock_element_finish(&batch->last);
    batch->count = 0;
}

/* Uses a request that was carried out, now or with others that follow it. Takes over its arrays. */
static void use(struct mock_device *device, struct mock_queue *queue, struct batch *batch, struct mock_element *element,
                uint32_t length)
{
    if (batch->count != 0) {
        mock_ring_skip(device, queue, &batch->last);
        mock_element_finish(&batch->last);
    }
    batch->last = *element;
    batch->length = length;
    batch->count++;
    if (!in_order(device) || batch->count >= device->completion.batch) {
        finish_batch(device, queue, batch);
    }
}

static bool backend_ready(const struct mock_device *device, const struct mock_queue *queue)
{
    return device->backend->ready == NULL || device->backend->ready(device->backend_ctx, queue);
}

/* Completes up to `count` requests of one queue, and interrupts once for all of them. */
static unsigned complete(struct mock_device *device, struct mock_queue *queue, unsigned count, bool now)
{
    struct batch batch = { .count = 0 };
    bool interrupted = false;
    unsigned done = 0;

    while (done < count && serviceable(device, queue) && backend_ready(device, queue)) {
        size_t at = choose(device, queue, now);
        struct mock_element element;
        uint32_t length = 0;

        if (at == queue->pending_count) {
            break;
        }
        mock_access_moment(device, MOCK_SPACE_COMPLETION);
        if (!serviceable(device, queue)) {
            break;
        }
        element = mock_queue_take_pending(queue, at);
        if (!carry_out(device, queue, &element, &length)) {
            mock_element_finish(&element);
            continue;
        }
        done++;
        queue->completions++;
        if (mock_fault_fires(&device->faults, MOCK_FAULT_INTERRUPT_EARLY, NULL)) {
            interrupted = true;
            mock_device_interrupt(device, queue);
        }
        use(device, queue, &batch, &element, length);
    }
    finish_batch(device, queue, &batch);
    if (done != 0 && mock_ring_interrupts(device, queue) && !interrupted &&
        !mock_fault_fires(&device->faults, MOCK_FAULT_INTERRUPT_LOST, NULL)) {
        queue->interrupts++;
        mock_device_interrupt(device, queue);
    }
    return done;
}

void mock_device_complete_one(struct mock_device *device, struct mock_queue *queue)
{
    (void)complete(device, queue, 1, true);
}

/* A driver may have added a buffer while kicks were suppressed, so the ring is read again once they are wanted. */
static unsigned service(struct mock_device *device, struct mock_queue *queue, unsigned count, bool now)
{
    unsigned done = 0;
    unsigned taken;

    device->working++;
    do {
        taken = take_available(device, queue);
        done += complete(device, queue, count - done, now);
        if (!serviceable(device, queue)) {
            break;
        }
        if (queue->pending_count != 0 && !device->completion.keep_kicks && device->backend->usable == NULL) {
            mock_ring_want_kicks(device, queue, true);
            break;
        }
        mock_ring_want_kicks(device, queue, false);
    } while (taken != 0);
    if (device->working == 1) {
        mock_lies_catch_up(device); /* while `working` is set: deeds that fire in here wait for the next time */
    }
    device->working--;
    return done;
}

/* Takes what is available, as after a kick. */
static void look(struct mock_device *device, struct mock_queue *queue)
{
    (void)service(device, queue, device->completion.mode == MOCK_COMPLETE_AT_KICK ? UINT_MAX : 0, false);
}

static void service_kick(struct mock_device *device, struct mock_queue *queue)
{
    uint64_t before = queue->completions;
    uint16_t available = queue->last_available;

    look(device, queue);
    if (queue->last_available == available && queue->completions == before) {
        queue->idle_kicks++;
    }
}

unsigned mock_device_run(struct mock_device *device, unsigned count)
{
    unsigned done = 0;

    for (uint32_t i = 0; i < device->queue_count && done < count; i++) {
        struct mock_queue *queue = mock_device_queue(device, i);

        /* A queue without a pending request waits for a kick. */
        if (queue != NULL && queue->pending_count != 0) {
            done += service(device, queue, count - done, true);
        }
    }
    return done;
}

void mock_device_wake(struct mock_device *device, uint32_t index)
{
    struct mock_queue *queue = mock_device_queue(device, index);

    if (queue != NULL && serviceable(device, queue)) {
        look(device, queue);
    }
}

void mock_device_look(struct mock_device *device)
{
    for (uint32_t i = 0; i < device->queue_count; i++) {
        mock_device_wake(device, i);
    }
}

size_t mock_device_pending(const struct mock_device *device)
{
    size_t pending = 0;

    for (unsigned i = 0; i < MOCK_QUEUES_MAX; i++) {
        pending += device->queues[i].pending_count;
    }
    return pending;
}

void mock_device_tick(void *ctx)
{
    struct mock_device *device = ctx;

    device->ticks++;
    mock_access_moment(device, MOCK_SPACE_TICK);
    if (device->completion.mode == MOCK_COMPLETE_BY_RUN) {
        return;
    }
    for (uint32_t i = 0; i < device->queue_count; i++) {
        struct mock_queue *queue = mock_device_queue(device, i);

        if (queue != NULL && queue->pending_count != 0) {
            (void)service(device, queue, UINT_MAX, false);
        }
    }
}

static bool kick_allowed(struct mock_device *device, const struct mock_queue *queue, uint32_t index)
{
    struct mock_violations *violations = device->violations;

    mock_device_written(device, "QueueNotify");
    return mock_require(violations, queue != NULL, "kick of queue %" PRIu32 ", which does not exist", index) &&
           mock_require(violations, device->legacy || (device->status & VPT_STATUS_DRIVER_OK) != 0,
                        "kick of queue %" PRIu32 " before DRIVER_OK", index) &&
           mock_require(violations, queue->enabled && queue->resetting == 0,
                        "kick of queue %" PRIu32 ", which is not enabled, or is being reset", index);
}

static void check_notification_data(struct mock_device *device, const struct mock_queue *queue, uint32_t value)
{
    uint16_t available = 0;

    if (!vpt_features_has(&device->accepted, VPT_F_NOTIFICATION_DATA)) {
        mock_require(device->violations, value <= 0xffffu, "kick with 0x%08" PRIx32 ", but no NOTIFICATION_DATA",
                     value);
    } else if (mock_ring_available(device, queue, &available)) {
        mock_require(device->violations, (value >> 16) == available,
                     "kick says index %" PRIu32 ", the available ring says %u", value >> 16, available);
    }
}

void mock_device_notify(struct mock_device *device, uint32_t value)
{
    struct mock_queue *queue = mock_device_queue(device, value & 0xffffu);

    mock_suspend_check(device, "a kick");
    if (!kick_allowed(device, queue, value & 0xffffu)) {
        return;
    }
    device->kicks++;
    queue->kicks++;
    check_notification_data(device, queue, value);
    if (mock_fault_fires(&device->faults, MOCK_FAULT_INTERRUPT_SPURIOUS, NULL)) {
        mock_device_interrupt(device, queue);
    }
    if (!mock_fault_fires(&device->faults, MOCK_FAULT_KICK_LOST, NULL)) {
        service_kick(device, queue);
    }
}
