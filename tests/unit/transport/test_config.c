/* SPDX-License-Identifier: MIT */
/* Device-specific configuration: widths, ranges, readings of one moment. The fields are those of the mock's disk. */
#include <stddef.h>

#include "hand.h"

#define F_CONFIG_WCE 11u

static const struct vpt_config_field capacity = { .offset = MOCK_BLK_CAPACITY, .width = 8 };

static const struct mock_machine_options full = {
    .offer = { { 1u << F_CONFIG_WCE, 0, 0, 0 } },
    .blk = { .capacity = 0x1020,
             .size_max = 0x01020304,
             .seg_max = 0x05060708,
             .cylinders = 0x1122,
             .heads = 0x33,
             .sectors = 0x44,
             .block_size = 4096,
             .topology = true,
             .physical_exponent = 3,
             .alignment_offset = 5,
             .min_io_size = 0x0a0b,
             .opt_io_size = 0x0c0d0e0f },
};

VERSION_TEST(config, MMIO_REG_3_fields_are_read_at_their_width)
{
    static const struct {
        uint32_t offset;
        unsigned width;
        uint32_t value;
    } fields[] = {
        { MOCK_BLK_SIZE_MAX, 4, 0x01020304 }, { MOCK_BLK_SEG_MAX, 4, 0x05060708 },
        { MOCK_BLK_CYLINDERS, 2, 0x1122 },    { MOCK_BLK_HEADS, 1, 0x33 },
        { MOCK_BLK_SECTORS, 1, 0x44 },        { MOCK_BLK_BLK_SIZE, 4, 4096 },
        { MOCK_BLK_MIN_IO_SIZE, 2, 0x0a0b },  { MOCK_BLK_OPT_IO_SIZE, 4, 0x0c0d0e0f },
        { MOCK_BLK_ALIGNMENT_OFFSET, 1, 5 },  { MOCK_BLK_CAPACITY, 4, 0x1020 },
    };

    plain_negotiate(variant, &full);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        uint32_t value = 0;

        if (variant->version == 1 && fields[i].offset == MOCK_BLK_CAPACITY) {
            continue; /* which half is the low one depends on the host */
        }
        machine_trace();
        assert_status(vpt_device_config_read(machine.device, fields[i].offset, fields[i].width, &value), VPT_OK);
        cr_assert(value == fields[i].value, "offset %u is 0x%x", (unsigned)fields[i].offset, (unsigned)value);
        cr_assert(machine.trace_count == 1 && machine.trace[0].width == fields[i].width);
        cr_assert(machine.trace[0].offset == R_CONFIG + fields[i].offset);
    }
    machine_finish();
}

VERSION_TEST(config, MMIO_REG_3_other_widths_and_misaligned_offsets_are_refused)
{
    static const unsigned widths[] = { 0, 3, 5, 6, 7, 8, 16, 0x80000000u };
    uint32_t value = 77;

    plain_negotiate(variant, &full);
    machine_trace();
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        assert_status(vpt_device_config_read(machine.device, 0, widths[i], &value), VPT_CALLER_ALIGNMENT);
        assert_status(vpt_device_config_write(machine.device, 0, widths[i], 0), VPT_CALLER_ALIGNMENT);
    }
    for (uint32_t offset = 1; offset < 8; offset++) {
        if (offset % 2 != 0) {
            assert_status(vpt_device_config_read(machine.device, offset, 2, &value), VPT_CALLER_ALIGNMENT);
            assert_status(vpt_device_config_write(machine.device, offset, 2, 0), VPT_CALLER_ALIGNMENT);
        }
        if (offset % 4 != 0) {
            assert_status(vpt_device_config_read(machine.device, offset, 4, &value), VPT_CALLER_ALIGNMENT);
            assert_status(vpt_device_config_write(machine.device, offset, 4, 0), VPT_CALLER_ALIGNMENT);
        }
    }
    assert_status(vpt_device_config_read(machine.device, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    cr_assert(value == 77 && machine.trace_count == 0);
    machine_finish();
}

VERSION_TEST(config, CONFIG_4_nothing_is_read_outside_of_what_is_mapped)
{
    static const struct {
        size_t size; /* of the configuration */
        uint32_t offset;
        unsigned width;
        bool inside;
    } cases[] = {
        { 24, 20, 4, true },
        { 23, 20, 4, false },
        { 21, 20, 4, false },
        { 18, 16, 2, true },
        { 17, 16, 2, false },
        { 19, 18, 1, true },
        { 18, 18, 1, false },
        { 24, 24, 1, false },
        { 1, 0, 4, false },
        { 3, 0, 4, false },
        { 0, 0, 1, false },
        { 256, 256, 1, false },
        { 256, 256, 4, false },
        { 256, 0xfffffffcu, 4, false },
        { 256, 0xfffffffeu, 2, false },
        { 256, 0xffffffffu, 1, false },
        { 256, 0x80000000u, 4, false },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum vpt_status expected = cases[i].inside ? VPT_OK : VPT_CALLER_RANGE;
        uint32_t value = 0;

        plain_machine(variant, &full);
        assert_status(vpt_mmio_probe(&machine.mmio, machine.port, machine.on_mmio.mapping, 0x100 + cases[i].size),
                      VPT_OK);
        assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
        machine_trace();
        assert_status(vpt_device_config_read(machine.device, cases[i].offset, cases[i].width, &value), expected);
        if (!cases[i].inside) {
            assert_status(vpt_device_config_write(machine.device, cases[i].offset, cases[i].width, 0), expected);
        }
        cr_assert(machine.trace_count == (cases[i].inside ? 1u : 0u), "case %zu", i);
        machine_finish();
    }
}

VERSION_TEST(config, INIT_2_no_writes_before_features_ok)
{
    bool legacy = variant->version == 1;
    enum vpt_status early = legacy ? VPT_OK : VPT_CALLER_STATE;

    plain_probe(variant, &full);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    machine_trace();
    assert_status(vpt_device_config_write(machine.device, MOCK_BLK_WRITEBACK, 1, 1), early);
    cr_assert(machine.trace_count == (legacy ? 1u : 0u));
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_config_write(machine.device, MOCK_BLK_WRITEBACK, 1, 1), VPT_OK);
    cr_assert(mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1) == 1);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    machine_trace();
    assert_status(vpt_device_config_write(machine.device, MOCK_BLK_WRITEBACK, 1, 0x5a), VPT_OK);
    cr_assert(machine.trace_count == 1 && machine.trace[0].width == 1 &&
              machine.trace[0].offset == R_CONFIG + MOCK_BLK_WRITEBACK);
    cr_assert(mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1) == 0x5a);
    machine_finish();
}

