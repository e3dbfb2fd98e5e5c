/* SPDX-License-Identifier: MIT */
/* The driver of docs/drivers.md, as it is printed there, on QEMU's entropy device behind each transport. */
#include "place.h"

#include "drivers_guide.h"

#include <string.h>

TestSuite(device_guide, .timeout = 60);

#define SIZE     64u
#define REQUESTS 6u
#define PATIENCE 100u /* milliseconds */
#define QUOTA    16u  /* bytes that a held-back device gives, for the first hour */

static struct entropy entropy;
static uint8_t tokens[REQUESTS];
static uint8_t first[4096];
static uint8_t second[4096];
static struct vpt_memory data;
static uint32_t back; /* a bit for each token */

static void start_machine(const struct place *place, const char *properties)
{
    struct fixture_options options = { .arguments = { "-object", "rng-builtin,id=r0" } };

    place_start(place, "virtio-rng", properties, &options);
}

static void take_data(void)
{
    data = memory_of(REQUESTS * SIZE, placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
}

static void end(void)
{
    assert_status(entropy_recover(&entropy), VPT_OK);
    assert_status(entropy_release(&entropy), VPT_OK);
    if (data.address != NULL) {
        fixture.port->dma_free(fixture.port->ctx, &data, placed.place.iommu ? VPT_DMA_ACCESS_PLATFORM : 0);
    }
    place_finish();
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Both are filled to their end (nothing of the pattern is left anywhere), and not by the same. */
static void check_random(void)
{
    memset(first, 0, sizeof(first));
    memset(second, 0, sizeof(second));
    assert_status(entropy_read(&entropy, first, sizeof(first)), VPT_OK);
    assert_status(entropy_read(&entropy, second, sizeof(second)), VPT_OK);
    for (size_t i = 0; i < sizeof(first); i += 32) {
        assert_that(!all_zero(first + i, 32) && !all_zero(second + i, 32));
        assert_that(memcmp(first + i, second + i, 32) != 0);
    }
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
}

static void submit(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct vpt_segment segment = { data.device_address + i * SIZE, SIZE };

        assert_status(entropy_submit(&entropy, &segment, 1, &tokens[i]), VPT_OK);
    }
}

static void mark(const struct entropy_completion *completion)
{
    ptrdiff_t index = (uint8_t *)completion->token - tokens;

    assert_that(index >= 0 && index < (ptrdiff_t)REQUESTS && (back & 1u << index) == 0);
    back |= 1u << index;
}

static void done(void *ctx, const struct entropy_completion *completion)
{
    assert_that(ctx == &back);
    assert_status(completion->status, VPT_OK);
    assert_that(completion->length >= 1 && completion->length <= SIZE);
    mark(completion);
}

/* A ring that is corrupted on its way stops the device. */
static void corrupt(void)
{
    uint16_t *available = entropy.queue.available;

    available[1] = (uint16_t)(available[1] + entropy.queue.mask + 2u);
}

/* What was in flight at a reset: those of `from` on were not carried out. */
static void take_back(uint32_t from)
{
    struct entropy_completion completion;
    enum vpt_status status;

    assert_status(entropy_restart(&entropy), VPT_CALLER_BUSY);
    assert_status(vpt_queue_restart(&entropy.queue), VPT_CALLER_BUSY);
    assert_status(entropy_release(&entropy), VPT_CALLER_BUSY);
    for (status = entropy_poll(&entropy, &completion); status == VPT_OK;
         status = entropy_poll(&entropy, &completion)) {
        mark(&completion);
        if (completion.status != VPT_OK || (uint8_t *)completion.token >= &tokens[from]) {
            assert_status(completion.status, VPT_CANCELLED);
            assert_that(completion.length == 0);
        }
    }
    assert_status(status, VPT_EMPTY);
    assert_that(back == (1u << REQUESTS) - 1u && entropy.in_flight == 0);
    back = 0;
}

PLACE_TEST(device_guide, random_bytes_come_and_differ)
{
    start_machine(place, ",rng=r0");
    assert_status(seed(&entropy, placed.device, first, sizeof(first)), VPT_OK);
    check_random();
    assert_status(entropy_release(&entropy), VPT_CALLER_STATE); /* it is the device's */
    end();
}

PLACE_TEST(device_guide, completions_come_by_interrupt)
{
    enum vpt_status status = VPT_OK;

    start_machine(place, ",rng=r0");
    place_intercept();
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_OK);
    assert_status(entropy_start(&entropy, NULL), VPT_OK);
    take_data();
    submit(0, REQUESTS);
    assert_status(entropy_read(&entropy, first, SIZE), VPT_CALLER_BUSY);
    assert_status(entropy_kick(&entropy), VPT_OK);
    for (uint32_t raises = 0; back != (1u << REQUESTS) - 1u; raises++) {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_that(vpt_device_interrupt(placed.device) == VPT_INTERRUPT_QUEUE);
        status = entropy_work(&entropy, done, &back);
        assert_status(status, VPT_EMPTY);
    }
    assert_that(entropy.in_flight == 0);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_that(!all_zero((uint8_t *)data.address + i * SIZE, 8));
    }
    end();
}

