/* SPDX-License-Identifier: MIT */
/*
 * The entropy driver on a device that gives a known sequence of bytes: behind each transport, and when it gives less.
 */
#include <string.h>

#include "mock_pci_machine.h"
#include "support.h"

#define ROOM      64u   /* bytes that an asynchronous request asks for */
#define REQUESTS  8u    /* in flight at most, by default */
#define UNTOUCHED 0x00u /* no byte of the sequence is that */

enum kind { MMIO_LEGACY, MMIO_MODERN, PCI_LEGACY, PCI_MODERN };

static struct {
    enum kind kind;
    struct mock_machine mmio_machine;
    struct mock_pci_machine pci_machine;
    struct mock_hal *hal;
    struct mock_device *model;
    struct mock_entropy *source;
    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_device *device;
    struct vpt_entropy entropy;
    struct vpt_memory data; /* ROOM bytes for each request */
    struct vpt_completion completion;
} fixture;

static enum kind kinds[] = { MMIO_LEGACY, MMIO_MODERN, PCI_LEGACY, PCI_MODERN };

#define KIND_TEST(name) PARAMETER_TEST(enum kind, cr_make_param_array(enum kind, kinds, COUNT_OF(kinds)), entropy, name)

/* ---- Machines ---- */

static bool on_pci(void)
{
    return fixture.kind == PCI_LEGACY || fixture.kind == PCI_MODERN;
}

static void make_machine(bool is_entropy)
{
    struct mock_machine_options options = { .version = fixture.kind == MMIO_LEGACY ? 1 : 2, .is_entropy = is_entropy };
    struct mock_pci_machine_options pci = { .legacy = fixture.kind == PCI_LEGACY, .machine = options };

    if (on_pci()) {
        cr_assert(mock_pci_machine_init(&fixture.pci_machine, &pci));
        fixture.hal = &fixture.pci_machine.hal;
        fixture.model = &fixture.pci_machine.device;
        fixture.source = &fixture.pci_machine.entropy;
        fixture.device = &fixture.pci.device;
    } else {
        cr_assert(mock_machine_init(&fixture.mmio_machine, &options));
        fixture.hal = &fixture.mmio_machine.hal;
        fixture.model = &fixture.mmio_machine.device;
        fixture.source = &fixture.mmio_machine.entropy;
        fixture.device = &fixture.mmio.device;
    }
}

static void probe(enum kind kind, bool is_entropy)
{
    static uint8_t data[REQUESTS * ROOM];

    memset(&fixture, 0, sizeof(fixture));
    fixture.kind = kind;
    make_machine(is_entropy);
    fixture.data = mock_hal_register_anywhere(fixture.hal, data, sizeof(data), true);
    cr_assert(fixture.data.address != NULL);
    memset(data, UNTOUCHED, sizeof(data));
    if (on_pci()) {
        assert_status(vpt_virtio_pci_probe(&fixture.pci, &fixture.pci_machine.address, &fixture.pci_machine.bars,
                                           VPT_VIRTIO_PCI_ANY),
                      VPT_OK);
    } else {
        assert_status(vpt_mmio_probe(&fixture.mmio, fixture.mmio_machine.port, fixture.mmio_machine.mapping,
                                     fixture.mmio_machine.size),
                      VPT_OK);
    }
}

static void start(enum kind kind)
{
    probe(kind, true);
    assert_status(vpt_entropy_open(&fixture.entropy, fixture.device), VPT_OK);
}

static void finish(void)
{
    if (on_pci()) {
        (void)vpt_virtio_pci_close(&fixture.pci);
        cr_assert(mock_pci_machine_finish(&fixture.pci_machine) == 0);
    } else {
        cr_assert(mock_machine_finish(&fixture.mmio_machine) == 0);
    }
}

static void end(void)
{
    cr_assert(mock_hal_live_shares(fixture.hal) == 0);
    assert_status(vpt_device_reset(fixture.device), VPT_OK);
    while (vpt_requests_poll(&fixture.entropy.requests, &fixture.completion) == VPT_OK) {
    }
    assert_status(vpt_driver_release(&fixture.entropy.driver), VPT_OK);
    finish();
}

/* ---- What is random ---- */

