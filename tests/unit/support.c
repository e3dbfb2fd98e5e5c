/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdlib.h>
#include <string.h>

struct bench bench;

const struct variant version_1 = { 1, true, true };
const struct variant version_2 = { 2, true, true };

static struct variant variants[] = {
    { 1, true, true }, { 1, true, false }, { 1, false, true }, { 1, false, false },
    { 2, true, true }, { 2, true, false }, { 2, false, true }, { 2, false, false },
};
static struct variant versions[] = { { 1, true, true }, { 2, true, true } };

struct criterion_test_params test_variants(void)
{
    return cr_make_param_array(struct variant, variants, COUNT_OF(variants));
}

struct criterion_test_params test_versions(void)
{
    return cr_make_param_array(struct variant, versions, COUNT_OF(versions));
}

void variant_options(const struct variant *variant, struct mock_machine_options *options)
{
    options->version = variant->version;
    if (!variant->indirect) {
        vpt_features_add(&options->withhold, VPT_F_INDIRECT_DESC);
    }
    if (!variant->event_idx) {
        vpt_features_add(&options->withhold, VPT_F_EVENT_IDX);
    }
}

uint32_t test_stride(void)
{
    const char *text = getenv("VPT_TEST_STRIDE");
    uint32_t stride = text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 1;

    return stride != 0 ? stride : 1;
}

