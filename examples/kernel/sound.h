/* SPDX-License-Identifier: MIT */
/* A virtio sound device: a short melody is heard at the host. */
#ifndef KERNEL_SOUND_H
#define KERNEL_SOUND_H

#include "devices.h"

/*
 * Plays the melody, and silence behind it, by periods, and prints how many bytes the melody has, with their checksum:
 * "@played size checksum". Samples have 16 bits, two channels, 44100 frames a second.
 */
bool sound_play(const struct vpt_port *port, const struct device_place *place);

#endif
