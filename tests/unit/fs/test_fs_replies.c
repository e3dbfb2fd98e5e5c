/* SPDX-License-Identifier: MIT */
/* FUSE servers that lie in their replies, and those that do not reply. */
#include <string.h>

#include "folder.h"

#define LENGTH  0 /* offsets in a reply */
#define ERROR   4
#define NUMBER  8
#define RESULTS 16

static struct vpt_fs_file opened;    /* the file "hello", for reading and writing */
static struct vpt_fs_file directory; /* the folder */

/* Carries out what a message of this type is for. */
static enum vpt_status ask(uint32_t type)
{
    struct vpt_fs_list list = { .directory = &directory, .buffer = fs_buffer, .size = 600 };
    struct vpt_fs_attributes attributes;
    struct vpt_fs_entry entry;
    struct vpt_fs_file file;
    size_t done;

    memset(fs_buffer, 'y', 600);
    switch (type) {
    case 1: return vpt_fs_walk(&fs, NULL, "dir/sub", &file);
    case 3: return vpt_fs_get_attributes(&fs, &opened, &attributes);
    case 9: return vpt_fs_make_directory(&fs, NULL, "other", 0755);
    case 10: return vpt_fs_remove(&fs, NULL, "hello", false);
    case 11: return vpt_fs_remove(&fs, NULL, "empty", true);
    case 14:
        assert_status(vpt_fs_walk(&fs, NULL, "hello", &file), VPT_OK);
        return vpt_fs_open_file(&fs, &file, VPT_FS_READ_ONLY);
    case 15: return vpt_fs_read(&fs, &opened, 0, fs_buffer, 100, &done);
    case 16: return vpt_fs_write(&fs, &opened, 0, fs_buffer, 100, &done);
    case 18: return vpt_fs_close(&fs, &opened);
    case 27:
        assert_status(vpt_fs_walk(&fs, NULL, "dir", &file), VPT_OK);
        return vpt_fs_open_file(&fs, &file, VPT_FS_READ_ONLY);
    case 28: return vpt_fs_next_entry(&fs, &list, &entry);
    case 29: return vpt_fs_close(&fs, &directory);
    default: return vpt_fs_create_file(&fs, NULL, "made", VPT_FS_READ_WRITE, 0644, &file);
    }
}

static const uint32_t types[] = { 1, 3, 9, 10, 11, 14, 15, 16, 18, 27, 28, 29, 35 };

static void start(const struct ring_variant *variant)
{
    fs_start(variant);
    (void)mock_tree_make(&fs_model.tree, MOCK_TREE_ROOT, "empty", true);
    fs_open_file("", VPT_FS_READ_ONLY);
    directory = fs_file;
    fs_open_file("hello", VPT_FS_READ_WRITE);
    opened = fs_file;
}

/* Begins anew: what was carried out is undone. */
static void start_again(void)
{
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    fs_make_model();
    assert_status(vpt_driver_restart(&fs.driver, NULL), VPT_OK);
    assert_status(vpt_fs_begin(&fs), VPT_OK);
    assert_fs_works();
}

static void expect_lie(const char *text, const struct mock_reply_lie *lie, enum vpt_status status)
{
    uint64_t resets;

    start(&ring_usual);
    resets = machine.model->resets;
    fs_model.options.lie = *lie;
    assert_status_of(text, ask(lie->type), status);
    fs_model.options.lie.type = 0;
    assert_same_of(text, machine.model->resets, resets);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    start_again();
    fs_end();
}

/* What no reply may be, whatever it is one to. */
Test(fs_replies, D_FS_5_a_header_that_lies)
{
    static const struct {
        const char *text;
        struct mock_reply_lie lie;
    } rows[] = {
        { "no length", { .offset = LENGTH, .width = 4, .value = 0 } },
        { "less than a header", { .offset = LENGTH, .width = 4, .value = 15 } },
        { "the largest length", { .offset = LENGTH, .width = 4, .value = UINT32_MAX } },
        { "more than was written", { .offset = LENGTH, .width = 4, .value = 400 } },
        { "an error of 1", { .offset = ERROR, .width = 4, .value = 1 } },
        { "an error of -512", { .offset = ERROR, .width = 4, .value = 0u - 512u } },
        { "the least error", { .offset = ERROR, .width = 4, .value = 0x80000000 } },
        { "another number", { .offset = NUMBER, .width = 4, .value = 5555 } },
        { "a number with another high half", { .offset = NUMBER, .width = 8, .value = UINT64_C(0x5555555500000005) } },
        { "one byte is missing", { .offset = RESULTS, .cut = 1 } },
        { "the header is missing", { .offset = RESULTS, .cut = 1000 } },
        { "nothing was written", { .silent = true } },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        for (unsigned k = 0; k < COUNT_OF(types); k++) {
            struct mock_reply_lie lie = rows[i].lie;

            lie.type = types[k];
            expect_lie(rows[i].text, &lie, VPT_DEVICE_REQUEST_STATUS);
        }
    }
}

