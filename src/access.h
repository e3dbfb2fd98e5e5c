/* SPDX-License-Identifier: MIT */
/*
 * Everything that plain C cannot express: volatile accesses, byte order, barriers, compiler builtins. No other file
 * has any of these. Under __FRAMAC__ the bodies are plain C. There a volatile read may give any value, as an untrusted
 * device may.
 */
#ifndef VPT_SRC_ACCESS_H
#define VPT_SRC_ACCESS_H

#include <vpt/types.h>

#define VPT_STATIC_ASSERT(condition, message)   _Static_assert(condition, message)
#define VPT_OFFSET_OF(type, member)             __builtin_offsetof(type, member)
#define VPT_CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-VPT_OFFSET_OF(type, member)))

#ifdef __FRAMAC__
#define VPT_UNLIKELY(condition) (condition)
#define VPT_INLINE              static inline
#define VPT_OUT_OF_LINE         static
#define VPT_COLD                static
#else
#define VPT_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define VPT_INLINE              static inline __attribute__((always_inline))
/* For functions that are kept out of their callers, to save registers or code. VPT_COLD: they are seldom called. */
#define VPT_OUT_OF_LINE         static __attribute__((noinline))
#define VPT_COLD                static __attribute__((noinline, cold))
#endif

/* For functions that are copied into each caller to save time, unless a build asks for small code. */
#ifdef __OPTIMIZE_SIZE__
#define VPT_FOR_SPEED        false
#define VPT_INLINE_FOR_SPEED static
#else
#define VPT_FOR_SPEED        true
#define VPT_INLINE_FOR_SPEED VPT_INLINE
#endif

#ifdef __FRAMAC__
#include <string.h> /* for its specification */
#endif

/* ---- Private memory ---- */

static inline void vpt_zero(void *object, size_t size)
{
#ifdef __FRAMAC__
    (void)memset(object, 0, size);
#else
    /* A freestanding build knows memset() by this name alone. Small objects need no call. */
    (void)__builtin_memset(object, 0, size);
#endif
}

/* Copies a few bytes of any alignment. The size is constant, so that this becomes loads and stores. */
static inline void vpt_copy(void *to, const void *from, size_t size)
{
#ifdef __FRAMAC__
    (void)memcpy(to, from, size);
#else
    (void)__builtin_memcpy(to, from, size);
#endif
}

/* ---- Byte order ---- */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define VPT_BIG_ENDIAN 1
#else
#define VPT_BIG_ENDIAN 0
#endif

VPT_INLINE uint16_t vpt_swap16(uint16_t value)
{
    return (uint16_t)((value >> 8) | (value << 8));
}

VPT_INLINE uint32_t vpt_swap32(uint32_t value)
{
    return ((uint32_t)vpt_swap16((uint16_t)value) << 16) | vpt_swap16((uint16_t)(value >> 16));
}

VPT_INLINE uint64_t vpt_swap64(uint64_t value)
{
    return ((uint64_t)vpt_swap32((uint32_t)value) << 32) | vpt_swap32((uint32_t)(value >> 32));
}

/*
 * Whether fields that are little-endian for the device need swapping here. It is false on little-endian CPUs, where the
 * native order of a legacy device is the same.
 */
VPT_INLINE bool vpt_swapped(bool device_order)
{
    return VPT_BIG_ENDIAN != 0 && device_order;
}

VPT_INLINE uint16_t vpt_order16(bool device_order, uint16_t value)
{
    return vpt_swapped(device_order) ? vpt_swap16(value) : value;
}

VPT_INLINE uint32_t vpt_order32(bool device_order, uint32_t value)
{
    return vpt_swapped(device_order) ? vpt_swap32(value) : value;
}

VPT_INLINE uint64_t vpt_order64(bool device_order, uint64_t value)
{
    return vpt_swapped(device_order) ? vpt_swap64(value) : value;
}

/* Returns two neighbouring 16-bit fields as the 32-bit value that stores them, in the CPU's order. */
VPT_INLINE uint32_t vpt_pair(bool device_order, uint16_t first, uint16_t second)
{
    if (VPT_BIG_ENDIAN != 0 && !device_order) {
        return ((uint32_t)first << 16) | second;
    }
    return ((uint32_t)second << 16) | first;
}

/*
 * How memory is accessed that another CPU or a device may access at the same time. The thread sanitizer takes a
 * volatile access for an ordinary one and does not know barriers, so it gets atomic accesses: acquire and release for
 * memory shared with the device, as the barriers around them say, and relaxed ones for the rest.
 */
#if defined(__SANITIZE_THREAD__)
#define VPT_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VPT_THREAD_SANITIZER
#endif
#endif

