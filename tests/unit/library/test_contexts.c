/* SPDX-License-Identifier: MIT */
/*
 * What docs/contexts.md says of callbacks and waits, held against what the calls do: on every interface, also where the
 * device misbehaves. Nothing is called or waited for that the table does not name, and whatever it names is seen.
 */
#include "contexts_table.h"

#include <stdio.h>
#include <string.h>

#include "mock_pci_machine.h"
#include "disk.h"
#include "pci_setup.h"

TestSuite(contexts, .timeout = 60);

enum kind { KIND_MMIO_1, KIND_MMIO_2, KIND_PCI, KIND_PCI_IO, KIND_PCI_LEGACY, KINDS };

#define VECTORS 4u
#define DATA    8192u
#define EVER    0u

/* A machine of one of the kinds, and the driver's objects. */
static struct {
    enum kind kind;
    struct mock_machine mmio_machine;
    struct mock_pci_machine pci_machine;
    struct mock_hal *hal;
    struct mock_device *simulated;
    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_pci_msix msix;
    struct vpt_device *device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_entropy entropy;
    struct vpt_memory data;
} station;

static bool entropy_machines; /* those that are opened from now on have an entropy device, not a disk */

static bool on_pci(void)
{
    return station.kind >= KIND_PCI;
}

static bool legacy(void)
{
    return station.kind == KIND_MMIO_1 || station.kind == KIND_PCI_LEGACY;
}

/* ---- Machines ---- */

static struct mock_machine_options wanted(void)
{
    static const struct mock_blk_limits limits = { 1024, 4, 1 };
    struct mock_machine_options options = {
        .version = station.kind == KIND_MMIO_1 ? 1 : 2,
        .is_entropy = entropy_machines,
        .blk = { .flush = true,
                 .cache_switch = true,
                 .discard = limits,
                 .write_zeroes = limits,
                 .secure_erase = limits },
    };

    if (!legacy()) {
        vpt_features_add(&options.offer, VPT_F_SUSPEND);
    }
    return options;
}

static void open_mmio(void)
{
    struct mock_machine_options options = wanted();

    cr_assert(mock_machine_init(&station.mmio_machine, &options));
    station.hal = &station.mmio_machine.hal;
    station.simulated = &station.mmio_machine.device;
    station.device = &station.mmio.device;
    contexts_record(station.mmio_machine.port);
}

static void open_pci(void)
{
    struct mock_pci_layout layout = machine_io_layout;
    struct mock_pci_machine_options options = { .legacy = station.kind == KIND_PCI_LEGACY, .vectors = VECTORS };

    layout.capability[1].size = 0x60; /* of the device's configuration */
    options.layout = station.kind == KIND_PCI_IO ? &layout : NULL;
    options.machine = wanted();
    cr_assert(mock_pci_machine_init(&station.pci_machine, &options));
    station.hal = &station.pci_machine.hal;
    station.simulated = &station.pci_machine.device;
    station.device = &station.pci.device;
    contexts_record(station.pci_machine.port);
    station.pci_machine.address.port = &contexts.port;
}

static void open_station(enum kind kind)
{
    static uint8_t data[DATA];

    memset(&station, 0, sizeof(station));
    station.kind = kind;
    if (on_pci()) {
        open_pci();
    } else {
        open_mmio();
    }
    station.data = mock_hal_register_anywhere(station.hal, data, sizeof(data), true);
    cr_assert(station.data.address != NULL);
}

static void close_station(void)
{
    if (on_pci()) {
        assert_status(CALL(vpt_virtio_pci_close, &station.pci), VPT_OK);
        cr_assert(mock_pci_machine_finish(&station.pci_machine) == 0);
    } else {
        cr_assert(mock_machine_finish(&station.mmio_machine) == 0);
    }
}

static void fault(enum mock_fault which, uint32_t first, uint32_t times, uint64_t argument)
{
    mock_fault_set(&station.simulated->faults, which, first, times, argument);
}

static void no_fault(enum mock_fault which)
{
    mock_fault_clear(&station.simulated->faults, which);
}

/* ---- Bring-up and its end ---- */

static void probe(void)
{
    const struct mock_machine *machine = &station.mmio_machine;

    if (on_pci()) {
        assert_status(CALL(vpt_virtio_pci_probe, &station.pci, &station.pci_machine.address, &station.pci_machine.bars,
                           VPT_VIRTIO_PCI_ANY),
                      VPT_OK);
    } else {
        assert_status(CALL(vpt_mmio_probe, &station.mmio, &contexts.port, machine->mapping, machine->size), VPT_OK);
    }
}

static void bring_up(const struct vpt_requests_config *config)
{
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    assert_status(CALL(vpt_blk_ranges_init, &station.blk, 0), VPT_OK);
    assert_status(CALL(vpt_blk_queue_init, &station.queue, &station.blk, 0, config), VPT_OK);
    assert_status(CALL(vpt_driver_start, &station.blk.driver), VPT_OK);
}

static void take_back(void)
{
    struct vpt_completion completion;

    while (CALL(vpt_requests_poll, &station.queue.requests, &completion) == VPT_OK) {
    }
}

static void shut_down(void)
{
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    take_back();
    assert_status(CALL(vpt_requests_release, &station.queue.requests), VPT_OK);
}

static void submit(void)
{
    const struct vpt_segment segment = { station.data.device_address, VPT_BLK_SECTOR_SIZE };
    const struct vpt_blk_request request = { .operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1 };

    assert_status(CALL(vpt_blk_submit, &station.queue, &request, NULL), VPT_OK);
}

/* ---- A device that works ---- */

static void use_helpers(void)
{
    uint8_t sector[VPT_BLK_SECTOR_SIZE];
    char id[VPT_BLK_ID_SIZE + 1u];

    assert_status(CALL(vpt_blk_read, &station.queue, 0, sector, sizeof(sector)), VPT_OK);
    assert_status(CALL(vpt_blk_write, &station.queue, 0, sector, sizeof(sector)), VPT_OK);
    assert_status(CALL(vpt_blk_get_id, &station.queue, id), VPT_OK);
    assert_status(CALL(vpt_blk_flush, &station.queue), VPT_OK);
    assert_status(CALL(vpt_blk_discard, &station.queue, 0, 8), VPT_OK);
    assert_status(CALL(vpt_blk_write_zeroes, &station.queue, 0, 8, false), VPT_OK);
    assert_status(CALL(vpt_blk_secure_erase, &station.queue, 0, 8), VPT_OK);
}

