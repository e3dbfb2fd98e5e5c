/* SPDX-License-Identifier: MIT */
#include "mock_entropy.h"

#include "mock_backend.h"

#define PERIOD 251u /* of the sequence: a prime, so that it differs from that of any buffer */

uint8_t mock_entropy_byte(uint64_t n)
{
    return (uint8_t)(1u + n * 97u % PERIOD);
}

static uint32_t least(uint64_t one, uint64_t other)
{
    return (uint32_t)(one < other ? one : other);
}

/* Writes up to `count` bytes of the sequence to the writable part. Returns how many it took. */
static uint32_t give(struct mock_entropy *entropy, const struct mock_element *element, uint32_t count)
{
    for (uint32_t given = 0; given < count; given++) {
        uint8_t byte = mock_entropy_byte(entropy->bytes);

        if (mock_element_write(entropy->device, element, given, &byte, 1) != 1) {
            return given;
        }
        entropy->bytes++;
    }
    return count;
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_entropy *entropy = backend;
    uint32_t room = least(element->writable_bytes, UINT32_MAX);
    uint32_t count = entropy->options.most != 0 ? least(room, entropy->options.most) : room;

    (void)queue;
    require(entropy, element->readable == 0 && element->writable != 0, "a buffer for the device to read (RNG-OP-1)");
    if (entropy->options.empty != 0) {
        entropy->options.empty--;
        count = 0;
    }
    entropy->requests++;
    count = give(entropy, element, count);
    return count + least(entropy->options.claimed, room - count);
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_entropy *entropy = backend;

    entropy->device = device;
    mock_config_init(&device->config, NULL, 0, device->legacy);
}

const struct mock_backend mock_entropy_backend = {
    .name = "entropy",
    .type = VPT_DEVICE_TYPE_ENTROPY,
    .init = init,
    .handle = handle,
};