/* `count` bytes of the sequence, from byte `from` on. */
static bool given(const uint8_t *bytes, size_t count, uint64_t from)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != mock_entropy_byte(from + i)) {
            return false;
        }
    }
    return true;
}

/* A read of any size at any place: what is said to be filled is what the device gave, and nothing beside is written. */
static size_t read_bytes(size_t size, enum vpt_status expected)
{
    static uint8_t buffer[4096 + 64];
    uint64_t from = fixture.source->bytes;
    size_t filled = 12345;

    cr_assert(size <= 4096);
    memset(buffer, UNTOUCHED, sizeof(buffer));
    assert_status(vpt_entropy_read(&fixture.entropy, buffer + 32, size, &filled), expected);
    cr_assert(filled <= size && given(buffer + 32, filled, from), "%zu of %zu", filled, size);
    cr_assert(all_zero(buffer, 32) && all_zero(buffer + 32 + size, sizeof(buffer) - 32 - size));
    cr_assert(expected != VPT_OK || (filled == size && fixture.source->bytes == from + size));
    return filled;
}

static uint8_t *room(uintptr_t token)
{
    return (uint8_t *)fixture.data.address + token * ROOM;
}

static void submit(uintptr_t token)
{
    struct vpt_segment segment = { fixture.data.device_address + token * ROOM, ROOM };

    memset(room(token), UNTOUCHED, ROOM);
    assert_status(vpt_entropy_submit(&fixture.entropy, &segment, 1, (void *)token), VPT_OK);
}

/* Takes one: its first `length` bytes are from byte `from` on, the rest is what it was. */
static void take(uintptr_t token, enum vpt_status status, uint32_t length, uint64_t from)
{
    assert_status(vpt_requests_poll(&fixture.entropy.requests, &fixture.completion), VPT_OK);
    assert_status(fixture.completion.status, status);
    cr_assert((uintptr_t)fixture.completion.token == token && fixture.completion.length == length, "%u",
              (unsigned)fixture.completion.length);
    cr_assert(given(room(token), length, from) && all_zero(room(token) + length, ROOM - length));
}

static enum vpt_status kick(void)
{
    return vpt_requests_kick(&fixture.entropy.requests);
}

static enum vpt_status poll(void)
{
    return vpt_requests_poll(&fixture.entropy.requests, &fixture.completion);
}

/* ---- Asynchronous ---- */

/* RNG-OP-1: the device would notice a buffer that it is to read. */
KIND_TEST(RNG_OP_1_requests_come_back_filled)
{
    struct vpt_segment segment = { 0, ROOM };

    start(*variant);
    for (unsigned round = 0; round < 20; round++) {
        uint64_t from = fixture.source->bytes;

        for (uintptr_t token = 0; token < REQUESTS; token++) {
            submit(token);
        }
        segment.address = fixture.data.device_address;
        assert_status(vpt_entropy_submit(&fixture.entropy, &segment, 1, NULL), VPT_RESOURCE_FULL);
        assert_status(vpt_entropy_read(&fixture.entropy, room(0), 1, NULL), VPT_CALLER_BUSY);
        assert_status(kick(), VPT_OK);
        for (uintptr_t token = 0; token < REQUESTS; token++) {
            take(token, VPT_OK, ROOM, from + token * ROOM);
        }
        assert_status(poll(), VPT_EMPTY);
    }
    cr_assert(fixture.source->requests == 20u * REQUESTS);
    end();
}

