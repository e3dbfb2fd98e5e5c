/* SPDX-License-Identifier: MIT */
/*
 * The unikernel's store when the power goes: after each sector of a history of changes with compactions, and with each
 * choice, or many, of what the disk's cache has kept of what was not flushed. What has been answered for has to be
 * there; the change that was under way is made or not, as a whole.
 */
#include "example_support.h"

#include <string.h>

TestSuite(example_power, .timeout = 300);

#define AREA_SECTORS 24u
#define HISTORY      80u
#define ALL_CHOICES  4u  /* sectors that may be kept or not, of which every choice is tried */
#define SOME_CHOICES 16u /* else so many */

/* What is kept of a pending sector. */
enum fate {
    KEPT,
    LOST,
    MIXED /* the power went while it was written: all of its physical block is anything */
};

static struct mock_machine_options disk_of(uint32_t area_sectors, unsigned exponent)
{
    struct mock_machine_options options = { 0 };

    options.blk.capacity = FORMAT_AREAS_FIRST + 2u * area_sectors;
    options.blk.flush = true;
    options.blk.topology = exponent != 0;
    options.blk.block_size = exponent != 0 ? FORMAT_SECTOR : 0;
    options.blk.physical_exponent = (uint8_t)exponent;
    return options;
}

static void mix_block(uint64_t sector, unsigned exponent, uint32_t seed)
{
    uint8_t *block = world.durable + (sector >> exponent << exponent) * FORMAT_SECTOR;

    for (size_t i = 0; i < (size_t)FORMAT_SECTOR << exponent; i++) {
        seed = seed * 1664525u + 1013904223u;
        block[i] = (uint8_t)(seed >> 24);
    }
}

static void settle_sector(unsigned n, enum fate fate, uint32_t seed)
{
    uint64_t sector = world.pending[n].sector;

    if (fate == KEPT) {
        memcpy(world.durable + sector * FORMAT_SECTOR, world.pending[n].bytes, FORMAT_SECTOR);
    } else if (fate == MIXED) {
        mix_block(sector, world.options.blk.physical_exponent, seed);
    }
}

static uint32_t choices_of(unsigned count)
{
    return count <= ALL_CHOICES ? 2u << count : SOME_CHOICES;
}

/*
 * An odd choice mixes the last sector up. The others: of few each choice, bit by bit; of many none of them, all of them
 * and some at random.
 */
static void settle_disk(uint32_t choice, unsigned count)
{
    uint32_t random = choice / 2u;

    for (unsigned i = 0; i < count; i++) {
        bool kept = (random & 1u) != 0;

        if (count <= ALL_CHOICES) {
            random >>= 1;
        } else if (choice >= 4u) {
            random = (random * 1664525u + 1013904223u) >> 3;
        }
        settle_sector(i, i + 1u == count && choice % 2u != 0 ? MIXED : kept ? KEPT : LOST, choice + i);
    }
}

/* Lets the history go on from `model`, change `first`, until the power goes: the change under way. False: it ended. */
static bool live(struct model *model, uint32_t first, uint32_t count, struct change *interrupted)
{
    for (uint32_t n = first; n < first + count; n++) {
        struct change change = change_number(n);
        enum store_status status = change_do(&change);

        if (status != STORE_OK) {
            cr_assert(status == STORE_DISK && world.dark, "change %u is %d", (unsigned)n, (int)status);
            *interrupted = change;
            return true;
        }
        change_model(model, &change);
    }
    return false;
}

/* What the store holds after the loss: `before`, or `after` as a whole. It becomes *before. */
static void check_recovery(struct model *before, const struct change *interrupted, uint32_t point, uint32_t choice)
{
    struct model after = *before;

    change_model(&after, interrupted);
    assert_store(store_open(&world.store), STORE_OK);
    if (!model_holds(before)) {
        cr_assert(model_holds(&after), "power lost after sector %u, choice %u: not what was answered for",
                  (unsigned)point, (unsigned)choice);
        *before = after;
    }
}

/* And it goes on from there, which does no harm to what was there. */
static void check_continuation(struct model *model, uint32_t next)
{
    struct change change = change_number(next);

    assert_store(change_do(&change), STORE_OK);
    change_model(model, &change);
    cr_assert(model_holds(model));
    world_restart();
    cr_assert(model_holds(model), "not after a restart");
}

