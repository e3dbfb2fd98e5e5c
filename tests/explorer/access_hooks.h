/* SPDX-License-Identifier: MIT */
/*
 * Included before each source of the library: what src/access.h does with memory that is shared with the device, and
 * its barriers, become calls of the explorer. The sources themselves are unchanged.
 */
#ifndef VPT_TESTS_EXPLORER_ACCESS_HOOKS_H
#define VPT_TESTS_EXPLORER_ACCESS_HOOKS_H

#include "../../src/access.h"
#include "explorer.h"

#define vpt_load8(address)          ((uint8_t)explorer_load(address, 1))
#define vpt_load16(address)         ((uint16_t)explorer_load(address, 2))
#define vpt_load32(address)         ((uint32_t)explorer_load(address, 4))
#define vpt_store8(address, value)  explorer_store(address, 1, value)
#define vpt_store16(address, value) explorer_store(address, 2, value)
#define vpt_store32(address, value) explorer_store(address, 4, value)
#define vpt_store64(address, value) explorer_store(address, 8, value)
#define vpt_barrier_stores(strong)  explorer_weak_barrier(strong, explorer_order_stores)
#define vpt_barrier_loads(strong)   explorer_weak_barrier(strong, explorer_order_loads)
#define vpt_barrier_full()          explorer_weak_barrier(false, explorer_fence)
#define vpt_barrier_strong_full()   explorer_weak_barrier(true, explorer_fence)
#define vpt_barrier_doorbell()      explorer_order_stores()
#define vpt_barrier_register_read() explorer_order_loads()
#define vpt_cpuid_hypervisor()      0u

#endif
