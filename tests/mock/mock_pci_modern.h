/* SPDX-License-Identifier: MIT */
/*
 * A simulated device seen through virtio-pci's modern interface (VirtIO 1.4, section 4.1.4): vendor
 * capabilities, broken ones among them if a test wants, the structures that they name, and the registers in them.
 */
#ifndef VPT_TESTS_MOCK_PCI_MODERN_H
#define VPT_TESTS_MOCK_PCI_MODERN_H

#include "mock_pci_front.h"

#define MOCK_PCI_LAYOUT_MAX 24u

/* One vendor capability. */
struct mock_pci_capability {
    uint8_t type; /* enum mock_pci_structure, or any other */
    uint8_t bar;
    uint8_t id;     /* of a shared memory region */
    uint8_t length; /* cap_len and the bytes that are there; 0: what the type has */
    bool unusable;  /* no driver may use what it names: touching that is a violation */
    uint64_t offset;
    uint64_t size;       /* of the structure: the capability's `length` field */
    uint32_t multiplier; /* MOCK_PCI_NOTIFY */
};

/* Where a BAR is; size 0: it is not implemented. Address 0: not assigned. */
struct mock_pci_place {
    uint64_t size;
    uint64_t address;
    bool io;
    bool is_64bit;
};

struct mock_pci_layout {
    struct mock_pci_place bar[6];
    unsigned count;
    struct mock_pci_capability capability[MOCK_PCI_LAYOUT_MAX]; /* in the order of the list */
};

/* As QEMU does it: all in BAR 4, above 4 GiB, listed in the order 5, 2, 4, 3, 1. */
extern const struct mock_pci_layout mock_pci_usual_layout;

struct mock_pci_modern;

struct mock_pci_modern_bar {
    struct mock_pci_modern *modern;
    unsigned number;
};

struct mock_pci_modern {
    struct mock_pci_front *front;
    struct mock_pci_layout layout;
    uint16_t capability[MOCK_PCI_LAYOUT_MAX]; /* offsets in configuration space */

    /* To be told, at any time before the driver sees it. */
    uint16_t notify_offset[MOCK_QUEUES_MAX]; /* queue_notify_off; initially the index */
    uint16_t notify_data[MOCK_QUEUES_MAX];   /* queue_notif_config_data; initially something else than the index */

    /* Private. */
    struct mock_pci_modern_bar bars[6];
};

/* Declares the layout's BARs, which firmware has assigned, and appends its capabilities. */
void mock_pci_modern_init(struct mock_pci_modern *modern, struct mock_pci_front *front,
                          struct mock_pci_function *function, const struct mock_pci_layout *layout);

#endif
