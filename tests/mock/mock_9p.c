/* SPDX-License-Identifier: MIT */
#include "mock_9p.h"

#include "mock_backend.h"

#define F_MOUNT_TAG 0u

#define HEADER      7u
#define DATA_HEADER 11u
#define QID         13u
#define ENTRY       24u
#define OVERHEAD    24u
#define MSIZE       65536u
#define MSIZE_LEAST 512u
#define MESSAGE_MAX (MSIZE * 8u)

/* T-messages. */
#define TLOPEN    12u
#define TLCREATE  14u
#define TGETATTR  24u
#define TREADDIR  40u
#define TMKDIR    72u
#define TUNLINKAT 76u
#define TVERSION  100u
#define TATTACH   104u
#define TFLUSH    108u
#define TWALK     110u
#define TREAD     116u
#define TWRITE    118u
#define TCLUNK    120u
#define RLERROR   7u

#define REMOVE_DIR 0x200u

struct request {
    struct mock_message m;
    struct mock_9p *p9;
};

static uint8_t message_bytes[MESSAGE_MAX];
static uint8_t reply_bytes[MESSAGE_MAX];
static struct mock_config_field fields[1u + MOCK_9P_TAG];

/* ---- Fields ---- */

/* A string, with a NUL; false: too long, or it is no name though it has to be. */
static bool take_name(struct request *request, char *name, bool any)
{
    uint32_t length = (uint32_t)mock_take(&request->m, 2);
    const char *from = (const char *)request->m.bytes + request->m.at;

    if (!require(request->p9, length <= request->m.length - request->m.at && length < MOCK_TREE_NAME,
                 "a string's length")) {
        return false;
    }
    memcpy(name, from, length);
    name[length] = '\0';
    request->m.at += length;
    return any || (length != 0 && strchr(name, '/') == NULL && strlen(name) == length);
}

static void put_string(struct request *request, const char *string)
{
    mock_put(&request->m, 2, strlen(string));
    memcpy(request->m.reply + request->m.size, string, strlen(string));
    request->m.size += (uint32_t)strlen(string);
}

static void put_qid(struct request *request, uint32_t node)
{
    mock_put(&request->m, 1, request->p9->tree.nodes[node].directory ? 0x80 : 0);
    mock_put(&request->m, 4, 1);
    mock_put(&request->m, 8, 1000u + node);
}

/* ---- Files ---- */

static struct mock_9p_fid *find_fid(struct mock_9p *p9, uint32_t fid)
{
    for (unsigned i = 0; i < MOCK_9P_FIDS; i++) {
        if (p9->fids[i].used && p9->fids[i].fid == fid) {
            return &p9->fids[i];
        }
    }
    return NULL;
}

unsigned mock_9p_fids(const struct mock_9p *p9)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MOCK_9P_FIDS; i++) {
        count += p9->fids[i].used ? 1u : 0u;
    }
    return count;
}

static bool new_fid(struct mock_9p *p9, uint32_t fid, uint32_t node)
{
    for (unsigned i = 0; i < MOCK_9P_FIDS && find_fid(p9, fid) == NULL; i++) {
        if (!p9->fids[i].used) {
            p9->fids[i] = (struct mock_9p_fid){ .used = true, .fid = fid, .node = node };
            return true;
        }
    }
    return false;
}

void mock_9p_clear(struct mock_9p *p9)
{
    struct mock_device *device = p9->device;

    memset(p9, 0, sizeof(*p9));
    p9->device = device;
    mock_tree_clear(&p9->tree);
}

/* ---- Messages: each returns an error, or 0 ---- */

static uint32_t version(struct request *request)
{
    struct mock_9p *p9 = request->p9;
    uint32_t most = p9->options.msize != 0 ? p9->options.msize : MSIZE;
    uint32_t msize = mock_take32(&request->m);
    char name[MOCK_TREE_NAME];

    require(p9, take_name(request, name, true) && strcmp(name, "9P2000.L") == 0, "another version");
    require(p9, msize >= MSIZE_LEAST, "a session of tiny messages");
    memset(p9->fids, 0, sizeof(p9->fids));
    p9->msize = msize < most ? msize : most;
    mock_put(&request->m, 4, p9->msize);
    put_string(request, p9->options.version != NULL ? p9->options.version : "9P2000.L");
    return 0;
}

static uint32_t attach(struct request *request)
{
    uint32_t fid = mock_take32(&request->m);
    char name[MOCK_TREE_NAME];

    require(request->p9, mock_take32(&request->m) == UINT32_MAX, "an authentication");
    if (!take_name(request, name, true) || !take_name(request, name, true)) {
        return MOCK_EINVAL;
    }
    (void)mock_take32(&request->m);
    if (name[0] != '\0') {
        return MOCK_ENOENT;
    }
    put_qid(request, MOCK_TREE_ROOT);
    return new_fid(request->p9, fid, MOCK_TREE_ROOT) ? 0 : MOCK_EINVAL;
}

