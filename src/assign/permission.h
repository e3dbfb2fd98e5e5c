/* SPDX-License-Identifier: MIT */
/* What a guest may do with each bit of a configuration space: constant tables. */
#ifndef VPT_SRC_ASSIGN_PERMISSION_H
#define VPT_SRC_ASSIGN_PERMISSION_H

#include <vpt/assign.h>

/*
 * What holds for the eight bits of a byte. A bit that is not virtual is read from the host, and written there where it
 * is writable; a virtual one is in the shadow for both.
 */
struct vpt_assign_row {
    uint8_t is_virtual;
    uint8_t writable;
    /*
     * The host's bit does something when a 1 is written (clears itself, mostly): never carried along. Or a virtual one
     * that changes by itself.
     */
    uint8_t acts;
    uint8_t keep;   /* virtual bits that a guest first finds as the host's were at the open; the others are 0 */
    uint8_t effect; /* bits 1 << EFFECT_*: what has to be done about a write */
};

#define EFFECT_ADJUST     0u /* not every value is taken as it is */
#define EFFECT_MAPPINGS   1u /* they follow these bits */
#define EFFECT_INTERRUPTS 2u /* likewise */
#define EFFECT_RESET      3u /* a virtual bit that acts resets the function */
#define EFFECT_MASTER     4u /* the host's bus mastering follows these bits */

enum vpt_assign_row_index {
    ROW_READ_ONLY,
    ROW_HIDDEN,
    ROW_FIXED, /* as it was at the open */
    ROW_VIRTUAL,
    ROW_RAW,
    ROW_CLEAR, /* raw, write 1 to clear */
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
    ROW_PCIE_READ_REQUEST_RESET, /* and its function level reset bit */
    ROW_PCIE_STATUS,
    ROW_PCIE_LINK_STATUS,
    ROW_PCIE_TIMEOUT,
    ROW_AF_CAPABLE,
    ROW_AF_CONTROL,
    ROW_VPD_FLAG,
    ROW_EXTENDED_VERSION,
    ROW_COUNT
};

/* As many as the number of a row can name, so that any number names one. */
#define ASSIGN_ROWS 32u

extern const struct vpt_assign_row vpt_assign_rows[ASSIGN_ROWS];

/*
 * Each byte of the space has one byte of device->classes, with two fields: the number of the byte's row, and marks. The
 * functions below read and write one field.
 */
#define MARK_CAPABILITY 0x20u /* a capability begins here */
#define MARK_SHOW       0x40u /* and the caller wants it shown, */
#define MARK_HIDE       0x80u /* or hidden */

/* On a byte that no capability begins with: a reset takes away what it held at the open, and the library restores it. */
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

/* A kind of capability that the tables know; 0: any other, which is read-only. */
#define ASSIGN_EXTENDED_CODE     0x80u
#define ASSIGN_CODE(id)          ((uint8_t)(id))
#define ASSIGN_CODE_EXTENDED(id) ((uint8_t)(ASSIGN_EXTENDED_CODE | (id)))

/*
 * Codes above those of all capabilities that are known: the configuration header, the header of a capability, and parts
 * of capabilities that not each of a kind has.
 */
#define ASSIGN_PARTS               0x60u
#define ASSIGN_PART_HEADER         0x60u
#define ASSIGN_PART_STANDARD       0x61u
#define ASSIGN_PART_EXTENDED       0x62u
#define ASSIGN_PART_MSI_MASKS      0x63u /* of one with addresses of 32 bits */
#define ASSIGN_PART_EXPRESS_2      0x64u
#define ASSIGN_PART_EXPRESS_RESET  0x65u
#define ASSIGN_PART_ADVANCED_RESET 0x66u

/* Of an id in one of the two lists. */
static inline unsigned vpt_assign_code(unsigned id, bool extended)
{
    return id >= ASSIGN_PARTS ? 0 : extended ? id | ASSIGN_EXTENDED_CODE : id;
}

#define ASSIGN_CAPABILITY_PM   0x01u
#define ASSIGN_CAPABILITY_VPD  0x03u
#define ASSIGN_CAPABILITY_PCIE 0x10u
#define ASSIGN_CAPABILITY_AF   0x13u
#define ASSIGN_CAPABILITY_EA   0x14u

/* `count` bytes from `at` on in what `code` names have a row. */
struct vpt_assign_run {
    uint8_t code;
    uint8_t at;
    uint8_t count;
    uint8_t row : 5;
    uint8_t restored : 1; /* MARK_RESTORED */
};

#define ASSIGN_RUNS 60u

extern const struct vpt_assign_run vpt_assign_runs[ASSIGN_RUNS];

/* What is known of a kind beside its bytes. */
struct vpt_assign_kind {
    uint8_t code;
    uint8_t minimum; /* bytes; a capability that has fewer before the next one or the end is hidden */
    uint8_t flags;   /* KIND_* */
};

#define KIND_HIDDEN 0x80u /* unless the caller shows it */
#define KIND_ONCE   0x1fu /* not 0, another bit for each kind: guests see one of them */

/* That of any other kind too, for which nothing holds. */
const struct vpt_assign_kind *vpt_assign_kind_of(unsigned code);

#endif
