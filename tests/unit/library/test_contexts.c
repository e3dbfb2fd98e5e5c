/* SPDX-License-Identifier: MIT */
/*
 * What docs/contexts.md says of callbacks and waits, held against what the calls do: on every interface, also where the
 * device misbehaves. Nothing is called or waited for that the table does not name, and whatever it names is seen.
 */
#include "contexts_table.h"

#include <string.h>

#include "audio.h"
#include "disk.h"
#include "folder.h"
#include "keyboard.h"
#include "network.h"
#include "pci_setup.h"
#include "peer.h"
#include "screen.h"
#include "share.h"
#include "scsi_host.h"
#include "small.h"
#include "terminal.h"

TestSuite(contexts, .timeout = 60);

#define VECTORS 4u
#define EVER    0u

#define STEPS_MAX 128u
#define STEPS_ON  5u /* a trouble may show in so many steps after the one that it begins at */

/* ---- Troubles: what a device does from some call on ---- */

/* A fault, or something else that the simulated device can do; the last is none. */
struct trouble_fault {
    unsigned which; /* enum mock_fault, or one of these */
    uint32_t first;
    uint32_t times;
};

enum {
    /* PCI turns bus mastering off when a reset does not finish; elsewhere that is for ever, so it is slow there. */
    FAULT_RESET_SPOILT = MOCK_FAULT_PCI_END,
    FAULT_SUSPEND_NEVER,
    FAULT_QUEUE_RESET_NEVER,
    FAULT_SHARES_SMALL,
    FAULT_NO_MAPPING,
    FAULT_GONE,
    FAULT_BAR_SMALL /* the one that holds every structure */
};

static const struct trouble_fault *trouble; /* NULL: none */
static unsigned trouble_at;                 /* the step that it begins at, from 1 */
static unsigned step;

/* The calls of the steps of the last use without a trouble. */
static const struct contexts_call *steps[STEPS_MAX];

static void begin_fault(const struct trouble_fault *fault)
{
    unsigned which = fault->which;
    uint64_t argument = 0;

    switch (which) {
    case FAULT_SUSPEND_NEVER: machine.model->suspend_reads = UINT32_MAX; return;
    case FAULT_QUEUE_RESET_NEVER: machine.model->queue_reset_reads = UINT32_MAX; return;
    case FAULT_SHARES_SMALL: machine.hal->share_most = 16; return;
    case FAULT_NO_MAPPING: machine_fail_map(0); return;
    case FAULT_GONE: machine_pull_out(); return;
    case FAULT_BAR_SMALL: machine.on_pci.bars.bar[4].size = 0x10; return;
    case FAULT_RESET_SPOILT: which = machine_on_pci() ? MOCK_FAULT_RESET_NEVER : MOCK_FAULT_RESET_SLOW; break;
    case MOCK_FAULT_COMMAND_STUCK: argument = VPT_PCI_COMMAND_MEMORY; break;
    default: break;
    }
    argument = which == MOCK_FAULT_RESET_SLOW ? 3 : argument;
    mock_fault_set(&machine.model->faults, (enum mock_fault)which, fault->first, fault->times, argument);
}

static bool trouble_began(void)
{
    return trouble != NULL && step >= trouble_at;
}

static void begin_step(void)
{
    if (++step != trouble_at || trouble == NULL) {
        return;
    }
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 3;
    machine.hal->wait_budget[VPT_WAIT_SUSPEND] = 3;
    machine.hal->wait_budget[VPT_WAIT_QUEUE] = 3;
    for (const struct trouble_fault *fault = trouble; fault->first != 0; fault++) {
        begin_fault(fault);
    }
}

static void end_trouble(void)
{
    for (unsigned i = 0; i < MOCK_FAULT_PCI_END; i++) {
        mock_fault_clear(&machine.model->faults, (enum mock_fault)i);
    }
    machine.model->suspend_reads = 0;
    machine.hal->share_most = 0;
    machine.on_pci.function.gone = machine.model->vanished;
}

/*
 * Whether to go on. Without a trouble every call comes to VPT_OK; in one, none blames its caller but for requests that
 * have not come back.
 */
static bool went(const char *name, enum vpt_status status)
{
    if (trouble == NULL) {
        steps[step] = contexts.now;
    }
    if (!trouble_began()) {
        assert_status_of(name, status, VPT_OK);
    }
    cr_assert(status == VPT_CALLER_BUSY || vpt_status_group(status) != VPT_GROUP_CALLER, "%s blames its caller: %s",
              name, vpt_status_str(status));
    return status == VPT_OK;
}

/* A call, before which a trouble may begin; and one that has no status, or any. Both: whether to go on. */
#define STEP(function, ...)     (begin_step(), went(#function, CALL(function, __VA_ARGS__)))
#define STEP_ANY(function, ...) (CALL_ANY(function, __VA_ARGS__), true)

/* What the device gives back of the first of two such calls is looked at by the second one. */
#define STEP_AGAIN(function, ...) (begin_step(), CALL_ANY(function, __VA_ARGS__), STEP(function, __VA_ARGS__))

/* Something that the device does by itself, before which a trouble may begin. */
#define HAPPENS(...) (begin_step(), (void)(__VA_ARGS__), true)

/* The end of a driver; and of one that has a call which takes everything back. */
#define PUT_AWAY_BY(taking, object) \
    (STEP(vpt_device_reset, machine.device) && (taking) && STEP(vpt_driver_release, &(object)->driver))
#define PUT_AWAY(of, object) PUT_AWAY_BY(STEP(vpt_##of##_drain, object), object)

/* ---- Machines ---- */

/* From the first modern one on, legacy interfaces have no such device. */
enum where {
    DISK,
    ENTROPY,
    CONSOLE,
    NETWORK,
    SCSI,
    P9,
    BALLOON,
    FIRST_MODERN,
    INPUT = FIRST_MODERN,
    GPU,
    SOUND,
    PMEM,
    RTC,
    SOCKET,
    FS,
    WHERES
};

static struct vpt_shares shares;
static struct vpt_queue raw;
static struct mock_backend backend;
static void (*change_capacity)(void *blk);

/* Of the configuration, beside what changes anyway: whatever is read of it is never stable. */
static void change_limits(void *blk)
{
    static uint32_t times;

    mock_config_set(&machine.model->config, MOCK_BLK_DISCARD, 4, 1000u + ++times);
    change_capacity(blk);
}

/* Without one it is a disk. */
static const struct fixture *const fixtures[WHERES] = {
    [ENTROPY] = &entropy_fixture, [CONSOLE] = &console_fixture, [NETWORK] = &network_fixture,
    [INPUT] = &input_fixture,     [SCSI] = &scsi_fixture,       [P9] = &p9_fixture,
    [GPU] = &gpu_fixture,         [SOUND] = &sound_fixture,     [PMEM] = &pmem_fixture,
    [RTC] = &rtc_fixture,         [SOCKET] = &socket_fixture,   [BALLOON] = &balloon_fixture,
    [FS] = &fs_fixture,
};

static void open_machine(enum machine_kind kind, enum where where)
{
    static const struct mock_blk_limits limits = { 1024, 4, 1 };
    struct mock_pci_layout layout = machine_io_layout;
    struct mock_pci_machine_options options = {
        .vectors = VECTORS,
        .layout = kind == MACHINE_PCI_AS_TOLD ? &layout : NULL,
        .machine = { .blk = { .flush = true,
                              .cache_switch = true,
                              .discard = limits,
                              .write_zeroes = limits,
                              .secure_erase = limits } },
    };

    layout.capability[0].size = 0x3c; /* with the register for the reset of one queue */
    layout.capability[1].size = 0x60; /* of the device's configuration */
    if (!machine_kind_legacy(kind)) {
        vpt_features_add(&options.machine.offer, VPT_F_SUSPEND);
        vpt_features_add(&options.machine.offer, VPT_F_RING_RESET);
    }
    if (fixtures[where] != NULL) {
        options.machine.type = fixtures[where]->type;
    }
    for (unsigned i = ENTROPY; i < COUNT_OF(fixtures); i++) {
        fixture_fill(fixtures[i], 0);
        fixtures[i]->make_model();
    }
    memset(&disk, 0, sizeof(disk));
    memset(&shares, 0, sizeof(shares));
    memset(&raw, 0, sizeof(raw));
    host.options = (struct mock_console_options){ .columns = 80, .rows = 25, .ports_max = 2, .emergency = true };
    network_model.options.pairs = 1;
    machine_make(kind, &options);
    machine.model->queue_reset_reads = 2;
    backend = *machine.model->backend;
    change_capacity = backend.change_configuration;
    if (where == DISK) {
        backend.change_configuration = change_limits;
    }
    machine.model->backend = &backend;
    contexts_record(machine.port);
}

