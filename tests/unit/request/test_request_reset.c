/* SPDX-License-Identifier: MIT */
/* A queue of requests is reset alone, and set up again with its size or another one, while another queue works. */
#include <stdio.h>
#include <string.h>

#include "request_support.h"

TestSuite(request_reset, .timeout = 60);

#define OTHER_SIZE 8u
#define PLACES     2u /* virtio-mmio and PCI */

static const enum machine_kind places[PLACES] = { MACHINE_MMIO_2, MACHINE_PCI_MODERN };

static struct vpt_queue other; /* of the same device */

static void start(enum machine_kind kind, const struct variant *variant, const struct vpt_requests_kind *requests)
{
    static struct vpt_driver_kind driver;
    const struct vpt_queue_config config = { .index = 1, .size = OTHER_SIZE };
    struct mock_pci_machine_options options = { .machine.queues = 2 };

    memset(&tested, 0, sizeof(tested));
    vpt_features_add(&options.machine.offer, VPT_F_RING_RESET);
    plain_machine_on(kind, variant, &options);
    assert_status(machine_probe(), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    driver = tested_driver;
    driver.type = machine.device->type; /* on PCI a disk's */
    assert_status(vpt_driver_init(&tested.driver, machine.device, &driver, NULL), VPT_OK);
    assert_status(vpt_queue_init(&other, machine.device, &config), VPT_OK);
    assert_status(vpt_requests_init(&tested.requests, &tested.driver, 0, requests, 0, &tested_config), VPT_OK);
    assert_same(vpt_requests_free(&tested.requests), SUBJECT_REQUESTS);
    assert_status(vpt_driver_start(&tested.driver), VPT_OK);
}

static void assert_other_works(void)
{
    enum mock_completion_mode mode = machine.model->completion.mode;

    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    for (unsigned i = 0; i < 3; i++) {
        queue_send(&other, 5);
        queue_take(&other, 5);
    }
    machine.model->completion.mode = mode;
}

static void end(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    while (tested.driver.first != NULL && tested_poll() == VPT_OK) {
    }
    assert_status(vpt_queue_release(&other), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    machine_close();
    machine_finish();
}

/* Tokens 0 to 7: the first two are used and not polled, the last two are not published. */
static void fill_up(void)
{
    tested_submit_many(6);
    assert_status(vpt_requests_kick(&tested.requests), VPT_OK);
    tested_run(2);
    assert_status(tested_submit(6), VPT_OK);
    assert_status(tested_submit(7), VPT_OK);
}

static void assert_back(void)
{
    uint32_t used = 0;

    for (unsigned i = 0; i < 2; i++) {
        used |= 1u << tested_take(VPT_OK);
    }
    assert_same(used, 3);
    tested_assert_back(0xfc, VPT_CANCELLED);
}

static enum vpt_status reset_and_restart(const struct vpt_requests_config *config)
{
    assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
    tested_assert_back(0, VPT_CANCELLED);
    return vpt_requests_restart(&tested.requests, config);
}

VARIANT_TEST(request_reset, VQRESET_1_VQREEN_1_each_request_comes_back_once_and_the_queue_works_again)
{
    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        uint64_t resets;
        size_t allocations;

        tested_batch = i >= PLACES;
        start(places[i % PLACES], variant, &framed);
        resets = machine.model->resets;
        allocations = mock_hal_live_allocations(machine.hal);
        for (unsigned turn = 0; turn < 2; turn++) {
            machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
            machine.model->queue_reset_reads = 2 * turn;
            fill_up();
            if (turn == 0) {
                assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
                assert_status(vpt_requests_reset(&tested.requests), VPT_CALLER_STATE);
                assert_status(vpt_requests_kick(&tested.requests), VPT_CALLER_STATE);
                assert_status(vpt_requests_ready(&tested.requests), VPT_CALLER_STATE);
                assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_CALLER_BUSY);
                assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_BUSY);
                assert_back();
            } else { /* the device has used two more when the reset ends */
                assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
                for (unsigned j = 0; j < 4; j++) {
                    (void)tested_take(VPT_OK);
                }
                tested_assert_back(0xf0, VPT_CANCELLED);
            }
            assert_status(tested_submit(1), VPT_CANCELLED);
            assert_other_works();
            assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_OK);
            assert_same(vpt_requests_free(&tested.requests), SUBJECT_REQUESTS);
            tested_assert_works();
            assert_other_works();
        }
        assert_same(machine.model->resets, resets);
        assert_same(mock_hal_live_allocations(machine.hal), allocations);
        end();
    }
}