/* The same of a message that a kernel submits itself. */
PLAIN_FS_TEST(fs_replies, D_FS_5_a_length_below_a_header)
{
    const struct vpt_fs_message message = { .type = 3, .size = VPT_FS_HEADER + 16u, .node = 1 };
    struct vpt_completion completion;

    for (uint32_t length = 0; length < 17; length++) {
        fs_model.options.lie = (struct mock_reply_lie){ .type = 3, .offset = LENGTH, .width = 4, .value = length };
        memset((uint8_t *)vpt_requests_next(&fs.requests) + VPT_FS_HEADER, 0, 16);
        assert_status(vpt_fs_submit(&fs, &message, NULL), VPT_OK);
        assert_status(vpt_requests_wait(&fs.requests, &completion), VPT_OK);
        assert_status(completion.status, length < VPT_FS_REPLY_HEADER ? VPT_DEVICE_REQUEST_STATUS : VPT_OK);
    }
}

/* An error comes with nothing behind it; results are as long as they are. */
Test(fs_replies, D_FS_5_results_of_another_length)
{
    for (unsigned k = 0; k < COUNT_OF(types); k++) {
        struct mock_reply_lie lie = { .type = types[k], .offset = ERROR, .width = 4, .value = 0u - 2u };
        bool empty = types[k] == 10 || types[k] == 11 || types[k] == 18 || types[k] == 29;

        expect_lie("an error with results", &lie, empty ? VPT_DEVICE_IO_ERROR : VPT_DEVICE_REQUEST_STATUS);
        if (types[k] != 15 && types[k] != 28) {
            lie = (struct mock_reply_lie){ .type = types[k], .more = 8 };
            expect_lie("more results", &lie, VPT_DEVICE_REQUEST_STATUS);
        }
    }
}

/* What results may not be. */
Test(fs_replies, D_FS_5_results_that_lie)
{
    static const struct {
        const char *text;
        struct mock_reply_lie lie;
    } rows[] = {
        /* The first two are what a missing file is. */
        { "no node", { .type = 1, .offset = RESULTS, .width = 8 } },
        { "no node made", { .type = 35, .offset = RESULTS, .width = 8 } },
        { "more was written than asked", { .type = 16, .offset = RESULTS, .width = 4, .value = 101 } },
        { "all was written", { .type = 16, .offset = RESULTS, .width = 4, .value = UINT32_MAX } },
        { "no name", { .type = 28, .offset = RESULTS + 16, .width = 4, .value = 0 } },
        { "a long name", { .type = 28, .offset = RESULTS + 16, .width = 4, .value = 256 } },
        { "a name longer than the list", { .type = 28, .offset = RESULTS + 16, .width = 4, .value = 200 } },
        { "the longest name", { .type = 28, .offset = RESULTS + 16, .width = 4, .value = UINT32_MAX } },
        { "a name whose entry has length 0", { .type = 28, .offset = RESULTS + 16, .width = 4, .value = 0u - 24u } },
        { "a name with a NUL", { .type = 28, .offset = RESULTS + 24, .width = 1, .value = 0 } },
        { "a name with a slash", { .type = 28, .offset = RESULTS + 28, .width = 1, .value = '/' } },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        expect_lie(rows[i].text, &rows[i].lie, i < 2 ? VPT_DEVICE_IO_ERROR : VPT_DEVICE_REQUEST_STATUS);
    }
}

