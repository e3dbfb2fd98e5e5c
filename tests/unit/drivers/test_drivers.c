/* SPDX-License-Identifier: MIT */
/* What is the same for all drivers: bring-up that fails, handed memory, resets and restarts, a device that is gone. */
#include "drivers.h"
#include "small.h"

TestSuite(drivers, .timeout = 60);

#define MOST 64u /* requests in flight */

static void *object(void)
{
    return driver_row->fixture->object.at;
}

/* ---- What a test applies to ---- */

static bool is_modern(const struct driver_row *row, enum machine_kind kind)
{
    (void)kind;
    return !row->legacy;
}

static bool reads_together(const struct driver_row *row, enum machine_kind kind)
{
    return driver_has_interface(row, kind) && row->reads_together;
}

static bool has_calls_that_wait(const struct driver_row *row, enum machine_kind kind)
{
    return driver_has_interface(row, kind) && row->waits != 0;
}

static bool gives_up_by_a_reset(const struct driver_row *row, enum machine_kind kind)
{
    return has_calls_that_wait(row, kind) && !row->gives_up_alone;
}

/* Legacy interfaces have no reset of one queue. */
static bool resets_one_queue(const struct driver_row *row, enum machine_kind kind)
{
    return row->submit != NULL && !machine_kind_legacy(kind);
}

/* ---- What is refused ---- */

static void assert_open_is_refused(enum vpt_status status)
{
    assert_status_of(driver_row->name, driver_row->fixture->open(), status);
    assert_nothing_left(driver_row->fixture);
}

DRIVER_TRANSPORT_TEST(NULL, drivers, D_9P_1_a_device_of_another_type_is_refused)
{
    driver_choose(variant);
    machine_make(variant->rings.kind,
                 &(const struct mock_pci_machine_options){ .machine.type = driver_row->fixture->type.backend == NULL
                                                                               ? entropy_fixture.type
                                                                               : (struct mock_type){ 0 } });
    assert_status(machine_probe(), VPT_OK);
    fixture_fill(driver_row->fixture, 0x5a);
    assert_open_is_refused(VPT_UNSUPPORTED_DEVICE);
    assert_same(machine.model->resets, 0);
    machine_end();
}

/* Most types have no legacy interface, and a modern device without VERSION_1 would have the rules of one. */
DRIVER_TRANSPORT_TEST(is_modern, drivers, D_FS_1_a_legacy_interface_that_the_type_does_not_have_is_refused)
{
    driver_probe(variant);
    if (!machine_kind_legacy(variant->rings.kind)) {
        machine_offer(VPT_F_VERSION_1, false);
    }
    assert_open_is_refused(VPT_UNSUPPORTED_FEATURE);
    assert_same(machine.model->config.writes, 0);
    machine_end();
}

