/* SPDX-License-Identifier: MIT */
/* 9P servers that lie in their replies, and those that do not reply. */
#include <string.h>

#include "share.h"

#define SIZE 0 /* offsets in a reply */
#define TYPE 4
#define TAG  5
#define BODY 7

/* ---- Replies ---- */

/* Carries out what a message of this type is for, on P9_ROOT or the open file P9_FILE. */
static enum vpt_status ask(uint8_t type)
{
    struct vpt_9p_list list = { .fid = 2, .buffer = p9_buffer, .size = 600 };
    struct vpt_9p_attributes attributes;
    struct vpt_9p_entry entry;
    size_t done;

    memset(p9_buffer, 'y', 600);
    switch (type) {
    case 12: return vpt_9p_open_file(&p9, P9_ROOT, VPT_9P_READ_ONLY);
    case 14: return vpt_9p_create_file(&p9, P9_ROOT, "made", VPT_9P_READ_WRITE, 0644);
    case 24: return vpt_9p_get_attributes(&p9, P9_FILE, &attributes);
    case 40: return vpt_9p_next_entry(&p9, &list, &entry);
    case 72: return vpt_9p_make_directory(&p9, P9_ROOT, "other", 0755);
    case 76: return vpt_9p_remove(&p9, P9_ROOT, "hello", false);
    case 100: return vpt_9p_version(&p9, 8192);
    case 104: return vpt_9p_attach(&p9, 9, "", "");
    case 110: return vpt_9p_walk(&p9, P9_ROOT, 9, "dir/sub");
    case 116: return vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, 100, &done);
    case 118: return vpt_9p_write(&p9, P9_FILE, 0, p9_buffer, 100, &done);
    default: return vpt_9p_clunk(&p9, P9_FILE);
    }
}

static const uint8_t types[] = { 12, 14, 24, 40, 72, 76, 100, 104, 110, 116, 118, 120 };

/* P9_FILE, for reading and writing, and the root at 2. */
static void open_files(void)
{
    assert_status(vpt_9p_walk(&p9, P9_ROOT, P9_FILE, "hello"), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, P9_FILE, VPT_9P_READ_WRITE), VPT_OK);
    assert_status(vpt_9p_walk(&p9, P9_ROOT, 2, ""), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, 2, VPT_9P_READ_ONLY), VPT_OK);
}

static void start(const struct ring_variant *variant)
{
    p9_start(variant);
    open_files();
}

static void expect_lie(const struct ring_variant *variant, const char *text, const struct mock_reply_lie *lie)
{
    uint64_t resets;

    start(variant);
    resets = machine.model->resets;
    p9_model.options.lie = *lie;
    assert_status_of(text, ask((uint8_t)lie->type), VPT_DEVICE_REQUEST_STATUS);
    p9_make_model(); /* what was carried out is undone */
    assert_same_of(text, machine.model->resets, resets);
    assert_same(mock_hal_live_shares(machine.hal), 0);
    assert_p9_works();
    p9_end();
}

/* What no reply may be, whatever it is one to. */
Test(p9_replies, D_9P_5_a_header_that_lies)
{
    static const struct {
        const char *text;
        struct mock_reply_lie lie;
    } rows[] = {
        { "no size", { .offset = SIZE, .width = 4, .value = 0 } },
        { "less than a header", { .offset = SIZE, .width = 4, .value = 6 } },
        { "only a header", { .offset = SIZE, .width = 4, .value = 8 } },
        { "more than there is room for", { .offset = SIZE, .width = 4, .value = 0x7fffffff } },
        { "the largest size", { .offset = SIZE, .width = 4, .value = UINT32_MAX } },
        { "another type", { .offset = TYPE, .width = 1, .value = 99 } },
        { "the message's own type", { .offset = TYPE, .width = 1, .value = 116 } },
        { "an error of another size", { .offset = TYPE, .width = 1, .value = 7 } },
        { "another tag", { .offset = TAG, .width = 2, .value = 5 } },
        { "the tag that is none", { .offset = TAG, .width = 2, .value = 0xfffe } },
        { "one byte is missing", { .offset = TYPE, .cut = 1 } },
        { "the header is missing", { .offset = TYPE, .cut = 1000 } },
        { "nothing was written", { .silent = true } },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        for (unsigned k = 0; k < COUNT_OF(types); k++) {
            struct mock_reply_lie lie = rows[i].lie;

            /* A write's reply has the size of an error, whose number is then the count. */
            if (types[k] == 118 && lie.value == 7) {
                continue;
            }
            lie.type = types[k];
            expect_lie(&ring_usual, rows[i].text, &lie);
        }
    }
}

