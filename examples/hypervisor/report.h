/* SPDX-License-Identifier: MIT */
/* What a guest's functions have: lines with tabs between their fields, for tools/hypervisor.py. */
#ifndef HYPERVISOR_REPORT_H
#define HYPERVISOR_REPORT_H

#include "guest.h"

/*
 * Prints a line for the function in the slot, if there is one still:
 *     function GUEST PLACE VENDOR DEVICE BUS MESSAGES LINES RESETS
 * and a line for each region that it has in the guest's address space:
 *     region GUEST PLACE BAR GUEST-ADDRESS MACHINE-ADDRESS SIZE memory|ports mapped|trapped
 */
void report_slot(const struct guest_slot *slot);

/* Prints these lines for all functions that the guest has. */
void report_guest(const struct guest *guest);

#endif
