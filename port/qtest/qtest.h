/* SPDX-License-Identifier: MIT */
/*
 * A port that drives QEMU's devices from an ordinary Linux process, with no guest code: registers go through QEMU's
 * qtest socket, guest RAM is a memfd that both processes map. For tests and development of drivers; README.md shows
 * how a program looks.
 *
 * One object is one QEMU process. It belongs to one thread at a time, and to the thread that started it for life:
 * QEMU is killed when that thread ends. Nothing here waits without a bound. When QEMU ends or does not answer in time,
 * it is killed, the object has failed (vpt_qtest_failure()), register reads are all-ones, as of a device that was
 * removed, and calls return that status; vpt_qtest_stop() is all that is left to do.
 *
 * Every machine is little-endian, and so must the host be.
 */
#ifndef VPT_QTEST_H
#define VPT_QTEST_H

#include <stdio.h>
#include <sys/types.h>

#include <vpt/port.h>

VPT_BEGIN_DECLARATIONS

/* ---- The port's own statuses ---- */

#define VPT_QTEST_STATUS(n) VPT_AS(enum vpt_status, VPT_PORT_ERROR_FIRST + 0x200 + (n))
#define VPT_QTEST_SYSTEM    VPT_QTEST_STATUS(0) /* a call of the host's kernel failed */
#define VPT_QTEST_START     VPT_QTEST_STATUS(1) /* QEMU did not start: no such program, or it refused its arguments */
#define VPT_QTEST_GONE      VPT_QTEST_STATUS(2) /* QEMU has ended */
#define VPT_QTEST_NO_ANSWER VPT_QTEST_STATUS(3) /* QEMU did not answer within the deadline */
#define VPT_QTEST_PROTOCOL  VPT_QTEST_STATUS(4) /* QEMU answered something that is no answer */
#define VPT_QTEST_REFUSED   VPT_QTEST_STATUS(5) /* QEMU refused a command: FAIL or ERR */
#define VPT_QTEST_RANGE     VPT_QTEST_STATUS(6) /* outside what the machine has */
#define VPT_QTEST_TIMEOUT   VPT_QTEST_STATUS(7) /* what was waited for did not happen */

/* ---- Machines ---- */

enum vpt_qtest_machine_type {
    VPT_QTEST_PC,
    VPT_QTEST_Q35,
    VPT_QTEST_MICROVM,
    VPT_QTEST_AARCH64_VIRT,
    VPT_QTEST_RISCV64_VIRT
};

#define VPT_QTEST_MACHINES 5u

/* A range of addresses or of I/O ports; size 0: there is none. */
struct vpt_qtest_window {
    uint64_t base;
    uint64_t size;
};

/* What a machine consists of. Addresses are physical. */
struct vpt_qtest_machine {
    const char *name;   /* "pc", "q35", "microvm", "aarch64 virt", "riscv64 virt" */
    const char *binary; /* looked for in PATH */
    const char *option; /* what -M takes */
    uint64_t ram_base;

    /* virtio-mmio: slot i is at slots.base + i * slot_stride, its interrupt is line slot_first_line + i. */
    struct vpt_qtest_window slots; /* all of them */
    uint32_t slot_stride;          /* bytes; a slot's registers and configuration are 0x200 of them */
    uint32_t slot_first_line;

    /* PCI: what a BAR may be given. All are empty on a machine without PCI. */
    struct vpt_qtest_window io;       /* I/O ports */
    struct vpt_qtest_window memory;   /* below 4 GiB; for prefetchable BARs too */
    struct vpt_qtest_window memory64; /* above */
    struct vpt_qtest_window ecam;     /* configuration by memory; on q35 only with the option `ecam` */
    uint64_t io_window;               /* where I/O port 0 is in memory; 0: ports have their own instructions */

    const char *interrupt_controller; /* QOM path, for vpt_qtest_intercept() */
};

/* Constant; NULL for a type that does not exist. Any time. */
const struct vpt_qtest_machine *vpt_qtest_machine(enum vpt_qtest_machine_type type);

/* Number of virtio-mmio slots. QEMU plugs the first -device into the last slot. */
uint32_t vpt_qtest_slot_count(const struct vpt_qtest_machine *machine);
uint64_t vpt_qtest_slot_address(const struct vpt_qtest_machine *machine, uint32_t slot);

/* The line of `interrupt_controller` that a slot raises, or VPT_QTEST_NO_LINE if it does not exist. */
#define VPT_QTEST_NO_LINE UINT32_MAX
uint32_t vpt_qtest_slot_line(const struct vpt_qtest_machine *machine, uint32_t slot);

/* Private. */
struct vpt_qtest;

/*
 * Does what firmware would have done: vpt_pci_buses_place() with the machine's windows. What it gives out leaves them,
 * so that what is plugged into bus 0 later is given addresses by another call. Needs the library's archive, as the
 * program does. Statuses of that call; VPT_QTEST_RANGE: a machine without PCI.
 */
