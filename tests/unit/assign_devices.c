/* SPDX-License-Identifier: MIT */
#include "assign_devices.h"

#include <string.h>

#define ALL 0xffffffffu

/* Rows of the header. The command register and the status register's bits that are cleared are alike in all. */
#define IDS(host, guest)                \
    {                                   \
        0x00, host, 0, 0, ALL, guest, 0 \
    }
#define COMMAND(host, listed)                                                        \
    {                                                                                \
        0x04, host, 0xf9000000, 0x00000557, 0x00100000, (listed) ? 0x00100000 : 0, 0 \
    }
#define CLASS(host)                    \
    {                                  \
        0x08, host, 0, 0, ALL, host, 0 \
    }
#define CACHE_LINE(host, type)                         \
    {                                                  \
        0x0c, host, 0, 0x0000ffff, 0xffff0000, type, 0 \
    }
#define SUBSYSTEM(host, guest)          \
    { 0x28, 0, 0, 0, ALL, 0, 0 },       \
    {                                   \
        0x2c, host, 0, 0, ALL, guest, 0 \
    }
#define LIST(first)                       \
    {                                     \
        0x34, first, 0, 0, 0xff, first, 0 \
    }
#define INTERRUPT(host, pin)                                            \
    {                                                                   \
        0x3c, host, 0, 0xff, 0xffffff00, ((host)&0xffff0000) | (pin), 0 \
    }

/* What stays as it was at the open, as the first register of most capabilities; a register that is passed on. */
#define STAYS(offset, host)              \
    {                                    \
        offset, host, 0, 0, ALL, host, 0 \
    }
#define PASSED(offset, host, mask)     \
    {                                  \
        offset, host, 0, 0, 0, 0, mask \
    }
#define HOLDS(offset, host)         \
    {                               \
        offset, host, 0, 0, 0, 0, 0 \
    }
#define VPD(offset, host)                                     \
    {                                                         \
        offset, host, 0, 0, 0xffff, (host)&0xffff, 0x7fff0000 \
    }
#define ERRORS(offset, host)            \
    {                                   \
        offset, host, ALL, 0, 0, 0, ALL \
    }

#define AER(offset, next, status)                                                                                   \
    STAYS(offset, 0x20001u | (uint32_t)(next) << 20), ERRORS((offset) + 4, status),                                 \
        PASSED((offset) + 8, 0x00400000, ALL), PASSED((offset) + 12, 0x00462030, ALL), ERRORS((offset) + 16, 0xc1), \
        PASSED((offset) + 20, 0x2000, ALL), HOLDS((offset) + 24, 0xa0)

/* Its state is the guest's, without events and without a reset on the way back. */
#define POWER_STATE(offset, host)                 \
    {                                             \
        offset, host, 0x8000, 0x3, 0x8108, 0x8, 0 \
    }

/* A device control register: own payload size and error reports, no phantom functions. */
#define CONTROL(offset, host, payload)                          \
    {                                                           \
        offset, host, 0x000f8000, 0xef, 0x8200, payload, 0x7010 \
    }

#define REGISTERS(array) .registers = array, .register_count = COUNT_OF(array)

/* ---- A network card ---- */

