/* SPDX-License-Identifier: MIT */
#include <vpt/9p.h>

#include "folder.h"
#include "share.h"

/* Fids. */
#define ROOT   0u
#define FOLDER 1u
#define FROM   2u
#define TO     3u

static struct vpt_9p p9;
static struct vpt_9p_list names;

static enum vpt_status begin(struct vpt_device *device, char *tag, size_t size)
{
    enum vpt_status status = vpt_9p_open(&p9, device);

    status = status == VPT_OK ? vpt_9p_get_tag(&p9, tag, size) : status;
    status = status == VPT_OK ? vpt_9p_version(&p9, VPT_9P_MSIZE) : status;
    status = status == VPT_OK ? vpt_9p_attach(&p9, ROOT, "kernel", "") : status;
    status = status == VPT_OK ? vpt_9p_walk(&p9, ROOT, FOLDER, "") : status;
    return status == VPT_OK ? vpt_9p_open_file(&p9, FOLDER, VPT_9P_READ_ONLY) : status;
}

static enum vpt_status next_name(void *buffer, char *name)
{
    struct vpt_9p_entry entry;
    enum vpt_status status;

    if (names.buffer == NULL) {
        names = (struct vpt_9p_list){ .fid = FOLDER, .buffer = buffer, .size = FOLDER_BUFFER };
    }
    status = vpt_9p_next_entry(&p9, &names, &entry);
    for (unsigned i = 0; status == VPT_OK && i < FOLDER_NAME; i++) {
        name[i] = entry.name[i];
    }
    return status == VPT_EMPTY && vpt_9p_clunk(&p9, FOLDER) != VPT_OK ? VPT_DEVICE_IO_ERROR : status;
}

static enum vpt_status open(const char *from, const char *to)
{
    enum vpt_status status = vpt_9p_walk(&p9, ROOT, FROM, from);

    status = status == VPT_OK ? vpt_9p_open_file(&p9, FROM, VPT_9P_READ_ONLY) : status;
    status = status == VPT_OK ? vpt_9p_walk(&p9, ROOT, TO, "") : status;
    return status == VPT_OK ? vpt_9p_create_file(&p9, TO, to, VPT_9P_WRITE_ONLY | VPT_9P_TRUNCATE, 0644) : status;
}

static enum vpt_status read(uint64_t offset, void *buffer, size_t size, size_t *done)
{
    return vpt_9p_read(&p9, FROM, offset, buffer, size, done);
}

static enum vpt_status write(uint64_t offset, const void *bytes, size_t size)
{
    size_t done;

    return vpt_9p_write(&p9, TO, offset, bytes, size, &done);
}

static enum vpt_status close(void)
{
    enum vpt_status status = vpt_9p_clunk(&p9, FROM);

    return status == VPT_OK ? vpt_9p_clunk(&p9, TO) : status;
}

bool share_use_9p(const struct vpt_port *port, const struct device_place *place)
{
    static const struct folder folder = { &p9.driver, &p9.error, begin, next_name, open, read, write, close };

    return folder_use(&folder, port, place);
}
