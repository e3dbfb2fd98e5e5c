/* SPDX-License-Identifier: MIT */
/* Images of devices: what a guest sees of the one that has been given another's image, and what becomes of bad ones. */
#include <stdlib.h>
#include <string.h>

#include "assign_devices.h"
#include "assign_signal.h"

#include <vpt/assign_snapshot.h>

TestSuite(assign_snapshot, .timeout = 120);

#define WRONG VPT_CALLER_IMAGE

static uint8_t image[VPT_ASSIGN_SNAPSHOT_SIZE(4096, 2048)];
static size_t image_size;
static uint32_t seed;

static uint32_t any(void)
{
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

static uint32_t load32(size_t at)
{
    return image[at] | (uint32_t)image[at + 1] << 8 | (uint32_t)image[at + 2] << 16 | (uint32_t)image[at + 3] << 24;
}

static void store32(size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        image[at + i] = (uint8_t)(value >> 8 * i);
    }
}

/* Makes the checksum right. */
static void seal(void)
{
    uint64_t sum = 2166136261;

    for (size_t at = 0; at < image_size - 4; at += 4) {
        sum = (sum ^ load32(at)) * 16777619 % 4294967296;
    }
    store32(image_size - 4, (uint32_t)sum);
}

static void save(struct vpt_assign_device *device)
{
    image_size = vpt_assign_snapshot_size(device);
    assert_status(vpt_assign_snapshot_save(device, image, image_size), VPT_OK);
}

static enum vpt_status restore(void)
{
    return vpt_assign_snapshot_restore(&function->device, image, image_size);
}

static void give_again(void)
{
    assert_status(vpt_assign_release(&function->device), VPT_OK);
    assert_same(function->mapped_count, 0);
    function_give();
}

/* ---- What any guest has written ---- */

static void write_anything(const struct composed *composed)
{
    for (unsigned step = 0; step < 400; step++) {
        uint16_t offset = (uint16_t)(any() % 3 == 0 ? any() % composed->config_size & ~3u : 4 + any() % 16 * 4);
        uint32_t value = any() << 12 ^ any();
        enum vpt_status status;

        if (offset >= 0x10 && offset < 0x34) {
            value &= 0x3fff0001;
        }
        status = guest_try_write(offset, 4, value);
        cr_assert(status == VPT_OK || status == VPT_REFUSED, "%s: %#x: %s", composed->name, offset,
                  vpt_status_str(status));
    }
    for (unsigned i = 0; i < function->device.vector_count; i++) {
        function->device.vectors[i].address_high = any();
        function->device.vectors[i].data = any();
        function->device.vectors[i].control = any() & 3;
    }
}

COMPOSED_TEST(assign_snapshot, a_guest_reads_after_it_what_it_has_read_before)
{
    static uint32_t before[CONFIG_SIZE / 4];
    static struct vpt_assign_vector vectors[2048];
    const struct composed *composed = composed_all[*variant];

    for (unsigned round = 0; round < 20; round++) {
        size_t size_of_vectors;
        unsigned mapped;

        seed = round + 1;
        composed_give(composed);
        write_anything(composed);
        save(&function->device);
        assert_same(image_size, VPT_ASSIGN_SNAPSHOT_SIZE(composed->config_size, function->device.vector_count));
        for (uint16_t at = 0; at < composed->config_size; at += 4) {
            before[at / 4] = guest_read(at, 4);
        }
        size_of_vectors = function->device.vector_count * sizeof(vectors[0]);
        if (size_of_vectors != 0) { /* else there is no array */
            memcpy(vectors, function->device.vectors, size_of_vectors);
        }
        mapped = function->mapped_count;
        give_again();
        assert_status(restore(), VPT_OK);
        for (uint16_t at = 0; at < composed->config_size; at += 4) {
            cr_assert(guest_read(at, 4) == before[at / 4], "%s, round %u: %#x is %#x, was %#x", composed->name, round,
                      at, guest_read(at, 4), before[at / 4]);
        }
        for (unsigned i = 0; i < function->device.vector_count; i++) {
            cr_assert(memcmp(&vectors[i].address_high, &function->device.vectors[i].address_high, 12) == 0);
        }
        assert_same(function->mapped_count, mapped);
        assert_status(vpt_assign_check(&function->device), VPT_OK);
    }
}

