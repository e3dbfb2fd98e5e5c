/* SPDX-License-Identifier: MIT */
/* Messages of the 9P client: sessions, and files without their data. */
#include "9p_internal.h"

/* "9P2000.L", as two fields. */
#define VERSION_FIRST  0x30325039u
#define VERSION_SECOND 0x4c2e3030u
#define VERSION_SIZE   8u

#define NAMES_MAX        16u /* in a walk */
#define AT_COUNT         15u /* where a walk's message has their number */
#define NO_SUCH          2u  /* Linux's number */
#define REMOVE_DIRECTORY 0x200u

/* Of Rgetattr: its bytes, and what is asked for and read. */
#define ATTRIBUTES       160u
#define ATTRIBUTES_BASIC 0x7ffu
#define AT_MODE          28u
#define AT_SIZE          56u

/* ---- Sessions ---- */

enum vpt_status vpt_9p_version(struct vpt_9p *p9, uint32_t msize)
{
    struct p9_call call;
    const uint8_t *version = call.reply + VPT_9P_HEADER + 4u + 2u;
    uint32_t length;

    vpt_9p_begin(&call, msize >= VPT_9P_MSIZE_MIN ? p9 : NULL, P9_VERSION);
    vpt_9p_add(&call, 4, msize);
    vpt_9p_add(&call, 2, VERSION_SIZE);
    vpt_9p_add(&call, 4, VERSION_FIRST);
    vpt_9p_add(&call, 4, VERSION_SECOND);
    if (vpt_9p_finish(&call, 0) != VPT_OK) {
        return call.status;
    }
    length = (uint32_t)vpt_9p_get(call.reply + VPT_9P_HEADER + 4u, 2);
    if (call.size != VPT_9P_HEADER + 4u + 2u + length || call.first < VPT_9P_MSIZE_MIN) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (length != VERSION_SIZE || vpt_9p_get(version, 4) != VERSION_FIRST ||
        vpt_9p_get(version + 4, 4) != VERSION_SECOND) {
        return VPT_UNSUPPORTED_VERSION;
    }
    p9->msize = call.first < msize ? call.first : msize;
    p9->resets = p9->requests.queue.resets;
    return VPT_OK;
}

enum vpt_status vpt_9p_attach(struct vpt_9p *p9, uint32_t fid, const char *user, const char *tree)
{
    struct p9_call call;

    vpt_9p_begin(&call, p9, P9_ATTACH);
    vpt_9p_add(&call, 4, fid);
    vpt_9p_add(&call, 4, P9_NO_FID); /* without authentication */
    vpt_9p_add_string(&call, user);
    vpt_9p_add_string(&call, tree);
    vpt_9p_add(&call, 4, 0); /* the user's number */
    return vpt_9p_finish(&call, VPT_9P_HEADER + P9_QID);
}

/* ---- Paths ---- */

/* Adds the names of a path. Returns how many there are. */
static uint32_t add_names(struct p9_call *call, const char *path)
{
    uint32_t names = 0;

    while (call->status == VPT_OK && *path != '\0') {
        size_t length = 0;

        while (path[length] != '\0' && path[length] != '/') {
            length++;
        }
        if (length != 0) {
            vpt_9p_add_bytes(call, path, length);
            names++;
        }
        path += length + (path[length] == '/' ? 1u : 0u);
    }
    return names;
}

enum vpt_status vpt_9p_walk(struct vpt_9p *p9, uint32_t fid, uint32_t new_fid, const char *path)
{
    struct p9_call call;
    uint32_t names;
    uint32_t found;