KIND_TEST(a_request_may_have_several_segments)
{
    struct vpt_requests_config config = { .requests = 2, .segments = 3 };
    struct vpt_segment segments[4];

    probe(*variant, true);
    assert_status(vpt_entropy_init(&fixture.entropy, fixture.device, NULL), VPT_OK);
    assert_status(vpt_entropy_queue_init(&fixture.entropy, &config), VPT_OK);
    assert_status(vpt_driver_start(&fixture.entropy.driver), VPT_OK);
    for (uint32_t i = 0; i < 4; i++) {
        segments[i] = (struct vpt_segment){ fixture.data.device_address + i * 10u, 10 };
    }
    assert_status(vpt_entropy_submit(&fixture.entropy, segments, 4, NULL), VPT_CALLER_TOO_LONG);
    assert_status(vpt_entropy_submit(&fixture.entropy, segments, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_submit(&fixture.entropy, segments, 3, NULL), VPT_OK);
    assert_status(kick(), VPT_OK);
    take(0, VPT_OK, 30, 0);
    end();
}

/* RNG-OP-2: less than was asked for, nothing, and nothing for a while. */
KIND_TEST(RNG_OP_2_a_request_says_how_much_it_got)
{
    start(*variant);
    fixture.source->options.most = 32;
    submit(0);
    submit(1);
    assert_status(kick(), VPT_OK);
    take(0, VPT_OK, 32, 0);
    take(1, VPT_OK, 32, 32);

    fixture.source->options.empty = 1;
    submit(2);
    submit(3);
    assert_status(kick(), VPT_OK);
    take(2, VPT_DEVICE_IO_ERROR, 0, 0);
    take(3, VPT_OK, 32, 64);

    mock_fault_set(&fixture.model->faults, MOCK_FAULT_COMPLETION_LATE, 1, 1, 50);
    submit(4);
    assert_status(kick(), VPT_OK);
    for (unsigned i = 0; i < 50; i++) {
        assert_status(poll(), VPT_EMPTY);
        mock_hal_tick(fixture.hal);
    }
    take(4, VPT_OK, 32, 96);
    end();
}

/* ---- Blocking ---- */

/* However much the device gives at once, and the port shares. */
KIND_TEST(a_read_is_filled_by_as_many_requests_as_it_takes)
{
    static const uint32_t mosts[] = { 0, 1, 7, 32, 1000 };
    static const size_t shares[] = { 0, 1, 31, 512 };
    static const size_t sizes[] = { 1, 2, 31, 32, 33, 64, 700 };

    start(*variant);
    assert_status(vpt_entropy_read(&fixture.entropy, NULL, 0, NULL), VPT_OK);
    cr_assert(read_bytes(0, VPT_OK) == 0 && fixture.source->requests == 0);
    for (unsigned i = 0; i < COUNT_OF(mosts); i++) {
        for (unsigned j = 0; j < COUNT_OF(shares); j++) {
            for (unsigned k = 0; k < COUNT_OF(sizes); k++) {
                fixture.source->options.most = mosts[i];
                fixture.hal->share_most = shares[j];
                cr_assert(read_bytes(sizes[k], VPT_OK) == sizes[k]);
            }
        }
    }
    cr_assert(read_bytes(4096, VPT_OK) == 4096);
    end();
}

/* 32 of 64 bytes, then nothing for as long as a wait lasts, or longer than that. */
KIND_TEST(a_device_that_has_nothing_for_a_while)
{
    uint32_t budget;

    start(*variant);
    budget = fixture.hal->wait_budget[VPT_WAIT_REQUEST];
    fixture.source->options.most = 32;
    mock_fault_set(&fixture.model->faults, MOCK_FAULT_COMPLETION_LATE, 2, 1, budget - 10u);
    cr_assert(read_bytes(64, VPT_OK) == 64 && fixture.model->ticks >= budget - 10u);

    mock_fault_set(&fixture.model->faults, MOCK_FAULT_COMPLETION_LATE, 2, 1, budget + 10u);
    cr_assert(read_bytes(64, VPT_DEVICE_TIMEOUT) == 32);
    cr_assert(fixture.model->status == 0 && mock_hal_live_shares(fixture.hal) == 0, "the device was reset");
    assert_status(vpt_entropy_read(&fixture.entropy, room(0), 1, NULL), VPT_CANCELLED);
    assert_status(vpt_driver_restart(&fixture.entropy.driver, NULL), VPT_OK);
    cr_assert(read_bytes(64, VPT_OK) == 64);
    end();
}

/* Answers without a byte: some in a row are lived with. */
KIND_TEST(a_device_at_its_end)
{
    start(*variant);
    fixture.source->options.most = 10;
    fixture.source->options.empty = VPT_ENTROPY_EMPTY_ANSWERS - 1u;
    cr_assert(read_bytes(25, VPT_OK) == 25);
    cr_assert(fixture.source->requests == VPT_ENTROPY_EMPTY_ANSWERS - 1u + 3u);

    fixture.source->options.empty = UINT32_MAX;
    cr_assert(read_bytes(25, VPT_DEVICE_IO_ERROR) == 0);
    cr_assert(fixture.source->requests == VPT_ENTROPY_EMPTY_ANSWERS - 1u + 3u + VPT_ENTROPY_EMPTY_ANSWERS);
    cr_assert(mock_hal_live_shares(fixture.hal) == 0);

    fixture.source->options.empty = 0;
    cr_assert(read_bytes(25, VPT_OK) == 25); /* nothing has to be reset */
    end();
}

/* What goes wrong in the second request of a read: the first one's bytes are random all the same. */
static const struct failure {
    enum mock_fault fault;
    uint64_t argument;
    enum vpt_status expected;
} failures[] = {
    { MOCK_FAULT_COMPLETION_LOST, 0, VPT_DEVICE_TIMEOUT },    { MOCK_FAULT_KICK_LOST, 0, VPT_DEVICE_TIMEOUT },
    { MOCK_FAULT_NEEDS_RESET, 0, VPT_DEVICE_NEEDS_RESET },    { MOCK_FAULT_USED_ID_RANGE, 0, VPT_DEVICE_USED_ID },
    { MOCK_FAULT_USED_ID_FREE, 0, VPT_DEVICE_USED_ID },       { MOCK_FAULT_USED_INDEX_AHEAD, 0, VPT_DEVICE_USED_INDEX },
    { MOCK_FAULT_USED_INDEX_BACK, 0, VPT_DEVICE_USED_INDEX },
};

KIND_TEST(a_read_that_fails_says_how_much_is_random)
{
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        start(*variant);
        fixture.source->options.most = 32;
        mock_fault_set(&fixture.model->faults, failures[i].fault, 2, 1, failures[i].argument);
        cr_assert(read_bytes(64, failures[i].expected) == 32, "failure %zu", i);
        cr_assert(mock_fault_fired(&fixture.model->faults, failures[i].fault) == 1 && fixture.model->status == 0);
        assert_status(vpt_driver_restart(&fixture.entropy.driver, NULL), VPT_OK);
        cr_assert(read_bytes(100, VPT_OK) == 100);
        end();
    }
}