static bool probe(void)
{
    return machine_on_pci()
               ? STEP(vpt_virtio_pci_probe, &machine.pci, &machine.on_pci.address, &machine.on_pci.bars,
                      VPT_VIRTIO_PCI_ANY)
               : STEP(vpt_mmio_probe, &machine.mmio, machine.port, machine.on_mmio.mapping, machine.on_mmio.size);
}

static bool poll_all(struct vpt_requests *requests)
{
    struct vpt_completion completion;

    while (requests->driver != NULL && CALL(vpt_requests_poll, requests, &completion) == VPT_OK) {
    }
    return true;
}

/* All that a network device still has. */
static void take_network_back(void)
{
    struct vpt_net_frame frame;
    uint32_t done = 1;

    (void)poll_all(&network.transmitq[0].requests);
    (void)poll_all(&network.control.requests);
    while (network.receiveq[0].requests.driver != NULL && done != 0) {
        CALL_ANY(vpt_net_receive, &network.receiveq[0], &frame, 1, &done);
    }
}

#define CLOSE(of, object)                               \
    do {                                                \
        CALL_OK(vpt_##of##_drain, object);              \
        CALL_OK(vpt_driver_release, &(object)->driver); \
    } while (0)

/* A device that has gone cannot be told anything; one that has not gives everything back. */
static void close_machine(void)
{
    void *token;

    if (machine.device->ops != NULL) {
        CALL_ANY(vpt_device_check, machine.device);
        CALL_ANY(vpt_device_reset, machine.device);
        cr_assert(!machine.model->vanished || vpt_device_gone(machine.device));
    }
    (void)poll_all(&disk.queue->requests);
    (void)poll_all(&entropy.requests);
    take_network_back();
    while (CALL(vpt_queue_drain, &raw, &token) == VPT_OK) {
    }
    CALL_ANY(vpt_shares_end, &entropy.requests, &shares);
    CALL_OK(vpt_requests_release, &disk.queue->requests);
    CALL_OK(vpt_requests_release, &entropy.requests);
    CALL_OK(vpt_console_drain, &console);
    if (console.driver.device != NULL) {
        CALL_OK(vpt_driver_release, &console.driver);
    }
    CLOSE(input, &input);
    CLOSE(scsi, &scsi);
    CLOSE(gpu, &gpu);
    CLOSE(sound, &sound);
    CLOSE(balloon, &balloon);
    CLOSE(rtc, &rtc);
    CLOSE(socket, &vsock);
    (void)poll_all(&p9.requests);
    CALL_OK(vpt_driver_release, &p9.driver);
    (void)poll_all(&pmem.requests);
    CALL_OK(vpt_driver_release, &pmem.driver);
    (void)poll_all(&fs.requests);
    (void)poll_all(&fs.hiprio);
    CALL_OK(vpt_driver_release, &fs.driver);
    CALL_OK(vpt_driver_release, &network.net.driver);
    CALL_OK(vpt_queue_release, &raw);
    CALL_ANY(vpt_pci_msix_release, &machine.msix);
    if (machine_on_pci()) {
        CALL_ANY(vpt_virtio_pci_close, &machine.pci);
    }
    if (machine.model->vanished) {
        mock_violations_clear(&machine.hal->violations);
        machine_plug_in();
    }
    machine_finish();
}

/* A change of the configuration that the driver has not seen yet: what it reads next may not be of one moment. */
static bool change(void)
{
    mock_device_change_configuration(machine.model);
    return true;
}

/* The device wants to be told of buffers though it has some left. */
static bool keep_kicks(void)
{
    machine.model->completion.keep_kicks = true;
    return true;
}

/* ---- What is done with a disk ---- */

static bool bring_up(const struct vpt_requests_config *config)
{
    return STEP(vpt_blk_init, &disk.blk, machine.device, NULL) && STEP(vpt_blk_ranges_init, &disk.blk, 0) &&
           STEP(vpt_blk_queue_init, disk.queue, &disk.blk, 0, config) && STEP(vpt_driver_start, &disk.blk.driver);
}

static bool shut_down(struct vpt_requests *requests)
{
    return STEP(vpt_device_reset, machine.device) && poll_all(requests) && STEP(vpt_requests_release, requests);
}

static bool submit(void)
{
    const struct vpt_segment segment = machine_segment(0, SECTOR);
    const struct vpt_blk_request request = { .operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1 };

    return STEP(vpt_blk_submit, disk.queue, &request, NULL);
}

static bool use_helpers(void)
{
    uint8_t sector[SECTOR];
    char id[VPT_BLK_ID_SIZE + 1u];

    return STEP(vpt_blk_read, disk.queue, 0, sector, sizeof(sector)) &&
           STEP(vpt_blk_write, disk.queue, 0, sector, sizeof(sector)) && STEP(vpt_blk_get_id, disk.queue, id) &&
           STEP(vpt_blk_flush, disk.queue) && STEP(vpt_blk_discard, disk.queue, 0, 8) &&
           STEP(vpt_blk_write_zeroes, disk.queue, 0, 8, false) && STEP(vpt_blk_secure_erase, disk.queue, 0, 8);
}

static bool use_requests(void)
{
    const struct vpt_segment segment = machine_segment(0, SECTOR);
    struct vpt_requests *requests = &disk.queue->requests;
    struct vpt_blk_request request = { .operation = VPT_BLK_READ };
    struct vpt_completion completion;
    struct vpt_blk_list list;
    struct vpt_segment piece;

    return STEP(vpt_blk_list_begin, &list, disk.queue, &segment, 1, 0) &&
           STEP(vpt_blk_list_next, &list, disk.queue, &request, &piece, 1) &&
           STEP_ANY(vpt_requests_notifications_off, requests) && submit() && STEP(vpt_requests_kick, requests) &&
           STEP_ANY(vpt_queue_has_used, &requests->queue) && STEP(vpt_requests_poll, requests, &completion) &&
           STEP_ANY(vpt_requests_notifications_on, requests) && submit() && STEP(vpt_requests_kick, requests) &&
           STEP_ANY(vpt_device_interrupt, machine.device) && STEP(vpt_requests_poll, requests, &completion) &&
           poll_all(requests) && submit() && STEP(vpt_requests_quiesce, requests, NULL, NULL);
}

static bool use_device(void)
{
    const struct vpt_config_field field = { .width = 8 };
    struct vpt_shared_memory_region region;
    struct vpt_features features = { { 0 } };
    uint64_t capacity;
    uint32_t value = 0;

    return STEP_ANY(vpt_status_str, VPT_OK) && STEP_ANY(vpt_status_group, VPT_OK) &&
           STEP_ANY(vpt_features_add, &features, 3) && STEP_ANY(vpt_features_has, &features, 3) &&
           STEP_ANY(vpt_features_remove, &features, 3) && STEP(vpt_device_check, machine.device) &&
           STEP_ANY(vpt_device_gone, machine.device) && STEP_ANY(vpt_device_legacy, machine.device) &&
           STEP_ANY(vpt_device_transport, machine.device) &&
           STEP(vpt_device_config_read, machine.device, 32, 1, &value) &&
           STEP(vpt_device_config_write, machine.device, 32, 1, value) &&
           STEP(vpt_device_config_fields, machine.device, &field, 1, &capacity) &&
           STEP_ANY(vpt_device_shared_memory, machine.device, 0, &region) &&
           STEP(vpt_blk_set_write_back, &disk.blk, false) && STEP(vpt_blk_refresh, &disk.blk);
}

static bool reset_queue(void)
{
    static const struct vpt_requests_config smaller = { .requests = 2 };
    struct vpt_requests *requests = &disk.queue->requests;

    return machine_kind_legacy(machine.kind) ||
           (submit() && STEP(vpt_requests_reset, requests) && poll_all(requests) &&
            STEP(vpt_requests_restart, requests, NULL) && STEP(vpt_requests_reset, requests) &&
            STEP(vpt_requests_restart, requests, &smaller));
}

static bool use_restart(void)
{
    return submit() && STEP(vpt_device_reset, machine.device) && poll_all(&disk.queue->requests) &&
           STEP(vpt_driver_restart, &disk.blk.driver, NULL);
}

/* The queue's own calls, with the disk's request made by hand: 16 bytes of zeroes are a read of sector 0. */
static bool add(void)
{
    const struct vpt_segment segments[] = { machine_segment(0, 16), machine_segment(1024, SECTOR),
                                            machine_segment(2048, 1) };

    memset(machine_bytes(0), 0, 16);
    return STEP(vpt_queue_add, &raw, segments, 1, 2, &raw);
}

/* With one request that was used and not popped, before and after. */
static bool reset_raw_queue(void)
{
    void *token;

    return machine_kind_legacy(machine.kind) || (STEP(vpt_queue_reset, &raw) && STEP(vpt_queue_drain, &raw, &token) &&
                                                 STEP(vpt_queue_restart, &raw) && add() && STEP(vpt_queue_kick, &raw));
}

static bool use_raw_queue(void)
{
    const struct vpt_queue_config config = { .size = machine.kind == MACHINE_PCI_LEGACY ? 0 : 16,
                                             .indirect_tables = 4,
                                             .indirect_segments = 4 };
    uint32_t written;
    void *token;

    return STEP(vpt_device_negotiate, machine.device, NULL, NULL, NULL) &&
           STEP(vpt_queue_init, &raw, machine.device, &config) && STEP(vpt_device_start, machine.device) &&
           STEP_ANY(vpt_queue_notifications_off, &raw) && add() && STEP_ANY(vpt_queue_publish, &raw) &&
           STEP_ANY(vpt_queue_kick_prepare, &raw) && STEP(vpt_queue_notify, &raw) &&
           STEP(vpt_queue_pop, &raw, &token, &written) && STEP_ANY(vpt_queue_notifications_on, &raw) && add() &&
           STEP(vpt_queue_kick, &raw) && STEP(vpt_queue_pop, &raw, &token, &written) &&
           STEP_ANY(vpt_queue_pop, &raw, &token, &written) && add() && STEP(vpt_queue_kick, &raw) &&
           STEP_ANY(vpt_queue_free, &raw) && STEP_ANY(vpt_queue_status, &raw) && STEP_ANY(vpt_queue_kicks, &raw) &&
           STEP_ANY(vpt_queue_size, &raw) && reset_raw_queue() && STEP(vpt_device_reset, machine.device) &&
           STEP(vpt_queue_drain, &raw, &token) && STEP(vpt_device_negotiate, machine.device, NULL, NULL, NULL) &&
           STEP(vpt_queue_restart, &raw) && STEP(vpt_device_start, machine.device) &&
           STEP_ANY(vpt_device_fail, machine.device) && STEP(vpt_device_reset, machine.device) &&
           STEP(vpt_queue_release, &raw);
}

static bool use_vectors(void)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = VECTORS };
    const struct vpt_pci_function *function = &machine.on_pci.address;
    struct vpt_pci_msix again;
    bool pending;

    return STEP(vpt_pci_command, function, VPT_PCI_COMMAND_MEMORY, 0) &&
           STEP(vpt_pci_msix_init, &machine.msix, function, &machine.on_pci.bars) &&
           STEP(vpt_pci_msix_program, &machine.msix, 0, 0xfee00000u, 1) &&
           STEP(vpt_pci_msix_mask, &machine.msix, 0, false) && STEP(vpt_pci_msix_mask_all, &machine.msix, true) &&
           STEP(vpt_pci_msix_pending, &machine.msix, 0, &pending) && STEP(vpt_pci_msix_enable, &machine.msix, true) &&
           STEP(vpt_device_negotiate, machine.device, NULL, NULL, NULL) &&
           STEP(vpt_device_choose_interrupts, machine.device, &interrupts) && STEP(vpt_device_reset, machine.device) &&
           STEP(vpt_pci_msix_init, &again, function, &machine.on_pci.bars) && STEP_ANY(vpt_pci_msix_release, &again) &&
           STEP_ANY(vpt_pci_msix_release, &machine.msix);
}

