/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "contexts_table.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE      512u
#define CELLS          8u
#define CELL_NAME      0u
#define CELL_INTERRUPT 3u
#define CELL_PANIC     4u
#define CELL_WAITS     6u
#define CELL_CALLBACKS 7u

struct contexts contexts;

static const char *const callback_names[CALLBACKS] = {
    "dma_allocate", "dma_free",  "io_read",    "io_write", "config_read", "config_write", "mmio_map",
    "mmio_unmap",   "mmio_read", "mmio_write", "share",    "unshare",     "keep_waiting", "log",
};

static const char *const wait_names[] = { "", "reset", "configuration", "request", "suspend" };

const char *contexts_callback(unsigned callback)
{
    return callback_names[callback];
}

/* ---- The file ---- */

/* Cuts a line of a table into its cells, without the blanks around them; how many there are. */
static unsigned cut(char *line, char *cells[CELLS])
{
    unsigned count = 0;
    char *rest = NULL;

    for (char *cell = strtok_r(line, "|\n", &rest); cell != NULL && count < CELLS;
         cell = strtok_r(NULL, "|\n", &rest)) {
        size_t length = strlen(cell);

        while (length > 0 && cell[length - 1u] == ' ') {
            cell[--length] = '\0';
        }
        cells[count++] = cell + strspn(cell, " ");
    }
    return count;
}

/* The name in `...`, or NULL. */
static char *quoted(char *cell)
{
    char *end = cell[0] == '`' ? strchr(cell + 1, '`') : NULL;

    if (end != NULL) {
        *end = '\0';
    }
    return end != NULL ? cell + 1 : NULL;
}

static uint32_t callbacks_of(const char *word)
{
    if (strcmp(word, "registers") == 0) {
        return MADE(CALLBACK_MMIO_READ) | MADE(CALLBACK_MMIO_WRITE) | MADE(CALLBACK_IO_READ) | MADE(CALLBACK_IO_WRITE);
    }
    if (strcmp(word, "configuration") == 0) {
        return MADE(CALLBACK_CONFIG_READ) | MADE(CALLBACK_CONFIG_WRITE);
    }
    for (unsigned i = 0; i < CALLBACKS; i++) {
        if (strcmp(word, callback_names[i]) == 0) {
            return MADE(i);
        }
    }
    cr_assert(false, "no callback is called \"%s\"", word);
    return 0;
}

static uint32_t wait_of(const char *word)
{
    for (unsigned i = 1; i < COUNT_OF(wait_names); i++) {
        if (strcmp(word, wait_names[i]) == 0) {
            return 1u << i;
        }
    }
    cr_assert(false, "nothing is waited for that is called \"%s\"", word);
    return 0;
}

/* The bits of a list with commas; a dash is none. */
static uint32_t parse_list(char *cell, uint32_t (*bits_of)(const char *word))
{
    uint32_t bits = 0;
    char *rest = NULL;

    if (strcmp(cell, "\xe2\x80\x93") == 0) {
        return 0;
    }
    for (char *word = strtok_r(cell, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
        bits |= bits_of(word);
    }
    return bits;
}

static void add_call(const char *name, char *cells[CELLS])
{
    struct contexts_call *call = &contexts.calls[contexts.count];

    cr_assert(contexts.count < CONTEXTS_CALLS_MAX && strlen(name) < sizeof(call->name));
    contexts.count++;
    strcpy(call->name, name);
    call->interrupt = strcmp(cells[CELL_INTERRUPT], "yes") == 0;
    call->panic = strcmp(cells[CELL_PANIC], "no") != 0;
    call->waits = parse_list(cells[CELL_WAITS], wait_of);
    call->callbacks = parse_list(cells[CELL_CALLBACKS], callbacks_of);
    call->callbacks |= call->waits != 0 ? MADE(CALLBACK_KEEP_WAITING) : 0u;
}

static void add_callback(const char *name, char *cells[CELLS])
{
    for (unsigned i = 0; i < CALLBACKS; i++) {
        if (strcmp(name, callback_names[i]) == 0) {
            contexts.in_interrupt |= strcmp(cells[CELL_INTERRUPT], "yes") == 0 ? MADE(i) : 0u;
            contexts.in_panic |= strcmp(cells[CELL_PANIC], "yes") == 0 ? MADE(i) : 0u;
        }
    }
}

/* Calls begin with vpt_ and have a cell more than callbacks, two of which do too. */
static void read_line(char *line)
{
    char *cells[CELLS];
    unsigned count = cut(line, cells);
    char *name = count >= CELLS - 1u ? quoted(cells[CELL_NAME]) : NULL;

    if (name != NULL && count == CELLS) {
        add_call(name, cells);
    } else if (name != NULL) {
        add_callback(name, cells);
    }
}

void contexts_read(void)
{
    FILE *file = fopen(VPT_CONTEXTS, "r");
    char line[LINE_SIZE];

    cr_assert(file != NULL, "%s", VPT_CONTEXTS);
    memset(&contexts, 0, sizeof(contexts));
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '|') {
            read_line(line);
        }
    }
    (void)fclose(file);
    cr_assert(contexts.count != 0 && contexts.in_interrupt != 0 && contexts.in_panic != 0);
}

