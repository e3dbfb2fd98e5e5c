/* SPDX-License-Identifier: MIT */
/* Exception vectors. */
    .section .text, "ax"
    .global vectors
    .balign 2048
vectors:
    .rept 5
    .balign 128
    b trap
    .endr
    .balign 128
    b interrupt /* IRQ at EL1 with its own stack, as this kernel runs */
    .rept 10
    .balign 128
    b trap
    .endr

trap:
    adrp x0, kernel_stack_top
    add x0, x0, :lo12:kernel_stack_top
    mov sp, x0
    mrs x0, esr_el1
    mrs x1, elr_el1
    bl kernel_trap

/* Saves the registers that a C function may change; no others are in use. */
interrupt:
    sub sp, sp, #160
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    bl gic_interrupt
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x30, [sp, #144]
    add sp, sp, #160
    eret
