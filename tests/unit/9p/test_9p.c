/* SPDX-License-Identifier: MIT */
/* The 9P transport, and its client on files, directories and paths. */
#include <string.h>

#include "mock_order.h"
#include "share.h"

P9_TEST(p9, D_9P_3_files_are_read_made_written_listed_and_removed)
{
    p9_open(variant);
    for (unsigned i = 0; i < 3; i++) {
        assert_p9_works();
    }
    p9_end();
}

/* ---- Messages of a kernel's own client ---- */

#define SLOTS 8u

static struct vpt_9p_message question(uint8_t *slot, uint32_t fid)
{
    mock_store(slot + VPT_9P_HEADER, 4, fid, false);
    mock_store(slot + VPT_9P_HEADER + 4u, 8, 0x7ff, false);
    return (struct vpt_9p_message){ .type = 24, .size = VPT_9P_HEADER + 12u };
}

/* Several are in flight, with a tag each; they come back in any order. The mock checks the tags. */
STARTED_P9_TEST(p9, D_9P_7_several_messages_in_flight)
{
    static const enum mock_completion_order orders[] = { MOCK_ORDER_ARRIVAL, MOCK_ORDER_REVERSED, MOCK_ORDER_SHUFFLED };

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned round = 0; round < COUNT_OF(orders); round++) {
        struct vpt_completion completion;
        uint32_t slots = vpt_requests_free(&p9.requests);
        uint32_t seen = 0;

        machine.model->completion.order = orders[round];
        for (uint32_t i = 0; i < slots; i++) {
            uint8_t *slot = vpt_requests_next(&p9.requests);
            struct vpt_9p_message message = question(slot, i % 2u == 0 ? P9_ROOT : 77);

            assert_status(vpt_9p_submit(&p9, &message, slot), VPT_OK);
        }
        cr_assert(vpt_requests_next(&p9.requests) == NULL);
        assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ .type = 24, .size = 19 }, NULL),
                      VPT_RESOURCE_FULL);
        assert_status(vpt_9p_clunk(&p9, P9_ROOT), VPT_CALLER_BUSY);
        assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
        (void)mock_device_run(machine.model, slots);
        for (uint32_t i = 0; i < slots; i++) {
            const uint8_t *slot;
            bool known;

            assert_status(vpt_requests_poll(&p9.requests, &completion), VPT_OK);
            slot = completion.token;
            known = mock_load(slot + VPT_9P_HEADER, 4, false) == P9_ROOT;
            assert_status(completion.status, known ? VPT_OK : VPT_DEVICE_IO_ERROR);
            assert_same(mock_load(slot + VPT_9P_MESSAGE_MAX, 4, false), known ? 160 : 11);
            seen |= 1u << mock_load(slot + VPT_9P_MESSAGE_MAX + 5u, 2, false);
        }
        assert_status(vpt_requests_poll(&p9.requests, &completion), VPT_EMPTY);
        assert_same(seen, (1u << slots) - 1u);
    }
}

/* The rest of a message, and of a reply, is in as many segments as there may be. */
STARTED_P9_TEST(p9, D_9P_8_data_in_segments)
{
    struct vpt_segment segments[VPT_9P_SEGMENTS];
    struct vpt_completion completion;
    struct vpt_9p_message message = { .type = 118, .size = 23, .readable = VPT_9P_SEGMENTS, .segments = segments };
    uint32_t bytes = 0;

    assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, ""), VPT_OK);
    assert_status(vpt_9p_create_file(&p9, P9_FILE, "file", VPT_9P_READ_WRITE, 0644), VPT_OK);
    message.readable = (uint16_t)(p9.requests.segments - 2u);
    for (uint32_t i = 0; i < message.readable; i++) {
        segments[i] = machine_segment((size_t)i * 0x1000u, 100u + i);
        fill(machine_bytes((size_t)i * 0x1000u), 100u + i, i);
        bytes += 100u + i;
    }
    for (uint8_t type = 118; type >= 116; type = (uint8_t)(type - 2u)) {
        uint8_t *slot = vpt_requests_next(&p9.requests);

        mock_store(slot + 7, 4, P9_FILE, false);
        mock_store(slot + 11, 8, 0, false);
        mock_store(slot + 19, 4, bytes, false);
        assert_status(vpt_9p_submit(&p9, &message, slot), VPT_OK);
        assert_status(vpt_requests_wait(&p9.requests, &completion), VPT_OK);
        assert_status(completion.status, VPT_OK);
        assert_same(mock_load(slot + VPT_9P_MESSAGE_MAX + 7u, 4, false), bytes);
        message =
            (struct vpt_9p_message){ .type = 116, .size = 23, .writable = message.readable, .segments = segments };
        for (uint32_t i = 0; i < message.writable && type == 116; i++) {
            cr_assert(filled(machine_bytes((size_t)i * 0x1000u), 100u + i, i));
        }
        memset(machine_bytes(0), type == 118 ? 0 : 1, 0x8000);
    }
}

