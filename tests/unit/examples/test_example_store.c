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

static void put(const char *key, const char *value)
{
    assert_store(store_put(&world.store, text_of(key), text_of(value)), STORE_OK);
}

static bool holds(const char *key, const char *value)
{
    struct text found;

    return store_get(&world.store, text_of(key), &found) == STORE_OK && text_equal(found, text_of(value));
}

/* A value that takes up to 4 sectors with a key of one letter, and fills them as far as that may be. */
static struct text long_value(uint32_t sectors)
{
    static char value[FORMAT_VALUE_MAX];
    size_t size = sectors * FORMAT_SECTOR - 21u;

    memset(value, 'v', sizeof(value));
    return (struct text){ value, size < sizeof(value) ? size : sizeof(value) };
}

Test(example_store, the_checksum_is_the_usual_crc_32)
{
    cr_assert(store_crc32("123456789", 9) == 0xcbf43926u);
    cr_assert(store_crc32("", 0) == 0);
}

/* ---- What it is for ---- */

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
        cr_assert(world.machine.blk.unflushed == 0, "answered for before it was durable");
        if (n % 3u == 0) {
            world_restart();
            cr_assert(model_holds(&model));
        }
    }
    cr_assert(world.store.header.generation > 4, "no compaction");
    cr_assert(world.storage.wakeups == world.storage.requests);
    world_end();
}

VERSION_TEST(example_store, the_longest_key_and_value)
{
    static char key[FORMAT_KEY_MAX];
    static char value[FORMAT_VALUE_MAX];
    struct text found;

    world_begin(variant, &plain);
    memset(key, 'k', sizeof(key));
    memset(value, 0xff, sizeof(value)); /* any byte may be in a value here; commands are stricter */
    assert_store(store_put(&world.store, (struct text){ key, sizeof(key) }, (struct text){ value, sizeof(value) }),
                 STORE_OK);
    put("empty", "");
    world_restart();
    assert_store(store_get(&world.store, (struct text){ key, sizeof(key) }, &found), STORE_OK);
    cr_assert(text_equal(found, (struct text){ value, sizeof(value) }));
    cr_assert(holds("empty", ""));
    assert_store(store_get(&world.store, (struct text){ key, sizeof(key) - 1u }, &found), STORE_MISSING);
    assert_store(store_put(&world.store, text_of("a"), (struct text){ value, sizeof(value) + 1u }), STORE_TOO_LONG);
    assert_store(store_put(&world.store, (struct text){ value, sizeof(key) + 1u }, text_of("a")), STORE_TOO_LONG);
    assert_store(store_put(&world.store, text_of(""), text_of("a")), STORE_TOO_LONG);
    assert_store(store_delete(&world.store, text_of("k")), STORE_MISSING);
    world_end();
}

VERSION_TEST(example_store, a_disk_without_a_cache_needs_no_flush)
{
    struct mock_machine_options options = plain;

    options.blk.flush = false;
    world_begin(variant, &options);
    put("a", "1");
    world_restart();
    cr_assert(holds("a", "1") && world.machine.blk.flushes == 0);
    world_end();
}

/* ---- Full ---- */