static void use_requests(void)
{
    const struct vpt_segment segment = { station.data.device_address, VPT_BLK_SECTOR_SIZE };
    struct vpt_blk_request request = { .operation = VPT_BLK_READ };
    struct vpt_completion completion;
    struct vpt_blk_list list;
    struct vpt_segment piece;

    assert_status(CALL(vpt_blk_list_begin, &list, &station.queue, &segment, 1, 0), VPT_OK);
    assert_status(CALL(vpt_blk_list_next, &list, &station.queue, &request, &piece, 1), VPT_OK);
    CALL_VOID(vpt_requests_notifications_off, &station.queue.requests);
    submit();
    assert_status(CALL(vpt_requests_kick, &station.queue.requests), VPT_OK);
    cr_assert((uint32_t)CALL(vpt_queue_has_used, &station.queue.requests.queue) != 0);
    assert_status(CALL(vpt_requests_poll, &station.queue.requests, &completion), VPT_OK);
    CALL_VOID(vpt_requests_notifications_on, &station.queue.requests);
    submit();
    assert_status(CALL(vpt_requests_kick, &station.queue.requests), VPT_OK);
    assert_status(CALL(vpt_requests_poll, &station.queue.requests, &completion), VPT_OK);
    assert_status(CALL(vpt_requests_poll, &station.queue.requests, &completion), VPT_EMPTY);
    submit();
    assert_status(CALL(vpt_requests_kick, &station.queue.requests), VPT_OK);
    CALL_VOID(vpt_device_interrupt, station.device);
    assert_status(CALL(vpt_requests_quiesce, &station.queue.requests, NULL, NULL), VPT_OK);
}

static void use_device(void)
{
    const struct vpt_config_field field = { .width = 8 };
    struct vpt_shared_memory_region region;
    uint64_t capacity = 0;
    uint32_t value = 0;

    assert_status(CALL(vpt_device_check, station.device), VPT_OK);
    CALL_VOID(vpt_device_gone, station.device);
    CALL_VOID(vpt_device_legacy, station.device);
    CALL_VOID(vpt_device_transport, station.device);
    assert_status(CALL(vpt_device_config_read, station.device, 32, 1, &value), VPT_OK);
    assert_status(CALL(vpt_device_config_write, station.device, 32, 1, value), VPT_OK);
    assert_status(CALL(vpt_device_config_fields, station.device, &field, 1, &capacity), VPT_OK);
    cr_assert(capacity != 0);
    CALL_VOID(vpt_device_shared_memory, station.device, 0, &region);
    assert_status(CALL(vpt_blk_set_write_back, &station.blk, false), VPT_OK);
    assert_status(CALL(vpt_blk_refresh, &station.blk), VPT_OK);
}

static void use_suspend(void)
{
    if (!legacy()) {
        assert_status(CALL(vpt_device_suspend, station.device), VPT_OK);
        assert_status(CALL(vpt_device_resume, station.device), VPT_OK);
    }
}

static void use_restart(void)
{
    submit();
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    take_back();
    assert_status(CALL(vpt_driver_restart, &station.blk.driver, NULL), VPT_OK);
}

/* ---- The queue's own calls, with the disk's request made by hand: 16 bytes of zeroes are a read of sector 0 ---- */

static enum vpt_status add(struct vpt_queue *queue, void *token)
{
    const struct vpt_segment segments[] = { { station.data.device_address, 16 },
                                            { station.data.device_address + 1024, VPT_BLK_SECTOR_SIZE },
                                            { station.data.device_address + 2048, 1 } };

    memset(station.data.address, 0, 16);
    return CALL(vpt_queue_add, queue, segments, 1, 2, token);
}

static void use_raw_queue(void)
{
    const struct vpt_queue_config config = { .size = legacy() && on_pci() ? 0 : 16,
                                             .indirect_tables = 4,
                                             .indirect_segments = 4 };
    struct vpt_queue queue;
    uint32_t written;
    void *token;

    assert_status(CALL(vpt_device_negotiate, station.device, NULL, NULL, NULL), VPT_OK);
    assert_status(CALL(vpt_queue_init, &queue, station.device, &config), VPT_OK);
    assert_status(CALL(vpt_device_start, station.device), VPT_OK);
    CALL_VOID(vpt_queue_notifications_off, &queue);
    assert_status(add(&queue, &queue), VPT_OK);
    CALL_VOID(vpt_queue_publish, &queue);
    CALL_VOID(vpt_queue_kick_prepare, &queue);
    assert_status(CALL(vpt_queue_notify, &queue), VPT_OK);
    assert_status(CALL(vpt_queue_pop, &queue, &token, &written), VPT_OK);
    CALL_VOID(vpt_queue_notifications_on, &queue);
    assert_status(add(&queue, &queue), VPT_OK);
    assert_status(CALL(vpt_queue_kick, &queue), VPT_OK);
    assert_status(CALL(vpt_queue_pop, &queue, &token, &written), VPT_OK);
    assert_status(CALL(vpt_queue_pop, &queue, &token, &written), VPT_EMPTY);
    assert_status(add(&queue, &queue), VPT_OK);
    assert_status(CALL(vpt_queue_kick, &queue), VPT_OK);
    CALL_VOID(vpt_queue_free, &queue);
    CALL_VOID(vpt_queue_status, &queue);
    CALL_VOID(vpt_queue_kicks, &queue);
    CALL_VOID(vpt_queue_size, &queue);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_queue_drain, &queue, &token), VPT_OK);
    assert_status(CALL(vpt_queue_drain, &queue, &token), VPT_EMPTY);
    assert_status(CALL(vpt_device_negotiate, station.device, NULL, NULL, NULL), VPT_OK);
    assert_status(CALL(vpt_queue_restart, &queue), VPT_OK);
    assert_status(CALL(vpt_device_start, station.device), VPT_OK);
    CALL_VOID(vpt_device_fail, station.device);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_queue_release, &queue), VPT_OK);
}

