/* SPDX-License-Identifier: MIT */
/*
 * A simulated device's configuration space: its bytes, its fields (so that an access of another width is noticed), and
 * the generation, which changes only when a driver reads a value that has changed.
 */
#ifndef VPT_TESTS_MOCK_CONFIG_H
#define VPT_TESTS_MOCK_CONFIG_H

#include <vpt/features.h>

#include "mock_violations.h"

#define MOCK_CONFIG_SIZE   256u
#define MOCK_CONFIG_ALWAYS 0xffu /* a field that no feature gates */

struct mock_config_field {
    const char *name;
    uint16_t offset;
    uint8_t width;   /* 1, 2, 4 or 8; 8 is accessed as two halves */
    uint8_t feature; /* the bit that must be offered for the field to exist, or MOCK_CONFIG_ALWAYS */
    bool writable;
};

struct mock_config {
    uint8_t bytes[MOCK_CONFIG_SIZE];
    bool changed[MOCK_CONFIG_SIZE]; /* since it was last read */
    const struct mock_config_field *fields;
    unsigned field_count;
    uint32_t generation;
    unsigned early; /* offset of a field that may be written in any state of the device; 0: there is none */
    bool native;    /* fields are in the CPU's byte order: a legacy device */
    bool little;    /* never so, whatever the interface is */
    uint64_t reads;
    uint64_t writes;
};

void mock_config_init(struct mock_config *config, const struct mock_config_field *fields, unsigned field_count,
                      bool native);

/* The device's own side: a field's value as a number. */
void mock_config_set(struct mock_config *config, unsigned offset, unsigned width, uint64_t value);
uint64_t mock_config_get(const struct mock_config *config, unsigned offset, unsigned width);

/* The field that is accessed; NULL and a violation: none has this offset and width, or its feature is missing. */
const struct mock_config_field *mock_config_field(const struct mock_config *config, unsigned offset, unsigned width,
                                                  const struct vpt_features *offered,
                                                  struct mock_violations *violations);

/* The driver's side, once the access has been checked: bytes as a little-endian number. */
uint32_t mock_config_read(struct mock_config *config, unsigned offset, unsigned width);
void mock_config_write(struct mock_config *config, unsigned offset, unsigned width, uint32_t value);

#endif
