/* SPDX-License-Identifier: MIT */
/* The parts of the layer that a driver may use or leave: configuration fields, receiving, sharing a caller's buffer. */
#include <stddef.h>
#include <string.h>

#include "request_support.h"

/* ---- Configuration fields ---- */

#define F_SIZE_MAX 1u
#define F_BLK_SIZE 6u
#define F_TOPOLOGY 10u

/* The machine's configuration is a disk's. */
struct values {
    uint64_t capacity;
    uint32_t size_max, block_size;
    uint16_t minimum_io_size;
    uint8_t exponent;
};

static const struct vpt_config_field fields[] = {
    { MOCK_BLK_CAPACITY, 8, 0, offsetof(struct values, capacity) },
    { MOCK_BLK_SIZE_MAX, 4, VPT_CONFIG_WITH(F_SIZE_MAX), offsetof(struct values, size_max) },
    { MOCK_BLK_BLK_SIZE, 4, VPT_CONFIG_WITH(F_BLK_SIZE), offsetof(struct values, block_size) },
    { MOCK_BLK_PHYSICAL_EXPONENT, 1, VPT_CONFIG_WITH(F_TOPOLOGY), offsetof(struct values, exponent) },
    { MOCK_BLK_MIN_IO_SIZE, 2, VPT_CONFIG_WITH(F_TOPOLOGY), offsetof(struct values, minimum_io_size) },
};

static void negotiate(const struct variant *variant, uint32_t wanted)
{
    struct mock_machine_options options = { .blk = { .capacity = 0x1234,
                                                     .size_max = 4096,
                                                     .block_size = 1024,
                                                     .topology = true,
                                                     .physical_exponent = 2,
                                                     .min_io_size = 8 } };
    struct vpt_driver_kind kind = { .type = PLAIN_TYPE, .wanted = { { wanted } } };

    plain_probe(variant, &options);
    assert_status(vpt_driver_init(&tested.driver, machine.device, &kind, NULL), VPT_OK);
}

VARIANT_TEST(request_pieces, CONFIG_2_a_field_is_read_if_its_feature_is_accepted)
{
    static const struct values otherwise = { 1, 77, 512, 65535, 3 };
    static const uint32_t wanted[] = { 1u << F_SIZE_MAX | 1u << F_BLK_SIZE | 1u << F_TOPOLOGY, 1u << F_BLK_SIZE, 0 };

    for (unsigned i = 0; i < COUNT_OF(wanted); i++) {
        struct values values = otherwise;

        negotiate(variant, wanted[i]);
        assert_status(vpt_device_config_fields(machine.device, fields, COUNT_OF(fields), &values), VPT_OK);
        assert_same(values.capacity, 0x1234);
        assert_same(values.size_max, i == 0 ? 4096 : otherwise.size_max);
        assert_same(values.block_size, i < 2 ? 1024 : otherwise.block_size);
        assert_same(values.exponent, i == 0 ? 2 : otherwise.exponent);
        assert_same(values.minimum_io_size, i == 0 ? 8 : otherwise.minimum_io_size);
        machine_finish();
    }
}

VARIANT_TEST(request_pieces, fields_that_cannot_be_read)
{
    static const struct vpt_config_field outside = { 0x0f00, 4, VPT_CONFIG_WITH(F_BLK_SIZE), 0 };
    struct values values = { 0 };

    negotiate(variant, 0);
    assert_status(vpt_device_config_fields(machine.device, &outside, 1, &values), VPT_OK);
    cr_assert(all_zero(&values, sizeof(values)));
    machine_finish();
    negotiate(variant, 1u << F_BLK_SIZE);
    assert_status(vpt_device_config_fields(machine.device, &outside, 1, &values), VPT_DEVICE_CONFIG);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_device_config_fields(machine.device, fields, 1, &values), VPT_DEVICE_CONFIG_UNSTABLE);
    machine_finish();
}