static const struct composed_register nic_registers[] = {
    IDS(0x10c98086, 0x10c98086),
    COMMAND(0x40110743, true),
    CLASS(0x02000001),
    CACHE_LINE(0x80804010, 0),
    SUBSYSTEM(0xa03c8086, 0xa03c8086),
    LIST(0x40),
    INTERRUPT(0x0000010b, 0x100),
    /* Power management: events from D0 and D3, no D1, no D2; one is enabled and pending. */
    { 0x40, 0xc9235001, 0, 0, ALL, 0x01235001, 0 },
    POWER_STATE(0x44, 0xa304),
    /* MSI: 64 bits, masks, four messages; on at the host. */
    { 0x50, 0x03a57005, 0, 0x00710000, 0xff8effff, 0x01847005, 0 },
    { 0x54, 0xfee01005, 0, 0xfffffffc, 0x3, 0, 0 },
    { 0x58, 0x00000001, 0, ALL, 0, 0, 0 },
    { 0x5c, 0x00004021, 0, 0xffff, 0xffff0000, 0, 0 },
    { 0x60, 0x00000005, 0, 0xf, 0xfffffff0, 0, 0 },
    { 0x64, 0x00000004, 0, 0, ALL, 0, 0 },
    /* MSI-X: ten vectors, table and pending bits in BAR 3; on at the host. */
    { 0x70, 0xc009a011, 0, 0xc0000000, 0x3fffffff, 0x0009a011, 0 },
    { 0x74, 0x00000003, 0, 0, ALL, 0x00000003, 0 },
    { 0x78, 0x00000803, 0, 0, ALL, 0x00000803, 0 },
    /* PCI Express: function level reset, phantom functions; payload 256 of 512, read requests 512, extended tags. */
    STAYS(0xa0, 0x0002e010),
    { 0xa4, 0x11008cca, 0, 0, 0x1000ffff, 0x8cc2, 0 },
    CONTROL(0xa8, 0x000dab3f, 0x20),
    HOLDS(0xac, 0x0003dc41),
    { 0xb0, 0xd1410040, 0xc0000000, 0, 0, 0, 0 },
    STAYS(0xc4, 0x0000001f),
    PASSED(0xc8, 0x00000406, 0x1f),
    VPD(0xe0, 0x80040003),
    HOLDS(0xe4, 0x78563412),
    AER(0x100, 0x140, 0x00300020),
    STAYS(0x140, 0x15010003),
    HOLDS(0x144, 0x21436587),
    STAYS(0x150, 0x1601000e),
    HOLDS(0x154, 0x00000100),
    STAYS(0x160, 0x00010010),
    HOLDS(0x164, 0x00000002),
    HOLDS(0x168, 0x00000019),
    HOLDS(0x16c, 0x00080008),
};

const struct composed composed_nic = {
    .name = "network card",
    .config_size = 4096,
    .has_msix = true,
    .power = 0x40,
    .states = 0x9,
    .vpd = 0xe0,
    .bars.bar = {
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x20000, .address = 0xf0400000 },
        { .kind = VPT_PCI_BAR_IO, .size = 0x20, .address = 0xd020 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x400, .address = 0xf0421400 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x1000, .address = 0xf0420000 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .address = UINT64_C(0x4000008000), .is_64bit = true,
          .prefetchable = true },
        [VPT_PCI_ROM] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x10000, .address = 0xf0440000 },
    },
    .trap = { .bar = 0, .offset = 0x5ffc, .size = 0x1004 },
    REGISTERS(nic_registers),
    .capabilities = {
        { 0x40, 0x50, 0x01, false, false }, { 0x50, 0x70, 0x05, false, false }, { 0x70, 0xa0, 0x11, false, false },
        { 0xa0, 0xe0, 0x10, false, false }, { 0xe0, 0x100, 0x03, false, false },
        { 0x100, 0x140, 0x01, false, false }, { 0x140, 0x150, 0x03, false, false },
        { 0x150, 0x160, 0x0e, true, false }, { 0x160, 0x1000, 0x10, true, false },
    },
    .limits = { { 0x52, 0x70, 0x20 }, { 0xa8, 0xe0, 0x20 }, { 0xa9, 0x70, 0x20 } },
};

/* ---- A graphics card ---- */

