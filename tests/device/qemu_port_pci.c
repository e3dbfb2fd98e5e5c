/* SPDX-License-Identifier: MIT */
/*
 * PCI in the qtest port, with QEMU's educational device "edu": simple registers, INTx, MSI, and DMA from and to
 * addresses that the test chooses. Each machine with PCI, and q35 also by ECAM.
 */
#define _GNU_SOURCE

#include "qemu_support.h"

#include <string.h>
#include <unistd.h>

TestSuite(device_port_pci, .timeout = 60);

/* Registers of edu, from QEMU's documentation. */
#define EDU_ID          0x11e81234u
#define EDU_IDENTITY    0x00u
#define EDU_INVERTER    0x04u
#define EDU_RAISE       0x60u
#define EDU_LOWER       0x64u
#define EDU_DMA_FROM    0x80u
#define EDU_DMA_TO      0x88u
#define EDU_DMA_COUNT   0x90u
#define EDU_DMA_COMMAND 0x98u
#define EDU_DMA_RUN     0x1u
#define EDU_DMA_TO_RAM  0x2u
#define EDU_BUFFER      0x40000u

#define PCI_COMMAND      0x04u
#define PCI_STATUS       0x06u
#define PCI_BAR0         0x10u
#define PCI_CAPABILITIES 0x34u
#define COMMAND_IO       0x1u
#define COMMAND_MEMORY   0x2u
#define COMMAND_MASTER   0x4u
#define COMMAND_NO_INTX  0x400u
#define CAPABILITY_MSI   0x05u

static const struct vpt_pci_address edu = { .device = 5 };
static const struct vpt_pci_address rng = { .device = 6 };
static const struct vpt_pci_address root_port = { .device = 7 };

struct machine {
    enum vpt_qtest_machine_type type;
    bool ecam;
};

static struct machine machines[] = {
    { VPT_QTEST_PC, false },           { VPT_QTEST_Q35, false },          { VPT_QTEST_Q35, true },
    { VPT_QTEST_AARCH64_VIRT, false }, { VPT_QTEST_RISCV64_VIRT, false },
};

#define MACHINE_TEST(name)                                                        \
    ParameterizedTestParameters(device_port_pci, name)                            \
    {                                                                             \
        return cr_make_param_array(struct machine, machines, COUNT_OF(machines)); \
    }                                                                             \
    ParameterizedTest(const struct machine *machine, device_port_pci, name)

static uint32_t config(const struct vpt_pci_address *address, uint16_t offset, unsigned width)
{
    uint32_t value = 0;

    assert_status(fixture.port->config_read(fixture.port->ctx, address, offset, width, &value), VPT_OK);
    return value;
}

static void set_config(const struct vpt_pci_address *address, uint16_t offset, unsigned width, uint32_t value)
{
    assert_status(fixture.port->config_write(fixture.port->ctx, address, offset, width, value), VPT_OK);
}

static uint32_t edu_read(uint32_t offset)
{
    return vpt_qtest_read(fixture.qtest, fixture.machine->memory.base + offset, 4);
}

static void edu_write(uint32_t offset, uint32_t value)
{
    vpt_qtest_write(fixture.qtest, fixture.machine->memory.base + offset, 4, value);
}

static bool by_ecam(const struct machine *machine)
{
    return machine->ecam || (machine->type != VPT_QTEST_PC && machine->type != VPT_QTEST_Q35);
}

/*
 * edu at the start of the memory window; a legacy rng; with ECAM, a function with more than 256 bytes of configuration.
 */
static void start(const struct machine *machine, bool iommu)
{
    struct fixture_options options = {
        .qtest = { .machine = machine->type, .ecam = machine->ecam, .iommu = iommu },
        .arguments = { "-device", "edu,addr=5,dma_mask=0xffffffff", "-device",
                       "virtio-rng-pci,addr=6,disable-modern=on,disable-legacy=off",
                       by_ecam(machine) ? "-device" : NULL, "pcie-root-port,addr=7" },
    };

    fixture_name("%s%s", vpt_qtest_machine(machine->type)->name, machine->ecam ? ", ECAM" : "");
    fixture_start(&options);
    set_config(&edu, PCI_BAR0, 4, (uint32_t)fixture.machine->memory.base);
    set_config(&edu, PCI_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER);
}

/* ---- Configuration space, ports, memory ---- */

