/* SPDX-License-Identifier: MIT */
/*
 * What the suites of the PCI transports share: a machine with a disk on a PCI bus, the interfaces that it is driven
 * by, the driver's objects, and a look at which registers were accessed. One global object, since each test is a
 * process of its own.
 */
#ifndef VPT_TESTS_VIRTIO_PCI_SUPPORT_H
#define VPT_TESTS_VIRTIO_PCI_SUPPORT_H

#include "blk_support.h"
#include "pci_machine.h"

/* A function and the interface that it is driven by. */
enum card_kind {
    CARD_MODERN,              /* as QEMU's */
    CARD_MODERN_IO,           /* every structure in an I/O BAR */
    CARD_MODERN_SCATTERED,    /* every structure in another BAR, at odd places, the doorbells in an I/O one */
    CARD_TRANSITIONAL_MODERN, /* both interfaces, driven by the modern one */
    CARD_LEGACY,
    CARD_LEGACY_MEMORY, /* its registers in a memory BAR */
    CARD_TRANSITIONAL_LEGACY
};

struct card_variant {
    enum card_kind kind;
};

/* All of them, and by interface. */
struct criterion_test_params card_variants(void);
struct criterion_test_params card_modern_variants(void);
struct criterion_test_params card_legacy_variants(void);

/* A test that runs once for each; its body knows `variant`. */
#define CARD_TEST(suite, name) PARAMETER_TEST(struct card_variant, card_variants(), suite, name)

#define MODERN_TEST(suite, name) PARAMETER_TEST(struct card_variant, card_modern_variants(), suite, name)

#define LEGACY_TEST(suite, name) PARAMETER_TEST(struct card_variant, card_legacy_variants(), suite, name)

#define CARD_DATA_SIZE 0x10000u

struct card {
    struct mock_pci_machine machine;
    struct vpt_virtio_pci pci;
    struct vpt_device *device; /* &pci.device */
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_pci_msix msix;
    struct vpt_memory data; /* the test's data, reached by the device for reading and writing */
};

extern struct card card;

extern const struct mock_pci_layout card_io_layout;
extern const struct mock_pci_layout card_scattered_layout;

bool card_legacy(enum card_kind kind);

/* ---- Bring-up and its end ---- */

/* A machine without a driver; what `options` says of interfaces and layout is the kind's. It may be NULL. */
void card_machine(enum card_kind kind, const struct mock_pci_machine_options *options);

/* The same as `options` says, whatever that is. */
void card_plain(const struct mock_pci_machine_options *options);

enum vpt_status card_try_probe(enum vpt_virtio_pci_interface interface);

/* Machine and probe; and negotiated, by vpt_blk_init(): queues may be set up. */
void card_probe(enum card_kind kind, const struct mock_pci_machine_options *options);
void card_init(enum card_kind kind, const struct mock_pci_machine_options *options);

/* Probe, init, queue 0, start: the first status that is not VPT_OK, or VPT_OK. */
enum vpt_status card_bring_up(enum card_kind kind);

/* Machine and bring-up, asserted. */
void card_start(enum card_kind kind, const struct mock_pci_machine_options *options);

/* Takes what is in flight back after a reset: how many requests. */
unsigned card_drain(void);

/* Resets the device, takes back what is in flight, releases the queue, closes the function. */
void card_stop(void);

/* Ends the machine, and asserts that nothing was done against a rule and that nothing leaks. */
void card_finish(void);

/* Stops and finishes. */
void card_end(void);

/* ---- MSI-X, as a kernel does it ---- */

/* Turns MSI-X on with every entry unmasked; entry n has the message card_message(n). Before the negotiation. */
void card_vectors_on(void);

/* Ends that, before card_stop(). */
void card_vectors_off(void);

uint32_t card_message(uint16_t entry);

/* Messages that came from this entry. */
unsigned card_messages(uint16_t entry);

/* ---- Requests ---- */

/* Reads or writes a sector by the blocking helper and compares with the disk. */
enum vpt_status card_read_sector(uint64_t sector);
enum vpt_status card_write_sector(uint64_t sector, uint32_t seed);

/*
 * The first field of the configuration, read now. All of it: on a big-endian CPU a legacy interface's is big-endian,
 * and its first four bytes are the upper ones.
 */
uint64_t card_capacity(void);

uint8_t *card_content(uint64_t sector);
enum vpt_status card_submit(enum vpt_blk_operation operation, uint64_t sector, size_t offset, uint32_t length,
                            void *token);
uint8_t *card_bytes(size_t offset);

/* ---- Which registers were accessed ---- */

/* Forgets what was accessed so far. */
void card_trace(void);

/* How many accesses of this direction there were to a register; and the n-th (from 0), which has to be there. */
size_t card_traced(enum mock_pci_structure structure, bool write, uint32_t offset);
const struct mock_pci_access *card_access(enum mock_pci_structure structure, bool write, uint32_t offset, size_t n);

/* The n-th write of the device status, by whichever interface. */
const struct mock_pci_access *card_status_write(size_t n);

uint16_t card_command(void);

/* When a bit of the command register was first seen set, or cleared, since the machine was made: a bus sequence. */
uint64_t card_command_sequence(uint16_t bit, bool set);

/* ---- Registers of the common structure and of the legacy header ---- */

#define C_DEVICE_SELECT  0x00u
#define C_DEVICE_FEATURE 0x04u
#define C_DRIVER_SELECT  0x08u
#define C_DRIVER_FEATURE 0x0cu
#define C_CONFIG_VECTOR  0x10u
#define C_STATUS         0x14u
#define C_GENERATION     0x15u
#define C_QUEUE_SELECT   0x16u
#define C_QUEUE_SIZE     0x18u
#define C_QUEUE_VECTOR   0x1au
#define C_QUEUE_ENABLE   0x1cu
#define C_NOTIFY_OFFSET  0x1eu
#define C_QUEUE_DESC     0x20u
#define C_QUEUE_DRIVER   0x28u
#define C_QUEUE_DEVICE   0x30u
#define C_NOTIFY_DATA    0x38u

#define H_DEVICE_FEATURES 0u
#define H_DRIVER_FEATURES 4u
#define H_QUEUE_ADDRESS   8u
#define H_QUEUE_SIZE      12u
#define H_QUEUE_SELECT    14u
#define H_QUEUE_NOTIFY    16u
#define H_STATUS          18u
#define H_ISR             19u
#define H_CONFIG_VECTOR   20u
#define H_QUEUE_VECTOR    22u

#endif
