/* SPDX-License-Identifier: MIT */
/* What the library makes of a port: missing members, its own register accesses, waits, the log. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hand.h"

static struct vpt_queue queue;

/* ---- Direct access: a zeroed port ---- */

/* The bytes of a register, as memory holds them: little-endian on every host. */
static void assert_bytes(size_t offset, uint8_t b0, uint8_t b1, uint8_t b2, uint8_t b3)
{
    const uint8_t *bytes = &hand.registers[offset];

    cr_assert(bytes[0] == b0 && bytes[1] == b1 && bytes[2] == b2 && bytes[3] == b3, "0x%03zx: %02x %02x %02x %02x",
              offset, bytes[0], bytes[1], bytes[2], bytes[3]);
}

Test(port, MMIO_REG_2_registers_are_little_endian_words)
{
    hand_open(&version_2, 0, 256);
    assert_bytes(R_STATUS, 0x0f, 0, 0, 0);
    assert_bytes(R_QUEUE_SIZE, 0x00, 0x01, 0x00, 0x00);
    assert_bytes(R_QUEUE_DESC, 0x00, 0x60, 0x45, 0x23); /* HAND_RINGS_ADDRESS */
    assert_bytes(R_QUEUE_DESC + 4, 0x01, 0x00, 0x00, 0x00);
    assert_bytes(R_QUEUE_DRIVER, 0x00, 0x70, 0x45, 0x23); /* and 4096 */
    assert_bytes(R_QUEUE_DEVICE, 0x10, 0x72, 0x45, 0x23); /* and 4096 + 518, rounded up to 16 */
    assert_bytes(R_QUEUE_READY, 1, 0, 0, 0);
    assert_bytes(R_DRV_SELECT, 1, 0, 0, 0);
    assert_bytes(R_DRV_FEATURES, 1, 0, 0, 0); /* VERSION_1 in the word written last */
}

Test(port, D_LMMIO_5_legacy_registers_are_little_endian_words)
{
    hand_open(&version_1, 0, 256);
    assert_bytes(R_STATUS, 0x07, 0, 0, 0);
    assert_bytes(R_QUEUE_SIZE, 0x00, 0x01, 0x00, 0x00);
    assert_bytes(R_PAGE_SIZE, 0x00, 0x10, 0x00, 0x00);
    assert_bytes(R_QUEUE_ALIGN, 0x10, 0x00, 0x00, 0x00);
    assert_bytes(R_QUEUE_PFN, 0x56, 0x34, 0x12, 0x00); /* HAND_RINGS_ADDRESS / 4096 */
    assert_bytes(R_DRV_SELECT, 0, 0, 0, 0);
    assert_bytes(R_DRV_FEATURES, 0, 0, 0, 0x30);
    assert_same(hand_get(R_QUEUE_DESC) | hand_get(R_QUEUE_READY), 0);
}

VARIANT_TEST(port, a_zeroed_port_reaches_a_slot_in_memory)
{
    uint32_t written = 0;
    void *token = NULL;

    hand_open(variant, 0, 16);
    assert_same(hand.device->type, PLAIN_TYPE);
    assert_same(hand.device->vendor, 0x11223344u);
    assert_same(vpt_device_legacy(hand.device), variant->version == 1);
    hand_add(&written, true, 300);
    assert_status(vpt_queue_kick(&hand.queue), VPT_OK);
    assert_bytes(R_NOTIFY, 0, 0, 0, 0);
    hand_use(hand_take(), 299);
    assert_status(vpt_queue_pop(&hand.queue, &token, &written), VPT_OK);
    cr_assert(token == &written);
    assert_same(written, 299);
    assert_status(vpt_device_reset(hand.device), VPT_OK);
    assert_status(vpt_queue_release(&hand.queue), VPT_OK);
}

/* One access of exactly that width: the neighbours keep their bytes. */
VERSION_TEST(port, MMIO_REG_3_direct_writes_leave_the_neighbours_alone)
{
    static const uint32_t value = 0x11223344;

    for (unsigned width = 1; width <= 4; width *= 2) {
        for (uint32_t offset = 0; offset < 16; offset += width) {
            uint32_t back = 0;

            hand_negotiate(variant, 0, 16);
            memset(&hand.registers[R_CONFIG], 0xaa, 32);
            assert_status(vpt_device_config_write(hand.device, offset, width, value), VPT_OK);
            for (uint32_t i = 0; i < 32; i++) {
                bool inside = i >= offset && i < offset + width;

                cr_assert(inside || hand.registers[R_CONFIG + i] == 0xaa, "byte %u", (unsigned)i);
            }
            assert_status(vpt_device_config_read(hand.device, offset, width, &back), VPT_OK);
            cr_assert(back == (width == 4 ? value : value & ((1u << (8 * width)) - 1u)));
            if (variant->version == 2) {
                cr_assert(hand.registers[R_CONFIG + offset] == 0x44);
            }
        }
    }
}