/* It is tried again. */
Test(assign_snapshot, an_address_where_the_hypervisor_had_no_place_is_kept)
{
    static const uint32_t address = 0xd0000000;

    composed_give(&composed_nic);
    guest_write(4, 2, MEMORY_ON);
    function->refuse_first = address;
    function->refuse_last = address + 0x1ffff;
    assert_status(guest_try_write(BAR(0), 4, address), VPT_REFUSED);
    save(&function->device);
    give_again();
    assert_status(restore(), VPT_REFUSED);
    assert_same(guest_read(BAR(0), 4), address);
    cr_assert(function->mapped_count == 0 && !function->device.degraded);
    function->refuse_last = 0;
    give_again();
    assert_status(restore(), VPT_OK);
    cr_assert(function->mapped_count != 0);
}

/* ---- Interrupts ---- */

/* Another owner has it, with what the first has had; the log begins with the restore. */
static void hand_over(void)
{
    save(&signals.device);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    signals.logged = 0;
    assert_status(vpt_assign_snapshot_restore(&signals.device, image, image_size), VPT_OK);
}

static void raise(uint16_t vector)
{
    assert_status(vpt_assign_raise(&signals.device, vector), VPT_OK);
}

Test(assign_snapshot, msix_that_is_pending_comes_once)
{
    signal_start();
    signal_bar(0, 0x4000);
    signal_msix(65, 0, 0x1000, 0, 0x2000);
    signal_open();
    for (unsigned i = 0; i < 65; i++) {
        signal_store(0, 0x1000 + 16 * i, 8, 0xfee00000 + 16 * i);
        signal_store(0, 0x1008 + 16 * i, 8, 0x100 + i);
    }
    signal_store(0, 0x100c, 4, 1);
    signal_msix_control(MSIX_ENABLE | MSIX_FUNCTION_MASK);
    raise(64);
    raise(0);
    hand_over();
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSIX, 65 });
    signal_msix_control(MSIX_ENABLE);
    EXPECT({ MESSAGE, 0xfee00400, 0x140 });
    signal_store(0, 0x100c, 4, 0);
    EXPECT({ MESSAGE, 0xfee00000, 0x100 });
    signal_msix_control(MSIX_ENABLE | MSIX_FUNCTION_MASK);
    signal_msix_control(MSIX_ENABLE);
    EXPECT_NOTHING();
}

Test(assign_snapshot, msi_that_is_pending_comes_once)
{
    signal_start();
    signal_bar(0, 0x4000);
    signal_msi(5, true, true);
    signal_msix(4, 0, 0x1000, 0, 0x2000);
    signal_open();
    signal_write(SIGNAL_MSI + 4, 4, 0xfee01000);
    signal_write(SIGNAL_MSI + 12, 2, 0x4040);
    signal_write(SIGNAL_MSI + 16, 4, 0xffffffff);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(5));
    raise(31);
    raise(0);
    hand_over();
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 32 });
    assert_same(signal_read(SIGNAL_MSI + 20, 4), 0x80000001);
    signal_write(SIGNAL_MSI + 16, 4, 0);
    EXPECT({ MESSAGE, 0xfee01000, 0x4040 }, { MESSAGE, 0xfee01000, 0x405f });
    assert_same(signal_read(SIGNAL_MSI + 20, 4), 0);
}

Test(assign_snapshot, msi_that_is_pending_is_seen_while_msi_is_off)
{
    signal_start();
    signal_msi(3, false, true);
    signal_open();
    signal_write(SIGNAL_MSI + 12, 4, 0xff);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(3));
    raise(5);
    signal_msi_control(0);
    assert_same(signal_read(SIGNAL_MSI + 16, 4), 0x20);
    hand_over();
    assert_same(signal_read(SIGNAL_MSI + 16, 4), 0x20);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    assert_same(signal_read(SIGNAL_MSI + 16, 4), 0);
}

Test(assign_snapshot, a_line_is_asserted_again)
{
    signal_start();
    signal_open();
    raise(VPT_ASSIGN_INTX);
    hand_over();
    EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
}

/* ---- Bad images ---- */

