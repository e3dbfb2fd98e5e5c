/* SPDX-License-Identifier: MIT */
#include "neighbour.h"

#include "ports.h"
#include "step.h"

#define POLL_ATTEMPTS 1000u /* polls, each after an interrupt */

bool neighbour_bring_up(struct neighbour *neighbour, const struct vpt_port *port, const struct device_place *place)
{
    struct device *device = &neighbour->device;

    *neighbour = (struct neighbour){ 0 };
    return step("open the entropy source", device_open(device, port, place)) &&
           wiring_prepare(&neighbour->wiring, VPT_INTERRUPTS_LINE, device, place) &&
           step("initialize it", vpt_entropy_init(&neighbour->entropy, device->virtio, NULL)) &&
           wiring_connect(&neighbour->wiring) &&
           step("set up its queue", vpt_entropy_queue_init(&neighbour->entropy, NULL)) &&
           step("start it", vpt_driver_start(&neighbour->entropy.driver));
}

bool neighbour_ask(struct neighbour *neighbour)
{
    struct vpt_segment segment;

    if (neighbour == NULL) {
        return true;
    }
    segment = (struct vpt_segment){ ports_device_address(neighbour->bytes), NEIGHBOUR_BYTES };
    for (unsigned i = 0; i < NEIGHBOUR_BYTES; i++) {
        neighbour->bytes[i] = 0;
    }
    return step("ask for entropy", vpt_entropy_submit(&neighbour->entropy, &segment, 1, NULL)) &&
           step("kick the entropy source", vpt_requests_kick(&neighbour->entropy.requests));
}

/* Whether the bytes have changed from zero: one in 2^64 answers would begin with eight zero bytes. */
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
    struct vpt_completion completion = { 0 };

    if (neighbour == NULL) {
        return true;
    }
    for (unsigned i = 0; i < POLL_ATTEMPTS && status == VPT_EMPTY; i++) {
        if (!interrupts_wait(&neighbour->wiring.source)) {
            return false;
        }
        status = vpt_requests_poll(&neighbour->entropy.requests, &completion);
    }
    if (!step("take the entropy", status) || !step("the entropy", completion.status) ||
        !answered(neighbour, completion.length)) {
        return false;
    }
    neighbour->answers++;
    return step_expect("look for more", VPT_EMPTY, vpt_requests_poll(&neighbour->entropy.requests, &completion));
}

bool neighbour_take_down(struct neighbour *neighbour)
{
    if (!step("reset the entropy source", vpt_device_reset(neighbour->device.virtio))) {
        return false;
    }
    wiring_disconnect(&neighbour->wiring);
    if (!step("release it", vpt_driver_release(&neighbour->entropy.driver))) {
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
    print("@neighbour %u %u %u %u %u\n", (unsigned)neighbour->answers, (unsigned)source->sleeps, neighbour->wiring.line,
          (unsigned)source->asked, (unsigned)source->claimed);
}
