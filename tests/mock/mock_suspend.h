/* SPDX-License-Identifier: MIT */
/* A device that suspends itself when it is told to, and goes on (VirtIO 1.4, section 3.4). */
#ifndef VPT_TESTS_MOCK_SUSPEND_H
#define VPT_TESTS_MOCK_SUSPEND_H

#include "mock_device.h"

/* The status is about to be written: whether that asks for a suspend or a resume, which has begun then. */
bool mock_suspend_requested(struct mock_device *device, uint8_t value);

/* The status is about to be read: what was begun ends after device->suspend_reads of them. */
void mock_suspend_tick(struct mock_device *device);

/* `what` is touched, which a driver leaves alone while the device is suspended, or is to be. */
void mock_suspend_check(struct mock_device *device, const char *what);

#endif
