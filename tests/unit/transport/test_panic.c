/* SPDX-License-Identifier: MIT */
/*
 * A kernel that dies in the middle of anything, and writes its last words to the disk: with objects and memory that
 * were set aside for that, no lock, no allocation, and nothing known of what the objects in use were at.
 */
#include "disk.h"
#include "watched_port.h"

#include <setjmp.h>
#include <string.h>

TestSuite(panic, .timeout = 120);

#define ENTRIES  16u
#define REQUESTS 4u
#define SEGMENTS 2u

/* What a kernel sets aside. The rings fit every interface: a legacy PCI one takes the size that the device says. */
static struct reserve {
    _Alignas(4096) uint8_t rings[VPT_QUEUE_RINGS_SIZE(256, VPT_QUEUE_LEGACY_RINGS_ALIGNMENT)];
    _Alignas(16) uint8_t indirect[VPT_BLK_INDIRECT_SIZE(REQUESTS, SEGMENTS)];
    _Alignas(16) uint8_t slots[VPT_BLK_SLOTS_SIZE(REQUESTS, 0)];
    _Alignas(8) uint8_t state[VPT_REQUESTS_PRIVATE_SIZE(REQUESTS)];
    struct vpt_mmio mmio;
    struct vpt_virtio_pci pci;
    struct vpt_device *device;
    struct vpt_blk blk;
    struct vpt_blk_queue queue;
    struct vpt_requests_config config;
} reserve;

static jmp_buf out;
static uint32_t accesses_left; /* of registers, to the one at which the kernel dies, from 1; 0: it does not */

static bool count(enum callback callback, enum vpt_wait wait)
{
    (void)wait;
    if ((MADE(callback) & MADE_REGISTERS) != 0 && accesses_left != 0 && --accesses_left == 0) {
        longjmp(out, 1);
    }
    return true;
}

static void set_aside(void)
{
    memset(&reserve, 0, sizeof(reserve));
    reserve.device = machine_on_pci() ? &reserve.pci.device : &reserve.mmio.device;
    reserve.config = (struct vpt_requests_config){
        .requests = REQUESTS,
        .segments = SEGMENTS,
        .size = ENTRIES,
        .memory = { .rings = mock_hal_register_anywhere(machine.hal, reserve.rings, sizeof(reserve.rings), true),
                    .indirect =
                        mock_hal_register_anywhere(machine.hal, reserve.indirect, sizeof(reserve.indirect), false),
                    .private_state = { reserve.state, 0, sizeof(reserve.state) },
                    .slots = mock_hal_register_anywhere(machine.hal, reserve.slots, sizeof(reserve.slots), true) },
    };
    cr_assert(reserve.config.memory.rings.address != NULL && reserve.config.memory.slots.address != NULL);
}

/* ---- The last words ---- */

static void write_last_words(uint32_t seed)
{
    uint8_t words[SECTOR];
    uint64_t allocations = machine.hal->allocations;
    enum vpt_status status =
        machine_on_pci()
            ? vpt_virtio_pci_probe(&reserve.pci, &machine.on_pci.address, &machine.on_pci.bars, VPT_VIRTIO_PCI_ANY)
            : vpt_mmio_probe(&reserve.mmio, machine.port, machine.on_mmio.mapping, machine.on_mmio.size);

    assert_status(status, VPT_OK);
    assert_status(vpt_blk_init(&reserve.blk, reserve.device, NULL), VPT_OK);
    assert_status(vpt_blk_queue_init(&reserve.queue, &reserve.blk, 0, &reserve.config), VPT_OK);
    assert_status(vpt_driver_start(&reserve.blk.driver), VPT_OK);
    fill(words, sizeof(words), seed);
    assert_status(vpt_blk_write(&reserve.queue, 63, words, sizeof(words)), VPT_OK);
    assert_status(vpt_blk_flush(&reserve.queue), VPT_OK);
    cr_assert(filled(disk_content(63), SECTOR, seed));
    cr_assert(machine.hal->allocations == allocations, "a panic allocates");
}

/* ---- Work to be cut short anywhere ---- */

static void work(void)
{
    static uint8_t bytes[3 * SECTOR];

    if (disk_bring_up(NULL) != VPT_OK) {
        return;
    }
    pair_submit(0, 8);
    (void)vpt_blk_write(&disk.queue[0], 8, bytes, sizeof(bytes));
    (void)pair_poll();
    (void)vpt_blk_write(&disk.queue[0], 8, bytes, sizeof(bytes));
    (void)vpt_blk_read(&disk.queue[1], 8, bytes, sizeof(bytes));
    (void)vpt_blk_refresh(&disk.blk);
    (void)vpt_device_interrupt(machine.device);
    (void)vpt_device_reset(machine.device);
    (void)pair_poll();
    (void)vpt_driver_restart(&disk.blk.driver, NULL);
    (void)vpt_blk_flush(&disk.queue[0]);
}

/* Ends the machine. What the dead kernel had allocated went with it: it is no violation that it was never freed. */
static void bury(void)
{
    assert_status(vpt_device_reset(reserve.device), VPT_OK);
    assert_status(vpt_requests_release(&reserve.queue.requests), VPT_OK);
    cr_assert(machine.hal->violations.count == 0, "%s", machine.hal->violations.message[0]);
    (void)mock_hal_finish(machine.hal);
    mock_device_finish(machine.model);
    mock_blk_finish(machine.blk);
    if (machine_on_pci()) {
        mock_pci_function_finish(&machine.on_pci.function);
    }
}

/* Whether the work was over before its n-th access. */
static bool die_at(enum machine_kind kind, uint32_t access)
{
    volatile bool survived = false;

    pair_machine(kind, NULL);
    set_aside();
    watch_port(machine.port, count);
    if (setjmp(out) == 0) {
        accesses_left = access;
        work();
        survived = accesses_left != 0;
        accesses_left = 0;
    }
    write_last_words(access);
    bury();
    return survived;
}

TRANSPORT_TEST(panic, a_kernel_that_dies_at_any_access_still_writes_to_its_disk)
{
    uint32_t access = 1;

    while (!die_at(variant->kind, access)) {
        access++;
        cr_assert(access < 2000);
    }
    cr_assert(access > 60, "%u", access);
}