#ifdef VPT_THREAD_SANITIZER
#define VPT_SHARED_LOAD(type, address)         __atomic_load_n((const type *)(address), __ATOMIC_ACQUIRE)
#define VPT_SHARED_STORE(type, address, value) __atomic_store_n((type *)(address), value, __ATOMIC_RELEASE)
#define VPT_PLAIN_REGISTER_LOAD(type, address) __atomic_load_n((const volatile type *)(address), __ATOMIC_RELAXED)
#define VPT_PLAIN_REGISTER_STORE(type, address, value) \
    __atomic_store_n((volatile type *)(address), value, __ATOMIC_RELAXED)
#else
#define VPT_SHARED_LOAD(type, address)                 (*(const volatile type *)(address))
#define VPT_SHARED_STORE(type, address, value)         ((void)(*(volatile type *)(address) = (value)))
#define VPT_PLAIN_REGISTER_LOAD(type, address)         (*(const volatile type *)(address))
#define VPT_PLAIN_REGISTER_STORE(type, address, value) ((void)(*(volatile type *)(address) = (value)))
#endif

/*
 * For private scalars that are read without the lock under which they are written: by vpt_queue_has_used(),
 * vpt_device_gone(), vpt_device_check() and vpt_device_interrupt(), and by calls of a queue that read its device. Each
 * scalar is accessed as a whole, and read again each time.
 */
#if defined(__FRAMAC__)
#define VPT_READ_ONCE(object)         (object)
#define VPT_WRITE_ONCE(object, value) ((void)((object) = (value)))
#elif defined(VPT_THREAD_SANITIZER)
#define VPT_READ_ONCE(object)         __atomic_load_n(&(object), __ATOMIC_RELAXED)
#define VPT_WRITE_ONCE(object, value) __atomic_store_n(&(object), value, __ATOMIC_RELAXED)
#else
#define VPT_READ_ONCE(object)         (*(const volatile __typeof__(object) *)(const void *)&(object))
#define VPT_WRITE_ONCE(object, value) ((void)(*(volatile __typeof__(object) *)(void *)&(object) = (value)))
#endif

/* For a call of a function that has one parameter for reads and writes, and does not write through this pointer. */
VPT_INLINE void *vpt_unconst(const void *pointer)
{
#ifdef __FRAMAC__
    return (void *)pointer;
#else
    return (void *)(uintptr_t)pointer;
#endif
}

/* ---- Memory shared with the device: one scalar access each ---- */

VPT_INLINE uint8_t vpt_load8(const void *address)
{
    return VPT_SHARED_LOAD(uint8_t, address);
}

VPT_INLINE uint16_t vpt_load16(const void *address)
{
    return VPT_SHARED_LOAD(uint16_t, address);
}

VPT_INLINE uint32_t vpt_load32(const void *address)
{
    return VPT_SHARED_LOAD(uint32_t, address);
}

VPT_INLINE void vpt_store8(void *address, uint8_t value)
{
    VPT_SHARED_STORE(uint8_t, address, value);
}

VPT_INLINE void vpt_store16(void *address, uint16_t value)
{
    VPT_SHARED_STORE(uint16_t, address, value);
}

VPT_INLINE void vpt_store32(void *address, uint32_t value)
{
    VPT_SHARED_STORE(uint32_t, address, value);
}

VPT_INLINE void vpt_store64(void *address, uint64_t value)
{
    VPT_SHARED_STORE(uint64_t, address, value);
}

/* Of what is little-endian whatever the interface is. */
VPT_INLINE uint32_t vpt_load_little32(const void *address)
{
    return vpt_order32(true, vpt_load32(address));
}

VPT_INLINE void vpt_store_little32(void *address, uint32_t value)
{
    vpt_store32(address, vpt_order32(true, value));
}

/* ---- Barriers ---- */

#ifdef __FRAMAC__
#define VPT_FENCE(instruction) ((void)0)
#else
#define VPT_FENCE(instruction) __asm__ volatile(instruction ::: "memory")
#endif

/*
 * Each architecture defines a barrier between stores, one between loads, and a full one. Each has two strengths: weak,
 * when another CPU simulates the device, and strong, when the device is hardware (ORDER_PLATFORM). The last two of the
 * list are between memory and a device's registers.
 */
#if defined(__FRAMAC__)
#define VPT_FENCE_STORES()        VPT_FENCE("")
#define VPT_FENCE_LOADS()         VPT_FENCE("")
#define VPT_FENCE_FULL()          VPT_FENCE("")
#define VPT_FENCE_STRONG_STORES() VPT_FENCE("")
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE("")
#define VPT_FENCE_STRONG_FULL()   VPT_FENCE("")
#define VPT_FENCE_DOORBELL()      VPT_FENCE("")
#define VPT_FENCE_REGISTER_READ() VPT_FENCE("")

