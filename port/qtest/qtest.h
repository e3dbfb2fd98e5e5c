/* SPDX-License-Identifier: MIT */
/*
 * A port that drives QEMU's devices from an ordinary Linux process, without guest code: register accesses go through
 * QEMU's qtest socket, guest RAM is a memfd that both processes map. For tests and development of drivers; README.md
 * has an example.
 *
 * One object is one QEMU process. One thread at a time may use it. QEMU is killed when the thread that started it ends.
 * Every wait is bounded. When QEMU ends or does not answer in time, it is killed and the object has failed
 * (vpt_qtest_failure()): register reads are all-ones, as of a removed device, and calls return the failure. Only
 * vpt_qtest_stop() is useful then.
 *
 * All machines are little-endian, and the host must be.
 */
#ifndef VPT_QTEST_H
#define VPT_QTEST_H

#include <stdio.h>
#include <sys/types.h>

#include <vpt/port.h>

VPT_BEGIN_DECLARATIONS

/* ---- The port's own statuses ---- */

#define VPT_QTEST_STATUS(n) VPT_AS(enum vpt_status, VPT_PORT_ERROR_FIRST + 0x200 + (n))
#define VPT_QTEST_SYSTEM    VPT_QTEST_STATUS(0) /* a system call of the host failed */
#define VPT_QTEST_START     VPT_QTEST_STATUS(1) /* QEMU did not start: no such program, or it refused its arguments */
#define VPT_QTEST_GONE      VPT_QTEST_STATUS(2) /* QEMU has ended */
#define VPT_QTEST_NO_ANSWER VPT_QTEST_STATUS(3) /* QEMU did not answer within the deadline */
#define VPT_QTEST_PROTOCOL  VPT_QTEST_STATUS(4) /* QEMU sent an invalid answer */
#define VPT_QTEST_REFUSED   VPT_QTEST_STATUS(5) /* QEMU refused a command: FAIL or ERR */
#define VPT_QTEST_RANGE     VPT_QTEST_STATUS(6) /* outside the machine's ranges */
#define VPT_QTEST_TIMEOUT   VPT_QTEST_STATUS(7) /* the awaited event did not happen */

/* ---- Machines ---- */

enum vpt_qtest_machine_type {
    VPT_QTEST_PC,
    VPT_QTEST_Q35,
    VPT_QTEST_MICROVM,
    VPT_QTEST_AARCH64_VIRT,
    VPT_QTEST_RISCV64_VIRT
};

#define VPT_QTEST_MACHINES 5u

/* A range of addresses or I/O ports; size 0: none. */
struct vpt_qtest_window {
    uint64_t base;
    uint64_t size;
};

/* A machine. Addresses are physical. */
struct vpt_qtest_machine {
    const char *name;   /* "pc", "q35", "microvm", "aarch64 virt", "riscv64 virt" */
    const char *binary; /* QEMU's program, found in PATH */
    const char *option; /* argument of -M */
    uint64_t ram_base;

    /* virtio-mmio: slot i is at slots.base + i * slot_stride, its interrupt is line slot_first_line + i. */
    struct vpt_qtest_window slots; /* range of all slots */
    uint32_t slot_stride;          /* bytes; registers and configuration are the first 0x200 */
    uint32_t slot_first_line;

    /* PCI: windows for BARs. All are empty on a machine without PCI. */
    struct vpt_qtest_window io;       /* I/O ports */
    struct vpt_qtest_window memory;   /* below 4 GiB; for prefetchable BARs too */
    struct vpt_qtest_window memory64; /* above */
    struct vpt_qtest_window ecam;     /* configuration space; on q35 only with option `ecam` */
    uint64_t io_window;               /* address of I/O port 0; 0: the CPU has port instructions */

    const char *interrupt_controller; /* QOM path, for vpt_qtest_intercept() */
};

/* The machine of a type, which is constant; NULL: unknown type. May be called at any time. */
const struct vpt_qtest_machine *vpt_qtest_machine(enum vpt_qtest_machine_type type);

/* Number of virtio-mmio slots. QEMU plugs the first -device into the last slot. */
uint32_t vpt_qtest_slot_count(const struct vpt_qtest_machine *machine);
uint64_t vpt_qtest_slot_address(const struct vpt_qtest_machine *machine, uint32_t slot);

/* The line of `interrupt_controller` that a slot raises, or VPT_QTEST_NO_LINE if there is no such slot. */
#define VPT_QTEST_NO_LINE UINT32_MAX
uint32_t vpt_qtest_slot_line(const struct vpt_qtest_machine *machine, uint32_t slot);

/* Private. */
struct vpt_qtest;

/*
 * Does the work of firmware: vpt_pci_buses_place() with the machine's windows. The windows shrink by what it assigns,
 * so a later call gives free addresses to functions plugged into bus 0. The program must link the library's archive.
 * Returns the statuses of that call; VPT_QTEST_RANGE: the machine has no PCI.
 */