static enum vpt_status read_capacity(struct vpt_driver *driver)
{
    static const struct vpt_config_field field = { .width = 8 };
    uint64_t capacity;

    return vpt_device_config_fields(driver->device, &field, 1, &capacity);
}

static bool use_driver(void)
{
    static const struct vpt_driver_kind kind = { .type = VPT_DEVICE_TYPE_BLOCK, .configure = read_capacity };
    static struct mock_config_field fields[5]; /* bytes of the capacity, either half of which changes */
    struct mock_config *config = &machine.model->config;
    struct mock_config whole = *config;
    struct vpt_driver driver;
    uint8_t bytes[COUNT_OF(fields)];
    bool goes_on = STEP(vpt_driver_init, &driver, machine.device, &kind, NULL);

    for (uint16_t i = 0; i < COUNT_OF(fields); i++) {
        fields[i] = (struct mock_config_field){ "a byte of the capacity", i, 1, MOCK_CONFIG_ALWAYS, false };
    }
    config->fields = fields;
    config->field_count = COUNT_OF(fields);
    goes_on = goes_on && STEP(vpt_driver_bytes, machine.device, 0, bytes, sizeof(bytes));
    config->fields = whole.fields;
    config->field_count = whole.field_count;
    return goes_on;
}

static bool use_disk(void)
{
    return use_raw_queue() && (!machine_on_pci() || use_vectors()) && bring_up(NULL) && use_device() &&
           use_requests() && use_helpers() &&
           (machine_kind_legacy(machine.kind) ||
            (STEP(vpt_device_suspend, machine.device) && STEP(vpt_device_resume, machine.device))) &&
           use_restart() && reset_queue() && shut_down(&disk.queue->requests) && use_driver() &&
           STEP(vpt_blk_open, &disk.blk, disk.queue, machine.device) && shut_down(&disk.queue->requests);
}

/* ---- What is done with an entropy device, and the request layer ---- */

static bool set_up_requests(const struct vpt_requests_kind *kind)
{
    static const struct vpt_driver_kind entropy_kind = { .type = VPT_DEVICE_TYPE_ENTROPY };

    return STEP(vpt_driver_init, &entropy.driver, machine.device, &entropy_kind, NULL) &&
           STEP(vpt_requests_init, &entropy.requests, &entropy.driver, 0, kind, 0, NULL) &&
           STEP(vpt_driver_start, &entropy.driver);
}

static bool use_slots(void)
{
    static const struct vpt_requests_kind kind = { .reply = 0 };
    struct vpt_requests *requests = &entropy.requests;
    struct vpt_completion completion;
    struct vpt_request request = { .segments = shares.segments };
    static uint8_t bytes[2 * SECTOR];
    uint32_t done;

    if (!set_up_requests(&kind) || !STEP(vpt_requests_ready, requests) || !STEP_ANY(vpt_requests_next, requests) ||
        !STEP_ANY(vpt_requests_next_address, requests) || !STEP_ANY(vpt_requests_free, requests) ||
        !STEP(vpt_shares_begin, requests, &shares, VPT_DEVICE_WRITES, bytes, sizeof(bytes), SECTOR)) {
        return false;
    }
    request.writable = shares.count;
    return STEP(vpt_requests_submit, requests, shares.segments, 0, shares.count, NULL) &&
           STEP(vpt_requests_wait, requests, &completion) &&
           STEP(vpt_requests_submit_batch, requests, &request, 1, &done) && STEP(vpt_requests_kick, requests) &&
           STEP(vpt_requests_poll_batch, requests, &completion, 1, &done) &&
           STEP_ANY(vpt_requests_poll_batch, requests, &completion, 1, &done) &&
           STEP_ANY(vpt_shares_end, requests, &shares) && shut_down(requests);
}

static bool use_receiving(void)
{
    static const struct vpt_requests_kind kind = { .reply = 16 };
    uint32_t length;
    uint8_t bytes[16];

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    if (!set_up_requests(&kind) || !STEP(vpt_receive_start, &entropy.requests)) {
        return false;
    }
    cr_assert(mock_device_run(machine.model, UINT32_MAX) != 0 || trouble_began());
    if (!STEP(vpt_receive, &entropy.requests, bytes, sizeof(bytes), &length)) {
        return false;
    }
    while (CALL(vpt_receive, &entropy.requests, bytes, sizeof(bytes), &length) == VPT_OK) {
    }
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    return shut_down(&entropy.requests);
}

