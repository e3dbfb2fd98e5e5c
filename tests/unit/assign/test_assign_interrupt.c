/* SPDX-License-Identifier: MIT */
/* INTx and MSI of an assigned function, which of the kinds it is, and that the host is told of each change once. */

#include "assign_signal.h"

TestSuite(assign_interrupt, .timeout = 60);

#define DISABLE 0x400u /* of the command register */
#define COMMAND 0x006u

#define TABLE   0x1000u
#define PENDING 0x9000u

static void start_with_both(void)
{
    signal_start();
    signal_bar(0, 0x10000);
    signal_msi(5, true, true);
    signal_msix(4, 0, TABLE, 0, PENDING);
}

static void raise(unsigned vector)
{
    assert_status(vpt_assign_raise(&signals.device, (uint16_t)vector), VPT_OK);
}

static void end(void)
{
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_OK);
}

/* ---- Who is told what ---- */

Test(assign_interrupt, arguments)
{
    static struct vpt_assign_device closed;

    signal_start();
    assert_status(vpt_assign_raise(NULL, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_raise(&closed, 0), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_end_of_interrupt(NULL), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_end_of_interrupt(&closed), VPT_CALLER_ARGUMENT);
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_CALLER_STATE);
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_CALLER_STATE);
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_CALLER_STATE);
    EXPECT_NOTHING();
}

Test(assign_interrupt, the_host_is_told_from_owner_to_owner)
{
    signal_start();
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    EXPECT_NOTHING();
    for (unsigned i = 0; i < 3; i++) {
        assert_status(vpt_assign_acquire(&signals.device, i, &signals.guest), VPT_OK);
        EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
        assert_status(vpt_assign_release(&signals.device), VPT_OK);
        EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 });
    }
}

Test(assign_interrupt, a_function_without_a_pin)
{
    signal_start();
    signals.config[0x3d] = 0;
    signal_msi(0, false, false);
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_EMPTY);
    EXPECT_NOTHING();
    signal_msi_control(MSI_ENABLE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_MSI, 1 });
    signal_msi_control(0);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 });
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

/* MSI-X goes before MSI, and MSI before INTx; what changes nothing of that is not told. */
Test(assign_interrupt, edges_only)
{
    start_with_both();
    signal_open();
    signal_write(4, 2, COMMAND | DISABLE);
    signal_msi_control(MSI_MESSAGES(3));
    EXPECT_NOTHING();
    signal_msi_control(MSI_MESSAGES(3) | MSI_ENABLE);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 8 });
    signal_msi_control(MSI_MESSAGES(3) | MSI_ENABLE);
    signal_write(SIGNAL_MSI + 4, 4, 0xfee00000);
    signal_write(SIGNAL_MSI + 0x10, 4, 0xff);
    signal_write(4, 2, COMMAND);
    signal_msix_control(MSIX_FUNCTION_MASK);
    EXPECT_NOTHING();
    signal_msi_control(MSI_MESSAGES(2) | MSI_ENABLE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_MSI, 4 });
    signal_msix_control(MSIX_FUNCTION_MASK | MSIX_ENABLE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_MSIX, 4 });
    signal_msix_control(MSIX_ENABLE);
    signal_msi_control(MSI_MESSAGES(1) | MSI_ENABLE);
    signal_msi_control(0);
    signal_msi_control(MSI_MESSAGES(5) | MSI_ENABLE);
    EXPECT_NOTHING();
    signal_msix_control(0);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_MSI, 32 });
    signal_msi_control(MSI_MESSAGES(5));
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
}

Test(assign_interrupt, a_host_and_a_guest_that_care_for_nothing)
{
    start_with_both();
    signals.host.interrupts = NULL;
    signals.host.intx_mask = NULL;
    signals.guest.intx = NULL;
    signal_open();
    raise(VPT_ASSIGN_INTX);
    end();
    signal_msi_control(MSI_ENABLE);
    raise(0);
    EXPECT({ MESSAGE, 0, 0 });
    signals.guest.message = NULL;
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_UNSUPPORTED_PORT);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}

Test(assign_interrupt, no_owner_without_the_host)
{
    signal_start();
    assert_status(vpt_assign_open(&signals.device, &signals.setup), VPT_OK);
    signals.fail_at = 1;
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), SIGNAL_FAILURE);
    cr_assert(!signals.device.owned);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    assert_status(vpt_assign_acquire(&signals.device, 1, &signals.guest), VPT_OK);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
}

/* ---- INTx ---- */

