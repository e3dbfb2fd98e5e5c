/* SPDX-License-Identifier: MIT */
/*
 * What a guest's operating system does with a function at boot, on each of the composed ones, and what comes of it by
 * tables written by hand: it walks the lists, sizes the BARs, places them, turns decoding on, programs what it finds,
 * moves the BARs, turns the ROM on, lets the function sleep and wakes it, and goes.
 */
#include <string.h>

#include "assign_devices.h"

#define FOUND    12u
#define PLACES   10u
#define PIECES   12u
#define MOVES    12u
#define DEEDS    10u
#define STANDARD 48u
#define EXTENDED 960u

#define MEMORY VPT_ASSIGN_MEMORY
#define IO     VPT_ASSIGN_IO
#define ROM    VPT_PCI_ROM

TestSuite(assign_composed);

/* ---- What is to come ---- */

struct found {
    uint16_t id;
    uint16_t offset;
};

struct value {
    uint16_t offset;
    uint8_t width;
    uint32_t value;
};

/* A write with decoding on, and what there is of that BAR then; one without an offset: no more moves. */
struct move {
    uint16_t offset;
    uint32_t value;
    uint8_t bar;
    struct vpt_assign_region now[3];
};

/* A write, what the guest reads there then, and what the host holds in that dword. */
struct deed {
    uint16_t offset;
    uint8_t width;
    uint32_t value;
    uint32_t reads;
    uint32_t host;
};

struct boot {
    const struct composed *composed;
    struct value first[14];               /* what is read at power-on */
    struct found found[FOUND];            /* both lists; the rest is zeroed */
    uint32_t sized[COMPOSED_BARS];        /* what the registers read after all-ones; the ROM's without its enable bit */
    struct value places[PLACES];          /* where the BARs are put; the ROM's decoding is off */
    struct vpt_assign_region map[PIECES]; /* what is mapped once decoding is on */
    struct deed deeds[DEEDS];
    struct move moves[MOVES];
    uint16_t power; /* power management's control register */
};

/* ---- Tables ---- */

/* The page of an MSI-X table, and what is as on the host. */
#define MSIX(guest, host)                                     \
    {                                                         \
        guest, host, 0x1000, MEMORY, 3, COMPOSED_MSIX_TRAPPED \
    }
#define MAPPED(guest, host, size, bar)        \
    {                                         \
        guest, host, size, MEMORY, bar, false \
    }
#define TRAPPED(guest, host, size, bar)      \
    {                                        \
        guest, host, size, MEMORY, bar, true \
    }
#define PORTS(guest, host, size, bar)                 \
    {                                                 \
        guest, host, size, IO, bar, (guest) != (host) \
    }

