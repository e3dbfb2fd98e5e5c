/* SPDX-License-Identifier: MIT */
/*
 * A simulated PCI bus: functions with a configuration space of 4 KiB, BARs that decode by what their registers and the
 * command register hold at that moment, capabilities, MSI-X. It records what a driver does against PCI's rules.
 *
 *     mock_hal_init(&hal);
 *     mock_pci_bus_init(&bus, &hal);
 *     mock_pci_bus_aperture(&bus, 0xe0000000, 0x1000000);      (where memory BARs may be mapped)
 *     mock_pci_function_init(&function, &ids);
 *     mock_pci_bar_init(&function, 0, &(struct mock_pci_bar){ .size = 0x1000, .ops = &ops, .front_end = x });
 *     mock_pci_bus_add(&bus, &function, address);
 *     ... give &bus.port to the library ...
 *     mock_pci_function_finish(&function);                     (every function)
 *     assert(mock_hal_finish(&hal) == 0);
 */
#ifndef VPT_TESTS_MOCK_PCI_BUS_H
#define VPT_TESTS_MOCK_PCI_BUS_H

#include <vpt/port.h>

#include "mock_hal.h"
#include "mock_trigger.h"

#define MOCK_PCI_CONFIG_SIZE 4096u
#define MOCK_PCI_FUNCTIONS   64u
#define MOCK_PCI_APERTURES   4u
#define MOCK_PCI_BARS        7u /* the last one is the ROM */
#define MOCK_PCI_ROM         6u
#define MOCK_PCI_HOOKS       8u
#define MOCK_PCI_LOG         256u /* command writes and messages remembered: the first ones */

struct mock_device;
struct mock_pci_function;
struct mock_pci_msix;

/* What a function is, for mock_pci_function_init(). Header type 0 unless told otherwise. */
struct mock_pci_ids {
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem_vendor;
    uint16_t subsystem;
    uint32_t class_code; /* 24 bits */
    uint8_t revision;
    uint8_t header_type; /* bit 7: multi-function */
    uint8_t interrupt_pin;
    uint8_t primary, secondary, subordinate; /* header type 1 */
};

/* A BAR, or with index MOCK_PCI_ROM the ROM. `ops` answers accesses, with the offset into the BAR; NULL: reads 0. */
struct mock_pci_bar {
    uint64_t size; /* a power of two; 0: no BAR */
    bool io;
    bool io_16bit; /* an I/O BAR whose upper half reads 0 */
    bool is_64bit;
    bool prefetchable;
    bool below_1mib;
    const struct mock_window_ops *ops;
    void *front_end;
};

/*
 * Called when the driver accesses configuration bytes that overlap [first, last]: before a read, so that
 * mock_pci_set() can bring the bytes up to date; after a write, when config[] holds the new bytes. `offset` and
 * `width` are the access's own. Either may be NULL.
 */
struct mock_pci_hook {
    uint16_t first;
    uint16_t last;
    void (*before_read)(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width);
    void (*after_write)(void *ctx, struct mock_pci_function *function, uint16_t offset, unsigned width);
    void *ctx;
};

/* A write to the command register. */
struct mock_pci_command {
    uint64_t sequence; /* bus->sequence then */
    uint16_t value;    /* the register after it */
};

struct mock_pci_function {
    struct mock_pci_bus *bus;
    struct vpt_pci_address address;
    struct mock_pci_function *behind; /* the bridge in front; its secondary bus counts then, not the one above */

    /* To be told; may be changed at any time. */
    bool gone;                  /* removed: answers nothing, reads all-ones */
    struct mock_trigger vanish; /* before which of its configuration accesses it goes */
    struct mock_device *liar;   /* the device whose lies accesses go through; NULL: none */

    /* Configuration space, little-endian. Bits in neither mask are read-only. */
    uint8_t config[MOCK_PCI_CONFIG_SIZE];
    uint8_t writable[MOCK_PCI_CONFIG_SIZE]; /* bits that take what is written */
    uint8_t clear[MOCK_PCI_CONFIG_SIZE];    /* bits that a written 1 clears */
    struct mock_pci_bar bars[MOCK_PCI_BARS];

