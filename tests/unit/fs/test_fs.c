/* SPDX-License-Identifier: MIT */
/* The file system driver: messages, and its client on files, directories and paths. */
#include <string.h>

#include "folder.h"

STARTED_FS_TEST(fs, D_FS_4_files_are_read_made_written_listed_and_removed)
{
    for (unsigned i = 0; i < 3; i++) {
        assert_fs_works();
    }
    cr_assert(fs_model.forgets != 0 && fs.minor == 31);
}

/* ---- Messages of a kernel's own client ---- */

#define GETATTR 3u
#define FORGET  2u

static enum vpt_status submit_question(uint64_t node, void *token)
{
    const struct vpt_fs_message message = { .type = GETATTR, .size = VPT_FS_HEADER + 16u, .node = node };
    uint8_t *slot = vpt_requests_next(&fs.requests);

    if (slot != NULL) {
        memset(slot + VPT_FS_HEADER, 0, 16);
    }
    return vpt_fs_submit(&fs, &message, token != NULL ? token : slot);
}

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Several are in flight, with a number each; they come back in any order. The mock checks the numbers. */
STARTED_FS_TEST(fs, D_FS_7_several_messages_in_flight)
{
    static const enum mock_completion_order orders[] = { MOCK_ORDER_ARRIVAL, MOCK_ORDER_REVERSED, MOCK_ORDER_SHUFFLED };
    struct vpt_fs_file file;

    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    for (unsigned round = 0; round < COUNT_OF(orders); round++) {
        struct vpt_completion completion;
        uint32_t slots = vpt_requests_free(&fs.requests);

        machine.model->completion.order = orders[round];
        for (uint32_t i = 0; i < slots; i++) {
            assert_status(submit_question(1, NULL), VPT_OK);
        }
        assert_status(submit_question(1, NULL), VPT_RESOURCE_FULL);
        assert_status(vpt_fs_walk(&fs, NULL, "hello", &file), VPT_CALLER_BUSY);
        assert_status(vpt_requests_kick(&fs.requests), VPT_OK);
        (void)mock_device_run(machine.model, slots);
        for (uint32_t i = 0; i < slots; i++) {
            const uint8_t *slot;

            assert_status(vpt_requests_poll(&fs.requests, &completion), VPT_OK);
            slot = completion.token;
            assert_status(completion.status, VPT_OK);
            assert_same(word_at(slot + VPT_FS_MESSAGE_MAX), 120);
            assert_same(word_at(slot + VPT_FS_MESSAGE_MAX + 8u), word_at(slot + 8u));
            assert_same(word_at(slot + VPT_FS_MESSAGE_MAX + VPT_FS_REPLY_HEADER + 76u), VPT_FS_MODE_DIRECTORY | 0755u);
        }
        assert_status(vpt_requests_poll(&fs.requests, &completion), VPT_EMPTY);
    }
}

/* A file is forgotten by the other queue, while messages about others are in flight. */
STARTED_FS_TEST(fs, FS_HIPRIO_1_FS_HIPRIO_3_what_is_forgotten_goes_by_a_queue_of_its_own)
{
    const struct vpt_fs_message message = { .type = FORGET, .size = VPT_FS_HEADER + 8u, .node = 2 };
    const uint64_t once = 1;
    struct vpt_completion completion;
    struct vpt_fs_file file;

    assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), VPT_OK);
    assert_same(fs_file.node, 2);
    machine.model->completion.mode = MOCK_COMPLETE_BY_RUN;
    assert_status(submit_question(1, &fs), VPT_OK);
    memcpy((uint8_t *)vpt_requests_next(&fs.hiprio) + VPT_FS_HEADER, &once, sizeof(once));
    assert_status(vpt_fs_submit(&fs, &message, &fs_file), VPT_OK);
    assert_status(vpt_requests_kick(&fs.requests), VPT_OK);
    assert_status(vpt_requests_kick(&fs.hiprio), VPT_OK);
    assert_status(vpt_fs_close(&fs, &fs_file), VPT_CALLER_BUSY);
    cr_assert(fs_file.node == 2);
    (void)mock_device_run(machine.model, 2);
    assert_status(vpt_requests_poll(&fs.requests, &completion), VPT_OK);
    cr_assert(completion.token == &fs && completion.status == VPT_OK);
    assert_status(vpt_fs_walk(&fs, NULL, "dir", &file), VPT_CALLER_BUSY); /* it could not be forgotten */
    assert_status(vpt_requests_poll(&fs.hiprio, &completion), VPT_OK);
    cr_assert(completion.token == &fs_file && completion.status == VPT_OK && completion.length == 0);
    assert_same(mock_fs_lookups(&fs_model), 0);
}

