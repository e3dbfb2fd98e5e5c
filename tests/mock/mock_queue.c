/* SPDX-License-Identifier: MIT */
#include "mock_queue.h"

#include <stdlib.h>
#include <string.h>

#include "mock_internal.h"

void mock_element_finish(struct mock_element *element)
{
    free(element->segments);
    free(element->descriptors);
    element->segments = NULL;
    element->descriptors = NULL;
}

void mock_queue_reset(struct mock_queue *queue)
{
    struct mock_queue fresh = {
        .index = queue->index,
        .maximum = queue->maximum,
        .kicks = queue->kicks,
        .idle_kicks = queue->idle_kicks,
        .completions = queue->completions,
        .interrupts = queue->interrupts,
        .indirect_elements = queue->indirect_elements,
    };

    for (size_t i = 0; i < queue->pending_count; i++) {
        mock_element_finish(&queue->pending[i]);
    }
    free(queue->pending);
    free(queue->in_flight);
    *queue = fresh;
}

void mock_queue_add_pending(struct mock_queue *queue, const struct mock_element *element)
{
    queue->pending = mock_grow(queue->pending, queue->pending_count, sizeof(*element));
    queue->pending[queue->pending_count++] = *element;
}

struct mock_element mock_queue_take_pending(struct mock_queue *queue, size_t at)
{
    struct mock_element element = queue->pending[at];

    queue->pending_count--;
    memmove(&queue->pending[at], &queue->pending[at + 1], (queue->pending_count - at) * sizeof(element));
    return element;
}

/* A store into a request's writable part, `at` bytes from its beginning on. */
static void store(struct mock_device *device, uint64_t at, uint8_t *bytes, const uint8_t *in, size_t size)
{
    struct mock_access access = {
        .space = MOCK_SPACE_DATA, .offset = at, .width = (unsigned)size, .native = device->legacy
    };

    mock_access_store(device, &access, bytes, in);
}

/* One part of an element: `count` segments, walked from `offset` on. */
static size_t transfer(struct mock_device *device, const struct mock_segment *segments, uint32_t count, uint64_t offset,
                       void *out, const void *in, size_t size)
{
    size_t done = 0;
    uint64_t at = offset;

    for (uint32_t i = 0; i < count && done < size; i++) {
        size_t piece;
        uint8_t *bytes;

        if (offset >= segments[i].length) {
            offset -= segments[i].length;
            continue;
        }
        piece = segments[i].length - (size_t)offset;
        piece = piece < size - done ? piece : size - done;
        bytes = mock_memory_reach(device->memory, segments[i].address + offset, piece, in != NULL, "data");
        if (bytes == NULL) {
            break;
        }
        if (in != NULL) {
            store(device, at + done, bytes, (const uint8_t *)in + done, piece);
        } else {
            memcpy((uint8_t *)out + done, bytes, piece);
        }
        done += piece;
        offset = 0;
    }
    return done;
}

size_t mock_element_read(struct mock_device *device, const struct mock_element *element, uint64_t offset, void *bytes,
                         size_t size)
{
    return transfer(device, element->segments, element->readable, offset, bytes, NULL, size);
}

size_t mock_element_write(struct mock_device *device, const struct mock_element *element, uint64_t offset,
                          const void *bytes, size_t size)
{
    return transfer(device, element->segments + element->readable, element->writable, offset, NULL, bytes, size);
}
