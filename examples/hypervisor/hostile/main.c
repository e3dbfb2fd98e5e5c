/* SPDX-License-Identifier: MIT */
/*
 * A guest that does harm as well as it can with its functions. It succeeds if it comes to its end; whether the harm has
 * reached anybody else is what the hypervisor and its other guest say.
 */
#include <console.h>
#include <machine.h>
#include <ports.h>
#include <register.h>
#include <vpt/entropy.h>
#include <vpt/virtio_pci.h>
#include <x86.h>

#include "flood.h"
#include "function.h"

#define FUNCTIONS_MAX 8u

#define PCI_EXPRESS     0x10u
#define EXPRESS_CONTROL 8u
#define EXPRESS_RESET   0x8000u
#define POWER_D3        3u

#define RESETS       3u
#define FLOOD        2000u
#define TOGGLES      500u
#define ATTEMPTS     200000u
#define FOREIGN_SIZE 64u
#define SECONDS      60u

#define APIC_TIMER_NOW 0xfee00390u

struct harm {
    const char *name;
    void (*what)(const struct vpt_pci_function *function);
};

static struct vpt_pci_function functions[FUNCTIONS_MAX];
static unsigned function_count;
static volatile uint32_t interrupts;
static volatile uint32_t flood; /* interrupts of lines since these were opened */
static volatile uint32_t exceptions;
static volatile uint32_t messages;
static volatile bool expected; /* an exception */
static void *recovery[5];

void x86_vector(uintptr_t vector, uintptr_t address);

_Noreturn void kernel_trap(uint64_t cause, uint64_t address)
{
    print("@hostile trap %llu at %llx\n", (unsigned long long)cause, (unsigned long long)address);
    machine_exit(false);
}

/* Goes on behind an instruction that was expected to fail. A line is never served, and so comes again. */
void x86_vector(uintptr_t vector, uintptr_t address)
{
    unsigned line = (unsigned)vector - X86_VECTOR_PIC;

    if (vector < X86_EXCEPTIONS && expected) {
        expected = false;
        exceptions++;
        __builtin_longjmp(recovery, 1);
    }
    if (vector < X86_EXCEPTIONS) {
        kernel_trap(vector, address);
    }
    interrupts++;
    if (line >= PIC_LINES) {
        messages++;
        apic_end();
        return;
    }
    if (++flood > FLOOD) {
        pic_shut(line);
    }
    pic_end(line);
}

/* ---- Configuration space ---- */

static uint32_t mix(uint32_t number)
{
    number = (number ^ number >> 16) * 0x45d9f3bu;
    return (number ^ number >> 16) * 0x45d9f3bu;
}

static void write_everything(const struct vpt_pci_function *function)
{
    for (unsigned width = 1; width <= 4u; width *= 2u) {
        for (uint32_t offset = 0; offset < VPT_PCI_EXTENDED_CONFIG_SIZE; offset += width) {
            function_write(function, (uint16_t)offset, width, mix(offset + width));
            function_write(function, (uint16_t)offset, width, UINT32_MAX);
            (void)function_read(function, (uint16_t)offset, width);
        }
    }
}

/* ---- Harm ---- */

static void move_bars(const struct vpt_pci_function *function)
{
    const uint32_t places[] = { 0,
                                0x200000u,
                                0x03fff000u,
                                0x04000000u,
                                0xb0000000u,
                                0xfee00000u,
                                0xfffff000u,
                                UINT32_MAX,
                                WINDOW,
                                0xfec00000u,
                                0xfed90000u,
                                0x10000000u,
                                WINDOW + WINDOW_STEP * 5u };

    function_repair(function);
    for (unsigned bar = 0; bar < BAR_COUNT; bar++) {
        for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            function_write(function, (uint16_t)(BARS + 4u * bar), 4, places[i]);
            (void)vpt_port_register_read((const volatile void *)(uintptr_t)(places[i] & 0xfffff000u), 4);
        }
    }
    function_repair(function);
}