PLAIN_FS_TEST(fs, FS_HIPRIO_1_several_files_are_forgotten_at_once)
{
    const struct vpt_fs_message message = { .type = 42, .size = VPT_FS_HEADER + 40u };
    static const uint64_t files[] = { 2, 2, 3, 1 };
    const uint32_t count = 2;
    struct vpt_completion completion;
    uint8_t *slot;

    assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), VPT_OK);
    assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), VPT_OK);
    assert_status(vpt_fs_walk(&fs, NULL, "dir", &fs_file), VPT_OK);
    assert_same(mock_fs_lookups(&fs_model), 3);
    slot = (uint8_t *)vpt_requests_next(&fs.hiprio) + VPT_FS_HEADER;
    memset(slot, 0, 8);
    memcpy(slot, &count, sizeof(count));
    memcpy(slot + 8, files, sizeof(files));
    assert_status(vpt_fs_submit(&fs, &message, NULL), VPT_OK);
    assert_status(vpt_requests_wait(&fs.hiprio, &completion), VPT_OK);
    assert_status(completion.status, VPT_OK);
    assert_same(mock_fs_lookups(&fs_model), 0);
}

PLAIN_FS_TEST(fs, messages_that_are_none)
{
    struct vpt_segment segments[VPT_FS_SEGMENTS + 1u] = { { 0, 0 } };
    static const struct {
        uint32_t type;
        uint32_t size;
        uint16_t readable;
        uint16_t writable;
        enum vpt_status status;
    } rows[] = {
        { GETATTR, 39, 0, 0, VPT_CALLER_ARGUMENT },
        { GETATTR, 0, 0, 0, VPT_CALLER_ARGUMENT },
        { GETATTR, VPT_FS_MESSAGE_MAX + 1u, 0, 0, VPT_CALLER_TOO_LONG },
        { GETATTR, UINT32_MAX, 0, 0, VPT_CALLER_TOO_LONG },
        { 16, 80, VPT_FS_SEGMENTS + 1u, 0, VPT_CALLER_TOO_LONG },
        { 16, 80, 1, VPT_FS_SEGMENTS, VPT_CALLER_TOO_LONG },
        { 16, 80, 0xffff, 1, VPT_CALLER_TOO_LONG },
        { 16, 80, 1, 0, VPT_CALLER_ARGUMENT },     /* an empty segment */
        { FORGET, 48, 0, 1, VPT_CALLER_ARGUMENT }, /* no reply (D-FS-8) */
        { 42, 48, 0, 1, VPT_CALLER_ARGUMENT },
        { 36, 48, 0, 0, VPT_CALLER_ARGUMENT }, /* INTERRUPT */
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct vpt_fs_message message = { rows[i].type, rows[i].readable, rows[i].writable, 1,
                                                rows[i].size, segments };

        assert_status(vpt_fs_submit(&fs, &message, NULL), rows[i].status);
    }
    assert_status(vpt_fs_submit(&fs, &(const struct vpt_fs_message){ GETATTR, 1, 0, 1, 56, NULL }, NULL),
                  VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_submit(&fs, &(const struct vpt_fs_message){ GETATTR, 0, 1, 1, 56, NULL }, NULL),
                  VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_submit(&fs, NULL, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_submit(NULL, &(const struct vpt_fs_message){ GETATTR, 0, 0, 1, 56, NULL }, NULL),
                  VPT_CALLER_ARGUMENT);
    assert_fs_works();
}

/* ---- The tag ---- */

/* It has 36 bytes, of which none need be a NUL. */
FS_TEST(fs, D_FS_3_the_tag_of_the_folder)
{
    static const struct {
        const char *tag;
        size_t room;
        const char *got;
        enum vpt_status status;
    } rows[] = {
        { "share", 37, "share", VPT_OK },
        { "share", 6, "share", VPT_OK },
        { "share", 5, "shar", VPT_OK },
        { "share", 1, "", VPT_EMPTY },
        { "", 37, "", VPT_EMPTY },
        { "123456789012345678901234567890123456", 37, "123456789012345678901234567890123456", VPT_OK },
        { "123456789012345678901234567890123456", 36, "12345678901234567890123456789012345", VPT_OK },
        { "123456789012345678901234567890123456", 60, "123456789012345678901234567890123456", VPT_OK },
    };
    char tag[64];

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        fs_make_model();
        fs_model.options.tag = rows[i].tag;
        fs_probe_model(variant);
        assert_status(vpt_fs_init(&fs, machine.device, NULL), VPT_OK);
        memset(tag, 'z', sizeof(tag));
        assert_status(vpt_fs_get_tag(&fs, tag, rows[i].room), rows[i].status);
        cr_assert(strcmp(tag, rows[i].got) == 0 && tag[rows[i].room] == 'z', "%s", tag);
        assert_status(vpt_fs_get_tag(NULL, tag, 3), VPT_CALLER_ARGUMENT);
        assert_status(vpt_fs_get_tag(&fs, NULL, 3), VPT_CALLER_ARGUMENT);
        assert_status(vpt_fs_get_tag(&fs, tag, 0), VPT_CALLER_ARGUMENT);
        assert_status(vpt_device_reset(machine.device), VPT_OK);
        assert_status(vpt_fs_get_tag(&fs, tag, sizeof(tag)), VPT_CALLER_STATE);
        cr_assert(tag[0] == '\0');
        assert_status(vpt_driver_release(&fs.driver), VPT_OK);
        machine_end();
    }
}

