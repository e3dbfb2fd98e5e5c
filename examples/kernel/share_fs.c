/* SPDX-License-Identifier: MIT */
#include <vpt/fs.h>

#include "folder.h"
#include "share.h"

static struct vpt_fs fs;
static struct vpt_fs_file root;
static struct vpt_fs_file source;
static struct vpt_fs_file copy;
static struct vpt_fs_list names;

static enum vpt_status begin(struct vpt_device *device, char *tag, size_t size)
{
    enum vpt_status status = vpt_fs_open(&fs, device);

    status = status == VPT_OK ? vpt_fs_get_tag(&fs, tag, size) : status;
    status = status == VPT_OK ? vpt_fs_begin(&fs) : status;
    status = status == VPT_OK ? vpt_fs_walk(&fs, NULL, "", &root) : status;
    return status == VPT_OK ? vpt_fs_open_file(&fs, &root, VPT_FS_READ_ONLY) : status;
}

static enum vpt_status next_name(void *buffer, char *name)
{
    struct vpt_fs_entry entry;
    enum vpt_status status;

    if (names.buffer == NULL) {
        names = (struct vpt_fs_list){ .directory = &root, .buffer = buffer, .size = FOLDER_BUFFER };
    }
    status = vpt_fs_next_entry(&fs, &names, &entry);
    for (unsigned i = 0; status == VPT_OK && i < FOLDER_NAME; i++) {
        name[i] = entry.name[i];
    }
    return status == VPT_EMPTY && vpt_fs_close(&fs, &root) != VPT_OK ? VPT_DEVICE_IO_ERROR : status;
}

static enum vpt_status open(const char *from, const char *to)
{
    enum vpt_status status = vpt_fs_walk(&fs, NULL, from, &source);

    status = status == VPT_OK ? vpt_fs_open_file(&fs, &source, VPT_FS_READ_ONLY) : status;
    return status == VPT_OK ? vpt_fs_create_file(&fs, NULL, to, VPT_FS_WRITE_ONLY | VPT_FS_TRUNCATE, 0644, &copy)
                            : status;
}

static enum vpt_status read(uint64_t offset, void *buffer, size_t size, size_t *done)
{
    return vpt_fs_read(&fs, &source, offset, buffer, size, done);
}

static enum vpt_status write(uint64_t offset, const void *bytes, size_t size)
{
    size_t done;

    return vpt_fs_write(&fs, &copy, offset, bytes, size, &done);
}

static enum vpt_status close(void)
{
    enum vpt_status status = vpt_fs_close(&fs, &source);

    return status == VPT_OK ? vpt_fs_close(&fs, &copy) : status;
}

bool share_use_fs(const struct vpt_port *port, const struct device_place *place)
{
    static const struct folder folder = { &fs.driver, &fs.error, begin, next_name, open, read, write, close };

    return folder_use(&folder, port, place);
}
