/* SPDX-License-Identifier: MIT */
#include "chips.h"

#include <x86_io.h>

#define APIC(at) (*(volatile uint32_t *)(0xfee00000u + (at)))

#define APIC_ID            0x020u
#define APIC_END           0x0b0u
#define APIC_SPURIOUS      0x0f0u
#define APIC_TIMER         0x320u
#define APIC_LINT0         0x350u
#define APIC_TIMER_COUNT   0x380u
#define APIC_TIMER_DIVISOR 0x3e0u

#define APIC_ENABLE   0x1ffu /* with the vector of spurious interrupts, 0xff */
#define APIC_MASKED   0x10000u
#define APIC_PERIODIC 0x20000u
#define APIC_DIVIDE_1 0x0bu /* then QEMU's APIC counts nanoseconds */

#define IOAPIC(word)      (((volatile uint32_t *)0xfec00000u)[word])
#define IOAPIC_INDEX      0u
#define IOAPIC_WINDOW     4u
#define IOAPIC_PIN        0x10u /* two registers for each */
#define IOAPIC_LEVEL      0x8000u
#define IOAPIC_ACTIVE_LOW 0x2000u

#define PIC_MASKS(chip) ((uint16_t)((chip) == 0 ? 0x21u : 0xa1u))

/* The HPET, whose counter has a step of 10 nanoseconds in QEMU. */
#define HPET(at)           (*(volatile uint64_t *)(0xfed00000u + (at)))
#define HPET_CONFIGURATION 0x010u
#define HPET_COUNTER       0x0f0u
#define HPET_STEP          10u

#define PAUSE_STEPS 10000u

#define DEBUG_EXIT 0xf4u

#define CONFIG_SELECTOR  0x510u
#define CONFIG_DATA      0x511u
#define CONFIG_DIRECTORY 0x19u
#define CONFIG_NAME_SIZE 56u

/* ---- Interrupt controllers ---- */

void chips_start(void)
{
    for (unsigned chip = 0; chip < 2u; chip++) {
        vpt_x86_io_write(0, PIC_MASKS(chip), 1, 0xff);
    }
    APIC(APIC_SPURIOUS) = APIC_ENABLE;
    APIC(APIC_LINT0) = APIC_MASKED;
    APIC(APIC_TIMER_DIVISOR) = APIC_DIVIDE_1;
    APIC(APIC_TIMER) = APIC_PERIODIC | CHIPS_VECTOR_TICK;
    APIC(APIC_TIMER_COUNT) = CHIPS_TICK;
    HPET(HPET_CONFIGURATION) |= 1u;
}

static void write_ioapic(unsigned index, uint32_t value)
{
    IOAPIC(IOAPIC_INDEX) = index;
    IOAPIC(IOAPIC_WINDOW) = value;
}

void chips_open_line(unsigned line)
{
    write_ioapic(IOAPIC_PIN + 2u * line + 1u, APIC(APIC_ID));
    write_ioapic(IOAPIC_PIN + 2u * line,
                 IOAPIC_LEVEL | IOAPIC_ACTIVE_LOW | (CHIPS_VECTOR_LINE + line - CHIPS_LINE_FIRST));
}

void chips_end(void)
{
    APIC(APIC_END) = 0;
}

uint64_t chips_message_address(void)
{
    return 0xfee00000u | (uint64_t)(APIC(APIC_ID) >> 24) << 12;
}

/* The CPU takes no interrupt between sti and the next instruction. */
void chips_let_in(void)
{
    __asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
}

void chips_sleep(void)
{
    __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
}

/* ---- The clock ---- */

uint64_t chips_clock(void)
{
    return HPET(HPET_COUNTER) * HPET_STEP;
}

/* With -icount time passes by instructions. */
void chips_pause(void)
{
    for (unsigned i = 0; i < PAUSE_STEPS; i++) {
        __asm__ volatile("");
    }
}

/* ---- QEMU ---- */

_Noreturn void chips_exit(bool success)
{
    vpt_x86_io_write(0, DEBUG_EXIT, 4, success ? 0x10u : 0x11u);
    for (;;) {
        __asm__ volatile("hlt");
    }
}

static uint8_t next_byte(void)
{
    return (uint8_t)vpt_x86_io_read(0, CONFIG_DATA, 1);
}

/* Big-endian, as the device has its directory. */
static uint32_t next_number(unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | next_byte();
    }
    return value;
}

static bool next_name_is(const char *name)
{
    bool same = true;
    bool ended = false;

    for (unsigned i = 0; i < CONFIG_NAME_SIZE; i++) {
        uint8_t byte = next_byte();

        same = same && (ended || byte == (uint8_t)name[i]);
        ended = ended || name[i] == '\0';
    }
    return same;
}

uint32_t chips_file(const char *name, void *bytes, uint32_t capacity)
{
    uint32_t count;
    uint32_t found = 0;
    uint32_t size = 0;

    vpt_x86_io_write(0, CONFIG_SELECTOR, 2, CONFIG_DIRECTORY);
    count = next_number(4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t file_size = next_number(4);
        uint32_t selector = next_number(2);

        (void)next_number(2);
        if (next_name_is(name)) {
            found = selector;
            size = file_size;
        }
    }
    if (size > capacity) {
        return 0;
    }
    vpt_x86_io_write(0, CONFIG_SELECTOR, 2, found);
    for (uint32_t i = 0; i < size; i++) {
        ((uint8_t *)bytes)[i] = next_byte();
    }
    return size;
}