Test(assign_interrupt, intx_from_assertion_to_end)
{
    signal_start();
    signal_open();
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_EMPTY);
    for (unsigned i = 0; i < 3; i++) {
        raise(VPT_ASSIGN_INTX);
        EXPECT({ LEVEL, true, 0 }, { HOST_MASK, true, 0 });
        raise(VPT_ASSIGN_INTX);
        EXPECT({ HOST_MASK, true, 0 });
        end();
        EXPECT({ HOST_MASK, false, 0 }, { LEVEL, false, 0 });
        assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_EMPTY);
    }
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
    EXPECT_NOTHING();
}

/* ---- MSI ---- */

#define ADDRESS UINT64_C(0x1fee12340)
#define ITEM    0xabcdu /* the data register */

struct kind {
    unsigned messages; /* power of two that the function has */
    bool wide;
    bool maskable;
};

static const struct kind kinds[] = { { 0, false, false }, { 1, false, true }, { 2, true, false }, { 3, true, true },
                                     { 4, false, false }, { 5, false, true }, { 5, true, true },  { 5, true, false } };

/* A test that runs once for each; its body knows `variant`. */
#define KIND_TEST(name)                                                                                             \
    PARAMETER_TEST(struct kind, cr_make_param_array(struct kind, (void *)kinds, COUNT_OF(kinds)), assign_interrupt, \
                   name)

static uint16_t data_register(const struct kind *kind)
{
    return kind->wide ? SIGNAL_MSI + 12 : SIGNAL_MSI + 8;
}

static uint16_t mask_register(const struct kind *kind)
{
    return (uint16_t)(data_register(kind) + 4);
}

static uint32_t shown_pending(const struct kind *kind)
{
    return signal_read((uint16_t)(data_register(kind) + 8), 4);
}

static uint64_t address_of(const struct kind *kind)
{
    return kind->wide ? ADDRESS : ADDRESS & UINT32_MAX;
}

static uint16_t neighbours;

static void open_kind(const struct kind *kind)
{
    signal_start();
    neighbours = signal_msi(kind->messages, kind->wide, kind->maskable);
    signal_open();
    signal_write(SIGNAL_MSI + 4, 4, (uint32_t)ADDRESS);
    if (kind->wide) {
        signal_write(SIGNAL_MSI + 8, 4, (uint32_t)(ADDRESS >> 32));
    }
    signal_write(data_register(kind), 2, ITEM);
}

/* For each number of messages that a guest can enable: which vectors there are, and what they say. */
KIND_TEST(msi_messages)
{
    for (unsigned enabled = 0; enabled <= variant->messages; enabled++) {
        unsigned count = 1u << enabled;

        open_kind(variant);
        signal_msi_control(MSI_ENABLE | MSI_MESSAGES(enabled));
        EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, count });
        for (unsigned i = 0; i < count; i++) {
            raise(i);
            EXPECT({ MESSAGE, address_of(variant), (ITEM & ~(count - 1)) + i });
        }
        assert_status(vpt_assign_raise(&signals.device, (uint16_t)count), VPT_EMPTY);
        assert_status(vpt_assign_raise(&signals.device, 0xfffe), VPT_EMPTY);
        assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_EMPTY);
        signal_msi_control(0);
        EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
        assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
        EXPECT_NOTHING();
    }
}

/* Each vector: masked, raised twice, shown as pending, delivered once with the message as it is then. */
KIND_TEST(msi_masks)
{
    unsigned count = 1u << variant->messages;

    if (!variant->maskable) {
        return;
    }
    open_kind(variant);
    signal_msi_control(MSI_ENABLE | MSI_MESSAGES(variant->messages));
    signals.logged = 0;
    for (unsigned i = 0; i < count; i++) {
        signal_write(mask_register(variant), 4, 1u << i);
        raise(i);
        raise(i);
        cr_assert(shown_pending(variant) == 1u << i);
        signal_write((uint16_t)(data_register(variant) + 8), 4, 0);
        EXPECT_NOTHING();
        if (count > 1) {
            raise((i + 1) % count);
            cr_assert(signals.logged == 1 && shown_pending(variant) == 1u << i);
            signals.logged = 0;
        }
        signal_write(data_register(variant), 2, 0x1000);
        signal_write(mask_register(variant), 4, 0);
        EXPECT({ MESSAGE, address_of(variant), 0x1000 + i });
        cr_assert(shown_pending(variant) == 0);
        signal_write(mask_register(variant), 4, 1u << i);
        signal_write(mask_register(variant), 4, 0);
        EXPECT_NOTHING();
    }
}

