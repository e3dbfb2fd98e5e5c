/* SPDX-License-Identifier: MIT */
/* The simulated device's lies: that each kind does what it says, where it says, when it says. */
#include "disk.h"

#include <string.h>

#include "mock.h"

TestSuite(lies, .timeout = 60);

static const struct variant *const both[] = { &version_1, &version_2 };

static unsigned tell(struct mock_device *device, struct mock_lie lie)
{
    return mock_lie_set(&device->lies, &lie);
}

/* A memory-mapped disk that tells one lie for good, and what its bring-up and one read come to. */
static enum vpt_status with_lie(const struct variant *variant, struct mock_lie lie)
{
    static const struct mock_machine_options options = {
        .blk = { .capacity = 64, .block_size = 512, .topology = true, .size_max = 4096, .seg_max = 4, .flush = true },
    };
    enum vpt_status status;

    disk_machine(variant, &options);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 50;
    fill(disk_content(9), SECTOR, 5);
    lie.first = lie.first != 0 ? lie.first : 1;
    (void)tell(machine.model, lie);
    status = disk_bring_up(NULL);
    if (status == VPT_OK) {
        status = vpt_blk_read(disk.queue, 9, machine_bytes(0), SECTOR);
    }
    cr_assert(mock_lie_fired(&machine.model->lies, 0) != 0);
    return status;
}

/* No lie any more: all memory back, nothing done against a rule but what the lie explains. */
static void end(void)
{
    mock_lies_clear(machine.model);
    if (machine.model->vanished) {
        mock_device_return(machine.model);
    }
    if (machine.device->ops != NULL && !vpt_device_gone(machine.device)) {
        assert_status(vpt_device_reset(machine.device), VPT_OK);
    }
    if (vpt_queue_size(&disk.queue->requests.queue) != 0) {
        (void)disk_drain();
    }
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    mock_violations_clear(&machine.hal->violations);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(5), VPT_OK);
    disk_end();
}

/* ---- Registers ---- */

struct outcome {
    struct mock_lie lie;
    enum vpt_status modern;
    enum vpt_status legacy;
};

static void check_outcomes(const struct outcome *outcomes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned v = 0; v < COUNT_OF(both); v++) {
            enum vpt_status expected = v == 0 ? outcomes[i].legacy : outcomes[i].modern;
            enum vpt_status status = with_lie(both[v], outcomes[i].lie);

            cr_assert(status == expected, "%zu, version %u: \"%s\", not \"%s\"", i, both[v]->version,
                      vpt_status_str(status), vpt_status_str(expected));
            end();
        }
    }
}

Test(lies, each_distortion_of_a_register_is_what_the_driver_reads)
{
    static const struct outcome outcomes[] = {
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x000, .how = MOCK_LIE_XOR, .value = 0x80 },
          VPT_DEVICE_MAGIC,
          VPT_DEVICE_MAGIC },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x004, .how = MOCK_LIE_ADD, .value = 2 },
          VPT_UNSUPPORTED_VERSION,
          VPT_UNSUPPORTED_VERSION },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x008, .how = MOCK_LIE_VALUE, .value = 0 },
          VPT_EMPTY_SLOT,
          VPT_EMPTY_SLOT },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x034, .how = MOCK_LIE_VALUE, .value = 0x10000 },
          VPT_DEVICE_QUEUE_SIZE,
          VPT_DEVICE_QUEUE_SIZE },
        /* One byte of a register, and one of four. */
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x036, .width = 1, .how = MOCK_LIE_VALUE, .value = 1 },
          VPT_DEVICE_QUEUE_SIZE,
          VPT_DEVICE_QUEUE_SIZE },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x003, .width = 4, .how = MOCK_LIE_VALUE, .value = 0x00000373 },
          VPT_DEVICE_MAGIC,
          VPT_DEVICE_MAGIC },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x070, .how = MOCK_LIE_DROP, .access = MOCK_READS },
          VPT_DEVICE_GONE,
          VPT_DEVICE_GONE },
    };

    check_outcomes(outcomes, COUNT_OF(outcomes));
}

