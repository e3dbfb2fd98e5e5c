/* SPDX-License-Identifier: MIT */
/*
 * What an assigned function is to do, written as plainly as possible: two bytes of state for each byte of the
 * configuration space, and for each BAR whether it is mapped and where. It knows the composed functions' tables, and
 * nothing of the library's.
 */
#ifndef VPT_TESTS_ASSIGN_MODEL_H
#define VPT_TESTS_ASSIGN_MODEL_H

#include "assign_devices.h"

#define MODEL_OWN 4u /* regions of the hypervisor's own */

/* What a write changes. */
struct model_state {
    uint8_t guest[HOST_SIZE];  /* what the guest's own bits hold */
    uint8_t config[HOST_SIZE]; /* what the host is to hold */
    bool mapped[COMPOSED_BARS];
    bool refused[COMPOSED_BARS];
    uint64_t at[COMPOSED_BARS]; /* where it is mapped, or refused */
};

struct model {
    const struct composed *composed;
    const char *kind; /* for messages: of what `number` and `step` are */
    unsigned number;
    unsigned step;
    bool owned;
    uint8_t opened[HOST_SIZE]; /* the host's, when the device was opened */
    bool hidden[COMPOSED_CAPABILITIES];

    /* Of each bit, since the device has its owner: as in struct composed_register. */
    uint8_t own[HOST_SIZE];
    uint8_t made[HOST_SIZE];
    uint8_t value[HOST_SIZE];
    uint8_t passed[HOST_SIZE];

    struct model_state now;
    struct vpt_assign_region region[MODEL_OWN];
    unsigned regions;
};

extern struct model model;

/* For messages: the function, and how far its test is. */
const char *model_where(void);

/* The composed function that the host is, opened. */
void model_open(const struct composed *composed);

void model_acquire(void);
void model_release(void);

/* The number of the capability at `offset`, or COMPOSED_CAPABILITIES. */
unsigned model_capability(uint16_t offset);
enum vpt_status model_hide(uint16_t offset, bool hide);

enum vpt_status model_read(uint16_t offset, unsigned width, uint32_t *value);

/* What a write comes to; with a host whose access fails, `host_fails`. */
enum vpt_status model_write(uint16_t offset, unsigned width, uint32_t value, bool host_fails);

/* The bit of the host's command register that says bus master, as it has to be. */
uint8_t model_master(void);

/* Whether mappings depend on a byte: the command register's lower one, the BARs, the ROM, the power state. */
bool model_followed(unsigned at);

/* Bits of an access that are the host's and that a guest may write. */
uint32_t model_passed(uint16_t offset, unsigned width);

/* A region of the hypervisor's own, in whole pages. */
enum vpt_status model_add(const struct vpt_assign_region *region);
enum vpt_status model_remove(enum vpt_assign_space space, uint64_t guest);

/* The region that a byte of the guest's is in; false: none. */
bool model_find(enum vpt_assign_space space, uint64_t guest, struct vpt_assign_region *region);

/* How many BARs are mapped; how many regions a guest has. */
unsigned model_mapped(void);
unsigned model_regions(void);

/* Asserts that the guest's map, or the configuration space as the guest and the host have it, is the model's. */
void model_compare_map(const char *what);
void model_compare_config(uint16_t first, uint16_t end, const char *what);

#endif