enum vpt_status vpt_qtest_assign_buses(struct vpt_qtest *qtest);

/* ---- Start and end ---- */

/* All zeros and a machine are good defaults. vpt_qtest_start() copies what it needs. */
struct vpt_qtest_options {
    enum vpt_qtest_machine_type machine;
    const char *binary;           /* QEMU's program, a path or a name in PATH; NULL: the machine's default */
    const char *machine_options;  /* more properties for -M, as "hmat=on,..."; NULL: none */
    const char *const *arguments; /* more arguments ("-device", "virtio-rng-pci"), NULL at the end; NULL: none */
    const int *files;             /* descriptors that QEMU inherits under the same numbers ("/dev/fd/N") ... */
    unsigned file_count;          /* ... this many; QEMU inherits no others */
    uint32_t ram_size;            /* bytes, a multiple of 1 MiB from 16 MiB to 1 GiB; 0: 64 MiB */
    uint32_t start_timeout;       /* milliseconds until QEMU answers first; 0: 20000 */
    uint32_t command_timeout;     /* milliseconds for each command; 0: 10000 */
    uint32_t wait_timeout;        /* milliseconds that keep_waiting() allows for any wait; 0: 10000 */
    size_t share_most;            /* maximum bytes of one share; 0: no limit */
    bool ecam;  /* q35: configuration space by ECAM instead of ports 0xcf8 and 0xcfc; elsewhere VPT_CALLER_ARGUMENT */
    bool iommu; /* q35: adds an intel-iommu, which translates addresses of ACCESS_PLATFORM memory and of mailboxes */
    bool qmp;   /* a second socket, for vpt_qtest_qmp() */
    FILE *log;  /* receives the library's log, misuse, and an unexpected end of QEMU; NULL: nothing is logged */
};

/*
 * Starts QEMU and waits until it answers. On failure *qtest is set too, for vpt_qtest_message(), and must be stopped;
 * it is NULL only after VPT_CALLER_ARGUMENT and VPT_RESOURCE_MEMORY.
 *
 * Returns VPT_OK, VPT_CALLER_ARGUMENT (options contradict each other), VPT_RESOURCE_MEMORY, VPT_QTEST_SYSTEM,
 * VPT_QTEST_START or VPT_QTEST_NO_ANSWER.
 */
enum vpt_status vpt_qtest_start(struct vpt_qtest **qtest, const struct vpt_qtest_options *options);

/* Kills QEMU, waits for its end, and frees the object and all memory that dma_allocate() gave. NULL is allowed. */
void vpt_qtest_stop(struct vpt_qtest *qtest);

/* Why the object has failed, or VPT_OK. Checks that QEMU still runs. */
enum vpt_status vpt_qtest_failure(struct vpt_qtest *qtest);

/* A description of the failure, one or more lines, with QEMU's stderr; "" if there is none. */
const char *vpt_qtest_message(struct vpt_qtest *qtest);

/* The port, valid as long as the object. A copy with members set to NULL works too. */
const struct vpt_port *vpt_qtest_port(struct vpt_qtest *qtest);

const struct vpt_qtest_machine *vpt_qtest_machine_of(const struct vpt_qtest *qtest);

/* QEMU's process, for tests that end or stop it; 0 if it has ended already. */
pid_t vpt_qtest_pid(const struct vpt_qtest *qtest);

/* ---- Outstanding objects ---- */

struct vpt_qtest_counts {
    uint32_t allocations;         /* dma_allocate() without dma_free(), without open mailboxes */
    uint32_t private_allocations; /* the same with VPT_DMA_PRIVATE */
    uint32_t shares;
    uint32_t mappings;
    uint32_t mailboxes;
    /*
     * Number of calls so far that break the port's contract: they free or unmap an object that does not exist, or with
     * different values; access outside a mapping; or free memory that was written behind its end.
     */
    uint32_t misuses;
};

struct vpt_qtest_counts vpt_qtest_counts(const struct vpt_qtest *qtest);

/* Whether nothing is outstanding and nothing was misused; if not, prints the reasons to `log` (NULL: nowhere). */
bool vpt_qtest_clean(const struct vpt_qtest *qtest, FILE *log);

/* ---- Guest physical memory ---- */

/* One access of 1, 2 or 4 bytes anywhere in physical memory; all-ones after a failure. */
uint32_t vpt_qtest_read(struct vpt_qtest *qtest, uint64_t physical, unsigned width);
void vpt_qtest_write(struct vpt_qtest *qtest, uint64_t physical, unsigned width, uint32_t value);

/* Pointer to `size` bytes of RAM at a physical address, or NULL if they are not in RAM. */
void *vpt_qtest_ram(struct vpt_qtest *qtest, uint64_t physical, size_t size);

/* ---- Interrupts by lines (INTx, virtio-mmio) ---- */

