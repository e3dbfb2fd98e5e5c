/* SPDX-License-Identifier: MIT */
/* The unikernel's store on a disk that keeps its power, but may fail, be too small or hold something else. */
#include "example_support.h"

#include <string.h>

#include "crc32.h"

TestSuite(example_store, .timeout = 60);

#define AREA_SECTORS 40u
#define HISTORY      120u

static const struct mock_machine_options plain = {
    .blk = { .capacity = FORMAT_AREAS_FIRST + 2u * AREA_SECTORS, .flush = true },
};

/* On the plain disk, with what these steps put there. */
static void begin(const char *steps)
{
    world_begin(&version_2, &plain);
    script(steps);
}

static uint8_t *sector(uint64_t number)
{
    return world.machine.blk.disk + number * FORMAT_SECTOR;
}

/* Of the area in use. */
static uint8_t *area_sector(uint32_t position)
{
    const struct header *header = &world.store.header;

    return sector(FORMAT_AREAS_FIRST + (header->generation & 1u) * header->area_sectors + position);
}

Test(example_store, the_checksum_is_the_usual_crc_32)
{
    assert_same(store_crc32("123456789", 9), 0xcbf43926u);
    assert_same(store_crc32("", 0), 0);
}

/* ---- What it is for ---- */

/* A change is durable before it is answered for. */
VARIANT_TEST(example_store, what_was_put_is_there_also_after_a_restart)
{
    struct mock_machine_options options = plain;
    struct model model = { { 0 } };

    options.completion.mode = MOCK_COMPLETE_BY_TICK;
    options.completion.delay = 3;
    world_begin(variant, &options);
    for (uint32_t n = 0; n < HISTORY; n++) {
        struct change change = change_number(n);

        assert_store(change_do(&change), STORE_OK);
        change_model(&model, &change);
        cr_assert(model_holds(&model));
        assert_same(world.machine.blk.unflushed, 0);
        if (n % 3u == 0) {
            world_restart();
            cr_assert(model_holds(&model));
        }
    }
    cr_assert(world.store.header.generation > 4, "no compaction");
    assert_same(world.storage.wakeups, world.storage.requests);
    world_end();
}

/* Any byte may be in a value here; commands are stricter. */
VERSION_TEST(example_store, the_longest_key_and_value_are_kept)
{
    static char key_bytes[FORMAT_KEY_MAX + 1u];
    static char value_bytes[FORMAT_VALUE_MAX + 1u];
    struct text key = { key_bytes, FORMAT_KEY_MAX };
    struct text value = { value_bytes, FORMAT_VALUE_MAX };
    struct text found;

    world_begin(variant, &plain);
    memset(key_bytes, 'k', sizeof(key_bytes));
    memset(value_bytes, 0xff, sizeof(value_bytes));
    assert_store(store_put(&world.store, key, value), STORE_OK);
    script("put empty; restart");
    assert_store(store_get(&world.store, key, &found), STORE_OK);
    cr_assert(text_equal(found, value));
    script("get empty");
    key.size--;
    assert_store(store_get(&world.store, key, &found), STORE_MISSING);
    key.size += 2;
    value.size++;
    assert_store(store_put(&world.store, key, text_of("a")), STORE_TOO_LONG);
    assert_store(store_put(&world.store, text_of("a"), value), STORE_TOO_LONG);
    assert_store(store_put(&world.store, text_of(""), text_of("a")), STORE_TOO_LONG);
    script("delete k !missing");
    world_end();
}

VERSION_TEST(example_store, a_disk_without_a_cache_needs_no_flush)
{
    struct mock_machine_options options = plain;

    options.blk.flush = false;
    world_begin(variant, &options);
    script("put a 1; restart; get a 1");
    assert_same(world.machine.blk.flushes, 0);
    world_end();
}

/* ---- Full ---- */

Test(example_store, a_full_disk_says_so_and_keeps_what_it_has)
{
    begin("put a #4; put b #4; put c #4; put d #4; put e #4; put f #4; put g #4; put h #4; put i #4; put j #4");
    assert_same(world.store.end, AREA_SECTORS);
    script("put z !full");
    script("put a #4; put a short"); /* takes the place of the other */
    script("put z #4 !full; put z #3; put y !full; delete b; put y #4; restart; get a short; get b !missing");
    script("get c #4; get d #4; get e #4; get f #4; get g #4; get h #4; get i #4; get j #4; get y #4; get z #3");
    world_end();
}

