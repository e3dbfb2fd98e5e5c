/* SPDX-License-Identifier: MIT */
/*
 * Queues of requests with slots against arbitrary device memory, for Frama-C's Eva; proof_split.c analyses the queue
 * alone.
 */

/*
 * Parameters of a run: entries of the ring, resulting slots, whether they have tables, whether EVENT_IDX is negotiated,
 * the bytes of header and reply, and whether the reply comes first. RECEIVE: every slot waits at the device; only
 * without EVENT_IDX. RESTART: the driver restarts after resets.
 */
#ifndef SIZE
#define SIZE     8
#define REQUESTS 4
#define TABLES   1
#define EVENT    1
#define HEADER   16
#define REPLY    1
#define RECEIVE  0
#endif
#ifndef REPLY_FIRST
#define REPLY_FIRST false
#endif
#define MAXIMUM 256

#include <stdlib.h>

#include <vpt/request.h>

#include "proof_device.h"

#ifndef SEGMENTS
#define SEGMENTS 2 /* data segments in a request */
#endif
#define EACH      (SEGMENTS + 1)               /* segments of each direction in a submission: too many for a slot */
#define LONGEST   100                          /* bytes of a writable segment */
#define WRITABLE  (SEGMENTS * LONGEST + REPLY) /* writable bytes of a request */
#define SLOT_SIZE 32
#define RUN       (SEGMENTS + (HEADER != 0) + (REPLY != 0))

/*
 * A poll that arms used_event polls a second time, which arms nothing. Eva does not see this: it assumes a third poll,
 * which never happens. This contract stands for it.
 */
/*@ assigns \result \from \nothing; */
enum vpt_status vpt_requests_poll(struct vpt_requests *requests, struct vpt_completion *completion);

static uint64_t descriptor_area[VPT_QUEUE_DESCRIPTOR_AREA_SIZE(SIZE) / 8];
static uint16_t driver_area[VPT_QUEUE_DRIVER_AREA_SIZE(SIZE) / 2];
static uint32_t device_area[(VPT_QUEUE_DEVICE_AREA_SIZE(SIZE) + 3) / 4];
static uint64_t indirect[VPT_QUEUE_INDIRECT_SIZE(REQUESTS, RUN) / 8];
static uint64_t private_state[VPT_REQUESTS_PRIVATE_SIZE(REQUESTS) / 8];
static uint64_t slots[REQUESTS * SLOT_SIZE / 8];
static char tokens[REQUESTS];

static struct vpt_driver driver;
static struct vpt_requests requests;

/* An index within it is a length that the device may have written. */
static char written[WRITABLE + 1];

/* The object that tokens point into. */
static char *const token_base = RECEIVE ? (char *)slots : tokens;

/* Arbitrary values, except for tokens: Eva does not see that a token never in flight does not come back. */
static void fill_private_state(void)
{
    unsigned i;

    for (i = sizeof(struct vpt_queue_slot) * REQUESTS / 8; i < sizeof(private_state) / 8; i++) {
        private_state[i] = any64();
    }
    for (i = 0; i < REQUESTS; i++) {
        ((struct vpt_queue_slot *)private_state)[i].token = token_base;
    }
}

/* Acts as a driver does: reads the reply in the slot. */
static enum vpt_status result(const struct vpt_requests *all, const void *slot, uint32_t length)
{
    (void)all;
    written[length] = 1;
    return vpt_load8((const uint8_t *)slot + HEADER) == 0 ? VPT_OK : VPT_DEVICE_REQUEST_STATUS;
}

static void start(void)
{
    static const struct vpt_driver_kind driver_kind = { .type = VPT_DEVICE_TYPE_BLOCK };
    static const struct vpt_requests_kind kind = {
        .header = HEADER,
        .reply = REPLY,
        .reply_first = REPLY_FIRST,
        .result = result,
        .started = RECEIVE ? vpt_receive_start : NULL,
    };
    struct vpt_requests_config config = { .requests = TABLES ? REQUESTS : SIZE, .segments = SEGMENTS, .size = SIZE };
    enum vpt_status status;

    config.memory.rings = memory(descriptor_area, 0x1000, sizeof(descriptor_area));
    config.memory.driver_area = memory(driver_area, 0x2000, sizeof(driver_area));
    config.memory.device_area = memory(device_area, 0x3000, sizeof(device_area));
    config.memory.indirect = memory(indirect, 0x4000, sizeof(indirect));
    config.memory.private_state = memory(private_state, 0, sizeof(private_state));
    config.memory.slots = memory(slots, 0x5000, sizeof(slots));
    fill_private_state();
    port.emulated = any_bool();
    device.ops = &ops;
    device.port = &port;
    negotiated();
    driver.device = &device;
    driver.kind = &driver_kind;
    driver.features = device.features;
    status = vpt_requests_init(&requests, &driver, any16(), &kind, SLOT_SIZE, &config);
    if (status == VPT_OK) {
        status = vpt_driver_start(&driver);
    }
    if (status != VPT_OK || vpt_requests_free(&requests) != (RECEIVE ? 0 : REQUESTS)) {
        exit(1); /* the analyser cannot tell that an address is aligned */
    }
}

