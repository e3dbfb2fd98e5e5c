/* SPDX-License-Identifier: MIT */
#include "../access.h"
#include "permission.h"

#include <vpt/pci.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

VPT_STATIC_ASSERT(ROW_COUNT <= ASSIGN_ROWS, "the number of a row has five bits");

/* The effects of bits that decide what reaches the function, and what the function reaches. */
#define POWER_EFFECTS (1u << EFFECT_MAPPINGS | 1u << EFFECT_INTERRUPTS | 1u << EFFECT_MASTER)

/* The columns: is_virtual, writable, acts, keep, effect. */
const struct vpt_assign_row vpt_assign_rows[ASSIGN_ROWS] = {
    [ROW_READ_ONLY] = { 0x00, 0x00, 0x00, 0x00, 0 },
    [ROW_HIDDEN] = { 0xff, 0x00, 0x00, 0x00, 0 },
    [ROW_FIXED] = { 0xff, 0x00, 0x00, 0xff, 0 },
    [ROW_VIRTUAL] = { 0xff, 0xff, 0x00, 0x00, 0 },
    [ROW_RAW] = { 0x00, 0xff, 0x00, 0x00, 0 },
    [ROW_CLEAR] = { 0x00, 0xff, 0xff, 0x00, 0 },
    [ROW_COMMAND_LOW] = { 0x57, 0x57, 0x00, 0x00, POWER_EFFECTS },
    [ROW_COMMAND_HIGH] = { 0x05, 0x05, 0x00, 0x00, 1u << EFFECT_INTERRUPTS },
    [ROW_STATUS_LOW] = { 0x10, 0x00, 0x00, 0x00, 0 },
    [ROW_STATUS_HIGH] = { 0x00, 0x00, 0xf9, 0x00, 0 },
    [ROW_BAR] = { 0xff, 0xff, 0x00, 0x00, 1u << EFFECT_MAPPINGS },
    [ROW_PM_CAPABLE] = { 0xff, 0x00, 0x00, 0x07, 0 },
    [ROW_PM_STATE] = { 0x0b, 0x03, 0x00, 0x00, 1u << EFFECT_ADJUST | POWER_EFFECTS },
    [ROW_PM_STATUS] = { 0x81, 0x00, 0x80, 0x00, 0 },
    [ROW_MSI_CONTROL] = { 0xff, 0x71, 0x00, 0x8e, 1u << EFFECT_ADJUST | 1u << EFFECT_INTERRUPTS },
    [ROW_MSI_CONTROL_HIGH] = { 0xff, 0x00, 0x00, 0x01, 0 },
    [ROW_MSI_MASK] = { 0xff, 0xff, 0x00, 0x00, 1u << EFFECT_ADJUST | 1u << EFFECT_INTERRUPTS },
    [ROW_MSI_PENDING] = { 0xff, 0x00, 0xff, 0x00, 0 }, /* the device changes them */
    [ROW_MESSAGE_ADDRESS] = { 0xff, 0xfc, 0x00, 0x00, 0 },
    [ROW_MSIX_CONTROL] = { 0xff, 0xc0, 0x00, 0x3f, 1u << EFFECT_INTERRUPTS },
    [ROW_PCIE_PHANTOM] = { 0xff, 0x00, 0x00, 0xe7, 0 },
    [ROW_PCIE_RESET] = { 0x10, 0x00, 0x00, 0x00, 0 },
    [ROW_PCIE_PAYLOAD] = { 0xef, 0xff, 0x00, 0xe0, 1u << EFFECT_ADJUST },
    [ROW_PCIE_READ_REQUEST] = { 0x82, 0x70, 0x80, 0x00, 1u << EFFECT_ADJUST },
    [ROW_PCIE_READ_REQUEST_RESET] = { 0x82, 0x70, 0x80, 0x00, 1u << EFFECT_ADJUST | 1u << EFFECT_RESET },
    [ROW_PCIE_STATUS] = { 0x00, 0x00, 0x4f, 0x00, 0 },
    [ROW_PCIE_LINK_STATUS] = { 0x00, 0x00, 0xe0, 0x00, 0 },
    [ROW_PCIE_TIMEOUT] = { 0x00, 0x1f, 0x00, 0x00, 0 },
    [ROW_AF_CAPABLE] = { 0xff, 0x00, 0x00, 0xfd, 0 },
    [ROW_AF_CONTROL] = { 0xff, 0x00, 0x01, 0x00, 1u << EFFECT_RESET },
    [ROW_VPD_FLAG] = { 0x00, 0x7f, 0x80, 0x00, 0 },
    [ROW_EXTENDED_VERSION] = { 0xff, 0x00, 0x00, 0x0f, 0 },
};

