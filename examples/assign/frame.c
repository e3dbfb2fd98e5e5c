/* SPDX-License-Identifier: MIT */
/*
 * A frame that the network controller sends to itself. The guest's memory holds the descriptors and the data of both
 * directions.
 */
#include "network.h"
#include "table.h"

#include <string.h>

/* Registers (82574 datasheet, chapter 10). */
#define RECEIVE_CONTROL 0x0100u
#define SEND_CONTROL    0x0400u
#define RECEIVE_RING    0x2800u
#define SEND_RING       0x3800u
/* Offsets in a ring's registers. */
#define RING_LOW  0x00u
#define RING_HIGH 0x04u
#define RING_SIZE 0x08u
#define RING_HEAD 0x10u
#define RING_TAIL 0x18u

#define RECEIVE_ENABLE      0x00000002u
#define RECEIVE_ANY_UNICAST 0x00000008u
#define RECEIVE_LOOPBACK    0x00000040u
#define RECEIVE_NO_CHECKSUM 0x04000000u
#define SEND_ENABLE         0x00000002u

/* Bits of descriptors. */
#define SEND_WHOLE  0x01u /* end of the frame */
#define SEND_REPORT 0x08u /* report when done */
#define DONE        0x01u
#define RECEIVE_END 0x02u

struct descriptor {
    uint64_t address;
    uint16_t length;
    uint16_t command; /* done; in the upper byte of a send descriptor */
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};

#define DESCRIPTORS 8u
#define FRAME_SIZE  600u
#define BUFFER_SIZE 2048u

/* Offsets in the guest's buffers, after the area that the disk reads into. */
#define SEND_DESCRIPTORS    0x10000u
#define RECEIVE_DESCRIPTORS 0x10100u
#define SENT                0x11000u
#define RECEIVED            0x12000u

static void *bytes_at(const struct network *network, uint32_t offset)
{
    return (uint8_t *)guest_bytes(network->guest, GUEST_BUFFERS) + offset;
}

static uint64_t address_of(const struct network *network, uint32_t offset)
{
    return network->guest->memory[GUEST_BUFFERS].address + offset;
}

static void set_ring(const struct network *network, uint32_t ring, uint32_t descriptors)
{
    uint64_t address = address_of(network, descriptors);

    network_write(network, ring + RING_LOW, (uint32_t)address);
    network_write(network, ring + RING_HIGH, (uint32_t)(address >> 32));
    network_write(network, ring + RING_SIZE, DESCRIPTORS * (uint32_t)sizeof(struct descriptor));
    network_write(network, ring + RING_HEAD, 0);
    network_write(network, ring + RING_TAIL, 0);
}

/* To an address that no machine has: the controller accepts any. */
static void make_frame(const struct network *network)
{
    static const uint8_t header[] = { 0x52, 0x54, 0, 1, 2, 3, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xb5 };
    uint8_t *frame = bytes_at(network, SENT);

    for (uint32_t i = 0; i < FRAME_SIZE; i++) {
        frame[i] = i < sizeof(header) ? header[i] : host_disk_byte(0x5000u + i);
    }
}

static void make_rings(const struct network *network)
{
    struct descriptor *sends = bytes_at(network, SEND_DESCRIPTORS);
    struct descriptor *receives = bytes_at(network, RECEIVE_DESCRIPTORS);

    memset(sends, 0, DESCRIPTORS * sizeof(*sends));
    memset(receives, 0, DESCRIPTORS * sizeof(*receives));
    memset(bytes_at(network, RECEIVED), 0, DESCRIPTORS * BUFFER_SIZE);
    for (uint32_t i = 0; i < DESCRIPTORS; i++) {
        receives[i].address = address_of(network, RECEIVED + i * BUFFER_SIZE);
    }
    sends[0].address = address_of(network, SENT);
    sends[0].length = FRAME_SIZE;
    sends[0].command = (SEND_WHOLE | SEND_REPORT) << 8;
    set_ring(network, SEND_RING, SEND_DESCRIPTORS);
    set_ring(network, RECEIVE_RING, RECEIVE_DESCRIPTORS);
    network_write(network, RECEIVE_RING + RING_TAIL, DESCRIPTORS - 1u);
}

static void check_frame(const struct network *network)
{
    const struct descriptor *send = bytes_at(network, SEND_DESCRIPTORS);
    const struct descriptor *receive = bytes_at(network, RECEIVE_DESCRIPTORS);

    require((send->status & DONE) != 0, "the frame was not sent");
    require((receive->status & (DONE | RECEIVE_END)) == (DONE | RECEIVE_END) && receive->errors == 0,
            "the frame was not received: status 0x%02x, errors 0x%02x", receive->status, receive->errors);
    require(receive->length == FRAME_SIZE, "%u bytes were received", receive->length);
    require(memcmp(bytes_at(network, SENT), bytes_at(network, RECEIVED), FRAME_SIZE) == 0,
            "the frame that was received is not the one that was sent");
}

void network_send_to_itself(const struct network *network)
{
    make_frame(network);
    make_rings(network);
    network_allow(network, NETWORK_CAUSE_RECEIVED);
    network_write(network, RECEIVE_CONTROL,
                  RECEIVE_ENABLE | RECEIVE_ANY_UNICAST | RECEIVE_LOOPBACK | RECEIVE_NO_CHECKSUM);
    network_write(network, SEND_CONTROL, SEND_ENABLE);
    network_expect(network, 0, 1);
    network_write(network, SEND_RING + RING_TAIL, 1);
    network_expect(network, 1, 1);
    check_frame(network);
    network_allow(network, 0);
    network_write(network, SEND_CONTROL, 0);
    network_write(network, RECEIVE_CONTROL, 0);
}
