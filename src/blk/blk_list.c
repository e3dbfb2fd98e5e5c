/* SPDX-License-Identifier: MIT */
/* A list of segments that is longer than a request, or cut differently from what the device takes. */
#include "blk_internal.h"

enum vpt_status vpt_blk_list_begin(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                   const struct vpt_segment *segments, size_t count, uint64_t sector)
{
    const struct vpt_blk_info *info;
    uint64_t bytes = 0;
    size_t i;

    if (list == NULL || queue == NULL || queue->requests.driver == NULL || (segments == NULL && count != 0)) {
        return VPT_CALLER_ARGUMENT;
    }
    for (i = 0; i < count; i++) {
        if (segments[i].length == 0) {
            return VPT_CALLER_ARGUMENT;
        }
        bytes += segments[i].length;
    }
    info = &blk_of(&queue->requests)->info;
    list->segments = segments;
    list->count = count;
    list->offset = 0;
    list->sector = sector;
    list->granule = blk_granule(info, sector, bytes);
    return blk_check_range(info, sector, bytes);
}

/* Moves the beginning of the list on, by at most `most` bytes and within one segment. Returns by how many. */
static uint32_t take_piece(struct vpt_blk_list *list, uint32_t most)
{
    uint32_t left = list->segments->length - list->offset;

    if (left > most) {
        list->offset += most;
        return most;
    }
    list->segments++;
    list->count--;
    list->offset = 0;
    return left;
}

/*
 * Fills at most `limit` pieces from the beginning of the list, and moves the beginning. Returns how many pieces;
 * `*bytes` is their sum.
 */
static uint16_t fill_pieces(struct vpt_blk_list *list, uint32_t limit, uint32_t segment_max, struct vpt_segment *pieces,
                            uint32_t *bytes)
{
    uint16_t count = 0;

    for (*bytes = 0; count < limit && list->count != 0 && *bytes < VPT_REQUEST_BYTES_MAX; count++) {
        uint32_t most = segment_max < VPT_REQUEST_BYTES_MAX - *bytes ? segment_max : VPT_REQUEST_BYTES_MAX - *bytes;

        pieces[count].address = list->segments->address + list->offset;
        pieces[count].length = take_piece(list, most);
        *bytes += pieces[count].length;
    }
    return count;
}

enum vpt_status vpt_blk_list_next(struct vpt_blk_list *list, const struct vpt_blk_queue *queue,
                                  struct vpt_blk_request *request, struct vpt_segment *pieces, uint16_t room)
{
    const struct vpt_requests *requests = &queue->requests;
    uint32_t limit = requests->segments < room ? requests->segments : room;
    struct vpt_blk_list end = *list;
    uint32_t excess = 0;
    uint32_t bytes;
    uint16_t count;

    if (list->count == 0) {
        return VPT_EMPTY;
    }
    count = fill_pieces(&end, limit, requests->segment_max, pieces, &bytes);
    if (end.count != 0) {
        excess = bytes & (list->granule - 1u);
    }
    bytes -= excess;
    while (excess != 0 && pieces[count - 1u].length <= excess) {
        count--;
        excess -= pieces[count].length;
    }
    if (bytes == 0) {
        return VPT_RESOURCE_SEGMENTS;
    }
    pieces[count - 1u].length -= excess;
    request->sector = list->sector;
    request->segments = pieces;
    request->segment_count = count;
    list->sector += bytes / VPT_BLK_SECTOR_SIZE;
    while (bytes != 0) {
        bytes -= take_piece(list, bytes);
    }
    return VPT_OK;
}
