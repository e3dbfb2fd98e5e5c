/* SPDX-License-Identifier: MIT */
#include "hand.h"

#include <string.h>

#include "order.h"

#define LEGACY_RINGS VPT_QUEUE_RINGS_SIZE(HAND_SIZE_MAX, VPT_QUEUE_RINGS_ALIGNMENT)

struct hand hand;

static _Alignas(4096) uint8_t rings[LEGACY_RINGS];
static _Alignas(16) uint8_t tables[VPT_QUEUE_INDIRECT_SIZE(HAND_TABLES, HAND_SEGMENTS)];
static _Alignas(8) uint8_t private_state[VPT_QUEUE_PRIVATE_SIZE(HAND_SIZE_MAX, HAND_TABLES)];

void hand_set(size_t offset, uint32_t value)
{
    mock_store(&hand.registers[offset], 4, value, false);
}

uint32_t hand_get(size_t offset)
{
    return (uint32_t)mock_load(&hand.registers[offset], 4, false);
}

void hand_registers(const struct variant *variant, uint32_t word_1, uint32_t maximum)
{
    uint32_t features = word_1;

    memset(&hand, 0, sizeof(hand));
    hand.device = &hand.mmio.device;
    hand.native = variant->version == 1;
    /* Plain memory reads the same for every selector: the words are laid over each other. */
    if (variant->version == 2) {
        features |= 1u << (VPT_F_VERSION_1 - 32u);
    }
    features |= variant->indirect ? 1u << VPT_F_INDIRECT_DESC : 0u;
    features |= variant->event_idx ? 1u << VPT_F_EVENT_IDX : 0u;
    hand_set(R_MAGIC, 0x74726976u);
    hand_set(R_VERSION, variant->version);
    hand_set(R_DEVICE_ID, BENCH_TYPE);
    hand_set(R_VENDOR_ID, 0x11223344u);
    hand_set(R_DEV_FEATURES, features);
    hand_set(R_QUEUE_MAXIMUM, maximum);
    hand_set(R_NOTIFY, HAND_NO_KICK);
}

void hand_negotiate(const struct variant *variant, uint32_t word_1, uint16_t size)
{

    hand_registers(variant, word_1, HAND_SIZE_MAX);
    hand.size = size;
    hand.descriptors = rings;
    hand.available = rings + VPT_QUEUE_DESCRIPTOR_AREA_SIZE(size);
    hand.used = rings + VPT_QUEUE_RINGS_SIZE(size, VPT_QUEUE_RINGS_ALIGNMENT) - VPT_QUEUE_DEVICE_AREA_SIZE(size);
    hand.config.size = size;
    hand.config.indirect_tables = HAND_TABLES;
    hand.config.indirect_segments = HAND_SEGMENTS;
    hand.config.memory.rings = (struct vpt_memory){ rings, HAND_RINGS_ADDRESS, sizeof(rings) };
    hand.config.memory.indirect = (struct vpt_memory){ tables, HAND_TABLES_ADDRESS, sizeof(tables) };
    hand.config.memory.private_state = (struct vpt_memory){ private_state, 0, sizeof(private_state) };
    assert_status(vpt_mmio_probe(&hand.mmio, &hand.port, hand.registers, sizeof(hand.registers)), VPT_OK);
    assert_status(vpt_device_negotiate(hand.device, NULL, NULL, NULL), VPT_OK);
}

void hand_open(const struct variant *variant, uint32_t word_1, uint16_t size)
{
    hand_negotiate(variant, word_1, size);
    assert_status(vpt_queue_init(&hand.queue, hand.device, &hand.config), VPT_OK);
    assert_status(vpt_device_start(hand.device), VPT_OK);
}

uint32_t hand_kicked(void)
{
    uint32_t value = hand_get(R_NOTIFY);

    hand_set(R_NOTIFY, HAND_NO_KICK);
    return value;
}

static uint16_t load16(const uint8_t *at)
{
    return (uint16_t)mock_load(at, 2, hand.native);
}

struct hand_descriptor hand_descriptor_of(const uint8_t *table, uint16_t index)
{
    const uint8_t *at = table + 16u * (size_t)index;

    return (struct hand_descriptor){ mock_load(at, 8, hand.native), (uint32_t)mock_load(at + 8, 4, hand.native),
                                     load16(at + 12), load16(at + 14) };
}

struct hand_descriptor hand_descriptor(uint16_t index)
{
    return hand_descriptor_of(hand.descriptors, index);
}

uint16_t hand_available_flags(void)
{
    return load16(hand.available);
}

uint16_t hand_available_index(void)
{
    return load16(hand.available + 2);
}

bool hand_event_idx(void)
{
    return (hand.queue.features[0] & 1u << VPT_F_EVENT_IDX) != 0;
}

uint16_t hand_used_event(void)
{
    return load16(hand.available + 4u + 2u * (size_t)hand.size);
}

uint16_t hand_take(void)
{
    size_t place = hand.taken % hand.size;

    cr_assert(hand_available_index() != hand.taken, "nothing is available");
    hand.taken++;
    return load16(hand.available + 4u + 2u * place);
}

void hand_element(uint32_t id, uint32_t length)
{
    uint8_t *at = hand.used + 4u + 8u * (size_t)(hand.index % hand.size);

    mock_store(at, 4, id, hand.native);
    mock_store(at + 4, 4, length, hand.native);
    hand.index++;
}

void hand_show(uint16_t index)
{
    mock_store(hand.used + 2, 2, index, hand.native);
}

void hand_use(uint32_t id, uint32_t length)
{
    hand_element(id, length);
    hand_show(hand.index);
}

void hand_used_flags(uint16_t flags)
{
    mock_store(hand.used, 2, flags, hand.native);
}

void hand_available_event(uint16_t event)
{
    mock_store(hand.used + 4u + 8u * (size_t)hand.size, 2, event, hand.native);
}

void hand_add(void *token, bool writable, uint32_t length)
{
    struct vpt_segment segment = { UINT64_C(0xabcdef0012345678), length };

    assert_status(vpt_queue_add(&hand.queue, &segment, writable ? 0 : 1, writable ? 1 : 0, token), VPT_OK);
}

void hand_take_all(void)
{
    while (hand_available_index() != hand.taken) {
        hand_use(hand_take(), 0);
    }
    while (vpt_queue_pop(&hand.queue, NULL, NULL) == VPT_OK) {
    }
}

void hand_publish(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hand_add(NULL, false, 4);
        vpt_queue_publish(&hand.queue);
        hand_take_all();
    }
}
