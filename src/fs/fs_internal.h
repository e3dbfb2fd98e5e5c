/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_FS_INTERNAL_H
#define VPT_SRC_FS_INTERNAL_H

#include <vpt/fs.h>

#include "../access.h"
#include "../request/slots.h"

/*
 * Types of messages. With the first three come the bytes of their arguments, those of the results, and whether a name
 * is behind the arguments. The driver's own order of bytes is used (D-FS-6).
 */
#define FS_PLAIN(type, named, arguments, results) ((results) << 16 | (arguments) << 9 | (named) << 8 | (type))

#define FS_ANY        255u /* as many as the caller checks */
#define FS_ENTRY      128u /* bytes of what a lookup finds */
#define FS_ATTRIBUTES 104u

#define FS_LOOKUP     FS_PLAIN(1u, 1u, 0u, FS_ENTRY)
#define FS_FORGET     FS_PLAIN(2u, 0u, 8u, 0u)
#define FS_GETATTR    FS_PLAIN(3u, 0u, 16u, FS_ATTRIBUTES)
#define FS_MKDIR      FS_PLAIN(9u, 1u, 8u, FS_ENTRY)
#define FS_UNLINK     FS_PLAIN(10u, 1u, 0u, 0u)
#define FS_RMDIR      FS_PLAIN(11u, 1u, 0u, 0u)
#define FS_OPEN       FS_PLAIN(14u, 0u, 8u, 16u)
#define FS_READ       FS_PLAIN(15u, 0u, 40u, FS_ANY)
#define FS_WRITE      FS_PLAIN(16u, 0u, 40u, 8u)
#define FS_RELEASE    FS_PLAIN(18u, 0u, 24u, 0u)
#define FS_INIT       FS_PLAIN(26u, 0u, 16u, FS_ANY)
#define FS_OPENDIR    FS_PLAIN(27u, 0u, 8u, 16u)
#define FS_READDIR    FS_PLAIN(28u, 0u, 40u, FS_ANY)
#define FS_RELEASEDIR FS_PLAIN(29u, 0u, 24u, 0u)
#define FS_CREATE     FS_PLAIN(35u, 1u, 16u, FS_ENTRY + 16u)

#define FS_TYPE(plain)      ((plain)&0xffu)
#define FS_IS_NAMED(plain)  (((plain)&0x100u) != 0)
#define FS_ARGUMENTS(plain) ((plain) >> 9 & 0x7fu)
#define FS_RESULTS(plain)   ((plain) >> 16)

#define FS_INTERRUPT    36u
#define FS_BATCH_FORGET 42u

/* A flag of INIT: OPEN truncates. */
#define FS_TRUNCATES (1u << 3)

#define FS_ROOT      1u
#define FS_ERROR_MAX 511u
#define FS_NO_FILE   2u /* Linux's error */

#define FS_HIPRIO 0u /* queues */

/* A message with its reply, which is copied before it is checked, since the device may change its own. */
struct fs_call {
    struct vpt_fs *fs;
    const struct vpt_fs_file *file; /* NULL: the root */
    const char *name;               /* behind it after the call */
    struct vpt_fs_message message;  /* only segments are the caller's */
    uint32_t length;                /* bytes of results */
    union {
        uint8_t bytes[VPT_FS_REPLY_MAX];
        uint16_t half[VPT_FS_REPLY_MAX / 2u];
        uint32_t word[VPT_FS_REPLY_MAX / 4u];
        uint64_t wide[VPT_FS_REPLY_MAX / 8u];
    } reply;
};

/* Where a field is that is so many bytes behind the reply's header. */
#define FS_HALF(offset) ((VPT_FS_REPLY_HEADER + (offset)) / 2u)
#define FS_WORD(offset) ((VPT_FS_REPLY_HEADER + (offset)) / 4u)
#define FS_WIDE(offset) ((VPT_FS_REPLY_HEADER + (offset)) / 8u)

/* Checks that a message can be sent, in a session unless it is the one that begins one: both queues are idle. */
enum vpt_status vpt_fs_check(const struct fs_call *call, uint32_t plain);

/*
 * Sends a message and waits for its reply. The call has 0 in what is not needed. Returns the status, which is
 * VPT_DEVICE_STUCK as long as the data is the device's.
 */
enum vpt_status vpt_fs_call(struct fs_call *call, uint32_t plain, const void *arguments);

/* The same, of a message without segments. The call is filled in before. */
enum vpt_status vpt_fs_send(struct fs_call *call, struct vpt_fs *fs, uint32_t plain, const struct vpt_fs_file *file,
                            const char *name, const void *arguments);

#endif
