/* SPDX-License-Identifier: MIT */
/*
 * A life full of recovery (suspend, resume, quiescing, reset, restart) on each transport, with one lie or deed at each
 * single access, once and from then on: it ends, each request comes back once, memory is given back, and after the lie
 * the next life works.
 */
#include "mock_lies.h"
#include "disk.h"

#include <string.h>

TestSuite(lies_recovery, .timeout = 120);

#define FLIGHT 10u

static const struct {
    enum mock_lie_how how;
    uint64_t value;
} ways[] = {
    { MOCK_LIE_VALUE, 0 }, { MOCK_LIE_VALUE, UINT64_MAX }, { MOCK_LIE_XOR, 0x01 },      { MOCK_LIE_XOR, 0x10 },
    { MOCK_LIE_ADD, 1 },   { MOCK_LIE_RANDOM, 5 },         { MOCK_LIE_DROP, 0 },        { MOCK_LIE_VANISH, 0 },
    { MOCK_LIE_RESET, 0 }, { MOCK_LIE_STOP, 0 },           { MOCK_LIE_NEEDS_RESET, 0 }, { MOCK_LIE_COMPLETE, 0 },
    { MOCK_LIE_LOOK, 0 },  { MOCK_LIE_CONFIGURATION, 0 },  { MOCK_LIE_SCRIBBLE, 3 },
};

static bool out[PAIR_REQUESTS]; /* with the driver */

static void took(void *ctx, const struct vpt_completion *completion)
{
    ptrdiff_t request = (unsigned *)completion->token - disk.back;

    (void)ctx;
    cr_assert(request >= 0 && request < (ptrdiff_t)PAIR_REQUESTS && out[request], "a request came back twice");
    out[request] = false;
}

static enum vpt_status poll_all(void)
{
    enum vpt_status result = VPT_EMPTY;

    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        struct vpt_completion completion;
        enum vpt_status status = vpt_requests_poll(&disk.queue[i].requests, &completion);

        for (unsigned n = 0; n <= PAIR_REQUESTS && status == VPT_OK; n++) {
            took(NULL, &completion);
            status = vpt_requests_poll(&disk.queue[i].requests, &completion);
        }
        result = status != VPT_EMPTY ? status : result;
    }
    return result;
}

/* As far as the device lets it. */
static void submit_all(void)
{
    for (unsigned i = 0; i < FLIGHT; i++) {
        struct vpt_segment segment = { machine.data.device_address + i * SECTOR, SECTOR };
        struct vpt_blk_request request = {
            .operation = VPT_BLK_READ, .sector = i, .segments = &segment, .segment_count = 1
        };

        if (!out[i] && vpt_blk_submit(&disk.queue[i % DISK_QUEUES], &request, &disk.back[i]) == VPT_OK) {
            out[i] = true;
        }
    }
}

static void quiesce_all(void)
{
    for (unsigned i = 0; i < DISK_QUEUES; i++) {
        (void)vpt_requests_quiesce(&disk.queue[i].requests, took, NULL);
    }
}

static void live(void)
{
    submit_all();
    (void)vpt_requests_kick(&disk.queue[0].requests);
    if (vpt_device_suspend(machine.device) == VPT_OK) {
        submit_all();
        (void)poll_all();
        (void)vpt_device_resume(machine.device);
    }
    quiesce_all();
    (void)vpt_device_reset(machine.device);
    (void)poll_all();
    if (vpt_driver_restart(&disk.blk.driver, NULL) == VPT_OK) {
        submit_all();
        quiesce_all();
        (void)vpt_blk_flush(&disk.queue[1]);
    }
}

/* What the lie has left behind is put in order by a driver that goes by the book. */
static void assert_recovers(void)
{
    enum vpt_status status = vpt_device_reset(machine.device);

    (void)poll_all();
    for (unsigned i = 0; i < FLIGHT; i++) {
        cr_assert(!out[i] || status == VPT_DEVICE_STUCK, "request %u is lost: %s", i, vpt_status_str(status));
    }
    if (status == VPT_OK) {
        status = vpt_driver_restart(&disk.blk.driver, NULL);
        cr_assert(status == VPT_OK || status == VPT_DEVICE_GONE, "%s", vpt_status_str(status));
    }
    if (status == VPT_OK) {
        pair_assert_works(3);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(pair_poll(), VPT_EMPTY);
    }
    cr_assert(status == VPT_OK || status == VPT_DEVICE_GONE || status == VPT_DEVICE_TIMEOUT, "%s",
              vpt_status_str(status));
}

/* Whether the lie fired. */
static bool lie_at(enum machine_kind kind, size_t way, uint32_t access, uint32_t times)
{
    struct vpt_features offer = { { 0 } };
    const struct mock_lie lie = {
        .space = MOCK_SPACE_ANY, .how = ways[way].how, .value = ways[way].value, .first = access, .times = times
    };
    unsigned number;
    bool fired;

    memset(out, 0, sizeof(out));
    vpt_features_add(&offer, VPT_F_SUSPEND);
    pair_start(kind, kind == MACHINE_MMIO_2 || kind == MACHINE_PCI_MODERN ? &offer : NULL);
    for (unsigned i = 1; i < MOCK_WAITS; i++) {
        machine.hal->wait_budget[i] = 8;
    }
    machine.model->completion.mode = MOCK_COMPLETE_BY_TICK;
    machine.model->completion.delay = 2;
    number = mock_lie_set(&machine.model->lies, &lie);
    live();
    fired = mock_lie_fired(&machine.model->lies, number) != 0;
    mock_lies_clear(machine.model);
    assert_recovers();
    disk_release();
    machine_finish();
    return fired;
}

TRANSPORT_TEST(lies_recovery, every_request_comes_back_once_whatever_is_lied_about_on_the_way)
{
    uint32_t lives = 0;

    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        for (uint32_t times = 0; times < 2; times++) {
            uint32_t access = 1;

            while (lie_at(variant->kind, way, access, times)) {
                access += test_stride();
                lives++;
                cr_assert(access < 2000);
            }
        }
    }
    cr_assert(lives > 1500 / test_stride(), "%u", lives);
}
