/* SPDX-License-Identifier: MIT */
/*
 * A stub kernel whose rings lie in memory that traps unaligned accesses, as uncached memory does on many CPUs. x86 has
 * no such memory, but a process may set a flag (EFLAGS.AC) that traps all of its unaligned accesses. So the rings are
 * kept inaccessible: an instruction that touches them faults, then runs alone with this flag and the single-step flag
 * set, and ends in the step or in the trap. Other unaligned accesses, which compilers for x86 generate, are not
 * checked.
 *
 * The areas have the minimum alignment that the specification allows, so that an access wider than its field traps too.
 * A second pass doubles the alignment, because the used ring's elements start 4 bytes after the ring. Exits with 0, or
 * prints what went wrong.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <vpt/vpt.h>

#include "embedding_device.h"

#define FLAG_STEP  0x100
#define FLAG_ALIGN 0x40000

#if defined(__x86_64__)
#define READ_FLAGS  __builtin_ia32_readeflags_u64
#define WRITE_FLAGS __builtin_ia32_writeeflags_u64
#elif defined(__i386__)
#define READ_FLAGS  __builtin_ia32_readeflags_u32
#define WRITE_FLAGS __builtin_ia32_writeeflags_u32
#else
#error "this CPU has no such flag"
#endif

#define PAGE      4096u
#define RING_SIZE 8u
#define REQUESTS  4u
#define SEGMENTS  2u
#define ROUNDS    200u

/* One page for each area that the device accesses. */
enum area { DESCRIPTORS, AVAILABLE, USED, TABLES, SLOTS, AREAS };

static _Alignas(PAGE) unsigned char shared[AREAS][PAGE];
static unsigned long accesses[AREAS];
static bool probing; /* traps() is running */
static sigjmp_buf probed;

/* ---- The trap ---- */

static void protect(int protection)
{
    if (mprotect(shared, sizeof(shared), protection) != 0) {
        _exit(2);
    }
}

static greg_t *flags_of(void *context)
{
    return &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
}

/* Only the signal's address tells that the access was to the rings. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)shared;

    (void)number;
    if (offset >= sizeof(shared)) {
        _exit(3);
    }
    accesses[offset / PAGE]++;
    protect(PROT_READ | PROT_WRITE);
    *flags_of(context) |= FLAG_STEP | FLAG_ALIGN;
}

/* A handler inherits the interrupted code's flag, so clear it before any call of the C library. */
static void on_step(int number, siginfo_t *info, void *context)
{
    WRITE_FLAGS(READ_FLAGS() & ~(unsigned)FLAG_ALIGN);
    (void)number;
    (void)info;
    protect(PROT_NONE);
    *flags_of(context) &= ~(greg_t)(FLAG_STEP | FLAG_ALIGN);
}

static void on_unaligned(int number, siginfo_t *info, void *context)
{
    static const char text[] = "an unaligned access to a ring\n";

    on_step(number, info, context);
    if (probing) {
        siglongjmp(probed, 1);
    }
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1u);
    _exit(1);
}

static bool catch (int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    return sigaction(number, &action, NULL) == 0;
}

/* Whether an unaligned access traps; an emulator may ignore the flag. */
static bool traps(void)
{
    volatile bool trapped = true;

    probing = true;
    if (sigsetjmp(probed, 1) == 0) {
        *(volatile uint32_t *)(volatile void *)&shared[DESCRIPTORS][4] = 1;
        *(volatile uint32_t *)(volatile void *)&shared[DESCRIPTORS][2] = 1;
        trapped = false;
    }
    probing = false;
    return trapped && accesses[DESCRIPTORS] == 2;
}

/* ---- The kernel ---- */

static const struct vpt_port no_port;
static _Alignas(4) struct stub_device device;
static struct vpt_mmio mmio;
static struct vpt_blk blk;
static struct vpt_blk_queue queue;
static unsigned char sectors[SEGMENTS * VPT_BLK_SECTOR_SIZE + 1u];
static _Alignas(8) unsigned char state[VPT_REQUESTS_PRIVATE_SIZE(REQUESTS)];

