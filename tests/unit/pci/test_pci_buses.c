/* SPDX-License-Identifier: MIT */
/* Numbers for buses, windows for bridges, addresses for what is behind them. */
#include <string.h>

#include "disk.h"
#include "pci_room.h"

#define KIB 1024u
#define MIB (1024u * KIB)
#define GIB UINT64_C(0x40000000)

#define MEMORY(first, end)                               \
    {                                                    \
        VPT_PCI_BAR_MEMORY, false, (first), (end), false \
    }
#define PREFETCHABLE(first, end)                        \
    {                                                   \
        VPT_PCI_BAR_MEMORY, true, (first), (end), false \
    }
#define IO(first, end)                               \
    {                                                \
        VPT_PCI_BAR_IO, false, (first), (end), false \
    }

#define NODES 40u

/* A machine of this test's own: a tree of functions on bus 0 of segment 0. */
static struct mock_pci_function nodes[NODES];
static unsigned node_count;

static struct vpt_pci_window windows[3];
static unsigned window_count;

static const struct mock_pci_windows usual = { .io = true, .prefetchable = true, .prefetchable_64bit = true };
static const struct mock_pci_windows conventional = { .io = true, .io_32bit = true, .prefetchable = true };

static uint32_t random_below(uint32_t *seed, uint32_t bound)
{
    return next_random(seed) % bound;
}

static void begin(void)
{
    static const struct vpt_pci_window plenty[] = { IO(0xc004, 0xffff), MEMORY(0xe0001000, 0xe0ffffff),
                                                    PREFETCHABLE(4 * GIB + 16, 8 * GIB - 1) };

    room_begin(0);
    memset(nodes, 0, sizeof(nodes));
    node_count = 0;
    memcpy(windows, plenty, sizeof(windows));
    window_count = 3;
}

static struct mock_pci_function *add(struct mock_pci_function *bridge, uint8_t device)
{
    struct mock_pci_function *node = &nodes[node_count++];

    cr_assert(node_count <= NODES);
    if (bridge == NULL) {
        mock_pci_bus_add(&room.bus, node, 0, 0, device, 0);
    } else {
        mock_pci_bus_add_behind(&room.bus, node, bridge, device, 0);
    }
    return node;
}

static struct mock_pci_function *add_bridge(struct mock_pci_function *bridge, uint8_t device,
                                            const struct mock_pci_windows *which)
{
    static const struct mock_pci_ids ids = { .vendor = 0x1b36, .device = 12, .class_code = 0x060400, .header_type = 1 };

    mock_pci_bridge_init(&nodes[node_count], &ids, which);
    return add(bridge, device);
}

static struct mock_pci_function *add_device(struct mock_pci_function *bridge, uint8_t device)
{
    static const struct mock_pci_ids ids = { .vendor = 0x1af4, .device = 0x1042, .class_code = 0x010000 };

    mock_pci_function_init(&nodes[node_count], &ids);
    return add(bridge, device);
}

/* With a BAR of each kind, as a transitional virtio function has. */
static struct mock_pci_function *add_disk(struct mock_pci_function *bridge, uint8_t device)
{
    struct mock_pci_function *node = add_device(bridge, device);

    mock_pci_bar_init(node, 0, &(struct mock_pci_bar){ .size = 128, .io = true });
    mock_pci_bar_init(node, 1, &(struct mock_pci_bar){ .size = 4 * KIB });
    mock_pci_bar_init(node, 4, &(struct mock_pci_bar){ .size = 16 * KIB, .is_64bit = true, .prefetchable = true });
    return node;
}

static enum vpt_status run_to(uint8_t last_bus)
{
    return vpt_pci_buses_place(&room.bus.port, 0, 0, last_bus, windows, window_count);
}

static enum vpt_status run(void)
{
    return run_to(255);
}

/* ---- What holds for any tree ---- */

static bool is_bridge(const struct mock_pci_function *node)
{
    return mock_pci_get(node, 0x0e, 1) == 1;
}

static bool is_above(const struct mock_pci_function *bridge, const struct mock_pci_function *node)
{
    while (node != NULL && node != bridge) {
        node = node->behind;
    }
    return node != NULL;
}

/* Whether an access to the node's BARs comes by where this bridge is. */
static bool passes(const struct mock_pci_function *bridge, const struct mock_pci_function *node)
{
    return bridge->behind == NULL || is_above(bridge->behind, node);
}

