/* SPDX-License-Identifier: MIT */
/*
 * The 9P transport driver: a folder of the host, by the protocol 9P2000.L.
 *
 *     vpt_9p_open(&p9, &device);
 *     vpt_9p_version(&p9, VPT_9P_MSIZE);
 *     vpt_9p_attach(&p9, 0, "", "");                      fid 0 is the folder
 *     vpt_9p_walk(&p9, 0, 1, "etc/motd");                 fid 1 is a file in it
 *     vpt_9p_open_file(&p9, 1, VPT_9P_READ_ONLY);
 *     vpt_9p_read(&p9, 1, 0, text, sizeof(text), &length);
 *     vpt_9p_clunk(&p9, 1);
 *
 * A fid is a number that the caller chooses for a file, as long as no other file has it. The server has forgotten all
 * of them after a reset: bring the device up again (vpt_driver_restart()), then begin with vpt_9p_version(). The calls
 * of request.h on `p9.driver` and `p9.requests` do the rest, from kick to release.
 *
 * Calls with "9P" in their first line below are the client; they wait. A kernel that has its own client, or wants
 * several messages in flight, needs vpt_9p_submit() alone.
 *
 * VirtIO 1.4 has no chapter about this device. What is here is what Linux and QEMU do.
 */
#ifndef VPT_9P_H
#define VPT_9P_H

#include <vpt/request.h>

VPT_BEGIN_DECLARATIONS

#define VPT_9P_F_MOUNT_TAG 0u

/* Where a slot has the beginning of a message, and of its reply. */
#define VPT_9P_SLOT_SIZE   512u
#define VPT_9P_MESSAGE_MAX 288u
#define VPT_9P_REPLY_MAX   (VPT_9P_SLOT_SIZE - VPT_9P_MESSAGE_MAX)

#define VPT_9P_HEADER    7u  /* bytes: size (4), type (1), tag (2) */
#define VPT_9P_DATA      11u /* bytes of a reply before its data: header, count (4) */
#define VPT_9P_SEGMENTS  8u  /* of data in one message */
#define VPT_9P_MSIZE_MIN 512u
#define VPT_9P_MSIZE     0x40000u
#define VPT_9P_NAME_MAX  255u
#define VPT_9P_LIST_MIN  512u

/* A 9P device, in the caller's memory. Read `error` and `msize`; change nothing. */
struct vpt_9p {
    struct vpt_driver driver;
    struct vpt_requests requests;
    uint32_t msize; /* bytes of the longest message, as the server accepted it */
    uint32_t error; /* the server's reason for the last VPT_DEVICE_IO_ERROR: a number of Linux (2: no such file) */
    /* Private. */
    uint32_t resets;
};

/*
 * Resets the device and negotiates its features, as vpt_driver_init() does. On failure *p9 is zeroed.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `p9` is NULL.
 * what vpt_driver_init() returns.
 *
 * Context: init, thread, panic; lock: queues; waits: reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_init(struct vpt_9p *p9, struct vpt_device *device, const struct vpt_feature_choice *choice);

/*
 * Sets the device's queue up, after vpt_9p_init() and before vpt_driver_start(). If `config` is NULL, 8 messages can be
 * in flight, and the memory is the port's. Of a config's segments two are for what is in the slot, so that it needs 3
 * for data.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: `p9` is NULL.
 * what vpt_requests_init() returns.
 *
 * Context: init, thread, panic (handed over); lock: queues; waits: reset; calls: registers, configuration,
 * dma_allocate, dma_free, mmio_map, mmio_unmap, log.
 */
enum vpt_status vpt_9p_queue_init(struct vpt_9p *p9, const struct vpt_requests_config *config);

/*
 * Calls vpt_9p_init() and vpt_9p_queue_init() with defaults, and vpt_driver_start(). This is for a kernel that polls,
 * or takes an interrupt line. On failure *p9 is zeroed and the port has its memory back, with the exception below.
 *
 * Returns
 * VPT_OK
 * VPT_DEVICE_STUCK: a reset did not finish. If the queue was set up, *p9 stays as it is and the device may still access
 *     the memory: reset the device again, then call vpt_driver_release().
 * what the three calls return.
 *
 * Context: init, thread; lock: queues; waits: reset; calls: registers, configuration, dma_allocate, dma_free, mmio_map,
 * mmio_unmap, log.
 */
enum vpt_status vpt_9p_open(struct vpt_9p *p9, struct vpt_device *device);