static bool use_entropy(void)
{
    struct vpt_requests *requests = &entropy.requests;
    const struct vpt_segment segment = machine_segment(0, 16);
    uint8_t bytes[16];

    return STEP(vpt_entropy_init, &entropy, machine.device, NULL) && STEP(vpt_entropy_queue_init, &entropy, NULL) &&
           STEP(vpt_driver_start, &entropy.driver) && STEP(vpt_entropy_read, &entropy, bytes, sizeof(bytes), NULL) &&
           STEP(vpt_entropy_submit, &entropy, &segment, 1, NULL) && STEP(vpt_requests_kick, requests) &&
           STEP(vpt_device_reset, machine.device) && poll_all(requests) && STEP(vpt_driver_release, &entropy.driver) &&
           use_slots() && use_receiving() && STEP(vpt_entropy_open, &entropy, machine.device) && shut_down(requests);
}

/* ---- What is done with a console ---- */

/* What the device gives back during a write is looked at by the next one. */
static bool use_port(void)
{
    uint8_t byte;
    size_t length;

    return STEP_AGAIN(vpt_console_set_open, &ports[0], false) && STEP(vpt_console_set_open, &ports[0], true) &&
           STEP_AGAIN(vpt_console_write, &ports[0], "x", 1, NULL) && keep_kicks() &&
           HAPPENS(mock_console_write(&host, 0, "x", 1)) && STEP(vpt_console_read, &ports[0], &byte, 1, &length) &&
           STEP_ANY(vpt_console_read, &ports[0], &byte, 1, &length) && HAPPENS(mock_console_write(&host, 0, "x", 1));
}

static bool use_console(void)
{
    struct vpt_console_event event;
    bool goes_on = STEP(vpt_console_emergency, machine.device, "x", 1) &&
                   STEP(vpt_console_init, &console, ports, PORTS, machine.device, NULL);

    for (uint32_t i = 0; i < console.queue_count && goes_on; i++) {
        goes_on = STEP(vpt_console_queue_init, &console, i, NULL);
    }
    return goes_on && STEP(vpt_driver_start, &console.driver) && STEP(vpt_console_refresh, &console) &&
           HAPPENS(mock_console_plug(&host, 0, NULL, true)) && STEP(vpt_console_poll, &console, &event) &&
           STEP_ANY(vpt_console_poll, &console, &event) && STEP_ANY(vpt_console_poll, &console, &event) && use_port() &&
           PUT_AWAY(console, &console) && STEP(vpt_console_open, &console, ports, PORTS, machine.device) &&
           PUT_AWAY(console, &console);
}

/* ---- What is done with an input device ---- */

static bool ask_input(void)
{
    struct vpt_input_bits bits;
    struct vpt_input_axis axis;
    struct vpt_input_ids ids;
    char text[16];

    return STEP(vpt_input_get_text, &input, VPT_INPUT_NAME, text, sizeof(text)) &&
           STEP(vpt_input_get_ids, &input, &ids) && STEP(vpt_input_get_properties, &input, &bits) &&
           STEP(vpt_input_get_codes, &input, VPT_INPUT_KEY, &bits) && STEP(vpt_input_get_axis, &input, 1, &axis) &&
           STEP_ANY(vpt_input_has, &bits, 30);
}

/* What the device gives back while a message is sent is looked at by the next one. */
static bool use_events(void)
{
    struct vpt_input_event event;

    return STEP_AGAIN(vpt_input_send, &input, VPT_INPUT_LED, 0, 1) && keep_kicks() && HAPPENS(input_report(0)) &&
           STEP(vpt_input_poll, &input, &event) && STEP_ANY(vpt_input_poll, &input, &event) && HAPPENS(input_report(0));
}

static bool use_input(void)
{
    return STEP(vpt_input_init, &input, machine.device, NULL) && STEP(vpt_input_queue_init, &input, 0, NULL) &&
           STEP(vpt_input_queue_init, &input, 1, NULL) && STEP(vpt_driver_start, &input.driver) && ask_input() &&
           use_events() && PUT_AWAY(input, &input) && STEP(vpt_input_open, &input, machine.device) &&
           PUT_AWAY(input, &input);
}

/* ---- What is done with a SCSI host ---- */

static bool ask_scsi(void)
{
    struct vpt_scsi_request request = scsi_command(SCSI_SMALL, 0x12);
    struct vpt_scsi_request ready = scsi_command(SCSI_SMALL, 0);
    uint8_t data[36];
    char serial[VPT_SCSI_SERIAL_MAX + 1u];
    struct vpt_scsi_unit unit;
    uint64_t luns[4];
    uint32_t count;

    request.cdb[4] = sizeof(data);
    return STEP(vpt_scsi_report_luns, &scsi, 3, luns, 3, &count) && STEP(vpt_scsi_inquiry, &scsi, 0, 0, &unit) &&
           STEP(vpt_scsi_get_serial, &scsi, 0, 0, serial) && STEP(vpt_scsi_test_ready, &scsi, 0, 0) &&
           STEP(vpt_scsi_execute, &scsi, &request, VPT_DEVICE_WRITES, data, sizeof(data)) &&
           STEP(vpt_scsi_submit, &scsi, &ready) && STEP(vpt_requests_kick, &scsi.requests) &&
           poll_all(&scsi.requests) && STEP(vpt_scsi_abort, &scsi, &ready) && STEP(vpt_scsi_reset_unit, &scsi, 0, 0);
}

static bool use_scsi_disk(void)
{
    static struct vpt_scsi_request request;
    const struct vpt_segment segment = machine_segment(0, 512);
    uint8_t bytes[1024] = { 0 };

    return STEP(vpt_scsi_disk_open, &scsi_disk, &scsi, 0, 0) && STEP(vpt_scsi_disk_refresh, &scsi_disk) &&
           STEP(vpt_scsi_disk_write, &scsi_disk, 0, bytes, sizeof(bytes)) &&
           STEP(vpt_scsi_disk_read, &scsi_disk, 0, bytes, sizeof(bytes)) && STEP(vpt_scsi_disk_flush, &scsi_disk) &&
           STEP(vpt_scsi_disk_submit, &scsi_disk, &request, VPT_SCSI_READ, 0, &segment, 1) &&
           STEP(vpt_requests_kick, &scsi.requests) && poll_all(&scsi.requests);
}

static bool take_scsi_event(void)
{
    struct vpt_scsi_event event;

    return keep_kicks() &&
           HAPPENS(mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 0, 0, VPT_SCSI_REASON_CAPACITY)) &&
           STEP(vpt_scsi_poll_event, &scsi, &event) &&
           HAPPENS(mock_scsi_happens(&scsi_model, VPT_SCSI_EVENT_CHANGE, 0, 0, VPT_SCSI_REASON_CAPACITY));
}

static bool use_scsi(void)
{
    return change() && STEP(vpt_scsi_init, &scsi, machine.device, NULL) && STEP(vpt_scsi_queue_init, &scsi, 0, NULL) &&
           STEP(vpt_scsi_queue_init, &scsi, 1, NULL) && STEP(vpt_scsi_queue_init, &scsi, 2, NULL) &&
           STEP(vpt_driver_start, &scsi.driver) && ask_scsi() && use_scsi_disk() && take_scsi_event() &&
           PUT_AWAY(scsi, &scsi) && change() && STEP(vpt_scsi_open, &scsi, machine.device) && PUT_AWAY(scsi, &scsi);
}

/* ---- What is done with a GPU ---- */

static const struct vpt_gpu_rectangle whole = { 0, 0, 64, 64 };

static bool ask_gpu(void)
{
    struct vpt_gpu_display display;
    uint8_t edid[16];
    uint32_t size;
    bool changed;

    return change() && STEP(vpt_gpu_get_display, &gpu, 0, &display) &&
           STEP(vpt_gpu_get_edid, &gpu, 0, edid, sizeof(edid), &size) && STEP(vpt_gpu_take_events, &gpu, &changed);
}