/* ---- Several fields of one moment ---- */

VERSION_TEST(config, CONFIG_1_fields_of_every_width)
{
    struct values {
        uint8_t before, heads;
        uint16_t cylinders;
        uint32_t seg_max;
        uint64_t capacity;
        uint8_t behind;
    } values = { 1, 2, 3, 4, 5, 6 };
    static const struct vpt_config_field fields[] = {
        { MOCK_BLK_CAPACITY, 8, 0, offsetof(struct values, capacity) },
        { MOCK_BLK_HEADS, 1, 0, offsetof(struct values, heads) },
        { MOCK_BLK_CYLINDERS, 2, 0, offsetof(struct values, cylinders) },
        { MOCK_BLK_SEG_MAX, 4, 0, offsetof(struct values, seg_max) },
    };

    plain_negotiate(variant, &full);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, UINT64_C(0x1122334455667788));
    assert_status(vpt_device_config_fields(machine.device, fields, COUNT_OF(fields), &values), VPT_OK);
    cr_assert(values.capacity == UINT64_C(0x1122334455667788));
    cr_assert(values.heads == 0x33 && values.cylinders == 0x1122 && values.seg_max == 0x05060708);
    cr_assert(values.before == 1 && values.behind == 6);
    machine_finish();
}

VERSION_TEST(config, CONFIG_1_a_reading_is_repeated_while_the_configuration_changes)
{
    for (uint32_t changes = 1; changes < 12; changes++) {
        uint64_t value = 0;

        plain_negotiate(variant, &full);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, changes, 0);
        assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_OK);
        cr_assert((uint32_t)value == value >> 32, "a torn reading: 0x%llx", (unsigned long long)value);
        cr_assert(value == ((uint64_t)changes << 32 | changes));
        machine_finish();
    }
}

/*
 * A change in the middle of a pass. A generation moves once a changed value is read, so that a change of what has been
 * read already may go unseen: then the values are those of before.
 */
VERSION_TEST(config, CONFIG_1_a_change_between_two_fields_is_noticed)
{
    struct values {
        uint64_t capacity;
        uint32_t seg_max, size_max;
    };
    static const struct vpt_config_field fields[] = {
        { MOCK_BLK_CAPACITY, 8, 0, offsetof(struct values, capacity) },
        { MOCK_BLK_SEG_MAX, 4, 0, offsetof(struct values, seg_max) },
        { MOCK_BLK_SIZE_MAX, 4, 0, offsetof(struct values, size_max) },
    };

    for (uint32_t access = 1; access <= 8; access++) {
        struct values values;

        plain_negotiate(variant, &full);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, access, 1, 0);
        assert_status(vpt_device_config_fields(machine.device, fields, COUNT_OF(fields), &values), VPT_OK);
        cr_assert((uint32_t)values.capacity == values.capacity >> 32 || values.capacity == 0x1020);
        if (access == 1 || (access < 4 && variant->version == 1)) {
            cr_assert(values.capacity == UINT64_C(0x100000001), "access %u", (unsigned)access);
        }
        cr_assert(values.seg_max == 0x05060708 && values.size_max == 0x01020304);
        machine_finish();
    }
}

