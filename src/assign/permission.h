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
    uint8_t acts; /* the host's bit does something when a 1 is written (clears itself, mostly): never carried along */
    uint8_t keep; /* virtual bits that a guest first finds as the host's were at the open; the others are 0 */
    uint8_t effect; /* EFFECT_*: what has to be done about a write */
};

#define EFFECT_ADJUST     0x1u /* not every value is taken as it is */
#define EFFECT_MAPPINGS   0x2u /* they follow these bits */
#define EFFECT_INTERRUPTS 0x4u /* likewise */
#define EFFECT_RESET      0x8u /* a virtual bit that acts resets the function */

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
    ROW_PCIE_LINK_STATUS_2,
    ROW_AF_CAPABLE,
    ROW_AF_CONTROL,
    ROW_VPD_FLAG,
    ROW_COUNT
};

/* A class byte: the row, and on the first byte of a capability what has been found out and said about it. */
#define ASSIGN_CLASS_ROW  0x1fu
#define ASSIGN_CLASS_HEAD 0x20u /* a capability begins here */
#define ASSIGN_CLASS_SHOW 0x40u /* the caller wants it shown */
#define ASSIGN_CLASS_HIDE 0x80u /* or hidden */

/* As many as a class byte can name, so that any class names one. */
extern const struct vpt_assign_row vpt_assign_rows[ASSIGN_CLASS_ROW + 1u];

/* A kind of capability that the tables know; 0: any other, which is read-only. */
#define ASSIGN_EXTENDED_CODE 0x80u
#define ASSIGN_HEADER_CODE   0x7fu
#define ASSIGN_CODE(id)          ((uint8_t)(id))
#define ASSIGN_CODE_EXTENDED(id) ((uint8_t)(ASSIGN_EXTENDED_CODE | (id)))

uint8_t vpt_assign_code(uint16_t id, bool extended);

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
    uint8_t row;
};

extern const struct vpt_assign_run vpt_assign_runs[];
extern const size_t vpt_assign_run_count;

/* What is known of a kind beside its bytes. */
struct vpt_assign_kind {
    uint8_t code;
    uint8_t minimum; /* bytes; a capability that has fewer before the next one or the end is hidden */
    bool hidden;     /* unless the caller shows it */
};

/* That of any other kind too: its header alone. */
struct vpt_assign_kind vpt_assign_kind_of(uint8_t code, bool extended);

#endif
