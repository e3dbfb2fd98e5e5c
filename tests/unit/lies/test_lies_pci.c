/* SPDX-License-Identifier: MIT */
/* Lies of a PCI function: header, capabilities, MSI-X, and the registers of both interfaces. */
#include "campaign.h"

#include <string.h>

TestSuite(lies_pci, .timeout = 240);

#define MODERN (1u << MACHINE_PCI_MODERN)
#define LEGACY (1u << MACHINE_PCI_LEGACY)

#define COMMON(at)        .space = MOCK_SPACE_REGISTER, .offset = MOCK_MODERN_REGISTER(MOCK_PCI_COMMON, at)
#define NOTIFY(at)        .space = MOCK_SPACE_REGISTER, .offset = MOCK_MODERN_REGISTER(MOCK_PCI_NOTIFY, at)
#define HEADER(at)        .space = MOCK_SPACE_REGISTER, .offset = (at)
#define MSIX(at)          .space = MOCK_SPACE_MSIX, .offset = (at)
#define CONFIGURATION(at) .space = MOCK_SPACE_CONFIGURATION, .offset = (at)
#define SPACE(at, size)   .space = MOCK_SPACE_PCI_CONFIGURATION, .offset = (at), .width = (size)

/* Of the usual layout: access at 0x40, notifications 0x54, device 0x68, ISR 0x78, common 0x88. */
Test(lies_pci, each_lie_is_what_the_driver_finds)
{
    static const struct lie_row rows[] = {
        { "vendor", MODERN, { SPACE(0x00, 2), LIE_VALUE(0x8086) }, VPT_UNSUPPORTED_VENDOR },
        { "device", MODERN, { SPACE(0x02, 2), LIE_VALUE(0x1080) }, VPT_UNSUPPORTED_FUNCTION },
        { "header type", MODERN, { SPACE(0x0e, 1), LIE_VALUE(1) }, VPT_UNSUPPORTED_FUNCTION },
        { "decoding", MODERN, { SPACE(0x04, 2), LIE_DROP, .access = MOCK_WRITES }, VPT_DEVICE_PCI_COMMAND },
        { "BAR", MODERN, { SPACE(0x88 + 4, 1), LIE_VALUE(6) }, VPT_DEVICE_CAPABILITY_BAR },
        { "short", MODERN, { SPACE(0x88 + 2, 1), LIE_VALUE(15) }, VPT_DEVICE_CAPABILITY_LENGTH },
        { "offset", MODERN, { SPACE(0x88 + 8, 4), LIE_VALUE(0x3ffc) }, VPT_DEVICE_CAPABILITY_RANGE },
        { "length", MODERN, { SPACE(0x88 + 12, 4), LIE_VALUE(0x37) }, VPT_DEVICE_CAPABILITY_RANGE },
        { "notify multiplier", MODERN, { SPACE(0x54 + 16, 4), LIE_ADD(1) }, VPT_DEVICE_NOTIFY_MULTIPLIER },
        { "a loop after what is needed", MODERN, { SPACE(0x88 + 1, 1), LIE_VALUE(0x40) }, VPT_OK },
        { "a loop before that", MODERN, { SPACE(0x54 + 1, 1), LIE_VALUE(0x40) }, VPT_DEVICE_PCI_CAPABILITIES },
        { "no queue", MODERN, { COMMON(0x18), LIE_VALUE(0) }, VPT_UNSUPPORTED_QUEUE },
        { "queue ready at once", MODERN, { COMMON(0x1c), LIE_VALUE(1), .access = MOCK_READS }, VPT_DEVICE_QUEUE_STATE },
        { "notify offset", MODERN, { COMMON(0x1e), LIE_VALUE(0x7fff) }, VPT_DEVICE_NOTIFY_OFFSET },
        { "no reset", MODERN, { COMMON(0x14), LIE_XOR(0x08), .access = MOCK_READS }, VPT_DEVICE_TIMEOUT },
        { "no doorbell", MODERN, { NOTIFY(0), LIE_DROP }, VPT_DEVICE_TIMEOUT },
        { "legacy queue size", LEGACY, { HEADER(12), LIE_VALUE(48) }, VPT_DEVICE_QUEUE_SIZE },
        { "legacy queue address", LEGACY, { HEADER(8), LIE_DROP, .access = MOCK_WRITES }, VPT_DEVICE_QUEUE_STATE },
        { "legacy no doorbell", LEGACY, { HEADER(16), LIE_DROP }, VPT_DEVICE_TIMEOUT },
        { "legacy device type", LEGACY, { SPACE(0x2e, 2), LIE_VALUE(1) }, VPT_UNSUPPORTED_DEVICE },
        { "legacy block size", LEGACY, { CONFIGURATION(MOCK_BLK_BLK_SIZE), LIE_VALUE(2) }, VPT_DEVICE_CONFIG },
    };

    lie_check_rows(rows, COUNT_OF(rows));
}

