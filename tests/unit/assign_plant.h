/* SPDX-License-Identifier: MIT */
/*
 * Functions of a host that really lose their configuration when they are reset, and are away for a while then; with a
 * clock that delay() moves, a guest that counts what is mapped, and a log of what is written. What breaks a rule of
 * resets is counted: an access before the time that a reset takes, a function that is reset while it could reach memory
 * or be reached, a BAR that moves while it is decoded.
 */
#ifndef VPT_TESTS_ASSIGN_PLANT_H
#define VPT_TESTS_ASSIGN_PLANT_H

#include "support.h"

#include <vpt/assign.h>

#define PLANTS        4u
#define PLANT_LOG     256u
#define PLANT_REGIONS (VPT_ASSIGN_REGIONS(0) + 4u)
#define PLANT_FAILURE ((enum vpt_status)(VPT_PORT_ERROR_FIRST + 11))
#define MILLISECOND   1000u

/* Where things are. */
#define PLANT_PM     0x50u
#define PLANT_PCIE   0x60u
#define PLANT_AF     0xa0u
#define PLANT_VENDOR 0xb0u /* of 16 bytes; guests write its body at the host */

/* Ways of a function; bits. */
#define PLANT_PCIE_RESET  0x01u
#define PLANT_AF_RESET    0x02u
#define PLANT_AF_PENDING  0x04u /* its bit that says that transactions can be waited for */
#define PLANT_POWER_RESET 0x08u
#define PLANT_AF_BOTH     (PLANT_AF_RESET | PLANT_AF_PENDING)

struct plant_write {
    uint16_t offset;
    unsigned width;
    uint32_t value;
    uint32_t before; /* all 4 bytes from there on */
    uint64_t time;
};

struct plant {
    uint8_t config[256];
    uint8_t first[256]; /* as at power-on */
    uint8_t writable[256];
    uint8_t clear[256]; /* bits that a written 1 clears */
    uint8_t at_open[256];

    unsigned pending; /* so many looks at the status more transactions are pending */
    uint64_t busy;    /* before this time there must be no access at all, */
    uint64_t silent;  /* up to this one everything reads all-ones, */
    uint64_t retry;   /* and up to this one the vendor id is 1 */
    uint64_t silence; /* how long after a reset that is */
    uint64_t retries;
    bool removed;

    enum vpt_assign_reset_method reset; /* the last way that it was reset in */
    unsigned resets;
    unsigned pending_at_reset;
    uint64_t reset_time;
    unsigned accesses;
    unsigned fail_at; /* the access of this number fails, from 1 */
    unsigned violations;
    unsigned logged;
    struct plant_write log[PLANT_LOG];

    enum vpt_status answers[VPT_ASSIGN_RESET_BUS + 1]; /* of the hook */
    unsigned asked[VPT_ASSIGN_RESET_BUS + 1];
    enum vpt_assign_interrupt_mode mode; /* that the host was told last */
    enum vpt_status mode_answer;

    int mapped; /* by the guest */
    enum vpt_status unmap_answer;

    struct vpt_assign_host host;
    struct vpt_assign_guest guest;
    struct vpt_assign_config setup;
    struct vpt_assign_device device;
    _Alignas(8) uint64_t storage[1024];
};

extern struct plant plants[PLANTS];
extern uint64_t plant_time; /* microseconds */

/* A function with these ways, opened: two BARs, a ROM, all that a reset takes away set to something. */
void plant_make(struct plant *plant, unsigned ways);
void plant_open(struct plant *plant);

/* Gives it to an owner, who maps its BARs, lets it master the bus and enables a message. */
void plant_give(struct plant *plant, uint64_t owner);

uint32_t plant_get(const struct plant *plant, uint16_t offset, unsigned width);
void plant_set(struct plant *plant, uint16_t offset, unsigned width, uint32_t value);
uint32_t plant_guest_read(struct plant *plant, uint16_t offset, unsigned width);
enum vpt_status plant_guest_write(struct plant *plant, uint16_t offset, unsigned width, uint32_t value);

/* Makes it lose everything. */
void plant_reset(struct plant *plant, enum vpt_assign_reset_method method);

/* The n-th write (from 0) to a register, or NULL. */
const struct plant_write *plant_wrote(const struct plant *plant, uint16_t offset, unsigned n);

/* The host's configuration is as it was at the open, without bus mastering, and nothing was done against a rule. */
void plant_check_restored(const struct plant *plant);

/* And what a guest sees is as at power-on, nothing is mapped, and its interrupts are INTx. */
void plant_check_fresh(struct plant *plant);

/* It cannot reach memory or be reached, nor interrupt. */
void plant_check_quiet(const struct plant *plant);

#endif
