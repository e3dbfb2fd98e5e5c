/* SPDX-License-Identifier: MIT */
/* The simulated device's lies: that each kind does what it says, where it says, when it says. */
#include "campaign.h"

#include <string.h>

TestSuite(lies, .timeout = 60);

/* With the machine of a lie for good; with a started disk. */
#define LIE_TEST(name)      PLAIN_STARTED_TEST(lie_machine(MACHINE_MMIO_2), disk_recover_and_end(), lies, name)
#define DISK_TEST(name)     PLAIN_STARTED_TEST(disk_start(&version_2, NULL, NULL), disk_end(), lies, name)
#define BAD_DISK_TEST(name) PLAIN_STARTED_TEST(disk_start(&version_2, NULL, NULL), disk_recover_and_end(), lies, name)

static unsigned tell(struct mock_lie lie)
{
    return mock_lie_set(&machine.model->lies, &lie);
}

/* ---- Each as a row ---- */

#define MODERN (1u << MACHINE_MMIO_2)
#define LEGACY (1u << MACHINE_MMIO_1)
#define BOTH   (MODERN | LEGACY)

#define REGISTER(at)      .space = MOCK_SPACE_REGISTER, .offset = (at)
#define CONFIGURATION(at) .space = MOCK_SPACE_CONFIGURATION, .offset = (at)
#define RING(at)          .space = MOCK_SPACE_RING, .offset = (at)
#define DATA(at)          .space = MOCK_SPACE_DATA, .offset = (at)

Test(lies, each_distortion_comes_to_what_the_driver_makes_of_it)
{
    static const struct lie_row rows[] = {
        { "magic", BOTH, { REGISTER(R_MAGIC), LIE_XOR(0x80) }, VPT_DEVICE_MAGIC },
        { "version", BOTH, { REGISTER(R_VERSION), LIE_ADD(2) }, VPT_UNSUPPORTED_VERSION },
        { "no device", BOTH, { REGISTER(R_DEVICE_ID), LIE_VALUE(0) }, VPT_EMPTY_SLOT },
        { "maximum", BOTH, { REGISTER(R_QUEUE_MAXIMUM), LIE_VALUE(0x10000) }, VPT_DEVICE_QUEUE_SIZE },
        { "one byte", BOTH, { REGISTER(0x036), .width = 1, LIE_VALUE(1) }, VPT_DEVICE_QUEUE_SIZE },
        { "part of four", BOTH, { REGISTER(0x003), .width = 4, LIE_VALUE(0x00000373) }, VPT_DEVICE_MAGIC },
        { "status", BOTH, { REGISTER(R_STATUS), LIE_DROP, .access = MOCK_READS }, VPT_DEVICE_GONE },
        /* Writes are dropped or changed before the device sees them. A legacy device has to do without FEATURES_OK. */
        { "reset", BOTH, { REGISTER(R_STATUS), LIE_VALUE(1), .access = MOCK_WRITES }, VPT_DEVICE_STUCK },
        { "FEATURES_OK",
          MODERN,
          { REGISTER(R_STATUS), LIE_DROP, .access = MOCK_WRITES, .first = 4 },
          VPT_DEVICE_FEATURES_REFUSED },
        { "DRIVER_OK", LEGACY, { REGISTER(R_STATUS), LIE_DROP, .access = MOCK_WRITES, .first = 4 }, VPT_OK },
        { "queue size", BOTH, { REGISTER(R_QUEUE_SIZE), LIE_DROP }, VPT_DEVICE_QUEUE_STATE },
        { "no doorbell", BOTH, { REGISTER(R_NOTIFY), LIE_DROP }, VPT_DEVICE_TIMEOUT },
        { "another doorbell", BOTH, { REGISTER(R_NOTIFY), LIE_ADD(1) }, VPT_DEVICE_TIMEOUT },
        /* A field of the configuration lies in the byte order that it is read in. */
        { "block size", BOTH, { CONFIGURATION(MOCK_BLK_BLK_SIZE), LIE_ADD(1) }, VPT_DEVICE_CONFIG },
        { "fine block size", BOTH, { CONFIGURATION(MOCK_BLK_BLK_SIZE), LIE_VALUE(1024) }, VPT_OK },
        { "exponent", BOTH, { CONFIGURATION(MOCK_BLK_PHYSICAL_EXPONENT), LIE_VALUE(23) }, VPT_DEVICE_CONFIG },
        /* The used ring; then the status byte of a read of one sector, and its data: that nobody can know. */
        { "used index", BOTH, { RING(MOCK_RING_USED_INDEX), LIE_ADD(1) }, VPT_DEVICE_USED_INDEX },
        { "no used index", BOTH, { RING(MOCK_RING_USED_INDEX), LIE_DROP }, VPT_DEVICE_TIMEOUT },
        { "used id", BOTH, { RING(MOCK_RING_USED_ID), LIE_VALUE(0xffff0000) }, VPT_DEVICE_USED_ID },
        { "used length", BOTH, { RING(MOCK_RING_USED_LENGTH), LIE_ADD(1) }, VPT_OK },
        { "status byte", BOTH, { DATA(SECTOR), LIE_VALUE(1) }, VPT_DEVICE_IO_ERROR },
        { "no status byte", BOTH, { DATA(SECTOR), LIE_DROP }, VPT_DEVICE_REQUEST_STATUS },
        { "data", BOTH, { DATA(100), .width = 2, LIE_XOR(0xffff) }, VPT_OK },
    };

    lie_check_rows(rows, COUNT_OF(rows));
}