/*
 * Reads by which name the host knows the folder, of which the first `size` - 1 bytes go to `tag`, with a NUL behind
 * them. The bytes are the device's: print them with care. It can be called from vpt_9p_init() on, until a reset.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: the device has none; `tag` is "".
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `size` is 0.
 * what vpt_driver_refresh() and vpt_driver_bytes() return; `tag` is "".
 *
 * Context: init, thread, panic; lock: device; waits: configuration; calls: mmio_read, io_read, config_read, log.
 */
enum vpt_status vpt_9p_get_tag(struct vpt_9p *p9, char *tag, size_t size);

/* ---- Messages ---- */

/* The header, and the number that the reply is recognised by, are written by vpt_9p_submit(). */
struct vpt_9p_message {
    uint8_t type;                       /* an even number, of a T-message; its reply's is one more */
    uint16_t readable;                  /* segments with the rest of the message */
    uint16_t writable;                  /* segments for what the reply has behind VPT_9P_DATA bytes */
    uint32_t size;                      /* bytes that are in the slot, with the header */
    const struct vpt_segment *segments; /* first the readable ones */
};

/*
 * Submits a message. vpt_requests_next(&p9.requests) returns where it is to be written before, behind VPT_9P_HEADER
 * bytes for its header. The reply is VPT_9P_MESSAGE_MAX bytes behind this place, until the next message is submitted
 * after it has come back. If there are no writable segments, VPT_9P_REPLY_MAX bytes of a reply fit there. It comes back
 * by vpt_requests_poll(); beside the statuses that every request may have, it has one of these:
 *
 * - VPT_OK: the reply is one to this message; its first four bytes, the size, are never above what there is room for.
 * - VPT_DEVICE_IO_ERROR: the server said no (Rlerror); the four bytes behind the header are its reason.
 * - VPT_DEVICE_REQUEST_STATUS: it is no reply to this message, or one that is too short or too long.
 *
 * The device may change the reply after it was checked: copy it, then check what you use.
 *
 * Returns
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the size is less than a header.
 * VPT_CALLER_TOO_LONG: `size` is above VPT_9P_MESSAGE_MAX, or there are more than VPT_9P_SEGMENTS segments.
 * what vpt_requests_submit() returns.
 *
 * Context: any; lock: queue.
 */
enum vpt_status vpt_9p_submit(struct vpt_9p *p9, const struct vpt_9p_message *message, void *token);

/* ---- The client ---- */

/*
 * Begins a 9P session: ends all fids, and agrees on how long a message may be. `msize` is what is wished; since data is
 * not copied through the slots, a long message costs no memory. QEMU warns of less than 8192.
 *
 * This call and those below need a device that runs and an idle queue. If no reply comes within VPT_WAIT_REQUEST, the
 * server is asked to give the message up (Tflush). If it does within VPT_WAIT_REQUEST, the session goes on; otherwise
 * the device is reset, as in vpt_requests_wait().
 *
 * Returns
 * VPT_OK
 * VPT_CANCELLED: no reply came in time, and the server has given the message up, or a reset ended it. Whether it was
 *     carried out is unknown.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or `msize` is less than VPT_9P_MSIZE_MIN.
 * VPT_UNSUPPORTED_VERSION: the server does not speak 9P2000.L.
 * VPT_DEVICE_IO_ERROR: the server said no; p9->error has its reason.
 * VPT_DEVICE_REQUEST_STATUS: the device's answer is none, or makes no sense.
 * what vpt_requests_ready(), vpt_9p_submit() and vpt_requests_wait() return.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_version(struct vpt_9p *p9, uint32_t msize);

/*
 * Makes `fid` the root of a 9P server's tree. Names may be empty; `tree` is the tree if a server has several.
 *
 * Returns
 * VPT_CALLER_STATE: there is no session, or what vpt_requests_ready() says.
 * VPT_CALLER_TOO_LONG: the names do not fit a slot.
 * what vpt_9p_version() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_attach(struct vpt_9p *p9, uint32_t fid, const char *user, const char *tree);

/*
 * Makes `new_fid` a file by its 9P path from `fid`: names with '/' between them. An empty path makes it the same file.
 * If the call fails, `new_fid` is not in use; after VPT_CANCELLED it may be: call vpt_9p_clunk().
 *
 * Returns
 * VPT_CALLER_TOO_LONG: there are more than 16 names, or they do not fit a slot (270 bytes): walk in two steps.
 * what vpt_9p_attach() returns. If a name on the way is missing, this is VPT_DEVICE_IO_ERROR, with error 2.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_walk(struct vpt_9p *p9, uint32_t fid, uint32_t new_fid, const char *path);

/* How a file is opened: one of the first three, and others. The numbers are Linux's on most of its architectures. */
#define VPT_9P_READ_ONLY  0u
#define VPT_9P_WRITE_ONLY 1u
#define VPT_9P_READ_WRITE 2u
#define VPT_9P_EXCLUSIVE  0200u
#define VPT_9P_TRUNCATE   01000u
#define VPT_9P_APPEND     02000u
#define VPT_9P_DIRECTORY  0200000u

