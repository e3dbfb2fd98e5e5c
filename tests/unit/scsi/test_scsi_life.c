/* SPDX-License-Identifier: MIT */
/* A SCSI host's bring-up and its end: resets, restarts, a device that is silent or pulled out. */
#include <string.h>

#include "opening.h"
#include "scsi_host.h"

#define TOGETHER 4u

static uint8_t buffer[4096];

static enum vpt_status open_it(void)
{
    return vpt_scsi_open(&scsi, machine.device);
}

static const struct opening opening = { open_it, &scsi, sizeof(scsi), 3 };

TRANSPORT_TEST(scsi_life, another_device_is_refused)
{
    machine_make(variant->kind, NULL);
    assert_status(machine_probe(), VPT_OK);
    memset(&scsi, 0x5a, sizeof(scsi));
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_UNSUPPORTED_DEVICE);
    assert_nothing_left(&opening);
    assert_same(machine.model->resets, 0);
    assert_status(vpt_scsi_init(&scsi, NULL, NULL), VPT_CALLER_ARGUMENT);
    machine_end();
}

/* Protection information is not accepted; the sizes are those after a reset (OUT-SCSI-4). */
SCSI_TEST(scsi_life, OUT_SCSI_1_OUT_SCSI_2_OUT_SCSI_4_D_SCSI_10_features_and_sizes)
{
    static const struct {
        uint32_t sense_size;
        uint32_t cdb_size;
        enum vpt_status status;
    } rows[] = { { 96, 32, VPT_OK },
                 { 97, 32, VPT_DEVICE_CONFIG },
                 { 96, 16, VPT_DEVICE_CONFIG },
                 { UINT32_MAX, UINT32_MAX, VPT_DEVICE_CONFIG } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        scsi_make_model();
        scsi_model.options.sense_size = rows[i].sense_size;
        scsi_model.options.cdb_size = rows[i].cdb_size;
        scsi_probe_model(variant);
        assert_status(vpt_scsi_open(&scsi, machine.device), rows[i].status);
        if (rows[i].status == VPT_OK) {
            assert_same(machine.model->accepted.word[0] & 0xfu, 6);
            assert_same(machine.model->config.writes, 0); /* SCSI-CFG-1 */
            assert_scsi_works();
            scsi_end();
        } else {
            assert_nothing_left(&opening);
            machine_end();
        }
    }
}

/* What a device says of itself that cannot be: nothing at all is one. */
Test(scsi_life, limits_of_nothing)
{
    scsi_probe(&ring_usual);
    mock_config_set(&machine.model->config, MOCK_SCSI_NUM_QUEUES, 4, 0);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_DEVICE_CONFIG);
    assert_nothing_left(&opening);
    mock_config_set(&machine.model->config, MOCK_SCSI_NUM_QUEUES, 4, 7); /* OUT-SCSI-3 */
    mock_config_set(&machine.model->config, MOCK_SCSI_SEG_MAX, 4, 0);
    mock_config_set(&machine.model->config, MOCK_SCSI_MAX_SECTORS, 4, 0);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_same(scsi.info.segments, 1);
    assert_same(scsi.info.sectors, 1);
    mock_config_set(&machine.model->config, MOCK_SCSI_SEG_MAX, 4, 1);
    assert_scsi_works();
    mock_config_set(&machine.model->config, MOCK_SCSI_CMD_PER_LUN, 4, 0);
    scsi_release();
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_same(scsi.info.cmd_per_lun, 1);
    scsi_end();
}

