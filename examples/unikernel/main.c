/* SPDX-License-Identifier: MIT */
/* The program: what a kernel would call init, but without a kernel. */
#include "command.h"
#include "console.h"
#include "machine.h"
#include "port.h"
#include "sleep.h"

#define KEYS_MAX 1024u

/* Longer than the longest valid line, so that commands can say what is too long. */
#define LINE_MAX (COMMAND_LINE_MAX + 512u)

static _Alignas(4096) unsigned char buffer[STORAGE_BUFFER_SIZE];
static struct store_entry entries[KEYS_MAX];
static struct storage storage;
static struct store store = { .storage = &storage, .entries = entries, .entries_max = KEYS_MAX };

static void put(void *ctx, char character)
{
    (void)ctx;
    machine_put(character);
}

static const struct answer answer = { .put = put };

/* Reads a line and executes it. A line end of two characters gives an extra empty line, which is ignored. */
static bool serve(void)
{
    static char line[LINE_MAX];
    size_t size = 0;

    for (;;) {
        char character = sleep_for_character();

        if (character == '\n' || character == '\r') {
            break;
        }
        if (size < LINE_MAX) {
            line[size] = character;
        }
        size += size <= LINE_MAX ? 1u : 0u;
    }
    if (size > LINE_MAX) {
        command_too_long(&answer);
        return true;
    }
    return size == 0 || command_run(&store, line, size, &answer);
}

_Noreturn void kernel_main(void)
{
    unsigned line;

    machine_init();
    storage.device = port_find_disk(&line);
    if (storage.device == NULL) {
        print("error no disk\n");
        machine_exit(false);
    }
    storage.buffer = (struct vpt_memory){ buffer, (uintptr_t)buffer, sizeof(buffer) };
    storage.wait = sleep_for_disk;
    sleep_init(storage.device, line);
    command_begin(&store, &answer);
    while (serve()) {
    }
    storage_down(&storage);
    machine_exit(true);
}

_Noreturn void kernel_trap(uint64_t cause, uint64_t address)
{
    print("error trap %llx at %llx\n", (unsigned long long)cause, (unsigned long long)address);
    machine_exit(false);
}
