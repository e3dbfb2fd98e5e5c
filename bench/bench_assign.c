/* SPDX-License-Identifier: MIT */
/*
 * Cost of a guest's accesses to an assigned device: a network card whose registers are memory, and hooks that do as
 * little as possible. Usage: assign KIND COUNT VECTORS; the program does KIND COUNT times. Only the library's calls are
 * counted, with the hooks that they call.
 */
#include <vpt/vpt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_SIZE 4096u
#define REGIONS     VPT_ASSIGN_REGIONS(0)
#define VECTORS     2048u

/* Offsets in the card's configuration space. */
#define PM   0x40u
#define MSIX 0x50u
#define AER  0x100u

static uint8_t config[CONFIG_SIZE];
static uint64_t storage[(VPT_ASSIGN_STORAGE_SIZE(CONFIG_SIZE, 0, REGIONS) + VPT_ASSIGN_VECTORS_SIZE(VECTORS)) / 8u];
static struct vpt_assign_device device;
static struct vpt_assign_remap remap;
static struct vpt_assign_remap_entry entries[65536]; /* the most entries that a remap array can have */
static unsigned messages;

/* ---- Hooks that do as little as possible ---- */

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    (void)ctx;
    *value = 0;
    switch (width) {
    case 1: *value = config[offset]; break;
    case 2: memcpy(value, &config[offset], 2); break;
    default: memcpy(value, &config[offset], 4); break;
    }
    return VPT_OK;
}

static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    switch (width) {
    case 1: config[offset] = (uint8_t)value; break;
    case 2: memcpy(&config[offset], &value, 2); break;
    default: memcpy(&config[offset], &value, 4); break;
    }
    return VPT_OK;
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    return VPT_OK;
}

static enum vpt_status reset(void *ctx, enum vpt_assign_reset_method method)
{
    (void)ctx;
    (void)method;
    return VPT_OK;
}

static void delay(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
}

static enum vpt_status message(void *ctx, uint64_t address, uint32_t data)
{
    (void)ctx;
    (void)address;
    (void)data;
    messages++;
    return VPT_OK;
}

/* ---- The card ---- */

static void set(unsigned offset, uint32_t value)
{
    memcpy(&config[offset], &value, 4);
}

static void check(enum vpt_status status, const char *what)
{
    if (status != VPT_OK) {
        fprintf(stderr, "%s: %s\n", what, vpt_status_str(status));
        exit(EXIT_FAILURE);
    }
}

/* Registers in BAR 0, a 64-bit one in BAR 2, the MSI-X table in BAR 4: three regions are live. */
static void open_card(unsigned vectors)
{
    static const struct vpt_pci_bars
        bars = { .bar = {
                     [0] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x20000, .address = 0xfe000000 },
                     [2] = { .kind = VPT_PCI_BAR_MEMORY, .is_64bit = true, .size = 0x100000, .address = 0x8000000000 },
                     [4] = { .kind = VPT_PCI_BAR_MEMORY, .size = 0x10000, .address = 0xfd000000 },
                 } };
    static const struct vpt_assign_host host = {
        .config_read = config_read, .config_write = config_write, .reset = reset, .delay = delay
    };
    static const struct vpt_assign_guest guest = { .map = map, .unmap = map, .message = message };
    struct vpt_assign_config setup = { .host = &host,
                                       .config_size = CONFIG_SIZE,
                                       .bars = &bars,
                                       .storage = storage,
                                       .storage_size = sizeof(storage),
                                       .regions = REGIONS };

    set(0x00, 0x10d38086);
    set(0x04, 0x00100000);
    set(0x34, PM);
    set(PM, 0x00030001u | MSIX << 8);
    set(MSIX, (vectors - 1u) << 16 | 0x11);
    set(MSIX + 4, 4);
    set(MSIX + 8, 0x8000 | 4);
    set(AER, 0x00020001);
    check(vpt_assign_open(&device, &setup), "open");
    check(vpt_assign_acquire(&device, 1, &guest), "acquire");
    check(vpt_assign_config_write(&device, 0x10, 4, 0xc0000000), "BAR 0");
    check(vpt_assign_config_write(&device, 0x18, 4, 0xd0000000), "BAR 2");
    check(vpt_assign_config_write(&device, 0x20, 4, 0xe0000000), "BAR 4");
    check(vpt_assign_config_write(&device, 0x04, 2, 0x0006), "command");
}

static void enable_vectors(unsigned vectors)
{
    for (unsigned i = 0; i < vectors; i++) {
        check(vpt_assign_access_write(&device, VPT_ASSIGN_MEMORY, 0xe0000000 + 16u * i, 8, 0xfee00000), "address");
        check(vpt_assign_access_write(&device, VPT_ASSIGN_MEMORY, 0xe0000008 + 16u * i, 8, i), "data");
        check(vpt_assign_remap_add(&remap, i, &device, (uint16_t)i, i & 3u), "remap");
    }
    check(vpt_assign_config_write(&device, MSIX + 2, 2, 0x8000), "MSI-X");
}

/* ---- What is counted ---- */

static enum vpt_status once(const char *kind, unsigned n, unsigned vectors)
{
    struct vpt_assign_interrupt interrupt;
    uint32_t value;

    if (strcmp(kind, "read") == 0) {
        return vpt_assign_config_read(&device, AER + 4, 4, &value);
    }
    if (strcmp(kind, "read-virtual") == 0) {
        return vpt_assign_config_read(&device, 0x10, 4, &value);
    }
    if (strcmp(kind, "write") == 0) {
        return vpt_assign_config_write(&device, AER + 8, 4, n);
    }
    if (strcmp(kind, "write-virtual") == 0) {
        return vpt_assign_config_write(&device, 0x3c, 1, n & 0xffu);
    }
    if (strcmp(kind, "command") == 0) {
        return vpt_assign_config_write(&device, 0x04, 2, (n & 1u) != 0 ? 0x0402 : 0x0406);
    }
    if (strcmp(kind, "move") == 0) {
        return vpt_assign_config_write(&device, 0x10, 4, (n & 1u) != 0 ? 0xc0000000 : 0xc1000000);
    }
    if (strcmp(kind, "reset") == 0) {
        check(vpt_assign_reset(&device), "reset");
        return vpt_assign_remap_add(&remap, 65535, &device, 0, 0);
    }
    check(vpt_assign_remap_find(&remap, n % vectors, &interrupt), "find");
    return strcmp(kind, "deliver") == 0 ? vpt_assign_deliver(&interrupt) : VPT_OK;
}

int main(int argc, char **argv)
{
    unsigned count;
    unsigned vectors;

    if (argc != 4) {
        fprintf(stderr, "usage: assign KIND COUNT VECTORS\n");
        return EXIT_FAILURE;
    }
    count = (unsigned)strtoul(argv[2], NULL, 10);
    vectors = (unsigned)strtoul(argv[3], NULL, 10);
    check(vpt_assign_remap_init(&remap, entries, 65536), "remap");
    open_card(vectors);
    enable_vectors(vectors);
    for (unsigned n = 0; n < count; n++) {
        check(once(argv[1], n, vectors), argv[1]);
    }
    if (strcmp(argv[1], "deliver") == 0 && messages != count) {
        fprintf(stderr, "%u messages for %u interrupts\n", messages, count);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
