/* SPDX-License-Identifier: MIT */
/* Images of devices: what a guest sees of the one that has been given another's image, and what becomes of bad ones. */
#include <stdlib.h>
#include <string.h>

#include "assign_devices.h"
#include "assign_signal.h"

#include <vpt/assign_snapshot.h>

TestSuite(assign_snapshot, .timeout = 120);

#define IMAGE_MAX VPT_ASSIGN_SNAPSHOT_SIZE(4096, 2048)

static uint8_t image[IMAGE_MAX];
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
static void seal(size_t size)
{
    uint64_t sum = 2166136261;

    for (size_t at = 0; at < size - 4; at += 4) {
        sum = (sum ^ load32(at)) * 16777619 % 4294967296;
    }
    store32(size - 4, (uint32_t)sum);
}

/* ---- Any life ---- */

static const struct composed *const functions[] = { &composed_nic,     &composed_gpu,   &composed_legacy,
                                                    &composed_virtual, &composed_loops, &composed_crowded };

/* Register by register, as the guest reads them. */
static void read_all(const struct composed *composed, uint32_t *registers)
{
    for (unsigned i = 0; i < composed->config_size / 4u; i++) {
        assert_status(vpt_assign_config_read(&host.device, (uint16_t)(4 * i), 4, &registers[i]), VPT_OK);
    }
}

static void live(const struct composed *composed)
{
    for (unsigned step = 0; step < 400; step++) {
        uint16_t offset = (uint16_t)(any() % 3 == 0 ? any() % composed->config_size & ~3u : 4 + any() % 16 * 4);
        uint32_t value = any() << 12 ^ any();
        enum vpt_status status;

        if (offset >= 0x10 && offset < 0x34) {
            value &= 0x3fff0001;
        }
        status = vpt_assign_config_write(&host.device, offset, 4, value);
        cr_assert(status == VPT_OK || status == VPT_REFUSED, "%s: %#x: %s", composed->name, offset,
                  vpt_status_str(status));
    }
    for (unsigned i = 0; i < host.device.vector_count; i++) {
        host.device.vectors[i].address_high = any();
        host.device.vectors[i].data = any();
        host.device.vectors[i].control = any() & 3;
    }
}

Test(assign_snapshot, any_life_goes_on)
{
    static uint32_t before[1024];
    static uint32_t after[1024];
    static struct vpt_assign_vector vectors[2048];

    for (unsigned round = 0; round < 20u * COUNT_OF(functions); round++) {
        const struct composed *composed = functions[round % COUNT_OF(functions)];
        size_t size;

        seed = round + 1;
        composed_start(composed);
        composed_open();
        assert_status(composed_acquire(1), VPT_OK);
        live(composed);
        size = vpt_assign_snapshot_size(&host.device);
        cr_assert(size == VPT_ASSIGN_SNAPSHOT_SIZE(composed->config_size, host.device.vector_count));
        assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
        read_all(composed, before);
        for (unsigned i = 0; i < host.device.vector_count; i++) {
            vectors[i] = host.device.vectors[i];
        }
        unsigned mapped = desk.mapped_count;
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        cr_assert(desk.mapped_count == 0);

        assert_status(composed_acquire(2), VPT_OK);
        assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
        read_all(composed, after);
        for (unsigned i = 0; i < composed->config_size / 4u; i++) {
            cr_assert(before[i] == after[i], "%s, round %u: %#x is %#x, was %#x", composed->name, round, 4 * i,
                      after[i], before[i]);
        }
        for (unsigned i = 0; i < host.device.vector_count; i++) {
            cr_assert(memcmp(&vectors[i].address_high, &host.device.vectors[i].address_high, 12) == 0);
        }
        cr_assert(desk.mapped_count == mapped, "%s: %u for %u", composed->name, desk.mapped_count, mapped);
        assert_status(vpt_assign_check(&host.device), VPT_OK);
        assert_status(vpt_assign_release(&host.device), VPT_OK);
    }
}

