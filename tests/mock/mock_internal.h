/* SPDX-License-Identifier: MIT */
/* Calls between the files of the mock that neither tests nor front ends make. */
#ifndef VPT_TESTS_MOCK_INTERNAL_H
#define VPT_TESTS_MOCK_INTERNAL_H

#include "mock_device.h"
#include "mock_hal.h"

struct mock_hal *mock_hal_of(void *ctx);

/* The memory half of the port: sets its functions; records each leak and frees everything. */
void mock_hal_memory_init(struct mock_hal *hal);
void mock_hal_memory_finish(struct mock_hal *hal);

/* Does what lie `number` says, at once or as soon as the device is done with the queue that it works on. */
void mock_deed(struct mock_device *device, unsigned number);

/* Does what was postponed while the device worked on a queue. */
void mock_lies_catch_up(struct mock_device *device);

/* The next random number of a lie. */
uint32_t mock_lies_random(struct mock_lies *lies, unsigned number);

/* Sets the interrupt status and sends a message or raises the line. `queue` NULL: a configuration change. */
void mock_device_interrupt(struct mock_device *device, const struct mock_queue *queue);

/* The status is about to be written: whether that begins a suspend or a resume (VirtIO 1.4, section 3.4). */
bool mock_suspend_requested(struct mock_device *device, uint8_t value);

/* The status is about to be read: a suspend or a resume ends after device->suspend_reads of these. */
void mock_suspend_tick(struct mock_device *device);

/* `what` is accessed, which a driver may not do while the device is suspended or is about to be. */
void mock_suspend_check(struct mock_device *device, const char *what);

#endif
