/* SPDX-License-Identifier: MIT */
#include "folder.h"

#include "step.h"

#define SOURCE "from-host.txt"
#define COPY   "from-guest.txt"

#define ENTRIES_MAX 10000u

static const char own_line[] = "This line was written by a kernel.\n";

struct copy {
    const struct folder *folder;
    uint64_t bytes; /* written */
    uint32_t low;   /* of the checksum */
    uint32_t high;
    unsigned char buffer[FOLDER_BUFFER];
};

static bool folder_step(const struct folder *folder, const char *what, enum vpt_status status)
{
    if (status == VPT_DEVICE_IO_ERROR) {
        print("the host's error %u\n", (unsigned)*folder->error);
    }
    return step(what, status);
}

static bool list(struct copy *copy, unsigned *entries)
{
    const struct folder *folder = copy->folder;
    char name[FOLDER_NAME];
    enum vpt_status status = VPT_OK;

    for (*entries = 0; status == VPT_OK && *entries < ENTRIES_MAX;) {
        status = folder->next_name(copy->buffer, name);
        if (status == VPT_OK && name[0] != '.') {
            print("share: %s\n", name);
            (*entries)++;
        }
    }
    return status == VPT_EMPTY || folder_step(folder, "list the folder", status);
}

/* Appends to the copy. */
static bool append(struct copy *copy, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;

    if (!folder_step(copy->folder, "write", copy->folder->write(copy->bytes, bytes, size))) {
        return false;
    }
    copy->bytes += size;
    for (size_t i = 0; i < size; i++) {
        copy->low = (copy->low + next[i]) % 65521u;
        copy->high = (copy->high + copy->low) % 65521u;
    }
    return true;
}

static bool copy_file(struct copy *copy)
{
    const struct folder *folder = copy->folder;
    size_t done = FOLDER_BUFFER;

    if (!folder_step(folder, "open the files", folder->open(SOURCE, COPY))) {
        return false;
    }
    while (done == FOLDER_BUFFER) {
        if (!folder_step(folder, "read", folder->read(copy->bytes, copy->buffer, FOLDER_BUFFER, &done)) ||
            !append(copy, copy->buffer, done)) {
            return false;
        }
    }
    return append(copy, own_line, sizeof(own_line) - 1u) && folder_step(folder, "close the files", folder->close());
}

bool folder_use(const struct folder *folder, const struct vpt_port *port, const struct device_place *place)
{
    static struct copy copy;
    struct device device;
    unsigned entries;
    char tag[32];

    copy.folder = folder;
    copy.bytes = 0;
    copy.low = 1;
    copy.high = 0;
    if (!step("open the share", device_open(&device, port, place)) ||
        !folder_step(folder, "bring the share up", folder->begin(device.virtio, tag, sizeof(tag))) ||
        !list(&copy, &entries) || !copy_file(&copy) || !step("reset the share", vpt_device_reset(device.virtio)) ||
        !step("release the share", vpt_driver_release(folder->driver))) {
        return false;
    }
    print("@share %s %u %u 0x%x\n", tag, entries, (unsigned)copy.bytes, (unsigned)(copy.high << 16 | copy.low));
    device_close(&device);
    return true;
}
