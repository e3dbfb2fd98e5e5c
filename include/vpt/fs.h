/* SPDX-License-Identifier: MIT */
/*
 * The file system driver (virtiofs): a folder of the host, by the protocol FUSE.
 *
 *     vpt_fs_open(&fs, &device);
 *     vpt_fs_begin(&fs);
 *     vpt_fs_walk(&fs, NULL, "etc/motd", &file);          NULL is the folder
 *     vpt_fs_open_file(&fs, &file, VPT_FS_READ_ONLY);
 *     vpt_fs_read(&fs, &file, 0, text, sizeof(text), &length);
 *     vpt_fs_close(&fs, &file);
 *
 * A file is an object of the caller's. The host keeps something for each, until vpt_fs_close() or a reset: after a
 * reset bring the device up again (vpt_driver_restart()), then begin with vpt_fs_begin(). The calls of request.h on
 * `fs.driver`, `fs.requests` and `fs.hiprio` do the rest, from kick to release.
 *
 * Calls with "FUSE" in their first line below are the client; they wait. A kernel that has its own client, or wants
 * several messages in flight, needs vpt_fs_submit() alone.
 *
 * There is no legacy form of this device: it is refused behind a legacy interface. Of its request queues the first one
 * is used. The numbers of messages, flags and errors are Linux's.
 */
#ifndef VPT_FS_H
#define VPT_FS_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

/* Where a slot has the beginning of a message, and of its reply. */
#define VPT_FS_SLOT_SIZE   512u
#define VPT_FS_MESSAGE_MAX 320u
#define VPT_FS_REPLY_MAX   (VPT_FS_SLOT_SIZE - VPT_FS_MESSAGE_MAX)

#define VPT_FS_HEADER       40u /* bytes of a message before its arguments */
#define VPT_FS_REPLY_HEADER 16u /* bytes of a reply before its results: length (4), error (4), number (8) */
#define VPT_FS_SEGMENTS     8u  /* of data in one message */
#define VPT_FS_TAG_MAX      36u
#define VPT_FS_NAME_MAX     255u
#define VPT_FS_LIST_MIN     512u

