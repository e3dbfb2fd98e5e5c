/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost: the condition is checked with the CPU's interrupts off, and cpu_sleep() turns them on in such a
 * way that a pending interrupt ends the sleep.
 */
#include "sleep.h"

#include "clock.h"
#include "controller.h"
#include "interrupts.h"
#include "serial.h"

#define DISK_MILLISECONDS 10000u /* limit of a request */

#define INPUT_SIZE 4096u /* a power of two */

static struct sleep_device *disk;
static struct sleep_device *network; /* NULL: there is none */
static volatile bool alarm;

/* Received characters; the positions only grow. */
static volatile char input[INPUT_SIZE];
static volatile unsigned input_taken;
static volatile unsigned input_put;
static volatile bool input_held; /* buffer full: the port keeps further characters */

/* ---- The handler, which ../kernel's interrupt controllers call ---- */

static void take_input(void)
{
    while (input_put - input_taken < INPUT_SIZE) {
        int character = serial_get();

        if (character < 0) {
            return;
        }
        input[input_put % INPUT_SIZE] = (char)character;
        input_put++;
    }
    input_held = true;
    serial_interrupts(false);
}

/* Two devices may share a line. */
static void ask(struct sleep_device *source, unsigned line)
{
    if (source != NULL && source->line == line && (vpt_device_interrupt(source->device) & VPT_INTERRUPT_QUEUE) != 0) {
        source->happened = true;
        source->interrupts++;
    }
}

void interrupts_line(unsigned line)
{
    if (line == serial_line) {
        take_input();
    }
    ask(disk, line);
    ask(network, line);
}

void interrupts_message(unsigned message)
{
    (void)message;
}

void interrupts_alarm(void)
{
    alarm = true;
}

/* ---- The program ---- */

void sleep_init(struct sleep_device *new_disk, struct sleep_device *new_network)
{
    disk = new_disk;
    network = new_network;
    controller_init();
    clock_init();
    controller_open(disk->line);
    if (network != NULL) {
        controller_open(network->line);
    }
    controller_open(serial_line);
    serial_init();
    serial_interrupts(true);
    cpu_interrupts_on();
}

/*
 * After the alarm the wait has failed, even if the disk has interrupted since: a lost interrupt must not go unnoticed.
 */
bool sleep_for_disk(void *ctx)
{
    bool done;

    (void)ctx;
    cpu_interrupts_off();
    alarm = false;
    clock_alarm(DISK_MILLISECONDS);
    while (!disk->happened && !alarm) {
        cpu_sleep();
    }
    controller_alarm_off();
    done = disk->happened && !alarm;
    disk->happened = false;
    cpu_interrupts_on();
    return done;
}

void sleep_for_event(uint32_t milliseconds)
{
    cpu_interrupts_off();
    alarm = milliseconds == 0;
    if (milliseconds != 0 && milliseconds != SLEEP_FOREVER) {
        clock_alarm(milliseconds < CLOCK_ALARM_MAX ? milliseconds : CLOCK_ALARM_MAX);
    }
    while (input_put == input_taken && !alarm && (network == NULL || !network->happened)) {
        cpu_sleep();
    }
    controller_alarm_off();
    if (network != NULL) {
        network->happened = false;
    }
    cpu_interrupts_on();
}

int sleep_character(void)
{
    int character = -1;

    cpu_interrupts_off();
    if (input_put != input_taken) {
        character = (unsigned char)input[input_taken % INPUT_SIZE];
        input_taken++;
    }
    if (input_held && character >= 0) {
        input_held = false;
        serial_interrupts(true);
    }
    cpu_interrupts_on();
    return character;
}