enum vpt_status vpt_qtest_assign_buses(struct vpt_qtest *qtest);

/* ---- Life ---- */

/* Zeroed, with a machine, is a good start. Nothing of it is used after vpt_qtest_start(). */
struct vpt_qtest_options {
    enum vpt_qtest_machine_type machine;
    const char *binary;           /* QEMU, a path or a name in PATH; NULL: the machine's */
    const char *machine_options;  /* more properties for -M, as "hmat=on,..."; NULL: none */
    const char *const *arguments; /* more arguments ("-device", "virtio-rng-pci"), NULL at the end; NULL: none */
    const int *files;             /* descriptors that QEMU inherits under the same numbers ("/dev/fd/N") ... */
    unsigned file_count;          /* ... this many; all others are closed there */
    uint32_t ram_size;            /* bytes, a multiple of 1 MiB from 16 MiB to 1 GiB; 0: 64 MiB */
    uint32_t start_timeout;       /* milliseconds until QEMU answers first; 0: 20000 */
    uint32_t command_timeout;     /* milliseconds for each command; 0: 10000 */
    uint32_t wait_timeout;        /* milliseconds that keep_waiting() grants a wait of any kind; 0: 10000 */
    size_t share_most;            /* bytes that one share covers at most; 0: any number */
    bool ecam;  /* q35: configuration space by ECAM instead of ports 0xcf8 and 0xcfc; elsewhere VPT_CALLER_ARGUMENT */
    bool iommu; /* q35: adds an intel-iommu: ACCESS_PLATFORM memory and mailboxes have addresses that it translates */
    bool qmp;   /* a second socket, for vpt_qtest_qmp() */
    FILE *log;  /* what the library logs, misuse, and QEMU's end if it was not asked for; NULL: nowhere */
};

/*
 * Starts QEMU and waits until it answers. *qtest is made on failure too, so that vpt_qtest_message() can tell, and must
 * be stopped in any case; it is NULL only after VPT_CALLER_ARGUMENT and VPT_RESOURCE_MEMORY.
 * VPT_CALLER_ARGUMENT: options that contradict each other. VPT_QTEST_SYSTEM, VPT_QTEST_START, VPT_QTEST_NO_ANSWER.
 */
enum vpt_status vpt_qtest_start(struct vpt_qtest **qtest, const struct vpt_qtest_options *options);

/* Kills QEMU, waits for its end, and frees all that the object has, what dma_allocate() gave too. NULL is fine. */
void vpt_qtest_stop(struct vpt_qtest *qtest);

/* Why the object has failed, or VPT_OK. Looks whether QEMU is still there. */
enum vpt_status vpt_qtest_failure(struct vpt_qtest *qtest);

/* What is known about a failure, one or more lines, QEMU's stderr among them; "" if there is none. */
const char *vpt_qtest_message(struct vpt_qtest *qtest);

/* The port; for as long as the object lives. A copy with members set to NULL works too. */
const struct vpt_port *vpt_qtest_port(struct vpt_qtest *qtest);

const struct vpt_qtest_machine *vpt_qtest_machine_of(const struct vpt_qtest *qtest);

/* QEMU's process, for tests that end or stop it; 0 if it has ended already. */
pid_t vpt_qtest_pid(const struct vpt_qtest *qtest);

/* ---- What is outstanding ---- */

struct vpt_qtest_counts {
    uint32_t allocations;         /* dma_allocate() without dma_free(), open mailboxes not among them */
    uint32_t private_allocations; /* the same with VPT_DMA_PRIVATE */
    uint32_t shares;
    uint32_t mappings;
    uint32_t mailboxes;
    /*
     * Calls that break the port's contract, since the start: what was never given is given back, or with other values;
     * an access outside its mapping; memory that was written to behind its end.
     */
    uint32_t misuses;
};

struct vpt_qtest_counts vpt_qtest_counts(const struct vpt_qtest *qtest);

/* Whether nothing is outstanding and nothing was misused; if not, says what in `log` (NULL: nowhere). */
bool vpt_qtest_clean(const struct vpt_qtest *qtest, FILE *log);

/* ---- Guest physical memory ---- */

/* One access of 1, 2 or 4 bytes anywhere in physical memory; all-ones after a failure. */
uint32_t vpt_qtest_read(struct vpt_qtest *qtest, uint64_t physical, unsigned width);
void vpt_qtest_write(struct vpt_qtest *qtest, uint64_t physical, unsigned width, uint32_t value);

/* RAM, directly: `size` bytes at a physical address, or NULL if they are not RAM. */
void *vpt_qtest_ram(struct vpt_qtest *qtest, uint64_t physical, size_t size);

/* ---- Interrupts by lines (INTx, virtio-mmio) ---- */

