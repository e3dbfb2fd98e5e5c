/* SPDX-License-Identifier: MIT */
/* A SCSI host with a disk. */
#ifndef KERNEL_SCSI_H
#define KERNEL_SCSI_H

#include "devices.h"

/*
 * Brings the host up and opens the first disk that a target has: "@scsi target lun sectors serial". Reads sectors, and
 * prints their checksum: "@scsi-read sector count checksum". Writes sectors by blocking and by asynchronous requests,
 * flushes, and reads each back in the opposite way: "@scsi-wrote sector count". The data is the pattern of pattern.h,
 * whose seed is the first eight bytes of the disk.
 */
bool scsi_use(const struct vpt_port *port, const struct device_place *place);

#endif
