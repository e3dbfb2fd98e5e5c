/* SPDX-License-Identifier: MIT */
/*
 * The hardware of the stub kernels: one virtio-mmio slot (version 2) with a small disk. Registers are plain memory,
 * device addresses are pointers. The device works only when stub_device_serve() is called. Freestanding, for use in any
 * build.
 */
#ifndef STUB_DEVICE_H
#define STUB_DEVICE_H

#include <vpt/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STUB_SLOT_SIZE    0x200u
#define STUB_SECTOR       512u
#define STUB_DISK_SECTORS 64u

struct stub_device {
    unsigned char registers[STUB_SLOT_SIZE]; /* the slot */
    unsigned char disk[STUB_DISK_SECTORS * STUB_SECTOR];
    uint16_t taken;  /* available entries taken */
    uint32_t served; /* requests executed */
    uint32_t errors; /* invalid requests */
};

/* Makes the slot a disk that offers `features` (bits 0 to 31) and VERSION_1. Sector n is filled with n. */
void stub_device_plug(struct stub_device *device, uint32_t features);

/* Executes the available requests. */
void stub_device_serve(struct stub_device *device);

#ifdef __cplusplus
}
#endif

#endif