/* The network card, with an image of what a guest has written in `image`, acquired anew. */
static void ready(void)
{
    seed = 7;
    composed_give(&composed_nic);
    write_anything(&composed_nic);
    save(&function->device);
    give_again();
}

/* Asserts that it is refused, and that nobody has noticed. */
static void refused(const char *row, const void *bytes, size_t size, enum vpt_status status)
{
    struct vpt_assign_device before = function->device;

    function_forget();
    assert_status_of(row, vpt_assign_snapshot_restore(&function->device, bytes, size), status);
    cr_assert(memcmp(&before, &function->device, sizeof(before)) == 0, "%s", row);
    cr_assert(function->logged == 0 && function->calls == 0, "%s", row);
}

/* But those of the version, which say something else. */
Test(assign_snapshot, an_image_with_any_bit_flipped_is_refused)
{
    ready();
    for (size_t bit = 0; bit < 8 * image_size; bit += bit < 8u * 32u ? 1 : 7) {
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused("a bit", image, image_size, bit < 8 ? VPT_UNSUPPORTED_VERSION : WRONG);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_status(restore(), VPT_OK);
}

/* Each prefix lies in memory of just that size; more bytes than the image has are not looked at. */
Test(assign_snapshot, bytes_that_are_not_there_are_not_read)
{
    ready();
    for (size_t length = 0; length < image_size; length += length < 64 || length + 64 >= image_size ? 1 : 61) {
        uint8_t *prefix = malloc(length + 1);

        cr_assert(prefix != NULL);
        memcpy(prefix + 1, image, length);
        refused("a prefix", prefix + 1, length, WRONG);
        free(prefix);
    }
    assert_status(vpt_assign_snapshot_restore(&function->device, image, image_size + 100), VPT_OK);
}

/* A byte of the host's configuration space that is another, and what becomes of the image. */
struct difference {
    const char *row;
    uint16_t offset;
    uint8_t bits;
    enum vpt_status status;
};

static void check_differences(void (*start)(void), const struct difference *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        start();
        function->config[rows[i].offset] ^= rows[i].bits;
        function_open_and_give();
        if (rows[i].status != VPT_OK) {
            refused(rows[i].row, image, image_size, rows[i].status);
        } else {
            assert_status_of(rows[i].row, restore(), VPT_OK);
        }
    }
}

static void start_card(void)
{
    composed_start(&composed_nic);
}

/* All that a guest's driver has learnt is as it was; what comes and goes is not looked at, nor a serial number. */
Test(assign_snapshot, the_image_of_a_device_that_differs_is_refused_if_a_driver_could_tell)
{
    static const struct difference rows[] = {
        { "device id", 0x02, 0x01, WRONG },
        { "revision", 0x08, 0x01, WRONG },
        { "class", 0x0b, 0x01, WRONG },
        { "CIS pointer", 0x28, 0x02, WRONG },
        { "subsystem id", 0x2e, 0x01, WRONG },
        { "minimal grant", 0x3e, 0x01, WRONG },
        { "version of power management", 0x42, 0x01, WRONG },
        { "D1", 0x43, 0x02, WRONG },
        { "number of messages", 0x52, 0x02, WRONG },
        { "masks of messages", 0x53, 0x01, WRONG },
        { "number of vectors", 0x72, 0x01, WRONG },
        { "place of the table", 0x75, 0x04, WRONG },
        { "place of pending bits", 0x79, 0x04, WRONG },
        { "type of port", 0xa2, 0x20, WRONG },
        { "payload", 0xa4, 0x01, WRONG },
        { "latencies", 0xa5, 0x01, WRONG },
        { "completion timeouts", 0xc4, 0x01, WRONG },
        { "version of error reporting", 0x102, 0x01, WRONG },
        { "version of the serial number", 0x142, 0x01, WRONG },
        { "interrupt status", 0x06, 0x08, VPT_OK },
        { "errors in the status", 0x07, 0x41, VPT_OK },
        { "power management event", 0x45, 0x80, VPT_OK },
        { "PCI Express errors", 0xaa, 0x2f, VPT_OK },
        { "link status", 0xb3, 0xc8, VPT_OK },
        { "pending messages", 0x64, 0x08, VPT_OK },
        { "vital product data", 0xe5, 0xff, VPT_OK },
        { "uncorrectable error", 0x106, 0x10, VPT_OK },
        { "error control", 0x118, 0x01, VPT_OK },
        { "serial number", 0x145, 0x01, VPT_OK },
    };
    static const char *const changes[] = { "a BAR's size", "a BAR's kind", "a hidden capability", "more functions" };

    ready();
    check_differences(start_card, rows, COUNT_OF(rows));
    for (unsigned i = 1; i < COMPOSED; i++) {
        composed_give(composed_all[i]);
        refused(composed_all[i]->name, image, image_size, WRONG);
    }
    for (unsigned i = 0; i < COUNT_OF(changes); i++) {
        composed_start(&composed_nic);
        function->bars = composed_nic.bars;
        function->bars.bar[0].size *= i == 0 ? 2 : 1;
        function->bars.bar[0].prefetchable = i == 1;
        function->setup.bars = &function->bars;
        function->setup.multi_function = i == 3;
        function_open();
        assert_status(i == 2 ? vpt_assign_hide(&function->device, 0x50) : VPT_OK, VPT_OK);
        function_give();
        refused(changes[i], image, image_size, WRONG);
    }
}