#define PLAIN_P9_TEST(suite, name) PLAIN_STARTED_TEST(p9_start(&ring_usual), p9_end(), suite, name)

PLAIN_P9_TEST(p9, messages_that_are_none)
{
    struct vpt_segment segments[VPT_9P_SEGMENTS + 1u] = { { 0, 0 } };
    static const struct {
        uint32_t size;
        uint16_t readable;
        uint16_t writable;
        enum vpt_status status;
    } rows[] = {
        { 6, 0, 0, VPT_CALLER_ARGUMENT },
        { 0, 0, 0, VPT_CALLER_ARGUMENT },
        { VPT_9P_MESSAGE_MAX + 1u, 0, 0, VPT_CALLER_TOO_LONG },
        { UINT32_MAX, 0, 0, VPT_CALLER_TOO_LONG },
        { 23, VPT_9P_SEGMENTS + 1u, 0, VPT_CALLER_TOO_LONG },
        { 23, 1, VPT_9P_SEGMENTS, VPT_CALLER_TOO_LONG },
        { 23, 0xffff, 1, VPT_CALLER_TOO_LONG },
        { 23, 1, 0, VPT_CALLER_ARGUMENT }, /* an empty segment */
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct vpt_9p_message message = { 24, rows[i].readable, rows[i].writable, rows[i].size, segments };

        assert_status(vpt_9p_submit(&p9, &message, NULL), rows[i].status);
    }
    assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ 24, 1, 0, 23, NULL }, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ 24, 0, 1, 23, NULL }, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_submit(&p9, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_submit(NULL, &(const struct vpt_9p_message){ 24, 0, 0, 19, NULL }, NULL), VPT_CALLER_ARGUMENT);
    assert_p9_works();
}

Test(p9, a_message_before_the_queue_is_set_up)
{
    p9_probe(&ring_usual);
    assert_status(vpt_9p_init(&p9, machine.device, NULL), VPT_OK);
    assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ 24, 0, 0, 19, NULL }, NULL), VPT_CALLER_STATE);
    machine_end();
}

/* ---- The tag ---- */

#define TEN   "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const char long_tag[] = "of a length that no word divides, " FIFTY "1";

