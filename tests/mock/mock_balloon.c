/* SPDX-License-Identifier: MIT */
#include "mock_balloon.h"

#include "mock_backend.h"

#define F_STATISTICS 1u
#define F_HINTS      3u
#define F_POISON     4u
#define F_REPORTING  5u

#define STATISTIC 10u /* bytes: a tag of 2 and a value of 8 */

static const struct mock_config_field fields[] = {
    { "num_pages", MOCK_BALLOON_TARGET, 4, MOCK_CONFIG_ALWAYS, false },
    { "actual", MOCK_BALLOON_ACTUAL, 4, MOCK_CONFIG_ALWAYS, true },
    { "free_page_hint_cmd_id", MOCK_BALLOON_HINT_ID, 4, F_HINTS, false },
    { "poison_val", MOCK_BALLOON_POISON, 4, F_POISON, true },
};

static bool offers(const struct mock_balloon *balloon, unsigned feature)
{
    return (balloon->options.features >> feature & 1u) != 0;
}

/* ---- Queues ---- */

static const uint8_t gates[MOCK_BALLOON_QUEUES] = { 0xff, 0xff, F_STATISTICS, F_HINTS, F_REPORTING };

static bool has_queue(const struct mock_balloon *balloon, unsigned which)
{
    return gates[which] == 0xff || offers(balloon, gates[which]);
}

/* What the queue of this number is for; MOCK_BALLOON_QUEUES: there is none. */
static unsigned purpose(const struct mock_balloon *balloon, unsigned number)
{
    unsigned count = 0;

    if (!balloon->options.counts_offered) {
        return number < MOCK_BALLOON_QUEUES && has_queue(balloon, number) ? number : MOCK_BALLOON_QUEUES;
    }
    for (unsigned which = 0; which < MOCK_BALLOON_QUEUES; which++) {
        if (has_queue(balloon, which) && count++ == number) {
            return which;
        }
    }
    return MOCK_BALLOON_QUEUES;
}

/* ---- Pages ---- */

static uint32_t find(const struct mock_balloon *balloon, uint32_t page)
{
    uint32_t at = 0;

    while (at < balloon->page_count && balloon->pages[at] != page) {
        at++;
    }
    return at;
}

static void move(struct mock_balloon *balloon, const struct mock_element *element, bool inflate)
{
    require(balloon, element->writable == 0 && element->readable_bytes != 0 && element->readable_bytes % 4u == 0,
            "not a list of page numbers (D-BAL-4)");
    balloon->requests++;
    for (uint64_t offset = 0; offset < element->readable_bytes; offset += 4u) {
        uint8_t bytes[4];
        uint32_t page;
        uint32_t at;

        if (mock_element_read(balloon->device, element, offset, bytes, sizeof(bytes)) != sizeof(bytes)) {
            return;
        }
        page = (uint32_t)mock_load(bytes, 4, balloon->device->legacy);
        at = find(balloon, page);
        if (inflate && require(balloon, at == balloon->page_count && at < MOCK_BALLOON_PAGES, "a page comes twice")) {
            balloon->pages[balloon->page_count++] = page;
        }
        if (!inflate && require(balloon, at < balloon->page_count, "a page that it does not have (BAL-OP-10)")) {
            balloon->page_count--;
            memmove(&balloon->pages[at], &balloon->pages[at + 1u], (balloon->page_count - at) * sizeof(uint32_t));
        }
    }
}

/* ---- Statistics ---- */

static void consume(struct mock_balloon *balloon, const struct mock_queue *queue)
{
    const struct mock_element *element = &queue->pending[0];
    bool ignored = balloon->device->legacy && balloon->statistics_buffers == 0; /* LEG-BALSTAT-2 */
    uint8_t bytes[STATISTIC];

    balloon->consumed = true;
    balloon->statistics_buffers++;
    require(balloon, element->writable == 0 && element->readable_bytes != 0 && element->readable_bytes % STATISTIC == 0,
            "not whole statistics (BAL-STAT-5)");
    balloon->statistic_count = 0;
    for (uint64_t offset = 0; offset + STATISTIC <= element->readable_bytes && !ignored; offset += STATISTIC) {
        if (mock_element_read(balloon->device, element, offset, bytes, STATISTIC) == STATISTIC &&
            balloon->statistic_count < MOCK_BALLOON_STATISTICS) {
            balloon->statistics[balloon->statistic_count++] =
                (struct mock_balloon_statistic){ (uint16_t)mock_load(bytes, 2, balloon->device->legacy),
                                                 mock_load(bytes + 2, 8, balloon->device->legacy) };
        }
    }
}

