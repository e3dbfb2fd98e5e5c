/* SPDX-License-Identifier: MIT */
/* A simulated device seen through virtio-pci's legacy interface (VirtIO 1.4, section 4.1.4.10): a header in BAR 0. */
#ifndef VPT_TESTS_MOCK_PCI_LEGACY_H
#define VPT_TESTS_MOCK_PCI_LEGACY_H

#include "mock_pci_front.h"

#define MOCK_PCI_LEGACY_SIZE 128u /* bytes of BAR 0, usually */

struct mock_pci_legacy {
    struct mock_pci_front *front;
    /* Like QEMU: a Queue Address of 0 resets the whole device. */
    bool zero_resets;
};

/* Declares BAR 0, an I/O or a memory one, which firmware has put at `address`; 0: it has not. */
void mock_pci_legacy_init(struct mock_pci_legacy *legacy, struct mock_pci_front *front,
                          struct mock_pci_function *function, uint64_t size, bool io, uint32_t address);

#endif
