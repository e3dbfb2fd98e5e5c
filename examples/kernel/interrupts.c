/* SPDX-License-Identifier: MIT */
#include "interrupts.h"

#include "console.h"
#include "controller.h"

/* A line that interrupts this often while the main context does not wait is shut, so that other code can run. */
#define STORM 10000u

struct attachment {
    struct interrupt_source *source; /* NULL: free */
    bool message;                    /* false: a line */
    unsigned number;
    uint32_t means;
};

static struct attachment attachments[INTERRUPTS_ATTACHED_MAX];
static volatile uint32_t nobody;
static volatile uint32_t taken; /* all interrupts, the alarm included */
static volatile uint32_t storm; /* since the main context last waited */
static volatile bool stuck;
static volatile bool alarm;

void interrupts_init(void)
{
    controller_init();
}

uint32_t interrupts_nobody(void)
{
    return nobody;
}

/* ---- The handler ---- */

static bool ask(const struct attachment *attachment)
{
    struct interrupt_source *source = attachment->source;
    uint32_t happened = vpt_device_interrupt(source->device) & attachment->means;

    source->asked++;
    source->happened |= happened;
    source->claimed += happened != 0;
    source->queues += (happened & VPT_INTERRUPT_QUEUE) != 0;
    source->configurations += (happened & VPT_INTERRUPT_CONFIGURATION) != 0;
    return happened != 0;
}

static void ask_all(bool message, unsigned number)
{
    bool claimed = false;

    for (unsigned i = 0; i < INTERRUPTS_ATTACHED_MAX; i++) {
        const struct attachment *attachment = &attachments[i];

        if (attachment->source != NULL && attachment->message == message && attachment->number == number) {
            claimed = ask(attachment) || claimed;
        }
    }
    nobody += !claimed;
    taken++;
}

void interrupts_line(unsigned line)
{
    ask_all(false, line);
    if (++storm > STORM) {
        controller_shut(line);
        stuck = true;
    }
}

void interrupts_message(unsigned message)
{
    ask_all(true, message);
}

void interrupts_alarm(void)
{
    alarm = true;
    taken++;
}

/* ---- The main context ---- */

static bool attach(const struct attachment *attachment)
{
    for (unsigned i = 0; i < INTERRUPTS_ATTACHED_MAX; i++) {
        if (attachments[i].source == NULL) {
            cpu_interrupts_off();
            attachments[i] = *attachment;
            storm = 0;
            cpu_interrupts_on();
            return true;
        }
    }
    print("FAILED: too many sources of interrupts\n");
    return false;
}

bool interrupts_attach_line(struct interrupt_source *source, unsigned line)
{
    const struct attachment attachment = {
        .source = source,
        .number = line,
        .means = VPT_INTERRUPT_QUEUE | VPT_INTERRUPT_CONFIGURATION,
    };

    if (!attach(&attachment)) {
        return false;
    }
    controller_open(line);
    return true;
}

bool interrupts_attach_message(struct interrupt_source *source, unsigned message, uint32_t means)
{
    const struct attachment attachment = { .source = source, .message = true, .number = message, .means = means };

    return attach(&attachment);
}

static bool line_attached(unsigned line)
{
    for (unsigned i = 0; i < INTERRUPTS_ATTACHED_MAX; i++) {
        if (attachments[i].source != NULL && !attachments[i].message && attachments[i].number == line) {
            return true;
        }
    }
    return false;
}

void interrupts_detach(const struct interrupt_source *source)
{
    bool any = false;

    cpu_interrupts_off();
    for (unsigned i = 0; i < INTERRUPTS_ATTACHED_MAX; i++) {
        struct attachment *attachment = &attachments[i];

        if (attachment->source == source) {
            attachment->source = NULL;
            if (!attachment->message && !line_attached(attachment->number)) {
                controller_shut(attachment->number);
            }
        }
        any = any || attachment->source != NULL;
    }
    if (any) {
        cpu_interrupts_on();
    }
}

/* The CPU's interrupts are off except during the sleep, so none can come between the check and the sleep. */
static void sleep_until(struct interrupt_source *source)
{
    while ((source->happened & VPT_INTERRUPT_QUEUE) == 0 && !alarm && !stuck) {
        uint32_t before = taken;

        cpu_sleep();
        source->sleeps += taken != before;
    }
}

void interrupts_hold(struct interrupt_source *source)
{
    cpu_interrupts_off();
    source->happened = 0;
}

bool interrupts_wait(struct interrupt_source *source)
{
    uint32_t happened;

    cpu_interrupts_off();
    storm = 0;
    alarm = false;
    controller_alarm(INTERRUPTS_SECONDS);
    sleep_until(source);
    controller_alarm_off();
    happened = source->happened;
    source->happened = 0;
    cpu_interrupts_on();
    if (stuck) {
        print("FAILED: a line that does not stop to interrupt\n");
    } else if ((happened & VPT_INTERRUPT_QUEUE) == 0) {
        print("FAILED: no interrupt in %u seconds\n", INTERRUPTS_SECONDS);
    }
    return !stuck && (happened & VPT_INTERRUPT_QUEUE) != 0;
}