void mock_balloon_ask(struct mock_balloon *balloon)
{
    balloon->asked = true;
    mock_device_wake(balloon->device, MOCK_BALLOON_STATISTICS_QUEUE);
}

/* ---- Reports ---- */

static void take_report(struct mock_balloon *balloon, const struct mock_element *element)
{
    static const uint8_t zeroes[4096];

    require(balloon, element->readable == 0 && element->writable != 0, "not a report (D-BAL-7)");
    balloon->reports++;
    balloon->reported_pieces += element->writable;
    balloon->reported_bytes += element->writable_bytes;
    for (uint64_t offset = 0; offset < element->writable_bytes; offset += sizeof(zeroes)) {
        uint64_t left = element->writable_bytes - offset;

        (void)mock_element_write(balloon->device, element, offset, zeroes,
                                 left < sizeof(zeroes) ? (size_t)left : sizeof(zeroes));
    }
}

/* ---- The device ---- */

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_balloon *balloon = backend;
    unsigned which = purpose(balloon, queue->index);

    if (which == MOCK_BALLOON_STATISTICS_QUEUE) {
        balloon->asked = false;
        balloon->consumed = false;
    } else if (which == MOCK_BALLOON_REPORTING) {
        take_report(balloon, element);
    } else {
        move(balloon, element, which == MOCK_BALLOON_INFLATE);
    }
    return 0;
}

static bool ready(void *backend, const struct mock_queue *queue)
{
    struct mock_balloon *balloon = backend;

    if (purpose(balloon, queue->index) != MOCK_BALLOON_STATISTICS_QUEUE || queue->pending_count == 0) {
        return true;
    }
    require(balloon, queue->pending_count == 1, "more than one buffer of statistics (BAL-STAT-1)");
    if (!balloon->consumed) {
        consume(balloon, queue);
    }
    return balloon->asked;
}

static void config_written(void *backend, unsigned offset)
{
    struct mock_balloon *balloon = backend;

    balloon->actual_writes += offset == MOCK_BALLOON_ACTUAL ? 1u : 0u;
}

void mock_balloon_want(struct mock_balloon *balloon, uint32_t pages)
{
    mock_config_set(&balloon->device->config, MOCK_BALLOON_TARGET, 4, pages);
    mock_device_configuration_changed(balloon->device);
}

static void reset(void *backend)
{
    struct mock_balloon *balloon = backend;

    balloon->asked = false;
    balloon->consumed = false;
    balloon->statistics_buffers = 0;
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_balloon *balloon = backend;
    balloon->device = device;
    device->offered.word[0] |= balloon->options.features;
    for (unsigned i = 0; i < MOCK_BALLOON_QUEUES; i++) {
        device->queues[i].maximum = purpose(balloon, i) < MOCK_BALLOON_QUEUES ? device->queues[i].maximum : 0;
    }
    mock_config_init(&device->config, MOCK_FIELDS(fields), false);
    device->config.little = true; /* LEG-BALCFG-1 */
    mock_config_set(&device->config, MOCK_BALLOON_TARGET, 4, balloon->options.target);
}

const struct mock_backend mock_balloon_backend = {
    .name = "balloon",
    .type = VPT_DEVICE_TYPE_BALLOON,
    .init = init,
    .queues = MOCK_BALLOON_QUEUES,
    .known = { { 0x3fu } },
    .reset = reset,
    .handle = handle,
    .ready = ready,
    .config_written = config_written,
    .changes = { { MOCK_BALLOON_TARGET, 4, 0, 0x1001, 0 } },
};
