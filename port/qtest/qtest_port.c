/* SPDX-License-Identifier: MIT */
/* The port itself, timed waits, and the log. */
#define _GNU_SOURCE

#include "qtest_internal.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

/* Pause between polls, after the first few, so that QEMU can run. */
#define PAUSE_MICROSECONDS 50u
#define BUSY_ITERATIONS    20u

uint64_t vpt_qtest_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- The log ---- */

__attribute__((format(printf, 2, 0))) static void print(FILE *log, const char *format, va_list values)
{
    if (log != NULL) {
        (void)fputs("vpt_qtest: ", log);
        (void)vfprintf(log, format, values);
        (void)fputc('\n', log);
        (void)fflush(log);
    }
}

void vpt_qtest_note(const struct vpt_qtest *qtest, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    print(qtest->options.log, format, values);
    va_end(values);
}

void vpt_qtest_misuse(struct vpt_qtest *qtest, const char *format, ...)
{
    va_list values;

    qtest->counts.misuses++;
    va_start(values, format);
    print(qtest->options.log, format, values);
    va_end(values);
}

struct vpt_qtest_counts vpt_qtest_counts(const struct vpt_qtest *qtest)
{
    struct vpt_qtest_counts counts = {
        .allocations = vpt_qtest_record_count(qtest, RECORD_ALLOCATION),
        .private_allocations = vpt_qtest_record_count(qtest, RECORD_PRIVATE),
        .shares = vpt_qtest_record_count(qtest, RECORD_SHARE),
        .mappings = vpt_qtest_record_count(qtest, RECORD_MAPPING),
        .mailboxes = vpt_qtest_record_count(qtest, RECORD_MAILBOX),
        .misuses = qtest->counts.misuses,
    };

    return counts;
}

bool vpt_qtest_clean(const struct vpt_qtest *qtest, FILE *log)
{
    struct vpt_qtest_counts counts = vpt_qtest_counts(qtest);
    struct vpt_qtest_counts none = { 0 };
    bool clean = memcmp(&counts, &none, sizeof(counts)) == 0;

    if (!clean && log != NULL) {
        (void)fprintf(log,
                      "vpt_qtest: outstanding are %u allocations, %u private ones, %u shares, %u mappings, "
                      "%u mailboxes; %u misuses\n",
                      counts.allocations, counts.private_allocations, counts.shares, counts.mappings, counts.mailboxes,
                      counts.misuses);
    }
    return clean;
}

static void port_log(void *ctx, enum vpt_log_level level, const char *subject, enum vpt_status status, size_t bytes)
{
    vpt_qtest_note(ctx, "%s: %s: %s, %zu bytes", level == VPT_LOG_ERROR ? "error" : "warning", subject,
                   vpt_status_str(status), bytes);
}

/* ---- Waiting ---- */

/* Reads the socket in any case, so that an end of QEMU ends the wait. */
static bool port_keep_waiting(void *ctx, enum vpt_wait what, uint32_t iteration)
{
    struct vpt_qtest *qtest = ctx;

    (void)what;
    if (iteration == 0) {
        qtest->wait_ends = vpt_qtest_now() + qtest->options.wait_timeout;
    }
    return vpt_qtest_listen(qtest, iteration < BUSY_ITERATIONS ? 0 : PAUSE_MICROSECONDS) == VPT_OK &&
           vpt_qtest_now() < qtest->wait_ends;
}

/* ---- The port ---- */

void vpt_qtest_port_init(struct vpt_qtest *qtest)
{
    const struct machine_details *details = qtest->details;

    qtest->port = (struct vpt_port){
        .ctx = qtest,
        .dma_allocate = vpt_qtest_dma_allocate,
        .dma_free = vpt_qtest_dma_free,
        .io_read = vpt_qtest_io_read,
        .io_write = vpt_qtest_io_write,
        .mmio_map = vpt_qtest_mmio_map,
        .mmio_unmap = vpt_qtest_mmio_unmap,
        .mmio_read = vpt_qtest_mmio_read,
        .mmio_write = vpt_qtest_mmio_write,
        .share = vpt_qtest_share,
        .unshare = vpt_qtest_unshare,
        .keep_waiting = port_keep_waiting,
        .log = port_log,
    };
    if (details->machine.memory.size != 0) {
        qtest->port.config_read = vpt_qtest_config_read;
        qtest->port.config_write = vpt_qtest_config_write;
    }
}

const struct vpt_port *vpt_qtest_port(struct vpt_qtest *qtest)
{
    return &qtest->port;
}

const struct vpt_qtest_machine *vpt_qtest_machine_of(const struct vpt_qtest *qtest)
{
    return &qtest->details->machine;
}