/*
 * Starts to observe the input lines of an interrupt controller: its QOM path, or NULL for the machine's. May be called
 * once for each object. Line numbers are the controller's input numbers: global system interrupts on pc, q35 and
 * microvm's second I/O APIC (minus 24), SPIs on arm, sources on riscv64.
 */
enum vpt_status vpt_qtest_intercept(struct vpt_qtest *qtest, const char *path);

#define VPT_QTEST_LINES 256u /* lines from here on are not observed */

/* A line's level, and how often it has risen since vpt_qtest_intercept(). Both read the socket first. */
bool vpt_qtest_line_high(struct vpt_qtest *qtest, uint32_t line);
uint32_t vpt_qtest_line_raises(struct vpt_qtest *qtest, uint32_t line);

/*
 * Waits until a line has risen more than `raises` times in total, for at most `milliseconds`. Returns VPT_OK,
 * VPT_QTEST_TIMEOUT, VPT_QTEST_RANGE (no such line), or why the object has failed.
 */
enum vpt_status vpt_qtest_wait_line(struct vpt_qtest *qtest, uint32_t line, uint32_t raises, uint32_t milliseconds);

/*
 * Programs the chipset so that INTA to INTD of bus 0 arrive at the interrupt controller (pc and q35; on the other
 * machines nothing needs to be done). VPT_QTEST_RANGE: the machine has no PCI.
 */
enum vpt_status vpt_qtest_route_intx(struct vpt_qtest *qtest);

/* The line that pin 1 to 4 (INTA to INTD) of device 0 to 31 on bus 0 raises after that call, or VPT_QTEST_NO_LINE. */
uint32_t vpt_qtest_intx_line(const struct vpt_qtest *qtest, unsigned device, unsigned pin);

/* ---- Interrupts by messages (MSI, MSI-X) ---- */

/*
 * A dword of RAM as the target of a vector: `address` is the vector's message address. When the device sends the
 * message, the dword holds the message's data. Use data other than 0.
 */
struct vpt_qtest_mailbox {
    uint64_t address;
    volatile uint32_t *word;
};

/* Opens an empty mailbox. Returns VPT_OK, VPT_RESOURCE_MEMORY, or why the object has failed. */
enum vpt_status vpt_qtest_mailbox_open(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox);
void vpt_qtest_mailbox_close(struct vpt_qtest *qtest, struct vpt_qtest_mailbox *mailbox);

/* The data of the last message, 0 if none came since the last _take(); _take() also empties the mailbox. */
uint32_t vpt_qtest_mailbox_peek(const struct vpt_qtest_mailbox *mailbox);
uint32_t vpt_qtest_mailbox_take(const struct vpt_qtest_mailbox *mailbox);

/* Waits until the mailbox is not empty. Returns VPT_OK, VPT_QTEST_TIMEOUT, or why the object has failed. */
enum vpt_status vpt_qtest_mailbox_wait(struct vpt_qtest *qtest, const struct vpt_qtest_mailbox *mailbox,
                                       uint32_t milliseconds);

/* ---- QEMU's monitor (option `qmp`) ---- */

/*
 * Executes one command of the QEMU Machine Protocol, a line of JSON given by a printf format, and waits for its answer:
 *
 *     vpt_qtest_qmp(qtest, "{'execute': 'block_resize', 'arguments': {'node-name': 'd0', 'size': %u}}", size);
 *
 * (QEMU allows strings in single quotes.) On return the command is complete, unless it only starts work whose end an
 * event reports. Commands and register accesses are executed in the order of the calls.
 *
 * Returns VPT_OK, VPT_QTEST_REFUSED (QEMU answered with an error), VPT_CALLER_STATE (without the option),
 * VPT_CALLER_TOO_LONG (more than 1023 bytes), or why the object has failed.
 */
enum vpt_status vpt_qtest_qmp(struct vpt_qtest *qtest, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The last answer, a line of JSON: {"return": ...} or {"error": ...}; "" before the first. Valid until the next
 * command.
 */
const char *vpt_qtest_qmp_answer(const struct vpt_qtest *qtest);

/*
 * Waits up to `milliseconds` for an event of this name whose line of JSON contains `text` (NULL: any); finds events
 * that came earlier too. Drops the event and all before it; otherwise the last 16 events are kept. Returns VPT_OK,
 * VPT_QTEST_TIMEOUT, VPT_CALLER_STATE, or why the object has failed.
 */
enum vpt_status vpt_qtest_qmp_event(struct vpt_qtest *qtest, const char *name, const char *text, uint32_t milliseconds);

/* ---- The IOMMU (option `iommu`) ---- */

/* Translated addresses start here. A device reaches only memory that is currently allocated or shared. */
#define VPT_QTEST_IOVA_BASE UINT64_C(0x40000000)

/*
 * Whether the IOMMU has refused an access since the last call; *page is the first refused address, rounded down to
 * 4096. False without an IOMMU.
 */
bool vpt_qtest_iommu_fault(struct vpt_qtest *qtest, uint64_t *page);

VPT_END_DECLARATIONS

#endif
