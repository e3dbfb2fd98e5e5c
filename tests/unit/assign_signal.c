/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "assign_signal.h"

struct signal signals;

/* ---- Hooks ---- */

bool signal_fails(unsigned number)
{
    uint32_t mixed = (number * 2654435761u) >> 8;

    return number == signals.fail_at || (signals.fail_one_in != 0 && mixed % signals.fail_one_in == 0);
}

static void note(enum signal_kind kind, uint64_t a, uint32_t b)
{
    cr_assert(signals.logged < SIGNAL_LOG);
    signals.log[signals.logged++] = (struct signal_call){ kind, a, b };
}

static enum vpt_status outcome(void)
{
    return signal_fails(++signals.calls) ? SIGNAL_FAILURE : VPT_OK;
}

static enum vpt_status interrupts(void *ctx, enum vpt_assign_interrupt_mode mode, uint16_t count)
{
    cr_assert(ctx == &signals.host);
    note(TOLD, mode, count);
    return outcome();
}

static enum vpt_status intx_mask(void *ctx, bool masked)
{
    cr_assert(ctx == &signals.host);
    note(HOST_MASK, masked, 0);
    return outcome();
}

static enum vpt_status message(void *ctx, uint64_t address, uint32_t data)
{
    cr_assert(ctx == &signals.guest);
    note(MESSAGE, address, data);
    return outcome();
}

static void intx(void *ctx, bool asserted)
{
    cr_assert(ctx == &signals.guest);
    note(LEVEL, asserted, 0);
}

/* ---- The function ---- */

static enum vpt_status config_read(void *ctx, uint16_t offset, unsigned width, uint32_t *value)
{
    (void)ctx;
    *value = 0;
    for (unsigned i = 0; i < width; i++) {
        *value |= (uint32_t)signals.config[offset + i] << 8 * i;
    }
    return VPT_OK;
}

/* MSI and MSI-X of the function are none of the guest's. */
static enum vpt_status config_write(void *ctx, uint16_t offset, unsigned width, uint32_t value)
{
    (void)ctx;
    cr_assert(offset < SIGNAL_MSI, "a write at 0x%x", offset);
    for (unsigned i = 0; i < width; i++) {
        signals.config[offset + i] = (uint8_t)(value >> 8 * i);
    }
    return VPT_OK;
}

static enum vpt_status memory_read(void *ctx, uint64_t address, unsigned width, uint64_t *value)
{
    (void)ctx;
    signals.accessed = address;
    signals.access_width = width;
    signals.accesses++;
    *value = signals.access_value;
    return VPT_OK;
}

static enum vpt_status memory_write(void *ctx, uint64_t address, unsigned width, uint64_t value)
{
    signals.access_value = value;
    return memory_read(ctx, address, width, &value);
}

static enum vpt_status map(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    signals.live++;
    return VPT_OK;
}

static enum vpt_status unmap(void *ctx, const struct vpt_assign_region *region)
{
    (void)ctx;
    (void)region;
    if (signals.unmap_fails) {
        return SIGNAL_FAILURE;
    }
    signals.live--;
    return VPT_OK;
}

/* ---- Set-up ---- */