static void start_virtio_disk(void)
{
    function_start();
    function_set(0x00, 4, 0x10421af4);
    function_capability(0x40, 0x09, 0);
    function_set(0x42, 2, 0x0110);
    function_set(0x48, 4, 0x1000);
    function_set(0x4c, 4, 0x38);
    function_capability(0x50, 0x09, 0x40);
    function_set(0x52, 2, 0x0514);
    function_memory(0, 0x4000, 0xf0400000, false);
}

/* Where its registers are a driver has read from vendor-specific capabilities, which guests do not write then. */
Test(assign_snapshot, the_image_of_a_virtio_device_whose_registers_lie_elsewhere_is_refused)
{
    static const struct difference rows[] = {
        { "kind", 0x43, 0x02, WRONG },
        { "BAR", 0x44, 0x04, WRONG },
        { "offset", 0x49, 0x10, WRONG },
        { "length", 0x4c, 0x08, WRONG },
        { "configuration access", 0x54, 0x01, VPT_OK },
    };

    start_virtio_disk();
    function_open_and_give();
    guest_write(0x48, 4, 0xffffffff);
    assert_same(guest_read(0x48, 4), 0x1000);
    save(&function->device);
    check_differences(start_virtio_disk, rows, COUNT_OF(rows));
}

/* Any bytes, but for those that never change: of hidden capabilities, and what registers are made. */
static void make_anything(void)
{
    for (size_t at = 8; at < image_size - 4; at++) {
        image[at] = (uint8_t)(at >= 12 + 0x140 && at < 12 + 0x1000 ? image[at] : any());
    }
    for (unsigned i = 0; i < composed_nic.register_count; i++) {
        const struct composed_register *row = &composed_nic.registers[i];
        size_t at = 12u + row->offset;

        if (row->offset < 0x140) {
            store32(at, (load32(at) & ~row->made) | (row->value & row->made));
        }
    }
    seal();
}

/* An image is no proof of where it comes from. */
Test(assign_snapshot, an_image_of_an_enemy_does_no_more_than_a_guest_could)
{
    ready();
    for (unsigned round = 0; round < 200; round++) {
        enum vpt_status status;

        seed = round;
        make_anything();
        give_again();
        status = restore();
        cr_assert(status == VPT_OK || status == VPT_REFUSED, "%s", vpt_status_str(status));
        assert_status(vpt_assign_check(&function->device), VPT_OK);
        assert_same(guest_read(0, 4), function->device.vendor_id | (uint32_t)function->device.device_id << 16);
        for (unsigned i = 0; i < function->device.vector_count; i++) {
            const struct vpt_assign_vector *vector = &function->device.vectors[i];

            cr_assert((vector->control & ~3u) == 0 && (vector->address_low & 3) == 0);
        }
        cr_assert(!function->announced, "a write that the audit was not told of");
    }
}

