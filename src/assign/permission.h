/* SPDX-License-Identifier: MIT */
/* What a guest may do with each bit of a configuration space: constant tables. */
#ifndef VPT_SRC_ASSIGN_PERMISSION_H
#define VPT_SRC_ASSIGN_PERMISSION_H

#include <vpt/types.h>

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

/* A class byte: the row, and on the first byte of a capability what has been found out and said about it. */
#define ASSIGN_CLASS_ROW  0x1fu
#define ASSIGN_CLASS_HEAD 0x20u /* a capability begins here */
#define ASSIGN_CLASS_SHOW 0x40u /* the caller wants it shown */
#define ASSIGN_CLASS_HIDE 0x80u /* or hidden */

/* Both, on any other byte: a reset takes it away, and it gets back all that it held at the open, whatever its row. */
#define ASSIGN_CLASS_RESTORED (ASSIGN_CLASS_SHOW | ASSIGN_CLASS_HIDE)

/* As many as a class byte can name, so that any class names one. */
extern const struct vpt_assign_row vpt_assign_rows[ASSIGN_CLASS_ROW + 1u];

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
    uint8_t row; /* and ASSIGN_CLASS_RESTORED, or not */
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
