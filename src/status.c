/* SPDX-License-Identifier: MIT */
#include <vpt/status.h>

/*
 * One string for each group, its phrases in the order of their numbers: no pointers, so that a
 * position-independent build has nothing to relocate.
 */
static const char ordinary[] = "ok\0nothing has completed\0empty slot\0cancelled by a reset\0";

static const char caller[] = "invalid argument\0wrong state for this call\0requests are in flight\0"
                             "out of range\0read-only device\0request too long\0"
                             "not a multiple of the unit\0unsuitable memory\0";

static const char device[] = "device gone\0device stuck in reset\0device needs a reset\0device timed out\0"
                             "wrong magic value\0contradictory features offered\0features refused\0"
                             "impossible queue size\0unexpected queue state\0impossible configuration\0"
                             "configuration keeps changing\0used index ahead of requests\0"
                             "used id not in flight\0used length above writable\0device reports an I/O error\0"
                             "invalid request status\0";

static const char resource[] = "queue full\0no memory\0memory not addressable by the device\0"
                               "buffer in too many pieces\0";

static const char unsupported[] = "function missing in the port\0unknown transport version\0"
                                  "wrong device type\0required feature not offered\0no such queue\0"
                                  "request not supported\0";

enum vpt_status_group vpt_status_group(enum vpt_status status)
{
    uint32_t number = (uint32_t)status;

    if (number >= (uint32_t)VPT_PORT_ERROR_FIRST && number <= (uint32_t)VPT_PORT_ERROR_LAST) {
        return VPT_GROUP_PORT;
    }
    return (number >> 8) <= 4u ? (enum vpt_status_group)(number >> 8) : VPT_GROUP_UNKNOWN;
}

/* The phrase number `wanted`, or an empty string where the list ends before it. */
static const char *phrase(const char *list, size_t size, uint32_t wanted)
{
    size_t i;

    for (i = 0; i < size && wanted != 0; i++) {
        if (list[i] == '\0') {
            wanted--;
        }
    }
    return i < size ? &list[i] : "";
}

static const char *known(enum vpt_status_group group, uint32_t number)
{
    switch (group) {
    case VPT_GROUP_ORDINARY:
        return phrase(ordinary, sizeof(ordinary), number);
    case VPT_GROUP_CALLER:
        return phrase(caller, sizeof(caller), number - 1u);
    case VPT_GROUP_DEVICE:
        return phrase(device, sizeof(device), number - 1u);
    case VPT_GROUP_RESOURCE:
        return phrase(resource, sizeof(resource), number - 1u);
    case VPT_GROUP_UNSUPPORTED:
        return phrase(unsupported, sizeof(unsupported), number - 1u);
    case VPT_GROUP_PORT:
        return "error of the port";
    default:
        return "";
    }
}

const char *vpt_status_str(enum vpt_status status)
{
    const char *text = known(vpt_status_group(status), (uint32_t)status & 0xffu);

    return text[0] != '\0' ? text : "unknown status";
}