    /* What happened so far. */
    uint64_t config_reads;
    uint64_t config_writes;
    unsigned command_count;
    struct mock_pci_command commands[MOCK_PCI_LOG];

    /* Private. */
    struct mock_pci_hook hooks[MOCK_PCI_HOOKS];
    unsigned hook_count;
    struct mock_pci_msix *msix;
    uint16_t last_capability; /* offset of the last one appended; 0: none */
    uint16_t next_capability; /* where the next one goes */
    uint16_t last_extended;
    uint16_t next_extended;
    bool intx;
    bool bridge; /* made by mock_pci_bridge_init() */
};

struct mock_pci_aperture {
    struct mock_pci_bus *bus;
    uint64_t physical;
};

/* `port` has the hal's functions, and those for PCI configuration space and port I/O. */
struct mock_pci_bus {
    union {
        struct mock_port_context context;
        struct {
            struct vpt_port port;
            struct mock_hal *hal; /* violations go to hal->violations */
        };
    };

    /* To be told; may be changed at any time. */
    uint16_t config_size;           /* bytes the port reaches; beyond: all-ones. Initially 4096 */
    struct mock_trigger fail_read;  /* which config_read() fails ... */
    struct mock_trigger fail_write; /* ... which config_write() (then nothing is written) ... */
    enum vpt_status fail_status;    /* ... and how; initially VPT_PORT_ERROR_FIRST + 11 */
    bool undecoded_allowed;         /* an access that no BAR decodes is no violation */
    bool rules_off;                 /* no configuration write is a violation */

    /* What happened so far. */
    uint64_t sequence; /* counts configuration accesses and accesses by BAR: a clock for tests that check orders */
    uint64_t undecoded;

    /* Private. */
    struct mock_pci_function *functions[MOCK_PCI_FUNCTIONS];
    unsigned function_count;
    struct mock_pci_aperture apertures[MOCK_PCI_APERTURES];
    unsigned aperture_count;
};

/* The hal is initialised by the caller, outlives the bus, and may be used beside it. */
void mock_pci_bus_init(struct mock_pci_bus *bus, struct mock_hal *hal);

/* Lets the port's mmio_map() map [physical, physical + size), whatever BARs lie there; returns a mapping of all. */
void *mock_pci_bus_aperture(struct mock_pci_bus *bus, uint64_t physical, size_t size);

/* Puts a function on the bus; it stays where it is in the caller's memory. */
void mock_pci_bus_add(struct mock_pci_bus *bus, struct mock_pci_function *function, uint16_t segment, uint8_t number,
                      uint8_t device, uint8_t which);

/* The same behind a bridge, whose bus numbers, windows and command register decide which accesses arrive. */
void mock_pci_bus_add_behind(struct mock_pci_bus *bus, struct mock_pci_function *function,
                             struct mock_pci_function *bridge, uint8_t device, uint8_t which);

/* Its bus number now. 0 behind a bridge that has none. */
uint8_t mock_pci_bus_number(const struct mock_pci_function *function);

/* The function at an address, gone or not, or NULL. */
struct mock_pci_function *mock_pci_bus_find(const struct mock_pci_bus *bus, const struct vpt_pci_address *address);

/* ---- Making a function ---- */

/* A header with these ids, no BAR and no capability, decoding off. */
void mock_pci_function_init(struct mock_pci_function *function, const struct mock_pci_ids *ids);

/* What windows a bridge has beside the one for memory. */
struct mock_pci_windows {
    bool io;
    bool io_32bit;
    bool prefetchable;
    bool prefetchable_64bit;
};

/* A PCI-to-PCI bridge as a reset leaves it: no bus numbers, windows from 0 to the end of the first unit. */
void mock_pci_bridge_init(struct mock_pci_function *function, const struct mock_pci_ids *ids,
                          const struct mock_pci_windows *windows);

/* Whether a bridge's window covers [first, last] now (of I/O, or of memory, prefetchable or not). */
bool mock_pci_bridge_forwards(const struct mock_pci_function *bridge, bool io, uint64_t first, uint64_t last);