/* ---- Sessions ---- */

/* What INIT agrees on, by the lower of each two numbers. */
Test(fs, D_FS_6_the_beginning_of_a_session)
{
    static const struct {
        uint32_t major, minor, init_size, write_max, pages_max;
        enum vpt_status status;
        uint32_t got_minor, got_max;
    } rows[] = {
        { 7, 36, 64, 0x100000, 256, VPT_OK, 31, 0x100000 },
        { 7, 31, 64, 0x100000, 255, VPT_OK, 31, 0xff000 },
        { 7, 30, 64, 5000, 256, VPT_OK, 30, 5000 },
        { 7, 12, 24, 0x100000, UINT32_MAX, VPT_OK, 12, 0x20000 },
        { 7, 36, 64, UINT32_MAX, 0xffff, VPT_OK, 31, 0xffff000 },
        { 7, 36, 64, 4096, 1, VPT_OK, 31, 4096 },
        { 7, 36, 64, 4095, 1, VPT_DEVICE_REQUEST_STATUS, 0, 0 },
        { 7, 36, 64, 4096, 0x10000, VPT_DEVICE_REQUEST_STATUS, 0, 0 }, /* 0 pages */
        { 7, 36, 24, 0x100000, 256, VPT_DEVICE_REQUEST_STATUS, 0, 0 }, /* a field is said to be there, and is not */
        { 7, 36, 31, 0x100000, 256, VPT_DEVICE_REQUEST_STATUS, 0, 0 },
        { 7, 36, 23, 0x100000, UINT32_MAX, VPT_DEVICE_REQUEST_STATUS, 0, 0 },
        { 7, 11, 64, 0x100000, 256, VPT_UNSUPPORTED_VERSION, 0, 0 },
        { 8, 36, 64, 0x100000, 256, VPT_UNSUPPORTED_VERSION, 0, 0 },
        { 6, 36, 64, 0x100000, 256, VPT_UNSUPPORTED_VERSION, 0, 0 },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        fs_open(&ring_usual);
        fs_model.options = (struct mock_fs_options){ .major = rows[i].major,
                                                     .minor = rows[i].minor,
                                                     .init_size = rows[i].init_size,
                                                     .write_max = rows[i].write_max,
                                                     .pages_max = rows[i].pages_max };
        assert_status(vpt_fs_walk(&fs, NULL, "", &fs_file), VPT_CALLER_STATE);
        assert_status(vpt_fs_begin(&fs), rows[i].status);
        cr_assert(fs.minor == rows[i].got_minor && fs.data_max == rows[i].got_max, "row %u: %u", i, fs.data_max);
        assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), rows[i].status == VPT_OK ? VPT_OK : VPT_CALLER_STATE);
        if (rows[i].status == VPT_OK) {
            assert_status(vpt_fs_begin(&fs), VPT_CALLER_STATE);
            assert_status(vpt_fs_close(&fs, &fs_file), VPT_OK);
            assert_fs_works();
        }
        fs_end();
    }
}

