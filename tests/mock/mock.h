/* SPDX-License-Identifier: MIT */
/*
 * All of the simulated machine, for tests of drivers: see docs/mock.md.
 *
 *     mock_machine.h, mock_pci_machine.h   a machine with one simulated device, memory-mapped or behind PCI
 *     mock_hal.h                           the port that it gives to the library
 *     mock_device.h                        the device, of any type
 *     mock_blk.h, mock_entropy.h, mock_console.h, mock_input.h, mock_net.h, mock_balloon.h,
 *     mock_scsi.h, mock_9p.h, mock_gpu.h, mock_rtc.h, mock_socket.h, mock_sound.h,
 *     mock_fs.h, mock_pmem.h   the types
 *     mock_faults.h                        misbehaviour by name
 *     mock_lies.h                          misbehaviour by place and moment
 *     mock_profiles.h                      the oddities of real devices, by name
 *     mock_violations.h                    what the driver did wrong
 */
#ifndef VPT_TESTS_MOCK_MOCK_H
#define VPT_TESTS_MOCK_MOCK_H

#include "mock_machine.h"
#include "mock_pci_machine.h"

#endif
