/* SPDX-License-Identifier: MIT */
/*
 * One test, each transport: a virtio device of any type in a place that a machine of QEMU's has for it, with hooks in
 * the port that the library gets.
 */
#ifndef VPT_TESTS_DEVICE_PLACE_H
#define VPT_TESTS_DEVICE_PLACE_H

#include "qemu_function.h"

enum transport { MMIO_1, MMIO_2, PCI_LEGACY, PCI_MODERN };

struct place {
    enum vpt_qtest_machine_type machine;
    enum transport transport;
    bool iommu; /* q35 and PCI_MODERN only */
};

/* The device under test. What there is of it behind PCI is in `function` too. */
struct placed {
    struct place place;
    struct vpt_device *device;
    struct vpt_mmio mmio;
    void *slot;           /* its mapping */
    struct vpt_port port; /* the fixture's with the hooks: what the library uses */

    /* Hooks: NULL or 0 for none. */
    uint32_t patience;          /* milliseconds that a wait for a request gets */
    void (*before_write)(void); /* called once, before the next write to a register */
    bool reset_before_unshare;  /* asserts that the device's status reads 0 whenever a share ends */
};

extern struct placed placed;

/* Ways to reach a device, each transport on x86 and elsewhere. */
extern struct place places[];
#define PLACES_COUNT 10u

#define PLACE_TEST(suite, name)                                         \
    ParameterizedTestParameters(suite, name)                            \
    {                                                                   \
        return cr_make_param_array(struct place, places, PLACES_COUNT); \
    }                                                                   \
    ParameterizedTest(const struct place *place, suite, name)

bool place_is_pci(const struct place *place);
bool place_is_legacy(const struct place *place);

/*
 * Starts the machine with one device, id "device": `model` ("virtio-blk") with `properties` ("" or ",..."; behind PCI
 * it is number 5 of bus 0 unless they name a bus). `options` may have arguments already; the machine is filled in, with
 * QMP.
 */
void place_machine(const struct place *place, const char *model, const char *properties,
                   struct fixture_options *options);

/* The same, and probes it. */
void place_start(const struct place *place, const char *model, const char *properties, struct fixture_options *options);

/* The same with a disk whose node is d0, or `node`. */
void place_start_disk_on(const struct place *place, const char *node, const char *properties,
                         struct fixture_options *options);
void place_start_disk(const struct place *place);

/* Finds and probes the device, as for the first time; or, behind PCI, probes the one that `function` has been made. */
void place_probe(void);
void place_probe_function(void);

/* What the device itself says its status is. */
uint32_t place_status(void);

/* The line it interrupts by; place_intercept() begins to observe it. */
uint32_t place_line(void);
void place_intercept(void);

/* Lets go of the device, and ends the machine with its checks; after disk_stop(). */
void place_close(void);
void place_finish(void);

/* Stops the disk, in which nothing is in flight, and all else. */
void place_end(void);

#endif
