/* SPDX-License-Identifier: MIT */
/*
 * The data of files and directories, which is in the caller's memory, shared piece by piece: to copy it through slots
 * would need slots as long as the longest message, and no less code, because slots are as many as messages in flight.
 */
#include "9p_internal.h"

/* Of a directory's entry: qid, offset of the next entry (8), type (1), length of the name (2), then the name. */
#define ENTRY_PATH   5u
#define ENTRY_OFFSET P9_QID
#define ENTRY_TYPE   (ENTRY_OFFSET + 8u)
#define ENTRY_LENGTH (ENTRY_TYPE + 1u)
#define ENTRY_NAME   (ENTRY_LENGTH + 2u)

/* Sends the message with as many of the shared pieces as it has segments for. `*done` is how many bytes went. */
static enum vpt_status transfer_pieces(struct p9_call *call, const struct vpt_shares *shares, uint32_t *done)
{
    bool write = call->message.type == P9_WRITE;
    enum vpt_status status;
    uint32_t asked = 0;
    uint16_t i;

    for (i = 0; i < shares->count && i + 2u < call->p9->requests.segments; i++) {
        asked += shares->segments[i].length;
    }
    if (asked == 0) {
        return VPT_RESOURCE_SEGMENTS;
    }
    call->message.segments = shares->segments;
    *(write ? &call->message.readable : &call->message.writable) = i;
    vpt_9p_add(call, 4, asked);
    status = vpt_9p_finish(call, write ? VPT_9P_DATA : 0);
    if (status == VPT_OK) {
        if (call->first > asked || (!write && call->size - VPT_9P_DATA != call->first)) {
            return VPT_DEVICE_REQUEST_STATUS;
        }
        *done = call->first;
    }
    return status;
}

/* Transfers as much of the buffer as one message can. */
static enum vpt_status transfer_some(struct vpt_9p *p9, uint8_t type, uint32_t fid, uint64_t offset, void *buffer,
                                     size_t size, uint32_t *done)
{
    enum vpt_direction direction = type == P9_WRITE ? VPT_DEVICE_READS : VPT_DEVICE_WRITES;
    struct vpt_shares shares;
    enum vpt_status status;
    struct p9_call call;

    *done = 0;
    vpt_9p_begin(&call, p9, type);
    vpt_9p_add(&call, 4, fid);
    vpt_9p_add(&call, 8, offset);
    if (call.status != VPT_OK) {
        return call.status;
    }
    size = size < p9->msize - P9_OVERHEAD ? size : p9->msize - P9_OVERHEAD;
    status = vpt_shares_begin(&p9->requests, &shares, direction, buffer, size, 1);
    if (status == VPT_OK) {
        status = transfer_pieces(&call, &shares, done);
        if (status != VPT_DEVICE_STUCK) {
            vpt_shares_end(&p9->requests, &shares);
        }
    }
    return status;
}

static enum vpt_status transfer_all(struct vpt_9p *p9, uint8_t type, uint32_t fid, uint64_t offset, void *buffer,
                                    size_t size, size_t *done)
{
    enum vpt_status status = VPT_OK;
    uint32_t count = 1;

    if (done == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    *done = 0;
    if (buffer == NULL && size != 0) {
        return VPT_CALLER_ARGUMENT;
    }
    for (; *done < size && status == VPT_OK && count != 0; *done += count) {
        status = transfer_some(p9, type, fid, offset + *done, (uint8_t *)buffer + *done, size - *done, &count);
    }
    return status;
}

enum vpt_status vpt_9p_read(struct vpt_9p *p9, uint32_t fid, uint64_t offset, void *buffer, size_t size, size_t *done)
{
    return transfer_all(p9, P9_READ, fid, offset, buffer, size, done);
}

enum vpt_status vpt_9p_write(struct vpt_9p *p9, uint32_t fid, uint64_t offset, const void *buffer, size_t size,
                             size_t *done)
{
    enum vpt_status status = transfer_all(p9, P9_WRITE, fid, offset, vpt_unconst(buffer), size, done);

    return status == VPT_OK && *done < size ? VPT_DEVICE_REQUEST_STATUS : status;
}

/* Copies a name; false: it is none. */
static bool copy_name(const uint8_t *from, uint32_t length, char *name)
{
    uint32_t i;

    for (i = 0; i < length; i++) {
        name[i] = (char)vpt_load8(from + i); /* once: the device may change it */
        if (name[i] == '\0' || name[i] == '/') {
            return false;
        }
    }
    name[i] = '\0';
    return true;
}

/* Takes the entry at list->at. */
static enum vpt_status take_entry(struct vpt_9p_list *list, struct vpt_9p_entry *entry)
{
    const uint8_t *at = (const uint8_t *)list->buffer + list->at;
    uint32_t left = list->length - list->at;
    uint32_t length = left >= ENTRY_NAME ? (uint32_t)vpt_9p_get(at + ENTRY_LENGTH, 2) : 0;

    if (length == 0 || length > VPT_9P_NAME_MAX || length > left - ENTRY_NAME ||
        !copy_name(at + ENTRY_NAME, length, entry->name)) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    entry->path = vpt_9p_get(at + ENTRY_PATH, 8);
    entry->type = at[ENTRY_TYPE];
    list->offset = vpt_9p_get(at + ENTRY_OFFSET, 8);
    list->at += ENTRY_NAME + length;
    return VPT_OK;
}

enum vpt_status vpt_9p_next_entry(struct vpt_9p *p9, struct vpt_9p_list *list, struct vpt_9p_entry *entry)
{
    enum vpt_status status = VPT_OK;

    if (list == NULL || entry == NULL || list->buffer == NULL || list->size < VPT_9P_LIST_MIN) {
        return VPT_CALLER_ARGUMENT;
    }
    if (list->at == list->length) {
        list->at = 0;
        status = transfer_some(p9, P9_READDIR, list->fid, list->offset, list->buffer, list->size, &list->length);
        if (status == VPT_OK && list->length == 0) {
            status = VPT_EMPTY;
        }
    }
    return status == VPT_OK ? take_entry(list, entry) : status;
}