SCSI_TEST(scsi_life, arguments_that_are_none)
{
    scsi_start(variant);
    assert_status(vpt_scsi_init(NULL, machine.device, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_queue_init(NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_queue_init(&(struct vpt_scsi){ .ids = 0 }, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_queue_init(&scsi, 3, NULL), VPT_UNSUPPORTED_QUEUE);
    assert_status(vpt_scsi_open(NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_drain(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_scsi_drain(&scsi), VPT_CALLER_STATE); /* the device is running */
    assert_scsi_works();
    scsi_end();
}

/* A kernel that neither aborts nor takes events sets up one queue. */
SCSI_TEST(scsi_life, SCSI_INIT_1_SCSI_INIT_3_one_queue_is_enough)
{
    struct vpt_scsi_event event;

    scsi_probe(variant);
    assert_status(vpt_scsi_init(&scsi, machine.device, NULL), VPT_OK);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_scsi_queue_init(&scsi, 2, NULL), VPT_OK);
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_CALLER_STATE); /* it is not started */
    assert_status(vpt_driver_start(&scsi.driver), VPT_OK);
    assert_scsi_works();
    assert_status(vpt_scsi_reset_unit(&scsi, 0, 0), VPT_CALLER_STATE);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_CALLER_STATE);
    scsi_end();
}

/* Allocations fail from the n-th on; the n-th queue fails. */
SCSI_TEST(scsi_life, an_open_that_fails_leaves_nothing_behind)
{
    scsi_probe(variant);
    opening_without_memory(&opening);
    assert_scsi_works();
    scsi_release();
    opening_without_queue(&opening);
    machine_end();
}

static struct vpt_port plain_port;

static enum vpt_status allocate_and_fail(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                         struct vpt_memory *memory)
{
    mock_device_needs_reset(machine.model);
    return plain_port.dma_allocate(ctx, size, alignment, limit, flags, memory);
}

SCSI_TEST(scsi_life, CLEANUP_2_an_open_that_cannot_stop_the_device_leaves_it_the_memory)
{
    enum vpt_status status;

    scsi_probe(variant);
    plain_port = *machine.port;
    machine.port->dma_allocate = allocate_and_fail;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
    status = vpt_scsi_open(&scsi, machine.device);
    assert_status(status, machine_on_pci() ? VPT_DEVICE_NEEDS_RESET : VPT_DEVICE_STUCK);
    assert_same(mock_hal_live_allocations(machine.hal) == 0, machine_on_pci());
    assert_same(scsi.info.max_target, machine_on_pci() ? 0 : 255);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    machine.port->dma_allocate = plain_port.dma_allocate;
    if (!machine_on_pci()) {
        scsi_release();
    }
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_scsi_works();
    scsi_end();
}

SCSI_TEST(scsi_life, CONFIG_1_a_configuration_that_keeps_changing)
{
    scsi_probe(variant);
    machine.model->backend->change_configuration(&scsi_model);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_nothing_left(&opening);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
    assert_scsi_works();
    scsi_end();
}

/* A short ring without tables has room for few commands, down to one of two segments. */
Test(scsi_life, short_rings)
{
    static const uint32_t sizes[] = { 4, 8, 16, 32, 64 };

    for (unsigned i = 0; i < 2u * COUNT_OF(sizes); i++) {
        struct mock_pci_machine_options options = { .machine = { .type = { &mock_scsi_backend, &scsi_model },
                                                                 .queue_maximum = sizes[i / 2u] } };

        scsi_make_model();
        if (i % 2u == 0) {
            vpt_features_add(&options.machine.withhold, VPT_F_INDIRECT_DESC);
        }
        machine_make(MACHINE_PCI_MODERN, &options);
        assert_status(machine_probe(), VPT_OK);
        assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
        assert_scsi_works();
        assert_scsi_works();
        scsi_end();
    }
}

/* Memory that was handed over is all that is used: of a port without memory nothing is asked. */
SCSI_TEST(scsi_life, memory_of_the_callers)
{
    const struct vpt_requests_config config = { .requests = 2,
                                                .segments = 3,
                                                .size = variant->kind == MACHINE_MMIO_2 ? 8 : 0 };
    struct vpt_requests_config with = config;
    struct vpt_memory pieces[3];
    struct vpt_port whole_port;

    scsi_probe(variant);
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        assert_status(machine.port->dma_allocate(machine.port->ctx, 0x4000, 4096, UINT32_MAX, 0, &pieces[i]), VPT_OK);
    }
    whole_port = *machine.port;
    machine.port->dma_allocate = NULL;
    assert_status(vpt_scsi_init(&scsi, machine.device, NULL), VPT_OK);
    with.memory.rings = pieces[0];
    with.memory.slots = (struct vpt_memory){ pieces[1].address, pieces[1].device_address, VPT_SCSI_SLOT_SIZE * 2u };
    with.memory.indirect = pieces[2];
    with.memory.private_state = (struct vpt_memory){ machine_bytes(0x30000u), 0, VPT_REQUESTS_PRIVATE_SIZE(4) };
    assert_status(vpt_scsi_queue_init(&scsi, 2, &with), VPT_OK);
    assert_status(vpt_driver_start(&scsi.driver), VPT_OK);
    assert_same(vpt_requests_free(&scsi.requests), variant->plain && variant->kind == MACHINE_MMIO_2 ? 1 : 2);
    for (uint32_t i = 0; i < 5; i++) {
        assert_scsi_works();
    }
    scsi_release();
    *machine.port = whole_port;
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        machine.port->dma_free(machine.port->ctx, &pieces[i], 0);
    }
    machine_end();
}

/* ---- Resets ---- */

static void submit_together(struct vpt_scsi_request *requests)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned i = 0; i < TOGETHER; i++) {
        const struct vpt_segment segment = machine_segment(0x1000u * i, 1024);

        assert_status(vpt_scsi_disk_submit(&scsi_disk, &requests[i], VPT_SCSI_READ, i, &segment, 1), VPT_OK);
    }
    assert_status(vpt_requests_kick(&scsi.requests), VPT_OK);
}