/* D-9P-4: any length, without a NUL; a legacy device's length is in the CPU's order. */
P9_TEST(p9, D_9P_4_the_tag)
{
    static const struct {
        const char *tag;
        uint16_t length; /* what the device says; 0: the truth */
        size_t size;
        enum vpt_status status;
        const char *read;
    } rows[] = {
        { "share", 0, 32, VPT_OK, "share" },
        { "x", 0, 32, VPT_OK, "x" },
        { "", 0, 32, VPT_EMPTY, "" },
        { "share", 0, 6, VPT_OK, "share" },
        { "share", 0, 5, VPT_OK, "shar" },
        { "share", 0, 2, VPT_OK, "s" },
        { "share", 0, 1, VPT_EMPTY, "" },
        { "seventeen letters", 0, 64, VPT_OK, "seventeen letters" },
        { long_tag, 0, sizeof(long_tag), VPT_OK, long_tag },
        { "share", 0xffff, 4, VPT_OK, "sha" },
        { "share", 0xffff, 0x4000, VPT_DEVICE_CONFIG, "" },
    };
    static char tag[0x4001];

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        p9_make_model();
        p9_model.options.tag = rows[i].tag;
        p9_model.options.tag_length = rows[i].length;
        p9_probe_model(variant);
        assert_status(vpt_9p_init(&p9, machine.device, NULL), VPT_OK);
        memset(tag, 0x5a, sizeof(tag));
        assert_status_of(rows[i].tag, vpt_9p_get_tag(&p9, tag, rows[i].size), rows[i].status);
        cr_assert(strcmp(tag, rows[i].read) == 0 && tag[rows[i].size] == 0x5a, "\"%s\"", tag);
        mock_violations_clear(&machine.hal->violations); /* of a read outside */
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_9p_get_tag(&p9, tag, 32), VPT_CALLER_STATE);
        machine_end();
    }
    p9_make_model();
    p9_model.options.no_tag = true;
    p9_probe_model(variant);
    assert_status(vpt_9p_open(&p9, machine.device), VPT_OK);
    assert_status(vpt_9p_get_tag(&p9, tag, 32), VPT_EMPTY);
    assert_status(vpt_9p_get_tag(&p9, tag, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_get_tag(&p9, NULL, 32), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_get_tag(NULL, tag, 32), VPT_CALLER_ARGUMENT);
    assert_p9_works();
    p9_end();
}

/* ---- Sessions ---- */

Test(p9, a_session_takes_the_lower_msize)
{
    static const struct {
        uint32_t wish;
        uint32_t most; /* the server's */
        const char *version;
        enum vpt_status status;
        uint32_t msize;
    } rows[] = {
        { VPT_9P_MSIZE, 0, NULL, VPT_OK, 65536 },
        { 8192, 0, NULL, VPT_OK, 8192 },
        { 8192, 8191, NULL, VPT_OK, 8191 },
        { VPT_9P_MSIZE_MIN, 0, NULL, VPT_OK, VPT_9P_MSIZE_MIN },
        { VPT_9P_MSIZE_MIN - 1u, 0, NULL, VPT_CALLER_ARGUMENT, 0 },
        { 0, 0, NULL, VPT_CALLER_ARGUMENT, 0 },
        { 8192, VPT_9P_MSIZE_MIN, NULL, VPT_OK, VPT_9P_MSIZE_MIN },
        { 8192, VPT_9P_MSIZE_MIN - 1u, NULL, VPT_DEVICE_REQUEST_STATUS, 0 },
        { 8192, 1, NULL, VPT_DEVICE_REQUEST_STATUS, 0 },
        { 8192, 0, "unknown", VPT_UNSUPPORTED_VERSION, 0 },
        { 8192, 0, "9P2000.u", VPT_UNSUPPORTED_VERSION, 0 },
        { 8192, 0, "9P2000.Lx", VPT_UNSUPPORTED_VERSION, 0 },
        { 8192, 0, "", VPT_UNSUPPORTED_VERSION, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        size_t done = 0;

        p9_open(&ring_usual);
        p9_model.options.msize = rows[i].most;
        p9_model.options.version = rows[i].version;
        assert_status(vpt_9p_attach(&p9, P9_ROOT, "", ""), VPT_CALLER_STATE);
        assert_status(vpt_9p_version(&p9, rows[i].wish), rows[i].status);
        assert_same(p9.msize, rows[i].msize);
        if (rows[i].status == VPT_OK) {
            assert_status(vpt_9p_attach(&p9, P9_ROOT, "", ""), VPT_OK);
            assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, "hello"), VPT_OK);
            assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_WRITE), VPT_OK);
            assert_status(vpt_9p_read(&p9, P9_FILE, 1, p9_buffer, 6000, &done), VPT_OK);
            cr_assert(done == P9_HELLO - 1u && p9_model.longest <= p9.msize);
            fill(p9_buffer, 6000, 9);
            assert_status(vpt_9p_write(&p9, P9_FILE, 0, p9_buffer, 6000, &done), VPT_OK);
            cr_assert(done == 6000 && filled(p9_model.tree.nodes[1].bytes, 6000, 9));
            assert_status(vpt_9p_version(&p9, VPT_9P_MSIZE_MIN - 1u), VPT_CALLER_ARGUMENT); /* the session goes on */
            assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, 6000, &done), VPT_OK);
        } else {
            assert_status(vpt_9p_attach(&p9, P9_ROOT, "", ""), VPT_CALLER_STATE);
        }
        p9_end();
    }
}