static const struct boot nic = {
    .composed = &composed_nic,
    .first = {
        { 0x00, 4, 0x10c98086 }, { 0x04, 2, 0x0200 }, { 0x06, 2, 0x4011 }, { 0x08, 4, 0x02000001 },
        { 0x0c, 4, 0x00000000 }, { 0x3c, 4, 0x00000100 }, { 0x42, 2, 0x0123 }, { 0x44, 2, 0x220c },
        { 0x50, 4, 0x01847005 }, { 0x72, 2, 0x0009 }, { 0xa4, 4, 0x01008cc2 }, { 0xa8, 4, 0x000d2930 },
        { 0x164, 4, 0 }, { 0x100, 4, 0x14020001 },
    },
    .found = { { 0x01, 0x40 }, { 0x05, 0x50 }, { 0x11, 0x70 }, { 0x10, 0xa0 }, { 0x03, 0xe0 }, { 0x01, 0x100 },
               { 0x03, 0x140 } },
    .sized = { 0xfffe0000, 0xffffffe1, 0xfffffc00, 0xfffff000, 0xffffc00c, 0xffffffff, 0xffff0000 },
    .places = { { 0x10, 4, 0xfe000000 }, { 0x14, 4, 0x0000c001 }, { 0x18, 4, 0xfe021400 }, { 0x1c, 4, 0xfe020000 },
                { 0x20, 4, 0x0000000c }, { 0x24, 4, 0x00000020 }, { 0x30, 4, 0xfd000000 } },
    .map = {
        MAPPED(0xfe000000, 0xf0400000, 0x5000, 0), TRAPPED(0xfe005000, 0xf0405000, 0x2000, 0),
        MAPPED(0xfe007000, 0xf0407000, 0x19000, 0), PORTS(0xc000, 0xd020, 0x20, 1),
        TRAPPED(0xfe021400, 0xf0421400, 0x400, 2), MSIX(0xfe020000, 0xf0420000),
        MAPPED(UINT64_C(0x2000000000), UINT64_C(0x4000008000), 0x4000, 4),
    },
    .deeds = {
        { 0x54, 4, 0xfee0100f, 0xfee0100c, 0xfee01005 },
        { 0x52, 2, 0x0071, 0x01a5, 0x03a57005 },       /* four messages at most, of seven powers of two */
        { 0x60, 4, 0xffffffff, 0x0000000f, 0x00000005 },
        { 0x72, 2, 0xc000, 0xc009, 0xc009a011 },
        { 0xa8, 4, 0xffff5fef, 0x000d292f, 0x000dab2f }, /* payload 256, read requests 512 */
        { 0xc8, 2, 0xffff, 0x041f, 0x0000041f },
        { 0xe2, 2, 0x8043, 0x8043, 0x80430003 },       /* vital product data are not written */
        { 0x104, 4, 0x00100000, 0x00200020, 0x00200020 },
        { 0x108, 4, 0x12345678, 0x12345678, 0x12345678 },
        { 0x06, 2, 0xffff, 0x4011, 0x40110747 },
    },
    .moves = {
        { 0x10, 0xfe100000, 0, { MAPPED(0xfe100000, 0xf0400000, 0x5000, 0),
                                 TRAPPED(0xfe105000, 0xf0405000, 0x2000, 0),
                                 MAPPED(0xfe107000, 0xf0407000, 0x19000, 0) } },
        { 0x14, 0x0000d021, 1, { PORTS(0xd020, 0xd020, 0x20, 1) } },
        { 0x14, 0xffffffff, 1, { { .size = 0 } } },
        { 0x14, 0x0000ffe0, 1, { PORTS(0xffe0, 0xd020, 0x20, 1) } },
        { 0x14, 0x0000ffdf, 1, { PORTS(0xffc0, 0xd020, 0x20, 1) } },
        { 0x18, 0xfe0217ff, 2, { TRAPPED(0xfe021400, 0xf0421400, 0x400, 2) } },
        { 0x1c, 0xfe030000, 3, { MSIX(0xfe030000, 0xf0420000) } },
        { 0x24, 0x00000021, 4, { MAPPED(UINT64_C(0x2100000000), UINT64_C(0x4000008000), 0x4000, 4) } },
        { 0x20, 0x80000000, 4, { MAPPED(UINT64_C(0x2180000000), UINT64_C(0x4000008000), 0x4000, 4) } },
        { 0x24, 0x00000000, 4, { MAPPED(0x80000000, UINT64_C(0x4000008000), 0x4000, 4) } },
        { 0x20, 0x00000000, 4, { { .size = 0 } } },
        { 0x24, 0x00000001, 4, { MAPPED(UINT64_C(0x100000000), UINT64_C(0x4000008000), 0x4000, 4) } },
    },
    .power = 0x44,
};

/* 8 GiB in three pieces. */
#define EIGHT_GIB(at)                                                                           \
    {                                                                                           \
        MAPPED(UINT64_C(at), UINT64_C(0x2000000000), UINT64_C(0x100002000), 1),                 \
            TRAPPED(UINT64_C(at) + UINT64_C(0x100002000), UINT64_C(0x2100002000), 0x2000, 1),   \
            MAPPED(UINT64_C(at) + UINT64_C(0x100004000), UINT64_C(0x2100004000), 0xffffc000, 1) \
    }

