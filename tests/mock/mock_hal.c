/* SPDX-License-Identifier: MIT */
/* The port's functions for registers, mappings, waits and the log. Those for memory are in mock_hal_memory.c. */
#include "mock_hal.h"

#include <inttypes.h>
#include <string.h>

#include "mock_internal.h"
#include "mock_order.h"

/* Handles are numbers below the lowest address that a host maps, so that using one as a pointer faults. */
#define HANDLE_STEP 0x100u

struct mock_hal *mock_hal_of(void *ctx)
{
    return ((struct mock_port_context *)ctx)->hal;
}

static struct mock_mapping *mapping_of(struct mock_hal *hal, void *handle)
{
    uintptr_t number = (uintptr_t)handle / HANDLE_STEP;
    bool valid = (uintptr_t)handle % HANDLE_STEP == 0 && number >= 1 && number <= MOCK_HAL_MAPPINGS;

    return valid && hal->mappings[number - 1u].window != NULL ? &hal->mappings[number - 1u] : NULL;
}

/* The mapping if the access is one that the port's contract allows, or NULL and a violation. */
static struct mock_mapping *accessed(struct mock_hal *hal, void *handle, size_t offset, unsigned width)
{
    struct mock_mapping *mapping = mapping_of(hal, handle);
    bool allowed =
        mock_require_always(&hal->violations, mapping != NULL, "register access through %p, which is no mapping",
                            handle) &&
        mock_require_always(&hal->violations, (width == 1 || width == 2 || width == 4) && offset % width == 0,
                            "register access of width %u at offset 0x%zx", width, offset) &&
        mock_require_always(&hal->violations, offset <= mapping->size && width <= mapping->size - offset,
                            "register access at offset 0x%zx of a mapping of 0x%zx bytes", offset, mapping->size);

    return allowed ? mapping : NULL;
}

static uint32_t mmio_read(void *ctx, void *handle, size_t offset, unsigned width)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_mapping *mapping = accessed(hal, handle, offset, width);

    hal->register_reads++;
    return mapping != NULL ? mapping->window->ops->read(mapping->window->front_end, mapping->offset + offset, width)
                           : 0;
}

static void mmio_write(void *ctx, void *handle, size_t offset, unsigned width, uint32_t value)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_mapping *mapping = accessed(hal, handle, offset, width);

    hal->register_writes++;
    if (mapping == NULL) {
        return;
    }
    mock_require_always(&hal->violations, value <= mock_ones(width), "register write of 0x%" PRIx32 " in width %u",
                        value, width);
    mapping->window->ops->write(mapping->window->front_end, mapping->offset + offset, width, value);
}

static void *add_mapping(struct mock_hal *hal, const struct mock_window *window, size_t offset, size_t size,
                         bool mapped)
{
    for (unsigned i = 0; i < MOCK_HAL_MAPPINGS; i++) {
        if (hal->mappings[i].window == NULL) {
            hal->mappings[i] = (struct mock_mapping){ window, offset, size, mapped };
            return (void *)(uintptr_t)((i + 1u) * HANDLE_STEP);
        }
    }
    return NULL;
}

static enum vpt_status mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent, void **mapping)
{
    struct mock_hal *hal = mock_hal_of(ctx);

    mock_require_always(&hal->violations,
                        intent == VPT_MAP_REGISTERS || intent == VPT_MAP_CONFIGURATION ||
                            intent == VPT_MAP_SHARED_MEMORY,
                        "mapping with unknown intent %d", (int)intent);
    for (unsigned i = 0; i < hal->window_count; i++) {
        const struct mock_window *window = &hal->windows[i];

        if (physical >= window->physical && physical - window->physical < window->size && size != 0 &&
            size <= window->size - (size_t)(physical - window->physical)) {
            *mapping = add_mapping(hal, window, (size_t)(physical - window->physical), size, true);
            return *mapping != NULL ? VPT_OK : VPT_RESOURCE_MEMORY;
        }
    }
    mock_breach(&hal->violations, "mapping of %zu bytes at 0x%" PRIx64 ", where nothing is", size, physical);
    return VPT_RESOURCE_MEMORY;
}