VERSION_TEST(config, CONFIG_1_one_that_never_stops_changing_is_given_up)
{
    uint64_t value = 0;

    plain_negotiate(variant, &full);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(machine.hal->waits[VPT_WAIT_CONFIGURATION] == machine.hal->wait_budget[VPT_WAIT_CONFIGURATION] + 1u);
    cr_assert(machine.hal->log_count == 1 && machine.hal->log[0].status == VPT_DEVICE_CONFIG_UNSTABLE &&
              machine.hal->log[0].level == VPT_LOG_ERROR);
    machine_finish();
}

VERSION_TEST(config, CONFIG_1_and_that_within_bounds_without_keep_waiting)
{
    uint64_t value = 0;

    plain_negotiate(variant, &full);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
    machine.hal->port.keep_waiting = NULL;
    machine_trace();
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_DEVICE_CONFIG_UNSTABLE);
    cr_assert(mmio_traced(false, R_CONFIG) == VPT_WAIT_CONFIGURATION_READS);
    cr_assert(mmio_traced(false, R_CONFIG + 4) == VPT_WAIT_CONFIGURATION_READS);
    machine_finish();
}

Test(config, CONFIG_1_the_generation_is_read_before_and_after)
{
    uint64_t value = 0;

    plain_negotiate(&version_2, &full);
    machine_trace();
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_OK);
    cr_assert(machine.trace_count == 4);
    cr_assert(mmio_at(false, R_GENERATION, 0) == 0 && mmio_at(false, R_GENERATION, 1) == 3);
    machine_finish();
}

Test(config, LEG_CONFIG_1_a_legacy_field_is_read_until_two_readings_agree)
{
    uint64_t value = 0x1020; /* the answer already, as a first pass could take it for a second */

    plain_negotiate(&version_1, &full);
    machine_trace();
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_OK);
    cr_assert(value == 0x1020);
    cr_assert(mmio_traced(false, R_CONFIG) == 2 && mmio_traced(false, R_CONFIG + 4) == 2);
    cr_assert(mmio_traced(false, R_GENERATION) == 0);
    machine_finish();
}

VERSION_TEST(config, fields_refuse_what_single_accesses_refuse)
{
    static const struct {
        uint16_t offset;
        uint8_t width;
        enum vpt_status status;
    } cases[] = {
        { 0, 3, VPT_CALLER_ALIGNMENT },   { 0, 0, VPT_CALLER_ALIGNMENT },   { 0, 12, VPT_CALLER_ALIGNMENT },
        { 0, 5, VPT_CALLER_ALIGNMENT },   { 0, 255, VPT_CALLER_ALIGNMENT }, { 0, 16, VPT_CALLER_ALIGNMENT },
        { 2, 4, VPT_CALLER_ALIGNMENT },   { 2, 8, VPT_CALLER_ALIGNMENT },   { 1, 2, VPT_CALLER_ALIGNMENT },
        { 256, 1, VPT_DEVICE_CONFIG },    { 252, 8, VPT_DEVICE_CONFIG },    { 0xfffc, 8, VPT_DEVICE_CONFIG },
        { 0xffff, 1, VPT_DEVICE_CONFIG },
    };
    uint64_t values[2] = { 0, 0 };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct vpt_config_field field = { .offset = cases[i].offset, .width = cases[i].width };

        plain_negotiate(variant, &full);
        assert_status(vpt_device_config_fields(machine.device, &field, 1, values), cases[i].status);
        mock_violations_clear(&machine.hal->violations); /* 252 with 8 bytes: its first half is no field */
        machine_finish();
    }
    plain_negotiate(variant, &full);
    assert_status(vpt_device_config_fields(machine.device, NULL, 1, values), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 0, values), VPT_OK);
    machine_finish();
}

/* A slot may be larger than anything that is known of it. */
VERSION_TEST(config, CONFIG_3_a_configuration_may_be_of_any_size)
{
    uint32_t value = 0;
    struct vpt_mmio mmio;

    hand_registers(variant, 0, 16);
    hand.registers[R_CONFIG] = 0x42;
    assert_status(vpt_mmio_probe(&mmio, &hand.port, hand.registers, SIZE_MAX), VPT_OK);
    assert_status(vpt_device_config_read(&mmio.device, 0, 1, &value), VPT_OK);
    cr_assert(value == 0x42);
}

VERSION_TEST(config, MMIO_IRQ_1_a_change_is_notified_of)
{
    struct vpt_queue queue;

    plain_start(variant, &full, &queue, 16);
    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, 17);
    mock_device_configuration_changed(machine.model);
    cr_assert(vpt_device_interrupt(machine.device) == VPT_INTERRUPT_CONFIGURATION);
    plain_end(&queue);
}

/* An 8-byte field of which only the first half is mapped is out of range, not read by half. */
VERSION_TEST(config, a_field_that_ends_outside_is_refused)
{
    uint64_t value = 0;

    plain_machine(variant, &full);
    assert_status(vpt_mmio_probe(&machine.mmio, machine.port, machine.on_mmio.mapping, 0x100 + 7), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, &value), VPT_DEVICE_CONFIG);
    machine_finish();
}