VARIANT_TEST(request_pieces, an_array_of_bytes_is_read_whole_or_not_at_all)
{
    static struct mock_config_field each[16u + 8u];
    uint8_t bytes[16u + 5u];

    negotiate(variant, 0);
    for (unsigned i = 0; i < COUNT_OF(each); i++) {
        each[i] = (struct mock_config_field){ "byte", (uint16_t)i, 1, MOCK_CONFIG_ALWAYS, false };
        mock_config_set(&machine.model->config, i, 1, 0x80u + i);
    }
    machine.model->config.fields = each;
    machine.model->config.field_count = COUNT_OF(each);
    for (unsigned count = 0; count <= sizeof(bytes); count++) {
        memset(bytes, 0xee, sizeof(bytes));
        assert_status(vpt_driver_bytes(machine.device, 3, bytes, count), VPT_OK);
        for (uint32_t i = 0; i < sizeof(bytes); i++) {
            assert_same(bytes[i], i < count ? 0x83u + i : 0xeeu);
        }
    }
    assert_status(vpt_driver_bytes(machine.device, 0xf00, bytes, 1), VPT_DEVICE_CONFIG);
    assert_status(vpt_driver_bytes(machine.device, 0xffff, bytes, 2), VPT_DEVICE_CONFIG);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_driver_bytes(machine.device, 0, bytes, 6), VPT_DEVICE_CONFIG_UNSTABLE);
    machine.model->config.field_count = 0;
    machine_finish();
}

/* ---- Receiving ---- */

#define MESSAGE 21u /* bytes at most, no multiple of 4 */

static enum vpt_status verdict; /* what the hook says of a message */

static enum vpt_status judge(const struct vpt_requests *requests, const void *slot, uint32_t length)
{
    (void)requests;
    (void)slot;
    (void)length;
    return verdict;
}

static void start_receiving(const struct variant *variant)
{
    static const struct vpt_requests_kind receiving = { .reply = MESSAGE,
                                                        .result = judge,
                                                        .started = vpt_receive_start };

    tested_negotiate(variant, NULL);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine.model->completion.keep_kicks = true; /* it takes what it is given at once */
    tested_open(&receiving, &tested_config, SUBJECT_REQUESTS);
    assert_same(mock_device_pending(machine.model), SUBJECT_REQUESTS);
}

/* The device sends `count` messages: byte i of each is its number and i. */
static void send(unsigned count, uint8_t first)
{
    machine.fill = first;
    tested_run(count);
}

static void receive_none(enum vpt_status expected)
{
    uint8_t buffer[MESSAGE];
    uint32_t length = 99;

    assert_status(vpt_receive(&tested.requests, buffer, sizeof(buffer), &length), expected);
    cr_assert(expected != VPT_EMPTY || length == 99);
}

static void receive(uint8_t number, size_t size, uint32_t length)
{
    uint8_t buffer[MESSAGE + 8u];
    uint32_t said = 0;

    memset(buffer, 0xee, sizeof(buffer));
    assert_status(vpt_receive(&tested.requests, buffer, size, &said), VPT_OK);
    assert_same(said, length);
    for (size_t i = 0; i < sizeof(buffer); i++) {
        assert_same(buffer[i], i < size && i < length ? (uint8_t)(number + i) : 0xee);
    }
}

/* There is no message, and the slots are the device's again. */
static void assert_none(void)
{
    receive_none(VPT_EMPTY);
    assert_same(mock_device_pending(machine.model), SUBJECT_REQUESTS);
}

VARIANT_TEST(request_pieces, messages_are_copied_and_their_slots_given_back)
{
    start_receiving(variant);
    machine.model->completion.batch = 0; /* each message has a length of its own */
    assert_none();
    for (unsigned round = 0; round < 50; round++) {
        unsigned count = 1u + round % SUBJECT_REQUESTS;

        machine.understate = round % 7u;
        send(count, (uint8_t)round);
        for (unsigned i = 0; i < count; i++) {
            receive((uint8_t)(round + i), (round + i) % (MESSAGE + 4u), MESSAGE - round % 7u);
        }
        assert_none();
    }
    machine.understate = 0;
    tested_end();
}