#elif defined(__x86_64__) || defined(__i386__)
#define VPT_FENCE_STORES() VPT_FENCE("")
#define VPT_FENCE_LOADS()  VPT_FENCE("")
/* A locked instruction on the stack does what mfence does for ordinary memory, at a fraction of the cost. */
#if defined(__x86_64__)
#define VPT_FENCE_FULL() __asm__ volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc")
#else
#define VPT_FENCE_FULL() __asm__ volatile("lock; orl $0, (%%esp)" ::: "memory", "cc")
#endif
#define VPT_FENCE_STRONG_STORES() VPT_FENCE("")
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE("")
#if defined(__x86_64__)
#define VPT_FENCE_STRONG_FULL() VPT_FENCE("mfence")
#else
#define VPT_FENCE_STRONG_FULL() VPT_FENCE_FULL() /* an i386 kernel may run without SSE2 */
#endif
#define VPT_FENCE_DOORBELL()      VPT_FENCE("")
#define VPT_FENCE_REGISTER_READ() VPT_FENCE("")

#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
#define VPT_FENCE_STORES() VPT_FENCE("dmb ishst")
#define VPT_FENCE_FULL()   VPT_FENCE("dmb ish")
#if defined(__aarch64__)
#define VPT_FENCE_LOADS()         VPT_FENCE("dmb ishld")
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE("dmb oshld")
#define VPT_FENCE_REGISTER_READ() VPT_FENCE("dmb oshld")
#else
#define VPT_FENCE_LOADS()         VPT_FENCE("dmb ish")
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE("dmb osh")
#define VPT_FENCE_REGISTER_READ() VPT_FENCE("dmb osh")
#endif
#define VPT_FENCE_STRONG_STORES() VPT_FENCE("dmb oshst")
#define VPT_FENCE_STRONG_FULL()   VPT_FENCE("dsb sy")
#define VPT_FENCE_DOORBELL()      VPT_FENCE("dmb oshst")

#elif defined(__riscv)
#define VPT_FENCE_STORES()        VPT_FENCE("fence w, w")
#define VPT_FENCE_LOADS()         VPT_FENCE("fence r, r")
#define VPT_FENCE_FULL()          VPT_FENCE("fence rw, rw")
#define VPT_FENCE_STRONG_STORES() VPT_FENCE("fence ow, ow")
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE("fence ir, ir")
#define VPT_FENCE_STRONG_FULL()   VPT_FENCE("fence iorw, iorw")
#define VPT_FENCE_DOORBELL()      VPT_FENCE("fence w, o")
#define VPT_FENCE_REGISTER_READ() VPT_FENCE("fence i, r")

#elif defined(__arm__)
/* Before ARMv7 the fence builtins are library calls. These CPUs have one core, and since ARMv6 the CP15 barrier. */
#if __ARM_ARCH == 6 && !defined(__thumb__)
#define VPT_FENCE_FULL() __asm__ volatile("mcr p15, 0, %0, c7, c10, 5" ::"r"(0) : "memory")
#else
#define VPT_FENCE_FULL() VPT_FENCE("")
#endif
#define VPT_FENCE_STORES()        VPT_FENCE_FULL()
#define VPT_FENCE_LOADS()         VPT_FENCE_FULL()
#define VPT_FENCE_STRONG_STORES() VPT_FENCE_FULL()
#define VPT_FENCE_STRONG_LOADS()  VPT_FENCE_FULL()
#define VPT_FENCE_STRONG_FULL()   VPT_FENCE_FULL()
#define VPT_FENCE_DOORBELL()      VPT_FENCE_FULL()
#define VPT_FENCE_REGISTER_READ() VPT_FENCE_FULL()

#else
#define VPT_FENCE_STORES()        __atomic_thread_fence(__ATOMIC_RELEASE)
#define VPT_FENCE_LOADS()         __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define VPT_FENCE_FULL()          __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define VPT_FENCE_STRONG_STORES() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define VPT_FENCE_STRONG_LOADS()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define VPT_FENCE_STRONG_FULL()   __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define VPT_FENCE_DOORBELL()      __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define VPT_FENCE_REGISTER_READ() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

/* Stores before it become visible before stores after it: a ring entry before its index (SPLIT-IDX-1). */
VPT_INLINE void vpt_barrier_stores(bool strong)
{
    if (strong) {
        VPT_FENCE_STRONG_STORES();
    } else {
        VPT_FENCE_STORES();
    }
}

/* Loads after it see nothing older than loads before it do: first a used index, then the element. */
VPT_INLINE void vpt_barrier_loads(bool strong)
{
    if (strong) {
        VPT_FENCE_STRONG_LOADS();
    } else {
        VPT_FENCE_LOADS();
    }
}