/* Where the hypervisor had no place for a BAR it is tried again, and the guest's address is kept. */
Test(assign_snapshot, a_refused_move_is_kept)
{
    static const uint32_t address = 0xd0000000;
    uint32_t value;
    size_t size;

    composed_start(&composed_nic);
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    assert_status(vpt_assign_config_write(&host.device, 4, 2, 2), VPT_OK);
    desk.refuse_first = address;
    desk.refuse_last = address + 0x1ffff;
    assert_status(vpt_assign_config_write(&host.device, 0x10, 4, address), VPT_REFUSED);
    size = vpt_assign_snapshot_size(&host.device);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
    assert_status(vpt_assign_release(&host.device), VPT_OK);

    assert_status(composed_acquire(1), VPT_OK);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_REFUSED);
    assert_status(vpt_assign_config_read(&host.device, 0x10, 4, &value), VPT_OK);
    cr_assert(value == address && desk.mapped_count == 0 && !host.device.degraded);
    desk.refuse_last = 0;
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(composed_acquire(1), VPT_OK);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
    cr_assert(desk.mapped_count != 0);
}

/* ---- Interrupts ---- */

/* Puts aside what the guest has, and acquires the device anew. The image's size; the log is empty. */
static size_t hand_over(void)
{
    size_t size = vpt_assign_snapshot_size(&signals.device);

    assert_status(vpt_assign_snapshot_save(&signals.device, image, size), VPT_OK);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    signals.logged = 0;
    return size;
}

Test(assign_snapshot, what_is_pending_comes_once)
{
    size_t size;

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
    assert_status(vpt_assign_raise(&signals.device, 64), VPT_OK);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_OK);
    size = hand_over();
    assert_status(vpt_assign_snapshot_restore(&signals.device, image, size), VPT_OK);
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
    size_t size;

    signal_start();
    signal_bar(0, 0x4000);
    signal_msi(5, true, true);
    signal_msix(4, 0, 0x1000, 0, 0x2000);
    signal_open();
    signal_write(SIGNAL_MSI + 4, 4, 0xfee01000);
    signal_write(SIGNAL_MSI + 12, 2, 0x4040);
    signal_write(SIGNAL_MSI + 16, 4, 0xffffffff);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(5));
    assert_status(vpt_assign_raise(&signals.device, 31), VPT_OK);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_OK);
    size = hand_over();
    assert_status(vpt_assign_snapshot_restore(&signals.device, image, size), VPT_OK);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 32 });
    cr_assert(signal_read(SIGNAL_MSI + 20, 4) == 0x80000001);
    signal_write(SIGNAL_MSI + 16, 4, 0);
    EXPECT({ MESSAGE, 0xfee01000, 0x4040 }, { MESSAGE, 0xfee01000, 0x405f });
    cr_assert(signal_read(SIGNAL_MSI + 20, 4) == 0);
}

/* MSI is off, and its pending bits can be read all the same. */
Test(assign_snapshot, msi_that_is_pending_is_seen)
{
    size_t size;

    signal_start();
    signal_msi(3, false, true);
    signal_open();
    signal_write(SIGNAL_MSI + 12, 4, 0xff);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(3));
    assert_status(vpt_assign_raise(&signals.device, 5), VPT_OK);
    signal_msi_control(0);
    cr_assert(signal_read(SIGNAL_MSI + 16, 4) == 0x20);
    size = hand_over();
    cr_assert(signal_read(SIGNAL_MSI + 16, 4) == 0);
    assert_status(vpt_assign_snapshot_restore(&signals.device, image, size), VPT_OK);
    cr_assert(signal_read(SIGNAL_MSI + 16, 4) == 0x20);
}

Test(assign_snapshot, a_line_is_asserted_again)
{
    size_t size;

    signal_start();
    signal_open();
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_OK);
    size = hand_over();
    assert_status(vpt_assign_snapshot_restore(&signals.device, image, size), VPT_OK);
    EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
}

/* ---- Bad images ---- */

/* The network card, with an image of its life in `image`, acquired anew. */
static size_t ready(void)
{
    size_t size;

    seed = 7;
    composed_start(&composed_nic);
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    live(&composed_nic);
    size = vpt_assign_snapshot_size(&host.device);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(composed_acquire(1), VPT_OK);
    host_forget();
    desk.calls = 0;
    return size;
}

/* Asserts that it is refused, and that nobody has noticed. */
static void refused(const void *bytes, size_t size, enum vpt_status status)
{
    struct vpt_assign_device before = host.device;

    assert_status(vpt_assign_snapshot_restore(&host.device, bytes, size), status);
    cr_assert(memcmp(&before, &host.device, sizeof(before)) == 0);
    cr_assert(host_writes() == 0 && desk.calls == 0);
}