/* All completions are taken where the line is heard, and the next requests leave from there. */
static void done_again(void *ctx, const struct entropy_completion *completion)
{
    uint32_t *left = ctx;

    assert_status(completion->status, VPT_OK);
    if (*left != 0) {
        uint32_t index = (uint32_t)((uint8_t *)completion->token - tokens);

        --*left;
        submit(index, index + 1u);
    }
}

PLACE_TEST(device_guide, completions_are_taken_in_the_interrupt_handler)
{
    uint32_t left = 4u * REQUESTS;
    uint32_t what = 0;

    start_machine(place, ",rng=r0");
    place_intercept();
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_OK);
    assert_status(entropy_start(&entropy, NULL), VPT_OK);
    take_data();
    submit(0, REQUESTS);
    assert_status(entropy_kick(&entropy), VPT_OK);
    for (uint32_t raises = 0; entropy.in_flight != 0; raises++) {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), raises, FIXTURE_WAIT), VPT_OK);
        assert_status(entropy_interrupt(&entropy, done_again, &left, &what), VPT_EMPTY);
        assert_that(what == VPT_INTERRUPT_QUEUE);
        assert_status(entropy_kick(&entropy), VPT_OK);
    }
    assert_that(left == 0);
    assert_status(entropy_interrupt(&entropy, done_again, &left, &what), VPT_EMPTY);
    assert_that(what == 0);
    assert_status(entropy_tick(&entropy), VPT_OK);
    end();
}

/* The device says in an interrupt that it has failed; behind a legacy interface it says nothing. */
PLACE_TEST(device_guide, the_interrupt_handler_learns_that_the_device_has_failed)
{
    uint32_t what = 0;

    start_machine(place, ",rng=r0");
    place_intercept();
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_OK);
    assert_status(entropy_start(&entropy, NULL), VPT_OK);
    take_data();
    submit(0, REQUESTS);
    vpt_queue_publish(&entropy.queue);
    corrupt();
    assert_status(vpt_queue_notify(&entropy.queue), VPT_OK);
    if (place_is_legacy(place)) {
        assert_status(entropy_tick(&entropy), VPT_OK);
    } else {
        assert_status(vpt_qtest_wait_line(fixture.qtest, place_line(), 0, FIXTURE_WAIT), VPT_OK);
        assert_status(entropy_interrupt(&entropy, done, &back, &what), VPT_DEVICE_NEEDS_RESET);
        assert_that((what & VPT_INTERRUPT_CONFIGURATION) != 0 && back == 0);
        assert_status(entropy_tick(&entropy), VPT_DEVICE_NEEDS_RESET);
    }
    assert_status(entropy_recover(&entropy), VPT_OK);
    take_back(0);
    assert_status(entropy_tick(&entropy), VPT_OK);
    assert_status(entropy_restart(&entropy), VPT_OK);
    check_random();
    end();
}

PLACE_TEST(device_guide, a_reset_with_requests_in_flight_gives_them_back_and_the_device_works_again)
{
    struct vpt_feature_choice choice = { 0 };

    start_machine(place, ",rng=r0");
    vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    assert_status(entropy_init(&entropy, placed.device, &choice), VPT_OK);
    assert_status(entropy_start(&entropy, NULL), VPT_OK);
    take_data();
    for (unsigned i = 0; i < 3; i++) {
        submit(0, REQUESTS / 2u);
        assert_status(entropy_kick(&entropy), VPT_OK);
        submit(REQUESTS / 2u, REQUESTS); /* the device is not shown these */
        assert_status(entropy_recover(&entropy), VPT_OK);
        take_back(REQUESTS / 2u);
        assert_status(entropy_read(&entropy, first, SIZE), VPT_CALLER_STATE);
        assert_status(entropy_restart(&entropy), VPT_OK);
        assert_that(vpt_features_has(&placed.device->offered, VPT_F_EVENT_IDX));
        assert_that(!vpt_features_has(&placed.device->features, VPT_F_EVENT_IDX));
        check_random();
    }
    end();
}

