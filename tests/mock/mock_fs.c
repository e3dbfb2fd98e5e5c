/* SPDX-License-Identifier: MIT */
#include "mock_fs.h"

#include "mock_backend.h"

#define HIPRIO 0u

#define HEADER       40u
#define REPLY_HEADER 16u
#define ENTRY        128u
#define ATTRIBUTES   88u
#define IO           40u
#define MESSAGE_MAX  0x200000u
#define HANDLES      0x1000u /* the number of the first one */
#define DATA_MAX     0x20000u

#define LOOKUP       1u
#define FORGET       2u
#define GETATTR      3u
#define MKDIR        9u
#define UNLINK       10u
#define RMDIR        11u
#define OPEN         14u
#define READ         15u
#define WRITE        16u
#define RELEASE      18u
#define INIT         26u
#define OPENDIR      27u
#define READDIR      28u
#define RELEASEDIR   29u
#define CREATE       35u
#define INTERRUPT    36u
#define BATCH_FORGET 42u

#define F_TRUNCATE  (1u << 3)
#define F_PAGES_MAX (1u << 22)

struct request {
    struct mock_message m;
    struct mock_fs *fs;
    uint32_t type;
    uint32_t node; /* number in the tree */
};

static uint8_t message_bytes[MESSAGE_MAX];
static uint8_t reply_bytes[MESSAGE_MAX];
static struct mock_config_field fields[1u + MOCK_FS_TAG];

/* ---- Fields ---- */

static void take_zeros(struct request *request, uint32_t count)
{
    while (count-- != 0) {
        require(request->fs, mock_take(&request->m, 1) == 0, "a field that is not used is not 0");
    }
}

/* The last field; it ends with a NUL. */
static const char *take_name(struct request *request)
{
    const char *name = (const char *)request->m.bytes + request->m.at;
    size_t most = request->m.length - request->m.at;
    size_t length = memchr(name, 0, most) != NULL ? strlen(name) : most;

    request->m.at = request->m.length;
    if (!require(request->fs,
                 length + 1u == most && length != 0 && length < MOCK_TREE_NAME && strchr(name, '/') == NULL,
                 "a name that is none")) {
        return "?";
    }
    return name;
}

static void put_attributes(struct request *request, uint32_t node)
{
    const struct mock_tree_node *of = &request->fs->tree.nodes[node];

    mock_put(&request->m, 8, 1000u + node);
    mock_put(&request->m, 8, of->size);
    for (unsigned i = 0; i < 11; i++) { /* blocks, times */
        mock_put(&request->m, 4, 0x77777777);
    }
    mock_put(&request->m, 4, of->mode | (of->directory ? 0040000u : 0100000u));
    for (unsigned i = 0; i < 6; i++) {
        mock_put(&request->m, 4, 0x66666666);
    }
}

/* What a lookup finds, which the driver has to take back. */
static uint32_t put_entry(struct request *request, uint32_t node)
{
    request->fs->lookups[node]++;
    mock_put(&request->m, 8, node + 1u);
    mock_put(&request->m, 8, 1);
    for (unsigned i = 0; i < 6; i++) { /* how long it is valid */
        mock_put(&request->m, 4, 0x55555555);
    }
    put_attributes(request, node);
    return 0;
}

/* ---- Files ---- */

uint64_t mock_fs_lookups(const struct mock_fs *fs)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < MOCK_TREE_NODES; i++) {
        count += fs->lookups[i];
    }
    return count;
}

unsigned mock_fs_handles(const struct mock_fs *fs)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MOCK_FS_HANDLES; i++) {
        count += fs->handles[i].used ? 1u : 0u;
    }
    return count;
}

void mock_fs_clear(struct mock_fs *fs)
{
    struct mock_device *device = fs->device;

    memset(fs, 0, sizeof(*fs));
    fs->device = device;
    mock_tree_clear(&fs->tree);
}

static uint32_t put_handle(struct request *request, uint32_t node, uint32_t flags)
{
    for (uint32_t i = 0; i < MOCK_FS_HANDLES; i++) {
        struct mock_fs_handle *handle = &request->fs->handles[i];

        if (!handle->used) {
            *handle = (struct mock_fs_handle){ .used = true, .node = node, .flags = flags };
            mock_put(&request->m, 8, HANDLES + i);
            mock_put(&request->m, 8, 0);
            return 0;
        }
    }
    return MOCK_ENFILE;
}

/* The handle that a message has; NULL: a violation. */
static struct mock_fs_handle *take_handle(struct request *request)
{
    uint64_t number = mock_take(&request->m, 8);
    struct mock_fs_handle *handle = NULL;

