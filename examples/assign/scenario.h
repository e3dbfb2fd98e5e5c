/* SPDX-License-Identifier: MIT */
/* What the steps share. */
#ifndef EXAMPLE_ASSIGN_SCENARIO_H
#define EXAMPLE_ASSIGN_SCENARIO_H

#include "disk.h"
#include "guest.h"
#include "host.h"
#include "network.h"
#include "table.h"

#define CONFIG_WORDS (VPT_PCI_EXTENDED_CONFIG_SIZE / 4u)

/* A guest's first readings of its devices. */
struct first_sight {
    uint32_t config[HOST_FUNCTIONS][CONFIG_WORDS];
    uint32_t network[NETWORK_REGISTERS];
};

struct scenario {
    struct host host;
    struct guest a;
    struct guest b;
    struct guest *present; /* the guest that has the devices, or NULL */
    struct disk disk;      /* of `present`, or NULL */
    struct network network;
    struct first_sight sight;         /* read by guest A */
    struct vpt_assign_interrupt late; /* an interrupt for A that arrived but was not delivered in time */
};

/* Begins a step that the present guest takes, or the host. */
void guest_step(const struct scenario *scenario, const char *action);
void host_step(const char *action);

/* Ends the step: checks everything that must hold after any step, and prints the map. */
void step_done(const struct scenario *scenario);

/* ---- step_find.c: what a kernel does with PCI ---- */

/* The present guest looks for its functions. */
void find_functions(struct scenario *scenario);
void size_bars(struct scenario *scenario);

/* Gives the BARs addresses from windows that the guest chose. */
struct find_windows {
    uint64_t memory;
    uint64_t memory64; /* for 64-bit BARs; 0: they use `memory` */
    uint16_t io;
};
void assign_bars(struct scenario *scenario, const struct find_windows *windows);
void decode_bars(struct scenario *scenario);

/* ---- step_move.c: mappings that follow ---- */

void move_bar(struct scenario *scenario);
void move_onto_another(struct scenario *scenario);
void size_again(struct scenario *scenario);
void use_ports(struct scenario *scenario);
void sleep_and_wake(struct scenario *scenario);

/* ---- step_interrupt.c: of the network controller ---- */

void use_line(struct scenario *scenario);
void use_one_message(struct scenario *scenario);
void use_messages(struct scenario *scenario);
void send_frame(struct scenario *scenario);
void mask_entry(struct scenario *scenario);
void mask_function(struct scenario *scenario);

/* ---- step_disk.c: the disk, and its reset ---- */

void use_disk(struct scenario *scenario);
void change_disk(struct scenario *scenario);
void write_where_it_may_not(struct scenario *scenario);
void reset_disk(struct scenario *scenario);
void write_to_other_guest(struct scenario *scenario, const struct guest *other);

/* ---- step_owner.c: from one guest to the next ---- */

void acquire(struct scenario *scenario, struct guest *guest);
void refuse_second_owner(struct scenario *scenario);
void leave_traces(struct scenario *scenario);
void release(struct scenario *scenario);
void deliver_late(struct scenario *scenario);
void find_config_as_before(struct scenario *scenario);
void find_registers_as_before(struct scenario *scenario);

#endif
