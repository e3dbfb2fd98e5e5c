/* SPDX-License-Identifier: MIT */
/*
 * The simulated SCSI host (VirtIO 1.4, section 5.6). It has units with what is on them, carries out the commands that
 * disks and CDs have, aborts commands, and tells events. It checks each command. The test says what units there are,
 * and how they lie.
 */
#ifndef VPT_TESTS_MOCK_SCSI_H
#define VPT_TESTS_MOCK_SCSI_H

#include "mock_device.h"

#define MOCK_SCSI_QUEUES  3u
#define MOCK_SCSI_UNITS   4u
#define MOCK_SCSI_DISK    0x10000u /* bytes of a disk that are there, whatever its capacity */
#define MOCK_SCSI_WAITING 16u      /* events */

/* Offsets in the configuration. */
enum mock_scsi_field {
    MOCK_SCSI_NUM_QUEUES = 0,
    MOCK_SCSI_SEG_MAX = 4,
    MOCK_SCSI_MAX_SECTORS = 8,
    MOCK_SCSI_CMD_PER_LUN = 12,
    MOCK_SCSI_EVENT_INFO_SIZE = 16,
    MOCK_SCSI_SENSE_SIZE = 20,
    MOCK_SCSI_CDB_SIZE = 24,
    MOCK_SCSI_MAX_CHANNEL = 28,
    MOCK_SCSI_MAX_TARGET = 30,
    MOCK_SCSI_MAX_LUN = 32
};

struct mock_scsi_unit {
    /* What it is. */
    bool here;
    uint8_t target;
    uint16_t lun;
    uint8_t type;
    bool read_only;
    bool unready; /* it has no medium */
    bool simple;  /* it knows neither MODE SENSE nor SYNCHRONIZE CACHE */
    uint64_t blocks;
    uint32_t block_size;
    const char *serial; /* NULL: none */
    uint32_t power_on;  /* UNIT ATTENTIONS after each reset of the device */
    uint8_t bytes[MOCK_SCSI_DISK];

    /* The next commands get these. */
    uint32_t attentions;
    uint32_t busy;

    /* What has happened. */
    uint32_t commands;
    uint32_t flushes;
    uint8_t last_operation;
    uint64_t last_bytes;
};

/* What the test says; it stays when the machine is made. A limit that is 0 is QEMU's. */
struct mock_scsi_options {
    uint32_t queues;
    uint32_t seg_max;
    uint32_t max_sectors;
    uint32_t cmd_per_lun;
    uint32_t max_lun;
    uint16_t max_target;
    uint32_t sense_size;
    uint32_t cdb_size;
    bool plain_luns; /* in events, as QEMU has them */

    /* Lies about each command. */
    bool answers; /* these, and does nothing */
    uint8_t response;
    uint8_t status;
    uint8_t sense[18];
    uint32_t sense_length;
    bool residual_lies;
    uint32_t residual;
    uint32_t list_length;     /* not 0: of each list of units */
    uint8_t control_response; /* not 0: of each TMF */
    uint32_t event_most;      /* bytes of an event that are written; 0: all */
};

struct mock_scsi {
    struct mock_device *device;
    struct mock_scsi_options options;
    struct mock_scsi_unit units[MOCK_SCSI_UNITS];

    struct event {
        uint32_t type;
        uint8_t target;
        uint16_t lun;
        uint32_t reason;
    } waiting[MOCK_SCSI_WAITING];
    uint32_t waiting_count;
    bool lost; /* an event found no buffer */
    uint64_t aborted[MOCK_SCSI_WAITING];
    uint32_t aborted_count;
    uint64_t last_id;
    uint32_t most_in_flight;
};

/* The backend, for mock_device_init(); its context is a struct mock_scsi. */
extern const struct mock_backend mock_scsi_backend;

/* ---- For tests ---- */

/* Something happens to a unit, and the driver is told, or it is lost without a buffer. */
void mock_scsi_happens(struct mock_scsi *scsi, uint32_t type, uint8_t target, uint16_t lun, uint32_t reason);

/* The unit, or NULL. */
struct mock_scsi_unit *mock_scsi_find(struct mock_scsi *scsi, uint8_t target, uint16_t lun);

#endif
