/* SPDX-License-Identifier: MIT */
/* Messages to a server behind a simulated device, which has a few files in memory: fields, errors, and lies. */
#ifndef VPT_TESTS_MOCK_MESSAGE_H
#define VPT_TESTS_MOCK_MESSAGE_H

#include "mock_device.h"
#include "mock_tree.h"

/* A message that is carried out. Fields are taken from `bytes` at `at`, and put to `reply` at `size`. */
struct mock_message {
    struct mock_device *device;
    bool native; /* fields are in the CPU's byte order */
    const uint8_t *bytes;
    uint32_t length;
    uint32_t at;
    uint8_t *reply; /* begins with its size */
    uint32_t size;
};

uint64_t mock_take(struct mock_message *message, uint32_t width);
uint32_t mock_take32(struct mock_message *message);
void mock_put(struct mock_message *message, uint32_t width, uint64_t value);

/* What replies to messages of one type are changed to. */
struct mock_reply_lie {
    uint32_t type; /* 0: there is no lie */
    uint8_t width;
    uint16_t offset; /* in the reply */
    uint64_t value;  /* of `width` bytes there */
    uint32_t cut;    /* bytes that are not written of its end, nor counted in the used length ... */
    uint32_t more;   /* ... or bytes that are written behind it and counted, there and in the reply ... */
    bool silent;     /* ... or nothing is written, and all is counted */
};

/* Writes a reply to a message of this type, or what the lie makes of it. Returns the used length. */
uint32_t mock_answer(struct mock_message *message, const struct mock_element *element, uint32_t type,
                     const struct mock_reply_lie *lie);

/* Errors, by Linux's numbers. */
enum mock_error {
    MOCK_ENOENT = 2,
    MOCK_EIO = 5,
    MOCK_EBADF = 9,
    MOCK_EEXIST = 17,
    MOCK_ENOTDIR = 20,
    MOCK_EISDIR = 21,
    MOCK_EINVAL = 22,
    MOCK_ENFILE = 23,
    MOCK_ENOSPC = 28,
    MOCK_ENOTEMPTY = 39
};

/* What a file is opened with. */
#define MOCK_O_ACCESS   3u
#define MOCK_O_EXCLUDE  0200u
#define MOCK_O_TRUNCATE 01000u

/* Writes a file's bytes; removes what a number is, which has to be a directory or not. Each returns an error, or 0. */
uint32_t mock_file_write(struct mock_tree_node *node, uint64_t offset, const uint8_t *bytes, uint32_t count);
uint32_t mock_file_remove(struct mock_tree *tree, uint32_t number, bool directory);

#endif