/* The columns: code, at, count, row, restored. Bytes that no run names are read-only. */
const struct vpt_assign_run vpt_assign_runs[ASSIGN_RUNS] = {
    { ASSIGN_PART_HEADER, 0x00, 4, ROW_FIXED, false }, /* vendor and device id */
    { ASSIGN_PART_HEADER, 0x04, 1, ROW_COMMAND_LOW, false },
    { ASSIGN_PART_HEADER, 0x05, 1, ROW_COMMAND_HIGH, false },
    { ASSIGN_PART_HEADER, 0x06, 1, ROW_STATUS_LOW, false },
    { ASSIGN_PART_HEADER, 0x07, 1, ROW_STATUS_HIGH, false },
    { ASSIGN_PART_HEADER, 0x08, 4, ROW_FIXED, false },  /* revision and class */
    { ASSIGN_PART_HEADER, 0x0c, 2, ROW_VIRTUAL, true }, /* cache line size, latency timer */
    { ASSIGN_PART_HEADER, 0x0e, 1, ROW_FIXED, false },  /* header type */
    { ASSIGN_PART_HEADER, 0x0f, 1, ROW_HIDDEN, false }, /* built-in self test */
    { ASSIGN_PART_HEADER, 0x10, 24, ROW_BAR, true },
    { ASSIGN_PART_HEADER, 0x28, 8, ROW_FIXED, false },  /* CardBus CIS, subsystem ids */
    { ASSIGN_PART_HEADER, 0x30, 4, ROW_BAR, true },     /* ROM */
    { ASSIGN_PART_HEADER, 0x34, 1, ROW_HIDDEN, false }, /* the pointer to the first capability, composed */
    { ASSIGN_PART_HEADER, 0x3c, 1, ROW_VIRTUAL, true }, /* interrupt line */
    { ASSIGN_PART_HEADER, 0x3d, 3, ROW_FIXED, false },  /* interrupt pin, minimum grant, maximum latency */

    /* The id of a capability. The pointer to the next one is 0 until it is composed. */
    { ASSIGN_PART_STANDARD, 0, 1, ROW_FIXED, false },
    { ASSIGN_PART_STANDARD, 1, 1, ROW_HIDDEN, false },
    { ASSIGN_PART_EXTENDED, 0, 2, ROW_FIXED, false },
    { ASSIGN_PART_EXTENDED, 2, 1, ROW_EXTENDED_VERSION, false },
    { ASSIGN_PART_EXTENDED, 3, 1, ROW_HIDDEN, false },

    { ASSIGN_CODE(ASSIGN_CAPABILITY_PM), 2, 1, ROW_FIXED, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PM), 3, 1, ROW_PM_CAPABLE, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PM), 4, 1, ROW_PM_STATE, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PM), 5, 1, ROW_PM_STATUS, false },

    { ASSIGN_CODE(ASSIGN_CAPABILITY_VPD), 2, 1, ROW_RAW, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_VPD), 3, 1, ROW_VPD_FLAG, false },

    { ASSIGN_CODE(VPT_PCI_CAPABILITY_VENDOR), 2, 1, ROW_FIXED, false }, /* its length */

    /* What comes after the data of MSI depends on its control register. */
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI), 2, 1, ROW_MSI_CONTROL, false },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI), 3, 1, ROW_MSI_CONTROL_HIGH, false },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI), 4, 1, ROW_MESSAGE_ADDRESS, false },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI), 5, 3, ROW_VIRTUAL, false },
    { ASSIGN_PART_MSI_MASKS, 10, 2, ROW_HIDDEN, false },
    { ASSIGN_PART_MSI_MASKS, 12, 4, ROW_MSI_MASK, false },
    { ASSIGN_PART_MSI_MASKS, 16, 4, ROW_MSI_PENDING, false },

    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX), 2, 1, ROW_FIXED, false },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX), 3, 1, ROW_MSIX_CONTROL, false },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX), 4, 8, ROW_FIXED, false }, /* where the table and the pending bits are */

    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x02, 4, ROW_FIXED, false }, /* PCI Express and device capabilities */
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x04, 1, ROW_PCIE_PHANTOM, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x07, 1, ROW_PCIE_RESET, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x08, 1, ROW_PCIE_PAYLOAD, true },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x09, 1, ROW_PCIE_READ_REQUEST, true },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x0a, 1, ROW_PCIE_STATUS, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x10, 2, ROW_READ_ONLY, true }, /* link control */
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 0x13, 1, ROW_PCIE_LINK_STATUS, false },
    { ASSIGN_PART_EXPRESS_2, 0x24, 4, ROW_FIXED, false }, /* device capabilities 2 */
    { ASSIGN_PART_EXPRESS_2, 0x28, 1, ROW_PCIE_TIMEOUT, true },
    { ASSIGN_PART_EXPRESS_2, 0x29, 1, ROW_READ_ONLY, true },
    { ASSIGN_PART_EXPRESS_2, 0x32, 1, ROW_PCIE_LINK_STATUS, false },
    { ASSIGN_PART_EXPRESS_RESET, 0x07, 1, ROW_READ_ONLY, false },
    { ASSIGN_PART_EXPRESS_RESET, 0x09, 1, ROW_PCIE_READ_REQUEST_RESET, false },

    { ASSIGN_CODE(ASSIGN_CAPABILITY_AF), 3, 1, ROW_AF_CAPABLE, false },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_AF), 4, 1, ROW_HIDDEN, false },
    { ASSIGN_PART_ADVANCED_RESET, 3, 1, ROW_FIXED, false },
    { ASSIGN_PART_ADVANCED_RESET, 4, 1, ROW_AF_CONTROL, false },

    /* Advanced error reporting: status, mask and severity. Its control register is the host's. */
    { ASSIGN_CODE_EXTENDED(0x01u), 0x04, 4, ROW_CLEAR, false },
    { ASSIGN_CODE_EXTENDED(0x01u), 0x08, 8, ROW_RAW, false },
    { ASSIGN_CODE_EXTENDED(0x01u), 0x10, 4, ROW_CLEAR, false },
    { ASSIGN_CODE_EXTENDED(0x01u), 0x14, 4, ROW_RAW, false },

    /* Power budgeting: selects the entry that its data register shows. */
    { ASSIGN_CODE_EXTENDED(0x04u), 4, 1, ROW_RAW, false },
};

