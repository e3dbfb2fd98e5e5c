/* SPDX-License-Identifier: MIT */
/* The queue's two full fences on an emulated CPU, where each is a read of the device's status, and on others. */
#include "disk.h"

#include "../../../src/access.h" /* for what CPUID says, which no test can choose */
#include "hand.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <string.h>
#endif

TestSuite(queue_fence, .timeout = 60);

static bool runs_on_tcg(void)
{
#if defined(__x86_64__) || defined(__i386__)
    char name[12];
    unsigned leaf;
    unsigned words[3];

    __cpuid(0x40000000u, leaf, words[0], words[1], words[2]);
    memcpy(name, words, sizeof(name));
    return memcmp(name, "TCGTCGTCGTCG", sizeof(name)) == 0;
#else
    return false;
#endif
}

/* ---- When: the device acts during the register access ---- */

static void (*act)(void);

static uint32_t acting_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    void (*now)(void) = act;

    (void)ctx;
    (void)mapping;
    cr_assert(width == 4);
    if (offset == R_STATUS && now != NULL) {
        act = NULL;
        now();
    }
    return hand_get(offset);
}

static void plain_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    (void)mapping;
    cr_assert(width == 4);
    hand_set(offset, value);
}

static void open_emulated(const struct variant *variant, uint32_t word_1)
{
    hand_negotiate(variant, word_1, 16);
    hand.port.emulated = true;
    hand.port.mmio_read = acting_read;
    hand.port.mmio_write = plain_write;
    assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
}

static void ask_for_kicks(void)
{
    cr_assert(hand_available_index() == 1, "the index is stored before");
    hand_used_flags(0);
    hand_available_event(0);
}

VARIANT_TEST(queue_fence, SPLIT_KICK_1_a_wish_that_comes_with_the_fence_is_seen)
{
    open_emulated(variant, 0);
    hand_used_flags(1);
    hand_available_event(0x8000);
    hand_add(NULL, true, 4);
    vpt_queue_publish(&hand.queue);
    act = ask_for_kicks;
    cr_assert(vpt_queue_kick_prepare(&hand.queue), "the wish is loaded after");
    cr_assert(act == NULL);
}

static void use_one(void)
{
    cr_assert(hand_available_flags() == 0);
    cr_assert(!hand_event_idx() || hand_used_event() == hand.index, "the event is stored before");
    hand_use(hand_take(), 4);
}

VARIANT_TEST(queue_fence, D_SPLIT_6_what_is_used_with_the_fence_is_found)
{
    open_emulated(variant, 0);
    for (unsigned i = 0; i < 3; i++) {
        hand_add(NULL, true, 4);
    }
    vpt_queue_publish(&hand.queue);
    use_one();
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
    if (variant->event_idx) {
        act = use_one;
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        cr_assert(act == NULL);
    }
    vpt_queue_notifications_off(&hand.queue);
    act = use_one;
    cr_assert(vpt_queue_notifications_on(&hand.queue));
    cr_assert(act == NULL);
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_EMPTY);
    vpt_queue_notifications_off(&hand.queue);
    cr_assert(!vpt_queue_notifications_on(&hand.queue), "the fence leaves them on");
}

/* Who turns them on until nothing is left must come to an end. */
VARIANT_TEST(queue_fence, of_a_dead_queue_nothing_is_left_to_pop)
{
    open_emulated(variant, 0);
    hand_add(NULL, true, 4);
    vpt_queue_publish(&hand.queue);
    hand_use(15, 4);
    assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_ID);
    cr_assert(vpt_queue_has_used(&hand.queue));
    cr_assert(!vpt_queue_notifications_on(&hand.queue));
}

static void claim_too_much(void)
{
    hand_show((uint16_t)(hand.index + 17u));
}

/* The look behind the fence ends a queue as the one before it does, in whatever order requests come back. */
Test(queue_fence, a_lie_that_comes_with_the_fence_stops_the_queue)
{
    const struct variant variant = { 2, false, true, false, false };

    for (unsigned in_order = 0; in_order < 2; in_order++) {
        open_emulated(&variant, in_order != 0 ? 1u << (VPT_F_IN_ORDER - 32u) : 0);
        hand_offer(2);
        use_one();
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_OK);
        act = claim_too_much;
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_INDEX);
        cr_assert(act == NULL);
        assert_status(vpt_queue_status(&hand.queue), VPT_DEVICE_USED_INDEX);
        hand_show(hand.index);
        assert_status(vpt_queue_pop(&hand.queue, NULL, NULL), VPT_DEVICE_USED_INDEX);
    }
}

/* ---- Where: on every interface, and nowhere else ---- */