/* ---- Paths ---- */

#define NAME_255 FIFTY FIFTY FIFTY FIFTY FIFTY "01234"

PLAIN_P9_TEST(p9, a_walk_takes_all_names_of_a_path)
{
    static const struct {
        const char *path;
        enum vpt_status status;
        uint32_t error;
    } rows[] = {
        { "", VPT_OK, 0 },
        { "/", VPT_OK, 0 },
        { "dir", VPT_OK, 0 },
        { "/dir//sub/inner", VPT_OK, 0 },
        { "dir/sub/inner/", VPT_OK, 0 },
        { NAME_255, VPT_OK, 0 },
        { "missing", VPT_DEVICE_IO_ERROR, 2 },
        { "dir/missing", VPT_DEVICE_IO_ERROR, 2 }, /* a part is found */
        { "dir/sub/missing/inner", VPT_DEVICE_IO_ERROR, 2 },
        { "hello/inner", VPT_DEVICE_IO_ERROR, 2 },
        { "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", VPT_DEVICE_IO_ERROR, 2 },
        { "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", VPT_CALLER_TOO_LONG, 0 },
        { NAME_255 "/0123456789ab", VPT_DEVICE_IO_ERROR, 2 },
        { NAME_255 "/0123456789abc", VPT_CALLER_TOO_LONG, 0 },
        { NAME_255 NAME_255, VPT_CALLER_TOO_LONG, 0 },
        { NULL, VPT_CALLER_ARGUMENT, 0 },
    };

    (void)mock_tree_make(&p9_model.tree, MOCK_TREE_ROOT, NAME_255, true);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        p9.error = 0;
        assert_status_of(rows[i].path, vpt_9p_walk(&p9, P9_ROOT, P9_FILE, rows[i].path), rows[i].status);
        assert_same_of(rows[i].path, p9.error, rows[i].error);
        assert_same(mock_9p_fids(&p9_model), rows[i].status == VPT_OK ? 2 : 1);
        if (rows[i].status == VPT_OK) {
            assert_status(vpt_9p_clunk(&p9, P9_FILE), VPT_OK);
        }
    }
    assert_status(vpt_9p_walk(&p9, 99, P9_FILE, "dir"), VPT_DEVICE_IO_ERROR);
    assert_same(p9.error, 9);
}

