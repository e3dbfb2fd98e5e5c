/* SPDX-License-Identifier: MIT */
/*
 * A simulated virtio device of any type behind any transport: status, features, queues, configuration, interrupts. A
 * front end (mock_mmio.h) turns register accesses into the calls of the second half of this file; a backend
 * (mock_blk.h) carries out requests.
 *
 * The device looks at a ring only when it is kicked, so that a lost kick shows as a request that never comes back.
 */
#ifndef VPT_TESTS_MOCK_DEVICE_H
#define VPT_TESTS_MOCK_DEVICE_H

#include <vpt/features.h>

#include "mock_config.h"
#include "mock_faults.h"
#include "mock_lies.h"
#include "mock_memory.h"
#include "mock_queue.h"

#define MOCK_QUEUES_MAX  16u
#define MOCK_REGIONS_MAX 4u
#define MOCK_BAD_FEATURE 30u /* offered by old QEMU, to be left alone (LEG-RSVFEAT-4) */

/* When requests complete, and in what order. */
enum mock_completion_mode {
    MOCK_COMPLETE_AT_KICK, /* before the kick returns */
    MOCK_COMPLETE_BY_RUN,  /* when the test calls mock_device_run() */
    MOCK_COMPLETE_BY_TICK  /* `delay` ticks after the kick; a waiting driver makes the port tick */
};

enum mock_completion_order {
    MOCK_ORDER_ARRIVAL,
    MOCK_ORDER_REVERSED, /* of those that may complete, the newest first */
    MOCK_ORDER_SHUFFLED
};

/* May be changed at any time. With IN_ORDER negotiated, requests complete in the order of arrival. */
struct mock_completion {
    enum mock_completion_mode mode;
    enum mock_completion_order order;
    uint32_t delay;  /* ticks, at least 1 */
    uint32_t seed;   /* of MOCK_ORDER_SHUFFLED */
    bool keep_kicks; /* do not suppress kicks while requests are pending */
    uint32_t batch;  /* with IN_ORDER: so many requests that complete together share one used element; 0: none do */
};

/* A field whose value is `first` and, at the n-th change from 1, n % period times `step` more; period 0: n times. */
struct mock_change {
    uint16_t offset;
    uint16_t width; /* 0: there is none */
    uint64_t first, step, period;
};

/* A device type. All functions but `handle` may be NULL. */
struct mock_backend {
    const char *name; /* for messages */
    uint32_t type;
    uint16_t queues; /* 0: one, or what count_queues() says */
    uint16_t (*count_queues)(const void *backend);
    /* Makes `device`, whose front end is there already, one of this type. What a test has set in the object stays. */
    void (*init)(void *backend, struct mock_device *device);
    struct vpt_features known; /* this type's feature bits in the specification, without the transport's */
    bool in_order; /* the buffers of a queue carry a stream, so that they are used in the order of arrival */
    void (*reset)(void *backend);
    /* Whether these features go together (FEAT-1). */
    bool (*features_valid)(void *backend, const struct vpt_features *accepted);
    /* Whether this queue's oldest buffer may be used now: a receive queue's waits until something comes. */
    bool (*ready)(void *backend, const struct mock_queue *queue);
    /* The same for one buffer of a queue that may use others before it. Pending buffers then suppress no kicks. */
    bool (*usable)(void *backend, const struct mock_queue *queue, const struct mock_element *element);
    /* Carries out a request and returns the used length: no more than was written from the beginning on. */
    uint32_t (*handle)(void *backend, struct mock_queue *queue, const struct mock_element *element);
    /* A field of the configuration was written, at this offset. */
    void (*config_written)(void *backend, unsigned offset);
    /* Changes the configuration to another valid one, never the same twice, for MOCK_FAULT_CONFIG_CHANGING. */
    void (*change_configuration)(void *backend);
    struct mock_change changes[2]; /* the same, if it is NULL */
};

