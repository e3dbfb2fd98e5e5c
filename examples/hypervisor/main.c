/* SPDX-License-Identifier: MIT */
/*
 * A small hypervisor for a q35 of QEMU that emulates SVM. It assigns the machine's virtio functions to two guests,
 * which drive them. docs/hypervisor.md says what the parts are.
 */
#include <console.h>
#include <machine.h>
#include <require.h>
#include <serial.h>
#include <stdarg.h>
#include <vpt/transport.h>
#include <x86.h>

#include "chips.h"
#include "cost.h"
#include "guest.h"
#include "report.h"
#include "suspend.h"

#define KERNEL_SIZE 0x400000u

#define GUESTS 2u

#define COMMAND 0x04u /* register of a function */

/* QEMU's files with the guests' kernels. */
static const char *const kernels[GUESTS] = { "opt/vpt/guestA", "opt/vpt/guestB" };

/* QEMU's file with what the entropy source gives that the hypervisor emulates for the second guest. */
#define ENTROPY      "opt/vpt/entropy"
#define ENTROPY_SIZE 4096u

/* If QEMU has this file, the first guest is trusted: its memory has the same addresses on the machine. */
#define TRUSTED "opt/vpt/trusted"

/* Where the memory of other guests lies, one behind the other. This program lies between. */
#define MEMORY UINT64_C(0x10000000)

static _Alignas(8) unsigned char kernel[KERNEL_SIZE];
static struct host host;
static struct guest guests[GUESTS];
static uint8_t entropy[ENTROPY_SIZE];
static struct guest *present; /* whose turn it is */
static unsigned ticks;
static unsigned interrupts; /* of the machine */

void x86_vector(uintptr_t vector, uintptr_t address);

/* ---- The end ---- */

_Noreturn void fail(const char *format, ...)
{
    va_list values;

    print("FAIL\t");
    va_start(values, format);
    print_list(format, values);
    va_end(values);
    print("\n");
    chips_exit(false);
}

void require_status(enum vpt_status status, enum vpt_status expected, const char *what)
{
    require(status == expected, "%s: \"%s\" instead of \"%s\"", what, vpt_status_str(status), vpt_status_str(expected));
}

void require_ok(enum vpt_status status, const char *what)
{
    require_status(status, VPT_OK, what);
}

/* ---- Interrupts ---- */

/* vectors.S calls this. */
void x86_vector(uintptr_t vector, uintptr_t address)
{
    unsigned number = (unsigned)vector;

    if (number < CHIPS_EXCEPTIONS) {
        fail("exception %u at 0x%llx", number, (unsigned long long)address);
    }
    interrupts++;
    if (number - CHIPS_VECTOR_LINE < CHIPS_LINES) {
        cost_is(COST_LINE);
        host_take_line(&host, CHIPS_LINE_FIRST + number - CHIPS_VECTOR_LINE);
    } else if (number == CHIPS_VECTOR_TICK) {
        cost_is(COST_TICK);
        ticks++;
    } else if (number != CHIPS_VECTORS - 1u) {
        cost_is(COST_MESSAGE);
        host_take_message(&host, number);
    }
    chips_end();
}

static void let_in(void)
{
    unsigned before = interrupts;

    cost_begin(COST_NOTHING);
    chips_let_in();
    if (interrupts - before == 1u) {
        cost_end();
    }
}

/* ---- Steps ---- */

static void print_host(void)
{
    for (unsigned i = 0; i < host.function_count; i++) {
        const struct host_function *function = &host.functions[i];

        print("host\thas the %s, %x:%x, on bus %u, line %u\n", function->name, function->device.vendor_id,
              function->device.device_id, function->physical.address.bus, function->line);
    }
}

static void plug(struct guest *guest, uint32_t type, uint8_t device, unsigned line)
{
    const struct vpt_pci_address address = { .device = device };
    struct host_function *function = host_free_function(&host, type);

    guest_plug(guest, function, &address, line);
    print("%s\tgets the %s on bus %u, at 00:0%x.0\n", guest->name, function->name, function->physical.address.bus,
          device);
}

static void plug_entropy(struct guest *guest, uint8_t device, unsigned line)
{
    const struct vpt_pci_address address = { .device = device };
    uint32_t size = chips_file(ENTROPY, entropy, ENTROPY_SIZE);

    require(size != 0, "there is no file %s", ENTROPY);
    guest_plug_entropy(guest, &address, line, entropy, size);
    print("%s\tgets an entropy source that is emulated, at 00:0%x.0\n", guest->name, device);
}

static uint64_t memory_of(uint32_t number)
{
    uint8_t text[8];
    bool trusted = number == 0 && chips_file(TRUSTED, text, sizeof(text)) != 0;

    return trusted ? 0 : MEMORY + number * GUEST_MEMORY;
}

static void start_guest(struct guest *guest, uint32_t number)
{
    const struct guest_file file = { kernel, chips_file(kernels[number], kernel, KERNEL_SIZE) };
    uint64_t memory = memory_of(number);

    require(file.size != 0, "there is no kernel %s", kernels[number]);
    guest_start(guest, number, &host, memory, &file);
    print("%s\thas %u MiB of memory from 0x%llx on, and a kernel of %u bytes\n", guest->name, GUEST_MEMORY >> 20,
          (unsigned long long)memory, (unsigned)file.size);
    plug(guest, VPT_DEVICE_TYPE_CONSOLE, 4, 9);
    plug(guest, VPT_DEVICE_TYPE_BLOCK, 5, 10);
    plug(guest, VPT_DEVICE_TYPE_NETWORK, 6, 11);
    plug(guest, VPT_DEVICE_TYPE_ENTROPY, number == 0 ? 7 : 9, 5);
    plug(guest, VPT_DEVICE_TYPE_INPUT, 8, 11);
    if (number != 0) {
        plug_entropy(guest, 7, 5);
    }
    guest_firmware(guest);
}

