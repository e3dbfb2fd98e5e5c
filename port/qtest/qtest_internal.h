/* SPDX-License-Identifier: MIT */
/* What the files of this port share: the object, and what each file does for the others. */
#ifndef VPT_QTEST_INTERNAL_H
#define VPT_QTEST_INTERNAL_H

#include "qtest.h"

#include <vpt/pci.h>

#define PCI_WINDOWS 3u
#define PAGE_SIZE   4096u
#define ALL_ONES    UINT32_MAX

#define INPUT_SIZE   16384u /* the longest line that QEMU sends is far below */
#define MESSAGE_SIZE 8192u

/* What a vpt_qtest_machine has that users need not know. */
struct machine_details {
    struct vpt_qtest_machine machine;
    const char *const *parking; /* arguments that keep the vCPU quiet; NULL at the end */
    uint64_t parking_offset;    /* where in RAM the vCPU's code is */
    uint32_t parking_code[2];
    bool parking_bios; /* the code is in a firmware image of its own instead */
    bool ports;        /* has port instructions */
    uint32_t intx_first_line;
};

const struct machine_details *vpt_qtest_machine_details(enum vpt_qtest_machine_type type);

/* Why a record exists. */
enum record_kind { RECORD_ALLOCATION, RECORD_PRIVATE, RECORD_SHARE, RECORD_MAILBOX, RECORD_MAPPING, RECORD_KINDS };

/* Something that was given and has to come back. */
struct record {
    struct record *next;
    enum record_kind kind;
    void *address;           /* what the CPU uses; of a mapping: the record itself */
    uint64_t device_address; /* of a mapping: the physical address */
    size_t size;
    uint32_t flags;      /* of an allocation */
    uint32_t first_page; /* of RAM, counted from where allocations start; unused for private memory and mappings */
    bool translated;     /* the IOMMU maps it */
    void *buffer;        /* of a share: the caller's */
    enum vpt_direction direction;
    bool access_platform;
};

struct iommu {
    unsigned char *tables; /* NULL: there is none */
    uint64_t tables_physical;
    uint64_t iotlb;  /* physical address of the IOTLB invalidate register */
    uint64_t faults; /* of the first fault recording register */
};

/* A socket on which QEMU says something line by line. */
struct channel {
    int socket; /* -1: there is none */
    char input[INPUT_SIZE];
    size_t input_size;
};

#define EVENTS_MAX 16u
#define EVENT_SIZE 512u

struct vpt_qtest {
    struct vpt_port port;
    struct vpt_qtest_options options; /* with defaults filled in; pointers into the caller's memory are cleared */
    const struct machine_details *details;
    struct vpt_pci_window windows[PCI_WINDOWS]; /* machine.c: what is left of the machine's */

    /* process.c */
    pid_t pid;
    pid_t ended; /* the process that has been waited for */
    int wait_status;
    int errors; /* a file with QEMU's stderr */
    enum vpt_status failure;
    char message[MESSAGE_SIZE];

    struct channel commands; /* protocol.c */

    /* qmp.c */
    struct channel qmp;
    char answer[INPUT_SIZE];             /* the last one, a whole line; "" before the first */
    char events[EVENTS_MAX][EVENT_SIZE]; /* that nobody has waited for yet, the oldest first; cut off where too long */
    unsigned event_count;

    /* memory.c */
    int ram_file;
    unsigned char *ram;
    uint32_t first_page;  /* of RAM, the first that is given away */
    uint32_t pages;       /* that are */
    unsigned char *taken; /* one byte a page */
    struct record *records;
    struct vpt_qtest_counts counts;

    /* interrupts.c */
    bool high[VPT_QTEST_LINES];
    uint32_t raises[VPT_QTEST_LINES];

    uint64_t wait_ends; /* port.c: milliseconds */
    struct iommu iommu;
};

/* ---- machine.c ---- */

/* All of the machine's windows are free. */
void vpt_qtest_windows_init(struct vpt_qtest *qtest);

/* ---- port.c ---- */

/* Fills in qtest->port for the machine. */
void vpt_qtest_port_init(struct vpt_qtest *qtest);

/* A line for `options.log`. */
void vpt_qtest_note(const struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts and notes a broken contract. */
void vpt_qtest_misuse(struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Milliseconds of a clock that only goes forward. */
uint64_t vpt_qtest_now(void);

/* ---- process.c ---- */

/* Ends QEMU and makes `status` the reason why nothing works any more. Only the first one counts. Returns it. */
enum vpt_status vpt_qtest_fail(struct vpt_qtest *qtest, enum vpt_status status, const char *what);

/* ---- protocol.c ---- */

/* Sends all of it, before `deadline`; or QEMU has failed, and why. */
enum vpt_status vpt_qtest_send(struct vpt_qtest *qtest, const struct channel *channel, const char *bytes, size_t size,
                               uint64_t deadline);

/* Takes the next line, without its end, if it has come. VPT_EMPTY: it has not. */
enum vpt_status vpt_qtest_take_line(struct vpt_qtest *qtest, struct channel *channel, char line[INPUT_SIZE]);

/* Appends to the channel's input what has come or comes before `deadline`. VPT_EMPTY: nothing does. */
enum vpt_status vpt_qtest_receive(struct vpt_qtest *qtest, struct channel *channel, uint64_t deadline);

/*
 * Sends a command and waits for its answer, for at most command_timeout. *value becomes the number of an answer that
 * has one; NULL for commands whose answer has none.
 */
enum vpt_status vpt_qtest_command(struct vpt_qtest *qtest, uint64_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a deadline of its own, in milliseconds from now. */
enum vpt_status vpt_qtest_first_command(struct vpt_qtest *qtest, uint32_t timeout);

/* Takes in what QEMU has sent by itself, waiting up to `microseconds` for something to come. */
enum vpt_status vpt_qtest_listen(struct vpt_qtest *qtest, uint32_t microseconds);

/* ---- qmp.c ---- */

/* Hears the greeting and leaves negotiation behind. */
enum vpt_status vpt_qtest_qmp_init(struct vpt_qtest *qtest);

/* ---- memory.c ---- */

enum vpt_status vpt_qtest_memory_init(struct vpt_qtest *qtest);
void vpt_qtest_memory_finish(struct vpt_qtest *qtest);

/* The one that was given with this address, or NULL; a device address of 0 fits any. */
struct record *vpt_qtest_record_find(struct vpt_qtest *qtest, enum record_kind kind, const void *address,
                                     uint64_t device_address);

/* Adds a zeroed record of this kind, or NULL. */
struct record *vpt_qtest_record_add(struct vpt_qtest *qtest, enum record_kind kind);
void vpt_qtest_record_remove(struct vpt_qtest *qtest, struct record *record);

/* How many of a kind there are. */
uint32_t vpt_qtest_record_count(const struct vpt_qtest *qtest, enum record_kind kind);

/* Takes pages of RAM for a record with kind and size; zeroed. `writable`: by the device, where the IOMMU decides. */
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

/* Makes q35's configuration space appear at details->machine.ecam. */
enum vpt_status vpt_qtest_ecam_enable(struct vpt_qtest *qtest);

/* ---- interrupts.c ---- */

/* Takes a line "raise N" or "lower N". False: it is neither. */
bool vpt_qtest_irq_line(struct vpt_qtest *qtest, const char *line);

#endif