/* A field of eight bytes over two of four. */
LIE_TEST(a_field_may_span_several_accesses)
{
    struct mock_lie lie = { CONFIGURATION(MOCK_BLK_SIZE_MAX), .width = 8, LIE_VALUE(1) };

    assert_status(lie_try(&lie), VPT_DEVICE_CONFIG);
    assert_same(mock_lie_fired(&machine.model->lies, 0), 2);
}

/* The queue seems not to be ready, does not go away, and no reset helps: its memory stays where it is. */
Test(lies, a_queue_that_cannot_be_taken_back_keeps_its_memory)
{
    disk_init(&version_2, NULL);
    (void)tell(
        (struct mock_lie){ REGISTER(R_QUEUE_READY), .access = MOCK_READS, LIE_VALUE(0), .first = 2, .times = 1 });
    (void)tell((struct mock_lie){ REGISTER(R_QUEUE_READY), .access = MOCK_WRITES, LIE_DROP, .first = 2 });
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_blk_queue_init(disk.queue, &disk.blk, 0, NULL), VPT_DEVICE_STUCK);
    cr_assert(machine.model->queues[0].enabled);
    for (unsigned i = 0; i < MOCK_QUEUE_AREAS; i++) {
        cr_assert(mock_memory_find(machine.model->memory, machine.model->queues[0].area[i]) != NULL);
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    mock_lies_clear(machine.model);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    mock_hal_abandon(machine.hal);
    mock_violations_clear(&machine.hal->violations);
    machine_finish();
}

LIE_TEST(data_is_distorted_where_it_says_and_nowhere_else)
{
    uint8_t expected[SECTOR];

    assert_status(lie_try(&(struct mock_lie){ DATA(300), .width = 3, LIE_XOR(0xffffff) }), VPT_OK);
    fill(expected, sizeof(expected), 5);
    for (unsigned i = 0; i < sizeof(expected); i++) {
        assert_same(machine_bytes(0)[i], expected[i] ^ (i >= 300 && i < 303 ? 0xffu : 0u));
    }
}

/* Without EVENT_IDX the used flags say whether kicks are wanted, with it the available event does. */
Test(lies, a_device_that_seems_to_want_no_kick_gets_none)
{
    static const struct mock_lie lies[] = { { RING(MOCK_RING_USED_FLAGS), LIE_VALUE(1) },
                                            { RING(MOCK_RING_AVAILABLE_EVENT), LIE_ADD(100) } };

    for (unsigned i = 0; i < COUNT_OF(lies); i++) {
        lie_machine(MACHINE_MMIO_2);
        machine_offer(VPT_F_EVENT_IDX, i == 1);
        assert_status(lie_try(&lies[i]), VPT_OK);
        assert_status(disk_read_sector(9), VPT_DEVICE_TIMEOUT);
        assert_same(machine.model->kicks, 1);
        disk_recover_and_end();
    }
}

DISK_TEST(a_ring_field_of_one_queue_is_not_that_of_another)
{
    (void)tell((struct mock_lie){ RING(MOCK_RING_OF(1, MOCK_RING_USED_INDEX)), LIE_DROP, .first = 1 });
    assert_status(disk_read_sector(9), VPT_OK);
    cr_assert(mock_lie_fired(&machine.model->lies, 0) == 0);
}

