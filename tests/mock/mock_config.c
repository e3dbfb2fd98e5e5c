/* SPDX-License-Identifier: MIT */
#include "mock_config.h"

#include <string.h>

#include "mock_order.h"

void mock_config_init(struct mock_config *config, const struct mock_config_field *fields, unsigned field_count,
                      bool native)
{
    memset(config, 0, sizeof(*config));
    config->fields = fields;
    config->field_count = field_count;
    config->native = native;
    config->generation = 41; /* not 0, which a wrong driver might assume */
}

void mock_config_set(struct mock_config *config, unsigned offset, unsigned width, uint64_t value)
{
    uint8_t bytes[8];

    mock_store(bytes, width, value, config->native);
    for (unsigned i = 0; i < width; i++) {
        if (config->bytes[offset + i] != bytes[i]) {
            config->bytes[offset + i] = bytes[i];
            config->changed[offset + i] = true;
        }
    }
}

uint64_t mock_config_get(const struct mock_config *config, unsigned offset, unsigned width)
{
    return mock_load(&config->bytes[offset], width, config->native);
}

/* A field of 8 bytes is accessed as two halves. */
static bool covers(const struct mock_config_field *field, unsigned offset, unsigned width)
{
    return field->width == 8 ? width == 4 && (offset == field->offset || offset == field->offset + 4u)
                             : width == field->width && offset == field->offset;
}

const struct mock_config_field *mock_config_field(const struct mock_config *config, unsigned offset, unsigned width,
                                                  const struct vpt_features *offered,
                                                  struct mock_violations *violations)
{
    for (unsigned i = 0; i < config->field_count; i++) {
        const struct mock_config_field *field = &config->fields[i];

        if (covers(field, offset, width)) {
            return mock_require(violations,
                                field->feature == MOCK_CONFIG_ALWAYS || vpt_features_has(offered, field->feature),
                                "config field %s accessed, but feature %u is not offered", field->name, field->feature)
                       ? field
                       : NULL;
        }
    }
    mock_violation(violations, "config access of width %u at offset %u: no such field", width, offset);
    return NULL;
}

uint32_t mock_config_read(struct mock_config *config, unsigned offset, unsigned width)
{
    bool changed = false;

    for (unsigned i = 0; i < width; i++) {
        changed = changed || config->changed[offset + i];
    }
    if (changed) {
        config->generation++;
        memset(config->changed, 0, sizeof(config->changed));
    }
    config->reads++;
    return (uint32_t)mock_load(&config->bytes[offset], width, false);
}

void mock_config_write(struct mock_config *config, unsigned offset, unsigned width, uint32_t value)
{
    mock_store(&config->bytes[offset], width, value, false);
    config->writes++;
}