/* A file system device, in the caller's memory. Read what is not private; change nothing. */
struct vpt_fs {
    struct vpt_driver driver;
    struct vpt_requests requests;
    struct vpt_requests hiprio;
    uint32_t data_max; /* bytes of data in one message of the client, as the server said */
    uint32_t minor;    /* of the protocol's version, 7.`minor` */
    uint32_t error;    /* the server's reason for the last VPT_DEVICE_IO_ERROR: a number of Linux (2: no such file) */
    /* Private. */
    uint32_t flags;
    uint32_t session;
    uint64_t messages;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *fs is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `fs` is NULL.
 * VPT_UNSUPPORTED_FEATURE: the interface is a legacy one (VERSION_1 is missing), or what vpt_driver_init() says.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_init(struct vpt_fs *fs, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets one queue up, after vpt_fs_init() and before vpt_driver_start(): 0 is the high priority queue, by which files
 * are forgotten, 1 is for all other messages. Both are needed. If `config` is NULL, 8 messages can be in flight, and
 * the memory is the port's. Of a config's segments two are for what is in the slot, so that queue 1 needs 3 for data.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `fs` is NULL.
 * VPT_UNSUPPORTED_QUEUE: `index` is above 1, or the device has no such queue.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_fs_queue_init(struct vpt_fs *fs, uint16_t index, const struct vpt_requests_config *config);

/*
 * Calls vpt_fs_init(), vpt_fs_queue_init() for each queue with defaults, and vpt_driver_start(). This is for a kernel
 * that polls, or takes an interrupt line. On failure *fs is zeroed and the port has its memory back, with the exception
 * below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If a queue was set up, *fs stays as it is and the device may still access
 *     the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_fs_open(struct vpt_fs *fs, struct vpt_device *device);

/*
 * Reads by which name the host knows the folder, of which the first `size` - 1 bytes go to `tag`, with a NUL behind
 * them; the longest has VPT_FS_TAG_MAX bytes. They are the device's: print them with care. It can be called from
 * vpt_fs_init() on, until a reset.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the device has none; `tag` is "".
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `size` is 0.
 * what vpt_driver_refresh() and vpt_driver_bytes() return; `tag` is "".
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_fs_get_tag(struct vpt_fs *fs, char *tag, size_t size);

/* ---- Messages ---- */

/* The header, and the number that the reply is recognised by, are written by vpt_fs_submit(). */
struct vpt_fs_message {
    uint32_t type;                      /* FUSE's opcode */
    uint16_t readable;                  /* segments with the rest of the message */
    uint16_t writable;                  /* segments for what the reply has behind VPT_FS_REPLY_HEADER bytes */
    uint64_t node;                      /* which file it is about; 1: the folder */
    uint32_t size;                      /* bytes that are in the slot, with the header */
    const struct vpt_segment *segments; /* first the readable ones */
};

/*
 * Submits a message. vpt_requests_next(&fs.requests) returns where it is to be written before, behind VPT_FS_HEADER
 * bytes for its header, in the CPU's byte order. The reply is VPT_FS_MESSAGE_MAX bytes behind this place, until the
 * next message is submitted after it has come back. If there are no writable segments, VPT_FS_REPLY_MAX bytes of a
 * reply fit there. It comes back by vpt_requests_poll(); beside the statuses that every request may have, it has one
 * of these:
 *
 * - VPT_OK: the reply is one to this message; its first word, the length with its header, is never above what there
 *   is room for.
 * - VPT_DEVICE_IO_ERROR: the server said no; the reply's second word is its reason, from -1 to -511.
 * - VPT_DEVICE_REQUEST_STATUS: it is no reply to this message.
 *
 * The device may change the reply after it was checked: copy it, then check what you use.
 *
 * FORGET and BATCH_FORGET have no reply, and go by `fs.hiprio` in all of this; they come back with VPT_OK when the
 * device has taken them. A message about a file must have come back before the file is forgotten.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, the size is less than a header, the message is INTERRUPT, or it has writable
 *     segments though it has no reply.
 * VPT_CALLER_TOO_LONG: `size` is above VPT_FS_MESSAGE_MAX, or there are more than VPT_FS_SEGMENTS segments.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_fs_submit(struct vpt_fs *fs, const struct vpt_fs_message *message, void *token);

/* ---- The client ---- */

/*
 * Begins the FUSE session: agrees on a version of the protocol, and on how much data a message may have.
 *
 * This call and those below need a device that runs, and that both queues are idle, whose locks they need. If no reply
 * comes within VPT_WAIT_REQUEST, the device is reset, as in vpt_requests_wait().
 *
 * Returns
 * VPT_OK
 * VPT_CALLER_ARGUMENT: a pointer is NULL.
 * VPT_CALLER_STATE: there is a session since the last reset, or what vpt_requests_ready() says.
 * VPT_UNSUPPORTED_VERSION: the server's version is not 7.12 or a later one of 7.
 * VPT_DEVICE_IO_ERROR: the server said no; fs->error has its reason.
 * VPT_DEVICE_REQUEST_STATUS: the device's answer is none, or makes no sense.
 * what vpt_requests_ready(), vpt_fs_submit() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_begin(struct vpt_fs *fs);

/* A file or a directory that the server knows, in the caller's memory. Read `node` and `mode`; change nothing. */
struct vpt_fs_file {
    uint64_t node;
    uint32_t mode; /* its type, and the permissions that it had */
    /* Private. */
    uint32_t session;
    uint64_t handle;
    bool counted;
    bool open;
};

#define VPT_FS_MODE_TYPE      0170000u
#define VPT_FS_MODE_DIRECTORY 0040000u
#define VPT_FS_MODE_FILE      0100000u

/*
 * Makes *file what a path says, by FUSE lookups from the directory `from` on, or from the folder if `from` is NULL. The
 * path is names with '/' between them; only from the folder it may be empty. After a failure *file is as it was, and
 * the server keeps nothing.
 *
 * Returns
 * VPT_CALLER_STATE: there is no session, `from` was not found in this one, or what vpt_requests_ready() says.
 * VPT_CALLER_TOO_LONG: a name has more than VPT_FS_NAME_MAX bytes.
 * VPT_CALLER_ARGUMENT: the path is empty, but `from` is not NULL; or what vpt_fs_begin() says.
 * what vpt_fs_begin() returns. If a name on the way is missing, this is VPT_DEVICE_IO_ERROR, with error 2.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_walk(struct vpt_fs *fs, const struct vpt_fs_file *from, const char *path,
                            struct vpt_fs_file *file);

/* How a file is opened: one of the first three, and others. The numbers are Linux's on most of its architectures. */
#define VPT_FS_READ_ONLY  0u
#define VPT_FS_WRITE_ONLY 1u
#define VPT_FS_READ_WRITE 2u
#define VPT_FS_EXCLUSIVE  0200u
#define VPT_FS_TRUNCATE   01000u

/*
 * Opens a FUSE file, or a directory, for reading.
 *
 * Returns
 * VPT_CALLER_STATE: it is open; or what vpt_fs_walk() says.
 * VPT_UNSUPPORTED_FEATURE: the server cannot truncate when it opens.
 * what vpt_fs_walk() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_open_file(struct vpt_fs *fs, struct vpt_fs_file *file, uint32_t flags);

/*
 * Makes a FUSE file in a directory, or in the folder if this is NULL, and opens it. *file, which is another object, is
 * the file then. `mode` has the permissions, for example 0644.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `name` is empty or has a '/', or what vpt_fs_begin() says.
 * what vpt_fs_walk() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_create_file(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                                   uint32_t flags, uint32_t mode, struct vpt_fs_file *file);

/*
 * Makes a FUSE directory in a directory, or in the folder if this is NULL.
 *
 * Returns
 * what vpt_fs_create_file() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_make_directory(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                                      uint32_t mode);

/*
 * Removes a name from a FUSE directory, or from the folder if this is NULL: of an empty directory if `is_directory`,
 * else of a file.
 *
 * Returns
 * what vpt_fs_create_file() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_remove(struct vpt_fs *fs, const struct vpt_fs_file *directory, const char *name,
                              bool is_directory);

/*
 * Ends the use of a FUSE file, open or not: the server keeps nothing for it. *file is zeroed, unless the status is
 * VPT_CALLER_BUSY: then call again. Of an ended session there is nothing to close, which is VPT_CALLER_STATE.
 *
 * Returns
 * VPT_DEVICE_IO_ERROR: the server said no to RELEASE; the file is closed all the same.
 * what vpt_fs_walk() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_close(struct vpt_fs *fs, struct vpt_fs_file *file);

/* What the server says of a file. */
struct vpt_fs_attributes {
    uint64_t size; /* bytes */
    uint32_t mode; /* type and permissions */
};

/*
 * Reads what a FUSE file is like, or the folder if `file` is NULL.
 *
 * Returns
 * what vpt_fs_walk() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_fs_get_attributes(struct vpt_fs *fs, const struct vpt_fs_file *file,
                                      struct vpt_fs_attributes *attributes);

/*
 * Reads from an open FUSE file, by as many messages as that needs, until the buffer is full or the file ends. The
 * device writes to the buffer itself, which the port shares. `*done` is how many bytes were read, after a failure, too.
 *
 * Returns
 * VPT_OK: if *done is less than `size`, the file ends there.
 * VPT_CALLER_STATE: the file is not open, or what vpt_fs_walk() says.
 * VPT_RESOURCE_SEGMENTS: the port shared 0 bytes, or the queue has no segments for data.
 * VPT_UNSUPPORTED_PORT: the port cannot share.
 * an error of the port's share().
 * what vpt_fs_walk() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_fs_read(struct vpt_fs *fs, const struct vpt_fs_file *file, uint64_t offset, void *buffer,
                            size_t size, size_t *done);

/*
 * Writes to an open FUSE file, by as many messages as that needs. `*done` is how many bytes were written, after a
 * failure, too.
 *
 * Returns
 * VPT_OK: all of them.
 * VPT_DEVICE_REQUEST_STATUS: the server takes no more, without a reason; or what vpt_fs_begin() says.
 * what vpt_fs_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_fs_write(struct vpt_fs *fs, const struct vpt_fs_file *file, uint64_t offset, const void *buffer,
                             size_t size, size_t *done);

/* A directory that is listed. Fill in the first three and zero the rest. */
struct vpt_fs_list {
    const struct vpt_fs_file *directory; /* open */
    void *buffer;    /* of at least VPT_FS_LIST_MIN bytes; the longer it is, the fewer messages are needed */
    uint32_t size;   /* of the buffer */
    uint32_t length; /* Private. */
    uint32_t at;
    uint64_t offset;
};

/* An entry of a directory. */
struct vpt_fs_entry {
    uint64_t inode; /* the host's number of the file */
    uint32_t type;  /* Linux's: 4 is a directory, 8 a file */
    char name[VPT_FS_NAME_MAX + 1u];
};

/*
 * Takes the next entry of a FUSE directory; "." and ".." are entries, too. A name is never empty, and has no '/'. A
 * server that lies may have entries without end.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: there are no more.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the buffer is too small.
 * VPT_DEVICE_REQUEST_STATUS: the server's list makes no sense, or what vpt_fs_begin() says.
 * what vpt_fs_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_fs_next_entry(struct vpt_fs *fs, struct vpt_fs_list *list, struct vpt_fs_entry *entry);

VPT_END_DECLARATIONS

#endif