    if (number >= HANDLES && number < HANDLES + MOCK_FS_HANDLES) {
        handle = &request->fs->handles[number - HANDLES];
    }
    return require(request->fs, handle != NULL && handle->used && handle->node == request->node,
                   "a handle that is not open, or another file's")
               ? handle
               : NULL;
}

/* ---- Messages: each returns an error, or 0 ---- */

static uint32_t begin_session(struct request *request)
{
    struct mock_fs *fs = request->fs;
    const struct mock_fs_options *options = &fs->options;
    uint32_t write_max = options->write_max != 0 ? options->write_max : DATA_MAX;
    uint32_t pages_max = options->pages_max != 0 ? options->pages_max : 32;
    uint32_t flags;

    require(fs, mock_take32(&request->m) == 7 && mock_take32(&request->m) == 31, "another version");
    (void)mock_take32(&request->m);
    flags = mock_take32(&request->m);
    require(fs, !fs->session, "a second INIT");
    mock_put(&request->m, 4, options->major != 0 ? options->major : 7);
    mock_put(&request->m, 4, options->minor != 0 ? options->minor : 36);
    mock_put(&request->m, 4, 0x20000);
    mock_put(&request->m, 4,
             0xff800000 | (flags & ~((options->no_truncation ? F_TRUNCATE : 0) | F_PAGES_MAX)) |
                 (options->pages_max != UINT32_MAX ? flags & F_PAGES_MAX : 0));
    mock_put(&request->m, 4, 0x00100010);
    mock_put(&request->m, 4, write_max);
    mock_put(&request->m, 4, 1);
    mock_put(&request->m, 2, options->pages_max != UINT32_MAX ? pages_max : 0);
    while (request->m.size < REPLY_HEADER + 64u) {
        mock_put(&request->m, 2, 0x4444);
    }
    request->m.size = REPLY_HEADER + (options->init_size != 0 ? options->init_size : 64u);
    fs->session = true;
    pages_max = options->pages_max != UINT32_MAX ? pages_max : 32;
    fs->data_max = write_max < pages_max * 4096u ? write_max : pages_max * 4096u;
    return 0;
}

static uint32_t lookup(struct request *request, const char *name)
{
    uint32_t found = mock_tree_find(&request->fs->tree, request->node, name);

    return found < MOCK_TREE_NODES ? put_entry(request, found) : MOCK_ENOENT;
}

static uint32_t open_node(struct request *request)
{
    struct mock_tree_node *node = &request->fs->tree.nodes[request->node];
    uint32_t flags = mock_take32(&request->m);

    take_zeros(request, 4);
    require(request->fs, node->directory == (request->type == OPENDIR),
            "a directory is opened as a file, or a file so");
    if (node->directory && (flags & MOCK_O_ACCESS) != 0) {
        return MOCK_EISDIR;
    }
    if ((flags & MOCK_O_TRUNCATE) != 0) {
        require(request->fs, !request->fs->options.no_truncation, "OPEN is to truncate without being able to");
        node->size = 0;
    }
    return put_handle(request, request->node, flags);
}

static uint32_t make(struct request *request)
{
    struct mock_fs *fs = request->fs;
    bool directory = request->type == MKDIR;
    uint32_t flags = directory ? 0 : mock_take32(&request->m);
    uint32_t mode = mock_take32(&request->m);
    const char *name;
    uint32_t made;

    take_zeros(request, directory ? 4 : 8);
    name = take_name(request);
    made = mock_tree_find(&fs->tree, request->node, name);
    if (made < MOCK_TREE_NODES && (directory || (flags & MOCK_O_EXCLUDE) != 0)) {
        return MOCK_EEXIST;
    }
    if (!fs->tree.nodes[request->node].directory) {
        return MOCK_ENOTDIR;
    }
    if (made == MOCK_TREE_NODES) {
        made = mock_tree_make(&fs->tree, request->node, name, directory);
        if (made == MOCK_TREE_NODES) {
            return MOCK_ENOSPC;
        }
        require(fs, directory || (mode & 0170000u) == 0100000u, "a file that is none is created");
        fs->tree.nodes[made].mode = mode & 07777u;
    }
    (void)put_entry(request, made);
    return directory ? 0 : put_handle(request, made, flags);
}

/* As virtiofsd: what was not looked up is not removed. */
static uint32_t remove_name(struct request *request)
{
    struct mock_tree *tree = &request->fs->tree;
    uint32_t found = mock_tree_find(tree, request->node, take_name(request));

    if (found < MOCK_TREE_NODES && request->fs->lookups[found] == 0) {
        return MOCK_EIO;
    }
    return mock_file_remove(tree, found, request->type == RMDIR);
}

static uint32_t get_attributes(struct request *request)
{
    take_zeros(request, 16);
    mock_put(&request->m, 8, 0x3333333333333333);
    mock_put(&request->m, 8, 0x22222222);
    put_attributes(request, request->node);
    return 0;
}