DISK_TEST(a_lie_fires_at_the_nth_access_so_many_times_and_no_more)
{
    struct mock_lies *lies;
    unsigned counter;

    lies = &machine.model->lies;
    (void)tell((struct mock_lie){ DATA(SECTOR), .first = 3, .times = 2, LIE_VALUE(1) });
    counter = tell((struct mock_lie){ DATA(SECTOR), .first = 1 });
    for (unsigned i = 1; i <= 6; i++) {
        assert_status(disk_read_sector(i), i == 3 || i == 4 ? VPT_DEVICE_IO_ERROR : VPT_OK);
    }
    cr_assert(mock_lie_fired(lies, 0) == 2 && mock_lie_fired(lies, counter) == 6);
    cr_assert(lies->fired == 2 && lies->fired_in[MOCK_SPACE_DATA] == 2 && lies->last.space == MOCK_SPACE_DATA);
}

Test(lies, several_lies_take_effect_in_the_order_in_which_they_were_set)
{
    static const struct mock_lie one = { REGISTER(R_QUEUE_MAXIMUM), LIE_VALUE(7), .first = 1 };
    static const struct mock_lie more = { REGISTER(R_QUEUE_MAXIMUM), LIE_ADD(1), .first = 1 };

    lie_machine(MACHINE_MMIO_2);
    assert_status(lie_try(&one), VPT_OK); /* 7 is 4 to who takes powers of two */
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 4);
    disk_recover_and_end();
    disk_machine(&version_2, NULL);
    (void)tell(one);
    (void)tell(more);
    assert_status(disk_bring_up(NULL), VPT_OK);
    cr_assert(vpt_queue_size(&disk.queue->requests.queue) == 8);
    disk_recover_and_end();
}

LIE_TEST(what_a_lie_explains_is_excused_and_what_none_can_is_not)
{
    struct vpt_shared shared = { 0x1234, SECTOR };
    const struct mock_violations *violations;

    assert_status(lie_try(&(struct mock_lie){ REGISTER(R_DEV_FEATURES), LIE_XOR(1u << VPT_BLK_F_RO) }),
                  VPT_DEVICE_FEATURES_REFUSED);
    violations = &machine.hal->violations;
    cr_assert(violations->count == 0 && violations->excused != 0);
    machine.port->unshare(machine.port->ctx, machine_bytes(0), &shared, VPT_DEVICE_READS, false);
    cr_assert(violations->count == 1 && mock_violations_mention(violations, "which is not shared"));
}

DISK_TEST(memory_that_a_lie_has_not_led_to_is_the_drivers_fault)
{
    struct mock_violations *violations;

    violations = &machine.hal->violations;
    (void)tell((struct mock_lie){ REGISTER(R_IRQ_STATUS), LIE_XOR(4), .first = 1 });
    (void)vpt_device_interrupt(machine.device);
    cr_assert(violations->lied && !violations->misled);
    (void)mock_memory_reach(machine.model->memory, 0x42, 1, false, "nothing");
    cr_assert(violations->count == 1 && violations->excused == 0);
    mock_violations_clear(violations);
    mock_lies_clear(machine.model);
    (void)tell((struct mock_lie){ REGISTER(R_IRQ_ACK), LIE_XOR(0), .first = 1 });
    machine.hal->port.mmio_write(machine.port->ctx, machine.on_mmio.mapping, 0x64, 4, 0);
    (void)mock_memory_reach(machine.model->memory, 0x42, 1, false, "nothing");
    cr_assert(violations->misled && violations->count == 0 && violations->excused == 1);
    mock_violations_clear(violations);
    mock_lies_clear(machine.model);
}

/* ---- Deeds ---- */

static const struct mock_lie at_status = { REGISTER(R_STATUS), .first = 1, .times = 1 };

