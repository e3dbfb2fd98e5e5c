/* SPDX-License-Identifier: MIT */
/*
 * What a guest does with its network controller (e1000e, an Intel 82574): it accesses registers and raises interrupts.
 */
#ifndef EXAMPLE_ASSIGN_NETWORK_H
#define EXAMPLE_ASSIGN_NETWORK_H

#include <vpt/vpt.h>

#include "guest.h"

#define NETWORK_ENTRIES 5u /* entries of its MSI-X table */

#define NETWORK_BAR    0u /* BAR of its registers */
#define NETWORK_IO_BAR 2u /* BAR of two ports that reach all registers */
#define NETWORK_STATUS 0x0008u

/* Causes of interrupts, and the entries of the MSI-X table that network_use_entries() gives them. */
#define NETWORK_CAUSE_SENT     0x00000001u /* used for INTx and MSI */
#define NETWORK_CAUSE_RECEIVED 0x00100000u /* receive queue 0: entry 1 */
#define NETWORK_CAUSE_OTHER    0x01000000u /* entry 3 */

struct network {
    struct guest *guest;
    struct vpt_pci_function function;
    struct vpt_pci_bars bars;
    struct vpt_pci_msix msix;
};

/* A register, reached by memory; and by ports. */
void network_write(const struct network *network, uint32_t offset, uint32_t value);
uint32_t network_read(const struct network *network, uint32_t offset);
uint32_t network_read_by_port(const struct network *network, uint32_t offset);

/* Registers that show whether it is in its power-on state, and their values. */
#define NETWORK_REGISTERS 9u
void network_remember(const struct network *network, uint32_t values[NETWORK_REGISTERS]);
void network_compare(const struct network *network, const uint32_t values[NETWORK_REGISTERS]);

/* Changes all of these registers. */
void network_dirty(const struct network *network);

/* Enables interrupts of exactly these causes, and clears all causes. The next interrupt is not throttled. */
void network_allow(const struct network *network, uint32_t causes);

/* Makes the device raise an interrupt. */
void network_raise(const struct network *network, uint32_t causes);

/* Programs and enables MSI-X with all entries unmasked, and assigns entries to causes. */
void network_use_entries(struct network *network);

/* Raises a cause, and asserts that only the message of its entry comes, once, and that the cause is cleared then. */
void network_check_message(const struct network *network, uint32_t cause, uint16_t entry);

/* Asserts that exactly this many messages have come, the first from this entry, and that no more follow. */
void network_expect(const struct network *network, unsigned count, uint16_t entry);

/* ---- frame.c ---- */

/*
 * Makes the device send a frame to itself, from the guest's memory to the guest's memory. Asserts that the frame
 * arrives unchanged, with the message of entry 1. MSI-X must be in use.
 */
void network_send_to_itself(const struct network *network);

#endif