/* Each bit counts, but those of the version, which say something else. */
Test(assign_snapshot, each_bit_flipped)
{
    size_t size = ready();

    for (size_t bit = 0; bit < 8 * size; bit += bit < 8u * 32u ? 1 : 7) {
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(image, size, bit < 8 ? VPT_UNSUPPORTED_VERSION : VPT_CALLER_IMAGE);
        image[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
}

/* Bytes that are not there are not read: each prefix lies in memory of just that size. */
Test(assign_snapshot, each_length)
{
    size_t size = ready();

    for (size_t length = 0; length < size; length += length < 64 || length + 64 >= size ? 1 : 61) {
        uint8_t *prefix = malloc(length + 1);

        cr_assert(prefix != NULL);
        memcpy(prefix + 1, image, length);
        refused(prefix + 1, length, VPT_CALLER_IMAGE);
        free(prefix);
    }
    /* More bytes than the image has are nobody's business. */
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size + 100), VPT_OK);
}

static void other(const struct composed *composed)
{
    composed_start(composed);
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    host_forget();
    desk.calls = 0;
}

/* A byte of the host's configuration space that is another, and what becomes of the image. */
struct difference {
    uint16_t offset;
    uint8_t bits;
    enum vpt_status status;
};

/* The card is what it was but for one thing. */
static void differ(size_t size, const struct composed *composed, const struct difference *differences, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        enum vpt_status status = differences[i].status;

        composed_start(composed);
        host.config[differences[i].offset] ^= differences[i].bits;
        composed_open();
        assert_status(composed_acquire(1), VPT_OK);
        host_forget();
        desk.calls = 0;
        if (status != VPT_OK) {
            refused(image, size, status);
        } else {
            assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
        }
        assert_status(vpt_assign_release(&host.device), VPT_OK);
    }
}

/* All that a guest's driver has learnt is as it was; what comes and goes is not looked at, nor a serial number. */
Test(assign_snapshot, of_another_device)
{
    static const struct difference differences[] = {
        { 0x02, 0x01, VPT_CALLER_IMAGE },
        { 0x08, 0x01, VPT_CALLER_IMAGE },
        { 0x0b, 0x01, VPT_CALLER_IMAGE },
        { 0x28, 0x02, VPT_CALLER_IMAGE },
        { 0x2e, 0x01, VPT_CALLER_IMAGE },
        { 0x3e, 0x01, VPT_CALLER_IMAGE },
        { 0x42, 0x01, VPT_CALLER_IMAGE }, /* power management's version, and D1 */
        { 0x43, 0x02, VPT_CALLER_IMAGE },
        { 0x52, 0x02, VPT_CALLER_IMAGE }, /* MSI: how many messages, masks */
        { 0x53, 0x01, VPT_CALLER_IMAGE },
        { 0x72, 0x01, VPT_CALLER_IMAGE }, /* MSI-X: how many vectors, where they and their pending bits are */
        { 0x75, 0x04, VPT_CALLER_IMAGE },
        { 0x79, 0x04, VPT_CALLER_IMAGE },
        { 0xa2, 0x20, VPT_CALLER_IMAGE }, /* PCI Express: its type, payload, latencies, completion timeouts */
        { 0xa4, 0x01, VPT_CALLER_IMAGE },
        { 0xa5, 0x01, VPT_CALLER_IMAGE },
        { 0xc4, 0x01, VPT_CALLER_IMAGE },
        { 0x102, 0x01, VPT_CALLER_IMAGE },
        { 0x142, 0x01, VPT_CALLER_IMAGE },
        { 0x06, 0x08, VPT_OK },
        { 0x07, 0x41, VPT_OK }, /* errors, interrupts and links of the day */
        { 0x45, 0x80, VPT_OK },
        { 0xaa, 0x2f, VPT_OK },
        { 0xb3, 0xc8, VPT_OK },
        { 0x64, 0x08, VPT_OK },
        { 0xe5, 0xff, VPT_OK },
        { 0x106, 0x10, VPT_OK },
        { 0x118, 0x01, VPT_OK },
        { 0x145, 0x01, VPT_OK },
    };
    size_t size = ready();

    differ(size, &composed_nic, differences, COUNT_OF(differences));
    for (unsigned i = 1; i < COUNT_OF(functions); i++) {
        other(functions[i]);
        refused(image, size, VPT_CALLER_IMAGE);
    }
    /* BARs of another size or kind, a capability that is hidden, more functions beside it. */
    for (unsigned i = 0; i < 4; i++) {
        composed_start(&composed_nic);
        host.bars = composed_nic.bars;
        host.bars.bar[0].size *= i == 0 ? 2 : 1;
        host.bars.bar[0].prefetchable = i == 1;
        host.setup.bars = &host.bars;
        host.setup.multi_function = i == 3;
        composed_open();
        if (i == 2) {
            assert_status(vpt_assign_hide(&host.device, 0x50), VPT_OK);
        }
        assert_status(composed_acquire(1), VPT_OK);
        host_forget();
        desk.calls = 0;
        refused(image, size, VPT_CALLER_IMAGE);
    }
}

