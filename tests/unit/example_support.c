/* SPDX-License-Identifier: MIT */
#include "example_support.h"

#include <stdlib.h>
#include <string.h>

#define OUT   1u
#define FLUSH 4u

#define VALUE_MODULUS 1100u /* values are shorter than this: of one to three sectors */
#define WAIT_TICKS    1000u

struct world world;

struct text text_of(const char *words)
{
    return (struct text){ words, strlen(words) };
}

/* ---- The cache and the power ---- */

static void lose_power(void)
{
    world.dark = true;
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
}

static void note_write(const struct mock_blk *blk, const struct mock_blk_record *record)
{
    for (uint64_t i = 0; i < record->bytes / FORMAT_SECTOR; i++) {
        uint64_t sector = record->sector + i;

        cr_assert(world.pending_count < WORLD_PENDING);
        world.pending[world.pending_count].sector = sector;
        memcpy(world.pending[world.pending_count].bytes, blk->disk + sector * FORMAT_SECTOR, FORMAT_SECTOR);
        world.pending_count++;
        if (++world.written == world.power) {
            lose_power();
            return;
        }
    }
}

static void note_flush(void)
{
    for (unsigned i = 0; i < world.pending_count; i++) {
        memcpy(world.durable + world.pending[i].sector * FORMAT_SECTOR, world.pending[i].bytes, FORMAT_SECTOR);
    }
    world.pending_count = 0;
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_blk *blk = backend;
    uint64_t before = blk->requests;
    uint32_t used = mock_blk_backend.handle(backend, queue, element);
    const struct mock_blk_record *record = mock_blk_last(blk);

    cr_assert(blk->requests == before + 1u);
    if (record->status == 0 && record->type == OUT) {
        note_write(blk, record);
    } else if (record->status == 0 && record->type == FLUSH) {
        note_flush();
    }
    return used;
}

/* ---- The machine ---- */

/* As the unikernel: what the interrupt says counts, not what is in the ring. */
static bool wait_for_disk(void *ctx)
{
    (void)ctx;
    for (unsigned i = 0; i < WAIT_TICKS; i++) {
        if ((vpt_device_interrupt(&world.mmio.device) & VPT_INTERRUPT_QUEUE) != 0) {
            return true;
        }
        mock_hal_tick(&world.machine.hal);
    }
    return false;
}

static void make_store(void)
{
    struct vpt_memory buffer = world.storage.buffer;

    memset(&world.store, 0, sizeof(world.store));
    memset(&world.storage, 0, sizeof(world.storage));
    memset(world.entries, 0xa5, sizeof(world.entries));
    world.storage.device = &world.mmio.device;
    world.storage.buffer = buffer;
    world.storage.wait = wait_for_disk;
    world.store.storage = &world.storage;
    world.store.entries = world.entries;
    world.store.entries_max = WORLD_ENTRIES;
}

void world_begin_again(const struct variant *variant, const struct mock_machine_options *options)
{
    static struct mock_backend backend;
    struct mock_machine *machine = &world.machine;

    world.options = *options;
    variant_options(variant, &world.options);
    cr_assert(options->blk.capacity <= WORLD_SECTORS);
    cr_assert(mock_machine_init(machine, &world.options));
    backend = mock_blk_backend;
    backend.handle = handle;
    machine->device.backend = &backend;
    memcpy(machine->blk.disk, world.durable, (size_t)world.options.blk.capacity * FORMAT_SECTOR);
    world.pending_count = 0;
    world.written = 0;
    world.power = 0;
    world.dark = false;
    world.storage.buffer = mock_hal_register_anywhere(&machine->hal, world.buffer, sizeof(world.buffer), true);
    cr_assert(world.storage.buffer.address != NULL);
    assert_status(vpt_mmio_probe(&world.mmio, machine->port, machine->mapping, machine->size), VPT_OK);
    make_store();
}

void world_begin(const struct variant *variant, const struct mock_machine_options *options)
{
    memset(world.durable, 0, sizeof(world.durable));
    world_begin_again(variant, options);
}

void world_restart(void)
{
    storage_down(&world.storage);
    make_store();
}

void world_end(void)
{
    storage_down(&world.storage);
    cr_assert(!world.storage.up);
    cr_assert(mock_machine_finish(&world.machine) == 0, "the first of the violations: %s",
              world.machine.hal.violations.message[0]);
}

/* ---- The model ---- */

static uint32_t mix(uint32_t n)
{
    n = (n + 0x9e3779b9u) * 0x85ebca6bu;
    n = (n ^ n >> 13) * 0xc2b2ae35u;
    return n ^ n >> 16;
}

static struct text key_of(unsigned key)
{
    static const char *const keys[MODEL_KEYS] = { "a", "bb", "another key", "b", "k-4", "5" };

    return text_of(keys[key]);
}

static struct text value_of(unsigned key, uint32_t version)
{
    static char value[VALUE_MODULUS];
    uint32_t state = mix(version * MODEL_KEYS + key);
    size_t size = state % VALUE_MODULUS;

    for (size_t i = 0; i < size; i++) {
        value[i] = (char)(' ' + mix(state + (uint32_t)i / 4u) % 95u);
    }
    return (struct text){ value, size };
}

struct change change_number(uint32_t n)
{
    uint32_t random = mix(n);

    return (struct change){ random % MODEL_KEYS, random / 7u % 5u == 0 ? 0 : n + 1u };
}

enum store_status change_do(const struct change *change)
{
    enum store_status status;

    if (change->version != 0) {
        return store_put(&world.store, key_of(change->key), value_of(change->key, change->version));
    }
    status = store_delete(&world.store, key_of(change->key));
    return status == STORE_MISSING ? STORE_OK : status;
}

void change_model(struct model *model, const struct change *change)
{
    model->version[change->key] = change->version;
}

bool model_holds(const struct model *model)
{
    unsigned count = 0;

    for (unsigned key = 0; key < MODEL_KEYS; key++) {
        struct text value;
        enum store_status status = store_get(&world.store, key_of(key), &value);

        cr_assert(status == STORE_OK || status == STORE_MISSING, "a get is %d", (int)status);
        if ((status == STORE_OK) != (model->version[key] != 0) ||
            (status == STORE_OK && !text_equal(value, value_of(key, model->version[key])))) {
            return false;
        }
        count += status == STORE_OK ? 1u : 0u;
    }
    return count == world.store.count;
}