/* What a body may not be. */
Test(p9_replies, D_9P_7_a_body_that_lies)
{
    static const struct {
        const char *text;
        struct mock_reply_lie lie;
    } rows[] = {
        { "more names than were asked for", { .type = 110, .offset = BODY, .width = 2, .value = 3 } },
        { "a large number of names", { .type = 110, .offset = BODY, .width = 2, .value = 0xffff } },
        { "fewer names than there are", { .type = 110, .offset = BODY, .width = 2, .value = 1 } },
        { "more bytes than were asked for", { .type = 116, .offset = BODY, .width = 4, .value = 101 } },
        { "a large number of bytes", { .type = 116, .offset = BODY, .width = 4, .value = UINT32_MAX } },
        { "fewer bytes than the reply has", { .type = 116, .offset = BODY, .width = 4, .value = 99 } },
        { "more was written than asked", { .type = 118, .offset = BODY, .width = 4, .value = 101 } },
        { "a list longer than the reply", { .type = 40, .offset = BODY, .width = 4, .value = 500 } },
        { "a list longer than the buffer", { .type = 40, .offset = BODY, .width = 4, .value = 601 } },
        { "no name", { .type = 40, .offset = 11 + 22, .width = 2, .value = 0 } },
        { "a name that is too long", { .type = 40, .offset = 11 + 22, .width = 2, .value = 256 } },
        { "a name longer than the list", { .type = 40, .offset = 11 + 22, .width = 2, .value = 200 } },
        { "a name of the greatest length", { .type = 40, .offset = 11 + 22, .width = 2, .value = 0xffff } },
        { "a name with a NUL", { .type = 40, .offset = 11 + 26, .width = 1, .value = 0 } },
        { "a name with a slash", { .type = 40, .offset = 11 + 28, .width = 1, .value = '/' } },
        { "a version longer than the reply", { .type = 100, .offset = 11, .width = 2, .value = 9 } },
        { "a version of the greatest length", { .type = 100, .offset = 11, .width = 2, .value = 0xffff } },
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        expect_lie(&ring_usual, rows[i].text, &rows[i].lie);
    }
}

/* The used length counts, except behind a legacy interface, where it may be anything. */
P9_TEST(p9_replies, D_9P_5_a_used_length_that_is_too_short)
{
    bool legacy = machine_kind_legacy(variant->kind);

    for (unsigned k = 0; k < COUNT_OF(types); k++) {
        start(variant);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_LENGTH_SHORT, 1, 1, 0);
        assert_status(ask(types[k]), legacy ? VPT_OK : VPT_DEVICE_REQUEST_STATUS);
        p9_end();
    }
}

/* Behind a legacy interface a size is bounded by the room. */
Test(p9_replies, D_9P_5_a_size_above_a_legacy_device_s_room)
{
    static const struct ring_variant legacy = { MACHINE_MMIO_1, false, false, false };

    for (unsigned k = 0; k < COUNT_OF(types); k++) {
        const struct mock_reply_lie lie = { .type = types[k], .offset = SIZE, .width = 4, .value = 0x10000 };

        expect_lie(&legacy, "too long", &lie);
        expect_lie(&legacy, "silent", &(const struct mock_reply_lie){ .type = types[k], .silent = true });
    }
}

/* More names than were asked for, or longer messages. */
Test(p9_replies, what_a_server_does_beyond_what_is_asked)
{
    start(&ring_usual);
    p9_model.options.walk_more = 1;
    assert_status(ask(110), VPT_DEVICE_REQUEST_STATUS);
    p9_model.options.walk_more = 0;
    p9_model.options.lie = (struct mock_reply_lie){ .type = 100, .width = 4, .offset = BODY, .value = 0x100000 };
    assert_status(ask(100), VPT_OK);
    assert_same(p9.msize, 8192);
    p9_model.options.lie.type = 0;
    assert_p9_works();
    p9_end();
}

/* What is in the buffer behind a list is no part of it. */
Test(p9_replies, a_list_that_ends_within_an_entry)
{
    struct vpt_9p_list list = { .fid = 2, .buffer = p9_buffer, .size = 1000 };
    struct vpt_9p_entry entry;
    char name[VPT_9P_NAME_MAX + 1u] = { 0 };

    for (uint32_t cut = 1; cut < 24u + 3u; cut++) {
        start(&ring_usual);
        memset(p9_buffer, 'y', P9_BUFFER);
        p9_buffer[29 + 22] = 3; /* the length of the second name */
        p9_buffer[29 + 23] = 0;
        list.at = list.length = 0;
        list.offset = 0;
        p9_model.options.list_cut = cut;
        assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_OK);
        cr_assert(strcmp(entry.name, "hello") == 0);
        assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_DEVICE_REQUEST_STATUS);
        p9_end();
    }
    /* A name that is a byte longer than the longest, where the next byte is not 0. */
    start(&ring_usual);
    memset(name, 'x', VPT_9P_NAME_MAX);
    p9_make_model();
    (void)strcpy(p9_model.tree.nodes[1].name, name);
    p9_session();
    assert_status(vpt_9p_walk(&p9, P9_ROOT, 2, ""), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, 2, VPT_9P_READ_ONLY), VPT_OK);
    list.at = list.length = 0;
    list.offset = 0;
    p9_model.options.lie = (struct mock_reply_lie){ .type = 40, .width = 2, .offset = 11 + 22, .value = 256 };
    assert_status(vpt_9p_next_entry(&p9, &list, &entry), VPT_DEVICE_REQUEST_STATUS);
    p9_model.options.lie.type = 0;
    p9_end();
}