KIND_TEST(msi_that_cannot_be_delivered)
{
    open_kind(variant);
    signal_msi_control(MSI_ENABLE);
    signals.logged = 0;
    signals.fail_at = signals.calls + 1;
    assert_status(vpt_assign_raise(&signals.device, 0), SIGNAL_FAILURE);
    EXPECT({ MESSAGE, address_of(variant), ITEM });
    if (variant->maskable) {
        cr_assert(shown_pending(variant) == 1);
    } else {
        cr_assert(signal_read(neighbours, 1) == SIGNAL_NEIGHBOUR);
        cr_assert(signal_read(neighbours + 4, 1) == SIGNAL_NEIGHBOUR);
    }
    raise(0);
    EXPECT({ MESSAGE, address_of(variant), ITEM });
    cr_assert(!variant->maskable || shown_pending(variant) == 0);
    signals.fail_at = signals.calls + 1;
    assert_status(vpt_assign_raise(&signals.device, 0), SIGNAL_FAILURE);
    signals.logged = 0;
    signal_msi_control(0);
    signal_msi_control(MSI_ENABLE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 }, { HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 1 },
           { MESSAGE, address_of(variant), ITEM });
}

/* ---- The end of an owner ---- */

Test(assign_interrupt, a_release_while_intx_is_asserted)
{
    signal_start();
    signal_open();
    raise(VPT_ASSIGN_INTX);
    signals.logged = 0;
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 }, { LEVEL, false, 0 });
    assert_status(vpt_assign_raise(&signals.device, VPT_ASSIGN_INTX), VPT_CALLER_STATE);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_INTX, 0 });
    assert_status(vpt_assign_end_of_interrupt(&signals.device), VPT_EMPTY);
}

Test(assign_interrupt, a_release_forgets_what_is_pending)
{
    const struct kind kind = { 5, true, true };

    open_kind(&kind);
    signal_msi_control(MSI_ENABLE);
    signal_write(mask_register(&kind), 4, 1);
    raise(0);
    cr_assert(shown_pending(&kind) == 1);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    cr_assert(shown_pending(&kind) == 0 && signal_read(SIGNAL_MSI + 4, 4) == 0);
    signals.logged = 0;
    signal_msi_control(MSI_ENABLE);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 1 });
}

/* So does one that was not maskable and could not be delivered, which no register shows. */
Test(assign_interrupt, a_release_forgets_what_could_not_be_delivered)
{
    const struct kind kind = { 0, false, false };

    open_kind(&kind);
    signal_msi_control(MSI_ENABLE);
    signals.fail_at = signals.calls + 1;
    assert_status(vpt_assign_raise(&signals.device, 0), SIGNAL_FAILURE);
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    assert_status(vpt_assign_acquire(&signals.device, 2, &signals.guest), VPT_OK);
    signals.logged = 0;
    signal_msi_control(MSI_ENABLE);
    EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_MSI, 1 });
}

/* Each hook of a release fails once, and is called again. */
Test(assign_interrupt, a_release_that_fails_is_repeated)
{
    for (unsigned k = 1; k <= 2; k++) {
        signal_start();
        signal_open();
        raise(VPT_ASSIGN_INTX);
        signals.logged = 0;
        signals.fail_at = signals.calls + k;
        assert_status(vpt_assign_release(&signals.device), SIGNAL_FAILURE);
        cr_assert(signals.device.owned && signals.device.degraded);
        cr_assert(signals.logged == k + 1 && signals.log[k].kind == LEVEL);
        signals.logged = 0;
        assert_status(vpt_assign_release(&signals.device), VPT_OK);
        EXPECT({ HOST_MASK, false, 0 }, { TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 });
    }
}

/* Amid a release that is to be repeated the guest cannot have interrupts again. */
Test(assign_interrupt, none_once_a_release_has_begun)
{
    start_with_both();
    signal_open();
    signal_msix_control(MSIX_ENABLE);
    signals.unmap_fails = true;
    signals.logged = 0;
    assert_status(vpt_assign_release(&signals.device), SIGNAL_FAILURE);
    EXPECT({ TOLD, VPT_ASSIGN_INTERRUPT_NONE, 0 });
    assert_status(vpt_assign_config_write(&signals.device, SIGNAL_MSIX + 2, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK),
                  VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_config_write(&signals.device, SIGNAL_MSI + 2, 2, MSI_ENABLE), VPT_DEVICE_ASSIGN_DEGRADED);
    assert_status(vpt_assign_raise(&signals.device, 0), VPT_EMPTY);
    EXPECT_NOTHING();
    signals.unmap_fails = false;
    assert_status(vpt_assign_release(&signals.device), VPT_OK);
    EXPECT_NOTHING();
}