/* ---- The request layer, and an entropy device ---- */

static const struct vpt_driver_kind entropy_kind = { .type = VPT_DEVICE_TYPE_ENTROPY };

static void bring_entropy_up(void)
{
    assert_status(CALL(vpt_entropy_init, &station.entropy, station.device, NULL), VPT_OK);
    assert_status(CALL(vpt_entropy_queue_init, &station.entropy, NULL), VPT_OK);
    assert_status(CALL(vpt_driver_start, &station.entropy.driver), VPT_OK);
}

static void shut_entropy_down(void)
{
    struct vpt_completion completion;

    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    while (CALL(vpt_requests_poll, &station.entropy.requests, &completion) == VPT_OK) {
    }
    assert_status(CALL(vpt_driver_release, &station.entropy.driver), VPT_OK);
}

static void use_entropy(void)
{
    const struct vpt_segment segment = { station.data.device_address, 16 };
    uint8_t bytes[16];

    bring_entropy_up();
    assert_status(CALL(vpt_entropy_read, &station.entropy, bytes, sizeof(bytes), NULL), VPT_OK);
    assert_status(CALL(vpt_entropy_submit, &station.entropy, &segment, 1, NULL), VPT_OK);
    assert_status(CALL(vpt_requests_kick, &station.entropy.requests), VPT_OK);
    shut_entropy_down();
}

static void set_up_requests(const struct vpt_requests_kind *kind)
{
    struct vpt_driver *driver = &station.entropy.driver;

    assert_status(CALL(vpt_driver_init, driver, station.device, &entropy_kind, NULL), VPT_OK);
    assert_status(CALL(vpt_requests_init, &station.entropy.requests, driver, 0, kind, 0, NULL), VPT_OK);
    assert_status(CALL(vpt_driver_start, driver), VPT_OK);
}

static void use_slots(void)
{
    static const struct vpt_requests_kind kind = { .reply = 0 };
    struct vpt_requests *requests = &station.entropy.requests;
    struct vpt_completion completion;
    struct vpt_shares shares;
    struct vpt_request request;
    uint8_t bytes[16];
    uint32_t done;

    set_up_requests(&kind);
    assert_status(CALL(vpt_requests_ready, requests), VPT_OK);
    (void)(contexts_begin("vpt_requests_next"), vpt_requests_next(requests));
    contexts_end();
    (void)(contexts_begin("vpt_requests_next_address"), vpt_requests_next_address(requests));
    contexts_end();
    CALL_VOID(vpt_requests_free, requests);
    assert_status(CALL(vpt_shares_begin, requests, &shares, VPT_DEVICE_WRITES, bytes, sizeof(bytes), 1), VPT_OK);
    assert_status(CALL(vpt_requests_submit, requests, shares.segments, 0, shares.count, NULL), VPT_OK);
    assert_status(CALL(vpt_requests_wait, requests, &completion), VPT_OK);
    request = (struct vpt_request){ .segments = shares.segments, .writable = shares.count };
    assert_status(CALL(vpt_requests_submit_batch, requests, &request, 1, &done), VPT_OK);
    assert_status(CALL(vpt_requests_kick, requests), VPT_OK);
    assert_status(CALL(vpt_requests_poll_batch, requests, &completion, 1, &done), VPT_OK);
    assert_status(CALL(vpt_requests_poll_batch, requests, &completion, 1, &done), VPT_EMPTY);
    CALL_VOID(vpt_shares_end, requests, &shares);
    shut_entropy_down();
}

static void use_receiving(void)
{
    static const struct vpt_requests_kind kind = { .reply = 16 };
    struct vpt_requests *requests = &station.entropy.requests;
    uint32_t length = 0;
    uint8_t bytes[16];

    station.simulated->completion.mode = MOCK_COMPLETE_BY_RUN;
    set_up_requests(&kind);
    assert_status(CALL(vpt_receive_start, requests), VPT_OK);
    cr_assert(mock_device_run(station.simulated, UINT32_MAX) != 0);
    while (CALL(vpt_receive, requests, bytes, sizeof(bytes), &length) == VPT_OK) {
        cr_assert(length == sizeof(bytes));
    }
    station.simulated->completion.mode = MOCK_COMPLETE_AT_KICK;
    shut_entropy_down();
}

