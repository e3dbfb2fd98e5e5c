/* SPDX-License-Identifier: MIT */
/* Entered by the PVH protocol: protected mode, flat segments, paging off, which is all that this kernel wants. */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4
    .long 4
    .long 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long _start

    .section .text.start, "ax"
    .global _start
_start:
    cli
    cld
    mov $kernel_bss_start, %edi
    mov $kernel_bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb

    mov $kernel_stack_top, %esp
    lidt interrupt_table_pointer
    xor %ebp, %ebp
    call kernel_main
1:
    hlt
    jmp 1b

    .section .rodata
/* No interrupt table: any exception is a triple fault, which -no-reboot turns into an end without success. */
interrupt_table_pointer:
    .word 0
    .long 0
