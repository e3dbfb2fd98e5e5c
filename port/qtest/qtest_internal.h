/* SPDX-License-Identifier: MIT */
/* The object, and the functions that this port's files share. */
#ifndef VPT_QTEST_INTERNAL_H
#define VPT_QTEST_INTERNAL_H

#include "qtest.h"

#include <vpt/pci.h>

#define PCI_WINDOWS 3u
#define PAGE_SIZE   4096u
#define ALL_ONES    UINT32_MAX

#define INPUT_SIZE   16384u /* QEMU's longest line is far shorter */
#define MESSAGE_SIZE 8192u

/* Details of a machine that users need not know. */
struct machine_details {
    struct vpt_qtest_machine machine;
    const char *const *parking; /* arguments that keep the vCPU quiet; NULL at the end */
    uint64_t parking_offset;    /* offset in RAM of the vCPU's code */
    uint32_t parking_code[2];
    bool parking_bios; /* the code is in a firmware image instead */
    bool ports;        /* the CPU has port instructions */
    uint32_t intx_first_line;
};

const struct machine_details *vpt_qtest_machine_details(enum vpt_qtest_machine_type type);

/* Kinds of outstanding objects. */
enum record_kind { RECORD_ALLOCATION, RECORD_PRIVATE, RECORD_SHARE, RECORD_MAILBOX, RECORD_MAPPING, RECORD_KINDS };

/* An object that the port gave out and that must be returned. */
struct record {
    struct record *next;
    enum record_kind kind;
    void *address;           /* CPU address; mapping: the record itself */
    uint64_t device_address; /* mapping: the physical address */
    size_t size;
    uint32_t flags;      /* allocation: its flags */
    uint32_t first_page; /* number among the allocatable pages; unused for private memory and mappings */
    bool translated;     /* the IOMMU maps it */
    void *buffer;        /* share: the caller's buffer */
    enum vpt_direction direction;
    bool access_platform;
};

struct iommu {
    unsigned char *tables; /* NULL: no IOMMU */
    uint64_t tables_physical;
    uint64_t iotlb;  /* physical address of the IOTLB invalidate register */
    uint64_t faults; /* physical address of the first fault recording register */
};

/* A socket on which QEMU sends lines. */
struct channel {
    int socket; /* -1: none */
    char input[INPUT_SIZE];
    size_t input_size;
};

#define EVENTS_MAX 16u
#define EVENT_SIZE 512u

struct vpt_qtest {
    struct vpt_port port;
    struct vpt_qtest_options options; /* with defaults filled in; pointers into the caller's memory are cleared */
    const struct machine_details *details;
    struct vpt_pci_window windows[PCI_WINDOWS]; /* machine.c: the machine's free windows */

    /* process.c */
    pid_t pid;
    pid_t ended; /* the process that was reaped */
    int wait_status;
    int errors; /* file that receives QEMU's stderr */
    enum vpt_status failure;
    char message[MESSAGE_SIZE];

    struct channel commands; /* protocol.c */

    /* qmp.c */
    struct channel qmp;
    char answer[INPUT_SIZE];             /* the last answer, a whole line; "" before the first */
    char events[EVENTS_MAX][EVENT_SIZE]; /* pending events, the oldest first; long ones are cut off */
    unsigned event_count;

    /* memory.c */
    int ram_file;
    unsigned char *ram;
    uint32_t first_page;  /* first allocatable page of RAM */
    uint32_t pages;       /* number of allocatable pages */
    unsigned char *taken; /* one byte for each page */
    struct record *records;
    struct vpt_qtest_counts counts;

    /* interrupts.c */
    bool high[VPT_QTEST_LINES];
    uint32_t raises[VPT_QTEST_LINES];

    uint64_t wait_ends; /* port.c: milliseconds */
    struct iommu iommu;
};

/* ---- machine.c ---- */

/* Sets the free windows to the machine's. */
void vpt_qtest_windows_init(struct vpt_qtest *qtest);

/* ---- port.c ---- */

/* Fills in qtest->port for the machine. */
void vpt_qtest_port_init(struct vpt_qtest *qtest);

