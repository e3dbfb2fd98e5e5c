/* SPDX-License-Identifier: MIT */
/* What the types of devices have in common, for their backends. */
#ifndef VPT_TESTS_MOCK_BACKEND_H
#define VPT_TESTS_MOCK_BACKEND_H

#include <string.h>

#include <vpt/transport.h>

#include "mock_device.h"
#include "mock_order.h"

/* The fields of a configuration, as mock_config_init() takes them. */
#define MOCK_FIELDS(fields) (fields), sizeof(fields) / sizeof((fields)[0])

/* A rule of the type's, for the driver: false, and a violation that names the type, if it does not hold. */
#define require(backend, holds, complaint) mock_backend_require((backend)->device, holds, complaint)
bool mock_backend_require(const struct mock_device *device, bool holds, const char *complaint);

/* What a fault makes of the status of a request; `unknown`: a status that has no meaning. False: none is written. */
bool mock_backend_status(struct mock_device *device, uint32_t *status, uint32_t unknown);

#endif
