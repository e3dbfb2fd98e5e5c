/* SPDX-License-Identifier: MIT */
/* A disk or an entropy source sends messages as quickly as it can. */
#ifndef HOSTILE_FLOOD_H
#define HOSTILE_FLOOD_H

#include <vpt/pci.h>

/* As many requests as the queue holds, one by one, again and again, while their vector is masked and unmasked. */
void flood_messages(const struct vpt_pci_function *function);

/* The same while MSI-X is on and off, so that requests complete by both kinds of interrupt. */
void flood_mixed(const struct vpt_pci_function *function);

/* How many requests have completed so far. */
uint32_t flood_completed(void);

#endif