static void use_vectors(void)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = VECTORS };
    const struct vpt_pci_function *function = &station.pci_machine.address;
    bool pending;

    assert_status(CALL(vpt_pci_command, function, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    assert_status(CALL(vpt_pci_msix_init, &station.msix, function, &station.pci_machine.bars), VPT_OK);
    assert_status(CALL(vpt_pci_msix_program, &station.msix, 0, 0xfee00000u, 1), VPT_OK);
    assert_status(CALL(vpt_pci_msix_mask, &station.msix, 0, false), VPT_OK);
    assert_status(CALL(vpt_pci_msix_mask_all, &station.msix, true), VPT_OK);
    assert_status(CALL(vpt_pci_msix_pending, &station.msix, 0, &pending), VPT_OK);
    assert_status(CALL(vpt_pci_msix_enable, &station.msix, true), VPT_OK);
    assert_status(CALL(vpt_device_negotiate, station.device, NULL, NULL, NULL), VPT_OK);
    fault(MOCK_FAULT_VECTOR_REFUSED, 1, EVER, 0);
    assert_status(CALL(vpt_device_choose_interrupts, station.device, &interrupts), VPT_OK);
    cr_assert(interrupts.mode == VPT_INTERRUPTS_LINE);
    no_fault(MOCK_FAULT_VECTOR_REFUSED);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    CALL_VOID(vpt_pci_msix_release, &station.msix);
}

/* ---- A device that does not ---- */

static void lie_in_the_ring(void)
{
    struct vpt_completion completion;
    struct vpt_requests *requests = &station.queue.requests;
    uint32_t done;

    for (unsigned i = 0; i < 3; i++) {
        bring_up(NULL);
        fault(MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
        submit();
        assert_status(CALL(vpt_requests_kick, requests), VPT_OK);
        switch (i) {
        case 0: assert_status(CALL(vpt_requests_poll, requests, &completion), VPT_DEVICE_USED_ID); break;
        case 1:
            assert_status(CALL(vpt_requests_poll_batch, requests, &completion, 1, &done), VPT_DEVICE_USED_ID);
            break;
        default: assert_status(CALL(vpt_queue_pop, &requests->queue, NULL, NULL), VPT_DEVICE_USED_ID); break;
        }
        shut_down();
    }
}

/*
 * A reset that takes its time, or does not finish: on PCI bus mastering is turned off then, elsewhere it is for ever.
 */
static void spoil_reset(void)
{
    fault(on_pci() ? MOCK_FAULT_RESET_NEVER : MOCK_FAULT_RESET_SLOW, 1, 1, 3);
}

/* Helpers whose requests are lost: they wait, and end in a reset. */
#define LOSE(function, ...)                                             \
    do {                                                                \
        bring_up(NULL);                                                 \
        station.hal->wait_budget[VPT_WAIT_REQUEST] = 3;                 \
        fault(MOCK_FAULT_KICK_LOST, 1, EVER, 0);                        \
        spoil_reset();                                                  \
        assert_status(CALL(function, __VA_ARGS__), VPT_DEVICE_TIMEOUT); \
        no_fault(MOCK_FAULT_KICK_LOST);                                 \
        station.hal->wait_budget[VPT_WAIT_REQUEST] = 10000;             \
        shut_down();                                                    \
    } while (0)

static void lose_requests(void)
{
    static uint8_t sector[VPT_BLK_SECTOR_SIZE];
    static char id[VPT_BLK_ID_SIZE + 1u];

    LOSE(vpt_blk_flush, &station.queue);
    LOSE(vpt_blk_discard, &station.queue, 0, 8);
    LOSE(vpt_blk_write_zeroes, &station.queue, 0, 8, false);
    LOSE(vpt_blk_secure_erase, &station.queue, 0, 8);
    LOSE(vpt_blk_read, &station.queue, 0, sector, sizeof(sector));
    LOSE(vpt_blk_write, &station.queue, 0, sector, sizeof(sector));
    LOSE(vpt_blk_get_id, &station.queue, id);
}

static void lose_what_is_quiesced(bool lie)
{
    bring_up(NULL);
    station.hal->wait_budget[VPT_WAIT_REQUEST] = 3;
    fault(lie ? MOCK_FAULT_USED_ID_RANGE : MOCK_FAULT_KICK_LOST, 1, 1, 0);
    submit();
    assert_status(CALL(vpt_requests_quiesce, &station.queue.requests, NULL, NULL),
                  lie ? VPT_DEVICE_USED_ID : VPT_DEVICE_TIMEOUT);
    station.hal->wait_budget[VPT_WAIT_REQUEST] = 10000;
    shut_down();
}

static void spoil_bring_up(void)
{
    struct vpt_features none = { { 0 } };

    spoil_reset();
    CALL_VOID(vpt_device_reset, station.device);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    fault(MOCK_FAULT_RESET_SLOW, 1, 1, 3);
    assert_status(CALL(vpt_device_negotiate, station.device, &none, NULL, NULL), VPT_OK);
    spoil_reset();
    CALL_VOID(vpt_device_negotiate, station.device, NULL, NULL, NULL);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    fault(MOCK_FAULT_RESET_SLOW, 1, 1, 3);
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    if (!legacy()) {
        fault(MOCK_FAULT_FEATURES_REFUSED, 1, 2, 0);
        assert_status(CALL(vpt_device_negotiate, station.device, NULL, NULL, NULL), VPT_DEVICE_FEATURES_REFUSED);
        assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_DEVICE_FEATURES_REFUSED);
    }
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
}

static bool changing_limits;

/* Whenever the driver waits: a legacy interface, whose driver compares what it reads, is never done then. */
static void change_limits(void *unused)
{
    static uint32_t sectors = 1000;

    (void)unused;
    if (changing_limits) {
        mock_config_set(&station.simulated->config, MOCK_BLK_DISCARD, 4, ++sectors);
    }
}

static void spoil_ranges(void)
{
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    mock_hal_add_ticker(station.hal, change_limits, NULL);
    changing_limits = true;
    CALL_VOID(vpt_blk_ranges_init, &station.blk, 0);
    changing_limits = false;
}

static void spoil_configuration(void)
{
    const struct vpt_config_field field = { .width = 8 };
    uint64_t value;

    fault(MOCK_FAULT_CONFIG_CHANGING, 1, EVER, 0);
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_DEVICE_CONFIG_UNSTABLE);
    no_fault(MOCK_FAULT_CONFIG_CHANGING);
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    fault(MOCK_FAULT_CONFIG_CHANGING, 1, EVER, 0);
    assert_status(CALL(vpt_device_config_fields, station.device, &field, 1, &value), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_status(CALL(vpt_blk_refresh, &station.blk), VPT_DEVICE_CONFIG_UNSTABLE);
    spoil_reset();
    CALL_VOID(vpt_driver_restart, &station.blk.driver, NULL);
    no_fault(MOCK_FAULT_CONFIG_CHANGING);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    fault(MOCK_FAULT_RESET_SLOW, 1, 1, 3);
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    fault(MOCK_FAULT_CONFIG_CHANGING, 1, EVER, 0);
    assert_status(CALL(vpt_driver_restart, &station.blk.driver, NULL), VPT_DEVICE_CONFIG_UNSTABLE);
    no_fault(MOCK_FAULT_CONFIG_CHANGING);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
}

/*
 * A queue that does not become ready: the device is made to let go of it, by stopping the queue, which takes its time
 * or does not work, or by a reset, likewise.
 */
static void make_unready(unsigned how)
{
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
    fault(MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    fault(MOCK_FAULT_QUEUE_IN_USE, 2, how == 0 ? 2 : EVER, 0);
    if (how == 1) {
        fault(MOCK_FAULT_RESET_SLOW, 1, 1, 3);
    } else {
        spoil_reset();
    }
}

static void make_ready(void)
{
    no_fault(MOCK_FAULT_QUEUE_IN_USE);
    no_fault(MOCK_FAULT_QUEUE_NOT_READY);
    no_fault(MOCK_FAULT_RESET_NEVER);
    no_fault(MOCK_FAULT_RESET_SLOW);
}

static void spoil_queue(void)
{
    const struct vpt_queue_config config = { 0 };
    struct vpt_queue queue;

    for (unsigned how = 0; how < 3; how++) {
        make_unready(how);
        assert_status(CALL(vpt_queue_init, &queue, station.device, &config), VPT_DEVICE_QUEUE_STATE);
        make_ready();
        make_unready(how);
        assert_status(CALL(vpt_blk_queue_init, &station.queue, &station.blk, 0, NULL), VPT_DEVICE_QUEUE_STATE);
        make_ready();
    }
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
}

static void spoil_restart(void)
{
    struct vpt_queue *queue = &station.queue.requests.queue;

    bring_up(NULL);
    fault(MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(CALL(vpt_driver_restart, &station.blk.driver, NULL), VPT_DEVICE_QUEUE_STATE);
    assert_status(CALL(vpt_device_negotiate, station.device, NULL, &station.blk.driver.features, NULL), VPT_OK);
    fault(MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    assert_status(CALL(vpt_queue_restart, queue), VPT_DEVICE_QUEUE_STATE);
    shut_down();
}

static void spoil_suspend(void)
{
    if (legacy()) {
        return;
    }
    bring_up(NULL);
    station.hal->wait_budget[VPT_WAIT_SUSPEND] = 3;
    station.simulated->suspend_reads = UINT32_MAX;
    assert_status(CALL(vpt_device_suspend, station.device), VPT_DEVICE_TIMEOUT);
    shut_down();
    station.simulated->suspend_reads = 0;
    bring_up(NULL);
    assert_status(CALL(vpt_device_suspend, station.device), VPT_OK);
    station.simulated->suspend_reads = UINT32_MAX;
    assert_status(CALL(vpt_device_resume, station.device), VPT_DEVICE_TIMEOUT);
    shut_down();
    station.simulated->suspend_reads = 0;
}

/* Like make_unready(), for what resets the device by itself. */
static void make_entropy_unready(unsigned how)
{
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    fault(MOCK_FAULT_QUEUE_NOT_READY, 1, 1, 0);
    fault(MOCK_FAULT_QUEUE_IN_USE, 2, how == 0 ? 2 : EVER, 0);
    fault(on_pci() && how != 1 ? MOCK_FAULT_RESET_NEVER : MOCK_FAULT_RESET_SLOW, 2, 1, 3);
}

static void spoil_entropy(void)
{
    static const struct vpt_requests_kind kind = { .reply = 16 };
    struct vpt_entropy *entropy = &station.entropy;
    struct vpt_completion completion;
    uint32_t length;
    uint8_t bytes[16];

    for (unsigned how = 0; how < 3; how++) {
        make_entropy_unready(how);
        assert_status(CALL(vpt_entropy_open, entropy, station.device), VPT_DEVICE_QUEUE_STATE);
        make_ready();
        make_entropy_unready(how);
        assert_status(CALL(vpt_entropy_init, entropy, station.device, NULL), VPT_OK);
        assert_status(CALL(vpt_entropy_queue_init, entropy, NULL), VPT_DEVICE_QUEUE_STATE);
        make_ready();
        spoil_reset();
        CALL_VOID(vpt_entropy_init, entropy, station.device, NULL);
        make_ready();
        make_entropy_unready(how);
        assert_status(CALL(vpt_driver_init, &entropy->driver, station.device, &entropy_kind, NULL), VPT_OK);
        assert_status(CALL(vpt_requests_init, &entropy->requests, &entropy->driver, 0, &kind, 0, NULL),
                      VPT_DEVICE_QUEUE_STATE);
        make_ready();
    }
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    for (unsigned helper = 0; helper < 2; helper++) {
        const struct vpt_segment segment = { station.data.device_address, 16 };

        bring_entropy_up();
        station.hal->wait_budget[VPT_WAIT_REQUEST] = 3;
        fault(MOCK_FAULT_KICK_LOST, 1, EVER, 0);
        spoil_reset();
        if (helper == 0) {
            assert_status(CALL(vpt_entropy_read, entropy, bytes, sizeof(bytes), NULL), VPT_DEVICE_TIMEOUT);
        } else {
            assert_status(CALL(vpt_entropy_submit, entropy, &segment, 1, NULL), VPT_OK);
            assert_status(CALL(vpt_requests_wait, &entropy->requests, &completion), VPT_DEVICE_TIMEOUT);
        }
        no_fault(MOCK_FAULT_KICK_LOST);
        station.hal->wait_budget[VPT_WAIT_REQUEST] = 10000;
        shut_entropy_down();
    }
    set_up_requests(&kind);
    fault(MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    assert_status(CALL(vpt_receive_start, &entropy->requests), VPT_OK);
    assert_status(CALL(vpt_receive, &entropy->requests, bytes, sizeof(bytes), &length), VPT_DEVICE_USED_ID);
    shut_entropy_down();
}

/* What a buffer's second piece has taken back when the port shares less than the granule. */
static void spoil_shares(void)
{
    static uint8_t sector[2 * VPT_BLK_SECTOR_SIZE];
    struct vpt_shares shares;

    bring_up(NULL);
    station.hal->share_most = 16;
    assert_status(CALL(vpt_shares_begin, &station.queue.requests, &shares, VPT_DEVICE_WRITES, sector, sizeof(sector),
                       VPT_BLK_SECTOR_SIZE),
                  VPT_RESOURCE_SEGMENTS);
    station.hal->share_most = 0;
    shut_down();
}

/* ---- A driver's own bring-up, and the one of a whole disk ---- */

static enum vpt_status read_capacity(struct vpt_driver *driver)
{
    static const struct vpt_config_field field = { .width = 8 };
    uint64_t capacity;

    return vpt_device_config_fields(driver->device, &field, 1, &capacity);
}

static void spoil_driver(void)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_BLOCK, .configure = read_capacity };
    static struct mock_config_field capacity_bytes[5]; /* either half of it changes */
    const struct mock_config config = station.simulated->config;
    struct vpt_driver driver;
    uint8_t bytes[COUNT_OF(capacity_bytes)];

    fault(MOCK_FAULT_RESET_SLOW, 1, 1, 3);
    assert_status(CALL(vpt_driver_init, &driver, station.device, &kind, NULL), VPT_OK);
    fault(MOCK_FAULT_CONFIG_CHANGING, 1, EVER, 0);
    for (uint16_t i = 0; i < COUNT_OF(capacity_bytes); i++) {
        capacity_bytes[i] = (struct mock_config_field){ "a byte of the capacity", i, 1, MOCK_CONFIG_ALWAYS, false };
    }
    station.simulated->config.fields = capacity_bytes;
    station.simulated->config.field_count = COUNT_OF(capacity_bytes);
    assert_status(CALL(vpt_driver_bytes, station.device, 0, bytes, sizeof(bytes)), VPT_DEVICE_CONFIG_UNSTABLE);
    station.simulated->config.fields = config.fields;
    station.simulated->config.field_count = config.field_count;
    spoil_reset();
    CALL_VOID(vpt_driver_init, &driver, station.device, &kind, NULL);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_driver_init, &driver, station.device, &kind, NULL), VPT_DEVICE_CONFIG_UNSTABLE);
    assert_status(CALL(vpt_blk_open, &station.blk, &station.queue, station.device), VPT_DEVICE_CONFIG_UNSTABLE);
    no_fault(MOCK_FAULT_CONFIG_CHANGING);
    for (unsigned how = 0; how < 3; how++) {
        make_entropy_unready(how);
        assert_status(CALL(vpt_blk_open, &station.blk, &station.queue, station.device), VPT_DEVICE_QUEUE_STATE);
        make_ready();
    }
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_blk_open, &station.blk, &station.queue, station.device), VPT_OK);
    shut_down();
}

