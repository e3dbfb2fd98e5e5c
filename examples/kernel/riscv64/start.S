/* SPDX-License-Identifier: MIT */
/* Every hart enters here in machine mode with paging off; a0 is the hart's number. Only hart 0 continues. */
    .section .text.start, "ax"
    .global _start
_start:
    bnez a0, park
    la t0, riscv64_vector
    csrw mtvec, t0
    la sp, kernel_stack_top
    la t0, kernel_bss_start
    la t1, kernel_bss_end
zero:
    bgeu t0, t1, zeroed
    sd zero, 0(t0)
    addi t0, t0, 8
    j zero
zeroed:
    call kernel_main
park:
    wfi
    j park