static const struct boot gpu = {
    .composed = &composed_gpu,
    .first = {
        { 0x00, 4, 0x220410de }, { 0x04, 4, 0x00100000 }, { 0x0e, 1, 0x00 }, { 0x3d, 1, 0x01 },
        { 0x62, 2, 0x0203 }, { 0x68, 4, 0x00807805 }, { 0x76, 2, 0x5ead }, { 0x80, 4, 0x00052810 },
        { 0x40, 4, 0x147d10de }, { 0xb4, 4, 0x0114d009 }, { 0x900, 4, 0x00010019 }, { 0xbb4, 4, 0 },
    },
    .found = { { 0x01, 0x60 }, { 0x05, 0x68 }, { 0x10, 0x78 }, { 0x09, 0xb4 }, { 0x13, 0xd0 }, { 0x02, 0x100 },
               { 0x04, 0x128 }, { 0x01, 0x420 }, { 0x0b, 0x600 }, { 0x19, 0x900 } },
    .sized = { 0xff000000, 0x0000000c, 0xfffffffe, 0xfffff804, 0xffffffff, 0xffffff81, 0xfff80000 },
    .places = { { 0x10, 4, 0xfb000000 }, { 0x14, 4, 0x00000000 }, { 0x18, 4, 0x00000008 }, { 0x1c, 4, 0xfc000800 },
                { 0x20, 4, 0x00000000 }, { 0x24, 4, 0x0000e000 }, { 0x30, 4, 0xfd000000 } },
    .map = {
        MAPPED(0xfb000000, 0xfa000000, 0x1000000, 0),
        MAPPED(UINT64_C(0x800000000), UINT64_C(0x2000000000), UINT64_C(0x100002000), 1),
        TRAPPED(UINT64_C(0x900002000), UINT64_C(0x2100002000), 0x2000, 1),
        MAPPED(UINT64_C(0x900004000), UINT64_C(0x2100004000), 0xffffc000, 1),
        TRAPPED(0xfc000800, UINT64_C(0x2200000800), 0x800, 3), PORTS(0xe000, 0xe000, 0x80, 5),
    },
    .deeds = {
        { 0x6a, 2, 0x0071, 0x0081, 0x00807805 },
        { 0x74, 4, 0x12345678, 0x5ead5678, 0x5ead4300 },
        { 0x80, 2, 0x70ff, 0x281f, 0x00052817 },       /* payload 128, read requests 512 */
        { 0x81, 1, 0x10, 0x18, 0x00051817 },
        { 0xb4, 4, 0xffffffff, 0xff14d009, 0xff14d009 },
        { 0xb9, 2, 0xabcd, 0xabcd, 0x11abcd44 },
        { 0xc8, 4, 0x00000000, 0x99aabbcc, 0x99aabbcc },
        { 0x12c, 4, 0xffffffff, 0x000000ff, 0x000000ff },
        { 0xbb8, 4, 0xffffffff, 0x00000000, 0x00000d21 },
        { 0x3c, 4, 0xffffff0b, 0x0000010b, 0x000001ff },
    },
    .moves = {
        { 0x18, 0x00000018, 1, EIGHT_GIB(0x1800000000) },
        { 0x18, 0x00000019, 1, EIGHT_GIB(0x1800000000) },
        { 0x14, 0xffffffff, 1, EIGHT_GIB(0x1800000000) },
        { 0x18, 0x00000001, 1, { { .size = 0 } } },
        { 0x18, 0xffffffff, 1, { { .size = 0 } } },
        { 0x18, 0xfffffffd, 1, EIGHT_GIB(0xfffffffc00000000) },
        { 0x20, 0x00000001, 3, { TRAPPED(0x1fc000800, UINT64_C(0x2200000800), 0x800, 3) } },
        { 0x1c, 0x00000000, 3, { TRAPPED(0x100000000, UINT64_C(0x2200000800), 0x800, 3) } },
        { 0x20, 0x00000000, 3, { { .size = 0 } } },
        { 0x1c, 0xe00000ff, 3, { TRAPPED(0xe0000000, UINT64_C(0x2200000800), 0x800, 3) } },
        { 0x24, 0x0000ff81, 5, { PORTS(0xff80, 0xe000, 0x80, 5) } },
        { 0x24, 0x0000ff01, 5, { PORTS(0xff00, 0xe000, 0x80, 5) } },
    },
    .power = 0x64,
};

