/* SPDX-License-Identifier: MIT */
/*
 * The simulated GPU, 2D (VirtIO 1.4, section 5.7). It keeps resources with their pixels and backing, displays with what
 * they show, and cursors, and checks each command. Displays are changed by the test.
 */
#ifndef VPT_TESTS_MOCK_GPU_H
#define VPT_TESTS_MOCK_GPU_H

#include "mock_device.h"

#define MOCK_GPU_QUEUES    2u
#define MOCK_GPU_SCANOUTS  16u
#define MOCK_GPU_RESOURCES 8u
#define MOCK_GPU_PIXELS    8192u /* of a resource; larger ones have none */
#define MOCK_GPU_PIECES    4096u /* of a backing */
#define MOCK_GPU_EDID      1024u

/* Offsets in the configuration. */
enum mock_gpu_field {
    MOCK_GPU_EVENTS_READ = 0,
    MOCK_GPU_EVENTS_CLEAR = 4,
    MOCK_GPU_NUM_SCANOUTS = 8,
    MOCK_GPU_NUM_CAPSETS = 12
};

struct mock_gpu_rectangle {
    uint32_t x, y, width, height;
};

struct mock_gpu_resource {
    uint32_t id; /* 0: there is none */
    uint32_t format;
    uint32_t width;
    uint32_t height;
    bool backed;
    uint32_t piece_count;
    struct mock_segment pieces[MOCK_GPU_PIECES];
    uint32_t pixels[MOCK_GPU_PIXELS];
};

struct mock_gpu_scanout {
    uint32_t resource;
    struct mock_gpu_rectangle rectangle;
    uint32_t flushes;
    uint32_t shown[MOCK_GPU_PIXELS]; /* what was flushed, in rows as wide as `rectangle` */
};

struct mock_gpu_cursor {
    uint32_t resource;
    uint32_t x, y, hot_x, hot_y;
    uint32_t updates;
    uint32_t moves;
};

/* What the test says; it stays when the machine is made. */
struct mock_gpu_options {
    uint32_t scanouts;
    struct mock_gpu_rectangle size[MOCK_GPU_SCANOUTS];
    bool enabled[MOCK_GPU_SCANOUTS];
    uint8_t edid[MOCK_GPU_EDID]; /* of display n, the first byte is n more */
    uint32_t edid_size;          /* may lie */
    uint32_t answer_most;        /* bytes of an answer that are written; 0: all */
    uint32_t fence_flags_off;    /* flags that an answer lacks */
    uint64_t fence_wrong;        /* bits of the fence that are turned over in an answer */
};

struct mock_gpu {
    struct mock_device *device;
    struct mock_gpu_options options;

    /* Since the last reset. */
    struct mock_gpu_resource resources[MOCK_GPU_RESOURCES];
    struct mock_gpu_scanout scanouts[MOCK_GPU_SCANOUTS];
    struct mock_gpu_cursor cursors[MOCK_GPU_SCANOUTS];
    uint64_t last_fence;
    bool fenced; /* there was one */

    /* Since the device was made. */
    uint64_t commands;
    uint32_t last_type;
    uint32_t last_lists; /* segments behind the first one, of the last command */
};

/* The backend, for mock_device_init(); its context is a struct mock_gpu. */
extern const struct mock_backend mock_gpu_backend;

/* ---- For tests ---- */

/* A display has another size, or is plugged in or out; the driver is told. */
void mock_gpu_change(struct mock_gpu *gpu, uint32_t scanout, uint32_t width, uint32_t height, bool enabled);

/* The resource of this id, or NULL. */
struct mock_gpu_resource *mock_gpu_find(struct mock_gpu *gpu, uint32_t id);

#endif