/* A device that has given all it has for now: first a part of what was asked for, then nothing. */
PLACE_TEST(device_guide, a_device_that_gives_less_and_then_nothing_is_reset)
{
    struct entropy_completion completion = { NULL, VPT_OK, 0 };

    start_machine(place, ",rng=r0,max-bytes=16,period=3600000");
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_OK);
    assert_status(entropy_start(&entropy, NULL), VPT_OK);
    take_data();
    submit(0, 1);
    assert_status(entropy_kick(&entropy), VPT_OK);
    for (uint32_t i = 0; entropy_poll(&entropy, &completion) == VPT_EMPTY; i++) {
        assert_that(fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, i));
    }
    assert_status(completion.status, VPT_OK);
    assert_that(completion.token == &tokens[0] && completion.length == QUOTA);
    assert_that(all_zero((uint8_t *)data.address + QUOTA, SIZE - QUOTA));

    placed.patience = PATIENCE;
    placed.reset_before_unshare = true;
    assert_status(entropy_read(&entropy, first, SIZE), VPT_DEVICE_TIMEOUT);
    assert_that(place_status() == 0 && entropy.in_flight == 0);
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    placed.patience = 0;

    assert_status(entropy_restart(&entropy), VPT_OK);
    submit(0, REQUESTS);
    assert_status(entropy_kick(&entropy), VPT_OK);
    assert_status(entropy_poll(&entropy, &completion), VPT_EMPTY);
    assert_status(entropy_recover(&entropy), VPT_OK);
    take_back(0);
    end();
}

/* Sixteen bytes at a time: the read goes on behind what came, and takes nothing else for random. */
PLACE_TEST(device_guide, a_read_is_filled_by_as_many_requests_as_it_takes)
{
    start_machine(place, ",rng=r0,max-bytes=16,period=5");
    assert_status(seed(&entropy, placed.device, first, SIZE + 1u), VPT_OK);
    for (size_t i = 0; i + 8 <= SIZE; i += 8) {
        assert_that(memcmp(first + i, first + i + 1, 7) != 0); /* eight times the same */
    }
    assert_that(vpt_queue_kicks(&entropy.queue) >= SIZE / QUOTA);
    end();
}

PLACE_TEST(device_guide, a_device_that_gives_up_is_reset_and_works_again)
{
    enum vpt_status expected = place_is_legacy(place) ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_NEEDS_RESET;

    start_machine(place, ",rng=r0");
    assert_status(seed(&entropy, placed.device, first, SIZE), VPT_OK);
    placed.patience = PATIENCE;
    placed.reset_before_unshare = true;
    placed.before_write = corrupt;
    assert_status(entropy_read(&entropy, first, SIZE), expected);
    placed.patience = 0;
    placed.reset_before_unshare = false;
    assert_that(place_status() == 0 && entropy.in_flight == 0);
    assert_status(entropy_restart(&entropy), VPT_OK);
    check_random();
    end();
}

/* All in memory handed over, on a port that has none to give. */
PLACE_TEST(device_guide, the_queue_lies_in_memory_that_was_handed_over)
{
    static _Alignas(8) uint8_t private_state[ENTROPY_PRIVATE_SIZE];
    struct vpt_queue_memory memory = { .private_state = { private_state, 0, sizeof(private_state) } };
    uint32_t flags = place->iommu ? VPT_DMA_ACCESS_PLATFORM : 0;

    start_machine(place, ",rng=r0");
    memory.rings = memory_of(place_is_legacy(place)
                                 ? VPT_QUEUE_RINGS_SIZE(ENTROPY_ENTRIES, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT)
                                 : ENTROPY_RINGS_SIZE,
                             flags);
    placed.port.dma_allocate = NULL;
    placed.port.dma_free = NULL;
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_OK);
    assert_status(entropy_start(&entropy, &memory), VPT_OK);
    check_random();
    assert_status(entropy_recover(&entropy), VPT_OK);
    assert_status(entropy_release(&entropy), VPT_OK);
    fixture.port->dma_free(fixture.port->ctx, &memory.rings, flags);
    place_finish();
}

PLACE_TEST(device_guide, another_device_is_left_alone_and_its_configuration_is_read)
{
    struct fixture_options options = { .image_size = 0 };
    struct console_info info = { 0, 0, 0 };

    place_start(place, "virtio-serial", ",max_ports=7", &options);
    assert_status(entropy_init(&entropy, placed.device, NULL), VPT_UNSUPPORTED_DEVICE);
    assert_that(entropy.device == NULL && place_status() == 0);
    assert_status(console_init(placed.device, &info), VPT_OK);
    assert_that(info.ports == 7 && info.columns == 0 && info.rows == 0);
    assert_that(vpt_features_has(&placed.device->features, CONSOLE_F_MULTIPORT));
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    place_finish();
}