static const struct boot legacy = {
    .composed = &composed_legacy,
    .first = {
        { 0x00, 4, 0x813910ec }, { 0x04, 2, 0x0000 }, { 0x06, 2, 0xa280 }, { 0x0e, 1, 0x00 }, { 0x34, 1, 0 },
        { 0x3c, 4, 0x40200200 }, { 0x40, 4, 0xd6cfc8c1 },
    },
    .sized = { 0xffffff01, 0xfffffff1, 0xffffe002, 0, 0, 0, 0xffff8000 },
    .places = { { 0x10, 4, 0x0000e401 }, { 0x14, 4, 0x0000e010 }, { 0x18, 4, 0x000d4000 }, { 0x30, 4, 0xfea00000 } },
    .map = {
        PORTS(0xe400, 0xe400, 0x10, 0), { 0xe410, 0xe410, 0xef, IO, 0, true }, PORTS(0xe4ff, 0xe4ff, 1, 0),
        PORTS(0xe010, 0xe800, 0x10, 1), MAPPED(0xd4000, 0xd0000, 0x2000, 2),
    },
    .deeds = {
        { 0x0c, 4, 0xffffffff, 0x0000ffff, 0x00002008 }, { 0x3c, 4, 0x01020304, 0x40200204, 0x4020020b },
        { 0x06, 2, 0xffff, 0xa280, 0xa2800007 }, { 0x40, 4, 0, 0xd6cfc8c1, 0xd6cfc8c1 },
    },
    .moves = {
        { 0x18, 0x000d0000, 2, { MAPPED(0xd0000, 0xd0000, 0x2000, 2) } },
        { 0x18, 0x00000000, 2, { { .size = 0 } } },
        { 0x18, 0x000d7fff, 2, { MAPPED(0xd6000, 0xd0000, 0x2000, 2) } },
        { 0x14, 0x0000e801, 1, { PORTS(0xe800, 0xe800, 0x10, 1) } },
        { 0x14, 0x0001e800, 1, { { .size = 0 } } },
        { 0x14, 0x0000ffe0, 1, { PORTS(0xffe0, 0xe800, 0x10, 1) } },
        { 0x14, 0x0000fff0, 1, { PORTS(0xfff0, 0xe800, 0x10, 1) } },
        { 0x10, 0x00000100, 0, { PORTS(0x100, 0xe400, 0x100, 0) } },
        { 0x10, 0x00000000, 0, { { .size = 0 } } },
    },
};

static const struct boot virtual = {
    .composed = &composed_virtual,
    .first = {
        { 0x00, 4, 0x10ca8086 }, { 0x2c, 4, 0xa03c8086 }, { 0x3c, 4, 0x00000000 }, { 0x04, 4, 0x00100000 },
        { 0x70, 4, 0x0002a011 }, { 0x100, 4, 0x00020001 }, { 0x150, 4, 0 }, { 0x30, 4, 0 },
    },
    .found = { { 0x11, 0x70 }, { 0x10, 0xa0 }, { 0x01, 0x100 } },
    .sized = { 0xffffc00c, 0xffffffff, 0, 0xfffff00c, 0xffffffff, 0, 0 },
    .places = { { 0x10, 4, 0xfebf0000 }, { 0x14, 4, 0 }, { 0x1c, 4, 0xfebf4000 }, { 0x20, 4, 0 } },
    .map = { MAPPED(0xfebf0000, UINT64_C(0x383fffe00000), 0x4000, 0), MSIX(0xfebf4000, UINT64_C(0x383fffe40000)) },
    .deeds = {
        { 0x72, 2, 0x8000, 0x8002, 0x0002a011 }, { 0xa8, 2, 0x2f1f, 0x281f, 0x00002810 },
        { 0x10c, 4, 0xffffffff, 0xffffffff, 0xffffffff }, { 0x154, 4, 0xffffffff, 0, 0x635c554e },
    },
    .moves = {
        { 0x14, 0x00000038, 0, { MAPPED(UINT64_C(0x38febf0000), UINT64_C(0x383fffe00000), 0x4000, 0) } },
        { 0x10, 0x00003fff, 0, { MAPPED(UINT64_C(0x3800000000), UINT64_C(0x383fffe00000), 0x4000, 0) } },
        { 0x14, 0xffffffff, 0, { MAPPED(UINT64_C(0xffffffff00000000), UINT64_C(0x383fffe00000), 0x4000, 0) } },
        { 0x10, 0xffffc000, 0, { { .size = 0 } } },
        { 0x10, 0xffff8000, 0, { MAPPED(UINT64_C(0xffffffffffff8000), UINT64_C(0x383fffe00000), 0x4000, 0) } },
        { 0x20, 0x00000001, 3, { MSIX(UINT64_C(0x1febf4000), UINT64_C(0x383fffe40000)) } },
    },
};