MACHINE_TEST(configuration_is_read_and_written_in_every_width)
{
    static const struct vpt_pci_address absent = { .device = 29, .function = 3 };
    static const struct vpt_pci_address elsewhere = { .segment = 1, .device = 5 };
    uint32_t value = 0;

    start(machine, false);
    assert_that(config(&edu, 0, 4) == EDU_ID && config(&edu, 0, 2) == 0x1234 && config(&edu, 2, 2) == 0x11e8);
    assert_that(config(&edu, 0, 1) == 0x34 && config(&edu, 1, 1) == 0x12 && config(&edu, 3, 1) == 0x11);
    assert_that(config(&absent, 0, 4) == UINT32_MAX && config(&absent, 0, 2) == 0xffff);
    assert_that(config(&elsewhere, 0, 4) == UINT32_MAX);
    set_config(&edu, 0x3c, 1, 0x5a);
    assert_that((config(&edu, 0x3c, 4) & 0xffffu) == 0x015a); /* the interrupt pin next to it is read-only */
    set_config(&edu, PCI_BAR0, 4, 0xffffffff);
    assert_that(config(&edu, PCI_BAR0, 4) == 0xfff00000);
    set_config(&edu, PCI_BAR0 + 2u, 2, 0x1230);
    assert_that(config(&edu, PCI_BAR0, 4) == 0x12300000);
    if (by_ecam(machine)) {
        assert_that(config(&root_port, 0x100, 2) == 0x0001); /* Advanced Error Reporting */
    } else {
        assert_that(config(&edu, 0x100, 2) == 0xffff);
    }
    assert_status(fixture.port->config_read(fixture.port->ctx, &edu, 0x102, 4, &value), VPT_CALLER_ARGUMENT);
    assert_that(vpt_qtest_counts(fixture.qtest).misuses == 1);
    fixture_abandon();
}

MACHINE_TEST(a_memory_bar_in_the_window_is_reached)
{
    start(machine, false);
    assert_that(edu_read(EDU_IDENTITY) == 0x010000edu);
    edu_write(EDU_INVERTER, 0x12345678);
    assert_that(edu_read(EDU_INVERTER) == 0xedcba987);
    fixture_finish();
}

MACHINE_TEST(a_port_bar_in_the_window_is_reached)
{
    uint16_t base;
    void *ctx;

    start(machine, false);
    ctx = fixture.port->ctx;
    base = (uint16_t)fixture.machine->io.base;
    set_config(&rng, PCI_BAR0, 4, base);
    set_config(&rng, PCI_COMMAND, 2, COMMAND_IO);
    assert_that(config(&rng, PCI_BAR0, 4) == (base | 1u));
    assert_that(fixture.port->io_read(ctx, (uint16_t)(base + 12u), 2) == 8);         /* the queue's size */
    assert_that((fixture.port->io_read(ctx, base, 4) & 0x31000000u) == 0x31000000u); /* the ring's features */
    assert_that(fixture.port->io_read(ctx, (uint16_t)(base + 18u), 1) == 0);         /* the device status */
    fixture.port->io_write(ctx, (uint16_t)(base + 18u), 1, 0x03);
    assert_that(fixture.port->io_read(ctx, (uint16_t)(base + 18u), 1) == 0x03);
    fixture.port->io_write(ctx, (uint16_t)(base + 8u), 4, 0x12345);
    assert_that(fixture.port->io_read(ctx, (uint16_t)(base + 8u), 4) == 0x12345);
    fixture.port->io_write(ctx, (uint16_t)(base + 18u), 1, 0);
    fixture_finish();
}

MACHINE_TEST(windows_hold_what_is_put_at_their_ends)
{
    uint64_t last;
    struct vpt_qtest_window memory;

    start(machine, false);
    memory = fixture.machine->memory;
    last = (memory.base + memory.size - 0x100000u) & ~UINT64_C(0xfffff);
    set_config(&edu, PCI_BAR0, 4, (uint32_t)last);
    assert_that(vpt_qtest_read(fixture.qtest, last, 4) == 0x010000edu);
    set_config(&rng, PCI_BAR0, 4, (uint32_t)(fixture.machine->io.base + fixture.machine->io.size - 32u));
    set_config(&rng, PCI_COMMAND, 2, COMMAND_IO);
    assert_that(fixture.port->io_read(fixture.port->ctx, 0xffe0 + 12u, 2) == 8);
    fixture_finish();
}

/* ---- Interrupts ---- */