Test(lies, a_register_write_is_dropped_or_changed_before_the_device_sees_it)
{
    static const struct outcome outcomes[] = {
        /* The reset; FEATURES_OK, or DRIVER_OK, which a legacy device has to do without; the queue; the doorbell. */
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x070, .how = MOCK_LIE_VALUE, .value = 1, .access = MOCK_WRITES },
          VPT_DEVICE_STUCK,
          VPT_DEVICE_STUCK },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x070, .how = MOCK_LIE_DROP, .access = MOCK_WRITES, .first = 4 },
          VPT_DEVICE_FEATURES_REFUSED,
          VPT_OK },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x038, .how = MOCK_LIE_DROP },
          VPT_DEVICE_QUEUE_STATE,
          VPT_DEVICE_QUEUE_STATE },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x050, .how = MOCK_LIE_DROP },
          VPT_DEVICE_TIMEOUT,
          VPT_DEVICE_TIMEOUT },
        { { .space = MOCK_SPACE_REGISTER, .offset = 0x050, .how = MOCK_LIE_ADD, .value = 1 },
          VPT_DEVICE_TIMEOUT,
          VPT_DEVICE_TIMEOUT },
    };

    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        cr_assert(outcomes[i].lie.access != MOCK_READS);
    }
    check_outcomes(outcomes, COUNT_OF(outcomes));
}

/* The queue seems not to be ready, does not go away, and no reset helps: its memory stays where it is. */
Test(lies, a_queue_that_cannot_be_taken_back_keeps_its_memory)
{
    struct mock_device *device;

    disk_init(&version_2, NULL);
    device = machine.model;
    (void)tell(device, (struct mock_lie){ .space = MOCK_SPACE_REGISTER,
                                          .offset = 0x44,
                                          .access = MOCK_READS,
                                          .how = MOCK_LIE_VALUE,
                                          .value = 0,
                                          .first = 2,
                                          .times = 1 });
    (void)tell(
        device,
        (struct mock_lie){
            .space = MOCK_SPACE_REGISTER, .offset = 0x44, .access = MOCK_WRITES, .how = MOCK_LIE_DROP, .first = 2 });
    mock_fault_set(&device->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_STUCK);
    cr_assert(device->queues[0].enabled);
    for (unsigned i = 0; i < MOCK_QUEUE_AREAS; i++) {
        cr_assert(mock_memory_find(device->memory, device->queues[0].area[i]) != NULL);
    }
    mock_fault_clear(&device->faults, MOCK_FAULT_RESET_NEVER);
    mock_lies_clear(device);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    mock_hal_abandon(machine.hal);
    mock_violations_clear(&machine.hal->violations);
    machine_finish();
}

/* ---- Configuration ---- */

Test(lies, a_configuration_field_lies_in_the_byte_order_that_it_is_read_in)
{
    static const struct outcome outcomes[] = {
        { { .space = MOCK_SPACE_CONFIGURATION, .offset = MOCK_BLK_BLK_SIZE, .how = MOCK_LIE_ADD, .value = 1 },
          VPT_DEVICE_CONFIG,
          VPT_DEVICE_CONFIG },
        { { .space = MOCK_SPACE_CONFIGURATION, .offset = MOCK_BLK_BLK_SIZE, .how = MOCK_LIE_VALUE, .value = 1024 },
          VPT_OK,
          VPT_OK },
        { { .space = MOCK_SPACE_CONFIGURATION,
            .offset = MOCK_BLK_SIZE_MAX,
            .width = 8,
            .how = MOCK_LIE_VALUE,
            .value = 1 },
          VPT_DEVICE_CONFIG,
          VPT_DEVICE_CONFIG },
        { { .space = MOCK_SPACE_CONFIGURATION,
            .offset = MOCK_BLK_PHYSICAL_EXPONENT,
            .how = MOCK_LIE_VALUE,
            .value = 23 },
          VPT_DEVICE_CONFIG,
          VPT_DEVICE_CONFIG },
    };

    check_outcomes(outcomes, 2);
    check_outcomes(&outcomes[3], 1);
    /* A field of eight bytes over two of four. */
    assert_status(with_lie(&version_2, outcomes[2].lie), VPT_DEVICE_CONFIG);
    cr_assert(mock_lie_fired(&machine.model->lies, 0) == 2);
    end();
}