DRIVER_TEST(drivers, arguments_that_are_none)
{
    static _Alignas(8) uint8_t none[DRIVER_OBJECT];

    driver_probe(variant);
    if (driver_row->no_queue != 0) { /* the device has it, and the driver knows nothing of it */
        machine.model->queue_count = (uint16_t)(driver_row->no_queue + 1u);
        machine.model->queues[driver_row->no_queue].maximum = 64;
    }
    assert_status(driver_row->init(NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(driver_row->init(object(), NULL), VPT_CALLER_ARGUMENT);
    assert_status(driver_row->open(NULL, machine.device), VPT_CALLER_ARGUMENT);
    assert_status(driver_row->open(object(), NULL), VPT_CALLER_ARGUMENT);
    assert_status(driver_row->fixture->open(), VPT_OK);
    assert_status(driver_row->queue_init(NULL, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(driver_row->queue_init(none, 0, NULL), VPT_CALLER_ARGUMENT);
    if (driver_row->no_queue != 0) {
        assert_status(driver_row->queue_init(object(), driver_row->no_queue, NULL), VPT_UNSUPPORTED_QUEUE);
    }
    if (driver_row->drain != NULL) {
        assert_status(driver_row->drain(NULL), VPT_CALLER_ARGUMENT);
        assert_status(driver_row->drain(object()), VPT_CALLER_STATE); /* the device is running */
    }
    driver_assert_works();
    fixture_end(driver_row->fixture);
}

static void assert_waits_are_refused(unsigned waits, enum vpt_status status)
{
    for (unsigned n = 0; n < waits; n++) {
        char text[40];

        (void)snprintf(text, sizeof(text), "%s, call %u:", driver_row->name, n);
        assert_status_of(text, driver_row->wait(n), status);
    }
}

static void assert_calls_are_refused(enum vpt_status status)
{
    assert_waits_are_refused(driver_row->waits, status);
    if (driver_row->submit != NULL) {
        assert_status_of(driver_row->name, driver_row->submit(NULL), status);
    }
    if (driver_row->beside != NULL) {
        assert_status_of(driver_row->name, driver_row->beside(), status);
    }
}

/* ---- Bring-up ---- */

DRIVER_TEST(drivers, before_it_is_started)
{
    unsigned waits;

    driver_probe(variant);
    waits = driver_row->waits_unprepared != 0 ? driver_row->waits_unprepared : driver_row->waits;
    assert_status(driver_row->init(object(), machine.device), VPT_OK);
    assert_waits_are_refused(waits, VPT_CALLER_STATE);
    if (driver_row->submit != NULL && driver_row->begin == NULL) {
        assert_status_of(driver_row->name, driver_row->submit(NULL), VPT_CALLER_STATE);
    }
    if (driver_row->beside != NULL) {
        assert_status(driver_row->beside(), VPT_CALLER_STATE);
    }
    for (uint16_t i = 0; i < driver_row->queues; i++) {
        assert_status(driver_row->queue_init(object(), i, NULL), VPT_OK);
    }
    assert_waits_are_refused(waits, VPT_CALLER_STATE);
    assert_status(vpt_driver_start(driver_row->fixture->driver), VPT_OK);
    driver_assert_works();
    fixture_end(driver_row->fixture);
}

DRIVER_TEST(drivers, an_open_that_fails_leaves_nothing_behind)
{
    driver_probe(variant);
    fixture_open_without_memory(driver_row->fixture, driver_row->queues);
    driver_assert_works();
    fixture_release(driver_row->fixture);
    fixture_open_without_queue(driver_row->fixture, driver_row->queues);
    machine_end();
}

static struct vpt_port whole;

static enum vpt_status allocate_and_fail(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                         struct vpt_memory *memory)
{
    mock_device_needs_reset(machine.model);
    return whole.dma_allocate(ctx, size, alignment, limit, flags, memory);
}

/* The device fails amid its bring-up, and has the rings until it is reset; on PCI it is cut off from them. */
DRIVER_TEST(drivers, CLEANUP_2_an_open_that_cannot_stop_the_device_leaves_it_the_memory)
{
    driver_probe(variant);
    whole = *machine.port;
    machine.port->dma_allocate = allocate_and_fail;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
    assert_status(driver_row->fixture->open(), machine_on_pci() ? VPT_DEVICE_NEEDS_RESET : VPT_DEVICE_STUCK);
    assert_same(mock_hal_live_allocations(machine.hal) == 0, machine_on_pci());
    assert_same(all_zero(object(), driver_row->fixture->object.size), machine_on_pci());
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    machine.port->dma_allocate = whole.dma_allocate;
    if (!machine_on_pci()) {
        fixture_release(driver_row->fixture);
    }
    assert_status(driver_row->fixture->open(), VPT_OK);
    driver_assert_works();
    fixture_end(driver_row->fixture);
}

static unsigned accesses_left;
static bool pulled_out;

/* Another CPU finds that the device is gone, at the access after so many. */
static void count_access(void)
{
    if (!pulled_out && accesses_left-- == 0) {
        pulled_out = true;
        machine_pull_out();
        (void)vpt_device_check(machine.device);
    }
}

static void write_memory_and_count(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    count_access();
    whole.mmio_write(ctx, mapping, offset, width, value);
}

static uint32_t read_memory_and_count(void *ctx, void *mapping, size_t offset, unsigned width)
{
    count_access();
    return whole.mmio_read(ctx, mapping, offset, width);
}

static void write_port_and_count(void *ctx, uint16_t port, unsigned width, uint32_t value)
{
    count_access();
    whole.io_write(ctx, port, width, value);
}

static uint32_t read_port_and_count(void *ctx, uint16_t port, unsigned width)
{
    count_access();
    return whole.io_read(ctx, port, width);
}

/* Buffers that a queue has given to the device by then come back, too. */
DRIVER_TRANSPORT_TEST(driver_has_interface, drivers, a_device_that_is_pulled_out_amid_its_open)
{
    pulled_out = true;
    for (unsigned n = 0; pulled_out; n++) {
        enum vpt_status status;

        driver_probe(variant);
        whole = *machine.port;
        machine.port->mmio_write = whole.mmio_write != NULL ? write_memory_and_count : NULL;
        machine.port->mmio_read = whole.mmio_read != NULL ? read_memory_and_count : NULL;
        machine.port->io_write = whole.io_write != NULL ? write_port_and_count : NULL;
        machine.port->io_read = whole.io_read != NULL ? read_port_and_count : NULL;
        accesses_left = n;
        pulled_out = false;
        status = driver_row->fixture->open();
        *machine.port = whole;
        if (status != VPT_OK) {
            assert_status_of(driver_row->name, status, VPT_DEVICE_GONE);
            assert_nothing_left(driver_row->fixture);
        } else if (pulled_out) { /* at the last access */
            assert_status(driver_row->fixture->drain(), VPT_OK);
            assert_status(vpt_driver_release(driver_row->fixture->driver), VPT_OK);
        } else {
            fixture_release(driver_row->fixture);
        }
        machine_end();
    }
}

/* An earlier driver has not seen this change, and it goes on: no value is of one moment. */
DRIVER_TEST_WHERE(reads_together, drivers, CONFIG_1_a_configuration_that_keeps_changing)
{
    driver_probe(variant);
    mock_device_change_configuration(machine.model);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_open_is_refused(VPT_DEVICE_CONFIG_UNSTABLE);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING);
    assert_status(driver_row->fixture->open(), VPT_OK);
    driver_assert_works();
    fixture_end(driver_row->fixture);
}

/* Without tables there is room for few requests, down to one. */
DRIVER_TRANSPORT_TEST(driver_has_interface, drivers, short_rings)
{
    driver_choose(variant);
    for (uint32_t size = driver_row->least_ring; size <= 64; size *= 2) {
        for (unsigned tables = 0; tables < 2; tables++) {
            driver_probe(variant);
            machine_offer(VPT_F_INDIRECT_DESC, tables != 0);
            for (unsigned i = 0; i < driver_row->queues; i++) {
                machine.model->queues[i].maximum = size;
            }
            assert_status_of(driver_row->name, driver_row->fixture->open(), VPT_OK);
            driver_assert_works();
            driver_assert_works();
            fixture_end(driver_row->fixture);
        }
    }
}

/* No driver has so many by itself. */
static uint16_t requests_of_the_caller(void)
{
    return driver_row->events != 0 ? driver_row->events : 5;
}

/* A config with memory for queue i: slots have as many bytes as the driver's header says. */
static struct vpt_requests_config config_of_the_caller(uint16_t i, const struct vpt_memory pieces[3])
{
    static _Alignas(8) uint8_t private[DRIVER_QUEUES][VPT_REQUESTS_PRIVATE_SIZE(80)];
    struct vpt_requests_config config = { .requests = requests_of_the_caller() };

    config.segments = driver_row->events != 0 ? 0 : 4;
    if (!machine_kind_legacy(machine.kind)) {
        config.size = driver_row->events != 0 ? 128 : 32;
    }
    config.memory.rings = pieces[0];
    config.memory.indirect = pieces[1];
    config.memory.slots = pieces[2];
    config.memory.private_state = (struct vpt_memory){ private[i], 0, sizeof(private[i]) };
    if (driver_row->slot_size[i] != 0) {
        config.memory.slots.size = (size_t)config.requests * driver_row->slot_size[i];
    }
    return config;
}

/* Memory that was handed over is all that is used: of a port without memory nothing is asked. */
DRIVER_TEST(drivers, memory_of_the_callers)
{
    struct vpt_memory pieces[DRIVER_QUEUES][3];

    driver_probe(variant);
    for (unsigned i = 0; i < 3u * DRIVER_QUEUES; i++) {
        assert_status(
            machine.port->dma_allocate(machine.port->ctx, 0x8000, 4096, UINT32_MAX, 0, &pieces[i / 3u][i % 3u]),
            VPT_OK);
    }
    whole = *machine.port;
    machine.port->dma_allocate = NULL;
    assert_status(driver_row->init(object(), machine.device), VPT_OK);
    for (uint16_t i = 0; i < driver_row->queues; i++) {
        const struct vpt_requests_config config = config_of_the_caller(i, pieces[i]);

        assert_status_of(driver_row->name, driver_row->queue_init(object(), i, &config), VPT_OK);
    }
    assert_status(vpt_driver_start(driver_row->fixture->driver), VPT_OK);
    if (driver_row->requests != NULL) {
        assert_same_of(driver_row->name, vpt_requests_free(driver_row->requests), requests_of_the_caller());
    }
    for (unsigned i = 0; i < 5; i++) {
        driver_assert_works();
    }
    fixture_release(driver_row->fixture);
    *machine.port = whole;
    for (unsigned i = 0; i < 3u * DRIVER_QUEUES; i++) {
        machine.port->dma_free(machine.port->ctx, &pieces[i / 3u][i % 3u], 0);
    }
    machine_end();
}

/* ---- Requests in flight ---- */

static uint8_t tokens[MOST];

/* Submits requests, as many as there is room for, which the device does not complete; returns how many. */
static unsigned leave_in_flight(void)
{
    unsigned count = 0;

    driver_begin();
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    while (driver_row->submit != NULL && count < MOST && driver_row->submit(&tokens[count]) == VPT_OK) {
        count++;
    }
    if (driver_row->submit != NULL) {
        cr_assert(count != 0);
        assert_status(vpt_requests_kick(driver_row->requests), VPT_OK);
    }
    return count;
}

/* Each comes back once, with this status, and then there is nothing. */
static void assert_each_comes_back(unsigned count, enum vpt_status status)
{
    struct vpt_completion completion;
    uint64_t seen = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t n = i;

        assert_status_of(driver_row->name, vpt_requests_poll(driver_row->requests, &completion), VPT_OK);
        assert_status_of(driver_row->name, completion.status, status);
        if (!driver_row->anonymous) {
            n = (size_t)((uint8_t *)completion.token - tokens);
        }
        cr_assert(n < count && (seen >> n & 1u) == 0, "%s: request %zu", driver_row->name, n);
        seen |= UINT64_C(1) << n;
    }
    if (count != 0) {
        assert_status(vpt_requests_poll(driver_row->requests, &completion), VPT_EMPTY);
    }
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
}

static void assert_cancelled_and_restart(void)
{
    assert_status_of(driver_row->name, driver_row->fixture->drain(), VPT_OK);
    assert_calls_are_refused(VPT_CANCELLED);
    assert_status_of(driver_row->name, vpt_driver_restart(driver_row->fixture->driver, NULL), VPT_OK);
}

DRIVER_TEST(drivers, CLEANUP_2_a_restart_on_the_same_memory)
{
    uint64_t allocations;

    driver_open(variant);
    allocations = machine.hal->allocations;
    for (unsigned round = 0; round < 3; round++) {
        unsigned count = leave_in_flight();

        assert_status(vpt_device_reset(machine.device), VPT_OK);
        if (count != 0) {
            assert_status(vpt_driver_restart(driver_row->fixture->driver, NULL), VPT_CALLER_BUSY);
        }
        assert_each_comes_back(count, VPT_CANCELLED);
        assert_cancelled_and_restart();
        driver_assert_works();
    }
    assert_same(machine.hal->allocations, allocations);
    fixture_end(driver_row->fixture);
}

static bool is_drained(const struct driver_row *row, enum machine_kind kind)
{
    return row->drain != NULL && driver_has_interface(row, kind) && !machine_kind_legacy(kind);
}

/* The device has its buffers for later, and what it has used is not lost. */
DRIVER_TEST_WHERE(is_drained, drivers, a_suspended_device_is_not_drained)
{
    driver_probe(variant);
    machine_offer(VPT_F_SUSPEND, true);
    assert_status(driver_row->fixture->open(), VPT_OK);
    driver_assert_works();
    assert_status(vpt_device_suspend(machine.device), VPT_OK);
    assert_status_of(driver_row->name, driver_row->drain(object()), VPT_CALLER_STATE);
    assert_status(vpt_device_resume(machine.device), VPT_OK);
    driver_assert_works();
    fixture_end(driver_row->fixture);
}

/* Each request comes back, and so does all memory. */
DRIVER_TEST(drivers, a_device_that_is_pulled_out)
{
    unsigned count;

    driver_open(variant);
    count = leave_in_flight();
    machine_pull_out();
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    assert_each_comes_back(count, VPT_DEVICE_GONE);
    assert_status(driver_row->fixture->drain(), VPT_OK);
    assert_calls_are_refused(VPT_DEVICE_GONE);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_status(vpt_driver_restart(driver_row->fixture->driver, NULL), VPT_DEVICE_GONE);
    assert_status(vpt_driver_release(driver_row->fixture->driver), VPT_OK);
    assert_same(mock_hal_live_allocations(machine.hal), 0);
    machine_end();
}

/* A device that does not answer is reset, so that what it was given is the caller's again. */
DRIVER_TEST_WHERE(gives_up_by_a_reset, drivers, a_device_that_does_not_answer)
{
    driver_open(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (unsigned n = 0; n < driver_row->waits; n++) {
        uint64_t resets = machine.model->resets;

        driver_begin();
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
        assert_status_of(driver_row->name, driver_row->wait(n), VPT_DEVICE_TIMEOUT);
        assert_same_of(driver_row->name, machine.model->resets, resets + 1u);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        assert_cancelled_and_restart();
        driver_assert_works();
    }
    fixture_end(driver_row->fixture);
}

/* The reset does not finish either: what was shared stays the device's, unless PCI cuts it off. */
DRIVER_TEST_WHERE(has_calls_that_wait, drivers, CLEANUP_2_a_device_that_cannot_be_reset_keeps_what_was_shared)
{
    driver_choose(variant);
    for (unsigned n = 0; n < driver_row->waits; n++) {
        driver_open(variant);
        if (driver_row->waits_unprepared != 0 && n >= driver_row->waits_unprepared) {
            driver_begin();
        }
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        machine.hal->wait_budget[VPT_WAIT_RESET] = 5;
        mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 0, 0);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
        assert_status_of(driver_row->name, driver_row->wait(n),
                         machine_on_pci() ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_STUCK);
        assert_same_of(driver_row->name, mock_hal_live_shares(machine.hal),
                       !machine_on_pci() && driver_row->shares && n + 1u == driver_row->waits);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
        fixture_release(driver_row->fixture);
        mock_hal_abandon(machine.hal);
        machine_end();
    }
}

/* The queue of most requests alone, while the others go on. */
DRIVER_TEST_WHERE(resets_one_queue, drivers, one_queue_is_reset)
{
    driver_probe(variant);
    machine_offer(VPT_F_RING_RESET, true);
    assert_status(driver_row->fixture->open(), VPT_OK);
    for (unsigned round = 0; round < 3; round++) {
        unsigned count = leave_in_flight();

        assert_status(vpt_requests_reset(driver_row->requests), VPT_OK);
        assert_waits_are_refused(driver_row->waits_beside ? 0 : driver_row->waits, VPT_CALLER_STATE);
        assert_each_comes_back(count, VPT_CANCELLED);
        assert_status(driver_row->submit(tokens),
                      driver_row->queue_was_reset != VPT_OK ? driver_row->queue_was_reset : VPT_CANCELLED);
        if (driver_row->beside != NULL) {
            assert_status(driver_row->beside(), VPT_OK);
        }
        assert_status(vpt_requests_restart(driver_row->requests, NULL), VPT_OK);
        driver_assert_works();
    }
    fixture_end(driver_row->fixture);
}

/* ---- Real devices ---- */

static bool has_short_rings(const struct driver_row *row, enum mock_profile_name profile)
{
    return profile == MOCK_PROFILE_SMALL_QUEUE && row->least_ring > 8;
}

/* Where used lengths are wrong and matter, only what the device has nothing to write for works. */
static void assert_works_with(enum mock_profile_name profile)
{
    bool lengths = profile == MOCK_PROFILE_LENGTH_COUNTS_WRITES || profile == MOCK_PROFILE_LENGTH_ALL_ONES ||
                   profile == MOCK_PROFILE_LENGTH_ZERO;

    if (!lengths || !driver_row->lengths) {
        driver_assert_works();
    } else if (driver_row->sends) {
        assert_status_of(driver_row->name, driver_row->submit(tokens), VPT_OK);
        assert_status(vpt_requests_kick(driver_row->requests), VPT_OK);
        assert_each_comes_back(1, VPT_OK);
    }
}

DRIVER_TRANSPORT_TEST(driver_has_interface, drivers, LEG_CONOP_2_LEG_NETOP_2_oddities_of_real_devices)
{
    const struct fixture *fixture;

    driver_choose(variant);
    fixture = driver_row->fixture;
    for (enum mock_profile_name i = 0; i < MOCK_PROFILES; i++) {
        fixture->make_model();
        fixture_fill(fixture, 0xa5);
        machine_make(variant->rings.kind, &(const struct mock_pci_machine_options){
                                              .machine = { .type = fixture->type, .profile = &mock_profiles[i] } });
        assert_status(machine_probe(), VPT_OK);
        assert_status_of(mock_profiles[i].name, fixture->open(), VPT_OK);
        for (unsigned round = 0; round < 2 && !has_short_rings(driver_row, i); round++) {
            assert_works_with(i);
            assert_status(vpt_device_reset(machine.device), VPT_OK);
            assert_status(fixture->drain(), VPT_OK);
            assert_status(vpt_driver_restart(fixture->driver, NULL), VPT_OK);
        }
        fixture_end(fixture);
    }
}