static const struct composed_register gpu_registers[] = {
    IDS(0x220410de, 0x220410de),
    COMMAND(0x00100103, true),
    CLASS(0x030000a1),
    CACHE_LINE(0x00000010, 0),
    SUBSYSTEM(0x147d10de, 0x147d10de),
    LIST(0x60),
    INTERRUPT(0x000001ff, 0x100),
    HOLDS(0x40, 0x147d10de),
    /* Power management: D1, no D2. */
    { 0x60, 0x6a036801, 0, 0, ALL, 0x02036801, 0 },
    POWER_STATE(0x64, 0x0000),
    /* MSI: 64 bits, one message, no masks: what follows the data is the host's. */
    { 0x68, 0x00807805, 0, 0x00710000, 0xff8effff, 0x00807805, 0 },
    { 0x6c, 0x00000000, 0, 0xfffffffc, 0x3, 0, 0 },
    { 0x70, 0x00000000, 0, ALL, 0, 0, 0 },
    { 0x74, 0x5ead4300, 0, 0xffff, 0, 0, 0 },
    STAYS(0x78, 0x0012b410),
    { 0x7c, 0x00008de1, 0, 0, 0x1000ffff, 0x8de1, 0 },
    CONTROL(0x80, 0x00052817, 0),
    STAYS(0x9c, 0x00040993),
    PASSED(0xa0, 0x00000006, 0x1f),
    /* Vendor-specific: 20 bytes. */
    { 0xb4, 0x0114d009, 0, 0, 0x00ffffff, 0x0014d009, 0xff000000 },
    PASSED(0xb8, 0x11223344, ALL),
    PASSED(0xbc, 0x00000000, ALL),
    PASSED(0xc0, 0xffffffff, ALL),
    PASSED(0xc4, 0x55667788, ALL),
    HOLDS(0xc8, 0x99aabbcc),
    /* Advanced features: a function level reset, which a guest does not see. */
    { 0xd0, 0x03060013, 0, 0, 0xff00ffff, 0x01000013, 0 },
    { 0xd4, 0x00000000, 0, 0, 0xff, 0, 0 },
    STAYS(0x100, 0x12810002),
    STAYS(0x128, 0x42010004),
    PASSED(0x12c, 0x00000001, 0xff),
    HOLDS(0x130, 0x00012c80),
    AER(0x420, 0x600, 0x00100000),
    STAYS(0x600, 0x9001000b),
    STAYS(0x900, 0xbb010019),
    STAYS(0xbb0, 0x00010015),
    HOLDS(0xbb4, 0x0003ffc0),
    HOLDS(0xbb8, 0x00000d21),
};

const struct composed composed_gpu = {
    .name = "graphics card",
    .config_size = 4096,
    .power = 0x60,
    .states = 0xb,
    .bars.bar = {
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x1000000, .address = 0xfa000000 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = UINT64_C(0x200000000), .address = UINT64_C(0x2000000000),
          .is_64bit = true, .prefetchable = true },
        [3] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x800, .address = UINT64_C(0x2200000800), .is_64bit = true },
        [5] = { .kind = VPT_PCI_BAR_IO, .size = 0x80, .address = 0xe000 },
        [VPT_PCI_ROM] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x80000, .address = 0xfb000000 },
    },
    .trap = { .bar = 1, .offset = UINT64_C(0x100002000), .size = 0x1001 },
    REGISTERS(gpu_registers),
    .capabilities = {
        { 0x60, 0x68, 0x01, false, false }, { 0x68, 0x78, 0x05, false, false }, { 0x78, 0xb4, 0x10, false, false },
        { 0xb4, 0xd0, 0x09, false, false }, { 0xd0, 0x100, 0x13, false, false },
        { 0x100, 0x128, 0x02, false, false }, { 0x128, 0x420, 0x04, false, false },
        { 0x420, 0x600, 0x01, false, false }, { 0x600, 0x900, 0x0b, false, false },
        { 0x900, 0xbb0, 0x19, false, false }, { 0xbb0, 0x1000, 0x15, true, false },
    },
    .limits = { { 0x6a, 0x70, 0x00 }, { 0x80, 0xe0, 0x00 }, { 0x81, 0x70, 0x20 } },
};

/* ---- A card without capabilities ---- */

static const struct composed_register legacy_registers[] = {
    IDS(0x813910ec, 0x813910ec),
    COMMAND(0xa2800003, false),
    CLASS(0x02000010),
    CACHE_LINE(0x00002008, 0),
    SUBSYSTEM(0x813910ec, 0x813910ec),
    { 0x34, 0x00000050, 0, 0, 0xff, 0, 0 }, /* the status register says that it means nothing */
    INTERRUPT(0x4020020b, 0x200),
};

