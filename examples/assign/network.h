/* SPDX-License-Identifier: MIT */
/* What a guest does with its network controller (e1000e, an Intel 82574): registers, and interrupts that it raises. */
#ifndef EXAMPLE_ASSIGN_NETWORK_H
#define EXAMPLE_ASSIGN_NETWORK_H

#include <vpt/vpt.h>

#include "guest.h"

#define NETWORK_ENTRIES 5u /* of its MSI-X table */

#define NETWORK_BAR    0u /* of its registers */
#define NETWORK_IO_BAR 2u /* of two ports that reach all registers */
#define NETWORK_STATUS 0x0008u

/* Causes of interrupts, and the entries of the MSI-X table that network_use_entries() gives them. */
#define NETWORK_CAUSE_SENT     0x00000001u /* INTx and MSI */
#define NETWORK_CAUSE_RECEIVED 0x00100000u /* receive queue 0: entry 1 */
#define NETWORK_CAUSE_OTHER    0x01000000u /* entry 3 */

struct network {
    struct guest *guest;
    struct vpt_pci_function function;
    struct vpt_pci_bars bars;
    struct vpt_pci_msix msix;
};

/* A register, by memory; and by ports. */
void network_write(const struct network *network, uint32_t offset, uint32_t value);
uint32_t network_read(const struct network *network, uint32_t offset);
uint32_t network_read_by_port(const struct network *network, uint32_t offset);

/* Registers that say whether it is as at power-on, and what they hold. */
#define NETWORK_REGISTERS 9u
void network_remember(const struct network *network, uint32_t values[NETWORK_REGISTERS]);
void network_compare(const struct network *network, const uint32_t values[NETWORK_REGISTERS]);

/* Writes something else to all of them. */
void network_dirty(const struct network *network);

/* Lets these causes interrupt, and no other; none has happened. The next interrupt arrives at once. */
void network_allow(const struct network *network, uint32_t causes);

/* Has the device raise an interrupt by itself. */
void network_raise(const struct network *network, uint32_t causes);

/* Programs and enables MSI-X, all entries unmasked, and gives causes their entries. */
void network_use_entries(struct network *network);

/* Raises a cause, and asserts that just the message of its entry comes, once; the cause is gone then. */
void network_check_message(const struct network *network, uint32_t cause, uint16_t entry);

/* Asserts that so many messages have come, the first of them that of an entry, and no more are on their way. */
void network_expect(const struct network *network, unsigned count, uint16_t entry);

/* ---- frame.c ---- */

/*
 * Has the device send a frame to itself, from the guest's memory and back there; asserts that it comes as it was sent,
 * with the message of entry 1. MSI-X is in use.
 */
void network_send_to_itself(const struct network *network);

#endif
