/* SPDX-License-Identifier: MIT */
/* Trap vector. Saves the registers that a C function may change; no others are in use. */
    .section .text, "ax"
    .global riscv64_vector
    .balign 4
riscv64_vector:
    addi sp, sp, -128
    sd a0, 0(sp)
    csrr a0, mcause
    bgez a0, trap
    sd ra, 8(sp)
    sd t0, 16(sp)
    sd t1, 24(sp)
    sd t2, 32(sp)
    sd t3, 40(sp)
    sd t4, 48(sp)
    sd t5, 56(sp)
    sd t6, 64(sp)
    sd a1, 72(sp)
    sd a2, 80(sp)
    sd a3, 88(sp)
    sd a4, 96(sp)
    sd a5, 104(sp)
    sd a6, 112(sp)
    sd a7, 120(sp)
    call plic_interrupt
    ld ra, 8(sp)
    ld t0, 16(sp)
    ld t1, 24(sp)
    ld t2, 32(sp)
    ld t3, 40(sp)
    ld t4, 48(sp)
    ld t5, 56(sp)
    ld t6, 64(sp)
    ld a1, 72(sp)
    ld a2, 80(sp)
    ld a3, 88(sp)
    ld a4, 96(sp)
    ld a5, 104(sp)
    ld a6, 112(sp)
    ld a7, 120(sp)
    ld a0, 0(sp)
    addi sp, sp, 128
    mret

trap:
    la sp, kernel_stack_top
    csrr a1, mepc
    call kernel_trap
