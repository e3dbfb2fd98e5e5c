/* SPDX-License-Identifier: MIT */
#include "request_support.h"

#include <string.h>

struct tested tested;

static enum vpt_status examine(struct vpt_driver *driver)
{
    cr_assert(driver == &tested.driver && (bench.machine.device.status & VPT_STATUS_DRIVER) != 0);
    cr_assert(bench.machine.device.accepted.word[0] == 0);
    return tested.examined;
}

static enum vpt_status configure(struct vpt_driver *driver)
{
    cr_assert(driver == &tested.driver);
    tested.configurations++;
    return tested.configured;
}

const struct vpt_driver_kind tested_driver = {
    .type = BENCH_TYPE, .wanted = { { 1u << F_WANTED } }, .examine = examine, .configure = configure
};
const struct vpt_requests_kind framed = { .header = HEADER_SIZE, .reply = 1 };
const struct vpt_requests_config tested_config = { .requests = SUBJECT_REQUESTS, .segments = SUBJECT_SEGMENTS };

void tested_negotiate(const struct variant *variant, const struct mock_machine_options *options)
{
    memset(&tested, 0, sizeof(tested));
    bench_probe(variant, options);
    assert_status(vpt_driver_init(&tested.driver, bench.device, &tested_driver, NULL), VPT_OK);
}

void tested_start(const struct variant *variant, const struct vpt_requests_kind *kind,
                  const struct vpt_requests_config *config)
{
    tested_negotiate(variant, NULL);
    assert_status(
        vpt_requests_init(&tested.requests, &tested.driver, 0, kind, 0, config != NULL ? config : &tested_config),
        VPT_OK);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
}

enum vpt_status tested_submit(uintptr_t token)
{
    struct vpt_segment segment = bench_segment(token * SUBJECT_LENGTH, SUBJECT_LENGTH);

    return vpt_requests_submit(&tested.requests, &segment, 0, 1, (void *)token);
}

uintptr_t tested_take(enum vpt_status status)
{
    assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_OK);
    assert_status(tested.completion.status, status);
    return (uintptr_t)tested.completion.token;
}

void tested_assert_back(uint32_t tokens, enum vpt_status status)
{
    enum vpt_status polled = vpt_requests_poll(&tested.requests, &tested.completion);

    while (polled == VPT_OK) {
        uintptr_t token = (uintptr_t)tested.completion.token;

        cr_assert(token < 32 && (tokens & 1u << token) != 0, "token %zu", (size_t)token);
        tokens &= ~(1u << token);
        assert_status(tested.completion.status, status);
        cr_assert(status == VPT_OK || tested.completion.length == 0);
        polled = vpt_requests_poll(&tested.requests, &tested.completion);
    }
    assert_status(polled, VPT_EMPTY);
    cr_assert(tokens == 0, "0x%x did not come back", (unsigned)tokens);
}

void tested_assert_works(void)
{
    bench.machine.device.completion.mode = MOCK_COMPLETE_AT_KICK;
    for (uintptr_t i = 0; i < 3 * SUBJECT_REQUESTS; i++) {
        uintptr_t token = i % 32u;

        memset(bench_bytes(token * SUBJECT_LENGTH), 0, SUBJECT_LENGTH);
        bench.fill = (uint8_t)(1u + i);
        assert_status(tested_submit(token), VPT_OK);
        assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
        cr_assert(tested_take(VPT_OK) == token);
        cr_assert(*bench_bytes(token * SUBJECT_LENGTH) == (uint8_t)(1u + i));
    }
    assert_status(vpt_requests_poll(&tested.requests, &tested.completion), VPT_EMPTY);
}

void tested_end(void)
{
    assert_status(vpt_device_reset(bench.device), VPT_OK);
    while (tested.driver.first != NULL && vpt_requests_poll(tested.driver.first, &tested.completion) == VPT_OK) {
    }
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    cr_assert(all_zero(&tested.driver, sizeof(tested.driver)));
    bench_finish();
}
