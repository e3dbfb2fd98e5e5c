/* SPDX-License-Identifier: MIT */
/*
 * Composed functions for tests of assignment: what a network card, a graphics card, a card without capabilities, a
 * virtual function and functions with broken lists hold in their configuration space, and by hand beside it what a
 * guest has of each register. They are played by the host of assign_host.h and the guest of assign_desk.h.
 */
#ifndef VPT_TESTS_ASSIGN_DEVICES_H
#define VPT_TESTS_ASSIGN_DEVICES_H

#include "assign_desk.h"
#include "assign_host.h"

#define COMPOSED_BARS         DESK_BARS
#define COMPOSED_CAPABILITIES 11u

/* Whether the page that holds an MSI-X table and its pending bits is trapped, though no trap is declared for it. */
#define COMPOSED_MSIX_TRAPPED true

/* One register, and what a guest has of it. Bits that are in none of own, made and passed are the host's, and stay. */
struct composed_register {
    uint16_t offset;
    uint32_t host;   /* when it is opened */
    uint32_t clear;  /* bits of the host's that a written 1 clears */
    uint32_t own;    /* the guest's */
    uint32_t made;   /* the same always */
    uint32_t value;  /* of the own ones at power-on, and of those that are made */
    uint32_t passed; /* the host's, and a guest may write them */
};

struct composed_capability {
    uint16_t offset;
    uint16_t end; /* of what is hidden with it */
    uint16_t id;
    bool hidden;    /* unless it is shown */
    bool too_short; /* hidden always */
};

/* A field of one byte, and the most that a guest can write there. */
struct composed_limit {
    uint16_t offset;
    uint8_t field;
    uint8_t most;
};

struct composed {
    const char *name;
    uint16_t config_size;
    bool virtual_function;
    bool broken;                 /* a list leads nowhere */
    uint8_t narrow;              /* bit n: I/O BAR n of the host lacks the upper 16 bits */
    bool has_msix;               /* its table and pending bits take BAR 3, which is one page */
    uint16_t power;              /* power management's offset */
    uint8_t states;              /* bit n: there is a state Dn */
    uint16_t vpd;                /* vital product data's offset */
    struct vpt_assign_trap trap; /* amid a BAR; none while its size is 0 */
    struct vpt_pci_bars bars;
    const struct composed_register *registers;
    unsigned register_count;
    struct composed_capability capabilities[COMPOSED_CAPABILITIES]; /* in the order of the lists, then zeroes */
    struct composed_limit limits[3];
};

extern const struct composed composed_nic;
extern const struct composed composed_gpu;
extern const struct composed composed_legacy;
extern const struct composed composed_virtual;
extern const struct composed composed_loops;
extern const struct composed composed_selves;
extern const struct composed composed_astray;
extern const struct composed composed_nothing;
extern const struct composed composed_crowded;

/* All of them, in this order. */
extern const struct composed *const composed_all[];

struct composed_variant {
    unsigned which;
};

struct criterion_test_params composed_variants(void);

/* A test that runs once for each; its body knows `variant`. */
#define COMPOSED_TEST(suite, name) PARAMETER_TEST(struct composed_variant, composed_variants(), suite, name)

/* Makes the function; opens it, sized through the host unless it is a virtual one. */
void composed_start(const struct composed *composed);
void composed_open(void);

/* Gives it to an owner: the guest's hooks are the desk's, and watched. */
enum vpt_status composed_acquire(uint64_t owner);

/* Begins a step: what is unmapped in one is unmapped before anything is mapped, but for what turns out refused. */
void composed_step(void);

/* Whether the library traps all of a BAR for its own reasons: the guest's accesses to it are not the host's. */
bool composed_bar_trapped(const struct composed *composed, unsigned bar);

/* The offset of a BAR's register. */
uint16_t composed_bar_offset(unsigned bar);

#endif