static void misuse_messages(const struct vpt_pci_function *function)
{
    uint16_t msix = function_capability(function, VPT_PCI_CAPABILITY_MSIX);
    volatile uint32_t *table;

    function_repair(function);
    if (msix == 0) {
        return;
    }
    table = function_msix_table(function, msix);
    for (uint32_t i = 0; i < TOGGLES; i++) {
        volatile uint32_t *entry = table + 4u * (i % 2u);

        function_write(function, msix + MSIX_CONTROL, 2,
                       (i & 1u) != 0 ? MSIX_ENABLE : MSIX_ENABLE | MSIX_FUNCTION_MASK);
        entry[0] = (i & 2u) != 0 ? 0xfee00000u : mix(i);
        entry[1] = (i & 4u) != 0 ? 0 : mix(i);
        entry[2] = mix(i) & 0xffffu;
        entry[3] = mix(i) & 1u;
        function_write(function, msix + MSIX_CONTROL, 2, (i & 8u) != 0 ? MSIX_ENABLE : 0);
    }
    (void)vpt_port_register_read((const volatile unsigned char *)table, 1);
    vpt_port_register_write((volatile unsigned char *)table + 3u, 1, 0xff);
}

static void reset_again_and_again(const struct vpt_pci_function *function)
{
    uint16_t express = function_capability(function, PCI_EXPRESS);
    uint16_t power = function_capability(function, POWER_MANAGEMENT);

    for (unsigned i = 0; i < RESETS && express != 0; i++) {
        function_repair(function);
        function_write(function, express + EXPRESS_CONTROL, 2, EXPRESS_RESET);
        function_write(function, express + EXPRESS_CONTROL, 2, UINT32_MAX);
    }
    for (unsigned i = 0; i < TOGGLES && power != 0; i++) {
        function_write(function, power + POWER_CONTROL, 2, i % 4u == 0 ? 0 : POWER_D3);
    }
}

/* Opens an entropy source. False: the function is none, or does not work. */
static bool open_entropy(const struct vpt_pci_function *function, struct vpt_virtio_pci *pci,
                         struct vpt_entropy *entropy)
{
    struct vpt_pci_bars bars;

    if (vpt_pci_bars_size(function, &bars) != VPT_OK ||
        vpt_virtio_pci_probe(pci, function, &bars, VPT_VIRTIO_PCI_ANY) != VPT_OK) {
        return false;
    }
    if (pci->device.type != VPT_DEVICE_TYPE_ENTROPY || vpt_entropy_open(entropy, &pci->device) != VPT_OK) {
        vpt_virtio_pci_close(pci);
        return false;
    }
    return true;
}

static void close_entropy(struct vpt_virtio_pci *pci, struct vpt_entropy *entropy)
{
    (void)vpt_device_reset(&pci->device);
    (void)vpt_driver_release(&entropy->driver);
    vpt_virtio_pci_close(pci);
}

/* Waits until the device has answered, or has had much time. */
static void ask(struct vpt_entropy *entropy, uint64_t address)
{
    const struct vpt_segment segment = { address, FOREIGN_SIZE };
    struct vpt_completion completion;

    (void)vpt_entropy_submit(entropy, &segment, 1, NULL);
    (void)vpt_requests_kick(&entropy->requests);
    for (unsigned n = 0; n < ATTEMPTS && vpt_requests_poll(&entropy->requests, &completion) == VPT_EMPTY; n++) {
    }
}

/*
 * What is not the guest's: memory of the other guest, by its address on the machine; and addresses without memory. The
 * window of messages is left out (docs/hypervisor.md, "Limits").
 */
static void reach_for_memory(const struct vpt_pci_function *function)
{
    static const uint64_t places[] = { 0x10000000u, 0x04000000u, UINT64_C(0x7f00000000) };
    static struct vpt_virtio_pci pci;
    static struct vpt_entropy entropy;

    function_repair(function);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (open_entropy(function, &pci, &entropy)) {
            ask(&entropy, places[i]);
            close_entropy(&pci, &entropy);
        }
    }
}

/* The device's line stays high, because nobody reads what it interrupts for. */
static void never_serve(const struct vpt_pci_function *function)
{
    static unsigned char bytes[FOREIGN_SIZE];
    static struct vpt_virtio_pci pci;
    static struct vpt_entropy entropy;

    function_repair(function);
    if (!open_entropy(function, &pci, &entropy)) {
        return;
    }
    flood = 0;
    for (unsigned line = 3; line < PIC_LINES; line++) {
        pic_open(line);
    }
    ask(&entropy, ports_device_address(bytes));
    for (unsigned n = 0; n < ATTEMPTS && flood <= FLOOD; n++) {
    }
    for (unsigned line = 3; line < PIC_LINES; line++) {
        pic_shut(line);
    }
    close_entropy(&pci, &entropy);
}

/* ---- Instructions ---- */