static uint32_t walk(struct request *request)
{
    struct mock_9p *p9 = request->p9;
    const struct mock_9p_fid *from = find_fid(p9, mock_take32(&request->m));
    uint32_t fid = mock_take32(&request->m);
    uint32_t names = (uint32_t)mock_take(&request->m, 2);
    uint32_t node = from != NULL ? from->node : 0;
    char name[MOCK_TREE_NAME];
    uint32_t found = 0;

    require(p9, names <= 16, "a walk of more than 16 names");
    mock_put(&request->m, 2, 0);
    for (bool here = true; found < names && here; found += here ? 1u : 0u) {
        uint32_t next = MOCK_TREE_NODES;

        here = require(p9, take_name(request, name, false), "a walk by what is no name");
        next = here ? mock_tree_find(&p9->tree, node, name) : next;
        here = next < MOCK_TREE_NODES && (p9->options.walk_most == 0 || found < p9->options.walk_most);
        if (here) {
            node = next;
            put_qid(request, node);
        }
    }
    request->m.at = request->m.length;
    for (uint32_t i = 0; i < p9->options.walk_more; i++) {
        put_qid(request, node);
        found++;
    }
    mock_store(request->m.reply + HEADER, 2, found, false);
    if (from == NULL || (names != 0 && found == 0)) {
        return from == NULL ? MOCK_EBADF : MOCK_ENOENT;
    }
    return found < names || new_fid(p9, fid, node) ? 0 : MOCK_EBADF;
}

static uint32_t open_node(struct request *request, struct mock_9p_fid *fid, uint32_t flags)
{
    struct mock_tree_node *node = &request->p9->tree.nodes[fid->node];

    if (node->directory && (flags & MOCK_O_ACCESS) != 0) {
        return MOCK_EISDIR;
    }
    if ((flags & MOCK_O_TRUNCATE) != 0) {
        node->size = 0;
    }
    require(request->p9, !fid->open, "a fid that is open is opened");
    fid->open = true;
    fid->flags = flags;
    put_qid(request, fid->node);
    mock_put(&request->m, 4, 0);
    return 0;
}

/* Makes what a directory's fid and a name say, and opens it if it is a file. */
static uint32_t make(struct request *request, struct mock_9p_fid *fid, bool directory)
{
    struct mock_tree *tree = &request->p9->tree;
    char name[MOCK_TREE_NAME];
    bool good = take_name(request, name, false);
    uint32_t flags = directory ? 0 : mock_take32(&request->m);
    uint32_t mode = mock_take32(&request->m);
    uint32_t made;

    (void)mock_take32(&request->m);
    if (!good) {
        return MOCK_EINVAL;
    }
    if (!tree->nodes[fid->node].directory) {
        return MOCK_ENOTDIR;
    }
    if (mock_tree_find(tree, fid->node, name) < MOCK_TREE_NODES) {
        return MOCK_EEXIST;
    }
    made = mock_tree_make(tree, fid->node, name, directory);
    if (made == MOCK_TREE_NODES) {
        return MOCK_ENOSPC;
    }
    tree->nodes[made].mode = mode;
    if (directory) {
        put_qid(request, made);
        return 0;
    }
    fid->node = made;
    return open_node(request, fid, flags);
}

static uint32_t remove_name(struct request *request, const struct mock_9p_fid *fid)
{
    struct mock_9p *p9 = request->p9;
    uint32_t found = MOCK_TREE_NODES;
    char name[MOCK_TREE_NAME];
    uint32_t flags;

    if (take_name(request, name, false)) {
        found = mock_tree_find(&p9->tree, fid->node, name);
    }
    flags = mock_take32(&request->m);
    require(p9, (flags & ~REMOVE_DIR) == 0, "an unknown flag");
    return mock_file_remove(&p9->tree, found, flags == REMOVE_DIR);
}

static uint32_t get_attributes(struct request *request, const struct mock_9p_fid *fid)
{
    const struct mock_tree_node *node = &request->p9->tree.nodes[fid->node];

    require(request->p9, mock_take(&request->m, 8) == 0x7ff, "other attributes");
    mock_put(&request->m, 8, 0x7ff);
    put_qid(request, fid->node);
    mock_put(&request->m, 4, node->mode | (node->directory ? 0040000u : 0100000u));
    mock_put(&request->m, 8, 0); /* owner */
    mock_put(&request->m, 8, 1);
    mock_put(&request->m, 8, 0);
    mock_put(&request->m, 8, node->size);
    while (request->m.size < 160) {
        mock_put(&request->m, 4, 0x77777777);
    }
    return 0;
}

