/* SPDX-License-Identifier: MIT */
/* The memory half of the port, for hal.c alone. */
#ifndef VPT_TESTS_MOCK_HAL_MEMORY_H
#define VPT_TESTS_MOCK_HAL_MEMORY_H

#include "mock_hal.h"

void mock_hal_memory_init(struct mock_hal *hal);

/* Records each leak as a violation and frees everything. */
void mock_hal_memory_finish(struct mock_hal *hal);

#endif
