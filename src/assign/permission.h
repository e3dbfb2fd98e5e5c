/* SPDX-License-Identifier: MIT */
/* What a guest may do with each bit of a configuration space: constant tables. */
#ifndef VPT_SRC_ASSIGN_PERMISSION_H
#define VPT_SRC_ASSIGN_PERMISSION_H

#include <vpt/assign.h>

/*
 * What holds for the eight bits of a byte. A bit that is not virtual is read from the host, and written there if it is
 * writable. A virtual bit is read and written in the shadow.
 */
struct vpt_assign_row {
    uint8_t is_virtual;
    uint8_t writable;
    /*
     * Bits of the host that do something when a 1 is written (most of them clear themselves): they are never written
     * back. Also virtual bits that change by themselves.
     */
    uint8_t acts;
    uint8_t keep;   /* virtual bits that begin as the host's at the open; the others begin as 0 */
    uint8_t effect; /* bits 1 << EFFECT_*: what a write leads to */
};

#define EFFECT_ADJUST     0u /* not every value is allowed */
#define EFFECT_MAPPINGS   1u /* mappings follow these bits */
#define EFFECT_INTERRUPTS 2u /* interrupts follow these bits */
#define EFFECT_RESET      3u /* a virtual bit in `acts` resets the function */
#define EFFECT_MASTER     4u /* the host's bus mastering follows these bits */

enum vpt_assign_row_index {
    ROW_READ_ONLY,
    ROW_HIDDEN,
    ROW_FIXED, /* as it was at the open */
    ROW_VIRTUAL,
    ROW_RAW,
    ROW_CLEAR, /* as ROW_RAW, but a written 1 clears the bit */
    ROW_COMMAND_LOW,
    ROW_COMMAND_HIGH,
    ROW_STATUS_LOW,
    ROW_STATUS_HIGH,
    ROW_BAR,
    ROW_PM_CAPABLE,
    ROW_PM_STATE,
    ROW_PM_STATUS,
    ROW_MSI_CONTROL,
    ROW_MSI_CONTROL_HIGH,
    ROW_MSI_MASK,
    ROW_MSI_PENDING,
    ROW_MESSAGE_ADDRESS,
    ROW_MSIX_CONTROL,
    ROW_PCIE_PHANTOM,
    ROW_PCIE_RESET,
    ROW_PCIE_PAYLOAD,
    ROW_PCIE_READ_REQUEST,
    ROW_PCIE_READ_REQUEST_RESET, /* with the bit that resets the function */
    ROW_PCIE_STATUS,
    ROW_PCIE_LINK_STATUS,
    ROW_PCIE_TIMEOUT,
    ROW_AF_CAPABLE,
    ROW_AF_CONTROL,
    ROW_VPD_FLAG,
    ROW_EXTENDED_VERSION,
    ROW_COUNT
};

/* The number of a row has five bits, so that any number names a row. */
#define ASSIGN_ROWS 32u

extern const struct vpt_assign_row vpt_assign_rows[ASSIGN_ROWS];

/*
 * For each byte of the space, device->classes has one byte with two fields: a row number, and marks. Only the functions
 * below know where in the byte these fields are.
 */
#define MARK_CAPABILITY 0x20u /* a capability begins here */
#define MARK_SHOW       0x40u /* the caller wants this capability shown */
#define MARK_HIDE       0x80u /* the caller wants this capability hidden */

/* On a byte that does not begin a capability: a reset takes away its value, and the library restores it. */
#define MARK_RESTORED (MARK_SHOW | MARK_HIDE)

#define MARKS (MARK_CAPABILITY | MARK_SHOW | MARK_HIDE)

static inline unsigned vpt_assign_row_number(const struct vpt_assign_device *device, unsigned offset)
{
    return device->classes[offset] & (ASSIGN_ROWS - 1u);
}

static inline const struct vpt_assign_row *vpt_assign_row_of(const struct vpt_assign_device *device, unsigned offset)
{
    return &vpt_assign_rows[vpt_assign_row_number(device, offset)];
}

static inline unsigned vpt_assign_marks(const struct vpt_assign_device *device, unsigned offset)
{
    return device->classes[offset] & MARKS;
}

static inline bool vpt_assign_is_capability(const struct vpt_assign_device *device, unsigned offset)
{
    return (device->classes[offset] & MARK_CAPABILITY) != 0;
}

static inline bool vpt_assign_is_restored(const struct vpt_assign_device *device, unsigned offset)
{
    return device->classes[offset] >= MARK_RESTORED;
}

static inline void vpt_assign_set_class(struct vpt_assign_device *device, unsigned offset, unsigned row, unsigned marks)
{
    device->classes[offset] = (uint8_t)(row | marks);
}

/* The code of a kind of capability that the tables know. 0: any other kind, which is read-only. */
#define ASSIGN_EXTENDED_CODE     0x80u
#define ASSIGN_CODE(id)          ((uint8_t)(id))
#define ASSIGN_CODE_EXTENDED(id) ((uint8_t)(ASSIGN_EXTENDED_CODE | (id)))

/*
 * Codes that no capability has: the configuration header, the header of a capability, and parts that only some
 * capabilities of a kind have.
 */
#define ASSIGN_PARTS               0x60u
#define ASSIGN_PART_HEADER         0x60u
#define ASSIGN_PART_STANDARD       0x61u
#define ASSIGN_PART_EXTENDED       0x62u
#define ASSIGN_PART_MSI_MASKS      0x63u /* offsets are for addresses of 32 bits */
#define ASSIGN_PART_EXPRESS_2      0x64u
#define ASSIGN_PART_EXPRESS_RESET  0x65u
#define ASSIGN_PART_ADVANCED_RESET 0x66u

/* The code of an id in the standard or the extended list. */
static inline unsigned vpt_assign_code(unsigned id, bool extended)
{
    return id >= ASSIGN_PARTS ? 0 : extended ? id | ASSIGN_EXTENDED_CODE : id;
}

#define ASSIGN_CAPABILITY_PM   0x01u
#define ASSIGN_CAPABILITY_VPD  0x03u
#define ASSIGN_CAPABILITY_PCIE 0x10u
#define ASSIGN_CAPABILITY_AF   0x13u
#define ASSIGN_CAPABILITY_EA   0x14u

/* In a capability or part with this code, the `count` bytes from offset `at` have this row. */
struct vpt_assign_run {
    uint8_t code;
    uint8_t at;
    uint8_t count;
    uint8_t row : 5;
    uint8_t restored : 1; /* MARK_RESTORED */
};

#define ASSIGN_RUNS 60u

extern const struct vpt_assign_run vpt_assign_runs[ASSIGN_RUNS];

/* What is known of a kind of capability apart from its bytes. */
struct vpt_assign_kind {
    uint8_t code;
    uint8_t minimum; /* bytes; a capability that has fewer is hidden */
    uint8_t flags;   /* KIND_* */
};

#define KIND_HIDDEN 0x80u /* unless the caller shows it */
#define KIND_ONCE   0x1fu /* not 0: a bit that this kind alone has; guests see only one capability of it */

/* Never NULL: an unknown code gets an entry without restrictions. */
const struct vpt_assign_kind *vpt_assign_kind_of(unsigned code);

#endif