/* ---- Rings and data ---- */

Test(lies, each_field_of_a_used_ring_and_each_byte_of_data_lies)
{
    static const struct outcome outcomes[] = {
        { { .space = MOCK_SPACE_RING, .offset = MOCK_RING_USED_INDEX, .how = MOCK_LIE_ADD, .value = 1 },
          VPT_DEVICE_USED_INDEX,
          VPT_DEVICE_USED_INDEX },
        { { .space = MOCK_SPACE_RING, .offset = MOCK_RING_USED_INDEX, .how = MOCK_LIE_DROP },
          VPT_DEVICE_TIMEOUT,
          VPT_DEVICE_TIMEOUT },
        { { .space = MOCK_SPACE_RING, .offset = MOCK_RING_USED_ID, .how = MOCK_LIE_VALUE, .value = 0xffff0000 },
          VPT_DEVICE_USED_ID,
          VPT_DEVICE_USED_ID },
        { { .space = MOCK_SPACE_RING, .offset = MOCK_RING_USED_LENGTH, .how = MOCK_LIE_ADD, .value = 1 },
          VPT_OK,
          VPT_OK },
        /* The status byte of a read of one sector, then its data: that nobody can know. */
        { { .space = MOCK_SPACE_DATA, .offset = SECTOR, .how = MOCK_LIE_VALUE, .value = 1 },
          VPT_DEVICE_IO_ERROR,
          VPT_DEVICE_IO_ERROR },
        { { .space = MOCK_SPACE_DATA, .offset = SECTOR, .how = MOCK_LIE_DROP },
          VPT_DEVICE_REQUEST_STATUS,
          VPT_DEVICE_REQUEST_STATUS },
        { { .space = MOCK_SPACE_DATA, .offset = 100, .width = 2, .how = MOCK_LIE_XOR, .value = 0xffff },
          VPT_OK,
          VPT_OK },
    };

    check_outcomes(outcomes, COUNT_OF(outcomes));
}

Test(lies, data_is_distorted_where_it_says_and_nowhere_else)
{
    uint8_t expected[SECTOR];

    assert_status(
        with_lie(&version_2,
                 (struct mock_lie){
                     .space = MOCK_SPACE_DATA, .offset = 300, .width = 3, .how = MOCK_LIE_XOR, .value = 0xffffff }),
        VPT_OK);
    fill(expected, sizeof(expected), 5);
    for (unsigned i = 300; i < 303; i++) {
        expected[i] ^= 0xffu;
    }
    cr_assert(memcmp(machine_bytes(0), expected, sizeof(expected)) == 0);
    end();
}

/* Without EVENT_IDX the used flags say whether kicks are wanted, with it the available event does. */
Test(lies, a_device_that_seems_to_want_no_kick_gets_none)
{
    static const struct mock_lie flags = {
        .space = MOCK_SPACE_RING, .offset = MOCK_RING_USED_FLAGS, .how = MOCK_LIE_VALUE, .value = 1, .first = 1
    };
    static const struct mock_lie event = {
        .space = MOCK_SPACE_RING, .offset = MOCK_RING_AVAILABLE_EVENT, .how = MOCK_LIE_ADD, .value = 100, .first = 1
    };

    for (unsigned i = 0; i < 2; i++) {
        struct variant variant = { 2, true, i == 1 };

        assert_status(with_lie(&variant, i == 1 ? event : flags), VPT_OK);
        assert_status(disk_read_sector(9), VPT_DEVICE_TIMEOUT);
        cr_assert(machine.model->kicks == 1);
        end();
    }
}