/* Where virtio's registers are a driver has read from vendor-specific capabilities, which guests do not write then. */
Test(assign_snapshot, of_another_virtio_device)
{
    static const struct composed_register registers[] = {
        { 0x00, 0x10421af4, 0, 0, 0xffffffff, 0x10421af4, 0 },
        { 0x04, 0x00100000, 0, 0, 0, 0, 0 },
        { 0x0c, 0x00000000, 0, 0, 0, 0, 0 },
        { 0x34, 0x00000040, 0, 0, 0xff, 0x40, 0 },
        { 0x40, 0x01105009, 0, 0, 0xffffffff, 0x01105009, 0 },
        { 0x44, 0x00000000, 0, 0, 0xffffffff, 0, 0 },
        { 0x48, 0x00001000, 0, 0, 0xffffffff, 0x1000, 0 },
        { 0x4c, 0x00000038, 0, 0, 0xffffffff, 0x38, 0 },
        { 0x50, 0x05140009, 0, 0, 0xffff, 0, 0 },
        { 0x54, 0x00000000, 0, 0, 0, 0, 0 },
    };
    static const struct composed disk = {
        .name = "virtio disk",
        .config_size = 256,
        .bars.bar = { { .kind = VPT_PCI_BAR_MEMORY, .size = 0x4000, .address = 0xf0400000 } },
        .registers = registers,
        .register_count = COUNT_OF(registers),
    };
    static const struct difference differences[] = {
        { 0x43, 0x02, VPT_CALLER_IMAGE }, { 0x44, 0x04, VPT_CALLER_IMAGE }, { 0x49, 0x10, VPT_CALLER_IMAGE },
        { 0x4c, 0x08, VPT_CALLER_IMAGE }, { 0x54, 0x01, VPT_OK },
    };
    size_t size;

    composed_start(&disk);
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    guest_write(0x48, 4, 0xffffffff);
    cr_assert(guest_read(0x48, 4) == 0x1000);
    size = vpt_assign_snapshot_size(&host.device);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    differ(size, &disk, differences, COUNT_OF(differences));
}

/* An image is no proof of where it comes from: what it holds beyond what never changes is a guest's, no more. */
Test(assign_snapshot, of_an_enemy)
{
    static uint32_t registers[1024];
    size_t size = ready();

    for (unsigned round = 0; round < 200; round++) {
        enum vpt_status status;

        seed = round;
        for (size_t at = 8; at < size - 4; at++) {
            /* Hidden capabilities read 0, and so they do in any image. */
            image[at] = (uint8_t)(at >= 12 + 0x140 && at < 12 + 0x1000 ? image[at] : any());
        }
        for (unsigned i = 0; i < composed_nic.register_count; i++) {
            const struct composed_register *row = &composed_nic.registers[i];
            size_t at = 12u + row->offset;

            if (row->offset < 0x140) {
                store32(at, (load32(at) & ~row->made) | (row->value & row->made));
            }
        }
        seal(size);
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        assert_status(composed_acquire(1), VPT_OK);
        host_forget();
        status = vpt_assign_snapshot_restore(&host.device, image, size);
        cr_assert(status == VPT_OK || status == VPT_REFUSED, "%s", vpt_status_str(status));
        assert_status(vpt_assign_check(&host.device), VPT_OK);
        read_all(&composed_nic, registers);
        cr_assert(registers[0] == 0x10d38086 ||
                  registers[0] == (uint32_t)(host.device.vendor_id | (uint32_t)host.device.device_id << 16));
        for (unsigned i = 0; i < host.device.vector_count; i++) {
            cr_assert((host.device.vectors[i].control & ~3u) == 0 && (host.device.vectors[i].address_low & 3) == 0);
        }
        cr_assert(!host.announced, "a write that the audit was not told of");
    }
}