/* A part of a path that is found is not enough; 0 bytes are the end of a file. */
Test(p9_replies, what_is_no_lie)
{
    size_t done = 1;

    start(&ring_usual);
    p9_model.options.walk_most = 1;
    p9.error = 0;
    assert_status(ask(110), VPT_DEVICE_IO_ERROR);
    assert_same(p9.error, 2);
    p9_model.options.walk_most = 0;
    assert_status(vpt_9p_read(&p9, P9_FILE, P9_HELLO, p9_buffer, 10, &done), VPT_OK);
    assert_same(done, 0);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
    for (unsigned k = 0; k < COUNT_OF(types); k++) {
        p9.error = 0;
        assert_status(ask(types[k]), VPT_DEVICE_IO_ERROR);
        assert_same(p9.error, 5);
        if (types[k] == 100) { /* then there is no session any more */
            assert_status(ask(110), VPT_CALLER_STATE);
            mock_fault_clear(&machine.model->faults, MOCK_FAULT_IO_ERROR);
            p9_session();
            mock_fault_set(&machine.model->faults, MOCK_FAULT_IO_ERROR, 1, 0, 0);
        }
    }
    p9_end();
}

/* ---- No reply ---- */

/* A server that gives a message up, or answers it after all; the session goes on, and nothing is left shared. */
P9_TEST(p9_replies, a_message_that_is_given_up)
{
    start(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (unsigned k = 0; k < 4u * COUNT_OF(types); k++) {
        uint8_t type = types[k / 4u];
        bool answered = k % 2u == 0;
        uint64_t resets = machine.model->resets;
        uint64_t flushes = p9_model.flushes;

        machine.model->completion.order = k % 4u < 2u ? MOCK_ORDER_ARRIVAL : MOCK_ORDER_REVERSED;
        if (vpt_requests_free(&p9.requests) < 2) {
            break; /* a Tflush has no slot */
        }
        p9_model.options.held = type;
        p9_model.options.held_answered = answered;
        assert_status(ask(type), answered ? VPT_OK : VPT_CANCELLED);
        assert_same(machine.model->resets, resets);
        assert_same(p9_model.flushes, flushes + 1u);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        p9_model.options.held = 0;
        p9_release();
        assert_status(vpt_9p_open(&p9, machine.device), VPT_OK);
        p9_make_model();
        p9_session();
        open_files();
    }
    assert_p9_works();
    p9_end();
}

/* A session goes on after a message was given up. */
P9_TEST(p9_replies, a_session_after_a_message_that_is_given_up)
{
    start(variant);
    machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
    for (unsigned i = 0; i < 20; i++) {
        size_t done = 0;

        p9_model.options.held = 116;
        assert_status(ask(116), VPT_CANCELLED);
        p9_model.options.held = 0;
        assert_status(vpt_9p_read(&p9, P9_FILE, 0, p9_buffer, P9_HELLO, &done), VPT_OK);
        cr_assert(done == P9_HELLO && filled(p9_buffer, P9_HELLO, P9_SEED));
    }
    p9_end();
}

/* A server that is silent for good, or a device that loses a message, or the Tflush: a reset is what is left. */
P9_TEST(p9_replies, a_device_that_never_gives_a_message_back)
{
    for (unsigned i = 0; i < 5; i++) {
        enum vpt_status status = VPT_DEVICE_TIMEOUT;
        uint64_t resets;

        if (variant->in_order && (i == 0 || i == 2)) {
            continue; /* no message can be left out of an order */
        }
        start(variant);
        machine.hal->wait_budget[VPT_WAIT_REQUEST] = 5;
        resets = machine.model->resets;
        switch (i) {
        case 0: mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 1, 0); break;
        case 1: mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 1, 0, 0); break;
        case 2:
            p9_model.options.held = 116;
            mock_fault_set(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST, 2, 1, 0); /* the Tflush */
            break;
        case 3:
            p9_model.options.held = 116;
            p9_model.options.flush_unanswered = true;
            break;
        default:
            mock_fault_set(&machine.model->faults, MOCK_FAULT_NEEDS_RESET, 1, 1, 0);
            status = VPT_DEVICE_NEEDS_RESET;
            break;
        }
        assert_status(ask(116), status);
        assert_same(machine.model->resets, resets + 1u);
        assert_same(mock_hal_live_shares(machine.hal), 0);
        assert_status(ask(116), VPT_CANCELLED);
        mock_fault_clear(&machine.model->faults, MOCK_FAULT_COMPLETION_LOST);
        p9_model.options.held = 0;
        p9_model.options.flush_unanswered = false;
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
        assert_status(ask(116), VPT_CALLER_STATE); /* the session is over */
        assert_p9_works();
        p9_end();
    }
}