/* Cuts a count to what the server gives at once. */
static uint32_t cut(const struct mock_9p *p9, uint64_t count)
{
    return p9->options.most != 0 && count > p9->options.most ? p9->options.most : (uint32_t)count;
}

static uint32_t read_or_list(struct request *request, const struct mock_9p_fid *fid, bool list)
{
    struct mock_9p *p9 = request->p9;
    const struct mock_tree_node *node = &p9->tree.nodes[fid->node];
    uint64_t offset = mock_take(&request->m, 8);
    uint32_t count = mock_take32(&request->m);

    require(p9, count <= p9->msize - OVERHEAD, "more is asked for than a reply has room for");
    if (!require(p9, fid->open, "a fid is read that is not open") || node->directory != list) {
        return node->directory ? MOCK_EISDIR : MOCK_EBADF;
    }
    mock_put(&request->m, 4, 0);
    for (uint64_t i = offset + 1u; list && i < MOCK_TREE_NODES; i++) {
        const struct mock_tree_node *entry = &p9->tree.nodes[i];

        if (entry->used && entry->parent == fid->node) {
            if (request->m.size + ENTRY + strlen(entry->name) > DATA_HEADER + cut(p9, count)) {
                break;
            }
            put_qid(request, (uint32_t)i);
            mock_put(&request->m, 8, i);
            mock_put(&request->m, 1, entry->directory ? 4 : 8);
            put_string(request, entry->name);
        }
    }
    request->m.size -= list ? p9->options.list_cut : 0;
    if (!list && offset < node->size) {
        count = cut(p9, count < node->size - offset ? count : node->size - offset);
        memcpy(request->m.reply + request->m.size, node->bytes + offset, count);
        request->m.size += count;
    }
    mock_store(request->m.reply + HEADER, 4, request->m.size - DATA_HEADER, false);
    return 0;
}

static uint32_t write_file(struct request *request, const struct mock_9p_fid *fid)
{
    struct mock_tree_node *node = &request->p9->tree.nodes[fid->node];
    uint64_t offset = mock_take(&request->m, 8);
    uint32_t count = mock_take32(&request->m);

    require(request->p9, count == request->m.length - request->m.at, "a write of other bytes than it has");
    request->m.at = request->m.length;
    if (!require(request->p9, fid->open && (fid->flags & MOCK_O_ACCESS) != 0,
                 "a fid is written that is not open for that")) {
        return MOCK_EBADF;
    }
    count = cut(request->p9, count);
    mock_put(&request->m, 4, count);
    return mock_file_write(node, offset, request->m.bytes + 23, count);
}

static uint32_t with_fid(struct request *request, uint8_t type)
{
    struct mock_9p_fid *fid = find_fid(request->p9, mock_take32(&request->m));

    if (fid == NULL) {
        request->m.at = request->m.length;
        return MOCK_EBADF;
    }
    switch (type) {
    case TLOPEN: return open_node(request, fid, mock_take32(&request->m));
    case TLCREATE: return make(request, fid, false);
    case TGETATTR: return get_attributes(request, fid);
    case TREADDIR: return read_or_list(request, fid, true);
    case TMKDIR: return make(request, fid, true);
    case TUNLINKAT: return remove_name(request, fid);
    case TREAD: return read_or_list(request, fid, false);
    case TWRITE: return write_file(request, fid);
    case TCLUNK: fid->used = false; return 0;
    default: require(request->p9, false, "an unknown message"); return MOCK_EIO;
    }
}

/* The header of a message that has not been carried out. */
static bool read_header(struct mock_9p *p9, const struct mock_element *element, uint8_t *header)
{
    return mock_element_read(p9->device, element, 0, header, HEADER) == HEADER;
}

/* A Tflush is about the message that is held, or was until now. */
static void check_flushed(struct mock_9p *p9, uint64_t tag)
{
    const struct mock_queue *queue = &p9->device->queues[0];
    bool known = tag == p9->last_tag || p9->options.held == 0;
    uint8_t other[HEADER];

    for (size_t i = 0; i < queue->pending_count; i++) {
        known = known || (read_header(p9, &queue->pending[i], other) && mock_load(other + 5, 2, false) == tag);
    }
    require(p9, known, "a Tflush of another message");
}

static uint32_t carry_out(struct request *request, uint8_t type)
{
    struct mock_9p *p9 = request->p9;

    if (type != TVERSION && type != TFLUSH) {
        require(p9, p9->msize != 0, "a message without a session");
        require(p9, request->m.length <= p9->msize, "a message that is longer than agreed");
    }
    if (mock_fault_fires(&p9->device->faults, MOCK_FAULT_IO_ERROR, NULL)) {
        request->m.at = request->m.length;
        return MOCK_EIO;
    }
    switch (type) {
    case TVERSION: return version(request);
    case TATTACH: return attach(request);
    case TWALK: return walk(request);
    case TFLUSH:
        p9->flushes++;
        p9->released = p9->device->queues[0].pending_count != 0;
        check_flushed(p9, mock_take(&request->m, 2));
        return 0;
    default: return with_fid(request, type);
    }
}

