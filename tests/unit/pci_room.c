/* SPDX-License-Identifier: MIT */
#include "pci_room.h"

#include <string.h>

struct room room;

void room_begin(uint8_t header_type)
{
    struct mock_pci_ids ids = {
        .vendor = ROOM_VENDOR, .device = ROOM_DEVICE, .header_type = header_type, .interrupt_pin = 1
    };

    mock_hal_init(&room.hal);
    mock_pci_bus_init(&room.bus, &room.hal);
    cr_assert(mock_pci_bus_aperture(&room.bus, ROOM_APERTURE, ROOM_APERTURE_SIZE) != NULL);
    mock_pci_function_init(&room.function, &ids);
    mock_pci_bus_add(&room.bus, &room.function, 2, 3, 4, 5);
    room.here.port = &room.bus.port;
    room.here.address = room.function.address;
}

void room_add(unsigned index, const struct mock_pci_ids *ids, uint8_t bus, uint8_t device, uint8_t which)
{
    mock_pci_function_init(&room.more[index], ids);
    mock_pci_bus_add(&room.bus, &room.more[index], 0, bus, device, which);
}

void room_end(void)
{
    unsigned violations;

    mock_pci_function_finish(&room.function);
    violations = mock_hal_finish(&room.hal);
    mock_violations_print(&room.hal.violations, stderr);
    cr_assert(violations == 0, "%u violations", violations);
}

void room_violated(const char *text)
{
    cr_assert(mock_violations_mention(&room.hal.violations, text), "no violation mentions \"%s\"", text);
    mock_violations_clear(&room.hal.violations);
}

void room_remember(void)
{
    memcpy(room.before, room.function.config, sizeof(room.before));
}

unsigned room_words_changed(void)
{
    unsigned changed = 0;

    for (size_t i = 0; i < sizeof(room.before); i += 4) {
        changed += memcmp(&room.before[i], &room.function.config[i], 4) != 0 ? 1u : 0u;
    }
    return changed;
}

bool room_unchanged(void)
{
    return room_words_changed() == 0;
}

void room_bar(unsigned index, struct mock_pci_bar bar)
{
    mock_pci_bar_init(&room.function, index, &bar);
}