/* Every byte of a BAR that has an address is forwarded by the bridges in front of it, and taken by nobody else. */
static void check_bar(const struct mock_pci_function *node, unsigned index)
{
    const struct mock_pci_bar *bar = &node->bars[index];
    uint64_t first = mock_pci_bar_address(node, index);
    uint64_t last = first + bar->size - 1u;

    for (unsigned i = 0; i < node_count; i++) {
        const struct mock_pci_function *other = &nodes[i];
        bool above = other != node && is_above(other, node);

        for (unsigned j = 0; j < 6; j++) {
            uint64_t at = mock_pci_bar_address(other, j);

            if (other->bars[j].size != 0 && other->bars[j].io == bar->io && at != 0 && (other != node || j != index)) {
                cr_assert(at > last || at + other->bars[j].size - 1u < first, "two BARs at 0x%llx",
                          (unsigned long long)first);
            }
        }
        if (!is_bridge(other) || other == node || !passes(other, node)) {
            continue;
        }
        cr_assert(!above || mock_pci_bridge_forwards(other, bar->io, first, last), "0x%llx is not forwarded",
                  (unsigned long long)first);
        for (uint64_t at = first; !above && at - first <= last - first; at += bar->io ? 4 * KIB : MIB) {
            cr_assert(!mock_pci_bridge_forwards(other, bar->io, at, at), "forwarded by another bridge");
        }
    }
}

/* Numbers are those of a tree: behind a bridge are exactly the buses from its secondary to its subordinate one. */
static void check_numbers(const struct mock_pci_function *bridge)
{
    uint8_t secondary = (uint8_t)mock_pci_get(bridge, 0x19, 1);
    uint8_t subordinate = (uint8_t)mock_pci_get(bridge, 0x1a, 1);

    cr_assert(mock_pci_get(bridge, 0x18, 1) == mock_pci_bus_number(bridge));
    cr_assert(secondary > mock_pci_bus_number(bridge) && subordinate >= secondary);
    for (unsigned i = 0; i < node_count; i++) {
        if (is_bridge(&nodes[i]) && &nodes[i] != bridge) {
            uint8_t other = (uint8_t)mock_pci_get(&nodes[i], 0x19, 1);

            cr_assert((other >= secondary && other <= subordinate) == is_above(bridge, &nodes[i]));
        }
    }
}

static bool count(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    (void)function;
    (void)identity;
    (*(unsigned *)ctx)++;
    return true;
}

/* All functions are found; and every BAR has an address, unless `all` says that some may have none. */
static void check_tree(bool all)
{
    unsigned found = 0;

    assert_status(vpt_pci_enumerate(&room.bus.port, 0, 0, 255, count, &found), VPT_OK);
    cr_assert(found == node_count || !all, "%u found", found);
    for (unsigned i = 0; i < node_count; i++) {
        if (is_bridge(&nodes[i]) && all) {
            check_numbers(&nodes[i]);
        }
        for (unsigned j = 0; j < 6; j++) {
            if (nodes[i].bars[j].size != 0 && mock_pci_bar_address(&nodes[i], j) != 0) {
                check_bar(&nodes[i], j);
            } else {
                cr_assert(nodes[i].bars[j].size == 0 || !all, "BAR %u of node %u has no address", j, i);
            }
        }
    }
}

static void check_at(const struct mock_pci_function *node, uint64_t io, uint64_t memory, uint64_t prefetchable)
{
    cr_assert(mock_pci_bar_address(node, 0) == io, "0x%llx", (unsigned long long)mock_pci_bar_address(node, 0));
    cr_assert(mock_pci_bar_address(node, 1) == memory, "0x%llx", (unsigned long long)mock_pci_bar_address(node, 1));
    cr_assert(mock_pci_bar_address(node, 4) == prefetchable, "0x%llx",
              (unsigned long long)mock_pci_bar_address(node, 4));
}

/* ---- Trees ---- */

