/* SPDX-License-Identifier: MIT */
/*
 * A machine with one simulated device on a PCI bus, in one call:
 *
 *     static struct mock_pci_machine machine;
 *     mock_pci_machine_init(&machine, NULL);
 *     ... vpt_virtio_pci_probe(&pci, &machine.address, &machine.bars, VPT_VIRTIO_PCI_ANY) and what follows ...
 *     assert(mock_pci_machine_finish(&machine) == 0);
 */
#ifndef VPT_TESTS_MOCK_PCI_MACHINE_H
#define VPT_TESTS_MOCK_PCI_MACHINE_H

#include <vpt/pci.h>

#include "mock_machine.h"
#include "mock_pci_legacy.h"
#include "mock_pci_modern.h"

#define MOCK_PCI_MSIX_BAR       1u
#define MOCK_PCI_MSIX_ADDRESS   UINT64_C(0xe0100000) /* of that BAR, which is 64 KiB large */
#define MOCK_PCI_IO_PORT        0xc100u              /* of the legacy header ... */
#define MOCK_PCI_HEADER_ADDRESS 0xe0110000u          /* ... or where it is if it is in memory */

/* Zeroed: a modern interface alone, no MSI-X; the rest as in struct mock_machine_options. */
struct mock_pci_machine_options {
    bool legacy;                          /* a legacy interface ... */
    bool transitional;                    /* ... or both */
    uint16_t vectors;                     /* entries of the MSI-X table; 0: no MSI-X */
    uint16_t device_id;                   /* 0: the one that belongs to the interfaces */
    bool header_in_memory;                /* the legacy interface is in a memory BAR, not in an I/O one */
    uint64_t header_size;                 /* of BAR 0 with a legacy interface; 0: 128 */
    const struct mock_pci_layout *layout; /* NULL: mock_pci_usual_layout. BAR 0 and BAR 1 are not its own if the former
                                             has a legacy header, or there is MSI-X */
    struct mock_machine_options machine;  /* all but version and old */
};

struct mock_pci_machine {
    struct mock_hal hal;
    struct mock_device device;
    struct mock_blk blk; /* unless it is of another type */
    struct mock_pci_bus bus;
    struct mock_pci_function function;
    struct mock_pci_front front;
    struct mock_pci_modern modern;
    struct mock_pci_legacy legacy;
    const struct vpt_port *port;     /* &bus.port */
    struct vpt_pci_function address; /* of the function ... */
    struct vpt_pci_bars bars;        /* ... and its BARs, as the kernel's own PCI code would say */
};

/* `options` may be NULL. False: no memory. A machine is large: on small stacks make it static. */
bool mock_pci_machine_init(struct mock_pci_machine *machine, const struct mock_pci_machine_options *options);

/* As mock_machine_finish(). */
unsigned mock_pci_machine_finish(struct mock_pci_machine *machine);

#endif
