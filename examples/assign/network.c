/* SPDX-License-Identifier: MIT */
#include "network.h"
#include "table.h"

#include <inttypes.h>

/* Registers (82574 datasheet, chapter 10). */
#define CONTROL_EXTENDED 0x0018u
#define CAUSE_READ       0x00c0u /* a written 1 clears */
#define CAUSE_SET        0x00c8u
#define MASK_SET         0x00d0u
#define MASK_CLEAR       0x00d8u
#define AUTO_CLEAR       0x00dcu
#define VECTORS          0x00e4u
#define RECEIVE_CONTROL  0x0100u
#define RECEIVE_RING     0x2800u
#define SEND_RING        0x3800u
#define ADDRESS_LOW      0x5400u
#define ADDRESS_HIGH     0x5404u

#define VECTOR_VALID    0x8u
#define VECTOR_RECEIVED 0u /* bit positions in VECTORS */
#define VECTOR_OTHER    16u
#define ENTRY_RECEIVED  1u
#define ENTRY_OTHER     3u

/* Offsets of the ports. */
#define PORT_ADDRESS 0u
#define PORT_DATA    4u

#define DIRTY 0x00100010u

#define THROTTLE 1000u /* microseconds; QEMU's shortest is 128 */

static const uint32_t registers[NETWORK_REGISTERS] = {
    CONTROL_EXTENDED, MASK_SET,  AUTO_CLEAR,  VECTORS,      RECEIVE_CONTROL,
    RECEIVE_RING,     SEND_RING, ADDRESS_LOW, ADDRESS_HIGH,
};

void network_write(const struct network *network, uint32_t offset, uint32_t value)
{
    guest_write(network->guest, VPT_ASSIGN_MEMORY, network->bars.bar[NETWORK_BAR].address + offset, 4, value);
}

uint32_t network_read(const struct network *network, uint32_t offset)
{
    return guest_read(network->guest, VPT_ASSIGN_MEMORY, network->bars.bar[NETWORK_BAR].address + offset, 4);
}

uint32_t network_read_by_port(const struct network *network, uint32_t offset)
{
    uint64_t first = network->bars.bar[NETWORK_IO_BAR].address;

    guest_write(network->guest, VPT_ASSIGN_IO, first + PORT_ADDRESS, 4, offset);
    return guest_read(network->guest, VPT_ASSIGN_IO, first + PORT_DATA, 4);
}

/* ---- Registers that a reset clears ---- */

void network_remember(const struct network *network, uint32_t values[NETWORK_REGISTERS])
{
    for (unsigned i = 0; i < NETWORK_REGISTERS; i++) {
        values[i] = network_read(network, registers[i]);
    }
}

void network_compare(const struct network *network, const uint32_t values[NETWORK_REGISTERS])
{
    for (unsigned i = 0; i < NETWORK_REGISTERS; i++) {
        uint32_t value = network_read(network, registers[i]);

        require(value == values[i], "the network controller was not reset: register 0x%04x is 0x%08x, not 0x%08x",
                (unsigned)registers[i], (unsigned)value, (unsigned)values[i]);
    }
}

void network_dirty(const struct network *network)
{
    for (unsigned i = 0; i < NETWORK_REGISTERS; i++) {
        network_write(network, registers[i], DIRTY);
        require(network_read(network, registers[i]) == DIRTY, "register 0x%04x takes no value", (unsigned)registers[i]);
    }
}

/* ---- Interrupts ---- */

/*
 * The controller throttles interrupts (registers ITR and EITR): it holds back a second interrupt that comes too soon,
 * and QEMU 7.2 then sends each later one twice. So wait until the throttle's time is over. The write afterwards makes
 * QEMU check its timers.
 */
void network_allow(const struct network *network, uint32_t causes)
{
    host_pause(THROTTLE);
    network_write(network, MASK_CLEAR, 0xffffffffu);
    network_write(network, CAUSE_READ, 0xffffffffu);
    (void)network_read(network, CAUSE_READ);
    network_write(network, MASK_SET, causes);
}

void network_raise(const struct network *network, uint32_t causes)
{
    network_write(network, CAUSE_SET, causes);
}

/* A different value for each guest. */
static struct guest_message message_of(const struct network *network, uint16_t entry)
{
    uint32_t owner = (uint32_t)network->guest->owner;

    return (struct guest_message){ 0xfee08000u | (uint64_t)(entry + owner) << 12, 0x80u + entry + 0x20u * owner };
}

void network_use_entries(struct network *network)
{
    require_ok(vpt_pci_msix_init(&network->msix, &network->function, &network->bars),
               "the network controller's MSI-X table");
    require(network->msix.entries == NETWORK_ENTRIES, "the network controller's MSI-X table has %u entries",
            network->msix.entries);
    for (uint16_t i = 0; i < NETWORK_ENTRIES; i++) {
        struct guest_message message = message_of(network, i);

        require_ok(vpt_pci_msix_program(&network->msix, i, message.address, message.data),
                   "a message of the network controller");
        require_ok(vpt_pci_msix_mask(&network->msix, i, false), "unmasking it");
    }
    require_ok(vpt_pci_msix_enable(&network->msix, true), "turning the network controller's MSI-X on");
    network_write(network, VECTORS,
                  (VECTOR_VALID | ENTRY_RECEIVED) << VECTOR_RECEIVED | (VECTOR_VALID | ENTRY_OTHER) << VECTOR_OTHER);
}

void network_expect(const struct network *network, unsigned count, uint16_t entry)
{
    struct guest_message expected = message_of(network, entry);
    struct guest_message message = { 0 };
    unsigned came = guest_take_messages(network->guest, NETWORK, 0, &message);

    require(came == count, "%u messages came of the network controller instead of %u", came, count);
    require(count == 0 || (message.address == expected.address && message.data == expected.data),
            "the network controller's message is 0x%x to 0x%" PRIx64 ", not 0x%x to 0x%" PRIx64, (unsigned)message.data,
            message.address, (unsigned)expected.data, expected.address);
}

void network_check_message(const struct network *network, uint32_t cause, uint16_t entry)
{
    network_allow(network, cause);
    network_expect(network, 0, entry);
    network_raise(network, cause);
    network_expect(network, 1, entry);
    network_allow(network, 0);
}
