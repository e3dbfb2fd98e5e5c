/* SPDX-License-Identifier: MIT */
/*
 * What a guest and its hypervisor do to a composed function, done to the device and to the model at once: what is
 * answered, mapped, and written to the host is the model's, whichever hook or access of the host fails meanwhile
 * (desk_fail(), host.fail_at). The statuses are asserted here, and returned.
 */
#ifndef VPT_TESTS_ASSIGN_PLAY_H
#define VPT_TESTS_ASSIGN_PLAY_H

#include "assign_model.h"

/* A function that nobody has had yet, opened. */
void play_open(const struct composed *composed);

enum vpt_status play_acquire(void);

/* After VPT_OK nothing is left of the owner at the host or in the guest. */
enum vpt_status play_release(void);

void play_read(uint16_t offset, unsigned width);
enum vpt_status play_write(uint16_t offset, unsigned width, uint32_t value);

enum vpt_status play_add(const struct vpt_assign_region *region);
enum vpt_status play_remove(enum vpt_assign_space space, uint64_t guest);
void play_hide(uint16_t offset, bool hide);

/* An access to a region, or to where there is none. */
void play_access(bool write, enum vpt_assign_space space, uint64_t guest, unsigned width, uint64_t value);

/* Hooks and accesses of the host that have failed in the last call. */
unsigned play_hooks_failed(void);
bool play_host_failed(void);

#endif