/* What the device asks its front end for, with `front_end_ctx`. */
struct mock_front_end_ops {
    /* The device has been reset: the front end forgets its own state. */
    void (*reset)(void *front_end);
    /* Whether the device reaches memory: it does not while bus mastering is off. */
    bool (*reaches_memory)(void *front_end);
    /* An interrupt: true if it was sent or held back as a message. `queue` is NULL for the configuration. */
    bool (*message)(void *front_end, const struct mock_queue *queue);
    /* One queue has been reset: the front end forgets what it knows of it. */
    void (*queue_reset)(void *front_end, const struct mock_queue *queue);
    /* The device has been pulled out, or plugged in again (after its reset). */
    void (*plugged)(void *front_end, bool here);
};

struct mock_shared_region {
    bool present;
    uint64_t base;
    uint64_t length;
};

struct mock_device {
    struct mock_memory *memory;
    struct mock_violations *violations;
    const struct mock_backend *backend;
    void *backend_ctx;
    struct mock_faults faults;
    struct mock_lies lies;
    struct mock_completion completion;

    /* What the device is; set before the driver sees it. */
    const struct mock_front_end_ops *front_end; /* NULL: it always reaches memory and sends no messages */
    void *front_end_ctx;
    bool legacy; /* driven through a legacy interface */
    uint32_t vendor;
    struct vpt_features offered;
    struct vpt_features transport_known; /* generic bits that this transport may negotiate */
    uint16_t queue_count;
    uint32_t suspend_reads;     /* status reads that a suspend or a resume takes; UINT32_MAX: it never ends */
    uint32_t queue_reset_reads; /* register reads that the reset of one queue takes; UINT32_MAX: it never ends */
    bool queue_reset_ignored;   /* there is no such register, though RING_RESET is offered: it reads 0 (QEMU's MMIO) */
    uint16_t far_index;         /* not 0: the queue at MOCK_QUEUES_MAX - 1 has this index, past queue_count */
    bool suspend_unseen;        /* the status bit shows only when it is done; else both bits show at once, until then */
    struct mock_shared_region regions[MOCK_REGIONS_MAX]; /* by shmid */
    void (*on_interrupt)(void *ctx);                     /* the interrupt line goes up; or NULL */
    void *interrupt_ctx;

    /* The state that a reset clears. */
    uint8_t status;
    bool features_ok_seen; /* the status has been read since FEATURES_OK was set */
    struct vpt_features accepted;
    struct mock_queue queues[MOCK_QUEUES_MAX];
    uint32_t interrupt_status;
    uint32_t resetting; /* status reads until a slow reset is done */
    bool resets_never;
    bool vanished;
    bool powerless;        /* it has vanished and knows no ring until its reset */
    bool stopped;          /* by MOCK_LIE_STOP, which outlasts a reset */
    unsigned working;      /* how deep it is in its queues */
    bool suspending;       /* SUSPEND was written, and is not done */
    bool resuming;         /* DRIVER_OK was written while suspended, and that is not done */
    uint32_t suspend_left; /* status reads until it is done */
    bool cut_off;          /* it has tried to reach memory while it could not: a violation that is recorded once */

    struct mock_config config;

    /* What happened. */
    uint64_t ticks;
    uint64_t resets;
    uint64_t returns; /* calls of mock_device_return() */
    uint64_t kicks;
    uint64_t interrupts;
    uint32_t changes; /* of the configuration, of the device's own accord */
    uint32_t random;
};

/* ---- For tests ---- */

/* The caller sets the offered features and the queues. */
void mock_device_init(struct mock_device *device, struct mock_memory *memory, struct mock_violations *violations,
                      const struct mock_backend *backend, void *backend_ctx);
void mock_device_finish(struct mock_device *device);

/* Completes up to `count` pending requests of all queues; returns how many. UINT_MAX for all. */
unsigned mock_device_run(struct mock_device *device, unsigned count);

/* Requests taken but not completed. */
size_t mock_device_pending(const struct mock_device *device);

/* A tick of the device's clock, for mock_hal_add_ticker(); `device` is a struct mock_device. */
void mock_device_tick(void *device);

