/* SPDX-License-Identifier: MIT */
#ifndef VPT_SRC_SCSI_INTERNAL_H
#define VPT_SRC_SCSI_INTERNAL_H

#include <vpt/scsi.h>

#include "../access.h"
#include "../request/slots.h"

/* Bytes of a command before its data, and of its reply (D-SCSI-5); the reply's place in a slot, and that of data. */
#define SCSI_HEADER (19u + VPT_SCSI_CDB_SIZE)
#define SCSI_SENSE  96u
#define SCSI_REPLY  (12u + SCSI_SENSE)
#define SLOT_DATA   160u

/* The longest answer that fits a slot. */
#define SCSI_ANSWER_MAX (VPT_SCSI_SLOT_SIZE - SLOT_DATA)

VPT_STATIC_ASSERT(SCSI_HEADER + SCSI_REPLY <= SLOT_DATA, "header and reply are before the data");
VPT_STATIC_ASSERT(4u + VPT_SCSI_SERIAL_MAX <= SCSI_ANSWER_MAX, "a serial number fits a slot");

/* Bytes of task management before its reply (D-SCSI-12), and of an event (D-SCSI-14). */
#define SCSI_CONTROL_HEADER 24u
#define SCSI_EVENT          16u

#define SCSI_LUN_MAX 0x3fffu /* a number with more bits would be another unit's (D-SCSI-6) */

/* What a response is before the device has written one. */
#define SCSI_NO_RESPONSE 0xffu

/* A command with an answer: its first three bytes, and where in it the length of the answer is; 0: nowhere. */
#define SCSI_COMMAND(operation, second, third, place) \
    ((operation) | (uint32_t)(second) << 8 | (uint32_t)(third) << 16 | (uint32_t)(place) << 24)

#define SCSI_TEST_UNIT_READY   SCSI_COMMAND(0x00u, 0, 0, 0)
#define SCSI_INQUIRY           SCSI_COMMAND(0x12u, 0, 0, 4)
#define SCSI_INQUIRY_SERIAL    SCSI_COMMAND(0x12u, 1, 0x80, 4)
#define SCSI_MODE_SENSE        SCSI_COMMAND(0x1au, 0, 0x3f, 4)
#define SCSI_READ_CAPACITY     SCSI_COMMAND(0x25u, 0, 0, 0)
#define SCSI_READ_CAPACITY_16  SCSI_COMMAND(0x9eu, 0x10, 0, 13)
#define SCSI_SYNCHRONIZE_CACHE SCSI_COMMAND(0x35u, 0, 0, 0)

/* Writes the address of a unit, of 8 bytes (D-SCSI-6). */
void vpt_scsi_put_lun(uint8_t *at, uint8_t target, uint16_t lun);

/* Numbers in commands and their data are big-endian. */
void vpt_scsi_put(uint8_t *at, uint64_t value, unsigned size);
uint64_t vpt_scsi_get(const uint8_t *at, unsigned size);

/* Carries out a command, as often as the unit wants it, which may be VPT_SCSI_TRIES times. */
enum vpt_status vpt_scsi_transact(struct vpt_scsi *scsi, struct vpt_scsi_request *request);

/* Carries out SCSI_COMMAND(), and copies its answer from a slot; what the device has not written is 0. */
enum vpt_status vpt_scsi_ask(struct vpt_scsi *scsi, uint8_t target, uint16_t lun, uint32_t command, uint8_t *answer,
                             uint32_t size);

/* Carries out a command with the data that is shared, and ends the sharing. */
enum vpt_status vpt_scsi_transact_shared(struct vpt_scsi *scsi, struct vpt_scsi_request *request,
                                         struct vpt_shares *shares);

/* Checks a transfer of `bytes` from `sector` on. */
enum vpt_status vpt_scsi_disk_check(const struct vpt_scsi_disk *disk, enum vpt_scsi_operation operation,
                                    uint64_t sector, uint64_t bytes);

/* Writes the command for a transfer that was checked, or for a flush. */
void vpt_scsi_disk_command(const struct vpt_scsi_disk *disk, struct vpt_scsi_request *request,
                           enum vpt_scsi_operation operation, uint64_t sector, uint32_t bytes);

#endif