PLAIN_P9_TEST(p9, what_a_server_refuses_has_its_reason)
{
    struct vpt_9p_attributes attributes;
    size_t done = 1;

#define REFUSED(call, reason)                              \
    do {                                                   \
        p9.error = 0;                                      \
        assert_status(call, VPT_DEVICE_IO_ERROR);          \
        assert_same_of(#call, p9.error, reason);           \
        assert_same(mock_hal_live_shares(machine.hal), 0); \
    } while (0)
    REFUSED(vpt_9p_attach(&p9, 5, "", "other"), 2);
    REFUSED(vpt_9p_clunk(&p9, 9), 9);
    REFUSED(vpt_9p_open_file(&p9, P9_ROOT, VPT_9P_WRITE_ONLY), 21);
    REFUSED(vpt_9p_make_directory(&p9, P9_ROOT, "dir", 0755), 17);
    REFUSED(vpt_9p_make_directory(&p9, P9_ROOT, "a/b", 0755), 22);
    REFUSED(vpt_9p_create_file(&p9, P9_ROOT, "hello", VPT_9P_WRITE_ONLY, 0644), 17);
    REFUSED(vpt_9p_remove(&p9, P9_ROOT, "missing", false), 2);
    REFUSED(vpt_9p_remove(&p9, P9_ROOT, "hello", true), 20);
    REFUSED(vpt_9p_remove(&p9, P9_ROOT, "dir", false), 21);
    REFUSED(vpt_9p_remove(&p9, P9_ROOT, "dir", true), 39);
    REFUSED(vpt_9p_get_attributes(&p9, 9, &attributes), 9);
    REFUSED(vpt_9p_read(&p9, 9, 0, p9_buffer, 10, &done), 9);
    REFUSED(vpt_9p_write(&p9, 9, 0, p9_buffer, 10, &done), 9);
    assert_same(done, 0);
    assert_p9_works();
}

PLAIN_P9_TEST(p9, arguments_that_are_none)
{
    struct vpt_9p_list list = { .fid = P9_ROOT, .buffer = p9_buffer, .size = VPT_9P_LIST_MIN };
    struct vpt_9p_attributes attributes;
    struct vpt_9p_entry entry;
    uint64_t messages;
    size_t done;

    messages = p9_model.messages;
    assert_status(vpt_9p_version(NULL, 8192), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_attach(NULL, 1, "", ""), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_attach(&p9, 1, NULL, ""), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_attach(&p9, 1, "", NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_attach(&p9, 1, NAME_255, "01234567890"), VPT_CALLER_TOO_LONG);
    assert_status(vpt_9p_walk(NULL, 0, 1, ""), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_open_file(NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_create_file(&p9, 0, NULL, 0, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_create_file(&p9, 0, NAME_255 "0123456789", 0, 0), VPT_CALLER_TOO_LONG);
    assert_status(vpt_9p_make_directory(&p9, 0, NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_make_directory(&p9, 0, NAME_255 NAME_255, 0), VPT_CALLER_TOO_LONG);
    assert_status(vpt_9p_remove(&p9, 0, NULL, false), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_clunk(NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_get_attributes(NULL, 0, &attributes), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_get_attributes(&p9, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_read(NULL, 0, 0, p9_buffer, 1, &done), VPT_CALLER_ARGUMENT);
    done = 7;
    assert_status(vpt_9p_read(&p9, 0, 0, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_same(done, 0);
    assert_status(vpt_9p_read(&p9, 0, 0, p9_buffer, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_read(&p9, 0, 0, NULL, 0, &done), VPT_OK);
    assert_status(vpt_9p_write(&p9, 0, 0, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_write(&p9, 0, 0, p9_buffer, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_next_entry(NULL, &list, &entry), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_next_entry(&p9, NULL, &entry), VPT_CALLER_ARGUMENT);
    assert_status(vpt_9p_next_entry(&p9, &list, NULL), VPT_CALLER_ARGUMENT);
    list.size--;
    assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_CALLER_ARGUMENT);
    list.size++;
    list.buffer = NULL;
    assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_CALLER_ARGUMENT);
    assert_same(p9_model.messages, messages);
    assert_p9_works();
}

/* ---- Data ---- */

/* A buffer in pieces, of which a message takes some; servers that do less than asked. */
P9_TEST(p9, large_reads_and_writes_are_cut_to_what_fits)
{
    static const struct {
        size_t page;   /* pieces that the port shares */
        uint32_t most; /* of the server */
        uint32_t msize;
    } rows[] = {
        { 0, 0, VPT_9P_MSIZE }, { 512, 0, VPT_9P_MSIZE }, { 512, 700, 8192 }, { 16, 0, 8192 }, { 0, 1000, 4096 }
    };

    p9_open(variant);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        size_t done = 0;

        machine.hal->share_page = rows[i].page;
        p9_model.options.most = rows[i].most;
        assert_status(vpt_9p_version(&p9, rows[i].msize), VPT_OK);
        assert_status(vpt_9p_attach(&p9, P9_ROOT, "", ""), VPT_OK);
        assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, "hello"), VPT_OK);
        assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_WRITE | VPT_9P_TRUNCATE), VPT_OK);
        fill(p9_buffer + 5, 15000, i);
        assert_status(vpt_9p_write(&p9, P9_FILE, 0, p9_buffer + 5, 15000, &done), VPT_OK);
        assert_same(done, 15000);
        memset(p9_buffer, 0x5a, P9_BUFFER);
        assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer + 3, 15001, &done), VPT_OK);
        cr_assert(done == 15000 && filled(p9_buffer + 3, 15000, i) && p9_buffer[15003] == 0x5a && p9_buffer[2] == 0x5a);
        assert_status(vpt_9p_read(&p9, P9_FILE, 20000, p9_buffer, 100, &done), VPT_OK);
        assert_same(done, 0);
        assert_same(mock_hal_live_shares(machine.hal), 0);
    }
    p9_end();
}

/* What was done before a failure is told. */
PLAIN_P9_TEST(p9, a_write_that_fails_in_its_middle)
{
    size_t done = 0;

    p9_model.options.most = 1500;
    assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, "hello"), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_WRITE), VPT_OK);
    assert_status(vpt_9p_write(&p9, P9_FILE, MOCK_TREE_BYTES - 3500u, p9_buffer, 6000, &done), VPT_DEVICE_IO_ERROR);
    cr_assert(done == 3000 && p9.error == 28);
    mock_trigger_set(&machine.hal->fail_share, 2, 1);
    assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, 6000, &done), machine.hal->fail_share_status);
    assert_same(done, 1500);
    p9_model.options.lie = (struct mock_reply_lie){ .type = 118, .offset = 7, .width = 4 }; /* 0 bytes */
    assert_status(vpt_9p_write(&p9, P9_FILE, 0, p9_buffer, 100, &done), VPT_DEVICE_REQUEST_STATUS);
    assert_same(done, 0);
    p9_model.options.lie.type = 0;
    machine.port->share = NULL;
    assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, 6000, &done), VPT_UNSUPPORTED_PORT);
}

