/* SPDX-License-Identifier: MIT */
/* The qtest port itself: QEMU's start and end, memory, shares, mappings. */
#define _GNU_SOURCE

#include "qemu_disk.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(device_port, .timeout = 60);

#define SLOT_SIZE 0x200u
#define SOON      5000u /* milliseconds within which a failure must be reported */

static const struct fixture_options microvm = {
    .qtest = { .machine = VPT_QTEST_MICROVM },
    .image_size = DISK_SIZE,
    .arguments = { "-device", "virtio-blk-device,drive=d0" },
};

static uint64_t slot_address(void)
{
    return vpt_qtest_slot_address(fixture.machine, vpt_qtest_slot_count(fixture.machine) - 1u);
}

/* ---- A QEMU that does not start ---- */

static void check_no_start(const struct fixture_options *options, enum vpt_status expected, const char *text)
{
    uint64_t started = now();
    uint32_t value = 0;

    assert_status(fixture_try(options), expected);
    assert_that(now() - started < SOON);
    assert_that(fixture.qtest != NULL);
    assert_status(vpt_qtest_failure(fixture.qtest), expected);
    cr_assert(strstr(vpt_qtest_message(fixture.qtest), text) != NULL, "the message is: %s",
              vpt_qtest_message(fixture.qtest));
    assert_that(vpt_qtest_pid(fixture.qtest) == 0);
    assert_that(vpt_qtest_read(fixture.qtest, 0, 4) == UINT32_MAX);
    assert_that(fixture.port->io_read(fixture.port->ctx, 0x80, 1) == 0xff);
    if (fixture.port->config_read != NULL) {
        static const struct vpt_pci_address host = { 0 };

        assert_status(fixture.port->config_read(fixture.port->ctx, &host, 0, 4, &value), expected);
        assert_that(value == UINT32_MAX);
    }
    fixture_abandon();
}

Test(device_port, a_bad_argument_is_told_in_the_words_of_qemu)
{
    static const struct fixture_options options = { .arguments = { "-device", "no-such-device" } };

    check_no_start(&options, VPT_QTEST_START, "'no-such-device' is not a valid device model name");
}

Test(device_port, a_program_that_does_not_exist_is_told)
{
    static const struct fixture_options options = { .qtest.binary = "no-such-emulator" };

    check_no_start(&options, VPT_QTEST_START, "cannot be executed: no-such-emulator");
}

Test(device_port, a_program_that_never_answers_is_ended)
{
    static const char script[] = "#!/bin/sh\nexec sleep 1000\n";
    int file = memfd_create("script", 0);
    char path[32];
    struct fixture_options options = {
        .qtest = { .machine = VPT_QTEST_Q35, .binary = path, .start_timeout = 300, .files = &file, .file_count = 1 },
    };

    (void)snprintf(path, sizeof(path), "/dev/fd/%d", file);
    assert_that(write(file, script, sizeof(script) - 1u) == (ssize_t)sizeof(script) - 1);
    assert_that(fchmod(file, 0700) == 0);
    check_no_start(&options, VPT_QTEST_NO_ANSWER, "QEMU was ended by signal 9");
    (void)close(file);
}

Test(device_port, options_that_contradict_each_other_are_refused)
{
    static const struct vpt_qtest_options refused[] = {
        { .machine = (enum vpt_qtest_machine_type)VPT_QTEST_MACHINES },
        { .machine = VPT_QTEST_PC, .ecam = true },
        { .machine = VPT_QTEST_MICROVM, .iommu = true },
        { .machine = VPT_QTEST_PC, .ram_size = 0x1000001 },
        { .machine = VPT_QTEST_PC, .ram_size = 15u << 20 },
        { .machine = VPT_QTEST_PC, .ram_size = 1025u << 20 },
        { .machine = VPT_QTEST_PC, .file_count = 1 },
    };

    for (unsigned i = 0; i < COUNT_OF(refused); i++) {
        struct vpt_qtest *qtest = (struct vpt_qtest *)(void *)&qtest;

        cr_assert(vpt_qtest_start(&qtest, &refused[i]) == VPT_CALLER_ARGUMENT, "options %u", i);
        assert_that(qtest == NULL);
    }
    assert_status(vpt_qtest_start(NULL, &refused[0]), VPT_CALLER_ARGUMENT);
    vpt_qtest_stop(NULL);
}