/* ---- A device that goes away: PCI looks into configuration space to be sure ---- */

/* Made ready by `prepare`; then it vanishes at the given access from then on, in a call. */
#define VANISH(kind, prepare, access, function, ...) \
    do {                                             \
        open_station(kind);                          \
        probe();                                     \
        prepare;                                     \
        fault(MOCK_FAULT_VANISH, access, 1, 0);      \
        CALL_VOID(function, __VA_ARGS__);            \
        CALL_VOID(vpt_device_check, station.device); \
        cr_assert(vpt_device_gone(station.device));  \
        leave();                                     \
    } while (0)

static void leave(void)
{
    if (station.queue.requests.driver != NULL) {
        take_back();
        assert_status(CALL(vpt_requests_release, &station.queue.requests), VPT_OK);
    }
    if (on_pci()) {
        CALL_VOID(vpt_virtio_pci_close, &station.pci);
        (void)mock_pci_machine_finish(&station.pci_machine);
    } else {
        (void)mock_machine_finish(&station.mmio_machine);
    }
}

static void init_blk(void)
{
    assert_status(CALL(vpt_blk_init, &station.blk, station.device, NULL), VPT_OK);
}

static void init_queue(void)
{
    init_blk();
    assert_status(CALL(vpt_blk_queue_init, &station.queue, &station.blk, 0, NULL), VPT_OK);
}

