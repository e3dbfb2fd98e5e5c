/* SPDX-License-Identifier: MIT */
/* The program: what a kernel would call init, but without a kernel. */
#include "command.h"
#include "console.h"
#include "http_server.h"
#include "machine.h"
#include "network.h"
#include "port.h"
#include "sleep.h"

#define KEYS_MAX 1024u

_Static_assert(KEYS_MAX *(2u * FORMAT_KEY_MAX + 3u) + 16u <= WEB_REPLY_MAX, "a list of all keys may be too long");

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

/* ---- Lines ---- */

static char line[LINE_MAX];
static size_t line_size; /* LINE_MAX + 1: the line is too long */

/* Executes the line. A line end of two characters gives an extra empty line, which is ignored. False: "off". */
static bool end_line(void)
{
    size_t size = line_size;

    line_size = 0;
    if (size > LINE_MAX) {
        command_too_long(&answer);
        return true;
    }
    return size == 0 || command_run(&store, line, size, &answer);
}

/* Takes what has been received, up to the end of a line, which it executes. False: the command was "off". */
static bool serve_line(void)
{
    int character;

    while ((character = sleep_character()) >= 0) {
        if (character == '\n' || character == '\r') {
            return end_line();
        }
        if (line_size < LINE_MAX) {
            line[line_size] = (char)character;
        }
        line_size += line_size <= LINE_MAX ? 1u : 0u;
    }
    return true;
}

/* ---- The program ---- */

static struct port_device devices[PORT_DEVICES] = {
    { .type = VPT_DEVICE_TYPE_BLOCK },
    { .type = VPT_DEVICE_TYPE_NETWORK },
};
static struct sleep_device disk;
static struct sleep_device network;

static void start(void)
{
    disk = (struct sleep_device){ .device = devices[0].device, .line = devices[0].line };
    network = (struct sleep_device){ .device = devices[1].device, .line = devices[1].line };
    storage.device = disk.device;
    storage.buffer = (struct vpt_memory){ buffer, (uintptr_t)buffer, sizeof(buffer) };
    storage.wait = sleep_for_disk;
    sleep_init(&disk, network.device != NULL ? &network : NULL);
    command_begin(&store, &answer);
}

static unsigned count(struct web_counter counters[WEB_COUNTERS_MAX])
{
    const struct web_counter values[] = {
        { "disk requests", storage.requests },
        { "disk interrupts", disk.interrupts },
        { "frames received", network_counters.received },
        { "frames sent", network_counters.sent },
        { "frames lost", network_counters.lost },
        { "network kicks", network_counters.kicks },
        { "network interrupts", network.interrupts },
        { "connections", http_server_counters.connections },
        { "connections dropped", http_server_counters.dropped },
        { "HTTP requests", http_server_counters.requests },
    };
    unsigned number = sizeof(values) / sizeof(values[0]);

    _Static_assert(sizeof(values) / sizeof(values[0]) <= WEB_COUNTERS_MAX, "too many counters");
    for (unsigned i = 0; i < number; i++) {
        counters[i] = values[i];
    }
    return number;
}

static const struct web web = { .store = &store, .counters = count };

/* False: there is no network. */
static bool start_network(void)
{
    enum vpt_status status;

    if (network.device == NULL) {
        return false;
    }
    status = network_init(network.device);
    if (status == VPT_OK && !http_server_init(&web)) {
        status = VPT_RESOURCE_MEMORY;
    }
    if (status != VPT_OK) {
        print("error network: %s\n", vpt_status_str(status));
    }
    return status == VPT_OK;
}

_Noreturn void kernel_main(void)
{
    bool online;

    machine_init();
    port_find(devices);
    if (devices[0].device == NULL) {
        print("error no disk\n");
        machine_exit(false);
    }
    start();
    online = start_network();
    while (serve_line()) {
        sleep_for_event(online ? network_work() : SLEEP_FOREVER);
    }
    storage_down(&storage);
    machine_exit(true);
}

_Noreturn void kernel_trap(uint64_t cause, uint64_t address)
{
    print("error trap %llx at %llx\n", (unsigned long long)cause, (unsigned long long)address);
    machine_exit(false);
}