static const struct boot loops = {
    .composed = &composed_loops,
    .first = { { 0x40, 4, 0x06035001 }, { 0x60, 4, 0x77080009 }, { 0x100, 4, 0x00020001 } },
    .found = { { 0x01, 0x40 }, { 0x05, 0x50 }, { 0x09, 0x60 }, { 0x01, 0x100 } },
    .sized = { 0xffff0000, 0xfffff000 },
    .places = { { 0x10, 4, 0x80000000 }, { 0x14, 4, 0x80010000 } },
    .map = { MAPPED(0x80000000, 0x80100000, 0x10000, 0), MAPPED(0x80010000, 0x80110000, 0x1000, 1) },
    .deeds = { { 0x61, 1, 0x50, 0x00, 0x77085009 },
               { 0x100, 4, 0xffffffff, 0x00020001, 0x10020001 },
               { 0x64, 1, 0x11, 0x11, 0x88888811 } },
    .moves = { { 0x10, 0xffff0000, 0, { { .size = 0 } } },
               { 0x10, 0xfffe0000, 0, { MAPPED(0xfffe0000, 0x80100000, 0x10000, 0) } } },
    .power = 0x44,
};

static const struct boot selves = {
    .composed = &composed_selves,
    .first = { { 0x80, 4, 0x00030001 }, { 0x100, 4, 0x20000000 }, { 0x104, 4, 0 }, { 0x200, 4, 0x00020001 } },
    .found = { { 0x01, 0x80 }, { 0x00, 0x100 }, { 0x01, 0x200 } },
    .sized = { 0xffffffc1, 0, 0xfff00004, 0xffffffff },
    .places = { { 0x10, 4, 0xc040 }, { 0x18, 4, 0xfff00000 }, { 0x1c, 4, 1 } },
    .map = { PORTS(0xc040, 0xc040, 0x40, 0), MAPPED(UINT64_C(0x1fff00000), UINT64_C(0x1080000000), 0x100000, 2) },
    .deeds = { { 0x80, 4, 0xffffffff, 0x00030001, 0x00038001 }, { 0x204, 4, 0x20, 0, 0 } },
    .moves = { { 0x1c, 0x00000000, 2, { MAPPED(0xfff00000, UINT64_C(0x1080000000), 0x100000, 2) } },
               { 0x18, 0x00000000, 2, { { .size = 0 } } },
               { 0x1c, 0x00000002, 2, { MAPPED(UINT64_C(0x200000000), UINT64_C(0x1080000000), 0x100000, 2) } } },
    .power = 0x84,
};

static const struct boot astray = {
    .composed = &composed_astray,
    .first = { { 0x48, 4, 0x04030001 }, { 0x100, 4, 0x00020001 } },
    .found = { { 0x01, 0x48 }, { 0x01, 0x100 } },
    .sized = { 0xfffffff0 },
    .places = { { 0x10, 4, 0x90000ff0 } },
    .map = { TRAPPED(0x90000ff0, 0x80200010, 0x10, 0) },
    .deeds = { { 0x49, 1, 0x3c, 0x00, 0x04033c01 } },
    .moves = { { 0x10, 0xfffffff0, 0, { { .size = 0 } } },
               { 0x10, 0xffffffe0, 0, { TRAPPED(0xffffffe0, 0x80200010, 0x10, 0) } },
               { 0x10, 0x0000001f, 0, { TRAPPED(0x10, 0x80200010, 0x10, 0) } } },
    .power = 0x4c,
};

static const struct boot nothing = {
    .composed = &composed_nothing,
    .first = { { 0x48, 4, 0x01020005 }, { 0xe0, 4, 0xffffffff }, { 0x100, 4, 0x00020001 } },
    .found = { { 0x05, 0x48 }, { 0x01, 0x100 } },
    .sized = { 0, 0, 0, 0, 0, 0xfffffffd, 0 },
    .places = { { 0x24, 4, 0x0000c0f4 } },
    .map = { PORTS(0xc0f4, 0xc0f4, 4, 5) },
    .deeds = { { 0x4a, 1, 0xff, 0x13, 0x0102e005 }, { 0x54, 4, 0xffffffff, 3, 0x55555555 } },
    .moves = { { 0x24, 0x0000fffc, 5, { PORTS(0xfffc, 0xc0f4, 4, 5) } },
               { 0x24, 0x0000fff8, 5, { PORTS(0xfff8, 0xc0f4, 4, 5) } } },
};

