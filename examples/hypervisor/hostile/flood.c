/* SPDX-License-Identifier: MIT */
#include "flood.h"

#include <ports.h>
#include <vpt/blk.h>
#include <vpt/entropy.h>
#include <vpt/virtio_pci.h>
#include <x86.h>

#include "function.h"

#define ROUNDS       64u
#define ROUNDS_SLOW  2u
#define POLLS        100000u
#define MESSAGES     2u
#define ANSWER_BYTES 20u

struct flood {
    const struct vpt_pci_function *function;
    uint16_t msix;
    volatile uint32_t *entry; /* of the queue, in the MSI-X table */
    struct vpt_virtio_pci pci;
    struct vpt_blk blk;
    struct vpt_blk_queue disk;
    struct vpt_entropy entropy;
    struct vpt_requests *requests;
    unsigned rounds;
};

static unsigned char bytes[ANSWER_BYTES];
static uint32_t completed;

uint32_t flood_completed(void)
{
    return completed;
}

/* ---- Start and end ---- */

static bool turn_messages_on(struct flood *flood)
{
    volatile uint32_t *table;

    flood->msix = function_capability(flood->function, VPT_PCI_CAPABILITY_MSIX);
    if (flood->msix == 0) {
        return false;
    }
    table = function_msix_table(flood->function, flood->msix);
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint64_t address;
        uint32_t data;

        apic_message(i, &address, &data);
        table[4u * i] = (uint32_t)address;
        table[4u * i + 1u] = 0;
        table[4u * i + 2u] = data;
        table[4u * i + 3u] = 0;
    }
    flood->entry = table + 4u;
    function_write(flood->function, flood->msix + MSIX_CONTROL, 2, MSIX_ENABLE);
    return true;
}

static bool choose_messages(struct flood *flood)
{
    struct vpt_interrupts interrupts = { .mode = VPT_INTERRUPTS_PER_QUEUE, .queues = 1, .vectors = MESSAGES };

    return vpt_device_choose_interrupts(&flood->pci.device, &interrupts) == VPT_OK;
}

/* Without the event index each request interrupts. */
static bool start(struct flood *flood)
{
    struct vpt_device *device = &flood->pci.device;
    struct vpt_feature_choice choice = { 0 };

    vpt_features_add(&choice.refused, VPT_F_EVENT_IDX);
    if (device->type == VPT_DEVICE_TYPE_BLOCK) {
        flood->requests = &flood->disk.requests;
        flood->rounds = ROUNDS;
        return vpt_blk_init(&flood->blk, device, &choice) == VPT_OK && choose_messages(flood) &&
               vpt_blk_queue_init(&flood->disk, &flood->blk, 0, NULL) == VPT_OK &&
               vpt_driver_start(&flood->blk.driver) == VPT_OK;
    }
    flood->requests = &flood->entropy.requests;
    flood->rounds = ROUNDS_SLOW;
    return device->type == VPT_DEVICE_TYPE_ENTROPY && vpt_entropy_init(&flood->entropy, device, &choice) == VPT_OK &&
           choose_messages(flood) && vpt_entropy_queue_init(&flood->entropy, NULL) == VPT_OK &&
           vpt_driver_start(&flood->entropy.driver) == VPT_OK;
}

static bool open(struct flood *flood)
{
    struct vpt_pci_bars bars;

    function_repair(flood->function);
    return turn_messages_on(flood) && vpt_pci_bars_size(flood->function, &bars) == VPT_OK &&
           vpt_virtio_pci_probe(&flood->pci, flood->function, &bars, VPT_VIRTIO_PCI_MODERN) == VPT_OK;
}

static void close(struct flood *flood)
{
    bool disk = flood->pci.device.type == VPT_DEVICE_TYPE_BLOCK;

    (void)vpt_device_reset(&flood->pci.device);
    (void)vpt_driver_release(disk ? &flood->blk.driver : &flood->entropy.driver);
    vpt_virtio_pci_close(&flood->pci);
    function_write(flood->function, flood->msix + MSIX_CONTROL, 2, 0);
}

/* ---- The flood ---- */

static enum vpt_status submit(struct flood *flood)
{
    const struct vpt_segment segment = { ports_device_address(bytes), ANSWER_BYTES };
    const struct vpt_blk_request request = { .operation = VPT_BLK_GET_ID, .segments = &segment, .segment_count = 1 };

    return flood->pci.device.type == VPT_DEVICE_TYPE_BLOCK ? vpt_blk_submit(&flood->disk, &request, NULL)
                                                           : vpt_entropy_submit(&flood->entropy, &segment, 1, NULL);
}

static void change(struct flood *flood, bool mixed)
{
    flood->entry[3] = ENTRY_MASKED;
    flood->entry[3] = 0;
    if (mixed) {
        function_write(flood->function, flood->msix + MSIX_CONTROL, 2, 0);
        function_write(flood->function, flood->msix + MSIX_CONTROL, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK);
        function_write(flood->function, flood->msix + MSIX_CONTROL, 2, MSIX_ENABLE);
    }
}

static void flood_round(struct flood *flood, bool mixed)
{
    struct vpt_completion completion;
    unsigned left = 0;

    while (submit(flood) == VPT_OK) {
        (void)vpt_requests_kick(flood->requests);
        left++;
    }
    for (unsigned n = 0; n < POLLS && left != 0; n++) {
        if (n % 16u == 0) {
            change(flood, mixed);
        }
        if (vpt_requests_poll(flood->requests, &completion) == VPT_OK) {
            completed++;
            left--;
        }
    }
}

static void run(const struct vpt_pci_function *function, bool mixed)
{
    static struct flood flood;

    flood = (struct flood){ .function = function };
    if (!open(&flood)) {
        return;
    }
    if (start(&flood)) {
        for (unsigned i = 0; i < flood.rounds; i++) {
            flood_round(&flood, mixed);
        }
    }
    close(&flood);
}

void flood_messages(const struct vpt_pci_function *function)
{
    run(function, false);
}

void flood_mixed(const struct vpt_pci_function *function)
{
    run(function, true);
}