MACHINE_TEST(intx_raises_the_line_that_is_foretold_and_no_other)
{
    uint32_t line;

    start(machine, false);
    fixture_intercept();
    assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
    line = vpt_qtest_intx_line(fixture.qtest, edu.device, config(&edu, 0x3d, 1));
    assert_that(line != VPT_QTEST_NO_LINE && !vpt_qtest_line_high(fixture.qtest, line));
    for (uint32_t i = 1; i < 4; i++) {
        edu_write(EDU_RAISE, 4);
        assert_status(vpt_qtest_wait_line(fixture.qtest, line, i - 1u, FIXTURE_WAIT), VPT_OK);
        assert_that(vpt_qtest_line_high(fixture.qtest, line));
        edu_write(EDU_LOWER, 4);
        assert_that(!vpt_qtest_line_high(fixture.qtest, line));
        assert_that(vpt_qtest_line_raises(fixture.qtest, line) == i);
    }
    for (uint32_t i = 0; i < VPT_QTEST_LINES; i++) {
        assert_that(i == line || vpt_qtest_line_raises(fixture.qtest, i) == 0);
    }
    assert_that(vpt_qtest_intx_line(fixture.qtest, edu.device, 0) == VPT_QTEST_NO_LINE);
    assert_that(vpt_qtest_intx_line(fixture.qtest, edu.device, 5) == VPT_QTEST_NO_LINE);
    fixture_finish();
}

MACHINE_TEST(every_device_and_pin_has_a_line_where_devices_can_be)
{
    /* Device 6 is wired to the line after device 5's, for each pin, cyclically. */
    start(machine, false);
    fixture_intercept();
    assert_status(vpt_qtest_route_intx(fixture.qtest), VPT_OK);
    for (unsigned pin = 1; pin <= 4; pin++) {
        uint32_t line = vpt_qtest_intx_line(fixture.qtest, 5, pin);

        assert_that(line < VPT_QTEST_LINES);
        assert_that(line == vpt_qtest_intx_line(fixture.qtest, 4, pin % 4u + 1u) || pin == 4);
        assert_that(line == vpt_qtest_intx_line(fixture.qtest, 9, pin));
        for (unsigned other = 1; other < pin; other++) {
            assert_that(line != vpt_qtest_intx_line(fixture.qtest, 5, other));
        }
    }
    fixture_finish();
}

/* The offset of edu's MSI capability. */
static uint16_t find_msi(void)
{
    uint16_t offset = (uint16_t)config(&edu, PCI_CAPABILITIES, 1);

    for (unsigned i = 0; i < 48u && offset != 0; i++) {
        if (config(&edu, offset, 1) == CAPABILITY_MSI) {
            return offset;
        }
        offset = (uint16_t)config(&edu, (uint16_t)(offset + 1u), 1);
    }
    cr_assert_fail("edu has no MSI capability");
    return 0;
}

static void check_msi(void)
{
    struct vpt_qtest_mailbox mailbox;
    uint16_t msi = find_msi();

    assert_status(vpt_qtest_mailbox_open(fixture.qtest, &mailbox), VPT_OK);
    assert_that(vpt_qtest_mailbox_peek(&mailbox) == 0);
    assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailbox, 20), VPT_QTEST_TIMEOUT);
    set_config(&edu, (uint16_t)(msi + 4u), 4, (uint32_t)mailbox.address);
    set_config(&edu, (uint16_t)(msi + 8u), 4, (uint32_t)(mailbox.address >> 32));
    set_config(&edu, (uint16_t)(msi + 12u), 2, 0xbeef);
    set_config(&edu, (uint16_t)(msi + 2u), 2, config(&edu, (uint16_t)(msi + 2u), 2) | 1u);
    for (unsigned i = 0; i < 3; i++) {
        edu_write(EDU_RAISE, 1);
        assert_status(vpt_qtest_mailbox_wait(fixture.qtest, &mailbox, FIXTURE_WAIT), VPT_OK);
        assert_that(vpt_qtest_mailbox_peek(&mailbox) == 0xbeef);
        assert_that(vpt_qtest_mailbox_take(&mailbox) == 0xbeef && vpt_qtest_mailbox_take(&mailbox) == 0);
        edu_write(EDU_LOWER, 1);
    }
    assert_that(vpt_qtest_counts(fixture.qtest).mailboxes == 1);
    vpt_qtest_mailbox_close(fixture.qtest, &mailbox);
}

MACHINE_TEST(a_message_is_found_in_the_mailbox)
{
    start(machine, false);
    check_msi();
    fixture_finish();
}

/* ---- DMA, and the IOMMU ---- */