Test(pci_buses, a_disk_behind_a_root_port)
{
    struct mock_pci_function *first;
    struct mock_pci_function *port;
    struct mock_pci_function *disk;
    struct mock_pci_function *last;
    uint64_t writes;

    begin();
    first = add_disk(NULL, 1);
    port = add_bridge(NULL, 3, &usual);
    disk = add_disk(port, 0);
    last = add_disk(NULL, 5);
    assert_status(run(), VPT_OK);
    check_tree(true);
    check_at(first, 0xc080, 0xe0001000, 4 * GIB + 16 * KIB);
    check_at(disk, 0xd000, 0xe0100000, 4 * GIB + MIB);
    check_at(last, 0xe000, 0xe0200000, 4 * GIB + 2 * MIB);
    cr_assert(mock_pci_get(port, 0x18, 4) == 0x00010100);
    cr_assert(mock_pci_get(port, 0x1c, 2) == 0xd0d0);
    cr_assert(mock_pci_get(port, 0x20, 4) == 0xe010e010);
    cr_assert(mock_pci_get(port, 0x24, 4) == 0x00110011);
    cr_assert(mock_pci_get(port, 0x28, 4) == 1 && mock_pci_get(port, 0x2c, 4) == 1);
    cr_assert(mock_pci_command(port) == 7 && mock_pci_command(disk) == 0 && mock_pci_command(last) == 0);
    cr_assert(windows[0].next == 0xe080 && windows[1].next == 0xe0201000);
    cr_assert(windows[2].next == 4 * GIB + 2 * MIB + 16 * KIB);
    /* It is firmware's now, as it were. */
    writes = port->config_writes + disk->config_writes;
    assert_status(run(), VPT_OK);
    cr_assert(port->config_writes + disk->config_writes == writes);
    check_tree(true);
    room_end();
}

/* A driver at work: the registers behind two bridges, and memory from there. */
Test(pci_buses, accesses_arrive_both_ways)
{
    struct mock_pci_function *outer;
    struct mock_pci_function *inner;
    struct mock_pci_function *disk;
    struct vpt_pci_function here = { &room.bus.port, { 0, 2, 4, 0 } };
    struct vpt_pci_bars bars;

    begin();
    outer = add_bridge(NULL, 3, &usual);
    inner = add_bridge(outer, 0, &conventional);
    disk = add_disk(inner, 4);
    assert_status(run(), VPT_OK);
    check_tree(true);
    cr_assert(mock_pci_get(outer, 0x18, 4) == 0x00020100 && mock_pci_get(inner, 0x18, 4) == 0x00020201);
    assert_status(vpt_pci_bars_size(&here, &bars), VPT_OK);
    cr_assert(bars.bar[1].address == mock_pci_bar_address(disk, 1) && bars.bar[1].size == 4 * KIB);
    assert_status(vpt_pci_command(&here, 7, 0), VPT_OK);
    cr_assert(room.bus.port.io_read(&room.bus, (uint16_t)bars.bar[0].address, 4) == 0);
    cr_assert(mock_pci_masters(disk));
    cr_assert(room.bus.undecoded == 0);
    room_end();
}

Test(pci_buses, bridges_beside_and_behind_each_other)
{
    struct mock_pci_function *deep = NULL;

    begin();
    windows[1].last = 0xefffffff;
    for (uint8_t i = 0; i < VPT_PCI_BRIDGES_DEEP; i++) {
        deep = add_bridge(deep, (uint8_t)(31 - i), i % 2 == 0 ? &usual : &conventional);
        mock_pci_bar_init(deep, 0, &(struct mock_pci_bar){ .size = 256, .is_64bit = true });
    }
    (void)add_disk(deep, 7);
    (void)add_bridge(NULL, 1, &usual); /* with nothing behind */
    (void)add_bridge(deep->behind, 2, &usual);
    for (uint8_t i = 0; i < 3; i++) {
        struct mock_pci_function *bridge = add_bridge(add_bridge(NULL, (uint8_t)(4 + i), &conventional), 9, &usual);

        mock_pci_bar_init(add_device(bridge, i), 2, &(struct mock_pci_bar){ .size = MIB });
        mock_pci_bar_init(add_device(bridge, 30), 0, &(struct mock_pci_bar){ .size = 2 * MIB, .prefetchable = true });
    }
    assert_status(run(), VPT_OK);
    check_tree(true);
    room_end();
}