static bool draw(void)
{
    const struct vpt_segment piece = machine_segment(0, 64u * 64u * 4u);

    return STEP(vpt_gpu_create, &gpu, &picture, VPT_GPU_BGRA, 64, 64) &&
           STEP(vpt_gpu_attach, &picture, &piece, 1, NULL, 0) && STEP(vpt_gpu_set_scanout, &gpu, 0, &picture, &whole) &&
           STEP(vpt_gpu_transfer, &picture, &whole) && STEP(vpt_gpu_flush, &picture, &whole) &&
           STEP(vpt_gpu_submit_transfer, &picture, &whole, NULL) &&
           STEP(vpt_gpu_submit_flush, &picture, &whole, NULL) && STEP(vpt_requests_kick, &gpu.control) &&
           poll_all(&gpu.control) && STEP(vpt_gpu_detach, &picture);
}

/* What the device gives back of a cursor is looked at by the next one. */
static bool point(void)
{
    return STEP_AGAIN(vpt_gpu_update_cursor, &gpu, 0, &picture, 1, 1, 1, 1) &&
           STEP_AGAIN(vpt_gpu_move_cursor, &gpu, 0, 1, 1) &&
           (begin_step(), STEP_ANY(vpt_gpu_move_cursor, &gpu, 0, 1, 1));
}

static bool use_gpu(void)
{
    return change() && STEP(vpt_gpu_init, &gpu, machine.device, NULL) && STEP(vpt_gpu_queue_init, &gpu, 0, NULL) &&
           STEP(vpt_gpu_queue_init, &gpu, 1, NULL) && STEP(vpt_driver_start, &gpu.driver) && ask_gpu() && draw() &&
           point() && PUT_AWAY(gpu, &gpu) && change() && STEP(vpt_gpu_open, &gpu, machine.device) &&
           STEP(vpt_gpu_create, &gpu, &picture, VPT_GPU_BGRA, 64, 64) && STEP(vpt_gpu_unref, &picture) &&
           PUT_AWAY(gpu, &gpu);
}

/* ---- What is done with a sound device ---- */

static bool hear_events(void)
{
    struct vpt_sound_event event;

    return HAPPENS(mock_sound_plug(&sound_model, 0, true)) && STEP(vpt_sound_poll_event, &sound, &event) &&
           STEP_ANY(vpt_sound_poll_event, &sound, &event);
}

/* A period is played, and one comes back by the release. */
static bool play(struct vpt_sound_stream *stream)
{
    const struct vpt_segment segment = sound_segment(0, 0);
    struct vpt_completion completion;

    return STEP(vpt_sound_describe, stream) && STEP(vpt_sound_set_params, stream, &sound_params) &&
           STEP(vpt_sound_prepare, stream) && STEP(vpt_sound_submit, stream, &segment, 1, NULL) &&
           STEP(vpt_requests_kick, stream->requests) && STEP(vpt_sound_start, stream) &&
           STEP(vpt_requests_poll, stream->requests, &completion) && STEP_ANY(vpt_sound_captured, &completion) &&
           STEP(vpt_sound_stop, stream) && STEP(vpt_sound_release, stream, NULL, NULL) &&
           STEP(vpt_sound_prepare, stream) && STEP(vpt_sound_submit, stream, &segment, 1, NULL) &&
           STEP(vpt_sound_release, stream, NULL, NULL);
}

static bool use_sound(void)
{
    struct vpt_sound_jack jack;
    bool goes_on = change() && STEP(vpt_sound_init, &sound, streams, SOUND_STREAMS, machine.device, NULL);

    for (uint16_t i = 0; i < VPT_SOUND_QUEUES && goes_on; i++) {
        goes_on = STEP(vpt_sound_queue_init, &sound, i, NULL);
    }
    return goes_on && STEP(vpt_driver_start, &sound.driver) && hear_events() &&
           STEP(vpt_sound_get_jack, &sound, 0, &jack) && play(&streams[SOUND_PLAYS]) &&
           HAPPENS(mock_sound_plug(&sound_model, 0, true)) && PUT_AWAY(sound, &sound) && change() &&
           STEP(vpt_sound_open, &sound, streams, SOUND_STREAMS, machine.device) && PUT_AWAY(sound, &sound);
}

/* ---- What is done with a 9P device ---- */

static bool use_9p_files(void)
{
    struct vpt_9p_list list = { .fid = 2, .buffer = p9_buffer, .size = P9_BUFFER };
    struct vpt_9p_attributes attributes;
    struct vpt_9p_entry entry;
    size_t done;

    return STEP(vpt_9p_version, &p9, 8192) && STEP(vpt_9p_attach, &p9, 0, "", "") &&
           STEP(vpt_9p_walk, &p9, 0, 1, "hello") && STEP(vpt_9p_open_file, &p9, 1, VPT_9P_READ_WRITE) &&
           STEP(vpt_9p_get_attributes, &p9, 1, &attributes) && STEP(vpt_9p_read, &p9, 1, 0, p9_buffer, 10, &done) &&
           STEP(vpt_9p_write, &p9, 1, 0, p9_buffer, 10, &done) && STEP(vpt_9p_walk, &p9, 0, 2, "") &&
           STEP(vpt_9p_open_file, &p9, 2, VPT_9P_READ_ONLY) && STEP(vpt_9p_next_entry, &p9, &list, &entry) &&
           STEP(vpt_9p_make_directory, &p9, 0, "new", 0755) && STEP(vpt_9p_remove, &p9, 0, "new", true) &&
           STEP(vpt_9p_clunk, &p9, 1) && STEP(vpt_9p_create_file, &p9, 0, "file", VPT_9P_READ_WRITE, 0644);
}

static bool use_9p(void)
{
    static const struct vpt_9p_message message = { .type = 120, .size = VPT_9P_HEADER + 4u };
    struct vpt_completion completion;
    char tag[8];

    return change() && STEP(vpt_9p_init, &p9, machine.device, NULL) && STEP(vpt_9p_get_tag, &p9, tag, sizeof(tag)) &&
           STEP(vpt_9p_queue_init, &p9, NULL) && STEP(vpt_driver_start, &p9.driver) && use_9p_files() &&
           STEP(vpt_9p_submit, &p9, &message, NULL) && STEP(vpt_requests_kick, &p9.requests) &&
           STEP(vpt_requests_poll, &p9.requests, &completion) && PUT_AWAY_BY(poll_all(&p9.requests), &p9) &&
           STEP(vpt_9p_open, &p9, machine.device) && PUT_AWAY_BY(poll_all(&p9.requests), &p9);
}

/* ---- What is done with a balloon ---- */

static bool use_pages(void)
{
    uint32_t target;

    mock_balloon_want(&balloon_model, 9);
    return STEP(vpt_balloon_get_target, &balloon, &target) &&
           STEP(vpt_balloon_inflate, &balloon, balloon_pages(0, 9), 9) &&
           STEP(vpt_balloon_deflate, &balloon, balloon_pages(0, 9), 9) &&
           STEP(vpt_balloon_submit_inflate, &balloon, balloon_pages(0, 9), 9, NULL) &&
           STEP(vpt_requests_kick, &balloon.inflate) && poll_all(&balloon.inflate) &&
           STEP(vpt_balloon_submit_deflate, &balloon, balloon_pages(0, 9), 9, NULL) &&
           STEP(vpt_requests_kick, &balloon.deflate) && poll_all(&balloon.deflate) &&
           STEP(vpt_balloon_set_actual, &balloon, 0);
}

/* What the device gives back is looked at when new statistics are given. */
static bool use_reports(void)
{
    const struct vpt_balloon_statistic statistic = { VPT_BALLOON_FREE, 1 };
    const struct vpt_segment piece = machine_segment(0, 0x1000);

    return STEP(vpt_balloon_report, &balloon, &piece, 1, NULL) && STEP(vpt_requests_kick, &balloon.reporting) &&
           poll_all(&balloon.reporting) && STEP_ANY(vpt_balloon_give_statistics, &balloon, &statistic, 1) &&
           STEP_ANY(vpt_balloon_give_statistics, &balloon, &statistic, 1) &&
           HAPPENS(mock_balloon_ask(&balloon_model)) && STEP(vpt_balloon_give_statistics, &balloon, &statistic, 1) &&
           HAPPENS(mock_balloon_ask(&balloon_model));
}

static bool use_balloon(void)
{
    bool done = STEP(vpt_balloon_init, &balloon, machine.device, NULL);

    for (uint16_t i = 0; i <= VPT_BALLOON_REPORTING && done; i++) {
        done = i == 3 || STEP(vpt_balloon_queue_init, &balloon, i, NULL);
    }
    return done && STEP(vpt_driver_start, &balloon.driver) && use_pages() && use_reports() &&
           PUT_AWAY(balloon, &balloon) && STEP(vpt_balloon_open, &balloon, machine.device) &&
           PUT_AWAY(balloon, &balloon);
}