/* Makes edu copy less than its whole buffer from or to an address; this takes edu a tenth of a second. */
static void edu_copy(uint64_t address, uint32_t size, bool to_ram)
{
    uint64_t deadline = now() + FIXTURE_WAIT;

    edu_write(EDU_DMA_FROM, to_ram ? EDU_BUFFER : (uint32_t)address);
    edu_write(EDU_DMA_TO, to_ram ? (uint32_t)address : EDU_BUFFER);
    edu_write(EDU_DMA_COUNT, size);
    edu_write(EDU_DMA_COMMAND, EDU_DMA_RUN | (to_ram ? EDU_DMA_TO_RAM : 0));
    while ((edu_read(EDU_DMA_COMMAND) & EDU_DMA_RUN) != 0) {
        assert_status(vpt_qtest_failure(fixture.qtest), VPT_OK);
        assert_that(now() < deadline);
        (void)usleep(2000);
    }
}

static void check_fault(uint64_t address)
{
    uint64_t page = 0;

    assert_that(vpt_qtest_iommu_fault(fixture.qtest, &page));
    assert_that(page == (address & ~UINT64_C(0xfff)));
    assert_that(!vpt_qtest_iommu_fault(fixture.qtest, &page));
}

static void check_no_fault(void)
{
    uint64_t page;

    assert_that(!vpt_qtest_iommu_fault(fixture.qtest, &page));
}

static const struct machine q35 = { VPT_QTEST_Q35, false };

Test(device_port_pci, the_iommu_translates_memory_for_access_platform)
{
    struct vpt_memory memory;
    struct vpt_memory copy;

    start(&q35, true);
    memory = memory_of(4096, VPT_DMA_ACCESS_PLATFORM);
    copy = memory_of(4096, VPT_DMA_ACCESS_PLATFORM);
    assert_that(memory.device_address >= VPT_QTEST_IOVA_BASE);
    assert_that(vpt_qtest_ram(fixture.qtest, memory.device_address, 1) == NULL);
    fill(memory.address, 2048, 3);
    edu_copy(memory.device_address, 2048, false);
    edu_copy(copy.device_address, 2048, true);
    assert_that(filled(copy.address, 2048, 3));
    check_no_fault();
    fixture.port->dma_free(fixture.port->ctx, &memory, VPT_DMA_ACCESS_PLATFORM);
    fixture.port->dma_free(fixture.port->ctx, &copy, VPT_DMA_ACCESS_PLATFORM);
    fixture_finish();
}

Test(device_port_pci, the_iommu_refuses_what_is_not_allocated_any_more)
{
    struct vpt_memory memory;

    start(&q35, true);
    memory = memory_of(4096, VPT_DMA_ACCESS_PLATFORM);
    edu_copy(memory.device_address, 2048, true); /* now the IOMMU caches the page */
    check_no_fault();
    fixture.port->dma_free(fixture.port->ctx, &memory, VPT_DMA_ACCESS_PLATFORM);
    edu_copy(memory.device_address, 2048, true);
    check_fault(memory.device_address);
    fixture_finish();
}

Test(device_port_pci, the_iommu_refuses_physical_addresses)
{
    struct vpt_memory memory;

    start(&q35, true);
    memory = memory_of(4096, 0);
    assert_that(memory.device_address < VPT_QTEST_IOVA_BASE);
    edu_copy(memory.device_address, 2048, true);
    check_fault(memory.device_address);
    assert_that(((uint8_t *)memory.address)[0] == 0);
    fixture.port->dma_free(fixture.port->ctx, &memory, 0);
    fixture_finish();
}

Test(device_port_pci, the_iommu_lets_shares_go_in_their_direction_and_for_their_time)
{
    static uint8_t buffer[1024];
    static uint8_t copy[1024];
    const struct vpt_port *port;
    struct vpt_shared shared;

    start(&q35, true);
    port = fixture.port;
    fill(buffer, sizeof(buffer), 4);
    assert_status(port->share(port->ctx, buffer, sizeof(buffer), VPT_DEVICE_READS, true, &shared), VPT_OK);
    edu_copy(shared.device_address, sizeof(buffer), true);
    check_fault(shared.device_address);
    edu_copy(shared.device_address, sizeof(buffer), false);
    check_no_fault();
    port->unshare(port->ctx, buffer, &shared, VPT_DEVICE_READS, true);

    assert_status(port->share(port->ctx, copy, sizeof(copy), VPT_DEVICE_WRITES, true, &shared), VPT_OK);
    edu_copy(shared.device_address, sizeof(copy), true);
    check_no_fault();
    port->unshare(port->ctx, copy, &shared, VPT_DEVICE_WRITES, true);
    assert_that(filled(copy, sizeof(copy), 4));
    edu_copy(shared.device_address, sizeof(buffer), false);
    check_fault(shared.device_address);
    fixture_finish();
}

Test(device_port_pci, messages_pass_the_iommu)
{
    start(&q35, true);
    check_msi();
    check_no_fault();
    fixture_finish();
}