/* A slot whose last byte is the last one before a page that cannot be read. */
VERSION_TEST(port, MMIO_REG_3_direct_reads_touch_no_byte_more)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    for (unsigned width = 1; width <= 4; width *= 2) {
        size_t size = 0x100 + 8;
        uint8_t *slot = pages + page - size;
        struct vpt_mmio mmio;
        uint32_t value = 0;

        hand_registers(variant, 0, 16);
        memcpy(slot, hand.registers, 0x100);
        memset(slot + 0x100, 0x5a, 8);
        assert_status(vpt_mmio_probe(&mmio, &hand.port, slot, size), VPT_OK);
        assert_status(vpt_device_negotiate(&mmio.device, NULL, NULL, NULL), VPT_OK);
        assert_status(vpt_device_config_read(&mmio.device, 8 - width, width, &value), VPT_OK);
        cr_assert(value == 0x5a5a5a5au >> (32 - 8 * width));
        assert_status(vpt_device_config_write(&mmio.device, 8 - width, width, 1), VPT_OK);
        assert_status(vpt_device_config_read(&mmio.device, 8, width, &value), VPT_CALLER_RANGE);
    }
    cr_assert(munmap(pages, 2 * page) == 0);
}

static void add_and_kick(struct vpt_queue *queue)
{
    struct vpt_segment segment = machine_segment(0, 4);

    assert_status(vpt_queue_add(queue, &segment, 0, 1, NULL), VPT_OK);
    assert_status(vpt_queue_kick(queue), VPT_OK);
}

/* Only a kick makes a port call, and of accessors of the port's own. Nothing is logged or waited for. */
STARTED_QUEUE_TEST(port, the_data_path_reads_no_register_and_is_silent)
{
    machine_trace();
    for (unsigned i = 0; i < 100; i++) {
        add_and_kick(&queue);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
        assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_EMPTY);
        assert_same(machine.trace_count, i + 1);
        cr_assert(machine.trace[i].write && machine.trace[i].width == 4);
        assert_same(machine.trace[i].offset, R_NOTIFY);
        assert_same(machine.trace[i].value, 0);
    }
    assert_same(machine.hal->log_count, 0);
    assert_same(machine.hal->waits[VPT_WAIT_RESET], 0);
}

/* ---- Little is needed ---- */

/* Only what gives memory and reaches registers: no waits, no log, no shares, no maps. */
VARIANT_TEST(port, a_port_of_the_minimum_tier)
{
    struct vpt_port *port;

    plain_machine(variant, NULL);
    port = &machine.hal->port;
    *port = (struct vpt_port){ .ctx = port->ctx,
                               .dma_allocate = port->dma_allocate,
                               .dma_free = port->dma_free,
                               .mmio_read = port->mmio_read,
                               .mmio_write = port->mmio_write };
    assert_status(vpt_mmio_probe(&machine.mmio, port, machine.on_mmio.mapping, machine.on_mmio.size), VPT_OK);
    assert_status(vpt_device_negotiate(machine.device, NULL, NULL, NULL), VPT_OK);
    plain_queue(&queue, 16, 16, 4);
    add_and_kick(&queue);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_OK);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_USED_ID_RANGE, 1, 1, 0);
    add_and_kick(&queue);
    assert_status(vpt_queue_pop(&queue, NULL, NULL), VPT_DEVICE_USED_ID);
    plain_end(&queue);
}

/* ---- The log ---- */

static void assert_logged(enum vpt_log_level level, enum vpt_status status)
{
    const struct mock_hal *hal = machine.hal;

    cr_assert(hal->log_count == 1, "%u lines", (unsigned)hal->log_count);
    cr_assert(hal->log[0].level == level && hal->log[0].status == status && hal->log[0].subject[0] != '\0');
}

PROBED_TEST(port, failures_are_logged_once)
{
    struct vpt_features required = { { 1u << 22, 0, 0, 0 } };
    struct vpt_queue_config config = { .index = 7 };

    assert_status(vpt_device_negotiate(machine.device, &required, NULL, NULL), VPT_UNSUPPORTED_FEATURE);
    assert_logged(VPT_LOG_ERROR, VPT_UNSUPPORTED_FEATURE);
    machine_finish();
    plain_negotiate(variant, NULL);
    assert_status(vpt_queue_init(&queue, machine.device, &config), VPT_UNSUPPORTED_QUEUE);
    assert_logged(VPT_LOG_WARNING, VPT_UNSUPPORTED_QUEUE);
    machine_finish();
    plain_negotiate(variant, NULL);
    mock_fault_set(&machine.model->faults, MOCK_FAULT_VANISH, 2, 1, 0);
    assert_status(vpt_device_reset(machine.device), VPT_DEVICE_GONE);
    assert_logged(VPT_LOG_ERROR, VPT_DEVICE_GONE);
}
