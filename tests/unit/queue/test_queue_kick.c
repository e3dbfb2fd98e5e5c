/* SPDX-License-Identifier: MIT */
/* Kicks: whether the device is told, and what. */
#include "hand.h"

static struct vpt_queue queue;

/* ---- Every decision against a model ---- */

#define BATCH_MAX 1024u

/* By counting: whether the entry that the device names is among those published since. */
static bool named(uint64_t from, uint64_t to, uint16_t event)
{
    for (uint64_t i = from; i < to; i++) {
        if ((uint16_t)i == event) {
            return true;
        }
    }
    return false;
}

static uint64_t published;

/*
 * Publishes a batch in pieces, of which only the last decides. The decision, which is what the device asked for: by the
 * event alone where EVENT_IDX was negotiated, else by the flag alone.
 */
static bool decide(uint32_t batch, uint16_t event)
{
    uint64_t to = published + batch;
    uint16_t flags = (uint16_t)random_below(65536);
    bool wanted = hand_event_idx() ? named(published, to, event) : (flags & 1u) == 0;

    hand_used_flags(flags);
    hand_available_event(event);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue), "nothing new");
    if (batch > hand.size) {
        hand_publish(batch);
    } else {
        for (uint32_t i = 0; i < batch; i++) {
            hand_add(NULL, false, 4);
            if (random_below(3) == 0 || i + 1 == batch) {
                vpt_queue_publish(&hand.queue);
            }
        }
    }
    cr_assert(vpt_queue_kick_prepare(&hand.queue) == wanted, "batch [%" PRIu64 ", %" PRIu64 "), event %u, flags 0x%x",
              published, to, event, flags);
    published = to;
    hand_take_all();
    return wanted;
}

/* Events near the index, at the edges of what is to be published, and anywhere. */
static uint16_t random_event(uint32_t batch)
{
    uint64_t to = published + batch;

    switch (random_below(6)) {
    case 0: return (uint16_t)published;
    case 1: return (uint16_t)(published - 1u);
    case 2: return (uint16_t)(to - 1u);
    case 3: return (uint16_t)to;
    case 4: return (uint16_t)(published + random_below(batch + 1u));
    default: return (uint16_t)random_below(65536);
    }
}

/* Over three wraps of the index. */
static void decide_often(const struct variant *variant)
{
    static const uint32_t batches[] = { 1, 2, 3, 7, 32, 64, 255, 256, 257, 1000, 1024, 0 }; /* 0: random sizes */

    for (size_t i = 0; i < COUNT_OF(batches); i += test_stride()) {
        uint32_t kicks = 0;
        uint32_t decisions = 0;

        random_seed((uint32_t)i + 1);
        hand_open(variant, 0, BATCH_MAX);
        for (published = 0; published < 3 * 65536 + 5000; decisions++) {
            uint32_t batch = batches[i] != 0 ? batches[i] : 1u + random_below(BATCH_MAX);

            kicks += decide(batch, random_event(batch)) ? 1u : 0u;
        }
        cr_assert(kicks != 0 && kicks != decisions, "%u of %u", (unsigned)kicks, (unsigned)decisions);
    }
}

VERSION_TEST(queue_kick, SPLIT_ASUPP_4_kicks_without_event_idx_follow_the_flag)
{
    struct variant plain = { variant->version, variant->indirect, false, false, false };

    decide_often(&plain);
}

VERSION_TEST(queue_kick, SPLIT_ASUPP_5_kicks_with_event_idx_follow_the_event)
{
    decide_often(variant);
}

/* The device has asked for one far behind, and does not again: kicked once a round of 65536, when it is passed. */
VERSION_TEST(queue_kick, SPLIT_ASUPP_7_a_device_that_is_busy_is_left_alone)
{
    unsigned kicks = 0;

    hand_open(variant, 0, 64);
    published = 0;
    while (published < 3 * 65536) {
        kicks += decide(1, 0xfff0) ? 1u : 0u;
    }
    assert_same(kicks, 3);
}

/* From 65536 on every event is among them; just below, all but one. */
VERSION_TEST(queue_kick, SPLIT_ASUPP_6_more_published_than_an_index_can_count)
{
    static const uint32_t counts[] = { 65534, 65535, 65536, 65537, 70000, 131071, 131072, 131073, 200000 };
    static const uint16_t offsets[] = { 0, 0xffff, 0xfffe, 0x8000 };

    for (size_t i = 0; i < COUNT_OF(counts); i += test_stride()) {
        hand_open(variant, 0, 256);
        published = 0;
        for (unsigned round = 0; round < COUNT_OF(offsets); round++) {
            (void)decide(counts[i], (uint16_t)(published + offsets[round]));
            cr_assert(!decide(1, (uint16_t)(published + 1u)), "the count starts over");
        }
    }
}