/* What is as it was is not written; and the function is not reset, as if a guest had written a 1. */
Test(assign_snapshot, an_image_of_power_on_writes_nothing_and_none_resets)
{
    uint64_t start = host_time;

    composed_start(&composed_nic);
    function->host.delay = host_delay;
    function_open_and_give();
    save(&function->device);
    function_forget();
    assert_status(restore(), VPT_OK);
    cr_assert(function->logged == 0 && function->calls == 0);
    image[12 + 0xa8 + 1] ^= 0x90;
    seal();
    assert_status(restore(), VPT_OK);
    assert_same(host_time, start);
    assert_same(function->actions, 0);
}

Test(assign_snapshot, images_are_saved_of_owned_devices_and_given_to_those_where_nothing_is_enabled)
{
    struct vpt_assign_device *device = &function->device;

    ready();
    guest_write(BAR(0), 4, 0xc0000000);
    guest_write(4, 2, MEMORY_ON);
    assert_status(restore(), VPT_CALLER_STATE);
    guest_write(4, 2, 0);
    assert_status(restore(), VPT_OK);
    assert_status(vpt_assign_release(device), VPT_OK);
    assert_status(restore(), VPT_CALLER_STATE);
    assert_status(vpt_assign_snapshot_save(device, image, image_size), VPT_CALLER_STATE);
    function_give();
    assert_status(vpt_assign_snapshot_save(device, image, image_size - 1), VPT_CALLER_MEMORY);
    assert_status(vpt_assign_snapshot_save(device, NULL, image_size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_save(NULL, image, image_size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_restore(NULL, image, image_size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_restore(device, NULL, image_size), VPT_CALLER_ARGUMENT);
    assert_same(vpt_assign_snapshot_size(NULL), 0);
    assert_status(vpt_assign_release(device), VPT_OK);
    assert_status(vpt_assign_close(device), VPT_OK);
    assert_same(vpt_assign_snapshot_size(device), 0);
    assert_status(vpt_assign_snapshot_save(device, image, image_size), VPT_CALLER_ARGUMENT);
}

/* Decoding and bus mastering are enabled even if no BAR has an address yet. */
Test(assign_snapshot, a_device_whose_guest_has_only_begun_to_enable_it_gets_no_image)
{
    static const uint16_t commands[] = { 0x1, 0x2, 0x4, 0x7 };

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        composed_give(&composed_nic);
        guest_write(BAR(0), 4, 0xd0000000);
        guest_write(0x3c, 1, 11);
        save(&function->device);
        give_again();
        guest_write(4, 2, commands[i]);
        function->refuse_first = 0xd0000000;
        function->refuse_last = 0xdfffffff;
        assert_status(restore(), VPT_CALLER_STATE);
        assert_same(guest_read(BAR(0), 4) & 0xfffffff0, 0);
        guest_write(4, 2, 0);
        assert_status(restore(), VPT_OK);
        assert_same(guest_read(BAR(0), 4) & 0xfffffff0, 0xd0000000);
    }
}

/* ---- Failures ---- */

/* The device is degraded until its release then, and the image is as good. */
Test(assign_snapshot, each_hook_and_each_access_of_the_host_may_fail)
{
    for (unsigned host = 0; host < 2; host++) {
        unsigned failed = 0;
        unsigned k = 1;

        for (ready();; k += host == 0 || k < 20 ? 1 : 37) {
            enum vpt_status status;

            function->fail_in = host != 0 ? k : 0;
            function_fail_hooks(k, host == 0);
            status = restore();
            function->fail_in = 0;
            function_fail_hooks(0, 0);
            if (status == VPT_OK) {
                break;
            }
            failed++;
            assert_status(status, host != 0 ? HOST_FAILURE : HOOK_FAILURE);
            cr_assert(function->device.degraded && function->violations == 0);
            give_again();
        }
        cr_assert(failed > (host != 0 ? 20 : 2));
        assert_status(vpt_assign_check(&function->device), VPT_OK);
    }
}

Test(assign_snapshot, of_a_function_that_has_vanished_there_is_none)
{
    ready();
    function->gone = true;
    assert_status(restore(), VPT_DEVICE_GONE);
    ready();
    function->gone = true;
    assert_status(vpt_assign_snapshot_save(&function->device, image, image_size), VPT_DEVICE_GONE);
}
