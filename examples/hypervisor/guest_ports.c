/* SPDX-License-Identifier: MIT */
/* A guest's I/O ports: a serial port, two PICs, PCI, and QEMU's exit device. */
#include "cost.h"
#include "guest.h"

#include <x86_io.h>

#define SERIAL       0x3f8u
#define SERIAL_PORTS 8u
#define CONFIG       0xcf8u
#define CONFIG_PORTS 8u
#define DEBUG_EXIT   0xf4u
#define SUCCESS      0x10u

static void access_pic(struct guest *guest, bool write, uint16_t io_port, uint32_t *value)
{
    struct virtual_pic_change change;

    cost_is(COST_PIC);
    if (!write) {
        *value = virtual_pic_read(&guest->pic, io_port);
        return;
    }
    change = virtual_pic_write(&guest->pic, io_port, (uint8_t)*value);
    guest_ask_again(guest, change.ended | change.opened);
}

/* A serial port of the machine is the guest's alone. */
static void access_serial(const struct guest *guest, bool write, uint16_t offset, uint32_t *value)
{
    uint16_t io_port = (uint16_t)(guest->serial + offset);

    if (write) {
        vpt_x86_io_write(0, io_port, 1, *value);
    } else {
        *value = vpt_x86_io_read(0, io_port, 1);
    }
}

void guest_ports(struct guest *guest, bool write, uint16_t io_port, unsigned width, uint32_t *value)
{
    uint64_t wide = *value;

    if (io_port - SERIAL < SERIAL_PORTS && width == 1u) {
        access_serial(guest, write, (uint16_t)(io_port - SERIAL), value);
    } else if (virtual_pic_has(io_port) && width == 1u) {
        access_pic(guest, write, io_port, value);
    } else if (io_port - CONFIG < CONFIG_PORTS) {
        guest_config_ports(guest, write, io_port, width, value);
    } else if (io_port == DEBUG_EXIT && write) {
        guest->state = *value == SUCCESS ? GUEST_SUCCEEDED : GUEST_FAILED;
        guest->reason = "it has said so";
    } else {
        guest_access(guest, write, VPT_ASSIGN_IO, io_port, width, &wide);
        *value = (uint32_t)wide;
    }
}
