/* SPDX-License-Identifier: MIT */
/*
 * What both interfaces of virtio-pci have in common (VirtIO 1.4, section 4.1): the function, interrupts, the ISR
 * status, and which interface drives the device. The registers are in mock_pci_modern.c and mock_pci_legacy.c.
 */
#ifndef VPT_TESTS_MOCK_PCI_FRONT_H
#define VPT_TESTS_MOCK_PCI_FRONT_H

#include "mock_device.h"
#include "mock_pci_bus.h"

#define MOCK_PCI_NO_VECTOR 0xffffu
#define MOCK_PCI_ACCESSES  8192u /* accesses remembered: the first ones */

/* Structures by their cfg_type, and the legacy header, which has none. */
enum mock_pci_structure {
    MOCK_PCI_COMMON = 1,
    MOCK_PCI_NOTIFY = 2,
    MOCK_PCI_ISR = 3,
    MOCK_PCI_DEVICE = 4,
    MOCK_PCI_ACCESS = 5,
    MOCK_PCI_SHARED_MEMORY = 8,
    MOCK_PCI_HEADER = 0x100
};

/* A register access. */
struct mock_pci_access {
    uint64_t sequence; /* bus->sequence then */
    enum mock_pci_structure structure;
    unsigned capability; /* which one of the layout, from 0 on; 0 for the legacy header */
    bool write;
    unsigned width;
    uint32_t offset; /* within the structure */
    uint32_t value;
};

struct mock_pci_vector {
    uint16_t vector;
    bool unread; /* assigned, and not yet read back (PCI-MSIX-5) */
};

/* One of a function's interfaces. */
struct mock_pci_interface {
    bool present;
    struct vpt_features offered;
    struct vpt_features known; /* generic bits that it may negotiate */
};

/* What the driver has written to the interface's registers since the reset. */
struct mock_pci_set_up {
    uint32_t device_features_select;
    uint32_t driver_features_select;
    bool device_features_selected;
    bool driver_features_selected;
    uint16_t queue_select;
    uint32_t size[MOCK_QUEUES_MAX]; /* modern: queue_size; 0: not yet */
    uint32_t page[MOCK_QUEUES_MAX]; /* legacy: Queue Address */
};

struct mock_pci_front {
    struct mock_device *device;
    struct mock_pci_function *function;
    struct mock_pci_interface interface[2]; /* modern, legacy */

    /* What happened so far; a test may set the count to 0. */
    unsigned access_count;
    struct mock_pci_access accesses[MOCK_PCI_ACCESSES];

    /* Private. */
    struct mock_pci_set_up set;
    unsigned wanted; /* the interface that asked for the last reset */
    struct mock_pci_vector configuration;
    struct mock_pci_vector queue[MOCK_QUEUES_MAX];
    uint16_t command; /* as it was before the last write */
    bool msix_on;
};

/* Makes `function`, with its BARs and capabilities, the one of `device`. Comes before the backend's configuration. */
void mock_pci_front_init(struct mock_pci_front *front, struct mock_device *device, struct mock_pci_function *function);

/* The function has this interface. */
void mock_pci_front_offer(struct mock_pci_front *front, unsigned interface, struct vpt_features offered);

/* After the interfaces are there: the state before the first reset. */
void mock_pci_front_start(struct mock_pci_front *front);

/* Firmware at work: the command register, without a rule. */
void mock_pci_front_command(struct mock_pci_front *front, uint16_t value);

/* The device back after MOCK_FAULT_VANISH. */
void mock_pci_front_return(struct mock_pci_front *front);

/* ---- For the two front ends ---- */

#define MOCK_PCI_MODERN 0u
#define MOCK_PCI_LEGACY 1u

/* Counts a register access and logs it, a read's value to be filled in; NULL: the device is gone. */
struct mock_pci_access *mock_pci_front_access(struct mock_pci_front *front, enum mock_pci_structure structure,
                                              unsigned capability, bool write, unsigned width, uint32_t offset,
                                              uint32_t value);

/* Whether the device is driven by this interface; a violation if it is by the other one. */
bool mock_pci_front_drives(struct mock_pci_front *front, unsigned interface, const char *what);

void mock_pci_front_status(struct mock_pci_front *front, unsigned interface, uint32_t value);

/* The ISR status: a read clears it and takes the line down. */
uint32_t mock_pci_front_isr(struct mock_pci_front *front);

/* The vector of a queue, or of the configuration (NULL). */
uint32_t mock_pci_front_vector(struct mock_pci_front *front, const struct mock_queue *queue);
void mock_pci_front_assign(struct mock_pci_front *front, const struct mock_queue *queue, uint32_t vector);

#endif
