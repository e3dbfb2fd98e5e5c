/* SPDX-License-Identifier: MIT */
/*
 * A guest without a CPU: its memory, what it reaches of its devices, and the port through which code that is linked
 * with this program (vpt's own helpers and drivers) does what a guest's kernel would do. Each access goes the way that
 * it takes through a hypervisor: decoded, looked up in what is mapped for the guest, trapped or passed on.
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

/* Memory of a guest, elsewhere on the host. */
enum guest_memory_index {
    GUEST_RINGS,   /* what its kernel allocates */
    GUEST_BUFFERS, /* what it reads into */
    GUEST_CONSTANT /* where devices may not write */
};

struct guest_memory {
    uint64_t address; /* in the guest */
    size_t size;
    struct vpt_memory host;
};

struct guest_message {
    uint64_t address;
    uint32_t data;
};

/* One of its devices. */
struct guest_device {
    struct guest *guest;
    struct host_function *function;
    struct vpt_assign_guest hooks;
    struct vpt_assign_region regions[GUEST_REGIONS_MAX]; /* as the hooks have mapped them, sorted */
    unsigned region_count;
    struct guest_message messages[GUEST_MESSAGES_MAX]; /* that have come since guest_take_messages() */
    unsigned message_count;
    bool line; /* its INTx */
};

struct guest {
    struct vpt_port_context context; /* first: the page pool's functions are given it */
    const char *name;
    uint64_t owner;
    bool by_memory; /* its configuration accesses: by ECAM, else by ports */
    struct host *host;
    struct vpt_port port;
    struct vpt_page_pool pool;
    struct guest_memory memory[GUEST_MEMORIES];
    struct vpt_assign_dma dma;
    struct vpt_assign_dma_range ranges[GUEST_RANGES];
    struct guest_device devices[HOST_FUNCTIONS];
    enum vpt_status answer; /* of the library to the last configuration write */
    uint32_t latch;         /* port 0xcf8 */
    unsigned configured;    /* accesses: to configuration space, */
    unsigned passed;        /* to what is mapped, */
    unsigned trapped;       /* to what is trapped */
};

/* Where a guest's memory is. */
struct guest_layout {
    const char *name;
    uint64_t owner;
    bool by_memory;
    uint64_t memory[GUEST_MEMORIES];
};

/* A guest that has memory and no device. */
void guest_start(struct guest *guest, struct host *host, const struct guest_layout *layout);

/* Its memory is the host's again. It has no device any more. */
void guest_stop(struct guest *guest);

/* Gives it all of the host's functions: they are acquired, and reach its memory. */
void guest_acquire(struct guest *guest);

/* Takes them back. */
void guest_release(struct guest *guest);

/* A function as the guest's code knows it. */
struct vpt_pci_function guest_function(struct guest *guest, enum host_index index);

/* Accesses of the guest to a BAR, of 1, 2 or 4 bytes. Where nothing is mapped, reads give all-ones. */
uint32_t guest_read(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width);
void guest_write(struct guest *guest, enum vpt_assign_space space, uint64_t address, unsigned width, uint32_t value);

/* Bytes of its memory. */
void *guest_bytes(struct guest *guest, enum guest_memory_index index);

/*
 * The messages that a device has sent since the last call, after the host has delivered what has arrived; waits for
 * one for at most `milliseconds`. Returns how many; *message is the first.
 */
unsigned guest_take_messages(struct guest *guest, enum host_index index, unsigned milliseconds,
                             struct guest_message *message);

/* ---- guest_map.c ---- */

/* The hooks by which a device's regions become the guest's. */
enum vpt_status guest_map(void *ctx, const struct vpt_assign_region *region);
enum vpt_status guest_unmap(void *ctx, const struct vpt_assign_region *region);

/* An access of the guest's, to whatever is there. */
void guest_access(struct guest *guest, bool write, enum vpt_assign_space space, uint64_t address, unsigned width,
                  uint32_t *value);

/* Asserts that what is mapped is what the library's books say, and that these are in order. */
void guest_check(const struct guest *guest);

/* ---- guest_port.c ---- */

void guest_port_init(struct guest *guest);

#endif