/* ---- What is done with persistent memory ---- */

/* As if it had moved, so that what the driver reads next may not be of one moment. */
static bool move_pmem(void)
{
    mock_pmem_place(&pmem_model, PMEM_START + PMEM_SIZE, PMEM_SIZE);
    return true;
}

static bool use_pmem(void)
{
    return move_pmem() && STEP(vpt_pmem_init, &pmem, machine.device, NULL) && STEP(vpt_pmem_queue_init, &pmem, NULL) &&
           STEP(vpt_driver_start, &pmem.driver) && STEP(vpt_pmem_flush, &pmem) &&
           STEP(vpt_pmem_submit_flush, &pmem, NULL) && STEP(vpt_requests_kick, &pmem.requests) &&
           poll_all(&pmem.requests) && PUT_AWAY_BY(poll_all(&pmem.requests), &pmem) && move_pmem() &&
           STEP(vpt_pmem_open, &pmem, machine.device) && PUT_AWAY_BY(poll_all(&pmem.requests), &pmem);
}

/* ---- What is done with a clock device ---- */

static bool read_clocks(void)
{
    struct vpt_rtc_clock clock;
    struct vpt_rtc_cross cross;
    uint16_t count;
    uint64_t now;

    return STEP(vpt_rtc_get_clocks, &rtc, &count) && STEP(vpt_rtc_get_clock, &rtc, 0, &clock) &&
           STEP(vpt_rtc_read, &rtc, 0, &now) && STEP(vpt_rtc_check_cross, &rtc, 2, VPT_RTC_COUNTER_X86) &&
           STEP(vpt_rtc_read_cross, &rtc, 2, VPT_RTC_COUNTER_X86, &cross);
}

/* The alarm expires when it is reached, not by a call. */
static bool use_alarms(void)
{
    struct vpt_rtc_alarm alarm = { 9000, false };
    uint16_t id;

    return STEP(vpt_rtc_listen, &rtc) && STEP(vpt_rtc_set_alarm, &rtc, 0, &alarm) &&
           STEP(vpt_rtc_get_alarm, &rtc, 0, &alarm) && STEP(vpt_rtc_enable_alarm, &rtc, 0, true) && keep_kicks() &&
           HAPPENS(mock_rtc_set(&rtc_model, 0, 9000)) && STEP(vpt_rtc_poll_alarm, &rtc, &id) &&
           STEP_ANY(vpt_rtc_poll_alarm, &rtc, &id) && HAPPENS(mock_rtc_set(&rtc_model, 0, 0)) &&
           HAPPENS(mock_rtc_set(&rtc_model, 0, 9000));
}

static bool use_rtc(void)
{
    return STEP(vpt_rtc_init, &rtc, machine.device, NULL) && STEP(vpt_rtc_queue_init, &rtc, 0, NULL) &&
           STEP(vpt_rtc_queue_init, &rtc, 1, NULL) && STEP(vpt_driver_start, &rtc.driver) && read_clocks() &&
           use_alarms() && PUT_AWAY(rtc, &rtc) && STEP(vpt_rtc_open, &rtc, machine.device) && PUT_AWAY(rtc, &rtc);
}

/* ---- What is done with a socket device ---- */

static bool forget_connection(void)
{
    memset(&peer.connection, 0, sizeof(peer.connection));
    vsock.first = NULL;
    return true;
}

/* There is no peer. */
static bool make_up_peer(void)
{
    peer.connection.state = VPT_SOCKET_OPEN;
    peer.connection.peer_size = PEER_SIZE;
    peer.connection.available = PEER_BUFFER;
    return true;
}

/* The queue for what is sent has one slot: what it held is taken back by the next call. */
static bool use_connection(void)
{
    struct vpt_socket_connection *connection = &peer.connection;
    uint8_t bytes[400];
    size_t done;

    socket_model.trusting = true;
    return STEP(vpt_socket_listen, &vsock, connection, 9, peer.buffer, PEER_BUFFER) &&
           STEP_ANY(vpt_socket_abort, connection) && forget_connection() &&
           (begin_step(), STEP_ANY(vpt_socket_connect, &vsock, connection, 2, PEER_PORT, peer.buffer, PEER_BUFFER)) &&
           forget_connection() &&
           STEP(vpt_socket_connect, &vsock, connection, 2, PEER_PORT, peer.buffer, PEER_BUFFER) && make_up_peer() &&
           STEP_AGAIN(vpt_socket_send, connection, bytes, 1, &done) &&
           STEP_AGAIN(vpt_socket_receive, connection, bytes, sizeof(bytes), &done) &&
           STEP_AGAIN(vpt_socket_shutdown, connection, VPT_SOCKET_SEND) &&
           STEP_ANY(vpt_socket_shutdown, connection, VPT_SOCKET_SEND) && STEP(vpt_socket_abort, connection);
}

/* What the connection has come to, and then the guest moves. */
static bool hear(void)
{
    struct vpt_socket_event event;

    peer.connection.owed = 0;
    if (!STEP(vpt_socket_poll, &vsock, &event)) {
        return false;
    }
    vsock.first = NULL;
    machine.model->completion.keep_kicks = true; /* though it has buffers left */
    begin_step();
    mock_socket_happens(&socket_model, 0, 3);
    (void)change();
    mock_config_set(&machine.model->config, 0, 8, 5);
    CALL_ANY(vpt_socket_poll, &vsock, &event);
    begin_step();
    (void)mock_socket_receive(&socket_model, &(struct mock_socket_packet){ .source = 2, .target = 5 }, NULL);
    return true;
}

static bool use_socket(void)
{
    static const struct vpt_requests_config one = { .requests = 1 };

    return STEP(vpt_socket_init, &vsock, machine.device, NULL) && STEP(vpt_socket_queue_init, &vsock, 0, NULL) &&
           STEP(vpt_socket_queue_init, &vsock, 1, &one) && STEP(vpt_socket_queue_init, &vsock, 2, NULL) &&
           STEP(vpt_driver_start, &vsock.driver) && use_connection() && hear() && PUT_AWAY(socket, &vsock) &&
           STEP(vpt_socket_open, &vsock, machine.device) && PUT_AWAY(socket, &vsock);
}

/* ---- What is done with a file system ---- */

static bool use_files(void)
{
    struct vpt_fs_list list = { .directory = &fs_file, .buffer = fs_buffer, .size = FS_BUFFER };
    struct vpt_fs_attributes attributes;
    struct vpt_fs_entry entry;
    size_t done;

    return STEP(vpt_fs_begin, &fs) && STEP(vpt_fs_walk, &fs, NULL, "hello", &fs_file) &&
           STEP(vpt_fs_open_file, &fs, &fs_file, VPT_FS_READ_WRITE) &&
           STEP(vpt_fs_get_attributes, &fs, &fs_file, &attributes) &&
           STEP(vpt_fs_read, &fs, &fs_file, 0, fs_buffer, 10, &done) &&
           STEP(vpt_fs_write, &fs, &fs_file, 0, fs_buffer, 10, &done) && STEP(vpt_fs_close, &fs, &fs_file) &&
           STEP(vpt_fs_walk, &fs, NULL, "", &fs_file) && STEP(vpt_fs_open_file, &fs, &fs_file, VPT_FS_READ_ONLY) &&
           STEP(vpt_fs_next_entry, &fs, &list, &entry) && STEP(vpt_fs_make_directory, &fs, NULL, "new", 0755) &&
           STEP(vpt_fs_remove, &fs, NULL, "new", true) &&
           STEP(vpt_fs_create_file, &fs, NULL, "file", VPT_FS_READ_WRITE, 0644, &fs_file);
}

/* The arguments of the next message. */
static bool clear_next(void)
{
    uint8_t *slot = vpt_requests_next(&fs.requests);

    if (slot != NULL) {
        memset(slot + VPT_FS_HEADER, 0, 16);
    }
    return true;
}