/* One point at which the power goes; false: the history is over before. */
static bool check_point(const struct mock_machine_options *options, uint32_t point)
{
    static uint8_t durable[sizeof(world.durable)];
    static uint8_t pending[sizeof(world.pending)];
    struct model model = { { 0 } };
    struct change interrupted;
    unsigned count;

    world_begin(&version_2, options);
    assert_store(store_open(&world.store), STORE_OK);
    world.power = world.written + point;
    if (!live(&model, 0, HISTORY, &interrupted)) {
        world_end();
        return false;
    }
    world_end();
    count = world.pending_count;
    memcpy(durable, world.durable, sizeof(durable));
    memcpy(pending, world.pending, sizeof(pending));
    for (uint32_t choice = 0; choice < choices_of(count); choice++) {
        struct model now = model;

        memcpy(world.durable, durable, sizeof(durable));
        memcpy(world.pending, pending, sizeof(pending));
        settle_disk(choice, count);
        world_begin_again(&version_2, options);
        check_recovery(&now, &interrupted, point, choice);
        check_continuation(&now, HISTORY + choice);
        world_end();
    }
    return true;
}

/* All of them, or each `step`-th. */
static void check_points(const struct mock_machine_options *options, uint32_t step)
{
    uint32_t point = 1;

    step *= test_stride();

    while (check_point(options, point)) {
        point += step;
    }
    cr_assert(point > 300, "%u sectors only", (unsigned)point - 1u);
    cr_assert(world.store.header.generation > 5, "%u compactions", (unsigned)world.store.header.generation - 2u);
}

Test(example_power, after_each_sector_nothing_that_was_answered_for_is_lost)
{
    struct mock_machine_options options = disk_of(AREA_SECTORS, 0);

    check_points(&options, 1);
}

/* A disk that destroys 4 KiB when it is interrupted in one of its sectors. */
Test(example_power, nor_where_physical_blocks_are_larger_than_sectors)
{
    struct mock_machine_options options = disk_of(8u * FORMAT_UNIT_MAX, 3);

    check_points(&options, 3);
}

/* Also while the store is made; nothing has been answered for then, but the next start makes it. */
Test(example_power, while_the_store_is_made)
{
    struct mock_machine_options options = disk_of(AREA_SECTORS, 0);

    for (uint32_t point = 0;; point++) {
        static const struct model nothing;

        world_begin(&version_2, &options);
        world.power = 1u + point / 4u;
        if (store_open(&world.store) == STORE_OK) {
            world_end();
            cr_assert(world.power > AREA_SECTORS);
            return;
        }
        world_end();
        settle_disk(point % 4u * 2u, world.pending_count);
        world_begin_again(&version_2, &options);
        assert_store(store_open(&world.store), STORE_OK);
        cr_assert(model_holds(&nothing));
        world_end();
    }
}

/*
 * A disk that loses its power again and again, in compactions too, which leaves areas behind that were being filled.
 * What is left of the one must not come to life in another.
 */
Test(example_power, a_life_of_losses)
{
    struct mock_machine_options options = disk_of(AREA_SECTORS, 0);
    struct model model = { { 0 } };
    uint32_t random = 1;
    unsigned losses_wanted = 2000 / test_stride();
    unsigned losses = 0;

    world_begin(&version_2, &options);
    assert_store(store_open(&world.store), STORE_OK);
    for (uint32_t n = 0; losses < losses_wanted; n++) {
        struct change interrupted;

        random = random * 1664525u + 1013904223u;
        world.power = world.written + 1u + (random >> 20) % 60u;
        if (live(&model, n * HISTORY, HISTORY, &interrupted)) {
            unsigned count = world.pending_count;

            world_end();
            settle_disk(random >> 12 & 15u, count);
            world_begin_again(&version_2, &options);
            check_recovery(&model, &interrupted, n, losses++);
        }
    }
    cr_assert(world.store.header.generation > losses_wanted / 10, "%u compactions",
              (unsigned)world.store.header.generation);
    world_end();
}

/* A change whose flush has failed may be found when the store looks again: what has once been read must not go away. */
Test(example_power, what_has_been_read_stays)
{
    static const struct change first = { 0, 1 };
    static const struct change second = { 0, 2 };
    struct mock_machine_options options = disk_of(AREA_SECTORS, 0);
    struct model model = { { 0 } };

    world_begin(&version_2, &options);
    assert_store(change_do(&first), STORE_OK);
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 2, 1, 0);
    assert_store(change_do(&second), STORE_DISK);
    cr_assert(world.pending_count != 0);
    change_model(&model, &second);
    cr_assert(model_holds(&model), "the write has not failed");
    world_end();
    settle_disk(0, world.pending_count);
    world_begin_again(&version_2, &options);
    cr_assert(model_holds(&model));
    world_end();
}