Test(lies, a_ring_field_of_one_queue_is_not_that_of_another)
{
    assert_status(vpt_mmio_probe(&machine.mmio, NULL, NULL, 0), VPT_CALLER_ARGUMENT);
    disk_start(&version_2, NULL, NULL);
    (void)tell(machine.model, (struct mock_lie){ .space = MOCK_SPACE_RING,
                                                 .offset = MOCK_RING_OF(1, MOCK_RING_USED_INDEX),
                                                 .how = MOCK_LIE_DROP,
                                                 .first = 1 });
    assert_status(disk_read_sector(9), VPT_OK);
    cr_assert(mock_lie_fired(&machine.model->lies, 0) == 0);
    disk_end();
}

/* ---- When ---- */

Test(lies, a_lie_fires_at_the_nth_access_so_many_times_and_no_more)
{
    struct mock_lies *lies;
    unsigned counter;

    disk_start(&version_2, NULL, NULL);
    lies = &machine.model->lies;
    (void)tell(
        machine.model,
        (struct mock_lie){
            .space = MOCK_SPACE_DATA, .offset = SECTOR, .first = 3, .times = 2, .how = MOCK_LIE_VALUE, .value = 1 });
    counter = tell(machine.model, (struct mock_lie){ .space = MOCK_SPACE_DATA, .offset = SECTOR, .first = 1 });
    for (unsigned i = 1; i <= 6; i++) {
        assert_status(disk_read_sector(i), i == 3 || i == 4 ? VPT_DEVICE_IO_ERROR : VPT_OK);
    }
    cr_assert(mock_lie_fired(lies, 0) == 2 && mock_lie_fired(lies, counter) == 6);
    cr_assert(lies->fired == 2 && lies->fired_in[MOCK_SPACE_DATA] == 2 && lies->last.space == MOCK_SPACE_DATA);
    disk_end();
}

Test(lies, several_lies_take_effect_in_the_order_in_which_they_were_set)
{
    static const struct mock_lie one = {
        .space = MOCK_SPACE_REGISTER, .offset = 0x34, .how = MOCK_LIE_VALUE, .value = 7, .first = 1
    };
    static const struct mock_lie more = {
        .space = MOCK_SPACE_REGISTER, .offset = 0x34, .how = MOCK_LIE_ADD, .value = 1, .first = 1
    };

    assert_status(with_lie(&version_2, one), VPT_OK); /* 7 is 4 to who takes powers of two */
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 4);
    end();
    disk_machine(&version_2, NULL);
    (void)tell(machine.model, one);
    (void)tell(machine.model, more);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 8);
    end();
}

/* ---- Violations ---- */

Test(lies, what_a_lie_explains_is_excused_and_what_none_can_is_not)
{
    struct vpt_shared shared = { 0x1234, SECTOR };
    struct mock_violations *violations;
    const struct vpt_port *port;

    assert_status(with_lie(&version_2, (struct mock_lie){ .space = MOCK_SPACE_REGISTER,
                                                          .offset = 0x10,
                                                          .how = MOCK_LIE_XOR,
                                                          .value = 1u << VPT_BLK_F_RO }),
                  VPT_DEVICE_FEATURES_REFUSED);
    violations = &machine.hal->violations;
    cr_assert(violations->count == 0 && violations->excused != 0);
    port = machine.port;
    port->unshare(port->ctx, machine_bytes(0), &shared, VPT_DEVICE_READS, false);
    cr_assert(violations->count == 1 && mock_violations_mention(violations, "which is not shared"));
    end();
}

Test(lies, memory_that_a_lie_has_not_led_to_is_the_drivers_fault)
{
    struct mock_device *device;
    struct mock_violations *violations;

    disk_start(&version_2, NULL, NULL);
    violations = &machine.hal->violations;
    device = machine.model;
    (void)tell(device, (struct mock_lie){
                           .space = MOCK_SPACE_REGISTER, .offset = 0x60, .how = MOCK_LIE_XOR, .value = 4, .first = 1 });
    (void)vpt_device_interrupt(machine.device);
    cr_assert(violations->lied && !violations->misled);
    (void)mock_memory_reach(device->memory, 0x42, 1, false, "nothing");
    cr_assert(violations->count == 1 && violations->excused == 0);
    mock_violations_clear(violations);
    mock_lies_clear(device);
    (void)tell(device, (struct mock_lie){
                           .space = MOCK_SPACE_REGISTER, .offset = 0x64, .how = MOCK_LIE_XOR, .value = 0, .first = 1 });
    machine.hal->port.mmio_write(machine.port->ctx, machine.on_mmio.mapping, 0x64, 4, 0);
    (void)mock_memory_reach(device->memory, 0x42, 1, false, "nothing");
    cr_assert(violations->misled && violations->count == 0 && violations->excused == 1);
    mock_violations_clear(violations);
    mock_lies_clear(device);
    disk_end();
}