/* ---- A QEMU that ends ---- */

static struct vpt_mmio mmio;
static void *slot;

static void start_disk(const struct fixture_options *options)
{
    assert_status(fixture_try(options), VPT_OK);
    assert_status(fixture.port->mmio_map(fixture.port->ctx, slot_address(), SLOT_SIZE, VPT_MAP_REGISTERS, &slot),
                  VPT_OK);
    assert_status(vpt_mmio_probe(&mmio, fixture.port, slot, SLOT_SIZE), VPT_OK);
    disk_start(&mmio.device, NULL, NULL);
}

/* All calls fail, none waits, and memory can be freed. */
static void check_after_the_end(enum vpt_status expected)
{
    struct vpt_qtest_mailbox mailbox;
    uint64_t started = now();

    assert_status(vpt_qtest_failure(fixture.qtest), expected);
    assert_that(vpt_qtest_pid(fixture.qtest) == 0);
    assert_that(fixture.port->mmio_read(fixture.port->ctx, slot, 0, 4) == UINT32_MAX);
    assert_that(fixture.port->mmio_read(fixture.port->ctx, slot, 2, 2) == 0xffff);
    assert_that(fixture.port->io_read(fixture.port->ctx, 0x80, 1) == 0xff);
    fixture.port->mmio_write(fixture.port->ctx, slot, 0x70, 4, 0);
    assert_status(vpt_qtest_intercept(fixture.qtest, NULL), expected);
    assert_status(vpt_qtest_wait_line(fixture.qtest, 0, 0, 10000), expected);
    assert_status(vpt_qtest_mailbox_open(fixture.qtest, &mailbox), expected);
    assert_that(!fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_REQUEST, 0));
    assert_status(vpt_device_reset(&mmio.device), VPT_DEVICE_GONE);
    assert_that(vpt_device_gone(&mmio.device));
    assert_that(now() - started < SOON);
    fixture.port->mmio_unmap(fixture.port->ctx, slot, SLOT_SIZE);
}

Test(device_port, a_qemu_that_is_killed_is_a_device_that_is_gone)
{
    static uint8_t bytes[SECTOR];
    uint64_t started;

    start_disk(&microvm);
    assert_status(vpt_blk_read(&disk.queue, 1, bytes, SECTOR), VPT_OK);
    assert_that(kill(vpt_qtest_pid(fixture.qtest), SIGKILL) == 0);
    started = now();
    assert_status(vpt_blk_read(&disk.queue, 1, bytes, SECTOR), VPT_DEVICE_GONE);
    assert_that(now() - started < SOON);
    check_after_the_end(VPT_QTEST_GONE);
    assert_that(strstr(vpt_qtest_message(fixture.qtest), "QEMU was ended by signal 9") != NULL);
    assert_status(vpt_requests_release(&disk.queue.requests), VPT_OK);
    assert_that(vpt_qtest_clean(fixture.qtest, stderr));
    fixture_abandon();
}

Test(device_port, a_request_that_is_waited_for_ends_with_qemu)
{
    pid_t killer;
    int status = 0;

    start_disk(&microvm);
    disk_data(SECTOR);
    assert_that(kill(vpt_qtest_pid(fixture.qtest), SIGSTOP) == 0);
    killer = fork();
    if (killer == 0) {
        (void)usleep(300000);
        (void)kill(vpt_qtest_pid(fixture.qtest), SIGKILL);
        _exit(0);
    }
    assert_status(disk_submit(VPT_BLK_READ, 0, 0, SECTOR, NULL), VPT_OK);
    (void)vpt_requests_kick(&disk.queue.requests);
    assert_status(disk_complete(NULL), VPT_EMPTY);
    check_after_the_end(VPT_QTEST_GONE);
    assert_that(waitpid(killer, &status, 0) == killer && status == 0);
    fixture_abandon();
}

Test(device_port, a_qemu_that_stands_still_is_ended_at_the_deadline)
{
    struct fixture_options options = microvm;
    uint64_t started;

    options.qtest.command_timeout = 2000;
    start_disk(&options);
    assert_that(kill(vpt_qtest_pid(fixture.qtest), SIGSTOP) == 0);
    started = now();
    assert_that(fixture.port->mmio_read(fixture.port->ctx, slot, 0, 4) == UINT32_MAX);
    assert_that(now() - started >= 2000 && now() - started < SOON);
    check_after_the_end(VPT_QTEST_NO_ANSWER);
    fixture_abandon();
}