static void put_entries(struct request *request, uint64_t offset, uint32_t most)
{
    for (uint32_t i = (uint32_t)offset + 1u; i < MOCK_TREE_NODES; i++) {
        const struct mock_tree_node *entry = &request->fs->tree.nodes[i];
        size_t length = strlen(entry->name);

        if (!entry->used || entry->parent != request->node) {
            continue;
        }
        if (request->m.size + (24u + length + 7u) / 8u * 8u > REPLY_HEADER + most) {
            break;
        }
        mock_put(&request->m, 8, 1000u + i);
        mock_put(&request->m, 8, i);
        mock_put(&request->m, 4, length);
        mock_put(&request->m, 4, entry->directory ? 4 : 8);
        for (size_t k = 0; k < (length + 7u) / 8u * 8u; k++) {
            mock_put(&request->m, 1, k < length ? (uint8_t)entry->name[k] : 'f');
        }
    }
}

/* READ, WRITE and READDIR. */
static uint32_t transfer(struct request *request)
{
    struct mock_fs *fs = request->fs;
    struct mock_tree_node *node = &fs->tree.nodes[request->node];
    const struct mock_fs_handle *handle = take_handle(request);
    uint64_t offset = mock_take(&request->m, 8);
    uint32_t size = mock_take32(&request->m);
    bool write = request->type == WRITE;

    take_zeros(request, 20);
    fs->longest = size > fs->longest ? size : fs->longest;
    require(fs, size <= fs->data_max && size != 0, "more data than INIT has said, or none");
    require(fs, !write || size == request->m.length - request->m.at, "a write of other bytes than it has");
    require(fs, node->directory == (request->type == READDIR), "a directory is read as a file, or a file so");
    if (handle == NULL || (write && (handle->flags & MOCK_O_ACCESS) == 0)) {
        return MOCK_EBADF;
    }
    size = fs->options.most != 0 && size > fs->options.most ? fs->options.most : size;
    if (request->type == READDIR) {
        put_entries(request, offset, size);
        size = request->m.size - REPLY_HEADER;
        request->m.size -= fs->options.list_cut < size ? fs->options.list_cut : size;
    } else if (write) {
        request->m.at = request->m.length;
        mock_put(&request->m, 4, size);
        mock_put(&request->m, 4, 0);
        return mock_file_write(node, offset, request->m.bytes + HEADER + IO, size);
    } else if (offset < node->size) {
        size = size < node->size - offset ? size : node->size - (uint32_t)offset;
        memcpy(request->m.reply + request->m.size, node->bytes + offset, size);
        request->m.size += size;
    }
    return 0;
}

static uint32_t release(struct request *request)
{
    struct mock_fs_handle *handle = take_handle(request);

    take_zeros(request, 16);
    require(request->fs, request->fs->tree.nodes[request->node].directory == (request->type == RELEASEDIR),
            "a directory is released as a file, or a file so");
    if (handle != NULL) {
        handle->used = false;
    }
    return 0;
}

static void forget(struct request *request, uint32_t node)
{
    uint64_t count = mock_take(&request->m, 8);

    request->fs->forgets++;
    if (require(request->fs, node < MOCK_TREE_NODES && count <= request->fs->lookups[node],
                "more is taken back than was looked up")) {
        request->fs->lookups[node] -= count;
    }
}

static void forget_several(struct request *request)
{
    uint32_t count = mock_take32(&request->m);

    take_zeros(request, 4);
    while (count-- != 0 && request->m.at < request->m.length) {
        forget(request, (uint32_t)mock_take(&request->m, 8) - 1u);
    }
}

static uint32_t carry_out(struct request *request)
{
    struct mock_fs *fs = request->fs;

    if (mock_fault_fires(&fs->device->faults, MOCK_FAULT_IO_ERROR, NULL)) {
        request->m.at = request->m.length;
        return MOCK_EIO;
    }
    switch (request->type) {
    case INIT: return begin_session(request);
    case LOOKUP: return lookup(request, take_name(request));
    case FORGET: forget(request, request->node); return 0;
    case BATCH_FORGET: forget_several(request); return 0;
    case GETATTR: return get_attributes(request);
    case MKDIR:
    case CREATE: return make(request);
    case UNLINK:
    case RMDIR: return remove_name(request);
    case OPEN:
    case OPENDIR: return open_node(request);
    case READ:
    case WRITE:
    case READDIR: return transfer(request);
    case RELEASE:
    case RELEASEDIR: return release(request);
    default: require(fs, false, "an unknown message"); return MOCK_EINVAL;
    }
}

/* ---- The device ---- */