/*
 * Starts to observe the input lines of an interrupt controller: its QOM path, or NULL for the machine's. Once in an
 * object's life. Lines are counted from where the controller counts its inputs: global system interrupts on pc, q35
 * and microvm's second I/O APIC (less 24), SPIs on arm, sources on riscv64.
 */
enum vpt_status vpt_qtest_intercept(struct vpt_qtest *qtest, const char *path);

#define VPT_QTEST_LINES 256u /* lines above are not observed */

/* A line's state, and how often it went from low to high since vpt_qtest_intercept(); after a look at the socket. */
bool vpt_qtest_line_high(struct vpt_qtest *qtest, uint32_t line);
uint32_t vpt_qtest_line_raises(struct vpt_qtest *qtest, uint32_t line);

/*
 * Waits until a line has been raised more than `raises` times in all, for at most `milliseconds`.
 * VPT_QTEST_TIMEOUT, VPT_QTEST_RANGE (no such line), or why the object has failed.
 */
enum vpt_status vpt_qtest_wait_line(struct vpt_qtest *qtest, uint32_t line, uint32_t raises, uint32_t milliseconds);

/*
 * Programs the chipset so that INTA to INTD of bus 0 arrive at the interrupt controller (pc and q35; elsewhere they
 * do anyway, and this does nothing). VPT_QTEST_RANGE: a machine without PCI.
 */
enum vpt_status vpt_qtest_route_intx(struct vpt_qtest *qtest);

/* The line that pin 1 to 4 (INTA to INTD) of device 0 to 31 on bus 0 raises after that, or VPT_QTEST_NO_LINE. */
uint32_t vpt_qtest_intx_line(const struct vpt_qtest *qtest, unsigned device, unsigned pin);

/* ---- Interrupts by messages (MSI, MSI-X) ---- */

/*
 * A dword of RAM that a vector can be pointed at: `address` is the vector's message address, and when the device
 * sends the message, its data is what is found here. Choose data other than 0.
 */
struct vpt_qtest_mailbox {
    uint64_t address;
    volatile uint32_t *word;
};

/* Opens an empty mailbox. VPT_RESOURCE_MEMORY, or why the object has failed. */
enum vpt_status vpt_qtest_mailbox_open(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox);
void vpt_qtest_mailbox_close(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox);

/* The data of the last message, 0 if none came since it was taken; _take() empties the mailbox as well. */
uint32_t vpt_qtest_mailbox_peek(const struct vpt_qtest_mailbox *mailbox);
uint32_t vpt_qtest_mailbox_take(const struct vpt_qtest_mailbox *mailbox);

/* Waits until the mailbox is not empty. VPT_QTEST_TIMEOUT, or why the object has failed. */
enum vpt_status vpt_qtest_mailbox_wait(struct vpt_qtest *qtest, const struct vpt_qtest_mailbox *mailbox,
                                       uint32_t milliseconds);

/* ---- QEMU's monitor (option `qmp`) ---- */

/*
 * Executes one command of the QEMU Machine Protocol, given as a line of JSON by a printf format, and waits for its
 * answer:
 *
 *     vpt_qtest_qmp(qtest, "{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", size);
 *
 * (QEMU takes strings in single quotes too.) It is carried out when this returns, unless it is one that only begins
 * something, which an event tells the end of. Commands here and register accesses are in the order of the calls.
 * VPT_QTEST_REFUSED: QEMU answered with an error. VPT_CALLER_STATE: without the option. VPT_CALLER_TOO_LONG: above
 * 1023 bytes. Or why the object has failed.
 */
enum vpt_status vpt_qtest_qmp(struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last answer, a line of JSON: {"return": ...} or {"error": ...}; "" before the first. Until the next command. */
const char *vpt_qtest_qmp_answer(const struct vpt_qtest *qtest);

/*
 * Waits for an event of this name, whose line of JSON holds `text` (NULL: any): one that has come since the start and
 * was not waited for before, or one that comes within so many milliseconds. It and all before it are forgotten; of
 * those that nobody waits for the last 16 are kept. VPT_QTEST_TIMEOUT, VPT_CALLER_STATE, or why the object has failed.
 */
enum vpt_status vpt_qtest_qmp_event(struct vpt_qtest *qtest, const char *name, const char *text, uint32_t milliseconds);

/* ---- The IOMMU (option `iommu`) ---- */

/* Translated addresses start here; a device reaches nothing outside what is allocated or shared at the moment. */
#define VPT_QTEST_IOVA_BASE UINT64_C(0x40000000)

/*
 * Whether the IOMMU has refused an access since the last call; if so, *page is the address (rounded down to 4096)
 * of the first one. False without an IOMMU.
 */
bool vpt_qtest_iommu_fault(struct vpt_qtest *qtest, uint64_t *page);

VPT_END_DECLARATIONS

#endif