Test(device_port, waiting_ends_by_the_clock)
{
    struct fixture_options options = microvm;
    uint64_t started = now();
    uint32_t i = 0;

    options.qtest.wait_timeout = 100;
    assert_status(fixture_try(&options), VPT_OK);
    started = now();
    while (fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_RESET, i)) {
        i++;
        assert_that(now() - started < SOON);
    }
    assert_that(now() - started >= 100);
    assert_that(fixture.port->keep_waiting(fixture.port->ctx, VPT_WAIT_RESET, 0));
    assert_status(vpt_qtest_intercept(fixture.qtest, NULL), VPT_OK);
    assert_status(vpt_qtest_wait_line(fixture.qtest, 3, 0, 50), VPT_QTEST_TIMEOUT);
    assert_status(vpt_qtest_wait_line(fixture.qtest, VPT_QTEST_LINES, 0, 50), VPT_QTEST_RANGE);
    assert_status(vpt_qtest_intercept(fixture.qtest, "/no/such/object"), VPT_QTEST_REFUSED);
    fixture_finish();
}

Test(device_port, qemu_dies_with_a_process_that_crashes)
{
    int ends[2];
    int status = 0;
    pid_t qemu = 0;
    pid_t child;

    assert_that(pipe(ends) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    child = fork();
    if (child == 0) {
        static const struct vpt_qtest_options options = { .machine = VPT_QTEST_MICROVM };
        struct vpt_qtest *qtest = NULL;

        if (vpt_qtest_start(&qtest, &options) == VPT_OK) {
            qemu = vpt_qtest_pid(qtest);
            (void)!write(ends[1], &qemu, sizeof(qemu));
        }
        (void)kill(getpid(), SIGKILL);
    }
    assert_that(read(ends[0], &qemu, sizeof(qemu)) == (ssize_t)sizeof(qemu) && qemu > 0);
    assert_that(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    for (unsigned i = 0; waitpid(qemu, &status, WNOHANG) != qemu; i++) {
        assert_that(i < SOON);
        (void)usleep(1000);
    }
    assert_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- Memory ---- */

static enum vpt_status allocate(size_t size, size_t alignment, uint64_t limit, uint32_t flags,
                                struct vpt_memory *memory)
{
    return fixture.port->dma_allocate(fixture.port->ctx, size, alignment, limit, flags, memory);
}

static void give_back(const struct vpt_memory *memory, uint32_t flags)
{
    fixture.port->dma_free(fixture.port->ctx, memory, flags);
}

static uint32_t misuses(void)
{
    return vpt_qtest_counts(fixture.qtest).misuses;
}

static const enum vpt_qtest_machine_type every_machine[] = {
    VPT_QTEST_PC, VPT_QTEST_Q35, VPT_QTEST_MICROVM, VPT_QTEST_AARCH64_VIRT, VPT_QTEST_RISCV64_VIRT,
};

static void start_machine(enum vpt_qtest_machine_type type)
{
    struct fixture_options options = { .qtest.machine = type };

    fixture_name("%s", vpt_qtest_machine(type)->name);
    assert_status(fixture_try(&options), VPT_OK);
}

ParameterizedTestParameters(device_port, memory_is_the_same_on_both_sides)
{
    return cr_make_param_array(const enum vpt_qtest_machine_type, (void *)(uintptr_t)every_machine,
                               COUNT_OF(every_machine));
}

ParameterizedTest(const enum vpt_qtest_machine_type *type, device_port, memory_is_the_same_on_both_sides)
{
    struct vpt_memory memory;

    start_machine(*type);
    memory = memory_of(8192, 0);
    assert_that(memory.size == 8192 && (memory.device_address & 4095u) == 0);
    assert_that(vpt_qtest_ram(fixture.qtest, memory.device_address, 8192) == memory.address);
    assert_that(vpt_qtest_ram(fixture.qtest, fixture.machine->ram_base + (64u << 20) - 8u, 9) == NULL);
    assert_that(vpt_qtest_ram(fixture.qtest, fixture.machine->ram_base - 1u, 1) == NULL);
    fill(memory.address, 8192, 5);
    for (uint32_t i = 0; i < 8192; i += 4096 - 4) {
        uint32_t expected;

        memcpy(&expected, (uint8_t *)memory.address + i, 4);
        assert_that(vpt_qtest_read(fixture.qtest, memory.device_address + i, 4) == expected);
    }
    vpt_qtest_write(fixture.qtest, memory.device_address + 6, 2, 0xffffa1b2);
    vpt_qtest_write(fixture.qtest, memory.device_address + 9, 1, 0xc3);
    assert_that(memcmp((uint8_t *)memory.address + 6, "\xb2\xa1", 2) == 0 && ((uint8_t *)memory.address)[9] == 0xc3);
    assert_that(vpt_qtest_read(fixture.qtest, memory.device_address + 6, 2) == 0xa1b2);
    assert_that(vpt_qtest_read(fixture.qtest, memory.device_address + 9, 1) == 0xc3);
    give_back(&memory, 0);
    fixture_finish();
}

Test(device_port, allocations_are_aligned_zeroed_apart_and_below_the_limit)
{
    struct vpt_memory memory[3];
    struct vpt_memory other;
    uint64_t first;

    start_machine(VPT_QTEST_RISCV64_VIRT);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            assert_status(allocate(5000u + i, 4096, UINT64_MAX, 0, &memory[i]), VPT_OK);
            assert_that((memory[i].device_address & 4095u) == 0 && memory[i].size == 5000u + i);
            for (unsigned j = 0; j < 5000u + i; j++) {
                assert_that(((uint8_t *)memory[i].address)[j] == 0);
            }
            memset(memory[i].address, 0x33, memory[i].size);
        }
        assert_that(memory[1].device_address - memory[0].device_address >= 8192);
        assert_that(vpt_qtest_counts(fixture.qtest).allocations == 3);
        for (unsigned i = 0; i < 3; i++) {
            give_back(&memory[i], 0);
        }
    }
    first = memory[0].device_address;
    assert_status(allocate(100, 8, first + 99u, 0, &other), VPT_OK);
    give_back(&other, 0);
    assert_status(allocate(100, 8, first + 98u, 0, &other), VPT_RESOURCE_MEMORY);
    assert_status(allocate(100, 8, 0x7fffffff, 0, &other), VPT_RESOURCE_MEMORY);
    fixture_finish();
}

Test(device_port, all_memory_can_be_taken_and_given_back)
{
    struct vpt_memory memory[80];
    unsigned count = 0;

    start_machine(VPT_QTEST_PC);
    while (count < COUNT_OF(memory) && allocate(1u << 20, 4096, UINT64_MAX, 0, &memory[count]) == VPT_OK) {
        count++;
    }
    assert_that(count == 56); /* MiB of 64, without 4 at each end */
    for (unsigned i = 0; i < count; i += 2) {
        give_back(&memory[i], 0);
    }
    assert_status(allocate(2u << 20, 4096, UINT64_MAX, 0, &memory[0]), VPT_RESOURCE_MEMORY);
    for (unsigned i = 1; i < count; i += 2) {
        give_back(&memory[i], 0);
    }
    assert_status(allocate(56u << 20, 4096, UINT64_MAX, 0, &memory[0]), VPT_OK);
    give_back(&memory[0], 0);
    fixture_finish();
}

Test(device_port, misuse_of_memory_is_counted)
{
    struct vpt_memory memory;
    struct vpt_memory wrong;

    start_machine(VPT_QTEST_MICROVM);
    memory = memory_of(100, 0);
    wrong = memory;
    wrong.size = 99;
    give_back(&wrong, 0);
    assert_that(misuses() == 1);
    give_back(&memory, VPT_DMA_ACCESS_PLATFORM);
    assert_that(misuses() == 2 && vpt_qtest_counts(fixture.qtest).allocations == 1);
    ((uint8_t *)memory.address)[100] = 0;
    give_back(&memory, 0);
    assert_that(misuses() == 3 && vpt_qtest_counts(fixture.qtest).allocations == 0);
    give_back(&memory, 0);
    assert_that(misuses() == 4);
    assert_status(allocate(100, 24, UINT64_MAX, 0, &wrong), VPT_CALLER_ARGUMENT);
    assert_status(allocate(0, 8, UINT64_MAX, 0, &wrong), VPT_CALLER_ARGUMENT);
    assert_that(misuses() == 6);
    memory = memory_of(100, VPT_DMA_PRIVATE);
    assert_that(vpt_qtest_counts(fixture.qtest).private_allocations == 1);
    ((uint8_t *)memory.address)[100] = 0;
    give_back(&memory, VPT_DMA_PRIVATE);
    assert_that(misuses() == 7 && !vpt_qtest_clean(fixture.qtest, NULL));
    fixture_abandon();
}

/* ---- Shares ---- */

static enum vpt_status share(void *buffer, size_t size, enum vpt_direction direction, struct vpt_shared *shared)
{
    return fixture.port->share(fixture.port->ctx, buffer, size, direction, false, shared);
}

static void unshare(void *buffer, const struct vpt_shared *shared, enum vpt_direction direction)
{
    fixture.port->unshare(fixture.port->ctx, buffer, shared, direction, false);
}

Test(device_port, shares_are_copied_in_their_direction_only)
{
    static uint8_t buffer[6000];
    struct vpt_shared shared;
    uint8_t *bounce;

    start_machine(VPT_QTEST_AARCH64_VIRT);
    fill(buffer, sizeof(buffer), 1);
    assert_status(share(buffer, sizeof(buffer), VPT_DEVICE_READS, &shared), VPT_OK);
    bounce = vpt_qtest_ram(fixture.qtest, shared.device_address, shared.size);
    assert_that(shared.size == sizeof(buffer) && bounce != NULL && filled(bounce, sizeof(buffer), 1));
    memset(bounce, 0, sizeof(buffer));
    unshare(buffer, &shared, VPT_DEVICE_READS);
    assert_that(filled(buffer, sizeof(buffer), 1));

    assert_status(share(buffer, sizeof(buffer), VPT_DEVICE_WRITES, &shared), VPT_OK);
    bounce = vpt_qtest_ram(fixture.qtest, shared.device_address, shared.size);
    assert_that(!filled(bounce, 16, 1) && vpt_qtest_counts(fixture.qtest).shares == 1);
    fill(bounce, sizeof(buffer), 2);
    unshare(buffer, &shared, VPT_DEVICE_WRITES);
    assert_that(filled(buffer, sizeof(buffer), 2));
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);

    assert_status(share(buffer, 10, VPT_DEVICE_WRITES, &shared), VPT_OK);
    unshare(buffer, &shared, VPT_DEVICE_READS);
    unshare(buffer + 1, &shared, VPT_DEVICE_WRITES);
    shared.size = 9;
    unshare(buffer, &shared, VPT_DEVICE_WRITES);
    assert_that(misuses() == 3 && vpt_qtest_counts(fixture.qtest).shares == 1);
    fixture_abandon();
}

