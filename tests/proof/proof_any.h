/* SPDX-License-Identifier: MIT */
/* Arbitrary values, for programs that Frama-C's Eva analyses. */
#ifndef VPT_TESTS_PROOF_ANY_H
#define VPT_TESTS_PROOF_ANY_H

#include <vpt/pci.h>

#include "__fc_builtin.h"

static inline uint32_t any32(void)
{
    return Frama_C_unsigned_int_interval(0, 0xffffffffu);
}

static inline uint16_t any16(void)
{
    return (uint16_t)Frama_C_unsigned_int_interval(0, 0xffffu);
}

static inline uint64_t any64(void)
{
    return (uint64_t)any32() << 32 | any32();
}

static inline bool any_bool(void)
{
    return Frama_C_nondet(0, 1) != 0;
}

static inline void any_bars(struct vpt_pci_bars *bars)
{
    unsigned i;

    for (i = 0; i <= VPT_PCI_BARS_MAX; i++) {
        bars->bar[i].kind = (enum vpt_pci_bar_kind)Frama_C_unsigned_int_interval(0, 4);
        bars->bar[i].address = any64();
        bars->bar[i].size = any64();
        bars->bar[i].is_64bit = any_bool();
        bars->bar[i].prefetchable = any_bool();
        bars->bar[i].below_1mib = any_bool();
        bars->bar[i].address_bits = (uint8_t)any32();
    }
}

#endif