/*
 * Opens the 9P file (or the directory, for reading) that a fid is for.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_open_file(struct vpt_9p *p9, uint32_t fid, uint32_t flags);

/*
 * Makes a 9P file in the directory of `fid`, and opens it. Then the fid is for the file. `mode` has the permissions,
 * for example 0644.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_create_file(struct vpt_9p *p9, uint32_t fid, const char *name, uint32_t flags, uint32_t mode);

/*
 * Makes a 9P directory in that of `fid`.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_make_directory(struct vpt_9p *p9, uint32_t fid, const char *name, uint32_t mode);

/*
 * Removes a name from the 9P directory of `fid`: of an empty directory if `directory`, else of a file.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_remove(struct vpt_9p *p9, uint32_t fid, const char *name, bool directory);

/*
 * Ends the use of a 9P file. The fid is free, whatever the server says.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_clunk(struct vpt_9p *p9, uint32_t fid);

#define VPT_9P_MODE_TYPE      0170000u
#define VPT_9P_MODE_DIRECTORY 0040000u
#define VPT_9P_MODE_FILE      0100000u

/* What the server says of a file. */
struct vpt_9p_attributes {
    uint64_t size; /* bytes */
    uint32_t mode; /* type and permissions */
};

/*
 * Reads what a 9P file is like.
 *
 * Returns
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: registers, configuration, log.
 */
enum vpt_status vpt_9p_get_attributes(struct vpt_9p *p9, uint32_t fid, struct vpt_9p_attributes *attributes);

/*
 * Reads from an open 9P file, by as many messages as that needs, until the buffer is full or the file ends. The device
 * writes to the buffer itself, which the port shares. `*done` is how many bytes were read, after a failure, too.
 *
 * Returns
 * VPT_OK: if *done is less than `size`, the file ends there.
 * VPT_RESOURCE_SEGMENTS: the port shared 0 bytes, or the queue has no segments for data.
 * VPT_UNSUPPORTED_PORT: the port cannot share.
 * an error of the port's share().
 * what vpt_9p_attach() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_9p_read(struct vpt_9p *p9, uint32_t fid, uint64_t offset, void *buffer, size_t size, size_t *done);

/*
 * Writes to an open 9P file, by as many messages as that needs. `*done` is how many bytes were written, after a
 * failure, too.
 *
 * Returns
 * VPT_OK: all of them.
 * VPT_DEVICE_REQUEST_STATUS: the server takes no more, without a reason; or what vpt_9p_version() says.
 * what vpt_9p_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_9p_write(struct vpt_9p *p9, uint32_t fid, uint64_t offset, const void *buffer, size_t size,
                             size_t *done);

/* A directory that is listed. Fill in the first three and zero the rest. */
struct vpt_9p_list {
    uint32_t fid;    /* of an open directory */
    void *buffer;    /* of at least VPT_9P_LIST_MIN bytes; the longer it is, the fewer messages are needed */
    uint32_t size;   /* of the buffer */
    uint32_t length; /* Private. */
    uint32_t at;
    uint64_t offset;
};

/* An entry of a directory. */
struct vpt_9p_entry {
    uint64_t path; /* the server's number of the file */
    uint8_t type;  /* Linux's: 4 is a directory, 8 a file */
    char name[VPT_9P_NAME_MAX + 1u];
};

/*
 * Takes the next entry of a 9P directory; "." and ".." are entries, too. A name is never empty, and has no '/'. A
 * server that lies may have entries without end.
 *
 * Returns
 * VPT_OK
 * VPT_EMPTY: there are no more.
 * VPT_CALLER_ARGUMENT: a pointer is NULL, or the buffer is too small.
 * VPT_DEVICE_REQUEST_STATUS: the server's list makes no sense, or what vpt_9p_version() says.
 * what vpt_9p_read() returns.
 *
 * Context: init, thread, panic; lock: queue, reset; waits: request, reset; calls: share, unshare, registers,
 * configuration, log.
 */
enum vpt_status vpt_9p_next_entry(struct vpt_9p *p9, struct vpt_9p_list *list, struct vpt_9p_entry *entry);

VPT_END_DECLARATIONS

#endif