/* The store of an index comes before the load of what the device wants (SPLIT-KICK-1, D-SPLIT-6). */
VPT_INLINE void vpt_barrier_full(void)
{
    VPT_FENCE_FULL();
}

VPT_INLINE void vpt_barrier_strong_full(void)
{
    VPT_FENCE_STRONG_FULL();
}

/* Memory is written before the register that makes the device read it. */
VPT_INLINE void vpt_barrier_doorbell(void)
{
    VPT_FENCE_DOORBELL();
}

/* Memory is read after the register that says it has changed. */
VPT_INLINE void vpt_barrier_register_read(void)
{
    VPT_FENCE_REGISTER_READ();
}

/* ---- The CPU ---- */

/*
 * Returns the first letters of the name of a hypervisor or an emulator. Without one the value may be any; it is 0 if
 * the CPU lacks the instruction. No i386 CPU without the instruction has been seen with a virtio device.
 */
VPT_INLINE uint32_t vpt_cpuid_hypervisor(void)
{
    uint32_t name = 0;

#if (defined(__x86_64__) || defined(__i386__)) && !defined(__FRAMAC__)
    uint32_t leaf = 0x40000000u;

    __asm__ volatile("cpuid" : "+a"(leaf), "=b"(name) : : "ecx", "edx");
#endif
    return name;
}

/*
 * Whether the CPU is QEMU's own emulation, "TCGTCGTCGTCG". No other known name begins so, and a wrong guess would only
 * cost time.
 */
VPT_INLINE bool vpt_cpu_is_tcg(uint32_t name)
{
    return name == 0x54474354u;
}

/* ---- Registers: exactly one access of exactly the named width, in the register's byte order ---- */

/*
 * On arm and aarch64 these are assembly with a plain base register: compilers turn volatile accesses into write-back
 * addressing, which a hypervisor cannot emulate because the fault syndrome does not describe it.
 */
#if defined(__aarch64__) && !defined(__FRAMAC__)
#define VPT_REGISTER_LOAD(suffix, value, address) \
    __asm__ volatile("ldr" suffix " %w0, [%1]" : "=r"(value) : "r"(address) : "memory")
#define VPT_REGISTER_STORE(suffix, value, address) \
    __asm__ volatile("str" suffix " %w0, [%1]" ::"r"(value), "r"(address) : "memory")
#elif defined(__arm__) && !defined(__FRAMAC__)
#define VPT_REGISTER_LOAD(suffix, value, address) \
    __asm__ volatile("ldr" suffix " %0, [%1]" : "=r"(value) : "r"(address) : "memory")
#define VPT_REGISTER_STORE(suffix, value, address) \
    __asm__ volatile("str" suffix " %0, [%1]" ::"r"(value), "r"(address) : "memory")
#endif

VPT_INLINE uint32_t vpt_register_load8(const volatile void *address)
{
#ifdef VPT_REGISTER_LOAD
    uint32_t value;
    VPT_REGISTER_LOAD("b", value, address);
    return value;
#else
    return VPT_PLAIN_REGISTER_LOAD(uint8_t, address);
#endif
}

VPT_INLINE uint32_t vpt_register_load16(const volatile void *address)
{
#ifdef VPT_REGISTER_LOAD
    uint32_t value;
    VPT_REGISTER_LOAD("h", value, address);
    return value;
#else
    return VPT_PLAIN_REGISTER_LOAD(uint16_t, address);
#endif
}

VPT_INLINE uint32_t vpt_register_load32(const volatile void *address)
{
#ifdef VPT_REGISTER_LOAD
    uint32_t value;
    VPT_REGISTER_LOAD("", value, address);
    return value;
#else
    return VPT_PLAIN_REGISTER_LOAD(uint32_t, address);
#endif
}

VPT_INLINE void vpt_register_store8(volatile void *address, uint32_t value)
{
#ifdef VPT_REGISTER_STORE
    VPT_REGISTER_STORE("b", value, address);
#else
    VPT_PLAIN_REGISTER_STORE(uint8_t, address, (uint8_t)value);
#endif
}

VPT_INLINE void vpt_register_store16(volatile void *address, uint32_t value)
{
#ifdef VPT_REGISTER_STORE
    VPT_REGISTER_STORE("h", value, address);
#else
    VPT_PLAIN_REGISTER_STORE(uint16_t, address, (uint16_t)value);
#endif
}

VPT_INLINE void vpt_register_store32(volatile void *address, uint32_t value)
{
#ifdef VPT_REGISTER_STORE
    VPT_REGISTER_STORE("", value, address);
#else
    VPT_PLAIN_REGISTER_STORE(uint32_t, address, value);
#endif
}

#endif
