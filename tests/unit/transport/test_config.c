/* SPDX-License-Identifier: MIT */
/* Device-specific configuration: widths, ranges, readings of one moment. The fields are those of the mock's disk. */
#include <stddef.h>

#include "hand.h"
#include "plain.h"

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

/* Negotiated, with `size` bytes of the configuration mapped, and traced. */
static void negotiate_with(const struct variant *variant, size_t size)
{
    plain_machine(variant, &full);
    machine.on_mmio.size = VPT_MMIO_REGISTERS_SIZE + size;
    assert_status(machine_probe(), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    machine_trace();
}

static void negotiate(const struct variant *variant)
{
    negotiate_with(variant, 256);
}

static enum vpt_status read_capacity(uint64_t *value)
{
    return vpt_device_config_fields(machine.device, &capacity, 1, value);
}

/* ---- Single accesses ---- */

#define CONFIG_TEST(suite, name) \
    STARTED_TEST(struct variant, VERSION_TEST, negotiate(variant), machine_finish(), suite, name)

CONFIG_TEST(config, MMIO_REG_3_fields_are_read_at_their_width)
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

    /* Which half of a legacy capacity is the low one depends on the host. */
    for (size_t i = 0; i < COUNT_OF(fields) - (variant->version == 1 ? 1 : 0); i++) {
        uint32_t value = 0;

        machine_trace();
        assert_status(vpt_device_config_read(machine.device, fields[i].offset, fields[i].width, &value), VPT_OK);
        assert_same(value, fields[i].value);
        assert_same(machine.trace_count, 1);
        assert_same(machine.trace[0].width, fields[i].width);
        assert_same(machine.trace[0].offset, R_CONFIG + fields[i].offset);
    }
}

/* An access, by itself and as a field if it could be one. */
static void check_refused(uint32_t offset, unsigned width, enum vpt_status expected)
{
    struct vpt_config_field field = { .offset = (uint16_t)offset, .width = (uint8_t)width };
    uint64_t wide[2];
    uint32_t value = 77;
    char row[40];

    (void)snprintf(row, sizeof(row), "%u bytes at %u", width, (unsigned)offset);
    machine_trace();
    if (width != 8) {
        assert_status_of(row, vpt_device_config_read(machine.device, offset, width, &value), expected);
        assert_status_of(row, vpt_device_config_write(machine.device, offset, width, 0), expected);
        assert_same_of(row, value, 77);
    }
    if (field.offset == offset && field.width == width) {
        assert_status_of(row, vpt_device_config_fields(machine.device, &field, 1, wide),
                         expected == VPT_CALLER_RANGE ? VPT_DEVICE_CONFIG : expected);
    }
    for (size_t i = 0; i < machine.trace_count; i++) { /* but for the generation */
        cr_assert(machine.trace[i].offset < R_CONFIG || width == 8, "%s", row);
    }
    mock_violations_clear(&machine.hal->violations); /* the first half of 8 bytes may be no field */
}

CONFIG_TEST(config, MMIO_REG_3_other_widths_and_misaligned_offsets_are_refused)
{
    static const unsigned widths[] = { 0, 3, 5, 6, 7, 12, 16, 127, 0x80000000u };
    uint64_t value = 0;

    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        check_refused(0, widths[i], VPT_CALLER_ALIGNMENT);
    }
    for (uint32_t offset = 1; offset < 8; offset++) {
        for (unsigned width = 2; width <= 8; width *= 2) {
            if (offset % (width < 4 ? width : 4) != 0) {
                check_refused(offset, width, VPT_CALLER_ALIGNMENT);
            }
        }
    }
    assert_status(vpt_device_config_read(machine.device, 0, 4, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_config_fields(machine.device, NULL, 1, &value), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 1, NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_device_config_fields(machine.device, &capacity, 0, &value), VPT_OK);
}