/* An address that is a multiple of `alignment` and of no larger power of two. */
static struct vpt_memory area(enum area which, size_t alignment)
{
    return (struct vpt_memory){ shared[which] + alignment, (uintptr_t)shared[which] + alignment, PAGE - alignment };
}

static enum vpt_status bring_up(uint32_t features, unsigned times)
{
    struct vpt_requests_config config = { .requests = REQUESTS, .segments = SEGMENTS, .size = RING_SIZE };
    enum vpt_status status;

    config.memory.rings = area(DESCRIPTORS, 16);
    config.memory.driver_area = area(AVAILABLE, (size_t)times * 2u);
    config.memory.device_area = area(USED, (size_t)times * 4u);
    config.memory.indirect = area(TABLES, 16);
    config.memory.slots = area(SLOTS, 16);
    config.memory.private_state = (struct vpt_memory){ state, 0, sizeof(state) };
    stub_device_plug(&device, features);
    status = vpt_mmio_probe(&mmio, &no_port, device.registers, sizeof(device.registers));
    status = status ? status : vpt_blk_init(&blk, &mmio.device, NULL);
    status = status ? status : vpt_blk_queue_init(&queue, &blk, 0, &config);
    return status ? status : vpt_driver_start(&blk.driver);
}

/* Reads into two segments at odd addresses: data needs no alignment, and the library does not touch it. */
static enum vpt_status read_two(uint64_t sector)
{
    const struct vpt_segment segments[SEGMENTS] = {
        { (uintptr_t)sectors + 1u, VPT_BLK_SECTOR_SIZE },
        { (uintptr_t)sectors + 1u + VPT_BLK_SECTOR_SIZE, VPT_BLK_SECTOR_SIZE },
    };
    const struct vpt_blk_request request = {
        .operation = VPT_BLK_READ, .sector = sector, .segments = segments, .segment_count = SEGMENTS
    };
    struct vpt_completion completion = { 0 };
    enum vpt_status status = vpt_blk_submit(&queue, &request, &device);

    status = status ? status : vpt_requests_kick(&queue.requests);
    protect(PROT_READ | PROT_WRITE);
    stub_device_serve(&device);
    protect(PROT_NONE);
    status = status ? status : vpt_requests_poll(&queue.requests, &completion);
    return status ? status : completion.status;
}

static bool run(uint32_t features, unsigned times)
{
    if (bring_up(features, times) != VPT_OK) {
        return false;
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t sector = i % (STUB_DISK_SECTORS - 1u);

        if (read_two(sector) != VPT_OK || sectors[1] != sector || sectors[sizeof(sectors) - 1u] != sector + 1u) {
            return false;
        }
    }
    vpt_requests_notifications_off(&queue.requests);
    (void)vpt_requests_notifications_on(&queue.requests);
    return !vpt_queue_has_used(&queue.requests.queue) && vpt_device_reset(&mmio.device) == VPT_OK &&
           vpt_requests_release(&queue.requests) == VPT_OK;
}

static bool each_was_accessed(bool tables)
{
    for (unsigned i = 0; i < AREAS; i++) {
        if ((accesses[i] == 0) == (i != TABLES || tables)) {
            return false;
        }
        accesses[i] = 0;
    }
    return true;
}

int main(void)
{
    static const uint32_t features[] = { 0, 1u << VPT_F_INDIRECT_DESC, 1u << VPT_F_EVENT_IDX,
                                         1u << VPT_F_INDIRECT_DESC | 1u << VPT_F_EVENT_IDX };

    if (!catch (SIGSEGV, on_fault) || !catch (SIGTRAP, on_step) || !catch (SIGBUS, on_unaligned)) {
        return 2;
    }
    protect(PROT_NONE);
    if (!traps()) {
        puts("this machine traps no unaligned access");
        return 1;
    }
    accesses[DESCRIPTORS] = 0;
    for (unsigned n = 0; n < 2u * sizeof(features) / sizeof(features[0]); n++) {
        unsigned i = n / 2u;

        if (!run(features[i], 1u + n % 2u) || !each_was_accessed((features[i] >> VPT_F_INDIRECT_DESC & 1u) != 0)) {
            printf("features 0x%08x: wrong\n", (unsigned)features[i]);
            return 1;
        }
    }
    return 0;
}