static void suspend(void)
{
    bring_up(NULL);
    assert_status(CALL(vpt_device_suspend, station.device), VPT_OK);
}

static void submit_one(void)
{
    bring_up(NULL);
    station.hal->wait_budget[VPT_WAIT_REQUEST] = 3;
    fault(MOCK_FAULT_KICK_LOST, 1, 1, 0);
    submit();
}

static void reset_and_negotiate(void)
{
    bring_up(NULL);
    assert_status(CALL(vpt_device_reset, station.device), VPT_OK);
    assert_status(CALL(vpt_device_negotiate, station.device, NULL, &station.blk.driver.features, NULL), VPT_OK);
}

static void vanish(enum kind kind)
{
    VANISH(kind, bring_up(NULL), 1, vpt_device_check, station.device);
    VANISH(kind, init_queue(), 2, vpt_device_start, station.device);
    VANISH(kind, init_queue(), 2, vpt_driver_start, &station.blk.driver);
    VANISH(kind, init_blk(), 2, vpt_blk_ranges_init, &station.blk, 0);
    VANISH(kind, bring_up(NULL), 2, vpt_blk_set_write_back, &station.blk, true);
    VANISH(kind, bring_up(NULL), 2, vpt_blk_refresh, &station.blk);
    VANISH(kind, submit_one(), 2, vpt_requests_quiesce, &station.queue.requests, NULL, NULL);
    VANISH(kind, reset_and_negotiate(), 6, vpt_queue_restart, &station.queue.requests.queue);
    VANISH(kind, bring_up(NULL), 6, vpt_driver_restart, &station.blk.driver, NULL);
    if (!legacy()) {
        VANISH(kind, bring_up(NULL), 2, vpt_device_suspend, station.device);
        VANISH(kind, suspend(), 2, vpt_device_resume, station.device);
    }
}

/* ---- PCI without virtio ---- */

static void use_walks(const struct vpt_pci_function *function)
{
    struct vpt_pci_capability capability;
    struct vpt_pci_walk walk;
    uint16_t offset;

    assert_status(CALL(vpt_pci_walk_begin, &walk, function), VPT_OK);
    CALL_VOID(vpt_pci_walk_next, &walk, &capability);
    CALL_VOID(vpt_pci_walk_begin_extended, &walk, function);
    CALL_VOID(vpt_pci_find_capability, function, VPT_PCI_CAPABILITY_MSI, &offset);
}

static bool visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    (void)ctx;
    (void)function;
    (void)identity;
    return true;
}