/* An 8-byte field of which only the first half is mapped is out of range, not read by half. */
VERSION_TEST(config, CONFIG_4_nothing_is_read_outside_of_what_is_mapped)
{
    /* Bytes of the configuration that are mapped, the offset and the width; then, whether that is inside. */
    static const uint32_t cases[][4] = {
        { 24, 20, 4, 1 },
        { 18, 16, 2, 1 },
        { 19, 18, 1, 1 },
        { 23, 20, 4, 0 },
        { 21, 20, 4, 0 },
        { 17, 16, 2, 0 },
        { 18, 18, 1, 0 },
        { 24, 24, 1, 0 },
        { 1, 0, 4, 0 },
        { 3, 0, 4, 0 },
        { 0, 0, 1, 0 },
        { 0, 0, 2, 0 },
        { 0, 0, 4, 0 },
        { 7, 0, 8, 0 },
        { 256, 256, 1, 0 },
        { 256, 256, 4, 0 },
        { 256, 252, 8, 0 },
        { 256, 0xfffc, 8, 0 },
        { 256, 0xffff, 1, 0 },
        { 256, 0x80000000, 4, 0 },
        { 256, 0xfffffffc, 4, 0 },
        { 256, 0xfffffffe, 2, 0 },
        { 256, 0xffffffff, 1, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t value = 0;

        negotiate_with(variant, cases[i][0]);
        if (cases[i][3] == 1) {
            assert_status(vpt_device_config_read(machine.device, cases[i][1], cases[i][2], &value), VPT_OK);
            assert_same(machine.trace_count, 1);
        } else {
            check_refused(cases[i][1], cases[i][2], VPT_CALLER_RANGE);
        }
        machine_finish();
    }
}

static void write_back(uint8_t value, enum vpt_status expected, size_t accesses)
{
    machine_trace();
    assert_status(vpt_device_config_write(machine.device, MOCK_BLK_WRITEBACK, 1, value), expected);
    assert_same(machine.trace_count, accesses);
    if (accesses != 0) {
        cr_assert(machine.trace[0].width == 1 && machine.trace[0].offset == R_CONFIG + MOCK_BLK_WRITEBACK);
        assert_same(mock_config_get(&machine.model->config, MOCK_BLK_WRITEBACK, 1), value);
    }
}

VERSION_TEST(config, INIT_2_no_writes_before_features_ok)
{
    bool legacy = variant->version == 1;

    plain_probe(variant, &full);
    assert_status(vpt_device_reset(machine.device), VPT_OK);
    write_back(2, legacy ? VPT_OK : VPT_CALLER_STATE, legacy ? 1 : 0);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    write_back(1, VPT_OK, 1);
    assert_status(vpt_device_start(machine.device), VPT_OK);
    write_back(0x5a, VPT_OK, 1);
    machine_finish();
}

/* ---- Several fields of one moment ---- */

CONFIG_TEST(config, CONFIG_1_fields_of_every_width)
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

    mock_config_set(&machine.model->config, MOCK_BLK_CAPACITY, 8, UINT64_C(0x1122334455667788));
    assert_status(vpt_device_config_fields(machine.device, fields, COUNT_OF(fields), &values), VPT_OK);
    assert_same(values.capacity, UINT64_C(0x1122334455667788));
    cr_assert(values.heads == 0x33 && values.cylinders == 0x1122 && values.seg_max == 0x05060708);
    cr_assert(values.before == 1 && values.behind == 6);
}

VERSION_TEST(config, CONFIG_1_a_reading_is_repeated_while_the_configuration_changes)
{
    for (uint32_t changes = 1; changes < 12; changes++) {
        uint64_t value = 0;

        negotiate(variant);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, changes, 0);
        assert_status(read_capacity(&value), VPT_OK);
        assert_same(value, (uint64_t)changes << 32 | changes);
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

        negotiate(variant);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, access, 1, 0);
        assert_status(vpt_device_config_fields(machine.device, fields, COUNT_OF(fields), &values), VPT_OK);
        cr_assert((uint32_t)values.capacity == values.capacity >> 32 || values.capacity == 0x1020);
        if (access == 1 || (access < 4 && variant->version == 1)) {
            assert_same(values.capacity, UINT64_C(0x100000001));
        }
        cr_assert(values.seg_max == 0x05060708 && values.size_max == 0x01020304);
        machine_finish();
    }
}

VERSION_TEST(config, CONFIG_1_one_that_never_stops_changing_is_given_up)
{
    uint64_t value = 0;

    for (unsigned endless = 0; endless < 2; endless++) { /* without keep_waiting() there is a bound all the same */
        negotiate(variant);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_CONFIG_CHANGING, 1, 0, 0);
        machine.port->keep_waiting = endless == 1 ? NULL : machine.port->keep_waiting;
        assert_status(read_capacity(&value), VPT_DEVICE_CONFIG_UNSTABLE);
        if (endless == 1) {
            assert_same(mmio_traced(false, R_CONFIG), VPT_WAIT_CONFIGURATION_READS);
            assert_same(mmio_traced(false, R_CONFIG + 4), VPT_WAIT_CONFIGURATION_READS);
        } else {
            assert_same(machine.hal->waits[VPT_WAIT_CONFIGURATION],
                        machine.hal->wait_budget[VPT_WAIT_CONFIGURATION] + 1u);
            assert_same(machine.hal->log_count, 1);
            assert_status(machine.hal->log[0].status, VPT_DEVICE_CONFIG_UNSTABLE);
            assert_same(machine.hal->log[0].level, VPT_LOG_ERROR);
        }
        machine_finish();
    }
}

/* A modern field by its generation; a legacy one, which has none, until two readings agree. */
CONFIG_TEST(config, CONFIG_1_LEG_CONFIG_1_how_often_a_field_is_read)
{
    bool legacy = variant->version == 1;
    uint64_t value = 0x1020; /* the answer already, as a first pass could take it for a second */

    assert_status(read_capacity(&value), VPT_OK);
    assert_same(value, 0x1020);
    assert_same(machine.trace_count, 4);
    assert_same(mmio_traced(false, R_CONFIG), legacy ? 2 : 1);
    assert_same(mmio_traced(false, R_CONFIG + 4), legacy ? 2 : 1);
    assert_same(mmio_traced(false, R_GENERATION), legacy ? 0 : 2);
    cr_assert(legacy || (mmio_at(false, R_GENERATION, 0) == 0 && mmio_at(false, R_GENERATION, 1) == 3));
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
    assert_same(value, 0x42);
}
