/* SPDX-License-Identifier: MIT */
/*
 * The split queue against arbitrary device memory, for Frama-C's Eva. Every volatile read is any value of its type,
 * so each iteration of the loop below stands for whatever a device may have written; the loop itself stands for any
 * sequence of calls of any length.
 */

/*
 * Parameters of a run, so that the analyser follows one set-up at a time: entries that the driver requests, the
 * device's maximum, the smaller of the two, indirect tables, and whether EVENT_IDX is negotiated. Without MAXIMUM no
 * call follows the set-up. With RESTART the queue restarts after resets, and suspends.
 */
#ifndef SIZE
#define WANTED 8
#define SIZE   8
#define TABLES 4
#define EVENT  1
#endif
#ifndef SEGMENTS
#define SEGMENTS 5 /* for each direction; more in total than a table holds */
#endif
#define TABLE_SEGMENTS (SEGMENTS > 2 ? SEGMENTS : SEGMENTS + 1)

#include <stdlib.h>

#include "proof_device.h"

/*
 * A pop that arms used_event pops a second time, which arms nothing. Eva does not see this: it assumes a third pop,
 * which never happens. This contract stands for it.
 */
/*@ assigns \result \from \nothing; */
enum vpt_status vpt_queue_pop(struct vpt_queue *queue, void **token, uint32_t *written);

static uint64_t descriptor_area[VPT_QUEUE_DESCRIPTOR_AREA_SIZE(SIZE) / 8];
static uint16_t driver_area[VPT_QUEUE_DRIVER_AREA_SIZE(SIZE) / 2];
static uint32_t device_area[(VPT_QUEUE_DEVICE_AREA_SIZE(SIZE) + 3) / 4];
static uint64_t indirect[VPT_QUEUE_INDIRECT_SIZE(TABLES, TABLE_SEGMENTS) / 8 + 1];
static uint64_t private_state[(VPT_QUEUE_PRIVATE_SIZE(SIZE, TABLES) + 7) / 8];
static char tokens[SIZE];

static struct vpt_queue queue;

static enum vpt_status start(void)
{
    struct vpt_queue_config config = {
        .index = any16(), .size = WANTED, .indirect_tables = TABLES, .indirect_segments = TABLE_SEGMENTS
    };
    enum vpt_status status;

    config.memory.rings = memory(descriptor_area, 0x1000, sizeof(descriptor_area));
    config.memory.driver_area = memory(driver_area, 0x2000, sizeof(driver_area));
    config.memory.device_area = memory(device_area, 0x3000, sizeof(device_area));
    config.memory.indirect = memory(indirect, 0x4000, sizeof(indirect));
    config.memory.private_state = memory(private_state, 0, sizeof(private_state));
    port.emulated = Frama_C_interval(0, 1) != 0;
    device.ops = &ops;
    device.port = &port;
    negotiated();
    status = vpt_queue_init(&queue, &device, &config);
    device.status |= VPT_STATUS_DRIVER_OK;
#ifdef MAXIMUM
    if (status != VPT_OK || vpt_queue_size(&queue) != SIZE) {
        exit(1); /* the analyser cannot tell that an address is aligned */
    }
#endif
    return status;
}

static void add_any(void)
{
    struct vpt_segment segments[2 * SEGMENTS];
    uint16_t readable = (uint16_t)Frama_C_unsigned_int_interval(0, SEGMENTS);
    uint16_t writable = (uint16_t)Frama_C_unsigned_int_interval(0, SEGMENTS);
    unsigned i;

    for (i = 0; i < 2 * SEGMENTS; i++) {
        segments[i].address = ((uint64_t)any32() << 32) | any32();
        segments[i].length = any32();
    }
    /*@ split readable; */
    /*@ split writable; */
    (void)vpt_queue_add(&queue, segments, readable, writable, &tokens[Frama_C_interval(0, SIZE - 1)]);
}

static void pop_any(void)
{
    void *token = NULL;
    uint32_t written = 0;

    if (vpt_queue_pop(&queue, &token, &written) == VPT_OK) {
        /* The token must be one that was submitted, never a value of the device, so it can be written to. */
        if (token != NULL) {
            *(char *)token = 1;
        }
    }
}

static void call_any(void)
{
    switch (Frama_C_interval(0, 11)) {
    case 0: add_any(); break;
    case 1: pop_any(); break;
    case 2: vpt_queue_publish(&queue); break;
    case 3: (void)vpt_queue_kick(&queue); break;
    case 4: (void)vpt_queue_notifications_on(&queue); break;
    case 5: vpt_queue_notifications_off(&queue); break;
    case 6: (void)vpt_queue_has_used(&queue); break;
    case 7: (void)vpt_queue_drain(&queue, NULL); break;
#ifdef RESTART
    case 8:
        negotiated();
        (void)vpt_queue_restart(&queue);
        device.status |= VPT_STATUS_DRIVER_OK;
        break;
    case 9: (void)vpt_device_suspend(&device); break;
    case 10: (void)vpt_device_resume(&device); break;
#endif
    default: (void)vpt_device_reset(&device); break;
    }
}

int main(void)
{
    enum vpt_status status = start();

#ifdef MAXIMUM
    /*@ loop widen_hints "all", 0x8000 + TABLES; */
    while (Frama_C_nondet(0, 1)) {
        call_any();
    }
#endif
    (void)vpt_queue_release(&queue);
    return status == VPT_OK ? 0 : 1;
}