/* Each command in flight comes back once, with this status. */
static void assert_each_comes_back(const struct vpt_scsi_request *requests, enum vpt_status status)
{
    struct vpt_completion completion;
    unsigned seen = 0;

    for (unsigned i = 0; i < TOGETHER; i++) {
        size_t n;

        assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_OK);
        assert_status(completion.status, status);
        n = (size_t)((struct vpt_scsi_request *)completion.token - requests);
        cr_assert(n < TOGETHER && (seen >> n & 1u) == 0);
        assert_same(requests[n].response, 0xff);
        assert_same(requests[n].length, 0);
        seen |= 1u << n;
    }
    assert_status(vpt_requests_poll(&scsi.requests, &completion), VPT_EMPTY);
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
}

/* Restarted on the same memory, with commands in flight; disks stay open. */
SCSI_TEST(scsi_life, CLEANUP_2_a_restart_on_the_same_memory)
{
    struct vpt_scsi_request requests[TOGETHER];
    struct vpt_scsi_event event;
    uint64_t allocations;

    scsi_start(variant);
    allocations = machine.hal->allocations;
    for (uint32_t round = 0; round < 3; round++) {
        assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
        submit_together(requests);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_CALLER_BUSY);
        assert_each_comes_back(requests, VPT_CANCELLED);
        assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_CANCELLED);
        assert_status(vpt_scsi_disk_flush(&scsi_disk), VPT_CANCELLED);
        assert_status(vpt_scsi_reset_unit(&scsi, 0, 0), VPT_CANCELLED);
        assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_CANCELLED);
        assert_status(vpt_scsi_drain(&scsi), VPT_OK);
        assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_OK);
        assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_OK); /* despite a UNIT ATTENTION */
        mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_RESET, 0, 0, 1);
        assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_OK);
        assert_scsi_works();
    }
    assert_same(machine.hal->allocations, allocations);
    scsi_end();
}

/* A device that does not answer is reset, so that the buffer is the caller's again. */
SCSI_TEST(scsi_life, a_device_that_does_not_answer)
{
    scsi_start(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t resets;

        assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
        resets = machine.model->resets;
        switch (round) {
        case 0: assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 4096), VPT_DEVICE_TIMEOUT); break;
        case 1: assert_status(vpt_scsi_disk_flush(&scsi_disk), VPT_DEVICE_TIMEOUT); break;
        default: assert_status(scsi_open_disk(SCSI_SMALL), VPT_DEVICE_TIMEOUT); break;
        }
        assert_same(machine.model->resets, resets + 1u);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CANCELLED);
        assert_status(vpt_scsi_drain(&scsi), VPT_OK);
        assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_OK);
        assert_scsi_works();
    }
    scsi_end();
}

/* The reset does not finish: the buffer stays the device's. */
Test(scsi_life, CLEANUP_2_a_device_that_is_stuck_keeps_the_buffer)
{
    scsi_start(&ring_usual);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 4096), VPT_DEVICE_STUCK);
    assert_same(mock_hal_live_shares(machine.hal), 1);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    scsi_release();
    mock_hal_abandon(machine.hal);
    machine_end();
}

/* Each command comes back, and the next device finds nothing of this one. */
SCSI_TEST(scsi_life, a_device_that_is_pulled_out)
{
    struct vpt_scsi_request requests[TOGETHER];
    struct vpt_scsi_event event;

    scsi_start(variant);
    assert_status(scsi_open_disk(SCSI_SMALL), VPT_OK);
    submit_together(requests);
    machine_pull_out();
    assert_status(vpt_scsi_abort(&scsi, &requests[0]), VPT_DEVICE_GONE);
    assert_each_comes_back(requests, VPT_DEVICE_GONE);
    assert_status(vpt_scsi_disk_read(&scsi_disk, 0, buffer, 512), VPT_DEVICE_GONE);
    assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_DEVICE_GONE);
    assert_status(vpt_scsi_poll_event(&scsi, &event), VPT_DEVICE_GONE);
    assert_status(vpt_scsi_drain(&scsi), VPT_OK);
    assert_status(vpt_driver_restart(&scsi.driver, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_driver_release(&scsi.driver), VPT_OK);
    machine_end();
}

/* The request queue alone. */
SCSI_TEST(scsi_life, one_queue_is_reset)
{
    if (!machine_kind_legacy(variant->kind)) {
        scsi_probe(variant);
        machine_offer(VPT_F_RING_RESET, true);
        assert_status(vpt_scsi_open(&scsi, machine.device), VPT_OK);
        for (uint32_t round = 0; round < 3; round++) {
            assert_status(vpt_requests_reset(&scsi.requests), VPT_OK);
            assert_status(vpt_scsi_reset_unit(&scsi, 0, 0), VPT_OK);
            assert_status(vpt_scsi_test_ready(&scsi, 0, 0), VPT_CALLER_STATE);
            assert_status(vpt_requests_restart(&scsi.requests, NULL), VPT_OK);
            assert_scsi_works();
        }
        scsi_end();
    }
}