/* The last entry stands for all other kinds. */
static const struct vpt_assign_kind kinds[] = {
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PM), 8, 0x01 },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_VPD), 8, 0 },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSI), 10, 0x02 }, /* or more, depending on its control register */
    { ASSIGN_CODE(ASSIGN_CAPABILITY_PCIE), 12, 0x04 },
    { ASSIGN_CODE(VPT_PCI_CAPABILITY_MSIX), 12, 0x08 },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_AF), 6, 0x10 },
    { ASSIGN_CODE(ASSIGN_CAPABILITY_EA), 0, KIND_HIDDEN }, /* enhanced allocation: addresses beside BARs */
    { ASSIGN_CODE_EXTENDED(0x01u), 0x2c, 0 },
    { ASSIGN_CODE_EXTENDED(0x04u), 16, 0 },
    { ASSIGN_CODE_EXTENDED(0x0eu), 0, KIND_HIDDEN }, /* ARI */
    { ASSIGN_CODE_EXTENDED(0x0fu), 0, KIND_HIDDEN }, /* ATS */
    { ASSIGN_CODE_EXTENDED(0x10u), 0, KIND_HIDDEN }, /* SR-IOV */
    { ASSIGN_CODE_EXTENDED(0x13u), 0, KIND_HIDDEN }, /* page requests */
    { ASSIGN_CODE_EXTENDED(0x15u), 0, KIND_HIDDEN }, /* resizable BARs */
    { ASSIGN_CODE_EXTENDED(0x1bu), 0, KIND_HIDDEN }, /* PASID */
    { ASSIGN_CODE_EXTENDED(0x24u), 0, KIND_HIDDEN }, /* resizable BARs of virtual functions */
    { 0, 0, 0 },
};

const struct vpt_assign_kind *vpt_assign_kind_of(unsigned code)
{
    unsigned i = 0;

    while (i < COUNT_OF(kinds) - 1u && kinds[i].code != code) {
        i++;
    }
    return &kinds[i];
}
