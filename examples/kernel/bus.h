/* SPDX-License-Identifier: MIT */
/* What devices.c needs for each kind of bus: slots.c and functions.c. */
#ifndef KERNEL_BUS_H
#define KERNEL_BUS_H

#include "devices.h"

/* Called for each virtio device on a bus. A false answer ends the search. */
typedef bool bus_visit(void *ctx, const struct device_place *place);

/* Whether every place could be checked and none was broken. Prepares the places for device_open(). */
bool slots_search(const struct machine_bus *bus, const struct vpt_port *port, bus_visit *visit, void *ctx);
bool functions_search(const struct machine_bus *bus, const struct vpt_port *port, bus_visit *visit, void *ctx);

enum vpt_status slot_open(struct device *device, const struct vpt_port *port, const struct device_place *place);
void slot_close(struct device *device);

enum vpt_status function_open(struct device *device, const struct vpt_port *port, const struct device_place *place,
                              enum vpt_virtio_pci_interface interface);
void function_close(struct device *device);

/* Prints a place: "mmio a003e00" or "pci 00:05.0". */
void slot_print(const struct device_place *place);
void function_print(const struct device_place *place);

#endif