static bool use_fs(void)
{
    static const struct vpt_fs_message message = { .type = 3, .size = VPT_FS_HEADER + 16u, .node = 1 };
    struct vpt_completion completion;
    char tag[8];

    return change() && STEP(vpt_fs_init, &fs, machine.device, NULL) && STEP(vpt_fs_get_tag, &fs, tag, sizeof(tag)) &&
           STEP(vpt_fs_queue_init, &fs, 0, NULL) && STEP(vpt_fs_queue_init, &fs, 1, NULL) &&
           STEP(vpt_driver_start, &fs.driver) && use_files() && clear_next() &&
           STEP(vpt_fs_submit, &fs, &message, NULL) && STEP(vpt_requests_kick, &fs.requests) &&
           STEP(vpt_requests_poll, &fs.requests, &completion) &&
           PUT_AWAY_BY(poll_all(&fs.requests) && poll_all(&fs.hiprio), &fs) && STEP(vpt_fs_open, &fs, machine.device) &&
           PUT_AWAY_BY(poll_all(&fs.requests) && poll_all(&fs.hiprio), &fs);
}

/* ---- What is done with a network device ---- */

#define NETWORK_FEW 4u /* buffers */

static bool set_up_network(uint32_t buffer_size)
{
    const struct vpt_requests_config config = { .requests = NETWORK_FEW };

    return STEP(vpt_net_init, &network.net, machine.device, NULL) &&
           STEP(vpt_net_receiveq_init, &network.receiveq[0], &network.net, 0, buffer_size, &config) &&
           STEP(vpt_net_transmitq_init, &network.transmitq[0], &network.net, 0, &config) &&
           STEP(vpt_net_control_init, &network.control, &network.net, 2, NULL) &&
           STEP(vpt_driver_start, &network.net.driver);
}

static bool shut_network_down(void)
{
    if (!STEP(vpt_device_reset, machine.device)) {
        return false;
    }
    take_network_back();
    return STEP(vpt_driver_release, &network.net.driver);
}

static bool command(void)
{
    struct vpt_net_control *control = &network.control;

    return STEP(vpt_net_set_mode, control, VPT_NET_PROMISCUOUS, true) &&
           STEP(vpt_net_filter, control, (const uint8_t *)"abcdef", 1, 0) &&
           STEP(vpt_net_set_mac, control, (const uint8_t *)"abcdef") && STEP(vpt_net_announced, control) &&
           STEP(vpt_net_use_pairs, control, 1);
}

static bool exchange(void)
{
    const struct vpt_segment segment = machine_segment(0, 100);
    const struct vpt_request frame = { .segments = &segment, .readable = 1 };
    struct vpt_net_transmitq *transmitq = &network.transmitq[0];
    struct vpt_net_receiveq *receiveq = &network.receiveq[0];
    uint8_t bytes[100];
    uint32_t done;

    begin_step();
    /* As many as there are buffers: then the device wants to be told of each that it gets back. */
    for (unsigned i = 0; i < NETWORK_FEW; i++) {
        network_come(0, 100, i);
    }
    return STEP(vpt_net_transmit, transmitq, &segment, 1, NULL, NULL) &&
           STEP(vpt_net_transmit_batch, transmitq, &frame, NULL, 1, &done) &&
           STEP(vpt_requests_kick, &transmitq->requests) && poll_all(&transmitq->requests) &&
           STEP(vpt_net_read, receiveq, bytes, sizeof(bytes), network.frame) &&
           STEP(vpt_net_receive, receiveq, network.frame, NETWORK_FEW - 1u, &done) && (network_come(0, 100, 9), true) &&
           STEP(vpt_net_receive, receiveq, network.frame + NETWORK_FEW - 1u, 1, &done) &&
           STEP_ANY(vpt_net_receive, receiveq, network.frame + NETWORK_FEW, 1, &done) &&
           STEP(vpt_net_recycle, receiveq, network.frame, NETWORK_FEW) &&
           STEP_ANY(vpt_net_read, receiveq, bytes, sizeof(bytes), network.frame);
}

static bool use_network(void)
{
    static const struct vpt_config_field field = { MOCK_NET_STATUS, 2, 0, 0 };
    struct vpt_memory memory = { machine_bytes(0), machine_segment(0, 4096).address, 4096 };
    uint16_t status;
    uint32_t done;

    return set_up_network(0) && STEP(vpt_net_refresh, &network.net) &&
           STEP(vpt_driver_refresh, &network.net.driver, &field, 1, &status) && command() && exchange() &&
           shut_network_down() && set_up_network(VPT_NET_POSTED) &&
           STEP(vpt_net_post, &network.receiveq[0], &memory, 1, &done) &&
           STEP_ANY(vpt_net_receive, &network.receiveq[0], network.frame, 1, &done) && shut_network_down() &&
           STEP(vpt_net_open, &network.net, &network.receiveq[0], &network.transmitq[0], machine.device) &&
           shut_network_down();
}

/* ---- All of them ---- */

#define LIE(n)                             \
    {                                      \
        {                                  \
            MOCK_FAULT_USED_ID_RANGE, n, 1 \
        }                                  \
    }
#define VANISH(n)                      \
    {                                  \
        { MOCK_FAULT_VANISH, n, 1 },   \
        {                              \
            MOCK_FAULT_KICK_LOST, 1, 1 \
        }                              \
    }

/* The device lets go of a queue by stopping it, which takes time or does not work, or by this reset of the call. */
#define NO_QUEUE(times, reset, n)                                                    \
    {                                                                                \
        { MOCK_FAULT_QUEUE_NOT_READY, 1, 1 }, { MOCK_FAULT_QUEUE_IN_USE, 2, times }, \
        {                                                                            \
            reset, n, 1                                                              \
        }                                                                            \
    }

/* PCI looks into configuration space to be sure that a device has gone: that is noticed by one of several accesses. */
static const struct trouble_fault troubles[][4] = {
    { { MOCK_FAULT_CONFIG_CHANGING, 1, EVER } },
    { { MOCK_FAULT_KICK_LOST, 1, EVER }, { FAULT_RESET_SPOILT, 1, 1 } },
    LIE(1),
    NO_QUEUE(2, FAULT_RESET_SPOILT, 1),
    NO_QUEUE(EVER, MOCK_FAULT_RESET_SLOW, 1),
    NO_QUEUE(EVER, FAULT_RESET_SPOILT, 1),
    NO_QUEUE(2, FAULT_RESET_SPOILT, 2),
    NO_QUEUE(EVER, MOCK_FAULT_RESET_SLOW, 2),
    NO_QUEUE(EVER, FAULT_RESET_SPOILT, 2),
    VANISH(1),
    VANISH(2),
    VANISH(3),
    VANISH(4),
    VANISH(5),
    VANISH(6),
    { { MOCK_FAULT_RESET_SLOW, 1, 1 } },
    { { FAULT_RESET_SPOILT, 1, 1 } },
    { { MOCK_FAULT_FEATURES_REFUSED, 1, 1 } },
    { { MOCK_FAULT_VECTOR_REFUSED, 1, EVER } },
    { { MOCK_FAULT_QUEUE_NOT_READY, 1, 1 } },
    { { FAULT_SUSPEND_NEVER, 1, EVER } },
    { { FAULT_QUEUE_RESET_NEVER, 1, EVER } },
    { { FAULT_SHARES_SMALL, 1, EVER } },
    { { FAULT_NO_MAPPING, 1, 1 } },
    { { FAULT_BAR_SMALL, 1, 1 } },
    { { FAULT_GONE, 1, 1 } },
    { { MOCK_FAULT_COMMAND_STUCK, 1, EVER } },
    { { MOCK_FAULT_MSIX_STUCK, 1, EVER } },
    LIE(2),
    LIE(3),
};

static bool use(enum where where)
{
    switch (where) {
    case ENTROPY: return use_entropy();
    case CONSOLE: return use_console();
    case INPUT: return use_input();
    case SCSI: return use_scsi();
    case GPU: return use_gpu();
    case SOUND: return use_sound();
    case P9: return use_9p();
    case BALLOON: return use_balloon();
    case PMEM: return use_pmem();
    case RTC: return use_rtc();
    case SOCKET: return use_socket();
    case FS: return use_fs();
    case NETWORK: return use_network();
    default: return use_disk();
    }
}

/* Uses a device, from the probe on, to the end or to where a trouble leads. */
static void drive(enum machine_kind kind, enum where where, const struct trouble_fault *faults, unsigned at)
{
    trouble = faults;
    trouble_at = at;
    step = 0;
    open_machine(kind, where);
    cr_assert((probe() && use(where)) || trouble_began());
    end_trouble();
    close_machine();
}

