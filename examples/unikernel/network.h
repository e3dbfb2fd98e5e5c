/* SPDX-License-Identifier: MIT */
/* The network device as an interface of lwIP. */
#ifndef UNIKERNEL_NETWORK_H
#define UNIKERNEL_NETWORK_H

#include <vpt/net.h>

struct network_counters {
    uint64_t received; /* frames */
    uint64_t sent;
    uint64_t lost; /* frames for which there was no room */
    uint64_t kicks;
};

/* Brings the device and lwIP up, and asks for an address by DHCP. Call once. */
enum vpt_status network_init(struct vpt_device *device);

/*
 * Handles the frames that have come and the timers that have expired, and sends what is to be sent. Returns for how
 * many milliseconds there is nothing to do unless the device interrupts.
 */
uint32_t network_work(void);

extern struct network_counters network_counters;

#endif
