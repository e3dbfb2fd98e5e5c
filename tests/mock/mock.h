/* SPDX-License-Identifier: MIT */
/*
 * All of the simulated machine, for tests of drivers: see docs/mock.md.
 *
 *     machine.h, pci_machine.h   a machine with one simulated device, memory-mapped or behind PCI, in one call
 *     hal.h                      the port that it gives to the library
 *     device.h                   the device, whatever it is of
 *     blk.h, entropy.h           the disk, or the entropy device, that it is
 *     faults.h                   misbehaviour by name
 *     lies.h                     misbehaviour by place and moment
 *     profiles.h                 the oddities of real devices, by name
 *     violations.h               what the driver did wrong
 */
#ifndef VPT_TESTS_MOCK_MOCK_H
#define VPT_TESTS_MOCK_MOCK_H

#include "mock_machine.h"
#include "mock_pci_machine.h"

#endif