/* ---- Mappings ---- */

Test(device_port, an_access_outside_its_mapping_does_not_happen)
{
    void *mapping = NULL;
    void *ctx;

    assert_status(fixture_try(&microvm), VPT_OK);
    ctx = fixture.port->ctx;
    assert_status(fixture.port->mmio_map(ctx, slot_address(), 6, VPT_MAP_REGISTERS, &mapping), VPT_OK);
    assert_that(fixture.port->mmio_read(ctx, mapping, 0, 4) == 0x74726976);
    assert_that(misuses() == 0);
    assert_that(fixture.port->mmio_read(ctx, mapping, 4, 4) == UINT32_MAX && misuses() == 1);
    assert_that(fixture.port->mmio_read(ctx, mapping, 1, 2) == UINT32_MAX && misuses() == 2);
    assert_that(fixture.port->mmio_read(ctx, mapping, 8, 1) == UINT32_MAX && misuses() == 3);
    assert_that(fixture.port->mmio_read(ctx, fixture.qtest, 0, 4) == UINT32_MAX && misuses() == 4);
    fixture.port->mmio_write(ctx, mapping, 8, 4, 0);
    assert_that(misuses() == 5);
    fixture.port->mmio_unmap(ctx, mapping, 5);
    assert_that(misuses() == 6 && vpt_qtest_counts(fixture.qtest).mappings == 1);
    fixture.port->mmio_unmap(ctx, mapping, 6);
    assert_that(misuses() == 6 && vpt_qtest_counts(fixture.qtest).mappings == 0);
    fixture.port->mmio_unmap(ctx, mapping, 6);
    assert_that(misuses() == 7);
    fixture_abandon();
}