/* Reads the header. False: the driver has done wrong. */
static bool read_header(struct request *request, const struct mock_queue *queue)
{
    struct mock_fs *fs = request->fs;
    uint64_t number;
    uint64_t node;
    bool forgets;

    if (!require(fs, request->m.length >= HEADER && mock_take32(&request->m) == request->m.length,
                 "a message's length")) {
        return false;
    }
    request->type = mock_take32(&request->m);
    number = mock_take(&request->m, 8);
    node = mock_take(&request->m, 8);
    take_zeros(request, 16);
    require(fs, number != 0, "a message without a number");
    for (size_t i = 0; i < queue->pending_count; i++) {
        uint8_t other[HEADER];

        require(fs,
                mock_element_read(fs->device, &queue->pending[i], 0, other, HEADER) != HEADER ||
                    mock_load(other + 8, 8, true) != number,
                "a number that is in use");
    }
    forgets = request->type == FORGET || request->type == BATCH_FORGET || request->type == INTERRUPT;
    require(fs, forgets == (queue->index == HIPRIO), "a message by the wrong queue (FS-HIPRIO-1, FS-HIPRIO-2)");
    request->node = (uint32_t)node - 1u;
    require(fs, fs->session || request->type == INIT, "a message without a session");
    return node == 1u || request->type == BATCH_FORGET ||
           require(fs, node - 2u < MOCK_TREE_NODES - 1u && fs->lookups[node - 1u] != 0,
                   "a file that is not known (any more)");
}

static uint32_t handle_message(void *backend, struct mock_queue *queue, const struct mock_element *element)
{
    struct mock_fs *fs = backend;
    struct request request = { { .device = fs->device,
                                 .native = true, /* the order of the driver's CPU, which is this one (D-FS-6) */
                                 .bytes = message_bytes,
                                 .reply = reply_bytes,
                                 .size = REPLY_HEADER },
                               fs,
                               0,
                               0 };
    uint32_t error = MOCK_EIO;

    request.m.length = (uint32_t)mock_element_read(fs->device, element, 0, message_bytes, MESSAGE_MAX);
    fs->messages++;
    if (read_header(&request, queue)) {
        error = carry_out(&request);
        require(fs, request.m.at == request.m.length || error != 0, "a message with more than its fields");
    }
    if (queue->index == HIPRIO) {
        require(fs, element->writable_bytes == 0, "room for a reply that there is not (D-FS-8)");
        return 0;
    }
    request.m.size = error != 0 ? REPLY_HEADER : request.m.size;
    mock_store(reply_bytes, 4, request.m.size, true);
    mock_store(reply_bytes + 4, 4, 0u - error, true);
    memcpy(reply_bytes + 8, message_bytes + 8, 8);
    return mock_answer(&request.m, element, request.type, &fs->options.lie);
}

/* Whether the oldest message may be answered. */
static bool ready(void *backend, const struct mock_queue *queue)
{
    struct mock_fs *fs = backend;
    uint8_t header[HEADER];

    return fs->options.held == 0 || queue->pending_count == 0 ||
           mock_element_read(fs->device, &queue->pending[0], 0, header, HEADER) != HEADER ||
           mock_load(header + 4, 4, true) != fs->options.held;
}

static void reset(void *backend)
{
    struct mock_fs *fs = backend;

    fs->session = false;
    memset(fs->lookups, 0, sizeof(fs->lookups));
    memset(fs->handles, 0, sizeof(fs->handles));
}

static void init(void *backend, struct mock_device *device)
{
    struct mock_fs *fs = backend;
    const char *tag = fs->options.tag != NULL ? fs->options.tag : "share";
    struct mock_config *config = &device->config;

    for (unsigned i = 0; i < MOCK_FS_TAG; i++) {
        fields[i] = (struct mock_config_field){ "tag", (uint16_t)i, 1, MOCK_CONFIG_ALWAYS, false };
    }
    fields[MOCK_FS_TAG] = (struct mock_config_field){ "num_request_queues", 36, 4, MOCK_CONFIG_ALWAYS, false };
    fs->device = device;
    mock_config_init(config, MOCK_FIELDS(fields), device->legacy);
    memcpy(config->bytes, tag, strlen(tag) < MOCK_FS_TAG ? strlen(tag) : MOCK_FS_TAG);
    mock_config_set(config, 36, 4, 1);
    memset(config->changed, 0, sizeof(config->changed));
}

const struct mock_backend mock_fs_backend = {
    .name = "fs",
    .type = VPT_DEVICE_TYPE_FS,
    .init = init,
    .queues = MOCK_FS_QUEUES,
    .known = { { 0x1 } },
    .reset = reset,
    .ready = ready,
    .handle = handle_message,
    .changes = { { 36, 4, 1, 1, 7 } },
};