/* ---- Paths ---- */

/* Whatever a walk comes to, the server keeps nothing but the file. */
FS_TEST(fs, D_FS_8_paths_and_what_they_leave_behind)
{
    static char long_name[VPT_FS_NAME_MAX + 6u] = "dir/";
    static const struct {
        const char *from; /* NULL: the folder */
        const char *path;
        enum vpt_status status;
        uint64_t node;
    } rows[] = {
        { NULL, "", VPT_OK, 1 },
        { NULL, "///", VPT_OK, 1 },
        { NULL, "hello", VPT_OK, 2 },
        { NULL, "/dir//sub/inner/", VPT_OK, 5 },
        { "dir", "sub", VPT_OK, 4 },
        { "dir", "", VPT_CALLER_ARGUMENT, 0 },
        { "dir", "//", VPT_CALLER_ARGUMENT, 0 },
        { NULL, "missing", VPT_DEVICE_IO_ERROR, 0 },
        { NULL, "dir/missing/inner", VPT_DEVICE_IO_ERROR, 0 },
        { NULL, "dir/sub/missing", VPT_DEVICE_IO_ERROR, 0 },
        { NULL, long_name, VPT_CALLER_TOO_LONG, 0 },
        { NULL, long_name + 5, VPT_DEVICE_IO_ERROR, 0 },
    };
    struct vpt_fs_file from;

    memset(long_name + 4, 'x', VPT_FS_NAME_MAX + 1u);
    fs_start(variant);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        fs.error = 0;
        memset(&fs_file, 0x5a, sizeof(fs_file));
        assert_status(vpt_fs_walk(&fs, NULL, rows[i].from != NULL ? rows[i].from : "", &from), VPT_OK);
        assert_status(vpt_fs_walk(&fs, rows[i].from != NULL ? &from : NULL, rows[i].path, &fs_file), rows[i].status);
        assert_same(fs.error, rows[i].status == VPT_DEVICE_IO_ERROR ? 2 : 0);
        assert_status(vpt_fs_close(&fs, &from), VPT_OK);
        if (rows[i].status == VPT_OK) {
            cr_assert(fs_file.node == rows[i].node && mock_fs_lookups(&fs_model) == (rows[i].node != 1));
            assert_status(vpt_fs_close(&fs, &fs_file), VPT_OK);
        } else {
            assert_same(fs_file.session, 0x5a5a5a5a);
        }
        assert_same(mock_fs_lookups(&fs_model), 0);
    }
    fs_end();
}

/* ---- Names and files that cannot be ---- */