/* ---- Another size ---- */

static const struct resize {
    const char *what;
    uint16_t requests;
    uint16_t segments;
    uint16_t size;
    bool packed;       /* a split ring refuses it */
    uint32_t slots[2]; /* without INDIRECT_DESC, with it */
    uint32_t entries;
} resizes[] = {
    { "the same", SUBJECT_REQUESTS, SUBJECT_SEGMENTS, 0, false, { 16, 16 }, 256 },
    { "smaller", 4, 2, 16, false, { 4, 4 }, 16 },
    { "larger", 200, 1, 256, false, { 85, 200 }, 256 },
    { "as the kind says", 0, 0, 0, false, { 14, 64 }, 256 },
    { "no power of two", 5, 2, 20, true, { 5, 5 }, 20 },
    { "an odd one", 3, 1, 11, true, { 3, 3 }, 11 },
    { "above the maximum", 16, 2, 1024, false, { 16, 16 }, 256 },
};

static void assert_resized(const struct variant *variant, const struct resize *resize)
{
    const struct vpt_requests_config config = { .requests = resize->requests,
                                                .segments = resize->segments,
                                                .size = resize->size };
    uint32_t slots = resize->slots[variant->indirect ? 1 : 0];

    fill_up();
    assert_status_of(resize->what, vpt_requests_reset(&tested.requests), VPT_OK);
    assert_status(vpt_requests_restart(&tested.requests, &config), VPT_CALLER_BUSY);
    assert_back();
    if (resize->packed && !variant->packed) {
        assert_status(vpt_requests_restart(&tested.requests, &config), VPT_CALLER_ARGUMENT);
        assert_same(vpt_queue_size(&tested.requests.queue), 256);
        assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_OK);
    } else {
        assert_status_of(resize->what, vpt_requests_restart(&tested.requests, &config), VPT_OK);
        assert_same_of(resize->what, vpt_requests_free(&tested.requests), slots);
        assert_same_of(resize->what, vpt_queue_size(&tested.requests.queue), resize->entries);
        assert_same_of(resize->what, machine.model->queues[0].size, resize->entries);
    }
    tested_assert_works();
    assert_other_works();
}

VARIANT_TEST(request_reset, PCI_COMMON_9_VQREEN_1_a_queue_gets_another_size)
{
    for (size_t i = 0; i < PLACES * COUNT_OF(resizes) && variant->version == 2; i++) {
        const struct resize *resize = &resizes[i / PLACES];
        size_t allocations;

        (void)fprintf(stderr, "%s\n", resize->what);
        start(places[i % PLACES], variant, &framed);
        allocations = mock_hal_live_allocations(machine.hal);
        assert_resized(variant, resize);
        assert_same(mock_hal_live_allocations(machine.hal), allocations);
        machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
        assert_status(reset_and_restart(&tested_config), VPT_OK); /* and back */
        assert_same(vpt_queue_size(&tested.requests.queue), 256);
        assert_same(vpt_requests_free(&tested.requests), SUBJECT_REQUESTS);
        tested_assert_works();
        end();
    }
}

/* Whichever allocation fails, the queue is as it was: with its memory, its size and its limits. */
VARIANT_TEST(request_reset, a_resize_without_memory_leaves_the_queue_as_it_was)
{
    const struct vpt_requests_config config = { .requests = 1, .segments = 2, .size = 64 };
    uint32_t allocations = variant->indirect ? 4 : 3;

    for (uint32_t i = 0; i < PLACES * allocations && variant->version == 2; i++) {
        struct vpt_requests before;

        start(places[i % PLACES], variant, &framed);
        assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        before = tested.requests;
        machine.hal->fail_allocation_status = VPT_PORT_ERROR_FIRST + 9;
        mock_trigger_set(&machine.hal->fail_allocation, 1 + i / PLACES, 0);
        assert_status(vpt_requests_restart(&tested.requests, &config), VPT_PORT_ERROR_FIRST + 9);
        mock_trigger_set(&machine.hal->fail_allocation, 0, 0);
        cr_assert(memcmp(&before, &tested.requests, sizeof(before)) == 0);
        assert_same(tested.requests.segments, SUBJECT_SEGMENTS);
        assert_other_works();
        if (i % 3 == 0) {
            assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_OK);
            assert_same(vpt_requests_free(&tested.requests), SUBJECT_REQUESTS);
        } else if (i % 3 == 1) {
            assert_status(vpt_requests_restart(&tested.requests, &tested_config), VPT_OK);
            assert_same(vpt_queue_size(&tested.requests.queue), 256);
        } else {
            assert_status(vpt_requests_release(&tested.requests), VPT_OK);
            cr_assert(tested.driver.first == NULL);
            end();
            continue;
        }
        tested_assert_works();
        end();
    }
}