/* What is in the buffer behind a list is no part of it. */
Test(fs_replies, a_list_that_ends_within_an_entry)
{
    struct vpt_fs_entry entry;

    start(&ring_usual);
    fs_model.options.most = 32; /* the bytes of the first entry */
    for (uint32_t cut = 0; cut < 32; cut++) {
        struct vpt_fs_list list = { .directory = &directory, .buffer = fs_buffer, .size = VPT_FS_LIST_MIN };

        memset(fs_buffer, 'y', VPT_FS_LIST_MIN);
        fs_model.options.list_cut = cut;
        assert_status(vpt_fs_next_entry(&fs, &list, &entry), cut == 0 ? VPT_OK : VPT_DEVICE_REQUEST_STATUS);
        cr_assert(cut != 0 || strcmp(entry.name, "hello") == 0);
    }
    fs_end();
}

/* The longest name, and one that is a byte longer, where there is no NUL. */
Test(fs_replies, the_longest_name_in_a_list)
{
    struct vpt_fs_entry entry;
    char name[VPT_FS_NAME_MAX + 1u] = { 0 };

    start(&ring_usual);
    memset(name, 'x', VPT_FS_NAME_MAX);
    memcpy(fs_model.tree.nodes[1].name, name, sizeof(name));
    for (uint32_t length = VPT_FS_NAME_MAX; length <= VPT_FS_NAME_MAX + 1u; length++) {
        struct vpt_fs_list list = { .directory = &directory, .buffer = fs_buffer, .size = VPT_FS_LIST_MIN };

        fs_model.options.lie =
            (struct mock_reply_lie){ .type = 28, .width = 4, .offset = RESULTS + 16, .value = length };
        assert_status(vpt_fs_next_entry(&fs, &list, &entry),
                      length == VPT_FS_NAME_MAX ? VPT_OK : VPT_DEVICE_REQUEST_STATUS);
        cr_assert(length != VPT_FS_NAME_MAX || strcmp(entry.name, name) == 0);
    }
    fs_end();
}

/* The server's reason is told, after any message. What a file needs is taken back all the same. */
Test(fs_replies, D_FS_5_a_reason_is_told)
{
    start(&ring_usual);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
    for (unsigned k = 0; k < COUNT_OF(types); k++) {
        if (types[k] != 14 && types[k] != 27 && types[k] != 18 && types[k] != 29) {
            fs.error = 0;
            assert_status(ask(types[k]), VPT_DEVICE_IO_ERROR);
            assert_same(fs.error, 5);
        }
    }
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_IO_ERROR);
    assert_same(mock_fs_lookups(&fs_model), 1);
    fs_model.options.lie = (struct mock_reply_lie){ .type = 18, .offset = ERROR, .width = 4, .value = 0u - 511u };
    assert_status(vpt_fs_close(&fs, &opened), VPT_DEVICE_IO_ERROR);
    assert_same(fs.error, 511);
    assert_same(mock_fs_lookups(&fs_model), 0);
    fs_end();
}

/* ---- No reply ---- */

/* A message that does not come back ends in a reset; nothing stays shared, and the next session works. */
FS_TEST(fs_replies, a_message_that_is_not_answered)
{
    for (unsigned k = 0; k <= COUNT_OF(types); k++) {
        uint32_t type = k < COUNT_OF(types) ? types[k] : 2; /* FORGET */
        size_t done;

        start(variant);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        fs_model.options.held = type;
        assert_status(ask(type != 2 ? type : 1), VPT_DEVICE_TIMEOUT);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        assert_status(vpt_fs_read(&fs, &opened, 0, fs_buffer, 1, &done), type == 2 ? VPT_CALLER_STATE : VPT_CANCELLED);
        fs_model.options.held = 0;
        start_again();
        fs_end();
    }
}

/* The memory stays shared if the reset does not finish either. Behind PCI the device is cut off from it. */
FS_TEST(fs_replies, CLEANUP_2_a_device_that_is_stuck)
{
    size_t done = 0;

    start(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    machine.hal->wait_budget[VPT_WAIT_RESET] = 5;
    fs_model.options.held = 15;
    mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 1, 0, 0);
    assert_status(vpt_fs_read(&fs, &opened, 0, fs_buffer, 100, &done),
                  machine_on_pci() ? VPT_DEVICE_TIMEOUT : VPT_DEVICE_STUCK);
    assert_same(mock_hal_live_shares(machine.hal), machine_on_pci() ? 0 : 1);
    mock_fault_clear(&machine.model->faults, MOCK_FAULT_RESET_NEVER);
    fs_release();
    mock_hal_abandon(machine.hal);
    machine_end();
}