Test(fs, what_is_refused_at_once)
{
    static char long_name[VPT_FS_NAME_MAX + 2u];
    static const struct {
        const char *name;
        enum vpt_status status;
    } names[] = { { NULL, VPT_CALLER_ARGUMENT },
                  { "", VPT_CALLER_ARGUMENT },
                  { "/hello", VPT_CALLER_ARGUMENT },
                  { "hello/", VPT_CALLER_ARGUMENT },
                  { long_name, VPT_CALLER_TOO_LONG } };
    struct vpt_fs_list list = { .directory = &fs_file, .buffer = fs_buffer, .size = VPT_FS_LIST_MIN };
    struct vpt_fs_attributes attributes;
    struct vpt_fs_entry entry;
    uint64_t messages;
    size_t done;

    memset(long_name, 'x', sizeof(long_name) - 1u);
    fs_start(&ring_usual);
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        assert_status(vpt_fs_create_file(&fs, NULL, names[i].name, 0, 0, &fs_file), names[i].status);
        assert_status(vpt_fs_make_directory(&fs, NULL, names[i].name, 0), names[i].status);
        assert_status(vpt_fs_remove(&fs, NULL, names[i].name, false), names[i].status);
    }
    assert_same(mock_fs_lookups(&fs_model), 0);
    assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), VPT_OK);
    messages = fs_model.messages;
    assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 1, &done), VPT_CALLER_STATE);
    assert_status(vpt_fs_write(&fs, &fs_file, 0, fs_buffer, 1, &done), VPT_CALLER_STATE);
    assert_status(vpt_fs_next_entry(&fs, &list, &entry), VPT_CALLER_STATE);
    assert_status(vpt_fs_open_file(&fs, NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_open_file(NULL, &fs_file, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_begin(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_walk(NULL, NULL, "", &fs_file), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_walk(&fs, NULL, NULL, &fs_file), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_walk(&fs, NULL, "", NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_create_file(&fs, NULL, "x", 0, 0, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_close(NULL, &fs_file), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_close(&fs, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_get_attributes(&fs, &fs_file, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_get_attributes(NULL, &fs_file, &attributes), VPT_CALLER_ARGUMENT);
    done = 7;
    assert_status(vpt_fs_read(&fs, &fs_file, 0, NULL, 1, &done), VPT_CALLER_ARGUMENT);
    assert_same(done, 0);
    assert_status(vpt_fs_read(&fs, &fs_file, 0, fs_buffer, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_read(&fs, NULL, 0, fs_buffer, 1, &done), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_next_entry(&fs, NULL, &entry), VPT_CALLER_ARGUMENT);
    assert_status(vpt_fs_next_entry(&fs, &list, NULL), VPT_CALLER_ARGUMENT);
    list.size--;
    assert_status(vpt_fs_next_entry(&fs, &list, &entry), VPT_CALLER_ARGUMENT);
    list.size++;
    list.buffer = NULL;
    assert_status(vpt_fs_next_entry(&fs, &list, &entry), VPT_CALLER_ARGUMENT);
    fs_model.options.no_truncation = true;
    assert_status(vpt_fs_open_file(&fs, &fs_file, VPT_FS_TRUNCATE), VPT_OK); /* as INIT has said */
    assert_status(vpt_fs_open_file(&fs, &fs_file, 0), VPT_CALLER_STATE);
    assert_same(fs_model.messages, messages + 1u);
    mock_violations_clear(&machine.hal->violations);
    fs_end();
    fs_open(&ring_usual);
    fs_model.options.no_truncation = true;
    assert_status(vpt_fs_begin(&fs), VPT_OK);
    assert_status(vpt_fs_walk(&fs, NULL, "hello", &fs_file), VPT_OK);
    assert_status(vpt_fs_open_file(&fs, &fs_file, VPT_FS_TRUNCATE | VPT_FS_WRITE_ONLY), VPT_UNSUPPORTED_FEATURE);
    assert_status(vpt_fs_open_file(&fs, &fs_file, VPT_FS_WRITE_ONLY), VPT_OK);
    fs_end();
}

/* ---- Data ---- */

/* However little a server takes or gives at once, however small the pieces that the port shares. */
FS_TEST(fs, data_in_pieces)
{
    static const struct {
        uint32_t most, write_max, page;
    } rows[] = { { 1000, 0, 0 }, { 0, 4096, 0 }, { 0, 0, 64 }, { 300, 4096, 256 } };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        fs_open(variant);
        fs_model.options.most = rows[i].most;
        fs_model.options.write_max = rows[i].write_max;
        if (rows[i].page != 0) {
            machine.hal->share_page = rows[i].page;
        }
        assert_status(vpt_fs_begin(&fs), VPT_OK);
        assert_fs_works();
        cr_assert(rows[i].write_max == 0 || fs_model.longest <= rows[i].write_max);
        fs_end();
    }
}

PLAIN_FS_TEST(fs, a_file_that_takes_no_more)
{
    size_t done = 0;

    fs_open_file("hello", VPT_FS_READ_WRITE);
    assert_status(vpt_fs_write(&fs, &fs_file, MOCK_TREE_BYTES - 10u, fs_buffer, 11, &done), VPT_DEVICE_IO_ERROR);
    cr_assert(done == 0 && fs.error == 28);
    fs_model.options.lie = (struct mock_reply_lie){ .type = 16, .offset = 16, .width = 4, .value = 0 };
    assert_status(vpt_fs_write(&fs, &fs_file, 0, fs_buffer, 10, &done), VPT_DEVICE_REQUEST_STATUS);
    assert_same(done, 0);
    assert_status(vpt_fs_read(&fs, &fs_file, MOCK_TREE_BYTES, fs_buffer, 10, &done), VPT_OK);
    assert_same(done, 0);
}
