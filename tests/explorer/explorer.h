/* SPDX-License-Identifier: MIT */
/*
 * Runs the library's queue and a device as two coroutines, in every order of their accesses to shared memory that a
 * machine allows.
 */
#ifndef VPT_TESTS_EXPLORER_EXPLORER_H
#define VPT_TESTS_EXPLORER_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum side { DRIVER, DEVICE, SIDES };

/*
 * Each side has a buffer of stores, from which they reach the memory some time later. On TSO they do in their order. On
 * a weak machine two stores pass each other unless a barrier is between, and a load may return a value from before its
 * side's last barrier. MACHINE_PLATFORM is a weak one on which only barriers for devices hold, and MACHINE_TCG is QEMU
 * with one emulated CPU: TSO, where only an access to a register is a fence.
 */
enum machine { MACHINE_TSO, MACHINE_WEAK, MACHINE_PLATFORM, MACHINE_TCG };

/* ---- Memory that both sides share: called by the library through access_hooks.h, and by the device ---- */

uint64_t explorer_load(const void *address, unsigned size);
void explorer_store(void *address, unsigned size, uint64_t value);
void explorer_order_stores(void);
void explorer_order_loads(void);
void explorer_fence(void);

/* A barrier of the library. Does nothing on a machine where such a barrier does not hold. */
void explorer_weak_barrier(bool strong, void (*barrier)(void));

/* ---- What the sides do apart from that ---- */

/* Posts the doorbell, or the interrupt, behind the stores before the last barrier. */
void explorer_signal(void);

/* Sleeps until the other side's signal has come; whether it has come already. Both take it. */
void explorer_wait(void);
bool explorer_signalled(void);

/* An access to a register other than the doorbell. With `drain`, it waits until the stores before it are done. */
void explorer_register(bool drain, const char *what);

/* Returns each value below `count`, one after the other. */
unsigned explorer_choose(unsigned count);

/* For the trace: what this side begins to do. */
void explorer_note(const char *what);

/* Ends the exploration: something other than a lost wake-up is wrong. */
void explorer_fail(const char *why);
void explorer_check(bool holds, const char *why);

/* The driver calls these. What comes before the first is run once; nothing comes after the second. */
void explorer_begin(void);
_Noreturn void explorer_end(void);

/* Ends what the device does, and starts it from the beginning. Called by the driver. */
void explorer_restart_device(void);

/* ---- What is explored ---- */

struct scenario {
    const char *name;
    enum machine machine;
    bool packed;
    bool event_idx;
    bool in_order;
    bool slots;        /* requests with slots, else free-form requests */
    bool line;         /* interrupts by a line and InterruptStatus, else messages */
    bool steps;        /* publish, decide and notify in single calls */
    bool switching;    /* notifications off and on */
    bool resetting;    /* one reset with requests in flight, and a restart */
    uint32_t size;     /* of the queue */
    uint32_t start;    /* requests before the exploration begins */
    uint32_t requests; /* to be explored */
    uint32_t depth;    /* in flight at most */
    uint32_t segments; /* of every other request */
};

extern const struct scenario *scenario;

/* An object is part of the state. Called before the first exploration. */
void explorer_keep(void *object, size_t size);

/* Explores from the beginning. Returns NULL, or what was found. */
const char *explorer_run(const struct scenario *which, unsigned long *states, bool trace);

/* ---- The two sides (explored_driver.c, explored_device.c) ---- */

void driver_keep(void);
void device_keep(void);
_Noreturn void driver_main(void);
_Noreturn void device_main(void);

/* The device's signal arrives; whether the interrupt's line is up. */
void device_interrupt(void);
bool device_line(void);

/* Whether the device has used what the driver has not seen. */
bool driver_lost_interrupt(void);

/* Names a place in the rings, for the trace. */
const char *device_name_of(const uint8_t *address);

#endif