static const struct boot crowded = {
    .composed = &composed_crowded,
    .first = { { 0x34, 1, 0x50 },
               { 0x40, 4, 0 },
               { 0x44, 4, 0 },
               { 0x60, 4, 0x20207009 },
               { 0x70, 4, 0x0000e003 },
               { 0xe0, 4, 0x00020010 },
               { 0xf8, 4, 0 },
               { 0xfc, 4, 0 },
               { 0x100, 4, 0x00010003 },
               { 0xff0, 4, 0 },
               { 0xffc, 4, 0 } },
    .found = { { 0x01, 0x50 }, { 0x09, 0x60 }, { 0x03, 0x70 }, { 0x10, 0xe0 }, { 0x03, 0x100 } },
    .sized = { 0, 0, 0, 0, 0, 0, 0xfffff800 },
    .places = { { 0x30, 4, 0xc0000000 } },
    .deeds = { { 0x44, 4, 0xffffffff, 0, 0xf2ebe4dd },
               { 0x6c, 4, 0x01020304, 0x01020304, 0x01020304 },
               { 0x70, 2, 0xffff, 0xe003, 0x0000e003 } },
    .power = 0x54,
};

/* ---- A guest ---- */

static const struct boot *boot;
static struct vpt_assign_region now[PIECES]; /* what it is to have */
static unsigned count;
static uint8_t config[HOST_SIZE]; /* what the host is to hold */

static bool same(const struct vpt_assign_region *a, const struct vpt_assign_region *b)
{
    return a->guest == b->guest && a->host == b->host && a->size == b->size && a->space == b->space &&
           a->bar == b->bar && a->trapped == b->trapped;
}

/* Exactly that is mapped, and nothing has been written to the host that should not have been. */
static void check(const char *what)
{
    cr_assert(desk.violations == 0, "%s", what);
    cr_assert(desk.mapped_count == count, "%s: %u regions, not %u", what, desk.mapped_count, count);
    for (unsigned i = 0; i < count; i++) {
        const struct vpt_assign_region *there = desk_find(now[i].space, now[i].guest);

        cr_assert(there != NULL && same(there, &now[i]), "%s: BAR %u at 0x%llx", what, now[i].bar,
                  (unsigned long long)now[i].guest);
    }
    for (unsigned i = 0; i < HOST_SIZE; i++) {
        cr_assert(host.config[i] == config[i], "%s: the host's %#x holds %#x, not %#x", what, i, host.config[i],
                  config[i]);
    }
    cr_assert(host.actions == 0, "%s", what);
    assert_status(vpt_assign_check(&host.device), VPT_OK);
}

static void write(uint16_t offset, unsigned width, uint32_t value)
{
    composed_step();
    guest_write(offset, width, value);
}

/* The host is to hold a bit of its command register as the guest has it: bus mastering, but none outside D0. */
static void expect_master(void)
{
    bool asleep = boot->power != 0 && (guest_read(boot->power, 1) & 3) != 0;

    config[0x04] = (uint8_t)((config[0x04] & 0xfb) | (asleep ? 0 : guest_read(0x04, 1) & 0x4));
}

static void command(uint16_t value)
{
    write(0x04, 2, value);
    expect_master();
    cr_assert((guest_read(0x04, 2) & 0x7) == (value & 0x7));
}

static void walk(void)
{
    unsigned met = 0;
    uint16_t at = (guest_read(0x06, 2) & 0x10) != 0 ? (uint16_t)guest_read(0x34, 1) : 0;

    for (unsigned i = 0; i < STANDARD && at != 0; i++) {
        cr_assert(at >= 0x40 && at % 4 == 0);
        cr_assert(met < FOUND && boot->found[met].offset == at && boot->found[met].id == guest_read(at, 1), "%#x", at);
        met++;
        at = (uint16_t)guest_read((uint16_t)(at + 1), 1);
    }
    cr_assert(at == 0, "a list without an end");
    at = boot->composed->config_size > 256 ? 0x100 : 0;
    for (unsigned i = 0; i < EXTENDED && at != 0; i++) {
        uint32_t header = guest_read(at, 4);

        cr_assert(at >= 0x100 && at % 4 == 0);
        cr_assert(met < FOUND && boot->found[met].offset == at && boot->found[met].id == (header & 0xffff), "%#x", at);
        met++;
        at = (uint16_t)(header >> 20);
    }
    cr_assert(at == 0, "an extended list without an end");
    cr_assert(met == FOUND || boot->found[met].offset == 0, "%u capabilities", met);
}