/* Random trees, in windows of random ends: whatever has an address is reached at it, and nothing else is there. */
Test(pci_buses, any_tree, .timeout = 60)
{
    uint32_t seed = 1;

    for (unsigned n = 0; n < 300; n++) {
        struct mock_pci_function *bridges[NODES] = { NULL };
        unsigned count_bridges = 1;
        bool tight = n % 3 == 0;
        enum vpt_status status;

        begin();
        windows[1].last -= tight ? 0x700000 + n * 4096 : 0;
        windows[0].last = tight ? 0xefff : 0xffff;
        for (unsigned i = 0; i < 24; i++) {
            struct mock_pci_function *above = bridges[random_below(&seed, count_bridges)];

            if (random_below(&seed, 3) == 0 && count_bridges < 7) {
                bridges[count_bridges++] =
                    add_bridge(above, (uint8_t)i, random_below(&seed, 2) ? &usual : &conventional);
            } else {
                struct mock_pci_bar bar = { .size = UINT64_C(0x1000) << random_below(&seed, 8),
                                            .prefetchable = random_below(&seed, 2) != 0 };

                bar.is_64bit = bar.prefetchable && random_below(&seed, 2) != 0;
                mock_pci_bar_init(add_device(above, (uint8_t)i), 2, &bar);
                mock_pci_bar_init(&nodes[node_count - 1], 0,
                                  &(struct mock_pci_bar){ .size = 4u << random_below(&seed, 5), .io = true });
            }
        }
        status = run();
        cr_assert(status == VPT_OK || status == VPT_RESOURCE_PCI_WINDOW);
        check_tree(status == VPT_OK);
        room_end();
    }
}

/* ---- Which windows ---- */