static enum where end_of_devices(enum machine_kind kind)
{
    return machine_kind_legacy(kind) ? FIRST_MODERN : WHERES;
}

static void work(enum machine_kind kind)
{
    for (enum where where = DISK; where < end_of_devices(kind); where++) {
        drive(kind, where, NULL, 0);
    }
}

/* Whether a trouble from this step on may show what a line names and nobody has seen. */
static bool may_show(unsigned at)
{
    for (unsigned i = at; i <= at + STEPS_ON; i++) {
        if (steps[i] != NULL && contexts_unseen(steps[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Each trouble, from each step on; or only where it may show something. */
static void misbehave(enum machine_kind kind, bool where_it_shows)
{
    uint32_t n = 0;

    for (enum where where = DISK; where < end_of_devices(kind); where++) {
        unsigned count;

        memset(steps, 0, sizeof(steps));
        drive(kind, where, NULL, 0);
        count = step;
        cr_assert(count + STEPS_ON < STEPS_MAX);
        for (unsigned i = 0; i < COUNT_OF(troubles) * count; i++) {
            if (where_it_shows ? may_show(1 + i % count) : n++ % test_stride() == 0) {
                drive(kind, where, troubles[i / count], 1 + i % count);
            }
        }
    }
}

/* ---- PCI without virtio ---- */

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
    struct vpt_pci_capability capability;
    struct vpt_pci_identity identity;
    struct vpt_pci_walk walk;
    struct vpt_pci_bars bars;
    uint16_t offset;
    uint32_t value;

    pci_begin(0);
    pci_bar(0, (struct mock_pci_bar){ .size = 0x1000 });
    mock_pci_set(&pci.function, 0x24, 4, 0x6); /* one that makes no sense, for the log */
    cr_assert(mock_pci_capability_add(&pci.function, VPT_PCI_CAPABILITY_MSI, msi, sizeof(msi), writable) != 0);
    contexts_record(&pci.bus.port);
    CALL_OK(vpt_pci_read, &pci.here, 0, 2, &value);
    CALL_OK(vpt_pci_write, &pci.here, 0x3c, 1, 5);
    CALL_OK(vpt_pci_identify, &pci.here, &identity);
    CALL_OK(vpt_pci_enumerate, &pci.bus.port, 2, 3, 3, visit, NULL);
    pci.function.address.function = 0; /* the only one of its device is number 0 */
    CALL_OK(vpt_pci_buses_place, &pci.bus.port, 2, 3, 3, NULL, 0);
    pci.function.address.function = 5;
    CALL_OK(vpt_pci_walk_begin, &walk, &pci.here);
    CALL_ANY(vpt_pci_walk_next, &walk, &capability);
    CALL_ANY(vpt_pci_walk_begin_extended, &walk, &pci.here);
    CALL_ANY(vpt_pci_find_capability, &pci.here, VPT_PCI_CAPABILITY_MSI, &offset);
    CALL_OK(vpt_pci_bars_read, &pci.here, &bars);
    CALL_OK(vpt_pci_bars_size, &pci.here, &bars);
    CALL_OK(vpt_pci_bars_check, &bars, VPT_PCI_ALL_BARS, &window, 1);
    CALL_OK(vpt_pci_bars_place, &pci.here, &bars, VPT_PCI_ALL_BARS, &window, 1);
    CALL_OK(vpt_pci_bars_restore, &pci.here, &bars);
    CALL_OK(vpt_pci_command, &pci.here, 0, VPT_PCI_COMMAND_MEMORY);
    CALL_OK(vpt_pci_msi_enable, &pci.here, 0xfee00000u, 0x41);
    CALL_OK(vpt_pci_msi_mask, &pci.here, true);
    CALL_OK(vpt_pci_msi_disable, &pci.here);
    pci_end();
}

/* ---- Memory that is handed over ---- */

#define HANDED_OVER          UINT64_C(0x5000000000)
#define HANDED_OVER_ENTRIES  256u /* what a legacy interface of PCI dictates here */
#define HANDED_OVER_REQUESTS 4u
#define HANDED_OVER_SEGMENTS 2u

static void hand_over(struct vpt_requests_config *config)
{
    static _Alignas(4096) uint8_t memory[4][0x8000];
    const struct {
        struct vpt_memory *piece;
        size_t size;
    } pieces[] = {
        { &config->memory.rings, VPT_QUEUE_RINGS_SIZE(HANDED_OVER_ENTRIES, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT) },
        { &config->memory.indirect, VPT_BLK_INDIRECT_SIZE(HANDED_OVER_REQUESTS, HANDED_OVER_SEGMENTS) },
        { &config->memory.private_state, VPT_REQUESTS_PRIVATE_SIZE(HANDED_OVER_REQUESTS) },
        { &config->memory.slots, VPT_BLK_SLOTS_SIZE(HANDED_OVER_REQUESTS, 1) },
    };

    *config = (struct vpt_requests_config){ .requests = HANDED_OVER_REQUESTS,
                                            .segments = HANDED_OVER_SEGMENTS,
                                            .size = HANDED_OVER_ENTRIES };
    for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
        cr_assert(pieces[i].size <= sizeof(memory[i]));
        *pieces[i].piece =
            mock_hal_register(machine.hal, memory[i], pieces[i].size, HANDED_OVER + i * sizeof(memory[i]), true);
    }
}

/* ---- Tests ---- */

/* Those first where most is to be seen; the second one has its structures in I/O BARs. */
static enum machine_kind kinds[] = { MACHINE_PCI_MODERN, MACHINE_PCI_AS_TOLD, MACHINE_PCI_LEGACY, MACHINE_MMIO_2,
                                     MACHINE_MMIO_1 };

#define KIND_TEST(name) \
    PARAMETER_TEST(enum machine_kind, cr_make_param_array(enum machine_kind, kinds, COUNT_OF(kinds)), contexts, name)

/* The queue's hot path, where nothing lies. A kick is one access of the doorbell's. */
KIND_TEST(adding_publishing_and_popping_make_no_callback)
{
    const uint32_t doorbell = *variant == MACHINE_PCI_LEGACY || *variant == MACHINE_PCI_AS_TOLD
                                  ? MADE(CALLBACK_IO_WRITE)
                                  : MADE(CALLBACK_MMIO_WRITE);
    const struct {
        const char *name;
        uint32_t callbacks;
    } hot[] = {
        { "vpt_queue_add", 0 },
        { "vpt_queue_publish", 0 },
        { "vpt_queue_kick_prepare", 0 },
        { "vpt_queue_pop", 0 },
        { "vpt_queue_has_used", 0 },
        { "vpt_blk_submit", 0 },
        { "vpt_requests_poll", 0 },
        { "vpt_requests_notifications_off", 0 },
        { "vpt_requests_notifications_on", 0 },
        { "vpt_queue_kick", doorbell },
        { "vpt_requests_kick", doorbell },
    };

    contexts_read();
    work(*variant);
    for (unsigned i = 0; i < COUNT_OF(hot); i++) {
        contexts_begin(hot[i].name);
        cr_assert(contexts.now->called, "%s", hot[i].name);
        assert_same_of(hot[i].name, contexts.now->seen, hot[i].callbacks);
    }
}

/* From the probe to the release, with memory of the caller's: the port is asked for none. */
KIND_TEST(a_panic_takes_no_memory_of_the_port)
{
    struct vpt_requests_config config;

    contexts_read();
    contexts.panicking = true;
    open_machine(*variant, DISK);
    hand_over(&config);
    cr_assert(probe() && bring_up(&config) && use_device() && use_requests() && use_helpers() && use_restart() &&
              shut_down(&disk.queue->requests));
    assert_same(machine.hal->allocations + machine.hal->private_allocations, 0);
    close_machine();
}

KIND_TEST(a_device_that_misbehaves_changes_nothing_of_that)
{
    contexts_read();
    misbehave(*variant, false);
}

/* What a line names is seen some time, and there is no line of a call that nobody has made. */
Test(contexts, the_table_names_no_callback_and_no_wait_too_many)
{
    contexts_read();
    contexts.emulated = true;
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        work(kinds[i]);
    }
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        misbehave(kinds[i], true);
    }
    use_pci();
    contexts_use_assignment();
    for (unsigned i = 0; i < contexts.count; i++) {
        const char *unseen = contexts_unseen(&contexts.calls[i]);

        cr_assert(unseen == NULL, "%s: %s is not seen", contexts.calls[i].name, unseen);
    }
}