/* The hook's word goes to the caller, and the slot to the device: it is not lost. */
VARIANT_TEST(request_pieces, a_message_that_is_refused_gives_its_slot_back)
{
    start_receiving(variant);
    for (unsigned i = 0; i < 3u * SUBJECT_REQUESTS; i++) {
        verdict = VPT_DEVICE_IO_ERROR;
        send(1, 1);
        receive_none(VPT_DEVICE_IO_ERROR);
        verdict = VPT_OK;
        send(1, 9);
        receive(9, MESSAGE, MESSAGE);
        assert_none();
    }
    tested_end();
}

/* Each slot comes back once, and the next start stocks the queue as the first one did. */
VARIANT_TEST(request_pieces, a_reset_ends_receiving_and_a_restart_stocks_the_queue)
{
    start_receiving(variant);
    for (unsigned round = 0; round < 3; round++) {
        send(2, 3);
        receive(3, MESSAGE, MESSAGE);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_CALLER_BUSY);
        receive(4, MESSAGE, MESSAGE); /* it came before the reset */
        for (unsigned i = 0; i < SUBJECT_REQUESTS; i++) {
            receive_none(VPT_CANCELLED);
        }
        receive_none(VPT_EMPTY);
        assert_status(vpt_driver_restart(&tested.driver, NULL), VPT_OK);
        assert_none();
        send(SUBJECT_REQUESTS, 40);
        for (unsigned i = 0; i < SUBJECT_REQUESTS; i++) {
            receive((uint8_t)(40u + i), MESSAGE, MESSAGE);
        }
        assert_none();
    }
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0xffff);
    send(1, 0);
    receive_none(VPT_DEVICE_USED_ID);
    receive_none(VPT_DEVICE_USED_ID);
    tested_end();
}

/* ---- Sharing ---- */

#define BUFFER 4096u

static uint8_t shared[BUFFER];
static struct vpt_shares shares;

static void fit_shares(struct vpt_requests *requests)
{
    requests->segments = 4;
    requests->segment_max = 1000;
}

static const struct vpt_requests_kind sharing = { .header = HEADER_SIZE, .reply = 1, .fit = fit_shares };

/* How the port shares, what is asked for, and what comes of it. */
static const struct division {
    const char *what;
    size_t share_most; /* bytes that the port shares at once */
    uint32_t fails;    /* which share does; 0: none */
    size_t size;
    size_t granule;
    enum vpt_status expected;
    size_t bytes;
    uint16_t count;
} divisions[] = {
    { "in one piece", 0, 0, 600, 512, VPT_OK, 600, 1 },
    { "as long as a segment may be", 0, 0, 1000, 512, VPT_OK, 1000, 1 },
    { "the buffer's end needs no granule", 0, 0, 2001, 512, VPT_OK, 2001, 3 },
    { "the buffer has to go through as a whole", 0, 0, 2001, 0, VPT_OK, 2001, 3 },
    { "it does not", 300, 0, 2001, 0, VPT_RESOURCE_SEGMENTS, 0, 0 },
    { "as many pieces as segments", 0, 0, 4096, 1, VPT_OK, 4000, 4 },
    { "cut to the granule", 0, 0, 4096, 512, VPT_OK, 3584, 4 },
    { "a piece is too much", 700, 0, 4096, 2048, VPT_OK, 2048, 3 },
    { "two pieces are too much", 300, 0, 4096, 1024, VPT_OK, 1024, 4 },
    { "not one granule", 100, 0, 4096, 1024, VPT_RESOURCE_SEGMENTS, 0, 0 },
    { "the port fails", 0, 1, 600, 512, VPT_PORT_ERROR_FIRST + 7, 0, 0 },
    { "it fails later", 700, 3, 4096, 512, VPT_OK, 1024, 2 },
    { "it fails before there is a granule", 300, 2, 4096, 512, VPT_PORT_ERROR_FIRST + 7, 0, 0 },
};