static unsigned delays;

static void count_delay(void *ctx, uint32_t microseconds)
{
    (void)ctx;
    (void)microseconds;
    delays++;
}

/* Nor does it do what a guest does by writing a 1: the function is not reset. */
Test(assign_snapshot, resets_nothing)
{
    size_t control = 12 + 0xa8;
    size_t size;

    composed_start(&composed_nic);
    host.table.delay = count_delay;
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    size = vpt_assign_snapshot_size(&host.device);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
    image[control + 1] ^= 0x90;
    seal(size);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
    cr_assert(delays == 0 && host.actions == 0);
}

/* What is as it was is not written. */
Test(assign_snapshot, of_power_on_writes_nothing)
{
    size_t size;

    composed_start(&composed_nic);
    composed_open();
    assert_status(composed_acquire(1), VPT_OK);
    size = vpt_assign_snapshot_size(&host.device);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_OK);
    host_forget();
    desk.calls = 0;
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
    cr_assert(host_writes() == 0 && desk.calls == 0);
}

Test(assign_snapshot, in_a_wrong_state)
{
    size_t size = ready();

    assert_status(vpt_assign_config_write(&host.device, 0x10, 4, 0xc0000000), VPT_OK);
    assert_status(vpt_assign_config_write(&host.device, 4, 2, 2), VPT_OK);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_CALLER_STATE);
    assert_status(vpt_assign_config_write(&host.device, 4, 2, 0), VPT_OK);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_OK);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_CALLER_STATE);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_CALLER_STATE);
    assert_status(composed_acquire(1), VPT_OK);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size - 1), VPT_CALLER_MEMORY);
    assert_status(vpt_assign_snapshot_save(&host.device, NULL, size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_save(NULL, image, size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_restore(NULL, image, size), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_snapshot_restore(&host.device, NULL, size), VPT_CALLER_ARGUMENT);
    cr_assert(vpt_assign_snapshot_size(NULL) == 0);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    assert_status(vpt_assign_close(&host.device), VPT_OK);
    cr_assert(vpt_assign_snapshot_size(&host.device) == 0);
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_CALLER_ARGUMENT);
}

/* ---- Failures ---- */

/* The k-th access of the host fails, for each k: then it is degraded, until its release, and the image is as good. */
Test(assign_snapshot, each_access_of_the_host_fails)
{
    size_t size = ready();
    unsigned failed = 0;

    for (unsigned k = 1;; k += k < 20 ? 1 : 37) {
        enum vpt_status status;

        host.accesses = 0;
        host.fail_at = k;
        status = vpt_assign_snapshot_restore(&host.device, image, size);
        host.fail_at = 0;
        if (status == VPT_OK) {
            break;
        }
        failed++;
        assert_status(status, HOST_FAILURE);
        cr_assert(host.device.degraded);
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        assert_status(composed_acquire(1), VPT_OK);
    }
    cr_assert(failed > 20);
    assert_status(vpt_assign_check(&host.device), VPT_OK);
}

Test(assign_snapshot, each_hook_fails)
{
    size_t size = ready();
    unsigned failed = 0;

    for (unsigned k = 1;; k++) {
        enum vpt_status status;

        desk_fail(k, k);
        status = vpt_assign_snapshot_restore(&host.device, image, size);
        desk_fail(0, 0);
        if (status == VPT_OK) {
            break;
        }
        failed++;
        assert_status(status, DESK_FAILURE);
        cr_assert(host.device.degraded && desk.violations == 0);
        assert_status(vpt_assign_release(&host.device), VPT_OK);
        cr_assert(desk.mapped_count == 0);
        assert_status(composed_acquire(1), VPT_OK);
    }
    cr_assert(failed > 2);
}

Test(assign_snapshot, the_function_vanishes)
{
    size_t size = ready();

    host.gone = true;
    assert_status(vpt_assign_snapshot_restore(&host.device, image, size), VPT_DEVICE_GONE);
    assert_status(vpt_assign_release(&host.device), VPT_OK);
    size = ready();
    host.gone = true;
    assert_status(vpt_assign_snapshot_save(&host.device, image, size), VPT_DEVICE_GONE);
}
