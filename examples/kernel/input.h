/* SPDX-License-Identifier: MIT */
/* A virtio keyboard: what is typed there comes to the kernel. */
#ifndef KERNEL_INPUT_H
#define KERNEL_INPUT_H

#include "devices.h"

/*
 * Brings the keyboard up, turns an LED on, and says on the serial port that it listens: "@listens". Then waits for a
 * line of digits, which ends with the key Enter, and prints it: "@typed line".
 */
bool input_listen(const struct vpt_port *port, const struct device_place *place);

#endif