/* The header, then data of one direction or both. */
static void submit_any(void)
{
    struct vpt_segment segments[2 * EACH];
    uint16_t readable = (uint16_t)Frama_C_unsigned_int_interval(0, EACH);
    uint16_t writable = (uint16_t)Frama_C_unsigned_int_interval(0, EACH);
    uint8_t *slot = vpt_requests_next(&requests);
    unsigned i;

    if (slot != NULL) {
        for (i = 0; i < HEADER; i += 4) {
            vpt_store32(slot + i, any32());
        }
    }
    /*@ split readable; */
    /*@ split writable; */
    for (i = 0; i < 2 * EACH; i++) {
        segments[i].address = any64();
        segments[i].length = i < readable ? any32() : Frama_C_unsigned_int_interval(0, LONGEST);
    }
    (void)vpt_requests_submit(&requests, segments, readable, writable, &tokens[Frama_C_interval(0, REQUESTS - 1)]);
}

static void poll_any(void)
{
    struct vpt_completion completion = { NULL, 0, VPT_OK };

    if (vpt_requests_poll(&requests, &completion) == VPT_OK) {
        written[completion.length] = 1;
        /* The token must be one that was submitted, never a value of the device; NULL comes from this function. */
        if (completion.token != NULL) {
            token_base[(char *)completion.token - token_base] = 1;
        }
    }
}

/* Any request, then one of one segment, as in most batches. */
static void submit_batch_any(void)
{
    struct vpt_segment segments[EACH + 1];
    struct vpt_request batch[2];
    uint16_t readable = (uint16_t)Frama_C_unsigned_int_interval(0, 1);
    uint16_t writable = (uint16_t)Frama_C_unsigned_int_interval(0, EACH - 1);
    uint32_t done = 0;
    unsigned i;

    /*@ split readable; */
    /*@ split writable; */
    for (i = 0; i < EACH; i++) {
        segments[i].address = any64();
        segments[i].length = Frama_C_unsigned_int_interval(0, LONGEST);
    }
    for (i = 0; i < 2; i++) {
        batch[i].segments = segments;
        batch[i].token = &tokens[Frama_C_interval(0, REQUESTS - 1)];
        batch[i].readable = i == 0 ? readable : 0;
        batch[i].writable = i == 0 ? writable : 1;
    }
    (void)vpt_requests_submit_batch(&requests, batch, 2, &done);
    segments[done].length = 0; /* done is at most 2, and there are more segments */
}

static void poll_batch_any(void)
{
    struct vpt_completion completions[2] = { { NULL, 0, VPT_OK }, { NULL, 0, VPT_OK } };
    uint32_t done = 0;

    (void)vpt_requests_poll_batch(&requests, completions, 2, &done);
    if (done != 0) {
        written[completions[done - 1u].length] = 1;
        if (completions[done - 1u].token != NULL) {
            token_base[(char *)completions[done - 1u].token - token_base] = 1;
        }
    }
}

static void receive_any(void)
{
    uint8_t message[REPLY + 1];
    uint32_t length = 0;

    (void)vpt_receive(&requests, message, Frama_C_unsigned_int_interval(0, sizeof(message)), &length);
    written[length] = 1;
}

static void call_any(void)
{
    switch (Frama_C_interval(0, 9)) {
    case 0:
        if (RECEIVE) {
            receive_any();
        } else {
            submit_any();
        }
        break;
    case 8:
        if (!RECEIVE) {
            submit_batch_any();
        }
        break;
    case 9:
        if (!RECEIVE) {
            poll_batch_any();
        }
        break;
    case 1: poll_any(); break;
    case 2: (void)vpt_requests_kick(&requests); break;
    case 3: (void)vpt_requests_notifications_on(&requests); break;
    case 4: vpt_requests_notifications_off(&requests); break;
#ifdef RESTART
    case 5: (void)vpt_driver_restart(&driver, NULL); break;
#endif
    default: (void)vpt_device_reset(&device); break;
    }
}

int main(void)
{
    start();
    /*@ loop widen_hints "all", 0x8000; */
    while (any_bool()) {
        call_any();
    }
    return vpt_requests_release(&requests) == VPT_OK ? 0 : 1;
}
