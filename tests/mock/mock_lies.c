/* SPDX-License-Identifier: MIT */
/* When lies fire and how they distort an access. What the device does on its own is in mock_deeds.c. */
#include "mock_lies.h"

#include <stdlib.h>
#include <string.h>

#include "mock_internal.h"
#include "mock_order.h"

/* The widest field. */
#define FIELD_MAX 8u

/* The names are in the order of the enumerations. */
const char *mock_space_name(enum mock_space space)
{
    static const char *const names[MOCK_SPACES] = {
        "any", "register", "configuration", "PCI configuration", "MSI-X", "ring", "data", "tick", "completion",
    };

    return names[space];
}

const char *mock_lie_name(enum mock_lie_how how)
{
    static const char *const names[MOCK_LIE_HOWS] = {
        "truth",    "value",  "xor",           "add",        "random",      "drop",
        "vanish",   "return", "reset",         "stop",       "needs-reset", "needs-reset-quiet",
        "complete", "look",   "configuration", "generation", "interrupt",   "interrupt-configuration",
        "scribble",
    };

    return names[how];
}

static bool distorts(const struct mock_lie *lie)
{
    return lie->how >= MOCK_LIE_VALUE && lie->how <= MOCK_LIE_DROP;
}

static bool is_moment(enum mock_space space)
{
    return space == MOCK_SPACE_TICK || space == MOCK_SPACE_COMPLETION;
}

unsigned mock_lie_set(struct mock_lies *lies, const struct mock_lie *lie)
{
    unsigned number = lies->count;

    if (number == MOCK_LIES_MAX || (unsigned)lie->space >= MOCK_SPACES || (unsigned)lie->how >= MOCK_LIE_HOWS ||
        lie->width > FIELD_MAX || (is_moment(lie->space) && distorts(lie))) {
        abort();
    }
    lies->lie[number] = *lie;
    lies->random[number] = (uint32_t)(lie->value ^ lie->value >> 32) * 2654435761u + 1u;
    mock_trigger_set(&lies->trigger[number], lie->first, lie->times);
    lies->count++;
    return number;
}

uint32_t mock_lie_fired(const struct mock_lies *lies, unsigned number)
{
    return lies->trigger[number].fired;
}

void mock_lies_clear(struct mock_device *device)
{
    memset(&device->lies, 0, sizeof(device->lies));
    device->stopped = false;
}

/* ---- Which lies an access concerns ---- */

/* Where the lie's field is in the access: from which byte on, and how many bytes; 0: it is not in it. */
static unsigned field_in(const struct mock_lie *lie, const struct mock_access *access, unsigned *first)
{
    unsigned whole = access->width < FIELD_MAX ? access->width : FIELD_MAX;
    uint64_t start = lie->offset > access->offset ? lie->offset : access->offset;
    uint64_t end = lie->offset + lie->width;

    *first = 0;
    if (lie->space == MOCK_SPACE_ANY || lie->offset == MOCK_ANYWHERE) {
        return whole;
    }
    if (lie->width == 0) {
        return lie->offset == access->offset ? whole : 0;
    }
    end = end < access->offset + access->width ? end : access->offset + access->width;
    if (start >= end) {
        return 0;
    }
    *first = (unsigned)(start - access->offset);
    return (unsigned)(end - start);
}

static bool concerns(const struct mock_lie *lie, const struct mock_access *access)
{
    unsigned direction = access->write ? MOCK_WRITES : MOCK_READS;
    unsigned first;

    if (is_moment(access->space)) {
        return lie->space == access->space;
    }
    return (lie->space == MOCK_SPACE_ANY || lie->space == access->space) &&
           (lie->access == 0 || (lie->access & direction) != 0) && field_in(lie, access, &first) != 0;
}

/* The driver may break rules because of the lie. */
static void excuse(struct mock_device *device, const struct mock_lie *lie, const struct mock_access *access)
{
    device->lies.fired++;
    device->lies.fired_in[access->space]++;
    device->lies.last = *access;
    device->violations->lied = true;
    /* The device has not got what the driver wrote, so the addresses that it uses may be wrong. */
    if ((distorts(lie) && access->space == MOCK_SPACE_REGISTER && access->write && !access->status) ||
        lie->how == MOCK_LIE_SCRIBBLE) {
        device->violations->misled = true;
    }
}

