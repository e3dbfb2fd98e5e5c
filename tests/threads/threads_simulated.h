/* SPDX-License-Identifier: MIT */
/*
 * A disk with two request queues that runs in parallel with the driver: a thread serves each queue, on the memory that
 * the driver uses. The driver reaches registers through a port, behind virtio-mmio or virtio-pci.
 *
 * Objects that several CPUs may access at once on a real device (doorbells, the interrupt status, the presence) are
 * atomic here, and relaxed under the thread sanitizer: they order nothing, so only the driver's own locks order its
 * threads. Objects under the device's lock (the status, selectors, features, addresses, the PCI configuration space)
 * are ordinary memory: an access without the lock is a data race, and is reported.
 */
#ifndef VPT_TESTS_THREADS_SIMULATED_H
#define VPT_TESTS_THREADS_SIMULATED_H

#include <pthread.h>

#include <vpt/vpt.h>

#if defined(__SANITIZE_THREAD__)
#define ORDER __ATOMIC_RELAXED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ORDER __ATOMIC_RELAXED
#endif
#endif
#ifndef ORDER
#define ORDER __ATOMIC_SEQ_CST
#endif

/* Accesses to objects that no lock guards. */
#define GET(object)         __atomic_load_n(&(object), ORDER)
#define SET(object, value)  __atomic_store_n(&(object), value, ORDER)
#define TAKE(object, value) __atomic_exchange_n(&(object), value, ORDER)
#define ADD(object, value)  __atomic_fetch_add(&(object), value, ORDER)

#define QUEUES     2u
#define QUEUE_SIZE 64u
#define VECTORS    (QUEUES + 1u)
#define SECTOR     512u
#define SECTORS    256u

enum front { FRONT_MMIO, FRONT_PCI };

/* The device's state of a queue. */
struct simulated_queue {
    pthread_t thread;
    bool live;   /* its thread may touch memory; release and acquire, since the device itself orders these accesses */
    bool kicked; /* the doorbell */

    /* Set by the driver under the device's lock before the queue is live. */
    bool enabled;
    uint16_t size;
    uint16_t vector;
    uint64_t areas[3]; /* descriptors, driver, device */

    /* Used by the thread only. */
    uint16_t taken;
    uint16_t used;
    uint16_t signalled;
};

struct simulated {
    enum front front;
    uint32_t offered[2];

    /* Under the device's lock. */
    uint8_t status;
    bool resetting;
    uint32_t device_select;
    uint32_t driver_select;
    uint32_t queue_select;
    uint16_t configuration_vector;
    uint32_t accepted[2];
    uint8_t configuration[256];        /* PCI */
    uint32_t table[VECTORS * 4u + 2u]; /* MSI-X, and its pending bits */

    /* Without a lock. */
    struct simulated_queue queues[QUEUES];
    uint32_t interrupt_status;
    bool fired[VECTORS]; /* messages */
    bool quiet;          /* no queue may be served: reset or removal */
    bool vanished;
    bool ending;
    uint32_t kicks;
    uint32_t interrupts;

    uint8_t disk[SECTORS * SECTOR];
};

extern struct simulated simulated;
extern const struct vpt_port simulated_port;

/* The virtio-mmio slot, and the PCI function. */
void *simulated_slot(void);
extern const struct vpt_pci_function simulated_function;
extern const struct vpt_pci_bars simulated_bars;

/* Starts a device with these features in word 0; VERSION_1 is always offered. */
void simulated_start(enum front front, uint32_t features);

/* Removes the device: it touches no memory any more, then its registers read all-ones. */
void simulated_remove(void);

/* Ends its threads. */
void simulated_end(void);

/* Raises a configuration interrupt. */
void simulated_configuration_changed(void);

/* Whether this message, or without messages any interrupt, has come since the last call. */
bool simulated_message(unsigned vector);

/* Ends the program if there was no progress for too long. Every waiting loop must call it. */
void simulated_yield(void);
void simulated_progress(void);

/* ---- Between the files ---- */

void simulated_serve(struct simulated_queue *queue);
uint32_t simulated_read_disk_config(size_t offset, unsigned width);
uint8_t simulated_read_status(void);
void simulated_write_status(uint8_t value);
void simulated_kick(uint32_t index);
uint32_t simulated_offered(uint32_t select);
void simulated_accept(uint32_t select, uint32_t value);
struct simulated_queue *simulated_selected(void);
void simulated_set_half(uint64_t *whole, bool high, uint32_t value);
uint32_t simulated_mmio_read(size_t offset, unsigned width);
void simulated_mmio_write(size_t offset, uint32_t value);
void simulated_pci_init(void);
uint32_t simulated_pci_read(uint64_t physical, unsigned width);
void simulated_pci_write(uint64_t physical, unsigned width, uint32_t value);
enum vpt_status simulated_config_read(void *ctx, const struct vpt_pci_address *address, uint16_t offset, unsigned width,
                                      uint32_t *value);
enum vpt_status simulated_config_write(void *ctx, const struct vpt_pci_address *address, uint16_t offset,
                                       unsigned width, uint32_t value);

#endif