static void put(unsigned offset, unsigned width, uint32_t value)
{
    for (unsigned i = 0; i < width; i++) {
        signals.config[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

void signal_start(void)
{
    memset(&signals, 0, sizeof(signals));
    memset(signals.storage, 0xff, sizeof(signals.storage));
    put(0x00, 4, 0xd6791234);
    put(0x06, 2, 0x0010);
    signals.config[0x3d] = 1;
    signals.host = (struct vpt_assign_host){ .ctx = &signals.host,
                                             .config_read = config_read,
                                             .config_write = config_write,
                                             .memory_read = memory_read,
                                             .memory_write = memory_write,
                                             .interrupts = interrupts,
                                             .intx_mask = intx_mask };
    signals.guest = (struct vpt_assign_guest){
        .ctx = &signals.guest, .map = map, .unmap = unmap, .message = message, .intx = intx
    };
    signals.setup = (struct vpt_assign_config){ .host = &signals.host,
                                                .bars = &signals.bars,
                                                .storage = signals.storage,
                                                .storage_size = sizeof(signals.storage),
                                                .regions = SIGNAL_REGIONS };
}

/* Whatever is at the head of the list comes after it. */
static void link(unsigned offset, uint8_t id)
{
    put(offset, 2, id | (uint32_t)signals.config[0x34] << 8);
    signals.config[0x34] = (uint8_t)offset;
}

/* With all four states. */
void signal_power(void)
{
    link(SIGNAL_PM, 0x01);
    put(SIGNAL_PM + 2, 2, 0x0603);
}

uint16_t signal_msi(unsigned messages_log2, bool wide, bool maskable)
{
    uint32_t control = messages_log2 << 1 | (wide ? 0x80u : 0) | (maskable ? 0x100u : 0);
    unsigned end = SIGNAL_MSI + (wide ? 0x10u : 0xcu);

    if (!maskable) {
        link(end, SIGNAL_NEIGHBOUR);
        link(end + 4, SIGNAL_NEIGHBOUR);
    }
    link(SIGNAL_MSI, 0x05);
    put(SIGNAL_MSI + 2, 2, control);
    return (uint16_t)end;
}

void signal_msix(unsigned entries, unsigned table_bar, uint32_t table, unsigned pending_bar, uint32_t pending)
{
    link(SIGNAL_MSIX, 0x11);
    put(SIGNAL_MSIX + 2, 2, entries - 1);
    put(SIGNAL_MSIX + 4, 4, table | table_bar);
    put(SIGNAL_MSIX + 8, 4, pending | pending_bar);
}

void signal_bar(unsigned index, uint64_t size)
{
    signals.bars.bar[index] =
        (struct vpt_pci_bar){ .kind = VPT_PCI_BAR_MEMORY, .size = size, .address = SIGNAL_HOST(index) };
}

void signal_open(void)
{
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        signal_write((uint16_t)(0x10 + 4 * i), 4, (uint32_t)SIGNAL_GUEST(i));
    }
    signal_write(4, 2, 6);
    signals.logged = 0;
}

/* ---- What has been called ---- */

void signal_expect(const struct signal_call *calls, unsigned count)
{
    for (unsigned i = 0; i < count && i < signals.logged; i++) {
        const struct signal_call *got = &signals.log[i];

        cr_assert(got->kind == calls[i].kind && got->a == calls[i].a && got->b == calls[i].b,
                  "call %u: kind %d (0x%llx, 0x%x), not %d (0x%llx, 0x%x)", i, got->kind, (unsigned long long)got->a,
                  got->b, calls[i].kind, (unsigned long long)calls[i].a, calls[i].b);
    }
    cr_assert(signals.logged == count, "%u calls, not %u", signals.logged, count);
    signals.logged = 0;
}

/* ---- The guest ---- */

void signal_write(uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(vpt_assign_config_write(&signals.device, offset, width, value), VPT_OK);
}

uint32_t signal_read(uint16_t offset, unsigned width)
{
    uint32_t value;

    assert_status(vpt_assign_config_read(&signals.device, offset, width, &value), VPT_OK);
    return value;
}

void signal_store(unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    assert_status(vpt_assign_access_write(&signals.device, VPT_ASSIGN_MEMORY, SIGNAL_GUEST(bar) + offset, width, value),
                  VPT_OK);
}

uint64_t signal_load(unsigned bar, uint64_t offset, unsigned width)
{
    uint64_t value;

    assert_status(vpt_assign_access_read(&signals.device, VPT_ASSIGN_MEMORY, SIGNAL_GUEST(bar) + offset, width, &value),
                  VPT_OK);
    return value;
}

void signal_msi_control(unsigned value)
{
    signal_write(SIGNAL_MSI + 2, 2, value);
}

void signal_msix_control(unsigned value)
{
    signal_write(SIGNAL_MSIX + 2, 2, value);
}
