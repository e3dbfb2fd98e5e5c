/* SPDX-License-Identifier: MIT */
/*
 * Runs a test on each transport: a virtio device of any type on one of QEMU's machines, and hooks in the port that the
 * library gets.
 */
#ifndef VPT_TESTS_DEVICE_PLACE_H
#define VPT_TESTS_DEVICE_PLACE_H

#include "qemu_function.h"

enum transport { MMIO_1, MMIO_2, PCI_LEGACY, PCI_MODERN };

struct place {
    enum vpt_qtest_machine_type machine;
    enum transport transport;
    bool iommu;  /* q35 and PCI_MODERN only */
    bool packed; /* not with a legacy interface */
};

/* The device under test. Behind PCI `function` describes it too. */
struct placed {
    struct place place;
    struct vpt_device *device;
    struct vpt_mmio mmio;
    void *slot;           /* mapping of its slot */
    struct vpt_port port; /* the fixture's port with the hooks, for the library */

    /* Hooks: NULL or 0 for none. */
    uint32_t patience;          /* milliseconds until a wait for a request times out */
    void (*before_write)(void); /* called once, before the next register write */
    bool reset_before_unshare;  /* each unshare() asserts that the device's status is 0 */
};

extern struct placed placed;

/* Places for a device: each transport, on x86 and elsewhere. */
extern struct place places[];
#define PLACES_COUNT 15u

#define PLACE_TEST(suite, name)                                         \
    ParameterizedTestParameters(suite, name)                            \
    {                                                                   \
        return cr_make_param_array(struct place, places, PLACES_COUNT); \
    }                                                                   \
    ParameterizedTest(const struct place *place, suite, name)

bool place_is_pci(const struct place *place);
bool place_is_legacy(const struct place *place);

/*
 * Starts the machine with one device, id "device": `model` ("virtio-blk") with `properties` ("" or ",..."). Behind PCI
 * it is device 5 of bus 0 unless they name a bus. `options` may have arguments already; this call sets the machine and
 * QMP.
 */
void place_machine(const struct place *place, const char *model, const char *properties,
                   struct fixture_options *options);

/* place_machine(), and probes the device. */
void place_start(const struct place *place, const char *model, const char *properties, struct fixture_options *options);

/* place_start() with a disk on node d0, or on `node`. */
void place_start_disk_on(const struct place *place, const char *node, const char *properties,
                         struct fixture_options *options);
void place_start_disk(const struct place *place);

/* Finds and probes the device again; or, behind PCI, probes the device that `function` describes. */
void place_probe(void);
void place_probe_function(void);

/* The status that the device itself reports. */
uint32_t place_status(void);

/* The device's interrupt line; place_intercept() starts to observe it. */
uint32_t place_line(void);
void place_intercept(void);

/* Closes the device; and ends the machine with its checks. Call after disk_stop(). */
void place_close(void);
void place_finish(void);

/* Stops the disk, which must have no request in flight, then closes and finishes. */
void place_end(void);

#endif