bool all_zero(const void *object, size_t size)
{
    const uint8_t *bytes = object;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* ---- The device type ---- */

static void fill_writable(struct mock_device *device, const struct mock_element *element)
{
    static uint8_t pattern[BENCH_ARENA_SIZE];
    size_t size = (size_t)element->writable_bytes;

    cr_assert(size <= sizeof(pattern));
    for (size_t i = 0; i < size; i++) {
        pattern[i] = (uint8_t)(bench.fill + i);
    }
    cr_assert(mock_element_write(device, element, 0, pattern, size) == size);
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct bench *self = backend;
    struct mock_device *device = &self->machine.device;

    (void)queue;
    self->log[self->handled % BENCH_LOG] =
        (struct bench_request){ element->readable,       element->writable, element->readable_bytes,
                                element->writable_bytes, element->indirect, element->segments[0].address };
    self->handled++;
    if (!self->idle) {
        self->read_size = mock_element_read(device, element, 0, self->read, sizeof(self->read));
        fill_writable(device, element);
        self->fill++;
    }
    return (uint32_t)element->writable_bytes - self->understate;
}

/* Another capacity whose halves are equal, never the same twice. */
static void change_configuration(void *backend)
{
    struct bench *self = backend;
    uint64_t n = ++self->machine.blk.changes;

    mock_config_set(&self->machine.device.config, MOCK_BLK_CAPACITY, 8, (n << 32) | n);
}

/* Device-type bits that a test may negotiate: 0 to 23, and 64 to 127. */
static const struct mock_backend backend = {
    .type = BENCH_TYPE,
    .known = { { 0x00ffffffu, 0, 0xffffffffu, 0xffffffffu } },
    .handle = handle,
    .change_configuration = change_configuration,
};

void bench_machine(const struct variant *variant, const struct mock_machine_options *options)
{
    static uint8_t arena[BENCH_ARENA_SIZE];
    struct mock_machine_options all = { 0 };

    if (options != NULL) {
        all = *options;
    }
    variant_options(variant, &all);
    memset(&bench, 0, sizeof(bench));
    cr_assert(mock_machine_init(&bench.machine, &all));
    bench.machine.device.backend = &backend;
    bench.machine.device.backend_ctx = &bench;
    bench.device = &bench.mmio.device;
    bench.arena = mock_hal_register_anywhere(&bench.machine.hal, arena, sizeof(arena), true);
    cr_assert(bench.arena.address != NULL);
}

void bench_probe(const struct variant *variant, const struct mock_machine_options *options)
{
    bench_machine(variant, options);
    assert_status(vpt_mmio_probe(&bench.mmio, bench.machine.port, bench.machine.mapping, bench.machine.size), VPT_OK);
}

void bench_negotiate(const struct variant *variant, const struct mock_machine_options *options)
{
    bench_probe(variant, options);
    assert_status(vpt_device_negotiate(bench.device, NULL, NULL, NULL), VPT_OK);
}

void bench_queue(struct vpt_queue *queue, uint16_t size, uint16_t tables, uint16_t table_segments)
{
    struct vpt_queue_config config = { .size = size, .indirect_tables = tables, .indirect_segments = table_segments };

    assert_status(vpt_queue_init(queue, bench.device, &config), VPT_OK);
    assert_status(vpt_device_start(bench.device), VPT_OK);
}

void bench_start(const struct variant *variant, const struct mock_machine_options *options, struct vpt_queue *queue,
                 uint16_t size)
{
    bench_negotiate(variant, options);
    bench_queue(queue, size, size, 8);
}

void bench_end(struct vpt_queue *queue)
{
    enum vpt_status status;

    assert_status(vpt_device_reset(bench.device), VPT_OK);
    do {
        status = vpt_queue_drain(queue, NULL);
    } while (status == VPT_OK);
    assert_status(status, VPT_EMPTY);
    assert_status(vpt_queue_release(queue), VPT_OK);
    bench_finish();
}

void bench_finish(void)
{
    cr_assert(mock_machine_finish(&bench.machine) == 0, "the first of the violations: %s",
              bench.machine.hal.violations.message[0]);
}

void bench_go_round(struct vpt_queue *queue, uint32_t size)
{
    struct vpt_segment segment = bench_segment(0, 8);
    uint32_t batch = size < 256 ? size : 256;
    uint32_t requests = size <= 1024 ? 2 * size : 2 * batch;
    uint32_t written = 0;
    void *token = NULL;

    for (uint32_t done = 0; done < requests; done += batch) {
        for (uintptr_t i = 0; i < batch; i++) {
            assert_status(vpt_queue_add(queue, &segment, 0, 1, (void *)(i + 1)), VPT_OK);
        }
        if (batch == size) {
            assert_status(vpt_queue_add(queue, &segment, 0, 1, NULL), VPT_RESOURCE_FULL);
        }
        assert_status(vpt_queue_kick(queue), VPT_OK);
        for (uintptr_t i = 0; i < batch; i++) {
            assert_status(vpt_queue_pop(queue, &token, &written), VPT_OK);
            cr_assert((uintptr_t)token == i + 1 && written == 8);
        }
        assert_status(vpt_queue_pop(queue, &token, &written), VPT_EMPTY);
    }
}

void bench_refuse(const struct vpt_queue_config *config, enum vpt_status expected, bool quiet)
{
    struct vpt_queue queue;

    memset(&queue, 0xa5, sizeof(queue));
    bench_trace();
    assert_status(vpt_queue_init(&queue, bench.device, config), expected);
    cr_assert(all_zero(&queue, sizeof(queue)));
    cr_assert(mock_hal_live_allocations(&bench.machine.hal) == 0);
    cr_assert(!quiet || bench.trace_count == 0);
    cr_assert(!bench.machine.device.queues[0].enabled);
    cr_assert(vpt_queue_size(&queue) == 0);
    assert_status(vpt_queue_release(&queue), VPT_OK);
}

struct vpt_segment bench_segment(size_t offset, uint32_t length)
{
    cr_assert(offset <= BENCH_ARENA_SIZE && length <= BENCH_ARENA_SIZE - offset);
    return (struct vpt_segment){ bench.arena.device_address + offset, length };
}

uint8_t *bench_bytes(size_t offset)
{
    return (uint8_t *)bench.arena.address + offset;
}

const struct bench_request *bench_last(void)
{
    cr_assert(bench.handled != 0);
    return &bench.log[(bench.handled - 1u) % BENCH_LOG];
}

/* ---- The trace ---- */

static void record(bool write, size_t offset, unsigned width, uint32_t value)
{
    if (bench.trace_count < BENCH_TRACE) {
        bench.trace[bench.trace_count++] = (struct bench_access){ write, width, offset, value };
    }
}

static uint32_t trace_read(void *ctx, void *mapping, size_t offset, unsigned width)
{
    uint32_t value = bench.traced_read(ctx, mapping, offset, width);

    record(false, offset, width, value);
    return value;
}

static void trace_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value)
{
    record(true, offset, width, value);
    bench.traced_write(ctx, mapping, offset, width, value);
}

void bench_trace(void)
{
    struct vpt_port *port = &bench.machine.hal.port;

    if (!bench.tracing) {
        bench.tracing = true;
        bench.traced_read = port->mmio_read;
        bench.traced_write = port->mmio_write;
        port->mmio_read = trace_read;
        port->mmio_write = trace_write;
    }
    bench.trace_count = 0;
}

size_t bench_traced(bool write, size_t offset)
{
    size_t count = 0;

    cr_assert(bench.trace_count < BENCH_TRACE);
    for (size_t i = 0; i < bench.trace_count; i++) {
        count += bench.trace[i].write == write && bench.trace[i].offset == offset ? 1u : 0u;
    }
    return count;
}

size_t bench_traced_at(bool write, size_t offset, size_t n)
{
    for (size_t i = 0; i < bench.trace_count; i++) {
        if (bench.trace[i].write == write && bench.trace[i].offset == offset && n-- == 0) {
            return i;
        }
    }
    cr_assert_fail("no such %s of register 0x%zx", write ? "write" : "read", offset);
    return 0;
}

uint32_t bench_traced_value(bool write, size_t offset, size_t n)
{
    return bench.trace[bench_traced_at(write, offset, n)].value;
}