/* CLEANUP-2: a device that cannot be stopped keeps the buffer; on PCI it is cut off from memory. */
KIND_TEST(CLEANUP_2_a_device_that_cannot_be_stopped)
{
    start(*variant);
    mock_fault_set(&fixture.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 0, 0);
    mock_fault_set(&fixture.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    cr_assert(read_bytes(64, on_pci() ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_STUCK) == 0);
    cr_assert(mock_hal_live_shares(fixture.hal) == (on_pci() ? 0 : 1));
    mock_fault_clear(&fixture.model->faults, MOCK_FAULT_COMPLETION_LOST);
    mock_fault_clear(&fixture.model->faults, MOCK_FAULT_RESET_NEVER);
    assert_status(vpt_driver_restart(&fixture.entropy.driver, NULL), VPT_OK);
    cr_assert(read_bytes(64, VPT_OK) == 64);
    assert_status(vpt_device_reset(fixture.device), VPT_OK);
    assert_status(vpt_driver_release(&fixture.entropy.driver), VPT_OK);
    mock_hal_abandon(fixture.hal);
    finish();
}

KIND_TEST(what_the_port_cannot_do)
{
    start(*variant);
    fixture.source->options.most = 32;
    mock_trigger_set(&fixture.hal->fail_share, 2, 1);
    cr_assert(read_bytes(64, fixture.hal->fail_share_status) == 32);
    fixture.hal->port.unshare = NULL;
    if (on_pci()) {
        fixture.pci_machine.bus.port.unshare = NULL;
    }
    cr_assert(read_bytes(64, VPT_UNSUPPORTED_PORT) == 0);
    end();
}

/* ---- Bring-up ---- */

KIND_TEST(what_is_no_entropy_device_is_left_alone)
{
    uint8_t byte = 0;

    probe(*variant, false);
    memset(&fixture.entropy, 0x5a, sizeof(fixture.entropy));
    assert_status(vpt_entropy_open(&fixture.entropy, fixture.device), VPT_UNSUPPORTED_DEVICE);
    cr_assert(all_zero(&fixture.entropy, sizeof(fixture.entropy)) && fixture.model->resets == 0);
    assert_status(vpt_entropy_read(&fixture.entropy, &byte, 1, NULL), VPT_CALLER_STATE);
    assert_status(vpt_entropy_init(NULL, fixture.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_init(&fixture.entropy, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_queue_init(NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_queue_init(&fixture.entropy, NULL), VPT_CALLER_ARGUMENT);
    finish();
}

KIND_TEST(a_bring_up_that_fails_leaves_nothing_behind)
{
    struct vpt_feature_choice choice = { .required = { { 1u << 5 } } };

    probe(*variant, true);
    assert_status(vpt_entropy_init(&fixture.entropy, fixture.device, &choice), VPT_UNSUPPORTED_FEATURE);
    cr_assert(all_zero(&fixture.entropy, sizeof(fixture.entropy)));
    mock_trigger_set(&fixture.hal->fail_allocation, 2, 0);
    assert_status(vpt_entropy_open(&fixture.entropy, fixture.device), VPT_RESOURCE_MEMORY);
    cr_assert(all_zero(&fixture.entropy, sizeof(fixture.entropy)) && mock_hal_live_allocations(fixture.hal) == 0);
    mock_trigger_set(&fixture.hal->fail_allocation, 0, 0);
    mock_fault_set(&fixture.model->faults, MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(vpt_entropy_open(&fixture.entropy, fixture.device), VPT_DEVICE_QUEUE_STATE);
    cr_assert(all_zero(&fixture.entropy, sizeof(fixture.entropy)) && mock_hal_live_allocations(fixture.hal) == 0);
    assert_status(vpt_entropy_init(&fixture.entropy, fixture.device, NULL), VPT_OK);
    assert_status(vpt_entropy_queue_init(&fixture.entropy, NULL), VPT_OK);
    assert_status(vpt_entropy_read(&fixture.entropy, room(0), 1, NULL), VPT_CALLER_STATE); /* not started */
    assert_status(vpt_entropy_read(NULL, room(0), 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_entropy_read(&fixture.entropy, NULL, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_driver_start(&fixture.entropy.driver), VPT_OK);
    cr_assert(read_bytes(9, VPT_OK) == 9);
    end();
}

static struct vpt_port plain;

static enum vpt_status allocate_and_fail(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                         struct vpt_memory *memory)
{
    mock_device_needs_reset(fixture.model);
    return plain.dma_allocate(ctx, size, alignment, limit, flags, memory);
}

/* The device fails amid its bring-up, and has the rings until it is reset; on PCI it is cut off from them. */
KIND_TEST(CLEANUP_2_an_open_that_cannot_stop_the_device_leaves_it_the_memory)
{
    struct vpt_port *port;

    probe(*variant, true);
    port = on_pci() ? &fixture.pci_machine.bus.port : &fixture.hal->port;
    plain = *port;
    port->dma_allocate = allocate_and_fail;
    mock_fault_set(&fixture.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
    assert_status(vpt_entropy_open(&fixture.entropy, fixture.device),
                  on_pci() ? VPT_DEVICE_NEEDS_RESET : VPT_DEVICE_STUCK);
    cr_assert((mock_hal_live_allocations(fixture.hal) == 0) == on_pci());
    mock_fault_clear(&fixture.model->faults, MOCK_FAULT_RESET_NEVER);
    end();
}

/* ---- The simulated device ---- */

/* It says more than it wrote: no driver can tell, but nothing outside the room is touched. And it notices RNG-OP-1. */
KIND_TEST(the_device_itself)
{
    struct vpt_segment segment;

    start(*variant);
    fixture.source->options.most = 32;
    fixture.source->options.claimed = 10;
    submit(0);
    assert_status(kick(), VPT_OK);
    assert_status(poll(), VPT_OK);
    cr_assert(fixture.completion.length == 42 && given(room(0), 32, 0) && all_zero(room(0) + 32, ROOM - 32));
    fixture.source->options.claimed = 1000;
    submit(0);
    assert_status(kick(), VPT_OK);
    assert_status(poll(), VPT_OK);
    cr_assert(fixture.completion.length == ROOM && given(room(0), 32, 32));
    segment = (struct vpt_segment){ fixture.data.device_address, 8 };
    assert_status(vpt_requests_submit(&fixture.entropy.requests, &segment, 1, 0, NULL), VPT_OK);
    assert_status(kick(), VPT_OK);
    cr_assert(mock_violations_mention(&fixture.hal->violations, "RNG-OP-1"));
    mock_violations_clear(&fixture.hal->violations);
    end();
}
