/* SPDX-License-Identifier: MIT */
/* What lies.c and deeds.c share. */
#ifndef VPT_TESTS_MOCK_DEEDS_H
#define VPT_TESTS_MOCK_DEEDS_H

#include "mock_lies.h"

/* Does what lie `number` says, now or as soon as the device has done with the queue that it works on. */
void mock_deed(struct mock_device *device, unsigned number);

/* The next random number of a lie. */
uint32_t mock_lies_random(struct mock_lies *lies, unsigned number);

#endif
