/* SPDX-License-Identifier: MIT */
/*
 * A guest is suspended while its disk works: its functions are saved, taken from it, reset and closed. Later they are
 * opened again, and the guest goes on where it was.
 */
#ifndef HYPERVISOR_SUSPEND_H
#define HYPERVISOR_SUSPEND_H

#include "guest.h"

/*
 * Called between turns, for the one guest that this is done to: suspends it once between two resets of its disk, if all
 * of its functions can be saved at this moment, or continues it once it was suspended for a while.
 */
void suspend_look(struct guest *guest);

/* How often it was suspended and continued. */
struct suspend_count {
    unsigned all;
    unsigned by_message; /* of these: with a disk that interrupts by messages */
    unsigned in_flight;  /* number of requests that the disk had not used when the guest was stopped */
};

struct suspend_count suspend_count(void);

#endif