/* What the hypervisor is told of them, hidden or not. */
static void list(void)
{
    struct vpt_assign_capability one;
    uint16_t number = 0;

    for (; number < COMPOSED_CAPABILITIES && boot->composed->capabilities[number].offset != 0; number++) {
        const struct composed_capability *expected = &boot->composed->capabilities[number];

        assert_status(vpt_assign_capability_at(&host.device, number, &one), VPT_OK);
        cr_assert(one.id == expected->id && one.offset == expected->offset, "%#x at %#x", one.id, one.offset);
        cr_assert(one.hidden == (expected->hidden || expected->too_short), "%#x at %#x", one.id, one.offset);
    }
    assert_status(vpt_assign_capability_at(&host.device, number, &one), VPT_EMPTY);
}

static void read_first(void)
{
    for (unsigned i = 0; i < COUNT_OF(boot->first) && boot->first[i].width != 0; i++) {
        const struct value *first = &boot->first[i];
        uint32_t value = guest_read(first->offset, first->width);

        cr_assert(value == first->value, "%#x reads %#x, not %#x", first->offset, value, first->value);
    }
}

/* All-ones, and back; then 0, and back. */
static void size(void)
{
    for (unsigned i = 0; i < COMPOSED_BARS; i++) {
        uint16_t offset = composed_bar_offset(i);
        uint32_t before = guest_read(offset, 4);
        uint32_t sized;

        write(offset, 4, i == ROM ? 0xfffff800 : 0xffffffff);
        sized = guest_read(offset, 4);
        cr_assert(sized == boot->sized[i], "BAR %u reads %#x, not %#x", i, sized, boot->sized[i]);
        write(offset, 4, before);
        cr_assert(guest_read(offset, 4) == before);
    }
}

static void place(void)
{
    for (unsigned i = 0; i < PLACES && boot->places[i].width != 0; i++) {
        write(boot->places[i].offset, boot->places[i].width, boot->places[i].value);
        check("placed without decoding");
    }
}

/* The guest has these of one BAR, and of the others what it had. */
static void expect(unsigned bar, const struct vpt_assign_region regions[3])
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        if (now[i].bar != bar) {
            now[kept++] = now[i];
        }
    }
    count = kept;
    for (unsigned i = 0; i < 3 && regions[i].size != 0; i++) {
        now[count++] = regions[i];
    }
}

static void map_all(void)
{
    for (count = 0; count < PIECES && boot->map[count].size != 0; count++) {
        now[count] = boot->map[count];
    }
}

static void move_all(void)
{
    for (unsigned i = 0; i < MOVES && boot->moves[i].offset != 0; i++) {
        const struct move *move = &boot->moves[i];

        write(move->offset, 4, move->value);
        expect(move->bar, move->now);
        check("moved");
    }
}

static void do_deeds(void)
{
    for (unsigned i = 0; i < DEEDS && boot->deeds[i].width != 0; i++) {
        const struct deed *deed = &boot->deeds[i];
        uint32_t value;

        write(deed->offset, deed->width, deed->value);
        value = guest_read(deed->offset, deed->width);
        cr_assert(value == deed->reads, "%#x reads %#x, not %#x", deed->offset, value, deed->reads);
        for (unsigned byte = 0; byte < 4; byte++) {
            config[deed->offset / 4 * 4 + byte] = (uint8_t)(deed->host >> 8 * byte);
        }
        check("a deed");
    }
}

/* The ROM is decoded by its own bit too. */
static void show_rom(void)
{
    const struct vpt_pci_bar *bar = &boot->composed->bars.bar[ROM];
    uint32_t address = guest_read(0x30, 4) & ~1u;
    struct vpt_assign_region rom[3] = { { .size = 0 } };

    if (bar->size == 0) {
        return;
    }
    write(0x30, 4, address);
    expect(ROM, rom);
    check("the ROM is hidden");
    rom[0] = (struct vpt_assign_region){ address, bar->address, bar->size, MEMORY, ROM, bar->size < 0x1000 };
    write(0x30, 4, address | 1);
    expect(ROM, rom);
    check("the ROM is shown");
    cr_assert(guest_read(0x30, 4) == (address | 1));
}

