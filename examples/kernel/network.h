/* SPDX-License-Identifier: MIT */
/* A network card. The other end of its cable is tools/kernel-host.py, which answers each frame with one of its own. */
#ifndef KERNEL_NETWORK_H
#define KERNEL_NETWORK_H

#include "devices.h"

/*
 * Brings the card up, sends frames and compares the answers byte for byte, first by polling and then by interrupt, and
 * takes the card down. Prints the card's address, the frames of each kind, how often the CPU slept until an answer
 * came, how many interrupts were the card's, and how many nobody's:
 * "@network address polled interrupted sleeps claimed nobody".
 */
bool network_talk(const struct vpt_port *port, const struct device_place *place);

#endif
