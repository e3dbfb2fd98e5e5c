/* SPDX-License-Identifier: MIT */
/*
 * What the suites of the unikernel's store share: a simulated machine whose disk has a volatile cache and can lose its
 * power, the store on it, and a model of what the store is to hold.
 */
#ifndef VPT_TESTS_EXAMPLE_SUPPORT_H
#define VPT_TESTS_EXAMPLE_SUPPORT_H

#include "support.h"

#include "command.h"
#include "store.h"

#define WORLD_ENTRIES 16u
#define WORLD_SECTORS 256u /* of the largest disk */
#define WORLD_PENDING 256u /* sectors written since the last flush */

struct world {
    struct mock_machine machine;
    struct mock_machine_options options;
    struct vpt_mmio mmio;
    struct storage storage;
    struct store store;
    struct store_entry entries[WORLD_ENTRIES];
    uint8_t buffer[STORAGE_BUFFER_SIZE];

    /* What would be left of the disk if the power went now: this, and any of the pending sectors. */
    uint8_t durable[WORLD_SECTORS * FORMAT_SECTOR];
    struct {
        uint64_t sector;
        uint8_t bytes[FORMAT_SECTOR];
    } pending[WORLD_PENDING];
    unsigned pending_count;
    uint32_t written; /* sectors in all */
    uint32_t power;   /* goes when so many sectors have been written; 0: never */
    bool dark;        /* it has gone: no request succeeds any more */
};

extern struct world world;

/* A machine with a blank disk, or with world.durable on its disk; and the store, which is not open yet. */
void world_begin(const struct variant *variant, const struct mock_machine_options *options);
void world_begin_again(const struct variant *variant, const struct mock_machine_options *options);

/* Another program on the same machine: the store as after a restart. */
void world_restart(void);

/* Ends the machine, and asserts that nothing was done against a rule and that nothing leaks. */
void world_end(void);

#define assert_store(expression, expected)                                                                     \
    do {                                                                                                       \
        enum store_status assert_store_got = (expression);                                                     \
        cr_assert(assert_store_got == (expected), "%s is %d, not %d (%s)", #expression, (int)assert_store_got, \
                  (int)(expected), vpt_status_str(world.store.cause));                                         \
    } while (0)

struct text text_of(const char *words);

/* ---- The model: a version of each key, 0 if it is not there; each has a value of its own ---- */

#define MODEL_KEYS 6u

struct model {
    uint32_t version[MODEL_KEYS];
};

/* Something that is done to the store: a put of this version, or a delete for 0. */
struct change {
    unsigned key;
    uint32_t version;
};

/* Number n of an endless history, in which one in five is a delete. */
struct change change_number(uint32_t n);

/* To the store; a delete of what is not there is STORE_OK too. And to the model. */
enum store_status change_do(const struct change *change);
void change_model(struct model *model, const struct change *change);

/* Whether the store holds just this. */
bool model_holds(const struct model *model);

#endif