static void mmio_unmap(void *ctx, void *handle, size_t size)
{
    struct mock_hal *hal = mock_hal_of(ctx);
    struct mock_mapping *mapping = mapping_of(hal, handle);

    if (mock_require_always(&hal->violations, mapping != NULL && mapping->mapped && mapping->size == size,
                            "unmapping of %zu bytes at %p, which was not mapped so", size, handle)) {
        memset(mapping, 0, sizeof(*mapping));
    }
}

static bool keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    struct mock_hal *hal = mock_hal_of(ctx);

    if (!mock_require_always(&hal->violations, (unsigned)what != 0 && (unsigned)what < MOCK_WAITS,
                             "waiting for unknown %d", (int)what)) {
        return false;
    }
    mock_require_always(&hal->violations, iteration == 0 || iteration == hal->next_iteration[what],
                        "wait %d: iteration %" PRIu32 " where %" PRIu32 " is next", (int)what, iteration,
                        hal->next_iteration[what]);
    hal->next_iteration[what] = iteration == UINT32_MAX ? iteration : iteration + 1;
    hal->waits[what]++;
    mock_hal_tick(hal);
    return iteration < hal->wait_budget[what];
}

static void log_line(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    struct mock_hal *hal = mock_hal_of(ctx);

    if (!mock_require_always(&hal->violations, subject != NULL && strchr(subject, '\n') == NULL,
                             "log subject is NULL or has a line end")) {
        return;
    }
    if (hal->log_count < MOCK_HAL_LOG_RECORDS) {
        struct mock_log_record *record = &hal->log[hal->log_count];

        *record = (struct mock_log_record){ .level = level, .status = status, .bytes = bytes };
        (void)snprintf(record->subject, sizeof(record->subject), "%s", subject);
    }
    hal->log_count++;
}

void mock_hal_init(struct mock_hal *hal)
{
    memset(hal, 0, sizeof(*hal));
    mock_memory_init(&hal->memory, &hal->violations);
    mock_hal_memory_init(hal);
    hal->context.hal = hal;
    hal->port.ctx = hal;
    hal->port.mmio_map = mmio_map;
    hal->port.mmio_unmap = mmio_unmap;
    hal->port.mmio_read = mmio_read;
    hal->port.mmio_write = mmio_write;
    hal->port.keep_waiting = keep_waiting;
    hal->port.log = log_line;
    hal->wait_budget[VPT_WAIT_RESET] = 1000;
    hal->wait_budget[VPT_WAIT_CONFIGURATION] = 64;
    hal->wait_budget[VPT_WAIT_REQUEST] = 10000;
    hal->wait_budget[VPT_WAIT_SUSPEND] = 1000;
    hal->wait_budget[VPT_WAIT_QUEUE] = 1000;
}

unsigned mock_hal_finish(struct mock_hal *hal)
{
    mock_hal_memory_finish(hal);
    for (unsigned i = 0; i < MOCK_HAL_MAPPINGS; i++) {
        mock_require_always(&hal->violations, !hal->mappings[i].mapped, "leak: a mapping of %zu bytes",
                            hal->mappings[i].size);
    }
    return hal->violations.count;
}

size_t mock_hal_live_mappings(const struct mock_hal *hal)
{
    size_t live = 0;

    for (unsigned i = 0; i < MOCK_HAL_MAPPINGS; i++) {
        live += hal->mappings[i].mapped ? 1u : 0u;
    }
    return live;
}

void *mock_hal_add_window(struct mock_hal *hal, const struct mock_window_ops *ops, void *front_end, uint64_t physical,
                          size_t size)
{
    struct mock_window *window;

    if (hal->window_count == MOCK_HAL_WINDOWS) {
        return NULL;
    }
    window = &hal->windows[hal->window_count++];
    *window = (struct mock_window){ ops, front_end, physical, size };
    return add_mapping(hal, window, 0, size, false);
}

void mock_hal_add_ticker(struct mock_hal *hal, void (*tick)(void *ctx), void *ctx)
{
    if (mock_require_always(&hal->violations, hal->ticker_count < MOCK_HAL_TICKERS,
                            "the test adds more than %u tickers", MOCK_HAL_TICKERS)) {
        hal->tickers[hal->ticker_count++] = (struct mock_ticker){ tick, ctx };
    }
}

void mock_hal_tick(struct mock_hal *hal)
{
    for (unsigned i = 0; i < hal->ticker_count; i++) {
        hal->tickers[i].tick(hal->tickers[i].ctx);
    }
}
