/* SPDX-License-Identifier: MIT */
/* Numbers for buses, windows for bridges, addresses for what is behind them. */
#include <string.h>

#include "disk.h"
#include "pci_setup.h"

#define NODES 40u

/* A machine of this test's own: a tree of functions on bus 0 of segment 0. */
static struct mock_pci_function nodes[NODES];
static unsigned node_count;

static struct vpt_pci_window windows[3];
static unsigned window_count;
static uint8_t last_bus;

static uint32_t random_below(uint32_t *seed, uint32_t bound)
{
    return next_random(seed) % bound;
}

static void begin(void)
{
    pci_begin(0);
    memset(nodes, 0, sizeof(nodes));
    node_count = 0;
    window_count = pci_windows(windows, "i:c004-ffff m:e0001000-e0ffffff p:100000010-1ffffffff");
    last_bus = 255;
}

static void add(struct mock_pci_function *bridge, uint8_t device)
{
    struct mock_pci_function *node = &nodes[node_count++];

    cr_assert(node_count <= NODES);
    if (bridge == NULL) {
        mock_pci_bus_add(&pci.bus, node, 0, 0, device, 0);
    } else {
        mock_pci_bus_add_behind(&pci.bus, node, bridge, device, 0);
    }
}

/* A bridge, by the letter of what windows it has beside the one for memory. */
static void add_bridge(struct mock_pci_function *bridge, uint8_t device, char letter)
{
    static const struct mock_pci_ids ids = { .vendor = 0x1b36, .device = 12, .class_code = 0x060400, .header_type = 1 };
    static const struct mock_pci_windows kinds[] = {
        { .io = true, .prefetchable = true, .prefetchable_64bit = true }, /* b: usual */
        { .io = true, .io_32bit = true, .prefetchable = true },           /* c: conventional */
        { .io = true, .prefetchable = true },                             /* l: only below 4 GiB */
        { .io = true },                                                   /* m: nothing prefetchable */
        { .prefetchable = true, .prefetchable_64bit = true },             /* n: no ports */
    };
    static const char letters[] = "bclmn";

    mock_pci_bridge_init(&nodes[node_count], &ids, &kinds[strchr(letters, letter) - letters]);
    add(bridge, device);
}

static void add_device(struct mock_pci_function *bridge, uint8_t device)
{
    static const struct mock_pci_ids ids = { .vendor = 0x1af4, .device = 0x1042, .class_code = 0x010000 };

    mock_pci_function_init(&nodes[node_count], &ids);
    add(bridge, device);
}

/*
 * A machine from its text: d is a disk with a BAR of each kind, as a transitional virtio function has, e and p are
 * devices with one BAR, and the other letters are bridges, with what is behind them in parentheses. Behind a letter may
 * be the device number. Nodes have the order of the text.
 */
static void build(const char *tree)
{
    struct mock_pci_function *above = NULL;
    uint8_t next[VPT_PCI_BRIDGES_DEEP + 3u] = { 0 };
    unsigned depth = 0;

    begin();
    for (; *tree != '\0'; tree++) {
        if (*tree == '(') {
            above = &nodes[node_count - 1];
            next[++depth] = 0;
        } else if (*tree == ')') {
            above = above->behind;
            depth--;
        } else if (strchr("dep", *tree) != NULL) {
            next[depth] = tree[1] >= '0' && tree[1] <= '9' ? (uint8_t)(tree[1] - '0') : next[depth];
            add_device(above, next[depth]++);
            pci_bars(&nodes[node_count - 1], *tree == 'd' ? "i128 m4K - - r16K" : *tree == 'e' ? "- - m1M" : "p2M");
        } else if (*tree >= 'b' && *tree <= 'n') {
            add_bridge(above, next[depth]++, *tree);
        }
    }
}

