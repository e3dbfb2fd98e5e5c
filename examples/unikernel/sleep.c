/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost: the condition is checked with the CPU's interrupts off, and cpu_sleep() turns them on in such a
 * way that a pending interrupt ends the sleep.
 */
#include "sleep.h"

#include "controller.h"
#include "interrupts.h"
#include "serial.h"

#define SECONDS 10u /* limit of a request */

#define INPUT_SIZE 4096u /* a power of two */

static struct vpt_device *disk;
static volatile bool disk_done;
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

void interrupts_line(unsigned line)
{
    if (line == serial_line) {
        take_input();
    } else if ((vpt_device_interrupt(disk) & VPT_INTERRUPT_QUEUE) != 0) {
        disk_done = true;
    }
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

void sleep_init(struct vpt_device *device, unsigned disk_line)
{
    disk = device;
    controller_init();
    controller_open(disk_line);
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
    controller_alarm(SECONDS);
    while (!disk_done && !alarm) {
        cpu_sleep();
    }
    controller_alarm_off();
    done = disk_done && !alarm;
    disk_done = false;
    cpu_interrupts_on();
    return done;
}

char sleep_for_character(void)
{
    char character;

    cpu_interrupts_off();
    while (input_put == input_taken) {
        cpu_sleep();
    }
    character = input[input_taken % INPUT_SIZE];
    input_taken++;
    if (input_held) {
        input_held = false;
        serial_interrupts(true);
    }
    cpu_interrupts_on();
    return character;
}