#define APIC_AT 0xfee00000u

static void run_monitor(void)
{
    __asm__ volatile("vmrun %%rax" ::"a"(0x200000));
}

static void call_monitor(void)
{
    __asm__ volatile("vmmcall");
}

static void set_features(void)
{
    __asm__ volatile("xsetbv" ::"a"(7), "c"(0), "d"(0));
}

static void read_debug(void)
{
    uint64_t value;

    __asm__ volatile("mov %%dr7, %0" : "=r"(value));
}

static void write_unknown(void)
{
    __asm__ volatile("wrmsr" ::"a"(0x300000), "c"(0xc0010117), "d"(0));
}

static void end_virtualization(void)
{
    __asm__ volatile("wrmsr" ::"a"(0x1d00), "c"(0xc0000080), "d"(0));
}

static void read_string(void)
{
    static unsigned char byte;

    __asm__ volatile("insb" ::"d"(0x3f8), "D"(&byte) : "memory");
}

static void add_to_register(void)
{
    __asm__ volatile("lock addl $1, (%0)" ::"r"((uintptr_t)APIC_AT) : "memory");
}

static void push_register(void)
{
    __asm__ volatile("pushq (%0)\n\tpop %%rcx" ::"r"((uintptr_t)APIC_AT) : "rcx", "memory");
}

static void execute_register(void)
{
    __asm__ volatile("call *%0" ::"r"((uintptr_t)APIC_AT) : "memory");
}

static void (*const instructions[])(void) = { run_monitor,        call_monitor,    set_features,    read_debug,
                                              write_unknown,      read_string,     add_to_register, push_register,
                                              end_virtualization, execute_register };

/* Each of these must raise an exception, and does nothing else. */
static void try_instructions(void)
{
    for (volatile unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
        expected = true;
        if (__builtin_setjmp(recovery) == 0) {
            instructions[i]();
            expected = false;
            print("@hostile instruction %u raises no exception\n", i);
        }
        __asm__ volatile("sti");
    }
}

/* The exception for it cannot be delivered, as there is no stack: the guest's end. */
static void push_into_register(void)
{
    __asm__ volatile("mov %0, %%rsp\n\tpush %%rax" ::"r"((uintptr_t)APIC_AT + 0x80u));
}

static const struct harm harms[] = {
    { "moves BARs", move_bars },
    { "misuses messages", misuse_messages },
    { "never serves a line", never_serve },
    { "floods with messages", flood_messages },
    { "floods with both", flood_mixed },
    { "reaches for memory", reach_for_memory },
    { "resets", reset_again_and_again },
    { "writes everything", write_everything },
    { "moves BARs", move_bars },
    { "reaches for memory", reach_for_memory },
};

/*
 * Messages of the misused tables may go to the alarm's vector too, so the count says it. The hypervisor takes a plain
 * move only.
 */
static bool is_over(void)
{
    uint32_t left;

    __asm__ volatile("movl (%1), %0" : "=r"(left) : "r"((uintptr_t)APIC_TIMER_NOW));
    return left == 0;
}

static void do_harm(bool first)
{
    for (unsigned i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        for (unsigned n = 0; n < function_count; n++) {
            harms[i].what(&functions[n]);
        }
        if (first) {
            print("@hostile %s\n", harms[i].name);
        }
    }
}

static bool visit(void *ctx, const struct vpt_pci_function *function, const struct vpt_pci_identity *identity)
{
    (void)ctx;
    (void)identity;
    if (function_count < FUNCTIONS_MAX) {
        functions[function_count++] = *function;
    }
    return true;
}

_Noreturn void kernel_main(void)
{
    unsigned rounds = 0;

    machine_init();
    idt_load();
    pic_init();
    apic_init();
    (void)ports_init();
    (void)vpt_pci_enumerate(&ports_ready_made, 0, 0, 0, visit, NULL);
    print("@hostile %u functions\n", function_count);
    __asm__ volatile("sti");
    apic_timer(SECONDS);
    do {
        do_harm(rounds == 0);
        rounds++;
    } while (!is_over());
    try_instructions();
    print("@hostile %u times in %u seconds, %u requests in floods, %u messages, %u other interrupts, %u exceptions\n",
          rounds, SECONDS, (unsigned)flood_completed(), (unsigned)messages, (unsigned)(interrupts - messages),
          (unsigned)exceptions);
    print("@end ok\n");
    push_into_register();
    machine_exit(true);
}