const struct composed composed_legacy = {
    .name = "card without capabilities",
    .config_size = 256,
    .narrow = 0x2,
    .trap = { .bar = 0, .offset = 0x10, .size = 0xef },
    .bars.bar = {
        { .kind = VPT_PCI_BAR_IO, .size = 0x100, .address = 0xe400 },
        { .kind = VPT_PCI_BAR_IO, .size = 0x10, .address = 0xe800 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x2000, .address = 0xd0000, .below_1mib = true },
        [VPT_PCI_ROM] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x8000, .address = 0xfeb00000 },
    },
    REGISTERS(legacy_registers),
};

/* ---- A virtual function ---- */

static const struct composed_register virtual_registers[] = {
    IDS(0xffffffff, 0x10ca8086),
    COMMAND(0x00100000, true),
    CLASS(0x02000001),
    CACHE_LINE(0x00000000, 0),
    SUBSYSTEM(0xffffffff, 0xa03c8086),
    LIST(0x70),
    INTERRUPT(0x000001ff, 0),
    { 0x70, 0x0002a011, 0, 0xc0000000, 0x3fffffff, 0x0002a011, 0 },
    { 0x74, 0x00000003, 0, 0, ALL, 0x00000003, 0 },
    { 0x78, 0x00000803, 0, 0, ALL, 0x00000803, 0 },
    STAYS(0xa0, 0x00020010),
    { 0xa4, 0x00008cc2, 0, 0, 0x1000ffff, 0x8cc2, 0 },
    CONTROL(0xa8, 0x00002810, 0),
    STAYS(0xc4, 0x00000012),
    PASSED(0xc8, 0x00000000, 0x1f),
    AER(0x100, 0x150, 0x00000000),
    STAYS(0x150, 0x0001000e),
};

const struct composed composed_virtual = {
    .name = "virtual function",
    .config_size = 4096,
    .virtual_function = true,
    .has_msix = true,
    .bars.bar = {
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .address = UINT64_C(0x383fffe00000), .is_64bit = true,
          .prefetchable = true },
        [3] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x1000, .address = UINT64_C(0x383fffe40000), .is_64bit = true,
                .prefetchable = true },
    },
    REGISTERS(virtual_registers),
    .capabilities = {
        { 0x70, 0xa0, 0x11, false, false }, { 0xa0, 0x100, 0x10, false, false },
        { 0x100, 0x150, 0x01, false, false }, { 0x150, 0x1000, 0x0e, true, false },
    },
    .limits = { { 0xa8, 0xe0, 0x00 }, { 0xa9, 0x70, 0x20 } },
};

/* ---- Broken lists ---- */

#define BROKEN_HEADER(first)                                                                     \
    IDS(0x06661b36, 0x06661b36), COMMAND(0x00100003, true), CLASS(0xff000000), CACHE_LINE(0, 0), \
        SUBSYSTEM(0x11001af4, 0x11001af4), LIST(first), INTERRUPT(0x00000100, 0x100)

/* The last standard one points to the second, the extended one to itself. */
static const struct composed_register loops_registers[] = {
    BROKEN_HEADER(0x40),
    STAYS(0x40, 0x06035001),
    POWER_STATE(0x44, 0),
    { 0x50, 0x00006005, 0, 0x00710000, 0xff8effff, 0x00006005, 0 },
    { 0x54, 0, 0, 0xfffffffc, 0x3, 0, 0 },
    { 0x58, 0x12340000, 0, 0xffff, 0, 0, 0 },
    { 0x60, 0x77085009, 0, 0, 0x00ffffff, 0x00080009, 0xff000000 },
    PASSED(0x64, 0x88888888, ALL),
    AER(0x100, 0x100, 0x00100020),
};