/* A failure after the memory was taken: the queue has its new size. */
static const struct failure {
    const char *what;
    enum mock_fault fault;
    bool pci;
    enum vpt_status status;
    uint32_t size;
} failures[] = {
    { "not enabled", MOCK_FAULT_QUEUE_NOT_READY, false, VPT_DEVICE_QUEUE_STATE, 64 },
    { "no doorbell", MOCK_FAULT_NOTIFY_OFFSET, true, VPT_DEVICE_NOTIFY_OFFSET, 64 },
    { "no such queue", MOCK_FAULT_QUEUE_ABSENT, false, VPT_UNSUPPORTED_QUEUE, 256 },
    { "in use", MOCK_FAULT_QUEUE_IN_USE, false, VPT_DEVICE_QUEUE_STATE, 256 },
};

VARIANT_TEST(request_reset, a_resize_that_the_device_refuses_may_be_tried_again)
{
    const struct vpt_requests_config config = { .requests = 4, .segments = 2, .size = 64 };

    for (size_t i = 0; i < PLACES * COUNT_OF(failures) && variant->version == 2; i++) {
        const struct failure *failure = &failures[i / PLACES];
        size_t allocations;

        if (failure->pci && places[i % PLACES] != MACHINE_PCI_MODERN) {
            continue;
        }
        start(places[i % PLACES], variant, &framed);
        allocations = mock_hal_live_allocations(machine.hal);
        assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        mock_fault_set(&machine.model->faults, failure->fault, 1, 1, 0xffff);
        assert_status_of(failure->what, vpt_requests_restart(&tested.requests, &config), failure->status);
        assert_same_of(failure->what, vpt_queue_size(&tested.requests.queue), failure->size);
        assert_same(mock_hal_live_allocations(machine.hal), allocations);
        if (failure->fault == MOCK_FAULT_QUEUE_NOT_READY) { /* the device may use it by now */
            assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_CALLER_STATE);
            assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        }
        assert_status(vpt_requests_restart(&tested.requests, i % 2 != 0 ? NULL : &tested_config), VPT_OK);
        tested_assert_works();
        assert_other_works();
        end();
    }
}

/* Memory that was handed over may be handed over again. */
Test(request_reset, a_resize_takes_memory_of_the_callers)
{
    static _Alignas(16) uint8_t rings[VPT_QUEUE_RINGS_SIZE(64, VPT_QUEUE_RINGS_ALIGNMENT)];
    struct vpt_requests_config config = tested_config;

    for (unsigned packed = 0; packed < 2; packed++) {
        const struct variant variant = { 2, true, true, packed != 0, false };
        struct vpt_memory memory;

        start(MACHINE_MMIO_2, &variant, &framed);
        memory = mock_hal_register_anywhere(machine.hal, rings, sizeof(rings), true);
        config.memory.rings = memory;
        for (uint16_t size = 64; size >= 16; size = (uint16_t)(size / 2u)) {
            config.size = size;
            assert_status(reset_and_restart(&config), VPT_OK);
            assert_same(vpt_queue_size(&tested.requests.queue), size);
            cr_assert((uint8_t *)tested.requests.queue.descriptors == rings);
            tested_assert_works();
        }
        config.size = 128;
        assert_status(reset_and_restart(&config), VPT_CALLER_MEMORY);
        config.size = 16;
        config.memory.device_area = memory; /* without a driver area */
        assert_status(vpt_requests_restart(&tested.requests, &config), VPT_CALLER_MEMORY);
        assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_OK);
        tested_assert_works();
        config.memory.device_area.address = NULL;
        end();
    }
}