/* When the index is smaller than what the disk holds, nothing is thrown away. */
Test(example_store, a_full_index_says_so)
{
    begin("");
    for (char key = 'a'; key < (char)('a' + WORLD_ENTRIES); key++) {
        assert_store(store_put(&world.store, (struct text){ &key, 1 }, text_of("x")), STORE_OK);
    }
    script("put z x !many; put a another; delete b; put z x; restart; get z x");
    assert_same(world.store.count, WORLD_ENTRIES);
    world_restart();
    world.store.entries_max = WORLD_ENTRIES - 1u;
    script("open !many; restart; get z x; get a another");
    world_end();
}

/* ---- Damage ---- */

/* Whatever of the last record has changed, it is as if it had not been written, and those before it are there. */
Test(example_store, a_changed_bit_of_the_last_record_makes_it_no_record)
{
    begin("put a 1; put b 2; put c 33");
    for (unsigned bit = 0; bit < 8u * 23u; bit++) {
        area_sector(2)[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
        script("restart; get c !missing; get a 1; get b 2");
        cr_assert(world.store.torn && world.store.recovered == 2 && world.store.end == 2, "bit %u", bit);
        area_sector(2)[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
    }
    script("restart; get c 33");
    cr_assert(!world.store.torn);
    world_end();
}

/* That cannot be the end of the log, since what follows was written after it was durable. */
Test(example_store, a_damaged_record_before_the_last_is_told)
{
    begin("put a 1; put b 2; put c #4");
    for (uint32_t position = 0; position < 2; position++) {
        area_sector(position)[20] ^= 1u;
        script(position == 0 ? "get a !damaged" : "get b !damaged");
        script("restart; get c !damaged; put d 4 !damaged");
        area_sector(position)[20] ^= 1u;
    }
    script("restart; get a 1; get b 2");
    area_sector(1)[20] ^= 1u;
    script("restart; format; get a !missing");
    world_end();
}

/* As a write that went to a wrong place would leave it. */
Test(example_store, a_record_that_is_not_due_is_none)
{
    begin("put a 1; put a 2");
    memcpy(area_sector(2), area_sector(0), FORMAT_SECTOR);
    script("restart; open !damaged");
    memset(area_sector(2), 0, FORMAT_SECTOR);
    script("restart; get a 2");
    world_end();
}

/* A record that is damaged stops a compaction, but for one that leaves it out. */
Test(example_store, compaction_does_not_carry_damage_over)
{
    uint64_t generation;

    begin("put a 1; put b 2");
    generation = world.store.header.generation;
    while (world.store.end < AREA_SECTORS) {
        script("put c 3");
    }
    area_sector(0)[21] ^= 1u;
    script("put d 4 !damaged; get b 2; get c 3");
    assert_same(world.store.header.generation, generation);
    script("put a anew");
    assert_same(world.store.header.generation, generation + 1u);
    script("restart; get a anew; get b 2; get c 3");
    world_end();
}

/* After a compaction the older header is gone: a damaged header never brings an older state back. */
Test(example_store, a_damaged_header_is_told)
{
    begin("put a 1");
    for (unsigned i = 0; i < 2; i++) {
        uint64_t generation = world.store.header.generation;

        for (unsigned byte = 0; byte < 44; byte++) {
            sector((generation & 1u) * FORMAT_HEADER_SECTORS)[byte] ^= 0x80u;
            script("restart; open !none; put a 2 !none");
            sector((generation & 1u) * FORMAT_HEADER_SECTORS)[byte] ^= 0x80u;
        }
        world_restart();
        do {
            script("put a 1");
        } while (world.store.header.generation == generation);
    }
    assert_same(world.store.header.generation, 4);
    script("restart; get a 1; format !there; get a 1");
    world_end();
}

Test(example_store, what_is_no_store_is_left_alone)
{
    static uint8_t before[FORMAT_SECTOR];

    begin("");
    memset(sector(0), 0x5a, 3 * FORMAT_SECTOR);
    memcpy(before, sector(0), sizeof(before));
    script("put a 1 !none");
    assert_same(world.machine.blk.writes, 0);
    cr_assert(memcmp(before, sector(0), sizeof(before)) == 0);
    script("format; put a 1; restart; get a 1");
    world_end();
}

static void check_unfit(uint64_t capacity, uint32_t block_size, bool read_only)
{
    struct mock_machine_options options = plain;

    options.blk.capacity = capacity;
    options.blk.block_size = block_size;
    options.blk.read_only = read_only;
    world_begin(&version_2, &options);
    script("put a 1 !unfit; format !unfit");
    assert_same(world.machine.blk.writes, 0);
    world_end();
}

Test(example_store, an_unfit_disk_is_not_touched)
{
    check_unfit(FORMAT_AREAS_FIRST + 2u * FORMAT_AREA_MIN - 1u, 0, false);
    check_unfit(5, 0, false);
    check_unfit(plain.blk.capacity, 0, true);
    check_unfit(plain.blk.capacity, 2u * FORMAT_UNIT_MAX * FORMAT_SECTOR, false);
}

/* The same disk, as large as that and with blocks of that size. */
static void check_changed(uint64_t capacity, uint32_t block_size, const char *steps)
{
    struct mock_machine_options options = plain;

    options.blk.capacity = capacity;
    options.blk.block_size = block_size;
    world_begin_again(&version_2, &options);
    script(steps);
    world_end();
}

Test(example_store, a_disk_that_has_shrunk_or_has_larger_blocks_is_unfit)
{
    begin("put a 1");
    world_end();
    check_changed(plain.blk.capacity - 2, 0, "open !unfit");
    check_changed(plain.blk.capacity, 1024, "open !unfit");
    check_changed(plain.blk.capacity + 100, 0, "get a 1");
}

/* ---- Failures of the disk ---- */

/* Whether a change that has failed was made is unknown before the store has looked. */
static void learn(struct model *model, const struct change *change)
{
    struct model after = *model;

    change_model(&after, change);
    if (!model_holds(model)) {
        cr_assert(model_holds(&after), "neither made nor not made");
        *model = after;
    }
}

/* A history in which the n-th request fails once; false: there is no such request. */
static bool check_failure(enum mock_fault fault, uint32_t n, enum vpt_status cause)
{
    struct model model = { { 0 } };
    unsigned failures = 0;
    bool fired;

    begin("open");
    mock_fault_set(&world.machine.device.faults, fault, n, 1, 0);
    for (uint32_t i = 0; i < HISTORY; i++) {
        struct change change = change_number(i);
        enum store_status status = change_do(&change);

        cr_assert(status == STORE_OK || status == STORE_DISK, "request %u: %d", (unsigned)n, (int)status);
        if (status == STORE_DISK) {
            assert_status(world.store.cause, cause);
            failures++;
            learn(&model, &change);
        } else {
            change_model(&model, &change);
        }
    }
    fired = mock_fault_fired(&world.machine.device.faults, fault) != 0;
    mock_fault_clear(&world.machine.device.faults, fault);
    cr_assert(failures == (fired ? 1u : 0u), "request %u has failed, but %u changes", (unsigned)n, failures);
    world_restart();
    cr_assert(model_holds(&model));
    world_end();
    return fired;
}

/* For each request of the history, or each `step`-th, and fewer in slow builds. */
static void check_failures(enum mock_fault fault, enum vpt_status cause, uint32_t step)
{
    uint32_t n = 1;

    while (check_failure(fault, n, cause)) {
        n += step * test_stride();
    }
    cr_assert(n > 2u * HISTORY);
}

Test(example_store, a_request_that_fails_is_not_answered_with_ok)
{
    check_failures(MOCK_FAULT_IO_ERROR, VPT_DEVICE_IO_ERROR, 1);
}

Test(example_store, nor_is_one_without_a_good_status_or_that_does_not_come_back)
{
    check_failures(MOCK_FAULT_STATUS_MISSING, VPT_DEVICE_REQUEST_STATUS, 3);
    check_failures(MOCK_FAULT_UNSUPPORTED, VPT_UNSUPPORTED_REQUEST, 3);
    check_failures(MOCK_FAULT_COMPLETION_LOST, VPT_DEVICE_TIMEOUT, 3);
    check_failures(MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_TIMEOUT, 3);
    check_failures(MOCK_FAULT_USED_ID_RANGE, VPT_DEVICE_USED_ID, 3);
}

Test(example_store, a_disk_that_does_not_recover_fails_every_time)
{
    begin("put a 1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
    for (unsigned i = 0; i < 5; i++) {
        script("put a 2 !disk; get a !disk");
    }
    mock_fault_clear(&world.machine.device.faults, MOCK_FAULT_IO_ERROR);
    script("get a 1");
    world_end();
}

Test(example_store, a_disk_that_is_gone_stays_gone)
{
    begin("put a 1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    script("put a 2 !disk; put a 2 !disk; put a 2 !disk");
    assert_status(world.store.cause, VPT_DEVICE_GONE);
}

/* Its buffer is the disk's as long as that has not been reset: nothing may be put there. */
Test(example_store, a_disk_that_does_not_let_go_is_left_alone)
{
    uint64_t requests;

    begin("put a 1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    script("put a 2 !disk");
    requests = world.storage.requests;
    memset(world.buffer, 0xcc, sizeof(world.buffer));
    script("put a 3 !disk");
    assert_same(world.storage.requests, requests);
    cr_assert(world.storage.stuck);
    assert_status(world.store.cause, VPT_DEVICE_STUCK);
    for (size_t i = 0; i < sizeof(world.buffer); i++) {
        assert_same(world.buffer[i], 0xcc);
    }
}