/* ---- What a kick tells ---- */

/* Deciding and notifying may be done apart, the latter without the queue's lock. */
VARIANT_TEST(queue_kick, a_kick_in_its_steps)
{
    hand_open(variant, 0, 16);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue));
    hand_add(NULL, true, 4);
    cr_assert(!vpt_queue_kick_prepare(&hand.queue), "not published yet");
    vpt_queue_publish(&hand.queue);
    cr_assert(vpt_queue_kick_prepare(&hand.queue));
    assert_same(hand_kicked(), HAND_NO_KICK);
    assert_status(vpt_queue_notify(&hand.queue), VPT_OK);
    assert_same(hand_kicked(), 0);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    assert_same(hand_kicked(), HAND_NO_KICK);
    assert_same(vpt_queue_kicks(&hand.queue), 1);
    hand_available_event(1);
    hand_add(NULL, true, 4);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    assert_same(hand_kicked(), 0);
    assert_same(vpt_queue_kicks(&hand.queue), 2);
}

/* A device that always asks for the next buffer, as one that has caught up does, is kicked for each batch. */
static void keep_up(const struct variant *variant, uint16_t index, bool data)
{
    uint32_t done = 0;

    hand_negotiate(variant, data ? 1u << (VPT_F_NOTIFICATION_DATA - 32u) : 0, 64);
    hand.config.index = index;
    assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
    assert_same(vpt_features_has(&hand.device->features, VPT_F_NOTIFICATION_DATA), data);
    while (done < 3 * 65536 + 100) {
        uint32_t batch = 1 + done % 33;

        hand_available_event((uint16_t)done);
        for (uint32_t i = 0; i < batch; i++) {
            hand_add(NULL, false, 4);
        }
        done += batch;
        assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
        assert_same(hand_kicked(), data ? (done << 16) | index : index);
        hand_take_all();
    }
}

VARIANT_TEST(queue_kick, D_MMIO_2_a_kick_names_its_queue)
{
    static const uint16_t indexes[] = { 0, 1, 7, 255, 256, 65535 };

    for (size_t i = 0; i < COUNT_OF(indexes); i += test_stride()) {
        keep_up(variant, indexes[i], false);
    }
}

Test(queue_kick, D_NOTIFDATA_2_a_kick_tells_the_available_index)
{
    keep_up(&version_2, 5, true);
}

/* ---- Over the mock, which looks at a ring when it is kicked only: a lost kick is a request that stays ---- */

/* Stronger barriers, or a kick that tells more, change nothing. */
VARIANT_TEST(queue_kick, D_NOTIFDATA_1_kicks_are_neither_lost_nor_wasted)
{
    static const unsigned features[] = { VPT_F_EVENT_IDX, VPT_F_NOTIFICATION_DATA, VPT_F_ORDER_PLATFORM };

    for (size_t i = 0; i < (variant->version == 1 ? 1 : COUNT_OF(features)); i++) {
        struct mock_machine_options options = { .queues = 2 };
        struct vpt_queue_config config = { .index = 1, .size = 64, .indirect_tables = 64, .indirect_segments = 8 };
        uint32_t batches = 0;

        vpt_features_add(&options.offer, features[i]);
        plain_negotiate(variant, &options);
        cr_assert(i == 0 || vpt_features_has(&machine.device->features, features[i]));
        assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_OK);
        assert_status(vpt_device_start(machine.device), VPT_OK);
        for (uint32_t done = 0; done < 70000; batches++) {
            uint32_t batch = 1 + done % 64;

            queue_send(&queue, batch);
            queue_take(&queue, batch);
            done += batch;
        }
        assert_same(machine.model->kicks, batches);
        assert_same(machine.model->queues[1].idle_kicks, 0);
        plain_end(&queue);
    }
}

/* Which features a kick's value depends on, and the size of the ring. */
static const struct told {
    enum machine_kind kind;
    bool data;        /* NOTIFICATION_DATA */
    bool config_data; /* NOTIF_CONFIG_DATA */
    bool packed;
    uint16_t size;
} tolds[] = {
    { MACHINE_MMIO_2, false, false, false, 8 },    { MACHINE_MMIO_2, true, false, false, 8 },
    { MACHINE_MMIO_2, false, false, true, 5 },     { MACHINE_MMIO_2, true, false, true, 5 },
    { MACHINE_MMIO_2, true, false, true, 8 },      { MACHINE_PCI_MODERN, false, false, false, 8 },
    { MACHINE_PCI_MODERN, true, false, false, 8 }, { MACHINE_PCI_MODERN, false, true, false, 8 },
    { MACHINE_PCI_MODERN, true, true, false, 8 },  { MACHINE_PCI_MODERN, false, false, true, 5 },
    { MACHINE_PCI_MODERN, true, false, true, 5 },  { MACHINE_PCI_MODERN, false, true, true, 5 },
    { MACHINE_PCI_MODERN, true, true, true, 5 },   { MACHINE_PCI_MODERN, true, true, true, 8 },
};

