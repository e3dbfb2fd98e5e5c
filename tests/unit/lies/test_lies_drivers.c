/* SPDX-License-Identifier: MIT */
/*
 * Each driver from its probe to its release, over and over, and a lie or a deed at each of its accesses
 * in turn: each request and each buffer comes back once, and all memory comes back.
 */
#include "campaign.h"

TestSuite(lies_drivers, .timeout = 240);

/* Where the device is. */
static const struct {
    enum machine_kind kind;
    bool packed;
} places[] = {
    { MACHINE_MMIO_2, false }, { MACHINE_PCI_MODERN, false }, { MACHINE_MMIO_2, true },
    { MACHINE_MMIO_1, false }, { MACHINE_PCI_LEGACY, false }, { MACHINE_PCI_MODERN, true },
};

#define MODERN     0x03u
#define PACKED     0x04u
#define LEGACY     0x18u
#define PACKED_PCI 0x20u

static const struct {
    const struct campaign_driver *driver;
    unsigned places; /* bits */
} rows[] = {
    { &campaign_9p, MODERN | PACKED | LEGACY },
    { &campaign_balloon, MODERN | PACKED | LEGACY },
    { &campaign_console, MODERN | LEGACY },
    { &campaign_disk, MODERN | LEGACY },
    { &campaign_fs, MODERN | PACKED },
    { &campaign_gpu, MODERN | PACKED },
    { &campaign_input, MODERN | PACKED },
    { &campaign_network, MODERN | LEGACY },
    { &campaign_pmem, MODERN | PACKED },
    { &campaign_rtc, MODERN | PACKED },
    { &campaign_scsi, MODERN | LEGACY | PACKED_PCI },
    { &campaign_socket, MODERN | PACKED },
    { &campaign_sound, MODERN | PACKED },
};

struct driver_place {
    unsigned row;
    unsigned place;
    unsigned way;
};

/* Those of fewer ways are the first ones of all, so that a test may begin while cases of another one run. */
static struct criterion_test_params each(unsigned ways)
{
    static struct driver_place variants[COUNT_OF(rows) * COUNT_OF(places) * CAMPAIGN_WAYS];
    size_t count = 0;

    for (unsigned i = 0; i < COUNT_OF(rows) * COUNT_OF(places) * ways; i++) {
        const struct driver_place variant = { i / COUNT_OF(places) % COUNT_OF(rows), i % COUNT_OF(places),
                                              i / COUNT_OF(places) / COUNT_OF(rows) };

        if ((rows[variant.row].places >> variant.place & 1u) != 0) {
            variants[count++] = variant;
        }
    }
    return cr_make_param_array(struct driver_place, variants, count);
}

static enum machine_kind use(const struct driver_place *variant)
{
    campaign_driver = rows[variant->row].driver;
    campaign_packed = places[variant->place].packed;
    return places[variant->place].kind;
}

PARAMETER_TEST(struct driver_place, each(CAMPAIGN_WAYS), lies_drivers, it_comes_at_each_access)
{
    const struct campaign_way *way = &campaign_ways[variant->way];

    campaign_at_each(use(variant), way->completion, way->lie);
}

/* It has taken a request or a buffer, does not complete it, and no reset ends that: its memory stays where it is. */
PARAMETER_TEST(struct driver_place, each(1), lies_drivers, it_stops_and_cannot_be_reset)
{
    struct mock_lie lie = { .space = MOCK_SPACE_COMPLETION, .how = MOCK_LIE_STOP, .times = 1 };
    enum machine_kind kind = use(variant);
    uint32_t completions = campaign_count(kind, &campaign_by_tick, &lie);

    for (lie.first = 1; lie.first <= completions; lie.first++) {
        campaign_machine(kind, &campaign_by_tick);
        (void)campaign_lie(&lie);
        mock_fault_set(&machine.model->faults, MOCK_FAULT_RESET_NEVER, 2, 0, 0);
        campaign_run();
        assert_status(campaign.end, machine_stuck_status());
        cr_assert(mock_device_pending(machine.model) != 0);
        cr_assert(machine_on_pci() == (mock_hal_live_allocations(machine.hal) == 0));
        campaign_recover();
    }
}