Test(lies_pci, an_entry_of_the_msix_table_and_a_pending_bit_lie)
{
    static const struct mock_pci_machine_options options = { .vectors = 2 };
    const struct mock_lie entry = { MSIX(16 + 12), LIE_DROP, .access = MOCK_WRITES, .first = 1 };
    const struct mock_lie bit = { MSIX(MOCK_MSIX_PENDING), LIE_XOR(2), .first = 1 };
    struct mock_lies *lies;
    bool pending = false;

    disk_machine_on(MACHINE_PCI_MODERN, &options);
    lies = &machine.model->lies;
    vectors_on();
    (void)mock_lie_set(lies, &entry);
    (void)vpt_pci_msix_mask(&machine.msix, 1, true);
    assert_same(mock_lie_fired(lies, 0), 1);
    cr_assert((machine.on_pci.function.msix->table[4 + 3] & 1u) == 0);
    mock_lies_clear(machine.model);
    (void)mock_lie_set(lies, &bit);
    assert_status(vpt_pci_msix_pending(&machine.msix, 1, &pending), VPT_OK);
    cr_assert(pending && mock_lie_fired(lies, 0) == 1);
    vectors_off();
    machine_finish();
}

/* Gone and back between two accesses: decoding is off, and a fresh probe turns it on. */
Test(lies_pci, a_function_that_returns_is_as_new)
{
    disk_start_on(MACHINE_PCI_MODERN, NULL);
    (void)mock_lie_set(&machine.model->lies, &(struct mock_lie){ .how = MOCK_LIE_VANISH, .first = 1, .times = 1 });
    (void)mock_lie_set(&machine.model->lies, &(struct mock_lie){ .how = MOCK_LIE_RETURN, .first = 5, .times = 1 });
    assert_status(vpt_device_check(machine.device), VPT_DEVICE_GONE);
    cr_assert(machine.model->vanished);
    assert_status(vpt_requests_release(&disk.queue->requests), VPT_OK);
    (void)vpt_virtio_pci_close(&machine.pci);
    for (unsigned i = 0; machine.model->vanished; i++) {
        uint32_t value = 0;

        cr_assert(i < 5);
        assert_status(vpt_pci_read(&machine.on_pci.address, 0, 2, &value), VPT_OK);
        cr_assert((value == 0xffffu) == machine.model->vanished);
    }
    cr_assert(pci_command() == 0 && machine.model->status == 0 && machine.model->returns == 1);
    mock_violations_clear(&machine.hal->violations);
    assert_status(disk_bring_up(NULL), VPT_OK);
    assert_status(disk_read_sector(3), VPT_OK);
    disk_end();
}

/* ---- What a kernel without PCI code of its own calls ---- */

static bool count_functions(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    (void)function;
    (void)identity;
    return ++*(unsigned *)ctx < 64u;
}

static void check(enum vpt_status status)
{
    enum vpt_status_group group = vpt_status_group(status);

    cr_assert(group == VPT_GROUP_ORDINARY || group == VPT_GROUP_DEVICE || group == VPT_GROUP_UNSUPPORTED, "%s (n %llu)",
              vpt_status_str(status), (unsigned long long)campaign.n);
}

static void look_around(void)
{
    const struct vpt_pci_function *function = &machine.on_pci.address;
    struct vpt_pci_capability capability;
    struct vpt_pci_identity identity;
    struct vpt_pci_walk walk;
    struct vpt_pci_bars bars;
    enum vpt_status status;
    unsigned found = 0;

    check(vpt_pci_enumerate(function->port, 0, 3, 3, count_functions, &found));
    cr_assert(found <= 8);
    check(vpt_pci_identify(function, &identity));
    check(vpt_pci_walk_begin(&walk, function));
    found = 0;
    while ((status = vpt_pci_walk_next(&walk, &capability)) == VPT_OK) {
        cr_assert(++found <= VPT_PCI_CAPABILITIES_MAX && capability.offset >= 0x40 && capability.offset < 0x100);
    }
    check(status);
    check(vpt_pci_bars_read(function, &bars));
    check(vpt_pci_bars_size(function, &bars));
    for (unsigned i = 0; i < VPT_PCI_BARS_MAX; i++) {
        cr_assert((bars.bar[i].size & (bars.bar[i].size - 1u)) == 0);
    }
}

/* How often the lie fired. */
static uint32_t look_around_with(struct mock_lie lie)
{
    uint32_t fired;

    campaign_machine(MACHINE_PCI_MODERN, NULL);
    lie.space = MOCK_SPACE_PCI_CONFIGURATION;
    lie.offset = MOCK_ANYWHERE;
    (void)campaign_lie(&lie);
    look_around();
    fired = mock_lie_fired(&machine.model->lies, 0);
    machine_finish();
    return fired;
}

Test(lies_pci, the_helpers_meet_a_lie_at_each_configuration_access)
{
    static const struct mock_lie lies[] = {
        { LIE_VALUE(0) },
        { LIE_VALUE(UINT64_MAX) },
        { LIE_XOR(1) },
        { LIE_XOR(0x40404040) },
        { LIE_DROP },
        { .how = MOCK_LIE_RANDOM, .value = 0x3a7 },
        { .how = MOCK_LIE_VANISH },
    };
    uint32_t accesses = look_around_with((struct mock_lie){ .how = MOCK_LIE_TRUTH, .first = 1 });

    for (uint32_t n = 0; n < accesses * COUNT_OF(lies); n++) {
        struct mock_lie lie = lies[n % COUNT_OF(lies)];

        lie.first = 1u + n / COUNT_OF(lies);
        lie.times = 1;
        assert_same(look_around_with(lie), 1);
    }
}