/* ---- What else belongs to it ---- */

VARIANT_TEST(request_reset, a_queue_that_receives_is_filled_again)
{
    static const struct vpt_requests_kind receives = { .reply = 64, .started = vpt_receive_start };
    const struct vpt_requests_config smaller = { .requests = 4 };

    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        uint32_t slots = i < PLACES ? SUBJECT_REQUESTS : 4;
        uint8_t buffer[64];
        uint32_t length;
        uint32_t cancelled = 0;

        start(places[i % PLACES], variant, &receives);
        assert_same(vpt_requests_free(&tested.requests), 0);
        tested_run(3);
        assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        while (tested_poll() == VPT_OK) {
            cancelled += tested.completion.status == VPT_CANCELLED ? 1u : 0u;
        }
        assert_same(cancelled, SUBJECT_REQUESTS - 3u);
        assert_status(vpt_requests_restart(&tested.requests, i < PLACES ? NULL : &smaller), VPT_OK);
        assert_same(vpt_requests_free(&tested.requests), 0);
        tested_run(slots);
        for (uint32_t n = 0; n < slots; n++) {
            assert_status(vpt_receive(&tested.requests, buffer, sizeof(buffer), &length), VPT_OK);
        }
        assert_status(vpt_receive(&tested.requests, buffer, sizeof(buffer), &length), VPT_EMPTY);
        end();
    }
}

VARIANT_TEST(request_reset, VQRESET_2_a_queue_is_released_while_the_device_runs)
{
    for (size_t i = 0; i < PLACES && variant->version == 2; i++) {
        start(places[i], variant, &framed);
        fill_up();
        assert_status(vpt_requests_release(&tested.requests), VPT_CALLER_BUSY);
        assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        assert_back();
        assert_status(vpt_requests_release(&tested.requests), VPT_OK);
        cr_assert(all_zero(&tested.requests, sizeof(tested.requests)) && tested.driver.first == NULL);
        assert_same(mock_hal_live_allocations(machine.hal), 2); /* rings and state of the other one */
        memset(&tested.requests, 0xa5, sizeof(tested.requests));
        assert_other_works();
        assert_status(vpt_queue_reset(&other), VPT_OK);
        end();
    }
}

/* A device that is reset afterwards starts again with all of them. */
VARIANT_TEST(request_reset, a_restart_of_the_driver_takes_all_queues)
{
    for (size_t i = 0; i < 2 * PLACES && variant->version == 2; i++) {
        start(places[i % PLACES], variant, &framed);
        fill_up();
        assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_BUSY);
        assert_back();
        if (i < PLACES) {
            assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_OK);
        } else {
            assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
            assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_CALLER_STATE);
            assert_status(vpt_requests_restart(&tested.requests, &tested_config), VPT_CALLER_STATE);
        }
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        tested_assert_works();
        assert_status(reset_and_restart(NULL), VPT_OK);
        tested_assert_works();
        end();
    }
}

Test(request_reset, calls_without_a_queue_that_was_reset_are_refused)
{
    struct vpt_requests none;

    memset(&none, 0, sizeof(none));
    assert_status(vpt_requests_reset(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_reset(&none), VPT_CALLER_STATE);
    assert_status(vpt_requests_restart(NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_requests_restart(&none, NULL), VPT_CALLER_STATE);
    start(MACHINE_MMIO_2, &version_2, &framed);
    assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_CALLER_STATE);
    assert_status(vpt_requests_restart(&tested.requests, &tested_config), VPT_CALLER_STATE);
    tested_assert_works();
    assert_status(vpt_requests_reset(&tested.requests), VPT_OK);
    vpt_device_fail(machine.device);
    assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_CALLER_STATE);
    assert_status(vpt_requests_restart(&tested.requests, &tested_config), VPT_CALLER_STATE);
    mock_device_vanish(machine.model);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_status(vpt_requests_reset(&tested.requests), VPT_DEVICE_GONE);
    assert_status(vpt_requests_restart(&tested.requests, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_queue_release(&other), VPT_OK);
    assert_status(vpt_driver_release(&tested.driver), VPT_OK);
    machine_finish();
}
