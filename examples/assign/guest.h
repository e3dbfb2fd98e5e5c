/* SPDX-License-Identifier: MIT */
/*
 * A guest without a CPU: its memory, its devices, and the port of the guest's drivers, which are vpt's own, linked into
 * this program. Each access takes the way that it takes through a hypervisor: it is decoded, looked up in what is
 * mapped for the guest, and then trapped or passed on.
 */
#ifndef EXAMPLE_ASSIGN_GUEST_H
#define EXAMPLE_ASSIGN_GUEST_H

#include <context.h>
#include <page_pool.h>

#include "host.h"

#define GUEST_REGIONS_MAX  16u
#define GUEST_MESSAGES_MAX 8u
#define GUEST_MEMORIES     3u
#define GUEST_RANGES       8u

/* Guest memory, at another address on the host. */
enum guest_memory_index {
    GUEST_RINGS,   /* for the kernel's allocations */
    GUEST_BUFFERS, /* for data that devices read or write */
    GUEST_CONSTANT /* read-only for devices */
};

struct guest_memory {
    uint64_t address; /* guest address */
    size_t size;
    struct vpt_memory host;
};

struct guest_message {
    uint64_t address;
    uint32_t data;
};

/* One of the guest's devices. */
struct guest_device {
    struct guest *guest;
    struct host_function *function;
    struct vpt_assign_guest hooks;
    struct vpt_assign_region regions[GUEST_REGIONS_MAX]; /* mapped by the hooks; sorted */
    unsigned region_count;
    struct guest_message messages[GUEST_MESSAGES_MAX]; /* messages since guest_take_messages() */
    unsigned message_count;
    bool line; /* level of its INTx */
};

struct guest {
    struct vpt_port_context context; /* must be first: the page pool's functions get a pointer to it */
    const char *name;
    uint64_t owner;
    bool by_memory; /* configuration accesses: true by ECAM, false by ports */
    struct host *host;
    struct vpt_port port;
    struct vpt_page_pool pool;
    struct guest_memory memory[GUEST_MEMORIES];
    struct vpt_assign_dma dma;
    struct vpt_assign_dma_range ranges[GUEST_RANGES];
    struct guest_device devices[HOST_FUNCTIONS];
    enum vpt_status answer; /* the library's result of the last configuration write */
    uint32_t latch;         /* value of port 0xcf8 */
    unsigned configured;    /* number of accesses to configuration space, */
    unsigned passed;        /* to mapped regions, */
    unsigned trapped;       /* to trapped regions */
};

/* Addresses of a guest's memory. */
struct guest_layout {
    const char *name;
    uint64_t owner;
    bool by_memory;
    uint64_t memory[GUEST_MEMORIES];
};

/* Makes a guest that has memory and no device. */
void guest_start(struct guest *guest, struct host *host, const struct guest_layout *layout);

/* Returns the guest's memory to the host. The guest must have no device. */
void guest_stop(struct guest *guest);

/* Assigns all functions of the host to the guest: acquires them, and maps the guest's memory for them. */
void guest_acquire(struct guest *guest);

/* Takes the functions back. */
void guest_release(struct guest *guest);

/* A function, as the guest's code finds it. */
struct vpt_pci_function guest_function(struct guest *guest, enum host_index index);

/* A guest's access to a BAR, of 1, 2 or 4 bytes. Reads give all-ones where nothing is mapped. */
uint32_t guest_read(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width);
void guest_write(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width, uint32_t value);

/* Pointer to the guest's memory. */
void *guest_bytes(struct guest *guest, enum guest_memory_index index);

/*
 * Takes the messages that a device has sent since the last call, after the host has delivered what has arrived; waits
 * for one for at most `milliseconds`. Returns how many; *message is the first.
 */
unsigned guest_take_messages(struct guest *guest, enum host_index index, unsigned milliseconds,
                             struct guest_message *message);

/* ---- guest_map.c ---- */

/* Hooks that map a device's regions for the guest. */
enum vpt_status guest_map(void *ctx, const struct vpt_assign_region *region);
enum vpt_status guest_unmap(void *ctx, const struct vpt_assign_region *region);

/* An access of the guest to any address. */
void guest_access(struct guest *guest, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                  uint32_t *value);

/* Asserts that the mapped regions are those that the library reports, and that its state is consistent. */
void guest_check(const struct guest *guest);

/* ---- guest_port.c ---- */

void guest_port_init(struct guest *guest);

#endif