/* Tells the driver that the configuration has changed (after mock_config_set()). */
void mock_device_configuration_changed(struct mock_device *device);

/* Changes the configuration as its type says. */
void mock_device_change_configuration(struct mock_device *device);

/* The device fails: DEVICE_NEEDS_RESET, and nothing more happens until a reset. */
void mock_device_needs_reset(struct mock_device *device);

/* Pulled out: all registers read all-ones, and the device touches no memory and sends no interrupt any more. */
void mock_device_vanish(struct mock_device *device);

/* Plugged in again, as new. A PCI function keeps its BARs' addresses; decoding, bus mastering and MSI-X are off. */
void mock_device_return(struct mock_device *device);

/* A reset that nobody asked for. */
void mock_device_reset(struct mock_device *device);

/* Takes what is available in every queue, as after a kick. */
void mock_device_look(struct mock_device *device);

/* Takes what is available in one queue, if there is one, for a backend that has something to write there. */
void mock_device_wake(struct mock_device *device, uint32_t index);

/* Whether the interrupt line is up. */
bool mock_device_interrupting(const struct mock_device *device);

/* ---- For front ends ---- */

uint8_t mock_device_read_status(struct mock_device *device);
void mock_device_write_status(struct mock_device *device, uint8_t value);

/* Whether the driver has asked for a reset that is not done: what the device does then is not the driver's fault. */
bool mock_device_in_reset(const struct mock_device *device);

/* Counts a register access for MOCK_FAULT_VANISH. Returns whether the device is still there. */
bool mock_device_present(struct mock_device *device);

bool mock_device_reaches_memory(const struct mock_device *device);

/* Words of 32 bits; those past the set read 0. */
uint32_t mock_device_offered(struct mock_device *device, uint32_t word);
void mock_device_accept(struct mock_device *device, uint32_t word, uint32_t value);

/* The queue, or NULL if the device has none of this index. */
struct mock_queue *mock_device_queue(struct mock_device *device, uint32_t index);

/* The index that the driver knows a queue by. */
uint16_t mock_device_queue_index(const struct mock_device *device, const struct mock_queue *queue);

/* The register for the reset of one queue is written, or read: 1 while the reset goes on. */
void mock_device_queue_reset(struct mock_device *device, struct mock_queue *queue, uint32_t value);
uint32_t mock_device_queue_resetting(struct mock_device *device, struct mock_queue *queue);

/* What a reading of the maximum, or of the ready state, answers. */
uint32_t mock_device_queue_maximum(struct mock_device *device, struct mock_queue *queue);
bool mock_device_queue_ready(struct mock_device *device, struct mock_queue *queue);

/* A size is written: the size that the queue has now. */
uint32_t mock_device_queue_resize(struct mock_device *device, struct mock_queue *queue, uint32_t size);

/* Whether the driver may write the register `what` of this queue now; a violation if not. */
bool mock_device_queue_writable(struct mock_device *device, const struct mock_queue *queue, const char *what);

void mock_device_queue_enable(struct mock_device *device, struct mock_queue *queue);
void mock_device_queue_disable(struct mock_device *device, struct mock_queue *queue);

/* Derives the three areas from a legacy ring's address and enables the queue. `alignment` is a power of two. */
void mock_device_queue_enable_legacy(struct mock_device *device, struct mock_queue *queue, uint64_t address,
                                     uint32_t alignment);

/* A doorbell write: the queue's index or, with NOTIFICATION_DATA, what that says. */
void mock_device_notify(struct mock_device *device, uint32_t value);

/* A configuration access at the field's width. */
uint32_t mock_device_config_read(struct mock_device *device, unsigned offset, unsigned width);
void mock_device_config_write(struct mock_device *device, unsigned offset, unsigned width, uint32_t value);

uint32_t mock_device_interrupt_status(struct mock_device *device);
void mock_device_acknowledge(struct mock_device *device, uint32_t bits);

/* A register write that changes something: after FAILED only a reset may come (STATUS-3). */
void mock_device_written(struct mock_device *device, const char *what);

#endif
