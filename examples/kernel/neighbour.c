/* SPDX-License-Identifier: MIT */
#include "neighbour.h"

#include "ports.h"
#include "step.h"

#define POLL_ATTEMPTS 1000u /* each after an interrupt */

bool neighbour_bring_up(struct neighbour *neighbour, const struct vpt_port *port, const struct device_place *place)
{
    const struct vpt_queue_config config = {.size = 8};
    struct device *device = &neighbour->device;

    *neighbour = (struct neighbour){0};
    return step("open the entropy source", device_open(device, port, place)) &&
           wiring_prepare(&neighbour->wiring, VPT_INTERRUPTS_LINE, device, place) &&
           step("negotiate with it", vpt_device_negotiate(device->virtio, NULL, NULL, NULL)) &&
           wiring_connect(&neighbour->wiring) &&
           step("set its queue up", vpt_queue_init(&neighbour->queue, device->virtio, &config)) &&
           step("start it", vpt_device_start(device->virtio));
}

bool neighbour_ask(struct neighbour *neighbour)
{
    struct vpt_segment segment;

    if (neighbour == NULL) {
        return true;
    }
    segment = (struct vpt_segment){ports_device_address(neighbour->bytes), NEIGHBOUR_BYTES};
    for (unsigned i = 0; i < NEIGHBOUR_BYTES; i++) {
        neighbour->bytes[i] = 0;
    }
    return step("ask for entropy", vpt_queue_add(&neighbour->queue, &segment, 0, 1, neighbour)) &&
           step("kick the entropy source", vpt_queue_kick(&neighbour->queue));
}

/* Whether the bytes are no longer the zeroes they were: one in 2^64 answers would begin with eight of those. */
static bool answered(const struct neighbour *neighbour, uint32_t written)
{
    unsigned set = 0;

    for (uint32_t i = 0; i < written && i < 8u; i++) {
        set |= neighbour->bytes[i];
    }
    if (set == 0) {
        print("FAILED: the entropy source has written nothing\n");
    }
    return set != 0;
}

bool neighbour_answer(struct neighbour *neighbour)
{
    enum vpt_status status = VPT_EMPTY;
    uint32_t written = 0;
    void *token = NULL;

    if (neighbour == NULL) {
        return true;
    }
    for (unsigned i = 0; i < POLL_ATTEMPTS && status == VPT_EMPTY; i++) {
        if (!interrupts_wait(&neighbour->wiring.source)) {
            return false;
        }
        status = vpt_queue_pop(&neighbour->queue, &token, &written);
    }
    if (!step("take the entropy", status) || !answered(neighbour, written)) {
        return false;
    }
    neighbour->answers++;
    return step_expect("look for more", VPT_EMPTY, vpt_queue_pop(&neighbour->queue, &token, &written));
}

bool neighbour_take_down(struct neighbour *neighbour)
{
    if (!step("reset the entropy source", vpt_device_reset(neighbour->device.virtio))) {
        return false;
    }
    wiring_disconnect(&neighbour->wiring);
    if (!step("release its queue", vpt_queue_release(&neighbour->queue))) {
        return false;
    }
    device_close(&neighbour->device);
    return true;
}

void neighbour_report(const struct neighbour *neighbour)
{
    const struct interrupt_source *source = &neighbour->wiring.source;

    print("entropy source on line %u: %u answers; asked %u times, its interrupt %u times\n", neighbour->wiring.line,
          (unsigned)neighbour->answers, (unsigned)source->asked, (unsigned)source->claimed);
    print("@neighbour %u %u %u %u %u\n", (unsigned)neighbour->answers, (unsigned)source->sleeps,
          neighbour->wiring.line, (unsigned)source->asked, (unsigned)source->claimed);
}