/* ---- Directories ---- */

/* Each entry comes once, of a list that takes many replies. */
STARTED_P9_TEST(p9, a_long_list_comes_in_several_replies)
{
    static const uint32_t sizes[] = { VPT_9P_LIST_MIN, 1000, P9_BUFFER };
    uint64_t messages;

    for (unsigned i = 0; i < 60; i++) {
        char name[VPT_9P_NAME_MAX + 1u];

        memset(name, 'a' + (int)(i % 26u), sizeof(name));
        name[i % 7u == 0 ? VPT_9P_NAME_MAX : i + 1u] = '\0';
        (void)mock_tree_make(&p9_model.tree, MOCK_TREE_ROOT, name, i % 3u == 0);
    }
    assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, ""), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_ONLY), VPT_OK);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        struct vpt_9p_list list = { .fid = P9_FILE, .buffer = p9_buffer, .size = sizes[i] };
        bool seen[MOCK_TREE_NODES] = { false };
        struct vpt_9p_entry entry;
        enum vpt_status status;
        unsigned count = 0;

        messages = p9_model.messages;
        while ((status = vpt_9p_next_entry(&p9, &list, &entry)) == VPT_OK) {
            const struct mock_tree_node *node = &p9_model.tree.nodes[entry.path - 1000u];

            cr_assert(entry.path - 1000u < MOCK_TREE_NODES && !seen[entry.path - 1000u] &&
                      strcmp(node->name, entry.name) == 0 && entry.type == (node->directory ? 4 : 8));
            seen[entry.path - 1000u] = true;
            count++;
        }
        assert_status(status, VPT_EMPTY);
        assert_same(count, 62);
        cr_assert(i == 2 ? p9_model.messages - messages == 2 : p9_model.messages - messages > 5);
        assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_EMPTY);
    }
}
