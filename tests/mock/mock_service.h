/* SPDX-License-Identifier: MIT */
/* Between the files of the device core. */
#ifndef VPT_TESTS_MOCK_SERVICE_H
#define VPT_TESTS_MOCK_SERVICE_H

#include "mock_device.h"

/* Sets the queue bit of the interrupt status, and sends the queue's message or raises the line. */
void mock_device_interrupt_queue(struct mock_device *device, const struct mock_queue *queue);

#endif
