/* SPDX-License-Identifier: MIT */
/* The data of files and directories, which is in the caller's memory, shared piece by piece. */
#include "fs_internal.h"

/* Of a directory's entry: inode (8), offset of the next one (8), length of the name (4), type (4), the name, filler. */
#define ENTRY_OFFSET       8u
#define ENTRY_LENGTH       16u
#define ENTRY_TYPE         20u
#define ENTRY_NAME         24u
#define ENTRY_SIZE(length) ((ENTRY_NAME + (length) + 7u) & ~7u)

/* The arguments of READ, WRITE and READDIR. */
struct io {
    uint64_t handle;
    uint64_t offset;
    uint32_t size;
    uint32_t flags[5]; /* all of them 0, with the number of a lock's owner */
};

VPT_STATIC_ASSERT(sizeof(struct io) == FS_ARGUMENTS(FS_READ), "as the server has it");

/* Sends the message with as many of the shared pieces as it has segments for. `*done` is how many bytes went. */
static enum vpt_status transfer_segments(struct fs_call *call, uint32_t plain, struct io *io,
                                         const struct vpt_shares *shares, uint32_t *done)
{
    enum vpt_status status;
    uint32_t written;
    uint16_t i;

    for (i = 0; i < shares->count && i + 2u < call->fs->requests.segments; i++) {
        io->size += shares->segments[i].length;
    }
    if (io->size == 0) {
        return VPT_RESOURCE_SEGMENTS;
    }
    call->message.segments = shares->segments;
    *(plain == FS_WRITE ? &call->message.readable : &call->message.writable) = i;
    status = vpt_fs_call(call, plain, io);
    if (status == VPT_OK) {
        written = call->reply.word[FS_WORD(0)];
        if (plain == FS_WRITE && written > io->size) {
            return VPT_DEVICE_REQUEST_STATUS;
        }
        *done = plain == FS_WRITE ? written : call->length;
    }
    return status;
}

/* Transfers as much of the buffer as one message can. */
static enum vpt_status transfer_once(struct vpt_fs *fs, uint32_t plain, const struct vpt_fs_file *file, uint64_t offset,
                                     void *buffer, size_t size, uint32_t *done)
{
    struct fs_call call = { .fs = fs, .file = file };
    struct vpt_shares shares;
    enum vpt_status status;
    struct io io = { 0 };

    *done = 0;
    status = vpt_fs_check(&call, plain);
    if (status != VPT_OK) {
        return status;
    }
    if (!file->open) {
        return VPT_CALLER_STATE;
    }
    io.handle = file->handle;
    io.offset = offset;
    size = size < fs->data_max ? size : fs->data_max;
    status = vpt_shares_begin(&fs->requests, &shares, plain == FS_WRITE ? VPT_DEVICE_READS : VPT_DEVICE_WRITES, buffer,
                              size, 1);
    if (status == VPT_OK) {
        status = transfer_segments(&call, plain, &io, &shares, done);
        if (status != VPT_DEVICE_STUCK) {
            vpt_shares_end(&fs->requests, &shares);
        }
    }
    return status;
}

static enum vpt_status transfer_data(struct vpt_fs *fs, uint32_t plain, const struct vpt_fs_file *file, uint64_t offset,
                                     void *buffer, size_t size, size_t *done)
{
    enum vpt_status status = VPT_OK;
    uint32_t count = 1;

    if (done == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *done = 0;
    if (file == NULL || (buffer == NULL && size != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    for (; *done < size && status == VPT_OK && count != 0; *done += count) {
        status = transfer_once(fs, plain, file, offset + *done, (uint8_t *)buffer + *done, size - *done, &count);
    }
    return status;
}

enum vpt_status vpt_fs_read(struct vpt_fs *fs, const struct vpt_fs_file *file, uint64_t offset, void *buffer,
                            size_t size, size_t *done)
{
    return transfer_data(fs, FS_READ, file, offset, buffer, size, done);
}

enum vpt_status vpt_fs_write(struct vpt_fs *fs, const struct vpt_fs_file *file, uint64_t offset, const void *buffer,
                             size_t size, size_t *done)
{
    enum vpt_status status = transfer_data(fs, FS_WRITE, file, offset, vpt_unconst(buffer), size, done);

    return status == VPT_OK && *done < size ? VPT_DEVICE_REQUEST_STATUS : status;
}

/* Takes the entry at list->at. Each byte is read once, since the memory may be the device's as well. */
static enum vpt_status take_directory_entry(struct vpt_fs_list *list, struct vpt_fs_entry *entry)
{
    const uint8_t *at = (const uint8_t *)list->buffer + list->at;
    uint32_t left = list->length - list->at;
    uint32_t words[ENTRY_NAME / 4u];
    uint32_t length;
    uint32_t i;

    if (left < ENTRY_NAME) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    vpt_slots_copy_out((uint8_t *)words, at, sizeof(words));
    length = words[ENTRY_LENGTH / 4u];
    if (length - 1u >= VPT_FS_NAME_MAX || ENTRY_SIZE(length) > left) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    for (i = 0; i < length; i++) {
        entry->name[i] = (char)vpt_load8(at + ENTRY_NAME + i);
        if (entry->name[i] == 0 || entry->name[i] == '/') {
            return VPT_DEVICE_REQUEST_STATUS;
        }
    }
    entry->name[length] = '\0';
    entry->type = words[ENTRY_TYPE / 4u];
    vpt_copy(&entry->inode, words, sizeof(entry->inode));
    vpt_copy(&list->offset, words + ENTRY_OFFSET / 4u, sizeof(list->offset));
    list->at += ENTRY_SIZE(length);
    return VPT_OK;
}

enum vpt_status vpt_fs_next_entry(struct vpt_fs *fs, struct vpt_fs_list *list, struct vpt_fs_entry *entry)
{
    enum vpt_status status = VPT_OK;

    if (list == NULL || entry == NULL || list->directory == NULL || list->buffer == NULL ||
        list->size < VPT_FS_LIST_MIN) {
        return VPT_CALLER_ARGUMENT;
    }
    if (list->at == list->length) {
        list->at = 0;
        status = transfer_once(fs, FS_READDIR, list->directory, list->offset, list->buffer, list->size, &list->length);
        if (status == VPT_OK && list->length == 0) {
            status = VPT_EMPTY;
        }
    }
    return status == VPT_OK ? take_directory_entry(list, entry) : status;
}
