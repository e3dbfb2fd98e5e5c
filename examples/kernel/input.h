/* SPDX-License-Identifier: MIT */
/* Virtio keyboards and pointers: what is typed there comes to the kernel. */
#ifndef KERNEL_INPUT_H
#define KERNEL_INPUT_H

#include <vpt/input.h>

#include "devices.h"

#define INPUT_KEY_ENTER   28u
#define INPUT_BUTTON_LEFT 0x110u /* keys have smaller codes */

#define INPUT_AXES 2u /* which say how far right and down a tablet's pointer is */

struct input {
    struct device device;
    struct vpt_input driver;
    uint32_t most[INPUT_AXES]; /* the values of an axis go from 0 to this; 0: it has no such axis */
};

/* Brings an input device up, and takes it down. */
bool input_open(struct input *input, const struct vpt_port *port, const struct device_place *place);
bool input_close(struct input *input);

/* The digit of a key, or '?'. */
char input_digit(uint16_t code);

/*
 * Brings the keyboard up, turns an LED on, and says on the serial port that it listens: "@listens". Then waits for a
 * line of digits, which ends with the key Enter, and prints it: "@typed line".
 */
bool input_listen(const struct vpt_port *port, const struct device_place *place);

#endif