/* ---- The keyboard ---- */

/* Whether a guest has used it, and its driver has turned it off. */
static bool is_free(struct host_function *keyboard)
{
    static bool used;
    uint32_t command = 0;

    require_ok(vpt_assign_config_read(&keyboard->device, COMMAND, 2, &command), "reading a guest's command register");
    used = used || (command & VPT_PCI_COMMAND_BUS_MASTER) != 0;
    return used && (command & VPT_PCI_COMMAND_BUS_MASTER) == 0;
}

/* The second guest starts once the first has no use for the keyboard any more, which both need. */
static void move_keyboard(void)
{
    struct host_function *keyboard = host_find(&host, VPT_DEVICE_TYPE_INPUT);

    if (guests[1].state == GUEST_ABSENT && keyboard != NULL && is_free(keyboard)) {
        guest_unplug(&guests[0], keyboard);
        print("%s\tloses the keyboard, while it runs\n", guests[0].name);
        start_guest(&guests[1], 1);
    }
}

/* ---- Turns ---- */

/* A guest that ends badly ends alone. */
static void guest_ended(const struct guest *guest)
{
    const struct svm_block *block = guest->block;

    if (guest->state == GUEST_FAILED) {
        print("%s\thas failed: %s; at 0x%llx, exit 0x%llx (0x%llx, 0x%llx)\n", guest->name, guest->reason,
              (unsigned long long)block->state.rip, (unsigned long long)block->exit,
              (unsigned long long)block->exit_info[0], (unsigned long long)block->exit_info[1]);
    }
    print(
        "%s\thas ended at %u ms: %u exits, of which %u to ports, %u to registers in memory; %u configuration accesses, "
        "%u interrupts; %u turns, %u of them while the other guest's function was reset\n",
        guest->name, (unsigned)(chips_clock() / 1000000u), guest->count.exits, guest->count.ports,
        guest->count.registers, guest->count.configurations, guest->count.interrupts, guest->count.turns,
        guest->count.beside);
    if (guest->entropy.byte_count != 0) {
        print("%s\thas had %u answers of the emulated entropy source, and %u refusals\n", guest->name,
              guest->entropy.count, guest->entropy.refused);
    }
    report_guest(guest);
}

/* The CPU has the floating point of the guest whose turn it is. */
static void switch_floating(struct guest *from, const struct guest *to)
{
    if (from != NULL) {
        svm_floating_save(&from->floating);
    }
    if (to != NULL) {
        svm_floating_load(&to->floating);
    }
}

/* Runs a guest until the next tick, or until it waits. Returns whether it has run; then interrupts were let in. */
static bool run_turn(struct guest *guest)
{
    struct guest *before = present;
    unsigned start = ticks;
    bool ran = false;

    if (guest->state != GUEST_RUNS || guest->has_turn) {
        return false;
    }
    switch_floating(before, guest);
    present = guest;
    guest->has_turn = true;
    while (guest->state == GUEST_RUNS && ticks == start && guest_run(guest)) {
        ran = true;
        let_in();
    }
    guest->has_turn = false;
    present = before;
    switch_floating(guest, before);
    guest->count.turns += ran;
    guest->count.beside += ran && before != NULL;
    if (guest->state != GUEST_RUNS) {
        guest_ended(guest);
    }
    return ran;
}

/* No interrupt is let in after the look at the first guest if no guest has run. */
static bool run_all(void)
{
    bool ran = false;

    host_look_for_faults(&host);
    suspend_look(&guests[0]);
    let_in();
    for (unsigned i = 0; i < GUESTS; i++) {
        ran = run_turn(&guests[i]) || ran;
    }
    return ran;
}

/* The library waits for a function, usually because a guest resets it: the other guests go on. */
static void wait(uint64_t end)
{
    struct cost_span span = cost_leave();

    while (chips_clock() < end) {
        if (!run_all()) {
            chips_pause();
        }
    }
    cost_return(&span);
}

static bool any_runs(void)
{
    for (unsigned i = 0; i < GUESTS; i++) {
        if (guests[i].state == GUEST_RUNS || guests[i].state == GUEST_SUSPENDED) {
            return true;
        }
    }
    return false;
}

static void run_guests(void)
{
    while (any_runs()) {
        bool ran = run_all();

        move_keyboard();
        if (!ran) {
            chips_sleep();
        }
    }
}

_Noreturn void kernel_main(void)
{
    serial_init();
    idt_load();
    require(svm_start(), "the CPU has no SVM with nested paging");
    cost_start();
    chips_start();
    host_start(&host, wait);
    print_host();
    start_guest(&guests[0], 0);
    run_guests();
    for (unsigned i = 0; i < GUESTS; i++) {
        require(guests[i].state != GUEST_ABSENT, "a guest has never been started");
        guest_stop(&guests[i]);
    }
    host_stop(&host);
    cost_print();
    print("PASS\thypervisor\t%u guests, %u interrupts of the machine, %u of nobody; the IOMMU has refused %u accesses; "
          "%s was suspended and continued %u times, %u of them with messages, with %u requests in flight\n",
          GUESTS, host.delivered, host.unknown, host.refused, guests[0].name, suspend_count().all,
          suspend_count().by_message, suspend_count().in_flight);
    chips_exit(true);
}