static void share(const struct variant *variant, const struct division *row, enum vpt_direction direction)
{
    bool reads = direction == VPT_DEVICE_READS;
    struct mock_hal *hal = &machine.on_mmio.hal;

    tested_start(variant, &sharing);
    hal->share_most = row->share_most;
    mock_trigger_set(&hal->fail_share, row->fails, row->fails != 0 ? 1 : 0);
    memset(&shares, 0x5a, sizeof(shares));
    memset(shared, 0x33, sizeof(shared));
    assert_status_of(row->what, vpt_shares_begin(&tested.requests, &shares, direction, shared, row->size, row->granule),
                     row->expected);
    if (row->expected == VPT_OK) {
        assert_same_of(row->what, shares.bytes, row->bytes);
        assert_same_of(row->what, shares.count, row->count);
        assert_same(mock_hal_live_shares(hal), shares.count);
        assert_status(tested_send(shares.segments, reads ? shares.count : 0, reads ? 0 : shares.count, 0), VPT_OK);
        assert_status(vpt_requests_wait(&tested.requests, &tested.completion), VPT_OK);
        vpt_shares_end(&tested.requests, &shares);
        assert_same_of(row->what, machine.read_size, HEADER_SIZE + (reads ? row->bytes : 0));
        for (size_t i = 0; !reads && i < row->bytes; i++) {
            assert_same_of(row->what, shared[i], (uint8_t)i);
        }
    }
    assert_same_of(row->what, mock_hal_live_shares(hal), 0);
    for (size_t i = row->size; i < BUFFER; i++) {
        assert_same_of(row->what, shared[i], 0x33);
    }
    tested_end();
}

VARIANT_TEST(request_pieces, a_buffer_is_shared_in_as_many_pieces_as_a_request_takes)
{
    for (size_t i = 0; i < COUNT_OF(divisions); i++) {
        share(variant, &divisions[i], VPT_DEVICE_WRITES);
        share(variant, &divisions[i], VPT_DEVICE_READS);
    }
}

/* Also after the reset that empties the accepted features. A legacy interface has no such feature. */
Test(request_pieces, RSVFEAT_3_shares_say_whether_accesses_are_translated)
{
    struct mock_machine_options options = { .queues = 1 };

    vpt_features_add(&options.offer, VPT_F_ACCESS_PLATFORM);
    tested_negotiate(&version_2, &options);
    machine.hal->access_platform = MOCK_EXPECT_SET;
    tested_open(&sharing, &tested_config, SUBJECT_REQUESTS);
    assert_status(vpt_shares_begin(&tested.requests, &shares, VPT_DEVICE_WRITES, shared, 2000, 1), VPT_OK);
    assert_same(shares.count, 2);
    assert_same(machine.hal->shares, 2);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    vpt_shares_end(&tested.requests, &shares);
    tested_end();
}

static unsigned unshared;

static enum vpt_status share_nothing(void *ctx, void *bytes, size_t size, enum vpt_direction direction,
                                     bool access_platform, struct vpt_shared *shared)
{
    (void)ctx;
    (void)bytes;
    (void)size;
    (void)direction;
    (void)access_platform;
    *shared = (struct vpt_shared){ 0 };
    return VPT_OK;
}

static void count_unshared(void *ctx, void *bytes, const struct vpt_shared *shared, enum vpt_direction direction,
                           bool access_platform)
{
    (void)ctx;
    (void)bytes;
    (void)shared;
    (void)direction;
    (void)access_platform;
    unshared++;
}

/* One that shares nothing of what it was asked for breaks its contract: nothing comes of it but a status. */
Test(request_pieces, a_port_that_cannot_share_says_so_and_a_share_of_no_bytes_is_given_back)
{
    struct vpt_port *port = &machine.on_mmio.hal.port;

    tested_start(&version_2, &sharing);
    port->share = NULL;
    assert_status(vpt_shares_begin(&tested.requests, &shares, VPT_DEVICE_READS, shared, 10, 1), VPT_UNSUPPORTED_PORT);
    port->share = share_nothing;
    port->unshare = count_unshared;
    assert_status(vpt_shares_begin(&tested.requests, &shares, VPT_DEVICE_READS, shared, 10, 1), VPT_RESOURCE_SEGMENTS);
    assert_same(unshared, 1);
    assert_same(shares.count, 0);
    tested_end();
}