/* Frees what mock_pci_msix_add() made; forgets nothing else. */
void mock_pci_function_finish(struct mock_pci_function *function);

/* Declares a BAR (*bar is copied), unassigned. A 64-bit one takes the next register too. */
void mock_pci_bar_init(struct mock_pci_function *function, unsigned index, const struct mock_pci_bar *bar);

/* Firmware at work: gives a BAR an address, and writes the command register, without a rule or a hook. */
void mock_pci_bar_assign(struct mock_pci_function *function, unsigned index, uint64_t address);
void mock_pci_command_set(struct mock_pci_function *function, uint16_t value);

/* What the BAR's register says now, without its type bits. */
uint64_t mock_pci_bar_address(const struct mock_pci_function *function, unsigned index);

/*
 * Appends a capability: `body` is its `size` bytes from the third one on (after id and next), `writable` the same
 * number of mask bytes or NULL for none. Returns its offset, 0 if it does not fit.
 */
uint16_t mock_pci_capability_add(struct mock_pci_function *function, uint8_t id, const void *body, size_t size,
                                 const void *writable);

/* Appends an extended capability; `body` begins at its fifth byte. */
uint16_t mock_pci_extended_add(struct mock_pci_function *function, uint16_t id, uint8_t version, const void *body,
                               size_t size, const void *writable);

/* Configuration bytes as the device sees them: no mask, no rule, no hook. Width 1, 2 or 4. */
uint32_t mock_pci_get(const struct mock_pci_function *function, uint16_t offset, unsigned width);
void mock_pci_set(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t value);
void mock_pci_set_writable(struct mock_pci_function *function, uint16_t offset, unsigned width, uint32_t mask);

void mock_pci_hook_add(struct mock_pci_function *function, const struct mock_pci_hook *hook);

/* ---- What the device may do now ---- */

uint16_t mock_pci_command(const struct mock_pci_function *function);

/* Bus mastering is on here and in front, and the function is there: it may reach memory and send messages. */
bool mock_pci_masters(const struct mock_pci_function *function);

/* Sets the level of its INTx, which shows in the status register; whether the wire follows. */
void mock_pci_intx_set(struct mock_pci_function *function, bool level);
bool mock_pci_intx(const struct mock_pci_function *function);

/* ---- MSI-X ---- */

#define MOCK_PCI_MSIX_CONTROL 2u /* offset of message control from the capability */
#define MOCK_PCI_MSIX_ENABLE  0x8000u
#define MOCK_PCI_MSIX_MASK    0x4000u

struct mock_pci_message {
    uint64_t sequence;
    uint64_t address;
    uint32_t data;
    uint16_t vector; /* the entry it came from */
};

struct mock_pci_msix {
    uint16_t entries;
    uint16_t capability; /* offset */
    unsigned table_bar;
    unsigned pending_bar;
    uint32_t table_offset;
    uint32_t pending_offset;
    uint32_t *table;   /* four words an entry */
    uint32_t *pending; /* bits */
    size_t pending_words;
    unsigned message_count; /* all that were sent; the first MOCK_PCI_LOG are kept */
    unsigned dropped;       /* that bus mastering off has cost */
    struct mock_pci_message messages[MOCK_PCI_LOG];
};

/*
 * Appends an MSI-X capability; the table and the pending bits take their bytes of the two BARs, whose ops see the rest.
 * The entries are masked and zero. Offsets are multiples of 8.
 */
void mock_pci_msix_add(struct mock_pci_function *function, uint16_t entries, unsigned table_bar, uint32_t table_offset,
                       unsigned pending_bar, uint32_t pending_offset);

bool mock_pci_msix_enabled(const struct mock_pci_function *function);

/*
 * The function raises an entry: with MSI-X on and the entry unmasked a message is sent, else its pending bit is set
 * (and the message sent once it may be). An entry beyond the table is a violation.
 */
void mock_pci_msix_fire(struct mock_pci_function *function, uint16_t vector);

bool mock_pci_msix_pending(const struct mock_pci_function *function, uint16_t vector);

#endif
