/* SPDX-License-Identifier: MIT */
/*
 * Each driver from its probe to its release, over and over, and a lie or a deed of its device at each access in turn,
 * as in test_lies.c with a disk: each request comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(drivers_lies, .timeout = 240);

static const struct {
    const struct campaign_driver *driver;
    bool legacy; /* legacy interfaces have this type, too */
    bool split;  /* there are no packed rings in its campaign */
    uint32_t requests;
} rows[] = {
    { &campaign_9p, true, false, 16 },     { &campaign_balloon, true, false, 6 },  { &campaign_fs, false, false, 20 },
    { &campaign_gpu, false, false, 16 },   { &campaign_input, false, false, 12 },  { &campaign_network, true, true, 0 },
    { &campaign_pmem, false, false, 6 },   { &campaign_rtc, false, false, 6 },     { &campaign_scsi, true, false, 16 },
    { &campaign_sound, false, false, 20 }, { &campaign_socket, false, false, 12 },
};

static const struct campaign_modern_variant kinds[] = {
    { MACHINE_MMIO_2, false, 0 }, { MACHINE_MMIO_2, true, 0 },      { MACHINE_PCI_MODERN, false, 0 },
    { MACHINE_MMIO_1, false, 0 }, { MACHINE_PCI_LEGACY, false, 0 },
};

/* Each way with each kind of machine that a driver has. */
struct driver_lies_variant {
    unsigned driver;
    struct campaign_modern_variant machine;
};

static struct criterion_test_params variants_of(unsigned ways)
{
    static struct driver_lies_variant variants[COUNT_OF(rows) * COUNT_OF(kinds) * CAMPAIGN_WAYS];
    size_t count = 0;

    for (unsigned i = 0; i < COUNT_OF(rows) * COUNT_OF(kinds) * ways; i++) {
        struct driver_lies_variant variant = { i / ways / COUNT_OF(kinds), kinds[i / ways % COUNT_OF(kinds)] };

        variant.machine.row = i % ways;
        if ((rows[variant.driver].legacy || !machine_kind_legacy(variant.machine.kind)) &&
            !(rows[variant.driver].split && variant.machine.packed)) {
            variants[count++] = variant;
        }
    }
    return cr_make_param_array(struct driver_lies_variant, variants, count);
}

PARAMETER_TEST(struct driver_lies_variant, variants_of(CAMPAIGN_WAYS), drivers_lies, it_comes_at_each_access)
{
    campaign_modern(rows[variant->driver].driver, &variant->machine);
}

/* It has taken a request, does not complete it, and no reset ends that. */
PARAMETER_TEST(struct driver_lies_variant, variants_of(1), drivers_lies, it_stops_and_cannot_be_reset)
{
    const struct campaign_driver *driver = rows[variant->driver].driver;
    uint32_t requests = rows[variant->driver].requests;

    campaign_modern_stuck(driver, &variant->machine, requests != 0 ? requests : driver->served);
}