static enum vpt_status run(void)
{
    return vpt_pci_buses_place(&pci.bus.port, 0, 0, last_bus, windows, window_count);
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

/* A bridge forwards a BAR if it is above it, and nothing of it if it is beside it. */
static void check_forwarding(const struct mock_pci_function *bridge, const struct mock_pci_function *node, bool io,
                             uint64_t first, uint64_t last)
{
    bool above = is_above(bridge, node);

    if (bridge->behind != NULL && !is_above(bridge->behind, node)) {
        return; /* an access does not come by */
    }
    assert_same(mock_pci_bridge_forwards(bridge, io, first, last), above);
    for (uint64_t at = first; at - first <= last - first; at += io ? 4 * KIB : MIB) {
        assert_same(mock_pci_bridge_forwards(bridge, io, at, at), above);
    }
}

/* Every byte of a BAR that has an address is forwarded by the bridges in front of it, and taken by nobody else. */
static void check_bar(const struct mock_pci_function *node, unsigned index)
{
    bool io = node->bars[index].io;
    uint64_t first = mock_pci_bar_address(node, index);
    uint64_t last = first + node->bars[index].size - 1u;

    for (unsigned i = 0; i < node_count; i++) {
        const struct mock_pci_function *other = &nodes[i];

        for (unsigned j = 0; j < 6; j++) {
            uint64_t at = mock_pci_bar_address(other, j);
            uint64_t size = other->bars[j].io == io && at != 0 ? other->bars[j].size : 0;

            cr_assert((other == node && j == index) || size == 0 || at > last || at + size - 1u < first,
                      "two BARs at 0x%" PRIx64, first);
        }
        if (is_bridge(other) && other != node) {
            check_forwarding(other, node, io, first, last);
        }
    }
}

/* Numbers are those of a tree: behind a bridge are exactly the buses from its secondary to its subordinate one. */
static void check_numbers(const struct mock_pci_function *bridge)
{
    uint32_t secondary = mock_pci_get(bridge, 0x19, 1);
    uint32_t subordinate = mock_pci_get(bridge, 0x1a, 1);

    assert_same(mock_pci_get(bridge, 0x18, 1), mock_pci_bus_number(bridge));
    cr_assert(secondary > mock_pci_bus_number(bridge) && subordinate >= secondary);
    for (unsigned i = 0; i < node_count; i++) {
        uint32_t other = mock_pci_get(&nodes[i], 0x19, 1);

        if (is_bridge(&nodes[i]) && &nodes[i] != bridge) {
            assert_same(other >= secondary && other <= subordinate, is_above(bridge, &nodes[i]));
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

    assert_status(vpt_pci_enumerate(&pci.bus.port, 0, 0, 255, count, &found), VPT_OK);
    assert_same(all ? found : node_count, node_count);
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

/*
 * Of each disk its bus, the command register of the bridge in front (on bus 0: its own), and where its BARs for I/O,
 * memory and prefetchable memory are, in hexadecimal.
 */
static void check_disks(const char *expected)
{
    char text[256] = "";

    for (const struct mock_pci_function *node = nodes; node < nodes + node_count; node++) {
        if (node->bars[0].io && node->bars[4].prefetchable) {
            (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%x.%x:%x/%x/%" PRIx64,
                           text[0] != '\0' ? " " : "", mock_pci_bus_number(node),
                           mock_pci_command(node->behind != NULL ? node->behind : node),
                           (unsigned)mock_pci_bar_address(node, 0), (unsigned)mock_pci_bar_address(node, 1),
                           mock_pci_bar_address(node, 4));
        }
    }
    cr_assert(strcmp(text, expected) == 0, "%s, not %s", text, expected);
}

static void check_log(unsigned lines, const char *subject, enum vpt_status status)
{
    assert_same(pci.hal.log_count, lines);
    assert_status(pci.hal.log[0].status, status);
    cr_assert(lines == 0 || strcmp(pci.hal.log[0].subject, subject) == 0, "%s", pci.hal.log[0].subject);
}

/* ---- Trees ---- */

static void check_outcome(enum vpt_status status, unsigned lines, const char *subject, const char *disks)
{
    assert_status_of(disks, run(), status);
    check_tree(status == VPT_OK && window_count == 3);
    check_disks(disks);
    check_log(lines, subject, status);
    pci_end();
}

Test(pci_buses, what_runs_out_leaves_the_rest_as_good_as_it_was)
{
    build("b(d) b(d) b(d) b(d)");
    last_bus = 2;
    check_outcome(VPT_RESOURCE_PCI_BUSES, 2, "bridge",
                  "1.7:d000/e0100000/100100000 2.7:e000/e0200000/100200000 0.0:0/0/0 0.0:0/0/0");
    build("b(b(b(b(b(b(b(b(b(d) d))))))))");
    check_outcome(VPT_RESOURCE_PCI_BUSES, 1, "bridge", "0.0:0/0/0 8.7:d000/e0100000/100100000");
    build("b(d) b(d) b(d) b(d)");
    windows[0].last = 0xdfff;
    windows[1].last = 0xe02ffffe;
    check_outcome(VPT_RESOURCE_PCI_WINDOW, 3, "BARs", "1.7:d000/e0100000/100100000 2.4:0/0/0 3.4:0/0/0 4.4:0/0/0");
}

/* A bridge without ports keeps a function from its own; a machine without ports does not want them. */
Test(pci_buses, ports_that_the_machine_has_not_are_not_missed)
{
    build("n(d)");
    check_outcome(VPT_RESOURCE_PCI_WINDOW, 1, "BARs", "1.6:0/e0100000/100100000");
    build("n(d)");
    windows[0] = windows[2];
    window_count = 2;
    check_outcome(VPT_OK, 0, "", "1.6:0/e0100000/100100000");
}

Test(pci_buses, after_the_last_address_0_does_not_follow)
{
    build("b(d) b(d)");
    (void)pci_windows(&windows[2], "p:fffffffffff00000-ffffffffffffffff");
    check_outcome(VPT_OK, 0, "", "1.7:d000/e0100000/fffffffffff00000 2.7:e000/e0204000/e0200000");
}

Test(pci_buses, a_root_port_s_windows_cover_the_disk_behind_it)
{
    static const uint32_t registers[] = { 0x00010100, 0x0000d0d0, 0xe010e010, 0x00110011, 1, 1 }; /* from 0x18 on */
    uint64_t writes;

    build("d b(d) d");
    assert_status(run(), VPT_OK);
    check_tree(true);
    check_disks("0.0:c080/e0001000/100004000 1.7:d000/e0100000/100100000 0.0:e000/e0200000/100200000");
    for (unsigned i = 0; i < COUNT_OF(registers); i++) {
        assert_same(mock_pci_get(&nodes[1], (uint16_t)(0x18 + 4 * i), 4), registers[i]);
    }
    assert_same(mock_pci_command(&nodes[2]), 0);
    assert_same(windows[0].next, 0xe080);
    assert_same(windows[1].next, 0xe0201000);
    assert_same(windows[2].next, 4 * GIB + 2 * MIB + 16 * KIB);
    /* From now on it is as if firmware had done it. */
    writes = nodes[1].config_writes + nodes[2].config_writes;
    assert_status(run(), VPT_OK);
    assert_same(nodes[1].config_writes + nodes[2].config_writes, writes);
    check_tree(true);
    pci_end();
}

/* As deep as may be, with one bridge that has nothing behind; and three pairs of bridges. */
Test(pci_buses, bridges_may_be_beside_and_behind_each_other)
{
    build("b(c(b(c(b(c(b(c(d7) b))))))) b c(b(e p)) c(b(e p)) c(b(e p))");
    windows[1].last = 0xefffffff;
    for (unsigned i = 0; i < VPT_PCI_BRIDGES_DEEP; i++) {
        pci_bars(&nodes[i], "q256");
    }
    assert_status(run(), VPT_OK);
    check_tree(true);
    pci_end();
}

static void add_random_device(struct mock_pci_function *above, uint8_t device, uint32_t *seed)
{
    struct mock_pci_bar bar = { .size = UINT64_C(0x1000) << random_below(seed, 8),
                                .prefetchable = random_below(seed, 2) != 0 };

    bar.is_64bit = bar.prefetchable && random_below(seed, 2) != 0;
    add_device(above, device);
    mock_pci_bar_init(&nodes[node_count - 1], 2, &bar);
    mock_pci_bar_init(&nodes[node_count - 1], 0,
                      &(struct mock_pci_bar){ .size = 4u << random_below(seed, 5), .io = true });
}

/* Random trees, in windows of random ends: whatever has an address is reached at it, and nothing else is there. */
Test(pci_buses, any_tree_comes_to_what_holds_for_all, .timeout = 60)
{
    uint32_t seed = 1;

    for (unsigned n = 0; n < 300; n++) {
        struct mock_pci_function *bridges[NODES] = { NULL };
        unsigned bridge_count = 1;
        bool tight = n % 3 == 0;
        enum vpt_status status;

        begin();
        windows[1].last -= tight ? 0x700000 + n * 4096 : 0;
        windows[0].last = tight ? 0xefff : 0xffff;
        for (uint8_t i = 0; i < 24; i++) {
            struct mock_pci_function *above = bridges[random_below(&seed, bridge_count)];

            if (random_below(&seed, 3) == 0 && bridge_count < 7) {
                bridges[bridge_count++] = &nodes[node_count];
                add_bridge(above, i, random_below(&seed, 2) != 0 ? 'b' : 'c');
            } else {
                add_random_device(above, i, &seed);
            }
        }
        status = run();
        cr_assert(status == VPT_OK || status == VPT_RESOURCE_PCI_WINDOW);
        check_tree(status == VPT_OK);
        pci_end();
    }
}

/* ---- Which windows ---- */

/* `window` is the second one for memory, `address` that of a 64-bit prefetchable BAR of 16 KiB behind a bridge. */
static void check_prefetchable(const char *tree, const char *window, uint64_t address)
{
    build(tree);
    (void)pci_windows(&windows[1], "m:e0000000-e01fffff");
    (void)pci_windows(&windows[2], window);
    assert_status_of(window, run(), VPT_OK);
    check_tree(true);
    assert_same_of(window, mock_pci_bar_address(&nodes[1], 4), address);
    pci_end();
}

Test(pci_buses, prefetchable_memory_goes_where_the_bridge_reaches)
{
    check_prefetchable("b(d)", "p:100000000-13fffffff", 4 * GIB);
    check_prefetchable("b(d)", "m:100000000-13fffffff", 4 * GIB);
    check_prefetchable("b(d)", "p:d0000000-d0ffffff", 0xd0000000);
    check_prefetchable("b(d)", "m:d0000000-d0ffffff", 0xd0000000); /* the one with more room, for both */
    check_prefetchable("b(d)", "m:d0000000-d01fffff", 0xe0000000); /* as much room: the first one */
    check_prefetchable("b(d)", "p:d0000000-d00ffffe", 0xe0000000); /* not a whole unit */
    check_prefetchable("b(d)", "p:fffffffffff00001-ffffffffffffffff", 0xe0000000);
    check_prefetchable("b(d)", "p:fffffffffff00000-ffffffffffffffff", 0xfffffffffff00000);
    check_prefetchable("l(d)", "p:d0000000-d0ffffff", 0xd0000000); /* a bridge of 32 bits */
    check_prefetchable("l(d)", "p:100000000-13fffffff", 0xe0000000);
    check_prefetchable("m(d)", "p:100000000-13fffffff", 0xe0000000); /* a bridge without such a window */
}

/* ---- What is there already ---- */

/* A bridge with numbers and what is behind it; a function that decodes; a BAR that has an address. */
Test(pci_buses, what_firmware_has_done_is_left_alone)
{
    build("b b(d) d d");
    mock_pci_set(&nodes[1], 0x18, 4, 0x40070500);
    mock_pci_bar_assign(&nodes[3], 1, 0xf0000000);
    mock_pci_command_set(&nodes[3], VPT_PCI_COMMAND_MEMORY);
    mock_pci_bar_assign(&nodes[4], 1, 0xf1000000);
    assert_status(run(), VPT_OK);
    assert_same(nodes[1].config_writes + nodes[2].config_writes + nodes[3].config_writes, 0);
    assert_same(mock_pci_get(&nodes[0], 0x18, 4), 0x00080800); /* above all that have a number */
    check_disks("5.0:0/0/0 0.2:0/f0000000/0 0.0:c080/f1000000/100004000");
    pci_end();
}

/* What is behind a bridge without a number was reached by nobody: its numbers, addresses and bits are left-overs. */
Test(pci_buses, what_is_left_over_behind_a_new_bridge_goes)
{
    build("b(b(d))");
    mock_pci_set(&nodes[0], 0x18, 4, 0x20ff0000); /* the latency timer stays */
    mock_pci_set(&nodes[1], 0x18, 4, 0x00090401);
    mock_pci_set(&nodes[1], 0x20, 4, 0xfff00000);
    mock_pci_bar_assign(&nodes[2], 1, 0xe0100000);
    mock_pci_bar_assign(&nodes[2], 4, 0x123400000);
    for (unsigned i = 0; i < 3; i++) {
        mock_pci_command_set(&nodes[i], 7);
    }
    assert_status(run(), VPT_OK);
    check_tree(true);
    assert_same(mock_pci_get(&nodes[0], 0x18, 4), 0x20020100);
    assert_same(mock_pci_get(&nodes[1], 0x18, 4), 0x00020201);
    check_disks("2.7:d000/e0100000/100100000");
    assert_same(mock_pci_command(&nodes[2]), 0);
    pci_end();
}

/* Some ports of PCI Express show the device behind them under all numbers. */
Test(pci_buses, a_port_of_pci_express_has_one_device)
{
    static const uint8_t flags[] = { 0x42, 0x62, 0x82, 0x52, 0x72 }; /* the first three are such ports */

    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const uint8_t body[] = { flags[i], 0 };

        build("b(d d)");
        cr_assert(mock_pci_capability_add(&nodes[0], 0x10, body, 2, NULL) != 0);
        assert_status(run(), VPT_OK);
        cr_assert((mock_pci_bar_address(&nodes[2], 1) == 0) == (i < 3), "flags 0x%x", flags[i]);
        pci_end();
    }
}

/* ---- Bridges that lie ---- */

Test(pci_buses, a_bridge_whose_registers_do_not_hold_stays_closed)
{
    static const uint16_t registers[] = { 0x18, 0x19, 0x1a, 0x20, 0x22 };

    for (size_t i = 0; i < COUNT_OF(registers); i++) {
        bool late = registers[i] == 0x22; /* a window's end, which is written when all is done */

        build("b(d) b(d)");
        memset(&nodes[0].writable[registers[i]], 0, 2);
        mock_pci_set(&nodes[0], registers[i], 1, registers[i] < 0x20 ? 0x70 : 0);
        pci.bus.rules_off = true;
        assert_status(run(), VPT_DEVICE_PCI_BRIDGE);
        check_log(1, "bridge", VPT_DEVICE_PCI_BRIDGE);
        assert_same(mock_pci_command(&nodes[0]) & 3, 0);
        cr_assert(mock_pci_bar_address(&nodes[1], 1) == 0 || late, "register 0x%x", registers[i]);
        cr_assert(mock_pci_bar_address(&nodes[3], 1) != 0, "register 0x%x", registers[i]);
        assert_same(mock_pci_command(&nodes[2]), 7);
        assert_same(mock_pci_get(&nodes[2], 0x18, 4), late ? 0x00020200u : 0x00010100u);
        pci_end();
    }
}

/* What a port's configuration space answers that is no space of functions. */
static enum {
    NOISE,
    BRIDGES, /* noise, in which everything is a bridge */
    MIRROR   /* registers that hold what is written, the same for all functions: a bridge behind itself */
} answers;
static uint32_t noise;
static uint64_t asked;
static struct mock_pci_function mirror;

static enum vpt_status wild_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                 uint32_t *value)
{
    (void)ctx;
    (void)address;
    asked++;
    if (answers == MIRROR) {
        *value = mock_pci_get(&mirror, offset, width);
        return VPT_OK;
    }
    *value = random_below(&noise, 0xffffffff);
    if (answers == BRIDGES && offset == 0x0e && width == 1) {
        *value = 0x81;
    }
    return asked > 2000 && random_below(&noise, 50) == 0 ? (enum vpt_status)0x12345 : VPT_OK;
}

static enum vpt_status wild_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                  uint32_t value)
{
    (void)ctx;
    (void)address;
    asked++;
    if ((offset < 0x10 || offset >= 0x18) && offset != 0x38) { /* no BARs */
        mock_pci_set(&mirror, offset, width, value);
    }
    return VPT_OK;
}

/* Accesses per function, of all that there can be, are few. */
#define MOST (UINT64_C(256) * 256u * 200u)

Test(pci_buses, whatever_configuration_space_says_it_ends, .timeout = 60)
{
    struct vpt_port port = { .config_read = wild_read, .config_write = wild_write };

    for (unsigned n = 0; n < 6; n++) {
        answers = n < 3 ? NOISE : BRIDGES;
        noise = n + 1;
        asked = 0;
        begin();
        (void)vpt_pci_buses_place(&port, 0, 0, 255, windows, window_count);
        cr_assert(asked > 1000 && asked < MOST, "%" PRIu64, asked);
        for (unsigned i = 0; i < 3; i++) {
            cr_assert(windows[i].next - 1 <= windows[i].last);
        }
        pci_end();
    }
    answers = MIRROR;
    begin();
    memset(&mirror, 0, sizeof(mirror));
    mock_pci_set(&mirror, 0, 2, 0x1b36);
    mock_pci_set(&mirror, 0x0e, 1, 0x81);
    asked = 0;
    assert_status(vpt_pci_buses_place(&port, 0, 0, 255, windows, window_count), VPT_RESOURCE_PCI_BUSES);
    cr_assert(asked > 256u * 256u && asked < MOST, "%" PRIu64, asked);
    pci_end();
}

/* ---- What goes wrong meanwhile ---- */

/* The first error is told, and the other functions are served. */
Test(pci_buses, an_access_that_fails_is_told, .timeout = 120)
{
    uint64_t writes = 0;

    build("b(d) b(c(d))");
    assert_status(run(), VPT_OK);
    for (unsigned i = 0; i < node_count; i++) {
        writes += nodes[i].config_writes;
    }
    pci_end();
    cr_assert(writes != 0);
    for (unsigned n = 1; n <= writes; n++) {
        build("b(d) b(c(d))");
        pci.bus.rules_off = true; /* a command register that could not be written decodes still */
        mock_trigger_set(&pci.bus.fail_write, n, 1);
        assert_status(run(), pci.bus.fail_status);
        assert_same(pci.bus.fail_write.fired, 1);
        pci_end();
    }
    for (unsigned n = 1; n <= 4; n++) {
        build("b(d) b(c(d))");
        mock_trigger_set(&nodes[1].vanish, n * 11, 0);
        assert_status(run(), VPT_DEVICE_GONE);
        cr_assert(mock_pci_bar_address(&nodes[4], 1) != 0);
        pci_end();
    }
    /* On an empty bus, after the 32 reads that look for numbers. */
    begin();
    mock_trigger_set(&pci.bus.fail_read, 33, 1);
    assert_status(run(), pci.bus.fail_status);
    check_log(1, "configuration", pci.bus.fail_status);
    pci_end();
}

Test(pci_buses, arguments_that_make_no_sense_are_refused)
{
    begin();
    assert_status(vpt_pci_buses_place(NULL, 0, 0, 255, windows, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&pci.bus.port, 0, 1, 0, windows, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&pci.bus.port, 0, 0, 255, NULL, 3), VPT_CALLER_ARGUMENT);
    assert_status(vpt_pci_buses_place(&pci.bus.port, 0, 0, 255, NULL, 0), VPT_OK);
    pci_end();
}