const struct composed composed_loops = {
    .name = "loops",
    .config_size = 4096,
    .broken = true,
    .power = 0x40,
    .states = 0xf,
    .bars.bar = {
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x10000, .address = 0x80100000 },
        { .kind = VPT_PCI_BAR_MEMORY, .size = 0x1000, .address = 0x80110000 },
    },
    REGISTERS(loops_registers),
    .capabilities = {
        { 0x40, 0x50, 0x01, false, false }, { 0x50, 0x60, 0x05, false, false }, { 0x60, 0x100, 0x09, false, false },
        { 0x100, 0x1000, 0x01, false, false },
    },
    .limits = { { 0x52, 0x70, 0x00 } },
};

/* The standard one points to itself, the second extended one to the first, which is hidden. */
static const struct composed_register selves_registers[] = {
    BROKEN_HEADER(0x80),      { 0x80, 0x00038001, 0, 0, ALL, 0x00030001, 0 },
    POWER_STATE(0x84, 0),     STAYS(0x100, 0x2001000f),
    HOLDS(0x104, 0x00000020), AER(0x200, 0x100, 0x00000020),
};

const struct composed composed_selves = {
    .name = "loops to itself",
    .config_size = 4096,
    .broken = true,
    .power = 0x80,
    .states = 0x9,
    .bars.bar = {
        { .kind = VPT_PCI_BAR_IO, .size = 0x40, .address = 0xc040 },
        [2] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x100000, .address = UINT64_C(0x1080000000), .is_64bit = true },
    },
    REGISTERS(selves_registers),
    .capabilities = {
        { 0x80, 0x100, 0x01, false, false },
        { 0x100, 0x200, 0x0f, true, false }, { 0x200, 0x1000, 0x01, false, false },
    },
};

/* Pointers to just below the space of each list. */
static const struct composed_register astray_registers[] = {
    BROKEN_HEADER(0x48),
    { 0x48, 0x04033c01, 0, 0, ALL, 0x04030001, 0 },
    POWER_STATE(0x4c, 0x0000),
    AER(0x100, 0x0fc, 0),
};

const struct composed composed_astray = {
    .name = "pointers below the space",
    .config_size = 4096,
    .broken = true,
    .power = 0x48,
    .states = 0xd,
    .bars.bar = { { .kind = VPT_PCI_BAR_MEMORY, .size = 0x10, .address = 0x80200010 } },
    REGISTERS(astray_registers),
    .capabilities = { { 0x48, 0x100, 0x01, false, false }, { 0x100, 0x1000, 0x01, false, false } },
};

/* Pointers to where nothing is. */
static const struct composed_register nothing_registers[] = {
    BROKEN_HEADER(0x48),
    /* MSI: 32 bits, masks, two messages. */
    { 0x48, 0x0102e005, 0, 0x00710000, 0xff8effff, 0x01020005, 0 },
    { 0x4c, 0xfee00000, 0, 0xfffffffc, 0x3, 0, 0 },
    { 0x50, 0x4444ffff, 0, 0xffff, 0xffff0000, 0, 0 },
    { 0x54, 0x55555555, 0, 0x3, 0xfffffffc, 0, 0 },
    { 0x58, 0x66666666, 0, 0, ALL, 0, 0 },
    HOLDS(0xe0, 0xffffffff),
    AER(0x100, 0xf00, 0x00200000),
    HOLDS(0xf00, 0x00000000),
};

const struct composed composed_nothing = {
    .name = "pointers to nothing",
    .config_size = 4096,
    .broken = true,
    .bars.bar = { [5] = { .kind = VPT_PCI_BAR_IO, .size = 4, .address = 0xc0f4 } },
    REGISTERS(nothing_registers),
    .capabilities = { { 0x48, 0x100, 0x05, false, false }, { 0x100, 0x1000, 0x01, false, false } },
    .limits = { { 0x4a, 0x70, 0x10 } },
};