Test(example_store, a_full_disk_says_so_and_keeps_what_it_has)
{
    uint32_t records = AREA_SECTORS / 4u;
    struct text found;

    world_begin(&version_2, &plain);
    for (char key = 'a'; key < (char)('a' + records); key++) {
        assert_store(store_put(&world.store, (struct text){ &key, 1 }, long_value(4)), STORE_OK);
    }
    cr_assert(world.store.end == AREA_SECTORS);
    assert_store(store_put(&world.store, text_of("z"), text_of("")), STORE_FULL);
    assert_store(store_put(&world.store, text_of("a"), long_value(4)), STORE_OK); /* takes the place of the other */
    assert_store(store_put(&world.store, text_of("a"), text_of("short")), STORE_OK);
    assert_store(store_put(&world.store, text_of("z"), long_value(4)), STORE_FULL);
    assert_store(store_put(&world.store, text_of("z"), long_value(3)), STORE_OK);
    assert_store(store_put(&world.store, text_of("y"), text_of("")), STORE_FULL);
    assert_store(store_delete(&world.store, text_of("b")), STORE_OK);
    assert_store(store_put(&world.store, text_of("y"), long_value(4)), STORE_OK);
    world_restart();
    cr_assert(holds("a", "short"));
    assert_store(store_get(&world.store, text_of("b"), &found), STORE_MISSING);
    for (const char *key = "cdefghijyz"; *key != '\0'; key++) {
        assert_store(store_get(&world.store, (struct text){ key, 1 }, &found), STORE_OK);
        cr_assert(text_equal(found, long_value(*key == 'z' ? 3 : 4)));
    }
    world_end();
}

Test(example_store, a_full_index_says_so)
{
    world_begin(&version_2, &plain);
    for (char key = 'a'; key < (char)('a' + WORLD_ENTRIES); key++) {
        assert_store(store_put(&world.store, (struct text){ &key, 1 }, text_of("x")), STORE_OK);
    }
    assert_store(store_put(&world.store, text_of("z"), text_of("x")), STORE_TOO_MANY_KEYS);
    put("a", "another value of a key that is there");
    assert_store(store_delete(&world.store, text_of("b")), STORE_OK);
    put("z", "x");
    world_restart();
    cr_assert(holds("z", "x") && world.store.count == WORLD_ENTRIES);
    world_restart();
    world.store.entries_max = WORLD_ENTRIES - 1u;
    assert_store(store_open(&world.store), STORE_TOO_MANY_KEYS); /* and nothing is thrown away */
    world_restart();
    cr_assert(holds("z", "x") && holds("a", "another value of a key that is there"));
    world_end();
}

/* ---- Damage ---- */