/* ---- The device ---- */

/* No two messages in flight have the same tag (D-9P-7). */
static void check_tag(struct mock_9p *p9, const struct mock_queue *queue, const uint8_t *header)
{
    uint64_t tag = mock_load(header + 5, 2, false);
    uint8_t other[HEADER];

    require(p9, (header[4] == TVERSION) == (tag == 0xffff), "the tag that is none");
    for (size_t i = 0; i < queue->pending_count; i++) {
        require(p9, !read_header(p9, &queue->pending[i], other) || mock_load(other + 5, 2, false) != tag,
                "a tag that is in use");
    }
}

static uint32_t handle(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_9p *p9 = backend;
    struct request request = {
        { .device = p9->device, .bytes = message_bytes, .at = HEADER, .reply = reply_bytes, .size = HEADER }, p9
    };
    uint32_t error;
    uint8_t type;

    request.m.length = (uint32_t)mock_element_read(p9->device, element, 0, message_bytes, MESSAGE_MAX);
    if (!require(p9, request.m.length >= HEADER && mock_load(message_bytes, 4, false) == element->readable_bytes,
                 "a message's size (D-9P-5)")) {
        mock_device_needs_reset(p9->device);
        return 0;
    }
    check_tag(p9, queue, message_bytes);
    type = message_bytes[4];
    p9->messages++;
    p9->last_type = type;
    p9->last_tag = type != TFLUSH ? (uint16_t)mock_load(message_bytes + 5, 2, false) : p9->last_tag;
    if (type == p9->options.held) {
        p9->released = false;
        if (!p9->options.held_answered) {
            return 0;
        }
    }
    memset(reply_bytes, 0, HEADER);
    error = carry_out(&request, type);
    require(p9, request.m.at == request.m.length || error != 0, "a message with more than its fields");
    if (error != 0) {
        request.m.size = HEADER;
        mock_put(&request.m, 4, error);
    }
    mock_store(reply_bytes, 4, request.m.size, false);
    reply_bytes[4] = error != 0 ? RLERROR : (uint8_t)(type + 1u);
    memcpy(reply_bytes + 5, message_bytes + 5, 2);
    p9->longest = request.m.size > p9->longest ? request.m.size : p9->longest;
    return mock_answer(&request.m, element, type, &p9->options.lie);
}

/* Whether the oldest message may be answered: one that is held waits for a Tflush, which may wait for ever. */
static bool ready(void *backend, const struct mock_queue *queue)
{
    struct mock_9p *p9 = backend;
    uint8_t header[HEADER];

    if (p9->options.held == 0 || queue->pending_count == 0 || !read_header(p9, &queue->pending[0], header) ||
        (header[4] != p9->options.held && header[4] != TFLUSH)) {
        return true;
    }
    return !p9->options.flush_unanswered && (queue->pending_count > 1 || header[4] == TFLUSH || p9->released);
}

static void reset(void *backend)
{
    struct mock_9p *p9 = backend;

    p9->msize = 0;
    p9->released = false;
    memset(p9->fids, 0, sizeof(p9->fids));
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_9p *p9 = backend;
    const char *tag = p9->options.tag != NULL ? p9->options.tag : "share";
    struct mock_config *config = &device->config;
    size_t length = strlen(tag);

    fields[0] = (struct mock_config_field){ "tag length", 0, 2, F_MOUNT_TAG, false };
    for (unsigned i = 0; i < MOCK_9P_TAG; i++) {
        fields[1u + i] = (struct mock_config_field){ "tag", (uint16_t)(2u + i), 1, F_MOUNT_TAG, false };
    }
    p9->device = device;
    mock_config_init(config, fields, p9->options.no_tag ? 0 : 1u + MOCK_9P_TAG, device->legacy);
    mock_config_set(config, 0, 2, p9->options.tag_length != 0 ? p9->options.tag_length : length);
    memcpy(config->bytes + 2, tag, length < MOCK_9P_TAG ? length : MOCK_9P_TAG);
    memset(config->changed, 0, sizeof(config->changed));
    if (!p9->options.no_tag) {
        vpt_features_add(&device->offered, F_MOUNT_TAG);
    }
}

const struct mock_backend mock_9p_backend = {
    .name = "9p",
    .type = VPT_DEVICE_TYPE_9P,
    .init = init,
    .known = { { 0x1 } },
    .reset = reset,
    .ready = ready,
    .handle = handle,
    .changes = { { 0, 2, 1, 1, 5 }, { 2, 1, 'a', 1, 26 } },
};