/* ---- Deeds ---- */

static const struct mock_lie at_status = { .space = MOCK_SPACE_REGISTER, .offset = 0x70, .first = 1, .times = 1 };

/* What a look at the status says when the deed comes at just that. */
static enum vpt_status check_after(const struct variant *variant, enum mock_lie_how how)
{
    struct mock_lie lie = at_status;

    disk_start(variant, NULL, NULL);
    lie.how = how;
    (void)tell(machine.model, lie);
    return vpt_device_check(machine.device);
}

Test(lies, deeds_come_before_the_access_that_they_fire_at_is_answered)
{
    uint64_t interrupts;

    for (unsigned v = 0; v < COUNT_OF(both); v++) {
        assert_status(check_after(both[v], MOCK_LIE_VANISH), VPT_DEVICE_GONE);
        cr_assert(machine.model->vanished);
        end();
        assert_status(check_after(both[v], MOCK_LIE_NEEDS_RESET), VPT_DEVICE_NEEDS_RESET);
        interrupts = machine.model->interrupts;
        cr_assert(interrupts == 1);
        end();
        assert_status(check_after(both[v], MOCK_LIE_NEEDS_RESET_QUIET), VPT_DEVICE_NEEDS_RESET);
        cr_assert(machine.model->interrupts == 0);
        end();
        assert_status(check_after(both[v], MOCK_LIE_RESET), VPT_DEVICE_NEEDS_RESET);
        cr_assert(machine.model->status == 0);
        end();
        assert_status(check_after(both[v], MOCK_LIE_INTERRUPT), VPT_OK);
        cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_QUEUE);
        end();
        assert_status(check_after(both[v], MOCK_LIE_INTERRUPT_CONFIGURATION), VPT_OK);
        cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
        end();
        assert_status(check_after(both[v], MOCK_LIE_CONFIGURATION), VPT_OK);
        cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
        assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
        cr_assert(disk.blk.info.capacity == (UINT64_C(1) << 32 | 1u));
        end();
    }
}

Test(lies, a_device_that_returns_is_as_new)
{
    struct mock_device *device;

    disk_start(&version_2, NULL, NULL);
    device = machine.model;
    (void)tell(device, (struct mock_lie){ .how = MOCK_LIE_VANISH, .first = 2, .times = 1 });
    (void)tell(device, (struct mock_lie){ .how = MOCK_LIE_RETURN, .first = 4, .times = 1 });
    assert_status(vpt_device_check(machine.device), VPT_OK);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(device->vanished && device->status != 0);
    (void)machine.port->mmio_read(machine.port->ctx, machine.on_mmio.mapping, 0, 4);
    cr_assert(device->vanished);
    (void)machine.port->mmio_read(machine.port->ctx, machine.on_mmio.mapping, 0, 4);
    cr_assert(!device->vanished && device->status == 0 && device->returns == 1);
    end();
}

Test(lies, a_device_that_has_stopped_completes_nothing_until_that_is_cleared)
{
    disk_start(&version_2, NULL, NULL);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 50;
    (void)tell(machine.model, (struct mock_lie){ .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .first = 3 });
    assert_status(disk_read_sector(1), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    assert_status(disk_read_sector(3), VPT_DEVICE_TIMEOUT);
    cr_assert(machine.blk->requests == 2);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(3), VPT_DEVICE_TIMEOUT);
    end();
}