void mock_access_begin(struct mock_device *device, struct mock_access *access)
{
    struct mock_lies *lies = &device->lies;

    access->firing = 0;
    for (unsigned i = 0; i < lies->count; i++) {
        const struct mock_lie *lie = &lies->lie[i];

        if ((distorts(lie) && device->vanished) || !concerns(lie, access) || !mock_trigger_fires(&lies->trigger[i]) ||
            lie->how == MOCK_LIE_TRUTH) {
            continue;
        }
        excuse(device, lie, access);
        if (distorts(lie)) {
            access->firing |= UINT32_C(1) << i;
        } else {
            mock_deed(device, i);
        }
    }
}

/* ---- Distortion ---- */

static uint64_t distorted(struct mock_lies *lies, unsigned number, uint64_t truth)
{
    const struct mock_lie *lie = &lies->lie[number];

    switch (lie->how) {
    case MOCK_LIE_VALUE: return lie->value;
    case MOCK_LIE_XOR: return truth ^ lie->value;
    case MOCK_LIE_ADD: return truth + lie->value;
    default: return (uint64_t)mock_lies_random(lies, number) << 32 | mock_lies_random(lies, number);
    }
}

/* The part of a number of `whole` bytes that the bytes from `first` on hold. */
static uint64_t part(uint64_t value, unsigned whole, unsigned first, unsigned width, bool native)
{
    uint8_t bytes[FIELD_MAX];

    mock_store(bytes, whole, value, native);
    return mock_load(bytes + first, width, native);
}

static bool fires(const struct mock_access *access, unsigned number)
{
    return (access->firing >> number & 1u) != 0;
}

static bool dropped(const struct mock_device *device, const struct mock_access *access)
{
    bool drops = false;

    for (unsigned i = 0; i < device->lies.count; i++) {
        drops = drops || (fires(access, i) && device->lies.lie[i].how == MOCK_LIE_DROP);
    }
    return drops;
}

/* Distorts the bytes that are accessed, in place. */
static void distort(struct mock_device *device, const struct mock_access *access, uint8_t *bytes)
{
    struct mock_lies *lies = &device->lies;

    for (unsigned i = 0; i < lies->count; i++) {
        const struct mock_lie *lie = &lies->lie[i];
        unsigned first;
        unsigned width = field_in(lie, access, &first);
        uint64_t value;

        if (!fires(access, i)) {
            continue;
        }
        value = distorted(lies, i, mock_load(bytes + first, width, access->native));
        if (lie->how == MOCK_LIE_VALUE && lie->offset < access->offset && lie->space != MOCK_SPACE_ANY) {
            value = part(value, lie->width, (unsigned)(access->offset - lie->offset), width, access->native);
        }
        mock_store(bytes + first, width, value, access->native);
    }
}

static uint32_t distorted_register(struct mock_device *device, const struct mock_access *access, uint32_t truth)
{
    uint8_t bytes[4];

    mock_store(bytes, access->width, truth, false);
    distort(device, access, bytes);
    return (uint32_t)mock_load(bytes, access->width, false);
}

uint32_t mock_access_read(struct mock_device *device, const struct mock_access *access, uint32_t truth)
{
    uint32_t value;

    if (access->firing == 0 || device->vanished) {
        return truth;
    }
    value = dropped(device, access) ? mock_ones(access->width) : distorted_register(device, access, truth);
    /*
     * A driver takes memory back when it reads that the device is gone, is reset or does not reach memory, and it makes
     * rings of the size that it reads.
     */
    if (access->layout || (access->status && value != truth && (value == 0 || (value & 0xffu) == 0xffu)) ||
        (access->space == MOCK_SPACE_PCI_CONFIGURATION && access->offset < 8u)) {
        device->violations->misled = true;
    }
    return value;
}

bool mock_access_write(struct mock_device *device, const struct mock_access *access, uint32_t *value)
{
    if (dropped(device, access)) {
        return false;
    }
    *value = distorted_register(device, access, *value);
    return true;
}

void mock_access_store(struct mock_device *device, struct mock_access *access, uint8_t *at, const uint8_t *bytes)
{
    mock_access_begin(device, access);
    if (device->vanished || dropped(device, access)) {
        return;
    }
    memcpy(at, bytes, access->width);
    distort(device, access, at);
}

void mock_access_moment(struct mock_device *device, enum mock_space space)
{
    struct mock_access access = { .space = space };

    mock_access_begin(device, &access);
}
