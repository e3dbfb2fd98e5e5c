/* SPDX-License-Identifier: MIT */
/*
 * A function that interrupts, for tests of what a guest gets of that: MSI and MSI-X where the test wants them, BARs
 * with the table anywhere, and hooks that write down each call and can fail.
 */
#ifndef VPT_TESTS_ASSIGN_SIGNAL_H
#define VPT_TESTS_ASSIGN_SIGNAL_H

#include "support.h"

#include <vpt/assign.h>
#include <vpt/assign_remap.h>

#define SIGNAL_LOG     8192u
#define SIGNAL_REGIONS 64u
#define SIGNAL_FAILURE ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 5))

/* Of the function. */
#define SIGNAL_PM        0x40u
#define SIGNAL_MSI       0x50u
#define SIGNAL_MSIX      0x70u
#define SIGNAL_NEIGHBOUR 0x3fu /* id of capabilities that nobody knows */
#define SIGNAL_HOST(n)   (UINT64_C(0x80000000) + (uint64_t)(n)*0x1000000u)
#define SIGNAL_GUEST(n)  (UINT64_C(0xe0000000) + (uint64_t)(n)*0x1000000u)

#define MSI_ENABLE         0x1u
#define MSI_MESSAGES(log2) ((unsigned)(log2) << 4)
#define MSIX_ENABLE        0x8000u
#define MSIX_FUNCTION_MASK 0x4000u

/* A call of a hook. */
enum signal_kind { TOLD, HOST_MASK, MESSAGE, LEVEL };

struct signal_call {
    enum signal_kind kind;
    uint64_t a; /* mode, masked, address, level */
    uint32_t b; /* count, data */
};

struct signal {
    uint8_t config[256];
    struct vpt_assign_host host;
    struct vpt_assign_guest guest;
    struct vpt_pci_bars bars;
    struct vpt_assign_config setup;
    struct vpt_assign_device device;

    struct signal_call log[SIGNAL_LOG];
    unsigned logged;
    unsigned calls;       /* of those that can fail */
    unsigned fail_at;     /* the call of this number fails, from 1; 0: none */
    unsigned fail_one_in; /* calls, by chance; 0: none */

    uint64_t accessed; /* what of the function's memory was accessed last */
    unsigned access_width;
    uint64_t access_value; /* written, or to be read */
    unsigned accesses;
    bool unmap_fails;
    unsigned live; /* regions */

    _Alignas(8) uint64_t storage[8192];
};

extern struct signal signals;

/*
 * A function with an interrupt pin and neither. Then capabilities and BARs may be added. Where MSI has no masks, two
 * others lie where these and the pending bits would be: returns where.
 */
void signal_start(void);
void signal_power(void);
uint16_t signal_msi(unsigned messages_log2, bool wide, bool maskable);
void signal_msix(unsigned entries, unsigned table_bar, uint32_t table, unsigned pending_bar, uint32_t pending);
void signal_bar(unsigned index, uint64_t size);

/*
 * Opens it, gives it to owner 1, and lets the guest decode its memory: BAR n at SIGNAL_GUEST(n). The log is empty then.
 */
void signal_open(void);

/* Whether the call of this number is one that fails. */
bool signal_fails(unsigned number);

/* Asserts that the log is just these, and empties it. */
void signal_expect(const struct signal_call *calls, unsigned count);
#define EXPECT(...)                                            \
    signal_expect((const struct signal_call[]){ __VA_ARGS__ }, \
                  (unsigned)COUNT_OF(((const struct signal_call[]){ __VA_ARGS__ })))
#define EXPECT_NOTHING() signal_expect(NULL, 0)

/* A guest's accesses that are to succeed. */
void signal_write(uint16_t offset, unsigned width, uint32_t value);
uint32_t signal_read(uint16_t offset, unsigned width);
void signal_store(unsigned bar, uint64_t offset, unsigned width, uint64_t value);
uint64_t signal_load(unsigned bar, uint64_t offset, unsigned width);

/* The control registers. */
void signal_msi_control(unsigned value);
void signal_msix_control(unsigned value);

#endif