Test(lies, a_device_works_at_the_tick_that_a_deed_names)
{
    struct mock_device *device;

    disk_start(&version_2, NULL, NULL);
    device = machine.model;
    device->completion.mode = MOCK_COMPLETE_BY_RUN;
    (void)tell(device, (struct mock_lie){ .space = MOCK_SPACE_TICK, .how = MOCK_LIE_COMPLETE, .first = 7, .times = 1 });
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(device->ticks == 7);
    mock_lies_clear(device);
    /* A kick that is lost, and made up for later. */
    device->completion.mode = MOCK_COMPLETE_AT_KICK;
    mock_fault_set(&device->faults, MOCK_FAULT_KICK_LOST, 1, 1, 0);
    (void)tell(device, (struct mock_lie){ .space = MOCK_SPACE_TICK, .how = MOCK_LIE_LOOK, .first = 5, .times = 1 });
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(device->ticks == 12);
    disk_end();
}

Test(lies, a_scribble_writes_what_it_is_given_where_it_is_told)
{
    static const uint8_t content[4] = { 0xde, 0xad, 0xbe, 0xef };
    struct mock_device *device;
    const uint8_t *used;
    struct mock_lie lie = at_status;

    disk_start(&version_2, NULL, &(struct vpt_requests_config){ .requests = 1, .segments = 1, .size = 4 });
    device = machine.model;
    lie.how = MOCK_LIE_SCRIBBLE;
    lie.area = MOCK_SCRIBBLE_DEVICE_AREA;
    lie.content = content;
    lie.bytes = sizeof(content);
    (void)tell(device, lie);
    used = mock_memory_reach(device->memory, device->queues[0].area[MOCK_DEVICE_AREA], 4, false, "test");
    for (unsigned i = 0; i < 38; i++) {
        cr_assert(used[i] == 0);
    }
    assert_status(vpt_device_check(machine.device), VPT_OK);
    for (unsigned i = 0, found = 0; found == 0; i++) {
        cr_assert(i + sizeof(content) <= 38);
        found = memcmp(used + i, content, sizeof(content)) == 0;
    }
    end();
}

/* ---- Interrupts ---- */

static unsigned polled; /* requests that the interrupt's handler found */

static void handler(void *ctx)
{
    struct vpt_completion completion;

    (void)ctx;
    (void)vpt_device_interrupt(machine.device);
    while (vpt_requests_poll(&disk.queue->requests, &completion) == VPT_OK) {
        polled++;
    }
}

Test(lies, interrupts_come_too_early_or_not_at_all)
{
    static const enum mock_fault faults[] = { MOCK_FAULT_INTERRUPT_EARLY, MOCK_FAULT_INTERRUPT_LOST };
    static const struct variant flags = { 2, true, false }; /* with EVENT_IDX, none would come after one was missed */

    for (unsigned i = 0; i < COUNT_OF(faults); i++) {
        disk_start(&flags, NULL, NULL);
        machine.model->on_interrupt = handler;
        polled = 0;
        mock_fault_set(&machine.model->faults, faults[i], 2, 1, 0);
        for (unsigned n = 1; n <= 3; n++) {
            assert_status(disk_submit_one(VPT_BLK_READ, n, 0, SECTOR, NULL), VPT_OK);
            assert_status(vpt_requests_kick(&disk.queue->requests), VPT_OK);
            cr_assert(polled == (n == 2 ? 1u : n));
            cr_assert(machine.model->interrupts == (n == 1 ? 1u : n == 2 ? 2u - i : 3u - i));
        }
        cr_assert(mock_fault_fired(&machine.model->faults, faults[i]) == 1);
        disk_end();
    }
}

/* ---- Names ---- */

Test(lies, everything_has_a_name)
{
    for (unsigned i = 0; i < MOCK_SPACES; i++) {
        cr_assert(strlen(mock_space_name((enum mock_space)i)) > 2);
    }
    for (unsigned i = 0; i < MOCK_LIE_HOWS; i++) {
        cr_assert(strlen(mock_lie_name((enum mock_lie_how)i)) > 2);
    }
}