static void use_pci(void)
{
    static const uint8_t msi[22] = { 0x80, 0x01 };
    static const uint8_t writable[22] = { 0x71, 0,    0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0xff, 0,    0,    0xff, 0xff, 0xff, 0xff };
    struct vpt_pci_window window = { VPT_PCI_BAR_MEMORY, false, PCI_APERTURE, PCI_APERTURE + 0xffffu, false };
    struct vpt_pci_identity identity;
    struct vpt_pci_bars bars;
    uint32_t value;

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x1000 });
    mock_pci_set(&pci.function, 0x24, 4, 0x6); /* one that makes no sense, for the log */
    cr_assert(mock_pci_capability_add(&pci.function, VPT_PCI_CAPABILITY_MSI, msi, sizeof(msi), writable) != 0);
    contexts_record(&pci.bus.port);
    pci.here.port = &contexts.port;
    assert_status(CALL(vpt_pci_read, &pci.here, 0, 2, &value), VPT_OK);
    assert_status(CALL(vpt_pci_write, &pci.here, 0x3c, 1, 5), VPT_OK);
    assert_status(CALL(vpt_pci_identify, &pci.here, &identity), VPT_OK);
    assert_status(CALL(vpt_pci_enumerate, &contexts.port, 2, 3, 3, visit, NULL), VPT_OK);
    pci.function.address.function = 0; /* the only one of its device is number 0 */
    assert_status(CALL(vpt_pci_buses_place, &contexts.port, 2, 3, 3, NULL, 0), VPT_OK);
    pci.function.address.function = 5;
    use_walks(&pci.here);
    assert_status(CALL(vpt_pci_bars_read, &pci.here, &bars), VPT_OK);
    assert_status(CALL(vpt_pci_bars_size, &pci.here, &bars), VPT_OK);
    assert_status(CALL(vpt_pci_bars_check, &bars, VPT_PCI_ALL_BARS, &window, 1), VPT_OK);
    assert_status(CALL(vpt_pci_bars_place, &pci.here, &bars, VPT_PCI_ALL_BARS, &window, 1), VPT_OK);
    assert_status(CALL(vpt_pci_bars_restore, &pci.here, &bars), VPT_OK);
    assert_status(CALL(vpt_pci_command, &pci.here, 0, VPT_PCI_COMMAND_MEMORY), VPT_OK);
    assert_status(CALL(vpt_pci_msi_enable, &pci.here, 0xfee00000u, 0x41), VPT_OK);
    assert_status(CALL(vpt_pci_msi_mask, &pci.here, true), VPT_OK);
    assert_status(CALL(vpt_pci_msi_disable, &pci.here), VPT_OK);
    pci_end();
}

/* What a probe and MSI-X have to undo, and a capability that is refused on the way. */
static enum vpt_status map_nothing(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping)
{
    (void)ctx;
    (void)physical;
    (void)size;
    (void)intent;
    (void)mapping;
    return VPT_RESOURCE_MEMORY;
}

static void spoil_msix_map(struct mock_pci_machine *machine)
{
    const struct vpt_port saved = machine->bus.port;
    struct vpt_pci_msix msix;

    machine->bus.port.mmio_map = map_nothing;
    assert_status(CALL(vpt_pci_msix_init, &msix, &machine->address, &machine->bars), VPT_RESOURCE_MEMORY);
    machine->bus.port = saved;
}

static void spoil_pci(void)
{
    struct mock_pci_machine_options options = { .vectors = VECTORS };
    struct mock_pci_machine *machine = &station.pci_machine;
    struct vpt_pci_msix again;
    bool pending;

    memset(&station, 0, sizeof(station));
    station.kind = KIND_PCI;
    cr_assert(mock_pci_machine_init(machine, &options));
    station.hal = &machine->hal;
    station.simulated = &machine->device;
    contexts_record(machine->port);
    machine->address.port = &contexts.port;
    fault(MOCK_FAULT_COMMAND_STUCK, 1, EVER, VPT_PCI_COMMAND_MEMORY);
    assert_status(CALL(vpt_virtio_pci_probe, &station.pci, &machine->address, &machine->bars, VPT_VIRTIO_PCI_ANY),
                  VPT_DEVICE_PCI_COMMAND);
    no_fault(MOCK_FAULT_COMMAND_STUCK);
    machine->bars.bar[4].size = 0x10;
    CALL_VOID(vpt_virtio_pci_probe, &station.pci, &machine->address, &machine->bars, VPT_VIRTIO_PCI_ANY);
    assert_status(CALL(vpt_pci_command, &machine->address, VPT_PCI_COMMAND_MEMORY, 0), VPT_OK);
    spoil_msix_map(machine);
    assert_status(CALL(vpt_pci_msix_init, &station.msix, &machine->address, &machine->bars), VPT_OK);
    assert_status(CALL(vpt_pci_msix_enable, &station.msix, true), VPT_OK);
    machine->bus.undecoded_allowed = true;
    machine->function.gone = true;
    assert_status(CALL(vpt_pci_msix_pending, &station.msix, 0, &pending), VPT_DEVICE_GONE);
    machine->function.gone = false;
    fault(MOCK_FAULT_MSIX_STUCK, 1, EVER, 0);
    assert_status(CALL(vpt_pci_msix_init, &again, &machine->address, &machine->bars), VPT_DEVICE_PCI_MSIX);
    machine->bars.bar[MOCK_PCI_MSIX_BAR].size = 0;
    assert_status(CALL(vpt_pci_msix_init, &again, &machine->address, &machine->bars), VPT_CALLER_BAR);
    machine->bars.bar[MOCK_PCI_MSIX_BAR].size = 0x10000;
    no_fault(MOCK_FAULT_MSIX_STUCK);
    CALL_VOID(vpt_pci_msix_release, &station.msix);
    (void)mock_pci_machine_finish(machine);
}

/* ---- Tests ---- */

static void use_any_context(void)
{
    struct vpt_features features = { { 0 } };

    CALL_VOID(vpt_status_str, VPT_OK);
    CALL_VOID(vpt_status_group, VPT_OK);
    CALL_VOID(vpt_features_add, &features, 3);
    CALL_VOID(vpt_features_has, &features, 3);
    CALL_VOID(vpt_features_remove, &features, 3);
}

static void live(enum kind kind)
{
    open_station(kind);
    probe();
    use_raw_queue();
    if (on_pci()) {
        use_vectors();
    }
    bring_up(NULL);
    use_device();
    use_requests();
    use_helpers();
    use_suspend();
    use_restart();
    shut_down();
    close_station();
    entropy_machines = true;
    open_station(kind);
    probe();
    use_entropy();
    use_slots();
    use_receiving();
    close_station();
    entropy_machines = false;
}