/* ---- Recording ---- */

static void made(enum callback callback)
{
    contexts.made |= MADE(callback);
}

static enum vpt_status dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                    struct vpt_memory *memory)
{
    (void)ctx;
    made(CALLBACK_DMA_ALLOCATE);
    return contexts.inner->dma_allocate(contexts.inner->ctx, size, alignment, limit, flags, memory);
}

static void dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags)
{
    (void)ctx;
    made(CALLBACK_DMA_FREE);
    contexts.inner->dma_free(contexts.inner->ctx, memory, flags);
}

static uint32_t io_read(void *ctx, uint16_t io_port, unsigned width)
{
    (void)ctx;
    made(CALLBACK_IO_READ);
    return contexts.inner->io_read(contexts.inner->ctx, io_port, width);
}

static void io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value)
{
    (void)ctx;
    made(CALLBACK_IO_WRITE);
    contexts.inner->io_write(contexts.inner->ctx, io_port, width, value);
}

static enum vpt_status config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    (void)ctx;
    made(CALLBACK_CONFIG_READ);
    return contexts.inner->config_read(contexts.inner->ctx, address, offset, width, value);
}

static enum vpt_status config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    (void)ctx;
    made(CALLBACK_CONFIG_WRITE);
    return contexts.inner->config_write(contexts.inner->ctx, address, offset, width, value);
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    (void)ctx;
    made(CALLBACK_MMIO_MAP);
    return contexts.inner->mmio_map(contexts.inner->ctx, physical, size, intent, mapping);
}

static void mmio_unmap(void *ctx, void *mapping, size_t size)
{
    (void)ctx;
    made(CALLBACK_MMIO_UNMAP);
    contexts.inner->mmio_unmap(contexts.inner->ctx, mapping, size);
}

static uint32_t mmio_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    (void)ctx;
    made(CALLBACK_MMIO_READ);
    return contexts.inner->mmio_read(contexts.inner->ctx, mapping, offset, width);
}

static void mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    made(CALLBACK_MMIO_WRITE);
    contexts.inner->mmio_write(contexts.inner->ctx, mapping, offset, width, value);
}

static enum vpt_status share(void *ctx, void *buffer, size_t size, enum vpt_direction direction, bool access_platform,
                             struct vpt_shared *shared)
{
    (void)ctx;
    made(CALLBACK_SHARE);
    return contexts.inner->share(contexts.inner->ctx, buffer, size, direction, access_platform, shared);
}

static void unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                    bool access_platform)
{
    (void)ctx;
    made(CALLBACK_UNSHARE);
    contexts.inner->unshare(contexts.inner->ctx, buffer, shared, direction, access_platform);
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    (void)ctx;
    made(CALLBACK_KEEP_WAITING);
    contexts.waited |= 1u << what;
    return contexts.inner->keep_waiting(contexts.inner->ctx, what, iteration);
}

static void log_line(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    (void)ctx;
    made(CALLBACK_LOG);
    contexts.inner->log(contexts.inner->ctx, level, subject, status, bytes);
}

void contexts_record(const struct vpt_port *inner)
{
    contexts.inner = inner;
    contexts.port =
        (struct vpt_port){ NULL,         dma_allocate, dma_free,   io_read,          io_write,   config_read,
                           config_write, mmio_map,     mmio_unmap, mmio_read,        mmio_write, share,
                           unshare,      keep_waiting, log_line,   contexts.emulated };
}

void contexts_begin(const char *name)
{
    contexts.now = NULL;
    for (unsigned i = 0; i < contexts.count; i++) {
        if (strcmp(contexts.calls[i].name, name) == 0) {
            contexts.now = &contexts.calls[i];
        }
    }
    cr_assert(contexts.now != NULL, "%s has no line", name);
    contexts.made = 0;
    contexts.waited = 0;
}

void contexts_end(void)
{
    struct contexts_call *call = contexts.now;

    call->called = true;
    call->seen |= contexts.made;
    call->seen_waits |= contexts.waited;
    contexts.made_in_all |= contexts.made;
    for (unsigned i = 0; i < CALLBACKS; i++) {
        bool is_made = (contexts.made & MADE(i)) != 0;

        cr_assert(!is_made || (call->callbacks & MADE(i)) != 0, "%s calls %s", call->name, callback_names[i]);
        cr_assert(!is_made || !call->interrupt || (contexts.in_interrupt & MADE(i)) != 0,
                  "%s calls %s, which no interrupt handler may", call->name, callback_names[i]);
        cr_assert(!is_made || !contexts.panicking || (contexts.in_panic & MADE(i)) != 0, "%s calls %s in a panic",
                  call->name, callback_names[i]);
    }
    cr_assert(call->panic || !contexts.panicking, "%s in a panic", call->name);
    cr_assert((contexts.waited & ~call->waits) == 0, "%s waits for something else (0x%x)", call->name,
              (unsigned)contexts.waited);
}

enum vpt_status contexts_result(enum vpt_status result)
{
    contexts_end();
    return result;
}