Test(pci_buses, where_prefetchable_memory_goes)
{
    static const struct mock_pci_windows low = { .io = true, .prefetchable = true };
    static const struct mock_pci_windows none = { .io = true };
    static const struct {
        const struct mock_pci_windows *bridge;
        struct vpt_pci_window window; /* the second one for memory */
        uint64_t address;             /* of a 64-bit prefetchable BAR of 16 KiB behind it */
    } cases[] = {
        { &usual, PREFETCHABLE(4 * GIB, 5 * GIB - 1), 4 * GIB },
        { &usual, MEMORY(4 * GIB, 5 * GIB - 1), 4 * GIB },
        { &usual, PREFETCHABLE(0xd0000000, 0xd0ffffff), 0xd0000000 },
        { &usual, MEMORY(0xd0000000, 0xd0ffffff), 0xd0000000 },       /* the one with more room, for both */
        { &usual, PREFETCHABLE(0xd0000000, 0xd00ffffe), 0xe0000000 }, /* not a whole unit */
        { &usual, PREFETCHABLE(UINT64_C(0xfffffffffff00001), UINT64_MAX), 0xe0000000 },
        { &usual, PREFETCHABLE(UINT64_C(0xfffffffffff00000), UINT64_MAX), UINT64_C(0xfffffffffff00000) },
        { &low, PREFETCHABLE(0xd0000000, 0xd0ffffff), 0xd0000000 },
        { &low, PREFETCHABLE(4 * GIB, 5 * GIB - 1), 0xe0000000 },
        { &none, PREFETCHABLE(4 * GIB, 5 * GIB - 1), 0xe0000000 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mock_pci_function *disk;

        begin();
        windows[1] = (struct vpt_pci_window)MEMORY(0xe0000000, 0xe01fffff);
        windows[2] = cases[i].window;
        disk = add_disk(add_bridge(NULL, 1, cases[i].bridge), 0);
        assert_status(run(), VPT_OK);
        check_tree(true);
        cr_assert(mock_pci_bar_address(disk, 4) == cases[i].address, "%zu: 0x%llx", i,
                  (unsigned long long)mock_pci_bar_address(disk, 4));
        room_end();
    }
}

/* Nobody wants ports on a machine that has none; a bridge that lacks them keeps a function from its own. */
Test(pci_buses, without_ports)
{
    static const struct mock_pci_windows none = { .prefetchable = true, .prefetchable_64bit = true };

    for (unsigned given = 0; given < 2; given++) {
        struct mock_pci_function *disk;

        begin();
        disk = add_disk(add_bridge(NULL, 1, &none), 0);
        if (!given) {
            windows[0] = windows[2];
            window_count = 2;
        }
        assert_status(run(), given ? VPT_RESOURCE_PCI_WINDOW : VPT_OK);
        check_tree(false);
        check_at(disk, 0, 0xe0100000, 4 * GIB + MIB);
        cr_assert(mock_pci_command(disk->behind) == 6);
        room_end();
    }
}

/* ---- What is there already ---- */

Test(pci_buses, what_firmware_has_done_is_left_alone)
{
    struct mock_pci_function *numbered;
    struct mock_pci_function *port;
    struct mock_pci_function *behind;
    struct mock_pci_function *screen;
    struct mock_pci_function *fixed;
    uint64_t writes;

    begin();
    port = add_bridge(NULL, 1, &usual);
    numbered = add_bridge(NULL, 2, &usual);
    mock_pci_set(numbered, 0x18, 4, 0x40070500);
    behind = add_disk(numbered, 0);
    screen = add_disk(NULL, 3);
    mock_pci_bar_assign(screen, 1, 0xf0000000);
    mock_pci_command_set(screen, VPT_PCI_COMMAND_MEMORY);
    fixed = add_disk(NULL, 4);
    mock_pci_bar_assign(fixed, 1, 0xf1000000);
    writes = behind->config_writes + numbered->config_writes + screen->config_writes;
    assert_status(run(), VPT_OK);
    cr_assert(behind->config_writes + numbered->config_writes + screen->config_writes == writes);
    cr_assert(mock_pci_get(port, 0x18, 4) == 0x00080800, "above all that have a number");
    check_at(screen, 0, 0xf0000000, 0);
    check_at(fixed, 0xc080, 0xf1000000, 4 * GIB + 16 * KIB);
    room_end();
}

/* What is behind a bridge without a number was reached by nobody: its numbers, addresses and bits are left-overs. */
Test(pci_buses, what_is_left_over_behind_a_new_bridge_goes)
{
    struct mock_pci_function *port;
    struct mock_pci_function *inner;
    struct mock_pci_function *disk;

    begin();
    port = add_bridge(NULL, 1, &usual);
    mock_pci_set(port, 0x18, 4, 0x20ff0000); /* the latency timer stays */
    mock_pci_command_set(port, 7);
    inner = add_bridge(port, 0, &usual);
    mock_pci_set(inner, 0x18, 4, 0x00090401);
    mock_pci_set(inner, 0x20, 4, 0xfff00000);
    mock_pci_command_set(inner, 7);
    disk = add_disk(inner, 0);
    mock_pci_bar_assign(disk, 1, 0xe0100000);
    mock_pci_bar_assign(disk, 4, 0x123400000);
    mock_pci_command_set(disk, 7);
    assert_status(run(), VPT_OK);
    check_tree(true);
    cr_assert(mock_pci_get(port, 0x18, 4) == 0x20020100 && mock_pci_get(inner, 0x18, 4) == 0x00020201);
    check_at(disk, 0xd000, 0xe0100000, 4 * GIB + MIB);
    cr_assert(mock_pci_command(disk) == 0);
    room_end();
}

/* Some ports of PCI Express show the device behind them under all numbers. */
Test(pci_buses, a_port_has_one_device)
{
    static const struct {
        uint8_t flags[2];
        bool one;
    } kinds[] = { { { 0x42, 0 }, true },
                  { { 0x62, 0 }, true },
                  { { 0x82, 0 }, true },
                  { { 0x52, 0 }, false },
                  { { 0x72, 0 }, false } };

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct mock_pci_function *port;
        struct mock_pci_function *ghost;

        begin();
        port = add_bridge(NULL, 1, &usual);
        cr_assert(mock_pci_capability_add(port, 0x10, kinds[i].flags, 2, NULL) != 0);
        (void)add_disk(port, 0);
        ghost = add_disk(port, 1);
        assert_status(run(), VPT_OK);
        cr_assert((mock_pci_bar_address(ghost, 1) == 0) == kinds[i].one, "%zu", i);
        room_end();
    }
}

/* ---- What runs out ---- */

static void check_log(unsigned lines, const char *subject, enum vpt_status status)
{
    cr_assert(room.hal.log_count == lines, "%llu lines", (unsigned long long)room.hal.log_count);
    cr_assert(strcmp(room.hal.log[0].subject, subject) == 0 && room.hal.log[0].status == status);
}

Test(pci_buses, no_bus_numbers_left)
{
    struct mock_pci_function *disks[4];

    begin();
    for (uint8_t i = 0; i < 4; i++) {
        disks[i] = add_disk(add_bridge(NULL, i, &usual), 0);
    }
    assert_status(run_to(2), VPT_RESOURCE_PCI_BUSES);
    check_log(2, "bridge", VPT_RESOURCE_PCI_BUSES);
    check_tree(false);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert((mock_pci_bar_address(disks[i], 1) != 0) == (i < 2));
        cr_assert((mock_pci_get(disks[i]->behind, 0x18, 4) != 0) == (i < 2));
    }
    room_end();
}

