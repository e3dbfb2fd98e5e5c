/* SPDX-License-Identifier: MIT */
/* virtio-pci, modern, with MSI-X: configuration space, and one BAR that contains everything. */
#include <string.h>

#include "threads_simulated.h"

#define BAR     UINT64_C(0xe0000000)
#define COMMON  0x0000u
#define CONFIG  0x1000u
#define ISR     0x2000u
#define NOTIFY  0x3000u
#define TABLE   0x4000u
#define PENDING (TABLE + 16u * VECTORS)

#define CAPABILITIES   0x40u
#define MULTIPLIER     4u
#define COMMAND        0x04u
#define COMMAND_WRITES 0x0406u /* memory decoding, bus mastering, no INTx */
#define MSIX_ENABLE    0x8000u

const struct vpt_pci_function simulated_function = { &simulated_port, { 0, 0, 5, 0 } };
const struct vpt_pci_bars simulated_bars = {
    .bar = { [4] = { .kind = VPT_PCI_BAR_MEMORY, .address = BAR, .size = 0x8000, .is_64bit = true } },
};

/* ---- Configuration space, under the device's lock ---- */

static void put(unsigned offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        simulated.configuration[offset + i] = (uint8_t)(value >> (8u * i));
    }
}

static uint32_t get(unsigned offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < width; i++) {
        value |= (uint32_t)simulated.configuration[offset + i] << (8u * i);
    }
    return value;
}

/* struct virtio_pci_cap; the notification capability also has a multiplier. */
static unsigned put_capability(unsigned at, unsigned type, uint32_t offset, uint32_t length)
{
    unsigned size = type == 2u ? 20u : 16u;

    put(at, 4, VPT_PCI_CAPABILITY_VENDOR | (at + size) << 8 | size << 16 | type << 24);
    put(at + 4u, 4, 4); /* BAR 4 */
    put(at + 8u, 4, offset);
    put(at + 12u, 4, length);
    if (size == 20u) {
        put(at + 16u, 4, MULTIPLIER);
    }
    return at + size;
}

void simulated_pci_init(void)
{
    unsigned at = CAPABILITIES;

    put(0x00, 4, VPT_PCI_VENDOR_VIRTIO | (VPT_PCI_DEVICE_MODERN_FIRST + VPT_DEVICE_TYPE_BLOCK) << 16);
    put(0x06, 2, 0x0010);               /* status: capability list */
    put(0x20, 4, (uint32_t)BAR | 0x4u); /* BAR 4, 64 bits */
    put(0x34, 1, CAPABILITIES);
    at = put_capability(at, 1, COMMON, 0x38);
    at = put_capability(at, 2, NOTIFY, MULTIPLIER * QUEUES);
    at = put_capability(at, 3, ISR, 1);
    at = put_capability(at, 4, CONFIG, 64);
    put(at, 4, VPT_PCI_CAPABILITY_MSIX | (VECTORS - 1u) << 16);
    put(at + 4u, 4, TABLE | 4u);
    put(at + 8u, 4, PENDING | 4u);
    for (unsigned i = 0; i < VECTORS; i++) {
        simulated.table[4u * i + 3u] = 1; /* masked */
    }
}

enum vpt_status simulated_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t *value)
{
    (void)ctx;
    (void)address;
    *value = GET(simulated.vanished) || offset >= sizeof(simulated.configuration) ? UINT32_MAX : get(offset, width);
    return VPT_OK;
}

enum vpt_status simulated_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                       unsigned width, uint32_t value)
{
    (void)ctx;
    (void)address;
    if (GET(simulated.vanished)) {
        return VPT_OK;
    }
    if (offset == COMMAND) {
        put(COMMAND, 2, value & COMMAND_WRITES);
    } else if (width == 2u && get(offset - 2u, 1) == VPT_PCI_CAPABILITY_MSIX) {
        put(offset, 2, (get(offset, 2) & ~MSIX_ENABLE) | (value & MSIX_ENABLE));
    }
    return VPT_OK;
}

/* ---- The BAR ---- */

static uint32_t read_queue(const struct simulated_queue *queue, unsigned offset)
{
    switch (offset) {
    case 0x18: return queue != NULL ? queue->size : 0;
    case 0x1a: return queue != NULL ? queue->vector : VPT_NO_VECTOR;
    case 0x1c: return queue != NULL && queue->enabled ? 1 : 0;
    default: return 0;
    }
}

static uint32_t read_common(unsigned offset)
{
    switch (offset) {
    case 0x04: return simulated_offered(simulated.device_select);
    case 0x10: return simulated.configuration_vector;
    case 0x14: return simulated_read_status(); /* reads no other field: another CPU may be selecting a queue */
    case 0x1e: return simulated.queue_select;
    default: return read_queue(simulated_selected(), offset);
    }
}

static void write_queue(struct simulated_queue *queue, unsigned offset, uint32_t value)
{
    if (queue == NULL) {
        return;
    }
    if (offset == 0x18) {
        queue->size = (uint16_t)value;
    } else if (offset == 0x1a) {
        queue->vector = (uint16_t)value;
    } else if (offset == 0x1c) {
        queue->enabled = value == 1u;
    } else if (offset >= 0x20 && offset < 0x38) {
        simulated_set_half(&queue->areas[(offset - 0x20u) / 8u], (offset & 4u) != 0, value);
    }
}

static void write_common(unsigned offset, uint32_t value)
{
    switch (offset) {
    case 0x00: simulated.device_select = value; break;
    case 0x08: simulated.driver_select = value; break;
    case 0x0c: simulated_accept(simulated.driver_select, value); break;
    case 0x10: simulated.configuration_vector = (uint16_t)value; break;
    case 0x14: simulated_write_status((uint8_t)value); break;
    case 0x16: simulated.queue_select = value; break;
    default: write_queue(simulated_selected(), offset, value); break;
    }
}

uint32_t simulated_pci_read(uint64_t physical, unsigned width)
{
    unsigned offset = (unsigned)(physical - BAR);

    if (offset >= TABLE) {
        return simulated.table[(offset - TABLE) / 4u];
    }
    if (offset >= ISR) {
        return 0; /* not read with MSI-X */
    }
    return offset >= CONFIG ? simulated_read_disk_config(offset - CONFIG, width) : read_common(offset);
}

void simulated_pci_write(uint64_t physical, unsigned width, uint32_t value)
{
    unsigned offset = (unsigned)(physical - BAR);

    (void)width;
    if (offset >= TABLE) {
        simulated.table[(offset - TABLE) / 4u] = value;
    } else if (offset >= NOTIFY) {
        simulated_kick((offset - NOTIFY) / MULTIPLIER);
    } else if (offset < CONFIG) {
        write_common(offset, value);
    }
}