    vpt_9p_begin(&call, p9, P9_WALK);
    if (path == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_9p_add(&call, 4, fid);
    vpt_9p_add(&call, 4, new_fid);
    vpt_9p_add(&call, 2, 0);
    names = add_names(&call, path);
    if (call.status == VPT_OK && names > NAMES_MAX) {
        call.status = VPT_CALLER_TOO_LONG;
    }
    if (call.status == VPT_OK) {
        vpt_9p_put(call.slot + AT_COUNT, 2, names);
    }
    if (vpt_9p_finish(&call, 0) != VPT_OK) {
        return call.status;
    }
    found = call.first & 0xffffu;
    if (found > names || call.size != VPT_9P_HEADER + 2u + found * P9_QID) {
        return VPT_DEVICE_REQUEST_STATUS;
    }
    if (found < names) { /* the new fid is not in use */
        p9->error = NO_SUCH;
        return VPT_DEVICE_IO_ERROR;
    }
    return VPT_OK;
}

/* ---- Messages of a fid, maybe a name, and up to three numbers ---- */

#define PLAIN(type, named, numbers, reply) ((uint32_t)(reply) << 16 | (numbers) << 9 | (named) << 8 | (type))

#define OPENED (VPT_9P_HEADER + P9_QID + 4u)

#define LOPEN    PLAIN(12u, 0u, 1u, OPENED)
#define LCREATE  PLAIN(14u, 1u, 3u, OPENED)
#define MKDIR    PLAIN(72u, 1u, 2u, VPT_9P_HEADER + P9_QID)
#define UNLINKAT PLAIN(76u, 1u, 1u, VPT_9P_HEADER)
#define CLUNK    PLAIN(120u, 0u, 0u, VPT_9P_HEADER)

/* The third number, and the second of some, is 0: the group of a new file. */
static enum vpt_status send_plain(struct vpt_9p *p9, uint32_t plain, uint32_t fid, const char *name, uint32_t first,
                                  uint32_t second)
{
    struct p9_call call;
    uint32_t left;

    vpt_9p_begin(&call, p9, (uint8_t)plain);
    vpt_9p_add(&call, 4, fid);
    if ((plain & 0x100u) != 0) {
        vpt_9p_add_string(&call, name);
    }
    for (left = plain >> 9 & 3u; left != 0; left--) {
        vpt_9p_add(&call, 4, first);
        first = second;
        second = 0;
    }
    return vpt_9p_finish(&call, plain >> 16);
}

enum vpt_status vpt_9p_open_file(struct vpt_9p *p9, uint32_t fid, uint32_t flags)
{
    return send_plain(p9, LOPEN, fid, NULL, flags, 0);
}

enum vpt_status vpt_9p_create_file(struct vpt_9p *p9, uint32_t fid, const char *name, uint32_t flags, uint32_t mode)
{
    return send_plain(p9, LCREATE, fid, name, flags, mode);
}

enum vpt_status vpt_9p_make_directory(struct vpt_9p *p9, uint32_t fid, const char *name, uint32_t mode)
{
    return send_plain(p9, MKDIR, fid, name, mode, 0);
}

enum vpt_status vpt_9p_remove(struct vpt_9p *p9, uint32_t fid, const char *name, bool directory)
{
    return send_plain(p9, UNLINKAT, fid, name, directory ? REMOVE_DIRECTORY : 0, 0);
}

enum vpt_status vpt_9p_clunk(struct vpt_9p *p9, uint32_t fid)
{
    return send_plain(p9, CLUNK, fid, NULL, 0, 0);
}

/* ---- Attributes ---- */

enum vpt_status vpt_9p_get_attributes(struct vpt_9p *p9, uint32_t fid, struct vpt_9p_attributes *attributes)
{
    struct p9_call call;

    if (attributes == NULL) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_9p_begin(&call, p9, P9_GETATTR);
    vpt_9p_add(&call, 4, fid);
    vpt_9p_add(&call, 8, ATTRIBUTES_BASIC);
    if (vpt_9p_finish(&call, ATTRIBUTES) == VPT_OK) {
        attributes->mode = (uint32_t)vpt_9p_get(call.reply + AT_MODE, 4);
        attributes->size = vpt_9p_get(call.reply + AT_SIZE, 8);
    }
    return call.status;
}