/* Prints a line to `options.log`. */
void vpt_qtest_note(const struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts and logs a violation of the contract. */
void vpt_qtest_misuse(struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Milliseconds of a monotonic clock. */
uint64_t vpt_qtest_now(void);

/* ---- process.c ---- */

/* Ends QEMU and sets the failure to `status`, unless one is set already. Returns the failure. */
enum vpt_status vpt_qtest_fail(struct vpt_qtest *qtest, enum vpt_status status, const char *what);

/* ---- protocol.c ---- */

/* Sends all bytes before `deadline`. An error means that QEMU has failed, and why. */
enum vpt_status vpt_qtest_send(struct vpt_qtest *qtest, const struct channel *channel, const char *bytes, size_t size,
                               uint64_t deadline);

/* Takes the next received line, without its line end. VPT_EMPTY: none. */
enum vpt_status vpt_qtest_take_line(struct vpt_qtest *qtest, struct channel *channel, char line[INPUT_SIZE]);

/* Appends to the channel's input the bytes that have come or come before `deadline`. VPT_EMPTY: none. */
enum vpt_status vpt_qtest_receive(struct vpt_qtest *qtest, struct channel *channel, uint64_t deadline);

/*
 * Sends a command and waits for its answer, for at most command_timeout. *value is the number in the answer; pass NULL
 * for commands whose answer has none.
 */
enum vpt_status vpt_qtest_command(struct vpt_qtest *qtest, uint64_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends the first command, and waits for its answer for at most `timeout` milliseconds. */
enum vpt_status vpt_qtest_first_command(struct vpt_qtest *qtest, uint32_t timeout);

/* Handles lines that QEMU has sent by itself; waits up to `microseconds` for one. */
enum vpt_status vpt_qtest_listen(struct vpt_qtest *qtest, uint32_t microseconds);

/* ---- qmp.c ---- */

/* Receives the greeting and ends the capabilities negotiation. */
enum vpt_status vpt_qtest_qmp_init(struct vpt_qtest *qtest);

/* ---- memory.c ---- */

enum vpt_status vpt_qtest_memory_init(struct vpt_qtest *qtest);
void vpt_qtest_memory_finish(struct vpt_qtest *qtest);

/* The record with this address, or NULL; a device address of 0 matches any. */
struct record *vpt_qtest_record_find(struct vpt_qtest *qtest, enum record_kind kind, const void *address,
                                     uint64_t device_address);

/* Adds a zeroed record of this kind. NULL: no memory. */
struct record *vpt_qtest_record_add(struct vpt_qtest *qtest, enum record_kind kind);
void vpt_qtest_record_remove(struct vpt_qtest *qtest, struct record *record);

/* Number of records of a kind. */
uint32_t vpt_qtest_record_count(const struct vpt_qtest *qtest, enum record_kind kind);

/*
 * Allocates zeroed pages of RAM for a record whose kind and size are set. `writable`: the IOMMU lets the device write
 * them.
 */
enum vpt_status vpt_qtest_pages_take(struct vpt_qtest *qtest, struct record *record, uint64_t limit, bool translated,
                                     bool writable);
void vpt_qtest_pages_release(struct vpt_qtest *qtest, struct record *record);

enum vpt_status vpt_qtest_dma_allocate(void *ctx, size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                       struct vpt_memory *memory);
void vpt_qtest_dma_free(void *ctx, const struct vpt_memory *memory, uint32_t flags);

/* ---- share.c ---- */

enum vpt_status vpt_qtest_share(void *ctx, void *buffer, size_t size, enum vpt_direction direction,
                                bool access_platform, struct vpt_shared *shared);
void vpt_qtest_unshare(void *ctx, void *buffer, const struct vpt_shared *shared, enum vpt_direction direction,
                       bool access_platform);

/* ---- registers.c ---- */

uint32_t vpt_qtest_io_read(void *ctx, uint16_t io_port, unsigned width);
void vpt_qtest_io_write(void *ctx, uint16_t io_port, unsigned width, uint32_t value);
enum vpt_status vpt_qtest_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t *value);
enum vpt_status vpt_qtest_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                       unsigned width, uint32_t value);
enum vpt_status vpt_qtest_mmio_map(void *ctx, uint64_t physical, size_t size, enum vpt_map_intent intent,
                                   void **mapping);
void vpt_qtest_mmio_unmap(void *ctx, void *mapping, size_t size);
uint32_t vpt_qtest_mmio_read(void *ctx, void *mapping, size_t offset, unsigned width);
void vpt_qtest_mmio_write(void *ctx, void *mapping, size_t offset, unsigned width, uint32_t value);

/* Maps q35's configuration space at details->machine.ecam. */
enum vpt_status vpt_qtest_ecam_enable(struct vpt_qtest *qtest);

/* ---- interrupts.c ---- */

/* Handles "raise N" or "lower N". False: the line is neither. */
bool vpt_qtest_irq_line(struct vpt_qtest *qtest, const char *line);

#endif
