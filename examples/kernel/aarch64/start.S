/* SPDX-License-Identifier: MIT */
/* Entered at EL1 by one CPU with the MMU off: all memory is device memory, where unaligned accesses trap. */
    .section .text.start, "ax"
    .global _start
_start:
    adrp x0, vectors
    add x0, x0, :lo12:vectors
    msr vbar_el1, x0
    adrp x0, kernel_stack_top
    add x0, x0, :lo12:kernel_stack_top
    mov sp, x0
    adrp x0, kernel_bss_start
    add x0, x0, :lo12:kernel_bss_start
    adrp x1, kernel_bss_end
    add x1, x1, :lo12:kernel_bss_end
zero:
    cmp x0, x1
    b.hs zeroed
    stp xzr, xzr, [x0], #16
    b zero
zeroed:
    bl kernel_main