Test(pci_buses, too_deep)
{
    struct mock_pci_function *deep = NULL;
    struct mock_pci_function *disk;

    begin();
    for (unsigned i = 0; i <= VPT_PCI_BRIDGES_DEEP; i++) {
        deep = add_bridge(deep, 0, &usual);
    }
    disk = add_disk(deep, 0);
    (void)add_disk(deep->behind, 1);
    assert_status(run(), VPT_RESOURCE_PCI_BUSES);
    check_log(1, "bridge", VPT_RESOURCE_PCI_BUSES);
    check_tree(false);
    cr_assert(mock_pci_bar_address(disk, 1) == 0 && mock_pci_bar_address(&nodes[node_count - 1], 1) != 0);
    room_end();
}

/* One bridge gets what is left, the others nothing; a function without ports still gets its memory. */
Test(pci_buses, no_room_left)
{
    struct mock_pci_function *disks[4];

    begin();
    windows[0].last = 0xdfff;
    windows[1].last = 0xe02ffffe;
    for (uint8_t i = 0; i < 4; i++) {
        disks[i] = add_disk(add_bridge(NULL, i, &usual), 0);
    }
    assert_status(run(), VPT_RESOURCE_PCI_WINDOW);
    check_log(3, "BARs", VPT_RESOURCE_PCI_WINDOW);
    check_tree(false);
    check_at(disks[0], 0xd000, 0xe0100000, 4 * GIB + MIB);
    for (unsigned i = 1; i < 4; i++) {
        check_at(disks[i], 0, 0, 0);
        cr_assert(mock_pci_command(disks[i]->behind) == 4, "nothing is forwarded");
    }
    room_end();
}

/* What ends with the last address there is does not begin again at 0. */
Test(pci_buses, no_room_left_at_the_end_of_all)
{
    struct mock_pci_function *disks[2];

    begin();
    windows[2] = (struct vpt_pci_window)PREFETCHABLE(UINT64_C(0xfffffffffff00000), UINT64_MAX);
    for (uint8_t i = 0; i < 2; i++) {
        disks[i] = add_disk(add_bridge(NULL, i, &usual), 0);
    }
    assert_status(run(), VPT_OK);
    check_tree(true);
    check_at(disks[0], 0xd000, 0xe0100000, UINT64_C(0xfffffffffff00000));
    check_at(disks[1], 0xe000, 0xe0204000, 0xe0200000);
    room_end();
}

/* ---- Bridges that lie ---- */

Test(pci_buses, registers_that_do_not_hold)
{
    static const uint16_t registers[] = { 0x18, 0x19, 0x1a, 0x20, 0x22 };

    for (size_t i = 0; i < COUNT_OF(registers); i++) {
        struct mock_pci_function *bad;
        struct mock_pci_function *hidden;
        struct mock_pci_function *disk;

        begin();
        bad = add_bridge(NULL, 1, &usual);
        bad->writable[registers[i]] = 0;
        bad->writable[registers[i] + 1] = 0;
        mock_pci_set(bad, registers[i], 1, registers[i] < 0x20 ? 0x70 : 0);
        room.bus.rules_off = true;
        hidden = add_disk(bad, 0);
        disk = add_disk(add_bridge(NULL, 2, &usual), 0);
        assert_status(run(), VPT_DEVICE_PCI_BRIDGE);
        check_log(1, "bridge", VPT_DEVICE_PCI_BRIDGE);
        cr_assert((mock_pci_command(bad) & 3) == 0);
        cr_assert(mock_pci_bar_address(hidden, 1) == 0 || registers[i] == 0x22, "that one shows when all is done");
        cr_assert(mock_pci_bar_address(disk, 1) != 0 && mock_pci_command(disk->behind) == 7);
        cr_assert(mock_pci_get(disk->behind, 0x18, 4) == (registers[i] == 0x22 ? 0x00020200u : 0x00010100u));
        room_end();
    }
}

/* A port that answers whatever it likes, and says that there is a bridge everywhere. */
static uint32_t noise;
static uint64_t asked;
static bool bridges_everywhere;