static void misbehave(enum kind kind)
{
    open_station(kind);
    probe();
    spoil_bring_up();
    spoil_configuration();
    spoil_ranges();
    spoil_queue();
    spoil_restart();
    spoil_suspend();
    lie_in_the_ring();
    lose_requests();
    lose_what_is_quiesced(false);
    lose_what_is_quiesced(true);
    spoil_driver();
    spoil_shares();
    close_station();
    entropy_machines = true;
    open_station(kind);
    probe();
    spoil_entropy();
    close_station();
    entropy_machines = false;
    vanish(kind);
}

#define HANDED_OVER          UINT64_C(0x5000000000)
#define HANDED_OVER_ENTRIES  256u /* what a legacy interface of PCI dictates here */
#define HANDED_OVER_REQUESTS 4u
#define HANDED_OVER_SEGMENTS 2u

/* Takes `size` bytes, from a multiple of a page on. */
static struct vpt_memory carve(const struct vpt_memory *all, size_t *taken, size_t size)
{
    struct vpt_memory piece = { (uint8_t *)all->address + *taken, all->device_address + *taken, size };

    *taken += (size + 4095u) & ~(size_t)4095u;
    cr_assert(*taken <= all->size);
    return piece;
}

static void hand_over(struct vpt_requests_config *config)
{
    static _Alignas(4096) uint8_t memory[16u * 4096u];
    struct vpt_memory all = mock_hal_register(station.hal, memory, sizeof(memory), HANDED_OVER, true);
    size_t taken = 0;

    cr_assert(all.address != NULL);
    memset(config, 0, sizeof(*config));
    config->requests = HANDED_OVER_REQUESTS;
    config->segments = HANDED_OVER_SEGMENTS;
    config->size = HANDED_OVER_ENTRIES;
    config->memory.rings =
        carve(&all, &taken, VPT_QUEUE_RINGS_SIZE(HANDED_OVER_ENTRIES, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT));
    config->memory.indirect = carve(&all, &taken, VPT_BLK_INDIRECT_SIZE(HANDED_OVER_REQUESTS, HANDED_OVER_SEGMENTS));
    config->memory.private_state = carve(&all, &taken, VPT_REQUESTS_PRIVATE_SIZE(HANDED_OVER_REQUESTS));
    config->memory.slots = carve(&all, &taken, VPT_BLK_SLOTS_SIZE(HANDED_OVER_REQUESTS, 1));
}

static struct criterion_test_params kinds(void)
{
    static enum kind all[] = { KIND_MMIO_1, KIND_MMIO_2, KIND_PCI, KIND_PCI_IO, KIND_PCI_LEGACY };

    return cr_make_param_array(enum kind, all, COUNT_OF(all));
}

#define KIND_TEST(name) PARAMETER_TEST(enum kind, kinds(), contexts, name)

KIND_TEST(a_working_device_is_driven_by_the_named_callbacks_alone)
{
    contexts_read();
    live(*variant);
    cr_assert(contexts.made_in_all != 0);
}

/* Where nothing lies: the queue's hot path. A kick is one access of the doorbell's. */
KIND_TEST(adding_publishing_and_popping_make_no_callback)
{
    static const char *const quiet[] = { "vpt_queue_add",
                                         "vpt_queue_publish",
                                         "vpt_queue_kick_prepare",
                                         "vpt_queue_pop",
                                         "vpt_queue_has_used",
                                         "vpt_blk_submit",
                                         "vpt_requests_poll",
                                         "vpt_requests_notifications_off",
                                         "vpt_requests_notifications_on" };
    const uint32_t doorbell = *variant >= KIND_PCI_IO ? MADE(CALLBACK_IO_WRITE) : MADE(CALLBACK_MMIO_WRITE);

    contexts_read();
    live(*variant);
    for (unsigned i = 0; i < COUNT_OF(quiet); i++) {
        contexts_begin(quiet[i]);
        cr_assert(contexts.now->called && contexts.now->seen == 0, "%s: 0x%x", quiet[i], (unsigned)contexts.now->seen);
    }
    contexts_begin("vpt_queue_kick");
    cr_assert(contexts.now->seen == doorbell);
    contexts_begin("vpt_requests_kick");
    cr_assert(contexts.now->seen == doorbell);
}

/* From the probe to the release, with memory of the caller's: the port is asked for none. */
KIND_TEST(a_panic_takes_no_memory_of_the_port)
{
    struct vpt_requests_config config;

    contexts_read();
    contexts.panicking = true;
    open_station(*variant);
    hand_over(&config);
    probe();
    bring_up(&config);
    use_device();
    use_requests();
    use_helpers();
    use_restart();
    shut_down();
    cr_assert(station.hal->allocations == 0 && station.hal->private_allocations == 0);
    close_station();
}

KIND_TEST(a_device_that_misbehaves_changes_nothing_of_that)
{
    contexts_read();
    misbehave(*variant);
    cr_assert((contexts.made_in_all & MADE(CALLBACK_LOG)) != 0);
}

Test(contexts, functions_of_the_PCI_room)
{
    contexts_read();
    use_pci();
    contexts_use_assignment();
    spoil_pci();
}

/* What a line names is seen some time, and there is no line of a call that nobody has made. */
Test(contexts, the_table_names_no_callback_and_no_wait_too_many)
{
    unsigned unseen = 0;

    contexts_read();
    contexts.emulated = true;
    use_any_context();
    for (unsigned kind = 0; kind < KINDS; kind++) {
        live((enum kind)kind);
        misbehave((enum kind)kind);
    }
    use_pci();
    contexts_use_assignment();
    spoil_pci();
    for (unsigned i = 0; i < contexts.count; i++) {
        const struct contexts_call *call = &contexts.calls[i];

        for (unsigned n = 0; n < CALLBACKS; n++) {
            if ((call->callbacks & ~call->seen & MADE(n)) != 0) {
                (void)fprintf(stderr, "%s never calls %s\n", call->name, contexts_callback(n));
                unseen++;
            }
        }
        if (!call->called || (call->waits & ~call->seen_waits) != 0) {
            (void)fprintf(stderr, "%s: %s, waits 0x%x of 0x%x\n", call->name, call->called ? "called" : "not called",
                          (unsigned)call->seen_waits, (unsigned)call->waits);
            unseen++;
        }
    }
    cr_assert(unseen == 0);
}
