/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <vpt/9p.h>

#include "step.h"

#define SOURCE "from-host.txt"
#define COPY   "from-guest.txt"

/* Fids. */
#define ROOT   0u
#define FOLDER 1u
#define FROM   2u
#define TO     3u

#define BUFFER_SIZE 4096u
#define ENTRIES_MAX 10000u

static const char own_line[] = "This line was written by a kernel.\n";

struct share {
    struct vpt_9p p9;
    char tag[32];
    unsigned entries;
    uint64_t bytes; /* written */
    uint32_t low;   /* of the checksum */
    uint32_t high;
    unsigned char buffer[BUFFER_SIZE];
};

/* What the server refused has a number of Linux, too. */
static bool share_step(const struct share *share, const char *what, enum vpt_status status)
{
    if (status == VPT_DEVICE_IO_ERROR) {
        print("the host's error %u\n", (unsigned)share->p9.error);
    }
    return step(what, status);
}

static bool list(struct share *share)
{
    struct vpt_9p_list folder = { .fid = FOLDER, .buffer = share->buffer, .size = BUFFER_SIZE };
    struct vpt_9p_entry entry;
    enum vpt_status status = VPT_OK;

    if (!share_step(share, "walk to the folder", vpt_9p_walk(&share->p9, ROOT, FOLDER, "")) ||
        !share_step(share, "open the folder", vpt_9p_open_file(&share->p9, FOLDER, VPT_9P_READ_ONLY))) {
        return false;
    }
    while (status == VPT_OK && share->entries < ENTRIES_MAX) {
        status = vpt_9p_next_entry(&share->p9, &folder, &entry);
        if (status == VPT_OK && entry.name[0] != '.') {
            print("share: %s\n", entry.name);
            share->entries++;
        }
    }
    return (status == VPT_EMPTY || share_step(share, "list the folder", status)) &&
           share_step(share, "close the folder", vpt_9p_clunk(&share->p9, FOLDER));
}

/* Appends to the copy. */
static bool append(struct share *share, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;
    size_t done = 0;

    if (!share_step(share, "write", vpt_9p_write(&share->p9, TO, share->bytes, bytes, size, &done))) {
        return false;
    }
    share->bytes += size;
    for (size_t i = 0; i < size; i++) {
        share->low = (share->low + next[i]) % 65521u;
        share->high = (share->high + share->low) % 65521u;
    }
    return true;
}

static bool copy(struct share *share)
{
    size_t done = BUFFER_SIZE;

    if (!share_step(share, "walk to " SOURCE, vpt_9p_walk(&share->p9, ROOT, FROM, SOURCE)) ||
        !share_step(share, "open " SOURCE, vpt_9p_open_file(&share->p9, FROM, VPT_9P_READ_ONLY)) ||
        !share_step(share, "walk to the folder", vpt_9p_walk(&share->p9, ROOT, TO, "")) ||
        !share_step(share, "make " COPY,
                    vpt_9p_create_file(&share->p9, TO, COPY, VPT_9P_WRITE_ONLY | VPT_9P_TRUNCATE, 0644))) {
        return false;
    }
    while (done == BUFFER_SIZE) {
        if (!share_step(share, "read",
                        vpt_9p_read(&share->p9, FROM, share->bytes, share->buffer, BUFFER_SIZE, &done)) ||
            !append(share, share->buffer, done)) {
            return false;
        }
    }
    return append(share, own_line, sizeof(own_line) - 1u) &&
           share_step(share, "close " SOURCE, vpt_9p_clunk(&share->p9, FROM)) &&
           share_step(share, "close " COPY, vpt_9p_clunk(&share->p9, TO));
}

static bool bring_up(struct share *share, struct vpt_device *device)
{
    share->low = 1;
    return step("bring the share up", vpt_9p_open(&share->p9, device)) &&
           step("read the share's name", vpt_9p_get_tag(&share->p9, share->tag, sizeof(share->tag))) &&
           share_step(share, "begin a session", vpt_9p_version(&share->p9, VPT_9P_MSIZE)) &&
           share_step(share, "attach", vpt_9p_attach(&share->p9, ROOT, "kernel", ""));
}

bool share_use(const struct vpt_port *port, const struct device_place *place)
{
    static struct share share;
    struct device device;

    if (!step("open the share", device_open(&device, port, place)) || !bring_up(&share, device.virtio) ||
        !list(&share) || !copy(&share) || !step("reset the share", vpt_device_reset(device.virtio)) ||
        !step("release the share", vpt_driver_release(&share.p9.driver))) {
        return false;
    }
    print("@share %s %u %u 0x%x\n", share.tag, share.entries, (unsigned)share.bytes,
          (unsigned)(share.high << 16 | share.low));
    device_close(&device);
    return true;
}
