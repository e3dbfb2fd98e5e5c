/* SPDX-License-Identifier: MIT */
/* What the suites of the PCI room share: a bus with one function, in one global object. */
#ifndef VPT_TESTS_PCI_ROOM_H
#define VPT_TESTS_PCI_ROOM_H

#include "support.h"

#include <vpt/pci.h>

#include "pci_bus.h"

#define ROOM_APERTURE      UINT64_C(0xe0000000)
#define ROOM_APERTURE_SIZE 0x1000000u
#define ROOM_VENDOR        0x1b36u
#define ROOM_DEVICE        0x0005u
#define ROOM_MORE          16u

struct room {
    struct mock_hal hal;
    struct mock_pci_bus bus;
    struct mock_pci_function function;        /* at 0002:03:04.5 */
    struct mock_pci_function more[ROOM_MORE]; /* for tests that need others, not on the bus yet */
    struct vpt_pci_function here;             /* the function, for the library */
    uint8_t before[MOCK_PCI_CONFIG_SIZE];     /* its configuration at the last room_remember() */
};

extern struct room room;

/* A bus with a function that has this header type, no BAR and no capability. */
void room_begin(uint8_t header_type);

/* The same as the other functions are: any place, any header. */
void room_add(unsigned index, const struct mock_pci_ids *ids, uint8_t bus, uint8_t device, uint8_t which);

/* Asserts that nothing was done against a rule, and that nothing leaks. */
void room_end(void);

/* Asserts that there was a violation that mentions `text`, and forgets all. */
void room_violated(const char *text);

/* Whether the configuration space is still what it was. */
void room_remember(void);
bool room_unchanged(void);

/* How many of its 4-byte words differ. */
unsigned room_words_changed(void);

/* A BAR in the function. */
void room_bar(unsigned index, struct mock_pci_bar bar);

#endif
