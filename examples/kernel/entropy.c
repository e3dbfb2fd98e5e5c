/* SPDX-License-Identifier: MIT */
#include "entropy.h"

#include <vpt/entropy.h>

#include "pattern.h"
#include "ports.h"
#include "step.h"

#define BLOCKING 200u /* bytes */
#define REQUESTS 3u
#define EACH     20u /* bytes of a request */
#define ATTEMPTS 50000000u

static unsigned char bytes[BLOCKING + REQUESTS * EACH];

/* The device may give fewer bytes than the buffer holds: collects all answers from bytes[BLOCKING] on, without gaps. */
static bool take_answers(struct vpt_entropy *entropy, size_t *total)
{
    struct vpt_completion completion;
    unsigned left = REQUESTS;

    for (uint32_t i = 0; i < ATTEMPTS && left != 0; i++) {
        enum vpt_status status = vpt_requests_poll(&entropy->requests, &completion);
        const unsigned char *answer = completion.token;

        if (status == VPT_EMPTY) {
            continue;
        }
        if (!step("poll the entropy source", status) || !step("random bytes", completion.status)) {
            return false;
        }
        for (uint32_t n = 0; n < completion.length; n++) {
            bytes[BLOCKING + (*total)++] = answer[n];
        }
        left--;
    }
    return left == 0 || step("wait for random bytes", VPT_DEVICE_TIMEOUT);
}

static bool read_at_once(struct vpt_entropy *entropy, size_t *total)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        unsigned char *room = &bytes[BLOCKING + i * EACH];
        const struct vpt_segment segment = { ports_device_address(room), EACH };

        if (!step("ask for random bytes", vpt_entropy_submit(entropy, &segment, 1, room))) {
            return false;
        }
    }
    return step("kick", vpt_requests_kick(&entropy->requests)) && take_answers(entropy, total);
}

static bool bring_up(struct vpt_entropy *entropy, struct vpt_device *device)
{
    if (!step("bring the entropy source up", vpt_entropy_open(entropy, device))) {
        return false;
    }
    vpt_requests_notifications_off(&entropy->requests);
    return true;
}

static void report(const unsigned char *first, size_t size)
{
    print("@entropy %u %llx\n", (unsigned)size, (unsigned long long)pattern_checksum(first, size));
}

bool entropy_read(const struct vpt_port *port, const struct device_place *place)
{
    static struct vpt_entropy entropy;
    struct device device;
    size_t total = 0;

    if (!step("open the entropy source", device_open(&device, port, place)) || !bring_up(&entropy, device.virtio) ||
        !step("read random bytes", vpt_entropy_read(&entropy, bytes, BLOCKING, NULL)) ||
        !read_at_once(&entropy, &total)) {
        return false;
    }
    print("entropy source: read %u random bytes in one call, and %u by %u requests at once\n", BLOCKING,
          (unsigned)total, REQUESTS);
    report(bytes, BLOCKING);
    report(&bytes[BLOCKING], total);
    if (!step("reset the entropy source", vpt_device_reset(device.virtio)) ||
        !step("release the entropy source", vpt_driver_release(&entropy.driver))) {
        return false;
    }
    device_close(&device);
    return true;
}
