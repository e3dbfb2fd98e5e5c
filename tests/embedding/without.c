/* SPDX-License-Identifier: MIT */
/*
 * Calls on queues that are not set up, in a library that leaves parts out: each says so and reads no ring, since there
 * is none. Exits with 0, or with the line that failed.
 */
#include <vpt/vpt.h>

static struct vpt_queue queue;
static struct vpt_requests requests;

#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

int main(void)
{
    const struct vpt_segment segment = { 0x1000, 8 };
    const struct vpt_request request = { .segments = &segment, .writable = 1 };
    struct vpt_completion completions[2];
    uint32_t done = 1;

    EXPECT(vpt_queue_add(&queue, &segment, 0, 1, NULL) == VPT_CALLER_STATE);
    vpt_queue_publish(&queue);
    EXPECT(!vpt_queue_kick_prepare(&queue));
    EXPECT(vpt_queue_kick(&queue) == VPT_CALLER_STATE);
    EXPECT(vpt_queue_notify(&queue) == VPT_CALLER_STATE);
    EXPECT(vpt_queue_pop(&queue, NULL, NULL) == VPT_CALLER_STATE);
    EXPECT(vpt_queue_has_used(&queue));
    vpt_queue_notifications_off(&queue);
    EXPECT(!vpt_queue_notifications_on(&queue));
    EXPECT(vpt_queue_drain(&queue, NULL) == VPT_CALLER_STATE);
    EXPECT(vpt_queue_release(&queue) == VPT_OK);
    EXPECT(vpt_requests_submit(&requests, &segment, 0, 1, NULL) == VPT_CALLER_STATE);
    EXPECT(vpt_requests_submit_batch(&requests, &request, 1, &done) == VPT_CALLER_STATE && done == 0);
    EXPECT(vpt_requests_poll(&requests, completions) == VPT_CALLER_STATE);
    EXPECT(vpt_requests_poll_batch(&requests, completions, 2, &done) == VPT_CALLER_STATE && done == 0);
    return 0;
}