static enum vpt_status noise_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                  uint32_t *value)
{
    (void)ctx;
    (void)address;
    asked++;
    *value = random_below(&noise, 0xffffffff);
    if (bridges_everywhere && offset == 0x0e && width == 1) {
        *value = 0x81;
    }
    return asked > 2000 && random_below(&noise, 50) == 0 ? (enum vpt_status)0x12345 : VPT_OK;
}

static enum vpt_status noise_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t value)
{
    (void)ctx;
    (void)address;
    (void)offset;
    (void)width;
    (void)value;
    asked++;
    return VPT_OK;
}

/* Registers that hold what is written, the same for all functions: a bridge behind itself, on each bus. */
static uint8_t mirror[VPT_PCI_EXTENDED_CONFIG_SIZE];

static enum vpt_status mirror_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                   uint32_t *value)
{
    (void)ctx;
    (void)address;
    asked++;
    *value = 0;
    for (unsigned i = 0; i < width; i++) {
        *value |= (uint32_t)mirror[offset + i] << (8u * i);
    }
    return VPT_OK;
}

static enum vpt_status mirror_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                    uint32_t value)
{
    (void)ctx;
    (void)address;
    asked++;
    for (unsigned i = 0; i < width && (offset < 0x10 || offset >= 0x18) && offset != 0x38; i++) { /* no BARs */
        mirror[offset + i] = (uint8_t)(value >> (8u * i));
    }
    return VPT_OK;
}

/* Accesses per function, of all that there can be, are few. */
#define MOST (UINT64_C(256) * 256u * 200u)

Test(pci_buses, whatever_configuration_space_says_it_ends, .timeout = 60)
{
    struct vpt_port port = { .config_read = noise_read, .config_write = noise_write };

    for (unsigned n = 0; n < 6; n++) {
        bridges_everywhere = n >= 3;
        noise = n + 1;
        asked = 0;
        begin();
        (void)vpt_pci_buses_place(&port, 0, 0, 255, windows, window_count);
        cr_assert(asked > 1000 && asked < MOST, "%llu", (unsigned long long)asked);
        for (unsigned i = 0; i < 3; i++) {
            cr_assert(windows[i].next - 1 <= windows[i].last);
        }
        room_end();
    }
    port.config_read = mirror_read;
    port.config_write = mirror_write;
    begin();
    memset(mirror, 0, sizeof(mirror));
    mirror[0] = 0x36;
    mirror[1] = 0x1b;
    mirror[0x0e] = 0x81;
    asked = 0;
    assert_status(vpt_pci_buses_place(&port, 0, 0, 255, windows, window_count), VPT_RESOURCE_PCI_BUSES);
    cr_assert(asked > 256u * 256u && asked < MOST, "%llu", (unsigned long long)asked);
    room_end();
}

/* ---- What goes wrong meanwhile ---- */

static void make_two(void)
{
    begin();
    (void)add_disk(add_bridge(NULL, 1, &usual), 0);
    (void)add_disk(add_bridge(add_bridge(NULL, 2, &usual), 0, &conventional), 0);
}

/* The first error is told, and what was given an address is still reached at it. */
Test(pci_buses, an_access_that_fails, .timeout = 120)
{
    uint64_t reads = 0;
    uint64_t writes = 0;

    make_two();
    assert_status(run(), VPT_OK);
    for (unsigned i = 0; i < node_count; i++) {
        reads += nodes[i].config_reads;
        writes += nodes[i].config_writes;
    }
    room_end();
    for (unsigned n = 1; n <= writes; n++) {
        make_two();
        room.bus.rules_off = true; /* a command register that could not be written decodes still */
        mock_trigger_set(&room.bus.fail_write, n, 1);
        assert_status(run(), room.bus.fail_status);
        cr_assert(room.bus.fail_write.fired == 1);
        room_end();
    }
    for (unsigned n = 1; n <= 4; n++) {
        make_two();
        mock_trigger_set(&nodes[1].vanish, n * 11, 0);
        assert_status(run(), VPT_DEVICE_GONE);
        cr_assert(mock_pci_bar_address(&nodes[4], 1) != 0, "others are served");
        room_end();
    }
    cr_assert(reads > writes);
}

Test(pci_buses, arguments)
{
    begin();
    assert_status(vpt_pci_buses_place(NULL, 0, 0, 255, windows, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&room.bus.port, 0, 1, 0, windows, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&room.bus.port, 0, 0, 255, NULL, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&room.bus.port, 0, 0, 255, NULL, 0), VPT_OK);
    room_end();
}
