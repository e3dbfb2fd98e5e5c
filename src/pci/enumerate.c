/* SPDX-License-Identifier: MIT */
/* Finding the functions of a segment. */
#include "../access.h"
#include "pci_internal.h"

#define BUSES     256u
#define DEVICES   32u
#define FUNCTIONS 8u

/*
 * The buses to visit, one bit each. A bridge is entered only if its secondary bus is above its own, so that one pass
 * upwards visits each bus once and ends.
 */
struct search {
    uint32_t wanted[BUSES / 32u];
    uint8_t last_bus; /* the host bridge's last bus */
    vpt_pci_visit *visit;
    void *ctx;
    bool stopped;
};

static void want(struct search *search, unsigned bus)
{
    search->wanted[bus >> 5 & 7u] |= 1u << (bus & 31u);
}

static bool wanted(const struct search *search, unsigned bus)
{
    return (search->wanted[bus >> 5 & 7u] >> (bus & 31u) & 1u) != 0;
}

/* Shows the caller a function, if there is one, and marks the bus behind it. VPT_EMPTY_SLOT: there is no function. */
static enum vpt_status look(struct search *search, const struct vpt_pci_function *function, bool *multi_function)
{
    struct vpt_pci_identity identity;
    enum vpt_status status = vpt_pci_identify(function, &identity);

    *multi_function = false;
    if (status != VPT_OK) {
        return status;
    }
    *multi_function = identity.multi_function;
    if (vpt_pci_bridge_numbered(function, &identity, search->last_bus)) {
        want(search, identity.secondary_bus);
    }
    search->stopped = !search->visit(search->ctx, function, &identity);
    return VPT_OK;
}

/* Other functions than number 0 exist only if number 0 says so. */
static enum vpt_status look_at_device(struct search *search, struct vpt_pci_function *function)
{
    bool multi_function;
    bool ignored;
    enum vpt_status status;

    function->address.function = 0;
    status = look(search, function, &multi_function);
    if (status != VPT_OK || !multi_function) {
        return status;
    }
    for (unsigned i = 1; i < FUNCTIONS && !search->stopped; i++) {
        function->address.function = (uint8_t)i;
        status = look(search, function, &ignored);
        if (status != VPT_OK && status != VPT_EMPTY_SLOT) {
            return status;
        }
    }
    return VPT_OK;
}

static enum vpt_status look_at_bus(struct search *search, struct vpt_pci_function *function)
{
    for (unsigned device = 0; device < DEVICES && !search->stopped; device++) {
        enum vpt_status status;

        function->address.device = (uint8_t)device;
        status = look_at_device(search, function);
        if (status != VPT_OK && status != VPT_EMPTY_SLOT) {
            return status;
        }
    }
    return VPT_OK;
}

enum vpt_status vpt_pci_enumerate(const struct vpt_port *port, uint16_t segment, uint8_t first_bus, uint8_t last_bus,
                                  vpt_pci_visit *visit, void *ctx)
{
    struct vpt_pci_function function;
    struct search search;
    enum vpt_status status = VPT_OK;

    if (port == NULL || visit == NULL || last_bus < first_bus) {
        return VPT_CALLER_ARGUMENT;
    }
    vpt_zero(&search, sizeof(search));
    search.visit = visit;
    search.ctx = ctx;
    search.last_bus = last_bus;
    want(&search, first_bus);
    vpt_zero(&function, sizeof(function));
    function.port = port;
    function.address.segment = segment;
    for (unsigned i = first_bus; i < BUSES && status == VPT_OK && !search.stopped; i++) {
        if (wanted(&search, i)) {
            function.address.bus = (uint8_t)i;
            status = look_at_bus(&search, &function);
        }
    }
    return status;
}
