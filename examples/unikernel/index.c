/* SPDX-License-Identifier: MIT */
#include "store_internal.h"

struct store_entry *index_find(const struct store *store, struct text key)
{
    for (uint32_t i = 0; i < store->count; i++) {
        struct store_entry *entry = &store->entries[i];

        if (text_equal((struct text){ entry->key, entry->key_size }, key)) {
            return entry;
        }
    }
    return NULL;
}

static struct store_entry *add(struct store *store, struct text key)
{
    struct store_entry *entry;

    if (store->count == store->entries_max) {
        return NULL;
    }
    entry = &store->entries[store->count++];
    entry->key_size = (uint8_t)key.size;
    for (size_t i = 0; i < key.size; i++) {
        entry->key[i] = key.bytes[i];
    }
    return entry;
}

bool index_apply(struct store *store, const struct record *record, uint32_t position)
{
    struct store_entry *entry = index_find(store, record->key);

    if (record->type == RECORD_DELETE) {
        if (entry != NULL) {
            *entry = store->entries[--store->count];
        }
        return true;
    }
    if (entry == NULL) {
        entry = add(store, record->key);
    }
    if (entry == NULL) {
        return false;
    }
    entry->position = position;
    entry->value_size = (uint16_t)record->value.size;
    return true;
}
