/* SPDX-License-Identifier: MIT */
/*
 * A host's function for tests of what guests see of its configuration space: 4 KiB of bytes that take everything that
 * is written, but for the bits that are told, so that a write that should not have been made shows; a log; accesses
 * that fail or find the function gone; and a guest that takes any mapping.
 */
#ifndef VPT_TESTS_ASSIGN_HOST_H
#define VPT_TESTS_ASSIGN_HOST_H

#include "support.h"

#include <vpt/assign.h>

#define HOST_SIZE    4096u
#define HOST_LOG     4096u
#define HOST_REGIONS 32u
#define HOST_FAILURE ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 9))

struct host_access {
    bool write;
    uint16_t offset;
    unsigned width;
    uint32_t value;
};

struct host {
    uint8_t config[HOST_SIZE];
    uint8_t fixed[HOST_SIZE];  /* bits that no write changes */
    uint8_t clear[HOST_SIZE];  /* bits that a written 1 clears */
    uint8_t action[HOST_SIZE]; /* bits that read 0, and of which a written 1 is counted */
    unsigned actions;
    bool gone;
    unsigned accesses;
    unsigned fail_at;   /* the access of this number fails, from 1; 0: none */
    unsigned vanish_at; /* from the access of this number on the function is gone */
    unsigned logged;    /* accesses; those up to HOST_LOG are in the log */
    struct host_access log[HOST_LOG];

    /* What the audit has been told of and has not been written yet, and what the last one was. */
    bool announced;
    struct host_access announcement;
    uint32_t allowed;
    unsigned audits;

    struct vpt_assign_host table;
    struct vpt_assign_guest guest;
    unsigned map_calls;
    enum vpt_status map_answer;

    struct vpt_pci_bars bars;
    struct vpt_assign_config setup;
    struct vpt_assign_device device;
    _Alignas(
        8) uint64_t storage[(VPT_ASSIGN_STORAGE_SIZE(HOST_SIZE, 0, HOST_REGIONS) + VPT_ASSIGN_VECTORS_SIZE(2048)) / 8u];
};

extern struct host host;

/*
 * A function of 1234:5678 with nothing but a header, of 256 bytes, and a set-up for it with BARs that are given: none.
 */
void host_start(void);

void host_set(uint16_t offset, unsigned width, uint32_t value);
uint32_t host_get(uint16_t offset, unsigned width);

/* Puts a capability where it belongs, and lets `previous` (0: the header; of extended ones: none) point to it. */
void host_capability(uint16_t offset, uint8_t id, uint16_t previous);
void host_extended(uint16_t offset, uint16_t id, uint8_t version, uint16_t previous);

/* Opens the device, and gives it to an owner. */
void host_open(void);
void host_give(void);

/* Forgets the log. */
void host_forget(void);

/* How many writes the log holds; the n-th, from 0. */
unsigned host_writes(void);
const struct host_access *host_write(unsigned n);

/* A guest's accesses that are to succeed. */
uint32_t guest_read(uint16_t offset, unsigned width);
void guest_write(uint16_t offset, unsigned width, uint32_t value);

#endif