static void start(enum machine_kind kind, bool emulated)
{
    pair_machine(kind, NULL);
    machine.port->emulated = emulated;
    assert_status(disk_bring_up(NULL), VPT_OK);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    machine_trace();
}

/* Whether so many accesses were made since the last time, of which the reads are of the status register. */
static bool made(unsigned reads, unsigned writes)
{
    const size_t doorbells = writes;
    const struct machine_registers *registers = machine_registers();
    const struct mock_pci_access *access;
    size_t looks = machine_traced(registers->structure, false, registers->status);
    size_t all = 0;

    for (; (access = machine_access_at(all)) != NULL; all++) {
        writes -= access->write ? 1u : 0u;
    }
    machine_trace();
    return writes == 0 && looks == reads && all == reads + doorbells;
}

static void use_queue(struct vpt_blk_queue *disk, unsigned fence)
{
    const struct vpt_segment segment = { machine.data.device_address, SECTOR };
    const struct vpt_blk_request request = { .operation = VPT_BLK_READ, .segments = &segment, .segment_count = 1 };
    struct vpt_queue *queue = &disk->requests.queue;
    struct vpt_completion completion;

    machine_trace();
    assert_status(vpt_blk_submit(disk, &request, NULL), VPT_OK);
    cr_assert(made(0, 0));
    vpt_queue_publish(queue);
    cr_assert(made(0, 0));
    cr_assert(vpt_queue_kick_prepare(queue));
    cr_assert(made(fence, 0), "before a kick decision");
    cr_assert(!vpt_queue_kick_prepare(queue));
    cr_assert(made(0, 0), "nothing to decide");
    assert_status(vpt_queue_notify(queue), VPT_OK);
    cr_assert(made(0, 1), "the doorbell");
    assert_status(vpt_requests_poll(&disk->requests, &completion), VPT_EMPTY);
    cr_assert(made(0, 0), "armed since the set-up");
    cr_assert(mock_device_run(machine.model, 1) == 1);
    assert_status(vpt_requests_poll(&disk->requests, &completion), VPT_OK);
    cr_assert(made(0, 0));
    assert_status(vpt_requests_poll(&disk->requests, &completion), VPT_EMPTY);
    cr_assert(made(fence, 0), "drained, and armed");
    assert_status(vpt_requests_poll(&disk->requests, &completion), VPT_EMPTY);
    cr_assert(made(0, 0), "armed already");
    vpt_requests_notifications_off(&disk->requests);
    cr_assert(made(0, 0));
    cr_assert(!vpt_requests_notifications_on(&disk->requests));
    cr_assert(made(fence, 0), "turned on");
    cr_assert(!vpt_queue_has_used(queue));
    cr_assert(made(0, 0));
    assert_status(vpt_blk_submit(disk, &request, NULL), VPT_OK);
    assert_status(vpt_requests_kick(&disk->requests), VPT_OK);
    cr_assert(made(fence, 1), "a whole kick");
    cr_assert(mock_device_run(machine.model, 1) == 1);
    assert_status(vpt_requests_poll(&disk->requests, &completion), VPT_OK);
}

TRANSPORT_TEST(queue_fence, SPLIT_KICK_1_a_register_access_where_the_port_says_emulated_and_none_elsewhere)
{
    for (unsigned emulated = 0; emulated < 2; emulated++) {
        start(variant->kind, emulated != 0);
        cr_assert(vpt_features_has(&machine.device->features, VPT_F_EVENT_IDX));
        for (unsigned i = 0; i < DISK_QUEUES; i++) {
            use_queue(&disk.queue[i], emulated != 0 || runs_on_tcg() ? 1 : 0);
        }
        disk_end();
    }
}

/* ---- Who: x86's CPUID ---- */

Test(queue_fence, cpuid_tells_tcg_from_others)
{
    static const struct {
        char name[13];
        bool tcg;
    } cpus[] = { { "TCGTCGTCGTCG", true },  { "KVMKVMKVM\0\0\0", false }, { "Microsoft Hv", false },
                 { "VMwareVMware", false }, { "XenVMMXenVMM", false },    { "", false } };

    for (size_t i = 0; i < COUNT_OF(cpus); i++) {
        const uint8_t *name = (const uint8_t *)cpus[i].name;
        uint32_t beginning = name[0] | (uint32_t)name[1] << 8 | (uint32_t)name[2] << 16 | (uint32_t)name[3] << 24;

        cr_assert(vpt_cpu_is_tcg(beginning) == cpus[i].tcg, "%s", cpus[i].name);
    }
}

Test(queue_fence, a_set_up_asks_the_cpu)
{
    hand_open(&version_2, 0, 16);
    cr_assert(hand.queue.emulated == runs_on_tcg());
    cr_assert(vpt_cpu_is_tcg(vpt_cpuid_hypervisor()) == runs_on_tcg());
}