/* Whatever of the last record has changed, it is as if it had not been written, and those before it are there. */
Test(example_store, a_changed_bit_of_the_last_record_makes_it_no_record)
{
    world_begin(&version_2, &plain);
    put("a", "1");
    put("b", "2");
    put("c", "33");
    for (unsigned bit = 0; bit < 8u * 23u; bit++) {
        struct text found;

        area_sector(2)[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
        world_restart();
        assert_store(store_get(&world.store, text_of("c"), &found), STORE_MISSING);
        cr_assert(holds("a", "1") && holds("b", "2"));
        cr_assert(world.store.torn && world.store.recovered == 2 && world.store.end == 2, "bit %u", bit);
        area_sector(2)[bit / 8u] ^= (uint8_t)(1u << bit % 8u);
    }
    world_restart();
    cr_assert(holds("c", "33") && !world.store.torn);
    world_end();
}

/* That cannot be the end of the log, since what follows was written after it was durable. */
Test(example_store, a_damaged_record_before_the_last_is_told)
{
    struct text found;

    world_begin(&version_2, &plain);
    put("a", "1");
    put("b", "2");
    assert_store(store_put(&world.store, text_of("c"), long_value(4)), STORE_OK);
    for (uint32_t position = 0; position < 2; position++) {
        area_sector(position)[20] ^= 1u;
        assert_store(store_get(&world.store, text_of(position == 0 ? "a" : "b"), &found), STORE_DAMAGED);
        world_restart();
        assert_store(store_get(&world.store, text_of("c"), &found), STORE_DAMAGED);
        assert_store(store_put(&world.store, text_of("d"), text_of("4")), STORE_DAMAGED);
        area_sector(position)[20] ^= 1u;
    }
    world_restart();
    cr_assert(holds("a", "1") && holds("b", "2"));
    area_sector(1)[20] ^= 1u;
    world_restart();
    assert_store(store_format(&world.store), STORE_OK);
    assert_store(store_get(&world.store, text_of("a"), &found), STORE_MISSING);
    world_end();
}

/* As a write that went to a wrong place would leave it. */
Test(example_store, a_record_that_is_not_due_is_none)
{
    world_begin(&version_2, &plain);
    put("a", "1");
    put("a", "2");
    memcpy(area_sector(2), area_sector(0), FORMAT_SECTOR);
    world_restart();
    assert_store(store_open(&world.store), STORE_DAMAGED);
    memset(area_sector(2), 0, FORMAT_SECTOR);
    world_restart();
    cr_assert(holds("a", "2"));
    world_end();
}

Test(example_store, compaction_does_not_carry_damage_over)
{
    uint64_t generation;

    world_begin(&version_2, &plain);
    put("a", "1");
    put("b", "2");
    generation = world.store.header.generation;
    while (world.store.end < AREA_SECTORS) {
        put("c", "3");
    }
    area_sector(0)[21] ^= 1u;
    assert_store(store_put(&world.store, text_of("d"), text_of("4")), STORE_DAMAGED);
    cr_assert(holds("b", "2") && holds("c", "3") && world.store.header.generation == generation);
    put("a", "anew"); /* which leaves out what is damaged */
    cr_assert(world.store.header.generation == generation + 1u);
    world_restart();
    cr_assert(holds("a", "anew") && holds("b", "2") && holds("c", "3"));
    world_end();
}

/* After a compaction the older header is gone: a damaged header never brings an older state back. */
Test(example_store, a_damaged_header_is_told)
{
    world_begin(&version_2, &plain);
    put("a", "1");
    for (unsigned i = 0; i < 2; i++) {
        uint64_t generation = world.store.header.generation;

        for (unsigned byte = 0; byte < 44; byte++) {
            sector((generation & 1u) * FORMAT_HEADER_SECTORS)[byte] ^= 0x80u;
            world_restart();
            assert_store(store_open(&world.store), STORE_NONE);
            assert_store(store_put(&world.store, text_of("a"), text_of("2")), STORE_NONE);
            sector((generation & 1u) * FORMAT_HEADER_SECTORS)[byte] ^= 0x80u;
        }
        world_restart();
        do {
            put("a", "1");
        } while (world.store.header.generation == generation);
    }
    cr_assert(world.store.header.generation == 4);
    world_restart();
    cr_assert(holds("a", "1"));
    assert_store(store_format(&world.store), STORE_THERE);
    cr_assert(holds("a", "1"));
    world_end();
}

Test(example_store, what_is_no_store_is_left_alone)
{
    static uint8_t before[FORMAT_SECTOR];

    world_begin(&version_2, &plain);
    memset(sector(0), 0x5a, 3 * FORMAT_SECTOR);
    memcpy(before, sector(0), sizeof(before));
    assert_store(store_put(&world.store, text_of("a"), text_of("1")), STORE_NONE);
    cr_assert(world.machine.blk.writes == 0 && memcmp(before, sector(0), sizeof(before)) == 0);
    assert_store(store_format(&world.store), STORE_OK);
    put("a", "1");
    world_restart();
    cr_assert(holds("a", "1"));
    world_end();
}

static void check_unfit(const struct mock_machine_options *options)
{
    world_begin(&version_2, options);
    assert_store(store_put(&world.store, text_of("a"), text_of("1")), STORE_UNFIT);
    assert_store(store_format(&world.store), STORE_UNFIT);
    cr_assert(world.machine.blk.writes == 0);
    world_end();
}

Test(example_store, an_unfit_disk_is_not_touched)
{
    struct mock_machine_options options = plain;

    options.blk.capacity = FORMAT_AREAS_FIRST + 2u * FORMAT_AREA_MIN - 1u;
    check_unfit(&options);
    options.blk.capacity = 5;
    check_unfit(&options);
    options = plain;
    options.blk.read_only = true;
    check_unfit(&options);
    options = plain;
    options.blk.block_size = 2u * FORMAT_UNIT_MAX * FORMAT_SECTOR;
    check_unfit(&options);
}

Test(example_store, a_disk_that_has_shrunk_or_has_larger_blocks_is_unfit)
{
    struct mock_machine_options options = plain;

    world_begin(&version_2, &plain);
    put("a", "1");
    world_end();
    options.blk.capacity -= 2;
    world_begin_again(&version_2, &options);
    assert_store(store_open(&world.store), STORE_UNFIT);
    world_end();
    options = plain;
    options.blk.block_size = 1024;
    world_begin_again(&version_2, &options);
    assert_store(store_open(&world.store), STORE_UNFIT);
    world_end();
    options = plain;
    options.blk.capacity += 100;
    world_begin_again(&version_2, &options);
    cr_assert(holds("a", "1"));
    world_end();
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

    world_begin(&version_2, &plain);
    assert_store(store_open(&world.store), STORE_OK);
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

static void check_failures(enum mock_fault fault, enum vpt_status cause, uint32_t step)
{
    uint32_t n = 1;

    while (check_failure(fault, n, cause)) {
        n += step;
    }
    cr_assert(n > 2u * HISTORY);
}

Test(example_store, a_request_that_fails_is_not_answered_with_ok)
{
    check_failures(MOCK_FAULT_IO_ERROR, VPT_DEVICE_IO_ERROR, 1);
}

Test(example_store, nor_is_one_without_a_status_or_of_an_unknown_kind)
{
    check_failures(MOCK_FAULT_STATUS_MISSING, VPT_DEVICE_REQUEST_STATUS, 3);
    check_failures(MOCK_FAULT_UNSUPPORTED, VPT_UNSUPPORTED_REQUEST, 3);
}

Test(example_store, nor_is_one_that_does_not_come_back)
{
    check_failures(MOCK_FAULT_COMPLETION_LOST, VPT_DEVICE_TIMEOUT, 3);
    check_failures(MOCK_FAULT_NEEDS_RESET, VPT_DEVICE_TIMEOUT, 3);
    check_failures(MOCK_FAULT_USED_ID_RANGE, VPT_DEVICE_USED_ID, 3);
}

Test(example_store, a_disk_that_does_not_recover_fails_every_time)
{
    struct text found;

    world_begin(&version_2, &plain);
    put("a", "1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_store(store_put(&world.store, text_of("a"), text_of("2")), STORE_DISK);
        assert_store(store_get(&world.store, text_of("a"), &found), STORE_DISK);
    }
    mock_fault_clear(&world.machine.device.faults, MOCK_FAULT_IO_ERROR);
    cr_assert(holds("a", "1"));
    world_end();
}

Test(example_store, a_disk_that_is_gone_stays_gone)
{
    world_begin(&version_2, &plain);
    put("a", "1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_VANISH, 1, 1, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_store(store_put(&world.store, text_of("a"), text_of("2")), STORE_DISK);
    }
    assert_status(world.store.cause, VPT_DEVICE_GONE);
}

/* Its buffer is the disk's as long as that has not been reset: nothing may be put there. */
Test(example_store, a_disk_that_does_not_let_go_is_left_alone)
{
    uint64_t requests;

    world_begin(&version_2, &plain);
    put("a", "1");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0);
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_store(store_put(&world.store, text_of("a"), text_of("2")), STORE_DISK);
    requests = world.storage.requests;
    memset(world.buffer, 0xcc, sizeof(world.buffer));
    assert_store(store_put(&world.store, text_of("a"), text_of("3")), STORE_DISK);
    cr_assert(world.storage.requests == requests && world.storage.stuck);
    assert_status(world.store.cause, VPT_DEVICE_STUCK);
    for (size_t i = 0; i < sizeof(world.buffer); i++) {
        cr_assert(world.buffer[i] == 0xcc);
    }
}
