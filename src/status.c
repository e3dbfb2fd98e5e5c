/* SPDX-License-Identifier: MIT */
#include <vpt/status.h>

/*
 * The phrases of all groups except the port's, in the order of their numbers. An empty phrase ends each group. Ordinary
 * statuses count from 0, the others from 1. This is one string without pointers, so that a position-independent build
 * has nothing to relocate.
 */
static const char phrases[] =
    "ok\0nothing has completed\0empty slot\0cancelled by a reset\0address refused\0"
    "\0"
    "invalid argument\0wrong state for this call\0requests are in flight\0out of range\0read-only device\0"
    "request too long\0not a multiple of the unit\0unsuitable memory\0BAR not assigned\0device has an owner\0"
    "unusable snapshot\0"
    "\0"
    "device gone\0device stuck in reset\0device needs a reset\0device timed out\0wrong magic value\0"
    "contradictory features offered\0features refused\0impossible queue size\0unexpected queue state\0"
    "impossible configuration\0configuration keeps changing\0used index ahead of requests\0"
    "used id not in flight\0used length above writable\0device reports an I/O error\0invalid request status\0"
    "PCI command register unchanged\0broken PCI capability list\0unusable BAR\0unusable MSI or MSI-X\0"
    "no common configuration\0no notification structure\0no ISR status\0virtio capability too short\0"
    "virtio capability names a reserved BAR\0virtio structure outside its BAR\0virtio structure misaligned\0"
    "odd notification multiplier\0impossible notification address\0mappings in disorder\0unusable PCI bridge\0"
    "\0"
    "queue full\0no memory\0memory not addressable by the device\0buffer in too many pieces\0"
    "no address space for a BAR\0no bus number for a bridge\0"
    "\0"
    "function missing in the port\0unknown version\0wrong device type\0required feature not offered\0"
    "no such queue\0request not supported\0wrong PCI vendor\0no virtio device\0no such interface\0";

enum vpt_status_group vpt_status_group(enum vpt_status status)
{
    uint32_t number = (uint32_t)status;

    if (number >= (uint32_t)VPT_PORT_ERROR_FIRST && number <= (uint32_t)VPT_PORT_ERROR_LAST) {
        return VPT_GROUP_PORT;
    }
    return (number >> 8) <= 4u ? (enum vpt_status_group)(number >> 8) : VPT_GROUP_UNKNOWN;
}

/* Returns where the phrase after the one at `at` begins, at most the end. */
static size_t skip(size_t at)
{
    while (at < sizeof(phrases) - 1u && phrases[at] != '\0') {
        at++;
    }
    return at < sizeof(phrases) - 1u ? at + 1u : at;
}

/* Returns the phrase of a number in a group that has phrases, or an empty string. */
static const char *phrase(uint32_t group, uint32_t number)
{
    size_t at = 0;

    while (group != 0 && at < sizeof(phrases) - 1u) {
        group -= phrases[at] == '\0' ? 1u : 0u;
        at = skip(at);
    }
    while (number != 0 && phrases[at] != '\0') {
        number--;
        at = skip(at);
    }
    return &phrases[at];
}

const char *vpt_status_str(enum vpt_status status)
{
    enum vpt_status_group group = vpt_status_group(status);
    uint32_t number = (uint32_t)status & 0xffu;
    const char *text = "";

    if (group == VPT_GROUP_PORT) {
        return "error of the port";
    }
    if (group == VPT_GROUP_ORDINARY) {
        text = phrase((uint32_t)group, number);
    } else if (group != VPT_GROUP_UNKNOWN && number != 0) {
        text = phrase((uint32_t)group, number - 1u);
    }
    return text[0] != '\0' ? text : "unknown status";
}
