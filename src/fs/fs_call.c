/* SPDX-License-Identifier: MIT */
/* Messages of the FUSE client: how each is written, sent, and answered; and the session that they are in. */
#include "fs_internal.h"

/* Of INIT. */
#define MAJOR        7u
#define MINOR        31u /* as the fields that are sent here */
#define MINOR_MIN    12u /* the first one with these fields */
#define BIG_WRITES   (1u << 5)
#define HAS_PAGES    (1u << 22)
#define RESULTS_MIN  24u
#define AT_MAJOR     0u
#define AT_MINOR     4u
#define AT_FLAGS     12u
#define AT_WRITE_MAX 20u
#define AT_PAGES_MAX 28u
#define PAGE         4096u
#define PAGES_UNSAID 32u

/* Both queues have to be idle, so that FORGET can follow a message which made the server count. */
enum vpt_status vpt_fs_check(const struct fs_call *call, uint32_t plain)
{
    const struct vpt_fs *fs = call->fs;
    enum vpt_status status;

    if (fs == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_requests_ready(&fs->requests);
    if (status == VPT_OK) {
        status = vpt_requests_ready(&fs->hiprio);
    }
    if (status == VPT_OK && ((fs->session == fs->requests.queue.resets) == (plain == FS_INIT) ||
                             (call->file != NULL && call->file->session != fs->session))) {
        status = VPT_CALLER_STATE;
    }
    return status;
}

/* Writes what comes behind the header. A name ends at a '/', which only one that is looked up may have. */
static enum vpt_status write_arguments(struct fs_call *call, uint32_t plain, const void *arguments, uint8_t *slot)
{
    uint8_t *to = vpt_slots_copy_in(slot + VPT_FS_HEADER, arguments, FS_ARGUMENTS(plain));
    const char *name = call->name;
    uint32_t left;

    if (FS_IS_NAMED(plain)) {
        if (name == NULL) {
            return VPT_CALLER_ARGUMENT;
        }
        for (left = VPT_FS_NAME_MAX; *name != '\0' && *name != '/'; left--) {
            if (left == 0) {
                return VPT_CALLER_TOO_LONG;
            }
            vpt_store8(to++, (uint8_t)*name++);
        }
        if (name == call->name || (*name == '/' && plain != FS_LOOKUP)) {
            return VPT_CALLER_ARGUMENT;
        }
        vpt_store8(to++, 0);
        call->name = name;
    }
    call->message.type = FS_TYPE(plain);
    call->message.node = call->file != NULL ? call->file->node : FS_ROOT;
    call->message.size = (uint32_t)(to - slot);
    return VPT_OK;
}

/* Checks the reply that was copied. */
static enum vpt_status check_reply(struct fs_call *call, uint32_t plain, const struct vpt_completion *completion)
{
    enum vpt_status status = completion->status;

    if (status == VPT_DEVICE_IO_ERROR) {
        call->fs->error = (0u - call->reply.word[1]) & FS_ERROR_MAX; /* a lie, if this changes it */
    }
    if (status != VPT_OK || plain == FS_FORGET) {
        return status;
    }
    call->length = call->reply.word[0] - VPT_FS_REPLY_HEADER;
    if (call->length > completion->length - VPT_FS_REPLY_HEADER) { /* changed since it was checked */
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (FS_RESULTS(plain) != FS_ANY && FS_RESULTS(plain) != call->length) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (FS_RESULTS(plain) >= FS_ENTRY && FS_RESULTS(plain) != FS_ANY && call->reply.wide[FS_WIDE(0)] == 0) {
        call->fs->error = FS_NO_FILE; /* there is none, and the server has counted nothing */
        return VPT_DEVICE_IO_ERROR;
    }
    return VPT_OK;
}

enum vpt_status vpt_fs_call(struct fs_call *call, uint32_t plain, const void *arguments)
{
    enum vpt_status status = vpt_fs_check(call, plain);
    struct vpt_completion completion;
    struct vpt_requests *requests;
    uint8_t *slot;

    if (status != VPT_OK) {
        return status;
    }
    requests = plain == FS_FORGET ? &call->fs->hiprio : &call->fs->requests;
    slot = (uint8_t *)slot_next(requests); /* the queue is idle, so one is free */
    status = write_arguments(call, plain, arguments, slot);
    if (status == VPT_OK) {
        status = vpt_fs_submit(call->fs, &call->message, NULL);
    }
    if (status == VPT_OK) {
        status = vpt_requests_wait(requests, &completion);
    }
    if (status != VPT_OK) {
        return status;
    }
    vpt_slots_copy_out(call->reply.bytes, slot + VPT_FS_MESSAGE_MAX, sizeof(call->reply));
    return check_reply(call, plain, &completion);
}

enum vpt_status vpt_fs_send(struct fs_call *call, struct vpt_fs *fs, uint32_t plain, const struct vpt_fs_file *file,
                            const char *name, const void *arguments)
{
    vpt_zero(call, VPT_OFFSET_OF(struct fs_call, reply));
    call->fs = fs;
    call->file = file;
    call->name = name;
    return vpt_fs_call(call, plain, arguments);
}

enum vpt_status vpt_fs_begin(struct vpt_fs *fs)
{
    static const uint32_t arguments[] = { MAJOR, MINOR, 0, FS_TRUNCATES | BIG_WRITES | HAS_PAGES };
    struct fs_call call;
    enum vpt_status status = vpt_fs_send(&call, fs, FS_INIT, NULL, NULL, arguments);
    uint32_t pages = PAGES_UNSAID;
    uint32_t minor;
    uint32_t most;

    if (status != VPT_OK) {
        return status;
    }
    minor = call.reply.word[FS_WORD(AT_MINOR)];
    most = call.reply.word[FS_WORD(AT_WRITE_MAX)];
    fs->flags = call.reply.word[FS_WORD(AT_FLAGS)];
    if (call.length < RESULTS_MIN) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (call.reply.word[FS_WORD(AT_MAJOR)] != MAJOR || minor < MINOR_MIN) {
        return VPT_UNSUPPORTED_VERSION;
    }
    if ((fs->flags & HAS_PAGES) != 0) {
        pages = call.length >= AT_PAGES_MAX + 4u ? call.reply.half[FS_HALF(AT_PAGES_MAX)] : 0;
    }
    if (most < PAGE || pages == 0) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    fs->data_max = most < pages * PAGE ? most : pages * PAGE;
    fs->minor = minor < MINOR ? minor : MINOR;
    fs->session = fs->requests.queue.resets;
    return VPT_OK;
}