#define TOLD_QUEUE 3u

static void open_told(const struct told *told, struct vpt_queue *queue)
{
    const struct variant variant = { 2, false, false, told->packed, false };
    const struct vpt_queue_config config = { .index = TOLD_QUEUE, .size = told->size };
    struct mock_pci_machine_options options = { .machine.queues = TOLD_QUEUE + 1u };

    if (told->data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIFICATION_DATA);
    }
    if (told->config_data) {
        vpt_features_add(&options.machine.offer, VPT_F_NOTIF_CONFIG_DATA);
    }
    plain_machine_on(told->kind, &variant, &options);
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_queue_init(queue, machine.device, &config), VPT_OK);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    assert_same(vpt_queue_size(queue), told->size);
}

static void assert_kick(const struct told *told, uint32_t upper)
{
    uint32_t lower = told->config_data ? machine.on_pci.modern.notify_data[TOLD_QUEUE] : TOLD_QUEUE;
    const struct mock_pci_access *kick = machine_on_pci()
                                             ? machine_access(MOCK_PCI_NOTIFY, true, 4u * TOLD_QUEUE, 0)
                                             : machine_access((enum mock_pci_structure)0, true, R_NOTIFY, 0);

    assert_same(kick->value, lower | (told->data ? upper << 16 : 0u));
    assert_same(kick->width, told->data || !machine_on_pci() ? 4 : 2);
}

/*
 * With data it is the available index, all 16 bits of it, or the entry behind the last one, with the wrap counter above
 * its 15 bits.
 */
Test(queue_kick, D_NOTIFDATA_1_D_NOTIFDATA_3_D_NOTIFDATA_4_PCI_KICK_2_PCI_KICK_4_PCI_KICK_5_PCI_KICK_6_what_is_told)
{
    for (size_t i = 0; i < COUNT_OF(tolds); i++) {
        const struct told *told = &tolds[i];
        uint32_t kicks = told->packed ? 60 : 17000; /* an index past 16 bits, by way of bit 15 */
        uint32_t requests = 0;
        uint32_t entry = 0;
        uint32_t wrap_counter = 1;

        open_told(told, &queue);
        for (uint32_t n = 0; n < kicks; n++) {
            unsigned batch = 4 - n % 2; /* not the same place in each lap */

            machine_trace();
            queue_send(&queue, batch);
            queue_take(&queue, batch);
            requests += batch;
            entry += batch;
            if (entry >= told->size) {
                entry -= told->size;
                wrap_counter ^= 1u;
            }
            assert_kick(told, told->packed ? wrap_counter << 15 | entry : requests & 0xffffu);
        }
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_close();
        machine_finish();
    }
}

/* Before anything is published, in the first life of a queue and in the next, the place is the ring's beginning. */
Test(queue_kick, D_NOTIFDATA_3_a_kick_without_a_request_tells_where_the_first_will_be)
{
    for (size_t i = 0; i < COUNT_OF(tolds); i++) {
        const struct told *told = &tolds[i];

        open_told(told, &queue);
        for (unsigned life = 0; life < 2; life++) {
            machine_trace();
            assert_status(vpt_queue_notify(&queue), VPT_OK);
            assert_kick(told, told->packed ? 1u << 15 : 0);
            queue_send(&queue, 3);
            queue_take(&queue, 3);
            assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
            assert_status(vpt_queue_restart(&queue), VPT_OK);
            assert_status(vpt_device_start(machine.device), VPT_OK);
        }
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_queue_release(&queue), VPT_OK);
        machine_close();
        machine_finish();
    }
}

STARTED_QUEUE_TEST(queue_kick, SPLIT_ASUPP_3_a_busy_device_is_not_kicked)
{
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned i = 0; i < 5; i++) {
        queue_send(&queue, 1);
    }
    assert_same(machine.model->kicks, 1);
    assert_same(mock_device_run(machine.model, 5), 5);
    queue_send(&queue, 1);
    assert_same(machine.model->kicks, 2);
}