/* Outside D0 nothing is mapped and the host's function is no bus master, and configuration works. */
static void sleep_and_wake(void)
{
    unsigned awake = count;
    uint32_t address = guest_read(0x10, 4);
    uint32_t others = boot->power != 0 ? guest_read(boot->power, 2) : 0;

    if (boot->power == 0) {
        return;
    }
    write(boot->power, 2, 0x8103);
    cr_assert(guest_read(boot->power, 2) == (others | 3));
    expect_master();
    cr_assert((config[0x04] & 0x4) == 0 && (guest_read(0x04, 1) & 0x4) != 0);
    count = 0;
    check("in D3hot");
    cr_assert(guest_read(0x10, 4) == address);
    command(0x4);
    command(0x7);
    check("in D3hot, with decoding turned on");
    write(boot->power, 1, 0);
    expect_master();
    cr_assert((config[0x04] & 0x4) != 0);
    count = awake;
    check("in D0");
}

/* What a guest reads of everything. */
static void read_all(uint32_t values[HOST_SIZE / 4])
{
    for (uint16_t at = 0; at < boot->composed->config_size; at = (uint16_t)(at + 4)) {
        values[at / 4] = guest_read(at, 4);
    }
}

static void begin(const struct boot *which)
{
    boot = which;
    count = 0;
    composed_start(which->composed);
    memcpy(config, host.config, sizeof(config));
    composed_open();
    check("opened");
    cr_assert(host.device.capabilities_broken == which->composed->broken);
    cr_assert(host.device.type == 0);
    assert_status(composed_acquire(0), VPT_OK);
}

/* The release puts back what this guest wrote at the host, but for errors that it has cleared. */
static void end(void)
{
    uint8_t before[HOST_SIZE];

    memcpy(before, config, sizeof(before));
    for (unsigned i = 0; i < boot->composed->register_count; i++) {
        const struct composed_register *row = &boot->composed->registers[i];

        for (unsigned byte = 0; byte < 4; byte++) {
            uint8_t clear = (uint8_t)(row->clear >> 8 * byte);

            config[row->offset + byte] =
                (uint8_t)((before[row->offset + byte] & clear) | ((uint8_t)(row->host >> 8 * byte) & ~clear));
        }
    }
    composed_step();
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    count = 0;
    check("released");
}

static void play(const struct boot *which)
{
    static uint32_t first[HOST_SIZE / 4];
    static uint32_t again[HOST_SIZE / 4];
    unsigned calls;

    begin(which);
    list();
    read_all(first);
    read_first();
    walk();
    size();
    place();
    cr_assert(desk.calls == 0, "hooks are called though nothing is decoded");
    command(0x7);
    map_all();
    check("decoding");
    calls = desk.calls;
    command(0x7);
    cr_assert(desk.calls == calls, "the same once more changes nothing");
    size();
    check("sized with decoding on");
    do_deeds();
    show_rom();
    move_all();
    show_rom();
    sleep_and_wake();
    end();
    assert_status(composed_acquire(UINT64_MAX), VPT_OK);
    read_all(again);
    for (unsigned i = 0; i < which->composed->config_size / 4u; i++) {
        uint32_t clear = 0;

        for (unsigned byte = 0; byte < 4; byte++) {
            clear |= (uint32_t)host.clear[4 * i + byte] << 8 * byte;
        }
        cr_assert(((first[i] ^ again[i]) & ~clear) == 0, "%#x reads %#x for the next one, not %#x", 4 * i, again[i],
                  first[i]);
    }
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(vpt_assign_close(&host.device), VPT_OK);
}

/* Firmware, or who had it before, may have left it on. */
Test(assign_composed, bus_mastering_is_off_when_it_changes_hands)
{
    composed_start(&composed_nic);
    host.config[0x04] |= 0x04;
    composed_open();
    cr_assert((host.config[0x04] & 0x04) != 0, "whose it is says nothing of that");
    assert_status(composed_acquire(1), VPT_OK);
    cr_assert((host.config[0x04] & 0x07) == 0x03 && (guest_read(0x04, 2) & 0x4) == 0);
    write(0x04, 2, 0x4);
    cr_assert((host.config[0x04] & 0x07) == 0x07 && (guest_read(0x04, 2) & 0x4) != 0);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    cr_assert((host.config[0x04] & 0x07) == 0x03);
}

static const struct boot *const boots[] = {
    &nic, &gpu, &legacy, &virtual, &loops, &selves, &astray, &nothing, &crowded,
};

COMPOSED_TEST(assign_composed, a_guest_boots_and_uses_it)
{
    play(boots[variant->which]);
}