/* The first overlaps the second, the third the fourth; the last of both lists leave their space. */
static const struct composed_register crowded_registers[] = {
    BROKEN_HEADER(0x40),
    { 0x40, 0x01805005, 0, 0, 0, 0, 0 },
    STAYS(0x50, 0x00036001),
    POWER_STATE(0x54, 0),
    { 0x60, 0x20207009, 0, 0, 0x00ffffff, 0x00207009, 0xff000000 },
    PASSED(0x64, 0x21212121, ALL),
    PASSED(0x68, 0x22222222, ALL),
    PASSED(0x6c, 0x23232323, ALL),
    VPD(0x70, 0x0000e003),
    HOLDS(0x74, 0x24242424),
    STAYS(0xe0, 0x0002f810),
    { 0xe4, 0x00008fc0, 0, 0, 0x1000ffff, 0x8fc0, 0 },
    CONTROL(0xe8, 0x0001501f, 0),
    { 0xf8, 0x00010011, 0, 0, 0, 0, 0 },
    STAYS(0x100, 0xff010003),
    { 0xff0, 0x00020001, 0, 0, 0, 0, 0 },
};

const struct composed composed_crowded = {
    .name = "overlapping and truncated",
    .config_size = 4096,
    .power = 0x50,
    .states = 0x9,
    .vpd = 0x70,
    .bars.bar = { [VPT_PCI_ROM] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x800, .address = 0x80300800 } },
    REGISTERS(crowded_registers),
    .capabilities = {
        { 0x40, 0x50, 0x05, false, true }, { 0x50, 0x60, 0x01, false, false }, { 0x60, 0x70, 0x09, false, false },
        { 0x70, 0xe0, 0x03, false, false }, { 0xe0, 0xf8, 0x10, false, false }, { 0xf8, 0x100, 0x11, false, true },
        { 0x100, 0xff0, 0x03, false, false }, { 0xff0, 0x1000, 0x01, false, true },
    },
    .limits = { { 0xe8, 0xe0, 0x00 }, { 0xe9, 0x70, 0x50 } },
};

/* ---- The host ---- */

static _Alignas(8) uint64_t storage[8192];

uint16_t composed_bar_offset(unsigned bar)
{
    return (uint16_t)(bar == VPT_PCI_ROM ? 0x30 : 0x10 + 4 * bar);
}

bool composed_bar_trapped(const struct composed *composed, unsigned bar)
{
    return COMPOSED_MSIX_TRAPPED && composed->has_msix && bar == 3;
}

/* A register that holds `value`, and of which a write changes the bits of `mask` alone. */
static void put(unsigned offset, uint32_t value, uint32_t mask)
{
    host_set((uint16_t)offset, 4, value);
    for (unsigned i = 0; i < 4; i++) {
        host.fixed[offset + i] = (uint8_t)(~mask >> 8 * i);
    }
}

static void put_bar(const struct composed *composed, unsigned index)
{
    const struct vpt_pci_bar *bar = &composed->bars.bar[index];
    uint64_t mask = ~(bar->size - 1);
    uint32_t flags = 0;

    if (bar->size == 0 || composed->virtual_function) {
        return;
    }
    if (bar->kind == VPT_PCI_BAR_IO) {
        flags = 0x1;
        mask &= (composed->narrow >> index & 1) != 0 ? 0xffff : 0xffffffff;
    } else if (index == VPT_PCI_ROM) {
        mask |= 0x1;
    } else {
        flags = (bar->below_1mib ? 0x2u : 0) | (bar->is_64bit ? 0x4u : 0) | (bar->prefetchable ? 0x8u : 0);
        mask &= bar->below_1mib ? 0xfffff : UINT64_MAX;
    }
    put(composed_bar_offset(index), (uint32_t)bar->address | flags, (uint32_t)mask);
    if (bar->is_64bit) {
        put(composed_bar_offset(index + 1), (uint32_t)(bar->address >> 32), (uint32_t)(mask >> 32));
    }
}