/* What a look at the status says when the deed comes at just that. */
Test(lies, deeds_come_before_the_access_that_they_fire_at_is_answered)
{
    static const struct {
        enum mock_lie_how how;
        enum vpt_status status;
        unsigned interrupts;
        uint32_t interrupt; /* what the handler is told */
    } deeds[] = {
        { MOCK_LIE_VANISH, VPT_DEVICE_GONE, 0, 0 },
        { MOCK_LIE_NEEDS_RESET, VPT_DEVICE_NEEDS_RESET, 1, VPT_INTERRUPT_CONFIGURATION },
        { MOCK_LIE_NEEDS_RESET_QUIET, VPT_DEVICE_NEEDS_RESET, 0, 0 },
        { MOCK_LIE_RESET, VPT_DEVICE_NEEDS_RESET, 0, 0 },
        { MOCK_LIE_INTERRUPT, VPT_OK, 1, VPT_INTERRUPT_QUEUE },
        { MOCK_LIE_INTERRUPT_CONFIGURATION, VPT_OK, 1, VPT_INTERRUPT_CONFIGURATION },
        { MOCK_LIE_CONFIGURATION, VPT_OK, 1, VPT_INTERRUPT_CONFIGURATION },
    };

    for (unsigned i = 0; i < 2 * COUNT_OF(deeds); i++) {
        enum mock_lie_how how = deeds[i / 2].how;
        const char *row = mock_lie_name(how);
        struct mock_lie lie = at_status;

        disk_start(i % 2 == 0 ? &version_1 : &version_2, NULL, NULL);
        lie.how = how;
        (void)tell(lie);
        assert_status_of(row, vpt_device_check(machine.device), deeds[i / 2].status);
        assert_same_of(row, machine.model->vanished, how == MOCK_LIE_VANISH);
        assert_same_of(row, machine.model->status == 0, how == MOCK_LIE_RESET);
        assert_same_of(row, machine.model->interrupts, deeds[i / 2].interrupts);
        assert_same_of(row, vpt_device_interrupt(machine.device), deeds[i / 2].interrupt);
        if (how == MOCK_LIE_CONFIGURATION) {
            assert_status(vpt_blk_refresh(&disk.blk), VPT_OK);
            assert_same(disk.blk.info.capacity, UINT64_C(1) << 32 | 1u);
        }
        disk_recover_and_end();
    }
}

BAD_DISK_TEST(a_device_that_returns_is_as_new)
{
    (void)tell((struct mock_lie){ .how = MOCK_LIE_VANISH, .first = 2, .times = 1 });
    (void)tell((struct mock_lie){ .how = MOCK_LIE_RETURN, .first = 4, .times = 1 });
    assert_status(vpt_device_check(machine.device), VPT_OK);
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(machine.model->vanished && machine.model->status != 0);
    (void)machine.port->mmio_read(machine.port->ctx, machine.on_mmio.mapping, 0, 4);
    cr_assert(machine.model->vanished);
    (void)machine.port->mmio_read(machine.port->ctx, machine.on_mmio.mapping, 0, 4);
    cr_assert(!machine.model->vanished && machine.model->status == 0 && machine.model->returns == 1);
}

BAD_DISK_TEST(a_device_that_has_stopped_completes_nothing_until_that_is_cleared)
{
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 50;
    (void)tell((struct mock_lie){ .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .first = 3 });
    assert_status(disk_read_sector(1), VPT_OK);
    assert_status(disk_read_sector(2), VPT_OK);
    assert_status(disk_read_sector(3), VPT_DEVICE_TIMEOUT);
    cr_assert(machine.blk->requests == 2);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(3), VPT_DEVICE_TIMEOUT);
}

DISK_TEST(a_device_works_at_the_tick_that_a_deed_names)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    (void)tell((struct mock_lie){ .space = MOCK_SPACE_TICK, .how = MOCK_LIE_COMPLETE, .first = 7, .times = 1 });
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(machine.model->ticks == 7);
    mock_lies_clear(machine.model);
    /* A kick that is lost, and made up for later. */
    machine.model->completion.mode = MOCK_COMPLETE_AT_KICK;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_KICK_LOST, 1, 1, 0);
    (void)tell((struct mock_lie){ .space = MOCK_SPACE_TICK, .how = MOCK_LIE_LOOK, .first = 5, .times = 1 });
    assert_status(disk_read_sector(1), VPT_OK);
    cr_assert(machine.model->ticks == 12);
}

Test(lies, a_scribble_writes_what_it_is_given_where_it_is_told)
{
    static const uint8_t content[4] = { 0xde, 0xad, 0xbe, 0xef };
    const uint8_t *used;
    struct mock_lie lie = at_status;

    disk_start(&version_2, NULL, &(struct vpt_requests_config){ .requests = 1, .segments = 1, .size = 4 });
    lie.how = MOCK_LIE_SCRIBBLE;
    lie.area = MOCK_SCRIBBLE_DEVICE_AREA;
    lie.content = content;
    lie.bytes = sizeof(content);
    (void)tell(lie);
    used = mock_memory_reach(machine.model->memory, machine.model->queues[0].area[MOCK_DEVICE_AREA], 4, false, "test");
    for (unsigned i = 0; i < 38; i++) {
        cr_assert(used[i] == 0);
    }
    assert_status(vpt_device_check(machine.device), VPT_OK);
    for (unsigned i = 0, found = 0; found == 0; i++) {
        cr_assert(i + sizeof(content) <= 38);
        found = memcmp(used + i, content, sizeof(content)) == 0;
    }
    disk_recover_and_end();
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
    /* With EVENT_IDX, none would come after one was missed. */
    static const struct variant flags = { 2, true, false, false, false };

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
