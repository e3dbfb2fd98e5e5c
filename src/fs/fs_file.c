/* SPDX-License-Identifier: MIT */
/* Files, without their data. What the server counts for a file is taken back by FORGET. */
#include "fs_internal.h"

/* Of an entry: behind the node there are attributes. */
#define AT_MODE 100u

/* Of the reply to GETATTR. */
#define AT_ATTRIBUTES_SIZE 24u
#define AT_ATTRIBUTES_MODE 76u

static bool is_directory(const struct vpt_fs_file *file)
{
    return (file->mode & VPT_FS_MODE_TYPE) == VPT_FS_MODE_DIRECTORY;
}

/* Makes *file what the reply has, which the server has counted. */
static void take_found(const struct fs_call *call, struct vpt_fs_file *file)
{
    vpt_zero(file, sizeof(*file));
    file->node = call->reply.wide[FS_WIDE(0)];
    file->mode = call->reply.word[FS_WORD(AT_MODE)];
    file->session = call->fs->session;
    file->counted = true;
}

/*
 * Takes back what the server has counted for a file. `status` is that of a call just before; if this has ended the
 * session, there is nothing to take back. Returns the first failure.
 */
static enum vpt_status forget_file(struct vpt_fs *fs, const struct vpt_fs_file *file, enum vpt_status status)
{
    static const uint64_t times = 1;
    struct fs_call call;
    enum vpt_status forgotten = vpt_fs_send(&call, fs, FS_FORGET, file, NULL, &times);

    return status != VPT_OK ? status : forgotten;
}

enum vpt_status vpt_fs_walk(struct vpt_fs *fs, const struct vpt_fs_file *from, const char *path,
                            struct vpt_fs_file *file)
{
    struct vpt_fs_file at = { .node = FS_ROOT, .mode = VPT_FS_MODE_DIRECTORY };
    struct vpt_fs_file last;
    struct fs_call call = { .fs = fs, .file = from };
    enum vpt_status status = path != NULL && file != NULL ? vpt_fs_check(&call, FS_LOOKUP) : VPT_CALLER_ARGUMENT;

    if (status != VPT_OK) {
        return status;
    }
    at.session = fs->session;
    for (;; path = call.name) {
        while (*path == '/') {
            path++;
        }
        if (*path == '\0') {
            break;
        }
        last = at;
        status = vpt_fs_send(&call, fs, FS_LOOKUP, last.counted ? &last : from, path, NULL);
        if (status == VPT_OK) {
            take_found(&call, &at);
        }
        if (last.counted) {
            status = forget_file(fs, &last, status);
        }
        if (status != VPT_OK) {
            return status;
        }
    }
    if (!at.counted && from != NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *file = at;
    return VPT_OK;
}

enum vpt_status vpt_fs_open_file(struct vpt_fs *fs, struct vpt_fs_file *file, uint32_t flags)
{
    const uint32_t arguments[] = { flags, 0 };
    struct fs_call call;
    enum vpt_status status;

    if (fs == NULL || file == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (file->open) {
        return VPT_CALLER_STATE;
    }
    if ((flags & VPT_FS_TRUNCATE) != 0 && (fs->flags & FS_TRUNCATES) == 0) {
        return VPT_UNSUPPORTED_FEATURE;
    }
    status = vpt_fs_send(&call, fs, is_directory(file) ? FS_OPENDIR : FS_OPEN, file, NULL, arguments);
    if (status == VPT_OK) {
        file->handle = call.reply.wide[FS_WIDE(0)];
        file->open = true;
    }
    return status;
}

enum vpt_status vpt_fs_create_file(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                                   uint32_t flags, uint32_t mode, struct vpt_fs_file *file)
{
    const uint32_t arguments[] = { flags, mode | VPT_FS_MODE_FILE, 0, 0 };
    struct fs_call call;
    enum vpt_status status;

    if (file == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_fs_send(&call, fs, FS_CREATE, directory, name, arguments);
    if (status == VPT_OK) {
        take_found(&call, file);
        file->handle = call.reply.wide[FS_WIDE(FS_ENTRY)];
        file->open = true;
    }
    return status;
}

enum vpt_status vpt_fs_make_directory(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                                      uint32_t mode)
{
    const uint32_t arguments[] = { mode, 0 };
    struct fs_call call;
    enum vpt_status status = vpt_fs_send(&call, fs, FS_MKDIR, directory, name, arguments);
    struct vpt_fs_file made;

    if (status == VPT_OK) {
        take_found(&call, &made);
        status = forget_file(fs, &made, VPT_OK);
    }
    return status;
}

/* Some servers remove only what was looked up before. */
enum vpt_status vpt_fs_remove(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                              bool is_directory)
{
    struct fs_call call;
    enum vpt_status status = vpt_fs_send(&call, fs, FS_LOOKUP, directory, name, NULL);
    struct vpt_fs_file found;

    if (status == VPT_OK) {
        take_found(&call, &found);
        status = vpt_fs_send(&call, fs, is_directory ? FS_RMDIR : FS_UNLINK, directory, name, NULL);
        status = forget_file(fs, &found, status);
    }
    return status;
}

enum vpt_status vpt_fs_close(struct vpt_fs *fs, struct vpt_fs_file *file)
{
    struct fs_call call;
    enum vpt_status status = VPT_OK;

    if (fs == NULL || file == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    if (file->open) {
        const uint64_t arguments[] = { file->handle, 0, 0 };

        status = vpt_fs_send(&call, fs, is_directory(file) ? FS_RELEASEDIR : FS_RELEASE, file, NULL, arguments);
    }
    if (file->counted) {
        status = forget_file(fs, file, status);
    }
    if (status != VPT_CALLER_BUSY) {
        vpt_zero(file, sizeof(*file));
    }
    return status;
}

enum vpt_status vpt_fs_get_attributes(struct vpt_fs *fs, const struct vpt_fs_file *file,
                                      struct vpt_fs_attributes *attributes)
{
    static const uint64_t arguments[2] = { 0, 0 };
    struct fs_call call;
    enum vpt_status status;

    if (attributes == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    status = vpt_fs_send(&call, fs, FS_GETATTR, file, NULL, arguments);
    if (status == VPT_OK) {
        attributes->size = call.reply.wide[FS_WIDE(AT_ATTRIBUTES_SIZE)];
        attributes->mode = call.reply.word[FS_WORD(AT_ATTRIBUTES_MODE)];
    }
    return status;
}