/* What no row is about holds something, from where the header ends on. */
static void put_registers(const struct composed *composed)
{
    for (unsigned i = 0x40; i < composed->config_size; i++) {
        host.config[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
    }
    for (unsigned i = 0; i < composed->register_count; i++) {
        const struct composed_register *row = &composed->registers[i];

        host_set(row->offset, 4, row->host);
        for (unsigned byte = 0; byte < 4; byte++) {
            host.clear[row->offset + byte] = (uint8_t)(row->clear >> 8 * byte);
        }
    }
    if (composed->vpd != 0) {
        host.action[composed->vpd + 3] = 0x80;
    }
}

/* What a failure leaves in *value is nobody's. */
static enum vpt_status (*host_read)(void *ctx, uint16_t offset, unsigned width, uint32_t *value);

static enum vpt_status read_or_scribble(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    enum vpt_status status = host_read(ctx, offset, width, value);

    if (status != VPT_OK) {
        *value = 0x00010203;
    }
    return status;
}

/* ---- The guest ---- */

static unsigned mapped; /* bit n: in this step something of BAR n was mapped */
static bool undoing;    /* and something has failed */

void composed_step(void)
{
    mapped = 0;
    undoing = false;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    enum vpt_status status = desk.guest.map(desk.guest.ctx, region);

    cr_assert(ctx == &host);
    mapped |= region->bar < COMPOSED_BARS ? 1u << region->bar : 0;
    undoing = undoing || (status != VPT_OK && status != VPT_REFUSED);
    return status;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    enum vpt_status status = desk.guest.unmap(desk.guest.ctx, region);

    cr_assert(ctx == &host);
    cr_assert(mapped == 0 || undoing || (region->bar < COMPOSED_BARS && (mapped >> region->bar & 1) != 0),
              "BAR %u is unmapped after another was mapped", region->bar);
    undoing = undoing || status != VPT_OK;
    return status;
}

/* ---- The device ---- */

static const struct vpt_assign_identity identity = { .which = VPT_ASSIGN_ALL_IDS,
                                                     .vendor_id = 0x8086,
                                                     .device_id = 0x10ca,
                                                     .subsystem_vendor_id = 0x8086,
                                                     .subsystem_id = 0xa03c };

void composed_start(const struct composed *composed)
{
    host_start();
    desk_start();
    memset(host.config, 0, sizeof(host.config));
    memset(host.clear, 0, sizeof(host.clear));
    put_registers(composed);
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        put(composed_bar_offset(i), 0, 0);
    }
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        put_bar(composed, i);
    }
    host_read = host.table.config_read;
    host.table.config_read = read_or_scribble;
    host.table.memory_read = desk.host.memory_read;
    host.table.memory_write = desk.host.memory_write;
    host.table.io_read = desk.host.io_read;
    host.table.io_write = desk.host.io_write;
    host.guest = (struct vpt_assign_guest){ .ctx = &host, .map = map, .unmap = unmap };
    host.setup = (struct vpt_assign_config){ .host = &host.table,
                                             .address = { 0, 3, 0, 0 },
                                             .config_size = composed->config_size,
                                             .storage = storage,
                                             .storage_size = sizeof(storage),
                                             .traps = &composed->trap,
                                             .trap_count = composed->trap.size != 0 ? 1 : 0 };
    host.setup.regions = (uint16_t)(VPT_ASSIGN_REGIONS(host.setup.trap_count) + 32);
    if (composed->virtual_function) {
        host.setup.virtual_function = true;
        host.setup.bars = &composed->bars;
        host.setup.identity = &identity;
    }
}

void composed_open(void)
{
    composed_step();
    host_open();
}

enum vpt_status composed_acquire(uint64_t owner)
{
    composed_step();
    return vpt_assign_acquire(&host.device, owner, &host.guest);
}

const struct composed *const composed_all[] = {
    &composed_nic,    &composed_gpu,    &composed_legacy,  &composed_virtual, &composed_loops,
    &composed_selves, &composed_astray, &composed_nothing, &composed_crowded,
};

struct criterion_test_params composed_variants(void)
{
    static struct composed_variant variants[] = { { 0 }, { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 } };

    return cr_make_param_array(struct composed_variant, variants, COUNT_OF(variants));
}
